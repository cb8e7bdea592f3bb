"""How values of the domain are spelled in FIX fields, whoever the peer is.

Quantities are face amount in the domain; on the wire they are that or bonds, by dialect. Prices stay clean
percent of par.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from engine.domain.order import Handling, OrderStatus, Side, TimeInForce
from engine.errors import ProtocolError
from engine.fix.flows.dialect import Dialect
from engine.fix.standard.tags import Tag
from engine.fix.standard.values import OrdStatus
from engine.fix.wire.message import Message

Field = tuple[int, str]

# What Symbol(55) says of a bond: the identifier is in SecurityID(48). FIX 4.4 Vol 1, Instrument component.
NO_SYMBOL: Final = "[N/A]"
ORDER_STATUS_CODE: Final[Mapping[OrderStatus, OrdStatus]] = {
    OrderStatus.pending_new: OrdStatus.PendingNew,
    OrderStatus.new: OrdStatus.New,
    OrderStatus.partially_filled: OrdStatus.PartiallyFilled,
    OrderStatus.filled: OrdStatus.Filled,
    OrderStatus.canceled: OrdStatus.Canceled,
    OrderStatus.pending_cancel: OrdStatus.PendingCancel,
    OrderStatus.rejected: OrdStatus.Rejected,
    OrderStatus.expired: OrdStatus.Expired,
}
STATUS_OF: Final[Mapping[str, OrderStatus]] = {code.value: status for status, code in ORDER_STATUS_CODE.items()}
ISIN: Final = "4"
CUSIP: Final = "1"

SIDE_CODE: Final[Mapping[Side, str]] = {Side.buy: "1", Side.sell: "2"}
TIF_CODE: Final[Mapping[TimeInForce, str]] = {
    TimeInForce.day: "0",
    TimeInForce.ioc: "3",
    TimeInForce.fok: "4",
    TimeInForce.gtd: "6",
}
TIF_OF: Final[Mapping[str, TimeInForce]] = {code: tif for tif, code in TIF_CODE.items()}
HANDLING_OF: Final[Mapping[str, Handling]] = {
    "1": Handling.automatic,
    "2": Handling.intervention,
    "3": Handling.manual,
}

DIRECTION_OF: Final[Mapping[str, Side]] = {
    "1": Side.buy,
    "2": Side.sell,
    "3": Side.buy,  # buy minus
    "4": Side.sell,  # sell plus
    "5": Side.sell,  # sell short
    "6": Side.sell,  # sell short exempt
}
"""Side(54) values that have a direction; the desk trades only the first two."""
SIDES_WITHOUT_DIRECTION: Final = frozenset("789ABCDEFG")


def number(value: Decimal) -> str:
    """A decimal without exponent and without loss."""
    text = str(value)
    return text if "E" not in text else format(value, "f")


def numbers(values: Sequence[Decimal]) -> list[str]:
    """`number` of each; looks for an exponent once for all of them."""
    texts = [str(value) for value in values]
    return texts if "E" not in "".join(texts) else [number(value) for value in values]


def wire_quantity(face: Decimal, dialect: Dialect) -> str:
    """Face amount as the dialect counts it."""
    bond_face = dialect.bond_face
    return number(face) if bond_face is None else number(face / bond_face)


def face_amount(message: Message, tag: int, dialect: Dialect) -> Decimal | None:
    """The quantity in `tag` as face amount, None when absent; ProtocolError 373=6 when it is no number."""
    value = message.decimal(tag)
    bond_face = dialect.bond_face
    return value if value is None or bond_face is None else value * bond_face


def direction(message: Message) -> Side | None:
    """Side(54) as a direction, None when it has none or is absent; ProtocolError 373=5 for what is no side."""
    code = message.get(54)
    if code is None:
        return None
    side = DIRECTION_OF.get(code)
    if side is None and code not in SIDES_WITHOUT_DIRECTION:
        raise ProtocolError(f"Side(54)={code} is not defined", reason=5, tag=Tag.Side)
    return side


def refuse_soh(*values: str) -> None:
    """ValueError if a value contains SOH: written out, it would end its field and begin one of its own."""
    if "\x01" in "".join(values):
        raise ValueError(f"a value to be written contains SOH: {values!r}")


def spoken(msg_type: str, chunks: list[str], dialect: Dialect) -> bytes:
    """The body of a message to a dealer or provider, with what its dialect adds.

    `chunks` are the fields of the top level, ascending, each with its SOH; a group is one chunk that begins
    with its count. Empty ones are nothing.
    """
    if dialect.extra_tags:
        extras = [f"{tag}={value}\x01" for tag, value in dialect.extras_of(msg_type)]
        chunks = sorted([*filter(None, chunks), *extras], key=_tag_of)
    return "".join(chunks).encode()


def _tag_of(chunk: str) -> int:
    return int(chunk[: chunk.index("=")])
