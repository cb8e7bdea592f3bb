"""Least squares with some coefficients fixed and some drawn around 0: plain floats, the same to the bit every time.

    y_i = sum over fixed k of x_ik beta_k + sum over dealers d in row i of delta_d + noise of variance phi v_i

`Moments` takes rows in and keeps their sums. `solve_at` solves for given penalties (one a column, on the diagonal);
`Solution` has what errors are made of. A penalty is a precision in units of 1 / phi: noise over prior variance.

The matrix is dense: who is asked with whom fills it. Cholesky takes n^3 / 6 multiplications of about 30 ns each, which
is 5 s for 1,000 columns; its inverse twice that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

Sparse = Sequence[tuple[int, float]]
"""The columns of a row that are not 0, and what stands there."""


class Moments:
    """Sums over rows: X'WX (its lower half), X'Wy and y'Wy."""

    __slots__ = ("matrix", "rhs", "size", "yy")

    def __init__(self, size: int) -> None:
        self.size = size
        self.matrix = [[0.0] * (at + 1) for at in range(size)]
        self.rhs = [0.0] * size
        self.yy = 0.0

    def add(self, row: Sparse, y: float, weight: float) -> None:
        """One row; its columns in ascending order."""
        matrix, rhs = self.matrix, self.rhs
        for at, (column, value) in enumerate(row):
            weighted = weight * value
            line = matrix[column]
            for before, other in row[: at + 1]:
                line[before] += weighted * other
            rhs[column] += weighted * y
        self.yy += weight * y * y

    def less(self, column: int, coefficient: float) -> Moments:
        """Those of the same rows once so much times a column is taken from every y. The matrix is shared."""
        found = Moments.__new__(Moments)
        found.size, found.matrix = self.size, self.matrix
        beside = [self.matrix[max(at, column)][min(at, column)] for at in range(self.size)]
        found.rhs = [value - coefficient * other for value, other in zip(self.rhs, beside, strict=True)]
        found.yy = self.yy - coefficient * (2.0 * self.rhs[column] - coefficient * beside[column])
        return found


@dataclass(frozen=True, slots=True)
class Solution:
    """The penalised normal equations, factored. `lower` is the Cholesky factor, `left` what the fit leaves of y'Wy."""

    lower: list[list[float]]
    beta: list[float]
    left: float
    log_det: float

    def column(self, at: int) -> list[float]:
        """Column `at` of the inverse."""
        size = len(self.lower)
        unit = [0.0] * size
        unit[at] = 1.0
        return _backward(self.lower, _forward(self.lower, unit))

    def inverse(self) -> list[list[float]]:
        """The whole inverse."""
        lower, size = self.lower, len(self.lower)
        columns: list[list[float]] = []
        for j in range(size):
            column = [1.0 / lower[j][j]]
            for i in range(j + 1, size):
                line = lower[i]
                column.append(-sum(map(mul, line[j:i], column)) / line[i])
            columns.append(column)
        inverse = [[0.0] * size for _ in range(size)]
        for i in range(size):
            column = columns[i]
            for j in range(i + 1):
                inverse[i][j] = inverse[j][i] = sum(map(mul, column, columns[j][i - j :]))
        return inverse


def solve_at(moments: Moments, penalties: Sequence[float], size: int | None = None) -> Solution:
    """Solve for the first `size` columns, all of them if not said. Raises ValueError where that has no one answer."""
    size = moments.size if size is None else size
    lower: list[list[float]] = []
    for i in range(size):
        given, line = moments.matrix[i], list[float]()
        for j in range(i):
            other = lower[j]
            line.append((given[j] - sum(map(mul, line, other))) / other[j])
        pivot = given[i] + penalties[i] - sum(map(mul, line, line))
        if not pivot > 1e-13 * (given[i] + penalties[i]):
            raise ValueError(f"column {i} follows from those before it")
        line.append(math.sqrt(pivot))
        lower.append(line)
    half = _forward(lower, moments.rhs[:size])
    left = moments.yy - sum(map(mul, half, half))
    log_det = 2.0 * sum(math.log(line[-1]) for line in lower)
    return Solution(lower, _backward(lower, half), max(left, 0.0), log_det)


def _forward(lower: list[list[float]], rhs: Sequence[float]) -> list[float]:
    found: list[float] = []
    for line, value in zip(lower, rhs, strict=True):
        found.append((value - sum(map(mul, line, found))) / line[-1])
    return found


def _backward(lower: list[list[float]], rhs: Sequence[float]) -> list[float]:
    rest = list(rhs)
    for i in range(len(lower) - 1, -1, -1):
        line = lower[i]
        value = rest[i] = rest[i] / line[i]
        for j in range(i):
            rest[j] -= value * line[j]
    return rest
