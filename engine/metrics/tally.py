"""Numbers kept for Prometheus: plain Python ones, made into metric families only when somebody scrapes.

A counter of prometheus-client takes a lock and some 0.4 us for each step; a turn counts several things and has one
thread, so the numbers are dict entries here (0.1 us) and a family is built per scrape.

Label values are bounded: `Names` says which ones a label may take, everything else is counted as `other`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

OTHER: Final = "other"
"""What a label says where its own value is not one of the known."""
NAMES_MAX: Final = 64
"""Values a label may take before its configured names are known, and where our own code names them."""

Values = tuple[str, ...]


class Names:
    """The values one label may take.

    Until `learn` has told the configured ones, values are taken as they come, up to `names_max`.
    """

    __slots__ = ("_known", "_names_max", "settled")

    def __init__(self, known: Iterable[str] = (), *, settled: bool = False, names_max: int = NAMES_MAX) -> None:
        self._known = {str(name): None for name in known}
        self._names_max = names_max
        self.settled = settled

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def learn(self, names: Iterable[str]) -> list[str]:
        """These are the configured values: from now on no other is taken. Returns those that are new."""
        fresh = [name for name in names if name not in self._known]
        self._known.update(dict.fromkeys(fresh))
        self.settled = True
        return fresh

    def admit(self, value: str) -> str:
        """The value as a label says it."""
        value = str(value)
        if value in self._known:
            return value
        if self.settled or len(self._known) >= self._names_max:
            return OTHER
        self._known[value] = None
        return value


class _Labelled:
    """A family with bounded labels: `names` says which values each may take."""

    __slots__ = ("_help", "_labels", "_names", "name")

    def __init__(self, name: str, help_text: str, labels: Mapping[str, Names]) -> None:
        self.name = name
        self._help = help_text
        self._labels = tuple(labels)
        self._names = tuple(labels.values())
        if all(names.settled for names in self._names):
            for values in product(*self._names):
                self.expect(values)

    def expect(self, values: Values) -> None:
        """Show this series from now on: a rate needs the 0 before the first step."""
        raise NotImplementedError

    def learned(self, names: Names, value: str) -> None:
        """`names` has one value more: show its series, where all the other labels are settled."""
        if names in self._names and all(each is names or each.settled for each in self._names):
            for values in product(*((value,) if each is names else each for each in self._names)):
                self.expect(values)

    def _admitted(self, values: Values) -> Values:
        return tuple(names.admit(value) for names, value in zip(self._names, values, strict=True))


class Tally(_Labelled):
    """One counter family; `name` ends in `_total`."""

    __slots__ = ("_counts",)

    def __init__(self, name: str, help_text: str, **labels: Names) -> None:
        self._counts: dict[Values, float] = {}
        super().__init__(name, help_text, labels)

    def add(self, values: Values = (), by: float = 1) -> None:
        try:
            self._counts[values] += by
        except KeyError:
            self.expect(values)
            self._counts[self._admitted(values)] += by

    def expect(self, values: Values) -> None:
        self._counts.setdefault(self._admitted(values), 0)

    def family(self) -> CounterMetricFamily:
        return counter_family(self.name, self._help, self._labels, self._counts.items())


class Distribution(_Labelled):
    """One histogram family. `bounds` ascend; each counts what is at or below it."""

    __slots__ = ("_bounds", "_cells")

    def __init__(self, name: str, help_text: str, bounds: Sequence[float], **labels: Names) -> None:
        self._bounds = tuple(bounds)
        self._cells: dict[Values, tuple[list[int], list[float]]] = {}
        super().__init__(name, help_text, labels)

    def add(self, value: float, labels: Values = ()) -> None:
        cell = self._cells.get(labels)
        if cell is None:
            self.expect(labels)
            cell = self._cells[self._admitted(labels)]
        counts, total = cell
        counts[bisect_left(self._bounds, value)] += 1
        total[0] += value

    def expect(self, values: Values) -> None:
        self._cells.setdefault(self._admitted(values), ([0] * (len(self._bounds) + 1), [0.0]))

    def family(self) -> HistogramMetricFamily:
        family = HistogramMetricFamily(self.name, self._help, labels=self._labels)
        les = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for values, (counts, total) in self._cells.items():
            buckets: list[tuple[str, float]] = []
            below = 0
            for le, count in zip(les, counts, strict=True):
                below += count
                buckets.append((le, below))
            family.add_metric(values, buckets, total[0])
        return family


class Levels:
    """One gauge family whose series are set, all of them known to the caller."""

    __slots__ = ("_help", "_labels", "_levels", "name")

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        self.name = name
        self._help = help_text
        self._labels = labels
        self._levels: dict[Values, float] = {}

    def put(self, value: float, labels: Values = ()) -> None:
        self._levels[labels] = value

    def drop(self, first: str) -> None:
        """Show no series any more whose first label has this value."""
        for labels in [each for each in self._levels if each and each[0] == first]:
            del self._levels[labels]

    def clear(self) -> None:
        """Show no series before the next `put`."""
        self._levels.clear()

    def family(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(self.name, self._help, labels=self._labels)
        for values, level in self._levels.items():
            family.add_metric(values, level)
        return family


def counter_family(
    name: str, help_text: str, labels: Sequence[str], samples: Iterable[tuple[Values, float]]
) -> CounterMetricFamily:
    """A counter family of these samples."""
    family = CounterMetricFamily(name, help_text, labels=labels)
    for values, count in samples:
        family.add_metric(values, count)
    return family
