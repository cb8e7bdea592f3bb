"""What dealers do by bond: planted truth is found, none is claimed where there is none; taken back, kept, in steps."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import lru_cache

from seen_rounds import BUY, DAY_NS, FIRST_DAY, SELL, asked, asking, seen

from engine.dealers import by_bond
from engine.dealers.backoff import finished
from engine.dealers.by_bond import ASKS_MAX, NO_TASTES, SDS, Asked, ByBond, Round
from engine.dealers.estimates import Estimates
from engine.dealers.evidence import Evidence, KeptRound
from engine.dealers.outlook import Outlook
from engine.dealers.rates import expit, logit
from engine.domain.observation import RoundSeen

DEALERS = [f"D{at}" for at in range(8)]
BONDS = [f"B{at}" for at in range(20)]
DAYS = 60
PANEL = 4


def told(rng: random.Random, name: str, day: int, tastes: dict[tuple[str, str], float]) -> RoundSeen:
    """A round in one of the bonds: a dealer's logit is half of one, and its taste."""
    bond = rng.choice(BONDS)
    asks = [
        asked(dealer, day, -5.0 if rng.random() < expit(0.5 + tastes[dealer, bond]) else None)
        for dealer in rng.sample(DEALERS, PANEL)
    ]
    one = seen(name, asks, day, rng.choice((BUY, SELL)))
    return replace(one, bond=replace(one.bond, security_id=bond))


@lru_cache(maxsize=2)
def learnt(sd: float) -> tuple[Estimates, dict[tuple[str, str], float]]:
    rng, estimates = random.Random(5), Estimates()
    tastes = {(dealer, bond): rng.gauss(0.0, sd) for dealer in DEALERS for bond in BONDS}
    for day in range(DAYS):
        for number in range(12):
            estimates.learn(told(rng, f"r{day}-{number}", day, tastes))
        estimates.daily((FIRST_DAY + day + 1) * DAY_NS)
    return estimates, tastes


def among(outlook: Outlook, chance: float) -> float:
    """The chance of a dealer that is asked as one of the panel."""
    return expit(logit(chance) + outlook.q_slope * math.log(PANEL))


def test_tastes_are_found_and_intervals_hold_them() -> None:
    estimates, tastes = learnt(0.8)
    assert estimates._by_bond.strength > 0.0
    squares = plain = held = 0.0
    for bond in BONDS:
        everywhere = estimates.outlooks(DEALERS, replace(asking(DAYS), bond=""))
        here = estimates.outlooks(DEALERS, replace(asking(DAYS), bond=bond))
        for outlook, usual in zip(here, everywhere, strict=True):
            truth = expit(0.5 + tastes[outlook.dealer, bond])
            squares += (among(outlook, outlook.q.value) - truth) ** 2
            plain += (among(usual, usual.q.value) - truth) ** 2
            held += among(outlook, outlook.q.low) <= truth <= among(outlook, outlook.q.high)
    count = len(DEALERS) * len(BONDS)
    assert squares < 0.6 * plain
    assert 0.84 <= held / count <= 0.99


def test_where_nobody_has_a_taste_nothing_is_moved() -> None:
    estimates, _ = learnt(0.0)
    assert estimates._by_bond.strength == 0.0
    first, second = (estimates.outlooks(DEALERS, replace(asking(DAYS), bond=bond)) for bond in ("B1", ""))
    assert [each.q for each in first] == [each.q for each in second]


def rounds(answers: list[tuple[str, str, bool]], day: int = 10, is_new: bool = True) -> list[Round]:
    return [Round(day, BUY, bond, ((dealer, 0.0, yes),), is_new) for dealer, bond, yes in answers]


def test_a_bond_that_a_dealer_likes_is_told_apart_from_one_it_does_not() -> None:
    answers = [("alder", "liked", True), ("alder", "spurned", False)] * 30
    found = finished(by_bond.fitting(NO_TASTES, rounds(answers), 10, 60.0))
    liked, spurned, unknown = (
        found.of("alder", Asked("buy", "500k-2mm", bond), 1.0) for bond in ("liked", "spurned", "other")
    )
    assert liked[0] > 0.8
    assert spurned[0] < -0.8
    assert liked[1] < unknown[1]
    assert found.of("nobody", Asked("buy", "500k-2mm", "liked"), 1.0) == (0.0, sum(sd * sd for sd in SDS))
    assert found.of("nobody", Asked("", "", ""), 1.0) == (0.0, 0.0)


def test_a_weaker_strength_draws_in_and_none_moves_nothing() -> None:
    answers = [("alder", "liked", True)] * 20
    found = finished(by_bond.fitting(NO_TASTES, rounds(answers), 10, 60.0))
    means, variances = zip(
        *[found.of("alder", Asked("buy", "500k-2mm", "liked"), each) for each in by_bond.STRENGTHS], strict=True
    )
    assert list(means) == sorted(means)
    assert list(variances) == sorted(variances)
    assert (means[0], variances[0]) == (0.0, 0.0)


def test_only_asks_that_no_fit_has_seen_are_foretold() -> None:
    answers = [("alder", "liked", True), ("alder", "spurned", False)] * 30
    before = finished(by_bond.fitting(NO_TASTES, rounds(answers), 10, 60.0))
    assert before.strength == 0.0, "nothing was foretold yet"
    known = finished(by_bond.fitting(before, rounds(answers, is_new=False), 10, 60.0))
    assert known.strength == 0.0
    foretold = finished(by_bond.fitting(before, rounds(answers), 10, 60.0))
    assert foretold.strength == 1.0
    wrong = finished(by_bond.fitting(before, rounds([(d, b, not yes) for d, b, yes in answers]), 10, 60.0))
    assert wrong.strength == 0.0
    later = finished(by_bond.fitting(foretold, rounds(answers, 70, is_new=False), 70, 60.0))
    assert later.gains[-1] == foretold.gains[-1] / 2.0


def test_nothing_is_left_of_rounds_that_are_gone() -> None:
    before = ByBond({"alder": ({}, {}, {"liked": (1.0, 0.1)})}, (0.0, 1.0, 2.0, 9.0), 10)
    assert finished(by_bond.fitting(before, [], 11, 60.0)) == NO_TASTES


def test_an_ask_taken_back_is_in_no_fit() -> None:
    with_it, without = Estimates(), Estimates()
    others = [asked("alder", 0.0, 3.0), asked("birch")]
    with_it.learn(seen("r", [*others, asked("cedar", 0.0, 1.0)], n_asked=3))
    without.learn(seen("r", others, n_asked=3))
    with_it.forget("", "r", 1, "cedar")
    for each in (with_it, without):
        each.daily((FIRST_DAY + 1) * DAY_NS)
    assert with_it._by_bond == without._by_bond
    assert set(with_it._by_bond.tastes) == {"alder", "birch"}


def test_what_is_kept_is_the_same_and_goes_on_the_same() -> None:
    first, (_, tastes) = Estimates(), learnt(0.8)
    rng = random.Random(6)
    for day in range(6):
        for number in range(12):
            first.learn(told(rng, f"k{day}-{number}", day, tastes))
        first.daily((FIRST_DAY + day + 1) * DAY_NS)
    second = Estimates()
    for name, part in first.parts():
        second.put(name, part)
    assert second.digest() == first.digest()
    more = told(rng, "more", 7, tastes)
    for each in (first, second):
        each.learn(replace(more))
    assert [a.q for a in first.outlooks(DEALERS, asking(7))] == [a.q for a in second.outlooks(DEALERS, asking(7))]


def test_a_fit_looks_at_so_many_asks_of_the_latest_whole_days() -> None:
    evidence = Evidence(30)
    for day in range(4):
        for number in range(3):
            kept = KeptRound(day, (BUY,), {}, {}, (), 0.0, answers=(("alder", 0.0, True),) * 2)
            evidence.keep(("", f"{day}-{number}", 1), kept)
    assert [kept.day for kept in evidence.latest(ASKS_MAX)] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert [kept.day for kept in evidence.latest(13)] == [2] * 3 + [3] * 3
    assert len(evidence.latest(5)) == 2, "of one day with more, the last"
