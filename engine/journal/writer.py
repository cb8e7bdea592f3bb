"""The journal's one writer: a batch of turns, one transaction.

Owns the writing connection, the chain's head, the writer's lock and the reserve file. Knows no event, reads no clock
and decides nothing: it is called with what to keep and says whether it is kept. `commit` is synchronous. Its halves may
be called from two threads, never at a time: rows are inserted on the loop, where a worker thread would have to ask for
Python's lock back after each of them, and `full` waits for the disk in a thread.

`full` is on disk when `commit` returns and survives power loss. `normal` is with the operating system and survives
the death of the process. WAL auto-checkpoints are off (they stall a commit by 9-26 ms): `reader` moves the log into
the file meanwhile. It never sees its end while commits go on, so now and then one of them does: `begin_log_anew`.

A commit that fails says which of two things is true:
- CommitRetry: nothing was kept. The same turns may be tried again, in the same order, on the same object.
- CommitFatal: it is not known what was kept. Release nothing, exit; the next start reads what the file shows. A
  COMMIT whose fsync failed may well have happened, so nothing is tried again in this process.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from engine.errors import JournalError, StartError
from engine.journal import anchor
from engine.journal.batch import RULE_BOOK, Batch, Head, MarkRow, SessionRow, StagedTurn, TextRow, TradeRow
from engine.journal.chain import UNSPELLABLE, ChainError, follow
from engine.journal.lock import Boot, WriterLock
from engine.journal.opening import (
    Durability,
    agrees_with_anchor,
    anchor_path,
    configure,
    create_missing,
    read_head,
    read_meta,
    read_texts,
)
from engine.journal.schema import INSERTS
from engine.journal.tape import KeptTape, TapeBounds, closes_of, last_of_each

Phase: TypeAlias = Literal["begin", "staged_rows", "before_commit", "committed"]

RESERVE_BYTES: Final = 16 * 1024 * 1024  # Some 2,000 closing turns: kill, cancels and Logouts of 200 sessions.
BUSY_TIMEOUT_MS: Final = 5  # The writer may run on the loop: give up soon, the runtime tries again.

_texts: Final = attrgetter("texts")
_RETRY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})


class CommitRetry(JournalError):
    """Nothing was kept; the same turns may be tried again.

    `reserve_spent`: the disk is full and the room set aside for closing turns is used up too.
    """

    def __init__(self, text: str, *, code: int, reserve_spent: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.reserve_spent = reserve_spent

    @property
    def disk_full(self) -> bool:
        return self.code & 0xFF == sqlite3.SQLITE_FULL


class CommitFatal(JournalError):
    """It is not known what was kept: release nothing and exit. `code` is SQLite's, 0 where it gave none."""

    def __init__(self, text: str, *, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class Journal:
    """The open journal. `head` is what has been committed; `boot` is how the file was found."""

    __slots__ = (
        "_anchored",
        "_anchors",
        "_connection",
        "_failed",
        "_inserted",
        "_known_texts",
        "_lock",
        "_on_phase",
        "_reserve",
        "_syncs",
        "_tape",
        "boot",
        "durability",
        "head",
        "journal_id",
        "path",
    )

    def __init__(
        self,
        path: Path | str,
        durability: Durability = "full",
        *,
        previous_head: str = "",
        anchors: Path | None = None,
        tape: TapeBounds | None = None,
        reserve_bytes: int = RESERVE_BYTES,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
        on_phase: Callable[[Phase], None] | None = None,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        """Open or create. `previous_head` (hex) is the head of the file a new one continues, `anchors` the file that
        its own head is noted in, `<journal>.anchor` if not said otherwise; `tape` is how much of the tape is kept.

        Raises StartError if another process writes it, or it is no journal of this version or cannot be opened.
        """
        self.path = Path(path)
        self.durability = durability
        self._anchors = anchors if anchors is not None else anchor_path(self.path)
        self._on_phase = on_phase
        self._failed: CommitFatal | None = None
        self._syncs = 0
        self._lock = WriterLock(self.path)
        try:
            # Only ever stat the file by its name: closing a second descriptor of it would drop SQLite's own locks.
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_CLOEXEC, 0o640))  # WAL and shared memory take its mode.
            self._connection = sqlite3.connect(
                self.path,
                timeout=busy_timeout_ms / 1000,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=64,
                factory=factory,
            )
            try:
                configure(self._connection, self.path, durability)
                existed = create_missing(self._connection, self.path, previous_head)
                self.journal_id = read_meta(self._connection, self.path)["journal_id"]
                self.head = read_head(self._connection, self.path)
                self._known_texts = read_texts(self._connection)
                self._tape = KeptTape.found(self._connection.execute, tape if tape is not None else TapeBounds())
                self._inserted: tuple[Head, set[tuple[str, str]], KeptTape] = self.head, set(), self._tape
                self._anchored = 0
                self.boot = self._lock.boot(self.path, existed, self.head)
                if existed and not agrees_with_anchor(self._connection, self._anchors, self.journal_id):
                    self.boot = Boot.FOREIGN
                self._lock.note_open(self.path)
                self._reserve = _reserve(Path(f"{self.path}.reserve"), reserve_bytes)
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            self._lock.release()
            raise StartError(f"{self.path}: cannot be opened as a journal: {error}") from error
        except BaseException:
            self._lock.release()
            raise

    @property
    def reserve_held(self) -> bool:
        """Is there still room set aside for closing turns?"""
        return self._reserve is not None

    def knows_text(self, kind: str, text_hash: str) -> bool:
        """Is this text stored already?"""
        return (kind, text_hash) in self._known_texts

    def commit(self, turns: Batch) -> None:
        """Keep `turns`, all or none. Raises CommitRetry or CommitFatal; see the module's head."""
        self.insert(turns)
        self.finish()

    def insert(self, turns: Batch) -> None:
        """The first half of `commit`: the rows, in a transaction that `finish` has to end."""
        if self._failed is not None:
            raise self._failed
        try:
            head, tables, texts, marks, trades = self._prepare(turns)
        except (ChainError, *UNSPELLABLE) as error:
            raise self._fail(CommitFatal(f"{self.path}: {error}")) from error
        connection = self._connection
        phase = self._on_phase
        try:
            connection.execute("BEGIN IMMEDIATE")
            if phase is not None:
                phase("begin")
            for table, rows in tables:
                if rows:
                    connection.executemany(INSERTS[table], rows)
            tape = self._tape if not (marks or trades) else self._write_tape(marks, trades)
            if phase is not None:
                phase("staged_rows")
        except BaseException as error:
            raise self._judge(error) from error
        self._inserted = head, texts, tape

    def finish(self) -> None:
        """The second half: make it durable. One call of SQLite's, which holds no lock of Python's while it waits."""
        phase = self._on_phase
        try:
            if phase is not None:
                phase("before_commit")
            self._connection.execute("COMMIT")
        except BaseException as error:
            raise self._judge(error) from error
        self.head, texts, self._tape = self._inserted
        self._known_texts |= texts
        if phase is not None:
            phase("committed")
        if self._syncs:
            self._syncs -= 1
            if self._syncs == 1:
                # The commit has happened, whatever becomes of this. What is wrong the reader's next checkpoint says.
                with suppress(sqlite3.Error):
                    self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def begin_log_anew(self) -> None:
        """Have the next commit move what is left of the log into the file: the one after begins the log anew.

        SQLite does so only where nothing is left, and there is always something while turns come without a pause: the
        log would grow until they cease. The first of them syncs log and file, the other the log's new beginning.
        """
        self._syncs = 2

    @property
    def waits_for_disk(self) -> bool:
        """Does the next `finish` wait until the disk has something? Call it in a thread then."""
        return self.durability == "full" or self._syncs > 0

    def anchor(self, utc_ns: int) -> bool:
        """Append the head to the anchors' file, outside the database; False if it has not moved since.

        Not synced: a power loss may take the last lines, never a turn. Raises OSError if it cannot be written.
        """
        head = self.head
        if head.turn_seq == self._anchored:
            return False
        line = anchor.to_line(anchor.Anchor(utc_ns, head.turn_seq, head.hash, self.journal_id))
        fd = os.open(self._anchors, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.write(fd, line)
        finally:
            os.close(fd)
        self._anchored = head.turn_seq
        return True

    def close(self) -> None:
        """Close; after a fatal failure the lock file goes on saying that the end was not clean."""
        try:
            self._connection.close()
            if self._failed is None:
                self._lock.note_closed(self.path, self.head)
        finally:
            self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_tape(self, marks: list[MarkRow], trades: list[TradeRow]) -> KeptTape:
        """Rows at the end of the tape, and away with what is too old or too much: in the open transaction."""
        connection, tape = self._connection, self._tape
        kept = last_of_each(marks)
        closes = closes_of(kept)
        if kept:
            connection.executemany(INSERTS["tape_marks"], tape.marks.placed(kept))
        if trades:
            connection.executemany(INSERTS["tape_trades"], tape.trades.placed(trades))
        if closes:
            connection.executemany(INSERTS["tape_closes"], closes)
        now_ns = max(*(mark.heard_ns for mark in kept), *(trade.heard_ns for trade in trades), 0)
        return tape.added(kept, trades, closes).trimmed(connection.execute, now_ns, len(kept), len(trades))

    def _prepare(
        self, turns: Batch
    ) -> tuple[Head, tuple[tuple[str, Iterable[Any]], ...], set[tuple[str, str]], list[MarkRow], list[TradeRow]]:
        """The new head, rows per table, the texts that are new, and what goes on the tape. Nothing is changed yet."""
        turns, new_texts = self._with_new_texts(turns)
        head, turn_rows, others, answered = follow(self.head, turns)
        # Plain tuples, whatever the rows are: sqlite3 binds those some 2 us a row faster than their subclasses.
        sent_rows: list[tuple[object, ...]] = []
        event_rows: list[tuple[object, ...]] = []
        outbox_rows: list[tuple[object, ...]] = []
        session_rows: dict[tuple[str, int], SessionRow] = {}
        mark_rows: list[MarkRow] = []
        trade_rows: list[TradeRow] = []
        rule_books: list[TextRow] = []
        configs: list[TextRow] = []
        for turn in others:
            turn_seq, _, _, _, _, events, outbox, _, _, sent, sessions, marks, trades, texts = turn
            event_rows += map(tuple, events)
            outbox_rows += map(tuple, outbox)
            for number in sent:
                sent_rows.append((turn_seq, *number))
            for numbers in sessions:
                session_rows[numbers[:2]] = numbers
            mark_rows += marks
            trade_rows += trades
            for text in texts:
                (rule_books if text.kind == RULE_BOOK else configs).append(text)
        return (
            head,
            (
                ("turns", turn_rows),
                ("events", event_rows),
                ("outbox", outbox_rows),
                ("fix_sent", sent_rows),
                ("answered", list(map(tuple, answered))),
                ("rule_books", [text[1:] for text in rule_books]),
                ("configs", configs),
                # Conflated: of a session's rows in one transaction only the last counts.
                ("fix_sessions", list(session_rows.values())),
            ),
            new_texts,
            mark_rows,
            trade_rows,
        )

    def _with_new_texts(self, turns: Batch) -> tuple[Batch, set[tuple[str, str]]]:
        """The turns without texts that are stored already, and what is left of those."""
        new: set[tuple[str, str]] = set()
        if any(map(_texts, turns)):
            turns = [self._without_known(turn, new) if turn.texts else turn for turn in turns]
        return turns, new

    def _without_known(self, turn: StagedTurn, new: set[tuple[str, str]]) -> StagedTurn:
        kept = []
        for text in turn.texts:
            key = (text.kind, text.hash)
            if key not in self._known_texts and key not in new:
                new.add(key)
                kept.append(text)
        kept.sort(key=lambda text: text.kind != RULE_BOOK)  # In the order a reader finds them in: table by table.
        return turn._replace(texts=tuple(kept))

    def _judge(self, error: BaseException) -> BaseException:
        """Roll back where that is certain to work, and say what is true of the batch."""
        code = getattr(error, "sqlite_errorcode", None) or 0
        what = f"{self.path}: {type(error).__name__}: {error}"
        if not isinstance(error, sqlite3.Error) or code & 0xFF not in _RETRY:
            failure = self._fail(CommitFatal(what, code=code))
            # Ctrl-C and the like pass as they are, but this object commits nothing any more.
            return failure if isinstance(error, Exception) else error
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as second:
            return self._fail(CommitFatal(f"{what}; then the rollback failed: {second}", code=code))
        spent = False
        if code & 0xFF == sqlite3.SQLITE_FULL:
            spent = self._reserve is None
            self._give_up_reserve()
        return CommitRetry(what, code=code, reserve_spent=spent)

    def _fail(self, failure: CommitFatal) -> CommitFatal:
        self._failed = failure
        return failure

    def _give_up_reserve(self) -> None:
        if self._reserve is not None:
            self._reserve.unlink(missing_ok=True)
            self._reserve = None


def _reserve(path: Path, size: int) -> Path | None:
    """Set `size` bytes of disk aside in `path`; None if there is no room for them."""
    if size <= 0:
        path.unlink(missing_ok=True)
        return None
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError:
        path.unlink(missing_ok=True)
        return None
    finally:
        os.close(fd)
    return path
