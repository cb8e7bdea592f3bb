"""The dealer book: addresses, eligibility, refusals."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from engine.dealers.book import Accept, Agreement, Dealer, DealerBook, LoserNotice, Undelivered
from engine.domain.instrument import AssetClass
from engine.errors import ConfigError


def dealer(dealer_id: str, **changes: Any) -> Dealer:
    given: dict[str, Any] = {
        "name": dealer_id.title(),
        "lei": "",
        "session": dealer_id,
        "asset_classes": (AssetClass.CORPORATE,),
        **changes,
    }
    return Dealer(id=dealer_id, **given)


def test_order_is_that_of_ids() -> None:
    book = DealerBook([dealer("elm"), dealer("alder"), dealer("birch")])
    assert book.ids == ("alder", "birch", "elm")
    assert [each.id for each in book] == ["alder", "birch", "elm"]
    assert "elm" in book
    assert book.get("oak") is None


def test_a_hub_reaches_many_dealers_by_route() -> None:
    book = DealerBook(
        [dealer("a", session="hub", route="A1"), dealer("b", session="hub", route="B1"), dealer("c", session="own")]
    )
    assert [each.id for each in book.on_session("hub")] == ["a", "b"]
    found = book.addressed("hub", "B1")
    assert found is not None
    assert found.id == "b"
    assert book.addressed("hub") is None
    assert book.addressed("own") is book["c"]


def test_willing_are_those_of_the_asset_class_that_are_not_paused() -> None:
    muni = (AssetClass.MUNICIPAL,)
    book = DealerBook([dealer("a"), dealer("b", paused=True), dealer("c", asset_classes=muni, paused=True)])
    found = book.willing(AssetClass.CORPORATE)
    assert (found.names, found.paused, found.other_class) == (("a",), ("b",), ("c",))
    assert book.willing(AssetClass.MUNICIPAL).paused == ("c",)


def test_sessions_of_the_willing_are_named_once_and_limits_only_where_there_are_some() -> None:
    hub = [dealer(name, session="hub", route=name) for name in ("x", "y")]
    book = DealerBook([dealer("a", notional_max=Decimal(5)), *hub, dealer("z", paused=True)])
    found = book.willing(AssetClass.CORPORATE)
    assert found.sessions == ("a", "hub")
    assert found.session_of == {"a": "a", "x": "hub", "y": "hub"}
    assert found.limits == (("a", Decimal(5)),)


def test_what_a_dealer_gets_unless_agreed_otherwise_says_least_and_risks_least() -> None:
    plain = dealer("a")
    assert (plain.accept, plain.undelivered, plain.loser_notice) == (Accept.ORDER, Undelivered.ASK, LoserNotice.NONE)


@pytest.mark.parametrize(
    ("dealers", "message"),
    [
        pytest.param([dealer("a"), dealer("a", session="x")], "listed twice", id="one id twice"),
        pytest.param([dealer("a", session="x"), dealer("b", session="x")], "one address", id="one address twice"),
    ],
)
def test_a_book_that_cannot_be_is_refused(dealers: list[Dealer], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DealerBook(dealers)


@pytest.mark.parametrize("changes", [{"dealer_id": ""}, {"dealer_id": "a", "firm_time_s": 0}], ids=["no id", "no time"])
def test_a_profile_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        dealer(**changes)


def test_an_agreement_is_in_force_from_its_first_day_to_its_last() -> None:
    day = datetime.date
    known = dealer(
        "a",
        agreements=(
            Agreement("master", day(2026, 1, 5), day(2026, 6, 30)),
            Agreement("clearing", begins=day(2026, 6, 30)),
            Agreement("master", day(2026, 7, 1)),
            Agreement("terms"),
        ),
    )
    assert known.agreements_on(day(2026, 1, 4)) == ("terms",)
    assert known.agreements_on(day(2026, 1, 5)) == ("master", "terms")
    assert known.agreements_on(day(2026, 6, 30)) == ("master", "clearing", "terms")
    assert known.agreements_on(day(2026, 7, 1)) == ("clearing", "master", "terms")
