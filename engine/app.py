"""`rfqd`: the daemon. Wires the parts together, starts, serves until told to stop, closes in good order.

    rfqd [run] [--config engine.toml]     serve
    rfqd check                            verify configuration, rules and reference data without starting
    rfqd replay FILE                      fold a journal again and compare every digest

Exit status: 0 ended as asked, 1 failed while running, 2 the configuration or a rule is wrong, 3 cannot start here,
4 what was found could not be printed.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import logging
import signal
import sqlite3
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import uvloop

from engine import __version__
from engine.admin import streams
from engine.admin.record import Record
from engine.admin.server import AdminServer
from engine.boot import assembly, configured, securing, session_settings, take_over
from engine.boot.configured import Configured
from engine.boot.connecting import Connecting
from engine.boot.leak_batch import LeakBatch
from engine.boot.memory import settle_memory
from engine.boot.refitting import refit
from engine.boot.reload import Reloading
from engine.clock import NS_PER_S, Clock, iso_timestamp
from engine.commands.table import COMMANDS
from engine.config import Config, Role, check, load, with_clock
from engine.domain import events as e
from engine.errors import CommandError, ConfigError, EngineError, RuleError, StartError
from engine.fix.session.phases import Phase
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.journal.archive import ReadOnly
from engine.journal.events import events_codec
from engine.journal.lock import Boot
from engine.journal.reader import JournalReader
from engine.journal.tape import TapeBounds
from engine.journal.writer import Journal
from engine.logs import lost_total, set_level, set_up_logging
from engine.market.calendars import DAYS_A_MONTH
from engine.metrics.collector import Metrics
from engine.metrics.endpoint import MetricsEndpoint
from engine.runtime.hub import Patience
from engine.runtime.loop import Limits, Runtime
from engine.turn import Machine
from engine.turn.trading import Trading

log = logging.getLogger(__name__)

STOPPING = Ending(DisconnectReason.STOPPING, "the daemon is stopping")
DIGEST_EVERY_S = 60.0
PROOF_EVERY_S = 30.0
"""How often an OMS or drop copy is asked to prove that it has what was sent (TestRequest), if anything was."""
CLOCK_STEP_NS_MAX = 1_000_000_000
"""A wall clock set by more than this is an event of its own."""
CHECKPOINT_EVERY_S = 2.0
LOG_FRAMES_MAX = 65_536
"""Pages of 4 KiB that the journal's log may hold before a commit has to begin it anew: some 2,000 orders."""
LOOP_LAG_EVERY_S = 0.25
SCORES_EVERY_S = 5.0
"""One asset class each time: 500 dealers are 20 ms of work."""
HASH_AHEAD_EVERY_S = 0.05
LEAKS_EVERY_S = 10.0
TOLD_QUIET_S = 2.0
"""An import that pauses for less goes on: what is told is learnt when it is over."""
"""How often it is looked whether leaks are to be solved; not at once after a start, which has enough to do."""


class Daemon:
    """One running engine. `on_phase` is for tests that kill it in the middle of a turn."""

    def __init__(self, config: Config, on_phase: Callable[[str], None] | None = None) -> None:
        self.config = config
        self._on_phase = on_phase
        self.clock = Clock(config.clock.speed, config.clock.origin_utc_ns)
        self._stopping = asyncio.Event()
        self._failure = ""
        self._ready = False
        self._hung_up = False
        self._asked: set[asyncio.Task[None]] = set()
        self._clock_stepped = False
        self._held_for = ""

    # --- start -------------------------------------------------------------------------------------

    async def serve(self) -> int:
        """Start, serve until stopped, close. The process's exit status."""
        config = self.config
        # From here on it ends nothing: a long journal takes its time.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)
        start = configured.read(config)
        parts = start.configured.parts()
        _make_folder(config.journal.path.parent, "journal.path")
        if config.journal.anchor is not None:
            _make_folder(config.journal.anchor.parent, "journal.anchor")
        self.journal = Journal(
            config.journal.path,
            config.journal.durability.value,
            anchors=config.journal.anchor,
            tape=TapeBounds(config.market.tape.days, config.market.tape.marks_max, config.market.tape.trades_max),
            reserve_bytes=config.journal.reserve_bytes,
            on_phase=self._on_phase,
        )
        try:
            with ReadOnly(config.journal.path) as file:
                taken = take_over.take_over(parts, file, shows_progress=True)
                self._start = configured.with_open_bonds(start, file, taken.trading)
            folded = taken.folded
            self.clock.not_before(folded.last_utc_ns)
            bonds, now_ns = self._start.configured.securities, self.clock.now().utc_ns
            for line in configured.notices(config, bonds, taken.trading.desk, now_ns):
                log.warning("%s", line)
            log.info(
                "journal taken over events=%d digests=%d boot=%s",
                folded.events,
                folded.digests_checked,
                self.journal.boot,
            )
            return await self._serve(taken)
        finally:
            self.journal.close()

    async def _serve(self, taken: take_over.TakenOver) -> int:
        config, loop = self.config, asyncio.get_running_loop()
        machine, self.trading = taken.machine, taken.trading
        metrics = Metrics(__version__)
        metrics.log_lines_lost = lost_total
        reader = await JournalReader.open(config.journal.path)
        self.runtime = runtime = Runtime(
            machine,
            taken.trading,
            taken.recorder,
            self.journal,
            reader,
            self.clock,
            metrics,
            Limits(
                batch_turns_max=config.journal.batch_turns_max,
                staged_bytes_max=config.journal.staged_bytes_max,
                commit_stall_max_s=config.journal.commit_stall_max_s,
            ),
            Patience(
                logon_timeout_s=config.fix.logon_timeout_s,
                frame_timeout_s=config.fix.frame_timeout_s,
                write_timeout_s=config.fix.write_timeout_s,
            ),
            loop,
            self._fail,
            self._on_phase,
        )
        servers: list[Any] = []
        tasks: list[asyncio.Task[None]] = []
        try:
            connections = Connecting(config, self._start.configured.secured, runtime, self._fail)
            in_force, fallen_back = self._start.configured.in_force(), self._start.fallen_back
            take_over.begin(runtime, taken, self.journal.boot, in_force, fallen_back, reconcile=self._reconcile())
            await runtime.idle()
            _count_calendars(metrics, config)
            metrics.state(machine, taken.trading)
            metrics.rates(taken.trading, self.clock.now().utc_ns)
            metrics.sessions(machine, self.clock.now(), {})
            if (known := taken.trading.desk.learning.leaks) is not None:
                metrics.leaks(known.table)
            record = Record(reader, lambda: runtime.event_seq, taken.trading.state)
            admin = AdminServer(config.admin, runtime.command, runtime.watchers, record=record)
            await admin.start()
            servers.append(admin)
            endpoint = MetricsEndpoint(config.metrics.host, config.metrics.port, metrics, self._readiness)
            await endpoint.start()
            servers.append(endpoint)
            servers.append(connections)
            await connections.begin()
            reloading = Reloading(
                self._start.configured,
                runtime,
                taken.trading,
                lambda now: self._taken_up(now, connections, admin),
            )
            servers.append(reloading)
            if taken.learnt_again:
                reloading.keep_learnt()
            leaks = LeakBatch(runtime, taken.trading, lambda: self.config)
            servers.append(leaks)
            for work in (
                self._housekeeping(metrics, reader, reloading, leaks),
                self._hashing_ahead(),
                refit(runtime, taken.trading),
            ):
                tasks.append(loop.create_task(work))
                tasks[-1].add_done_callback(self._house_kept)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stopping.set)
            runtime.release.on_log_level = set_level
            runtime.only_look = frozenset(name for name, each in COMMANDS.items() if each.role == Role.VIEWER)
            settle_memory()
            self._ready = True
            log.info("ready name=%s journal=%s socket=%s", config.engine.name, self.journal.path, config.admin.socket)
            if self._hung_up:
                self._hang_up()
            await self._stopping.wait()
            self._ready = False
            connections.close()  # Whoever is logged out dials again at once, and would find the door open.
            reloading.close()
            leaks.close()
            for task in tasks:
                task.cancel()
            if not self._failure:
                await self._close_down(machine)
        finally:
            for task in tasks:
                task.cancel()
            for server in servers:
                server.close()
            runtime.hub.close(STOPPING)
            runtime.stop()
            await reader.close()
        if self._failure:
            log.critical("ended: %s", self._failure)
            return 1
        return 0

    def _reconcile(self) -> str:
        """Why nothing may go to dealers before a person has compared numbers; empty if the journal is whole."""
        boot = self.journal.boot
        if not (boot is Boot.FOREIGN or (boot is Boot.UNCLEAN and self.config.journal.durability.value == "normal")):
            return ""
        why = (
            "the journal is a copy, was restored, or may lack its last turns: compare every session's numbers "
            "with its peer, then `rfqctl kill off --all --reason ...`"
        )
        log.error("reconcile: %s", why)
        return why

    # --- while it runs -----------------------------------------------------------------------------

    async def _housekeeping(
        self, metrics: Metrics, reader: JournalReader, reloading: Reloading, leaks: LeakBatch
    ) -> None:
        """Digests now and then, checkpoints, the anchor, the loop's own lag, the commit's."""
        loop = asyncio.get_running_loop()
        next_digest, next_checkpoint, next_anchor, next_proof, next_scores = 0.0, 0.0, 0.0, 0.0, 0.0
        next_leaks = loop.time() + LEAKS_EVERY_S
        config = self.config.journal
        told = 0, 0.0
        while True:
            at = loop.time()
            await asyncio.sleep(LOOP_LAG_EVERY_S)
            now = loop.time()
            metrics.loop_lag(max(0.0, now - at - LOOP_LAG_EVERY_S))
            metrics.state(self.runtime.machine, self.trading)
            metrics.rates(self.trading, self.clock.now().utc_ns)
            metrics.sessions(self.runtime.machine, self.clock.now(), self.runtime.hub.traffic())
            self.runtime.hub.take_stock()
            self._follow_clock()
            told = self._learn_what_was_told(reloading, told, now)
            slow = self.runtime.commit_pending_s > config.commit_slow_s
            self._hold(f"a commit has been pending for over {config.commit_slow_s:g} s" if slow else "")
            if self.runtime.commit_pending_s > config.commit_stall_max_s:
                self._fail(f"a commit has been pending for {config.commit_stall_max_s:g} s")
            if now >= next_scores:
                next_scores = now + SCORES_EVERY_S
                metrics.scores(self.trading, self.clock.now().utc_ns)
            if now >= next_checkpoint:
                next_checkpoint = now + CHECKPOINT_EVERY_S
                await self._checkpoint(reader)
            if now >= next_anchor:
                next_anchor = now + config.anchor_interval_s
                self._note_head()
            if now >= next_proof:
                next_proof = now + self.clock.real_delay_s(int(PROOF_EVERY_S * 1e9))
                self.runtime.ask_for_proof()
                self._watch_clock()
                self.runtime.alarms.look_at_schedules()
            if now >= next_leaks:
                next_leaks = now + LEAKS_EVERY_S
                leaks.look()
            if now >= next_digest:
                next_digest = now + DIGEST_EVERY_S
                self.runtime.note_digest(take_over.LOGIC_VERSION)

    def _learn_what_was_told(self, reloading: Reloading, before: tuple[int, float], now: float) -> tuple[int, float]:
        """Rounds of other systems are learnt once no more of them come; how many wait, and since when no more came."""
        waiting = self.trading.desk.learning.waiting
        if waiting != before[0]:
            return waiting, now
        if waiting and now - before[1] >= TOLD_QUIET_S:
            reloading.relearn()
        return before

    async def _hashing_ahead(self) -> None:
        """Little by little, and as much in a second as a busy desk writes: the digest of a minute holds nobody up."""
        while True:
            await asyncio.sleep(HASH_AHEAD_EVERY_S)
            self.trading.state.hash_ahead()

    def _house_kept(self, task: asyncio.Task[None]) -> None:
        """Without it nobody would watch the commit, follow the clock or anchor the record."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("housekeeping failed: this is a bug of the engine, it stops here", exc_info=error)
            self._fail(f"housekeeping failed: {type(error).__name__}: {error}")

    async def _checkpoint(self, reader: JournalReader) -> None:
        """The log grows until one succeeds; whether the disk takes anything is for the commits to find out."""
        try:
            moved = await reader.checkpoint()
            if moved.log_frames > LOG_FRAMES_MAX:
                await reader.checkpoint()  # What came meanwhile, so that the commit finds little to move.
                self.journal.begin_log_anew()
        except sqlite3.Error as error:
            log.error("checkpoint failed, tried again in %g s: %s", CHECKPOINT_EVERY_S, error)

    def _hold(self, reason: str) -> None:
        """Have nobody new asked while a commit is slow to come; said when it changes."""
        if reason != self._held_for:
            self._held_for = reason
            self.runtime.hold(reason)

    def _follow_clock(self) -> None:
        """What waits for a time of the wall clock waits by the clock as it is now; say so if it was set forward."""
        moved_ns = self.runtime.alarms.follow_clock()
        if moved_ns > CLOCK_STEP_NS_MAX:
            log.error("clock set forward by %.3f s: what is due by it is looked at now", moved_ns / 1e9)
            self.runtime.note("clock stepped", lambda at_ns: [e.ClockStepped(at_ns, moved_ns)])

    def _watch_clock(self) -> None:
        """The wall clock was set back: event time stands still until it has caught up; say so once."""
        ahead_ns = self.clock.ahead_ns()
        if ahead_ns > CLOCK_STEP_NS_MAX and not self._clock_stepped:
            log.error("clock set back by %.3f s: event time stands still until it has caught up", ahead_ns / 1e9)
            self.runtime.note("clock stepped", lambda at_ns: [e.ClockStepped(at_ns, -ahead_ns)])
        self._clock_stepped = ahead_ns > CLOCK_STEP_NS_MAX

    def _note_head(self) -> None:
        """The anchor. Work goes on without it, but what is cut off from then on could not be told."""
        try:
            self.journal.anchor(self.clock.now().utc_ns)
        except OSError as error:
            log.error("anchor not written: %s: make journal.anchor a file that can be", error)

    def _taken_up(self, now: Configured, connections: Connecting, admin: AdminServer) -> None:
        """The shell's own share of what was read again."""
        self.config = now.config
        _count_calendars(self.runtime.metrics, now.config)
        connections.take_up(now.config, now.secured)
        admin.take_up(now.config.admin)

    def _hang_up(self) -> None:
        """SIGHUP: read everything again, if need be once the start, which may have read it before, is done."""
        if not self._ready:
            self._hung_up = True
            return
        task = asyncio.get_running_loop().create_task(self._reload())
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _reload(self) -> None:
        try:
            await self.runtime.command("reload", {"reason": "SIGHUP"}, "SIGHUP", "operator")
        except CommandError as error:
            log.error("SIGHUP: %s: put it right, then `rfqctl reload` or SIGHUP again", error)

    def _readiness(self) -> list[str]:
        """What is missing for work, in words; empty when ready."""
        if not self._ready:
            return ["starting or stopping"]
        missing = []
        machine = self.runtime.machine
        dealers = [key for key, s in machine.known().items() if s.role == "dealer"]
        if dealers and not any(machine.session_up(key) for key in dealers):
            missing.append("no dealer session is up")
        kill = self.trading.state.kills.get("all")
        if kill is not None and kill.on:
            missing.append(f"kill switch all is on: {kill.reason}")
        if self.runtime.commit_pending_s > self.config.journal.commit_slow_s:
            missing.append("the journal is slow")
        return missing

    def _fail(self, reason: str) -> None:
        self._failure = reason
        self._stopping.set()

    # --- end ---------------------------------------------------------------------------------------

    async def _close_down(self, machine: Machine) -> None:
        """Log out everywhere, wait a moment for the answers, say that the end was clean."""
        log.info("stopping: logging out")
        told: set[str] = set()
        deadline = asyncio.get_running_loop().time() + min(5.0, self.config.fix.logout_timeout_s)
        while asyncio.get_running_loop().time() < deadline:
            for key, link in machine.links.items():  # Each time: who stood at the door may log on meanwhile.
                if link.state.phase is not Phase.DISCONNECTED and key not in told:
                    told.add(key)
                    self.runtime.logout(key, STOPPING)
            await self.runtime.idle()
            if all(link.state.connection is None for link in machine.links.values()):
                break
            await asyncio.sleep(0.02)
        for key, link in machine.links.items():
            if link.state.phase is Phase.LEAVING:  # The Logout(5) all the same, though nothing was proven.
                self.runtime.logout(key, STOPPING)
        self.runtime.note_digest(take_over.LOGIC_VERSION)
        self.runtime.note("stopped", lambda at_ns: [e.EngineStopped(at_ns, "asked to stop")])
        await self.runtime.idle()
        self._note_head()


def _make_folder(path: Path, key: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"{key}: cannot make the folder {path}: {error.strerror}") from error


# --- command line ----------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """Entry point of `rfqd` and of `python -m engine`."""
    return streams.run("rfqd", lambda: _main(argv))


def _main(argv: list[str] | None) -> int:
    parser = streams.Parser(prog="rfqd", description="Dynamic dealer selection for illiquid bonds over FIX.")
    parser.add_argument("--version", action="version", version=f"rfqd {__version__}", help="which version this is")
    parser.add_argument("--config", default="engine.toml", type=Path, help="engine.toml (default: in this folder)")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    parser.add_argument("--log-file", type=Path, default=None, help="append the log to this file instead of stderr")
    parser.add_argument("--clock-speed", type=float, default=None, help="overrides clock.speed, for demonstrations")
    parser.add_argument("--clock-origin", default=None, help="overrides clock.origin, as 2026-01-05T14:30:00.000Z")
    parser.add_argument("--securities", type=Path, default=None, help="overrides reference.securities")
    commands = parser.add_subparsers(dest="command", metavar="run | check | replay")
    # Understood before the command and behind it. Unsaid behind it, what was said before it stands.
    named = streams.Parser(add_help=False, argument_default=argparse.SUPPRESS)
    named.add_argument("--config", type=Path, help="engine.toml (default: in this folder)")
    check_help = "verify configuration, rules and reference data without starting"
    commands.add_parser("run", help="serve (the default)", parents=[named])
    commands.add_parser("check", help=check_help, parents=[named])
    replay_help = "fold a journal again and compare every digest"
    replay = commands.add_parser("replay", help=replay_help, parents=[named])
    replay.add_argument("file", type=Path)
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "check":
            return _check(_overridden(load(arguments.config), arguments), arguments.config)
        if arguments.command == "replay":
            return _replay(arguments.config, arguments.file)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # For the moment until the daemon hears it.
        config = _overridden(configured.read_config(arguments.config), arguments)
        set_up_logging(arguments.log_level, arguments.log_file)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(config))
    except (ConfigError, RuleError) as error:
        streams.say(str(error))
        return 2
    except StartError as error:
        streams.say(f"rfqd cannot start: {error}")
        return 3
    except (EngineError, OSError) as error:
        if isinstance(error, OSError) and arguments.command in ("check", "replay") and streams.is_of_output(error):
            raise
        streams.say(f"rfqd: {error}")
        return 3


def _overridden(config: Config, arguments: argparse.Namespace) -> Config:
    """The configuration with what the command line says instead. Raises ConfigError for what cannot be."""
    if arguments.securities is not None:
        reference = dataclasses.replace(config.reference, securities=arguments.securities.absolute())
        config = dataclasses.replace(config, reference=reference)
    if arguments.clock_speed is None:
        return config
    try:
        origin = datetime.fromisoformat(arguments.clock_origin) if arguments.clock_origin else None
    except ValueError as error:
        raise ConfigError(f"--clock-origin: expected a time such as 2026-01-05T14:30:00Z: {error}") from error
    return with_clock(config, arguments.clock_speed, origin)


def _count_calendars(metrics: Metrics, config: Config) -> None:
    ends_s = {each.name: each.ends_ns / NS_PER_S for each in config.calendars}
    metrics.calendars(ends_s, config.reference.calendar_months_min * DAYS_A_MONTH * 86_400)


async def _run(config: Config) -> int:
    return await Daemon(config).serve()


def _check(config: Config, path: Path) -> int:
    from engine.fix.flows.second_opinion import verify_samples  # A start has no use for simplefix.

    problems = [*check(config), *session_settings.problems(config), *securing.problems(config)]
    book = None
    try:
        book = assembly.rule_book(config)
    except (RuleError, ConfigError) as error:
        problems.append(str(error))
    try:
        by_dealer, _ = assembly.dialects(config)
        for dealer, dialect in by_dealer.items():
            problems.extend(f"dealer[{dealer}]: {line}" for line in verify_samples(dialect))
    except ConfigError as error:
        problems.append(str(error))
    for line in problems:
        print(line, file=sys.stderr)
    if problems:
        print(f"{len(problems)} problem(s)", file=sys.stderr)
        return 2
    assert book is not None
    file = assembly.security_file(config.reference.securities)
    now = Clock(config.clock.speed, config.clock.origin_utc_ns).now()
    for line in configured.notices(config, file, assembly.desk(config, book, file.bonds), now.utc_ns):
        print(f"warning: {line}", file=sys.stderr)
    print(f"{path}: all is well: {len(config.sessions)} sessions, {len(config.dealers)} dealers")
    return 0


def _replay(path: Path, journal: Path) -> int:
    if not take_over.exists(journal):
        raise StartError(f"{journal}: no journal there")
    config = load(path)
    book = assembly.rule_book(config)
    bonds, _ = assembly.securities(config.reference.securities)
    trading = Trading(assembly.desk(config, book, bonds))
    with ReadOnly(journal) as file:
        head = file.head()
        progress = take_over.Progress("replaying events", head.event_seq)
        folded = take_over.fold(file, trading, events_codec(), progress=progress)
        progress.end()
    for difference in folded.differences:
        print(difference, file=sys.stderr)
    print(f"events    {folded.events:,} up to {iso_timestamp(folded.last_utc_ns) if folded.events else '-'}")
    print(f"digests   {folded.digests_checked:,} compared, {len(folded.differences)} different")
    print(f"state     {trading.state.digest()}")
    return 1 if folded.differences else 0


if __name__ == "__main__":
    sys.exit(main())
