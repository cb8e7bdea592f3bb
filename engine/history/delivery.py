"""A history file into a running engine, some rounds at a time, and what became of its rows.

The engine answers nobody else while it takes a piece, so pieces are small, and between two of them the file rests as
long as the engine has worked: half of its time belongs to others. What it knows already is asked for first and not
handed over again, so that an import that was cut off goes on where it was within seconds.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, TextIO

from engine.commands.parameters import ROWS_MAX
from engine.desk.past.reading import Refused, Row
from engine.errors import ConfigError
from engine.history.files import HistoryFile

ROWS_AT_ONCE: Final = 12
"""Rows of one call, unless one round has more: some 2 ms in which the engine answers nobody else."""
KNOWN_AT_ONCE: Final = 250
"""Rounds that are asked for at a time: 1 ms."""
REFUSED_KEPT: Final = 1_000
"""Refused lines that are kept with their reasons; all are counted, and written where a file for them was named."""
REASONS_KEPT: Final = 100
"""Reasons that are counted apart."""
OTHER_REASONS: Final = "other reasons"

_FOUND: Final = re.compile(r"'[^']*'|\d[\d.,:TZ+-]*")


class Engine(Protocol):
    """The running engine, as far as a history is handed to it."""

    def known(self, rounds: list[dict[str, Any]]) -> Sequence[bool]:
        """Of each round, whether it was told of by all of these dealers: the answer to `history.known`."""
        ...

    def add(self, rows: list[dict[str, Any]]) -> Mapping[str, Any]:
        """The answer to `history.add`."""
        ...


class RefusedRows(AbstractContextManager["RefusedRows"]):
    """Lines that were refused: the first with their reasons, all of them counted, and in a file if one is named."""

    def __init__(self, path: Path | None = None) -> None:
        self.count = 0
        self.kept: list[Refused] = []
        self.reasons: Counter[str] = Counter()
        """How many by reason, without what was found in the line."""
        self._path = path
        self._out: TextIO | None = None

    def __enter__(self) -> RefusedRows:
        if self._path is not None:
            try:
                self._out = self._path.open("w", encoding="utf-8", newline="")
            except OSError as error:
                raise ConfigError(f"{self._path}: cannot be written: {error.strerror}") from error
            csv.writer(self._out, lineterminator="\n").writerow(("line", "reason"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._out is not None:
            self._out.close()

    def add(self, one: Refused) -> None:
        self.count += 1
        if len(self.kept) < REFUSED_KEPT:
            self.kept.append(one)
        reason = _FOUND.sub("...", one.reason)
        if reason not in self.reasons and len(self.reasons) >= REASONS_KEPT:
            reason = OTHER_REASONS
        self.reasons[reason] += 1
        if self._out is not None:
            csv.writer(self._out, lineterminator="\n").writerow(one)


@dataclass(slots=True)
class Imported:
    """What became of a file's rows."""

    rows: int = 0
    taken: int = 0
    known: int = 0
    rounds: int = 0
    refused: RefusedRows = field(default_factory=RefusedRows)

    def plain(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "taken": self.taken,
            "known": self.known,
            "rounds": self.rounds,
            "refused_count": self.refused.count,
            "refused_by_reason": dict(self.refused.reasons.most_common()),
            "refused": [{"line": each.line, "reason": each.reason} for each in sorted(self.refused.kept)],
        }


def deliver(file: HistoryFile, engine: Engine, refused: RefusedRows, progress: Callable[[int, int], None]) -> Imported:
    """Every row of the file that can be used, given to the engine, all rows of a round together.

    `progress` is told of rows that are done and of all there are. Raises ConfigError if it is no file of rows, or its
    header is wrong: then nothing of it was given.
    """
    file.look()
    done, gone = Imported(refused=refused), 0

    def refuse(one: Refused) -> None:
        nonlocal gone
        done.rows += 1
        gone += 1
        refused.add(one)

    for some in _some(file.rounds(refuse), KNOWN_AT_ONCE):
        known = engine.known([_named(rows) for rows in some])
        fresh: list[list[Row]] = []
        for rows, is_known in zip(some, known, strict=True):
            done.rows += len(rows)
            # Lines that contradict each other are said so again.
            if is_known and len({row.cells.get("dealer") for row in rows}) == len(rows):
                done.known += len(rows)
                gone += len(rows)
            elif len(rows) > ROWS_MAX:
                gone += len(rows)
                for row in rows:
                    refused.add(Refused(row.line, f"more than {ROWS_MAX:,} rows of one round"))
            else:
                fresh.append(rows)
        for piece in _pieces(fresh):
            answer = engine.add([{"line": row.line, **row.cells} for row in piece])
            done.taken += answer["taken"]
            done.known += answer["known"]
            done.rounds += answer["rounds"]
            for each in answer["refused"]:
                refused.add(Refused(each["line"], each["reason"]))
            gone += len(piece)
            progress(min(gone, file.rows), file.rows)
        progress(min(gone, file.rows), file.rows)
    progress(file.rows, file.rows)
    return done


def _named(rows: Sequence[Row]) -> dict[str, Any]:
    """A round as `history.known` is asked for it."""
    first = rows[0].cells
    return {
        "source": first.get("source", ""),
        "rfq_id": first.get("rfq_id", ""),
        "round": first.get("round", "1"),
        "dealers": [row.cells.get("dealer", "") for row in rows],
    }


def _some(rounds: Iterator[list[Row]], most: int) -> Iterator[list[list[Row]]]:
    some: list[list[Row]] = []
    for rows in rounds:
        some.append(rows)
        if len(some) >= most:
            yield some
            some = []
    if some:
        yield some


def _pieces(rounds: Sequence[list[Row]]) -> Iterator[list[Row]]:
    """Rows for one call each, whole rounds."""
    piece: list[Row] = []
    for rows in rounds:
        if piece and len(piece) + len(rows) > ROWS_AT_ONCE:
            yield piece
            piece = []
        piece.extend(rows)
    if piece:
        yield piece
