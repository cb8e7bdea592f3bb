"""A resend goes page by page: each asks for the next behind what it sends, and all of them are one request."""

from __future__ import annotations

from typing import Any

import pytest
from session_world import ENTROPY, SessionWorld

from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.step import SentRow
from engine.turn import ReadSentRows, SentPage

ROWS = 2


class Paged(SessionWorld):
    """Pages are short, and are served when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[ReadSentRows] = []

    def _carry_out(self, effect: Any) -> None:
        if isinstance(effect, ReadSentRows):
            self.asked.append(effect)
        else:
            super()._carry_out(effect)

    def serve(self) -> None:
        """The rows that were asked for last, as many as there are to a page."""
        wanted = self.asked[-1]
        end = min(wanted.begin + ROWS - 1, wanted.end)
        page = [self.rows[wanted.session, wanted.epoch][number] for number in range(wanted.begin, end + 1)]
        is_last = end == wanted.end
        self.take(
            SentPage(self.now, wanted.session, wanted.epoch, wanted.connection, page, wanted.end, is_last, ENTROPY)
        )

    def request(self, begin: int) -> None:
        self.say("oms", "2", (7, str(begin)), (16, "0"))

    @property
    def requests_counted(self) -> float:
        found = self.metric("fix_resend_requests_total", session="oms", direction="in")
        assert found is not None
        return found


@pytest.fixture
def world() -> Paged:
    """Logged on, with five numbers of ours: the Logon(A) and four heartbeats that answer."""
    made = Paged()
    made.log_on("oms")
    for name in "abcd":
        made.say("oms", "1", (112, name))
    made.out["oms"].clear()
    return made


def test_each_page_asks_for_the_next_one(world: Paged) -> None:
    world.request(1)
    for _ in range(3):
        world.serve()
    assert [(wanted.begin, wanted.end) for wanted in world.asked] == [(1, 5), (3, 5), (5, 5)]
    assert not world.state("oms").resending
    (fill,) = world.out["oms"]
    assert b"\x0134=1\x01" in fill
    assert b"\x0136=6\x01" in fill, "one gap fill over all of them"
    assert world.requests_counted == 1


def test_heartbeats_leave_between_two_pages(world: Paged) -> None:
    world.request(1)
    world.serve()
    world.advance(30)
    assert any(b"\x0135=0\x01" in sent for sent in world.out["oms"])
    world.serve()
    world.serve()
    assert not world.state("oms").resending


def test_the_next_request_in_line_counts_for_itself(world: Paged) -> None:
    world.request(1)
    world.request(2)
    for _ in range(5):
        world.serve()
    assert [wanted.begin for wanted in world.asked] == [1, 3, 5, 2, 4]
    assert world.requests_counted == 2


def test_a_page_of_a_connection_that_has_ended_asks_for_nothing(world: Paged) -> None:
    world.request(1)
    late = world.asked[-1]
    world.down(late.connection, Ending(DisconnectReason.CLOSED_BY_PEER, ""))
    world.log_on("oms")
    before = len(world.asked)
    world.take(SentPage(world.now, "oms", late.epoch, late.connection, [SentRow(1, None)], late.end, False, ENTROPY))
    assert len(world.asked) == before
