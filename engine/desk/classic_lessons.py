"""What an event teaches the classic measures of dealers. The same live, in a draft and on restart.

A projection: the state it reads has the event applied already. No observation comes from a dealer that was not asked,
from a withheld or gap-filled request, or from a missing mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from engine.clock import NS_PER_S
from engine.dealers.segments import segment_of_key, traits_of_key
from engine.dealers.stats import DealerStats
from engine.desk.past.lessons import Lesson, lessons_told
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.instrument import BondTraits
from engine.domain.order import Order, OrderFacts
from engine.domain.placement import Fill
from engine.market.tca import price_improvement_bps


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


def _of_asking(state: DeskState, event: e.DealerAsked) -> tuple[Lesson, ...]:
    security_id = _order_asked_about(state, event.rfq_id).terms.security_id
    return ((DealerStats.asked, (event.dealer, segment_of_key(event.segment), event.at_ns, security_id)),)


def _of_withholding(state: DeskState, event: e.AskWithheld) -> tuple[Lesson, ...]:
    order = _order_asked_about(state, event.rfq_id)
    ask = state.rfqs[event.rfq_id].ask_of(event.dealer)
    assert ask is not None
    where = segment_of_key(order.facts.segment)
    not_asked = (DealerStats.unask, (event.dealer, where, ask.asked_ns, order.terms.security_id))
    if not event.silent:
        return (not_asked,)
    waited_s = (ask.wait_until_ns - ask.asked_ns) / NS_PER_S
    return not_asked, (DealerStats.unsilent, (event.dealer, where, ask.wait_until_ns, waited_s))


def _of_quote(state: DeskState, event: e.QuoteReceived) -> tuple[Lesson, ...]:
    quote, where = event.quote, segment_of_key(event.segment)
    latency_s = quote.latency_ns / NS_PER_S
    found: tuple[Lesson, ...] = ()
    if event.firmed:
        found = ((DealerStats.firmed, (event.dealer, where, event.at_ns, latency_s, quote.edge_bps)),)
    if event.first:
        facts = _order_asked_about(state, event.rfq_id).facts
        answer = (latency_s, not quote.problem, quote.edge_bps, facts.issuer, traits_of(facts))
        found = (*found, (DealerStats.answered, (event.dealer, where, event.at_ns, *answer)))
    return found


def traits_of(facts: OrderFacts) -> BondTraits | None:
    """What the order's bond is compared with others by."""
    if facts.traits is not None:
        return facts.traits
    return traits_of_key(facts.similar, facts.issuer, facts.rating, facts.day)


def _of_declining(state: DeskState, event: e.DealerDeclined) -> tuple[Lesson, ...]:
    return ((DealerStats.declined, (event.dealer, segment_of_key(event.segment), event.at_ns)),)


def _of_silence(state: DeskState, event: e.DealerSilent) -> tuple[Lesson, ...]:
    ask = state.rfqs[event.rfq_id].ask_of(event.dealer)
    assert ask is not None
    # Filed under the end of the wait: an engine that was down then would know of it later.
    waited_s = event.waited_ns / NS_PER_S
    return ((DealerStats.silent, (event.dealer, segment_of_key(event.segment), ask.wait_until_ns, waited_s)),)


def _of_fill(state: DeskState, event: e.FillBooked) -> tuple[Lesson, ...]:
    fill = event.fill
    placement = state.placements.get(fill.placement_id)
    if placement is not None and placement.filled != fill.quantity:
        return ()  # Not the first of this request.
    where = segment_of_key(event.segment)
    return ((DealerStats.traded, (fill.dealer, where, event.at_ns, event.improvement_bps, fill.manual)),)


def _of_canceled_fill(state: DeskState, event: e.FillCanceled) -> tuple[Lesson, ...]:
    pending = state.reversions[event.fill.exec_id]
    found = _of_another_first(state, event.key, event.fill, None)
    if pending.reversion_bps is None:
        return found
    taken_back = (pending.dealer, segment_of_key(pending.segment), pending.traded_ns, pending.reversion_bps)
    return (*found, (DealerStats.unreversion, taken_back))


def _of_corrected_fill(state: DeskState, event: e.FillCorrected) -> tuple[Lesson, ...]:
    if event.was.price == event.fill.price:
        return ()
    return _of_another_first(state, event.key, event.was, event.fill)


def _of_another_first(state: DeskState, key: str, was: Fill, now: Fill | None) -> tuple[Lesson, ...]:
    """The first fill of its request that stands tells of the trade: it `was` this one, and is another now, or none."""
    same = [
        (each, booked)
        for each, booked in state.executions_of(was.order_id)
        if booked.fill.placement_id == was.placement_id and (each == key or not booked.canceled)
    ]
    if not same or same[0][0] != key:
        return ()
    if now is None and len(same) > 1:
        now = same[1][1].fill
    taken_back: Lesson = (DealerStats.untraded, _trade_facts(state, was))
    return (taken_back,) if now is None else (taken_back, (DealerStats.traded, _trade_facts(state, now)))


def _trade_facts(state: DeskState, fill: Fill) -> tuple[Any, ...]:
    """As they were told when it was booked, with the price that it has."""
    order, booked = state.orders[fill.order_id], state.reversions[fill.exec_id]
    improvement = None
    if order.arrival is not None and order.arrival.price > 0:
        improvement = price_improvement_bps(order.terms.side.sign, fill.price, order.arrival.price)
    return fill.dealer, segment_of_key(booked.segment), booked.traded_ns, improvement, fill.manual


def _of_ending(state: DeskState, event: e.PlacementEnded) -> tuple[Lesson, ...]:
    placement = state.placements[event.placement_id]
    if event.state != "rejected" or placement.filled:
        return ()
    return ((DealerStats.rejected_after_accept, (placement.dealer, segment_of_key(event.segment), event.at_ns)),)


def _of_reversion(state: DeskState, event: e.ReversionMeasured) -> tuple[Lesson, ...]:
    bps = event.reversion_bps
    if bps is None:
        return ()
    return ((DealerStats.reversion, (event.dealer, segment_of_key(event.segment), event.traded_ns, bps)),)


def _of_history(state: DeskState, event: e.HistoryAdded) -> tuple[Lesson, ...]:
    today: Lesson = (DealerStats.today_is, (event.at_ns,))
    return (today, *(lesson for told in event.rounds for lesson in lessons_told(told)))


_TAUGHT_BY: Final[Mapping[type[e.Event], Callable[[DeskState, Any], tuple[Lesson, ...]]]] = {
    e.DealerAsked: _of_asking,
    e.AskWithheld: _of_withholding,
    e.QuoteReceived: _of_quote,
    e.DealerDeclined: _of_declining,
    e.DealerSilent: _of_silence,
    e.FillBooked: _of_fill,
    e.FillCanceled: _of_canceled_fill,
    e.FillCorrected: _of_corrected_fill,
    e.PlacementEnded: _of_ending,
    e.ReversionMeasured: _of_reversion,
    e.HistoryAdded: _of_history,
}


def _order_asked_about(state: DeskState, rfq_id: str) -> Order:
    return state.orders[state.rfqs[rfq_id].order_id]
