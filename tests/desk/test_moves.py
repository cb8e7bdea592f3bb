"""Every move that the tables of `engine.domain.moves` have, and every one that they have not.

Each pair of states is tried twice: by the function that changes such a row, and by the events that would bring it
about. The tables as text stand in tests/golden/moves.txt, so that whoever changes a move sees it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pytest
from desk_scene import placed
from hypothesis import given
from hypothesis import strategies as st

from engine.desk.apply import apply
from engine.desk.order.reporting import ord_status
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import moves
from engine.domain.order import Handling, Order, OrderFacts, OrderState, OrderTerms, Side, TimeInForce
from engine.domain.placement import Fill, Placement, PlacementState
from engine.domain.rfq import Ask, AskPlan, AskState, ExecutePlan, Quote, QuoteKind, Rfq, RfqState
from engine.rules.plan import Mode

pytestmark = pytest.mark.starts("noon")  # No table knows the time.

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "moves.txt"
S, R, A, P = OrderState, RfqState, AskState, PlacementState


def an_order(state: OrderState = S.with_trader, quantity: int = 1_000, filled: int = 0, cancel: str = "") -> Order:
    terms = OrderTerms(
        cl_ord_id="c1",
        session="oms",
        account="FUND",
        trader="",
        security_id="bond",
        side=Side.buy,
        quantity=Decimal(quantity),
        limit_price=None,
        tif=TimeInForce.day,
        handling=Handling.automatic,
        currency="USD",
        transact_ns=0,
    )
    facts = OrderFacts("issuer", "corporate", "*", "", None, None, None, 0)
    done = Decimal(filled)
    return Order(
        "O-1", terms, facts, state, 0, None, filled=done, filled_value=done * 100, cancel_cl_ord_id=cancel, note="why"
    )


PLAN: Final = AskPlan(Mode.PARALLEL, ("ash", "beech"), 60, 0, None, ExecutePlan(False))
QUOTE: Final = Quote("q1", None, Decimal(100), Decimal(100), None, QuoteKind.tradeable, 99, 2, 1, None)


def an_ask(state: AskState = A.asked) -> Ask:
    return Ask("ash", state, "r1", 1, 1, 60)


def a_round(state: RfqState = R.asking, *asks: Ask) -> Rfq:
    return Rfq("Q-1", "O-1", 1, state, PLAN, Side.buy, Decimal(1_000), None, 1, asks)


def a_placement(state: PlacementState = P.in_doubt) -> Placement:
    quantity, price = Decimal(1_000), Decimal(100)
    return Placement(
        "P-1", "O-1", "Q-1", "ash", "ash", Side.buy, quantity, price, "q1", "bond", 2, 3, state=state
    )  # fmt: skip


# --- the events that would make each move --------------------------------------------------------

_TERMS: Final = an_order().terms


def a_fill(exec_id: str = "E-1", quantity: int = 1_000) -> e.FillBooked:
    size, price = Decimal(quantity), Decimal(100)
    fill = Fill(exec_id, exec_id, "O-1", "P-1", "ash", "x", size, price, "20261123", "20261124", 5)
    return e.FillBooked(5, fill, "*", None, None, 9)


def taken_back(state: PlacementState, exec_id: str = "E-1") -> e.FillCanceled:
    return e.FillCanceled(6, a_fill(exec_id, 400).fill, exec_id, f"ash|ash|P-1|{exec_id}|H", state.value, "")


RECEIVED: Final = e.OrderReceived(1, "O-1", _TERMS, an_order().facts, None, "", "", "session:oms")
OPENED: Final = e.RfqOpened(2, "Q-1", "O-1", 1, PLAN, Decimal(1_000), None, "rule:r")
ASKED: Final = e.DealerAsked(2, "Q-1", "ash", "*", "r1", 1, 60)
QUOTED: Final = e.QuoteReceived(3, "Q-1", "ash", "*", QUOTE, False)
DECIDING: Final = e.RfqDeciding(3, "Q-1", 30, "")
ACCEPTED: Final = e.QuoteAccepted(
    4, "P-1", "Q-1", "O-1", "ash", "ash", "q1", "bond", Decimal(1_000), Decimal(100), 2, "rule"
)
ALERTED: Final = e.TraderAlerted(3, "Q-1", "ash", "q1", "")
TO_DECIDE: Final = (RECEIVED, OPENED, ASKED, QUOTED, DECIDING)
TO_PLACE: Final = (*TO_DECIDE, ACCEPTED)


def ended(state: PlacementState) -> e.PlacementEnded:
    return e.PlacementEnded(5, "P-1", state.value, "", "*")


@dataclass(frozen=True, slots=True)
class Kind:
    """One table: how a row of it comes to each state, what would bring it to each, and how it is changed by hand."""

    name: str
    table: Mapping[Any, frozenset[Any]]
    back: Mapping[Any, frozenset[Any]]
    """What a fill that is taken back may do beside these."""
    states: type[StrEnum]
    reached: Mapping[StrEnum, tuple[e.Event, ...]]
    drives: Mapping[StrEnum, tuple[e.Event, ...]]
    """Events that would make a row this; one that a row's state does not concern changes nothing."""
    row: Callable[[DeskState], Any]
    move: Callable[[StrEnum, Any], Any]


def _ask_in(state: DeskState) -> Ask | None:
    return state.rfqs["Q-1"].ask_of("ash")


KINDS: Final = (
    Kind(
        "order",
        moves.ORDER_MOVES,
        moves.ORDER_MOVES_BACK,
        S,
        {
            S.with_trader: (*TO_DECIDE, e.OrderReturned(4, "O-1", "")),
            S.asking: TO_DECIDE,
            S.placed: TO_PLACE,
            S.filled: (*TO_PLACE, a_fill("E-1", 400), a_fill("E-0", 600)),
            S.canceled: (*TO_DECIDE, e.OrderCanceled(4, "O-1", "")),
            S.expired: (*TO_DECIDE, e.OrderExpired(4, "O-1", "")),
        },
        {
            S.with_trader: (e.OrderReturned(6, "O-1", ""), taken_back(P.canceled)),
            S.asking: (replace(OPENED, rfq_id="Q-2", round=2), ended(P.rejected), e.AcceptWithheld(6, "P-1", "")),
            S.placed: (replace(ACCEPTED, placement_id="P-2"),),
            S.filled: (replace(a_fill("E-2"), fill=replace(a_fill("E-2").fill, placement_id="another's")),),
            S.canceled: (e.OrderCanceled(6, "O-1", ""),),
            S.expired: (e.OrderExpired(6, "O-1", ""),),
        },
        lambda state: state.orders["O-1"],
        lambda was, to: moves.move_order(an_order(was), to),  # type: ignore[arg-type]
    ),
    Kind(
        "round",
        moves.ROUND_MOVES,
        {},
        R,
        {
            R.asking: (RECEIVED, OPENED, ASKED, QUOTED),
            R.deciding: (*TO_DECIDE, ALERTED),
            R.placed: TO_PLACE,
            R.done: (*TO_DECIDE, e.RfqClosed(4, "Q-1", "executed")),
            R.closed: (*TO_DECIDE, e.RfqClosed(4, "Q-1", "expired")),
        },
        {
            R.asking: (e.QuoteWithdrawn(6, "Q-1", "ash", "q1"), e.AcceptWithheld(6, "P-1", "")),
            R.deciding: (replace(DECIDING, at_ns=6),),
            R.placed: (ACCEPTED,),
            R.done: (e.RfqClosed(6, "Q-1", "executed"),),
            R.closed: (e.RfqClosed(6, "Q-1", "no execution"),),
        },
        lambda state: state.rfqs["Q-1"],
        lambda was, to: moves.move_round(a_round(was), to),  # type: ignore[arg-type]
    ),
    Kind(
        "ask",
        moves.ASK_MOVES,
        {},
        A,
        {
            A.asked: (RECEIVED, OPENED, ASKED),
            A.quoted: (RECEIVED, OPENED, ASKED, QUOTED),
            A.declined: (RECEIVED, OPENED, ASKED, e.DealerDeclined(3, "Q-1", "ash", "*", "", 1)),
            A.silent: (RECEIVED, OPENED, ASKED, e.DealerSilent(3, "Q-1", "ash", "*", 1)),
            A.withheld: (RECEIVED, OPENED, ASKED, e.AskWithheld(3, "Q-1", "ash", "", True)),
            A.not_delivered: (RECEIVED, OPENED, ASKED, e.AskWithheld(3, "Q-1", "ash", "", False)),
            A.blocked: (RECEIVED, OPENED, e.AskBlocked(3, "Q-1", "ash", "kill", "")),
        },
        {
            A.asked: (replace(ASKED, quote_req_id="r2"),),
            A.quoted: (replace(QUOTED, quote=replace(QUOTE, quote_id="q2")),),
            A.declined: (e.DealerDeclined(6, "Q-1", "ash", "*", "", 1),),
            A.silent: (e.DealerSilent(6, "Q-1", "ash", "*", 1),),
            A.withheld: (e.AskWithheld(6, "Q-1", "ash", "", True),),
            A.not_delivered: (e.AskWithheld(6, "Q-1", "ash", "", False),),
            A.blocked: (e.AskBlocked(6, "Q-1", "ash", "kill", ""),),
        },
        _ask_in,
        lambda was, to: moves.move_ask(a_round(R.asking, an_ask(was)), "ash", to, "").ask_of("ash"),  # type: ignore[arg-type]
    ),
    Kind(
        "placement",
        moves.PLACEMENT_MOVES,
        moves.PLACEMENT_MOVES_BACK,
        P,
        {
            P.in_doubt: TO_PLACE,
            P.acknowledged: (*TO_PLACE, e.PlacementAcknowledged(5, "P-1", "d1")),
            P.filled: (*TO_PLACE, a_fill("E-1", 400), a_fill("E-0", 600)),
            P.withheld: (*TO_PLACE, a_fill("E-1", 400), e.AcceptWithheld(5, "P-1", "")),
            **{
                each: (*TO_PLACE, a_fill("E-1", 400), ended(each))
                for each in (P.rejected, P.canceled, P.undelivered, P.forced)
            },
            P.busted: (
                *TO_PLACE, a_fill("E-3", 400), ended(P.canceled), taken_back(P.busted, "E-3"), a_fill("E-1", 400)
            ),
        },
        {
            P.in_doubt: (ACCEPTED, taken_back(P.in_doubt)),
            P.acknowledged: (e.PlacementAcknowledged(6, "P-1", "d1"),),
            P.filled: (a_fill("E-2"),),
            P.withheld: (e.AcceptWithheld(6, "P-1", ""),),
            **{each: (ended(each),) for each in (P.rejected, P.undelivered, P.forced)},
            P.canceled: (ended(P.canceled), taken_back(P.canceled)),
            P.busted: (taken_back(P.busted),),
        },
        lambda state: state.placements["P-1"],
        lambda was, to: moves.move_placement(a_placement(was), to),  # type: ignore[arg-type]
    ),
)  # fmt: skip


PAIRS: Final = [
    pytest.param(kind, was, to, id=f"{kind.name}: {was} to {to}")
    for kind in KINDS
    for was in kind.states
    for to in kind.states
]


def state_after(*events: e.Event) -> DeskState:
    state = DeskState()
    for event in events:
        apply(state, event)
    return state


# --- the tables ----------------------------------------------------------------------------------


def as_text(kind: Kind) -> str:
    lines = [f"{kind.name}:"]
    for was in (None, *kind.states):
        to = [str(each) for each in kind.states if each in kind.table[was]]
        lines.append(f"  {was or '(new)':<14}-> {', '.join(to) or '(over)'}")
        if back := [str(each) for each in kind.states if each in kind.back.get(was, ())]:
            lines.append(f"  {'':<14}-> {', '.join(back)} (a fill was taken back)")
    return "\n".join(lines) + "\n"


def test_the_tables_are_those_of_the_golden_text() -> None:
    text = "\n".join(as_text(kind) for kind in KINDS)
    assert text == GOLDEN.read_text(), f"a move has changed: if it is meant, {GOLDEN.name} becomes\n{text}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_state_has_a_line_and_can_be_reached(kind: Kind) -> None:
    assert set(kind.table) == {None, *kind.states}
    found = set(kind.table[None])
    while more := {to for was in found for to in {*kind.table[was], *kind.back.get(was, ())}} - found:
        found |= more
    assert found == set(kind.states) == set(kind.reached) == set(kind.drives)


@pytest.mark.parametrize(("kind", "was", "to"), PAIRS)
def test_a_row_makes_the_moves_of_its_table_and_no_other(kind: Kind, was: StrEnum, to: StrEnum) -> None:
    if to in kind.table[was]:
        assert kind.move(was, to).state is to
    else:
        with pytest.raises(moves.IllegalMove, match=f"cannot become {to} from {was}"):
            kind.move(was, to)


@pytest.mark.parametrize(("kind", "was", "to"), PAIRS)
def test_an_event_makes_the_moves_of_the_table_and_no_other(kind: Kind, was: StrEnum, to: StrEnum) -> None:
    """What is not in the table either changes no state or is refused, by an error with the event's name."""
    outcomes = set()
    for event in kind.drives[to]:
        state = state_after(*kind.reached[was])
        assert kind.row(state).state is was
        draft = DeskState(below=state)
        try:
            apply(draft, event)
        except moves.IllegalMove:
            outcomes.add("refused")
            with pytest.raises(moves.IllegalMove, match=f"^{type(event).__name__}: "):
                apply(state, event)
            continue
        except KeyError:
            outcomes.add("about nothing")  # What it speaks of is not there yet: an acceptance before there was one.
            continue
        found = kind.row(draft).state
        is_back = isinstance(event, e.FillCanceled)
        assert found is was or found in (kind.back.get(was, ()) if is_back else kind.table[was])
        outcomes.add(found)
        apply(state, event)
        assert kind.row(state) == kind.row(draft)
    if to in kind.table[was]:
        assert to in outcomes
    else:
        assert outcomes <= {"refused", "about nothing", was, *kind.back.get(was, ())}
    if to in kind.back.get(was, ()) and kind.states is P:
        assert to in outcomes


@pytest.mark.parametrize(
    ("before", "event"),
    [
        pytest.param((RECEIVED,), RECEIVED, id="an order"),
        pytest.param((RECEIVED, OPENED, e.OrderReturned(3, "O-1", "")), OPENED, id="a round"),
        pytest.param((*TO_PLACE, ended(P.rejected), DECIDING), ACCEPTED, id="an acceptance"),
    ],
)
def test_what_is_there_does_not_begin_again(before: tuple[e.Event, ...], event: e.Event) -> None:
    with pytest.raises(moves.IllegalMove, match=f"^{type(event).__name__}: .* is there already$"):
        apply(state_after(*before), event)


@pytest.mark.parametrize(
    ("begin", "row"),
    [
        pytest.param(lambda row: moves.begin_order(None, row), an_order(S.asking), id="an order that is asked"),
        pytest.param(lambda row: moves.begin_round(None, row), a_round(R.placed), id="a round that is placed"),
        pytest.param(lambda row: moves.begin_ask(a_round(), row), an_ask(A.quoted), id="a request that is answered"),
        pytest.param(
            lambda row: moves.begin_placement(None, row), a_placement(P.filled), id="an acceptance that is filled"
        ),
    ],
)
def test_what_begins_begins_at_its_beginning(begin: Callable[[Any], Any], row: Any) -> None:
    with pytest.raises(moves.IllegalMove, match="cannot begin as"):
        begin(row)


def test_a_draft_cannot_record_an_illegal_move() -> None:
    """The decision fails, so its turn is refused and nothing of it stays."""
    world, order_id = placed()
    world.fills(order_id)
    draft = world.draft()
    with pytest.raises(moves.IllegalMove, match=r"^OrderReturned: order .* cannot become with_trader from filled$"):
        draft.record(e.OrderReturned(world.now.utc_ns, order_id, "by mistake"))
    assert draft.events == []
    assert world.the(order_id).state is S.filled


def test_a_move_to_a_dealer_that_was_not_asked_is_none() -> None:
    with pytest.raises(moves.IllegalMove, match="no request to cedar"):
        apply(state_after(RECEIVED, OPENED), e.DealerSilent(3, "Q-1", "cedar", "*", 1))


# --- what moves beside the state -----------------------------------------------------------------


def test_a_move_takes_the_note_with_it() -> None:
    assert moves.move_order(an_order(), S.asking).note == ""
    assert moves.move_order(an_order(), S.with_trader, "because").note == "because"


@pytest.mark.parametrize(
    ("state", "filled", "cancel", "status"),
    [
        pytest.param(S.with_trader, 0, "", "0", id="new"),
        pytest.param(S.asking, 0, "", "0", id="the OMS is not told of asking"),
        pytest.param(S.placed, 0, "", "0", id="nor of an acceptance"),
        pytest.param(S.with_trader, 400, "", "1", id="partially filled"),
        pytest.param(S.placed, 0, "c2", "6", id="a cancel waits"),
        pytest.param(S.placed, 400, "c2", "6", id="pending cancel goes before partially filled"),
        pytest.param(S.filled, 1_000, "", "2", id="filled"),
        pytest.param(S.filled, 1_000, "c2", "2", id="filled goes before a cancel that waits"),
        pytest.param(S.canceled, 400, "c2", "4", id="canceled, part of it filled"),
        pytest.param(S.expired, 0, "", "C", id="expired"),
    ],
)
def test_ord_status(state: OrderState, filled: int, cancel: str, status: str) -> None:
    assert ord_status(an_order(state, filled=filled, cancel=cancel)) == status


def test_a_part_leaves_the_rest_open() -> None:
    order = moves.with_fill(an_order(S.placed), Decimal(400), Decimal(101))
    assert (order.state, order.filled, order.leaves, order.average_price) == (S.placed, 400, 600, 101)


def test_the_last_part_fills_it_whatever_the_state() -> None:
    for state in OrderState:
        order = moves.with_fill(an_order(state, filled=400), Decimal(600), Decimal(99))
        assert (order.state, order.filled, order.leaves, order.note) == (S.filled, 1_000, 0, "")


def test_what_is_over_leaves_nothing() -> None:
    for state in (S.canceled, S.expired, S.filled):
        assert an_order(state, filled=400).leaves == 0
        assert not an_order(state).open


@given(
    st.lists(
        st.tuples(st.integers(1, 1_000), st.decimals("0.01", "200", places=4)),
        min_size=1,
        max_size=8,
    )
)
def test_the_average_price_is_the_money_over_the_quantity(fills: list[tuple[int, Decimal]]) -> None:
    total = sum(quantity for quantity, _ in fills)
    order = replace(an_order(S.placed, quantity=total))
    for quantity, price in fills:
        assert order.state is S.placed
        order = moves.with_fill(order, Decimal(quantity), price)
    assert order.state is S.filled
    assert order.filled == total
    assert order.average_price == sum((quantity * price for quantity, price in fills), Decimal(0)) / total
