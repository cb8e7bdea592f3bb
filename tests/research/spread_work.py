"""Work for `test_spread`, in a module of its own: workers import it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any


def squared(what: dict[str, Any]) -> dict[str, Any]:
    """Values of every plain kind; the pair comes back as a list, wherever it was made."""
    value = what["value"]
    return {"square": value * value, "third": value / 3, "none": None, "pair": (value, "x"), "nan": float("nan")}


def noted(what: dict[str, Any]) -> int:
    """Leaves a mark each time it is done, so that a test can count."""
    with Path(what["notes"]).open("a", encoding="utf-8") as file:
        file.write(f"{what['value']}\n")
    time.sleep(what.get("seconds", 0.0))
    return int(what["value"])


def frail(what: dict[str, Any]) -> int:
    """Dies the first `deaths` times, by marks in a folder; raises where it is told to."""
    if what.get("raises"):
        raise ValueError(f"cannot do {what['value']}")
    marks = Path(what["marks"])
    before = len(list(marks.glob(f"{what['value']}.*")))
    if before < what.get("deaths", 0):
        (marks / f"{what['value']}.{before}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return int(what["value"])
