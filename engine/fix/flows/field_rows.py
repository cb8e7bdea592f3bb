"""What each field of the messages we hear does, and what happens where it is odd, as rows for people.

The rows of a NewOrderSingle(D) are `terms.ROWS`, which the flow obeys. Those of the other messages say what the flows
read: a test holds them against what is read in truth. `page` writes the section of `config/fix/README.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from engine.fix.flows import terms
from engine.fix.standard.definitions import Section
from engine.fix.standard.dictionary import Dictionary


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One or more fields that are read together."""

    tags: tuple[int, ...]
    does: str
    odd: str


def _row(tags: str, does: str, odd: str) -> FieldRow:
    return FieldRow(tuple(int(tag) for tag in tags.split()), does, odd)


_BOND: Final = "48 22 454 455 456"

ROWS: Final[Mapping[str, tuple[FieldRow, ...]]] = {
    "S": (
        _row("117", "the quote's name: an acceptance cites it", "missing: Reject 373=1"),
        _row("131", "the request it answers", "missing: j 380=5; no request of ours: kept as a stray message"),
        _row(_BOND, "the bond, by ISIN or CUSIP", "absent: the request's; another, or two: it cannot be taken"),
        _row("537", "1 can be executed", "absent, 0, 2, 3 and others: shown, never executed by a rule"),
        _row(
            "132 133", "bid and offer, clean, in percent of par", "0 or less: no price on that side; crossed: not taken"
        ),
        _row("134 135", "how much of each", "0 or less: no price; less than asked for: not taken; absent: all of it"),
        _row(
            "64", "the day of settlement that its prices are for", "absent: as asked; another one: it cannot be taken"
        ),
        _row("15", "the currency that we asked for", "absent: as asked; another one: it cannot be taken"),
        _row("62", "how long it stands", "absent: the dialect's firm_time_s; with neither no rule executes it"),
        _row("423 692", "1 or absent: percent of par", "others: shown as not comparable"),
    ),
    "8": (
        _row("150 20", "what happened; 20 is FIX 4.2's cancel, correct and status", "unheard of: a status, by 39"),
        _row("39", "where the order stands; read for 150 where that is missing", "neither: Reject 373=1"),
        _row("11 41", "our order, or our cancel of it", "unknown: a fill is quarantined, the rest a stray message"),
        _row(
            "17",
            "the execution's name",
            "missing: Reject 373=1; seen before: a duplicate, or quarantined if it differs",
        ),
        _row(
            "19",
            "of a trade cancel (150=H) or correction (150=G): the fill's 17, or that of its last correction",
            "missing, unknown or another order's: quarantined",
        ),
        _row("37 103", "the dealer's order; 103=5, or rejected without any: it never arrived", "absent: not known"),
        _row(_BOND, "the bond, by ISIN or CUSIP", "absent: what we ordered; another, or two: quarantined"),
        _row("54", "the side we ordered", "another one: quarantined; absent or unheard of: what we ordered"),
        _row(
            "32 31",
            "how much, at which clean price in percent of par",
            "missing, no number, 0 or less, a fraction, too much, too bad: quarantined",
        ),
        _row("15", "the order's currency", "absent: the order's; another one: quarantined"),
        _row("120", "the currency it settles in", "absent: the order's; another: booked, and a person hears of it"),
        _row("38", "cited where the execution is not taken for ours", "absent: what we ordered is cited"),
        _row("423 669", "a price in another unit: LastParPx(669) is read for 31", "669 missing: quarantined"),
        _row("14 151", "held against what is booked", "more than we booked: nothing ends, and a person hears of it"),
        _row("6", "kept beside the fill", "no number: not known"),
        _row("75", "the trade date", "absent: the day it came"),
        _row("64", "the day of settlement", "absent: the one asked for; another: booked, and a person hears of it"),
        _row("159 381 118", "accrued interest, gross and net amount", "absent: computed; another than ours: reported"),
        _row("60", "when it traded", "absent or unreadable: when it came"),
        _row("527 880 1003", "the trade's other names, held against those of an AE", "absent: it is known by 17"),
        _row("58", "shown as the reason", "absent: nothing shown"),
    ),
    "AE": (
        _row(
            "487 856 150",
            "what it does with the trade: it is new or released; it is taken back; it is corrected; more is said of it",
            "absent: a new trade; unheard of, or two things at once: quarantined, AR 939=1 751=4",
        ),
        _row("571 1003", "the report's name: seen before, it is a copy", "missing: 1003 or 17; none: Reject 373=1"),
        _row(
            "572 19",
            "the report, or the execution, that this one is about",
            "unknown: by 17, 527, 880 and 571; a change of no trade that is booked: quarantined, AR 939=1 751=99",
        ),
        _row(
            "17 527 880",
            "the execution's names, held against those of the 8s and of earlier reports",
            "absent: by size and price, each fill taking one 8 and one AE",
        ),
        _row("570", "Y: of a trade that is booked it is a copy under another name", "absent: no"),
        _row(
            "552 54 11 37",
            "the sides: ours is the one with our ClOrdID, else with the dealer's order and our side",
            "no order of ours: quarantined, AR 939=1 751=99; no group: read beside it",
        ),
        _row("117", "the quote that we took, where a side has no ClOrdID", "no quote that we took: no order of ours"),
        _row(_BOND, "the bond, by ISIN or CUSIP", "absent: what we ordered; another, or two: quarantined"),
        _row("32 31", "how much, at which clean price in percent of par", "as on an 8"),
        _row("423 669", "a price in another unit: LastParPx(669) is read for 31", "669 missing: quarantined"),
        _row("39 14 151", "where the order stands, held against what is booked as on an 8", "absent: not known"),
        _row("15", "the order's currency", "absent: the order's; another one: quarantined"),
        _row("120", "the currency it settles in", "absent: the order's; another: booked, and a person hears of it"),
        _row("38", "cited where the execution is not taken for ours", "absent: what we ordered is cited"),
        _row("6", "kept beside the fill", "no number: not known"),
        _row("75", "the trade date", "absent: the day it came"),
        _row("64", "the day of settlement", "absent: the one asked for; another: booked, and a person hears of it"),
        _row("159 381 118", "accrued interest, gross and net amount", "absent: computed; another than ours: reported"),
        _row("60", "when it traded", "absent or unreadable: when it came"),
        _row("58", "shown as the reason", "absent: nothing shown"),
    ),
    "Z": (
        _row("117", "the quote that ends", "absent, * or NONE: those in the bonds of 295, or all"),
        _row(
            "298",
            "4 ends all; 1 and 5 what 117 or 295 names",
            "missing: Reject 373=1; others: all, unless 117 names one",
        ),
        _row("131", "the request that was answered: no other is meant", "absent, * or NONE: wherever it is quoted"),
        _row(
            "295 22 48", "the bonds, where 117 names no quote", "a bond that cannot be told: all that the dealer quoted"
        ),
    ),
    "W": (
        _row(_BOND, "the bond, by ISIN or CUSIP; 22=8 a benchmark by the provider's name", "missing: j 380=5"),
        _row("55", "without 48: a pair of currencies, EUR/USD or EURUSD", "no pair: nothing"),
        _row("262", "the request, cited where the message is refused", "absent: not cited"),
        _row(
            "268 269",
            "bids (0), offers (1) and trades (2); the best of each side; of a pair its mid (H)",
            "other entries: no effect",
        ),
        _row(
            "270",
            "clean price in percent of par; of a pair so many of the second for one of the first",
            "0 or less: none; no number: Reject 373=6",
        ),
        _row("271", "how much traded", "absent: not known"),
        _row("272 273", "when; of two sides the older", "absent or unreadable: when it came"),
        _row("278", "the trade's name, by which it is taken back", "absent: its bond, time, price and size"),
    ),
}
"""By MsgType(35)."""


def page(dictionary: Dictionary) -> str:
    """The tables of all these messages, each field of the dictionary in one row."""
    return "\n".join(["\n".join(_order_table(dictionary)), *("\n".join(_table(each, dictionary)) for each in ROWS)])


def tags_of(section: Section) -> set[int]:
    """Every tag of a message or group, groups within included."""
    return set(section.tags)


def _order_table(dictionary: Dictionary) -> Iterator[str]:
    yield "### NewOrderSingle(D)"
    yield ""
    yield "| field | is | in words |"
    yield "|---|---|---|"
    for row in terms.ROWS:
        taken = f"; {row.is_taken_as} is taken" if row.taken else ""
        yield f"| {_named(row.tags, dictionary)} | {row.effect} | {row.words}{taken} |"
    yield "| any other | noted | tags of your own |"
    yield ""


def _table(msg_type: str, dictionary: Dictionary) -> Iterator[str]:
    message, rows = dictionary.messages[msg_type], ROWS[msg_type]
    yield f"### {message.name}({msg_type})"
    yield ""
    yield "| field | does | where it is odd |"
    yield "|---|---|---|"
    for row in rows:
        yield f"| {_named(row.tags, dictionary)} | {row.does} | {row.odd} |"
    read = {tag for row in rows for tag in row.tags}
    rest = " ".join(str(tag) for tag in sorted(tags_of(message.section) - read))
    yield f"| {rest}, and any other | nothing; kept with the message | see validation above |"
    yield ""


def _named(tags: tuple[int, ...], dictionary: Dictionary) -> str:
    return ", ".join(f"{dictionary.fields[tag].name}({tag})" if tag in dictionary.fields else str(tag) for tag in tags)
