"""What was learnt of a long past, kept in a file beside the journal: a start takes it up and need not learn it again.

A copy of what the journal says, and never more: whoever has none, or one of another journal, other parameters or other
code, learns from the journal and comes to the same numbers, to the bit. It is read with the few classes that it is made
of, so that nothing in it can be run.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import engine
from engine.dealers.estimates import EstimateParameters
from engine.desk.learning import Learning
from engine.journal.archive import ReadOnly

log = logging.getLogger(__name__)

SUFFIX: Final = ".learnt"
_MAGIC: Final = b"rfq learnt 1\n"
_HASHED_AT_ONCE: Final = 1_048_576
_DIGEST_BYTES: Final = 32
_MADE_BY: Final = ("clock.py", "dealers", "domain", "desk/learning.py", "journal/event_codec.py")
_CLASSES: Final = ("engine.dealers.", "engine.domain.")
_VALUES: Final = frozenset({("decimal", "Decimal"), ("datetime", "date")})


@dataclass(frozen=True, slots=True)
class About:
    """What a kept file was made of: the first `observations` of a journal, behind its event `up_to`."""

    journal: str
    up_to: int
    observations: int
    parameters: str
    made_by: str


class NotKept(Exception):
    """There is no file, or it cannot be used; the text says why."""


def path_of(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}{SUFFIX}")


def about(file: ReadOnly, up_to: int, observations: int, parameters: EstimateParameters) -> About:
    """Of an open journal."""
    return About(_name_of(file, up_to), up_to, observations, repr(asdict(parameters)), made_by())


def keep(path: Path, made_of: About, learning: Learning) -> None:
    """Whole or not at all. Raises OSError."""
    part, digest = path.with_name(f"{path.name}.part"), hashlib.sha256()
    with part.open("wb") as out:
        os.fchmod(out.fileno(), 0o600)

        def put(data: bytes) -> None:
            digest.update(data)
            out.write(data)

        put(_MAGIC)
        put(json.dumps(asdict(made_of)).encode() + b"\n")
        for one in learning.parts():
            put(pickle.dumps(one, protocol=5))
        out.write(digest.digest())
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)


def head_of(path: Path) -> About:
    """What a file says it is made of. Raises NotKept."""
    try:
        with path.open("rb") as file:
            return _head(file)
    except OSError as error:
        raise NotKept(error.strerror or str(error)) from error


def reading(path: Path, into: Learning) -> Iterator[None]:
    """Take a kept file up into a learning of its parameters that is empty, a part of a millisecond a step.

    Raises NotKept if it is not whole: then what it was to be taken up into is of no use.
    """
    try:
        with path.open("rb") as file:
            for _ in _checking(file):
                yield
            file.seek(0)
            _head(file)
            end = path.stat().st_size - _DIGEST_BYTES
            while file.tell() < end:
                into.put(*_Reading(file).load())
                yield
    except OSError as error:
        raise NotKept(error.strerror or str(error)) from error
    except (pickle.UnpicklingError, ValueError, KeyError, AttributeError, TypeError, EOFError) as error:
        raise NotKept(f"it cannot be read: {error}") from error


def _head(file: BinaryIO) -> About:
    if file.readline(len(_MAGIC)) != _MAGIC:
        raise NotKept("it is no file of what was learnt")
    try:
        return About(**json.loads(file.readline()))
    except (ValueError, TypeError) as error:
        raise NotKept(f"its first line cannot be read: {error}") from error


def _checking(file: BinaryIO) -> Iterator[None]:
    """Raises NotKept if a byte of it is not what was written."""
    left, digest = os.fstat(file.fileno()).st_size - _DIGEST_BYTES, hashlib.sha256()
    while left > 0:
        data = file.read(min(left, _HASHED_AT_ONCE))
        if not data:
            break
        digest.update(data)
        left -= len(data)
        yield
    if file.read() != digest.digest():
        raise NotKept("it is not whole")


class _Reading(pickle.Unpickler):
    """Knows values of ours and numbers, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _VALUES or module.startswith(_CLASSES):
            found = super().find_class(module, name)
            # Not what the module has from elsewhere: a name could lead anywhere by way of it.
            if isinstance(found, type) and (found.__module__, found.__qualname__) == (module, name):
                return found
        raise NotKept(f"it speaks of {module}.{name}")


def _name_of(file: ReadOnly, up_to: int) -> str:
    """A journal up to an event, by the chain: two journals that say the same so far are the same so far."""
    found = file.query(
        "SELECT hex(hash) FROM turns WHERE turn_seq = (SELECT turn_seq FROM events WHERE seq = ?)", (up_to,)
    )
    return str(found[0][0]) if found else ""


@lru_cache(maxsize=1)
def made_by() -> str:
    """The code that learns: of another one nothing is taken up."""
    digest, root = hashlib.sha256(), Path(engine.__file__).parent
    for name in _MADE_BY:
        place = root / name
        for source in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(source.read_bytes())
    return digest.hexdigest()
