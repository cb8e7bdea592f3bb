"""What a round of another system says of who quotes which bonds."""

from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from seen_rounds import seen

from engine.clock import NS_PER_S
from engine.dealers.stats import DealerStats
from engine.desk.past.lessons import lessons_told
from engine.domain.instrument import BondTraits
from engine.domain.observation import Answer, AskSeen, BondSeen, RoundTold, Taken

BOND = BondSeen(
    "US99Z006ZZ16", "Osprey Freight", "corporate", "transport", "AA", datetime.date(2031, 3, 15), Decimal("4.5")
)
TRAITS = BondTraits(
    "corporate",
    "Osprey Freight",
    "transport",
    "AA",
    (datetime.date(2031, 3, 15) - datetime.date(1970, 1, 1)).days,
    4.5,
)


def learnt(bond: BondSeen, answer: Answer) -> tuple[DealerStats, int]:
    stats, plain = DealerStats(), seen("H-1", [])
    ask = AskSeen("ash", 1, plain.sent_ns, plain.closed_ns, answer, plain.sent_ns + 5_000_000_000)
    for take, facts in lessons_told(RoundTold(replace(plain, bond=bond, asks=(ask,), n_asked=1), ())):
        take(stats, *facts)
    return stats, plain.closed_ns


@pytest.mark.parametrize("answer", [Answer.quote, Answer.indicative])
def test_a_dealer_that_quoted_a_bond_elsewhere_has_quoted_it(answer: Answer) -> None:
    stats, now_ns = learnt(BOND, answer)
    assert stats.quoted_any("ash", [TRAITS], 180, now_ns)
    assert list(stats.quoted.like(TRAITS)) == [TRAITS]


def test_one_that_passed_has_not() -> None:
    stats, now_ns = learnt(BOND, Answer.passed)
    assert not stats.quoted_any("ash", [TRAITS], 180, now_ns)


@pytest.mark.parametrize("bond", [replace(BOND, sector=""), replace(BOND, maturity=None)])
def test_of_a_bond_of_which_too_little_was_told_nothing_is_remembered(bond: BondSeen) -> None:
    assert learnt(bond, Answer.quote)[0].quoted.dump() == []


def lessons(**changes: Any) -> list[tuple[str, tuple[Any, ...]]]:
    """The names of the lessons of one ask, with what each is told after the dealer and the segment."""
    plain = seen("H-1", [])
    ask = AskSeen("ash", 1, plain.sent_ns, None, Answer.quote, plain.sent_ns + 5 * NS_PER_S)
    told = RoundTold(replace(plain, bond=BOND, asks=(replace(ask, **changes),), n_asked=1), ())
    return [(take.__name__, facts[2:]) for take, facts in lessons_told(told)]


@pytest.mark.parametrize(
    ("taken", "taught"),
    [
        (Taken.no, []),
        (Taken.filled, ["traded"]),
        (Taken.partial, ["traded"]),
        (Taken.rejected, ["rejected_after_accept"]),
    ],
)
def test_what_was_traded_is_a_trade_and_what_was_not_is_none(taken: Taken, taught: list[str]) -> None:
    assert [name for name, _ in lessons(taken=taken)] == ["asked", "answered", *taught]


@pytest.mark.parametrize(("deadline_s", "waited_s"), [(45, 45.0), (None, 120.0)])
def test_silence_is_as_long_as_it_was_waited_for(deadline_s: int | None, waited_s: float) -> None:
    sent_ns = seen("H-1", []).sent_ns
    deadline_ns = None if deadline_s is None else sent_ns + deadline_s * NS_PER_S
    _, silent = lessons(answer=Answer.none, answered_ns=None, deadline_ns=deadline_ns)
    assert silent == ("silent", (sent_ns + int(waited_s) * NS_PER_S, waited_s))
