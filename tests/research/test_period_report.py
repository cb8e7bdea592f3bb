"""Best execution of some days: the best price or the reason, costs with intervals, and what nobody can tell."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from desk_scene import BOND, MM, PROTECT, RULES, Scene, scene
from report_journal import MADE_NS, kept
from test_order_report import said, table
from test_page import read

from engine.errors import ConfigError
from engine.research import reports, retold
from engine.research.page import Page, html

pytestmark = pytest.mark.starts("noon")

DAY_S = 86_400


def report(world: Scene, folder: Path, begin: date | None = None, end: date | None = None) -> Page:
    page = reports.of_period(kept(world, folder), begin, end, MADE_NS)
    read(html(page))
    return page


def trade(world: Scene, number: int, ash: str = "99.95", beech: str = "99.97", taken: str | None = None) -> str:
    order_id = world.order(BOND, "buy", MM + number, account="PARALLEL", cl_ord_id=f"c{number}")
    world.says("ash", ash, order_id)
    world.says("beech", beech, order_id)
    world.declines("cedar", order_id)
    world.command("execute", order=order_id, **({"dealer": taken} if taken else {}))
    world.fills(order_id, exec_id=f"E{number}")
    return order_id


def days(many: int) -> Scene:
    """A trade a day, the price a cent worse each day."""
    world = scene()
    for number in range(many):
        world.price(BOND, "100")
        trade(world, number, f"{100 + number / 100:.2f}", f"{100.05 + number / 100:.2f}")
        world.advance(DAY_S)
    return world


def test_the_best_price_was_taken_every_time(tmp_path: Path) -> None:
    world = days(10)
    page = report(world, tmp_path)
    assert page.verdict[0] == (
        "Where another price could be had beside the one taken, "
        "the best was taken in 100 % (72 to 100) of 10 acceptances."
    )
    assert page.verdict[1] == "10 orders for 10.00 mm USD, 10 of them with a fill."
    costed = [world.desk.costs.of_order(order_id) for order_id, _ in world.state.orders.items()]
    shortfall = sum(each.order.figures["shortfall"] for each in costed if each is not None)
    assert re.match(rf"An order cost \+{shortfall / 10:.1f} bp \(\+[\d.]+ to \+[\d.]+\) on average", page.verdict[2])
    assert "none: the best price that could be had was taken every time" in html(page)
    dealers = {row["Dealer"]: row for row in table(page, "Who was asked")}
    assert (dealers["ash"]["Asked"], dealers["ash"]["Fills"], dealers["ash"]["Of all"]) == ("10", "10", "100 %")
    assert dealers["cedar"]["With a price"] == "0 % (0 to 28)"


def test_a_worse_price_is_listed_with_its_reason(tmp_path: Path) -> None:
    world = scene()
    trade(world, 1)
    chosen = trade(world, 2, taken="beech")
    order_id = world.order(BOND, "buy", 3 * MM, account="PARALLEL", cl_ord_id="c3")
    world.says("ash", "99.95", order_id)
    world.says("beech", "99.97", order_id)
    world.command("execute", order=order_id)
    world.rejects(order_id)
    world.command("execute", order=order_id)
    world.fills(order_id, exec_id="E3")
    page = report(world, tmp_path)
    assert "2 acceptances took a worse price, 1 of them after the better one had been accepted in vain" in said(page)
    listed = {row["Order"]: row for row in table(page, "Every acceptance of a worse price")}
    assert listed[chosen]["Why"] == "kim chose, and the journal has no reason"
    assert listed[order_id]["Why"] == "it had been accepted before and came to nothing (rejected: last look)"
    assert listed[order_id]["Against it"] == "-2.0 bp"


def test_few_days_claim_nothing(tmp_path: Path) -> None:
    page = report(days(3), tmp_path)
    assert "100 % (of 3 days: cannot tell)" in page.verdict[0]
    assert not re.search(r"\(\+?[\d.]+ to", said(page))


def test_every_mean_has_its_interval_and_its_count(tmp_path: Path) -> None:
    page = report(days(10), tmp_path)
    for row in table(page, "Costs by"):
        for cell in list(row.values())[1:]:
            assert cell in ("", "none") or re.fullmatch(r"[+-][\d.]+ bp \((.* to .*|\d+ days?: \?)\) of \d+", cell), (
                cell
            )
    rows = {row["Of"]: row for row in table(page, "Costs by")}
    assert {"all", "asset class corporate", "rule parallel", "trader none", "dealer ash"} <= set(rows)


def test_what_had_nothing_to_compare_with_says_why(tmp_path: Path) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.declines("beech", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    page = report(world, tmp_path)
    assert page.verdict[0].startswith("No acceptance had another price beside it")
    [row] = table(page, "1 acceptance without")
    assert row["Why nobody else's price could be had"] == "beech declined; cedar had said nothing"


def test_nobody_was_asked_and_an_order_was_refused(tmp_path: Path) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="HAND")
    world.cancel(order_id)
    world.order(BOND, "buy", -5, account="HAND", cl_ord_id="no")
    page = report(world, tmp_path)
    assert [row["Order"] for row in table(page, "1 order for which nobody was asked")] == [order_id]
    assert len(table(page, "Never became an order")) == 1


def test_without_marks_the_gaps_are_counted(tmp_path: Path) -> None:
    world = scene()
    world.no_price()
    order_id = world.order(BOND, "buy", MM, account="HAND")
    world.command("send", order=order_id)
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    page = report(world, tmp_path)
    gaps = {row["Missing mark"]: row["Times"] for row in table(page, "Marks that nobody gave")}
    assert gaps["when the desk had the order"] == gaps["when the first dealer was asked"] == gaps["at a fill"] == "1"
    assert "Of 1 order the cost cannot be told for want of a mark." in page.verdict


def test_an_order_far_from_the_others_is_listed(tmp_path: Path) -> None:
    world = scene()
    for number in range(9):
        trade(world, number, f"{100 + number / 1000:.3f}", "100.5")
    far = trade(world, 99, "102", "103")
    assert [row["Order"] for row in table(report(world, tmp_path), "1 order beyond")] == [far]


def test_overrides_stand_with_their_reasons(tmp_path: Path) -> None:
    world = scene(PROTECT + RULES)
    order_id = world.order(BOND, "buy", 3 * MM, account="HAND")
    world.command(
        "override", role="operator", order=order_id, dealers=["cedar", "fir", "ash"], reason="they have it",
        past_protection=True,
    )  # fmt: skip
    [row] = table(report(world, tmp_path), "Lists of a person's own")
    assert (row["Who"], row["Why"]) == ("kim", "they have it")
    assert "at most 2 dealers" in row["Past a protection"]


def test_only_orders_of_the_days_count(tmp_path: Path) -> None:
    world = days(10)
    page = report(world, tmp_path, date(2026, 11, 24), date(2026, 11, 26))
    assert page.verdict[1].startswith("3 orders")
    assert page.subject == "Orders received from 2026-11-24 to 2026-11-26, UTC"


def test_no_order_is_said(tmp_path: Path) -> None:
    assert report(days(1), tmp_path, date(2020, 1, 1), date(2020, 1, 2)).verdict == [
        "The desk had no order in this time."
    ]


def test_more_orders_than_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retold, "ORDERS_MAX", 2)
    with pytest.raises(ConfigError, match="more than 2 orders: a report is of a shorter time"):
        report(days(3), tmp_path)
