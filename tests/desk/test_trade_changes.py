"""A dealer takes a fill back (150=H) or corrects it (150=G): who is told what, and what is counted afterwards."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest
from desk_scene import BOND, MM, Scene, placed, scene

from engine.clock import utc_day
from engine.desk.apply import apply
from engine.desk.costs import Costs
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.credit import CreditKind, CreditScope
from engine.domain.observation import Taken
from engine.domain.order import OrderState, OrderStatus, TimeInForce
from engine.domain.placement import PlacementState
from engine.journal.event_codec import Codec, event_types

CODEC: Final = Codec(event_types(vars(e), e.Event), e.UPCASTERS)
D = Decimal
S, P, K = OrderState, PlacementState, m.ReportKind


def trade(world: Scene, order_id: str, word: m.DealerWord, of: str, exec_id: str, /, **changes: Any) -> None:
    world.reports_of(order_id, word, **{"exec_id": exec_id, "refers_to": of, **changes})


def bust(world: Scene, order_id: str, /, of: str = "E1", exec_id: str = "H1", **changes: Any) -> None:
    trade(world, order_id, m.DealerWord.trade_canceled, of, exec_id, **changes)


def correct(world: Scene, order_id: str, /, of: str = "E1", exec_id: str = "G1", **changes: Any) -> None:
    trade(world, order_id, m.DealerWord.corrected, of, exec_id, **changes)


def filled(*parts: int, account: str = "PARALLEL", **order: Any) -> tuple[Scene, str]:
    """An order of a million, placed at 99.95, with fills E1, E2 ...: all of it where there are none named."""
    world, order_id = placed(account, **order)
    for at, part in enumerate(parts or (MM,), 1):
        world.fills(order_id, part, exec_id=f"E{at}")
    return world, order_id


def told(world: Scene, *, copy: bool = False) -> list[tuple[str, str, Decimal, Decimal]]:
    """ExecType(150), OrdStatus(39), CumQty(14) and LeavesQty(151) of everything told since the trades."""
    reports = world.reports(copy)
    first = next(at for at, each in enumerate(reports) if each.kind is K.trade)
    return [(each.kind.value, each.ord_status.value, each.cum_quantity, each.leaves_quantity) for each in reports][
        first:
    ]


def paged(world: Scene) -> list[str]:
    return [page.body["what"] for page in world.pages()]


def folded(world: Scene) -> None:
    """The events alone make the same state."""
    state = DeskState()
    for event in (*world.before, *world.events):
        apply(state, event)
    assert state.digest() == world.state.digest()


# --- a trade cancel -------------------------------------------------------------------------------


@pytest.mark.parametrize("copy", [False, True])
def test_a_filled_order_is_open_again_and_everybody_is_told(copy: bool) -> None:
    world, order_id = filled()
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0), status=OrderStatus.canceled, text="error trade")
    assert told(world, copy=copy) == [("F", "2", MM, 0), ("H", "0", 0, MM)]
    trade, cancel = world.reports(copy)[-2:]
    assert cancel.exec_ref_id == trade.exec_id
    assert cancel.exec_id not in {each.exec_id for each in world.reports(copy)[:-1]}
    assert (cancel.average_price, cancel.last_quantity, cancel.last_price) == (0, None, None)
    assert (cancel.dealer, cancel.dealer_exec_id) == (trade.dealer, "H1")
    assert cancel.text == "trade canceled by the dealer: 1000000 at 99.95: error trade"
    order, placement = world.the(order_id), world.placement(order_id)
    assert (order.state, order.filled, order.leaves, order.ended_ns) == (S.with_trader, 0, MM, 0)
    assert (placement.state, placement.filled, placement.reserved) == (P.busted, 0, 0)
    assert paged(world) == ["trade canceled"]
    folded(world)


def test_the_order_can_be_filled_again_elsewhere() -> None:
    world, order_id = filled()
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0))
    world.command("send", order=order_id)
    world.says("beech", "99.97", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, exec_id="E1")
    assert told(world)[-1] == ("F", "2", MM, 0)
    assert world.the(order_id).average_price == D("99.97")
    folded(world)


def test_a_part_taken_back_leaves_the_rest() -> None:
    world, order_id = filled(400_000, 600_000)
    bust(world, order_id, cum_quantity=D(600_000), leaves_quantity=D(0))
    assert told(world)[-1] == ("H", "1", 600_000, 400_000)
    placement = world.placement(order_id)
    assert (placement.state, placement.filled) == (P.canceled, 600_000)
    assert world.the(order_id).state is S.with_trader
    folded(world)


def test_while_the_acceptance_is_alive_the_part_stays_reserved() -> None:
    world, order_id = filled(400_000)
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(MM), status=OrderStatus.new)
    order, placement = world.the(order_id), world.placement(order_id)
    assert (order.state, order.filled, placement.filled, placement.reserved) == (S.placed, 0, 0, MM)
    assert told(world)[-1] == ("H", "0", 0, MM)
    # The same execution may be done again under another name.
    world.fills(order_id, exec_id="E2")
    assert (world.the(order_id).state, told(world)[-1]) == (S.filled, ("F", "2", MM, 0))
    folded(world)


def test_what_the_dealer_may_fill_once_more_is_reserved_and_called_back() -> None:
    """Matrix J.1.a: at the dealer, too, the order is open again."""
    world, order_id = filled()
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(MM), status=OrderStatus.new)
    order, placement = world.the(order_id), world.placement(order_id)
    assert (order.state, placement.state, placement.reserved) == (S.placed, P.in_doubt, MM)
    [back] = world.said(m.CancelPlacement)
    assert back.placement_id == placement.placement_id
    assert told(world)[-1] == ("H", "0", 0, MM)
    world.reports_of(
        order_id, m.DealerWord.canceled, status=OrderStatus.canceled, cum_quantity=D(0), leaves_quantity=D(0)
    )
    assert (world.the(order_id).state, world.placement(order_id).reserved) == (S.with_trader, 0)
    folded(world)


def test_a_new_fill_of_what_lives_again_is_booked_as_any() -> None:
    world, order_id = filled()
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(MM), status=OrderStatus.new)
    world.fills(order_id, exec_id="E2", price="99.94")
    order = world.the(order_id)
    assert (order.state, order.filled, order.average_price) == (S.filled, MM, D("99.94"))
    folded(world)


@pytest.mark.parametrize("kind", ["canceled", "expired"])
def test_an_order_that_had_ended_stays_ended(kind: str) -> None:
    """Matrix J.1.b: "canceled" takes precedence over "new"."""
    tif = TimeInForce.ioc if kind == "expired" else TimeInForce.day
    world, order_id = filled(400_000, tif=tif)
    if kind == "canceled":
        world.cancel(order_id, "f1")
    world.reports_of(
        order_id,
        m.DealerWord.canceled,
        status=OrderStatus.canceled,
        cum_quantity=D(400_000),
        leaves_quantity=D(0),
    )
    world.advance(120)
    status = {"canceled": "4", "expired": "C"}[kind]
    assert world.the(order_id).state is S(kind)
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0), status=OrderStatus.canceled)
    assert told(world)[-1] == ("H", status, 0, 0)
    assert (world.the(order_id).state, world.the(order_id).filled) == (S(kind), 0)
    assert paged(world)[-1] == "trade canceled"
    folded(world)


def test_an_order_that_was_filled_after_its_end_is_over_again() -> None:
    world, order_id = filled(400_000)
    world.cancel(order_id, "f1")
    over = {"status": OrderStatus.canceled, "cum_quantity": D(400_000), "leaves_quantity": D(0)}
    world.reports_of(order_id, m.DealerWord.canceled, **over)
    world.fills(order_id, 600_000, exec_id="E2")
    assert told(world)[-1] == ("F", "2", MM, 0)
    bust(world, order_id, "E2", cum_quantity=D(400_000), leaves_quantity=D(0), status=OrderStatus.canceled)
    assert told(world)[-1] == ("H", "4", 400_000, 0)
    folded(world)


def test_an_immediate_order_is_over_with_less() -> None:
    world, order_id = filled(tif=TimeInForce.ioc)
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0))
    assert told(world)[-2:] == [("H", "0", 0, MM), ("C", "C", 0, 0)]
    folded(world)


def test_a_day_order_whose_day_is_over_does_not_open_again() -> None:
    world, order_id = filled(tif=TimeInForce.gtd, expire_ns=scene().now.utc_ns + 3_600 * 10**9)
    world.advance(7_200)
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0))
    assert told(world)[-2:] == [("H", "0", 0, MM), ("C", "C", 0, 0)]
    folded(world)


def test_a_copy_of_a_trade_cancel_changes_nothing() -> None:
    world, order_id = filled(400_000, 600_000)
    for _ in range(2):
        bust(world, order_id, cum_quantity=D(600_000), leaves_quantity=D(0), possible_resend=True)
    assert [each[0] for each in told(world)] == ["F", "F", "H"]
    assert len(world.recorded(e.FillRepeated)) == 1
    assert world.the(order_id).filled == 600_000


def test_a_second_trade_cancel_under_another_name_changes_nothing() -> None:
    world, order_id = filled(400_000, 600_000)
    bust(world, order_id, cum_quantity=D(600_000), leaves_quantity=D(0))
    bust(world, order_id, exec_id="H2", cum_quantity=D(600_000), leaves_quantity=D(0))
    assert [each[0] for each in told(world)] == ["F", "F", "H"]
    assert world.recorded(e.StrayMessage)[-1].text == "takes E1 back, which was canceled before"


def test_a_copy_of_the_fill_after_its_cancel_is_not_booked_again() -> None:
    world, order_id = filled()
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0))
    world.fills(order_id, MM, exec_id="E1", possible_resend=True)
    assert world.the(order_id).filled == 0
    assert [each[0] for each in told(world)] == ["F", "H"]


def test_the_cancel_may_come_under_the_fills_own_exec_id() -> None:
    world, order_id = filled()
    bust(world, order_id, exec_id="E1", cum_quantity=D(0), leaves_quantity=D(0))
    assert told(world)[-1] == ("H", "0", 0, MM)


def test_a_cancel_that_names_no_order_finds_the_fill() -> None:
    world, order_id = filled()
    bust(world, order_id, cl_ord_id="", order_id="", cum_quantity=D(0), leaves_quantity=D(0))
    assert told(world)[-1] == ("H", "0", 0, MM)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"of": ""}, "trade cancel without ExecRefID(19)", id="no reference"),
        pytest.param({"of": "E9"}, "trade cancel with ExecRefID(19)=E9: no such fill is booked", id="unknown"),
        pytest.param({"session": "beech"}, "trade cancel of a trade at ash, over another session", id="other session"),
        pytest.param(
            {"session": "beech", "cl_ord_id": ""}, "trade cancel of nothing we ordered", id="other session, no name"
        ),
        pytest.param({"cl_ord_id": "never", "of": "E9"}, "trade cancel of nothing we ordered", id="nothing of ours"),
        pytest.param({"security_id": "US0000000001"}, "SecurityID(48)=US0000000001", id="another bond"),
        pytest.param({"last_quantity": D(100_000)}, "trade cancel of LastQty(32) 100000", id="of a part"),
    ],
)
def test_a_cancel_that_cannot_be_carried_out_is_kept_for_a_person(changes: dict[str, Any], reason: str) -> None:
    world, order_id = filled()
    bust(world, order_id, **changes)
    assert world.recorded(e.FillQuarantined)[-1].reason.startswith(reason)
    assert paged(world)[-1] == "fill quarantined"
    assert (world.the(order_id).filled, world.the(order_id).state) == (MM, S.filled)
    assert not world.recorded(e.FillCanceled)


def test_a_cancel_of_another_orders_fill_is_kept_for_a_person() -> None:
    world, first = filled()
    world.advance(60)
    second = world.order(BOND, "buy", 2 * MM, account="PARALLEL")
    world.says("ash", "99.90", second)
    world.command("execute", order=second)
    world.fills(second, exec_id="F1")
    bust(world, second, "E1")
    assert "a fill of another order" in world.recorded(e.FillQuarantined)[-1].reason
    assert (world.the(first).filled, world.the(second).filled) == (MM, 2 * MM)


def test_a_count_that_the_cancel_did_not_lower_keeps_the_part_in_doubt() -> None:
    world, order_id = filled()
    bust(world, order_id, cum_quantity=D(MM), leaves_quantity=D(0), status=OrderStatus.filled)
    placement = world.placement(order_id)
    assert (placement.state, placement.reserved, placement.person_needed) == (P.in_doubt, MM, True)
    assert paged(world) == ["trade canceled", "order in doubt"]
    assert told(world)[-1] == ("H", "0", 0, MM)


def test_a_count_that_is_less_than_what_is_left_booked_is_told_to_a_person() -> None:
    world, order_id = filled(400_000, 600_000)
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0), status=OrderStatus.canceled)
    assert world.the(order_id).filled == 600_000
    assert paged(world) == ["trade canceled", "order in doubt"]


def test_a_cancel_while_our_own_cancel_waits() -> None:
    world, order_id = filled(400_000)
    world.cancel(order_id, "f1")
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(MM), status=OrderStatus.pending_cancel)
    assert told(world)[-1] == ("H", "6", 0, MM)
    over = {"status": OrderStatus.canceled, "cum_quantity": D(0), "leaves_quantity": D(0)}
    world.reports_of(order_id, m.DealerWord.canceled, **over)
    assert told(world)[-1] == ("4", "4", 0, 0)
    folded(world)


def test_a_cancel_while_a_replace_waits() -> None:
    world, order_id = filled(400_000)
    world.replace(order_id, "g1", 500_000)
    assert told(world)[-1][:2] == ("E", "E")
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(MM))
    assert told(world)[-1] == ("H", "E", 0, MM)
    over = {"status": OrderStatus.canceled, "cum_quantity": D(0), "leaves_quantity": D(0)}
    world.reports_of(order_id, m.DealerWord.canceled, **over)
    assert told(world)[-1] == ("5", "0", 0, 500_000)
    folded(world)


def test_the_last_word_that_ends_by_a_cancel() -> None:
    """Some say it all in one: the trade is canceled, and the rest of the order too."""
    world, order_id = filled(400_000)
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0), status=OrderStatus.canceled)
    assert world.placement(order_id).state is P.canceled
    assert world.the(order_id).state is S.asking or world.the(order_id).state is S.with_trader
    folded(world)


def test_counts_of_later_fills_follow() -> None:
    world, order_id = filled(200_000, 300_000)
    bust(world, order_id, cum_quantity=D(300_000), leaves_quantity=D(700_000))
    world.fills(order_id, 700_000, exec_id="E3", cum_quantity=D(MM), status=OrderStatus.filled)
    assert (world.the(order_id).state, world.the(order_id).filled) == (S.filled, MM)
    assert not world.recorded(e.FillQuarantined)
    folded(world)


@pytest.mark.parametrize("overtaken", [False, True], ids=["told before the cancel", "told after it"])
def test_a_last_word_that_was_held_back_takes_effect_with_the_cancel(overtaken: bool) -> None:
    """It counted what is booked once the trade is taken back, or what was booked with a fill that has not come."""
    world, order_id = filled(400_000)
    counted = D(0) if overtaken else D(700_000)
    over = {"status": OrderStatus.canceled, "leaves_quantity": D(0)}
    world.reports_of(order_id, m.DealerWord.canceled, cum_quantity=counted, **over)
    assert world.placement(order_id).unanswered
    bust(world, order_id)
    if not overtaken:
        assert world.placement(order_id).unanswered
        world.fills(order_id, 300_000, exec_id="E2", cum_quantity=D(300_000))
    assert world.placement(order_id).state is P.canceled
    folded(world)


# --- a correction ---------------------------------------------------------------------------------


@pytest.mark.parametrize("copy", [False, True])
def test_a_price_is_corrected(copy: bool) -> None:
    world, order_id = filled()
    correct(world, order_id, last_quantity=D(MM), last_price=D("99.93"), cum_quantity=D(MM), leaves_quantity=D(0))
    assert told(world, copy=copy) == [("F", "2", MM, 0), ("G", "2", MM, 0)]
    trade, corrected = world.reports(copy)[-2:]
    assert (corrected.exec_ref_id, corrected.last_quantity, corrected.last_price) == (trade.exec_id, MM, D("99.93"))
    assert corrected.average_price == D("99.93")
    assert corrected.gross == D("999300.00")
    assert world.the(order_id).average_price == D("99.93")
    assert paged(world) == ["trade corrected"]
    folded(world)


def test_a_quantity_is_corrected_down() -> None:
    world, order_id = filled()
    correct(
        world, order_id, last_quantity=D(700_000), last_price=D("99.95"), cum_quantity=D(700_000), leaves_quantity=D(0)
    )
    assert told(world)[-1] == ("G", "1", 700_000, 300_000)
    assert (world.the(order_id).state, world.placement(order_id).state) == (S.with_trader, P.canceled)
    folded(world)


def test_a_quantity_is_corrected_up() -> None:
    world, order_id = filled(400_000)
    correct(world, order_id, last_quantity=D(MM), last_price=D("99.95"), cum_quantity=D(MM), leaves_quantity=D(0))
    assert told(world)[-1] == ("G", "2", MM, 0)
    assert (world.the(order_id).state, world.placement(order_id).state) == (S.filled, P.filled)
    assert not world.rfq(order_id).open
    folded(world)


@pytest.mark.parametrize("of", ["E1", "G1"])
def test_a_correction_of_a_correction_and_its_cancel(of: str) -> None:
    """ExecRefID(19) may name the fill or its last correction; ours always names what was told last."""
    world, order_id = filled()
    correct(world, order_id, last_quantity=D(MM), last_price=D("99.93"), cum_quantity=D(MM))
    correct(world, order_id, of, "G2", last_quantity=D(MM), last_price=D("99.92"), cum_quantity=D(MM))
    bust(world, order_id, of, cum_quantity=D(0), leaves_quantity=D(0))
    chain = [each for each in world.reports(False) if each.kind in (K.trade, K.trade_corrected, K.trade_canceled)]
    assert [each.kind for each in chain] == [K.trade, K.trade_corrected, K.trade_corrected, K.trade_canceled]
    assert [each.exec_ref_id for each in chain] == ["", *(each.exec_id for each in chain[:-1])]
    assert world.the(order_id).filled == 0
    folded(world)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"last_quantity": D(MM + 1)}, "1000001 is more than the 1000000 that was left", id="too much"),
        pytest.param({"last_price": D("99.96")}, "99.96 is worse than the quoted 99.95", id="too bad"),
        pytest.param({"last_price": D("9.9")}, "9.9 is", id="too good"),
        pytest.param({"last_quantity": None}, "no LastQty(32) or LastPx(31)", id="no quantity"),
        pytest.param({"of": ""}, "trade correction without ExecRefID(19)", id="no reference"),
        pytest.param({"of": "E9"}, "trade correction with ExecRefID(19)=E9", id="unknown"),
    ],
)
def test_a_correction_that_cannot_be_booked_is_kept_for_a_person(changes: dict[str, Any], reason: str) -> None:
    world, order_id = filled()
    correct(world, order_id, **{"last_quantity": D(MM), "last_price": D("99.93"), **changes})
    assert world.recorded(e.FillQuarantined)[-1].reason.startswith(reason)
    assert (world.the(order_id).filled, world.the(order_id).average_price) == (MM, D("99.95"))
    assert not world.recorded(e.FillCorrected)


def test_a_correction_of_a_canceled_fill_is_kept_for_a_person() -> None:
    world, order_id = filled()
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0))
    correct(world, order_id, last_quantity=D(MM), last_price=D("99.93"))
    assert world.recorded(e.FillQuarantined)[-1].reason == "corrects E1, which was canceled"
    assert world.the(order_id).filled == 0


def test_a_copy_of_a_correction_changes_nothing_and_another_under_its_name_is_kept() -> None:
    world, order_id = filled()
    for price in ("99.93", "99.93", "99.92"):
        correct(world, order_id, last_quantity=D(MM), last_price=D(price), cum_quantity=D(MM))
    assert [each[0] for each in told(world)] == ["F", "G"]
    assert len(world.recorded(e.FillRepeated)) == 1
    assert world.recorded(e.FillQuarantined)[-1].reason == "same ExecID as another trade correction, and not the same"


def test_a_copy_of_the_fill_after_its_correction_is_a_copy() -> None:
    world, order_id = filled()
    correct(world, order_id, last_quantity=D(MM), last_price=D("99.93"), cum_quantity=D(MM))
    world.fills(order_id, MM, exec_id="E1", price="99.95", cum_quantity=D(MM))
    assert not world.recorded(e.FillQuarantined)
    assert world.the(order_id).average_price == D("99.93")


# --- of a fill in quarantine ----------------------------------------------------------------------


def test_a_fill_in_quarantine_is_booked_as_it_is_corrected() -> None:
    """The OMS has heard nothing of it: it hears of it once, as it is."""
    world, order_id = placed()
    world.fills(order_id, price="9.9", exec_id="E1")
    for _ in range(2):
        correct(world, order_id, last_quantity=D(MM), last_price=D("99.94"), cum_quantity=D(MM), leaves_quantity=D(0))
    assert told(world) == [("F", "2", MM, 0)]
    assert world.the(order_id).average_price == D("99.94")
    assert [each.verdict for each in world.state.quarantine.values() if each.session == "ash"][-1] is not None
    bust(world, order_id, "G1", cum_quantity=D(0), leaves_quantity=D(0))
    assert told(world)[-1] == ("H", "0", 0, MM)
    folded(world)


def test_a_fill_in_quarantine_stays_there_where_its_correction_cannot_be_booked_either() -> None:
    world, order_id = placed()
    world.fills(order_id, price="9.9", exec_id="E1")
    correct(world, order_id, last_quantity=D(MM), last_price=D("9.8"), cum_quantity=D(MM), leaves_quantity=D(0))
    assert not world.recorded(e.FillBooked)
    assert paged(world)[-1] in ("fill quarantined", "order in doubt")


def test_a_fill_in_quarantine_that_is_taken_back_waits_no_more() -> None:
    world, order_id = placed()
    world.fills(order_id, price="9.9", exec_id="E1")
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0), status=OrderStatus.canceled)
    assert not world.recorded(e.FillBooked)
    assert not world.state.in_quarantine(world.recorded(e.QuoteAccepted)[0].placement_id)
    assert world.recorded(e.QuoteAccepted)[0].placement_id not in {
        each.placement_id for each in world.state.unanswered()
    }
    folded(world)


# --- before the fill ------------------------------------------------------------------------------


def restarted(world: Scene) -> None:
    """The process starts again: the state is what its events say."""
    state = DeskState()
    for event in (*world.before, *world.events):
        apply(state, CODEC.decode(*CODEC.encode(event)))
    world.state = state


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_a_cancel_that_comes_before_its_fill_is_carried_out_with_it(named: bool, restart: bool) -> None:
    world, order_id = placed()
    ids = {} if named else {"cl_ord_id": "", "order_id": ""}
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0), **ids)
    assert paged(world) == ["fill quarantined"]
    if restart:
        restarted(world)
    world.fills(order_id, 400_000, exec_id="E1")
    assert told(world) == [("F", "1", 400_000, 600_000), ("H", "0", 0, MM)]
    assert not world.state.changes_waiting_for("ash", "E1")
    folded(world)


@pytest.mark.parametrize("restart", [False, True])
def test_a_correction_that_comes_before_its_fill_is_carried_out_with_it(restart: bool) -> None:
    world, order_id = placed()
    correct(world, order_id, last_quantity=D(300_000), last_price=D("99.94"), cum_quantity=D(300_000))
    if restart:
        restarted(world)
    world.fills(order_id, 400_000, exec_id="E1", cum_quantity=D(400_000))
    assert told(world) == [("F", "1", 400_000, 600_000), ("G", "1", 300_000, 700_000)]
    assert world.the(order_id).average_price == D("99.94")
    folded(world)


def test_a_cancel_after_a_restart() -> None:
    world, order_id = filled()
    restarted(world)
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0))
    assert told(world)[-1] == ("H", "0", 0, MM)


def test_what_names_another_order_does_not_wait_for_this_ones_fill() -> None:
    world, first = filled()
    world.advance(60)
    second = world.order(BOND, "buy", 2 * MM, account="PARALLEL")
    world.says("ash", "99.90", second)
    world.command("execute", order=second)
    bust(world, first, "F1")
    world.fills(second, exec_id="F1")
    assert (world.the(first).filled, world.the(second).filled) == (MM, 2 * MM)


# --- what is counted ------------------------------------------------------------------------------


def test_the_day_of_a_trade_that_is_taken_back_is_free_of_it() -> None:
    world, order_id = filled()
    day, scopes = utc_day(world.now.utc_ns), [CreditScope(CreditKind.dealer, "ash")]
    scopes += [CreditScope(CreditKind.account, "PARALLEL"), CreditScope(CreditKind.issuer, BOND.issuer)]
    before = [world.state.dealt_on(each, day) for each in scopes]
    correct(world, order_id, last_quantity=D(600_000), last_price=D("99.95"), leaves_quantity=D(0))
    assert [world.state.dealt_on(each, day) for each in scopes] == [each - 400_000 for each in before]
    world.advance(24 * 3_600)
    bust(world, order_id, leaves_quantity=D(0))
    assert [world.state.dealt_on(each, day) for each in scopes] == [each - MM for each in before]
    assert world.state.dealt_on(scopes[0], utc_day(world.now.utc_ns)) == 0


def knowledge(world: Scene) -> Any:
    """What the classic measures know of the dealer."""
    return world.desk.stats.metrics("ash", "*", 90, world.now.utc_ns)


def test_the_classic_measures_forget_a_trade_that_is_taken_back() -> None:
    world, order_id = placed()
    before = knowledge(world)
    world.fills(order_id, exec_id="E1")
    world.price(BOND, "100.2")
    world.advance(31 * 60)
    world.price(BOND, "100.2")
    world.advance(31 * 60)
    assert world.recorded(e.ReversionMeasured)[-1].reversion_bps is not None
    assert knowledge(world) != before
    bust(world, order_id, leaves_quantity=D(0))
    after = knowledge(world)
    for name in ("trades", "fill_rate", "price_improvement_bps", "reversion_bps"):
        if hasattr(before, name):
            assert getattr(after, name) == getattr(before, name), name
    assert after == before


def test_the_next_fill_tells_of_the_trade_where_the_first_is_taken_back() -> None:
    world, order_id = placed()
    world.fills(order_id, 400_000, "99.95", exec_id="E1")
    first = knowledge(world)
    world.fills(order_id, 600_000, "99.90", exec_id="E2")
    assert knowledge(world) == first
    bust(world, order_id, cum_quantity=D(600_000), leaves_quantity=D(0))
    other, other_id = placed()
    other.fills(other_id, 600_000, "99.90", exec_id="E2")
    assert knowledge(world) == knowledge(other)


def test_a_corrected_price_is_what_the_trade_improved_by() -> None:
    world, order_id = filled()
    correct(world, order_id, last_quantity=D(MM), last_price=D("99.90"), cum_quantity=D(MM))
    other, other_id = placed()
    other.fills(other_id, price="99.90")
    assert knowledge(world) == knowledge(other)


def test_costs_are_those_of_the_trades_that_stand() -> None:
    """A correction makes the figures of its price, a cancel none; live and folded."""
    world, order_id = filled()
    for _ in range(3):
        world.price(BOND, "100.2")
        world.advance(31 * 60)
    correct(world, order_id, last_quantity=D(MM), last_price=D("99.90"), cum_quantity=D(MM))
    other, other_id = placed()
    other.fills(other_id, price="99.90")
    for _ in range(3):
        other.price(BOND, "100.2")
        other.advance(31 * 60)
    mine, theirs = (each.desk.costs.of_order(name) for each, name in ((world, order_id), (other, other_id)))
    assert mine is not None
    assert theirs is not None
    assert mine.order.figures == theirs.order.figures
    assert next(iter(mine.fills.values())).figures == pytest.approx(next(iter(theirs.fills.values())).figures)
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0))
    mine = world.desk.costs.of_order(order_id)
    assert mine is not None
    assert (mine.fills, mine.order.figures) == ({}, {})
    days = world.desk.costs.dump()[1]
    left = {name: figures for day in days.values() for name, figures in day.items() if name == "dealer|ash"}
    assert "n=1" not in left.get("dealer|ash", "").replace("'edge', Both(ours=Tally(n=1", "")


def test_the_shortfall_of_an_order_that_stays_ended_is_that_of_less() -> None:
    world, order_id = filled(400_000)
    world.cancel(order_id, "f1")
    over = {"status": OrderStatus.canceled, "leaves_quantity": D(0)}
    world.reports_of(order_id, m.DealerWord.canceled, cum_quantity=D(400_000), **over)
    known = world.desk.costs.of_order(order_id)
    assert known is not None
    before = known.order.figures["shortfall"]
    bust(world, order_id, cum_quantity=D(0), **over)
    assert known.order.figures["shortfall"] != before
    folded_anew = Costs()
    state = DeskState()
    for event in (*world.before, *world.events):
        apply(state, event)
        folded_anew.fold(state, event)
    assert folded_anew.dump()[0][order_id] == repr(known)


def test_what_was_seen_of_the_round_is_amended() -> None:
    world, order_id = filled()
    bust(world, order_id, cum_quantity=D(0), leaves_quantity=D(0))
    amended = world.recorded(e.RoundAmended)[-1]
    assert [(each.dealer, each.taken, each.filled) for each in amended.was] == [("ash", Taken.filled, MM)]
    assert [(each.dealer, each.taken, each.filled) for each in amended.now] == [("ash", Taken.no, 0)]
    assert (amended.residual, amended.reason) == (MM, "its trade was canceled")
