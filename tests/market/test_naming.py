"""Which bond an identifier names: by ISIN or CUSIP, in files where CUSIPs are missing, shared or international."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.domain.instrument import AssetClass, Security, cusip_check_digit, isin_of_cusip
from engine.market.naming import Naming


def cusip(body: str) -> str:
    return body + cusip_check_digit(body)


def bond(isin: str, cusip: str | None = None) -> Security:
    return Security(
        security_id=isin, cusip=cusip, name=isin, issuer="Varnholt Energy", asset_class=AssetClass.CORPORATE
    )


PLAIN = cusip("99Z001ZZ")
CANADIAN = cusip("99Z002ZZ")
INTERNATIONAL = cusip("U99Z03ZZ")
SHARED = cusip("99Z004ZZ")
US, CA, XS = isin_of_cusip(PLAIN), isin_of_cusip(CANADIAN, "CA"), "XS0000000009"
BONDS = (bond(US), bond(CA), bond(XS, INTERNATIONAL), bond("DE0000000001", SHARED), bond("DE0000000002", SHARED))
NAMING = Naming({each.security_id: each for each in BONDS})


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        pytest.param("4", US, US, id="ISIN"),
        pytest.param("1", PLAIN, US, id="CUSIP within a US ISIN, without a column"),
        pytest.param("1", CANADIAN, CA, id="CUSIP within a Canadian ISIN"),
        pytest.param("1", INTERNATIONAL, XS, id="international CUSIP of the file"),
        pytest.param("", PLAIN, US, id="a CUSIP that nobody says is one"),
        pytest.param("", XS, XS, id="an ISIN that nobody says is one"),
        pytest.param("4", PLAIN, None, id="a CUSIP said to be an ISIN"),
        pytest.param("1", US, None, id="an ISIN said to be a CUSIP"),
        pytest.param("1", SHARED, None, id="a CUSIP that two bonds claim"),
        pytest.param("1", cusip("99Z009ZZ"), None, id="a CUSIP of no bond"),
        pytest.param("1", PLAIN[:8] + "X", None, id="wrong check digit"),
        pytest.param("2", US, None, id="another source"),
    ],
)
def test_bond_of(source: str, text: str, expected: str | None) -> None:
    assert NAMING.bond_of(source, text) == expected


@pytest.mark.parametrize(
    ("bond", "source", "text", "expected"),
    [
        pytest.param(US, "1", PLAIN, True, id="its own CUSIP"),
        pytest.param(US, "1", CANADIAN, False, id="another bond's CUSIP"),
        pytest.param(US, "1", cusip("99Z009ZZ"), False, id="a CUSIP that its ISIN does not hold"),
        pytest.param(US, "4", US, True, id="its ISIN"),
        pytest.param(US, "4", XS, False, id="another ISIN"),
        pytest.param(XS, "1", cusip("99Z009ZZ"), False, id="another CUSIP than its file gives"),
        pytest.param("DE0000000003", "1", cusip("99Z009ZZ"), True, id="nobody can tell"),
        pytest.param("DE0000000003", "1", "nonsense", False, id="no CUSIP at all"),
    ],
)
def test_agrees(bond: str, source: str, text: str, expected: bool) -> None:
    assert NAMING.agrees(bond, source, text) is expected


def test_a_bond_that_is_delivered_anew_is_known_by_what_it_has_now() -> None:
    bonds = {XS: bond(XS, INTERNATIONAL)}
    naming, other = Naming(bonds), replace(bond(XS), cusip=cusip("U99Z05ZZ"))
    naming.know(XS, other, bonds[XS])
    bonds[XS] = other
    assert naming.bond_of("1", INTERNATIONAL) is None
    assert naming.bond_of("1", cusip("U99Z05ZZ")) == XS
    naming.know(XS, None, other)
    assert naming.bond_of("1", cusip("U99Z05ZZ")) is None
