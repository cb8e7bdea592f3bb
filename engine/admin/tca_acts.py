"""`rfqctl tca import`: an outside provider's results into the engine, a row an execution."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from engine.admin.client import AdminClient
from engine.admin.tables import Paper
from engine.config.text_file import NotText, open_table
from engine.errors import ConfigError

_ROWS_AT_ONCE: Final = 500


def import_file(given: argparse.Namespace, socket: Path, paper: Paper) -> int:
    """0 where every row was taken or is known, 1 where some were refused."""
    path: Path = given.file
    source = given.source or path.stem
    rows = _rows(path)
    taken = known = 0
    refused: list[dict[str, Any]] = []
    with AdminClient(socket, given.timeout) as desk:
        while piece := [*islice(rows, _ROWS_AT_ONCE)]:
            answer = desk.call("tca.put", rows=piece, source=source, dry_run=given.dry_run)
            taken, known = taken + answer["taken"], known + answer["known"]
            refused += answer["refused"]
    if given.json:
        done = {"taken": taken, "known": known, "refused": refused, "dry_run": given.dry_run}
        print(orjson.dumps(done, option=orjson.OPT_INDENT_2).decode())
        return 1 if refused else 0
    for each in refused:
        print(f"line {each['line']}: {each['reason']}")
    would = "would be " if given.dry_run else ""
    words = f"{len(refused):,} refused" if refused else "none refused"
    print(f"{taken:,} {would}taken, {known:,} known before, {paper.styled(words, 'yellow' if refused else '')}")
    return 1 if refused else 0


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Cells by column, with the line. Raises ConfigError for a file that is no such table."""
    try:
        with open_table(path) as file:
            reader = csv.DictReader(file, strict=True)
            if "exec_id" not in (reader.fieldnames or ()):
                raise ConfigError(f"{path}: its first line has no column 'exec_id'")
            for cells in reader:
                if None in cells:
                    raise ConfigError(f"{path}: line {reader.line_num} has more cells than the first line")
                yield {"line": reader.line_num, **{name: text.strip() for name, text in cells.items() if text}}
    except NotText as error:
        raise ConfigError(f"{path}: {error}") from error
    except (OSError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
