"""Real data: what of a file counts, that tomorrow is not known today, and the committed figures where the data is."""

from __future__ import annotations

import datetime
import io
import os
import random
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from proving import banks, prints, real
from proving.banks import BANKS, MODEL, SO_FAR, Contest, contests, prices_of
from proving.prints import BondDay, bond_days, rank_correlation, trades_of
from proving.report import page_of_real

from engine.errors import ConfigError
from engine.research.page import html
from engine.selection.model import MODEL_VERSION

DATA = Path(os.environ.get("RFQ_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
SHOWN = Path(__file__).parents[1] / "evidence" / "real.md"
HEAD = "quote_date,bank,isin,bank_code,maturity,currency,bid_px,ask_px,bid_yield,ask_yield\n"
DAYS = 40


def day_of(number: int) -> str:
    return str(datetime.date(2024, 1, 1) + datetime.timedelta(days=number))


def line(day: int, bank: str, bid: object, ask: object, isin: str = "US1") -> str:
    return f"{day_of(day)},{bank},{isin},x,2030-01-15,USD,{bid},{ask},5,5\n"


def two_banks(days: int = DAYS, *, better: str = "ZIRAAT", last_shift: float = 0.0) -> str:
    """Two bonds; one bank is 50 bps better on both sides, with noise; the last day may be shifted."""
    chance, text = random.Random(3), HEAD
    for day in range(days):
        for isin in ("US1", "US2"):
            mid = 100 + chance.gauss(0, 0.3)
            for bank in BANKS:
                half = (0.75 if bank == better else 1.25) + chance.gauss(0, 0.05)
                if day == days - 1:
                    half += last_shift * (1 if bank == better else -1)
                text += line(day, bank, f"{mid - half:.4f}", f"{mid + half:.4f}", isin)
    return text


def contests_of(text: str) -> tuple[list[Contest], Counter[str]]:
    apart: Counter[str] = Counter()
    return list(contests(prices_of(io.StringIO(text)), apart)), apart


def test_every_row_counts_or_has_a_reason() -> None:
    rows = [
        line(0, "ZIRAAT", 99, 101), line(0, "ZIRAAT", 98, 102), line(0, "ISBANK", 0, 0), line(1, "ISBANK", 99, 0),
        line(1, "ZIRAAT", 102, 101), line(2, "ZIRAAT", "x", 101), line(2, "ISBANK", 99, 101, ""),
    ]  # fmt: skip
    found = prices_of(io.StringIO(HEAD + "".join(rows)))
    assert found.rows == 7
    assert len(found.quotes) == 1
    assert found.unused == {
        "told before": 1, "no price that day": 1, "one side alone": 1, "bid above offer": 1, "no ISIN": 1,
        "a date or a price that cannot be read": 1,
    }  # fmt: skip
    assert found.rows == len(found.quotes) + found.unused.total()


def test_edges_are_against_the_mid_of_the_day_before() -> None:
    text = HEAD + line(0, BANKS[0], 99, 101) + line(0, BANKS[1], 99, 103)
    for day in (1, 2):
        text += line(day, BANKS[0], 100, 102) + line(day, BANKS[1], 99, 101.5)
    found, apart = contests_of(text)
    # The mid of day 1 is the mean of both banks' mids; there is none of a day before day 0, and no record before day 1.
    mid = (101 + Decimal("100.25")) / 2
    assert apart == {"no mid of a day before": 1, "the first day of both": 1}
    buy, sell = found
    assert buy.edges_bps == pytest.approx(
        [float((mid - 102) / mid * 10_000), float((mid - Decimal("101.5")) / mid * 10_000)]
    )
    assert sell.edges_bps == pytest.approx([float((100 - mid) / mid * 10_000), float((99 - mid) / mid * 10_000)])


def test_a_bank_that_is_better_is_found_by_every_way_of_counting() -> None:
    for better in BANKS:
        found, _ = contests_of(two_banks(better=better))
        known = [each for each in found if each.day > datetime.date(2024, 1, 15)]
        for way in (MODEL, *SO_FAR):
            assert {BANKS[each.picks[way]] for each in known} == {better}, way
            chance = sum(each.chances[way] for each in known) / len(known)
            assert (chance > 0.8) == (better == BANKS[0]), way
        expected = sum(each.expected_bps for each in known) / len(known)
        assert abs(expected) == pytest.approx(50, abs=12)


def test_what_comes_tomorrow_is_not_known_today() -> None:
    """The last day is turned round: nothing that was said before it, or of it, is another."""
    one, _ = contests_of(two_banks())
    other, _ = contests_of(two_banks(last_shift=0.5))
    assert len(one) == len(other)
    for ours, theirs in zip(one, other, strict=True):
        assert (ours.picks, ours.chances, ours.expected_bps) == (theirs.picks, theirs.chances, theirs.expected_bps)
    assert one[-1].edges_bps != other[-1].edges_bps


def test_what_other_bonds_do_today_is_not_known_today() -> None:
    text = two_banks()
    first, _ = contests_of(text)
    today = day_of(DAYS - 1)
    turned = "".join(
        each.replace(",9", ",8", 1) if each.startswith(f"{today},ZIRAAT,US1") else each
        for each in text.splitlines(keepends=True)
    )
    second, _ = contests_of(turned)
    assert turned != text
    assert [each.expected_bps for each in first] == [each.expected_bps for each in second]


def test_figures_of_two_banks_say_who_is_better_and_by_how_much() -> None:
    text = two_banks()
    prices = prices_of(io.StringIO(text))
    apart: Counter[str] = Counter()
    found = real.bank_figures(prices, list(contests(prices, apart)), apart)
    assert found.saves[real.COIN].holds(25) or found.saves[real.COIN].value == pytest.approx(25, abs=3)
    assert found.right[MODEL].value > 0.95
    assert found.contests == 2 * 2 * (DAYS - 2)
    assert found.best.value >= found.edges[MODEL].value


# --- the tape --------------------------------------------------------------------------------------


def tape(days: int = 60, *, last_price: str = "") -> str:
    """One bond that trades every day, one that trades every fifth."""
    chance, text = random.Random(5), "isin,time,price,side,volume,timeofday,date\n"
    when = datetime.date(2016, 3, 14)
    for number in range(days):
        day = when + datetime.timedelta(days=number)
        if day.weekday() > 4:
            continue
        for bond, every in (("often", 1), ("seldom", 5)):
            if number % every == 0:
                price = last_price if last_price and number == days - 1 else f"{100 + chance.gauss(0, 0.5):.4f}"
                text += f"{bond},{day:%a} {day.day:2}{day:%b%y} 02:51:27.000 pm,{price},S,{1000 * (number + 1)},x,y\n"
    return text


def of_tape(text: str) -> list[BondDay]:
    return list(bond_days(trades_of(io.StringIO(text)).trades, {}))


def test_a_row_that_is_told_again_is_one_trade_and_one_that_cannot_be_read_is_none() -> None:
    text = tape(5)
    [first] = [each for each in text.splitlines(keepends=True) if each.startswith("often")][:1]
    found = trades_of(io.StringIO(text + first + first.replace("14Mar16", "99Mar16") + first.replace(",1000,", ",0,")))
    assert found.unused == {
        "exactly as told before": 1, "a time, a price or a size that cannot be read": 1, "no price or no size": 1,
    }  # fmt: skip
    assert found.rows == len(found.trades) + found.unused.total()


def test_a_day_of_the_tape_is_judged_by_the_days_before_it() -> None:
    one, other = of_tape(tape()), of_tape(tape(last_price="150"))
    assert [(each.adv, each.score, each.share, each.base) for each in one] == [
        (each.adv, each.score, each.share, each.base) for each in other
    ]
    assert one[-2:] != other[-2:] or one[-1] != other[-1]
    often = [each for each in one if each.bond == "often"]
    seldom = [each for each in one if each.bond == "seldom"]
    assert min(each.share for each in often) > 0.9
    assert max(each.share for each in seldom) < 0.4
    first = often[0]
    # Twenty business days back: those of four weeks, the day itself not among them.
    assert first.adv == pytest.approx(sum(1000 * (number + 1) for number in range(28) if number % 7 < 5) / 20)


def test_ranks_go_together_as_scipy_has_it() -> None:
    from scipy.stats import spearmanr

    chance = random.Random(7)
    one = [float(chance.randrange(10)) for _ in range(40)]
    other = [value + chance.randrange(8) for value in one]
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert rank_correlation([1.0] * 5, one[:5]) is None


def test_the_report_of_real_data_is_one_page() -> None:
    prices = prices_of(io.StringIO(two_banks()))
    apart: Counter[str] = Counter()
    of_banks = real.bank_figures(prices, list(contests(prices, apart)), apart)
    told = trades_of(io.StringIO(tape()))
    of_tape = real.tape_figures(told, list(bond_days(told.trades, {})))
    found = real.Real(of_banks, of_tape, [real.BondFigures("a.csv", 1, 1, {}, 0)])
    written = html(page_of_real(found))
    assert written.count("<svg") == 3
    assert "What this data cannot show" in written
    assert real.about_banks(of_banks) in real.markdown(found)


# --- the data itself -------------------------------------------------------------------------------


def test_a_folder_without_the_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        real.found_in(tmp_path)


@pytest.mark.full  # A minute.
def test_the_committed_figures_are_those_of_the_data() -> None:
    if not (DATA / banks.FILE).is_file() or not (DATA / prints.TRADES).is_file():
        pytest.skip(f"no real data: {DATA} has none (RFQ_TEST_DATA names its folder)")
    text = real.markdown(real.found_in(DATA))
    said = re.search(r"Model version (\d+)", SHOWN.read_text(encoding="utf-8"))
    assert said is not None
    if int(said[1]) == MODEL_VERSION:
        assert text == SHOWN.read_text(encoding="utf-8")


def test_the_committed_figures_have_intervals_and_no_row_of_the_data() -> None:
    text = SHOWN.read_text(encoding="utf-8")
    for row in text.splitlines():
        if not row.startswith("| ") or ".csv" in row:
            continue
        for cell in row.strip("| ").split(" | ")[1:]:
            assert not re.match(r"^-?\d+\.\d", cell) or re.search(r"\(.+ to .+\)$", cell), cell
    assert not re.search(r"\b[A-Z]{2}\d{9,}|isin\d", text)
