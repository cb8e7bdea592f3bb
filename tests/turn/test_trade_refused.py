"""What may be a trade and is refused is booked nowhere: a person has to hear of it."""

from __future__ import annotations

import pytest
from session_world import SessionWorld

FIELDS = ((17, "E-1"), (150, "F"), (39, "2"), (55, "[N/A]"), (54, "1"), (32, "5000"), (31, "99.5"), (11, "C-1"))


def pages(world: SessionWorld) -> list[object]:
    return [notice.body for notice in world.notices if notice.topic == "page"]


def refused(world: SessionWorld) -> float | None:
    labels = {"session": "ash", "code": "trade_refused"}
    return world.metrics.registry.get_sample_value("fix_warnings_total", labels)


def test_a_refused_report_of_a_dealer_pages_with_what_names_the_trade() -> None:
    world = SessionWorld()
    assert refused(world) == 0, "a count that appears with its first trade is no increase"
    world.log_on("ash")
    world.say("ash", "8", *FIELDS)
    assert world.sent("ash")[-1][35] == "3"
    named = "35=8 ClOrdID(11)=C-1 ExecID(17)=E-1 LastQty(32)=5000 LastPx(31)=99.5"
    text = f"{named}: Required tag missing: OrderID(37) is missing"
    assert pages(world) == [{"what": "trade refused", "session": "ash", "reason": text}]
    assert ("ash", "trade_refused", text) in [warning for turn in world.turns for warning in turn.warnings]
    assert refused(world) == 1


@pytest.mark.parametrize(
    ("key", "msg_type"), [pytest.param("ash", "S", id="no trade"), pytest.param("oms", "8", id="no dealer")]
)
def test_nobody_is_called_for_anything_else(key: str, msg_type: str) -> None:
    world = SessionWorld()
    world.log_on(key)
    world.say(key, msg_type, (58, "x"))
    assert world.sent(key)[-1][35] == "3"
    assert not pages(world)
