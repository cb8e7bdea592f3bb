"""The tree the parser builds: what was written, before anyone asks whether it makes sense.

A bare word may be a field, a define, a rating or a plain word such as `sell`; only the checker, which has the
catalogue, can tell. Every node has the span that messages point at.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.rules.plan import Mode, Send, ToleranceUnit
from engine.rules.source import Source, Span


class Unit(StrEnum):
    """What a written number counts. Amounts are already multiplied out: `5mm` is 5,000,000."""

    NONE = ""
    AMOUNT = "amount"
    PERCENT = "%"
    BP = "bp"
    CENTS = "cents"
    SECONDS = "s"
    DAYS = "d"
    YEARS = "y"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit; SECONDS for everything shorter than a day."""

    span: Span
    value: Decimal
    unit: Unit
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """`notional`, `sell`, `BBB flat`, or `adv(30d)` with a window."""

    span: Span
    text: str
    window: Quantity | None = None
    flat: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class DateValue:
    span: Span
    value: datetime.date


@dataclass(frozen=True, slots=True)
class TimeValue:
    """A time of day in seconds after midnight."""

    span: Span
    value: int


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    span: Span
    value: bool


@dataclass(frozen=True, slots=True)
class PercentOf:
    """`10% of adv(30d)`."""

    span: Span
    percent: Quantity
    operand: Expr


@dataclass(frozen=True, slots=True)
class Negative:
    span: Span
    operand: Expr


@dataclass(frozen=True, slots=True)
class Chain:
    """`a + b - c` or `a * b / c`: the operator before each operand after the first."""

    span: Span
    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`==`, `!=`, `<`, `<=`, `>`, `>=` between two values."""

    span: Span
    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Between:
    """`x between a and b`, ends included."""

    span: Span
    operand: Expr
    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class Member:
    """`x in {a, b}` and `x not in {a, b}`."""

    span: Span
    operand: Expr
    items: tuple[Expr, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Has:
    """`specialty has municipal`."""

    span: Span
    operand: Expr
    item: Expr


@dataclass(frozen=True, slots=True)
class State:
    """`x is known`, `x is unknown`, `x is NR`, and their negations."""

    span: Span
    operand: Expr
    state: str
    negated: bool


@dataclass(frozen=True, slots=True)
class TopRank:
    """`rank in top 20%` or `rank in top 10`."""

    span: Span
    operand: Expr
    size: Quantity


@dataclass(frozen=True, slots=True)
class Not:
    span: Span
    operand: Expr


@dataclass(frozen=True, slots=True)
class Logic:
    """Two or more conditions joined by the same word, `and` or `or`."""

    span: Span
    word: str
    operands: tuple[Expr, ...]


Expr = (
    Quantity
    | Word
    | Text
    | DateValue
    | TimeValue
    | Truth
    | PercentOf
    | Negative
    | Chain
    | Comparison
    | Between
    | Member
    | Has
    | State
    | TopRank
    | Not
    | Logic
)


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions right below one."""
    match expr:
        case PercentOf(operand=operand) | Negative(operand=operand) | Not(operand=operand):
            return (operand,)
        case State(operand=operand) | TopRank(operand=operand):
            return (operand,)
        case Chain(first=first, rest=rest):
            return (first, *(operand for _, operand in rest))
        case Comparison(left=left, right=right):
            return (left, right)
        case Between(operand=operand, low=low, high=high):
            return (operand, low, high)
        case Member(operand=operand, items=items):
            return (operand, *items)
        case Has(operand=operand, item=item):
            return (operand, item)
        case Logic(operands=operands):
            return operands
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Name:
    """A name as written, with its place: a block's, a dealer's, a metric's."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class When:
    span: Span
    condition: Expr


@dataclass(frozen=True, slots=True)
class Consider:
    """`consider dealers where ...`, or the `where` that trails an `ask` and binds to its whole list."""

    span: Span
    condition: Expr
    trailing: bool = False


@dataclass(frozen=True, slots=True)
class RankBy:
    """Either a scorer or weighted metrics; `window` if the rule names one."""

    span: Span
    scorer: Name | None
    weights: tuple[tuple[Quantity, Name], ...]
    window: Quantity | None


@dataclass(frozen=True, slots=True)
class TierShare:
    """`all of tier 1` (no count) or `top 2 of tier 2`."""

    span: Span
    count: int | None
    tier: int


@dataclass(frozen=True, slots=True)
class AskClause:
    """One of: `top` so many, `everything`, shares of tiers, named dealers, at most so many as `panel` or `sequence`."""

    span: Span
    top: int | None = None
    panel: int | None = None
    sequence: int | None = None
    everything: bool = False
    shares: tuple[TierShare, ...] = ()
    names: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Never:
    span: Span
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class ExploreNever:
    """`explore never`: no dealer is ever drawn in or out."""

    span: Span


@dataclass(frozen=True, slots=True)
class ModeClause:
    """`in parallel`, `stagger 5s`, `one at a time`; seconds with the second only."""

    span: Span
    mode: Mode
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    span: Span
    seconds: float


@dataclass(frozen=True, slots=True)
class AtMost:
    span: Span
    count: int


@dataclass(frozen=True, slots=True)
class Within:
    """A tolerance as written."""

    span: Span
    value: Decimal
    unit: ToleranceUnit


@dataclass(frozen=True, slots=True)
class Accept:
    span: Span
    within: Within


@dataclass(frozen=True, slots=True)
class SendClause:
    span: Span
    send: Send


@dataclass(frozen=True, slots=True)
class ExecuteClause:
    """`within` is None for `execute by trader`."""

    span: Span
    within: Within | None = None
    quotes_min: int = 1
    else_ask_trader: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A clause whose words are known and whose work is not available yet."""

    span: Span
    what: str


Clause = (
    When
    | Consider
    | RankBy
    | AskClause
    | Never
    | ExploreNever
    | ModeClause
    | Wait
    | AtMost
    | Accept
    | SendClause
    | ExecuteClause
    | Planned
)


@dataclass(frozen=True, slots=True)
class Define:
    """`define block as notional >= 10mm`."""

    source: Source
    span: Span
    name: Name
    body: Expr


@dataclass(frozen=True, slots=True)
class TierLine:
    """`tier 1 when rank in top 20%`."""

    span: Span
    number: int
    condition: Expr


@dataclass(frozen=True, slots=True)
class Tiers:
    """`tiers for ... by ...` and its lines; `broken` if a part could not be read."""

    source: Source
    span: Span
    condition: Expr | None
    ranking: RankBy | None
    lines: tuple[TierLine, ...]
    broken: bool


@dataclass(frozen=True, slots=True)
class RuleBlock:
    """`rule` or `protect` with its clauses as written; `broken` if one of them could not be read."""

    source: Source
    span: Span
    name: Name
    protect: bool
    clauses: tuple[Clause, ...]
    broken: bool


Block = Define | Tiers | RuleBlock
