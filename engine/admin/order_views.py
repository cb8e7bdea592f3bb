"""One order told from its beginning to its end, as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.admin.advice import by_size, recommendation
from engine.admin.tables import Cell, Column, Paper, bp, clock, grouped, seconds, table
from engine.admin.views import MODE_WORDS, Answer, Lines, state


def order(paper: Paper, answer: Answer) -> Lines:
    received = answer["received"]
    lines = [*_head(paper, answer)]
    if answer["recommendation"] is not None:
        lines += ["", paper.styled("recommended", "bold"), *recommendation(paper, answer["recommendation"])]
    for rfq in answer["rfqs"]:
        lines += ["", *_round(paper, rfq, received)]
    if answer["placements"]:
        lines += ["", paper.styled("accepted", "bold"), *_placements(paper, answer, received)]
    if answer["fills"]:
        lines += ["", paper.styled("filled", "bold"), *_fills(paper, answer)]
    return lines


def _head(paper: Paper, answer: Answer) -> Lines:
    what = (
        f"{answer['order']}  {answer['side']} {grouped(answer['quantity'])} {answer['security']} {answer['name'] or ''}"
    )
    stands = paper.show(state(answer["state"]))
    if answer["filled"] != "0":
        stands += f", {grouped(answer['filled'])} filled at {answer['average_price']}"
        stands += f", {grouped(answer['leaves'])} left" if answer["leaves"] != "0" else ""
    lines = [paper.styled(what.rstrip(), "bold"), f"  {stands}{': ' + answer['note'] if answer['note'] else ''}"]
    price = f"limit {answer['limit']}" if answer["limit"] else "market"
    terms = [price, answer["tif"], f"from {answer['source']}"]
    terms += [f"account {answer['account']}"] if answer["account"] else []
    lines.append(f"  {', '.join(terms)}, ClOrdID {answer['cl_ord_id']}, received {answer['received']}")
    if answer["settlement"] is not None:
        lines.append(f"  to settle on {answer['settlement']}, as asked")
    if answer["noted"]:
        lines.append(f"  noted, without effect: {', '.join(answer['noted'])}")
    facts = answer["facts"]
    known = [facts["asset_class"], f"rated {facts['rating'] or 'unknown'}"]
    known.append(f"ADV {grouped(facts['adv_30d'])}" if facts["adv_30d"] is not None else "ADV unknown")
    if facts["liquidity_score"] is not None:
        known.append(f"liquidity {facts['liquidity_score']}")
    lines.append(f"  {', '.join(known)}; arrival {_mark(answer['arrival'])}")
    lines.append(f"  {by_size(facts['by_size'])}")
    if answer["currency"] != answer["base_currency"]:
        lines.append(f"  {_in_base(answer)}")
    if answer["duplicate_of"]:
        words = f"  held as a duplicate of {answer['duplicate_of']}: rfqctl order allow-duplicate if it is meant"
        lines.append(paper.styled(words, "yellow"))
    if answer["manual_reason"]:
        lines.append(paper.styled(f"  no rule acts on it: {answer['manual_reason']}", "yellow"))
    return lines


def _in_base(answer: Answer) -> str:
    """What an order in another currency comes to in that of the limits."""
    rate = answer["facts"]["rate"]
    if rate is None:
        return f"in {answer['currency']}: nobody knew what that is in {answer['base_currency']}"
    size = f"in {answer['currency']}: {grouped(answer['size'])} {answer['base_currency']}"
    return f"{size} at {rate['pair']} {rate['price']} of {rate['source']}"


def _mark(mark: Mapping[str, Any] | None) -> str:
    return "unknown" if mark is None else f"{mark['price']} ({mark['source']}, {mark['age_s']:g} s old)"


def _round(paper: Paper, rfq: Answer, received: str) -> Lines:
    plan = rfq["plan"]
    head = f"round {rfq['round']}  {rfq['rfq']}  {MODE_WORDS[plan['mode']]}, by {_by(rfq['opened_by'])}"
    lines = [f"{paper.styled(head, 'bold')}  {paper.show(state(rfq['outcome'] or rfq['state']))}"]
    override = rfq["override"]
    if override is not None:
        lines.append(
            f"  overridden: {override['reason']} (recommended was {', '.join(override['before']) or 'nobody'})"
        )
        lines += [paper.styled(f"  past a protection: {gone}", "yellow") for gone in override["past_protections"]]
    columns = [
        Column("  asked"),
        Column("dealer"),
        Column("answer"),
        Column("after", right=True),
        Column("price", right=True),
        Column("against fair", right=True),
        Column("size", right=True),
        Column("firm until"),
        Column("note"),
    ]
    rows: list[tuple[Cell | str, ...]] = []
    for ask in rfq["asks"]:
        asked = "  " + clock(ask["asked"], received)
        if not ask["quotes"]:
            rows.append((asked, ask["dealer"], state(ask["state"]), "", "", "", "", "", ask["note"] or ""))
        for quote in ask["quotes"]:
            note = quote["problem"] or ("taken" if quote["taken"] else "live" if quote["live"] else "")
            rows.append(
                (
                    asked,
                    ask["dealer"],
                    quote["kind"] if quote["kind"] != "tradeable" else state(ask["state"]),
                    seconds(quote["latency_s"]),
                    quote["price"] or "",
                    bp(quote["edge_bps"]),
                    grouped(quote["quantity"]),
                    clock(quote["firm_until"], received),
                    Cell(note, "green" if note in ("taken", "live") else "red"),
                )
            )
    if rows:
        lines += table(paper, columns, rows)
    unasked = [name for name in plan["dealers"] if name not in {ask["dealer"] for ask in rfq["asks"]}]
    if unasked:
        lines.append(f"  not asked: {', '.join(unasked)}")
    if "waits_for" in rfq:
        lines.append(paper.styled(f"  waits for {rfq['waits_for']}", "yellow"))
    return lines


def _placements(paper: Paper, answer: Answer, received: str) -> Lines:
    columns = [
        Column("  sent"),
        Column("dealer"),
        Column("quantity", right=True),
        Column("price", right=True),
        Column("filled", right=True),
        Column("state"),
        Column("note"),
    ]
    rows = []
    for each in answer["placements"]:
        note = each["evidence"] or ""
        if each["cancel_asked"]:
            note = f"cancel asked; {note}".rstrip("; ")
        if each["person_needed"] and each["state"] in ("in_doubt", "acknowledged"):
            note = f"{note}: a person is needed".lstrip(": ")
        rows.append(
            (
                "  " + clock(each["sent"], received),
                each["dealer"],
                grouped(each["quantity"]),
                each["price"],
                grouped(each["filled"]),
                state(each["state"]),
                note,
            )
        )
    return table(paper, columns, rows)


def _fills(paper: Paper, answer: Answer) -> Lines:
    columns = [
        Column("  ExecID"),
        Column("dealer"),
        Column("quantity", right=True),
        Column("price", right=True),
        Column("net", right=True),
        Column("improvement", right=True),
        Column("reversion"),
    ]
    rows = [
        (
            "  " + each["exec_id"],
            each["dealer"],
            grouped(each["quantity"]),
            each["price"],
            grouped(each["net"]),
            bp(each["improvement_bps"]) or "unknown",
            _afterwards(each),
        )
        for each in answer["fills"]
    ]
    return table(paper, columns, rows)


def _afterwards(fill: Mapping[str, Any]) -> str:
    if fill["canceled"]:
        return "canceled by the dealer"
    reversion = _reversion(fill["reversion"])
    return f"{reversion}, corrected by the dealer" if fill["corrected"] else reversion


def _reversion(reversion: Mapping[str, Any] | None) -> str:
    if reversion is None:
        return ""
    if not reversion["done"]:
        return f"due {clock(reversion['due'])}"
    return f"unknown: {reversion['reason']}" if reversion["bps"] is None else f"{bp(reversion['bps'])}"


def _by(actor: str) -> str:
    kind, _, name = actor.partition(":")
    return f"rule “{name}”" if kind == "rule" else name or actor


# --- tiers ---------------------------------------------------------------------------------------


def tiers(paper: Paper, answer: Answer) -> Lines:
    """Who is in which tier, best first, under the lines that say so."""
    lines = [f"tiers for {answer['asset_class']}, by {answer['ranked_by']} ({answer['defined_at']})"]
    lines += [f"  {line}" for line in answer["lines"]]
    rows = [
        (
            str(each["tier"]) if each["tier"] is not None else Cell("none", "dim"),
            each["dealer"],
            f"{each['rank']} of {each['ranked']}" if each["rank"] is not None else Cell("not ranked", "dim"),
            f"{each['score']:.3f}" if each["score"] is not None else "",
            str(each["asks"]),
        )
        for each in answer["dealers"]
    ]
    columns = (Column("tier"), Column("dealer"), Column("rank"), Column("score", True), Column("asks", True))
    return [*lines, "", *table(paper, columns, rows)]
