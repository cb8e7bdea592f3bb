"""The real daemon on a socket: a thousand strangers, two counterparties gone mad, and an OMS that must not notice.

The OMS sends orders and TestRequest(1)s all the while. A stranger must be told nothing and be rid of; a counterparty
may be answered, rejected and logged out; the OMS gets every answer in time; the daemon's memory and descriptors come
to rest, and its log has no error in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from benchmarks import house
from benchmarks.client import Daemon, free_port
from benchmarks.installation import DESK, DROP_COPY, OMS, install
from benchmarks.messages import Field, field_of, frames_in, order_fields, stamp, wire

from fuzzing.corpus import Corpus, Sample
from fuzzing.generating import SOH
from fuzzing.meter import Meter, hold
from fuzzing.mutation import Mutator

DEALERS: Final = 2
AT_ONCE: Final = 100
"""Strangers at a time: more than fix.connections_max, so that some find no room."""
LOGON_TIMEOUT_S: Final = 1.0
STRANGER_S: Final = 30.0
"""A stranger that is still connected after this was not got rid of."""
UNHARMED_S: Final = 5.0
"""The OMS waits for an answer at most so long, on a machine that does other things as well."""
START_S: Final = 60.0
PAUSE_S: Final = 0.02
RSS_GROWTH_MAX: Final = 96 * 1024 * 1024
DESCRIPTORS_GROWTH_MAX: Final = 8
BEGIN: Final = b"FIX.4.4"

_COMPLAINTS: Final = (" ERROR ", " CRITICAL ", "Traceback")
_HEADER_FIELDS: Final = 5


class Connections:
    """One daemon, as many strangers as inputs are wanted."""

    name = "connections"
    inputs = 1_000

    def __init__(self, corpus: Corpus, rng: Random) -> None:
        self._rng = rng
        self._mutator = Mutator(rng, corpus.samples)

    def case(self, meter: Meter, reproduction: str) -> None:
        folder = Path(tempfile.mkdtemp(prefix="rfq-fuzz-"))
        try:
            asyncio.run(_Run(self._rng, self._mutator, meter, reproduction, folder).go())
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        pass


@dataclass(slots=True)
class _Line:
    """One FIX connection of ours to the daemon."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    us: str
    next_out: int = 1
    rest: bytes = b""

    def message(self, msg_type: str, body: list[Field]) -> bytes:
        header: list[Field] = [(35, msg_type), (34, self.next_out), (49, self.us), (52, stamp()), (56, DESK)]
        self.next_out += 1
        return wire(BEGIN.decode(), [*header, *body])

    def say(self, msg_type: str, body: list[Field]) -> None:
        self.writer.write(self.message(msg_type, body))

    async def frames(self) -> AsyncIterator[bytes]:
        with contextlib.suppress(OSError):
            while data := await self.reader.read(262_144):
                whole, self.rest = frames_in(self.rest + data)
                for frame in whole:
                    yield frame

    def close(self) -> None:
        self.writer.close()


@dataclass(slots=True)
class _Good:
    """The OMS: what it asked and has no answer to yet, by name, and how long the slowest answer took."""

    line: _Line
    waits: dict[str, float] = field(default_factory=dict)
    answered: int = 0
    slowest_s: float = 0.0
    over: bool = False

    async def listen(self) -> None:
        async for frame in self.line.frames():
            name = field_of(frame, 112) if field_of(frame, 35) == "0" else field_of(frame, 11)
            if field_of(frame, 35) == "1":
                self.line.say("0", [(112, field_of(frame, 112))])
            elif (asked := self.waits.pop(name, None)) is not None:
                self.answered += 1
                self.slowest_s = max(self.slowest_s, time.monotonic() - asked)
        self.over = True

    async def speak(self) -> None:
        number = 0
        while not self.over:
            number += 1
            name = f"ASK-{number}"
            self.waits[name] = time.monotonic()
            self.line.say("1", [(112, name)])
            order = order_fields(number, house.isin(1 + number % house.BONDS), 1_000_000 + 1_000 * (number % 500))
            self.waits[str(order[0][1])] = time.monotonic()
            self.line.say("D", order)
            await asyncio.sleep(0.1)

    def hold(self) -> None:
        now = time.monotonic()
        late = [name for name, asked in self.waits.items() if now - asked > UNHARMED_S]
        hold(not late, f"the OMS waits for {late[:3]} for more than {UNHARMED_S} s")
        hold(not self.over, "the OMS was disconnected")
        hold(self.slowest_s <= UNHARMED_S, f"the OMS had to wait for {self.slowest_s:.1f} s")


class _Run:
    """One daemon from its start to its end."""

    def __init__(self, rng: Random, mutator: Mutator, meter: Meter, reproduction: str, folder: Path) -> None:
        self._rng = rng
        self._mutator = mutator
        self._meter = meter
        self._reproduction = reproduction
        self._folder = folder
        self._port = free_port()
        self._dealers: dict[str, _Line] = {}
        self._all_met = asyncio.Event()

    async def go(self) -> None:
        server = await asyncio.start_server(self._met, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        config = install(self._folder, DEALERS, durability="normal", port=self._port, dealers_port=port)
        # Strangers and the OMS come from one address: what keeps others out by theirs must not hit the OMS here.
        limits = (
            f"[fix]\nlogon_timeout_s = {LOGON_TIMEOUT_S}\nconnections_per_address_max = 64\n"
            "logon_attempts_per_minute_max = 1_000_000\nlogon_failures_max = 1_000_000\n"
        )
        config.write_text(config.read_text().replace("[fix]\n", limits))
        try:
            with Daemon(["engine", "--config", str(config), "run"], self._folder) as daemon:
                await self._fight(daemon)
                hold(daemon.running, f"the daemon ended: {daemon.said()}")
                complaints = [line for line in daemon.log.splitlines() if any(mark in line for mark in _COMPLAINTS)]
                hold(not complaints, f"the log has errors: {complaints[:5]}")
        finally:
            server.close()
            await self._hear_out()

    async def _hear_out(self) -> None:
        """The daemon is gone: every dealer's connection ends."""
        for line in self._dealers.values():
            line.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            await asyncio.wait(left, timeout=STRANGER_S)

    async def _fight(self, daemon: Daemon) -> None:
        good = _Good(await self._log_on(OMS, daemon))
        async with asyncio.timeout(START_S):
            await self._all_met.wait()
        tasks = [
            asyncio.create_task(each) for each in (good.listen(), good.speak(), self._dealer(), self._drop_copy(daemon))
        ]
        try:
            await self._strangers(8)  # what the first ones cost is no leak
            rss, descriptors = _rss(daemon.pid), _descriptors(daemon.pid)
            while not self._meter.over:
                await self._strangers(min(AT_ONCE, self._meter.inputs - self._meter.count))
                good.hold()
                hold(daemon.running, f"the daemon ended: {daemon.said()}")
                for task in tasks:
                    if task.done():
                        task.result()
            await asyncio.sleep(1 + LOGON_TIMEOUT_S)
            good.hold()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        grown, more = _rss(daemon.pid) - rss, _descriptors(daemon.pid) - descriptors
        self._meter.notes += [
            f"daemon: {rss >> 20} MiB before, {rss + grown >> 20} MiB after, {more:+d} descriptors",
            f"OMS: {good.answered} of its messages answered, the slowest after {good.slowest_s * 1e3:.0f} ms",
        ]
        hold(grown < RSS_GROWTH_MAX, f"the daemon grew by {grown >> 20} MiB")
        hold(more < DESCRIPTORS_GROWTH_MAX, f"{more} descriptors are left open")

    # --- counterparties --------------------------------------------------------------------------

    async def _log_on(self, us: str, daemon: Daemon) -> _Line:
        async with asyncio.timeout(START_S):
            while True:
                try:
                    line = _Line(*await asyncio.open_connection("127.0.0.1", self._port), us)
                except OSError:
                    hold(daemon.running, f"the daemon ended: {daemon.said()}")
                    await asyncio.sleep(0.1)
                    continue
                line.say("A", [(98, 0), (108, 30), (141, "Y")])
                async for frame in line.frames():
                    if field_of(frame, 35) == "A":
                        return line
                await asyncio.sleep(0.1)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A dealer's side: the daemon has connected and logs on."""
        line = _Line(reader, writer, "")
        async for frame in line.frames():
            kind = field_of(frame, 35)
            if kind == "A":
                line.us = field_of(frame, 56)
                line.say("A", [(98, 0), (108, 30), (141, "Y")])
                self._dealers[line.us] = line
                if len(self._dealers) == DEALERS:
                    self._all_met.set()
            elif kind == "1":
                line.say("0", [(112, field_of(frame, 112))])
            elif kind == "R":
                entry: list[Field] = [(146, 1), (55, "[N/A]"), (48, field_of(frame, 48)), (22, "4")]
                line.say("AG", [(131, field_of(frame, 131)), (658, 5), *entry])
        line.close()

    async def _dealer(self) -> None:
        """One of the dealers says anything; it is logged out and connected to again and again."""
        mad = sorted(self._dealers)[0]
        while True:
            line = self._dealers[mad]
            if not line.writer.is_closing():
                self._rave(line)
            await asyncio.sleep(PAUSE_S)

    async def _drop_copy(self, daemon: Daemon) -> None:
        """So does the drop copy, which comes back as soon as it was thrown out."""
        while True:
            line = await self._log_on(DROP_COPY, daemon)
            listening = asyncio.create_task(_until_closed(line))
            while not listening.done():
                self._rave(line)
                await asyncio.sleep(PAUSE_S)
            line.close()

    def _rave(self, line: _Line) -> None:
        """A few bent messages under the number that is expected, more or less."""
        for _ in range(5):
            sample = self._mutator.sample()
            head = line.message(sample.msg_type, []).split(SOH)[2 : 2 + _HEADER_FIELDS]
            keep = 0 if self._rng.random() < 0.03 else _HEADER_FIELDS
            line.writer.write(self._mutator.right(Sample(BEGIN, (*head, *sample.fields[5:])), keep=keep))
            self._meter.outcomes["(bent messages of counterparties)"] += 1

    # --- strangers -------------------------------------------------------------------------------

    async def _strangers(self, count: int) -> None:
        plans = [self._plan() for _ in range(count)]
        ends = await asyncio.gather(*(self._stranger(*plan) for plan in plans))
        for (kind, pieces), told in zip(plans, ends, strict=True):
            self._meter.begin()
            self._meter.end(kind, sum(map(len, pieces)), self._reproduction)
            hold(told == b"", f"a stranger was told {told[:200]!r}: {kind} {b''.join(pieces)[:400]!r}")

    def _plan(self) -> tuple[str, list[bytes]]:
        """A way to be a nuisance, and the bytes for it, piece by piece."""
        rng, mutator = self._rng, self._mutator
        logon = _Line(None, None, rng.choice((OMS, "NOBODY", "DEALER0000"))).message("A", [(98, 0), (108, 30)])  # type: ignore[arg-type]
        fields = tuple(logon.split(SOH)[2:-2])
        kind = rng.choice(
            ("silent", "bent logon", "wrong logon", "anything", "noise", "byte by byte", "long", "many", "cut", "burst")
        )
        if kind == "silent":
            return kind, []
        if kind == "bent logon":
            return kind, [mutator.right(Sample(BEGIN, (*fields[:2], b"49=NOBODY", *fields[3:])), keep=3)]
        if kind == "wrong logon":
            return kind, [logon]
        if kind == "noise":
            return kind, [rng.randbytes(2_000) for _ in range(5)]
        if kind == "byte by byte":
            return kind, [b"%c" % byte for byte in mutator.message()[:40]]
        if kind == "long":
            return kind, [b"8=FIX.4.4\x019=5\x0135=A\x0158=", *(b"x" * 50_000 for _ in range(20))]
        if kind == "many":
            return kind, [b"8=FIX.4.4\x019=1\x01" * 4_000, b"\x0110=x", b"8=FIX" * 10_000]
        if kind == "cut":
            return kind, [logon[: int(rng.random() * len(logon))]]
        if kind == "burst":
            return kind, [b"".join(mutator.message() for _ in range(60))]
        return kind, [mutator.message()]

    async def _stranger(self, kind: str, pieces: list[bytes]) -> bytes:
        """Say it, and listen until the connection is closed; what was heard."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.timeout(STRANGER_S):
                heard = asyncio.create_task(_heard(reader))
                with contextlib.suppress(OSError):
                    for piece in pieces:
                        writer.write(piece)
                        await writer.drain()
                        await asyncio.sleep(0)
                if kind == "cut":
                    writer.transport.abort()
                return await heard
        except TimeoutError:
            raise AssertionError(f"a stranger is still connected after {STRANGER_S} s: {kind}") from None
        finally:
            writer.close()


async def _heard(reader: asyncio.StreamReader) -> bytes:
    data = b""
    with contextlib.suppress(OSError):
        while more := await reader.read(65_536):
            data += more
    return data


def _until_closed(line: _Line) -> Coroutine[None, None, bytes]:
    return _heard(line.reader)


def _rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
