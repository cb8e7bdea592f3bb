"""Files read again under the running daemon while orders come in: good ones are in force, bad ones change nothing."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from builders.certificates import Authority, Issued
from interop_daemon import ISIN, LEIS, OTHER_ISIN, Desk, Peer, Rfqd
from interop_link import PATIENCE_S, Board, free_port
from interop_market import order
from interop_raw import RawListener, RawPeer
from interop_scene import journal_rows
from interop_secure import HOST, dial

from engine.admin import cli
from engine.boot.configured import KINDS
from engine.domain.instrument import isin_check_digit

WHY = "the test says so"
NEW_ISIN = "XS0000000CC9"
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
    tls_port: int
    authority: Authority
    certificates: dict[str, Issued]
    capsys: pytest.CaptureFixture[str]
    dealer: RawPeer = field(init=False)
    """Alder, logged on."""

    def says(self, *words: str) -> tuple[int, str]:
        """The exit status of rfqctl, and all it prints."""
        got = cli.main([*words, "--socket", str(self.desk.socket)])
        shown = self.capsys.readouterr()
        return got, shown.out + shown.err

    def rfqctl(self, *words: str, status: int = 0) -> str:
        got, shown = self.says(*words)
        assert got == status, shown
        return shown

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

    def oms(self, heart_bt_int_s: int = 1) -> RawPeer:
        return self._logged_on(RawPeer.dial(self.desk.fix_port, "OMS"), heart_bt_int_s)

    def oms_over_tls(self) -> RawPeer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority.ca)
        return self._logged_on(dial(self.tls_port, context, "OMS"), 1)

    def _logged_on(self, oms: RawPeer, heart_bt_int_s: int) -> RawPeer:
        oms.say("A", [(98, "0"), (108, str(heart_bt_int_s)), (141, "Y")])
        oms.expect(t35="A")
        return oms

    def put_certificate(self, name: str) -> None:
        """Put one of `certificates` where the port's is read from, its key behind it."""
        issued = self.certificates[name]
        path = self.path("us.pem")
        path.touch(mode=0o600)
        path.write_text(issued.certificate.read_text() + issued.key.read_text())


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[House]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    alder, birch = RawListener("ALDER"), RawListener("BIRCH")
    authority = Authority(tmp_path / "authority")
    certificates = {name: authority.issue(HOST, file=name) for name in ("old", "renewed")}
    peers = [Peer("oms", "oms"), Peer("alder", "dealer", alder.port)]
    tls_port = free_port()
    more = {
        "fix": "logout_timeout_s = 0.2",
        "reference": 'rates = "rates.csv"',
        "fix.tls": f'listen_port = {tls_port}\ncertificate = "us.pem"\nkey = "us.pem"',
    }
    desk = Desk(tmp_path / "desk", run_dir, free_port(), peers, RULES, more=more)
    config = desk.write()
    (desk.folder / "scoring.toml").write_text("half_life_days = 30\n")
    lines = ['scoring = "scoring.toml"' if at.startswith("scoring =") else at for at in config.read_text().splitlines()]
    config.write_text("\n".join([*lines, ""]))
    (desk.folder / "rates.csv").write_text("pair,price,time\nEUR/USD,1.0850,2026-11-30T16:00:00Z\n")
    rfqd = Rfqd(config)
    made = House(desk, rfqd, alder, birch, tls_port, authority, certificates, capsys)
    made.put_certificate("old")
    rfqd.start()
    try:
        made.dealer = alder.accept()
        made.until_up("alder")
        yield made
        assert rfqd.stop() == 0
    finally:
        rfqd.end()
        alder.close()
        birch.close()
        shutil.rmtree(run_dir)


# --- what anybody outside sees of the text that is in force ------------------------------------------


def asked(house: House) -> int:
    """Requests that the dealer was sent until now. Its TestRequest(1) is answered behind whatever left before."""
    house.dealer.still_answered()
    return sum(said.kind == "R" for said in house.dealer.heard)


def sent_by_a_rule(house: House) -> str:
    before = asked(house)
    house.rfqctl("order", "new", "buy", "45mm", ISIN)
    return f"asked {asked(house) - before}"


def sent_by_a_person(house: House) -> str:
    before = asked(house)
    order_id = house.told("order", "new", "buy", "1mm", ISIN)["order"]
    _, shown = house.says("send", order_id)
    return f"asked {asked(house) - before}: {shown}"


def scored(house: House) -> str:
    return str(house.told("dealers")["scorer"])


def the_rate(house: House) -> str:
    return ", ".join(f"{each['pair']} {each['price']}" for each in house.told("rates")["rates"])


def let_an_operator(house: House) -> str:
    return house.says("log", "level", "INFO", "--reason", WHY)[1]


def took_an_order_in_the_new_bond(house: House) -> str:
    return house.says("order", "new", "buy", "1mm", NEW_ISIN)[1]


def logged_on_with(house: House) -> str:
    """HeartBtInt(108) of the next Logon(A): the one that is connected goes on by its own."""
    house.dealer.still_answered()
    house.dealer.close()
    house.dealer = house.alder.accept(house.dealer.next_out)
    house.until_up("alder")
    return f"108={house.dealer.heard[0][108]}"


def certificate_shown(house: House) -> str:
    """Which one a new connection is shown."""
    shown = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((HOST, house.tls_port)))
    names = {each.sha256: name for name, each in house.certificates.items()}
    return names[hashlib.sha256(shown).hexdigest()]


Change = Callable[[House], None]


def instead(name: str, old: str, new: str) -> Change:
    return lambda house: house.change(name, old, new)


@dataclass(frozen=True, slots=True)
class Matter:
    """One kind of files: a good change of them, and what anybody outside sees without it and with it."""

    good: Change
    seen: Callable[[House], str]
    was: str
    becomes: str


MATTERS = {
    "rules": Matter(
        instead(
            "rules/90-all.rules",
            'rule "all"',
            'rule "large" when notional > 40mm\n  ask top 1\n  wait 60s\n  send automatically\nrule "all"',
        ),
        sent_by_a_rule,
        "asked 0",
        "asked 1",
    ),
    "scoring": Matter(
        instead(
            "scoring.toml",
            "half_life_days = 30",
            "half_life_days = 10\n[classic]\nfill_rate = 0.8\nprice_improvement = 0.2\nleakage = 0\nspeed = 0",
        ),
        scored,
        r"30% fill_rate \+ 40% price_improvement \+ 20% leakage \+ 10% speed$",
        r"80% fill_rate \+ 20% price_improvement$",
    ),
    "dealers": Matter(
        instead("dealers.toml", "firm_time_s = 60", "firm_time_s = 60\npaused = true"),
        sent_by_a_person,
        "asked 1: ",
        r"asked 0: rfqctl: .*paused",
    ),
    "limits": Matter(
        instead("engine.toml", "notional_max = 50_000_000", "notional_max = 900_000"),
        sent_by_a_person,
        "asked 1: ",
        r"asked 0: rfqctl: .*risk\.notional_max",
    ),
    "people": Matter(
        instead(
            "engine.toml",
            "[metrics]",
            f'[[admin.people]]\nuid = {os.getuid()}\nactor = "kim"\nrole = "viewer"\n\n[metrics]',
        ),
        let_an_operator,
        "the log tells INFO",
        "rfqctl: log.level needs role operator; kim is viewer",
    ),
    "rates": Matter(instead("rates.csv", "1.0850", "1.0950"), the_rate, "EUR/USD 1.0850", "EUR/USD 1.0950"),
    "securities": Matter(
        lambda house: house.path("bonds.csv").write_text(_with_the_new_bond(house.path("bonds.csv").read_text())),
        took_an_order_in_the_new_bond,
        f"rfqctl: unknown security '{NEW_ISIN}'",
        f"O-[0-9]{{6}}  buy 1,000,000 {NEW_ISIN} Cask 4 40",
    ),
    "sessions": Matter(
        instead("engine.toml", "heart_bt_int_s = 30", "heart_bt_int_s = 20"), logged_on_with, "108=30", "108=20"
    ),
    "tls": Matter(lambda house: house.put_certificate("renewed"), certificate_shown, "old", "renewed"),
}


def _with_the_new_bond(bonds: str) -> str:
    last = bonds.splitlines()[-1]
    return bonds + last.replace(OTHER_ISIN, NEW_ISIN).replace("Bellows 4 40", "Cask 4 40") + "\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is put into files that have a good change too, and what is said of it: file, place, what was expected."""

    kind: str
    bad: Change
    said: str


FAULTS = {
    "a rule that is half typed": Fault(
        "rules",
        instead("rules/90-all.rules", RULES.removeprefix('rule "all"'), " when notional >"),
        r"90-all\.rules:5:27: expected a field or a value, found the end of the file",
    ),
    "a field that there is not": Fault(
        "rules",
        instead("rules/90-all.rules", "when true", "when notionl > 1mm"),
        r"90-all\.rules:6:8: unknown field 'notionl' \(did you mean 'notional'\?\)\n +when notionl > 1mm\n +\^{7}\n",
    ),
    "a window of nothing": Fault(
        "scoring",
        instead("scoring.toml", "half_life_days = 10", "half_life_days = -1"),
        r"scoring\.toml: half_life_days: expected a number above 0 and at most 3650, found -1$",
    ),
    "scores that are no TOML": Fault(
        "scoring",
        instead("scoring.toml", "speed = 0", "speed : 0"),
        r"scoring\.toml: line 6, column 7: expected '=' after a key",
    ),
    "a dealer without a session": Fault(
        "dealers",
        instead("dealers.toml", 'session = "alder"', 'session = "elder"'),
        r"dealers\.toml: dealer\[alder\]\.session: expected the key of a session of role 'dealer' .*, found 'elder'",
    ),
    "a key of dealers that there is not": Fault(
        "dealers",
        instead("dealers.toml", "firm_time_s", "firm_tim_s"),
        r"dealers\.toml: dealer\[alder\]\.firm_tim_s: unknown key \(did you mean 'firm_time_s'\?\)",
    ),
    "a limit out of bounds": Fault(
        "limits",
        instead("engine.toml", "open_rfqs_max = 200", "open_rfqs_max = 0"),
        r"engine\.toml: risk\.open_rfqs_max: expected a whole number from 1 to 100000, found 0",
    ),
    "limits that are no TOML": Fault(
        "limits",
        instead("engine.toml", "open_rfqs_max = 200", "open_rfqs_max 200"),
        r"engine\.toml: line \d+, column 15: expected '=' after a key",
    ),
    "a role that nobody has": Fault(
        "people",
        instead("engine.toml", "[metrics]", '[[admin.people]]\nuid = 7\nactor = "lee"\nrole = "boss"\n\n[metrics]'),
        r"engine\.toml: admin\.people\[lee\]\.role: expected one of 'viewer', .*, found the text \"boss\"",
    ),
    "a rate that is none": Fault(
        "rates",
        instead("rates.csv", "1.0950", "1E3"),
        r"rates\.csv:2: price: expected a rate in plain digits such as 1\.0850, found '1E3'",
    ),
    "a pair turned round": Fault(
        "rates",
        instead("rates.csv", "1.0950", "0.9217"),
        r"rates: EUR/USD 0\.9217 is more than 10% away from EUR/USD 1\.0850 of rates\.csv \(did you mean USD/EUR",
    ),
    "a bond by a wrong name": Fault(
        "securities",
        instead("bonds.csv", OTHER_ISIN, "XS0000000BB4"),
        r"bonds\.csv:3: Bellows 4 40: isin: expected an ISIN with the right check digit, found 'XS0000000BB4'",
    ),
    "a day that there is not": Fault(
        "securities",
        instead("bonds.csv", "2035-03-15", "2035-02-30"),
        r"bonds\.csv:2: Anvil Works 5 35: maturity: expected a date as in 2031-06-15, found '2035-02-30'",
    ),
    "a session of no role": Fault(
        "sessions",
        instead("engine.toml", 'role = "oms"', 'role = "omz"'),
        r"engine\.toml: session\[oms\]\.role: expected one of 'oms', .*, found the text \"omz\"",
    ),
    "a heartbeat out of bounds": Fault(
        "sessions",
        instead("engine.toml", "heart_bt_int_s = 20", "heart_bt_int_s = 2000"),
        r"engine\.toml: session\[alder\]\.heart_bt_int_s: expected 1 to 300 .*, found 2000",
    ),
    "no certificate": Fault(
        "tls",
        lambda house: house.path("us.pem").write_text("nothing of the kind\n"),
        r"engine\.toml: fix\.tls\.certificate: .*us\.pem has no certificate in PEM form",
    ),
    "another's key": Fault(
        "tls",
        lambda house: house.path("us.pem").write_text(
            house.certificates["renewed"].certificate.read_text() + house.certificates["old"].key.read_text()
        ),
        r"engine\.toml: fix\.tls\.key: .*us\.pem is not the key of .*us\.pem",
    ),
}


def load_for(house: House, kind: str) -> Orders:
    """Over TLS where certificates are exchanged: connections that are up go on."""
    made = Orders(house.oms_over_tls() if kind == "tls" else house.oms())
    made.begin()
    return made


@pytest.mark.parametrize("kind", MATTERS)
def test_a_good_file_is_in_force_and_nobody_waits_for_it(house: House, kind: str) -> None:
    matter = MATTERS[kind]
    assert re.match(matter.was, matter.seen(house))
    load = load_for(house, kind)
    matter.good(house)

    assert f"taken up: {kind}" in house.reload(kind)

    assert re.match(matter.becomes, matter.seen(house))
    load.oms.still_answered()
    load.end()
    rows = journal_rows(
        house.desk.journal, "SELECT json_extract(body, '$.kinds[0]') FROM events WHERE type = 'Reloaded'"
    )
    assert rows == [(kind,)]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_file_changes_nothing_and_is_told_of(house: House, fault: str) -> None:
    """What is good in it is not taken up either."""
    kind, said, matter = FAULTS[fault].kind, FAULTS[fault].said, MATTERS[FAULTS[fault].kind]
    load = load_for(house, kind)
    before = house.told("status")
    matter.good(house)
    FAULTS[fault].bad(house)

    told = house.reload(kind, status=1)

    assert "nothing was taken up" in told
    assert re.search(said, told, re.MULTILINE)
    assert re.match(matter.was, matter.seen(house))
    load.oms.still_answered()
    load.end()
    after = house.told("status")
    assert {name: after[name] for name in ("book_hash", "scoring_hash", "securities", "sessions", "dealers")} == {
        name: before[name] for name in ("book_hash", "scoring_hash", "securities", "sessions", "dealers")
    }
    assert not journal_rows(house.desk.journal, "SELECT 1 FROM events WHERE type = 'Reloaded'")
    assert journal_rows(house.desk.journal, "SELECT 1 FROM events WHERE type = 'ReloadRefused'") == [(1,)]
    assert any("files not taken up" in line for line in house.rfqd.lines)
    assert f'config_reloads_total{{kind="{kind}",outcome="refused"}} 1' in house.answer("metrics")[1]


def test_a_line_that_hardly_can_be_right_is_in_force_and_told_of(house: House) -> None:
    """By whoever put it in force, not in the log alone: the next order in that bond leans on it."""
    house.reload("securities")
    assert "warning" not in house.reload("securities")
    house.change("bonds.csv", "2035-03-15", "2135-03-15")
    warned = [line for line in house.reload("securities").splitlines() if line.startswith("warning: ")]
    assert len(warned) == 1
    assert warned[0].startswith("warning: bonds.csv:2: Anvil Works 5 35: maturity: ")
    assert any(warned[0].removeprefix("warning: ") in line for line in house.rfqd.lines)


def test_every_kind_there_is_has_a_good_change_and_a_fault() -> None:
    assert set(MATTERS) == {fault.kind for fault in FAULTS.values()} == set(KINDS)


def test_heartbeats_come_by_the_new_interval_once_the_session_logs_on_again(house: House) -> None:
    house.change("engine.toml", "heart_bt_int_s = 30", "heart_bt_int_s = 1")
    house.reload("sessions")
    assert logged_on_with(house) == "108=1"
    house.dealer.expect(times=3, t35="0", t112=None)  # By the old one, the first would come in half a minute.


@pytest.mark.parametrize(
    "name", ["rules/90-all.rules", "scoring.toml", "dealers.toml", "engine.toml", "bonds.csv", "rates.csv"]
)
def test_while_a_file_takes_long_to_be_read_everything_goes_on(house: House, name: str) -> None:
    """Its reader waits at a pipe for as long as the test wants: nobody else does."""
    text = house.path(name).read_text()
    oms = house.oms(heart_bt_int_s=1)
    house.path(name).unlink()
    os.mkfifo(house.path(name))
    os.kill(house.rfqd.pid, signal.SIGHUP)
    with house.path(name).open("w") as pipe:  # Somebody reads it from here on.
        heartbeats = sum(said.kind == "0" for said in oms.heard)
        oms.expect(times=heartbeats + 1, t35="0")
        load = Orders(oms)
        load.begin()
        house.dealer.still_answered()
        oms.expect(times=20, t35="8", t150="0")
        assert "another reload is under way" in house.reload(status=1)
        load.end()
        assert not any("files taken up" in line for line in house.rfqd.lines)
        pipe.write(text)

    house.rfqd.until_said("files taken up kinds=rules,scoring,dealers,rates,limits,people,sessions,securities,tls")


@pytest.mark.full
def test_no_order_and_no_heartbeat_is_late_while_large_files_are_read(house: House) -> None:
    """As long as it takes for some heartbeats of a session that says nothing: good and bad files in turn."""
    house.change("engine.toml", "heart_bt_int_s = 30", f"heart_bt_int_s = {HEART_BT_INT_S}")
    house.reload("sessions")
    assert logged_on_with(house) == f"108={HEART_BT_INT_S}"
    make_large(house)
    load = load_for(house, "all")
    dealer = house.dealer
    turn = 0
    while sum(said.has(t35="0", t112=None) for said in dealer.heard) < 3:
        turn += 1
        house.path("scoring.toml").write_text(f"half_life_days = {turn}\n")
        rule = 'rule "half typed" when' if turn % 3 == 0 else f"# Read for the {turn}. time.\n"
        house.path("rules/10-more.rules").write_text(rule)
        answered = load.sent

        house.reload(status=1 if turn % 3 == 0 else 0)

        assert load.sent > answered + 1, "orders are answered meanwhile"
    load.end()
    assert turn > 3
    assert house.told("status")["securities"] == LARGE_BONDS + 2
    silences_s = [after - before for before, after in pairwise(dealer.heard_at_s)]
    assert max(silences_s) <= 1.2 * HEART_BT_INT_S


HEART_BT_INT_S = 5
LARGE_BONDS, LARGE_DEALERS, LARGE_RULES = 5_000, 500, 50


def make_large(house: House) -> None:
    last = house.path("bonds.csv").read_text().splitlines()[-1]
    with house.path("bonds.csv").open("a") as bonds:
        for number in range(LARGE_BONDS):
            body = f"XS{number:09d}"
            isin = body + isin_check_digit(body)
            bonds.write(last.replace(OTHER_ISIN, isin).replace("Bellows 4 40", f"Bellows {number} 40") + "\n")
    [dealer] = house.path("dealers.toml").read_text().split("[[dealer]]")[1:]
    with house.path("dealers.toml").open("a") as dealers, house.path("engine.toml").open("a") as engine:
        for number in range(LARGE_DEALERS):
            body = f"0000DEALER{number:08d}"
            check = 98 - int("".join(str(int(each, 36)) for each in f"{body}00")) % 97
            lines = dealer.replace(LEIS["alder"], f"{body}{check:02d}").replace('"alder"', f'"dealer{number}"')
            dealers.write(f"\n[[dealer]]{lines}")
            engine.write(house.desk._session(Peer(f"dealer{number}", "dealer")))
    rules = [f'rule "over {mm}" when notional > {mm}mm\n  ask top 3\n' for mm in range(LARGE_RULES + 50, 50, -1)]
    house.path("rules/20-large.rules").write_text("\n".join(rules))


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
    # The others would keep those from being looked at: nobody may enter orders, or nobody is asked.
    changed = [MATTERS[kind] for kind in ("rules", "scoring", "securities", "sessions", "tls")]
    for matter in changed:
        matter.good(house)

    os.kill(house.rfqd.pid, signal.SIGHUP)

    house.rfqd.until_said("files taken up kinds=rules,scoring,dealers,rates,limits,people,sessions,securities,tls")
    assert all(re.match(matter.becomes, matter.seen(house)) for matter in changed)
    house.path("dealers.toml").write_text("[[dealer]]\nid 7\n")
    os.kill(house.rfqd.pid, signal.SIGHUP)
    house.rfqd.until_said(
        "SIGHUP: nothing was taken up, everything goes on as it was: dealers.toml: line 2, column 4: "
    )
    assert all(re.match(matter.becomes, matter.seen(house)) for matter in changed)
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

    house.rfqd.until_said("files taken up kinds=rules,scoring,dealers,rates,limits,people,sessions,securities,tls")

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


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("rules", "rules/90-all.rules"),
        ("scoring", "scoring.toml"),
        ("dealers", "dealers.toml"),
        ("limits", "engine.toml"),
        ("rates", "rates.csv"),
        ("securities", "bonds.csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_bad_one(house: House, kind: str, name: str) -> None:
    """Tests may run as root, whom no mode keeps out: a folder in its place cannot be read by anybody."""
    path = house.path(name)
    path.unlink()
    assert path.name in house.reload(kind, status=1) or kind == "rules"
    path.mkdir()

    told = house.reload(kind, status=1)

    assert "nothing was taken up" in told
    assert "Is a directory" in told
    assert re.match(MATTERS[kind].was, MATTERS[kind].seen(house))
    house.oms().still_answered()


def test_a_hang_up_during_the_start_ends_nothing(house: House) -> None:
    assert house.rfqd.stop() == 0
    house.rfqd.start(until_ready=False)
    house.rfqd.until_said("journal taken over", times=2)

    os.kill(house.rfqd.pid, signal.SIGHUP)

    house.rfqd.until_said("ready name=", times=2)
