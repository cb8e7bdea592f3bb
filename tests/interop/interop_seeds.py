"""Which seeds of noise are run, and what all of them came to.

`NOISE_SEEDS=7-20` in the environment, as `scripts/noise_test` sets it, runs those seeds and no others.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Final

import pytest
from interop_noise import KINDS

CHOSEN: Final = os.environ.get("NOISE_SEEDS", "")
TALLIES: Final[dict[str, Counter[str]]] = {}
"""By what was run, over all its seeds."""
_ROWS: Final = ("seeds", "frames", "connections", *KINDS, "kills", "deaths", "messages", "left once", "lost", "doubled")


def seeds(default: int, full: int, at_once: int = 1) -> list[object]:
    """Parameters of a test that takes a list of seeds: the first few in every run, the rest in the long one."""
    first, last = 1, full
    if CHOSEN:
        begin, _, end = CHOSEN.partition("-")
        first, last = int(begin), int(end or begin)
        default = last
    params = []
    for begin_at in range(first, last + 1, at_once):
        group = list(range(begin_at, min(begin_at + at_once, last + 1)))
        marks = [pytest.mark.full] if group[-1] > default else []
        params.append(
            pytest.param(group, id="seeds " + "-".join(dict.fromkeys(map(str, (group[0], group[-1])))), marks=marks)
        )
    return params


def count(what: str, found: Mapping[str, int]) -> None:
    TALLIES.setdefault(what, Counter()).update({"seeds": 1, **found})


def table() -> list[str]:
    """What was run, a column each; empty if nothing was."""
    if not TALLIES:
        return []
    lines = [f"{'':<12}" + "".join(f"  {what:>10}" for what in TALLIES)]
    for row in _ROWS:
        if any(row in found for found in TALLIES.values()):
            cells = (f"  {found[row]:>{max(10, len(what))},}" for what, found in TALLIES.items())
            lines.append(f"{row:<12}" + "".join(cells))
    return lines
