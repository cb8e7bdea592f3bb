"""Two paper sessions over a real connection: numbers, gaps, resends, restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from paper import wire
from paper.clock import PaperClock
from paper.store import Fate, Numbers, Store, StoreInUse, StoreReader
from paper.wire import Message
from paper_support import PATIENCE_REAL_S, End, Peer, acceptor, ends, initiator


def pair(tmp_path: Path, **more: object) -> tuple[End, End]:
    return End(tmp_path / "in.db", initiator(**more)), End(tmp_path / "acc.db", acceptor())


async def connect(one: End, other: End) -> int:
    port = await other.listen()
    one.dial(port)
    await one.peer.until(lambda: one.session.active)
    await other.peer.until(lambda: other.session.active)
    return port


def rows(path: Path, direction: str, msg_type: str) -> list[tuple[int, str]]:
    reader = StoreReader(path)
    try:
        return [(m.seq, m.fate) for m in reader.messages() if (m.direction, m.msg_type) == (direction, msg_type)]
    finally:
        reader.close()


def notes(path: Path) -> list[str]:
    reader = StoreReader(path)
    try:
        return [kind for _, kind, _ in reader.notes()]
    finally:
        reader.close()


async def test_messages_pass_both_ways_and_are_kept(tmp_path: Path) -> None:
    one, other = pair(tmp_path)
    async with ends(one, other):
        await connect(one, other)
        for n in range(5):
            one.session.send("D", [(11, f"A{n}")])
        other.session.send("8", [(11, "A0"), (58, "hello")])
        await other.peer.message("D", 5)
        assert (await one.peer.message("8")).get(58) == "hello"
        assert [m.get(11) for m in other.peer.of("D")] == [f"A{n}" for n in range(5)]
    assert rows(tmp_path / "acc.db", "in", "D") == [(n, Fate.HANDLED) for n in range(2, 7)]
    assert rows(tmp_path / "in.db", "out", "D") == [(n, Fate.SENT) for n in range(2, 7)]
    assert one.peer.reasons == other.peer.reasons[:1] == ["connection closed"]


async def test_what_was_said_while_down_is_asked_for_and_resent(tmp_path: Path) -> None:
    one, other = pair(tmp_path)
    async with ends(one, other):
        await connect(one, other)
        other.session.send("8", [(11, "before")])
        await one.peer.message("8")
        other.cut()
        await other.peer.until(lambda: not other.session.active)
        for n in range(3):
            other.session.send("8", [(11, f"down{n}")])
        await one.peer.message("8", 4)
        got = one.peer.of("8")
        assert [m.get(11) for m in got] == ["before", "down0", "down1", "down2"]
        assert [m.get(43) for m in got] == [None, "Y", "Y", "Y"]
        assert all(m.get(122) for m in got[1:])
    assert "gap found" in notes(tmp_path / "in.db")


async def test_numbers_survive_a_kill_of_either_side(tmp_path: Path) -> None:
    one, other = pair(tmp_path)
    port = await connect(one, other)
    one.session.send("D", [(11, "A1")])
    await other.peer.message("D")
    await other.kill()
    other = End(tmp_path / "acc.db", acceptor())
    await other.listen(port)
    await other.peer.until(lambda: other.session.active)
    one.session.send("D", [(11, "A2")])
    await other.peer.message("D")
    await one.kill()
    one = End(tmp_path / "in.db", initiator())
    async with ends(one, other):
        one.dial(port)
        await one.peer.until(lambda: one.session.active)
        one.session.send("D", [(11, "A3")])
        await other.peer.message("D", 2)
        assert [m.get(11) for m in other.peer.of("D")] == ["A2", "A3"]
        assert one.session.numbers.epoch == other.session.numbers.epoch == 1
    assert Fate.TOO_LOW not in [fate for _, fate in rows(tmp_path / "acc.db", "in", "D")]


async def test_a_gap_is_asked_for_once_and_what_waited_is_handled_in_order(tmp_path: Path) -> None:
    one, other = pair(tmp_path)
    async with ends(one, other):
        await connect(one, other)
        # Two messages get numbers and are kept, but the network loses them.
        with one.party.turn():
            one.session.send("D", [(11, "lost1")])
            one.session.send("D", [(11, "lost2")])
            one.session._outgoing.clear()
        one.session.send("D", [(11, "late1")])
        one.session.send("D", [(11, "late2")])
        await other.peer.message("D", 4)
        assert [m.get(11) for m in other.peer.of("D")] == ["lost1", "lost2", "late1", "late2"]
    assert notes(tmp_path / "acc.db").count("gap found") == 1
    # What was held was kept when it came; the resend that overtook it is a duplicate.
    assert {seq for seq, fate in rows(tmp_path / "acc.db", "in", "D") if fate == Fate.HANDLED} == {2, 3, 4, 5}


async def test_session_messages_are_gap_filled_never_resent(tmp_path: Path) -> None:
    one, other = pair(tmp_path)
    async with ends(one, other):
        await connect(one, other)
        with one.party.turn():
            one.session.send("D", [(11, "A1")])
            one.session._number("0", [])
            one.session._number("0", [])
            one.session.send("D", [(11, "A2")])
            one.session._number("0", [])
            one.session._outgoing.clear()
        one.session.send("D", [(11, "A3")])
        await other.peer.message("D", 3)
        assert [(m.get(11), m.seq_num) for m in other.peer.of("D")] == [("A1", 2), ("A2", 5), ("A3", 7)]
    assert notes(tmp_path / "acc.db").count("gap filled") == 2


async def test_ephemeral_messages_are_gap_filled(tmp_path: Path) -> None:
    one = End(tmp_path / "in.db", initiator())
    other = End(tmp_path / "acc.db", acceptor(ephemeral=frozenset({"W"})))
    async with ends(one, other):
        await connect(one, other)
        with other.party.turn():
            other.session.send("W", [(262, "old")])
            other.session.send("Y", [(262, "kept")])
            other.session._outgoing.clear()
        other.session.send("W", [(262, "new")])
        await one.peer.message("Y")
        await one.until(lambda: one.session.numbers.next_in == 5)
        assert [m.get(262) for m in one.peer.got] == ["kept", "new"]


class Raw:
    """A hand-made peer: says exactly what a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer, self._framer = reader, writer, wire.Framer()
        self._waiting: list[Message] = []

    @classmethod
    async def connect(cls, port: int) -> Raw:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def say(self, msg_type: str, seq: int, *body: tuple[int, wire.Value], **more: object) -> None:
        time = PaperClock().timestamp()
        raw = wire.encode(msg_type, seq, "BUYSIDE", "ALDER", str(more.pop("time", time)), body, **more)  # type: ignore[arg-type]
        self.writer.write(raw)

    def logon(self, seq: int = 1, *body: tuple[int, wire.Value]) -> None:
        self.say("A", seq, (98, 0), (108, 30), *body)

    async def hear(self) -> tuple[str, int, dict[int, str]] | None:
        """The next message as (type, number, fields); None at the end of the connection."""
        async with asyncio.timeout(PATIENCE_REAL_S):
            while not self._waiting:
                data = await self._reader.read(4096)
                if not data:
                    return None
                self._waiting += [item for item in self._framer.feed(data) if isinstance(item, Message)]
        message = self._waiting.pop(0)
        return message.msg_type, message.seq_num, dict(message.fields)


@pytest.fixture
async def dealer(tmp_path: Path):
    end = End(tmp_path / "acc.db", acceptor())
    end.port = await end.listen()  # type: ignore[attr-defined]
    async with ends(end):
        yield end


async def logged_on(end: End, seq: int = 1) -> Raw:
    raw = await Raw.connect(end.port)  # type: ignore[attr-defined]
    raw.logon(seq)
    answer = await raw.hear()
    assert answer is not None
    assert answer[0] == "A"
    return raw


async def test_before_a_valid_logon_nothing_is_said(dealer: End) -> None:
    for first in ("0", "D", "5"):
        raw = await Raw.connect(dealer.port)  # type: ignore[attr-defined]
        raw.say(first, 1)
        assert await raw.hear() is None
    raw = await Raw.connect(dealer.port)  # type: ignore[attr-defined]
    raw.writer.write(wire.encode("A", 1, "SOMEONE", "ALDER", PaperClock().timestamp(), [(98, 0), (108, 30)]))
    assert await raw.hear() is None
    assert dealer.session.numbers == Numbers()


async def test_a_second_logon_closes_the_new_connection_only(dealer: End) -> None:
    first = await logged_on(dealer)
    second = await Raw.connect(dealer.port)  # type: ignore[attr-defined]
    second.logon(2)
    assert await second.hear() is None
    first.say("1", 2, (112, "still there"))
    answer = await first.hear()
    assert answer is not None
    assert (answer[0], answer[2][112]) == ("0", "still there")


async def test_a_number_too_low_ends_the_session_and_says_what_was_expected(dealer: End, tmp_path: Path) -> None:
    raw = await logged_on(dealer)
    raw.say("D", 2, (11, "A1"))
    raw.say("D", 2, (11, "B1"))
    answer = await raw.hear()
    assert answer is not None
    assert (answer[0], answer[2][58]) == ("5", "MsgSeqNum too low, expecting 3 but received 2")
    assert await raw.hear() is None
    assert rows(tmp_path / "acc.db", "in", "D") == [(2, Fate.HANDLED), (2, Fate.TOO_LOW)]


async def test_a_known_message_as_a_possible_duplicate_is_passed_over(dealer: End, tmp_path: Path) -> None:
    raw = await logged_on(dealer)
    time = PaperClock().timestamp()
    raw.say("D", 2, (11, "A1"))
    raw.say("D", 2, (11, "A1"), poss_dup=True, orig_sending_time=time)
    raw.say("D", 3, (11, "A2"))
    await dealer.peer.message("D", 2)
    assert [m.get(11) for m in dealer.peer.got] == ["A1", "A2"]
    assert (2, Fate.DUPLICATE) in rows(tmp_path / "acc.db", "in", "D")


async def test_garbled_bytes_use_up_no_number(dealer: End, tmp_path: Path) -> None:
    raw = await logged_on(dealer)
    good = wire.encode("D", 2, "BUYSIDE", "ALDER", PaperClock().timestamp(), [(11, "A1")])
    raw.writer.write(good.replace(b"11=A1", b"11=A7"))
    raw.writer.write(good)
    await dealer.peer.message("D")
    assert [m.get(11) for m in dealer.peer.got] == ["A1"]
    assert "garbled" in notes(tmp_path / "acc.db")


@pytest.mark.parametrize(
    ("say", "reason", "tag"),
    [
        pytest.param({"msg_type": "D", "poss_dup": True}, "1", "122", id="43 without 122"),
        pytest.param({"msg_type": "4", "body": ((36, 1),)}, "5", "36", id="reset backwards"),
        pytest.param({"msg_type": "2", "body": ((7, 1),)}, "1", "16", id="resend request without an end"),
        pytest.param({"msg_type": "1"}, "1", "112", id="test request without its id"),
    ],
)
async def test_a_bad_message_is_rejected(dealer: End, say: dict, reason: str, tag: str) -> None:
    raw = await logged_on(dealer)
    raw.say(say["msg_type"], 2, *say.get("body", ()), poss_dup=say.get("poss_dup", False))
    answer = await raw.hear()
    assert answer is not None
    assert (answer[0], answer[2][373], answer[2][371], answer[2][45]) == ("3", reason, tag, "2")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        pytest.param({"time": "20200101-00:00:00.000"}, "10", id="a time long ago"),
        pytest.param({"begin_string": "FIX.4.2"}, None, id="another version"),
    ],
)
async def test_what_does_not_belong_here_ends_the_session(dealer: End, more: dict, reason: str | None) -> None:
    raw = await logged_on(dealer)
    raw.say("D", 2, (11, "A1"), **more)
    if reason is not None:
        answer = await raw.hear()
        assert answer is not None
        assert (answer[0], answer[2][373]) == ("3", reason)
    answer = await raw.hear()
    assert answer is not None
    assert answer[0] == "5"
    assert await raw.hear() is None
    assert dealer.peer.got == []


async def test_an_unknown_application_message_is_a_business_reject(dealer: End) -> None:
    raw = await logged_on(dealer)
    raw.say("AB", 2, (11, "A1"))
    answer = await raw.hear()
    assert answer is not None
    assert (answer[0], answer[2][380], answer[2][372], answer[2][45]) == ("j", "3", "AB", "2")


async def test_a_resend_request_ahead_of_a_gap_is_served_and_the_gap_is_asked_for(dealer: End) -> None:
    raw = await logged_on(dealer)
    dealer.session.send("8", [(11, "A1")])
    assert (await raw.hear())[:2] == ("8", 2)  # type: ignore[index]
    raw.say("2", 5, (7, 1), (16, 0))
    gap_fill = await raw.hear()
    assert gap_fill is not None
    assert (gap_fill[0], gap_fill[1], gap_fill[2][36], gap_fill[2][123]) == ("4", 1, "2", "Y")
    again = await raw.hear()
    assert again is not None
    assert (again[0], again[1], again[2][43]) == ("8", 2, "Y")
    asked = await raw.hear()
    assert asked is not None
    assert (asked[0], asked[2][7], asked[2][16]) == ("2", "2", "0")
    raw.say("4", 2, (36, 6), (123, "Y"), poss_dup=True, orig_sending_time=PaperClock().timestamp())
    raw.say("1", 6, (112, "in order again"))
    answer = await raw.hear()
    assert answer is not None
    assert answer[0] == "0"


async def test_a_reset_at_logon_begins_an_epoch(dealer: End) -> None:
    raw = await logged_on(dealer)
    dealer.session.send("8", [(11, "A1")])
    await raw.hear()
    raw.writer.close()
    await dealer.peer.until(lambda: not dealer.session.linked)
    raw = await Raw.connect(dealer.port)  # type: ignore[attr-defined]
    raw.logon(1, (141, "Y"))
    answer = await raw.hear()
    assert answer is not None
    assert (answer[0], answer[1], answer[2][141]) == ("A", 1, "Y")
    assert dealer.session.numbers == Numbers(2, 2, 2)
    # And again while the session is live.
    raw.logon(1, (141, "Y"))
    answer = await raw.hear()
    assert answer is not None
    assert (answer[0], answer[1], answer[2][141]) == ("A", 1, "Y")
    assert dealer.session.numbers == Numbers(3, 2, 2)


async def test_an_initiator_may_reset_on_logon(tmp_path: Path) -> None:
    one, other = pair(tmp_path, reset_on_logon=True)
    async with ends(one, other):
        await connect(one, other)
        assert one.session.numbers.epoch == other.session.numbers.epoch == 2
        one.cut()
        await one.peer.until(lambda: one.peer.logons == 2)
        await other.peer.until(lambda: other.peer.logons == 2)
        assert (one.session.numbers.next_in, other.session.numbers.next_in) == (2, 2)


async def test_heartbeats_keep_a_quiet_session_alive_on_scaled_time(tmp_path: Path) -> None:
    clock = PaperClock(speed=50.0, origin_ns=PaperClock().now_ns())
    one = End(tmp_path / "in.db", initiator(heart_bt_int_s=10), clock=clock)
    other = End(tmp_path / "acc.db", acceptor(), clock=clock)
    async with ends(one, other):
        await connect(one, other)
        await one.until(lambda: one.session.numbers.next_in >= 5)
        await other.until(lambda: other.session.numbers.next_in >= 5)
        assert one.peer.logons == other.peer.logons == 1


async def test_a_silent_peer_is_asked_and_then_given_up(tmp_path: Path) -> None:
    clock = PaperClock(speed=50.0, origin_ns=PaperClock().now_ns())
    end = End(tmp_path / "acc.db", acceptor(), clock=clock)
    async with ends(end):
        raw = await Raw.connect(await end.listen())
        raw.say("A", 1, (98, 0), (108, 5), time=clock.timestamp())
        heard = []
        while (answer := await raw.hear()) is not None:
            heard.append(answer[0])
        assert heard[0] == "A"
        assert "1" in heard
    assert "closing" in notes(tmp_path / "acc.db")


def test_two_processes_cannot_share_a_record(tmp_path: Path) -> None:
    store = Store(tmp_path / "one.db")
    with pytest.raises(StoreInUse):
        Store(tmp_path / "one.db")
    store.close()
    Store(tmp_path / "one.db").close()


async def test_a_turn_that_fails_is_undone_and_says_nothing(tmp_path: Path) -> None:
    def fail(session: object, message: Message) -> None:
        if message.get(11) == "bad" and len(peer.of("D")) == 2:
            raise RuntimeError("a bug")

    peer = Peer(fail)
    one = End(tmp_path / "in.db", initiator())
    other = End(tmp_path / "acc.db", acceptor(), peer)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    async with ends(one, other):
        await connect(one, other)
        one.session.send("D", [(11, "good")])
        await peer.message("D")
        one.session.send("D", [(11, "bad")])
        await peer.message("D", 3)  # asked for again after the connection was dropped
        assert [m.get(11) for m in peer.of("D")] == ["good", "bad", "bad"]
        assert peer.of("D")[2].poss_dup
    assert rows(tmp_path / "acc.db", "in", "D") == [(2, Fate.HANDLED), (3, Fate.HANDLED)]


async def test_a_peer_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    end = End(tmp_path / "acc.db", acceptor())
    raw = await Raw.connect(await end.listen())
    raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
    raw.logon()
    await end.peer.until(lambda: end.session.active)
    with end.party.turn():
        for _ in range(200):
            end.session.send("8", [(58, "x" * 60_000)])
    async with asyncio.timeout(PATIENCE_REAL_S):
        await end.stop()
    assert not end.session.linked
    raw.writer.close()
