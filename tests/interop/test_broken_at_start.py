"""A file that is broken at a start after a crash: open orders have an engine, and nothing is sent by a rule.

The text that was last in force stands in for it until a good file is read.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from interop_daemon import ISIN, Desk, Peer, Rfqd
from interop_link import Board, free_port
from interop_market import order
from interop_raw import RawListener, RawPeer

from engine.admin import cli


@dataclass(slots=True)
class House:
    """A desk with one order that waits for its trader, and a dealer that is logged on."""

    desk: Desk
    rfqd: Rfqd
    dealer: RawListener
    capsys: pytest.CaptureFixture[str]

    def rfqctl(self, *words: str, status: int = 0) -> str:
        got = cli.main([*words, "--socket", str(self.desk.socket)])
        shown = self.capsys.readouterr()
        assert got == status, shown
        return shown.out + shown.err

    def told(self, *words: str) -> Any:
        return json.loads(self.rfqctl(*words, "--json"))

    def file(self, name: str) -> Path:
        return self.desk.folder / name

    def order(self, cl_ord_id: str, oms: RawPeer) -> None:
        oms.say("D", order(cl_ord_id, ISIN, 1_000_000))
        oms.expect(t35="8", t11=cl_ord_id, t150="0")

    def until_up(self, key: str) -> None:
        Board().until(f"{key} to be up", lambda: key not in self.told("status")["sessions"]["down"] or None)

    def switches(self) -> list[str]:
        return [kill["scope"] for kill in self.told("status")["kills"]]


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[House]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    dealer = RawListener("ALDER")
    peers = [Peer("oms", "oms"), Peer("alder", "dealer", dealer.port)]
    desk = Desk(tmp_path / "desk", run_dir, free_port(), peers, more={"fix": "logout_timeout_s = 0.2"})
    desk.folder.mkdir()
    (desk.folder / "scoring.toml").write_text("half_life_days = 30\n")
    desk.more["engine"] = ""
    desk.write()
    config = desk.folder / "engine.toml"
    lines = config.read_text().splitlines()
    config.write_text("\n".join('scoring = "scoring.toml"' if line.startswith("scoring =") else line for line in lines))
    rfqd = Rfqd(config)
    rfqd.start()
    made = House(desk, rfqd, dealer, capsys)
    try:
        yield made
    finally:
        rfqd.end()
        dealer.close()
        shutil.rmtree(run_dir)


BROKEN = {
    "rules": ("rules/90-all.rules", 'rule "half typed" when notional <', "90-all.rules"),
    "dealers": ("dealers.toml", '[[dealer]]\nid = "alder"\nname = "Al', "dealers.toml"),
    "scoring": ("scoring.toml", "half_life_days = -3", "scoring.toml: half_life_days"),
    "securities": ("bonds.csv", "isin,name\n", "bonds.csv"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_leaves_open_orders_their_engine(house: House, kind: str) -> None:
    name, text, why = BROKEN[kind]
    house.dealer.accept()
    oms = RawPeer.dial(house.desk.fix_port, "OMS").logon()
    house.rfqctl("kill", "on", "--all", "--reason", "so that the order stays open")
    house.order("O1", oms)
    house.rfqd.kill()
    good = house.file(name).read_text()
    house.file(name).write_text(text)

    house.rfqd.start()

    assert house.told("orders")["orders"][0]["cl_ord_id"] == "O1", "the order is there"
    assert house.switches() == ["all", f"file:{kind}"]
    assert why in house.rfqctl("status"), "status says what is wrong with it"
    assert any(f"the text of {kind} that was last in force" in line and why in line for line in house.rfqd.complaints)
    house.rfqctl("kill", "off", "--all", "--reason", "the order is to be worked")
    alder = house.dealer.accept(next_out=2)  # The numbers go on.
    house.until_up("alder")
    oms = RawPeer.dial(house.desk.fix_port, "OMS").logon()
    house.order("O2", oms)
    orders = {each["cl_ord_id"]: each for each in house.told("orders")["orders"]}
    assert "nothing is sent by a rule" in orders["O2"]["note"]
    assert not [said for said in alder.heard if said.kind == "R"]
    house.rfqctl("send", orders["O2"]["order"])
    alder.expect(t35="R")  # A person may.
    house.rfqd.kill()
    house.file(name).write_text(good)

    house.rfqd.start()

    assert house.switches() == [], "a good file at a start takes the switch off"
    assert house.rfqd.stop() == 0


@pytest.mark.parametrize("kind", [kind for kind in BROKEN if kind != "securities"])
def test_without_a_text_that_was_in_force_it_refuses_to_start(house: House, kind: str) -> None:
    name, text, why = BROKEN[kind]
    house.dealer.accept()
    assert house.rfqd.stop() == 0
    shutil.rmtree(house.file("var"))
    house.file(name).write_text(text)

    house.rfqd.start(until_ready=False)
    Board().until("it to end by itself", lambda: not house.rfqd.running or None)

    assert house.rfqd.stop() == 2
    assert any(why in line for line in house.rfqd.lines)


def test_a_file_that_is_gone_or_may_not_be_read_is_a_broken_one(house: House) -> None:
    house.rfqd.kill()
    house.file("rules/90-all.rules").unlink()
    house.file("dealers.toml").unlink()
    house.file("bonds.csv").unlink()

    house.rfqd.start()

    assert sorted(house.switches()) == ["file:dealers", "file:rules", "file:securities"]


def test_rules_that_name_a_dealer_who_is_gone_leave_open_orders_their_engine(house: House) -> None:
    """Neither file is broken by itself, and the rules of before are the same."""
    house.dealer.accept()
    oms = RawPeer.dial(house.desk.fix_port, "OMS").logon()
    house.rfqctl("kill", "on", "--all", "--reason", "so that the order stays open")
    house.order("O1", oms)
    rules = house.file("rules/90-all.rules")
    named = 'rule "one of them" when notional > 1bn\n  ask everyone in {alder}\n' + rules.read_text()
    rules.write_text(named)
    house.rfqctl("reload", "rules", "--reason", "a dealer by its name")
    house.rfqd.kill()
    dealers = house.file("dealers.toml")
    good = dealers.read_text()
    dealers.write_text(good.replace('id = "alder"', 'id = "elder"'))

    house.rfqd.start()

    assert house.told("orders")["orders"][0]["cl_ord_id"] == "O1", "the order is there"
    assert sorted(house.switches()) == ["all", "file:dealers", "file:rules"]
    assert "alder" in house.rfqctl("status"), "status says whom it misses"
    dealers.write_text(good)
    house.rfqctl("reload", "rules", "dealers", "--reason", "he is back")
    assert house.switches() == ["all"]
    assert house.rfqd.stop() == 0


def test_a_bond_that_something_is_open_in_is_known_after_a_start_without_it(house: House) -> None:
    """It matured and left the file, which is whole: what a dealer fills of it must be booked all the same."""
    house.dealer.accept()
    oms = RawPeer.dial(house.desk.fix_port, "OMS").logon()
    house.rfqctl("kill", "on", "--all", "--reason", "so that the order stays open")
    house.order("O1", oms)
    bonds = house.file("bonds.csv")
    bonds.write_text("".join(line for line in bonds.read_text().splitlines(True) if ISIN not in line))
    house.rfqd.kill()

    house.rfqd.start()

    assert house.switches() == ["all"], "nobody asks anybody yet, and no file is wrong"
    assert any(f"bond {ISIN} is open and no more in bonds.csv" in line for line in house.rfqd.complaints)
    house.rfqctl("reload", "rules", "--reason", "it speaks against nothing else")
    assert f"securities: {ISIN} is missing" in house.rfqctl("reload", "securities", "--reason", "x", status=1)
    alder = house.dealer.accept(next_out=2)
    house.until_up("alder")
    house.rfqctl("kill", "off", "--all", "--reason", "now it is asked for")
    alder.expect(t35="R", t48=ISIN)
    house.rfqd.kill()

    house.rfqd.start()

    said = [line for line in house.rfqd.complaints if f"bond {ISIN} is open" in line]
    assert len(said) == 2, "its text is not the last one any more, and is found all the same"
    assert all("goes on as the journal has it" in line for line in said)
    assert house.rfqd.stop() == 0
