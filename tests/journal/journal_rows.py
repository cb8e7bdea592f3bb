"""Turns for the journal's tests: every kind of row, numbers running on."""

from __future__ import annotations

from engine.journal.batch import (
    Answer,
    EventRow,
    Head,
    MarkRow,
    NumberRow,
    OutboxRow,
    SessionRow,
    StagedTurn,
    TakenIn,
    TextRow,
    TradeRow,
)


def turn_after(head: Head, *, padding: int = 0) -> StagedTurn:
    """The turn that follows `head`: two events, one outbox entry, a message in and one out, a text now and then.

    Every second turn's entry stands with its message: in the turn's own row (2, 6, 10) or beside it (4, 8, 12).
    """
    n = head.turn_seq + 1
    entry, event, body = head.outbox_id + 1, head.event_seq + 2, b"131=q%d\x01" % n
    header = b"8=FIX.4.4\x0135=R\x01"
    framed, body_at = header + body + b"10=000\x01", len(header) + 1
    utc_ns = 1_700_000_000_000_000_000 + n
    outbox: tuple[OutboxRow, ...] = ()
    answer, sent = None, None
    if n % 2 == 1:
        outbox = (OutboxRow(entry, n, event, "alder", "at_most_once", None, "R", body),)
        sent = NumberRow("alder", 1, n, entry, header)
    elif n % 4 == 2:
        answer = Answer("alder", 1, n, entry, framed, "at_most_once", event, "R", body_at)
    else:
        sent = NumberRow("alder", 1, n, entry, framed, "at_most_once", event, "R", body_at)
    texts = (TextRow("scoring", f"{n:064x}", n, f"weights of {n}"), TextRow("rule_book", f"{n:064x}", n, f"rule {n}"))
    return StagedTurn(
        n,
        utc_ns,
        "received",
        f"oms:{n}",
        "engine",
        events=(
            EventRow(head.event_seq + 1, n, "OrderSeen", 1, utc_ns, b'{"order_id":"o%d"}' % n),
            EventRow(head.event_seq + 2, n, "DealerAsked", 2, utc_ns, b'{"note":"\xc3\xa9%d"}' % n),
        ),
        outbox=outbox,
        taken_in=TakenIn("oms", 1, n, b"8=FIX.4.4\x0135=D\x01" + b"x" * padding),
        answer=answer,
        sent=() if sent is None else (sent,),
        sessions=(SessionRow("oms", 1, n + 1, 1, 0, 0), SessionRow("alder", 1, 1, n + 1, 0, 0)),
        marks=(MarkRow(utc_ns, "US0000000001", "marks", utc_ns - 5, "99.5", "0.25", "composite"),),
        trades=(
            TradeRow(utc_ns, "trade", "US0000000001", "corporate", "marks", f"t{n}", utc_ns - 9, "99.4", "1000000"),
        ),
        texts=texts if n % 5 == 1 else (),
    )


def advance(head: Head, turn: StagedTurn) -> Head:
    """`head` after `turn`, its hash left as it was: enough to number the next turn."""
    return Head(turn.turn_seq, head.event_seq + len(turn.events), head.outbox_id + len(turn.entries), head.hash)


def turns_after(head: Head, count: int, *, padding: int = 0) -> list[StagedTurn]:
    turns = []
    for _ in range(count):
        turn = turn_after(head, padding=padding)
        turns.append(turn)
        head = advance(head, turn)
    return turns
