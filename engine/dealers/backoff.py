"""From the desk down to one segment: what is known of all dealers in a scope, from what is known one level up.

A chain is a segment's scopes, coarsest first: the desk, the asset class, the segment (rating and maturity), side and
size. What is above the segment is computed once a day (`Coarse`) and stands still until the next; the segment itself
and what is finer follow every round. Nothing here depends on when it was asked for.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeVar

from engine.dealers import edges, latency, rates
from engine.dealers import evidence as ev
from engine.dealers.edges import Finer, Solved
from engine.dealers.estimate_parameters import EstimateParameters, Scales
from engine.dealers.evidence import Cell, Evidence
from engine.dealers.segments import segment_of_key

NO_CELLS: Final[Mapping[str, Cell]] = {}
_REJECT_STRENGTH: Final = 10.0

R = TypeVar("R")
Steps: TypeAlias = Generator[None, None, R]
"""A computation that pauses now and then, so that others get their turn; what it comes to is the same."""


def finished(steps: Steps[R]) -> R:
    """What it comes to, without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: R = end.value
            return found


@dataclass(frozen=True, slots=True)
class Coarse:
    """What is known above a segment, of whatever was not seen in it."""

    rates: dict[str, rates.Known]
    solved: Solved
    answers: latency.Table
    """Across dealers."""
    answers_of: dict[str, latency.Table]
    reject_moves_bps: dict[str, float]
    asks: dict[str, int]
    """Of each dealer in the whole asset class, undecayed."""


def chain_of(scope: str) -> tuple[str, ...]:
    """A scope and those above it, the desk first."""
    return segment_of_key(scope).scopes[::-1]


def is_segment(scope: str) -> bool:
    """True for a scope of bonds of one rating and maturity, whatever side and size."""
    return scope.count("|") == 2


def is_coarse(scope: str) -> bool:
    """True for a scope above all segments."""
    return "|" not in scope


class Descent:
    """The sums and scales that a chain is gone down with, as of a day."""

    __slots__ = ("_tops", "coarse", "evidence", "parameters", "scales", "unit")

    def __init__(
        self,
        evidence: Evidence,
        scales: Scales,
        parameters: EstimateParameters,
        unit: float,
        coarse: Mapping[str, Coarse],
    ) -> None:
        self.evidence = evidence
        self.scales = scales
        self.parameters = parameters
        self.unit = unit
        self.coarse = coarse
        """What stands still, by segment."""
        self._tops: dict[tuple[bool, tuple[str, ...]], Coarse] = {}

    def above(self, chain: tuple[str, ...]) -> Coarse:
        """What is known above the segment of a chain: what stands still, or else as of now."""
        for scope in chain:
            known = self.coarse.get(scope)
            if known is not None:
                return known
        return finished(self.computing_above(chain))

    def computing_above(self, chain: tuple[str, ...]) -> Steps[Coarse]:
        """What is known above the segment of a chain, as of now."""
        levels = sum(1 for scope in chain if is_coarse(scope))
        if levels == len(chain):
            # Of a whole asset class or the desk itself: nothing stands still.
            levels = 0
        # What all segments of an asset class have in common is computed once.
        key = levels > 0, chain[:2]
        found = self._tops.get(key)
        if found is None:
            known, solved = yield from self._known_at(chain, 0, min(1, levels), None)
            at_large = self.evidence.cells.get(chain[0], NO_CELLS)
            of_class = self.evidence.cells.get(chain[min(1, len(chain) - 1)], NO_CELLS)
            strength = self.parameters.latency_strength
            across = _across(at_large.values(), self.unit, strength)
            found = self._tops[key] = Coarse(
                known,
                solved,
                across,
                {dealer: latency.table((cell,), self.unit, across, strength) for dealer, cell in at_large.items()},
                {dealer: self._reject_move(cell) for dealer, cell in at_large.items()},
                {dealer: round(cell[ev.COUNT]) for dealer, cell in of_class.items()},
            )
            yield
        if levels <= 1:
            return found
        known, solved = yield from self._known_at(chain, 1, levels, found)
        return replace(found, rates=known, solved=solved)

    def _known_at(
        self, chain: Sequence[str], first: int, end: int, above: Coarse | None
    ) -> Steps[tuple[dict[str, rates.Known], Solved]]:
        """Rates and edges after the levels from `first` to before `end`."""
        rated = {
            name: self.rates(name, chain, first, end, None if above is None else above.rates[name])
            for name in self.scales.rates
        }
        yield
        solved = self.edges(chain, first, end, None if above is None else above.solved)[-1]
        yield
        return rated, solved

    def below(self, chain: Sequence[str], coarse: Coarse) -> tuple[dict[str, rates.Known], list[Solved]]:
        """The rates of the finest scope, and the edges of every scope from the segment down."""
        first = _first_below(chain)
        found = {name: self.rates(name, chain, first, len(chain), coarse.rates[name]) for name in coarse.rates}
        return found, self.edges_below(chain, coarse)

    def edges_below(self, chain: Sequence[str], coarse: Coarse) -> list[Solved]:
        """The edges of every scope from the segment down."""
        return self.edges(chain, _first_below(chain), len(chain), coarse.solved)[1:]

    def edges_of_all_in(self, chain: Sequence[str], coarse: Coarse) -> Solved:
        """The edges of a segment as its quotes were on average, however few sides and sizes they are of."""
        found = self.edges(chain, _first_below(chain), len(chain) - 1, coarse.solved)[-1]
        sums, last = self.evidence.edges.get(chain[-1]), len(chain) - 1
        return edges.descend(found, last, sums, None, self.scales.spreads, self.unit)

    def rates(
        self, name: str, chain: Sequence[str], first: int, end: int, above: rates.Known | None = None
    ) -> rates.Known:
        """One rate after the levels from `first` to before `end`."""
        counting, cells = self.scales.rates[name], self.evidence.cells
        known = rates.begin(counting) if above is None else above
        for level in range(first, end):
            finer = cells.get(chain[level + 1], NO_CELLS) if level + 1 < len(chain) else NO_CELLS
            known = rates.descend(known, level, cells.get(chain[level], NO_CELLS), finer, counting, self.unit)
        return known

    def edges(self, chain: Sequence[str], first: int, end: int, above: Solved | None = None) -> list[Solved]:
        """The edges before the level `first` and after each up to before `end`."""
        spreads, sums = self.scales.spreads, self.evidence.edges
        found = [edges.begin(spreads) if above is None else above]
        for level in range(first, end):
            own = chain[level + 1] if level + 1 < len(chain) else ""
            below = self._finer(chain[level], own, level)
            found.append(
                edges.descend(found[-1], level, sums.get(chain[level]), sums.get(own), spreads, self.unit, below)
            )
        return found

    def _finer(self, scope: str, but: str, level: int) -> list[Finer]:
        """The finer scopes of one, level by level, without one of them and what is finer than that."""
        finer, sums = self.evidence.finer, self.evidence.edges
        scopes = [each for each in finer.get(scope, ()) if each != but]
        found: list[Finer] = []
        while scopes:
            level += 1
            found.append(edges.finer_in(level, [sums[each] for each in scopes]))
            scopes = [each for one in scopes for each in finer.get(one, ())]
        return found

    def _reject_move(self, cell: Cell) -> float:
        moves, rejects = cell[ev.REJECT_MOVES] * self.unit, cell[ev.REJECTS] * self.unit
        return (_REJECT_STRENGTH * self.parameters.reject_move_bps + moves) / (_REJECT_STRENGTH + rejects)


def _first_below(chain: Sequence[str]) -> int:
    """The level from which on a chain follows every round."""
    return next((level for level, scope in enumerate(chain) if not is_coarse(scope)), 0)


def _across(cells: Iterable[Cell], unit: float, strength: float) -> latency.Table:
    """The life table across dealers: who was asked often does not speak for everybody."""
    drawn: list[Cell] = []
    for cell in cells:
        answers = sum(cell[ev.QUICK : ev.ENDS]) * unit
        if answers > 0.0:
            share = strength / (strength + answers)
            drawn.append([0.0] * ev.QUICK + [x * share for x in cell[ev.QUICK :]])
    return latency.table(drawn, unit, latency.PRIOR, strength)
