"""What a newcomer does wrong, against the real program: one clear message each, the documented status, no traceback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from interop_daemon import Desk, Peer, Rfqd, run, run_program
from interop_link import free_port
from interop_nursery import ROOT
from interop_raw import RawListener, RawPeer

from engine.app import main

CONFIG_WRONG, CANNOT_START = 2, 3


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="rfq-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def desk(tmp_path: Path, run_dir: Path) -> Desk:
    return a_desk(tmp_path, run_dir)


def a_desk(folder: Path, run_dir: Path, name: str = "rfqd") -> Desk:
    peers = [Peer("oms", "oms"), Peer("alder", "dealer", free_port())]
    (run_dir / name).mkdir()
    return Desk(folder / name, run_dir / name, free_port(), peers)


@pytest.fixture
def running(desk: Desk) -> Iterator[Rfqd]:
    daemon = Rfqd(desk.write())
    try:
        yield daemon
    finally:
        daemon.end()


def message_of(desk: Desk, status: int, *arguments: str) -> str:
    """What the daemon says when it does not start: all that is no line of its log."""
    ended = run(["--config", str(desk.folder / "engine.toml"), *arguments], desk.folder)
    assert "Traceback" not in ended.stderr
    assert ended.returncode == status, ended.stderr
    assert ended.stdout == ""
    said = [line for line in ended.stderr.splitlines() if " INFO " not in line]
    return "\n".join(said)


def change(desk: Desk, old: str, new: str) -> None:
    path = desk.folder / "engine.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_is_right_starts_and_stops_as_typed(desk: Desk) -> None:
    desk.write()
    command = [sys.executable, "-m", "engine", "--config", "engine.toml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=desk.folder, stderr=subprocess.PIPE, text=True, env=environment) as daemon:
        assert daemon.stderr is not None
        for line in daemon.stderr:
            if "ready name=interop" in line:
                daemon.terminate()
        assert daemon.wait() == 0


# --- what is wrong before it starts ----------------------------------------------------------------


def test_no_configuration(desk: Desk, tmp_path: Path) -> None:
    desk.write()
    ended = run_program([], tmp_path)
    assert (ended.returncode, ended.stdout) == (CONFIG_WRONG, "")
    assert ended.stderr.startswith("engine.toml: cannot be read: No such file")
    assert ended.stderr.count("\n") == 1


def test_a_key_that_does_not_exist(desk: Desk) -> None:
    desk.write()
    change(desk, "[rfq]", "[rfq]\nwiat_s = 3")
    assert message_of(desk, CONFIG_WRONG) == "engine.toml: rfq.wiat_s: unknown key (did you mean 'wait_s'?)"
    assert not desk.journal.exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("[rfq]", "[rqf]", "engine.toml: rqf: unknown table (did you mean 'rfq'?)", id="table"),
        pytest.param("port = 0", 'port = "any"', "engine.toml: metrics.port: expected a whole number", id="type"),
        pytest.param('role = "oms"', 'role = "omz"', "engine.toml: session[oms].role: ", id="value"),
        pytest.param("[rfq]", "[rfq", "engine.toml: line ", id="no TOML"),
        pytest.param("[[session]]", '[[session]]\npassword = "x"', "].password: secrets do not live", id="secret"),
        pytest.param("dealers.toml", "traders.toml", "traders.toml: cannot be read: No such file", id="dealers file"),
        pytest.param("bonds.csv", "bands.csv", "reference.securities: cannot read ", id="securities file"),
        pytest.param('directory = "rules"', 'directory = "."', "rules.directory: ", id="no rules"),
    ],
)
@pytest.mark.usefixtures("root_logger")
def test_other_wrong_lines(desk: Desk, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write()
    change(desk, old, new)
    # The entry point itself, for want of time: starting the program over and over would say the same.
    assert main(["--config", str(desk.folder / "engine.toml")]) == CONFIG_WRONG
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""
    assert all(": " in line for line in said.err.splitlines())
    assert not desk.journal.exists()


def test_a_broken_rule_book_is_shown_where_it_is_broken(desk: Desk) -> None:
    desk.rules = 'rule "all"\n  when notionl > 5mm\n  ask top 3\n\nrule "rest"\n  when true\n  ask top 3\n'
    desk.write()
    assert message_of(desk, CONFIG_WRONG) == (
        "90-all.rules:2:8: unknown field 'notionl' (did you mean 'notional'?)\n    when notionl > 5mm\n         ^^^^^^^"
    )
    assert "unknown field 'notionl'" in message_of(desk, CONFIG_WRONG, "check")


def test_the_file_may_be_named_before_the_command_and_behind_it(desk: Desk) -> None:
    config = desk.write()
    for arguments in (["--config", str(config), "check"], ["check", "--config", str(config)]):
        done = run(arguments, desk.folder.parent)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{config}: all is well")


def test_a_wrong_option(desk: Desk) -> None:
    desk.write()
    assert "unrecognized arguments: --frobnicate" in message_of(desk, CONFIG_WRONG, "--frobnicate")


# --- what is in the way ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["fix.listen_port", "metrics.port"])
def test_a_port_that_is_taken(desk: Desk, key: str) -> None:
    desk.write()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        if key == "fix.listen_port":
            change(desk, f"listen_port = {desk.fix_port}", f"listen_port = {port}")
        else:
            change(desk, "port = 0", f"port = {port}")
        said = message_of(desk, CANNOT_START)
    assert said.startswith(f"rfqd cannot start: {key}: cannot listen on 127.0.0.1:{port}: ")
    assert "another port" in said
    assert "\n" not in said
    # Nothing of it counts as a crash.
    change(desk, f"port = {port}", f"port = {free_port()}")
    daemon = Rfqd(desk.folder / "engine.toml")
    daemon.start()
    daemon.until_said("boot=clean")
    assert daemon.stop() == 0


def test_a_second_daemon(desk: Desk, running: Rfqd, tmp_path: Path, run_dir: Path) -> None:
    running.start()
    other = a_desk(tmp_path, run_dir, "other")
    other.write()
    change(other, str(other.journal), str(desk.journal))
    said = message_of(other, CANNOT_START)
    assert said == f"rfqd cannot start: {desk.journal}: process {running.pid} is writing this journal; stop it first"

    other.write()
    change(other, str(other.socket), str(desk.socket))
    said = message_of(other, CANNOT_START)
    assert said.startswith(
        f"rfqd cannot start: socket in use: another rfqd (pid {running.pid}) answers on {desk.socket}"
    )
    assert "\n" not in said
    assert running.running
    assert running.stop() == 0
    assert not running.complaints


def test_a_socket_left_behind_by_a_killed_daemon_is_in_nobodys_way(desk: Desk, running: Rfqd) -> None:
    running.start()
    running.kill()
    assert desk.socket.exists()
    running.start()
    assert running.stop() == 0
    assert not running.complaints


def _file_for_folder(desk: Desk) -> str:
    desk.journal.parent.write_text("")
    return f"rfqd cannot start: journal.path: cannot make the folder {desk.journal.parent}: "


def _folder_for_file(desk: Desk) -> str:
    desk.journal.mkdir(parents=True)
    return f"rfqd cannot start: {desk.journal}: cannot be opened as a journal: "


def _no_journal(desk: Desk) -> str:
    desk.journal.parent.mkdir()
    desk.journal.write_bytes(b"a letter home" * 1000)
    return f"rfqd cannot start: {desk.journal}: cannot be opened as a journal: file is not a database"


def _read_only_folder(desk: Desk) -> str:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    desk.journal.parent.mkdir(mode=0o555)
    return f"rfqd cannot start: {desk.journal}: "


def _read_only_disk(desk: Desk) -> str:
    # The kernel's own file system takes no folders, not even from root.
    if not Path("/proc/self").exists():
        pytest.skip("no /proc here to be a disk that nobody can write to")
    change(desk, str(desk.journal), "/proc/rfq/journal.db")
    return "rfqd cannot start: journal.path: cannot make the folder /proc/rfq: "


def _socket_without_folder(desk: Desk) -> str:
    (desk.folder / "plain").write_text("")
    change(desk, str(desk.socket), str(desk.folder / "plain/rfqd.sock"))
    return f"rfqd cannot start: admin.socket: cannot look at {desk.folder / 'plain/rfqd.sock'}: "


def _socket_path_too_long(desk: Desk) -> str:
    path = desk.folder / ("x" * 120)
    change(desk, str(desk.socket), str(path))
    return f"rfqd cannot start: admin.socket: cannot listen on {path}: "


@pytest.mark.parametrize(
    "provoke",
    [
        pytest.param(_file_for_folder, id="a file where the journal's folder should be"),
        pytest.param(_folder_for_file, id="a folder where the journal should be"),
        pytest.param(_no_journal, id="a file that is no journal"),
        pytest.param(_read_only_folder, id="a folder that cannot be written"),
        pytest.param(_read_only_disk, id="a disk that cannot be written"),
        pytest.param(_socket_without_folder, id="a socket below a file"),
        pytest.param(_socket_path_too_long, id="a socket path too long for the system"),
    ],
)
def test_files_that_cannot_be_written(desk: Desk, provoke: Callable[[Desk], str]) -> None:
    desk.write()
    begins = provoke(desk)
    said = message_of(desk, CANNOT_START)
    assert said.startswith(begins)
    assert "Errno" not in said
    assert "\n" not in said


def test_a_log_file_that_cannot_be_written(desk: Desk) -> None:
    desk.write()
    said = message_of(desk, CANNOT_START, "--log-file", str(desk.folder))
    assert said.startswith(f"rfqd cannot start: --log-file: cannot write {desk.folder}: ")


def test_a_journal_to_replay_that_is_not_there(desk: Desk) -> None:
    desk.write()
    missing = desk.folder / "nowhere.db"
    assert message_of(desk, CANNOT_START, "replay", str(missing)) == f"rfqd cannot start: {missing}: no journal there"


# --- what is wrong at the other end ----------------------------------------------------------------


def test_a_stranger_at_the_door_hears_nothing(desk: Desk, running: Rfqd) -> None:
    running.start()
    stranger = RawPeer.dial(desk.fix_port, "OMZ")
    stranger.say("A", [(98, "0"), (108, "30")])
    assert stranger.expect_end() == []
    line = running.until_said("no session for ")
    assert " WARNING " in line
    assert "'OMZ'" in line
    # Whoever is expected is let in all the same.
    RawPeer.dial(desk.fix_port, "OMS").logon().close()
    assert running.stop() == 0


def test_a_dealer_that_is_down_is_named_and_tried_until_it_is_there(desk: Desk, running: Rfqd) -> None:
    port = desk.peers[1].port
    running.start()
    for attempt in (1, 2, 3):
        line = running.until_said(f"cannot connect session=alder address=127.0.0.1:{port} ", attempt)
        assert " WARNING " in line
    listener = RawListener("ALDER", port)
    with contextlib.closing(listener):
        dealer = listener.accept()
        dealer.still_answered()
        assert running.stop() == 0
    assert dealer.expect(t35="5")
