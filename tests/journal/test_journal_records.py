"""What goes into the journal as an event comes out as the same event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, NewType, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import events as domain_events
from engine.domain.keys import KEYS, Scope, Timer
from engine.domain.messages import ReportKind
from engine.domain.order import OrderRefusal, OrderStatus
from engine.errors import JournalError
from engine.journal.event_codec import Codec, event_types

OrderId = NewType("OrderId", str)


class Colour(StrEnum):
    red = "R"
    blue = "B"


class Level(IntEnum):
    low = 1
    high = 9


@dataclass(frozen=True, slots=True)
class Leg:
    price: Decimal
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Other:
    price: int


@dataclass(frozen=True, slots=True)
class Loose:
    """No slots of its own to set: made by its constructor."""

    VERSION: ClassVar[int] = 1
    doubled: int
    extra: int = 3

    def __post_init__(self) -> None:
        if self.doubled % 2:
            raise ValueError("odd")


@dataclass(frozen=True, slots=True)
class Base:
    VERSION: ClassVar[int] = 1
    at_ns: int


@dataclass(frozen=True, slots=True)
class Everything(Base):
    VERSION: ClassVar[int] = 3
    order_id: OrderId
    price: Decimal
    maybe: Decimal | None
    score: float
    maybe_score: float | None
    flag: bool
    raw: bytes
    day: date
    colour: Colour
    level: Level
    word: Literal["a", "b"]
    leg: Leg
    maybe_leg: Leg | None
    legs: tuple[Leg, ...]
    pair: tuple[int, Decimal]
    grid: tuple[tuple[Decimal, ...], ...]
    by_name: Mapping[str, Leg]
    by_colour: dict[Colour, Decimal]
    by_number: dict[int, str]
    either: Leg | Other
    scalar: int | str | float | None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lately(Base):
    """What it was before: no `names`, no `legs`."""

    name: str
    names: tuple[str, ...] = ("x",)
    leg: Leg = Leg(Decimal("1.10"))
    table: dict[str, Decimal] = field(default_factory=dict)


CODEC = Codec((Everything, Lately, Loose))


def strategy_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type hint, as the codec understands it."""
    if isinstance(hint, NewType):
        return strategy_of(hint.__supertype__)
    simple = {
        str: st.text(st.characters(exclude_categories=("Cs",)), max_size=12),
        int: st.integers(-(2**63), 2**63 - 1),
        bool: st.booleans(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bytes: st.binary(max_size=12),
        Decimal: st.decimals(allow_nan=False, allow_infinity=False),
        date: st.dates(),
        NoneType: st.none(),
    }
    if hint in simple:
        return simple[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    if isinstance(hint, UnionType):
        return st.one_of(*map(strategy_of, arguments))
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(strategy_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(strategy_of, arguments))
    if origin in (dict, Mapping):
        return st.dictionaries(*map(strategy_of, arguments), max_size=3)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{one.name: strategy_of(hints[one.name]) for one in fields(hint)})
    if hint in KEYS:
        return st.sampled_from([*map(hint.parse, SPELT[hint])])
    return st.sampled_from(hint)


SPELT = {Scope: ("all", "dealer:ash", "account:A:1"), Timer: ("session:oms", "rfq:Q-000001")}
"""Keys that a journal may hold."""


def same(left: Any, right: Any) -> bool:
    """Equal in value and in type, all the way down: 1 is not True, nor 1.0, nor Decimal(1); 1.0 is not 1.00."""
    return repr(left) == repr(right) and left == right


@given(strategy_of(Everything))
def test_every_kind_of_field_round_trips(event: Everything) -> None:
    name, version, body = CODEC.encode(event)
    assert (name, version) == ("Everything", 3)
    assert same(CODEC.decode(name, version, body), event)


def test_how_every_kind_of_field_is_spelt_is_pinned() -> None:
    """A round trip would not notice two changes that undo each other, and a journal of before would."""
    leg, pair = Leg(Decimal("1.10"), "é"), (7, Decimal("0.50"))
    event = Everything(
        at_ns=1, order_id=OrderId("O-1"), price=Decimal("99.500"), maybe=None, score=0.5, maybe_score=None, flag=True,
        raw=b"\x01a", day=date(2030, 3, 18), colour=Colour.red, level=Level.high, word="b", leg=leg, maybe_leg=None,
        legs=(leg,), pair=pair, grid=((Decimal(1),), ()), by_name={"a": leg}, by_colour={Colour.blue: Decimal(2)},
        by_number={-3: "x"}, either=Other(4), scalar=2, names=("n",),
    )  # fmt: skip
    spelt = (
        '{"at_ns":1,"order_id":"O-1","price":"99.500","maybe":null,"score":0.5,"maybe_score":null,"flag":true,'
        '"raw":"AWE=","day":"2030-03-18","colour":"R","level":9,"word":"b","leg":{"price":"1.10","note":"é"},'
        '"maybe_leg":null,"legs":[{"price":"1.10","note":"é"}],"pair":[7,"0.50"],"grid":[["1"],[]],'
        '"by_name":{"a":{"price":"1.10","note":"é"}},"by_colour":{"B":"2"},"by_number":{"-3":"x"},'
        '"either":{"~":"Other","price":4},"scalar":2,"names":["n"]}'
    )
    assert CODEC.encode(event)[2].decode() == spelt
    assert same(CODEC.decode("Everything", 3, spelt), event)


DOMAIN = event_types(vars(domain_events), domain_events.Event)


@pytest.mark.parametrize("cls", DOMAIN, ids=lambda cls: cls.__name__)
def test_every_event_of_the_engine_round_trips(cls: type) -> None:
    codec = Codec(DOMAIN)

    @settings(max_examples=15, deadline=None)
    @given(strategy_of(cls))
    def check(event: Any) -> None:
        assert same(codec.decode(*codec.encode(event)), event)

    check()


def test_all_events_of_the_engine_are_found() -> None:
    assert len(DOMAIN) > 30
    assert domain_events.Event not in DOMAIN


def test_what_is_read_again_is_the_same_object_and_spelt_as_it_was() -> None:
    """A state that was read from its journal takes no more room than one that was lived."""

    def read(price: str) -> Lately:
        event = Lately(1, "O-000001", ("ash", "birch"), Leg(Decimal(price), "O-000001"), {"ash": Decimal(price)})
        return CODEC.decode(*CODEC.encode(event))  # type: ignore[no-any-return]

    first, again, other = read("1.10"), read("1.10"), read("1.1")
    assert first.name is again.name is first.leg.note
    assert first.names is again.names
    assert first.leg.price is again.leg.price is first.table["ash"]
    assert (str(first.leg.price), str(other.leg.price)) == ("1.10", "1.1")


def test_a_text_as_long_as_a_message_is_not_kept_for_the_next_reader() -> None:
    """A peer may send one after the other: what is shared is bounded in size, not in number alone."""

    def read() -> Lately:
        event = Lately(1, "x" * 65, ("ash" * 10, "birch" * 10), Leg(Decimal("1." + "0" * 70)))
        return CODEC.decode(*CODEC.encode(event))  # type: ignore[no-any-return]

    first, again = read(), read()
    assert first == again
    assert first.name is not again.name
    assert first.names is not again.names
    assert first.leg.price is not again.leg.price


def test_what_is_read_cannot_be_changed_either() -> None:
    lately = CODEC.decode("Lately", 1, b'{"at_ns":1,"name":"n"}')
    with pytest.raises(AttributeError):
        lately.name = "other"


def test_missing_fields_take_their_defaults() -> None:
    found = CODEC.decode("Lately", 1, b'{"at_ns":1,"name":"n"}')
    assert same(found, Lately(1, "n"))
    again = CODEC.decode("Lately", 1, b'{"at_ns":1,"name":"n"}')
    assert found.table is not again.table


@pytest.mark.parametrize(
    ("name", "version", "body", "expected"),
    [
        pytest.param("Unheard", 1, b"{}", "Unheard: unknown type", id="type nobody knows"),
        pytest.param("Everything", 2, b"{}", "Everything version 2: this build reads version 3", id="older version"),
        pytest.param("Everything", 4, b"{}", "Everything version 4", id="newer version"),
        pytest.param("Lately", 1, b'{"at_ns":1}', "Lately version 1: KeyError: 'name'", id="field missing"),
        pytest.param("Lately", 1, b'{"at_ns":1,"name":"n","fresh":2}', "unknown field fresh", id="field unknown"),
        pytest.param("Lately", 1, b'{"at_ns":1,"name":', "Lately version 1", id="torn JSON"),
        pytest.param("Loose", 1, b'{"doubled":3,"extra":1}', "odd", id="constructor's own check"),
        pytest.param("Lately", 1, b'{"at_ns":1,"name":"n","leg":{"price":"1.x"}}', "Lately version 1", id="no decimal"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, version: int, body: bytes, expected: str) -> None:
    with pytest.raises(JournalError, match=expected.replace(".", r"\.")):
        CODEC.decode(name, version, body)


@dataclass(frozen=True, slots=True)
class Number(Base):
    value: float


@dataclass(frozen=True, slots=True)
class Whole(Base):
    value: int


@dataclass(frozen=True, slots=True)
class Numbers(Base):
    all_known: tuple[float, ...] = ()
    some: tuple[float | None, ...] = ()
    rows: tuple[tuple[float | None, ...], ...] = ()


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(Number(1, float("nan")), id="NaN"),
        pytest.param(Number(1, float("inf")), id="infinity"),
        pytest.param(Numbers(1, (1.0, float("nan"))), id="NaN in a list"),
        pytest.param(Numbers(1, (float("-inf"), 1.0)), id="infinity in a list"),
        pytest.param(Numbers(1, (float("-inf"), float("inf"))), id="two infinities"),
        pytest.param(Numbers(1, (), (None, float("nan"))), id="NaN beside nothing"),
        pytest.param(Numbers(1, rows=((None, 1.0), (), (float("inf"),))), id="infinity in a row"),
        pytest.param(Whole(1, 2**80), id="integer beyond 64 bits"),
        pytest.param(Whole(1, Leg(Decimal(1))), id="a dataclass where a number is hinted"),
        pytest.param(Whole(1, Decimal(1)), id="a decimal where a number is hinted"),
        pytest.param(Lately(1, "\ud800"), id="half a surrogate pair"),
    ],
)
def test_what_json_cannot_hold_is_refused_not_bent(event: Any) -> None:
    with pytest.raises(JournalError, match=type(event).__name__):
        Codec((Number, Whole, Numbers, Lately)).encode(event)


def test_lists_of_numbers_come_back_as_they_were() -> None:
    codec, large = Codec((Numbers,)), 1.7e308
    event = Numbers(1, (0.0, large, large), (None, -0.5, None), ((1.0, None), (), (-large, -large, 0.0)))
    assert codec.decode(*codec.encode(event)) == event


def test_an_event_nobody_registered_is_refused() -> None:
    with pytest.raises(JournalError, match="Number: unknown"):
        CODEC.encode(Number(1, 1.0))


def test_old_versions_climb_step_by_step() -> None:
    codec = Codec(
        (Everything, Lately),
        {
            ("Everything", 1): lambda record: {**record, "steps": [*record["steps"], 1]},
            ("Everything", 2): lambda record: orjson.loads(CODEC.encode(EXAMPLE)[2]) | {"at_ns": len(record["steps"])},
        },
    )
    assert codec.decode("Everything", 1, b'{"steps":[0]}').at_ns == 2
    assert codec.decode("Everything", 2, b'{"steps":[0]}').at_ns == 1


EXAMPLE = Everything(
    1, OrderId("o"), Decimal("1.50"), None, 1.0, None, True, b"\x00", date(2026, 1, 2), Colour.red, Level.high, "a",
    Leg(Decimal(1)), None, (), (1, Decimal(2)), (), {}, {}, {}, Other(1), None,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bagged(Base):
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Mixed(Base):
    value: Leg | int


@dataclass(frozen=True, slots=True)
class Anything(Base):
    value: Any


@dataclass(frozen=True, slots=True)
class Unversioned:
    value: int


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        pytest.param(Bagged, r"Bagged\.names", id="a set has no order"),
        pytest.param(Mixed, r"Mixed\.value", id="a union that cannot be told apart"),
        pytest.param(Anything, r"Anything\.value", id="no type at all"),
        pytest.param(Unversioned, "VERSION", id="no version"),
    ],
)
def test_classes_that_cannot_be_kept_are_refused_at_start(cls: type, expected: str) -> None:
    with pytest.raises(JournalError, match=expected):
        Codec((cls,))


def test_an_upcaster_to_nowhere_is_refused() -> None:
    with pytest.raises(JournalError, match="Lately version 1"):
        Codec((Lately,), {("Lately", 1): dict})


def test_two_classes_of_one_name_are_refused() -> None:
    with pytest.raises(JournalError, match="two classes"):
        Codec((Lately, Lately))


def test_enumerations_of_the_desk_are_kept_as_they_always_were() -> None:
    """By the codes that FIX has for them: a journal of before is read as it was meant."""
    codec = Codec(DOMAIN)
    refused = domain_events.OrderRefused(1, "oms", "c1", "bond", OrderRefusal.duplicate, "why")
    assert b'"code":6,' in codec.encode(refused)[2]
    assert [each.value for each in OrderStatus] == ["A", "0", "1", "2", "4", "6", "8", "C", "E"]
    assert [each.value for each in OrderRefusal] == [1, 4, 5, 6, 11, 13, 99]
    assert {each.name: each.value for each in ReportKind} == {
        "pending_new": "A", "new": "0", "trade": "F", "canceled": "4", "replaced": "5", "pending_cancel": "6",
        "rejected": "8", "expired": "C", "pending_replace": "E", "status": "I", "trade_canceled": "H",
        "trade_corrected": "G",
    }  # fmt: skip
