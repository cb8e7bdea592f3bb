"""Published holdings files as security master input: real bonds, real prices, and what could not be used.

A fund's holdings file names the bonds it holds and what they are worth; it does not rate them, and it says
nothing of their trading: those fields stay unknown. Three formats are known by their headers:

- iShares: the CSV a fund's page offers. Prices are the vendor's, clean, in percent of par.
- N-PORT: debt holdings of SEC Form N-PORT, its XML fields as columns. Price = 100 x value / face.
- GSQ: anonymised reference data of a 2016 contest. No prices; identifiers are the publisher's own.

Pure functions of text. Every line that gives no bond is named with its reason in `problems`; a line that gives
one, but not all that it claims, is named in `notes`.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from engine.domain.currencies import currency_problem
from engine.domain.instrument import AssetClass, Security, is_cusip, is_isin
from engine.market.bonds import FREQUENCIES
from engine.market.day_count import DayCount
from engine.market.securities import LineProblem

_PRICE_STEP: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class HoldingPrice:
    """A published price: clean, in percent of par. `as_of` is None when nobody said the day."""

    security_id: str
    price: Decimal
    source: str
    as_of: datetime.date | None


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file gave: bonds, their prices, lines that gave none, lines used in part."""

    source: str
    securities: tuple[Security, ...]
    prices: tuple[HoldingPrice, ...]
    problems: tuple[LineProblem, ...]
    notes: tuple[LineProblem, ...]


class UnknownFormat(ValueError):
    """The text's header is none that is known here."""


def import_holdings(text: str, as_of: datetime.date | None = None) -> Imported:
    """The bonds of a holdings file, whichever of the known formats it has.

    `as_of` is the day of the holdings: bonds that had matured by then are refused, and prices carry it.
    Raises UnknownFormat when no line looks like a known header.
    """
    lines = list(_records(text.removeprefix("\ufeff")))
    for index, (_, row) in enumerate(lines):
        columns = {cell.strip() for cell in row}
        for source, (needed, reader) in _FORMATS.items():
            if needed <= columns:
                header = [cell.strip() for cell in row]
                return _imported(source, reader, header, lines[index + 1 :], as_of)
    raise UnknownFormat(
        "no line is a known header: expected one with "
        + ", or one with ".join(", ".join(sorted(needed)) for needed, _ in _FORMATS.values())
    )


class _Unusable(Exception):
    """A line gives no bond; the text says why."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line by column, with the remarks made while reading it."""

    cells: Mapping[str, str]
    remarks: list[str]

    def __getitem__(self, column: str) -> str:
        """The cell, empty where the file has one of its signs for nothing."""
        cell = self.cells.get(column, "").strip()
        return "" if cell in ("-", "--", "N/A", "NA") else cell


def _imported(
    source: str,
    reader: Callable[[_Line], Security],
    header: list[str],
    rows: Iterable[tuple[int, list[str]]],
    as_of: datetime.date | None,
) -> Imported:
    securities: dict[str, Security] = {}
    first_lines: dict[str, int] = {}
    prices: list[HoldingPrice] = []
    problems: list[LineProblem] = []
    notes: list[LineProblem] = []
    for number, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        name = " ".join(row[0].split())[:60]
        try:
            if len(row) != len(header):
                raise _Unusable(f"expected {len(header)} cells, as in the header, found {len(row)}")
            line = _Line(dict(zip(header, row, strict=True)), [])
            security = reader(line)
            if as_of is not None and security.maturity is not None and security.maturity <= as_of:
                raise _Unusable(f"matured on {security.maturity}")
            if security.security_id in first_lines:
                raise _Unusable(f"the same identifier as line {first_lines[security.security_id]}")
        except _Unusable as unusable:
            problems.append(LineProblem(number, name, str(unusable)))
            continue
        first_lines[security.security_id] = number
        securities[security.security_id] = security
        if security.price is not None:
            prices.append(HoldingPrice(security.security_id, security.price, source, as_of))
        notes.extend(LineProblem(number, name, remark) for remark in line.remarks)
    return Imported(source, tuple(securities.values()), tuple(prices), tuple(problems), tuple(notes))


def _ishares(line: _Line) -> Security:
    kind = line["Asset Class"]
    if not kind:
        raise _Unusable("no holding: a line without an asset class")
    if kind != "Fixed Income":
        raise _Unusable(f"no bond: asset class '{kind}'")
    isin = _isin(line["ISIN"])
    price = _price(line, "Price")
    duration = _decimal(line["Mod. Duration"])
    dv01 = None
    if price is not None and duration is not None and duration >= 0:
        # Modified duration is the published one; on the clean price it misses the accrued interest's share.
        dv01 = (price * duration / 10_000).quantize(_PRICE_STEP)
    sector = line["Sector"]
    return Security(
        security_id=isin,
        cusip=_cusip(line, "CUSIP", isin),
        name=_words(line["Name"]),
        issuer=_issuer(line["Name"]),
        asset_class=_ISHARES_CLASSES.get(sector.lower(), AssetClass.CORPORATE),
        sector=sector.lower() or None,
        currency=_currency(line["Market Currency"] or line["Currency"]),
        coupon_pct=_coupon(line["Coupon (%)"]),
        issue_date=_us_date(line["Accrual Date"]),
        maturity=_us_date(line["Maturity"]),
        price=price,
        dv01=dv01,
    )


def _nport(line: _Line) -> Security:
    isin = _isin(line["isin"])
    if line["units"] != "PA":
        raise _Unusable(f"no face amount: units '{line['units']}'")
    category = line["issuerCat"]
    currency = _currency(line["currency"])
    if line["isDefault"] == "Y":
        line.remarks.append("in default")
    if line["couponKind"] not in ("Fixed", "None", ""):
        line.remarks.append(f"coupon is {line['couponKind'].lower()}: {line['annualizedRt']} is today's")
    return Security(
        security_id=isin,
        cusip=_cusip(line, "cusip", isin),
        name=_words(line["title"] or line["name"]),
        issuer=_issuer(line["name"]),
        asset_class=_NPORT_CLASSES.get(category.partition(":")[0], AssetClass.OTHER)
        if category != "OTHER:REIT"
        else AssetClass.CORPORATE,
        sector="real estate" if category == "OTHER:REIT" else None,
        currency=currency,
        coupon_pct=_coupon(line["annualizedRt"]),
        # The form does not say: in euro as most bonds are, in others by the custom of the market.
        coupon_frequency=1 if currency == "EUR" else None,
        day_count=DayCount.ACT_ACT_ICMA.value if currency == "EUR" else None,
        maturity=_iso_date(line["maturityDt"]),
        price=_nport_price(line, currency),
    )


def _nport_price(line: _Line, currency: str) -> Decimal | None:
    """100 x value / face: the form values everything in USD, so only bonds in USD have a price."""
    if currency != "USD":
        line.remarks.append(f"no price: face in {currency}, value in USD, no rate given")
        return None
    value, face = _decimal(line["valUSD"]), _decimal(line["balance"])
    if value is None or face is None or face <= 0 or value <= 0:
        line.remarks.append(f"no price: value '{line['valUSD']}' of face '{line['balance']}'")
        return None
    return (100 * value / face).quantize(_PRICE_STEP)


def _gsq(line: _Line) -> Security:
    identifier = line["isin"]
    if not (identifier.startswith("isin") and identifier.isalnum()):
        raise _Unusable(f"expected an identifier of this data set such as isin10, found '{identifier}'")
    issued, maturity = _day_first_date(line["issueDate"]), _day_first_date(line["maturity"])
    if issued is not None and maturity is not None and maturity <= issued:
        raise _Unusable(f"maturity {maturity} is not after the issue date {issued}")
    frequency = line["couponFrequency"]
    return Security(
        security_id=identifier,
        # SecurityIDSource(22) 8: what somebody's own market calls it. These are no ISINs, whatever they spell.
        id_source="8",
        name=identifier,
        issuer=line["issuer"],
        # The data set does not say; and the order of its rating numbers is not documented, so ratings stay unknown.
        asset_class=AssetClass.OTHER,
        sector=line["industrySector"] or None,
        # Nor does it say the currency: ISO 4217's code for none.
        currency="XXX",
        coupon_pct=_coupon(line["coupon"]),
        coupon_frequency=int(frequency) if frequency.isdigit() and int(frequency) in FREQUENCIES else None,
        issue_date=issued,
        maturity=maturity,
        amount_outstanding=_decimal(line["amtOutstanding"]),
    )


_FORMATS: Final[Mapping[str, tuple[frozenset[str], Callable[[_Line], Security]]]] = {
    "ishares": (frozenset({"Name", "Asset Class", "ISIN", "Price", "Maturity", "Coupon (%)"}), _ishares),
    "nport": (frozenset({"name", "isin", "balance", "units", "valUSD", "issuerCat", "maturityDt"}), _nport),
    "gsq": (frozenset({"isin", "issuer", "issueDate", "amtOutstanding", "industrySector", "maturity"}), _gsq),
}
_ISHARES_CLASSES: Final[Mapping[str, AssetClass]] = {
    "treasuries": AssetClass.GOVERNMENT,
    "treasury": AssetClass.GOVERNMENT,
    "sovereign": AssetClass.GOVERNMENT,
    "agency": AssetClass.AGENCY,
    "agencies": AssetClass.AGENCY,
    "local authority": AssetClass.MUNICIPAL,
    "municipal": AssetClass.MUNICIPAL,
    "municipals": AssetClass.MUNICIPAL,
    "supranational": AssetClass.OTHER,
}
# issuerCat of Form N-PORT, item C.4.b: UST, US agency and sponsored entity, non-US sovereign.
_NPORT_CLASSES: Final[Mapping[str, AssetClass]] = {
    "CORP": AssetClass.CORPORATE,
    "MUN": AssetClass.MUNICIPAL,
    "UST": AssetClass.GOVERNMENT,
    "NUSS": AssetClass.GOVERNMENT,
    "USGA": AssetClass.AGENCY,
    "USGSE": AssetClass.AGENCY,
}
_PROGRAMME_WORDS: Final = frozenset({"MTN", "GMTN", "EMTN", "144A", "REGS", "FRN", "WI"})
"""Last words of a name that tell the bond's documentation, not its issuer."""


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line they begin on; quotes that never close end at the text's end."""
    reader = csv.reader(io.StringIO(text, newline=""))
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = [f"no CSV: {error}"]
        yield number, row


def _isin(text: str) -> str:
    if not text:
        raise _Unusable("no ISIN")
    if not is_isin(text):
        raise _Unusable(f"'{text}' is no ISIN: its check digit does not fit")
    return text


def _cusip(line: _Line, column: str, isin: str) -> str | None:
    """The CUSIP; out of a US or Canadian ISIN where a spreadsheet has made a date or a number of it."""
    text = line[column]
    inside = isin[2:11] if isin[:2] in ("US", "CA") and is_cusip(isin[2:11]) else None
    if is_cusip(text) and text != "000000000":
        return text
    if text and text != "000000000":
        line.remarks.append(f"'{text}' is no CUSIP" + (f": {inside} taken from the ISIN" if inside else ""))
    return inside


def _words(text: str) -> str:
    words = " ".join(text.split())
    if not words or not words.isprintable():
        raise _Unusable("no name")
    return words


def _issuer(text: str) -> str:
    words = _words(text).split(" ")
    while len(words) > 1 and words[-1].upper() in _PROGRAMME_WORDS:
        words.pop()
    return " ".join(words)


def _currency(text: str) -> str:
    if currency_problem(text):
        raise _Unusable(f"'{text}' is no currency")
    return text


def _decimal(text: str) -> Decimal | None:
    """A number with or without thousands commas; None where there is none."""
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _coupon(text: str) -> Decimal:
    coupon = _decimal(text)
    if coupon is None or coupon < 0:
        raise _Unusable(f"'{text}' is no coupon")
    return coupon.normalize() + 0


def _price(line: _Line, column: str) -> Decimal | None:
    price = _decimal(line[column])
    if price is None or price <= 0:
        line.remarks.append(f"no price: '{line[column]}'")
        return None
    return price


def _iso_date(text: str) -> datetime.date | None:
    return _date(text, "%Y-%m-%d")


def _us_date(text: str) -> datetime.date | None:
    return _date(text, "%b %d, %Y")


def _day_first_date(text: str) -> datetime.date | None:
    return _date(text, "%d-%m-%Y")


def _date(text: str, pattern: str) -> datetime.date | None:
    """None for an empty cell; a filled one that is no date makes the line unusable."""
    if not text:
        return None
    try:
        return datetime.datetime.strptime(text, pattern).date()
    except ValueError:
        raise _Unusable(f"'{text}' is no date") from None
