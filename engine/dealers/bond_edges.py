"""What a dealer's quotes are worth in one bond, and on a side of it, beside what they are worth in its segment.

A dealer that holds a bond offers it better than others like it, and whoever was better in it yesterday mostly is today.
A segment does not see that. Here what each quote was off by (its edge over the bond's width, less what was expected of
its dealer in the segment, less what the round did to all who quoted) is summed by bond, dealer and side:

    off = taste for the bond + taste for this side of it + the quote's noise

Tastes are normal about 0, with two variances for the desk. What is known of their sum follows in closed form: each side
is drawn to the bond, the bond to 0. What the dealers of a round have in common is no taste: a quote is held against the
middle of its round, less the tastes that are known already. Of two dealers each gets half of what is between them. What
a dealer is off by in all bonds alike is no taste either: that much its estimate in the segment learns by itself, and
was late by. It is taken off, by side.

The variances are fitted from products of two different rounds, where noise falls out: rounds of the same bond and side
for both together, of the two sides of a bond for the bond's part, less products of different bonds. Without tastes both
come to nothing, and nothing is moved.

Sums grow with the day's weight. What is learnt or taken back in a day counts from the next one on (`begin_day` joins it
to what was known): what a round is held against does not depend on the order of a day's rounds, and a fit reads sums
that stand still.

Memory: 250 bytes for a dealer and bond that have a quote in the window: 60 MiB for 50 dealers who all quoted each of
5,000 bonds.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

BUY: Final = 0
SELL: Final = 1

# The fields of a dealer's record in a bond: the count of its quotes, then four for each side.
_COUNT: Final = 0
_WEIGHT: Final = 1  # of quotes
_SUM: Final = 2  # of what they were off by
_WEIGHT_SQUARED: Final = 3
_SUM_SQUARED: Final = 4  # each quote's part of the sum, squared
_A_SIDE: Final = 4
_FIELDS: Final = 1 + 2 * _A_SIDE

_BONDS_AT_ONCE: Final = 20
"""Bonds that a step of the fit reads: 50 dealers in each take 2 ms."""
_BONDS_A_PART: Final = 50
_DRAWN: Final = 3.0
"""Quotes at which a record of a bond and side counts half in a fit: a heavy record is one bond all the same."""
_CELLS: Final = 10.0
"""Records that the variances at the start are worth."""
_LEAST: Final = 1e-9

BondOffs = tuple[tuple[float, float], ...]
"""(what it is off by, how much it is worth as one quote) of each quote of a round."""


class Tastes(NamedTuple):
    """Variances of dealers' tastes, over the width: for a bond, for a side of it beside that."""

    bond: float
    side: float


AT_START: Final = Tastes(0.0, 0.0)
"""Nobody is thought to have a taste before it shows."""


class Taste(NamedTuple):
    """What is known of a dealer's taste for a side of a bond, over the width: its mean and variance.

    `before` is the variance without the quotes on this side, `share` what these are of all its quotes on this side.
    """

    mean: float
    variance: float
    before: float
    share: float = 0.0


_Record = array  # Of floats, by the fields above.
_Bonds = dict[str, dict[str, "_Record[float]"]]


class BondEdges:
    """The records of one desk, by bond and dealer."""

    __slots__ = ("_everywhere", "_fresh", "_sums", "tastes")

    def __init__(self) -> None:
        self._sums: _Bonds = {}
        """As of when the day began."""
        self._fresh: _Bonds = {}
        """What came and went since then."""
        self._everywhere: dict[str, _Record[float]] = {}
        """By dealer, of all bonds together, as of when the day began."""
        self.tastes = AT_START

    def add(self, bond: str, side: int, dealers: Sequence[str], offs: BondOffs, weight: float) -> None:
        """Count a round's quotes; a negative weight takes them back."""
        if not offs:
            return
        records = self._fresh.setdefault(bond, {})
        count, at = (1.0 if weight > 0.0 else -1.0), side * _A_SIDE
        for dealer, (off, share) in zip(dealers, offs, strict=True):
            record = records.get(dealer)
            if record is None:
                record = records[dealer] = array("d", bytes(8 * _FIELDS))
            own = weight * share
            record[_COUNT] += count
            record[at + _WEIGHT] += own
            record[at + _SUM] += own * off
            record[at + _WEIGHT_SQUARED] += count * own * own
            record[at + _SUM_SQUARED] += count * own * own * off * off

    def begin_day(self) -> None:
        """Join what came and went. A record of which nothing is left is gone: no dust of rounding stays."""
        fresh, self._fresh = self._fresh, {}
        for bond, records in fresh.items():
            known = self._sums.setdefault(bond, {})
            for dealer, record in records.items():
                everywhere = _joined(self._everywhere.get(dealer), record)
                if everywhere[_COUNT] > 0.0:
                    self._everywhere[dealer] = everywhere
                else:
                    self._everywhere.pop(dealer, None)
                joined = _joined(known.get(dealer), record)
                if joined[_COUNT] > 0.0:
                    known[dealer] = joined
                else:
                    known.pop(dealer, None)
            if not known:
                del self._sums[bond]

    def scale(self, factor: float) -> None:
        """Multiply every weight."""
        factors = [1.0] + [factor, factor, factor * factor, factor * factor] * 2
        for bonds in (self._sums, self._fresh, {"": self._everywhere}):
            for records in bonds.values():
                for record in records.values():
                    record[:] = array("d", [x * y for x, y in zip(record, factors, strict=True)])

    def of(self, bond: str, side: int, dealer: str, noise: float, unit: float) -> Taste:
        """What a dealer's quotes are worth more in this bond and on this side.

        As of when the day began: a quote of today is in the estimate of its dealer, which its bond is held against.
        `noise` is that of the dealer's quotes, `unit` scales weights to a day.
        """
        of_bond, of_side = self.tastes
        record = self._sums.get(bond, _NOBODY).get(dealer)
        if record is None:
            return Taste(0.0, of_bond + of_side, of_bond + of_side)
        noise2, everywhere = noise * noise / unit, self._everywhere[dealer]
        # The bond, by what each side says of it.
        known = total = other = 0.0
        for at in (0, _A_SIDE):
            weight = record[at + _WEIGHT]
            if weight * unit > _LEAST:
                precision = weight / (of_side * weight + noise2)
                known += precision
                other += precision if at != side * _A_SIDE else 0.0
                total += precision * _more(record, everywhere, at)
        variance = of_bond / (1.0 + of_bond * known)
        mean = variance * total
        # This side, drawn to the bond.
        at = side * _A_SIDE
        weight = record[at + _WEIGHT]
        if weight * unit <= _LEAST:
            return Taste(mean, variance + of_side, variance + of_side)
        seen = of_side * weight / (of_side * weight + noise2)
        left = 1.0 - seen
        return Taste(
            left * mean + seen * _more(record, everywhere, at),
            left * left * variance + left * of_side,
            of_bond / (1.0 + of_bond * other) + of_side,
            weight / everywhere[at + _WEIGHT],
        )

    def fitting(self, unit: float) -> Generator[None, None, Tastes]:
        """The variances by what was known when the day began, some bonds a step."""
        dealers: dict[str, _Products] = {}
        for at, records in enumerate(self._sums.values(), 1):
            for dealer, record in records.items():
                products = dealers.get(dealer)
                if products is None:
                    products = dealers[dealer] = _Products()
                products.add(record, unit)
            if at % _BONDS_AT_ONCE == 0:
                yield
        both, both_cells = _CELLS * (AT_START.bond + AT_START.side), _CELLS
        bond, bond_cells = _CELLS * AT_START.bond, _CELLS
        for products in dealers.values():
            for same, cells in products.of_sides():
                both, both_cells = both + same, both_cells + cells
            across, pairs = products.of_bonds()
            bond, bond_cells = bond + across, bond_cells + pairs
        of_both = max(both / both_cells, 0.0)
        of_bond = min(max(bond / bond_cells, 0.0), of_both)
        return Tastes(of_bond, of_both - of_bond)

    def dump(self) -> list[Any]:
        """All of it, for a digest."""
        return [
            list(self.tastes),
            [
                [
                    [bond, [[dealer, list(record)] for dealer, record in sorted(records.items())]]
                    for bond, records in each
                ]
                for each in (sorted(self._sums.items()), sorted(self._fresh.items()), [("", self._everywhere)])
            ],
        ]

    def parts(self) -> Iterator[tuple[str, Any]]:
        """All of it in parts that take a millisecond each, for `put` of another."""
        yield "tastes", self.tastes
        yield "everywhere", {dealer: record.tolist() for dealer, record in self._everywhere.items()}
        for name, bonds in (("bonds", self._sums), ("bonds of today", self._fresh)):
            items = list(bonds.items())
            for at in range(0, len(items), _BONDS_A_PART):
                some = items[at : at + _BONDS_A_PART]
                yield (
                    name,
                    [(bond, {dealer: record.tolist() for dealer, record in each.items()}) for bond, each in some],
                )

    def put(self, name: str, part: Any) -> None:
        """Take a part of another, in their order, into one that is empty."""
        if name == "tastes":
            self.tastes = Tastes(*part)
        elif name == "everywhere":
            self._everywhere = {dealer: array("d", record) for dealer, record in part.items()}
        else:
            bonds = self._sums if name == "bonds" else self._fresh
            for bond, records in part:
                bonds[bond] = {dealer: array("d", record) for dealer, record in records.items()}

    def let_go(self) -> Iterator[None]:
        """Empty it, a part a step."""
        for bonds in (self._sums, self._fresh):
            while bonds:
                bonds.popitem()
                yield
        self._everywhere.clear()


def bond_offs(
    taken: Sequence[tuple[str, float]],
    own: Mapping[str, tuple[float, float]],
    tastes: Mapping[str, Taste],
    noise_of: Callable[[str], float],
    in_common: float,
) -> BondOffs:
    """What the quotes of a round, over its width, are off by.

    `own` is (mean, variance) of each dealer against the others in the segment as it was known before the round,
    `tastes` what is known of its taste. The less was known of a dealer, the less its quote counts: all its quotes may
    be better. One quote alone is held against the mark, and `in_common` is the variance of what it would have in common
    with others.
    """
    offs = [edge - own[dealer][0] for dealer, edge in taken]
    noises2 = [noise_of(dealer) ** 2 for dealer, _ in taken]
    unknown = [noise2 + own[dealer][1] for noise2, (dealer, _) in zip(noises2, taken, strict=True)]
    if len(taken) == 1:
        return ((offs[0], noises2[0] / (unknown[0] + in_common)),)
    precisions = [1.0 / (each + tastes[dealer].variance) for each, (dealer, _) in zip(unknown, taken, strict=True)]
    less = [
        precision * (off - tastes[dealer].mean)
        for precision, off, (dealer, _) in zip(precisions, offs, taken, strict=True)
    ]
    middle = sum(less) / sum(precisions)
    return tuple([(off - middle, noise2 / each) for off, noise2, each in zip(offs, noises2, unknown, strict=True)])


class _Products:
    """One dealer's records, as products of what two rounds were off by."""

    __slots__ = ("_across", "_same", "_sides")

    def __init__(self) -> None:
        self._same = [[0.0, 0.0], [0.0, 0.0]]
        """By side, of two rounds of a bond: products, cells."""
        self._sides = [[0.0] * 4, [0.0] * 4]
        """By side: means, cells, squares of both."""
        self._across = [0.0, 0.0]
        """Of the two sides of a bond: products, cells."""

    def add(self, record: _Record[float], unit: float) -> None:
        drawn: list[tuple[float, float]] = []
        for same, sides, at in zip(self._same, self._sides, (0, _A_SIDE), strict=True):
            weight, total = record[at + _WEIGHT], record[at + _SUM]
            if weight * unit <= _LEAST:
                drawn.append((0.0, 0.0))
                continue
            share = weight * unit / (weight * unit + _DRAWN)
            pairs = weight * weight - record[at + _WEIGHT_SQUARED]
            if pairs > _LEAST * weight * weight:
                cell = share * share * pairs / (weight * weight)
                same[0] += cell * (total * total - record[at + _SUM_SQUARED]) / pairs
                same[1] += cell
            mean = share * total / weight
            sides[0] += mean
            sides[1] += share
            sides[2] += mean * mean
            sides[3] += share * share
            drawn.append((mean, share))
        self._across[0] += drawn[BUY][0] * drawn[SELL][0]
        self._across[1] += drawn[BUY][1] * drawn[SELL][1]

    def of_sides(self) -> Iterator[tuple[float, float]]:
        """(what both tastes are together, times the cells; cells) by side."""
        for (products, cells), (mean, share, mean2, share2) in zip(self._same, self._sides, strict=True):
            others = share * share - share2
            if others > _LEAST:
                yield products - cells * (mean * mean - mean2) / others, cells

    def of_bonds(self) -> tuple[float, float]:
        """The same of the taste for the bond."""
        products, cells = self._across
        (buys, buy_share, _, _), (sells, sell_share, _, _) = self._sides
        others = buy_share * sell_share - cells
        if others <= _LEAST:
            return 0.0, 0.0
        return products - cells * (buys * sells - products) / others, cells


_NOBODY: Final[dict[str, _Record[float]]] = {}


def _more(record: _Record[float], everywhere: _Record[float], at: int) -> float:
    """What a dealer is off by in a bond and side, less what it is off by on that side everywhere."""
    return record[at + _SUM] / record[at + _WEIGHT] - everywhere[at + _SUM] / everywhere[at + _WEIGHT]


def _joined(known: _Record[float] | None, record: _Record[float]) -> _Record[float]:
    return record if known is None else array("d", [x + y for x, y in zip(known, record, strict=True)])
