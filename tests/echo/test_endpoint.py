"""What an endpoint does with messages that have no number yet."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from echo.reflector import Answer
from echo_stage import ORDER, Stage

from engine.fix.codec import encode_body

LOGON = "35=A|34=1|98=0|108=30"


def played(stage: Stage, *lines: str) -> None:
    for line in lines:
        assert stage.play(line) is None, line


def asked_for_all_and_ordering(stage: Stage) -> None:
    """A ResendRequest(2) and an order in one piece, whose answer has to wait, and the connection breaks."""
    wire = stage.wires[""]
    assert wire.protocol is not None
    with stage:
        wire.protocol.data_received(stage.frame("35=2|34=2|7=1|16=0") + stage.frame("35=D|34=3|11=a|$ORDER"))
    assert len(stage.endpoint.lines[stage.version].waiting) == 1
    played(stage, "@ hangup")
    stage.settle()


def test_an_answer_that_waits_behind_a_resend_outlives_the_connection() -> None:
    """Its order was taken in and will not come again."""
    stage = Stage("4.4", {"reset_on_logon": "no"})
    played(stage, "@ logon")
    asked_for_all_and_ordering(stage)
    played(stage, "> 35=A|34=4|98=0|108=30", "< 35=A|34=2|98=0|108=30", f"< 35=D|34=3|11=a|{_ascending(ORDER)}")
    assert not stage.left_over()


def test_an_answer_does_not_outlive_the_numbers() -> None:
    stage = Stage("4.4", {})
    played(stage, "@ logon")
    asked_for_all_and_ordering(stage)
    played(stage, f"> {LOGON}", f"< {LOGON}")
    assert not stage.left_over()


def test_what_is_said_while_nobody_is_there_goes_after_the_logon() -> None:
    stage = Stage("4.4", {"reset_on_logon": "no"})
    with stage:
        stage.endpoint.say(stage.version, Answer("B", encode_body([(148, "first")])))
        stage.endpoint.say(stage.version, Answer("B", encode_body([(148, "second")])))
    stage.settle()
    played(stage, f"> {LOGON}", f"< {LOGON}", "< 35=B|34=2|148=first", "< 35=B|34=3|148=second")
    assert not stage.left_over()


def _ascending(order: str) -> str:
    return "|".join(sorted(order.split("|"), key=lambda item: int(item.partition("=")[0])))
