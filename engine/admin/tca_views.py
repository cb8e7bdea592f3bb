"""What trades cost, as people read it, in 80 columns: one order figure by figure, or means with their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.admin.tables import Cell, Column, Paper, bp, clipped, grouped, table, wide
from engine.admin.views import Answer, Lines

WORDS: Final[Mapping[str, str]] = {
    "shortfall": "implementation shortfall",
    "improvement": "price improvement",
    "cover": "cover distance",
    "capture": "spread capture",
    "regret": "best-quote regret",
    "drift": "RFQ drift",
    "classic_reversion": "classic reversion",
    "edge": "quote edge",
}
MEANINGS: Final[Mapping[str, str]] = {
    "shortfall": "+ cost, against the decision",
    "improvement": "+ good, against the arrival",
    "cover": "+ saved against the second best",
    "capture": "1 at mid, 0 at the far touch",
    "regret": "0 is ideal",
    "drift": "+ adverse, before the trade",
    "markout": "+ moved our way after the trade",
    "reversion": "+ gave back, - went on",
    "adverse": "+ adverse, from the request on",
    "classic_reversion": "- adverse, as classic scores it",
}
_OUT_OF_ORDER: Final = "capture"
"""The one figure that is no bps."""
_OF_DEALERS: Final = ("edge", "improvement", "markout_30m", "cover", "regret", "drift", "capture", "reversion_30m")
_OF_OTHERS: Final = ("shortfall", "adverse_30m", "improvement", "markout_30m", "drift", "edge", "regret", "capture")
"""What is shown as far as there is room, the first first; --json has every figure."""
_HEADS: Final[Mapping[str, str]] = {
    "edge": "quote edge",
    "shortfall": "shortfall",
    "improvement": "improvement",
    "cover": "cover",
    "adverse_30m": "adverse 30m",
    "markout_30m": "markout 30m",
    "regret": "regret",
    "drift": "RFQ drift",
    "capture": "capture",
    "reversion_30m": "reversion 30m",
}
_NAME_WIDTH: Final = 36
_WIDTH: Final = 80
"""Where a terminal does not say how wide it is."""


def of_order(paper: Paper, answer: Answer) -> Lines:
    """The order, then a block for itself, each fill and each round."""
    price = f" at {answer['average_price']}" if answer["average_price"] else ""
    lines = [
        paper.styled(f"{answer['order']}: {answer['side']} {grouped(answer['quantity'])} {answer['security']}", "bold"),
        f"  {answer['state'].replace('_', ' ')}, {grouped(answer['filled'])} filled{price}",
        f"  decision {_mark(answer['decision'])}, arrival {_mark(answer['arrival'])}",
    ]
    if not answer["kept"]:
        return [*lines, "  its figures are not kept any more: the journal has what they are made of"]
    lines += _block(paper, "order", answer["figures"])
    for each in answer["rounds"]:
        lines += _block(paper, f"round {each['rfq']}", each["figures"])
    for each in answer["fills"]:
        about = f"fill {each['exec_id']}: {each['dealer']} {grouped(each['quantity'])} at {each['price']}"
        lines += _block(paper, f"{about}, mark {each['mark'] or 'unknown'}", each["figures"])
    return lines


def _mark(at: Answer | None) -> str:
    if at is None:
        return "not yet"
    return at["mark"] or "unknown"


def _block(paper: Paper, head: str, figures: Sequence[Answer]) -> Lines:
    if not figures:
        return [head, "  nothing yet"]
    columns = [
        Column("  figure"),
        Column("ours", right=True),
        Column("outside", right=True),
        Column("differ", right=True),
        Column("means"),
    ]
    rows = []
    for each in figures:
        name = each["figure"]
        missing = each["ours"] is None and each["outside"] is None
        rows.append(
            (
                "  " + words(name),
                Cell("unknown", "yellow") if missing else _value(name, each["ours"]),
                _value(name, each["outside"]),
                _value(name, each["difference"]),
                each["reason"] if missing else MEANINGS.get(name) or MEANINGS.get(name.partition("_")[0], ""),
            )
        )
    return [head, *table(paper, columns, rows)]


def words(figure: str) -> str:
    """`markout 30m` for `markout_30m`."""
    kind, _, horizon = figure.partition("_")
    return WORDS.get(figure) or (f"{'adverse drift' if kind == 'adverse' else kind} {horizon}")


def _value(figure: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if figure == _OUT_OF_ORDER else f"{round(value, 2) + 0.0:+.2f}bp"


# --- means over days -----------------------------------------------------------------------------


def means(paper: Paper, answer: Answer) -> Lines:
    by = answer["by"]
    shown = _OF_DEALERS if by == "dealer" else _OF_OTHERS
    since = f"{answer['from']} to {answer['to']}" if answer["from"] else f"until {answer['to']}"
    head = [paper.styled(f"what trades cost by {by}, {since}", "bold")]
    if not answer["rows"]:
        return [*head, "nothing has been measured then"]
    columns = [Column(by), *(Column(_HEADS[figure], right=True) for figure in shown)]
    rows = [
        [clipped(each["name"], _NAME_WIDTH), *(_mean(figure, each["figures"].get(figure)) for figure in shown)]
        for each in answer["rows"]
    ]
    count = len(columns)
    while count > 2 and wide(table(Paper(), columns[:count], [row[:count] for row in rows])[0]) > (
        paper.width or _WIDTH
    ):
        count -= 1
    lines = [*head, *table(paper, columns[:count], [row[:count] for row in rows]), ""]
    lines.append("bps (capture: a share): mean ± its standard error (observations).")
    lines.append(f"? is fewer than {answer['tells_min']}: cannot tell. --json has every figure.")
    return lines + _outside(answer)


def _mean(figure: str, found: Mapping[str, Any] | None) -> Cell | str:
    if found is None or not found["n"]:
        return "-"
    if not found["tells"]:
        return Cell(f"? ({found['n']})", "dim")
    digits = 2 if figure == _OUT_OF_ORDER else 1
    return f"{found['mean'] + 0.0:+.{digits}f} ±{found['se']:.{digits}f} ({found['n']})"


def _outside(answer: Answer) -> Lines:
    """What differs where an outside provider's results are known, and which of both count."""
    lines = []
    for each in answer["rows"]:
        for figure, found in each["figures"].items():
            differs = found["difference"]
            if differs is not None and differs["n"]:
                mean = f"{differs['mean']:+.2f}" if figure == _OUT_OF_ORDER else bp(differs["mean"])
                count = f"{differs['n']} execution{'s' if differs['n'] > 1 else ''}"
                lines.append(f"  {clipped(each['name'], _NAME_WIDTH)} {words(figure)}: {mean} in {count}")
    if not lines:
        return []
    counted = "the outside provider's figures count" if answer["outside_first"] else "ours count"
    return ["", f"outside results less ours ({counted}):", *lines]
