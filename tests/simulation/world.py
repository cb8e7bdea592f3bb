"""`World(seed)`: the engine, its counterparties, the network and time, all on one heap, all from one seed.

    world = World(7)
    world.play()                     noise, then calm, then the full reconciliation; raises SimulationFailed

or by hand, with `QUIET` as its scenario:

    with World(7, QUIET) as world:
        world.until(lambda: world.oms.peer.active)
        world.oms.new_order(t38=100_000)
        world.crash("committed_unsent")
        world.run(5)

The engine is the real one (`sim_engine.Life`); everything outside it is `sim_parties` over `sim_peer`.
"""

from __future__ import annotations

import logging
import random
import shutil
import sqlite3
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from sim_checks import Record, StateChecks, Truth, WireChecks, at_rest, differences, numbers_agree, same_again
from sim_engine import CODEC, PHASES, Answer, Killed, Life
from sim_network import Link
from sim_parties import Dealer, DealerOrder, DropCopy, Feed, Oms, Temper
from sim_peer import Peer
from sim_setting import DEALERS, setting
from sim_time import NS, Timeline
from sim_wire import Msg

from engine.desk.state import DeskState
from engine.domain.events import Event
from engine.domain.order import OrderState
from engine.domain.rfq import RfqState
from engine.fix.session.schedule import Schedule
from engine.journal.archive import ReadOnly, audit
from engine.journal.batch import StagedTurn
from engine.journal.opening import Durability
from engine.turn.trading import Trading

E = TypeVar("E", bound=Event)

_ENGINE_LOG = logging.getLogger("engine")
UTC_BASE_NS = 1_795_444_200 * NS  # 2026-11-23 14:30, a Monday.
BEFORE_MIDNIGHT_NS = UTC_BASE_NS + (4 * 86_400 + 9 * 3600 + 29 * 60 + 35) * NS  # That week's Friday, 23:59:35.
ACTIONS_SHOWN = 30


class SimulationFailed(AssertionError):
    """Something did not hold; the text has the seed and the last actions."""


@dataclass(frozen=True)
class Scenario:
    """How rough it gets. Times in virtual seconds, the rest probabilities or events a minute."""

    begins_ns: int = UTC_BASE_NS
    noise_s: float = 45.0
    calm_s: float = 60.0
    orders: int = 6
    heart_bt_s: int = 30
    durability: Durability = "full"
    delay_ms: tuple[float, float] = (0.1, 20.0)
    split: float = 0.3
    slow: float = 0.02
    slow_commit: float = 0.05
    noise: float = 1.0
    crashes: float = 1.5
    cuts: float = 3.0
    freezes: float = 1.0
    deaths: float = 1.0
    resets: float = 0.6
    busy: float = 0.5
    commands: float = 15.0
    kills: float = 0.7
    clock_steps: float = 0.0
    """The wall clock is set, forward; nothing else notices."""
    reset_on_logon: tuple[str, ...] = ()
    """Dealers whose session begins anew at every Logon(A)."""
    schedules: tuple[tuple[str, Schedule], ...] = ()
    """Sessions that keep hours; what is to happen to the peer's numbers is for `Peer.begin_period`."""


QUIET = Scenario(
    split=0.0, slow=0.0, slow_commit=0.0, noise=0.0, crashes=0, cuts=0, freezes=0, deaths=0, resets=0, busy=0,
    commands=0, kills=0, delay_ms=(1.0, 1.0),
)  # fmt: skip
"""Nothing happens by itself: for scripts."""

OBEDIENT = Temper(
    silent=0, decline=0, withdraw=0, indicative=0, reject=0, stall=0, partial=0, repeat_fill=0, lie=0, noise=0,
    acknowledge=0, change=0, quote_s=(0.5, 0.5), fill_s=(0.5, 0.5), life_s=(60,),
)  # fmt: skip
"""A dealer that quotes and fills."""


def scenario_of(seed: int) -> Scenario:
    """What a seed plays: rough in its own way."""
    rng = random.Random(f"scenario-{seed}")
    base = Scenario(
        heart_bt_s=rng.choice((10, 20, 30, 60)),
        durability=rng.choice(("full", "full", "normal")),
        delay_ms=rng.choice(((0.1, 5.0), (0.1, 20.0), (1.0, 400.0))),
        split=rng.choice((0.0, 0.3, 0.8)),
        orders=rng.randint(2, 6),
        slow_commit=rng.choice((0.02, 0.05, 0.6)),
        kills=rng.choice((0.7, 0.7, 6.0)),
        reset_on_logon=rng.choice(((), (), (), ("birch",), ("alder", "marks"))),
    )
    rough: dict[str, Any] = {"crashes": rng.choice((0.0, 2.0, 5.0)), "cuts": rng.choice((0.0, 3.0, 8.0))}
    for name in ("noise", "cuts", "freezes", "deaths", "resets", "busy", "kills"):
        if rng.random() < 0.3:
            rough[name] = 0.0
    rough["begins_ns"] = BEFORE_MIDNIGHT_NS if rng.random() < 0.25 else UTC_BASE_NS
    rough["clock_steps"] = rng.choice((0.0, 0.0, 2.0))
    return replace(base, **rough)


class World:
    """Everything. `life` is the engine's process, None while it is down."""

    def __init__(self, seed: int, scenario: Scenario | None = None, temper: Temper | None = None) -> None:
        self.seed = seed
        self.scenario = scenario if scenario is not None else scenario_of(seed)
        self.rng = random.Random(f"world-{seed}")
        self.net_rng = random.Random(f"network-{seed}")
        self.timeline = Timeline(self.scenario.begins_ns)
        self.setting = setting()
        self.isins, self.fair = self.setting.isins, dict(self.setting.fair)
        self._trail: deque[tuple[int, str]] = deque(maxlen=ACTIONS_SHOWN)
        shared_memory = Path("/dev/shm")  # A disk that costs nothing, where there is one.
        self.folder = Path(
            tempfile.mkdtemp(prefix="simulation-", dir=shared_memory if shared_memory.is_dir() else None)
        )
        self.path = self.folder / "journal.db"
        self.record = Record(self.setting, self.fail)
        self.wire = WireChecks(self.record, self.fail)
        self.checks = StateChecks(self)
        self.truth = Truth(self)
        self.crashes: Counter[str] = Counter()
        self.killed_scopes: set[str] = set()
        """Kill switches whose command has been answered: nothing in their scope may leave any more."""
        self.forced: set[str] = set()
        self._failure: SimulationFailed | None = None
        self.disk_s = 0.0
        """How long a commit takes from now on; 0: as the scenario draws it."""
        self.refusals: list[str] = []
        self.rejects: list[Msg] = []
        self.answers: list[Answer] = []
        self.notices: list[Any] = []
        self.poisoned = False
        self.may_stop = False
        """Is it right for the engine to stop itself? `stopped` has its reasons."""
        self.stopped: list[str] = []
        self.connection: type[sqlite3.Connection] = sqlite3.Connection
        self.is_orderly = False
        self.oms = Oms(self, "OMS")
        self.drop_copy = DropCopy(self, "DROPCOPY")
        self.feed = Feed(self, "MARKS")
        self.dealers = {
            name: Dealer(self, name.upper(), temper or Temper(quote_s=(0.05, 2.0 + 5 * place)))
            for place, name in enumerate(DEALERS)
        }
        parties: tuple[Oms | DropCopy | Feed | Dealer, ...] = (
            self.oms,
            self.drop_copy,
            self.feed,
            *self.dealers.values(),
        )
        self.peers: dict[str, Peer] = {party.peer.key: party.peer for party in parties}
        self._lives = 0
        self.life: Life | None = None
        self.start()
        for peer in (self.oms.peer, self.drop_copy.peer):
            self._call_engine(peer)

    # --- the engine's process ------------------------------------------------------------------------

    def start(self) -> Life:
        """Start the engine from its journal."""
        self._lives += 1
        self.note(f"engine starts for the {self._lives}. time")
        self.life = Life(self, self._lives)
        return self.life

    def crash(self, phase: str, nth: int = 1) -> None:
        """Kill the engine when a turn next comes to `phase`, one of `sim_engine.PHASES`; it starts again by itself."""
        if phase not in PHASES:
            raise ValueError(f"phase: expected one of {', '.join(PHASES)}, found {phase!r}")
        if self.life is not None:
            self.life.arm(phase, nth)

    def kill(self, down_s: float = 1.0) -> None:
        """kill -9, now."""
        if self.life is not None:
            self.life.kill()
            self._down(down_s)

    def _down(self, down_s: float) -> None:
        self.life = None
        self.timeline.later(int(down_s * NS), "restart", self._restart)

    def _restart(self) -> None:
        if self.life is None:
            self.start()

    @property
    def engine(self) -> Life:
        """The running engine. Raises if it is down."""
        assert self.life is not None
        return self.life

    def _call_engine(self, peer: Peer) -> None:
        """The OMS and the drop copy connect by themselves, again and again."""
        if peer.link is None and self.life is not None and not peer.is_down:
            self.life.link(peer, "")
        self.timeline.later(int(self.rng.uniform(0.5, 3.0) * NS), "", self._call_engine, peer)

    # --- time ------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._run(self.timeline.now_ns + int(seconds * NS), None)

    def until(self, true: Callable[[], bool], at_most_s: float = 60.0) -> None:
        """Let time pass until something is true; fails the run if it does not become so."""
        if not true() and not self._run(self.timeline.now_ns + int(at_most_s * NS), true):
            self.fail(f"waited {at_most_s:g} s in vain")

    def _run(self, end_ns: int, true: Callable[[], bool] | None) -> bool:
        timeline = self.timeline
        while (next_ns := timeline.peek_ns()) is not None and next_ns <= end_ns:
            if next_ns > timeline.now_ns and self.life is not None:
                self.checks.hold(self.life)
            try:
                entry = timeline.step()
            except Killed:
                assert self.life is not None
                self.life.bury()
                self._down(self.rng.uniform(0.1, 3.0))
                continue
            except SimulationFailed:
                raise
            except Exception as error:
                raise SimulationFailed(self._story(f"{type(error).__name__}: {error}")) from error
            if self._failure is not None:
                raise self._failure
            if entry.label:
                self.note(entry.label)
            if true is not None and true():
                return True
        timeline.now_ns = max(timeline.now_ns, end_ns)
        return False

    def ready(self) -> World:
        """Wait until everybody is logged on and prices are known."""
        self.until(lambda: self.life is not None and all(map(self.life.machine.session_up, self.peers)))
        self.run(0.5)
        return self

    @property
    def state(self) -> DeskState:
        return self.engine.trading.state

    def events(self, kind: type[E]) -> list[E]:
        """What has been recorded of one kind, in order."""
        return [event for event in self.record.events if isinstance(event, kind)]

    # --- the script of a seed --------------------------------------------------------------------------

    def play(self) -> None:
        """A noisy while, a calm one, and the reckoning."""
        with self:
            self._schedule_noise()
            self.run(self.scenario.noise_s)
            self.calm()
            self.reckon()

    def _schedule_noise(self) -> None:
        rng, scenario = self.rng, self.scenario
        for _ in range(scenario.orders):
            self.timeline.later(int(rng.uniform(1, scenario.noise_s * 0.8) * NS), "", self._order)
        for each, name in (
            (scenario.crashes, self._some_crash),
            (scenario.cuts, self._some_cut),
            (scenario.freezes, self._some_freeze),
            (scenario.deaths, self._some_death),
            (scenario.resets, self._some_reset),
            (scenario.busy, self._some_busy),
            (scenario.commands, self._some_command),
            (scenario.kills, self._some_kill),
            (6.0, self._some_small_thing),
            (scenario.clock_steps, self._some_clock_step),
        ):
            count = each * scenario.noise_s / 60
            for _ in range(int(count) + (rng.random() < count % 1)):
                self.timeline.later(int(rng.uniform(0, scenario.noise_s) * NS), "", name)

    def calm(self) -> None:
        """No further faults: everybody is there, settles what is open, and has time to catch up."""
        self.is_orderly = True
        self.scenario = replace(self.scenario, slow=0.0, slow_commit=0.0, split=0.0, delay_ms=(0.1, 5.0), noise=0.0)
        if self.life is not None:
            self.life.armed = ""
            self.life.be_busy(0)
        for peer in self.peers.values():
            peer.down_until_ns = 0
        if self.life is None:
            self.start()
        for scope in sorted(self._kills_on()):
            self._kill(scope, False)
        for pause_s in (20.0, 10.0):
            self.run(pause_s)
            for dealer in self.dealers.values():
                dealer.settle_all()
        self.run(self.scenario.calm_s / 2)
        for placement in list(self.engine.trading.state.placements.values()):
            if placement.unanswered and placement.person_needed:
                self.force(placement.order_id)
        self.run(self.scenario.calm_s / 2)

    def reckon(self) -> None:
        """Everybody's books against each other, the journal against memory, the chain against itself."""
        self.until(lambda: self.engine.settled and numbers_agree(self))
        problems = at_rest(self)
        live = self.engine.trading
        if not same_again(live, self.record.trading):
            problems.append(f"the record folds to something else: {differences(live, self.record.trading)}")
        self.kill(3600)
        with ReadOnly(self.path) as file:
            again = Trading(self.setting.desk())
            for row in file.events():
                again.fold(CODEC.decode(row.type, row.version, row.body))
        if not same_again(live, again):
            problems.append(f"the file folds to something else: {differences(live, again)}")
        verdict = audit(self.path)
        if not verdict.holds:
            problems.append(f"the chain does not hold: {verdict.bad}")
        if problems:
            self.fail("\n  ".join(["at the end:", *problems]))

    # --- what may happen ---------------------------------------------------------------------------------

    def _order(self) -> None:
        self.oms.new_order()

    def _some_crash(self) -> None:
        if self.rng.random() < 0.1:
            self.kill(self.rng.uniform(0.1, 20.0))
        else:
            self.crash(self.rng.choice(PHASES), self.rng.choice((1, 1, 2, 5)))

    def _some_cut(self) -> None:
        peer = self.rng.choice(list(self.peers.values()))
        if peer.link is not None:
            self.note(f"cut {peer.name}")
            peer.link.cut(losing=self.rng.random() < 0.7)

    def _some_freeze(self) -> None:
        peer = self.rng.choice(list(self.peers.values()))
        if peer.link is not None:
            self.note(f"freeze {peer.name}")
            peer.link.freeze(int(self.rng.choice((3, 10, 100)) * NS))

    def _some_death(self) -> None:
        peer = self.rng.choice(list(self.peers.values()))
        self.note(f"{peer.name} dies")
        peer.die(int(self.rng.uniform(1, 40) * NS))

    def _some_reset(self) -> None:
        peer = self.rng.choice(list(self.peers.values()))
        if peer.initiator and self.rng.random() < 0.5:
            peer.reset_wanted = True
            peer.log_out()
        else:
            peer.reset()

    def _some_busy(self) -> None:
        if self.life is not None:
            self.note("the journal is locked")
            self.life.be_busy(self.rng.randint(1, 40))

    def _some_clock_step(self) -> None:
        by_s = self.rng.choice((0.5, 7.0, 40.0))
        self.note(f"the wall clock is set {by_s:g} s forward")
        self.timeline.set_clock(int(by_s * NS))

    def _some_small_thing(self) -> None:
        rng = self.rng
        what = rng.randrange(7)
        known = list(self.oms.orders.values())
        if what == 0 and self.oms.open_orders():
            self.oms.cancel(rng.choice(self.oms.open_orders()))
        elif what == 1 and known:
            self.oms.ask_status(rng.choice(known))
        elif what == 2 and known:
            self.oms.repeat(rng.choice(known))
        elif what == 6:
            if rng.random() < self.scenario.noise:
                self.oms.make_noise()
        elif what == 3:
            rng.choice(list(self.peers.values())).probe()
        elif what == 4:
            self.feed.publish(rng.choice(self.isins))
        else:
            rng.choice(list(self.peers.values())).log_out()

    def _some_command(self) -> None:
        """What a trader would do, seeing what there is to see."""
        if self.life is None:
            return
        rng, state = self.rng, self.life.trading.state
        waiting = [o for o in state.orders.values() if o.state is OrderState.with_trader]
        deciding = [
            r
            for r in state.rfqs.values()
            if r.state in (RfqState.asking, RfqState.deciding) and any(a.quotes for a in r.asks)
        ]
        if deciding and rng.random() < 0.7:
            self.life.command("execute", {"order": rng.choice(deciding).order_id})
        elif waiting and rng.random() < 0.7:
            order = rng.choice(waiting)
            if order.duplicate_of:
                self.life.command("order.allow_duplicate", {"order": order.order_id, "reason": "meant"})
            else:
                self.life.command("send", {"order": order.order_id, "fresh": True})
        elif rng.random() < 0.15:
            self.life.command(
                "order.new",
                {
                    "security": rng.choice(self.isins),
                    "side": rng.choice(("buy", "sell")),
                    "quantity": rng.choice(("100k", "1mm", "3mm")),
                },
            )
        elif waiting and rng.random() < 0.1:
            self.life.command("order.cancel", {"order": rng.choice(waiting).order_id})
        else:
            self.life.command("status", {})

    def _some_kill(self) -> None:
        on = self._kills_on()
        if on and self.rng.random() < 0.7:
            self._kill(self.rng.choice(sorted(on)), False)
        else:
            self._kill(self.rng.choice(("all", "dealer:alder", "dealer:birch", "account:ACC1")), True)

    def _kill(self, scope: str, on: bool) -> None:
        if self.life is not None:
            if not on:
                self.killed_scopes.discard(scope)
            self.life.command("kill", {"scope": scope, "on": on, "reason": "a test"})

    def _kills_on(self) -> set[str]:
        if self.life is None:
            return set()
        kills = self.life.trading.state.kills
        return {scope for scope in kills.keys() if kills[scope].on}  # noqa: SIM118 (a table of the desk, no dict)

    def force(self, order_id: str) -> None:
        """A person releases what nobody answers for: from here on the dealers may have more than the order."""
        self.forced.add(order_id)
        self.engine.command("order.force_state", {"order": order_id, "reason": "nobody answers"})

    # --- what the others report ----------------------------------------------------------------------------

    def wrote(self, link: Link, data: bytes) -> None:
        """The engine is about to write."""
        life = self.engine
        life.at("partly_released")
        self.wire.wrote(link.peer.key, data, self.timeline.utc_ns, life, self.killed_scopes)

    def committed(self, turns: Sequence[StagedTurn]) -> None:
        self.record.take(turns)

    def restarted(self, file: ReadOnly) -> None:
        self.record.catch_up(file)

    def published(self, turn_seq: int, notice: Any) -> None:
        if turn_seq > self.record.turn_seq:
            self.fail(f"a line to subscribers before its commit: {notice}")
        self.notices.append(notice)

    def answered(self, answer: Answer, turn_seq: int) -> None:
        """A command got its reply; `turn_seq` is the turn that was decided for it, 0 if it recorded nothing."""
        self.answers.append(answer)
        if answer.error is not None:
            self.note(f"  refused: {answer.error}")
            if getattr(answer.error, "code", "") == "bug":
                self.fail(f"a command could not be handled: {answer.error}")
            return
        assert answer.result is not None
        if turn_seq > self.record.turn_seq or answer.result["seq"] > self.record.event_seq:
            self.fail(f"{answer.name} was answered before its commit")
        if answer.name == "kill":
            scope, kills = answer.params["scope"], self.record.trading.state.kills
            kill = kills.get(scope)
            if answer.params["on"] and (kill is None or not kill.on) and answer.result["seq"] == self.record.event_seq:
                self.fail(f"kill {scope} was answered and is not on record")
            if kill is not None and kill.on:
                self.killed_scopes.add(scope)
            else:
                self.killed_scopes.discard(scope)  # It was switched off before the answer to switching on was there.

    def dealer_took(self, dealer: Dealer, order: DealerOrder) -> None:
        self.truth.took(dealer, order)

    def dealer_filled(self, dealer: Dealer, order: DealerOrder) -> None:
        self.truth.filled(dealer, order)

    def filled_over(self, peer: Peer, begin: int, to: int) -> None:
        """A counterparty was told that numbers carried nothing for it."""

    def rejected(self, peer: Peer, msg: Msg) -> None:
        """A counterparty got a Reject(3): only noise earns one."""
        self.rejects.append(msg)
        self.oms.is_told(peer, msg)
        if not self.scenario.noise and not self.is_orderly:
            self.fail(f"{peer.name}: rejected: {msg.raw!r}")

    def lies(self) -> set[str]:
        """Executions that never were and that the engine has to quarantine."""
        return {key for dealer in self.dealers.values() for key in dealer.lies}

    # --- telling ---------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        self._trail.append((self.timeline.now_ns, text))

    def fail(self, text: str) -> NoReturn:
        """Fail the run. A task may swallow what is raised in it: the run fails all the same with its next action."""
        failure = SimulationFailed(self._story(text))
        if self._failure is None:
            self._failure = failure
        raise failure

    def _story(self, text: str) -> str:
        lines = [f"  {at_ns / NS:10.4f}  {what}" for at_ns, what in self._trail]
        return "\n".join(
            [f"seed {self.seed} at {self.timeline.now_ns / NS:.4f} s: {text}", f"last {len(lines)} actions:", *lines]
        )

    # --- folder ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        if self.life is not None and not self.life.dead:
            self.life.bury()
        self.life = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> World:
        self._log_level = _ENGINE_LOG.level
        _ENGINE_LOG.setLevel(logging.CRITICAL)
        return self

    def __exit__(self, *_: object) -> None:
        _ENGINE_LOG.setLevel(self._log_level)
        self.close()
