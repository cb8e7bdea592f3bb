"""A past of which the truth is known: rounds on many days, drawn from dealers that stay as they are or do not."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from kept_journal import keep
from seen_rounds import BUY, DAY_NS, FIRST_DAY, SELL, Truth, drawn_dealers, drawn_round

from engine.domain import events as e
from engine.domain.observation import RoundTold
from engine.domain.rows import changed
from engine.research.past import Source

OPENS, CLOSES = 0.55, 0.85
"""Of a day."""


def planted(
    rng: random.Random,
    dealers: Mapping[str, Truth],
    days: int,
    rounds_a_day: int,
    *,
    panel: Sequence[int] = (3, 4, 5),
    panel_slope: float = 0.0,
    noise_bps: float = 4.0,
    wander: float = 0.0,
    size_slope: float = 0.0,
) -> list[RoundTold]:
    """Panels by chance. `wander` is the sd by which the logit of a dealer's answering moves from day to day,
    `size_slope` what it changes by with ln(size / 1mm)."""
    told: list[RoundTold] = []
    moved = dict.fromkeys(dealers, 0.0)
    names = list(dealers)
    for day in range(days):
        if wander:
            # It comes back: half of what it is off is gone within a month.
            moved = {name: 0.977 * off + rng.gauss(0.0, wander) for name, off in moved.items()}
        today = {name: _moved(truth, moved[name]) for name, truth in dealers.items()} if wander else dealers
        for at, time in enumerate(sorted(rng.uniform(OPENS, CLOSES) for _ in range(rounds_a_day))):
            asked = rng.sample(names, rng.choice(panel))
            size = round(math.exp(rng.gauss(13.8, 1.0)), -4) if size_slope else 1_000_000
            for_size = size_slope * math.log(size / 1e6)
            these = {name: _moved(today[name], for_size) for name in asked} if for_size else today
            one = drawn_round(
                rng, f"Q-{day}-{at}", asked, these, day + time, rng.choice((BUY, SELL)),
                noise_bps=noise_bps, panel_slope=panel_slope,
            )  # fmt: skip
            if size_slope:
                one = changed(one, quantity=Decimal(size))
            told.append(RoundTold(one))
    return told


def _moved(truth: Truth, logit: float) -> Truth:
    odds = truth.q / (1.0 - truth.q) * math.exp(logit)
    return dataclasses.replace(truth, q=odds / (1.0 + odds))


def some_dealers(rng: random.Random, count: int = 12) -> dict[str, Truth]:
    return drawn_dealers(rng, count)


def day_ns(day: float) -> int:
    return round((FIRST_DAY + day) * DAY_NS)


def of(source: str, told: Sequence[RoundTold]) -> list[RoundTold]:
    """The same as another system's."""
    return [changed(each, seen=changed(each.seen, source=source)) for each in told]


def gathered(told: Sequence[RoundTold], path: Path) -> Source:
    """A journal of them."""
    keep([e.RoundObserved(each.seen.closed_ns, each.seen) for each in told], path, "credit")
    return Source(path)
