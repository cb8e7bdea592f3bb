"""`scripts/mutate`: options, the sample, two workers, and the account of what no test noticed."""

from __future__ import annotations

import argparse
import queue
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from mutating.cores import cores
from mutating.covering import Map, make_map
from mutating.equivalents import FILE, Equivalents
from mutating.sites import LEFT_OUT, Mutant, Site, draw, planted, sites
from mutating.tree import Tree, fingerprint
from mutating.trial import Judge
from mutating.verdicts import Outcome, Verdict, Verdicts

ROOT: Final = Path(__file__).resolve().parents[2]
KEPT: Final = ".mutate"
OUTCOMES: Final = (Outcome.Caught, Outcome.TimedOut, Outcome.Survived, Outcome.NotExecuted)

Judged = list[tuple[Mutant, Verdict]]


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    everything = list(_sites(ROOT, options.only))
    mutants = list(sample(ROOT, everything, options.sample, options.seed))
    print(f"mutate: seed {options.seed}, {len(mutants)} of {len(everything):,} places in the pure cores")
    if options.list:
        for mutant in mutants:
            print(told(mutant))
        return 0
    with tempfile.TemporaryDirectory(prefix="mutate-") as place:
        judged = _run(mutants, Path(place), options.workers)
    return report(judged, Equivalents(FILE.read_text()), options.bar, ROOT)


def sample(root: Path, everything: Sequence[Site], size: int, seed: int) -> Iterator[Mutant]:
    """The first bugs that this seed draws; a place where no way leads to another program is passed over."""
    found = 0
    for site in draw(everything, seed):
        if found == size:
            return
        mutant = planted(site, (root / site.path).read_text(), seed)
        if mutant is not None:
            found += 1
            yield mutant


def report(judged: Judged, equivalents: Equivalents, bar: float, root: Path) -> int:
    """The account; the exit status says whether enough was caught."""
    excused = {mutant.key: reason for mutant, _ in judged if (reason := equivalents.reason(mutant)) is not None}
    survivors = [(mutant, verdict) for mutant, verdict in judged if not verdict.caught]
    print("\nLeft out, because it cannot matter:")
    for kind, why in LEFT_OUT.items():
        print(f"  {kind:<18} {why}")
    _table(judged)
    print(f"\nSurvivors: {len(survivors)}")
    for mutant, verdict in sorted(survivors, key=lambda each: (each[0].site.path, each[0].site.line)):
        print(told(mutant))
        if mutant.key in excused:
            print(f"    equivalent: {excused[mutant.key]}")
        elif verdict.outcome is Outcome.NotExecuted:
            print("    no test executes it")
        else:
            print(f"    {verdict.run} tests passed, of {verdict.covering} that execute it")
    for entry in equivalents.stale(root):
        print(f"equivalents.toml: {entry.module} has no line {entry.was!r} any more")
    for mutant, verdict in judged:
        if verdict.caught and mutant.key in excused:
            print(f"equivalents.toml: {mutant.site.path}: {mutant.was!r}: was caught all the same, by {verdict.by}")
    counted = [verdict for mutant, verdict in judged if verdict.caught or mutant.key not in excused]
    caught = sum(verdict.caught for verdict in counted)
    share = 100 * caught / len(counted) if counted else 100.0
    each = sum(verdict.seconds for _, verdict in judged) / max(len(judged), 1)
    print(
        f"\nmutate: {caught} of {len(counted)} caught, {share:.1f} % (bar {bar:g} %); "
        f"{len(judged) - len(counted)} equivalent; {each:.1f} s each"
    )
    return 0 if share >= bar else 1


def told(mutant: Mutant) -> str:
    """Where, and the line as it was and became."""
    where = f"{mutant.site.path}:{mutant.site.line}"
    return f"{where} {mutant.site.function or '(module)'} {mutant.operator}\n  - {mutant.was}\n  + {mutant.becomes}"


def _run(mutants: Sequence[Mutant], place: Path, workers: int) -> Judged:
    kept = ROOT / KEPT / fingerprint(ROOT)
    kept.mkdir(parents=True, exist_ok=True)
    trees = [Tree(ROOT, place / str(number)) for number in range(workers)]
    free: queue.Queue[Tree] = queue.Queue()
    for tree in trees:
        free.put(tree)
    if not (kept / "tests.json").exists():
        _make_map(trees[0], kept)
    judge = Judge(Map(kept, ROOT))
    verdicts = Verdicts(kept / "verdicts.jsonl")
    todo = [mutant for mutant in mutants if mutant.key not in verdicts]
    if len(todo) < len(mutants):
        print(f"mutate: {len(mutants) - len(todo)} are known from before, {len(todo)} to go")

    def work(mutant: Mutant) -> tuple[Mutant, Verdict]:
        tree = free.get()
        try:
            return mutant, judge.judge(mutant, tree)
        finally:
            free.put(tree)

    progress = Progress(len(todo))
    with ThreadPoolExecutor(workers) as pool:
        futures: list[Future[tuple[Mutant, Verdict]]] = [pool.submit(work, mutant) for mutant in todo]
        try:
            for future in as_completed(futures):
                mutant, verdict = future.result()
                verdicts.keep(mutant.key, verdict)
                progress.step(verdict)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for tree in trees:
                tree.stop()
            print("\nmutate: interrupted; the same command goes on from here", file=sys.stderr)
            raise
    return [(mutant, verdicts[mutant.key]) for mutant in mutants]


def _make_map(tree: Tree, kept: Path) -> None:
    for other in kept.parent.iterdir():
        if other != kept:
            shutil.rmtree(other)  # verdicts on another content
    begun = time.monotonic()
    print("mutate: running the suite once under coverage, some minutes", flush=True)
    failed = make_map(tree, kept)
    print(f"mutate: it took {time.monotonic() - begun:.0f} s")
    for test in failed:
        print(f"mutate: fails without a bug, and is left out: {test}")


class Progress:
    """One line that is written over on a terminal; elsewhere one for every twenty bugs."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._survived = total, 0, 0
        self._begun = time.monotonic()

    def step(self, verdict: Verdict) -> None:
        self._done += 1
        self._survived += not verdict.caught
        rate = self._done / max(time.monotonic() - self._begun, 1e-9)
        left_min = (self._total - self._done) / rate / 60
        line = (
            f"mutate: {self._done} of {self._total}, {self._survived} survived, "
            f"{60 * rate:.1f} a minute, {left_min:.0f} min left"
        )
        if sys.stdout.isatty():
            print(f"\r{line} ", end="\n" if self._done == self._total else "", flush=True)
        elif self._done % 20 == 0 or self._done == self._total:
            print(line, flush=True)


def _table(judged: Judged) -> None:
    rows: dict[str, dict[Outcome, int]] = {}
    for mutant, verdict in judged:
        rows.setdefault(mutant.site.path, dict.fromkeys(OUTCOMES, 0))[verdict.outcome] += 1
    print(f"\n{'module':<44}{'sampled':>8}" + "".join(f"{outcome.value:>14}" for outcome in OUTCOMES))
    for path, row in sorted(rows.items()):
        print(f"{path:<44}{sum(row.values()):>8}" + "".join(f"{row[outcome] or '':>14}" for outcome in OUTCOMES))
    total = [sum(row[outcome] for row in rows.values()) for outcome in OUTCOMES]
    print(f"{'all':<44}{sum(total):>8}" + "".join(f"{count:>14}" for count in total))


def _sites(root: Path, only: Sequence[str]) -> Iterator[Site]:
    wanted = [(path.rstrip("/"), int(line) if line else 0) for path, _, line in (each.partition(":") for each in only)]
    paths = cores(root)
    for name, _ in wanted:
        if not any(_within(path, name) for path in paths):
            raise SystemExit(f"mutate: {name}: no pure core is there")
    for path in paths:
        lines = [line for name, line in wanted if _within(path, name)]
        if not wanted or lines:
            for site in sites(path, (root / path).read_text()):
                if not wanted or 0 in lines or site.line in lines:
                    yield site


def _within(path: Path, name: str) -> bool:
    return path == Path(name) or Path(name) in path.parents


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__)
    parser.add_argument("--sample", type=int, default=300, metavar="N", help="how many; default 300")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which; default 1")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATH[:LINE]",
        help="in this file, folder or line; may be repeated",
    )
    parser.add_argument("--bar", type=float, default=85.0, metavar="P", help="percent to be caught; default 85")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="at the same time; default 2")
    parser.add_argument("--list", action="store_true", help="print the sample and run nothing")
    return parser.parse_args(arguments)
