"""A market in which nobody leaks and much looks like it.

Fifty dealers. One is better than the rest, and its trades are printed: the mid moves 3 bps, whoever else was asked. One
quotes from a price of half an hour ago, and wins when the market has moved against us since. Orders are worked in up to
three rounds, and those of an issuer overlap: what moves the market for one is in the windows of others.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from worlds.chance import Chance
from worlds.paths import Paths
from worlds.world import DAY_S

from engine.domain.observation import Answer, AskSeen, BondSeen, Horizon, MarkAfter, Protocol, RoundSeen, Taken
from engine.domain.order import MarkUsed, Side
from judging.sight import WAIT_S, at_ns, horizon_s

PRINTS, STALE = "d00", "d01"
DEALERS: Final = tuple(f"d{at:02d}" for at in range(50))
PRINT_BPS: Final = 3.0

_ISSUERS: Final = 12
_DAILY_BPS: Final = 30.0
_MARK_BPS: Final = 2.0
_STALE_S: Final = 1_800.0
_DECIDES_S: Final = 25.0
_ORDERS_A_DAY: Final = 8.0
_ROUNDS_APART_S: Final = 900.0


class Crowd:
    """`events` are the rounds of one seed, each followed in time by the marks after it."""

    def __init__(self, seed: int, rounds: int) -> None:
        self._chance = random.Random(f"crowd {seed}")
        self._paths = Paths(Chance("crowd", seed))
        self._prints: dict[int, list[tuple[float, float]]] = {}
        self._rounds = rounds
        self.ends_s = 0.0

    def events(self) -> Iterator[tuple[RoundSeen, MarkAfter | None]]:
        """A round when it is over, and again with each of its marks, in the order of times."""
        told: list[tuple[float, int, RoundSeen, int, Horizon | None]] = []
        for number, (at_s, issuer, parent, left) in enumerate(self._asks()):
            seen = self._round(number, at_s, issuer, parent, left)
            decided_s = at_s + _DECIDES_S
            told.append((decided_s, number, seen, issuer, None))
            told += [(horizon_s(each, decided_s), number, seen, issuer, each) for each in Horizon]
        told.sort(key=lambda each: each[:2])
        self.ends_s = told[-1][0]
        for at_s, _, seen, issuer, horizon in told:
            yield seen, None if horizon is None else MarkAfter(horizon, self._mark(issuer, at_s), Decimal(100))

    def _asks(self) -> list[tuple[float, int, int, int]]:
        """(when, issuer, parent order, rounds that come after it), in the order of times."""
        found: list[tuple[float, int, int, int]] = []
        at_s, parent = 2.0 * DAY_S, 0
        while len(found) < self._rounds:
            at_s += self._chance.expovariate(_ORDERS_A_DAY / DAY_S)
            parent += 1
            issuer, count = self._chance.randrange(_ISSUERS), self._chance.choice((1, 1, 2, 3))
            found += [(at_s + each * _ROUNDS_APART_S, issuer, parent, count - 1 - each) for each in range(count)]
        return sorted(found)[: self._rounds]

    def _round(self, number: int, at_s: float, issuer: int, parent: int, left: int) -> RoundSeen:
        chance = self._chance
        side = Side.buy if parent % 3 else Side.sell
        panel = sorted(chance.sample(DEALERS, chance.choice((3, 3, 4, 5))))
        fair = self._fair_bps(issuer, at_s)
        offset = {name: 8.0 + chance.gauss(0.0, 4.0) for name in panel}
        if PRINTS in offset:
            offset[PRINTS] -= PRINT_BPS
        if STALE in offset:
            offset[STALE] -= side.sign * (fair - self._fair_bps(issuer, at_s - _STALE_S))
        best = min(panel, key=lambda name: offset[name])
        winner = best if offset[best] < 9.0 else None
        if winner == PRINTS:
            self._prints.setdefault(issuer, []).append((at_s + _DECIDES_S, side.sign * PRINT_BPS))
        mark = self._mark(issuer, at_s)
        quantity = Decimal(chance.randrange(200_000, 5_000_000))
        asks = tuple(
            AskSeen(
                dealer=name,
                position=position,
                sent_ns=at_ns(at_s),
                deadline_ns=at_ns(at_s + WAIT_S),
                answer=Answer.quote,
                answered_ns=at_ns(at_s + 10.0),
                mark_sent=mark,
                index_sent=Decimal(100),
                taken=Taken.filled if name == winner else Taken.no,
                filled=quantity if name == winner else Decimal(0),
            )
            for position, name in enumerate(panel, 1)
        )
        decided_s = at_s + _DECIDES_S
        return RoundSeen(
            source="",
            rfq_id=str(number),
            round=1,
            parent_id=str(parent),
            sent_ns=at_ns(at_s),
            closed_ns=at_ns(decided_s),
            bond=BondSeen(f"bond-{issuer}", f"issuer-{issuer}", "corporate", "sector", "BBB"),
            segment=f"corporate|BBB|3-7y|500k-2mm|{side.value}",
            side=side,
            quantity=quantity,
            residual=quantity * left,
            protocol=Protocol.parallel,
            n_asked=len(asks),
            asks=asks,
            adv=Decimal(chance.randrange(500_000, 20_000_000)),
            volatility_bps=_DAILY_BPS,
            decided_ns=at_ns(decided_s),
            mark_decision=self._mark(issuer, decided_s),
            index_decision=Decimal(100),
        )

    def _fair_bps(self, issuer: int, at_s: float) -> float:
        printed = sum(bps for when_s, bps in self._prints.get(issuer, ()) if when_s < at_s)
        return _DAILY_BPS * self._paths.at(f"issuer {issuer}", at_s) + printed

    def _mark(self, issuer: int, at_s: float) -> MarkUsed:
        price = 100.0 + (self._fair_bps(issuer, at_s) + self._chance.gauss(0.0, _MARK_BPS)) / 100
        return MarkUsed(Decimal(f"{price:.6f}"), "composite", 0, "composite", _MARK_BPS)
