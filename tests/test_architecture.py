"""The house plan, held against the imports: they point inward, in no circle, and only shells touch the world."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[1] / "engine"

# What each room may import of the engine, besides itself. A room not named here is a mistake of this table. The rooms
# of one part (those of fix, those of desk) are named apart: "desk" is what stands in the folder itself.
SMALL = {"clock", "errors", "masking"}
DESK = {"desk", "desk.order", "desk.round", "desk.placement", "desk.gate", "desk.past"}
CORES = SMALL | {"domain", "market", "dealers", "selection", "rules", "rules.plan"}
WIRE = {"fix.standard", "fix.wire"}
THEN = {"research.in_force", "research.moments"}
ALLOWED: dict[str, set[str]] = {
    "clock": set(),
    "errors": set(),
    "masking": set(),
    "logs": SMALL,
    # How a rule wants it done is how it is done: one word each for mode and tolerance.
    "domain": {"clock", "errors", "rules.plan"},
    "fix.standard": {"errors", "masking"},
    "fix.wire": SMALL | {"fix.standard"},
    "fix.session": SMALL | WIRE,
    "fix.flows": SMALL | WIRE | {"domain", "fix.session"},
    "fix.sockets": SMALL | {"fix.wire", "fix.session"},
    "fix.capture": SMALL | WIRE | {"fix.flows"},
    "market": {"clock", "errors", "domain"},
    "dealers": {"clock", "errors", "domain"},
    "selection": {"clock", "errors", "domain", "market", "dealers", "rules.plan"},
    "rules": {"errors", "rules.plan"},
    # What a rule orders, as values: of the language it is all that whom to ask is chosen by.
    "rules.plan": set(),
    **dict.fromkeys(DESK, CORES | DESK),
    "turn": CORES | DESK | WIRE | {"fix.session", "fix.flows"},
    "commands": CORES | DESK | {"fix.wire", "fix.session", "turn"},
    "journal": SMALL | {"domain"},
    # selection for the settings of a choice alone.
    "config": {"clock", "errors", "domain", "dealers", "market", "selection"},
    "metrics": {"rules.plan"} | SMALL | DESK | WIRE | {"domain", "fix.session", "fix.sockets", "turn"},
    "runtime": SMALL | DESK | WIRE | {"domain", "market", "fix.session", "fix.sockets", "turn", "journal", "metrics"},
    # Rounds as files, for people's tools.
    "history": SMALL | DESK | {"domain", "config", "commands"},
    # What is made of years of records, aside: no daemon has it in it.
    "research": CORES | DESK | {"config", "journal", "history"} | THEN,
    # Where a desk of the past stands again, it is made and folded by the code that a start makes and folds it by.
    **dict.fromkeys(THEN, CORES | DESK | {"config", "journal", "research", "boot", "turn", "fix.session"} | THEN),
    # fix for `rfqctl fix decode` and `session messages` alone: the codec reads files where no daemon is.
    "admin": SMALL
    | DESK
    | WIRE
    | {"domain", "config", "commands", "fix.capture", "journal", "rules", "rules.plan"}
    | {"history", "research"},
}
# The wiring sees everything.
WIRING = {"", "app", "__main__", "boot"}

# Loose modules of engine/ itself, all of them.
LOOSE = {"app", "clock", "errors", "masking", "logs"}

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
    "app", "clock", "logs",
    "config.load", "config.check", "config.reading",
    "journal.writer", "journal.reader", "journal.archive", "journal.lock", "journal.anchor", "journal.opening",
    "fix.sockets.transport", "fix.sockets.listener", "fix.sockets.dialer", "fix.sockets.tls",
}  # fmt: skip
SHELL_ROOMS = {"admin", "runtime", "boot", "metrics", "history", "research"}
THIRD_PARTY = {"simplefix", "uvloop", "aiosqlite", "orjson", "prometheus_client"}
RESEARCH = {"dask", "distributed", "duckdb", "matplotlib", "numpy", "pyarrow", "scipy"}
"""Of the extra of that name, for the room of that name alone."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ENGINE.rglob("*.py")):
        name = ".".join(path.relative_to(ENGINE).with_suffix("").parts)
        yield name.removesuffix("__init__").removesuffix("."), ast.parse(path.read_text())


def room(module: str) -> str:
    """The room a module stands in: its folder, and one folder deeper in fix and desk."""
    parts = module.split(".")
    if module in ALLOWED:
        return module
    deep = 2 if parts[0] in {"fix", "desk"} and len(parts) > 1 else 1
    if deep == 2 and not (ENGINE / parts[0] / parts[1]).is_dir():
        deep = 1
    return ".".join(parts[:deep])


def imports(tree: ast.Module) -> Iterator[str]:
    """Everything that a module imports, for types alone too; in place of a package, the module of it that is meant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            inner = module.removeprefix("engine").removeprefix(".")
            for alias in node.names:
                nested = f"{inner}.{alias.name}".removeprefix(".")
                yield f"engine.{nested}" if module.split(".")[0] == "engine" and nested in MODULES else module


MODULES = dict(modules())
OURS = {
    name: {
        imported.removeprefix("engine").removeprefix(".")
        for imported in imports(tree)
        if imported.split(".")[0] == "engine"
    }
    for name, tree in MODULES.items()
}


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_inward(name: str) -> None:
    here = room(name)
    if here in WIRING:
        return
    assert here in ALLOWED or not MODULES[name].body[1:], f"{here} has no place in the house plan"
    for imported in OURS[name]:
        there = room(imported)
        if there == "":
            continue  # Its version; a test below sees that the map holds nothing else.
        assert there == here or there in ALLOWED[here], f"{name} imports {imported}"


def test_every_room_of_the_plan_exists() -> None:
    assert set(ALLOWED) - {room(name) for name in MODULES} == set()


def test_hardly_anything_stands_loose() -> None:
    assert {path.stem for path in ENGINE.glob("*.py")} - {"__init__", "__main__"} == LOOSE


def test_the_map_holds_the_version_and_no_other_code() -> None:
    [docstring, version] = MODULES[""].body
    assert isinstance(docstring, ast.Expr)
    assert isinstance(version, ast.Assign)
    assert ast.unparse(version.targets[0]) == "__version__"


def test_no_modules_import_each_other() -> None:
    """However far round, and for types alone too."""
    state: dict[str, int] = {}
    way: list[str] = []

    def visit(name: str) -> None:
        state[name] = 1
        way.append(name)
        for other in sorted(OURS[name]):
            if state.get(other) == 1:
                raise AssertionError("a circle: " + " -> ".join([*way[way.index(other) :], other]))
            if other not in state:
                visit(other)
        way.pop()
        state[name] = 2

    for name in MODULES:
        if name not in state:
            visit(name)


def test_of_admin_only_what_reads_files_sees_the_wire() -> None:
    """What answers people and programs in the daemon knows no message, let alone a session."""
    for name in MODULES:
        if name.startswith("admin.") and name not in {"admin.fix_messages", "admin.fix_decode", "admin.kept_messages"}:
            assert not [imported for imported in OURS[name] if imported.startswith("fix")], name


@pytest.mark.parametrize("name", MODULES)
def test_only_shells_touch_the_world(name: str) -> None:
    if name in SHELLS or room(name) in SHELL_ROOMS:
        return
    touched = {imported.split(".")[0] for imported in imports(MODULES[name])} & WORLD
    assert not touched, f"{name} is a core and imports {', '.join(sorted(touched))}"


def test_the_daemon_imports_only_what_was_agreed() -> None:
    standard = set(sys.stdlib_module_names)
    for name, tree in MODULES.items():
        allowed = standard | THIRD_PARTY | {"engine"} | (RESEARCH if room(name) == "research" else set())
        for imported in imports(tree):
            assert imported.split(".")[0] in allowed, f"{name} imports {imported}"


def test_nothing_of_research_is_in_the_daemon() -> None:
    """Nor in a terminal that asks it something: no command pays for what others need."""
    for entry in ("engine.app", "engine.boot.assembly", "engine.admin.cli", "engine.admin.acts"):
        found = subprocess.run(
            [sys.executable, "-c", f"import sys, {entry}; print(*sys.modules)"],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout.split()  # fmt: skip
        assert "engine.clock" in found
        assert not [each for each in found if each.split(".")[0] in RESEARCH or each.startswith("engine.research")]


SCRIPTS = ENGINE.parent / "scripts"
MARKET = [f"worlds.{path.stem}" for path in sorted((SCRIPTS / "worlds").glob("*.py"))] + ["proving.listening"]
"""The market that the model is judged in, and what only listens to it."""


@pytest.mark.parametrize("module", MARKET)
def test_the_market_of_the_evidence_imports_nothing_of_what_it_judges(module: str) -> None:
    """Nor anything else than itself and the standard library: a mistake made in the engine is not repeated there."""
    path = SCRIPTS / f"{module.replace('.', '/')}.py"
    allowed = set(sys.stdlib_module_names) | {"worlds"}
    assert {imported.split(".")[0] for imported in imports(ast.parse(path.read_text()))} <= allowed


def test_nothing_of_the_engine_comes_with_the_market_of_the_evidence() -> None:
    """However far round."""
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, {', '.join(MARKET)}; print(*sys.modules)"],
        capture_output=True, text=True, check=True, timeout=60, env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
    ).stdout.split()  # fmt: skip
    assert "worlds.street" in found
    assert not [each for each in found if each.split(".")[0] in {"engine", "judging"}]


def test_cores_take_only_values_from_the_clock() -> None:
    for name, tree in MODULES.items():
        if name in SHELLS or room(name) in SHELL_ROOMS:
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
        if room(name) in {"admin", "history", "research"} or name == "metrics.endpoint":
            continue  # replies and metrics: behind a commit by themselves, or exempt; and what no daemon imports
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
                callers.append(name)
    files = {"journal.anchor", "journal.writer", "logs", "boot.kept_learning"}
    assert set(callers) <= {"runtime.release", "fix.sockets.transport"} | files, callers
    in_release = [
        function.name
        for function in ast.walk(MODULES["runtime.release"])
        if isinstance(function, ast.FunctionDef)
        and any(
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
            for node in ast.walk(function)
        )
    ]
    assert in_release == ["write_out"]


def test_only_the_gate_clears() -> None:
    """`Cleared` is constructed in `desk.gate.risk` alone."""
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Cleared":
                assert name == "desk.gate.risk", f"{name} constructs Cleared"


def test_only_a_turn_changes_what_stands() -> None:
    """What is kept of sessions and connections, and why nobody may be asked, is written by adopting a turn alone."""
    for name, tree in MODULES.items():
        if name.startswith("turn."):
            continue
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else []
            for target in targets:
                written = target.value if isinstance(target, ast.Subscript) else target
                if isinstance(written, ast.Attribute):
                    is_entry = isinstance(target, ast.Subscript)
                    kept = written.attr in {"links", "connections"} if is_entry else written.attr == "hold"
                    assert not kept, f"{name}:{node.lineno} writes {ast.unparse(target)}"
