"""Windows, periods and boundaries of a session's schedule, over both clock changes of the year."""

from __future__ import annotations

import datetime
import zoneinfo
from datetime import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import NS_PER_S
from engine.fix.session.schedule import Schedule

NEW_YORK, LONDON, SYDNEY = ZoneInfo("America/New_York"), ZoneInfo("Europe/London"), ZoneInfo("Australia/Sydney")
UTC = ZoneInfo("UTC")
HOUR_NS = 3600 * NS_PER_S
WORKDAYS = frozenset(range(5))
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def utc(text: str) -> int:
    """Nanoseconds of `2026-03-08 07:00`, UTC."""
    return int(datetime.datetime.fromisoformat(f"{text}+00:00").timestamp()) * NS_PER_S


def shown(utc_ns: int) -> str:
    return datetime.datetime.fromtimestamp(utc_ns // NS_PER_S, datetime.UTC).strftime("%Y-%m-%d %H:%M")


def daily(zone: ZoneInfo, start: str, end: str, days: frozenset[int] = frozenset(range(7)), **more: bool) -> Schedule:
    return Schedule.daily(zone, time.fromisoformat(start), time.fromisoformat(end), days=days, **more)


def weekly(zone: ZoneInfo, start_day: int, start: str, end_day: int, end: str, **more: bool) -> Schedule:
    return Schedule.weekly(zone, start_day, time.fromisoformat(start), end_day, time.fromisoformat(end), **more)


TRADING_DAY = daily(NEW_YORK, "08:00", "17:30", WORKDAYS)
OVERNIGHT = daily(LONDON, "18:00", "06:00", frozenset({SUN, MON, TUE, WED, THU}))
FX_WEEK = weekly(NEW_YORK, SUN, "17:00", FRI, "17:00")
WHOLE_WEEK = weekly(NEW_YORK, SUN, "17:00", SUN, "17:00")
AROUND_THE_CLOCK = daily(UTC, "00:00", "00:00")


@pytest.mark.parametrize(
    ("schedule", "at", "is_open", "period", "boundary"),
    [
        pytest.param(TRADING_DAY, "2026-11-25 12:59", False, "2026-11-24 13:00", "2026-11-25 13:00", id="before work"),
        pytest.param(TRADING_DAY, "2026-11-25 13:00", True, "2026-11-25 13:00", "2026-11-25 22:30", id="its start"),
        pytest.param(TRADING_DAY, "2026-11-25 22:29", True, "2026-11-25 13:00", "2026-11-25 22:30", id="at work"),
        pytest.param(TRADING_DAY, "2026-11-25 22:30", False, "2026-11-25 13:00", "2026-11-26 13:00", id="its end"),
        pytest.param(TRADING_DAY, "2026-11-28 15:00", False, "2026-11-27 13:00", "2026-11-30 13:00", id="Saturday"),
        pytest.param(OVERNIGHT, "2026-11-25 03:00", True, "2026-11-24 18:00", "2026-11-25 06:00", id="past midnight"),
        pytest.param(OVERNIGHT, "2026-11-25 12:00", False, "2026-11-24 18:00", "2026-11-25 18:00", id="by day"),
        pytest.param(OVERNIGHT, "2026-11-27 03:00", True, "2026-11-26 18:00", "2026-11-27 06:00", id="into Friday"),
        pytest.param(
            OVERNIGHT, "2026-11-28 03:00", False, "2026-11-26 18:00", "2026-11-29 18:00", id="no Friday night"
        ),
        pytest.param(FX_WEEK, "2026-11-25 03:00", True, "2026-11-22 22:00", "2026-11-27 22:00", id="in the week"),
        pytest.param(FX_WEEK, "2026-11-28 03:00", False, "2026-11-22 22:00", "2026-11-29 22:00", id="at the weekend"),
        pytest.param(WHOLE_WEEK, "2026-11-28 03:00", True, "2026-11-22 22:00", "2026-11-29 22:00", id="a whole week"),
        pytest.param(WHOLE_WEEK, "2026-11-29 22:00", True, "2026-11-29 22:00", "2026-12-06 22:00", id="its seam"),
        pytest.param(AROUND_THE_CLOCK, "2026-11-25 00:00", True, "2026-11-25 00:00", "2026-11-26 00:00", id="24 hours"),
        pytest.param(
            weekly(LONDON, MON, "09:00", MON, "17:00"),
            "2026-11-25 12:00",
            False,
            "2026-11-23 09:00",
            "2026-11-30 09:00",
            id="one day a week",
        ),
        pytest.param(
            weekly(LONDON, MON, "09:00", MON, "08:00"),
            "2026-11-30 08:30",
            False,
            "2026-11-23 09:00",
            "2026-11-30 09:00",
            id="a week but an hour",
        ),
    ],
)
def test_windows(schedule: Schedule, at: str, is_open: bool, period: str, boundary: str) -> None:
    now = utc(at)
    assert schedule.is_open(now) is is_open
    assert shown(schedule.period_start(now)) == period
    assert shown(schedule.next_boundary(now)) == boundary


@pytest.mark.parametrize(
    ("schedule", "at", "start", "end"),
    [
        # Forward: 02:00 to 03:00 is missing.
        pytest.param(TRADING_DAY, "2026-03-06 15:00", "2026-03-06 13:00", "2026-03-06 22:30", id="New York, winter"),
        pytest.param(TRADING_DAY, "2026-03-09 15:00", "2026-03-09 12:00", "2026-03-09 21:30", id="New York, summer"),
        pytest.param(
            daily(NEW_YORK, "18:00", "06:00"),
            "2026-03-08 05:00",
            "2026-03-07 23:00",
            "2026-03-08 10:00",
            id="New York, the short night has 11 hours",
        ),
        pytest.param(
            daily(NEW_YORK, "17:00", "17:00"),
            "2026-03-08 05:00",
            "2026-03-07 22:00",
            "2026-03-08 21:00",
            id="New York, the short day has 23 hours",
        ),
        pytest.param(
            daily(NEW_YORK, "02:30", "17:00"),
            "2026-03-08 12:00",
            "2026-03-08 07:00",
            "2026-03-08 21:00",
            id="New York, a start that is skipped is the change",
        ),
        pytest.param(
            daily(NEW_YORK, "01:00", "02:30"),
            "2026-03-08 06:30",
            "2026-03-08 06:00",
            "2026-03-08 07:00",
            id="New York, an end that is skipped is the change",
        ),
        pytest.param(
            daily(LONDON, "22:00", "01:30"),
            "2026-03-28 23:00",
            "2026-03-28 22:00",
            "2026-03-29 01:00",
            id="London, an end that is skipped",
        ),
        pytest.param(
            daily(SYDNEY, "18:00", "06:00"),
            "2026-10-03 12:00",
            "2026-10-03 08:00",
            "2026-10-03 19:00",
            id="Sydney, the short night is in October",
        ),
        # Back: 01:00 to 02:00 comes twice.
        pytest.param(
            daily(NEW_YORK, "18:00", "06:00"),
            "2026-11-01 05:00",
            "2026-10-31 22:00",
            "2026-11-01 11:00",
            id="New York, the long night has 13 hours",
        ),
        pytest.param(
            daily(NEW_YORK, "17:00", "17:00"),
            "2026-11-01 05:00",
            "2026-10-31 21:00",
            "2026-11-01 22:00",
            id="New York, the long day has 25 hours",
        ),
        pytest.param(
            daily(NEW_YORK, "01:30", "17:00"),
            "2026-11-01 06:00",
            "2026-11-01 05:30",
            "2026-11-01 22:00",
            id="New York, of two starts the first",
        ),
        pytest.param(
            daily(NEW_YORK, "22:00", "01:30"),
            "2026-11-01 04:00",
            "2026-11-01 02:00",
            "2026-11-01 05:30",
            id="New York, of two ends the first",
        ),
        pytest.param(
            daily(LONDON, "18:00", "01:30"),
            "2026-10-25 00:00",
            "2026-10-24 17:00",
            "2026-10-25 00:30",
            id="London, of two ends the first",
        ),
        pytest.param(
            daily(SYDNEY, "18:00", "06:00"),
            "2026-04-04 12:00",
            "2026-04-04 07:00",
            "2026-04-04 20:00",
            id="Sydney, the long night is in April",
        ),
        pytest.param(
            weekly(NEW_YORK, SUN, "17:00", SUN, "17:00"),
            "2026-03-05 00:00",
            "2026-03-01 22:00",
            "2026-03-08 21:00",
            id="New York, a week of 167 hours",
        ),
    ],
)
def test_both_clock_changes(schedule: Schedule, at: str, start: str, end: str) -> None:
    now = utc(at)
    assert schedule.is_open(now)
    assert (shown(schedule.period_start(now)), shown(schedule.next_boundary(now))) == (start, end)


def test_a_window_within_the_missing_hour_does_not_take_place() -> None:
    schedule = daily(NEW_YORK, "02:10", "02:40")
    assert shown(schedule.next_boundary(utc("2026-03-07 12:00"))) == "2026-03-09 06:10"
    weeks = weekly(NEW_YORK, SUN, "02:10", SUN, "02:40")
    assert shown(weeks.next_boundary(utc("2026-03-01 12:00"))) == "2026-03-15 06:10"
    assert shown(weeks.period_start(utc("2026-03-15 06:00"))) == "2026-03-01 07:10"


def test_a_zone_that_skipped_a_whole_day() -> None:
    """Samoa had no 30 December 2011: its clocks went from the end of the 29th to the 31st."""
    schedule = daily(ZoneInfo("Pacific/Apia"), "09:00", "17:00")
    assert shown(schedule.next_boundary(utc("2011-12-30 05:00"))) == "2011-12-30 19:00"


@pytest.mark.parametrize(
    ("schedule", "at", "closed", "described"),
    [
        pytest.param(
            TRADING_DAY,
            "2026-11-25 11:00",
            "closed until 08:00 America/New_York",
            "closed until 08:00 America/New_York",
            id="later today",
        ),
        pytest.param(
            TRADING_DAY,
            "2026-11-28 15:00",
            "closed until Mon 08:00 America/New_York",
            "closed until Mon 08:00 America/New_York",
            id="another day",
        ),
        pytest.param(TRADING_DAY, "2026-11-25 15:00", "", "open until 17:30 America/New_York", id="open"),
        pytest.param(
            daily(LONDON, "08:00:30", "17:00", reset=True),
            "2026-11-25 15:00",
            "",
            "open until 17:00 Europe/London; numbers begin anew Thu 08:00:30 Europe/London",
            id="open, with a reset",
        ),
        pytest.param(
            daily(UTC, "00:00", "00:00", WORKDAYS),
            "2026-11-25 15:00",
            "",
            "open until Sat 00:00 UTC",
            id="seams between days are no end",
        ),
        pytest.param(AROUND_THE_CLOCK, "2026-11-25 15:00", "", "always open", id="around the clock"),
        pytest.param(
            weekly(NEW_YORK, SUN, "17:00", SUN, "17:00", reset=True),
            "2026-11-25 15:00",
            "",
            "always open; numbers begin anew Sun 17:00 America/New_York",
            id="a seam with a reset",
        ),
    ],
)
def test_words(schedule: Schedule, at: str, closed: str, described: str) -> None:
    assert schedule.closed(utc(at)) == closed
    assert schedule.describe(utc(at)) == described


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"days": frozenset()}, "days: expected some", id="no day"),
        pytest.param({"days": frozenset({7})}, "days: expected some", id="no such day"),
        pytest.param({"end": time(8)}, "end: expected a time after 08:00:00", id="ends as it starts"),
        pytest.param({"length_days": 1}, "end: expected at most 08:00:00", id="runs into the next one"),
        pytest.param({"length_days": 2}, "length_days: expected 0 to 1", id="runs over the next one"),
    ],
)
def test_windows_that_cannot_be_told_apart(changes: dict[str, object], problem: str) -> None:
    values: dict[str, object] = {"start": time(8), "end": time(17, 30), "days": WORKDAYS, "length_days": 0}
    with pytest.raises(ValueError, match=problem):
        Schedule(NEW_YORK, **{**values, **changes})  # type: ignore[arg-type]


# --- whatever the schedule -----------------------------------------------------------------------

ZONES = (
    "America/New_York", "Europe/London", "Australia/Sydney", "America/Sao_Paulo", "Australia/Lord_Howe",
    "Pacific/Apia", "Africa/Casablanca", "Asia/Kathmandu", "UTC",
)  # fmt: skip
# Many near the changes, so that times fall on and around the missing and the repeated hour.
TIMES = st.one_of(
    st.builds(time, st.integers(0, 3), st.sampled_from((0, 15, 30, 59))),
    st.builds(time, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)),
)
ZONE = st.sampled_from(ZONES).map(ZoneInfo)
DAYS = st.frozensets(st.integers(0, 6), min_size=1)
SCHEDULES = st.one_of(
    st.builds(Schedule.daily, ZONE, TIMES, TIMES, days=DAYS),
    st.builds(Schedule.weekly, ZONE, st.integers(0, 6), TIMES, st.integers(0, 6), TIMES),
)
INSTANTS = st.integers(utc("2011-01-01 00:00") // NS_PER_S, utc("2037-01-01 00:00") // NS_PER_S).map(
    lambda s: s * NS_PER_S
)


def changes(zone: ZoneInfo, year: int) -> list[int]:
    """The hours of a year in which the zone's offset changes."""
    hours = range(utc(f"{year}-01-01 00:00"), utc(f"{year + 1}-01-01 00:00"), HOUR_NS)

    def offset(at: int) -> datetime.timedelta | None:
        return datetime.datetime.fromtimestamp(at // NS_PER_S, zone).utcoffset()

    return [at for at in hours if offset(at) != offset(at + HOUR_NS)]


CHANGES = {name: changes(ZoneInfo(name), 2026) + changes(ZoneInfo(name), 2011) for name in ZONES}


@st.composite
def moments(draw: st.DrawFn) -> tuple[Schedule, int]:
    """A schedule and an instant, as often as not within two days of a change of its clocks."""
    schedule = draw(SCHEDULES)
    near = CHANGES[schedule.zone.key]
    if near and draw(st.booleans()):
        return schedule, draw(st.sampled_from(near)) + draw(st.integers(-172_800, 172_800)) * NS_PER_S
    return schedule, draw(INSTANTS)


@given(moments())
def test_the_next_boundary_lies_ahead_and_flips_the_state(moment: tuple[Schedule, int]) -> None:
    schedule, now = moment
    boundary = schedule.next_boundary(now)
    assert boundary > now
    assert schedule.is_open(boundary - 1) is schedule.is_open(now)
    assert schedule.period_start(boundary - 1) == schedule.period_start(now)
    if schedule.is_open(boundary) is schedule.is_open(now):
        # A seam: open before and after, and a new period.
        assert schedule.is_open(now)
        assert schedule.period_start(boundary) == boundary


@given(moments())
def test_windows_and_gaps_partition_time(moment: tuple[Schedule, int]) -> None:
    schedule, now = moment
    for _ in range(20):
        boundary = schedule.next_boundary(now)
        middle = now + (boundary - now) // 2
        assert schedule.next_boundary(middle) == boundary
        assert schedule.is_open(middle) is schedule.is_open(now)
        now = boundary


@given(moments())
def test_every_instant_belongs_to_the_period_that_began_last(moment: tuple[Schedule, int]) -> None:
    schedule, now = moment
    start = schedule.period_start(now)
    assert start <= now < schedule.next_start(now)
    assert schedule.is_open(start)
    assert schedule.next_start(start) == schedule.next_start(now)
    assert schedule.period_start(start - 1) < start


@given(moments())
def test_a_window_lasts_as_long_as_the_wall_clock_says_but_for_a_change(moment: tuple[Schedule, int]) -> None:
    schedule, now = moment
    start = schedule.period_start(now)
    wall = datetime.datetime.combine(datetime.date(2000, 1, 1), schedule.end) - datetime.datetime.combine(
        datetime.date(2000, 1, 1), schedule.start
    )
    nominal_ns = (schedule.length_days * 86_400 + int(wall.total_seconds())) * NS_PER_S
    lasts_ns = schedule.next_boundary(start) - start
    changed = any(start - HOUR_NS <= at <= start + nominal_ns for at in _changes_about(schedule, start))
    # By an hour or less as a rule; by a day where Samoa skipped one.
    assert lasts_ns == nominal_ns or (changed and abs(lasts_ns - nominal_ns) <= 24 * HOUR_NS)


def _changes_about(schedule: Schedule, start_ns: int) -> list[int]:
    def offset(at: int) -> datetime.timedelta | None:
        return datetime.datetime.fromtimestamp(at // NS_PER_S, schedule.zone).utcoffset()

    return [
        at
        for at in range(start_ns - 2 * HOUR_NS, start_ns + 194 * HOUR_NS, HOUR_NS)
        if offset(at) != offset(at + HOUR_NS)
    ]


@given(st.builds(Schedule.daily, ZONE, TIMES, TIMES, days=st.just(frozenset({SUN}))), INSTANTS)
@settings(max_examples=30)
def test_words_can_always_be_found(schedule: Schedule, now: int) -> None:
    assert bool(schedule.closed(now)) is not schedule.is_open(now)
    assert schedule.describe(now)


def test_this_machine_knows_time_zones() -> None:
    assert len(zoneinfo.available_timezones()) > 300
