"""How good predictions were: proper scores, calibration, coverage, each with the interval that days drawn again give.

A proper score is least on average for whoever says what they believe: log loss and Brier score of a chance, the CRPS of
a distribution (in bps; of a point it is the distance). Each stands beside what the simplest prediction would have
scored, and the difference, less than 0 where ours is better, has its own interval: both are of the same days.

`Rows` gathers predictions in columns, some 150 bytes each: a million are 150 MB.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from scipy.special import betaln, ndtr, stdtr, stdtrit

from engine.research.bootstrap import Days, Floats, Interval, Ints
from engine.research.walk import Prediction

COVERED: Final = 0.90
"""What the interval of an edge is to hold."""
BINS: Final = 10
ROWS_MIN: Final = 20_000
"""Rows out of sample that calibration is judged by."""
OFF_MAX: Final = 0.03
"""A decile may be off by so much, beyond two standard errors."""
COVERAGE: Final = (0.87, 0.93)
"""The 90 % interval of an edge has to hold a share within these, with the whole of that share's own interval."""

Bools: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
_LEAST: Final = 1e-6
"""A chance is kept this far from 0 and 1: a certainty that failed is a loss of 14, and no infinity."""
_COLUMNS: Final = (
    "answers", "desk_q", "own_q", "answered", "e_bps", "e_scale_bps", "e_df", "desk_e_bps", "desk_e_sd_bps",
    "own_e_bps", "edge_bps", "f", "desk_f", "own_f", "filled", "z", "desk_z", "size_share",
)  # fmt: skip


class Rows:
    """Predictions and what came, in columns; what there was none of is not a number."""

    def __init__(self, predictions: Iterable[Prediction] = ()) -> None:
        self._day = array("q")
        self._columns = {name: array("d") for name in _COLUMNS}
        for each in predictions:
            self.add(each)

    def add(self, each: Prediction) -> None:
        self._day.append(each.day)
        for name, column in self._columns.items():
            value = getattr(each, name)
            column.append(math.nan if value is None else value)

    def extend(self, predictions: Iterable[Prediction]) -> None:
        for each in predictions:
            self.add(each)

    def __len__(self) -> int:
        return len(self._day)

    @property
    def day(self) -> Ints:
        return np.array(self._day, dtype=np.int64)

    def of(self, name: str) -> Floats:
        """A column by the name it has in `Prediction`."""
        return np.array(self._columns[name], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Decile:
    """Of the predictions of one decile, from the least: what was said, what came, and by how much it was off."""

    predicted: float
    happened: Interval
    off: Interval

    @property
    def is_met(self) -> bool | None:
        """Is it off by no more than what may be, beyond two standard errors? None where nobody can tell."""
        if not self.off.is_told:
            return None
        return abs(self.off.value) <= OFF_MAX + 2.0 * self.off.se


@dataclass(frozen=True, slots=True)
class Score:
    """A mean score of ours, that of a simple prediction, and ours less that: below 0 ours is better.

    `against` is `desk`, the mean of all that the desk had seen until then, or `dealer`, the dealer's own.
    """

    name: str
    against: str
    ours: Interval
    simple: Interval
    difference: Interval

    @property
    def words(self) -> str:
        """`better`, `worse`, `no different` as far as these days go, or `cannot tell`."""
        if not self.difference.is_told:
            return "cannot tell"
        if self.difference.is_below(0.0):
            return "better"
        return "worse" if self.difference.is_above(0.0) else "no different"


@dataclass(frozen=True, slots=True)
class Report:
    """All that is said of predictions: plain values, for pages and screens. `rows` are asks, on so many `days`."""

    rows: int
    days: int
    first_day: int
    last_day: int
    scores: tuple[Score, ...]
    answers: tuple[Decile, ...]
    fills: tuple[Decile, ...]
    coverage: Interval
    coverage_by_width: tuple[tuple[float, Interval], ...]
    """(mean scale in bps, coverage) by quartile of how sure the estimate is."""

    @property
    def is_enough(self) -> bool:
        return self.rows >= ROWS_MIN

    @property
    def answers_met(self) -> bool | None:
        """None where nobody can tell."""
        return _all_met(self.answers)

    @property
    def coverage_met(self) -> bool | None:
        """By the whole of its interval: a wide one that reaches beyond is not knowing."""
        return self.coverage.is_within(*COVERAGE)


def report(rows: Rows, seed: int = 0) -> Report:
    """Every score of some predictions."""
    days = Days(rows.day, seed)
    answers, answered = rows.of("answers"), rows.of("answered")
    f, filled, scale = rows.of("f"), rows.of("filled"), rows.of("e_scale_bps")
    scores = [_score(days, *each) for each in compared(rows)]
    inside = within(rows)
    seen = rows.day
    return Report(
        rows=len(rows),
        days=days.count,
        first_day=int(seen.min()) if len(rows) else 0,
        last_day=int(seen.max()) if len(rows) else 0,
        scores=tuple(scores),
        answers=reliability(days, answers, answered),
        fills=reliability(days, f, filled),
        coverage=days.share(inside),
        coverage_by_width=_by_width(days, scale, inside),
    )


def compared(rows: Rows) -> Iterator[tuple[str, str, Floats, Floats]]:
    """Every score, what it is held against, ours of each row and that of the simple prediction."""
    for what, chance, came, desk, own in (
        ("answering", "answers", "answered", "desk_q", "own_q"),
        ("filling", "f", "filled", "desk_f", "own_f"),
    ):
        said, happened = rows.of(chance), rows.of(came)
        for name, loss in (("log loss", log_loss), ("Brier", brier)):
            for against, other in (("desk", desk), ("dealer", own)):
                yield f"{name} of {what}", against, loss(said, happened), loss(rows.of(other), happened)
    edge, sd = rows.of("edge_bps"), rows.of("desk_e_sd_bps")
    ours = crps_t(edge, rows.of("e_bps"), rows.of("e_scale_bps"), rows.of("e_df"))
    for against, other in (("desk", "desk_e_bps"), ("dealer", "own_e_bps")):
        yield "CRPS of an edge, bps", against, ours, crps_normal(edge, rows.of(other), sd)
    size = rows.of("size_share")
    squares = (rows.of("z") - size) ** 2, (rows.of("desk_z") - size) ** 2
    yield "squared error of the size quoted", "desk", *squares


def within(rows: Rows) -> Floats:
    """1 where the interval of an edge held the quote, 0 where not, not a number where none came."""
    return covered(rows.of("edge_bps"), rows.of("e_bps"), rows.of("e_scale_bps"), rows.of("e_df"))


def _score(days: Days, name: str, against: str, ours: Floats, simple: Floats) -> Score:
    return Score(name, against, days.mean(ours), days.mean(simple), days.mean(ours - simple))


def _all_met(deciles: Sequence[Decile]) -> bool | None:
    met = [each.is_met for each in deciles]
    return None if not met or None in met else all(met)


# --- scores a row --------------------------------------------------------------------------------


def log_loss(chance: Floats, happened: Floats) -> Floats:
    """Of a chance, in nats; not a number where nothing came."""
    kept = np.clip(chance, _LEAST, 1.0 - _LEAST)
    found: Floats = -(happened * np.log(kept) + (1.0 - happened) * np.log1p(-kept))
    return found


def brier(chance: Floats, happened: Floats) -> Floats:
    found: Floats = (chance - happened) ** 2
    return found


def crps_normal(value: Floats, mean: Floats, sd: Floats) -> Floats:
    """Of a normal law: sd [z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)].

    Reference: T. Gneiting, A. E. Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", 2007.
    """
    z = (value - mean) / sd
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    found: Floats = sd * (z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / math.sqrt(math.pi))
    return found


def crps_t(value: Floats, mean: Floats, scale: Floats, df: Floats) -> Floats:
    """Of Student's t with `df` degrees of freedom (more than 1) around `mean`.

        scale [z (2 F(z) - 1) + 2 f(z) (df + z^2) / (df - 1)
               - 2 sqrt(df) / (df - 1) B(1/2, df - 1/2) / B(1/2, df/2)^2]

    Reference: A. Jordan, F. Krueger, S. Lerch, "Evaluating Probabilistic Forecasts with scoringRules", 2019.
    """
    z = (value - mean) / scale
    log_density = -0.5 * (df + 1.0) * np.log1p(z * z / df) - 0.5 * np.log(df) - betaln(0.5, 0.5 * df)
    spread = 2.0 * np.sqrt(df) / (df - 1.0) * np.exp(betaln(0.5, df - 0.5) - 2.0 * betaln(0.5, 0.5 * df))
    inner = z * (2.0 * stdtr(df, z) - 1.0) + 2.0 * np.exp(log_density) * (df + z * z) / (df - 1.0)
    found: Floats = scale * (inner - spread)
    return found


def covered(value: Floats, mean: Floats, scale: Floats, df: Floats, share: float = COVERED) -> Floats:
    """1 where the interval that is to hold `share` holds it, 0 where not, not a number where nothing came."""
    half = stdtrit(df, 0.5 + share / 2.0) * scale
    found: Floats = np.where(np.isfinite(value), (np.abs(value - mean) <= half).astype(np.float64), np.nan)
    return found


# --- calibration ---------------------------------------------------------------------------------


def reliability(days: Days, chance: Floats, happened: Floats) -> tuple[Decile, ...]:
    """By decile of what was said, from the least; fewer where the same was said of many."""
    known = np.isfinite(happened)
    if not known.any():
        return ()
    found: list[Decile] = []
    for within in _parts(chance, known, BINS):
        predicted = float(chance[within].mean())
        found.append(Decile(predicted, days.share(happened, within), days.share(happened, within, chance)))
    return tuple(found)


def _by_width(days: Days, scale: Floats, inside: Floats) -> tuple[tuple[float, Interval], ...]:
    known = np.isfinite(inside)
    return tuple([(float(scale[part].mean()), days.share(inside, part)) for part in _parts(scale, known, 4)])


def _parts(values: Floats, known: Bools, count: int) -> list[Bools]:
    """Rows that are known, in so many parts of about as many rows, by what they have in `values`."""
    if not known.any():
        return []
    edges = np.unique(np.quantile(values[known], np.linspace(0.0, 1.0, count + 1)))
    place = np.searchsorted(edges[1:-1], values, side="right") if len(edges) > 2 else np.zeros(len(values), dtype=int)
    parts = [known & (place == at) for at in range(max(1, len(edges) - 1))]
    return [part for part in parts if part.any()]
