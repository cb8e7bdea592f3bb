"""The child process that learns a long past anew: a journal read, what was learnt kept in a file beside it.

`python -m engine.boot.learning_child` takes a `Wanted` as JSON on its standard input and writes how many observations
it has learnt. A child and not a thread: to learn half a million asks takes a minute, in which a thread would take the
interpreter from the loop. It asks for little of the machine, and reads the journal as any reader does.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from engine.boot import kept_learning
from engine.dealers.estimate_parameters import EstimateParameters
from engine.dealers.leak import LeakPrior
from engine.desk.learning import OBSERVATIONS, Learning
from engine.domain import events as e
from engine.journal.archive import ReadOnly
from engine.journal.event_codec import Codec

NICE: Final = 15
"""The daemon comes first."""
PAGE: Final = 2_000
"""Events looked at in one read transaction, so that the journal's log can be emptied in between."""
WAIT_S: Final = 0.01
_TYPES: Final = ", ".join(f"'{name}'" for name in sorted(kind.__name__ for kind in OBSERVATIONS))
_EVENTS: Final = (
    f"SELECT type, version, body FROM events WHERE seq > ? AND seq <= ? AND type IN ({_TYPES}) ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Learn the first `up_to` events of a journal, but no more than `observations` of those to learn from."""

    journal: str
    up_to: int
    observations: int
    parameters: EstimateParameters

    def as_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def wanted_of(data: bytes) -> Wanted:
    given: dict[str, Any] = json.loads(data)
    plain: dict[str, Any] = given.pop("parameters")
    parameters: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in plain.items()}
    for name in ("leak_in", "leak_post"):
        parameters[name] = LeakPrior(**parameters[name])
    return Wanted(**given, parameters=EstimateParameters(**parameters))


def learnt(wanted: Wanted) -> Learning:
    """Read, put in order, learn, keep. Raises JournalError or OSError."""
    parent = os.getppid()
    learning, decode = Learning(wanted.parameters, is_replaying=True), _codec().decode
    journal = Path(wanted.journal)
    with ReadOnly(journal) as file:
        while file.head().event_seq < wanted.up_to:  # What was decided a moment ago is on its way to the disk.
            _must_be_wanted(parent)
            time.sleep(WAIT_S)
        seq = 0
        while seq < wanted.up_to and learning.observations < wanted.observations:
            last = min(seq + PAGE, wanted.up_to)
            for row in file.query(_EVENTS, (seq, last)):
                if learning.observations < wanted.observations:
                    learning.fold(decode(*row))
            seq = last
        learning.rebuilt()
        made_of = kept_learning.about(file, wanted.up_to, learning.observations, wanted.parameters)
    _must_be_wanted(parent)
    kept_learning.keep(kept_learning.path_of(journal), made_of, learning)
    return learning


def _must_be_wanted(parent: int) -> None:
    if os.getppid() != parent:
        raise SystemExit("the daemon is gone: what was learnt is not wanted any more")


def _codec() -> Codec:
    names = {each.__name__ for each in OBSERVATIONS}
    upcasters = {key: upcaster for key, upcaster in e.UPCASTERS.items() if key[0] in names}
    return Codec(tuple(OBSERVATIONS), upcasters)


def main() -> int:
    os.nice(NICE)
    gc.disable()  # What is learnt has no rings, and all of it stays.
    wanted = wanted_of(sys.stdin.buffer.read())
    print(learnt(wanted).observations)
    return 0


if __name__ == "__main__":
    sys.exit(main())
