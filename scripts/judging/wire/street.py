"""The other side of the daemon: dealers at planted distances from a mid, who quotes it, and who sends the orders.

    python -m judging.wire.street SETTING.json

Everybody is a party of `scripts/paper` with a session and a record of its own; all live in this process because they
see one mid: it walks by chance, and a dealer that talks moves it, whether it trades or not. Nothing here knows the
engine. Prints its ports as one line of JSON; a line on standard input is the port that the order system is to dial, and
everybody logs out when that input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from paper.clock import NS_PER_S, PaperClock
from paper.dealer import BUY, Dealer
from paper.market_data import MarketData
from paper.network import bound_port, dial, listen
from paper.oms import OrderSystem
from paper.orders import read_script
from paper.party import Party, silent
from paper.prices import BPS, FairPrices, Security, load_securities, to_tick
from paper.session import FixSession, Settings
from paper.store import Store
from paper.styles import Style
from paper.wire import Message

HOST = "127.0.0.1"
ENGINE = "BUYSIDE"
WALK_SPAN_S = 1_800.0
"""What the walk's deviation is of: half an hour."""
HEART_BT_INT_S = 300
STALE_S = 600.0
"""A second of this machine is a minute or more of the scaled clock: nothing is stale for having waited for it."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A dealer: its quotes lie `distance_bps` from the mid to its good; asking it moves the mid by `moves_bps`."""

    name: str
    distance_bps: float
    moves_bps: float = 0.0


@dataclass(frozen=True, slots=True)
class Setting:
    """Times in seconds of the scaled clock; `moves_after_s` after it was asked a dealer's talk is in the price."""

    dealers: tuple[Planted, ...]
    noise_bps: float
    walk_sd_bps: float
    moves_after_s: float
    update_s: float
    seed: int
    speed: float
    origin_ns: int
    folder: str

    @property
    def state_dir(self) -> Path:
        return Path(self.folder) / "street"

    @property
    def securities(self) -> Path:
        return Path(self.folder) / "bonds.csv"

    @property
    def script(self) -> Path:
        return Path(self.folder) / "orders.jsonl"

    def write(self) -> Path:
        path = Path(self.folder) / "street.json"
        path.write_text(json.dumps(asdict(self)))
        return path


def read(path: Path) -> Setting:
    found = json.loads(path.read_text())
    return Setting(**found | {"dealers": tuple(Planted(**each) for each in found["dealers"])})


class Mids(FairPrices):
    """A mid a bond: it walks by steps of `step_s`, and moves by what dealers say."""

    def __init__(
        self, securities: Mapping[str, Security], seed: int, origin_ns: int, walk_sd_bps: float, step_s: float
    ) -> None:
        super().__init__(securities, seed)
        self._origin_ns = origin_ns
        self._step_ns = int(step_s * NS_PER_S)
        self._step_sd_bps = walk_sd_bps * (step_s / WALK_SPAN_S) ** 0.5
        self._chance = {each: random.Random(f"walk {seed} {each}") for each in securities}
        self._walked: dict[str, tuple[int, float]] = dict.fromkeys(securities, (0, 0.0))
        """Up to which step, and how far it is there."""
        self._said = dict.fromkeys(securities, 0.0)

    def fair(self, security_id: str, utc_ns: int) -> Decimal | None:
        security = self.securities.get(security_id)
        if security is None:
            return None
        step, at_bps = self._walked[security_id]
        wanted = (utc_ns - self._origin_ns) // self._step_ns
        while step < wanted:
            step, at_bps = step + 1, at_bps + self._chance[security_id].gauss(0.0, self._step_sd_bps)
        self._walked[security_id] = step, at_bps
        return to_tick(security.price * (1 + Decimal(round(at_bps + self._said[security_id], 6)) * BPS))

    def move(self, security_id: str, bps: float) -> None:
        self._said[security_id] += bps


class Talker(Dealer):
    """Whoever it is asked by, others know of it after a while: the mid moves against the one who asked."""

    def __init__(self, party: Party, mids: Mids, style: Style, setting: Setting, planted: Planted) -> None:
        super().__init__(party, mids, style, setting.seed, stale_order_s=STALE_S)
        self._mids = mids
        self._after_s = setting.moves_after_s
        self._moves_bps = planted.moves_bps

    def on_message(self, session: FixSession, message: Message) -> bool:
        if message.msg_type == "R" and self._moves_bps and not message.poss_dup:
            against_bps = self._moves_bps if message.get(54) == BUY else -self._moves_bps
            self._party.later(self._after_s, partial(self._mids.move, message.need(48), against_bps))
        return super().on_message(session, message)


async def live(setting: Setting) -> None:
    """Until standard input ends."""
    clock = PaperClock(setting.speed, setting.origin_ns)
    mids = Mids(
        load_securities(setting.securities), setting.seed, clock.now_ns(), setting.walk_sd_bps, setting.update_s
    )

    def party(name: str, role: str) -> Party:
        return Party(name, role, Store(setting.state_dir / f"{name.lower()}.db"), clock, silent)

    def acceptor(name: str) -> Settings:
        return Settings(name, ENGINE, initiator=False, sending_time_tolerance_s=STALE_S, ephemeral=frozenset({"W"}))

    ports: dict[str, int] = {}
    parties: list[Party] = []
    servers: list[asyncio.Server] = []

    async def open_for(one: Party, session: FixSession) -> None:
        server = await listen(one, [session], HOST, 0)
        parties.append(one)
        servers.append(server)
        ports[one.name.lower()] = bound_port(server)

    for planted in setting.dealers:
        one = party(planted.name.upper(), "dealer")
        dealer = Talker(one, mids, _style(planted, setting), setting, planted)
        session = FixSession(one, acceptor(one.name), dealer)
        dealer.serve(session)
        await open_for(one, session)
    marks = party("MARKS", "market")
    provider = MarketData(marks, mids, update_s=setting.update_s)
    await open_for(marks, FixSession(marks, acceptor(marks.name), provider))
    print(json.dumps(ports), flush=True)

    lines = await _standard_input()
    dialling: asyncio.Task[None] | None = None
    while line := await lines.readline():
        if dialling is None:
            oms = party("OMS", "oms")
            parties.append(oms)
            settings = Settings(
                oms.name,
                ENGINE,
                initiator=True,
                heart_bt_int_s=HEART_BT_INT_S,
                sending_time_tolerance_s=STALE_S,
            )
            session = FixSession(oms, settings, OrderSystem(oms, read_script(setting.script, 0.0)))
            dialling = asyncio.create_task(dial(oms, session, HOST, int(line)))
    for server in servers:
        server.close()
    await asyncio.gather(*(each.stop() for each in parties))
    if dialling is not None:
        dialling.cancel()
        await asyncio.gather(dialling, return_exceptions=True)


def _style(planted: Planted, setting: Setting) -> Style:
    """It always answers, firmly, and fills what it quoted."""
    return Style(
        latency_s=(3.0, 20.0),
        half_spread_bps=(planted.distance_bps, planted.distance_bps),
        quote_life_s=(STALE_S, STALE_S),
        silent=0.0,
        declines=0.0,
        indicative=0.0,
        skew_bps=0.0,
        scatter_bps=setting.noise_bps,
    )


async def _standard_input() -> asyncio.StreamReader:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(sys.stdin.fileno(), "rb", closefd=False)
    )
    return lines


if __name__ == "__main__":
    asyncio.run(live(read(Path(sys.argv[1]))))
