"""A real tape of trades: does what is known of a bond's trading yesterday say anything of today?

Trades go through `market.tape` and `market.volatility` as they are, in the order of their times; every figure of a day
is taken before that day. What it can show: whether average volume, liquidity score and volatility tell bonds and days
apart. Not what a size costs: the tape names no counterparty and no request, and its prints are of customers and
dealers alike, so a move from one print to the next is as much the bid and the offer as the market.
"""

from __future__ import annotations

import csv
import datetime
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, TextIO

from engine.clock import utc_day
from engine.market.business_days import WEEKDAYS
from engine.market.holdings import import_holdings
from engine.market.liquidity import GroupScores, Parts
from engine.market.tape import CompleteFrom, Tape, Trade
from engine.market.volatility import Closes

TRADES: Final = Path("trades") / "gsq_bond_trades_2016-03-16_to_05-31.csv"
BONDS: Final = Path("bonds") / "gsq_bond_metadata_traded.csv"
WINDOW_DAYS: Final = 20
"""Business days that an average is of."""
_CLASS: Final = "other"
_SOURCE: Final = "tape"


@dataclass(slots=True)
class Tapes:
    """The file's trades in the order of their times, and how many rows are none, by reason."""

    rows: int = 0
    trades: list[Trade] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class BondDay:
    """A bond on a business day: what was known before it, and what came.

    `share` is that of the last `WINDOW_DAYS` on which it traded, drawn to all bonds' by one day; `base` is all bonds'
    share so far. `move_sds` is the move from its last price to that day's, in standard deviations as they were known;
    None where it did not trade or nothing was known.
    """

    day: int
    bond: str
    adv: float
    score: int | None
    share: float
    base: float
    volume: float
    trades: int
    move_sds: float | None


def trades_of(file: TextIO) -> Tapes:
    found = Tapes()
    seen: set[tuple[str, ...]] = set()
    for row in csv.DictReader(file):
        found.rows += 1
        key = tuple(row[name] for name in ("isin", "time", "price", "side", "volume"))
        trade = _trade(row, len(seen))
        if isinstance(trade, str):
            found.unused[trade] += 1
        elif key in seen:
            found.unused["exactly as told before"] += 1
        else:
            seen.add(key)
            found.trades.append(trade)
    found.trades.sort(key=lambda each: (each.utc_ns, each.trade_id))
    return found


def _trade(row: dict[str, str], number: int) -> Trade | str:
    try:
        made = datetime.datetime.strptime(" ".join(row["time"].split()), "%a %d%b%y %I:%M:%S.%f %p")
        price, quantity = Decimal(row["price"]), Decimal(row["volume"])
    except (ValueError, InvalidOperation):
        return "a time, a price or a size that cannot be read"
    if not (price.is_finite() and quantity.is_finite() and price > 0 and quantity > 0):
        return "no price or no size"
    utc_ns = int(made.replace(tzinfo=datetime.UTC).timestamp()) * 1_000_000_000
    return Trade(row["isin"], _CLASS, price, quantity, utc_ns, _SOURCE, f"{number:06}")


def outstanding_of(text: str) -> dict[str, float]:
    """By bond the amount outstanding, as the reader of holdings files has it."""
    return {
        bond.security_id: float(bond.amount_outstanding)
        for bond in import_holdings(text).securities
        if bond.amount_outstanding
    }


def bond_days(trades: Sequence[Trade], outstanding: dict[str, float]) -> Iterator[BondDay]:
    """Of every bond that the tape has shown by then, from `WINDOW_DAYS` business days after its first day on."""
    if not trades:
        return
    tape, closes = Tape(days=400), Closes()
    first = utc_day(trades[0].utc_ns)
    tape.complete_from(CompleteFrom(_CLASS, _SOURCE, first), trades[0].utc_ns)
    last_price: dict[str, tuple[int, float]] = {}
    active: dict[str, list[int]] = {}
    looked = traded = 0
    place = 0
    for day in range(first, utc_day(trades[-1].utc_ns) + 1):
        today = list(_of_day(trades, place, day))
        place += len(today)
        if WEEKDAYS.has(day) and WEEKDAYS.between(first, day) >= WINDOW_DAYS:
            parts = {bond: _parts(tape, bond, day, outstanding.get(bond)) for bond in active}
            scores = GroupScores(list(parts.values()))
            base = (traded + 1) / (looked + 2)
            since = WEEKDAYS.before(day, WINDOW_DAYS)
            for bond, days in sorted(active.items()):
                own = [each for each in today if each.security_id == bond]
                _, face = tape.traded(bond, WINDOW_DAYS, day)
                share = (sum(each >= since for each in days) + base) / (WINDOW_DAYS + 1)
                yield BondDay(
                    day=day, bond=bond, adv=float(face) / WINDOW_DAYS, score=scores.score(parts[bond]), share=share,
                    base=base, volume=float(sum(each.quantity for each in own)), trades=len(own),
                    move_sds=_move_sds(closes, bond, day, last_price.get(bond), own),
                )  # fmt: skip
                looked += 1
                traded += bool(own)
        for each in today:
            tape.take(each, each.utc_ns, (_SOURCE,))
            closes.take(each.security_id, _SOURCE, each.utc_ns, float(each.price))
            last_price[each.security_id] = day, float(each.price)
            days = active.setdefault(each.security_id, [])
            if not days or days[-1] != day:
                days.append(day)


def _of_day(trades: Sequence[Trade], place: int, day: int) -> Iterator[Trade]:
    while place < len(trades) and utc_day(trades[place].utc_ns) == day:
        yield trades[place]
        place += 1


def _parts(tape: Tape, bond: str, day: int, outstanding: float | None) -> Parts:
    """What of `market.liquidity` a tape alone can tell."""
    count, face = tape.traded(bond, 30, day)
    last = tape.last_day(bond)
    turnover = float(face) / outstanding if outstanding else None
    return float(count), turnover, None if last is None else float(last - day)


def _move_sds(
    closes: Closes, bond: str, day: int, last: tuple[int, float] | None, own: Sequence[Trade]
) -> float | None:
    known = closes.volatility(bond, day)
    if known is None or last is None or not own:
        return None
    apart = max(WEEKDAYS.between(last[0], day), 1)
    move_bps = 10_000 * (float(own[-1].price) / last[1] - 1)
    return move_bps / (known.bps * math.sqrt(apart))


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's, ties sharing their places; None where one of them does not vary."""
    first, second = _places(one), _places(other)
    return _correlation(first, second)


def _places(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda at: values[at])
    found, at = [0.0] * len(values), 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and values[order[end + 1]] == values[order[at]]:
            end += 1
        for each in range(at, end + 1):
            found[order[each]] = (at + end) / 2
        at = end + 1
    return found


def _correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    count = len(one)
    if count < 3:
        return None
    mean_one, mean_other = math.fsum(one) / count, math.fsum(other) / count
    both = math.fsum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    spread = math.fsum((a - mean_one) ** 2 for a in one) * math.fsum((b - mean_other) ** 2 for b in other)
    return both / math.sqrt(spread) if spread > 0 else None
