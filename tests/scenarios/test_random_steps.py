"""Random steps in a row, most of them about one another: nothing fails, and what must hold does after each.

A failure names its seed and the steps, as a row of the table could have them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from scenario_invariants import answered, hold
from scenario_table import STAGES
from scenario_world import NotNow, ScenarioWorld

SEEDS_AT_ONCE: Final = 20
DEFAULT_SEEDS: Final = 60
FULL_SEEDS: Final = 3_000
STEPS: Final = (4, 14)
FROM: Final = tuple(
    stage
    for stage in STAGES
    if stage.name
    in ("asking", "quoted", "alerted", "placed", "acknowledged", "partly filled", "pending cancel", "pending replace")
)
QUANTITIES: Final = (100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 800_000, 1_000_000, 1_500_000, 2_000_000)
WORDS: Final = (
    "150=4 39=4", "150=C 39=C", "150=8 39=8", "150=0 39=0", "150=I 39=0", "150=I 39=1", "150=I 39=2", "150=I 39=4",
    "150=0 39=4", "150=4 39=2", "150=6 39=6",
)  # fmt: skip


def who(rng: random.Random) -> str:
    return rng.choice(("ash", "ash", "beech"))


def fill(rng: random.Random) -> str:
    done = rng.choice(QUANTITIES)
    counted = rng.choice((done, done, done + rng.choice(QUANTITIES)))
    again = "97=Y " if rng.random() < 0.1 else ""
    price = f" 31={rng.choice(('98.9', '99.02', '99.5', '9.9'))}" if rng.random() < 0.2 else ""
    name = f"11={rng.choice(('P1', 'P1', 'P2', 'P3'))} 17=E{rng.randint(1, 4)}"
    return f"{who(rng)}: 8 {again}{name} 150=F 39={rng.choice('1122')} 32={done} 14={counted} 151=0{price}"


def word(rng: random.Random) -> str:
    placement = rng.choice(("P1", "P1", "P2", "P3"))
    name = f"11={rng.choice(('F1', 'F2'))} 41={placement}" if rng.random() < 0.3 else f"11={placement}"
    counted = rng.choice((0, 0, 0, *QUANTITIES))
    return f"{who(rng)}: 8 {name} {rng.choice(WORDS)} 14={counted} 151={rng.choice((0, 0, 600_000, 1_000_000))}"


def change(rng: random.Random) -> str:
    """A trade cancel or a correction, by an 8 or an AE."""
    quantity, name = rng.choice(QUANTITIES), f"11={rng.choice(('P1', 'P2'))}"
    if rng.random() < 0.3:
        return f"{who(rng)}: AE {name} 487={rng.choice('012')} 17=E{rng.randint(1, 4)} 32={quantity}"
    kind = rng.choice(("150=H 39=0", "150=G 39=1"))
    return f"{who(rng)}: 8 {name} 17=E{rng.randint(7, 8)} 19=E{rng.randint(1, 3)} {kind} 32={quantity} 14={quantity}"


def replace(rng: random.Random) -> str:
    limit = rng.choice(("", "", " 40=2 44=99", " 40=2 44=98.5"))
    return f"oms: G 41={rng.choice(('C1', 'C1', 'G1', 'G2'))} 38={rng.choice(QUANTITIES)}{limit}"


def quote(rng: random.Random) -> str:
    price, name = rng.choice(("99", "98.9", "99.02", "99.2")), rng.choice("abc")
    return f"{who(rng)}: {rng.choice((f'S 133={price} 117={name}', 'AG', 'Z 117=* 298=4'))}"


def refusal(rng: random.Random) -> str:
    if rng.random() < 0.5:
        kind = rng.choice("RDFH")
        return f"{who(rng)}: {rng.choice('3j')} 45={kind} 372={kind}"
    status = rng.choice(("39=0", "39=2", "39=4", "39=8 102=1"))
    return f"{who(rng)}: 9 11={rng.choice(('F1', 'F2'))} 41={rng.choice(('P1', 'P2'))} {status}"


def person(rng: random.Random) -> str:
    words = ("execute", "execute beech", "send", "cancel", "release", "book 1", "book 2 over", "reject 1", "reject 2")
    return f"trader: {rng.choice(words)}"


def around(rng: random.Random) -> str:
    return rng.choice(
        (
            "ash drops", "ash returns", "ash returns 7=D", "beech drops", "beech returns", "oms drops", "oms returns",
            "wait 1s", "wait 5s", "wait 15s", "wait 31s", "kill on", "kill off", "restart", "oms: F", "oms: F 41=G1",
        )
    )  # fmt: skip


KINDS: Final[Mapping[Callable[[random.Random], str], int]] = {
    fill: 30, word: 18, change: 8, replace: 10, quote: 6, refusal: 8, person: 10, around: 16,
}  # fmt: skip
"""How often each is drawn, beside the others."""


def _groups() -> list[object]:
    firsts = range(0, FULL_SEEDS, SEEDS_AT_ONCE)
    marks = {first: [pytest.mark.full] if first >= DEFAULT_SEEDS else [] for first in firsts}
    return [pytest.param(first, id=f"seeds from {first}", marks=marks[first]) for first in firsts]


@pytest.mark.parametrize("first", _groups())
def test_what_must_hold_does_whatever_comes_after_what(first: int) -> None:
    for seed in range(first, first + SEEDS_AT_ONCE):
        rng = random.Random(f"steps-{seed}")
        stage, done, world = rng.choice(FROM), [], ScenarioWorld()
        world.play(*stage.steps)
        try:
            for _ in range(rng.randint(*STEPS)):
                step = rng.choices(tuple(KINDS), tuple(KINDS.values()))[0](rng)
                done.append(step)
                try:
                    world.do(step)
                except NotNow:
                    done.pop()
                    continue
                hold(world)
                answered(world, step)
            world.do("restart")
            hold(world)
        except Exception as error:
            error.add_note(f"seed {seed}: {stage.name}: {', then '.join(done)}")
            raise
