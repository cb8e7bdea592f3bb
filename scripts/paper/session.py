"""One FIX 4.4 session over a durable store, from either end of the connection.

Logon(A) as initiator or acceptor, Heartbeat(0) and TestRequest(1) on scaled time, ResendRequest(2) in both
directions with gap fill, possible duplicates, SequenceReset(4), Reject(3) and Logout(5). Numbers, messages and
what became of them are written through the party's turn, so nothing leaves before it is on disk.

Reference: FIX 4.4, Volume 2, "FIX Session Protocol".
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from . import wire
from .clock import NS_PER_S, parse_timestamp
from .party import Party
from .store import Fate, Numbers
from .wire import Fields, Garbled, Message, MissingField

log = logging.getLogger(__name__)

HELD_MESSAGES_MAX = 10_000
LOGON_TIMEOUT_REAL_S = 10.0
LOGOUT_TIMEOUT_REAL_S = 2.0


class Phase(StrEnum):
    """Named by what is true."""

    DISCONNECTED = "disconnected"
    AWAITING_LOGON = "awaiting logon"
    ACTIVE = "active"
    LOGOUT_SENT = "logout sent"


@dataclass(frozen=True, slots=True)
class Settings:
    """Who talks to whom, and how patiently. Times in seconds of the party's clock."""

    sender: str
    target: str
    initiator: bool
    heart_bt_int_s: int = 30
    reset_on_logon: bool = False
    begin_string: str = "FIX.4.4"
    sending_time_tolerance_s: float = 120.0
    ephemeral: frozenset[str] = frozenset()  # message types that are gap filled, not sent again

    @property
    def name(self) -> str:
        """The session's name in the store."""
        return f"{self.sender}>{self.target}"


class Application(Protocol):
    """What a party does with its sessions; called within a turn."""

    def on_logon(self, session: FixSession) -> None: ...

    def on_logout(self, session: FixSession, reason: str) -> None: ...

    def on_message(self, session: FixSession, message: Message) -> bool:
        """Handle an application message in order; False if its type is not taken (answered with j 380=3)."""
        ...


class Link(Protocol):
    """What a session needs of its connection."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class FixSession:
    """The session's numbers, its place in the protocol, and its answer to every message."""

    def __init__(self, party: Party, settings: Settings, application: Application) -> None:
        self.settings = settings
        self.name = settings.name
        self.phase = Phase.DISCONNECTED
        self.numbers = party.store.numbers(self.name)
        self.heart_bt_int_s = settings.heart_bt_int_s
        self.stopping = False
        self._party = party
        self._application = application
        self._link: Link | None = None
        self._outgoing: list[bytes] = []
        self._close_after_release = False
        self._held: dict[int, tuple[int, Message]] = {}
        self._gap_until = 0  # the highest number seen beyond a gap that was asked for; 0: no gap
        self._logon_seq = 0
        self._received_ns = 0
        self._sent_ns = 0
        self._test_sent_ns = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] | None = None
        party.sessions.append(self)

    @property
    def active(self) -> bool:
        return self.phase is Phase.ACTIVE

    @property
    def linked(self) -> bool:
        """A connection is there, logged on or not."""
        return self._link is not None

    # --- what the party says -------------------------------------------------------------------------

    def send(self, msg_type: str, body: Fields, *, poss_resend: bool = False) -> int:
        """Number and keep an application message; it leaves when the turn is committed.

        While the session is down it waits in the store and the peer asks for it at the next logon.
        """
        with self._party.turn():
            return self._number(msg_type, body, poss_resend=poss_resend)

    def _number(self, msg_type: str, body: Fields, *, transmit: bool | None = None, poss_resend: bool = False) -> int:
        seq = self.numbers.next_out
        settings = self.settings
        raw = wire.encode(
            msg_type,
            seq,
            settings.sender,
            settings.target,
            self._party.clock.timestamp(),
            body,
            begin_string=settings.begin_string,
            poss_resend=poss_resend,
        )
        self._set_numbers(next_out=seq + 1)
        if msg_type not in wire.SESSION_TYPES and msg_type not in settings.ephemeral:
            self._keep("out", seq, msg_type, Fate.SENT, raw)
        if self.active if transmit is None else transmit:
            self._write(raw)
        return seq

    def _write(self, raw: bytes) -> None:
        self._outgoing.append(raw)
        self._sent_ns = self._party.clock.now_ns()

    def release(self) -> None:
        """Let go what the committed turn decided; called by the party alone."""
        outgoing, self._outgoing = self._outgoing, []
        if self._link is not None:
            if outgoing:
                self._link.write(b"".join(outgoing))
            if self._close_after_release:
                self._link.close()
        self._close_after_release = False

    def drop(self) -> None:
        """The connection breaks once the turn is over; what it said may be lost on the way."""
        self._close_after_release = True

    def abandon(self) -> None:
        """A turn failed: go back to what the store says and drop the connection."""
        self.numbers = self._party.store.numbers(self.name)
        self._outgoing.clear()
        if self._link is not None:
            self._link.close()

    # --- the connection ------------------------------------------------------------------------------

    def connected(self, link: Link) -> None:
        """A connection is there: as initiator say Logon, as acceptor one has just come in."""
        self._link = link
        self._held.clear()
        self._gap_until = 0
        self._test_sent_ns = 0
        self._received_ns = self._sent_ns = self._party.clock.now_ns()
        self.phase = Phase.AWAITING_LOGON
        self.heart_bt_int_s = self.settings.heart_bt_int_s
        self._closed = asyncio.get_running_loop().create_future()
        if self.settings.initiator:
            with self._party.turn():
                if self.settings.reset_on_logon:
                    self._new_epoch("reset on logon")
                self._say_logon(reset=self.settings.reset_on_logon)
        self._arm()

    def disconnected(self, reason: str) -> None:
        """The connection is gone."""
        was_active = self.phase in (Phase.ACTIVE, Phase.LOGOUT_SENT)
        self.phase = Phase.DISCONNECTED
        self._link = None
        self._outgoing.clear()
        self._close_after_release = False
        if self._timer is not None:
            self._timer.cancel()
        if self._closed is not None and not self._closed.done():
            # Whoever waits goes on after the turn below: it is on the loop's next pass.
            self._closed.set_result(None)
        with self._party.turn():
            self._note("disconnected", reason)
            if was_active:
                self._application.on_logout(self, reason)

    async def stop(self) -> None:
        """Log out, wait a moment for the answer, and stay away."""
        self.stopping = True
        if self._link is None:
            return
        with self._party.turn():
            if self.active:
                self._logout("stopping", close=False)
                self.phase = Phase.LOGOUT_SENT
            else:
                self._close("stopping")
        if self._closed is not None:
            try:
                await asyncio.wait_for(asyncio.shield(self._closed), LOGOUT_TIMEOUT_REAL_S)
            except TimeoutError:
                with self._party.turn():
                    self._close("no answer to our Logout")
                # A closing transport reports its end on the next pass of the loop.
                await self._closed

    # --- time ----------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Wake for whatever is due next; a wake-up too early only arms again."""
        if self._timer is not None:
            self._timer.cancel()
        if self.phase is Phase.AWAITING_LOGON:
            wait_s = LOGON_TIMEOUT_REAL_S
        else:
            interval = self.heart_bt_int_s * NS_PER_S
            silence_ends = (self._test_sent_ns or self._received_ns) + interval * 1.2
            due = min(self._sent_ns + interval * 0.9, silence_ends)
            wait_s = max(0.001, self._party.clock.real_s((due - self._party.clock.now_ns()) / NS_PER_S))
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._on_timer)

    def _on_timer(self) -> None:
        if self._link is None:
            return
        with self._party.turn():
            if self.phase is Phase.AWAITING_LOGON:
                self._close("no Logon in time")
                return
            now = self._party.clock.now_ns()
            interval = self.heart_bt_int_s * NS_PER_S
            # The second wait runs from our TestRequest: if this process was asleep, the peer is asked first.
            if self._test_sent_ns:
                if now - self._test_sent_ns >= interval * 1.2:
                    self._close("peer silent")
                    return
            elif now - self._received_ns >= interval * 1.2 and self.active:
                self._test_sent_ns = now
                self._number("1", [(112, f"TEST-{self.numbers.next_out}")])
            if now - self._sent_ns >= interval * 0.9 and self.active:
                self._number("0", [])
        self._arm()

    # --- what comes in -------------------------------------------------------------------------------

    def received(self, item: Message | Garbled) -> None:
        """One message, or bytes that were none; within a turn."""
        if self._close_after_release or self._link is None:
            return
        self._received_ns = self._party.clock.now_ns()
        self._test_sent_ns = 0
        if isinstance(item, Garbled):
            self._note("garbled", f"{item.reason}: {_printable(item.raw)}")
            return
        try:
            self._dispatch(item)
        except MissingField as error:
            self._reject(item, error.reason, error.tag, str(error))

    def _dispatch(self, message: Message) -> None:
        settings = self.settings
        if message.get(8) != settings.begin_string:
            self._logout(f"BeginString(8) must be {settings.begin_string}")
            return
        if not (message.get(34) or "").isdecimal():
            self._logout("MsgSeqNum(34) missing")
            return
        if message.msg_type == "A":
            self._on_logon(message)
            return
        if self.phase is Phase.AWAITING_LOGON:
            if message.msg_type == "5":
                self._note("logon refused", message.get(58) or "")
            self._close("first message is no Logon")
            return
        if (message.get(49), message.get(56)) != (settings.target, settings.sender):
            self._refuse(message, 9, 49, "CompID problem")
            return
        if not self._time_is_plausible(message):
            self._refuse(message, 10, 52, "SendingTime accuracy problem")
            return
        self._on_sequenced(message)

    def _on_sequenced(self, message: Message) -> None:
        seq, kind = message.seq_num, message.msg_type
        if kind == "4" and message.get(123) != "Y":
            self._on_sequence_reset(message)
            return
        if message.poss_dup and message.get(122) is None:
            self._reject(message, 1, 122, "OrigSendingTime(122) missing")
            return
        expected = self.numbers.next_in
        if seq > expected:
            # A ResendRequest and a Logout are served whatever their number; the gap is asked for all the same.
            if kind == "2":
                self._on_resend_request(message)
            elif kind == "5":
                self._on_logout_message(message)
            elif len(self._held) >= HELD_MESSAGES_MAX:
                self._close("too many messages ahead of a gap")
            elif seq not in self._held:
                self._held[seq] = (self._keep("in", seq, kind, Fate.HELD, message.raw), message)
            if not self._close_after_release:
                self._ask_for_gap(seq)
            return
        if seq < expected:
            if message.poss_dup:
                self._keep("in", seq, kind, Fate.DUPLICATE, message.raw)
                if kind == "2":
                    self._on_resend_request(message)
                return
            self._keep("in", seq, kind, Fate.TOO_LOW, message.raw)
            self._logout(f"MsgSeqNum too low, expecting {expected} but received {seq}")
            return
        self._handle(message, self._keep("in", seq, kind, Fate.HANDLED, message.raw))
        self._drain()

    def _drain(self) -> None:
        """Handle what was held, as far as it is now in order."""
        while not self._close_after_release:
            for seq in [seq for seq in self._held if seq < self.numbers.next_in]:
                del self._held[seq]
            entry = self._held.pop(self.numbers.next_in, None)
            if entry is None:
                break
            row, message = entry
            self._party.store.set_fate(row, Fate.HANDLED)
            self._handle(message, row)
        if self.numbers.next_in > self._gap_until:
            self._gap_until = 0

    def _handle(self, message: Message, row: int) -> None:
        """A message in its turn: its number is used, whatever becomes of it."""
        kind = message.msg_type
        self._set_numbers(next_in=self.numbers.next_in + 1)
        try:
            if kind == "1":
                self._number("0", [(112, message.need(112))])
            elif kind == "2":
                self._on_resend_request(message)
            elif kind == "3":
                self._note("rejected by peer", f"{message.get(45)}: {message.get(373)} {message.get(58)}")
            elif kind == "4":
                self._on_gap_fill(message)
            elif kind == "5":
                self._on_logout_message(message)
            elif kind != "0" and not self._application.on_message(self, message):
                self.send("j", [(45, message.seq_num), (58, "unsupported message type"), (372, kind), (380, 3)])
        except MissingField as error:
            self._party.store.set_fate(row, Fate.REFUSED)
            self._say_reject(message, error.reason, error.tag, str(error))

    def _on_logon(self, message: Message) -> None:
        settings = self.settings
        if (message.get(49), message.get(56)) != (settings.target, settings.sender):
            self._close("Logon with other CompIDs")
            return
        if not self._time_is_plausible(message):
            self._close("Logon with an implausible SendingTime")
            return
        seq, reset, first = message.seq_num, message.get(141) == "Y", self.phase is Phase.AWAITING_LOGON
        if reset:
            if seq != 1 or (settings.initiator and first and not settings.reset_on_logon):
                self._logout("ResetSeqNumFlag(141) not expected here")
                return
            if not (settings.initiator and first):
                self._new_epoch("peer reset")
        expected = self.numbers.next_in
        if seq < expected and not message.poss_dup:
            self._keep("in", seq, "A", Fate.TOO_LOW, message.raw)
            self._logout(f"MsgSeqNum too low, expecting {expected} but received {seq}")
            return
        self._keep("in", seq, "A", Fate.HANDLED if seq == expected else Fate.HELD, message.raw)
        if seq == expected:
            self._set_numbers(next_in=seq + 1)
        if not first and not reset:
            return
        if not settings.initiator:
            self.heart_bt_int_s = max(1, message.integer(108))
        if not settings.initiator or not first:
            self._say_logon(reset=reset)
        if first:
            self.phase = Phase.ACTIVE
            self._note("logged on", f"epoch={self.numbers.epoch} seq={seq} expected={expected}")
            log.info("session active name=%s next_in=%d", self.name, self.numbers.next_in)
            # What the party said between our Logon and its answer has a number but has not left.
            for _, raw in self._party.store.sent(self.name, self.numbers.epoch, self._logon_seq + 1, 1 << 62):
                self._write(raw)
        if seq > expected:
            self._ask_for_gap(seq)
        if first:
            self._application.on_logon(self)
        self._arm()

    def _say_logon(self, *, reset: bool) -> None:
        body: list[tuple[int, wire.Value]] = [(98, 0), (108, self.heart_bt_int_s)]
        if reset:
            body.append((141, "Y"))
        self._logon_seq = self._number("A", body, transmit=True)

    def _on_resend_request(self, message: Message) -> None:
        begin, end = message.integer(7), message.integer(16)
        last = self.numbers.next_out - 1
        end = last if end == 0 else min(end, last)
        self._note("resend asked", f"{begin}..{end}")
        if begin < 1 or begin > end:
            return
        now = self._party.clock.timestamp()
        following = begin
        for seq, raw in self._party.store.sent(self.name, self.numbers.epoch, begin, end):
            if seq > following:
                self._fill_gap(following, seq, now)
            self._write(wire.resend(raw, now))
            following = seq + 1
        if following <= end:
            self._fill_gap(following, end + 1, now)

    def _fill_gap(self, begin: int, new_seq_no: int, now: str) -> None:
        settings = self.settings
        self._write(
            wire.encode(
                "4",
                begin,
                settings.sender,
                settings.target,
                now,
                [(36, new_seq_no), (123, "Y")],
                begin_string=settings.begin_string,
                poss_dup=True,
                orig_sending_time=now,
            )
        )

    def _on_gap_fill(self, message: Message) -> None:
        new_seq_no = message.integer(36)
        if new_seq_no < self.numbers.next_in:
            raise MissingField(36, 5, f"NewSeqNo(36) {new_seq_no} goes back")
        self._note("gap filled", f"{message.seq_num}..{new_seq_no - 1}")
        self._set_numbers(next_in=new_seq_no)

    def _on_sequence_reset(self, message: Message) -> None:
        """Reset mode: its own number counts for nothing, and no message is asked for again."""
        new_seq_no = message.integer(36)
        if new_seq_no < self.numbers.next_in:
            self._say_reject(message, 5, 36, f"NewSeqNo(36) {new_seq_no} below {self.numbers.next_in}")
            return
        self._note("sequence reset", f"{self.numbers.next_in} to {new_seq_no}")
        self._set_numbers(next_in=new_seq_no)
        self._drain()

    def _on_logout_message(self, message: Message) -> None:
        self._note("logout received", message.get(58) or "")
        if self.phase is Phase.ACTIVE:
            self._number("5", [], transmit=True)
        self._close("logged out by peer" if self.phase is Phase.ACTIVE else "logged out")

    # --- answers -------------------------------------------------------------------------------------

    def _ask_for_gap(self, seen: int) -> None:
        """Ask once for everything from the expected number on; nothing more until it is filled up to `seen`."""
        asked, self._gap_until = self._gap_until, max(self._gap_until, seen)
        if not asked:
            self._note("gap found", f"expecting {self.numbers.next_in}")
            self._number("2", [(7, self.numbers.next_in), (16, 0)], transmit=True)

    def _reject(self, message: Message, reason: int, tag: int, text: str) -> None:
        """Reject(3) a message that was not handled; its number is used if it was the expected one."""
        in_turn = message.get(34) == str(self.numbers.next_in)
        self._keep("in", message.seq_num, message.msg_type, Fate.REFUSED, message.raw)
        if in_turn:
            self._set_numbers(next_in=self.numbers.next_in + 1)
        self._say_reject(message, reason, tag, text)
        self._drain()

    def _say_reject(self, message: Message, reason: int, tag: int, text: str) -> None:
        self._note("rejected", f"{message.msg_type} {message.get(34)}: {text}")
        self._number("3", [(45, message.seq_num), (58, text), (371, tag), (372, message.msg_type), (373, reason)])

    def _refuse(self, message: Message, reason: int, tag: int, text: str) -> None:
        """A message that should never have come over this session: Reject(3), then Logout(5)."""
        self._reject(message, reason, tag, text)
        self._logout(text)

    def _logout(self, text: str, *, close: bool = True) -> None:
        self._note("logout sent", text)
        self._number("5", [(58, text)], transmit=True)
        if close:
            self._close(text)

    def _close(self, reason: str) -> None:
        self._note("closing", reason)
        self._close_after_release = True

    # --- bookkeeping ---------------------------------------------------------------------------------

    def _time_is_plausible(self, message: Message) -> bool:
        try:
            sent_ns = parse_timestamp(message.need(52))
        except ValueError:
            raise MissingField(52, 6, "SendingTime(52) is no UTCTimestamp") from None
        # On a fast clock a pause of this machine is minutes long: allow two real seconds of it.
        allowed_s = max(self.settings.sending_time_tolerance_s, 2 * self._party.clock.speed)
        return abs(self._party.clock.now_ns() - sent_ns) <= allowed_s * NS_PER_S

    def _new_epoch(self, cause: str) -> None:
        self._held.clear()
        self._gap_until = 0
        self.numbers = Numbers(self.numbers.epoch + 1)
        self._party.store.set_numbers(self.name, self.numbers)
        self._note("epoch began", cause)

    def _set_numbers(self, *, next_in: int | None = None, next_out: int | None = None) -> None:
        if next_in is not None:
            self.numbers = replace(self.numbers, next_in=next_in)
        if next_out is not None:
            self.numbers = replace(self.numbers, next_out=next_out)
        self._party.store.set_numbers(self.name, self.numbers)

    def _keep(self, direction: str, seq: int, msg_type: str, fate: Fate, raw: bytes) -> int:
        now = self._party.clock.now_ns()
        return self._party.store.keep(self.name, self.numbers.epoch, direction, seq, msg_type, fate, now, raw)

    def _note(self, kind: str, text: str = "") -> None:
        log.debug("%s %s %s", self.name, kind, text)
        self._party.store.note(self.name, self._party.clock.now_ns(), kind, text)


def _printable(raw: bytes) -> str:
    return raw[:200].replace(b"\x01", b"|").decode("latin-1")
