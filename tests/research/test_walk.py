"""engine/research/walk.py: what was expected is what a desk could have expected, to the bit."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from seen_rounds import asking, drawn_dealers
from told_past import day_ns, of, planted

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.dealers.estimates import EstimateParameters
from engine.dealers.leak import LeakParameters
from engine.dealers.outlook import Outlook
from engine.desk.learning import Learning
from engine.domain import events as e
from engine.domain.observation import Answer, AskSeen, Horizon, MarkAfter, Protocol, RoundTold, Taken
from engine.domain.order import MarkUsed
from engine.domain.rows import changed
from engine.research.knowledge import Then, known_ns
from engine.research.scores import COVERAGE, Rows, report
from engine.research.walk import Prediction, walk

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

FOUND = list[tuple[RoundTold, tuple[Prediction, ...]]]


def predictions(told: Sequence[RoundTold], leak: LeakParameters | None = None) -> list[tuple[Prediction, ...]]:
    return [each for _, each in walk(told, Then(leak=leak))]


def some(seed: int = 1, days: int = 8, rounds_a_day: int = 10) -> list[RoundTold]:
    """Marks after each, and some dealers whose time goes on for hours after the round: others wait for nobody."""
    rng = random.Random(seed)
    told = []
    for one in planted(rng, drawn_dealers(rng, 8), days, rounds_a_day):
        asks = tuple(_slow(ask, rng) if rng.random() < 0.3 else ask for ask in one.seen.asks)
        seen = changed(
            one.seen, asks=asks, decided_ns=one.seen.closed_ns, mark_decision=_mark(100.0), residual=Decimal(0)
        )
        told.append(RoundTold(seen, tuple(MarkAfter(each, _mark(rng.gauss(100, 0.1))) for each in Horizon)))
    return told


def _slow(ask: AskSeen, rng: random.Random) -> AskSeen:
    later_ns = round(rng.uniform(600, 20_000)) * NS_PER_S
    if ask.answer is Answer.none:
        return changed(ask, deadline_ns=ask.sent_ns + later_ns)
    return changed(ask, answered_ns=ask.sent_ns + later_ns, deadline_ns=ask.sent_ns + 2 * later_ns)


def _mark(price: float) -> MarkUsed:
    return MarkUsed(Decimal(round(price, 4)), "made", 0, "firm", 3.0)


# --- tomorrow ------------------------------------------------------------------------------------


def altered(told: Sequence[RoundTold], now_ns: int, rng: random.Random) -> list[RoundTold]:
    """Another future of the same past: all that was not known before `now_ns` is different."""
    found: list[RoundTold] = []
    for one in told:
        seen = one.seen
        if seen.sent_ns > now_ns and rng.random() < 0.3:
            continue
        asks = tuple(ask if known_ns(seen, ask) < now_ns else _flipped(ask, rng) for ask in seen.asks)
        started_ns = seen.decided_ns or seen.closed_ns
        after = tuple(
            each if started_ns + _span_ns(each.horizon) < now_ns else MarkAfter(each.horizon, _mark(rng.gauss(80, 20)))
            for each in one.after
        )
        found.append(RoundTold(changed(seen, asks=asks), after))
    return found


def _span_ns(horizon: Horizon) -> int:
    spans = {"1m": 60, "5m": 300, "30m": 1_800, "1h": 3_600, "eod": 43_200, "1d": 4 * 86_400}
    return spans[horizon.value] * NS_PER_S


def _flipped(ask: AskSeen, rng: random.Random) -> AskSeen:
    """A dealer that will always answer tomorrow, at a price it has never made, and never fill."""
    if rng.random() < 0.5:
        return changed(
            ask, answer=Answer.none, answered_ns=None, edge_bps=None, quantity=None, taken=Taken.no,
            deadline_ns=ask.deadline_ns,
        )  # fmt: skip
    return changed(ask, edge_bps=rng.gauss(300, 50), taken=Taken.rejected)


@pytest.mark.parametrize("seed", range(6))
def test_another_future_changes_no_prediction_to_the_bit(seed: int) -> None:
    told, leak = some(seed), LeakParameters()
    before = predictions(told, leak)
    rng = random.Random(seed + 100)
    for at in rng.sample(range(10, len(told) - 15), 4):
        now_ns = told[at].seen.sent_ns
        other = altered(told, now_ns, rng)
        after = predictions(other, leak)
        assert _expected(after[: at + 1]) == _expected(before[: at + 1])
        assert _expected(after) != _expected(before), "the future was not looked at when it had come"


def _expected(found: Sequence[tuple[Prediction, ...]]) -> list[tuple[object, ...]]:
    """What was expected, without what came."""
    came = {"answered": False, "edge_bps": None, "filled": None, "size_share": None}
    return [dataclasses.astuple(dataclasses.replace(each, **came)) for one in found for each in one]


def test_leaks_and_the_cost_of_not_trading_know_no_tomorrow_either() -> None:
    told = some(3, days=12)
    now_ns = told[80].seen.sent_ns

    def then(rounds: Sequence[RoundTold]) -> tuple[tuple[Outlook, ...], object]:
        known = Then(leak=LeakParameters())
        for one in rounds:
            if one.seen.sent_ns >= now_ns:
                break
            known.until(one.seen.sent_ns)
            known.add(one)
        known.until(now_ns)
        request = dataclasses.replace(asking(8.0), now_ns=now_ns)
        return known.outlooks([f"D{at:02}" for at in range(8)], request), known.not_trading(request, 20.0)

    outlooks, failing = then(told)
    assert any(each.leak_post.n_eff for each in outlooks), "leaks were solved"
    assert then(altered(told, now_ns, random.Random(9))) == (outlooks, failing)


def test_an_answer_that_came_after_the_next_round_was_sent_is_not_known_to_it() -> None:
    """A dealer that waits two hours with its word: it counts from then on."""
    told = some(4, days=1, rounds_a_day=3)
    first = told[0].seen
    slow = changed(first.asks[0], answer=Answer.quote, edge_bps=500.0, answered_ns=told[1].seen.sent_ns + 1)
    rounds = [RoundTold(changed(first, asks=(slow,))), *told[1:]]
    same = [RoundTold(changed(first, asks=(changed(slow, edge_bps=-500.0),))), *told[1:]]
    one, other = predictions(rounds), predictions(same)
    assert _expected(one[:2]) == _expected(other[:2])
    assert _expected(one[2:]) != _expected(other[2:])


# --- as the daemon -------------------------------------------------------------------------------


def test_estimates_are_those_of_the_daemon() -> None:
    """Rounds whose answers all came in time, folded as a daemon folds its journal, and walked."""
    rng = random.Random(2)
    told = planted(rng, drawn_dealers(rng, 8), 12, 6)
    learning, then = Learning(EstimateParameters()), Then()
    for one in told:
        then.until(one.seen.sent_ns)
        then.add(one)
        learning.fold(e.RoundObserved(one.seen.closed_ns, one.seen))
        while learning.estimates.fits is not None:
            learning.fold(e.EstimatesFitted(one.seen.closed_ns, learning.estimates.fits))
    then.until(told[-1].seen.closed_ns + 1)
    assert then.estimates.digest() == learning.estimates.digest()


def test_what_another_system_tells_is_learnt_the_same() -> None:
    told = some(5)
    mine, theirs = predictions(told), predictions(of("blotter", told))
    assert _expected(mine) == _expected(theirs)


def test_those_before_the_beginning_are_learnt_and_not_judged() -> None:
    told = some(6)
    begin_ns = told[40].seen.sent_ns
    every, late = predictions(told), [each for _, each in walk(told, Then(), begin_ns)]
    assert late == every[40:]


def test_progress_is_told_round_by_round() -> None:
    heard: list[tuple[int, int]] = []
    told = some(7, days=2)
    list(walk(told, Then(), None, lambda done, total: heard.append((done, total)), len(told)))
    assert heard[-1] == (20, 20)


# --- one prediction ------------------------------------------------------------------------------


def test_of_those_asked_later_nobody_knew_when_the_first_was_asked() -> None:
    told = some(8, days=1)
    [first, second, *_] = told[0].seen.asks
    later = changed(second, sent_ns=first.sent_ns + 30 * NS_PER_S, position=2)

    def asked(protocol: Protocol) -> list[int]:
        seen = changed(told[0].seen, asks=(first, later), n_asked=2, protocol=protocol)
        [(_, found)] = walk([RoundTold(seen)], Then())
        return [each.n_asked for each in found]

    assert asked(Protocol.stagger) == [1, 2]
    assert asked(Protocol.sequence) == [1, 1]
    [(_, unnamed)] = walk([RoundTold(changed(told[0].seen, asks=(first,), n_asked=5))], Then())
    assert unnamed[0].n_asked == 5


def check_known(change: Callable[[AskSeen], AskSeen], expected_ns: int) -> None:
    one = some(9, days=1)[0].seen
    ask = changed(one.asks[0], answered_ns=None, answer=Answer.none, deadline_ns=None, sent_ns=one.sent_ns)
    assert known_ns(one, change(ask)) == one.closed_ns + expected_ns


def test_when_a_desk_knows() -> None:
    closed_ns = some(9, days=1)[0].seen.closed_ns
    check_known(lambda ask: ask, 0)
    check_known(lambda ask: changed(ask, deadline_ns=closed_ns - 5), 0)
    check_known(lambda ask: changed(ask, deadline_ns=closed_ns + 5), 5)
    check_known(lambda ask: changed(ask, answer=Answer.passed, answered_ns=closed_ns + 7), 7)
    # What came too late says no more than that the time was over.
    check_known(lambda ask: changed(ask, late=True, answered_ns=closed_ns + NS_PER_DAY, deadline_ns=closed_ns + 5), 5)
    check_known(lambda ask: changed(ask, answer=Answer.quote, answered_ns=closed_ns, decided_ns=closed_ns + 9), 9)


# --- planted truth -------------------------------------------------------------------------------


def test_predictions_are_calibrated_where_the_truth_is_of_the_models_kind() -> None:
    rng = random.Random(11)
    told = planted(rng, drawn_dealers(rng, 12), 60, 25, panel_slope=-0.3)
    rows = Rows()
    for _, found in walk(told, Then(), day_ns(20)):
        rows.extend(found)
    judged = report(rows)
    assert judged.rows > 3_500
    assert judged.days == 40
    words = {(each.name, each.against): each.words for each in judged.scores}
    assert words["log loss of answering", "desk"] == "better"
    assert words["CRPS of an edge, bps", "desk"] == "better"
    assert "worse" not in words.values()
    assert judged.answers_met is True
    assert COVERAGE[0] <= judged.coverage.value <= COVERAGE[1]
    assert judged.coverage_met is not False
