"""The daemon with a fuse: `kill -9` of itself at the n-th time that a phase of a turn is reached.

Phases, in the order of a turn: decided, staged, begin, staged_rows, before_commit, committed, unsent, sending, sent.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

import uvloop

from engine.app import Daemon
from engine.config import Config, load, with_clock
from engine.errors import EngineError
from engine.logs import set_up_logging

PHASES = ("decided", "staged", "begin", "staged_rows", "before_commit", "committed", "unsent", "sending", "sent")


def moved(config: Config, run_dir: Path, base_port: int) -> Config:
    """The shipped configuration with its files in `run_dir` and all its ports from `base_port` on."""

    def port(number: int | None) -> int | None:
        return None if number is None else number - 9880 + base_port

    return dataclasses.replace(
        config,
        journal=dataclasses.replace(config.journal, path=run_dir / "journal.db", anchor=None),
        admin=dataclasses.replace(config.admin, socket=run_dir / "rfqd.sock"),
        metrics=dataclasses.replace(config.metrics, port=0),
        fix=dataclasses.replace(config.fix, listen_port=base_port),
        sessions=tuple(dataclasses.replace(each, port=port(each.port)) for each in config.sessions),
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--base-port", type=int, required=True)
    parser.add_argument("--clock-speed", type=float, required=True)
    parser.add_argument("--clock-origin", required=True)
    parser.add_argument("--phase", choices=PHASES)
    parser.add_argument("--at", type=int, default=0)
    options = parser.parse_args()
    left = {"n": options.at}

    def fuse(phase: str) -> None:
        if phase == options.phase:
            left["n"] -= 1
            if left["n"] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        config = moved(load(options.config), options.run_dir, options.base_port)
        config = with_clock(config, options.clock_speed, datetime.fromisoformat(options.clock_origin))
        set_up_logging("INFO", options.run_dir / "rfqd.log")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(Daemon(config, fuse if options.phase else None).serve())
    except EngineError as error:
        print(f"crash daemon: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
