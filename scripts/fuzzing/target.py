"""What a part of the engine is fuzzed by: numbered cases, each the same for the same seed whatever came before it."""

from __future__ import annotations

from random import Random
from typing import Protocol

from fuzzing.corpus import Corpus
from fuzzing.meter import Meter


class Target(Protocol):
    """A case is one input, or a whole life of a session with many."""

    name: str
    inputs: int
    """How many inputs a run without options gives it."""

    def __init__(self, corpus: Corpus, rng: Random) -> None: ...

    def case(self, meter: Meter, reproduction: str) -> None:
        """One case drawn from `rng`, which was seeded for it; every input of it goes through `meter`."""

    def close(self) -> None: ...
