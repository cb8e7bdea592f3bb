"""The desk's own examples on a seeded past and the shipped rule book: the list, the parts, the reasons."""

from __future__ import annotations

from typing import Any

import pytest
from desk_builder import DeskWorld, seeded_desk
from desk_past import HIGH_YIELD, ILLIQUID, LIQUID, MUNICIPAL, THIN, UNKNOWN_VOLUME

pytestmark = pytest.mark.starts("noon")
# The figures of the examples are those of one day, and one desk is looked at by all.


@pytest.fixture(scope="module")
def world() -> DeskWorld:
    return seeded_desk()


def recommend(world: DeskWorld, security: Any, side: str, quantity: str) -> dict[str, Any]:
    return world.command("recommend", role="viewer", security=security.security_id, side=side, quantity=quantity)


def asked(advice: dict[str, Any]) -> list[str]:
    return [line["dealer"] for line in advice["lines"] if line["chosen"]]


def line(advice: dict[str, Any], dealer: str) -> dict[str, Any]:
    return next(each for each in advice["lines"] if each["dealer"] == dealer)


def parts(advice: dict[str, Any], dealer: str) -> dict[str, tuple[float | None, float]]:
    """metric -> (value, contribution)"""
    return {
        part["metric"]: (part["value"], pytest.approx(part["contribution"])) for part in line(advice, dealer)["parts"]
    }


def test_c2_high_yield_asks_the_three_best_by_hit_rate_and_price_improvement(world: DeskWorld) -> None:
    """Corporate below BBB above 5 MM: the top three by 60 % hit rate + 40 % price improvement over 90 days."""
    advice = recommend(world, HIGH_YIELD, "buy", "6mm")
    assert advice["rule"] == "large high yield"
    assert advice["plan"]["mode"] == "parallel"
    assert advice["sends"] == "after approval"
    assert asked(advice) == advice["plan"]["dealers"] == ["cedar", "beech", "ash"]
    # hit rate is trades / executable quotes: cedar 20 / 25, beech 20 / 40, ash 30 / 50; then 1 + bps / 10.
    assert parts(advice, "cedar") == {"hit_rate": (0.8, 0.6 * 0.8), "price_improvement": (1.0, 0.4 * 1.1)}
    assert parts(advice, "beech") == {"hit_rate": (0.5, 0.6 * 0.5), "price_improvement": (5.0, 0.4 * 1.5)}
    assert parts(advice, "ash") == {"hit_rate": (0.6, 0.6 * 0.6), "price_improvement": (2.0, 0.4 * 1.2)}
    assert [line(advice, name)["score"] for name in asked(advice)] == [0.92, 0.9, 0.84]
    assert line(advice, "cedar")["reason"] == "asked as no. 1: top 3"
    assert line(advice, "fir")["rank"] == 4
    assert line(advice, "fir")["reason"] == "not in the top 3"
    assert "rating < BBB: rating is BB-" in "\n".join(advice["trace"])


def test_c2_a_high_hit_rate_does_not_make_up_for_bad_prices(world: DeskWorld) -> None:
    """hazel wins three times as much of what it quotes as fir; its prices put it behind."""
    advice = recommend(world, HIGH_YIELD, "buy", "6mm")
    assert parts(advice, "hazel")["hit_rate"] == (0.6, pytest.approx(0.36))
    assert parts(advice, "hazel")["price_improvement"] == (-4.0, pytest.approx(0.24))
    assert line(advice, "hazel")["rank"] > line(advice, "fir")["rank"]


def test_c2_every_dealer_has_a_line_and_a_reason(world: DeskWorld) -> None:
    advice = recommend(world, HIGH_YIELD, "buy", "6mm")
    assert sorted(each["dealer"] for each in advice["lines"]) == list(world.desk.dealers.ids)
    assert all(each["reason"] for each in advice["lines"])
    assert line(advice, "pine")["reason"] == "does not trade corporate bonds"
    assert line(advice, "pine")["score"] is None
    # Nobody ever asked oak: its parts are the neutral prior, marked so, and it does not get ahead of anybody.
    assert {part["source"] for part in line(advice, "oak")["parts"]} == {"no data"}
    assert line(advice, "oak")["rank"] == max(each["rank"] for each in advice["lines"] if each["rank"])


@pytest.mark.parametrize(
    ("security", "quantity", "rule"),
    [
        pytest.param(HIGH_YIELD, "5mm", "everything else", id="5 MM is not larger than 5 MM"),
        pytest.param(HIGH_YIELD, "5000001", "large high yield", id="a dollar more is"),
        pytest.param(LIQUID, "6mm", "everything else", id="AA is not below BBB"),
        pytest.param(MUNICIPAL, "2mm", "everything else", id="2 MM is not over 2 MM"),
    ],
)
def test_c2_holds_at_its_own_edges(world: DeskWorld, security: Any, quantity: str, rule: str) -> None:
    assert recommend(world, security, "buy", quantity)["rule"] == rule


def test_c2_municipal_asks_tier_1_and_the_best_two_specialists_of_tier_2(world: DeskWorld) -> None:
    """Ten trade municipals: tier 1 is ranks 1 and 2, tier 2 ranks 3 to 5. maple is tier 1, but no specialist."""
    advice = recommend(world, MUNICIPAL, "buy", "3mm")
    assert advice["rule"] == "non-rated municipal"
    assert asked(advice) == ["larch", "poplar", "pine"]
    assert line(advice, "maple")["reason"].startswith("not considered: specialty has municipal")
    assert line(advice, "rowan")["reason"] == "tier 2, beyond what the rule asks"
    assert line(advice, "spruce")["reason"] == "in none of tier 1, tier 2"
    # classic: 30 % fill rate, 40 % price improvement, 20 % leakage, 10 % speed.
    assert parts(advice, "poplar") == {
        "fill_rate": (0.75, 0.3 * 0.75),
        "price_improvement": (3.0, 0.4 * 1.3),
        "leakage": (0.0, 0.2),
        "speed": (12.0, 0.1 * 0.8),
    }
    assert line(advice, "poplar")["score"] == 1.025


def test_c3_a_tenth_of_the_daily_volume_staggers_and_asks_three_at_most(world: DeskWorld) -> None:
    """More than 10 % of the 30-day average volume: 5 s apart, at most three, whatever the rule says."""
    advice = recommend(world, THIN, "buy", "400k")
    assert advice["rule"] == "small and liquid"
    assert advice["protections"] == ["large against volume"]
    assert (advice["plan"]["mode"], advice["plan"]["stagger_s"]) == ("stagger", 5.0)
    assert len(asked(advice)) == 3
    left_out = [each for each in advice["lines"] if each["rank"] in (4, 5)]
    assert [each["reason"] for each in left_out] == ['at most 3 dealers: protect "large against volume"'] * 2
    # Without the protection the same rule asks five at once.
    free = recommend(world, LIQUID, "buy", "400k")
    assert (free["rule"], free["protections"], free["plan"]["mode"]) == ("small and liquid", [], "parallel")
    assert len(asked(free)) == 5


def test_c3_the_edge_and_the_unknown(world: DeskWorld) -> None:
    """Exactly a tenth is not more than a tenth; a volume that nobody knows is protected."""
    assert recommend(world, THIN, "buy", "300k")["protections"] == []
    unknown = recommend(world, UNKNOWN_VOLUME, "buy", "100k")
    assert unknown["protections"] == ["large against volume"]
    assert "adv(30d) is unknown (unknown counts as true)" in unknown["trace"][-1]


def test_c3_looks_at_the_exposure_of_the_day(world: DeskWorld) -> None:
    """Two orders that would each pass are one exposure: the second is protected; a sale is another one."""
    world = seeded_desk()
    world.order(THIN, "buy", 200_000)
    second = recommend(world, THIN, "buy", "200k")
    assert second["protections"] == ["large against volume"]
    other_side = recommend(world, THIN, "sell", "200k")
    assert other_side["protections"] == []


def test_c4_whisper_asks_four_that_quoted_the_issue_or_one_like_it_one_after_the_other(world: DeskWorld) -> None:
    """Large illiquid corporate sale: 50 % leakage + 30 % fill rate + 20 % price improvement, 20 s each."""
    advice = recommend(world, ILLIQUID, "sell", "12mm")
    assert advice["rule"] == "whisper block sale"
    plan = advice["plan"]
    assert (plan["mode"], plan["wait_s"]) == ("one_at_a_time", 20.0)
    assert plan["accept"] == "within 25 bp price of fair"
    assert plan["execute"] == "by trader"
    # ash, beech and cedar quoted the issue; fir, hazel and maple a bond of the same sector, maturity and rating.
    assert asked(advice) == ["fir", "maple", "beech", "cedar"]
    assert parts(advice, "fir") == {
        "leakage": (2.0, 0.5 * 1.2),
        "fill_rate": (0.5, 0.3 * 0.5),
        "price_improvement": (1.0, 0.2 * 1.1),
    }
    assert line(advice, "fir")["score"] == 0.97
    # The market went on against us after every trade with ash: six bps put it last.
    assert parts(advice, "ash")["leakage"] == (-6.0, pytest.approx(0.5 * 0.4))
    assert line(advice, "ash")["rank"] == 6
    assert line(advice, "ash")["reason"] == "not in the top 4"
    # larch quoted neither.
    assert line(advice, "larch")["reason"].startswith("not considered: quoted_issuer(180d)")


@pytest.mark.parametrize(
    ("side", "quantity"),
    [
        pytest.param("buy", "12mm", id="a purchase"),
        pytest.param("sell", "9999999", id="a dollar short of a block"),
    ],
)
def test_c4_is_for_large_sales_alone(world: DeskWorld, side: str, quantity: str) -> None:
    assert recommend(world, ILLIQUID, side, quantity)["rule"] != "whisper block sale"


def test_c4_nobody_who_knows_the_bond_goes_to_the_trader_with_the_reason() -> None:
    """An empty list never falls through to the next rule."""
    world = seeded_desk(pasts=())
    advice = recommend(world, ILLIQUID, "sell", "12mm")
    assert advice["rule"] == "whisper block sale"
    assert advice["plan"] is None
    assert advice["problem"].startswith("nobody to ask: ")
    order_id = world.order(ILLIQUID, "sell", 12_000_000)
    assert world.state.orders[order_id].state.value == "with_trader"
    assert world.state.orders[order_id].note == advice["problem"]


def test_a_dry_run_records_nothing(world: DeskWorld) -> None:
    before = (world.state.digest(), len(world.events), len(world.sends), world.outbox_id)
    for security, side in ((HIGH_YIELD, "buy"), (ILLIQUID, "sell")):
        recommend(world, security, side, "15mm")
    assert (world.state.digest(), len(world.events), len(world.sends), world.outbox_id) == before
