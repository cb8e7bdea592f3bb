"""The other end of a fuzzed session: it mostly knows the protocol, and sometimes says anything.

What it says depends on where the session stands, so that numbers are near those expected more often than far away.
"""

from __future__ import annotations

from datetime import time
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.clock import NS_PER_S, Instant, fix_timestamp
from engine.fix.session.protocol import SessionSettings, SessionState
from engine.fix.session.schedule import Schedule
from fuzzing.corpus import Sample
from fuzzing.generating import SOH, sealed
from fuzzing.mutation import Mutator

HELD_MAX: Final = 20
QUEUE_MAX: Final = 4

# A life begins at 14:13:20: one window ends 100 s later, in the other case the next one begins after 70 s.
_SCHEDULES: Final = (
    Schedule.daily(ZoneInfo("UTC"), time(14, 0), time(14, 15), reset=True),
    Schedule.daily(ZoneInfo("UTC"), time(14, 14, 30), time(14, 14, 30), reset=True),
)
_SESSION: Final = (b"A", b"0", b"1", b"2", b"3", b"4", b"5")
_APPLICATION: Final = (b"D", b"D", b"C", b"d", b"8", b"S", b"R", b"j", b"B", b"U1")


class SessionPeer:
    """One counterparty and the number its next message takes."""

    def __init__(self, rng: Random, mutator: Mutator, settings: SessionSettings) -> None:
        self._rng = rng
        self._mutator = mutator
        self._settings = settings
        self._next_out = 1

    def logon(self, state: SessionState, now: Instant) -> bytes:
        """A Logon(A) that is mostly right."""
        rng = self._rng
        fields = [b"98=0", b"108=%d" % rng.choice((30, 30, 30, 1, 0, 100_000))]
        if rng.random() < 0.15:
            fields.append(b"141=Y")
            self._next_out = 1
        if rng.random() < 0.2:
            wanted = state.next_out + rng.choice((0, 0, -1, -2, 1, 10**20))
            fields.append(b"789=%d" % wanted)
        if self._settings.username is not None:
            fields += [b"553=user", b"554=%b" % rng.choice((b"secret", b"secret", b"secret", b"wrong", b""))]
        if self._settings.is_fixt:
            fields.append(b"1137=9")
        if rng.random() < 0.6:
            self._next_out = state.next_in
        return self._message(state, now, b"A", fields, bent=rng.random() < 0.2)

    def good(self, state: SessionState, now: Instant) -> bytes:
        """Whatever such a peer has to say, rightly written."""
        return self._message(state, now, *self._content(state))

    def bent(self, state: SessionState, now: Instant) -> bytes:
        """The same, and something about it is not as it should be."""
        return self._message(state, now, *self._content(state), bent=True)

    def anything(self, state: SessionState, now: Instant) -> bytes:
        """A message of somebody else's, or of another time."""
        if self._rng.random() < 0.8:
            return self._mutator.right()
        return self.bent(state, now)

    def _content(self, state: SessionState) -> tuple[bytes, list[bytes]]:
        """A type and a body, as such a peer sends them."""
        rng = self._rng
        near_in = state.next_in + rng.choice((0, 0, 1, 2, 5, -1, -3, 10**18, 10**30))
        near_out = max(0, state.next_out + rng.choice((-1, -2, -4, -9, 0, 1, 10**25)))
        kind = rng.random()
        if kind < 0.4:
            sample = self._mutator.sample()
            own = sample.fields[0][3:]
            is_kept = rng.random() < 0.6 and own not in _SESSION
            return own if is_kept else rng.choice(_APPLICATION), list(sample.fields[5:])
        if kind < 0.52:
            name = state.probe.test_req_id if state.probe is not None else "TEST"
            return b"0", [b"112=%b" % name.encode()] if rng.random() < 0.7 else []
        if kind < 0.6:
            return b"1", [b"112=%b" % rng.choice((b"T", b"=", b"\xe9", b"x" * 500))]
        if kind < 0.72:
            end = rng.choice((0, 0, near_out, state.next_out + 5))
            return b"2", [b"7=%d" % near_out, b"16=%d" % end]
        if kind < 0.77:
            return b"3", [b"45=%d" % near_out, b"58=no"]
        if kind < 0.94:
            flag = [b"123=Y"] if rng.random() < 0.6 else []
            return b"4", [*flag, b"36=%d" % max(0, near_in)]
        if kind < 0.96:
            return b"5", [b"58=MsgSeqNum too low, expecting %d but received 1" % near_out]
        return b"A", [b"98=0", b"108=30", *([b"141=Y"] if rng.random() < 0.7 else []), b"1137=9"]

    def _message(
        self, state: SessionState, now: Instant, msg_type: bytes, body: list[bytes], *, bent: bool = False
    ) -> bytes:
        """Under the peer's header; `bent`: something about header or body is not as it should be."""
        rng, settings = self._rng, self._settings
        seq_num = self._next_out
        if rng.random() < 0.75:
            self._next_out += 1
        if rng.random() < 0.15:
            seq_num = max(0, state.next_in + rng.choice((1, 1, 2, 2, 3, 9, -1)))
        elif rng.random() < 0.5:
            seq_num = state.next_in
            self._next_out = seq_num + 1
        off_s = rng.choice((-121, -5, 5, 121)) if rng.random() < 0.06 else 0
        at = fix_timestamp(now.utc_ns + off_s * NS_PER_S).encode()
        header = [b"34=%d" % seq_num]
        if rng.random() < 0.12:
            header.append(b"43=Y")
        header += [
            b"49=%b" % settings.target_comp_id.encode(),
            b"52=" + at,
            b"56=%b" % settings.sender_comp_id.encode(),
        ]
        if settings.target_sub_id is not None:
            header.append(b"50=%b" % settings.target_sub_id.encode())
        if b"43=Y" in header and rng.random() < 0.8:
            header.append(b"122=" + at)
        if rng.random() < 0.05:
            header += [b"115=HUB", b"128=\xe9"]
        begin = settings.begin_string.encode()
        fields = (b"35=" + msg_type, *header, *body)
        if not bent:
            return sealed(begin, SOH.join(fields) + SOH)
        return self._mutator.right(Sample(begin, fields), keep=0 if rng.random() < 0.2 else 1 + len(header))


def agreed(rng: Random) -> SessionSettings:
    """One way for two ends to agree on a session."""
    begin_string = rng.choice(("FIX.4.2", "FIX.4.4", "FIX.4.4", "FIXT.1.1"))
    has_credentials = begin_string != "FIX.4.2" and rng.random() < 0.3  # it has no Username(553), nor a 789
    chosen: dict[str, Any] = {
        "initiator": rng.random() < 0.5,
        "validation": rng.choice(("strict", "tolerant", "off")),
        "reset_on_logon": rng.random() < 0.15,
        "next_expected": begin_string != "FIX.4.2" and rng.random() < 0.3,
        "micros": rng.random() < 0.3,
        "schedule": rng.choice(_SCHEDULES) if rng.random() < 0.25 else None,
        "target_sub_id": "SUB" if rng.random() < 0.2 else None,
        "appl_ver_id": "9" if begin_string == "FIXT.1.1" else None,
        "username": "user" if has_credentials else None,
        "password": "secret" if has_credentials else None,
    }
    return SessionSettings(
        key="peer",
        begin_string=begin_string,
        sender_comp_id="US",
        target_comp_id="PEER",
        role="oms",
        held_messages_max=HELD_MAX,
        resend_queue_max=QUEUE_MAX,
        **chosen,
    )
