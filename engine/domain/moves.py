"""Every legal move of an order, a round, one dealer's request and an acceptance: one table each.

A row's state changes only through the functions below, which look into the tables; what stands in no table raises
`IllegalMove`. None is where a row comes from that was not there before.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

from engine.domain.order import Order, OrderState
from engine.domain.placement import Placement, PlacementState
from engine.domain.rfq import Ask, AskState, Quote, Rfq, RfqState
from engine.domain.rows import changed
from engine.errors import EngineError

S = TypeVar("S", OrderState, RfqState, AskState, PlacementState)

Moves = Mapping[S | None, frozenset[S]]
"""From a state, the states it may become."""

_O, _R, _A, _P = OrderState, RfqState, AskState, PlacementState

ORDER_MOVES: Final[Moves[OrderState]] = {
    None: frozenset({_O.with_trader}),
    # Returned once more with another reason is a move, too.
    # To placed when a person takes a quote that outlives its round.
    _O.with_trader: frozenset({_O.with_trader, _O.asking, _O.placed, _O.filled, _O.canceled, _O.expired}),
    _O.asking: frozenset({_O.with_trader, _O.placed, _O.filled, _O.canceled, _O.expired}),
    _O.placed: frozenset({_O.with_trader, _O.asking, _O.filled, _O.canceled, _O.expired}),
    # A fill is booked wherever the order stands: it is the dealer's word that a trade was done.
    _O.filled: frozenset({_O.filled}),
    _O.canceled: frozenset({_O.filled}),
    _O.expired: frozenset({_O.filled}),
}

ROUND_MOVES: Final[Moves[RfqState]] = {
    None: frozenset({_R.asking}),
    _R.asking: frozenset({_R.deciding, _R.done, _R.closed}),
    # Back to asking when the quote is gone that the decision was about, or the dealer did not take the acceptance.
    _R.deciding: frozenset({_R.asking, _R.placed, _R.done, _R.closed}),
    _R.placed: frozenset({_R.asking, _R.done, _R.closed}),
    _R.done: frozenset(),
    _R.closed: frozenset(),
}

ASK_MOVES: Final[Moves[AskState]] = {
    None: frozenset({_A.asked, _A.blocked}),
    _A.asked: frozenset({_A.quoted, _A.declined, _A.silent, _A.withheld, _A.not_delivered}),
    # Silence is taken back when it turns out that the request was never there. A late quote leaves it silence.
    _A.silent: frozenset({_A.withheld, _A.not_delivered}),
    _A.quoted: frozenset(),
    _A.declined: frozenset(),
    _A.withheld: frozenset(),
    _A.not_delivered: frozenset(),
    _A.blocked: frozenset(),
}

_ENDS: Final = frozenset({_P.filled, _P.rejected, _P.canceled, _P.undelivered, _P.forced})

PLACEMENT_MOVES: Final[Moves[PlacementState]] = {
    None: frozenset({_P.in_doubt}),
    _P.in_doubt: _ENDS | {_P.acknowledged, _P.withheld},
    _P.acknowledged: _ENDS,
    # The last fill of what was over all the same: the dealer's word is booked, and a person is called.
    _P.rejected: frozenset({_P.filled}),
    _P.canceled: frozenset({_P.filled}),
    _P.undelivered: frozenset({_P.filled}),
    _P.withheld: frozenset({_P.filled}),
    _P.forced: frozenset({_P.filled}),
    _P.busted: frozenset({_P.filled}),
    _P.filled: frozenset(),
}

# What nothing but a fill that is taken back, or corrected, may do beside these.
ORDER_MOVES_BACK: Final[Moves[OrderState]] = {
    # Open again; or over as it was before its last fill.
    _O.filled: frozenset({_O.with_trader, _O.canceled, _O.expired}),
}
PLACEMENT_MOVES_BACK: Final[Moves[PlacementState]] = {
    # It is over with less, or with nothing; or it lives on by the dealer's word.
    _P.filled: frozenset({_P.canceled, _P.busted, _P.in_doubt}),
    _P.rejected: frozenset({_P.busted, _P.in_doubt}),
    _P.canceled: frozenset({_P.busted, _P.in_doubt}),
    _P.undelivered: frozenset({_P.in_doubt}),
    _P.withheld: frozenset({_P.in_doubt}),
    _P.forced: frozenset({_P.in_doubt}),
    _P.busted: frozenset({_P.in_doubt}),
}


class IllegalMove(EngineError):
    """A change of state that no table knows: our own bug. `apply` names the event it came by."""


def _hold(moves: Moves[S], was: S | None, to: S, what: str) -> None:
    if to not in moves.get(was, ()):
        come = "begin as" if was is None else f"become {to} from"
        raise IllegalMove(f"{what} cannot {come} {to if was is None else was}")


# --- rows that begin -----------------------------------------------------------------------------


def begin_order(known: Order | None, row: Order) -> Order:
    _begin(ORDER_MOVES, known, row.state, f"order {row.order_id}")
    return row


def begin_round(known: Rfq | None, row: Rfq) -> Rfq:
    _begin(ROUND_MOVES, known, row.state, f"round {row.rfq_id}")
    return row


def begin_placement(known: Placement | None, row: Placement) -> Placement:
    _begin(PLACEMENT_MOVES, known, row.state, f"acceptance {row.placement_id}")
    return row


def begin_ask(rfq: Rfq, row: Ask) -> Rfq:
    """The round with one more dealer that was asked, or could not be."""
    _begin(ASK_MOVES, rfq.ask_of(row.dealer), row.state, f"the request of {rfq.rfq_id} to {row.dealer}")
    return changed(rfq, asks=(*rfq.asks, row))


def _begin(moves: Moves[S], known: object, state: S, what: str) -> None:
    if known is not None:
        raise IllegalMove(f"{what} is there already")
    _hold(moves, None, state, what)


# --- orders --------------------------------------------------------------------------------------


def move_order(order: Order, to: OrderState, note: str = "", **changes: Any) -> Order:
    _hold(ORDER_MOVES, order.state, to, f"order {order.order_id}")
    return changed(order, state=to, note=note, **changes)


def with_fill(order: Order, quantity: Decimal, price: Decimal) -> Order:
    """The order after one more fill; `filled` once nothing is left."""
    return _with_filled(order, order.filled + quantity, order.filled_value + quantity * price)


def with_other_fill(order: Order, was: tuple[Decimal, Decimal], now: tuple[Decimal, Decimal]) -> Order:
    """The order after quantity and price of a fill are not what they `was`; `now` nothing, it is taken back.

    One that was filled is open again, if it had not ended otherwise before.
    """
    value = order.filled_value - was[0] * was[1] + now[0] * now[1]
    after = _with_filled(order, order.filled - was[0] + now[0], value)
    if after.state is not OrderState.filled or after.filled >= after.terms.quantity:
        return after
    to = after.ended_as or OrderState.with_trader
    _hold(ORDER_MOVES_BACK, after.state, to, f"order {order.order_id}")
    ended_ns = order.ended_ns if after.ended_as is not None else 0
    return changed(after, state=to, note="", ended_as=None, ended_ns=ended_ns)


def _with_filled(order: Order, filled: Decimal, value: Decimal) -> Order:
    after = changed(order, filled=filled, filled_value=value)
    if filled < order.terms.quantity:
        return after
    late = order.state in (OrderState.canceled, OrderState.expired)
    return move_order(after, OrderState.filled, ended_as=order.state if late else order.ended_as)


# --- rounds --------------------------------------------------------------------------------------


def move_round(rfq: Rfq, to: RfqState, **changes: Any) -> Rfq:
    _hold(ROUND_MOVES, rfq.state, to, f"round {rfq.rfq_id}")
    return changed(rfq, state=to, **changes)


def with_ask(rfq: Rfq, changed_ask: Ask) -> Rfq:
    """The round with this dealer's entry replaced."""
    dealer = changed_ask.dealer
    return changed(rfq, asks=tuple([changed_ask if ask.dealer == dealer else ask for ask in rfq.asks]))


def move_ask(rfq: Rfq, dealer: str, to: AskState, note: str, **changes: Any) -> Rfq:
    """The round after its request to one dealer has come to something."""
    ask = rfq.ask_of(dealer)
    if ask is None:
        raise IllegalMove(f"{rfq.rfq_id} has no request to {dealer}")
    _hold(ASK_MOVES, ask.state, to, f"the request of {rfq.rfq_id} to {dealer}")
    return with_ask(rfq, changed(ask, state=to, note=note, **changes))


def with_quote(ask: Ask, quote: Quote) -> Ask:
    """The entry with one more quote; the same QuoteID(117) again is an update of it. Silence stays silence.

    What we tried to execute stays tried: whoever refused us and repeats the QuoteID has made no new offer.
    """
    tried = any(known.spent for known in ask.quotes if known.quote_id == quote.quote_id)
    others = [known for known in ask.quotes if known.quote_id != quote.quote_id]
    state = ask.state
    if state is AskState.asked:
        state = AskState.quoted
        _hold(ASK_MOVES, ask.state, state, f"the request to {ask.dealer}")
    now_ns, has_price, is_firm = quote.received_ns, quote.price is not None, not quote.problem
    return changed(
        ask,
        priced_ns=ask.priced_ns or (now_ns if has_price else 0),
        firm_ns=ask.firm_ns or (now_ns if is_firm else 0),
        quotes=(*others, changed(quote, spent=True) if tried else quote),
        state=state,
        priced=ask.priced or has_price,
        firm=ask.firm or is_firm,
    )


# --- acceptances ---------------------------------------------------------------------------------


def move_placement(placement: Placement, to: PlacementState, **changes: Any) -> Placement:
    _hold(PLACEMENT_MOVES, placement.state, to, f"acceptance {placement.placement_id}")
    return changed(placement, state=to, **changes)


def with_more_filled(placement: Placement, more: Decimal) -> Placement:
    """So much more of it is filled than was told, or less; so it is by what the dealer had counted.

    Unless that is what is booked now: then it was counted before we heard of it.
    """
    counted, filled = placement.counted, placement.filled + more
    if counted is not None and counted != filled:
        counted += more
    return changed(placement, filled=filled, counted=counted)


def move_placement_back(placement: Placement, to: PlacementState, **changes: Any) -> Placement:
    """After a fill of it was taken back, or corrected."""
    if to not in PLACEMENT_MOVES[placement.state]:
        _hold(PLACEMENT_MOVES_BACK, placement.state, to, f"acceptance {placement.placement_id}")
    return changed(placement, state=to, **changes)
