"""Which mark is used, and when there is none."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from engine.market.marks import Mark, MarkBook, Quality, own_rfq_mid

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
