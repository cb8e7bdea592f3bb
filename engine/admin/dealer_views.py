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
    lines = [*_static(paper, answer), *_axes(paper, answer), *_classic(paper, answer["classic"])]
    return [*lines, "", *_model(paper, answer)]


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


# --- what it did, and is expected to do ----------------------------------------------------------

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
    """The score of the house: its place, what it was counted from, every measure with how many stand behind it."""
    counts = classic["counts"]
    place = f"{classic['rank']} of {classic['ranked']}, score {classic['score']:.3f}" if classic["rank"] else "no place"
    told = [f"{counts[name]} {words}" for name, words in _COUNTED if counts[name] or name == "asks"]
    lines = _entry(paper, "classic", f"{place}; {classic['scope']}, {classic['window_days']} days")
    lines += _entry(paper, "", ", ".join(told))
    measures = [
        f"{name.replace('_', ' ')} {measure(each['value'], each['unit'])} of {each['observations']}"
        for name, each in classic["metrics"].items()
        if each["value"] is not None
    ]
    return lines + (_entry(paper, "", ", ".join(measures)) if measures else [])


_MODEL: Final = (
    ("p_quote", "quotes, alone", "rate", "quote_rate"),
    ("latency_s", "median answer", "s", ""),
    ("edge_bps", "edge", "bps", "edge"),
    ("firmness", "firmness", "rate", "firmness"),
    ("size_share", "size quoted", "rate", ""),
    ("leak_in_bps", "leak, asked", "bps", ""),
    ("leak_post_bps", "leak, after", "bps", ""),
    ("trade_share", "trades/asks", "rate", "fill_rate"),
)
"""Measure, its name, its unit, and the counted one whose months stand beside it."""
_IDENTIFIED: Final = {
    "none": "leak: nothing can be told, whoever was asked was always asked",
    "relative": "leak: dealers can be told apart, not the level",
    "level": "leak: dealers and level can be told",
}


def _model(paper: Paper, answer: Answer) -> Lines:
    """Every estimate with its interval, what it rests on, its place, and the counted months one by one."""
    model, months = answer["model"], answer["trend"]
    head = f"model, {model['scope']}, {model['asks']} asks, {grouped(model['quantity'])} within {model['wait_s']:g} s"
    columns = [
        Column("measure"),
        Column("value", right=True),
        Column("90 %", right=True),
        Column("n_eff", right=True),
        Column("place", right=True),
        *(Column(f"to {each['to'][5:]}", right=True) for each in months),
    ]
    rows: list[tuple[Cell | str, ...]] = []
    for name, title, unit, counted in _MODEL:
        each = model["measures"].get(name)
        if each is None:
            continue
        rows.append(
            (
                title,
                Cell(measure(each["value"], unit), "" if each["n_eff"] else "dim"),
                f"{_plain(each['low'], unit)}..{_plain(each['high'], unit)}",
                f"{each['n_eff']:.1f}",
                f"{each['place']}/{model['peers']}" if each["place"] else "",
                *(measure(month[counted], unit) if counted and month[counted] is not None else "" for month in months),
            )
        )
    rows.append(("asks", "", "", "", "", *(str(month["asks"]) for month in months)))
    lines = [paper.styled(head, "bold"), *table(paper, columns, rows)]
    time = f"{model['p_in_time'] * 100:.0f}% of answers in time"
    if model["latency_p50_s"] is not None:
        time += f"; half within {model['latency_p50_s']:.0f} s"
    if model["latency_p90_s"] is not None:
        time += f", nine of ten within {model['latency_p90_s']:.0f} s"
    lines += _entry(paper, "answers", time)
    lines += _entry(paper, "", _IDENTIFIED[model["leak_identified"]])
    drift = ", ".join(f"{name} {level:.2f}" for name, level in model["drift"].items())
    alarmed = any(level >= 1 for level in model["drift"].values())
    lines += _entry(paper, "drift", f"{drift} (1 is an alarm)" if drift else "no record yet", "red" if alarmed else "")
    for found in model["drifted"]:
        share = found["measure"] != "edge"
        before, since = (f"{found[name]:.0%}" if share else f"{found[name]:+.1f} bp" for name in ("before", "since"))
        lines += _entry(paper, "", f"since {found['at'][:10]} {found['measure']} is {since}; it was {before}", "yellow")
    return lines


def _plain(value: float, unit: str) -> str:
    """A bound of an interval: the unit stands beside it already."""
    if unit == "s":
        return f"{value:.1f}"
    return f"{value * 100:.0f}" if unit == "rate" else f"{value + 0.0:+.1f}"


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
