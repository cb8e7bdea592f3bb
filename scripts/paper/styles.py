"""How a dealer behaves: its styles, and the answer it gives to the n-th request for a bond.

Everything is decided from (seed, dealer, what is asked, how often it was asked before): pure, and the
same on every run, whatever identifiers the other side draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .prices import draw


@dataclass(frozen=True, slots=True)
class Style:
    """Ranges are (least, most), drawn evenly; times in seconds of the scaled clock, chances 0 to 1."""

    latency_s: tuple[float, float]
    half_spread_bps: tuple[float, float]
    quote_life_s: tuple[float, float]
    silent: float = 0.02
    declines: float = 0.03
    indicative: float = 0.03
    last_look_rejects: float = 0.0
    last_look_s: tuple[float, float] = (0.05, 0.3)
    acknowledges: bool = False
    honours_valid_until: bool = True  # the quote stands as long as the request's ValidUntilTime(62)
    answers_late: bool = False
    skew_bps: float = 4.0  # how far its view of fair may lie from everyone's
    scatter_bps: float = 0.0  # what its half spread varies by beyond its range, one standard deviation
    advertises: int = 0  # bonds that it says each day it wants to buy or sell, by IOI(6)


STYLES: Final[Mapping[str, Style]] = {
    "fast-wide": Style(
        latency_s=(0.2, 0.9), half_spread_bps=(28, 45), quote_life_s=(60, 120), declines=0.01, advertises=3
    ),
    "slow-tight": Style(latency_s=(5, 14), half_spread_bps=(7, 13), quote_life_s=(30, 60), answers_late=True),
    "silent-half": Style(latency_s=(1, 4), half_spread_bps=(14, 24), quote_life_s=(30, 60), silent=0.5),
    "last-look": Style(
        latency_s=(0.5, 2),
        half_spread_bps=(5, 10),
        quote_life_s=(10, 20),
        last_look_rejects=0.4,
        last_look_s=(0.5, 2.5),
        acknowledges=True,
        honours_valid_until=False,
    ),
    "average": Style(latency_s=(1, 5), half_spread_bps=(16, 26), quote_life_s=(30, 90), declines=0.05, advertises=4),
}


class Answer(StrEnum):
    """What a dealer does with a request."""

    SILENCE = "silence"
    DECLINE = "decline"
    INDICATIVE = "indicative"
    FIRM = "firm"


@dataclass(frozen=True, slots=True)
class QuotePlan:
    """The answer to one request; `skew_bps` moves the dealer's mid, positive is up."""

    answer: Answer
    latency_s: float
    half_spread_bps: float
    skew_bps: float
    quote_life_s: float
    decline_reason: int  # QuoteRequestRejectReason(658)


@dataclass(frozen=True, slots=True)
class Interest:
    """What a dealer wants: `side` as Side(54) has it, `size` as IOIQty(27), a face amount or S, M, L."""

    security_id: str
    side: str
    size: str


@dataclass(frozen=True, slots=True)
class FillPlan:
    """What becomes of an order on a live quote."""

    rejects: bool
    latency_s: float


def plan_quote(style: Style, seed: int, dealer: str, security_id: str, nth: int, *, speciality: bool) -> QuotePlan:
    """The answer to the `nth` request for a bond; a speciality is quoted at two thirds of the spread."""
    dice = draw(seed, dealer, "quote", security_id, nth)
    chance = dice.random()
    latency_s = dice.uniform(*style.latency_s)
    half_spread_bps = dice.uniform(*style.half_spread_bps) * (2 / 3 if speciality else 1)
    skew_bps = dice.uniform(-style.skew_bps, style.skew_bps)
    quote_life_s = dice.uniform(*style.quote_life_s)
    decline_reason = dice.choice((9, 10))  # no inventory, pass
    if style.scatter_bps:
        half_spread_bps += dice.gauss(0.0, style.scatter_bps)
    answer = Answer.FIRM
    for outcome, share in (
        (Answer.SILENCE, style.silent),
        (Answer.DECLINE, style.declines),
        (Answer.INDICATIVE, style.indicative),
    ):
        if chance < share:
            answer = outcome
            break
        chance -= share
    return QuotePlan(answer, latency_s, half_spread_bps, skew_bps, quote_life_s, decline_reason)


def plan_interests(style: Style, seed: int, dealer: str, securities: Sequence[str], day: str) -> list[Interest]:
    """What it advertises on a day, of these bonds."""
    dice = draw(seed, dealer, "interests", day, len(securities))
    chosen = dice.sample(list(securities), min(style.advertises, len(securities)))
    sizes = ("1000000", "2000000", "5000000", "S", "M", "L")
    return [Interest(security_id, dice.choice("12"), dice.choice(sizes)) for security_id in chosen]


def plan_fill(style: Style, seed: int, dealer: str, security_id: str, nth: int) -> FillPlan:
    """What becomes of the `nth` order for a bond."""
    dice = draw(seed, dealer, "fill", security_id, nth)
    return FillPlan(dice.random() < style.last_look_rejects, dice.uniform(*style.last_look_s))
