"""engine/market/plausibility.py: what no bond has is an error of the line, what hardly any has is a warning."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from engine.boot.assembly import security_file, security_master
from engine.domain.currencies import CURRENCIES
from engine.market.securities import parse_securities

SAMPLE = Path(__file__).resolve().parents[2] / "config" / "securities" / "sample.csv"
AS_OF = datetime.date(2026, 11, 30)
RIGHT = {
    "isin": "US99B001AB35",
    "cusip": "99B001AB3",
    "name": "Quillmere 4.35 2031",
    "issuer": "Quillmere Foods plc",
    "asset_class": "corporate",
    "currency": "USD",
    "coupon_pct": "4.35",
    "coupon_frequency": "2",
    "issue_date": "2021-03-15",
    "dated_date": "",
    "maturity": "2031-03-15",
    "factor": "1",
    "rating": "A-",
    "amount_outstanding": "750000000",
    "adv_30d": "9303000",
    "last_trade_date": "2026-11-20",
    "price": "98.46",
    "dv01": "0.03974",
}


def text(**changes: str) -> str:
    row = {**RIGHT, **changes}
    return ",".join(row) + "\n" + ",".join(row.values()) + "\n"


def test_a_right_line_is_neither_wrong_nor_doubtful() -> None:
    found = parse_securities(text(), AS_OF)
    assert (len(found.securities), found.problems, found.warnings) == (1, (), ())


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        *(
            pytest.param("coupon_frequency", each, "coupons a year: one of 0, 1, 2, 3, 4, 6, 12", id=f"{each} a year")
            for each in ("5", "7", "8", "24", "-2")
        ),
        pytest.param("factor", "10", "what is outstanding of 1, at most 2", id="factor 10"),
        pytest.param("factor", "100", "what is outstanding of 1, at most 2", id="factor in percent"),
        pytest.param("factor", "-1", "a factor of 0 or more", id="factor below 0"),
        pytest.param("coupon_pct", "475", "a coupon of at most 100, in percent", id="coupon in bps"),
        pytest.param("coupon_pct", "4_35", "a coupon of 0 or more, in percent", id="an underscore in a number"),
        pytest.param("coupon_pct", "٤", "a coupon of 0 or more, in percent", id="digits of another script"),
        pytest.param(
            "currency", "GBX", "a currency of ISO 4217 such as USD (GBX is a hundredth of GBP: write GBP)", id="pence"
        ),
        pytest.param("currency", "ZZZ", "a currency of ISO 4217 such as USD", id="no currency"),
        pytest.param("currency", "usd", "a currency of ISO 4217 such as USD (did you mean 'USD'?)", id="small letters"),
        pytest.param("currency", "DEM", "a currency of ISO 4217 such as USD", id="a currency that was"),
        pytest.param("price", "9900", "a clean price of at most 400, in percent of par", id="price a hundredfold"),
        pytest.param(
            "price", "0.99", "a clean price in percent of par, 5 or more of a bond rated A-", id="price as a share"
        ),
        pytest.param(
            "dv01", "-0.04", "a price change of 0 or more for a basis point, per 100 face", id="dv01 with a sign"
        ),
        pytest.param(
            "dv01", "397.4", "a price change for a basis point, per 100 face, of at most 1", id="dv01 of a million"
        ),
        pytest.param("cusip", "99C002AC8", "99B001AB3, as in the ISIN US99B001AB35", id="the CUSIP of another bond"),
        pytest.param("issue_date", "0021-03-15", "a date from 1900 on", id="a year of two digits"),
    ],
)
def test_what_no_bond_has_is_named_with_its_line_column_and_value(column: str, value: str, expected: str) -> None:
    found = parse_securities(text(**{column: value}), AS_OF)
    assert found.securities == ()
    assert [str(each) for each in found.problems] == [
        f"2: Quillmere 4.35 2031: {column}: expected {expected}, found '{value}'"
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"coupon_pct": "47.5"}, "coupon_pct: expected a coupon of 25 or less", id="coupon tenfold"),
        pytest.param({"coupon_pct": "0.0435"}, "coupon_pct: expected 0, or 0.1 or more in percent", id="as a share"),
        pytest.param({"factor": "1.2"}, "factor: expected 1 or less, unless its principal grows", id="factor over 1"),
        pytest.param({"amount_outstanding": "750", "adv_30d": ""}, "not in millions, found '750'", id="in millions"),
        pytest.param({"adv_30d": "930300000000"}, "adv_30d: expected a business day's volume of at most", id="adv"),
        pytest.param({"maturity": "2026-11-30"}, "maturity: expected a date after 2026-11-30", id="matured"),
        pytest.param({"maturity": "2131-03-15"}, "maturity: expected within 101 years of the issue date", id="century"),
        pytest.param({"last_trade_date": "2027-01-01"}, "last_trade_date: expected a date up to 2026-11", id="ahead"),
        pytest.param({"rating": "CC", "price": "0.99"}, "price: expected 5 or more in percent of par", id="default"),
        pytest.param({"price": "250"}, "price: expected 200 or less", id="a high price"),
        pytest.param({"dv01": "0.4"}, "dv01: expected at most", id="dv01 tenfold"),
        pytest.param({"dv01": "0"}, "dv01: expected above 0 of a bond with 4.3 years", id="dv01 of nothing"),
    ],
)
def test_what_hardly_any_bond_has_is_used_and_warned_of(changes: dict[str, str], words: str) -> None:
    found = parse_securities(text(**changes), AS_OF)
    assert (len(found.securities), found.problems) == (1, ())
    assert any(words in each.reason for each in found.warnings), found.warnings
    assert all(str(each).startswith("2: Quillmere 4.35 2031: ") for each in found.warnings)


def test_a_low_coupon_is_nothing_odd_in_yen() -> None:
    assert parse_securities(text(currency="JPY", coupon_pct="0.005"), AS_OF).warnings == ()


HEAD = "isin,cusip,name,issuer,asset_class\n"


@pytest.mark.parametrize("of_first", [True, False], ids=["owner first", "owner last"])
def test_a_cusip_belongs_to_the_bond_that_has_it_in_its_isin(of_first: bool) -> None:
    owner, thief = "US99B001AB35,,One,A,corporate\n", "XS9900000019,99B001AB3,Two,B,corporate\n"
    found = parse_securities(HEAD + (owner + thief if of_first else thief + owner))
    assert [each.name for each in found.securities] == ["One"]
    (problem,) = found.problems
    assert str(problem) == (
        f"{3 if of_first else 2}: Two: cusip: expected its own, found '99B001AB3', the CUSIP of US99B001AB35"
    )


def test_of_two_bonds_with_one_cusip_the_first_keeps_it() -> None:
    one, two = "XS9900000019,99B001AB3,One,A,corporate\n", "XS9900000027,99B001AB3,Two,B,corporate\n"
    found = parse_securities(HEAD + one + two)
    assert [each.name for each in found.securities] == ["One"]
    assert [each.line for each in found.problems] == [3]


def test_a_text_that_was_in_force_gives_its_bonds_whatever_is_said_today() -> None:
    """Something may be open in them: what was dealt on is booked."""
    odd = text(factor="10", coupon_pct="475", currency="GBX", cusip="99C002AC8")
    assert security_master(odd).bonds == {}
    assert [*security_master(odd, kept=True).bonds] == ["US99B001AB35"]


def test_a_warning_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bonds.csv"
    path.write_text(text(price="250"))
    (warning,) = security_file(path).warnings
    assert str(warning).startswith("2: Quillmere 4.35 2031: price: expected 200 or less")


def test_the_shipped_bonds_leave_nothing_to_doubt() -> None:
    found = parse_securities(SAMPLE.read_text(encoding="utf-8"), AS_OF)
    assert (found.problems, found.warnings) == ((), ())


def test_currencies_are_three_capital_letters() -> None:
    assert all(len(each) == 3 and each.isascii() and each.isupper() for each in CURRENCIES)
    assert {"USD", "EUR", "GBP", "CLF", "MXV"} <= CURRENCIES
    assert not {"GBX", "XAU", "XTS", "XXX", "BGN"} & CURRENCIES
