"""Results of many worlds together: means, intervals by world, and how far a policy gets from a list to the truth.

A world is one observation: its policies met the same luck, so their differences are taken world by world. Intervals
hold 95 %; those of differences by Student's t, those of ratios by drawing worlds again (a fixed seed).
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from judging.trading import Played

_T_95: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)
"""Two-sided 95 % of Student's t from one degree of freedom on; beyond the last nearly 2."""
_DRAWS: Final = 2_000

Costs = Mapping[int, Mapping[str, Played]]


def by_world(results: Iterable[Played]) -> dict[int, dict[str, Played]]:
    found: dict[int, dict[str, Played]] = {}
    for each in results:
        found.setdefault(each.world, {})[each.policy] = each
    return dict(sorted(found.items()))


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval; an interval of one value is everything."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, -math.inf, math.inf
    freedom = len(values) - 1
    t = _T_95[freedom - 1] if freedom <= len(_T_95) else 1.96 + 2.5 / freedom
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def saved(costs: Costs, policy: str, than: str) -> list[float]:
    """By world, in bps of a round: positive where `policy` is cheaper."""
    return [each[than].cost_bps - each[policy].cost_bps for each in costs.values() if policy in each and than in each]


def way(costs: Costs, policy: str, low: str = "static", high: str = "oracle") -> tuple[float, float, float]:
    """How far the policy gets from one to the other: 0 as dear as `low`, 1 as cheap as `high`; with its interval."""
    pairs = [
        (each[low].cost_bps - each[policy].cost_bps, each[low].cost_bps - each[high].cost_bps)
        for each in costs.values()
        if {policy, low, high} <= set(each)
    ]
    if not pairs:
        return math.nan, math.nan, math.nan

    def share(drawn: Sequence[tuple[float, float]]) -> float:
        whole = sum(most for _, most in drawn)
        return sum(got for got, _ in drawn) / whole if whole else math.nan

    chance = random.Random(2026)
    drawn = sorted(share(chance.choices(pairs, k=len(pairs))) for _ in range(_DRAWS))
    return share(pairs), drawn[int(0.025 * _DRAWS)], drawn[int(0.975 * _DRAWS)]


def summary(results: Iterable[Played], against: str = "classic") -> dict[str, Any]:
    """Everything that the table shows, as plain values."""
    costs = by_world(results)
    policies = list(dict.fromkeys(name for each in costs.values() for name in each))
    kinds = list(dict.fromkeys(played.kind for each in costs.values() for played in each.values()))
    lines = []
    for policy in policies:
        own = [each[policy] for each in costs.values() if policy in each]
        line: dict[str, Any] = {
            "policy": policy,
            "worlds": len(own),
            "cost_bps": interval([each.cost_bps for each in own]),
            "leak_bps": statistics.fmean(each.leak_bps for each in own),
            "late": statistics.fmean(each.late for each in own),
            "asked": statistics.fmean(each.asked for each in own),
            "explored": statistics.fmean(each.explored for each in own),
            "rounds_per_s": sum(each.rounds for each in own) / max(sum(each.seconds for each in own), 1e-9),
            "way": way(costs, policy),
            "by_kind": {
                kind: statistics.fmean(costs_of) if costs_of else None
                for kind in kinds
                for costs_of in [[each.cost_bps for each in own if each.kind == kind]]
            },
        }
        differences = saved(costs, policy, against)
        if policy != against and differences:
            line["saved_bps"] = interval(differences)
        lines.append(line)
    return {"against": against, "kinds": kinds, "policies": lines}


def told(found: Mapping[str, Any]) -> str:
    """The table in words and numbers."""
    against = found["against"]
    out = [
        f"{'policy':<16}{'cost bps':>22}{'saves ' + against:>24}{'of static-oracle':>22}"
        f"{'leak':>7}{'late':>7}{'asked':>7}{'drawn':>7}{'rounds/s':>10}{'worlds':>8}"
    ]
    for line in found["policies"]:
        saving = _with_interval(line["saved_bps"]) if "saved_bps" in line else "-"
        out.append(
            f"{line['policy']:<16}{_with_interval(line['cost_bps']):>22}{saving:>24}{_with_interval(line['way']):>22}"
            f"{line['leak_bps']:>7.2f}{line['late']:>7.3f}{line['asked']:>7.2f}{line['explored']:>7.3f}"
            f"{line['rounds_per_s']:>10.0f}{line['worlds']:>8}"
        )
    out += ["", f"{'cost by kind':<16}" + "".join(f"{kind:>10}" for kind in found["kinds"])]
    for line in found["policies"]:
        cells = [line["by_kind"][kind] for kind in found["kinds"]]
        out.append(f"{line['policy']:<16}" + "".join(f"{'-' if each is None else f'{each:.2f}':>10}" for each in cells))
    return "\n".join(out)


def _with_interval(each: Sequence[float]) -> str:
    mean, low, high = each
    return f"{mean:.2f} ({low:.2f}, {high:.2f})"
