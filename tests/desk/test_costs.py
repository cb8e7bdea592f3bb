"""What trades cost: the worked sell by the desk itself, every figure by whom it counts under, and outside results."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from desk_scene import BOND, MM, Scene, scene

from engine.admin import tca_acts, tca_views
from engine.admin.tables import Paper
from engine.clock import NS_PER_DAY
from engine.desk.apply import apply
from engine.desk.costs import DAYS_MAX, FIGURES, By, Costs, OrderCosted, Tally
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.observation import Horizon
from engine.domain.order import MarkUsed
from engine.errors import CommandError, ConfigError
from engine.market.calendars import utc_date
from engine.market.marks import Mark, Quality

pytestmark = pytest.mark.starts("noon", "second noon")
"""Days that begin and end meanwhile are a matter of calendars."""

WORKED = {
    "shortfall": 10.15,
    "improvement": -5.08,
    "cover": 5.08,
    "markout_30m": 10.16,
    "adverse_30m": 15.24,
    "regret": 0.0,
}
"""DOMAIN 4: decision 98.50, arrival 98.45, execution 98.40, cover 98.35, mid 30 minutes later 98.30."""


def worked(side: str = "sell") -> tuple[Scene, str]:
    """The worked trade. As a buy the same prices flip every sign."""
    world = scene()
    world.price(BOND, "98.50")
    order_id = world.order(BOND, side, MM, account="HAND")
    world.advance(5)
    world.price(BOND, "98.45")
    world.command("send", order=order_id)
    world.advance(5)
    world.says("ash", "98.40", order_id)
    world.says("beech", "98.35", order_id)
    world.command("execute", order=order_id, dealer="ash")
    world.fills(order_id)
    world.advance(1_799)
    world.price(BOND, "98.30")
    world.advance(1)
    return world, order_id


def costed(world: Scene, order_id: str) -> OrderCosted:
    found = world.desk.costs.of_order(order_id)
    assert found is not None
    return found


def figures(found: OrderCosted) -> dict[str, float]:
    parts = [found.order, *found.fills.values(), *found.rounds.values()]
    return {name: value for part in parts for name, value in part.figures.items()}


def test_the_worked_sell_by_the_desk_itself() -> None:
    world, order_id = worked()
    found = figures(costed(world, order_id))
    assert {name: round(found[name], 2) for name in WORKED} == WORKED


def test_the_same_as_a_buy_flips_every_sign() -> None:
    """The best live quote of a buy is the other one: what was paid beside it is the regret."""
    world, order_id = worked("buy")
    found = figures(costed(world, order_id))
    assert {name: round(found[name], 2) for name in WORKED if name != "regret"} == {
        name: -value for name, value in WORKED.items() if name != "regret"
    }
    assert round(found["regret"], 2) == 5.08


def test_each_counts_under_its_dealer_rule_trader_and_segment() -> None:
    world, order_id = worked()
    day = world.now.utc_ns // NS_PER_DAY
    costs = world.desk.costs
    by_dealer = costs.by(By.dealer, day, day)
    assert by_dealer["ash"]["improvement"].ours.mean == pytest.approx(-5.0787, abs=1e-3)
    assert "improvement" not in by_dealer["beech"], "it has not traded"
    edge = by_dealer["beech"]["edge"].ours
    assert (edge.n, edge.mean) == (1, pytest.approx(-10 / 98.45 * 100))
    assert [*costs.by(By.rule, day, day)] == ["by hand"]
    assert [*costs.by(By.trader, day, day)] == ["kim"]
    assert [*costs.by(By.segment, day, day)] == [world.the(order_id).facts.segment]
    assert costs.by(By.rule, day, day)["by hand"]["adverse_30m"].ours.n == 1
    assert costs.by(By.dealer, day + 1, day + 9) == {}


def test_what_is_not_filled_is_held_against_the_mark_at_the_end() -> None:
    world = scene()
    world.price(BOND, "98.50")
    order_id = world.order(BOND, "sell", MM, account="PARALLEL")
    world.says("ash", "98.40", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, 500_000)
    world.rejects(order_id)
    world.price(BOND, "98.20")
    world.cancel(order_id)
    assert costed(world, order_id).order.figures["shortfall"] == pytest.approx(20 / 98.5 * 100)


def test_what_is_not_known_costs_nothing_and_says_why() -> None:
    world = scene()
    world.no_price()
    order_id = world.order(BOND, "sell", MM, account="PARALLEL")
    world.says("ash", "98.40", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    world.advance(120)
    found = costed(world, order_id)
    assert figures(found) == {"regret": 0.0}
    assert found.order.missing == {"shortfall": "no mark when the order came"}
    [fill] = found.fills.values()
    assert fill.missing["cover"] == "no second quote"
    assert fill.missing["markout_1m"] == "no mark when it was due"
    assert fill.missing["improvement"] == "no mark when first asked"
    assert world.desk.costs.by(By.dealer, 0, 10**6)["ash"].keys() == {"regret"}


def test_spread_capture_needs_both_sides() -> None:
    world = scene()
    mark = Mark(BOND.security_id, Decimal(100), world.now.utc_ns, "marks", Quality.COMPOSITE, Decimal("0.2"))
    world.desk.marks.update(mark)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100.05", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    assert figures(costed(world, order_id))["capture"] == pytest.approx(0.75)


def test_what_is_taken_back_of_a_round_is_taken_back_of_the_edges() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    world.advance(10)
    world.says("beech", "100.1", order_id)
    world.says("beech", "100.2", order_id)
    edge = world.desk.costs.by(By.dealer, 0, 10**6)["beech"]["edge"].ours
    assert (edge.n, edge.mean) == (1, pytest.approx(-20.0))


@pytest.mark.parametrize(
    ("before", "after", "bps", "reason"),
    [
        pytest.param("200", "199.6", 0.0, "", id="only the index moved: a sell has not drifted"),
        pytest.param("200", None, None, "no level of the benchmark", id="its level is not known any more"),
        pytest.param(None, None, 20.0, "", id="there is none"),
    ],
)
def test_the_hedge_is_taken_off_with_the_side(
    before: str | None, after: str | None, bps: float | None, reason: str
) -> None:
    world = scene()
    order_id = world.order(BOND, "sell", MM, account="PARALLEL")
    rfq = world.rfq(order_id)
    world.state.rfqs.put(rfq.rfq_id, replace(rfq, index=Decimal(before) if before else None))
    mark = MarkUsed(Decimal("99.8"), "marks", 0, "composite")
    level = Decimal(after) if after else None
    marked = e.RoundMarked(world.now.utc_ns, rfq.rfq_id, Horizon.half_hour, 0, mark, level, "")
    world.desk.costs.fold(world.state, marked)
    found = costed(world, order_id).rounds[rfq.rfq_id]
    assert found.figures.get("adverse_30m") == (pytest.approx(bps) if bps is not None else None)
    assert found.missing.get("adverse_30m", "") == reason


# --- another provider's -----------------------------------------------------------------------------


def outside(world: Scene, figures: tuple[str, ...], *bps: float | None, exec_id: str) -> None:
    draft = world.draft()
    draft.record(e.TcaReceived(draft.now_ns, "house", figures, (e.TcaResult(exec_id, bps),), "feed"))
    world.keep(draft)


def test_outside_results_stand_beside_ours_and_count_where_they_are_preferred() -> None:
    world, order_id = worked()
    [exec_id] = costed(world, order_id).fills
    outside(world, ("improvement", "markout_1h"), -6.0, 3.0, exec_id=exec_id)
    outside(world, ("improvement", "markout_1h"), -7.0, None, exec_id=exec_id)
    cell = world.desk.costs.by(By.dealer, 0, 10**6)["ash"]
    both = cell["improvement"]
    beside = both.beside()
    assert (beside.theirs.n, beside.theirs.mean) == (1, -7.0), "what comes again replaces what came"
    assert beside.difference.mean == pytest.approx(-7.0 + 5.0787, abs=1e-3)
    assert both.told(False).mean == pytest.approx(-5.0787, abs=1e-3)
    assert both.told(True).mean == pytest.approx(-7.0)
    assert (cell["markout_1h"].told(False).n, cell["markout_1h"].told(True).mean) == (0, 3.0)
    assert costed(world, order_id).fills[exec_id].outside == {
        "improvement": ("house", -7.0),
        "markout_1h": ("house", 3.0),
    }
    # Ours that comes later is taken beside it.
    world.advance(1_799)
    world.price(BOND, "98.25")
    world.advance(1)
    both = world.desk.costs.by(By.dealer, 0, 10**6)["ash"]["markout_1h"]
    assert (both.ours.n, both.beside().replaced.n, both.beside().difference.n) == (1, 1, 1)


# --- the fold -------------------------------------------------------------------------------------


def test_a_restart_comes_out_at_the_same_costs() -> None:
    """Live a whole turn is there when its events are taken in, on a restart one event after another."""
    world, _ = worked()
    other = world.order(BOND, "buy", 2 * MM, account="AUTO")
    world.advance(200)
    world.cancel(other, "c2")
    costs, state = Costs(), DeskState()
    for event in [*world.before, *world.events]:
        apply(state, event)
        costs.fold(state, event)
    assert costs.dump() == world.desk.costs.dump()


def test_days_are_kept_so_many() -> None:
    costs = Costs()
    for day in range(DAYS_MAX + 3):
        costs._cell(day, (By.rule, "x"), "edge").ours.add(1.0)
    assert (len(costs._days), min(costs._days)) == (DAYS_MAX, 3)


@pytest.mark.parametrize(
    ("values", "mean", "se"),
    [
        pytest.param([], None, None, id="nothing"),
        pytest.param([3.0], 3.0, None, id="one has no error"),
        pytest.param([1.0, 2.0, 3.0, 4.0], 2.5, 0.6455, id="four"),
        pytest.param([2.0, 2.0, 2.0], 2.0, 0.0, id="alike"),
    ],
)
def test_a_mean_with_its_standard_error(values: list[float], mean: float | None, se: float | None) -> None:
    tally = Tally()
    for value in values:
        tally.add(value)
    assert tally.mean == mean
    assert tally.se == (pytest.approx(se, abs=1e-4) if se is not None else None)
    tally.add(7.0)
    tally.add(7.0, -1)
    assert tally.n == len(values)


# --- as people ask for it -------------------------------------------------------------------------


def lines_of(figures: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["figure"]: each for each in figures}


def test_an_order_is_shown_figure_by_figure() -> None:
    world, order_id = worked()
    [exec_id] = costed(world, order_id).fills
    rows = [{"exec_id": exec_id, "improvement": "-6.1"}]
    assert world.command("tca.put", role="feed", source="house", rows=rows)["taken"] == 1
    answer = world.command("tca.order", order=order_id)
    assert (answer["decision"]["mark"], answer["arrival"]["mark"]) == ("98.50", "98.45")
    assert lines_of(answer["figures"])["shortfall"]["ours"] == 10.152
    [round_answer], [fill] = answer["rounds"], answer["fills"]
    assert lines_of(round_answer["figures"])["adverse_30m"]["ours"] == 15.236
    found = lines_of(fill["figures"])
    assert [*found] == [figure for figure in FIGURES if figure in found]
    assert (found["improvement"]["outside"], found["improvement"]["source"]) == (-6.1, "house")
    assert found["improvement"]["difference"] == pytest.approx(-1.021)
    assert found["capture"]["reason"] == "no two-sided mark at the fill"
    text = tca_views.of_order(Paper(width=80), answer)
    assert max(len(line) for line in text) <= 80
    assert any("implementation shortfall  +10.15bp" in line for line in text)
    assert any("adverse drift 30m  +15.24bp" in line for line in text)


def traded_often(times: int) -> Scene:
    """So many orders of a rule, each a little worse than the one before."""
    world = scene()
    for number in range(times):
        order_id = world.order(BOND, "sell", MM, account="PARALLEL")
        world.says("ash", str(100 - Decimal(number) / 100), order_id)
        world.command("execute", order=order_id)
        world.fills(order_id)
        world.advance(100)
    return world


@pytest.mark.parametrize("by", ["dealer", "rule", "trader", "segment"])
def test_means_come_with_their_errors_in_80_columns(by: str) -> None:
    world = traded_often(6)
    answer = world.command(f"tca.{by}s")
    [row] = [each for each in answer["rows"] if each["name"] in ("ash", "parallel", "none") or "|" in each["name"]]
    improvement = row["figures"]["improvement"]
    assert improvement == {
        "n": 6, "mean": -2.5, "se": 0.764, "tells": True, "outside": None, "difference": None
    }  # fmt: skip
    text = tca_views.means(Paper(width=80), answer)
    assert max(len(line) for line in text) <= 80
    assert any("-2.5 ±0.8 (6)" in line for line in text)


def test_few_observations_tell_nothing() -> None:
    answer = traded_often(4).command("tca.dealers")
    assert answer["rows"][0]["figures"]["improvement"]["tells"] is False
    assert any("? (4)" in line for line in tca_views.means(Paper(width=80), answer))


def test_the_days_are_those_that_are_asked_for() -> None:
    world = traded_often(1)
    today = utc_date(world.now.utc_ns)
    assert world.command("tca.dealers", begin=str(today), end=str(today))["rows"]
    assert world.command("tca.dealers", begin=str(today + timedelta(days=1)))["rows"] == []
    assert tca_views.means(Paper(), world.command("tca.rules", end="2000-01-01"))[-1].startswith("nothing")
    with pytest.raises(CommandError, match="the first day, 2026-12-02, is after the last, 2026-12-01"):
        world.command("tca.rules", begin="2026-12-02", end="2026-12-01")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param({"improvement": "1"}, "exec_id: missing", id="no execution"),
        pytest.param({"exec_id": "E-999999", "improvement": "1"}, "no execution E-999999 of ours", id="not ours"),
        pytest.param({"improvment": "1"}, "did you mean 'improvement'", id="no such figure"),
        pytest.param({"improvement": "one"}, "improvement: expected a number, found 'one'", id="no number"),
        pytest.param({"improvement": "NaN"}, "out of range", id="not a number"),
        pytest.param({"improvement": ""}, "no figure", id="nothing"),
    ],
)
def test_a_result_that_cannot_be_used_is_named_and_the_others_are_taken(row: dict[str, str], reason: str) -> None:
    world, order_id = worked()
    [exec_id] = costed(world, order_id).fills
    wrong = row if "exec_id: missing" in reason or "exec_id" in row else {"exec_id": exec_id, **row}
    rows = [{**wrong, "line": 7}, {"exec_id": exec_id, "cover": "4", "line": 8}]
    answer = world.command("tca.put", role="feed", source="house", rows=rows)
    assert answer["taken"] == 1
    [refused] = answer["refused"]
    assert refused["line"] == 7
    assert reason in refused["reason"]


def test_the_same_results_again_change_nothing() -> None:
    world, order_id = worked()
    [exec_id] = costed(world, order_id).fills
    rows = [{"exec_id": exec_id, "cover": "4"}]
    dry = world.command("tca.put", role="feed", source="house", rows=rows, dry_run=True)
    assert (dry["taken"], dry["recorded"]) == (1, False)
    assert world.command("tca.put", role="feed", source="house", rows=rows)["recorded"]
    again = world.command("tca.put", role="feed", source="house", rows=rows)
    assert (again["taken"], again["known"], again["recorded"]) == (0, 1, False)
    assert len(world.recorded(e.TcaReceived)) == 1
    world.desk.outside_tca = True
    answer = world.command("tca.dealers")
    assert answer["rows"][0]["figures"]["cover"]["mean"] == 4.0
    assert "outside results less ours (the outside provider's figures count):" in tca_views.means(Paper(), answer)


def test_a_file_of_results_is_taken_in_pieces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world, order_id = worked()
    [exec_id] = costed(world, order_id).fills
    path = tmp_path / "house.csv"
    path.write_text(f"exec_id,cover,improvement\n{exec_id},4,\nE-999999,1,1\n")
    given = argparse.Namespace(file=path, source=None, dry_run=False, json=False, timeout=1.0)

    class Desk:
        def __enter__(self) -> Desk:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def call(self, name: str, **params: Any) -> Any:
            return world.command(name, role="feed", **params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tca_acts, "AdminClient", lambda *_: Desk())
        assert tca_acts.import_file(given, tmp_path, Paper()) == 1
        assert "line 3: exec_id: no execution E-999999" in capsys.readouterr().out
        path.write_text(f"exec_id,cover\n{exec_id},4\n")
        assert tca_acts.import_file(given, tmp_path, Paper()) == 0
        assert capsys.readouterr().out == "0 taken, 1 known before, none refused\n"
        for text, wrong in (("a,b\n1,2\n", "no column 'exec_id'"), ("exec_id\nE,2\n", "more cells")):
            path.write_text(text)
            with pytest.raises(ConfigError, match=wrong):
                tca_acts.import_file(given, tmp_path, Paper())
