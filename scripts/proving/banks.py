"""Two real banks that published two-way prices of the same bonds day by day: who is better tomorrow?

A bank's edge is its offer, or its bid, against the bond's mid of the day before: against the mid of the same day the
two are each other's mirror image. The estimates of the engine are driven as they are, a round a day, bond and side in
which both banks were asked; what they say of a day is asked before anything of that day is learnt. Beside them stand
the bank that was better so far, and a coin.

What it can show: whether the edge that the engine expects of each bank tells them apart. Not how a bank answers, fills
or leaks: nobody asked them, both publish every day, and nothing was traded. The time of day is not known either: an
hour between the two is a move of the market that looks like a better price.
"""

from __future__ import annotations

import csv
import datetime
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, TextIO

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.dealers.estimates import Asking, Estimates
from engine.dealers.outlook import Outlook
from engine.dealers.segments import segment_of, segment_of_key
from engine.domain.instrument import AssetClass, Security
from engine.domain.observation import Answer, AskSeen, BondSeen, Protocol, RoundSeen
from engine.domain.order import MarkUsed, Side
from engine.market.tca import quote_edge_bps

FILE: Final = Path("quotes") / "tr_eurobond_bank_quotes_2021-01_to_2024-06.csv"
BANKS: Final = ("ISBANK", "ZIRAAT")
MARK_AGE_DAYS_MAX: Final = 7
"""An older mid is none: a week has a holiday in it now and then."""
QUANTITY: Final = Decimal(100_000)
_WAIT_S: Final = 60.0
_EPOCH: Final = datetime.date(1970, 1, 1)

Key = tuple[str, int]
"""(ISIN, side)"""


@dataclass(frozen=True, slots=True)
class Quote:
    day: datetime.date
    bank: str
    isin: str
    maturity: datetime.date
    currency: str
    bid: Decimal
    ask: Decimal

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


@dataclass(slots=True)
class Prices:
    """The file's rows that can be used, and how many cannot, by reason."""

    rows: int = 0
    quotes: list[Quote] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Contest:
    """One day, bond and side in which both had a price. Edges are of `BANKS`, in that order; positive is good for us.

    `expected_bps`, `scale_bps` and `df` are the law of their difference, first less second, as it was known before;
    `picks` is whom each way of choosing took, by place in `BANKS`, and `chances` what each gave the first to be better.
    """

    day: datetime.date
    isin: str
    side: Side
    edges_bps: tuple[float, float]
    expected_bps: float
    scale_bps: float
    df: float
    picks: dict[str, int]
    chances: dict[str, float]

    @property
    def difference_bps(self) -> float:
        return self.edges_bps[0] - self.edges_bps[1]

    def edge_of(self, way: str) -> float:
        return self.edges_bps[self.picks[way]]


MODEL: Final = "model"
SO_FAR: Final = ("better so far", "better so far on this side", "better so far in this bond and side")
"""Always the bank that was better on average so far, counted at large, by side, and by bond and side."""


def prices_of(file: TextIO) -> Prices:
    """Every row of the file, or why it cannot be used."""
    found = Prices()
    seen: set[tuple[str, str, str]] = set()
    for row in csv.DictReader(file):
        found.rows += 1
        quote = _quote(row)
        if isinstance(quote, str):
            found.unused[quote] += 1
        elif (row["quote_date"], quote.bank, quote.isin) in seen:
            found.unused["told before"] += 1
        else:
            seen.add((row["quote_date"], quote.bank, quote.isin))
            found.quotes.append(quote)
    return found


def _quote(row: dict[str, str]) -> Quote | str:
    if not row["isin"]:
        return "no ISIN"
    try:
        day, maturity = (datetime.date.fromisoformat(row[name]) for name in ("quote_date", "maturity"))
        bid, ask = Decimal(row["bid_px"]), Decimal(row["ask_px"])
    except (ValueError, InvalidOperation):
        return "a date or a price that cannot be read"
    if not (bid.is_finite() and ask.is_finite()) or (bid <= 0 and ask <= 0):
        return "no price that day"
    if bid <= 0 or ask <= 0:
        return "one side alone"
    if bid > ask:
        return "bid above offer"
    return Quote(day, row["bank"], row["isin"], maturity, row["currency"], bid, ask)


def contests(prices: Prices, unused: Counter[str]) -> Iterator[Contest]:
    """Day by day, each by what was known before it; `unused` counts bond-days that are none, by reason."""
    by_day: dict[datetime.date, dict[str, dict[str, Quote]]] = {}
    for quote in prices.quotes:
        by_day.setdefault(quote.day, {}).setdefault(quote.isin, {})[quote.bank] = quote
    estimates, record = Estimates(), _Record()
    mids: dict[str, tuple[datetime.date, Decimal]] = {}
    for day in sorted(by_day):
        estimates.daily(_noon_ns(day))
        told: list[tuple[RoundSeen, tuple[float, float]]] = []
        for isin, quotes in sorted(by_day[day].items()):
            if len(quotes) < 2:
                unused["one bank alone"] += 1
                continue
            known = mids.get(isin)
            if known is None or (day - known[0]).days > MARK_AGE_DAYS_MAX:
                unused["no mid of a day before"] += 1
                continue
            unused["the first day of both"] += not record.is_begun
            for side in (Side.buy, Side.sell):
                seen = _round(quotes, side, known)
                edges = _edges(seen)
                if record.is_begun:
                    yield _contest(estimates, record, day, seen, edges)
                told.append((seen, edges))
        # All of a day at once: what one bond tells is not known yet when the next one is asked.
        for seen, edges in told:
            estimates.learn(seen)
            record.add((seen.bond.security_id, seen.side.sign), edges)
        for isin, quotes in by_day[day].items():
            mids[isin] = day, sum((each.mid for each in quotes.values()), Decimal(0)) / len(quotes)


def _contest(
    estimates: Estimates, record: _Record, day: datetime.date, seen: RoundSeen, edges: tuple[float, float]
) -> Contest:
    key = seen.bond.security_id, seen.side.sign
    asking = Asking(
        segment_of_key(seen.segment),
        seen.quantity,
        _WAIT_S,
        seen.sent_ns,
        seen.bond.security_id,
        None,
        seen.volatility_bps,
    )
    first, second = estimates.outlooks(BANKS, asking)
    expected, scale = first.e.value - second.e.value, _scale(first, second)
    df = max(min(first.e_df, second.e_df), 3.0)
    picks = {MODEL: 0 if expected > 0 else 1}
    chances = {MODEL: _chance(expected, scale)}
    for way, scope in zip(SO_FAR, record.scopes(key), strict=True):
        picks[way] = 0 if scope.mean > 0 else 1
        chances[way] = scope.share
    return Contest(day, seen.bond.security_id, seen.side, edges, expected, scale, df, picks, chances)


def _scale(first: Outlook, second: Outlook) -> float:
    """Of the difference of two quotes of one round: what both have in common makes neither of them better."""
    own = [max(each.e.sd**2 - each.e_common_sd**2, 0.0) + each.e_noise_sd**2 for each in (first, second)]
    return math.sqrt(sum(own))


def _chance(expected: float, scale: float) -> float:
    return (1 + math.erf(expected / max(scale, 1e-9) / math.sqrt(2))) / 2


@dataclass(slots=True)
class _Scope:
    """Differences so far. A chance begins at a half, as if each had been better once."""

    count: int = 0
    total_bps: float = 0.0
    better: float = 0.0

    def add(self, difference_bps: float) -> None:
        self.count += 1
        self.total_bps += difference_bps
        self.better += 1.0 if difference_bps > 0 else 0.5 if difference_bps == 0 else 0.0

    @property
    def mean(self) -> float:
        return self.total_bps / self.count if self.count else 0.0

    @property
    def share(self) -> float:
        return (self.better + 1) / (self.count + 2)


class _Record:
    """What somebody would know who only counts: at large, by side, by bond and side."""

    def __init__(self) -> None:
        self._all, self._sides, self._keys = _Scope(), dict[int, _Scope](), dict[Key, _Scope]()

    @property
    def is_begun(self) -> bool:
        return self._all.count > 0

    def add(self, key: Key, edges: tuple[float, float]) -> None:
        for scope in (self._all, self._sides.setdefault(key[1], _Scope()), self._keys.setdefault(key, _Scope())):
            scope.add(edges[0] - edges[1])

    def scopes(self, key: Key) -> tuple[_Scope, _Scope, _Scope]:
        """A scope of which nothing is known is the next larger one."""
        side = self._sides.get(key[1], self._all)
        return self._all, side, self._keys.get(key, side)


# --- a day's prices as a round of the engine -----------------------------------------------------


def _noon_ns(day: datetime.date) -> int:
    return (day - _EPOCH).days * NS_PER_DAY + NS_PER_DAY // 2


def _round(quotes: dict[str, Quote], side: Side, known: tuple[datetime.date, Decimal]) -> RoundSeen:
    one = quotes[BANKS[0]]
    now_ns = _noon_ns(one.day)
    security = Security(
        security_id=one.isin, name=one.isin, issuer="Republic of Turkey", asset_class=AssetClass.GOVERNMENT,
        currency=one.currency, maturity=one.maturity,
    )  # fmt: skip
    made_on, mid = known
    mark = MarkUsed(mid, "the day before", (one.day - made_on).days * NS_PER_DAY, "composite", None)
    asks = tuple(
        AskSeen(
            dealer=bank,
            position=at,
            sent_ns=now_ns,
            deadline_ns=now_ns + int(_WAIT_S) * NS_PER_S,
            answer=Answer.quote,
            answered_ns=now_ns + NS_PER_S,
            price=price,
            quantity=QUANTITY,
            edge_bps=quote_edge_bps(side.sign, price, mid),
            mark_sent=mark,
            mark_answered=mark,
            priced_ns=now_ns + NS_PER_S,
        )
        for at, bank in enumerate(BANKS, 1)
        for price in [quotes[bank].ask if side is Side.buy else quotes[bank].bid]
    )
    return RoundSeen(
        source="",
        rfq_id=f"{one.day} {one.isin} {side.value}",
        round=1,
        parent_id=f"{one.day} {one.isin} {side.value}",
        sent_ns=now_ns,
        closed_ns=now_ns + int(_WAIT_S) * NS_PER_S,
        bond=BondSeen(one.isin, security.issuer, security.asset_class.value, maturity=one.maturity),
        segment=segment_of(security, QUANTITY, side.value, one.day).key,
        side=side,
        quantity=QUANTITY,
        residual=None,
        protocol=Protocol.parallel,
        n_asked=2,
        asks=asks,
    )


def _edges(seen: RoundSeen) -> tuple[float, float]:
    first, second = (ask.edge_bps for ask in seen.asks)
    assert first is not None
    assert second is not None
    return first, second


def surprise(chance: float, first_better: float) -> float:
    """Log-loss, in nats; of a tie half of each."""
    chance = min(max(chance, 1e-3), 1 - 1e-3)
    return -first_better * math.log(chance) - (1 - first_better) * math.log(1 - chance)


def was_better(contest: Contest) -> float:
    """Was the first bank? Half where both had the same price."""
    return 1.0 if contest.difference_bps > 0 else 0.5 if contest.difference_bps == 0 else 0.0
