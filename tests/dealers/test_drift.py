"""A dealer that grows worse is found within the asks that were promised, and who does not is left alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from seen_rounds import DAY_NS, FIRST_DAY, asked, seen

from engine.dealers.drift import _SEGMENT_STRENGTH, Drifting, Step, Watch, _Record
from engine.dealers.estimates import Estimates
from engine.domain.observation import Taken

RECORD = 200


def response(answered: bool, segment: str = "segment", offset: float = 0.0) -> Step:
    return Step(Drifting.response, segment, float(answered), 0.6, offset=offset)


def edge(bps: float) -> Step:
    return Step(Drifting.edge, "segment", bps, -10.0, 5.0)


def firmness(held: bool) -> Step:
    return Step(Drifting.firmness, "segment", float(held), 0.95)


def raised(watch: Watch, steps: Iterator[Step]) -> int:
    """How many alarms these steps of one dealer raise."""
    count = 0
    for step in steps:
        count += watch.look("alder", step, 0) is not None
        watch.step("alder", step)
    return count


def share_found(rng: random.Random, rate: float, within: int, dealers: int) -> float:
    """The share of dealers found within so many asks; one that was under alarm before counts, too."""
    found = 0
    for _ in range(dealers):
        watch = Watch()
        raised(watch, (response(rng.random() < rate) for _ in range(RECORD)))
        found += raised(watch, (response(rng.random() < rate / 2) for _ in range(within))) > 0
    return found / dealers


@pytest.mark.parametrize(("rate", "within"), [(0.9, 30), (0.75, 30), (0.5, 60), (0.3, 120)])
def test_a_halved_response_is_found(rate: float, within: int) -> None:
    # 150 dealers: the standard error of .9 is .024; two of them below.
    assert share_found(random.Random(8), rate, within, 150) >= 0.9 - 2 * 0.024


@pytest.mark.full
@pytest.mark.parametrize(
    ("rate", "within"),
    [(rate, 30) for rate in (0.95, 0.9, 0.85, 0.8, 0.775, 0.75)]
    + [(rate, 60) for rate in (0.7, 0.65, 0.6, 0.55, 0.525, 0.5)]
    + [(rate, 120) for rate in (0.45, 0.4, 0.35, 0.325, 0.3)],
)
def test_a_halved_response_is_found_in_nine_of_ten(rate: float, within: int) -> None:
    # 1,000 dealers: the standard error of .9 is .0095; one of them below.
    assert share_found(random.Random(9), rate, within, 1_000) >= 0.9 - 0.0095


@pytest.mark.full
@pytest.mark.parametrize(("rate", "within"), [(0.75, 60), (0.5, 120), (0.3, 240)])
def test_who_was_missed_is_found_later(rate: float, within: int) -> None:
    assert share_found(random.Random(10), rate, within, 500) >= 0.95


def false_alarms(rng: random.Random, quarters: int, dealers: int) -> float:
    """Alarms a quarter of a desk of 50 that does not change: 15 rounds a day, four asked, one accepted, 63 days."""
    asks = 63 * 15 * 4 // 50
    count = 0
    for _ in range(dealers):
        watch, rate = Watch(), rng.betavariate(6, 3)
        level, firm = rng.gauss(-12, 8), rng.betavariate(18, 1.5)
        for _ in range(quarters * asks):
            answers = rng.random() < rate
            count += raised(watch, iter([response(answers)]))
            if answers:
                count += raised(watch, iter([edge(rng.gauss(level, 4.0))]))
                if rng.random() < 0.35:
                    count += raised(watch, iter([firmness(rng.random() < firm)]))
    return count * 50 / dealers / quarters


def test_a_desk_that_does_not_change_is_left_alone() -> None:
    # Half a desk for six quarters: 3 alarms are expected at the bound of one a quarter, 6 are beyond two errors.
    assert false_alarms(random.Random(4), 6, 25) * 3 <= 6


@pytest.mark.full
def test_false_alarms_of_a_desk_are_fewer_than_one_a_quarter() -> None:
    # Fifteen desks for eight quarters: the standard error of one a quarter is .09.
    assert false_alarms(random.Random(5), 8, 750) < 1.0


def test_one_change_is_one_alarm() -> None:
    rng = random.Random(12)
    alarms = []
    for _ in range(30):
        watch = Watch()
        raised(watch, (response(rng.random() < 0.8) for _ in range(RECORD)))
        alarms.append(raised(watch, (response(rng.random() < 0.4) for _ in range(200))))
    # Thirty changes and 6,000 asks, of which the usual desk has one and a half false alarms.
    assert 30 <= sum(alarms) <= 35
    assert max(alarms) <= 2


def test_who_answers_less_in_one_segment_is_not_held_to_what_it_answers_in_another() -> None:
    """It is asked in both, then in the harder one alone: that is no drift; to answer half as often there is one."""
    alarms = []
    for half in (1.0, 0.5):
        rng, count = random.Random(13), 0
        for _ in range(40):
            watch = Watch()
            for number in range(300):
                segment, rate = (("easy", 0.9), ("hard", 0.5))[number % 2]
                watch.step("alder", response(rng.random() < rate, segment))
            count += raised(watch, (response(rng.random() < 0.5 * half, "hard") for _ in range(60))) > 0
        alarms.append(count)
    # Half of .5 in 60 asks says less than half of .7, what the odds are for: two in three are found within them.
    assert alarms[0] <= 4
    assert alarms[1] >= 20


def test_a_desk_that_asks_more_takes_higher_odds_and_one_that_asks_less_the_same() -> None:
    levels = []
    for asks, alarms in ((0, 1.0), (400, 1.0), (3_780, 1.0), (37_800, 1.0), (37_800, 10.0)):
        watch = Watch(alarms)
        watch.expect(asks)
        for number in range(RECORD + 8):
            watch.step("alder", response(number < RECORD and number % 4 > 0))
        levels.append(watch.scores("alder", 0.6)[Drifting.response])
    assert levels[0] == levels[1] == levels[2] == levels[4]
    assert 0 < levels[3] < levels[2] < 1


def test_a_worse_edge_and_a_looser_hand_are_found() -> None:
    rng = random.Random(6)
    for usual, worse in (
        ([edge(rng.gauss(-5, 4)) for _ in range(300)], [edge(rng.gauss(-10, 4)) for _ in range(40)]),
        ([firmness(rng.random() < 0.95) for _ in range(300)], [firmness(rng.random() < 0.5) for _ in range(30)]),
    ):
        watch = Watch()
        assert raised(watch, iter(usual)) == 0
        assert raised(watch, iter(worse)) == 1


def test_better_is_no_alarm() -> None:
    rng, watch = random.Random(2), Watch()
    assert raised(watch, (response(rng.random() < 0.4) for _ in range(300))) == 0
    assert raised(watch, (response(rng.random() < 0.9) for _ in range(100))) == 0


def test_an_alarm_says_what_changed() -> None:
    rng, watch = random.Random(11), Watch()
    for _ in range(300):
        watch.step("alder", response(rng.random() < 0.8))
    found = None
    while found is None:
        step = response(rng.random() < 0.2)
        found = watch.look("alder", step, 7)
        watch.step("alder", step)
    assert (found.dealer, found.measure, found.at_ns) == ("alder", Drifting.response, 7)
    assert found.before == pytest.approx(0.8, abs=0.06)
    assert found.since < 0.4
    assert 5 < found.observations < 60
    # It begins anew: the next silence is no second alarm.
    assert watch.look("alder", response(False), 8) is None


def test_more_in_a_panel_is_no_drift() -> None:
    """Fewer answer among many: what a panel's size explains is not held against a dealer."""
    alarms = []
    for is_large in (False, True):
        rng, estimates = random.Random(3), Estimates()
        count = 0
        for number in range(360):
            n = 12 if number >= 300 and is_large else 3
            # The shipped slope is -.3 of the logit by ln n: .75 among three is .66 among twelve.
            answers = rng.random() < (0.664 if n == 12 else 0.75)
            row = seen(f"r{number}", [asked("alder", number / 4, -5.0 if answers else None)], number / 4, n_asked=n)
            count += len(estimates.drifts(row))
            estimates.learn(row)
        alarms.append(count)
    assert alarms == [0, 0]


def edge_alarms(seed: int, change_bps: float) -> list[str]:
    """Who is said to have drifted, of three that are always asked together and of whom alder alone changes."""
    rng, estimates, alarms = random.Random(seed), Estimates(), list[str]()
    for number in range(240):
        day = min(number, 180) // 3
        estimates.daily((FIRST_DAY + day) * DAY_NS)
        mark_off = rng.gauss(0, 5)
        quotes = [
            asked(name, day, -10.0 + mark_off + rng.gauss(0, 4) + off * (number >= 180))
            for name, off in (("alder", change_bps), ("birch", 0.0), ("cedar", 0.0))
        ]
        row = seen(f"r{number}", quotes, day)
        alarms += [each.dealer for each in estimates.drifts(row) if each.measure is Drifting.edge]
        estimates.learn(row)
    return alarms


def test_who_grows_better_makes_nobody_look_worse() -> None:
    better = [edge_alarms(seed, 12.0) for seed in range(6)]
    assert not any("alder" in alarms for alarms in better)
    # Against the mean of the others every one of the twelve is blamed.
    assert sum(len(set(alarms)) for alarms in better) <= 2
    assert all(set(edge_alarms(seed, -12.0)) == {"alder"} for seed in range(6))


def test_to_look_changes_nothing_and_imports_raise_nothing() -> None:
    estimates = Estimates()
    rows = [
        seen(
            f"r{number}",
            [
                asked(
                    "alder",
                    number / 4,
                    -5.0 if number < 300 else None,
                    taken=Taken.filled if number < 300 else Taken.no,
                ),
                asked("birch", number / 4, -8.0),
            ],
            number / 4,
        )
        for number in range(330)
    ]
    lived = imported = 0
    past = Estimates()
    for row in rows:
        digest = estimates.digest() if row.rfq_id == "r100" else ""
        alarms = estimates.drifts(row)
        lived += len(alarms)
        assert not digest or estimates.digest() == digest
        estimates.learn(row)
        told = replace(row, source="blotter")
        imported += len(past.drifts(told))
        past.learn(told)
    assert (lived, imported) == (1, 0)
    estimates.daily((FIRST_DAY + 83) * DAY_NS)
    assert max(estimates.drifting("birch").values()) < 1


def test_what_was_imported_raises_no_alarm_later_either() -> None:
    rng, watch = random.Random(14), Watch()
    for number in range(330):
        watch.step("alder", response(rng.random() < (0.8 if number < 300 else 0.2)), raises=False)
    assert raised(watch, (response(rng.random() < 0.8) for _ in range(60))) == 0
    assert raised(watch, (response(rng.random() < 0.4) for _ in range(60))) == 1


def test_what_is_usual_in_a_segment_is_drawn_to_what_is_usual_at_large() -> None:
    """A record of one answer in one segment and one silence in another, by hand."""
    record = _Record()
    record.step(0.0, "one", 1.0)
    record.step(0.0, "other", 0.0)
    s, start = _SEGMENT_STRENGTH, 0.6
    at_large = (s * start + 1.0) / (s + 2.0)
    means = [record.mean(segment, start) for segment in ("one", "other", "a third")]
    assert means == pytest.approx([(s * at_large + 1.0) / (s + 1.0), s * at_large / (s + 1.0), at_large])
