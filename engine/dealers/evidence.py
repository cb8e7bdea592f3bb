"""The evidence of dealers: what was seen of each, as sums by dealer and scope that grow with every round.

Owns the aging of observations, the fields of a cell, and the log by which a round is taken in once, taken back, or
dropped at the end of the window. Knows no estimate: `rates`, `latency` and `edges` read the sums.

A weight is 2 ** (day / half-life): it grows with the day instead of shrinking with age, so that a sum never changes
but by what is added to it. Whoever reads a sum scales it to a day (`Aging.unit`). Whole half-lives apart is exactly a
factor of 2, and what is taken back is exactly what was put in, up to the rounding of the sum itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from math import ldexp
from typing import Any, Final, TypeVar

from engine.dealers.bond_edges import BUY, BondEdges, BondOffs
from engine.dealers.edges import EdgeSums
from engine.dealers.noise import NoiseSums, Off
from engine.dealers.segments import ANY
from engine.dealers.widths import Seen

BINS: Final = 10

# The fields of a cell. The comment says what is summed; weights are those of the day of the round.
ASKS: Final = 0  # weight of asks
ASKS_SQUARED: Final = 1  # their weights squared
Q_WEIGHT: Final = 2  # asks as `q` counts them: net of panel size and size
Q_SUM: Final = 3
F_WEIGHT: Final = 4  # acceptances that had their last word
F_SUM: Final = 5
F_SQUARED: Final = 6
Z_WEIGHT: Final = 7  # quotes whose size is known
Z_SUM: Final = 8
Z_SUM_OF_SQUARES: Final = 9
Z_SQUARED: Final = 10
TRADES: Final = 11
REJECTS: Final = 12  # rejects at last look of which the move is known
REJECT_MOVES: Final = 13
EDGES: Final = 14
EDGES_SQUARED: Final = 15
PANELS: Final = 16  # ln of how many were asked, over the reference
COUNT: Final = 17  # asks, undecayed
QUICK: Final = 18  # answers by the bin of their seconds: ten fields
ENDS: Final = QUICK + BINS  # the same answers by the bin of their deadline: ten fields
FIELDS: Final = ENDS + BINS

_SQUARED: Final = frozenset({ASKS_SQUARED, F_SQUARED, Z_SQUARED, EDGES_SQUARED})
POWERS: Final = tuple(0 if field == COUNT else 2 if field in _SQUARED else 1 for field in range(FIELDS))
"""Of the weight, in each field."""

_ROUNDS_A_PART: Final = 50
_HALVINGS_MAX: Final = 200
"""Beyond so many half-lives the sums are scaled down: squares of weights stay far within a float."""

Change = tuple[int, float]
"""(field, amount before its weight) of one ask."""

Answered = tuple[str, float, bool]
"""(dealer, logit of what its own record let expect of it, did it answer) of one ask."""

Cell = list[float]
_T = TypeVar("_T")

RoundKey = tuple[str, str, int]
"""(source, rfq_id, round)"""


class Aging:
    """Weights by whole days, halving every `half_life_days`."""

    __slots__ = ("_mantissas", "base", "half_life_days")

    def __init__(self, half_life_days: int) -> None:
        if half_life_days < 1:
            raise ValueError(f"a half-life has at least 1 day, found {half_life_days}")
        self.half_life_days = half_life_days
        self._mantissas = tuple(2.0 ** (day / half_life_days) for day in range(half_life_days))
        self.base: int | None = None
        """Half-lives since 1970 at which a weight is 1; None before the first."""

    def weight(self, day: int) -> float:
        """The weight of `day`, on the scale of all sums."""
        halvings, rest = divmod(day, self.half_life_days)
        if self.base is None:
            self.base = halvings
        return ldexp(self._mantissas[rest], halvings - self.base)

    def unit(self, day: int) -> float:
        """What to multiply a sum of weights by, so that an observation of `day` counts 1."""
        halvings, rest = divmod(day, self.half_life_days)
        return ldexp(1.0 / self._mantissas[rest], (self.base or halvings) - halvings)

    def is_due(self, day: int) -> bool:
        """True if the sums should be scaled down."""
        return self.base is not None and day // self.half_life_days - self.base > _HALVINGS_MAX

    def move(self, day: int) -> int:
        """Take `day` as the new base; the half-lives by which every sum has to be scaled down."""
        halvings = day // self.half_life_days
        moved = halvings - (halvings if self.base is None else self.base)
        self.base = halvings
        return moved


@dataclass(slots=True)
class KeptRound:
    """What one round added, so that it can be taken away again."""

    day: int
    scopes: tuple[str, ...]
    asks: dict[str, tuple[Change, ...]]
    quotes: dict[str, float]
    """Edges as they were told, in bps."""
    edges: tuple[tuple[str, float], ...]
    """Edges as they were taken: over the width, clipped."""
    pull: float
    """How much of a quote is what the round's quotes have in common."""
    beliefs: tuple[float, ...] = ()
    """How much each of the edges is believed, over one of a usual dealer's."""
    mark_variance: float = 0.0
    """Of the marks that the edges are against, in bps."""
    bond: str = ""
    side: int = BUY
    width: float = 1.0
    """What its edges are divided by."""
    size_log: float = 0.0
    width_seen: Seen | None = None
    common: float | None = None
    """Square of what its quotes had in common, less what the mark, noise and the dealers' own errors make of it."""
    volatility_bps: float = 0.0
    """Of its bond, a day."""
    offs: tuple[Off, ...] = ()
    """What each edge was off by, ..."""
    offs_moves: float = 0.0
    """... at these `moves`."""
    bond_offs: BondOffs = ()
    """Of each edge what it is off by in its bond, and how much that counts."""
    slopes: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By dealer: what the ask says of the slope of answering by how many are asked (information, score)."""
    answers: tuple[Answered, ...] = ()
    """Of each ask. It is replaced and never changed: a fit reads the one that it began with."""
    is_fitted: bool = False
    """A fit of what dealers do by bond has looked at the answers."""

    @property
    def moves(self) -> float:
        """What its bond moves by in a day, over its width."""
        return self.volatility_bps / self.width


class Evidence:
    """The sums of one desk and the log of the rounds they are made of."""

    __slots__ = (
        "_days", "_kinds", "aging", "bond_edges", "cells", "common", "edges", "finer", "noise", "of_bond", "rounds",
        "slopes", "width_line", "widths",
    )  # fmt: skip

    def __init__(self, half_life_days: int) -> None:
        self.aging = Aging(half_life_days)
        self.cells: dict[str, dict[str, Cell]] = {}
        """By scope, then dealer."""
        self.edges: dict[str, EdgeSums] = {}
        """By scope."""
        self.noise = NoiseSums()
        self.finer: dict[str, list[str]] = {}
        """By scope those one level finer that have edges."""
        self.bond_edges = BondEdges()
        self.common = [0.0, 0.0]
        """What quotes of a round have in common: squares, weights."""
        self.slopes = [0.0, 0.0]
        """Of answering by how many are asked: information, score."""
        self.widths: dict[str, list[float]] = {}
        """By bond: what its quotes cost, what they would have cost by their dealers alone."""
        self.width_line = [0.0] * 5
        """Of widths by size: the sums of a straight line."""
        self.rounds: dict[RoundKey, KeptRound] = {}
        self.of_bond: dict[str, dict[RoundKey, KeptRound]] = {}
        """The same rounds by bond."""
        self._days: dict[int, list[RoundKey]] = {}
        self._kinds: dict[str, tuple[int, str]] = {}
        """By bond, the day of its newest round and the segment that the bond was in."""

    def still(self) -> Evidence:
        """The sums as they are now: what is learnt from here on does not move them. Without the log of rounds.

        To copy 50 dealers in 40 segments takes 2 ms.
        """
        copy = Evidence(self.aging.half_life_days)
        copy.aging.base = self.aging.base
        copy.cells = {
            scope: {dealer: cell.copy() for dealer, cell in cells.items()} for scope, cells in self.cells.items()
        }
        copy.edges = {scope: sums.still() for scope, sums in self.edges.items()}
        copy.noise = self.noise.still()
        copy.finer = {scope: finer.copy() for scope, finer in self.finer.items()}
        copy.common, copy.slopes, copy.width_line = self.common, self.slopes, self.width_line
        copy.widths = {bond: sums.copy() for bond, sums in self.widths.items()}
        copy._kinds = self._kinds.copy()
        return copy

    def keep(self, key: RoundKey, kept: KeptRound) -> None:
        """Begin a round."""
        self.rounds[key] = kept
        self.of_bond.setdefault(kept.bond, {})[key] = kept
        self._days.setdefault(kept.day, []).append(key)
        kind = _kind_of(kept)
        self._kinds[kept.bond] = max(kind, self._kinds.get(kept.bond, kind))

    def kinds_of_bonds(self) -> dict[str, str]:
        """The segment of each bond that was asked for, side and size apart."""
        return {bond: kind for bond, (_, kind) in self._kinds.items() if bond}

    def add(
        self, kept: KeptRound, dealer: str, changes: tuple[Change, ...], slope: tuple[float, float] | None = None
    ) -> None:
        """Count one ask of a round."""
        kept.asks[dealer] = changes
        self._change(kept, dealer, changes, 1.0)
        if slope is not None:
            kept.slopes[dealer] = slope
            self._lean(kept, slope, 1.0)

    def quote(
        self,
        kept: KeptRound,
        edges: tuple[tuple[str, float], ...],
        pull: float,
        common: float | None,
        beliefs: tuple[float, ...] = (),
        offs: tuple[Off, ...] = (),
        width: Seen | None = None,
        bond_offs: BondOffs = (),
    ) -> None:
        """Take the edges of a round in place of those it had."""
        weight = self.aging.weight(kept.day)
        if kept.edges:
            for scope in kept.scopes:
                self.edges[scope].add(kept.edges, kept.pull, -weight, kept.beliefs, kept.offs)
            self._scatter(kept, -weight)
            self.bond_edges.add(kept.bond, kept.side, [dealer for dealer, _ in kept.edges], kept.bond_offs, -weight)
        if kept.common is not None:
            self.common = [self.common[0] - weight * kept.common, self.common[1] - weight]
        for one, sign in ((kept.width_seen, -weight), (width, weight)):
            if one is not None:
                sums = self.widths.setdefault(one.bond, [0.0, 0.0])
                sums[0] += sign * one.cost
                sums[1] += sign * one.expected
                self.width_line = [x + sign * y for x, y in zip(self.width_line, one.line, strict=True)]
        kept.width_seen = width
        kept.edges, kept.pull, kept.common = edges, pull, common
        kept.beliefs, kept.offs, kept.offs_moves = beliefs, offs, kept.moves
        kept.bond_offs = bond_offs
        if edges:
            for place, scope in enumerate(kept.scopes):
                equations = self.edges.get(scope)
                if equations is None:
                    equations = self.edges[scope] = EdgeSums()
                    for coarser in kept.scopes[place + 1 : place + 2]:
                        self.finer.setdefault(coarser, []).append(scope)
                equations.add(edges, pull, weight, beliefs, offs)
            self._scatter(kept, weight)
            self.bond_edges.add(kept.bond, kept.side, [dealer for dealer, _ in edges], bond_offs, weight)
        if common is not None:
            self.common = [self.common[0] + weight * common, self.common[1] + weight]

    def take_back(self, kept: KeptRound, dealer: str) -> None:
        """Undo `add`. A cell of which nothing is left is gone: no dust of rounding stays."""
        self._change(kept, dealer, kept.asks.pop(dealer), -1.0)
        kept.answers = tuple([each for each in kept.answers if each[0] != dealer])
        slope = kept.slopes.pop(dealer, None)
        if slope is not None:
            self._lean(kept, slope, -1.0)
        for scope in kept.scopes:
            cells = self.cells[scope]
            if cells[dealer][COUNT] == 0:
                del cells[dealer]

    def drop(self, key: RoundKey) -> None:
        """Undo a whole round."""
        kept = self.rounds.pop(key)
        self.quote(kept, (), 0.0, None)
        for dealer in list(kept.asks):
            self.take_back(kept, dealer)
        of_bond = self.of_bond[kept.bond]
        del of_bond[key]
        if not of_bond:
            del self.of_bond[kept.bond], self._kinds[kept.bond]
        elif self._kinds[kept.bond] == _kind_of(kept):
            self._kinds[kept.bond] = max(_kind_of(each) for each in of_bond.values())
        keys = self._days[kept.day]
        keys.remove(key)
        if not keys:
            del self._days[kept.day]

    def expire(self, oldest: int, rounds_max: int) -> int:
        """Drop the rounds of days before `oldest`, then of the oldest days until there are no more than so many.

        Returns how many were dropped.
        """
        before = len(self.rounds)
        for day in sorted(self._days):
            if day >= oldest and len(self.rounds) <= rounds_max:
                break
            for key in list(self._days[day]):
                self.drop(key)
        if len(self.rounds) == before:
            return 0
        for scope, sums in list(self.edges.items()):
            if scope not in self.cells or not self.cells[scope]:
                del self.edges[scope]
            else:
                sums.clear_dust(self.cells[scope])
        self.noise.keep(self.cells.get(ANY, {}))
        held_finer = {scope: [each for each in finer if each in self.edges] for scope, finer in self.finer.items()}
        self.finer = {scope: finer for scope, finer in held_finer.items() if finer}
        held = {kept.bond for kept in self.rounds.values() if kept.width_seen is not None}
        self.widths = {bond: sums for bond, sums in self.widths.items() if bond in held}
        for scope in [scope for scope, cells in self.cells.items() if not cells]:
            del self.cells[scope]
        return before - len(self.rounds)

    def latest(self, asks_max: int) -> list[KeptRound]:
        """The rounds of the latest whole days with at most so many asks, oldest first; of a day with more, its last."""
        found: list[list[KeptRound]] = []
        count = 0
        for day in sorted(self._days, reverse=True):
            rounds = [self.rounds[key] for key in self._days[day]]
            asks = sum([len(kept.answers) for kept in rounds])
            if count + asks > asks_max:
                if not found:
                    found.append(_last_of(rounds, asks_max))
                break
            count += asks
            found.append(rounds)
        return [kept for rounds in reversed(found) for kept in rounds]

    def asks_a_day(self) -> float:
        """How many asks of dealers a day brings on which anybody is asked, of late; 0 before the first."""
        asks = sum(cell[ASKS] for cell in self.cells.get(ANY, {}).values())
        days = sum(self.aging.weight(each) for each in sorted(self._days))
        return asks / days if days > 0.0 else 0.0

    def renew(self, day: int) -> None:
        """Scale every sum down where weights have grown far: exact, by whole half-lives."""
        if not self.aging.is_due(day):
            return
        halvings = self.aging.move(day)
        factor = ldexp(1.0, -halvings)
        self.common = [x * factor for x in self.common]
        self.slopes = [x * factor for x in self.slopes]
        self.width_line = [x * factor for x in self.width_line]
        self.widths = {bond: [x * factor for x in sums] for bond, sums in self.widths.items()}
        self.noise.scale(factor)
        self.bond_edges.scale(factor)
        for sums in self.edges.values():
            sums.scale(factor)
        factors = [ldexp(1.0, -halvings * power) for power in POWERS]
        for cells in self.cells.values():
            for cell in cells.values():
                cell[:] = [amount * factor for amount, factor in zip(cell, factors, strict=True)]

    def parts(self) -> Iterator[tuple[str, Any]]:
        """All of it in parts that take a millisecond each, for `put` of another."""
        yield "sums", (self.aging.base, self.common, self.slopes, self.width_line, self.noise, self.finer)
        yield "widths", self.widths
        for scope, cells in self.cells.items():
            yield "cells", (scope, cells)
        for scope, sums in self.edges.items():
            yield "edges", (scope, sums)
        for name, part in self.bond_edges.parts():
            yield "bond edges", (name, part)
        rounds = iter(self.rounds.items())
        while some := list(islice(rounds, _ROUNDS_A_PART)):
            yield "rounds", some

    def put(self, name: str, part: Any) -> None:
        """Take a part of another, in their order, into one that is empty."""
        if name == "sums":
            self.aging.base, self.common, self.slopes, self.width_line, self.noise, self.finer = part
        elif name == "widths":
            self.widths = part
        elif name == "cells":
            self.cells[part[0]] = part[1]
        elif name == "edges":
            self.edges[part[0]] = part[1]
        elif name == "bond edges":
            self.bond_edges.put(*part)
        elif name == "rounds":
            for key, kept in part:
                self.keep(key, _sharing(kept))
        else:
            raise ValueError(f"no part of what was seen of dealers is called {name!r}")

    def let_go(self) -> Iterator[None]:
        """Empty it, a part a step."""
        yield from self.bond_edges.let_go()
        held: Iterable[dict[object, object]] = (
            self.cells,
            self.edges,
            self.finer,
            self.widths,
            self.rounds,
            self.of_bond,
            self._days,
            self._kinds,
        )  # type: ignore[assignment]
        for each in held:
            while each:
                each.popitem()
                yield

    def _scatter(self, kept: KeptRound, weight: float) -> None:
        for (dealer, _), off in zip(kept.edges, kept.offs, strict=False):
            self.noise.add(dealer, off, kept.offs_moves, weight)

    def _lean(self, kept: KeptRound, slope: tuple[float, float], sign: float) -> None:
        weight = sign * self.aging.weight(kept.day)
        self.slopes = [total + weight * x for total, x in zip(self.slopes, slope, strict=True)]

    def _change(self, kept: KeptRound, dealer: str, changes: tuple[Change, ...], sign: float) -> None:
        weight = self.aging.weight(kept.day)
        weights = (sign, sign * weight, sign * weight * weight)
        weighted = [(place, amount * weights[POWERS[place]]) for place, amount in changes]
        for scope in kept.scopes:
            cells = self.cells.get(scope)
            if cells is None:
                cells = self.cells[scope] = {}
            cell = cells.get(dealer)
            if cell is None:
                cell = cells[dealer] = [0.0] * FIELDS
            for place, amount in weighted:
                cell[place] += amount


def _last_of(rounds: list[KeptRound], asks_max: int) -> list[KeptRound]:
    count = 0
    for at, kept in enumerate(reversed(rounds)):
        count += len(kept.answers)
        if count > asks_max:
            return rounds[len(rounds) - at :]
    return rounds


def _kind_of(kept: KeptRound) -> tuple[int, str]:
    return kept.day, next((scope for scope in kept.scopes if scope.count("|") == 2), kept.scopes[0])


def _sharing(kept: KeptRound) -> KeptRound:
    """The round, with what many rounds have alike as one object: most of what an ask adds is a whole 1."""
    kept.scopes, kept.bond = _one(kept.scopes), _one(kept.bond)
    kept.asks = {
        _one(dealer): tuple([_one(change) if change[1] == 1.0 else change for change in changes])
        for dealer, changes in kept.asks.items()
    }
    kept.quotes = {_one(dealer): edge for dealer, edge in kept.quotes.items()}
    kept.edges = tuple([(_one(dealer), edge) for dealer, edge in kept.edges])
    kept.slopes = {_one(dealer): slope for dealer, slope in kept.slopes.items()}
    kept.answers = tuple([(_one(dealer), logit, answered) for dealer, logit, answered in kept.answers])
    return kept


@lru_cache(maxsize=16_384)
def _one(value: _T) -> _T:
    return value
