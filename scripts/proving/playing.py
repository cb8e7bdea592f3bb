"""One world: every policy from the first round to the last, by the same luck. Pure: its place and numbers in, rows out.

It is the piece of work that is handed to a process or to a worker of a cluster. Policies of a world are one piece, for
they share its paths, which are dear to draw.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from judging.policies import ENGINES_OWN, POLICIES, Manner
from judging.sight import Asking, time_s
from judging.trading import Played, Trading, kind_of, played
from worlds.paths import Paths
from worlds.street import Round, Street
from worlds.world import Kind, World, draw

from engine.domain.observation import RoundSeen
from proving.leaking import LeakTruth
from proving.listening import Listening
from proving.measured import Observed, short

SEVEN: Final = ("random", "static", "classic", "classic-explores", "model", "model-blind", "oracle")
ALL_BY_MODEL: Final = "model-top"
"""The model's ranking with as many asked as may be: among equal dealers it is held against others that ask as many."""
WATCHED: Final = "model"
_MANNERS: Final[Mapping[str, Manner]] = {ALL_BY_MODEL: Manner("model")}


def policies_of(kind: Kind) -> tuple[str, ...]:
    """Who plays in worlds of this kind."""
    return (*SEVEN, ALL_BY_MODEL) if kind is Kind.EQUAL else SEVEN


def weight_of(world: int, rounds: int) -> int:
    """How many rounds are to be played in it, by all together."""
    return rounds * len(policies_of(kind_of(world)))


def world_played(what: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of one world: what each policy came to, and what the model expected beside what happened."""
    number, rounds, at_most = int(what["world"]), int(what["rounds"]), int(what["at_most"])
    world = draw(kind_of(number), number)
    paths = Paths(world.chance, world.stress)
    rows: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    for name in policies_of(world.kind):
        began = time.process_time()
        if name == WATCHED:
            desk, found = _watched(world, rounds, at_most, paths)
        else:
            desk = Trading(world, name, at_most, paths, policies={**POLICIES, **_others()})
            desk.trade(rounds)
        rows.append(_plain(played(desk, name, rounds, time.process_time() - began)))
    return {
        "world": number,
        "kind": world.kind.value,
        "dealers": len(world.dealers),
        "rounds": rounds,
        "policies": rows,
        "expected": found,
    }


def _plain(one: Played) -> dict[str, Any]:
    """Without what is the world's."""
    return {
        "policy": one.policy,
        "cost_bps": short(one.cost_bps),
        "thirds_bps": [short(each) for each in one.thirds_bps],
        "leak_bps": short(one.leak_bps),
        "late": short(one.late),
        "late_bps": None if one.late_bps is None else short(one.late_bps),
        "asked": short(one.asked),
        "explored": short(one.explored),
        "orders": one.orders,
        "failed": one.failed,
        "seconds": round(one.seconds, 2),
    }


def _others() -> dict[str, Any]:
    return {name: lambda street, manner=manner: Observed(street, manner) for name, manner in _MANNERS.items()}


class _Witness(Observed):
    """The model, and the truth of leaks beside it."""

    def __init__(self, street: Listening) -> None:
        super().__init__(street, ENGINES_OWN[WATCHED])
        self._truth = LeakTruth(street)
        self._last_ns = 0

    def saw(self, asking: Asking, seen: RoundSeen, closed: Round | None) -> None:
        super().saw(asking, seen, closed)
        if closed is not None and seen.decided_ns is not None:
            self._truth.saw(closed, time_s(seen.decided_ns))
        self._last_ns = max(self._last_ns, seen.closed_ns)

    def plain(self) -> dict[str, Any]:
        table = self._leaks.table(self._last_ns)
        before, after = self._truth.held(table.leak_in.dealers, table.leak_post.dealers)
        return {**super().plain(), "leak_in": before.plain(), "leak_post": after.plain()}


def _watched(world: World, rounds: int, at_most: int, paths: Paths) -> tuple[Trading, dict[str, Any]]:
    desk = Trading(world, WATCHED, at_most, paths, Listening, {WATCHED: _witness})
    desk.trade(rounds)
    assert isinstance(desk.policy, _Witness)
    return desk, desk.policy.plain()


def _witness(street: Street) -> _Witness:
    assert isinstance(street, Listening)
    return _Witness(street)
