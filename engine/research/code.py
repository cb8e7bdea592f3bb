"""Which code a result was made by: a digest of the modules that a piece of work can reach.

It tells a kept result that is still good from one of another version, and a worker elsewhere that has our code from one
that has another. Only modules of our own packages count, followed import by import from the one in which the work
stands, whether they are imported at its head or inside a function.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=64)
def digest(module: str, packages: tuple[str, ...] = ("engine",)) -> str:
    """Of the sources of `module` and of all that it reaches in `packages`, as they are on disk at the first call.

    Raises ModuleNotFoundError for a module that there is not.
    """
    found = hashlib.sha256()
    for name, path in sorted(_reached(module, packages).items()):
        found.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _reached(module: str, packages: Sequence[str]) -> dict[str, Path]:
    """By module its file. The package that a module stands in is reached with it."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name.split(".")[0] not in packages:
            continue
        path = _source(name)
        if path is None:
            if name == module:
                raise ModuleNotFoundError(f"there is no module {module}", name=module)
            continue  # A name taken from a module, not a module.
        found[name] = path
        waiting += [name.rpartition(".")[0], *_imports(ast.parse(path.read_bytes()))]
    return found


def _source(name: str) -> Path | None:
    """The file of a module, without importing it; its package is imported."""
    if not name:
        return None
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
