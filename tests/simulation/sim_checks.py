"""What has to hold, at every write, at every instant and at the end. Whatever does not hold fails the run.

`Record` is what is durable, taken from the commits and compared with the file at each restart. The other checks hold
what leaves the engine, and what is in its memory, against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sim_engine import CODEC, Life
from sim_setting import Setting
from sim_timers import TimerChecks
from sim_wire import SESSION_TYPES, Msg, read

from engine.dealers.window import ASKS, SILENCES
from engine.desk.aftermath import GRACE_NS, GRACES_NS
from engine.desk.draft import Delivery
from engine.desk.round.quotes import live_quotes
from engine.domain import events as e
from engine.domain.observation import Horizon, RoundSeen
from engine.domain.placement import Fill, PlacementState
from engine.domain.rfq import AskState, RfqState
from engine.fix.session.phases import Phase
from engine.journal.archive import ReadOnly
from engine.journal.batch import NumberRow, OutboxRow, StagedTurn
from engine.turn.trading import Trading

if TYPE_CHECKING:
    from sim_parties import Dealer, DealerOrder
    from world import World

Fail = Callable[[str], None]

AT_MOST_ONCE = frozenset({"R", "D", "AJ"})
ABOUT = {"F": 41, "H": 11}
"""What is said about an acceptance, and the tag that names it."""
NEVER_AGAIN = AT_MOST_ONCE | {"F", "H", "V"}


class Record:
    """The durable rows, and the state and stats that their events fold to: a replay that never stops."""

    def __init__(self, setting: Setting, fail: Fail) -> None:
        self.turn_seq = 0
        self.event_seq = 0
        self.sent: dict[tuple[str, int, int], NumberRow] = {}
        self.epochs: dict[str, int] = {}
        self.outbox: dict[int, OutboxRow] = {}
        self.trading = Trading(setting.desk())
        self.events: list[e.Event] = []
        self.seen = SeenChecks(self.trading, fail)
        self.quotes = QuoteChecks(self.trading, fail)
        self._fail = fail

    def take(self, turns: Sequence[StagedTurn]) -> None:
        for turn in turns:
            self.turn_seq = turn.turn_seq
            for row in turn.numbers:
                key = (row.session, row.epoch, row.seq)
                if key in self.sent:
                    self._fail(f"number {key} was recorded twice")
                self.sent[key] = row
            for session in turn.sessions:
                self.epochs[session.session] = max(session.epoch, self.epochs.get(session.session, 0))
            for entry in turn.entries:
                self.outbox[entry.id] = entry
            for event in turn.events:
                self.event_seq = event.seq
                decoded = CODEC.decode(event.type, event.version, event.body)
                self.events.append(decoded)
                self.quotes.take(decoded)
                self.trading.fold(decoded)
                self.seen.take(decoded)
            self.seen.hold()

    def catch_up(self, file: ReadOnly) -> None:
        """Take what a commit kept that the process did not live to see; everything else has to be as it was."""
        head = file.head()
        if head.turn_seq < self.turn_seq:
            self._fail(f"the file ends with turn {head.turn_seq}, {self.turn_seq} was committed")
        if head.turn_seq > self.turn_seq:
            self.take([kept.turn for kept in file.turns(self.turn_seq)])
        for session in file.sessions():
            self.epochs[session.session] = session.epoch
        rows = file.query("SELECT session, epoch, seq, bytes FROM fix_messages WHERE direction = 'out'")
        found = {(session, epoch, seq): data for session, epoch, seq, data in rows}
        if found != {key: row.data for key, row in self.sent.items()}:
            self._fail("the file's messages are not those that were committed")

    def explains(self, outbox_id: int | None) -> str:
        entry = self.outbox.get(outbox_id) if outbox_id is not None else None
        return entry.message_class if entry is not None else ""


class QuoteChecks:
    """Of every order that comes back: no quote is thrown away that lives, and whose session alone is missing."""

    def __init__(self, trading: Trading, fail: Fail) -> None:
        self._trading = trading
        self._fail = fail

    def take(self, event: e.Event) -> None:
        """An event that is about to be folded."""
        if not isinstance(event, e.OrderReturned) or not event.reason.startswith("no executable quote"):
            return
        state, desk = self._trading.state, self._trading.desk
        order = state.orders[event.order_id]
        rfq, limit = state.rfqs[order.rfq_id], order.terms.limit_price
        if event.at_ns >= rfq.decide_until_ns:
            return
        for ask, quote in live_quotes(rfq, event.at_ns, desk.clocks.guard_ns):
            session = desk.dealers[ask.dealer].session
            switch = state.switches.get(session)
            may_return = (switch is None or switch.enabled) and not desk.closed(session, event.at_ns)
            assert quote.price is not None
            inside = limit is None or (quote.price - limit) * rfq.side.sign <= 0
            if may_return and inside and state.kill_in_force(ask.dealer, order.terms.account) is None:
                self._fail(f"{order.order_id} came back although {quote.price} of {ask.dealer} lives: {event.reason}")


class SeenChecks:
    """Of every turn: a round that is over was seen, its marks are pending or there, and none is made of nothing."""

    def __init__(self, trading: Trading, fail: Fail) -> None:
        self._trading = trading
        self._fail = fail
        self._waiting: dict[str, set[Horizon]] = {}
        """Of each round that is over, and each fill, the horizons that no event has told of."""
        self._closed: set[str] = set()
        self.marks = 0

    def take(self, event: e.Event) -> None:
        match event:
            case e.RfqClosed():
                self._closed.add(event.rfq_id)
            case e.QuoteAccepted():
                self._waiting.setdefault(event.rfq_id, set(Horizon))
            case e.RoundObserved():
                self._closed.discard(event.round.rfq_id)
                self._waiting.setdefault(event.round.rfq_id, set(Horizon) if event.day_ends else set())
                self._seen(event.round)
            case e.FillBooked():
                self._waiting[event.fill.exec_id] = set(Horizon)
            case e.FillCanceled():
                self._waiting.pop(event.fill.exec_id, None)
            case e.RoundMarked():
                self._marked(event.rfq_id, event)
            case e.FillMarked():
                self._marked(event.exec_id, event)

    def _seen(self, seen: RoundSeen) -> None:
        asked = {ask.dealer: ask for ask in self._trading.state.rfqs[seen.rfq_id].asks}
        for ask in seen.asks:
            if asked[ask.dealer].state in (AskState.blocked, AskState.withheld, AskState.not_delivered):
                self._fail(f"{seen.rfq_id}: {ask.dealer} was seen, and was {asked[ask.dealer].state}")
            if ask.edge_bps is not None and ask.mark_answered is None:
                self._fail(f"{seen.rfq_id}: {ask.dealer} has an edge against no mark")

    def _marked(self, key: str, event: e.RoundMarked | e.FillMarked) -> None:
        if event.horizon not in self._waiting[key]:
            self._fail(f"{key} has a second mark at {event.horizon}")
        self._waiting[key].discard(event.horizon)
        if (event.mark is None) is (event.reason == ""):
            self._fail(f"{key} at {event.horizon}: {event.mark}, because {event.reason!r}")
        if event.mark is not None:
            self.marks += 1
            if not 0 <= event.at_ns - event.due_ns <= GRACES_NS.get(event.horizon, GRACE_NS):
                self._fail(f"{key}: the mark at {event.horizon} was taken {event.at_ns - event.due_ns} ns late")

    def hold(self) -> None:
        """A turn is whole."""
        if self._closed:
            self._fail(f"{self._closed} ended, and nobody has seen them")
        due = self._trading.state.marks_due
        for key, waiting in [*self._waiting.items()]:
            row = due.get(key)
            if {horizon for horizon, _ in (row.waiting if row is not None else ())} != waiting:
                self._fail(f"{key} waits for {waiting}, its row is {row}")
            if not waiting and row is None:
                del self._waiting[key]


class WireChecks:
    """Held against every message that the engine writes, before it leaves."""

    def __init__(self, record: Record, fail: Fail) -> None:
        self._record = record
        self._fail = fail
        self._epoch: dict[str, int] = {}
        self._on_wire: set[tuple[str, int, int]] = set()
        self._requests: set[str] = set()
        self.asked_after: set[str] = set()
        """Acceptances that their dealer was asked about, or asked to give back."""
        self.entries_out: set[int] = set()
        self.counts: dict[str, int] = {}
        self.filled_in_place = 0
        """Gap fills in place of what was withheld at release."""

    def wrote(self, key: str, data: bytes, now_ns: int, life: Life, promised: set[str]) -> None:
        msg = read(data)
        self.counts[msg.kind] = self.counts.get(msg.kind, 0) + 1
        if msg.kind == "A" or (msg.seq == 1 and not msg.dup):
            # A dealer may begin an epoch by its answer to our Logon(A): then its first number is no Logon(A).
            self._epoch[key] = self._epoch_of(key, msg)
        epoch = self._epoch.get(key, 0)
        if msg.kind == "4":
            self._gap_fill(key, epoch, msg)
        elif msg.dup:
            self._again(key, epoch, msg)
        else:
            self._first_time(key, epoch, msg, now_ns, life, promised)

    def _epoch_of(self, key: str, msg: Msg) -> int:
        """Which epoch the messages from here on are in: the newest that has such a message under this number."""
        for epoch in range(self._record.epochs.get(key, 0), 0, -1):
            row = self._record.sent.get((key, epoch, msg.seq))
            if row is not None and (row.data == msg.raw or (row.data is None and msg.kind in SESSION_TYPES)):
                return epoch
        return 0

    def _row(self, key: str, epoch: int, msg: Msg) -> NumberRow | None:
        row = self._record.sent.get((key, epoch, msg.seq))
        if row is None:
            self._fail(f"{key}: 35={msg.kind} 34={msg.seq} of epoch {epoch} left without a committed row: {msg.raw!r}")
        return row

    def _first_time(self, key: str, epoch: int, msg: Msg, now_ns: int, life: Life, promised: set[str]) -> None:
        row = self._row(key, epoch, msg)
        if row is None:
            return
        self._number_once(key, epoch, msg)
        if row.data is None:
            if msg.kind not in SESSION_TYPES:
                self._fail(f"{key}: 35={msg.kind} 34={msg.seq} is recorded as a session message")
            return
        if row.data != msg.raw:
            self._fail(f"{key}: 34={msg.seq} left as {msg.raw!r}, recorded as {row.data!r}")
        if msg.kind in AT_MOST_ONCE:
            self._asked(key, msg, row, now_ns, life, promised)
        elif msg.kind in ABOUT:
            self.asked_after.add(msg.get(ABOUT[msg.kind]))

    def _number_once(self, key: str, epoch: int, msg: Msg) -> None:
        number = (key, epoch, msg.seq)
        if number in self._on_wire:
            self._fail(f"{key}: number {msg.seq} of epoch {epoch} was used twice")
        self._on_wire.add(number)

    def _asked(self, key: str, msg: Msg, row: NumberRow, now_ns: int, life: Life, promised: set[str]) -> None:
        request = msg.get(131) if msg.kind == "R" else msg.get(11)
        assert row.outbox_id is not None
        if request in self._requests or row.outbox_id in self.entries_out:
            self._fail(f"{key}: 35={msg.kind} {request} left twice")
        self._requests.add(request)
        self.entries_out.add(row.outbox_id)
        entry = self._record.outbox[row.outbox_id]
        if entry.not_after_ns is not None and now_ns > entry.not_after_ns:
            self._fail(f"{key}: 35={msg.kind} {request} left after its time")
        state = self._record.trading.state
        sent = state.sent[str(row.outbox_id)]
        account = state.orders[state.rfqs[sent.rfq_id].order_id].terms.account
        for scope in ("all", f"dealer:{sent.dealer}", f"account:{account}"):
            if scope in promised:
                self._fail(f"{key}: 35={msg.kind} {request} left after the kill of {scope} was confirmed")
            if life.trading.withheld_by((scope,)):
                self._fail(f"{key}: 35={msg.kind} {request} left while kill switch {scope} is on")

    def _again(self, key: str, epoch: int, msg: Msg) -> None:
        row = self._row(key, epoch, msg)
        if row is None:
            return
        if msg.kind in NEVER_AGAIN:
            self._fail(f"{key}: 35={msg.kind} 34={msg.seq} left again with 43=Y")
        if row.data is None or read(row.data).content() != msg.content():
            self._fail(f"{key}: 34={msg.seq} was sent again as {msg.raw!r}, recorded as {row.data!r}")
        if row.data is not None and read(row.data).poss_resend != msg.poss_resend:
            self._fail(f"{key}: 34={msg.seq} changed its PossResend(97)")

    def _gap_fill(self, key: str, epoch: int, msg: Msg) -> None:
        begin, end = msg.seq, int(msg.get(36))
        if not msg.dup:
            self.filled_in_place += 1
            self._number_once(key, epoch, msg)
            row = self._row(key, epoch, msg)
            if end != begin + 1 or row is None or not self._may_stay_behind(row):
                self._fail(f"{key}: a gap fill from {begin} to {end} in place of no request")
            return
        for seq in range(begin, end):
            row = self._record.sent.get((key, epoch, seq))
            if row is None:
                self._fail(f"{key}: a gap fill over {seq}, which is not recorded")
            elif self._record.explains(row.outbox_id) == "report":
                self._fail(f"{key}: a gap fill over {row.data!r}")

    def _may_stay_behind(self, row: NumberRow) -> bool:
        """A request, or what is about an acceptance that never left."""
        if self._record.explains(row.outbox_id) == "ask":
            return True
        assert row.data is not None
        msg = read(row.data)
        return msg.kind in ABOUT and msg.get(ABOUT[msg.kind]) not in self._requests


class StateChecks:
    """Held against the engine's memory whenever time is about to pass."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._compared_at = -1
        self._desk_at: tuple[int, int] = (-1, -1)
        self.timers = TimerChecks(world)

    def hold(self, life: Life) -> None:
        state = life.trading.state
        for problem in life.loop.problems:
            self._world.fail(problem)
        for key, link in life.machine.links.items():
            is_up = link.state.phase is Phase.ACTIVE
            if is_up is not (key in life.machine.up):
                self._world.fail(f"{key} is {link.state.phase}, and those up are said to be {sorted(life.machine.up)}")
            if not is_up and any(waiting.delivery is not Delivery.at_least_once for waiting in link.waiting):
                self._world.fail(f"{key} is down and more than reports waits for it: {link.waiting}")
        at = (life.number, life.recorder.event_seq)
        if at != self._desk_at:
            self._desk_at = at
            self._quantities(life)
        self.timers.hold(life)
        if life.settled and self._compared_at != self._world.record.event_seq:
            self._compared_at = self._world.record.event_seq
            if life.recorder.event_seq != self._world.record.event_seq:
                self._world.fail("all is released and not all is committed")
            if state.digest() != self._world.record.trading.state.digest():
                self._world.fail(
                    f"replay differs from the live state: {differences(life.trading, self._world.record.trading)}"
                )

    def _quantities(self, life: Life) -> None:
        """Accepted + filled + in doubt never exceeds the order, and one acceptance at a time.

        But for one that a dealer has opened again, as it took a fill of it back.
        """
        state = life.trading.state
        again = {
            state.fills[change.fill_key].fill.order_id
            for change in state.changes.values()
            if change.fill_key in state.fills
        }
        reserved: dict[str, Decimal] = {}
        for placement in state.placements.values():
            if placement.unanswered:
                if placement.order_id in reserved and placement.order_id not in again:
                    self._world.fail(f"{placement.order_id}: a second dealer is asked to fill what is in doubt")
                reserved[placement.order_id] = reserved.get(placement.order_id, Decimal(0)) + placement.reserved
        for order in state.orders.values():
            if order.filled + reserved.get(order.order_id, Decimal(0)) > order.terms.quantity:
                self._world.fail(f"{order.order_id}: filled and in doubt exceed its quantity")


class Truth:
    """What happened at the dealers, by order: never more than was ordered, whoever is believed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._at_dealers: dict[str, list[DealerOrder]] = {}

    def took(self, dealer: Dealer, order: DealerOrder) -> None:
        placement = self._world.record.trading.state.placements.get(order.cl_ord_id)
        if placement is None:
            self._world.fail(f"{dealer.peer.name} was sent {order.cl_ord_id}, which is not recorded")
            return
        self._at_dealers.setdefault(placement.order_id, []).append(order)
        self._hold(placement.order_id)

    def filled(self, dealer: Dealer, order: DealerOrder) -> None:
        self._hold(self._world.record.trading.state.placements[order.cl_ord_id].order_id)

    def _hold(self, order_id: str) -> None:
        if order_id in self._world.forced:
            return
        whole = self._world.record.trading.state.orders[order_id].terms.quantity
        taken = sum((o.quantity if o.state == "open" else o.filled for o in self._at_dealers[order_id]), Decimal(0))
        if taken > whole:
            self._world.fail(f"{order_id}: dealers hold or filled {taken} of {whole}")


def differences(one: Trading, other: Trading) -> list[str]:
    """The first rows in which two states differ, for people."""
    found = []
    for (name, left), (_, right) in zip(one.state.tables(), other.state.tables(), strict=True):
        for key in {**dict.fromkeys(left.keys()), **dict.fromkeys(right.keys())}:
            if left.get(key) != right.get(key):
                found.append(f"{name} {key}: {left.get(key)} / {right.get(key)}")
    return found[:3]


def numbers_agree(world: World) -> bool:
    """Has everything that was said been heard, on every session?"""
    sessions = {key: link.state for key, link in world.engine.machine.links.items()}
    return all(
        sessions[key].next_in == peer.next_out and sessions[key].next_out == peer.next_in
        for key, peer in world.peers.items()
    )


def at_rest(world: World) -> list[str]:
    """What is wrong after everything has come to rest: the full reconciliation."""
    life = world.life
    assert life is not None
    state, record, problems = life.trading.state, world.record, []

    def hold(true: bool, text: str) -> None:
        if not true:
            problems.append(text)

    for key in world.peers:
        session = life.machine.state(key)
        hold(life.machine.session_up(key), f"session {key} is {session.phase} at the end")
        hold(session.gap is None and not session.held and not session.resending, f"{key}: a gap is left")
    for key, link in life.machine.links.items():
        hold(not link.waiting, f"messages of {key} wait for a number: {link.waiting}")
        hold(link.rebinding is None, f"messages of {key} are still to be bound again: {link.rebinding}")

    reported = [event.report for event in record.events if isinstance(event, e.OrderReported)]
    to_oms = {report.exec_id for report in reported if report.session == "oms"}
    problems += _same("OMS reports", to_oms, set(world.oms.reports))
    problems += _same("drop copies", {report.exec_id for report in reported}, set(world.drop_copy.reports))
    booked = [event.fill for event in record.events if isinstance(event, e.FillBooked)]
    standing = [each.fill for each in state.fills.values() if not each.canceled]
    for reader, mine in ((world.oms, to_oms), (world.drop_copy, {report.exec_id for report in reported})):
        wanted = {f.last_told_as: (f.quantity, f.price) for f in standing if f.exec_id in mine}
        hold(reader.fills() == wanted, f"{reader.peer.name}: its fills are not those that were booked")
    hold(len({f.exec_id for f in booked}) == len(booked), "two fills under one ExecID(17)")
    for order in state.orders.values():
        total = sum((fill.quantity for fill in standing if fill.order_id == order.order_id), Decimal(0))
        hold(total == order.filled, f"{order.order_id}: filled {order.filled}, booked {total}")
    for theirs in world.oms.orders.values():
        hold(theirs.answered, f"OMS: {theirs.cl_ord_id} was never answered")

    done = {x: dealer for dealer in world.dealers.values() for o in dealer.orders.values() for x in o.executions}
    known = {f.dealer_exec_id for f in booked} | {
        event.dealer_exec_id for event in record.events if isinstance(event, e.FillQuarantined)
    }
    problems += _same("executions at dealers", set(done) | world.lies(), known)
    for fill in booked:
        dealer = done.get(fill.dealer_exec_id)
        hold(dealer is not None and dealer.peer.key == fill.dealer, f"{fill.dealer_exec_id} was booked and never done")
    problems += _truth(world, standing)
    for placement in state.placements.values():
        if placement.state is PlacementState.withheld:
            hold(
                placement.placement_id not in world.wire.asked_after,
                f"{placement.dealer} was asked about {placement.placement_id}, which it never saw",
            )
        if placement.unanswered:
            hold(placement.person_needed, f"{placement.placement_id} at {placement.dealer} is forgotten")
    for rfq in state.rfqs.values():
        hold(not rfq.open or rfq.state is RfqState.placed, f"{rfq.rfq_id} is still {rfq.state}")
    refused = [event for event in record.events if isinstance(event, e.InputRefused)]
    hold(not refused or world.poisoned, f"an input could not be handled: {refused[:1]}")
    problems += _asks(world)
    return problems


def _truth(world: World, booked: list[Fill]) -> list[str]:
    """What stands at the dealers is booked, once and to the digit; only what is not true is in quarantine."""
    state, problems = world.record.trading.state, []
    for dealer in world.dealers.values():
        for theirs in dealer.orders.values():
            mine = sum((fill.quantity for fill in booked if fill.placement_id == theirs.cl_ord_id), Decimal(0))
            if mine != theirs.filled and state.placements[theirs.cl_ord_id].order_id not in world.forced:
                problems.append(f"{theirs.cl_ord_id}: {dealer.peer.name} filled {theirs.filled}, booked is {mine}")
    for event in world.record.events:
        if isinstance(event, e.FillQuarantined) and event.dealer_exec_id not in world.lies() and not world.forced:
            problems.append(f"{event.dealer_exec_id} is true and in quarantine: {event.reason}")
    return problems


def _asks(world: World) -> list[str]:
    """Each dealer's asks in the stats are the requests it was sent and that are not known to have been lost."""
    record, problems = world.record, []
    for dealer in world.dealers.values():
        key = dealer.peer.key
        asked = [event for event in record.events if isinstance(event, e.DealerAsked) and event.dealer == key]
        withheld = {x.rfq_id: x for x in record.events if isinstance(x, e.AskWithheld) and x.dealer == key}
        silent = sum(isinstance(event, e.DealerSilent) and event.dealer == key for event in record.events)
        happened = len(asked) - len(withheld), silent - sum(event.silent for event in withheld.values())
        if observed(record.trading, key) != happened:
            problems.append(f"{dealer.peer.name}: stats have {observed(record.trading, key)}, {happened} happened")
        epoch_of = {row.outbox_id: epoch for (session, epoch, _), row in record.sent.items() if session == key}
        newest = record.epochs[key]
        for event in asked:
            came_after = dealer.resets_before.get(event.quote_req_id)
            came, lost = came_after is not None, withheld.get(event.rfq_id)
            if lost is None:
                # On its way into a reset it is lost, and nobody can know.
                is_true = came or epoch_of.get(event.outbox_id, newest) < newest
            elif lost.never_left:
                is_true = not came
            elif "in doubt" in lost.reason:
                is_true = True
            else:
                # A peer that has begun an epoch we never heard of asks again for what it had: evidence, and wrong.
                is_true = not came or (came_after < dealer.peer.resets and newest <= dealer.peer.resets)
            if not is_true:
                how = "is counted" if lost is None else lost.reason
                problems.append(
                    f"{dealer.peer.name}: {event.quote_req_id} {'came' if came else 'never came'} and {how}"
                )
    return problems


def observed(trading: Trading, dealer: str) -> tuple[int, int]:
    """How often the stats say that a dealer was asked, and was silent."""
    for name, scopes in trading.desk.stats.dump()["dealers"]:
        if name == dealer:
            days = next(days for scope, days in scopes if scope == "*")
            return sum(counts[ASKS] for _, counts in days), sum(counts[SILENCES] for _, counts in days)
    return 0, 0


def _same(what: str, wanted: set[str], found: set[str]) -> list[str]:
    problems = []
    if wanted - found:
        problems.append(f"{what} missing: {sorted(wanted - found)[:5]}")
    if found - wanted:
        problems.append(f"{what} that should not be: {sorted(found - wanted)[:5]}")
    return problems


def same_again(one: Any, other: Any) -> bool:
    """Do two desks agree on state, stats and estimates?"""
    return bool(
        one.state.digest() == other.state.digest()
        and one.desk.stats.fold_digest() == other.desk.stats.fold_digest()
        and one.desk.learning.estimates.digest() == other.desk.learning.estimates.digest()
    )
