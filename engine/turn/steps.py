"""A session's step taken into the turn: what is kept of the session, and each action the step asks for, in order."""

from __future__ import annotations

from typing import Any, Final

from engine.domain import events as e
from engine.domain.messages import BusinessReject
from engine.errors import ProtocolError
from engine.fix.flows.refusal import NotTaken
from engine.fix.session import protocol as session
from engine.fix.session import step as stepping
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason
from engine.fix.session.sequence import SessionState
from engine.fix.session.step import (
    Action,
    CloseConnection,
    Confirmed,
    Deliver,
    DrainHeld,
    EpochBegan,
    GapFilled,
    LoggedOn,
    LoggedOut,
    NotReceived,
    PeerExpects,
    ProbeAnswered,
    ReadSent,
    Retransmit,
    Transmit,
    Warn,
)
from engine.fix.wire.message import Message
from engine.masking import for_keeping
from engine.turn import numbering, refusing
from engine.turn.draft import TurnDraft
from engine.turn.link import Link, Position
from engine.turn.outcome import Bound, Close, Inbound, ReadSentRows, ReadUndelivered, Welcome

NUMBERS_DIFFER: Final = "numbers_differ"
"""Code of the warning that a person has to agree sequence numbers with the peer."""
FOR_PEOPLE: Final = frozenset({NUMBERS_DIFFER, stepping.TRADE_REFUSED})
"""Codes of what does not heal by itself."""


def take(draft: TurnDraft, key: str, step: session.Step) -> None:
    """Take a session's step into the turn and see to its actions, in order."""
    link = draft.link(key)
    after, actions = step
    draft.turn.links[key] = link.at(after)
    draft.stepped(key)
    before = link.state
    could_send, epoch = link.can_send, before.epoch
    for action in actions:
        if type(action) is Deliver:
            deliver(draft, key, action.message, action.message.seq_num)
            continue
        if type(action) is EpochBegan:
            epoch = action.epoch
        _act(draft, key, epoch, action)
    if after.phase in (Phase.ACTIVE, Phase.DISCONNECTED) and (after.phase is not before.phase or epoch != before.epoch):
        # Asked once: until the answer is there nothing is bound, however much goes on meanwhile. Of a session that
        # is off, too: what is to be said again counts among what waits.
        up_to = draft.link(key).rebinding
        if up_to is not None:
            draft.turn.effects.append(ReadUndelivered(key, epoch, up_to))
    if after.can_send and not could_send:
        numbering.flush(draft, key)  # What could not go before goes now, behind all that the session had to say.


def take_in(draft: TurnDraft, key: str, link: Link, state: SessionState, message: Message) -> None:
    """Nearly every message: nothing of its session but a number has changed, and it is delivered."""
    before = link.state
    draft.turn.links[key] = link.at(state)
    if before.probe is not None:
        draft.stepped(key)
    deliver(draft, key, message, before.next_in)


def receive(draft: TurnDraft, key: str, message: Message) -> None:
    """A whole message of this session's peer."""
    standing = draft.standing
    step = session.seen_to(
        standing.settings[key], draft.state(key), message, draft.now, dictionary=standing.dictionaries[key]
    )
    take(draft, key, step)


def _act(draft: TurnDraft, key: str, epoch: int, action: Action) -> None:
    """One action of a step; `epoch` is the one it belongs to, which a reset in the same step leaves behind."""
    turn, link, application = draft.turn, draft.link(key), draft.standing.application
    state = link.state
    match action:
        case Transmit(numbered):
            turn.bound.append(Bound(key, epoch, numbered.seq_num))
            draft.emit(key, numbered.data)
        case Retransmit(data):
            draft.emit(key, data)
        case ReadSent(begin, end):
            assert state.connection is not None
            turn.effects.append(ReadSentRows(key, epoch, state.connection, begin, end))
            draft.note(key, "resend", f"sending {begin} to {end} again")
        case ProbeAnswered(round_trip_ns):
            draft.keep(key, link._replace(round_trip_ns=round_trip_ns))
        case Confirmed(seq_num):
            if not link.proven(epoch, seq_num):
                draft.keep(key, link._replace(confirmed=Position(epoch, seq_num)))
        case NotReceived(begin):
            # Whatever it had before: a reset is to repeat it. The resend that follows names each message to the
            # desk, see GapFilled.
            if link.proven(epoch, begin):
                draft.keep(key, link._replace(confirmed=Position(epoch, begin - 1)))
        case GapFilled(begin, end):
            if draft.settings(key).role == "market":
                _subscribe_again(draft, key, link, begin, end)
                return
            for outbox_id in link.ledger.between(begin, end):
                application.gap_filled(draft.desk, outbox_id)
        case LoggedOn():
            application.session_up(draft.desk, draft.settings(key), state.epoch)
            # It has taken our number after all.
            draft.keep(key, draft.link(key)._replace(refusals=0, peer_expects=None, subscribed_from=state.next_out))
            draft.note(key, "logon", f"epoch {state.epoch}, HeartBtInt(108)={state.heart_bt_int_s}")
            if state.connection is not None:
                turn.effects.append(Welcome(state.connection))
        case LoggedOut(ending):
            numbering.leave_reports(draft, key)
            application.session_down(draft.desk, draft.settings(key), ending)
        case EpochBegan(epoch, cause):
            draft.desk.record(e.SessionReset(draft.now.utc_ns, key, epoch, cause))
            draft.keep(key, draft.link(key).in_new_epoch(draft.standing.outbox_id))
            draft.note(key, "reset", f"{cause}: epoch {epoch}")
        case PeerExpects(seq_num):
            _expected(draft, key, seq_num)
            draft.note(key, "peer_expects", str(seq_num))
        case Warn(code, text):
            draft.warn(key, code, text)
            if code == stepping.TRADE_REFUSED and draft.settings(key).role == "dealer":
                draft.desk.page("trade refused", session=key, reason=text)
        case CloseConnection(code, text):
            connection = state.connection
            if connection is not None:
                at_once = code is DisconnectReason.OPERATOR_DISCONNECT
                turn.effects.append(Close(connection, code, text, at_once))
        case DrainHeld():
            turn.held_due = key


def _subscribe_again(draft: TurnDraft, key: str, link: Link, begin: int, end: int) -> None:
    """A subscription among the numbers that were filled over never arrived: the session asks for its prices anew.

    For all of them, once: which one it was is not kept, and prices that come twice do no harm.
    """
    if link.ledger.between(max(begin, link.subscribed_from), end):
        draft.keep(key, link._replace(subscribed_from=link.state.next_out))
        draft.standing.application.subscription_filled_over(draft.desk, draft.settings(key))


_made: Any = tuple.__new__  # In half the time that a constructor takes.


def _expected(draft: TurnDraft, key: str, seq_num: int) -> None:
    """Kept to be shown. Beyond our own next number it is a matter for people: no logon will be taken before."""
    link = draft.link(key)._replace(peer_expects=seq_num)
    draft.keep(key, link)
    if link.behind:
        next_out = link.state.next_out
        text = (
            f"the peer expects MsgSeqNum(34) {seq_num}, our next is {next_out}: nothing is reset by itself; agree "
            f"the numbers with the peer, then `rfqctl session set-seq {key} --out {seq_num}` or `reset`"
        )
        draft.warn(key, NUMBERS_DIFFER, text)
        draft.desk.page("numbers differ", session=key, peer_expects=seq_num, next_out=next_out)


def deliver(draft: TurnDraft, key: str, message: Message, seq_num: int) -> None:
    standing, turn = draft.standing, draft.turn
    link, settings = turn.links[key], standing.settings[key]
    state = link.state
    epoch = state.epoch
    if settings.role == "market":
        # Prices are a conflated tape of their own; the mark that was used stands in the event that used it.
        turn.ref = f"{key}:{epoch}:{seq_num}"
        draft.stepped(key)  # No row says that it was taken in.
    else:
        turn.ref = key  # Its numbers stand with the message itself.
        kept = for_keeping(message.fields) if message.layout.has_secrets else message.raw
        turn.inbound.append(_made(Inbound, (key, epoch, seq_num, kept, message.msg_type)))
    if draft.refused is not None:
        pause = refusing.refuse_message(draft, key, message, draft.refused)
        if pause is not None:
            take(draft, key, pause)
        return
    if standing.waits and message.msg_type == "D" and settings.role == "oms" and (full := standing.full()) is not None:
        waiting = len(standing.links[full].waiting)
        text = f"no new orders: {waiting} reports wait for {full}, which is not logged on"
        draft.warn(key, "orders_refused", text)
        draft.say(key, BusinessReject("D", seq_num, 4, text, message.get(11) or ""))
        return
    try:
        standing.application.hear(draft.desk, settings, message, link.ledger.get)
        if link.refusals:
            draft.keep(key, draft.link(key)._replace(refusals=0))  # In a row: this one was handled.
    except ProtocolError as error:
        drafted = stepping.StepDraft(settings, state, draft.now)
        drafted.reject(message, error)
        take(draft, key, drafted.step())
    except NotTaken as refusal:
        draft.say(key, refusal.reject)
