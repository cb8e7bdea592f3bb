"""What is mutated: invented messages of every kind the engine knows, and real captured streams where there are any.

The captured streams are found in the data folder that RFQ_TEST_DATA names. They are read, never copied.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from engine.fix.standard.dictionaries import built_in, load_quickfix_xml
from engine.fix.standard.dictionary import Dictionary
from fuzzing.generating import SOH, Generator, joined

ROOT: Final = Path(__file__).resolve().parents[2]
NO_DATA: Final = ROOT / "var" / "no data"
DATA: Final = Path(os.environ.get("RFQ_TEST_DATA", NO_DATA)) / "fix"

_FRAME: Final = re.compile(rb"8=(FIX[^\x01]*)\x019=[0-9]+\x01(35=[^\n]*?\x01)10=[0-9]{3}\x01")
_FULLNESS: Final = (0.0, 0.05, 0.15, 0.4)
"""Of the invented messages of each type; full ones are ten times as long and show nothing else."""
_REAL_MAX: Final = 400
"""Messages of one captured stream: one session repeats itself two thousand times."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A message taken apart: `fields` are `tag=value` from MsgType(35) to before CheckSum(10)."""

    begin_string: bytes
    fields: tuple[bytes, ...]

    @property
    def msg_type(self) -> str:
        return self.fields[0].partition(b"=")[2].decode("latin-1")


def taken_apart(begin_string: bytes, content: bytes) -> Sample:
    """`content` begins at MsgType(35) and ends in SOH; data fields fall apart at their SOH, and are put together so."""
    return Sample(begin_string, tuple(content[:-1].split(SOH)))


def invented(dictionaries: Iterable[Dictionary], rng: Random) -> list[Sample]:
    """A few messages of every type of these dictionaries, from bare to full."""
    samples = []
    for dictionary in dictionaries:
        generator = Generator(dictionary, rng)
        for msg_type in sorted(dictionary.messages):
            for fullness in _FULLNESS:
                content = joined(generator.fields(msg_type, fullness))
                samples.append(taken_apart(dictionary.begin_string.encode(), content))
    return samples


def captured(folder: Path) -> list[Sample]:
    """Messages of every file in a folder; none where there is none."""
    samples = []
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.name.endswith(".txt"):
            found = list(dict.fromkeys(_FRAME.findall(path.read_bytes())))
            step = max(1, len(found) // _REAL_MAX)
            samples += [taken_apart(begin, content) for begin, content in found[::step]]
    return samples


def built_in_dictionaries() -> dict[str, Dictionary]:
    return {
        "FIX.4.2": built_in("FIX.4.2"),
        "FIX.4.4": built_in("FIX.4.4"),
        "FIXT.1.1": built_in("FIXT.1.1"),
    }


def file_dictionaries(folder: Path = DATA / "dict") -> dict[str, Dictionary]:
    """QuickFIX's own dictionaries, where the data folder has them."""
    if not (folder / "FIX50SP2.xml").exists():
        return {}
    read = {path.stem: load_quickfix_xml(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.xml"))}
    found = {f"{name}.xml": read[name] for name in ("FIX42", "FIX44")}
    return found | {"FIX50SP2.xml": read["FIX50SP2"].with_transport(read["FIXT11"])}


@dataclass(frozen=True, slots=True)
class Corpus:
    """Samples, and the dictionaries that messages are read with."""

    samples: Sequence[Sample]
    dictionaries: Mapping[str, Dictionary]
    real: int
    """How many of the samples are from captured streams."""


def corpus(folder: Path | None = None) -> Corpus:
    """The whole corpus; captured streams come from `folder`, or from the data folder."""
    ours = built_in_dictionaries()
    real = captured(folder or DATA / "logs")
    return Corpus([*invented(ours.values(), Random(20111)), *real], ours | file_dictionaries(), len(real))
