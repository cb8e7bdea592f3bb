"""The network between the engine and everybody else: delays, splits, freezes, cuts. Each direction stays in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sim_time import MS, VirtualLoop

from engine.fix.sockets.transport import FixConnection

if TYPE_CHECKING:
    from sim_peer import Peer
    from world import World


class Link:
    """One connection. The engine's end is a real `FixConnection` over an `EngineEnd`; the other end is a `Peer`."""

    def __init__(self, world: World, loop: VirtualLoop, connection: FixConnection, peer: Peer) -> None:
        self.world = world
        self.peer = peer
        self.connection = connection
        self.up = True
        self.open_to_peer = True
        self.open_to_engine = True
        self._loop = loop
        self._peer_at_ns = 0
        self._engine_at_ns = 0
        self._frozen_until_ns = 0
        self.end = EngineEnd(self)

    # --- bytes -----------------------------------------------------------------------------------

    def to_peer(self, data: bytes) -> None:
        for piece in self._pieces(data):
            self._peer_at_ns = self._arrival_ns(self._peer_at_ns)
            self.world.timeline.put(self._peer_at_ns, "", self._at_peer, (piece,), None)

    def to_engine(self, data: bytes) -> None:
        if not self.up:
            return
        for piece in self._pieces(data):
            self._engine_at_ns = self._arrival_ns(self._engine_at_ns)
            self._loop.call_at_ns(self._engine_at_ns, "", self._at_engine, piece)

    def _at_peer(self, piece: bytes) -> None:
        if self.open_to_peer:
            self.peer.received(self, piece)

    def _at_engine(self, piece: bytes) -> None:
        if self.open_to_engine:
            self.end.arrived(piece)

    def _pieces(self, data: bytes) -> list[bytes]:
        rng, pieces = self.world.net_rng, []
        if rng.random() < self.world.scenario.split:
            for _ in range(rng.randint(1, 3)):
                at = rng.randint(0, len(data))
                pieces.append(data[:at])
                data = data[at:]
        return [piece for piece in (*pieces, data) if piece]

    def _arrival_ns(self, last_ns: int) -> int:
        scenario, rng, now_ns = self.world.scenario, self.world.net_rng, self.world.timeline.now_ns
        delay_ns = int(rng.uniform(*scenario.delay_ms) * MS)
        if rng.random() < scenario.slow:
            delay_ns += int(rng.uniform(100, 3000) * MS)
        return max(last_ns, now_ns + delay_ns, self._frozen_until_ns)

    # --- ends ------------------------------------------------------------------------------------

    def freeze(self, for_ns: int) -> None:
        """Nothing arrives for a while, in either direction; what is sent meanwhile comes later."""
        self._frozen_until_ns = self.world.timeline.now_ns + for_ns

    def cut(self, *, losing: bool = True) -> None:
        """The connection breaks: what is on its way may be lost, each end learns of it in its own time."""
        if not self.up:
            return
        self.up = False
        if losing:
            self.open_to_peer = self.open_to_engine = False
            self._peer_at_ns = self._engine_at_ns = 0
        rng = self.world.net_rng
        self._tell_peer(int(rng.uniform(0, 2000) * MS))
        self._tell_engine(int(rng.uniform(0, 2000) * MS), ConnectionResetError("cut"))

    def closed_by_engine(self) -> None:
        """What was written before is still delivered."""
        if not self.up:
            return
        self.up = False
        self.open_to_engine = False
        self._tell_peer(0)

    def closed_by_peer(self) -> None:
        if not self.up:
            return
        self.up = False
        self.open_to_peer = False
        self._tell_engine(0, None)

    def engine_died(self) -> None:
        """The kernel may still deliver what it had been given, or not."""
        if not self.up:
            return
        self.up = False
        self.open_to_peer = self.open_to_peer and self.world.net_rng.random() < 0.5
        self._tell_peer(int(self.world.net_rng.uniform(0, 1000) * MS))

    def _tell_peer(self, delay_ns: int) -> None:
        when_ns = max(self._peer_at_ns, self.world.timeline.now_ns + delay_ns)

        def tell() -> None:
            self.open_to_peer = False
            self.peer.disconnected(self)

        self.world.timeline.put(when_ns, "", tell, (), None)

    def _tell_engine(self, delay_ns: int, error: Exception | None) -> None:
        when_ns = max(self._engine_at_ns, self.world.timeline.now_ns + delay_ns)

        def tell() -> None:
            self.open_to_engine = False
            self.end.lost(error)

        self._loop.call_at_ns(when_ns, "", tell)


class EngineEnd(asyncio.Transport):
    """The socket as the engine's `FixConnection` sees it. Every byte written is shown to the world's checks first."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self._closing = False
        self._lost = False
        self._paused = False
        self._waiting: list[Callable[[], Any]] = []

    def begin(self) -> None:
        self._link.connection.connection_made(self)

    def arrived(self, piece: bytes) -> None:
        if self._paused and not self._closing:
            self._waiting.append(lambda: self.arrived(piece))
        elif not self._closing:
            self._link.connection.data_received(piece)

    def lost(self, error: Exception | None) -> None:
        if self._paused and not self._closing:
            self._waiting.append(lambda: self.lost(error))
        elif not self._lost:
            self._lost = self._closing = True
            self._link.connection.connection_lost(error)

    # --- what the engine calls -----------------------------------------------------------------------

    def write(self, data: Any) -> None:
        link = self._link
        link.world.wrote(link, bytes(data))
        if link.up:
            link.to_peer(bytes(data))

    def writelines(self, pieces: Any) -> None:
        for piece in pieces:
            self.write(piece)

    def can_write_eof(self) -> bool:
        return False  # What was written has arrived when this end closes: there is no half of a connection here.

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._link.closed_by_engine()
            self._link._loop.call_soon(self._gone)

    def abort(self) -> None:
        if not self._closing:
            self._closing = True
            self._link.open_to_peer = False
            self._link.closed_by_engine()
            self._link._loop.call_soon(self._gone)

    def _gone(self) -> None:
        if not self._lost:
            self._lost = True
            self._link.connection.connection_lost(None)

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            self._link._loop.call_soon(action)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self._link.peer.name, 0) if name == "peername" else default
