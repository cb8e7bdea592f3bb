"""The command line of `scripts/evidence`."""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from judging.trading import ROUNDS

from engine.errors import ConfigError, EngineError
from engine.research.page import html, save
from engine.research.spread import SpreadError, Where, spread
from engine.selection.model import MODEL_VERSION
from proving import block as blocks
from proving import real, report
from proving.block import Block
from proving.found import found
from proving.playing import world_played
from proving.words import markdown

ROOT: Final = Path(__file__).parents[2]
SHOWN: Final = ROOT / "tests" / "evidence"
"""What is committed: rows, table and report of each version."""
CHANGED: Final = "+"
"""Behind the name of a commit that files of this checkout differ from."""
KEPT: Final = ROOT / ".evidence"
"""What a run that is not over has kept."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/evidence", description=__doc__)
    parser.add_argument("--worlds", metavar="A-B", help="a try in worlds for tuning: the table is printed, none kept")
    parser.add_argument("--rounds", type=int, help=f"of each policy in each world of a try; default: {ROUNDS}")
    parser.add_argument("--html", type=Path, metavar="FILE", help="of a try, or with --real: the report, too")
    parser.add_argument("--json", action="store_true", help="of a try: the rows in place of the table")
    parser.add_argument("--again", action="store_true", help="a block that was run: its table will say so")
    parser.add_argument("--table", type=int, metavar="V", help="no run: table and report of this version's rows anew")
    parser.add_argument("--real", type=Path, metavar="DIR", help="no worlds: the real data of this folder")
    parser.add_argument("--processes", type=int, help="default: one a processor")
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="of a Dask cluster that does the work")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="where rows are kept until all are there")
    options = parser.parse_args(argv)
    try:
        if options.real is not None:
            if options.worlds is not None:
                raise ConfigError("--real looks at data, --worlds at invented markets: expected one of them")
            return _real(options.real, options.html)
        if options.table is not None:
            return _table(options.table)
        where = Where(options.processes, options.scheduler)
        if options.worlds is not None:
            return _tried(options, where)
        if options.rounds is not None or options.html is not None or options.json:
            raise ConfigError("--rounds, --html and --json are for a try, with --worlds: a block is run whole")
        return _evidence(options, where)
    except SpreadError as error:
        for key, why in error.failed.items():
            say(f"{key}:\n{why}")
        say(f"evidence: {len(error.failed)} worlds came to nothing: no table. What is kept is kept: start it again")
        return 1
    except EngineError as error:
        say(f"evidence: {error}")
        return 2
    except KeyboardInterrupt:
        say("evidence: interrupted; started again it goes on where it stopped")
        return 130


def _evidence(options: argparse.Namespace, where: Where) -> int:
    rows = SHOWN / f"model-{MODEL_VERSION}.json"
    again = 0
    if rows.exists():
        if not options.again:
            raise ConfigError(
                f"the block of version {MODEL_VERSION} was run: {rows.relative_to(ROOT)}; a block is run once. "
                "--again runs it again and says so in its table; a new version of the model has a fresh one"
            )
        again = blocks.read(rows)[0]["again"] + 1
    elif options.again:
        raise ConfigError(f"the block of version {MODEL_VERSION} was not run yet: leave --again out")
    if commit_of_this().endswith(CHANGED):
        raise ConfigError(
            "files here differ from their commit: evidence is of a commit, so that others can see its order"
        )
    block = blocks.evidence_of(MODEL_VERSION)
    kept = options.keep or KEPT / f"model-{MODEL_VERSION}{f'-again-{again}' if again else ''}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    blocks.must_be_ours(kept, blocks.code())
    worlds, about = _played(block, where, kept, again)
    SHOWN.mkdir(parents=True, exist_ok=True)
    blocks.saved(rows, about, worlds)
    return _table(MODEL_VERSION)


def _tried(options: argparse.Namespace, where: Where) -> int:
    if options.rounds is not None and options.rounds < 1:
        raise ConfigError(f"--rounds: expected 1 or more, found {options.rounds}")
    block = blocks.tried(options.worlds, options.rounds or ROUNDS)
    worlds, about = _played(block, where, options.keep, 0)
    if options.json:
        print(json.dumps({"about": about, "worlds": worlds}))
    else:
        print(markdown(about, found(worlds)), end="")
    if options.html is not None:
        save(html(report.page(about, found(worlds))), options.html, replaces=True)
    return 0


def _played(block: Block, where: Where, kept: Path | None, again: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    items = block.items
    began = time.monotonic()
    worlds: list[dict[str, Any]] = []

    def counted(done: int, whole: int) -> None:
        spent_s = time.monotonic() - began
        say(
            f"{len(worlds)} of {len(items)} worlds, {done:,} of {whole:,} rounds, {done / spent_s:,.0f} a second, "
            f"{spent_s * (whole - done) / done / 60:,.1f} min left"
        )

    found_now = spread(world_played, items, where=where, kept=kept, packages=blocks.PACKAGES, progress=counted)
    for _, world in found_now:
        worlds.append(world)
    worlds.sort(key=lambda each: int(each["world"]))
    about = {
        "version": block.version,
        "model_version": MODEL_VERSION,
        "worlds": f"worlds {block.first} to {block.last}",
        "rounds": block.rounds,
        "at_most": block.at_most,
        "code": blocks.code(),
        "commit": commit_of_this(),
        "day": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "again": again,
    }
    return worlds, about


def _table(version: int) -> int:
    """Table and report of rows that are there."""
    about, worlds = blocks.read(SHOWN / f"model-{version}.json")
    text = markdown(about, found(worlds))
    (SHOWN / f"model-{version}.md").write_text(text, encoding="utf-8")
    (SHOWN / f"model-{version}.html").write_text(html(report.page(about, found(worlds))), encoding="utf-8")
    print(text, end="")
    return 0


def _real(folder: Path, page: Path | None) -> int:
    found_there = real.found_in(folder)
    text = real.markdown(found_there)
    SHOWN.mkdir(parents=True, exist_ok=True)
    (SHOWN / "real.md").write_text(text, encoding="utf-8")
    print(text, end="")
    if page is not None:
        save(html(report.page_of_real(found_there)), page, replaces=True)
    return 0


def commit_of_this() -> str:
    """The commit of this checkout, with `CHANGED` where files differ from it."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", f"--dirty={CHANGED}"],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return told.stdout.strip()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
