"""The `schedule` table of a session: when it is open, in words of local time.

What they mean is in `fix.session.schedule`.
"""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import datetime
import zoneinfo
from dataclasses import dataclass
from enum import StrEnum

from engine.config.reading import matches, setting, suggestion

_TIME = matches(
    r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?",
    'a time of day from "00:00" to "23:59", as in "08:00" (midnight is "00:00", at the end of a day too)',
)
minute_of_day = matches(r"([01][0-9]|2[0-3]):[0-5][0-9]", 'a time of day from "00:00" to "23:59", as in "17:00"')


class Weekday(StrEnum):
    """In calendar order."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        """0 for Monday, as `datetime` counts."""
        return tuple(Weekday).index(self)


class Reset(StrEnum):
    """When both sequence numbers begin anew by the clock."""

    NEVER = "never"
    PERIOD = "period"


def zone_problem(name: str) -> str | None:
    """Says what was expected if this machine has no time zone of that name."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # No such file, no such path, a folder.
        known = zoneinfo.available_timezones()
        if not known:
            return "a time zone, and this machine has none: install its tzdata package"
        return f"an IANA time zone, as in 'Europe/London'{_similar(name, known)}"
    return None


def _similar(name: str, known: set[str]) -> str:
    near = suggestion(name, tuple(sorted(known)))
    return near if "did you mean" in near else ""  # Not the list of all six hundred.


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """[session.schedule]: either windows of a day on `days`, or one a week from `start_day` to `end_day`."""

    time_zone: str = setting(check=zone_problem)
    start: str = setting(check=_TIME)
    end: str = setting(check=_TIME)
    days: tuple[Weekday, ...] | None = setting(None)
    start_day: Weekday | None = setting(None)
    end_day: Weekday | None = setting(None)
    reset: Reset = setting(Reset.NEVER)

    @property
    def start_time(self) -> datetime.time:
        return datetime.time.fromisoformat(self.start)

    @property
    def end_time(self) -> datetime.time:
        return datetime.time.fromisoformat(self.end)


def schedule_problems(schedule: ScheduleConfig, *, reset_on_logon: bool) -> list[tuple[str, str]]:
    """What does not fit together in one schedule, as (key, text) pairs."""
    problems: list[tuple[str, str]] = []
    weekly = [name for name in ("start_day", "end_day") if getattr(schedule, name) is not None]
    if schedule.days is not None and weekly:
        text = f"days are those of daily windows, {weekly[0]} belongs to a weekly one: leave one of them out"
        problems.append(("days", text))
    elif len(weekly) == 1:
        missing = "end_day" if weekly == ["start_day"] else "start_day"
        problems.append((missing, f"missing: a weekly window has both start_day and end_day, found {weekly[0]} alone"))
    if schedule.days is not None:
        if not schedule.days:
            problems.append(("days", "expected at least one day, found an empty list: leave it out to mean every day"))
        twice = sorted({day for day in schedule.days if schedule.days.count(day) > 1}, key=tuple(Weekday).index)
        if twice:
            problems.append(("days", f"expected each day once, found '{twice[0]}' twice"))
    if schedule.reset is Reset.PERIOD and reset_on_logon:
        problems.append(("reset", "reset_on_logon of this session restarts the numbers at every Logon(A) already"))
    return problems
