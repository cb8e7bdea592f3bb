"""What quotes are worth in a bond and on its sides: planted tastes are found, none is claimed where there is none."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import replace
from functools import lru_cache
from itertools import product

import pytest
from seen_rounds import BUY, DAY_NS, FIRST_DAY, SELL, asked, asking, seen

from engine.dealers.backoff import finished
from engine.dealers.bond_edges import AT_START, BondEdges, Taste, Tastes, bond_offs
from engine.dealers.estimates import Estimates
from engine.domain.observation import RoundSeen

DEALERS = [f"D{at}" for at in range(6)]
BONDS = [f"B{at}" for at in range(15)]
SIDES = (BUY, SELL)
DAYS = 60
NOISE_BPS, ROUND_BPS = 3.0, 4.0

Planted = dict[tuple[str, str, str], float]


def told(rng: random.Random, name: str, day: int, tastes: Planted, panel: int = 3) -> RoundSeen:
    """A round: all who quote have its effect in common, each its taste and noise."""
    bond, segment, off = rng.choice(BONDS), rng.choice(SIDES), rng.gauss(0.0, ROUND_BPS)
    asks = [
        asked(dealer, day, -10.0 + off + tastes[dealer, bond, segment] + rng.gauss(0.0, NOISE_BPS))
        for dealer in rng.sample(DEALERS, panel)
    ]
    one = seen(name, asks, day, segment)
    return replace(one, bond=replace(one.bond, security_id=bond))


@lru_cache(maxsize=4)
def learnt(bond_sd: float, side_sd: float, panel: int = 3) -> tuple[Estimates, Planted]:
    rng, estimates = random.Random(11), Estimates()
    of_bond = {(dealer, bond): rng.gauss(0.0, bond_sd) for dealer, bond in product(DEALERS, BONDS)}
    tastes = {
        (dealer, bond, side): of_bond[dealer, bond] + rng.gauss(0.0, side_sd)
        for dealer, bond, side in product(DEALERS, BONDS, SIDES)
    }
    for day in range(DAYS):
        for number in range(20):
            estimates.learn(told(rng, f"r{day}-{number}", day, tastes, panel))
        estimates.daily((FIRST_DAY + day + 1) * DAY_NS)
    return estimates, tastes


def apart(estimates: Estimates, tastes: Planted) -> tuple[float, float, float]:
    """(rms error of who is better than whom in a bond, the same by the segment alone, share within 90 %).

    Against the middle of the dealers: the level of all of them is the round's, not anybody's.
    """
    errors: list[float] = []
    plain: list[float] = []
    held: list[bool] = []
    for bond, side in product(BONDS, SIDES):
        truth = [tastes[dealer, bond, side] for dealer in DEALERS]
        request = replace(asking(DAYS, side), bond=bond)
        outlooks = estimates.outlooks(DEALERS, request)
        found = [each.e.value for each in outlooks]
        middle = statistics.fmean(found) - statistics.fmean(truth)
        errors += [value - middle - true for value, true in zip(found, truth, strict=True)]
        plain += [statistics.fmean(truth) - true for true in truth]
        own = [math.sqrt(each.e.sd**2 - each.e_common_sd**2) for each in outlooks]
        held += [abs(error) < 1.645 * sd for error, sd in zip(errors[-len(own) :], own, strict=True)]
    return math.hypot(*errors) / len(errors) ** 0.5, math.hypot(*plain) / len(plain) ** 0.5, statistics.fmean(held)


@pytest.mark.parametrize("panel", [2, 5])
def test_tastes_are_found_and_intervals_hold_them(panel: int) -> None:
    estimates, tastes = learnt(3.0, 2.0, panel)
    rms, without, held = apart(estimates, tastes)
    assert rms < 0.6 * without
    # What a segment shares with others is taken to be known less well than it is: nobody is sure too soon.
    assert held >= 0.84
    found = estimates._evidence.bond_edges.tastes
    # Drawn to none: six dealers in fifteen bonds.
    assert 0.6 * math.hypot(3.0, 2.0) < math.sqrt(found.bond + found.side) < 1.1 * math.hypot(3.0, 2.0)
    assert found.bond > found.side / 2


def test_where_nobody_has_a_taste_next_to_nothing_is_moved() -> None:
    estimates, _ = learnt(0.0, 0.0)
    assert sum(estimates._evidence.bond_edges.tastes) < 0.2
    known = [[each.e.value for each in estimates.outlooks(DEALERS, replace(asking(DAYS), bond=bond))] for bond in BONDS]
    # All bonds cost the same: what is left is the level of their widths, which is all dealers' alike.
    offs = [value - statistics.fmean(row) for row in known for value in row]
    assert statistics.pstdev(offs) < 0.6


def test_a_taste_for_a_side_is_not_one_for_the_other() -> None:
    record = BondEdges()
    record.tastes = Tastes(bond=0.0, side=9.0)
    for _ in range(20):
        record.add("B", 0, ["D"], ((6.0, 1.0),), 1.0)
        for bond in ("C", "D", "E"):
            record.add(bond, 0, ["D"], ((-2.0, 1.0),), 1.0)
    record.begin_day()
    buys, sells = (record.of("B", side, "D", 3.0, 1.0) for side in (0, 1))
    assert buys == pytest.approx((6.0 * 20 / 21, 9.0 / 21, 9.0, 0.25))
    assert sells == (0.0, 9.0, 9.0, 0.0)
    # Where it is the bond alone that is liked, each side says as much of the other as of itself.
    record.tastes = Tastes(bond=9.0, side=0.0)
    assert record.of("B", 0, "D", 3.0, 1.0)[:2] == pytest.approx(record.of("B", 1, "D", 3.0, 1.0)[:2])
    # Who never quoted it may have any.
    assert record.of("B", 0, "nobody", 3.0, 1.0) == (0.0, 9.0, 9.0, 0.0)
    assert record.of("other", 0, "D", 3.0, 1.0) == (0.0, 9.0, 9.0, 0.0)


def test_what_a_dealer_is_off_by_everywhere_is_no_taste() -> None:
    """Its estimate was late: it has learnt by itself what these quotes were off by."""
    record = BondEdges()
    for bond in ("B", "C"):
        for _ in range(30):
            record.add(bond, 0, ["D"], ((5.0, 1.0),), 1.0)
    record.begin_day()
    assert record.of("B", 0, "D", 3.0, 1.0).mean == pytest.approx(0.0, abs=1e-9)


def test_what_a_round_did_to_all_is_nobodys_taste() -> None:
    own = {"alder": (-10.0, 0.0), "birch": (-12.0, 0.0)}
    none = dict.fromkeys(own, Taste(0.0, 0.0, 0.0))
    offs = bond_offs((("alder", -30.0), ("birch", -32.0)), own, none, lambda _: 3.0, 25.0)
    assert [off for off, _ in offs] == pytest.approx([0.0, 0.0])
    # Of what two are apart each has a half, but for what is known already.
    offs = bond_offs((("alder", -26.0), ("birch", -32.0)), own, none, lambda _: 3.0, 25.0)
    assert [off for off, _ in offs] == pytest.approx([2.0, -2.0])
    offs = bond_offs(
        (("alder", -26.0), ("birch", -32.0)), own, none | {"alder": Taste(4.0, 0.0, 0.0)}, lambda _: 3.0, 25.0
    )
    assert [off for off, _ in offs] == pytest.approx([4.0, 0.0])
    # One alone is held against the mark, and counts for little where rounds have much in common.
    ((off, share),) = bond_offs((("alder", -4.0),), own, none, lambda _: 3.0, 91.0)
    assert (off, share) == pytest.approx((6.0, 0.09))


def test_what_is_taken_back_is_gone() -> None:
    estimates, tastes = Estimates(), learnt(3.0, 2.0)[1]
    rng = random.Random(12)
    for day in range(6):
        for number in range(12):
            estimates.learn(told(rng, f"k{day}-{number}", day, tastes))
        estimates.daily((FIRST_DAY + day + 1) * DAY_NS)
    record = estimates._evidence.bond_edges
    assert any(records for records in record._sums.values())
    for source, rfq_id, number in list(estimates._evidence.rounds):
        for dealer in DEALERS:
            estimates.forget(source, rfq_id, number, dealer)
    estimates.daily((FIRST_DAY + 7) * DAY_NS)
    assert record._sums == {}
    assert record._fresh == {}
    # And so it is at the end of the window.
    for number in range(12):
        estimates.learn(told(rng, f"m{number}", 8, tastes))
    estimates.daily((FIRST_DAY + 9) * DAY_NS)
    estimates.daily((FIRST_DAY + 9 + 365) * DAY_NS)
    estimates.daily((FIRST_DAY + 10 + 365) * DAY_NS)
    assert record._sums == {}


def test_the_order_of_a_days_rounds_and_where_it_is_kept_make_no_difference() -> None:
    tastes = learnt(3.0, 2.0)[1]
    rng = random.Random(13)
    days = [[told(rng, f"k{day}-{number}", day, tastes) for number in range(12)] for day in range(6)]
    found = []
    for turned in (False, True):
        estimates = Estimates()
        for day, rounds in enumerate(days):
            for one in reversed(rounds) if turned else rounds:
                estimates.learn(one)
            estimates.daily((FIRST_DAY + day + 1) * DAY_NS)
        found.append(estimates)
    request = replace(asking(7), bond=BONDS[0])
    assert [each.e.value for each in found[0].outlooks(DEALERS, request)] == pytest.approx(
        [each.e.value for each in found[1].outlooks(DEALERS, request)], abs=1e-9
    )
    again = Estimates()
    for name, part in found[0].parts():
        again.put(name, part)
    assert again.digest() == found[0].digest()
    assert again.outlooks(DEALERS, request) == found[0].outlooks(DEALERS, request)


def test_a_desk_without_rounds_begins_with_what_is_usual() -> None:
    assert finished(BondEdges().fitting(1.0)) == pytest.approx(AT_START)
