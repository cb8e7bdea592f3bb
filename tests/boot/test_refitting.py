"""engine/boot/refitting.py: the daily fit between turns; an event puts it in force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from seen_rounds import DAY_NS, FIRST_DAY, asked, seen

from engine.boot import refitting
from engine.dealers.estimates import EstimateParameters
from engine.desk.learning import Learning
from engine.domain import events as e


def observed(day: int, name: str) -> e.RoundObserved:
    at_ns = (FIRST_DAY + day) * DAY_NS
    return e.RoundObserved(at_ns, seen(name, [asked("ash", day, -2.0), asked("birch", day)], day))


class Noting:
    """A runtime that records what is noted, between two steps of the loop."""

    def __init__(self, learning: Learning) -> None:
        self.learning = learning
        self.events: list[e.Event] = []

    def note(self, what: str, events: Callable[[int], Sequence[e.Event]]) -> None:
        for event in events(1):
            self.events.append(event)
            self.learning.fold(event)


def test_a_fit_is_done_in_pieces_and_put_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refitting, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(refitting, "SLICE_S", 0.0)
    monkeypatch.setattr(refitting, "REST_S", 0.0)
    learning = Learning(EstimateParameters())
    runtime: Any = Noting(learning)
    trading: Any = SimpleNamespace(desk=SimpleNamespace(learning=learning))

    async def play() -> int:
        task = asyncio.get_running_loop().create_task(refitting.refit(runtime, trading))
        turns = 0
        for day in range(2):
            learning.fold(observed(day, f"Q-{day}"))
            while learning.estimates.fits is not None:
                await asyncio.sleep(0)
                turns += 1
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        return turns

    assert asyncio.run(play()) > 20, "others had their turns meanwhile"
    events = [e.EstimatesFitted(1, FIRST_DAY + day) for day in range(2)]
    assert list(dict.fromkeys(runtime.events)) == events
    assert len(runtime.events) > 2, "scales first, then what is above segments"
