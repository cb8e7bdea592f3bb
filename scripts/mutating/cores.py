"""Which modules of the engine are pure cores: whatever tests/test_architecture.py does not call a shell or wiring."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TABLES: Final = ("SHELLS", "SHELL_ROOMS", "WIRING")
"""Names in that test; one of them may go, not all."""


def shells(architecture: str) -> frozenset[str]:
    """Modules and packages, by their names inside `engine`, that may touch the world or wire the rest together."""
    found: set[str] = set()
    for node in ast.parse(architecture).body:
        names = [target.id for target in _targets(node) if isinstance(target, ast.Name)]
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and set(names) & set(TABLES):
            found.update(_texts(node.value))
    if not found:
        raise LookupError(f"tests/test_architecture.py has none of the tables {', '.join(TABLES)}")
    return frozenset(found)


def cores(root: Path) -> list[Path]:
    """The files of the pure cores, relative to `root`, in the order of their names."""
    excepted = shells((root / "tests" / "test_architecture.py").read_text())
    files = sorted(path.relative_to(root) for path in (root / "engine").rglob("*.py"))
    return [path for path in files if not _prefixes(path) & excepted]


def _prefixes(path: Path) -> set[str]:
    """`engine/fix/sockets/tls.py`: fix, fix.sockets and fix.sockets.tls."""
    parts = path.with_suffix("").parts[1:]
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


def _texts(value: ast.expr) -> Iterator[str]:
    for each in ast.walk(value):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
