"""Tables, guards and views of the journal file, as SQL text.

Append only: `meta`, `turns`, `events`, `outbox`, `fix_sent`, `answered`, `rule_books`, `configs`. Triggers refuse
UPDATE, DELETE and an INSERT over an existing key; the latter also because `INSERT OR REPLACE` on a connection without
recursive triggers deletes without asking the DELETE trigger. Mutable: `fix_sessions`; and the tape, `tape_marks`,
`tape_trades`, `tape_closes`, which is bounded (`tape`): what a decision used of it stands in its event.

A turn takes in one message at most, and mostly says one: both stand in the turn's own row, whatever else it gives a
number to in `fix_sent`. An order and its answer are one row and one trigger, half of what a row for each would cost;
`answered` tells of each commit in which turns a session's answers are. The view `fix_messages` shows both directions
alike, wherever they stand. What a turn decides to say and numbers at once, nearly everything, is no row of `outbox`:
the view `outbox_entries` shows all entries alike.

Triggers stop mistakes, not an owner of the file who drops them: for that there is the chain (`chain`).
"""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 6
APPLICATION_ID: Final = 0x52465131  # "RFQ1": lets `file` and a reader tell a journal from any other SQLite file.

TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS turns (
    turn_seq INTEGER PRIMARY KEY NOT NULL,
    utc_ns INTEGER NOT NULL,
    input_kind TEXT NOT NULL,
    input_ref TEXT NOT NULL,
    actor TEXT NOT NULL,
    session TEXT, -- Of the message taken in, if there was one; with `epoch`, `seq` and `message`.
    epoch INTEGER,
    seq INTEGER,
    message BLOB,
    sent_session TEXT, -- Of the first message that the turn decided and numbered, if there was one; see `fix_sent`.
    sent_epoch INTEGER,
    sent_seq INTEGER,
    outbox_id INTEGER,
    sent BLOB,
    class TEXT,
    event_seq INTEGER,
    msg_type TEXT,
    body_at INTEGER,
    row_sums BLOB NOT NULL,
    hash BLOB NOT NULL
);
-- Where the answers that stand in `turns` are found: one row for those of one commit to one session. An index entry for
-- each would be a fifth of what an order's row costs.
CREATE TABLE IF NOT EXISTS answered (
    session TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    first_turn INTEGER NOT NULL,
    last_turn INTEGER NOT NULL,
    PRIMARY KEY (session, epoch, last_seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY NOT NULL,
    turn_seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    utc_ns INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY NOT NULL,
    turn_seq INTEGER NOT NULL,
    event_seq INTEGER,
    destination TEXT NOT NULL,
    class TEXT NOT NULL,
    not_after_ns INTEGER,
    msg_type TEXT NOT NULL,
    body BLOB NOT NULL
);
-- `position` keeps the order in which numbers were given out, so that a whole file is read in one sweep. `bytes` is
-- empty for a session message. `msg_type`, `body_at`, `event_seq` and `not_after_ns`: what the message is as an outbox
-- entry, if its own turn decided it; its body begins at byte `body_at`, counted from 1.
CREATE TABLE IF NOT EXISTS fix_sent (
    position INTEGER PRIMARY KEY NOT NULL,
    turn_seq INTEGER NOT NULL,
    session TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    outbox_id INTEGER,
    bytes BLOB,
    class TEXT,
    event_seq INTEGER,
    msg_type TEXT,
    body_at INTEGER,
    poss_resend INTEGER NOT NULL,
    not_after_ns INTEGER,
    UNIQUE (session, epoch, seq)
);
CREATE TABLE IF NOT EXISTS rule_books (
    position INTEGER PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    turn_seq INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS configs (
    position INTEGER PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    turn_seq INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (kind, hash)
);
CREATE TABLE IF NOT EXISTS fix_sessions (
    session TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    next_in INTEGER NOT NULL,
    next_out INTEGER NOT NULL,
    confirmed_out INTEGER NOT NULL,
    created_utc_ns INTEGER NOT NULL,
    PRIMARY KEY (session, epoch)
) WITHOUT ROWID;
-- The tape: rows come at the end and leave at the beginning.
CREATE TABLE IF NOT EXISTS tape_marks (
    position INTEGER PRIMARY KEY NOT NULL,
    heard_ns INTEGER NOT NULL,
    security_id TEXT NOT NULL,
    source TEXT NOT NULL,
    utc_ns INTEGER NOT NULL,
    price TEXT, -- Null: the source withdrew its price.
    half_spread TEXT,
    quality TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tape_trades (
    position INTEGER PRIMARY KEY NOT NULL,
    heard_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    security_id TEXT NOT NULL,
    asset_class TEXT NOT NULL,
    source TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    utc_ns INTEGER NOT NULL,
    price TEXT NOT NULL,
    quantity TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tape_closes (
    day INTEGER NOT NULL,
    security_id TEXT NOT NULL,
    source TEXT NOT NULL,
    utc_ns INTEGER NOT NULL,
    price TEXT NOT NULL,
    PRIMARY KEY (day, security_id, source)
) WITHOUT ROWID;
"""

# What a new row must not collide with, per append-only table. Numbered tables refuse anything that is not
# beyond the last row: a gap made by force cannot be filled in later.
_COLLISIONS: Final = {
    "meta": "EXISTS (SELECT 1 FROM meta WHERE key = NEW.key)",
    "turns": "EXISTS (SELECT 1 FROM turns WHERE turn_seq >= NEW.turn_seq)",
    "events": "NEW.seq <= (SELECT max(seq) FROM events)",
    "outbox": "NEW.id <= (SELECT max(id) FROM outbox)",
    # An unset position is -1 here. Numbers ascend from commit to commit, and within one the writer sees to it.
    "fix_sent": "NEW.position <> -1 OR EXISTS (SELECT 1 FROM fix_sent WHERE session = NEW.session AND epoch = NEW.epoch"
    " AND seq = NEW.seq) OR EXISTS (SELECT 1 FROM answered WHERE session = NEW.session AND epoch = NEW.epoch"
    " AND last_seq >= NEW.seq)",
    "answered": "EXISTS (SELECT 1 FROM answered WHERE session = NEW.session AND epoch = NEW.epoch"
    " AND last_seq >= NEW.first_seq) OR EXISTS (SELECT 1 FROM fix_sent WHERE session = NEW.session"
    " AND epoch = NEW.epoch AND seq >= NEW.first_seq AND turn_seq < NEW.first_turn)",
    "rule_books": "NEW.position <> -1 OR EXISTS (SELECT 1 FROM rule_books WHERE hash = NEW.hash)",
    "configs": "NEW.position <> -1 OR EXISTS (SELECT 1 FROM configs WHERE kind = NEW.kind AND hash = NEW.hash)",
}

APPEND_ONLY: Final = tuple(_COLLISIONS)
MUTABLE: Final = ("fix_sessions", "tape_marks", "tape_trades", "tape_closes")


def guards() -> str:
    """The triggers of every append-only table."""
    script = []
    for table, collision in _COLLISIONS.items():
        refuse = f"SELECT RAISE(ABORT, '{table} is append-only')"
        script.append(
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_update BEFORE UPDATE ON {table} BEGIN {refuse}; END;\n"
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse}; END;\n"
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_replace BEFORE INSERT ON {table} WHEN {collision}\n"
            f"BEGIN SELECT RAISE(ABORT, '{table}: this key exists already, or comes before the last row'); END;\n"
        )
    return "".join(script)


# NULLIF: an answer that no event explains has 0 there, for None would take longer (`chain.follow`).
# CAST instead of decoding in Python: a body is text for json_extract and whoever looks, and bytes for the chain.
INSERTS: Final = {
    "turns": f"INSERT INTO turns VALUES ({', '.join('?' * 15)}, NULLIF(?, 0), ?, ?, ?, ?)",
    "events": "INSERT INTO events VALUES (?, ?, ?, ?, ?, CAST(? AS TEXT))",
    "outbox": "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "fix_sent": "INSERT INTO fix_sent VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "answered": "INSERT INTO answered VALUES (?, ?, ?, ?, ?, ?)",
    "rule_books": "INSERT INTO rule_books (hash, turn_seq, text) VALUES (?, ?, ?)",
    "configs": "INSERT INTO configs (kind, hash, turn_seq, text) VALUES (?, ?, ?, ?)",
    "fix_sessions": "INSERT INTO fix_sessions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session, epoch) DO UPDATE SET"
    " next_in = excluded.next_in, next_out = excluded.next_out, confirmed_out = excluded.confirmed_out",
    "tape_marks": "INSERT INTO tape_marks VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "tape_trades": "INSERT INTO tape_trades VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "tape_closes": "INSERT INTO tape_closes VALUES (?, ?, ?, ?, ?) ON CONFLICT (day, security_id, source) DO UPDATE"
    " SET utc_ns = excluded.utc_ns, price = excluded.price WHERE excluded.utc_ns >= utc_ns",
}
