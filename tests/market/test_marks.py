"""Which mark is used, and when there is none."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal as D

import pytest

from engine.market.marks import Mark, MarkBook, MarkErrors, Quality, own_rfq_mid, sd_bps

MINUTE = 60 * 10**9
NOW = 1_000 * MINUTE
DAY = 24 * 60 * MINUTE


def mark(quality: Quality, age_min: float, source: str | None = None, price: str = "99.5") -> Mark:
    return Mark("XS1", D(price), NOW - int(age_min * MINUTE), source or quality.value, quality)


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        pytest.param([mark(Quality.EVALUATED, 0), mark(Quality.COMPOSITE, 60)], "composite", id="firm before fresh"),
        pytest.param([mark(Quality.OWN_RFQ, 0), mark(Quality.EVALUATED, 14)], "evaluated", id="evaluated while young"),
        pytest.param([mark(Quality.OWN_RFQ, 60), mark(Quality.EVALUATED, 16)], "own_rfq", id="evaluated gets old"),
        pytest.param(
            [mark(Quality.LAST_PRINT, 0), mark(Quality.OWN_RFQ, 60)], "own_rfq", id="print is the last resort"
        ),
        pytest.param([mark(Quality.COMPOSITE, 9, "b"), mark(Quality.COMPOSITE, 8, "c")], "c", id="then the newest"),
        pytest.param([mark(Quality.COMPOSITE, 9, "b"), mark(Quality.COMPOSITE, 9, "a")], "a", id="then by name"),
        pytest.param([mark(Quality.COMPOSITE, -1), mark(Quality.LAST_PRINT, 1)], "last_print", id="none from later"),
        pytest.param([mark(Quality.COMPOSITE, 2 * 24 * 60)], None, id="too old is no mark"),
        pytest.param([], None, id="no mark"),
    ],
)
def test_best(marks: list[Mark], expected: str | None) -> None:
    for order in (marks, marks[::-1]):
        book = MarkBook()
        for each in order:
            assert book.update(each)
        best = book.best("XS1", NOW, DAY)
        assert (None if best is None else best.source) == expected


def test_age_limit_is_inclusive() -> None:
    book = MarkBook()
    book.update(mark(Quality.LAST_PRINT, 60))
    assert book.best("XS1", NOW, 60 * MINUTE) is not None
    assert book.best("XS1", NOW, 60 * MINUTE - 1) is None


def test_a_source_counts_by_its_latest_mark_whatever_order_they_come_in() -> None:
    book = MarkBook()
    assert book.update(mark(Quality.COMPOSITE, 1, price="99"))
    assert not book.update(mark(Quality.COMPOSITE, 2, price="98"))
    assert book.marks("XS1") == (mark(Quality.COMPOSITE, 1, price="99"),)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_what_is_no_price_is_no_mark(price: str) -> None:
    book = MarkBook()
    assert not book.update(mark(Quality.COMPOSITE, 0, price=price))
    assert book.best("XS1", NOW, DAY) is None


def test_a_full_book_refuses_new_marks_and_keeps_the_old_ones_current() -> None:
    book = MarkBook(marks_max=1)
    assert book.update(mark(Quality.COMPOSITE, 2))
    assert not book.update(mark(Quality.LAST_PRINT, 0))
    assert book.update(mark(Quality.COMPOSITE, 1))
    book.withdraw("XS1", "composite")
    assert len(book) == 0
    assert book.update(mark(Quality.LAST_PRINT, 0))


@pytest.mark.parametrize(
    ("prices", "buying", "expected"),
    [
        pytest.param(["100.4", "100.2", "100.3"], True, D("100.15"), id="offers: the two lowest, half a spread below"),
        pytest.param(["99.4", "99.8", "99.6"], False, D("99.8"), id="bids: the two highest, half a spread above"),
        pytest.param(["99.4"], False, None, id="one dealer's opinion is no mid"),
    ],
)
def test_own_rfq_mid(prices: list[str], buying: bool, expected: D | None) -> None:
    assert own_rfq_mid([D(price) for price in prices], buying=buying, half_spread=D("0.1")) == expected


# --- how far off a mark is -----------------------------------------------------------------------

PLAIN = MarkErrors(new_bps=dict.fromkeys(Quality, 6.0), volatility_bps=35.0)


@pytest.mark.parametrize(
    ("age_ns", "volatility_bps", "half_spread", "expected"),
    [
        pytest.param(0, 40.0, None, 6.0, id="new: its quality"),
        pytest.param(DAY, 40.0, None, math.hypot(6, 40), id="a day old: and a day's move"),
        pytest.param(DAY // 4, 40.0, None, math.hypot(6, 20), id="six hours: half of that"),
        pytest.param(DAY, None, None, math.hypot(6, 35), id="unknown volatility: the desk's"),
        pytest.param(0, 40.0, D("0.3"), 30 / 0.995 / math.sqrt(3), id="a wide market"),
        pytest.param(0, 40.0, D("0.01"), 6.0, id="a tight one is no better than its quality"),
        pytest.param(-5, 40.0, None, 6.0, id="from later"),
    ],
)
def test_a_mark_is_off_by_its_quality_its_width_and_its_age(
    age_ns: int, volatility_bps: float | None, half_spread: D | None, expected: float
) -> None:
    one = replace(mark(Quality.COMPOSITE, 0), half_spread=half_spread)
    assert sd_bps(one, age_ns, volatility_bps, PLAIN) == pytest.approx(expected)


def test_the_better_the_quality_the_smaller_the_error() -> None:
    off = {quality: sd_bps(mark(quality, 0), 0, None, MarkErrors()) for quality in Quality}
    assert off[Quality.COMPOSITE] < off[Quality.OWN_RFQ] < off[Quality.EVALUATED] < off[Quality.LAST_PRINT]


@pytest.mark.parametrize(
    ("by_source", "expected"),
    [
        pytest.param({}, None, id="too old for all"),
        pytest.param({"composite": 120 * MINUTE}, "composite", id="its source may be older"),
        pytest.param({"evaluated": 120 * MINUTE}, None, id="another source"),
    ],
)
def test_a_source_has_its_own_age(by_source: dict[str, int], expected: str | None) -> None:
    book = MarkBook()
    book.update(mark(Quality.COMPOSITE, 90))
    found = book.best("XS1", NOW, 60 * MINUTE, by_source)
    assert (None if found is None else found.source) == expected


def test_a_source_may_have_to_be_younger_than_others() -> None:
    book = MarkBook()
    book.update(mark(Quality.COMPOSITE, 5))
    assert book.best("XS1", NOW, 60 * MINUTE, {"composite": 4 * MINUTE}) is None
    assert book.of("XS1", "composite") is not None
    assert book.of("XS1", "other") is None


def test_what_a_source_took_back_does_not_come_again_late() -> None:
    book = MarkBook()
    book.update(mark(Quality.COMPOSITE, 5))
    book.withdraw("XS1", "composite", NOW - 2 * MINUTE)
    assert not book.update(mark(Quality.COMPOSITE, 3))
    assert book.best("XS1", NOW, 60 * MINUTE) is None
    assert book.update(mark(Quality.COMPOSITE, 1))
    assert len(book) == 1
