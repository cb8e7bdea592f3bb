"""Trades that a dealer reports by TradeCaptureReport(AE), as bytes of its session: alone, or beside the 8.

An order of a million was taken at 99.95. Whatever tells of a trade, in which order and how often, it is booked once;
two trades of one size and price are two. What cannot be booked waits for a person, and the dealer is told that it was
not taken.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from dealer_words import acks, dealer_says, told
from desk_scene import BOND, MM, Scene, placed

from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import OrderState
from engine.domain.placement import PlacementState

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""


PART = "32=400000"
WHOLE = "32=1000000"


def script(text: str) -> list[str]:
    """Messages between semicolons; PART and WHOLE stand for LastQty(32)."""
    return [each.strip() for each in text.replace("PART", PART).replace("WHOLE", WHOLE).split(";")]


def played(*messages: str, session: str = "ash") -> tuple[Scene, str]:
    world, order_id = placed("AUTO")
    for text in messages:
        for each in script(text):
            dealer_says(world, order_id, each, session)
    return world, order_id


def quarantined(world: Scene) -> list[str]:
    return [event.reason for event in world.recorded(e.FillQuarantined)]


def pages(world: Scene) -> list[str]:
    return [each.body["what"] for each in world.pages()]


def verdicts(world: Scene) -> str:
    """One letter an acknowledgement: accepted or rejected."""
    return "".join("a" if each.problem is None else "r" for each in acks(world))


@pytest.mark.parametrize(
    ("messages", "booked", "answers"),
    [
        # Alone.
        pytest.param("AE 571=T1 WHOLE", MM, "a", id="as the only report"),
        pytest.param("AE 571=T1 WHOLE 17=E1", MM, "a", id="as the only report, with an ExecID"),
        pytest.param("AE 571=T1 PART; AE 571=T1 PART", 400_000, "aa", id="the same one twice"),
        pytest.param("AE 571=T1 PART; AE 571=T1 PART 97=Y", 400_000, "aa", id="possibly resent"),
        pytest.param("AE 571=T1 PART; AE 571=T1 PART 570=Y", 400_000, "aa", id="previously reported"),
        pytest.param("AE 571=T1 PART; AE 571=T2 PART 570=Y", 400_000, "aa", id="previously, by another name"),
        pytest.param("AE 571=T1 PART 570=Y", 400_000, "a", id="previously reported, never heard"),
        pytest.param("AE 571=T1 PART 17=E1; AE 571=T2 PART 17=E1", 400_000, "aa", id="one ExecID, two reports"),
        pytest.param("AE 571=T1 PART; AE 571=T2 PART", 800_000, "aa", id="two of one size and price"),
        pytest.param("AE 571=T1 PART 17=E1; AE 571=T1 PART 17=E2", 800_000, "aa", id="two ExecIDs, one report's name"),
        pytest.param("AE 571=T1 PART 856=1; AE 571=T2 572=T1 PART 856=2", 400_000, "aa", id="alleged, then accepted"),
        pytest.param("AE 571=T1 PART; AE 571=T2 572=T1 PART 856=4", 400_000, "aa", id="an addendum"),
        pytest.param("AE 571=T1 PART 487=3", 400_000, "a", id="released"),
        pytest.param("AE 571=T1 PART 487=0 856=0 150=F", 400_000, "a", id="new, submitted, a trade"),
        # Beside an 8 of the same trade.
        pytest.param("8 17=E1 PART 14=400000; AE 571=T1 17=E1 PART", 400_000, "a", id="behind the 8, by its ExecID"),
        pytest.param("AE 571=T1 17=E1 PART; 8 17=E1 PART 14=400000", 400_000, "a", id="before the 8, by its ExecID"),
        pytest.param("8 17=E1 PART 14=400000; AE 571=T1 PART", 400_000, "a", id="behind the 8, nameless"),
        pytest.param("AE 571=T1 PART; 8 17=E1 PART 14=400000", 400_000, "a", id="before the 8, nameless"),
        pytest.param("AE 571=T1 PART; 8 17=E1 PART 14=-", 400_000, "a", id="before the 8, uncounted"),
        pytest.param("AE 571=T1 17=T1 PART; 8 17=E1 PART 14=400000", 400_000, "a", id="named by itself, before"),
        pytest.param("8 17=E1 PART 14=400000; AE 571=T1 17=T1 PART", 400_000, "a", id="named by itself, behind"),
        pytest.param("8 17=E1 PART 14=400000; AE 571=E1 PART", 400_000, "a", id="called as the execution is"),
        pytest.param("AE 571=E1 PART; 8 17=E1 PART 14=400000", 400_000, "a", id="called as the execution is, before"),
        pytest.param("8 17=E1 PART 14=400000; AE 571=T1 17=V9 527=E1 PART", 400_000, "a", id="by SecondaryExecID"),
        pytest.param(
            "AE 571=T1 17=V9 PART; 8 17=E1 527=V9 PART 14=400000", 400_000, "a", id="by the 8's SecondaryExecID"
        ),
        pytest.param("8 17=E1 880=M1 PART 14=400000; AE 571=T1 880=M1 PART", 400_000, "a", id="by TrdMatchID"),
        pytest.param("8 17=E1 WHOLE 14=1000000 39=2; AE 571=T1 WHOLE", MM, "a", id="the whole, behind"),
        pytest.param("AE 571=T1 WHOLE; 8 17=E1 WHOLE 14=1000000 39=2", MM, "a", id="the whole, before"),
        pytest.param("8 17=E1 PART 14=400000; AE 571=T1 PART | 54=1 37=K 11=-", 400_000, "a", id="by OrderID"),
        pytest.param(
            "8 17=E1 WHOLE 14=1000000 39=2; AE 571=T1 WHOLE | 54=1 37=K 11=-", MM, "a", id="by OrderID, when it is over"
        ),
        pytest.param(
            "8 17=E1 WHOLE 14=1000000 39=2; AE 571=T1 17=E1 WHOLE | 54=1 37=NONE 11=-", MM, "a", id="by ExecID alone"
        ),
        # Again and again.
        pytest.param(
            "8 17=E1 PART 14=400000; AE 571=T1 PART; AE 571=T1 PART; 8 17=E1 PART 14=400000 97=Y",
            400_000,
            "aa",
            id="each twice",
        ),
        pytest.param(
            "AE 571=T1 PART; 8 17=E1 PART 14=400000; AE 571=T1 PART 97=Y; 8 17=E1 PART 14=400000",
            400_000,
            "aa",
            id="each twice, the other way round",
        ),
        # Two trades of one size and price.
        pytest.param("8 17=E1 PART 14=400000; AE 571=T2 17=E2 PART", 800_000, "a", id="another ExecID"),
        pytest.param("AE 571=T2 17=E2 PART; 8 17=E1 PART 14=400000", 800_000, "a", id="another ExecID, before"),
        pytest.param(
            "8 17=E1 PART 14=400000; AE 571=T1 PART; 8 17=E2 PART 14=800000; AE 571=T2 PART",
            800_000,
            "aa",
            id="two by both, in turn",
        ),
        pytest.param(
            "8 17=E1 PART 14=400000; 8 17=E2 PART 14=800000; AE 571=T1 PART; AE 571=T2 PART",
            800_000,
            "aa",
            id="two by both, 8s first",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 PART; 8 17=E1 PART 14=400000; 8 17=E2 PART 14=800000",
            800_000,
            "aa",
            id="two by both, AEs first",
        ),
        pytest.param(
            "AE 571=T2 PART; 8 17=E1 PART 14=400000; 8 17=E2 PART 14=800000; AE 571=T1 PART",
            800_000,
            "aa",
            id="two by both, the second's AE first",
        ),
        pytest.param(
            "AE 571=T2 PART; 8 17=E2 PART 14=800000; 8 17=E1 PART 14=400000; AE 571=T1 PART",
            800_000,
            "aa",
            id="two by both, the second first",
        ),
        pytest.param(
            "AE 571=T1 PART; 8 17=E2 PART 14=800000", 800_000, "a", id="one by an AE, one by an 8, as it counts"
        ),
        pytest.param("8 17=E1 880=M1 PART 14=400000; AE 571=T2 880=M2 PART", 800_000, "a", id="another match"),
        pytest.param(
            "8 17=E1 880=M1 PART 14=400000; AE 571=T2 17=E2 880=M1 PART; "
            "8 17=E2 880=M1 PART 14=800000; AE 571=T1 17=E1 880=M1 PART",
            800_000,
            "aa",
            id="two of one match",
        ),
        pytest.param(
            "8 17=E1 PART 14=400000; AE 571=E2 PART; 8 17=E2 PART 14=800000; AE 571=E1 PART",
            800_000,
            "aa",
            id="called as executions, crosswise",
        ),
        pytest.param(
            "8 17=2 PART 14=400000; 8 17=3 PART 14=800000; AE 571=2 PART; AE 571=1 PART",
            800_000,
            "aa",
            id="numbers of their own",
        ),
        pytest.param(
            "8 17=E1 PART 14=400000; AE 571=E1 32=300000", 700_000, "a", id="numbers of their own, another size"
        ),
        pytest.param("8 17=E1 PART 14=400000; AE 571=T1 PART 31=99.94", 800_000, "a", id="another price"),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_a_trade_is_booked_once_whatever_tells_of_it(messages: str, booked: int, answers: str, restarts: bool) -> None:
    world, order_id = played("; restart; ".join(script(messages)) if restarts else messages)
    assert (told(world), told(world, copy=True)) == (booked, booked)
    assert world.the(order_id).filled == booked
    assert world.placement(order_id).filled == booked
    assert (quarantined(world), world.pages()) == ([], [])
    assert verdicts(world) == answers
    fills = [each for each in world.reports() if each.kind is m.ReportKind.trade]
    assert len(fills) == len({each.exec_id for each in fills})
    assert (world.the(order_id).state is OrderState.filled) == (booked == MM)


@pytest.mark.parametrize(
    ("messages", "booked", "reason", "problem"),
    [
        pytest.param("AE 571=T1 PART 31=99.96", 0, "99.96 is worse than the quoted 99.95", 99, id="a worse price"),
        pytest.param(
            "AE 571=T1 PART 31=9.995",
            0,
            "9.995 is 9000.0 bps better than the quoted",
            99,
            id="a price out of proportion",
        ),
        pytest.param(
            "AE 571=T1 32=1100000", 0, "1100000 is more than the 1000000 that was left", 99, id="more than ordered"
        ),
        pytest.param(
            "AE 571=T1 WHOLE; AE 571=T2 WHOLE", MM, "1000000 is more than the 0 that was left", 99, id="twice the whole"
        ),
        pytest.param(
            "8 17=E1 WHOLE 14=1000000 39=2; AE 571=T2 17=E2 WHOLE",
            MM,
            "1000000 is more than the 0 that was left",
            99,
            id="another ExecID, beyond the order",
        ),
        pytest.param(
            "AE 571=T1 17=E1 PART; AE 571=T2 17=E1 32=300000",
            400_000,
            "same ExecID, other economics",
            99,
            id="same ExecID, another size",
        ),
        pytest.param(
            "8 17=E1 PART 14=400000; AE 571=T2 17=E1 32=300000",
            400_000,
            "same ExecID, other economics",
            99,
            id="the 8's ExecID, another size",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T1 32=300000",
            400_000,
            "same ExecID, other economics",
            99,
            id="same report, another size",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 32=300000 856=4",
            400_000,
            "same ExecID, other economics",
            99,
            id="an addendum of another size",
        ),
        pytest.param("AE 571=T1 32=-", 0, "LastQty(32)", 99, id="no quantity"),
        pytest.param("AE 571=T1 PART 31=-", 0, "LastPx(31)", 99, id="no price"),
        pytest.param("AE 571=T1 PART 423=9", 0, "", 99, id="a yield"),
        pytest.param("AE 571=T1 PART 48=US0", 0, "US0", 99, id="another bond"),
        pytest.param("AE 571=T1 PART | 54=2", 0, "sell", 99, id="the other side"),
        pytest.param(
            "AE 571=T1 PART 487=9",
            0,
            "TradeReportTransType(487)=9: it cannot be told",
            4,
            id="an unheard of transaction",
        ),
        pytest.param(
            "AE 571=T1 PART 856=10", 0, "TradeReportType(856)=10: it cannot be told", 4, id="an unheard of report type"
        ),
        pytest.param("AE 571=T1 PART 150=4", 0, "ExecType(150)=4: it cannot be told", 4, id="no trade"),
        pytest.param(
            "AE 571=T1 PART 487=1 856=5",
            0,
            "TradeReportTransType(487)=1 TradeReportType(856)=5: they cannot all be so",
            4,
            id="two things at once",
        ),
        pytest.param("AE 571=T1 PART 856=4", 0, "an addendum", 99, id="an addendum to nothing"),
    ],
)
def test_what_cannot_be_booked_waits_for_a_person_and_is_not_acknowledged(
    messages: str, booked: int, reason: str, problem: int
) -> None:
    world, order_id = played(messages)
    [kept] = quarantined(world)
    assert reason in kept
    assert (told(world), world.the(order_id).filled) == (booked, booked)
    assert pages(world) == ["fill quarantined"]
    ack = acks(world)[-1]
    assert ack.problem == problem
    dealer_says(world, order_id, script(messages)[-1])
    assert (len(quarantined(world)), verdicts(world)[-2:]) == (1, "rr"), "the same again is as it was"


@pytest.mark.parametrize(
    ("message", "session"),
    [
        pytest.param("AE 571=T1 WHOLE | 54=1 37=L 11=never", "ash", id="an unknown order"),
        pytest.param("AE 571=T1 WHOLE | 54=1 37=L 11=-", "ash", id="no order's name"),
        pytest.param("AE 571=T1 WHOLE | 54=1 37=- 11=-", "ash", id="no name at all"),
        pytest.param("AE 571=T1 WHOLE", "beech", id="our order at another dealer"),
        pytest.param("AE 571=T1 WHOLE | 54=2 37=L 11=a | 54=1 37=M 11=b", "ash", id="two sides, neither ours"),
        pytest.param("AE 571=T1 117=never WHOLE | 54=1 37=L 11=-", "ash", id="an unknown quote"),
    ],
)
def test_a_trade_of_nothing_that_we_ordered_pages_and_the_dealer_is_told(message: str, session: str) -> None:
    world, order_id = played(message, session=session)
    assert quarantined(world) == ["a fill for nothing we ordered"]
    assert pages(world) == ["fill quarantined"]
    [ack] = acks(world)
    assert (ack.problem, ack.text) == (99, "no order of ours is named: kept for a person")
    assert (told(world), world.the(order_id).state) == (0, OrderState.placed)


@pytest.mark.parametrize(
    "sides",
    [
        pytest.param("54=1 37=M 11=P1", id="one, by ClOrdID"),
        pytest.param("54=2 37=L 11=theirs | 54=1 37=M 11=P1", id="two, ours second"),
        pytest.param("54=1 37=M 11=P1 | 54=2 37=L", id="two, ours first"),
        pytest.param("54=2 37=K | 54=1 37=K", id="two of one OrderID: the one of our side"),
        pytest.param("54=2 37=L 11=theirs | 54=1 37=K", id="two, ours by OrderID"),
        pytest.param("54=1 37=K 11=-", id="one, by OrderID"),
    ],
)
def test_our_side_is_the_one_with_an_identifier_of_ours(sides: str) -> None:
    """What the other one has of money is not ours."""
    world, order_id = placed("AUTO")
    dealer_says(world, order_id, "8 150=0 39=0 14=0 151=1000000")
    first, *others = sides.split("|")
    mine = [
        part + (" 381=999500 159=10 118=999510" if "54=1" in part else " 381=5 159=6 118=7")
        for part in (first, *others)
    ]
    dealer_says(world, order_id, f"AE 571=T1 17=E1 {WHOLE} | " + " | ".join(mine))
    assert told(world) == MM
    fill = world.reports()[-1]
    assert (fill.gross, fill.accrued, fill.net) == (Decimal(999_500), Decimal(10), Decimal(999_510))


def test_a_third_word_of_one_cancel_is_acknowledged() -> None:
    """The trade is gone, as it says: nothing waits for a person, and nothing may be said to."""
    messages = "8 17=E1 PART 14=400000; AE 571=T1 17=E1 PART; 8 150=H 17=H1 19=E1 39=0 14=0 151=1000000"
    world, order_id = played(messages, "AE 571=T2 572=T1 487=1 PART", "AE 571=T3 572=T1 487=1 PART")
    assert (world.the(order_id).filled, quarantined(world), verdicts(world)) == (0, [], "aaa")


def test_a_quote_that_was_taken_names_the_order() -> None:
    world, order_id = placed("AUTO")
    quote_id = world.placement(order_id).quote_id
    dealer_says(world, order_id, f"AE 571=T1 117={quote_id} {WHOLE} | 54=1 37=L 11=-")
    assert (told(world), verdicts(world)) == (MM, "a")


def test_the_8_of_a_trade_that_an_ae_told_of_has_its_own_words() -> None:
    """The rest is canceled by the 8 that repeats the fill: the order goes on to the next quote."""
    world, order_id = played(f"AE 571=T1 {PART}")
    placement = world.placement(order_id)
    dealer_says(world, order_id, f"8 17=E1 150=F 39=4 {PART} 14=400000 151=0")
    assert world.state.placements[placement.placement_id].state is PlacementState.canceled
    assert (told(world), quarantined(world), world.pages()) == (400_000, [], [])


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        pytest.param("AE 571=T1 PART 39=2", "the dealer says 1000000 is filled", id="filled by its status"),
        pytest.param(
            "AE 571=T1 PART; 8 17=E1 PART 14=1000000 39=2", "the dealer says 1000000 is filled", id="the 8 counts more"
        ),
        pytest.param(
            "8 17=E1 PART 14=400000; AE 571=T2 PART; 8 17=E9 150=4 39=4 14=800000 151=0",
            "the dealer says 800000 is filled",
            id="one by an 8, one by a nameless AE",
        ),
    ],
)
def test_a_count_of_more_is_doubt_over_the_difference(messages: str, words: str) -> None:
    world, order_id = played(messages)
    assert told(world) == 400_000
    placement = world.placement(order_id)
    assert (placement.unanswered, placement.person_needed) == (True, True)
    assert placement.evidence.startswith(words)
    assert pages(world) == ["order in doubt"]


@pytest.mark.parametrize("restarts", ["", "restart; "], ids=["", "over a restart"])
def test_only_the_8_says_that_the_order_lives_on_after_its_trade_was_canceled(restarts: str) -> None:
    """The AE has no word of the order: what it frees is not free, once the 8 of the same cancel has come."""
    world, order_id = played(
        f"8 17=E1 WHOLE 39=2 14=1000000 151=0; AE 571=T1 WHOLE; AE 571=T2 572=T1 487=1 WHOLE; {restarts}"
        "8 17=E2 19=E1 150=H WHOLE 39=0 14=0 151=1000000"
    )
    placement = world.placement(order_id)
    assert (placement.unanswered, placement.reserved, placement.person_needed) == (True, MM, False)
    assert world.the(order_id).state is OrderState.placed
    assert [said.placement_id for said in world.said(m.CancelPlacement)] == [placement.placement_id]
    assert len(world.recorded(e.FillCanceled)) == 1


CANCELED = m.ReportKind.trade_canceled
CORRECTED = m.ReportKind.trade_corrected


@pytest.mark.parametrize(
    ("messages", "booked", "answers", "kinds"),
    [
        pytest.param("AE 571=T1 PART; AE 571=T2 572=T1 487=1 PART", 0, "aa", "FH", id="taken back"),
        pytest.param("AE 571=T1 WHOLE; AE 571=T2 572=T1 487=1 WHOLE", 0, "aa", "FH", id="the whole taken back"),
        pytest.param("AE 571=T1 PART; AE 571=T2 572=T1 487=4 PART", 0, "aa", "FH", id="reversed"),
        pytest.param("AE 571=T1 PART; AE 571=T2 572=T1 856=6 PART", 0, "aa", "FH", id="by TradeReportType"),
        pytest.param("AE 571=T1 PART; AE 571=T2 572=T1 856=7 PART", 0, "aa", "FH", id="broken"),
        pytest.param("AE 571=T1 PART; AE 571=T2 572=T1 150=H PART", 0, "aa", "FH", id="by ExecType"),
        pytest.param("AE 571=T1 PART; AE 571=T1 487=1 PART", 0, "aa", "FH", id="under its own name"),
        pytest.param("AE 571=T1 17=E1 PART; AE 571=T2 17=E1 487=1 PART", 0, "aa", "FH", id="by the ExecID"),
        pytest.param("AE 571=T1 880=M1 PART; AE 571=T2 880=M1 487=1 PART", 0, "aa", "FH", id="by the match"),
        pytest.param("8 17=E1 PART 14=400000; AE 571=T2 17=E1 487=1 PART", 0, "a", "FH", id="a fill of an 8"),
        pytest.param("8 17=E1 PART 14=400000; AE 571=T2 572=E1 487=1 PART", 0, "a", "FH", id="a fill of an 8, by 572"),
        pytest.param(
            "8 17=E1 PART 14=400000; AE 571=T1 PART; AE 571=T2 572=T1 487=1 PART; "
            "8 17=E2 19=E1 150=H PART 14=0 151=0 39=4",
            0,
            "aa",
            "FH",
            id="by both, the AE first",
        ),
        pytest.param(
            "AE 571=T1 PART; 8 17=E1 PART 14=400000; 8 17=E2 19=E1 150=H PART 14=0 151=0 39=4; "
            "AE 571=T2 572=T1 487=1 PART",
            0,
            "aa",
            "FH",
            id="by both, the 8 first",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=1 PART; AE 571=T2 572=T1 487=1 PART 97=Y", 0, "aaa", "FH", id="twice"
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=1 PART; AE 571=T1 PART 97=Y", 0, "aaa", "FH", id="and told once more"
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 PART; AE 571=T3 572=T1 487=1 PART", 400_000, "aaa", "FFH", id="one of two alike"
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=1 PART; AE 571=T3 PART", 400_000, "aaa", "FHF", id="and traded again"
        ),
        pytest.param("AE 571=T1 PART; AE 571=T2 572=T1 487=2 32=300000", 300_000, "aa", "FG", id="corrected"),
        pytest.param("AE 571=T1 PART; AE 571=T2 572=T1 856=5 32=300000", 300_000, "aa", "FG", id="no, it was"),
        pytest.param("AE 571=T1 PART; AE 571=T2 572=T1 487=2 PART 31=99.94", 400_000, "aa", "FG", id="another price"),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=2 32=300000; AE 571=T3 572=T2 487=2 32=200000",
            200_000,
            "aaa",
            "FGG",
            id="corrected again, by the latest",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=2 32=300000; AE 571=T3 572=T1 487=2 32=200000",
            200_000,
            "aaa",
            "FGG",
            id="corrected again, by the first",
        ),
        pytest.param(
            "AE 571=T1 17=E1 PART; AE 571=T2 17=E1 487=2 32=300000; AE 571=T3 17=E1 487=2 32=200000",
            200_000,
            "aaa",
            "FGG",
            id="corrected again, by the ExecID",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=2 32=300000; AE 571=T3 572=T2 487=1 32=300000",
            0,
            "aaa",
            "FGH",
            id="corrected, then taken back",
        ),
        pytest.param(
            "8 17=E1 PART 14=400000; AE 571=T1 PART; "
            "AE 571=T2 572=T1 487=2 32=300000; 8 17=E2 19=E1 150=G 32=300000 14=300000",
            300_000,
            "aa",
            "FG",
            id="corrected by both, the AE first",
        ),
        pytest.param(
            "AE 571=T1 PART; 8 17=E1 PART 14=400000; "
            "8 17=E2 19=E1 150=G 32=300000 14=300000; AE 571=T2 572=T1 487=2 32=300000",
            300_000,
            "aa",
            "FG",
            id="corrected by both, the 8 first",
        ),
        pytest.param(
            "8 17=E1 PART 14=400000; AE 571=T1 PART; "
            "AE 571=T2 572=T1 487=2 32=300000; AE 571=T3 572=T2 487=2 32=200000; "
            "8 17=E2 19=E1 150=G 32=300000 14=300000; 8 17=E3 19=E2 150=G 32=200000 14=200000",
            200_000,
            "aaa",
            "FGG",
            id="corrected twice by both, the AEs first",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=2 32=300000; AE 571=T1 PART 97=Y",
            300_000,
            "aaa",
            "FG",
            id="corrected, and told once more as it was",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=2 32=300000; 8 17=E1 PART 14=400000",
            300_000,
            "aa",
            "FG",
            id="corrected before its 8 comes",
        ),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_a_trade_report_takes_a_trade_back_or_corrects_it_once(
    messages: str, booked: int, answers: str, kinds: str, restarts: bool
) -> None:
    world, order_id = played("; restart; ".join(script(messages)) if restarts else messages)
    assert world.the(order_id).filled == booked
    for copy in (False, True):
        changes = [each for each in world.reports(copy) if each.kind.value in "FGH"]
        assert "".join(each.kind.value for each in changes) == kinds
        assert changes[-1].cum_quantity == booked
        assert all(bool(each.exec_ref_id) is (each.kind in (CANCELED, CORRECTED)) for each in changes)
    assert (quarantined(world), verdicts(world)) == ([], answers)


@pytest.mark.parametrize(
    ("messages", "booked", "reason"),
    [
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T9 487=1 PART",
            400_000,
            "trade cancel with TradeReportRefID(572)=T9: no such trade is booked",
            id="an unknown trade",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 487=1 PART",
            400_000,
            "trade cancel without TradeReportRefID(572): no such trade is booked",
            id="no trade named",
        ),
        pytest.param(
            "AE 571=T2 572=T1 487=1 PART",
            0,
            "trade cancel with TradeReportRefID(572)=T1: no such trade",
            id="before its trade",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=1 32=300000",
            400_000,
            "trade cancel of LastQty(32) 300000",
            id="another size",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=2 32=1100000",
            400_000,
            "1100000 is more than",
            id="corrected beyond the order",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=2 PART 31=99.96",
            400_000,
            "99.96 is worse than",
            id="corrected to a worse price",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=1 PART; AE 571=T3 572=T1 487=2 PART",
            0,
            "which was canceled",
            id="corrected after it was taken back",
        ),
        pytest.param(
            "AE 571=T1 PART; AE 571=T2 572=T1 487=2 32=300000; AE 571=T2 572=T1 487=2 32=200000",
            300_000,
            "same ExecID as another trade correction",
            id="one name, two corrections",
        ),
        pytest.param("AE 571=T1 PART; AE 571=T2 572=T1 487=1 PART | 54=2", 400_000, "Side(54)", id="the other side"),
    ],
)
def test_a_change_that_cannot_be_carried_out_waits_for_a_person(messages: str, booked: int, reason: str) -> None:
    world, order_id = played(messages)
    assert reason in quarantined(world)[-1]
    assert (world.the(order_id).filled, verdicts(world)[-1]) == (booked, "r")
    dealer_says(world, order_id, script(messages)[-1])
    assert (len(quarantined(world)), verdicts(world)[-2:]) == (1, "rr"), "the same again is as it was"


@pytest.mark.parametrize(
    ("messages", "booked", "answers", "kinds"),
    [
        ("AE 571=T2 572=T1 487=1 PART; AE 571=T1 PART", 0, "raa", "FH"),
        ("AE 571=T2 572=T1 487=2 32=300000; AE 571=T1 PART", 300_000, "raa", "FG"),
        ("AE 571=T2 572=T1 17=E1 487=1 PART; AE 571=T1 17=E1 PART", 0, "raa", "FH"),
        ("AE 571=T2 17=E1 487=1 PART; AE 571=T1 17=E1 PART", 0, "raa", "FH"),
        ("AE 571=T2 17=E1 487=1 PART; 8 17=E1 PART 14=400000", 0, "ra", "FH"),
        ("8 17=E1 PART 14=400000; AE 571=T2 572=T1 487=1 PART; AE 571=T1 PART", 0, "raa", "FH"),
        ("AE 571=T1 PART; 8 17=E2 19=E1 150=H PART 14=0 151=0 39=4; 8 17=E1 PART 14=400000", 0, "a", "FH"),
    ],
)
def test_a_change_that_came_before_its_trade_is_carried_out_once_it_is_there(
    messages: str, booked: int, answers: str, kinds: str
) -> None:
    world, order_id = played(messages)
    changes = [each.kind.value for each in world.reports() if each.kind.value in "FGH"]
    assert (world.the(order_id).filled, "".join(changes), world.state.open_quarantine()) == (booked, kinds, [])
    assert "".join(sorted(verdicts(world))) == "".join(sorted(answers))


def test_a_change_of_nothing_that_was_ordered_waits_for_a_person() -> None:
    world, _ = played("AE 571=T2 572=T1 487=1 PART | 54=1 37=L 11=never")
    assert (quarantined(world), verdicts(world)) == (["trade cancel of nothing we ordered"], "r")


def test_a_report_that_a_person_books_is_acknowledged_after_all() -> None:
    world, order_id = played("AE 571=T1 17=E1 487=0 PART 31=99.96")
    [kept] = world.state.open_quarantine()
    world.command("quarantine.book", fill=kept.fill_id, reason="agreed on the phone", role="operator")
    assert (told(world), verdicts(world)) == (400_000, "ra")
    assert acks(world)[-1].words == m.ReportWords("T1", "0", "", "F", "", "E1", "", "", "4", BOND.security_id)
    dealer_says(world, order_id, "AE 571=T1 17=E1 487=0 32=400000 31=99.96 97=Y")
    dealer_says(world, order_id, "8 17=E1 32=400000 31=99.96 14=400000")
    assert (told(world), verdicts(world), world.state.open_quarantine()) == (400_000, "raa", [])


def test_a_report_that_a_person_rejects_is_answered_by_a_rejection() -> None:
    """Not by DontKnowTrade(Q): that is about an execution that an 8 told of."""
    world, order_id = played("AE 571=T1 17=E1 PART 31=99.96")
    [kept] = world.state.open_quarantine()
    world.command("quarantine.reject", fill=kept.fill_id, reason="never traded", role="operator")
    assert (world.said(m.DontKnowTrade), verdicts(world)) == ([], "rr")
    ack = acks(world)[-1]
    assert (ack.words.report_id, ack.problem, ack.text) == ("T1", 99, "never traded")
    assert world.the(order_id).filled == 0


@pytest.mark.parametrize(
    ("messages", "answers"),
    [
        ("8 17=E1 PART 14=400000 31=99.96; AE 571=T1 PART 31=99.96", "ra"),
        ("AE 571=T1 PART 31=99.96; 8 17=E1 PART 14=400000 31=99.96", "ra"),
        # One row, of the 8: the report is accepted once it comes again.
        ("8 17=E1 PART 14=400000 31=99.96; AE 571=T1 17=E1 PART 31=99.96", "r"),
    ],
)
def test_a_fill_in_quarantine_that_both_tell_of_is_booked_once(messages: str, answers: str) -> None:
    world, order_id = played(messages)
    world.command(
        "quarantine.book", fill=world.state.open_quarantine()[0].fill_id, reason="agreed on the phone", role="operator"
    )
    assert (told(world), world.the(order_id).filled, world.state.open_quarantine()) == (400_000, 400_000, [])
    assert verdicts(world) == answers
    report = next(each for each in script(messages) if each.startswith("AE"))
    dealer_says(world, order_id, f"{report} 97=Y")
    assert (told(world), verdicts(world)) == (400_000, f"{answers}a")


def test_what_is_repeated_in_the_acknowledgement() -> None:
    world, _ = played(f"AE 571=T1 572=T0 17=E1 527=V1 880=M1 487=0 856=0 150=F {WHOLE}")
    [ack] = acks(world)
    assert ack.words == m.ReportWords("T1", "0", "0", "F", "T0", "E1", "V1", "M1", "4", BOND.security_id)
    assert (ack.transact_ns, ack.problem, ack.text) == (world.now.utc_ns, None, "")


@pytest.mark.parametrize("text", ["left of the order", "quoted", "fill_better", "1000000"])
def test_an_acknowledgement_tells_nothing_of_us(text: str) -> None:
    world, _ = played("AE 571=T1 32=1100000", f"AE 571=T2 {PART} 31=99.96", f"AE 571=T3 {PART} 31=1")
    assert verdicts(world) == "rrr"
    assert all(text not in ack.text for ack in acks(world))


def test_the_oms_hears_of_it_as_of_any_fill() -> None:
    world, _ = played(f"AE 571=T1 17=E1 64=20261125 {WHOLE} | 54=1 37=M 11=P1 381=999500")
    fill = world.reports()[-1]
    assert (fill.dealer_exec_id, fill.settl_date, fill.trade_date, fill.gross) == (
        "E1",
        "20261125",
        "20261123",
        999_500,
    )
    assert world.kinds()[-1] == "F/2"


def test_names_of_trade_reports_are_bounded() -> None:
    world, _ = played(*(f"AE 571=T{n} 17=E1 {PART}" for n in range(40)))
    [booked] = world.today("fills").values()
    assert (told(world), len(booked.fill.trade_report_ids), verdicts(world)) == (400_000, 16, "a" * 40)


def test_an_order_id_that_a_dealer_gives_to_all_names_none() -> None:
    """A hundred acceptances called alike: looked through by nobody."""
    world, order_id = played(f"AE 571=T1 {WHOLE}")
    placement = world.placement(order_id)
    for number in range(60):
        other: Any = world.state.placements[placement.placement_id]
        draft = world.draft()
        draft.state.placements.put(
            f"P{number}",
            type(other)(
                **{**{name: getattr(other, name) for name in other.__dataclass_fields__}, "placement_id": f"P{number}"}
            ),
        )
        assert draft.state.known_as("ash", "K") is not None
        world.state.placements.put(f"P{number}", draft.state.placements[f"P{number}"])
    assert world.state.known_as("ash", "K") == []
