"""engine/boot/leak_batch.py and its child: a real process reads a real journal, the daemon goes on all the while."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from desk_builder import make_desk

from engine.boot import leak_batch
from engine.boot.child import Child
from engine.boot.leak_batch import DAILY, HISTORY, STOPPING, LeakBatch, _last_daily_ns
from engine.boot.leak_child import Wanted, codec, found, wanted_of
from engine.clock import NS_PER_DAY, NS_PER_S, Instant
from engine.config.scoring import LeakConfig
from engine.dealers.leak import PRIOR_IN, LeakParameters, LeakPrior
from engine.domain import events as e
from engine.domain.observation import Answer, AskSeen, BondSeen, Horizon, Protocol, RoundSeen, Taken
from engine.domain.order import MarkUsed, Side
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.turn import LeaksFound, SolveLeaks
from engine.turn.trading import Trading

T: Final = 20_000 * NS_PER_DAY
LEAKER, WINNER = "birch", "alder"
DEALERS: Final = ("alder", "birch", "cedar", "doyle", "elder")


def rounds(count: int, seed: int = 1) -> Iterator[e.Event]:
    """One dealer moves the mid 10 bps when it is asked and never wins; noise 8 bps; ten rounds a day."""
    rng = random.Random(seed)
    for at in range(count):
        sent_ns = T + at * NS_PER_DAY // 10
        panel, half_hour = rng.sample(DEALERS, rng.choice((3, 3, 3, 2))), 1_800 * NS_PER_S
        decided_ns, mid = sent_ns + 60 * NS_PER_S, Decimal(100)
        moved = round(rng.gauss(10.0 if LEAKER in panel else 0.0, 8.0), 2)
        after, later = mid + Decimal(str(moved)) / 100, mid + Decimal(str(round(moved + rng.gauss(0, 8), 2))) / 100
        won = next((each for each in panel if each != LEAKER), "")
        asks = tuple(
            AskSeen(
                each, place, sent_ns, None, Answer.quote, mark_sent=mark(mid),
                taken=Taken.filled if each == won else Taken.no, filled=Decimal(5 if each == won else 0) * 10**6,
            )
            for place, each in enumerate(panel, 1)
        )  # fmt: skip
        yield e.RoundObserved(
            decided_ns,
            RoundSeen(
                source="", rfq_id=f"R{at}", round=1, parent_id=f"O{at}", sent_ns=sent_ns, closed_ns=decided_ns,
                bond=BondSeen(f"XS{at % 7}", f"ISSUER{at % 7}", "corporate"), segment="corporate|HY|3-7y|5mm-10mm|buy",
                side=Side.buy, quantity=Decimal(5_000_000), residual=Decimal(0), protocol=Protocol.parallel,
                n_asked=len(panel), asks=asks, decided_ns=decided_ns, mark_decision=mark(after),
            ),
        )  # fmt: skip
        due_ns = decided_ns + half_hour
        yield e.RoundMarked(due_ns, f"R{at}", Horizon.half_hour, due_ns, mark(later), None, "")


def mark(price: Decimal) -> MarkUsed:
    return MarkUsed(price, "composite", 0, "firm", 2.0)


def kept(folder: Path, events: list[e.Event]) -> Path:
    """A journal of these events among others, a turn each."""
    path, encode = folder / "journal.db", events_codec().encode
    with Journal(path, "normal", reserve_bytes=0) as journal:
        turns = []
        for seq, event in enumerate(events, 1):
            name, version, body = encode(event)
            turns.append(
                StagedTurn(
                    seq, event.at_ns, "Noted", "", "", events=(EventRow(seq, seq, name, version, event.at_ns, body),)
                )
            )
        journal.insert(turns)
        journal.finish()
    return path


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    events = list(rounds(150))
    return kept(tmp_path_factory.mktemp("leaks"), events), len(events)


def wanted(history: tuple[Path, int], **changes: Any) -> Wanted:
    path, events = history
    given = Wanted(str(path), events, 7, T + 16 * NS_PER_DAY, "person:kim", "why", 60.0, LeakParameters())
    return dataclasses.replace(given, **changes)


# --- the child -----------------------------------------------------------------------------------


def test_what_is_wanted_comes_through_the_pipe_as_it_is(history: tuple[Path, int]) -> None:
    given = wanted(
        history, parameters=LeakParameters(PRIOR_IN, LeakPrior(0.1, 0.2, 0.3), Horizon.hour, half_life_days=1 / 3)
    )
    assert wanted_of(given.as_json()) == given


def test_the_journal_is_enough_to_find_the_leaker(history: tuple[Path, int]) -> None:
    solved = found(wanted(history))
    assert (solved.rounds, solved.up_to, solved.observations) == (150, history[1], 7)
    for outcome in (solved.table.leak_in, solved.table.leak_post):
        assert outcome.rows == 150
    table = solved.table.leak_in
    assert max(table.dealers, key=lambda each: each.leak.value).dealer == LEAKER
    winner = next(each for each in table.dealers if each.dealer == WINNER).leak
    assert abs(winner.value) <= 2 * winner.sd
    body = codec().encode(solved)[2]
    assert codec().decode("LeakSolved", 1, body) == solved == events_codec().decode("LeakSolved", 1, body)


def test_a_batch_rests_on_the_events_that_it_says_and_on_no_older_ones(history: tuple[Path, int]) -> None:
    assert found(wanted(history, up_to=100)).rounds == 50
    week = found(wanted(history, parameters=LeakParameters(window_days=7)))
    assert week.rounds == week.table.leak_in.rows == 60


def test_pages_make_no_difference(history: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = found(wanted(history))
    monkeypatch.setattr("engine.boot.leak_child.PAGE", 7)
    assert found(wanted(history)).table == whole.table


# --- the daemon's side ---------------------------------------------------------------------------


class Stage:
    """A batch beside a desk, with all that it asks of the runtime noted."""

    def __init__(self, history: tuple[Path, int], module: str = leak_batch.CHILD, limit_s: float = 60.0) -> None:
        self.given: list[LeaksFound] = []
        self.outcomes: list[str] = []
        self.now_ns = T + 16 * NS_PER_DAY
        self.trading = Trading(make_desk())
        self.learning.settle()
        self.config: Any = SimpleNamespace(
            journal=SimpleNamespace(path=history[0]),
            scoring=SimpleNamespace(leak=LeakConfig(time_limit_s=limit_s)),
        )
        runtime: Any = SimpleNamespace(
            release=SimpleNamespace(),
            clock=SimpleNamespace(now=lambda: Instant(0, self.now_ns)),
            entropy=lambda: bytes(16),
            metrics=SimpleNamespace(leak_batch=self.outcomes.append),
            event_seq=history[1],
            submit=self.taken,
        )
        self._made: Callable[[], LeakBatch] = lambda: LeakBatch(runtime, self.trading, lambda: self.config, module)
        self.batch = self._made()

    def again(self) -> None:
        """The daemon begins anew."""
        self.batch = self._made()

    @property
    def learning(self) -> Any:
        return self.trading.desk.learning

    def taken(self, given: LeaksFound) -> None:
        self.given.append(given)
        if given.found is not None:
            self.trading.fold(dataclasses.replace(given.found, at_ns=self.now_ns))

    async def over(self) -> None:
        if self.batch._task is not None:
            await self.batch._task

    @property
    def begun(self) -> str:
        """Why the latest batch was begun; it is over."""
        return self.given[-1].found.reason if self.given and self.given[-1].found is not None else ""


async def test_who_asks_gets_what_a_child_process_finds_and_the_loop_goes_on(history: tuple[Path, int]) -> None:
    stage = Stage(history)
    ticks, began = 0, time.monotonic()
    stage.batch._wanted(SolveLeaks(3, "kim", "to see"))
    stage.batch._wanted(SolveLeaks(4, "lee", "too"))
    while stage.batch._task is not None:
        await asyncio.sleep(0.001)
        ticks += 1
    assert ticks > 0.2 * (time.monotonic() - began) / 0.001
    [given] = stage.given
    assert (given.refs, given.actor, given.problem) == ((3, 4), "person:kim", "")
    assert given.found is not None
    assert given.found.table == found(wanted(history)).table
    assert stage.outcomes == ["solved"]
    leak_in, _, _ = stage.learning.leaks.of(LEAKER)
    assert leak_in.value > 5.0


FAILING: Final = {
    "raises": "raise ValueError('no such luck')",
    "says nonsense": "print('{}')",
    "is killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "sleeps": "import time; time.sleep(60)",
}


@pytest.mark.parametrize("does", FAILING)
async def test_a_child_that_fails_changes_nothing(
    history: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    (tmp_path / "bad_child.py").write_text(FAILING[does])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    stage = Stage(history, "bad_child", limit_s=1.0 if does == "sleeps" else 60.0)
    before = stage.learning.leaks
    stage.batch._wanted(SolveLeaks(3, "kim", "to see"))
    await stage.over()
    [given] = stage.given
    assert given.found is None
    expected = {"raises": "no such luck", "sleeps": "leak.time_limit_s", "is killed": "ended with -9"}
    assert expected.get(does, "") in given.problem
    assert stage.outcomes == ["late" if does == "sleeps" else "failed"]
    assert stage.learning.leaks is before
    # The next one is begun as if nothing had been.
    stage.batch._child, stage.config.scoring.leak = Child(leak_batch.CHILD), LeakConfig()
    stage.batch._wanted(SolveLeaks(4, "kim", "again"))
    await stage.over()
    assert stage.begun == "again"


async def test_a_daemon_that_stops_ends_the_child_and_waits_for_nothing(
    history: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_child.py").write_text(FAILING["sleeps"])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    stage = Stage(history, "slow_child")
    stage.batch._wanted(SolveLeaks(3, "kim", "to see"))
    while stage.batch._child is None:  # noqa: ASYNC110 (a thread begins it)
        await asyncio.sleep(0.005)
    began = time.monotonic()
    stage.batch.close()
    await stage.over()
    assert time.monotonic() - began < 5
    assert [(given.refs, given.found, given.problem) for given in stage.given] == [((3,), None, STOPPING)]
    stage.batch._wanted(SolveLeaks(4, "kim", "too late"))
    assert stage.given[-1].refs == (4,)


async def test_a_batch_is_begun_daily_and_only_if_there_is_something_new(history: tuple[Path, int]) -> None:
    stage = Stage(history)
    stage.now_ns = T + 16 * NS_PER_DAY + 6 * 3_600 * NS_PER_S
    stage.again()
    stage.learning.observations = 10
    # It has been up since six: half past five is tomorrow.
    stage.batch.look()
    assert stage.batch._task is None
    stage.now_ns += NS_PER_DAY - 3_600 * NS_PER_S
    stage.batch.look()
    assert stage.batch._task is None
    stage.now_ns += 3_600 * NS_PER_S
    stage.batch.look()
    await stage.over()
    assert stage.begun == DAILY
    assert stage.learning.observations_solved == 10
    stage.now_ns += NS_PER_DAY
    stage.batch.look()
    assert stage.batch._task is None


async def test_a_daemon_that_was_down_at_that_time_makes_up_for_it(history: tuple[Path, int]) -> None:
    stage = Stage(history)
    stage.learning.observations = 10
    stage.again()
    stage.batch.look()
    await stage.over()
    assert stage.begun == DAILY


async def test_what_others_told_is_solved_once_it_is_learnt(history: tuple[Path, int]) -> None:
    stage = Stage(history)
    stage.learning.observations, stage.learning.waiting = 10, 3
    stage.learning._rebuilt_at = 9
    stage.batch.look()
    assert stage.batch._task is None
    stage.learning.waiting = 0
    stage.batch.look()
    await stage.over()
    assert stage.begun == HISTORY
    stage.batch.look()
    assert stage.batch._task is None


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        pytest.param(4, 5.5 - 24, id="yesterday's"),
        pytest.param(5.5, 5.5, id="now"),
        pytest.param(23, 5.5, id="today's"),
    ],
)
def test_the_daily_time_is_the_last_one_that_was(hour: float, expected: float) -> None:
    at_ns = LeakConfig().solve_at_ns
    assert at_ns == 5.5 * 3_600 * NS_PER_S
    now_ns = T + int(hour * 3_600) * NS_PER_S
    assert _last_daily_ns(now_ns, at_ns) == T + int(expected * 3_600) * NS_PER_S
