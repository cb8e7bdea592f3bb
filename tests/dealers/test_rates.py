"""How far dealers lie apart in a rate, against dealers that were drawn."""

from __future__ import annotations

import random

import pytest

from engine.dealers.rates import Cell, Counting, apart, begin

COUNTING = Counting(weight=0, total=1, plain=2, squared=3, mean=0.5, strengths=(10.0,) * 4)
ASKS = 60


def seen(rng: random.Random, rate: float) -> Cell:
    return [float(ASKS), float(sum(rng.random() < rate for _ in range(ASKS))), float(ASKS), float(ASKS)]


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        pytest.param(lambda rng: rng.betavariate(2.0, 2.0), 0.2, id="of strength 4: a fifth of yes and no"),
        pytest.param(lambda rng: rng.betavariate(10.0, 10.0), 1 / 21, id="of strength 20"),
        pytest.param(lambda rng: 0.5, 0.0, id="all alike"),
    ],
)
def test_dealers_lie_apart_as_they_were_drawn(rate: object, expected: float) -> None:
    """400 dealers: the standard error of a fifth is .014, that of less is smaller: three of them."""
    rng = random.Random(7)
    cells = {f"d{at:03}": seen(rng, rate(rng)) for at in range(400)}  # type: ignore[operator]
    total, count = apart(begin(COUNTING), 0, cells, COUNTING, 1.0)
    assert total / count == pytest.approx(expected, abs=0.042 * (expected / 0.2) + 0.005)
