"""A selection, ready for JSON: one object a candidate, and the numbers of the whole.

What is not known is null: a choice that was made without the model has no numbers of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.clock import NS_PER_S
from engine.domain.order import MarkUsed
from engine.domain.recommendation import N_EFF, CountWorth, Expected, Selection
from engine.selection.sizing import Sizing

_COLUMNS = (
    "p_quote",
    "p_quote_se",
    "p_in_time",
    "edge_bps",
    "edge_se_bps",
    "edge_sd_bps",
    "firmness",
    "firmness_se",
    "size_share",
    "p_win",
    "leak_in_bps",
    "leak_post_bps",
    "leak_se_bps",
    "leak_identified",
    "marginal_bps",
    "marginal_se_bps",
    "reservation_bps",
    "latency_p50_s",
    "latency_p90_s",
    "asks",
    "trade_share",
    "trade_share_se",
)


def selection(made: Selection, reasons: Mapping[str, str]) -> dict[str, Any]:
    """The candidates in the order of the ranking, those asked with their place; then the whole."""
    place_of = {name: place for place, name in enumerate(made.asked, 1)}
    expected = made.expected
    return {
        "scorer": made.scorer or None,
        "candidates": [
            {
                "dealer": name,
                "chosen": name in place_of,
                "place": place_of.get(name),
                "rank": at + 1 if made.scores else None,
                "score": made.scores[at] if made.scores else None,
                "reason": reasons.get(name, ""),
                **_numbers(expected, at),
                "inclusion_p": made.inclusion_p[at],
            }
            for at, name in enumerate(made.candidates)
        ],
        **_whole(expected),
        "panel_p": made.panel_p,
        "explored": made.explored or None,
        "replaced": made.replaced or None,
        "dropped": made.dropped or None,
        "chosen_before_the_draw": list(made.chosen),
        "runners_up": [{"dealer": each.dealer, "behind": each.behind} for each in made.runners_up],
    }


def _numbers(expected: Expected | None, at: int) -> dict[str, Any]:
    if expected is None:
        return {**dict.fromkeys(_COLUMNS), "n_eff": None}
    columns: dict[str, Any] = {name: column[at] if (column := getattr(expected, name)) else None for name in _COLUMNS}
    return {**columns, "n_eff": {name: column[at] for name, column in zip(N_EFF, expected.n_eff, strict=True)}}


def _whole(expected: Expected | None) -> dict[str, Any]:
    if expected is None:
        return dict.fromkeys(_WHOLE)
    values = (
        expected.cost_bps,
        expected.cost_se_bps,
        expected.fill,
        expected.leak_bps,
        [_count(each) for each in expected.worth_by_count],
        expected.c_fail_bps,
        expected.c_fail_se_bps,
        expected.c_fail_n_eff,
        list(expected.at_half),
        list(expected.at_twice),
        expected.aversion,
        expected.rho,
        list(expected.stops_bps) or None,
        expected.limit_edge_bps,
        _mark(expected.mark) if expected.mark is not None else None,
        _exposure(expected),
        expected.parameters,
    )
    return dict(zip(_WHOLE, values, strict=True))


_WHOLE = (
    "expected_cost_bps",
    "expected_cost_se_bps",
    "expected_fill",
    "expected_leak_bps",
    "worth_by_count",
    "c_fail_bps",
    "c_fail_se_bps",
    "c_fail_n_eff",
    "at_half_c_fail",
    "at_twice_c_fail",
    "lambda",
    "rho",
    "stops_bps",
    "limit_edge_bps",
    "mark",
    "exposure",
    "parameters",
)


def _exposure(expected: Expected) -> dict[str, Any]:
    quantity = f"{expected.exposure:f}" if expected.exposure is not None else None
    return {"quantity": quantity, "informed": list(expected.informed)}


def _mark(mark: MarkUsed) -> dict[str, Any]:
    age_s = mark.age_ns / NS_PER_S
    return {"price": f"{mark.price:f}", "source": mark.source, "age_s": age_s, "sd_bps": mark.sd_bps}


def _count(each: CountWorth) -> dict[str, Any]:
    return {
        "count": each.count,
        "dealer": each.dealer,
        "gain_bps": each.gain_bps,
        "gain_se_bps": each.gain_se_bps,
        "leak_bps": each.leak_bps,
        "leak_se_bps": each.leak_se_bps,
        "cost_bps": each.cost_bps,
        "allowed": each.allowed,
    }


def sizing(found: Sizing) -> dict[str, Any]:
    """How the order is better shown than as a whole and on its side alone; null where it is not."""
    parts, both = found.parts, found.both_sides
    return {
        "show": None
        if parts is None
        else {
            "quantity": f"{parts.quantity:f}",
            "rounds": parts.count,
            "cost_bps": round(parts.cost_bps, 4),
            "saves_bps": None if parts.saves_bps is None else round(parts.saves_bps, 4),
            "saves_se_bps": None if parts.saves_se_bps is None else round(parts.saves_se_bps, 4),
        },
        "two_way": None
        if both is None
        else {
            "saves_bps": round(both.saves_bps, 4),
            "saves_se_bps": round(both.saves_se_bps, 4),
            "costs_bps": round(both.costs_bps, 4),
        },
    }
