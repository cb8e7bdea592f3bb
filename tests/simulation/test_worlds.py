"""Scripts by hand: one thing goes wrong, at the worst moment, and everything around it is quiet."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sim_checks import same_again
from sim_engine import CODEC, PHASES
from sim_parties import Dealer
from sim_time import NS
from sim_wire import encode, timestamp
from world import OBEDIENT, QUIET, World

from engine.domain import events as e
from engine.domain.observation import Horizon
from engine.domain.placement import PlacementState
from engine.journal.archive import ReadOnly
from engine.turn.trading import Trading

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
        w.run(15)  # Not long enough for the engine to have asked for a proof of them.
        party = getattr(w, reader)
        assert len(party.reports) == 3
        party.peer.reset()
        w.run(2)  # Before any heartbeat could help.
        assert [(r.copies, r.again) for r in party.reports.values()] == [(2, 1)] * 3
        assert not w.engine.rebinding
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
        w.until(lambda: w.engine.machine.state("alder").next_out > row.seq and not alder.peer.resetting)
        alder.peer.send("3", [(45, row.seq), (373, 99), (58, "your heartbeat")])
        w.run(2)
        [placement] = w.state.placements.values()
        assert placement.unanswered
        finish(w)


@pytest.mark.parametrize("phase", PHASES)
def test_no_number_is_used_twice_across_a_reset_and_a_crash(phase: str) -> None:
    with world().ready() as w:
        w.oms.new_order(**SMALL)
        w.run(15)
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
        w.run(15)
        before = len(w.oms.reports)
        w.oms.reports.clear()
        w.oms.peer.reset()
        w.run(crash_after_s)
        w.kill()
        w.run(20)
        assert len(w.oms.reports) == before
        assert all(report.again for report in w.oms.reports.values())
        finish(w)


@pytest.mark.parametrize("phase", [None, "committed", "partly_released"])
def test_a_long_queue_leaves_in_parts_and_whole_whenever_the_engine_dies(
    phase: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.turn.numbering.BIND_BYTES_MAX", 200)
    with world().ready() as w:
        assert w.drop_copy.peer.link is not None
        w.drop_copy.peer.link.cut()
        for _ in range(5):
            w.oms.new_order(**SMALL)
        w.run(30)
        if phase is not None:
            w.crash(phase, 3)
        w.drop_copy.peer.reset()
        w.run(30)
        finish(w)


def test_messages_behind_a_gap_are_handled_together_however_slow_the_disk_is() -> None:
    """Nothing leaves by it, so the next held message need not wait until the one before it is on disk."""
    with world().ready() as w:
        peer = w.oms.peer
        lost, peer.next_out = peer.next_out, peer.next_out + 1
        filled = encode("4", lost, peer.name, "BUYSIDE", timestamp(w.timeline.utc_ns), [(36, lost + 1), (123, "Y")])
        peer._serve = lambda _: peer.raw(filled)  # type: ignore[method-assign]
        w.disk_s = 1.0
        for _ in range(30):
            w.oms.new_order(**SMALL)
        w.run(5)
        assert w.engine.machine.state("oms").next_in == peer.next_out
        w.disk_s = 0.0
        finish(w)


# --- in doubt ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
def test_an_acceptance_in_doubt_after_a_crash_is_asked_about_and_never_sent_again(phase: str) -> None:
    with world().ready() as w:
        alder = only(w, "alder")
        never_answer(alder)
        w.oms.new_order(**SMALL)
        w.until(lambda: any(each.quotes for rfq in w.state.rfqs.values() for each in rfq.asks))
        w.crash(phase, 2)  # The first turn from here is the end of collection, with the acceptance in it.
        w.run(12)
        w.run(20)
        sent = w.wire.counts.get("D", 0)
        assert sent <= 1
        left = [p for p in w.state.placements.values() if p.state is not PlacementState.withheld]
        assert w.wire.counts.get("H", 0) >= len(left)
        finish(w)


def lost_acceptance(w: World, dealer: str = "alder") -> Dealer:
    """A D that was written and never arrives: the connection breaks under it."""
    chosen = only(w, dealer)
    w.oms.new_order(**SMALL)
    w.until(lambda: any(each.quotes for rfq in w.state.rfqs.values() for each in rfq.asks))
    link = chosen.peer.link
    assert link is not None
    w.until(lambda: w.wire.counts.get("D", 0) == 1)
    link.cut()
    return chosen


def test_an_acceptance_that_was_lost_is_released_by_the_dealers_word_alone() -> None:
    with world().ready() as w:
        alder = lost_acceptance(w)
        w.run(2)
        [placement] = w.state.placements.values()
        assert placement.unanswered
        w.run(20)
        [placement] = w.state.placements.values()
        assert placement.state is PlacementState.undelivered
        assert "filled over" in " ".join(event.evidence for event in w.events(e.PlacementDoubted))
        assert not alder.orders
        assert w.wire.counts["D"] == 1
        finish(w)


def test_a_dealer_that_wants_a_person_asked_is_not_asked_about_what_it_lost() -> None:
    """`undelivered = person`: the quantity stays reserved until somebody says so."""
    with world().ready() as w:
        lost_acceptance(w, "dogwood")
        w.run(30)
        [placement] = w.state.placements.values()
        assert placement.unanswered
        assert placement.person_needed
        assert w.wire.counts.get("H", 0) == 0
        assert any(n.topic == "page" for n in w.notices)
        answer = w.engine.command("send", {"order": "1", "fresh": True})
        w.run(1)
        assert answer.error is not None
        assert "unanswered" in str(answer.error)
        finish(w)
        assert w.forced == {"O-000001"}


def test_nobody_else_is_asked_to_fill_what_is_in_doubt() -> None:
    """Two quotes, the better one accepted and not answered: the second best is not touched, however long it takes."""
    with world().ready() as w:
        for place, dealer in enumerate(w.dealers.values()):
            quote = dealer.quote
            dealer.quote = lambda request, quote=quote, place=place, **_: quote(  # type: ignore[method-assign]
                request, edge=Decimal(place) / 100
            )
            never_answer(dealer)
        w.oms.new_order(**SMALL)
        w.run(40)
        assert w.wire.counts["D"] == 1
        assert len(w.dealers["alder"].orders) == 1
        # Only now that it is refused may the next one be taken.
        w.dealers["alder"].settle(next(iter(w.dealers["alder"].orders.values())), fill=False)
        w.run(5)
        assert w.wire.counts["D"] == 2
        assert len(w.dealers["birch"].orders) == 1
        finish(w)


def test_a_silent_dealer_is_asked_twice_and_then_a_person_is() -> None:
    with world().ready() as w:
        alder = only(w, "alder")
        never_answer(alder)
        alder._on_status = lambda msg: None  # type: ignore[method-assign]
        w.oms.new_order(**SMALL)
        w.run(60)
        assert w.wire.counts["H"] == 2
        [placement] = w.state.placements.values()
        assert placement.person_needed
        doubts = len(w.events(e.PlacementDoubted))
        w.run(60)
        assert len(w.events(e.PlacementDoubted)) == doubts
        finish(w)


def test_doubt_does_not_spin_while_a_long_resend_is_served() -> None:
    """An H waits behind it like anything else: that is no reason to record the same doubt without end."""
    with world().ready() as w:
        alder = only(w, "alder")
        never_answer(alder)
        w.oms.new_order(**SMALL)
        w.until(lambda: len(alder.orders) == 1)
        w.engine.reader._delay_s = lambda: 8.0
        alder.peer._admin("2", [(7, 1), (16, 0)])
        w.run(30)
        assert len(w.events(e.PlacementDoubted)) <= 5
        w.engine.reader._delay_s = lambda: 0.001
        finish(w)


# --- resends -------------------------------------------------------------------------------------------


def test_a_resend_never_fills_over_a_fill() -> None:
    with world().ready() as w:
        for _ in range(3):
            w.oms.new_order(**SMALL)
        w.run(30)
        fills = w.oms.fills()
        assert len(fills) == 3
        again: list[bytes] = []
        w.oms.peer.next_in = 1  # As if nothing had been kept: the engine has to send it all again.
        w.oms.reports.clear()
        receive = w.oms.on_report
        w.oms.on_report = lambda msg: (again.append(msg.raw), receive(msg))[1]  # type: ignore[func-returns-value, method-assign]
        w.oms.peer.probe()
        w.until(lambda: len(w.oms.fills()) == 3)
        assert w.oms.fills() == fills
        assert all(b"\x0143=Y\x01" in raw for raw in again)
        finish(w)


def test_a_resend_waits_for_the_commit_of_what_it_has_to_send() -> None:
    """A request for all there is while the newest is on its way to the disk: the reader would not see it yet."""
    with world().ready() as w:
        w.oms.new_order(**SMALL)
        w.run(0.5)
        w.oms.peer._admin("2", [(7, 1), (16, 0)])
        w.disk_s = 0.05
        w.oms.new_order(**SMALL)
        w.run(0.003)
        w.oms.peer._admin("2", [(7, 2), (16, 0)])
        w.run(30)
        w.disk_s = 0
        finish(w)
        assert len(w.oms.fills()) == 2


@pytest.mark.parametrize("back", ["after the wait", "before the end of the wait", "with the end of the wait"])
def test_an_ask_that_was_lost_is_no_observation(back: str) -> None:
    """Filled over in the resend: what was taken for silence meanwhile is taken back."""
    with world().ready() as w:
        empty = w.engine.trading.desk.stats.dump()
        for dealer in w.dealers.values():
            assert dealer.peer.link is not None
            dealer.peer.link.freeze(3600 * NS)
        w.oms.new_order(**SMALL)
        w.until(lambda: w.wire.counts.get("R", 0) == 4)
        down_s = {"after the wait": 20, "before the end of the wait": 3, "with the end of the wait": 3}[back]
        for dealer in w.dealers.values():
            dealer.peer.down_until_ns = w.timeline.now_ns + down_s * NS
            assert dealer.peer.link is not None
            dealer.peer.link.cut()
        if back == "with the end of the wait":
            w.engine.reader._delay_s = lambda: 6.0  # The resend comes to it only after the wait.
        w.run(60)
        assert not any(dealer.requests for dealer in w.dealers.values())
        assert len(w.events(e.AskWithheld)) == 4
        assert {**w.engine.trading.desk.stats.dump(), "last_day": 0} == {**empty, "last_day": 0}
        w.engine.reader._delay_s = lambda: 0.001
        finish(w)


def test_a_silence_that_was_recorded_is_taken_back() -> None:
    """The connection is up, the wait runs out, and only then it shows that nothing arrived."""
    with world().ready() as w:
        empty = w.engine.trading.desk.stats.dump()
        for dealer in w.dealers.values():
            assert dealer.peer.link is not None
            dealer.peer.link.freeze(3600 * NS)
        w.oms.new_order(**SMALL)
        w.run(12)
        assert len(w.events(e.DealerSilent)) == 4
        for dealer in w.dealers.values():
            assert dealer.peer.link is not None
            dealer.peer.link.cut()
        w.run(30)
        assert [event.silent for event in w.events(e.AskWithheld)] == [True] * 4
        assert {**w.engine.trading.desk.stats.dump(), "last_day": 0} == {**empty, "last_day": 0}
        finish(w)


def test_a_dealer_that_was_not_asked_gives_no_observation() -> None:
    """One after the other: the first one's price is taken, and of the others nothing is learned."""
    with world().ready() as w:
        w.oms.new_order(**{**SMALL, "t38": 1_000_000})
        w.run(30)
        [asked] = {event.dealer for event in w.events(e.DealerAsked)}
        dump = w.engine.trading.desk.stats.dump()
        assert [dealer for dealer, _ in dump["dealers"]] == [asked]
        assert {dealer.split("\x1f")[0] for dealer in str(dump["asked"]).split("'") if dealer in w.dealers} == {asked}
        finish(w)


# --- timers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("down_s", [1.0, 200.0], ids=["down before it is due", "down when it is due"])
def test_the_cost_of_a_trade_is_measured_although_the_engine_died_in_between(down_s: float) -> None:
    with world().ready() as w:
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.oms.fills()))
        w.kill(down_s)
        w.run(down_s + 120)
        [measured] = w.events(e.ReversionMeasured)
        assert measured.reversion_bps is not None
        finish(w)


@pytest.mark.parametrize("down_s", [1.0, 80.0], ids=["down before one is due", "down until it is too late for one"])
def test_marks_follow_a_round_and_its_fill_over_restarts(down_s: float) -> None:
    """Those whose time passed while the engine was down are no observation; the others come at their own times."""
    with world().ready() as w:
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.oms.fills()))
        w.run(30)
        w.kill(down_s)
        w.run(down_s + 100)
        w.kill(1)
        w.run(300)
        rounds, fills = w.events(e.RoundMarked), w.events(e.FillMarked)
        for marked in (rounds, fills):
            assert [each.horizon for each in marked] == [Horizon.minute, Horizon.five_minutes]
            assert [each.mark is not None for each in marked] == [down_s < 30, True]
            assert marked[0].reason == ("" if down_s < 30 else "nobody looked when it was due")
        assert len(w.state.marks_due) == 2
        assert all(len(due.waiting) == 4 for due in w.state.marks_due.values())
        finish(w)


def test_a_request_that_the_dead_engine_had_not_numbered_is_taken_back_of_a_round_that_is_over() -> None:
    """It waited behind a resend, its round ended, and the process did: nobody may be called silent for it."""
    with world().ready() as w:
        w.engine.reader._delay_s = lambda: 60.0
        w.dealers["dogwood"].peer._admin("2", [(7, 1), (16, 1)])
        w.run(0.01)
        order = w.oms.new_order(**SMALL)
        w.until(lambda: len(w.events(e.DealerAsked)) == 4)
        w.oms.cancel(order)
        w.until(lambda: bool(w.events(e.RoundObserved)))
        [seen] = [event.round for event in w.events(e.RoundObserved)]
        assert "dogwood" in [ask.dealer for ask in seen.asks if ask.pending]
        w.kill(1)
        w.run(30)
        gone = [ask.dealer for event in w.events(e.RoundAmended) for ask in event.was if ask not in event.now]
        kept = {ask.dealer for event in w.events(e.RoundAmended) for ask in event.now}
        assert "dogwood" in gone
        assert "dogwood" not in kept
        assert not w.dealers["dogwood"].requests
        finish(w)


@pytest.mark.parametrize("phase", PHASES)
def test_a_round_goes_on_where_the_engine_died(phase: str) -> None:
    """The wait for an answer, and the time to decide, are in the events: a restart loses neither."""
    with world().ready() as w:
        for dealer in w.dealers.values():
            dealer.temper = replace(dealer.temper, silent=1.0)
        w.crash(phase, 2)
        w.oms.new_order(**SMALL)
        w.run(40)
        assert not w.state.open_rfqs()
        assert w.crashes[phase]
        finish(w)


# --- the fold ------------------------------------------------------------------------------------------


def test_replay_reads_no_clock_and_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with World(5) as w:
        w.run(60)
        w.calm()
        w.until(lambda: w.engine.settled)
        live = w.engine.trading

        def refuse(*_: object) -> float:
            raise AssertionError("a fold reads no clock and draws nothing")

        for name in ("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "os.urandom"):
            monkeypatch.setattr(name, refuse)
        monkeypatch.setattr("random.random", refuse)
        with ReadOnly(w.path) as file:
            again = Trading(w.setting.desk())
            for row in file.events():
                again.fold(CODEC.decode(row.type, row.version, row.body))
        monkeypatch.undo()
        assert same_again(live, again)


# --- cancels -------------------------------------------------------------------------------------------


def test_a_cancel_that_was_lost_is_asked_again_while_it_is_wanted() -> None:
    """The dealer has our order and not our F: filled over in the resend, it would wait for ever."""
    with world().ready() as w:
        alder = only(w, "alder")
        never_answer(alder)
        order = w.oms.new_order(**SMALL)
        w.until(lambda: len(alder.orders) == 1)
        w.oms.cancel(order)
        w.until(lambda: w.wire.counts.get("F", 0) == 1)
        assert alder.peer.link is not None
        alder.peer.link.cut()
        w.run(1)
        assert w.oms.orders["C1"].status != "4"
        alder.rng.random = lambda: 0.9  # type: ignore[method-assign]  # It is not too late.
        w.run(30)
        assert w.wire.counts["F"] >= 2
        assert w.oms.orders["C1"].status == "4"
        finish(w)


def test_an_acceptance_that_is_called_back_while_it_waits_behind_a_resend_never_leaves() -> None:
    with world().ready() as w:
        alder = only(w, "alder")
        order = w.oms.new_order(**SMALL)
        w.until(lambda: any(each.quotes for rfq in w.state.rfqs.values() for each in rfq.asks))
        w.engine.reader._delay_s = lambda: 30.0
        alder.peer.send("2", [(7, 1), (16, 0)])
        w.until(lambda: bool(w.engine.machine.links["alder"].waiting))
        w.oms.cancel(order)
        w.run(40)
        w.engine.reader._delay_s = lambda: 0.001
        assert not alder.orders
        assert [each.state for each in w.state.placements.values()] == [PlacementState.withheld]
        assert w.oms.orders["C1"].status == "4"
        finish(w)


# --- fills ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("poss_resend", [False, True], ids=["as if it were new", "with 97=Y"])
def test_a_fill_that_is_repeated_is_booked_once(poss_resend: bool) -> None:
    """Half of the order, twice: there would be room for it."""
    with world().ready() as w:
        alder = only(w, "alder")
        never_answer(alder)
        w.oms.new_order(**SMALL)
        w.until(lambda: len(alder.orders) == 1)
        [order] = alder.orders.values()
        alder.fill(order, order.quantity / 2)
        [report] = order.reports
        alder.peer.send("8", report, poss_resend=poss_resend)
        w.run(2)
        assert len(w.events(e.FillBooked)) == len(w.events(e.FillRepeated)) == 1
        assert not w.events(e.FillQuarantined)
        assert w.state.orders["O-000001"].filled == order.quantity / 2
        finish(w)


def test_the_same_fill_at_another_price_is_kept_for_a_person() -> None:
    with world().ready() as w:
        alder = only(w, "alder")
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.oms.fills()))
        [order] = alder.orders.values()
        [report] = order.reports
        alder.lies.add(order.executions[0])
        alder.peer.send("8", [(tag, order.price - 1 if tag == 31 else value) for tag, value in report])
        w.run(2)
        assert len(w.events(e.FillBooked)) == len(w.events(e.FillQuarantined)) == 1
        assert len(w.oms.fills()) == 1
        assert any(n.topic == "page" for n in w.notices)
        finish(w)
