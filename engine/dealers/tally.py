"""What one ask adds to the sums of its dealer, and what is no observation.

An ask counts for the rate of answering as it would have counted had the usual number been asked for the usual size: one
Laplace step on the logit, at the dealer's own rate. Without an offset that is the ask itself, and the rate a Beta.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from engine.dealers import evidence as ev
from engine.dealers import latency, rates
from engine.dealers.estimate_parameters import EstimateParameters
from engine.dealers.evidence import Cell, Change
from engine.dealers.noise import Off
from engine.domain.observation import Answer, AskSeen, Protocol, RoundSeen, Taken
from engine.domain.order import MarkUsed, Side

_EDGE_BPS_MAX: Final = 10_000.0
"""A price that is off by more than itself is garbage in, and no observation."""
_NS_PER_S: Final = 1e9
_NOBODY: Final[Mapping[str, Cell]] = {}


class Response(NamedTuple):
    """An ask as it counts: `weight` and `total` for the rate, (information, score) for the slope by panel size.

    `logit` is that of the chance to answer which the dealer's own record gave it.
    """

    weight: float
    total: float
    slope: tuple[float, float] | None
    logit: float


def panel_log(seen: RoundSeen, p: EstimateParameters) -> float:
    """ln of how many compete, over the reference. Those asked one after the other do not compete."""
    asked = 1 if seen.protocol is Protocol.sequence else max(1, seen.n_asked)
    return math.log(asked / p.panel_reference)


def size_offset(quantity: Decimal, p: EstimateParameters) -> float:
    """What the size does to the logit of answering."""
    return p.size_slope * math.log(max(float(quantity), 1.0) / p.size_reference)


def response(
    cells: Iterable[Mapping[str, Cell] | None],
    ask: AskSeen,
    panel: float,
    panel_slope: float,
    size: float,
    p: EstimateParameters,
    unit: float,
) -> Response:
    """The ask of a dealer whose cells, from the desk down to the segment, are among `cells`."""
    answered = 1.0 if ask.answer is Answer.quote else 0.0
    offset = panel_slope * panel + size
    mean, usual, known = p.q_mean, panel, False
    for level, scope in enumerate(cells):
        cell = None if scope is None else scope.get(ask.dealer)
        if cell is None:
            break
        strength = rates.strength_at(p.strengths, level)
        mean = (strength * mean + cell[ev.Q_SUM] * unit) / (strength + cell[ev.Q_WEIGHT] * unit)
        usual, known = cell[ev.PANELS] / cell[ev.ASKS], True
    mean = min(max(mean, 0.02), 0.98)
    logit = rates.logit(mean) + offset
    expected = rates.expit(logit) if offset else mean
    information = expected * (1.0 - expected)
    slope = None
    if known:
        # Against the dealer's own usual panel: what dealers differ by is no slope.
        off = panel - usual
        lean = information * off * off
        slope = lean, (answered - expected) * off + lean * panel_slope
    if not offset:
        return Response(1.0, answered, slope, logit)
    weight = information / (mean * (1.0 - mean))
    return Response(weight, weight * mean + answered - expected, slope, logit)


def changes(ask: AskSeen, seen: RoundSeen, counted: Response, panel: float) -> tuple[Change, ...]:
    """What an ask adds to the dealer's cells."""
    found: list[Change] = [
        (ev.COUNT, 1.0),
        (ev.ASKS, 1.0),
        (ev.ASKS_SQUARED, 1.0),
        (ev.PANELS, panel),
        (ev.Q_WEIGHT, counted.weight),
        (ev.Q_SUM, counted.total),
    ]
    if ask.answer is Answer.quote:
        if ask.answered_ns is not None:
            place = latency.bin_of((ask.answered_ns - ask.sent_ns) / _NS_PER_S)
            end = ev.BINS - 1
            if ask.deadline_ns is not None:
                end = max(place, latency.bin_of((ask.deadline_ns - ask.sent_ns) / _NS_PER_S))
            found += ((ev.QUICK + place, 1.0), (ev.ENDS + end, 1.0))
        if ask.quantity is not None and seen.quantity > 0:
            share = min(1.0, max(0.0, float(ask.quantity / seen.quantity)))
            found += ((ev.Z_WEIGHT, 1.0), (ev.Z_SUM, share), (ev.Z_SUM_OF_SQUARES, share * share), (ev.Z_SQUARED, 1.0))
        if edge_of(ask) is not None:
            found += ((ev.EDGES, 1.0), (ev.EDGES_SQUARED, 1.0))
    if ask.taken is not Taken.no:
        found += ((ev.F_WEIGHT, 1.0), (ev.F_SQUARED, 1.0))
        if ask.taken is Taken.filled:
            found.append((ev.F_SUM, 1.0))
        if ask.taken is not Taken.rejected:
            found.append((ev.TRADES, 1.0))
        else:
            move = _move_against_bps(seen.side, ask.mark_answered, ask.mark_decided)
            if move is not None:
                found += ((ev.REJECTS, 1.0), (ev.REJECT_MOVES, move))
    return tuple(found)


def edge_of(ask: AskSeen) -> float | None:
    """The edge of a quote; None where there is no quote, no fit mark, or garbage."""
    edge = ask.edge_bps
    if ask.answer is not Answer.quote or edge is None or not math.isfinite(edge) or abs(edge) > _EDGE_BPS_MAX:
        return None
    return edge


def mark_variance(asks: Sequence[AskSeen], unknown_sd_bps: float) -> float:
    """The variance of the mark that a round's quotes are held against; one error for all of them."""
    sds = [ask.mark_answered.sd_bps for ask in asks if ask.mark_answered and ask.mark_answered.sd_bps is not None]
    return (max(sds) if sds else unknown_sd_bps) ** 2


def clipped(
    quotes: Mapping[str, float],
    expected: Mapping[str, tuple[float, float]],
    noise_of: Callable[[str], float],
    round_variance: float,
    sds: float,
) -> tuple[tuple[str, float], ...]:
    """Edges, drawn in to so many sds of what the day's scales allow: around the round's middle, and the middle itself.

    `expected` is (mean, variance) of each dealer, `noise_of` the noise of its quotes. The mark votes as one quote
    would: of two quotes the one nearer to it is believed.
    """
    offs = {dealer: edge - expected[dealer][0] for dealer, edge in quotes.items()}
    variances = {dealer: expected[dealer][1] + noise_of(dealer) ** 2 for dealer in quotes}
    ordered = sorted([0.0, *offs.values()])
    half = len(ordered) // 2
    middle = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    centre = _within(middle, sds * math.sqrt(round_variance + max(variances.values(), default=0.0)))
    taken: list[tuple[str, float]] = []
    for dealer, off in offs.items():
        mean = expected[dealer][0]
        taken.append((dealer, mean + centre + _within(off - middle, sds * math.sqrt(variances[dealer]))))
    return tuple(taken)


def in_common(
    taken: Sequence[tuple[str, float]],
    expected: Mapping[str, tuple[float, float]],
    noise_of: Callable[[str], float],
    mark_var: float,
) -> float:
    """Square of what a round's quotes have in common, less what marks, noise and errors of the estimates make of it."""
    believed = [1.0 / noise_of(dealer) ** 2 for dealer, _ in taken]
    whole = sum(believed)
    shares = [each / whole for each in believed]
    off = sum(share * (edge - expected[dealer][0]) for share, (dealer, edge) in zip(shares, taken, strict=True))
    errors = sum(share * share * expected[dealer][1] for share, (dealer, _) in zip(shares, taken, strict=True))
    return off * off - mark_var - errors - 1.0 / whole


def scatter(
    taken: Sequence[tuple[str, float]],
    own: Mapping[str, tuple[float, float]],
    noise_of: Callable[[str], float],
    in_common: float,
) -> tuple[Off, ...]:
    """What each quote of a round is off by, as far as it is its noise.

    `own` is (mean, variance) of each dealer against the others as it was known before the round. A quote is held
    against the middle of all, where who scatters less has more to say; whatever they have in common. One quote alone is
    held against the mark, and `in_common` is the variance of what it would have in common with others.
    """
    offs = [edge - own[dealer][0] for dealer, edge in taken]
    noises2 = [noise_of(dealer) ** 2 for dealer, _ in taken]
    variances = [own[dealer][1] + noise2 for (dealer, _), noise2 in zip(taken, noises2, strict=True)]
    # A variance that has several causes: each is thought to have its part (a step of expectation and maximisation).
    if len(taken) == 1:
        part = noises2[0] / (variances[0] + in_common)
        return (Off(part * part * offs[0] * offs[0] / noises2[0], part, noises2[0]),)
    whole = sum([1.0 / variance for variance in variances])
    middle = sum([off / variance for off, variance in zip(offs, variances, strict=True)]) / whole
    found: list[Off] = []
    for off, noise2, variance in zip(offs, noises2, variances, strict=True):
        part = noise2 / variance
        # The quote itself is in the middle.
        found.append(Off((part * (off - middle)) ** 2 / noise2, part * (1.0 - 1.0 / (variance * whole)), noise2))
    return tuple(found)


def _move_against_bps(side: Side, before: MarkUsed | None, after: MarkUsed | None) -> float | None:
    """How far the mark went against us, in bps; None without both."""
    if before is None or after is None or before.price <= 0:
        return None
    move = side.sign * float((after.price - before.price) / before.price) * 1e4
    return move if abs(move) <= _EDGE_BPS_MAX else None


def _within(x: float, bound: float) -> float:
    return min(max(x, -bound), bound)
