"""`rfqctl rules try` and `rules backtest`: what a book that is being written would do, and what two would have done."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from engine.admin import rule_pages
from engine.admin.days import period_ns
from engine.admin.extra import research
from engine.clock import iso_timestamp
from engine.commands import as_json

_FOREVER_NS: Final = 1 << 62

# --- one order -------------------------------------------------------------------------------------


def try_rules(given: argparse.Namespace, journal: Path, config: Path) -> dict[str, Any]:
    """The answer as JSON has it."""
    found = research("rule_books").try_order(
        journal,
        config,
        given.files,
        given.order,
        _progress(),
        decided=given.decided,
        round_number=given.round,
    )
    order, terms = found.order, found.order.terms
    return {
        "order": order.order_id,
        "state": order.state.value,
        "side": terms.side.value,
        "quantity": as_json.amount(terms.quantity),
        "leaves": as_json.amount(order.leaves),
        "security": terms.security_id,
        "name": found.name,
        "round": found.round,
        "as_of": "now" if found.is_now else "decided",
        "at": iso_timestamp(found.at_ns),
        "everybody_up": found.everybody_up,
        "book": found.words,
        "differs": list(found.differs),
        "present": {**as_json.recommendation(found.desk, found.present.made), **_short(found.present.short)},
        "tried": {**as_json.recommendation(found.desk, found.tried.made), **_short(found.tried.short)},
    }


def try_open(given: argparse.Namespace, journal: Path, config: Path) -> dict[str, Any]:
    """The same of every order that is with the trader."""
    found = research("rule_books").try_open(journal, config, given.files, _progress())
    return {
        "book": found.words,
        "at": iso_timestamp(found.at_ns),
        "everybody_up": found.everybody_up,
        "orders": [
            {
                "order": each.order.order_id,
                "round": each.round,
                "side": each.order.terms.side.value,
                "quantity": as_json.amount(each.order.leaves),
                "currency": each.order.terms.currency,
                "security": each.order.terms.security_id,
                "name": each.name,
                "differs": list(each.differs),
                "old": _short(each.present.short),
                "new": _short(each.tried.short),
            }
            for each in found.orders
        ],
    }


# --- two books -------------------------------------------------------------------------------------


def compare_books(given: argparse.Namespace, journal: Path, config: Path) -> dict[str, Any]:
    """The answer as JSON has it; with --html, written to that file too."""
    begin_ns, end_ns = period_ns(given.begin, given.end)
    until_ns = _FOREVER_NS if end_ns is None else end_ns
    if given.html is not None:
        research("page").refuse_taken(given.html, given.force)
    found = research("rule_books").backtest(journal, config, given.old, given.new, begin_ns or 0, until_ns, _progress())
    answer = _compared(found, journal)
    if given.html is not None:
        page = research("page")
        page.save(page.html(rule_pages.comparison(page, answer)), given.html, given.force)
    return answer


def _compared(found: Any, journal: Path) -> dict[str, Any]:
    done, two_books = found.compared, research("two_books")
    return {
        "journal": str(journal),
        "begin": iso_timestamp(done.begin_ns) if done.answered else None,
        "end": iso_timestamp(done.end_ns) if done.answered else None,
        "orders": done.orders,
        "rounds": done.rounds,
        "orders_differing": done.orders_differing,
        "rounds_differing": done.rounds_differing,
        "differs": {each.value: done.kinds[each] for each in two_books.Differs},
        "moved": [{"old": old, "new": new, "rounds": count} for (old, new), count in done.moved.most_common()],
        "old": _of_book(found.old, done.old, two_books),
        "new": _of_book(found.new, done.new, two_books),
        "dealers": [
            {"dealer": name, "old": done.old.asked[name], "new": done.new.asked[name]}
            for name in sorted({*done.old.asked, *done.new.asked})
        ],
        "traded": done.traded,
        "overridden": done.overridden,
        "drawn": done.drawn,
        "answered": done.answered,
        "as_recorded": done.as_recorded,
        "unlike": [{"order": name, "at": iso_timestamp(at_ns), "why": why} for name, at_ns, why in done.unlike],
        "stand_ins": list(found.stand_ins),
        "skipped": [{"order": name, "why": why} for name, why in done.skipped],
        "differences": [
            {
                "order": each.order_id,
                "round": each.round,
                "at": iso_timestamp(each.at_ns),
                "side": each.side,
                "quantity": as_json.amount(each.quantity),
                "currency": each.currency,
                "security": each.security_id,
                "name": each.name,
                "asset_class": each.asset_class,
                "differs": [kind.value for kind in each.differs],
                "old": _short(each.old),
                "new": _short(each.new),
                "traded": list(each.traded),
                "overridden": list(each.overridden),
            }
            for each in done.found
        ],
    }


def _of_book(named: Any, did: Any, two_books: Any) -> dict[str, Any]:
    book = named.book
    names = [rule.name for rule in book.rules] if book is not None else sorted(did.rules)
    protections = [each.name for each in book.protections] if book is not None else sorted(did.protections)
    return {
        "book": named.words,
        "book_hash": book.hash if book is not None else None,
        "rules": [{"rule": name, "rounds": did.rules[name]} for name in names],
        "protections": [{"protection": name, "rounds": did.protections[name]} for name in protections],
        "never_taken": two_books.never_taken(names, did.rules),
        "never_applied": two_books.never_taken(protections, did.protections),
        "asks": did.asks,
        "sent_by_itself": did.by_itself,
        "nobody": did.nobody,
        "with_traded": did.with_traded,
        "as_trader": did.as_trader,
    }


def _short(said: Any) -> dict[str, Any]:
    return {
        "rule": said.rule,
        "place": said.place,
        "dealers": list(said.dealers),
        "plan": as_json.plan(said.plan) if said.plan is not None else None,
        "sends": "automatically" if said.sends_itself else "after approval",
        "protections": list(said.protections),
        "why_nobody": said.why_nobody or None,
        "drawn": said.drawn,
    }


def _progress() -> Any:
    return research("progress").progress_line(sys.stderr, "events")
