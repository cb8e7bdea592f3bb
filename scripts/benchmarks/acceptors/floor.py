"""The least that reads an order, keeps both messages in SQLite under the same pragmas, and answers afterwards.

uvloop, our framing, decoding and encoding; one table, no session layer, no validation, no chain, no bookkeeping.
One commit per pass of the loop; `full` commits on a worker thread while the next batch fills, as the runtime does.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

from benchmarks.acceptors.answering import BEGIN_STRING, OURS, THEIRS, answer_fields
from engine.clock import Clock, fix_timestamp
from engine.errors import GarbledMessage
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire.codec import decode, encode_body, frame
from engine.fix.wire.framing import Framer

_Row = tuple[int, int, bytes]


class Store:
    """One table of messages, written as the journal is: WAL, no automatic checkpoints."""

    def __init__(self, path: Path, durability: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if durability == 'full' else 'NORMAL'}",
            "wal_autocheckpoint=0",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE messages (direction INTEGER, seq INTEGER, bytes BLOB)")

    def commit(self, rows: list[_Row]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO messages VALUES (?, ?, ?)", rows)
        self._connection.execute("COMMIT")


class Floor(asyncio.Protocol):
    def __init__(self, store: Store, writer: ThreadPoolExecutor | None) -> None:
        self._store = store
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._framer = Framer()
        self._dictionary = built_in(BEGIN_STRING)
        self._clock = Clock()
        self._rows: list[_Row] = []
        self._answers: list[bytes] = []
        self._asked = False
        self._in_flight = False
        self._seq_num = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class.

    def data_received(self, data: bytes) -> None:
        for raw in self._framer.feed(data):
            assert not isinstance(raw, GarbledMessage)
            message = decode(raw, self._dictionary)
            now = fix_timestamp(self._clock.now().utc_ns)
            self._seq_num += 1
            if message.msg_type == "D":
                msg_type, body = "8", encode_body(answer_fields(message.require, self._seq_num, now))
            else:
                msg_type, body = "A", encode_body([(98, 0), (108, 30), (141, "Y")])
            answer = frame(
                begin_string=BEGIN_STRING,
                msg_type=msg_type,
                seq_num=self._seq_num,
                sender=OURS,
                target=THEIRS,
                sending_time=now,
                body=body,
            )
            self._rows += ((0, message.seq_num, raw), (1, self._seq_num, answer))
            self._answers.append(answer)
        if self._rows and not self._asked and not self._in_flight:
            self._asked = True
            self._loop.call_soon(self._commit)

    def _commit(self) -> None:
        self._asked = False
        rows, self._rows = self._rows, []
        answers, self._answers = self._answers, []
        if self._writer is None:
            self._store.commit(rows)
            self._release(answers)
        else:
            self._in_flight = True
            future = self._loop.run_in_executor(self._writer, self._store.commit, rows)
            future.add_done_callback(lambda done: self._committed(done, answers))

    def _committed(self, done: asyncio.Future[None], answers: list[bytes]) -> None:
        done.result()
        self._in_flight = False
        self._release(answers)
        if self._rows:
            self._commit()

    def _release(self, answers: list[bytes]) -> None:
        self._transport.write(b"".join(answers))


async def serve(folder: Path, durability: str, tell: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    store = Store(folder / "floor.db", durability)
    writer = ThreadPoolExecutor(1) if durability == "full" else None
    server = await loop.create_server(lambda: Floor(store, writer), "127.0.0.1", 0)
    tell(server.sockets[0].getsockname()[1])
    await server.serve_forever()
