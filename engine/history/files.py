"""History files: another system's blotter into a running engine in pieces, and what an engine saw out of its journal.

A mapping file (TOML) says how a blotter names things; every key may be left out:

    source = "blotter-2024"            # of rows that name none; default: the file's name
    delimiter = ";"
    ignore = ["Comment"]               # columns that are not wanted
    time_zone = "America/New_York"     # of times without a zone
    time_format = "%d/%m/%Y %H:%M:%S"  # of times that are not ISO 8601

    [columns]                          # ours = "theirs"
    rfq_id = "Ticket"

    [fill]                             # the same in every row
    price_type = "price"

    [values.answer]                    # "theirs" = "ours"
    Quoted = "quote"
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.commands.parameters import did_you_mean
from engine.config.text_file import NotText, open_table, read_text
from engine.desk.past.reading import COLUMNS, Refused, Row, header_problems
from engine.errors import ConfigError

ROWS_AT_ONCE: Final = 40
"""Rows of one call, unless one round has more: some 10 ms in which the engine answers nobody else."""

_TIMES: Final = ("sent_at", "deadline", "answered_at", "valid_until", "accepted_at")
_KEYS: Final = ("source", "delimiter", "ignore", "time_zone", "time_format", "columns", "fill", "values")


@dataclass(frozen=True, slots=True)
class Blotter:
    """How a blotter names things. `columns` is by their names, ours; `values` by column of ours, then by their word."""

    source: str = ""
    delimiter: str = ","
    ignore: tuple[str, ...] = ()
    zone: ZoneInfo | None = None
    time_format: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    fill: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_blotter(path: Path) -> Blotter:
    """A mapping file. Raises ConfigError with everything that is wrong with it."""
    try:
        found = tomllib.loads(read_text(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, NotText) as error:
        raise ConfigError(f"{path}: {error}") from error
    problems = [f"{key}: unknown key{did_you_mean(key, _KEYS)}" for key in found if key not in _KEYS]
    for key, kind, words in (
        ("source", str, "text"), ("delimiter", str, "one character"), ("ignore", list, "a list of columns"),
        ("time_zone", str, "text"), ("time_format", str, "text"), ("columns", dict, "a table"),
        ("fill", dict, "a table"), ("values", dict, "a table"),
    ):  # fmt: skip
        if key in found and not isinstance(found[key], kind):
            problems.append(f"{key}: expected {words}, found {found[key]!r}")
    if problems:
        raise ConfigError(f"{path}: {'; '.join(problems)}")
    columns, fill, values = (found.get(key, {}) for key in ("columns", "fill", "values"))
    ours = [*columns, *fill, *values]
    problems += [
        f"'{name}' is no column of a history{did_you_mean(name, COLUMNS)}" for name in ours if name not in COLUMNS
    ]
    problems += [
        f"columns.{name}: expected text, found {each!r}" for name, each in columns.items() if not isinstance(each, str)
    ]
    problems += [
        f"fill.{name}: expected text, found {each!r}" for name, each in fill.items() if not isinstance(each, str)
    ]
    for name, words_of in values.items():
        if not isinstance(words_of, dict) or not all(isinstance(each, str) for each in words_of.values()):
            problems.append(f'values.{name}: expected a table of "theirs" = "ours"')
    theirs = [*columns.values()]
    twice = next((each for at, each in enumerate(theirs) if each in theirs[:at]), None)
    if twice is not None:
        problems.append(f"columns: '{twice}' is named for two columns")
    delimiter = found.get("delimiter", ",")
    if len(delimiter) != 1:
        problems.append(f"delimiter: expected one character, found {delimiter!r}")
    zone = None
    if "time_zone" in found:
        try:
            zone = ZoneInfo(found["time_zone"])
        except (ZoneInfoNotFoundError, ValueError):
            problems.append(f"time_zone: expected a name such as America/New_York, found '{found['time_zone']}'")
    if problems:
        raise ConfigError(f"{path}: {'; '.join(problems)}")
    return Blotter(
        source=found.get("source", ""),
        delimiter=delimiter,
        ignore=tuple(str(each) for each in found.get("ignore", ())),
        zone=zone,
        time_format=found.get("time_format", ""),
        columns={theirs: name for name, theirs in columns.items()},
        fill=fill,
        values=values,
    )


# --- in ------------------------------------------------------------------------------------------

Send = Callable[[list[dict[str, Any]]], Mapping[str, Any]]
"""Hands rows to the engine; gives its answer to `history.add`."""


@dataclass(slots=True)
class Imported:
    """What became of a file's rows."""

    rows: int = 0
    taken: int = 0
    known: int = 0
    rounds: int = 0
    refused: list[Refused] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "taken": self.taken,
            "known": self.known,
            "rounds": self.rounds,
            "refused": [{"line": each.line, "reason": each.reason} for each in self.refused],
        }


def deliver(path: Path, blotter: Blotter, send: Send, progress: Callable[[int, int], None]) -> Imported:
    """Every row of the file that can be used, given to the engine, all rows of a round together.

    `progress` is told of rows that are done and of all there are. Raises ConfigError if it is no file of rows, or its
    header is wrong: then nothing of it was given.
    """
    rows, refused = _rows(path, blotter)
    done = Imported(len(rows) + len(refused), refused=refused)
    total, gone = len(rows), 0
    for piece in _pieces(rows):
        answer = send([{"line": line, **cells} for line, cells in piece])
        done.taken += answer["taken"]
        done.known += answer["known"]
        done.rounds += answer["rounds"]
        done.refused += [Refused(each["line"], each["reason"]) for each in answer["refused"]]
        gone += len(piece)
        progress(gone, total)
    done.refused.sort()
    return done


def pieces_of(path: Path, blotter: Blotter) -> tuple[Iterator[list[Row]], list[Refused]]:
    """The rows of a file in our words, all rows of a round together, and those that are no rows of it.

    Raises ConfigError if it is no file of rows, or its header is wrong.
    """
    rows, refused = _rows(path, blotter)
    return ([Row(line.number, line.cells) for line in piece] for piece in _pieces(rows)), refused


class _Line(NamedTuple):
    number: int
    cells: dict[str, str]


def _rows(path: Path, blotter: Blotter) -> tuple[list[_Line], list[Refused]]:
    """The rows in our words, and those that are no row of this table."""
    rows: list[_Line] = []
    refused: list[Refused] = []
    try:
        with open_table(path) as file:
            reader = csv.reader(file, delimiter=blotter.delimiter, strict=True)
            try:
                header = _header(path, next(reader, []), blotter)
            except csv.Error as error:
                raise ConfigError(f"{path}: its first line is no header: {error}") from error
            while True:
                number = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    break
                except csv.Error as error:
                    refused.append(Refused(number, f"no row of a table: {error}"))
                    continue
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    refused.append(
                        Refused(number, f"expected {len(header)} cells as in the header, found {len(cells)}")
                    )
                    continue
                try:
                    rows.append(_Line(number, _ours(header, cells, blotter)))
                except ValueError as error:
                    refused.append(Refused(number, str(error)))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except NotText as error:
        raise ConfigError(f"{path}: {error}") from error
    return rows, refused


def _header(path: Path, found: Sequence[str], blotter: Blotter) -> list[str]:
    """Our name of each column, empty for one that is not wanted."""
    names = [name.strip() for name in found]
    missing = [theirs for theirs in blotter.columns if theirs not in names]
    header = ["" if name in blotter.ignore else blotter.columns.get(name, name) for name in names]
    known = [*[name for name in header if name], *[name for name in blotter.fill if name not in header]]
    problems = [f"the mapping speaks of '{name}', which is no column of it" for name in missing]
    problems += [
        f"{each}{_near(each)}: name it in the mapping, under [columns] or ignore" if "is not known" in each else each
        for each in header_problems(known)
    ]
    if problems:
        raise ConfigError(f"{path}: {'; '.join(problems)}")
    return header


def _near(problem: str) -> str:
    return did_you_mean(problem.split("'")[1], COLUMNS)


def _ours(header: Sequence[str], cells: Sequence[str], blotter: Blotter) -> dict[str, str]:
    row = {name: text for name, cell in zip(header, cells, strict=True) if name and (text := cell.strip())}
    for name, text in blotter.fill.items():
        row.setdefault(name, text)
    for name, words in blotter.values.items():
        if name in row:
            row[name] = words.get(row[name], row[name])
    if blotter.zone is not None or blotter.time_format:
        for name in _TIMES:
            if name in row:
                row[name] = _time(name, row[name], blotter)
    return row


def _time(name: str, text: str, blotter: Blotter) -> str:
    """A time as the engine wants it. Raises ValueError; what has a zone of its own keeps it."""
    try:
        found = datetime.strptime(text, blotter.time_format) if blotter.time_format else datetime.fromisoformat(text)
    except ValueError:
        wanted = f"a time as {blotter.time_format}" if blotter.time_format else "an ISO 8601 time"
        raise ValueError(f"{name}: expected {wanted}, found '{text}'") from None
    if found.tzinfo is not None:
        return text if not blotter.time_format else found.isoformat()
    return found.replace(tzinfo=blotter.zone).isoformat() if blotter.zone is not None else text


def _pieces(rows: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Rows for one call each, whole rounds, in the order in which rounds begin in the file."""
    rounds: dict[tuple[str, str, str], list[_Line]] = {}
    for line in rows:
        key = (line.cells.get("source", ""), line.cells.get("rfq_id", ""), line.cells.get("round", "1"))
        rounds.setdefault(key, []).append(line)
    piece: list[_Line] = []
    for found in rounds.values():
        if piece and len(piece) + len(found) > ROWS_AT_ONCE:
            yield piece
            piece = []
        piece.extend(found)
    if piece:
        yield piece


# --- out -----------------------------------------------------------------------------------------


def write_rows(rows: Iterator[Mapping[str, str]], out: TextIO) -> int:
    """Rows under the one header; how many."""
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count
