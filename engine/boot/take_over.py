"""Taking a journal over: the state is the fold of its events, the sessions go on at their numbers.

`take_over` is the one way from what is configured and an open journal to an engine; `begin` lets it begin. Digests
that an earlier process noted are checked on the way, under the same logic version.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from pathlib import Path

from engine.boot.assembly import Parts
from engine.boot.configured import InForce
from engine.boot.earlier_books import earlier_books
from engine.boot.kept_learning import NotKept, about, head_of, path_of, reading
from engine.clock import utc_day
from engine.commands.answering import Answering
from engine.desk.draft import Delivery
from engine.desk.learning import Learning
from engine.desk.setting import Desk
from engine.domain import events as e
from engine.domain.keys import Scope, ScopeKind
from engine.domain.placement import Telling
from engine.domain.rfq import AskState
from engine.errors import JournalError
from engine.fix.session.sequence import SessionState
from engine.journal.archive import ReadOnly
from engine.journal.batch import SessionRow
from engine.journal.event_codec import Codec
from engine.journal.events import events_codec
from engine.journal.lock import Boot
from engine.journal.queries import FIRST_SENT, last_sent
from engine.market.marks import Mark, Quality
from engine.market.tape import CompleteFrom, Trade
from engine.runtime.loop import Runtime
from engine.runtime.staging import Recorder
from engine.turn import LEDGER_MAX, Ledger, Link, Machine, Position, Waiting, Withhold
from engine.turn.appended import Appended
from engine.turn.history import History
from engine.turn.trading import Trading

log = logging.getLogger(__name__)

REASON_LENGTH_MAX = 2_000
"""Characters of what is wrong with a file that are kept with its switch."""

LOGIC_VERSION = 6
"""What `decide` and `apply` mean; a digest noted under another version is not compared."""

_KNOWN_LEDGER = last_sent((Delivery.at_most_once, Delivery.afresh))
_LAST_REPORT = last_sent((Delivery.at_least_once,))
# What had to wait for its number: what got it at once was never in the outbox.
_NEVER_NUMBERED = """
SELECT id FROM outbox WHERE id >= :first EXCEPT SELECT outbox_id FROM fix_sent WHERE outbox_id >= :first
"""
_LAST_REBUILT = "SELECT body FROM events WHERE type = ? ORDER BY seq DESC LIMIT 1"
_LAST_CONFIRMED = (
    "SELECT epoch, confirmed_out FROM fix_sessions WHERE session = ? AND confirmed_out > 0 ORDER BY epoch DESC LIMIT 1"
)


@dataclass(slots=True)
class Folded:
    """What a replay saw."""

    events: int = 0
    digests_checked: int = 0
    last_utc_ns: int = 0
    ended_cleanly: bool = True
    differences: list[str] = field(default_factory=list)
    """Digests that did not come out again, with the event they belong to."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """An engine that stands where the journal ends."""

    machine: Machine
    trading: Trading
    recorder: Recorder
    folded: Folded
    never_left: tuple[Withhold, ...]
    """Requests and acceptances of an earlier process that are known not to have left."""
    learnt_again: bool = False
    """Was a long past learnt again, for want of what an earlier process had kept of it?"""


def take_over(parts: Parts, file: ReadOnly, *, shows_progress: bool = False) -> TakenOver:
    """The parts with the journal's state and numbers. Raises JournalError if the state is not what was noted."""
    trading = Trading(parts.desk, parts.dialects, parts.session_dialects)
    history, codec, head = History(), events_codec(), file.head()
    kept = _learnt_before(file, trading.desk.learning)
    progress = Progress("replaying events", head.event_seq) if shows_progress else None
    folded = fold(file, trading, codec, progress=progress, history=history)
    if progress is not None:
        progress.end()
    for difference in folded.differences:
        log.error("replay differs: %s", difference)
    if folded.differences:
        raise JournalError(
            f"{file.path}: the state does not come out as it was noted ({folded.differences[0]}); "
            "run `rfqd replay` and `rfqctl audit verify` before starting again"
        )
    if kept is not None:
        trading.desk.learning.settle_upon(kept)
    else:
        trading.desk.learning.settle()
    trading.desk.earlier_books = earlier_books(file, trading)
    recall_tape(file, trading.desk)
    machine = Machine(
        trading,
        parts.settings,
        parts.dictionaries,
        commands=Answering(),
        links=links(file, parts.settings),
        outbox_id=head.outbox_id,
        history=history,
        tls_files=parts.tls_files,
    )
    recorder = Recorder(head, codec, file.sessions())
    learnt_again = kept is None and trading.desk.learning.sorted_observations > 0
    return TakenOver(machine, trading, recorder, folded, tuple(never_numbered(file, trading)), learnt_again)


def _learnt_before(file: ReadOnly, learning: Learning) -> Learning | None:
    """What an earlier process has kept of the past that the journal tells of; None: it is learnt from the journal."""
    observations = put_in_order(file)
    learning.expect(observations, is_kept=False)
    if not observations:
        return None
    path, kept = path_of(file.path), Learning(learning.parameters)
    try:
        head = head_of(path)
        if head != about(file, head.up_to, observations, learning.parameters):
            raise NotKept("it is of another journal, of other parameters or of other code")
        for _ in reading(path, kept):
            pass
    except NotKept as error:
        log.info("the past is learnt again from the journal: %s: %s", path, error)
        return None
    learning.expect(observations, is_kept=True)
    return kept


def put_in_order(file: ReadOnly) -> int:
    """How many observations the last `EstimatesRebuilt` has put in the order of their times; 0 without one."""
    found = file.query(_LAST_REBUILT, (e.EstimatesRebuilt.__name__,))
    return int(json.loads(found[0][0])["observations"]) if found else 0


def begin(
    runtime: Runtime,
    taken: TakenOver,
    boot: Boot,
    in_force: InForce,
    fallen_back: Mapping[str, tuple[str, ...]] | None = None,
    *,
    reconcile: str = "",
) -> None:
    """Record the start, tell the desk what never left, and set every alarm; with `reconcile` nothing goes to dealers.

    `reconcile` says why: the file may not be the whole record. `fallen_back` are the kinds of files of which an
    earlier text is used, with what is wrong: no rule acts by itself until they were reloaded.
    """

    def started(at_ns: int) -> Sequence[e.Event]:
        events: list[e.Event] = [
            e.EngineStarted(
                at_ns,
                logic_version=LOGIC_VERSION,
                config_hash=in_force.config_hash,
                dealers_hash=in_force.hash("dealers"),
                scoring_hash=in_force.hash("scoring"),
                book_hash=in_force.hash("rules"),
                previous_ended_cleanly=boot in (Boot.NEW, Boot.CLEAN),
                in_force=in_force.texts,
            )
        ]
        if reconcile:
            events.append(e.KillSwitched(at_ns, Scope(ScopeKind.everything), True, "engine", reconcile))
        return [*events, *_file_switches(taken.trading, fallen_back or {}, at_ns)]

    runtime.note("started", started, in_force.rows)
    for withheld in taken.never_left:
        runtime.release.withhold(withheld)
    runtime.alarms.set_all()


def _file_switches(trading: Trading, fallen_back: Mapping[str, tuple[str, ...]], now_ns: int) -> list[e.Event]:
    """On for every kind of file that is broken, off for those that are good again."""
    events: list[e.Event] = []
    for kind, problems in fallen_back.items():
        text = f"the text of {kind} that was last in force is used, for its file is broken: {'; '.join(problems)}"
        log.error("%s: put it right, then `rfqctl reload %s`; until then nothing is sent by a rule", text, kind)
        events.append(e.KillSwitched(now_ns, Scope(ScopeKind.file, kind), True, "engine", text[:REASON_LENGTH_MAX]))
    for scope in trading.state.files_broken():
        if scope.name not in fallen_back:
            events.append(e.KillSwitched(now_ns, scope, False, "engine", "its file was good at a start"))
    return events


def fold(
    journal: ReadOnly,
    trading: Trading,
    codec: Codec,
    *,
    progress: Callable[[int], None] | None = None,
    history: History | None = None,
) -> Folded:
    """Apply every event of the file to `trading`; `history` recalls what they say of sessions.

    Raises JournalError naming an event that cannot be applied.
    """
    seen = Folded()
    for row in journal.events():
        event = codec.decode(row.type, row.version, row.body)
        if isinstance(event, e.StateDigested):
            _check(event, row.seq, trading, seen)
        elif isinstance(event, e.EngineStarted):
            seen.ended_cleanly = False
        elif isinstance(event, e.EngineStopped):
            seen.ended_cleanly = True
        try:
            trading.fold(event)
        except Exception as error:
            name = type(error).__name__
            raise JournalError(f"event {row.seq} ({row.type}) cannot be applied: {name}: {error}") from error
        if history is not None:
            history.recall(event)
        seen.events += 1
        seen.last_utc_ns = row.utc_ns
        if progress is not None and seen.events % 1000 == 0:
            progress(seen.events)
    return seen


def _check(event: e.StateDigested, seq: int, trading: Trading, seen: Folded) -> None:
    if event.logic_version != LOGIC_VERSION:
        return
    found = trading.state.digest()
    seen.digests_checked += 1
    if found != event.digest:
        seen.differences.append(f"event {seq}: the state hashes to {found[:16]}, noted was {event.digest[:16]}")


def links(journal: ReadOnly, keys: Iterable[str]) -> dict[str, Link]:
    """All that is kept of these sessions: disconnected, at the numbers of their latest epochs."""
    rows = {row.session: row for row in journal.sessions()}
    return {key: _link(journal, key, rows.get(key)) for key in keys}


def _link(journal: ReadOnly, key: str, row: SessionRow | None) -> Link:
    """What waits for a number, what the peer is known to have, and which numbers carried requests."""
    state = SessionState.fresh() if row is None else _session(journal, row)
    waiting = [
        Waiting(found.entry.id, found.entry.msg_type, bytes(found.entry.body), found.numbered)
        for found in journal.undelivered(key)
        if found.entry.message_class == "report" and found.epoch is None
    ]
    confirmed = journal.query(_LAST_CONFIRMED, (key,))
    place = {"session": key, "epoch": state.epoch}
    last_report = journal.query(_LAST_REPORT, {**place, "most": 1})
    ledger = journal.query(_KNOWN_LEDGER, {**place, "most": LEDGER_MAX})
    return Link(
        state,
        last_report=last_report[0][0] if last_report else None,
        ledger=Ledger(reversed(ledger)),
        waiting=Appended(waiting),
        confirmed=Position(*confirmed[0]) if confirmed else None,
    )


def _session(journal: ReadOnly, row: SessionRow) -> SessionState:
    ((first_sent,),) = journal.query(FIRST_SENT, {"session": row.session, "epoch": row.epoch})
    first_out = first_sent if first_sent is not None else row.next_out
    return SessionState.fresh(row.epoch, row.next_in, row.next_out, first_out, row.created_utc_ns)


def never_numbered(journal: ReadOnly, trading: Trading) -> list[Withhold]:
    """Unanswered requests and acceptances that were waiting for a number when the process ended: none of them left."""
    state = trading.state
    # Of a round that is over somebody may have time left: an answer, or silence, would be learnt from.
    settling = (state.rfqs[key] for key in state.rounds_and_fills_to_mark() if key in state.rfqs)
    asks = (ask for rfq in chain(state.open_rounds(), settling) for ask in rfq.asks)
    unanswered = {ask.outbox_id for ask in asks if ask.state in (AskState.asked, AskState.silent)}
    unanswered |= {placement.outbox_id for placement in state.unanswered()}
    unanswered |= {kept.told_outbox_id for kept in state.quarantine.values() if kept.telling is Telling.sent}
    if not unanswered:
        return []
    waiting = {outbox_id for (outbox_id,) in journal.query(_NEVER_NUMBERED, {"first": min(unanswered)})}
    reason = "session: the process ended before a resend had"
    return [Withhold(outbox_id, reason) for outbox_id in sorted(unanswered & waiting)]


def recall_tape(journal: ReadOnly, desk: Desk) -> None:
    """What the tape says of prices and trades; how old a price may be is for whoever uses it."""
    appraisal = desk.appraisal
    for row in journal.marks():
        if row.price is None:
            desk.marks.withdraw(row.security_id, row.source, row.utc_ns)
        else:
            half = None if row.half_spread is None else Decimal(row.half_spread)
            quality = Quality(row.quality)
            desk.marks.update(Mark(row.security_id, Decimal(row.price), row.utc_ns, row.source, quality, half))
    for close in journal.closes():
        appraisal.closes.take(close.security_id, close.source, close.utc_ns, float(close.price))
    for told in journal.tape_trades():
        if told.kind == "complete":
            day = utc_day(told.utc_ns)
            appraisal.tape.complete_from(CompleteFrom(told.asset_class, told.source, day), told.heard_ns)
            continue
        trade = Trade(
            told.security_id,
            told.asset_class,
            Decimal(told.price),
            Decimal(told.quantity),
            told.utc_ns,
            told.source,
            told.trade_id,
            canceled=told.kind == "canceled",
        )
        appraisal.tape.take(trade, told.heard_ns, appraisal.parameters.past_trades)


class Progress:
    """One line on a terminal with rate and remaining time; nothing where nobody looks."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._began = time.monotonic()
        self._shown = sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        if not self._shown:
            return
        rate = done / max(1e-9, time.monotonic() - self._began)
        left = (self._total - done) / rate
        print(f"\r{self._what} {done:,} of {self._total:,}, {rate:,.0f}/s, {left:.0f} s left ", end="", file=sys.stderr)

    def end(self) -> None:
        if self._shown:
            print(file=sys.stderr)


def exists(path: Path) -> bool:
    """Is there a journal to take over?"""
    return path.exists() and path.stat().st_size > 0
