"""Classes of which only what is no default is kept: what comes back is what was given, to the last digit."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Final

import orjson
import pytest

from engine.domain.observation import AskSeen, RoundSeen
from engine.journal.event_codec import Codec


class Colour(StrEnum):
    red = "red"
    blue = "blue"


@dataclass(frozen=True, slots=True)
class Inner:
    SPARSE: ClassVar[bool] = True
    price: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Sparse:
    VERSION: ClassVar[int] = 1
    SPARSE: ClassVar[bool] = True
    name: str
    number: int | None = None
    amount: Decimal = Decimal(0)
    flag: bool = False
    colour: Colour = Colour.red
    inner: Inner | None = None
    names: tuple[str, ...] = ()
    least: float | None = None


CODEC: Final = Codec([Sparse])


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        pytest.param({}, {}, id="all as it is by default"),
        pytest.param({"number": 0}, {"number": 0}, id="0 is not None"),
        pytest.param({"amount": Decimal("0.00")}, {"amount": "0.00"}, id="0.00 is spelt otherwise than 0"),
        pytest.param({"flag": True, "colour": Colour.blue}, {"flag": True, "colour": "blue"}, id="others"),
        pytest.param({"inner": Inner()}, {"inner": {}}, id="a whole that is all default"),
        pytest.param({"inner": Inner(Decimal(2))}, {"inner": {"price": "2"}}, id="a whole"),
        pytest.param({"names": ("a",), "least": 0.0}, {"names": ["a"], "least": 0.0}, id="a list"),
    ],
)
def test_what_is_no_default_is_kept(changes: dict[str, Any], kept: dict[str, Any]) -> None:
    event = Sparse("x", **changes)
    name, version, body = CODEC.encode(event)
    assert orjson.loads(body) == {"name": "x", **kept}
    back = CODEC.decode(name, version, body)
    assert back == event
    assert str(back.amount) == str(event.amount)
    assert CODEC.encode(back)[2] == body


def test_what_an_earlier_build_wrote_in_full_is_read() -> None:
    whole = {"name": "x", "number": None, "amount": "0", "flag": False, "colour": "red", "inner": None, "names": []}
    assert CODEC.decode("Sparse", 1, orjson.dumps({**whole, "least": None})) == Sparse("x")


def test_a_field_nobody_knows_is_an_error_still() -> None:
    with pytest.raises(Exception, match="unknown field zzz"):
        CODEC.decode("Sparse", 1, orjson.dumps({"name": "x", "zzz": 1}))


def test_what_is_seen_of_a_round_is_kept_so() -> None:
    """Some two dozen fields a dealer, most of which say nothing of most of them."""
    assert AskSeen.SPARSE
    assert RoundSeen.SPARSE
    assert len(fields(AskSeen)) > 20
