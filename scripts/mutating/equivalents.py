"""Bugs that are none: `equivalents.toml` names each by what does not move with the next edit, and says why.

That is the module, the function, the line as it was and as it became; not the line's number. What no longer fits any
line of its module is reported, so that the list does not outlive the code.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mutating.sites import Mutant

FILE: Final = Path(__file__).with_name("equivalents.toml")


@dataclass(frozen=True, slots=True)
class Equivalent:
    module: str
    function: str
    was: str
    becomes: str
    reason: str


class Equivalents:
    def __init__(self, text: str) -> None:
        self.listed: list[Equivalent] = []
        for number, row in enumerate(tomllib.loads(text).get("equivalent", ()), 1):
            wrong = sorted(set(row) ^ {"module", "function", "was", "becomes", "reason"})
            if wrong or not row["reason"].strip():
                what = ", ".join(wrong) or "reason"
                raise ValueError(f"equivalents.toml: entry {number}: {what}: unknown, missing or empty")
            self.listed.append(Equivalent(**row | {"was": _plain(row["was"]), "becomes": _plain(row["becomes"])}))
        self._reasons = {(each.module, each.function, each.was, each.becomes): each.reason for each in self.listed}

    def reason(self, mutant: Mutant) -> str | None:
        """Why this one changes nothing that counts; none where that is not known."""
        return self._reasons.get((mutant.site.path, mutant.site.function, mutant.was, mutant.becomes))

    def stale(self, root: Path) -> list[Equivalent]:
        """Those whose module or line is gone."""
        return [each for each in self.listed if each.was not in _lines(root / each.module)]


def _lines(file: Path) -> set[str]:
    return {_plain(line) for line in file.read_text().splitlines()} if file.exists() else set()


def _plain(line: str) -> str:
    return " ".join(line.split())
