"""A dealer of another engine that reports its trades by TradeCaptureReport(AE): alone, beside the 8, over a kill.

On real sockets. QuickFIX holds every TradeCaptureReportAck(AR) of ours against its own FIX 4.4 dictionary and rejects
what that does not have: `end_well` finds it.
"""

from __future__ import annotations

import pytest
from interop_daemon import ISIN
from interop_market import Outgoing, order
from interop_scene import Scene, SceneOf
from interop_wire import Said
from test_interop_crash import kill_and_restart

pytestmark = pytest.mark.full_with("fixcore")
MM = 1_000_000


def held(scene_of: SceneOf) -> tuple[Scene, str]:
    """A market where alder has our order and says nothing by itself; our ClOrdID(11) there."""
    market = scene_of()
    desk = market.desks["alder"]
    desk.filling = desk.canceling = "hold"
    market.start()
    market.oms.send("D", order("A-1", ISIN, MM))
    return market, market.board.until("alder to have the order", lambda: [*desk.orders][:1])[0]


def say(market: Scene, *outgoing: Outgoing) -> None:
    for kind, body in outgoing:
        market.parties["alder"].send(kind, body)


def acks(market: Scene, count: int) -> list[tuple[str | None, ...]]:
    """TradeReportID(571), TrdRptStatus(939) and TradeReportRejectReason(751) of so many acknowledgements."""
    market.heard("alder", count, t35="AR")
    return [(said[571], said[939], said.get(751)) for said in market.parties["alder"].heard if said.kind == "AR"]


def fills(market: Scene, key: str = "oms") -> list[Said]:
    return [said for said in market.parties[key].heard if said.kind == "8" and said[150] == "F"]


def test_trade_reports_are_all_that_a_dealer_says_of_its_trades(scene_of: SceneOf) -> None:
    market, taken = held(scene_of)
    desk = market.desks["alder"]
    say(market, desk.trade_report(taken, 400_000, "T-1"), desk.trade_report(taken, 600_000, "T-2", [(17, "X-2")]))
    assert acks(market, 2) == [("T-1", "0", None), ("T-2", "0", None)]
    market.heard("oms", 2, t150="F")
    assert [(each[39], each[32], each[14], each[151], each[527]) for each in fills(market)] == [
        ("1", "400000", "400000", "600000", "T-1"),
        ("2", "600000", "1000000", "0", "X-2"),
    ]
    market.end_well()


def test_a_trade_is_told_by_an_8_and_by_an_ae_in_either_order_and_twice(scene_of: SceneOf) -> None:
    market, taken = held(scene_of)
    desk = market.desks["alder"]
    say(
        market,
        desk.fill(taken, 400_000, 400_000, 600_000),
        desk.trade_report(taken, 400_000, "T-1"),
        desk.trade_report(taken, 600_000, "T-2"),
        desk.fill(taken, 600_000, MM, 0),
        desk.trade_report(taken, 600_000, "T-2", [(97, "Y")]),
    )
    assert acks(market, 3) == [("T-1", "0", None), ("T-2", "0", None), ("T-2", "0", None)]
    for key in ("oms", "dropcopy"):
        market.heard(key, 2, t150="F")
        assert [(each[32], each[14], each[39]) for each in fills(market, key)] == [
            ("400000", "400000", "1"),
            ("600000", "1000000", "2"),
        ]
    market.end_well()


def test_a_trade_report_is_known_again_after_a_kill(scene_of: SceneOf) -> None:
    market, taken = held(scene_of)
    desk = market.desks["alder"]
    say(market, desk.trade_report(taken, 400_000, "T-1"))
    assert acks(market, 1) == [("T-1", "0", None)]
    kill_and_restart(market)
    say(market, desk.trade_report(taken, 400_000, "T-1", [(97, "Y")]), desk.fill(taken, 400_000, 400_000, 600_000))
    say(market, desk.trade_report(taken, 600_000, "T-2"))
    market.heard("oms", 1, t150="F", t39="2")
    told = {each[17]: (each[32], each[14]) for each in fills(market)}
    assert sorted(told.values()) == [("400000", "400000"), ("600000", "1000000")]
    market.end_well()


def test_a_trade_of_nothing_that_was_ordered_is_told_no(scene_of: SceneOf) -> None:
    market, taken = held(scene_of)
    desk = market.desks["alder"]
    kind, body = desk.trade_report(taken, 400_000, "T-1")
    stranger = [(tag, [[(54, "1"), (37, "K-9"), (11, "never")]] if tag == 552 else value) for tag, value in body]
    say(market, (kind, stranger))
    assert acks(market, 1) == [("T-1", "1", "99")]
    assert market.query("SELECT count(*) FROM events WHERE type = 'FillQuarantined'") == [(1,)]
    assert not fills(market)
    say(market, desk.fill(taken, MM, MM, 0))
    market.heard("oms", 1, t150="F")
    market.end_well()
