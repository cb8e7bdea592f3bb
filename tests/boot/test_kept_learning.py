"""What was learnt of a long past is kept beside the journal; a start takes it up, or learns it again, bit for bit."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pickle
import subprocess
from collections.abc import Callable
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk_builder import make_desk
from seen_rounds import asked, seen

from engine.boot import kept_learning
from engine.boot.child import Child
from engine.boot.kept_learning import NotKept, about, head_of, path_of, reading
from engine.boot.learning_child import Wanted, learnt, wanted_of
from engine.boot.reload import Reloading
from engine.boot.take_over import _learnt_before
from engine.dealers.estimates import EstimateParameters
from engine.desk.learning import LEARNT, Learning
from engine.domain import events as e
from engine.domain.observation import RoundTold
from engine.journal.archive import ReadOnly
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.turn.trading import Trading

P = EstimateParameters()
NOW_NS = 1_900_000_000_000_000_000


def told(day: float, name: str, edge_bps: float = -12.0) -> RoundTold:
    asks = [asked("ash", day, edge_bps), asked("beech", day), asked("cedar", day, edge_bps - 4)]
    return RoundTold(replace(seen(name, asks, day), source="elsewhere"))


def added(*rounds: RoundTold) -> e.HistoryAdded:
    return e.HistoryAdded(NOW_NS, rounds, "elsewhere", "person:kim")


def own(day: float, name: str) -> e.RoundObserved:
    one = seen(name, [asked("ash", day, -9.0), asked("beech", day, -15.0)], day)
    return e.RoundObserved(one.closed_ns, one)


PAST = [
    added(*(told(day, f"T-{day}", -10.0 - day % 7) for day in range(300, 340))),
    own(341, "Q-1"),
    added(*(told(day, f"T-{day}", -8.0 - day % 5) for day in range(260, 300))),
]
SINCE = [e.EstimatesRebuilt(NOW_NS, 3, 80, "told of"), own(342, "Q-2"), added(told(100, "T-9")), own(343, "Q-3")]


def journal_of(path: Path, events: list[Any]) -> Path:
    codec = events_codec()
    with Journal(path, "normal", reserve_bytes=0) as journal:
        for seq, event in enumerate(events, 1):
            name, version, body = codec.encode(event)
            row = EventRow(seq, seq, name, version, event.at_ns, body)
            journal.commit([StagedTurn(seq, event.at_ns, "Noted", "test", "", (row,))])
    return path


def started(path: Path, parameters: EstimateParameters = P) -> tuple[Learning, bool]:
    """As a start does it; was what was kept taken up?"""
    learning, codec = Learning(parameters, is_replaying=True), events_codec()
    with ReadOnly(path) as file:
        kept = _learnt_before(file, learning)
        for row in file.events():
            event: Any = codec.decode(row.type, row.version, row.body)
            if type(event) in LEARNT:
                learning.fold(event)
    if kept is not None:
        learning.settle_upon(kept)
    else:
        learning.settle()
    return learning, kept is not None


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """With a past that was learnt and kept, and what was seen since."""
    path = journal_of(tmp_path / "journal.db", [*PAST, *SINCE])
    learnt(Wanted(str(path), 3, 3, P))
    return path


def test_what_was_kept_is_what_the_journal_says_to_the_bit(journal: Path) -> None:
    upon, was_kept = started(journal)
    assert was_kept
    path_of(journal).unlink()
    again, was_kept = started(journal)
    assert not was_kept
    assert upon.estimates.digest() == again.estimates.digest() != Learning(P).estimates.digest()
    assert (upon.observations, upon.waiting, upon.sorted_observations) == (again.observations, again.waiting, 3)
    assert upon.waiting == 1
    # What comes later is learnt alike.
    for one in (upon, again):
        one.fold(own(344, "Q-4"))
        one.fold(e.RoundAmended(NOW_NS, "Q-2", 1, (), (asked("cedar", 342, -3.0),), Decimal(0), "late"))
    assert upon.estimates.digest() == again.estimates.digest()


def test_the_daemon_comes_to_the_same_by_the_event(journal: Path) -> None:
    live = Learning(P)
    for event in PAST:
        live.fold(event)
    live.begin_aside()
    aside = Learning(P)
    for _ in reading(path_of(journal), aside):
        pass
    live.end_aside(aside)
    for event in SINCE:
        live.fold(event)
    assert live.estimates.digest() == started(journal)[0].estimates.digest()


def test_a_child_does_it(journal: Path) -> None:
    before = path_of(journal).read_bytes()
    path_of(journal).unlink()
    assert int(Child("engine.boot.learning_child").run(Wanted(str(journal), 3, 3, P).as_json())) == 3
    assert path_of(journal).read_bytes() == before
    assert path_of(journal).stat().st_mode & 0o777 == 0o600


def test_a_child_may_learn_the_first_part_alone(journal: Path) -> None:
    """As a start has it done that had to learn again."""
    before = path_of(journal).read_bytes()
    learnt(Wanted(str(journal), len(PAST) + len(SINCE), 3, P))
    head = head_of(path_of(journal))
    assert (head.observations, head.up_to) == (3, 7)
    assert started(journal)[1]
    assert path_of(journal).read_bytes()[-500:-32] == before[-500:-32]


def test_what_is_wanted_is_told_in_one_line() -> None:
    wanted = Wanted("journal.db", 3, 2, replace(P, half_life_days=45, strengths=(1.0, 2.0, 3.0, 4.0)))
    assert wanted_of(wanted.as_json()) == wanted


def test_with_other_parameters_it_is_learnt_again(journal: Path) -> None:
    other, was_kept = started(journal, replace(P, half_life_days=60))
    assert not was_kept
    assert other.estimates.digest() != started(journal)[0].estimates.digest()


def test_of_another_journal_nothing_is_taken_up(journal: Path, tmp_path: Path) -> None:
    events = [PAST[0], own(341, "Q-other"), PAST[2], *SINCE]
    other = journal_of(tmp_path / "other.db", events)
    path_of(journal).rename(path_of(other))
    assert not started(other)[1]


def test_of_other_code_nothing_is_taken_up(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_learning, "made_by", lambda: "another")
    assert not started(journal)[1]


def test_a_later_rebuild_makes_it_useless(tmp_path: Path) -> None:
    path = journal_of(tmp_path / "journal.db", [*PAST, *SINCE, e.EstimatesRebuilt(NOW_NS, 6, 1, "again")])
    learnt(Wanted(str(path), 3, 3, P))
    learning, was_kept = started(path)
    assert (was_kept, learning.waiting) == (False, 0)


@pytest.mark.parametrize("at", [0, 5, 40, 1_000, -40, -1])
def test_a_byte_that_is_wrong_is_noticed(journal: Path, at: int) -> None:
    path = path_of(journal)
    data = bytearray(path.read_bytes())
    data[at] ^= 0x55
    path.write_bytes(data)
    assert not started(journal)[1]


@pytest.mark.parametrize("keep", [0, 10, 1_000])
def test_half_a_file_is_noticed(journal: Path, keep: int) -> None:
    path = path_of(journal)
    path.write_bytes(path.read_bytes()[:keep])
    assert not started(journal)[1]


class _Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("false",)


class _Other:
    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.Popen, (["true"],)


@pytest.mark.parametrize("trap", [_Trap(), _Other(), NotKept("a class of the engine's, but none of those")])
def test_nothing_in_it_is_run(journal: Path, trap: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with ReadOnly(journal) as file:
        made_of = about(file, 3, 3, P)
    learning: Any = Learning(P)
    monkeypatch.setattr(Learning, "parts", lambda self: iter([("learning", trap)]))
    kept_learning.keep(path_of(journal), made_of, learning)
    with pytest.raises(NotKept, match="it speaks of"):
        list(reading(path_of(journal), Learning(P)))


@pytest.mark.parametrize("name", ["json.JSONDecoder", "json.codecs.StreamReader", "Decimal", "Estimates.parts"])
def test_what_modules_of_ours_have_from_elsewhere_is_not_ours(journal: Path, name: str) -> None:
    """A name may lead through a module of ours to whatever that has imported."""
    with ReadOnly(journal) as file:
        made_of = about(file, 3, 3, P)
    asks_for = pickle.PROTO + b"\x05"
    asks_for += b"".join(b"\x8c" + bytes([len(each)]) + each.encode() for each in ("engine.dealers.estimates", name))
    part = asks_for + pickle.STACK_GLOBAL + pickle.EMPTY_TUPLE + pickle.REDUCE + pickle.STOP
    path = path_of(journal)
    with path.open("wb") as out:
        body = kept_learning._MAGIC + json.dumps(asdict(made_of)).encode() + b"\n" + part
        out.write(body + hashlib.sha256(body).digest())
    with pytest.raises(NotKept, match="it speaks of"):
        list(reading(path, Learning(P)))


def test_a_child_whose_daemon_is_gone_waits_for_nothing(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was to learn will never be on the disk."""
    parents = iter([4_711, 4_711, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    with pytest.raises(SystemExit, match="the daemon is gone"):
        learnt(Wanted(str(journal), 1_000_000, 3, P))


# --- what is too old to count ----------------------------------------------------------------------


def test_what_the_window_does_not_reach_back_to_is_not_learnt(tmp_path: Path) -> None:
    old = added(*(told(day, f"T-old-{day}", -40.0) for day in range(-400, -30)))
    with_it = learnt(Wanted(str(journal_of(tmp_path / "a.db", [old, *PAST])), 4, 4, P))
    without = learnt(Wanted(str(journal_of(tmp_path / "b.db", PAST)), 3, 3, P))
    assert with_it.estimates.digest() == without.estimates.digest()
    assert (with_it.observations, without.observations) == (4, 3)


def test_of_more_rounds_than_are_kept_the_latest_days_are_learnt(tmp_path: Path) -> None:
    few = replace(P, rounds_max=30)
    learning = learnt(Wanted(str(journal_of(tmp_path / "a.db", PAST)), 3, 3, few))
    latest = [added(*(told(day, f"T-{day}", -10.0 - day % 7) for day in range(311, 340))), own(341, "Q-1")]
    same = learnt(Wanted(str(journal_of(tmp_path / "b.db", latest)), 2, 2, few))
    assert learning.estimates.digest() == same.estimates.digest()


def test_of_what_waits_to_be_put_in_order_a_start_holds_nothing(tmp_path: Path) -> None:
    learning = Learning(P, is_replaying=True)
    with ReadOnly(journal_of(tmp_path / "journal.db", PAST)) as file:
        assert _learnt_before(file, learning) is None
    for event in PAST:
        learning.fold(event)
    assert [each for each in learning._gathered or () if getattr(each, "rounds", ())] == []
    learning.settle()
    assert (learning.waiting, learning.observations) == (80, 3)


def test_what_was_told_after_the_past_was_put_in_order_changes_nothing_of_it(tmp_path: Path) -> None:
    """It is far newer, so that by its time all else would be out of the window."""
    newer, older = (
        journal_of(tmp_path / f"{day}.db", [*PAST, SINCE[0], added(told(day, "T-later"))]) for day in (2_000, 320)
    )
    assert started(newer)[0].estimates.digest() == started(older)[0].estimates.digest()
    assert started(newer)[0].waiting == started(older)[0].waiting == 1


# --- while it runs ---------------------------------------------------------------------------------


class Stage:
    """A desk that was told of a past, with its journal, and what it notes."""

    def __init__(self, path: Path) -> None:
        self.trading = Trading(make_desk())
        self.learning.settle()
        for event in PAST:
            self.learning.fold(event)
        runtime: Any = SimpleNamespace(release=SimpleNamespace(), event_seq=len(PAST), note=self.note)
        configured: Any = SimpleNamespace(config=SimpleNamespace(journal=SimpleNamespace(path=path)))
        self.noted: list[Any] = []
        self.reloading = Reloading(configured, runtime, self.trading, lambda now: None)

    @property
    def learning(self) -> Learning:
        return self.trading.desk.learning

    def note(self, what: str, events: Callable[[int], list[Any]]) -> None:
        self.noted += events(NOW_NS)
        for event in self.noted[-1:]:
            self.learning.fold(event)

    async def learnt(self) -> bool:
        """Have it learn anew; whether it began to."""
        self.reloading.relearn()
        task = self.reloading._task
        if task is not None:
            await task
        return task is not None


async def test_what_was_told_is_learnt_by_a_child_and_taken_up_by_an_event(tmp_path: Path) -> None:
    stage = Stage(journal_of(tmp_path / "journal.db", PAST))
    assert stage.learning.waiting == 80
    assert await stage.learnt()
    assert stage.noted == [e.EstimatesRebuilt(NOW_NS, 3, 80, "rounds were told of")]
    assert stage.learning.waiting == 0
    journal_of(tmp_path / "again.db", [*PAST, *stage.noted])
    assert stage.learning.estimates.digest() == started(tmp_path / "again.db")[0].estimates.digest()


async def test_where_rounds_are_told_live_it_is_done_now_and_then(tmp_path: Path) -> None:
    stage = Stage(journal_of(tmp_path / "journal.db", PAST))
    assert await stage.learnt()
    assert not await stage.learnt()
    stage.reloading._rests_until = 0.0
    assert await stage.learnt()


async def test_a_child_that_fails_leaves_what_was_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(journal_of(tmp_path / "journal.db", PAST))
    before = stage.learning.estimates.digest()
    (tmp_path / "bad_child.py").write_text("raise SystemExit('no such luck')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    stage.reloading._child = Child("bad_child")
    assert await stage.learnt()
    assert (stage.noted, stage.learning.waiting, stage.learning.estimates.digest()) == ([], 80, before)


async def test_what_a_start_had_to_learn_is_kept_for_the_next_one(tmp_path: Path) -> None:
    path = journal_of(tmp_path / "journal.db", [*PAST, *SINCE])
    stage = Stage(path)
    stage.trading.desk.learning, was_kept = started(path)
    assert not was_kept
    stage.reloading._runtime.event_seq = len(PAST) + len(SINCE)  # type: ignore[misc]
    stage.reloading.keep_learnt()
    await asyncio.gather(*stage.reloading._letting_go)
    assert started(path)[1]
