"""What config/warehouse/README.md shows is what comes out: its blocks are run, in DuckDB and in PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest
from kept_journal import keep
from warehouse_rows import exported, rows_in
from warehouse_sample import sample_day

from engine.domain import events as e
from engine.research.warehouse.tables import EXECUTIONS, TABLES

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

PAGE: Final = Path(__file__).resolve().parents[2] / "config/warehouse/README.md"
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DEBIAN: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Block:
    """`shown` is the block of text that follows it at once, empty without one."""

    language: str
    text: str
    shown: str = ""


def blocks(page: str) -> list[Block]:
    found = [(match[1], match[2], match.start(), match.end()) for match in _BLOCK.finditer(page)]
    told: list[Block] = []
    for at, (language, text, _, end) in enumerate(found):
        follows = found[at + 1] if at + 1 < len(found) and not page[end : found[at + 1][2]].strip() else None
        told.append(Block(language, text, follows[1] if follows is not None and follows[0] == "text" else ""))
    return told


def as_text(names: list[str], rows: list[tuple[Any, ...]]) -> str:
    """A table as the page shows one."""
    cells = [names, *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numbers = [isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in rows[0]]
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page's commands were given: a folder that has `warehouse` in it."""
    found = tmp_path_factory.mktemp("page")
    keep(sample_day().events, found / "journal.db", "credit")
    exported(found / "journal.db", found / "warehouse")
    return found


def test_every_table_is_on_the_page() -> None:
    told = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(told) == sorted(TABLES)


def test_duckdb_answers_what_the_page_shows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    shown = 0
    with duckdb.connect() as base:
        for block in blocks(PAGE.read_text()):
            if block.language == "sql":
                found = base.execute(block.text)
                if block.shown:
                    assert found.description is not None
                    assert as_text([each[0] for each in found.description], found.fetchall()) == block.shown
                    shown += 1
    assert shown >= 5


# --- PostgreSQL ----------------------------------------------------------------------------------


def _programs() -> Path | None:
    """Where PostgreSQL's own programs are: Debian keeps them apart."""
    if shutil.which("initdb") and shutil.which("postgres"):
        return Path(str(shutil.which("postgres"))).resolve().parent
    found = sorted(_DEBIAN.glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """How to connect to a server of its own, on a socket in a folder of its own."""
    programs, psql = _programs(), shutil.which("psql")
    if programs is None or psql is None:
        pytest.skip("no PostgreSQL here: initdb, postgres and psql are wanted")
    as_somebody: list[str] = []
    home = tmp_path_factory.mktemp("postgres")
    if os.geteuid() == 0:  # PostgreSQL refuses to be run by root.
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and there is no runuser to run it as somebody else")
        as_somebody = ["runuser", "-u", "nobody", "--"]
        home = Path("/tmp") / f"warehouse-postgres-{os.getpid()}"
        home.mkdir(mode=0o755)
        shutil.chown(home, "nobody")
    data = home / "data"
    try:
        make = [*as_somebody, str(programs / "initdb"), "-D", str(data), "-U", "desk", "-A", "trust", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, timeout=120, cwd="/")
        settings = {"listen_addresses": "", "unix_socket_directories": str(home), "fsync": "off", "timezone": "UTC"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        serve = [*as_somebody, str(programs / "postgres"), "-D", str(data), *options]
        server = subprocess.Popen(serve, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            where = [f"host={home}", "user=desk", "dbname=postgres"]
            ready = [str(programs / "pg_isready"), "-q", "-t", "1", "-d", " ".join(where)]
            for _ in range(600):
                if subprocess.run(ready, check=False).returncode == 0:
                    break
                assert server.poll() is None, "the server has ended"
            yield where
        finally:
            pid = int((data / "postmaster.pid").read_text().splitlines()[0])
            subprocess.run([*as_somebody, "kill", "-INT", str(pid)], check=False)
            server.wait(timeout=60)
    finally:
        if as_somebody:
            shutil.rmtree(home, ignore_errors=True)


def test_postgres_takes_what_the_page_loads(folder: Path, postgres: list[str], tmp_path: Path) -> None:
    """Twice, and once more after another export: each row is there once."""
    told = blocks(PAGE.read_text())
    program = tmp_path / "to_postgres.py"
    program.write_text(next(block.text for block in told if block.language == "python"))
    load = [sys.executable, str(program), "warehouse"]
    for table in [*TABLES, "executions"]:
        subprocess.run([*load, table, *postgres], cwd=folder, check=True, timeout=120)
    psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", " ".join(postgres)]
    shown = 0
    for block in told:
        if block.language == "postgres":
            done = subprocess.run([*psql, "-c", block.text], check=True, capture_output=True, text=True, timeout=60)
            assert "\n".join(map(str.rstrip, done.stdout.splitlines())).strip() == block.shown.strip()
            shown += 1
    assert shown >= 2

    def count(table: str) -> int:
        ask = [*psql, "-At", "-c", f"SELECT count(*) FROM {table}"]
        return int(subprocess.run(ask, check=True, capture_output=True, text=True, timeout=60).stdout)

    for table in TABLES:
        assert count(table) == sum(len(rows_in(path)) for path in (folder / "warehouse" / table).rglob("*.parquet")), (
            table
        )
    last = max(row["seq"] for path in (folder / "warehouse/events").rglob("*.parquet") for row in rows_in(path))
    before = count(EXECUTIONS.name)
    more = [event for event in sample_day().events if isinstance(event, e.FillBooked)][:2]
    shutil.copytree(folder, tmp_path / "later")
    keep([_another(each, at) for at, each in enumerate(more)], tmp_path / "later/journal.db", after=last)
    exported(tmp_path / "later/journal.db", tmp_path / "later/warehouse")
    subprocess.run([*load, "executions", *postgres], cwd=tmp_path / "later", check=True, timeout=120)
    assert count(EXECUTIONS.name) == before + 2


def _another(event: e.FillBooked, number: int) -> e.FillBooked:
    return replace(event, fill=replace(event.fill, exec_id=f"E-9{number:05}", key=f"other|{number}"))
