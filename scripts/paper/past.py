"""What the dealers of the paper market might have done in the months before: an invented history, a row a dealer asked.

Everything is drawn from a seed: which bonds a desk asked for, whom, and what became of it. Dealers answer in the styles
they have in the market itself. One of them, ALDER, tells what it was asked: the price moves against the desk some
minutes after it was asked and not traded with. Nothing of it happened; the file says so in its `source`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Final, TextIO

from .clock import NS_PER_S
from .prices import BPS, FairPrices, Security, draw, to_tick
from .styles import STYLES, Answer, plan_fill, plan_quote

SOURCE: Final = "invented"
COLUMNS: Final = (
    "source", "rfq_id", "round", "parent_id", "sent_at", "security", "side", "quantity", "residual", "protocol",
    "n_asked", "dealer", "position", "deadline", "answer", "pass_reason", "answered_at", "price", "quoted_quantity",
    "valid_until", "outcome", "reject_reason", "accepted_at", "filled_quantity", "fill_price", "cover", "decision",
    "mark_source", "mark_age_s", "mark_sd_bps", "mark_sent", "mark_answered", "mark_decision", "mark_1m", "mark_5m",
    "mark_30m", "mark_1h", "mark_eod", "mark_1d",
)  # fmt: skip

_AFTER_S: Final = {"mark_1m": 60, "mark_5m": 300, "mark_30m": 1_800, "mark_1h": 3_600}
_OPENS, _CLOSES = time(13, 30), time(20, 30)
_DAY_S: Final = (20.5 - 13.5) * 3_600
_MARK_SD_BPS: Final = 2.0
_WAIT_S: Final = 60.0
_SECOND_ROUNDS: Final = 0.25
_SIZES: Final = (100_000, 200_000, 300_000, 500_000, 1_000_000, 1_500_000, 2_500_000, 3_000_000, 6_000_000, 12_000_000)
_TELLER: Final = "ALDER"
_TOLD_BPS: Final = 3.0
"""What a bond moves by once it has told, half of it within ten minutes."""
_TOLD_HALF_S: Final = 600.0
_REASONS: Final = {9: "no inventory", 10: "pass"}


@dataclass(frozen=True, slots=True)
class Counterparty:
    """A dealer: its name in the market, its style, what it trades and what it is best at."""

    name: str
    style: str
    asset_classes: tuple[str, ...]
    speciality: str = ""


COUNTERPARTIES: Final = (
    Counterparty("ALDER", "fast-wide", ("corporate", "agency", "government")),
    Counterparty("BIRCH", "slow-tight", ("corporate", "municipal", "agency", "government")),
    Counterparty("CEDAR", "silent-half", ("corporate",)),
    Counterparty("DOGWOOD", "last-look", ("corporate", "municipal", "agency")),
    Counterparty("ELM", "average", ("municipal", "agency", "corporate"), "municipal"),
)

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Quote:
    """What one dealer said in one round."""

    counterparty: Counterparty
    answer: Answer
    at_ns: int
    price: Decimal
    until_ns: int
    reason: int


class Past:
    """The history of one seed, ending on the day before `until`."""

    def __init__(self, securities: Mapping[str, Security], seed: int, until: date, days: int) -> None:
        self._bonds = [
            bond for bond in securities.values() if any(bond.asset_class in c.asset_classes for c in COUNTERPARTIES)
        ]
        self._prices = FairPrices(securities, seed)
        self._seed, self._until, self._days = seed, until, days
        self._told: dict[str, list[tuple[int, float]]] = {}
        """By bond, when it was told of and by how many bps it moves for that, up is positive."""
        self._asked: dict[tuple[str, str], int] = {}
        self._rounds = 0

    def rows(self) -> Iterator[Row]:
        for ago in range(self._days, 0, -1):
            day = self._until - timedelta(days=ago)
            if day.weekday() < 5:
                yield from self._day(day)

    # --- a day -------------------------------------------------------------------------------------

    def _day(self, day: date) -> Iterator[Row]:
        dice = draw(self._seed, "past", day.isoformat())
        opens_ns = _ns(datetime.combine(day, _OPENS, UTC))
        moments = sorted(dice.uniform(0, _DAY_S - 2 * 3_600) for _ in range(dice.randint(7, 11)))
        for at_s in moments:
            bond = self._bond(dice)
            side = dice.choice(("buy", "sell"))
            size = dice.choice(_SIZES[: 6 if bond.asset_class == "municipal" else None])
            yield from self._order(dice, bond, side, size, opens_ns + int(at_s * NS_PER_S), day)

    def _bond(self, dice: Random) -> Security:
        """Corporates mostly; half of the time one of a few that the desk keeps coming back to."""
        wanted = dice.choices(("corporate", "municipal", "agency"), (70, 20, 10))[0]
        of_class = [bond for bond in self._bonds if bond.asset_class == wanted] or self._bonds
        return dice.choice(of_class[:8] if dice.random() < 0.5 else of_class)

    def _order(self, dice: Random, bond: Security, side: str, size: int, at_ns: int, day: date) -> Iterator[Row]:
        left, number = size, 0
        self._rounds += 1
        parent = f"INV-{self._rounds:05d}"
        pieces = 2 if size >= 1_000_000 and dice.random() < _SECOND_ROUNDS else 1
        while left > 0 and number < pieces:
            number += 1
            piece = left if number == pieces else left // 2
            rows, filled = self._round(dice, bond, side, piece, left, at_ns, day, parent, number)
            yield from rows
            left -= filled
            at_ns += int(dice.uniform(1_200, 3_600) * NS_PER_S)

    # --- a round -----------------------------------------------------------------------------------

    def _round(
        self, dice: Random, bond: Security, side: str, size: int, open_size: int, at_ns: int, day: date, parent: str,
        number: int,
    ) -> tuple[list[Row], int]:  # fmt: skip
        able = [each for each in COUNTERPARTIES if bond.asset_class in each.asset_classes]
        panel = dice.sample(able, min(len(able), dice.choice((1, 2, 2, 3, 3, 3, 4, 5))))
        sign = 1 if side == "buy" else -1
        quotes = [self._quote(each, bond, sign, at_ns) for each in panel]
        firm = sorted((each for each in quotes if each.answer is Answer.FIRM), key=lambda each: each.price * sign)
        decided_ns = max([each.at_ns for each in firm], default=at_ns + int(_WAIT_S * NS_PER_S)) + NS_PER_S
        outcomes: dict[str, str] = {}
        winner: _Quote | None = None
        mid = self._mid(bond, decided_ns)
        for quote in firm:
            nth = self._nth(quote.counterparty.name, f"{bond.security_id}|fill")
            if quote.until_ns < decided_ns or (quote.price - mid) * sign / mid > 60 * BPS:
                continue
            rejects = plan_fill(
                STYLES[quote.counterparty.style], self._seed, quote.counterparty.name, bond.security_id, nth
            ).rejects
            outcomes[quote.counterparty.name] = "rejected" if rejects else "filled"
            if not rejects:
                winner = quote
                break
        filled = size if winner is not None else 0
        if any(each.name == _TELLER for each in panel) and outcomes.get(_TELLER) != "filled":
            large = min(1.0, 0.4 + math.log10(size / 100_000) / 2)
            self._told.setdefault(bond.security_id, []).append((at_ns, sign * _TOLD_BPS * large))
        shared = {
            "source": SOURCE, "rfq_id": f"{parent}-{number}", "round": str(number), "parent_id": parent,
            "security": bond.security_id, "side": side, "quantity": str(size), "residual": str(open_size - filled),
            "protocol": "parallel", "n_asked": str(len(panel)), "decision": "trader", "mark_source": "invented marks",
            "mark_age_s": "20", "mark_sd_bps": f"{_MARK_SD_BPS:g}", "sent_at": _text(at_ns),
            "deadline": _text(at_ns + int(_WAIT_S * NS_PER_S)),
            "cover": str(firm[1].price) if winner is not None and len(firm) > 1 else "",
            "mark_sent": self._mark(bond, at_ns), "mark_decision": self._mark(bond, decided_ns),
            **self._marks_after(bond, decided_ns, day),
        }  # fmt: skip
        rows = []
        for place, quote in enumerate(quotes, 1):
            outcome = outcomes.get(quote.counterparty.name, "")
            rows.append({**shared, **self._said(bond, quote, outcome, size, decided_ns), "position": str(place)})
        return rows, filled

    def _quote(self, counterparty: Counterparty, bond: Security, sign: int, at_ns: int) -> _Quote:
        nth = self._nth(counterparty.name, bond.security_id)
        speciality = counterparty.speciality == bond.asset_class
        plan = plan_quote(
            STYLES[counterparty.style], self._seed, counterparty.name, bond.security_id, nth, speciality=speciality
        )
        came_ns = at_ns + int(plan.latency_s * NS_PER_S)
        away = Decimal(round(sign * plan.half_spread_bps + plan.skew_bps, 6)) * BPS
        price = to_tick(self._mid(bond, came_ns) * (1 + away))
        until_ns = came_ns + int(plan.quote_life_s * NS_PER_S)
        return _Quote(counterparty, plan.answer, came_ns, price, until_ns, plan.decline_reason)

    def _said(self, bond: Security, quote: _Quote, outcome: str, size: int, decided_ns: int) -> Row:
        row = {"dealer": quote.counterparty.name.lower()}
        if quote.answer is Answer.SILENCE:
            return {**row, "answer": "none"}
        row["answered_at"] = _text(quote.at_ns)
        if quote.answer is Answer.DECLINE:
            return {**row, "answer": "pass", "pass_reason": _REASONS[quote.reason]}
        row |= {"price": str(quote.price), "mark_answered": self._mark(bond, quote.at_ns)}
        if quote.answer is Answer.INDICATIVE:
            return {**row, "answer": "indicative"}
        row |= {
            "answer": "quote",
            "quoted_quantity": str(size),
            "valid_until": _text(quote.until_ns),
            "outcome": outcome,
        }
        if outcome:
            row["accepted_at"] = _text(decided_ns)
        if outcome == "filled":
            row |= {"filled_quantity": str(size), "fill_price": str(quote.price)}
        elif outcome == "rejected":
            row["reject_reason"] = "last look"
        return row

    # --- prices ------------------------------------------------------------------------------------

    def _mid(self, bond: Security, at_ns: int) -> Decimal:
        fair = self._prices.fair(bond.security_id, at_ns)
        assert fair is not None
        moved = sum(
            bps
            * (1 - 0.5 ** ((at_ns - told_ns) / NS_PER_S / _TOLD_HALF_S))
            * 0.5 ** ((at_ns - told_ns) / NS_PER_S / 86_400)
            for told_ns, bps in self._told.get(bond.security_id, ())
            if told_ns < at_ns
        )
        return fair * (1 + Decimal(round(moved, 6)) * BPS)

    def _mark(self, bond: Security, at_ns: int) -> str:
        error = draw(self._seed, "mark", bond.security_id, at_ns).gauss(0, _MARK_SD_BPS)
        return str(to_tick(self._mid(bond, at_ns) * (1 + Decimal(round(error, 6)) * BPS)))

    def _marks_after(self, bond: Security, decided_ns: int, day: date) -> Row:
        marks = {name: self._mark(bond, decided_ns + span_s * NS_PER_S) for name, span_s in _AFTER_S.items()}
        next_day = day + timedelta(days=3 if day.weekday() == 4 else 1)
        marks["mark_eod"] = self._mark(bond, _ns(datetime.combine(day, _CLOSES, UTC)))
        if next_day < self._until:
            marks["mark_1d"] = self._mark(bond, _ns(datetime.combine(next_day, _CLOSES, UTC)))
        return marks

    def _nth(self, dealer: str, what: str) -> int:
        nth = self._asked[dealer, what] = self._asked.get((dealer, what), 0) + 1
        return nth


def write(rows: Iterator[Row], out: TextIO) -> int:
    """Rows under their header; how many."""
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count


def _ns(at: datetime) -> int:
    return int(at.timestamp()) * NS_PER_S


def _text(utc_ns: int) -> str:
    """To the millisecond: nobody times people better."""
    seconds, rest = divmod(utc_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"
