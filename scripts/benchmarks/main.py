"""The command line of `scripts/bench`, and the table at its end."""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks import (
    choosing,
    committing,
    deciding,
    decoding,
    encoding,
    growing,
    lasting,
    leaking,
    parts,
    recommending,
    reloading,
    sessions,
    trading_desk,
    waiting,
    warehousing,
)
from benchmarks.measuring import QUICK, WHOLE, Effort, Line, say

MEASUREMENTS: Final[Mapping[str, Callable[[Effort], list[Line]]]] = {
    "decode": decoding.measure,
    "encode": encoding.measure,
    "session": sessions.measure,
    "desk": trading_desk.measure,
    "recommendation": recommending.measure,
    "choice": choosing.measure,
    "rules": deciding.measure,
    "commit": committing.measure,
    "deadlines": waiting.measure,
    "reload": reloading.measure,
    "leaks": leaking.measure,
    "memory": growing.measure,
    "lasting": lasting.measure,
    "warehouse": warehousing.measure,
}
PARTS: Final = "parts"
"""The breakdown of one order: no lines of the table, but a section of its own."""
_HEADINGS: Final = ("what", "durability", "ours", "peer", "theirs", "ratio", "bar", "")


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    if options.list:
        print("\n".join([*MEASUREMENTS, PARTS]))
        return 0
    effort = QUICK if options.quick else WHOLE
    lines: list[Line] = []
    where: dict[str, list[parts.Part]] = {}
    began = time.monotonic()
    for name in options.only or [*MEASUREMENTS, PARTS]:
        say(f"{name} ...")
        if name == PARTS:
            where = parts.measure(effort)
        else:
            lines += MEASUREMENTS[name](effort)
    say(f"measured in {time.monotonic() - began:.0f} s")
    if options.json:
        text = _json(lines, where, effort)
        if options.json == Path("-"):
            print(text)
            return 0
        options.json.write_text(text + "\n")
    print(_machine())
    if where:
        print(f"\n{parts.text(where)}\n")
    if lines:
        print(table(lines))
    return 0


def _json(lines: Sequence[Line], where: Mapping[str, Sequence[parts.Part]], effort: Effort) -> str:
    found = {
        "machine": _machine(),
        "quick": effort.quick,
        "lines": [line.as_json() for line in lines],
        "parts": {kind: [asdict(part) for part in steps] for kind, steps in where.items()},
    }
    return json.dumps(found, indent=1)


def table(lines: Iterable[Line]) -> str:
    rows = [_HEADINGS, *(_row(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    right = {2, 4, 5, 6}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(line: Line) -> tuple[str, ...]:
    ratio, met = line.ratio, line.met
    bar = "" if line.bar is None else f"{'>=' if line.is_rate else '<='} {line.bar:.3g}"
    return (
        line.what,
        line.durability,
        _figure(line.ours, line.unit),
        line.peer,
        "not present" if line.theirs is None else _figure(line.theirs, line.unit),
        "" if ratio is None else f"{ratio:.3g}",
        bar,
        {True: "met", False: "NOT MET", None: ""}[met],
    )


def _figure(value: float, unit: str) -> str:
    digits = 0 if value >= 1_000 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def _machine() -> str:
    return f"{platform.machine()}, CPython {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure the engine beside its peers.")
    parser.add_argument("--quick", action="store_true", help="shorter rounds: under two minutes")
    parser.add_argument(
        "--only", action="append", choices=[*MEASUREMENTS, PARTS], metavar="NAME", help="one measurement"
    )
    parser.add_argument("--list", action="store_true", help="name the measurements")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the lines as JSON as well; '-': instead")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
