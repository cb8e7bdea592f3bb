"""fix/sockets/transport.py: what of a stream is handed on when, what is waited for, and when patience is over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from wire_support import wire

from engine.errors import GarbledMessage
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.sockets import transport
from engine.fix.sockets.transport import FRAMES_AT_ONCE, FixConnection
from engine.fix.wire.framing import FrameOverflow


def message(number: int) -> bytes:
    return wire(f"35=0|34={number}|")


class Socket(asyncio.Transport):
    """The other side of a connection: what it was told, and how many bytes it has not passed on."""

    def __init__(self, peer: tuple[str, int] = ("192.0.2.1", 4711)) -> None:
        super().__init__({"peername": peer})
        self.reading = True
        self.sent = b""
        self.unsent = 0
        self.ended = ""
        self.is_reset = False
        """Has the peer reset the connection, and nobody has been told so far?"""

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return bool(self.ended)

    def can_write_eof(self) -> bool:
        return self.is_reset

    def write_eof(self) -> None:
        raise OSError(107, "Transport endpoint is not connected")

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"


class Heard:
    """A hub that keeps what it is told."""

    def __init__(self) -> None:
        self.frames: list[bytes | GarbledMessage] = []
        self.unfinished = 0
        self.endings: list[Ending] = []

    def connection_up(self, connection: FixConnection) -> bool:
        return True

    def frames_received(self, connection: FixConnection, frames: Sequence[bytes | GarbledMessage]) -> None:
        self.frames += frames

    def bytes_received(self, connection: FixConnection) -> None:
        self.unfinished += 1

    def connection_down(self, connection: FixConnection, ending: Ending) -> None:
        self.endings.append(ending)


def connected(first_message_bytes_max: int | None = None) -> tuple[FixConnection, Socket, Heard]:
    hub, socket = Heard(), Socket()
    connection = FixConnection(
        hub,
        1,
        "",
        max_message_bytes=1024,
        outgoing_bytes_max=65_536,
        first_message_bytes_max=first_message_bytes_max,
    )
    connection.connection_made(socket)
    return connection, socket, hub


async def passes() -> None:
    """Let the loop turn until it has nothing to do."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_a_burst_is_handled_in_parts_and_nothing_is_read_meanwhile() -> None:
    connection, socket, hub = connected()
    messages = [message(number) for number in range(1, 3 * FRAMES_AT_ONCE + 6)]
    connection.data_received(b"".join(messages))
    assert (hub.frames, socket.reading) == (messages[:FRAMES_AT_ONCE], False)
    late = message(4711)
    connection.data_received(late)  # over TLS some may be at hand although reading is paused
    assert len(hub.frames) == FRAMES_AT_ONCE
    await passes()
    assert hub.frames == [*messages, late]
    assert socket.reading


async def test_as_many_messages_as_are_handled_at_once_are_no_burst() -> None:
    connection, socket, hub = connected()
    connection.data_received(b"".join(message(number) for number in range(FRAMES_AT_ONCE)))
    assert (len(hub.frames), socket.reading) == (FRAMES_AT_ONCE, True)


async def test_a_burst_over_a_connection_that_ends_still_counts() -> None:
    connection, _, hub = connected()
    connection.data_received(b"".join(message(number) for number in range(100)))
    connection.connection_lost(None)
    assert len(hub.frames) == 100
    assert [ending.code for ending in hub.endings] == [DisconnectReason.CLOSED_BY_PEER]


async def test_a_burst_is_not_read_on_while_reading_is_held() -> None:
    connection, socket, hub = connected()
    connection.data_received(b"".join(message(number) for number in range(100)))
    connection.hold()
    await passes()
    assert (len(hub.frames), socket.reading) == (FRAMES_AT_ONCE, False), "what cannot be recorded would wait decided"
    connection.let_go()
    await passes()
    assert (len(hub.frames), socket.reading) == (100, True)


async def test_what_was_on_its_way_when_reading_was_held_waits_as_it_came() -> None:
    connection, socket, hub = connected()
    connection.hold()
    connection.data_received(message(1))
    connection.data_received(message(2))
    await passes()
    assert (hub.frames, socket.reading) == ([], False)
    connection.let_go()
    await passes()
    assert (hub.frames, socket.reading) == ([message(1), message(2)], True)


async def test_a_stranger_stays_one_whatever_is_held() -> None:
    connection, socket, hub = connected(first_message_bytes_max=512)
    connection.data_received(message(1) + message(2))
    connection.hold()
    connection.let_go()
    await passes()
    assert (hub.frames, socket.reading) == ([message(1)], False)
    connection.hold()
    connection.welcome()
    await passes()
    assert hub.frames == [message(1)]
    connection.let_go()
    await passes()
    assert (hub.frames, socket.reading) == ([message(1), message(2)], True)


async def test_a_connection_that_ends_while_reading_is_held_is_asked_again_for_what_was_not_handled() -> None:
    connection, _, hub = connected()
    connection.data_received(b"".join(message(number) for number in range(100)))
    connection.hold()
    connection.connection_lost(None)
    assert len(hub.frames) == FRAMES_AT_ONCE
    assert [ending.code for ending in hub.endings] == [DisconnectReason.CLOSED_BY_PEER]


async def test_nothing_is_read_behind_what_ends_a_stream() -> None:
    connection, socket, hub = connected()
    connection.data_received(message(1) + b"8=FIX.4.4\x019=1025\x01" + message(2))
    assert isinstance(hub.frames[-1], FrameOverflow)
    assert len(hub.frames) == 2
    connection.data_received(message(3))
    await passes()
    assert (len(hub.frames), socket.reading) == (2, False)


async def test_noise_is_no_sign_of_life_and_half_a_message_is() -> None:
    connection, _, hub = connected()
    connection.data_received(b"\r\n" * 10)
    connection.data_received(b"\r\n" * 10)
    assert (len(hub.frames), hub.unfinished) == (1, 0)
    connection.data_received(message(1)[:10])
    assert hub.unfinished == 1


async def test_of_a_stranger_one_short_message_is_read() -> None:
    connection, socket, hub = connected(first_message_bytes_max=512)
    long = wire(f"35=0|34=2|58={'x' * 600}|")
    connection.data_received(message(1) + long + message(3))
    await passes()
    assert (hub.frames, socket.reading) == ([message(1)], False)
    connection.welcome()
    await passes()
    assert hub.frames == [message(1), long, message(3)]
    assert socket.reading


async def test_of_a_stranger_that_leaves_one_message_counts() -> None:
    connection, _, hub = connected(first_message_bytes_max=512)
    connection.data_received(message(1) + message(2))
    connection.connection_lost(None)
    assert hub.frames == [message(1)]


async def test_a_stranger_with_a_long_message_is_not_read() -> None:
    connection, _, hub = connected(first_message_bytes_max=512)
    connection.data_received(wire(f"35=A|34=1|58={'x' * 600}|"))
    assert [isinstance(frame, FrameOverflow) for frame in hub.frames] == [True]


async def test_a_resend_waits_until_its_peer_has_taken_what_is_on_its_way() -> None:
    connection, _, _ = connected()
    await asyncio.wait_for(connection.drained(), 1)
    connection.pause_writing()
    waiting = asyncio.ensure_future(connection.drained())
    await passes()
    assert not waiting.done()
    connection.resume_writing()
    await passes()
    assert waiting.done()


async def test_whoever_waits_for_a_peer_that_is_gone_goes_on() -> None:
    connection, _, _ = connected()
    connection.pause_writing()
    waiting = asyncio.ensure_future(connection.drained())
    connection.connection_lost(None)
    await passes()
    assert waiting.done()


@pytest.mark.parametrize(
    ("unsent", "ended"),
    [
        pytest.param([100, 100, 100], True, id="takes nothing"),
        pytest.param([100, 90, 80], False, id="takes a little"),
        pytest.param([0, 0, 0], False, id="has taken everything"),
        pytest.param([100, 0, 100], False, id="begins anew"),
    ],
)
async def test_a_peer_that_takes_nothing_is_disconnected_in_time(unsent: list[int], ended: bool) -> None:
    connection, socket, hub = connected()
    connection.write([b"x" * 100])
    for now_s, waits in zip((1000.0, 1020.0, 1040.0), unsent, strict=True):
        socket.unsent = waits
        connection.take_stock(now_s, 30.0)
    assert socket.ended == ("aborted" if ended else "")
    connection.connection_lost(None)
    assert hub.endings[0].code == (DisconnectReason.SLOW_CONSUMER if ended else DisconnectReason.CLOSED_BY_PEER)


async def test_what_waits_for_a_peer_is_bounded() -> None:
    connection, socket, _ = connected()
    assert connection.write([b"x"])
    socket.unsent = 65_537
    assert not connection.write([b"x"])
    assert socket.ended == "aborted"


async def test_a_connection_that_is_closed_over_a_reset_nobody_was_told_of_is_over_all_the_same() -> None:
    """The session has to hear that it has no connection: it takes no other before."""
    connection, socket, hub = connected()
    connection.write([b"Logout"])
    socket.is_reset = True
    connection.close(DisconnectReason.LOGGED_OUT, "the peer logged out")
    await passes()
    assert hub.endings == [Ending(DisconnectReason.LOGGED_OUT, "the peer logged out")]
    assert socket.ended == "aborted"


async def test_a_close_that_the_other_end_does_not_take_is_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is free at once, the socket soon after; nothing more is heard of it."""
    monkeypatch.setattr(transport, "LINGER_S", 0.0)
    connection, socket, hub = connected()
    connection.write([b"x"])
    connection.close(DisconnectReason.TOO_LONG, "no end")
    await asyncio.sleep(0)
    assert (socket.ended, [ending.code for ending in hub.endings]) == ("closed", [DisconnectReason.TOO_LONG])
    connection.data_received(message(1))
    await asyncio.sleep(0.001)
    assert socket.ended == "aborted"
    connection.connection_lost(None)
    assert (hub.frames, len(hub.endings)) == ([], 1)
