"""The files of a warehouse: `<table>/desk=<desk>/date=<day>/<journal>-<n>.parquet`, as hive partitions.

A file is written aside and put in its place at once, so a reader sees it as it was or as it is. Each says in its
metadata up to which event of its journal it holds everything (`applied`); the files of the table `events`, written
last, say up to which event all files do (`committed`). An export that was killed goes on from there: what a file has
already is not put in again.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.errors import ConfigError
from engine.research.warehouse.tables import (
    EVENTS,
    FLAG,
    SCHEMA_VERSION,
    SEQ,
    STANDS,
    TABLES,
    TEXT,
    TIME,
    WHOLE,
    WORD,
    Table,
    as_arrow,
)

ROWS_MAX: Final = 100_000
"""Rows of a file, at which the next one of its day is begun: to add to a file is to write it anew."""
METADATA: Final = b"rfq-engine"
_DESK: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_DAY: Final = re.compile(r"date=(\d{4}-\d{2}-\d{2})")
_FILE: Final = re.compile(r"([0-9a-f]{12})-(\d{4,})\.parquet")
_NEWEST: Final = 3
"""Days of events that are looked at for how far an export has come: time does not go back in a journal."""

_MODE: Final = 0o640
"""Of files, as of a journal's: what they tell is not everybody's."""
_BEYOND: Final = 1 << 62
"""Behind every event."""

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """How far a journal is in the files, and what must be known to go on."""

    journal: str = ""
    seq: int = 0
    turn: int = 0
    turn_hash: str = ""
    """Of the chain there: says whether this is still the same journal."""
    first_ns: int = 0
    last_ns: int = 0
    source: str = ""
    """What its own rounds come from, for whoever reads them: the desk, or this journal of it."""
    early: Mapping[str, Sequence[tuple[int, str]]] = field(default_factory=dict)


def check_desk(name: str) -> str:
    """A desk's name, as a folder can be called. Raises ConfigError."""
    if _DESK.fullmatch(name) is None:
        raise ConfigError(f"desk: expected letters, digits, '_', '-' and '.', at most 64, found '{name}'")
    return name


def short(journal: str) -> str:
    """A journal's name in files and rows."""
    return journal[:12]


class Parts:
    """The files of one journal of a desk. `before` are the short names of the journals that it goes on from."""

    __slots__ = ("_before", "_days", "_desk", "_folder", "_journal", "_lock", "_unsynced", "written")

    def __init__(self, folder: Path, desk: str, journal: str, before: Sequence[str] = ()) -> None:
        self._folder, self._desk, self._journal, self._before = folder, desk, short(journal), tuple(before)
        self._days: dict[str, list[datetime.date]] = {}
        self._unsynced: set[Path] = set()
        self._lock = Lock()
        self.written = 0
        """Files."""

    def add(
        self,
        table: Table,
        date: datetime.date,
        rows: Sequence[Sequence[Any]],
        over: Mapping[Key, int],
        applied: int,
        committed: Committed,
    ) -> None:
        """Rows of one day, those that are in already left out; `over`: rows of these keys before an event do not stand.

        The files are complete up to the event `applied` by that. `committed` is what they say of all files.
        """
        files = self._files(table, date, self._journal)
        tail = files[-1] if files else None
        new = as_arrow(table, rows)
        if tail is not None:
            known = pq.read_metadata(tail)
            there = _told(known.metadata, tail)["applied"]
            new = new.filter(pc.greater(new[SEQ], there))
            applied = max(applied, there)
            if known.num_rows >= ROWS_MAX:
                tail = None
        if new.num_rows or table is EVENTS:
            place = tail if tail is not None else self._file(table, date, len(files))
            data = new if tail is None else pa.concat_tables([_read(tail, table), new])
            fallen = _fallen(table, data, over)
            self._write(table, place, data if fallen is None else fallen, applied, committed)
            files = [each for each in files if each != place]
        if over:
            for each in files:
                self._let_fall(table, each, over)
            for journal in self._before:
                for each in self._files(table, date, journal):
                    self._let_fall(table, each, dict.fromkeys(over, _BEYOND))
        self._days.pop(table.name, None)

    def _let_fall(self, table: Table, path: Path, over: Mapping[Key, int]) -> None:
        """In a file that takes no more rows."""
        changed = _fallen(table, _read(path, table), over)
        if changed is not None:
            self._write(table, path, changed, _told(pq.read_metadata(path).metadata, path)["applied"], Committed())

    def begin(self, date: datetime.date) -> None:
        """Every table has a file, be it an empty one: whoever reads them need not know which ones there are."""
        for table in TABLES.values():
            if table is not EVENTS and not self._days_of(table):
                self._write(table, self._file(table, date, 0), as_arrow(table, ()), 0, Committed())
                self._days.pop(table.name)

    def find(
        self, table: Table, known_by: Mapping[str, Any], before: int, since: datetime.date | None = None
    ) -> tuple[datetime.date, dict[str, Any]] | None:
        """The last row of that name that was made by an event before this one, the newest days first."""
        column = next(name for name in known_by if table.schema.field(name).type == TEXT)
        for journal in (self._journal, *self._before):
            bound = before if journal == self._journal else _BEYOND
            for date in self._days_of(table):
                if since is not None and date < since:
                    break
                for file in reversed(self._files(table, date, journal)):
                    matching = [
                        row
                        for row in _rows_with(file, table, column, known_by[column])
                        if row[SEQ] < bound and all(row[name] == value for name, value in known_by.items())
                    ]
                    if matching:
                        last = max(matching, key=_seq)
                        return date, {name: last[name] for name in table.names}
        return None

    def _days_of(self, table: Table) -> list[datetime.date]:
        if table.name not in self._days:
            self._days[table.name] = sorted(days_of(self._folder, table, self._desk), reverse=True)
        return self._days[table.name]

    def _files(self, table: Table, date: datetime.date, journal: str) -> list[Path]:
        return [path for path in files_of(self._folder, table, self._desk, date) if journal_of(path) == journal]

    def _file(self, table: Table, date: datetime.date, number: int) -> Path:
        return _day(self._folder, table, self._desk, date) / f"{self._journal}-{number:04}.parquet"

    def _write(self, table: Table, path: Path, data: pa.Table, applied: int, committed: Committed) -> None:
        told: dict[str, Any] = {"schema": SCHEMA_VERSION, "table": table.name, "applied": applied}
        if table is EVENTS:
            told |= {
                "journal": committed.journal,
                "committed": committed.seq,
                "turn": committed.turn,
                "turn_hash": committed.turn_hash,
                "first_ns": committed.first_ns,
                "last_ns": committed.last_ns,
                "source": committed.source,
                "early": committed.early,
            }
        schema = table.schema.with_metadata({METADATA: orjson.dumps(told)})
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.part")
        data = data.unify_dictionaries().cast(schema)
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "wb") as out:
            pq.write_table(data, out, compression="zstd", version="2.6", data_page_version="2.0")
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
        with self._lock:
            self._unsynced.add(path.parent)
            self.written += 1

    def sync(self) -> None:
        """What was put in its place so far is there after a loss of power."""
        for each in sorted(self._unsynced):
            there = os.open(each, os.O_RDONLY)
            try:
                os.fsync(there)
            finally:
                os.close(there)
        self._unsynced.clear()


# --- what is there -------------------------------------------------------------------------------


def desks_of(folder: Path, wanted: Sequence[str] = ()) -> list[str]:
    """The desks of a warehouse, or those that are wanted of them. Raises ConfigError where there is none of that."""
    events = folder / EVENTS.name
    if not events.is_dir():
        raise ConfigError(f"{folder}: no warehouse: make one with `rfqctl warehouse export`")
    known = sorted(each.name.removeprefix("desk=") for each in events.glob("desk=*"))
    unknown = [each for each in wanted if each not in known]
    if unknown:
        raise ConfigError(f"{folder}: no desk '{unknown[0]}' there, only {', '.join(known)}")
    return list(wanted) or known


def days_of(folder: Path, table: Table, desk: str) -> Iterator[datetime.date]:
    """The days of which a desk has rows, in no order."""
    for each in (folder / table.name / f"desk={desk}").glob("date=*"):
        if (found := _DAY.fullmatch(each.name)) is not None:
            yield datetime.date.fromisoformat(found[1])


def files_of(folder: Path, table: Table, desk: str, date: datetime.date) -> list[Path]:
    """The files of one day, in the order in which their rows came."""
    return sorted(
        path for path in _day(folder, table, desk, date).glob("*.parquet") if _FILE.fullmatch(path.name) is not None
    )


def journal_of(path: Path) -> str:
    """The short name of the journal that a file's rows are from."""
    return path.name.partition("-")[0]


def committed_of(folder: Path, desk: str) -> dict[str, Committed]:
    """How far each journal of a desk is in the files, by its short name. Raises ConfigError for another schema."""
    found: dict[str, Committed] = {}
    looked: dict[str, set[datetime.date]] = {}
    for date in sorted(days_of(folder, EVENTS, desk), reverse=True):
        for path in files_of(folder, EVENTS, desk, date):
            name = journal_of(path)
            days = looked.setdefault(name, set())
            if date not in days and len(days) >= _NEWEST:
                continue
            days.add(date)
            told = _told(pq.read_metadata(path).metadata, path)
            if told["committed"] >= found.get(name, Committed()).seq:
                found[name] = Committed(
                    told["journal"],
                    told["committed"],
                    told["turn"],
                    told["turn_hash"],
                    told["first_ns"],
                    told["last_ns"],
                    told["source"],
                    {rfq_id: [(version, body) for version, body in marks] for rfq_id, marks in told["early"].items()},
                )
    return found


def forget_unfinished(folder: Path, desk: str) -> None:
    """Remove what a killed export was writing aside."""
    for path in folder.glob(f"*/desk={desk}/date=*/.*.part"):
        path.unlink(missing_ok=True)


def _day(folder: Path, table: Table, desk: str, date: datetime.date) -> Path:
    return folder / table.name / f"desk={desk}" / f"date={date.isoformat()}"


def _told(metadata: Mapping[bytes, bytes] | None, path: Path) -> dict[str, Any]:
    told = (metadata or {}).get(METADATA)
    if told is None:
        raise ConfigError(f"{path}: not written by `rfqctl warehouse export`")
    found: dict[str, Any] = orjson.loads(told)
    if found["schema"] != SCHEMA_VERSION:
        raise ConfigError(
            f"{path}: schema {found['schema']} of a warehouse, this build writes {SCHEMA_VERSION}: "
            "export to a new folder"
        )
    return found


def _read(path: Path, table: Table) -> pa.Table:
    """A whole file; columns that have come since are null."""
    data = pq.ParquetFile(path).read()
    for at, each in enumerate(table.schema):
        if each.name not in data.schema.names:
            data = data.add_column(at, each, pa.nulls(data.num_rows, each.type))
    return data.select(table.schema.names).cast(table.schema)


def _rows_with(path: Path, table: Table, column: str, value: str) -> list[dict[str, Any]]:
    """Rows of a file that have a value, as Python has them: times as numbers."""
    data = pq.read_table(path, partitioning=None, filters=[(column, "==", value)])
    if not data.num_rows:
        return []
    for at, each in enumerate(data.schema):
        if each.type == TIME:
            data = data.set_column(at, each.name, data[each.name].cast(WHOLE))
        elif each.type == WORD:
            data = data.set_column(at, each.name, data[each.name].cast(TEXT))
    rows: list[dict[str, Any]] = data.to_pylist()
    return [dict.fromkeys(table.schema.names) | row for row in rows]


def _fallen(table: Table, data: pa.Table, over: Mapping[Key, int]) -> pa.Table | None:
    """The rows with `stands` false where something else stands now; None where nothing changes."""
    if not over or not table.key:
        return None
    column = next(name for name in table.key if table.schema.field(name).type == TEXT)
    place = table.key.index(column)
    names = pa.array({key[place] for key in over}, TEXT)
    places = pc.indices_nonzero(pc.and_(pc.is_in(data[column], names), data[STANDS]))
    looked = data.select([*table.key, SEQ]).take(places).to_pylist()
    fallen = {
        at
        for at, row in zip(places.to_pylist(), looked, strict=True)
        if row[SEQ] < over.get(tuple(row[name] for name in table.key), 0)
    }
    if not fallen:
        return None
    stands = [value and at not in fallen for at, value in enumerate(data[STANDS].to_pylist())]
    return data.set_column(data.schema.get_field_index(STANDS), STANDS, pa.array(stands, FLAG))


def _seq(row: Mapping[str, Any]) -> int:
    seq: int = row[SEQ]
    return seq
