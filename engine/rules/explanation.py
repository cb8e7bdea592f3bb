"""Why a rule did or did not apply, worked out when somebody asks.

A decision keeps the values it read and nothing else; this module walks the resolved conditions again over
those values, in three-valued logic, finds the parts that settled the answer and puts them into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from engine.rules.closures import certainly, certainly_not
from engine.rules.resolved import AllOf, AnyOf, Condition, Defined, Fact, Leaf, Opposite, Slot, Values, slots_of
from engine.rules.signature import Kind
from engine.rules.source import Span

PARTS_SHOWN_MAX: Final = 8
DIGITS_SHOWN_MAX: Final = 18


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """What became of one rule, protection or other condition.

    `matched` is the three-valued answer: None is unknown. `values` are the fields that settled it, by the
    name a rule gives them; None among them is unknown.
    """

    name: str
    span: Span
    matched: bool | None
    reason_text: str
    values: tuple[tuple[str, Any], ...]


def judge(condition: Condition, values: Values) -> bool | None:
    """The three-valued truth of a condition."""
    match condition:
        case Defined(body=body):
            return judge(body, values)
        case Opposite(operand=operand):
            answer = judge(operand, values)
            return None if answer is None else not answer
        case AllOf(operands=operands):
            answers = [judge(operand, values) for operand in operands]
            return False if False in answers else None if None in answers else True
        case AnyOf(operands=operands):
            answers = [judge(operand, values) for operand in operands]
            return True if True in answers else None if None in answers else False
    if certainly(condition)(values):
        return True
    return False if certainly_not(condition)(values) else None


def settled_by(condition: Condition, values: Values) -> tuple[Leaf, ...]:
    """The leaves that made the condition what it is: all of a true `and`, the first false one of a false one."""
    answer = judge(condition, values)
    match condition:
        case Defined(body=inner) | Opposite(operand=inner):
            return settled_by(inner, values)
        case AllOf(operands=operands):
            parts, one_settles = operands, answer is not True
        case AnyOf(operands=operands):
            parts, one_settles = operands, answer is True
        case _:
            return (condition,)
    if one_settles:
        parts = tuple(part for part in parts if judge(part, values) is answer)[:1]
    elif answer is None:
        parts = tuple(part for part in parts if judge(part, values) is None)
    return tuple(leaf for part in parts for leaf in settled_by(part, values))


def trace_of(
    name: str, span: Span, condition: Condition, values: Values, slots: Sequence[Slot], *, protect: bool = False
) -> RuleTrace:
    """The trace of one condition; `protect` says what unknown counts as."""
    answer = judge(condition, values)
    leaves = settled_by(condition, values)
    named = tuple(dict.fromkeys(slot for leaf in leaves for slot in slots_of(leaf)))
    texts = tuple(dict.fromkeys(_leaf_text(leaf, values, slots) for leaf in leaves))
    reason = "; ".join(texts[:PARTS_SHOWN_MAX])
    if len(texts) > PARTS_SHOWN_MAX:
        reason += f"; and {len(texts) - PARTS_SHOWN_MAX} more"
    if answer is None:
        reason += " (unknown counts as true)" if protect else " (unknown counts as false)"
    read = tuple((slots[slot].shown, values[slot]) for slot in named)
    return RuleTrace(name, span, answer, reason, read)


def shown_value(value: Any, kind: Kind) -> str:
    """A value as a person reads it."""
    if value is None:
        return "unknown"
    match kind:
        case Kind.BOOL:
            return "true" if value else "false"
        case Kind.RATE:
            return f"{float(value) * 100:.4g}%"
        case Kind.PERCENT:
            return f"{value}%"
        case Kind.TIME:
            minutes = int(value) // 60
            return f"{minutes // 60:02d}:{minutes % 60:02d}"
        case Kind.SET_OF_TEXT:
            return "{" + ", ".join(sorted(str(item) for item in value)) + "}"
    if isinstance(value, Decimal):
        return f"{value:,f}" if abs(value.adjusted()) <= DIGITS_SHOWN_MAX else str(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or kind is Kind.RATING:
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def _leaf_text(leaf: Leaf, values: Values, slots: Sequence[Slot]) -> str:
    """`notional > 5mm: notional is 2,000,000`."""
    if isinstance(leaf, Fact):
        return leaf.text
    read = [f"{slots[slot].shown} is {shown_value(values[slot], slots[slot].field.kind)}" for slot in slots_of(leaf)]
    return f"{leaf.text}: {', '.join(read)}"
