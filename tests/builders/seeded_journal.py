"""The past of `desk_past` as a journal file, and a desk that has taken one over."""

from __future__ import annotations

from pathlib import Path

from desk_builder import DeskWorld, make_desk, make_world
from desk_past import past_events

from engine.boot import take_over as recovery
from engine.journal.archive import ReadOnly
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.turn.trading import Trading

_TURNS_A_BATCH = 500


def write_seeded_journal(path: Path) -> int:
    """A closed journal that holds the whole past, an event a turn; how many events that is."""
    codec = events_codec()
    events = past_events()
    with Journal(path) as journal:
        batch: list[StagedTurn] = []
        for seq, event in enumerate(events, 1):
            name, version, body = codec.encode(event)
            row = EventRow(seq, seq, name, version, event.at_ns, body)
            batch.append(StagedTurn(seq, event.at_ns, "Seeded", "", "", (row,)))
            if len(batch) == _TURNS_A_BATCH or seq == len(events):
                journal.commit(batch)
                batch = []
    return len(events)


def world_of_journal(path: Path) -> DeskWorld:
    """The desk as a process that has just taken this journal over has it."""
    desk = make_desk()
    trading = Trading(desk)
    with ReadOnly(path) as journal:
        recovery.fold(journal, trading, events_codec())
    world = make_world(desk)
    world.state = trading.state
    return world
