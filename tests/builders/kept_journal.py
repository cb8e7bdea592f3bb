"""A journal's file that holds given events, as a daemon would have written it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from engine.domain import events as e
from engine.journal.batch import EventRow, StagedTurn, TextRow
from engine.journal.event_codec import Codec, event_types
from engine.journal.writer import Journal

CODEC: Final = Codec(event_types(vars(e), e.Event))


def keep(
    events: Iterable[e.Event],
    path: Path,
    name: str = "",
    previous_head: str = "",
    after: int = 0,
    texts: tuple[TextRow, ...] = (),
) -> tuple[int, str]:
    """Write them behind the first `after`; the last number used and the file's head. `name`: of the desk."""
    if name and not after:
        texts = (*texts, TextRow("engine.toml", name, 1, f'[engine]\nname = "{name}"\n'))
    with Journal(path, "normal", reserve_bytes=0, previous_head=previous_head) as journal:
        turns = []
        for number, event in enumerate(events, after + 1):
            kind, version, body = CODEC.encode(event)
            row = EventRow(number, number, kind, version, event.at_ns, body)
            turns.append(StagedTurn(number, event.at_ns, "timer", "", "", events=(row,), texts=texts))
            texts = ()
        journal.commit(turns)
        return journal.head.event_seq, journal.head.hash.hex()
