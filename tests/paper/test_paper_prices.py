"""Time and prices every process agrees on, and accrued interest."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from paper.clock import NS_PER_S, PaperClock, format_timestamp, parse_timestamp
from paper.prices import FairPrices, Security, accrued_amount, load_securities
from paper_support import CSV, ISIN, MUNI, securities

NOW_NS = parse_timestamp("20300102-10:00:00.250")


def test_scaled_clocks_with_one_origin_agree() -> None:
    real = [NOW_NS + 2 * NS_PER_S]
    one, other = (PaperClock(60, NOW_NS, lambda: real[0]) for _ in range(2))
    assert one.now_ns() == other.now_ns() == NOW_NS + 120 * NS_PER_S
    assert one.real_s(30) == 0.5


@pytest.mark.parametrize("text", ["20300102-10:00:00.250", "20240229-23:59:59.999"])
def test_timestamps_survive_the_round_trip(text: str) -> None:
    assert format_timestamp(parse_timestamp(text)) == text


@pytest.mark.parametrize("text", ["", "20300102", "20300102-10:00", "20301302-10:00:00", "20300102-10:00:00.x"])
def test_other_texts_are_no_timestamps(text: str) -> None:
    with pytest.raises(ValueError):
        parse_timestamp(text)


def test_fair_prices_depend_on_seed_bond_and_time_alone() -> None:
    one, same, other = FairPrices(securities(), 1), FairPrices(securities(), 1), FairPrices(securities(), 2)
    times = [NOW_NS + n * 600 * NS_PER_S for n in range(50)]
    assert [one.fair(ISIN, t) for t in times] == [same.fair(ISIN, t) for t in reversed(times)][::-1]
    assert [one.fair(ISIN, t) for t in times] != [other.fair(ISIN, t) for t in times]
    assert one.fair("unknown", NOW_NS) is None


def test_prices_wander_smoothly_and_not_far() -> None:
    fair = FairPrices(securities(), 7)
    base = Decimal("104.25")
    path = [fair.fair(MUNI, NOW_NS + n * NS_PER_S) for n in range(0, 86_400, 60)]
    assert all(price is not None and abs(price / base - 1) < Decimal("0.0064") for price in path)
    assert max(abs(b - a) for a, b in itertools.pairwise(path)) < Decimal("0.03")  # type: ignore[operator]
    assert len(set(path)) > 100


def test_the_securities_file_needs_two_columns(tmp_path) -> None:
    file = tmp_path / "bonds.csv"
    file.write_text("# bonds\nprice,security_id,other\n99.5,A,x\n,B,x\n-1,C,x\nten,D,x\n101,,x\n")
    assert load_securities(file) == {"A": Security("A", Decimal("99.5"))}
    file.write_text("\ufeffisin,price\nA,99.5\n", encoding="utf-8")
    assert load_securities(file) == {"A": Security("A", Decimal("99.5"))}
    file.write_text(CSV)
    assert load_securities(file) == securities()


@pytest.mark.parametrize(
    ("settlement", "accrued"),
    [
        pytest.param(date(2030, 3, 15), "0.00", id="on a coupon date"),
        pytest.param(date(2030, 4, 15), "4166.67", id="a month later"),
        pytest.param(date(2030, 9, 14), "24861.11", id="a day before the next"),
        pytest.param(date(2030, 10, 31), "6388.89", id="the 31st counts after the 15th"),
    ],
)
def test_accrued_interest_30_360(settlement: date, accrued: str) -> None:
    assert accrued_amount(securities()[ISIN], Decimal(1_000_000), settlement) == Decimal(accrued)


@pytest.mark.parametrize(
    ("coupon", "maturity", "settlement", "accrued"),
    [
        ("4.8", date(2034, 5, 31), date(2028, 5, 30), "24000.00"),
        ("5", date(2031, 8, 31), date(2027, 8, 30), "25000.00"),
        ("5", date(2031, 2, 28), date(2027, 8, 31), "0.00"),
    ],
)
def test_accrued_interest_at_month_ends(coupon: str, maturity: date, settlement: date, accrued: str) -> None:
    bond = Security("A", Decimal(99), Decimal(coupon), maturity=maturity)
    assert accrued_amount(bond, Decimal(1_000_000), settlement) == Decimal(accrued)


def test_accrued_is_unknown_without_terms_or_after_maturity() -> None:
    assert accrued_amount(Security("A", Decimal(99)), Decimal(1000), date(2030, 1, 2)) is None
    assert accrued_amount(securities()[ISIN], Decimal(1000), date(2031, 3, 15)) is None
    other = replace(securities()[ISIN], day_count="ACT/ACT")
    assert accrued_amount(other, Decimal(1000), date(2030, 1, 2)) is None
