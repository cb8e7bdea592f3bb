"""Translation between FIX application messages and what the desk hears and says. Pure.

`hear` turns a message that the session layer has delivered into a value of `engine.domain.messages`;
`speak` turns such a value into a type and a body, which the session gives a number. Who may send what is
decided here, by the role of the session; what the values mean is the desk's business.

A message that breaks FIX raises ProtocolError (Reject(3)); one that is well-formed but not for us raises
NotTaken, which holds the whole BusinessMessageReject(j). A peer's own Reject(3) or j is always heard and
never answered in kind: two engines would refuse each other's refusals for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, assert_never

from engine.domain.messages import (
    AcceptQuote,
    AskDealer,
    AskPlacementStatus,
    BusinessReject,
    CancelPlacement,
    CancelRefusal,
    DontKnowTrade,
    Heard,
    Ignored,
    OrderReport,
    RefusedByPeer,
    Said,
    SubscribeMarketData,
    SubscribeRates,
    TradeReportAck,
)
from engine.errors import ProtocolError
from engine.fix.flows import dealer as dealer_flow
from engine.fix.flows import interest, trade_reports
from engine.fix.flows import market as market_flow
from engine.fix.flows import oms as oms_flow
from engine.fix.flows.dialect import DEFAULT, Dialect, Field
from engine.fix.flows.naming import AS_NAMED, Names
from engine.fix.flows.refusal import NotTaken
from engine.fix.session.settings import Role
from engine.fix.standard.tags import BusinessRejectReason, SessionRejectReason, Tag
from engine.fix.wire.codec import encode_body
from engine.fix.wire.message import Message

__all__ = ["DEFAULT", "ApplVer", "Dialect", "NotTaken", "Role", "hear", "speak"]

ApplVer = Literal["44", "50SP2"]

_Ear = Callable[[Message, Dialect, Names], Heard]


def hear(role: Role, message: Message, dialect: Dialect = DEFAULT, names: Names = AS_NAMED) -> Heard:
    """What `message` says, coming over a session of `role`; `names` knows bonds by their identifiers.

    Raises ProtocolError with SessionRejectReason(373) and the tag, or NotTaken with BusinessRejectReason(380).
    """
    ear = _EARS[role].get(message.msg_type)
    if ear is None:
        raise NotTaken(_not_taken(role, message))
    return ear(message, dialect, names)


def speak(said: Said, dialect: Dialect = DEFAULT, *, copy: bool = False, appl_ver: ApplVer = "44") -> tuple[str, bytes]:
    """MsgType(35) and body of what is said. `copy` marks an ExecutionReport(8) for the drop copy with 797=Y.

    4.4 and 5.0 SP2 spell all of it alike, order of group members included, so `appl_ver` decides nothing yet.
    Raises ValueError for a value that cannot be written (SOH in an identifier) or a `copy` of anything but an 8.
    """
    if isinstance(said, OrderReport):
        return "8", oms_flow.speak_report(said, dialect, copy=copy)
    if copy:
        # OrderCancelReject(9) has no CopyMsgIndicator(797), and nothing else concerns a drop copy.
        raise ValueError(f"only an ExecutionReport(8) goes to a drop copy, found {type(said).__name__}")
    match said:
        case AskDealer():
            return "R", dealer_flow.speak_ask(said, dialect)
        case AcceptQuote():
            return "D", dealer_flow.speak_acceptance(said, dialect)
        case CancelPlacement():
            return "F", dealer_flow.speak_cancel(said, dialect)
        case AskPlacementStatus():
            return "H", dealer_flow.speak_status_request(said, dialect)
        case TradeReportAck():
            return "AR", trade_reports.speak_ack(said, dialect)
        case DontKnowTrade():
            return "Q", dealer_flow.speak_dont_know_trade(said, dialect)
        case SubscribeMarketData():
            return "V", market_flow.speak_subscription(said, dialect)
        case SubscribeRates():
            return "V", market_flow.speak_rates_subscription(said, dialect)
        case CancelRefusal():
            return "9", oms_flow.speak_cancel_refusal(said)
        case BusinessReject():
            return "j", _speak_business_reject(said)
        case _:
            assert_never(said)


def _hear_refusal(message: Message, dialect: Dialect, names: Names) -> RefusedByPeer:
    """Reject(3) or BusinessMessageReject(j): as lenient as can be, since nothing can be answered to it."""
    try:
        ref_seq_num = message.integer(45) or 0
    except ProtocolError:
        ref_seq_num = 0
    if message.msg_type == "3":
        words = [f"SessionRejectReason(373)={message.get(373) or '?'}"]
    else:
        words = [f"BusinessRejectReason(380)={message.get(380) or '?'}"]
    if ref_tag := message.get(371):
        words.append(f"RefTagID(371)={ref_tag}")
    if text := message.get(58):
        words.append(text)
    return RefusedByPeer(
        ref_seq_num=ref_seq_num,
        ref_msg_type=message.get(372) or "",
        ref_id=message.get(379) or "",
        text=" ".join(words),
    )


def _ignore(message: Message, dialect: Dialect, names: Names) -> Ignored:
    return Ignored(message.msg_type, message.get(58) or "")


# Who may say what; a type that is missing for a role is not taken from it.
_EARS: Final[Mapping[Role, Mapping[str, _Ear]]] = {
    "oms": {
        "D": oms_flow.hear_new_order,
        "F": oms_flow.hear_cancel,
        "G": oms_flow.hear_replace,
        "H": oms_flow.hear_status_request,
        "3": _hear_refusal,
        "j": _hear_refusal,
    },
    "dropcopy": {
        "H": oms_flow.hear_status_request,
        "3": _hear_refusal,
        "j": _hear_refusal,
    },
    "echo": {},
    "dealer": {
        "S": dealer_flow.hear_quote,
        "AG": dealer_flow.hear_decline,
        "Z": dealer_flow.hear_quote_cancel,
        "AI": dealer_flow.hear_quote_status,
        "b": dealer_flow.hear_quote_acknowledgement,
        "8": dealer_flow.hear_execution,
        "9": dealer_flow.hear_cancel_refusal,
        "3": _hear_refusal,
        "j": _hear_refusal,
        "6": interest.hear_interest,
        "AE": trade_reports.hear_trade_report,
        # QuoteResponse, News, TradingSessionStatus: hubs send them unasked.
        "AJ": _ignore,
        "B": _ignore,
        "h": _ignore,
    },
    "market": {
        "W": market_flow.hear_snapshot,
        "X": market_flow.hear_changes,
        "Y": _ignore,
        "d": _ignore,
        "y": _ignore,
        "B": _ignore,
        "h": _ignore,
        "3": _hear_refusal,
        "j": _hear_refusal,
    },
}

# BusinessRejectRefID(379): the identifier a message of the type is known by.
_REF_ID_TAG: Final[Mapping[str, int]] = {
    "D": Tag.ClOrdID,
    "F": Tag.ClOrdID,
    "G": Tag.ClOrdID,
    "H": Tag.ClOrdID,
    "AB": Tag.ClOrdID,
    "E": Tag.ListID,
    "6": Tag.IOIID,
    "8": Tag.ExecID,
    "9": Tag.ClOrdID,
    "R": Tag.QuoteReqID,
    "S": Tag.QuoteID,
    "AE": Tag.TradeReportID,
    "V": Tag.MDReqID,
    "W": Tag.MDReqID,
}


def _not_taken(role: Role, message: Message) -> BusinessReject:
    msg_type = message.msg_type
    if not msg_type:  # With validation off nobody else looks, and no answer can name it.
        raise ProtocolError("Invalid MsgType", reason=SessionRejectReason.InvalidMsgType)
    ref_tag = _REF_ID_TAG.get(msg_type)
    ref_id = message.get(ref_tag) or "" if ref_tag is not None else ""
    if role == "dropcopy":
        text = f"MsgType(35)={msg_type} is not authorised on a drop copy: only OrderStatusRequest(H) is"
        return BusinessReject(msg_type, message.seq_num, BusinessRejectReason.NotAuthorized, text, ref_id)
    text = f"MsgType(35)={msg_type} is not supported from a session of role {role}"
    return BusinessReject(msg_type, message.seq_num, BusinessRejectReason.UnsupportedMessageType, text, ref_id)


def _speak_business_reject(reject: BusinessReject) -> bytes:
    fields: list[Field] = []
    if reject.ref_seq_num:
        fields.append((45, str(reject.ref_seq_num)))
    if reject.text:
        fields.append((58, reject.text.replace("\x01", " ")))
    fields.append((372, reject.ref_msg_type))
    if reject.ref_id:
        fields.append((379, reject.ref_id))
    fields.append((380, str(int(reject.reason))))
    return encode_body(fields)
