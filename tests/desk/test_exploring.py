"""Draws at the desk: one an order and round, kept with the order, shown as it was drawn, the same on replay."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from desk_builder import DeskWorld, seeded_desk
from desk_past import HIGH_YIELD, LIQUID, MUNICIPAL

from engine.desk.fields import catalogue
from engine.domain import events as e
from engine.domain.recommendation import Selection
from engine.journal.events import events_codec
from engine.rules.program import compile_book
from engine.rules.source import Source
from engine.selection.request import Exploring, Parameters

MM: Final = 1_000_000
RULES: Final = """
protect "municipal" when asset_class == municipal  at most 3 dealers
rule "never" when side == sell  ask top 3  explore never
rule "others" when true  ask top 3
"""
MODEL: Final = 'rule "sequence" when true  rank by model  ask best sequence of at most 3'
ALWAYS: Final = Exploring(epsilon=1.0, epsilon_untried=1.0, epsilon_drop=0.0, quantity_max=Decimal(5 * MM))


def world(exploring: Exploring = ALWAYS) -> DeskWorld:
    found = seeded_desk(book=compile_book([Source("exploring.rules", RULES)], catalogue()))
    found.desk.parameters = Parameters(exploring=exploring)
    return found


def selection(found: DeskWorld, order_id: str) -> Selection:
    made = found.state.recommendations[order_id].selection
    assert made is not None
    return made


def test_an_order_gets_one_draw_and_keeps_it() -> None:
    """Shown again, sent anew or after a while: the dealer that was drawn is the one that is asked."""
    found = world()
    order_id = found.order(LIQUID, "buy", 2 * MM)
    made = selection(found, order_id)
    assert made.explored
    assert made.explored not in made.base
    assert made.replaced in made.base
    assert 0.0 < made.panel_p < 1.0
    shown = found.command("recommend", order=order_id)
    assert (shown["plan"]["dealers"], shown["explored"]) == (list(made.asked), made.explored)
    found.advance(5)
    found.command("send", order=order_id, fresh=True)
    again = selection(found, order_id)
    assert (again.asked, again.draw) == (made.asked, made.draw)
    rfq = found.state.rfqs[found.state.orders[order_id].rfq_id]
    assert [ask.dealer for ask in rfq.asks] == list(made.asked)


def test_another_round_and_another_order_draw_for_themselves() -> None:
    found = world()
    first, second = (found.order(LIQUID, "buy", 2 * MM) for _ in range(2))
    assert selection(found, first).draw != selection(found, second).draw
    before = selection(found, first).draw
    found.command("send", order=first, fresh=False)
    found.advance(200)
    found.command("send", order=first, fresh=True)
    now = selection(found, first)
    assert (now.round, now.draw != before) == (2, True)


def test_looking_draws_nothing() -> None:
    found = world()
    for _ in range(5):
        shown = found.command(
            "recommend", security=LIQUID.security_id, side="buy", quantity="2mm", assume_connected=False
        )
        assert (shown["explored"], shown["panel_p"]) == (None, 0.0)


def test_never_under_a_protection_nor_over_a_size_nor_against_the_rule() -> None:
    found = world()
    held = [
        found.order(MUNICIPAL, "buy", 3 * MM),
        found.order(HIGH_YIELD, "buy", 6 * MM),
        found.order(LIQUID, "sell", 2 * MM),
    ]
    for order_id in held:
        made = selection(found, order_id)
        assert (made.explored, made.dropped, made.draw, made.panel_p) == ("", "", None, 1.0)


def test_what_was_drawn_is_read_back_as_it_was() -> None:
    """From the journal, by the classic score and by the model with all its columns."""
    found = world()
    codec = events_codec()
    for order_id in (found.order(LIQUID, "buy", 2 * MM), found.order(LIQUID, "buy", 1 * MM)):
        assert selection(found, order_id).explored
    found.desk.book = compile_book([Source("model.rules", MODEL)], catalogue())
    order_id = found.order(LIQUID, "sell", 2 * MM)
    assert selection(found, order_id).expected is not None
    assert found.state.recommendations[order_id].plan is not None
    events = [each for each in found.events if isinstance(each, e.OrderRecommended)]
    assert len(events) == 3
    for event in events:
        assert codec.decode(*codec.encode(event)) == event
