"""The rounds that a journal tells of, its own and those of other systems, with the marks that followed them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from engine.domain import events as e
from engine.domain.observation import RoundTold
from engine.journal.archive import ReadOnly
from engine.journal.event_codec import Codec, event_types


def rounds_of(journal: Path, progress: Callable[[int, int], None]) -> Iterator[RoundTold]:
    """In the order of the journal. Raises JournalError where there is nothing to read."""
    codec = Codec(event_types(vars(e), e.Event), e.UPCASTERS)
    with ReadOnly(journal) as file:
        total = file.head().event_seq
        for row in file.events():
            progress(row.seq, total)
            if row.type == "HistoryAdded":
                event = codec.decode(row.type, row.version, row.body)
                assert isinstance(event, e.HistoryAdded)
                yield from event.rounds
