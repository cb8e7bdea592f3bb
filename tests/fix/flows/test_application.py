"""What is heard and said on the wire: tables both ways, round trips, and nothing said that must not be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, Literal

import pytest
import simplefix
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import NS_PER_DAY, NS_PER_MS, NS_PER_S, fix_timestamp
from engine.domain.axe import AxeQuality, AxeSize
from engine.domain.messages import (
    AcceptQuote,
    AskDealer,
    AskOrderStatus,
    AskPlacementStatus,
    AxeAction,
    AxeSaid,
    BusinessReject,
    CancelOrder,
    CancelPlacement,
    CancelRefusal,
    DealerCancelRefused,
    DealerReport,
    DealerWord,
    DontKnowTrade,
    Heard,
    Ignored,
    MarketChanges,
    MarketPrice,
    MidChange,
    NewOrder,
    OrderReport,
    QuoteAnswer,
    QuoteDecline,
    QuoteWithdrawal,
    RefusedByPeer,
    ReplaceOrder,
    ReportKind,
    Said,
    SideChange,
    SubscribeMarketData,
    SubscribeRates,
    TradePrint,
    UnacceptableOrder,
)
from engine.domain.order import CancelProblem, Handling, OrderRefusal, OrderStatus, Side, TimeInForce
from engine.domain.placement import DkReason
from engine.domain.rfq import QuoteKind
from engine.errors import ConfigError, ProtocolError
from engine.fix.flows.dialect import EXTRA_TAGS_MAX, ExtraTag
from engine.fix.flows.market import SECURITIES_PER_REQUEST_MAX
from engine.fix.flows.samples import render_samples
from engine.fix.flows.translation import DEFAULT, ApplVer, Dialect, NotTaken, Role, hear, speak
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.fix.wire.message import Message
from engine.fix.wire.validation import validate

ISIN = "US0000000002"
# 2026-11-22 10:15:30.123 UTC, as text and as nanoseconds.
NOW = "20261122-10:15:30.123"
NOW_NS = 1_795_342_530_123_000_000
BONDS = Dialect(quantity_unit="bonds_1000")
DICTIONARIES = {"44": built_in("FIX.4.4"), "50SP2": built_in("FIXT.1.1", "9")}

Fields = Iterable[tuple[int, str]]


def wire(fields: str) -> Message:
    """A message as the session delivers it, from `35=D|11=...`; header and trailer are filled in."""
    first, *rest = (field.split("=", 1) for field in fields.split("|"))
    assert first[0] == "35"
    header = {"97", "43", "122"}
    message = simplefix.FixMessage()
    message.append_pair(8, "FIX.4.4")
    message.append_pair(35, first[1])
    message.append_pair(34, 7)
    message.append_pair(49, "PEER")
    message.append_pair(52, NOW)
    message.append_pair(56, "BUYSIDE")
    for tag, value in sorted(rest, key=lambda field: field[0] not in header):
        message.append_pair(tag, value)
    return codec.decode(message.encode(), DICTIONARIES["44"])


def but(fields: str, *changes: str) -> str:
    """`fields` with `tag=value` put in place of what it had, or `-tag` taken out."""
    parts = fields.split("|")
    for change in changes:
        tag = change.removeprefix("-").split("=", 1)[0]
        kept = [part for part in parts if part.split("=", 1)[0] != tag]
        parts = kept if change.startswith("-") else [*kept, change]
    return "|".join(parts)


def read(body: bytes) -> list[tuple[int, str]]:
    """The fields of a body as simplefix reads them."""
    whole = b"8=FIX.4.4\x019=5\x0135=0\x01" + body + b"10=000\x01"
    parser = simplefix.FixParser()
    parser.append_buffer(whole)
    message = parser.get_message()
    assert message is not None
    assert not parser.get_buffer()
    return [(int(tag), value.decode()) for tag, value in message.pairs if int(tag) not in (8, 9, 35, 10)]


def text_of(body: bytes) -> str:
    return body.replace(b"\x01", b"|").decode()


def delivered(said: Said, dialect: Dialect = DEFAULT, *, copy: bool = False, version: ApplVer = "44") -> Message:
    """What is said, numbered, framed, and decoded by our own codec."""
    msg_type, body = speak(said, dialect, copy=copy, appl_ver=version)
    raw = codec.frame(
        begin_string="FIX.4.4" if version == "44" else "FIXT.1.1",
        msg_type=msg_type,
        seq_num=1,
        sender="BUYSIDE",
        target="PEER",
        sending_time=NOW,
        body=body,
    )
    return codec.decode(raw, DICTIONARIES[version])


# --- heard from an OMS ---------------------------------------------------------------------------

D = f"35=D|1=ACC1|11=C1|15=USD|21=1|22=4|38=5000000|40=2|44=99.5|48={ISIN}|54=1|55=[N/A]|59=0|60={NOW}"
ORDER = NewOrder(
    cl_ord_id="C1",
    account="ACC1",
    security_id=ISIN,
    side=Side.buy,
    quantity=Decimal(5_000_000),
    limit_price=Decimal("99.5"),
    tif=TimeInForce.day,
    expire_ns=None,
    handling=Handling.automatic,
    currency="USD",
    transact_ns=NOW_NS,
)
DAY_START_NS = NOW_NS // NS_PER_DAY * NS_PER_DAY


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param((), ORDER, id="limit order for the day"),
        pytest.param(("54=2",), replace(ORDER, side=Side.sell), id="sell"),
        pytest.param(("40=1", "-44"), replace(ORDER, limit_price=None), id="market order"),
        pytest.param(
            ("40=1",),
            replace(ORDER, limit_price=None, noted=("Price(44)=99.5 on a market order",)),
            id="a price on a market order is not a limit",
        ),
        pytest.param(("-59",), ORDER, id="TimeInForce absent is day"),
        pytest.param(("-21",), ORDER, id="HandlInst absent is automatic"),
        pytest.param(("21=2",), replace(ORDER, handling=Handling.intervention), id="HandlInst 2"),
        pytest.param(("21=3",), replace(ORDER, handling=Handling.manual), id="HandlInst 3"),
        pytest.param(("59=3",), replace(ORDER, tif=TimeInForce.ioc), id="IOC"),
        pytest.param(("59=4",), replace(ORDER, tif=TimeInForce.fok), id="FOK"),
        pytest.param(
            ("59=6", "126=20261122-16:00:00"),
            replace(ORDER, tif=TimeInForce.gtd, expire_ns=DAY_START_NS + 16 * 3600 * NS_PER_S),
            id="GTD by time",
        ),
        pytest.param(
            ("59=6", "432=20261123"),
            replace(ORDER, tif=TimeInForce.gtd, expire_ns=DAY_START_NS + 2 * NS_PER_DAY),
            id="GTD by date lives to the end of that day",
        ),
        pytest.param(("126=20261122-16:00:00",), ORDER, id="ExpireTime without GTD expires nothing"),
        pytest.param(("-1", "-15"), replace(ORDER, account="", currency=""), id="account and currency absent"),
        pytest.param(("22=1", "48=000000000"), replace(ORDER, security_id="000000000"), id="CUSIP passes as it came"),
        pytest.param(("423=1",), ORDER, id="percent of par said"),
        pytest.param(("97=Y",), replace(ORDER, possible_resend=True), id="PossResend"),
        pytest.param(
            ("43=Y", "122=20261122-10:14:30.123"), replace(ORDER, sent_ns=NOW_NS - 60 * NS_PER_S), id="OrigSendingTime"
        ),
        pytest.param(("9999=x",), replace(ORDER, noted=("9999=x",)), id="a tag unheard of changes nothing"),
    ],
)
def test_new_order(changes: tuple[str, ...], expected: NewOrder) -> None:
    assert hear("oms", wire(but(D, *changes))) == expected


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        pytest.param(("38=-5",), 13, "OrderQty(38)=-5", id="negative quantity"),
        pytest.param(("38=0",), 13, "OrderQty(38)=0", id="no quantity"),
        pytest.param(("38=0.4",), 13, "OrderQty(38)=0.4: expected a whole face amount", id="millions"),
        pytest.param(("38=400000.5",), 13, "OrderQty(38)=400000.5: expected a whole face amount", id="a half"),
        pytest.param(("-38",), 13, "OrderQty(38) missing", id="quantity absent"),
        pytest.param(("-38", "152=100"), 13, "OrderQty(38) missing", id="cash order"),
        pytest.param(("15=ZZZ",), 99, "Currency(15)=ZZZ", id="unknown currency"),
        pytest.param(("15=usd",), 99, "(did you mean 'USD'?)", id="currency in small letters"),
        pytest.param(("15=GBX",), 99, "Currency(15)=GBX: expected a currency of ISO 4217", id="a part of a currency"),
        pytest.param(("40=3",), 11, "OrdType(40)=3", id="stop order"),
        pytest.param(("40=D",), 11, "OrdType(40)=D", id="previously quoted"),
        pytest.param(("59=1",), 11, "TimeInForce(59)=1", id="good till cancel"),
        pytest.param(("59=7",), 11, "TimeInForce(59)=7", id="at the close"),
        pytest.param(("59=6",), 99, "without ExpireTime(126)", id="GTD without an end"),
        pytest.param(("-44",), 99, "Price(44) missing", id="limit order without a price"),
        pytest.param(("44=0",), 99, "Price(44)=0", id="price 0"),
        pytest.param(("44=-1",), 99, "Price(44)=-1", id="negative price"),
        pytest.param(("423=9",), 11, "PriceType(423)=9", id="limit in yield"),
        pytest.param(("21=9",), 11, "HandlInst(21)=9", id="HandlInst unheard of"),
        pytest.param(("22=2",), 1, "SecurityIDSource(22)=2", id="SEDOL"),
        pytest.param(("-48",), 1, "SecurityID(48) missing", id="no security"),
    ],
)
def test_unacceptable_order_is_heard(changes: tuple[str, ...], code: int, words: str) -> None:
    heard = hear("oms", wire(but(D, *changes)))
    assert isinstance(heard, UnacceptableOrder)
    assert heard.code == code
    assert words in heard.text
    assert (heard.cl_ord_id, heard.account, heard.side) == ("C1", "ACC1", Side.buy)


def test_unacceptable_order_keeps_what_it_said() -> None:
    heard = hear("oms", wire(but(D, "54=5", "97=Y")))
    assert heard == UnacceptableOrder(
        cl_ord_id="C1",
        account="ACC1",
        security_id=ISIN,
        side=Side.sell,
        quantity=Decimal(5_000_000),
        code=OrderRefusal.unsupported,
        text="Side(54)=5: expected 1 (buy) or 2 (sell)",
        currency="USD",
        possible_resend=True,
    )
    absent = hear("oms", wire(but(D, "-38", "-48")))
    assert isinstance(absent, UnacceptableOrder)
    assert (absent.quantity, absent.security_id) == (Decimal(0), "")


@pytest.mark.parametrize(
    ("changes", "reason", "tag"),
    [
        pytest.param(("-11",), 1, 11, id="no ClOrdID"),
        pytest.param(("-54",), 1, 54, id="no Side"),
        pytest.param(("-40",), 1, 40, id="no OrdType"),
        pytest.param(("-60",), 1, 60, id="no TransactTime"),
        pytest.param(("54=Z",), 5, 54, id="a side that is none"),
        pytest.param(("38=many",), 6, 38, id="quantity is no number"),
        pytest.param(("38=1e6",), 6, 38, id="quantity with an exponent"),
        pytest.param(("44=par",), 6, 44, id="price is no number"),
        pytest.param(("60=today",), 6, 60, id="time is none"),
        pytest.param(("59=6", "126=soon"), 6, 126, id="end is no time"),
        pytest.param(("59=6", "432=20261341"), 6, 432, id="end is no date"),
    ],
)
def test_order_that_breaks_fix(changes: tuple[str, ...], reason: int, tag: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        hear("oms", wire(but(D, *changes)))
    assert (caught.value.reason, caught.value.tag) == (reason, tag)


G = f"35=G|1=A1|11=C2|15=USD|21=1|22=4|38=1000|40=2|41=C1|44=99|48={ISIN}|54=2|55=[N/A]|59=0|60={NOW}"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param((), "", id="nothing"),
        pytest.param(("152=5",), "both stand in it", id="two kinds of quantity"),
        pytest.param(("-38", "152=5"), "CashOrderQty(152): expected a face amount", id="cash"),
        pytest.param(("-38",), "OrderQty(38) missing", id="no quantity"),
        pytest.param(("38=0",), "OrderQty(38)=0: expected more than 0", id="none of it"),
        pytest.param(("38=0.4",), "OrderQty(38)=0.4: expected a whole face amount", id="millions"),
        pytest.param(("-44",), "Price(44) missing on a limit order", id="a limit order without one"),
        pytest.param(("423=9",), "PriceType(423)=9", id="a limit in yield"),
        pytest.param(("40=3",), "OrdType(40)=3", id="a stop"),
        pytest.param(("59=7",), "TimeInForce(59)=7", id="at the close"),
        pytest.param(("59=6",), "without ExpireTime(126)", id="until no day"),
        pytest.param(("21=9",), "HandlInst(21)=9", id="handled how"),
        pytest.param(("-48",), "SecurityID(48) missing", id="no bond"),
    ],
)
def test_replace_that_no_order_can_become(changes: tuple[str, ...], problem: str) -> None:
    heard = hear("oms", wire(but(G, *changes)))
    assert isinstance(heard, ReplaceOrder)
    assert problem in heard.problem
    assert bool(heard.problem) is bool(problem)


def test_order_in_bonds() -> None:
    heard = hear("oms", wire(but(D, "38=250")), BONDS)
    assert heard == replace(ORDER, quantity=Decimal(250_000))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            f"35=F|11=C2|22=4|38=5000000|41=C1|48={ISIN}|54=1|55=[N/A]|60={NOW}",
            CancelOrder("C2", "C1", ISIN, Side.buy),
            id="cancel",
        ),
        pytest.param(
            f"35=G|11=C2|22=4|38=1000|40=1|41=C1|48={ISIN}|54=2|55=[N/A]|60={NOW}",
            ReplaceOrder("C2", "C1", "", ISIN, Side.sell, Decimal(1000), None, None, None, None, "", NOW_NS),
            id="replace",
        ),
        pytest.param(f"35=H|11=C1|22=4|48={ISIN}|54=1|55=[N/A]", AskOrderStatus("C1", ISIN, Side.buy), id="status"),
        pytest.param("35=H|11=C1", AskOrderStatus("C1", "", None), id="status by ClOrdID alone"),
    ],
)
def test_other_oms_messages(fields: str, expected: object) -> None:
    assert hear("oms", wire(fields)) == expected


@pytest.mark.parametrize(
    ("fields", "reason", "tag"),
    [
        pytest.param(f"35=F|11=C2|48={ISIN}|54=1|60={NOW}", 1, 41, id="cancel of what"),
        pytest.param(f"35=F|41=C1|48={ISIN}|54=1|60={NOW}", 1, 11, id="cancel without its own ClOrdID"),
        pytest.param(f"35=F|11=C2|41=C1|48={ISIN}|60={NOW}", 1, 54, id="cancel without Side"),
        pytest.param(f"35=G|11=C2|41=C1|48={ISIN}|54=Y|60={NOW}", 5, 54, id="replace of no side"),
        pytest.param(f"35=H|48={ISIN}", 1, 11, id="status of what"),
    ],
)
def test_other_oms_messages_that_break_fix(fields: str, reason: int, tag: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        hear("oms", wire(fields))
    assert (caught.value.reason, caught.value.tag) == (reason, tag)


# --- who may say what ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "fields", "reason", "ref_id"),
    [
        pytest.param("oms", "35=AB|11=M1", 3, "M1", id="multileg order"),
        pytest.param("oms", "35=E|66=L1", 3, "L1", id="list"),
        pytest.param("oms", f"35=S|117=Q1|131=R1|48={ISIN}", 3, "Q1", id="quote from an OMS"),
        pytest.param("dropcopy", D, 6, "C1", id="order on a drop copy"),
        pytest.param("dropcopy", "35=V|262=M1", 6, "M1", id="market data request on a drop copy"),
        pytest.param("dealer", D, 3, "C1", id="order from a dealer"),
        pytest.param("market", "35=8|17=E1|150=F|39=2", 3, "E1", id="fill from a market data provider"),
        pytest.param("dealer", f"35=S|117=Q1|48={ISIN}", 5, "Q1", id="quote that answers nothing"),
        pytest.param("market", "35=W|262=M1", 5, "M1", id="snapshot of what"),
        pytest.param("oms", but(D, "54=8"), 0, "C1", id="cross order"),
        pytest.param("oms", f"35=F|11=C2|41=C1|54=8|60={NOW}", 0, "C2", id="cancel of a cross"),
    ],
)
def test_not_taken(role: Role, fields: str, reason: int, ref_id: str) -> None:
    with pytest.raises(NotTaken) as caught:
        hear(role, wire(fields))
    reject = caught.value.reject
    assert (reject.reason, reject.ref_seq_num, reject.ref_id) == (reason, 7, ref_id)
    assert reject.ref_msg_type == fields.split("|")[0].removeprefix("35=")
    assert reject.text


@pytest.mark.parametrize("role", ["oms", "dropcopy", "dealer", "market"])
def test_a_message_without_a_type_is_rejected_by_the_session(role: Role) -> None:
    """With validation off it comes as far as this, and a BusinessMessageReject(j) could not name it."""
    with pytest.raises(ProtocolError) as caught:
        hear(role, wire("35=|11=C1"))
    assert (caught.value.reason, caught.value.tag) == (11, None)


def test_drop_copy_may_ask_for_status() -> None:
    assert hear("dropcopy", wire("35=H|11=C1|54=2")) == AskOrderStatus("C1", "", Side.sell)


@pytest.mark.parametrize("role", ["oms", "dropcopy", "dealer", "market"])
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            "35=3|45=12|371=44|372=D|373=5|58=bad price",
            RefusedByPeer(12, "D", "", "SessionRejectReason(373)=5 RefTagID(371)=44 bad price"),
            id="Reject",
        ),
        pytest.param(
            "35=j|45=12|372=R|379=R1|380=2|58=unknown",
            RefusedByPeer(12, "R", "R1", "BusinessRejectReason(380)=2 unknown"),
            id="BusinessMessageReject",
        ),
        pytest.param("35=3|45=x", RefusedByPeer(0, "", "", "SessionRejectReason(373)=?"), id="as little as can be"),
    ],
)
def test_refusals_are_heard_and_never_refused(role: Role, fields: str, expected: RefusedByPeer) -> None:
    assert hear(role, wire(fields)) == expected


@pytest.mark.parametrize(
    ("role", "fields", "kind", "text"),
    [
        ("dealer", "35=AJ|693=P1|694=2", "AJ", ""),
        ("dealer", "35=B|148=closing early", "B", ""),
        ("dealer", "35=h|336=1|340=3", "h", ""),
        ("market", "35=Y|262=M1|281=0|58=unknown bond", "Y", "unknown bond"),
    ],
)
def test_ignored(role: Role, fields: str, kind: str, text: str) -> None:
    assert hear(role, wire(fields)) == Ignored(kind, text)


# --- what a dealer advertises --------------------------------------------------------------------

IOI = f"35=6|23=A1|28=N|48={ISIN}|22=4|55=[N/A]|54=2|27=5000000"
SAID = AxeSaid(AxeAction.new, "A1", "", ISIN, 7, Side.sell, Decimal(5_000_000))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(IOI, SAID, id="as little as can be"),
        pytest.param(
            f"{IOI}|44=99.5|62={NOW}|25=H",
            replace(SAID, price=Decimal("99.5"), valid_until_ns=NOW_NS, quality=AxeQuality.high),
            id="price, life and quality",
        ),
        pytest.param(IOI.replace("27=5000000", "27=S"), replace(SAID, quantity=None, size=AxeSize.small), id="small"),
        pytest.param(IOI.replace("27=5000000", "27=M"), replace(SAID, quantity=None, size=AxeSize.medium), id="medium"),
        pytest.param(IOI.replace("27=5000000", "27=L"), replace(SAID, quantity=None, size=AxeSize.large), id="large"),
        pytest.param(IOI.replace("27=5000000", "27=U"), replace(SAID, quantity=None), id="an undisclosed size"),
        pytest.param(f"{IOI}|44=99.5|423=6", SAID, id="a spread is no price"),
        pytest.param(f"{IOI}|44=0", SAID, id="a price of 0 is none"),
        pytest.param(f"{IOI}|25=X", SAID, id="an unheard of quality is none"),
        pytest.param(
            f"35=6|23=A2|28=R|26=A1|48={ISIN}|54=1|27=1",
            AxeSaid(AxeAction.replacement, "A2", "A1", ISIN, 7, Side.buy, Decimal(1)),
            id="replaced",
        ),
        pytest.param(
            "35=6|23=A2|28=C|26=A1", AxeSaid(AxeAction.cancel, "A2", "A1", "", 7), id="a cancel needs no more than this"
        ),
        pytest.param(
            f"35=6|23=A2|28=C|26=A1|48={ISIN}|54=7|27=x",
            AxeSaid(AxeAction.cancel, "A2", "A1", ISIN, 7),
            id="the rest of a cancel is not looked at",
        ),
    ],
)
def test_an_interest_is_heard(fields: str, expected: AxeSaid) -> None:
    assert replace(hear("dealer", wire(fields)), seq_num=7) == expected  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("fields", "reason", "text"),
    [
        pytest.param(IOI.replace("28=N", "28=R"), 5, "IOIRefID(26) missing: IOITransType(28)=R needs it", id="of none"),
        pytest.param("35=6|23=A1|28=C", 5, "IOIRefID(26) missing: IOITransType(28)=C needs it", id="a cancel of none"),
        pytest.param(
            IOI.replace(f"48={ISIN}|", ""), 5, "SecurityID(48) missing: bonds are told apart by it alone", id="no bond"
        ),
        pytest.param(
            IOI.replace("54=2", "54=7"),
            0,
            "Side(54)=7 has no direction: expected 1 (buy) or 2 (sell)",
            id="an undisclosed side",
        ),
        pytest.param(IOI.replace("27=5000000", "27=0"), 0, "IOIQty(27)=0: expected more than 0, or S, M or L", id="0"),
        pytest.param(
            IOI.replace("27=5000000", "27=-1"), 0, "IOIQty(27)=-1: expected more than 0, or S, M or L", id="-1"
        ),
    ],
)
def test_an_interest_that_cannot_be_used_is_refused_by_j(fields: str, reason: int, text: str) -> None:
    with pytest.raises(NotTaken) as caught:
        hear("dealer", wire(fields))
    reject = caught.value.reject
    assert (reject.ref_msg_type, reject.reason, reject.text, reject.ref_id) == ("6", reason, text, "A1")


@pytest.mark.parametrize(
    ("fields", "reason", "tag"),
    [
        pytest.param(IOI.replace("23=A1|", ""), 1, 23, id="no IOIid"),
        pytest.param(IOI.replace("28=N|", ""), 1, 28, id="no IOITransType"),
        pytest.param(IOI.replace("28=N", "28=X"), 5, 28, id="an IOITransType that is none"),
        pytest.param(IOI.replace("54=2|", ""), 1, 54, id="no side"),
        pytest.param(IOI.replace("54=2", "54=Z"), 5, 54, id="a side that is none"),
        pytest.param(IOI.replace("|27=5000000", ""), 1, 27, id="no quantity"),
        pytest.param(IOI.replace("27=5000000", "27=many"), 6, 27, id="a quantity that is no number"),
        pytest.param(f"{IOI}|44=par", 6, 44, id="a price that is no number"),
        pytest.param(f"{IOI}|62=tomorrow", 6, 62, id="a time that is none"),
    ],
)
def test_an_interest_that_breaks_fix_is_rejected(fields: str, reason: int, tag: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        hear("dealer", wire(fields))
    assert (caught.value.reason, caught.value.tag) == (reason, tag)


def test_bonds_of_an_interest_are_counted_as_agreed() -> None:
    heard = hear("dealer", wire(IOI.replace("27=5000000", "27=5000")), BONDS)
    assert isinstance(heard, AxeSaid)
    assert heard.quantity == 5_000_000


# --- heard from a dealer -------------------------------------------------------------------------

S = f"35=S|117=Q1|131=R1|537=1|55=[N/A]|48={ISIN}|22=4|132=98.5|133=99|134=5000000|135=2000000|62={NOW}|423=1"
QUOTE = QuoteAnswer(
    quote_req_id="R1",
    quote_id="Q1",
    security_id=ISIN,
    kind=QuoteKind.tradeable,
    bid=Decimal("98.5"),
    offer=Decimal(99),
    bid_quantity=Decimal(5_000_000),
    offer_quantity=Decimal(2_000_000),
    valid_until_ns=NOW_NS,
)
YIELD_DEALER = Dialect(price_type="9")


@pytest.mark.parametrize(
    ("changes", "dialect", "expected"),
    [
        pytest.param((), DEFAULT, QUOTE, id="two-sided"),
        pytest.param(("-537",), DEFAULT, replace(QUOTE, kind=QuoteKind.indicative), id="QuoteType absent: indicative"),
        pytest.param(("537=0",), DEFAULT, replace(QUOTE, kind=QuoteKind.indicative), id="indicative"),
        pytest.param(("537=2",), DEFAULT, replace(QUOTE, kind=QuoteKind.restricted), id="restricted"),
        pytest.param(("537=3",), DEFAULT, replace(QUOTE, kind=QuoteKind.counter), id="counter"),
        pytest.param(("537=4",), DEFAULT, replace(QUOTE, kind=QuoteKind.indicative), id="unheard of: indicative"),
        pytest.param(("-132", "-134"), DEFAULT, replace(QUOTE, bid=None, bid_quantity=None), id="offer only"),
        pytest.param(("132=0",), DEFAULT, replace(QUOTE, bid=None, bid_quantity=None), id="price 0 is none"),
        pytest.param(("132=-1",), DEFAULT, replace(QUOTE, bid=None, bid_quantity=None), id="negative price is none"),
        pytest.param(("135=0",), DEFAULT, replace(QUOTE, offer=None, offer_quantity=None), id="size 0 is no price"),
        pytest.param(("-135",), DEFAULT, replace(QUOTE, offer_quantity=None), id="size not said"),
        pytest.param(("-62",), DEFAULT, replace(QUOTE, valid_until_ns=None), id="life not said"),
        pytest.param(("-423",), DEFAULT, QUOTE, id="PriceType absent is percent of par"),
        pytest.param(("423=6",), DEFAULT, replace(QUOTE, percent_of_par=False), id="spread"),
        pytest.param(("15=EUR",), DEFAULT, replace(QUOTE, currency="EUR"), id="currency said"),
        pytest.param(("-423",), YIELD_DEALER, replace(QUOTE, percent_of_par=False), id="PriceType by dialect"),
        pytest.param((), YIELD_DEALER, QUOTE, id="PriceType said beats the dialect"),
        pytest.param(
            ("134=5000", "135=2000"),
            BONDS,
            QUOTE,
            id="sizes in bonds",
        ),
    ],
)
def test_quote(changes: tuple[str, ...], dialect: Dialect, expected: QuoteAnswer) -> None:
    assert hear("dealer", wire(but(S, *changes)), dialect) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param("35=AG|131=R1|658=10|146=0", QuoteDecline("R1", "pass"), id="pass"),
        pytest.param(
            "35=AG|131=R1|658=9|146=0|58=try later", QuoteDecline("R1", "no inventory: try later"), id="no inventory"
        ),
        pytest.param("35=AG|131=R1|658=77|146=0", QuoteDecline("R1", "reason 77"), id="a reason unheard of"),
        pytest.param("35=Z|131=R1|117=Q1|298=1", QuoteWithdrawal("R1", "Q1"), id="one quote"),
        pytest.param("35=Z|131=R1|117=Q1|298=5", QuoteWithdrawal("R1", "Q1"), id="one quote, as in 5.0 SP2"),
        pytest.param("35=Z|131=R1|117=Q1|298=4", QuoteWithdrawal("R1", ""), id="all under the request"),
        pytest.param("35=Z|131=R1|117=*|298=1", QuoteWithdrawal("R1", ""), id="all, said with a star"),
        pytest.param("35=Z|117=Q1|298=4", QuoteWithdrawal("", ""), id="everything"),
        pytest.param(
            "35=Z|117=NONE|298=1|295=1|55=[N/A]|48=US0378331005|22=4",
            QuoteWithdrawal("", "", (("4", "US0378331005"),)),
            id="those of a bond",
        ),
        pytest.param(
            "35=Z|131=none|117=*|298=1|295=2|55=[N/A]|48=US0378331005|22=4|55=[N/A]|48=037833100|22=1",
            QuoteWithdrawal("", "", (("4", "US0378331005"), ("1", "037833100"))),
            id="those of two bonds, said with a star",
        ),
        pytest.param(
            "35=Z|117=Q1|298=1|295=1|55=[N/A]|48=US0378331005|22=4",
            QuoteWithdrawal("", "Q1", (("4", "US0378331005"),), widely=True),
            id="one quote, or those of a bond",
        ),
        pytest.param(
            "35=Z|117=N/A|298=1|295=1|55=APPLE 35|48=A35|22=8", QuoteWithdrawal("", ""), id="a bond that cannot be told"
        ),
        pytest.param("35=Z|117=NONE|298=2|295=1|55=[N/A]|167=CORP", QuoteWithdrawal("", ""), id="a type of security"),
        pytest.param(
            "35=Z|117=C7|298=3|295=1|55=[N/A]|48=US0378331005|22=4",
            QuoteWithdrawal("", "C7", (), widely=True),
            id="an underlying",
        ),
        pytest.param(
            "35=Z|117=Q1|298=5|295=1|55=[N/A]|48=US0378331005|22=4",
            QuoteWithdrawal("", "Q1"),
            id="one quote and its bond",
        ),
        pytest.param(
            "35=AI|117=NONE|297=1|48=US0378331005|22=4",
            QuoteWithdrawal("", "", (("4", "US0378331005"),)),
            id="status: a bond's quotes are canceled",
        ),
        pytest.param("35=AI|117=*|297=4|48=US0378331005|22=4", QuoteWithdrawal("", ""), id="status: all are canceled"),
        pytest.param(
            "35=AI|117=*|297=7|48=US0378331005|22=4",
            QuoteWithdrawal("", "", (("4", "US0378331005"),)),
            id="status: a bond's quotes expired",
        ),
        pytest.param(
            "35=AI|131=R1|117=NONE|297=17", QuoteWithdrawal("R1", ""), id="status: the request's are canceled"
        ),
        pytest.param(
            "35=AI|117=NONE|297=7",
            Ignored("AI", "QuoteStatus(297)=7 QuoteID(117)=NONE"),
            id="status of nobody knows what ends none",
        ),
        pytest.param("35=AI|131=R1|117=Q1|297=7", QuoteWithdrawal("R1", "Q1"), id="status: expired"),
        pytest.param("35=AI|131=R1|117=Q1|297=5", QuoteWithdrawal("R1", "Q1"), id="status: rejected"),
        pytest.param("35=AI|131=R1|117=Q1|297=11", QuoteDecline("R1", "pass"), id="status: pass"),
        pytest.param(
            "35=AI|131=R1|117=Q1|297=0", Ignored("AI", "QuoteStatus(297)=0 QuoteID(117)=Q1"), id="status: accepted"
        ),
        pytest.param(
            "35=AI|131=R1|297=7", Ignored("AI", "QuoteStatus(297)=7 QuoteID(117)="), id="status of no quote ends none"
        ),
        pytest.param("35=b|131=R1|297=5|300=99", QuoteDecline("R1", "rejected (99)"), id="request rejected by b"),
        pytest.param(
            "35=b|131=R1|297=0", Ignored("b", "QuoteStatus(297)=0 QuoteReqID(131)=R1"), id="request acknowledged by b"
        ),
        pytest.param(
            "35=9|11=F1|37=X|39=8|41=P1|102=1|434=1|58=who?",
            DealerCancelRefused("F1", "P1", "who?", unknown_order=True, status=OrderStatus.rejected),
            id="cancel of an unknown order",
        ),
        pytest.param(
            "35=9|11=F1|37=X|39=2|41=P1|102=0|434=1",
            DealerCancelRefused("F1", "P1", "", unknown_order=False, status=OrderStatus.filled),
            id="cancel too late",
        ),
        pytest.param(
            "35=9|11=F1|37=X|39=2|41=P1|102=1|434=1",
            DealerCancelRefused("F1", "P1", "", unknown_order=False, status=OrderStatus.filled),
            id="an order said to be unknown and filled is not unknown",
        ),
    ],
)
def test_other_dealer_messages(fields: str, expected: object) -> None:
    assert hear("dealer", wire(fields)) == expected


@pytest.mark.parametrize(
    ("fields", "reason", "tag"),
    [
        pytest.param("35=S|131=R1", 1, 117, id="quote without its identifier"),
        pytest.param(but(S, "132=n/a"), 6, 132, id="price is no number"),
        pytest.param(but(S, "62=soon"), 6, 62, id="life is no time"),
        pytest.param("35=AG|658=10", 1, 131, id="decline of what"),
        pytest.param("35=AG|131=R1", 1, 658, id="decline without a reason"),
        pytest.param("35=Z|131=R1|117=Q1", 1, 298, id="cancel of what kind"),
        pytest.param("35=8|37=X|39=2|150=F|11=P1|32=1|31=1", 1, 17, id="fill without ExecID"),
        pytest.param("35=8|37=X|17=E1|11=P1", 1, 150, id="a report that says nothing"),
    ],
)
def test_dealer_messages_that_break_fix(fields: str, reason: int, tag: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        hear("dealer", wire(fields))
    assert (caught.value.reason, caught.value.tag) == (reason, tag)


NO = DontKnowTrade(
    *("alder", "K1", "E1", DkReason.price_exceeds_limit, ISIN, "4", Side.buy),
    *(Decimal(5_000_000), Decimal(400_000), Decimal("98.5"), "not ours"),
)
FILL_FIELDS = (
    "35=8|6=98.5|11=P1|14=5000000|17=E1|31=98.5|32=5000000|37=X1|39=2"
    f"|48={ISIN}|22=4|54=1|60={NOW}|64=20261124|75=20261122|118=4960000|150=F|151=0|159=35000|381=4925000"
)
FILL = DealerReport(
    word=DealerWord.filled,
    cl_ord_id="P1",
    orig_cl_ord_id="",
    order_id="X1",
    exec_id="E1",
    security_id=ISIN,
    side=Side.buy,
    last_quantity=Decimal(5_000_000),
    last_price=Decimal("98.5"),
    cum_quantity=Decimal(5_000_000),
    leaves_quantity=Decimal(0),
    average_price=Decimal("98.5"),
    trade_date="20261122",
    settl_date="20261124",
    transact_ns=NOW_NS,
    accrued=Decimal(35_000),
    gross=Decimal(4_925_000),
    net=Decimal(4_960_000),
    status="2",
    bond_named=("4", ISIN),
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param((), FILL, id="fill"),
        pytest.param(("97=Y",), replace(FILL, possible_resend=True), id="possibly sent before"),
        pytest.param(("58=thanks",), replace(FILL, text="thanks"), id="text"),
        pytest.param(
            ("453=1", "448=X", "447=?", "452=999", "9876=what", "528=!", "854=9"), FILL, id="odd tags refuse no fill"
        ),
        pytest.param(
            ("6=?", "60=noon", "118=lots", "159=", "151=x"),
            replace(FILL, average_price=None, transact_ns=None, net=None, accrued=None, leaves_quantity=None),
            id="values that cannot be read refuse no fill",
        ),
        pytest.param(
            ("31=n/a",),
            replace(FILL, last_price=None, unread=("LastPx(31)=n/a: expected a price such as 99.25",)),
            id="not even an unreadable price does",
        ),
        pytest.param(
            ("32=0.4",),
            replace(FILL, last_quantity=None, unread=("LastQty(32)=0.4: expected a whole face amount",)),
            id="nor a quantity in millions, which is no face amount",
        ),
        pytest.param(
            ("-32", "-54"),
            replace(
                FILL,
                last_quantity=None,
                side=None,
                unread=("LastQty(32) is missing: expected a quantity such as 1000000",),
            ),
            id="nor missing ones",
        ),
        pytest.param(("54=Z",), replace(FILL, side=None), id="nor a side that is none"),
        pytest.param(
            ("423=6",),
            replace(
                FILL,
                last_price=None,
                average_price=None,
                unread=("PriceType(423)=6: expected 1, percent of par, or LastParPx(669) beside it",),
            ),
            id="a spread is never booked as a price",
        ),
        pytest.param(
            ("423=6", "31=120", "669=98.5"),
            replace(FILL, average_price=None),
            id="LastParPx is the price where LastPx is a spread",
        ),
        pytest.param(("-150",), FILL, id="ExecType absent: OrdStatus says it"),
    ],
)
def test_fill(changes: tuple[str, ...], expected: DealerReport) -> None:
    assert hear("dealer", wire(but(FILL_FIELDS, *changes))) == expected


def test_fill_in_bonds() -> None:
    heard = hear("dealer", wire(but(FILL_FIELDS, "32=5000", "14=5000")), BONDS)
    assert heard == FILL


@pytest.mark.parametrize(
    ("changes", "word", "unknown_order"),
    [
        pytest.param(("150=0", "39=0"), DealerWord.acknowledged, False, id="new"),
        pytest.param(("150=A", "39=A"), DealerWord.acknowledged, False, id="pending new"),
        pytest.param(("150=F", "39=1"), DealerWord.filled, False, id="partial"),
        pytest.param(("150=1", "39=1"), DealerWord.filled, False, id="partial as in 4.2"),
        pytest.param(("150=2", "39=2"), DealerWord.filled, False, id="fill as in 4.2"),
        pytest.param(("150=8", "39=8"), DealerWord.rejected, False, id="rejected"),
        pytest.param(("150=8", "39=8", "103=99"), DealerWord.rejected, False, id="rejected, last look"),
        pytest.param(("150=8", "39=8", "103=5"), DealerWord.rejected, True, id="rejected: unknown order"),
        pytest.param(("150=4", "39=4"), DealerWord.canceled, False, id="canceled"),
        pytest.param(("150=C", "39=C"), DealerWord.canceled, False, id="expired"),
        pytest.param(("150=I", "39=0"), DealerWord.status, False, id="status: working"),
        pytest.param(("150=I", "39=2"), DealerWord.status, False, id="a status is no fill"),
        pytest.param(("150=I", "39=8", "37=X1"), DealerWord.status, False, id="status: it was rejected"),
        pytest.param(("150=I", "39=8", "103=5"), DealerWord.status, True, id="status: unknown order"),
        pytest.param(("150=I", "39=8", "37=NONE"), DealerWord.status, True, id="status: no order to name"),
        pytest.param(("150=I", "39=2", "37=NONE"), DealerWord.status, False, id="status: filled, carelessly named"),
        pytest.param(("150=G",), DealerWord.corrected, False, id="trade correct"),
        pytest.param(("150=H",), DealerWord.trade_canceled, False, id="trade cancel"),
        pytest.param(("150=D", "39=0"), DealerWord.status, False, id="restated"),
        pytest.param(("150=6", "39=6"), DealerWord.status, False, id="pending cancel"),
        pytest.param(("150=Q", "39=2"), DealerWord.status, False, id="an ExecType unheard of is no fill"),
        pytest.param(("150=2", "20=1"), DealerWord.trade_canceled, False, id="4.2: ExecTransType cancel"),
        pytest.param(("150=2", "20=2"), DealerWord.corrected, False, id="4.2: ExecTransType correct"),
        pytest.param(("150=2", "20=3"), DealerWord.status, False, id="4.2: ExecTransType status"),
        pytest.param(("150=2", "20=0"), DealerWord.filled, False, id="4.2: ExecTransType new"),
        pytest.param(("-150", "39=8"), DealerWord.rejected, False, id="ExecType absent, rejected"),
    ],
)
def test_word_of_a_report(changes: tuple[str, ...], word: DealerWord, unknown_order: bool) -> None:
    heard = hear("dealer", wire(but(FILL_FIELDS, *changes)))
    assert isinstance(heard, DealerReport)
    assert (heard.word, heard.unknown_order) == (word, unknown_order)


# --- heard from a market data provider -----------------------------------------------------------

W = f"35=W|262=M1|55=[N/A]|48={ISIN}|22=4"
BID = "269=0|270=98.5|271=1000000|272=20261122|273=10:15:30.123"
OFFER = "269=1|270=99|271=1000000|272=20261122|273=10:15:31.123"

TRADED = "269=2|270=98.7|271=2000000|272=20261122|273=10:15:30.123"
PRINT = TradePrint(ISIN, Decimal("98.7"), Decimal(2_000_000), NOW_NS)
"""Of a snapshot: 4.4 has no MDEntryID(278) there."""


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param(f"268=2|{BID}|{OFFER}", MarketPrice(ISIN, Decimal("98.5"), Decimal(99), NOW_NS), id="both sides"),
        pytest.param(f"268=1|{BID}", MarketPrice(ISIN, Decimal("98.5"), None, NOW_NS), id="bid only"),
        pytest.param("268=1|269=1|270=99", MarketPrice(ISIN, None, Decimal(99), None), id="no time"),
        pytest.param(
            "268=1|269=1|270=99|272=20261122|273=noon", MarketPrice(ISIN, None, Decimal(99), None), id="odd time"
        ),
        pytest.param("268=2|269=0|270=0|269=1|270=-1", MarketPrice(ISIN, None, None, None), id="no prices"),
        pytest.param(
            "268=3|269=0|270=98|269=0|270=98.5|269=2|270=97",
            MarketPrice(ISIN, Decimal("98.5"), None, None, (TradePrint(ISIN, Decimal(97), None, None),)),
            id="the best bid, and a trade",
        ),
        pytest.param("268=0", MarketPrice(ISIN, None, None, None), id="empty"),
        pytest.param(
            f"268=3|{BID}|{OFFER}|{TRADED}",
            MarketPrice(ISIN, Decimal("98.5"), Decimal(99), NOW_NS, (PRINT,)),
            id="both sides and a trade",
        ),
        pytest.param(f"268=1|{TRADED}", MarketPrice(ISIN, None, None, None, (PRINT,)), id="a trade alone"),
        pytest.param(
            "268=1|269=2|270=98.7",
            MarketPrice(ISIN, None, None, None, (TradePrint(ISIN, Decimal("98.7"), None, None),)),
            id="a trade of which little is said",
        ),
    ],
)
def test_snapshot(entries: str, expected: MarketPrice) -> None:
    assert hear("market", wire(f"{W}|{entries}")) == expected


def test_a_trade_is_face_amount_whatever_the_provider_counts_in() -> None:
    heard = hear("market", wire(f"{W}|268=1|{TRADED}"), Dialect(quantity_unit="bonds_1000"))
    assert isinstance(heard, MarketPrice)
    assert heard.trades[0].quantity == 2_000_000_000


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param(
            f"268=1|279=0|269=0|55=[N/A]|48={ISIN}|270=98.5|272=20261122|273=10:15:30.123",
            MarketChanges((SideChange(ISIN, True, Decimal("98.5"), NOW_NS),)),
            id="a new bid",
        ),
        pytest.param(
            f"268=2|279=1|269=1|48={ISIN}|270=99|279=2|269=0",
            MarketChanges(
                (SideChange(ISIN, False, Decimal(99), None), SideChange(ISIN, True, None, None)),
            ),
            id="an offer changed, and the bid of the same bond is gone",
        ),
        pytest.param(
            f"268=1|279=0|269=0|48={ISIN}|270=0", MarketChanges((SideChange(ISIN, True, None, None),)), id="no price"
        ),
        pytest.param(
            f"268=1|279=0|269=2|278=T7|48={ISIN}|270=98.7|271=2000000|272=20261122|273=10:15:30.123",
            MarketChanges((), (replace(PRINT, trade_id="T7"),)),
            id="a trade",
        ),
        pytest.param(
            f"268=1|279=2|269=2|278=T7|48={ISIN}",
            MarketChanges((), (TradePrint(ISIN, None, None, None, "T7", canceled=True),)),
            id="a trade that is canceled",
        ),
        pytest.param("268=1|279=0|269=4|270=98", MarketChanges(()), id="something else"),
        pytest.param(
            "268=1|279=0|269=0|270=98", MarketChanges((SideChange("", True, Decimal(98), None),)), id="of what"
        ),
        pytest.param("268=0", MarketChanges(()), id="empty"),
    ],
)
def test_changes(entries: str, expected: MarketChanges) -> None:
    assert hear("market", wire(f"35=X|262=M1|{entries}")) == expected


@pytest.mark.parametrize("symbol", ["EUR/USD", "EURUSD", "EUR.USD"])
def test_a_pair_of_currencies_is_named_by_its_symbol_alone(symbol: str) -> None:
    bid, offer, mid = Decimal("1.0848"), Decimal("1.0852"), Decimal("1.085")
    entries = "268=2|269=0|270=1.0848|269=1|270=1.0852"
    told = hear("market", wire(f"35=W|262=M1|55={symbol}|{entries}"))
    assert told == MarketPrice("EUR/USD", bid, offer, None)
    told = hear("market", wire(f"35=W|262=M1|55={symbol}|268=1|269=H|270=1.085"))
    assert told == MarketPrice("EUR/USD", None, None, None, (), mid)
    told = hear("market", wire(f"35=X|262=M1|268=2|279=0|269=0|55={symbol}|270=1.0848|279=0|269=H|270=1.085"))
    sides = (SideChange("EUR/USD", True, bid, None),)
    assert told == MarketChanges(sides, (), (MidChange("EUR/USD", mid, None),))


@pytest.mark.parametrize("symbol", ["eurusd", "EUR/EUR", "GBX/USD", "EUROSTOXX", "[N/A]"])
def test_what_is_no_pair_names_nothing(symbol: str) -> None:
    with pytest.raises(NotTaken, match=r"SecurityID\(48\) missing") as refused:
        hear("market", wire(f"35=W|262=M1|55={symbol}|268=1|269=H|270=1.085"))
    said = f"Symbol(55)={symbol} is no pair of currencies such as EUR/USD"
    assert (said in refused.value.reject.text) is (symbol != "[N/A]")


def test_a_middle_of_a_bond_is_made_of_its_sides_and_not_taken_from_elsewhere() -> None:
    told = hear("market", wire(f"35=X|262=M1|268=1|279=0|269=H|48={ISIN}|270=98.5"))
    assert told == MarketChanges(())


# --- whatever comes ------------------------------------------------------------------------------

HEARD_TYPES = ["D", "F", "G", "H", "S", "AG", "Z", "AI", "b", "8", "9", "W", "3", "j", "AB"]
READ_TAGS = [1, 6, 11, 14, 15, 17, 20, 21, 22, 31, 32, 37, 38, 39, 40, 41, 44, 45, 48, 54, 58, 59, 60, 62, 97, 102]
READ_TAGS += [103, 117, 122, 126, 131, 132, 134, 150, 151, 268, 269, 270, 272, 273, 297, 298, 373, 423, 432, 658, 669]
VALUES = ["0", "1", "2", "5", "8", "D", "F", "I", "Y", "-1", "1.5", "x", "NONE", "US0000000002", NOW, "20261122", "é"]
VALUES += ["", "9" * 41, "-", ".", "1e5", "NaN", "*", "10:15:30"]


@given(
    st.sampled_from(["oms", "dropcopy", "dealer", "market"]),
    st.sampled_from(HEARD_TYPES),
    st.lists(st.tuples(st.sampled_from(READ_TAGS), st.sampled_from(VALUES)), max_size=25),
    st.sampled_from([DEFAULT, BONDS]),
)
@settings(max_examples=400)
def test_whatever_comes_is_heard_or_refused_by_the_book(
    role: Role, msg_type: str, fields: list[tuple[int, str]], dialect: Dialect
) -> None:
    body = b"".join(f"{tag}={value}\x01".encode() for tag, value in fields)
    raw = codec.frame(
        begin_string="FIX.4.4",
        msg_type=msg_type,
        seq_num=7,
        sender="PEER",
        target="BUYSIDE",
        sending_time=NOW,
        body=body,
    )
    message = codec.decode(raw, DICTIONARIES["44"])
    outcome = outcome_of(role, message, dialect)
    if isinstance(outcome, ProtocolError):
        assert outcome.reason in (1, 4, 5, 6)
        assert outcome.tag in READ_TAGS
    elif isinstance(outcome, NotTaken):
        assert outcome.reject.ref_seq_num == 7
        assert speak(outcome.reject, DEFAULT)[0] == "j"
    else:
        assert isinstance(outcome, Heard.__args__)


def outcome_of(role: Role, message: Message, dialect: Dialect) -> object:
    try:
        return hear(role, message, dialect)
    except (ProtocolError, NotTaken) as refusal:
        return refusal


# --- said ----------------------------------------------------------------------------------------

ASK = AskDealer(
    dealer="alder",
    quote_req_id="r-7f3a",
    security_id=ISIN,
    id_source="4",
    side=Side.sell,
    quantity=Decimal(5_000_000),
    currency="USD",
    settl_date="20261124",
    collect_until_ns=NOW_NS + 30 * NS_PER_S,
    firm_until_ns=NOW_NS + 60 * NS_PER_S,
    transact_ns=NOW_NS,
)
ACCEPT = AcceptQuote(
    dealer="alder",
    placement_id="p-91bc",
    quote_id="Q1",
    security_id=ISIN,
    id_source="4",
    side=Side.buy,
    quantity=Decimal(5_000_000),
    price=Decimal("98.5"),
    currency="USD",
    settl_date="20261124",
    transact_ns=NOW_NS,
)
REPORT = OrderReport(
    exec_id="E-1",
    order_id="O-1",
    session="oms",
    cl_ord_id="C1",
    orig_cl_ord_id="",
    kind=ReportKind.new,
    ord_status=OrderStatus.new,
    account="ACC1",
    trader="",
    security_id=ISIN,
    id_source="4",
    side=Side.buy,
    quantity=Decimal(5_000_000),
    limit_price=Decimal("99.5"),
    tif=TimeInForce.day,
    currency="USD",
    cum_quantity=Decimal(0),
    leaves_quantity=Decimal(5_000_000),
    average_price=Decimal(0),
    transact_ns=NOW_NS,
)
TRADE = replace(
    REPORT,
    kind=ReportKind.trade,
    ord_status=OrderStatus.filled,
    cum_quantity=Decimal(5_000_000),
    leaves_quantity=Decimal(0),
    average_price=Decimal("98.5"),
    last_quantity=Decimal(5_000_000),
    last_price=Decimal("98.5"),
    dealer="00000000000000000000",
    dealer_exec_id="X-1",
    trade_date="20261122",
    settl_date="20261124",
    accrued=Decimal(35_000),
    gross=Decimal(4_925_000),
    net=Decimal(4_960_000),
    text="done",
)


@pytest.mark.parametrize(
    ("said", "dialect", "msg_type", "expected"),
    [
        pytest.param(
            ASK,
            DEFAULT,
            "R",
            f"131=r-7f3a|146=1|55=[N/A]|48={ISIN}|22=4|303=1|537=1|54=2|38=5000000|64=20261124|15=USD|"
            f"62=20261122-10:16:30.123|126=20261122-10:16:00.123|60={NOW}|423=1|",
            id="request",
        ),
        pytest.param(
            replace(ASK, settl_date=""),
            Dialect(swap_clocks=True, quantity_unit="bonds_1000", price_type="9"),
            "R",
            f"131=r-7f3a|146=1|55=[N/A]|48={ISIN}|22=4|303=1|537=1|54=2|38=5000|15=USD|"
            f"62=20261122-10:16:00.123|126=20261122-10:16:30.123|60={NOW}|423=9|",
            id="request in another dialect",
        ),
        pytest.param(
            ASK,
            Dialect(extra_tags=(ExtraTag("R", 20001, "x"), ExtraTag("R", 58, "hi"), ExtraTag("D", 20002, "y"))),
            "R",
            f"58=hi|131=r-7f3a|146=1|55=[N/A]|48={ISIN}|22=4|303=1|537=1|54=2|38=5000000|64=20261124|15=USD|"
            f"62=20261122-10:16:30.123|126=20261122-10:16:00.123|60={NOW}|423=1|20001=x|",
            id="request with tags of the dealer's own",
        ),
        pytest.param(
            ACCEPT,
            DEFAULT,
            "D",
            f"11=p-91bc|15=USD|22=4|38=5000000|40=D|44=98.5|48={ISIN}|54=1|55=[N/A]|59=4|60={NOW}|64=20261124|"
            "117=Q1|423=1|",
            id="acceptance",
        ),
        pytest.param(
            replace(ACCEPT, settl_date=""),
            Dialect(quantity_unit="bonds_1000", extra_tags=(ExtraTag("D", 21, "1"),)),
            "D",
            f"11=p-91bc|15=USD|21=1|22=4|38=5000|40=D|44=98.5|48={ISIN}|54=1|55=[N/A]|59=4|60={NOW}|117=Q1|423=1|",
            id="acceptance in another dialect",
        ),
        pytest.param(
            CancelPlacement("alder", "f-1", "p-91bc", ISIN, "4", Side.buy, Decimal(5_000_000), NOW_NS),
            DEFAULT,
            "F",
            f"11=f-1|22=4|38=5000000|41=p-91bc|48={ISIN}|54=1|55=[N/A]|60={NOW}|",
            id="cancel",
        ),
        pytest.param(
            AskPlacementStatus("alder", "p-91bc", ISIN, "4", Side.sell),
            DEFAULT,
            "H",
            f"11=p-91bc|22=4|48={ISIN}|54=2|55=[N/A]|",
            id="status request",
        ),
        pytest.param(
            NO,
            DEFAULT,
            "Q",
            f"17=E1|22=4|31=98.5|32=400000|37=K1|38=5000000|48={ISIN}|54=1|55=[N/A]|58=not ours|127=E|",
            id="no trade of ours",
        ),
        pytest.param(
            NO,
            BONDS,
            "Q",
            f"17=E1|22=4|31=98.5|32=400|37=K1|38=5000|48={ISIN}|54=1|55=[N/A]|58=not ours|127=E|",
            id="no trade of ours, in bonds",
        ),
        pytest.param(
            replace(NO, order_id="", security_id="", side=None, last_quantity=None, last_price=None, text="a\x01b"),
            DEFAULT,
            "Q",
            "17=E1|37=NONE|38=5000000|54=7|55=[N/A]|58=a b|127=E|",
            id="no trade of ours, of which nothing can be read",
        ),
        pytest.param(
            SubscribeMarketData("M1", (ISIN, "US0000000010")),
            DEFAULT,
            "V",
            f"146=2|55=[N/A]|48={ISIN}|22=4|55=[N/A]|48=US0000000010|22=4|262=M1|263=1|264=1|265=0|267=2|269=0|269=1|",
            id="market data request",
        ),
        pytest.param(
            SubscribeMarketData("M1", (ISIN,), with_trades=True),
            DEFAULT,
            "V",
            f"146=1|55=[N/A]|48={ISIN}|22=4|262=M1|263=1|264=1|265=0|267=3|269=0|269=1|269=2|",
            id="market data request, trades too",
        ),
        pytest.param(
            SubscribeMarketData("M1", ("HOUSE-IG",), are_benchmarks=True),
            DEFAULT,
            "V",
            "146=1|55=[N/A]|48=HOUSE-IG|22=8|262=M1|263=1|264=1|265=0|267=2|269=0|269=1|",
            id="market data request for a benchmark",
        ),
        pytest.param(
            SubscribeRates("M1", ("EUR/USD", "USD/JPY")),
            DEFAULT,
            "V",
            "146=2|55=EUR/USD|460=4|55=USD/JPY|460=4|262=M1|263=1|264=1|265=0|267=2|269=0|269=1|",
            id="market data request for rates",
        ),
        pytest.param(
            REPORT,
            DEFAULT,
            "8",
            f"1=ACC1|6=0|11=C1|14=0|15=USD|17=E-1|22=4|37=O-1|38=5000000|39=0|40=2|44=99.5|48={ISIN}|54=1|55=[N/A]|"
            f"59=0|60={NOW}|150=0|151=5000000|423=1|",
            id="report: new",
        ),
        pytest.param(
            TRADE,
            DEFAULT,
            "8",
            f"1=ACC1|6=98.5|11=C1|14=5000000|15=USD|17=E-1|22=4|31=98.5|32=5000000|37=O-1|38=5000000|39=2|40=2|44=99.5|"
            f"48={ISIN}|54=1|55=[N/A]|58=done|59=0|60={NOW}|64=20261124|75=20261122|118=4960000|150=F|151=0|159=35000|"
            "381=4925000|423=1|453=1|448=00000000000000000000|447=N|452=1|527=X-1|",
            id="report: trade",
        ),
        pytest.param(
            replace(TRADE, dealer="ALDR", trader="kim", dealer_exec_id=""),
            BONDS,
            "8",
            f"1=ACC1|6=98.5|11=C1|14=5000|15=USD|17=E-1|22=4|31=98.5|32=5000|37=O-1|38=5000|39=2|40=2|44=99.5|"
            f"48={ISIN}|54=1|55=[N/A]|58=done|59=0|60={NOW}|64=20261124|75=20261122|118=4960000|150=F|151=0|159=35000|"
            "381=4925000|423=1|453=2|448=ALDR|447=D|452=1|448=kim|447=D|452=36|",
            id="report: trade in bonds, an agreed code, a trader",
        ),
        pytest.param(
            replace(
                REPORT,
                kind=ReportKind.canceled,
                ord_status=OrderStatus.canceled,
                cl_ord_id="C2",
                orig_cl_ord_id="C1",
                side=Side.sell,
                limit_price=None,
                tif=TimeInForce.gtd,
                leaves_quantity=Decimal(0),
            ),
            DEFAULT,
            "8",
            f"1=ACC1|6=0|11=C2|14=0|15=USD|17=E-1|22=4|37=O-1|38=5000000|39=4|40=1|41=C1|48={ISIN}|54=2|55=[N/A]|"
            f"59=6|60={NOW}|150=4|151=0|423=1|",
            id="report: canceled",
        ),
        pytest.param(
            replace(
                REPORT,
                order_id="",
                kind=ReportKind.rejected,
                ord_status=OrderStatus.rejected,
                account="",
                currency="",
                limit_price=None,
                quantity=Decimal(-5),
                leaves_quantity=Decimal(0),
                code=OrderRefusal.incorrect_quantity,
                text="no\x01t this",
            ),
            DEFAULT,
            "8",
            f"6=0|11=C1|14=0|17=E-1|22=4|37=NONE|38=-5|39=8|48={ISIN}|54=1|55=[N/A]|58=no t this|60={NOW}|103=13|150=8|"
            "151=0|423=1|",
            id="report: refused, with no order type or life of an order that never was",
        ),
        pytest.param(
            CancelRefusal("O-1", "C2", "C1", OrderStatus.filled, CancelProblem.too_late, "too late"),
            DEFAULT,
            "9",
            "11=C2|37=O-1|39=2|41=C1|58=too late|102=0|434=1|",
            id="cancel refused",
        ),
        pytest.param(
            CancelRefusal("", "C2", "C9", OrderStatus.rejected, CancelProblem.unknown_order, "", to_replace=True),
            DEFAULT,
            "9",
            "11=C2|37=NONE|39=8|41=C9|102=1|434=2|",
            id="replace of an unknown order refused",
        ),
        pytest.param(
            BusinessReject("AB", 7, 3, "not supported", "M1"),
            DEFAULT,
            "j",
            "45=7|58=not supported|372=AB|379=M1|380=3|",
            id="business reject",
        ),
        pytest.param(BusinessReject("AB", 0, 4, ""), DEFAULT, "j", "372=AB|380=4|", id="business reject, bare"),
    ],
)
def test_said(said: Said, dialect: Dialect, msg_type: str, expected: str) -> None:
    spoken_type, body = speak(said, dialect)
    assert spoken_type == msg_type
    assert text_of(body) == expected


def test_drop_copy_differs_by_its_indicator_alone() -> None:
    assert speak(TRADE, DEFAULT, copy=True) == ("8", speak(TRADE, DEFAULT)[1] + b"797=Y\x01")


def test_only_reports_are_copied() -> None:
    with pytest.raises(ValueError, match="CancelRefusal"):
        speak(CancelRefusal("O-1", "C2", "C1", OrderStatus.filled, CancelProblem.too_late, ""), DEFAULT, copy=True)


@pytest.mark.parametrize(
    "said",
    [
        replace(REPORT, account="A\x0132=1"),
        replace(REPORT, dealer="A\x0132=1"),
        replace(REPORT, trader="A\x0132=1"),
        replace(REPORT, currency="U\x01D"),
        replace(ASK, currency="U\x01D"),
        replace(ACCEPT, quote_id="Q\x0144=1"),
        CancelPlacement("d", "f\x01", "p", ISIN, "4", Side.buy, Decimal(1), NOW_NS),
        AskPlacementStatus("d", "p\x01", ISIN, "4", Side.buy),
        replace(NO, exec_id="E\x011"),
        SubscribeMarketData("M1", ("US\x01",)),
        CancelRefusal("O-1", "C\x01", "C1", OrderStatus.filled, CancelProblem.too_late, ""),
        BusinessReject("A\x01", 7, 3, ""),
    ],
    ids=lambda said: type(said).__name__,
)
def test_no_value_can_begin_a_field_of_its_own(said: Said) -> None:
    with pytest.raises(ValueError, match="SOH"):
        speak(said, DEFAULT)


def test_market_data_request_is_bounded() -> None:
    full = tuple(f"US{number:010d}" for number in range(SECURITIES_PER_REQUEST_MAX))
    assert text_of(speak(SubscribeMarketData("M1", full), DEFAULT)[1]).startswith("146=100|")
    for securities in ((), (*full, ISIN)):
        with pytest.raises(ValueError, match="1 to 100"):
            speak(SubscribeMarketData("M1", securities), DEFAULT)


# --- nothing leaks -------------------------------------------------------------------------------

ASK_MAY_SAY = {131, 146, 55, 48, 22, 303, 537, 54, 38, 64, 15, 62, 126, 60, 423}
ACCEPT_MAY_SAY = {11, 15, 22, 38, 40, 44, 48, 54, 55, 59, 60, 64, 117, 423}


@given(st.data())
@settings(max_examples=50)
def test_requests_and_acceptances_say_only_what_they_need(data: st.DataObject) -> None:
    dialect = data.draw(
        st.sampled_from([DEFAULT, BONDS, Dialect(swap_clocks=True), Dialect(price_type="6", firm_time_s=5.0)])
    )
    ask = replace(ASK, dealer="SECRET-DEALER", quantity=data.draw(quantities), settl_date=data.draw(dates))
    accept = replace(ACCEPT, dealer="SECRET-DEALER", quantity=data.draw(quantities), price=data.draw(prices))
    for said, allowed in ((ask, ASK_MAY_SAY), (accept, ACCEPT_MAY_SAY)):
        _, body = speak(said, dialect)
        assert {tag for tag, _ in read(body)} <= allowed
        assert b"SECRET" not in body


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        pytest.param(ExtraTag("R", 44, "99"), "already written", id="our limit"),
        pytest.param(ExtraTag("R", 1, "ACC1"), "tell a dealer", id="account"),
        pytest.param(ExtraTag("D", 526, "C1"), "tell a dealer", id="parent identifier"),
        pytest.param(ExtraTag("R", 1461, "3"), "tell a dealer", id="panel"),
        pytest.param(ExtraTag("R", 11, "C1"), "already written", id="ClOrdID"),
        pytest.param(ExtraTag("D", 34, "1"), "session layer", id="header"),
        pytest.param(ExtraTag("D", 0, "1"), "session layer", id="no tag"),
        pytest.param(ExtraTag("R", 453, "1"), "repeating group", id="half a group"),
        pytest.param(ExtraTag("V", 262, "1"), "already written", id="market data request"),
        pytest.param(ExtraTag("8", 9000, "1"), "cannot be added", id="reports are the OMS's"),
        pytest.param(ExtraTag("D", 9000, ""), "value", id="empty"),
        pytest.param(ExtraTag("D", 9000, "a\x0144=1"), "value", id="SOH"),
    ],
)
def test_dialect_that_would_say_too_much(extra: ExtraTag, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Dialect(extra_tags=(extra,))


REFUSED_TAGS: Final = {
    "session layer": {
        *(8, 9, 10, 34, 35, 43, 49, 50, 52, 56, 57, 89, 90, 91, 93, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145),
        *(212, 213, 347, 369, 370, 627, 628, 629, 630, 1128, 1129, 1156),
    },
    "already written": {11, 15, 22, 38, 40, 41, 44, 48, 54, 55, 59, 60, 62, 64, 117, 126, 131, 146},
    "is a credential": {95, 96, 554, 925, 1401, 1402, 1403, 1404},
    "tell a dealer": {1, 37, 66, 70, 78, 79, 99, 109, 526, 578, 583, 644, 660, 1461, 1462},
    "its data": {
        *range(348, 366),
        *(445, 446, 618, 619, 621, 622, 1397, 1398),
    },
    "counts the entries": {
        *(33, 136, 199, 215, 232, 268, 295, 296, 382, 384, 386, 454, 518, 539, 552, 576, 735),
        *(802, 804, 816, 864, 870, 1116, 1120),
    },
    "repeating group, or": {303, 423, 537, 854, 152, 63, 140, 640, 692, 218, 453, 447, 448, 452, 229, 336, 625},
}
MARKET_DATA_TAGS: Final = {262, 263, 264, 265, 267, 269}


@pytest.mark.parametrize("msg_type", ["R", "D", "F", "H", "V"])
def test_every_tag_that_a_dialect_may_not_add_is_refused_with_its_reason_and_no_other(msg_type: str) -> None:
    reasons = {tag: reason for reason, tags in REFUSED_TAGS.items() for tag in tags}
    if msg_type == "V":
        reasons |= dict.fromkeys(MARKET_DATA_TAGS, "already written")
    else:
        reasons[267] = "counts the entries"
    for tag in range(1, 2_000):
        extra = (ExtraTag(msg_type, tag, "1"),)
        if tag in reasons:
            with pytest.raises(ConfigError, match=reasons[tag]):
                Dialect(extra_tags=extra)
        else:
            assert Dialect(extra_tags=extra).extras_of(msg_type) == ((tag, "1"),)


def test_all_of_header_and_trailer_belongs_to_the_session_layer() -> None:
    for dictionary in DICTIONARIES.values():
        assert dictionary.header.tags | dictionary.trailer.tags <= REFUSED_TAGS["session layer"]


def bad(**values: Any) -> dict[str, Any]:
    return values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (bad(quantity_unit="lots"), "quantity_unit"),
        (bad(accept="response"), "accept"),
        (bad(firm_time_s=0), "firm_time_s"),
        (bad(price_type="yield"), "price_type"),
        (bad(extra_tags=(ExtraTag("D", 9000, "1"), ExtraTag("D", 9000, "2"))), "twice"),
        (bad(extra_tags=tuple(ExtraTag("D", 9000 + n, "1") for n in range(EXTRA_TAGS_MAX + 1))), "at most 16"),
    ],
)
def test_dialect_that_cannot_be_spoken(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Dialect(**values)


# --- round trips ---------------------------------------------------------------------------------

identifiers = st.text("ABCXYZabc0189-_./:", min_size=1, max_size=20)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x01", exclude_categories=["Cs"]), max_size=40)
quantities = st.decimals(min_value=1, max_value=10**10, places=0).map(lambda value: value * 1000)
prices = st.decimals(min_value="0.001", max_value=300, places=5)
money = st.none() | st.decimals(min_value=-(10**9), max_value=10**12, places=2)
dates = st.sampled_from(["", "20261124"])
times = st.integers(NOW_NS - 10**18, NOW_NS + 10**18).map(lambda ns: ns // NS_PER_MS * NS_PER_MS)
sides = st.sampled_from(Side)

reports = st.builds(
    OrderReport,
    exec_id=identifiers,
    order_id=identifiers,
    session=st.just("oms"),
    cl_ord_id=identifiers,
    orig_cl_ord_id=st.just("") | identifiers,
    kind=st.sampled_from(ReportKind),
    ord_status=st.sampled_from(OrderStatus),
    account=st.just("") | identifiers,
    trader=st.just("") | identifiers,
    security_id=st.just(ISIN),
    id_source=st.just("4"),
    side=sides,
    quantity=quantities,
    limit_price=st.none() | prices,
    tif=st.sampled_from(TimeInForce),
    currency=st.sampled_from(["USD", "EUR"]),
    cum_quantity=quantities,
    leaves_quantity=quantities,
    average_price=prices,
    transact_ns=times,
    last_quantity=st.none() | quantities,
    last_price=st.none() | prices,
    dealer=st.sampled_from(["", "ALDR", "00000000000000000000"]),
    dealer_exec_id=st.just("") | identifiers,
    trade_date=dates,
    settl_date=dates,
    accrued=money,
    gross=money,
    net=money,
    code=st.none() | st.sampled_from(OrderRefusal),
    text=texts,
)


@given(reports, st.booleans(), st.sampled_from([DEFAULT, BONDS]))
@settings(max_examples=150)
def test_report_round_trip(report: OrderReport, copy: bool, dialect: Dialect) -> None:
    """A dealer's ear at the other end understands a report of ours as it was meant."""
    message = delivered(report, dialect, copy=copy)
    assert validate(message, DICTIONARIES["44"], "strict") == []
    heard = hear("dealer", message, dialect)
    assert isinstance(heard, DealerReport)
    assert heard == DealerReport(
        word=heard.word,
        cl_ord_id=report.cl_ord_id,
        orig_cl_ord_id=report.orig_cl_ord_id,
        order_id=report.order_id,
        exec_id=report.exec_id,
        security_id=report.security_id,
        side=report.side,
        last_quantity=report.last_quantity,
        last_price=report.last_price,
        cum_quantity=report.cum_quantity,
        leaves_quantity=report.leaves_quantity,
        average_price=report.average_price,
        trade_date=report.trade_date,
        settl_date=report.settl_date,
        transact_ns=report.transact_ns,
        accrued=report.accrued,
        gross=report.gross,
        net=report.net,
        text=report.text,
        status=report.ord_status,
        unknown_order=heard.unknown_order,
        currency=report.currency,
        unread=heard.unread,
        order_quantity=report.quantity,
        bond_named=(report.id_source, report.security_id),
        secondary_exec_id=report.dealer_exec_id,
    )
    assert bool(heard.unread) is not (report.last_quantity is not None and report.last_price is not None)
    assert message.get(150) == report.kind.value
    assert message.get(797) == ("Y" if copy else None)
    assert message.get(1) == (report.account or None)
    assert message.decimal(44) == report.limit_price
    parties = {group.get(452): group.get(448) for group in message.groups(453)}
    assert parties == {role: name for role, name in (("1", report.dealer), ("36", report.trader)) if name}


@given(reports)
@settings(max_examples=50)
def test_simplefix_reads_a_report_as_we_do(report: OrderReport) -> None:
    _, body = speak(report, DEFAULT)
    fields = read(body)
    message = delivered(report)
    ours = [(tag, value.decode()) for tag, value in message.fields if tag not in (8, 9, 35, 34, 49, 52, 56, 10)]
    assert fields == ours
    top_level = [tag for tag, _ in fields if tag not in (447, 448, 452)]
    assert top_level == sorted(set(top_level))


asks = st.builds(
    AskDealer,
    dealer=identifiers,
    quote_req_id=identifiers,
    security_id=st.just(ISIN),
    id_source=st.just("4"),
    side=sides,
    quantity=quantities,
    currency=st.just("USD"),
    settl_date=dates,
    collect_until_ns=times,
    firm_until_ns=times,
    transact_ns=times,
)


@given(asks, st.sampled_from(["face", "bonds_1000"]), st.booleans())
@settings(max_examples=100)
def test_ask_round_trip(ask: AskDealer, unit: Literal["face", "bonds_1000"], swap: bool) -> None:
    message = delivered(ask, Dialect(quantity_unit=unit, swap_clocks=swap))
    assert validate(message, DICTIONARIES["44"], "strict") == []
    assert message.get(131) == ask.quote_req_id
    (entry,) = message.groups(146)
    assert (entry.get(55), entry.get(48), entry.get(22)) == ("[N/A]", ask.security_id, ask.id_source)
    assert entry.get(54) == ("1" if ask.side is Side.buy else "2")
    assert entry.decimal(38) == (ask.quantity if unit == "face" else ask.quantity / 1000)
    clocks = (entry.timestamp_ns(126), entry.timestamp_ns(62))
    wanted = (ask.collect_until_ns, ask.firm_until_ns)
    assert clocks == (wanted[::-1] if swap else wanted)
    assert entry.timestamp_ns(60) == ask.transact_ns
    assert (entry.get(64) or "") == ask.settl_date


@given(st.builds(replace, st.just(ACCEPT), side=sides, quantity=quantities, price=prices, transact_ns=times))
@settings(max_examples=50)
def test_acceptance_round_trip(accept: AcceptQuote) -> None:
    message = delivered(accept)
    assert (message.get(11), message.get(117), message.get(40), message.get(59)) == ("p-91bc", "Q1", "D", "4")
    assert message.decimal(38) == accept.quantity
    assert message.decimal(44) == accept.price
    assert message.timestamp_ns(60) == accept.transact_ns
    assert message.get(54) == ("1" if accept.side is Side.buy else "2")


@pytest.mark.parametrize("version", ["44", "50SP2"])
@pytest.mark.parametrize(
    "dialect",
    [DEFAULT, BONDS, Dialect(swap_clocks=True, price_type="6", extra_tags=(ExtraTag("D", 21, "1"),))],
    ids=["default", "bonds", "other"],
)
def test_samples_are_valid_and_read_alike(version: ApplVer, dialect: Dialect) -> None:
    rendered = render_samples(dialect, appl_ver=version)
    assert {type(said) for _, said, _ in rendered} == set(Said.__args__)
    assert len({name for name, _, _ in rendered}) == len(rendered)
    for name, _, raw in rendered:
        message = codec.decode(raw, DICTIONARIES[version])
        assert validate(message, DICTIONARIES[version], "strict") == [], name
        assert message.begin_string == {"44": "FIX.4.4", "50SP2": "FIXT.1.1"}[version]
        parser = simplefix.FixParser()
        parser.append_buffer(raw)
        theirs = parser.get_message()
        assert theirs is not None
        assert [(int(tag), value) for tag, value in theirs.pairs] == list(message.fields), name


def test_the_quantities_of_the_samples_add_up() -> None:
    """Whoever reads them as an example finds no report that this engine would not send."""
    reports = {said.ord_status: said for _, said, _ in render_samples(DEFAULT) if isinstance(said, OrderReport)}
    assert set(reports) == {OrderStatus.filled, OrderStatus.rejected}
    filled, refused = reports[OrderStatus.filled], reports[OrderStatus.rejected]
    assert filled.cum_quantity + filled.leaves_quantity == filled.quantity > 0
    assert (refused.quantity, refused.cum_quantity, refused.leaves_quantity, refused.average_price) == (0, 0, 0, 0)


@pytest.mark.parametrize("said", [REPORT, TRADE, ASK, ACCEPT], ids=lambda said: type(said).__name__)
@pytest.mark.parametrize("version", ["44", "50SP2"])
def test_what_is_said_is_valid(said: Said, version: ApplVer) -> None:
    assert validate(delivered(said, version=version), DICTIONARIES[version], "strict") == []


# --- timestamps ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("utc_ns", "micros", "expected"),
    [
        (NOW_NS, False, NOW),
        (NOW_NS + 999_999, False, NOW),
        (NOW_NS + 456_789, True, "20261122-10:15:30.123456"),
        (0, False, "19700101-00:00:00.000"),
        (DAY_START_NS - 1, False, "20261121-23:59:59.999"),
        (DAY_START_NS, True, "20261122-00:00:00.000000"),
    ],
)
def test_fix_timestamp(utc_ns: int, micros: bool, expected: str) -> None:
    assert fix_timestamp(utc_ns, micros=micros) == expected
    assert fix_timestamp(utc_ns, micros=micros) == expected
