"""Random histories of dealers against the running daemon, on real sockets: what they truly traded, and what was told.

Five dealers, programs of their own that share no code with the engine, fill in parts, tell of it late, twice, under two
names, wrongly or never, by 8 or AE, take trades back and correct them, before or after they told of them, and lose
connections, while the OMS replaces and cancels. Their own books are then held against the journal, the OMS and the drop
copy, and every message that anybody was sent against QuickFIX's dictionary.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop_nursery import ROOT
from interop_quickfix import specs
from paper.store import StoreReader

HABITS = (
    "parts=0.6,stops=0.25,by_status=0.3,by_cancel=0.4,shuffles=0.4,repeats=0.4,busts=0.12,corrects=0.12,early=0.25,"
    "reopens=0.3,twice=0.1,silent=0.05,drops=0.05,misprints=0.05,reports=0.2,reports_alone=0.2,nameless=0.3"
)
KEPT = "everything of this run is in "


@pytest.fixture
def run_dirs() -> Iterator[list[Path]]:
    """Folders of runs that came to a good end: nobody has to look at them."""
    kept: list[Path] = []
    yield kept
    for folder in kept:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("orders", "seed"),
    [
        pytest.param(15, 1, id="15 orders"),
        *(pytest.param(150, seed, id=f"150 orders, seed {seed}", marks=pytest.mark.full) for seed in (2, 3)),
    ],
)
def test_what_dealers_truly_traded_is_told_or_a_person_knows(orders: int, seed: int, run_dirs: list[Path]) -> None:
    quickfix = pytest.importorskip("quickfix", reason="QuickFIX is not installed: pip install -e '.[interop]'")
    command = [sys.executable, "-m", "crash", "--kills", "0", "--orders", str(orders), "--seed", str(seed)]
    command += ["--interval-s", "4", "--habits", HABITS, "--keep"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing unsaid" in done.stdout
    run_dir = Path(done.stdout.partition(KEPT)[2].strip())
    heard = Counter[str]()
    dictionary = quickfix.DataDictionary(str(specs() / "FIX44.xml"))
    for kind, text in sent_by_the_engine(run_dir):
        heard[kind] += 1
        dictionary.validate(quickfix.Message(text, dictionary, True))
    assert {"8", "R", "D", "H", "AR"} <= heard.keys()
    run_dirs.append(run_dir)


def sent_by_the_engine(run_dir: Path) -> Iterator[tuple[str, str]]:
    """MsgType(35) and the whole of every message that a party has received."""
    for path in (run_dir / "paper").glob("*.db"):
        reader = StoreReader(path)
        for stored in reader.messages():
            if stored.direction == "in":
                yield stored.msg_type, stored.raw.decode("latin-1")
        reader.close()


def test_the_dictionary_finds_what_is_not_as_it_has_to_be() -> None:
    quickfix = pytest.importorskip("quickfix", reason="QuickFIX is not installed: pip install -e '.[interop]'")
    dictionary = quickfix.DataDictionary(str(specs() / "FIX44.xml"))
    message = quickfix.Message()
    for tag, value in ((8, "FIX.4.4"), (35, "AR"), (49, "A"), (56, "B"), (34, "1"), (52, "20261130-10:00:00")):
        message.getHeader().setField(tag, value)
    for tag, value in ((571, "T1"), (55, "[N/A]")):
        message.setField(tag, value)
    with pytest.raises(quickfix.RequiredTagMissing):  # ExecType(150)
        dictionary.validate(quickfix.Message(message.toString(), dictionary, True))
