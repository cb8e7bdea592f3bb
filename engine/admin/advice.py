"""Recommendations as people read them: the list, every score by its parts, every reason; what rules may speak of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.admin.dealer_views import how_much
from engine.admin.tables import Cell, Column, Paper, grouped, measure, table
from engine.admin.views import MODE_WORDS, Answer, Lines


def recommend(paper: Paper, answer: Answer) -> Lines:
    """The answer to a dry run: what for, then the list."""
    what = f"{answer['side']} {grouped(answer['quantity'])} {answer['security']} {answer['name']}"
    fair = answer["fair"]
    price = (
        f"fair {fair['price']} ({fair['source']}, {fair['age_s']:g} s old)" if fair is not None else "fair is unknown"
    )
    lines = [paper.styled(what, "bold"), f"{price}; segment {answer['segment']}"]
    if answer["blocked"]:
        lines.append(paper.styled(f"nobody would be asked: {answer['blocked']}", "red"))
    return [*lines, "", *recommendation(paper, answer)]


def recommendation(paper: Paper, answer: Answer) -> Lines:
    """The list with every score by its parts; whoever is no candidate below it, by reason."""
    lines = [f"rule “{answer['rule']}”: {_plan(answer)}"]
    if answer["protections"]:
        names = ", ".join(f"“{name}”" for name in answer["protections"])
        lines.append(paper.styled(f"protections in force: {names}", "yellow"))
    if answer["problem"]:
        # Who cannot be asked and why stands below, dealer by dealer.
        lines.append(paper.styled(answer["problem"].partition(": ")[0], "red"))
    lines += _axes(paper, answer["axes"])
    ranked = [line for line in answer["lines"] if line["rank"] is not None]
    if ranked:
        lines += ["", *_ranked(paper, ranked)]
    lines += [paper.styled(note, "yellow") for note in answer["notes"]]
    dropped: dict[str, list[str]] = {}
    for line in answer["lines"]:
        if line["rank"] is None:
            dropped.setdefault(line["reason"], []).append(line["dealer"])
    if dropped:
        lines += ["", paper.styled("no candidates", "dim")]
        lines += [f"  {', '.join(names)}: {reason}" for reason, names in dropped.items()]
    return lines


def _axes(paper: Paper, axes: Sequence[Answer]) -> Lines:
    """Who advertises what the order needs."""
    if not axes:
        return []
    told = []
    for each in axes:
        price = f" at {each['price']}" if each["price"] else ""
        told.append(" ".join(f"{each['dealer']} {each['side']}s {how_much(each)}{price}".split()))
    return [paper.styled(f"axes: {'; '.join(told)}", "green")]


def _plan(answer: Answer) -> str:
    plan = answer["plan"]
    if plan is None:
        return "nobody can be asked"
    words = [f"ask {len(plan['dealers'])} {MODE_WORDS[plan['mode']]}"]
    if plan["stagger_s"]:
        words.append(f"{plan['stagger_s']:g} s apart")
    words.append(f"wait {plan['wait_s']:g} s")
    if plan["accept"]:
        words.append(f"accept {plan['accept']}")
    return ", ".join((*words, f"send {answer['sends']}", f"execute {plan['execute']}"))


_MARKS: Final = {"own": "", "typical": "~", "segment mean": "~", "no data": "?"}
_LEGEND: Final = (
    ("typical", "~ the worse of mean and median of those who have it"),
    ("segment mean", "~ the mean of all dealers"),
    ("no data", "? nobody knows, counted as neutral"),
)
_LEFT_OUT: Final = "left out"
"""The source of a part that counts for nobody: a note says so, the list has no column of it."""


def _ranked(paper: Paper, ranked: Sequence[Answer]) -> Lines:
    parts = [part for part in ranked[0]["parts"] if part["source"] != _LEFT_OUT]
    columns = [
        Column("ask", right=True),
        Column("rank", right=True),
        Column("dealer"),
        Column("score", right=True),
        *(Column(f"{part['metric'].replace('_', ' ')} ×{part['weight'] * 100:g}%", right=True) for part in parts),
        Column("reason"),
    ]
    rows = []
    place = 0
    for line in ranked:
        place += line["chosen"]
        rows.append(
            (
                Cell(str(place), "green") if line["chosen"] else "",
                str(line["rank"]),
                Cell(line["dealer"], "bold" if line["chosen"] else ""),
                Cell(f"{line['score']:.3f}", "bold" if line["chosen"] else ""),
                *(_part(part) for part in line["parts"] if part["source"] != _LEFT_OUT),
                Cell(line["reason"], "" if line["chosen"] else "dim"),
            )
        )
    lines = table(paper, columns, rows)
    sources = {part["source"] for line in ranked for part in line["parts"]}
    legend = [words for name, words in _LEGEND if name in sources]
    if legend:
        lines.append(paper.styled("; ".join(legend), "dim"))
    return lines


def _part(part: Answer) -> Cell | str:
    """`80.0% 0.800`: the measure, and what it counts as before its weight."""
    mark = _MARKS.get(part["source"], "")
    value = "" if part["value"] is None else measure(part["value"], part["unit"])
    text = f"{mark}{value} {part['transformed']:6.3f}"
    return Cell(text, "dim") if mark else text


def explain(paper: Paper, answer: Answer) -> Lines:
    head = f"{answer['order']} as it was decided" if answer["as_of"] == "decided" else f"{answer['order']} as of now"
    if not answer["book_is_current"]:
        head += f" by an earlier rule book ({answer['book_hash'][:12]})"
    lines = [paper.styled(head, "bold")]
    for entry in answer["trace"]:
        fired = " decides: " in entry or " applies: " in entry
        lines.append("  " + paper.styled(entry, "green" if fired else "dim"))
    return [*lines, "", *recommendation(paper, answer)]


def fields(paper: Paper, answer: Answer) -> Lines:
    lines: Lines = []
    for title in ("order", "dealer"):
        rows = [
            (
                f"{each['name']}(30d)" if each["windowed"] else each["name"],
                each["kind"],
                each["doc"]
                + (f": {', '.join(each['choices'])}" if each["choices"] else "")
                + (f" (also {', '.join(each['synonyms'])})" if each["synonyms"] else "")
                + (f" -- never known here: {each['unknown_because']}" if each["unknown_because"] else ""),
            )
            for each in sorted(answer[title], key=lambda each: str(each["name"]))
        ]
        lines += [paper.styled(f"of the {title}", "bold"), *table(paper, _FIELD_COLUMNS, rows), ""]
    lines.append(f"{paper.styled('rank by', 'bold')}: {', '.join(answer['rank_by'])}")
    if answer["dealers"]:
        lines.append(f"{paper.styled('dealers', 'bold')}: {', '.join(answer['dealers'])}")
    return lines


_FIELD_COLUMNS: Final = (Column("field"), Column("kind"), Column("meaning"))
