"""A past of dealers whose truth is known: rows as `rfqctl history import` takes them, half a million in some seconds.

Everything is drawn from a seed. Dealers answer, price, hold and take their time by numbers of their own, which differ
by asset class, by rating and term, by side and size: those differences are drawn, too. Bonds are as wide as they are,
and wider for a large order. Marks are wrong by one error for a whole round. Nobody leaks, nothing drifts: what is
estimated of such a past is to be the truth, within its error.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Final, TextIO

from engine.domain.instrument import isin_check_digit

SOURCE: Final = "planted"
COLUMNS: Final = (
    "source", "rfq_id", "parent_id", "sent_at", "security", "asset_class", "issuer", "sector", "maturity", "coupon",
    "rating_then", "side", "quantity", "residual", "protocol", "n_asked", "dealer", "position", "deadline", "answer",
    "answered_at", "price", "quoted_quantity", "outcome", "reject_reason", "accepted_at", "filled_quantity",
    "fill_price", "cover", "decision", "mark_source", "mark_age_s", "mark_sd_bps", "mark_sent", "mark_answered",
    "mark_decision", "mark_1m", "mark_5m", "mark_30m", "mark_1h", "mark_eod", "mark_1d",
)  # fmt: skip

CLASSES: Final = ("corporate", "municipal", "agency")
RATINGS: Final = ("AA", "BBB", "BB")
YEARS: Final = (2, 5, 10)
"""To maturity, half a year more or less."""
_CREDITS: Final = [(each, rating, years) for each in CLASSES for rating in RATINGS for years in YEARS]
SIZES: Final = (250_000, 1_000_000, 3_000_000)
PANELS: Final = (1, 2, 3, 3, 3, 4, 5, 6)
DEADLINE_S: Final = 180.0
MARK_SD_BPS: Final = 2.0
ROUND_SD_BPS: Final = 3.0
NOISE_SD_BPS: Final = 5.0
ANSWER_SD: Final = 0.5
"""Of the logarithm of the seconds to an answer."""
PANEL_SLOPE: Final = -0.35
PANEL_REFERENCE: Final = 3.0
SIZE_SLOPE: Final = -0.1
SIZE_REFERENCE: Final = 1_000_000.0
WIDTH_SLOPE: Final = 0.3
BONDS_A_SEGMENT: Final = 12
BOND_SD: Final = 0.25
"""Of the logarithm of a bond's own width."""
_LIMIT_BPS: Final = -90.0
_AFTER_S: Final = {"mark_1m": 60, "mark_5m": 300, "mark_30m": 1_800, "mark_1h": 3_600}
_DAY_SD_BPS: Final = 25.0
_OPENS, _CLOSES = time(13, 30), time(20, 30)
_OPEN_S: Final = 5.5 * 3_600
"""After which no more requests begin: an hour's marks are to come on the same day."""

_DEALERS: Final = (0.45, 0.23, 0.32, 0.2)
"""The sds of dealers' logits of answering: at large, in an asset class, by rating and term, by side and size."""
_EDGES: Final = (8.0, 3.0, 3.0, 2.0)
_SCOPES: Final = (0.0, 4.0, 4.0, 2.0)
"""The same of edges in bps: of dealers, and of all of them together."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request: its segment, as the engine calls it, and what names its levels."""

    asset_class: str
    rating: str
    years: int
    size: int
    side: str

    @property
    def levels(self) -> tuple[str, str, str, str]:
        credit = f"{self.asset_class}|{self.rating}|{self.years}"
        return "*", self.asset_class, credit, f"{credit}|{self.size}|{self.side}"


def kinds() -> list[Kind]:
    return [
        Kind(each, rating, years, size, side)
        for each in CLASSES
        for rating in RATINGS
        for years in YEARS
        for size in SIZES
        for side in ("buy", "sell")
    ]


class Truth:
    """What the dealers of one seed are, for whoever checks what was learnt of them."""

    def __init__(self, seed: int, dealers: int) -> None:
        self.seed = seed
        self.dealers = tuple(f"dealer{number:03d}" for number in range(1, dealers + 1))
        self._q = lru_cache(None)(self._drawn_q)
        self._e = lru_cache(None)(self._drawn_e)
        self._own = {
            dealer: (
                Random(f"{seed} f {dealer}").gauss(2.8, 0.7),
                Random(f"{seed} t {dealer}").gauss(2.3, 0.5),
            )
            for dealer in self.dealers
        }

    def q_logit(self, dealer: str, kind: Kind) -> float:
        """Of answering a request of `SIZE_REFERENCE` among `PANEL_REFERENCE`."""
        return self._q(dealer, kind)

    def q(self, dealer: str, kind: Kind, asked: int) -> float:
        """The chance of an answer to a request of the kind's size, among so many."""
        logit = self._q(dealer, kind) + PANEL_SLOPE * math.log(asked / PANEL_REFERENCE)
        return _expit(logit + SIZE_SLOPE * math.log(kind.size / SIZE_REFERENCE))

    def edge_bps(self, dealer: str, kind: Kind) -> float:
        """Of a bond of the usual width at the kind's size."""
        return self._e(dealer, kind) * _wider(kind.size)

    def firmness(self, dealer: str) -> float:
        return _expit(self._own[dealer][0])

    def median_s(self, dealer: str) -> float:
        return math.exp(self._own[dealer][1])

    def _drawn_q(self, dealer: str, kind: Kind) -> float:
        return 0.6 + self._sum("q", dealer, kind, _DEALERS)

    def _drawn_e(self, dealer: str, kind: Kind) -> float:
        return -14.0 + self._sum("e", dealer, kind, _EDGES) + self._sum("level", "", kind, _SCOPES)

    def _sum(self, what: str, dealer: str, kind: Kind, sds: Sequence[float]) -> float:
        return sum(
            Random(f"{self.seed} {what} {dealer} {level}").gauss(0.0, sd)
            for level, sd in zip(kind.levels, sds, strict=True)
        )


def _expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def _wider(size: int) -> float:
    return float((size / SIZE_REFERENCE) ** WIDTH_SLOPE)


@dataclass(slots=True)
class _Bond:
    isin: str
    issuer: str
    maturity: str
    width: float
    price: float


class Planted:
    """The past of one seed: so many rows, spread over `days` business days that end on the day before `until`."""

    def __init__(self, truth: Truth, rows: int, until: date, days: int) -> None:
        self.truth = truth
        self._rows, self._until, self._days = rows, until, days
        self._dice = Random(f"{truth.seed} past")
        self._kinds = kinds()
        self._bonds: dict[tuple[str, str, int, int], list[_Bond]] = {}

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Cells in the order of `COLUMNS`, oldest first."""
        days = self._business_days()
        told, number = 0, 0
        for at, day in enumerate(days, 1):
            due = self._rows * at // len(days)
            moments = sorted(self._dice.random() for _ in range(due - told))
            opens_ns = _ns(datetime.combine(day, _OPENS, UTC))
            for moment in moments:
                if told >= due:
                    break
                number += 1
                at_ns = opens_ns + int(moment * _OPEN_S * 1e9) // 1_000_000 * 1_000_000
                for row in self._round(number, at_ns, day, min(self._dice.choice(PANELS), due - told)):
                    told += 1
                    yield row

    def _business_days(self) -> list[date]:
        days: list[date] = []
        day = self._until
        while len(days) < self._days:
            day -= timedelta(days=1)
            if day.weekday() < 5:
                days.append(day)
        return days[::-1]

    def _bonds_of(self, kind: Kind, year: int) -> list[_Bond]:
        """Each year has new ones, so that they stay as far from their maturity as the kind says."""
        key = kind.asset_class, kind.rating, kind.years, year
        found = self._bonds.get(key)
        if found is None:
            at = _CREDITS.index(key[:3])
            found = self._bonds[key] = [self._bond(at, place, kind, year) for place in range(BONDS_A_SEGMENT)]
            # What the bonds of a segment have in common is its dealers' edge, not the width of any.
            usual = sum(bond.width for bond in found) / len(found)
            for bond in found:
                bond.width /= usual
        return found

    def _bond(self, at: int, place: int, kind: Kind, year: int) -> _Bond:
        dice = Random(f"{self.truth.seed} bond {at} {place} {year}")
        body = f"US99Y{at:02d}{place:02d}{year % 100:02d}"
        issuer = f"{kind.asset_class.capitalize()} issuer {at * BONDS_A_SEGMENT + place}"
        width = math.exp(dice.gauss(0.0, BOND_SD))
        maturity = f"{year + kind.years}-07-01"
        return _Bond(body + isin_check_digit(body), issuer, maturity, width, dice.uniform(85, 115))

    def _round(self, number: int, at_ns: int, day: date, asked: int) -> Iterator[tuple[str, ...]]:
        dice, truth = self._dice, self.truth
        gauss, random = dice.gauss, dice.random
        kind = self._kinds[int(random() * len(self._kinds))]
        bond = dice.choice(self._bonds_of(kind, day.year))
        sign = 1 if kind.side == "buy" else -1
        panel = dice.sample(truth.dealers, asked)
        mark = bond.price
        wide = bond.width * _wider(kind.size)
        in_common = gauss(0.0, MARK_SD_BPS) + wide * gauss(0.0, ROUND_SD_BPS)
        said: list[tuple[str, float, float]] = []
        for dealer in panel:
            seconds = price = 0.0
            if random() < truth.q(dealer, kind, asked):
                seconds = truth.median_s(dealer) * math.exp(gauss(0.0, ANSWER_SD))
                if seconds < DEADLINE_S:
                    edge = bond.width * truth.edge_bps(dealer, kind) + wide * gauss(0.0, NOISE_SD_BPS) + in_common
                    price = mark * (1 - sign * edge * 1e-4)
            said.append((dealer, seconds, price))
        quotes = sorted((price * sign, dealer, seconds) for dealer, seconds, price in said if price)
        decided_ns = at_ns + int((max((each[1] for each in said), default=0.0) or DEADLINE_S) * 1e9) + 1_000_000_000
        winner, filled = "", False
        if quotes and (mark - quotes[0][0] * sign) / mark * 1e4 * sign > _LIMIT_BPS:
            winner = quotes[0][1]
            filled = random() < truth.firmness(winner)
        mark_text = f"{mark:.4f}"
        decided, size = _text(decided_ns), str(kind.size)
        opened, deadline = _text(at_ns), _text(at_ns + int(DEADLINE_S * 1e9))
        moved, before = mark, 0.0
        after = []
        for span_s in _AFTER_S.values():
            moved *= 1 + gauss(0.0, _DAY_SD_BPS) * 1e-4 * math.sqrt((span_s - before) / 27_000)
            before = span_s
            after.append(f"{moved:.4f}")
        for share in (0.5, 1.0):
            moved *= 1 + gauss(0.0, _DAY_SD_BPS) * 1e-4 * math.sqrt(share)
            after.append(f"{moved:.4f}")
        bond.price = min(max(moved, 60.0), 140.0)
        name = f"P-{number:07d}"
        shared = (
            SOURCE, name, name, opened, bond.isin, kind.asset_class, bond.issuer, kind.asset_class + "s", bond.maturity,
            "4.5", kind.rating, kind.side, size, "0" if filled else size, "parallel", str(asked),
        )  # fmt: skip
        cover = f"{quotes[1][0] * sign:.4f}" if filled and len(quotes) > 1 else ""
        marks = (cover, "rule", "planted marks", "10", f"{MARK_SD_BPS:g}", mark_text)
        for place, (dealer, seconds, price) in enumerate(said, 1):
            head = (*shared, dealer, str(place), deadline)
            if not price:
                yield (*head, "none", "", "", "", "", "", "", "", "", *marks, "", mark_text, *after)
                continue
            quoted = f"{price:.4f}"
            if dealer != winner:
                rest = ("", "", "", "", "")
            elif filled:
                rest = ("filled", "", decided, size, quoted)
            else:
                rest = ("rejected", "last look", decided, "", "")
            answered = _text(at_ns + int(seconds * 1e9))
            yield (*head, "quote", answered, quoted, size, *rest, *marks, mark_text, mark_text, *after)


def write(rows: Iterator[tuple[str, ...]], out: TextIO) -> int:
    """Rows under their header; how many."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _ns(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000


@lru_cache(maxsize=4_096)
def _day_text(day: int) -> str:
    return f"{_EPOCH + timedelta(days=day):%Y-%m-%d}"


def _text(utc_ns: int) -> str:
    """To the millisecond."""
    day, rest = divmod(utc_ns // 1_000_000, 86_400_000)
    seconds, ms = divmod(rest, 1_000)
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    return f"{_day_text(day)}T{hours:02d}:{m:02d}:{s:02d}.{ms:03d}Z"
