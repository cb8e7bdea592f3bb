"""What two rule books say of the orders of a period, as a report that can be handed over."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from engine.admin.rule_views import DIFFERS_WORDS, beside, by_rule, in_short, never, notes, signed, traded_then
from engine.admin.tables import grouped
from engine.admin.views import Answer


def comparison(page: ModuleType, answer: Answer) -> Any:
    """A `Page` of `engine.research.page`, which is handed in: without the extra there is none."""
    old, new = answer["old"], answer["new"]
    rounds, differing = answer["rounds"], answer["rounds_differing"]
    first = f"The two books say the same of all {rounds:,} rounds."
    if not rounds:
        first = "No order was decided in this period."
    elif differing:
        orders = answer["orders_differing"]
        first = f"They differ on {differing:,} of {rounds:,} rounds, of {orders:,} of {answer['orders']:,} orders."
    asks = "" if not rounds else (
        f"The old book asks {old['asks'] / rounds:.2f} dealers a round, the new one {new['asks'] / rounds:.2f}."
    )  # fmt: skip
    kinds = [(DIFFERS_WORDS[name], f"{count:,}") for name, count in answer["differs"].items() if count]
    column = page.Column
    return page.Page(
        "Two rule books",
        f"{_when(answer['begin'])} to {_when(answer['end'])}" if rounds else "nothing decided",
        (first, asks) if asks else (first,),
        (
            page.Section(
                "The books",
                (page.Definitions((("old", _named(old)), ("new", _named(new)))),),
            ),
            page.Section(
                "In what they differ",
                (
                    page.Paragraph("A round may count in several lines."),
                    page.Table((column("in what"), column("rounds", True)), kinds, nothing="in nothing"),
                    page.Table(
                        (column("taken by the old book's"), column("by the new book's"), column("rounds", True)),
                        [(each["old"], each["new"], f"{each['rounds']:,}") for each in answer["moved"]],
                        "Rounds that differ, by the rules that took them",
                    ),
                ),
            ),
            page.Section("Who is asked", (_asked(page, answer),)),
            page.Section("What each book did", _did(page, answer)),
            page.Section("Orders on which they differ", (_orders(page, answer),)),
            page.Section("What this rests on, and what it cannot say", (page.Notes(notes(answer)),)),
        ),
        (f"journal: {answer['journal']}",),
    )


def _when(at: str) -> str:
    """To the second: a page is read by people."""
    return f"{at[:10]} {at[11:19]} UTC"


def _named(book: Answer) -> str:
    name: str = book["book"]
    return f"{name} ({book['book_hash'][:12]})" if book["book_hash"] else name


def _asked(page: ModuleType, answer: Answer) -> Any:
    columns = (page.Column("dealer"), *(page.Column(name, True) for name in ("old", "new", "change")))
    rows = [
        (each["dealer"], f"{each['old']:,}", f"{each['new']:,}", signed(each["new"] - each["old"]))
        for each in answer["dealers"]
    ]
    return page.Table(columns, rows, "Rounds in which each dealer is asked", "nobody is asked")


def _did(page: ModuleType, answer: Answer) -> tuple[Any, ...]:
    columns = (page.Column("rule or protection"), page.Column("old", True), page.Column("new", True))
    old, new = answer["old"], answer["new"]
    others = (
        ("sent by itself", f"{old['sent_by_itself']:,}", f"{new['sent_by_itself']:,}"),
        ("nobody to ask", f"{old['nobody']:,}", f"{new['nobody']:,}"),
    )
    return (
        page.Table(columns, by_rule(answer), "Rounds that each took, or applied to"),
        page.Table((page.Column(""), *columns[1:]), others, "Rounds"),
        *((page.Notes(never(answer)),) if never(answer) else ()),
    )


def _orders(page: ModuleType, answer: Answer) -> Any:
    columns = tuple(page.Column(name) for name in ("order", "decided", "what", "differs", "old", "new", "then"))
    rows = [
        (
            each["order"] + (f" round {each['round']}" if each["round"] > 1 else ""),
            _when(each["at"]),
            f"{each['side']} {grouped(each['quantity'])} {each['currency']} {each['security']} {each['name']}",
            "; ".join(DIFFERS_WORDS[kind] for kind in each["differs"]),
            in_short(each["old"]),
            beside(each["old"], each["new"]),
            traded_then(each).removeprefix("then: "),
        )
        for each in answer["differences"]
    ]
    hidden = answer["rounds_differing"] - len(rows)
    caption = f"The first {len(rows):,} of {answer['rounds_differing']:,}" if hidden else ""
    return page.Table(columns, rows, caption, "none")
