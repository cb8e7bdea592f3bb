"""Policies in worlds: the same luck for all, the same desk whoever chooses, and costs that are those of the street."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judging import main, table
from judging.policies import ENGINES_OWN, POLICIES
from judging.trading import Played, Trading, kind_of, play
from worlds.street import Late
from worlds.world import Kind, draw

ROUNDS = 25


def played(policy: str, world: int, cost_bps: float, kind: str = "quiet") -> Played:
    return Played(world, kind, policy, 100, 20, cost_bps, 0.0, 0.1, 3.0, 0.0, 1.0)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_comes_to_the_same_again(policy: str) -> None:
    def found() -> tuple[float, ...]:
        one = play(3, policy, ROUNDS, 4)
        return one.cost_bps, one.leak_bps, one.late, one.asked

    assert found() == found()


def test_ten_worlds_in_a_row_are_one_of_each_kind() -> None:
    assert [kind_of(world) for world in range(1, 11)] == list(Kind) == [kind_of(world) for world in range(41, 51)]


def test_nobody_asks_more_than_it_may() -> None:
    for policy in POLICIES:
        assert play(3, policy, 20, 2).asked <= 2


def test_where_nobody_leaks_no_leak_is_found() -> None:
    assert play(1, "random", ROUNDS, 4).leak_bps == 0.0
    assert play(3, "random", ROUNDS, 6).leak_bps != 0.0


def test_what_nobody_trades_now_is_traded_later_at_what_it_costs_then() -> None:
    class Nobody:
        def choose(self, asking: Any) -> Any:
            return POLICIES["random"](desk.street).choose(asking).__class__((), {}, ())

        def saw(self, asking: Any, seen: Any, closed: Any) -> None:
            assert seen.asks == ()

        def marked(self, seen: Any, after: Any) -> None: ...

        def day_ends(self, now_ns: int) -> None: ...

    world = draw(Kind.QUIET, 1)
    desk = Trading(world, "random", 4)
    desk.policy = Nobody()
    desk.trade(ROUNDS)
    assert desk.late == pytest.approx(ROUNDS)
    again = Trading(world, "random", 4).street
    costs = [
        again.cost_bps(event.piece, event.price, event.at_s)
        for event in again.events(ROUNDS)
        if isinstance(event, Late)
    ]
    assert desk.cost_bps == pytest.approx(sum(costs))


@pytest.mark.parametrize("name", ENGINES_OWN)
def test_the_engines_policies_learn_from_what_they_see(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    desk = Trading(draw(Kind.QUIET, 1), name, 3)

    def listening(what: str, tell: Callable[..., None]) -> Callable[..., None]:
        def heard(*facts: Any) -> None:
            told.append(what)
            tell(*facts)

        return heard

    for what in ("saw", "marked"):
        monkeypatch.setattr(desk.policy, what, listening(what, getattr(desk.policy, what)))
    desk.trade(20)
    assert told.count("saw") == 20
    assert told.count("marked") == 20 * 6


def test_an_interval_is_that_of_students_t() -> None:
    """Four values 1, 2, 3, 4: mean 2.5, sd 1.291, error 0.6455, times 3.18."""
    assert table.interval([1.0, 2.0, 3.0, 4.0]) == pytest.approx((2.5, 0.447, 4.553), abs=1e-3)


def test_the_way_from_a_list_to_the_truth_is_a_ratio_of_sums_with_an_interval() -> None:
    results = []
    for world, (static, model, oracle) in enumerate([(20.0, 14.0, 10.0), (30.0, 18.0, 10.0), (10.0, 9.0, 8.0)], 1):
        results += [played("static", world, static), played("model", world, model), played("oracle", world, oracle)]
    share, low, high = table.way(table.by_world(results), "model")
    assert share == pytest.approx(19 / 32)
    assert low <= share <= high
    found = table.summary(results, against="static")
    assert found["policies"][1]["saved_bps"][0] == pytest.approx(19 / 3)
    assert "model" in table.told(found)


def test_what_was_played_is_not_played_again_and_a_torn_line_is(tmp_path: Path, capsys: Any) -> None:
    kept = tmp_path / "kept.jsonl"
    options = ["worlds", "--rounds", "20", "--policies", "random,static", "--processes", "1", "--against", "static"]
    assert main.main([*options, "--worlds", "1-2", "--keep", str(kept), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    lines = kept.read_text().splitlines(keepends=True)
    assert len(lines) == 4
    kept.write_text("".join(lines[:3]) + lines[3][:20])
    assert main.main([*options, "--worlds", "1-2", "--keep", str(kept), "--json"]) == 0
    said = capsys.readouterr()
    assert said.err.count("world ") == 1, "only the world of the torn line"
    second = json.loads(said.out)
    for one, other in zip(first["policies"], second["policies"], strict=True):
        assert one["cost_bps"] == other["cost_bps"]


def test_the_worlds_of_evidence_are_not_played_here(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main.main(["worlds", "--worlds", "1001-1100"])
    assert "for evidence" in capsys.readouterr().err
