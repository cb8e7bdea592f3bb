"""Questions put to the journal, as SQL, and the rows that answer them. Asked by `reader` and `archive`."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from engine.journal.batch import RULE_BOOK, TRAILER_BYTES, OutboxRow

EVENT: Final = "seq, turn_seq, type, version, utc_ns, CAST(body AS BLOB)"
OUTBOX: Final = "o.id, o.turn_seq, o.event_seq, o.destination, o.class, o.not_after_ns, o.msg_type, o.body"
NUMBER: Final = (
    "turn_seq, session, epoch, seq, outbox_id, bytes, class, event_seq, msg_type, body_at, poss_resend, not_after_ns"
)
"""The columns of `fix_sent`, but for the position."""


def _body(data: str) -> str:
    return f"substr({data}, m.body_at, length({data}) - {TRAILER_BYTES - 1} - m.body_at)"


# The columns of `OUTBOX` of an entry that was numbered by the turn that decided it: in the turn's row, or beside it.
_ANSWERED: Final = f"m.outbox_id, m.turn_seq, m.event_seq, m.sent_session, m.class, NULL, m.msg_type, {_body('m.sent')}"
_DECIDED: Final = (
    f"m.outbox_id, m.turn_seq, m.event_seq, m.session, m.class, m.not_after_ns, m.msg_type, {_body('m.bytes')}"
)
ENTRIES: Final = f"""
SELECT {OUTBOX} FROM outbox AS o
UNION ALL SELECT {_ANSWERED} FROM turns AS m WHERE m.sent_seq IS NOT NULL
UNION ALL SELECT {_DECIDED} FROM fix_sent AS m WHERE m.msg_type IS NOT NULL
"""
CURRENT: Final = "(SELECT max(epoch) FROM fix_sessions WHERE session = s.session)"


class SentMessage(NamedTuple):
    """One of our numbers. `data` is None for a session message; `message_class` is then empty.

    Else that is the class of its outbox entry.
    """

    seq: int
    data: bytes | None
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
# Our numbers of one epoch of one session (`:session`, `:epoch`), wherever they stand. Each place is asked by its own
# key, and read in order, from the end too, without sorting.
NUMBERS: Final = """(
    SELECT sent_seq AS seq, sent AS data, class, outbox_id FROM turns
    WHERE sent_session = :session AND sent_epoch = :epoch AND sent_seq IS NOT NULL
    UNION ALL
    SELECT seq, bytes, class, outbox_id FROM fix_sent WHERE session = :session AND epoch = :epoch
)"""
SENT: Final = f"""
SELECT seq, data, class, outbox_id FROM {NUMBERS} WHERE seq BETWEEN :begin AND :end ORDER BY seq LIMIT :limit
"""


def _last_entry(beyond_confirmed: bool) -> str:
    """The highest outbox number that a session of `s` has numbered in its epoch, or of those confirmed."""
    most = "" if beyond_confirmed else "AND {0} <= s.confirmed_out"
    return f"""max(
        coalesce((SELECT m.outbox_id FROM turns AS m WHERE m.sent_session = s.session AND m.sent_epoch = s.epoch
            AND m.sent_seq IS NOT NULL {most.format("m.sent_seq")} ORDER BY m.sent_seq DESC LIMIT 1), 0),
        coalesce((SELECT m.outbox_id FROM fix_sent AS m WHERE m.session = s.session AND m.epoch = s.epoch
            AND m.outbox_id IS NOT NULL {most.format("m.seq")} ORDER BY m.seq DESC LIMIT 1), 0)
    )"""


# Confirmed is what some epoch's confirmed number covers: entries get their numbers in order, so the last one
# confirmed vouches for all before it, and the last one that has a number for all before it too. CROSS JOIN: epoch by
# epoch, or all that a session was ever sent would be looked through.
UNDELIVERED: Final = f"""
WITH settled(id) AS (
    SELECT coalesce(max({_last_entry(False)}), 0) FROM fix_sessions AS s WHERE s.session = :to
), numbered(id) AS (
    SELECT coalesce(max({_last_entry(True)}), 0) FROM fix_sessions AS s WHERE s.session = :to
), entries AS (
    SELECT {OUTBOX} FROM outbox AS o WHERE o.destination = :to AND o.id > (SELECT id FROM settled)
    UNION ALL
    SELECT {_ANSWERED} FROM fix_sessions AS s CROSS JOIN turns AS m
        ON m.sent_session = s.session AND m.sent_epoch = s.epoch AND m.sent_seq > s.confirmed_out
        WHERE s.session = :to AND m.outbox_id > (SELECT id FROM settled)
    UNION ALL
    SELECT {_DECIDED} FROM fix_sessions AS s CROSS JOIN fix_sent AS m
        ON m.session = s.session AND m.epoch = s.epoch AND m.seq > s.confirmed_out
        WHERE s.session = :to AND m.msg_type IS NOT NULL AND m.outbox_id > (SELECT id FROM settled)
), places AS (
    SELECT m.outbox_id, m.sent_epoch AS epoch, m.sent_seq AS seq FROM fix_sessions AS s CROSS JOIN turns AS m
        ON m.sent_session = s.session AND m.sent_epoch = s.epoch AND m.sent_seq > s.confirmed_out
        WHERE s.session = :to AND s.epoch = {CURRENT}
    UNION ALL
    SELECT m.outbox_id, m.epoch, m.seq FROM fix_sessions AS s CROSS JOIN fix_sent AS m
        ON m.session = s.session AND m.epoch = s.epoch AND m.seq > s.confirmed_out
        WHERE s.session = :to AND s.epoch = {CURRENT} AND m.outbox_id IS NOT NULL
)
SELECT e.*, n.epoch, n.seq, e.id <= (SELECT id FROM numbered)
FROM entries AS e
    LEFT JOIN (SELECT outbox_id, epoch, max(seq) AS seq FROM places GROUP BY outbox_id) AS n ON n.outbox_id = e.id
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
