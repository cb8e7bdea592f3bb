"""Whatever the batches are cut into: what a commit keeps is whole, and nothing is read while none succeeds."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtime_world import RuntimeWorld, runtime_world
from session_world import START_NS

from engine.clock import fix_timestamp
from engine.fix.session.protocol import SentRow
from engine.fix.wire import codec
from engine.journal.archive import ReadOnly
from engine.journal.opening import Durability
from engine.journal.writer import CommitRetry
from engine.runtime.loop import Limits
from engine.turn import ReadSentRows, SentPage

KEYS = ("oms", "dropcopy")
SAID: dict[str, list[tuple[int, str]]] = {
    "A": [(98, "0"), (108, "30"), (141, "Y")],
    "1": [(112, "are you there")],
    "0": [],
    "2": [(7, "1"), (16, "0")],
    "H": [(11, "none"), (54, "1"), (55, "[N/A]")],
}


class Peer:
    """Numbers its messages; a Logon(A) begins anew."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.number = 0

    def say(self, kinds: str) -> bytes:
        return b"".join(map(self._frame, kinds))

    def _frame(self, kind: str) -> bytes:
        self.number = 1 if kind == "A" else self.number + 1
        return codec.frame(
            begin_string="FIX.4.4",
            msg_type=kind,
            seq_num=self.number,
            sender=self.key.upper(),
            target="BUYSIDE",
            sending_time=fix_timestamp(START_NS),
            body=codec.encode_body(SAID[kind]),
        )


_UNCOVERED = """
SELECT m.session, m.epoch, m.direction, max(m.seq), s.next_in, s.next_out FROM fix_messages AS m
LEFT JOIN fix_sessions AS s ON s.session = m.session AND s.epoch = m.epoch
GROUP BY m.session, m.epoch, m.direction
HAVING s.next_in IS NULL OR max(m.seq) >= CASE m.direction WHEN 'in' THEN s.next_in ELSE s.next_out END
"""


def watch_commits(world: RuntimeWorld, path: Path, commits: list[list[Any]]) -> None:
    """After every commit: the numbers that a start would go on with are beyond every one that is in the file."""
    finish = world.runtime._journal.finish

    def finish_and_look() -> None:
        finish()
        with ReadOnly(path) as file:
            commits.append(file.query(_UNCOVERED))

    world.runtime._journal = Finishing(world.journal, finish_and_look)  # type: ignore[assignment]


class Finishing:
    def __init__(self, journal: Any, finish: Any) -> None:
        self._journal = journal
        self.finish = finish

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


async def live(path: Path, bursts: list[tuple[str, str]], most: int) -> list[list[Any]]:
    commits: list[list[Any]] = []
    async with runtime_world(path, limits=Limits(batch_turns_max=most)) as world:
        watch_commits(world, path, commits)
        peers = {key: Peer(key) for key in KEYS}
        for key in KEYS:
            world.connect(key)
            await world.hear(key, peers[key].say("A"))
        for at, (key, kinds) in enumerate(bursts):
            world.send(key, peers[key].say(kinds))
            if at % 3 == 2:
                await world.runtime.idle()
        await world.runtime.idle()
    return commits


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.text("110HH2A", min_size=1, max_size=6)), max_size=8),
    st.integers(1, 3),
)
def test_the_numbers_of_a_commit_cover_every_one_that_it_keeps(
    tmp_path_factory: pytest.TempPathFactory, bursts: list[tuple[str, str]], most: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "journal.db"
    commits = asyncio.run(live(path, bursts, most))
    assert not [found for found in commits if found]


def test_an_epoch_that_ends_in_a_later_batch_leaves_the_numbers_of_the_one_before(tmp_path: Path) -> None:
    bursts = [("oms", "1HH1"), ("dropcopy", "11"), ("oms", "A1H"), ("oms", "2H2HA")]
    for most in (1, 2, 3):
        commits = asyncio.run(live(tmp_path / f"{most}.db", bursts, most))
        assert len(commits) > 4
        assert not [found for found in commits if found], most


def test_what_is_staged_behind_a_full_batch_takes_no_number_from_its_commit(tmp_path: Path) -> None:
    """A page of a resend leaves no row and moves no number: it must not pass for what has the numbers of before."""
    path = tmp_path / "journal.db"
    commits: list[list[Any]] = []

    async def resend() -> None:
        async with runtime_world(path, limits=Limits(batch_turns_max=4)) as world:
            wanted: list[ReadSentRows] = []
            world.runtime._readback.sent = wanted.append  # type: ignore[method-assign]
            peer = Peer("oms")
            world.connect("oms")
            for kinds in ("A", "HH", "2"):
                await world.hear("oms", peer.say(kinds))
            [asked] = wanted
            with ReadOnly(path) as file:
                rows = file.query("SELECT seq, bytes FROM fix_messages WHERE direction = 'out' ORDER BY seq")
            page = [SentRow(seq, data, data is not None) for seq, data in rows[:2]]
            watch_commits(world, path, commits)
            world.send("oms", peer.say("HHH1"))
            now = world.clock.now()
            given = SentPage(now, "oms", asked.epoch, asked.connection, page, asked.end, last=False, entropy=bytes(16))
            world.runtime.submit(given)
            assert len(world.runtime._full) == 1
            await world.runtime.idle()

    asyncio.run(resend())
    assert commits
    assert not [found for found in commits if found]


def test_nothing_is_read_while_the_journal_takes_nothing_though_a_commit_before_it_ends(tmp_path: Path) -> None:
    """`full`: the next batch is on its way when one is durable; if the disk refuses it, reading stays paused."""

    async def refused() -> None:
        async with runtime_world(tmp_path / "journal.db", durability="full") as world:
            peer = Peer("oms")
            world.connect("oms")
            await world.hear("oms", peer.say("A"))
            insert, tries = world.journal.insert, [0]

            def insert_or_not(turns: Any) -> None:
                tries[0] += 1
                if tries[0] in (2, 3, 4):
                    raise CommitRetry("the disk is full", code=sqlite3.SQLITE_FULL)
                insert(turns)

            stand_in = Finishing(world.journal, world.journal.finish)
            stand_in.insert = insert_or_not  # type: ignore[attr-defined]
            world.runtime._journal = stand_in  # type: ignore[assignment]
            world.send("oms", peer.say("1"))
            await asyncio.sleep(0)  # The first batch is on its way.
            assert world.runtime._in_flight is not None
            world.send("oms", peer.say("1"))
            while world.runtime._retrying_since is None:  # noqa: ASYNC110 (nobody tells of it)
                await asyncio.sleep(0)
            while world.runtime._retrying_since is not None:
                assert world.runtime._paused
                assert not world.runtime.alarms.reading
                await asyncio.sleep(0)
            await world.runtime.idle()
            assert tries[0] == 5
            assert not world.runtime._paused
            assert world.runtime.alarms.reading
            assert world.wires["oms"].written.count(b"\x01112=are you there\x01") == 2

    asyncio.run(refused())


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_a_commit_that_waits_for_the_disk_does_so_beside_the_loop(tmp_path: Path, durability: Durability) -> None:
    """Under `normal` the two by which the log is begun anew: a disk may take its time for them."""
    beside: list[bool] = []

    async def trade() -> None:
        async with runtime_world(tmp_path / "journal.db", durability=durability) as world:
            finish, loop_thread = world.journal.finish, threading.get_ident()

            def finish_and_note() -> None:
                beside.append(threading.get_ident() != loop_thread)
                finish()

            world.runtime._journal = Finishing(world.journal, finish_and_note)  # type: ignore[assignment]
            peer = Peer("oms")
            world.connect("oms")
            await world.hear("oms", peer.say("A"))
            world.journal.begin_log_anew()
            for _ in range(4):
                await world.hear("oms", peer.say("H"))

    asyncio.run(trade())
    assert beside == ([False, True, True, False, False] if durability == "normal" else [True] * 5)


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_commands_that_look_are_answered_while_the_journal_takes_nothing(
    tmp_path: Path, durability: Durability
) -> None:
    """And say so; what would change something waits."""

    async def refused() -> None:
        async with runtime_world(tmp_path / "journal.db", durability=durability) as world:
            runtime, peer = world.runtime, Peer("oms")
            runtime.only_look = frozenset({"status", "orders", "session.show"})
            world.connect("oms")
            await world.hear("oms", peer.say("A"))
            answer = await runtime.command("status", {}, "ops", "viewer")
            assert "banner" not in answer
            insert, full = world.journal.insert, [True]

            def insert_or_not(turns: Any) -> None:
                if full[0]:
                    raise CommitRetry("database or disk is full", code=sqlite3.SQLITE_FULL)
                insert(turns)

            stand_in = Finishing(world.journal, world.journal.finish)
            stand_in.insert = insert_or_not  # type: ignore[attr-defined]
            runtime._journal = stand_in  # type: ignore[assignment]
            world.send("oms", peer.say("1"))
            while runtime._retrying_since is None:  # noqa: ASYNC110 (nobody tells of it)
                await asyncio.sleep(0)
            kill = {"all": True, "reason": "test"}
            killed = asyncio.ensure_future(runtime.command("kill", kill, "ops", "operator"))
            for name, key in (("status", "sessions"), ("orders", "orders"), ("session.show", "sessions")):
                async with asyncio.timeout(5):
                    answer = await runtime.command(name, {"session": "oms"} if "." in name else {}, "ops", "viewer")
                assert key in answer or "session" in answer
                assert "TAKEN NOTHING" in answer["banner"]
                assert "database or disk is full" in answer["banner"]
                assert "Make room" in answer["banner"]
            assert not killed.done()
            assert b"112=are you there" not in world.wires["oms"].written
            full[0] = False
            async with asyncio.timeout(5):
                await asyncio.wait((killed,))
                await runtime.idle()
            killed.exception()
            assert "banner" not in await runtime.command("orders", {}, "ops", "viewer")
            assert world.wires["oms"].written.count(b"\x01112=are you there\x01") == 1

    asyncio.run(refused())


def test_a_command_that_looks_is_answered_though_the_disk_hangs(tmp_path: Path) -> None:
    async def hanging() -> None:
        async with runtime_world(tmp_path / "journal.db", durability="full") as world:
            peer, go_on = Peer("oms"), threading.Event()
            world.runtime.only_look = frozenset({"status"})
            world.connect("oms")
            await world.hear("oms", peer.say("A"))
            finish = world.journal.finish

            def finish_late() -> None:
                go_on.wait(20)
                finish()

            world.runtime._journal = Finishing(world.journal, finish_late)  # type: ignore[assignment]
            world.send("oms", peer.say("1"))
            try:
                async with asyncio.timeout(10):
                    answer = await world.runtime.command("status", {}, "ops", "viewer")
            finally:
                go_on.set()
            assert "the disk does not answer" in answer["banner"]
            await world.runtime.idle()

    asyncio.run(hanging())
