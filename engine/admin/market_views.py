"""How `rfqctl bond` shows what is known of a bond: one line a fact, the unknown said as such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.admin.tables import Cell, Column, Paper, bp, grouped, table

Answer = Mapping[str, Any]

_FACTS: Final = (Column(""), Column(""))
_MARKS: Final = (
    Column("source"),
    Column("quality"),
    Column("price", right=True),
    Column("half spread", right=True),
    Column("of"),
)
_REFUSED: Final = (
    Column("source"),
    Column("security"),
    Column("why"),
    Column("times", right=True),
    Column("the latest"),
)
_UNKNOWN: Final = Cell("unknown", "yellow")


def bond(paper: Paper, answer: Answer) -> list[str]:
    fair = answer["fair"]
    rows: list[tuple[str, Cell | str]] = [
        ("fair", _fair(fair)),
        (f"average day, {answer['adv_window_days']} of them", _or_unknown(answer["adv"], grouped)),
        ("trades known from", _or_unknown(answer["trades_known_from"], str)),
        ("last trade", _or_unknown(answer["days_since_trade"], lambda days: f"{days} days ago")),
        ("liquidity", _or_unknown(answer["liquidity_score"], lambda score: f"{score} of 10")),
        (
            "volatility",
            _or_unknown(answer["volatility_bps"], lambda bps: f"{bp(bps)} a day, of {answer['volatility_n']} days"),
        ),
        ("half of bid and offer", _or_unknown(answer["half_spread_bps"], bp)),
    ]
    if "quantity" in answer:
        rows += [
            (f"impact of {grouped(answer['quantity'])}", _or_unknown(answer["expected_impact"], _interval)),
            (f"cost of {grouped(answer['quantity'])}", _or_unknown(answer["expected_cost"], _interval)),
            (f"interest to {answer['settlement']}", _interest(answer)),
        ]
    lines = [paper.styled(f"{answer['security']} {answer['name']}", "bold"), *table(paper, _FACTS, rows)]
    if answer["marks"]:
        marks = [
            (
                each["source"],
                each["quality"],
                each["price"],
                "" if each["half_spread_bps"] is None else bp(each["half_spread_bps"]),
                each["time"],
            )
            for each in answer["marks"]
        ]
        lines += ["", *table(paper, _MARKS, marks)]
    if answer["refused"]:
        refused = [
            (each["source"], each["security"], each["why"].replace("_", " "), f"{each['count']:,}", each["text"])
            for each in answer["refused"]
        ]
        lines += ["", paper.styled("delivered and not taken", "bold"), *table(paper, _REFUSED, refused)]
    return lines


def calendars(paper: Paper, answer: Answer) -> list[str]:
    """A line for each calendar."""
    if not answer["calendars"]:
        return ["no calendars are configured: weekends alone are known, and trades settle T+1"]
    columns = [
        Column("calendar"),
        Column("bonds in", yields=3),
        Column("known from", yields=4),
        Column("to"),
        Column("trade date"),
        Column("settles"),
        Column("next closed"),
        Column("not settled", yields=2),
        Column("next early close", yields=1),
    ]
    rows = [
        (
            each["calendar"],
            ", ".join(each["currencies"]),
            each["from"],
            each["to"],
            each["trade_date"],
            f"T+{each['settlement_days']} {each['settlement']}",
            each["next_closed"] or _NONE_KNOWN,
            each["next_without_settlement"] or "",
            "" if each["next_early"] is None else f"{each['next_early']} {each['next_early_close']} {each['zone']}",
        )
        for each in answer["calendars"]
    ]
    return table(paper, columns, rows)


_NONE_KNOWN: Final = Cell("none known", "yellow")


def _fair(fair: Answer | None) -> Cell | str:
    if fair is None:
        return _UNKNOWN
    off = "" if fair.get("sd_bps") is None else f", give or take {bp(fair['sd_bps'])}"
    return f"{fair['price']} ({fair['source']}, {fair['age_s']:g} s old{off})"


def _interval(found: Answer) -> str:
    return f"{bp(found['bps'])} ({bp(found['low_bps'])} to {bp(found['high_bps'])} at 90 %)"


def _interest(answer: Answer) -> Cell | str:
    reason = answer["accrued_unknown"]
    return grouped(answer["accrued"]) if reason is None else f"unknown: {reason}"


def _or_unknown(value: Any, shown: Any) -> Cell | str:
    return _UNKNOWN if value is None else shown(value)
