"""What Prometheus is told of how each session stands now: levels, taken over from the state now and then.

Ages are seconds of the engine's clock at that moment; without a connection there are none, and the series says NaN,
which no comparison of an alert is true of. What happened is counted in `metrics`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from engine.clock import NS_PER_S, Instant
from engine.fix.session import protocol
from engine.fix.session.phases import Phase
from engine.fix.session.sequence import SessionState
from engine.metrics.tally import Levels
from engine.turn import Machine, Traffic

_STATES: Final = tuple(Phase)
_NO_TRAFFIC: Final = Traffic()


class SessionLevels:
    """One gauge family each; `families` are all of them."""

    def __init__(self) -> None:
        self._up = Levels("fix_session_up", "1 while the session is logged on", "session", "role")
        self._state = Levels("fix_session_state", "1 for the state the session is in", "session", "state")
        self._enabled = Levels("fix_session_enabled", "0 while it may not log on", "session")
        self._open = Levels("fix_session_open", "1 while the session's schedule has it open", "session", "role")
        self._seq_num = Levels("fix_seq_num", "Last MsgSeqNum(34) of the epoch", "session", "direction")
        self._received = Levels("fix_last_received_age_seconds", "Since anything was received", "session")
        self._sent = Levels("fix_last_sent_age_seconds", "Since anything was sent", "session")
        self._round_trip = Levels(
            "fix_heartbeat_rtt_seconds", "From our last answered TestRequest(1) to its answer", "session"
        )
        self._queue = Levels("fix_out_queue_depth", "Messages that wait for a number", "session")
        self._unsent = Levels("fix_out_queue_bytes", "Sent bytes that the peer has not read yet", "session")
        self._held = Levels("fix_held_messages", "Messages that came too early and are kept", "session")
        self._peer_certificate = Levels(
            "fix_peer_certificate_not_after_seconds",
            "When the certificate that the peer has shown last ends, in seconds since 1970",
            "session",
        )
        self.families = [each for each in vars(self).values() if isinstance(each, Levels)]

    def put(self, machine: Machine, now: Instant, traffic: Mapping[int, Traffic]) -> None:
        """Take the levels over; `traffic` is per connection. Some 6 us a session."""
        for key in machine.retired:
            for family in self.families:
                family.drop(key)  # Or it would count as one that is down, for as long as this process runs.
        for key, settings in machine.known().items():
            link = machine.links[key]
            connection = link.state.connection
            seen = _NO_TRAFFIC if connection is None else traffic.get(connection, _NO_TRAFFIC)
            state = protocol.heard(link.state, seen.heard_ns)
            self._up.put(state.phase is Phase.ACTIVE, (key, settings.role))
            for phase in _STATES:
                self._state.put(state.phase is phase, (key, phase))
            self._enabled.put(machine.may_log_on(key), (key,))
            schedule = settings.schedule
            self._open.put(schedule is None or schedule.is_open(now.utc_ns), (key, settings.role))
            self._seq_num.put(state.next_in - 1, (key, "in"))
            self._seq_num.put(state.next_out - 1, (key, "out"))
            self._received.put(_age_s(state, state.last_received_ns, now), (key,))
            self._sent.put(_age_s(state, state.last_sent_ns, now), (key,))
            round_trip_ns = link.round_trip_ns
            self._round_trip.put(math.nan if round_trip_ns is None else round_trip_ns / NS_PER_S, (key,))
            self._queue.put(len(link.waiting), (key,))
            self._unsent.put(seen.unsent_bytes, (key,))
            self._held.put(len(state.held), (key,))
            known = None if connection is None else machine.connections.get(connection)
            if known is not None and known.origin.certificate_ends_s is not None:
                self._peer_certificate.put(known.origin.certificate_ends_s, (key,))


def _age_s(state: SessionState, since_ns: int, now: Instant) -> float:
    return math.nan if state.connection is None else (now.monotonic_ns - since_ns) / NS_PER_S
