"""engine/config/calendars.py and config/calendars: files of holidays, and the shipped ones against published lists."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from test_config import DEALER, ENGINE, OMS, Folder, spoiled

from engine.clock import NS_PER_S
from engine.config import load
from engine.config.calendars import running_out
from engine.config.load import reread
from engine.market.calendars import Calendar, Calendars

ROOT = Path(__file__).resolve().parents[2]
FILE = """\
zone = "America/New_York"
close = "17:00"
currencies = ["USD"]
first = 2026-01-01
last = 2026-12-31
closed = [2026-11-26, 2026-12-25]
[[early]]
day = 2026-11-27
close = "14:00"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    listed = 'securities = "securities.csv"\ncalendars = ["us.toml"]\n'
    made.write("engine.toml", spoiled(ENGINE, 'securities = "securities.csv"\n', listed) + OMS + DEALER)
    made.write("us.toml", FILE)
    return made


def test_a_calendar_is_found_by_its_currency(folder: Folder) -> None:
    config = folder.load()
    (calendar,) = config.calendars
    assert Calendars(config.calendars).of_currency("USD") is calendar
    assert Calendars(config.calendars).of_currency("EUR").unknown
    assert (calendar.name, calendar.early) == ("us", {datetime.date(2026, 11, 27): datetime.time(14)})
    assert not calendar.trades_on(datetime.date(2026, 11, 26))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            'zone = "America/New_York"', 'zone = "New York"', "zone: expected an IANA time zone", id="no such zone"
        ),
        pytest.param('["USD"]', '["GBX"]', "currencies[1]: expected a currency of ISO 4217", id="no currency"),
        pytest.param('["USD"]', "[]", "currencies: expected one at least", id="no bonds"),
        pytest.param("2026-12-25", "25.12.2026", "line 6", id="no date"),
        pytest.param("2026-12-25", '"2026-12-25"', "closed[2]: expected a date, as in 2026-01-05", id="a text"),
        pytest.param("2026-12-25", "2027-12-24", "closed: expected a date from 2026-01-01 to", id="beyond its end"),
        pytest.param("2026-12-25", "2026-12-26", "closed: expected a weekday, found 2026-12-26", id="a Saturday"),
        pytest.param("2026-12-25", "2026-11-26", "closed: 2026-11-26 is there twice", id="twice"),
        pytest.param("2026-11-27", "2026-11-26", "early[1].day: 2026-11-26 is in closed too", id="early and closed"),
        pytest.param("last = 2026-12-31", "last = 2025-12-31", "last: expected a date from first", id="ends at once"),
        pytest.param(
            'close = "17:00"', 'close = "17:00"\nsettlement_days = 11', "settlement_days: expected", id="in a fortnight"
        ),
        pytest.param(
            'close = "17:00"',
            'close = "17:00"\nsettlement_change = [{ trade_date = 2026-05-01, days = 2 }, '
            "{ trade_date = 2026-05-01, days = 1 }]",
            "settlement_change: expected each trade_date after the one before",
            id="changes twice on a day",
        ),
        pytest.param("closed =", "closd =", "closd: unknown key (did you mean 'closed'?)", id="a slip"),
    ],
)
def test_a_wrong_calendar_is_named_with_its_key(folder: Folder, old: str, new: str, problem: str) -> None:
    folder.write("us.toml", spoiled(FILE, old, new))
    assert any(line.startswith(f"us.toml: {problem}") for line in folder.problems()), folder.problems()


def test_a_calendar_that_is_not_there_is_named(folder: Folder) -> None:
    (folder.path / "us.toml").unlink()
    (line,) = folder.problems()
    assert line.startswith("us.toml: cannot be read: No such file or directory")


def test_two_calendars_cannot_have_one_currency(folder: Folder) -> None:
    text = (folder.path / "engine.toml").read_text()
    folder.write("engine.toml", text.replace('["us.toml"]', '["us.toml", "other.toml"]'))
    folder.write("other.toml", FILE)
    assert folder.problems() == ["reference.calendars: USD is in us and in other"]


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ("a/us.toml", "b/us.toml", "two files are called us.toml: bonds name their calendar by it"),
        ("us+eu.toml", "uk.toml", "us+eu.toml: + joins names"),
    ],
)
def test_a_name_is_for_one_calendar(folder: Folder, first: str, second: str, problem: str) -> None:
    text = (folder.path / "engine.toml").read_text()
    folder.write("engine.toml", text.replace('["us.toml"]', f'["{first}", "{second}"]'))
    for name, currency in ((first, "USD"), (second, "GBP")):
        (folder.path / name).parent.mkdir(exist_ok=True)
        folder.write(name, FILE.replace("USD", currency))
    assert folder.problems() == [f"reference.calendars: {problem}"]


def test_regular_settlement_is_in_the_file(folder: Folder) -> None:
    added = "settlement_days = 2\nsettlement_change = [{ trade_date = 2026-10-12, days = 1 }]\nclosed ="
    folder.write("us.toml", spoiled(FILE, "closed =", added))
    (calendar,) = folder.load().calendars
    assert [calendar.regular_days(datetime.date(2026, 10, day)) for day in (11, 12)] == [2, 1]


def test_calendars_are_one_text_of_the_configuration(folder: Folder) -> None:
    [before] = [each for each in folder.load().texts if each.kind == "calendars"]
    assert before.text == f"### us.toml\n{FILE}"
    config = folder.load()
    folder.write("us.toml", spoiled(FILE, "2026-12-25]", "2026-12-24, 2026-12-25]"))
    again = reread(config, ["limits"])
    [after] = [each for each in again.texts if each.kind == "calendars"]
    assert after.sha256 != before.sha256
    assert not again.calendars[0].trades_on(datetime.date(2026, 12, 24))
    assert [each for each in reread(config, ["dealers"]).texts if each.kind == "calendars"] == [before]


def test_a_calendar_that_ends_soon_is_a_warning(folder: Folder) -> None:
    calendars = folder.load().calendars
    assert running_out(calendars, 6, datetime.date(2026, 6, 1)) == []
    (line,) = running_out(calendars, 6, datetime.date(2026, 8, 1))
    assert line.startswith("calendar us: known until 2026-12-31, expected 6 months ahead of 2026-08-01")


# --- as shipped ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> dict[str, Calendar]:
    return {each.name: each for each in load(ROOT / "engine.toml", {}).calendars}


def days(year: int, text: str) -> set[datetime.date]:
    return {datetime.date.fromisoformat(f"{year}-{each}") for each in text.split()}


@pytest.mark.parametrize(
    ("name", "year", "published"),
    [
        # SIFMA, Holiday Schedule. 3 April 2026 is an early close: the employment report falls on Good Friday.
        ("us-bond", 2026, "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25"),
        ("us-bond", 2027, "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24"),
        # ECB, T2 closing days.
        ("target", 2026, "01-01 04-03 04-06 05-01 12-25"),
        ("target", 2027, "01-01 03-26 03-29"),
        ("target", 2028, "04-14 04-17 05-01 12-25 12-26"),
        ("target", 2029, "01-01 03-30 04-02 05-01 12-25 12-26"),
        # gov.uk, bank holidays in England and Wales.
        ("london", 2026, "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28"),
        ("london", 2027, "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28"),
        ("london", 2028, "01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26"),
    ],
)
def test_the_shipped_days_are_those_published(
    shipped: dict[str, Calendar], name: str, year: int, published: str
) -> None:
    assert {each for each in shipped[name].closed if each.year == year} == days(year, published)


def test_good_friday_of_2026_is_traded_and_not_settled_in_new_york(shipped: dict[str, Calendar]) -> None:
    """Source: SIFMA, 20 March 2026."""
    day, calendar = datetime.date(2026, 4, 3), shipped["us-bond"]
    assert calendar.trades_on(day)
    assert calendar.no_settlement == {day}
    assert calendar.early[day] == datetime.time(12)


def easter_monday(year: int) -> datetime.date:
    """Source: Anonymous Gregorian computus, Nature, 20 April 1876."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    h = (19 * a + b - d - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    w = (32 + 2 * e + 2 * i - h - k) % 7
    month, day = divmod(h + w - 7 * ((a + 11 * h + 22 * w) // 451) + 114, 31)
    return datetime.date(year, month, day + 1) + datetime.timedelta(days=1)


@pytest.mark.parametrize("year", range(2026, 2030))
def test_the_shipped_days_follow_the_rules(shipped: dict[str, Calendar], year: int) -> None:
    monday = easter_monday(year)
    friday = monday - datetime.timedelta(days=3)
    for name in ("target", "london"):
        assert {friday, monday} <= shipped[name].closed
    york = shipped["us-bond"]
    assert (friday in york.closed) is (year != 2026)
    mondays = {each.month for each in york.closed if each.year == year and each.weekday() == 0}
    assert {1, 2, 5, 9, 10} <= mondays
    assert len([each for each in york.closed if each.year == year]) >= 10
    assert len([each for each in york.early if each.year == year]) >= 5
    assert not {each for each in york.early if each in york.closed}


def test_the_shipped_calendars_are_known_three_years_ahead(shipped: dict[str, Calendar]) -> None:
    assert {each.last for each in shipped.values()} == {datetime.date(2029, 12, 31)}
    assert {each.first for each in shipped.values()} == {datetime.date(2026, 1, 1)}


@pytest.mark.parametrize(
    ("name", "traded", "days", "expected"),
    [
        pytest.param("us-bond", "2026-11-25", None, "2026-11-27", id="T+1 over Thanksgiving"),
        pytest.param("us-bond", "2026-11-27", None, "2026-11-30", id="of Black Friday"),
        pytest.param("us-bond", "2026-11-24", 3, "2026-11-30", id="T+3 over Thanksgiving"),
        pytest.param("us-bond", "2026-04-02", None, "2026-04-06", id="Good Friday that is traded"),
        pytest.param("us-bond", "2027-03-25", None, "2027-03-29", id="Good Friday that is closed"),
        pytest.param("us-bond", "2026-12-31", None, "2027-01-04", id="at the year's end"),
        pytest.param("us-bond", "2027-12-31", None, "2028-01-03", id="a New Year's Day on a Saturday is not kept"),
        pytest.param("us-bond", "2026-11-10", None, "2026-11-12", id="Veterans Day"),
        pytest.param("target", "2026-04-29", None, "2026-05-04", id="T+2 over 1 May"),
        pytest.param("target", "2026-12-23", None, "2026-12-28", id="26 December on a Saturday is not moved"),
        pytest.param("target", "2028-12-22", None, "2028-12-27", id="T+1 since 2027, over both days of Christmas"),
        pytest.param("target", "2027-10-08", None, "2027-10-12", id="the last trade of T+2"),
        pytest.param("target", "2027-10-11", None, "2027-10-12", id="the first trade of T+1"),
        pytest.param("london", "2026-12-24", 1, "2026-12-29", id="26 December in London is kept on the 28th"),
        pytest.param("london", "2026-12-23", None, "2026-12-29", id="T+2 over it"),
        pytest.param("london", "2026-04-02", 1, "2026-04-07", id="Good Friday and Easter Monday"),
    ],
)
def test_settlement_by_the_shipped_calendars(
    shipped: dict[str, Calendar], name: str, traded: str, days: int | None, expected: str
) -> None:
    found = shipped[name].settlement(datetime.date.fromisoformat(traded), days)
    assert found == datetime.date.fromisoformat(expected)


@pytest.mark.parametrize("name", ["us-bond", "target", "london"])
def test_trade_dates_go_on_with_time_and_leave_no_trading_day_out(shipped: dict[str, Calendar], name: str) -> None:
    """Every half hour of four years, changes of the clocks included: days that trade, in their order, all of them."""
    calendar, half_hour_ns = shipped[name], 1800 * NS_PER_S
    begin = int(datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC).timestamp()) * NS_PER_S
    found = [calendar.trade_date(begin + half_hour_ns * number) for number in range(48 * 1458)]
    assert found == sorted(found)
    days = list(dict.fromkeys(found))
    assert all(map(calendar.trades_on, days))
    span = (days[-1] - days[0]).days
    between = (days[0] + datetime.timedelta(days=number) for number in range(span + 1))
    assert days == [day for day in between if calendar.trades_on(day)]
    settlements = [calendar.settlement(day) for day in days]
    assert settlements == sorted(settlements)
    assert all(day < settles and calendar.settles_on(settles) for day, settles in zip(days, settlements, strict=True))
