"""What each field of a NewOrderSingle(D) does to the order: honoured, refused by name, or noted. Nothing is dropped.

One table, `TERMS`. The flow obeys it, and the table in `config/fix/README.md` is written from it. A term that the desk
could not keep is refused with the tag and its value in the text; one that changes nothing here is noted: it stands in
the order's journal row and its story, and has no effect.

Source: FIX 4.4 Volume 4, "New Order - Single"; Volume 6 for the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.domain.order import OrderRefusal
from engine.fix.standard.tags import Tag
from engine.fix.wire.message import Message

NOTED_MAX: Final = 64
"""Most terms that are noted of one order, and most characters of one value."""


class Effect(StrEnum):
    honoured = "honoured"
    refused = "refused"
    noted = "noted"


@dataclass(frozen=True, slots=True)
class Term:
    """What one or more fields do, in words; `taken` are values of a refused one that ask for nothing else."""

    tags: tuple[int, ...]
    effect: Effect
    words: str
    taken: frozenset[str] = frozenset()
    code: OrderRefusal = OrderRefusal.unsupported

    @property
    def is_taken_as(self) -> str:
        return ", ".join(sorted(self.taken))


def _honoured(tags: str, words: str) -> Term:
    return Term(_tags(tags), Effect.honoured, words)


def _refused(tags: str, words: str, taken: str = "", code: OrderRefusal = OrderRefusal.unsupported) -> Term:
    return Term(_tags(tags), Effect.refused, words, frozenset(taken.split()), code)


def _noted(tags: str, words: str) -> Term:
    return Term(_tags(tags), Effect.noted, words)


def _tags(text: str) -> tuple[int, ...]:
    return tuple(int(tag) for tag in text.split())


ROWS: Final[tuple[Term, ...]] = (
    _honoured("11", "the order's name on its session for the day; used twice: 103=6"),
    _honoured("1", "the order's account: limits and kill switches go by it"),
    _honoured("48 22 454 455 456", "the bond, by ISIN or CUSIP; unknown, or two bonds by two names: 103=1"),
    _honoured("54", "1 buys, 2 sells; other sides with a direction: 103=11, without one: j"),
    _honoured(
        "38", "face amount, or bonds of 1,000 where the session says so; missing, not above 0 or not whole: 103=13"
    ),
    _honoured("40", "1 market, 2 limit; others: 103=11"),
    _honoured("44 423", "the limit, in percent of par; missing, not above 0: 103=99; another PriceType(423): 103=11"),
    _honoured("59 126 432", "day, IOC, FOK, or GTD until ExpireTime(126) or ExpireDate(432); others: 103=11"),
    _honoured("21", "3: no rule acts on it; others than 1, 2, 3: 103=11"),
    _honoured("15", "the bond's currency; another one: 103=99"),
    _honoured("60", "older than rfq.stale_order_s: no rule acts on it"),
    _honoured(
        "63 64",
        "asked of the dealers and said on the 8s; 64 goes before 63; 63 = 0 regular, 1 today, 2 to 5 and 9 T+1 to T+5, "
        "6 with 64; a day that is over or no business day, 7, 8 and others: 103=11",
    ),
    _honoured("120", "the bond's currency; another one: 103=11"),
    _honoured("168", "a time that has come; a later one: 103=11"),
    _refused("99", "stop orders"),
    _refused("111 210 1138", "showing a part only: dealers are asked for what is left of the order"),
    _refused("110", "a least quantity: FOK is all or nothing", taken="0"),
    _refused(
        "152 516 468 469", "amounts of money and percentages: OrderQty(38) alone", code=OrderRefusal.incorrect_quantity
    ),
    _refused("18", "instructions that would change how it is executed", taken="1 5 B E F"),
    _refused("854", "38 in contracts or units of measure", taken="0"),
    _refused("218", "a limit by spread: Price(44) in percent of par alone"),
    _refused("236", "a limit by yield: Price(44) in percent of par alone; noted where that stands beside it"),
    _refused("211 835 836 837 838 840", "pegged prices"),
    _refused("388 389 841 842 843 844 846", "discretion over the price"),
    _refused("847 848 849", "algorithms"),
    _refused("192 193 640", "a second leg"),
    _refused("100", "a place of execution: whom to ask is the desk's recommendation"),
    _refused("117", "a quote to be taken: the desk asks for its own"),
    _refused("386 336 625", "trading sessions: the order is worked from its receipt"),
    _refused("121", "foreign exchange beside the trade", taken="N"),
    _refused("544", "margin", taken="1"),
    _refused("775", "a contract for difference or a swap", taken="0"),
    _refused("81", "step-outs and soft dollars", taken="0"),
    _refused("232 233 234", "stipulations: no dealer is told of them"),
    _refused("239 226 227 788 898 913 914 915 916 917 918 919", "repurchase and financing terms"),
    _refused("201 202 206 231 947 667", "options and futures"),
    _refused("1089 1090", "a matching engine's terms"),
    _honoured(
        "453 448 447 452 802 523 803",
        "parties of ours are noted; one that says with whom, over whom or where to clear (PartyRole(452) 1, 2, 4, 10, "
        "12, 14, 15, 16, 17, 18, 21, 28, 35, 37): 103=11",
    ),
    _noted("65", "kept as it is; WI (when issued): 103=11"),
    _noted("55", "bonds are told apart by 48"),
    _noted(
        "460 461 167 762 200 541 224 225 228 255 543 470 471 472 240 223 207 106 348 349 107 350 351 691 875 876 864 "
        "865 866 867 868 873 874 140 965 969 996 1079 1145 1151 1191 1227",
        "what the master says of the bond of 48 holds",
    ),
    _noted("220 221 222 662 663 699 761 235 701 696 697 698", "what a benchmark or a yield is reckoned by, beside 44"),
    _noted(
        "70 78 79 80 661 736 467 539 524 525 538 804 545 805 591",
        "what is filled is allocated by the order system, not here",
    ),
    _noted("660 581 589 590 427 528 529 582 77 203 635 12 13 479 497 480 481 513 494", "books and regulation of yours"),
    _noted("526 583 229 75 23 376 377 114 1080 1081 1091", "references and marks of yours"),
    _noted("58 354 355", "shown to the trader, no dealer sees it"),
)

TERMS: Final[Mapping[int, Term]] = {tag: row for row in ROWS for tag in row.tags}

_HEADER: Final = frozenset(
    {8, 9, 10, 34, 35, 43, 49, 50, 52, 56, 57, 89, 90, 91, 93, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145}
    | {212, 213, 347, 369, 370, 627, 628, 629, 630, 1128, 1129, 1156}
)
_SILENT: Final = _HEADER | {tag for tag, row in TERMS.items() if row.effect is Effect.honoured} | {55}
"""Read by the flow itself, or no more than a place that has to be filled."""

_ELSEWHERE: Final = frozenset({"1", "2", "4", "10", "12", "14", "15", "16", "17", "18", "21", "28", "35", "37"})
"""PartyRole(452) of who would have to trade, lend, clear or keep the bond."""
_WHEN_ISSUED: Final = "WI"


def refusal(message: Message) -> tuple[OrderRefusal, str] | None:
    """The first term that nobody here could keep, in the order of the message, and a text that names it."""
    for tag in message.members:
        if tag in _SILENT:
            continue
        value = message.get(tag) or ""
        term = TERMS.get(tag)
        if tag == 65 and value == _WHEN_ISSUED:
            return OrderRefusal.unsupported, "SymbolSfx(65)=WI: when issued is not taken"
        if term is None or term.effect is not Effect.refused or _asks_nothing(tag, value, term, message):
            continue
        expected = f": expected {term.is_taken_as} or none" if term.taken else ""
        return term.code, f"{_named(tag, value)} is not taken{expected}: {term.words}"
    for party in message.groups(453):
        if party.get(452) in _ELSEWHERE:
            role = f"{_named(452, party.get(452) or '')} {_named(448, party.get(448) or '')}"
            return OrderRefusal.unsupported, f"{role} in Parties(453) is not taken: whom to ask is the desk's to say"
    return None


def noted(message: Message) -> tuple[str, ...]:
    """Terms that change nothing here, as `Tag(number)=value`, parties last; tags that nobody defined among them."""
    return tuple(_noted_of(message))[:NOTED_MAX]


def _noted_of(message: Message) -> Iterator[str]:
    for tag in message.members:
        names_the_order = tag == 41 and message.msg_type == "G"
        if tag not in _SILENT and not names_the_order and (value := message.get(tag)):
            yield _named(tag, value)
    if message.get(40) == "1" and (price := message.get(44)):
        yield f"{_named(44, price)} on a market order"
    for party in message.groups(453):
        yield f"{_named(452, party.get(452) or '')} {_named(448, party.get(448) or '')}"


def _asks_nothing(tag: int, value: str, term: Term, message: Message) -> bool:
    """Does a refused term ask for no more than what is done anyway?"""
    if tag == 236:
        return message.get(40) == "2" and bool(message.get(44))
    if tag == 18:
        # All or none is what FOK says.
        given = {each for each in value.split() if not (each == "G" and message.get(59) == "4")}
        return given <= term.taken
    if tag == 110 and _is_zero(value):
        return True
    return value in term.taken


def _is_zero(value: str) -> bool:
    return bool(value) and not value.strip("0.")


def _named(tag: int, value: str) -> str:
    value = value if len(value) <= NOTED_MAX else f"{value[:NOTED_MAX]}..."
    try:
        return f"{Tag(tag).name}({tag})={value}"
    except ValueError:
        return f"{tag}={value}"
