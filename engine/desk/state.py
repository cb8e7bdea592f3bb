"""The state of the desk: its rows, which tables hold them, and what they hash to.

A state over another is a draft, as its `tables` are. Only `engine.desk.apply` writes rows.

What is open is found by indexes, without walking over what ever was. They are no part of the digest.

The digest is a sum of one hash per row, so it does not depend on the order of writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.clock import NS_PER_DAY, utc_day
from engine.desk.state_rows import (
    AskRef,
    BookedFill,
    Exposure,
    Kill,
    MarksDue,
    Pause,
    PendingReversion,
    Quarantined,
    Sent,
    Switch,
    TradeChange,
    axe_key,
    dealt_key,
)
from engine.desk.tables import Group, PassingTable, Table, V
from engine.domain.axe import Axe, Axes
from engine.domain.credit import CreditLimit, CreditScope
from engine.domain.events import DealerDrifted, OrderOverridden
from engine.domain.exchange import Rate, currencies_of
from engine.domain.instrument import Security
from engine.domain.keys import Scope, ScopeKind, scopes_of
from engine.domain.order import ZERO, Order, Side
from engine.domain.placement import Fill, Placement, Telling, Verdict
from engine.domain.recommendation import Recommendation
from engine.domain.rfq import Rfq

_DIGEST_MODULUS: Final = 1 << 256
_HASHED_AHEAD_MAX: Final = 400
_NAMESAKES_MAX: Final = 50
"""Acceptances that a dealer calls by one name are looked through up to here: a name for all of them is none."""
_LEFT_TO_DIGEST: Final = 50
"""Rows of each table that are not hashed ahead."""


_ALL: Final = "all"
"""The one group of an index that only tells what is in it from what is not."""


def _if_open(row: Order | Rfq) -> Group | None:
    return _ALL if row.open else None


def _standing(order: Order) -> Group | None:
    """Of an order that may live for longer than its day: open, or ended on a later one.

    That is what information protection sees beside a day's own orders.
    """
    terms, day = order.terms, order.facts.day
    if terms.expire_ns is not None and terms.expire_ns <= (day + 1) * NS_PER_DAY:
        return None
    if order.open:
        return terms.security_id, terms.side
    ended = utc_day(order.ended_ns)
    return (terms.security_id, terms.side, ended) if ended != day else None


def _bond_if_open(order: Order) -> Group | None:
    return (order.terms.security_id, order.terms.side) if order.open else None


def _order_session(order: Order) -> Group | None:
    return order.terms.session


def _if_unanswered(placement: Placement) -> Group | None:
    return placement.session if placement.unanswered else None


def _if_unanswered_as(placement: Placement) -> Group | None:
    known_as = placement.dealer_order_id
    return (placement.session, known_as) if known_as and placement.unanswered else None


def _known_as(placement: Placement) -> Group | None:
    return (placement.session, placement.dealer_order_id) if placement.dealer_order_id else None


def _quote_taken(placement: Placement) -> Group | None:
    return placement.session, placement.quote_id


def _placement_of(kept: Quarantined) -> Group | None:
    return kept.placement_id if kept.open else None


def _if_in_quarantine(kept: Quarantined) -> Group | None:
    return _ALL if kept.open else None


def _key_of(kept: Quarantined) -> Group | None:
    return kept.key


def _if_to_tell(kept: Quarantined) -> Group | None:
    return kept.session if kept.telling is Telling.waits else None


def _if_on(switch: Kill | Pause) -> Group | None:
    return _ALL if switch.on else None


def _if_standing(limit: CreditLimit) -> Group | None:
    return _ALL if limit.stands else None


def _currencies(rate: Rate) -> Group | None:
    return rate.currencies


def _axing(row: Axes) -> Group | None:
    return row.dealer if row.axes else None


def _axed(row: Axes) -> Group | None:
    return row.security_id if row.axes else None


def _if_pending(reversion: PendingReversion) -> Group | None:
    return None if reversion.done else _ALL


def _order_of(row: Rfq | Placement) -> Group | None:
    return row.order_id


def _order_of_fill(row: BookedFill) -> Group | None:
    return row.fill.order_id


def _exec_id_of_fill(row: BookedFill) -> Group | None:
    return row.fill.key.partition("|")[0], row.fill.dealer_exec_id


def _fill_of_change(row: TradeChange) -> Group | None:
    return row.fill_key


def _waits_for(row: Quarantined) -> Group | None:
    report = row.report
    return None if row.is_fill or not row.open else (row.session, report.trade_report_ref or report.refers_to)


def _exec_id_of_change(row: TradeChange) -> Group | None:
    return row.session, row.exec_id


_TABLES: Final[Mapping[str, tuple[type[Table[Any]], tuple[Callable[[Any], Group | None], ...]]]] = {
    "orders": (Table, (_if_open, _standing, _order_session, _bond_if_open)),
    "oms_ids": (Table, ()),
    "alike": (Table, ()),
    "recommendations": (Table, ()),
    "overrides": (Table, ()),
    "rfqs": (Table, (_if_open, _order_of)),
    "asks": (Table, ()),
    "sent": (Table, ()),
    "placements": (Table, (_if_unanswered, _order_of, _if_unanswered_as, _known_as, _quote_taken)),
    "cancels": (Table, ()),
    "follow_ups": (Table, ()),
    "fills": (Table, (_order_of_fill, _exec_id_of_fill)),
    "changes": (Table, (_exec_id_of_change, _fill_of_change)),
    "quarantine": (Table, (_placement_of, _if_in_quarantine, _key_of, _if_to_tell, _waits_for)),
    "reversions": (Table, (_if_pending,)),
    "marks_due": (PassingTable, ()),
    "exposures": (Table, ()),
    "kills": (Table, (_if_on,)),
    "axes": (Table, (_axing, _axed)),
    "bonds": (PassingTable, ()),
    "credit": (Table, (_if_standing,)),
    "dealt": (Table, ()),
    "pauses": (Table, (_if_on,)),
    "switches": (Table, ()),
    "lost": (Table, ()),
    "counters": (Table, ()),
    "told": (Table, ()),
    "drifts": (Table, ()),
    "rates": (PassingTable, (_currencies,)),
}
"""Every table: its kind, and what its indexes group by. The digest takes them in this order."""


class DeskState:
    """All tables. `DeskState(below=live)` is a draft over the live state.

    A draft begins a table when somebody first looks at it: a turn touches few of them, and every turn makes a draft.
    """

    __slots__ = ("_begun", "_below", "_sum", *_TABLES)

    orders: Table[Order]
    oms_ids: Table[str]
    alike: Table[str]
    recommendations: Table[Recommendation]
    overrides: Table[OrderOverridden]
    rfqs: Table[Rfq]
    asks: Table[AskRef]
    sent: Table[Sent]
    placements: Table[Placement]
    cancels: Table[str]
    """Our cancels at dealers by their ClOrdID(11): of which acceptance each is."""
    follow_ups: Table[str]
    """What was asked after acceptances, H and F, by outbox number: of which acceptance each is."""
    fills: Table[BookedFill]
    changes: Table[TradeChange]
    """What took fills back or corrected them, by its own key."""
    quarantine: Table[Quarantined]
    reversions: Table[PendingReversion]
    marks_due: PassingTable[MarksDue]
    exposures: Table[Exposure]
    kills: Table[Kill]
    axes: Table[Axes]
    bonds: PassingTable[Security]
    """Bonds that feeds delivered, in the place of the file's."""
    credit: Table[CreditLimit]
    dealt: Table[Decimal]
    pauses: Table[Pause]
    switches: Table[Switch]
    lost: Table[int]
    """When each session was last lost; under the empty name when the process began, which lost all of them."""
    counters: Table[int]
    told: Table[str]
    drifts: Table[DealerDrifted]
    rates: PassingTable[Rate]
    """Rates of currencies that sessions, feeds and people told; those of the file are none of the state."""

    def __init__(self, below: DeskState | None = None) -> None:
        self._below = below
        self._begun: dict[str, Table[Any]] = {}
        """Of a draft, the tables that somebody has looked at."""
        self._sum = 0
        if below is None:
            for name, (kind, groups) in _TABLES.items():
                setattr(self, name, kind(None, *groups))

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            """A table that the draft has not begun yet."""
            if self._below is None:
                raise AttributeError(f"{type(self).__name__} has no table {name!r}")
            below = getattr(self._below, name)
            table = type(below)(below)
            setattr(self, name, table)
            self._begun[name] = table
            return table

    def _found(self, name: str) -> Table[Any]:
        """A table, only to be read: a draft begins none for it. Most of them are looked at and hold nothing."""
        state = self
        while state._below is not None and name not in state._begun:
            state = state._below
        table: Table[Any] = getattr(state, name)
        return table

    def adopt(self, draft: DeskState) -> None:
        """What a draft over this state has made of it is the state: the same as to fold the draft's events here."""
        for name, drafted in draft._begun.items():
            if drafted.is_written():
                mine: Table[Any] = getattr(self, name)
                mine.adopt(drafted)

    def tables(self) -> tuple[tuple[str, Table[Any]], ...]:
        """All of them by name; of a draft those too that nobody has looked at."""
        return tuple([(name, getattr(self, name)) for name in _TABLES])

    def let_go(self) -> Iterator[None]:
        """Empty a state that nobody needs any more, a row a step: freed at once, a large one holds everybody up."""
        for _, table in self.tables():
            yield from table.let_go()

    def digest(self) -> str:
        """SHA-256 sum over all rows, hex. Costs a hash per row written since the last call, two if it is no new one.

        Nobody keeps the hashes: they would be a fifth of what an order that has ended takes.
        """
        for name, table in self.tables():
            self._hash(name, table, len(table.touched))
        return f"{self._sum:064x}"

    def hash_ahead(self) -> None:
        """Do a part of the next digest's work: 600 orders leave it 10,000 rows, 50 ms in which nobody gets an answer.

        What was written last is left to it, as likely to be written again. A row takes 1 to 13 us, twice that if it has
        changed: some 3 ms a call, 10 at worst.
        """
        at_most = _HASHED_AHEAD_MAX
        for name, table in self.tables():
            count = min(len(table.touched) - _LEFT_TO_DIGEST, at_most)
            if count > 0:
                self._hash(name, table, count)
                at_most -= count

    def _hash(self, name: str, table: Table[Any], count: int) -> None:
        """Have the sum tell of so many rows as they are now, in the order in which they were written first."""
        for key, before in list(islice(table.touched.items(), count)):
            row = table.get(key)
            change = 0 if row is None else _row_hash(name, key, row)
            if before is not None:
                change -= _row_hash(name, key, before)
            del table.touched[
                key
            ]  # With the sum, or not at all: a row that cannot be hashed is to be noticed each time.
            self._sum = (self._sum + change) % _DIGEST_MODULUS

    def next_id(self, kind: str, prefix: str) -> str:
        """The identifier that the next event of this kind will carry; `apply` counts it."""
        return f"{prefix}-{(self.counters.get(kind) or 0) + 1:06d}"

    def open_rfqs(self) -> int:
        return self.counters.get("open_rfqs") or 0

    def lost_ns(self, session: str) -> int:
        """When this session was last lost, be it with the process; 0 if it never was."""
        return max(self.lost.get(session) or 0, self.lost.get("") or 0)

    def to_look_at(self) -> int:
        """The number of the order from which on those that nobody could be asked for are to be looked at; 0: none."""
        return self.counters.get("to_look_at") or 0

    def kill_in_force(self, dealer: str, account: str) -> tuple[Scope, Kill] | None:
        """The first switch that stops this dealer or account, with its scope."""
        return self._first_on(scopes_of(dealer, account)) if self.any_kill() else None

    def kill_of_dealer(self, dealer: str) -> Scope | None:
        """The first switch that stops this dealer whatever the account."""
        found = self._first_on(scopes_of(dealer, "")[:2])
        return found[0] if found is not None else None

    def _first_on(self, scopes: Iterable[Scope]) -> tuple[Scope, Kill] | None:
        for scope in scopes:
            kill = self.kills.get(str(scope))
            if kill is not None and kill.on:
                return scope, kill
        return None

    def any_kill(self) -> bool:
        """Is any kill switch on?"""
        return self._found("kills").indexes[0].count(_ALL) > 0

    def paused(self, dealer: str) -> Pause | None:
        """A person's pause of this dealer that is in force."""
        pause: Pause | None = self._found("pauses").get(dealer)
        return pause if pause is not None and pause.on else None

    def paused_dealers(self) -> tuple[str, ...]:
        """Whom a person has paused; hardly ever anybody."""
        return tuple(self._found("pauses").indexes[0].of(_ALL))

    def files_broken(self) -> list[Scope]:
        """Switches of files in whose place an earlier text is used: while there are any, no rule acts by itself."""
        on = [Scope.parse(key) for key in self.kills.indexes[0].of(_ALL)]
        return [scope for scope in on if scope.kind is ScopeKind.file]

    def rules_stopped(self) -> str:
        """Why no rule acts by itself just now; empty when they may."""
        broken = self.files_broken() if self.any_kill() else None
        return f"kill switch {broken[0]} is on: nothing is sent by a rule" if broken else ""

    def open_placement(self, order_id: str) -> Placement | None:
        """The acceptance of this order that waits for its answer.

        There is at most one, but where a dealer has taken a fill back of an earlier one and may fill it once more.
        """
        latest = self.placements.get(self.orders[order_id].placement_id)
        if latest is None or latest.unanswered:
            return latest
        return next((each for each in self.placements_of(order_id) if each.unanswered), None)

    # --- what is open, oldest first; what was over and is open again, last ----------------------------

    def open_orders(self) -> list[Order]:
        return _rows(self.orders, 0, _ALL)

    def open_orders_in(self, security_id: str, side: Side) -> list[Order]:
        """Those on a bond and side."""
        return _rows(self.orders, 3, (security_id, side))

    def standing_orders(self, security_id: str, side: Side, day: int) -> list[Order]:
        """Orders of more than a day on a bond and side: those open, and those of an earlier day ended on this one."""
        return _rows(self.orders, 1, (security_id, side)) + _rows(self.orders, 1, (security_id, side, day))

    def open_rounds(self) -> list[Rfq]:
        return _rows(self.rfqs, 0, _ALL)

    def unanswered(self) -> list[Placement]:
        """Every acceptance that waits for its dealer's answer."""
        sessions = self.placements.indexes[0].groups()
        found = [each for session in sessions for each in _rows(self.placements, 0, session)]
        return sorted(found, key=lambda each: each.outbox_id)

    def unanswered_at(self, session: str) -> list[Placement]:
        return _rows(self.placements, 0, session)

    def unanswered_as(self, session: str, dealer_order_id: str) -> list[Placement]:
        """Those that the dealer knows by this OrderID(37)."""
        return _rows(self.placements, 2, (session, dealer_order_id))

    def known_as(self, session: str, dealer_order_id: str) -> list[Placement]:
        """All that the dealer ever knew by this OrderID(37); none where it calls too many the same."""
        return self._few_placements(3, (session, dealer_order_id))

    def taking_quote(self, session: str, quote_id: str) -> list[Placement]:
        """Those that took a quote of this QuoteID(117); none where the dealer calls too many quotes the same."""
        return self._few_placements(4, (session, quote_id))

    def filled_as(self, session: str, dealer_exec_id: str) -> list[Placement]:
        """Those with a fill of this ExecID(17); none where the dealer calls too many fills the same."""
        if self.fills.indexes[1].count((session, dealer_exec_id)) > _NAMESAKES_MAX:
            return []
        fills = [booked.fill for booked in _rows(self.fills, 1, (session, dealer_exec_id))]
        found = (self.placements.get(fill.placement_id) for fill in fills)
        return [each for each in found if each is not None]

    def _few_placements(self, index: int, group: Group) -> list[Placement]:
        if self.placements.indexes[index].count(group) > _NAMESAKES_MAX:
            return []
        return _rows(self.placements, index, group)

    def changes_waiting_for(self, session: str, dealer_exec_id: str) -> list[Quarantined]:
        """What takes the fill of this ExecID(17) back, or corrects it, and came before it; first to last."""
        return _rows(self.quarantine, 4, (session, dealer_exec_id))

    def in_quarantine(self, placement_id: str) -> Decimal:
        """Face amount of the fills of an acceptance that wait for a person."""
        return sum((kept.quantity for kept in self.quarantined_of(placement_id) if kept.is_fill), ZERO)

    def quarantined_of(self, placement_id: str) -> list[Quarantined]:
        """The fills of an acceptance that wait for a person."""
        return _rows(self._found("quarantine"), 0, placement_id)

    def open_quarantine(self) -> list[Quarantined]:
        """Fills that wait for a person, oldest first."""
        return _rows(self.quarantine, 1, _ALL)

    def quarantine_waits(self) -> int:
        """How many there are of `open_quarantine`."""
        return self.quarantine.indexes[1].count(_ALL)

    def quarantined_as(self, key: str) -> Quarantined | None:
        """The last fill of this key that was in quarantine, settled or not."""
        rows = _rows(self._found("quarantine"), 2, key)
        return rows[-1] if rows else None

    def taken_back_as(self, key: str) -> Quarantined | None:
        """A fill of this key that was in quarantine when its dealer took it back."""
        rows = _rows(self._found("quarantine"), 2, key)
        return next((kept for kept in rows if kept.verdict is Verdict.taken_back), None)

    def dealers_to_tell(self, session: str = "") -> list[Quarantined]:
        """Rejected fills whose dealer is still to be told, of one session or of all."""
        sessions = (session,) if session else self.quarantine.indexes[3].groups()
        return [kept for each in sessions for kept in _rows(self.quarantine, 3, each)]

    def pending_reversions(self) -> list[PendingReversion]:
        return _rows(self.reversions, 0, _ALL)

    def reversions_pending(self) -> int:
        """How many there are of `pending_reversions`."""
        return self.reversions.indexes[0].count(_ALL)

    def rounds_and_fills_to_mark(self) -> list[str]:
        """The keys of `marks_due`: rounds and fills that marks are still to follow."""
        return list(self.marks_due.keys())

    # --- credit ----------------------------------------------------------------------------------------

    def any_credit(self) -> bool:
        """Does any credit limit stand?"""
        return self._found("credit").indexes[0].count(_ALL) > 0

    def credit_limit(self, scope: CreditScope) -> CreditLimit | None:
        """The limit of this scope that stands."""
        limit = self.credit.get(str(scope))
        return limit if limit is not None and limit.stands else None

    def dealt_on(self, scope: CreditScope, day: int) -> Decimal:
        """Face amount that was filled on a UTC day, in the base currency."""
        return self.dealt.get(dealt_key(scope, day)) or ZERO

    # --- currencies ------------------------------------------------------------------------------------

    def rates_of(self, pair: str) -> list[Rate]:
        """What each source told of both currencies of a pair last, whichever it named first."""
        return _rows(self._found("rates"), 0, currencies_of(pair))

    # --- what dealers advertise ------------------------------------------------------------------------

    def axe_of(self, dealer: str, security_id: str, desk_side: Side, now_ns: int) -> Axe | None:
        """The dealer's latest live interest that is of use to an order of this side: a sell of its own for a buy."""
        row = self.axes.get(axe_key(dealer, security_id))
        live = row.live(now_ns) if row is not None else ()
        return next((axe for axe in reversed(live) if axe.desk_side is desk_side), None)

    def axe(self, dealer: str, axe_id: str, security_id: str) -> Axe | None:
        """The dealer's interest of that name, over or not: looked for in this bond first, then in all of its bonds."""
        row = self.axes.get(axe_key(dealer, security_id))
        rows = ([row] if row is not None else []) + self.axes_by_dealer(dealer)
        return next((axe for row in rows for axe in row.axes if axe.axe_id == axe_id), None)

    def axes_of(self, dealer: str, security_id: str, now_ns: int) -> tuple[Axe, ...]:
        """A dealer's live interests in one bond, oldest first."""
        row = self.axes.get(axe_key(dealer, security_id))
        return row.live(now_ns) if row is not None else ()

    def axes_of_dealer(self, dealer: str, now_ns: int) -> list[Axe]:
        return [axe for row in self.axes_by_dealer(dealer) for axe in row.live(now_ns)]

    def axes_in(self, security_id: str, now_ns: int) -> list[Axe]:
        """Everybody's live interests in one bond; nothing to look at where nobody has any."""
        return [axe for row in _rows(self._found("axes"), 1, security_id) for axe in row.live(now_ns)]

    def axes_for(self, security_id: str, desk_side: Side, now_ns: int) -> tuple[Axe, ...]:
        """Of every dealer that has one, the latest live interest that is of use to an order of this side."""
        latest = {axe.dealer: axe for axe in self.axes_in(security_id, now_ns) if axe.desk_side is desk_side}
        return tuple(latest[dealer] for dealer in sorted(latest))

    def axes_by_dealer(self, dealer: str) -> list[Axes]:
        """Rows with interests of this dealer, over or not."""
        return _rows(self.axes, 0, dealer)

    def axes_kept(self, dealer: str) -> int:
        """How many interests of this dealer there are, over or not."""
        return self.counters.get(f"axes:{dealer}") or 0

    # --- what belongs to an order, first to last -----------------------------------------------------

    def rounds_of(self, order_id: str) -> list[Rfq]:
        return _rows(self.rfqs, 1, order_id)

    def placements_of(self, order_id: str) -> list[Placement]:
        return _rows(self.placements, 1, order_id)

    def fills_of(self, order_id: str) -> list[Fill]:
        """Those that stand: none that the dealer took back."""
        return [booked.fill for booked in _rows(self.fills, 0, order_id) if not booked.canceled]

    def executions_of(self, order_id: str) -> list[tuple[str, BookedFill]]:
        """Every fill with its key, those taken back among them."""
        return [(key, self.fills[key]) for key in self.fills.indexes[0].of(order_id)]

    def fills_named(self, session: str, dealer_exec_id: str) -> list[Fill]:
        """Those that came over a session under this ExecID(17), or were corrected under it; none if they are many."""
        named = (session, dealer_exec_id)
        if self.fills.indexes[1].count(named) > _NAMESAKES_MAX:
            return []
        corrected = [self.changes[key].fill_key for key in self.changes.indexes[0].of(named)]
        return [self.fills[key].fill for key in dict.fromkeys((*self.fills.indexes[1].of(named), *corrected))]

    def changes_of(self, fill_key: str) -> list[TradeChange]:
        """Every word of the dealer that took a fill back or corrected it."""
        return _rows(self.changes, 1, fill_key)

    def fills_at(self, placement: Placement) -> list[Fill]:
        """Those of one acceptance that stand."""
        return [each for each in self.fills_of(placement.order_id) if each.placement_id == placement.placement_id]

    def executions_at(self, placement: Placement) -> list[tuple[str, BookedFill]]:
        """Every fill of one acceptance with its key, those taken back among them."""
        mine = placement.placement_id
        return [each for each in self.executions_of(placement.order_id) if each[1].fill.placement_id == mine]

    def fill_named(self, key: str, exec_id: str) -> Fill | None:
        """The fill of this key that has this ExecID(17) of ours."""
        for each in (key, f"{key}|{exec_id}"):
            booked = self.fills.get(each)
            if booked is not None and booked.fill.exec_id == exec_id:
                return booked.fill
        return None

    def order_sessions(self) -> tuple[str, ...]:
        """Sessions that orders ever came over; empty for a trader's own."""
        return tuple(str(session) for session in self.orders.indexes[2].groups())


def _rows(table: Table[V], index: int, group: Group) -> list[V]:
    return [table[key] for key in table.indexes[index].of(group)]


def _row_hash(table: str, key: str, row: object) -> int:
    text = orjson.dumps(row, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    return int.from_bytes(hashlib.sha256(f"{table}|{key}|".encode() + text).digest(), "big")


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a row holds {type(value).__name__}, which has no canonical form")
