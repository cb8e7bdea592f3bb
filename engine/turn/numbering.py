"""Numbers for what leaves: a message takes the next one of its session at once, or waits in its queue until it can.

What can wait, and for how long, is its delivery: a report waits however long it takes, a request or an acceptance for
a resend to end and no longer. Nothing overtakes anything: what comes while something older waits, waits behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from engine.clock import Instant
from engine.desk.draft import Delivery, Draft
from engine.fix.session import protocol as session
from engine.fix.session.phases import Phase
from engine.fix.session.sequence import SessionState
from engine.turn.effects import Behind, BindMore, Gate, Withhold, Write
from engine.turn.inputs import BindDue, UndeliveredPage
from engine.turn.outcome import NO_CONNECTION, Bound, Turn, Waiting

if TYPE_CHECKING:
    from engine.turn.machine import Machine

BIND_BYTES_MAX: Final = 262_144
"""Bytes of what waited for a session that leave at once; the rest in parts, as the peer reads them."""
BEHIND_RESEND_MAX: Final = 1_000
"""Messages of one session that may wait for a resend to end; further requests and acceptances are withheld."""


class Numbering:
    """A turn as far as it gives out numbers; `Deciding` is the whole of it, and fills it.

    Its base rather than a part it holds: every message passes here, and a second object on the way costs time.
    """

    __slots__ = ("_placed", "machine", "now", "out")

    machine: Machine
    now: Instant
    out: Turn
    _placed: int
    """So many messages of the draft have been given to their sessions."""

    def state(self, key: str) -> SessionState:
        """The session as this turn leaves it so far."""
        return self.out.sessions.get(key) or self.machine.sessions[key]

    # --- into a queue, or past it ----------------------------------------------------------------

    def place_sends(self, draft: Draft) -> None:
        """Give every message of the draft to its session: a number now, or a place in its queue."""
        speak, out = self.machine.application.speak, self.out
        while self._placed < len(draft.sends):
            send = draft.sends[self._placed]
            self._placed += 1
            msg_type, body = speak(send)
            out.sends.append((send, msg_type, body))
            gate = None
            if send.delivery is Delivery.at_most_once:
                gate = Gate(send.outbox_id, 0, send.not_after_ns, send.kill_scopes)
            waiting = Waiting(send.outbox_id, msg_type, body, False, send.delivery, gate, send.follows)
            self._place(send.session, waiting)

    def _place(self, key: str, waiting: Waiting) -> None:
        if self._can_send(key) and not self._waits(key):
            self._bind(key, waiting)
            return
        is_up = self.state(key).phase is Phase.ACTIVE
        if waiting.delivery is Delivery.at_least_once or (is_up and len(self._queue(key)) < BEHIND_RESEND_MAX):
            self.out.queued.setdefault(key, []).append(waiting)
        elif waiting.gate is not None:
            reason = f"full: {BEHIND_RESEND_MAX} messages wait for a resend to end" if is_up else "session: it is down"
            self.out.effects.append(Withhold(waiting.outbox_id, reason))

    def _bind(self, key: str, waiting: Waiting) -> None:
        outbox_id, msg_type, body, poss_resend, delivery, waited, follows = waiting
        out = self.out
        out.sessions[key], (seq_num, data, _, _) = session.bind(
            self.machine.settings[key], self.state(key), msg_type, body, self.now, poss_resend=poss_resend
        )
        out.bound.append(Bound(key, out.sessions[key].epoch, seq_num, outbox_id, data, poss_resend, delivery))
        gate: Gate | Behind | None = None
        if waited is not None:
            gate = Gate(outbox_id, seq_num, waited.not_after_ns, waited.kill_scopes)
        elif follows:
            gate = Behind(follows, seq_num)
        self.emit(key, data, gate)

    def emit(self, key: str, data: bytes, gate: Gate | Behind | None = None) -> None:
        """Have bytes leave once this turn is durable; without a connection there is nothing to leave by."""
        connection = self.state(key).connection
        if connection is not None:
            self.out.effects.append(Write(key, connection, data, gate))

    # --- out of the queue ------------------------------------------------------------------------

    def flush(self, key: str) -> None:
        """Bind what waits for this session, if it can send and nothing older is still to be read."""
        if not self._can_send(key) or self._binds_more(key):
            return
        queue, size = self._take_queue(key), 0
        for at, waiting in enumerate(queue):
            if size > BIND_BYTES_MAX:
                self._bind_more(key, queue[at:])
                return
            size += len(waiting.body)
            if waiting.gate is None or self.machine.application.wanted(waiting.outbox_id):
                self._bind(key, waiting)
            else:
                self.out.effects.append(Withhold(waiting.outbox_id, "over: nobody wanted it any more"))

    def _bind_more(self, key: str, rest: Sequence[Waiting]) -> None:
        """The rest of a long queue: a day's reports at once would be more than may wait for a peer to read them."""
        connection = self.state(key).connection
        assert connection is not None  # It can send.
        self.out.requeued[key] = tuple(rest)
        self.out.in_parts = {**self.out.in_parts, key: connection}
        self.out.effects.append(BindMore(key, connection))

    def _binds_more(self, key: str) -> bool:
        """Is the next part of what waits to be taken up by itself?"""
        found = self.out.in_parts.get(key, self.machine.in_parts.get(key))
        return found is not None and found == self.state(key).connection

    def on_undelivered_page(self, given: UndeliveredPage) -> None:
        """After a reset: what nobody is known to have goes before what has come to wait since."""
        key = given.session
        self.out.ref = key
        if self.state(key).epoch != given.epoch or self.machine.rebinding.get(key) != given.up_to:
            return
        kept = (w for w in self._queue(key) if w.outbox_id > given.up_to or w.delivery is not Delivery.at_least_once)
        self.out.requeued[key] = tuple(
            sorted((*(Waiting(*row) for row in given.rows), *kept), key=lambda waiting: waiting.outbox_id)
        )
        self.out.rebinding[key] = 0
        self.flush(key)

    def on_bind_due(self, given: BindDue) -> None:
        """The peer has read the last part of a long queue."""
        key = given.session
        self.out.ref = key
        if self.state(key).connection == given.connection == self.machine.in_parts.get(key):
            self.out.in_parts = {key: NO_CONNECTION}
            self.flush(key)

    def leave_reports(self, key: str) -> None:
        """The session is down: reports go on waiting, a request was for now, and the rest is said anew later."""
        queue = self._take_queue(key)
        self.out.requeued[key] = tuple(each for each in queue if each.delivery is Delivery.at_least_once)
        for waiting in queue:
            if waiting.gate is not None:
                reason = "session: it went down before a resend had ended"
                self.out.effects.append(Withhold(waiting.outbox_id, reason))

    # --- may it, and what is before it --------------------------------------------------------------

    def _can_send(self, key: str) -> bool:
        return self.state(key).can_send and not self.rebinding(key)

    def rebinding(self, key: str) -> int:
        """The outbox number up to which this session's messages are still to be read from the store; 0 if none are."""
        if not self.out.rebinding and not self.machine.rebinding:
            return 0
        found = self.out.rebinding.get(key)
        return self.machine.rebinding.get(key, 0) if found is None else found

    def _waits(self, key: str) -> bool:
        """Is there anything older for this session without a number?"""
        if not (self.out.queued or self.out.requeued or self.machine.waiting):
            return False
        queue = self.out.requeued.get(key)
        return bool(self.out.queued.get(key) or (self.machine.waiting.get(key) if queue is None else queue))

    def _queue(self, key: str) -> list[Waiting]:
        """What waits for a number, oldest first."""
        queue = self.out.requeued.get(key)
        return [*(self.machine.waiting.get(key, ()) if queue is None else queue), *self.out.queued.get(key, ())]

    def _take_queue(self, key: str) -> list[Waiting]:
        if not self._waits(key):
            return []
        queue = self._queue(key)
        self.out.requeued[key] = ()
        self.out.queued.pop(key, None)
        return queue
