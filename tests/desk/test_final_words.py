"""Whatever a dealer says last: nothing stays in doubt after a final word whose count fits, and whatever else does.

Every ExecType(150) with every OrdStatus(39), as they come over the wire, before and after a part was booked, with the
count that fits, with one that says more than we have booked, and with none.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Final

import pytest
from desk_scene import MM, Scene, placed

from engine.desk import decide
from engine.desk.draft import Draft
from engine.domain import messages as m
from engine.domain.order import OrderState
from engine.domain.placement import Placement, PlacementState
from engine.fix.flows.dialect import DEFAULT, Dialect
from engine.fix.flows.translation import hear
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.values import ExecType, OrdStatus
from engine.fix.wire import codec

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

DICTIONARY: Final = built_in("FIX.4.4")
PART: Final = Decimal(MM) / 4

ENDS: Final = {"4": PlacementState.canceled, "C": PlacementState.canceled, "8": PlacementState.rejected}
"""Of both tags: the codes after which nothing more will be filled. A status is what OrdStatus(39) says."""
GOES_ON: Final = frozenset({"0", "A", "1", "2"})
CHANGES: Final = frozenset({"G", "H"})
LEFT: Final = frozenset("23579BD")
"""OrdStatus(39) that beside a LeavesQty(151) of 0 says nothing of whether a changed order goes on."""
FILLS: Final = frozenset({"F", "1", "2"})
COUNTS: Final = ("none", "fits", "more")


def told(
    world: Scene,
    placement: Placement,
    exec_type: str,
    status: str,
    cum: Decimal | None,
    last: Decimal,
    dialect: Dialect = DEFAULT,
) -> Draft:
    """What would come of an ExecutionReport(8) of the dealer, from bytes: nothing of it is kept."""
    unit = dialect.bond_face or 1
    fields: list[tuple[int, str]] = [(37, "D1"), (11, placement.placement_id), (17, f"X{world.turns}")]
    fields += [(150, exec_type)] if exec_type else []
    fields += [(39, status), (55, "[N/A]"), (48, placement.security_id), (22, "4"), (54, "1")]
    if exec_type in FILLS:
        fields += [(32, str(last / unit)), (31, str(placement.price))]
    if cum is not None:
        fields += [(14, str(cum / unit)), (151, "0"), (6, "99")]
    frame = codec.frame(
        begin_string="FIX.4.4",
        msg_type="8",
        seq_num=7,
        sender="ASH",
        target="BUYSIDE",
        sending_time="20261123-15:00:00.000",
        body=codec.encode_body(fields),
    )
    draft = world.draft()
    decide.hear(draft, placement.session, "dealer", hear("dealer", codec.decode(frame, DICTIONARY), dialect))
    return draft


def accepted(draft: Draft) -> list[m.AcceptQuote]:
    return [send.said for send in draft.sends if isinstance(send.said, m.AcceptQuote)]


def ended_by(exec_type: str, status: str, count: str = "fits", part: bool = False) -> PlacementState | None:
    """What the two codes end it as: the event's own word, or what the order's state is whatever the event.

    A status that goes on takes a last word back, unless the counts say that nothing is left. A filled one never fits
    where not all is booked, a partly filled one not where nothing is. What corrects a fill that never came, and does
    not count, is a word of a trade: nothing is free.
    """
    if exec_type == "G" and count == "none":
        return None
    if exec_type in CHANGES and count == "fits" and status in LEFT:
        return PlacementState.canceled
    if status == "2" or (status == "1" and not part):
        return None
    if exec_type in ENDS:
        return None if status in GOES_ON and count == "none" else ENDS[exec_type]
    return ENDS.get(status)


def waiting(part: bool) -> tuple[Scene, str, Placement]:
    world, order_id = placed("AUTO")
    if part:
        world.fills(order_id, int(PART))
    return world, order_id, world.placement(order_id)


CODES: Final = [(a.value, b.value) for a, b in product(ExecType, OrdStatus) if a.value not in FILLS]


@pytest.mark.parametrize("part", [False, True], ids=["nothing booked", "a part booked"])
@pytest.mark.parametrize("count", COUNTS)
def test_a_final_word_ends_the_doubt_if_its_count_fits_and_not_otherwise(count: str, part: bool) -> None:
    world, order_id, placement = waiting(part)
    booked = placement.filled
    cum = {"none": None, "fits": booked, "more": booked + 1}[count]
    for exec_type, status in CODES:
        draft = told(world, placement, exec_type, status, cum, PART)
        after = draft.state.placements[placement.placement_id]
        expected = ended_by(exec_type, status, count, part) if count != "more" else None
        where = f"150={exec_type} 39={status} 14={cum}"
        assert after.filled == booked, where
        if expected is not None:
            assert after.state is expected, where
            assert (after.unanswered, after.reserved) == (False, 0), where
            # What is not filled is free again, and no more than that.
            assert [(each.dealer, each.quantity) for each in accepted(draft)] == [("beech", MM - booked)], where
        else:
            assert after.unanswered, where
            assert after.reserved == MM - booked, where
            assert not accepted(draft), where
            assert draft.state.orders[order_id].state is OrderState.placed, where


@pytest.mark.parametrize("exec_type", sorted({*ENDS, "I"}))
@pytest.mark.parametrize("part", [False, True], ids=["nothing booked", "a part booked"])
def test_a_count_beyond_what_is_booked_is_for_a_person(exec_type: str, part: bool) -> None:
    """The dealer has filled more than we know of: that much must not be bought again from somebody else."""
    world, _, placement = waiting(part)
    draft = told(world, placement, exec_type, "4", placement.filled + PART, PART)
    after = draft.state.placements[placement.placement_id]
    assert (after.unanswered, after.person_needed) == (True, True)
    assert f"{placement.filled + PART} is filled" in after.evidence
    assert [each.body["what"] for each in draft.pages] == ["order in doubt"]


@pytest.mark.parametrize("exec_type", sorted(FILLS))
@pytest.mark.parametrize("part", [False, True], ids=["nothing booked", "a part booked"])
def test_a_fill_ends_the_doubt_when_nothing_is_left_or_its_status_says_so(exec_type: str, part: bool) -> None:
    world, order_id, placement = waiting(part)
    left = MM - placement.filled
    for status, last in product((each.value for each in OrdStatus), (left, left - 1)):
        draft = told(world, placement, exec_type, status, placement.filled + last, last)
        after = draft.state.placements[placement.placement_id]
        assert after.filled == placement.filled + last
        over = last == left or status in ENDS
        assert after.unanswered is not over
        assert after.reserved == (0 if over else left - last)
        if last == left:
            assert draft.state.orders[order_id].state is OrderState.filled
        else:
            # One bond is left: the next best is asked for it once this one is over, and not before.
            assert draft.state.orders[order_id].state is OrderState.placed
            assert [each.quantity for each in accepted(draft)] == ([1] if over else [])


def test_without_an_exec_type_the_status_is_the_word() -> None:
    world, _, placement = waiting(part=False)
    for status in OrdStatus:
        if status.value not in FILLS:
            after = told(world, placement, "", status.value, None, PART).state.placements[placement.placement_id]
            assert after.state is ended_by("", status.value) or after.unanswered
            assert after.unanswered is (status.value not in ENDS)


def test_a_person_once_called_stays_called_until_it_ends() -> None:
    """Whatever is asked and heard meanwhile: only an answer, or the person, takes it off the list."""
    world, order_id, _ = waiting(part=False)
    world.advance(60)
    assert world.placement(order_id).person_needed
    world.drop("ash")
    world.restore("ash")
    assert world.placement(order_id).person_needed


@pytest.mark.parametrize("part", [False, True], ids=["nothing booked", "a part booked"])
@pytest.mark.parametrize("count", COUNTS)
def test_a_dealer_that_counts_bonds_says_the_same(count: str, part: bool) -> None:
    """Each word with each count, in face amount and in bonds: the same comes of it."""
    world, order_id, placement = waiting(part)
    bonds = Dialect(quantity_unit="bonds_1000")
    last = MM - placement.filled
    for exec_type, status in (*CODES, *product(sorted(FILLS), ("1", "2"))):
        sure = placement.filled + (last if exec_type in FILLS else 0)
        cum = {"none": None, "fits": sure, "more": sure + 1000}[count]
        one = told(world, placement, exec_type, status, cum, last)
        other = told(world, placement, exec_type, status, cum, last, bonds)
        where = f"150={exec_type} 39={status} 14={cum}"
        assert [type(event) for event in one.events] == [type(event) for event in other.events], where
        assert one.state.placements[placement.placement_id] == other.state.placements[placement.placement_id], where
        assert one.state.orders[order_id].filled == other.state.orders[order_id].filled, where


@pytest.mark.parametrize(("cum", "ends"), [(0, True), (1, False), (int(PART), False), (MM, False)])
def test_what_a_dealer_counts_is_held_against_what_it_filled_itself(cum: int, ends: bool) -> None:
    """A quarter was filled by the one before it: of that this dealer's count says nothing."""
    world, order_id = placed("AUTO")
    world.fills(order_id, int(PART))
    world.reports_of(order_id, m.DealerWord.canceled, cum_quantity=PART, status="4")
    placement = world.placement(order_id)
    assert (placement.dealer, placement.filled, world.the(order_id).filled) == ("beech", 0, PART)
    for exec_type, status in (("4", "4"), ("C", "C"), ("8", "8"), ("I", "4")):
        after = told(world, placement, exec_type, status, Decimal(cum), PART).state.placements[placement.placement_id]
        assert after.unanswered is not ends
        assert after.person_needed is not ends
