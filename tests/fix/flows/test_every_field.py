"""Every field of whatever is said reaches the wire, and every field of whatever is heard comes from it.

The fields are those of the types: one that is added has to be named here, with its tag or with why it is not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from itertools import combinations
from typing import Any, Final, get_args

import pytest

from engine.clock import NS_PER_S, fix_timestamp
from engine.domain import messages as m
from engine.domain.axe import AxeQuality, AxeSize
from engine.domain.order import CancelProblem, Handling, OrderRefusal, OrderStatus, Side, TimeInForce
from engine.domain.placement import DkReason
from engine.domain.rfq import QuoteKind
from engine.fix.flows.dialect import QuantityUnit
from engine.fix.flows.translation import Dialect, Role, hear, speak
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.fix.wire.message import Message

DICTIONARY: Final = built_in("FIX.4.4")
ISIN: Final = "US0000000002"
NOW_NS: Final = 1_795_342_530_123_000_000
DIALECTS: Final = {"face": Dialect(), "bonds": Dialect(quantity_unit="bonds_1000")}

# --- said ----------------------------------------------------------------------------------------

REPORT: Final = m.OrderReport(
    exec_id="E-1",
    order_id="O-1",
    session="oms",
    cl_ord_id="C1",
    orig_cl_ord_id="C0",
    kind=m.ReportKind.trade,
    ord_status=OrderStatus.partially_filled,
    account="FUND-A",
    trader="kim",
    security_id=ISIN,
    id_source="4",
    side=Side.buy,
    quantity=Decimal(5_000_000),
    limit_price=Decimal("99.5"),
    tif=TimeInForce.day,
    currency="USD",
    cum_quantity=Decimal(2_000_000),
    leaves_quantity=Decimal(3_000_000),
    average_price=Decimal("99.25"),
    transact_ns=NOW_NS,
    last_quantity=Decimal(1_000_000),
    last_price=Decimal("99.125"),
    dealer="ALDR",
    dealer_exec_id="X-1",
    trade_date="20261122",
    settl_date="20261124",
    accrued=Decimal("11.25"),
    gross=Decimal("991250.5"),
    net=Decimal("991261.75"),
    code=OrderRefusal.other,
    text="words",
    cusip="037833AK6",
    exec_ref_id="E-000007",
)
ASK: Final = m.AskDealer(
    "ash", "r-1", ISIN, "4", Side.buy, Decimal(5_000_000), "USD", "20261124", NOW_NS + NS_PER_S, NOW_NS + 9 * NS_PER_S,
    NOW_NS,
)  # fmt: skip
ACCEPT: Final = m.AcceptQuote(
    "ash", "p-1", "q-1", ISIN, "4", Side.buy, Decimal(5_000_000), Decimal("99.5"), "USD", "20261124", NOW_NS
)
SAID: Final[tuple[m.Said, ...]] = (
    REPORT,
    ASK,
    ACCEPT,
    m.CancelPlacement("ash", "f-1", "p-1", ISIN, "4", Side.buy, Decimal(5_000_000), NOW_NS),
    m.AskPlacementStatus("ash", "p-1", ISIN, "4", Side.buy),
    m.TradeReportAck(
        m.ReportWords("t-1", "0", "0", "F", "t-0", "x-1", "v-1", "m-1", "4", ISIN), NOW_NS, m.ReportProblem.other, "no"
    ),
    m.DontKnowTrade(
        *("ash", "K1", "X1", DkReason.wrong_side, ISIN, "4", Side.buy),
        *(Decimal(5_000_000), Decimal(1_000_000), Decimal("99.5"), "not ours"),
    ),
    m.SubscribeMarketData("M1", (ISIN, "US0000000001")),
    m.SubscribeRates("M2", ("EUR/USD", "USD/JPY")),
    m.CancelRefusal("O-1", "C2", "C1", OrderStatus.filled, CancelProblem.unknown_order, "too late"),
    m.BusinessReject("D", 7, 4, "not now", "C1"),
)
NOT_SAID: Final = {
    (m.OrderReport, "session"): "where it goes",
    (m.AskDealer, "dealer"): "where it goes",
    (m.AcceptQuote, "dealer"): "where it goes",
    (m.CancelPlacement, "dealer"): "where it goes",
    (m.AskPlacementStatus, "dealer"): "where it goes",
    (m.DontKnowTrade, "dealer"): "where it goes",
}

MOVES_WITH: Final[dict[tuple[type, str], set[bytes]]] = {
    (m.OrderReport, "ord_status"): {b"59"},
    (m.SubscribeMarketData, "with_trades"): {b"267"},
    (m.SubscribeRates, "pairs"): {b"460"},
}
"""A TimeInForce(59) is not said of an order that was refused; kinds of entries are counted."""

FIELDS: Final = [(said, field.name) for said in SAID for field in fields(said)]


def others(value: Any) -> Iterator[Any]:
    """Two other values of the same kind."""
    if isinstance(value, Enum):
        yield from [each for each in type(value) if each is not value]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, Decimal):
        yield from (value + 1000, value * 2)
    elif isinstance(value, int):
        # What is a time in nanoseconds is written in milliseconds.
        yield from (value + 1_000_000, value + NS_PER_S) if value > NS_PER_S else (value + 1, value + 2)
    elif isinstance(value, str):
        yield from ("20261130", "20261201") if value.isdigit() and len(value) == 8 else (f"{value}0", f"1{value}")
    elif is_dataclass(value):
        for each in fields(value):
            yield from (replace(value, **{each.name: other}) for other in others(getattr(value, each.name)))  # type: ignore[type-var]
    else:
        yield from (value[:1], value[1:])


def test_everything_that_can_be_said_is_looked_at() -> None:
    assert {type(each) for each in SAID} == set(get_args(m.Said))
    assert all(getattr(said, name) not in (None, "") for said, name in FIELDS)


@pytest.mark.parametrize("unit", DIALECTS)
@pytest.mark.parametrize(
    ("said", "name"), FIELDS, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)
def test_each_field_of_what_is_said_changes_what_is_written(said: m.Said, name: str, unit: str) -> None:
    """And each value of it otherwise than the others: none is written as another one is."""
    spoken = [speak(said, DIALECTS[unit])]
    spoken += [speak(replace(said, **{name: other}), DIALECTS[unit]) for other in others(getattr(said, name))]
    if (type(said), name) in NOT_SAID:
        assert len(set(spoken)) == 1
        return
    for left, right in combinations(spoken, 2):
        assert left != right
    plain = spoken[0][1].split(b"\x01")
    for _, body in spoken[1:]:
        # One value, and the count of what it is one of: nothing else moves with it.
        moved = {part.partition(b"=")[0] for part in set(plain) ^ set(body.split(b"\x01"))}
        assert len(moved - {b"146"} - MOVES_WITH.get((type(said), name), set())) == 1, (name, moved)


OPTIONAL: Final = [field.name for field in fields(m.OrderReport) if field.default is not MISSING]


def tags_of(report: m.OrderReport) -> set[str]:
    return {field.partition(b"=")[0].decode() for field in speak(report)[1].split(b"\x01") if field}


@pytest.mark.parametrize("name", [*OPTIONAL, "account", "orig_cl_ord_id", "currency"])
def test_what_a_report_does_not_know_it_does_not_say(name: str) -> None:
    """Its own tag goes, and nothing else: a zero in its place would be a statement."""
    empty = "" if isinstance(getattr(REPORT, name), str) else None
    without = tags_of(replace(REPORT, **{name: empty}))  # type: ignore[arg-type]
    assert without <= tags_of(REPORT)
    own = {"dealer": 0, "trader": 0, "cusip": 3}  # Parties: one of two. Beside a CUSIP stands the ISIN, as a group.
    assert len(tags_of(REPORT) - without) == own.get(name, 1)


def test_two_reports_in_turn_do_not_lend_each_other_anything() -> None:
    """Parties are kept by name: each of two dealers and two traders, both, one or none."""
    people = [("", ""), ("ALDR", ""), ("", "kim"), ("ALDR", "kim"), ("BRCH", "kim"), ("ALDR", "lee"), ("kim", "ALDR")]
    reports = [replace(REPORT, dealer=dealer, trader=trader) for dealer, trader in people]
    for _ in range(2):
        for report in reports:
            message = heard_again(report)
            parties = {group.get(452): group.get(448) for group in message.groups(453)}
            assert parties == {role: name for role, name in (("1", report.dealer), ("36", report.trader)) if name}


def heard_again(said: m.Said, dialect: Dialect = DIALECTS["face"]) -> Message:
    msg_type, body = speak(said, dialect)
    return wire(msg_type, body)


def wire(msg_type: str, body: bytes) -> Message:
    frame = codec.frame(
        begin_string="FIX.4.4",
        msg_type=msg_type,
        seq_num=7,
        sender="PEER",
        target="BUYSIDE",
        sending_time=fix_timestamp(NOW_NS),
        body=body,
    )
    return codec.decode(frame, DICTIONARY)


# --- heard ---------------------------------------------------------------------------------------

AT: Final = fix_timestamp(NOW_NS)
LATER: Final = fix_timestamp(NOW_NS + 90 * NS_PER_S)
# Role, MsgType(35), the fields of a message that has everything, what it is heard as, and by field the tag it comes
# from with another value of it and what that is heard as. "" in place of a tag: from the type of the message, or
# looked at beside.
Case = tuple[Role, str, str, type, dict[str, tuple[str, Any]]]
HEARD: Final[dict[str, Case]] = {
    "NewOrder": (
        "oms", "D",
        f"1=A1|11=C1|15=USD|21=1|22=4|38=5000|40=2|44=99.5|48={ISIN}|54=1|55=[N/A]|59=6|60={AT}|126={LATER}",
        m.NewOrder,
        {
            "cl_ord_id": ("11=C2", "C2"),
            "account": ("1=A2", "A2"),
            "security_id": ("48=US1", "US1"),
            "side": ("54=2", Side.sell),
            "quantity": ("38=7000", Decimal(7000)),
            "limit_price": ("44=98.5", Decimal("98.5")),
            "tif": ("59=3", TimeInForce.ioc),
            "expire_ns": (f"126={AT}", NOW_NS),
            "handling": ("21=3", Handling.manual),
            "currency": ("15=EUR", "EUR"),
            "transact_ns": (f"60={LATER}", NOW_NS + 90 * NS_PER_S),
            "possible_resend": ("97=Y", True),
            "sent_ns": (f"122={LATER}", NOW_NS + 90 * NS_PER_S),
            "settl_date": ("64=20261130", "20261130"),
            "settl_days": ("63=3", 2),
            "settl_currency": ("120=EUR", "EUR"),
            "effective_ns": (f"168={LATER}", NOW_NS + 90 * NS_PER_S),
            "noted": ("18=1", ("ExecInst(18)=1",)),
            # Where no bonds are at hand every name is its own: tests/desk/test_advertised has bonds.
            "cusip": ("", ""),
        },
    ),
    "UnacceptableOrder": (
        "oms", "D", f"1=A1|11=C1|15=USD|21=1|22=4|38=5000|40=2|44=0|48={ISIN}|54=1|55=[N/A]|59=0|60={AT}",
        m.UnacceptableOrder,
        {
            "cl_ord_id": ("11=C2", "C2"),
            "account": ("1=A2", "A2"),
            "security_id": ("48=US1", "US1"),
            "side": ("54=2", Side.sell),
            "quantity": ("38=7000", Decimal(7000)),
            "code": ("40=3", OrderRefusal.unsupported),
            "text": ("40=3", "OrdType(40)=3: expected 1 (market) or 2 (limit)"),
            "currency": ("15=EUR", "EUR"),
            "possible_resend": ("97=Y", True),
            "id_source": ("22=2", "2"),
        },
    ),
    "CancelOrder": (
        "oms", "F", f"11=C2|41=C1|48={ISIN}|54=1|55=[N/A]|60={AT}", m.CancelOrder,
        {
            "cl_ord_id": ("11=C3", "C3"),
            "orig_cl_ord_id": ("41=C9", "C9"),
            "security_id": ("48=US1", "US1"),
            "side": ("54=2", Side.sell),
        },
    ),
    "ReplaceOrder": (
        "oms", "G",
        f"1=A1|11=C2|15=USD|21=1|22=4|38=5000|40=2|41=C1|44=99.5|48={ISIN}|54=1|55=[N/A]|59=6|60={AT}|126={LATER}",
        m.ReplaceOrder,
        {
            "cl_ord_id": ("11=C3", "C3"),
            "orig_cl_ord_id": ("41=C9", "C9"),
            "account": ("1=A2", "A2"),
            "security_id": ("48=US1", "US1"),
            "side": ("54=2", Side.sell),
            "quantity": ("38=7000", Decimal(7000)),
            "limit_price": ("44=98.5", Decimal("98.5")),
            "tif": ("59=3", TimeInForce.ioc),
            "expire_ns": (f"126={AT}", NOW_NS),
            "handling": ("21=3", Handling.manual),
            "currency": ("15=EUR", "EUR"),
            "transact_ns": (f"60={LATER}", NOW_NS + 90 * NS_PER_S),
            "problem": ("423=6", "PriceType(423)=6: expected 1 (percent of par)"),
            "possible_resend": ("97=Y", True),
            "sent_ns": (f"122={LATER}", NOW_NS + 90 * NS_PER_S),
            "settl_date": ("64=20261130", "20261130"),
            "settl_days": ("63=3", 2),
            "settl_is_regular": ("63=0", True),
            "settl_currency": ("120=EUR", "EUR"),
            "effective_ns": (f"168={LATER}", NOW_NS + 90 * NS_PER_S),
            "noted": ("18=1", ("ExecInst(18)=1",)),
        },
    ),
    "AskOrderStatus": (
        "oms", "H", f"11=C2|48={ISIN}|54=1|55=[N/A]", m.AskOrderStatus,
        {"cl_ord_id": ("11=C3", "C3"), "security_id": ("48=US1", "US1"), "side": ("54=2", Side.sell)},
    ),
    "QuoteAnswer": (
        "dealer", "S", f"131=r1|117=q1|48={ISIN}|537=1|132=99|133=101|134=1000|135=2000|62={AT}|423=1", m.QuoteAnswer,
        {
            "quote_req_id": ("131=r2", "r2"),
            "quote_id": ("117=q2", "q2"),
            "security_id": ("48=US1", "US1"),
            "kind": ("537=2", QuoteKind.restricted),
            "bid": ("132=98", Decimal(98)),
            "offer": ("133=102", Decimal(102)),
            "bid_quantity": ("134=3000", Decimal(3000)),
            "offer_quantity": ("135=4000", Decimal(4000)),
            "valid_until_ns": (f"62={LATER}", NOW_NS + 90 * NS_PER_S),
            "percent_of_par": ("423=6", False),
            "settl_date": ("64=20300320", "20300320"),
            "currency": ("15=EUR", "EUR"),
        },
    ),
    "QuoteDecline": (
        "dealer", "AG", "131=r1|658=10|58=no", m.QuoteDecline,
        {"quote_req_id": ("131=r2", "r2"), "reason": ("658=4", "too late: no")},
    ),
    "QuoteWithdrawal": (
        "dealer", "Z", "131=r1|117=q1|298=1", m.QuoteWithdrawal,
        {
            "quote_req_id": ("131=r2", "r2"),
            "quote_id": ("117=q2", "q2"),
            "bonds": (f"295=1|48={ISIN}|22=4", (("4", ISIN),)),
            "widely": (f"295=1|48={ISIN}|22=4", True),
        },
    ),
    "DealerReport": (
        "dealer", "8",
        f"6=99.25|11=p1|14=2000|15=USD|17=x1|22=4|31=99.125|32=1000|37=D1|38=5000|39=1|41=p0|48={ISIN}|54=1|58=words|60={AT}|64=20261124"
        "|75=20261122|118=11|150=F|151=3000|159=12|381=13",
        m.DealerReport,
        {
            "word": ("150=4", m.DealerWord.canceled),
            "cl_ord_id": ("11=p2", "p2"),
            "orig_cl_ord_id": ("41=p3", "p3"),
            "order_id": ("37=D2", "D2"),
            "exec_id": ("17=x2", "x2"),
            "security_id": ("48=US1", "US1"),
            "side": ("54=2", Side.sell),
            "last_quantity": ("32=1500", Decimal(1500)),
            "last_price": ("31=98", Decimal(98)),
            "cum_quantity": ("14=2500", Decimal(2500)),
            "leaves_quantity": ("151=3500", Decimal(3500)),
            "average_price": ("6=97", Decimal(97)),
            "trade_date": ("75=20261121", "20261121"),
            "settl_date": ("64=20261125", "20261125"),
            "transact_ns": (f"60={LATER}", NOW_NS + 90 * NS_PER_S),
            "accrued": ("159=22", Decimal(22)),
            "gross": ("381=23", Decimal(23)),
            "net": ("118=21", Decimal(21)),
            "text": ("58=others", "others"),
            "status": ("39=2", "2"),
            "unknown_order": ("150=8|103=5", True),
            "possible_resend": ("97=Y", True),
            "refers_to": ("19=x0", "x0"),
            "currency": ("15=EUR", "EUR"),
            "unread": ("31=x", ("LastPx(31)=x: expected a price such as 99.25",)),
            "order_quantity": ("38=7000", Decimal(7000)),
            "bond_named": ("48=US1", ("4", "US1")),
            "as_came": ("", None),
            "secondary_exec_id": ("527=v1", "v1"),
            "match_id": ("880=m1", "m1"),
            "settl_currency": ("120=EUR", "EUR"),
            # A trade report's alone: tests/fix/flows/test_trade_report_wire has them.
            "trade_report_id": ("", None),
            "trade_report_ref": ("", None),
            "reported_before": ("", None),
            "report_words": ("", None),
        },
    ),
    "TradeReport": (
        "dealer", "AE",
        f"571=t1|570=N|17=x1|31=99.125|32=1000|48={ISIN}|22=4|60={AT}|75=20261122|117=q1|552=1|54=1|37=D1|11=p1",
        m.TradeReport,
        {
            "act": ("487=1", m.TradeAct.cancel),
            "trade": ("", None),
            "sides": ("", None),
            "quote_id": ("117=q2", "q2"),
            "odd": ("150=4", "ExecType(150)=4: it cannot be told what becomes of the trade"),
        },
    ),
    "DealerCancelRefused": (
        "dealer", "9", "11=f1|37=D1|39=0|41=p1|58=no|102=0|434=1", m.DealerCancelRefused,
        {
            "cl_ord_id": ("11=f2", "f2"),
            "orig_cl_ord_id": ("41=p2", "p2"),
            "text": ("58=never", "never"),
            "unknown_order": ("102=1|39=8", True),
            "status": ("39=4", OrderStatus.canceled),
        },
    ),
    "AxeSaid": (
        "dealer", "6", f"23=a1|28=R|26=a0|48={ISIN}|54=2|27=5000|44=99.5|25=H|62={AT}", m.AxeSaid,
        {
            "action": ("28=N", m.AxeAction.new),
            "axe_id": ("23=a2", "a2"),
            "refers_to": ("26=a9", "a9"),
            "security_id": ("48=US1", "US1"),
            "seq_num": ("", None),
            "side": ("54=1", Side.buy),
            "quantity": ("27=7000", Decimal(7000)),
            "size": ("27=L", AxeSize.large),
            "price": ("44=98", Decimal(98)),
            "quality": ("25=L", AxeQuality.low),
            "valid_until_ns": (f"62={LATER}", NOW_NS + 90 * NS_PER_S),
        },
    ),
    "RefusedByPeer": (
        "dealer", "j", "45=9|58=no|372=R|379=r1|380=3", m.RefusedByPeer,
        {
            "ref_seq_num": ("45=10", 10),
            "ref_msg_type": ("372=D", "D"),
            "ref_id": ("379=r2", "r2"),
            "text": ("58=never", "BusinessRejectReason(380)=3 never"),
        },
    ),
    "Ignored": ("dealer", "B", "58=news", m.Ignored, {"kind": ("35=h", "h"), "text": ("58=older", "older")}),
    "MarketPrice": (
        "market", "W",
        f"48={ISIN}|268=2|269=0|270=99|272=20261122|273=10:15:30.123|269=1|270=101|272=20261122|273=10:15:30.123",
        m.MarketPrice,
        {
            "security_id": ("48=US1", "US1"),
            "bid": ("", None),
            "offer": ("", None),
            "quoted_ns": ("", None),
            "trades": ("", None),
            "mid": ("", None),
        },
    ),
    "MarketChanges": (
        "market", "X", f"268=1|279=0|269=0|48={ISIN}|270=99", m.MarketChanges,
        {"sides": ("", None), "trades": ("", None), "mids": ("", None)},
    ),
}  # fmt: skip
AS_WELL: Final = {
    ("NewOrder", "tif"): {"expire_ns"},
    ("UnacceptableOrder", "code"): {"text"},
    ("UnacceptableOrder", "text"): {"code"},
    ("UnacceptableOrder", "id_source"): {"code", "text"},
    ("DealerReport", "unknown_order"): {"word"},
    ("DealerCancelRefused", "unknown_order"): {"status"},
    ("DealerReport", "security_id"): {"bond_named"},
    ("DealerReport", "bond_named"): {"security_id"},
    ("DealerReport", "unread"): {"last_price"},
    ("AxeSaid", "size"): {"quantity"},
    ("TradeReport", "act"): {"trade"},
    ("TradeReport", "odd"): {"act", "trade"},
    ("QuoteWithdrawal", "bonds"): {"widely"},
    ("QuoteWithdrawal", "widely"): {"bonds"},
}
"""What has to move with a field: the time of an order that has none, the words of a code."""


def heard(role: Role, msg_type: str, text: str, dialect: Dialect = DIALECTS["face"]) -> m.Heard:
    pairs = [(int(tag), value) for tag, _, value in (field.partition("=") for field in text.split("|"))]
    kind = dict(pairs).get(35, msg_type)
    header = [(tag, value) for tag, value in pairs if tag in (97, 122)]
    body = [(tag, value) for tag, value in pairs if tag not in (35, 97, 122)]
    return hear(role, wire(kind, codec.encode_body([*header, *body])), dialect)


def but(text: str, changes: str) -> str:
    tags = {change.partition("=")[0] for change in changes.split("|")}
    kept = [field for field in text.split("|") if field.partition("=")[0] not in tags]
    return "|".join([*changes.split("|"), *kept])


def test_everything_that_can_be_heard_is_looked_at_field_by_field() -> None:
    assert {case[3] for case in HEARD.values()} == set(get_args(m.Heard))
    for name, case in HEARD.items():
        assert set(case[4]) == {field.name for field in fields(case[3])}, name


CHANGES: Final = [(name, field) for name, case in HEARD.items() for field, (tags, _) in case[4].items() if tags]


@pytest.mark.parametrize(("name", "field"), CHANGES)
def test_each_field_of_what_is_heard_comes_from_its_tag_alone(name: str, field: str) -> None:
    role, msg_type, text, kind, changes = HEARD[name]
    plain = heard(role, msg_type, text)
    assert type(plain) is kind
    tags, expected = changes[field]
    found = heard(role, msg_type, but(text, tags))
    assert type(found) is kind
    assert getattr(found, field) == expected != getattr(plain, field)
    told = [each.name for each in fields(plain) if each.compare]
    moved = {each for each in told if getattr(found, each) != getattr(plain, each)}
    assert moved - {field} == AS_WELL.get((name, field), set())


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param("269=0|270=99|269=1|270=101", (99, 101, None), id="both sides, no time"),
        pytest.param("269=1|270=101|269=0|270=99", (99, 101, None), id="the other way round"),
        pytest.param("269=0|270=99|269=0|270=98|269=1|270=102|269=1|270=101", (99, 101, None), id="the best of two"),
        pytest.param("269=1|270=101", (None, 101, None), id="one side"),
    ],
)
def test_two_sides_of_a_price_are_not_mixed_up(entries: str, expected: tuple[Any, ...]) -> None:
    price = heard("market", "W", f"48={ISIN}|268={entries.count('269=')}|{entries}")
    assert isinstance(price, m.MarketPrice)
    assert (price.bid, price.offer, price.quoted_ns) == expected


# --- units ---------------------------------------------------------------------------------------

UNITS: Final = {"face": Decimal(1), "bonds_1000": Decimal(1000)}
"""Face amount of what one of a quantity on the wire is, by `Dialect.quantity_unit`."""


def quantities(kind: type) -> set[str]:
    """The fields of a type that are a quantity of bonds."""
    return {each.name for each in fields(kind) if each.name == "quantity" or each.name.endswith("_quantity")}


HEARD_QUANTITIES: Final = [(name, field) for name, case in HEARD.items() for field in sorted(quantities(case[3]))]
SAID_QUANTITIES: Final = [(said, field) for said in SAID for field in sorted(quantities(type(said)))]


def test_every_unit_and_every_quantity_is_looked_at() -> None:
    assert set(UNITS) == set(get_args(QuantityUnit))
    assert {field for name, field in HEARD_QUANTITIES if name == "DealerReport"} == {
        "last_quantity",
        "cum_quantity",
        "leaves_quantity",
        "order_quantity",
    }
    assert {field for said, field in SAID_QUANTITIES if said is REPORT} == {
        "quantity",
        "last_quantity",
        "cum_quantity",
        "leaves_quantity",
    }
    assert all(HEARD[name][4][field][0] for name, field in HEARD_QUANTITIES)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("name", "field"), HEARD_QUANTITIES)
def test_each_quantity_that_is_heard_is_face_amount_whatever_the_peer_counts_in(
    name: str, field: str, unit: QuantityUnit
) -> None:
    role, msg_type, text, kind, changes = HEARD[name]
    tags, expected = changes[field]
    found = heard(role, msg_type, but(text, tags), Dialect(quantity_unit=unit))
    assert type(found) is kind
    assert getattr(found, field) == expected * UNITS[unit]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", HEARD)
def test_nothing_but_quantities_depends_on_what_the_peer_counts_in(name: str, unit: QuantityUnit) -> None:
    role, msg_type, text, _, _ = HEARD[name]
    face, found = heard(role, msg_type, text), heard(role, msg_type, text, Dialect(quantity_unit=unit))
    assert found == _counted_in(face, UNITS[unit])


def _counted_in(value: Any, unit: Decimal) -> Any:
    """The same with every quantity in it, of its parts too, so many times as large."""
    counts = quantities(type(value))
    parts = {each.name: getattr(value, each.name) for each in fields(value)}
    for name, part in parts.items():
        if name in counts:
            parts[name] = part * unit if part is not None else None
        elif is_dataclass(part):
            parts[name] = _counted_in(part, unit)
        elif isinstance(part, tuple) and part and is_dataclass(part[0]):
            parts[name] = tuple(_counted_in(each, unit) for each in part)
    return replace(value, **parts)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("tag", [14, 32, 151])
@pytest.mark.parametrize("value", ["", "x"], ids=["absent", "no number"])
def test_a_quantity_of_a_fill_that_nobody_can_read_is_none_and_no_zero(
    value: str, tag: int, unit: QuantityUnit
) -> None:
    """In whatever the dealer counts: the fill is heard all the same."""
    fields_of = {14: "cum_quantity", 32: "last_quantity", 151: "leaves_quantity"}
    text = HEARD["DealerReport"][2]
    others = "|".join(part for part in text.split("|") if not part.startswith(f"{tag}="))
    found = heard("dealer", "8", f"{others}|{tag}={value}" if value else others, Dialect(quantity_unit=unit))
    assert getattr(found, fields_of[tag]) is None
    assert all(getattr(found, other) for number, other in fields_of.items() if number != tag)


TAG_OF: Final = {"quantity": b"38", "last_quantity": b"32", "cum_quantity": b"14", "leaves_quantity": b"151"}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("said", SAID, ids=lambda said: type(said).__name__)
def test_each_quantity_is_written_in_what_the_peer_counts_in_and_nothing_else_is(
    said: m.Said, unit: QuantityUnit
) -> None:
    face = speak(said)[1].split(b"\x01")
    found = speak(said, Dialect(quantity_unit=unit))[1].split(b"\x01")
    counted = {TAG_OF[field]: getattr(said, field) / UNITS[unit] for field in quantities(type(said))}
    expected = [part for part in face if part.partition(b"=")[0] not in counted]
    assert [part for part in found if part.partition(b"=")[0] not in counted] == expected
    written = dict(part.split(b"=") for part in found if part.partition(b"=")[0] in counted)
    assert {tag: Decimal(value.decode()) for tag, value in written.items()} == counted
