"""What the desk learns of a dealer from a round: each observation once, and none from what the dealer never had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from desk_past import DEALERS
from desk_scene import BOND, MM, Scene, placed, scene
from desk_start import start

from engine.clock import NS_PER_S
from engine.desk import decide
from engine.desk.classic_lessons import observe
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.rfq import AskState, QuoteKind

COUNTS = ("asks", "answers", "quotes", "declines", "silences", "trades", "rejects")
NOTHING = dict.fromkeys(COUNTS, 0)


def known(world: Scene, dealer: str) -> dict[str, int]:
    metrics = world.desk.stats.metrics(dealer, "*", 90, world.now.utc_ns)
    return {name: getattr(metrics, name) for name in COUNTS}


def counts(**some: int) -> dict[str, int]:
    return {**NOTHING, **some}


def latency(world: Scene, dealer: str) -> float | None:
    return world.desk.stats.metrics(dealer, "*", 90, world.now.utc_ns).response_s


def asking(account: str = "PARALLEL", **desk: Any) -> tuple[Scene, str]:
    world = scene(**desk)
    return world, world.order(BOND, "buy", MM, account=account)


def test_a_round_teaches_of_each_dealer_what_it_did() -> None:
    world, order_id = asking()
    world.advance(4)
    world.says("ash", "100.1", order_id)
    world.declines("beech", order_id)
    world.advance(56)
    assert known(world, "ash") == counts(asks=1, answers=1, quotes=1)
    assert known(world, "beech") == counts(asks=1, declines=1)
    assert known(world, "cedar") == counts(asks=1, silences=1)
    assert known(world, "fir") == NOTHING
    assert latency(world, "ash") == 4.0
    assert latency(world, "beech") is None
    assert latency(world, "cedar") == 60.0, "known only to exceed its wait: it counts with the wait"


def test_nobody_learns_of_dealers_that_a_search_never_came_to() -> None:
    world, order_id = asking("WHISPER")
    world.says("ash", "100.1", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    world.advance(600)
    assert known(world, "ash") == counts(asks=1, answers=1, quotes=1, trades=1)
    assert known(world, "beech") == known(world, "cedar") == NOTHING


def test_a_blocked_request_is_none() -> None:
    world = scene()
    order_id = world.order(BOND, "buy", MM)
    world.drop("beech")
    world.command("override", order=order_id, dealers=["ash", "beech"], reason="test")
    assert (known(world, "ash"), known(world, "beech")) == (counts(asks=1), NOTHING)


def test_a_request_withheld_at_release_is_none() -> None:
    world, order_id = asking()
    world.withhold(world.ask(order_id, "ash").outbox_id)
    world.advance(60)
    assert known(world, "ash") == NOTHING
    assert world.desk.stats.last_asked("ash") is None
    assert known(world, "beech") == counts(asks=1, silences=1)


def test_a_request_that_a_resend_filled_over_is_none() -> None:
    world, order_id = asking()
    world.fill_over(world.ask(order_id, "ash").outbox_id)
    assert world.ask(order_id, "ash").state is AskState.not_delivered
    assert known(world, "ash") == NOTHING


def test_silence_is_taken_back_when_the_request_turns_out_not_to_have_arrived() -> None:
    world, order_id = asking()
    world.advance(60)
    assert known(world, "ash") == counts(asks=1, silences=1)
    world.fill_over(world.ask(order_id, "ash").outbox_id)
    assert (known(world, "ash"), latency(world, "ash")) == (NOTHING, None)


def test_silence_over_a_session_that_is_down_is_none() -> None:
    world, order_id = asking()
    world.drop("ash")
    world.advance(60)
    assert known(world, "ash") == NOTHING
    assert world.ask(order_id, "ash").state is AskState.not_delivered


def test_silence_is_counted_once() -> None:
    world, order_id = asking()
    world.advance(60)
    world.command("send", order=order_id)
    world.advance(60)
    assert known(world, "ash") == counts(asks=2, silences=2), "once a request"


def test_a_late_answer_is_recorded_and_teaches_nothing() -> None:
    world, order_id = asking("SPACED")
    world.advance(61)
    assert world.ask(order_id, "ash").state is AskState.silent
    world.says("ash", "99", order_id)
    assert world.recorded(e.QuoteReceived)[-1].late
    assert known(world, "ash") == counts(asks=1, silences=1)


def test_an_answer_after_its_wait_is_late_also_if_nobody_looked_in_between() -> None:
    """The timer may be a moment late: what counts is the time, not who was faster."""
    world, order_id = asking("SPACED")
    world.advance(30)
    world._at(start().utc_ns + 60 * NS_PER_S)
    world.says("ash", "99", order_id)
    assert known(world, "ash") == counts(asks=1, silences=1)
    assert world.recorded(e.QuoteReceived)[-1].late
    world.advance(6)
    world._at(start().utc_ns + 70 * NS_PER_S)
    world.declines("cedar", order_id)
    assert known(world, "cedar") == counts(asks=1, silences=1)


def test_an_answer_in_its_time_counts_although_somebody_was_faster() -> None:
    world, order_id = asking()
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.says("beech", "100.1", order_id)
    world.fills(order_id)
    world.advance(20)
    world.says("cedar", "100.2", order_id)
    assert known(world, "beech") == known(world, "cedar") == counts(asks=1, answers=1, quotes=1)
    assert latency(world, "cedar") == 20.0


@pytest.mark.parametrize("same_id", [True, False])
def test_an_update_is_no_second_answer(same_id: bool) -> None:
    world, order_id = asking()
    world.advance(2)
    world.says("ash", "100.2", order_id, quote_id="a1")
    world.advance(2)
    world.says("ash", "100.1", order_id, quote_id="a1" if same_id else "a2")
    world.says("ash", "100.0", order_id, quote_id="a1" if same_id else "a3")
    assert known(world, "ash") == counts(asks=1, answers=1, quotes=1)
    assert latency(world, "ash") == 2.0


def test_the_first_price_counts_not_the_first_message() -> None:
    world, order_id = asking()
    world.says("ash", None, order_id)
    assert known(world, "ash") == counts(asks=1)
    world.advance(3)
    world.says("ash", "100", order_id)
    assert known(world, "ash") == counts(asks=1, answers=1, quotes=1)
    assert latency(world, "ash") == 3.0


def test_an_indicative_price_is_an_answer_and_no_quote() -> None:
    world, order_id = asking()
    world.says("ash", "100", order_id, kind=QuoteKind.indicative)
    assert known(world, "ash") == counts(asks=1, answers=1)
    assert latency(world, "ash") is None


def test_a_firm_price_after_an_indicative_one_is_the_quote() -> None:
    """Once, also under the same QuoteID(117): the answer came at once, the firm price after three seconds."""
    world, order_id = asking()
    world.says("ash", "100", order_id, quote_id="a1", kind=QuoteKind.indicative)
    world.advance(3)
    world.says("ash", "100.1", order_id, quote_id="a1")
    world.says("ash", "100", order_id, quote_id="a2")
    world.says("ash", "100", order_id, quote_id="a1", kind=QuoteKind.indicative)
    world.says("ash", "100", order_id, quote_id="a1")
    assert known(world, "ash") == counts(asks=1, answers=1, quotes=1)
    assert latency(world, "ash") == 3.0


def test_a_price_after_a_pass_is_an_answer() -> None:
    world, order_id = asking()
    world.declines("ash", order_id)
    world.says("ash", "100", order_id)
    assert known(world, "ash") == counts(asks=1, declines=1, answers=1, quotes=1)


def test_whoever_passes_after_a_price_withdraws_it() -> None:
    """AG, or AI with QuoteStatus(297)=11, under a request that was quoted: the price does not stand any more."""
    world, order_id = asking()
    world.says("ash", "99.9", order_id)
    world.declines("ash", order_id)
    assert world.ask(order_id, "ash").quotes[0].withdrawn
    assert known(world, "ash") == counts(asks=1, answers=1, quotes=1)


def test_a_withdrawal_before_any_price_is_a_decline() -> None:
    world, order_id = asking("WHISPER")
    world.withdraws("ash", order_id)
    assert world.ask(order_id, "ash").state is AskState.declined
    assert known(world, "ash") == counts(asks=1, declines=1)
    assert world.asked() == ["ash", "beech"]


def test_a_withdrawal_of_something_else_is_kept_and_changes_nothing() -> None:
    world, order_id = asking()
    world.says("ash", "100", order_id)
    world.withdraws("ash", order_id, "never")
    assert not world.ask(order_id, "ash").quotes[0].withdrawn
    assert world.recorded(e.StrayMessage)[-1].kind == "QuoteCancel"


def test_a_refusal_of_the_request_by_the_dealers_engine_is_a_decline() -> None:
    world, order_id = asking()
    draft = world.draft()
    decide.refused(draft, "ash", m.RefusedByPeer(5, "R", "", "no"), world.ask(order_id, "ash").outbox_id)
    world.keep(draft)
    assert world.ask(order_id, "ash").note == "refused by the dealer's engine: no"
    assert known(world, "ash") == counts(asks=1, declines=1)


def test_a_trade_counts_once_however_many_parts() -> None:
    world, order_id = placed()
    world.fills(order_id, 400_000)
    world.fills(order_id, 600_000)
    assert known(world, "ash") == counts(asks=1, answers=1, quotes=1, trades=1)
    metrics = world.desk.stats.metrics("ash", "*", 90, world.now.utc_ns)
    assert metrics.price_improvement_bps == pytest.approx(5.0), "0.05 better than the arrival mark of 100"


def test_without_an_arrival_mark_there_is_no_improvement() -> None:
    world = scene()
    world.no_price()
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100", order_id)
    world.command("execute", order=order_id)
    world.fills(order_id)
    metrics = world.desk.stats.metrics("ash", "*", 90, world.now.utc_ns)
    assert (metrics.trades, metrics.price_improvement_bps, metrics.edge_bps) == (1, None, None)


def test_last_look_is_a_refusal_of_a_live_quote() -> None:
    world, order_id = placed()
    world.rejects(order_id)
    assert known(world, "ash") == counts(asks=1, answers=1, quotes=1, rejects=1)
    assert world.desk.stats.metrics("ash", "*", 90, world.now.utc_ns).firmness == 0.0


@pytest.mark.parametrize(
    "no",
    [
        pytest.param(
            lambda world, order_id: world.answers_status(order_id, "8", unknown_order=True), id="never arrived"
        ),
        pytest.param(
            lambda world, order_id: world.command("order__force_state", role="operator", order=order_id, reason="r"),
            id="released by a person",
        ),
        pytest.param(lambda world, order_id: world.withhold(world.placement(order_id).outbox_id), id="never left"),
        pytest.param(
            lambda world, order_id: (world.cancel(order_id), world.reports_of(order_id, m.DealerWord.canceled)),
            id="we called it back",
        ),
    ],
)
def test_what_is_no_refusal(no: Any) -> None:
    world, order_id = placed()
    no(world, order_id)
    assert known(world, "ash") == counts(asks=1, answers=1, quotes=1)


def test_the_segment_of_an_observation_is_the_orders() -> None:
    world, order_id = asking()
    world.says("ash", "100", order_id)
    segment = world.the(order_id).facts.segment
    assert segment == "corporate|AAA-A|3-7y|500k-2mm|buy"
    assert world.desk.stats.metrics("ash", segment, 90, world.now.utc_ns).quotes == 1
    assert world.desk.stats.metrics("ash", "municipal", 90, world.now.utc_ns).quotes == 0
    assert world.desk.stats.quoted_issuer("ash", BOND.issuer, 180, world.now.utc_ns)
    assert not world.desk.stats.quoted_issuer("beech", BOND.issuer, 180, world.now.utc_ns)


def test_a_quote_from_another_session_is_none_of_the_dealers() -> None:
    world, order_id = asking()
    request = world.ask(order_id, "ash").quote_req_id
    answer = m.QuoteAnswer(request, "q", BOND.security_id, QuoteKind.tradeable, None, None, None, None, None)
    world.hear("beech", answer)
    world.hear("ash", replace(answer, quote_req_id="never"))
    assert [event.kind for event in world.recorded(e.StrayMessage)] == ["Quote", "Quote"]
    assert known(world, "ash") == counts(asks=1)


def test_quotes_beyond_the_bound_are_refused_visibly_and_what_is_known_may_change() -> None:
    world = scene()
    world.desk.clocks = replace(world.desk.clocks, quotes_per_rfq_max=2)
    order_id = world.order(BOND, "buy", MM, account="PARALLEL")
    world.says("ash", "100.1", order_id, quote_id="a1")
    world.says("ash", "100.2", order_id, quote_id="a2")
    world.says("beech", "99", order_id, quote_id="b1")
    assert world.ask(order_id, "beech").quotes == ()
    assert "rfq.quotes_per_rfq_max is reached" in world.recorded(e.StrayMessage)[-1].text
    world.says("ash", "100.4", order_id, quote_id="a2")
    latest = world.ask(order_id, "ash").last_quote
    assert latest is not None
    assert str(latest.price) == "100.4"


def test_stats_are_the_fold_of_the_events() -> None:
    """What was learned live is learned again from the record."""
    world, order_id = placed("AUTO")
    world.rejects(order_id)
    world.fills(order_id, 400_000)
    world.reports_of(order_id, m.DealerWord.canceled)
    world.advance(4_000)
    again = scene(dealers=DEALERS)
    for event in world.events:
        draft = again.draft()
        draft.record(event)
        again.keep(draft)
    assert again.desk.stats.fold_digest() == world.desk.stats.fold_digest()
    assert again.state.digest() == world.state.digest()
    observe(again.desk.stats, again.state, world.recorded(e.DealerAsked)[0])
    assert again.desk.stats.fold_digest() != world.desk.stats.fold_digest()
