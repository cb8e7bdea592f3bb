"""Day buckets: exact windows, exact decay, whatever the order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.dealers import window as w
from engine.dealers.window import Cell, Decay, Shape

BASE = 20_000


def test_weight_halves_exactly_every_half_life() -> None:
    decay = Decay(30)
    for day in range(BASE, BASE + 60):
        assert decay.weight(day + 30, BASE) == 2 * decay.weight(day, BASE)


def test_weight_follows_two_to_the_age_between() -> None:
    decay = Decay(90)
    newest = decay.weight(BASE + 89, BASE)
    for age in range(90):
        ratio = decay.weight(BASE + 89 - age, BASE) / newest
        assert abs(ratio - 2 ** (-age / 90)) < 1e-9


events = st.lists(st.tuples(st.integers(0, 260), st.integers(0, w.FIELDS - 1), st.integers(-50, 50)), max_size=40)


@given(events, st.lists(st.integers(0, 40), max_size=5), st.integers(260, 420))
def test_kept_sums_are_the_sums_of_the_buckets(
    happened: list[tuple[int, int, int]], peeks: list[int], end: int
) -> None:
    """Rolling in and out by any path leaves what a walk over the history finds, to the bit."""
    shape = Shape((1, 7, 90), 5, 11, 1_000)
    cell = Cell(shape, BASE)
    for at, (day, field, amount) in enumerate(happened):
        cell.add(BASE + day, ((field, amount),))
        if at < len(peeks):
            cell.roll(cell.day + peeks[at])
    today = max(BASE + end, cell.day)
    cell.roll(today)
    for place, days in enumerate(shape.windows_days):
        raw, weighted, _ = cell.walk(today - days + 1, today)
        fast, slow = shape.today_weights(today)[place]
        weights = [slow if w.is_slow(field) else fast for field in range(w.FIELDS)]
        assert list(raw) == [a + b for a, b in zip(cell.raw[place], cell.today, strict=True)]
        assert weighted == [
            a + b * weight for a, b, weight in zip(cell.weighted[place], cell.today, weights, strict=True)
        ]


def test_a_closed_day_leaves_on_the_day_its_window_ends() -> None:
    shape = Shape((7,), 30, 30, 30)
    cell = Cell(shape, BASE)
    cell.add(BASE, ((w.ASKS, 3),))
    cell.roll(BASE + 6)
    assert cell.raw[0][w.ASKS] == 3
    cell.roll(BASE + 7)
    assert cell.raw[0][w.ASKS] == 0
    assert cell.weighted[0][w.ASKS] == 0


def test_pruned_buckets_are_gone() -> None:
    cell = Cell(Shape((7,), 30, 30, 30), BASE)
    for day in range(40):
        cell.add(BASE + day, ((w.ASKS, 1),))
    cell.prune(BASE + 10)
    assert [day for day, _ in cell.days(0, BASE + 100)] == list(range(BASE + 10, BASE + 40))
