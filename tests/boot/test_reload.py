"""engine/boot/reload.py: what a reload does when the daemon stops meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk_builder import make_desk

from engine.boot.configured import Configured
from engine.boot.reload import STOPPING, Reloading
from engine.record.writer import Journal
from engine.turn import FilesRead, ReadFiles, Settled
from engine.turn.trading import Trading

NEVER_DURABLE = 10
"""An event that was decided, and that the journal never takes."""


class Stage:
    """A reload over an empty journal, with all that it asks of the runtime noted."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journal.db", "normal")
        self.given: list[FilesRead] = []
        self.taken_up: list[Configured] = []
        runtime = SimpleNamespace(
            release=SimpleNamespace(),
            clock=SimpleNamespace(now=lambda: SimpleNamespace(utc_ns=0)),
            entropy=lambda: bytes(16),
            metrics=SimpleNamespace(reloaded=lambda *_: None),
            event_seq=NEVER_DURABLE,
            submit=lambda given, _: self.given.append(given),
        )
        configured: Any = SimpleNamespace(config=SimpleNamespace(journal=SimpleNamespace(path=self.journal.path)))
        made: Any = runtime
        self.reloading = Reloading(configured, made, Trading(make_desk()), self.taken_up.append)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.journal.close()


def test_a_fold_that_waits_for_a_journal_that_failed_ends_with_the_daemon(stage: Stage) -> None:
    """A process does not end before its threads: it would neither serve nor be started again."""
    thread = threading.Thread(target=_folded, args=(stage.reloading,), daemon=True)
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()

    stage.reloading.close()

    thread.join(5)
    assert not thread.is_alive()


def _folded(reloading: Reloading) -> None:
    with pytest.raises(Exception, match=STOPPING):
        reloading._folded(make_desk(), NEVER_DURABLE)


def test_while_the_daemon_stops_nothing_is_read(stage: Stage) -> None:
    stage.reloading.close()

    stage.reloading._wanted(ReadFiles(7, ("rules",), "jane", "why"))

    [given] = stage.given
    assert (given.ref, given.problems, given.change) == (7, (STOPPING,), None)


@pytest.mark.parametrize("stopping", [False, True])
def test_ports_and_calls_that_are_closed_are_not_opened_by_what_was_on_its_way(stage: Stage, stopping: bool) -> None:
    taken = Configured(*[None] * 4)  # type: ignore[arg-type]
    if stopping:
        stage.reloading.close()

    stage.reloading._settled(Settled(("sessions",), taken))

    assert stage.taken_up == ([] if stopping else [taken])
    assert stage.reloading.configured is taken
