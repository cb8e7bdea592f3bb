"""What `define` introduces: names for conditions, usable anywhere in the book.

Owns the questions that concern definitions as a whole: names given twice or already taken, definitions that
go round in a circle, how deep they nest, how much work one stands for, and whether one speaks of the order
or of a dealer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from engine.rules.parser import BLOCK_WORDS, CLAUSE_WORDS
from engine.rules.signature import Catalogue, named
from engine.rules.source import Diagnostic, Source, Span
from engine.rules.syntax import Define, Expr, Word, children

DEFINITIONS_NESTED_MAX: Final = 12
CONDITION_NODES_MAX: Final = 1_000
CONDITION_LEVELS_MAX: Final = 60

_TAKEN: Final = frozenset(BLOCK_WORDS) | frozenset(CLAUSE_WORDS) | frozenset({"true", "false", "nr", "tier", "flat"})


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that can be used: its place and body, and how many nodes and levels it stands for."""

    source: Source
    span: Span
    name: str
    body: Expr
    nodes: int
    levels: int


class Definitions:
    """All definitions of a book. Those with an error are known by name and used without a second message.

    `intrinsic` are words that the language itself has for a dealer.
    """

    def __init__(
        self,
        defines: Sequence[Define],
        catalogue: Catalogue,
        diagnostics: list[Diagnostic],
        intrinsic: frozenset[str] = frozenset(),
    ) -> None:
        self._catalogue = catalogue
        self._intrinsic = intrinsic
        self._diagnostics = diagnostics
        self._defines: dict[str, Define] = {}
        self._usable: dict[str, Definition | None] = {}
        for define in defines:
            self._admit(define)
        for name in self._defines:
            self._settle(name, ())

    def __contains__(self, name: str) -> bool:
        return name in self._defines

    def __iter__(self) -> Iterator[str]:
        return iter(self._defines)

    def get(self, name: str) -> Definition | None:
        """The definition, or None if there is none or it has an error of its own."""
        return self._usable.get(name)

    def size(self, expr: Expr) -> tuple[int, int]:
        """Nodes and levels an expression stands for, each use of a definition counted anew."""
        nodes = levels = 0
        pending = [(expr, 1)]
        while pending:
            current, level = pending.pop()
            nodes += 1
            if isinstance(current, Word):
                used = self._usable.get(current.text)
                if used is not None:
                    nodes += used.nodes
                    level += used.levels
            levels = max(levels, level)
            pending.extend((child, level + 1) for child in children(current))
        return nodes, levels

    def fits(self, source: Source, expr: Expr) -> bool:
        """Whether a condition is small enough to be judged and explained; reports if it is not."""
        message = self._too_large(*self.size(expr))
        if message is not None:
            self._diagnostics.append(Diagnostic(source, expr.span, f"this condition {message}"))
        return message is None

    def speaks_of_dealers(self, expr: Expr) -> bool | None:
        """True if it names a field only dealers have, False if one only orders have, None if neither."""
        dealer_fields, order_fields = self._catalogue.dealer_fields, self._catalogue.order_fields
        for word in self._words(expr):
            name = word.text
            of_dealers = name in self._intrinsic or named(dealer_fields, name) is not None
            of_orders = named(order_fields, name) is not None
            if of_dealers != of_orders:
                return of_dealers
            used = self._usable.get(name)
            if used is not None:
                speaks = self.speaks_of_dealers(used.body)
                if speaks is not None:
                    return speaks
        return None

    def mentions(self, expr: Expr, names: Collection[str]) -> bool:
        """Whether an expression names one of these, or uses a definition that does."""
        for word in self._words(expr):
            used = self._usable.get(word.text)
            if word.text in names or (used is not None and self.mentions(used.body, names)):
                return True
        return False

    def _admit(self, define: Define) -> None:
        name, fields = define.name.text, self._catalogue
        first = self._defines.get(name)
        if first is not None:
            line = first.source.position(first.span.start)[0]
            message = f"'{name}' is defined twice, first in {first.source.name}:{line}"
        elif name in self._intrinsic or any(
            named(known, name) is not None for known in (fields.order_fields, fields.dealer_fields)
        ):
            message = f"'{name}' is already the name of a field"
        elif name.lower() in _TAKEN:
            message = f"'{name}' is a word of the language"
        else:
            self._defines[name] = define
            return
        self._diagnostics.append(Diagnostic(define.source, define.name.span, message, "choose another name"))

    def _settle(self, name: str, path: tuple[str, ...]) -> Definition | None:
        """Work out one definition after those it uses; None if it has an error."""
        if name in self._usable:
            return self._usable[name]
        define = self._defines[name]
        if name in path:
            circle = " > ".join((*path[path.index(name) :], name))
            self._fail(define, f"'{name}' is defined by itself: {circle}")
            return None
        if len(path) > DEFINITIONS_NESTED_MAX:
            shown = f"{path[0]} > ... > {name}"
            self._fail(define, f"definitions use each other more than {DEFINITIONS_NESTED_MAX} deep: {shown}")
            return None
        used = [self._settle(word.text, (*path, name)) for word in self._words(define.body) if word.text in self]
        if name in self._usable:
            return self._usable[name]  # It was found to go round in a circle.
        if None in used:
            self._usable[name] = None
            return None
        nodes, levels = self.size(define.body)
        message = self._too_large(nodes, levels)
        if message is not None:
            self._fail(define, f"'{name}' {message}")
            return None
        definition = Definition(define.source, define.span, name, define.body, nodes, levels)
        self._usable[name] = definition
        return definition

    def _too_large(self, nodes: int, levels: int) -> str | None:
        if nodes > CONDITION_NODES_MAX:
            return f"stands for {nodes} parts, at most {CONDITION_NODES_MAX} are allowed"
        if levels > CONDITION_LEVELS_MAX:
            return f"is nested {levels} levels deep, at most {CONDITION_LEVELS_MAX} are allowed"
        return None

    def _fail(self, define: Define, message: str) -> None:
        """Report a definition and remember that it cannot be used."""
        self._usable[define.name.text] = None
        self._diagnostics.append(Diagnostic(define.source, define.name.span, message))

    def _words(self, expr: Expr) -> Iterator[Word]:
        pending = [expr]
        while pending:
            current = pending.pop()
            if isinstance(current, Word):
                yield current
            pending.extend(reversed(children(current)))
