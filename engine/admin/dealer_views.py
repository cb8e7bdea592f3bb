"""One dealer as people read it: what is agreed beside what it did, in one screen of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Final

from engine.admin.tables import Cell, Column, Paper, clipped, clock, grouped, measure, table
from engine.admin.views import Answer, Lines, who

WIDTH: Final = 80
"""Where a terminal does not say how wide it is."""
_LABEL: Final = 12
_AXES_SHOWN: Final = 3


def profile(paper: Paper, answer: Answer) -> Lines:
    """Who it is, what is agreed, what it did."""
    return [*_static(paper, answer), *_axes(paper, answer), "", *_classic(paper, answer["classic"])]


def _axes(paper: Paper, answer: Answer) -> Lines:
    shown = answer["axes"][:_AXES_SHOWN]
    lines: Lines = []
    for each in shown:
        price = f" at {each['price']}" if each["price"] else ""
        words = f"{each['side']}s {how_much(each)} {each['security']}{price}, until {clock(each['until'], '')}"
        lines += _entry(paper, "axe", " ".join(words.split()))
    hidden = len(answer["axes"]) - len(shown)
    return [*lines, *_entry(paper, "", f"and {hidden} more: rfqctl axes {answer['dealer']}")] if hidden else lines


# --- what is agreed ------------------------------------------------------------------------------


def _static(paper: Paper, answer: Answer) -> Lines:
    entity = f"{answer['legal_name']}, LEI {answer['lei']}"
    lines = [paper.styled(f"{answer['dealer']}: {answer['name']}", "bold")]
    lines += _entry(paper, "entity", entity)
    lines += _entry(paper, "session", _session(answer), _session_style(answer))
    for words, style in _stopped(answer):
        lines += _entry(paper, "not asked", words, style)
    lines += _entry(paper, "trades", _trades(answer))
    lines += _entry(paper, "limits", _limits(answer))
    for desk in answer["desks"]:
        lines += _entry(paper, "desk", _named(desk, ()))
    for contact in answer["contacts"]:
        lines += _entry(paper, "contact", _named(contact, ("phone", "email", "chat"), contact["desk"]))
    for agreement in answer["agreements"]:
        lines += _entry(paper, "agreement", _agreement(agreement), "" if agreement["in_force"] else "yellow")
    for note in answer["notes"]:
        lines += _entry(paper, "note", note)
    return lines


def _session(answer: Answer) -> str:
    if answer["connected"]:
        state = "logged on"
    else:
        state = answer["closed"] or "not logged on"
    waits = answer["open"]
    words = f"{answer['session']}, {state}; last asked {clock(answer['last_asked'], '') or 'never'}"
    found = [f"{waits[name]} {name}" for name in ("requests", "quoted") if waits[name]]
    if waits["unanswered"]:
        found.append(f"{len(waits['unanswered'])} acceptance(s) unanswered")
    return f"{words}; open: {', '.join(found)}" if found else words


def _session_style(answer: Answer) -> str:
    return "" if answer["connected"] else "yellow" if answer["closed"] else "red"


def _stopped(answer: Answer) -> list[tuple[str, str]]:
    """Everything that keeps it from being asked, file and people beside each other."""
    found = []
    if answer["kill"]:
        found.append((f"kill switch {answer['kill']} is on", "red"))
    if answer["paused_by_file"]:
        found.append(("paused by its file", "yellow"))
    person = answer["paused_by_person"]
    if person is not None and person["on"]:
        found.append((f"paused by {who(person['actor'])} since {person['since']}: {person['reason']}", "yellow"))
    return found


def _trades(answer: Answer) -> str:
    words = ", ".join(answer["asset_classes"])
    return f"{words}; good at {', '.join(answer['specialties'])}" if answer["specialties"] else words


def _limits(answer: Answer) -> str:
    most = f"{grouped(answer['notional_max'])} a request" if answer["notional_max"] else "none of its own"
    firm = f"quotes without a life stand {answer['firm_time_s']:g} s" if answer["firm_time_s"] else "quotes need a life"
    unit = "face" if answer["quantity_unit"] == "face" else "bonds of 1,000"
    return f"{most}; {firm}; counts {unit}"


def _named(entry: Answer, reached_by: Sequence[str], desk: str | None = None) -> str:
    words = [entry["name"] + (f" ({desk})" if desk else "")]
    if entry["asset_classes"]:
        words.append(", ".join(entry["asset_classes"]))
    words += [entry[name] for name in reached_by if entry[name]]
    if entry["note"]:
        words.append(entry["note"])
    return "; ".join(words)


def _agreement(agreement: Answer) -> str:
    begins, ends = agreement["begins"], agreement["ends"]
    span = f"{begins or '…'} to {ends or '…'}" if begins or ends else "without dates"
    words = [agreement["kind"], span if agreement["in_force"] else f"{span}, not in force"]
    return "; ".join([*words, *(agreement[name] for name in ("reference", "note") if agreement[name])])


def _entry(paper: Paper, name: str, words: str, style: str = "") -> Lines:
    """`name   words`, as many lines as it takes, those after the first set in."""
    room = (paper.width or WIDTH) - _LABEL
    first, *rest = textwrap.wrap(words, max(20, room)) or [""]
    lines = [paper.styled(f"{name:<{_LABEL}}", "dim") + paper.styled(first, style)]
    return lines + [" " * _LABEL + paper.styled(line, style) for line in rest]


# --- what it did ---------------------------------------------------------------------------------

_COUNTED: Final = (
    ("asks", "asked"),
    ("quotes", "quoted"),
    ("declines", "declined"),
    ("silences", "silent"),
    ("trades", "traded"),
    ("rejects", "rejected"),
    ("manual_trades", "by phone"),
)


def _classic(paper: Paper, classic: Answer) -> Lines:
    counts = classic["counts"]
    place = f"{classic['rank']} of {classic['ranked']}, score {classic['score']:.3f}" if classic["rank"] else "no place"
    lines = [paper.styled(f"classic, {classic['scope']}, the last {classic['window_days']} days: {place}", "bold")]
    told = [f"{counts[name]} {words}" for name, words in _COUNTED if counts[name] or name == "asks"]
    lines += _entry(paper, "counts", ", ".join(told))
    rows: list[tuple[Cell | str, ...]] = [
        (name.replace("_", " "), measure(each["value"], each["unit"]), str(each["observations"]), each["scope"] or "")
        for name, each in classic["metrics"].items()
        if each["value"] is not None
    ]
    columns = [Column("measure"), Column("value", right=True), Column("of", right=True), Column("known for")]
    return [*lines, *(table(paper, columns, rows) if rows else [])]


# --- what changed --------------------------------------------------------------------------------


def history(paper: Paper, answer: Answer) -> Lines:
    """Who changed what of it, the latest first."""
    lines: Lines = []
    for each in answer["history"]:
        head = f"{each['time']} {each['what']} by {each['actor']}: {each['reason']}"
        lines.append(paper.styled(clipped(head, paper.width), "bold"))
        for change in each["changes"]:
            for sign, style, value in (("-", "red", change["before"]), ("+", "green", change["after"])):
                for words in _values(value):
                    lines += [paper.styled(f"  {sign} {change['key']}: {words}", style)]
    return lines


def _values(value: Any) -> list[str]:
    """A key's value, an entry a line; nothing for what is not there."""
    if value is None or value == []:
        return []
    if isinstance(value, list):
        return [words for each in value for words in _values(each)]
    if isinstance(value, dict):
        return ["; ".join(f"{name} {words}" for name, each in value.items() for words in _values(each))]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


# --- pausing -------------------------------------------------------------------------------------


def paused(paper: Paper, answer: Answer) -> Lines:
    """What came of pausing it, or letting it go: what the file says and what a person said."""
    stopped: list[tuple[str, str]] = _stopped({"kill": None, **answer})
    if not stopped:
        return [paper.styled(f"{answer['dealer']} is asked again", "green")]
    return [f"{answer['dealer']} is not asked: {paper.styled(words, style)}" for words, style in stopped]


# --- what it advertises --------------------------------------------------------------------------


def axes(paper: Paper, answer: Answer) -> Lines:
    """The list of live interests."""
    if not answer["axes"]:
        return ["no dealer advertises anything that lives"]
    columns = [
        Column("dealer"),
        Column("wants to"),
        Column("quantity", right=True),
        Column("security"),
        Column("name", yields=4),
        Column("price", right=True),
        Column("quality", yields=3),
        Column("since", yields=2),
        Column("until"),
        Column("id", yields=5),
        Column("source", yields=6),
    ]
    rows = [
        (
            each["dealer"],
            each["side"],
            how_much(each),
            each["security"],
            each["name"] or "",
            each["price"] or "",
            each["quality"] or "",
            clock(each["since"]),
            clock(each["until"], each["since"]),
            each["axe_id"],
            each["source"],
        )
        for each in answer["axes"]
    ]
    lines = table(paper, columns, rows)
    hidden = answer["live"] - len(rows)
    return [*lines, f"and {hidden} more: --limit shows more"] if hidden else lines


def how_much(axe: Answer) -> str:
    """Face amount, or the dealer's word for it."""
    return grouped(axe["quantity"]) or axe["size"] or ""


def credit(paper: Paper, answer: Answer) -> Lines:
    """Every credit limit that stands."""
    if not answer["limits"]:
        return ["no credit limit was delivered"]
    columns = [
        Column("scope"),
        Column("a request", right=True),
        Column("a day", right=True),
        Column("dealt today", right=True),
        Column("left", right=True),
    ]
    rows = [
        (
            each["scope"],
            grouped(each["request_max"]),
            grouped(each["day_max"]),
            grouped(each["dealt"]),
            Cell(grouped(each["room"]), "red" if each["room"] == "0" else ""),
        )
        for each in answer["limits"]
    ]
    return table(paper, columns, rows)
