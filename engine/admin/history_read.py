"""The rounds that a journal's file tells of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.desk.past.telling import TELLING, rounds_told
from engine.domain.observation import RoundTold
from engine.journal.archive import ReadOnly
from engine.journal.events import events_in

_NAMES = frozenset(each.__name__ for each in TELLING)


def rounds_of(journal: Path, progress: Callable[[int, int], None]) -> Iterator[RoundTold]:
    """As `rounds_told` has them. Raises JournalError where there is nothing to read."""

    def events() -> Iterator[Any]:
        with ReadOnly(journal) as file:
            yield from events_in(file, _NAMES, file.head().event_seq, progress=progress)

    return rounds_told(events())
