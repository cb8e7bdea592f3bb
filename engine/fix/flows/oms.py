"""The flow of an order management system: D F G H in, 8 and 9 out. The drop copy speaks the same 8.

A NewOrderSingle(D) that can be read but cannot become an order is heard as `UnacceptableOrder`, so that it
is answered by an ExecutionReport(8) with a reason. Only what is no D at all (no ClOrdID, no Side, numbers
that are none) is refused with Reject(3).

Tags are numbers here, and in the other flows, wherever messages are read and written by the thousand:
spelling an enum member costs more than looking its value up in a message.

Source: FIX 4.4 Volume 4, "New Order - Single", "Order Cancel/Replace Request", "Execution Report".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from sys import intern
from typing import Final

from engine.clock import NS_PER_DAY, fix_timestamp
from engine.domain.currencies import currency_problem
from engine.domain.messages import (
    AskOrderStatus,
    BusinessReject,
    CancelOrder,
    CancelRefusal,
    NewOrder,
    OrderReport,
    ReplaceOrder,
    ReportKind,
    UnacceptableOrder,
)
from engine.domain.order import ZERO, CancelProblem, Handling, OrderRefusal, OrderStatus, Side, TimeInForce
from engine.errors import ProtocolError
from engine.fix.flows import terms
from engine.fix.flows.dialect import (
    CUSIP,
    HANDLING_OF,
    ISIN,
    ORDER_STATUS_CODE,
    SIDE_CODE,
    TIF_CODE,
    TIF_OF,
    Dialect,
    Field,
    direction,
    face_amount,
    is_whole,
    number,
    numbers,
    refuse_soh,
)
from engine.fix.flows.naming import BondNamed, Names, bond_named
from engine.fix.flows.refusal import NotTaken
from engine.fix.standard.tags import BusinessRejectReason, Tag
from engine.fix.standard.values import CxlRejReason, ExecType, OrdRejReason
from engine.fix.wire.codec import encode_body
from engine.fix.wire.message import Message, timestamp_ns

ORDER_REFUSAL_CODE: Final[Mapping[OrderRefusal, OrdRejReason]] = {
    OrderRefusal.unknown_security: OrdRejReason.UnknownSymbol,
    OrderRefusal.too_late: OrdRejReason.TooLate,
    OrderRefusal.unknown_order: OrdRejReason.UnknownOrder,
    OrderRefusal.duplicate: OrdRejReason.Duplicate,
    OrderRefusal.unsupported: OrdRejReason.UnsupportedCharacteristic,
    OrderRefusal.incorrect_quantity: OrdRejReason.InvalidQuantity,
    OrderRefusal.other: OrdRejReason.Other,
}
CANCEL_PROBLEM_CODE: Final[Mapping[CancelProblem, CxlRejReason]] = {
    CancelProblem.too_late: CxlRejReason.TooLate,
    CancelProblem.unknown_order: CxlRejReason.UnknownOrder,
    CancelProblem.already_pending: CxlRejReason.AlreadyPending,
    CancelProblem.duplicate: CxlRejReason.DuplicateClOrdID,
    CancelProblem.other: CxlRejReason.Other,
}
REPORT_KIND_CODE: Final[Mapping[ReportKind, ExecType]] = {
    ReportKind.pending_new: ExecType.PendingNew,
    ReportKind.new: ExecType.New,
    ReportKind.trade: ExecType.Trade,
    ReportKind.canceled: ExecType.Canceled,
    ReportKind.replaced: ExecType.Replaced,
    ReportKind.pending_cancel: ExecType.PendingCancel,
    ReportKind.rejected: ExecType.Rejected,
    ReportKind.expired: ExecType.Expired,
    ReportKind.pending_replace: ExecType.PendingReplace,
    ReportKind.status: ExecType.OrderStatus,
    ReportKind.trade_canceled: ExecType.TradeCancel,
    ReportKind.trade_corrected: ExecType.TradeCorrect,
}

_MARKET: Final = "1"
_LIMIT: Final = "2"
_PERCENT: Final = "1"

# --- in ------------------------------------------------------------------------------------------


def hear_new_order(message: Message, dialect: Dialect, names: Names) -> NewOrder | UnacceptableOrder:
    """NewOrderSingle(D)."""
    cl_ord_id = message.require(11)
    message.require(54)
    order_type = message.require(40)
    transact_ns = _required_time(message, 60)
    side = direction(message)
    if side is None:
        text = f"Side(54)={message.get(54)} has no direction: expected 1 (buy) or 2 (sell)"
        raise NotTaken(BusinessReject("D", message.seq_num, BusinessRejectReason.Other, text, cl_ord_id))
    quantity = face_amount(message, 38, dialect)
    price = message.decimal(44)
    expire_ns = message.timestamp_ns(126)
    if expire_ns is None:
        expire_ns = _end_of_day(message.get(432))
    tif = TIF_OF.get(message.get(59) or "0")
    handling = HANDLING_OF.get(message.get(21) or "1")

    bond = bond_named(message, names)
    problem = _problem(message, bond, quantity, price, tif, handling, expire_ns)
    if problem is not None or quantity is None or tif is None or handling is None:
        code, text = problem or (OrderRefusal.other, "the order cannot be taken")
        return UnacceptableOrder(
            cl_ord_id=cl_ord_id,
            account=message.get(1) or "",
            security_id=bond.security_id,
            id_source=message.get(22) or ISIN if bond.problem else ISIN,
            side=side,
            quantity=ZERO if quantity is None else quantity,
            code=code,
            text=text,
            currency=message.get(15) or "",
            possible_resend=message.poss_resend,
        )
    return NewOrder(
        cl_ord_id=cl_ord_id,
        # What many orders say alike is one object: it stays as long as they do.
        account=intern(message.get(1) or ""),
        security_id=intern(bond.security_id),
        side=side,
        quantity=quantity,
        limit_price=price if order_type == _LIMIT else None,
        tif=tif,
        expire_ns=expire_ns if tif is TimeInForce.gtd else None,
        handling=handling,
        currency=intern(message.get(15) or ""),
        transact_ns=transact_ns,
        possible_resend=message.poss_resend,
        sent_ns=message.timestamp_ns(122),
        settl_date=message.get(64) or "",
        settl_days=_SETTLEMENT_DAYS.get(message.get(63) or ""),
        settl_currency=message.get(120) or "",
        effective_ns=message.timestamp_ns(168),
        noted=terms.noted(message),
        cusip=_cusip(message, bond),
    )


def _cusip(message: Message, bond: BondNamed) -> str:
    """The CUSIP that the order names its bond by; empty where SecurityID(48) is the bond's name here."""
    text = message.get(48) or ""
    return text if message.get(22) in (CUSIP, None) and text != bond.security_id else ""


def hear_cancel(message: Message, dialect: Dialect, names: Names) -> CancelOrder:
    """OrderCancelRequest(F)."""
    cl_ord_id = message.require(11)
    orig_cl_ord_id = message.require(41)
    side = _side_of_an_order(message, cl_ord_id)
    return CancelOrder(cl_ord_id, orig_cl_ord_id, bond_named(message, names).told, side)


def hear_replace(message: Message, dialect: Dialect, names: Names) -> ReplaceOrder:
    """OrderCancelReplaceRequest(G): whatever it says that no order can be is answered by a 9, as `problem`."""
    cl_ord_id = message.require(11)
    orig_cl_ord_id = message.require(41)
    side = _side_of_an_order(message, cl_ord_id)
    order_type = message.require(40)
    transact_ns = _required_time(message, 60)
    quantity = face_amount(message, 38, dialect)
    price = message.decimal(44)
    expire_ns = message.timestamp_ns(126)
    if expire_ns is None:
        expire_ns = _end_of_day(message.get(432))
    tif, handling = TIF_OF.get(message.get(59) or "0"), HANDLING_OF.get(message.get(21) or "1")
    bond, problem = bond_named(message, names), ""
    if message.get(152) is not None:
        both = "OrderQty(38) and CashOrderQty(152) both stand in it" if quantity is not None else "CashOrderQty(152)"
        problem = f"{both}: expected a face amount as OrderQty(38) alone"
    elif (found := _problem(message, bond, quantity, price, tif, handling, expire_ns)) is not None:
        problem = found[1]
    return ReplaceOrder(
        cl_ord_id=cl_ord_id,
        orig_cl_ord_id=orig_cl_ord_id,
        account=message.get(1) or "",
        security_id=bond.security_id,
        side=side,
        quantity=ZERO if quantity is None else quantity,
        limit_price=price if order_type == _LIMIT else None,
        tif=tif if message.get(59) is not None else None,
        expire_ns=expire_ns,
        handling=handling if message.get(21) is not None else None,
        currency=message.get(15) or "",
        transact_ns=transact_ns,
        problem=problem,
        possible_resend=message.poss_resend,
        sent_ns=message.timestamp_ns(122),
        settl_date=message.get(64) or "",
        settl_days=_SETTLEMENT_DAYS.get(message.get(63) or ""),
        settl_is_regular=message.get(63) == _REGULAR and not message.get(64),
        settl_currency=message.get(120) or "",
        effective_ns=message.timestamp_ns(168),
        noted=terms.noted(message),
    )


def _side_of_an_order(message: Message, cl_ord_id: str) -> Side:
    """Side(54) of a request about an order; one without a direction is about none of ours."""
    message.require(54)
    side = direction(message)
    if side is None:
        text = f"Side(54)={message.get(54)} has no direction: no order here has it"
        raise NotTaken(BusinessReject(message.msg_type, message.seq_num, BusinessRejectReason.Other, text, cl_ord_id))
    return side


def hear_status_request(message: Message, dialect: Dialect, names: Names) -> AskOrderStatus:
    """OrderStatusRequest(H)."""
    return AskOrderStatus(message.require(11), bond_named(message, names).security_id, direction(message))


def _problem(
    message: Message,
    bond: BondNamed,
    quantity: Decimal | None,
    price: Decimal | None,
    tif: TimeInForce | None,
    handling: Handling | None,
    expire_ns: int | None,
) -> tuple[OrderRefusal, str] | None:
    """The first thing that keeps the message from being an order of this desk, and a text."""
    get = message.get
    if not bond.security_id:
        return OrderRefusal.unknown_security, "SecurityID(48) missing"
    if bond.problem:
        return OrderRefusal.unknown_security, bond.problem
    if quantity is None:
        return OrderRefusal.incorrect_quantity, "OrderQty(38) missing: face amounts only"
    if quantity <= 0:
        return OrderRefusal.incorrect_quantity, _found(message, Tag.OrderQty, "more than 0")
    if not is_whole(quantity):
        return OrderRefusal.incorrect_quantity, _found(message, Tag.OrderQty, "a whole face amount")
    if get(54) not in SIDE_CODE.values():
        return OrderRefusal.unsupported, _found(message, Tag.Side, "1 (buy) or 2 (sell)")
    if get(40) not in (_MARKET, _LIMIT):
        return OrderRefusal.unsupported, _found(message, Tag.OrdType, "1 (market) or 2 (limit)")
    if get(40) == _LIMIT:
        if price is None:
            return OrderRefusal.other, "Price(44) missing on a limit order"
        if get(423) not in (_PERCENT, None):
            return OrderRefusal.unsupported, _found(message, Tag.PriceType, "1 (percent of par)")
        if price <= 0:
            return OrderRefusal.other, _found(message, Tag.Price, "more than 0")
    if tif is None:
        return OrderRefusal.unsupported, _found(message, Tag.TimeInForce, "0 (day), 3 (IOC), 4 (FOK) or 6 (GTD)")
    if tif is TimeInForce.gtd and expire_ns is None:
        return OrderRefusal.other, "TimeInForce(59)=6 (GTD) without ExpireTime(126) or ExpireDate(432)"
    if handling is None:
        return OrderRefusal.unsupported, _found(message, Tag.HandlInst, "1, 2 or 3")
    currency = get(15)
    if currency is not None and (expected := currency_problem(currency)):
        return OrderRefusal.other, _found(message, Tag.Currency, expected)
    return _settlement_problem(message) or terms.refusal(message)


_SETTLEMENT_DAYS: Final[Mapping[str, int]] = {"1": 0, "2": 1, "3": 2, "4": 3, "5": 4, "9": 5, "A": 1}
"""SettlType(63) that is so many days after the trade; A is 5.0's name for T+1."""
_REGULAR: Final = "0"
_BY_DATE: Final = ("6", "B")
"""Future, and 5.0's broken date."""


def _settlement_problem(message: Message) -> tuple[OrderRefusal, str] | None:
    kind, day = message.get(63), message.get(64)
    if kind in _BY_DATE and not day:
        return OrderRefusal.unsupported, f"{_found(message, Tag.SettlType, 'SettlDate(64) beside it')}"
    if kind not in (None, _REGULAR, *_BY_DATE, *_SETTLEMENT_DAYS):
        return OrderRefusal.unsupported, _found(message, Tag.SettlType, "0 to 5, 9, or 6 with SettlDate(64)")
    if day is None:
        return None
    try:
        is_day = len(day) == 8 and day.isdigit() and date.fromisoformat(day) is not None
    except ValueError:
        is_day = False
    return None if is_day else (OrderRefusal.unsupported, _found(message, Tag.SettlDate, "a day as YYYYMMDD"))


def _found(message: Message, tag: Tag, expected: str) -> str:
    return f"{tag.name}({tag:d})={message.get(tag)}: expected {expected}"


def _required_time(message: Message, tag: int) -> int:
    message.require(tag)
    value = message.timestamp_ns(tag)
    assert value is not None
    return value


def _end_of_day(day: str | None) -> int | None:
    """The first instant after ExpireDate(432), a UTC day, in nanoseconds."""
    if not day:
        return None
    try:
        return timestamp_ns(f"{day}-00:00:00") + NS_PER_DAY
    except ValueError:
        raise ProtocolError("ExpireDate(432): expected YYYYMMDD", reason=6, tag=Tag.ExpireDate) from None


# --- out -----------------------------------------------------------------------------------------

_COPY: Final = b"797=Y\x01"
_TIF_FIELD: Final[Mapping[TimeInForce, str]] = {tif: f"59={code}\x01" for tif, code in TIF_CODE.items()}
_KIND_FIELD: Final[Mapping[ReportKind, str]] = {kind: f"150={code}\x01" for kind, code in REPORT_KIND_CODE.items()}
_REFUSAL_FIELD: Final = {refusal: f"103={code}\x01" for refusal, code in ORDER_REFUSAL_CODE.items()}


def speak_report(report: OrderReport, dialect: Dialect, *, copy: bool) -> bytes:
    """ExecutionReport(8): ascending tags, written out field by field because every order causes several.

    `copy` adds CopyMsgIndicator(797)=Y behind all else, which stays as it is. An OrdType(40) and a TimeInForce(59) are
    not said of an order that was refused or is not known: it may have had others.

    Raises ValueError for a value, other than the text, that contains SOH.
    """
    body = _spoken(_Same(report), dialect.bond_face)
    return body + _COPY if copy else body


class _Same:
    """A report for a cache: the same object. To compare two by their fields takes as long as to write one."""

    __slots__ = ("report",)

    def __init__(self, report: OrderReport) -> None:
        self.report = report

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.report is self.report

    def __hash__(self) -> int:
        return id(self.report)


@lru_cache(maxsize=4)
def _spoken(same: _Same, bond_face: Decimal | None) -> bytes:
    """The body without the mark of a copy: an order session and the drop copies get the same one after another."""
    report = same.report
    refuse_soh(
        report.account,
        report.cl_ord_id,
        report.currency,
        report.cusip,
        report.exec_id,
        report.exec_ref_id,
        report.id_source,
        report.order_id,
        report.orig_cl_ord_id,
        report.security_id,
        report.settl_date,
        report.trade_date,
        report.dealer_exec_id,
    )
    text = report.text.replace("\x01", " ") if report.text else ""
    refused = report.ord_status == OrderStatus.rejected
    quantity, cumulated, leaves = report.quantity, report.cum_quantity, report.leaves_quantity
    last, last_price, limit = report.last_quantity, report.last_price, report.limit_price
    accrued, gross, net = report.accrued, report.gross, report.net
    if bond_face is not None:
        quantity, cumulated, leaves = quantity / bond_face, cumulated / bond_face, leaves / bond_face
        last = None if last is None else last / bond_face
    order_qty, cum_qty, leaves_qty, avg_px = numbers((quantity, cumulated, leaves, report.average_price))
    security_id, source = (report.cusip, CUSIP) if report.cusip else (report.security_id, report.id_source)
    parts = (
        f"1={report.account}\x01" if report.account else "",
        f"6={avg_px}\x01",
        f"11={report.cl_ord_id}\x01" if report.cl_ord_id else "",
        f"14={cum_qty}\x01",
        f"15={report.currency}\x01" if report.currency else "",
        f"17={report.exec_id}\x01",
        f"19={report.exec_ref_id}\x01" if report.exec_ref_id else "",
        f"22={source}\x01" if report.security_id else "",
        f"31={number(last_price)}\x01" if last_price is not None else "",
        f"32={number(last)}\x01" if last is not None else "",
        f"37={report.order_id or 'NONE'}\x0138={order_qty}\x0139={ORDER_STATUS_CODE[report.ord_status]}\x01",
        "40=2\x01" if limit is not None else "" if refused else "40=1\x01",
        f"41={report.orig_cl_ord_id}\x01" if report.orig_cl_ord_id else "",
        f"44={number(limit)}\x01" if limit is not None else "",
        f"48={security_id}\x01" if report.security_id else "",
        "54=1\x0155=[N/A]\x01" if report.side is Side.buy else "54=2\x0155=[N/A]\x01",
        f"58={text}\x01" if text else "",
        "" if refused else _TIF_FIELD[report.tif],
        f"60={fix_timestamp(report.transact_ns)}\x01",
        f"64={report.settl_date}\x01" if report.settl_date else "",
        f"75={report.trade_date}\x01" if report.trade_date else "",
        _REFUSAL_FIELD[report.code] if report.code is not None else "",
        f"118={number(net)}\x01" if net is not None else "",
        _KIND_FIELD[report.kind],
        f"151={leaves_qty}\x01",
        f"159={number(accrued)}\x01" if accrued is not None else "",
        f"381={number(gross)}\x01" if gross is not None else "",
        "423=1\x01",
        f"454=1\x01455={report.security_id}\x01456={report.id_source}\x01" if report.cusip else "",
        _parties(report.dealer, report.trader) if report.dealer or report.trader else "",
        f"527={report.dealer_exec_id}\x01" if report.dealer_exec_id else "",
    )
    return "".join(parts).encode()


def speak_cancel_refusal(refusal: CancelRefusal) -> bytes:
    """OrderCancelReject(9)."""
    fields: list[Field] = [
        (11, refusal.cl_ord_id),
        (37, refusal.order_id or "NONE"),
        (39, ORDER_STATUS_CODE[refusal.ord_status]),
        (41, refusal.orig_cl_ord_id),
    ]
    if refusal.text:
        fields.append((58, refusal.text.replace("\x01", " ")))
    fields += [(102, CANCEL_PROBLEM_CODE[refusal.code]), (434, "2" if refusal.to_replace else "1")]
    return encode_body(fields)


@lru_cache(maxsize=1024)
def _parties(dealer: str, trader: str) -> str:
    """NoPartyIDs(453): the executing dealer as executing firm (1), a trader of ours as entering trader (36)."""
    refuse_soh(dealer, trader)
    entries = []
    if dealer:
        # An LEI is 20 letters and digits, and PartyIDSource(447) says so; anything else is a code we agreed.
        source = "N" if len(dealer) == 20 and dealer.isalnum() else "D"
        entries.append(f"448={dealer}\x01447={source}\x01452=1\x01")
    if trader:
        entries.append(f"448={trader}\x01447=D\x01452=36\x01")
    return f"453={len(entries)}\x01{''.join(entries)}"
