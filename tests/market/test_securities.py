"""engine/market/securities.py: the security file, its lines and its look-ups."""

from __future__ import annotations

import datetime
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.instrument import (
    RATING_SCALE,
    AssetClass,
    Security,
    is_cusip,
    is_investment_grade,
    isin_check_digit,
)
from engine.market.bonds import FREQUENCIES
from engine.market.day_count import DayCount
from engine.market.securities import COLUMNS, SecurityMaster, format_securities, parse_securities

SAMPLE = Path(__file__).resolve().parents[2] / "config" / "securities" / "sample.csv"
HEADER = "isin,name,issuer,asset_class,rating,price,adv_30d,issue_date,maturity,liquidity_score\n"
GOOD = "US99B001AB35,Quillmere 4.35 2031,Quillmere Foods plc,corporate,A-,98.46,0,2021-03-15,2031-03-15,9\n"
OTHER = "US99C002AC80,Quillmere 5.10 2046,Quillmere Foods plc,corporate,,,,,,\n"


def test_a_line_becomes_a_bond_and_nothing_stays_unknown() -> None:
    result = parse_securities(HEADER + GOOD + OTHER)
    first, second = result.securities
    assert result.problems == ()
    assert (first.security_id, first.id_source, first.asset_class) == ("US99B001AB35", "4", AssetClass.CORPORATE)
    assert (first.rating, first.price, first.maturity) == ("A-", Decimal("98.46"), datetime.date(2031, 3, 15))
    # A zero is known, an empty cell is not.
    assert first.adv_30d == 0
    assert (second.adv_30d, second.rating, second.price, second.liquidity_score) == (None, None, None, None)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param(
            "US99B001AB35",
            "US99B001AB36",
            "isin: expected an ISIN with the right check digit, found 'US99B001AB36'",
            id="isin",
        ),
        pytest.param("US99B001AB35", "", "isin is empty", id="no isin"),
        pytest.param("Quillmere Foods plc", "", "issuer is empty", id="no issuer"),
        pytest.param(
            "corporate",
            "Corp",
            "asset_class: expected one of corporate, municipal, government, agency, other, found 'Corp'",
            id="asset class",
        ),
        pytest.param("A-,", "A--,", "rating: expected a rating from AAA to D, or NR, found 'A--'", id="rating"),
        pytest.param(
            "98.46", "0", "price: expected a clean price above 0, in percent of par, found '0'", id="a price of 0"
        ),
        pytest.param(
            "98.46", "NaN", "price: expected a clean price above 0, in percent of par, found 'NaN'", id="a price of NaN"
        ),
        pytest.param(
            ",0,", ",-5,", "adv_30d: expected a face amount a business day of 0 or more, found '-5'", id="adv below 0"
        ),
        pytest.param(
            "2031-03-15", "15/03/2031", "maturity: expected a date as in 2031-06-15, found '15/03/2031'", id="date"
        ),
        pytest.param(
            "2031-03-15",
            "2021-03-15",
            "maturity 2021-03-15 is not after the issue date 2021-03-15",
            id="matures at birth",
        ),
        pytest.param(",9\n", ",11\n", "liquidity_score: expected a whole number from 1 to 10, found '11'", id="score"),
        pytest.param(",9\n", "\n", "expected 10 cells, as in the header, found 9", id="a cell short"),
        pytest.param(",9\n", ",9,\n", "expected 10 cells, as in the header, found 11", id="a cell too many"),
    ],
)
def test_a_wrong_line_is_named_with_its_reason(old: str, new: str, reason: str) -> None:
    assert GOOD.count(old) == 1
    result = parse_securities(HEADER + OTHER + GOOD.replace(old, new))
    assert [security.security_id for security in result.securities] == ["US99C002AC80"]
    assert [str(problem) for problem in result.problems] == [f"3: Quillmere 4.35 2031: {reason}"]


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        pytest.param(
            "day_count", "BUS/252",
            "day_count: expected one of 30/360, 30E/360, 30E/360 ISDA, ACT/ACT ICMA, ACT/ACT ISDA, ACT/360, ACT/365F, "
            "found 'BUS/252'", id="day count",
        ),
        pytest.param(
            "coupon_frequency", "5",
            "coupon_frequency: expected coupons a year: one of 0, 1, 2, 3, 4, 6, 12, found '5'", id="frequency",
        ),
        pytest.param(
            "ex_dividend", "weekly",
            "ex_dividend: expected business days or days before a coupon, such as 6bd or 7d, or 0 for never, "
            "found 'weekly'", id="ex-dividend",
        ),
        pytest.param(
            "first_coupon", "2021-08-15",
            "first_coupon 2021-08-15 is not reached from maturity 2031-03-15 in steps of 6 months: if the last period "
            "is shorter or longer than the others, last_coupon has to say so", id="first coupon",
        ),
        pytest.param(
            "dated_date", "2031-03-15", "maturity 2031-03-15 is not after dated_date 2031-03-15", id="dated date",
        ),
    ],
)  # fmt: skip
def test_wrong_terms_of_interest_are_named(column: str, text: str, reason: str) -> None:
    result = parse_securities(f"{column},{HEADER}{text},{GOOD}")
    assert [problem.reason for problem in result.problems] == [reason]


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("day_count", "Actual/Actual (ICMA)", "ACT/ACT ICMA"),
        ("day_count", "act/365", "ACT/365F"),
        ("day_count", "", None),
        ("coupon_frequency", "", None),
        ("coupon_pct", "", None),
        ("ex_dividend", "6bd", "6bd"),
        ("first_coupon", "2021-09-15", datetime.date(2021, 9, 15)),
        ("last_coupon", "2030-12-15", datetime.date(2030, 12, 15)),
        ("dated_date", "2021-03-01", datetime.date(2021, 3, 1)),
        ("called", "2026-09-01", datetime.date(2026, 9, 1)),
        ("defaulted", "2026-09-01", datetime.date(2026, 9, 1)),
    ],
)
def test_terms_of_interest(column: str, text: str, value: object) -> None:
    (bond,) = parse_securities(f"{column},{HEADER}{text},{GOOD}").securities
    assert getattr(bond, column) == value


def test_all_reasons_of_a_line_come_together() -> None:
    line = GOOD.replace("98.46", "?").replace(",9\n", ",0\n")
    (problem,) = parse_securities(HEADER + line).problems
    assert problem.reason == (
        "price: expected a clean price above 0, in percent of par, found '?';"
        " liquidity_score: expected a whole number from 1 to 10, found '0'"
    )


def test_the_second_line_of_an_isin_is_refused() -> None:
    result = parse_securities("# a remark\n" + HEADER + GOOD + OTHER + GOOD)
    assert len(result.securities) == 2
    assert [str(problem) for problem in result.problems] == [
        "5: Quillmere 4.35 2031: isin: expected each once, found 'US99B001AB35': the same ISIN as line 3"
    ]


def test_line_numbers_count_comments_blanks_and_lines_within_quotes() -> None:
    text = '# one\n\nisin,name,issuer,asset_class\n"","a\nb",c,other\n# six\nx,y,z,other\n'
    lines = [problem.line for problem in parse_securities(text).problems]
    assert lines == [4, 7]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param("", ["1: empty: expected a header with isin, name, issuer, asset_class"], id="nothing"),
        pytest.param(
            "isin,name,issuer,asset_clas\n",
            ["1: unknown column 'asset_clas' (did you mean 'asset_class'?)", "1: the column 'asset_class' is missing"],
            id="a column misspelt",
        ),
        pytest.param(
            "isin,name,issuer,asset_class,isin\n", ["1: the column 'isin' is there twice"], id="a column twice"
        ),
    ],
)
def test_a_wrong_header_is_told_once(text: str, problems: list[str]) -> None:
    result = parse_securities(text + GOOD * 3 if text else text)
    assert [str(problem) for problem in result.problems] == problems
    assert result.securities == ()


def test_both_line_ends_and_a_byte_order_mark() -> None:
    text = HEADER + GOOD + OTHER
    assert parse_securities("\ufeff" + text.replace("\n", "\r\n")) == parse_securities(text)


@given(st.text(alphabet=st.sampled_from('isn,"\n\r#0.USX\x00\ufeff9A') | st.characters(), max_size=200))
def test_no_text_raises(text: str) -> None:
    parse_securities(text)
    parse_securities(HEADER + text)


amounts = st.none() | st.decimals(0, 10**12, places=2)
words = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20).filter(lambda text: "#" not in text)
dates = st.dates(datetime.date(2000, 1, 1), datetime.date(2099, 1, 1))


@st.composite
def bonds(draw: st.DrawFn) -> Security:
    body = "XS" + draw(st.text("0123456789ABCDEF", min_size=9, max_size=9))
    issued, maturity = draw(st.none() | dates), draw(st.none() | dates)
    if issued is not None and maturity is not None and maturity <= issued:
        maturity = issued + datetime.timedelta(days=1)
    return Security(
        security_id=body + isin_check_digit(body),
        name=draw(words),
        issuer=draw(words),
        asset_class=draw(st.sampled_from(AssetClass)),
        sector=draw(st.none() | words),
        coupon_pct=draw(st.none() | st.decimals(0, 20, places=3)),
        coupon_frequency=draw(st.none() | st.sampled_from(FREQUENCIES)),
        day_count=draw(st.none() | st.sampled_from([each.value for each in DayCount])),
        ex_dividend=draw(st.none() | st.sampled_from(["0", "6bd", "7d"])),
        issue_date=issued,
        maturity=maturity,
        rating=draw(st.none() | st.sampled_from([*RATING_SCALE, "NR"])),
        amount_outstanding=draw(amounts),
        adv_30d=draw(amounts),
        last_trade_date=draw(st.none() | dates),
        liquidity_score=draw(st.none() | st.integers(1, 10)),
        price=draw(st.none() | st.decimals("5", 200, places=3)),
    )


@given(st.lists(bonds(), max_size=5, unique_by=lambda bond: bond.security_id))
def test_what_is_written_is_read_again(securities: list[Security]) -> None:
    result = parse_securities(format_securities(securities))
    assert result.problems == ()
    assert result.securities == tuple(securities)


def test_the_master_finds_by_either_identifier_and_by_issuer() -> None:
    first, second = parse_securities("cusip," + HEADER + "99B001AB3," + GOOD + "," + OTHER).securities
    master = SecurityMaster([second, first])
    assert master.get("US99B001AB35") is first
    assert master.get("99B001AB3", "1") is first
    assert master.get("US99B001AB35", "1") is None
    assert master.get("99B001AB3") is None
    assert master.get("US99B001AB35", "8") is None
    assert master.of_issuer("Quillmere Foods plc") == (first, second)
    assert master.of_issuer("nobody") == ()
    # The order of the identifiers, whatever came first.
    assert list(master) == [first, second]
    assert "US99C002AC80" in master


def test_an_updated_master_leaves_the_old_one_alone() -> None:
    first, second = parse_securities(HEADER + GOOD + OTHER).securities
    (changed,) = parse_securities(HEADER + GOOD.replace("98.46", "97")).securities
    old = SecurityMaster([first])
    new = old.updated([second, changed])
    assert (len(old), len(new)) == (1, 2)
    assert old.get("US99B001AB35") is first
    assert new.get("US99B001AB35") is changed


# The bonds as shipped.


def test_the_shipped_bonds_cover_what_rules_speak_of() -> None:
    result = parse_securities(SAMPLE.read_text(encoding="utf-8"))
    assert result.problems == ()
    securities = result.securities
    assert len(securities) >= 60
    corporate = [bond for bond in securities if bond.asset_class is AssetClass.CORPORATE]
    municipal = [bond for bond in securities if bond.asset_class is AssetClass.MUNICIPAL]
    grades = Counter(is_investment_grade(bond.rating) for bond in corporate)
    assert min(grades[True], grades[False]) >= 10
    assert {"NR", None} <= {bond.rating for bond in corporate} & {bond.rating for bond in municipal}
    assert any(bond.is_rated for bond in municipal)
    assert any(bond.asset_class is AssetClass.AGENCY for bond in securities)
    for attribute in ("adv_30d", "liquidity_score", "last_trade_date", "price"):
        assert {getattr(bond, attribute) is None for bond in securities} == {True, False}, attribute
    assert any(bond.adv_30d == 0 for bond in securities)
    assert all(
        bond.cusip is None or (is_cusip(bond.cusip) and bond.security_id[2:11] == bond.cusip) for bond in securities
    )


def test_the_shipped_bonds_are_nobodys() -> None:
    for bond in parse_securities(SAMPLE.read_text(encoding="utf-8")).securities:
        # Issuer numbers from 99 are kept free for private use; XS99 is not assigned.
        assert bond.security_id.startswith(("US99", "XS99"))


def test_the_columns_are_the_bonds_attributes() -> None:
    attributes = set(Security.__dataclass_fields__)
    assert {*COLUMNS, "security_id", "id_source"} - {"isin"} == attributes


def test_a_bond_without_coupons_pays_none_a_year() -> None:
    head = "isin,name,issuer,asset_class,coupon_pct,coupon_frequency\n"
    line = "US99B001AB35,Quillmere 0 2031,Quillmere Foods plc,corporate,0,{}\n"
    (bond,) = parse_securities(head + line.format(0)).securities
    assert (bond.coupon_pct, bond.coupon_frequency) == (0, 0)
    assert [each.line for each in parse_securities(head + line.format(13)).problems] == [2]
