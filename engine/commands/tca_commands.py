"""What trades cost: one order, or means over days by dealer, rule, trader and segment; outside results in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from engine.commands import as_json
from engine.commands.desk_call import Call
from engine.commands.parameters import did_you_mean
from engine.desk.costs import FIGURES, OF_A_FILL, By, Costed, FillCosted, Tally
from engine.domain import events as e
from engine.domain.order import MarkUsed
from engine.errors import CommandError
from engine.market.calendars import utc_date

TELLS_MIN: Final = 5
"""Fewer observations tell nothing: a mean is shown without a claim."""
_BPS_MAX: Final = 100_000
_EPOCH: Final = date(1970, 1, 1)
_NOT_A_FIGURE: Final = ("exec_id", "line")


def of_order(call: Call) -> dict[str, Any]:
    """Every figure of one order, its fills and its rounds, an outside provider's beside ours."""
    draft, order = call.draft, call.order()
    found = draft.desk.costs.of_order(order.order_id)
    terms = order.terms
    rounds = draft.state.rounds_of(order.order_id)
    first = rounds[0].asks[0] if rounds and rounds[0].asks else None
    return {
        "order": order.order_id,
        "state": order.state.value,
        "side": terms.side.value,
        "security": terms.security_id,
        "quantity": as_json.amount(terms.quantity),
        "filled": as_json.amount(order.filled),
        "average_price": as_json.amount(order.average_price) if order.filled else None,
        "decision": _mark(order.arrival, order.received_ns),
        "arrival": _mark(first.mark, first.asked_ns) if first is not None else None,
        "kept": found is not None,
        "figures": _figures(found.order) if found is not None else [],
        "fills": [_fill(call, each) for each in found.fills.values()] if found is not None else [],
        "rounds": [
            {"rfq": rfq_id, "figures": _figures(each)}
            for rfq_id, each in (found.rounds if found is not None else {}).items()
        ],
        "outside_first": draft.desk.outside_tca,
    }


def _mark(mark: MarkUsed | None, at_ns: int) -> dict[str, Any]:
    """The mark at a moment, None where there was none."""
    return {"at": as_json.at(at_ns), "mark": as_json.amount(mark.price) if mark is not None else None}


def _fill(call: Call, known: FillCosted) -> dict[str, Any]:
    fills = call.draft.state.fills_of(known.order_id)
    fill = next(each for each in fills if each.exec_id == known.exec_id)
    return {
        "exec_id": known.exec_id,
        "dealer": known.dealer,
        "quantity": as_json.amount(fill.quantity),
        "price": as_json.amount(known.price),
        "mark": as_json.amount(known.mark),
        "figures": _figures(known),
    }


def _figures(known: Costed) -> list[dict[str, Any]]:
    """What is known, and what is not with the reason; what has not come due yet is not there."""
    outside = known.outside if isinstance(known, FillCosted) else {}
    lines: list[dict[str, Any]] = []
    for name in FIGURES:
        if name not in known.figures and name not in outside and name not in known.missing:
            continue
        ours, theirs = known.figures.get(name), outside.get(name)
        lines.append(
            {
                "figure": name,
                "ours": as_json.bps(ours),
                "outside": as_json.bps(theirs[1]) if theirs is not None else None,
                "source": theirs[0] if theirs is not None else None,
                "difference": as_json.bps(theirs[1] - ours) if theirs is not None and ours is not None else None,
                "reason": known.missing.get(name, "") if ours is None else "",
            }
        )
    return lines


# --- means over days -----------------------------------------------------------------------------


def dealers(call: Call) -> dict[str, Any]:
    return _by(call, By.dealer)


def rules(call: Call) -> dict[str, Any]:
    return _by(call, By.rule)


def traders(call: Call) -> dict[str, Any]:
    return _by(call, By.trader)


def segments(call: Call) -> dict[str, Any]:
    return _by(call, By.segment)


def _by(call: Call, by: By) -> dict[str, Any]:
    draft, given = call.draft, call.given
    last = given["end"] or utc_date(draft.now_ns)
    first = given["begin"] or date(1970, 1, 1)
    if given["end"] is not None and first > last:
        raise CommandError(f"tca: the first day, {first}, is after the last, {last}", code="params")
    found = draft.desk.costs.by(by, (first - _EPOCH).days, (last - _EPOCH).days)
    outside_first = draft.desk.outside_tca
    return {
        "by": by.value,
        "from": given["begin"].isoformat() if given["begin"] is not None else None,
        "to": last.isoformat(),
        "outside_first": outside_first,
        "tells_min": TELLS_MIN,
        "rows": [
            {
                "name": name,
                "figures": {
                    figure: {
                        **_tally(both.told(outside_first)),
                        "outside": _tally(both.outside.theirs) if both.outside is not None else None,
                        "difference": _tally(both.outside.difference) if both.outside is not None else None,
                    }
                    for figure, both in figures.items()
                },
            }
            for name, figures in found.items()
        ],
    }


def _tally(tally: Tally) -> dict[str, Any]:
    """A mean with its standard error, and whether it tells anything."""
    return {
        "n": tally.n,
        "mean": as_json.bps(tally.mean),
        "se": as_json.bps(tally.se),
        "tells": tally.n >= TELLS_MIN,
    }


# --- an outside provider's -----------------------------------------------------------------------


def put(call: Call) -> dict[str, Any]:
    """Take results of an outside provider: of each row that is right, figures of one execution of ours.

    A row has `exec_id`, our ExecID(17), and figures by name as text, in bps (`capture` is a share). What is the same
    as before changes nothing, something else replaces it. `line` is where a row stands in a file, for the answer.
    """
    draft, given = call.draft, call.given
    source: str = given["source"]
    taken: dict[str, dict[str, float]] = {}
    refused: list[dict[str, Any]] = []
    same = 0
    for place, row in enumerate(given["rows"], 1):
        figures, wrong = _read(call, row)
        if wrong:
            line = row.get("line")
            refused.append({"line": line if isinstance(line, int) else place, "reason": wrong})
            continue
        exec_id = str(row["exec_id"])
        known = draft.desk.costs.of_fill(exec_id)
        assert known is not None
        fresh = {name: bps for name, bps in figures.items() if known.outside.get(name) != (source, bps)}
        if fresh:
            taken[exec_id] = {**taken.get(exec_id, {}), **fresh}
        else:
            same += 1
    if taken and not given["dry_run"]:
        names = tuple(name for name in OF_A_FILL if any(name in figures for figures in taken.values()))
        results = tuple(
            e.TcaResult(exec_id, tuple(figures.get(name) for name in names)) for exec_id, figures in taken.items()
        )
        draft.record(e.TcaReceived(draft.now_ns, source, names, results, call.by))
    return {
        "taken": len(taken),
        "known": same,
        "refused": refused,
        "recorded": bool(taken) and not given["dry_run"],
    }


def _read(call: Call, row: Mapping[str, Any]) -> tuple[dict[str, float], str]:
    """The figures of a row, or what is wrong with it."""
    exec_id = row.get("exec_id")
    if not isinstance(exec_id, str) or not exec_id:
        return {}, "exec_id: missing: it is our ExecID(17), such as E-000012"
    if call.draft.desk.costs.of_fill(exec_id) is None:
        return {}, f"exec_id: no execution {exec_id} of ours, or none whose figures are kept"
    figures: dict[str, float] = {}
    for name, text in row.items():
        if name in _NOT_A_FIGURE or text in ("", None):
            continue
        if name not in OF_A_FILL:
            return {}, f"'{name}' is no figure of an execution{did_you_mean(name, OF_A_FILL)}"
        try:
            value = float(Decimal(str(text)))
        except InvalidOperation:
            return {}, f"{name}: expected a number, found {str(text)[:40]!r}"
        if not math.isfinite(value) or abs(value) > _BPS_MAX:
            return {}, f"{name}: {str(text)[:40]} is out of range"
        figures[name] = value
    return figures, "" if figures else "no figure"
