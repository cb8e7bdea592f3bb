"""Commands whose output has nowhere to go: one line on stderr and a status that says so, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.admin.streams import LOST

ROOT = Path(__file__).parents[2]
CAPTURES = ROOT / "tests" / "golden" / "captures"
RFQCTL = (sys.executable, "-m", "engine.admin.cli")
RFQD = (sys.executable, "-m", "engine")

COMMANDS = [
    pytest.param((*RFQCTL, "rules", "check"), id="rules check"),
    pytest.param((*RFQCTL, "rules", "fields"), id="rules fields"),
    pytest.param((*RFQCTL, "fix", "decode", str(CAPTURES / "session.log")), id="fix decode"),
    pytest.param((*RFQCTL, "help", "order", "new"), id="help"),
    pytest.param((*RFQCTL, "--help"), id="--help"),
    pytest.param((*RFQCTL, "--version"), id="--version"),
    pytest.param((*RFQD, "check"), id="rfqd check"),
    pytest.param((*RFQD, "--help"), id="rfqd --help"),
    pytest.param((sys.executable, "-m", "judging", "--help"), id="a script"),
]


def run(words: Sequence[str], redirected: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT / "scripts"), str(ROOT)])
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirected}', "sh", *words],
        cwd=ROOT,
        env={**env, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", COMMANDS)
def test_a_full_disk_and_a_closed_stream(words: Sequence[str]) -> None:
    for redirected, why in (("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
        ended = run(words, redirected)
        last = ended.stderr.splitlines()[-1]
        assert (ended.returncode, "Traceback" in ended.stderr) == (LOST, False), ended.stderr
        assert f"the output could not be written: {why}" in last
        assert [line for line in ended.stderr.splitlines() if not line.startswith("warning: ")] == [last]


@pytest.mark.parametrize("redirected", ["2> /dev/full", "2>&-"])
def test_a_mistake_that_no_stderr_takes_has_its_status(redirected: str) -> None:
    for words, status in (
        ((*RFQCTL, "rules", "check", "nowhere.rules"), 2),
        ((*RFQCTL, "status", "--socket", "nowhere.sock"), 3),
        ((*RFQCTL, "no-such-command"), 2),
        ((*RFQD, "check", "--config", "nowhere.toml"), 2),
    ):
        assert run(words, redirected).returncode == status, words


def test_all_streams_closed() -> None:
    assert run((*RFQCTL, "rules", "check"), "<&- >&- 2>&-").returncode == LOST


def test_a_capture_from_a_closed_stdin() -> None:
    ended = run((*RFQCTL, "fix", "decode", "-"), "<&-")
    assert ended.returncode == LOST
    assert ended.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_mistake() -> None:
    for words in ((*RFQCTL, "rules", "fields"), (*RFQCTL, "--help")):
        reading, writing = os.pipe()
        os.close(reading)
        ended = subprocess.run(words, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
        os.close(writing)
        assert (ended.returncode, ended.stderr) == (0, b"")


def test_signs_that_a_terminal_does_not_have_are_shown_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    (line,) = [
        line for line in run((*RFQCTL, "rules", "check", "caf\xe9.rules"), "").stderr.splitlines() if "caf" in line
    ]
    assert "Traceback" not in line


def test_the_number_of_a_closed_stream_goes_to_no_other_file(tmp_path: Path) -> None:
    found = tmp_path / "found"
    code = (
        "from engine.admin import streams; streams.hold(); import os; "
        f"n = os.open({str(found)!r}, os.O_CREAT | os.O_WRONLY); os.write(n, str(n).encode())"
    )
    run((sys.executable, "-c", code), "<&- >&- 2>&-")
    assert int(found.read_text()) > 2
