"""The events of the engine as a journal keeps them: their codec, and all of some types, first to last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cache
from typing import Any

from engine.domain import events as e
from engine.journal.archive import ReadOnly
from engine.journal.event_codec import Codec, event_types


@cache
def events_codec() -> Codec:
    """The codec of every event there is. One for the process: to write its functions takes longer than a turn may."""
    return Codec(event_types(vars(e), e.Event), e.UPCASTERS)


def events_in(
    file: ReadOnly,
    names: Collection[str],
    last_seq: int,
    after_seq: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Any]:
    """Events of these types behind `after_seq` and up to `last_seq`, in short reads: a writer can go on beside it.

    `progress` is told of the number of each event, and of the last. Raises JournalError for one that this build cannot
    read.
    """
    codec = events_codec()
    for row in file.events_until(last_seq, after_seq):
        progress(row.seq, last_seq)
        if row.type in names:
            yield codec.decode(row.type, row.version, row.body)
