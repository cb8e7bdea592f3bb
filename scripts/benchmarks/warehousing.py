"""Years of rounds into Parquet files: events a second, bytes a row, and how soon DuckDB answers a question of them.

The floor is reading the same journal and decoding its events, which any export has to do.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.leaking import rounds_told
from benchmarks.measuring import Effort, Line, say
from engine.domain import events as e
from engine.journal.archive import ReadOnly
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.events import events_codec
from engine.journal.writer import Journal

ROUNDS: Final = 20_000
"""Of a year, each with its mark half an hour later; for a look, those of its first weeks."""
BATCH: Final = 1_000
_QUESTION: Final = """
SELECT dealer, count(*), avg(price) FROM read_parquet('{}/asks/*/*/*.parquet', hive_partitioning = true)
WHERE stands GROUP BY dealer
"""


def measure(effort: Effort) -> list[Line]:
    try:
        import duckdb

        from engine.research.progress import silent
        from engine.research.warehouse.export import export
    except ModuleNotFoundError as error:
        say(f"{error.name} is not installed: nothing of a warehouse was measured")
        return []
    rounds = ROUNDS // 10 if effort.quick else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        path, files = Path(folder) / "journal.db", Path(folder) / "files"
        events = _write(path, rounds)
        floor_s = _read(path)
        began = time.monotonic()
        [done] = export([path], files, "bench", silent)
        whole_s = time.monotonic() - began
        began = time.monotonic()
        export([path], files, "bench", silent)
        again_ms = 1_000 * (time.monotonic() - began)
        began = time.monotonic()
        duckdb.execute(_QUESTION.format(files)).fetchall()
        asked_ms = 1_000 * (time.monotonic() - began)
        journal_size = path.stat().st_size
        size = sum(each.stat().st_size for each in files.rglob("*.parquet"))
    rows = done.rows.total()
    what = f"warehouse of {events:,} events, {rows:,} rows"
    return [
        Line(f"{what}: an event", "us", 1e6 * whole_s / events, "read and decoded", 1e6 * floor_s / events, None),
        Line(f"{what}: a row", "bytes", size / rows, "of the journal", journal_size / rows, None),
        Line(f"{what}: with nothing new", "ms", again_ms, "the first time", 1_000 * whole_s, None),
        Line(f"{what}: means by dealer", "ms", asked_ms, "read and decoded", 1_000 * floor_s, None),
    ]


def _write(path: Path, rounds: int) -> int:
    """A journal of rounds and their marks; how many events it has."""
    encode, seq = events_codec().encode, 0
    with Journal(path, "normal", reserve_bytes=0) as journal:
        turns: list[StagedTurn] = []
        for told in islice(rounds_told(200, ROUNDS), rounds):
            seen = replace(told.seen, source="")
            after = told.after[0]
            marked = (seen.rfq_id, after.horizon, seen.closed_ns, after.mark, None, "")
            for event in (e.RoundObserved(seen.closed_ns, seen), e.RoundMarked(seen.closed_ns, *marked)):
                seq += 1
                name, version, body = encode(event)
                row = EventRow(seq, seq, name, version, event.at_ns, body)
                turns.append(StagedTurn(seq, event.at_ns, "Noted", "", "", events=(row,)))
            if len(turns) >= BATCH:
                journal.commit(turns)
                turns = []
        if turns:
            journal.commit(turns)
    return seq


def _read(path: Path) -> float:
    decode = events_codec().decode
    began = time.monotonic()
    with ReadOnly(path) as file:
        for row in file.events():
            decode(row.type, row.version, row.body)
    return time.monotonic() - began
