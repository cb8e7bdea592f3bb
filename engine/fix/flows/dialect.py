"""How values are spelled in FIX fields, and how one counterparty wants it otherwise.

A `Dialect` is a counterparty's deviations, as values; the flows spell every message to and from its session by it.
`DEFAULT` is the standard's reading: face amounts, ExpireTime(126) ends the collection, ValidUntilTime(62) the
firmness, prices in percent of par. In the domain quantities are always face amount, prices clean percent of par.

A dialect can add tags but never make a message say more about us than the rules of the house allow:
building one that would is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from engine.domain.order import Handling, OrderStatus, Side, TimeInForce
from engine.errors import ConfigError, ProtocolError
from engine.fix.standard.dictionary import DATA_LENGTH_TAGS
from engine.fix.standard.dictionary_fields import TYPES
from engine.fix.standard.tags import Tag
from engine.fix.standard.values import OrdStatus
from engine.fix.wire.message import FieldView, Message
from engine.masking import SECRET_TAGS

QuantityUnit = Literal["face", "bonds_1000"]
Accept = Literal["order"]
BOND_FACE: Final = Decimal(1000)
"""Face amount of one bond where OrderQty(38) counts bonds."""

PERCENT_OF_PAR: Final = "1"
"""PriceType(423), and QuotePriceType(692) alike."""

EXTRA_TAGS_MAX: Final = 16

# The types a dialect may add tags to: what we say to dealers and providers.
_EXTENSIBLE: Final = ("R", "D", "F", "H", "V")

# What these messages already say, or must never say: account, parties and allocations of ours, our limit, the
# parent's identifiers, the size of a panel, and everything of header and trailer.
_OURS: Final = frozenset({11, 15, 22, 38, 40, 41, 44, 48, 54, 55, 59, 60, 62, 64, 117, 126, 131, 146})
_OURS_MARKET: Final = frozenset({262, 263, 264, 265, 267, 269})
_LEAKS: Final = frozenset({1, 37, 66, 70, 78, 79, 99, 109, 526, 578, 583, 644, 660, 1461, 1462})
_SESSION: Final = frozenset(
    {8, 9, 10, 34, 35, 43, 49, 50, 52, 56, 57, 89, 90, 91, 93, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145}
    | {212, 213, 347, 369, 370, 627, 628, 629, 630, 1128, 1129, 1156}
)
# What is said in an application message is kept byte for byte, to be said again: no credential may be among it.
_SECRET: Final = SECRET_TAGS | {95, 1401, 1403}
# A length without its data, or the other way round, and a count without its entries: nobody could read on.
_PAIRED: Final = frozenset(DATA_LENGTH_TAGS) | frozenset(DATA_LENGTH_TAGS.values())
_COUNTS: Final = frozenset(int(Tag[name]) for name in TYPES["NUMINGROUP"].split())
# Members of the NoRelatedSym(146) entry: behind the entry they would be read as part of it.
_ENTRY: Final = frozenset({303, 423, 537, 854, 152, 63, 140, 640, 692, 218, 453, 447, 448, 452, 229, 336, 625})


@dataclass(frozen=True, slots=True)
class ExtraTag:
    """A field with a fixed value, added at the top level of every message of one type."""

    msg_type: str
    tag: int
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One counterparty's deviations.

    `quantity_unit` says what quantities on the wire count. `firm_time_s` is how long a Quote(S) without
    ValidUntilTime(62) stands from its receipt, None when it was never agreed; who receives the quote applies it.
    `swap_clocks` exchanges 62 and 126 on QuoteRequest(R). `price_type` is PriceType(423): what requests ask for
    and what a quote without one is quoted in. `accept` is how a quote is taken: by NewOrderSingle(D).

    Raises ConfigError for values that cannot be spoken or would tell a dealer what it must not know.
    """

    quantity_unit: QuantityUnit = "face"
    firm_time_s: float | None = None
    swap_clocks: bool = False
    extra_tags: tuple[ExtraTag, ...] = ()
    price_type: str = PERCENT_OF_PAR
    accept: Accept = "order"

    def __post_init__(self) -> None:
        if self.quantity_unit not in ("face", "bonds_1000"):
            raise ConfigError(f"dialect: quantity_unit: expected 'face' or 'bonds_1000', found '{self.quantity_unit}'")
        if self.accept != "order":
            raise ConfigError(f"dialect: accept: expected 'order', found '{self.accept}'")
        if self.firm_time_s is not None and not self.firm_time_s > 0:
            raise ConfigError(f"dialect: firm_time_s: expected more than 0, found {self.firm_time_s}")
        if not (self.price_type.isascii() and self.price_type.isdigit()):
            raise ConfigError(f"dialect: price_type: expected a PriceType(423) code, found '{self.price_type}'")
        if len(self.extra_tags) > EXTRA_TAGS_MAX:
            raise ConfigError(f"dialect: extra_tags: expected at most {EXTRA_TAGS_MAX}, found {len(self.extra_tags)}")
        seen: set[tuple[str, int]] = set()
        for extra in self.extra_tags:
            problem = _problem(extra)
            if (extra.msg_type, extra.tag) in seen:
                problem = "is given twice"
            seen.add((extra.msg_type, extra.tag))
            if problem:
                raise ConfigError(f"dialect: extra_tags: tag {extra.tag} on '{extra.msg_type}' {problem}")

    @property
    def bond_face(self) -> Decimal | None:
        """Face amount of one unit on the wire; None when the wire counts face amount itself."""
        return BOND_FACE if self.quantity_unit == "bonds_1000" else None

    def extras_of(self, msg_type: str) -> tuple[tuple[int, str], ...]:
        """What is added to messages of `msg_type`, ascending."""
        return tuple(sorted((extra.tag, extra.value) for extra in self.extra_tags if extra.msg_type == msg_type))


def _problem(extra: ExtraTag) -> str:
    if extra.msg_type not in _EXTENSIBLE:
        return f"cannot be added: expected a MsgType(35) of {', '.join(_EXTENSIBLE)}"
    if extra.tag <= 0 or extra.tag in _SESSION:
        return "belongs to the session layer"
    if extra.tag in _OURS or (extra.msg_type == "V" and extra.tag in _OURS_MARKET):
        return "is already written by the engine"
    if extra.tag in _SECRET:
        return "is a credential: those are of the Logon(A), and never stand in a configuration"
    if extra.tag in _LEAKS:
        return "would tell a dealer about us or about others"
    if extra.tag in _ENTRY:
        return "belongs to a repeating group, or to what the engine writes itself"
    if extra.tag in _PAIRED:
        return "is a length or its data: one is nothing without the other"
    if extra.tag in _COUNTS:
        return "counts the entries of a repeating group, which cannot be added"
    if not extra.value or "\x01" in extra.value:
        return "needs a value without SOH"
    return ""


DEFAULT: Final = Dialect()


# --- spelling, whoever the peer is ----------------------------------------------------------------

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
    OrderStatus.pending_replace: OrdStatus.PendingReplace,
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


def face_amount(message: FieldView, tag: int, dialect: Dialect) -> Decimal | None:
    """The quantity in `tag` as face amount, None when absent; ProtocolError 373=6 when it is no number."""
    value = message.decimal(tag)
    bond_face = dialect.bond_face
    return value if value is None or bond_face is None else value * bond_face


def is_whole(face: Decimal) -> bool:
    """Face amounts are whole: a fraction counts something else, such as millions, or bonds where face was agreed."""
    return face == face.to_integral_value()


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
