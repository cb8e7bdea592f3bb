"""History files: another system's blotter as rounds of rows, a line at a time, and what an engine saw as a file.

A file is gone through twice: once to see that it is text and how many rows each round has, once for the rows. So rows
of a round come together wherever they stand, and in memory are only lines of rounds that are not complete yet: of a
file sorted by time a handful, of one sorted by dealer nearly all of it, as text.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TextIO

from engine.config.text_file import NotText, text_lines
from engine.desk.past.reading import COLUMNS, Refused, Row
from engine.errors import ConfigError
from engine.history.mapping import Blotter, RoundName, Translation

_APART: Final = "\0"
"""Between cells of a line that waits: no text has it."""

Refuse = Callable[[Refused], None]
"""Is told of every line that is no row, and why."""


class HistoryFile:
    """One file of rounds. `look` at it first."""

    def __init__(self, path: Path, blotter: Blotter) -> None:
        self.path = path
        self.rows = 0
        """Those that can be read, as `look` found them."""
        self._blotter = blotter
        self._translation: Translation | None = None
        self._left: dict[int, int] = {}
        """By the hash of its name, how many lines of a round are still to come."""

    def look(self) -> None:
        """Count rows by round. Raises ConfigError if it is no file of rows, or its header is wrong."""
        for _, cells, _ in self._lines():
            if cells is None:
                continue
            translation = self._translated
            name = hash(translation.round_of(cells))
            self._left[name] = self._left.get(name, 0) + 1
            self.rows += translation.count(cells)

    def rounds(self, refuse: Refuse) -> Iterator[list[Row]]:
        """The rows of one round after the other, in the order in which rounds are complete; once.

        A line that is no row is told to `refuse`. Raises ConfigError as `look` does.
        """
        left, waiting = self._left, dict[RoundName, list[tuple[int, str]]]()
        for number, cells, problem in self._lines():
            if cells is None:
                refuse(Refused(number, problem))
                continue
            name = self._translated.round_of(cells)
            waiting.setdefault(name, []).append((number, _APART.join(cells)))
            key = hash(name)
            left[key] = left.get(key, 1) - 1
            if left[key] <= 0:
                del left[key]
                if rows := self._rows(waiting.pop(name), refuse):
                    yield rows
        for lines in waiting.values():  # The file has become another one meanwhile.
            if rows := self._rows(lines, refuse):
                yield rows

    @property
    def _translated(self) -> Translation:
        assert self._translation is not None
        return self._translation

    def _rows(self, lines: list[tuple[int, str]], refuse: Refuse) -> list[Row]:
        rows: list[Row] = []
        for number, text in lines:
            try:
                rows += [Row(number, cells) for cells in self._translated.rows(text.split(_APART))]
            except ValueError as error:
                refuse(Refused(number, str(error)))
        return rows

    def _lines(self) -> Iterator[tuple[int, list[str] | None, str]]:
        """(line, its cells) of what may be a row; (line, None, why not) of what is none."""
        try:
            reader = csv.reader(text_lines(self.path), delimiter=self._blotter.delimiter, strict=True)
            width = self._header(reader)
            while True:
                number = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield number, None, f"no row of a table: {error}"
                    continue
                if len(cells) == width:
                    if any(cells) and any(cell.strip() for cell in cells):
                        yield number, cells, ""
                elif any(cell.strip() for cell in cells):
                    yield number, None, f"expected {width} cells as in the header, found {len(cells)}"
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read: {error.strerror}") from error
        except NotText as error:
            raise ConfigError(f"{self.path}: {error}") from error

    def _header(self, reader: Iterator[list[str]]) -> int:
        try:
            header = next(reader, [])
        except csv.Error as error:
            raise ConfigError(f"{self.path}: its first line is no header: {error}") from error
        if not header:
            raise ConfigError(f"{self.path}: its first line is empty: expected the names of columns")
        try:
            self._translation = Translation(self._blotter, header)
        except ValueError as error:
            raise ConfigError(f"{self.path}: {error}") from None
        return len(header)


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
