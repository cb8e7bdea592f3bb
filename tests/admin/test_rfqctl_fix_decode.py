"""`rfqctl fix decode` at a terminal and as programs see it: names, values, what is wrong, and how it ends.

tests/golden/rfqctl_fix_decode.txt holds commands as typed, each followed by what the terminal shows; it is run where
the sample captures lie, which are invented.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.admin import cli
from engine.admin.fix_decode import PROGRESS_FROM_BYTES, PROGRESS_PAUSE_S, Progress, progress_line

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
TRANSCRIPT = GOLDEN / "rfqctl_fix_decode.txt"
CAPTURES = GOLDEN / "captures"


@pytest.fixture(autouse=True)
def _among_the_captures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CAPTURES)


def shown(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the terminal shows for one line of the transcript, with an exit status that is not 0."""
    status = cli.main(line.split()[2:])
    caught = capsys.readouterr()
    end = f"[exit {status}]" if status else ""
    return "\n".join(part.strip("\n") for part in (caught.out, caught.err, end) if part.strip("\n"))


def commands(text: str) -> list[tuple[str, str]]:
    """(line that begins with $, what follows it)"""
    parts = ("\n" + text).split("\n$ ")[1:]
    return [(f"$ {line}", rest.strip("\n")) for line, _, rest in (part.partition("\n") for part in parts)]


def test_transcript(capsys: pytest.CaptureFixture[str]) -> None:
    script = commands(TRANSCRIPT.read_text())
    assert len(script) >= 5
    for line, expected in script:
        assert shown(line, capsys) == expected, line


# --- the same messages in another form -----------------------------------------------------------


def decoded(data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    path = tmp_path / "capture"
    path.write_bytes(data)
    cli.main(["fix", "decode", str(path), "--json", *options])
    return [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_raw_stream_without_line_ends_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = (CAPTURES / "session.log").read_bytes()
    # Two lines hold no whole message, and one a value with a pipe in it.
    whole = [line.partition(b"8=FIX")[2] for line in log.splitlines() if b"8=FIX" in line and b"|10=" in line]
    whole = [line for line in whole if b"2|now" not in line]
    stream = b"".join(b"8=FIX" + line.replace(b"|", b"\x01") for line in whole)
    printed = b"".join(b"8=FIX" + line + b"\n" for line in whole)
    ours, theirs = decoded(stream, tmp_path, capsys), decoded(printed, tmp_path, capsys)
    assert len(ours) == len(whole) + 1 == len(theirs)
    for one, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert one["fields"] == other["fields"]
        assert one["wrong"] == other["wrong"]
    assert ours[-1]["summary"]["outside_bytes"] == 0


def test_fields_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill = decoded((CAPTURES / "session.log").read_bytes(), tmp_path, capsys, "--raw")[2]
    assert (fill["message"], fill["line"], fill["time"], fill["direction"], fill["delimiter"]) == (
        3,
        4,
        "2026-03-02T14:31:07.300004Z",
        "in",
        "|",
    )
    assert (fill["msg_type"], fill["name"], fill["dictionary"]) == ("8", "ExecutionReport", "FIX.4.4")
    by_tag = {field["tag"]: field for field in fill["fields"]}
    assert by_tag[54] == {"tag": 54, "name": "Side", "value": "1", "meaning": "Buy"}
    first, second = by_tag[453]["entries"]
    assert [field["tag"] for field in first] == [448, 447, 452, 802]
    assert [[field["value"] for field in entry] for entry in first[3]["entries"]] == [["desk 4", "2"]]
    assert second[2]["meaning"] == "ClearingFirm"
    assert fill["raw"].startswith("8=FIX.4.4|9=325|35=8|")
    assert (fill["wrong"], fill["notes"]) == ([], [])


def test_what_is_wrong_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *messages, last = decoded((CAPTURES / "session.log").read_bytes(), tmp_path, capsys, "--only-wrong")
    assert [message["message"] for message in messages] == [5, 8, 9, 10, 11, 12]
    assert messages[2]["wrong"] == [
        {"kind": "length", "text": "BodyLength(9) is 75, found 65", "stated": "75", "found": "65"}
    ]
    summary = last["summary"]
    assert (summary["messages"], summary["wrong"], summary["compared"], summary["read_alike"]) == (14, 6, 8, 8)
    assert summary["wrong_by_kind"]["cut_off"] == 1


def test_nothing_secret_leaves_in_any_form(capsys: pytest.CaptureFixture[str]) -> None:
    for options in ([], ["--raw"], ["--json"], ["--json", "--raw"], ["--validation", "strict"]):
        cli.main(["fix", "decode", "session.log", *options])
        caught = capsys.readouterr()
        assert "not-to-be-seen" not in caught.out + caught.err
        assert "sec" not in caught.out.replace("SecurityID", "").replace("seconds", "")


@pytest.mark.parametrize("piece", ["0554=hidden|", "554 =hidden|", "58=8=FIX.4.4,554=hidden|", "+554=hidden|"])
def test_what_only_looks_like_a_password_is_masked_too(
    piece: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "capture"
    path.write_text(f"8=FIX.4.4|9=5|35=A|{piece}10=000|\n")
    for options in (["--raw"], ["--json", "--raw"]):
        cli.main(["fix", "decode", str(path), *options])
        assert "hidden" not in capsys.readouterr().out


def test_one_reading_says_nothing_of_another(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fix", "decode", "spellings.log", "--one-reading"]) == 0
    assert "simplefix" not in capsys.readouterr().out


# --- dictionaries --------------------------------------------------------------------------------

XML = """<fix type="FIX" major="4" minor="1">
 <header><field name="BeginString" required="Y"/><field name="BodyLength" required="Y"/>
  <field name="MsgType" required="Y"/><field name="MsgSeqNum" required="Y"/><field name="SenderCompID" required="Y"/>
  <field name="SendingTime" required="Y"/><field name="TargetCompID" required="Y"/></header>
 <trailer><field name="CheckSum" required="Y"/></trailer>
 <messages><message name="Pulse" msgtype="0" msgcat="admin"><field name="Beat" required="Y"/></message></messages>
 <components/>
 <fields>
  <field number="8" name="BeginString" type="STRING"/><field number="9" name="BodyLength" type="LENGTH"/>
  <field number="35" name="MsgType" type="STRING"><value enum="0" description="PULSE"/></field>
  <field number="34" name="MsgSeqNum" type="SEQNUM"/><field number="49" name="SenderCompID" type="STRING"/>
  <field number="52" name="SendingTime" type="UTCTIMESTAMP"/><field number="56" name="TargetCompID" type="STRING"/>
  <field number="5001" name="Beat" type="CHAR"/><field number="10" name="CheckSum" type="STRING"/>
 </fields>
</fix>"""


def test_a_dictionary_of_the_version_names_and_validates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    xml = tmp_path / "own.xml"
    xml.write_text(XML)
    assert cli.main(["fix", "decode", "session.log", "--only-wrong", "--dictionary", str(xml)]) == 1
    out = capsys.readouterr().out
    assert "TEAK to BUYSIDE, Pulse(0), MsgSeqNum 1" in out
    assert "wrong: Beat(5001) is missing" in out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        pytest.param(["nope.log"], "nope.log: cannot be read: No such file or directory", id="no such file"),
        pytest.param(["."], ".: cannot be read: Is a directory", id="a folder"),
        pytest.param(["session.log", "--dictionary", "nope.xml"], "nope.xml: cannot be read", id="no dictionary"),
        pytest.param(
            ["session.log", "--dictionary", "session.log"], "session.log: the dictionary is no XML", id="no XML"
        ),
        pytest.param(["session.log", "--begin-string", "FIX.4.3"], "no dictionary of FIX.4.3: expected", id="version"),
        pytest.param([], "the following arguments are required: FILE", id="no file"),
        pytest.param(["session.log", "--validation", "strictly"], "did you mean 'strict'?", id="no such mode"),
    ],
)
def test_mistakes_get_one_line_and_status_2(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = cli.main(["fix", "decode", *words])
    except SystemExit as end:
        status = int(end.code or 0)
    caught = capsys.readouterr()
    assert (status, caught.out) == (2, "")
    assert text in caught.err
    assert len(caught.err.splitlines()) == 1


def test_help_says_what_can_be_read_and_how_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["fix", "decode", "--help"])
    out = capsys.readouterr().out
    assert r"|, ^A, ;, <SOH>, \x01, \u0001" in out
    assert "exit status: 0 nothing is wrong, 1 some message is wrong" in out


# --- as a process --------------------------------------------------------------------------------


def test_the_standard_input_is_read_as_it_comes() -> None:
    command = [sys.executable, "-m", "engine.admin.cli", "fix", "decode", "-"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    data = (CAPTURES / "spellings.log").read_bytes()
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"messages   6: 5 Heartbeat(0), 1 ExecutionReport(8)" in done.stdout


# --- progress ------------------------------------------------------------------------------------


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_says_how_far_how_fast_and_how_long_yet() -> None:
    assert progress_line(12_000_000, 48_000_000, 4.0, 40_000) == (
        "decoded 12.0 of 48.0 MB (25%), 40,000 messages, 3.0 MB/s, 0:12 left"
    )
    assert progress_line(12_000_000, None, 4.0, 40_000) == "decoded 12.0 MB, 40,000 messages, 3.0 MB/s"
    assert progress_line(1_000_000, 400_000_000, 1.0, 10).endswith("6:39 left")
    assert progress_line(500, 400, 0.0, 0) == "decoded 0.0 of 0.0 MB (125%), 0 messages, 0.0 MB/s"


def test_progress_is_drawn_on_a_terminal_and_makes_room() -> None:
    screen = Screen()
    progress = Progress(PROGRESS_FROM_BYTES, screen)
    progress._shown_at -= PROGRESS_PAUSE_S
    progress.advance(65_536, 10)
    assert screen.getvalue().startswith("\r\x1b[Kdecoded 0.1 of 4.0 MB (1%), 10 messages")
    progress.clear()
    assert screen.getvalue().endswith("left\r\x1b[K")


@pytest.mark.parametrize(
    ("size", "screen", "quiet"),
    [
        pytest.param(PROGRESS_FROM_BYTES - 1, Screen(), False, id="a small file"),
        pytest.param(PROGRESS_FROM_BYTES, io.StringIO(), False, id="no terminal"),
        pytest.param(None, Screen(), True, id="the messages themselves are on the screen"),
    ],
)
def test_progress_is_not_drawn_for(size: int | None, screen: io.StringIO, quiet: bool) -> None:
    progress = Progress(size, screen, quiet)
    progress._shown_at -= PROGRESS_PAUSE_S
    progress.advance(65_536, 10)
    progress.clear()
    assert screen.getvalue() == ""


# --- what cannot be read -------------------------------------------------------------------------


def test_what_could_not_be_read_is_said_and_has_a_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "capture"
    path.write_bytes(b"> 8=FIX.4.4 then 9=5 then 35=0 then 10=161\n")
    assert cli.main(["fix", "decode", str(path)]) == 1
    caught = capsys.readouterr()
    assert "messages" in caught.out
    assert (
        caught.err
        == f"rfqctl: {path}: 1 line looks like FIX and could not be read, first line 1: fields without a known SOH\n"
    )
    assert cli.main(["fix", "decode", str(path), "--json"]) == 1
    assert orjson.loads(capsys.readouterr().err)["error"]["code"] == "unread"


def test_a_capture_in_utf_16_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = (CAPTURES / "session.log").read_bytes()
    ours = decoded(log, tmp_path, capsys)
    theirs = decoded(log.decode("utf-8").encode("utf-16"), tmp_path, capsys)
    assert [each.get("fields") for each in ours] == [each.get("fields") for each in theirs]
