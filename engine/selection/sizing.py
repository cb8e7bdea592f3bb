"""Advice on how an order is shown: in smaller parts, or without its direction. The rule, or the trader, decides.

**Parts.** An order of size Q that is asked for in n rounds of Q / n costs the mean of what its rounds cost: each is a
choice of its own, by what is known of that size, and pays for what it leaks on the parts that are left. A round between
the first and the last costs about what lies between them. What the market does of itself in the meantime is nobody's
cost; what is not traded in a part costs what not trading costs, as ever.

**Both sides.** A dealer that is asked for a two-way price does not know which side is wanted, so it has less to tell:
`two_way_share` of a leak is left. Its price is worse by `two_way_bps`. Few desks have data of their own on either, so
both are settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.domain.recommendation import Selection
from engine.selection.request import Parameters

PARTS: Final = (2, 4)
"""Into how many parts an order may be advised to be cut."""
_STEP: Final = Decimal(1_000)
"""Parts are of whole thousands."""
_WORTH_SAYING_BPS: Final = 0.5
"""Less than that is within what any of these numbers is good for."""
_NO_LEAK_BPS: Final = 0.1
"""Where the first part, which has the most behind it, leaks no more than that, all parts cost the same."""


@dataclass(frozen=True, slots=True)
class Parts:
    """So many rounds of `quantity`: what they cost, and what they save beside one round of the whole.

    `saves_bps` is None where nobody can be asked for the whole, and more than its error `saves_se_bps` otherwise.
    """

    count: int
    quantity: Decimal
    cost_bps: float
    saves_bps: float | None
    saves_se_bps: float | None


@dataclass(frozen=True, slots=True)
class BothSides:
    """What asking for a two-way price would leak less, with the error of the leaks, and what it would cost."""

    saves_bps: float
    saves_se_bps: float
    costs_bps: float


@dataclass(frozen=True, slots=True)
class Sizing:
    """What is advised; None is nothing."""

    parts: Parts | None = None
    both_sides: BothSides | None = None


def sizing(
    whole: Selection, quantity: Decimal, of_part: Callable[[Decimal, Decimal], Selection], parameters: Parameters
) -> Sizing:
    """What to advise beside asking for the whole. `of_part` chooses for a size, where so much is left after it."""
    return Sizing(_parts(whole, quantity, of_part), _both_sides(whole, parameters))


def _parts(whole: Selection, quantity: Decimal, of_part: Callable[[Decimal, Decimal], Selection]) -> Parts | None:
    best: Parts | None = None
    for count in PARTS:
        size = (quantity / count / _STEP).to_integral_value() * _STEP
        if size <= 0:
            continue
        parts = [of_part(size, size * (count - 1))]
        first = parts[0].expected
        if first is not None and first.leak_bps > _NO_LEAK_BPS:
            # What is left makes a difference: a choice is some milliseconds in which nobody else is served.
            parts.append(of_part(size, Decimal(0)))
        rounds = [each.expected for each in parts if each.expected is not None and each.expected.fill > 0]
        if len(rounds) < len(parts):
            continue
        cost = sum(each.cost_bps for each in rounds) / len(rounds)
        saves = error = None
        if whole.asked and whole.expected is not None:
            saves = whole.expected.cost_bps - cost
            # Of the parts the same dealers are asked: their errors do not average out.
            error = max(_error_bps(whole, part) for part in parts)
            if saves <= 0:
                break  # What half of it does not save, a quarter does not.
            if saves < max(error, _WORTH_SAYING_BPS):
                continue
        if best is None or cost < best.cost_bps - _WORTH_SAYING_BPS:
            best = Parts(count, size, cost, saves, error)
    return best


def _error_bps(whole: Selection, part: Selection) -> float:
    """What the difference of two costs may be off by.

    What all dealers share, and what not trading costs, is the same for both, and counts as far as they rest on it
    unequally. Of what is not known of a dealer half is taken to be the same at any size.
    """
    (own, shared), (other, also) = _errors_bps(whole), _errors_bps(part)
    return math.hypot(math.sqrt(own**2 + other**2 - own * other), shared - also)


def _errors_bps(choice: Selection) -> tuple[float, float]:
    """(of the dealers asked, each its own; of what they share)"""
    expected = choice.expected
    assert expected is not None
    own = math.hypot(*[expected.marginal_se_bps[choice.candidates.index(name)] for name in choice.asked])
    return own, math.sqrt(max(0.0, expected.cost_se_bps**2 - own**2))


def _both_sides(whole: Selection, parameters: Parameters) -> BothSides | None:
    """Only by leaks that can be told: what is assumed of dealers is no reason to do anything."""
    expected = whole.expected
    if expected is None or not whole.asked:
        return None
    asked = [whole.candidates.index(name) for name in whole.asked]
    if any(expected.leak_identified[at] == "none" for at in asked):
        return None
    spared = expected.aversion * (1 - parameters.two_way_share)
    saves, costs = spared * expected.leak_bps, parameters.two_way_bps
    error = spared * math.hypot(*[expected.leak_se_bps[at] for at in asked])
    return BothSides(saves, error, costs) if saves - error > costs else None
