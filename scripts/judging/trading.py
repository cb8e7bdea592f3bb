"""One policy in one world, from the first round to the last: how a desk trades, whoever chose its dealers.

Everything but the choice is the same for all policies. A round ends when everybody has answered, when the wait is over,
or just before the best quote in the limit dies; then quotes are taken from the best one on until the size is done.
What is left is traded days later by the street, at what it then costs; nothing else is charged for a failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from worlds.paths import Paths
from worlds.street import Answer, Due, Late, Outcome, Piece, Round, Said, Street
from worlds.world import DAY_S, Kind, World, draw

from engine.domain.observation import Horizon, RoundSeen
from judging.policies import POLICIES, Policy
from judging.sight import AFTER_S, WAIT_S, Asking, Panel, Sight, at_ns

ROUNDS: Final = 1_500
_TO_ANSWER_S, _BEFORE_END_S = 1.0, 0.5
_MARGIN_S: Final = 300.0
"""A mark is told of so long after its moment: a round may last."""
_TWO_DAYS_S: Final = 2 * DAY_S + _MARGIN_S

_DUE: Final[dict[float, tuple[Horizon, ...]]] = {
    WAIT_S + 5.0: (),
    **{after_s + _MARGIN_S: (horizon,) for horizon, after_s in AFTER_S.items()},
    _TWO_DAYS_S: (Horizon.end_of_day, Horizon.next_day),
}


@dataclass(frozen=True, slots=True)
class Played:
    """What one policy cost in one world. Bps are of the size of a round, positive is a cost; means over all rounds.

    `cost_bps` is the whole shortfall against the true mid when the order came, net of where the market went by itself;
    `leak_bps` is the part of it that leaks and hedges had moved the mid by, `late` the share of the size that was
    traded days later. `thirds_bps` is the cost of the first, the second and the last third of the rounds. A parent
    order has failed if any of it was traded days later; `late_bps` is what a size traded so cost, None where there was
    none.
    """

    world: int
    kind: str
    policy: str
    rounds: int
    dealers: int
    cost_bps: float
    leak_bps: float
    late: float
    asked: float
    explored: float
    seconds: float
    orders: int = 0
    failed: int = 0
    thirds_bps: tuple[float, float, float] = (0.0, 0.0, 0.0)
    late_bps: float | None = None


def kind_of(world: int) -> Kind:
    """The kinds take turns: ten worlds in a row are one of each."""
    return list(Kind)[(world - 1) % len(Kind)]


def play(world_number: int, policy_name: str, rounds: int, at_most: int, paths: Paths | None = None) -> Played:
    """One policy in one world."""
    world = draw(kind_of(world_number), world_number)
    return play_in(world, policy_name, rounds, at_most, paths)


def play_in(world: World, policy_name: str, rounds: int, at_most: int, paths: Paths | None = None) -> Played:
    began = time.process_time()
    desk = Trading(world, policy_name, at_most, paths)
    desk.trade(rounds)
    return played(desk, policy_name, rounds, time.process_time() - began)


def played(desk: Trading, policy_name: str, rounds: int, seconds: float) -> Played:
    """What it came to, all rounds over."""
    world = desk.street.world
    return Played(
        world=world.seed,
        kind=world.kind.value,
        policy=policy_name,
        rounds=rounds,
        dealers=len(world.dealers),
        cost_bps=desk.cost_bps / rounds,
        leak_bps=desk.leak_bps / rounds,
        late=desk.late / rounds,
        asked=desk.asked / rounds,
        explored=desk.explored / rounds,
        seconds=seconds,
        orders=len(desk.orders),
        failed=len(desk.failed),
        thirds_bps=(desk.thirds_bps[0], desk.thirds_bps[1], desk.thirds_bps[2]),
        late_bps=desk.late_bps / desk.late if desk.late else None,
    )


@dataclass(slots=True)
class _Closed:
    """A round that is over. It is told of when the time of everybody who was asked is over."""

    asking: Asking
    panel: Panel
    round: Round
    answers: list[Answer]
    decided_s: float
    seen: RoundSeen | None = None


class Trading:
    """A desk in a street. Costs are sums, each round counting 1."""

    def __init__(
        self,
        world: World,
        policy_name: str,
        at_most: int,
        paths: Paths | None = None,
        street_of: Callable[[World, Paths], Street] = Street,
        policies: Mapping[str, Callable[[Street], Policy]] = POLICIES,
    ) -> None:
        self.street = street_of(world, paths if paths is not None else Paths(world.chance, world.stress))
        self.policy: Policy = policies[policy_name](self.street)
        self.cost_bps = self.leak_bps = self.late = self.late_bps = 0.0
        self.asked = self.explored = 0
        self.orders: set[int] = set()
        self.failed: set[int] = set()
        """Parent orders of which something was traded days later."""
        self.thirds_bps = [0.0, 0.0, 0.0]
        self._rounds = 0
        self._third: dict[tuple[int, int], int] = {}
        self._at_most = at_most
        self._sight = Sight(self.street)
        self._closed: dict[tuple[int, int], _Closed] = {}
        self._day = -1

    def trade(self, rounds: int) -> None:
        self._rounds = rounds
        for event in self.street.events(rounds, tuple(_DUE)):
            if isinstance(event, Late):
                share = event.size / event.piece.size
                self.late += share
                self.late_bps += self._count(event.piece, event.price, event.at_s, share)
                self.failed.add(event.piece.order)
            elif isinstance(event, Due):
                self._tell(event.piece, event.after_s)
            else:
                self._ends_days(event.piece.at_s)
                self._ask(event)

    def _ends_days(self, now_s: float) -> None:
        day = int(now_s / DAY_S)
        if day != self._day:
            self._day = day
            self.policy.day_ends(at_ns(day * DAY_S))

    def _ask(self, opened: Round) -> None:
        piece = opened.piece
        self._third[piece.order, piece.number] = 3 * len(self._third) // self._rounds
        self.orders.add(piece.order)
        asking = self._sight.asking(piece, self._at_most)
        panel = self.policy.choose(asking)
        asked = opened.panel(panel.dealers)
        self.asked += len(asked)
        self.explored += bool(panel.explored)
        answers = opened.ask(asked)
        usable = [each for each in answers if _is_usable(each, piece, float(asking.limit))]
        decided_s = _decides(answers, usable, piece.side)
        now_s = decided_s
        for quote in sorted(usable, key=lambda each: (piece.side * each.price, each.came_s)):
            if quote.came_s <= decided_s and now_s <= quote.until_s and opened.open_size > 1e-9:
                fill = opened.accept(quote, now_s)
                now_s = fill.said_s + _TO_ANSWER_S
                if fill.outcome is Outcome.FILLED:
                    self._count(piece, fill.price, piece.at_s + fill.said_s, fill.size / piece.size)
        opened.close(decided_s)
        self._sight.informed(opened)
        self._closed[piece.order, piece.number] = _Closed(asking, panel, opened, answers, decided_s)

    def _count(self, piece: Piece, price: float, at_s: float, share: float) -> float:
        """Takes a trade of this share of its round; what it cost."""
        street = self.street
        moved_bps = street.moved_bps(piece.bond, at_s) - street.moved_bps(piece.bond, piece.began_s)
        cost_bps = share * street.cost_bps(piece, price, at_s)
        self.cost_bps += cost_bps
        self.leak_bps += share * piece.side * moved_bps
        # Of three equal parts each is a third of the rounds.
        self.thirds_bps[self._third[piece.order, piece.number]] += 3 * cost_bps / self._rounds
        return cost_bps

    def _tell(self, piece: Piece, after_s: float) -> None:
        closed = self._closed[piece.order, piece.number]
        if closed.seen is None:
            told = (closed.asking, closed.panel, closed.round, closed.answers, closed.decided_s)
            closed.seen = self._sight.round_seen(*told)
            self.policy.saw(closed.asking, closed.seen, closed.round)
        for horizon in _DUE[after_s]:
            self.policy.marked(closed.seen, self._sight.mark_after(piece, horizon, closed.decided_s))
        if after_s == _TWO_DAYS_S:
            del self._closed[piece.order, piece.number]


def _is_usable(answer: Answer, piece: Piece, limit: float) -> bool:
    in_time = answer.said is Said.QUOTE and answer.came_s <= WAIT_S
    return in_time and piece.side * (answer.price - limit) <= 0


def _decides(answers: list[Answer], usable: list[Answer], side: int) -> float:
    """When the desk takes what it has: all have answered, the wait is over, or the best quote is about to die."""
    came = [each.came_s for each in answers]
    ends_s = min(max(came, default=0.0) + _TO_ANSWER_S, WAIT_S)
    best: Answer | None = None
    for quote in sorted(usable, key=lambda each: each.came_s):
        if best is not None and best.until_s - _BEFORE_END_S <= quote.came_s:
            break
        if best is None or side * quote.price < side * best.price:
            best = quote
    return min(ends_s, best.until_s - _BEFORE_END_S) if best is not None else ends_s
