"""What a turn wants of the journal, read behind its back and given to a later turn as an input of its own.

A resend and a long queue leave in parts: the next one is seen to once the peer has taken what is on its way to it, so
that memory stays flat whatever the length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Final

from engine.clock import Clock
from engine.fix.session.step import SentRow
from engine.fix.sockets.transport import FixConnection
from engine.journal.reader import JournalReader
from engine.turn import (
    BindDue,
    BindMore,
    Input,
    Machine,
    ReadSentRows,
    ReadUndelivered,
    SentPage,
    UndeliveredPage,
)

RESEND_PAGE: Final = 200
"""Rows of a resend that are read at a time."""
RESEND_PAGE_BYTES: Final = 262_144
"""Bytes of a resend that are sent at a time: far below what may wait for a peer, whatever the size of a row."""


class Readback:
    """One task for each thing that is wanted; `failed` is told why one of them ended, which is the end of all."""

    def __init__(
        self,
        reader: JournalReader,
        machine: Machine,
        connections: Mapping[int, FixConnection],
        clock: Clock,
        entropy: Callable[[], bytes],
        loop: asyncio.AbstractEventLoop,
        submit: Callable[[Input], None],
        failed: Callable[[str], None],
    ) -> None:
        self._reader = reader
        self._machine = machine
        self._connections = connections
        self._clock = clock
        self._entropy = entropy
        self._loop = loop
        self._submit = submit
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    def sent(self, wanted: ReadSentRows) -> None:
        """One page of a resend."""
        self._spawn(self._read_sent(wanted))

    def undelivered(self, wanted: ReadUndelivered) -> None:
        """All that waits for a session whose numbers have begun anew."""
        self._spawn(self._read_undelivered(wanted))

    def rest(self, wanted: BindMore) -> None:
        """The next part of a long queue: memory has it, the peer has to be ready for it."""
        self._spawn(self._bind_more(wanted))

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _read_sent(self, wanted: ReadSentRows) -> None:
        """Read one page of a resend, once the peer has taken what is on its way; its turn asks for the next one.

        The rows were committed before the request for them was released.
        """
        connection = self._connections.get(wanted.connection)
        if connection is None:
            return
        await connection.drained()
        state = self._machine.state(wanted.session)
        if state.epoch != wanted.epoch or state.connection != wanted.connection:
            return
        rows = await self._reader.sent_page(wanted.session, wanted.epoch, wanted.begin, wanted.end, RESEND_PAGE)
        page: list[SentRow] = []
        size = 0
        for row in rows:
            size += len(row.data or b"")
            if page and size > RESEND_PAGE_BYTES:
                break
            page.append(SentRow(row.seq, row.data, row.message_class == "report"))
        last = page[-1].seq_num == wanted.end
        now, entropy = self._clock.now(), self._entropy()
        self._submit(SentPage(now, wanted.session, wanted.epoch, wanted.connection, page, wanted.end, last, entropy))

    async def _read_undelivered(self, wanted: ReadUndelivered) -> None:
        """What nobody is known to have, to be bound again in the new epoch: with 97=Y if it may have left before."""
        found = await self._reader.undelivered(wanted.session)
        rows = [
            (entry.entry.id, entry.entry.msg_type, bytes(entry.entry.body), entry.numbered)
            for entry in found
            if entry.entry.id <= wanted.up_to and entry.entry.message_class == "report" and entry.epoch is None
        ]
        now, entropy = self._clock.now(), self._entropy()
        self._submit(UndeliveredPage(now, wanted.session, wanted.epoch, wanted.up_to, rows, entropy))

    async def _bind_more(self, wanted: BindMore) -> None:
        connection = self._connections.get(wanted.connection)
        if connection is not None:
            await connection.drained()
            self._submit(BindDue(self._clock.now(), wanted.session, wanted.connection, self._entropy()))

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed(f"reading the journal failed: {task.exception()}")
