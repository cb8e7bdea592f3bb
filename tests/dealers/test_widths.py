"""Edges are shares of a bond's own spread: what is learnt in narrow bonds holds in wide ones, at any size."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from seen_rounds import asked, asking, seen

from engine.dealers.estimates import Estimates
from engine.dealers.widths import Widths
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
    assert wide.e.sd / narrow.e.sd == pytest.approx(ratio)
    assert wide.e_noise_sd / narrow.e_noise_sd == pytest.approx(ratio)
    assert wide.e_common_sd / narrow.e_common_sd == pytest.approx(ratio)
    # The part of the error that all share is never more than the whole of it.
    assert 0 < narrow.e_common_sd < narrow.e.sd
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


def test_a_width_has_bounds() -> None:
    widths = Widths(0.5, 0.3, 1e6, {"mad": 10.0})
    assert widths.of("mad", Decimal(10) ** 12, Decimal(1)) == 10.0
    assert widths.of("unknown", Decimal(0), Decimal(0)) == pytest.approx(0.1)
