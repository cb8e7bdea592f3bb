"""A bond in euros at a desk whose base is the dollar, over real sockets: its rate told by W and by file, asked, traded,
copied, measured, held against limits; without a rate, or by a wrong one, nobody is asked.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from interop_daemon import ISIN, Desk, Peer, Rfqd
from interop_link import free_port
from interop_market import DealerDesk
from interop_market import order as an_order
from interop_raw import RawListener, RawPeer
from interop_wire import utc_now

from engine.admin.client import AdminClient
from engine.errors import CommandError

EURO_ISIN = "XS0000000CC9"
RULES = (
    'rule "large"\n  when notional > 5mm EUR\n  ask top 1\n  wait 60s\n  send after approval\n'
    'rule "all"\n  when true\n  ask top 1\n  wait 60s\n  send automatically\n'
    "  execute automatically when within 100bp price of fair, else ask trader\n"
)


def euros(cl_ord_id: str, quantity: int, security: str = EURO_ISIN, currency: str = "EUR") -> list[tuple[int, str]]:
    body = an_order(cl_ord_id, security, quantity)
    return [(tag, currency if tag == 15 else value) for tag, value in body]  # type: ignore[misc]


@dataclass(slots=True)
class House:
    desk: Desk
    rfqd: Rfqd
    provider: RawListener
    dealer: RawListener

    def write_rates(self, *lines: str) -> None:
        (self.desk.folder / "rates.csv").write_text("\n".join(["pair,price,time", *lines]) + "\n")

    def reload(self) -> dict[str, object]:
        with AdminClient(self.desk.socket) as client:
            answer: dict[str, object] = client.call("reload", kinds=["rates"], reason="the test says so")
            return answer


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
    provider, dealer = RawListener("MD"), RawListener("ALDER")
    peers = [
        Peer("oms", "oms"),
        Peer("copy", "dropcopy"),
        Peer("md", "market", provider.port),
        Peer("alder", "dealer", dealer.port),
    ]
    more = {"reference": 'rates = "rates.csv"', "market.rates": 'session = "md"\npairs = ["EURUSD"]\nevery_s = 0'}
    desk = Desk(tmp_path / "desk", run_dir, free_port(), peers, RULES, more=more)
    config = desk.write()
    bonds = desk.folder / "bonds.csv"
    line = next(each for each in bonds.read_text().splitlines() if each.startswith(ISIN))
    bonds.write_text(bonds.read_text() + line.replace(ISIN, EURO_ISIN).replace(",USD,", ",EUR,") + "\n")
    made = House(desk, Rfqd(config), provider, dealer)
    made.write_rates()
    made.rfqd.start()
    try:
        yield made
        assert made.rfqd.stop() == 0
    finally:
        made.rfqd.end()
        provider.close()
        dealer.close()
        shutil.rmtree(run_dir)


def book(symbol: list[tuple[int, str]], bid: str, offer: str) -> list[tuple[int, str]]:
    at = utc_now()
    fields = [(262, "x"), *symbol, (268, "2")]
    for side, price in (("0", bid), ("1", offer)):
        fields += [(269, side), (270, price), (272, at[:8]), (273, at[9:])]
    return fields


def answer(dealer: RawPeer, desk: DealerDesk, times: int) -> None:
    """Quote the next request and fill the order that follows."""
    for kind in ("R", "D"):
        said = dealer.expect(times, t35=kind)
        assert said[15] == "EUR"
        for out in desk.answer(said):
            dealer.say(*out)


def test_an_order_in_euros_is_traded_copied_and_measured(house: House) -> None:
    provider, dealer = house.provider.accept(), house.dealer.accept()
    oms = RawPeer.dial(house.desk.fix_port, "OMS").logon()
    copy = RawPeer.dial(house.desk.fix_port, "COPY").logon()
    wanted = next(said for said in [provider.expect(t35="V", t460="4")])
    assert wanted[55] == "EUR/USD"
    provider.say("W", book([(55, "[N/A]"), (48, EURO_ISIN), (22, "4")], "99.45", "99.55"))

    # Nobody has told a rate: it waits, and says for what.
    oms.say("D", euros("E1", 1_000_000))
    oms.expect(t35="8", t11="E1", t150="0")
    with AdminClient(house.desk.socket) as client:
        (line,) = client.call("orders", state="open")["orders"]
        assert line["note"] == "risk notional: size in USD is unknown: no rate for EUR"
        client.call("credit_limits.put", rows=[{"scope": "dealer:alder", "day_max": 2_000_000}])

    # A rate comes, and with it the order is asked for, taken and filled.
    provider.say("W", book([(55, "EUR/USD")], "1.0848", "1.0852"))
    answer(dealer, DealerDesk("alder"), 1)
    filled = oms.expect(t35="8", t11="E1", t150="F")
    assert (filled[15], filled[32], filled[14], filled[151]) == ("EUR", "1000000", "1000000", "0")
    assert Decimal(filled[118]) == Decimal(filled[381]) + Decimal(filled[159])
    copied = copy.expect(t35="8", t11="E1", t150="F")
    assert (copied[15], copied[17], copied[797]) == ("EUR", filled[17], "Y")

    # What it cost is in bps of its own price; what it used of a limit in dollars.
    with AdminClient(house.desk.socket) as client:
        told = client.call("tca.order", order="1")
        assert told["fills"][0]["exec_id"] == filled[17]
        (limit,) = client.call("credit")["limits"]
        assert Decimal(limit["dealt"]) == Decimal("1085000")
        (fill,) = client.call("executions")["executions"]
        assert fill["currency"] == "EUR"
        (rate,) = client.call("rates")["rates"]
        assert (rate["worth"], rate["source"], rate["used"]) == ("1.085", "md", True)

    # Euros for a bond in dollars are refused by their tag, and so is another settlement currency.
    oms.say("D", euros("E2", 1_000_000, security=ISIN))
    refused = oms.expect(t35="8", t11="E2", t150="8")
    assert refused[58] == "Currency(15) is EUR, the bond is in USD"
    oms.say("D", [*euros("E3", 1_000_000), (120, "USD")])
    refused = oms.expect(t35="8", t11="E3", t150="8")
    assert (refused[103], refused[58]) == ("11", "SettlCurrency(120)=USD: the bond settles in EUR")
    oms.say("D", euros("E4", 1_000_000, currency="eur"))
    assert "Currency(15)" in oms.expect(t35="8", t11="E4", t150="8")[58]

    # More than the limit has left; more than a rule sends by itself, in euros.
    oms.say("D", euros("E5", 900_000))
    oms.expect(t35="8", t11="E5", t150="0")
    oms.say("D", euros("E6", 5_000_001))
    oms.expect(t35="8", t11="E6", t150="0")
    with AdminClient(house.desk.socket) as client:
        open_orders = {each["cl_ord_id"]: each for each in client.call("orders", state="open")["orders"]}
        assert open_orders["E5"]["rule"] == "all"
        assert "its credit limit leaves 915000.00 USD" in str(client.call("order.show", order="2")).replace(",", "")
        assert open_orders["E6"]["rule"] == "large"

    # All of it is the same after a kill.
    with AdminClient(house.desk.socket) as client:
        before = client.call("rates")["rates"][0]["time"], client.call("credit")["limits"]
    house.rfqd.kill()
    house.rfqd.start()
    with AdminClient(house.desk.socket) as client:
        assert (client.call("rates")["rates"][0]["time"], client.call("credit")["limits"]) == before


def test_a_file_of_rates_is_read_again_and_a_wrong_one_changes_nothing(house: House) -> None:
    provider, dealer = house.provider.accept(), house.dealer.accept()
    oms = RawPeer.dial(house.desk.fix_port, "OMS").logon()
    provider.say("W", book([(55, "[N/A]"), (48, EURO_ISIN), (22, "4")], "99.45", "99.55"))
    oms.say("D", euros("F1", 1_000_000))
    oms.expect(t35="8", t11="F1", t150="0")

    house.write_rates(f"EUR/USD,1.0850,{now()}")
    assert house.reload()["changed"] == ["rates"]
    assert dealer.expect(t35="R")[38] == "1000000", "the order that waited is asked for"

    for line, words in (
        (f"EUR/USD,0.9217,{now()}", "did you mean USD/EUR 0.9217?"),
        (f"EUR/USD,1E3,{now()}", "rates.csv:2: price: expected a rate in plain digits such as 1.0850, found '1E3'"),
        (f"EUR/GBP,0.86,{now()}", "neither is the base currency USD"),
    ):
        house.write_rates(line)
        with pytest.raises(CommandError, match="nothing was taken up") as caught:
            house.reload()
        assert words in str(caught.value)
    with AdminClient(house.desk.socket) as client:
        assert [each["price"] for each in client.call("rates")["rates"]] == ["1.0850"]

    # Taken out while an order is live: it cannot be accepted until there is one again, by a person.
    house.write_rates()
    house.reload()
    quoting = DealerDesk("alder")
    dealer.say(*quoting.quote(dealer.expect(t35="R")))
    oms.say("D", euros("F2", 1_000_000, currency="eur"))
    oms.expect(t35="8", t11="F2", t150="8")
    assert [said for said in dealer.heard if said.kind == "D"] == []
    with AdminClient(house.desk.socket) as client:
        with pytest.raises(CommandError, match="size in USD is unknown: no rate for EUR"):
            client.call("execute", order="1")
        assert client.call("rates.put", rows=[{"pair": "EURUSD", "price": "1.0850"}])["taken"] == 1
        client.call("execute", order="1")
    for out in quoting.answer(dealer.expect(t35="D")):
        dealer.say(*out)
    assert oms.expect(t35="8", t11="F1", t150="F")[15] == "EUR"
