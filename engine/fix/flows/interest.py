"""What a dealer advertises: IOI(6), new, replaced and cancelled.

An interest that cannot be used is refused by BusinessMessageReject(j), one that breaks FIX by Reject(3); the session
goes on. A cancel needs nothing but what it refers to.

Source: FIX 4.4 Volume 3, "Indication of Interest".
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from engine.domain.axe import AxeQuality, AxeSize
from engine.domain.messages import AxeAction, AxeSaid, BusinessReject
from engine.errors import ProtocolError
from engine.fix.flows.dialect import PERCENT_OF_PAR, Dialect, direction, face_amount
from engine.fix.flows.naming import Names, bond_named
from engine.fix.flows.refusal import NotTaken
from engine.fix.standard.tags import BusinessRejectReason, SessionRejectReason, Tag
from engine.fix.wire.message import Message

_ACTION_OF: Final[Mapping[str, AxeAction]] = {"N": AxeAction.new, "R": AxeAction.replacement, "C": AxeAction.cancel}
_SIZE_OF: Final[Mapping[str, AxeSize]] = {"S": AxeSize.small, "M": AxeSize.medium, "L": AxeSize.large}
_UNDISCLOSED: Final = "U"  # FIX 5.0.
_QUALITY_OF: Final[Mapping[str, AxeQuality]] = {"L": AxeQuality.low, "M": AxeQuality.medium, "H": AxeQuality.high}


def hear_interest(message: Message, dialect: Dialect, names: Names) -> AxeSaid:
    """IOI(6). A price in another unit than percent of par, or of 0, is none."""
    axe_id = message.require(23)
    action = _ACTION_OF.get(message.require(28))
    if action is None:
        text = f"IOITransType(28)={message.get(28)} is not defined"
        raise ProtocolError(text, reason=SessionRejectReason.ValueIncorrect, tag=Tag.IOITransType)
    refers_to = message.get(26) or ""
    if action is not AxeAction.new and not refers_to:
        raise _missing(message, axe_id, f"IOIRefID(26) missing: IOITransType(28)={message.get(28)} needs it")
    if action is AxeAction.cancel:
        return AxeSaid(action, axe_id, refers_to, bond_named(message, names).told, message.seq_num)
    bond = bond_named(message, names)
    if not bond.security_id:
        raise _missing(message, axe_id, "SecurityID(48) missing: bonds are told apart by it alone")
    if bond.problem:
        reason = BusinessRejectReason.UnknownSecurity
        raise NotTaken(BusinessReject("6", message.seq_num, reason, bond.problem, axe_id))
    message.require(54)
    side = direction(message)
    if side is None:
        text = f"Side(54)={message.get(54)} has no direction: expected 1 (buy) or 2 (sell)"
        raise NotTaken(BusinessReject("6", message.seq_num, BusinessRejectReason.Other, text, axe_id))
    quantity, size = _how_much(message, dialect, axe_id)
    price = message.decimal(44)
    price_type = message.get(423) or dialect.price_type
    return AxeSaid(
        action,
        axe_id,
        refers_to,
        bond.security_id,
        message.seq_num,
        side,
        quantity,
        size,
        price if price is not None and price > 0 and price_type == PERCENT_OF_PAR else None,
        _QUALITY_OF.get(message.get(25) or ""),
        message.timestamp_ns(62),
    )


def _how_much(message: Message, dialect: Dialect, axe_id: str) -> tuple[Decimal | None, AxeSize | None]:
    """IOIQty(27): a number, or a word for it."""
    said = message.require(27)
    if said in _SIZE_OF:
        return None, _SIZE_OF[said]
    if said == _UNDISCLOSED:
        return None, None
    quantity = face_amount(message, 27, dialect)
    if quantity is None or quantity <= 0:
        text = f"IOIQty(27)={said}: expected more than 0, or S, M or L"
        raise NotTaken(BusinessReject("6", message.seq_num, BusinessRejectReason.Other, text, axe_id))
    return quantity, None


def _missing(message: Message, axe_id: str, text: str) -> NotTaken:
    reason = BusinessRejectReason.ConditionallyRequiredFieldMissing
    return NotTaken(BusinessReject("6", message.seq_num, reason, text, axe_id))
