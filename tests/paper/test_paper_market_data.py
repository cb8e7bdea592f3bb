"""The price provider: snapshots, updates on change, refusals."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from paper.clock import PaperClock, parse_timestamp
from paper.market_data import MarketData
from paper.prices import FairPrices
from paper.prints import Prints
from paper_support import ISIN, MUNI, End, acceptor, ends, initiator, prices, securities


class Feed:
    def __init__(self, tmp_path: Path, clock: PaperClock, update_s: float) -> None:
        # Nothing here is about silence or late clocks, and at 2,000 times the speed any pause of this machine is both.
        calm = {"heart_bt_int_s": 1_000_000, "sending_time_tolerance_s": 1_000_000.0}
        self.engine = End(tmp_path / "engine.db", initiator(target="MARKS", **calm), clock=clock)
        settings = acceptor("MARKS", ephemeral=frozenset({"W"}), **calm)
        self.marks = End(tmp_path / "marks.db", settings, clock=clock, role="market")
        self.marks.session._application = MarketData(self.marks.party, prices(), update_s=update_s)

    async def start(self) -> Feed:
        self.engine.dial(await self.marks.listen())
        await self.engine.peer.until(lambda: self.engine.session.active)
        return self

    def ask(self, request_id: str, *ids: str, kind: int = 1, trades: bool = False) -> None:
        kinds = (0, 1, 2) if trades else (0, 1)
        body: list = [(262, request_id), (263, kind), (264, 1), (265, 0), (267, len(kinds))]
        body += [*((269, each) for each in kinds), (146, len(ids))]
        for security_id in ids:
            body += [(55, "[N/A]"), (48, security_id), (22, 4)]
        self.engine.session.send("V", body)


@pytest.fixture
async def feed(tmp_path: Path):
    feed = Feed(tmp_path, PaperClock(), update_s=1_000_000)
    async with ends(feed.engine, feed.marks):
        yield await feed.start()


async def test_a_request_is_answered_with_a_snapshot_for_each_bond(feed: Feed) -> None:
    feed.ask("M1", ISIN, MUNI)
    await feed.engine.peer.message("W", 2)
    first, second = feed.engine.peer.of("W")
    assert [m.get(48) for m in (first, second)] == [ISIN, MUNI]
    assert (first.get(262), first.get(22), first.get(268)) == ("M1", "4", "2")
    entries = first.group(268, frozenset({269, 270, 15, 271, 272, 273}))
    assert [entry[269] for entry in entries] == ["0", "1"]
    bid, offer = (Decimal(entry[270]) for entry in entries)
    base = Decimal("99.5")
    assert bid < offer
    assert abs((bid + offer) / 2 / base - 1) < Decimal("0.007")
    assert all(entry[271] and len(entry[272]) == 8 and len(entry[273]) == 12 for entry in entries)


@pytest.mark.parametrize(
    ("ids", "kind", "reason", "served"),
    [
        pytest.param(("XX",), 1, "0", 0, id="unknown bond"),
        pytest.param((ISIN, "XX"), 1, "0", 1, id="one of two known: it is served"),
        pytest.param((ISIN,), 7, "4", 0, id="unknown subscription type"),
    ],
)
async def test_what_cannot_be_served_is_rejected(
    feed: Feed, ids: tuple[str, ...], kind: int, reason: str, served: int
) -> None:
    feed.ask("M1", *ids, kind=kind)
    refusal = await feed.engine.peer.message("Y")
    assert (refusal.get(262), refusal.get(281)) == ("M1", reason)
    feed.ask("M2", MUNI, kind=0)
    await feed.engine.peer.message("W", served + 1)
    assert len([m for m in feed.engine.peer.of("W") if m.get(262) == "M1"]) == served


async def test_a_request_id_in_use_is_rejected_until_it_is_given_back(feed: Feed) -> None:
    feed.ask("M1", ISIN)
    feed.ask("M1", MUNI)
    assert (await feed.engine.peer.message("Y")).get(281) == "1"
    feed.ask("M1", kind=2)
    feed.ask("M1", MUNI)
    assert (await feed.engine.peer.message("W", 2)).get(48) == MUNI


async def test_prices_come_again_when_they_change_and_after_a_new_logon(tmp_path: Path) -> None:
    clock = PaperClock(2_000.0, PaperClock().now_ns())
    feed = Feed(tmp_path, clock, update_s=20)
    async with ends(feed.engine, feed.marks):
        await feed.start()
        feed.ask("M1", ISIN, MUNI)
        await feed.engine.peer.message("W", 12)
        told = [m for m in feed.engine.peer.of("W") if m.get(48) == ISIN]
        prices_told = [tuple(value for tag, value in m.fields if tag == 270) for m in told]
        assert all(before != after for before, after in itertools.pairwise(prices_told))
        feed.marks.cut()
        await feed.engine.peer.until(lambda: feed.engine.peer.logons == 2)
        # The subscription ended with the connection; the same id may be used again.
        feed.engine.peer.got.clear()
        feed.ask("M1", ISIN)
        await feed.engine.peer.message("W", 3)
        assert feed.engine.peer.of("Y") == []


# --- trades and levels ---------------------------------------------------------------------------

LIQUID = replace(securities()[ISIN], adv=Decimal(6_000_000))
THIN = replace(securities()[MUNI], adv=Decimal(100_000))
DAY_NS = 86_400 * 10**9
NOW_NS = parse_timestamp("20261124-22:00:00.000")


def prints(seed: int = 1) -> Prints:
    return Prints(FairPrices({LIQUID.security_id: LIQUID, THIN.security_id: THIN}, seed), seed)


def test_trades_depend_on_seed_bond_and_day_alone_and_add_up_to_the_volume() -> None:
    """Over 400 weekdays: 6mm a day within a tenth; the thin bond's 100k within a half."""
    days = 560
    for security, rel in ((LIQUID, 0.1), (THIN, 0.5)):
        trades = prints().between(security.security_id, NOW_NS - days * DAY_NS, NOW_NS)
        assert trades == prints().between(security.security_id, NOW_NS - days * DAY_NS, NOW_NS)
        assert trades != prints(2).between(security.security_id, NOW_NS - days * DAY_NS, NOW_NS)
        assert [trade.utc_ns for trade in trades] == sorted(trade.utc_ns for trade in trades)
        assert security.adv is not None
        assert float(sum(trade.size for trade in trades)) / 400 == pytest.approx(float(security.adv), rel=rel)


def test_pieces_of_time_have_the_trades_of_the_whole() -> None:
    begin, step = NOW_NS - 10 * DAY_NS, DAY_NS // 7
    whole = prints().between(ISIN, begin, begin + 70 * step)
    pieces = [prints().between(ISIN, begin + at * step, begin + (at + 1) * step) for at in range(70)]
    assert [trade for piece in pieces for trade in piece] == whole
    assert all((trade.utc_ns // DAY_NS + 3) % 7 < 5 for trade in whole)


def test_a_bond_without_a_volume_never_trades() -> None:
    assert Prints(prices(), 1).between(ISIN, NOW_NS - 100 * DAY_NS, NOW_NS) == []


async def test_who_asks_for_trades_gets_those_of_the_past_once_and_levels_are_told(tmp_path: Path) -> None:
    feed = Feed(tmp_path, PaperClock(), update_s=1_000_000)
    provider = feed.marks.session._application
    assert isinstance(provider, MarketData)
    provider._prints = prints()
    async with ends(feed.engine, feed.marks):
        await feed.start()
        feed.ask("M1", ISIN, trades=True)
        feed.ask("M2", ISIN)
        feed.ask("M3", "PAPER-CORPORATE", trades=True)
        await feed.engine.peer.message("W", 3)
        with_trades, without, level = feed.engine.peer.of("W")
        kinds = [entry[269] for entry in with_trades.group(268, frozenset({269, 270, 15, 271, 272, 273}))]
        assert kinds[:2] == ["0", "1"]
        assert set(kinds[2:]) == {"2"}
        assert len(kinds) > 50
        assert without.get(268) == "2"
        assert (level.get(48), level.get(22)) == ("PAPER-CORPORATE", "8")
        bid, offer = (Decimal(value) for tag, value in level.fields if tag == 270)
        assert bid == offer
        assert 990 < bid < 1010
