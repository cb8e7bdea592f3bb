"""When the scenes of the desk begin: the day, the hour, what the other clock shows, and whether there was a yesterday.

Every test of a folder that has the fixture `desk_start` runs once per start. A scene reads the start it is built at
from here; a test says `start().utc_ns` where it needs the time. `@pytest.mark.starts("noon")` keeps a test to one
start, with the reason beside it; with `others_in_full=True`, for what takes long, the others run with `--full`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.domain.order import TimeInForce

_LONG_DAYS: Final = 20


@dataclass(frozen=True, slots=True)
class Start:
    """One beginning. Dates are as FIX writes them: what a dealer says of a trade done here, T+1.

    `monotonic_ns` is what the other clock shows: so far from UTC that neither can stand in for the other.
    """

    name: str
    utc_ns: int
    monotonic_ns: int
    trade_date: str
    settl_date: str
    yesterday: bool = False
    """Did an earlier day leave its orders, quotes and fills in the state?"""
    in_every_run: bool = True

    @property
    def id(self) -> str:
        return self.name.replace(" ", "_")

    @property
    def near_midnight(self) -> bool:
        """Does the UTC day change within a round's time?"""
        return (self.utc_ns + 120 * NS_PER_S) % NS_PER_DAY < 240 * NS_PER_S

    @property
    def lives(self) -> dict[str, Any]:
        """For an order that is not about its end: good for the day, or for weeks where the day changes."""
        if not self.near_midnight:
            return {"tif": TimeInForce.day, "expire_ns": None}
        return {"tif": TimeInForce.gtd, "expire_ns": self.utc_ns + _LONG_DAYS * NS_PER_DAY}


def utc(*moment: int) -> int:
    """UTC nanoseconds of year, month, day, hour, minute and second."""
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * NS_PER_S  # type: ignore[arg-type, misc]


NOON: Final = Start("noon", utc(2026, 11, 23, 15), 41_000 * NS_PER_S, "20261123", "20261124")
"""A Monday; the machine runs since the morning."""
STARTS: Final = (
    NOON,
    # A Friday: the next business day is Monday, before midnight and after it. The machine has just been started.
    Start("before midnight", utc(2026, 11, 27, 23, 59, 50), 7 * NS_PER_S, "20261127", "20261130", yesterday=True),
    Start(
        "after midnight",
        utc(2026, 11, 24, 0, 0, 3),
        90 * NS_PER_DAY,
        "20261124",
        "20261125",
        yesterday=True,
        in_every_run=False,
    ),
    Start("second noon", utc(2026, 11, 24, 15), 3 * NS_PER_S, "20261124", "20261125", True, False),
)

_now: list[Start] = [NOON]


def start() -> Start:
    """The start that scenes are built at."""
    return _now[-1]


@contextmanager
def starting(at: Start) -> Iterator[Start]:
    """Build scenes at this start."""
    _now.append(at)
    try:
        yield at
    finally:
        _now.pop()


@pytest.fixture(autouse=True)
def desk_start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """For a folder's conftest: its tests run once per start."""
    with starting(request.param) as at:
        yield at


def parametrize_starts(metafunc: pytest.Metafunc) -> None:
    """For `pytest_generate_tests`: the starts that the test is run at, those beyond the default run as `full`."""
    if "desk_start" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("starts")
    known = {each.name: each for each in STARTS}
    in_every_run = [each for each in STARTS if each.in_every_run] if marker is None else [known[marker.args[0]]]
    others = [] if marker is not None and not marker.kwargs.get("others_in_full") else STARTS
    params = [pytest.param(each, id=each.id) for each in in_every_run]
    params += [pytest.param(each, id=each.id, marks=pytest.mark.full) for each in others if each not in in_every_run]
    metafunc.parametrize("desk_start", params, indirect=True)
