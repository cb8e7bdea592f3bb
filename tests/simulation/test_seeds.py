"""Seeds: each plays a noisy while with crashes at every phase of a turn, a calm one, and the full reconciliation.

A failure prints its seed and the last actions; `World(seed).play()` plays it again, action by action the same.
"""

from __future__ import annotations

from collections import Counter

import pytest
from sim_engine import PHASES
from world import World

DEFAULT_SEEDS = 200
FULL_SEEDS = 3000
CHUNK = 40

_seen: Counter[str] = Counter()


def _play(seeds: range) -> None:
    for seed in seeds:
        world = World(seed)
        world.play()
        _seen.update(world.crashes)
        _seen.update({f"35={kind}": count for kind, count in world.wire.counts.items()})


@pytest.mark.parametrize("first", range(0, DEFAULT_SEEDS, CHUNK))
def test_every_seed_holds(first: int) -> None:
    _play(range(first, first + CHUNK))


def test_the_seeds_have_seen_everything() -> None:
    """Every phase of a turn died in, every kind of message written: a world that is too kind proves nothing."""
    if not _seen:
        pytest.skip("runs after the seeds")
    kinds = ("R", "D", "F", "H", "8", "9", "2", "4", "5", "1", "3")
    missing = [phase for phase in PHASES if not _seen[phase]]
    missing += [kind for kind in kinds if not _seen[f"35={kind}"]]
    assert not missing, f"never happened: {missing} in {dict(_seen)}"


@pytest.mark.full
@pytest.mark.parametrize("first", range(DEFAULT_SEEDS, FULL_SEEDS, CHUNK))
def test_every_further_seed_holds(first: int) -> None:
    _play(range(first, first + CHUNK))


def test_a_seed_plays_the_same_twice() -> None:
    """Or a seed that failed could not be looked into."""
    worlds = [World(11), World(11)]
    for world in worlds:
        world.play()
    one, other = worlds
    assert one.wire.counts == other.wire.counts
    assert [repr(event) for event in one.record.events] == [repr(event) for event in other.record.events]
