"""Trades that a dealer reports by TradeCaptureReport(AE), and our TradeCaptureReportAck(AR).

Read as leniently as an ExecutionReport(8): a refused report is a lost trade. What it does with the trade is said in up
to three fields, TradeReportTransType(487), TradeReportType(856) and ExecType(150); the desk keeps for a person what
they do not say clearly. The acknowledgement repeats the report's own names and tells nothing of us.

Source: FIX 4.4 Volume 5, "Trade Capture Report", "Trade Capture Report Ack".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.clock import fix_timestamp
from engine.domain.messages import (
    DealerReport,
    DealerWord,
    ReportWords,
    TradeAct,
    TradeReport,
    TradeReportAck,
    TradeSide,
)
from engine.fix.flows.dealer import as_came, read_trade, readable_decimal, readable_quantity, readable_time
from engine.fix.flows.dialect import DIRECTION_OF, NO_SYMBOL, STATUS_OF, Dialect, refuse_soh, spoken
from engine.fix.flows.naming import Names, bond_named
from engine.fix.wire.message import FieldView, Message

_ACT_BY_TRANS_TYPE: Final[Mapping[str, TradeAct]] = {
    "0": TradeAct.new,
    "1": TradeAct.cancel,
    "2": TradeAct.correct,
    "3": TradeAct.new,  # released, after it was held
    "4": TradeAct.cancel,  # reversed
    "5": TradeAct.cancel,  # FIX 5.0: backed out of
}
_ACT_BY_REPORT_TYPE: Final[Mapping[str, TradeAct]] = {
    "0": TradeAct.new,
    "1": TradeAct.new,  # alleged
    "2": TradeAct.new,  # accepted
    "4": TradeAct.addendum,
    "5": TradeAct.correct,  # no, it was ...
    "6": TradeAct.cancel,
    "7": TradeAct.cancel,  # a locked-in trade breaks
    # FIX 5.0, alleged: new, addendum, no/was, cancel, break.
    "11": TradeAct.new,
    "12": TradeAct.addendum,
    "13": TradeAct.correct,
    "14": TradeAct.cancel,
    "15": TradeAct.cancel,
}
_ACT_BY_EXEC_TYPE: Final[Mapping[str, TradeAct]] = {
    "F": TradeAct.new,
    "0": TradeAct.new,
    "1": TradeAct.new,
    "2": TradeAct.new,
    "G": TradeAct.correct,
    "H": TradeAct.cancel,
}
_SAID_IN: Final = (
    (487, "TradeReportTransType", _ACT_BY_TRANS_TYPE),
    (856, "TradeReportType", _ACT_BY_REPORT_TYPE),
    (150, "ExecType", _ACT_BY_EXEC_TYPE),
)
_WORD_OF: Final[Mapping[TradeAct, DealerWord]] = {
    TradeAct.cancel: DealerWord.trade_canceled,
    TradeAct.correct: DealerWord.corrected,
}
_EXEC_TYPE_OF: Final[Mapping[TradeAct, str]] = {TradeAct.cancel: "H", TradeAct.correct: "G"}
_NO_SIDES: Final = 552
_ACCEPTED: Final = "0"
_REJECTED: Final = "1"


def hear_trade_report(message: Message, dialect: Dialect, names: Names) -> TradeReport:
    """TradeCaptureReport(AE). Raises ProtocolError only where it has no name at all: 571, TradeID(1003) or 17."""
    get = message.get
    report_id = get(571) or get(1003) or get(17) or message.require(571)
    act, odd = _act(message)
    exec_type = get(150) or _EXEC_TYPE_OF.get(act, "F")
    words = ReportWords(
        report_id=report_id,
        trans_type=get(487) or "",
        report_type=get(856) or "",
        exec_type=exec_type,
        refers_to=get(572) or "",
        exec_id=get(17) or "",
        secondary_exec_id=get(527) or "",
        match_id=get(880) or "",
        id_source=get(22) or "",
        security_id=get(48) or "",
    )
    traded = read_trade(message, dialect)
    trade = DealerReport(
        word=_WORD_OF.get(act, DealerWord.filled),
        cl_ord_id="",
        orig_cl_ord_id="",
        order_id="",
        # A change has a name of its own: ExecID(17) may be that of the trade that it is about.
        exec_id=report_id if act in _WORD_OF else words.exec_id or report_id,
        security_id=bond_named(message, names).told,
        side=None,
        last_quantity=traded.quantity,
        last_price=traded.price,
        cum_quantity=None,
        leaves_quantity=None,
        average_price=readable_decimal(message, 6) if traded.in_percent else None,
        trade_date=get(75) or "",
        settl_date=get(64) or "",
        transact_ns=readable_time(message, 60),
        secondary_exec_id=words.secondary_exec_id,
        match_id=words.match_id or get(1003) or "",
        refers_to=get(19) or (words.exec_id if act in _WORD_OF else ""),
        trade_report_id=report_id,
        trade_report_ref=words.refers_to,
        reported_before=get(570) == "Y",
        report_words=words,
        possible_resend=message.poss_resend,
        unread=traded.unread,
        order_quantity=readable_quantity(message, 38, dialect),
        bond_named=(words.id_source, words.security_id),
        as_came=as_came(message),
    )
    entries: tuple[FieldView, ...] = message.groups(_NO_SIDES)
    return TradeReport(
        act=act,
        trade=trade,
        # Without the group, what would be in it is looked for outside.
        sides=tuple(_side(each, message, len(entries) < 2, dialect) for each in entries or (message,)),
        quote_id=get(117) or "",
        odd=odd,
    )


def _act(message: Message) -> tuple[TradeAct, str]:
    """What it does, and what of it cannot be told. A cancel or a correction said in one field goes before `new`."""
    found: list[TradeAct] = []
    odd = ""
    for tag, name, act_of in _SAID_IN:
        value = message.get(tag)
        if value:
            act = act_of.get(value, TradeAct.unheard_of)
            found.append(act)
            if act is TradeAct.unheard_of:
                odd = odd or f"{name}({tag})={value}: it cannot be told what becomes of the trade"
    said = list(dict.fromkeys(act for act in found if act is not TradeAct.new))
    if odd:
        return TradeAct.unheard_of, odd
    if len(said) > 1:
        fields = " ".join(f"{name}({tag})={message.get(tag)}" for tag, name, _ in _SAID_IN if message.get(tag))
        return TradeAct.unheard_of, f"{fields}: they cannot all be so"
    return said[0] if said else TradeAct.new, ""


def _side(entry: FieldView, message: Message, alone: bool, dialect: Dialect) -> TradeSide:
    get = entry.get

    def where(tag: int) -> FieldView:
        """The side, or the message where the field stands beside all sides."""
        return message if get(tag) is None and tag in message.members else entry

    # CumQty(14) and LeavesQty(151) are no fields of AE: behind the last side they stand outside, and are that one's.
    counts = where if alone else lambda _: entry
    return TradeSide(
        cl_ord_id=get(11) or "",
        order_id=get(37) or "",
        side=DIRECTION_OF.get(get(54) or ""),
        cum_quantity=readable_quantity(counts(14), 14, dialect),
        leaves_quantity=readable_quantity(counts(151), 151, dialect),
        accrued=readable_decimal(entry, 159),
        gross=readable_decimal(where(381), 381),  # FIX 5.0 has it beside the sides, and the currency;
        net=readable_decimal(entry, 118),
        currency=where(15).get(15) or "",
        text=get(58) or "",
        status=STATUS_OF.get(where(39).get(39) or ""),  # FIX 4.4 has this beside them.
        settl_currency=get(120) or "",
    )


def speak_ack(ack: TradeReportAck, dialect: Dialect) -> bytes:
    """TradeCaptureReportAck(AR)."""
    words = ack.words
    refuse_soh(*(getattr(words, name) for name in words.__dataclass_fields__), ack.text)
    said = (
        (17, words.exec_id),
        (22, words.id_source),
        (48, words.security_id),
        (55, NO_SYMBOL),
        (58, ack.text),
        (60, fix_timestamp(ack.transact_ns)),
        (150, words.exec_type),
        (487, words.trans_type),
        (527, words.secondary_exec_id),
        (571, words.report_id),
        (572, words.refers_to),
        (751, "" if ack.problem is None else str(int(ack.problem))),
        (856, words.report_type),
        (880, words.match_id),
        (939, _ACCEPTED if ack.problem is None else _REJECTED),
    )
    return spoken("AR", [f"{tag}={value}\x01" for tag, value in said if value], dialect)
