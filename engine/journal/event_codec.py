"""Events to JSON bytes and back, by their type hints: compiled once per class into two plain functions.

What a field may be: str, int, float, bool, bytes (base64), Decimal and date (as text), an Enum (its value), a nested
dataclass, `tuple`, `Mapping`/`dict` (keys str, int or Enum), any of these or None, a union of scalars, and a union of
dataclasses (told apart by a key `~`). Sets are refused: their order is not the same on every machine. So are NaN and
infinities: JSON has no word for them and orjson would write null.

Every field is written, in the order of the class; of a class with a true `SPARSE` a field only where it is not its
default, behind those without one: it has many, and most say nothing. When read, a missing field takes its default and a
field nobody knows is an error; what defaults cannot express is a new VERSION of the class and an upcaster from the old
one.
"""

from __future__ import annotations

import types
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from itertools import chain
from math import isfinite
from typing import Any, Final, Literal, NewType, TypeAlias, Union, get_args, get_origin, get_type_hints

import orjson

from engine.domain.keys import KEYS
from engine.errors import JournalError

Upcaster: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""From the JSON object of one version to that of the next; pure."""

_AS_HINTED: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
"""What gets to orjson unconverted stands in a field that is hinted otherwise: refuse it rather than guess."""


class Codec:
    """Encodes and decodes the given event classes, and no others. Each has a class attribute `VERSION`."""

    __slots__ = ("_current", "_decoders", "_encoders", "_upcasters")

    def __init__(self, types: Iterable[type], upcasters: Mapping[tuple[str, int], Upcaster] | None = None) -> None:
        """`upcasters[name, version]` leads from `version` to the next one. Raises JournalError where a class cannot
        be kept, or an upcaster leads nowhere."""
        compiler = Compiler()
        self._encoders: dict[type, tuple[str, int, Callable[[Any], dict[str, Any]]]] = {}
        self._decoders: dict[tuple[str, int], Callable[[dict[str, Any]], Any]] = {}
        self._current: dict[str, int] = {}
        self._upcasters = dict(upcasters or {})
        for cls in types:
            name, version = cls.__name__, getattr(cls, "VERSION", None)
            if not isinstance(version, int):
                raise JournalError(f"event {name}: has no class attribute VERSION")
            if name in self._current:
                raise JournalError(f"event {name}: two classes of this name")
            self._encoders[cls] = (name, version, compiler.encoder(cls))
            self._decoders[name, version] = compiler.decoder(cls)
            self._current[name] = version
        for name, version in self._upcasters:
            if not version < self._current.get(name, 0):
                raise JournalError(f"upcaster of {name} version {version}: leads to no event class")

    def encode(self, event: object) -> tuple[str, int, bytes]:
        """(type name, version, JSON). Raises JournalError naming the type, if it cannot be kept."""
        try:
            name, version, encoder = self._encoders[type(event)]
        except KeyError:
            raise JournalError(f"event {type(event).__name__}: unknown to the journal") from None
        try:
            return name, version, orjson.dumps(encoder(event), option=_AS_HINTED)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise JournalError(f"event {name}: cannot be kept: {error}") from error

    def decode(self, name: str, version: int, body: bytes | str) -> Any:
        """The event. Raises JournalError naming the type and version, if this build cannot read it."""
        decoder = self._decoders.get((name, version))
        try:
            if decoder is not None:
                return decoder(orjson.loads(body))
            record = orjson.loads(body)
            while (decoder := self._decoders.get((name, version))) is None:
                upcaster = self._upcasters.get((name, version))
                if upcaster is None:
                    raise self._unreadable(name, version)
                record, version = upcaster(record), version + 1
            return decoder(record)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise JournalError(f"event {name} version {version}: {type(error).__name__}: {error}") from error

    def _unreadable(self, name: str, version: int) -> JournalError:
        current = self._current.get(name)
        if current is None:
            return JournalError(f"event {name}: unknown type; written by a newer build?")
        return JournalError(f"event {name} version {version}: this build reads version {current} and has no upcaster")


def event_types(namespace: Mapping[str, object], base: type) -> tuple[type, ...]:
    """The dataclasses below `base` in a module's `vars`, in order of definition."""
    return tuple(
        value
        for value in namespace.values()
        if isinstance(value, type) and issubclass(value, base) and value is not base and is_dataclass(value)
    )


# --- type hints to code -----------------------------------------------------------------------------

_TAG: Final = "~"
_SCALARS: Final = (str, int, bool)
_LARGEST: Final = 1.7976931348623157e308
_SHARED_MAX: Final = 16_384
"""Texts and numbers of late that are one object wherever they are read: an order's events name it ever again."""
_SHARED_LENGTH_MAX: Final = 64
"""Characters of a text that is shared. A peer's Text(58) may be as long as a message, and comes once."""

Floats = tuple[float | None, ...]


class Compiler:
    """Writes, per class, the function a patient person would write by hand.

    For `Tolerance(value: Decimal, unit: ToleranceUnit)` these are
        def encode(o): return {"value": str(o.value), "unit": o.unit._value_}
        def decode(d): o = new(Tolerance); set_value(o, Decimal(d["value"])); set_unit(o, units[d["unit"]]); return o
    preceded by a check that `d` has as many keys as the class has fields. `set_value` is the slot's own setter: half
    the price of a frozen dataclass's constructor, which calls object.__setattr__ by name for every field. A class with
    `__post_init__`, or without slots, is made by its constructor.
    """

    def __init__(self) -> None:
        self._names: dict[str, Any] = {
            "str": str,
            "int": int,
            "tuple": tuple,
            "len": len,
            "Decimal": _sharing(Decimal),
            "_shared": _sharing(_itself),
            "_shared_row": lru_cache(_SHARED_MAX)(tuple),
            "_is_short": _is_short,
            "date": date,
            "_finite": _finite,
            "_all_finite": _all_finite,
            "_rows_finite": _rows_finite,
            "_scalar": _scalar,
            "_to_base64": _to_base64,
            "_new": object.__new__,
            "b64decode": b64decode,
        }
        self._classes: dict[type, int] = {}
        self._enums: dict[type[Enum], str] = {}

    def encoder(self, cls: type) -> Callable[[Any], dict[str, Any]]:
        number = self._compile(cls)
        encoder: Callable[[Any], dict[str, Any]] = self._names[f"_encode_{number}"]
        return encoder

    def decoder(self, cls: type) -> Callable[[dict[str, Any]], Any]:
        decoder: Callable[[dict[str, Any]], Any] = self._names[f"_decode_{self._compile(cls)}"]
        return decoder

    def _compile(self, cls: type) -> int:
        """The number under which the functions of `cls` are found; made before, or now."""
        if cls in self._classes:
            return self._classes[cls]
        if not is_dataclass(cls):
            raise JournalError(f"{cls.__name__}: not a dataclass")
        number = self._classes[cls] = len(self._classes)
        hints = get_type_hints(cls)
        written, read, defaults = [], {}, {}
        for field in fields(cls):
            if not field.init:
                raise JournalError(f"{cls.__name__}.{field.name}: not set by the constructor")
            hint, where = hints[field.name], f"{cls.__name__}.{field.name}"
            written.append(f"{field.name!r}: {self._write(hint, f'o.{field.name}', where)}")
            read[field.name] = self._read(hint, f"d[{field.name!r}]", where)
            if field.default is not MISSING or field.default_factory is not MISSING:
                defaults[field.name] = field
        self._names[f"_class_{number}"] = cls
        self._names[f"_complete_{number}"] = self._completer(cls, defaults)
        if getattr(cls, "SPARSE", False):
            self._run(f"_encode_{number}(o)", self._write_sparsely(cls, hints, number))
        else:
            self._run(f"_encode_{number}(o)", [f"return {{{', '.join(written)}}}"])
        body = [f"if len(d) != {len(read)}: d = _complete_{number}(d)"]
        if _has_plain_slots(cls):
            body.append(f"o = _new(_class_{number})")
            for name, value in read.items():
                self._names[f"_set_{number}_{name}"] = getattr(cls, name).__set__
                body.append(f"_set_{number}_{name}(o, {value})")
            body.append("return o")
        else:
            arguments = ", ".join(f"{name}={value}" for name, value in read.items())
            body.append(f"return _class_{number}({arguments})")
        self._run(f"_decode_{number}(d)", body)
        return number

    def _write_sparsely(self, cls: type, hints: Mapping[str, Any], number: int) -> list[str]:
        """The body of a writer that leaves out what is a default."""
        always, others = [], []
        for field in fields(cls):
            name = field.name
            value = self._write(hints[name], f"o.{name}", f"{cls.__name__}.{name}")
            if field.default is MISSING:
                always.append(f"{name!r}: {value}")
            elif field.default is None:
                others.append(f"if o.{name} is not None: r[{name!r}] = {value}")
            else:
                plain = f"_plain_{number}_{name}"
                self._run(f"{plain}_of(o)", [f"return {self._write(hints[name], 'o', f'{cls.__name__}.{name}')}"])
                self._names[plain] = self._names[f"{plain}_of"](field.default)
                others.append(f"if (x := {value}) != {plain}: r[{name!r}] = x")
        return [f"r = {{{', '.join(always)}}}", *others, "return r"]

    def _run(self, signature: str, body: Iterable[str]) -> None:
        # Generated source, as dataclasses do it: built from field names of our own classes alone.
        exec("\n    ".join((f"def {signature}:", *body)), self._names)

    def _completer(self, cls: type, defaults: Mapping[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        known = {field.name for field in fields(cls)}
        hints = get_type_hints(cls)
        raw: dict[str, Any] | None = None

        def complete(record: dict[str, Any]) -> dict[str, Any]:
            """Fill in defaults, spelt as JSON. Raises ValueError for what is missing or unknown."""
            nonlocal raw
            unknown = [key for key in record if key not in known]
            if unknown:
                raise ValueError(f"{cls.__name__}: unknown field {', '.join(sorted(unknown))}")
            if raw is None:
                raw = {}
                for name, field in defaults.items():
                    value = field.default if field.default is not MISSING else field.default_factory()
                    writer = f"_default_{self._classes[cls]}_{name}"
                    self._run(f"{writer}(o)", [f"return {self._write(hints[name], 'o', f'{cls.__name__}.{name}')}"])
                    raw[name] = self._names[writer](value)
            return {**raw, **record}  # What is missing still, the class's reader will name.

        return complete

    def _write(self, hint: Any, value: str, where: str) -> str:
        """An expression for `value`, of type `hint`, as orjson takes it."""
        hint = _plain(hint)
        if hint in _SCALARS or get_origin(hint) is Literal:
            return value
        if hint is float:
            return f"_finite({value})"
        if hint is Decimal:
            return f"str({value})"
        if hint is date:
            return f"{value}.isoformat()"
        if hint is bytes:
            return f"_to_base64({value})"
        if hint in KEYS:
            return f"str({value})"
        if _is_union(hint):
            return self._write_union(hint, value, where)
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is tuple:
            if hint in _LISTS_OF_FLOATS:
                return f"_all_finite({value})"
            if hint in _TABLES_OF_FLOATS:
                return f"_rows_finite({value})"
            if len(arguments) == 2 and arguments[1] is Ellipsis:
                item = self._write(arguments[0], "x", where)
                return value if item == "x" else f"[{item} for x in {value}]"
            # Only a name may be looked at more than once.
            parts = [self._write(argument, f"{value}[{at}]", where) for at, argument in enumerate(arguments)]
            return f"[{', '.join(parts)}]"
        if origin in _MAPPINGS:
            key, item = self._key(arguments[0], where)[0], self._write(arguments[1], "x", where)
            return f"{{{key}: {item} for k, x in {value}.items()}}"
        if isinstance(hint, type) and issubclass(hint, Enum):
            return f"{value}._value_"
        if isinstance(hint, type) and is_dataclass(hint):
            return f"_encode_{self._compile(hint)}({value})"
        raise JournalError(f"{where}: the journal cannot keep a {hint}")

    def _read(self, hint: Any, value: str, where: str) -> str:
        """An expression that makes a `hint` of the JSON `value`."""
        hint = _plain(hint)
        if hint is str:
            return f"_shared({value})"
        if hint in (*_SCALARS, float) or get_origin(hint) is Literal:
            return value
        if hint is Decimal:
            return f"Decimal({value})"
        if hint is date:
            return f"date.fromisoformat({value})"
        if hint is bytes:
            return f"b64decode({value})"
        if hint in KEYS:
            self._names[f"_parse_{hint.__name__}"] = hint.parse
            return f"_parse_{hint.__name__}({value})"
        if _is_union(hint):
            return self._read_union(hint, value, where)
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is tuple:
            if len(arguments) == 2 and arguments[1] is Ellipsis:
                if _plain(arguments[0]) is str:
                    row = f"tuple([_shared(x) for x in {value}])"
                    return f"(_shared_row(row) if _is_short(row := {row}) else row)"
                item = self._read(arguments[0], "x", where)
                return f"tuple({value})" if item == "x" else f"tuple([{item} for x in {value}])"
            parts = [self._read(argument, f"{value}[{at}]", where) for at, argument in enumerate(arguments)]
            return f"({', '.join(parts)},)" if parts else "()"
        if origin in _MAPPINGS:
            key, item = self._key(arguments[0], where)[1], self._read(arguments[1], "x", where)
            return f"{{{key}: {item} for k, x in {value}.items()}}"
        if isinstance(hint, type) and issubclass(hint, Enum):
            return f"{self._members(hint)}[{value}]"
        return f"_decode_{self._compile(hint)}({value})"

    def _write_union(self, hint: Any, value: str, where: str) -> str:
        parts, optional = _split(hint)
        if len(parts) == 1:
            inner = self._write(parts[0], value, where)
        elif all(part in (*_SCALARS, float) or get_origin(part) is Literal for part in parts):
            inner = f"_scalar({value})"
        elif all(isinstance(part, type) and is_dataclass(part) for part in parts):
            name = f"_union_{'_'.join(str(self._compile(part)) for part in parts)}"
            table = {part: (part.__name__, self._compile(part)) for part in parts}
            names = self._names

            def tagged(item: Any) -> dict[str, Any]:
                tag, number = table[type(item)]
                return {_TAG: tag, **names[f"_encode_{number}"](item)}

            self._names[name] = tagged
            inner = f"{name}({value})"
        else:
            raise JournalError(f"{where}: the journal cannot tell the members of {hint} apart")
        return inner if not optional or inner == value else f"None if {value} is None else {inner}"

    def _read_union(self, hint: Any, value: str, where: str) -> str:
        parts, optional = _split(hint)
        if len(parts) == 1:
            inner = self._read(parts[0], value, where)
        elif not is_dataclass(parts[0]):
            inner = value
        else:
            name = f"_reunion_{'_'.join(str(self._compile(part)) for part in parts)}"
            table = {part.__name__: self._compile(part) for part in parts}
            names = self._names

            def untagged(record: dict[str, Any]) -> Any:
                rest = {key: item for key, item in record.items() if key != _TAG}
                return names[f"_decode_{table[record[_TAG]]}"](rest)

            self._names[name] = untagged
            inner = f"{name}({value})"
        return inner if not optional or inner == value else f"None if {value} is None else {inner}"

    def _key(self, hint: Any, where: str) -> tuple[str, str]:
        """Expressions that write and read a mapping's key, called `k`."""
        hint = _plain(hint)
        if hint is str:
            return "k", "k"
        if hint is int:
            return "str(k)", "int(k)"
        if isinstance(hint, type) and issubclass(hint, Enum) and issubclass(hint, str):
            return "k._value_", f"{self._members(hint)}[k]"
        raise JournalError(f"{where}: the journal cannot keep a mapping by {hint}")

    def _members(self, hint: type[Enum]) -> str:
        """The name of a table from value to member: four times as fast as calling the class."""
        name = self._enums.setdefault(hint, f"_members_{len(self._enums)}")
        self._names[name] = {member.value: member for member in hint}
        return name


_MAPPINGS: Final = (dict, Mapping)
_LISTS_OF_FLOATS: Final = (tuple[float, ...], tuple[float | None, ...])
_TABLES_OF_FLOATS: Final = (tuple[tuple[float, ...], ...], tuple[tuple[float | None, ...], ...])


def _has_plain_slots(cls: type) -> bool:
    setters = (getattr(cls, field.name, None) for field in fields(cls))
    return not hasattr(cls, "__post_init__") and all(isinstance(one, types.MemberDescriptorType) for one in setters)


def _plain(hint: Any) -> Any:
    return _plain(hint.__supertype__) if isinstance(hint, NewType) else hint


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _split(hint: Any) -> tuple[tuple[Any, ...], bool]:
    """Members of a union without None, and whether None is one."""
    parts = tuple(_plain(part) for part in get_args(hint))
    kept = tuple(part for part in parts if part is not type(None))
    return kept, len(kept) < len(parts)


def _itself(value: str) -> str:
    return value


def _sharing(make: Callable[[str], Any]) -> Callable[[str], Any]:
    """`make`, with one and the same object for a short text that was made of late."""
    kept = lru_cache(_SHARED_MAX)(make)
    return lambda text: kept(text) if len(text) <= _SHARED_LENGTH_MAX else make(text)


def _is_short(row: tuple[str, ...]) -> bool:
    return sum(map(len, row)) <= _SHARED_LENGTH_MAX


def _finite(value: float) -> float:
    if -_LARGEST <= value <= _LARGEST:
        return value
    raise ValueError(f"{value} is no number JSON can hold")


def _all_finite(values: Floats) -> Floats:
    """A list of floats as it stands. Looked at by its sum: a recommendation has some three hundred."""
    if not isfinite(sum(filter(None, values))):
        for value in filter(None, values):  # The sum may be too large where none of them is.
            _finite(value)
    return values


def _rows_finite(rows: tuple[Floats, ...]) -> tuple[Floats, ...]:
    _all_finite(tuple(chain.from_iterable(rows)))
    return rows


def _scalar(value: object) -> object:
    return _finite(value) if isinstance(value, float) else value


def _to_base64(value: bytes) -> str:
    return b64encode(value).decode()
