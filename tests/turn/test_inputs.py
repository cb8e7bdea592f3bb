"""Every input brings randomness of its own; one that cannot be handled stops nobody else."""

from __future__ import annotations

import inspect
import typing

import pytest
from session_world import SessionWorld

from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.fix.session.phases import Phase
from engine.turn import INPUT_KEPT_MAX, TimerDue, inputs


@pytest.mark.parametrize("kind", typing.get_args(inputs.Input), ids=lambda kind: kind.__name__)
def test_whatever_happens_brings_entropy_and_none_is_made_up(kind: type) -> None:
    """Identifiers drawn without it would be the same in every such turn, and known beforehand."""
    entropy = inspect.signature(kind).parameters["entropy"]
    assert entropy.default is inspect.Parameter.empty


def test_a_timer_that_cannot_be_handled_pauses_its_session_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    world = SessionWorld()
    world.log_on("oms")
    world.log_on("dropcopy")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("x" * 100_000)

    with monkeypatch.context() as patch:
        patch.setattr("engine.fix.session.protocol.tick", broken)
        world.take(TimerDue(world.now, Timer(TimerKind.session, "oms"), bytes(16)))
    assert world.phase("oms") is Phase.DISCONNECTED
    assert world.phase("dropcopy") is Phase.ACTIVE
    assert not world.machine.may_log_on("oms")
    (refused,) = world.recorded(e.InputRefused)
    assert len(refused.error) == INPUT_KEPT_MAX
