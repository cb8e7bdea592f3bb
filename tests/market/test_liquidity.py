"""The score: percentiles among the bonds of a group, the unknown at the bottom."""

from __future__ import annotations

import pytest

from engine.market.liquidity import Groups, GroupScores


def test_scores_run_from_1_to_10_over_a_group() -> None:
    bonds = [(float(trades), trades / 100, -float(100 - trades)) for trades in range(10)]
    group = GroupScores(bonds)
    assert [group.score(each) for each in bonds] == list(range(1, 11))


def test_what_is_unknown_of_a_bond_is_the_lowest() -> None:
    group = GroupScores([(1.0, 1.0), (2.0, 2.0), (3.0, None)])
    assert group.score((3.0, 2.0)) == 10
    assert group.score((3.0, None)) == round((10 + 1) / 2)


def test_what_is_unknown_of_all_is_left_out() -> None:
    group = GroupScores([(1.0, None), (2.0, None), (3.0, None)])
    assert [group.score((value, None)) for value in (1.0, 2.0, 3.0)] == [1, round(5.5), 10]


def test_of_nothing_there_is_no_score() -> None:
    assert GroupScores([(None, None)]).score((None, None)) is None
    assert GroupScores([]).score(()) is None


@pytest.mark.parametrize(("trades", "score"), [(1, 4), (2, 10), (0, 1)])
def test_bonds_alike_share_the_middle(trades: int, score: int) -> None:
    assert GroupScores([(1.0,), (1.0,), (1.0,), (2.0,)]).score((float(trades),)) == score


def test_where_nobody_trades_everybody_has_the_lowest() -> None:
    """And a bond that traded today has the best of what is counted in days since."""
    group = GroupScores([(0.0, 0.0, None, 0.0), (0.0, 0.0, None, 0.0)])
    assert group.score((0.0, 0.0, None, 0.0)) == 1
    assert GroupScores([(1.0, 1.0, 0.0), (1.0, 1.0, -9.0)]).score((1.0, 1.0, 0.0)) == round((5.5 + 5.5 + 10) / 3)


def test_a_bond_alone_is_in_the_middle() -> None:
    assert GroupScores([(7.0,)]).score((7.0,)) == round(5.5)


def test_a_trade_since_the_morning_moves_a_bond_at_once() -> None:
    group = GroupScores([(0.0,), (4.0,), (8.0,)])
    assert group.score((0.0,)) == 1
    assert group.score((9.0,)) == 10


def test_groups_know_their_bonds() -> None:
    groups = Groups({"A": "hy", "B": "ig", "C": "hy"})
    assert (groups.of("A"), groups.of("Z"), list(groups.members("hy"))) == ("hy", None, ["A", "C"])
