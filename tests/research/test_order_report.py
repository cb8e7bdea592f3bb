"""Best execution of one order out of the journal alone, whatever became of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

from desk_scene import BOND, MM, PROTECT, RULES, Scene, placed, scene
from report_journal import MADE_NS, kept
from test_page import read

from engine.domain import messages as m
from engine.errors import ConfigError
from engine.journal.archive import ReadOnly
from engine.research import reports
from engine.research.page import Definitions, Notes, Page, Paragraph, Picture, Table, html
from engine.research.retold import Texts, retell

pytestmark = pytest.mark.starts("noon")

D = Decimal
DAY_S = 86_400


def report(world: Scene, folder: Path, order: str = "O-000001") -> Page:
    page = reports.of_order(kept(world, folder), order, MADE_NS)
    read(html(page))
    return page


def said(page: Page) -> str:
    """Everything that the page says, as one text."""
    words = [page.title, page.subject, *page.verdict, *page.about]
    for section in page.sections:
        words.append(section.title)
        for block in section.blocks:
            match block:
                case Paragraph(text):
                    words.append(text)
                case Definitions(rows):
                    words += [f"{name}: {text}" for name, text in rows]
                case Table():
                    words += [block.caption, *(" | ".join(row) for row in block.rows)]
                case Picture():
                    words.append(block.described)
                case Notes(items):
                    words += items
    return "\n".join(words)


def table(page: Page, caption: str) -> list[dict[str, str]]:
    for section in page.sections:
        for block in section.blocks:
            if isinstance(block, Table) and block.caption.startswith(caption):
                return [dict(zip([each.title for each in block.columns], row, strict=True)) for row in block.rows]
    raise AssertionError(f"no table {caption}")


def filled(account: str = "PARALLEL", **order: Any) -> tuple[Scene, str]:
    world, order_id = placed(account, **order)
    world.fills(order_id, exec_id="E1")
    return world, order_id


# --- what was taken ------------------------------------------------------------------------------


def test_the_best_price_was_taken(tmp_path: Path) -> None:
    world, _ = filled()
    page = report(world, tmp_path)
    assert page.verdict[0] == (
        "Filled in full at 99.95 with ash; 3 dealers asked, 3 with a price that could be executed."
    )
    assert page.verdict[1] == "ash's 99.95 was the best: the second best, beech's 99.97, was 2.0 bp worse."
    assert page.subject.startswith(
        f"buy 1,000,000 USD of {BOND.security_id} ({BOND.issuer}), received 2026-11-23 15:00"
    )
    asked = table(page, "Who was asked")
    assert [(row["Dealer"], row["Price"], row["What came of it"]) for row in asked] == [
        ("ash", "99.95", "accepted: filled"),
        ("beech", "99.97", "not taken"),
        ("cedar", "100.05", "not taken"),
    ]
    [taken] = table(page, "Acceptances")
    assert (taken["Dealer"], taken["Best other price"], taken["Better by"]) == ("ash", "99.97 of beech", "+2.0 bp")
    assert taken["Accepted by"] == "kim"


def test_a_better_price_was_not_taken_because_its_dealer_had_rejected(tmp_path: Path) -> None:
    world, order_id = placed()
    world.rejects(order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    page = report(world, tmp_path)
    assert "Filled in full at 99.97 with beech" in page.verdict[0]
    assert page.verdict[1] == (
        "beech's 99.97 was NOT the best: ash's 99.95 was 2.0 bp better; "
        "it had been accepted before and came to nothing (rejected: last look)."
    )


def test_a_person_took_a_worse_price(tmp_path: Path) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.says("beech", "99.97", order_id)
    world.command("execute", order=order_id, dealer="beech")
    world.fills(order_id)
    page = report(world, tmp_path)
    assert page.verdict[1] == (
        "beech's 99.97 was NOT the best: ash's 99.95 was 2.0 bp better; kim chose, and the journal has no reason."
    )


def test_a_better_price_was_over_by_then(tmp_path: Path) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id, valid_until_ns=world.now.utc_ns + 10 * 10**9)
    world.says("beech", "99.97", order_id)
    world.advance(12)
    world.command("execute", order=order_id)
    world.fills(order_id)
    assert report(world, tmp_path).verdict[1] == (
        "beech's 99.97 was the only price that could be executed when it was taken: "
        "ash's 99.95, 2.0 bp better, was over since 15:00:10."
    )


def test_one_price_has_nothing_beside_it(tmp_path: Path) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.declines("beech", order_id, "no axe")
    world.command("execute", order=order_id)
    world.fills(order_id)
    page = report(world, tmp_path)
    assert "3 dealers asked, 1 with a price that could be executed" in page.verdict[0]
    assert page.verdict[1] == (
        "ash's 99.95 was the only price that could be executed when it was taken: "
        "beech declined; cedar had said nothing."
    )
    asked = {row["Dealer"]: row for row in table(page, "Who was asked")}
    assert (asked["beech"]["Answer"], asked["beech"]["What came of it"]) == ("declined", "no axe")
    assert asked["cedar"]["Answer"] == "no word yet"


# --- why these dealers ---------------------------------------------------------------------------


def test_everybody_stands_with_the_reason_and_every_rule_with_what_it_read(tmp_path: Path) -> None:
    world, _ = filled()
    page = report(world, tmp_path)
    lines = {row["Dealer"]: row for row in table(page, "Every dealer")}
    assert set(lines) == {each.id for each in world.desk.dealers}
    assert [name for name, row in lines.items() if row["Chosen"] == "yes"] == ["ash", "beech", "cedar"]
    assert lines["ash"]["Why, or why not"].startswith("asked as no. 1: top 3")
    assert "not in the top 3" in {row["Why, or why not"] for row in lines.values()}
    words = said(page)
    assert 'rule "auto" does not apply: account == AUTO: account is PARALLEL' in words
    assert 'rule "parallel" decides: account == PARALLEL' in words
    assert f"Rule book: {world.desk.book.hash}" in words


def test_an_override_stands_with_its_reason_and_the_protection_gone_past(tmp_path: Path) -> None:
    world = scene(PROTECT + RULES)
    order_id = world.order(BOND, "buy", 3 * MM, account="HAND")
    world.command(
        "override", role="operator", order=order_id, dealers=["cedar", "fir", "ash"], reason="<b>they have it</b>",
        past_protection=True,
    )  # fmt: skip
    page = report(world, tmp_path)
    words = said(page)
    assert any(line.startswith("In round 1 kim put their own list in place") for line in page.verdict)
    assert "<b>they have it</b>" in words
    assert "<b>they" not in html(page)
    assert "Asked instead: cedar, fir and ash" in words
    assert 'Past protections: ash: at most 2 dealers: protect "large"' in words


# --- what came of it -----------------------------------------------------------------------------


def test_nobody_was_asked(tmp_path: Path) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="HAND")
    world.cancel(order_id)
    page = report(world, tmp_path)
    assert page.verdict[0].startswith("Not filled: canceled")
    assert page.verdict[0].endswith("nobody was asked.")
    assert "No price was accepted." in said(page)
    assert table(page, "Every dealer")


def test_a_round_without_a_trade_says_what_was_offered(tmp_path: Path) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "99.95", order_id)
    world.cancel(order_id)
    page = report(world, tmp_path)
    assert "Round 1 ended without a trade (canceled), although ash offered 99.95." in page.verdict


def test_a_part_was_filled(tmp_path: Path) -> None:
    world, order_id = placed()
    world.fills(order_id, 400_000, exec_id="E1")
    assert report(world, tmp_path).verdict[0].startswith("Filled in part, 400,000 of it at 99.95 with ash")


def test_fills_that_were_taken_back_or_corrected_are_shown_as_such(tmp_path: Path) -> None:
    world, order_id = placed()
    world.fills(order_id, 400_000, exec_id="E1")
    world.fills(order_id, 600_000, exec_id="E2")
    world.reports_of(order_id, m.DealerWord.trade_canceled, exec_id="H1", refers_to="E1", text="error trade")
    world.reports_of(
        order_id, m.DealerWord.corrected, exec_id="G1", refers_to="E2", last_quantity=D(600_000), last_price=D("99.93")
    )
    page = report(world, tmp_path)
    words = said(page)
    assert "ash took back its fill of 400,000 at 99.95." in page.verdict
    states = [row["Status"] for row in table(page, "Executions")]
    assert states == ["taken back by the dealer", "corrected by the dealer (first 600,000 at 99.95)"]
    assert "corrects fill" in words
    assert "from 600,000 at 99.95 to 600,000 at 99.93" in words


def test_a_fill_in_quarantine_is_shown_with_its_reason(tmp_path: Path) -> None:
    world, order_id = placed()
    world.fills(order_id, security_id="US0000000000")
    page = report(world, tmp_path)
    [kept_fill] = table(page, "In quarantine")
    assert kept_fill["What became of it"] == "waits for a person"
    assert "1 fill of it in quarantine: a person has to decide." in page.verdict


def test_rounds_stand_each_by_itself(tmp_path: Path) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    for dealer in ("ash", "beech", "cedar"):
        world.declines(dealer, order_id)
    world.command("send", order=order_id)
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    page = report(world, tmp_path)
    assert [each.title for each in page.sections if each.title.startswith("Round")] == [
        "Round 1: who could be asked, who was, what they said",
        "Round 2: who could be asked, who was, what they said",
    ]


def test_a_check_that_kept_a_better_price_back_is_the_reason(tmp_path: Path) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="AUTO")
    world.says("cedar", "100.05", order_id)
    world.says("ash", "99.95", order_id)
    world.desk.risk = replace(world.desk.risk, price_collar_bps=4.0)
    world.says("beech", "99.97", order_id)
    world.command("execute", order=order_id, dealer="beech")
    world.fills(order_id)
    page = report(world, tmp_path)
    assert "2.0 bp better; it was kept back by a check (collar): " in page.verdict[1]
    assert "accepting: collar" in {row["Check"] for row in table(page, "Checks that stopped")}


def test_a_kill_switch_that_kept_a_better_price_back_is_the_reason(tmp_path: Path) -> None:
    """It stops acceptances without a word in the order's own events."""
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="AUTO")
    world.says("beech", "99.97", order_id)
    world.command("kill", scope="dealer:ash", on=True, reason="wrong prices")
    world.command("kill", scope="dealer:fir", on=True, reason="not its business")
    world.says("ash", "99.95", order_id)
    world.says("cedar", "99.99", order_id)
    world.fills(order_id)
    world.advance(1)
    world.command("kill", scope="dealer:ash", on=False, reason="right again", role="operator")
    page = report(world, tmp_path)
    assert page.verdict[1] == (
        "beech's 99.97 was NOT the best: ash's 99.95 was 2.0 bp better; "
        "kill switch dealer:ash was on (kim: wrong prices)."
    )
    words = said(page)
    assert "kill switch dealer:ash is on: wrong prices" in words
    assert "dealer:fir" not in words


def test_other_terms_and_an_order_that_ran_out_of_time(tmp_path: Path) -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM, account="HAND")
    world.replace(order_id, "g1", 2 * MM)
    world.advance(DAY_S)
    page = report(world, tmp_path)
    words = said(page)
    assert page.verdict[0].startswith("Not filled: expired")
    assert "the terms are others now: 2,000,000, no limit" in words
    assert "order expired" in words


@pytest.mark.starts("second noon")
def test_every_end_there_is_makes_a_page(tmp_path: Path) -> None:
    """The day before had every way in which an order and an acceptance end."""
    world = scene()
    placed_today = world.order(BOND, "buy", 5 * MM, account="AUTO")
    world.says("ash", "99.95", placed_today)
    path = kept(world, tmp_path)
    orders = [order_id for order_id, _ in world.state.orders.items()]
    assert len(orders) > 5
    for order_id in orders:
        page = reports.of_order(path, order_id, MADE_NS)
        read(html(page))
        assert page.verdict[0]
    read(html(reports.of_period(path, None, None, MADE_NS)))


# --- costs ---------------------------------------------------------------------------------------


def test_what_is_not_due_says_when_it_comes(tmp_path: Path) -> None:
    world, _ = filled()
    page = report(world, tmp_path)
    rows = {row["Figure"]: row for row in table(page, "Each figure") if row["Of"].startswith("fill")}
    assert rows["markout, 30 minutes"]["Value"] == "not yet"
    assert rows["markout, 30 minutes"]["Means, or why it is unknown"] == "comes at 2026-11-23 15:30:00 UTC"
    assert any(
        line.startswith("Not all of its cost is known yet: the last mark comes at 2026-11-24") for line in page.verdict
    )


def test_costs_stand_with_what_their_marks_may_be_off_by(tmp_path: Path) -> None:
    world, order_id = filled()
    for _ in range(20):
        world.advance(30 * 60)
        world.mark(BOND)
    world.advance(2 * DAY_S)
    page = report(world, tmp_path)
    costed = world.desk.costs.of_order(order_id)
    assert costed is not None
    order = next(row for row in table(page, "Each figure") if row["Of"] == "order")
    assert order["Value"] == f"{costed.order.figures['shortfall']:+.1f} bp"
    low, high = (float(each) for each in order["90 % by the marks' error"].split(" to "))
    assert low < costed.order.figures["shortfall"] < high
    arrival = world.the(order_id).arrival
    assert arrival is not None
    assert arrival.sd_bps is not None
    assert high - low == pytest.approx(2 * 1.645 * arrival.sd_bps, abs=0.11)
    cover = next(row for row in table(page, "Each figure") if row["Figure"] == "cover distance")
    assert (cover["Value"], cover["90 % by the marks' error"]) == ("+2.0 bp", "exact")


def test_without_a_mark_nothing_is_made_up(tmp_path: Path) -> None:
    world = scene()
    world.no_price()
    order_id = world.order(BOND, "buy", MM, account="HAND")
    world.command("send", order=order_id)
    world.says("ash", "99.95", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    page = report(world, tmp_path)
    assert "What it cost cannot be told: no mark when the order came." in page.verdict
    assert table(page, "Marks in percent")[0]["Mark"] == "unknown"
    assert table(page, "Who was asked")[0]["Against the mark"] == "no mark"


# --- the record ----------------------------------------------------------------------------------


def test_the_journal_is_not_changed_and_is_named(tmp_path: Path) -> None:
    world, _ = filled()
    path = kept(world, tmp_path)
    before = path.read_bytes()
    page = reports.of_order(path, "1", MADE_NS)
    assert path.read_bytes() == before
    assert page.about[0].startswith("Made 2026-12-01 12:00:00 UTC by rfq-engine")
    assert "journal.db" in page.about[0]
    assert str(tmp_path) not in html(page)
    assert html(page) == html(reports.of_order(path, "1", MADE_NS))


def test_an_order_is_found_by_every_name_it_has(tmp_path: Path) -> None:
    world, order_id = filled()
    path = kept(world, tmp_path)
    titles = {
        reports.of_order(path, name, MADE_NS).title for name in ("1", "o-000001", world.the(order_id).terms.cl_ord_id)
    }
    assert titles == {"Best execution of order O-000001"}
    with pytest.raises(ConfigError, match="no order O-77"):
        reports.of_order(path, "O-77", MADE_NS)


def test_one_order_is_told_as_among_all_others(tmp_path: Path) -> None:
    """What belongs to others is left out, and changes nothing."""
    world, order_id = filled()
    other = world.order(BOND, "buy", 2 * MM, account="PARALLEL", cl_ord_id="other")
    world.says("beech", "99.90", other)
    world.command("execute", order=other)
    world.fills(other, exec_id="E7")
    world.reports_of_nothing("ash")
    with ReadOnly(kept(world, tmp_path)) as file:
        every = retell(file, lambda order: True)
        for each in (order_id, other):
            alone = retell(file, lambda order, each=each: order.order_id == each, each)  # type: ignore[misc]
            assert list(alone.events) == [each]
            assert alone.events[each] == every.events[each]
            assert alone.state.orders[each] == every.state.orders[each] == world.the(each)
            assert alone.state.executions_of(each) == world.state.executions_of(each)
            assert alone.costs.of_order(each) == world.desk.costs.of_order(each)


def test_a_journal_without_its_texts_still_tells(tmp_path: Path) -> None:
    from kept_journal import keep

    world, _ = filled()
    path = tmp_path / "bare.db"
    keep(world.events, path)
    page = reports.of_order(path, "1", MADE_NS)
    assert "is not at hand; it read: " in said(page)
    with ReadOnly(path) as file:
        texts = Texts(file)
    assert (texts.base_currency, texts.dealers) == ("USD", {})
