"""From a TOML table to a frozen dataclass, with every mistake of the file named at once.

The dataclass is the schema: its annotations say what a key's value must be, `setting(...)` adds bounds and
checks. `Reading` collects the problems of one file; each is one line, `file: table.key: what is wrong`.
Nothing here opens a file: texts come in, values and problems come out.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import json
import re
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from engine.errors import ConfigError

T = TypeVar("T")

DERIVED: Final = "derived"
BOUNDS: Final = "bounds"
LABELS: Final = ("key", "id", "actor", "name", "kind")
"""The keys that name an entry of an array of tables, for messages: `session[oms]`."""
STANDS_FOR: Final = "STANDS_FOR"
"""A class variable of a table's dataclass: the one key that a plain text in the table's place is the value of."""
_LABEL: Final = re.compile(r"\[[^\]]*\]")

Check = Callable[[Any], str | None]
"""Given a value of the right type, says what was expected instead, or None."""


class ConfigProblems(ConfigError):
    """One or more mistakes in the configuration; `problems` has them as lines, in file order."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a key's value must keep to besides its type."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    empty: bool = False
    check: Check | None = None

    def describe(self, kind: str) -> str:
        """`a whole number from 1 to 9`: for the expected part of a message."""
        if self.at_least is not None and self.at_most is not None:
            return f"{kind} from {self.at_least} to {self.at_most}"
        if self.above is not None and self.at_most is not None:
            return f"{kind} above {self.above} and at most {self.at_most}"
        if self.at_least is not None:
            return f"{kind} of at least {self.at_least}"
        if self.above is not None:
            return f"{kind} above {self.above}"
        return kind

    def hold(self, number: float | Decimal) -> bool:
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
            and (self.above is None or number > self.above)
        )


def setting(
    default: Any = MISSING,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    empty: bool = False,
    check: Check | None = None,
) -> Any:
    """A key of a table: required without a `default`, bounded as said."""
    bounds = Bounds(at_least, at_most, above, empty, check)
    return dataclasses.field(default=default, metadata={BOUNDS: bounds})


def derived(default: Any, *, secret: bool = False) -> Any:
    """A field that the loader fills in: no key of the file. A secret stays out of `repr`."""
    return dataclasses.field(default=default, repr=not secret, metadata={DERIVED: True})


class Reading:
    """One file being read: its name for messages, its folder for relative paths, its tables, its problems."""

    __slots__ = ("folder", "name", "problems", "tables")

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.tables: dict[str, Any] = {}
        """What `parse` found."""
        self.problems: list[str] = []

    def problem(self, where: str, text: str) -> None:
        self.problems.append(f"{self.name}: {where}: {text}" if where else f"{self.name}: {text}")

    def parse(self, text: str) -> dict[str, Any]:
        """The file as TOML; a syntax error is a problem and gives an empty table."""
        try:
            # Decimal, so that 0.1 in the file is 0.1 in a limit.
            self.tables = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            message, _, place = str(error).partition(" (at ")
            self.problem(place.rstrip(")"), message[:1].lower() + message[1:])
        return self.tables

    def table(self, cls: type[T], raw: Mapping[str, Any], where: str = "") -> T | None:
        """`raw` as a `cls`; None when a key of it is wrong (the problems say which)."""
        hints = typing.get_type_hints(cls)
        fields = {
            field.name: field
            for field in dataclasses.fields(cls)  # type: ignore[arg-type]
            if DERIVED not in field.metadata
        }
        before = len(self.problems)
        values: dict[str, Any] = {}
        refused: Mapping[str, str] = getattr(cls, "REFUSED", {})
        for name, value in raw.items():
            path = f"{where}.{name}" if where else name
            if name in refused:
                self.problem(path, refused[name])
            elif name not in fields:
                self.problem(path, _unknown(name, value, tuple(fields)))
            else:
                bounds = fields[name].metadata.get(BOUNDS, Bounds())
                values[name] = self._value(hints[name], bounds, value, path)
        for name, field in fields.items():
            if name not in raw and field.default is MISSING and field.default_factory is MISSING:
                path = f"{where}.{name}" if where else name
                self.problem(path, f"missing: expected {_expected(hints[name], field.metadata.get(BOUNDS, Bounds()))}")
        return cls(**values) if len(self.problems) == before else None

    def _value(self, kind: Any, bounds: Bounds, value: Any, where: str) -> Any:
        """`value` as `kind`; None after a problem."""
        kind = _without_none(kind)
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            if isinstance(value, dict):
                return self.table(kind, value, where)
            if isinstance(value, str) and (name := getattr(kind, STANDS_FOR, None)) is not None:
                return self._short(kind, name, value, where)
            return self._wrong(where, f"a table [{_as_written(where)}]{_or_text(kind)}", value)
        if typing.get_origin(kind) is tuple:
            return self._list(typing.get_args(kind)[0], bounds, value, where)
        return self._scalar(kind, bounds, value, where)

    def _list(self, kind: Any, bounds: Bounds, value: Any, where: str) -> Any:
        tables = dataclasses.is_dataclass(kind)
        if isinstance(value, str) and hasattr(kind, STANDS_FOR):
            one = self._value(kind, bounds, value, where)
            return None if one is None else (one,)
        if not isinstance(value, list):
            expected = (
                f"tables [[{_as_written(where)}]]{_or_text(kind)}"
                if tables
                else f"a list of which each is {_expected(kind, bounds)}"
            )
            return self._wrong(where, expected, value)
        return tuple(self._value(kind, bounds, item, f"{where}[{_label(item, n)}]") for n, item in enumerate(value, 1))

    def _short(self, kind: Any, name: str, value: str, where: str) -> Any:
        """A table of which the file has one key's value alone."""
        bounds = next(field for field in dataclasses.fields(kind) if field.name == name).metadata.get(BOUNDS, Bounds())
        text = self._value(typing.get_type_hints(kind)[name], bounds, value, where)
        return None if text is None else kind(**{name: text})

    def _scalar(self, kind: Any, bounds: Bounds, value: Any, where: str) -> Any:
        converted = _converted(kind, value)
        if converted is None or (isinstance(converted, int | float | Decimal) and not bounds.hold(converted)):
            return self._wrong(where, _expected(kind, bounds), value)
        if kind is str and not converted and not bounds.empty:
            return self._wrong(where, "a text that is not empty", value)
        if bounds.check is not None and (expected := bounds.check(converted)) is not None:
            return self._wrong(where, expected, value)
        # Every path of a file is relative to the file's folder, wherever the daemon was started.
        return self.folder / converted if kind is Path else converted

    def _wrong(self, where: str, expected: str, value: Any) -> None:
        self.problem(where, f"expected {expected}, found {_found(value)}")


def matches(pattern: str, expected: str) -> Check:
    """A check that the whole text matches a regular expression; `expected` says it in words."""
    compiled = re.compile(pattern)
    return lambda text: None if compiled.fullmatch(text) else expected


def suggestion(name: str, known: tuple[str, ...]) -> str:
    """` (did you mean 'x'?)`, or the known names when nothing is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f" (did you mean '{near[0]}'?)"
    return f" (known: {', '.join(known)})" if known else ""


def _unknown(name: str, value: Any, known: tuple[str, ...]) -> str:
    is_table = isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict))
    return f"unknown {'table' if is_table else 'key'}{suggestion(name, known)}"


def _without_none(kind: Any) -> Any:
    """`X` of `X | None`: a key that is absent is None, TOML itself has no null."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return next(part for part in typing.get_args(kind) if part is not types.NoneType)
    return kind


def _converted(kind: Any, value: Any) -> Any:
    """`value` as `kind`, or None if it is none. Truth values are no numbers."""
    if kind is bool:
        return value if isinstance(value, bool) else None
    if kind is int:
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    if kind in (float, Decimal):
        if not isinstance(value, int | Decimal) or isinstance(value, bool) or not Decimal(value).is_finite():
            return None
        return kind(value)
    if kind is datetime.datetime:
        return value if isinstance(value, datetime.datetime) and value.tzinfo is not None else None
    if kind is datetime.date:
        return value if type(value) is datetime.date else None
    if not isinstance(value, str) or not (value.isprintable()):
        return None
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value) if value in tuple(kind) else None
    return Path(value) if kind is Path and value else value if kind is str else None


def _expected(kind: Any, bounds: Bounds) -> str:
    kind = _without_none(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "one of " + ", ".join(f"'{member}'" for member in kind)
    words: dict[Any, str] = {
        bool: "true or false",
        int: bounds.describe("a whole number"),
        float: bounds.describe("a number"),
        Decimal: bounds.describe("a number"),
        datetime.datetime: "a date and time with an offset, as in 2026-01-05T14:30:00Z",
        datetime.date: "a date, as in 2026-01-05",
        Path: "a path",
        str: "a text",
    }
    if typing.get_origin(kind) is tuple:
        return "a list"
    return words.get(kind, "a table")


def _or_text(kind: Any) -> str:
    return ", or a text" if hasattr(kind, STANDS_FOR) else ""


def _found(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {json.dumps(value, ensure_ascii=False)}" if value else "an empty text"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a table"
    return str(value)


def _as_written(where: str) -> str:
    """The name of a table in a file, where no entry of a list has its label: `session.schedule`."""
    return _LABEL.sub("", where)


def _label(item: Any, number: int) -> str:
    """How messages call an entry: by its own name where it has one, else by its place from 1."""
    if isinstance(item, dict):
        for name in LABELS:
            if isinstance(item.get(name), str) and item[name]:
                return str(item[name])
    return str(number)
