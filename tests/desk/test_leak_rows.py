"""Which windows rounds and marks come to, where they end, and what is no observation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from statistics import NormalDist
from typing import Any

import pytest

from engine.clock import NS_PER_S
from engine.dealers.leak import LeakParameters, LeakRow
from engine.desk.leak_rows import LeakRounds
from engine.domain import events as e
from engine.domain.observation import (
    Answer,
    AskSeen,
    BondSeen,
    Horizon,
    MarkAfter,
    Protocol,
    RoundSeen,
    RoundTold,
    Taken,
)
from engine.domain.order import MarkUsed, Side

S, MINUTE = NS_PER_S, 60 * NS_PER_S
T = 1_800_000_000 * S
SEGMENT = "corporate|HY|3-7y|5mm-10mm|buy"
BOND, SISTER = BondSeen("XS1", "ACME", "corporate"), BondSeen("XS2", "ACME", "corporate")
MM = Decimal(1_000_000)


def mark(price: str, age_s: float = 0, sd_bps: float | None = 2.0) -> MarkUsed:
    return MarkUsed(Decimal(price), "composite", int(age_s * S), "firm", sd_bps)


def ask(dealer: str, at_s: float, price: str | None = "100", **fields: Any) -> AskSeen:
    sent = mark(price) if price is not None else None
    return AskSeen(dealer, 1, T + int(at_s * S), None, Answer.quote, mark_sent=sent, **fields)


def seen(
    rfq_id: str, asks: Sequence[AskSeen], decided_s: float, decision: str | None = "100.05", **fields: Any
) -> RoundSeen:
    given: dict[str, Any] = {
        "source": "",
        "rfq_id": rfq_id,
        "round": 1,
        "parent_id": f"O-{rfq_id}",
        "sent_ns": asks[0].sent_ns,
        "closed_ns": T + int(decided_s * S),
        "bond": BOND,
        "segment": SEGMENT,
        "side": Side.buy,
        "quantity": 5 * MM,
        "residual": None,
        "protocol": Protocol.parallel,
        "n_asked": len(asks),
        "asks": tuple(asks),
        "decided_ns": T + int(decided_s * S),
        "mark_decision": mark(decision) if decision is not None else None,
        **fields,
    }
    return RoundSeen(**given)


def marked(
    rfq_id: str, horizon: Horizon, at_s: float, price: str | None, index: Decimal | None = None
) -> e.RoundMarked:
    at_ns = T + int(at_s * S)
    return e.RoundMarked(at_ns, rfq_id, horizon, at_ns, mark(price) if price is not None else None, index, "")


def observed(round_seen: RoundSeen) -> e.RoundObserved:
    return e.RoundObserved(round_seen.closed_ns, round_seen)


def rows(*events: e.Event, **parameters: Any) -> tuple[list[LeakRow], list[LeakRow]]:
    rounds = LeakRounds()
    for event in events:
        rounds.fold(event)
    return rounds.rows(LeakParameters(**parameters))


THREE = [ask("alder", 0), ask("birch", 0), ask("cedar", 0, taken=Taken.filled, filled=2 * MM)]


def test_a_round_has_a_window_until_the_decision_and_one_after_it() -> None:
    told = seen("R1", THREE, 60, adv=10 * MM, volatility_bps=45.0)
    [row], [post] = rows(observed(told), marked("R1", Horizon.half_hour, 1_860, "100.25"))
    assert row.asked == post.asked == ("alder", "birch", "cedar")
    assert (row.at_ns, post.at_ns) == (T, T + MINUTE)
    assert row.drift_bps == pytest.approx(5.0)
    assert post.drift_bps == pytest.approx(20 / 1.0005)
    # 4 + 4 of the marks, and a minute or half an hour out of seven and a half.
    assert row.variance_bps2 == pytest.approx(8 + 45**2 / 450)
    assert post.variance_bps2 == pytest.approx(8 + 45**2 / 15)
    assert (row.segment, row.sign, row.n_asked, row.parent_id) == ("corporate|HY|3-7y", 1, 3, "|O-R1")
    assert (row.size_to_adv, row.volatility_bps) == (0.5, 45.0)
    # What traded is a cause of what came after it alone.
    assert (row.traded, row.winners) == (0.0, ())
    assert (post.traded, post.winners) == (0.4, ("cedar",))


@pytest.mark.parametrize(
    ("apart_bps", "trades"),
    [pytest.param(0.3, 10_500, id=".3 bp"), pytest.param(1.0, 940, id="1 bp"), pytest.param(2.0, 240, id="2 bp")],
)
def test_how_many_windows_a_leak_takes(apart_bps: float, trades: int) -> None:
    """Of each of two dealers, to tell them apart in four cases of five, wrongly in one of twenty."""
    # Source: DOMAIN 3.2, 4: a bond of 30 bps a day moves by 7.75 in half an hour; marks are taken to be exact.
    exact = {"mark_decision": mark("100.05", sd_bps=0.0), "volatility_bps": 30.0}
    later = replace(marked("R1", Horizon.half_hour, 1_860, "100.25"), mark=mark("100.25", sd_bps=0.0))
    _, [post] = rows(observed(replace(seen("R1", THREE, 60), **exact)), later)
    assert math.sqrt(post.variance_bps2) == pytest.approx(7.75, abs=0.01)
    needed = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
    assert 2 * post.variance_bps2 * (needed / apart_bps) ** 2 == pytest.approx(trades, rel=0.02)


def test_a_sell_is_hurt_by_a_fall_and_the_benchmark_is_taken_out() -> None:
    asks = [replace(each, index_sent=Decimal(200)) for each in THREE]
    told = seen("R1", asks, 60, "99.90", side=Side.sell, index_decision=Decimal("199.9"))
    [row], _ = rows(observed(told))
    assert row.drift_bps == pytest.approx(10 - 5)
    [unhedged], _ = rows(observed(replace(told, index_decision=None)))
    assert unhedged.drift_bps == pytest.approx(10)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"mark_decision": None}, id="no mark at the decision"),
        pytest.param({"mark_decision": mark("100.05", age_s=60)}, id="the mark is from before the ask"),
        pytest.param({"asks": tuple(ask(each.dealer, 0, None) for each in THREE)}, id="no mark at the ask"),
        pytest.param({"decided_ns": T}, id="decided as it was asked"),
        pytest.param({"asks": (), "n_asked": 3}, id="nobody known by name"),
    ],
)
def test_without_two_marks_of_its_own_there_is_no_window(change: dict[str, Any]) -> None:
    leak_in, _ = rows(observed(replace(seen("R1", THREE, 60), **change)))
    assert leak_in == []


def test_without_a_mark_at_the_horizon_there_is_none_after_the_decision() -> None:
    told = observed(seen("R1", THREE, 60))
    assert rows(told)[1] == []
    assert rows(told, marked("R1", Horizon.half_hour, 1_860, None))[1] == []
    assert rows(told, marked("R1", Horizon.hour, 3_660, "100"))[1] == []
    assert len(rows(told, marked("R1", Horizon.hour, 3_660, "100"), horizon=Horizon.hour)[1]) == 1


def test_marks_of_which_no_error_is_known_count_for_less() -> None:
    told = seen("R1", THREE, 60)
    [row], _ = rows(observed(replace(told, mark_decision=mark("100.05", sd_bps=None))))
    assert row.variance_bps2 == pytest.approx(4 + 25 + 30**2 / 450)


def test_whoever_is_asked_later_is_in_a_later_window() -> None:
    asks = [ask("alder", 0), ask("birch", 0.4), ask("cedar", 30, "100.02"), ask("doyle", 60, "100.03")]
    told = seen("R1", asks, 90, "100.07", protocol=Protocol.sequence)
    leak_in, [post] = rows(observed(told), marked("R1", Horizon.half_hour, 1_890, "100.07"))
    assert [each.asked for each in leak_in] == [("alder", "birch"), ("cedar",), ("doyle",)]
    assert [each.n_asked for each in leak_in] == [2, 1, 1]
    assert [each.drift_bps for each in leak_in] == pytest.approx([2.0, 1 / 1.0002, 4 / 1.0003])
    assert post.asked == ("alder", "birch", "cedar", "doyle")


def test_the_next_ask_in_the_bond_ends_a_window() -> None:
    first = observed(seen("R1", THREE, 60))
    second = observed(seen("R2", [ask("doyle", 660, "100.15")], 720, "100.15"))
    marks = (marked("R1", Horizon.five_minutes, 360, "100.10"), marked("R1", Horizon.half_hour, 1_860, "100.55"))
    _, post = rows(first, second, *marks)
    assert post[0].drift_bps == pytest.approx(10 / 1.0005)
    assert post[0].variance_bps2 == pytest.approx(8 + 30**2 * 600 / 27_000)


def test_the_next_ask_in_another_bond_of_the_issuer_ends_it_at_the_mark_before() -> None:
    first = observed(seen("R1", THREE, 60))
    marks = (marked("R1", Horizon.five_minutes, 360, "100.10"), marked("R1", Horizon.half_hour, 1_860, "100.55"))
    late = observed(seen("R2", [ask("doyle", 660)], 720, bond=SISTER))
    assert [each.drift_bps for each in rows(first, late, *marks)[1]] == pytest.approx([5 / 1.0005])
    # So soon that nobody looked in between.
    soon = observed(seen("R2", [ask("doyle", 90)], 720, bond=SISTER))
    assert rows(first, soon, *marks)[1] == []
    other = observed(seen("R2", [ask("doyle", 90)], 720, bond=BondSeen("XS9", "OTHER", "corporate")))
    assert [each.drift_bps for each in rows(first, other, *marks)[1]] == pytest.approx([50 / 1.0005])


def test_an_ask_before_the_decision_ends_the_window_before_it() -> None:
    first = observed(seen("R1", THREE, 60, "100.50"))
    [row, _], _ = rows(first, observed(seen("R2", [ask("doyle", 20, "100.01")], 90)))
    assert row.drift_bps == pytest.approx(1.0)
    sister = observed(seen("R2", [ask("doyle", 20)], 90, bond=SISTER))
    assert [each.asked for each in rows(first, sister)[0]] == [("doyle",)]


def test_a_mark_from_before_another_ask_in_the_issuer_begins_no_window() -> None:
    """What that round has leaked since would be laid on whoever is asked next."""
    first = observed(seen("R1", [ask("doyle", -300)], -240, "100", bond=SISTER))
    for age_s, windows in ((299, 1), (301, 0)):
        asks = [replace(each, mark_sent=mark("100", age_s)) for each in THREE]
        second = seen("R2", asks, 60, mark_decision=mark("100.05", age_s + 60))
        # The mark at the decision, made after the ask, is a window's end, and no longer that old as a beginning.
        fresh = replace(second, mark_decision=mark("100.05", 30))
        after = marked("R2", Horizon.half_hour, 1_860, "100.25")
        assert len([each for each in rows(first, observed(fresh))[0] if each.at_ns == T]) == windows
        assert len(rows(first, observed(fresh), after)[1]) == 1
        assert len(rows(first, observed(second), after)[1]) == windows


def test_a_mark_from_before_its_own_ask_begins_the_window_after_the_decision() -> None:
    """Then what is seen is what came of the ask altogether."""
    told = seen("R1", THREE, 60, mark_decision=mark("100", age_s=600))
    assert len(rows(observed(told), marked("R1", Horizon.half_hour, 1_860, "100.25"))[1]) == 1


def test_rounds_begun_together_in_one_issuer_are_told_apart_by_nobody() -> None:
    first, second = seen("R1", THREE, 60), seen("R2", [ask("doyle", 0.3)], 60, bond=SISTER)
    marks = (marked("R1", Horizon.half_hour, 1_860, "100"), marked("R2", Horizon.half_hour, 1_860, "100"))
    assert rows(observed(first), observed(second), *marks) == ([], [])


def test_a_request_that_never_arrived_is_taken_out_and_a_late_fill_taken_in() -> None:
    told = seen("R1", THREE, 60)
    gone = e.RoundAmended(T + 2 * MINUTE, "R1", 1, (THREE[0],), (), MM, "gap filled")
    filled = replace(THREE[1], taken=Taken.filled, filled=MM)
    booked = e.RoundAmended(T + 3 * MINUTE, "R1", 1, (THREE[1],), (filled,), MM, "filled")
    [row], [post] = rows(observed(told), gone, booked, marked("R1", Horizon.half_hour, 1_860, "100"))
    assert row.asked == ("birch", "cedar")
    assert row.n_asked == 2
    assert (post.traded, post.winners) == (0.6, ("birch", "cedar"))


def test_a_round_may_be_marked_before_it_is_over() -> None:
    told = observed(seen("R1", THREE, 60))
    mark_of_it = marked("R1", Horizon.half_hour, 1_860, "100")
    assert rows(mark_of_it, told) == rows(told, mark_of_it)


def test_rounds_of_other_systems_count_as_ours_do() -> None:
    """Whom the file does not name was asked all the same; an RFQ's rounds have marks each of its own."""
    told = [
        RoundTold(
            seen("R1", [ask("alder", at_s)], at_s + 60, source="other", round=number, n_asked=4),
            (MarkAfter(Horizon.half_hour, mark(price)), MarkAfter(Horizon.next_day, mark("90"))),
        )
        for number, at_s, price in ((1, 0, "100.15"), (2, 7_200, "100.25"))
    ]
    leak_in, leak_post = rows(e.HistoryAdded(T, tuple(told), "file", "ann"))
    assert [each.n_asked for each in leak_in] == [4, 4]
    assert [each.drift_bps for each in leak_post] == pytest.approx([10 / 1.0005, 20 / 1.0005])
