"""Text for people: aligned tables, numbers grouped, colours only where they are wanted.

A cell is text, or text with a style; widths are counted without the style.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

_STYLE: Final = re.compile(r"(\x1b\[[0-9;]*m)")
_PLAIN: Final = "\x1b[0m"
_CODES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


@dataclass(frozen=True, slots=True)
class Cell:
    """Text with a style: one of the names in `_CODES`, or none."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """`right` aligns numbers. On a screen too narrow for all, those with the highest `yields` go first; 0 stays."""

    title: str
    right: bool = False
    yields: int = 0


@dataclass(frozen=True, slots=True)
class Paper:
    """Where text goes: does it take colours, and how wide is it (0: as wide as need be)?

    A `screen` is redrawn: a line that would wrap there spoils the picture, so what has no room is left out.
    """

    colour: bool = False
    width: int = 0
    screen: bool = False

    def styled(self, text: str, style: str) -> str:
        code = _CODES.get(style)
        return f"\x1b[{code}m{text}{_PLAIN}" if self.colour and code and text else text

    def show(self, cell: Cell | str) -> str:
        return self.styled(cell.text, cell.style) if isinstance(cell, Cell) else cell


def table(paper: Paper, columns: Sequence[Column], rows: Sequence[Sequence[Cell | str]]) -> list[str]:
    """Lines of a table with a head; a column without any content is left out. The last column is not padded.

    On a screen, what is still too wide when every column that yields is gone ends in `…`.
    """
    texts = [[cell.text if isinstance(cell, Cell) else cell for cell in row] for row in rows]
    shown = [at for at in range(len(columns)) if any(row[at] for row in texts) or not texts]
    widths = {at: max(wide(columns[at].title), *(wide(row[at]) for row in texts), 0) for at in shown}
    while paper.screen and sum(widths[at] + 2 for at in shown) - 2 > paper.width:
        first = max(shown, key=lambda at: columns[at].yields)
        if not columns[first].yields:
            break
        shown.remove(first)
    head = [Cell(column.title, "dim") for column in columns]
    lines = []
    for row in (head, *rows):
        line = "  ".join(_padded(paper, row[at], widths[at], columns[at].right, at == shown[-1]) for at in shown)
        lines.append(cut(line.rstrip(), paper.width) if paper.screen else line.rstrip())
    return lines


def _padded(paper: Paper, cell: Cell | str, width: int, right: bool, last: bool) -> str:
    text = cell.text if isinstance(cell, Cell) else cell
    space = " " * (width - wide(text))
    if right:
        return space + paper.show(cell)
    return paper.show(cell) + ("" if last else space)


def wide(text: str) -> int:
    """Columns that a text takes on a screen."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def plain(line: str) -> str:
    """A line without its colours."""
    return _STYLE.sub("", line)


def clipped(text: str, width: int) -> str:
    """A text in at most so many columns; 0 is no limit."""
    return text if not width or len(text) <= width else text[: max(0, width - 1)] + "…"


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A text in lines of at most so many columns, what follows the first one indented; 0 is no limit."""
    if not width:
        return [indent + text]
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False)


def cut(line: str, width: int) -> str:
    """A line in at most so many columns of a screen, its colours kept and ended; 0 is no limit."""
    if not width or wide(_STYLE.sub("", line)) <= width:
        return line
    kept, room, coloured = [], width - 1, False
    for piece in _STYLE.split(line):
        if _STYLE.fullmatch(piece):
            kept.append(piece)
            coloured = piece != _PLAIN
            continue
        for character in piece:
            room -= wide(character)
            if room < 0:
                return "".join(kept) + "…" + (_PLAIN if coloured else "")
            kept.append(character)
    raise AssertionError("a line that is too wide was cut nowhere")


# --- numbers -------------------------------------------------------------------------------------


def grouped(amount: str | None) -> str:
    """`6,000,000`; empty for what is unknown."""
    if amount is None:
        return ""
    try:
        return f"{Decimal(amount):,f}"
    except InvalidOperation:
        return amount


def bp(value: float | None) -> str:
    # Adding zero makes of a negative zero a plain one.
    return "" if value is None else f"{round(value, 1) + 0.0:+.1f}bp"


def measure(value: float | None, unit: str | None) -> str:
    """A metric in its unit: 80.0%, +1.0bp, 12.0s."""
    if value is None:
        return "?"
    if unit == "rate":
        return f"{value * 100:.1f}%"
    return bp(value) if unit == "bps" else f"{value:.1f}s"


def clock(time: str | None, beside: str | None = None) -> str:
    """The time of day of a UTC time; with its date if `beside` is of another day."""
    if not time:
        return ""
    day, _, rest = time.partition("T")
    of_day = rest.removesuffix("Z")
    return of_day if beside is None or beside.startswith(day) else f"{day} {of_day}"


def seconds(value: float | None) -> str:
    return "" if value is None else f"{value:g} s"
