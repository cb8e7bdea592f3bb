"""What currencies are worth in each other: a rate as somebody tells it, and the one that a decision used.

A rate is of a pair, `EUR/USD`: so many of the second for one of the first, as the market and Symbol(55) write it. One
pair is known by both of its currencies, whichever of them stands first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.domain.currencies import currency_problem
from engine.domain.rows import row

RATE_MIN: Final = Decimal("0.000001")
RATE_MAX: Final = Decimal(1_000_000)
"""No two currencies are further apart than this."""
AMOUNT_STEP: Final = Decimal("0.01")
"""What a face amount is rounded to where it is told in another currency."""

_PAIR: Final = re.compile(r"([A-Za-z]{3})[/.]?([A-Za-z]{3})")
DECIMALS_MAX: Final = 12
_PRICE: Final = re.compile(r"\d{1,7}(\.\d+)?")


@row
@dataclass(frozen=True, slots=True)
class Rate:
    """One of the pair's first currency is worth `price` of its second, as of a time, by the word of `source`."""

    pair: str
    price: Decimal
    as_of_ns: int
    source: str

    @property
    def words(self) -> str:
        return f"{self.pair} {self.price:f}"

    @property
    def currencies(self) -> tuple[str, str]:
        """Both, in alphabetical order: the same for a pair told the other way round."""
        return currencies_of(self.pair)

    def worth_in(self, currency: str) -> Decimal:
        """What one of the other currency is worth in this one of the two."""
        return self.price if self.pair.endswith(currency) else 1 / self.price


@row
@dataclass(frozen=True, slots=True)
class RateUsed:
    """The rate a decision leaned on: `worth` is of one `currency`, in the desk's base currency."""

    currency: str
    worth: Decimal
    pair: str
    price: Decimal
    source: str
    age_ns: int

    @property
    def words(self) -> str:
        return f"{self.pair} {self.price:f}"


def currencies_of(pair: str) -> tuple[str, str]:
    """Both currencies of a pair, in alphabetical order."""
    first, second = sorted(pair.split("/"))
    return first, second


def pair_of(text: str) -> str:
    """`EUR/USD` of that, of `EURUSD` or of `EUR.USD`. Raises ValueError with what was expected."""
    found = _PAIR.fullmatch(text)
    if found is None:
        raise ValueError("a pair of currencies such as EUR/USD")
    for code in found.groups():
        if problem := currency_problem(code):
            raise ValueError(f"a pair of currencies such as EUR/USD, not {code}: {problem}")
    first, second = found.groups()
    if first == second:
        raise ValueError("a pair of two currencies such as EUR/USD")
    return f"{first}/{second}"


def is_pair(text: str) -> bool:
    try:
        pair_of(text)
    except ValueError:
        return False
    return True


def rate_price(text: str) -> Decimal:
    """The price of a pair, in plain digits. Raises ValueError with what was expected."""
    if _PRICE.fullmatch(text) is None:
        raise ValueError("a rate in plain digits such as 1.0850")
    if len(text.partition(".")[2]) > DECIMALS_MAX:
        raise ValueError(f"a rate with at most {DECIMALS_MAX} decimals")
    price = Decimal(text)
    if not RATE_MIN <= price <= RATE_MAX:
        raise ValueError(f"a rate from {RATE_MIN} to {RATE_MAX}")
    return price


def converted(amount: Decimal, worth: Decimal | None) -> Decimal:
    """An amount of a currency in another one, to a hundredth; as it is where `worth` is None: it is that currency."""
    return amount if worth is None else (amount * worth).quantize(AMOUNT_STEP)
