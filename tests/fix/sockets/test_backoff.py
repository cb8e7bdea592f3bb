"""engine/fix/sockets/backoff.py: the pause before an initiator connects again."""

from __future__ import annotations

import pytest

from engine.fix.sockets.backoff import Outcome, Pause, after

MIDDLE = 0.5
"""A draw without jitter."""


def pauses(*became: tuple[Outcome, float]) -> list[float]:
    """The pauses waited after each of these, from the first one on, 1 to 60 s."""
    waited, due_s = [], 1.0
    for outcome, lived_s in became:
        pause = after(outcome, lived_s, due_s, min_s=1.0, max_s=60.0, draw=MIDDLE)
        waited.append(pause.wait_s)
        due_s = pause.next_s
    return waited


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(Outcome.NO_CONNECTION, id="nobody there"),
        pytest.param(Outcome.NO_LOGON, id="closed at once, or the logon refused"),
        pytest.param(Outcome.LOGGED_ON, id="logged out again at once"),
    ],
)
def test_pauses_double_up_to_the_longest(outcome: Outcome) -> None:
    assert pauses(*[(outcome, 0.5)] * 8) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_session_that_has_lived_starts_over() -> None:
    failed = [(Outcome.NO_CONNECTION, 0.0)] * 4
    assert pauses(*failed, (Outcome.LOGGED_ON, 63.0), *failed) == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert pauses(*failed, (Outcome.LOGGED_ON, 65.0), *failed) == [1, 2, 4, 8, 1, 2, 4, 8, 16]


def test_a_peer_that_expects_other_numbers_is_left_alone_for_long() -> None:
    """Also when the session had lived: nothing gets better by trying."""
    assert pauses((Outcome.WRONG_NUMBERS, 0.0), (Outcome.WRONG_NUMBERS, 900.0)) == [300, 300]
    assert pauses((Outcome.WRONG_NUMBERS, 0.0), (Outcome.NO_CONNECTION, 0.0)) == [300, 2]


def test_jitter_is_a_fifth_either_way() -> None:
    assert after(Outcome.NO_LOGON, 0.0, 10.0, min_s=1.0, max_s=60.0, draw=0.0) == Pause(8.0, 20.0)
    assert after(Outcome.NO_LOGON, 0.0, 10.0, min_s=1.0, max_s=60.0, draw=0.75) == Pause(11.0, 20.0)
