"""The security master: a CSV text in, bonds by identifier out.

Owns the file's format and the look-ups. A line that cannot be used is named with its number and every
reason; the other lines stand. Reads no file: its callers hand over the text.

The header names the columns, in any order; `isin`, `name`, `issuer` and `asset_class` are required. An
empty cell means unknown (for `adv_30d` too: write 0 for a bond that is known not to have traded). Lines
that begin with `#` are comments. What a line says is held against what bonds have (`engine.market.plausibility`): the
impossible is an error, the doubtful a warning. What is said of trading (`adv_30d`, `last_trade_date`,
`liquidity_score`) is of the day `liquidity_as_of`; without it, of the day the file is.

What interest is by: `coupon_pct`, `coupon_frequency`, `day_count` (its market's custom where the last two are empty, as
`engine.market.bonds` has it), `issue_date` or, where interest begins on another day, `dated_date`; `first_coupon` where
the first period is shorter or longer than to the next regular date; `last_coupon` where the last one is; `ex_dividend`
where trades leave the next coupon with the seller: `6bd` from six business days before it on, `7d` from seven days
before it on, `0` never.
"""

from __future__ import annotations

import csv
import datetime
import difflib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from engine.domain.currencies import currency_problem
from engine.domain.instrument import RATING_SCALE, AssetClass, Security, is_cusip, is_isin, normal_rating
from engine.market.bonds import FREQUENCIES, coupon_dates_problem, ex_dividend_of
from engine.market.calendars import JOINS, SETTLEMENT_DAYS_MAX
from engine.market.day_count import DayCount, day_count_of
from engine.market.plausibility import cusip_of, doubtful, impossible


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line that cannot be used, or only in part: where, which bond, why."""

    line: int
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.line}: {self.name}: {self.reason}" if self.name else f"{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ParsedSecurities:
    """What a text gave: the usable bonds in its order, a problem for every line that is not, and warnings of others."""

    securities: tuple[Security, ...]
    problems: tuple[LineProblem, ...]
    warnings: tuple[LineProblem, ...] = ()


class SecurityMaster:
    """Bonds by identifier and by issuer. Iterates in the order of the identifiers, whatever came first."""

    __slots__ = ("_by_cusip", "_by_id", "_by_issuer")

    def __init__(self, securities: Iterable[Security] = ()) -> None:
        by_id = {security.security_id: security for security in securities}
        self._by_id: Mapping[str, Security] = dict(sorted(by_id.items()))
        self._by_cusip = {security.cusip: security for security in self._by_id.values() if security.cusip}
        issuers: dict[str, list[Security]] = {}
        for security in self._by_id.values():
            issuers.setdefault(security.issuer, []).append(security)
        self._by_issuer = {issuer: tuple(bonds) for issuer, bonds in issuers.items()}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Security]:
        return iter(self._by_id.values())

    def __contains__(self, security_id: object) -> bool:
        return security_id in self._by_id

    def get(self, security_id: str, id_source: str = "4") -> Security | None:
        """The bond of a SecurityID(48) under its SecurityIDSource(22): 4 is ISIN, 1 is CUSIP."""
        if id_source == "1":
            return self._by_cusip.get(security_id)
        security = self._by_id.get(security_id)
        return security if security is not None and security.id_source == id_source else None

    def of_issuer(self, issuer: str) -> tuple[Security, ...]:
        return self._by_issuer.get(issuer, ())

    def updated(self, securities: Iterable[Security]) -> SecurityMaster:
        """Another master in which `securities` take the place of those of their identifiers."""
        return SecurityMaster([*self._by_id.values(), *securities])


def parse_securities(text: str, as_of: datetime.date | None = None, *, kept: bool = False) -> ParsedSecurities:
    """The bonds of a security file, which is of the day `as_of`; never raises over its content.

    `kept` is for a text that was in force before and that something may be open in: what is implausible in it holds.
    """
    lines = (
        # Blanked, not dropped: line numbers stay those of the file.
        "\n" if line.startswith("#") else line
        for line in io.StringIO(text.removeprefix("\ufeff"), newline="")
    )
    reader = csv.reader(lines)
    problems: list[LineProblem] = []
    header: list[str] | None = None
    securities: dict[str, Security] = {}
    first_lines: dict[str, int] = {}
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            problems.append(LineProblem(line, "", f"no CSV: {error}"))
            continue
        if not any(cell.strip() for cell in row):
            continue
        if header is None:
            header = [cell.strip() for cell in row]
            if wrong := _header_problems(header):
                problems.extend(LineProblem(line, "", reason) for reason in wrong)
                break
            continue
        cells = [cell.strip() for cell in row]
        security, reasons = _security(header, cells, as_of, kept=kept)
        name = _name(header, cells)
        if security is not None and security.security_id in first_lines:
            before = first_lines[security.security_id]
            reasons = [f"isin: expected each once, found '{security.security_id}': the same ISIN as line {before}"]
        if security is None or reasons:
            problems.append(LineProblem(line, name, "; ".join(reasons)))
            continue
        first_lines[security.security_id] = line
        securities[security.security_id] = security
    if header is None:
        problems.append(LineProblem(1, "", f"empty: expected a header with {', '.join(REQUIRED)}"))
    if not kept:
        for taken, reason in cusips_of_others(securities.values()).items():
            problems.append(LineProblem(first_lines[taken], securities.pop(taken).name, reason))
        problems.sort(key=lambda problem: problem.line)
    warnings = [
        LineProblem(first_lines[each.security_id], each.name, reason)
        for each in securities.values()
        for reason in doubtful(each, as_of)
    ]
    return ParsedSecurities(tuple(securities.values()), tuple(problems), tuple(warnings))


def cusips_of_others(securities: Iterable[Security]) -> dict[str, str]:
    """By ISIN, the bonds whose CUSIP is another bond's, and of whom: by its ISIN, else who had it first."""
    bonds = list(securities)
    owners = {inside: each.security_id for each in bonds if (inside := cusip_of(each.security_id))}
    wrong = {}
    for each in bonds:
        if each.cusip is None:
            continue
        owner = owners.setdefault(each.cusip, each.security_id)
        if owner != each.security_id:
            wrong[each.security_id] = f"cusip: expected its own, found '{each.cusip}', the CUSIP of {owner}"
    return wrong


def bond_of(cells: Mapping[str, str], as_of: datetime.date | None = None) -> tuple[Security | None, list[str]]:
    """One bond by its columns, held against what a line of the file is, and every reason why it is none."""
    whole = {**dict.fromkeys(REQUIRED, ""), **cells}
    unknown = _unknown_columns([*whole])
    if unknown:
        return None, unknown
    return _security([*whole], [cell.strip() for cell in whole.values()], as_of, kept=False)


def format_securities(securities: Iterable[Security]) -> str:
    """The text that `parse_securities` gives back as these bonds, all of them known by ISIN."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for security in securities:
        values = (getattr(security, _ATTRIBUTES.get(column, column)) for column in COLUMNS)
        writer.writerow(["" if value is None else _text(value) for value in values])
    return out.getvalue()


class _Wrong(Exception):
    """A cell is not what its column wants; the text says what was expected."""


def _isin(text: str) -> str:
    if not is_isin(text):
        raise _Wrong("an ISIN with the right check digit")
    return text


def _cusip(text: str) -> str:
    if not is_cusip(text):
        raise _Wrong("a CUSIP with the right check digit")
    return text


def _words(text: str) -> str:
    if not text.isprintable():
        raise _Wrong("a printable text")
    return text


def _asset_class(text: str) -> AssetClass:
    try:
        return AssetClass(text)
    except ValueError:
        raise _Wrong(f"one of {', '.join(AssetClass)}") from None


def _currency(text: str) -> str:
    if not (len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()):
        raise _Wrong(currency_problem(text))
    return text


def _rating(text: str) -> str:
    rating = normal_rating(text)
    if rating is None:
        raise _Wrong(f"a rating from {RATING_SCALE[0]} to {RATING_SCALE[-1]}, or NR")
    return rating


def _date(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise _Wrong("a date as in 2031-06-15") from None


def _day_count(text: str) -> str:
    counted = day_count_of(text)
    if counted is None:
        raise _Wrong(f"one of {', '.join(DayCount)}")
    return counted.value


def _coupon_frequency(text: str) -> int:
    known = {str(each): each for each in FREQUENCIES}
    if text not in known:
        raise _Wrong(f"coupons a year: one of {', '.join(known)}")
    return known[text]


def _ex_dividend(text: str) -> str:
    terms = ex_dividend_of(text)
    if terms is None:
        raise _Wrong("business days or days before a coupon, such as 6bd or 7d, or 0 for never")
    return text


def _number(what: str, lowest: int, above: bool = False) -> Callable[[str], Decimal]:
    def number(text: str) -> Decimal:
        try:
            # Decimal takes digits of other scripts and underscores, which no other reader of the file would.
            value = Decimal(text if text.isascii() and "_" not in text else "")
        except InvalidOperation:
            raise _Wrong(what) from None
        if not value.is_finite() or value < lowest or (above and value == lowest):
            raise _Wrong(what)
        return value

    return number


def _whole(what: str, lowest: int, highest: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and lowest <= int(text) <= highest):
            raise _Wrong(what)
        return int(text)

    return whole


def _calendar(text: str) -> str:
    names = [name.strip() for name in text.split(JOINS)]
    if not all(names) or len(set(names)) < len(names):
        raise _Wrong("the name of a calendar, or several joined as in us-bond+target")
    return JOINS.join(names)


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "isin": _isin,
    "cusip": _cusip,
    "name": _words,
    "issuer": _words,
    "asset_class": _asset_class,
    "sector": _words,
    "currency": _currency,
    "coupon_pct": _number("a coupon of 0 or more, in percent", 0),
    "coupon_frequency": _coupon_frequency,
    "day_count": _day_count,
    "issue_date": _date,
    "dated_date": _date,
    "first_coupon": _date,
    "last_coupon": _date,
    "maturity": _date,
    "ex_dividend": _ex_dividend,
    "factor": _number("a factor of 0 or more", 0),
    "rating": _rating,
    "amount_outstanding": _number("a face amount of 0 or more", 0),
    "liquidity_as_of": _date,
    "adv_30d": _number("a face amount a business day of 0 or more", 0),
    "last_trade_date": _date,
    "liquidity_score": _whole("a whole number from 1 to 10", 1, 10),
    "price": _number("a clean price above 0, in percent of par", 0, above=True),
    "dv01": _number("a price change of 0 or more for a basis point, per 100 face", 0),
    "purpose": _words,
    "called": _date,
    "defaulted": _date,
    "calendar": _calendar,
    "settlement_days": _whole(f"a whole number from 0 to {SETTLEMENT_DAYS_MAX}", 0, SETTLEMENT_DAYS_MAX),
}
COLUMNS: Final = tuple(_READERS)
REQUIRED: Final = ("isin", "name", "issuer", "asset_class")
_ATTRIBUTES: Final = {"isin": "security_id"}


def _unknown_columns(header: list[str]) -> list[str]:
    problems = []
    for column in header:
        if column not in _READERS:
            near = difflib.get_close_matches(column, COLUMNS, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else f" (known: {', '.join(COLUMNS)})"
            problems.append(f"unknown column '{column}'{hint}")
    return problems


def _header_problems(header: list[str]) -> list[str]:
    problems = _unknown_columns(header)
    problems.extend(f"the column '{column}' is missing" for column in REQUIRED if column not in header)
    problems.extend(
        f"the column '{column}' is there twice" for column in dict.fromkeys(header) if header.count(column) > 1
    )
    return problems


def _security(
    header: list[str], cells: list[str], as_of: datetime.date | None, *, kept: bool
) -> tuple[Security | None, list[str]]:
    if len(cells) != len(header):
        return None, [f"expected {len(header)} cells, as in the header, found {len(cells)}"]
    values: dict[str, Any] = {"liquidity_as_of": as_of}
    reasons = []
    for column, cell in zip(header, cells, strict=True):
        if not cell:
            if column in REQUIRED:
                reasons.append(f"{column} is empty")
            continue
        try:
            values[_ATTRIBUTES.get(column, column)] = _READERS[column](cell)
        except _Wrong as wrong:
            reasons.append(f"{column}: expected {wrong}, found '{cell}'")
    issued, maturity = values.get("issue_date"), values.get("maturity")
    if issued is not None and maturity is not None and maturity <= issued:
        reasons.append(f"maturity {maturity} is not after the issue date {issued}")
    if reasons:
        return None, reasons
    security = Security(**values)
    reasons = [problem] if (problem := coupon_dates_problem(security)) else []
    if not kept:
        reasons.extend(impossible(security))
    return (None, reasons) if reasons else (security, [])


def _name(header: list[str], cells: list[str]) -> str:
    """What to call a line in a message: its name, else its ISIN, else nothing."""
    by_column = dict(zip(header, cells, strict=False))
    return by_column.get("name") or by_column.get("isin") or ""


def _text(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
