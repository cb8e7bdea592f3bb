"""The command line of `scripts/judge`."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from worlds.paths import Paths
from worlds.world import draw

from engine.domain.observation import SPANS_NS, Horizon
from judging import small, table
from judging.policies import ENGINES_OWN, POLICIES
from judging.trading import ROUNDS, Played, kind_of, play_in
from judging.wire import measure
from judging.wire.desk import Failed

TUNED_IN_MAX: Final = 1_000
"""Worlds beyond are for evidence, once for each version of the model."""

_SOURCES: Final = Path(__file__).parents[2]
_SHARED: Final = ("scripts/worlds", "scripts/judging")
_ENGINE: Final = ("engine/dealers", "engine/selection", "engine/market", "engine/domain")

_WIRED: Final = ("discovery", "victim")

Key = tuple[int, str, int, int, str]
"""(world, policy, rounds, at most, version of the code)"""

Task = tuple[int, tuple[str, ...], int, int]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/judge", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    worlds = commands.add_parser("worlds", help="play policies in invented markets")
    worlds.add_argument("--worlds", type=_numbers, default=range(1, 51), metavar="A-B", help="default: 1-50")
    worlds.add_argument("--policies", type=lambda text: text.split(","), default=list(POLICIES), metavar="A,B")
    worlds.add_argument("--rounds", type=int, default=ROUNDS, help=f"of each policy in each world; default: {ROUNDS}")
    worlds.add_argument("--at-most", type=int, default=5, help="dealers in a panel; default: 5")
    worlds.add_argument("--processes", type=int, default=2)
    worlds.add_argument("--keep", type=Path, help="a file that results are kept in: what is there is not played again")
    worlds.add_argument("--against", default="classic", help="the policy that savings are counted from")
    worlds.add_argument("--json", action="store_true")
    bars = commands.add_parser("small", help="the measurements of decision quality, each with its bar")
    bars.add_argument("names", nargs="*", help=f"of {', '.join(small.MEASUREMENTS)}; default: all")
    bars.add_argument("--seeds", type=int, help="how many; default: as many as the bar asks for")
    bars.add_argument("--json", action="store_true")
    wired = commands.add_parser("wire", help="two of the measurements through the running program, over FIX")
    wired.add_argument("names", nargs="*", help=f"of {', '.join(_WIRED)}; default: both")
    wired.add_argument("--runs", type=_positive, default=6, help="of discovery by each scorer; default: 6")
    wired.add_argument("--orders", type=_positive, default=40, help="of a run of discovery; default: 40")
    wired.add_argument("--rounds", type=_counts, default=[150, 300], metavar="N,N", help="default: 150,300")
    wired.add_argument("--panels", type=lambda text: text.split(","), default=list(measure.PANELS), metavar="A,B",
                       help=f"of {', '.join(measure.PANELS)}; default: all of them")  # fmt: skip
    wired.add_argument("--watch", type=Horizon, choices=list(SPANS_NS), default=Horizon.half_hour,
                       help="how long after the decision the market is watched; default: 30m, as shipped")  # fmt: skip
    wired.add_argument("--speed", type=float, default=60.0, help="of the clock that daemon and street share")
    wired.add_argument("--at-once", type=_positive, default=3, help="runs side by side; default: 3")
    wired.add_argument("--seed", type=int, default=1)
    wired.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    return {"small": _small, "worlds": _worlds, "wire": _wire}[options.command](options)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("expected a whole number above 0")
    return int(text)


def _counts(text: str) -> list[int]:
    return sorted({_positive(each) for each in text.split(",")})


def _numbers(text: str) -> range:
    first, _, last = text.partition("-")
    found = range(int(first), int(last or first) + 1)
    if not found or found[0] < 1 or found[-1] > TUNED_IN_MAX:
        raise argparse.ArgumentTypeError(f"worlds are 1 to {TUNED_IN_MAX}: those beyond are for evidence")
    return found


def _small(options: argparse.Namespace) -> int:
    unknown = [name for name in options.names if name not in small.MEASUREMENTS]
    if unknown:
        _say(f"judge: there is no {', '.join(unknown)}; known are {', '.join(small.MEASUREMENTS)}")
        return 2
    lines: list[small.Line] = []
    for name in options.names or small.MEASUREMENTS:
        began = time.monotonic()
        for line in small.MEASUREMENTS[name](options.seeds):
            lines.append(line)
            if not options.json:
                print(line, flush=True)
        _say(f"{name}: {time.monotonic() - began:.1f} s")
    if options.json:
        print(json.dumps([asdict(line) | {"met": line.met} for line in lines], indent=2))
    return 0 if all(line.met for line in lines) else 1


def _wire(options: argparse.Namespace) -> int:
    unknown = [name for name in options.names if name not in _WIRED]
    unknown += [name for name in options.panels if name not in measure.PANELS]
    if unknown:
        _say(f"judge: there is no {', '.join(unknown)}")
        return 2
    if options.speed < measure.SPEED_MIN or options.orders < measure.ORDERS_MIN:
        _say(f"judge: --speed is {measure.SPEED_MIN:g} at least, --orders {measure.ORDERS_MIN}")
        return 2
    names = options.names or list(_WIRED)
    began = time.monotonic()
    try:
        found = measure.run(
            measure.Wanted(
                scorers=measure.SCORERS if "discovery" in names else (),
                runs=options.runs,
                orders=options.orders,
                panels=tuple(options.panels) if "victim" in names else (),
                rounds=tuple(options.rounds),
                horizon=options.watch,
                speed=options.speed,
                seed=options.seed,
            ),
            options.at_once,
        )
    except Failed as failed:
        _say(f"judge: {failed}")
        return 1
    if options.json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for line in measure.told(found):
            print(line)
    _say(f"wire: {time.monotonic() - began:.1f} s")
    return 0


def _worlds(options: argparse.Namespace) -> int:
    unknown = [name for name in options.policies if name not in POLICIES]
    if unknown:
        _say(f"judge: there is no policy {', '.join(unknown)}; known are {', '.join(POLICIES)}")
        return 2
    versions = {name: version_of(name) for name in options.policies}
    kept = _read(options.keep) if options.keep is not None else {}
    results: list[Played] = []
    tasks: list[Task] = []
    for world in options.worlds:
        missing = []
        for name in options.policies:
            found = kept.get((world, name, options.rounds, options.at_most, versions[name]))
            if found is None:
                missing.append(name)
            else:
                results.append(found)
        if missing:
            tasks.append((world, tuple(missing), options.rounds, options.at_most))
    for played in _played(tasks, options.processes):
        results += played
        if options.keep is not None:
            with options.keep.open("a", encoding="utf-8") as file:
                for each in played:
                    about = {"at_most": options.at_most, "version": versions[each.policy]}
                    file.write(json.dumps(asdict(each) | about) + "\n")
    order = {name: at for at, name in enumerate(options.policies)}
    results.sort(key=lambda each: (each.world, order[each.policy]))
    found_all = table.summary(results, options.against)
    print(json.dumps(found_all, indent=2) if options.json else table.told(found_all))
    return 0


def _played(tasks: Sequence[Task], processes: int) -> Iterator[list[Played]]:
    """World by world, as they are done; says how far it is."""
    whole = sum(len(policies) * rounds for _, policies, rounds, _ in tasks)
    began, done = time.monotonic(), 0
    with get_context("spawn").Pool(max(1, min(processes, len(tasks)))) as pool:
        for played in pool.imap_unordered(_play_world, tasks):
            done += sum(each.rounds for each in played)
            spent_s = time.monotonic() - began
            left_s = spent_s * (whole - done) / done
            costs = " ".join(f"{each.policy} {each.cost_bps:.2f}" for each in played)
            _say(
                f"world {played[0].world} ({played[0].kind}): {costs} | {done:,} of {whole:,} rounds, "
                f"{done / spent_s:.0f} a second, {left_s / 60:.1f} min left"
            )
            yield played


def _play_world(task: Task) -> list[Played]:
    number, policies, rounds, at_most = task
    world = draw(kind_of(number), number)
    paths = Paths(world.chance, world.stress)  # Drawn once for all policies.
    return [play_in(world, name, rounds, at_most, paths) for name in policies]


def version_of(policy: str) -> str:
    """What a result depends on, but for its settings: the worlds, this program, and for some the engine."""
    digest = hashlib.sha256()
    for folder in (*_SHARED, *(_ENGINE if policy in ENGINES_OWN else ())):
        for path in sorted((_SOURCES / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _read(path: Path) -> dict[Key, Played]:
    found: dict[Key, Played] = {}
    for line in _lines(path):
        at_most, version = line.pop("at_most"), line.pop("version")
        played = Played(**line)
        found[played.world, played.policy, played.rounds, at_most, version] = played
    return found


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):  # The last one may have been cut off.
                yield json.loads(line)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
