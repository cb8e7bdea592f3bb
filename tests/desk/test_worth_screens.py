"""`recommend` where dealers are chosen by what they are worth: the screens at 80 and at 160 columns, and the JSON.

`golden/worth_screens.txt` holds them. `REWRITE=1` writes it anew: look at what changed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from desk_builder import DeskWorld, seeded_desk
from desk_past import HIGH_YIELD, ILLIQUID, LIQUID, MUNICIPAL
from prospect_support import outlook

from engine.admin.advice import recommend as screen
from engine.admin.tables import Paper, wide
from engine.dealers.estimates import Asking
from engine.dealers.outlook import Identified, Outlook
from engine.dealers.widths import Widths
from engine.desk.fields import catalogue
from engine.domain.instrument import Security
from engine.domain.order import Handling
from engine.rules.program import compile_book
from engine.rules.source import Source
from engine.selection.request import Exploring, Parameters

MM: Final = 1_000_000
GOLDEN: Final = Path(__file__).parents[1] / "golden" / "worth_screens.txt"

RULES: Final = """
rule "whisper" when side == sell and notional > 10mm
  rank by model  ask best sequence of at most 4  wait 20s
rule "municipal" when asset_class == municipal
  rank by model  ask best panel of at most 5  wait 120s
rule "high yield, large" when rating < BBB and notional >= 5mm
  rank by model  ask best panel of at most 4  wait 90s  explore never
rule "others" when true
  rank by classic  ask top 3  wait 60s
"""

# edge, its error, one quote's scatter, P(answer), firmness, leak, its error, asks, how much of the leak can be told
_DEALERS: Final = {
    "ash": (-3.0, 0.4, 3.0, 0.85, 0.97, 0.3, 0.2, 140, Identified.level),
    "beech": (-4.0, 0.5, 4.0, 0.80, 0.95, 0.4, 0.3, 120, Identified.relative),
    "cedar": (-4.5, 0.8, 5.0, 0.60, 0.90, 0.2, 0.3, 60, Identified.relative),
    "fir": (-6.0, 0.7, 3.5, 0.90, 0.99, 1.9, 0.4, 90, Identified.level),
    "hazel": (-9.0, 0.9, 6.0, 0.40, 0.60, 0.6, 0.4, 50, Identified.relative),
    "larch": (-5.0, 1.2, 4.0, 0.70, 0.92, 0.5, 0.5, 30, Identified.relative),
    "maple": (-5.5, 1.5, 4.5, 0.65, 0.95, 0.4, 0.5, 22, Identified.none),
    "oak": (-6.0, 3.0, 5.0, 0.60, 0.90, 0.5, 0.6, 0, Identified.none),
}


@dataclass
class Planted:
    """Estimates that say what the test says. Sizes make no bond wider."""

    widths = Widths(0.0, 0.3, 1e6, {}, {})

    def usual_edge(self, segment: str) -> float:
        return -10.0

    def outlooks(self, dealers: Sequence[str], asking: Asking) -> tuple[Outlook, ...]:
        return tuple(planted(name) for name in dealers)


def planted(name: str) -> Outlook:
    edge, error, noise, q, firm, leak, leak_sd, asks, told = _DEALERS.get(
        name, (-7.0 - len(name) / 4, 1.0, 4.0, 0.7, 0.95, 0.5, 0.4, 35, Identified.relative)
    )
    found = outlook(
        name,
        edge=edge,
        edge_sd=error,
        noise=noise,
        degrees=8.0,
        q=q,
        q_sd=0.04,
        slope=-0.25,
        in_time=0.97,
        firm=firm,
        firm_sd=0.02,
        move=1.0,
        leak_in=leak,
        leak_post=leak / 2,
        leak_sd=leak_sd,
        asks=asks,
    )
    return replace(found, leak_identified=told)


def world() -> DeskWorld:
    found = seeded_desk(book=compile_book([Source("worth.rules", RULES)], catalogue()))
    found.desk.parameters = Parameters(c_fail_bps=20.0, exploring=Exploring())
    found.desk.learning.estimates = Planted()  # type: ignore[assignment]
    for security in (HIGH_YIELD, MUNICIPAL, ILLIQUID, LIQUID):
        found.price(security, "98.5")
    return found


def answered(security: Security, side: str, quantity: int, **more: Any) -> dict[str, Any]:
    given = {"rank": None, "assume_connected": False, **more}
    return world().command("recommend", security=security.security_id, side=side, quantity=str(quantity), **given)


ORDERS: Final[dict[str, tuple[Security, str, int, dict[str, Any]]]] = {
    "liquid small, by the classic score": (LIQUID, "buy", 400_000, {}),
    "liquid small, by the model": (LIQUID, "buy", 400_000, {"rank": "model"}),
    "high yield large": (HIGH_YIELD, "buy", 6 * MM, {}),
    "a limit that few quotes meet": (HIGH_YIELD, "buy", 6 * MM, {"limit": "98.53"}),
    "non-rated municipal": (MUNICIPAL, "buy", 3 * MM, {}),
    "whisper block": (ILLIQUID, "sell", 12 * MM, {}),
}


def told(name: str, width: int) -> list[str]:
    security, side, quantity, more = ORDERS[name]
    return screen(Paper(width=width), answered(security, side, quantity, **more))


def golden() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in GOLDEN.read_text().split("=== ")[1:]:
        head, _, body = part.partition("\n")
        found[head] = body.rstrip("\n").split("\n")
    return found


CASES: Final = [(name, width) for name in ORDERS for width in (80, 160)]


@pytest.mark.starts("noon")
def test_the_screens_are_those_of_the_file() -> None:
    made = {f"{name}, {width} columns": [line.rstrip() for line in told(name, width)] for name, width in CASES}
    if os.environ.get("REWRITE"):
        GOLDEN.write_text("".join(f"=== {head}\n" + "\n".join(lines) + "\n\n" for head, lines in made.items()))
    assert made == golden()


@pytest.mark.parametrize(
    ("known", "line"),
    [
        pytest.param(
            {},
            "by its size alone, whoever trades it: impact 150.0 bp (56.9 to 150.0) + half a spread 12.0 = 162.0 bp",
            id="what rules call expected_cost stands beside what dealers are expected to quote",
        ),
        pytest.param(
            {"half_spread_bps": None, "cost_bps": None},
            "by its size alone, whoever trades it: impact 150.0 bp (56.9 to 150.0); half a spread unknown",
            id="no spread",
        ),
        pytest.param(
            {"impact": None, "adv_30d": None},
            "by its size alone, whoever trades it: unknown, as the bond's ADV is",
            id="no volume",
        ),
        pytest.param(
            {"impact": None},
            "by its size alone, whoever trades it: unknown, as the bond's volatility is",
            id="no volatility",
        ),
    ],
)
def test_what_the_size_alone_costs(known: dict[str, Any], line: str) -> None:
    impact = {"bps": 150.0, "low_bps": 56.9, "high_bps": 150.0}
    found = {"impact": impact, "half_spread_bps": 12.0, "cost_bps": 162.0, "adv_30d": "66667", **known}
    answer = {**answered(ILLIQUID, "sell", 12 * MM), "by_size": found}
    assert line in screen(Paper(), answer)


@pytest.mark.parametrize(
    ("saves", "line"),
    [
        pytest.param(
            {"saves_bps": 2.44, "saves_se_bps": 1.2},
            "advice: 6,000,000 at a time, in 2 rounds: expected cost 8.1 bp, 2.4 ±1.2 less than all at once",
            id="parts cost less",
        ),
        pytest.param(
            {"saves_bps": None, "saves_se_bps": None},
            "advice: nobody can be asked for the whole; 6,000,000 at a time, in 2 rounds: expected cost 8.1 bp",
            id="parts alone",
        ),
    ],
)
def test_how_the_order_is_better_shown(saves: dict[str, Any], line: str) -> None:
    show = {"quantity": "6000000", "rounds": 2, "cost_bps": 8.1, **saves}
    answer = {**answered(ILLIQUID, "sell", 12 * MM), "advice": {"show": show, "two_way": None}}
    assert screen(Paper(), answer)[-1] == line
    assert all(wide(each) <= 80 for each in screen(Paper(width=80), answer))


def test_parts_are_for_whoever_takes_so_much_at_once() -> None:
    """Nobody may be asked for 12mm, everybody for 6mm."""
    desk = world()
    rows = [{"scope": f"dealer:{name}", "request_max": "6mm"} for name in desk.desk.dealers.ids]
    desk.command("credit_limits.put", actor="credit", role="feed", rows=rows)
    given = {"rank": None, "assume_connected": False}
    answer = desk.command("recommend", security=ILLIQUID.security_id, side="sell", quantity="12mm", **given)
    show = answer["advice"]["show"]
    assert answer["plan"] is None
    assert (show["quantity"], show["rounds"], show["saves_bps"]) == ("6000000", 2, None)
    assert "advice: nobody can be asked for the whole; 6,000,000 at a time" in "\n".join(screen(Paper(), answer))


@pytest.mark.parametrize(("name", "width"), CASES)
def test_no_line_is_too_long(name: str, width: int) -> None:
    assert [line for line in told(name, width) if wide(line) > width] == []


KEYS: Final = {
    *("dealer", "chosen", "place", "reason", "p_quote", "p_in_time", "edge_bps", "edge_sd_bps", "firmness"),
    *("size_share", "p_win", "leak_in_bps", "leak_post_bps", "leak_se_bps", "leak_identified", "marginal_bps"),
    *("marginal_se_bps", "reservation_bps", "latency_p50_s", "latency_p90_s", "inclusion_p", "n_eff"),
}
WHOLE: Final = {
    *(
        "expected_cost_bps",
        "expected_fill",
        "expected_leak_bps",
        "worth_by_count",
        "panel_p",
        "c_fail_bps",
        "c_fail_se_bps",
    ),
    *("lambda", "rho", "mark", "exposure", "parameters"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_the_keys_that_programs_are_promised(name: str) -> None:
    security, side, quantity, more = ORDERS[name]
    answer = answered(security, side, quantity, **more)
    for each in answer["candidates"]:
        assert set(each) >= KEYS
        assert isinstance(each["n_eff"], dict)
        assert each["reason"]
    assert set(answer) >= WHOLE
    assert set(answer["mark"]) >= {"price", "source", "age_s", "sd_bps"}
    assert [each["count"] for each in answer["worth_by_count"]] == list(range(1, len(answer["worth_by_count"]) + 1))
    asked = sorted((each for each in answer["candidates"] if each["chosen"]), key=lambda each: each["place"])
    assert [each["dealer"] for each in asked] == answer["plan"]["dealers"]


def test_a_later_leak_is_paid_by_what_is_left_of_the_exposure() -> None:
    """A round asks for all of its order; beside it counts what other open orders on the bond and side have left."""
    found = world()
    asked_for = {"security": HIGH_YIELD.security_id, "side": "buy", "quantity": str(6 * MM)}

    def rho() -> float:
        rho: float = found.command("recommend", **asked_for, rank=None, assume_connected=False)["rho"]
        return rho

    unfilled = found.desk.parameters.unfilled
    assert rho() == unfilled
    found.order(HIGH_YIELD, "buy", 3 * MM, handling=Handling.manual)
    found.order(HIGH_YIELD, "sell", 9 * MM, handling=Handling.manual)
    found.order(ILLIQUID, "buy", 9 * MM, handling=Handling.manual)
    assert rho() == pytest.approx(0.5 + unfilled)
    other = found.order(HIGH_YIELD, "buy", 9 * MM, handling=Handling.manual)
    assert rho() == pytest.approx(2.0 + unfilled)
    found.command("order.cancel", order=other)
    assert rho() == pytest.approx(0.5 + unfilled)


def test_only_looking_draws_nothing_and_says_what_could_be() -> None:
    answer = answered(LIQUID, "buy", 400_000)
    assert (answer["explored"], answer["panel_p"]) == (None, pytest.approx(0.69))
    assert sum(each["inclusion_p"] > 0 for each in answer["candidates"]) > len(answer["plan"]["dealers"])
    never = answered(HIGH_YIELD, "buy", 6 * MM)
    assert never["panel_p"] == 1.0


def test_as_if_everybody_were_connected() -> None:
    found = world()
    found.down.add("ash")
    given = {"security": HIGH_YIELD.security_id, "side": "buy", "quantity": str(6 * MM), "rank": None}
    down = found.command("recommend", **given, assume_connected=False)
    up = found.command("recommend", **given, assume_connected=True)
    assert "ash" not in down["plan"]["dealers"]
    assert "ash" in up["plan"]["dealers"]


def test_a_search_ends_at_the_edge_that_its_plan_says() -> None:
    """Sent one at a time; a quote that is worth less than to ask on is passed over, a better one ends it."""
    found = world()
    order_id = found.order(ILLIQUID, "sell", 12 * MM)
    advice = found.state.recommendations[order_id]
    plan = advice.plan
    assert plan is not None
    assert len(plan.stops_bps) == len(plan.dealers) > 1
    found.command("send", order=order_id, fresh=False)
    found.advance(1)
    first, second = plan.dealers[:2]
    below = Decimal("98.5") * (1 + Decimal(plan.stops_bps[0] - 0.5) / 10_000)
    found.quote(first, f"{below:.4f}", order_id=order_id)
    found.advance(1)
    rfq = found.state.rfqs[found.state.orders[order_id].rfq_id]
    assert [ask.dealer for ask in rfq.asks] == [first, second]
    above = Decimal("98.5") * (1 + Decimal(plan.stops_bps[1] + 0.5) / 10_000)
    found.quote(second, f"{above:.4f}", order_id=order_id)
    found.advance(1)
    rfq = found.state.rfqs[found.state.orders[order_id].rfq_id]
    assert [ask.dealer for ask in rfq.asks] == [first, second]


@pytest.mark.parametrize(
    ("accept", "ends"),
    [
        pytest.param("accept within 30bp price of fair", True, id="within the rule's tolerance"),
        pytest.param("accept within 1bp price of fair", False, id="beyond it"),
    ],
)
def test_what_a_rule_accepts_has_to_be_met_beside_it(accept: str, ends: bool) -> None:
    """A quote that is worth more than to ask on ends the search only if the rule would take it, too."""
    found = world()
    text = f'rule "whisper" when true  rank by model  ask best sequence of at most 4  wait 20s  {accept}'
    found.desk.book = compile_book([Source("accept.rules", text)], catalogue())
    order_id = found.order(ILLIQUID, "sell", 12 * MM)
    plan = found.state.recommendations[order_id].plan
    assert plan is not None
    assert plan.stops_bps[0] < -2
    found.command("send", order=order_id, fresh=False)
    above = Decimal("98.5") * (1 + Decimal(plan.stops_bps[0] + 0.5) / 10_000)
    found.quote(plan.dealers[0], f"{above:.4f}", order_id=order_id)
    found.advance(1)
    rfq = found.state.rfqs[found.state.orders[order_id].rfq_id]
    assert (len(rfq.asks) == 1) is ends
