"""A link that spoils what passes, by seed: it cuts, stalls, splits, flips bits, and plays connections a second time.

Knows of FIX only where a frame ends: whose engines talk over it, in which role and version, is nothing to it. What it
does to the n-th frame of a direction on the m-th connection depends on the seed alone; which message that is depends
on the parties' timing, so a seed repeats the noise, not the run.

Every flip can be noticed by the receiver, or there would be nothing to recover by. One bit of a frame changes the sum
of its bytes by a power of two below 256, so CheckSum(10) cannot agree any more; in CheckSum(10) itself it is what
disagrees. Only a longer BodyLength(9) could be believed, if it ends by chance exactly where a later frame does: it is
made only if the sum over this frame and the next is wrong then, so it would have to be a later one yet, and its sum
right at one in 256.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Final

from interop_link import Board, Line, Link, LoopThread, Way

_BODY_LENGTH: Final = re.compile(rb"\x019=(\d+)\x01")
_BETWEEN_PIECES_S: Final = 0.003
_PLAYED_FOR_S: Final = 1.0
"""A connection that is played again is given up after this, if its acceptor has not closed it before."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How often each fault is drawn, per frame, and how long a stall and a hole are at most."""

    flip: float = 0.02
    """One bit somewhere in the frame is wrong."""
    flip_length: float = 0.006
    """One bit of BodyLength(9) is wrong: the frame ends too early, too late, or not at all."""
    cut: float = 0.006
    """Both sides lose the connection within the frame or right behind it; what was on its way is lost."""
    reset: float = 0.003
    """The same by RST: what arrived and was not read yet is lost, too."""
    half: float = 0.002
    """Nothing arrives any more in this direction, and the other goes on: only silence tells."""
    stall: float = 0.02
    hole: float = 0.002
    """A stall beyond anybody's patience: the connection stays up and nothing comes."""
    split: float = 0.10
    """The frame arrives in odd pieces."""
    replay: float = 0.008
    """All that the dialling side has said is said again on a second connection, beside the first or after a cut."""
    stall_s: float = 0.3
    hole_s: float = 5.0

    def draw(self, chance: Random) -> str:
        """The fault of the next frame; empty for none."""
        at = chance.random()
        for kind in KINDS:
            at -= getattr(self, kind)
            if at < 0:
                return kind
        return ""


KINDS: Final = ("flip", "flip_length", "cut", "reset", "half", "stall", "hole", "split", "replay")


class NoisyLink(Link):
    """A `Link` that is noisy from `disturb` until `calm`; before and after, it relays like any other."""

    def __init__(self, loop: LoopThread, board: Board, target: Callable[[], int]) -> None:
        super().__init__(loop, board, target)
        self._noise: Noise | None = None
        self._seed = ""
        self._chances: dict[tuple[int, Way], Random] = {}
        self._said: dict[int, bytearray] = {}
        self._dead: set[tuple[int, Way]] = set()
        self._calmed = asyncio.Event()
        self._playing: set[asyncio.Task[None]] = set()
        self.carried = 0
        """Frames that passed while it was noisy, spoilt or not."""
        self.faults: Counter[str] = Counter()
        """What was done so far, by kind."""

    def disturb(self, seed: str, noise: Noise) -> None:
        self._loop.loop.call_soon_threadsafe(self._calmed.clear)
        self._seed, self._noise = seed, noise

    def calm(self) -> None:
        """No further fault, and a stall that is on ends; what was lost is left to the parties."""
        self._noise = None
        self._loop.loop.call_soon_threadsafe(self._calmed.set)

    async def _carry(self, line: Line, way: Way, frame: bytes) -> None:
        if way is Way.up:
            self._said.setdefault(line.number, bytearray()).extend(frame)
        noise = self._noise
        key = (line.number, way)
        if key in self._dead:
            return
        if noise is None:
            await super()._carry(line, way, frame)
            return
        self.carried += 1
        if key not in self._chances:
            self._chances[key] = Random(f"{self._seed}/{line.number}/{way.value}")
        chance = self._chances[key]
        kind = noise.draw(chance)
        if kind:
            self.faults[kind] += 1
        writer = line.writers[way]
        if writer.is_closing():
            raise ConnectionAbortedError
        match kind:
            case "flip":
                writer.write(flipped(frame, range(len(frame)), chance))
            case "flip_length":
                found = _BODY_LENGTH.search(frame)
                assert found is not None
                writer.write(flipped(frame, range(*found.span(1)), chance))
            case "cut":
                writer.write(frame[: chance.randrange(len(frame) + 1)])
                self._break(line)
            case "reset":
                line.reset()
                raise ConnectionAbortedError
            case "half":
                self._dead.add(key)
            case "stall" | "hole":
                await self._pause(noise.hole_s if kind == "hole" else chance.uniform(0, noise.stall_s))
                writer.write(frame)
            case "split":
                for piece in pieces(frame, chance):
                    writer.write(piece)
                    await asyncio.sleep(chance.uniform(0, _BETWEEN_PIECES_S))
            case "replay":
                said = bytes(self._said.get(line.number, b""))
                task = asyncio.create_task(self._play(said))
                self._playing.add(task)
                task.add_done_callback(self._playing.discard)
                if chance.random() < 0.5:
                    self._break(line)
                writer.write(frame)
            case _:
                writer.write(frame)

    def _break(self, line: Line) -> None:
        line.abort()
        raise ConnectionAbortedError

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._calmed.wait(), seconds)

    async def _play(self, said: bytes) -> None:
        """A second connection that says what the first has said, and listens to nothing."""
        with contextlib.suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._target())
            try:
                writer.write(said)
                async with asyncio.timeout(_PLAYED_FOR_S):
                    while await reader.read(65_536):
                        pass
            finally:
                writer.transport.abort()


def flipped(frame: bytes, places: range, chance: Random) -> bytes:
    """The frame with one bit wrong, at one of these places."""
    while True:
        wrong = bytearray(frame)
        wrong[chance.choice(places)] ^= 1 << chance.randrange(8)
        # Only then could a longer BodyLength(9) take in the next frame and agree with its CheckSum(10).
        if sum(wrong) % 256 != 0:
            return bytes(wrong)


def pieces(frame: bytes, chance: Random) -> list[bytes]:
    """The frame in two to eight pieces, single bytes among them."""
    cuts = sorted({0, len(frame), *(chance.randrange(1, len(frame)) for _ in range(chance.randint(1, 6)))})
    cuts = sorted({*cuts, cuts[1] + 1})
    return [frame[begin:end] for begin, end in pairwise(cuts)]
