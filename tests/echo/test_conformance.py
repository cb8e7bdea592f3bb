"""The echo acceptor against what the session layer must do, a golden script a sentence, in every version it fits.

tests/golden/echo_*.txt are played through the real endpoint, framing and sessions; sockets and time are the script's.

    >  a message of the peer: 8, 9, 10, 49, 52 and 56 are filled in where they are not given; `-49` leaves one out
    ~  bytes as they are, `|` for SOH          .  the same as `>`, a byte at a time
    <  what must come back, `*` for anything   x  the connection ends
    +  time passes                             @  connect, logon [HeartBtInt], hangup
    a name before the sign is another connection: `b>`
"""

from __future__ import annotations

from pathlib import Path

import pytest
from echo_stage import VERSIONS, Script, Stage, read_scripts

GOLDEN = Path(__file__).parents[1] / "golden"


def cases() -> list[object]:
    return [
        pytest.param(script, version, id=f"{path.stem} {version}: {script.title}")
        for path in sorted(GOLDEN.glob("echo_*.txt"))
        for script in read_scripts(path)
        for version in script.settings.get("versions", ",".join(VERSIONS)).split(",")
    ]


@pytest.mark.parametrize(("script", "version"), cases())
def test_sentence(script: Script, version: str) -> None:
    stage = Stage(version, {key: text for key, text in script.settings.items() if key != "versions"})
    for number, line in script.lines:
        instead = stage.play(line)
        assert instead is None, f"{script.place} line {number}: expected {line!r}, there is {instead!r}"
    assert not stage.left_over(), f"{script.place}: said unasked: {stage.left_over()}"
    assert not stage.loop.problems, stage.loop.problems


def test_no_sentence_twice() -> None:
    titles = [script.title for path in sorted(GOLDEN.glob("echo_*.txt")) for script in read_scripts(path)]
    assert len(titles) == len(set(titles))
    assert all(titles)
