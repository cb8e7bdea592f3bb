"""A little market: dealers at fixed distances from a fair price that everybody sees, a bond of its own for each order.

It serves the measurements whose bars say what the world is like. Everybody quotes after some seconds if nothing else
is said, and whoever is best trades. It draws from one generator of its own, order by order.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from worlds.street import Piece
from worlds.world import DAY_S, Bond

from engine.dealers.segments import segment_of_key
from engine.domain.observation import (
    Answer,
    AskSeen,
    BondSeen,
    ChosenBy,
    Horizon,
    MarkAfter,
    Protocol,
    RoundSeen,
    Taken,
)
from engine.domain.order import MarkUsed, Side
from judging.policies import Policy
from judging.sight import WAIT_S, Asking, Panel, at_ns, horizon_s

ORDERS_A_DAY: Final = 15
_TRADING_DAY_S: Final = 27_000.0
_SEGMENT: Final = segment_of_key("corporate|BBB|3-7y|500k-2mm|buy")


@dataclass(frozen=True, slots=True)
class Habit:
    """How one dealer behaves in one order. `moves_bps` is what asking it moves the mid by from the decision on."""

    distance_bps: float
    answers: float = 1.0
    moves_bps: float = 0.0
    prints_bps: float = 0.0
    """What its trades move the mid by."""


class Little:
    """`distances` are those of the dealers; `habits` may say more of them, order by order."""

    def __init__(
        self,
        seed: int,
        distances: Sequence[float] = (),
        *,
        noise_bps: float,
        drift_sd_bps: float = 8.0,
        habits: Callable[[int], Sequence[Habit]] | None = None,
    ) -> None:
        self._chance = random.Random(f"little {seed}")
        self._habits = habits or (lambda order: [Habit(each) for each in distances])
        self._noise_bps = noise_bps
        self._drift_sd_bps = drift_sd_bps
        self.dealers = tuple(f"d{at:02d}" for at in range(len(self._habits(1))))

    def asking(self, order: int, at_most: int = 3) -> Asking:
        """What a policy is asked for an order."""
        at_s = order * DAY_S / ORDERS_A_DAY
        bond = BondSeen(f"bond-{order}", f"issuer-{order}", "corporate", "sector", "BBB")
        known = Bond(order, order, 0, "BBB", 5.0, 5e6)
        piece = Piece(order, 0, at_s, at_s, known, 1, 1e6, 0.0, 100.0)
        return Asking(
            piece=piece,
            key=str(order),
            parent_id=str(order),
            at_ns=at_ns(at_s),
            bond=bond,
            segment=_SEGMENT,
            side=Side.buy,
            quantity=Decimal(1_000_000),
            residual=Decimal(0),
            adv=Decimal(self._chance.randrange(2_000_000, 20_000_000)),
            volatility_bps=self._drift_sd_bps * math.sqrt(_TRADING_DAY_S / 1_800.0),
            mark=_mark(100.0),
            limit=Decimal(101),
            informed=frozenset(),
            dealers=self.dealers,
            at_most=at_most,
        )

    def trade(self, policy: Policy, order: int) -> tuple[Panel, RoundSeen]:
        """One order: whom the policy asked and what came of it, which it has been told."""
        asking = self.asking(order)
        panel = policy.choose(asking)
        seen, after = self.round_of(asking, panel, order)
        policy.saw(asking, seen, None)
        for each in after:
            policy.marked(seen, each)
        if order % ORDERS_A_DAY == 0:
            policy.day_ends(asking.at_ns)
        return panel, seen

    def round_of(self, asking: Asking, panel: Panel, order: int) -> tuple[RoundSeen, list[MarkAfter]]:
        """What is seen of a round with these dealers."""
        chance, habits = self._chance, dict(zip(self.dealers, self._habits(order), strict=True))
        drawn = {name: (chance.random(), chance.gauss(0.0, 1.0), chance.uniform(3.0, 20.0)) for name in self.dealers}
        drift = chance.gauss(0.0, self._drift_sd_bps)
        decision = _mark(100.0 + chance.gauss(0.0, self._drift_sd_bps / 16) / 100)
        quotes = {
            name: 100.0 + (habits[name].distance_bps + self._noise_bps * drawn[name][1]) / 100
            for name in panel.dealers
            if drawn[name][0] < habits[name].answers
        }
        winner = min(quotes, key=lambda name: quotes[name], default=None)
        sent_s = asking.piece.at_s
        decided_s = sent_s + (WAIT_S if len(quotes) < len(panel.dealers) else 21.0)
        asks = tuple(
            self._ask_seen(
                panel, name, position, quotes.get(name), sent_s, drawn[name][2], decision, decided_s, name == winner
            )
            for position, name in enumerate(panel.dealers, 1)
        )
        moved = drift + sum(habits[name].moves_bps for name in panel.dealers)
        if winner is not None:
            moved += habits[winner].prints_bps
        seen = RoundSeen(
            source="",
            rfq_id=asking.key,
            round=1,
            parent_id=asking.parent_id,
            sent_ns=asking.at_ns,
            closed_ns=at_ns(decided_s),
            bond=asking.bond,
            segment=asking.segment.key,
            side=asking.side,
            quantity=asking.quantity,
            residual=Decimal(0) if winner is not None else asking.quantity,
            protocol=Protocol.parallel,
            n_asked=len(asks),
            asks=asks,
            adv=asking.adv,
            volatility_bps=asking.volatility_bps,
            decided_ns=at_ns(decided_s),
            mark_decision=decision,
            index_decision=Decimal(100),
            p_panel=panel.p_panel,
        )
        later = _mark(float(decision.price) * (1 + moved / 10_000))
        after = [MarkAfter(horizon, later, Decimal(100)) for horizon in Horizon]
        return seen, sorted(after, key=lambda each: horizon_s(each.horizon, decided_s))

    @staticmethod
    def _ask_seen(
        panel: Panel,
        name: str,
        position: int,
        price: float | None,
        sent_s: float,
        seconds: float,
        decision: MarkUsed,
        decided_s: float,
        wins: bool,
    ) -> AskSeen:
        quoted = Decimal(f"{price:.6f}") if price is not None else None
        return AskSeen(
            dealer=name,
            position=position,
            sent_ns=at_ns(sent_s),
            deadline_ns=at_ns(sent_s + WAIT_S),
            answer=Answer.quote if quoted is not None else Answer.none,
            answered_ns=at_ns(sent_s + seconds) if quoted is not None else None,
            price=quoted,
            quantity=Decimal(1_000_000) if quoted is not None else None,
            edge_bps=-(price - 100.0) * 100 if price is not None else None,
            mark_sent=_mark(100.0),
            index_sent=Decimal(100),
            mark_answered=_mark(100.0) if quoted is not None else None,
            taken=Taken.filled if wins else Taken.no,
            accepted_ns=at_ns(decided_s) if wins else None,
            decided_ns=at_ns(decided_s + 1) if wins else None,
            mark_decided=decision if wins else None,
            filled=Decimal(1_000_000) if wins else Decimal(0),
            fill_price=quoted if wins else None,
            chosen_by=ChosenBy.explored if name in panel.explored else ChosenBy.rule,
            p=panel.p.get(name),
        )


def _mark(price: float) -> MarkUsed:
    return MarkUsed(Decimal(f"{price:.6f}"), "composite", 0, "composite", 1.0)
