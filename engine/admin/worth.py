"""What the model expects, as people read it: every dealer's numbers with their errors, and what one more is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.admin.tables import Cell, Column, Paper, table, wrapped
from engine.admin.views import Answer, Lines

_WIDE: Final = 130
"""From so many columns on, every number has room; below, those that decide."""

_OTHERS_MAX: Final = 20
"""So many dealers are shown besides those asked; a program gets all."""

_BLOCKS: Final = " ▏▎▍▌▋▊▉"
_FULL: Final = "█"
_BEYOND: Final = "▶"

_IDENTIFIED: Final = {"none": "?", "relative": "~", "level": ""}
_WORTHLESS: Final = "costs more than it brings"
"""What the reason of a dealer begins with whose numbers say it all."""


def table_of(paper: Paper, answer: Answer) -> Lines:
    """The candidates: those asked in their order, then by what they would add."""
    rho = answer["rho"]
    asked = sorted((each for each in answer["candidates"] if each["chosen"]), key=lambda each: int(each["place"]))
    others = [each for each in answer["candidates"] if not each["chosen"]]
    others.sort(key=lambda each: (-each["marginal_bps"], each["dealer"]))
    shown = [*asked, *others[:_OTHERS_MAX]]
    wide = not paper.width or paper.width >= _WIDE
    columns = [
        Column("ask", right=True),
        Column("dealer"),
        Column("adds bp", right=True),
        Column("edge bp", right=True),
        Column("answers", right=True),
        Column("fills", right=True),
        Column("leaks bp", right=True),
        Column("wins", right=True),
        Column("asks", right=True),
    ]
    if wide:
        columns += [
            Column("one quote", right=True),
            Column("in time", right=True),
            Column("median, p90", right=True),
            Column("size", right=True),
            Column("n edge", right=True),
            Column("n leak", right=True),
            Column("trades", right=True),
            Column("in list", right=True),
            Column("needless at", right=True),
        ]
    rows = [_row(each, rho, wide=wide) for each in shown]
    lines = table(paper, columns, rows)
    if len(others) > _OTHERS_MAX:
        lines.append(paper.styled(f"and {len(others) - _OTHERS_MAX} others, worth less: --json has them", "dim"))
    lines += [paper.styled(line, "dim") for line in wrapped(_legend(shown, wide=wide), paper.width)]
    return lines + reasons_of(paper, [each for each in shown if not each["reason"].startswith(_WORTHLESS)])


def reasons_of(paper: Paper, candidates: Sequence[Answer]) -> Lines:
    """Why some are not asked, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for each in candidates:
        if not each["chosen"]:
            by_reason.setdefault(each["reason"], []).append(each["dealer"])
    told = [f"{reason}: {', '.join(names)}" for reason, names in by_reason.items()]
    return [paper.styled(line, "dim") for each in told for line in wrapped(each, paper.width)]


def _row(each: Answer, rho: float, *, wide: bool) -> list[Cell | str]:
    chosen = each["chosen"]
    style = "" if chosen else "dim"
    leak = each["leak_in_bps"] + rho * each["leak_post_bps"]
    mark = _IDENTIFIED.get(each["leak_identified"], "")
    cells: list[Cell | str] = [
        Cell(str(each["place"]) if chosen else "", "green"),
        Cell(each["dealer"], "bold" if chosen else ""),
        Cell(give_or_take(each["marginal_bps"], each["marginal_se_bps"]), "bold" if chosen else style),
        Cell(give_or_take(each["edge_bps"], each["edge_se_bps"]), style),
        Cell(_share(each["p_quote"] * each["p_in_time"], each["p_quote_se"] if wide else None), style),
        Cell(_share(each["firmness"], each["firmness_se"] if wide else None), style),
        Cell(f"{mark}{give_or_take(leak, each['leak_se_bps'])}", style),
        Cell(_percent(each["p_win"]), style),
        Cell(str(each["asks"]), style),
    ]
    if wide:
        n_eff = each["n_eff"]
        cells += [
            Cell(f"±{each['edge_sd_bps']:.1f}", style),
            Cell(_percent(each["p_in_time"]), style),
            Cell(_seconds(each["latency_p50_s"], each["latency_p90_s"]), style),
            Cell(_percent(each["size_share"]), style),
            Cell(f"{n_eff['edge']:.0f}", style),
            Cell(f"{n_eff['leak_in']:.0f}", style),
            Cell("" if each["trade_share"] is None else _percent(each["trade_share"]), style),
            Cell(_percent(each["inclusion_p"]), style),
            Cell("" if each["reservation_bps"] is None else _signed(each["reservation_bps"]), style),
        ]
    return cells


def _legend(shown: list[Answer], *, wide: bool) -> str:
    words = ["adds: worth to the list, its leak taken off; ± one standard error; answers: asked alone"]
    if wide:
        words.append("trades: of our asks")
    identified = {each["leak_identified"] for each in shown}
    if "none" in identified:
        words.append("? leak not told by the lists asked so far")
    if "relative" in identified:
        words.append("~ leak beside other dealers' only")
    return "; ".join(words)


def curve_of(paper: Paper, answer: Answer) -> Lines:
    """One bar a dealer: what it is worth beside those above, its leak taken off; and what the whole then costs."""
    counts = answer["worth_by_count"]
    nets = [each["gain_bps"] - each["leak_bps"] for each in counts]
    # The first dealer is worth nearly all: bars are drawn for those after it, the first one's may be cut.
    scale = max([*nets[1:], nets[0] / 8, 0.1])
    width = 30 if not paper.width or paper.width >= _WIDE else max(8, min(22, paper.width - 56))
    asked = sum(each["chosen"] for each in answer["candidates"])
    longest = max([len(each["dealer"]) for each in counts])
    lines = [paper.styled("what one more dealer is worth, bp, its leak taken off; what the whole then costs", "dim")]
    for each, net in zip(counts, nets, strict=True):
        told = give_or_take(net, (each["gain_se_bps"] ** 2 + each["leak_se_bps"] ** 2) ** 0.5)
        bar, cost = _bar(net / scale, width), _signed(each["cost_bps"])
        line = f"{each['count']:2}  {each['dealer']:{longest}}  {bar:{width}}  {told:>11}  {cost:>6}"
        if each["count"] == asked:
            line += "  ◀ asked"
        elif not each["allowed"]:
            line += "  more than allowed"
        lines.append(paper.styled(line.rstrip(), "" if each["count"] <= asked else "dim"))
    return lines


def _bar(share: float, width: int) -> str:
    """A bar of so many columns at 1; a longer one is cut."""
    eighths = round(max(0.0, share) * width * 8)
    if eighths > width * 8:
        return _FULL * (width - 1) + _BEYOND
    whole, part = divmod(eighths, 8)
    return _FULL * whole + (_BLOCKS[part] if part else "")


def give_or_take(value: float, error: float) -> str:
    """`+3.2 ±0.8`."""
    return f"{_signed(value)} ±{error:.1f}"


def _signed(value: float) -> str:
    # Adding zero makes of a negative zero a plain one.
    return f"{round(value, 1) + 0.0:+.1f}"


def _seconds(median: float | None, late: float | None) -> str:
    return "" if median is None or late is None else f"{median:.0f}, {late:.0f} s"


def _share(share: float, error: float | None) -> str:
    return _percent(share) if error is None else f"{_percent(share)} ±{100 * error:.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
