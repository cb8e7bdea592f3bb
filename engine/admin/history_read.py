"""The rounds that a journal's file tells of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.desk.past.telling import TELLING, rounds_told
from engine.domain import events as e
from engine.domain.observation import RoundTold
from engine.journal.archive import ReadOnly
from engine.journal.event_codec import Codec, event_types

_NAMES = frozenset(each.__name__ for each in TELLING)


def rounds_of(journal: Path, progress: Callable[[int, int], None]) -> Iterator[RoundTold]:
    """As `rounds_told` has them. Raises JournalError where there is nothing to read."""
    codec = Codec(event_types(vars(e), e.Event), e.UPCASTERS)

    def events() -> Iterator[Any]:
        with ReadOnly(journal) as file:
            total = file.head().event_seq
            for row in file.events():
                progress(row.seq, total)
                if row.type in _NAMES:
                    yield codec.decode(row.type, row.version, row.body)

    return rounds_told(events())
