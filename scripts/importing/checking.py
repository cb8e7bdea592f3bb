"""What an engine has learnt of a planted past, held against the truth it was drawn from."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from engine.config import load
from engine.dealers.estimates import Asking
from engine.dealers.outlook import Measure, Outlook
from engine.dealers.segments import segment_of_key
from engine.desk.learning import LEARNT, Learning
from engine.domain import events as e
from engine.journal.archive import ReadOnly
from engine.journal.event_codec import Codec, event_types
from importing.planted import PANEL_REFERENCE, Kind, Truth, kinds

MEASURES: Final = ("q", "e", "f", "t")
HELD: Final = (0.87, 0.93)
"""The share of truths that intervals of 90 % are to hold."""
_TERMS: Final = {2: "1-3y", 5: "3-7y", 10: "7-12y"}
_RATINGS: Final = {"AA": "AAA-A", "BBB": "BBB", "BB": "HY"}
_TIERS: Final = {250_000: "0-500k", 1_000_000: "500k-2mm", 3_000_000: "2mm-5mm"}
_WAIT_S: Final = 180.0


@dataclass(slots=True)
class Checked:
    lines: list[str] = field(default_factory=list)
    held: dict[str, float] = field(default_factory=dict)
    """By measure, the share of truths that their 90 % intervals hold."""


def learning_of(journal: Path, config: Path) -> Learning:
    """What a start learns from this journal."""
    learning = Learning(load(config).scoring.estimate_parameters, is_replaying=True)
    for event in _events(journal, {kind.__name__ for kind in LEARNT}):
        learning.fold(event)
    learning.settle()
    return learning


def told_digest(journal: Path) -> str:
    """A hash of all that was told of, whatever pieces it came in."""
    rows = [
        repr((told.seen.source, told.seen.rfq_id, told.seen.round, told.seen.n_asked, ask, told.after))
        for event in _events(journal, {e.HistoryAdded.__name__})
        for told in event.rounds
        for ask in told.seen.asks
    ]
    rows.sort()
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def estimates_digest(learning: Learning) -> str:
    """A hash of every number of every dealer in every kind of request."""
    found = hashlib.sha256()
    for kind in kinds():
        for outlook in _outlooks(learning, kind, sorted(Truth(1, 30).dealers)):
            found.update(repr(outlook).encode())
    return found.hexdigest()


def _events(journal: Path, names: set[str]) -> Iterator[Any]:
    codec = Codec(event_types(vars(e), e.Event), e.UPCASTERS)
    with ReadOnly(journal) as file:
        for row in file.events():
            if row.type in names:
                yield codec.decode(row.type, row.version, row.body)


def _outlooks(learning: Learning, kind: Kind, dealers: list[str]) -> tuple[Outlook, ...]:
    credit = f"{kind.asset_class}|{_RATINGS[kind.rating]}|{_TERMS[kind.years]}"
    segment = segment_of_key(f"{credit}|{_TIERS[kind.size]}|{kind.side}")
    estimates = learning.estimates
    # Asked of a day long past: estimates are never older than what was learnt last.
    asking = Asking(segment, Decimal(kind.size), _WAIT_S, 0)
    return estimates.outlooks(dealers, asking)


def check(learning: Learning, truth: Truth) -> Checked:
    """Each measure of every dealer: how far it is off in standard errors, how often its interval holds the truth."""
    scores: dict[str, list[float]] = {name: [] for name in MEASURES}
    held: dict[str, int] = dict.fromkeys(MEASURES, 0)
    off: dict[str, list[float]] = {name: [] for name in MEASURES}
    # Firmness and pace are one number a dealer here: of each a segment of its own, so that none is counted twice.
    every = kinds()
    for place, kind in enumerate(every):
        for number, outlook in enumerate(_outlooks(learning, kind, list(truth.dealers))):
            for name, measure, true in _held_against(outlook, truth, kind):
                if name in "ft" and number % len(every) != place:
                    continue
                scores[name].append((measure.value - true) / measure.sd)
                off[name].append(measure.value - true)
                held[name] += measure.low <= true <= measure.high
    found = Checked(["measure       n     bias      rms   mean z    sd z   90 % intervals hold"])
    for name in MEASURES:
        z, n = scores[name], len(scores[name])
        mean = sum(z) / n
        sd = math.sqrt(sum((x - mean) ** 2 for x in z) / n)
        share = found.held[name] = held[name] / n
        rms = math.sqrt(sum(x * x for x in off[name]) / n)
        found.lines.append(
            f"{name:7} {n:7} {sum(off[name]) / n:+8.3f} {rms:8.3f} {mean:+8.2f} {sd:7.2f}   {100 * share:5.1f} %"
        )
    return found


def _held_against(outlook: Outlook, truth: Truth, kind: Kind) -> Iterator[tuple[str, Measure, float]]:
    """(measure, what is believed, what is true); the chance of an answer is that among the usual number."""
    dealer, move = outlook.dealer, outlook.q_slope * math.log(PANEL_REFERENCE)
    q = outlook.q
    low, value, high = (_moved(x, move) for x in (q.low, q.value, q.high))
    yield "q", Measure(value, (high - low) / (2 * 1.645), low, high, q.n_eff), truth.q(dealer, kind, 3)
    yield "e", outlook.e, truth.edge_bps(dealer, kind)
    yield "f", outlook.f, truth.firmness(dealer)
    if outlook.latency_s is not None:
        yield "t", outlook.latency_s, truth.median_s(dealer)


def _moved(p: float, move: float) -> float:
    odds = p / (1.0 - p) * math.exp(move)
    return odds / (1.0 + odds)
