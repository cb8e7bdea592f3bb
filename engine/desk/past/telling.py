"""Events of a record as the rounds that it tells of: the desk's own as they became in the end, and what others told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.domain import events as e
from engine.domain.observation import AskSeen, MarkAfter, RoundTold
from engine.domain.rows import changed

TELLING: tuple[type[e.Event], ...] = (e.RoundObserved, e.RoundAmended, e.RoundMarked, e.HistoryAdded)
"""The events that rounds are told by."""


def rounds_told(events: Iterable[e.Event]) -> Iterator[RoundTold]:
    """What other systems told of, as it comes; then the desk's own. Whose time is not over is left out."""
    own: dict[str, RoundTold] = {}
    early: dict[str, tuple[MarkAfter, ...]] = {}
    """Marks of rounds that are not over: an acceptance may wait long for its last word."""
    for event in events:
        if isinstance(event, e.HistoryAdded):
            yield from event.rounds
        elif isinstance(event, e.RoundObserved):
            rfq_id = event.round.rfq_id
            own[rfq_id] = RoundTold(event.round, early.pop(rfq_id, ()))
        elif isinstance(event, e.RoundAmended):
            own[event.rfq_id] = _amended(own[event.rfq_id], event)
        elif isinstance(event, e.RoundMarked):
            mark = MarkAfter(event.horizon, event.mark, event.index)
            known = own.get(event.rfq_id)
            if known is None:
                early[event.rfq_id] = (*early.get(event.rfq_id, ()), mark)
            else:
                own[event.rfq_id] = changed(known, after=(*known.after, mark))
    for told in own.values():
        asks = tuple(ask for ask in told.seen.asks if not ask.pending)
        if asks:
            yield changed(told, seen=changed(told.seen, asks=asks))


def _amended(told: RoundTold, event: e.RoundAmended) -> RoundTold:
    seen = told.seen
    asks: dict[str, AskSeen] = {ask.dealer: ask for ask in seen.asks}
    for ask in event.was:
        asks.pop(ask.dealer, None)
    asks.update((ask.dealer, ask) for ask in event.now)
    in_order = tuple(sorted(asks.values(), key=lambda ask: ask.position))
    return changed(told, seen=changed(seen, asks=in_order, residual=event.residual))
