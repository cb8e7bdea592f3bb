"""Where a bug could be planted: every site of the pure cores but those that cannot matter, and a sample of them.

A site is one place and one kind of bug; a kind that can go two ways there (`<` to `<=` or to `>=`) is drawn one way.
The draw goes by a hash of seed and site, not by number: a larger sample begins with the smaller one, and a change
elsewhere leaves most of it as it was.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LEFT_OUT: Final = {
    "annotation": "types are mypy's; nothing evaluates them",
    "type alias": "`Event = A | B` of a module: the same",
    "signature": "`*` and `/` between parameters: who gives ours by place or by name is mypy's",
    "TYPE_CHECKING": "imports for types alone",
    "decorator": "`@dataclass(frozen=True, slots=True)`, `@cache`: they guard or hasten our own code",
    "strict zip": "`zip(..., strict=True)` says what our own code guarantees",
    "assert": "the same",
    "assert_never": "the type checker proves that nobody comes there",
    "text of an error": "numbers and choices inside the text of a `raise`",
}
"""What cannot matter, by kind, and why. Docstrings, `__all__` and plain strings have no operator that touches them."""


@dataclass(frozen=True, slots=True)
class Site:
    """One place in one file. `lines` are those of the statement around it, as far as they run together; of a default,
    those of its function."""

    path: str
    function: str
    """Qualified name; empty where the module itself runs the line."""
    kind: str
    line: int
    column: int
    lines: tuple[int, int]
    at_import: bool
    """Run when the module is imported: a constant, a member of a class."""
    names: tuple[str, ...]
    """What a line run at import gives a value to."""
    text: str
    ways: tuple[tuple[str, int], ...]
    """Operator and occurrence, as cosmic-ray counts them."""

    @property
    def key(self) -> str:
        return f"{self.path}|{self.function}|{self.text}|{self.column}|{self.kind}"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A site with a bug in it."""

    site: Site
    operator: str
    was: str
    """The first line that differs, without its indentation; `becomes` is what stands there instead."""
    becomes: str
    source: str
    """The whole file with the bug."""

    @property
    def key(self) -> str:
        return f"{self.site.key}|{self.operator}|{self.becomes}"


def kind_of(operator: str) -> str:
    """What is one site however it goes: `ReplaceComparisonOperator_Lt_GtE` is a ReplaceComparisonOperator."""
    return operator.split("_")[0]


def sites(path: Path, source: str) -> Iterator[Site]:
    """Those of one file that can matter, top down."""
    from cosmic_ray.ast import ast_nodes, get_ast

    from mutating.operators import NODE_TYPES, OPERATORS

    shape = Shape(source)
    counts = dict.fromkeys(OPERATORS, 0)
    found: dict[tuple[tuple[int, int], str], list[tuple[str, int]]] = {}
    for node in ast_nodes(get_ast(source)):
        if node.type not in NODE_TYPES:
            continue
        for name, operator in OPERATORS.items():
            for start, _ in operator.mutation_positions(node):
                found.setdefault((start, kind_of(name)), []).append((name, counts[name]))
                counts[name] += 1
    for ((line, column), kind), ways in sorted(found.items()):
        if shape.left_out(line, column) is None:
            statement = shape.statement(line, column)
            yield Site(
                path.as_posix(), shape.function(line, column), kind, line, column, statement.lines,
                statement.at_import, statement.names, shape.text(line), tuple(ways),
            )  # fmt: skip


def draw(all_sites: Iterable[Site], seed: int) -> list[Site]:
    """Every site, in the order in which this seed draws them."""
    return sorted(all_sites, key=lambda site: (_hashed(seed, site.key), site.line))


def planted(site: Site, source: str, seed: int) -> Mutant | None:
    """The bug this seed puts there; none if no way leads to another program."""
    from cosmic_ray.mutating import mutate_code

    from mutating.operators import OPERATORS

    before = ast.dump(ast.parse(source))
    for operator, occurrence in sorted(site.ways, key=lambda way: _hashed(seed, f"{site.key}|{way}")):
        mutated = mutate_code(source, OPERATORS[operator], occurrence)
        if mutated is None:
            continue
        try:
            after = ast.dump(ast.parse(mutated))
        except SyntaxError:
            continue
        if after != before:
            return Mutant(site, operator, *_difference(source, mutated), mutated)
    return None


def _difference(source: str, mutated: str) -> tuple[str, str]:
    for was, becomes in zip(source.splitlines(), mutated.splitlines(), strict=False):
        if was != becomes:
            return " ".join(was.split()), " ".join(becomes.split())
    return "", ""


def _hashed(seed: int, text: str) -> str:
    return hashlib.sha256(f"{seed}|{text}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Statement:
    lines: tuple[int, int]
    at_import: bool
    names: tuple[str, ...]


class Shape:
    """What the nodes around a place in one file say of it."""

    def __init__(self, source: str) -> None:
        self._lines = source.splitlines()
        self._tree = ast.parse(source)

    def text(self, line: int) -> str:
        return " ".join(self._lines[line - 1].split())

    def around(self, line: int, column: int) -> list[ast.AST]:
        """The nodes that hold a place, outermost first; `column` counts characters."""
        place = (line, len(self._lines[line - 1][:column].encode()))
        found: list[ast.AST] = []
        node: ast.AST | None = self._tree
        while node is not None:
            node = next((child for child in _children(node) if _holds(child, place)), None)
            if node is not None:
                found.append(node)
        return found

    def function(self, line: int, column: int) -> str:
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        return ".".join(node.name for node in self.around(line, column) if isinstance(node, kinds))

    def statement(self, line: int, column: int) -> Statement:
        nodes = self.around(line, column)
        inner = [node for node in nodes if isinstance(node, ast.stmt | ast.excepthandler)][-1]
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        first, last = inner.lineno, inner.end_lineno or inner.lineno
        if functions and functions[-1] is inner:
            # A default: whoever imports the module runs it, and whoever calls the function may notice.
            return Statement((functions[-1].body[0].lineno, last), False, ())
        if isinstance(inner, ast.Match):
            first = last = line
        elif isinstance(body := getattr(inner, "body", None), list):
            last = max(first, line, body[0].lineno - 1)
        return Statement((first, last), not functions, () if functions else _names(inner))

    def left_out(self, line: int, column: int) -> str | None:
        """The kind of LEFT_OUT that a place is of, or none."""
        nodes = self.around(line, column)
        if not nodes:
            return "annotation"
        for node, child in zip(nodes, [*nodes[1:], None], strict=True):
            kind = _left_out(node, child)
            if kind is not None:
                return kind
        return None


def _left_out(node: ast.AST, child: ast.AST | None) -> str | None:
    if isinstance(node, ast.Assert):
        return "assert"
    if isinstance(node, ast.arg) or (child is not None and child is getattr(node, "annotation", None)):
        return "annotation"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and child is not None and child is node.returns:
        return "annotation"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and child is None:
        return "signature"
    if child is not None and child in getattr(node, "decorator_list", ()):
        return "decorator"
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return "TYPE_CHECKING"
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return "strict zip"
    if isinstance(node, ast.Expr) and _called(node.value) == "assert_never":
        return "assert_never"
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_union(node.value):
        return "type alias"
    if isinstance(node, ast.Raise) and isinstance(child, ast.Call):
        return "text of an error"
    return None


def _is_union(value: ast.expr) -> bool:
    """`A | B | None`, of names that begin as types do."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
        return _is_union(value.left) and _is_union(value.right)
    if isinstance(value, ast.Subscript):
        return _is_union(value.value)
    name = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
    is_none = isinstance(value, ast.Constant) and value.value is None
    return is_none or (name[:1].isupper() and not name.isupper())


def _called(value: ast.expr) -> str:
    if not isinstance(value, ast.Call):
        return ""
    return value.func.id if isinstance(value.func, ast.Name) else getattr(value.func, "attr", "")


def _names(inner: ast.AST) -> tuple[str, ...]:
    if isinstance(inner, ast.Assign):
        return tuple(_name(target) for target in inner.targets if _name(target))
    if isinstance(inner, ast.AnnAssign):
        return (_name(inner.target),)
    return ()


def _name(target: ast.expr) -> str:
    return target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """With places of their own: what has none (a `match` case, the arguments of a function) is looked through."""
    for child in ast.iter_child_nodes(node):
        if hasattr(child, "lineno"):
            yield child
        else:
            yield from _children(child)


def _holds(node: Any, place: tuple[int, int]) -> bool:
    first = min(
        ((each.lineno, each.col_offset) for each in getattr(node, "decorator_list", ())),
        default=(node.lineno, node.col_offset),
    )
    return first <= place < (node.end_lineno, node.end_col_offset)
