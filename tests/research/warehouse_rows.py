"""What stands in a warehouse's files, and an export that is stopped at a given step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.research.progress import silent
from engine.research.warehouse import export as exporting
from engine.research.warehouse import parts
from engine.research.warehouse.export import Exported, export
from engine.research.warehouse.tables import TABLES, TIME

Stood = tuple[str, str, str]
"""A row: the day and the desk that it is kept under, and its values."""


def all_rows(folder: Path) -> dict[str, list[Stood]]:
    """Every row by table, in no order that files make."""
    return {
        name: sorted(
            (path.parent.name, path.parent.parent.name, repr(row))
            for path in (folder / name).glob("*/*/*.parquet")
            for row in rows_in(path)
        )
        for name in TABLES
    }


def rows_in(path: Path) -> list[dict[str, Any]]:
    data = pq.ParquetFile(path).read()
    for at, each in enumerate(data.schema):
        if each.type == TIME:  # Python has no nanoseconds.
            data = data.set_column(at, each.name, data[each.name].cast(pa.int64()))
    rows: list[dict[str, Any]] = data.to_pylist()
    return rows


def exported(journal: Path, folder: Path, desk: str | None = None) -> Exported:
    [done] = export([journal], folder, desk, silent)
    return done


def standing(folder: Path, table: str, key: str) -> dict[str, dict[str, Any]]:
    """The rows as they stand, by one column."""
    rows = [row for path in (folder / table).glob("*/*/*.parquet") for row in rows_in(path) if row["stands"]]
    found = {row[key]: row for row in rows}
    assert len(found) == len(rows), "two rows of one thing stand"
    return found


def in_small_steps(monkeypatch: pytest.MonkeyPatch, rows: int, kept: int = 4, page: int = 7, file: int = 40) -> None:
    """So that everything that happens in years happens in a day."""
    monkeypatch.setattr(exporting, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(exporting, "KEPT_MAX", kept)
    monkeypatch.setattr(exporting, "PAGE", page)
    monkeypatch.setattr(parts, "ROWS_MAX", file)


class Stopped(BaseException):
    """The process is gone."""


@contextmanager
def stopped_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The `step`-th time that a file is put in its place, or just has been, is the last; odd steps are before it."""
    steps = [0]
    replace = Path.replace

    def counted(path: Path, target: Path) -> Path:
        steps[0] += 1
        if steps[0] == step:
            raise Stopped
        found = replace(path, target)
        steps[0] += 1
        if steps[0] == step:
            raise Stopped
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", counted)
        yield steps
