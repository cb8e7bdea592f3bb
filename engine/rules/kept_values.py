"""Values that a decision read, as plain scalars for a journal, and back.

What a rule read is kept rather than what is said of it: a `Book` of the same text makes the same words of it again.
A whole number stays one, a Decimal becomes its text, an endless number the word `inf`; a set its words, one a line.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from engine.rules.rating import NR, NotRated, Rating, parse
from engine.rules.resolved import Slot
from engine.rules.signature import Kind

Kept = str | int | float | bool | None

_WORD_PER_LINE: Final = "\n"


def kept(values: Iterable[Any]) -> tuple[Kept, ...]:
    """Values as they are kept: some 0.1 us each."""
    return tuple([value if type(value) in _AS_THEY_ARE else _kept(value) for value in values])


def read_back(slots: Sequence[Slot], found: Mapping[str, Kept]) -> tuple[Any, ...]:
    """The values of a layout from what was kept by name; what was not kept is unknown."""
    return tuple(value_of(found.get(slot.shown), slot.field.kind) for slot in slots)


def value_of(found: Kept, kind: Kind) -> Any:
    """One value from what was kept of it."""
    if not isinstance(found, str) or kind is Kind.TEXT:
        return found
    match kind:
        case Kind.RATING:
            return parse(found)
        case Kind.DATE:
            return datetime.date.fromisoformat(found)
        case Kind.SET_OF_TEXT:
            return tuple(found.split(_WORD_PER_LINE)) if found else ()
    return float(found) if found in ("inf", "-inf") else Decimal(found)


def _kept(value: Any) -> Kept:
    keep = _KEEPERS.get(type(value))
    if keep is not None:
        return keep(value)
    return _WORD_PER_LINE.join(sorted(value)) if isinstance(value, frozenset | set | tuple) else str(value)


def _kept_float(value: float) -> Kept:
    return value if math.isfinite(value) else str(value)


_AS_THEY_ARE: Final = frozenset({str, int, bool, type(None)})
_RATING_TEXTS: Final = {rating: rating.text for rating in Rating}
_KEEPERS: Final[Mapping[type, Callable[[Any], Kept]]] = {
    float: _kept_float,
    Decimal: str,
    Rating: _RATING_TEXTS.__getitem__,
    NotRated: lambda value: NR.value,
    datetime.date: datetime.date.isoformat,
}
