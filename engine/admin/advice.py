"""Recommendations as people read them: the list, every score by its parts, every reason; what rules may speak of."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Final

from engine.admin import worth
from engine.admin.dealer_views import how_much
from engine.admin.tables import Cell, Column, Paper, grouped, measure, plain, table, wide, wrapped
from engine.admin.views import MODE_WORDS, Answer, Lines


def recommend(paper: Paper, answer: Answer) -> Lines:
    """The answer to a dry run: what for, then the list."""
    what = f"{answer['side']} {grouped(answer['quantity'])} {answer['security']} {answer['name']}"
    fair = answer["fair"]
    price = (
        f"fair {fair['price']} ({fair['source']}, {fair['age_s']:g} s old)" if fair is not None else "fair is unknown"
    )
    lines = [paper.styled(what, "bold"), *wrapped(f"{price}; segment {answer['segment']}", paper.width)]
    lines += wrapped(by_size(answer["by_size"]), paper.width)
    lines += _asked_lately(paper, answer["asked_lately"])
    supposed = answer["supposing"]
    if supposed["rank"] is not None:
        lines.append(f"ranked by {supposed['rank']}, whatever the rule says")
    if supposed["assume_connected"]:
        lines.append("as if every dealer were logged on")
    if answer["blocked"]:
        lines.append(paper.styled(f"nobody would be asked: {answer['blocked']}", "red"))
    return [*lines, "", *recommendation(paper, answer), *_sizing(paper, answer["advice"])]


def _sizing(paper: Paper, advice: Answer) -> Lines:
    """How the order is better shown, if it is."""
    show, both = advice["show"], advice["two_way"]
    told = []
    if show is not None:
        part, cost = grouped(show["quantity"]), f"expected cost {show['cost_bps']:.1f} bp"
        words = f"{part} at a time, in {show['rounds']} rounds: {cost}"
        if show["saves_bps"] is None:
            told.append(f"advice: nobody can be asked for the whole; {words}")
        else:
            saves = f"{show['saves_bps']:.1f} ±{show['saves_se_bps']:.1f} less than all at once"
            told.append(f"advice: {words}, {saves}")
    if both is not None:
        told.append(
            f"advice: asked for a two-way price these dealers would leak {both['saves_bps']:.1f}"
            f" ±{both['saves_se_bps']:.1f} bp less, and quote some {both['costs_bps']:.1f} worse"
        )
    lines = [line for words in told for line in wrapped(words, paper.width)]
    return ["", *[paper.styled(line, "green") for line in lines]] if lines else []


def by_size(found: Answer) -> str:
    """What the bond alone says of an order of this size: another figure than what dealers are expected to quote."""
    impact, half = found["impact"], found["half_spread_bps"]
    if impact is None:
        missing = "ADV" if found["adv_30d"] is None else "volatility"
        return f"by its size alone, whoever trades it: unknown, as the bond's {missing} is"
    moves = f"impact {impact['bps']:.1f} bp ({impact['low_bps']:.1f} to {impact['high_bps']:.1f})"
    if half is None:
        return f"by its size alone, whoever trades it: {moves}; half a spread unknown"
    return f"by its size alone, whoever trades it: {moves} + half a spread {half:.1f} = {found['cost_bps']:.1f} bp"


def _asked_lately(paper: Paper, asked: Sequence[Answer]) -> Lines:
    """Who knows of the bond already: asking again tells nobody new, and hardly finds another price."""
    told: dict[str, list[str]] = {}
    for each in asked:
        told.setdefault(f"to {each['side']} {each['day']}", []).append(each["dealer"])
    words = "; ".join(f"{', '.join(dealers)} ({when})" for when, dealers in told.items())
    line = f"asked for this bond already: {words}" if words else ""
    return [paper.styled(each, "yellow") for each in wrapped(line, paper.width) if line]


def recommendation(paper: Paper, answer: Answer) -> Lines:
    """The list with every score by its parts; whoever is no candidate below it, by reason."""
    lines = wrapped(f"rule “{answer['rule']}”: {_plan(answer)}", paper.width)
    if answer["protections"]:
        names = ", ".join(f"“{name}”" for name in answer["protections"])
        lines.append(paper.styled(f"protections in force: {names}", "yellow"))
    if answer["problem"]:
        # Who cannot be asked and why stands below, dealer by dealer.
        lines.append(paper.styled(answer["problem"].partition(": ")[0], "red"))
    lines += _axes(paper, answer["axes"])
    ranked = [line for line in answer["lines"] if line["rank"] is not None]
    if ranked and answer.get("worth_by_count") and not ranked[0]["parts"]:
        lines += ["", *worth.table_of(paper, answer)]
    elif ranked:
        lines += ["", *_ranked(paper, ranked, answer.get("candidates") or ())]
    if answer.get("worth_by_count"):
        lines += ["", *worth.curve_of(paper, answer), ""]
    for note in answer["notes"]:
        lines += [paper.styled(line, "yellow") for line in wrapped(note, paper.width)]
    dropped: dict[str, list[str]] = {}
    for line in answer["lines"]:
        if line["rank"] is None:
            dropped.setdefault(line["reason"], []).append(line["dealer"])
    if dropped:
        lines += ["", paper.styled("no candidates", "dim")]
        for reason, dealers in dropped.items():
            lines += wrapped(f"{', '.join(dealers)}: {reason}", paper.width, "  ")
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


def _ranked(paper: Paper, ranked: Sequence[Answer], candidates: Sequence[Answer]) -> Lines:
    """Every score by its parts; where there is no room, without what each counts as, the reasons below.

    Where the model's numbers are there, how much stands behind a dealer, and what it would add with its error.
    """
    behind = {each["dealer"]: each for each in candidates if each.get("asks") is not None}
    shown: tuple[str, ...] = _BEHIND if behind else ()
    lines = _by_parts(paper, ranked, behind, shown)
    if not _fits(paper, lines):
        lines = _by_values(paper, ranked, behind, shown)
        while shown and not _fits(paper, lines):
            shown = shown[:-1]
            lines = _by_values(paper, ranked, behind, shown)
        lines += worth.reasons_of(paper, ranked)
    sources = {part["source"] for line in ranked for part in line["parts"]}
    legend = "; ".join([words for name, words in _LEGEND if name in sources])
    lines += [paper.styled(line, "dim") for line in wrapped(legend, paper.width) if line]
    told = "; ".join(_BEHIND_WORDS[name] for name in shown)
    return [*lines, *[paper.styled(line, "dim") for line in wrapped(told, paper.width) if line]]


def _fits(paper: Paper, lines: Lines) -> bool:
    return not paper.width or max(wide(line) for line in map(plain, lines)) <= paper.width


_BEHIND: Final = ("asks", "adds bp")
"""What is told of the model beside a score, the last one first to go where there is no room."""
_BEHIND_WORDS: Final = {
    "asks": "asks: its own, of this segment",
    "adds bp": "adds: worth to the list by the model, its leak taken off; ± one standard error",
}


def _of_model(line: Answer, behind: Mapping[str, Answer], shown: Sequence[str]) -> list[Cell]:
    found = behind.get(line["dealer"])
    texts = ["", ""]
    if found is not None:
        texts = [str(found["asks"]), worth.give_or_take(found["marginal_bps"], found["marginal_se_bps"])]
    return [Cell(text, "" if line["chosen"] else "dim") for text in texts[: len(shown)]]


def _by_values(paper: Paper, ranked: Sequence[Answer], behind: Mapping[str, Answer], shown: Sequence[str]) -> Lines:
    parts = [part for part in ranked[0]["parts"] if part["source"] != _LEFT_OUT]
    columns = [
        Column("ask", right=True),
        Column("dealer"),
        Column("score", right=True),
        *(Column(f"{part['metric'].partition('_')[0]} ×{part['weight'] * 100:g}%", right=True) for part in parts),
        *(Column(name, right=True) for name in shown),
    ]
    places = itertools.count(1)
    rows = [
        (
            Cell(str(next(places)), "green") if line["chosen"] else "",
            Cell(line["dealer"], "bold" if line["chosen"] else ""),
            Cell(f"{line['score']:.3f}", "bold" if line["chosen"] else ""),
            *(_value(part) for part in line["parts"] if part["source"] != _LEFT_OUT),
            *_of_model(line, behind, shown),
        )
        for line in ranked
    ]
    return table(paper, columns, rows)


def _value(part: Answer) -> Cell | str:
    mark = _MARKS.get(part["source"], "")
    text = mark if part["value"] is None else f"{mark}{measure(part['value'], part['unit'])}"
    return Cell(text, "dim") if mark else text


def _by_parts(paper: Paper, ranked: Sequence[Answer], behind: Mapping[str, Answer], shown: Sequence[str]) -> Lines:
    parts = [part for part in ranked[0]["parts"] if part["source"] != _LEFT_OUT]
    columns = [
        Column("ask", right=True),
        Column("rank", right=True),
        Column("dealer"),
        Column("score", right=True),
        *(Column(f"{part['metric'].replace('_', ' ')} ×{part['weight'] * 100:g}%", right=True) for part in parts),
        *(Column(name, right=True) for name in shown),
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
                *_of_model(line, behind, shown),
                Cell(line["reason"], "" if line["chosen"] else "dim"),
            )
        )
    return table(paper, columns, rows)


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
                each["name"],
                each["kind"],
                each["unit"] or "",
                _windows(each),
                "yes" if each["known_here"] else Cell("never", "yellow"),
                each["doc"]
                + (f": {', '.join(each['choices'])}" if each["choices"] else "")
                + (f" (also {', '.join(each['synonyms'])})" if each["synonyms"] else "")
                + (f"; never known here: {each['unknown_because']}" if each["unknown_because"] else ""),
            )
            for each in sorted(answer[title], key=lambda each: str(each["name"]))
        ]
        lines += [paper.styled(f"of the {title}", "bold"), *table(paper, _FIELD_COLUMNS, rows), ""]
    lines.append(f"{paper.styled('rank by', 'bold')}: {', '.join(answer['rank_by'])}")
    if answer["dealers"]:
        lines.append(f"{paper.styled('dealers', 'bold')}: {', '.join(answer['dealers'])}")
    return lines


def _windows(field: Answer) -> str:
    """Which windows may stand behind a field: `any`, `30d`, `none or any`."""
    if not field["windowed"]:
        return ""
    days = field["windows_days"]
    windows = "any" if days is None else ", ".join(f"{each}d" for each in days)
    return f"none or {windows}" if field["without_window"] else windows


_FIELD_COLUMNS: Final = (
    Column("field"),
    Column("kind"),
    Column("unit"),
    Column("window"),
    Column("known"),
    Column("meaning"),
)
