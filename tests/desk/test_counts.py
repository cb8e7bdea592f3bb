"""What a dealer counts against what is booked of it, as bytes of the dealer's session: one desk, one acceptance.

The dealer's own count is CumQty(14); an order of a million was taken at 99.95, and beech stands ready at 99.97. Nothing
is free that may have traded, no fill is booked twice, and where the counts differ a person hears of it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest
from desk_scene import BOND, MM, Scene, placed, scene

from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import OrderState, OrderStatus
from engine.domain.placement import PlacementState
from engine.fix.flows.dialect import DEFAULT
from engine.fix.flows.translation import hear
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

DICTIONARY: Final = built_in("FIX.4.4")


def report(world: Scene, order_id: str, text: str, session: str = "ash") -> None:
    """ExecutionReport(8) of a dealer: `17=E1 150=F ...`. What every one has is added: 11, 37, 48, 22, 54, 55, 31."""
    given = [field.partition("=") for field in text.split()]
    values = {int(tag): value for tag, _, value in given}
    placement = world.placement(order_id)
    side = "1" if placement.side == "buy" else "2"
    always = {11: placement.placement_id, 37: "K", 17: f"X{world.turns}", 55: "[N/A]", 48: placement.security_id}
    values = {**always, 22: "4", 54: side, **values}
    if 32 in values and 31 not in values:
        values[31] = str(placement.price)
    fields = [(tag, value) for tag, value in values.items() if value != "-"]
    frame = codec.frame(
        begin_string="FIX.4.4",
        msg_type="8",
        seq_num=7,
        sender="DEALER",
        target="BUYSIDE",
        sending_time="20261123-15:00:00.000",
        body=codec.encode_body(fields),
    )
    world.hear(session, hear("dealer", codec.decode(frame, DICTIONARY), DEFAULT))


def told(world: Scene) -> Decimal:
    """What the OMS was told is filled."""
    return world.reports()[-1].cum_quantity


def quarantined(world: Scene) -> list[str]:
    return [event.reason for event in world.recorded(e.FillQuarantined)]


def pages(world: Scene) -> list[str]:
    return [each.body["reason"] for each in world.pages()]


def nothing_is_free(world: Scene, order_id: str) -> None:
    placement = world.placement(order_id)
    assert placement.dealer == "ash"
    assert (placement.unanswered, placement.person_needed) == (True, True)
    assert placement.reserved == MM - placement.filled
    assert (world.accepted(), world.the(order_id).state) == (["ash"], OrderState.placed)
    assert len(world.pages()) == 1


# --- a last word whose count is another ----------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "last_word", "reason"),
    [
        ("", "150=4 39=4 14=400000 151=0", "the dealer says 400000 is filled; the fill itself has not come"),
        ("", "150=C 39=C 14=400000 151=0", "the dealer says 400000 is filled; the fill itself has not come"),
        ("", "150=8 39=8 14=400000 151=0", "the dealer says 400000 is filled; the fill itself has not come"),
        ("", "150=I 39=4 14=400000 151=0", "the dealer says 400000 is filled; the fill itself has not come"),
        ("", "150=0 39=4 14=400000 151=0", "the dealer says 400000 is filled; the fill itself has not come"),
        ("200000", "150=4 39=4 14=500000 151=0", "the dealer says 500000 is filled; the fill itself has not come"),
        ("200000", "150=4 39=4 14=0 151=0", "the dealer counts 0 as filled, 200000 is booked"),
        ("200000", "150=8 39=8 14=100000 151=0", "the dealer counts 100000 as filled, 200000 is booked"),
        ("200000", "150=I 39=C 14=0 151=0", "the dealer counts 0 as filled, 200000 is booked"),
        ("", "150=4 39=2 151=0", "the dealer says 1000000 is filled; the fill itself has not come"),
        ("", "150=4 39=2 14=0 151=0", "the dealer says 1000000 is filled by OrdStatus(39), 0 by CumQty(14); the fill"),
        ("", "150=8 39=2 14=0 151=0", "the dealer says 1000000 is filled by OrdStatus(39), 0 by CumQty(14); the fill"),
        ("", "150=0 39=2 14=0 151=0", "the dealer says 1000000 is filled by OrdStatus(39), 0 by CumQty(14); the fill"),
        ("", "150=4 39=1", "the dealer says that a part is filled; the fill itself has not come"),
        ("", "150=8 39=1 14=0 151=0", "the dealer says that a part is filled; the fill itself has not come"),
        ("", "150=4 39=1 151=300000", "the dealer says 700000 is filled; the fill itself has not come"),
        ("", "150=4 39=0 14=0 151=1000000", "canceled with OrdStatus(39) 0: it cannot be both"),
        ("", "150=C 39=A", "canceled with OrdStatus(39) A: it cannot be both"),
        ("", "150=8 39=0", "rejected with OrdStatus(39) 0: it cannot be both"),
        ("", "150=0 39=0 14=400000 151=600000", "the dealer says 400000 is filled; the fill itself has not come"),
        ("", "150=4 39=4 14=2000000 151=0", "the dealer says 2000000 is filled; the fill itself has not come"),
    ],
)  # fmt: skip
def test_a_report_that_counts_otherwise_is_doubt_over_the_difference(before: str, last_word: str, reason: str) -> None:
    world, order_id = placed("AUTO")
    if before:
        report(world, order_id, f"17=E0 150=F 39=1 32={before} 14={before}")
    report(world, order_id, last_word)
    nothing_is_free(world, order_id)
    assert pages(world)[0].startswith(reason)
    report(world, order_id, last_word)
    assert len(world.pages()) == 1, "the same again says nothing new"


@pytest.mark.parametrize(
    ("last_word", "state"),
    [
        ("150=0 39=4 14=0 151=0", PlacementState.canceled),
        ("150=A 39=4 14=0 151=0", PlacementState.canceled),
        ("150=0 39=C 14=0 151=0", PlacementState.canceled),
        ("150=0 39=8 14=0 151=0", PlacementState.rejected),
        ("150=6 39=4 14=0 151=0", PlacementState.canceled),
        ("150=D 39=8 14=0 151=0", PlacementState.rejected),
        ("150=4 39=4 14=0 151=1000000", PlacementState.canceled),
        ("150=4 39=0 14=0 151=0", PlacementState.canceled),
    ],
)
def test_an_order_is_over_when_its_status_says_so_whatever_the_event(last_word: str, state: PlacementState) -> None:
    """After our cancel the OMS gets its answer; 151 says nothing of an order that is over."""
    world, order_id = placed("AUTO")
    world.cancel(order_id)
    placement = world.placement(order_id)
    [f] = world.said(m.CancelPlacement)
    report(world, order_id, f"11={f.cancel_id} 41={placement.placement_id} {last_word}")
    assert world.state.placements[placement.placement_id].state is state
    assert (world.the(order_id).state, world.kinds()[-1]) == (OrderState.canceled, "4/4")
    assert world.pages() == []


def test_a_last_word_takes_effect_once_the_fills_it_counts_are_booked() -> None:
    """They come by the session's resend, in their own order; then, and not before, the rest is free."""
    world, order_id = placed("AUTO")
    report(world, order_id, "150=4 39=4 14=500000 151=0")
    report(world, order_id, "17=E1 150=F 39=1 32=200000 14=200000 151=800000")
    assert (world.accepted(), world.placement(order_id).reserved) == (["ash"], 800_000)
    report(world, order_id, "17=E2 150=F 39=1 32=300000 14=500000 151=500000")
    assert [(d.dealer, d.quantity) for d in world.said(m.AcceptQuote)] == [("ash", MM), ("beech", 500_000)]
    assert told(world) == 500_000


def test_a_cancel_that_counts_what_sits_in_quarantine_frees_nothing() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E1 150=F 39=1 32=400000 31=99.96 14=400000")
    report(world, order_id, "150=4 39=4 14=400000 151=0")
    assert world.accepted() == ["ash"]
    assert pages(world) == [
        "99.96 is worse than the quoted 99.95",
        "the dealer says 400000 is filled; 0 is booked, 400000 waits in quarantine",
    ]


def test_a_cancel_without_a_count_frees_nothing_while_a_fill_sits_in_quarantine() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E1 150=F 39=1 32=400000 31=99.96 14=400000")
    report(world, order_id, "150=4 39=4")
    assert world.accepted() == ["ash"]
    assert pages(world)[-1] == "canceled without CumQty(14), and 400000 waits in quarantine"


@pytest.mark.parametrize("verdict", ["book", "reject"])
def test_a_last_word_that_forgets_what_a_fill_in_quarantine_counted_waits_for_a_person(verdict: str) -> None:
    """A fill is a trade until its dealer takes it back: it counted 400,000 with it, and nothing as it ends."""
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E1 150=F 39=1 32=400000 31=99.96 14=400000")
    report(world, order_id, "150=4 39=4 14=0 151=0")
    assert world.accepted() == ["ash"]
    words = "canceled with 0 counted as filled; with a fill in quarantine it was 400000"
    assert pages(world)[-1] == words
    (kept,) = world.state.open_quarantine()
    world.command(f"quarantine__{verdict}", role="operator", fill=kept.fill_id, reason="asked on the phone")
    assert world.accepted() == ["ash", "beech"]
    assert world.the(order_id).filled == (400_000 if verdict == "book" else 0)


def test_a_last_word_that_counts_what_is_booked_ends_though_a_second_report_of_it_waits() -> None:
    """The same trade under two ExecIDs: the one in quarantine was counted as no more than what is booked."""
    world, order_id = placed("AUTO")
    report(world, order_id, "17=P 150=F 39=1 32=400000 14=400000")
    report(world, order_id, "17=T 150=F 39=1 32=400000 14=400000")
    report(world, order_id, "150=4 39=4 14=400000 151=0")
    assert world.accepted() == ["ash", "beech"]


@pytest.mark.parametrize("word", ["150=4 39=4 14=0", "150=8 39=8 14=0", "150=I 39=0 14=0 151=1000000"])
def test_a_dealer_that_takes_a_booked_fill_back_by_its_count_is_told(word: str) -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E1 150=F 39=2 32=1000000 14=1000000 151=0")
    report(world, order_id, word)
    assert pages(world) == ["the dealer counts 0 as filled, 1000000 is booked"]
    assert (world.the(order_id).state, told(world)) == (OrderState.filled, MM)


def test_an_acknowledgement_that_the_fill_overtook_is_only_kept() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E1 150=F 39=1 32=400000 14=400000")
    report(world, order_id, "150=0 39=0 14=0 151=1000000")
    assert (world.pages(), len(world.recorded(e.StrayMessage))) == ([], 1)


# --- fills ---------------------------------------------------------------------------------------


def test_one_execution_is_booked_once_with_and_without_its_trade_date() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E1 150=F 39=1 75=20261123 32=400000 14=400000")
    report(world, order_id, "17=E1 150=F 39=1 97=Y 32=400000 14=400000")
    report(world, order_id, "17=E2 150=F 39=1 32=200000 14=600000")
    assert (told(world), world.pages()) == (Decimal(600_000), [])
    assert world.placement(order_id).reserved == 400_000


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("150=F 39=1 32=400000 14=400000", "150=F 39=4 32=400000 14=400000 151=0"),
        ("150=1 39=1 32=400000 14=400000", "150=F 39=1 32=400000 14=400000"),
        ("150=F 39=1 32=400000 14=400000", "150=F 39=1 32=400000 14=600000"),
        ("150=F 39=1 32=400000 14=400000", "150=F 39=1 32=100000 14=400000"),
        ("150=F 39=1 32=400000 14=400000", "150=F 39=1 32=100000 14=300000"),
        ("150=F 39=1 32=400000", "150=F 39=1 32=400000 14=400000"),
    ],
)
def test_a_fill_that_the_dealers_count_does_not_move_by_is_quarantined(first: str, second: str) -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, f"17=P {first}")
    report(world, order_id, f"17=T {second}")
    assert told(world) == 400_000
    [reason] = quarantined(world)
    assert "does not count it: 400000 is booked" in reason
    assert (world.accepted(), len(world.pages())) == (["ash"], 1)


def test_a_fill_that_counts_less_than_itself_is_quarantined() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, "17=T 150=F 39=1 32=400000 14=300000")
    assert quarantined(world) == ["CumQty(14) 300000 does not count it: 0 is booked, LastQty(32) is 400000"]


def test_fills_in_the_wrong_order_are_booked_and_what_is_missing_is_in_doubt_meanwhile() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E3 150=F 39=2 32=300000 14=1000000 151=0")
    nothing_is_free(world, order_id)
    assert pages(world) == ["the dealer says 1000000 is filled; the fill itself has not come"]
    report(world, order_id, "17=E1 150=F 39=1 32=200000 14=200000 151=800000")
    report(world, order_id, "17=E2 150=F 39=1 32=500000 14=700000 151=300000")
    assert (told(world), world.the(order_id).state, quarantined(world)) == (MM, OrderState.filled, [])
    assert len(world.pages()) == 1


def test_a_second_fill_on_the_same_stretch_is_no_missing_one() -> None:
    """600,000 are missing below E2; X claims E2's own stretch once more."""
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E2 150=F 39=1 32=200000 14=800000")
    report(world, order_id, "17=X 150=F 39=1 32=200000 14=800000")
    assert (told(world), len(quarantined(world))) == (200_000, 1)


def test_the_same_stretch_is_none_even_where_the_sum_would_fit() -> None:
    """E2 came before E1, and once more as T: what was booked is as much as E1, whose place T would take."""
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E2 150=F 39=1 32=200000 14=400000")
    report(world, order_id, "17=T 150=F 39=1 32=200000 14=400000")
    assert (told(world), len(quarantined(world))) == (200_000, 1)
    report(world, order_id, "17=E1 150=F 39=1 32=200000 14=200000")
    assert (told(world), len(quarantined(world))) == (400_000, 1)


def test_a_fill_that_is_the_last_word_frees_the_rest() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E1 150=F 39=4 32=400000 14=400000 151=0")
    assert [(d.dealer, d.quantity) for d in world.said(m.AcceptQuote)] == [("ash", MM), ("beech", 600_000)]
    assert (told(world), world.pages()) == (400_000, [])


def test_a_fill_of_a_part_that_calls_the_order_filled_leaves_the_rest_in_doubt() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E1 150=F 39=2 32=400000 14=400000 151=0")
    nothing_is_free(world, order_id)
    assert pages(world)[0].startswith("the dealer says 1000000 is filled by OrdStatus(39), 400000 by CumQty(14)")


def test_a_fill_that_counts_beyond_the_order_is_booked_and_pages() -> None:
    world, order_id = placed("AUTO")
    report(world, order_id, "17=E1 150=F 39=2 32=1000000 14=1500000 151=0")
    assert world.placement(order_id).filled == MM or quarantined(world)
    assert len(world.pages()) == 1


@pytest.mark.parametrize(
    ("side", "quoted", "price", "booked"),
    [
        ("buy", "99.95", "9.995", False),
        ("buy", "99.95", "0.9995", False),
        ("buy", "99.95", "98.95", False),
        ("buy", "99.95", "98.9505", True),
        ("buy", "99.95", "99.9", True),
        ("sell", "100.05", "1000.5", False),
        ("sell", "100.05", "10005", False),
        ("sell", "100.05", "101.0505", True),
        ("sell", "100.05", "101.06", False),
    ],
)
def test_a_price_out_of_proportion_is_quarantined_in_our_favour_too(
    side: Any, quoted: str, price: str, booked: bool
) -> None:
    world = scene()
    order_id = world.order(BOND, side, MM, account="PARALLEL")
    world.says("ash", quoted, order_id)
    world.command("execute", order=order_id)
    report(world, order_id, f"17=E1 150=F 39=2 31={price} 32=1000000 14=1000000 151=0")
    assert (world.the(order_id).filled == MM) is booked
    if not booked:
        [reason] = quarantined(world)
        assert f"bps better than the quoted {quoted}, risk.fill_better_bps_max is 100" in reason


# --- which acceptance it is of -------------------------------------------------------------------


def canceling() -> tuple[Scene, str, str, str]:
    """An acceptance that ash knows as K, and our cancel of it: world, order, our F's 11, our D's."""
    world, order_id = placed("AUTO")
    report(world, order_id, "150=0 39=0 14=0 151=1000000")
    world.cancel(order_id)
    [f] = world.said(m.CancelPlacement)
    return world, order_id, f.cancel_id, f.placement_id


def test_a_fill_may_cite_our_cancel_alone() -> None:
    world, order_id, cancel_id, _ = canceling()
    report(world, order_id, f"11={cancel_id} 17=E1 150=F 39=2 32=1000000 14=1000000 151=0")
    assert (world.the(order_id).state, quarantined(world)) == (OrderState.filled, [])


def test_a_cancel_report_may_cite_our_cancel_alone() -> None:
    world, order_id, cancel_id, _ = canceling()
    report(world, order_id, f"11={cancel_id} 150=4 39=4")
    assert (world.the(order_id).state, world.kinds()[-1]) == (OrderState.canceled, "4/4")


def test_an_earlier_cancel_may_be_cited_as_well_as_the_latest() -> None:
    world, order_id, first, placement_id = canceling()
    world.drop("ash")
    world.restore("ash")
    assert len({f.cancel_id for f in world.said(m.CancelPlacement)}) == 2
    report(world, order_id, f"11={first} 150=4 39=4 14=0 151=0")
    assert world.state.placements[placement_id].state is PlacementState.canceled


@pytest.mark.parametrize("name", ["-", "NONE", "theirs"])
def test_the_dealers_own_order_id_tells_where_ours_does_not(name: str) -> None:
    world, order_id, _, _ = canceling()
    report(world, order_id, f"11={name} 17=E1 150=F 39=2 32=1000000 14=1000000 151=0")
    assert (world.the(order_id).state, quarantined(world)) == (OrderState.filled, [])


@pytest.mark.parametrize("other", ["54=2", "48=US0000000000", "37=L", "37=NONE"])
def test_an_order_id_is_none_of_ours_where_the_rest_is_another(other: str) -> None:
    world, order_id, _, _ = canceling()
    report(world, order_id, f"11=theirs 17=E1 150=F 39=2 32=1000000 14=1000000 151=0 {other}")
    assert (quarantined(world), world.the(order_id).filled) == (["a fill for nothing we ordered"], 0)


def test_an_order_id_of_another_session_is_none_of_ours() -> None:
    world, order_id, cancel_id, _ = canceling()
    for name in ("theirs", cancel_id):
        report(world, order_id, f"11={name} 150=F 39=2 32=1000000 14=1000000 151=0", session="beech")
    assert (quarantined(world), world.the(order_id).filled) == (["a fill for nothing we ordered"] * 2, 0)


def test_a_refusal_may_cite_our_cancel_alone() -> None:
    world, _, cancel_id, placement_id = canceling()
    world.hear("ash", m.DealerCancelRefused(cancel_id, "", "too late", unknown_order=False))
    assert world.state.placements[placement_id].evidence == "cancel refused: too late"


# --- OrderCancelReject(9) -------------------------------------------------------------------------


def called_back(part: int = 0) -> tuple[Scene, str, str]:
    """An acceptance that was called back, and the name of our F."""
    world, order_id = placed()
    if part:
        world.fills(order_id, part)
    world.cancel(order_id, "f1")
    return world, order_id, world.said(m.CancelPlacement)[-1].cancel_id


@pytest.mark.parametrize(
    ("status", "part", "words"),
    [
        pytest.param("2", 0, "1000000 is filled; the fill itself has not come", id="filled, nothing booked"),
        pytest.param("2", 400_000, "1000000 is filled; the fill itself has not come", id="filled, a part booked"),
        pytest.param("1", 0, "a part is filled; the fill itself has not come", id="partly filled, nothing booked"),
    ],
)
def test_a_cancel_that_is_refused_for_a_fill_that_has_not_come_is_asked_about(
    status: str, part: int, words: str
) -> None:
    world, order_id, cancel_id = called_back(part)
    asked = len(world.said(m.AskPlacementStatus))
    world.hear("ash", m.DealerCancelRefused(cancel_id, "", "too late", False, OrderStatus(status)))
    placement = world.placement(order_id)
    assert placement.unanswered
    assert placement.evidence.endswith(words)
    assert len(world.said(m.AskPlacementStatus)) == asked + 1
    # It has answered our cancel: to say that again would be answered in the same way, and so on for ever.
    assert len(world.said(m.CancelPlacement)) == 1
    world.fills(order_id, MM - part)
    assert world.the(order_id).state is OrderState.filled


@pytest.mark.parametrize("status", ["4", "C"])
@pytest.mark.parametrize("part", [0, 400_000])
def test_a_cancel_that_is_refused_because_the_order_is_over_ends_it(status: str, part: int) -> None:
    world, order_id, cancel_id = called_back(part)
    world.hear("ash", m.DealerCancelRefused(cancel_id, "", "canceled before", False, OrderStatus(status)))
    assert world.placement(order_id).state is PlacementState.canceled
    assert (world.the(order_id).state, world.the(order_id).filled) == (OrderState.canceled, part)


def test_a_cancel_that_is_refused_with_a_status_that_goes_on_changes_nothing() -> None:
    for status in ("0", "A", "6"):
        world, order_id, cancel_id = called_back()
        world.hear("ash", m.DealerCancelRefused(cancel_id, "", "busy", False, OrderStatus(status)))
        assert world.placement(order_id).evidence == "cancel refused: busy"
        assert world.placement(order_id).unanswered


def test_a_cancel_that_is_refused_because_the_order_was_rejected_ends_it_unless_it_was_told_of() -> None:
    world, order_id, cancel_id = called_back()
    world.hear("ash", m.DealerCancelRefused(cancel_id, "", "no", False, OrderStatus.rejected))
    assert not world.placement(order_id).unanswered
    world, order_id, cancel_id = called_back(400_000)
    world.hear("ash", m.DealerCancelRefused(cancel_id, "", "no", False, OrderStatus.rejected))
    assert (world.placement(order_id).unanswered, world.placement(order_id).person_needed) == (True, True)


def test_a_last_word_without_a_count_does_not_take_back_what_the_dealer_counted() -> None:
    """It has said that more is filled than has come; that the order is over does not make that untrue."""
    world, order_id = placed()
    world.fills(order_id, 400_000)
    report(world, order_id, "150=4 39=4 14=500000 151=0")
    world.cancel(order_id, "f1")
    cancel_id = world.said(m.CancelPlacement)[-1].cancel_id
    world.hear("ash", m.DealerCancelRefused(cancel_id, "", "too late", False, OrderStatus.canceled))
    placement = world.placement(order_id)
    assert (placement.unanswered, placement.person_needed, placement.counted) == (True, True, 500_000)
    assert placement.evidence.endswith("the dealer says 500000 is filled; the fill itself has not come")
    assert len(world.said(m.CancelPlacement)) == 1
    world.fills(order_id, 100_000)
    assert (world.the(order_id).state, world.the(order_id).filled) == (OrderState.canceled, 500_000)


def test_a_cancel_that_is_refused_while_a_part_waits_in_quarantine_frees_nothing() -> None:
    world, order_id, cancel_id = called_back()
    world.fills(order_id, 400_000, price="9.9")
    world.hear("ash", m.DealerCancelRefused(cancel_id, "", "too late", False, OrderStatus.canceled))
    assert world.placement(order_id).unanswered
