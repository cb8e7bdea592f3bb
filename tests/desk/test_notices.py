"""What whoever watches is told: every kind of event is in the table, with its words or with its silence."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.desk.draft import Page
from engine.desk.notices import Notice, Topic, notice_of, notices
from engine.domain import events as e
from engine.domain.axe import Axe, AxeSize
from engine.domain.credit import CreditLimit
from engine.domain.exchange import Rate
from engine.domain.keys import Scope, ScopeKind
from engine.domain.messages import Ignored
from engine.domain.order import Side
from engine.domain.placement import Fill, Verdict
from engine.journal.event_codec import event_types

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

AT: Final = 1
OF: Final = {"order_id": "O-000001"}
AXE: Final = Axe("ash", "A-1", "X", Side.sell, Decimal(5), None, Decimal("99.9"), None, 1, 2, "ash")
SILENT: Final = frozenset(
    {
        "EngineStarted", "EngineStopped", "StateDigested", "InputRefused", "ClockStepped", "SessionReset",
        "OrderReceived", "DuplicateAllowed", "OrderRefused", "OrderRated", "OrderRecommended", "CancelAsked",
        "CancelSettled", "ReplaceAsked", "ReplaceSettled", "OrderReplaced",
        "OrderCanceled", "OrderExpired", "AskWithheld", "RfqDeciding", "PlacementAcknowledged", "PlacementDoubted",
        "PlacementCountAgreed",
        "PlacementCancelAsked", "FillQuarantined", "FillRepeated", "FillConfirmed", "DontKnowTradeSent",
        "DontKnowTradeUnsent", "QuarantineRepeated", "TradeChangeConfirmed", "RuleBookLoaded", "LogLevelSet",
        "RoundObserved", "RoundAmended", "RoundMarked", "FillMarked", "HistoryAdded", "EstimatesRebuilt",
        "AxesExpired", "OrdersLookedAt",
        "TcaReceived", "LeakSolved", "EstimatesFitted",
    }
)  # fmt: skip
"""Nobody waits for these, or another event of the same turn says it: a report says what became of an order."""


def of_a_fill(**changes: Any) -> e.FillBooked:
    values: dict[str, Any] = {
        "exec_id": "X-000001",
        "key": "k",
        "order_id": "O-000001",
        "placement_id": "P1",
        "dealer": "ash",
        "dealer_exec_id": "D1",
        "quantity": Decimal("1000000"),
        "price": Decimal("99.95"),
        "trade_date": "20261123",
        "settl_date": "20261124",
        "transact_ns": AT,
    }
    return e.FillBooked(AT, Fill(**{**values, **changes}), "s", None, None, AT)


def of_a_change(**changes: Any) -> tuple[e.Event, e.Event]:
    """The fill taken back, and corrected."""
    was, now = of_a_fill().fill, of_a_fill(**changes).fill
    canceled = e.FillCanceled(AT, was, "k", "c", "canceled", "why")
    return canceled, e.FillCorrected(AT, was, now, "k", "c", "filled", "why")


def placed() -> tuple[Scene, str, str, str]:
    """A world with an acceptance: its order, its round, its placement."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    return world, order_id, world.rfq(order_id).rfq_id, world.placement(order_id).placement_id


def told() -> list[tuple[e.Event, str, dict[str, Any]]]:
    """Each event that says something, with the topic and the body of its notice."""
    world, order_id, rfq_id, placement_id = placed()
    of, rfq = {"order_id": order_id}, world.rfq(order_id)
    ask = rfq.ask_of("ash")
    assert ask is not None
    report = world.reports()[-1]
    by = {"actor": "kim", "reason": "why"}
    kim, plan = "person:kim", rfq.plan
    return [
        (e.SessionUp(AT, "ash", 1), "session", {"session": "ash", "state": "up"}),
        (
            e.SessionDown(AT, "ash", "no answer", "silent", "peer"),
            "session",
            {"session": "ash", "state": "down", "code": "silent", "reason": "no answer", "by": "peer"},
        ),
        (e.SessionSwitched(AT, "ash", True, kim, "why"), "session", {"session": "ash", "state": "enabled", **by}),
        (
            e.SessionSwitched(AT, "ash", False, "engine", "why"),
            "session",
            {"session": "ash", "state": "disabled", "actor": "engine", "reason": "why"},
        ),
        (
            e.SessionCommanded(AT, "ash", "logout", kim, "why"),
            "session",
            {"session": "ash", "state": "command", **by},
        ),
        (
            e.SessionNumbersSet(AT, "ash", 1, 2, 3, 4, 5, kim, "why"),
            "session",
            {"session": "ash", "state": "numbers_set", **by},
        ),
        (
            e.TlsReloaded(AT, (), kim, "why", ("fix.tls.key",)),
            "tls",
            {"state": "reloaded", "changed": ["fix.tls.key"], **by},
        ),
        (
            e.KillSwitched(AT, Scope(ScopeKind.dealer, "ash"), True, kim, "why"),
            "kill",
            {"scope": "dealer:ash", "on": True, **by},
        ),
        (
            e.AxeAdvertised(AT, replace(AXE, quantity=None, size=AxeSize.large, price=None)),
            "axe",
            {"dealer": "ash", "axe_id": "A-1", "security_id": "X", "side": "sell", "quantity": "large", "price": None},
        ),
        (
            e.AxeAdvertised(AT, AXE),
            "axe",
            {"dealer": "ash", "axe_id": "A-1", "security_id": "X", "side": "sell", "quantity": "5", "price": "99.9"},
        ),
        (
            e.AxeWithdrawn(AT, "ash", "X", "A-1", "why"),
            "axe",
            {"dealer": "ash", "axe_id": "A-1", "security_id": "X", "state": "withdrawn", "reason": "why"},
        ),
        (
            e.QuarantineSettled(AT, "F-000001", Verdict.booked, kim, "why", "E-000003"),
            "quarantine",
            {"fill": "F-000001", "state": "booked", **by},
        ),
        (
            e.SecuritiesPut(AT, (BOND,), ("X", "Y"), kim),
            "feed",
            {"what": "securities", "rows": 3, "actor": "kim"},
        ),
        (
            e.CreditLimitsPut(AT, (CreditLimit("dealer:ash"),), kim),
            "feed",
            {"what": "credit_limits", "rows": 1, "actor": "kim"},
        ),
        (
            e.RatesPut(AT, (Rate("EUR/USD", Decimal("1.085"), AT, "bank"),), (), kim),
            "feed",
            {"what": "rates", "rows": 1, "actor": "kim"},
        ),
        (
            e.DealerPaused(AT, "ash", True, kim, "why"),
            "dealer",
            {"dealer": "ash", "state": "paused", **by},
        ),
        (
            e.OrderReported(AT, report),
            "report",
            {**of, "kind": "new", "status": "0", "text": report.text},
        ),
        (
            e.Reloaded(AT, ("rules", "tls"), (), kim, "why", ("rules",)),
            "reload",
            {"state": "taken_up", "kinds": ["rules", "tls"], "changed": ["rules"], **by},
        ),
        (
            e.ReloadRefused(AT, ("rules",), ("no such word",), kim),
            "reload",
            {"state": "refused", "kinds": ["rules"], "actor": "kim", "problems": ["no such word"]},
        ),
        (e.OrderReturned(AT, order_id, "nobody"), "returned", {**of, "reason": "nobody"}),
        (
            e.SessionsAwaited(AT, order_id, ("ash", "beech"), 10**9),
            "awaited",
            {**of, "dealers": ["ash", "beech"], "until": "1970-01-01T00:00:01.000Z"},
        ),
        (
            e.AskAwaited(AT, rfq_id, "ash", 10**9),
            "awaited",
            {"rfq_id": rfq_id, **of, "dealers": ["ash"], "until": "1970-01-01T00:00:01.000Z"},
        ),
        (
            e.OrderOverridden(AT, order_id, kim, "why", ("ash",), ("oak", "elm")),
            "override",
            {**of, **by, "dealers": ["oak", "elm"]},
        ),
        (
            e.RfqOpened(AT, rfq_id, order_id, 1, plan, Decimal(MM), None, kim),
            "rfq",
            {"rfq_id": rfq_id, **of, "mode": plan.mode.value, "dealers": list(plan.dealers)},
        ),
        (e.DealerAsked(AT, rfq_id, "ash", "s", "QR", 7, 8), "asked", {"rfq_id": rfq_id, "dealer": "ash"}),
        (
            e.AskBlocked(AT, rfq_id, "ash", "kill", "is on"),
            "blocked",
            {"rfq_id": rfq_id, "dealer": "ash", "check": "kill", "reason": "is on"},
        ),
        (
            e.AcceptBlocked(AT, rfq_id, "ash", "kill", "is on"),
            "blocked",
            {"rfq_id": rfq_id, "dealer": "ash", "check": "kill", "reason": "is on"},
        ),
        (
            e.QuoteReceived(AT, rfq_id, "ash", "s", ask.quotes[0], late=True),
            "quote",
            {"rfq_id": rfq_id, "dealer": "ash", "price": "99.95", "problem": "", "late": True},
        ),
        (e.QuoteWithdrawn(AT, rfq_id, "ash", "Q1"), "withdrawn", {"rfq_id": rfq_id, "dealer": "ash"}),
        (
            e.DealerDeclined(AT, rfq_id, "ash", "s", "pass", 1),
            "declined",
            {"rfq_id": rfq_id, "dealer": "ash", "reason": "pass"},
        ),
        (e.DealerSilent(AT, rfq_id, "ash", "s", 1), "silent", {"rfq_id": rfq_id, "dealer": "ash"}),
        (
            e.TraderAlerted(AT, rfq_id, "ash", ask.quotes[0].quote_id, "the best"),
            "alert",
            {"rfq_id": rfq_id, **of, "dealer": "ash", "price": "99.95", "reason": "the best"},
        ),
        (
            e.TraderAlerted(AT, rfq_id, "ash", "unknown", "the best"),
            "alert",
            {"rfq_id": rfq_id, **of, "dealer": "ash", "price": "None", "reason": "the best"},
        ),
        (e.RfqClosed(AT, rfq_id, "executed"), "closed", {"rfq_id": rfq_id, **of, "outcome": "executed"}),
        (
            e.QuoteAccepted(
                AT, placement_id, rfq_id, order_id, "ash", "ash", "Q1", "isin", Decimal(MM), Decimal("99.95"), 7, "rule"
            ),
            "accepted",
            {**of, "rfq_id": rfq_id, "dealer": "ash", "price": "99.95", "actor": "rule"},
        ),
        (
            e.AcceptWithheld(AT, placement_id, "kill: on"),
            "withheld",
            {**of, "dealer": "ash", "reason": "kill: on"},
        ),
        (
            e.PlacementEnded(AT, placement_id, "rejected", "last look", "s"),
            "placement",
            {**of, "dealer": "ash", "state": "rejected", "reason": "last look"},
        ),
        (of_a_fill(), "fill", {**OF, "dealer": "ash", "quantity": "1000000", "price": "99.95"}),
        *(
            (
                event,
                "fill",
                {
                    **OF,
                    "dealer": "ash",
                    "order_state": "placed",
                    "quantity": "1000000",
                    "price": price,
                    "state": state,
                    "reason": "why",
                },
            )
            for event, price, state in zip(
                of_a_change(price=Decimal("99.94")), ("99.95", "99.94"), ("canceled", "corrected"), strict=True
            )
        ),
        (
            e.MoneyDiffered(AT, "X-000001", order_id, "gross", Decimal("1.03"), Decimal("1.00")),
            "money",
            {**of, "field": "gross", "sent": "1.03", "ours": "1.00"},
        ),
        (
            e.ReversionMeasured(AT, "X-000001", order_id, "ash", "s", AT, -1.5, None, "100 then 99"),
            "reversion",
            {"exec_id": "X-000001", "dealer": "ash", "bps": -1.5, "reason": "100 then 99"},
        ),
        (
            e.DealerDrifted(AT, "ash", "response", 0.75, 0.4, 30),
            "drift",
            {"dealer": "ash", "measure": "response", "before": 0.75, "since": 0.4, "observations": 30},
        ),
        (
            e.StrayMessage(AT, "ash", "QuoteCancel", "Q1", "withdraws nothing we know"),
            "stray",
            {"session": "ash", "kind": "QuoteCancel", "reference": "Q1", "text": "withdraws nothing we know"},
        ),
        (
            e.MessageIgnored(AT, "ash", "AI", "QuoteStatus(297)=0"),
            "ignored",
            {"session": "ash", "kind": "AI", "text": "QuoteStatus(297)=0"},
        ),
    ]


def test_each_event_has_its_words_in_their_order() -> None:
    world, *_ = placed()
    for event, topic, body in told():
        found = notice_of(event, world.state)
        assert found == (topic, body), event
        assert list(found[1]) == list(body), event  # People read a line from the left.


def test_every_event_and_every_topic_is_in_the_table() -> None:
    table = told()
    spoken = {type(event).__name__ for event, _, _ in table}
    assert spoken | SILENT == {kind.__name__ for kind in event_types(vars(e), e.Event)}
    assert not spoken & SILENT
    assert {topic for _, topic, _ in table} | {"page"} == set(Topic)


@pytest.mark.parametrize("name", sorted(SILENT))
def test_the_others_say_nothing(name: str) -> None:
    assert notice_of(object.__new__(getattr(e, name)), scene().state) is None


# --- a turn --------------------------------------------------------------------------------------


def test_each_carries_the_seq_of_its_event_and_pages_stand_between() -> None:
    """What says nothing takes a seq too; a page has that of the last event before it."""
    up = e.SessionUp(AT, "ash", 1)
    silent = e.EngineStopped(AT, "over")
    pages = [Page(0, {"what": "first"}), Page(2, {"what": "second"}), Page(3, {"what": "last"})]
    found = notices([up, silent, up], pages, scene().state, 40)
    assert [(seq, topic, body.get("what", "")) for seq, topic, body in found] == [
        (37, "page", "first"),
        (38, "session", ""),
        (39, "page", "second"),
        (40, "session", ""),
        (40, "page", "last"),
    ]


def test_a_page_without_events_has_the_seq_before() -> None:
    assert notices([], [Page(0, {"what": "x"})], scene().state, 7) == (Notice(7, Topic.page, {"what": "x"}),)


def test_what_is_ignored_is_recorded_and_told() -> None:
    world = scene()
    before = len(world.events)
    world.hear("ash", Ignored("AI", "QuoteStatus(297)=0"))
    assert world.events[before:] == [e.MessageIgnored(world.now.utc_ns, "ash", "AI", "QuoteStatus(297)=0")]
    assert world.notices[-1].topic == "ignored"


def test_money_that_differs_is_on_the_record() -> None:
    world, order_id, _, _ = placed()
    world.fills(order_id, gross=Decimal("1.03"))
    differed = [each for each in world.events if isinstance(each, e.MoneyDiffered)]
    assert [(each.order_id, each.field, each.sent) for each in differed] == [(order_id, "gross", Decimal("1.03"))]
    booked = next(each for each in world.events if isinstance(each, e.FillBooked))
    assert differed[0].exec_id == booked.fill.exec_id


def test_an_order_that_is_bought_is_told_from_its_entry_to_its_fill() -> None:
    world, order_id, rfq_id, _ = placed()
    world.fills(order_id)
    topics = [each.topic.value for each in world.notices if {order_id, rfq_id} & {*map(str, each.body.values())}]
    asked = ["asked"] * topics.count("asked")
    end = ["quote", "accepted", "fill", "report", "closed"]
    assert topics == ["report", "report", "rfq", *asked, *end]
    assert [each.seq for each in world.notices] == sorted({each.seq for each in world.notices})
