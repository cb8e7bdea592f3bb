"""The panel and the whisper order of fifty dealers: their numbers are at hand, the choice is to be made.

Processor time of one choice: the panel with its path, its swaps and the curve of what one more is worth; the sequence
with its indices and where it stops. Beside them the bars. The whole choice through `choose`, with every candidate's
numbers, its reasons and the choices at half and twice the cost of not trading, is shown, too.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from benchmarks import house
from benchmarks.measuring import Effort, Line
from engine.dealers.outlook import Identified, Measure, Outlook
from engine.dealers.stats import DealerStats
from engine.rules.plan import AskPanel, Mode, Plan, Ranking
from engine.selection.candidates import Candidates
from engine.selection.choose import choose
from engine.selection.panel import Panels
from engine.selection.prospect import Stakes, prospect
from engine.selection.ranking import Rankings
from engine.selection.request import Exploring, Parameters, Records, Request
from engine.selection.sequence import best_search, indices_of
from engine.selection.wanted import RulePlan

DEALERS: Final = 50
MOST: Final = 5
_PANEL_US: Final = 5_000.0
_SEQUENCE_US: Final = 2_000.0
_STAKES: Final = Stakes(c_fail_bps=20.0, wait_bps_per_s=0.005)
_LIMITED: Final = replace(_STAKES, limit_edge_bps=-5.0, mark_sd_bps=5.0)
"""A limit where the quotes are, and a mark that is off for all of them."""


def measure(effort: Effort) -> list[Line]:
    outlooks = {each.dealer: each for each in _outlooks(random.Random(5))}
    prospects = [prospect(each, _STAKES) for each in outlooks.values()]
    limited = [prospect(each, _LIMITED) for each in outlooks.values()]
    names = tuple(outlooks)
    records = Records(Rankings(DealerStats(), names), lambda dealers, request: [outlooks[name] for name in dealers])
    plan = RulePlan(
        Ranking("model"), AskPanel(MOST), frozenset(), Plan(Mode.PARALLEL, None, None, None, frozenset(), ())
    )
    request = Request(house.segment(), "corporate", house.NOW_NS, quantity=Decimal(1_000_000))
    parameters = Parameters(exploring=Exploring())

    def panel() -> None:
        assert len(Panels(prospects, _STAKES).best(MOST).chosen) == MOST

    def panel_within() -> None:
        assert len(Panels(limited, _LIMITED).best(MOST).chosen) == MOST

    def sequence() -> None:
        assert best_search(prospects, _STAKES, indices_of(prospects, _STAKES), DEALERS).chosen

    def whole() -> None:
        assert choose(request, plan, Candidates(names, ()), records, parameters, b"drawn").asked

    return [
        Line(f"panel of at most {MOST} of {DEALERS}", "us", _measured(panel, effort), "the bar", _PANEL_US, 1.0),
        Line("the same under a limit", "us", _measured(panel_within, effort), "the bar", _PANEL_US, 1.0),
        Line(f"sequence of {DEALERS}", "us", _measured(sequence, effort), "the bar", _SEQUENCE_US, 1.0),
        Line(f"choice by the model of {DEALERS}, explained", "us", _measured(whole, effort), "the bar", None, None),
    ]


def _measured(call: Callable[[], None], effort: Effort) -> float:
    """Microseconds of processor time a call."""
    call()
    found = []
    for _ in range(effort.rounds * 10):
        began = time.process_time_ns()
        call()
        found.append((time.process_time_ns() - began) / 1_000)
    return statistics.median(found)


def _outlooks(draw: random.Random) -> list[Outlook]:
    """Dealers as they come: good ones, wide ones, leaking ones, some that hardly answer."""
    return [
        Outlook(
            dealer=f"d{at:02}",
            q=_measure(draw.uniform(0.1, 0.99), 0.05),
            q_slope=-draw.uniform(0, 0.6),
            in_time=draw.uniform(0.6, 1.0),
            latency_p50_s=10.0,
            latency_p90_s=20.0,
            e=_measure(draw.gauss(-6, 5), draw.uniform(0.2, 4)),
            e_noise_sd=draw.uniform(1, 8),
            e_df=draw.choice([4.0, 6.0, 12.0, 40.0]),
            f=_measure(draw.uniform(0.5, 1.0), 0.03),
            reject_move_bps=draw.uniform(0, 4),
            z=_measure(1.0, 0.0),
            leak_in=_measure(draw.uniform(0, 1), 0.5),
            leak_post=_measure(abs(draw.gauss(0, 1)), 0.5),
            leak_identified=Identified.relative,
            r=_measure(0.2, 0.0),
            asks=draw.randrange(1, 100),
        )
        for at in range(DEALERS)
    ]


def _measure(value: float, sd: float) -> Measure:
    return Measure(value, sd, value - 1.645 * sd, value + 1.645 * sd, 50.0)
