"""The whisper order: dealers asked one after another; in which order, how many, and at what price to stop.

A dealer that is asked tells, and is waited for: that costs its leak and some time. Its quote, if it makes one and it is
taken, is worth y = f (net edge + C_fail) + its leak: a dealer that trades does not use what it learnt. The *index* z of
a dealer solves

    q E[(y - z)+] = leak + wait

and is what a sure thing has to be worth for asking to be pointless. With a leak of 0 and quotes that live for ever
it is Weitzman's (Econometrica 47(3), 1979): ask in falling index, stop as soon as the best in hand beats the next.

Quotes do not live for ever, so where to stop is found backwards over the order. What lies behind dealer j is worth
W(j+1); its quote ends the search if y >= W(j+1); so

    W(j) = W(j+1) + q E[(y - W(j+1))+] - leak - wait

or W(j+1) if that is more: then j is left out. Where a limit keeps some out, one row for each number of dealers that may
still be asked finds the best so many. Then neighbours are exchanged while that is worth more: without recall a falling
index alone is not always the best order. `tests/selection/test_sequence.py` holds it against every order of every
subset.

Where quotes have to keep within a limit, whoever asks does not know how far off the mark is: stops are those of the
mean. But what the whole is worth, and how often it trades, is the mean over the cases of what quotes share
(`prospect.SHARED`): where one did not keep within the limit, the next one hardly will. The last ones that are worth
nothing then are left out.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from engine.selection.prospect import Margin, Prospect, Stakes, cases_of
from engine.selection.student import REACH

_NEWTON_MAX: Final = 60
_CLOSE_BPS: Final = 1e-7
_TINY_BPS: Final = 1e-9

_TRIED_MIN: Final = 5
"""So many dealers, at least, that a limit keeps out are tried in place of one that it lets in."""

_POINTS: Final = 128
"""Values in hand that are looked at where a quote may live on while others are asked."""


@dataclass(frozen=True, slots=True)
class Search:
    """Dealers, by number, in the order of asking, and the edge at which each one's quote ends the search.

    `worth_bps` is what the whole is worth beside not trading, `worth_after_bps` what still lies behind each dealer.
    """

    chosen: tuple[int, ...]
    stops_bps: tuple[float, ...]
    worth_after_bps: tuple[float, ...]
    worth_bps: float


def index_bps(each: Prospect, stakes: Stakes) -> float:
    """The dealer's index: asking it is worth its cost as long as what is in hand is worth less than this."""
    cost = each.asking_bps + each.wait_bps
    fills = each.fills(1)
    if cost <= 0:
        best = each.net_bps + REACH * each.sd_bps
    elif fills * each.above(-math.inf) <= 0:
        return -math.inf
    else:
        best = _excess_of(each, cost / fills)
    return each.asking_bps + each.firm * (best + stakes.c_fail_bps)


def _excess_of(each: Prospect, wanted: float) -> float:
    """The net edge above which a quote lies by so much in the mean: Newton's way down a convex curve."""
    at = each.net_bps + REACH / 2 * each.sd_bps
    low, high = -math.inf, each.net_bps + REACH * each.sd_bps
    for _ in range(_NEWTON_MAX):
        error = each.excess(at) - wanted
        if abs(error) < _CLOSE_BPS:
            return at
        low, high = (max(low, at), high) if error > 0 else (low, min(high, at))
        slope = each.above(at)
        step = at + error / slope if slope > 0 else -math.inf
        if not low < step < high:
            step = at - 2 * each.sd_bps - wanted if low == -math.inf else (low + high) / 2
        at = step
    return at


def _gain(each: Prospect, beyond_bps: float, c_fail_bps: float) -> float:
    """What asking is worth more than what lies behind."""
    taken_from = (beyond_bps - each.asking_bps) / each.firm - c_fail_bps
    return each.fills(1) * each.excess(taken_from) - each.asking_bps - each.wait_bps


def indices_of(prospects: Sequence[Prospect], stakes: Stakes) -> list[float]:
    """The index of each dealer."""
    return [index_bps(each, stakes) for each in prospects]


def best_search(
    prospects: Sequence[Prospect],
    stakes: Stakes,
    indices: Sequence[float],
    most: int,
    *,
    forced: Sequence[int] = (),
    never: Container[int] = (),
    informed: Container[int] = (),
    room: int | None = None,
) -> Search:
    """The best search over at most so many dealers; `forced` are asked whatever they are worth.

    At most `room` of those may be asked that are not `informed` already; None is no limit.
    """
    order = [at for at in range(len(prospects)) if at not in never]
    order.sort(key=lambda at: (-indices[at], at))
    held = {at for at in forced if at not in never}
    others = max(0, most - len(held))
    fresh = None if room is None else max(0, room - sum(at not in informed for at in held))
    chosen = _worthwhile(prospects, stakes, order, held)
    joining = [at for at in chosen if at not in held]
    if len(joining) > others or (fresh is not None and sum(at not in informed for at in joining) > fresh):
        chosen = _reached(prospects, stakes, order, others, held, informed, fresh)
        if not stakes.recall:
            chosen = _replaced(prospects, stakes, chosen, order, held, informed, fresh)
    if not stakes.recall:
        _exchange(prospects, stakes, chosen)
        chosen = _shortened(prospects, stakes, chosen, held)
    return search_of(prospects, stakes, chosen)


def _worthwhile(prospects: Sequence[Prospect], stakes: Stakes, order: Sequence[int], held: Container[int]) -> list[int]:
    """Of this order, every dealer that is worth asking, and those that are held."""
    found: list[int] = []
    beyond = 0.0
    for at in reversed(order):
        gain = _gain(prospects[at], beyond, stakes.c_fail_bps)
        if gain > _TINY_BPS or at in held:
            beyond += gain
            found.append(at)
    found.reverse()
    return found


def _reached(
    prospects: Sequence[Prospect],
    stakes: Stakes,
    order: Sequence[int],
    others: int,
    held: Container[int],
    informed: Container[int],
    room: int | None,
) -> list[int]:
    """Of this order, the dealers that are worth asking, at most so many beside those that are held.

    `after[r][g]` is what the rest of the order is worth with `r` dealers left to ask, `g` of them new. 50 dealers x 5:
    250 sums of a microsecond.
    """
    c_fail = stakes.c_fail_bps
    rooms = 0 if room is None or room >= others else room
    limited = room is not None and room < others
    after = [[0.0] * (rooms + 1) for _ in range(others + 1)]
    taken: list[list[list[bool]]] = []
    for at in reversed(order):
        each, before = prospects[at], [row.copy() for row in after]
        new = limited and at not in informed
        asks = [[False] * (rooms + 1) for _ in range(others + 1)]
        for left in range(others + 1):
            for free in range(rooms + 1):
                if at in held:
                    after[left][free] = before[left][free] + _gain(each, before[left][free], c_fail)
                    asks[left][free] = True
                elif left and (free or not new):
                    beyond = before[left - 1][free - new]
                    worth = beyond + _gain(each, beyond, c_fail)
                    if worth > before[left][free] + _TINY_BPS:
                        after[left][free] = worth
                        asks[left][free] = True
        taken.append(asks)
    left, free, found = others, rooms, []
    for at, asks in zip(order, reversed(taken), strict=True):
        if asks[left][free]:
            found.append(at)
            if at not in held:
                left -= 1
                free -= limited and at not in informed
    return found


def _replaced(
    prospects: Sequence[Prospect],
    stakes: Stakes,
    chosen: list[int],
    order: Sequence[int],
    held: Container[int],
    informed: Container[int],
    room: int | None,
) -> list[int]:
    """Try the next in the order in place of each dealer, at every place, once.

    Who is best among so many is decided in the order of the indices, and another order may want others.
    """
    others = [at for at in order if at not in chosen][: max(_TRIED_MIN, len(chosen))]
    best = _worth(prospects, stakes, chosen)
    for at in list(chosen):
        if at in held:
            continue
        place = chosen.index(at)
        rest = [*chosen[:place], *chosen[place + 1 :]]
        new = sum(other not in informed for other in rest if other not in held)
        for other in (at, *others):
            if other in chosen and other != at:
                continue
            if room is not None and other not in informed and new >= room:
                continue
            for into in range(len(rest) + 1):
                tried = [*rest[:into], other, *rest[into:]]
                worth = _worth(prospects, stakes, tried)
                if worth > best + _TINY_BPS:
                    best, chosen = worth, tried
    return chosen


def _exchange(prospects: Sequence[Prospect], stakes: Stakes, chosen: list[int]) -> None:
    """Exchange neighbours while it is worth more; a pair is judged by what lies behind it alone."""
    for _ in chosen:
        moved, beyond = False, 0.0
        for place in range(len(chosen) - 1, 0, -1):
            first, second = prospects[chosen[place - 1]], prospects[chosen[place]]
            kept = _both(first, second, beyond, stakes)
            if _both(second, first, beyond, stakes) > kept + _TINY_BPS:
                chosen[place - 1], chosen[place] = chosen[place], chosen[place - 1]
                moved, second = True, first
            beyond += _gain(second, beyond, stakes.c_fail_bps)
        if not moved:
            return


def _shortened(prospects: Sequence[Prospect], stakes: Stakes, chosen: list[int], held: Container[int]) -> list[int]:
    """Without the last ones, if they are worth nothing once the others have not traded."""
    if len(cases_of(prospects[at] for at in chosen)) == 1:
        return chosen
    worth = _worth_in_cases(prospects, stakes, chosen)
    while chosen and chosen[-1] not in held:
        without = _worth_in_cases(prospects, stakes, chosen[:-1])
        if without < worth:
            break
        chosen, worth = chosen[:-1], without
    return chosen


def _both(first: Prospect, second: Prospect, beyond: float, stakes: Stakes) -> float:
    then = beyond + _gain(second, beyond, stakes.c_fail_bps)
    return then + _gain(first, then, stakes.c_fail_bps)


def best_addition(
    prospects: Sequence[Prospect],
    stakes: Stakes,
    indices: Sequence[float],
    chosen: Sequence[int],
    group: Sequence[int],
) -> tuple[int, list[int]]:
    """Whoever of the group makes this search worth most, and the search with it at the place of its index."""
    best: tuple[float, int, list[int]] | None = None
    for at in group:
        place = sum(indices[other] >= indices[at] for other in chosen)
        order = [*chosen[:place], at, *chosen[place:]]
        worth = _worth(prospects, stakes, order)
        if best is None or worth > best[0]:
            best = worth, at, order
    assert best is not None  # the group holds somebody
    return best[1], best[2]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a search comes to: how likely it is to trade, what asking leaks and strains, what each dealer is to it."""

    fill: float
    leak_bps: float
    strain_bps: float
    margins: list[Margin]


def forecast(prospects: Sequence[Prospect], stakes: Stakes, indices: Sequence[float], search: Search) -> Forecast:
    """What this search comes to, and what every dealer adds: as one of it, or at the place that its index gives it."""
    chosen = search.chosen
    whole = _worth_in_cases(prospects, stakes, chosen)
    found: list[Margin] = [Margin(0.0, 0.0, 0.0)] * len(prospects)
    shares = [weight for _, weight in cases_of(prospects)]
    reached, fill, leak, strain = shares, 0.0, 0.0, 0.0
    reached_at: list[list[float]] = []
    for place, at in enumerate(chosen):
        each = prospects[at]
        reached_at.append(reached)
        others = [*chosen[:place], *chosen[place + 1 :]]
        margin = _margin(
            each, stakes, reached, search.worth_after_bps[place], whole - _worth_in_cases(prospects, stakes, others)
        )
        found[at] = margin
        taken_from = _taken_from(each, stakes, search.worth_after_bps[place])
        taken = each.taken_in(taken_from, len(reached))
        left = [there * (1 - each.answers(1) * above) for there, (_, above) in zip(reached, taken, strict=True)]
        leak += sum(left) * each.leak_bps
        strain += sum(left) * each.strain_bps
        fill += margin.p_win
        reached = left
    reached_at.append(reached)
    first = _worth(prospects, stakes, chosen)
    for at, each in enumerate(prospects):
        if at in chosen:
            continue
        place = sum(indices[other] >= indices[at] for other in chosen)
        beyond = first if not place else search.worth_after_bps[place - 1]
        gain = _worth_in_cases(prospects, stakes, [*chosen[:place], at, *chosen[place:]]) - whole
        found[at] = _margin(each, stakes, reached_at[place], beyond, gain)
    return Forecast(fill, leak, strain, found)


def _margin(each: Prospect, stakes: Stakes, reached: Sequence[float], beyond: float, gain: float) -> Margin:
    """`reached` is the chance that it is asked, and so the case."""
    taken_from, fills = _taken_from(each, stakes, beyond), each.fills(1)
    taken = each.taken_in(taken_from, len(reached))
    p_win = fills * sum([there * above for there, (_, above) in zip(reached, taken, strict=True)])
    got = fills * sum([there * (net - taken_from * above) for there, (net, above) in zip(reached, taken, strict=True)])
    q = each.answers(1) / each.in_time if each.in_time else 1.0
    errors = (
        p_win * each.edge_sd_bps,
        got / q * each.q_sd,
        got / each.firm * each.firm_sd,
        sum(reached) * each.leak_sd_bps,
    )
    return Margin(gain, math.hypot(*errors), p_win)


def _worth(prospects: Sequence[Prospect], stakes: Stakes, order: Sequence[int]) -> float:
    worth = 0.0
    for at in reversed(order):
        worth += _gain(prospects[at], worth, stakes.c_fail_bps)
    return worth


def _worth_in_cases(prospects: Sequence[Prospect], stakes: Stakes, order: Sequence[int]) -> float:
    """What a search is worth that stops where it does without knowing what its quotes share."""
    cases = cases_of(prospects[at] for at in order)
    if len(cases) == 1:
        return _worth(prospects, stakes, order)
    mean, worths = 0.0, [0.0] * len(cases)
    for at in reversed(order):
        each = prospects[at]
        taken_from, fills = _taken_from(each, stakes, mean), each.fills(1)
        mean += _gain(each, mean, stakes.c_fail_bps)
        asking, firm, c_fail = each.asking_bps, each.firm, stakes.c_fail_bps
        cost = asking + each.wait_bps
        for case, (net, above) in enumerate(each.taken_in(taken_from, len(cases))):
            beyond = worths[case]
            worths[case] = beyond + fills * (net - ((beyond - asking) / firm - c_fail) * above) - cost
    return sum([weight * worth for (_, weight), worth in zip(cases, worths, strict=True)])


def _taken_from(each: Prospect, stakes: Stakes, beyond_bps: float) -> float:
    """The net edge that is worth as much as what lies behind."""
    return (beyond_bps - each.asking_bps) / each.firm - stakes.c_fail_bps


def search_of(prospects: Sequence[Prospect], stakes: Stakes, chosen: Sequence[int]) -> Search:
    """The search over these dealers in this very order: where it stops, and what it is worth."""
    if stakes.recall > 0:
        return _with_recall(prospects, stakes, chosen)
    after, worth = [0.0], 0.0
    for at in reversed(chosen):
        worth += _gain(prospects[at], worth, stakes.c_fail_bps)
        after.append(worth)
    after.reverse()
    stops = [edge_worth(prospects[at], stakes, beyond) for at, beyond in zip(chosen, after[1:], strict=True)]
    return Search(tuple(chosen), tuple(stops), tuple(after[1:]), _worth_in_cases(prospects, stakes, chosen))


def edge_worth(each: Prospect, stakes: Stakes, worth_bps: float) -> float:
    """The edge of a quote of this dealer that is worth so much."""
    refusals = each.move_bps * (1 - each.firm) / each.firm
    return (worth_bps - each.asking_bps) / each.firm - stakes.c_fail_bps + refusals


def _with_recall(prospects: Sequence[Prospect], stakes: Stakes, chosen: Sequence[int]) -> Search:
    """Where to stop while an earlier quote lives on with a chance: the state is what is in hand.

    With V the worth of going on in the best way from `y` in hand, E[V(max(y, Y))] = V(y) + integral of V' P(Y > u) over
    u > y: one sum from the upper end a dealer.
    """
    c_fail = stakes.c_fail_bps
    top = max(
        [each.firm * (each.net_bps + REACH / 2 * each.sd_bps + c_fail) + each.asking_bps for each in prospects],
        default=1.0,
    )
    step = max(top, 1.0) / _POINTS
    hands = [at * step for at in range(_POINTS + 1)]
    values, going_on = hands, [0.0] * len(hands)
    after: list[float] = []
    stops: list[float] = []
    for at in reversed(chosen):
        each = prospects[at]
        after.append(values[0])
        stops.append(edge_worth(each, stakes, _crossing(hands, going_on)))
        fills = each.answers(1)
        above = [fills * each.above((hand - each.asking_bps) / each.firm - c_fail) for hand in hands]
        expected, rest = values.copy(), 0.0
        for place in range(_POINTS - 1, -1, -1):
            rest += (values[place + 1] - values[place]) * (above[place] + above[place + 1]) / 2
            expected[place] += rest
        cost, lost = each.asking_bps + each.wait_bps, (1 - stakes.recall) * expected[0]
        going_on = [stakes.recall * found + lost - cost for found in expected]
        values = list(map(max, hands, going_on))
    after.reverse()
    stops.reverse()
    return Search(tuple(chosen), tuple(stops), tuple(after), values[0])


def _crossing(hands: Sequence[float], going_on: Sequence[float]) -> float:
    """The least value in hand that is worth as much as going on."""
    for place, (hand, other) in enumerate(zip(hands, going_on, strict=True)):
        if hand >= other:
            if not place:
                return hand
            short = going_on[place - 1] - hands[place - 1]
            return hand - (hand - hands[place - 1]) * (hand - other) / (hand - other + short)
    return hands[-1]
