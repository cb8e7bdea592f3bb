"""What leaves first when a turn is durable."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from desk_scene import scene
from session_world import START_NS

from engine.clock import Instant
from engine.runtime.release import Release, Staged
from engine.turn import Effect, Gate, Write
from engine.turn.trading import Trading

OMS, ASH, BEECH = 1, 2, 3


class Connection:
    alive = True

    def __init__(self, number: int, written: list[tuple[int, list[bytes]]]) -> None:
        self._number, self._written = number, written

    def write(self, messages: list[bytes]) -> bool:
        self._written.append((self._number, list(messages)))
        return True


def test_requests_leave_before_reports_and_each_connection_keeps_its_order() -> None:
    written: list[tuple[int, list[bytes]]] = []
    hub = SimpleNamespace(open={n: Connection(n, written) for n in (OMS, ASH, BEECH)}, shows_wire=False)
    clock = SimpleNamespace(now=lambda: Instant(1, START_NS))
    trading = Trading(scene().desk)
    metrics = SimpleNamespace(wrote=lambda session, messages, types: None)
    anything = cast(Any, None)
    release = Release(
        anything, trading, cast(Any, hub), anything, cast(Any, clock), cast(Any, metrics), anything, anything, anything
    )
    effects: list[Effect] = [
        Write("oms", OMS, b"new"),
        Write("ash", ASH, b"heartbeat"),
        Write("ash", ASH, b"request", Gate(7, 2, START_NS + 1, ())),
        Write("oms", OMS, b"more"),
        Write("beech", BEECH, b"request", Gate(8, 2, START_NS + 1, ())),
    ]
    release.turns([Staged(clock.now(), effects, 1, 0)])
    release.write_out()
    assert written == [(ASH, [b"heartbeat", b"request"]), (BEECH, [b"request"]), (OMS, [b"new", b"more"])]
    written.clear()
    effects = [Write("oms", OMS, b"new"), Write("ash", ASH, b"heartbeat")]
    release.turns([Staged(clock.now(), effects, 1, 0)])
    release.write_out()
    assert written == [(OMS, [b"new"]), (ASH, [b"heartbeat"])]
