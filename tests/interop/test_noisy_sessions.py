"""Our session layer on both ends of links that cut, stall, split, flip bits and play connections twice, by seed.

Each end says its messages while it hears the other's, in FIX.4.2, FIX.4.4 and 5.0 SP2 at once, three sessions on one
port. After the noise stops both ends have every message once, in order, and no number was reset.

`scripts/noise_test` runs as many seeds as it is told; a failure names its seed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from interop_link import Board, LoopThread
from interop_noise import Noise, NoisyLink
from interop_ours import RECONNECT_S, Speaker, endpoint_of, settings_of
from interop_party import Identity
from interop_seeds import count, seeds
from interop_wire import Said, utc_now

from engine.fix.session.settings import SessionSettings

VERSIONS = (("OLD", "FIX.4.2", ""), ("USUAL", "FIX.4.4", ""), ("NEW", "FIXT.1.1", "9"))
MESSAGES = 80
"""Of each end of a session."""
AHEAD = 6
"""So many are said before any is heard; every further one when one is heard."""
PATIENCE_S = 90.0
NOISE = Noise(flip=0.02, cut=0.01, reset=0.01, half=0.004, hole=0.003, stall=0.02, split=0.1, replay=0.02, stall_s=0.2)


class End(Speaker):
    """One end of a session: says the next message with every one that it hears."""

    def __init__(self, key: str, board: Board) -> None:
        super().__init__(key, board, self._next)
        self.said = 0

    def begin(self) -> None:
        for _ in range(AHEAD):
            for kind, body in self._next():
                self.say(kind, body)

    def _next(self, _: Said | None = None) -> list[tuple[str, list[tuple[int, str]]]]:
        if self.said >= MESSAGES:
            return []
        self.said += 1
        body = [
            (11, f"{self.said}"), (21, "1"), (38, f"{self.said}"), (40, "1"), (54, "1"), (55, "BOND"), (60, utc_now()),
        ]  # fmt: skip
        return [("D", body)]

    @property
    def numbers(self) -> list[int]:
        """What it has heard, in the order in which it was told."""
        return [int(said[11]) for said in self.heard if said.kind == "D"]


class Pair:
    """Acceptors of all versions on one port, their initiators, and a noisy link for each."""

    def __init__(self, seed: int, loop: LoopThread) -> None:
        self.seed = seed
        self._loop = loop
        self._port = 0
        self.board = Board()
        self.dialling = {name: End(name, self.board) for name, *_ in VERSIONS}
        self.listening = {name: End(name, self.board) for name, *_ in VERSIONS}
        self.links = {name: NoisyLink(loop, self.board, lambda: self._port) for name, *_ in VERSIONS}
        self._connecting: list[asyncio.Task[None]] = []
        loop.run(self._begin())

    @property
    def ends(self) -> list[End]:
        return [*self.dialling.values(), *self.listening.values()]

    async def _begin(self) -> None:
        theirs = {name: _settings(name, *version) for name, *version in VERSIONS}
        self.initiators = endpoint_of({name: (theirs[name], self.dialling[name]) for name in theirs})
        self.acceptors = endpoint_of({name: (_mirrored(theirs[name]), self.listening[name]) for name in theirs})
        _, self._port = await self.acceptors.listen("127.0.0.1", 0)
        for name, link in self.links.items():
            link.disturb(f"{self.seed}/{name}", NOISE)
            dialling = self.initiators.keep_connected(name, "127.0.0.1", link.port, RECONNECT_S)
            self._connecting.append(asyncio.create_task(dialling))
        for end in self.ends:
            end.begin()

    def until_said(self) -> None:
        """Everybody has said everything, and that is not yet to have heard everything."""
        self._until("everything to be said", lambda: all(end.said == MESSAGES for end in self.ends))

    def calm(self) -> None:
        for link in self.links.values():
            link.calm()

    def until_heard(self) -> None:
        self._until("everything to be heard", lambda: all(len(end.numbers) >= MESSAGES for end in self.ends))
        self._until("the numbers of both ends to agree", self._agree)

    def _agree(self) -> bool:
        """Has each end taken all that the other has given a number to?"""
        pairs = [(self.initiators.lines[name].state, self.acceptors.lines[name].state) for name in self.links]
        return all(a.next_in == b.next_out and b.next_in == a.next_out for a, b in pairs)

    def _until(self, what: str, true: object) -> None:
        try:
            self.board.until(what, true, PATIENCE_S)  # type: ignore[arg-type]
        except AssertionError as error:
            where = [(end.said, len(end.numbers)) for end in self.ends]
            raise AssertionError(f"seed {self.seed}: {error}; said and heard: {where}") from error

    def hold(self) -> None:
        """Every message came once, in order, and nobody began anew."""
        for end in self.ends:
            assert end.numbers == list(range(1, MESSAGES + 1)), f"seed {self.seed}: lost, doubled or out of order"
            assert len(end.heard) == MESSAGES, f"seed {self.seed}: refused: {end.heard}"
        for endpoint in (self.initiators, self.acceptors):
            assert {line.state.epoch for line in endpoint.lines.values()} == {1}, (
                f"seed {self.seed}: a number was reset"
            )

    def close(self) -> None:
        async def end() -> None:
            for task in self._connecting:
                task.cancel()
            await asyncio.gather(self.initiators.stop(0), self.acceptors.stop(0))

        self._loop.run(end())
        for link in self.links.values():
            link.close()

    @property
    def tally(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for link in self.links.values():
            found.update(link.faults, frames=link.carried, connections=link.connections)
        for end in self.ends:
            came = len(set(end.numbers))
            found.update(messages=len(end.heard), lost=end.said - came, doubled=len(end.heard) - came)
        return found


def _settings(name: str, begin_string: str, appl_ver_id: str) -> SessionSettings:
    identity = Identity(name, False, 0, None, 1, begin_string=begin_string, appl_ver_id=appl_ver_id)  # type: ignore[arg-type]
    return replace(settings_of(identity), gap_timeout_s=1.0, logon_timeout_s=2.0)


def _mirrored(settings: SessionSettings) -> SessionSettings:
    """The other end of a session."""
    return replace(
        settings,
        sender_comp_id=settings.target_comp_id,
        target_comp_id=settings.sender_comp_id,
        initiator=not settings.initiator,
    )


@pytest.mark.parametrize("chosen", seeds(default=2, full=20, at_once=2))
def test_both_ends_have_every_message_once_and_in_order(chosen: list[int]) -> None:
    loop = LoopThread()
    pairs = [Pair(seed, loop) for seed in chosen]
    try:
        for step in (Pair.until_said, Pair.calm, Pair.until_heard, Pair.hold):
            for pair in pairs:
                step(pair)
        for pair in pairs:
            count("sessions", pair.tally)
    finally:
        for pair in pairs:
            pair.close()
        loop.close()
