"""What a round of another system says of who quotes which bonds."""

from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal

import pytest
from seen_rounds import seen

from engine.dealers.stats import DealerStats
from engine.desk.past.lessons import lessons_told
from engine.domain.instrument import BondTraits
from engine.domain.observation import Answer, AskSeen, BondSeen, RoundTold

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
