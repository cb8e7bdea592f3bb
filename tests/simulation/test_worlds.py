"""Scripts by hand: one thing goes wrong, at the worst moment, and everything around it is quiet."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sim_engine import PHASES
from sim_parties import Dealer
from world import OBEDIENT, QUIET, World

SMALL = {"t38": 100_000, "t40": "1", "t44": None, "t59": "0"}
"""An order that goes to all dealers and is executed by the rule."""


def world(seed: int = 1) -> World:
    return World(seed, QUIET, OBEDIENT)


def only(w: World, dealer: str, edge: str = "0") -> Dealer:
    """Let one dealer quote and the others say nothing."""
    for each in w.dealers.values():
        each.temper = replace(each.temper, silent=1.0)
    chosen = w.dealers[dealer]
    chosen.temper = OBEDIENT
    quote = chosen.quote
    chosen.quote = lambda request, **_: quote(request, edge=Decimal(edge))  # type: ignore[method-assign]
    return chosen


def never_answer(dealer: Dealer) -> None:
    """It keeps an order for itself until it is asked."""
    dealer.temper = replace(dealer.temper, stall=1.0, acknowledge=0.0)


def finish(w: World) -> None:
    w.calm()
    w.reckon()


# --- numbers and epochs --------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", ["oms", "drop_copy"])
def test_a_live_reset_repeats_what_is_unconfirmed_at_once(reader: str) -> None:
    with world().ready() as w:
        w.oms.new_order(**SMALL)
        w.run(20)
        party = getattr(w, reader)
        assert len(party.reports) == 3
        party.peer.reset()
        w.run(2)  # Before any heartbeat could help.
        assert [(r.copies, r.again) for r in party.reports.values()] == [(2, 1)] * 3
        assert not w.engine.machine.rebinding
        finish(w)


def test_a_number_of_a_new_epoch_is_not_taken_for_that_of_an_old_one() -> None:
    """A Reject(3) of a heartbeat is not the refusal of the D that had this number before the reset."""
    with world().ready() as w:
        alder = only(w, "alder")
        never_answer(alder)
        w.oms.new_order(**SMALL)
        w.until(lambda: len(alder.orders) == 1)
        row = next(row for row in w.record.sent.values() if row.data is not None and b"\x0135=D\x01" in row.data)
        alder.peer.reset()
        w.until(lambda: w.engine.machine.sessions["alder"].next_out > row.seq and not alder.peer.resetting)
        alder.peer.send("3", [(45, row.seq), (373, 99), (58, "your heartbeat")])
        w.run(2)
        [placement] = w.state.placements.values()
        assert placement.unanswered
        finish(w)


@pytest.mark.parametrize("phase", PHASES)
def test_no_number_is_used_twice_across_a_reset_and_a_crash(phase: str) -> None:
    with world().ready() as w:
        w.oms.new_order(**SMALL)
        w.run(20)
        w.crash(phase)
        w.oms.peer.reset()
        w.run(10)
        w.drop_copy.peer.reset()
        w.crash(phase, 2)
        w.run(10)
        finish(w)
        assert w.crashes[phase] == 2


@pytest.mark.parametrize("crash_after_s", [0.001, 0.004, 0.0055, 0.007, 0.01, 0.02])
def test_reports_unconfirmed_at_a_reset_come_again_whenever_the_engine_dies_over_it(crash_after_s: float) -> None:
    """They are bound again from the store: neither the reset nor the binding may be the last that is known of them."""
    with world().ready() as w:
        w.oms.new_order(**SMALL)
        w.run(20)
        before = len(w.oms.reports)
        w.oms.reports.clear()
        w.oms.peer.reset()
        w.run(crash_after_s)
        w.kill()
        w.run(20)
        assert len(w.oms.reports) == before
        assert all(report.again for report in w.oms.reports.values())
        finish(w)
