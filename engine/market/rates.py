"""Which rate of a pair of currencies holds now, and what is wrong with one that somebody delivers.

The newest word counts, whoever's it is; of two of one time that of the source that comes first by name. A rate is used
as it was told or the other way round, never made of two others: a currency that has no rate against the desk's base
currency has no worth here. It invents nothing: too old, from the future or not there at all is `NoRate`, with words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.clock import NS_PER_S, iso_timestamp, span
from engine.domain.exchange import Rate, RateUsed, currencies_of

_NS_PER_HOUR: Final = 3600 * NS_PER_S
_NAMED_FIRST: Final = ("EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF")
"""Of a pair the market names the one that comes first here first; any other currency stands second."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How old a rate may be, and how far from the last one a new one; `uses_stale`: an old one is used all the same."""

    age_ns_max: int = 24 * _NS_PER_HOUR
    jump_max: float = 0.10
    ahead_ns_max: int = 60 * NS_PER_S
    uses_stale: bool = False
    every_ns: int = 10 * NS_PER_S
    """Of a session that tells of every tick, one is taken so often."""


@dataclass(frozen=True, slots=True)
class NoRate:
    """Why a currency has no worth now, in words."""

    reason: str


class FiledRates:
    """The rates of a file, by their currencies."""

    __slots__ = ("_by_currencies", "rates")

    def __init__(self, rates: Iterable[Rate] = ()) -> None:
        self.rates = tuple(rates)
        self._by_currencies: Mapping[tuple[str, str], Rate] = {each.currencies: each for each in self.rates}

    def of(self, pair: str) -> Rate | None:
        """The one of both currencies, whichever the file names first."""
        return self._by_currencies.get(currencies_of(pair))


def newest(told: Iterable[Rate], now_ns: int, ahead_ns_max: int) -> Rate | None:
    """The rate that counts among those of one pair, whatever its age; none from the future."""
    in_time = [each for each in told if each.as_of_ns <= now_ns + ahead_ns_max]
    return min(in_time, key=lambda each: (-each.as_of_ns, each.source), default=None)


def rate_used(currency: str, base: str, told: Iterable[Rate], now_ns: int, limits: RateLimits) -> RateUsed | NoRate:
    """What one of `currency` is worth in `base`, by the rates that were told of both."""
    rates = list(told)
    rate = newest(rates, now_ns, limits.ahead_ns_max)
    if rate is None:
        if rates:
            pair, first_ns = rates[0].pair, min(each.as_of_ns for each in rates)
            return NoRate(f"rate {pair} is of {iso_timestamp(first_ns)}, which lies ahead")
        return NoRate(f"no rate for {currency}")
    too_old = stale(rate, now_ns, limits)
    if too_old and not limits.uses_stale:
        return NoRate(too_old)
    age_ns = max(0, now_ns - rate.as_of_ns)
    return RateUsed(currency, rate.worth_in(base), rate.pair, rate.price, rate.source, age_ns)


def stale(rate: Rate, now_ns: int, limits: RateLimits) -> str:
    """`rate EUR/USD is 26 h old, at most 24 h`; empty while it is not."""
    age_ns = now_ns - rate.as_of_ns
    if age_ns <= limits.age_ns_max:
        return ""
    age, most = span(age_ns), span(limits.age_ns_max)
    # Both are whole hours: of one that is just too old they would say the same.
    return f"rate {rate.pair} is {age} old, at most {most}" if age != most else f"rate {rate.pair} is over {most} old"


def jump_problem(told: Rate, known: Rate | None, limits: RateLimits) -> str:
    """What is wrong with a rate that is far from the one known now; empty where it is near, or the first.

    Where the rate the other way round is near, it says so: a pair that was turned round is the usual mistake.
    """
    if known is None:
        return ""
    counter = told.pair.partition("/")[2]
    before = known.worth_in(counter)
    if _near(told.price, before, limits.jump_max):
        return ""
    text = f"{told.pair} {told.price:f} is more than {limits.jump_max:.0%} away from {known.pair} {known.price:f}"
    text += f" of {known.source}"
    if _near(1 / told.price, before, limits.jump_max):
        text += f" (did you mean {turned(told.pair)} {told.price:f}?)"
    return text


def doubt(told: Rate) -> str:
    """Why a person should look at a rate again though nothing is known against it; empty where there is no reason."""
    first, second = told.pair.split("/")
    if _place(first) <= _place(second):
        return ""
    return f"{told.pair} {told.price:f}: the market tells {turned(told.pair)}, is it the rate of that?"


def turned(pair: str) -> str:
    """The pair the other way round."""
    first, second = pair.split("/")
    return f"{second}/{first}"


def _near(price: Decimal, other: Decimal, jump_max: float) -> bool:
    return abs(price - other) <= other * Decimal(jump_max)


def _place(currency: str) -> int:
    return _NAMED_FIRST.index(currency) if currency in _NAMED_FIRST else len(_NAMED_FIRST)
