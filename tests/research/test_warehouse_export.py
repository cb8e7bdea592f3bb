"""engine/research/warehouse: whatever happens to an export, and in whatever pieces, the same rows are there once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from kept_journal import keep
from test_every_event import some_day
from warehouse_rows import Stopped, all_rows, exported, in_small_steps, rows_in, standing, stopped_at

from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.observation import RoundTold
from engine.errors import ConfigError, JournalError
from engine.journal.batch import EventRow, StagedTurn
from engine.journal.event_codec import Codec, event_types
from engine.journal.writer import Journal
from engine.research.past import Past, Source
from engine.research.warehouse.export import export
from engine.research.warehouse.tables import ORDERS, PRICE, SCHEMA_VERSION, as_arrow

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

SEEDS = (1, 5, 9, 11)


def told_by(*paths: Path) -> list[RoundTold]:
    with Past() as past:
        past.read([Source(path) for path in paths])
        return list(past.rounds())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rounds_are_those_of_the_journal_to_the_bit(seed: int, tmp_path: Path) -> None:
    keep(some_day(seed).events, tmp_path / "journal.db", "credit")
    exported(tmp_path / "journal.db", tmp_path / "files")
    wanted = told_by(tmp_path / "journal.db")
    assert len(wanted) >= 5
    found = told_by(tmp_path / "files")
    assert found == wanted
    assert repr(found) == repr(wanted), "to the last digit of every price"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_stands_is_what_the_desk_has(seed: int, tmp_path: Path) -> None:
    """Orders, acceptances and fills after busts, corrections, replaces and last words that came late."""
    day = some_day(seed)
    keep(day.events, tmp_path / "journal.db", "credit")
    exported(tmp_path / "journal.db", tmp_path / "files")
    state: DeskState = day.state
    orders = standing(tmp_path / "files", "orders", "order_id")
    assert {name: row["filled"] for name, row in orders.items()} == {
        order_id: order.filled for order_id, order in state.orders.items()
    }
    ended = {name: row["state"] for name, row in orders.items() if row["state"] in ("filled", "canceled", "expired")}
    assert ended == {
        order_id: order.state.value
        for order_id, order in state.orders.items()
        if order.state.value in ("filled", "canceled", "expired")
    }
    acceptances = standing(tmp_path / "files", "acceptances", "placement_id")
    assert {name: (row["state"], row["filled"]) for name, row in acceptances.items()} == {
        placement_id: (each.state.value, each.filled) for placement_id, each in state.placements.items()
    }
    executions = standing(tmp_path / "files", "executions", "exec_id")
    assert {name: (row["quantity"], row["price"], row["state"] == "busted") for name, row in executions.items()} == {
        each.fill.exec_id: (each.fill.quantity, each.fill.price, each.canceled) for each in state.fills.values()
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_in_pieces_the_same_rows_come_out(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that grows between exports, exports that hold little, files that are soon full."""
    rng = random.Random(seed)
    events, last = some_day(seed).events, 0
    monkeypatch.setattr("os.fsync", lambda file: None)
    in_small_steps(monkeypatch, rows=rng.choice((20, 60, 120)), kept=rng.choice((1, 3, 100)), file=rng.choice((3, 40)))
    while last < len(events):
        more = events[last : last + rng.randint(1, len(events) // 3)]
        last, _ = keep(more, tmp_path / "journal.db", "credit", after=last)
        exported(tmp_path / "journal.db", tmp_path / "pieces")
    monkeypatch.undo()
    exported(tmp_path / "journal.db", tmp_path / "whole")
    assert all_rows(tmp_path / "pieces") == all_rows(tmp_path / "whole")


@pytest.mark.parametrize("every", [pytest.param(9, id="some"), pytest.param(1, id="all", marks=pytest.mark.full)])
def test_stopped_at_any_step_and_run_again_the_same_rows_are_there_once(
    every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after each file is put in its place; the run that follows holds other numbers of rows."""
    monkeypatch.setattr("os.fsync", lambda file: None)  # A process that is gone is no loss of power.
    keep(some_day(9).events[:180], tmp_path / "journal.db", "credit")
    exported(tmp_path / "journal.db", tmp_path / "whole")
    wanted = all_rows(tmp_path / "whole")
    step, ended = 0, False
    while not ended:
        step += every
        folder = tmp_path / f"stopped-{step}"
        with monkeypatch.context() as small:
            in_small_steps(small, rows=120, file=60)
            with stopped_at(step, small):
                try:
                    exported(tmp_path / "journal.db", folder)
                    ended = True
                except Stopped:
                    pass
        with monkeypatch.context() as small:
            in_small_steps(small, rows=(70, 170, 100_000)[step % 3], file=60)
            exported(tmp_path / "journal.db", folder)
        assert all_rows(folder) == wanted, f"stopped at step {step}"
        shutil.rmtree(folder)
    assert step > 50


_CHILD = """
import sys
from pathlib import Path
from engine.research.warehouse import export as exporting, parts
exporting.ROWS_AT_ONCE, exporting.PAGE, parts.ROWS_MAX = 300, 20, 400
exporting.export([Path(sys.argv[1])], Path(sys.argv[2]), None, lambda done, total: None)
"""


@pytest.mark.full
def test_killed_at_random_and_run_again_the_same_rows_are_there_once(tmp_path: Path) -> None:
    """kill -9, twelve times one export."""
    events = [event for seed in SEEDS for event in some_day(seed).events]
    keep(sorted(events, key=lambda each: each.at_ns), tmp_path / "journal.db", "credit")
    exported(tmp_path / "journal.db", tmp_path / "whole")
    command = [sys.executable, "-c", _CHILD, str(tmp_path / "journal.db"), str(tmp_path / "killed")]
    rng, killed = random.Random(7), 0
    for _ in range(12):
        child = subprocess.Popen(command)
        while child.poll() is None and not (tmp_path / "killed" / "orders").exists():
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.4))
        if child.poll() is None:
            os.kill(child.pid, signal.SIGKILL)
            killed += 1
        child.wait()
    subprocess.run(command, check=True, timeout=120)
    assert killed >= 2
    assert all_rows(tmp_path / "killed") == all_rows(tmp_path / "whole")


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    keep(some_day(1).events, tmp_path / "journal.db", "credit")
    first = exported(tmp_path / "journal.db", tmp_path / "files")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "files").rglob("*.parquet")}
    again = exported(tmp_path / "journal.db", tmp_path / "files")
    assert (again.begun_at, again.upto, again.files, again.rows.total()) == (first.upto, first.upto, 0, 0)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "files").rglob("*.parquet")}


def test_the_journal_is_only_read(tmp_path: Path) -> None:
    keep(some_day(1).events, tmp_path / "journal.db", "credit")
    before = (tmp_path / "journal.db").read_bytes()
    exported(tmp_path / "journal.db", tmp_path / "files")
    assert (tmp_path / "journal.db").read_bytes() == before


def test_no_message_and_no_credential_is_exported(tmp_path: Path) -> None:
    """What came and was not understood, a password in a text, the bytes of a report that nobody could book."""
    day = some_day(1)
    at_ns = day.now.utc_ns
    quarantined = next(each for each in day.events if isinstance(each, e.FillQuarantined))
    returned = next(each for each in day.events if isinstance(each, e.OrderReturned))
    secrets = [
        e.InputRefused(at_ns, "ash", "8=FIX.4.4\x0135=8\x01secretinput=1\x01", "ValueError: 554=secretword|"),
        e.StrayMessage(at_ns, "ash", "8", "", "see 554=secretpassword|"),
        replace(quarantined, report=replace(quarantined.report, as_came="8=FIX.4.4\x0135=8\x01secretbytes\x01")),
        replace(returned, at_ns=at_ns, reason="they wrote 554=secretreason|"),
    ]
    keep([*day.events, *secrets], tmp_path / "journal.db", "credit")
    exported(tmp_path / "journal.db", tmp_path / "files")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "files").rglob("*.parquet")} == {0o640}
    shown = repr(all_rows(tmp_path / "files"))
    assert "StrayMessage" in shown
    for word in ("secretinput", "secretword", "secretpassword", "secretreason", "secretbytes", "8=FIX"):
        assert word not in shown, word


def test_early_marks_find_their_round_in_the_next_export(tmp_path: Path) -> None:
    """A round that is marked before it is over: its marks wait with the cursor."""
    events = some_day(9).events
    observed = next(each for each in events if isinstance(each, e.RoundObserved) and each.round.asks)
    marked = [each for each in events if isinstance(each, e.RoundMarked) and each.rfq_id == observed.round.rfq_id]
    assert marked
    others = [each for each in events if each is not observed and each not in marked]
    last, _ = keep([*others, *marked], tmp_path / "journal.db", "credit")
    exported(tmp_path / "journal.db", tmp_path / "files")
    keep([observed], tmp_path / "journal.db", after=last)
    exported(tmp_path / "journal.db", tmp_path / "files")
    assert told_by(tmp_path / "files") == told_by(tmp_path / "journal.db")
    rows = [row for path in (tmp_path / "files/marks").rglob("*.parquet") for row in rows_in(path)]
    assert sum(row["rfq_id"] == observed.round.rfq_id and row["after"] == "round" for row in rows) == len(marked)


# --- journals and desks --------------------------------------------------------------------------


def test_a_journal_that_goes_on_where_another_ended_is_one_desk(tmp_path: Path) -> None:
    """What became of rounds, fills and orders of the first file stands in the second."""
    events = some_day(9).events
    for cut in (len(events) // 3, 2 * len(events) // 3):
        folder = tmp_path / str(cut)
        folder.mkdir()
        _, head = keep(events[:cut], folder / "a.db", "credit")
        keep(events[cut:], folder / "b.db", "credit", previous_head=head)
        exported(folder / "a.db", folder / "files")
        exported(folder / "b.db", folder / "files")
        assert told_by(folder / "files") == told_by(folder / "a.db", folder / "b.db")
        keep(events, folder / "one.db", "credit")
        exported(folder / "one.db", folder / "one")
        for table, key in (("orders", "order_id"), ("executions", "exec_id"), ("acceptances", "placement_id")):
            mine, wanted = standing(folder / "files", table, key), standing(folder / "one", table, key)
            for row in (*mine.values(), *wanted.values()):
                del row["journal"], row["seq"]
            assert mine == wanted


def test_desks_are_kept_apart(tmp_path: Path) -> None:
    keep(some_day(1).events, tmp_path / "a.db", "credit")
    keep(some_day(5).events, tmp_path / "b.db", "munis")
    exported(tmp_path / "a.db", tmp_path / "files")
    exported(tmp_path / "b.db", tmp_path / "files")
    found = told_by(tmp_path / "files")
    assert found == told_by(tmp_path / "a.db", tmp_path / "b.db")
    assert {told.seen.source for told in found} == {"credit", "munis", "elsewhere"}


def test_a_second_journal_of_the_same_time_is_another_desks(tmp_path: Path) -> None:
    keep(some_day(1).events, tmp_path / "a.db", "credit")
    keep(some_day(5).events, tmp_path / "b.db", "credit")
    exported(tmp_path / "a.db", tmp_path / "files")
    with pytest.raises(ConfigError, match=r"desk 'credit' has another journal of the same time .* name it with --desk"):
        exported(tmp_path / "b.db", tmp_path / "files")
    exported(tmp_path / "b.db", tmp_path / "files", "london")
    assert {told.seen.source for told in told_by(tmp_path / "files")} == {"credit", "london", "elsewhere"}


def test_a_journal_that_was_restored_and_went_on_otherwise_is_refused(tmp_path: Path) -> None:
    events = some_day(1).events
    last, _ = keep(events[:100], tmp_path / "a.db", "credit")
    shutil.copy(tmp_path / "a.db", tmp_path / "copy.db")
    keep(events[100:150], tmp_path / "a.db", after=last)
    exported(tmp_path / "a.db", tmp_path / "files")
    assert exported(tmp_path / "copy.db", tmp_path / "files").rows.total() == 0, "a copy from before has nothing new"
    keep(events[150:250], tmp_path / "copy.db", after=last)
    with pytest.raises(JournalError, match="turn 150 is not the one that was exported"):
        exported(tmp_path / "copy.db", tmp_path / "files")


def test_files_of_another_schema_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(some_day(1).events, tmp_path / "a.db", "credit")
    exported(tmp_path / "a.db", tmp_path / "files")
    monkeypatch.setattr("engine.research.warehouse.parts.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with pytest.raises(ConfigError, match=r"schema 1 of a warehouse, this build writes 2: export to a new folder"):
        exported(tmp_path / "a.db", tmp_path / "files")


def test_one_export_of_a_desk_at_a_time(tmp_path: Path) -> None:
    import fcntl

    keep(some_day(1).events, tmp_path / "a.db", "credit")
    exported(tmp_path / "a.db", tmp_path / "files")
    with (tmp_path / "files/.credit.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="another export of desk 'credit' is running"):
            exported(tmp_path / "a.db", tmp_path / "files")


@pytest.mark.parametrize("name", ["", "a/b", "..", "desk=x", "x" * 65, "a b"])
def test_a_desk_has_a_name_that_a_folder_can_have(name: str, tmp_path: Path) -> None:
    keep(some_day(1).events[:5], tmp_path / "a.db", "credit")
    with pytest.raises(ConfigError, match="desk: expected letters"):
        exported(tmp_path / "a.db", tmp_path / "files", name)


# --- beside a daemon -----------------------------------------------------------------------------


def test_the_writers_log_can_be_emptied_between_two_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No read transaction outlives a page; what is written meanwhile waits for the next export."""
    events = some_day(1).events
    last, _ = keep(events[:150], tmp_path / "a.db", "credit")
    monkeypatch.setattr("engine.research.warehouse.export.PAGE", 40)
    told: list[tuple[int, int]] = []
    at = iter(range(150, len(events), 20))
    codec = Codec(event_types(vars(e), e.Event))
    with Journal(tmp_path / "a.db", "normal", reserve_bytes=0) as journal:

        def beside(done: int, total: int) -> None:
            told.append((done, total))
            begin = next(at)
            turns = []
            for event in events[begin : begin + 20]:
                head = journal.head.event_seq + len(turns) + 1
                row = EventRow(head, head, *codec.encode(event)[:2], event.at_ns, codec.encode(event)[2])
                turns.append(StagedTurn(head, event.at_ns, "timer", "", "", events=(row,)))
            journal.commit(turns)
            with closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as other:
                busy, log, moved = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert (busy, log, moved) == (0, 0, 0), "somebody was in the way"

        [done] = export([tmp_path / "a.db"], tmp_path / "files", None, beside)
    assert told == [(40, last), (80, last), (120, last), (last, last)]
    assert done.upto == last
    assert exported(tmp_path / "a.db", tmp_path / "files").begun_at == last


# --- numbers -------------------------------------------------------------------------------------


def test_a_number_with_more_digits_is_rounded_and_one_too_large_is_null() -> None:
    sent = [Decimal("99.123456785"), Decimal("1E+400"), Decimal("NaN"), None, Decimal("9999999999.999999999")]
    place = ORDERS.schema.get_field_index("limit_price")
    rows = [[None] * place + [price] + [None] * (len(ORDERS.schema) - place - 2) for price in sent]
    found = as_arrow(ORDERS, rows)["limit_price"]
    assert found.type == PRICE
    assert found.to_pylist() == [Decimal("99.12345678"), None, None, None, None]
