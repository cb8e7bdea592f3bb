"""How far apart bonds are: neighbours across a bucket's border, strangers within one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.instrument import NOT_RATED, RATING_SCALE, BondTraits
from engine.market.similar import RADIUS, Neighbours, distance

TODAY = (date(2026, 11, 24) - date(1970, 1, 1)).days
BOND = BondTraits("corporate", "Quillmere Foods plc", "utilities", "BBB+", TODAY + round(6.9 * 365.25), 4.5)
OTHER = replace(BOND, issuer="Tamarack Grid")


def in_years(years: float) -> int:
    return TODAY + round(years * 365.25)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(OTHER, rating="A-"), id="A- and BBB+"),
        pytest.param(replace(OTHER, maturity_day=in_years(7.1)), id="6.9 and 7.1 years"),
        pytest.param(replace(OTHER, rating="A-", maturity_day=in_years(7.1)), id="both"),
        pytest.param(replace(OTHER, rating="BBB-", coupon_pct=3.0), id="two notches, another coupon"),
        pytest.param(replace(OTHER, coupon_pct=None), id="the coupon is unknown"),
        pytest.param(replace(BOND, maturity_day=in_years(14)), id="its own issuer, twice the years"),
    ],
)
def test_neighbours(other: BondTraits) -> None:
    found = distance(BOND, other, TODAY)
    assert found is not None
    assert found <= RADIUS


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(OTHER, rating="BB"), id="four notches"),
        pytest.param(replace(OTHER, maturity_day=in_years(25)), id="25 years"),
        pytest.param(replace(OTHER, sector="banking"), id="another sector"),
        pytest.param(replace(OTHER, rating=NOT_RATED), id="no rating"),
        pytest.param(replace(OTHER, coupon_pct=0.0), id="a zero"),
    ],
)
def test_strangers(other: BondTraits) -> None:
    found = distance(BOND, other, TODAY)
    assert found is not None
    assert found > RADIUS


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(OTHER, rating=None), id="rating"),
        pytest.param(replace(OTHER, sector=""), id="sector"),
        pytest.param(replace(OTHER, maturity_day=None), id="maturity"),
        pytest.param(replace(OTHER, asset_class="municipal"), id="another class"),
    ],
)
def test_what_cannot_be_compared(other: BondTraits) -> None:
    assert distance(BOND, other, TODAY) is None


def test_two_without_a_rating_are_alike() -> None:
    assert distance(replace(BOND, rating=NOT_RATED), replace(OTHER, rating=NOT_RATED), TODAY) == 0


def test_neighbours_are_looked_up_anew_where_something_changed() -> None:
    neighbours, near, far = Neighbours(known_max=2), replace(OTHER, rating="A-"), replace(OTHER, rating="BB")
    assert neighbours.of(BOND, [near, far], 1, TODAY, RADIUS) == (near,)
    assert neighbours.of(BOND, [], 1, TODAY, RADIUS) == (near,), "the same version: nobody looks again"
    assert neighbours.of(BOND, [near, far], 2, TODAY, RADIUS) == (near,)
    assert neighbours.of(BOND, [near, far], 2, TODAY, 5.0) == (near, far)
    assert neighbours.of(BOND, [], 2, TODAY + 1, RADIUS) == ()
    for number in range(3):
        neighbours.of(replace(BOND, issuer=f"{number}"), [near], 1, TODAY, RADIUS)
    assert neighbours.of(BOND, [far], 2, TODAY + 1, RADIUS) == (), "forgotten, and looked up again"


traits = st.builds(
    BondTraits,
    st.just("corporate"),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["utilities", "banking"]),
    st.sampled_from([*RATING_SCALE, NOT_RATED]),
    st.integers(TODAY - 100, TODAY + 15_000),
    st.none() | st.floats(0, 12),
)


@given(traits, traits)
def test_it_is_the_same_both_ways_and_nothing_to_itself(one: BondTraits, other: BondTraits) -> None:
    found = distance(one, other, TODAY)
    assert found is not None
    assert found >= 0
    assert found == pytest.approx(distance(other, one, TODAY))
    assert distance(one, one, TODAY) == 0
