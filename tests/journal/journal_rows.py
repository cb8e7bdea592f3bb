"""Turns for the journal's tests: every kind of row, numbers running on."""

from __future__ import annotations

from engine.journal.batch import EventRow, Head, MarkRow, MessageRow, OutboxRow, SessionRow, StagedTurn, TextRow


def turn_after(head: Head, *, padding: int = 0) -> StagedTurn:
    """The turn that follows `head`: two events, one outbox entry, a message in and one out, a text now and then.

    Every second turn's entry stands with its message.
    """
    n = head.turn_seq + 1
    entry, event, body = head.outbox_id + 1, head.event_seq + 2, b"131=q%d\x01" % n
    header = b"8=FIX.4.4\x0135=R\x01"
    apart = OutboxRow(entry, n, event, "alder", "at_most_once", None, "R", body)
    sent = MessageRow("alder", 1, "out", n, n, entry, 1_700_000_000_000_000_000 + n, header, 0, 0)
    if n % 2 == 0:
        words = {"message_class": "at_most_once", "event_seq": event, "msg_type": "R", "body_at": len(header) + 1}
        sent = sent._replace(data=header + body + b"10=000\x01", **words)
    utc_ns = 1_700_000_000_000_000_000 + n
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
        outbox=(apart,) if n % 2 else (),
        messages=(
            MessageRow("oms", 1, "in", n, n, None, utc_ns, b"8=FIX.4.4\x0135=D\x01" + b"x" * padding, 0, 0),
            sent,
        ),
        sessions=(SessionRow("oms", 1, n + 1, 1, 0, 0), SessionRow("alder", 1, 1, n + 1, 0, 0)),
        marks=(MarkRow("US0000000001", "marks", utc_ns, "99.5", None, None, "firm"),),
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
