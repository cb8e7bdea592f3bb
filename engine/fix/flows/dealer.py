"""The flow of a dealer or hub: S AG Z AI b 8 9 in, R D F H out.

What it advertises (6) is `interest`, trades that it reports beside the 8, or in its place, are `trade_reports`.

What comes in is read leniently: an ExecutionReport(8) is never refused over an optional tag, whatever is
in it, because a refused fill is a lost fill; a number that cannot be read is None and the desk quarantines
what it cannot book. What goes out says the least that the request needs: never an account, a limit, an
identifier of the parent order or anything of other dealers.

Source: FIX 4.4 Volume 3, "Quote Request", "Quote"; Volume 4, "Execution Report".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from engine.clock import fix_timestamp
from engine.domain.messages import (
    AcceptQuote,
    AskDealer,
    AskPlacementStatus,
    BusinessReject,
    CancelPlacement,
    DealerCancelRefused,
    DealerReport,
    DealerWord,
    DontKnowTrade,
    Ignored,
    QuoteAnswer,
    QuoteDecline,
    QuoteWithdrawal,
)
from engine.domain.rfq import QuoteKind
from engine.errors import ProtocolError
from engine.fix.flows.dialect import (
    DIRECTION_OF,
    NO_SYMBOL,
    PERCENT_OF_PAR,
    SIDE_CODE,
    STATUS_OF,
    Dialect,
    face_amount,
    is_whole,
    number,
    refuse_soh,
    spoken,
    wire_quantity,
)
from engine.fix.flows.naming import Names, bond_named
from engine.fix.flows.refusal import NotTaken
from engine.fix.standard.tags import BusinessRejectReason, Tag
from engine.fix.wire.message import FieldView, Message
from engine.masking import for_keeping, one_line

_KIND_OF: Final[Mapping[str, QuoteKind]] = {
    "0": QuoteKind.indicative,
    "1": QuoteKind.tradeable,
    "2": QuoteKind.restricted,
    "3": QuoteKind.counter,
}

# QuoteRequestRejectReason(658).
_DECLINE_REASON: Final[Mapping[str, str]] = {
    "1": "unknown symbol",
    "2": "closed",
    "3": "exceeds limit",
    "4": "too late",
    "5": "invalid price",
    "6": "not authorised",
    "7": "no match",
    "8": "no market",
    "9": "no inventory",
    "10": "pass",
    "11": "credit",
    "12": "clip size",
    "13": "exceeds notional",
    "14": "exceeds DV01",
    "15": "exceeds CS01",
    "99": "other",
}

# QuoteStatus(297) that ends a quote, on AI; 11 (pass) is a decline and handled beside it.
_QUOTE_ENDED: Final = frozenset({"1", "2", "3", "4", "5", "6", "7", "9", "17", "22", "23"})
_QUOTE_PASSED: Final = "11"
_QUOTE_REJECTED: Final = "5"
_CANCEL_ALL: Final = "4"
_CANCEL_ONE: Final = "5"
_BY_BOND: Final = "1"
_BOND_CANCELED: Final = "1"
_WIDELY_CANCELED: Final = frozenset({"1", "2", "3", "4"})
"""QuoteStatus(297): by security, by security type, by underlying, all."""
_NO_QUOTE_ID: Final = frozenset({"", "*", "NONE", "N/A", "[N/A]"})
_NAMES_A_BOND: Final = frozenset({"1", "4", ""})
"""SecurityIDSource(22) that we know bonds by."""

# ExecType(150). Whatever is not here is a status: the order's state is then in OrdStatus(39).
_WORD_OF_EXEC_TYPE: Final[Mapping[str, DealerWord]] = {
    "0": DealerWord.acknowledged,
    "A": DealerWord.acknowledged,
    "F": DealerWord.filled,
    # FIX 4.2's partial fill and fill, still sent by some under 4.4.
    "1": DealerWord.filled,
    "2": DealerWord.filled,
    "8": DealerWord.rejected,
    "4": DealerWord.canceled,
    "C": DealerWord.canceled,
    "I": DealerWord.status,
    "G": DealerWord.corrected,
    "H": DealerWord.trade_canceled,
}
# FIX 4.2's ExecTransType(20): cancel, correct, status; 0 is new.
_WORD_OF_TRANS_TYPE: Final[Mapping[str, DealerWord]] = {
    "1": DealerWord.trade_canceled,
    "2": DealerWord.corrected,
    "3": DealerWord.status,
}
_A_QUANTITY: Final = "a quantity such as 1000000"
_A_PRICE: Final = "a price such as 99.25"
_UNDISCLOSED: Final = "7"
_SHOWN_MAX: Final = 40
"""Characters of a value that cannot be read that are shown."""
_ORDER_UNKNOWN_REASON: Final = "5"
_CANCEL_UNKNOWN_ORDER: Final = "1"
_NO_ORDER_ID: Final = frozenset({"", "NONE", "UNKNOWN", "[N/A]"})

# --- in ------------------------------------------------------------------------------------------


def hear_quote(message: Message, dialect: Dialect, names: Names) -> QuoteAnswer:
    """Quote(S). A price that is not positive, or has a size of 0, is no price on that side."""
    quote_id = message.require(117)
    quote_req_id = message.get(131)
    if not quote_req_id:
        text = "QuoteReqID(131) missing: this engine trades on quotes that answer a request"
        raise NotTaken(
            BusinessReject("S", message.seq_num, BusinessRejectReason.ConditionallyRequiredFieldMissing, text, quote_id)
        )
    price_type = message.get(423) or message.get(692) or dialect.price_type
    bid, bid_quantity = _side_of_quote(message, 132, 134, dialect)
    offer, offer_quantity = _side_of_quote(message, 133, 135, dialect)
    return QuoteAnswer(
        quote_req_id=quote_req_id,
        quote_id=quote_id,
        security_id=bond_named(message, names).told,
        # QuoteType(537) absent or unheard of is the one that no rule executes.
        kind=_KIND_OF.get(message.get(537) or "0", QuoteKind.indicative),
        bid=bid,
        offer=offer,
        bid_quantity=bid_quantity,
        offer_quantity=offer_quantity,
        valid_until_ns=message.timestamp_ns(62),
        percent_of_par=price_type == PERCENT_OF_PAR,
        settl_date=message.get(64) or "",
        currency=message.get(15) or "",
    )


def hear_decline(message: Message, dialect: Dialect, names: Names) -> QuoteDecline:
    """QuoteRequestReject(AG): the reason in words, and the dealer's own text behind it."""
    quote_req_id = message.require(131)
    code = message.require(658)
    return QuoteDecline(quote_req_id, _worded(_DECLINE_REASON.get(code, f"reason {code}"), message.get(58)))


def hear_quote_cancel(message: Message, dialect: Dialect, names: Names) -> QuoteWithdrawal:
    """QuoteCancel(Z): one quote, those in the bonds of its entries, or all; under the request, where there is one.

    QuoteCancelType(298)=4 is all. What QuoteID(117) names counts before the kind: 4.4 has none for one quote, and 1 is
    said instead. By security type, underlying or issuer it withdraws all: better one quote less than one taken that
    is none any more.
    """
    kind, quote_req_id, quote_id = message.require(298), _identifier(message, 131), _identifier(message, 117)
    if kind == _CANCEL_ALL:
        return QuoteWithdrawal(quote_req_id, "")
    entries = message.groups(295)
    bonds = _bonds(entries) if kind in (_BY_BOND, _CANCEL_ONE) else ()
    if not quote_id:
        return QuoteWithdrawal(quote_req_id, "", bonds)
    widely = bool(entries) and kind != _CANCEL_ONE
    return QuoteWithdrawal(quote_req_id, quote_id, bonds if widely else (), widely)


def hear_quote_status(message: Message, dialect: Dialect, names: Names) -> QuoteWithdrawal | QuoteDecline | Ignored:
    """QuoteStatusReport(AI): what ends a quote withdraws it, a pass declines the request, the rest changes nothing.

    Where QuoteID(117) names none, it is of the bond's quotes, or of all where the status says so; else it withdraws
    what is under the request.
    """
    status = message.get(297) or ""
    quote_req_id, quote_id = _identifier(message, 131), _identifier(message, 117)
    if status == _QUOTE_PASSED and quote_req_id:
        return QuoteDecline(quote_req_id, _worded("pass", message.get(58)))
    said_id = message.get(117) or ""
    if status in _QUOTE_ENDED:
        bonds = _bonds((message,)) if message.get(48) else ()
        if quote_id:
            widely = status == _BOND_CANCELED and bool(bonds)
            return QuoteWithdrawal(quote_req_id, quote_id, bonds if widely else (), widely)
        if status in _WIDELY_CANCELED:
            return QuoteWithdrawal(quote_req_id, "", bonds if status == _BOND_CANCELED else ())
        if said_id and (quote_req_id or message.get(48)):
            return QuoteWithdrawal(quote_req_id, "", bonds)
    return Ignored("AI", _worded(f"QuoteStatus(297)={status} QuoteID(117)={said_id}", message.get(58)))


def hear_quote_acknowledgement(message: Message, dialect: Dialect, names: Names) -> QuoteDecline | Ignored:
    """MassQuoteAcknowledgement(b), with which some venues answer an R: only a rejection says anything."""
    status, quote_req_id = message.get(297) or "", message.get(131) or ""
    if status == _QUOTE_REJECTED and quote_req_id:
        code = message.get(300)
        return QuoteDecline(
            quote_req_id, _worded("rejected" if code is None else f"rejected ({code})", message.get(58))
        )
    return Ignored("b", _worded(f"QuoteStatus(297)={status} QuoteReqID(131)={quote_req_id}", message.get(58)))


def hear_execution(message: Message, dialect: Dialect, names: Names) -> DealerReport:
    """ExecutionReport(8).
    Raises ProtocolError only where there is no ExecID(17), or neither ExecType(150) nor OrdStatus(39).
    """
    get = message.get
    status = get(39) or ""
    word = _word(get(150), status, get(20))
    order_id = get(37) or ""
    traded = read_trade(message, dialect)
    return DealerReport(
        word=word,
        cl_ord_id=get(11) or "",
        orig_cl_ord_id=get(41) or "",
        order_id=order_id,
        exec_id=message.require(17),
        security_id=bond_named(message, names).told,
        side=DIRECTION_OF.get(get(54) or ""),
        last_quantity=traded.quantity,
        last_price=traded.price,
        cum_quantity=readable_quantity(message, 14, dialect),
        leaves_quantity=readable_quantity(message, 151, dialect),
        average_price=readable_decimal(message, 6) if traded.in_percent else None,
        trade_date=get(75) or "",
        settl_date=get(64) or "",
        transact_ns=readable_time(message, 60),
        accrued=readable_decimal(message, 159),
        gross=readable_decimal(message, 381),
        net=readable_decimal(message, 118),
        text=get(58) or "",
        status=STATUS_OF.get(status),
        unknown_order=_knows_no_order(word, status, get(103), order_id),
        possible_resend=message.poss_resend,
        refers_to=get(19) or "",
        currency=get(15) or "",
        unread=traded.unread,
        order_quantity=readable_quantity(message, 38, dialect),
        bond_named=(get(22) or "", get(48) or ""),
        as_came=as_came(message),
        secondary_exec_id=get(527) or "",
        match_id=get(880) or get(1003) or "",
        settl_currency=get(120) or "",
    )


def hear_cancel_refusal(message: Message, dialect: Dialect, names: Names) -> DealerCancelRefused:
    """OrderCancelReject(9). An unknown order has OrdStatus(39)=8; a 9 that says otherwise knows it after all."""
    return DealerCancelRefused(
        cl_ord_id=message.get(11) or "",
        orig_cl_ord_id=message.get(41) or "",
        text=message.get(58) or "",
        unknown_order=message.get(102) == _CANCEL_UNKNOWN_ORDER and message.get(39) in ("8", None),
        status=STATUS_OF.get(message.get(39) or ""),
    )


def _identifier(message: Message, tag: int) -> str:
    """An identifier; empty for the words that stand where there is none."""
    value = message.get(tag) or ""
    return "" if value.upper() in _NO_QUOTE_ID else value


def _bonds(named: Sequence[FieldView]) -> tuple[tuple[str, str], ...]:
    """SecurityIDSource(22) and SecurityID(48) of each; none at all where one of them cannot be told."""
    bonds = tuple((each.get(22) or "", each.get(48) or "") for each in named)
    return bonds if all(text and source in _NAMES_A_BOND for source, text in bonds) else ()


def _side_of_quote(
    message: Message, price_tag: int, size_tag: int, dialect: Dialect
) -> tuple[Decimal | None, Decimal | None]:
    price, size = message.decimal(price_tag), face_amount(message, size_tag, dialect)
    if price is None or price <= 0 or (size is not None and size <= 0):
        return None, None
    return price, size


def _word(exec_type: str | None, status: str, trans_type: str | None) -> DealerWord:
    if trans_type is not None and trans_type in _WORD_OF_TRANS_TYPE:
        return _WORD_OF_TRANS_TYPE[trans_type]
    if exec_type:
        return _WORD_OF_EXEC_TYPE.get(exec_type, DealerWord.status)
    # Required, but a fill is worth more than its form: OrdStatus(39) has the same codes for what matters.
    if not status:
        raise ProtocolError("ExecType(150) missing", reason=1, tag=Tag.ExecType)
    return _WORD_OF_EXEC_TYPE.get(status, DealerWord.status)


def _knows_no_order(word: DealerWord, status: str, reason: str | None, order_id: str) -> bool:
    """Does it say that our order never arrived? OrdRejReason(103)=5, or a rejected status without any OrderID(37)."""
    if word is DealerWord.status:
        return status == "8" and (reason == _ORDER_UNKNOWN_REASON or order_id.upper() in _NO_ORDER_ID)
    return word is DealerWord.rejected and reason == _ORDER_UNKNOWN_REASON


def readable_decimal(fields: FieldView, tag: int) -> Decimal | None:
    """None where there is no number."""
    try:
        return fields.decimal(tag)
    except ProtocolError:
        return None


def readable_quantity(fields: FieldView, tag: int, dialect: Dialect) -> Decimal | None:
    try:
        return face_amount(fields, tag, dialect)
    except ProtocolError:
        return None


class Traded(NamedTuple):
    """How much, at which price, as far as it can be read."""

    quantity: Decimal | None
    price: Decimal | None
    in_percent: bool
    unread: tuple[str, ...]
    """What is wrong with LastQty(32) and LastPx(31), or what stands in its place: tag, value, what was expected."""


def read_trade(message: Message, dialect: Dialect) -> Traded:
    """LastQty(32), and LastPx(31) in percent of par.

    A price in another unit would be booked as percent of par; LastParPx(669) is that by definition.
    """
    in_percent = (message.get(423) or PERCENT_OF_PAR) == PERCENT_OF_PAR
    quantity = readable_quantity(message, 32, dialect)
    price = readable_decimal(message, 31 if in_percent else 669)
    if quantity is not None and quantity > 0 and not is_whole(quantity):
        # It counts something else than face amount: how much was traded, a person has to say.
        quantity, found = None, _not_whole(message)
    elif quantity is not None and price is not None and quantity > 0 and price > 0:
        return Traded(quantity, price, in_percent, ())
    else:
        found = _unread_number(message, 32, quantity, _A_QUANTITY)
    if in_percent:
        found += _unread_number(message, 31, price, _A_PRICE)
    elif message.get(669):
        found += _unread_number(message, 669, price, _A_PRICE)
    else:
        shown = _short(message.get(423))
        found += (f"PriceType(423)={shown}: expected 1, percent of par, or LastParPx(669) beside it",)
    return Traded(quantity, price, in_percent, found)


def _not_whole(message: Message) -> tuple[str, ...]:
    return (f"LastQty(32)={_short(message.get(32))}: expected a whole face amount",)


def as_came(message: Message) -> str:
    """The whole message, latin-1, credentials covered."""
    kept = for_keeping(message.fields) if message.layout.has_secrets else message.raw
    return kept.decode("latin-1")


def _unread_number(message: Message, tag: int, value: Decimal | None, expected: str) -> tuple[str, ...]:
    named, said = f"{Tag(tag).name}({tag})", message.get(tag)
    if not said:
        return (f"{named} is missing: expected {expected}",)
    if value is None:
        return (f"{named}={_short(said)}: expected {expected}",)
    return () if value > 0 else (f"{named}={_short(said)}: expected more than 0",)


def _short(said: str | None) -> str:
    """A peer's value for one line of text."""
    text = one_line(said or "")
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 3]}..."


def readable_time(fields: FieldView, tag: int) -> int | None:
    try:
        return fields.timestamp_ns(tag)
    except ProtocolError:
        return None


def _worded(meaning: str, text: str | None) -> str:
    return f"{meaning}: {text}" if text else meaning


# --- out -----------------------------------------------------------------------------------------


def speak_ask(ask: AskDealer, dialect: Dialect) -> bytes:
    """QuoteRequest(R): one NoRelatedSym(146) entry that holds everything but QuoteReqID(131).

    Price(44), Account(1) and ClOrdID(11) are legal here and never written: they would show our limit, our
    client or our parent order.
    """
    expires, valid_until = ask.collect_until_ns, ask.firm_until_ns
    if dialect.swap_clocks:
        expires, valid_until = valid_until, expires
    refuse_soh(ask.quote_req_id, ask.security_id, ask.id_source, ask.settl_date, ask.currency)
    settlement = f"64={ask.settl_date}\x01" if ask.settl_date else ""
    chunks = [
        f"131={ask.quote_req_id}\x01",
        # NoRelatedSym(146) and its one entry, in the dictionary's order.
        f"146=1\x0155={NO_SYMBOL}\x0148={ask.security_id}\x0122={ask.id_source}\x01303=1\x01537=1\x01"
        f"54={SIDE_CODE[ask.side]}\x0138={wire_quantity(ask.quantity, dialect)}\x01{settlement}15={ask.currency}\x01"
        f"62={fix_timestamp(valid_until)}\x01126={fix_timestamp(expires)}\x0160={fix_timestamp(ask.transact_ns)}\x01"
        f"423={dialect.price_type}\x01",
    ]
    return spoken("R", chunks, dialect)


def speak_acceptance(accept: AcceptQuote, dialect: Dialect) -> bytes:
    """NewOrderSingle(D), previously quoted, fill or kill. Price(44) is the dealer's own quote, never our limit."""
    refuse_soh(
        accept.placement_id,
        accept.currency,
        accept.id_source,
        accept.security_id,
        accept.settl_date,
        accept.quote_id,
    )
    chunks = [
        f"11={accept.placement_id}\x01",
        f"15={accept.currency}\x01",
        f"22={accept.id_source}\x01",
        f"38={wire_quantity(accept.quantity, dialect)}\x01",
        "40=D\x01",
        f"44={number(accept.price)}\x01",
        f"48={accept.security_id}\x01",
        f"54={SIDE_CODE[accept.side]}\x01",
        f"55={NO_SYMBOL}\x01",
        "59=4\x01",
        f"60={fix_timestamp(accept.transact_ns)}\x01",
        f"64={accept.settl_date}\x01" if accept.settl_date else "",
        f"117={accept.quote_id}\x01",
        f"423={PERCENT_OF_PAR}\x01",
    ]
    return spoken("D", chunks, dialect)


def speak_cancel(cancel: CancelPlacement, dialect: Dialect) -> bytes:
    """OrderCancelRequest(F)."""
    refuse_soh(cancel.cancel_id, cancel.id_source, cancel.placement_id, cancel.security_id)
    chunks = [
        f"11={cancel.cancel_id}\x01",
        f"22={cancel.id_source}\x01",
        f"38={wire_quantity(cancel.quantity, dialect)}\x01",
        f"41={cancel.placement_id}\x01",
        f"48={cancel.security_id}\x01",
        f"54={SIDE_CODE[cancel.side]}\x01",
        f"55={NO_SYMBOL}\x01",
        f"60={fix_timestamp(cancel.transact_ns)}\x01",
    ]
    return spoken("F", chunks, dialect)


def speak_status_request(ask: AskPlacementStatus, dialect: Dialect) -> bytes:
    """OrderStatusRequest(H)."""
    refuse_soh(ask.placement_id, ask.id_source, ask.security_id)
    chunks = [
        f"11={ask.placement_id}\x01",
        f"22={ask.id_source}\x01",
        f"48={ask.security_id}\x01",
        f"54={SIDE_CODE[ask.side]}\x01",
        f"55={NO_SYMBOL}\x01",
    ]
    return spoken("H", chunks, dialect)


def speak_dont_know_trade(said: DontKnowTrade, dialect: Dialect) -> bytes:
    """DontKnowTrade(Q). A Side(54) that could not be read is undisclosed; an order that nobody named is NONE."""
    refuse_soh(said.exec_id, said.id_source, said.order_id, said.security_id)
    quantity, price = said.last_quantity, said.last_price
    chunks = [
        f"17={said.exec_id}\x01",
        f"22={said.id_source}\x01" if said.security_id else "",
        f"31={number(price)}\x01" if price is not None else "",
        f"32={wire_quantity(quantity, dialect)}\x01" if quantity is not None else "",
        f"37={said.order_id or 'NONE'}\x01",
        f"38={wire_quantity(said.quantity, dialect)}\x01",
        f"48={said.security_id}\x01" if said.security_id else "",
        f"54={SIDE_CODE[said.side] if said.side is not None else _UNDISCLOSED}\x01",
        f"55={NO_SYMBOL}\x01",
        "58={}\x01".format(said.text.replace("\x01", " ")) if said.text else "",
        f"127={said.reason.value}\x01",
    ]
    return spoken("Q", chunks, dialect)
