"""The daemon's own reading: short queries off the loop, through aiosqlite, each its own read transaction.

Also the checkpoints that keep the write-ahead log small. A reader sees what is committed, never the writer's open
batch: serve a resend only after the batch that holds its last number. Whole files are read by `archive`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite

from engine.errors import JournalError
from engine.journal.archive import uri
from engine.journal.batch import EventRow, SessionRow
from engine.journal.queries import EVENT, SENT, SESSIONS, UNDELIVERED, SentMessage, Undelivered, as_undelivered


class Checkpoint(NamedTuple):
    """What a checkpoint did: frames in the log, and how many of them are in the database file now.

    `busy`: somebody was in the way.
    """

    busy: bool
    log_frames: int
    moved_frames: int


class JournalReader:
    """The daemon's queries, off the loop. Open with `await JournalReader.open(path)` after the writer made the file."""

    __slots__ = ("_checkpointer", "_connection", "path")

    def __init__(self, path: Path, connection: aiosqlite.Connection, checkpointer: aiosqlite.Connection) -> None:
        self.path = path
        self._connection = connection
        self._checkpointer = checkpointer

    @classmethod
    async def open(cls, path: Path | str) -> JournalReader:
        path = Path(path)
        reader = await aiosqlite.connect(uri(path, "mode=ro"), uri=True, isolation_level=None)
        try:
            await reader.execute("PRAGMA query_only=ON")
            # A connection of its own that writes nothing: a passive checkpoint never makes the writer wait.
            checkpointer = await aiosqlite.connect(path, isolation_level=None, timeout=0.05)
        except BaseException:
            await reader.close()
            raise
        await checkpointer.execute("PRAGMA synchronous=FULL")
        return cls(path, reader, checkpointer)

    async def sent_page(self, session: str, epoch: int, begin: int, end: int, limit: int) -> list[SentMessage]:
        """Our numbers `begin` to `end` of one epoch, the first `limit` of them.

        Raises JournalError naming a number that has no row: that is corruption, never a reason for a gap fill.
        """
        end = min(end, begin + limit - 1)
        parameters = {"session": session, "epoch": epoch, "begin": begin, "end": end}
        rows = await self._all(SENT, parameters)
        page = [SentMessage(seq, data, kind or "", entry) for seq, data, kind, entry in rows]
        for expected, message in enumerate(page, start=begin):
            if message.seq != expected:
                raise JournalError(f"{self.path}: {session} epoch {epoch} out {expected}: no row; run an audit")
        if len(page) < end - begin + 1:
            missing = begin + len(page)
            raise JournalError(f"{self.path}: {session} epoch {epoch} out {missing}: no row; run an audit")
        return page

    async def undelivered(self, destination: str) -> list[Undelivered]:
        """Outbox entries for `destination` that are not confirmed, in order."""
        return [as_undelivered(row) for row in await self._all(UNDELIVERED, {"to": destination})]

    async def sessions(self) -> list[SessionRow]:
        return [SessionRow(*row) for row in await self._all(SESSIONS, ())]

    async def events(self, after_seq: int, limit: int) -> list[EventRow]:
        """A page of events beyond a cursor, for feeds."""
        query = f"SELECT {EVENT} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        return [EventRow(*row) for row in await self._all(query, (after_seq, limit))]

    async def last_event(self) -> int:
        """The seq of the last event that is durable; 0 while there is none."""
        return int((await self._all("SELECT coalesce(max(seq), 0) FROM events", ()))[0][0])

    async def events_of(self, types: Collection[str], after_seq: int, upto: int, limit: int) -> list[EventRow]:
        """Events of these types, all of them if there are none, behind one and up to another: a short read."""
        wanted = f" AND type IN ({', '.join('?' * len(types))})" if types else ""
        query = f"SELECT {EVENT} FROM events WHERE seq > ? AND seq <= ?{wanted} ORDER BY seq LIMIT ?"
        return [EventRow(*row) for row in await self._all(query, (after_seq, upto, *types, limit))]

    async def query(self, sql: str, parameters: tuple[object, ...] = (), limit: int = 1000) -> list[tuple[Any, ...]]:
        """At most `limit` rows of a query: views and such."""
        async with self._connection.execute(sql, parameters) as cursor:
            return [tuple(row) for row in await cursor.fetchmany(limit)]

    async def checkpoint(self, *, truncate: bool = False) -> Checkpoint:
        """Move the log into the database file. Passive makes nobody wait; `truncate` holds the writer: when idle."""
        mode = "TRUNCATE" if truncate else "PASSIVE"
        async with self._checkpointer.execute(f"PRAGMA wal_checkpoint({mode})") as cursor:
            row = await cursor.fetchone()
        assert row is not None
        return Checkpoint(bool(row[0]), row[1], row[2])

    async def backup(self, target: Path) -> None:
        """A consistent copy while the daemon runs. What it cannot copy is the right to be the same journal: opened
        by a writer, it starts as a foreign one."""
        copy = await aiosqlite.connect(target)
        try:
            await self._connection.backup(copy, pages=256)
        finally:
            await copy.close()

    async def close(self) -> None:
        await self._connection.close()
        await self._checkpointer.close()

    async def _all(self, query: str, parameters: Any) -> list[Any]:
        return list(await self._connection.execute_fetchall(query, parameters))
