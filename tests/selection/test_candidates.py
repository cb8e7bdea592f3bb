"""Who may be asked at all: the first reason that speaks against a dealer is the one it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dealers.book import Dealer, DealerBook
from engine.domain.instrument import AssetClass
from engine.domain.recommendation import Scalar, Why
from engine.selection.candidates import Candidates, Situation, candidates

NAMES = ("ash", "beech", "cedar", "fir")
MUNICIPAL = (AssetClass.MUNICIPAL,)


def book(changes: Mapping[str, Mapping[str, Any]] | None = None) -> DealerBook:
    given = changes or {}
    return DealerBook(
        replace(Dealer(id=name, name=name, lei="", session=f"s-{name}", asset_classes=(AssetClass.CORPORATE,)), **each)
        for name in NAMES
        for each in (given.get(name, {}),)
    )


QUIET = Situation(
    asset_class=AssetClass.CORPORATE,
    leaves=Decimal(1_000_000),
    sessions_up=frozenset,
    closed=None,
    stopped=None,
    rule='rule "r"',
    never=frozenset(),
)


def reasons(found: Candidates) -> dict[str, tuple[Any, ...]]:
    return {
        name: (each.why, *each.facts, *each.each[at : at + 1], *each.read[at : at + 1])
        for each in found.left_out
        for at, name in enumerate(each.dealers)
    }


def judged(name: str) -> tuple[Scalar, ...] | None:
    return (3, name) if name in ("ash", "fir") else None


@pytest.mark.parametrize(
    ("dealers", "changes", "expected"),
    [
        pytest.param(
            {"ash": {"asset_classes": (AssetClass.MUNICIPAL,)}}, {}, (Why.other_class, "corporate"), id="class"
        ),
        pytest.param({"ash": {"paused": True}}, {}, (Why.paused,), id="paused"),
        pytest.param(
            {},
            {"stopped": {"ash": "dealer:ash", **dict.fromkeys(NAMES[1:], "")}.__getitem__},
            (Why.killed, "dealer:ash"),
            id="stopped",
        ),
        pytest.param({}, {"sessions_up": lambda keys: frozenset(keys) - {"s-ash"}}, (Why.down, "s-ash"), id="down"),
        pytest.param(
            {},
            {"sessions_up": lambda keys: frozenset(keys) - {"s-ash"}, "closed": lambda key: "closed until 08:00 UTC"},
            (Why.closed, "s-ash", "closed until 08:00 UTC"),
            id="closed",
        ),
        pytest.param({"ash": {"notional_max": Decimal("999999.5")}}, {}, (Why.too_large, "999999.5"), id="too large"),
        pytest.param({"ash": {"notional_max": Decimal(1_000_000)}}, {}, None, id="just what it takes"),
        pytest.param({}, {"never": frozenset({"ash"})}, (Why.rule_never, 'rule "r"'), id="never"),
    ],
)
def test_why_one_dealer_is_left_out(
    dealers: Mapping[str, Mapping[str, Any]], changes: Mapping[str, Any], expected: tuple[Any, ...] | None
) -> None:
    found = candidates(book(dealers), replace(QUIET, **changes))
    assert found.dealers == (NAMES if expected is None else NAMES[1:])
    assert reasons(found) == ({} if expected is None else {"ash": expected})


def test_what_the_rule_looks_at_is_kept_of_those_it_leaves_out() -> None:
    found = candidates(
        book(), replace(QUIET, consider=judged, condition="trades(90d) > 5", considered_by=("trades(90d)", "name"))
    )
    assert found.dealers == ("beech", "cedar")
    [left] = found.left_out
    assert (left.why, left.facts, left.read_names) == (
        Why.not_considered,
        ("trades(90d) > 5",),
        ("trades(90d)", "name"),
    )
    assert left.read == ((3, "ash"), (3, "fir"))


ORDER = (Why.other_class, Why.paused, Why.killed, Why.down, Why.too_large, Why.rule_never, Why.not_considered)


@given(st.fixed_dictionaries({name: st.sets(st.sampled_from(ORDER)) for name in NAMES}))
def test_the_first_reason_counts_and_nobody_is_forgotten(against: dict[str, set[Why]]) -> None:
    dealers = {
        name: {
            "asset_classes": MUNICIPAL if Why.other_class in why else (AssetClass.CORPORATE,),
            "paused": Why.paused in why,
            "notional_max": Decimal(5) if Why.too_large in why else None,
        }
        for name, why in against.items()
    }
    situation = replace(
        QUIET,
        stopped=lambda name: f"dealer:{name}" if Why.killed in against[name] else "",
        sessions_up=lambda keys: frozenset(key for key in keys if Why.down not in against[key.removeprefix("s-")]),
        never=frozenset(name for name, why in against.items() if Why.rule_never in why),
        consider=lambda name: (1,) if Why.not_considered in against[name] else None,
        considered_by=("x",),
    )
    found = candidates(book(dealers), situation)
    expected = {name: next((each for each in ORDER if each in why), None) for name, why in against.items()}
    assert {name: why for name, (why, *_) in reasons(found).items()} == {
        name: why for name, why in expected.items() if why is not None
    }
    assert found.dealers == tuple(name for name in NAMES if expected[name] is None)
