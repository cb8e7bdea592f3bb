"""Fills in quarantine as people read them."""

from __future__ import annotations

from typing import Final

from engine.admin import kept_messages
from engine.admin.tables import Cell, Column, Paper, clipped, grouped, table, wrapped
from engine.admin.views import Answer, Lines

_STYLES: Final = {"waits": "red", "booked": "green", "rejected": "yellow"}
_REASON_WIDTH: Final = 100


def listed(paper: Paper, answer: Answer) -> Lines:
    if not answer["fills"]:
        return ["no fill is in quarantine"]
    columns = [
        Column("fill"),
        Column("state"),
        Column("age", right=True),
        Column("dealer"),
        Column("order"),
        Column("side", yields=3),
        Column("quantity", right=True),
        Column("price", right=True),
        Column("ExecID", yields=2),
        Column("reason"),
    ]
    rows = [
        (
            each["fill"],
            Cell(each["state"], _STYLES.get(each["state"], "")),
            _age(each["age_s"]),
            each["dealer"] or each["session"],
            each["order"] or "?",
            each["side"] or "",
            grouped(each["quantity"]) or "?",
            each["price"] or "?",
            each["exec_id"],
            clipped(_why(each), 60 if paper.width else _REASON_WIDTH),
        )
        for each in answer["fills"]
    ]
    return table(paper, columns, rows)


def _why(each: Answer) -> str:
    settled = each["settled"]
    if settled is None:
        return str(each["reason"])
    told = _told(settled)
    return f"{settled['words']}{f'; {told}' if told else ''}"


def _told(settled: Answer) -> str:
    """How far the dealer has been told no."""
    match settled["dealer_told"]:
        case "waits":
            return f"the dealer is told once its session is up, until {settled['told_until']}"
        case "sent":
            return "the dealer was told"
        case "lost":
            return f"the dealer was not told: {settled['untold']}; reject it once more, or call"
    return ""


def _age(age_s: float | None) -> str:
    if age_s is None:
        return ""
    minutes, rest = divmod(int(age_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def shown(paper: Paper, answer: Answer) -> Lines:
    """The whole of one."""
    style = _STYLES.get(answer["state"], "")
    age = f" for {_age(answer['age_s'])}" if answer["age_s"] is not None else ""
    lines = [
        paper.styled(f"{answer['fill']}  {_what(answer)}", "bold"),
        f"  {paper.styled(f'waits{age}: {_why(answer)}' if answer['settled'] is None else _why(answer), style)}",
    ]
    if answer["settled"] is not None:
        lines.append(f"  it was in quarantine for: {answer['reason']}")
        if answer["settled"]["repeats"]:
            lines.append(
                paper.styled(f"  the dealer has reported it again {answer['settled']['repeats']} time(s)", "red")
            )
    lines += [f"  {line}" for line in _standing(answer)]
    for what in ("book", "reject"):
        if answer[what] is not None:
            lines += wrapped(f"{what}: {answer[what]}", paper.width, "  ")
    lines += ["", paper.styled("the report as it came", "bold"), *_report(paper, answer["report"])]
    return lines


def _what(answer: Answer) -> str:
    what = f"{answer['side'] or 'fill of'} {grouped(answer['quantity']) or '?'} {answer['security'] or 'no bond'}"
    return (
        f"{what} at {answer['price'] or '?'} from {answer['dealer'] or answer['session']}, ExecID {answer['exec_id']}"
    )


def _standing(answer: Answer) -> Lines:
    lines = []
    order, accepted, counts = answer["filled"], answer["accepted"], answer["dealer_counts"]
    if order is None:
        lines.append(f"it names nothing we ordered: {answer['names'] or 'no ClOrdID(11)'}")
    else:
        lines.append(
            f"order {answer['order']}: {grouped(order['filled'])} of {grouped(order['quantity'])} filled, "
            f"{order['state'].replace('_', ' ')}"
        )
    if accepted is not None:
        lines.append(
            f"accepted: {grouped(accepted['quantity'])} at {accepted['price']} from {accepted['dealer']}, "
            f"{grouped(accepted['filled'])} filled, {accepted['state'].replace('_', ' ')}"
        )
    for fill in answer["booked"]:
        lines.append(
            f"booked: {fill['exec_id']} {grouped(fill['quantity'])} at {fill['price']} from {fill['dealer']}, "
            f"its ExecID {fill['dealer_exec_id']}"
        )
    said = [f"OrdStatus(39) {counts['status'].replace('_', ' ')}"] if counts["status"] else []
    said += [f"CumQty(14) {grouped(counts['filled'])}"] if counts["filled"] is not None else []
    said += [f"LeavesQty(151) {grouped(counts['left'])}"] if counts["left"] is not None else []
    lines.append(f"the dealer counts: {', '.join(said) or 'nothing'}")
    if counts["last_counted"] is not None:
        lines.append(f"it last counted {grouped(counts['last_counted'])} as filled")
    return lines


def _report(paper: Paper, report: str | None) -> Lines:
    if report is None:
        return ["  not kept: an earlier version put it here"]
    return [*kept_messages.fields(paper, report)]


def settled(paper: Paper, answer: Answer) -> Lines:
    """What `book` or `reject` came to."""
    done = answer["settled"]
    if answer["state"] == "booked":
        order = answer["filled"]
        words = f"{answer['fill']} is booked as {done['exec_id']}"
        if order is not None:
            words += f": {answer['order']} has {grouped(order['filled'])} of {grouped(order['quantity'])} filled"
            words += f", {order['state'].replace('_', ' ')}"
        lines = [words]
        if done["beyond"] is not None:
            lines.append(paper.styled(f"{grouped(done['beyond'])} of it is more than was ordered", "yellow"))
        return lines
    accepted = answer["accepted"]
    lines = [f"{answer['fill']} is rejected: {_told(done) or 'the dealer is not told'}"]
    if accepted is not None and accepted["state"] in ("in_doubt", "acknowledged"):
        left = f"{accepted['dealer']} has to answer for the rest: it stays reserved"
        lines.append(paper.styled(f"{left}{': ' + accepted['evidence'] if accepted['evidence'] else ''}", "yellow"))
    return lines
