"""Events to JSON bytes and back, by their type hints: compiled once per class into two plain functions.

What a field may be: str, int, float, bool, bytes (base64), Decimal and date (as text), an Enum (its value), a nested
dataclass, `tuple`, `Mapping`/`dict` (keys str, int or Enum), any of these or None, a union of scalars, and a union of
dataclasses (told apart by a key `~`). Sets are refused: their order is not the same on every machine. So are NaN and
infinities: JSON has no word for them and orjson would write null.

Every field is written, in the order of the class. When read, a missing field takes its default and a field nobody
knows is an error; what defaults cannot express is a new VERSION of the class and an upcaster from the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from typing import Any, Final, TypeAlias

import orjson

from engine.errors import JournalError
from engine.journal.json_of_types import Compiler

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
