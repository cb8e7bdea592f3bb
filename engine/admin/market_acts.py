"""`rfqctl marks import` and `rfqctl trades import`: a file of prices, or of trades of the market, into the engine.

The columns are those of a row of `marks.put` and of `trades.put`. Every row has to say when it is of: what a file says
is of some other day, and a price without a time would be taken for today's.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from engine.admin.client import AdminClient
from engine.admin.tables import Paper
from engine.commands.parameters import did_you_mean
from engine.config.text_file import NotText, open_table
from engine.errors import ConfigError

_ROWS_AT_ONCE: Final = 500
_REFUSED_SHOWN: Final = 50
_NO_TIME: Final = "time: expected a time with its zone (such as '2026-11-30T15:00:00Z'), found nothing"
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a file may hold: who takes it, its columns, and those that it has to have."""

    method: str
    columns: tuple[str, ...]
    required: tuple[str, ...]


MARKS: Final = Delivered("marks.put", ("security", "bid", "offer", "price", "time", "quality"), ("security", "time"))
TRADES: Final = Delivered(
    "trades.put",
    ("security", "price", "quantity", "time", "id", "canceled"),
    ("security", "price", "quantity", "time"),
)


def import_file(given: argparse.Namespace, what: Delivered, socket: Path, paper: Paper) -> int:
    """0 where every row was taken or is known, 1 where some were refused."""
    path: Path = given.file
    more = {"source": given.source or path.stem, "dry_run": given.dry_run}
    if getattr(given, "complete_from", None) is not None:
        more["complete_from"] = given.complete_from
    # A first look through all of it: nothing is taken of a file that breaks off.
    total = sum(1 for _ in _rows(path, what))
    rows = _rows(path, what)
    taken = known = 0
    complete: dict[str, None] = {}
    refused: list[dict[str, Any]] = []
    with AdminClient(socket, given.timeout) as desk:
        while read := [*islice(rows, _ROWS_AT_ONCE)]:
            refused += [{"line": line, "reason": _NO_TIME} for line, row in read if "time" not in row]
            piece = [(line, row) for line, row in read if "time" in row]
            if not piece:
                continue
            answer = desk.call(what.method, rows=[row for _, row in piece], **more)
            taken, known = taken + answer["taken"], known + answer.get("known", 0)
            complete |= dict.fromkeys(answer.get("complete", ()))
            refused += [{"line": piece[each["line"] - 1][0], "reason": each["reason"]} for each in answer["refused"]]
    if given.json:
        done = {"rows": total, "taken": taken, "known": known, "refused": refused, "complete": [*complete]}
        print(orjson.dumps({**done, "dry_run": given.dry_run}, option=orjson.OPT_INDENT_2).decode())
        return 1 if refused else 0
    for each in refused[:_REFUSED_SHOWN]:
        print(f"line {each['line']}: {each['reason']}")
    if len(refused) > _REFUSED_SHOWN:
        print(f"and {len(refused) - _REFUSED_SHOWN:,} others: --json has them")
    would = "would be " if given.dry_run else ""
    words = f"{len(refused):,} refused" if refused else "none refused"
    before = f"{known:,} known before, " if what is TRADES else ""
    print(f"{taken:,} of {total:,} rows {would}taken, {before}{paper.styled(words, 'yellow' if refused else '')}")
    if complete:
        print(f"all trades since {given.complete_from} {would}known of: {', '.join(complete)}")
    return 1 if refused else 0


def _rows(path: Path, what: Delivered) -> Iterator[tuple[int, dict[str, Any]]]:
    """The line and its cells by column. Raises ConfigError for a file that is no such table."""
    try:
        with open_table(path) as file:
            reader = csv.DictReader(file, strict=True)
            problems = _header_problems([*(reader.fieldnames or ())], what)
            if problems:
                raise ConfigError(f"{path}: its first line: {'; '.join(problems)}")
            for cells in reader:
                if None in cells or None in cells.values():
                    raise ConfigError(
                        f"{path}: line {reader.line_num}: expected {len(reader.fieldnames or ())} cells as in the first"
                        " line"
                    )
                row: dict[str, Any] = {name: text.strip() for name, text in cells.items() if text.strip()}
                if "canceled" in row:
                    row["canceled"] = _FLAGS.get(row["canceled"].lower(), row["canceled"])
                yield reader.line_num, row
    except NotText as error:
        raise ConfigError(f"{path}: {error}") from error
    except (OSError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _header_problems(names: Sequence[str], what: Delivered) -> list[str]:
    problems = [
        f"unknown column '{name}'{did_you_mean(name, what.columns)}" for name in names if name not in what.columns
    ]
    problems += [f"column '{name}' stands there twice" for name in what.columns if names.count(name) > 1]
    return problems + [f"column '{name}' is missing" for name in what.required if name not in names]
