"""Rounds as dealers' estimates are told them: written by hand, or drawn from dealers whose truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.dealers.estimates import Asking
from engine.dealers.segments import segment_of_key
from engine.domain.observation import Answer, AskSeen, BondSeen, Protocol, RoundSeen, Taken
from engine.domain.order import MarkUsed, Side

DAY_NS = 86_400 * 10**9
FIRST_DAY = 20_000
BUY = "corporate|BBB|3-7y|500k-2mm|buy"
SELL = "corporate|BBB|3-7y|500k-2mm|sell"
SIZE = Decimal(1_000_000)
DEADLINE_S = 60.0


def asked(dealer: str, day: float = 0.0, edge_bps: float | None = None, **changes: Any) -> AskSeen:
    """One ask: a quote after ten seconds where there is an edge, silence where there is none."""
    sent_ns = round((FIRST_DAY + day) * DAY_NS)
    row: dict[str, Any] = {
        "position": 1,
        "sent_ns": sent_ns,
        "deadline_ns": sent_ns + round(DEADLINE_S * 1e9),
        "answer": Answer.none if edge_bps is None else Answer.quote,
    }
    if edge_bps is not None:
        row |= {"answered_ns": sent_ns + 10 * 10**9, "quantity": SIZE, "edge_bps": edge_bps}
    return AskSeen(dealer, **(row | changes))


def seen(name: str, asks: Sequence[AskSeen], day: float = 0.0, segment: str = BUY, **changes: Any) -> RoundSeen:
    """One round of them."""
    sent_ns = round((FIRST_DAY + day) * DAY_NS)
    row: dict[str, Any] = {
        "round": 1,
        "parent_id": name,
        "sent_ns": sent_ns,
        "closed_ns": sent_ns + round(DEADLINE_S * 1e9),
        "bond": BondSeen("bond", "issuer", segment.split("|")[0]),
        "segment": segment,
        "side": Side(segment_of_key(segment).side) if segment.count("|") > 2 else Side.buy,
        "quantity": SIZE,
        "residual": None,
        "protocol": Protocol.parallel,
        "n_asked": len(asks),
        "asks": tuple(asks),
    }
    return RoundSeen("", name, **(row | changes))


def asking(day: float = 0.0, segment: str = BUY, quantity: Decimal = SIZE, wait_s: float = DEADLINE_S) -> Asking:
    """A request of that day."""
    return Asking(segment_of_key(segment), quantity, wait_s, round((FIRST_DAY + day) * DAY_NS), "bond")


@dataclass(frozen=True, slots=True)
class Truth:
    """What a dealer is drawn by: `q` is of one that is asked alone; `*_apart` is what a buy adds and a sell takes."""

    q: float
    e_bps: float
    f: float
    z: float
    median_s: float = 12.0
    q_apart: float = 0.0
    """On the logit."""
    e_apart_bps: float = 0.0

    def q_of(self, segment: str, logit: float = 0.0) -> float:
        """The chance of an answer, moved by so much on the logit."""
        apart = -self.q_apart if segment.endswith("sell") else self.q_apart
        odds = self.q / (1.0 - self.q) * math.exp(logit + apart)
        return odds / (1.0 + odds)

    def e_of(self, segment: str) -> float:
        """The edge."""
        return self.e_bps + (-self.e_apart_bps if segment.endswith("sell") else self.e_apart_bps)


def drawn_dealers(rng: random.Random, count: int) -> dict[str, Truth]:
    """Dealers of one population."""
    return {
        f"D{place:02}": Truth(
            q=rng.betavariate(6, 3),
            e_bps=rng.gauss(-12, 8),
            f=rng.betavariate(18, 1.5),
            z=rng.betavariate(8, 2),
            median_s=math.exp(rng.gauss(2.5, 0.4)),
            q_apart=rng.gauss(0.0, 0.12),
            e_apart_bps=rng.gauss(0.0, 1.5),
        )
        for place in range(count)
    }


def drawn_round(
    rng: random.Random,
    name: str,
    panel: Sequence[str],
    dealers: Mapping[str, Truth],
    day: float,
    segment: str = BUY,
    mark_sd_bps: float = 5.0,
    noise_bps: float = 4.0,
    panel_slope: float = 0.0,
) -> RoundSeen:
    """One round of a panel: the mark is wrong for all of it, the best quote is accepted."""
    off = rng.gauss(0.0, mark_sd_bps)
    mark = MarkUsed(Decimal(100), "made", 0, "firm", mark_sd_bps)
    asks: list[AskSeen] = []
    for place, dealer in enumerate(panel):
        truth = dealers[dealer]
        q = truth.q_of(segment, panel_slope * math.log(len(panel)))
        latency_s = truth.median_s * math.exp(rng.gauss(0.0, 0.5))
        if rng.random() < q:
            # Half of the sizes are whole, or nearly: the mean is the dealer's own.
            share = min(1.0, rng.betavariate(6 * truth.z, 6 * (1 - truth.z)))
            asks.append(
                asked(
                    dealer,
                    day,
                    truth.e_of(segment) + off + rng.gauss(0.0, noise_bps),
                    position=place + 1,
                    answered_ns=round((FIRST_DAY + day) * DAY_NS + min(latency_s, DEADLINE_S) * 1e9),
                    quantity=SIZE * Decimal(round(share, 4)),
                    mark_answered=mark,
                )
            )
        else:
            asks.append(asked(dealer, day, position=place + 1))
    quoted = [place for place, ask in enumerate(asks) if ask.edge_bps is not None]
    if quoted:
        best = max(quoted, key=lambda place: asks[place].edge_bps or 0.0)
        dealer = asks[best].dealer
        taken = Taken.filled if rng.random() < dealers[dealer].f else Taken.rejected
        asks[best] = asked(
            dealer,
            day,
            asks[best].edge_bps,
            position=best + 1,
            answered_ns=asks[best].answered_ns,
            quantity=asks[best].quantity,
            mark_answered=mark,
            taken=taken,
        )
    return seen(name, asks, day, segment)
