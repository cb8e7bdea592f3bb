"""What became of each bug, kept as it is found: a run that was interrupted goes on where it stopped."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Outcome(StrEnum):
    Caught = "caught"
    TimedOut = "timed out"
    """The tests did not end: as good as caught."""
    Survived = "survived"
    NotExecuted = "not executed"
    """No test runs the line: a survivor too."""


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    seconds: float
    run: int
    """How many tests, of `covering` that execute the line."""
    covering: int
    by: str
    """The test that failed first; empty where none did."""

    @property
    def caught(self) -> bool:
        return self.outcome in (Outcome.Caught, Outcome.TimedOut)


class Verdicts:
    """A file with one line of JSON for each; a line that was cut off is not counted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Verdict] = {}
        if path.exists():
            text = path.read_bytes()
            whole, newline, torn = text.rpartition(b"\n")
            if torn:
                path.write_bytes(whole + newline)
            for line in whole.splitlines():
                row = json.loads(line)
                key = row.pop("mutant")
                self._known[key] = Verdict(**row | {"outcome": Outcome(row["outcome"])})

    def __contains__(self, mutant: str) -> bool:
        return mutant in self._known

    def __getitem__(self, mutant: str) -> Verdict:
        return self._known[mutant]

    def keep(self, mutant: str, verdict: Verdict) -> None:
        self._known[mutant] = verdict
        with self._path.open("ab") as file:
            file.write(json.dumps({"mutant": mutant, **asdict(verdict)}).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
