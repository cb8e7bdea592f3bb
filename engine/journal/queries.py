"""Questions put to the journal, as SQL, and the rows that answer them. Asked by `reader` and `archive`."""

from __future__ import annotations

from collections.abc import Sequence
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
_MARK: Final = "heard_ns, security_id, source, utc_ns, price, half_spread, quality"
# SQLite takes the other columns from the row that has the maximum; of one moment a withdrawal is the later.
LATEST_MARKS: Final = f"""
SELECT {_MARK} FROM (
    SELECT {_MARK}, max(utc_ns * 2 + (price IS NULL)) FROM tape_marks GROUP BY security_id, source
) ORDER BY security_id, source
"""
TAPE_MARKS: Final = f"SELECT {_MARK} FROM tape_marks WHERE heard_ns >= ? ORDER BY position"
TAPE_TRADES: Final = """
SELECT heard_ns, kind, security_id, asset_class, source, trade_id, utc_ns, price, quantity FROM tape_trades
WHERE heard_ns >= ? ORDER BY position
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
# Answers by their numbers: of each commit those turns in which it has any of the session's. CROSS JOIN, here and below:
# in this order, or all that a session was ever sent would be looked through.
_ANSWERS: Final = """answered AS a CROSS JOIN turns AS m
    ON m.turn_seq BETWEEN a.first_turn AND a.last_turn AND m.sent_session = a.session AND m.sent_epoch = a.epoch"""
# Our numbers `:begin` to `:end` of one epoch, wherever they stand.
SENT: Final = f"""
SELECT m.sent_seq AS seq, m.sent, m.class, m.outbox_id FROM {_ANSWERS}
WHERE a.session = :session AND a.epoch = :epoch AND a.last_seq BETWEEN :begin AND coalesce((
    SELECT min(last_seq) FROM answered WHERE session = :session AND epoch = :epoch AND last_seq >= :end), :end)
AND m.sent_seq BETWEEN :begin AND :end
UNION ALL
SELECT seq, bytes, class, outbox_id FROM fix_sent
WHERE session = :session AND epoch = :epoch AND seq BETWEEN :begin AND :end
ORDER BY seq
"""
FIRST_SENT: Final = """
SELECT min(seq) FROM (
    SELECT * FROM (
        SELECT first_seq AS seq FROM answered WHERE session = :session AND epoch = :epoch ORDER BY last_seq LIMIT 1
    )
    UNION ALL SELECT min(seq) FROM fix_sent WHERE session = :session AND epoch = :epoch
)
"""


def last_sent(classes: Sequence[str]) -> str:
    """The last `:most` numbers of one epoch whose messages are of these classes, with their outbox numbers."""
    wanted = ", ".join(f"'{each}'" for each in classes)
    return f"""
SELECT * FROM (
    SELECT m.sent_seq AS seq, m.outbox_id FROM {_ANSWERS}
    WHERE a.session = :session AND a.epoch = :epoch AND m.class IN ({wanted})
    ORDER BY a.last_seq DESC, m.turn_seq DESC LIMIT :most
)
UNION ALL
SELECT * FROM (
    SELECT seq, outbox_id FROM fix_sent WHERE session = :session AND epoch = :epoch AND class IN ({wanted})
    ORDER BY seq DESC LIMIT :most
)
ORDER BY seq DESC LIMIT :most
"""


def _last_entry(beyond_confirmed: bool) -> str:
    """The highest outbox number that a session of `s` has numbered in its epoch, or of those confirmed."""
    most = "" if beyond_confirmed else "AND {0} <= s.confirmed_out"
    return f"""max(
        coalesce((SELECT m.outbox_id FROM {_ANSWERS} WHERE a.session = s.session AND a.epoch = s.epoch
            {most.format("a.first_seq")} {most.format("m.sent_seq")}
            ORDER BY a.last_seq DESC, m.turn_seq DESC LIMIT 1), 0),
        coalesce((SELECT m.outbox_id FROM fix_sent AS m WHERE m.session = s.session AND m.epoch = s.epoch
            AND m.outbox_id IS NOT NULL {most.format("m.seq")} ORDER BY m.seq DESC LIMIT 1), 0)
    )"""


_UNCONFIRMED_ANSWERS: Final = """fix_sessions AS s
    CROSS JOIN answered AS a ON a.session = s.session AND a.epoch = s.epoch AND a.last_seq > s.confirmed_out
    CROSS JOIN turns AS m ON m.turn_seq BETWEEN a.first_turn AND a.last_turn
        AND m.sent_session = a.session AND m.sent_epoch = a.epoch AND m.sent_seq > s.confirmed_out"""
_UNCONFIRMED: Final = """fix_sessions AS s
    CROSS JOIN fix_sent AS m ON m.session = s.session AND m.epoch = s.epoch AND m.seq > s.confirmed_out"""
# Confirmed is what some epoch's confirmed number covers: entries get their numbers in order, so the last one
# confirmed vouches for all before it, and the last one that has a number for all before it too.
UNDELIVERED: Final = f"""
WITH settled(id) AS (
    SELECT coalesce(max({_last_entry(False)}), 0) FROM fix_sessions AS s WHERE s.session = :to
), numbered(id) AS (
    SELECT coalesce(max({_last_entry(True)}), 0) FROM fix_sessions AS s WHERE s.session = :to
), entries AS (
    SELECT {OUTBOX} FROM outbox AS o WHERE o.destination = :to AND o.id > (SELECT id FROM settled)
    UNION ALL
    SELECT {_ANSWERED} FROM {_UNCONFIRMED_ANSWERS}
        WHERE s.session = :to AND m.outbox_id > (SELECT id FROM settled)
    UNION ALL
    SELECT {_DECIDED} FROM {_UNCONFIRMED}
        WHERE s.session = :to AND m.msg_type IS NOT NULL AND m.outbox_id > (SELECT id FROM settled)
), places AS (
    SELECT m.outbox_id, m.sent_epoch AS epoch, m.sent_seq AS seq FROM {_UNCONFIRMED_ANSWERS}
        WHERE s.session = :to AND s.epoch = {CURRENT}
    UNION ALL
    SELECT m.outbox_id, m.epoch, m.seq FROM {_UNCONFIRMED}
        WHERE s.session = :to AND s.epoch = {CURRENT} AND m.outbox_id IS NOT NULL
)
SELECT e.*, n.epoch, n.seq, e.id <= (SELECT id FROM numbered)
FROM entries AS e
    LEFT JOIN (SELECT outbox_id, epoch, max(seq) AS seq FROM places GROUP BY outbox_id) AS n ON n.outbox_id = e.id
ORDER BY e.id
"""


def _stands(turn: str, seq: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM turns WHERE turn_seq = {turn}"
        f" AND sent_session = a.session AND sent_epoch = a.epoch AND sent_seq = {seq})"
    )


# Where `answered` is not what `turns` have: an answer not found by its number, a row that begins or ends at none, or
# one that another reaches into.
MISFILED: Final = f"""
SELECT * FROM (
    SELECT m.turn_seq, m.sent_session, m.sent_epoch, m.sent_seq FROM turns AS m WHERE m.sent_seq IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM answered AS a WHERE a.session = m.sent_session AND a.epoch = m.sent_epoch
        AND a.last_seq >= m.sent_seq AND a.first_seq <= m.sent_seq AND m.turn_seq BETWEEN a.first_turn AND a.last_turn
    ) ORDER BY m.turn_seq LIMIT 1
)
UNION ALL
SELECT * FROM (
    SELECT a.last_turn, a.session, a.epoch, a.last_seq FROM answered AS a
    WHERE NOT ({_stands("a.first_turn", "a.first_seq")} AND {_stands("a.last_turn", "a.last_seq")})
    OR EXISTS (
        SELECT 1 FROM answered AS before WHERE before.session = a.session AND before.epoch = a.epoch
        AND before.last_seq < a.last_seq AND before.last_seq >= a.first_seq
    )
    ORDER BY a.last_turn LIMIT 1
)
"""
TEXTS: Final = f"""
SELECT kind, hash, turn_seq, text FROM (
    SELECT '{RULE_BOOK}' AS kind, hash, turn_seq, text, 0 AS place, position FROM rule_books
    UNION ALL SELECT kind, hash, turn_seq, text, 1, position FROM configs
) ORDER BY turn_seq, place, position
"""


def as_undelivered(row: Any) -> Undelivered:
    return Undelivered(OutboxRow(*row[:8]), row[8], row[9], bool(row[10]))
