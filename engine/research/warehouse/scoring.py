"""How good predictions of many desks were: each desk's past is walked by itself, wherever there is a processor for it.

A desk's rounds are walked in their order, each judged by what that desk knew then (`walk`); what is kept of it are sums
a day. Those of all desks together make one table, and the days that are drawn again for its intervals are days of all
desks: a market is one. So the table is the same, to the bit, in one process and on a cluster, whose workers read the
folder by the same path.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.dealers.estimates import EstimateParameters
from engine.research.bootstrap import Days, Floats, Interval
from engine.research.calibrating import parameters_of
from engine.research.knowledge import Then
from engine.research.progress import Progress, silent
from engine.research.scores import Rows, Score, compared, within
from engine.research.spread import Item, Where, spread
from engine.research.walk import walk
from engine.research.warehouse.parts import days_of, desks_of
from engine.research.warehouse.reading import rounds_of
from engine.research.warehouse.tables import ROUNDS

_ROWS_AT_ONCE: Final = 50_000
"""Predictions that are held before they are summed up."""


@dataclass(frozen=True, slots=True)
class DeskScores:
    """What is said of one desk, or of all together (`desk` empty): asks that were judged, on so many days."""

    desk: str
    rounds: int
    asks: int
    days: int
    scores: tuple[Score, ...]
    coverage: Interval


def scores_of(
    folder: Path,
    parameters: EstimateParameters,
    desks: Sequence[str] = (),
    begin_ns: int | None = None,
    end_ns: int | None = None,
    where: Where | None = None,
    kept: Path | None = None,
    progress: Progress = silent,
    seed: int = 0,
) -> list[DeskScores]:
    """Each desk, by its name, and all together where there are several.

    Rounds from `begin_ns` on and before `end_ns` are judged; all before are learnt from. `kept` holds what desks came
    to, for a run that is started again. Raises ConfigError where there is no such warehouse.
    """
    names = desks_of(folder, desks)
    numbers = hashlib.sha256(repr(parameters).encode()).hexdigest()[:16]
    asked = {
        "folder": str(folder.absolute()),
        "begin_ns": begin_ns,
        "end_ns": end_ns,
        "estimates": dataclasses.asdict(parameters),
    }
    items = [
        Item(
            # A folder that has grown since is another piece of work.
            f"{name} {_extent(folder, name)} {begin_ns} {end_ns} {numbers}",
            {**asked, "desk": name},
            max(1, sum(1 for _ in days_of(folder, ROUNDS, name))),
        )
        for name in names
    ]
    done = [found for _, found in spread(walked, items, where=where, kept=kept, progress=progress)]
    done.sort(key=_desk)
    together = [_scores("", done, seed)] if len(done) > 1 else []
    return [*(_scores(each["desk"], [each], seed) for each in done), *together]


def _extent(folder: Path, desk: str) -> str:
    """Which days there are, and how many bytes tell of them."""
    files = sorted((folder / ROUNDS.name / f"desk={desk}").glob("date=*/*.parquet"))
    return f"{len(files)} files of {sum(each.stat().st_size for each in files)} bytes"


# --- one desk ------------------------------------------------------------------------------------


def walked(what: dict[str, Any]) -> dict[str, Any]:
    """Walk one desk's past: by day, sums of every score. For `spread`."""
    sums, rows = _Sums(), Rows()
    rounds = asks = 0
    past = rounds_of(Path(what["folder"]), None, what["end_ns"], [what["desk"]])
    for _, predictions in walk(past, Then(parameters_of(what["estimates"])), what["begin_ns"]):
        rounds += 1
        asks += len(predictions)
        rows.extend(predictions)
        if len(rows) >= _ROWS_AT_ONCE:
            sums.add(rows)
            rows = Rows()
    sums.add(rows)
    return {"desk": what["desk"], "rounds": rounds, "asks": asks, **sums.plain()}


class _Sums:
    """Of each score, by day: ours, the simple one's, and how many there were."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], dict[int, list[float]]] = {}

    def add(self, rows: Rows) -> None:
        if not len(rows):
            return
        day, place = np.unique(rows.day, return_inverse=True)
        inside = within(rows)
        for name, against, ours, simple in (*compared(rows), (_COVERAGE, "", inside, inside)):
            fit = np.isfinite(ours) & np.isfinite(simple)
            columns = [
                np.bincount(place, weights=np.where(fit, values, 0.0), minlength=len(day)).tolist()
                for values in (ours, simple, np.ones(len(fit)))
            ]
            known = self._by_name.setdefault((name, against), {})
            for at, *more in zip(day.tolist(), *columns, strict=True):
                before = known.setdefault(at, [0.0, 0.0, 0.0])
                known[at] = [one + other for one, other in zip(before, more, strict=True)]

    def plain(self) -> dict[str, Any]:
        return {
            "scores": [
                {"name": name, "against": against, "days": [[day, *sums] for day, sums in sorted(known.items())]}
                for (name, against), known in self._by_name.items()
            ]
        }


_COVERAGE: Final = "coverage"


# --- a table -------------------------------------------------------------------------------------


def _scores(desk: str, found: Sequence[dict[str, Any]], seed: int) -> DeskScores:
    scores: list[Score] = []
    coverage: Interval | None = None
    every: set[int] = set()
    for name, against, days in _gathered(found):
        table = np.array(days, dtype=np.float64).reshape(-1, 4)
        drawn = Days(table[:, 0].astype(np.int64), seed)
        ours, simple, counts = table[:, 1], table[:, 2], table[:, 3]
        if name == _COVERAGE:
            coverage = _mean(drawn, ours, counts)
            continue
        every.update(table[counts > 0, 0].astype(int).tolist())
        three = (_mean(drawn, sums, counts) for sums in (ours, simple, ours - simple))
        scores.append(Score(name, against, *three))
    return DeskScores(
        desk=desk,
        rounds=sum(each["rounds"] for each in found),
        asks=sum(each["asks"] for each in found),
        days=len(every),
        scores=tuple(scores),
        coverage=coverage if coverage is not None else Interval(float("nan"), None, None, 0, 0),
    )


def _mean(days: Days, sums: Floats, counts: Floats) -> Interval:
    return replace(days.ratio(sums, counts), n=int(counts.sum()))


def _gathered(found: Iterable[dict[str, Any]]) -> list[tuple[str, str, list[list[float]]]]:
    """By score, the days of all desks, one after another."""
    gathered: dict[tuple[str, str], list[list[float]]] = {}
    for each in found:
        for score in each["scores"]:
            gathered.setdefault((score["name"], score["against"]), []).extend(score["days"])
    return [(name, against, days) for (name, against), days in gathered.items()]


def _desk(found: dict[str, Any]) -> str:
    name: str = found["desk"]
    return name
