"""What was seen of dealers in one round of asking: the rows that every estimate is made of, lived or imported.

A `RoundSeen` is self-contained: whoever reads it needs no order, no security master and no configuration. A round that
the engine itself asked and one that came out of another system's blotter are the same value; `source` tells them apart.
What is not known is None. Nothing here is computed from a mark that was missing, stale, crossed or one-sided.

Prices are clean, percent of par; quantities face amount in the bond's currency; times UTC nanoseconds; bps are of the
mark they are held against, positive is good for us.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

from engine.clock import NS_PER_S
from engine.domain.exchange import converted
from engine.domain.order import ZERO, MarkUsed, Side
from engine.domain.rows import row


class Answer(StrEnum):
    """What a dealer that was asked said in its time."""

    quote = "quote"
    """A price that could be executed."""
    indicative = "indicative"
    """A price that could not."""
    passed = "pass"
    none = "none"


class Taken(StrEnum):
    """What came of accepting a dealer's quote; the empty word where nobody did."""

    no = ""
    filled = "filled"
    partial = "partial"
    rejected = "rejected"
    """At last look."""


class ChosenBy(StrEnum):
    """Who put a dealer on the list."""

    rule = "rule"
    trader = "trader"
    explored = "explored"


class Protocol(StrEnum):
    """How the requests of a round followed each other."""

    parallel = "parallel"
    stagger = "stagger"
    sequence = "sequence"


class Horizon(StrEnum):
    """How long after the decision a mark is taken; `eod` is the end of that trading day, `1d` the next one's."""

    minute = "1m"
    five_minutes = "5m"
    half_hour = "30m"
    hour = "1h"
    end_of_day = "eod"
    next_day = "1d"


SPANS_NS: Final[Mapping[Horizon, int]] = {
    Horizon.minute: 60 * NS_PER_S,
    Horizon.five_minutes: 300 * NS_PER_S,
    Horizon.half_hour: 1_800 * NS_PER_S,
    Horizon.hour: 3_600 * NS_PER_S,
}
"""Those that are a time after the decision. When a day ends is a setting."""


def horizons(since_ns: int, day_ends: tuple[int, ...]) -> list[tuple[Horizon, int]]:
    """When each horizon is; `day_ends` are the end of the trading day of `since_ns` and of the next one."""
    dues = [(horizon, since_ns + span_ns) for horizon, span_ns in SPANS_NS.items()]
    return dues + list(zip((Horizon.end_of_day, Horizon.next_day), day_ends, strict=True))


@row
@dataclass(frozen=True, slots=True)
class AskSeen:
    """One dealer that was asked, whatever came of it. One that was withheld or is in doubt is no `AskSeen`.

    `position` counts from 1 in the order of asking. `answered_ns` is when it first said what `answer` says, None for
    silence; a word that came after `deadline_ns` is no answer, `late` tells of it, and `answered_ns` is its time then.
    Within its own time it is one, though the round may be over: somebody else was faster. `pending` is an ask whose
    time was not over when the round was: what it says comes as an amendment, and until then its silence is no
    observation.

    `price`, `quantity`, `valid_until_ns` and `priced_ns` are those of one price: the accepted one, else the last one in
    time that could be executed, else the last one in time. A dealer that would trade less than what was asked for has
    quoted, with its quantity. `mark_*` and `index_*` are the bond's mark and the level of its segment's benchmark at
    that moment; `edge_bps` is the price against `mark_answered`. Of an acceptance `decided_ns` is when it had its last
    word. `p` is the probability with which this dealer was to be asked, None where nobody knows.
    """

    SPARSE: ClassVar[bool] = True

    dealer: str
    position: int
    sent_ns: int
    deadline_ns: int | None
    answer: Answer
    answered_ns: int | None = None
    late: bool = False
    withdrawn: bool = False
    pass_reason: str = ""
    price: Decimal | None = None
    quantity: Decimal | None = None
    valid_until_ns: int | None = None
    edge_bps: float | None = None
    mark_sent: MarkUsed | None = None
    index_sent: Decimal | None = None
    mark_answered: MarkUsed | None = None
    taken: Taken = Taken.no
    accepted_ns: int | None = None
    mark_accepted: MarkUsed | None = None
    decided_ns: int | None = None
    mark_decided: MarkUsed | None = None
    reject_reason: str = ""
    filled: Decimal = ZERO
    fill_price: Decimal | None = None
    chosen_by: ChosenBy = ChosenBy.rule
    p: float | None = None
    priced_ns: int | None = None
    pending: bool = False


@row
@dataclass(frozen=True, slots=True)
class BondSeen:
    """The bond as it was known then: it may have matured, or have left the files, since."""

    security_id: str
    issuer: str
    asset_class: str
    sector: str = ""
    rating: str | None = None
    maturity: datetime.date | None = None
    coupon_pct: Decimal | None = None


@row
@dataclass(frozen=True, slots=True)
class RoundSeen:
    """One round of asking as it ended, with or without a trade. Its key is (source, rfq_id, round).

    `source` is empty for what the engine asked itself. `segment` is the key of `dealers.segments`. `n_asked` counts
    everybody who was asked in this round, in the file or not. `residual` is what was left of the parent order when the
    round was over; `informed` how many dealers knew of the exposure before it. `adv` is the bond's face amount a
    business day, `volatility_bps` the sd of a day's change of price. `decided_ns` is when the first acceptance
    went out, or the round ended without one; `mark_decision` and `index_decision` are of that moment. `cover` is the
    second-best price. `p_panel` is the probability of this very panel; `is_drawn` is False where the panel was changed
    after it was drawn (a trader's list, a request withheld): such a round counts for estimates, not for the value of
    another policy.
    """

    SPARSE: ClassVar[bool] = True

    source: str
    rfq_id: str
    round: int
    parent_id: str
    sent_ns: int
    closed_ns: int
    bond: BondSeen
    segment: str
    side: Side
    quantity: Decimal
    residual: Decimal | None
    protocol: Protocol
    n_asked: int
    asks: tuple[AskSeen, ...]
    two_way: bool = False
    venue: str = ""
    list_id: str = ""
    limit_price: Decimal | None = None
    informed: int = 0
    adv: Decimal | None = None
    volatility_bps: float | None = None
    decided_ns: int | None = None
    mark_decision: MarkUsed | None = None
    index_decision: Decimal | None = None
    cover: Decimal | None = None
    p_panel: float | None = None
    is_drawn: bool = True
    worth: Decimal | None = None
    """Of one unit of the bond's currency in the base currency when the order came; None of the base currency itself."""

    @property
    def size(self) -> Decimal:
        """Face amount in the base currency: sizes of all bonds are learnt from together."""
        return converted(self.quantity, self.worth)

    @property
    def adv_size(self) -> Decimal | None:
        """`adv` in the base currency."""
        return None if self.adv is None else converted(self.adv, self.worth)


@row
@dataclass(frozen=True, slots=True)
class MarkAfter:
    """What the bond was worth at one `horizon` after a round, and its segment's benchmark; None is no observation."""

    horizon: Horizon
    mark: MarkUsed | None
    index: Decimal | None = None


@row
@dataclass(frozen=True, slots=True)
class RoundTold:
    """A round that was asked elsewhere, as another system tells of it, with the marks that are known of it."""

    seen: RoundSeen
    after: tuple[MarkAfter, ...] = ()
