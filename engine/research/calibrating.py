"""Which numbers of a desk's estimates its own past speaks for: proposed where they are better, else kept.

A past is walked once with the numbers in force, and once with each other value of each number (`Knob`). Its days are
cut in three: on the first ones estimates only learn; on the next ones, for each number, the value with the least loss
is chosen; on the last ones, which had no say in that, the chosen value is held against the one in force. It is proposed
if the difference is below 0 with its whole interval. Those intervals are so wide that among all numbers tried together
the chance of one wrong proposal is `WRONG_MAX`. What is proposed is then walked once more together.

The losses are proper scores: nats for the chance of a quote, bps (CRPS) for edges, and for what touches everything the
nats of all that came: answer, edge and fill.

Each walk is one piece of work for `spread`: on processes, or on a Dask cluster whose workers see the rounds' file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import betaln

from engine.clock import NS_PER_DAY
from engine.config import ScoringConfig
from engine.dealers.estimate_parameters import EstimateParameters
from engine.dealers.leak import LeakPrior
from engine.errors import EngineError
from engine.research.bootstrap import DAYS_MIN, NOTHING, Days, Floats, Interval
from engine.research.knowledge import Then
from engine.research.past import Past, rounds_in
from engine.research.progress import Progress, silent
from engine.research.scores import Report, Rows, crps_t, log_loss, report
from engine.research.spread import Item, Where, spread
from engine.research.walk import walk

ASKS_MIN: Final = 2_000
DAYS_IN_ALL_MIN: Final = 4 * DAYS_MIN
"""Fewer asks, on fewer days, speak for nothing: the last part would have no interval."""
WRONG_MAX: Final = 0.05
LEARNT: Final = 0.4
CHOSEN: Final = 0.3
"""Shares of the days on which estimates only learn, and on which values are chosen; on the rest they are judged."""

_IN_FORCE: Final = "in force"
_TOGETHER: Final = "together"
_TAIL_NATS: Final = 12.0
"""What one edge may cost at most, over the density at its middle: a slip of a price decides nothing."""


class TooLittleError(EngineError):
    """A past that speaks for nothing: what it would take is in the words."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A number of `scoring.toml`, its value in force, what else is tried, and by which loss."""

    key: str
    about: str
    now: float
    tries: tuple[float, ...]
    loss: str
    """`all`, `answers` or `edges`."""

    @property
    def unit(self) -> str:
        return "bps" if self.loss == "edges" else "nats"


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one number. `chosen` and `judged` are the loss of `found` less that of the value in force.

    `before` and `after` are the losses on the days that judge.
    """

    knob: Knob
    found: float
    chosen: Interval
    judged: Interval
    before: Interval
    after: Interval
    is_proposed: bool
    why: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that was found. `together` is the loss of everything with all proposals, less that in force; None if none."""

    asks: int
    days: int
    judged_asks: int
    judged_days: int
    level: float
    findings: tuple[Finding, ...]
    together: Interval | None
    report: Report
    """Of the numbers in force, on the days that judge."""

    @property
    def proposed(self) -> dict[str, float]:
        return {each.knob.key: each.found for each in self.findings if each.is_proposed}


def knobs(scoring: ScoringConfig) -> tuple[Knob, ...]:
    """Every number that is tried."""
    given, p = scoring.estimates, scoring.estimate_parameters
    return (
        _knob("estimates.half_life_days", "how fast the past fades", float(p.half_life_days), "all",
              (8, 12, 18, 25, 35, 50, 75, 110, 160, 240)),
        _knob("estimates.strength", "how strongly a dealer is drawn to the others", given.strength, "answers",
              (0.25, 0.5, 1.0, 2.0, 4.0)),
        _knob("estimates.panel_slope", "what answering loses as more are asked", given.panel_slope, "answers",
              (-1.0, -0.6, -0.3, -0.15, 0.0)),
        _knob("estimates.size_slope", "what answering loses with the size", given.size_slope, "answers",
              (-0.8, -0.5, -0.35, -0.2, -0.1, 0.0, 0.1)),
        _knob("estimates.mark_sd_bps", "what a mark is off by that does not say", given.mark_sd_bps, "edges",
              (1.5, 3.0, 5.0, 8.0, 12.0)),
    )  # fmt: skip


def _knob(key: str, about: str, now: float, loss: str, values: Sequence[float]) -> Knob:
    return Knob(key, about, float(now), tuple([float(each) for each in values if not math.isclose(each, now)]), loss)


def parameters(scoring: ScoringConfig, values: Mapping[str, float]) -> EstimateParameters:
    """With other values of some numbers, by their keys."""
    of_estimates: dict[str, Any] = {key.removeprefix("estimates."): value for key, value in values.items()}
    return replace(scoring, estimates=replace(scoring.estimates, **of_estimates)).estimate_parameters


def parameters_of(plain: Mapping[str, Any]) -> EstimateParameters:
    """Of what `dataclasses.asdict` made of them."""
    given = dict(plain)
    for name in ("leak_in", "leak_post"):
        given[name] = LeakPrior(**given[name])
    return EstimateParameters(**given)


def calibrate(
    past: Past,
    scoring: ScoringConfig,
    begin_ns: int | None = None,
    end_ns: int | None = None,
    where: Where | None = None,
    progress: Progress = silent,
    seed: int = 0,
    tried: Sequence[Knob] | None = None,
    kept: Path | None = None,
) -> Calibration:
    """Try every number, or those of `tried`, on the rounds from `begin_ns` until `end_ns`; before that it learns.

    Walks that are done are kept in the file `kept`: another run of the same on the same past goes on from there.
    Raises TooLittleError, in words, where the past speaks for nothing.
    """
    days = _days_of(past.path, begin_ns, end_ns)
    asks = sum(days.values())
    if asks < ASKS_MIN or len(days) < DAYS_IN_ALL_MIN:
        raise TooLittleError(
            f"a calibration needs {ASKS_MIN:,} asks on {DAYS_IN_ALL_MIN} days at least, found {asks:,} on {len(days)}: "
            "the numbers in force stand"
        )
    in_order = sorted(days)
    first, last = in_order[int(len(days) * LEARNT)], in_order[int(len(days) * (LEARNT + CHOSEN))]
    tried = knobs(scoring) if tried is None else tried
    span = {"path": str(past.path), "begin_ns": first * NS_PER_DAY, "end_ns": end_ns}

    mark = past.digest() if kept is not None else ""

    def item(key: str, values: Mapping[str, float]) -> Item:
        estimates = dataclasses.asdict(parameters(scoring, values))
        if kept is not None:
            # Another past, other days or other numbers are other work.
            told = json.dumps([mark, span["begin_ns"], end_ns, estimates], sort_keys=True)
            key = f"{key}|{hashlib.sha256(told.encode()).hexdigest()[:16]}"
        return Item(key, {**span, "estimates": estimates}, past.count)

    items = [item(_IN_FORCE, {})]
    items += [item(f"{knob.key}={value:g}", {knob.key: value}) for knob in tried for value in knob.tries]
    walks = spread(losses_of, items, where=where, kept=kept, progress=progress)
    losses = {key.partition("|")[0]: _Losses(found) for key, found in walks}
    in_force = losses[_IN_FORCE]
    level = 1.0 - WRONG_MAX / len(tried)
    judge = _Judge(in_force, last, level, seed)
    findings = [_finding(knob, losses, judge) for knob in tried]
    together = None
    proposed = {each.knob.key: each.found for each in findings if each.is_proposed}
    if proposed:
        [(_, found)] = spread(losses_of, [item(_TOGETHER, proposed)], where=where, kept=kept)
        together = judge.difference(_Losses(found), "all", last, None)
        if len(proposed) > 1 and not together.is_below(0.0):
            findings = _best_alone(findings)
            together = None
    judged = Rows()
    for _, predictions in walk(rounds_in(past.path, None, end_ns), Then(parameters(scoring, {})), last * NS_PER_DAY):
        judged.extend(predictions)
    return Calibration(
        asks=asks,
        days=len(days),
        judged_asks=len(judged),
        judged_days=sum(day >= last for day in days),
        level=level,
        findings=tuple(findings),
        together=together,
        report=report(judged, seed),
    )


def _days_of(path: Path, begin_ns: int | None, end_ns: int | None) -> dict[int, int]:
    """Asks by day."""
    days: dict[int, int] = {}
    for told in rounds_in(path, begin_ns, end_ns):
        day = told.seen.sent_ns // NS_PER_DAY
        days[day] = days.get(day, 0) + len(told.seen.asks)
    return days


# --- one walk ------------------------------------------------------------------------------------

LOSSES: Final = ("answers", "edges", "all")


def losses_of(what: dict[str, Any]) -> dict[str, list[Any]]:
    """Walk a past with one set of numbers: by day, sums of each loss and how many they are of. For `spread`."""
    p = parameters_of(what["estimates"])
    rows = Rows()
    for _, predictions in walk(rounds_in(Path(what["path"]), None, what["end_ns"]), Then(p), what["begin_ns"]):
        rows.extend(predictions)
    day = rows.day
    every, place = np.unique(day, return_inverse=True)
    found: dict[str, list[Any]] = {"day": every.tolist()}
    for name, loss in _losses(rows).items():
        fit = np.isfinite(loss)
        sums = np.bincount(place, weights=np.where(fit, loss, 0.0), minlength=len(every))
        found[name] = [sums.tolist(), np.bincount(place, weights=fit.astype(float), minlength=len(every)).tolist()]
    return found


def _losses(rows: Rows) -> dict[str, Floats]:
    edge, mean, scale, df = (rows.of(name) for name in ("edge_bps", "e_bps", "e_scale_bps", "e_df"))
    answers = log_loss(rows.of("answers"), rows.of("answered"))
    fills = log_loss(rows.of("f"), rows.of("filled"))
    z = (edge - mean) / scale
    tail = np.minimum(0.5 * (df + 1.0) * np.log1p(z * z / df), _TAIL_NATS)
    density = tail + np.log(scale) + 0.5 * np.log(df) + betaln(0.5, 0.5 * df)
    every = answers + np.where(np.isfinite(density), density, 0.0) + np.where(np.isfinite(fills), fills, 0.0)
    return {"answers": answers, "edges": crps_t(edge, mean, scale, df), "all": every}


class _Losses:
    """What one walk came to, by day."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.day = np.array(found["day"], dtype=np.int64)
        self._of = {name: (np.array(found[name][0]), np.array(found[name][1])) for name in LOSSES}

    def of(self, name: str) -> tuple[Floats, Floats]:
        """(sums, how many they are of)"""
        return self._of[name]


class _Judge:
    """Holds walks against that of the numbers in force, on the days that choose and on those that judge."""

    def __init__(self, in_force: _Losses, last: int, level: float, seed: int) -> None:
        self._in_force, self.last, self.level = in_force, last, level
        self._days = Days(in_force.day, seed)

    def difference(self, other: _Losses, loss: str, begin: int | None, end: int | None) -> Interval:
        """The loss of another walk less that in force, an ask, at a level for all numbers together."""
        sums, counts = other.of(loss)
        return self._mean(sums - self._in_force.of(loss)[0], counts, begin, end, self.level)

    def loss(self, walked: _Losses, loss: str, begin: int | None) -> Interval:
        return self._mean(*walked.of(loss), begin, None, 0.95)

    def _mean(self, sums: Floats, counts: Floats, begin: int | None, end: int | None, level: float) -> Interval:
        days = self._in_force.day
        within = (days >= begin if begin is not None else True) & (days < end if end is not None else True)
        found = self._days.ratio(np.where(within, sums, 0.0), np.where(within, counts, 0.0), level)
        return replace(found, n=int(np.where(within, counts, 0.0).sum()))


def _finding(knob: Knob, losses: Mapping[str, _Losses], judge: _Judge) -> Finding:
    in_force, last = losses[_IN_FORCE], judge.last
    chosen = {value: judge.difference(losses[f"{knob.key}={value:g}"], knob.loss, None, last) for value in knob.tries}
    before = judge.loss(in_force, knob.loss, last)
    best = min(chosen, key=lambda value: chosen[value].value)
    if not before.n or not math.isfinite(chosen[best].value):
        return Finding(knob, knob.now, NOTHING, NOTHING, before, before, False, "nothing was seen that it is about")
    if chosen[best].value >= 0.0:
        why = "no other value was better on the days that choose"
        return Finding(knob, knob.now, chosen[best], NOTHING, before, before, False, why)
    tried = losses[f"{knob.key}={best:g}"]
    judged = judge.difference(tried, knob.loss, last, None)
    after = judge.loss(tried, knob.loss, last)
    if not judged.is_told:
        return Finding(knob, best, chosen[best], judged, before, after, False, "too few days to tell")
    if not judged.is_below(0.0):
        why = f"{best:g} was chosen, and may be no better on the days that judge"
        return Finding(knob, best, chosen[best], judged, before, after, False, why)
    if best in (min(knob.tries), max(knob.tries)):
        edge = "; it is the furthest that was tried"
    else:
        edge = ""
    why = f"better on days that had no say in choosing it, beyond its interval of {100 * judge.level:.3g} %{edge}"
    return Finding(knob, best, chosen[best], judged, before, after, True, why)


def _best_alone(findings: Sequence[Finding]) -> list[Finding]:
    """Together they are no better: only the surest of them is proposed."""
    surest = min((each for each in findings if each.is_proposed), key=lambda each: each.judged.value / each.judged.se)
    why = f"better by itself, but not beside {surest.knob.key}"
    return [
        replace(each, is_proposed=False, why=why) if each.is_proposed and each is not surest else each
        for each in findings
    ]
