"""Helpers: a market of two bonds, recorded events, and a stand-in for the engine's side of a session."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from paper.clock import NS_PER_S, PaperClock, format_timestamp
from paper.network import bound_port, dial, listen
from paper.party import Party
from paper.prices import FairPrices, Security, parse_securities
from paper.session import FixSession, Settings
from paper.store import Store
from paper.wire import Garbled, Message
from ports import free_port

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
PATIENCE_REAL_S = 30.0  # a failing test ends; a passing one never waits that long

ISIN = "US0000000AA1"
MUNI = "US0000000BB2"
CSV = f"""security_id,price,coupon_pct,coupon_frequency,maturity,asset_class,name
{ISIN},99.5,5,2,2031-03-15,corporate,Anvil 5 31
{MUNI},104.25,4,2,2035-06-01,municipal,Bigtown 4 35
US0000000CC3,97,4.5,2,2030-03-15,corporate,Chisel 4.5 30
"""


def securities() -> dict[str, Security]:
    header, *rows = [line.split(",") for line in CSV.strip().splitlines()]
    return parse_securities(dict(zip(header, row, strict=True)) for row in rows)


def prices(seed: int = 1) -> FairPrices:
    return FairPrices(securities(), seed)


class Events:
    """What a party told, and a way to wait for it."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self._changed = asyncio.Event()

    def __call__(self, event: dict[str, Any]) -> None:
        self.seen.append(event)
        self._changed.set()

    async def until(self, event: str, times: int = 1, **details: Any) -> dict[str, Any]:
        """The `times`-th event of that name with those details."""

        def matching() -> list[dict[str, Any]]:
            return [e for e in self.seen if e["event"] == event and details.items() <= e.items()]

        async with asyncio.timeout(PATIENCE_REAL_S):
            while len(matching()) < times:
                self._changed.clear()
                await self._changed.wait()
        return matching()[times - 1]


class Peer:
    """The application of the other end: keeps what comes and answers as told."""

    def __init__(self, answer: Callable[[FixSession, Message], None] | None = None) -> None:
        self.got: list[Message] = []
        self.logons = 0
        self.reasons: list[str] = []
        self._answer = answer
        self._changed = asyncio.Event()

    def on_logon(self, session: FixSession) -> None:
        self.logons += 1
        self._changed.set()

    def on_logout(self, session: FixSession, reason: str) -> None:
        self.reasons.append(reason)
        self._changed.set()

    def on_message(self, session: FixSession, message: Message) -> bool:
        self.got.append(message)
        if self._answer is not None:
            self._answer(session, message)
        self._changed.set()
        return message.msg_type != "AB"

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_REAL_S):
            while not done():
                self._changed.clear()
                await self._changed.wait()

    async def message(self, msg_type: str, times: int = 1) -> Message:
        """The `times`-th message of a type."""
        await self.until(lambda: len(self.of(msg_type)) >= times)
        return self.of(msg_type)[times - 1]

    def of(self, msg_type: str) -> list[Message]:
        return [message for message in self.got if message.msg_type == msg_type]


class End:
    """One party with one session and a recorded life."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        application: Any = None,
        *,
        clock: PaperClock | None = None,
        role: str = "engine",
    ) -> None:
        self.events = Events()
        self.party = Party(settings.sender, role, Store(path), clock or PaperClock(), self.events)
        self.peer = application if application is not None else Peer()
        self.session = FixSession(self.party, settings, self.peer)
        self.server: asyncio.Server | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        received = self.session.received

        def hear(item: Message | Garbled) -> None:
            received(item)
            self._heard.set()

        self.session.received = hear  # type: ignore[method-assign]

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait for what session messages bring about: no application is told of them."""
        async with asyncio.timeout(PATIENCE_REAL_S):
            while not done():
                self._heard.clear()
                await self._heard.wait()

    async def listen(self, port: int | None = None) -> int:
        """On a port of the test's own, so that whoever listens again after a while finds it still free."""
        port = free_port() if port is None else port
        self.server = await listen(self.party, [self.session], "127.0.0.1", port)
        return bound_port(self.server)

    def dial(self, port: int) -> None:
        self._dialling = asyncio.create_task(dial(self.party, self.session, "127.0.0.1", port))

    def cut(self) -> None:
        """The connection breaks."""
        link = self.session._link
        if link is not None:
            link._transport.abort()  # type: ignore[attr-defined]

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
        await self.party.stop()
        await self._end_dialling()

    async def kill(self) -> None:
        """As a kill -9: no Logout, nothing written any more."""
        if self.server is not None:
            self.server.close()
        await self._end_dialling()
        self.session.stopping = True
        self.cut()
        self.party.store.close()
        self.session.disconnected = lambda reason: None  # type: ignore[method-assign]

    async def _end_dialling(self) -> None:
        if self._dialling is not None:
            self._dialling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._dialling


@contextlib.asynccontextmanager
async def ends(*all_ends: End) -> AsyncIterator[None]:
    """Stop every end, whatever happens."""
    try:
        yield
    finally:
        for end in all_ends:
            await end.stop()


def initiator(sender: str = "BUYSIDE", target: str = "ALDER", **more: Any) -> Settings:
    return Settings(sender, target, initiator=True, **more)


def acceptor(sender: str = "ALDER", target: str = "BUYSIDE", **more: Any) -> Settings:
    return Settings(sender, target, initiator=False, **more)


def quote_request(
    clock: PaperClock,
    request_id: str,
    *,
    side: str | None = "1",
    security_id: str = ISIN,
    quantity: int = 1_000_000,
    collect_s: float = 30.0,
    firm_s: float = 60.0,
    made_ago_s: float = 0.0,
) -> list[tuple[int, Any]]:
    """The body of an R as the engine sends it."""
    now = clock.now_ns()
    body: list[tuple[int, Any]] = [(131, request_id), (146, 1), (55, "[N/A]"), (48, security_id), (22, 4)]
    body += [(303, 1), (537, 1)]
    if side:
        body.append((54, side))
    body += [(38, quantity), (64, "20300102"), (15, "USD"), (62, at(now, firm_s)), (126, at(now, collect_s))]
    return [*body, (60, at(now, -made_ago_s)), (423, 1)]


def order_on(quote: Message, cl_ord_id: str, clock: PaperClock, **changed: Any) -> list[tuple[int, Any]]:
    """The body of a D that takes a quote; `changed` as t44="99.1" replaces a field, None leaves it out."""
    side = quote.get(54) or "1"
    body: dict[int, Any] = {11: cl_ord_id, 117: quote.need(117), 55: "[N/A]", 48: quote.need(48), 22: 4, 54: side}
    body |= {60: clock.timestamp(), 38: quote.get(135) or quote.get(134), 40: "D"}
    body |= {44: quote.get(133) if side == "1" else quote.get(132), 59: 4, 423: 1, 15: "USD", 64: "20300102"}
    body |= {int(name[1:]): value for name, value in changed.items()}
    return [(tag, value) for tag, value in body.items() if value is not None]


def at(now_ns: int, plus_s: float) -> str:
    return format_timestamp(now_ns + int(plus_s * NS_PER_S))


def decimals(values: Iterable[str | None]) -> list[Decimal]:
    return [Decimal(value) for value in values if value is not None]
