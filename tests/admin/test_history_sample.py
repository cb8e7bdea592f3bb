"""The shipped history goes in without a word, teaches every dealer's numbers, and comes out as it went in."""

from __future__ import annotations

import csv
from pathlib import Path

from engine.desk.past.reading import COLUMNS, Known, Row, read_rows
from engine.desk.past.writing import rows_of
from engine.market.securities import parse_securities

ROOT = Path(__file__).resolve().parents[2]
NOW_NS = 1_796_000_000_000_000_000


def test_every_row_is_taken_and_written_as_the_same_round() -> None:
    bonds = parse_securities((ROOT / "config" / "securities" / "sample.csv").read_text(encoding="utf-8")).securities
    known = Known({each.security_id: each for each in bonds}, NOW_NS, 900 * 10**9)
    with (ROOT / "config" / "history" / "sample.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Row(line, {name: cell for name, cell in cells.items() if cell})
            for line, cells in enumerate(csv.DictReader(file), 2)
        ]
    rounds, refused = read_rows(rows, known, "sample")
    assert refused == []
    assert sum(len(told.seen.asks) for told in rounds) == len(rows) > 1_000
    written = [Row(1, cells) for told in rounds for cells in rows_of(told, "rfq")]
    assert {name for row in written for name in row.cells} <= set(COLUMNS)
    again, refused = read_rows(written, known, "rfq")
    assert refused == []
    assert again == rounds
