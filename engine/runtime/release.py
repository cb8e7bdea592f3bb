"""The last step of a turn, once it is durable: bytes to sockets, replies to people.

In turn order on each connection, and here alone: `write_out` is the one place that writes to a FIX socket. A request
or acceptance is looked at once more before it goes; where it is withheld, a gap fill takes its number and the desk
hears of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from engine.clock import Clock, Instant
from engine.desk.notices import Notice
from engine.errors import CommandError
from engine.fix.session.serving import gap_fill
from engine.metrics.collector import Metrics
from engine.runtime.hub import ConnectionHub
from engine.runtime.readback import Readback
from engine.turn import (
    Behind,
    BindMore,
    Close,
    Connect,
    Effect,
    Gate,
    Input,
    Machine,
    NotSent,
    ReadFiles,
    ReadSentRows,
    ReadUndelivered,
    Reply,
    SetLogLevel,
    Settled,
    SolveLeaks,
    Welcome,
    Withhold,
    Write,
)
from engine.turn.trading import Trading

log = logging.getLogger(__name__)

KEPT_BACK_MAX: Final = 10_000
"""Requests and acceptances that did not leave and are remembered: far more than may be followed by anything yet."""


class Staged(NamedTuple):
    """What is left to do of a turn that was adopted; `seq` is the last event behind which its replies stand.

    The rest of it goes at once: kept until the commit, the memory of a whole batch of turns would be cold to the next,
    which makes each of them a quarter slower.
    """

    now: Instant
    effects: Sequence[Effect]
    seq: int
    size: int
    notices: Sequence[Notice] = ()


class Release:
    """Carries effects out, each turn's after its commit. Whoever waits for a reply is known here."""

    def __init__(
        self,
        machine: Machine,
        trading: Trading,
        hub: ConnectionHub,
        readback: Readback,
        clock: Clock,
        metrics: Metrics,
        entropy: Callable[[], bytes],
        loop: asyncio.AbstractEventLoop,
        submit: Callable[[Input], None],
        on_phase: Callable[[str], None] | None = None,
    ) -> None:
        self.on_connect_wanted: Callable[[str], None] = lambda key: None
        """Called when an operator wants an initiator's session to connect now."""
        self.on_log_level: Callable[[str], None] = lambda level: None
        """Called with what the log is to tell from now on."""
        self.on_files_wanted: Callable[[ReadFiles], None] = lambda wanted: None
        """Called when files are to be read anew; what was found comes back as an input."""
        self.on_files_settled: Callable[[Settled], None] = lambda settled: None
        """Called once that input was decided on, with what is in force now."""
        self.on_leaks_wanted: Callable[[SolveLeaks], None] = lambda wanted: None
        """Called when leaks are to be solved anew; what was found comes back as an input."""
        self._machine = machine
        self._trading = trading
        self._hub = hub
        self._readback = readback
        self._clock = clock
        self._metrics = metrics
        self._entropy = entropy
        self._loop = loop
        self._submit = submit
        self._on_phase = on_phase
        self._connections, self._shows_wire = hub.open, hub.shows_wire
        self._leaving: dict[int, tuple[str, list[bytes], list[str]]] = {}
        """By connection what was released for it, until `write_out` a moment later: its session, messages, types."""
        self._pressing: dict[int, None] = {}
        """Those of them by which a request or an acceptance leaves."""
        self._kept_back: dict[int, None] = {}
        """Outbox numbers of requests and acceptances that did not leave, oldest first: nothing about them leaves."""
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._last_ref = 0

    # --- who waits to hear -------------------------------------------------------------------------

    def expect(self) -> tuple[int, asyncio.Future[Any]]:
        """A command is on its way: its reference, and the reply to come."""
        self._last_ref += 1
        future: asyncio.Future[Any] = self._loop.create_future()
        self._replies[self._last_ref] = future
        return self._last_ref, future

    def give_up(self, error: CommandError) -> None:
        """Nothing is released any more: whoever waits for a reply gets this error."""
        for future in self._replies.values():
            if not future.done():
                future.set_exception(error)

    # --- release -----------------------------------------------------------------------------------

    def turns(self, staged: Iterable[Staged]) -> None:
        """Carry out the effects of durable turns, in order.

        What goes to one connection leaves in one write at the end of the batch, or before an effect of another kind.
        """
        on_phase, waiting = self._on_phase, self._leaving
        for turn in staged:
            not_sent: list[Withhold] = []
            for effect in turn.effects:
                if type(effect) is Write:
                    session, number, data, gate, msg_type = effect
                    if gate is not None:
                        _, _, data, _, msg_type = self._admitted(effect, gate, not_sent)
                    leaving = waiting.get(number)
                    if leaving is None:
                        waiting[number] = (session, [data], [msg_type])
                    else:
                        leaving[1].append(data)
                        leaving[2].append(msg_type)
                    if on_phase is not None:
                        self.write_out()
                        on_phase("sending")
                elif type(effect) is Withhold:
                    self._keep_back(effect)
                    not_sent.append(effect)
                else:
                    self.write_out()
                    self._carry_out(effect, turn.seq)
            for withheld in not_sent:
                self.withhold(withheld)

    def withhold(self, withheld: Withhold) -> None:
        """A committed request or acceptance did not leave, and will not."""
        try:
            self._metrics.withheld(withheld.reason.partition(":")[0])
        except Exception:
            log.exception("not counted as withheld reason=%s: this is a bug of the engine", withheld.reason)
        self._submit(NotSent(self._clock.now(), (withheld.outbox_id,), withheld.reason, self._entropy()))

    def _admitted(self, effect: Write, gate: Gate | Behind, not_sent: list[Withhold]) -> Write:
        """What leaves: a gap fill in place of what must not.

        Of a request or acceptance the desk is to hear that (`not_sent`); what is only about one is over with it.
        """
        if type(gate) is Gate:
            reason = self._reason_against(gate, effect.connection)
            if reason:
                withheld = Withhold(gate.outbox_id, reason)
                self._keep_back(withheld)
                not_sent.append(withheld)
        if gate.outbox_id in self._kept_back:
            settings = self._machine.settings[effect.session]
            fill = gap_fill(settings, gate.seq_num, gate.seq_num + 1, self._clock.now(), poss_dup=False)
            return effect._replace(data=fill, msg_type="")
        if type(gate) is Gate:
            self._pressing[effect.connection] = None
        return effect

    def _keep_back(self, withheld: Withhold) -> None:
        self._kept_back[withheld.outbox_id] = None
        if len(self._kept_back) > KEPT_BACK_MAX:
            del self._kept_back[next(iter(self._kept_back))]

    def write_out(self) -> None:
        """Give the sockets what has been released for them: the only caller of `FixConnection.write`.

        Requests and acceptances go first: a write takes 40 us, and the market moves on while a dealer is not asked.
        """
        if self._leaving:
            leaving = self._leaving
            if self._pressing:
                leaving = {**{number: leaving[number] for number in self._pressing}, **leaving}
                self._pressing.clear()
            for number, (session, messages, types) in leaving.items():
                connection = self._connections.get(number)
                if connection is not None and connection.write(messages):
                    try:
                        self._metrics.wrote(session, messages, types)
                    except Exception:
                        log.exception("messages not counted session=%s: this is a bug of the engine", session)
                    if self._shows_wire:
                        for data in messages:
                            self._hub.show(">", number, data)
            self._leaving.clear()

    def _reason_against(self, gate: Gate, number: int) -> str:
        """The last look before a request leaves by this connection: kill on, too late, or nobody there."""
        connection = self._connections.get(number)
        if connection is None or not connection.alive:
            return "session: its connection is gone"
        scope = self._trading.withheld_by(gate.kill_scopes)
        if scope:
            return f"kill: switch {scope} is on"
        if gate.not_after_ns is not None and self._clock.now().utc_ns > gate.not_after_ns:
            return "late: its time was over before it was durable"
        return ""

    def _carry_out(self, effect: Effect, seq: int) -> None:
        if type(effect) is Reply:
            self.reply(effect, seq)
        elif type(effect) is Close:
            connection = self._connections.get(effect.connection)
            if connection is not None:
                log.info("closing connection=%d code=%s text=%s", effect.connection, effect.code, effect.text)
                end = connection.abort if effect.at_once else connection.close
                end(effect.code, effect.text)
        elif type(effect) is Connect:
            self.on_connect_wanted(effect.session)
        elif type(effect) is Welcome:
            connection = self._connections.get(effect.connection)
            if connection is not None:
                connection.welcome()
        elif type(effect) is ReadSentRows:
            self._readback.sent(effect)
        elif type(effect) is ReadUndelivered:
            self._readback.undelivered(effect)
        elif type(effect) is BindMore:
            self._readback.rest(effect)
        elif type(effect) is ReadFiles:
            self.on_files_wanted(effect)
        elif type(effect) is Settled:
            self.on_files_settled(effect)
        elif type(effect) is SolveLeaks:
            self.on_leaks_wanted(effect)
        elif type(effect) is SetLogLevel:
            self.on_log_level(effect.level)
            self._shows_wire = self._hub.look_at_log()

    def reply(self, effect: Reply, seq: int) -> None:
        future = self._replies.pop(effect.ref, None)
        if future is None or future.done():
            return
        if effect.error:
            future.set_exception(CommandError(effect.error, code=effect.code))
        else:
            result = effect.result
            future.set_result({**result, "seq": seq} if isinstance(result, dict) else {"result": result, "seq": seq})
