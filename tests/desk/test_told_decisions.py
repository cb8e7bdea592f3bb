"""What people read of a decision, word for word: reasons, kinds of rules, scores by parts.

`golden/decisions.txt` holds the answers of `rules.explain` for recorded decisions. A decision stays told as
it was made: whoever changes a word here changes what is said of decisions of last year.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from desk_past import DEALERS, HIGH_YIELD, ILLIQUID, LIQUID, MUNICIPAL, THIN, UNKNOWN_VOLUME, dealer, past_events
from desk_scene import MM, Scene, scene

from engine.admin.advice import explain
from engine.admin.tables import Paper
from engine.desk.apply import apply
from engine.desk.observe import observe
from engine.domain.instrument import AssetClass

pytestmark = pytest.mark.starts("noon")
# The figures are those of one day.

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "decisions.txt"

BOOK: Final = """
define illiquid as days_since_trade > 7 or liquidity_score <= 3
define block    as notional >= 10mm

tiers for asset_class == municipal by classic over 90d
  tier 1 when rank in top 20% and asks >= 20
  tier 2 when rank in top 50%

protect "thin" when notional > 10% of adv(30d)
  stagger 5s
  at most 3 dealers
protect "not ash" when account == SHY
  never ask {ash}

rule "whisper" when asset_class == corporate and side == sell and illiquid and block
  consider dealers where quoted_similar(180d) and not name == beech
  rank by 50% leakage + 30% fill_rate + 20% price_improvement
  ask top 4 one at a time, wait 20s, accept within 25bp price of fair
rule "high yield" when asset_class == corporate and rating < BBB and notional > 5mm
  rank by 60% hit_rate + 40% price_improvement over 90d
  ask top 3
rule "municipal" when asset_class == municipal and rating is NR and notional > 2mm
  consider dealers where specialty has municipal
  ask all of tier 1 and top 2 of tier 2
rule "no tiers" when account == LOOSE
  ask top 1 of tier 1
rule "named" when account == NAMED
  ask everyone in {maple, ash, larch}
rule "never" when account == APART
  ask top 2  never ask {ash}
rule "named too" when account == BOTH
  ask top 1, ask everyone in {larch, maple}
rule "nobody" when account == NOBODY
  consider dealers where trades(90d) > 500 or last_asked < 1d
  ask top 3
rule "by speed" when account == SPEED
  rank by speed over 2w
  ask all
rule "small" when notional <= 500k and liquidity_score >= 7
  ask top 5  wait 60s  send automatically
  execute automatically when within 15bp price of fair and at least 2 quotes, else ask trader
rule "everything else" when true
  ask top 3
  wait 120s
"""

NEW: Final = dealer("aspen", asset_classes=(AssetClass.CORPORATE, AssetClass.MUNICIPAL), specialties=("municipal",))


def past(**desk: Any) -> Scene:
    world = scene(BOOK, **desk)
    for event in past_events():
        apply(world.state, event)
        observe(world.desk.stats, world.state, event)
    return world


def plainly(security: Any, side: str, quantity: int, **changes: Any) -> Callable[[], tuple[Scene, str]]:
    def made() -> tuple[Scene, str]:
        world = past()
        return world, world.order(security, side, quantity, **changes)

    return made


def in_trouble() -> tuple[Scene, str]:
    """One is paused, one has a small limit, one is cut off, one is closed, one is stopped, one was never tried."""
    changed = {"cedar": {"paused": True}, "fir": {"notional_max": Decimal(800_000)}}
    world = past(dealers=[*(replace(each, **changed.get(each.id, {})) for each in DEALERS), NEW])
    world.drop("hazel")
    world.close("larch", "08:00 America/New_York")
    world.command("kill", scope="dealer:maple", on=True, reason="test")
    return world, world.order(HIGH_YIELD, "buy", MM)


def all_stopped() -> tuple[Scene, str]:
    world = past()
    world.command("kill", scope="all", on=True, reason="test")
    return world, world.order(LIQUID, "buy", MM)


def nobody_known() -> tuple[Scene, str]:
    world = scene(BOOK)
    return world, world.order(LIQUID, "buy", MM)


def no_dealers() -> tuple[Scene, str]:
    world = scene('rule "r" when true\n  ask top 2', dealers=())
    return world, world.order(LIQUID, "buy", MM)


def second_under_protection() -> tuple[Scene, str]:
    """The first order's dealers count for the second, and what protects it stays on."""
    world = past()
    first = world.order(THIN, "buy", 400_000)
    world.advance(60)
    world.cancel(first)
    return world, world.order(THIN, "buy", 100_000)


DECISIONS: Final[dict[str, Callable[[], tuple[Scene, str]]]] = {
    "a high yield block": plainly(HIGH_YIELD, "buy", 6 * MM),
    "a whisper": plainly(ILLIQUID, "sell", 12 * MM),
    "municipal tiers": plainly(MUNICIPAL, "buy", 3 * MM),
    "no tiers for it": plainly(LIQUID, "buy", MM, account="LOOSE"),
    "named dealers": plainly(LIQUID, "buy", MM, account="NAMED"),
    "named beside others": plainly(LIQUID, "buy", MM, account="BOTH"),
    "one is never asked by a rule": plainly(LIQUID, "buy", MM, account="APART"),
    "nobody fits": plainly(HIGH_YIELD, "buy", MM, account="NOBODY"),
    "by one metric, all of them": plainly(HIGH_YIELD, "buy", MM, account="SPEED"),
    "a protection holds": plainly(THIN, "buy", 400_000),
    "volume is unknown": plainly(UNKNOWN_VOLUME, "buy", MM),
    "one is never asked by a protection": plainly(HIGH_YIELD, "buy", MM, account="SHY"),
    "everybody in trouble": in_trouble,
    "all are stopped": all_stopped,
    "nobody has a past": nobody_known,
    "no dealers": no_dealers,
    "the second order": second_under_protection,
}


def told(world: Scene, order_id: str) -> list[str]:
    """The answer as rfqctl prints it, then as a program reads it: one line a dealer."""
    answer = world.command("rules__explain", role="viewer", order=order_id)
    lines = explain(Paper(width=200), answer)
    del answer["book_hash"]
    rest = {key: value for key, value in answer.items() if key != "lines"}
    return [*lines, json.dumps(rest, sort_keys=True), *(json.dumps(line, sort_keys=True) for line in answer["lines"])]


def written() -> str:
    parts = []
    for name, made in DECISIONS.items():
        parts += [f"=== {name}", *told(*made())]
    return "\n".join(parts) + "\n"


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_is_told_in_these_words(name: str) -> None:
    texts = dict(part.split("\n", 1) for part in GOLDEN.read_text().removeprefix("=== ").split("\n=== "))
    assert "\n".join(told(*DECISIONS[name]())) == texts[name].removesuffix("\n")
