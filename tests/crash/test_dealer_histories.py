"""Random histories of dealers against the running daemon, on real sockets: what they truly traded, and what was told.

Five dealers, programs of their own that share no code with the engine, fill in parts, tell of it late, twice, under two
names, wrongly or never, by 8 or AE, take trades back and correct them, before or after they told of them, and lose
connections, while the OMS replaces and cancels. Their own books are then held against the journal, the OMS and the drop
copy.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HABITS = (
    "parts=0.6,stops=0.25,by_status=0.3,by_cancel=0.4,shuffles=0.4,repeats=0.4,busts=0.12,corrects=0.12,early=0.25,"
    "reopens=0.3,twice=0.1,silent=0.05,drops=0.05,misprints=0.05,reports=0.2,reports_alone=0.2,nameless=0.3"
)


@pytest.mark.parametrize(
    ("orders", "seed"),
    [
        pytest.param(15, 1, id="15 orders"),
        *(pytest.param(150, seed, id=f"150 orders, seed {seed}", marks=pytest.mark.full) for seed in (2, 3)),
    ],
)
def test_what_dealers_truly_traded_is_told_or_a_person_knows(orders: int, seed: int) -> None:
    command = [sys.executable, "-m", "crash", "--kills", "0", "--orders", str(orders), "--seed", str(seed)]
    command += ["--interval-s", "4", "--habits", HABITS]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing unsaid" in done.stdout
