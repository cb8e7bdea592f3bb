"""What the daemon does now and then: if it cannot go on, the process does not pretend that all is well."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.app import Daemon


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
