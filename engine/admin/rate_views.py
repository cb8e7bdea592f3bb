"""How `rfqctl rates` shows what currencies are worth, and what was taken of rates that somebody put."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.admin.tables import Cell, Column, Paper, table
from engine.clock import span

Answer = Mapping[str, Any]

_RATES: Final = (
    Column("currency"),
    Column("worth", right=True),
    Column("pair"),
    Column("rate", right=True),
    Column("source"),
    Column("as of"),
    Column("old", right=True),
    Column(""),
)
_WORTH_PLACES: Final = 8


def rates(paper: Paper, answer: Answer) -> list[str]:
    base, rows = answer["base_currency"], []
    for each in answer["rates"]:
        colour = "" if each["used"] else "yellow"
        rows.append(
            (
                each["currency"],
                _worth(each["worth"]),
                each["pair"],
                each["price"],
                each["source"],
                each["time"],
                span(each["age_s"] * 1_000_000_000),
                Cell(each["state"], colour),
            )
        )
    at_most = span(answer["age_max_s"] * 1_000_000_000)
    older = "an older one is used all the same" if answer["uses_stale"] else "by an older one nobody is asked"
    lines = [f"base currency {base}; a rate is at most {at_most} old: {older}"]
    lines += table(paper, _RATES, rows) if rows else ["no rate is known"]
    if answer["without"]:
        words = f"no rate that can be used: {', '.join(answer['without'])}, and there are bonds in it"
        lines.append(paper.styled(words, "yellow"))
    return lines


def put(paper: Paper, answer: Answer) -> list[str]:
    refused = [f"line {each['line']}: {each['reason']}" for each in answer["refused"]]
    doubted = [paper.styled(f"line {each['line']}: {each['reason']}", "yellow") for each in answer["doubtful"]]
    return [*refused, *doubted, f"{answer['taken']} taken, {len(answer['refused']) or 'none'} refused"]


def removed(paper: Paper, answer: Answer) -> list[str]:
    return [f"{answer['pair']}: no longer told by {', '.join(answer['removed'])}"]


def _worth(worth: str | None) -> str:
    if worth is None:
        return ""
    _, _, digits = worth.partition(".")
    return worth if len(digits) <= _WORTH_PLACES else f"{float(worth):.{_WORTH_PLACES}f}"
