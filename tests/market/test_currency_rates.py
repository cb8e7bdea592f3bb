"""Rates of currencies: which one counts, when there is none, what is wrong with one that is delivered."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.exchange import Rate, RateUsed, converted, currencies_of, pair_of, rate_price
from engine.market.rates import FiledRates, NoRate, RateLimits, doubt, jump_problem, newest, rate_used, turned

HOUR = 3600 * 10**9
NOW = 1_000_000 * HOUR
LIMITS = RateLimits()


def rate(pair: str = "EUR/USD", price: str = "1.085", age_h: float = 1, source: str = "file") -> Rate:
    return Rate(pair, D(price), NOW - int(age_h * HOUR), source)


@pytest.mark.parametrize(
    ("typed", "pair"),
    [("EURUSD", "EUR/USD"), ("EUR/USD", "EUR/USD"), ("USD.JPY", "USD/JPY")],
)
def test_a_pair_is_read_however_it_is_spelt(typed: str, pair: str) -> None:
    assert pair_of(typed) == pair


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param("eurusd", "did you mean 'EUR'", id="lower case"),
        pytest.param("EUR/usd", "did you mean 'USD'", id="one in lower case"),
        pytest.param("GBX/USD", "GBX is a hundredth of GBP: write GBP", id="pence"),
        pytest.param("EUR/EUR", "two currencies", id="with itself"),
        pytest.param("EUR", "a pair of currencies such as EUR/USD", id="one alone"),
        pytest.param("EUR//USD", "a pair of currencies such as EUR/USD", id="two strokes"),
        pytest.param("XXX/USD", "a currency of ISO 4217", id="no currency"),
        pytest.param("", "a pair of currencies such as EUR/USD", id="nothing"),
    ],
)
def test_what_is_no_pair_says_what_was_expected(typed: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pair_of(typed)


@pytest.mark.parametrize(
    "typed",
    ["0", "0.0", "-1.085", "1E3", "1e3", "1,0850", "NaN", "Infinity", "", " 1.1", "1.", ".9", "10000000", "0.0000001"],
)
def test_what_is_no_rate_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="a rate"):
        rate_price(typed)


def test_a_rate_with_the_decimals_of_a_float_says_how_many_there_may_be() -> None:
    assert rate_price("0.006451612903") == D("0.006451612903")
    with pytest.raises(ValueError, match="a rate with at most 12 decimals"):
        rate_price("0.006451612903225806")


def test_a_rate_keeps_the_digits_it_was_told_with() -> None:
    assert str(rate_price("1.0850")) == "1.0850"
    assert rate_price("155") == 155


def test_a_rate_is_used_as_told_or_the_other_way_round() -> None:
    assert rate_used("EUR", "USD", [rate()], NOW, LIMITS) == RateUsed(
        "EUR", D("1.085"), "EUR/USD", D("1.085"), "file", HOUR
    )
    yen = rate_used("JPY", "USD", [rate("USD/JPY", "160")], NOW, LIMITS)
    assert isinstance(yen, RateUsed)
    assert yen.worth == D("0.00625")
    assert yen.words == "USD/JPY 160"


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        pytest.param([], "no rate for EUR", id="none"),
        pytest.param([rate(age_h=26)], "rate EUR/USD is 26 h old, at most 24 h", id="too old"),
        pytest.param([rate(age_h=-1)], "rate EUR/USD is of 2084-01-29T17:00:00.000Z, which lies ahead", id="ahead"),
    ],
)
def test_without_a_rate_there_is_no_worth_and_it_says_why(rates: list[Rate], words: str) -> None:
    assert rate_used("EUR", "USD", rates, NOW, LIMITS) == NoRate(words)


def test_the_age_that_is_allowed_is_inclusive_and_a_desk_may_use_an_old_one() -> None:
    assert isinstance(rate_used("EUR", "USD", [rate(age_h=24)], NOW, LIMITS), RateUsed)
    old = rate_used("EUR", "USD", [rate(age_h=26)], NOW, RateLimits(uses_stale=True))
    assert isinstance(old, RateUsed)
    assert old.age_ns == 26 * HOUR


def test_a_clock_may_be_a_little_ahead() -> None:
    found = rate_used("EUR", "USD", [rate(age_h=-0.01)], NOW, LIMITS)
    assert isinstance(found, RateUsed)
    assert found.age_ns == 0


@pytest.mark.parametrize(
    ("rates", "source"),
    [
        pytest.param([rate(age_h=2, source="a"), rate(age_h=1, source="b")], "b", id="the newest"),
        pytest.param([rate(source="b", price="1.1"), rate(source="a")], "a", id="of one time the first by name"),
        pytest.param([rate(age_h=-5, source="a"), rate(source="b")], "b", id="none from the future"),
        pytest.param([rate(source="a", age_h=2), rate("USD/EUR", ".9", source="b")], "b", id="either way round"),
    ],
)
def test_which_of_several_counts(rates: list[Rate], source: str) -> None:
    for order in (rates, rates[::-1]):
        found = newest(order, NOW, LIMITS.ahead_ns_max)
        assert found is not None
        assert found.source == source


@pytest.mark.parametrize(
    ("told", "words"),
    [
        pytest.param(rate(price="1.19"), "", id="near"),
        pytest.param(rate(price="1.1935"), "", id="just within"),
        pytest.param(
            rate(price="1.20"), "EUR/USD 1.20 is more than 10% away from EUR/USD 1.085 of file", id="too far up"
        ),
        pytest.param(rate(price="108.5"), "EUR/USD 108.5 is more than 10% away from EUR/USD 1.085 of file", id="point"),
        pytest.param(
            rate(price="0.9217"),
            "EUR/USD 0.9217 is more than 10% away from EUR/USD 1.085 of file (did you mean USD/EUR 0.9217?)",
            id="turned round",
        ),
        pytest.param(rate("USD/EUR", "0.9217"), "", id="told the other way round"),
    ],
)
def test_a_rate_far_from_the_last_one_is_a_mistake(told: Rate, words: str) -> None:
    assert jump_problem(told, rate(), LIMITS) == words


def test_the_first_rate_of_a_pair_has_nothing_to_be_far_from_but_may_be_the_wrong_way_round() -> None:
    assert jump_problem(rate(price="999"), None, LIMITS) == ""
    assert doubt(rate("JPY/USD", "155")) == "JPY/USD 155: the market tells USD/JPY, is it the rate of that?"
    assert not any(doubt(rate(pair)) for pair in ("EUR/USD", "GBP/USD", "EUR/GBP", "USD/JPY", "USD/CHF", "JPY/KRW"))


def test_a_file_has_one_rate_of_two_currencies() -> None:
    filed = FiledRates([rate(), rate("USD/JPY", "155")])
    assert filed.of("USD/EUR") == rate()
    assert filed.of("EUR/JPY") is None


PRICES = st.decimals(min_value=D("0.001"), max_value=D(10_000), places=6)
TINY = D("1e-24")


@given(PRICES)
def test_the_inverse_of_the_inverse_is_the_rate(price: D) -> None:
    told = Rate("EUR/USD", price, NOW, "x")
    back = Rate("USD/EUR", told.worth_in("EUR"), NOW, "x")
    assert abs(back.worth_in("USD") - price) <= price * TINY
    assert back.worth_in("EUR") == told.worth_in("EUR")
    assert turned(turned("EUR/USD")) == "EUR/USD"
    assert currencies_of("USD/EUR") == currencies_of("EUR/USD")


@given(PRICES, PRICES, PRICES, st.booleans(), st.booleans())
def test_round_a_triangle_through_the_base_an_amount_comes_back(
    euro: D, sterling: D, amount: D, euro_turned: bool, sterling_turned: bool
) -> None:
    """EUR to USD to GBP to USD to EUR; whichever way round the rates are told."""
    worth = {}
    for code, price, is_turned in (("EUR", euro, euro_turned), ("GBP", sterling, sterling_turned)):
        told = Rate(f"USD/{code}", 1 / price, NOW, "x") if is_turned else Rate(f"{code}/USD", price, NOW, "x")
        found = rate_used(code, "USD", [told], NOW, LIMITS)
        assert isinstance(found, RateUsed)
        assert abs(found.worth - price) <= price * TINY
        worth[code] = found.worth
    in_sterling = amount * worth["EUR"] / worth["GBP"]
    assert abs(in_sterling * worth["GBP"] / worth["EUR"] - amount) <= amount * TINY


def test_an_amount_is_told_to_a_hundredth_and_its_own_currency_is_left_as_it_is() -> None:
    assert converted(D(1_000_000), D(1) / 155) == D("6451.61")
    assert str(converted(D("1000000.00"), None)) == "1000000.00"
