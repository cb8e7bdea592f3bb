"""Events of a record as the rounds that it tells of: the desk's own as they became in the end, and what others told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from engine.domain import events as e
from engine.domain.observation import AskSeen, MarkAfter, RoundTold
from engine.domain.rows import changed

TELLING: tuple[type[e.Event], ...] = (e.RoundObserved, e.RoundAmended, e.RoundMarked, e.HistoryAdded)
"""The events that rounds are told by."""


class Own(Protocol):
    """Where the desk's own rounds wait for what comes later, by rfq_id: a dictionary, or what is not all in memory."""

    def get(self, rfq_id: str, /) -> RoundTold | None: ...

    def __setitem__(self, rfq_id: str, told: RoundTold, /) -> None: ...


Early = dict[str, tuple[MarkAfter, ...]]
"""Marks of rounds that are not over, by rfq_id: an acceptance may wait long for its last word."""


def rounds_told(events: Iterable[e.Event]) -> Iterator[RoundTold]:
    """What other systems told of, as it comes; then the desk's own. Whose time is not over is left out."""
    own: dict[str, RoundTold] = {}
    early: Early = {}
    for event in events:
        yield from tell(event, own, early)
    for told in own.values():
        if (known := answered(told)) is not None:
            yield known


def tell(event: e.Event, own: Own, early: Early) -> Iterator[RoundTold]:
    """What others tell in an event; what it says of the desk's own rounds goes to `own`.

    What became of a round that `own` does not have, in an earlier file perhaps, is passed over.
    """
    if isinstance(event, e.HistoryAdded):
        yield from event.rounds
    elif isinstance(event, e.RoundObserved):
        rfq_id = event.round.rfq_id
        own[rfq_id] = RoundTold(event.round, early.pop(rfq_id, ()))
    elif isinstance(event, e.RoundAmended):
        if (known := own.get(event.rfq_id)) is not None:
            own[event.rfq_id] = _amended(known, event)
    elif isinstance(event, e.RoundMarked):
        mark = MarkAfter(event.horizon, event.mark, event.index)
        known = own.get(event.rfq_id)
        if known is None:
            early[event.rfq_id] = (*early.get(event.rfq_id, ()), mark)
        else:
            own[event.rfq_id] = changed(known, after=(*known.after, mark))


def answered(told: RoundTold) -> RoundTold | None:
    """The round without those whose time is not over; None where nobody is left."""
    asks = tuple(ask for ask in told.seen.asks if not ask.pending)
    if not asks:
        return None
    return told if len(asks) == len(told.seen.asks) else changed(told, seen=changed(told.seen, asks=asks))


def _amended(told: RoundTold, event: e.RoundAmended) -> RoundTold:
    seen = told.seen
    asks: dict[str, AskSeen] = {ask.dealer: ask for ask in seen.asks}
    for ask in event.was:
        asks.pop(ask.dealer, None)
    asks.update((ask.dealer, ask) for ask in event.now)
    in_order = tuple(sorted(asks.values(), key=lambda ask: ask.position))
    return changed(told, seen=changed(seen, asks=in_order, residual=event.residual))
