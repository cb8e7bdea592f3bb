"""Edges are shares of a bond's own spread: what is learnt in narrow bonds holds in wide ones, at any size."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from decimal import Decimal

import pytest
from seen_rounds import asked, asking, seen

from engine.dealers.estimates import Estimates
from engine.dealers.widths import Widths, fitted
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


def test_errors_and_noise_go_with_the_width() -> None:
    estimates = learnt()
    narrow, wide = (
        estimates.outlook("alder", replace(asking(40), bond=bond, adv=ADV, quantity=Decimal(3_000_000)))
        for bond in ("narrow", "wide")
    )
    ratio = wide.e.value / narrow.e.value
    own = [math.sqrt(each.e.sd**2 - each.e_common_sd**2) for each in (narrow, wide)]
    assert own[1] / own[0] == pytest.approx(ratio)
    assert wide.e_noise_sd / narrow.e_noise_sd == pytest.approx(ratio)
    # The part of the error that all share, that of the bond's own width in it, is never more than the whole of it.
    assert 0 < narrow.e_common_sd < narrow.e.sd
    assert 0 < wide.e_common_sd < wide.e.sd
    assert wide.q.value == narrow.q.value


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


def test_a_width_that_is_not_in_question_has_no_error() -> None:
    widths = fitted(Widths(0.3, 0.3, 1e6, {}, {}), {"only": (2_000.0, 1_000.0)}, (0.0,) * 5, 1.0, 0.3, 50.0)
    # One bond alone is the level of edges; one that is not told is of the usual width.
    assert (widths.error_of("only"), widths.error_of("")) == (0.0, 0.0)
    assert widths.error_of("another") > 0.3
    seen_more = {"a": (900.0, 1_000.0), "b": (40.0, 50.0), "c": (1_100.0, 1_000.0)}
    widths = fitted(Widths(0.3, 0.3, 1e6, {}, {}), seen_more, (0.0,) * 5, 1.0, 0.3, 50.0)
    assert widths.error_of("a") < widths.error_of("b") < widths.error_of("another")


def test_a_width_has_bounds() -> None:
    widths = Widths(0.5, 0.3, 1e6, {"mad": 10.0}, {})
    assert widths.of("mad", Decimal(10) ** 12, Decimal(1)) == 10.0
    assert widths.of("unknown", Decimal(0), Decimal(0)) == pytest.approx(0.1)
