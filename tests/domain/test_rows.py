"""Making and changing a frozen row gives what dataclasses give."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from decimal import Decimal
from typing import Any

import pytest

from engine.domain.order import MarkUsed, Side
from engine.domain.placement import Placement, PlacementState
from engine.domain.rows import changed, row

PLACEMENT = Placement("P", "O", "Q", "ash", "s", Side.buy, Decimal(1), Decimal(100), "q", "bond", 7, 8)
MARK = MarkUsed(Decimal(100), "marks", 1, "composite")


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        pytest.param(PLACEMENT, {}, id="nothing"),
        pytest.param(PLACEMENT, {"state": PlacementState.filled}, id="one field"),
        pytest.param(PLACEMENT, {"filled": Decimal(1), "evidence": "x", "placement_id": "P2"}, id="first and last"),
        pytest.param(MARK, {"age_ns": 0}, id="another class"),
        pytest.param(MARK, {each.name: None for each in fields(MARK)}, id="all of them"),
    ],
)
def test_it_is_what_replace_gives(row: Any, changes: dict[str, Any]) -> None:
    before = replace(row)
    made = changed(row, **changes)
    assert made == replace(row, **changes)
    assert made is not row
    assert row == before
    assert hash(made) == hash(replace(row, **changes))


def test_a_field_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="colour"):
        changed(MARK, colour="red")


# --- made ----------------------------------------------------------------------------------------


@row
@dataclass(frozen=True, slots=True)
class Below:
    one: int


@row
@dataclass(frozen=True, slots=True)
class Above(Below):
    two: str
    three: tuple[int, ...] = ()
    four: str = "4"


@dataclass(frozen=True, slots=True)
class PlainBelow:
    one: int


@dataclass(frozen=True, slots=True)
class Plain(PlainBelow):
    two: str
    three: tuple[int, ...] = ()
    four: str = "4"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        pytest.param((1, "2"), {}, id="defaults"),
        pytest.param((1, "2", (3,), "x"), {}, id="by place"),
        pytest.param((1,), {"four": "x", "two": "2"}, id="by name"),
        pytest.param((), {"one": 1, "two": "2", "three": (1, 2)}, id="all by name"),
    ],
)
def test_it_is_made_as_a_dataclass_is(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    for _ in range(2):  # The constructor is written at the first use.
        made, plain = Above(*values, **named), Plain(*values, **named)
        assert type(made) is Above
        assert asdict(made) == asdict(plain)
        assert repr(made) == repr(plain).replace("Plain", "Above")
        assert made == Above(*values, **named)
        assert hash(made) == hash(plain)
        assert replace(made, four="y") == replace(Above(*values, **named), four="y") != made
        assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize("values", [(), (1,), (1, "2", (), "4", 5)], ids=["none", "too few", "too many"])
def test_values_that_do_not_fit_are_a_mistake(values: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        Above(*values)
    with pytest.raises(TypeError):
        Above(1, "2", colour="red")  # type: ignore[call-arg]


def test_it_stays_frozen() -> None:
    for made in (Above(1, "2"), changed(Above(1, "2"), one=2)):
        for name in ("one", "two", "five"):
            with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
                setattr(made, name, "x")
        with pytest.raises(FrozenInstanceError):
            del made.two
        assert made.two == "2"


@dataclass(frozen=True, slots=True)
class Checked:
    count: int

    def __post_init__(self) -> None:
        raise ValueError("never looked at")


@dataclass(frozen=True, slots=True)
class Made:
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    count: int


@dataclass(frozen=True, slots=True)
class Shadowing:
    twin: int


@pytest.mark.parametrize("kind", [Checked, Made, Named, Shadowing])
def test_a_class_that_cannot_be_a_row_is_refused_when_it_is_decorated(kind: type[Any]) -> None:
    with pytest.raises(TypeError, match="plain fields"):
        row(kind)
