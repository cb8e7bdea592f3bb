"""The evidence on a Dask cluster of two local workers: the same rows, hence the same table."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from proving import block
from proving.playing import world_played

from engine.research.spread import Where, spread

ROOT = Path(__file__).parents[2]


@contextmanager
def two_workers() -> Iterator[str]:
    """As a person starts them, with this checkout on their path; on loopback."""
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}", "PYTHONHASHSEED": "0"}
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{words[0]}", *words[1:]],
                env=env,
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
            )
        )
        return started[-1]

    try:
        scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter")
        assert scheduler.stderr is not None
        address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line)
        for _ in range(2):
            start("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        yield address
    finally:
        for process in reversed(started):
            process.kill()
        for process in started:
            process.communicate(timeout=30)


@pytest.mark.full  # Half a minute: four worlds twice.
def test_two_workers_of_a_cluster_make_the_same_rows() -> None:
    items = block.tried("1-4", 15).items

    def rows(where: Where) -> dict[str, Any]:
        found = dict(spread(world_played, items, where=where, packages=block.PACKAGES))
        for world in found.values():
            for row in world["policies"]:
                del row["seconds"]
        return dict(sorted(found.items()))

    with two_workers() as address:
        on_cluster = rows(Where(scheduler=address))
    assert on_cluster == rows(Where(processes=1))
