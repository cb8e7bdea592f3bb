"""Every kind of bad price and trade, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D

import pytest

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.market.hearing import (
    Refusal,
    Refusals,
    Refused,
    Wrong,
    middle,
    sensible_price,
    sensible_size,
    sensible_time,
)
from engine.market.marks import Mark, Quality

NOW = 20_783 * NS_PER_DAY
KNOWN = Mark("A", D(99), NOW, "marks", Quality.COMPOSITE)


@pytest.mark.parametrize(
    ("judge", "wrong", "said"),
    [
        pytest.param(lambda: middle(D(99), None), Wrong.one_sided, "found only the bid", id="bid alone"),
        pytest.param(lambda: middle(None, D(99)), Wrong.one_sided, "found only the offer", id="offer alone"),
        pytest.param(lambda: middle(None, None), Wrong.one_sided, "found no price", id="neither"),
        pytest.param(lambda: middle(D(100), D(99)), Wrong.crossed, "bid 100 is above offer 99", id="crossed"),
        pytest.param(lambda: middle(D(0), D(99)), Wrong.not_positive, "a bid is more than 0", id="a bid of nothing"),
        pytest.param(lambda: middle(D(-1), D(99)), Wrong.not_positive, "a bid is more than 0", id="negative"),
        pytest.param(lambda: middle(D(98), D("NaN")), Wrong.not_positive, "offer is more", id="no number"),
        pytest.param(
            lambda: sensible_price(D(0), None, 0.25), Wrong.not_positive, "more than 0", id="price of nothing"
        ),
        pytest.param(
            lambda: sensible_price(D("Infinity"), None, 0.25), Wrong.not_positive, "more than 0", id="infinite"
        ),
        pytest.param(lambda: sensible_price(D(1000), None, 0.25), Wrong.absurd, "below 1000", id="a thousand per cent"),
        pytest.param(
            lambda: sensible_price(D("9.9"), KNOWN, 0.25), Wrong.absurd, "25% away from 99 of marks", id="point"
        ),
        pytest.param(
            lambda: sensible_price(D(990), KNOWN, 0.25), Wrong.absurd, "25% away from 99", id="point, other way"
        ),
        pytest.param(
            lambda: sensible_time(NOW + 61 * NS_PER_S, NOW, 60 * NS_PER_S), Wrong.future, "future", id="future"
        ),
        pytest.param(lambda: sensible_time(5, NOW, 0, oldest_ns=NOW - 1), Wrong.too_old, "before what", id="long past"),
        pytest.param(lambda: sensible_size(None, None), Wrong.no_size, "found none", id="no size"),
        pytest.param(lambda: sensible_size(D(0), None), Wrong.not_positive, "more than 0", id="size of nothing"),
        pytest.param(lambda: sensible_size(D(11), D(10)), Wrong.absurd, "more than the 10", id="more than there is"),
        pytest.param(lambda: sensible_size(D(10) ** 15, None), Wrong.absurd, "no bond trades", id="of the whole world"),
    ],
)
def test_bad_ones_are_refused_and_it_is_said_why(judge: Callable[[], object], wrong: Wrong, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        judge()
    assert refused.value.wrong is wrong


def test_good_ones_pass() -> None:
    assert middle(D(98), D(99)) == (D("98.5"), D("0.5"))
    assert middle(D(99), D(99)) == (D(99), D(0))
    sensible_price(D("75"), KNOWN, 0.25)
    sensible_price(D(5_000), None, 0.25, price_max=D(10**9))
    assert sensible_time(NOW + 5, NOW, 60 * NS_PER_S) == NOW
    assert sensible_time(NOW - 5, NOW, 60 * NS_PER_S) == NOW - 5
    assert sensible_size(D(10), D(10)) == 10


def test_refusals_are_counted_with_their_latest_example_and_bounded() -> None:
    refusals = Refusals(sources_max=2)
    for number in range(3):
        refusals.take(Refusal("marks", "A", Wrong.crossed, f"the {number}th"))
        refusals.take(Refusal(f"source {number}", "A", Wrong.future, ""))
    assert refusals.counts == {("marks", Wrong.crossed): 3, ("source 0", Wrong.future): 1}
    assert refusals.latest["marks", Wrong.crossed].text == "the 2th"
