"""The child process that finds what asking dealers costs: a journal read, one solution written.

`python -m engine.boot.leak_child` takes a `Wanted` as JSON on its standard input and writes a `LeakSolved` as the
journal would keep it. It asks for little of the machine, reads the journal as any reader does, a page at a time, and
ends by itself when its time is over, also without the daemon.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from engine.dealers.leak import DAY_NS, LeakParameters, LeakPrior
from engine.dealers.leak_regression import solve
from engine.desk.leak_rows import FOLDED, LeakRounds
from engine.domain import events as e
from engine.domain.observation import Horizon
from engine.journal.archive import ReadOnly
from engine.journal.event_codec import Codec

NICE: Final = 15
"""The daemon comes first."""
PAGE: Final = 10_000
"""Events looked at in one read transaction, so that the journal's log can be emptied in between."""
WAIT_S: Final = 0.01
_TYPES: Final = ", ".join(f"'{each.__name__}'" for each in FOLDED)
_EVENTS: Final = (
    f"SELECT type, version, body FROM events WHERE seq > ? AND seq <= ? AND type IN ({_TYPES}) ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the batch is to rest on: the first `up_to` events of a journal, as of `now_ns`."""

    journal: str
    up_to: int
    observations: int
    now_ns: int
    actor: str
    reason: str
    limit_s: float
    parameters: LeakParameters

    def as_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def wanted_of(data: bytes) -> Wanted:
    given: dict[str, Any] = json.loads(data)
    parameters = given.pop("parameters")
    parameters["horizon"] = Horizon(parameters["horizon"])
    for name in ("leak_in", "leak_post"):
        parameters[name] = LeakPrior(**parameters[name])
    return Wanted(**given, parameters=LeakParameters(**parameters))


def codec() -> Codec:
    """Of the events that a batch reads, and of the one it writes."""
    kinds = (*FOLDED, e.LeakSolved)
    names = {each.__name__ for each in kinds}
    return Codec(kinds, {key: upcaster for key, upcaster in e.UPCASTERS.items() if key[0] in names})


def found(wanted: Wanted) -> e.LeakSolved:
    """Read, fold, solve. Raises JournalError where the journal cannot be read."""
    began = time.monotonic()
    rounds = LeakRounds()
    decode = codec().decode
    with ReadOnly(Path(wanted.journal)) as file:
        while file.head().event_seq < wanted.up_to:  # What was decided a moment ago is on its way to the disk.
            time.sleep(WAIT_S)
        seq = _first(file, wanted.now_ns - wanted.parameters.window_days * DAY_NS, wanted.up_to) - 1
        while seq < wanted.up_to:
            last = min(seq + PAGE, wanted.up_to)
            for row in file.query(_EVENTS, (seq, last)):
                rounds.fold(decode(*row))
            seq = last
    leak_in, leak_post = rounds.rows(wanted.parameters)
    table = solve(leak_in, leak_post, wanted.parameters, wanted.now_ns)
    return e.LeakSolved(
        wanted.now_ns,
        table,
        rounds=rounds.rounds,
        up_to=wanted.up_to,
        observations=wanted.observations,
        took_s=round(time.monotonic() - began, 3),
        actor=wanted.actor,
        reason=wanted.reason,
    )


def _first(file: ReadOnly, oldest_ns: int, up_to: int) -> int:
    """The first event from `oldest_ns` on, by bisection: events are in the order of their times."""
    low, high = 1, up_to + 1
    while low < high:
        middle = (low + high) // 2
        [(utc_ns,)] = file.query("SELECT utc_ns FROM events WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,))
        if utc_ns >= oldest_ns:
            high = middle
        else:
            low = middle + 1
    return low


def main() -> int:
    os.nice(NICE)
    wanted = wanted_of(sys.stdin.buffer.read())
    signal.alarm(max(1, round(wanted.limit_s)))
    _, _, body = codec().encode(found(wanted))
    print(body.decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
