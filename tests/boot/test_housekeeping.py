"""What the daemon does now and then: if it cannot go on, the process does not pretend that all is well."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.app import LOG_FRAMES_MAX, Daemon
from engine.journal.reader import Checkpoint


def test_a_failure_of_the_housekeeping_ends_the_process_and_its_end_does_not(caplog: pytest.LogCaptureFixture) -> None:
    failures: list[str] = []
    daemon = cast(Any, SimpleNamespace(_fail=failures.append))

    async def fail() -> None:
        raise ZeroDivisionError("a bug")

    async def go_on() -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        failing, cancelled = asyncio.ensure_future(fail()), asyncio.ensure_future(go_on())
        for task in (failing, cancelled):
            task.add_done_callback(lambda done: Daemon._house_kept(daemon, done))
        await asyncio.wait([failing])
        cancelled.cancel()
        await asyncio.wait([cancelled])

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert failures == ["housekeeping failed: ZeroDivisionError: a bug"]
    assert "Traceback" in caplog.text


def test_a_checkpoint_that_fails_is_tried_again_later(caplog: pytest.LogCaptureFixture) -> None:
    async def checkpoint() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    asyncio.run(Daemon._checkpoint(cast(Any, None), cast(Any, SimpleNamespace(checkpoint=checkpoint))))
    assert "checkpoint failed" in caplog.text


@pytest.mark.parametrize(("frames", "expected"), [(LOG_FRAMES_MAX, [1]), (LOG_FRAMES_MAX + 1, [1, 2, "anew"])])
def test_a_log_that_has_grown_too_long_is_begun_anew(frames: int, expected: list[object]) -> None:
    """Once it has been moved twice: little is left then for the commit that ends it."""
    seen: list[object] = []

    async def checkpoint() -> Checkpoint:
        seen.append(len(seen) + 1)
        return Checkpoint(False, frames, frames)

    daemon = SimpleNamespace(journal=SimpleNamespace(begin_log_anew=lambda: seen.append("anew")))
    asyncio.run(Daemon._checkpoint(cast(Any, daemon), cast(Any, SimpleNamespace(checkpoint=checkpoint))))
    assert seen == expected
