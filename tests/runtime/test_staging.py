"""A turn as rows: what quiet turns leave for the next one."""

from __future__ import annotations

from session_world import SessionWorld

from engine.journal.batch import Head
from engine.journal.events import events_codec
from engine.runtime.staging import Latest, Recorder
from engine.turn import ProofWanted


def test_a_proof_just_before_a_reset_is_on_record_for_the_epoch_it_belongs_to() -> None:
    """The Heartbeat(0) that proves lets nothing leave, so its numbers go with the next turn: a reset, as it happens."""
    world = SessionWorld()
    world.log_on("oms")
    world.order()
    world.take(ProofWanted(world.now, "oms", bytes(16)))
    proven = world.state("oms").next_out - 1
    recorder = Recorder(Head(0, 0, 0, b""), events_codec())
    world.say("oms", "0", (112, "TEST"))
    latest = Latest()
    assert recorder.stage(world.turns[-1], latest) is None
    world.say("oms", "A", (98, "0"), (108, "30"), (141, "Y"), seq=1)
    staged = recorder.stage(world.turns[-1], latest)
    assert staged is not None
    batch = [staged]
    recorder.settle(batch, latest, 0)
    assert [(row.epoch, row.confirmed_out) for row in batch[-1].sessions] == [(1, proven), (2, 0)]
