"""What holds after every step of every scenario, whether a row spells it out or not."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from scenario_world import ScenarioWorld

from engine.domain import events as e
from engine.domain.order import Order

ENDED: Final = ("2", "4", "8", "C")


def hold(world: ScenarioWorld) -> None:
    """Raises AssertionError for what does not."""
    state = world.trading.state
    # A dealer that fills what it has rejected, or corrects a fill of it, is believed: the other order is called back.
    contradicted = {
        each.body.get("order_id")
        for each in world.notices
        if each.body.get("what") in ("fill after the end", "trade corrected")
    }
    # What a person has booked was traded, and may be beyond what is left: that is asked of the person.
    by_person = {each.exec_id for each in world.recorded(e.QuarantineSettled)}
    assert world.recorded(e.InputRefused) == [], "every input can be handled"
    for order in state.orders.values():
        placements = state.placements_of(order.order_id)
        fills = state.fills_of(order.order_id)
        out = order.filled + sum((each.reserved for each in placements), Decimal(0))
        most = order.terms.quantity + sum((x.quantity for x in fills if x.exec_id in by_person), Decimal(0))
        assert order.order_id in contradicted or out <= most, f"{order.order_id}: more is out than was ordered"
        assert order.filled == sum((each.filled for each in placements), Decimal(0))
        assert order.filled == sum((fill.quantity for fill in fills), Decimal(0))
        # A trade that is taken back may have opened an acceptance anew.
        reopened = bool(world.recorded(e.FillCanceled) or world.recorded(e.FillCorrected))
        assert reopened or len([each for each in placements if each.unanswered]) <= 1, "one dealer at a time has it"
    _hold_reports(world)


def answered(world: ScenarioWorld, step: str) -> None:
    """What an OMS asks for is answered, never met by silence."""
    if step.startswith("oms: "):
        answers = [fields[35] for who, fields in world.since_step() if who == "oms"]
        assert set(answers) & {"8", "9", "3", "j"}, "no answer"


def _hold_reports(world: ScenarioWorld) -> None:
    """What was recorded is what the drop copy was told, and the OMS unless it is away; the last word is the state."""
    told = [event.report for event in world.recorded(e.OrderReported)]
    for who, wanted in (("dropcopy", told), ("oms", [each for each in told if each.session == "oms"])):
        sent = [fields for to, fields in world.wire if to == who and fields[35] == "8" and fields[150] != "I"]
        sent = [fields for fields in sent if fields.get(43) != "Y"]
        waiting = sum(
            each.msg_type == "8" and b"\x01150=I\x01" not in each.body for each in world.machine.links[who].waiting
        )
        assert [fields[17] for fields in sent] == [each.exec_id for each in wanted][: len(wanted) - waiting], who
        assert all((fields.get(797) == "Y") is (who == "dropcopy") for fields in sent)
        for fields in sent:
            _hold_quantities(fields)
    for order in world.trading.state.orders.values():
        _hold_last_word(order, [each for each in told if each.order_id == order.order_id])


def _hold_quantities(fields: Mapping[int, str]) -> None:
    """FIX 4.4 Vol 4: LeavesQty(151) is OrderQty(38) less CumQty(14), and 0 once the order is over."""
    leaves, whole, filled = (Decimal(fields[tag]) for tag in (151, 38, 14))
    assert leaves == (0 if fields[39] in ENDED else whole - filled), fields
    if fields[39] == "2":
        assert filled >= whole, fields
    if fields[150] == "F":
        assert Decimal(fields[32]) > 0, fields


def _hold_last_word(order: Order, told: list[Any]) -> None:
    assert told, f"{order.order_id}: nobody was told"
    assert (told[-1].cum_quantity, told[-1].leaves_quantity) == (order.filled, order.leaves)
