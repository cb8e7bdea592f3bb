"""The desk's answers as people read them: one function per answer, lines of text out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from engine.admin.tables import Cell, Column, Paper, bp, clipped, clock, grouped, measure, plain, table, wide, wrapped

Answer = Mapping[str, Any]
Lines = list[str]

MODE_WORDS: Final[Mapping[str, str]] = {
    "parallel": "in parallel",
    "stagger": "staggered",
    "one_at_a_time": "one at a time",
}
_STATE_STYLES: Final[Mapping[str, str]] = {
    "with_trader": "yellow",
    "asking": "cyan",
    "placed": "cyan",
    "in_doubt": "red",
    "filled": "green",
    "active": "green",
    "up": "green",
    "disconnected": "red",
    "disabled": "red",
    "executed": "green",
}


def state(word: str) -> Cell:
    return Cell(word.replace("_", " "), _STATE_STYLES.get(word, ""))


def _standing(order: Answer) -> Cell:
    if order["cancel_pending"]:
        return Cell("canceling", "yellow")
    return Cell("replacing", "yellow") if order["replace_pending"] else state(order["state"])


# --- the desk ------------------------------------------------------------------------------------


def banner(paper: Paper, answer: Any) -> Lines:
    """What goes above any answer: that the engine takes nothing at present, and why; mostly nothing."""
    words = answer.get("banner") if isinstance(answer, dict) else None
    if not words:
        return []
    lines = textwrap.wrap(words, paper.width) if paper.width else [words]
    return [*(paper.styled(line, "red") for line in lines), ""]


def status(paper: Paper, answer: Answer) -> Lines:
    orders, rfqs, sessions, dealers = answer["orders"], answer["rfqs"], answer["sessions"], answer["dealers"]
    rows: list[tuple[str, Cell | str]] = [
        ("time", answer["time"]),
        (
            "orders",
            f"{orders['open']} open ({orders['with_trader']} with the trader, {orders['asking']} asking, "
            f"{orders['placed']} placed) of {orders['total']}",
        ),
        ("RFQs", f"{rfqs['open']} open of {rfqs['total']}"),
        ("sessions", f"{sessions['up']} of {sessions['configured']} up"),
        ("dealers", f"{dealers['connected']} of {dealers['configured']} connected"),
        ("bonds", f"{answer['securities']:,}"),
        ("rules", f"{answer['rules']} rules, {answer['protections']} protections, book {answer['book_hash'][:12]}"),
    ]
    waiting = answer["estimates"]["rounds_waiting"]
    if waiting:
        rows.append(("estimates", Cell(f"{waiting:,} rounds told by others are being learnt", "yellow")))
    missed = [key for key in sessions["down"] if key not in sessions["closed"]]
    if missed:
        rows.append(("down", Cell(", ".join(missed), "red")))
    for key, words in sessions["closed"].items():
        rows.append(("closed", Cell(f"{key} is {words}", "yellow")))
    for kill in answer["kills"]:
        words = f"{kill['scope']} since {kill['since']} by {who(kill['actor'])}: {kill['reason']}"
        rows.append(("KILL ON", Cell(words, "red")))
    for each in answer["unanswered"]:
        words = f"{each['order']}: {grouped(each['quantity'])} at {each['dealer']} since {clock(each['since'])}"
        words += f", {each['evidence']}" if each["evidence"] else ""
        words += "; a person is needed" if each["person_needed"] else ""
        rows.append(("unanswered", Cell(words, "red" if each["person_needed"] else "yellow")))
    if answer["quarantined"]:
        rows.append(
            ("quarantine", Cell(f"{answer['quarantined']} fill(s) wait for a person: rfqctl quarantine list", "red"))
        )
    return [f"{paper.styled(f'{name:<11}', 'dim')} {paper.show(value)}" for name, value in rows]


def orders(paper: Paper, answer: Answer) -> Lines:
    if not answer["orders"]:
        return ["no orders"]
    columns = [
        Column("order"),
        Column("state"),
        Column("side"),
        Column("quantity", right=True),
        Column("filled", right=True, yields=2),
        Column("security"),
        Column("name", yields=6),
        Column("limit", right=True, yields=4),
        Column("avg price", right=True, yields=5),
        Column("best quote", yields=1),
        Column("source", yields=3),
        Column("note"),
    ]
    note_width = 60 if paper.width else 100
    rows = [
        (
            each["order"],
            _standing(each),
            each["side"],
            grouped(each["quantity"]),
            grouped(each["filled"]) if each["filled"] != "0" else "",
            each["security"],
            each["name"] or "",
            each["limit"] or "",
            each["average_price"] or "",
            _best(each["best"]),
            each["source"],
            clipped(each["note"], note_width),
        )
        for each in answer["orders"]
    ]
    return table(paper, columns, rows)


def _best(best: Answer | None) -> Cell | str:
    if best is None:
        return ""
    edge = f" {bp(best['edge_bps'])}" if best["edge_bps"] is not None else ""
    return Cell(f"{best['price']}{edge} {best['dealer']}", "green")


def dealers(paper: Paper, answer: Answer) -> Lines:
    """The list; where there is no room for all of it, what decides, and where the rest is."""
    columns = [
        Column("#", right=True),
        Column("dealer"),
        Column("name", yields=9),
        Column("score", right=True),
        Column("asks", right=True),
        Column("quotes", right=True, yields=6),
        Column("trades", right=True, yields=5),
        Column("silent", right=True, yields=7),
        Column("fill rate", right=True),
        Column("hit rate", right=True, yields=4),
        Column("improvement", right=True),
        Column("reversion", right=True),
        Column("response", right=True, yields=3),
        Column("trades in", yields=8),
        Column("state"),
    ]
    rows = []
    for each in answer["dealers"]:
        counts, metrics = each["counts"], each["metrics"]
        rows.append(
            (
                str(each["rank"] or ""),
                each["dealer"],
                each["name"],
                f"{each['score']:.3f}" if each["score"] is not None else "",
                str(counts["asks"]),
                str(counts["quotes"]),
                str(counts["trades"]),
                str(counts["silences"] or ""),
                *(
                    _metric(metrics[name])
                    for name in ("fill_rate", "hit_rate", "price_improvement", "leakage", "speed")
                ),
                ", ".join(each["asset_classes"]),
                _dealer_state(each),
            )
        )
    head = f"{answer['scope']}, the last {answer['window_days']} days; score: {answer['scorer']}"
    lines = [paper.styled(line, "bold") for line in wrapped(head, paper.width)]
    whole = table(replace(paper, screen=False), columns, rows)
    if not paper.width or max(wide(plain(line)) for line in whole) <= paper.width:
        return [*lines, *whole]
    lines += table(replace(paper, screen=True), columns, rows)
    return [
        *lines,
        *[paper.styled(line, "dim") for line in wrapped("more on a wider screen, and by --json", paper.width)],
    ]


def _metric(metric: Answer) -> str:
    return "" if metric["value"] is None else measure(metric["value"], metric["unit"])


def _dealer_state(each: Answer) -> Cell:
    if each["kill"]:
        return Cell(f"kill {each['kill']}", "red")
    if each["paused"]:
        return Cell("paused", "yellow")
    if each["connected"]:
        return Cell("up", "green")
    return Cell(each["closed"], "yellow") if each["closed"] else Cell("not connected", "red")


# --- what was done -------------------------------------------------------------------------------


def sent(paper: Paper, answer: Answer) -> Lines:
    """The answer to `send` and `override`."""
    lines = []
    if "before" in answer:
        lines.append(f"overridden; recommended was {', '.join(answer['before']) or 'nobody'}")
    for gone in answer.get("past_protections", ()):
        lines.append(paper.styled(f"past a protection: {gone}", "yellow"))
    plan = answer["plan"]
    asked = ", ".join(answer["asked"]) or "nobody yet"
    lines.append(f"{answer['order']} {answer['rfq']}: asked {asked} ({MODE_WORDS[plan['mode']]})")
    later = [name for name in plan["dealers"] if name not in answer["asked"]]
    blocked = {each["dealer"]: each["reason"] for each in answer["blocked"]}
    waiting = [name for name in later if name not in blocked]
    if waiting:
        lines.append(f"to come: {', '.join(waiting)}")
    lines += [paper.styled(f"not asked: {name}: {reason}", "red") for name, reason in blocked.items()]
    if answer["note"]:
        lines.append(f"now {answer['state'].replace('_', ' ')}: {answer['note']}")
    return lines


def executed(paper: Paper, answer: Answer) -> Lines:
    what = f"{answer['order']}: took {grouped(answer['quantity'])} at {answer['price']} from {answer['dealer']}"
    lines = [f"{what} (ClOrdID {answer['placement']}); waiting for its answer"]
    return [*lines, paper.styled(answer["note"], "yellow")] if "note" in answer else lines


def canceled(paper: Paper, answer: Answer) -> Lines:
    if answer["pending"]:
        return [f"{answer['order']}: cancel asked, waiting for {answer.get('waits_for', 'an answer')}"]
    return [f"{answer['order']} is {answer['state']}"]


def forced(paper: Paper, answer: Answer) -> Lines:
    stands = answer["state"].replace("_", " ")
    return [
        f"{answer['order']}: {grouped(answer['released'])} at {answer['dealer']} released, now {stands}",
        paper.styled(answer["warning"], "yellow"),
    ]


def killed(paper: Paper, answer: Answer) -> Lines:
    if not answer["on"]:
        lines = [paper.styled(f"kill switch {answer['scope']} is off", "green")]
    else:
        lines = [
            paper.styled(f"kill switch {answer['scope']} is on", "red"),
            f"requests on the wire that may still be answered: {answer['requests_on_the_wire']}",
            f"acceptances called back: {len(answer['acceptances_called_back'])}",
            *(
                f"  {each['order']}: {grouped(each['quantity'])} at {each['dealer']}"
                for each in answer["acceptances_called_back"]
            ),
            f"orders back with the trader: {', '.join(answer['orders_returned']) or 'none'}",
        ]
    others = [kill["scope"] for kill in answer["in_force"]]
    return [*lines, f"in force: {', '.join(others) or 'no kill switch'}"]


def who(actor: str) -> str:
    """A person as people call them, or the engine."""
    return actor.removeprefix("person:")


View = Callable[[Paper, Answer], Lines]
