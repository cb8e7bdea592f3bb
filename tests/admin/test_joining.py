"""Joining over a real socket: subscribe, look, and hear on from there, while others are at work on the desk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from admin_daemon import Daemon
from desk_past import HIGH_YIELD
from order_states import states_in, tell

from engine.admin.client import AdminClient
from engine.desk.draft import Page
from engine.desk.notices import Notice, Topic
from engine.errors import CommandError


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    running = Daemon(tmp_path)
    yield running
    running.close()


def trade(daemon: Daemon, orders: int) -> None:
    """Enter orders, send some, cancel most."""
    with AdminClient(daemon.socket) as desk:
        for number in range(orders):
            entered = desk.call("order.new", security=HIGH_YIELD.security_id, side="buy", quantity=f"{number + 1}mm")
            if number % 3 == 0:
                with suppress(CommandError):  # The rules or the risk checks may say no.
                    desk.call("send", order=entered["order"], fresh=True)
            if number % 4:
                desk.call("order.cancel", order=entered["order"])


def test_whoever_joins_in_the_middle_has_the_picture_of_whoever_looks_later(daemon: Daemon) -> None:
    others = threading.Thread(target=trade, args=(daemon, 40))
    others.start()
    joined = 0
    while others.is_alive() or joined < 2:
        with AdminClient(daemon.socket) as screen:
            begins = screen.subscribe()
            first = screen.snapshot("orders", state="all", limit=1000)
            assert first["seq"] >= begins
            states, seq = states_in(first), first["seq"]
            for _ in range(5):
                heard = screen.hear(0.01)
                if heard is not None:
                    assert heard.seq > seq
                    seq = heard.seq
                    tell(states, heard.topic, heard.body)
            later = screen.call("orders", state="all", limit=1000)
            while (heard := screen.hear(0)) is not None:
                if heard.seq <= later["seq"]:
                    assert heard.seq > seq
                    seq = heard.seq
                    tell(states, heard.topic, heard.body)
            assert states == states_in(later)
        joined += 1
    others.join()


def test_what_a_snapshot_shows_is_not_heard_again_but_pages_are(daemon: Daemon) -> None:
    with AdminClient(daemon.socket) as screen, AdminClient(daemon.socket) as desk:
        screen.subscribe("report", "page")
        desk.call("order.new", security=HIGH_YIELD.security_id, side="buy", quantity="1mm", hold=True)
        daemon.page(Page(0, {"what": "look here"}))
        screen.snapshot("status")
        heard = screen.hear(5)
        assert heard is not None
        assert (heard.topic, heard.body) == ("page", {"what": "look here"})
        assert screen.hear(0) is None
        desk.call("order.new", security=HIGH_YIELD.security_id, side="buy", quantity="2mm", hold=True)
        heard = screen.hear(5)
        assert heard is not None
        assert heard.topic == "report"


def test_what_happened_before_a_subscription_is_not_told(daemon: Daemon) -> None:
    """Notices of turns that were decided before, and became durable after."""
    with AdminClient(daemon.socket) as other, AdminClient(daemon.socket) as screen:
        other.subscribe()
        begins = screen.subscribe()
        daemon.tell_all(Notice(begins, Topic.fill, {}), Notice(begins + 1, Topic.quote, {}))
        heard = screen.hear(5)
        assert heard is not None
        assert heard.topic == "quote"


@pytest.mark.parametrize(
    ("topics", "words"),
    [
        pytest.param(["fil"], "subscribe: no topic 'fil' (did you mean 'fill'?)", id="near one"),
        pytest.param(["fill", "xyz"], "subscribe: no topic 'xyz': known are accepted, alert, asked", id="near none"),
        pytest.param([7], "subscribe: no topic '7': known are", id="no word"),
    ],
)
def test_a_topic_that_is_none_is_refused_kindly(daemon: Daemon, topics: list[str], words: str) -> None:
    with AdminClient(daemon.socket) as screen, pytest.raises(CommandError) as refused:
        screen.subscribe(*topics)
    assert str(refused.value).startswith(words)
    assert refused.value.code == "params"
