"""Questions put to the journal, as SQL, and the rows that answer them. Asked by `reader` and `archive`."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from engine.journal.batch import RULE_BOOK, TRAILER_BYTES, OutboxRow

EVENT: Final = "seq, turn_seq, type, version, utc_ns, CAST(body AS BLOB)"
OUTBOX: Final = "o.id, o.turn_seq, o.event_seq, o.destination, o.class, o.not_after_ns, o.msg_type, o.body"
SENT_ROW: Final = (
    "session, epoch, 'out', seq, turn_seq, outbox_id, utc_ns, bytes, admin, poss_resend, "
    "class, event_seq, not_after_ns, msg_type, body_at"
)
_DECIDED: Final = (
    "m.outbox_id, m.turn_seq, m.event_seq, m.session, m.class, m.not_after_ns, m.msg_type, "
    f"substr(m.bytes, m.body_at, length(m.bytes) - {TRAILER_BYTES - 1} - m.body_at)"
)
"""The columns of `OUTBOX` of an entry that was numbered by the turn that decided it."""
ENTRIES: Final = f"""
SELECT {OUTBOX} FROM outbox AS o UNION ALL SELECT {_DECIDED} FROM fix_sent AS m WHERE m.msg_type IS NOT NULL
"""
CURRENT: Final = "(SELECT max(epoch) FROM fix_sessions WHERE session = s.session)"


class SentMessage(NamedTuple):
    """One of our numbers. `data` is None for a session message or a message that was withheld.

    `message_class` is that of its outbox entry, empty for a session message.
    """

    seq: int
    data: bytes | None
    admin: bool
    message_class: str
    outbox_id: int | None


class Undelivered(NamedTuple):
    """An outbox entry nobody is known to have: its number in the current epoch, None if it has none there.

    `numbered` says whether it ever had one, in whatever epoch: it may have been sent then.
    """

    entry: OutboxRow
    epoch: int | None
    seq: int | None
    numbered: bool


SESSIONS: Final = (
    "SELECT session, epoch, next_in, next_out, confirmed_out, created_utc_ns FROM fix_sessions AS s "
    f"WHERE epoch = {CURRENT} ORDER BY session"
)
SENT: Final = """
SELECT m.seq, m.bytes, m.admin, m.class, m.outbox_id FROM fix_sent AS m
WHERE m.session = ? AND m.epoch = ? AND m.seq BETWEEN ? AND ? ORDER BY m.seq LIMIT ?
"""
# Confirmed is what some epoch's confirmed number covers: entries get their numbers in order, so the last one
# confirmed vouches for all before it, and the last one that has a number for all before it too.
UNDELIVERED: Final = f"""
WITH settled(id) AS (
    SELECT coalesce(max((SELECT m.outbox_id FROM fix_sent AS m
        WHERE m.session = s.session AND m.epoch = s.epoch AND m.seq <= s.confirmed_out
        AND m.outbox_id IS NOT NULL ORDER BY m.seq DESC LIMIT 1)), 0)
    FROM fix_sessions AS s WHERE s.session = :to
), numbered(id) AS (
    SELECT coalesce(max((SELECT m.outbox_id FROM fix_sent AS m
        WHERE m.session = s.session AND m.epoch = s.epoch AND m.outbox_id IS NOT NULL
        ORDER BY m.seq DESC LIMIT 1)), 0)
    FROM fix_sessions AS s WHERE s.session = :to
), entries AS (
    SELECT {OUTBOX} FROM outbox AS o WHERE o.destination = :to AND o.id > (SELECT id FROM settled)
    UNION ALL
    SELECT {_DECIDED} FROM fix_sessions AS s JOIN fix_sent AS m
        ON m.session = s.session AND m.epoch = s.epoch AND m.seq > s.confirmed_out
        WHERE s.session = :to AND m.msg_type IS NOT NULL AND m.outbox_id > (SELECT id FROM settled)
)
SELECT e.*, n.epoch, n.seq, e.id <= (SELECT id FROM numbered)
FROM entries AS e LEFT JOIN (
    SELECT m.outbox_id, m.epoch, max(m.seq) AS seq FROM fix_sessions AS s JOIN fix_sent AS m
        ON m.session = s.session AND m.epoch = s.epoch AND m.seq > s.confirmed_out
        WHERE s.session = :to AND s.epoch = {CURRENT} AND m.outbox_id IS NOT NULL GROUP BY m.outbox_id
) AS n ON n.outbox_id = e.id
ORDER BY e.id
"""
TEXTS: Final = f"""
SELECT kind, hash, turn_seq, text FROM (
    SELECT '{RULE_BOOK}' AS kind, hash, turn_seq, text, 0 AS place, position FROM rule_books
    UNION ALL SELECT kind, hash, turn_seq, text, 1, position FROM configs
) ORDER BY turn_seq, place, position
"""


def as_undelivered(row: Any) -> Undelivered:
    return Undelivered(OutboxRow(*row[:8]), row[8], row[9], bool(row[10]))
