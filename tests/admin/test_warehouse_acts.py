"""`rfqctl warehouse export`: what is printed, and where the files go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from desk_past import past_events
from kept_journal import keep

from engine.admin.cli import main as rfqctl


def test_what_is_new_each_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal, events = tmp_path / "journal.db", past_events()[:60]
    last, _ = keep(events[:40], journal, "credit")
    assert rfqctl(["warehouse", "export", "--to", "parquet", str(journal)]) == 0
    first, tables = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{journal}: events 1 to 40 of desk credit, ")
    assert first.endswith(f"files written in {tmp_path / 'warehouse'}")
    assert ", 40 events, " in tables
    keep(events[40:], journal, after=last)
    assert rfqctl(["warehouse", "export", str(journal), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(tmp_path / "warehouse")
    [one] = told["journals"]
    assert (one["desk"], one["begun_at"], one["upto"], one["rows"]["events"]) == ("credit", 40, 60, 20)
    assert rfqctl(["warehouse", "export", str(journal)]) == 0
    assert capsys.readouterr().out == f"{journal}: nothing new since event 60, desk credit\n"


def test_journals_of_many_desks_in_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for desk in ("credit", "munis"):
        keep(past_events()[:20], tmp_path / f"{desk}.db", desk)
    out = tmp_path / "all"
    assert rfqctl(["warehouse", "export", *map(str, sorted(tmp_path.glob("*.db"))), "--out", str(out)]) == 0
    assert sorted(path.name for path in (out / "events").iterdir()) == ["desk=credit", "desk=munis"]
    assert rfqctl(["warehouse", "export", str(tmp_path / "munis.db"), "--desk", "a/b"]) == 2
    assert "desk: expected letters" in capsys.readouterr().err
    assert rfqctl(["warehouse", "export", str(tmp_path / "none.db")]) == 1
    assert "no such journal" in capsys.readouterr().err
