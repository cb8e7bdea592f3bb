"""One order at a desk without a past: a rule book with one rule per way of working, and every word a dealer can say.

The account picks the rule, so that a test names what it is about: `scene().order(BOND, "buy", 1_000_000,
account="WHISPER")`. Nobody has a score: ties go by name, so `ash`, `beech` and `cedar` are asked, in this order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from desk_builder import DeskWorld, compiled, make_desk, make_world
from desk_past import DEALERS, HIGH_YIELD, LIQUID
from desk_start import NOON, Start

from engine.clock import NS_PER_DAY, NS_PER_S, Instant, utc_day
from engine.dealers.book import Dealer
from engine.desk import decide
from engine.desk.apply import apply
from engine.desk.notices import Notice
from engine.desk.state import DeskState
from engine.desk.state_rows import exposure_key
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.instrument import Security
from engine.domain.order import Order, Side, TimeInForce
from engine.domain.placement import Placement, Telling
from engine.domain.rfq import Ask, QuoteKind, Rfq
from engine.rules.program import Book
from engine.rules.source import Source

BOND = LIQUID
"""Priced at 100 with a DV01 of 0.055."""
MM = 1_000_000

RULES = """
rule "auto" when account == AUTO
  ask top 3  wait 60s  send automatically
  execute automatically when within 15bp price of fair and at least 2 quotes, else ask trader
rule "strict" when account == STRICT
  ask top 3  wait 60s  send automatically
  execute automatically when within 15bp price of fair and at least 2 quotes
rule "single" when account == SINGLE
  ask top 3  wait 60s  send automatically
  execute automatically when within 15bp price of fair, else ask trader
rule "yield" when account == YIELD
  ask top 1  wait 60s  send automatically
  execute automatically when within 4bp yield of fair, else ask trader
rule "cents" when account == CENTS
  ask top 1  wait 60s  send automatically
  execute automatically when within 10 cents of fair, else ask trader
rule "parallel" when account == PARALLEL
  ask top 3  wait 60s  send automatically
rule "stagger" when account == SPACED
  ask top 3  stagger 5s  wait 60s  send automatically
rule "whisper" when account == WHISPER
  ask top 3 one at a time, wait 20s, accept within 25bp price of fair
  send automatically
rule "whisper auto" when account == WHISPERAUTO
  ask top 3 one at a time, wait 20s, accept within 25bp price of fair
  send automatically
  execute automatically when within 25bp price of fair, else ask trader
rule "by hand" when true
  ask top 3  wait 60s
"""
PROTECT = """
protect "large" when notional >= 2mm
  stagger 5s
  at most 2 dealers
"""


def book(text: str, dealers: Sequence[str]) -> Book:
    return compiled((Source("scene.rules", text),), tuple(dealers))


@dataclass(slots=True)
class Scene(DeskWorld):
    """A world with short names for what the one order of a test is about."""

    before: list[e.Event] = field(default_factory=list)
    """Events of the day before, if there was one; `events`, `sends` and `notices` are today's."""
    _old: dict[str, frozenset[str]] = field(default_factory=dict)
    """Keys of the rows that yesterday left, by table."""

    # --- looking ---------------------------------------------------------------------------------

    def today(self, table: str) -> dict[str, Any]:
        """Rows of a table that were not there yesterday, by key, oldest first."""
        old = self._old.get(table, frozenset())
        return {key: row for key, row in getattr(self.state, table).items() if key not in old}

    def left(self, table: str) -> int:
        """How many rows yesterday left in a table."""
        return len(self._old.get(table, ()))

    def id(self, number: int = 1) -> str:
        """The identifier of today's first order, or of the n-th."""
        return f"O-{self.left('orders') + number:06d}"

    def short(self, number: int = 1) -> str:
        """The same as a person types it."""
        return str(int(self.id(number).removeprefix("O-")))

    def the(self, order_id: str) -> Order:
        return self.state.orders[order_id]

    def rfq(self, order_id: str) -> Rfq:
        return self.state.rfqs[self.the(order_id).rfq_id]

    def ask(self, order_id: str, dealer: str) -> Ask:
        ask = self.rfq(order_id).ask_of(dealer)
        assert ask is not None, f"{dealer} was not asked"
        return ask

    def placement(self, order_id: str) -> Placement:
        return self.state.placements[self.the(order_id).placement_id]

    def asked(self) -> list[str]:
        """Dealers in the order in which requests were given to the outbox."""
        return [said.dealer for said in self.said(m.AskDealer)]

    def accepted(self) -> list[str]:
        return [said.dealer for said in self.said(m.AcceptQuote)]

    def reports(self, copy: bool = False) -> list[m.OrderReport]:
        """What the order session, or the drop copy, was told, without status answers."""
        sends = [send for send in self.sends if isinstance(send.said, m.OrderReport) and send.copy is copy]
        return [send.said for send in sends if send.said.kind is not m.ReportKind.status]

    def kinds(self) -> list[str]:
        """ExecType(150) and OrdStatus(39) of every report to the OMS."""
        return [f"{each.kind.value}/{each.ord_status}" for each in self.reports()]

    def pages(self) -> list[Notice]:
        return [each for each in self.notices if each.topic == "page"]

    # --- the OMS ---------------------------------------------------------------------------------

    def cancel(self, order_id: str, cl_ord_id: str = "cancel1", **changes: Any) -> None:
        """OrderCancelRequest(F) of the OMS."""
        terms = self.the(order_id).terms
        values: dict[str, Any] = {
            "cl_ord_id": cl_ord_id,
            "orig_cl_ord_id": terms.cl_ord_id,
            "security_id": terms.security_id,
            "side": terms.side,
        }
        self.hear("oms", m.CancelOrder(**{**values, **changes}), role="oms")

    def replace(self, order_id: str, cl_ord_id: str = "g1", quantity: int | None = None, **changes: Any) -> None:
        """OrderCancelReplaceRequest(G) of the OMS: all as it stands but what is changed."""
        terms = self.the(order_id).terms
        values: dict[str, Any] = {
            "cl_ord_id": cl_ord_id,
            "orig_cl_ord_id": terms.cl_ord_id,
            "account": terms.account,
            "security_id": terms.security_id,
            "side": terms.side,
            "quantity": terms.quantity if quantity is None else Decimal(quantity),
            "limit_price": terms.limit_price,
            "tif": None,
            "expire_ns": None,
            "handling": None,
            "currency": terms.currency,
            "transact_ns": self.now.utc_ns,
        }
        self.hear("oms", m.ReplaceOrder(**{**values, **changes}), role="oms")

    def status(self, cl_ord_id: str, session: str = "oms") -> m.OrderReport:
        """OrderStatusRequest(H), and its answer."""
        role = "dropcopy" if session == "dropcopy" else "oms"
        self.hear(session, m.AskOrderStatus(cl_ord_id, BOND.security_id, Side.buy), role=role)
        send = self.sends[-1]
        assert isinstance(send.said, m.OrderReport)
        assert (send.said.kind, send.session) == (m.ReportKind.status, session)
        return send.said

    # --- a dealer --------------------------------------------------------------------------------

    def says(self, dealer: str, price: str | None, order_id: str, **changes: Any) -> None:
        """Quote(S): a firm price on our side for the whole size, for 30 seconds, unless changed."""
        rfq = self.rfq(order_id)
        value = Decimal(price) if price is not None else None
        buying = rfq.side is Side.buy
        values: dict[str, Any] = {
            "quote_req_id": self.ask(order_id, dealer).quote_req_id,
            "quote_id": f"{dealer}-{self.turns}",
            "security_id": self.the(order_id).terms.security_id,
            "kind": QuoteKind.tradeable,
            "bid": None if buying else value,
            "offer": value if buying else None,
            "bid_quantity": None,
            "offer_quantity": None,
            "valid_until_ns": self.now.utc_ns + 30 * NS_PER_S,
        }
        self.hear(dealer, m.QuoteAnswer(**{**values, **changes}))

    def declines(self, dealer: str, order_id: str, reason: str = "pass") -> None:
        self.hear(dealer, m.QuoteDecline(self.ask(order_id, dealer).quote_req_id, reason))

    def withdraws(self, dealer: str, order_id: str, quote_id: str = "") -> None:
        self.hear(dealer, m.QuoteWithdrawal(self.ask(order_id, dealer).quote_req_id, quote_id))

    def reports_of(self, order_id: str, word: m.DealerWord, /, **changes: Any) -> None:
        """ExecutionReport(8) of the dealer that holds the order's latest acceptance."""
        placement = self.placement(order_id)
        values: dict[str, Any] = {
            "word": word,
            "cl_ord_id": placement.placement_id,
            "orig_cl_ord_id": "",
            "order_id": "D1",
            "exec_id": f"X{self.turns}",
            "security_id": placement.security_id,
            "side": placement.side,
            "last_quantity": None,
            "last_price": None,
            "cum_quantity": None,
            "leaves_quantity": None,
            "average_price": None,
            "trade_date": self.begun.trade_date,
            "settl_date": self.begun.settl_date,
            "transact_ns": self.now.utc_ns,
        }
        self.hear(changes.pop("session", placement.session), m.DealerReport(**{**values, **changes}))

    def rejects(self, order_id: str, text: str = "last look") -> None:
        self.reports_of(order_id, m.DealerWord.rejected, text=text, status="8")

    def fills(self, order_id: str, quantity: int | None = None, price: str | None = None, **changes: Any) -> None:
        placement = self.placement(order_id)
        done = Decimal(quantity) if quantity is not None else placement.quantity
        values: dict[str, Any] = {
            "last_quantity": done,
            "last_price": Decimal(price) if price is not None else placement.price,
            "cum_quantity": placement.filled + done,
        }
        self.reports_of(order_id, m.DealerWord.filled, **{**values, **changes})

    def reports_of_nothing(self, dealer: str) -> None:
        """A fill of an order we never gave: it goes into quarantine."""
        values = (m.DealerWord.filled, "never", "", "D9", "X9", BOND.security_id, Side.buy, Decimal(MM), Decimal(100))
        done = (Decimal(MM), Decimal(0), Decimal(100), self.begun.trade_date, self.begun.settl_date, self.now.utc_ns)
        self.hear(dealer, m.DealerReport(*values, *done))

    def answers_status(self, order_id: str, status: str, **changes: Any) -> None:
        """The answer to our OrderStatusRequest(H): OrdStatus(39) and what it says beside."""
        self.reports_of(order_id, m.DealerWord.status, status=status, **changes)

    # --- the wire --------------------------------------------------------------------------------

    def drop(self, session: str) -> None:
        """The session ceases to be active."""
        self.down.add(session)
        draft = self.draft()
        decide.session_down(draft, session, "connection_lost", "cut", "network")
        self.keep(draft)

    def restore(self, session: str) -> None:
        self.down.discard(session)
        draft = self.draft()
        decide.session_up(draft, session, "dealer", 1)
        self.keep(draft)

    def withhold(self, outbox_id: int, reason: str = "kill switch all is on") -> None:
        """The release step kept a committed message back."""
        draft = self.draft()
        decide.not_sent(draft, outbox_id, reason)
        self.keep(draft)

    def fill_over(self, outbox_id: int) -> None:
        """A resend left a committed message as a gap fill."""
        draft = self.draft()
        decide.gap_filled(draft, outbox_id)
        self.keep(draft)

    # --- prices ----------------------------------------------------------------------------------

    def no_price(self) -> None:
        """The bond has no mark any more."""
        for mark in self.desk.marks.marks(BOND.security_id):
            self.desk.marks.withdraw(BOND.security_id, mark.source)


S = TypeVar("S", bound=Scene)


def scene(rules: str = RULES, dealers: Sequence[Dealer] = DEALERS, **desk: Any) -> Scene:
    """A desk with the given rules, everybody connected, every bond priced, nothing done yet today."""
    return scene_of(Scene, rules, dealers, **desk)


def scene_of(kind: type[S], rules: str = RULES, dealers: Sequence[Dealer] = DEALERS, **desk: Any) -> S:
    """`scene` of a test's own class of scenes."""
    world = make_world(make_desk(dealers=dealers, book=book(rules, [each.id for each in dealers]), **desk))
    found = kind(world.desk, world.machine)
    if found.begun.yesterday:
        remember_yesterday(found)
    return found


_lived: dict[tuple[Start, tuple[Security, ...]], tuple[tuple[e.Event, ...], int, int]] = {}
"""By start and bonds: the events of the day before, the last number of the outbox, how often it was drawn."""


def remember_yesterday(world: Scene) -> None:
    """As if the day before had been lived, which takes twenty times as long: the state is the fold of its events.

    It is lived once a start, and by a class of scenes that looks itself over after every turn.
    """
    desk = world.desk
    key = (world.begun, tuple(desk.securities.values()))
    if type(world).keep is not Scene.keep:
        live_yesterday(world)
        return
    if key not in _lived:
        live_yesterday(world)
        _lived[key] = tuple(world.before), world.outbox_id, world.drawn
        return
    events, world.outbox_id, world.drawn = _lived[key]
    for event in events:
        apply(world.state, event)
        desk.costs.fold(world.state, event)
    begin_today(world, list(events))


def live_yesterday(world: Scene) -> None:
    """A day goes by before the scene begins: what can look like today's is there under the same names.

    Same bond, side, sizes and accounts; ClOrdID(11), QuoteID(117) and ExecID(17) begin anew every day. Every way in
    which an order and an acceptance end, a protection, a kill switch, a fill in quarantine. One order on another bond
    still stands. The stats know nothing of it, so that ties still go by name.
    """
    desk, begun = world.desk, world.begun
    midnight_ns = begun.utc_ns // NS_PER_DAY * NS_PER_DAY
    todays = {name: getattr(desk, name) for name in ("dealers", "book", "rankings", "stats", "marks", "risk")}
    yesterdays = make_desk(book=book(PROTECT + RULES, [each.id for each in DEALERS]))
    for name in todays:
        setattr(desk, name, getattr(yesterdays, name))
    world.now = Instant(begun.monotonic_ns, midnight_ns - 4 * 3600 * NS_PER_S)
    world.lives = NOON.lives
    _price_all(world)

    filled = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", filled)
    world.command("execute", order=filled)
    world.fills(filled)
    refused = world.order(BOND, "buy", MM, account="AUTO")
    world.says("ash", "99.95", refused)
    world.advance(5)
    world.says("beech", "99.97", refused)
    world.rejects(refused)
    world.rejects(refused)
    world.advance(31 * 60)
    large = world.order(BOND, "buy", 3 * MM, account="WHISPER")
    world.declines("ash", large)
    world.cancel(large, "cancel1")
    stopped = world.order(BOND, "sell", MM, account="PARALLEL")
    world.command("kill", scope="dealer:ash", on=True, reason="yesterday's")
    world.command("kill", scope="dealer:ash", on=False, reason="yesterday's", role="operator")
    world.reports_of_nothing("ash")
    # It lives on, so that nothing of today may be called as it is.
    lives = {"tif": TimeInForce.gtd, "expire_ns": begun.utc_ns + 20 * NS_PER_DAY}
    world.order(HIGH_YIELD, "sell", MM, account="HAND", cl_ord_id="standing", **lives)
    world.advance((midnight_ns - world.now.utc_ns) / NS_PER_S - 120)
    late = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", late, valid_until_ns=midnight_ns + 3600 * NS_PER_S)
    world.advance((begun.utc_ns - world.now.utc_ns) / NS_PER_S)
    assert not any(world.the(order_id).open for order_id in (filled, refused, large, stopped, late))

    for name, value in todays.items():
        setattr(desk, name, value)
    begin_today(world, world.events)


def begin_today(world: Scene, before: list[e.Event]) -> None:
    """What was until now is of the day before."""
    world.now = Instant(world.begun.monotonic_ns, world.begun.utc_ns)
    world.lives = world.begun.lives
    world.before = before
    world.events, world.sends, world.notices, world.turns = [], [], [], 0
    world._old = {name: frozenset(table.keys()) for name, table in world.state.tables()}


def _price_all(world: DeskWorld) -> None:
    for security in world.desk.securities.values():
        world.price(security, str(security.price))


def placed(account: str = "PARALLEL", **order: Any) -> tuple[Scene, str]:
    """An order whose best quote, 99.95 of ash, was taken by the trader; beech stands at 99.97, cedar at 100.05."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account=account, **order)
    world.says("cedar", "100.05", order_id)
    world.says("ash", "99.95", order_id)
    world.says("beech", "99.97", order_id)
    if not world.accepted():
        world.command("execute", order=order_id)
    assert world.accepted() == ["ash"]
    return world, order_id


def rows(state: DeskState) -> dict[str, dict[str, object]]:
    """Every row of every table, read through if the state is a draft."""
    return {name: dict(table.items()) for name, table in state.tables()}


def looked_up_and_walked(state: DeskState) -> Iterator[tuple[str, Any, Any]]:
    """What the indexes of a state find, and what walking over everything that ever was finds, question by question."""
    orders, rounds, placements = list(state.orders.values()), list(state.rfqs.values()), list(state.placements.values())
    yield "open orders", state.open_orders(), [each for each in orders if each.open]
    yield "open rounds", state.open_rounds(), [each for each in rounds if each.open]
    yield "unanswered", state.unanswered(), [each for each in placements if each.unanswered]
    pending = [each for each in state.reversions.values() if not each.done]
    yield "reversions", state.pending_reversions(), pending
    yield "number of reversions", state.reversions_pending(), len(pending)
    kept = list(state.quarantine.values())
    yield "in quarantine", state.open_quarantine(), [each for each in kept if each.open]
    yield "number in quarantine", state.quarantine_waits(), sum(each.open for each in kept)
    to_tell = sorted((each for each in kept if each.telling is Telling.waits), key=lambda each: each.fill_id)
    yield "dealers to tell", sorted(state.dealers_to_tell(), key=lambda each: each.fill_id), to_tell
    for key in {each.key for each in kept}:
        yield f"quarantined as {key}", state.quarantined_as(key), [each for each in kept if each.key == key][-1]
    for placement_id in {each.placement_id for each in kept}:
        of = [each for each in kept if each.open and each.placement_id == placement_id]
        waits = sum(each.quantity for each in of if each.is_fill)
        yield f"in quarantine of {placement_id}", state.in_quarantine(placement_id), waits
    yield "sessions", state.order_sessions(), tuple(dict.fromkeys(each.terms.session for each in orders))
    for session in {each.session for each in placements}:
        at = [each for each in placements if each.session == session and each.unanswered]
        yield f"unanswered at {session}", state.unanswered_at(session), at
    for order in orders:
        order_id = order.order_id
        yield f"rounds of {order_id}", state.rounds_of(order_id), [x for x in rounds if x.order_id == order_id]
        mine = [each for each in placements if each.order_id == order_id]
        yield f"placements of {order_id}", state.placements_of(order_id), mine
        done = [x.fill for x in state.fills.values() if x.fill.order_id == order_id and not x.canceled]
        yield f"fills of {order_id}", state.fills_of(order_id), done
    of_days = [x for x in orders if x.terms.expire_ns is None or x.terms.expire_ns > (x.facts.day + 1) * NS_PER_DAY]
    for bond, side in {(each.terms.security_id, each.terms.side) for each in orders}:
        same = [each for each in of_days if (each.terms.security_id, each.terms.side) == (bond, side)]
        for day in {each.facts.day for each in orders} | {utc_day(each.ended_ns) for each in orders if not each.open}:
            over = [x for x in same if not x.open and x.facts.day != day == utc_day(x.ended_ns)]
            over.sort(key=lambda each: (each.ended_ns, each.order_id))
            found = state.standing_orders(bond, side, day)
            still = [each for each in found if each.open]
            ended = sorted((x for x in found if not x.open), key=lambda each: (each.ended_ns, each.order_id))
            yield f"standing {bond} {side} {day}", [*still, *ended], [*(each for each in same if each.open), *over]


def exposure_of(world: DeskWorld, order: Order) -> str:
    return exposure_key(order.terms.security_id, order.terms.side, order.facts.day)
