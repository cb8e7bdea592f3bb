"""The catalogue the tests of the rule language speak of: subjects are plain mappings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.rules import Book, Catalogue, Field, Kind, Source, compile_book

Subject = Mapping[str, Any]

DEFAULT = 'rule "everything else" when true ask top 3\n'


def getter(name: str) -> Callable[[Subject], Any]:
    return lambda subject: subject.get(name)


def windowed(name: str) -> Callable[[Subject, int], Any]:
    return lambda subject, days: subject.get(f"{name}({days}d)")


def plain(name: str, kind: Kind, choices: tuple[str, ...] | None = None) -> Field:
    return Field(name, kind, getter(name), f"the {name}", choices=choices)


ORDER_FIELDS = [
    plain("side", Kind.TEXT, ("buy", "sell")),
    plain("quantity", Kind.NUMBER),
    plain("notional", Kind.MONEY),
    plain("market_value", Kind.MONEY),
    plain("currency", Kind.TEXT),
    plain("asset_class", Kind.TEXT, ("corporate", "municipal", "government", "agency", "other")),
    plain("sector", Kind.TEXT),
    plain("issuer", Kind.TEXT),
    plain("rating", Kind.RATING),
    plain("other_rating", Kind.RATING),
    plain("coupon", Kind.PERCENT),
    plain("maturity", Kind.DATE),
    plain("years_to_maturity", Kind.YEARS),
    plain("days_since_trade", Kind.DAYS),
    Field("adv", Kind.MONEY, windowed("adv"), "average daily volume", windowed=True),
    Field("volume", Kind.MONEY, windowed("volume"), "volume of two windows", windowed=True, windows_days=(5, 30)),
    plain("liquidity_score", Kind.NUMBER),
    plain("expected_impact", Kind.BPS),
    plain("fair", Kind.PRICE),
    plain("time", Kind.TIME),
    plain("account", Kind.TEXT),
    plain("trader", Kind.TEXT),
    plain("callable", Kind.BOOL),
]

DEALER_FIELDS = [
    plain("name", Kind.TEXT),
    plain("specialty", Kind.SET_OF_TEXT, ("corporate", "municipal", "high_yield")),
    plain("connected", Kind.BOOL),
    plain("has_axe", Kind.BOOL),
    plain("last_asked", Kind.DAYS),
    Field("asks", Kind.NUMBER, windowed("asks"), "RFQs sent", windowed=True),
    Field("hit_rate", Kind.RATE, windowed("hit_rate"), "trades / executable quotes", windowed=True),
    Field(
        "leakage", Kind.BPS, windowed("leakage"), "price move after execution", windowed=True, synonyms=("reversion",)
    ),
    Field("edge", Kind.BPS, windowed("edge"), "against the mid", windowed=True, bare=getter("edge")),
    Field("response_time", Kind.SECONDS, windowed("response_time"), "to a firm quote", windowed=True),
    Field("quoted_issuer", Kind.BOOL, windowed("quoted_issuer"), "quoted this issuer", windowed=True),
    Field("quoted_similar", Kind.BOOL, windowed("quoted_similar"), "quoted a similar bond", windowed=True),
]

METRICS = {
    name: Field(name, kind, windowed(name), f"the {name}", windowed=True, synonyms=synonyms)
    for name, kind, synonyms in (
        ("hit_rate", Kind.RATE, ()),
        ("fill_rate", Kind.RATE, ()),
        ("price_improvement", Kind.BPS, ()),
        ("leakage", Kind.BPS, ("reversion",)),
        ("speed", Kind.SECONDS, ("response_time",)),
    )
}
RATES = {"EUR": 1.25}

CATALOGUE = Catalogue(
    {entry.name: entry for entry in ORDER_FIELDS},
    {entry.name: entry for entry in DEALER_FIELDS},
    METRICS,
    frozenset({"classic", "model"}),
    dealers=frozenset({"ALDER", "BIRCH", "CEDAR", "DOGWOOD", "ELM"}),
    rate=lambda subject, currency: RATES.get(currency),
)

SHIPPED = Path(__file__).parents[2] / "config" / "rules"


def shipped_sources() -> tuple[Source, ...]:
    return tuple(Source(path.name, path.read_text()) for path in sorted(SHIPPED.glob("*.rules")))


def book(*texts: str, default: bool = True, catalogue: Catalogue = CATALOGUE) -> Book:
    """A book of texts, with a rule for everything else behind the last one."""
    sources = [Source(f"{index}.rules", text) for index, text in enumerate(texts)]
    if default:
        sources.append(Source("90-default.rules", DEFAULT))
    return compile_book(sources, catalogue)


def decides(condition: str, order: Subject, *, defines: str = "") -> bool:
    """Whether a rule with this condition takes the order."""
    text = f'{defines}\nrule "tested" when {condition}\n ask top 1'
    return book(text).decide(order).rule.name == "tested"


def protects(condition: str, order: Subject) -> bool:
    """Whether a protection with this condition applies to the order."""
    return bool(book(f'protect "tested" when {condition}\n at most 1 dealers').decide(order).protections)


def considers(condition: str, dealer: Subject) -> bool | None:
    """Whether a dealer is a candidate under this condition."""
    text = f'rule "tested" when side == buy\n consider dealers where {condition}\n ask top 1'
    return book(text).rules[0].consider(dealer)
