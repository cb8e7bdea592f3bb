"""A whole desk for tests: invented bonds and dealers, a past that makes every dealer's score different, and hands.

`seeded_desk()` gives a `DeskWorld`: the desk without sessions, disk or loop. `command` is a person at the admin
socket, `hear` a counterparty, `advance` time. What was decided is folded into state and stats as the running engine
does it, and what would have gone out is kept in `sends`.

The bonds, the dealers and their past are those of `desk_past`; the rule book is the one that ships.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from desk_past import DEALERS, PAST, SECURITIES, Past, past_events
from desk_start import Start, start

from engine.clock import NS_PER_S, Instant
from engine.commands import answering
from engine.dealers.book import Dealer, DealerBook
from engine.dealers.estimates import EstimateParameters
from engine.dealers.stats import DealerStats
from engine.desk import decide, deliveries
from engine.desk.apply import apply
from engine.desk.classic_lessons import learn, observe
from engine.desk.draft import AskedOneByOne, Draft, Send
from engine.desk.fields import catalogue
from engine.desk.learning import Learning
from engine.desk.notices import Notice, notices
from engine.desk.setting import Desk, RfqClocks, RiskLimits
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.instrument import Security
from engine.domain.keys import Timer
from engine.domain.order import Handling, Side
from engine.domain.rfq import QuoteKind
from engine.market.marks import Mark, MarkBook, Quality
from engine.rules.program import Book, compile_book
from engine.rules.source import Source
from engine.selection.ranking import Rankings
from engine.selection.request import Parameters

RULES = Path(__file__).parents[2] / "config" / "rules"


def shipped_book(dealers: Sequence[str]) -> Book:
    """The rule book in config/rules."""
    return compiled(
        tuple(Source(path.name, path.read_text()) for path in sorted(RULES.glob("*.rules"))), tuple(dealers)
    )


@lru_cache(maxsize=64)
def compiled(sources: tuple[Source, ...], dealers: tuple[str, ...]) -> Book:
    """A rule book; a book is never written to, so tests share it."""
    return compile_book(sources, catalogue(dealers))


def make_desk(
    *,
    securities: Sequence[Security] = SECURITIES,
    dealers: Sequence[Dealer] = DEALERS,
    book: Book | None = None,
    **risk: Any,
) -> Desk:
    """A desk without a past or a price. `risk` changes limits."""
    stats = DealerStats()
    known = DealerBook(dealers)
    limits = RiskLimits(
        notional_max=Decimal(50_000_000),
        open_rfqs_max=50,
        price_collar_bps=200.0,
        duplicate_window_ns=60 * NS_PER_S,
    )
    return Desk(
        base_currency="USD",
        risk=replace(limits, **risk),
        clocks=RfqClocks(
            wait_ns=120 * NS_PER_S,
            decide_ns=30 * NS_PER_S,
            guard_ns=NS_PER_S // 4,
            stale_order_ns=60 * NS_PER_S,
            mark_age_ns_max=900 * NS_PER_S,
            undelivered_ask_ns=5 * NS_PER_S,
            reversion_ns=1800 * NS_PER_S,
        ),
        dealers=known,
        securities={each.security_id: each for each in securities},
        marks=MarkBook(),
        stats=stats,
        rankings=Rankings(stats, known.ids),
        learning=Learning(EstimateParameters()),
        parameters=Parameters(),
        book=book if book is not None else shipped_book(known.ids),
        scoring_hash="scoring-of-the-tests",
        drop_copies=("dropcopy",),
    )


# --- the world -----------------------------------------------------------------------------------


class FakePhase(StrEnum):
    active = "active"
    disconnected = "disconnected"


@dataclass(slots=True)
class FakeSession:
    """One session as far as the desk looks at it."""

    phase: FakePhase = FakePhase.active


@dataclass(frozen=True, slots=True)
class ClosedUntil:
    """The hours of a session that is closed."""

    words: str

    def closed(self, utc_ns: int) -> str:
        return f"closed until {self.words}"

    def period_start(self, utc_ns: int) -> int:
        return 0


@dataclass(slots=True)
class FakeMachine:
    """The sessions beside the desk, as `Machine` shows them."""

    sessions: dict[str, FakeSession]

    def known(self) -> dict[str, FakeSession]:
        return self.sessions

    def session_up(self, key: str) -> bool:
        return self.sessions[key].phase is FakePhase.active


@dataclass(slots=True)
class DeskWorld:
    """A desk, its state, and everything that was recorded, sent and told."""

    desk: Desk
    machine: FakeMachine
    state: DeskState = field(default_factory=DeskState)
    begun: Start = field(default_factory=start)
    now: Instant = field(default_factory=lambda: Instant(start().monotonic_ns, start().utc_ns))
    lives: dict[str, Any] = field(default_factory=lambda: start().lives)
    """TimeInForce(59) and end of an order for which a test names none."""
    down: set[str] = field(default_factory=set)
    """Sessions that are not up."""
    events: list[e.Event] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    outbox_id: int = 100_000
    turns: int = 0
    """Of today: what counterparties call their messages is counted from it, and begins anew with the day."""
    drawn: int = 0
    """Turns that ever drew entropy: our own identifiers never come again."""

    def close(self, session: str, until: str) -> None:
        """Its hours are over."""
        self.down.add(session)
        self.machine.sessions[session].phase = FakePhase.disconnected
        self.desk.hours = {**self.desk.hours, session: ClosedUntil(until)}

    def draft(self) -> Draft:
        self.turns += 1
        self.drawn += 1
        entropy = self.drawn.to_bytes(16, "big")
        return Draft(
            self.desk,
            self.now,
            entropy,
            self.outbox_id,
            AskedOneByOne(lambda key: key not in self.down),
            DeskState(below=self.state),
        )

    def keep(self, draft: Draft) -> None:
        """Adopt a draft, and keep what it would have sent."""
        self.state.adopt(draft.state)
        learn(self.desk.stats, draft.lessons)
        for event in draft.events:
            self.desk.costs.fold(self.state, event)
        deliveries.adopt(self.desk, draft.heard, draft.now_ns)
        self.events += draft.events
        self.sends += draft.sends
        self.notices += notices(draft.events, draft.pages, self.state, len(self.events))
        self.outbox_id = draft.outbox_id

    def command(self, name: str, actor: str = "kim", role: str = "trader", **params: Any) -> dict[str, Any]:
        """A person's command, kept. `order__show` and `order.show` are the same. Raises CommandError, nothing kept."""
        draft = self.draft()
        result = answering.run_on_desk(draft, name.replace("__", "."), params, actor, role, self.machine)
        self.keep(draft)
        return result

    def hear(self, session: str, heard: m.Heard, role: str = "dealer") -> None:
        draft = self.draft()
        decide.hear(draft, session, role, heard)
        self.keep(draft)

    def order(self, security: Security, side: str, quantity: int, **changes: Any) -> str:
        """An order of the OMS; its number at the desk."""
        values: dict[str, Any] = {
            "cl_ord_id": f"oms{self.turns}",
            "account": "FUND-A",
            "security_id": security.security_id,
            "side": Side(side),
            "quantity": Decimal(quantity),
            "limit_price": None,
            **self.lives,
            "handling": Handling.automatic,
            "currency": security.currency,
            "transact_ns": self.now.utc_ns,
        }
        order_id = self.state.next_id("orders", "O")
        self.hear("oms", m.NewOrder(**{**values, **changes}), role="oms")
        return order_id

    def quote(self, name: str, price: str, *, order_id: str, firm_s: int = 30) -> None:
        """A two-way executable quote of a dealer for the order's open request: `price` on our side."""
        rfq = self.state.rfqs[self.state.orders[order_id].rfq_id]
        ask = rfq.ask_of(name)
        assert ask is not None, f"{name} was not asked"
        value = Decimal(price)
        buying = rfq.side is Side.buy
        answer = m.QuoteAnswer(
            quote_req_id=ask.quote_req_id,
            quote_id=f"{name}-{self.turns}",
            security_id=self.state.orders[order_id].terms.security_id,
            kind=QuoteKind.tradeable,
            bid=value - 1 if buying else value,
            offer=value if buying else value + 1,
            bid_quantity=rfq.quantity,
            offer_quantity=rfq.quantity,
            valid_until_ns=self.now.utc_ns + firm_s * NS_PER_S,
        )
        self.hear(name, answer)

    def fill(
        self,
        order_id: str,
        quantity: int | None = None,
        price: str | None = None,
        exec_id: str = "X1",
        settl_date: str | None = None,
    ) -> None:
        """The dealer's fill of the order's acceptance."""
        placement = self.state.placements[self.state.orders[order_id].placement_id]
        done = Decimal(quantity) if quantity is not None else placement.quantity
        report = m.DealerReport(
            word=m.DealerWord.filled,
            cl_ord_id=placement.placement_id,
            orig_cl_ord_id="",
            order_id="D1",
            exec_id=exec_id,
            security_id=placement.security_id,
            side=placement.side,
            last_quantity=done,
            last_price=Decimal(price) if price is not None else placement.price,
            cum_quantity=done,
            leaves_quantity=placement.quantity - done,
            average_price=placement.price,
            trade_date=self.begun.trade_date,
            settl_date=self.begun.settl_date if settl_date is None else settl_date,
            transact_ns=self.now.utc_ns,
            status="2" if done == placement.quantity else "1",
            as_came=f"8=FIX.4.4\x019=90\x0135=8\x0111={placement.placement_id}\x0117={exec_id}\x0131={price}\x0110=000\x01",
        )
        self.hear(placement.session, report)

    def price(self, security: Security, price: str) -> None:
        """A composite mark, now."""
        mark = Mark(security.security_id, Decimal(price), self.now.utc_ns, "marks", Quality.COMPOSITE)
        assert self.desk.marks.update(mark)

    def mark(self, *securities: Security) -> None:
        """The source of the marks says the same again, now: of these bonds, or of every bond that has a mark."""
        for security in securities or self.desk.securities.values():
            known = self.desk.marks.marks(security.security_id)
            if known:
                self.price(security, str(known[0].price))

    def step_clock(self, by_s: float) -> None:
        """The wall clock is set; the other one goes on."""
        self.now = Instant(self.now.monotonic_ns, self.now.utc_ns + int(by_s * NS_PER_S))

    def advance(self, seconds: float) -> None:
        """Let time pass: every timer that falls due on the way fires at its time. Marks grow old."""
        assert seconds >= 0, "time goes on"
        end_ns = self.now.utc_ns + int(seconds * NS_PER_S)
        for _ in range(10_000):
            due = [(at, key) for key in decide.open_keys(self.state) if (at := self._deadline(key)) is not None]
            at = min((at for at, _ in due), default=end_ns + 1)
            if at > end_ns:
                break
            self._at(max(at, self.now.utc_ns))
            for key in sorted(key for other, key in due if other == at):
                draft = self.draft()
                decide.due(draft, key)
                draft.wake(key)  # Whoever was woken is looked at again, whatever came of it.
                self.keep(draft)
        else:
            raise AssertionError("a timer fires without end")
        self._at(end_ns)

    def said(self, kind: type) -> list[Any]:
        """Everything of one kind that was given to the outbox, in order."""
        return [send.said for send in self.sends if isinstance(send.said, kind)]

    def recorded(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def _deadline(self, key: Timer) -> int | None:
        return decide.deadline_of(
            self.state, key, self.desk.clocks, lambda session: session not in self.down, self.now.utc_ns
        )

    def _at(self, utc_ns: int) -> None:
        """It is later now, on both clocks."""
        self.now = Instant(self.now.monotonic_ns + utc_ns - self.now.utc_ns, utc_ns)


def make_world(desk: Desk) -> DeskWorld:
    """A desk with a price for every bond, every session up and no past."""
    keys = ("oms", "dropcopy", *(each.session for each in desk.dealers))
    world = DeskWorld(desk, FakeMachine({key: FakeSession() for key in keys}))
    for security in desk.securities.values():
        world.price(security, str(security.price))
    return world


def seeded_desk(pasts: Sequence[Past] = PAST, **desk: Any) -> DeskWorld:
    """The desk of `make_desk` with its past."""
    world = make_world(make_desk(**desk))
    for event in past_events(pasts):
        apply(world.state, event)
        observe(world.desk.stats, world.state, event)
    return world
