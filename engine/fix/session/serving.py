"""Serving a ResendRequest(2): what to read, and what each page of it becomes on the wire.

Owns the answer's extent, which is fixed when the request is handled, and the order in which several are served. The
rows come from the store in pages (`ReadSent`, then `page`); meanwhile the session is `resending`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.clock import Instant
from engine.errors import JournalError, ProtocolError
from engine.fix.session.reasons import DisconnectReason
from engine.fix.session.sequence import Repeat, Serving
from engine.fix.session.settings import SessionSettings
from engine.fix.session.step import (
    Confirmed,
    GapFilled,
    NotReceived,
    ReadSent,
    Retransmit,
    SentRow,
    StepDraft,
    sending_time,
)
from engine.fix.standard.tags import MsgType, SessionRejectReason, Tag
from engine.fix.wire import codec
from engine.fix.wire.message import Message


def on_resend_request(draft: StepDraft, message: Message) -> None:
    """Serve from BeginSeqNo(7) to EndSeqNo(16), or to our last number if 16 is 0 or beyond it.

    Raises ProtocolError for a range that is none. The same request again and again is a loop: the connection is
    closed, and the pause before the next one breaks it. A request that comes again before it was served to the end is
    none: some engines ask with every message above their gap, and what they ask for is on its way.
    """
    begin, end = _range(message)
    repeat = draft.state.repeat
    if draft.state.resending and repeat is not None and (repeat.begin, repeat.end) == (begin, end):
        return
    count = repeat.count + 1 if repeat is not None and (repeat.begin, repeat.end) == (begin, end) else 1
    draft.state = draft.state._replace(repeat=Repeat(begin, end, count))
    if count > draft.settings.resend_repeat_max:
        text = f"ResendRequest(2) from {begin} to {end} came {count} times in a row"
        draft.warn("resend_loop", text)
        draft.close(DisconnectReason.RESEND_LOOP, text)
        return
    last = draft.state.next_out - 1
    note_evidence(draft, begin, draft.state.next_out)
    if begin > last:
        draft.warn("resend_beyond", f"asked for {begin} and later, sent up to {last}")
        return
    serve(draft, begin, last if end == 0 or end > last else end)


def serve(draft: StepDraft, begin: int, end: int) -> None:
    """Begin to send `begin` to `end` again, or queue it behind what is being served."""
    serving = draft.state.serving
    if serving is None:
        _begin(draft, begin, end)
        return
    if (serving.begin, serving.end) == (begin, end) or (begin, end) in draft.state.to_serve:
        return  # On its way already; a second copy would only feed a storm.
    if len(draft.state.to_serve) >= draft.settings.resend_queue_max:
        text = f"more than {draft.settings.resend_queue_max} resend requests are waiting"
        draft.warn("resend_loop", text)
        draft.close(DisconnectReason.RESEND_LOOP, text)
        return
    draft.state = draft.state._replace(to_serve=(*draft.state.to_serve, (begin, end)))


def page(draft: StepDraft, rows: Sequence[SentRow], last: bool) -> None:
    """Send one page of the rows that ReadSent asked for; `last` says that no further page comes.

    A page nobody waits for any more, after a reset or a disconnect, comes to nothing. Raises JournalError if the
    rows are not exactly the numbers asked for: a hole in the store is corruption and never a gap fill.
    """
    serving = draft.state.serving
    if serving is None:
        return
    expected, run_begin = serving.next, serving.run_begin
    lost_begin: int | None = None
    for row in rows:
        if row.seq_num != expected or expected > serving.end:
            raise JournalError(
                f"session {draft.settings.key} epoch {draft.state.epoch}: outbound row {expected} of "
                f"{serving.begin} to {serving.end} is missing, found {row.seq_num}"
            )
        again = row.data is not None and row.resend
        if again and run_begin is not None:
            _fill(draft, run_begin, expected)
            run_begin = None
        elif not again and run_begin is None:
            run_begin = expected
        if row.data is not None and row.resend:
            draft.do(Retransmit(codec.as_resend(row.data, sending_time(draft.settings, draft.now))))
        withheld = row.data is not None and not row.resend
        if withheld and lost_begin is None:
            lost_begin = expected
        elif not withheld and lost_begin is not None:
            draft.do(GapFilled(lost_begin, expected - 1))
            lost_begin = None
        expected += 1
    if last and expected != serving.end + 1:
        raise JournalError(
            f"session {draft.settings.key} epoch {draft.state.epoch}: outbound rows {expected} to {serving.end} "
            "are missing"
        )
    if last and run_begin is not None:
        _fill(draft, run_begin, expected)
    if lost_begin is not None:
        draft.do(GapFilled(lost_begin, expected - 1))
    draft.state = draft.state._replace(
        serving=None if last else replace(serving, next=expected, run_begin=run_begin),
        last_sent_ns=draft.now.monotonic_ns if draft.actions else draft.state.last_sent_ns,
    )
    if last:
        _next_in_line(draft)


def note_evidence(draft: StepDraft, begin: int, next_out: int) -> None:
    """The peer says that `begin` is the first of our numbers it lacks; `next_out` was our next when it said so."""
    if 1 < begin <= next_out:
        draft.do(Confirmed(begin - 1))
    if begin < next_out:
        draft.do(NotReceived(begin))
        probe = draft.state.probe
        if probe is not None and probe.seq_num >= begin:
            # Engines are about that answer a TestRequest(1) above their gap: it would prove what they just denied.
            draft.state = draft.state._replace(probe=None)


def gap_fill(settings: SessionSettings, begin: int, new_seq_num: int, now: Instant, *, poss_dup: bool) -> bytes:
    """SequenceReset-GapFill(4) in place of our numbers `begin` up to but not including `new_seq_num`.

    Without `poss_dup` for a number whose message was withheld and never left.
    """
    time = sending_time(settings, now)
    return codec.frame(
        begin_string=settings.begin_string,
        msg_type=MsgType.SequenceReset,
        seq_num=begin,
        sender=settings.sender_comp_id,
        target=settings.target_comp_id,
        sending_time=time,
        body=codec.encode_body([(Tag.NewSeqNo, new_seq_num), (Tag.GapFillFlag, "Y")]),
        poss_dup=poss_dup,
        orig_sending_time=time if poss_dup else None,
        extra=settings.route,
    )


def _begin(draft: StepDraft, begin: int, end: int) -> None:
    first = draft.state.first_out
    if end < first:
        # An operator set this epoch's first number: what lies below was never sent in it.
        _fill(draft, begin, end + 1)
        return
    run_begin = begin if begin < first else None
    draft.state = draft.state._replace(serving=Serving(begin, end, max(begin, first), run_begin))
    draft.do(ReadSent(max(begin, first), end))


def _next_in_line(draft: StepDraft) -> None:
    while draft.state.to_serve and draft.state.serving is None:
        (begin, end), *rest = draft.state.to_serve
        draft.state = draft.state._replace(to_serve=tuple(rest))
        _begin(draft, begin, end)


def _fill(draft: StepDraft, begin: int, new_seq_num: int) -> None:
    draft.do(Retransmit(gap_fill(draft.settings, begin, new_seq_num, draft.now, poss_dup=True)))


def _range(message: Message) -> tuple[int, int]:
    begin = message.integer(Tag.BeginSeqNo)
    end = message.integer(Tag.EndSeqNo)
    for tag, value in ((Tag.BeginSeqNo, begin), (Tag.EndSeqNo, end)):
        if value is None:
            raise ProtocolError(
                f"{tag.name}({int(tag)}) is missing", reason=SessionRejectReason.RequiredTagMissing, tag=tag
            )
    assert begin is not None
    assert end is not None
    if begin < 1:
        raise ProtocolError(
            f"BeginSeqNo(7) must be at least 1, received {begin}",
            reason=SessionRejectReason.ValueIncorrect,
            tag=Tag.BeginSeqNo,
        )
    if end != 0 and end < begin:
        raise ProtocolError(
            f"EndSeqNo(16)={end} is below BeginSeqNo(7)={begin}",
            reason=SessionRejectReason.ValueIncorrect,
            tag=Tag.EndSeqNo,
        )
    return begin, end
