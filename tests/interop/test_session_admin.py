"""FIX support at work on the real program: rfqctl over its socket, peers at its ports, a kill -9 in between."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from interop_daemon import Desk, Peer, Rfqd
from interop_link import Board, free_port
from interop_nursery import ROOT
from interop_raw import RawListener, RawPeer
from interop_scene import journal_rows

from engine.admin import cli

SECRET = "hunter2-of-the-oms"


@dataclass(slots=True)
class Support:
    """The daemon, and a person at a terminal."""

    desk: Desk
    rfqd: Rfqd
    listener: RawListener
    capsys: pytest.CaptureFixture[str]

    def rfqctl(self, *words: str, status: int = 0) -> str:
        """What the terminal shows."""
        got = cli.main(["session", *words, "--socket", str(self.desk.socket)])
        shown = self.capsys.readouterr()
        assert got == status, shown
        assert SECRET not in shown.out + shown.err
        return shown.out + shown.err

    def show(self, key: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.rfqctl("show", key, "--json"))
        return answer

    def until(self, key: str, state: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            shown = self.show(key)
            return shown if shown["state"] == state else None

        return Board().until(f"{key} to be {state}", found)

    def log_on(self, next_out: int = 1) -> RawPeer:
        oms = RawPeer.dial(self.desk.fix_port, "OMS")
        oms.next_out = next_out
        oms.say("A", [(98, "0"), (108, "30"), (553, str(ROOT)), (554, SECRET)])
        oms.expect(t35="A")
        return oms


@pytest.fixture
def support(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Support]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    listener = RawListener("ALDER")
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(SECRET)
    # PYTHONPATH is the one variable of the environment that the process which forks the daemon is sure to have.
    peers = [
        Peer("oms", "oms", more=f'username_env = "PYTHONPATH"\npassword_file = "{password}"'),
        Peer("alder", "dealer", listener.port),
    ]
    desk = Desk(tmp_path, run_dir, free_port(), peers)
    daemon = Rfqd(desk.write(), arguments=["--log-level", "DEBUG"])
    try:
        daemon.start()
        yield Support(desk, daemon, listener, capsys)
    finally:
        daemon.end()
        listener.close()
        shutil.rmtree(run_dir)


def test_a_session_from_logon_to_new_numbers_and_over_a_kill(support: Support) -> None:
    alder, oms = support.listener.accept(), support.log_on()
    assert support.until("oms", "active")["address"].startswith("127.0.0.1:")

    support.rfqctl("test-request", "oms", "--reason", "is it slow?")
    Board().until("the round trip", lambda: support.show("oms")["round_trip_s"] is not None)

    oms.say("B", [(148, "keys"), (33, "1"), (58, "see 96"), (95, str(len(SECRET))), (96, SECRET)])
    oms.expect(t35="j", t372="B")

    # Numbers are for a session that is off.
    refused = support.rfqctl("set-seq", "oms", "--in", "7", "--reason", "x", status=1)
    assert "session oms is active: log it off first" in refused
    support.rfqctl("disable", "oms", "--reason", "numbers with Jo")
    assert oms.expect(t35="5")[58] == "numbers with Jo"
    oms.say("5")
    oms.expect_end()
    shown = support.until("oms", "disabled")
    assert (shown["last_disconnect"]["code"], shown["last_disconnect"]["by"]) == ("disabled", "person:local")
    assert RawPeer.dial(support.desk.fix_port, "OMS").logon_refused()
    assert "next out" in support.rfqctl("set-seq", "oms", "--in", "7", "--out", "70", "--reason", "agreed with Jo")

    # A dealer is kept off, and that outlives the process.
    support.rfqctl("disable", "alder", "--reason", "their release")
    assert alder.expect(t35="5")[58] == "their release"
    alder.say("5")
    alder.expect_end()
    support.until("alder", "disabled")
    support.rfqd.kill()
    support.rfqd.start()
    shown = support.show("alder")
    assert (shown["state"], shown["switch"]["reason"]) == ("disabled", "their release")
    assert shown["last_disconnect"]["code"] == "disabled"
    assert {"logon", "disconnect", "disabled"} <= {each["what"] for each in shown["events"]}
    assert "is disabled: rfqctl session enable alder" in support.rfqctl("logon", "alder", "--reason", "x", status=1)
    support.rfqctl("enable", "alder", "--reason", "they are done")
    alder = support.listener.accept(next_out=alder.next_out)

    # The numbers that were set hold over the kill as well.
    support.rfqctl("enable", "oms", "--reason", "go")
    oms = support.log_on(next_out=7)
    assert oms.expect(t35="A")[34] == "70"

    support.rfqctl("disconnect", "alder", "--reason", "it hangs")
    heard = alder.expect_end()
    assert not [said for said in heard if said.kind == "5"], "hard: without a word"
    support.listener.accept(next_out=alder.next_out)

    done = journal_rows(
        support.desk.journal, "SELECT type, json_extract(body, '$.actor'), json_extract(body, '$.reason') FROM events "
        "WHERE type IN ('SessionSwitched', 'SessionNumbersSet', 'SessionCommanded') ORDER BY seq"
    )  # fmt: skip
    assert [(kind, reason) for kind, _, reason in done] == [
        ("SessionCommanded", "is it slow?"),
        ("SessionSwitched", "numbers with Jo"),
        ("SessionNumbersSet", "agreed with Jo"),
        ("SessionSwitched", "their release"),
        ("SessionSwitched", "they are done"),
        ("SessionSwitched", "go"),
        ("SessionCommanded", "it hangs"),
    ]
    assert {actor for _, actor, _ in done} == {"person:local"}
    assert support.rfqd.stop() == 0

    # The password came over the wire twice, and once as RawData(96); the wire was logged.
    assert any("wire < " in line and "554=***" in line for line in support.rfqd.lines)
    assert not any(SECRET in line for line in support.rfqd.lines)
    for file in support.desk.journal.parent.iterdir():
        assert SECRET.encode() not in file.read_bytes(), file
