"""Parameters of a command: what each may be, and what it is read as.

Whoever sends a command is a person in a hurry or a program: every mistake of one call is named at once, with the
nearest right name. Amounts may be written as traders say them: 500k, 5mm, 1bn, 2,500,000.
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from engine.clock import NS_PER_S
from engine.domain.exchange import pair_of
from engine.errors import CommandError

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
TEXT_LENGTH_MAX: Final = 500
WORDS_MAX: Final = 1_000
ROWS_MAX: Final = 1_000
"""Rows of a delivery; whoever has more calls again."""

_UNITS: Final = {"": Decimal(1), "k": Decimal(1_000), "mm": Decimal(1_000_000), "bn": Decimal(1_000_000_000)}
_AMOUNT_TYPED: Final = re.compile(r"(\d[\d_]*(?:,\d{3})*(?:\.\d+)?) ?(k|mm|bn|)")

Reader = Callable[[Any], Any]
"""What was sent, as a value; raises ValueError saying what is expected."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a parameter may be: `words` for people, `read` for what a program sent, `parse` for what was typed."""

    words: str
    read: Reader
    parse: Callable[[str], Any] = str
    """What is sent for typed text. Raises ValueError saying what is expected."""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: its kind makes the value, `default` stands where it was left out.

    `typed` is how it stands on a command line: `NAME`, `[NAME]`, `NAME...`, `[NAME...]`, `--name WORD`,
    `-n --name WORD`, `--name WORD...` if it may be repeated. Left empty, what is required stands by its name and the
    rest are options.
    """

    name: str
    kind: Kind
    doc: str
    required: bool = False
    default: Any = None
    typed: str = ""

    @property
    def spelling(self) -> str:
        """`typed`, or what follows from the rest."""
        if self.typed:
            return self.typed
        option, word = f"--{self.name.replace('_', '-')}", self.name.upper().replace("_", "-")
        if self.kind is flag:
            return option
        return word if self.required and self.name != "reason" else f"{option} {word}"

    @property
    def flags(self) -> tuple[str, ...]:
        """`-n`, `--name`; empty for what stands by its place."""
        return tuple(word for word in self.spelling.split() if word.startswith("-"))

    @property
    def told(self) -> str:
        """What it is, for whoever types it: an option that is there is true."""
        return self.doc.removeprefix("true: ") if self.kind is flag else f"{self.doc} ({self.kind.words})"

    @property
    def usage(self) -> str:
        """As help shows it."""
        if not self.flags or self.required:
            return self.spelling
        return f"[{self.spelling.removesuffix('...')}]"


def read(command: str, params: Sequence[Param], sent: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a call, defaults filled in. Raises CommandError (code `params`) with everything that is wrong."""
    known = {param.name: param for param in params}
    problems = [f"unknown parameter '{name}'{did_you_mean(name, known)}" for name in sent if name not in known]
    values: dict[str, Any] = {}
    for param in params:
        given = sent.get(param.name)
        if given is None:
            if param.required:
                problems.append(f"missing parameter '{param.name}': {param.doc}")
            values[param.name] = param.default
            continue
        try:
            values[param.name] = param.kind.read(given)
        except ValueError as error:
            problems.append(f"parameter '{param.name}': expected {error}, found {_shown(given)}")
    if problems:
        raise CommandError(f"{command}: {'; '.join(problems)}", code="params")
    return values


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, empty if nothing known is near."""
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold()[:64], folded, n=1, cutoff=0.6)
    return f" (did you mean '{folded[close[0]]}'?)" if close else ""


# --- kinds -------------------------------------------------------------------------------------


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError("text")
    word = given.strip()
    if len(word) > TEXT_LENGTH_MAX or not word.isprintable():
        raise ValueError(f"one line of at most {TEXT_LENGTH_MAX} characters")
    return word


def _flag(given: Any) -> bool:
    if not isinstance(given, bool):
        raise ValueError("true or false")
    return given


def whole(least: int, most: int) -> Kind:
    """A whole number within bounds."""
    words = f"a whole number from {least} to {most}"

    def read_whole(given: Any) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            raise ValueError(words)
        return given

    def parse_whole(typed: str) -> int:
        if not typed.isascii() or not typed.isdigit() or not least <= int(typed) <= most:
            raise ValueError(words)
        return int(typed)

    return Kind(words, read_whole, parse_whole)


def choice(*words: str) -> Kind:
    """One of these words."""

    def read_choice(given: Any) -> str:
        if not isinstance(given, str) or given not in words:
            near = did_you_mean(given, words) if isinstance(given, str) else ""
            raise ValueError(f"one of {', '.join(words)}{near}")
        return given

    return Kind(f"one of {', '.join(words)}", read_choice, choices=words)


def _names(given: Any) -> tuple[str, ...]:
    """A list of words, each once."""
    if not isinstance(given, list) or not given or len(given) > WORDS_MAX:
        raise ValueError("a list of names")
    found = tuple(_text(each) for each in given)
    twice = next((name for at, name in enumerate(found) if name in found[:at]), None)
    if twice is not None:
        raise ValueError(f"each name once ('{twice}' is there twice)")
    return found


def _rows(given: Any) -> tuple[Mapping[str, Any], ...]:
    """A delivery: what each row may hold is for whoever takes it, who refuses rows one by one."""
    if not isinstance(given, list) or not 1 <= len(given) <= ROWS_MAX:
        raise ValueError(f"a list of 1 to {ROWS_MAX} rows")
    odd = next((place for place, each in enumerate(given, 1) if not isinstance(each, dict)), None)
    if odd is not None:
        raise ValueError(f"a list of rows, each an object, which row {odd} is not")
    return tuple(given)


def _amount(given: Any) -> Decimal:
    """Face amount above zero: a whole number, or text such as 5mm. A float is refused: it may not be what was meant."""
    wanted = "an amount above 0 (such as 2500000, '2,500,000' or '5mm')"
    if isinstance(given, int) and not isinstance(given, bool):
        value = Decimal(given)
    elif isinstance(given, str) and (found := _AMOUNT_TYPED.fullmatch(given.strip().casefold())) is not None:
        value = Decimal(found[1].replace(",", "").replace("_", "")) * _UNITS[found[2]]
    else:
        raise ValueError(wanted)
    if not 0 < value < Decimal(10) ** 15:
        raise ValueError(wanted)
    return value.normalize() if value != value.to_integral_value() else value.quantize(Decimal(1))


def _price(given: Any) -> Decimal:
    """A clean price in percent of par."""
    wanted = "a price in percent of par (such as '99.25')"
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise ValueError(wanted)
    try:
        value = Decimal(given)
    except InvalidOperation:
        raise ValueError(wanted) from None
    if not value.is_finite() or not 0 < value < 1000:
        raise ValueError(wanted)
    return value


def _pair(given: Any) -> str:
    return pair_of(given if isinstance(given, str) else "")


def _date(given: Any) -> datetime.date:
    try:
        return datetime.date.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        raise ValueError("a date (such as '2026-11-30')") from None


def _instant(given: Any) -> int:
    """UTC nanoseconds."""
    try:
        found = datetime.datetime.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError("a time with its zone (such as '2026-11-30T15:00:00Z')")
    since = found - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000


def _typed_date(typed: str) -> str:
    """Checked where it is typed: not every command asks a daemon. Sent as it stands."""
    _date(typed)
    return typed


def _natural(typed: str) -> int:
    if not typed.isascii() or not typed.isdigit() or int(typed) < 1:
        raise ValueError("a number from 1")
    return int(typed)


text: Final = Kind("one line of text", _text)
name: Final = Kind("a name", _text)
flag: Final = Kind("true or false", _flag)
names: Final = Kind("a list of names", _names)
rows: Final = Kind(f"a list of 1 to {ROWS_MAX} rows", _rows)
amount: Final = Kind("a face amount in the bond's currency, such as 2500000 or 5mm", _amount)
price: Final = Kind("a clean price in percent of par, such as 99.25", _price)
date: Final = Kind("a UTC day, such as 2026-11-30", _date, _typed_date)
instant: Final = Kind("a time with its zone, such as 2026-11-30T15:00:00Z", _instant)
natural: Final = Kind("a number from 1", _text, _natural)
pair: Final = Kind("a pair of currencies, such as EUR/USD or EURUSD", _pair)
path: Final = Kind("a file or folder", _text, Path)


def _shown(given: Any) -> str:
    words = repr(given)
    return words if len(words) <= 60 else words[:57] + "..."
