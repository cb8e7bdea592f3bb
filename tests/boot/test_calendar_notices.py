"""What a start, a reload and `rfqd check` say of calendars that end and of bonds that have none."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest
from desk_builder import make_desk
from desk_past import LIQUID

from engine.boot.assembly import security_file
from engine.boot.configured import notices
from engine.clock import NS_PER_S
from engine.config import load
from engine.market.calendars import Calendars

ROOT = Path(__file__).resolve().parents[2]


def lines(day: datetime.date, **changes: str) -> list[str]:
    """Of calendars and holidays, with one bond that is like no other."""
    config, desk = load(ROOT / "engine.toml", {}), make_desk()
    desk.calendars = Calendars(config.calendars)
    desk.know(LIQUID.security_id, replace(LIQUID, **changes))
    now_ns = int(datetime.datetime.combine(day, datetime.time(12), datetime.UTC).timestamp()) * NS_PER_S
    found = notices(config, security_file(config.reference.securities), desk, now_ns)
    return [each for each in found if "calendar" in each]


def test_while_all_is_known_nothing_is_said() -> None:
    assert lines(datetime.date(2026, 11, 30)) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"calendar": "tokyo"}, "calendar tokyo is not in reference.calendars"),
        ({"currency": "CHF"}, "no calendar of reference.calendars is for CHF"),
    ],
)
def test_a_bond_without_a_calendar_is_named(changes: dict[str, str], why: str) -> None:
    [line] = lines(datetime.date(2026, 11, 30), **changes)
    assert line == (
        f"securities: the holidays of bonds are not known, their orders are the trader's: {why}: {LIQUID.security_id}"
    )


def test_a_calendar_that_ends_within_the_setting_is_named() -> None:
    found = lines(datetime.date(2029, 9, 1))
    assert [each.split(":")[0] for each in found] == ["calendar us-bond", "calendar target", "calendar london"]
