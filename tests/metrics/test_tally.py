"""Plain numbers as Prometheus families: the same text as its own client's, and labels that stay bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from engine.metrics.tally import NAMES_MAX, OTHER, Distribution, Levels, Names, Tally

BOUNDS = (0.1, 1.0, 10.0)


class Shown(Collector):
    """A registry of these families alone."""

    def __init__(self, *families: Tally | Levels | Distribution) -> None:
        self._families = families
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def collect(self) -> list[Metric]:
        return [family.family() for family in self._families]

    def lines(self) -> list[str]:
        return _lines(self.registry)


def _lines(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


@given(st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.3, 1.0, 1.5, 10.0, 11.0, 1e9])))
def test_a_distribution_is_written_as_the_clients_own_histogram(values: list[float]) -> None:
    names = Names(("a",), settled=True)
    ours = Distribution("wait_seconds", "How long", BOUNDS, who=names)
    registry = CollectorRegistry()
    theirs = Histogram("wait_seconds", "How long", ["who"], buckets=BOUNDS, registry=registry).labels("a")
    for value in values:
        ours.add(value, ("a",))
        theirs.observe(value)
    assert Shown(ours).lines() == _lines(registry)


@given(st.lists(st.sampled_from(["a", "b"])))
def test_a_tally_is_written_as_the_clients_own_counter(values: list[str]) -> None:
    names = Names(("a", "b"), settled=True)
    ours = Tally("asked_total", "How often", who=names)
    registry = CollectorRegistry()
    theirs = Counter("asked_total", "How often", ["who"], registry=registry)
    for value in ("a", "b"):
        theirs.labels(value)
    for value in values:
        ours.add((value,))
        theirs.labels(value).inc()
    assert Shown(ours).lines() == _lines(registry)


def test_a_tally_without_labels_is_shown_from_the_start() -> None:
    tally = Tally("done_total", "Done")
    assert Shown(tally).lines()[-1] == "done_total 0.0"
    tally.add((), 2.5)
    assert Shown(tally).lines()[-1] == "done_total 2.5"


def test_levels_hold_the_last_value() -> None:
    levels = Levels("open", "Open now", "kind")
    levels.put(3, ("x",))
    levels.put(1, ("x",))
    assert Shown(levels).lines()[-1] == 'open{kind="x"} 1.0'


def test_names_are_taken_as_they_come_up_to_their_bound() -> None:
    names = Names()
    admitted = [names.admit(f"n{number}") for number in range(NAMES_MAX + 5)]
    assert admitted[NAMES_MAX - 1] == f"n{NAMES_MAX - 1}"
    assert admitted[NAMES_MAX:] == [OTHER] * 5
    assert names.admit("n0") == "n0"


def test_names_that_are_configured_are_all_taken_however_many() -> None:
    names = Names(names_max=2)
    assert names.learn(["a", "b", "c", "d"]) == ["a", "b", "c", "d"]
    assert names.learn(["d", "e"]) == ["e"]
    assert [names.admit(name) for name in "abcdef"] == [*"abcde", OTHER]


def test_what_is_over_the_bound_is_counted_together() -> None:
    tally = Tally("asked_total", "How often", who=Names(("a",), settled=True), how=Names(("x",), settled=True))
    for number in range(1000):
        tally.add((f"n{number}", "x"))
    tally.add(("a", "z"))
    lines = Shown(tally).lines()
    assert 'asked_total{how="x",who="other"} 1000.0' in lines
    assert 'asked_total{how="other",who="a"} 1.0' in lines
    assert len(lines) == 2 + 3


def test_a_new_name_shows_its_series_with_all_values_of_the_settled_labels() -> None:
    who, how, why = Names(), Names(("x", "y"), settled=True), Names()
    settled = Tally("a_total", "A", who=who, how=how)
    unsettled = Tally("b_total", "B", who=who, why=why)
    other = Tally("c_total", "C", why=why)
    (name,) = who.learn(["kim"])
    for family in (settled, unsettled, other):
        family.learned(who, name)
    assert Shown(settled).lines()[2:] == ['a_total{how="x",who="kim"} 0.0', 'a_total{how="y",who="kim"} 0.0']
    assert Shown(unsettled, other).lines() == [
        "# HELP b_total B",
        "# TYPE b_total counter",
        "# HELP c_total C",
        "# TYPE c_total counter",
    ]


@pytest.mark.parametrize("values", [(), ("a", "b")], ids=["too few", "too many"])
def test_labels_that_do_not_fit_are_our_mistake(values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        Tally("asked_total", "How often", who=Names()).add(values)
