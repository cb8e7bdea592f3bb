"""Which worlds are played for which version of the model, and the rows that are kept of them.

Version V has the worlds V x 1000 + 1 to V x 1000 + 100: ten kinds, ten of each. They are played once, when the version
is finished. Worlds 1 to 1000 are for tuning, and for trying this program out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from judging.main import TUNED_IN_MAX
from judging.trading import ROUNDS, kind_of

from engine.errors import ConfigError
from engine.research.code import digest
from engine.research.spread import Item
from proving.playing import weight_of, world_played

WORLDS: Final = 100
AT_MOST: Final = 5
PACKAGES: Final = ("engine", "worlds", "judging", "proving")
"""Whose code decides what comes out."""


@dataclass(frozen=True, slots=True)
class Block:
    """Worlds `first` to `last`; `version` is the model's whose evidence they are, None of a try."""

    first: int
    last: int
    version: int | None = None
    rounds: int = ROUNDS
    at_most: int = AT_MOST

    @property
    def is_evidence(self) -> bool:
        return self.version is not None

    @property
    def items(self) -> list[Item]:
        """A piece of work a world."""
        return [
            Item(
                f"world {world}, {self.rounds} rounds, at most {self.at_most}",
                {"world": world, "rounds": self.rounds, "at_most": self.at_most},
                weight_of(world, self.rounds),
            )
            for world in range(self.first, self.last + 1)
        ]


def evidence_of(version: int) -> Block:
    """The block of a version of the model."""
    first = version * TUNED_IN_MAX + 1
    return Block(first, first + WORLDS - 1, version)


def tried(text: str, rounds: int) -> Block:
    """Worlds to try the program in, as `A-B`. Raises ConfigError for those that are for evidence."""
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        raise ConfigError(f"expected worlds as 1-10, found {text}")
    block = Block(int(first), int(last or first), rounds=rounds)
    if not 1 <= block.first <= block.last <= TUNED_IN_MAX:
        raise ConfigError(
            f"worlds 1 to {TUNED_IN_MAX} are for tries, found {text}: those beyond are run once, as a block"
        )
    return block


def code() -> str:
    """The digest of what the rows are made by."""
    return digest(world_played.__module__, PACKAGES)


def must_be_ours(kept: Path, made_by: str) -> None:
    """Raises ConfigError if rows of a block were made by other code: it would be played twice, by two models."""
    if not kept.exists():
        return
    others: set[str] = set()
    with kept.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                others.add(str(json.loads(line)["code"]))
            except (ValueError, KeyError, TypeError):
                continue  # It was cut off.
    others.discard(made_by)
    if others:
        raise ConfigError(
            f"{kept} has rows of this block that other code has made ({', '.join(sorted(others))}, here {made_by}): "
            "go on in a checkout of the commit that began it"
        )


# --- the file of rows ----------------------------------------------------------------------------


def saved(path: Path, about: Mapping[str, Any], worlds: Sequence[Mapping[str, Any]]) -> None:
    """Whole or not at all, a line a world."""
    lines = [json.dumps(each, separators=(",", ":")) for each in worlds]
    text = f'{{"about":{json.dumps(about)},\n"worlds":[\n' + ",\n".join(lines) + "\n]}\n"
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(about the run, its worlds). Raises ConfigError if there is no such file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    return found["about"], found["worlds"]


def kinds_of(block: Block) -> list[str]:
    return [kind_of(world).value for world in range(block.first, block.last + 1)]
