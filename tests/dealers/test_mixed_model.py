"""The normal equations are summed, factored and inverted as the algebra says."""

from __future__ import annotations

import random

import pytest

from engine.dealers.mixed_model import Moments, solve_at


def moments(size: int, rows: int, seed: int = 1) -> tuple[Moments, list[list[float]]]:
    """Random rows with a third of their columns empty; and the whole matrix X'WX."""
    rng = random.Random(seed)
    found, whole = Moments(size), [[0.0] * size for _ in range(size)]
    for _ in range(rows):
        row = [(at, rng.gauss(0.0, 1.0)) for at in range(size) if rng.random() < 0.67]
        weight, y = rng.uniform(0.1, 2.0), rng.gauss(0.0, 1.0) + 3.0 * sum(value for _, value in row)
        found.add(row, y, weight)
        for a, one in row:
            for b, other in row:
                whole[a][b] += weight * one * other
    return found, whole


@pytest.mark.parametrize("size", [1, 2, 7, 30])
def test_the_inverse_is_one(size: int) -> None:
    given, whole = moments(size, 4 * size)
    penalties = [0.5 + at for at in range(size)]
    for at in range(size):
        whole[at][at] += penalties[at]
    solution = solve_at(given, penalties)
    inverse = solution.inverse()
    for at in range(size):
        assert inverse[at] == pytest.approx(solution.column(at))
        product = [sum(inverse[at][k] * whole[k][b] for k in range(size)) for b in range(size)]
        assert product == pytest.approx([float(at == b) for b in range(size)], abs=1e-9)
    fitted = [sum(inverse[at][k] * given.rhs[k] for k in range(size)) for at in range(size)]
    assert solution.beta == pytest.approx(fitted)
    assert solution.left == pytest.approx(given.yy - sum(b * r for b, r in zip(fitted, given.rhs, strict=True)))


def test_the_first_columns_may_be_solved_alone() -> None:
    given, _ = moments(6, 40)
    alone = Moments(4)
    alone.matrix, alone.rhs, alone.yy = given.matrix[:4], given.rhs[:4], given.yy
    assert solve_at(given, [1.0] * 6, 4) == solve_at(alone, [1.0] * 4)


def test_a_coefficient_that_is_known_is_taken_from_what_was_seen() -> None:
    rows = [([(0, 1.0), (2, 2.0)], 5.0), ([(1, 1.0), (2, 3.0)], 4.0), ([(0, 2.0), (1, 1.0)], 1.0)]
    given, net = Moments(3), Moments(3)
    for row, y in rows:
        given.add(row, y, 0.5)
        net.add(row, y - 0.7 * dict(row).get(2, 0.0), 0.5)
    found = given.less(2, 0.7)
    assert (found.matrix, found.size) == (given.matrix, 3)
    assert found.rhs == pytest.approx(net.rhs)
    assert found.yy == pytest.approx(net.yy)


def test_without_a_penalty_columns_that_follow_from_others_have_no_answer() -> None:
    given = Moments(2)
    for value in (1.0, 2.0, 3.0):
        given.add([(0, value), (1, 2.0 * value)], value, 1.0)
    with pytest.raises(ValueError, match="column 1"):
        solve_at(given, [0.0, 0.0])
    assert sum(b * x for b, x in zip(solve_at(given, [1e-9, 1e-9]).beta, (1.0, 2.0), strict=True)) == pytest.approx(1.0)
