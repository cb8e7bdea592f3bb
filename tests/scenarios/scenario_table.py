"""The table of scenarios, from `scenarios.txt`: what comes of each event in each state, and the page made of it.

    # placed                      a state: its words, then the steps that lead to it
    Ash's quote was taken with P1; nothing has come back.
    + oms: D
    + ash: S

    > ash: 3 45=D                 an event: a step, or several one after another
    dealer   beech: D 11=P2 ...   what comes of it, a line each; see `scenario_world`

`python tests/scenarios/scenario_table.py --write` puts the page into config/fix/scenarios.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = Path(__file__).with_name("scenarios.txt")
PAGE: Final = Path(__file__).parents[2] / "config" / "fix" / "scenarios.md"
BEGIN: Final = "<!-- written from tests/scenarios/scenarios.txt -->\n"
COLUMNS: Final = ("oms", "copy", "dealer", "order", "journal", "person")
HEADS: Final = ("event", "to the OMS", "drop copy", "to dealers", "order", "journal", "persons")


class Row(NamedTuple):
    """One event, a step or several, and what comes of it."""

    steps: tuple[str, ...]
    lines: tuple[str, ...]

    def of(self, column: str) -> list[str]:
        return [line[9:] for line in self.lines if line.startswith(f"{column} ")]


class Stage(NamedTuple):
    """A state an order can be in, how it got there, and the events it meets."""

    name: str
    words: str
    steps: tuple[str, ...]
    rows: tuple[Row, ...]


def read(text: str) -> Iterator[Stage]:
    """Raises ValueError for a line that is nothing of the kind."""
    for part in text.split("\n# ")[1:]:
        name, *lines = part.splitlines()
        words = [line for line in lines if line and line[0] not in "+>" and line.split()[0] not in COLUMNS]
        steps = tuple(line[2:] for line in lines if line.startswith("+ "))
        yield Stage(name, " ".join(words), steps, tuple(_rows(lines)))


def _rows(lines: list[str]) -> Iterator[Row]:
    steps: list[str] = []
    found: list[str] = []
    for line in [*lines, "> end"]:
        if line.startswith("> "):
            if found or (steps and line == "> end"):
                yield Row(tuple(steps), tuple(found))
                steps, found = [], []
            steps.append(line[2:])
        elif steps and line:
            if line.split()[0] not in COLUMNS:
                raise ValueError(f"{line!r}: expected one of {', '.join(COLUMNS)}")
            found.append(line)


STAGES: Final = tuple(read(FILE.read_text()))


def page() -> str:
    parts = [BEGIN]
    for stage in STAGES:
        parts.append(f"\n## {stage.name.capitalize()}\n\n{stage.words}\n")
        if stage.steps:
            parts.append(f"\n{_code(stage.steps, ', ')}\n")
        parts.append(f"\n| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}\n")
        for row in stage.rows:
            messages = [_code(row.of(column), "<br>") for column in ("oms", "copy", "dealer")]
            messages[1] = messages[1].replace("`the same`", "the same")
            words = [", ".join(row.of("order")), ", ".join(row.of("journal")), "<br>".join(row.of("person"))]
            cells = [_code(row.steps, "<br>"), *messages, *(each.replace("|", "\\|") for each in words)]
            parts.append(f"| {' | '.join(cells)} |\n")
    return "".join(parts)


def _code(lines: tuple[str, ...] | list[str], between: str) -> str:
    return between.join(f"`{line}`" for line in lines)


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(PAGE.read_text().partition(BEGIN)[0] + page())
