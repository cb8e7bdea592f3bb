"""What each event teaches about a dealer. A projection: the state it reads has the event applied already.

No observation comes from a dealer that was not asked, from a withheld or gap-filled request, or from a missing mark.
"""

from __future__ import annotations

from functools import lru_cache

from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.order import Order

_NS_PER_S = 1_000_000_000


def observe(stats: DealerStats, state: DeskState, event: e.Event) -> None:
    """Add what this event says of a dealer, if it says anything."""
    if isinstance(event, e.DealerAsked):
        order = _order(state, event.rfq_id)
        stats.asked(event.dealer, segment(event.segment), event.at_ns, order.terms.security_id)
    elif isinstance(event, e.AskWithheld):
        order = _order(state, event.rfq_id)
        ask = state.rfqs[event.rfq_id].ask_of(event.dealer)
        assert ask is not None
        stats.unask(event.dealer, segment(order.facts.segment), ask.asked_ns, order.terms.security_id)
        if event.silent:
            waited_s = (ask.wait_until_ns - ask.asked_ns) / _NS_PER_S
            stats.unsilent(event.dealer, segment(order.facts.segment), ask.wait_until_ns, waited_s)
    elif isinstance(event, e.QuoteReceived):
        _quoted(stats, state, event)
    elif isinstance(event, e.DealerDeclined):
        stats.declined(event.dealer, segment(event.segment), event.at_ns)
    elif isinstance(event, e.DealerSilent):
        ask = state.rfqs[event.rfq_id].ask_of(event.dealer)
        assert ask is not None
        # Filed under the end of the wait: an engine that was down then would know of it later.
        stats.silent(event.dealer, segment(event.segment), ask.wait_until_ns, event.waited_ns / _NS_PER_S)
    elif isinstance(event, e.FillBooked):
        placement = state.placements.get(event.fill.placement_id)
        if placement is None or placement.filled == event.fill.quantity:  # the first of this request
            dealer, manual = event.fill.dealer, event.fill.manual
            stats.traded(dealer, segment(event.segment), event.at_ns, event.improvement_bps, manual)
    elif isinstance(event, e.PlacementEnded):
        placement = state.placements[event.placement_id]
        if event.state == "rejected" and not placement.filled:
            stats.rejected_after_accept(placement.dealer, segment(event.segment), event.at_ns)
    elif isinstance(event, e.ReversionMeasured) and event.reversion_bps is not None:
        stats.reversion(event.dealer, segment(event.segment), event.traded_ns, event.reversion_bps)


def _quoted(stats: DealerStats, state: DeskState, event: e.QuoteReceived) -> None:
    if event.firmed:
        latency_s = event.quote.latency_ns / _NS_PER_S
        stats.firmed(event.dealer, segment(event.segment), event.at_ns, latency_s, event.quote.edge_bps)
    if not event.first:
        return
    facts = _order(state, event.rfq_id).facts
    stats.answered(
        event.dealer,
        segment(event.segment),
        event.at_ns,
        event.quote.latency_ns / _NS_PER_S,
        not event.quote.problem,
        event.quote.edge_bps,
        facts.issuer,
        facts.similar or None,
    )


@lru_cache(maxsize=4096)
def segment(key: str) -> Segment:
    """The segment of the key that an event carries."""
    return Segment(*key.split("|"))


def _order(state: DeskState, rfq_id: str) -> Order:
    return state.orders[state.rfqs[rfq_id].order_id]
