"""engine/market/holdings.py: published holdings files, small ones of our own and the real ones."""

from __future__ import annotations

import datetime
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.instrument import AssetClass, is_cusip, is_isin
from engine.market.holdings import Imported, UnknownFormat, import_holdings
from engine.market.securities import format_securities, parse_securities

DATA = Path(os.environ.get("RFQ_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "bonds"

ISHARES = (
    "Name,Sector,Asset Class,Par Value,CUSIP,ISIN,Price,Currency,Maturity,Coupon (%),Mod. Duration,Market Currency,"
    "Accrual Date\n"
)
BOND = (
    'PELLWORTH BANK NA MTN,Banking,Fixed Income,"1,000,000.00",99H007AH1,US99H007AH14,100.50,USD,"Oct 20, 2029",4.6,'
    '2.80,USD,"Oct 20, 2023"\n'
)
NPORT = (
    "name,lei,title,cusip,isin,balance,units,currency,valUSD,issuerCat,maturityDt,couponKind,annualizedRt,isDefault\n"
)
DEBT = (
    "ELDERBROOK TOWN,N/A,ELDERBROOK 5 2036,99X049AB8,US99X049AB82,400000,PA,USD,444320.00,MUN,2036-08-01,Fixed,"
    "5.0000,N\n"
)
GSQ = "isin,issuer,issueDate,amtOutstanding,coupon,couponFrequency,industrySector,maturity,ratingAgency1Rating\n"


def test_an_ishares_line() -> None:
    result = import_holdings("\ufeff" + ISHARES + BOND, datetime.date(2026, 11, 20))
    (bond,) = result.securities
    assert result.source == "ishares"
    assert (bond.security_id, bond.cusip) == ("US99H007AH14", "99H007AH1")
    # The programme is the bond's, not the issuer's.
    assert (bond.name, bond.issuer) == ("PELLWORTH BANK NA MTN", "PELLWORTH BANK NA")
    assert (bond.asset_class, bond.sector, bond.currency) == (AssetClass.CORPORATE, "banking", "USD")
    assert (bond.coupon_pct, bond.maturity) == (Decimal("4.6"), datetime.date(2029, 10, 20))
    # 2.80 years x 100.50 / 10,000: the price of a basis point per 100 face.
    assert bond.dv01 == Decimal("0.02814")
    assert (bond.rating, bond.adv_30d, bond.liquidity_score) == (None, None, None)
    (price,) = result.prices
    assert (price.price, price.as_of) == (Decimal("100.50"), datetime.date(2026, 11, 20))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("Fixed Income", "Cash", "no bond: asset class 'Cash'", id="cash"),
        pytest.param("Fixed Income", "-", "no holding: a line without an asset class", id="footer"),
        pytest.param("US99H007AH14", "-", "no ISIN", id="no isin"),
        pytest.param(
            "US99H007AH14", "US99H007AH15", "'US99H007AH15' is no ISIN: its check digit does not fit", id="isin"
        ),
        pytest.param('"Oct 20, 2029"', "2029", "'2029' is no date", id="date"),
        pytest.param(",4.6,", ",-,", "'' is no coupon", id="coupon"),
        pytest.param(",4.6,", ",-0.01,", "'-0.01' is no coupon", id="coupon below zero"),
        pytest.param("2.80,USD", "2.80,usd", "'usd' is no currency", id="currency"),
        pytest.param('"Oct 20, 2029"', '"Nov 20, 2026"', "matured on 2026-11-20", id="matured"),
        pytest.param("Banking,", "", "expected 13 cells, as in the header, found 12", id="a cell short"),
    ],
)
def test_an_ishares_line_that_gives_no_bond(old: str, new: str, reason: str) -> None:
    assert BOND.count(old) == 1
    result = import_holdings(ISHARES + BOND.replace(old, new), datetime.date(2026, 11, 20))
    assert result.securities == ()
    assert [str(problem) for problem in result.problems] == [f"2: PELLWORTH BANK NA MTN: {reason}"]


@pytest.mark.parametrize(
    ("old", "new", "note", "cusip", "prices"),
    [
        pytest.param(
            ",99H007AH1,",
            ",7Jan1,",
            "'7Jan1' is no CUSIP: 99H007AH1 taken from the ISIN",
            "99H007AH1",
            1,
            id="a CUSIP that a spreadsheet took for a date",
        ),
        pytest.param("100.50", "-", "no price: ''", "99H007AH1", 0, id="no price"),
        pytest.param("100.50", "0", "no price: '0'", "99H007AH1", 0, id="a price of nothing"),
    ],
)
def test_an_ishares_line_used_in_part(old: str, new: str, note: str, cusip: str, prices: int) -> None:
    result = import_holdings(ISHARES + BOND.replace(old, new))
    assert [bond.cusip for bond in result.securities] == [cusip]
    assert len(result.prices) == prices
    assert [str(line) for line in result.notes] == [f"2: PELLWORTH BANK NA MTN: {note}"]


def test_lines_before_the_header_are_passed_over() -> None:
    result = import_holdings('Some Fund\nFund Holdings as of,"Nov 20, 2026"\n\n' + ISHARES + BOND + BOND)
    assert len(result.securities) == 1
    assert [str(problem) for problem in result.problems] == ["6: PELLWORTH BANK NA MTN: the same identifier as line 5"]


def test_an_nport_line() -> None:
    result = import_holdings(NPORT + DEBT)
    (bond,) = result.securities
    assert result.source == "nport"
    assert (bond.name, bond.issuer) == ("ELDERBROOK 5 2036", "ELDERBROOK TOWN")
    assert (bond.asset_class, bond.coupon_pct) == (AssetClass.MUNICIPAL, Decimal(5))
    assert bond.price == Decimal("111.08")


@pytest.mark.parametrize(
    ("old", "new", "asset_class"),
    [
        pytest.param("MUN,2036", "CORP,2036", AssetClass.CORPORATE, id="corporate"),
        pytest.param("MUN,2036", "OTHER:REIT,2036", AssetClass.CORPORATE, id="real estate trust"),
        pytest.param("MUN,2036", "NUSS,2036", AssetClass.GOVERNMENT, id="foreign government"),
        pytest.param("MUN,2036", "USGSE,2036", AssetClass.AGENCY, id="agency"),
        pytest.param("MUN,2036", "OTHER:X,2036", AssetClass.OTHER, id="anything else"),
    ],
)
def test_nport_issuers(old: str, new: str, asset_class: AssetClass) -> None:
    (bond,) = import_holdings(NPORT + DEBT.replace(old, new)).securities
    assert bond.asset_class is asset_class


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        pytest.param("PA,USD", "PA,EUR", "no price: face in EUR, value in USD, no rate given", id="another currency"),
        pytest.param(",400000,", ",0,", "no price: value '444320.00' of face '0'", id="no face"),
        pytest.param(",N\n", ",Y\n", "in default", id="in default"),
        pytest.param("Fixed", "Floating", "coupon is floating: 5.0000 is today's", id="floating"),
    ],
)
def test_an_nport_line_used_in_part(old: str, new: str, note: str) -> None:
    result = import_holdings(NPORT + DEBT.replace(old, new))
    assert [str(line) for line in result.notes] == [f"2: ELDERBROOK TOWN: {note}"]
    assert len(result.prices) == (0 if "no price" in note else 1)


def test_a_bond_without_a_cusip_has_none() -> None:
    line = DEBT.replace("99X049AB8,US99X049AB82", "000000000,XS9900000225")
    result = import_holdings(NPORT + line)
    assert (result.securities[0].cusip, result.notes) == (None, ())


def test_shares_are_no_bonds() -> None:
    result = import_holdings(NPORT + DEBT.replace("PA,USD", "NS,USD"))
    assert [problem.reason for problem in result.problems] == ["no face amount: units 'NS'"]


def test_a_gsq_line_keeps_its_anonymity() -> None:
    text = GSQ + "isin7,issuer3,14-05-2014,5000000,3.5,NA,industrySector2,NA,rating4\n"
    (bond,) = import_holdings(text).securities
    assert (bond.security_id, bond.id_source, bond.issuer) == ("isin7", "8", "issuer3")
    # Neither the class, the currency nor the meaning of a rating is documented.
    assert (bond.asset_class, bond.currency, bond.rating) == (AssetClass.OTHER, "XXX", None)
    assert (bond.coupon_frequency, bond.maturity) == (None, None), "not told, which is not none"


def test_a_text_of_no_known_format() -> None:
    with pytest.raises(UnknownFormat, match="no line is a known header"):
        import_holdings("a,b\n1,2\n")
    with pytest.raises(UnknownFormat):
        import_holdings("")


@given(
    st.sampled_from([ISHARES, NPORT, GSQ]),
    st.text(max_size=200),
    st.sampled_from([BOND, DEBT, ""]),
    st.text('\x00",-9\n'),
)
def test_no_line_raises(header: str, before: str, line: str, after: str) -> None:
    result = import_holdings(header + line + before + "\n" + line.replace("9", after))
    assert len(result.prices) <= len(result.securities)


# The real files.


def real(name: str) -> Imported:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"no real data: {path} is not there (RFQ_TEST_DATA names its folder)")
    return import_holdings(path.read_text(encoding="utf-8"))


def test_lqd_december_2025() -> None:
    result = real("lqd_holdings_2025-12.csv")
    assert (len(result.securities), len(result.prices)) == (3002, 3002)
    assert [(problem.line, problem.reason) for problem in result.problems] == [
        (2, "no bond: asset class 'Money Market'"),
        (4, "no bond: asset class 'Cash'"),
        (3007, "no holding: a line without an asset class"),
    ]
    # Spreadsheets made dates and powers of ten of eight CUSIPs; the ISINs still have them.
    assert len(result.notes) == 8
    assert all("is no CUSIP" in note.reason and "taken from the ISIN" in note.reason for note in result.notes)
    assert all(bond.cusip is not None and is_cusip(bond.cusip) for bond in result.securities)
    assert {bond.asset_class for bond in result.securities} == {AssetClass.CORPORATE}
    assert all(Decimal(30) < price.price < Decimal(200) for price in result.prices)
    assert all(bond.dv01 is not None and bond.maturity is not None for bond in result.securities)


def test_a_bond_fund_of_march_2023() -> None:
    result = real("nport_gs_bond_fund_2023-03-31_a.csv")
    assert (len(result.securities), len(result.prices), result.problems) == (302, 297, ())
    assert Counter(bond.asset_class for bond in result.securities) == {
        AssetClass.CORPORATE: 284,
        AssetClass.GOVERNMENT: 10,
        AssetClass.MUNICIPAL: 7,
        AssetClass.AGENCY: 1,
    }
    assert Counter(note.reason.split(":")[0] for note in result.notes) == {
        "no price": 5,
        "in default": 2,
        "coupon is floating": 1,
    }


def test_a_municipal_fund_of_december_2022() -> None:
    result = real("nport_dupree_ky_muni_2022-12-31.csv")
    assert (len(result.securities), len(result.prices), result.problems, result.notes) == (55, 55, (), ())
    assert all(bond.asset_class is AssetClass.MUNICIPAL and is_isin(bond.security_id) for bond in result.securities)


def test_anonymous_bonds_of_2016() -> None:
    result = real("gsq_bond_metadata_traded.csv")
    assert len(result.securities) == 82
    assert [str(problem) for problem in result.problems] == [
        "5: isin1001: maturity 1996-08-10 is not after the issue date 1996-08-14"
    ]
    universe = real("gsq_bond_metadata_universe_sample.csv")
    assert (len(universe.securities), len(universe.problems), universe.prices) == (4283, 12, ())


@pytest.mark.parametrize("name", ["lqd_holdings_2025-12.csv", "nport_gs_bond_fund_2023-03-31_a.csv"])
def test_imported_bonds_make_a_security_file(name: str) -> None:
    securities = real(name).securities
    result = parse_securities(format_securities(securities))
    assert result.problems == ()
    assert result.securities == securities
