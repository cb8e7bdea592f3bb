"""One dealer's whole profile: what is agreed beside what it did and is expected to do, in one screen."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import orjson
import pytest
from desk_builder import DeskWorld, make_desk, make_world, seeded_desk
from desk_past import DEALERS, LIQUID

from engine.admin import dealer_views, views
from engine.admin.tables import Paper, wide
from engine.clock import NS_PER_DAY, utc_day
from engine.dealers.book import Agreement, Contact, DealerBook, TradingDesk
from engine.dealers.segments import Segment
from engine.dealers.stats import DealerStats
from engine.domain.instrument import AssetClass
from engine.errors import CommandError
from engine.market.calendars import utc_date

pytestmark = pytest.mark.starts("noon")


def profile(world: DeskWorld, dealer: str = "ash", **params: Any) -> dict[str, Any]:
    return world.command("dealer.show", role="viewer", dealer=dealer, **params)


def known(world: DeskWorld) -> None:
    """Give ash a profile with everything in it."""
    today = utc_date(world.now.utc_ns)
    ash = replace(
        world.desk.dealers["ash"],
        legal_name="Ash & Company Securities LLC, a subsidiary with a name that does not fit into any line",
        desks=(TradingDesk("Credit", (AssetClass.CORPORATE,)), TradingDesk("Municipals", note="closes at noon")),
        contacts=(Contact("Ann Ash", "Credit", (), "ann@example.com", "+1 555 0100", "ann.ash"),),
        agreements=(
            Agreement("master", today - datetime.timedelta(1), today, "MA-1"),
            Agreement("clearing", today + datetime.timedelta(1)),
            Agreement("terms"),
        ),
        notes=("Asks for two-way requests in anything that it does not hold, and is offended by odd lots after four.",),
    )
    world.desk.dealers = DealerBook([ash, *(each for each in DEALERS if each.id != "ash")])


def test_what_is_agreed_is_shown_with_what_is_in_force() -> None:
    world = seeded_desk()
    known(world)
    told = profile(world)
    assert [(each["kind"], each["in_force"]) for each in told["agreements"]] == [
        ("master", True),
        ("clearing", False),
        ("terms", True),
    ]
    assert [each["name"] for each in told["desks"]] == ["Credit", "Municipals"]
    assert (told["contacts"][0]["desk"], told["contacts"][0]["phone"]) == ("Credit", "+1 555 0100")
    listed = world.command("dealers", role="viewer", dealer="ash")["dealers"][0]
    assert listed["agreements"] == ["master", "terms"]
    orjson.dumps(told)


def test_it_fits_into_one_screen_of_80_columns() -> None:
    world = seeded_desk()
    known(world)
    world.command(
        "dealer.pause", dealer="ash", reason="their system is slow today and they asked us to wait until it is not"
    )
    rows = [
        {"dealer": "ash", "axe_id": f"A{n}", "security": LIQUID.security_id, "side": "sell", "size": "large"}
        for n in range(4)
    ]
    world.command("axes.put", role="feed", rows=rows)
    lines = dealer_views.profile(Paper(width=80), profile(world))
    assert all(len(line) <= 80 for line in lines), max(lines, key=len)
    assert len(lines) <= 45
    text = "\n".join(lines)
    for words in (
        "paused by kim since ",
        "master; 2026-",
        "not in force",
        "and 1 more: rfqctl axes ash",
        "Ann Ash (Credit)",
    ):
        assert words in text


def test_the_model_has_every_measure_with_its_interval_and_its_place() -> None:
    world = seeded_desk()
    model = profile(world)["model"]
    assert list(model["measures"]) == [
        "p_quote", "latency_s", "edge_bps", "firmness", "size_share", "leak_in_bps", "leak_post_bps", "trade_share",
    ]  # fmt: skip
    for each in model["measures"].values():
        assert each["low"] <= each["value"] <= each["high"]
        assert (each["place"] is None) is (each["n_eff"] == 0)
    assert model["peers"] == len(world.desk.dealers)
    of_corporates = profile(world, asset_class="corporate")["model"]
    assert of_corporates["peers"] == sum(each.trades(AssetClass.CORPORATE) for each in world.desk.dealers)


def test_a_place_is_among_those_that_are_better() -> None:
    """Rounds told of from elsewhere: ash answers always, beech half the time, cedar never."""
    world = seeded_desk()
    rows = []
    for number in range(20):
        for dealer, answers in (("ash", True), ("beech", number % 2 == 0), ("cedar", False)):
            row = {
                "rfq_id": f"T-{number}",
                "sent_at": f"2025-11-{number + 1:02d}T14:05:00Z",
                "security": LIQUID.security_id,
                "side": "buy",
                "quantity": "2000000",
                "dealer": dealer,
                "answer": "quote" if answers else "none",
            }
            if answers:
                row |= {"answered_at": f"2025-11-{number + 1:02d}T14:05:12Z", "price": "99.85"}
            rows.append(row)
    world.command("history.add", role="feed", rows=rows, origin="elsewhere")
    estimates = world.desk.learning.estimates
    for event in world.events:
        for told in event.rounds:  # type: ignore[attr-defined]
            estimates.learn(told.seen)
    places = {name: profile(world, name)["model"]["measures"]["p_quote"] for name in ("ash", "beech", "cedar")}
    values = [places[name]["value"] for name in ("ash", "beech", "cedar")]
    assert values == sorted(values, reverse=True)
    assert places["ash"]["place"] < places["beech"]["place"] < places["cedar"]["place"]
    assert places["ash"]["place"] == 1


def test_months_are_counted_one_by_one_and_not_decayed() -> None:
    stats, segment = DealerStats(), Segment("corporate", "HY", "3-7y")
    now_ns = 20_000 * NS_PER_DAY + NS_PER_DAY // 2
    for days_ago, answers in ((0, True), (29, False), (30, True), (59, True), (60, False), (89, False), (90, True)):
        at_ns = now_ns - days_ago * NS_PER_DAY
        stats.asked("ash", segment, at_ns)
        if answers:
            stats.answered("ash", segment, at_ns, 12.0, True, 1.0, "issuer", None)
    spans = stats.spans("ash", "corporate", 30, 3, now_ns)
    assert [(each.last_day - utc_day(now_ns), each.asks) for each in spans] == [(-60, 2), (-30, 2), (0, 2)]
    assert [each.values["quote_rate"] for each in spans] == [0.0, 1.0, 0.5]
    assert [each.values["edge"] for each in spans] == [None, 1.0, 1.0]
    assert [each.asks for each in stats.spans("nobody", "corporate", 30, 2, now_ns)] == [0, 0]


def test_a_dealer_that_nobody_knows() -> None:
    with pytest.raises(CommandError, match="no dealer 'asch' \\(did you mean 'ash'"):
        profile(make_world(make_desk()), "asch")


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_list_of_dealers_fits_the_screen_and_says_where_the_rest_is(width: int) -> None:
    world = seeded_desk()
    lines = views.dealers(Paper(width=width), world.command("dealers"))
    assert all(wide(line) <= width for line in lines)
    head = next(line for line in lines if "score" in line and "dealer" in line)
    assert {"score", "asks", "improvement", "reversion", "state"} <= {*head.split()}
    assert ("more on a wider screen" in lines[-1]) is ("hit rate" not in head or "name" not in head)
    assert len(lines) > 8
