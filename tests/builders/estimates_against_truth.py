"""Estimates against the truth of drawn dealers: bias, error and how often the 90 % intervals hold it.

`python tests/builders/estimates_against_truth.py` prints the table (with `tests/builders` and the project on the path).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from seen_rounds import BUY, SELL, Truth, asked, asking, drawn_dealers, drawn_round, seen

from engine.dealers.estimates import Estimates
from engine.dealers.outlook import Outlook
from engine.domain.observation import BondSeen
from engine.domain.order import MarkUsed

DEALERS = 20
ASKS_A_DAY = 20
PANELS = (2, 3, 4, 5)
PANEL_SLOPE = -0.4
AMONG = 3
MEASURES = ("q", "e", "f", "z")
ASKS = (20, 100, 500)


@dataclass(slots=True)
class Found:
    """One measure after so many asks of each dealer."""

    errors: list[float] = field(default_factory=list)
    sds: list[float] = field(default_factory=list)
    held: int = 0

    @property
    def count(self) -> int:
        return len(self.errors)

    @property
    def bias(self) -> float:
        return sum(self.errors) / self.count

    @property
    def rms(self) -> float:
        return math.sqrt(sum(x * x for x in self.errors) / self.count)

    @property
    def coverage(self) -> float:
        return self.held / self.count


def measured(asks: int, worlds: int, seed: int = 1) -> dict[str, Found]:
    """Each measure over all dealers of so many worlds."""
    found = {name: Found() for name in MEASURES}
    for world in range(worlds):
        rng = random.Random(f"{seed}-{asks}-{world}")
        dealers, estimates = drawn_dealers(rng, DEALERS), Estimates()
        day = _ask(rng, dealers, estimates, asks)
        for outlook in estimates.outlooks(sorted(dealers), asking(day)):
            for name, (truth, value, low, high, sd) in _held_against(outlook, dealers[outlook.dealer]).items():
                found[name].errors.append(value - truth)
                found[name].sds.append(sd)
                found[name].held += low <= truth <= high
    return found


def _ask(rng: random.Random, dealers: dict[str, Truth], estimates: Estimates, asks: int) -> float:
    names, asked, day, number = sorted(dealers), 0, -1, 0
    while asked < asks * DEALERS:
        if asked // (ASKS_A_DAY * DEALERS) > day:
            day += 1
            estimates.daily(asking(day).now_ns)
        size = rng.choice(PANELS)
        panel = rng.sample(names, size)
        side = rng.choice((BUY, SELL))
        estimates.learn(drawn_round(rng, f"r{number}", panel, dealers, day, side, panel_slope=PANEL_SLOPE))
        asked, number = asked + size, number + 1
    estimates.daily(asking(day).now_ns)
    return float(day)


def _held_against(outlook: Outlook, truth: Truth) -> dict[str, tuple[float, float, float, float, float]]:
    """(truth, value, low, high, sd) by measure; the rate of answering among three."""
    e, f, z, q = outlook.e, outlook.f, outlook.z, outlook.q
    value, low, high = (_moved(x, outlook.q_slope * math.log(AMONG)) for x in (q.value, q.low, q.high))
    among = truth.q_of(BUY, PANEL_SLOPE * math.log(AMONG))
    return {
        "q": (among, value, low, high, q.sd),
        "e": (truth.e_of(BUY), e.value, e.low, e.high, e.sd),
        "f": (truth.f, f.value, f.low, f.high, f.sd),
        "z": (truth.z, z.value, z.low, z.high, z.sd),
    }


def _moved(p: float, move: float) -> float:
    odds = p / (1.0 - p) * math.exp(move)
    return odds / (1.0 + odds)


def looking_best(rounds: int, mark_sd_bps: float, seed: str) -> list[float]:
    """What dealers are better than their estimates say, those first that look best: a desk that asks three at a time.

    Every order is in a bond of its own, at 5 to 50 % of its ADV; quotes are no wider for it. Marks are off by 1 bps,
    whatever is said of them.
    """
    rng, estimates = random.Random(seed), Estimates()
    dealers = {f"D{place:02}": rng.gauss(-10.0, 8.0) for place in range(DEALERS)}
    mark, day = MarkUsed(Decimal(100), "made", 0, "firm", mark_sd_bps), 0
    for number in range(rounds):
        if number % 15 == 0:
            day = number // 15
            estimates.daily(asking(day).now_ns)
        off = rng.gauss(0.0, 1.0)
        edges = {
            name: dealers[name] + off + rng.gauss(0.0, 4.0) if rng.random() < 0.7 else None
            for name in rng.sample(sorted(dealers), 3)
        }
        asks = [asked(name, day, edge, mark_answered=None if edge is None else mark) for name, edge in edges.items()]
        bond, adv = BondSeen(f"bond {number}", "issuer", "corporate"), Decimal(rng.randrange(2_000_000, 20_000_000))
        estimates.learn(seen(f"r{number}", asks, day, bond=bond, adv=adv))
    estimates.daily(asking(day).now_ns)
    request = replace(asking(day), bond="another", adv=Decimal(9_700_000))
    ranked = sorted(estimates.outlooks(sorted(dealers), request), key=lambda outlook: -outlook.e.value)
    return [dealers[outlook.dealer] - outlook.e.value for outlook in ranked]


def table(worlds: Sequence[int] = (40, 20, 8), seed: int = 1) -> str:
    """The table of a note: a line a measure and number of asks."""
    lines = ["measure  asks     n     bias      rms  mean sd  coverage of 90 %"]
    for asks, count in zip(ASKS, worlds, strict=True):
        for name, one in measured(asks, count, seed).items():
            error = 2 * math.sqrt(0.09 / one.count)
            lines.append(
                f"{name:7}  {asks:4}  {one.count:4}  {one.bias:+7.3f}  {one.rms:7.3f}  "
                f"{sum(one.sds) / one.count:7.3f}  {100 * one.coverage:5.1f} (90 +- {100 * error:.1f})"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
