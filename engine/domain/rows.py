"""Rows of the state, events and messages: frozen values, made and changed in a fraction of what dataclasses take.

A frozen dataclass sets each of its fields by a call, since setting is what it refuses; a turn makes some forty such
values of ten to thirty fields. Here a value is filled as a twin, a class of the same slots that can be written to, and
then becomes what it is: to change the class of an object is one step, however many fields it has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, Final, TypeVar

R = TypeVar("R")


def row(cls: type[R]) -> type[R]:
    """Stands above `@dataclass(frozen=True, slots=True)`: the same class, its objects made in a quarter of the time.

    Written at the first use: a start needs few. Nothing may derive from a row: it would be made as that row. Raises
    TypeError for a class with `__post_init__`, a default factory, or a field that takes no part as others do.
    """
    if hasattr(cls, "__post_init__") or any(not _is_plain(field) for field in fields(cls)):  # type: ignore[arg-type]
        raise TypeError(f"{cls.__name__}: a row has plain fields, none with a factory, and no __post_init__")

    def write_and_begin(self: Any, *values: Any, **named: Any) -> None:
        begin = _beginner(cls)
        cls.__init__ = begin  # type: ignore[method-assign]
        begin(self, *values, **named)

    cls.__init__ = write_and_begin  # type: ignore[method-assign]
    return cls


def _is_plain(field: Field[Any]) -> bool:
    return field.init and not field.kw_only and field.default_factory is MISSING and field.name not in _KNOWN


def changed(row: R, **changes: Any) -> R:
    """`row` with some fields changed, as `dataclasses.replace` does it, in an eighth of its time.

    For frozen dataclasses with slots and without `__post_init__`. Raises KeyError for a field that there is not.
    """
    copier = _COPIERS.get(type(row))
    if copier is None:
        copier = _COPIERS[type(row)] = _copier(type(row))
    made: R = copier(row, changes)
    return made


_COPIERS: Final[dict[type, Callable[[Any, dict[str, Any]], Any]]] = {}


_KNOWN: Final = frozenset({"self", "twin", "cls", "become"})
"""Names that the source below speaks of."""
# Generated source, as dataclasses do it: built from field names of our own classes alone.


def _beginner(cls: Any) -> Callable[..., None]:
    """The constructor of one class, written out."""
    known: dict[str, Any] = {"twin": _twin(cls), "cls": cls, "become": object.__dict__["__class__"].__set__}
    parameters = ["self"]
    for field in fields(cls):
        if field.default is MISSING:
            parameters.append(field.name)
        else:
            known[f"default_{field.name}"] = field.default
            parameters.append(f"{field.name}=default_{field.name}")
    lines = [f"def __init__({', '.join(parameters)}):", "become(self, twin)"]
    lines += [f"self.{field.name} = {field.name}" for field in fields(cls)]
    lines.append("self.__class__ = cls")
    exec("\n    ".join(lines), known)
    begin: Callable[..., None] = known["__init__"]
    return begin


def _copier(cls: Any) -> Callable[[Any, dict[str, Any]], Any]:
    """The function that copies slot by slot, written out for one class: a row of sixteen fields in 1 us, not 8."""
    names = [field.name for field in fields(cls)]
    setters = {name: getattr(cls, name).__set__ for name in names}
    known: dict[str, Any] = {"new": object.__new__, "twin": _twin(cls), "cls": cls, "setters": setters}
    lines = ["def copy(row, changes):", "made = new(twin)"]
    lines += [f"made.{name} = row.{name}" for name in names]
    lines.append("made.__class__ = cls")
    lines += ["for name in changes: setters[name](made, changes[name])", "return made"]
    exec("\n    ".join(lines), known)
    copier: Callable[[Any, dict[str, Any]], Any] = known["copy"]
    return copier


def _twin(cls: Any) -> Any:
    """A class of the same slots whose objects can be written to."""
    return type(cls.__name__, cls.__bases__, {"__slots__": cls.__slots__, "__setattr__": object.__setattr__})
