"""The house plan, held against the imports: they point inward, and only shells touch the world."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[1] / "engine"

# What each part may import of the engine. A part not named here is a mistake of this table.
ALLOWED: dict[str, set[str]] = {
    "clock": set(),
    "errors": set(),
    "masking": set(),
    "domain": {"clock", "errors"},
    "fix": {"masking", "clock", "errors", "domain"},
    "orders": {"clock", "errors", "domain"},
    "rfq": {"clock", "errors", "domain"},
    "dealers": {"clock", "errors", "domain"},
    "rules": {"errors"},
    "analytics": {"clock", "errors", "domain"},
    "reference": {"clock", "errors", "domain"},
    "desk": {"clock", "errors", "domain", "orders", "rfq", "dealers", "rules", "analytics", "reference"},
    "config": {"clock", "errors", "domain", "dealers", "reference"},
    "journal": {"clock", "errors", "domain"},
    "turn": {"masking", "clock", "errors", "domain", "fix", "desk"},
    "trading": {"masking", "clock", "errors", "domain", "fix", "desk", "analytics", "turn"},
    "recording": {"clock", "errors", "domain", "fix", "analytics", "journal", "turn"},
    "sessions": {"errors", "config", "fix"},
    "timers": {"clock"},
    "entropy": set(),
    "memory": set(),
    "alarms": {"clock", "fix", "desk", "timers", "trading", "turn"},
    "hub": {"masking", "clock", "errors", "fix", "turn"},
    "readback": {"clock", "fix", "journal", "turn"},
    "release": {"clock", "errors", "fix", "desk", "hub", "metrics", "readback", "trading", "turn"},
    "tally": {"clock", "errors"},
    "session_levels": {"tally", "clock", "fix", "turn"},
    "metrics": {"tally", "session_levels", "clock", "errors", "domain", "fix", "desk", "turn", "trading"},
    "metrics_endpoint": {"errors", "metrics"},
    "logs": {"masking", "errors", "clock"},
    "recovery": {"clock", "errors", "domain", "fix", "analytics", "journal", "trading", "turn"},
    # fix for `rfqctl fix decode` and `session messages` alone: the codec reads files where no daemon is.
    "admin": {"masking", "clock", "errors", "config", "domain", "desk", "fix", "journal", "rules"},
}
# The wiring sees everything.
WIRING = {"app", "__main__", "__init__", "runtime", "assembly", "securing", "connecting"}

# Modules of the standard library (and two of ours) that only shells may touch.
WORLD = {
    "asyncio",
    "time",
    "random",
    "socket",
    "sqlite3",
    "ssl",
    "os",
    "secrets",
    "threading",
    "subprocess",
    "aiosqlite",
    "uvloop",
}
SHELLS = {
    "app", "runtime", "hub", "alarms", "readback", "release", "timers", "clock", "entropy", "metrics", "tally",
    "metrics_endpoint", "logs", "recovery", "assembly", "sessions", "securing", "connecting",
    "fix.transport", "fix.listener", "fix.dialer", "fix.tls",
    "config.load", "config.check", "config.reading",
    "journal.writer", "journal.reader", "journal.archive", "journal.lock", "journal.anchor", "journal.opening",
}  # fmt: skip
SHELL_PACKAGES = {"admin"}
THIRD_PARTY = {"simplefix", "uvloop", "aiosqlite", "orjson", "prometheus_client"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ENGINE.rglob("*.py")):
        name = ".".join(path.relative_to(ENGINE).with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module == "engine":
                yield from (f"engine.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


MODULES = dict(modules())


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_inward(name: str) -> None:
    part = name.split(".")[0]
    if part in WIRING:
        return
    assert part in ALLOWED, f"{part} has no place in the house plan"
    for imported in imports(MODULES[name]):
        if imported.startswith("engine."):
            other = imported.split(".")[1]
            assert other == part or other in ALLOWED[part], f"{name} imports {imported}"


def test_of_admin_only_what_reads_files_sees_the_wire() -> None:
    """What answers people and programs in the daemon knows no message, let alone a session."""
    for name, tree in MODULES.items():
        if name.startswith("admin.") and name not in {"admin.decoded", "admin.decoding", "admin.kept_messages"}:
            assert not [imported for imported in imports(tree) if imported.startswith("engine.fix")], name


@pytest.mark.parametrize("name", MODULES)
def test_only_shells_touch_the_world(name: str) -> None:
    if name in SHELLS or name.split(".")[0] in SHELL_PACKAGES:
        return
    touched = {imported.split(".")[0] for imported in imports(MODULES[name])} & WORLD
    assert not touched, f"{name} is a core and imports {', '.join(sorted(touched))}"


def test_the_daemon_imports_only_what_was_agreed() -> None:
    import sys

    standard = set(sys.stdlib_module_names)
    for name, tree in MODULES.items():
        for imported in imports(tree):
            top = imported.split(".")[0]
            assert top in standard | THIRD_PARTY | {"engine"}, f"{name} imports {imported}"


def test_cores_take_only_values_from_the_clock() -> None:
    for name, tree in MODULES.items():
        if name in SHELLS | {"__init__"} or name.split(".")[0] in SHELL_PACKAGES:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "engine.clock":
                taken = {alias.name for alias in node.names}
                assert "Clock" not in taken, f"{name} is a core and takes the clock itself"


WRITES = ("write", "writelines")


def test_one_place_writes_to_a_socket() -> None:
    """Release alone calls `FixConnection.write`, and only the transport touches asyncio's own."""
    callers = []
    for name, tree in MODULES.items():
        if name.split(".")[0] in SHELL_PACKAGES or name == "metrics_endpoint":
            continue  # replies and metrics: behind a commit by themselves, or exempt
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
                callers.append(name)
    assert set(callers) <= {"release", "fix.transport", "journal.anchor", "journal.writer", "logs"}, callers
    in_release = [
        function.name
        for function in ast.walk(MODULES["release"])
        if isinstance(function, ast.FunctionDef)
        and any(
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
            for node in ast.walk(function)
        )
    ]
    assert in_release == ["write_out"]


def test_only_the_gate_clears() -> None:
    """`Cleared` is constructed in `desk.risk` alone."""
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Cleared":
                assert name == "desk.risk", f"{name} constructs Cleared"
