"""The type of a catalogue: what a rule book may speak of.

The rule language knows no field by itself. Whoever compiles a book hands in a `Catalogue`: the name, other words,
kind, meaning and getter of every field of an order and of a dealer, and the metrics that dealers may be ranked by.
Checker, evaluator and `fields_listing` all read this one value.

A getter returns None for what is unknown. A field with a window is read as `getter(subject, days)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

CHOICES_LISTED_MAX: Final = 8
"""Where a field has more values, none is listed."""


class Kind(StrEnum):
    """What a value is; only values of one kind can be compared.

    What a getter returns, apart from None for unknown:
    BOOL bool · NUMBER, PRICE int, float or Decimal · MONEY the same, in base currency · RATING `Rating` or `NR`
    · TEXT str · SET_OF_TEXT a set, frozenset or tuple of str · DAYS and YEARS numbers, infinity for "never"
    · PERCENT percent points (5.25 for a coupon of 5.25 %) · RATE a fraction (0.6 for 60 %) · BPS basis points
    · SECONDS seconds · DATE datetime.date · TIME seconds after midnight · RATIO one amount divided by another.
    """

    BOOL = "bool"
    NUMBER = "number"
    MONEY = "money"
    RATING = "rating"
    TEXT = "text"
    SET_OF_TEXT = "set_of_text"
    DAYS = "days"
    YEARS = "years"
    PERCENT = "percent"
    RATE = "rate"
    BPS = "bps"
    SECONDS = "seconds"
    PRICE = "price"
    DATE = "date"
    TIME = "time"
    RATIO = "ratio"

    @property
    def phrase(self) -> str:
        """How a message names the kind, with an example."""
        return _PHRASES[self]

    @property
    def unit(self) -> str:
        """What one of it counts, as a rule may write it; empty where it counts nothing."""
        return _UNITS.get(self, "")


_UNITS: Final[Mapping[Kind, str]] = {
    Kind.MONEY: "k, mm, bn",
    Kind.DAYS: "d",
    Kind.YEARS: "y",
    Kind.PERCENT: "%",
    Kind.RATE: "%",
    Kind.BPS: "bp",
    Kind.SECONDS: "s, min",
    Kind.PRICE: "% of par",
    Kind.RATIO: "%",
}
_PHRASES: Final[Mapping[Kind, str]] = {
    Kind.BOOL: "a condition",
    Kind.NUMBER: "a number",
    Kind.MONEY: "an amount (such as 5mm)",
    Kind.RATING: "a rating (such as BBB)",
    Kind.TEXT: "a word",
    Kind.SET_OF_TEXT: "a set of words",
    Kind.DAYS: "a number of days (such as 7d)",
    Kind.YEARS: "a number of years (such as 10y)",
    Kind.PERCENT: "a percentage (such as 5.25%)",
    Kind.RATE: "a rate (such as 60%)",
    Kind.BPS: "basis points (such as 25bp)",
    Kind.SECONDS: "a time span (such as 20s)",
    Kind.PRICE: "a price",
    Kind.DATE: "a date (such as 2030-06-15)",
    Kind.TIME: "a time of day (such as 15:30)",
    Kind.RATIO: "a ratio (such as 2 or 20%)",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a rule can ask about.

    `getter(subject)`, or `getter(subject, window_days)` if `windowed`, returns the value or None for
    unknown. `choices`, where given, are all the words a TEXT or SET_OF_TEXT field can hold. `synonyms` are other
    words for it. `windows_days`, where given, are the only windows over which it is ever known. `unknown_because` says
    why it can only be unknown where this book is to run (nobody delivers what it is made of); empty: it can be known.

    `bare(subject)`, where given, is what a windowed field means without a window: `edge(90d)` is what was seen in 90
    days, `edge` what is expected now. Where a window stands already, as in `tiers ... over 90d`, the word means that.
    """

    name: str
    kind: Kind
    getter: Callable[..., Any]
    doc: str
    windowed: bool = False
    choices: tuple[str, ...] | None = None
    synonyms: tuple[str, ...] = ()
    windows_days: tuple[int, ...] | None = None
    unknown_because: str = ""
    bare: Callable[[Any], Any] | None = None


def _told_by_the_ranking(subject: Any) -> None:
    """No getter: whoever ranks tells these."""


RANK: Final = Field(
    "rank",
    Kind.NUMBER,
    _told_by_the_ranking,
    "place in the ranking, 1 is the best; in 'tiers' and in 'where' behind an ask",
)
RANKED: Final = Field("ranked", Kind.NUMBER, _told_by_the_ranking, "how many dealers are ranked; where 'rank' is known")
SCORE: Final = Field("score", Kind.NUMBER, _told_by_the_ranking, "what it scores in the ranking; where 'rank' is known")
TIER: Final = Field("tier", Kind.NUMBER, _told_by_the_ranking, "its tier; in 'where' behind an ask")
OF_RANKING: Final[Mapping[str, Field]] = {each.name: each for each in (RANK, RANKED, SCORE, TIER)}
"""What comes of ranking dealers: the language knows these itself, and where a ranking cannot be known yet."""


TOLD_TO_TIERS: Final = (RANK, RANKED, SCORE)
"""What a line of `tiers` is told of a dealer, in this order."""

TOLD_TO_WHERE: Final = (RANK, RANKED, SCORE, TIER)
"""The same for a `where` behind an ask."""


def named(fields: Mapping[str, Field], word: str) -> Field | None:
    """The field that a word means: by its name, or by another word for it."""
    found = fields.get(word)
    return found if found is not None else next((each for each in fields.values() if word in each.synonyms), None)


def words_of(fields: Mapping[str, Field]) -> list[str]:
    """Every word that means one of the fields."""
    return [word for name, each in fields.items() for word in (name, *each.synonyms)]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything a book may name.

    `metrics` can be weighted in `rank by`; `scorers` stand there alone. `dealers`, where given, are the
    names that `never ask {...}` and `ask everyone in {...}` may list. `rate(subject, currency)` is the
    worth of one unit of `currency` in base currency, or None if it is not known; without it a book may
    name amounts in the base currency only. `currency_problem` says what was expected in place of a code
    that is no currency, empty for one that is.
    """

    order_fields: Mapping[str, Field]
    dealer_fields: Mapping[str, Field]
    metrics: Mapping[str, Field]
    scorers: frozenset[str]
    dealers: frozenset[str] | None = None
    base_currency: str = "USD"
    rate: Callable[[Any, str], Decimal | float | None] | None = None
    currency_problem: Callable[[str], str] | None = None

    def __post_init__(self) -> None:
        for fields in (self.order_fields, self.dealer_fields, self.metrics):
            words = words_of(fields)
            twice = sorted({word for word in words if words.count(word) > 1})
            if twice:
                raise ValueError(f"{', '.join(twice)}: one word for two things")


def fields_listing(catalogue: Catalogue) -> tuple[str, ...]:
    """One line per field and metric, for people: name, kind, meaning."""
    lines: list[str] = []
    for heading, fields in (("order", catalogue.order_fields), ("dealer", catalogue.dealer_fields)):
        lines.append(f"fields of the {heading}")
        for name in sorted(fields):
            entry = fields[name]
            shown = f"{name}(30d)" if entry.windowed else name
            few = entry.choices is not None and len(entry.choices) <= CHOICES_LISTED_MAX
            choices = f" One of: {', '.join(entry.choices or ())}." if few else ""
            lines.append(f"  {shown:<24} {entry.kind.value:<12} {entry.doc}{choices}")
    lines.append("metrics for 'rank by'")
    lines.extend(f"  {name}" for name in sorted([*catalogue.scorers, *words_of(catalogue.metrics)]))
    return tuple(lines)
