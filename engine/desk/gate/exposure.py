"""What information protection looks at: one bond, one side, everything of it that is open or was done on a day."""

from __future__ import annotations

from dataclasses import replace

from engine.clock import utc_day
from engine.desk.draft import Draft
from engine.desk.state import Exposure, exposure_key
from engine.domain.order import Order


def exposure_of(draft: Draft, order: Order) -> Exposure:
    """Sizes, protections that are on and dealers asked: of today's orders, and of earlier ones open or ended today.

    An order counts with its original size, the given one included. Costs one look per order that stands there.
    """
    state, terms, today = draft.state, order.terms, utc_day(draft.now_ns)
    whole = state.exposures.get(exposure_key(terms.security_id, terms.side, today)) or Exposure()
    days: dict[int, None] = {}
    for other in state.standing_orders(terms.security_id, terms.side, today):
        if other.facts.day != today:
            whole = replace(whole, quantity=whole.quantity + other.terms.quantity)
            days[other.facts.day] = None
    for day in days:
        earlier = state.exposures[exposure_key(terms.security_id, terms.side, day)]
        whole = replace(
            whole,
            protections=tuple(dict.fromkeys((*whole.protections, *earlier.protections))),
            dealers=tuple(dict.fromkeys((*whole.dealers, *earlier.dealers))),
        )
    return whole
