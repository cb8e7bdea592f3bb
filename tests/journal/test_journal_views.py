"""The views say in words what the events say in JSON. The events are real: a field renamed empties a column."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.domain import events as e
from engine.domain.messages import OrderReport, ReportKind
from engine.domain.order import Handling, MarkUsed, OrderFacts, OrderStatus, OrderTerms, Side, TimeInForce
from engine.domain.placement import Fill
from engine.domain.recommendation import Ended, LeftOut, Recommendation, Selection, Why
from engine.domain.rfq import AskPlan, ExecutePlan, Quote, QuoteKind
from engine.journal.archive import ReadOnly
from engine.journal.batch import Answer, EventRow, MarkRow, NumberRow, OutboxRow, StagedTurn, TakenIn, TradeRow
from engine.journal.event_codec import Codec, event_types
from engine.journal.views import VIEWS
from engine.journal.writer import Journal
from engine.rules.plan import Mode

D = Decimal
T0 = 1_767_348_000_123_000_000  # 2026-01-02T10:00:00.123Z
S = 1_000_000_000
MARK = MarkUsed(D("99.10"), "marks", 5, "firm")
TERMS = OrderTerms(
    cl_ord_id="c1", session="oms", account="acc", trader="joe", security_id="US1", side=Side.sell,
    quantity=D(3000000), limit_price=D("98.50"), tif=TimeInForce.day, handling=Handling.automatic, currency="USD",
    transact_ns=T0,
)  # fmt: skip
FACTS = OrderFacts("ACME", "corporate", "corp|BB", "similar", "BB", None, 4, 20000)
PLAN = AskPlan(Mode.PARALLEL, ("alder", "birch"), 20 * S, 0, None, ExecutePlan(False))
CHOICE = Selection(
    scorer="weights", window_days=90, metrics=("fill_rate", "speed"), units=("rate", "s"), weights=(0.9, 0.1),
    means=(0.8, 30.0), ask="top 1", asked=("alder",), wanted=1, at_most=None, ended=Ended.enough,
    candidates=("alder", "birch", "cedar"), scores=(0.86, 0.77, 0.0), values=((0.9, None), (0.9, 90.0), ()),
    inclusion_p=(1.0, 0.0, 0.0),
    left_out=(
        LeftOut(Why.beyond, ("birch", "cedar"), ("1",)),
        LeftOut(Why.paused, ("elm",)),
        LeftOut(Why.too_large, ("fir",), each=("800000",)),
    ),
)  # fmt: skip
OLD_BODY = (
    b'{"at_ns":1,"order_id":"o2","recommendation":{"book_hash":"bh","scoring_hash":"sh","rule":"old","lines":['
    b'{"dealer":"alder","chosen":true,"rank":1,"score":1.0625,"reason":"best score","parts":['
    b'{"metric":"fill rate","value":0.9,"transformed":0.9,"weight":0.3,"contribution":0.27,"source":"own"},'
    b'{"metric":"speed","value":null,"transformed":0.5,"weight":0.1,"contribution":0.05,"source":"no data"}]},'
    b'{"dealer":"elm","chosen":false,"rank":null,"score":null,"parts":[],"reason":"paused"}]}}'
)
"""A recommendation as it was kept in version 1 of its event."""
REPORT = OrderReport(
    exec_id="E1", order_id="o1", session="oms", cl_ord_id="c1", orig_cl_ord_id="", kind=ReportKind.new,
    ord_status=OrderStatus.new,
    account="acc", trader="joe", security_id="US1", id_source="4", side=Side.sell, quantity=D(3000000),
    limit_price=None, tif=TimeInForce.day, currency="USD", cum_quantity=D(0), leaves_quantity=D(3000000),
    average_price=D(0), transact_ns=T0,
)  # fmt: skip
QUOTE = Quote("q1", D("99.00"), None, D("99.00"), D(3000000), QuoteKind.tradeable, T0 + 9 * S, T0, S // 2, -1.5)
FILL = Fill(
    "E2", "key", "o1", "p1", "alder", "x1", D(1000000), D("99.00"), "20260102", "20260106", T0, net=D("990000.5")
)

SMALL = replace(QUOTE, quote_id="q2", edge_bps=None, problem="too small")

STORY = (
    e.OrderReceived(
        at_ns=T0, order_id="o1", terms=TERMS, facts=FACTS, arrival=MARK, manual_reason="", duplicate_of="", actor="oms"
    ),
    e.OrderReceived(
        at_ns=T0, order_id="o2", terms=replace(TERMS, cl_ord_id="c2", limit_price=None), facts=FACTS, arrival=None,
        manual_reason="stale", duplicate_of="o1", actor="oms",
    ),
    e.OrderReported(T0, REPORT),
    e.OrderRecommended(T0, "o1", Recommendation("bh", "sh", "corp large", True, PLAN, (), selection=CHOICE)),
    e.OrderOverridden(T0 + S, "o1", "joe", "knows better", ("alder",), ("alder", "birch"), ("whisper",)),
    e.DuplicateAllowed(T0 + S, "o2", "ann", "meant"),
    e.RfqOpened(T0, "r1", "o1", 1, PLAN, D(3000000), MARK, "joe"),
    e.DealerAsked(T0, "r1", "alder", "corp|BB", "Q1", 1, T0 + 20 * S),
    e.DealerAsked(T0, "r1", "birch", "corp|BB", "Q2", 2, T0 + 20 * S),
    e.QuoteReceived(T0, "r1", "alder", "corp|BB", QUOTE, False),
    e.QuoteReceived(T0, "r1", "birch", "corp|BB", SMALL, True),
    e.QuoteWithdrawn(T0 + 3 * S, "r1", "birch", "q2"),
    e.DealerSilent(T0, "r1", "elm", "corp|BB", 20 * S),
    e.QuoteAccepted(T0, "p1", "r1", "o1", "alder", "alder", "q1", "US1", D(3000000), D("99.00"), 3, "joe"),
    e.FillBooked(T0, FILL, "corp|BB", 1.25, MARK, T0 + 1800 * S),
    e.FillBooked(
        T0, replace(FILL, exec_id="E3", quantity=D(2000000), price=D("99.30")), "corp|BB", None, None, T0 + 1800 * S
    ),
    e.FillCorrected(
        T0, replace(FILL, exec_id="E3", quantity=D(2000000), price=D("99.30")),
        replace(FILL, exec_id="E3", quantity=D(2000000), price=D("99.15")), "k", "c1", "filled", "",
    ),
    e.FillBooked(T0, replace(FILL, exec_id="E4"), "corp|BB", None, None, T0 + 1800 * S),
    e.FillCanceled(T0, replace(FILL, exec_id="E4"), "k", "c2", "canceled", "error trade"),
    e.OrderReported(T0, replace(REPORT, kind=ReportKind.trade, ord_status=OrderStatus.filled, text="all done")),
    e.RfqClosed(T0 + 5 * S, "r1", "executed"),
    e.RfqOpened(T0, "r2", "o2", 1, PLAN, D(3000000), None, "rule"),
    e.ReversionMeasured(T0, "E2", "o1", "alder", "corp|BB", T0, -0.5, MARK, ""),
    e.PlacementEnded(T0, "p9", "rejected", "last look", "corp|BB"),
    e.PlacementEnded(T0, "p8", "forced", "phoned them", "corp|BB", "ann"),
)  # fmt: skip


MESSAGES = (
    # Session, epoch, direction, number, turn, outbox entry, time, bytes, is one of the session's own, PossResend(97).
    ("oms", 1, "in", 7, 1, None, T0, b"35=D", 0, 0),
    ("oms", 1, "out", 9, 1, 1, T0, b"35=8|39=2|10=000|", 0, 0),
    ("alder", 2, "out", 1, 1, None, T0, None, 1, 0),
    ("alder", 2, "out", 2, 1, 3, T0, b"35=R|10=000|", 0, 1),
)
TAKEN_IN = TakenIn("oms", 1, 7, b"35=D")
ANSWER = Answer("oms", 1, 9, 1, b"35=8|39=2|10=000|", "report", 3, "8", 6)
SENT = (
    NumberRow("alder", 2, 1, None, None),
    NumberRow("alder", 2, 2, 3, b"35=R|10=000|", "ask", 4, "R", 6, poss_resend=1, not_after_ns=T0),
)

WAITING = OutboxRow(2, 1, 4, "alder", "ask", T0, "R", b"131=q|")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    codec = Codec(event_types(vars(e), e.Event))
    path = tmp_path_factory.mktemp("views") / "journal.db"
    with Journal(path, "normal", reserve_bytes=0) as journal:
        rows = []
        for seq, event in enumerate(STORY, start=1):
            name, version, body = codec.encode(event)
            rows.append(EventRow(seq, 1, name, version, event.at_ns, body))
        rows.append(EventRow(len(STORY) + 1, 1, "OrderRecommended", 1, T0, OLD_BODY))
        turn = StagedTurn(1, T0, "test", "", "", tuple(rows), (WAITING,), TAKEN_IN, ANSWER, SENT)
        mark = MarkRow(T0, "US99B001AB35", "marks", T0, "99.10", "0.12", "composite")
        trade = TradeRow(T0, "trade", "US99B001AB35", "corporate", "marks", "t1", T0, "99.05", "2000000")
        journal.commit([turn._replace(marks=(mark,), trades=(trade,))])
    return path


def select(path: Path, view: str, columns: str) -> list[tuple[Any, ...]]:
    with ReadOnly(path) as record:
        return record.query(f"SELECT {columns} FROM {view} ORDER BY event_seq")


def test_messages_of_both_directions_stand_in_one_view(path: Path) -> None:
    columns = "session, epoch, direction, seq, turn_seq, outbox_id, utc_ns, bytes, admin, poss_resend"
    with ReadOnly(path) as record:
        assert record.query(f"SELECT {columns} FROM fix_messages") == list(MESSAGES)


def test_what_was_decided_stands_in_one_view_whether_it_was_numbered_at_once_or_not(path: Path) -> None:
    with ReadOnly(path) as record:
        assert record.query("SELECT * FROM outbox_entries ORDER BY id") == [
            (1, 1, 3, "oms", "report", None, "8", b"39=2|"),
            tuple(WAITING),
            (3, 1, 4, "alder", "ask", T0, "R", b""),
        ]


def test_every_column_is_filled_somewhere(path: Path) -> None:
    with ReadOnly(path) as record:
        for view in VIEWS:
            columns = [row[1] for row in record.query(f"PRAGMA table_info({view})")]
            for column in columns:
                if (view, column) in ALWAYS_EMPTY_HERE:
                    continue
                filled = record.query(f"SELECT count(*) FROM {view} WHERE {column} IS NOT NULL")
                assert filled[0][0] > 0, f"{view}.{column}"


ALWAYS_EMPTY_HERE = {("v_quotes", "offer"), ("v_executions", "accrued"), ("v_executions", "gross")}


def test_orders(path: Path) -> None:
    columns = "order_id, received, status, quantity, limit_price, rounds, fills, filled, average_price, last_text"
    assert select(path, "v_orders", columns) == [
        (
            "o1",
            "2026-01-02T10:00:00.123Z",
            "filled",
            "3000000",
            "98.50",
            1,
            2,
            3000000,
            99.1,
            "all done",
        ),
        ("o2", "2026-01-02T10:00:00.123Z", "not reported", "3000000", None, 1, 0, 0, None, None),
    ]


def test_rfqs(path: Path) -> None:
    columns = "rfq_id, order_id, dealers, wait_s, fair_price, asked, quotes, silent, accepted_from, outcome, closed"
    assert select(path, "v_rfqs", columns) == [
        ("r1", "o1", "alder, birch", 20.0, "99.10", 2, 2, 1, "alder", "executed", "2026-01-02T10:00:05.123Z"),
        ("r2", "o2", "alder, birch", 20.0, None, 0, 0, 0, None, "open", None),
    ]


def test_quotes(path: Path) -> None:
    columns = "dealer, quote_id, kind, price, edge_bps, problem, late, latency_s, accepted, withdrawn, firm_until"
    assert select(path, "v_quotes", columns) == [
        ("alder", "q1", "tradeable", "99.00", -1.5, "", 0, 0.5, 1, None, "2026-01-02T10:00:09.123Z"),
        (
            "birch", "q2", "tradeable", "99.00", None, "too small", 1, 0.5, 0, "2026-01-02T10:00:03.123Z",
            "2026-01-02T10:00:09.123Z",
        ),
    ]  # fmt: skip


def test_executions(path: Path) -> None:
    columns = "exec_id, order_id, dealer, quantity, price, net, improvement_bps, mark_price, reversion_bps, state"
    assert select(path, "v_executions", columns) == [
        ("E2", "o1", "alder", "1000000", "99.00", "990000.5", 1.25, "99.10", -0.5, "booked"),
        ("E3", "o1", "alder", "2000000", "99.15", "990000.5", None, None, None, "corrected"),
        ("E4", "o1", "alder", "1000000", "99.00", "990000.5", None, None, None, "canceled"),
    ]


def test_dealer_scores(path: Path) -> None:
    assert select(path, "v_dealer_scores", "order_id, rule, dealer, chosen, rank, score, parts, reason") == [
        (
            "o1", "corp large", "alder", 1, 1, 0.86, "fill_rate=0.8100 (own), speed=0.0500 (segment mean)",
            "asked as no. 1: top 1",
        ),
        ("o1", "corp large", "birch", 0, 2, 0.77, "fill_rate=0.8100 (own), speed=-0.0500 (own)", "not in the top 1"),
        (
            "o1", "corp large", "cedar", 0, 3, 0.0, "fill_rate=0.0000 (no data), speed=0.0000 (no data)",
            "not in the top 1",
        ),
        ("o1", "corp large", "elm", 0, None, None, None, "paused"),
        ("o1", "corp large", "fir", 0, None, None, None, "its limit is 800,000"),
        ("o2", "old", "alder", 1, 1, 1.0625, "fill rate=0.2700 (own), speed=0.0500 (no data)", "best score"),
        ("o2", "old", "elm", 0, None, None, None, "paused"),
    ]  # fmt: skip


def test_overrides(path: Path) -> None:
    assert select(path, "v_overrides", "what, reference, actor, reason, before, after, past_protections") == [
        ("dealer list", "o1", "joe", "knows better", "alder", "alder, birch", "whisper"),
        ("duplicate allowed", "o2", "ann", "meant", None, None, None),
        ("placement forced", "p8", "ann", "phoned them", None, "forced", None),
    ]
