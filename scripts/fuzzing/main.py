"""`scripts/fuzz`: options, one target after the other, and the account of what was found."""

from __future__ import annotations

import argparse
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from fuzzing.connections import Connections
from fuzzing.corpus import Corpus, corpus
from fuzzing.meter import Hung, Meter, Violation
from fuzzing.sessions import Sessions
from fuzzing.target import Target
from fuzzing.turns import Turns
from fuzzing.wire import Decoding, Framing, Validation

TARGETS: Final[dict[str, Callable[[Corpus, Random], Target]]] = {
    each.name: each for each in (Framing, Decoding, Validation, Sessions, Turns, Connections)
}
SLOW_S: Final = 1.0


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    whole = corpus(options.corpus)
    print(
        f"fuzz: seed {options.seed}, {len(whole.samples)} samples, {whole.real} of them from captured streams, "
        f"dictionaries {', '.join(whole.dictionaries)}"
    )
    meters = [
        run(name, whole, options.seed, options.inputs, options.seconds, options.case, options.slow)
        for name in (options.only or TARGETS)
    ]
    for meter in meters:
        report(meter)
    found = sum(len(meter.findings) for meter in meters)
    total = sum(meter.count for meter in meters)
    print(f"fuzz: {total:,} inputs in {sum(meter.took_s for meter in meters):,.0f} s, findings: {found}")
    return 1 if found else 0


def run(
    name: str,
    whole: Corpus,
    seed: int,
    inputs: int | None = None,
    seconds: float | None = None,
    only_case: int | None = None,
    slow_s: float = SLOW_S,
) -> Meter:
    """Fuzz one target; `only_case` runs a single case of the seed again."""
    rng = Random(0)
    target = TARGETS[name](whole, rng)
    meter = Meter(name, inputs or target.inputs, seconds or float("inf"), slow_s)
    number = 0 if only_case is None else only_case
    with meter.watching():
        while not meter.over:
            reproduction = f"scripts/fuzz --only {name} --seed {seed} --case {number}"
            rng.seed((seed << 40) + number)
            before = meter.count
            try:
                target.case(meter, reproduction)
            except Violation as error:
                meter.found(_kind(str(error)), str(error), reproduction)
            except (Exception, Hung) as error:
                text = f"{type(error).__name__}: {error}\n{''.join(traceback.format_tb(error.__traceback__)[-3:])}"
                meter.found(f"{type(error).__name__} at {_place(error)}", text, reproduction)
            meter.count = max(meter.count, before + 1)  # also of a case that failed before its first input
            number += 1
            if only_case is not None:
                break
    target.close()
    meter.close()
    return meter


def report(meter: Meter) -> None:
    """What became of one target's inputs."""
    rate = meter.count / max(meter.took_s, 1e-9)
    print(f"\n{meter.name}: {meter.count:,} inputs in {meter.took_s:,.1f} s, {rate:,.0f}/s")
    for outcome, count in sorted(meter.outcomes.items(), key=lambda item: (-item[1], item[0])):
        print(f"  {count:>12,}  {outcome}")
    slowest, per_byte = meter.slowest, meter.slowest_per_byte
    print(f"  slowest input {slowest.ns / 1e6:.2f} ms ({slowest.size:,} bytes): {slowest.reproduction}")
    if per_byte.size:
        each = per_byte.ns / per_byte.size / 1e3
        print(f"  slowest per byte {each:.2f} us ({per_byte.size:,} bytes): {per_byte.reproduction}")
    print(
        f"  memory {meter.rss_begun >> 20} MiB before, {meter.rss_after_warm_up >> 20} MiB warm, "
        f"{meter.rss_ended >> 20} MiB after"
    )
    for note in meter.notes:
        print(f"  {note}")
    for finding in meter.findings.values():
        print(f"  FOUND {finding.what}\n    {finding.text}\n    {finding.reproduction}")


def _kind(text: str) -> str:
    """What a violation says, without the particulars: findings are told apart by it."""
    return re.sub(r"b'.*|b\".*|[0-9]+", "#", text)[:60]


def _place(error: BaseException) -> str:
    """Where it was raised, for telling findings apart."""
    frames = traceback.extract_tb(error.__traceback__)
    last = next((each for each in reversed(frames) if "/engine/" in each.filename), frames[-1])
    return f"{Path(last.filename).name}:{last.lineno}"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--inputs", type=int, metavar="N", help="inputs for each target; default: a minute's worth")
    parser.add_argument("--seconds", type=float, metavar="T", help="at most so long for each target")
    parser.add_argument("--only", action="append", choices=TARGETS, help="this target only; may be repeated")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="captured streams instead of the data folder's")
    parser.add_argument("--case", type=int, metavar="N", help="one case alone, as a finding names it")
    parser.add_argument("--slow", type=float, default=SLOW_S, metavar="T", help="seconds an input may take; default 1")
    options = parser.parse_args(arguments)
    if options.case is not None and len(options.only or ()) != 1:
        parser.error("--case needs one --only")
    return options
