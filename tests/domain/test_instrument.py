"""engine/domain/instrument.py: identifiers and ratings."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.instrument import (
    RATING_SCALE,
    AssetClass,
    Security,
    cusip_check_digit,
    is_cusip,
    is_investment_grade,
    is_isin,
    isin_check_digit,
    isin_of_cusip,
    normal_rating,
    rating_notch,
)

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(
    ("cusip", "isin"),
    [
        # The worked examples of the two standards' public descriptions.
        pytest.param("037833100", "US0378331005", id="digits alone"),
        pytest.param("38259P508", "US38259P5089", id="a letter inside"),
    ],
)
def test_check_digits_of_known_identifiers(cusip: str, isin: str) -> None:
    assert cusip_check_digit(cusip[:8]) == cusip[8]
    assert isin_of_cusip(cusip) == isin
    assert is_cusip(cusip)
    assert is_isin(isin)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "US037833100",
        "US03783310055",
        "us0378331005",
        "US0378331006",
        "120378331005",
        "US03783310٠5",
        "US0378 31005",
    ],
)
def test_what_is_no_isin(text: str) -> None:
    assert not is_isin(text)


@pytest.mark.parametrize("text", ["", "03783310", "037833101", "0378331O0", "03783310a", "0378-3100"])
def test_what_is_no_cusip(text: str) -> None:
    assert not is_cusip(text)


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2),
    st.text(ALPHABET, min_size=9, max_size=9),
    st.data(),
)
def test_one_wrong_digit_in_an_isin_shows(country: str, number: str, data: st.DataObject) -> None:
    isin = country + number + isin_check_digit(country + number)
    assert is_isin(isin)
    place = data.draw(st.integers(0, 11))
    if isin[place].isdigit():
        other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != isin[place]]))
        assert not is_isin(isin[:place] + other + isin[place + 1 :])


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        pytest.param("BBB-", "BBB-", id="our spelling"),
        pytest.param(" bbb- ", "BBB-", id="case and blanks"),
        pytest.param("Baa3", "BBB-", id="the other agency's"),
        pytest.param("Aaa", "AAA", id="the same letters"),
        pytest.param("Ca", "CC", id="a notch for two"),
        pytest.param("not rated", "NR", id="not rated is known"),
        pytest.param("", None, id="nothing is unknown"),
        pytest.param("BBB--", None, id="a notch there is not"),
    ],
)
def test_ratings_in_both_spellings(text: str, rating: str | None) -> None:
    assert normal_rating(text) == rating


def test_the_scale_is_ordered_and_its_border_is_where_it_is() -> None:
    notches = [rating_notch(rating) for rating in RATING_SCALE]
    assert notches == list(range(len(RATING_SCALE)))
    assert [rating for rating in RATING_SCALE if is_investment_grade(rating)][-1] == "BBB-"
    assert is_investment_grade("BB+") is False
    assert is_investment_grade("NR") is None
    assert is_investment_grade(None) is None
    assert rating_notch("NR") is None


def test_not_rated_and_unknown_are_both_unrated() -> None:
    def bond(rating: str | None) -> Security:
        return Security(security_id="x", name="x", issuer="x", asset_class=AssetClass.MUNICIPAL, rating=rating)

    assert [bond(rating).is_rated for rating in ("A+", "NR", None)] == [True, False, False]


def test_years_to_maturity() -> None:
    bond = Security(
        security_id="x",
        name="x",
        issuer="x",
        asset_class=AssetClass.OTHER,
        maturity=datetime.date(2030, 1, 1),
    )
    assert bond.years_to_maturity(datetime.date(2026, 1, 1)) == 4.0
    assert (bond.years_to_maturity(datetime.date(2030, 1, 2)) or 0) < 0
