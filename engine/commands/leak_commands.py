"""What asking dealers costs: have it found anew, look at what was found."""

from __future__ import annotations

from typing import Any

from engine.clock import iso_timestamp
from engine.commands.desk_call import Call
from engine.commands.session_call import SessionCall
from engine.domain.leak import LeakOf, LeakOutcome
from engine.domain.measure import Measure
from engine.turn.outcome import SolveLeaks


def solve(call: SessionCall) -> None:
    """Ask for a batch; the answer is given once it is over."""
    call.draft.turn.effects.append(SolveLeaks(call.ref, call.actor, call.reason))


def show(call: Call) -> dict[str, Any]:
    """The table of the last batch; all of it null if there was none yet."""
    leaks = call.draft.desk.learning.leaks
    if leaks is None:
        return dict.fromkeys(("as_of", "leak_in", "leak_post", "digest"))
    table = leaks.table
    return {
        "as_of": iso_timestamp(table.at_ns),
        "leak_in": _outcome(table.leak_in),
        "leak_post": _outcome(table.leak_post),
        "digest": table.digest,
    }


def _outcome(outcome: LeakOutcome) -> dict[str, Any]:
    return {
        "rows": outcome.rows,
        "clipped": outcome.clipped,
        "identified": outcome.identified.value,
        "drift_bps": outcome.drift_bps,
        "between_bps": outcome.between_bps,
        "noise_bps": outcome.noise_bps,
        "common": _measure(outcome.common),
        "unknown": _measure(outcome.unknown),
        "dealers": [_dealer(each) for each in sorted(outcome.dealers, key=_worst_first)],
    }


def _worst_first(each: LeakOf) -> tuple[float, str]:
    return -each.leak.value, each.dealer


def _dealer(each: LeakOf) -> dict[str, Any]:
    return {
        "dealer": each.dealer,
        **_measure(each.leak),
        "se_bps": each.se_bps,
        "identified": each.identified.value,
        "asks": each.asks,
        "lost_bps": each.lost_bps,
        "won_bps": each.won_bps,
    }


def _measure(measure: Measure) -> dict[str, float]:
    return {
        "bps": measure.value,
        "sd_bps": measure.sd,
        "low_bps": measure.low,
        "high_bps": measure.high,
        "n_eff": measure.n_eff,
    }
