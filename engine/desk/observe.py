"""What each event teaches about a dealer. A projection: the state it reads has the event applied already.

No observation comes from a dealer that was not asked, from a withheld or gap-filled request, or from a missing mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.order import Order

_NS_PER_S = 1_000_000_000

Lesson: TypeAlias = tuple[Callable[..., None], tuple[Any, ...]]
"""One observation: which of the ways in which `DealerStats` takes one, and what it is to be told."""


def observe(stats: DealerStats, state: DeskState, event: e.Event) -> None:
    """Add what this event says of a dealer, if it says anything."""
    learn(stats, lessons(state, event))


def lessons(state: DeskState, event: e.Event) -> tuple[Lesson, ...]:
    """What this event says of a dealer. It has to be asked of the state as the event has left it, and no later."""
    taught_by = _TAUGHT_BY.get(type(event))
    return taught_by(state, event) if taught_by is not None else ()


def learn(stats: DealerStats, found: Iterable[Lesson]) -> None:
    """Take observations into the stats."""
    for take, facts in found:
        take(stats, *facts)


def _dealer_asked(state: DeskState, event: e.DealerAsked) -> tuple[Lesson, ...]:
    security_id = _order(state, event.rfq_id).terms.security_id
    return ((DealerStats.asked, (event.dealer, segment(event.segment), event.at_ns, security_id)),)


def _ask_withheld(state: DeskState, event: e.AskWithheld) -> tuple[Lesson, ...]:
    order = _order(state, event.rfq_id)
    ask = state.rfqs[event.rfq_id].ask_of(event.dealer)
    assert ask is not None
    where = segment(order.facts.segment)
    not_asked = (DealerStats.unask, (event.dealer, where, ask.asked_ns, order.terms.security_id))
    if not event.silent:
        return (not_asked,)
    waited_s = (ask.wait_until_ns - ask.asked_ns) / _NS_PER_S
    return not_asked, (DealerStats.unsilent, (event.dealer, where, ask.wait_until_ns, waited_s))


def _quote_received(state: DeskState, event: e.QuoteReceived) -> tuple[Lesson, ...]:
    quote, where = event.quote, segment(event.segment)
    latency_s = quote.latency_ns / _NS_PER_S
    found: tuple[Lesson, ...] = ()
    if event.firmed:
        found = ((DealerStats.firmed, (event.dealer, where, event.at_ns, latency_s, quote.edge_bps)),)
    if event.first:
        facts = _order(state, event.rfq_id).facts
        answer = (latency_s, not quote.problem, quote.edge_bps, facts.issuer, facts.similar or None)
        found = (*found, (DealerStats.answered, (event.dealer, where, event.at_ns, *answer)))
    return found


def _dealer_declined(state: DeskState, event: e.DealerDeclined) -> tuple[Lesson, ...]:
    return ((DealerStats.declined, (event.dealer, segment(event.segment), event.at_ns)),)


def _dealer_silent(state: DeskState, event: e.DealerSilent) -> tuple[Lesson, ...]:
    ask = state.rfqs[event.rfq_id].ask_of(event.dealer)
    assert ask is not None
    # Filed under the end of the wait: an engine that was down then would know of it later.
    waited_s = event.waited_ns / _NS_PER_S
    return ((DealerStats.silent, (event.dealer, segment(event.segment), ask.wait_until_ns, waited_s)),)


def _fill_booked(state: DeskState, event: e.FillBooked) -> tuple[Lesson, ...]:
    fill = event.fill
    placement = state.placements.get(fill.placement_id)
    if placement is not None and placement.filled != fill.quantity:
        return ()  # Not the first of this request.
    where = segment(event.segment)
    return ((DealerStats.traded, (fill.dealer, where, event.at_ns, event.improvement_bps, fill.manual)),)


def _placement_ended(state: DeskState, event: e.PlacementEnded) -> tuple[Lesson, ...]:
    placement = state.placements[event.placement_id]
    if event.state != "rejected" or placement.filled:
        return ()
    return ((DealerStats.rejected_after_accept, (placement.dealer, segment(event.segment), event.at_ns)),)


def _reversion_measured(state: DeskState, event: e.ReversionMeasured) -> tuple[Lesson, ...]:
    bps = event.reversion_bps
    if bps is None:
        return ()
    return ((DealerStats.reversion, (event.dealer, segment(event.segment), event.traded_ns, bps)),)


_TAUGHT_BY: Final[Mapping[type[e.Event], Callable[[DeskState, Any], tuple[Lesson, ...]]]] = {
    e.DealerAsked: _dealer_asked,
    e.AskWithheld: _ask_withheld,
    e.QuoteReceived: _quote_received,
    e.DealerDeclined: _dealer_declined,
    e.DealerSilent: _dealer_silent,
    e.FillBooked: _fill_booked,
    e.PlacementEnded: _placement_ended,
    e.ReversionMeasured: _reversion_measured,
}


@lru_cache(maxsize=4096)
def segment(key: str) -> Segment:
    """The segment of the key that an event carries."""
    return Segment(*key.split("|"))


def _order(state: DeskState, rfq_id: str) -> Order:
    return state.orders[state.rfqs[rfq_id].order_id]
