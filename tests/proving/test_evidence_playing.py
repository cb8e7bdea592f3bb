"""One world of the evidence: watched or not, the model plays the same, and leaks are held against the street's own."""

from __future__ import annotations

import json
import math

import pytest
from judging.policies import ENGINES_OWN
from judging.trading import Trading, kind_of, play
from proving.leaking import ROUNDS_MIN, Held, LeakTruth
from proving.listening import Listening
from proving.measured import Chances, Observed
from proving.playing import ALL_BY_MODEL, SEVEN, policies_of, world_played
from worlds.paths import Paths
from worlds.street import Round
from worlds.world import Kind, World, draw

from engine.domain.leak import LeakOf
from engine.domain.measure import Identified, Measure

ROUNDS = 15


def what(world: int, rounds: int = ROUNDS) -> dict[str, int]:
    return {"world": world, "rounds": rounds, "at_most": 4}


@pytest.mark.parametrize("world", [3, 9])  # A trader changes panels in the second.
def test_who_is_watched_plays_as_unwatched(world: int) -> None:
    found = world_played(what(world))
    for row in found["policies"]:
        assert row["cost_bps"] == pytest.approx(play(world, row["policy"], ROUNDS, 4).cost_bps, rel=1e-6), row["policy"]


def test_a_world_comes_to_the_same_again_and_is_plain() -> None:
    def without_seconds() -> str:
        found = world_played(what(2, 12))
        for row in found["policies"]:
            del row["seconds"]
        return json.dumps(found)

    assert without_seconds() == without_seconds()


def test_seven_play_everywhere_and_the_models_ranking_alone_among_equal_dealers() -> None:
    assert {kind: policies_of(kind) for kind in Kind if policies_of(kind) != SEVEN} == {
        Kind.EQUAL: (*SEVEN, ALL_BY_MODEL)
    }


def test_what_is_counted_of_the_model_is_every_ask_and_every_quote_once() -> None:
    world = draw(kind_of(3), 3)
    desk = Trading(world, "model", 4, policies={"model": lambda street: Observed(street, ENGINES_OWN["model"])})
    desk.trade(ROUNDS)
    policy = desk.policy
    assert isinstance(policy, Observed)
    assert sum(policy.answers.count) == desk.asked
    assert policy.edges.count <= sum(policy.answers.happened)
    assert sum(policy.fills.count) >= sum(policy.fills.happened) > 0
    assert policy.costs.count == ROUNDS


def test_thirds_are_the_whole_cost() -> None:
    for row in world_played(what(3, 24))["policies"]:
        assert math.fsum(row["thirds_bps"]) / 3 == pytest.approx(row["cost_bps"], rel=1e-5)
        assert 0 <= row["failed"] <= row["orders"] <= 24


def test_chances_that_are_true_beat_one_share_for_all() -> None:
    found = Chances()
    for at in range(4_000):
        chance = 0.2 if at % 2 else 0.8
        found.add(chance, (at // 2) % 5 < round(5 * chance))
    told = found.plain()
    assert told["happened"] == pytest.approx(told["predicted"])
    # Half a nat a case for what is known of both, ln 2 for who knows only their mean.
    assert told["log_loss"] / 4_000 == pytest.approx(0.5004, abs=1e-3)
    assert told["base_log_loss"] / 4_000 == pytest.approx(math.log(2), abs=5e-3)


# --- the truth of leaks ----------------------------------------------------------------------------


class Everybody:
    """Asks the same ones each time, learns nothing, and hands every round to who gathers the truth."""

    def __init__(self, street: Listening, panel: tuple[str, ...], truth: LeakTruth) -> None:
        self._panel, self._truth, self._street = panel, truth, street

    def choose(self, asking: object) -> object:
        from judging.sight import plain

        return plain(self._panel)

    def saw(self, asking: object, seen: object, closed: Round | None) -> None:
        from judging.sight import time_s

        assert closed is not None
        self._truth.saw(closed, time_s(seen.decided_ns))  # type: ignore[attr-defined]

    def marked(self, seen: object, after: object) -> None: ...

    def day_ends(self, now_ns: int) -> None: ...


def truth_of(kind: Kind, seed: int, rounds: int = 150) -> tuple[World, tuple[str, ...], Listening, LeakTruth]:
    world = draw(kind, seed)
    panel = tuple(world.present(320_000.0)[:5])
    truths: list[LeakTruth] = []
    streets: list[Listening] = []

    def made(street: object) -> Everybody:
        assert isinstance(street, Listening)
        streets.append(street)
        truths.append(LeakTruth(street))
        return Everybody(street, panel, truths[0])

    desk = Trading(world, "everybody", 5, Paths(world.chance, world.stress), Listening, {"everybody": made})  # type: ignore[dict-item]
    desk.trade(rounds)
    return world, panel, streets[0], truths[0]


def leak_of(dealer: str, value: float = 0.0, sd: float = 1.0) -> LeakOf:
    return LeakOf(dealer, Measure(value, sd, value - 1.645 * sd, value + 1.645 * sd, 9.0), sd, Identified.relative, 99)


@pytest.mark.parametrize("kind", [Kind.QUIET, Kind.HEDGE, Kind.TOLD, Kind.LATE])
def test_where_no_loser_moves_the_mid_within_the_window_the_truth_is_nothing(kind: Kind) -> None:
    _, panel, _, truth = truth_of(kind, 4)
    before, after = truth.held(map(leak_of, panel), map(leak_of, panel))
    assert before.dealers == after.dealers == len(panel)
    assert before.truth_bps == after.truth_bps == 0.0
    assert after.silent == len(panel)


@pytest.mark.parametrize(("kind", "early"), [(Kind.LOSERS, False), (Kind.EARLY, True), (Kind.MANY, False)])
def test_the_truth_is_of_those_who_talk_and_when_it_comes(kind: Kind, early: bool) -> None:
    world, panel, _, truth = truth_of(kind, 4)
    talkers = [name for name in panel if world.dealers[name].leak_bps]
    assert 0 < len(talkers) < len(panel), "choose another seed"
    before, after = truth.held([leak_of(name) for name in panel], [leak_of(name) for name in panel])
    assert (before.truth_bps > 0) == early
    assert after.truth_bps > 0
    # Where it counts how many know, one more who knows costs, whoever it is.
    assert after.leakers == (len(panel) if kind is Kind.MANY else len(talkers))
    assert after.leakers_bps == pytest.approx(after.truth_bps)


def test_an_estimate_is_off_by_how_far_it_is_from_the_truth_in_its_own_errors() -> None:
    held = Held()
    for value, sd, truth in ((1.0, 0.4, 0.0), (1.0, 0.6, 0.0), (1.0, 0.1, 1.1)):
        held.add(leak_of("d", value, sd), truth)
    assert (held.dealers, held.beyond_two, held.held) == (3, 1, 1 + 0 + 1 - (1.645 * 0.6 < 1.0))
    assert held.leakers == 1
    assert held.leakers_found_bps == 1.0
    assert held.silent_found_bps == 2.0


def test_a_handful_of_rounds_is_no_truth() -> None:
    _, panel, _, truth = truth_of(Kind.LOSERS, 4, ROUNDS_MIN - 1)
    before, after = truth.held(map(leak_of, panel), map(leak_of, panel))
    assert before.dealers == after.dealers == 0
