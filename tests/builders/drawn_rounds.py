"""Rounds of a market whose truth is known, asked by the engine's own choice with exploration, and what chance did.

One bond an issuer; each dealer quotes with its chance, at its edge with noise around what all quotes of a round share.
Rounds end before the next one begins.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.dealers.segments import segment_of_key
from engine.domain.observation import (
    Answer,
    AskSeen,
    BondSeen,
    Horizon,
    MarkAfter,
    Protocol,
    RoundSeen,
    RoundTold,
    Taken,
)
from engine.domain.order import MarkUsed, Side
from engine.domain.recommendation import Selection
from engine.market.tca import quote_edge_bps
from engine.research.choices import Choices, choice_of
from engine.research.knowledge import Knowledge
from engine.rules.plan import Ask, Mode, Plan, Ranking
from engine.selection.candidates import Candidates
from engine.selection.choose import choose
from engine.selection.request import Exploring, Parameters, Request
from engine.selection.wanted import RulePlan

SEGMENT: Final = "corporate|BBB|3-7y|500k-2mm|buy"
SIZE: Final = Decimal(1_000_000)
FIRST_DAY: Final = 20_000
ROUNDS_A_DAY: Final = 20
SHARED_SD_BPS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Habit:
    """What a dealer does when it is asked."""

    answers: float
    edge_bps: float
    noise_bps: float = 2.0


Habits = Mapping[str, Habit]


def sent_ns(number: int) -> int:
    day, of_day = divmod(number, ROUNDS_A_DAY)
    return (FIRST_DAY + day) * NS_PER_DAY + (9 * 3_600 + of_day * 900) * NS_PER_S


def drawn_rounds(
    habits: Habits,
    rounds: int,
    exploring: Exploring,
    ask: Ask,
    seed: int = 1,
    ranking: Ranking | None = None,
    choices: Choices | None = None,
) -> Iterator[RoundTold]:
    """What a desk saw that asked by `ranking` (classic); what it chose goes into `choices`."""
    chance, known = random.Random(f"drawn {seed}"), Knowledge()
    known.meet(habits)
    limits = Plan(Mode.PARALLEL, None, None, None, frozenset(), ())
    wanted = RulePlan(Ranking() if ranking is None else ranking, ask, frozenset(), limits)
    for number in range(rounds):
        at_ns = sent_ns(number)
        known.until(at_ns)
        request = Request(segment_of_key(SEGMENT), "corporate", at_ns, quantity=SIZE, mark=_mark())
        bare = round_of(number, habits, (), chance, None)
        made = choose(
            request,
            wanted,
            Candidates(tuple(sorted(habits)), ()),
            known.records(bare.seen),
            Parameters(exploring=exploring),
            f"{seed} {number}".encode(),
        )
        told = round_of(number, habits, made.asked, chance, made)
        known.add(told)
        if choices is not None:
            choices.put("", told.seen.rfq_id, 1, choice_of(made))
        yield told


def round_of(
    number: int, habits: Habits, panel: Sequence[str], chance: random.Random, made: Selection | None
) -> RoundTold:
    """One round: the best quote is taken, and fills."""
    at_ns = sent_ns(number)
    shared = chance.gauss(0.0, SHARED_SD_BPS)
    p = dict(zip(made.candidates, made.inclusion_p, strict=True)) if made is not None else {}
    prices: dict[str, Decimal] = {}
    for name in panel:
        habit = habits[name]
        answers, noise = chance.random() < habit.answers, chance.gauss(0.0, habit.noise_bps)
        if answers:
            prices[name] = Decimal(f"{100 * (1 - (habit.edge_bps + shared + noise) / 1e4):.6f}")
    best = min(prices, key=lambda name: prices[name], default=None)
    asks = tuple(
        _ask(name, place, at_ns, prices.get(name), name == best, p.get(name)) for place, name in enumerate(panel, 1)
    )
    closed_ns = at_ns + 61 * NS_PER_S
    moved = MarkUsed(Decimal(f"{100 + chance.gauss(0.0, 0.02):.6f}"), "composite", 0, "composite", 1.0)
    seen = RoundSeen(
        source="",
        rfq_id=f"Q-{number:06d}",
        round=1,
        parent_id=f"O-{number:06d}",
        sent_ns=at_ns,
        closed_ns=closed_ns,
        bond=BondSeen(f"bond-{number % 40}", f"issuer-{number % 40}", "corporate", "sector", "BBB"),
        segment=SEGMENT,
        side=Side.buy,
        quantity=SIZE,
        residual=Decimal(0) if best is not None else SIZE,
        protocol=Protocol.parallel,
        n_asked=len(panel),
        asks=asks,
        decided_ns=closed_ns,
        mark_decision=_mark(),
        p_panel=made.panel_p if made is not None else None,
    )
    return RoundTold(seen, (MarkAfter(Horizon.half_hour, moved), MarkAfter(Horizon.next_day, moved)))


def _ask(name: str, place: int, at_ns: int, price: Decimal | None, wins: bool, p: float | None) -> AskSeen:
    done_ns = at_ns + 61 * NS_PER_S
    return AskSeen(
        dealer=name,
        position=place,
        sent_ns=at_ns,
        deadline_ns=at_ns + 60 * NS_PER_S,
        answer=Answer.quote if price is not None else Answer.none,
        answered_ns=at_ns + 10 * NS_PER_S if price is not None else None,
        price=price,
        quantity=SIZE if price is not None else None,
        edge_bps=quote_edge_bps(Side.buy.sign, price, Decimal(100)) if price is not None else None,
        mark_sent=_mark(),
        mark_answered=_mark() if price is not None else None,
        priced_ns=at_ns + 10 * NS_PER_S if price is not None else None,
        taken=Taken.filled if wins else Taken.no,
        accepted_ns=done_ns if wins else None,
        decided_ns=done_ns if wins else None,
        mark_decided=_mark() if wins else None,
        filled=SIZE if wins else Decimal(0),
        fill_price=price if wins else None,
        p=p,
    )


def _mark() -> MarkUsed:
    return MarkUsed(Decimal(100), "composite", 0, "composite", 1.0)


def true_cost_bps(habits: Habits, panel: Sequence[str], c_fail_bps: float, draws: int = 20_000) -> tuple[float, float]:
    """(what this panel costs, its standard error), by drawing."""
    chance, costs = random.Random(f"truth {sorted(panel)}"), []
    for _ in range(draws):
        shared = chance.gauss(0.0, SHARED_SD_BPS)
        edges = [
            habits[name].edge_bps + shared + chance.gauss(0.0, habits[name].noise_bps)
            for name in panel
            if chance.random() < habits[name].answers
        ]
        costs.append(-max(edges) if edges and max(edges) > -c_fail_bps else c_fail_bps)
    mean = sum(costs) / draws
    return mean, math.sqrt(sum((each - mean) ** 2 for each in costs)) / draws
