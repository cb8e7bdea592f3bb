"""A dealer that fills in parts, tells of it late, twice or wrong, and takes trades back; it knows what it traded."""

from __future__ import annotations

import collections
import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from paper.clock import PaperClock
from paper.dealer import Dealer
from paper.habits import Afterwards, Habits, plan_order, plan_trade
from paper.wire import Message
from paper_support import ISIN, End, Peer, acceptor, ends, initiator, order_on, prices, quote_request
from test_paper_dealer import style

MM = Decimal(1_000_000)
FAST = 200.0
"""Seconds of the dealer's clock in one of ours."""
CALM = 20.0
"""The same where a quote has to live on a busy machine."""


class Dealing:
    """A dealer with these habits, a stand-in engine, and one order of it, whole."""

    def __init__(self, tmp_path: Path, habits: str, seed: int = 1, speed: float = FAST) -> None:
        self._path, self._habits, self._seed = tmp_path, Habits.parse(habits), seed
        self.clock = PaperClock(speed=speed, origin_ns=PaperClock().now_ns())
        self.engine = End(tmp_path / "engine.db", initiator(), clock=self.clock)
        self.dealer = self._new_dealer()
        self.port = 0

    def _new_dealer(self) -> End:
        end = End(self._path / "alder.db", acceptor(), Peer(), clock=self.clock, role="dealer")
        dealer = Dealer(end.party, prices(), style(), self._seed, habits=self._habits)
        end.session._application = dealer
        dealer.serve(end.session)
        return end

    async def start(self) -> Dealing:
        self.port = await self.dealer.listen()
        self.engine.dial(self.port)
        await self.engine.peer.until(lambda: self.engine.session.active)
        return self

    async def restart_dealer(self) -> None:
        await self.dealer.kill()
        await self.engine.peer.until(lambda: not self.engine.session.active)
        self.dealer = self._new_dealer()
        await self.dealer.listen(self.port)
        await self.engine.peer.until(lambda: self.engine.session.active)

    async def order(self, cl_ord_id: str = "c1") -> None:
        before = len(self.engine.peer.of("S"))
        self.engine.session.send("R", quote_request(self.clock, f"r-{cl_ord_id}"))
        quote = await self.engine.peer.message("S", before + 1)
        self.engine.session.send("D", order_on(quote, cl_ord_id, self.clock))

    async def reports(self, times: int) -> list[Message]:
        await self.engine.peer.message("8", times)
        return self.engine.peer.of("8")

    @property
    def trades(self) -> list[dict[str, Any]]:
        return list(self.dealer.party.store.recall_all("trade").values())


def shown(report: Message, *tags: int) -> list[str | None]:
    return [report.get(tag) for tag in tags]


# --- plans -----------------------------------------------------------------------------------------------


def test_habits_are_told_on_the_command_line() -> None:
    habits = Habits.parse("busts=0.25,parts=1")
    assert (habits.busts, habits.parts, habits.corrects) == (0.25, 1.0, 0.0)
    assert Habits.parse(str(habits)) == habits
    assert Habits.parse("") == Habits()
    with pytest.raises(ValueError, match="'bust' is none of parts, "):
        Habits.parse("bust=0.5")
    with pytest.raises(ValueError, match="busts is a chance from 0 to 1, found 2"):
        Habits.parse("busts=2")


def test_without_habits_an_order_is_filled_whole_and_told_once() -> None:
    for number in range(100):
        assert plan_order(Habits(), 1, "ELM", f"O{number}", MM).parts == (MM,)
        plan = plan_trade(Habits(), 1, "ELM", f"E{number}", shuffled=False)
        assert (plan.told_after_s, plan.repeated_after_s, plan.misprint) == (0.0, None, None)
        assert plan.afterwards is Afterwards.NOTHING


def test_plans_follow_the_chances_and_are_the_same_again() -> None:
    habits = Habits(parts=0.5, busts=0.2, corrects=0.3)
    orders = [plan_order(habits, 1, "ELM", f"O{n}", MM) for n in range(1_000)]
    assert orders == [plan_order(habits, 1, "ELM", f"O{n}", MM) for n in range(1_000)]
    assert 440 < sum(len(plan.parts) > 1 for plan in orders) < 560  # 500, four standard errors of 16
    assert all(sum(plan.parts) == MM and min(plan.parts) > 0 for plan in orders)
    trades = collections.Counter(plan_trade(habits, 1, "ELM", f"E{n}", shuffled=False).afterwards for n in range(1_000))
    for number in range(100):
        one = plan_trade(habits, 1, "ELM", f"E{number}", shuffled=False)
        other = plan_trade(habits, 1, "ELM", f"E{number}", shuffled=True)
        assert dataclasses.replace(other, told_after_s=0.0) == one, "when it is told of changes nothing else"
    assert 149 < trades[Afterwards.BUST] < 251  # 200, of 12.6
    assert 242 < trades[Afterwards.PRICE] + trades[Afterwards.QUANTITY] < 358  # 300, of 14.5


# --- what the engine hears -------------------------------------------------------------------------------


async def test_an_order_is_filled_in_parts_that_add_up(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "parts=1")
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        await dealing.engine.peer.until(lambda: any(m.get(39) == "2" for m in dealing.engine.peer.of("8")))
        reports, filled = dealing.engine.peer.of("8"), Decimal(0)
        assert len(reports) > 1
        for report in reports:
            filled += Decimal(report.need(32))
            assert (report.get(150), Decimal(report.need(14)), Decimal(report.need(151))) == ("F", filled, MM - filled)
            assert report.get(39) == ("2" if filled == MM else "1")
        assert len({report.get(17) for report in reports}) == len(reports) == len(dealing.trades)


@pytest.mark.parametrize(("by_status", "exec_type"), [("0", "4"), ("1", "0")], ids=["4", "0"])
async def test_the_rest_of_an_order_is_canceled(tmp_path: Path, by_status: str, exec_type: str) -> None:
    dealing = Dealing(tmp_path, f"parts=1,stops=1,by_status={by_status}")
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        await dealing.engine.peer.until(lambda: any(m.get(39) == "4" for m in dealing.engine.peer.of("8")))
        *fills, last = dealing.engine.peer.of("8")
        traded = sum(Decimal(report.need(32)) for report in fills)
        assert 0 < traded < MM
        assert (last.get(150), last.get(151), Decimal(last.need(14))) == (exec_type, "0", traded)


@pytest.mark.parametrize(("by_cancel", "cited"), [("0", "c1"), ("1", None)], ids=["with 41", "without"])
async def test_the_rest_of_an_order_can_be_canceled_by_us(tmp_path: Path, by_cancel: str, cited: str | None) -> None:
    dealing = Dealing(tmp_path, f"parts=1,by_cancel={by_cancel}", speed=1.0)
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        (first,) = (await dealing.reports(1))[:1]
        request = [(11, "f1"), (41, "c1"), (55, "[N/A]"), (48, first.need(48)), (54, "1"), (38, MM)]
        dealing.engine.session.send("F", [*request, (60, dealing.clock.timestamp())])
        await dealing.engine.peer.until(lambda: any(m.get(11) == "f1" for m in dealing.engine.peer.got))
        (answer,) = [m for m in dealing.engine.peer.got if m.get(11) == "f1"]
        assert [answer.msg_type, *shown(answer, 150, 39, 41, 151)] == ["8", "4", "4", cited, "0"]
        assert Decimal(answer.need(14)) == sum(Decimal(trade["quantity"]) for trade in dealing.trades)


async def test_a_trade_is_taken_back(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "busts=1")
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        fill, bust = await dealing.reports(2)
        assert shown(fill, 150, 39, 32, 14, 151) == ["F", "2", "1000000", "1000000", "0"]
        assert shown(bust, 150, 39, 32, 31, 14, 151, 6) == ["H", "4", "1000000", fill.get(31), "0", "0", "0"]
        assert bust.get(19) == fill.get(17) != bust.get(17)
        (trade,) = dealing.trades
        assert (trade["said_as"], trade["stands"]) == ([fill.get(17), bust.get(17)], False)


async def test_after_a_cancel_of_its_trade_an_order_is_filled_again(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "busts=1,reopens=1")
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        _, bust, again = (await dealing.reports(3))[:3]
        assert shown(bust, 150, 39, 14, 151) == ["H", "0", "0", "1000000"]
        assert shown(again, 150, 39, 14, 151) == ["F", "2", "1000000", "0"]


async def test_a_trade_is_corrected(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "corrects=1")
    seen = set()
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        for number in range(1, 9):
            await dealing.order(f"c{number}")
            fill, corrected = (await dealing.reports(2 * number))[-2:]
            assert shown(corrected, 150, 19) == ["G", fill.get(17)]
            price, quantity = Decimal(corrected.need(31)), Decimal(corrected.need(32))
            change = (price - Decimal(fill.need(31)), quantity)
            seen.add(change)
            # We buy: a lower price is to our favour.
            assert change in {(Decimal(move), MM) for move in ("-0.05", "-0.01", "0.01")} | {(Decimal(0), MM / 2)}
            assert Decimal(corrected.need(14)) == quantity
            assert shown(corrected, 39, 151) == ["2" if quantity == MM else "4", "0"]
            (trade,) = [each for each in dealing.trades if each["cl_ord_id"] == f"c{number}"]
            assert (Decimal(trade["price"]), Decimal(trade["quantity"])) == (price, quantity)
    assert len(seen) > 1


async def test_a_report_comes_again(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "repeats=1,bare_repeats=1")
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        first, again = await dealing.reports(2)
        assert (first.poss_resend, again.poss_resend) == (False, True)
        header = {8, 9, 10, 34, 52, 97}
        assert {tag: v for tag, v in first.fields if tag not in {*header, 75}} == {
            tag: v for tag, v in again.fields if tag not in header
        }
        assert len(dealing.trades) == 1


async def test_an_afterthought_leaves_before_what_it_is_about(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "busts=1,early=1")
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        bust, fill = await dealing.reports(2)
        assert (bust.get(150), fill.get(150), bust.get(19)) == ("H", "F", fill.get(17))


async def test_a_misprint_is_no_other_trade(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "misprints=1")
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        (fill,) = await dealing.reports(1)
        (trade,) = dealing.trades
        assert Decimal(fill.need(31)) / Decimal(trade["price"]) in (Decimal("0.1"), Decimal(10))


async def test_a_trade_is_told_under_two_names(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "twice=1")
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        first, other = await dealing.reports(2)
        assert shown(first, 150, 32, 14) == shown(other, 150, 32, 14) == ["F", "1000000", "1000000"]
        (trade,) = dealing.trades
        assert trade["said_as"] == [first.get(17), other.get(17)]


async def test_a_trade_that_is_not_told_of_is_in_the_status(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "silent=1")
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        await dealing.dealer.events.until("fill")
        assert not dealing.engine.peer.of("8")
        dealing.engine.session.send("H", [(11, "c1"), (55, "[N/A]"), (48, ISIN), (54, "1")])
        (status,) = await dealing.reports(1)
        assert shown(status, 150, 39, 14, 151) == ["I", "2", "1000000", "0"]


async def test_a_connection_that_breaks_loses_no_trade(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "drops=1")
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        await dealing.engine.peer.until(lambda: dealing.engine.peer.logons == 2)
        (fill,) = await dealing.reports(1)
        assert fill.get(17) == dealing.trades[0]["exec_id"]


async def test_what_a_killed_dealer_meant_to_do_it_does_once(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "busts=1,repeats=1,afterwards_s=400")
    await dealing.start()
    await dealing.order()
    await dealing.reports(1)
    await dealing.restart_dealer()
    async with ends(dealing.engine, dealing.dealer):
        reports = await dealing.reports(3)
        assert sorted(report.need(150) + (report.get(97) or "") for report in reports) == ["F", "FY", "H"]
        (trade,) = dealing.trades
        assert not trade["stands"]
        assert not dealing.dealer.party.store.recall_all("task")


# --- trade reports -----------------------------------------------------------------------------------------


def sides(report: Message) -> list[dict[int, str]]:
    """The entries of NoSides(552)."""
    entries: list[dict[int, str]] = []
    for tag, value in report.fields:
        if tag == 54:
            entries.append({})
        if entries and tag != 10:
            entries[-1][tag] = value
    assert len(entries) == int(report.need(552))
    return entries


@pytest.mark.parametrize(("habits", "named"), [("reports_alone=1", True), ("reports_alone=1,nameless=1", False)])
async def test_a_trade_is_told_by_a_trade_report_alone(tmp_path: Path, habits: str, named: bool) -> None:
    dealing = Dealing(tmp_path, habits, speed=CALM)
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        report = await dealing.engine.peer.message("AE", 1)
        (trade,) = dealing.trades
        assert shown(report, 487, 856, 570, 32, 48) == ["0", "0", "N", "1000000", ISIN]
        assert Decimal(report.need(31)) == Decimal(trade["price"])
        assert report.get(17) == (trade["exec_id"] if named else None)
        assert trade["reported_as"] == [report.get(571)]
        ours = [each for each in sides(report) if each.get(11) == "c1"]
        assert [(each[54], each[37]) for each in ours] == [
            ("1", dealing.dealer.party.store.recall("order", "c1")["order_id"])
        ]
        assert not dealing.engine.peer.of("8")


async def test_a_trade_is_told_by_both_and_comes_again(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "reports=1,repeats=1,afterwards_s=10", speed=CALM)
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        await dealing.engine.peer.message("AE", 2)
        await dealing.reports(2)
        reports, executions = dealing.engine.peer.of("AE"), dealing.engine.peer.of("8")
        assert [each.poss_resend for each in (*reports, *executions)] == [False, True, False, True]
        assert {each.get(17) for each in (*reports, *executions)} == {dealing.trades[0]["exec_id"]}
        assert len({each.get(571) for each in reports}) == 1


async def test_a_trade_report_takes_its_trade_back(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "reports_alone=1,busts=1,afterwards_s=10", speed=CALM)
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        back = await dealing.engine.peer.message("AE", 2)
        first = dealing.engine.peer.of("AE")[0]
        assert shown(back, 487, 572, 32) == ["1", first.get(571), "1000000"]
        (trade,) = dealing.trades
        assert (trade["reported_as"], trade["stands"]) == ([first.get(571), back.get(571)], False)


async def test_a_dealer_takes_the_acknowledgement_of_its_report(tmp_path: Path) -> None:
    dealing = Dealing(tmp_path, "reports_alone=1", speed=CALM)
    async with ends(dealing.engine, dealing.dealer):
        await dealing.start()
        await dealing.order()
        report = await dealing.engine.peer.message("AE", 1)
        ack: list[tuple[int, Any]] = [(55, "[N/A]"), (150, "F"), (571, report.need(571)), (939, 0)]
        dealing.engine.session.send("AR", ack)
        await dealing.dealer.events.until("noted")
        assert not dealing.engine.peer.of("j")
