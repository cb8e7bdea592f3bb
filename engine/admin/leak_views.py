"""What asking dealers costs, as people read it."""

from __future__ import annotations

from engine.admin.tables import Cell, Column, Paper, table
from engine.admin.views import Answer, Lines

_COLUMNS = (
    Column("dealer"),
    Column("leak", True),
    Column("90 %", True),
    Column("n_eff", True, yields=1),
    Column("asks", True, yields=2),
    Column("lost", True, yields=4),
    Column("won", True, yields=3),
    Column("identified"),
)
_NAMES = (("leak_in", "until the decision, on the whole size"), ("leak_post", "after it, on what is left"))


def solved(paper: Paper, answer: Answer) -> Lines:
    rows = f"{answer['rows_in']:,} windows until the decision, {answer['rows_post']:,} after it"
    return [f"solved in {answer['took_s']:.1f} s: {answer['rounds']:,} rounds, {answer['dealers']} dealers; {rows}"]


def shown(paper: Paper, answer: Answer) -> Lines:
    """Worst first. What is not identified is what a dealer costs of whom nothing is known."""
    if answer["as_of"] is None:
        return ["not solved yet: `rfqctl leak solve --reason REASON` does"]
    lines = [f"as of {answer['as_of']}; bps, positive is what asking costs"]
    for key, words in _NAMES:
        found = answer[key]
        lines += ["", paper.styled(words, "bold")]
        if not found["rows"]:
            lines.append("  no window was seen")
            continue
        common, unknown = found["common"], found["unknown"]
        lines.append(
            f"  {found['rows']:,} windows, noise {found['noise_bps']:.1f}; drift with nobody asked "
            f"{found['drift_bps']:+.1f}; one more dealer {common['bps']:+.2f} ± {common['sd_bps']:.2f}; "
            f"a stranger {unknown['bps']:+.2f} ± {unknown['sd_bps']:.2f}"
        )
        lines += ["  " + line for line in table(paper, _COLUMNS, [_cells(each) for each in found["dealers"]])]
    return lines


def _cells(each: Answer) -> list[Cell | str]:
    stands_out = each["low_bps"] > 0 and each["identified"] != "none"
    return [
        each["dealer"],
        Cell(f"{each['bps']:+.2f}", "red" if stands_out else ""),
        f"{each['low_bps']:+.1f} to {each['high_bps']:+.1f}",
        f"{each['n_eff']:.0f}",
        str(each["asks"]),
        _bps(each["lost_bps"]),
        _bps(each["won_bps"]),
        each["identified"],
    ]


def _bps(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f}"
