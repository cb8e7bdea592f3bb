"""The rounds that a journal tells of, its own and those of other systems, with the marks that followed them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from engine.domain import events as e
from engine.domain.observation import Horizon, MarkAfter, RoundSeen, RoundTold
from engine.domain.rows import changed
from engine.journal.archive import ReadOnly
from engine.journal.event_codec import Codec, event_types


def rounds_of(journal: Path, progress: Callable[[int, int], None]) -> Iterator[RoundTold]:
    """What others told as it was told, our own once all is known of them. Raises JournalError for no journal.

    Of ours each has what was learnt of it later, and the marks that there are.
    """
    codec = Codec(event_types(vars(e), e.Event), e.UPCASTERS)
    own = _Own()
    with ReadOnly(journal) as file:
        total = file.head().event_seq
        for row in file.events():
            progress(row.seq, total)
            if row.type not in _READ:
                continue
            event = codec.decode(row.type, row.version, row.body)
            if isinstance(event, e.HistoryAdded):
                yield from event.rounds
            else:
                yield from own.take(event)
    yield from own.rest()


_READ: Final = frozenset({"HistoryAdded", "RoundObserved", "RoundAmended", "RoundMarked"})


class _Own:
    """Rounds of this engine that something may still follow. A day of them: the last mark is of the next day's end."""

    def __init__(self) -> None:
        self._seen: dict[str, RoundSeen] = {}
        self._marks: dict[str, dict[Horizon, MarkAfter]] = {}
        """A round may be marked before it is over."""

    def take(self, event: e.Event) -> Iterator[RoundTold]:
        """Take an event in; a round of which it was the last comes out."""
        if isinstance(event, e.RoundObserved):
            self._seen[event.round.rfq_id] = event.round
        elif isinstance(event, e.RoundAmended):
            known = self._seen.get(event.rfq_id)
            if known is not None:
                self._seen[event.rfq_id] = _amended(known, event)
        elif isinstance(event, e.RoundMarked):
            marks = self._marks.setdefault(event.rfq_id, {})
            marks[event.horizon] = MarkAfter(event.horizon, event.mark, event.index)
            if len(marks) == len(Horizon) and event.rfq_id in self._seen:
                yield self._out(event.rfq_id)

    def rest(self) -> Iterator[RoundTold]:
        for rfq_id in [*self._seen]:
            yield self._out(rfq_id)

    def _out(self, rfq_id: str) -> RoundTold:
        marks, seen = self._marks.pop(rfq_id, {}), self._seen.pop(rfq_id)
        # Who had time left as the journal ended is not known to have been silent.
        asks = tuple(ask for ask in seen.asks if not ask.pending)
        return RoundTold(changed(seen, asks=asks), tuple(marks[each] for each in Horizon if each in marks))


def _amended(known: RoundSeen, event: e.RoundAmended) -> RoundSeen:
    asks = {ask.dealer: ask for ask in known.asks}
    for gone in event.was:
        asks.pop(gone.dealer, None)
    asks.update({ask.dealer: ask for ask in event.now})
    in_order = tuple(sorted(asks.values(), key=lambda ask: ask.position))
    return changed(known, asks=in_order, n_asked=len(in_order), residual=event.residual)
