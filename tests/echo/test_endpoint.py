"""What an endpoint does with messages that have no number yet."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import pytest
from echo.endpoint import WAITING_BYTES_MAX
from echo.reflector import Answer
from echo_stage import ORDER, Stage

from engine.fix.wire.codec import encode_body

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


def test_a_peer_that_orders_behind_a_resend_it_does_not_read_is_read_no_further_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage("4.4", {})
    played(stage, "@ logon", f"> 35=D|34=2|11=2|{ORDER}")
    wire, line = stage.wires[""], stage.endpoint.lines["4.4"]
    with monkeypatch.context() as patch:
        patch.setattr(wire, "get_write_buffer_size", lambda: 300_000)
        played(stage, "> 35=2|34=3|7=1|16=0")
        text, count = "x" * 60_000, 40
        for seq_num in range(4, 4 + count):
            played(stage, f"> 35=D|34={seq_num}|11={seq_num}|{ORDER}|58={text}")
        assert wire.paused
        assert line.waiting_bytes < 2 * WAITING_BYTES_MAX
        stage.wait(100)
        assert line.connection is not None, "what is not read cannot be held against the peer"
    wire.data = b""
    stage.wait(1)
    assert not wire.paused
    echoes = [frame for frame in wire.data.split(b"8=FIX.4.4") if b"\x0135=D" in frame and b"\x0143=Y" not in frame]
    assert len(echoes) == count
    assert line.waiting_bytes == 0


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
