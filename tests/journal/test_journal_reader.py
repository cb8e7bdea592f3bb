"""What the daemon asks of the journal while it is being written."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from journal_rows import turns_after

from engine.errors import JournalError
from engine.journal.archive import ReadOnly, audit
from engine.journal.batch import TRAILER_BYTES, Answer, Head, NumberRow, OutboxRow, SessionRow, StagedTurn
from engine.journal.lock import Boot
from engine.journal.queries import FIRST_SENT, SENT, UNDELIVERED, SentMessage, last_sent
from engine.journal.reader import Checkpoint, JournalReader
from engine.journal.writer import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db", "normal", reserve_bytes=0) as journal:
        yield journal


@pytest.fixture
async def reader(journal: Journal) -> AsyncIterator[JournalReader]:
    reader = await JournalReader.open(journal.path)
    yield reader
    await reader.close()


class Desk:
    """Says things to one OMS session, numbers them, and learns what arrived."""

    def __init__(self, journal: Journal, stands: str) -> None:
        """`stands`: where an entry does that is numbered in its own turn."""
        self.journal = journal
        self.stands = stands
        self.epoch, self.next_out, self.confirmed = 1, 1, 0
        self.numbers: list[NumberRow] = []
        self.outbox: list[OutboxRow] = []
        self.last_entry = 0

    def commit(self) -> None:
        head: Head = self.journal.head
        answer = None
        if self.stands == IN_THE_TURN and self.numbers and self.numbers[0].msg_type is not None:
            answer = Answer(*self.numbers.pop(0)[: len(Answer._fields)])  # type: ignore[arg-type]
        turn = StagedTurn(
            head.turn_seq + 1,
            0,
            "test",
            "",
            "",
            outbox=tuple(self.outbox),
            answer=answer,
            sent=tuple(self.numbers),
            sessions=(SessionRow("oms", self.epoch, 1, self.next_out, self.confirmed, 0),),
        )
        self.journal.commit([turn])
        self.numbers, self.outbox = [], []

    def say(self, destination: str = "oms") -> int:
        self.last_entry = entry = max(self.last_entry, self.journal.head.outbox_id) + 1
        turn_seq = self.journal.head.turn_seq + 1
        self.outbox.append(OutboxRow(entry, turn_seq, None, destination, "at_least_once", None, "8", b"37=1\x01"))
        return entry

    def number(self, entry: int | None, *, session: str = "oms") -> int:
        seq = self.next_out
        data = b"8=%d|37=1\x0110=000|" % seq if entry else None
        row = NumberRow(session, self.epoch, seq, entry, data, "at_least_once" if entry else None)
        decided = next((one for one in self.outbox if one.id == entry), None)
        if self.stands != APART and decided is not None and data is not None:
            self.outbox.remove(decided)
            body_at = len(data) - TRAILER_BYTES - len(decided.body) + 1
            row = row._replace(msg_type=decided.msg_type, body_at=body_at)
        self.numbers.append(row)
        self.next_out += 1
        return seq


APART, WITH_ITS_NUMBER, IN_THE_TURN = "apart", "with its number", "in the turn's own row"


@pytest.fixture(params=[APART, WITH_ITS_NUMBER, IN_THE_TURN])
def desk(journal: Journal, request: pytest.FixtureRequest) -> Desk:
    return Desk(journal, request.param)


def log_bytes(journal: Journal) -> int:
    return Path(f"{journal.path}-wal").stat().st_size


async def undelivered(reader: JournalReader, destination: str = "oms") -> list[tuple[int, int | None, int | None]]:
    found = await reader.undelivered(destination)
    with ReadOnly(reader.path) as record:
        assert record.undelivered(destination) == found
    return [(one.entry.id, one.epoch, one.seq) for one in found]


async def test_pages_of_sent_messages(desk: Desk, reader: JournalReader) -> None:
    for at in range(1, 8):
        desk.number(desk.say() if at % 3 else None)
    desk.commit()
    page = await reader.sent_page("oms", 1, 2, 7, 3)
    assert page == [
        SentMessage(2, b"8=2|37=1\x0110=000|", "at_least_once", 2),
        SentMessage(3, None, "", None),
        SentMessage(4, b"8=4|37=1\x0110=000|", "at_least_once", 3),
    ]
    assert [message.seq for message in await reader.sent_page("oms", 1, 5, 7, 100)] == [5, 6, 7]


async def test_a_number_without_a_row_is_corruption(desk: Desk, reader: JournalReader) -> None:
    desk.number(desk.say())
    desk.next_out = 3
    desk.number(desk.say())
    desk.commit()
    for begin, end in ((1, 3), (2, 3), (3, 4)):
        with pytest.raises(JournalError, match=f"out {2 if begin < 3 else 4}: no row"):
            await reader.sent_page("oms", 1, begin, end, 10)
    assert len(await reader.sent_page("oms", 1, 1, 3, 1)) == 1


async def test_an_entry_is_undelivered_until_its_number_is_confirmed(desk: Desk, reader: JournalReader) -> None:
    first, second = desk.say(), desk.say()
    other = desk.say("dropcopy")
    desk.number(first)
    desk.number(None)
    desk.number(second)
    third = desk.say()
    desk.commit()
    assert await undelivered(reader) == [(first, 1, 1), (second, 1, 3), (third, None, None)]
    assert await undelivered(reader, "dropcopy") == [(other, None, None)]
    desk.confirmed = 2
    desk.commit()
    assert await undelivered(reader) == [(second, 1, 3), (third, None, None)]
    desk.confirmed = 3
    desk.number(third)
    desk.commit()
    assert await undelivered(reader) == [(third, 1, 4)]


async def test_a_reset_keeps_what_was_confirmed_and_repeats_the_rest(desk: Desk, reader: JournalReader) -> None:
    entries = [desk.say() for _ in range(3)]
    for entry in entries:
        desk.number(entry)
    desk.confirmed = 2
    desk.commit()
    desk.epoch, desk.next_out, desk.confirmed = 2, 1, 0
    desk.commit()
    assert await undelivered(reader) == [(entries[2], None, None)]
    desk.number(None)
    desk.number(entries[2])
    desk.commit()
    assert await undelivered(reader) == [(entries[2], 2, 2)]
    desk.confirmed = 2
    desk.commit()
    assert await undelivered(reader) == []


async def test_what_may_have_left_in_an_epoch_that_is_over_is_told_from_what_never_did(
    desk: Desk, reader: JournalReader
) -> None:
    sent, waiting = desk.say(), desk.say()
    desk.number(sent)
    desk.number(None)
    desk.commit()
    desk.epoch, desk.next_out = 2, 1
    desk.number(None)
    later = desk.say()
    desk.commit()
    found = await reader.undelivered("oms")
    assert [(one.entry.id, one.seq, one.numbered) for one in found] == [
        (sent, None, True),
        (waiting, None, False),
        (later, None, False),
    ]


async def test_events_are_paged_by_cursor(journal: Journal, reader: JournalReader) -> None:
    turns = turns_after(journal.head, 5)
    journal.commit(turns)
    events = [event for turn in turns for event in turn.events]
    assert await reader.events(0, 4) == events[:4]
    assert await reader.events(8, 4) == events[8:]
    assert await reader.sessions() == [SessionRow("alder", 1, 1, 6, 0, 0), SessionRow("oms", 1, 6, 1, 0, 0)]
    assert await reader.query("SELECT seq FROM events", limit=3) == [(1,), (2,), (3,)]


async def test_a_reader_cannot_write(journal: Journal, reader: JournalReader) -> None:
    with pytest.raises(Exception, match="readonly"):
        await reader.query("DELETE FROM tape_marks")


async def test_checkpoints_move_the_log_without_holding_the_writer(journal: Journal, reader: JournalReader) -> None:
    for _ in range(4):
        journal.commit(turns_after(journal.head, 10))
    moved = await reader.checkpoint()
    assert not moved.busy
    assert moved.moved_frames == moved.log_frames > 0
    # A reader in the middle of the file: the checkpoint stops there, the writer does not notice.
    with ReadOnly(journal.path) as record:
        turns = record.turns()
        next(turns)
        journal.commit(turns_after(journal.head, 10))
        held = await reader.checkpoint()
        assert held.moved_frames < held.log_frames
        assert (await reader.checkpoint(truncate=True)).busy
        assert sum(1 for _ in turns) == 39
    journal.commit(turns_after(journal.head, 1))
    assert await reader.checkpoint(truncate=True) == (False, 0, 0)
    assert log_bytes(journal) == 0
    journal.commit(turns_after(journal.head, 1))
    assert audit(journal.path).turns == 52


async def test_the_log_begins_anew_though_turns_come_without_a_pause(journal: Journal, reader: JournalReader) -> None:
    async def checkpoint_and_commit() -> Checkpoint:
        """A commit comes while the log is moved, so that the checkpoint does not see its end."""
        with ReadOnly(journal.path) as before:
            turns = before.turns()
            next(turns)
            journal.commit(turns_after(journal.head, 1))
            moved = await reader.checkpoint()
        assert moved.moved_frames < moved.log_frames
        return moved

    journal.commit(turns_after(journal.head, 1))
    grown = [(await checkpoint_and_commit()).log_frames for _ in range(10)]
    assert grown == sorted(set(grown))
    for _ in range(3):
        journal.begin_log_anew()
        journal.commit(turns_after(journal.head, 1))
        assert (await checkpoint_and_commit()).log_frames < grown[1]
    # Whoever reads meanwhile keeps what they read: the log grows on, and no commit waits or fails.
    length = (await checkpoint_and_commit()).log_frames
    with ReadOnly(journal.path) as record:
        turns = record.turns()
        next(turns)
        journal.begin_log_anew()
        journal.commit(turns_after(journal.head, 1))
        assert (await checkpoint_and_commit()).log_frames > length
        assert sum(1 for _ in turns) == 1 + 10 + 6 + 1 - 1
    assert audit(journal.path).turns == journal.head.turn_seq


@pytest.mark.parametrize(
    ("query", "given"),
    [(SENT, {"session": "oms", "epoch": 1, "begin": 1, "end": 9}), (UNDELIVERED, {"to": "oms"})],
    ids=["sent", "undelivered"],
)
def test_what_the_daemon_asks_for_is_found_by_key_however_long_the_file(
    journal: Journal, query: str, given: dict[str, object]
) -> None:
    plan = journal._connection.execute(f"EXPLAIN QUERY PLAN {query}", given).fetchall()
    assert not [step for *_, step in plan if step in ("SCAN turns", "SCAN fix_sent", "SCAN outbox", "SCAN o", "SCAN m")]
    # Of a session's numbers those of an epoch, never all that it was ever sent.
    assert not [step for *_, step in plan if step.startswith("SEARCH m ") and step.endswith("session=?)")]


async def test_a_backup_of_a_live_journal_holds_and_is_known_to_be_a_copy(
    journal: Journal, reader: JournalReader, tmp_path: Path
) -> None:
    journal.commit(turns_after(journal.head, 10))
    target = tmp_path / "backup.db"
    await reader.backup(target)
    journal.commit(turns_after(journal.head, 1))
    assert audit(target).turns == 10
    with Journal(target, "normal", reserve_bytes=0) as copy:
        assert copy.boot is Boot.FOREIGN


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to every folder")
def test_a_closed_journal_is_read_from_a_folder_nobody_may_write(tmp_path: Path) -> None:
    path = tmp_path / "old" / "journal.db"
    path.parent.mkdir()
    with Journal(path, "normal", reserve_bytes=0) as journal:
        journal.commit(turns_after(journal.head, 3))
    path.parent.chmod(0o500)
    try:
        assert audit(path).turns == 3
    finally:
        path.parent.chmod(0o700)


@pytest.mark.parametrize("seed", range(6))
async def test_any_range_of_numbers_is_found_wherever_they_stand(
    journal: Journal, reader: JournalReader, seed: int
) -> None:
    """Commits of many turns and sessions by turns: in rows of turns, beside them, and epochs that begin anew."""
    rng = random.Random(seed)
    given: dict[tuple[str, int], list[tuple[int, bytes | None]]] = {}
    epochs = {"oms": 1, "alder": 1, "birch": 1}
    entry = 0
    for _ in range(rng.randint(4, 10)):
        turns = []
        for turn_seq in range(journal.head.turn_seq + 1, journal.head.turn_seq + 1 + rng.randint(1, 12)):
            answer, sent = None, []
            for at in range(rng.choice((0, 1, 1, 1, 2, 3))):
                to = rng.choice(tuple(epochs))
                if rng.random() < 0.03:
                    epochs[to] += 1
                numbers = given.setdefault((to, epochs[to]), [])
                seq = len(numbers) + 1
                if rng.random() < 0.2:
                    sent.append(NumberRow(to, epochs[to], seq, None, None))
                    numbers.append((seq, None))
                    continue
                entry += 1
                data = b"8=%d|37=1\x0110=000|" % entry
                numbers.append((seq, data))
                if at == 0:
                    answer = Answer(to, epochs[to], seq, entry, data, "report", None, "8", 1)
                else:
                    sent.append(NumberRow(to, epochs[to], seq, entry, data, "report", None, "8", 1))
            turns.append(StagedTurn(turn_seq, 0, "test", "", "", answer=answer, sent=tuple(sent)))
        journal.commit(turns)
    for (to, epoch), numbers in given.items():
        for begin in range(1, len(numbers) + 1):
            for end in {begin, min(begin + 5, len(numbers)), len(numbers)}:
                limit = rng.choice((1, 3, 500))
                page = await reader.sent_page(to, epoch, begin, end, limit)
                assert [(each.seq, each.data) for each in page] == numbers[begin - 1 : end][:limit]
        with pytest.raises(JournalError, match="no row"):
            await reader.sent_page(to, epoch, len(numbers), len(numbers) + 1, 500)
        place = {"session": to, "epoch": epoch}
        with ReadOnly(journal.path) as file:
            reports = [seq for seq, data in numbers if data is not None]
            assert [seq for seq, _ in file.query(last_sent(("report",)), {**place, "most": 7})] == reports[:-8:-1]
            assert file.query(FIRST_SENT, place) == [(1,)]
    assert audit(journal.path).holds
