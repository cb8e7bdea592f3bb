"""What is wrong with a price or a trade that somebody delivers: found before it is kept, and said.

Whoever delivers prices makes mistakes: one side alone, bid above offer, a price of nothing, one from tomorrow, one with
the decimal point elsewhere. None of it may become a mark or a volume; the source is told, or it is counted where nobody
can be told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.clock import iso_timestamp
from engine.market.marks import Mark
from engine.market.tape import CompleteFrom, Trade


class Wrong(StrEnum):
    """What a delivery can be refused for: words for counters."""

    unknown_security = "unknown_security"
    one_sided = "one_sided"
    crossed = "crossed"
    not_positive = "not_positive"
    absurd = "absurd"
    future = "future"
    too_old = "too_old"
    no_time = "no_time"
    no_size = "no_size"
    duplicate = "duplicate"
    malformed = "malformed"


class Refused(Exception):
    """It is not taken; the text says why."""

    def __init__(self, wrong: Wrong, text: str) -> None:
        super().__init__(text)
        self.wrong = wrong


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that was not taken, for counters and for people who ask."""

    source: str
    security_id: str
    wrong: Wrong
    text: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A source has no price for a bond any more."""

    security_id: str
    source: str
    utc_ns: int


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of a source's price of a bond as it last told of each; for one that tells of changes alone."""

    security_id: str
    source: str
    bid: Decimal | None = None
    bid_ns: int | None = None
    offer: Decimal | None = None
    offer_ns: int | None = None

    @classmethod
    def of(cls, mark: Mark) -> Sides:
        """Those that a mark was the middle of; neither where it had none."""
        if mark.half_spread is None:
            return cls(mark.security_id, mark.source)
        low, high = mark.price - mark.half_spread, mark.price + mark.half_spread
        return cls(mark.security_id, mark.source, low, mark.utc_ns, high, mark.utc_ns)

    def changed(self, *, is_bid: bool, price: Decimal | None, quoted_ns: int | None) -> Sides:
        """With one of them as it is from now on."""
        if is_bid:
            return Sides(self.security_id, self.source, price, quoted_ns, self.offer, self.offer_ns)
        return Sides(self.security_id, self.source, self.bid, self.bid_ns, price, quoted_ns)


Heard = Mark | Trade | Withdrawal | CompleteFrom | Sides | Refusal
"""What comes of a delivery: what the tape is made of, and what was refused."""


def middle(bid: Decimal | None, offer: Decimal | None) -> tuple[Decimal, Decimal]:
    """(mid, half of the distance). Raises Refused for one side alone, none, or a bid above the offer."""
    for price, side in ((bid, "bid"), (offer, "offer")):
        if price is not None and (not price.is_finite() or price <= 0):
            raise Refused(Wrong.not_positive, f"a {side} is more than 0, found {price}")
    if bid is None or offer is None:
        found = "no price" if bid is None and offer is None else f"only the {'offer' if bid is None else 'bid'}"
        raise Refused(Wrong.one_sided, f"a mark is the middle of bid and offer, found {found}")
    if bid > offer:
        raise Refused(Wrong.crossed, f"bid {bid} is above offer {offer}")
    return (bid + offer) / 2, (offer - bid) / 2


def sensible_price(price: Decimal, known: Mark | None, jump_max: float, *, price_max: Decimal = Decimal(1000)) -> None:
    """Raises Refused for a price that no bond has, or that is too far from the mark known now."""
    if not price.is_finite() or price <= 0:
        raise Refused(Wrong.not_positive, f"a price is more than 0, found {price}")
    if price >= price_max:
        raise Refused(Wrong.absurd, f"a price is percent of par, below {price_max}, found {price}")
    if known is not None and abs(price - known.price) > known.price * Decimal(jump_max):
        text = f"{price} is more than {jump_max:.0%} away from {known.price} of {known.source}"
        raise Refused(Wrong.absurd, text)


def sensible_time(utc_ns: int, now_ns: int, ahead_ns_max: int, *, oldest_ns: int = 0) -> int:
    """The time, at most now: a clock may be a little ahead. Raises Refused for the future and the far past."""
    if utc_ns > now_ns + ahead_ns_max:
        raise Refused(Wrong.future, f"{iso_timestamp(utc_ns)} is in the future")
    if utc_ns < oldest_ns:
        raise Refused(Wrong.too_old, f"{iso_timestamp(max(utc_ns, 0))} is before what the tape keeps")
    return min(utc_ns, now_ns)


def sensible_size(quantity: Decimal | None, outstanding: Decimal | None) -> Decimal:
    """Raises Refused for no face amount, or more than there is of the bond."""
    if quantity is None:
        raise Refused(Wrong.no_size, "a trade has a face amount, found none")
    if not quantity.is_finite() or quantity <= 0:
        raise Refused(Wrong.not_positive, f"a face amount is more than 0, found {quantity}")
    if outstanding is not None and quantity > outstanding:
        raise Refused(Wrong.absurd, f"{quantity} is more than the {outstanding} that there is of it")
    if quantity >= 10**15:
        raise Refused(Wrong.absurd, f"no bond trades {quantity} at a time")
    return quantity


class Refusals:
    """How much of what was refused of whom, with the latest example of each."""

    __slots__ = ("_sources_max", "counts", "latest")

    def __init__(self, sources_max: int = 256) -> None:
        self.counts: Counter[tuple[str, Wrong]] = Counter()
        self.latest: dict[tuple[str, Wrong], Refusal] = {}
        self._sources_max = sources_max

    def take(self, refusal: Refusal) -> None:
        key = refusal.source, refusal.wrong
        if key in self.counts or len(self.counts) < self._sources_max:
            self.counts[key] += 1
            self.latest[key] = refusal
