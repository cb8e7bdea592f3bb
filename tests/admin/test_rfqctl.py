"""rfqctl against a live admin socket with a seeded desk behind it: what people see, and how it ends.

The golden transcript holds commands as a person types them, each followed by what the terminal shows. Lines that begin
with `!` are what happens meanwhile: `! quote ORDER DEALER PRICE`, `! fill ORDER`, `! advance SECONDS`, `! mark` (the
prices of before, again); at a peer of a session: `! log_on KEY`, `! say KEY MSGTYPE TAG=VALUE ...`, `! cut KEY`.
"""

from __future__ import annotations

import datetime
import os
import pty
import select
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from admin_daemon import Daemon
from desk_builder import FakePhase
from desk_past import HIGH_YIELD
from session_world import SessionWorld

from engine import __version__
from engine.admin import cli
from engine.admin.client import AdminClient
from engine.app import main as rfqd
from engine.errors import CommandError
from engine.fix.session.schedule import Schedule

TRANSCRIPT = Path(__file__).parents[1] / "golden" / "rfqctl.txt"
SESSION_TRANSCRIPT = Path(__file__).parents[1] / "golden" / "rfqctl_session.txt"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    running = Daemon(tmp_path)
    yield running
    running.close()


def rfqctl(daemon: Daemon | None, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The real thing, as a process."""
    where = ["--socket", str(daemon.socket)] if daemon is not None else []
    command = [sys.executable, "-m", "engine.admin.cli", *words, *where]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd, env=environment)
    assert "Traceback" not in done.stderr
    return done


@contextmanager
def watching(daemon: Daemon, *words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """`rfqctl watch` as a process that has subscribed; ended with the test."""
    command = [sys.executable, "-m", "engine.admin.cli", "watch", *words, "--socket", str(daemon.socket)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, text=True, cwd=ROOT, **{**pipes, **options})
    try:
        _until(lambda: daemon.subscribers() == 1 or process.poll() is not None)
        yield process
    finally:
        process.kill()
        process.communicate()


def chunks(text: str) -> list[tuple[str, str]]:
    """(line that begins with $ or !, what follows it)"""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith(("$ ", "! ")):
            found.append((line, []))
        elif found:
            found[-1][1].append(line)
    return [(line, "\n".join(rest).strip("\n")) for line, rest in found]


def shown(daemon: Daemon, line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the terminal shows for one line of the transcript: output, errors, and an exit status that is not 0."""
    kind, _, rest = line.partition(" ")
    if kind == "!":
        daemon.do(rest)
        return ""
    status = cli.main([*shlex.split(rest)[1:], "--socket", str(daemon.socket)])
    caught = capsys.readouterr()
    end = f"[exit {status}]" if status else ""
    return "\n".join(part.strip("\n") for part in (caught.out, caught.err, end) if part.strip("\n"))


def test_transcript(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    script = chunks(TRANSCRIPT.read_text())
    assert len(script) > 20
    for line, expected in script:
        assert shown(daemon, line, capsys) == expected, line


def test_transcript_of_sessions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = chunks(SESSION_TRANSCRIPT.read_text())
    assert len(script) > 20
    daemon = Daemon(tmp_path, SessionWorld())
    try:
        for line, expected in script:
            assert shown(daemon, line, capsys) == expected, line
    finally:
        daemon.close()


def test_a_closed_session_is_not_shown_as_down(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.world.close("ash", "08:00 America/New_York")
    daemon.world.machine.sessions["oak"].phase = FakePhase.disconnected
    status = shown(daemon, "$ rfqctl status", capsys)
    assert "\ndown        oak\n" in status
    assert "\nclosed      ash is closed until 08:00 America/New_York" in status
    profile = shown(daemon, "$ rfqctl dealers ash", capsys)
    assert "\nsession     ash, closed until 08:00 America/New_York; last asked " in profile
    listed = shown(daemon, "$ rfqctl dealers", capsys).splitlines()
    assert next(line for line in listed if " ash " in line).endswith("closed until 08:00 America/New_York")


def test_a_session_is_shown_with_its_hours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schedule = Schedule.daily(ZoneInfo("Europe/London"), datetime.time(8), datetime.time(14), reset=True)
    daemon = Daemon(tmp_path, SessionWorld(schedule=schedule))
    try:
        assert "ash       dealer    ASH       closed until Tue 08:00 Europe/London" in shown(
            daemon, "$ rfqctl sessions", capsys
        )
        assert (
            "\nhours         closed until Tue 08:00 Europe/London; numbers begin anew Tue 08:00 Europe/London\n"
            in shown(daemon, "$ rfqctl session show ash", capsys)
        )
    finally:
        daemon.close()


def test_what_a_peer_says_does_nothing_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = SessionWorld()
    world.log_on("oms")
    world.say("oms", "5", (58, "bye\x1b[2J\x07"))
    daemon = Daemon(tmp_path, world)
    try:
        for line in ("$ rfqctl session show oms", "$ rfqctl sessions"):
            told = shown(daemon, line, capsys)
            assert "\x1b" not in told
            assert "bye\\x1b[2J\\x07" in told
    finally:
        daemon.close()


# --- as a process --------------------------------------------------------------------------------


def test_the_command_answers_and_ends_0(daemon: Daemon) -> None:
    done = rfqctl(daemon, "recommend", "buy", "6mm", HIGH_YIELD.security_id)
    assert (done.returncode, done.stderr) == (0, "")
    assert "rule “large high yield”: ask 3 in parallel" in done.stdout
    assert "\x1b" not in done.stdout  # no colours where nobody looks


def test_json_is_the_desks_own_answer(daemon: Daemon) -> None:
    done = rfqctl(daemon, "--json", "recommend", "buy", "6mm", HIGH_YIELD.security_id)
    answer = orjson.loads(done.stdout)
    assert answer["plan"]["dealers"] == ["cedar", "beech", "ash"]
    assert answer["seq"] == 0
    refused = rfqctl(daemon, "send", "7777777", "--json")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert orjson.loads(refused.stderr)["error"]["code"] == "unknown"


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        pytest.param(
            ["status"],
            3,
            "rfqctl: there is no engine.toml here: name it with --config, or the daemon's",
            id="no config",
        ),
        pytest.param(["status", "--config", "nope.toml"], 2, "nope.toml: cannot be read", id="wrong config"),
        pytest.param(
            ["status", "--socket", "nobody.sock"], 3, "no daemon answers on nobody.sock: start it", id="no daemon"
        ),
        pytest.param(["statsu"], 2, "did you mean 'status'?", id="no such command"),
        pytest.param(["override", "12", "ash"], 2, "arguments are required: --reason", id="no reason"),
        pytest.param(["session", "reset", "oms"], 2, "arguments are required: --reason", id="no reason for a reset"),
        pytest.param(["session", "rest", "oms"], 2, "did you mean 'reset'?", id="no such session command"),
        pytest.param(
            ["kill", "on", "--reason", "x"], 2, "one of the arguments --all --dealer --account", id="no scope"
        ),
        pytest.param(["audit", "verify"], 3, "name the journal, or --config", id="no journal named"),
        pytest.param(["audit", "tail", "--journal", "nope.db"], 1, "nope.db: no such journal", id="no such journal"),
        pytest.param(["rules", "check", "nope/a.rules"], 2, "nope is no folder of rules", id="no rules"),
    ],
)
def test_a_newcomers_mistakes_get_one_line_each(tmp_path: Path, words: list[str], status: int, text: str) -> None:
    done = rfqctl(None, *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_socket_is_found_through_the_configuration(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = (ROOT / "engine.toml").read_text()
    assert 'socket = "var/rfqd.sock"' in shipped
    (tmp_path / "engine.toml").write_text(shipped.replace('socket = "var/rfqd.sock"', f'socket = "{daemon.socket}"'))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["status"]) == 0
    assert "16 of 16 connected" in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_is_no_error(daemon: Daemon) -> None:
    command = [sys.executable, "-m", "engine.admin.cli", "rules", "fields"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, b"")


# --- rules, offline ------------------------------------------------------------------------------


def test_rules_check_of_the_shipped_book(capsys: pytest.CaptureFixture[str]) -> None:
    book = ROOT / "config" / "rules"
    assert cli.main(["rules", "check", str(book / "30-credit.rules"), "--config", str(ROOT / "engine.toml")]) == 0
    assert "no mistakes" in capsys.readouterr().out


def test_rules_check_names_what_can_only_be_unknown_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No mistake: a warning with its place, what it comes to, and what would make it known."""
    (tmp_path / "bonds.csv").write_text("isin,name,issuer,asset_class\nUS99Z003ZZ19,X,X Inc,corporate\n")
    text = (ROOT / "engine.toml").read_text().replace("config/securities/sample.csv", str(tmp_path / "bonds.csv"))
    (tmp_path / "engine.toml").write_text(text.replace('"config/', f'"{ROOT}/config/'))
    rules = tmp_path / "r.rules"
    rules.write_text('rule "junk" when rating < BBB ask top 1\nrule "else" when true ask top 3\n')
    config = ["--config", str(tmp_path / "engine.toml")]
    assert cli.main(["rules", "check", str(rules), *config]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"{rules}:1:18: warning: 'rating' is never known here, which counts as false in a rule: "
        "no bond of the security file has its rating (add the column, and reload)"
    )
    assert cli.main(["--json", "rules", "check", str(rules), *config]) == 0
    [found] = orjson.loads(capsys.readouterr().out)["never_known"]
    assert (found["file"], found["line"], found["column"]) == (str(rules), 1, 18)
    assert cli.main(["rules", "fields", *config]) == 0
    fields = {each.split()[0]: each for each in capsys.readouterr().out.splitlines() if each.strip()}
    assert "never known here: no bond of the security file has its rating" in fields["rating"]
    assert fields["rating"].split()[:3] == ["rating", "rating", "never"]
    assert fields["edge"].split()[:7] == ["edge", "bps", "bp", "none", "or", "any", "yes"]
    assert fields["quoted_similar"].split()[:4] == ["quoted_similar", "bool", "any", "yes"]


def test_rules_check_of_a_folder_is_of_every_file_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(ROOT / "engine.toml")]
    assert cli.main(["--json", "rules", "check", str(ROOT / "config" / "rules"), *config]) == 0
    assert len(orjson.loads(capsys.readouterr().out)["files"]) == 3
    assert cli.main(["rules", "check", str(tmp_path), *config]) == 2
    assert f"{tmp_path} has no *.rules file" in capsys.readouterr().err
    assert cli.main(["rules", "check", str(tmp_path / "none.rules"), *config]) == 2
    assert "cannot be read: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(("main", "name"), [(cli.main, "rfqctl"), (rfqd, "rfqd")])
def test_a_program_tells_its_version(main: Callable[..., Any], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{name} {__version__}\n"


def test_rules_check_puts_the_file_into_its_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A draft elsewhere, checked as part of the running book: carets, the nearest word, status 1."""
    draft = tmp_path / "30-credit.rules"
    draft.write_text('rule "x"\n  when notionl > 5mm\n  ask top 3\n')
    assert cli.main(["rules", "check", str(draft), "--book", str(ROOT / "config" / "rules")]) == 1
    caught = capsys.readouterr()
    assert caught.out == ""
    assert f"{draft}:2:8: unknown field 'notionl' (did you mean 'notional'?)" in caught.err
    assert "^^^^^^^" in caught.err
    draft.write_text('rule "x"\n  when notional > 5mm\n  ask top 3\n')
    assert cli.main(["--json", "rules", "check", str(draft), "--book", str(ROOT / "config" / "rules")]) == 0
    assert orjson.loads(capsys.readouterr().out)["rules"] == ["x", "everything else"]


# --- watch ---------------------------------------------------------------------------------------


def test_watch_prints_lines_where_there_is_no_screen(daemon: Daemon) -> None:
    with watching(daemon, "--count", "2") as process:
        daemon.do("advance 1")
        other = rfqctl(daemon, "order", "new", "buy", "400k", "US99Z006ZZ16", "--hold")
        assert other.returncode == 0, other.stderr
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    lines = out.split("\n\n", 1)[1].splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("15:00:01.000 report    O-")
    assert "returned" in lines[1]


def test_watch_as_json_is_one_notice_a_line(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    thread = threading.Thread(
        target=cli.main, args=(["watch", "--json", "--count", "1", "--socket", str(daemon.socket)],)
    )
    thread.start()
    _until(lambda: daemon.subscribers() == 1)
    cli.main(["order", "new", "buy", "6mm", HIGH_YIELD.security_id, "--json", "--socket", str(daemon.socket)])
    thread.join(30)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"topic"')]
    assert orjson.loads(lines[0])["topic"] == "report"


def test_watch_draws_a_screen_in_colour(daemon: Daemon) -> None:
    ours, theirs = pty.openpty()
    try:
        with watching(daemon, "--count", "2", stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            assert rfqctl(daemon, "order", "new", "buy", "6mm", HIGH_YIELD.security_id).returncode == 0
            drawn = _read_all(ours)
            assert process.wait(30) == 0
    finally:
        os.close(ours)
    assert "\x1b[H\x1b[J" in drawn
    assert "\x1b[33mwith trader\x1b[0m" in drawn
    assert HIGH_YIELD.security_id in drawn


def test_a_daemon_that_goes_with_a_request_unread_has_ended_like_any_other(tmp_path: Path) -> None:
    """The kernel says "reset" then, which says nothing to a person."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        with AdminClient(path) as desk:
            connection, _ = listening.accept()
            desk._socket.sendall(b"unread")
            connection.close()
            with pytest.raises(
                CommandError, match="the daemon ended the connection; what was asked may have been done"
            ):
                desk.call("status")


def test_watch_ends_with_the_daemon(daemon: Daemon) -> None:
    with watching(daemon) as process:
        daemon.close()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors == "rfqctl: the daemon ended the connection; what was asked may have been done\n"


def _until(holds: Any) -> None:
    """Wait for another thread's or process's doing; the deadline only ends a test that has failed."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _read_all(descriptor: int) -> str:
    """Everything a terminal is sent until its last user has gone."""
    data = b""
    while select.select([descriptor], [], [], 30)[0]:
        try:
            read = os.read(descriptor, 65_536)
        except OSError:
            break
        if not read:
            break
        data += read
    return data.decode()
