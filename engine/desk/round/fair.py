"""What a bond is worth while a round is open: what quotes are judged by, tolerances and the collar are held against."""

from __future__ import annotations

from dataclasses import replace

from engine.desk.draft import Draft
from engine.domain.order import MarkUsed
from engine.domain.rfq import Rfq


def fair_of(draft: Draft, rfq: Rfq) -> MarkUsed | None:
    """The mark now, else the one that the round was opened with while it is no older than a mark may be."""
    now = draft.desk.mark(draft.state.orders[rfq.order_id].terms.security_id, draft.now_ns)
    if now is not None or rfq.fair is None:
        return now
    age_ns = rfq.fair.age_ns + draft.now_ns - rfq.opened_ns
    return replace(rfq.fair, age_ns=age_ns) if age_ns <= draft.desk.clocks.mark_age_ns_max else None
