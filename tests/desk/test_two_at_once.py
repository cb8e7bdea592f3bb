"""Two of everything at once: what becomes of an order is the same with and without another one beside it.

Two order sessions whose ClOrdIDs are alike, two bonds, two sides, two rules, the same dealers, the same QuoteIDs and
ExecIDs: whatever is kept under a key that is too short, or lent from one to the other, shows as a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import pytest
from desk_builder import make_desk, make_world
from desk_past import DEALERS, HIGH_YIELD, dealer
from desk_scene import BOND, MM, RULES, Scene, book, scene
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import NS_PER_DAY, NS_PER_S
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.instrument import Security
from engine.domain.order import Handling, Order, OrderState, Side, TimeInForce
from engine.domain.rfq import QuoteKind
from engine.errors import CommandError

pytestmark = pytest.mark.starts("noon")
"""What is compared are two worlds that begin alike, or rows that are counted from nothing."""

STEP_S: Final = 2
NAMES: Final = ("ash", "beech", "cedar")


@dataclass(slots=True)
class Story:
    """What one order's people do, a step at a time; it looks at nothing but its own order."""

    session: str
    account: str
    security: Security
    side: Side
    par: Decimal
    acts: list[tuple[str, int, int]]
    order_id: str = ""

    def begin(self, world: Scene) -> None:
        self.order_id = world.state.next_id("orders", "O")
        order = m.NewOrder(
            cl_ord_id="C1",
            account=self.account,
            security_id=self.security.security_id,
            side=self.side,
            quantity=Decimal(MM),
            limit_price=None,
            tif=TimeInForce.day,
            expire_ns=None,
            handling=Handling.automatic,
            currency=self.security.currency,
            transact_ns=world.now.utc_ns,
        )
        world.hear(self.session, order, role="oms")

    def act(self, world: Scene, step: int) -> None:
        name, a, b = self.acts[step]
        ACTS[name](self, world, a, b, step)

    def order(self, world: Scene) -> Order:
        return world.the(self.order_id)

    def asked(self, world: Scene, a: int) -> str:
        order = self.order(world)
        asks = world.state.rfqs[order.rfq_id].asks if order.rfq_id else ()
        return next((ask.dealer for ask in asks if ask.dealer == NAMES[a % 3] and ask.quote_req_id), "")


def quote(story: Story, world: Scene, a: int, b: int, step: int) -> None:
    name = story.asked(world, a)
    if name:
        price = story.par + story.side.sign * Decimal((-4, -2, 0, 3, 8)[b % 5]) / 100
        kind = QuoteKind.indicative if b == 9 else QuoteKind.tradeable
        until = world.now.utc_ns + (3, 7, 15, 40)[b % 4] * NS_PER_S
        world.says(name, str(price), story.order_id, quote_id=f"q{step % 3}", kind=kind, valid_until_ns=until)


def decline(story: Story, world: Scene, a: int, b: int, step: int) -> None:
    name = story.asked(world, a)
    if name:
        (world.declines if b % 2 else world.withdraws)(name, story.order_id)


def execute(story: Story, world: Scene, a: int, b: int, step: int) -> None:
    try:
        world.command("execute", order=story.order_id)
    except CommandError:
        return


def report(story: Story, world: Scene, a: int, b: int, step: int) -> None:
    if not story.order(world).placement_id:
        return
    placement = world.placement(story.order_id)
    given: list[dict[str, Any]] = [
        {"word": m.DealerWord.filled, "last_quantity": placement.quantity - placement.filled},
        {"word": m.DealerWord.filled, "last_quantity": placement.quantity / 4},
        {"word": m.DealerWord.rejected, "status": "8", "text": "no"},
        {"word": m.DealerWord.canceled, "status": "4", "text": "gone"},
        {"word": m.DealerWord.acknowledged, "status": "0"},
        {"word": m.DealerWord.status, "status": "8", "unknown_order": True},
    ]
    said = {"last_price": placement.price, "exec_id": f"X{step % 4}", **given[b % 6]}
    world.reports_of(story.order_id, said.pop("word"), **said)


def cancel(story: Story, world: Scene, a: int, b: int, step: int) -> None:
    order = story.order(world)
    request = m.CancelOrder(f"F{a % 2}", "C1", order.terms.security_id, order.terms.side)
    world.hear(story.session, request, role="oms")


def replaces(story: Story, world: Scene, a: int, b: int, step: int) -> None:
    terms = story.order(world).terms
    limit = (None, story.par, story.par - Decimal("0.04"))[a % 3]
    more = (terms.account, terms.security_id, terms.side, Decimal(MM * (b + 1) // 4), limit)
    same = (None, None, None, terms.currency, world.now.utc_ns)
    world.hear(story.session, m.ReplaceOrder(f"G{step % 7}", "C1", *more, *same), role="oms")


def status(story: Story, world: Scene, a: int, b: int, step: int) -> None:
    request = m.AskOrderStatus("C1", story.security.security_id, story.side)
    world.hear(story.session, request, role="oms")


def kill(story: Story, world: Scene, a: int, b: int, step: int) -> None:
    world.command("kill", role="operator", scope=f"account:{story.account}", on=True, reason="this one alone")


def price(story: Story, world: Scene, a: int, b: int, step: int) -> None:
    world.price(story.security, str(story.par + Decimal(a % 5 - 2) / 20))


def nothing(story: Story, world: Scene, a: int, b: int, step: int) -> None:
    """Time passes."""


ACTS: Final[dict[str, Callable[[Story, Scene, int, int, int], None]]] = {
    "quote": quote, "decline": decline, "execute": execute, "report": report, "cancel": cancel, "status": status,
    "replace": replaces,
    "kill": kill, "price": price, "nothing": nothing,
}  # fmt: skip
OFTEN: Final = ["quote"] * 6 + ["execute"] * 2 + ["report"] * 4


BOOK: Final = book(RULES, [each.id for each in DEALERS])


def quick_scene() -> Scene:
    """`scene()`, its book compiled once for all of them."""
    world = make_world(make_desk(book=BOOK))
    return Scene(world.desk, world.machine)


def play(stories: list[Story], first: list[int]) -> Scene:
    """All stories from the same instant, a step every two seconds; `first` says who is first at each."""
    world = quick_scene()
    for story in stories:
        world.price(story.security, str(story.par))
    for step in range(-1, len(first) - 1):
        turn = stories if first[step + 1] == 0 else stories[::-1]
        for story in turn:
            if step < 0:
                story.begin(world)
            else:
                story.act(world, step)
        world.advance(STEP_S)
    world.advance(2_000)
    return world


IDENTIFIERS: Final = frozenset(
    {
        "order_id", "rfq_id", "placement_id", "quote_req_id", "outbox_id", "exec_id", "cancel_id", "key",
        "recommendation", "dealer_exec_id", "status_outbox_id", "cancel_outbox_id",
    }
)  # fmt: skip
"""Counted or drawn, hence another with somebody beside; a recommendation tells of scores, which everybody moves."""


def without_identifiers(value: Any) -> Any:
    if is_dataclass(value):
        named = [(each.name, getattr(value, each.name)) for each in fields(value) if each.name not in IDENTIFIERS]
        return type(value).__name__, tuple((name, without_identifiers(inner)) for name, inner in named)
    if isinstance(value, tuple):
        return tuple(without_identifiers(each) for each in value)
    return str(value) if isinstance(value, Enum | Decimal) else value


@dataclass(slots=True)
class Told:
    """What there is to say of one order."""

    events: list[Any] = field(default_factory=list)
    sends: list[Any] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)


def owner_of(world: Scene, value: Any) -> str:
    """The order that an event or a message is about; empty if none."""
    state = world.state
    for inner in (value, getattr(value, "fill", None), getattr(value, "report", None)):
        if getattr(inner, "order_id", None):
            return str(inner.order_id)
    if getattr(value, "placement_id", None) in state.placements:
        return state.placements[value.placement_id].order_id
    if getattr(value, "rfq_id", None) in state.rfqs:
        return state.rfqs[value.rfq_id].order_id
    if getattr(value, "quote_req_id", None) in state.asks:
        return state.rfqs[state.asks[value.quote_req_id].rfq_id].order_id
    return ""


def told_of(world: Scene, story: Story) -> Told:
    told, state = Told(), world.state
    for event in world.events:
        if owner_of(world, event) == story.order_id or getattr(event, "scope", "") == f"account:{story.account}":
            told.events.append(without_identifiers(event))
    for send in world.sends:
        if owner_of(world, send.said) == story.order_id:
            told.sends.append((send.session, send.copy, send.delivery, without_identifiers(send.said)))
    told.rows = [without_identifiers(state.orders[story.order_id])]
    told.rows += [without_identifiers(each) for each in state.rfqs.values() if each.order_id == story.order_id]
    told.rows += [without_identifiers(each) for each in state.placements.values() if each.order_id == story.order_id]
    told.rows += [without_identifiers(each) for each in state.reversions.values() if each.order_id == story.order_id]
    return told


acts: Final = st.tuples(st.sampled_from([*ACTS, *OFTEN]), st.integers(0, 5), st.integers(0, 9))
scripts: Final = st.lists(acts, min_size=9, max_size=9)


@settings(max_examples=20, deadline=None)
@given(
    scripts,
    scripts,
    st.sampled_from(["AUTO", "SPACED", "WHISPER"]),
    st.sampled_from(["PARALLEL", "SINGLE", "WHISPERAUTO"]),
    st.lists(st.integers(0, 1), min_size=10, max_size=10),
)
def test_an_order_is_worked_as_if_the_other_were_not_there(
    one: list[tuple[str, int, int]],
    other: list[tuple[str, int, int]],
    an_account: str,
    another: str,
    first: list[int],
) -> None:
    def stories() -> list[Story]:
        return [
            Story("oms", an_account, BOND, Side.buy, Decimal(100), one),
            Story("oms2", another, HIGH_YIELD, Side.sell, Decimal(90), other),
        ]

    together = stories()
    world = play(together, first)
    for place in (0, 1):
        alone = stories()[place]
        by_itself = play([alone], first)
        left, right = told_of(world, together[place]), told_of(by_itself, alone)
        assert left.events == right.events
        assert left.sends == right.sends
        assert left.rows == right.rows
    # Nobody else was told: what goes to an order session is about an order of its own.
    for send in world.sends:
        if isinstance(send.said, m.OrderReport) and not send.copy:
            assert send.session == send.said.session
            assert world.the(send.said.order_id).terms.session == send.session


# --- quotes whose lives end apart ----------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 45)), min_size=3, max_size=3),
    st.integers(0, 50),
    st.permutations(range(3)),
)
def test_what_is_taken_is_the_best_of_those_that_still_live(
    quotes: list[tuple[int, int]], wait_s: int, turn: list[int]
) -> None:
    """Three quotes with a price and an end each; whenever the trader acts, and in whichever order they came."""
    world = quick_scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    began = world.now.utc_ns
    for place in turn:
        above, life_s = quotes[place]
        until = began + life_s * NS_PER_S
        world.says(NAMES[place], str(100 + Decimal(above) / 100), order_id, valid_until_ns=until)
    guard_ns, decide_ns = world.desk.clocks.guard_ns, world.desk.clocks.decide_ns
    rfq = world.rfq(order_id)
    assert rfq.decide_until_ns == max(
        min(began + decide_ns, began + life_s * NS_PER_S - guard_ns) for _, life_s in quotes
    )
    world.advance(wait_s)
    now = world.now.utc_ns
    if now >= rfq.decide_until_ns:
        assert world.the(order_id).state is OrderState.with_trader
        return
    live = [place for place, (_, life_s) in enumerate(quotes) if now < began + life_s * NS_PER_S - guard_ns]
    came = {place: number for number, place in enumerate(turn)}
    assert live
    # All came at one instant: ties go by name.
    best = min(live, key=lambda place: (quotes[place][0], NAMES[place]))
    assert len(came) == 3
    world.command("execute", order=order_id)
    (taken,) = world.said(m.AcceptQuote)
    assert (taken.dealer, taken.price) == (NAMES[best], 100 + Decimal(quotes[best][0]) / 100)
    not_after = [send.not_after_ns for send in world.sends if send.said is taken]
    assert not_after == [began + quotes[best][1] * NS_PER_S - guard_ns]


# --- two dealers on one session, two sessions, two names ------------------------------------------


HUB: Final = tuple(dealer(name, session="hub", route=name.upper()) for name in NAMES)


def test_dealers_of_one_session_are_told_apart_by_what_they_answer() -> None:
    """All three quote under the same QuoteID; one withdraws, one is taken, and the third's fill is none of it."""
    world = scene(dealers=HUB)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    asks = {name: world.ask(order_id, name).quote_req_id for name in NAMES}
    assert len(set(asks.values())) == 3
    for name, quoted in zip(NAMES, ("99.95", "99.97", "99.99"), strict=True):
        world.hear("hub", answer(world, asks[name], quoted))
    world.hear("hub", m.QuoteWithdrawal(asks["ash"], "q1"))
    assert [ask.quotes[0].withdrawn for ask in world.rfq(order_id).asks] == [True, False, False]
    world.command("execute", order=order_id)
    assert world.accepted() == ["beech"]
    world.rejects(order_id)
    world.command("execute", order=order_id)
    assert world.accepted() == ["beech", "cedar"]
    world.fills(order_id)
    (fill,) = world.state.fills.values()
    assert fill.fill.dealer == "cedar"
    assert world.desk.stats.metrics("cedar", "*", 90, world.now.utc_ns).trades == 1
    assert world.desk.stats.metrics("beech", "*", 90, world.now.utc_ns).rejects == 1
    assert [world.desk.stats.metrics(name, "*", 90, world.now.utc_ns).quotes for name in NAMES] == [1, 1, 1]


@pytest.mark.parametrize(
    ("session", "quote_id", "gone"),
    [
        pytest.param("hub", "", {("first", "ash"), ("first", "beech"), ("second", "beech")}, id="all quotes"),
        pytest.param("hub", "q1", {("first", "ash"), ("second", "beech")}, id="one QuoteID, wherever it is said"),
        pytest.param("hub", "q2", {("first", "beech")}, id="a QuoteID of one round"),
        pytest.param("hub", "q9", set(), id="a QuoteID that is none"),
        pytest.param("cedar", "", {("first", "cedar"), ("second", "cedar")}, id="the other session"),
        pytest.param("oms", "", set(), id="no dealer's session"),
    ],
)
def test_a_withdrawal_without_a_request_is_of_all_quotes_of_the_sessions_dealers(
    session: str, quote_id: str, gone: set[tuple[str, str]]
) -> None:
    """QuoteCancel(Z) without QuoteReqID(131): every round that is open, and nobody else's quotes."""
    world = scene(dealers=(*HUB[:2], dealer("cedar")))
    orders = {
        "first": world.order(BOND, "buy", MM, account="PARALLEL"),
        "second": world.order(BOND, "sell", MM, account="PARALLEL"),
    }
    quotes = {("first", "ash"): "q1", ("first", "beech"): "q2", ("first", "cedar"): "q1"}
    quotes |= {("second", "beech"): "q1", ("second", "cedar"): "q2"}
    for (which, name), said in quotes.items():
        request = world.ask(orders[which], name).quote_req_id
        world.hear("cedar" if name == "cedar" else "hub", answer(world, request, "99.95", said))
    world.hear(session, m.QuoteWithdrawal("", quote_id))
    found = {
        (which, ask.dealer)
        for which, order_id in orders.items()
        for ask in world.rfq(order_id).asks
        if any(quote.withdrawn for quote in ask.quotes)
    }
    assert found == gone
    assert {(event.rfq_id, event.dealer) for event in world.recorded(e.QuoteWithdrawn)} == {
        (world.the(orders[which]).rfq_id, name) for which, name in gone
    }
    assert [stray.text for stray in world.recorded(e.StrayMessage)] == ([] if gone else ["withdraws nothing we know"])


@pytest.mark.parametrize(
    ("withdrawal", "gone"),
    [
        pytest.param(m.QuoteWithdrawal("", "", (("4", BOND.security_id),)), {"first"}, id="a bond by its ISIN"),
        pytest.param(
            m.QuoteWithdrawal("", "C7", (("4", BOND.security_id),), True), {"first"}, id="under an id of its own"
        ),
        pytest.param(
            m.QuoteWithdrawal("", "", (("4", BOND.security_id), ("4", HIGH_YIELD.security_id))),
            {"first", "second"},
            id="two bonds",
        ),
        pytest.param(m.QuoteWithdrawal("", ""), {"first", "second"}, id="all"),
        pytest.param(m.QuoteWithdrawal("", "C7", (), True), {"first", "second"}, id="all of a type of security"),
        pytest.param(
            m.QuoteWithdrawal("", "q1", (("4", BOND.security_id),), True), {"second"}, id="a quote that is known"
        ),
        pytest.param(m.QuoteWithdrawal("", "C7", (("4", BOND.security_id),)), set(), id="a quote that is not"),
        pytest.param(m.QuoteWithdrawal("", "", (("4", "US9128283W81"),)), set(), id="another bond"),
        pytest.param(m.QuoteWithdrawal("first", "C7", (), True), {"first"}, id="of a request"),
    ],
)
def test_a_withdrawal_is_of_the_bonds_that_it_names(withdrawal: m.QuoteWithdrawal, gone: set[str]) -> None:
    """Nothing is accepted on a quote that was withdrawn by its bond; those of other bonds stand."""
    world = scene(dealers=HUB[:1])
    orders = {
        "first": world.order(BOND, "buy", MM, account="PARALLEL"),
        "second": world.order(HIGH_YIELD, "buy", MM, account="PARALLEL"),
    }
    requests = {which: world.ask(order_id, "ash").quote_req_id for which, order_id in orders.items()}
    for said, bond, which in (("q0", BOND, "first"), ("q1", HIGH_YIELD, "second")):
        world.hear("hub", replace(answer(world, requests[which], "90", said), security_id=bond.security_id))
    named = requests.get(withdrawal.quote_req_id, withdrawal.quote_req_id)
    world.hear("hub", replace(withdrawal, quote_req_id=named))
    found = {which for which, order_id in orders.items() if world.ask(order_id, "ash").quotes[-1].withdrawn}
    assert found == gone
    assert len(world.recorded(e.StrayMessage)) == (0 if gone else 1)
    for which in gone:
        with pytest.raises(CommandError):
            world.command("execute", order=orders[which])


def answer(world: Scene, quote_req_id: str, quoted: str, quote_id: str = "q1") -> m.QuoteAnswer:
    until = world.now.utc_ns + 30 * NS_PER_S
    return m.QuoteAnswer(
        quote_req_id, quote_id, BOND.security_id, QuoteKind.tradeable, None, Decimal(quoted), None, None, until
    )


@pytest.mark.parametrize("stranger", ["beech", "hub", ""])
def test_nobody_speaks_for_another_session(stranger: str) -> None:
    """A quote, a decline, a withdrawal, a report under another's identifiers: kept, told, and without effect."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    request = world.ask(order_id, "ash").quote_req_id
    world.hear(stranger, answer(world, request, "99"))
    world.hear(stranger, m.QuoteDecline(request, "no"))
    world.hear(stranger, m.QuoteWithdrawal(request, ""))
    assert world.ask(order_id, "ash").quotes == ()
    assert len(world.recorded(e.StrayMessage)) == 3
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    for word in (m.DealerWord.rejected, m.DealerWord.canceled, m.DealerWord.acknowledged, m.DealerWord.filled):
        world.reports_of(
            order_id, word, session=stranger, last_quantity=Decimal(MM), last_price=Decimal("99.95"), status="8"
        )
    placement = world.placement(order_id)
    assert (placement.state.value, placement.filled, world.the(order_id).filled) == ("in_doubt", 0, 0)
    world.fills(order_id)
    assert world.the(order_id).state is OrderState.filled


def test_two_order_sessions_may_use_the_same_identifiers() -> None:
    """C1 of the one is cancelled, asked about, repeated and refused without the other's C1."""
    world = scene()
    first = Story("oms", "PARALLEL", BOND, Side.buy, Decimal(100), [])
    second = Story("oms2", "AUTO", HIGH_YIELD, Side.sell, Decimal(90), [])
    for story in (first, second):
        story.begin(world)
    assert first.order_id != second.order_id
    world.hear("oms2", m.CancelOrder("F1", "C1", HIGH_YIELD.security_id, Side.sell), role="oms")
    assert world.the(first.order_id).open
    assert world.the(second.order_id).state is OrderState.canceled
    for session, expected in (("oms", "0"), ("oms2", "4"), ("oms3", "8")):
        assert world.status("C1", session).ord_status == expected
    world.cancel(first.order_id, "F1")
    assert world.the(first.order_id).state is OrderState.canceled
    refusals = [send for send in world.sends if isinstance(send.said, m.CancelRefusal)]
    assert not refusals


# --- two protections -----------------------------------------------------------------------------

TWO: Final = """
protect "large" when notional >= 2mm
  stagger 5s
  at most 2 dealers
protect "cheap" when fair < 95
  at most 1 dealers
  never ask {ash}
protect "sale" when side == sell
  stagger 9s
"""


@pytest.mark.parametrize(
    ("side", "quantity", "fair", "names", "stagger_s", "asked"),
    [
        pytest.param("buy", MM, "100", (), 0, ("ash", "beech", "cedar"), id="none"),
        pytest.param("buy", 2 * MM, "100", ("large",), 5, ("ash", "beech"), id="one"),
        pytest.param("buy", MM, "90", ("cheap",), 0, ("beech",), id="another"),
        pytest.param("buy", 2 * MM, "90", ("large", "cheap"), 5, ("beech",), id="both: the fewest, the slowest"),
        pytest.param("sell", 2 * MM, "100", ("large", "sale"), 9, ("ash", "beech"), id="the longer of two times"),
        pytest.param("sell", 2 * MM, "90", ("large", "cheap", "sale"), 9, ("beech",), id="all three"),
    ],
)
def test_every_protection_that_is_on_holds(
    side: str, quantity: int, fair: str, names: tuple[str, ...], stagger_s: int, asked: tuple[str, ...]
) -> None:
    """Each alone, and any of them together; the strictest of each part, wherever it stands in the file."""
    blocks = TWO.strip().split("protect ")[1:]
    for text in (TWO, "".join(f"protect {block}\n" for block in blocks[::-1])):
        world = scene(text + RULES)
        world.price(BOND, fair)
        # Another bond, the other side and another size first: their protections are not this order's.
        world.order(HIGH_YIELD, "sell" if side == "buy" else "buy", 3 * MM, account="HAND")
        order_id = world.order(BOND, side, quantity, account="PARALLEL")
        recommendation = world.state.recommendations[order_id]
        assert set(recommendation.protections) == set(names)
        assert recommendation.plan is not None
        assert recommendation.plan.dealers == asked
        assert recommendation.plan.stagger_ns == stagger_s * NS_PER_S


def test_exposures_of_two_bonds_and_two_sides_are_four() -> None:
    world = scene(TWO + RULES)
    for security in (BOND, HIGH_YIELD):
        for side in ("buy", "sell"):
            for _ in range(2):
                world.order(security, side, MM - 1, account="HAND")
    held = [set(each.protections) for each in world.state.recommendations.values()]
    # 1,999,998 of each: none is large, whatever the four together are.
    assert all("large" not in names for names in held)
    assert len(world.state.exposures.written()) == 4
    assert {each.quantity for each in world.state.exposures.values()} == {Decimal(2 * MM - 2)}
    assert len(DEALERS) > 3


def test_what_stands_from_yesterday_counts_for_its_own_bond_and_side() -> None:
    world = scene(TWO + RULES)
    days = {"tif": TimeInForce.gtd, "expire_ns": world.now.utc_ns + 30 * NS_PER_DAY, "account": "HAND"}
    for security, side in ((BOND, "sell"), (HIGH_YIELD, "buy")):
        world.order(security, side, MM, **days)
    world.advance(86_400)
    for security, side, held in ((BOND, "buy", False), (HIGH_YIELD, "sell", False), (BOND, "sell", True)):
        order_id = world.order(security, side, MM, account="HAND")
        assert ("large" in world.state.recommendations[order_id].protections) is held, (security.name, side)


def test_two_fills_of_one_dealer_under_one_exec_id_are_two_if_the_orders_are() -> None:
    """The key of a fill has our own ClOrdID: a dealer may begin its ExecIDs anew for each order."""
    world = scene()
    orders = [world.order(security, "buy", MM, account="PARALLEL") for security in (BOND, HIGH_YIELD)]
    for order_id in orders:
        world.says("ash", "99.95", order_id)
        world.command("execute", order=order_id)
    for order_id in orders:
        world.fills(order_id, exec_id="X1")
        world.fills(order_id, exec_id="X1")
    assert [world.the(order_id).filled for order_id in orders] == [MM, MM]
    assert len(world.recorded(e.FillBooked)) == len(world.recorded(e.FillRepeated)) == 2
    assert not world.state.quarantine.written()
