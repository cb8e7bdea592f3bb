"""A bond as the desk knows it: identity, terms, credit, liquidity.

Owns the value and its small vocabulary (asset classes, the rating scale, check digits). Where the
values come from is `engine.market.securities`; what a bond is worth is `engine.market.marks`.

A field that is `None` is unknown, which is never the same as zero: an `adv_30d` of 0 says that the bond
did not trade, `None` says that nobody told us.

Sources: ISO 6166 (ISIN), ANSI X9.6 (CUSIP), SecurityIDSource(22): 1 = CUSIP, 4 = ISIN.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from engine.domain.rows import row


class AssetClass(StrEnum):
    """What kind of borrower stands behind a bond; the words are the rule language's."""

    CORPORATE = "corporate"
    MUNICIPAL = "municipal"
    GOVERNMENT = "government"
    AGENCY = "agency"
    OTHER = "other"


_EPOCH: Final = datetime.date(1970, 1, 1)
NOT_RATED: Final = "NR"
"""A known value that is not on the scale; a rating nobody told us is `None`."""

RATING_SCALE: Final[tuple[str, ...]] = (
    "AAA",
    "AA+",
    "AA",
    "AA-",
    "A+",
    "A",
    "A-",
    "BBB+",
    "BBB",
    "BBB-",
    "BB+",
    "BB",
    "BB-",
    "B+",
    "B",
    "B-",
    "CCC+",
    "CCC",
    "CCC-",
    "CC",
    "C",
    "D",
)
"""Best first. Positions in this tuple are notches: a smaller notch is a better credit."""

_OTHER_SPELLING: Final[Mapping[str, str]] = {
    "AAA": "AAA",
    "AA1": "AA+",
    "AA2": "AA",
    "AA3": "AA-",
    "A1": "A+",
    "A2": "A",
    "A3": "A-",
    "BAA1": "BBB+",
    "BAA2": "BBB",
    "BAA3": "BBB-",
    "BA1": "BB+",
    "BA2": "BB",
    "BA3": "BB-",
    "B1": "B+",
    "B2": "B",
    "B3": "B-",
    "CAA1": "CCC+",
    "CAA2": "CCC",
    "CAA3": "CCC-",
    # The second agency has one notch where the first has two; the better one would flatter.
    "CA": "CC",
}

_NOTCHES: Final[Mapping[str, int]] = {rating: notch for notch, rating in enumerate(RATING_SCALE)}
_INVESTMENT_GRADE_NOTCH_MAX: Final = _NOTCHES["BBB-"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """One bond of the security master.

    Amounts are face in `currency`; `price` is clean, in percent of par; `dv01` is the change of
    that price for one basis point of yield, per 100 face; `coupon_pct` is a year's, in percent. Interest begins on
    `dated_date`, where that is not the issue date; `last_coupon` is the last coupon date before maturity. `adv_30d`,
    `last_trade_date` and `liquidity_score` are what its file says, of the day `liquidity_as_of` where that is known.
    """

    security_id: str
    id_source: str = "4"
    cusip: str | None = None
    name: str
    issuer: str
    asset_class: AssetClass
    sector: str | None = None
    currency: str = "USD"
    coupon_pct: Decimal | None = None
    coupon_frequency: int | None = None
    day_count: str | None = None
    issue_date: datetime.date | None = None
    dated_date: datetime.date | None = None
    first_coupon: datetime.date | None = None
    last_coupon: datetime.date | None = None
    ex_dividend: str | None = None
    maturity: datetime.date | None = None
    factor: Decimal = Decimal(1)
    rating: str | None = None
    amount_outstanding: Decimal | None = None
    liquidity_as_of: datetime.date | None = None
    adv_30d: Decimal | None = None
    last_trade_date: datetime.date | None = None
    liquidity_score: int | None = None
    price: Decimal | None = None
    dv01: Decimal | None = None
    purpose: str | None = None
    called: datetime.date | None = None
    """The day it is paid back in whole, before its maturity."""
    defaulted: datetime.date | None = None
    """The day it failed to pay."""
    calendar: str | None = None
    """Of which market its days are, as `engine.market.calendars` names them; None: that of its currency."""
    settlement_days: int | None = None
    """So many settlement days after the trade it settles where nothing else is agreed; None: as its market does."""

    @property
    def is_rated(self) -> bool:
        """True when a rating on the scale is known; NR and unknown are both False."""
        return self.rating in _NOTCHES

    @property
    def traits(self) -> BondTraits:
        """What it is compared with other bonds by; a municipal bond without a sector goes by its purpose."""
        return BondTraits(
            asset_class=self.asset_class.value,
            issuer=self.issuer,
            sector=self.sector or self.purpose or "",
            rating=self.rating,
            maturity_day=None if self.maturity is None else (self.maturity - _EPOCH).days,
            coupon_pct=None if self.coupon_pct is None else float(self.coupon_pct),
        )

    def years_to_maturity(self, today: datetime.date) -> float | None:
        """Years of 365.25 days left from `today`; negative past maturity, None for a perpetual."""
        return None if self.maturity is None else (self.maturity - today).days / 365.25


@row
@dataclass(frozen=True, slots=True)
class BondTraits:
    """What makes bonds alike, kept where it was used: the bond may have changed, or left the files, since.

    `sector` is empty where it is unknown; `maturity_day` counts from 1970-01-01, None for a perpetual.
    """

    asset_class: str
    issuer: str
    sector: str
    rating: str | None
    maturity_day: int | None
    coupon_pct: float | None


def normal_rating(text: str) -> str | None:
    """A rating in this engine's spelling, from either agencies' one; None if it is no rating.

    `Baa3` gives `BBB-`, `not rated` gives `NR`. The empty text is no rating: it means unknown.
    """
    word = text.strip().upper()
    if word in _NOTCHES:
        return word
    if word in ("NR", "N.R.", "NOT RATED", "UNRATED", "WR"):
        return NOT_RATED
    return _OTHER_SPELLING.get(word)


def rating_notch(rating: str | None) -> int | None:
    """Place on `RATING_SCALE`, 0 for AAA; None for NR and for unknown."""
    return None if rating is None else _NOTCHES.get(rating)


def is_investment_grade(rating: str | None) -> bool | None:
    """BBB- or better; None when the rating is NR or unknown, because neither says."""
    notch = rating_notch(rating)
    return None if notch is None else notch <= _INVESTMENT_GRADE_NOTCH_MAX


def cusip_check_digit(body: str) -> str:
    """The ninth character of a CUSIP from its first eight.

    Raises ValueError for anything but eight of `0-9A-Z*@#`.
    """
    if len(body) != 8:
        raise ValueError(f"a CUSIP has 8 characters before its check digit, found {body!r}")
    total = 0
    for position, character in enumerate(body):
        value = _cusip_value(character)
        if position % 2:
            value *= 2
        total += value // 10 + value % 10
    return str(-total % 10)


def isin_check_digit(body: str) -> str:
    """The twelfth character of an ISIN from its first eleven (Luhn over letters as two digits).

    Raises ValueError for anything but two capital letters and nine of `0-9A-Z`.
    """
    if not (len(body) == 11 and body.isascii() and body[:2].isalpha() and body.isalnum() and body == body.upper()):
        raise ValueError(f"an ISIN has 2 letters and 9 letters or digits before its check digit, found {body!r}")
    digits = "".join(str(int(character, 36)) for character in body)
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def is_isin(text: str) -> bool:
    """True for twelve characters with the right check digit."""
    try:
        return len(text) == 12 and isin_check_digit(text[:11]) == text[11]
    except ValueError:
        return False


def is_cusip(text: str) -> bool:
    """True for nine characters with the right check digit."""
    try:
        return len(text) == 9 and cusip_check_digit(text[:8]) == text[8]
    except ValueError:
        return False


def id_source_of(text: str) -> str:
    """SecurityIDSource(22) of an identifier that nobody here knows, by its form: 1 for a CUSIP, else 4."""
    return "1" if is_cusip(text) else "4"


def isin_of_cusip(cusip: str, country: str = "US") -> str:
    """The ISIN that a US or Canadian CUSIP has: country, CUSIP, check digit."""
    return country + cusip + isin_check_digit(country + cusip)


def _cusip_value(character: str) -> int:
    if character in "*@#":
        return 36 + "*@#".index(character)
    if character.isascii() and (character.isdigit() or "A" <= character <= "Z"):
        return int(character, 36)
    raise ValueError(f"{character!r} cannot stand in a CUSIP")
