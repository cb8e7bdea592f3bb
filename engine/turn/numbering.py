"""Numbers for what leaves: a message takes the next one of its session at once, or waits in its queue until it can.

What can wait, and for how long, is its delivery: a report waits however long it takes, a request or an acceptance for
a resend to end and no longer. Nothing overtakes anything: what comes while something older waits, waits behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.desk.draft import Delivery, Draft
from engine.domain.keys import Scope
from engine.fix.session import protocol as session
from engine.fix.session.phases import Phase
from engine.turn.appended import Appended
from engine.turn.draft import TurnDraft
from engine.turn.inputs import BindDue, UndeliveredPage
from engine.turn.link import NOTHING_WAITS, Link, Waiting
from engine.turn.outcome import Behind, BindMore, Bound, Gate, Said, Withhold, Write

BIND_BYTES_MAX: Final = 262_144
"""Bytes of what waited for a session that leave at once; the rest in parts, as the peer reads them."""
BEHIND_RESEND_MAX: Final = 1_000
"""Messages of one session that may wait for a resend to end; further requests and acceptances are withheld."""


# --- into a queue, or past it --------------------------------------------------------------------


def place_sends(draft: TurnDraft, desk: Draft) -> None:
    """Give every message of the desk's draft to its session: a number now, or a place in its queue."""
    # 3 us a message beside what its body and its frame take: three tuples, `Bound`, `Write` and the `Link`.
    speak, turn = draft.standing.application.speak, draft.turn
    for send in desk.sends:
        msg_type, body = speak(send)
        said = (send, msg_type, body)
        turn.sends.append(said)
        outbox_id, key, _, delivery, _, not_after_ns, kill_scopes, _, follows = send
        link = turn.links.get(key) or draft.standing.links.get(key)
        if link is None:
            _keep_for_nobody(draft, key, outbox_id, delivery)
            continue
        if (link.waiting is NOTHING_WAITS or not link.waiting) and link.can_send:
            if delivery is _REPORT and not follows:
                _bind_report(draft, key, link, said)
                continue
            _bind(draft, key, link, outbox_id, msg_type, body, delivery, not_after_ns, kill_scopes, follows, said)
            continue
        is_up = link.state.phase is Phase.ACTIVE
        if delivery is Delivery.at_least_once or (is_up and len(link.waiting) < BEHIND_RESEND_MAX):
            waiting = Waiting(outbox_id, msg_type, body, False, delivery, not_after_ns, kill_scopes, follows)
            draft.keep(key, link._replace(waiting=link.waiting.append(waiting)))
        elif delivery is Delivery.at_most_once:
            reason = f"full: {BEHIND_RESEND_MAX} messages wait for a resend to end" if is_up else "session: it is down"
            turn.effects.append(Withhold(outbox_id, reason))


def _keep_for_nobody(draft: TurnDraft, key: str, outbox_id: int, delivery: Delivery) -> None:
    """What has caused the message happened all the same: the journal has it for a start that knows its session."""
    if delivery is Delivery.at_most_once:
        draft.turn.effects.append(Withhold(outbox_id, "session: there is none"))
    else:
        draft.warn(key, "no_session", f"session {key} is not configured: what is for it waits in the journal")


def _bind(
    draft: TurnDraft,
    key: str,
    link: Link,
    outbox_id: int,
    msg_type: str,
    body: bytes,
    delivery: Delivery,
    not_after_ns: int | None,
    kill_scopes: tuple[Scope, ...],
    follows: int,
    said: Said | None = None,
    poss_resend: bool = False,
) -> None:
    """Give a message the next number of its session; `said` if this turn has decided it."""
    before, turn = link.state, draft.turn
    seq_num, connection = before.next_out, before.connection
    state, data = session.bind(draft.standing.settings[key], before, msg_type, body, draft.now, poss_resend=poss_resend)
    gate: Gate | Behind | None = None
    if delivery is Delivery.at_least_once:
        turn.links[key] = link.sent_report(state, seq_num)
    else:
        turn.links[key] = link.sent_once(state, seq_num, outbox_id)
        if delivery is Delivery.at_most_once:
            gate = Gate(outbox_id, seq_num, not_after_ns, kill_scopes)
    if follows and gate is None:
        gate = Behind(follows, seq_num)
    turn.bound.append(_made(Bound, (key, before.epoch, seq_num, outbox_id, data, poss_resend, delivery, said)))
    if connection is not None:
        turn.effects.append(_made(Write, (key, connection, data, gate, msg_type)))


def _bind_report(draft: TurnDraft, key: str, link: Link, said: Said) -> None:
    """`_bind`, for nearly every message: a report about nothing that may be held back, decided just now."""
    before, turn = link.state, draft.turn
    send, msg_type, body = said
    seq_num, connection = before.next_out, before.connection
    state, data = session.bind(draft.standing.settings[key], before, msg_type, body, draft.now)
    turn.links[key] = link.sent_report(state, seq_num)
    turn.bound.append(_made(Bound, (key, before.epoch, seq_num, send[0], data, False, _REPORT, said)))
    if connection is not None:
        turn.effects.append(_made(Write, (key, connection, data, None, msg_type)))


_REPORT: Final = Delivery.at_least_once  # A member is looked up in its class in three times what a name takes.
_made: Any = tuple.__new__  # In half the time that a constructor takes.


# --- out of the queue ----------------------------------------------------------------------------


def flush(draft: TurnDraft, key: str) -> None:
    """Bind what waits for this session, if it can send and nothing older is still to be read."""
    link, size = draft.link(key), 0
    queue = link.waiting
    if not queue or not link.can_send or link.leaves_in_parts:
        return
    draft.keep(key, link._replace(waiting=NOTHING_WAITS))
    for at, waiting in enumerate(queue):
        if size > BIND_BYTES_MAX:
            _bind_more(draft, key, queue[at:])
            return
        size += len(waiting.body)
        if waiting.delivery is not Delivery.at_most_once or draft.standing.application.wanted(waiting.outbox_id):
            outbox_id, msg_type, body, again, delivery, not_after_ns, scopes, follows = waiting
            link = draft.link(key)
            _bind(
                draft, key, link, outbox_id, msg_type, body, delivery, not_after_ns, scopes, follows, poss_resend=again
            )
        else:
            draft.turn.effects.append(Withhold(waiting.outbox_id, "over: nobody wanted it any more"))


def _bind_more(draft: TurnDraft, key: str, rest: Sequence[Waiting]) -> None:
    """The rest of a long queue: a day's reports at once would be more than may wait for a peer to read them."""
    link = draft.link(key)
    connection = link.state.connection
    assert connection is not None  # It can send.
    draft.keep(key, link._replace(waiting=Appended(rest), in_parts=connection))
    draft.turn.effects.append(BindMore(key, connection))


def on_undelivered_page(draft: TurnDraft, given: UndeliveredPage) -> None:
    """After a reset: what nobody is known to have goes before what has come to wait since."""
    key = given.session
    draft.turn.ref = key
    link = draft.link(key)
    if link.state.epoch != given.epoch or link.rebinding != given.up_to:
        return
    kept = (w for w in link.waiting if w.outbox_id > given.up_to or w.delivery is not Delivery.at_least_once)
    found = sorted((*(Waiting(*row) for row in given.rows), *kept), key=lambda waiting: waiting.outbox_id)
    draft.keep(key, link._replace(waiting=Appended(found), rebinding=None))
    flush(draft, key)


def on_bind_due(draft: TurnDraft, given: BindDue) -> None:
    """The peer has read the last part of a long queue."""
    key = given.session
    draft.turn.ref = key
    link = draft.link(key)
    if link.state.connection == given.connection == link.in_parts:
        draft.keep(key, link._replace(in_parts=None))
        flush(draft, key)


def leave_reports(draft: TurnDraft, key: str) -> None:
    """The session is down: reports go on waiting, a request was for now, and the rest is said anew later."""
    link: Link = draft.link(key)
    queue = link.waiting
    if not queue:
        return
    reports = Appended(each for each in queue if each.delivery is Delivery.at_least_once)
    draft.keep(key, link._replace(waiting=reports))
    for waiting in queue:
        if waiting.delivery is Delivery.at_most_once:
            reason = "session: it went down before a resend had ended"
            draft.turn.effects.append(Withhold(waiting.outbox_id, reason))
