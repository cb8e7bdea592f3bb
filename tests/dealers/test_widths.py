"""Edges are shares of a bond's own spread: what is learnt in narrow bonds holds in wide ones, at any size."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from seen_rounds import asked, asking, seen

from engine.dealers.estimates import Estimates
from engine.dealers.fitting import DIVIDED_MAX
from engine.dealers.widths import Widths, fitted, of_bonds
from engine.domain.observation import BondSeen, RoundSeen

NARROW, WIDE, UNKNOWN = ("narrow", 0.5), ("wide", 2.0), ("unknown", 1.0)
MARKUPS = {"alder": -6.0, "birch": -12.0, "cedar": -18.0}
ADV = Decimal(10_000_000)


def drawn(rng: random.Random, day: int, slope: float = 0.0) -> RoundSeen:
    """A round in one of two bonds: markups are shares of its width, which grows with the size."""
    name, width = rng.choice((NARROW, WIDE))
    quantity = Decimal(rng.choice((500_000, 3_000_000, 18_000_000)))
    width *= (float(quantity / ADV) / 0.3) ** slope
    asks = [asked(dealer, day, markup * width + rng.gauss(0, 1.5 * width)) for dealer, markup in MARKUPS.items()]
    bond = BondSeen(name, "issuer", "corporate")
    return seen(f"{day}-{rng.random()}", asks, day, bond=bond, quantity=quantity, adv=ADV)


def learnt(slope: float = 0.0, days: int = 40) -> Estimates:
    rng, estimates = random.Random(3), Estimates()
    for day in range(days):
        estimates.daily(asking(day).now_ns)
        for _ in range(8):
            estimates.learn(drawn(rng, day, slope))
    estimates.daily(asking(days).now_ns)
    return estimates


def edges_in(estimates: Estimates, bond: str, quantity: Decimal = Decimal(3_000_000)) -> list[float]:
    request = replace(asking(40), bond=bond, adv=ADV, quantity=quantity)
    return [outlook.e.value for outlook in estimates.outlooks(sorted(MARKUPS), request)]


def test_a_markup_is_a_share_of_the_bonds_own_width() -> None:
    estimates = learnt()
    for bond, width in (NARROW, WIDE):
        expected = [markup * width for markup in MARKUPS.values()]
        assert edges_in(estimates, bond) == pytest.approx(expected, rel=0.2)
    # Of a bond that nobody has asked in, the usual width.
    assert edges_in(estimates, "narrow")[1] > edges_in(estimates, "unknown")[1] > edges_in(estimates, "wide")[1]


def test_errors_go_with_the_width_and_noise_in_part() -> None:
    estimates = learnt()
    narrow, wide = (
        estimates.outlook("alder", replace(asking(40), bond=bond, adv=ADV, quantity=Decimal(3_000_000)))
        for bond in ("narrow", "wide")
    )
    ratio = wide.e.value / narrow.e.value
    own = [math.sqrt(each.e.sd**2 - each.e_common_sd**2) for each in (narrow, wide)]
    # But for what is known of a dealer in the bond itself, by however many quotes.
    assert own[1] / own[0] == pytest.approx(ratio, rel=0.1)
    # What bonds have moved by since a dealer looked does not: both move alike.
    assert 1.0 < wide.e_noise_sd / narrow.e_noise_sd < ratio
    # The part of the error that all share, that of the bond's own width in it, is never more than the whole of it.
    assert 0 < narrow.e_common_sd < narrow.e.sd
    assert 0 < wide.e_common_sd < wide.e.sd
    # Who answers in both alike is expected to.
    assert wide.q.value == pytest.approx(narrow.q.value, abs=0.01)


def test_width_grows_with_size_as_was_seen() -> None:
    small, large = Decimal(500_000), Decimal(18_000_000)
    for slope in (0.0, 0.5):
        estimates = learnt(slope)
        found = edges_in(estimates, "wide", large)[1] / edges_in(estimates, "wide", small)[1]
        # A parameter of .3 would say 2.9 for both.
        assert found == pytest.approx(36.0**slope, rel=0.35)


def test_one_bond_alone_has_the_usual_width() -> None:
    estimates = Estimates()
    for number in range(60):
        asks = [asked("alder", number // 10, -30.0), asked("birch", number // 10, -40.0)]
        estimates.learn(seen(f"r{number}", asks, number // 10))
        estimates.daily(asking(number // 10).now_ns)
    # What it costs is the dealers' level.
    assert estimates.outlook("alder", asking(6)).e.value == pytest.approx(-30.0, abs=1.5)
    assert estimates.outlook("alder", replace(asking(6), bond="another")).e.value == pytest.approx(-30.0, abs=1.5)


@pytest.mark.parametrize("apart", [0.4, 0.8])
def test_intervals_know_that_a_bonds_width_is_not_known(apart: float) -> None:
    """Forty bonds, some never asked for: the 90 % interval of an edge holds in each kind of them."""
    held = {"never": [0, 0], "seldom": [0, 0], "often": [0, 0]}
    for seed in range(2):
        rng, estimates = random.Random(seed), Estimates()
        markups = {f"d{number}": rng.gauss(-10.0, 3.0) for number in range(8)}
        widths = [math.exp(rng.gauss(0.0, apart)) for _ in range(40)]
        times = [0] * len(widths)
        for day in range(40):
            estimates.daily(asking(day).now_ns)
            for number in range(6):
                at = min(int(rng.expovariate(1 / 6)), len(widths) - 1)
                times[at] += 1
                mark_off = rng.gauss(0, 3)
                asks = [
                    asked(name, day, (markups[name] + rng.gauss(0, 2)) * widths[at] + mark_off)
                    for name in rng.sample(sorted(markups), 3)
                ]
                estimates.learn(seen(f"{day}-{number}", asks, day, bond=BondSeen(f"b{at}", "issuer", "corporate")))
        estimates.daily(asking(40).now_ns)
        for at, width in enumerate(widths):
            kind = held["never" if not times[at] else "seldom" if times[at] < 4 else "often"]
            for one in estimates.outlooks(sorted(markups), replace(asking(40), bond=f"b{at}")):
                kind[0] += one.e.low <= markups[one.dealer] * width <= one.e.high
                kind[1] += 1
    # A bond's dealers are right or wrong together: thirty bonds of a kind have a standard error of .055.
    assert all(have / of >= 0.9 - 3 * 0.055 for have, of in held.values()), held


FIRST, LATER = ("alder", "birch", "cedar"), ("dogwood", "elm", "fir")


def learn_all(
    estimates: Estimates, rng: random.Random, day: int, bond: str, width: float, *panels: Sequence[str]
) -> None:
    """Dealers who are all alike: 10 widths from the mark."""
    for number, panel in enumerate(panels):
        mark_off = rng.gauss(0, 2)
        asks = [asked(name, day, (-10.0 + rng.gauss(0, 2)) * width + mark_off) for name in panel]
        estimates.learn(seen(f"{day}-{bond}-{number}", asks, day, bond=BondSeen(bond, "issuer", "corporate")))


def known_dealers(rng: random.Random, days: int = 60) -> Estimates:
    estimates = Estimates()
    for day in range(days):
        estimates.daily(asking(day).now_ns)
        learn_all(estimates, rng, day, f"b{day % 5}", 1.0, *[rng.sample(FIRST + LATER, 3) for _ in range(6)])
    return estimates


def test_a_wide_bonds_first_rounds_are_divided_anew_within_two_days() -> None:
    rng = random.Random(1)
    estimates = known_dealers(rng)

    def level(day: int) -> float:
        return statistics.fmean(o.e.value for o in estimates.outlooks(FIRST + LATER, replace(asking(day), bond="b0")))

    assert level(60) == pytest.approx(-10.0, abs=0.6)
    learn_all(estimates, rng, 60, "wide", 6.0, *[FIRST] * 12)
    # For one day quotes of 60 bps speak against everybody.
    assert level(60) < -11.8
    # How far one round may speak is bounded: what is 6 times as wide takes two steps.
    estimates.daily(asking(61).now_ns)
    assert level(61) == pytest.approx(-10.0, abs=1.3)
    estimates.daily(asking(62).now_ns)
    assert level(62) == pytest.approx(-10.0, abs=0.8)


def test_dealers_who_began_in_a_wide_bond_are_no_worse_once_they_are_mixed() -> None:
    rng, estimates = random.Random(1), Estimates()
    estimates.daily(asking(0).now_ns)
    learn_all(estimates, rng, 0, "wide", 6.0, *[FIRST] * 12)
    learn_all(estimates, rng, 0, "usual", 1.0, *[LATER] * 12)
    for day in range(1, 5):
        estimates.daily(asking(day).now_ns)
        learn_all(estimates, rng, day, "usual", 1.0, rng.sample(FIRST + LATER, 3))
        learn_all(estimates, rng, day, "wide", 6.0, *[rng.sample(FIRST + LATER, 3)] * (day == 3))
    estimates.daily(asking(5).now_ns)
    found = [outlook.e.value for outlook in estimates.outlooks(FIRST + LATER, replace(asking(5), bond="usual"))]
    # It was 9 on the width of the first day.
    assert abs(statistics.fmean(found[3:]) - statistics.fmean(found[:3])) < 2.0


def test_no_more_rounds_are_divided_anew_in_a_day_than_allowed() -> None:
    rng = random.Random(2)
    estimates = known_dealers(rng, 10)
    learn_all(estimates, rng, 10, "wide", 4.0, *[FIRST] * (DIVIDED_MAX + 50))
    kept, changed = list(estimates._evidence.rounds.values()), list[int]()
    for day in (11, 12):
        before = [one.width for one in kept]
        estimates.daily(asking(day).now_ns)
        changed.append(sum(one.width != was for one, was in zip(kept, before, strict=True)))
    assert changed[0] == DIVIDED_MAX
    assert all(one.width != 1.0 for one in kept)


def test_what_was_divided_anew_can_be_taken_back() -> None:
    rng = random.Random(3)
    estimates = known_dealers(rng, 10)
    learn_all(estimates, rng, 10, "wide", 6.0, *[FIRST] * 12)
    estimates.daily(asking(11).now_ns)
    widths = [kept.width for kept in estimates._evidence.of_bond["wide"].values()]
    assert min(widths) > 2.0
    for (source, rfq_id, number), kept in list(estimates._evidence.rounds.items()):
        for name in list(kept.asks):
            estimates.forget(source, rfq_id, number, name)
    left = [x for sums in estimates._evidence.edges.values() for row in [*sums.rows, sums.sides] for x in row]
    left += [x for sums in estimates._evidence.widths.values() for x in sums]
    assert max(map(abs, left)) < 1e-6
    assert not estimates._evidence.of_bond


def test_the_same_rounds_divided_anew_give_the_same_bits() -> None:
    one, other = (known_dealers(random.Random(4), 12) for _ in range(2))
    for estimates in (one, other):
        rng = random.Random(5)
        learn_all(estimates, rng, 12, "wide", 6.0, *[FIRST] * 12)
        if estimates is one:
            estimates.outlooks(FIRST, asking(12))
        estimates.daily(asking(13).now_ns)
    assert one.digest() == other.digest()


def test_a_round_is_divided_by_what_all_others_say_of_its_bond() -> None:
    """Its own quotes would make it look the usual one."""
    bonds, line = {"a": (300.0, 100.0), "b": (1_000.0, 1_000.0)}, (0.0,) * 5
    widths = fitted(Widths(0.3, 0.3, 1e6, {}, {}), bonds, line, 1.0, 0.3, 50.0)
    without = {"a": (100.0, 50.0), "b": (1_000.0, 1_000.0)}
    assert widths.own("a", (200.0, 50.0)) == pytest.approx(
        fitted(Widths(0.3, 0.3, 1e6, {}, {}), without, line, 1.0, 0.3, 50.0).own("a")
    )
    # One bond alone is the usual one, whatever a round of it says.
    alone = fitted(Widths(0.3, 0.3, 1e6, {}, {}), {"a": (300.0, 100.0)}, line, 1.0, 0.3, 50.0)
    assert alone.own("a", (250.0, 50.0)) == pytest.approx(1.0)


def test_a_width_that_is_not_in_question_has_no_error() -> None:
    widths = fitted(Widths(0.3, 0.3, 1e6, {}, {}), {"only": (2_000.0, 1_000.0)}, (0.0,) * 5, 1.0, 0.3, 50.0)
    # One bond alone is the level of edges; one that is not told is of the usual width.
    assert (widths.error_of("only"), widths.error_of("")) == (0.0, 0.0)
    assert widths.error_of("another") > 0.3
    seen_more = {"a": (900.0, 1_000.0), "b": (40.0, 50.0), "c": (1_100.0, 1_000.0)}
    widths = fitted(Widths(0.3, 0.3, 1e6, {}, {}), seen_more, (0.0,) * 5, 1.0, 0.3, 50.0)
    assert widths.error_of("a") < widths.error_of("b") < widths.error_of("another")


def test_a_width_has_bounds() -> None:
    widths = Widths(0.5, 0.3, 1e6, {"mad": (9e9, 1e3)}, {})
    assert widths.of("mad", Decimal(10) ** 12, Decimal(1)) == 10.0
    assert widths.of("unknown", Decimal(0), Decimal(0)) == pytest.approx(0.1)


def test_the_slope_is_that_of_the_line_wherever_the_sizes_lie() -> None:
    """Sizes ten times and a hundred times the usual one, and none around it: .4 by ln of the size."""
    before, points = Estimates().widths, [(math.log(size), 0.4 * math.log(size)) for size in (10.0, 30.0, 100.0)]
    line = [
        float(len(points)),
        sum(x for x, _ in points),
        sum(x * x for x, _ in points),
        sum(y for _, y in points),
        sum(x * y for x, y in points),
    ]
    assert fitted(before, {}, line, 1e6, 0.0, 5.0).slope == pytest.approx(0.4, abs=1e-3)


def test_of_less_than_one_quote_the_slope_is_told_too() -> None:
    line = [3.0, 6.0, 14.0, 3.0, 7.0]
    assert fitted(Estimates().widths, {}, line, 0.3, 0.0, 5.0).slope > 0.0


def test_bonds_that_are_as_wide_as_was_expected_lie_close_together() -> None:
    before = Estimates().widths
    alike = of_bonds(before, {f"bond{at}": (60.0, 60.0) for at in range(50)}, 1.0, 5.0)
    unlike = of_bonds(before, {f"bond{at}": (60.0 * (0.6, 1.4)[at % 2], 60.0) for at in range(50)}, 1.0, 5.0)
    assert alike.apart < 0.5 * of_bonds(before, {}, 1.0, 5.0).apart
    assert unlike.apart == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_all_bonds_of_a_kind_cost_is_not_the_width_of_each(seed: int) -> None:
    """Kinds that dealers charge more or less for, three bonds each: of the next new bond of a kind they do so, too."""
    rng, estimates = random.Random(seed), Estimates()
    terms = [f"{rating}|{years}" for rating in ("AAA-A", "BBB", "HY") for years in ("1-3y", "3-7y", "7-12y")]
    kinds = {f"corporate|{term}|500k-2mm|buy": math.exp(rng.gauss(0.0, 0.3)) for term in terms}
    widths = {(kind, at): math.exp(rng.gauss(0.0, 0.25)) for kind in kinds for at in range(3)}
    usual = {kind: statistics.fmean([widths[kind, at] for at in range(3)]) for kind in kinds}
    for day in range(40):
        estimates.daily(asking(day).now_ns)
        for number in range(10):
            kind, at = rng.choice(sorted(widths))
            wide, off = kinds[kind] * widths[kind, at] / usual[kind], rng.gauss(0, 2)
            asks = [asked(name, day, (markup + rng.gauss(0, 2)) * wide + off) for name, markup in MARKUPS.items()]
            bond = BondSeen(f"{kind} {at}", "issuer", "corporate")
            estimates.learn(seen(f"{day}-{number}", asks, day, kind, bond=bond))
    estimates.daily(asking(40).now_ns)
    found = []
    for kind, wide in kinds.items():
        outlooks = estimates.outlooks(sorted(MARKUPS), replace(asking(40, kind), bond="new"))
        found.append(statistics.fmean([each.e.value for each in outlooks]) / wide)
    assert statistics.stdev(found) / -statistics.fmean(found) < 0.045
