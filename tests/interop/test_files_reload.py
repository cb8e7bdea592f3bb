"""Files read again under the running daemon while orders come in: good ones are in force, bad ones change nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from interop_daemon import ISIN, OTHER_ISIN, Desk, Peer, Rfqd
from interop_link import PATIENCE_S, Board, free_port
from interop_market import order
from interop_raw import RawListener, RawPeer
from interop_scene import journal_rows

from engine.admin import cli

WHY = "the test says so"
RULES = 'rule "all"\n  when true\n  ask top 4\n  wait 60s\n  send after approval\n'


@dataclass(slots=True)
class Orders:
    """An OMS that sends orders one after the other, as long as it is told to."""

    oms: RawPeer
    sent: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        while not self._stop.is_set():
            self.sent += 1
            self.oms.say("D", order(f"L-{self.sent}", ISIN, 1_000_000 + self.sent))
            self.oms.expect(t35="8", t11=f"L-{self.sent}", t150="0")

    def end(self) -> None:
        """Every order was answered, in order, and no number is missing."""
        self._stop.set()
        assert self._thread is not None
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        answered = [said[11] for said in self.oms.heard if said.kind == "8" and said[150] == "0"]
        assert answered == [f"L-{at}" for at in range(1, self.sent + 1)]
        numbers = [int(said[34]) for said in self.oms.heard]
        assert numbers == list(range(1, len(numbers) + 1))


@dataclass(slots=True)
class House:
    desk: Desk
    rfqd: Rfqd
    alder: RawListener
    birch: RawListener
    capsys: pytest.CaptureFixture[str]

    def rfqctl(self, *words: str, status: int = 0) -> str:
        got = cli.main([*words, "--socket", str(self.desk.socket)])
        shown = self.capsys.readouterr()
        assert got == status, shown
        return shown.out + shown.err

    def told(self, *words: str) -> Any:
        return json.loads(self.rfqctl(*words, "--json"))

    def reload(self, *kinds: str, status: int = 0) -> str:
        return self.rfqctl("reload", *kinds, "--reason", WHY, status=status)

    def path(self, name: str) -> Path:
        return self.desk.folder / name

    def change(self, name: str, old: str, new: str) -> None:
        text = self.path(name).read_text()
        assert old in text
        self.path(name).write_text(text.replace(old, new))

    def sessions(self) -> list[str]:
        return [each["session"] for each in self.told("sessions")["sessions"]]

    def until_up(self, key: str) -> None:
        Board().until(f"{key} to be up", lambda: key not in self.told("status")["sessions"]["down"] or None)

    def answer(self, page: str) -> tuple[int, str]:
        url = self.rfqd.until_said("metrics endpoint listening url=").partition("url=")[2].rpartition("/")[0]
        try:
            with urllib.request.urlopen(f"{url}/{page}", timeout=PATIENCE_S) as got:
                return got.status, got.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def oms(self) -> RawPeer:
        oms = RawPeer.dial(self.desk.fix_port, "OMS")
        oms.say("A", [(98, "0"), (108, "1"), (141, "Y")])
        oms.expect(t35="A")
        return oms


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[House]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    alder, birch = RawListener("ALDER"), RawListener("BIRCH")
    peers = [Peer("oms", "oms"), Peer("alder", "dealer", alder.port)]
    desk = Desk(tmp_path / "desk", run_dir, free_port(), peers, RULES, more={"fix": "logout_timeout_s = 0.2"})
    config = desk.write()
    (desk.folder / "scoring.toml").write_text("half_life_days = 30\n")
    lines = ['scoring = "scoring.toml"' if at.startswith("scoring =") else at for at in config.read_text().splitlines()]
    config.write_text("\n".join([*lines, ""]))
    rfqd = Rfqd(config)
    rfqd.start()
    made = House(desk, rfqd, alder, birch, capsys)
    try:
        alder.accept()
        made.until_up("alder")
        yield made
        assert rfqd.stop() == 0
    finally:
        rfqd.end()
        alder.close()
        birch.close()
        shutil.rmtree(run_dir)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def status_is(name: str, value: object) -> Callable[[House], bool]:
    return lambda house: bool(house.told("status")[name] == value)


GOOD: dict[str, tuple[str, str, str, Callable[[House], bool]]] = {
    "rules": (
        "rules/90-all.rules",
        'rule "all"',
        'rule "large" when notional > 40mm\n  ask top 1\nrule "all"',
        status_is("rules", 2),
    ),
    "scoring": (
        "scoring.toml",
        "half_life_days = 30",
        "half_life_days = 10\nwindow_days = 33",
        lambda house: bool(house.told("status")["scoring_hash"] == sha256(house.path("scoring.toml"))),
    ),
    "dealers": (
        "dealers.toml",
        "firm_time_s = 60",
        "firm_time_s = 60\npaused = true",
        lambda house: bool(house.told("dealers")["dealers"][0]["paused"]),
    ),
    "limits": (
        "engine.toml",
        "notional_max = 50_000_000",
        "notional_max = 900_000",
        lambda house: "risk.notional_max" in str(house.rfqctl("recommend", "buy", "1mm", ISIN)),
    ),
    "people": (
        "engine.toml",
        "[metrics]",
        f'[[admin.people]]\nuid = {os.getuid()}\nactor = "kim"\nrole = "viewer"\n\n[metrics]',
        lambda house: "kim is viewer" in house.rfqctl("reload", "--reason", WHY, status=1),
    ),
    "securities": (
        "bonds.csv",
        "Bellows 4 40",
        "Bellows Four 40",
        lambda house: house.told("status")["securities"] == 2,
    ),
    "sessions": (
        "engine.toml",
        "heart_bt_int_s = 30",
        "heart_bt_int_s = 20",
        lambda house: house.sessions() == ["oms", "alder"],
    ),
    "tls": ("engine.toml", "[metrics]", "[metrics]", lambda house: True),
}

BAD = {
    "rules": ("rules/90-all.rules", RULES, 'rule "half" when notional >', "90-all.rules:1:"),
    "scoring": ("scoring.toml", "half_life_days = 30", "half_life_days = -1", "scoring.toml: half_life_days"),
    "dealers": ("dealers.toml", 'session = "alder"', 'session = "elder"', "dealers.toml: dealer[alder].session"),
    "limits": ("engine.toml", "open_rfqs_max = 200", "open_rfqs_max = 0", "engine.toml: risk.open_rfqs_max"),
    "people": (
        "engine.toml",
        "[metrics]",
        '[[admin.people]]\nactor = "kim"\nrole = "boss"\n\n[metrics]',
        "admin.people",
    ),
    "securities": ("bonds.csv", OTHER_ISIN, "XS0000000BB4", "bonds.csv:3"),
    "sessions": ("engine.toml", 'role = "oms"', 'role = "omz"', "session[oms].role"),
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_file_is_in_force_and_nobody_waits_for_it(house: House, kind: str) -> None:
    name, old, new, holds = GOOD[kind]
    load = Orders(house.oms())
    load.begin()
    house.change(name, old, new)

    assert f"taken up: {kind}" in house.reload(kind)

    load.oms.still_answered()
    load.end()
    rows = journal_rows(
        house.desk.journal, "SELECT json_extract(body, '$.kinds[0]') FROM events WHERE type = 'Reloaded'"
    )
    assert rows == [(kind,)]
    assert holds(house)


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_changes_nothing_and_is_told_of(house: House, kind: str) -> None:
    name, old, new, why = BAD[kind]
    load = Orders(house.oms())
    load.begin()
    before = house.told("status")
    house.change(name, old, new)

    told = house.reload(kind, status=1)

    assert "nothing was taken up" in told
    assert why in told
    load.oms.still_answered()
    load.end()
    after = house.told("status")
    assert {name: after[name] for name in ("book_hash", "scoring_hash", "securities", "sessions", "dealers")} == {
        name: before[name] for name in ("book_hash", "scoring_hash", "securities", "sessions", "dealers")
    }
    assert not journal_rows(house.desk.journal, "SELECT 1 FROM events WHERE type = 'Reloaded'")
    assert any("files not taken up" in line and why in line for line in house.rfqd.lines)
    assert f'config_reloads_total{{kind="{kind}",outcome="refused"}} 1' in house.answer("metrics")[1]


def test_of_all_kinds_one_bad_file_is_enough(house: House) -> None:
    house.change("scoring.toml", "30", "20")
    house.path("rules/90-all.rules").unlink()
    before = house.told("status")["scoring_hash"]

    assert "has no *.rules file" in house.reload(status=1)

    assert house.told("status")["scoring_hash"] == before
    house.path("rules/90-all.rules").write_text(RULES)
    assert "changed: scoring" in house.reload()


def test_a_hang_up_reads_everything_and_ends_nothing(house: House) -> None:
    oms = house.oms()
    house.change("rules/90-all.rules", "ask top 4", "ask top 3")

    os.kill(house.rfqd.pid, signal.SIGHUP)

    house.rfqd.until_said("files taken up kinds=rules,scoring,dealers,limits,people,sessions,securities,tls")
    oms.still_answered()
    house.path("dealers.toml").write_text("[[dealer")
    os.kill(house.rfqd.pid, signal.SIGHUP)
    house.rfqd.until_said("SIGHUP: nothing was taken up, everything goes on as it was: dealers.toml")
    oms.still_answered()


def test_a_hang_up_while_it_starts_is_heard_once_it_is_ready(house: House) -> None:
    assert house.rfqd.stop() == 0
    bonds = house.path("bonds.csv")
    text = bonds.read_text()
    bonds.unlink()
    os.mkfifo(bonds)
    house.rfqd.start(until_ready=False)
    with bonds.open("w") as slow:  # It is in the middle of its start: it reads this.
        os.kill(house.rfqd.pid, signal.SIGHUP)
        bonds.unlink()
        bonds.write_text(text)
        slow.write(text)

    house.rfqd.until_said("files taken up kinds=rules,scoring,dealers,limits,people,sessions,securities,tls")

    house.oms().still_answered()


def test_a_session_and_its_dealer_come_and_go(house: House) -> None:
    engine, dealers = house.path("engine.toml").read_text(), house.path("dealers.toml").read_text()
    birch = Peer("birch", "dealer", house.birch.port)
    house.path("engine.toml").write_text(engine + house.desk._session(birch))
    house.path("dealers.toml").write_text(dealers + house.desk._dealer(birch))

    assert "sessions added: birch" in house.reload("sessions", "dealers")

    peer = house.birch.accept()
    house.until_up("birch")
    assert house.sessions() == ["oms", "alder", "birch"]
    oms = house.oms()
    oms.say("D", order("O1", ISIN, 1_000_000))
    oms.expect(t35="8", t11="O1", t150="0")
    house.rfqctl("send", "1")
    peer.expect(t35="R")
    house.path("engine.toml").write_text(engine)
    house.path("dealers.toml").write_text(dealers)

    told = house.reload("sessions", "dealers", status=1)

    assert "dealers: birch is gone, and Q-000001 is open with it" in told
    peer.still_answered()
    house.rfqctl("order", "cancel", "1")
    assert "sessions taken away: birch" in house.reload("sessions", "dealers")
    assert any(said.kind == "5" for said in peer.expect_end()), "it was logged out, not cut off"
    assert house.sessions() == ["oms", "alder"]
    assert house.told("status")["sessions"]["configured"] == 2
    gone = 'fix_session_enabled{session="birch"}'
    Board().until("its levels to be gone", lambda: gone not in house.answer("metrics")[1] or None)
    # And back again: its numbers go on.
    house.path("engine.toml").write_text(engine + house.desk._session(birch))
    house.path("dealers.toml").write_text(dealers + house.desk._dealer(birch))
    house.reload("sessions", "dealers")
    again = house.birch.accept(next_out=peer.next_out + 1)
    assert int(again.heard[0][34]) > 1
    house.until_up("birch")


def test_an_oms_with_open_orders_is_not_taken_away(house: House) -> None:
    oms = house.oms()
    oms.say("D", order("O1", ISIN, 1_000_000))
    oms.expect(t35="8", t11="O1", t150="0")
    text = house.path("engine.toml").read_text()
    at = text.index('[[session]]\nkey = "oms"')
    house.path("engine.toml").write_text(text[:at] + text[text.index("[[session]]", at + 5) :])
    bonds = house.path("bonds.csv").read_text()
    house.path("bonds.csv").write_text("\n".join(line for line in bonds.splitlines() if ISIN not in line) + "\n")

    told = house.reload("sessions", "securities", status=1)

    assert "sessions: oms is gone, and O-000001 is open of it" in told
    assert f"securities: {ISIN} is missing, and O-000001 is open in it" in told
    oms.still_answered()


def test_what_is_reloaded_lifts_the_switch_of_a_broken_start(house: House) -> None:
    house.rfqd.kill()
    good = house.path("rules/90-all.rules").read_text()
    house.path("rules/90-all.rules").write_text("rule")
    house.rfqd.start()
    assert [kill["scope"] for kill in house.told("status")["kills"]] == ["file:rules"]
    house.path("rules/90-all.rules").write_text(good)

    house.reload("rules")

    assert house.told("status")["kills"] == []


def test_nothing_is_ready_under_a_kill_switch_and_the_log_tells_what_it_is_told_to(house: House) -> None:
    assert house.answer("readyz")[0] == 200
    house.rfqctl("kill", "on", "--all", "--reason", "a test of it")

    status, body = house.answer("readyz")

    assert status == 503
    assert "kill switch all is on: a test of it" in body
    house.rfqctl("kill", "off", "--all", "--reason", WHY)
    assert house.answer("readyz")[0] == 200
    oms = house.oms()
    assert not any(" DEBUG " in line for line in house.rfqd.lines)
    house.rfqctl("log", "level", "DEBUG", "--reason", WHY)
    oms.still_answered()
    house.rfqd.until_said("wire > ")
    house.rfqctl("log", "level", "INFO", "--reason", WHY)
    assert journal_rows(house.desk.journal, "SELECT count(*) FROM events WHERE type = 'LogLevelSet'") == [(2,)]


@pytest.mark.parametrize("kind", ["rules", "scoring", "dealers", "limits", "securities"])
def test_a_file_that_cannot_be_read_is_a_bad_one(house: House, kind: str) -> None:
    """Tests may run as root, whom no mode keeps out: a folder in its place cannot be read by anybody."""
    path = house.path(GOOD[kind][0])
    path.unlink()
    assert path.name in house.reload(kind, status=1) or kind == "rules"
    path.mkdir()

    told = house.reload(kind, status=1)

    assert "nothing was taken up" in told
    assert "Is a directory" in told
    house.oms().still_answered()


def test_a_hang_up_during_the_start_ends_nothing(house: House) -> None:
    assert house.rfqd.stop() == 0
    house.rfqd.start(until_ready=False)
    house.rfqd.until_said("journal taken over", times=2)

    os.kill(house.rfqd.pid, signal.SIGHUP)

    house.rfqd.until_said("ready name=", times=2)
