"""The desk with QuickFIX, and with our own sessions, over links that spoil what passes, by seed.

Orders stream through the whole desk meanwhile; in some runs it is killed with -9 now and then. After the noise stops
both sides have every application message once, in order, though requests and acceptances, which may leave only once,
may be lost; no number was reset.

`scripts/noise_test` runs as many seeds as it is told; a failure names its seed.
"""

from __future__ import annotations

import itertools
from collections import Counter
from random import Random

import pytest
from interop_daemon import ISIN
from interop_market import order
from interop_noise import Noise, NoisyLink
from interop_ours import OursParty
from interop_quickfix import QuickfixParty
from interop_reckoning import Reckoning, reckon
from interop_scene import Scene, SceneOf
from interop_seeds import count, seeds

VENDORS = ("quickfix", "ours")
ORDERS = 60
KILLS = 4
OUTSTANDING = 8
KEYS = ("oms", "dropcopy", "alder", "birch")

# A second or two instead of half a minute, on both sides, for everything that only time heals.
OURS = "logon_timeout_s = 2.0\ngap_timeout_s = 2.0\nframe_timeout_s = 2.0"
THEIRS = {
    "LogonTimeout": "2", "LogoutTimeout": "2", "SendRedundantResendRequests": "Y",
    "logon_timeout_s": "2", "gap_timeout_s": "2",
}  # fmt: skip
"""Capitals are for QuickFIX; without the third one whose ResendRequest(2) is lost waits forever."""
WAIT_S = 90.0


def noisy(market: Scene) -> list[NoisyLink]:
    return [link for key in KEYS if isinstance(link := market.links[key], NoisyLink)]


@pytest.mark.full_with("ours")
@pytest.mark.parametrize("chosen", seeds(default=1, full=10))
def test_nothing_is_lost_or_doubled_over_noisy_links(scene_of: SceneOf, chosen: list[int]) -> None:
    run(scene_of, chosen[0], kills=0)


@pytest.mark.full_with("quickfix")
@pytest.mark.parametrize("chosen", seeds(default=1, full=10))
def test_nothing_is_lost_or_doubled_while_the_daemon_dies(scene_of: SceneOf, chosen: list[int]) -> None:
    run(scene_of, chosen[0], kills=KILLS)


def run(scene_of: SceneOf, seed: int, *, kills: int) -> None:
    market = scene_of(
        dealers=("alder", "birch"),
        heart_bt_int_s=1,
        identity_more={key: {"more": THEIRS} for key in KEYS},
        more={"fix": OURS},
        link=NoisyLink,
    )
    hint = f"seed {seed}"
    market.start()
    theirs = [party for party in market.parties.values() if isinstance(party, QuickfixParty)]
    for party in theirs:
        party.is_started_again = True
    for key, link in zip(KEYS, noisy(market), strict=True):
        link.disturb(f"{seed}/{key}", Noise())
    oms = market.oms
    assert isinstance(oms, QuickfixParty | OursParty)
    dies_after = set(Random(f"kills-{seed}").sample(range(ORDERS), kills))
    for number in itertools.count():
        if number < ORDERS:
            oms.post("D", order(f"A-{number}", ISIN, 1_000_000))
        if number in dies_after:
            market.rfqd.kill()
            market.rfqd.start()
        # The next one goes out when there are few enough without an answer: the link sets the pace.
        allowed = min(number + 1, ORDERS) - (OUTSTANDING if number < ORDERS else 0)
        market.board.until(f"{allowed} answers, {hint}", lambda n=allowed: answered(market) >= n, WAIT_S)
        if number >= ORDERS:
            break
    for link in noisy(market):
        link.calm()

    found: dict[str, Reckoning] = {}
    for key in KEYS:

        def settled(key: str = key) -> bool:
            found[key] = reckon(market, key)
            return not found[key].awaited

        try:
            market.board.until(f"everything of {key} to have come", settled, WAIT_S)
            market.until_on(key)
        except AssertionError as error:
            raise AssertionError(f"{hint}, {key}: {error}; awaited {found[key].awaited}") from error
    for key in KEYS:
        found[key].agree(f"{hint}, {key}")
    names = [f"A-{number}" for number in range(ORDERS)]
    assert [said[11] for said in found["oms"].we_took] == names, hint
    for key in ("alder", "birch"):
        heard = found[key].they_heard
        for kind, tag in (("R", 131), ("D", 11)):
            ids = [said[tag] for said in heard if said.kind == kind]
            assert len(ids) == len(set(ids)), f"{hint}: {key} was asked twice"
    assert {epoch for (epoch,) in market.query("SELECT epoch FROM fix_sessions")} == {1}, f"{hint}: a number was reset"
    assert market.rfqd.stop() == 0, hint
    assert not [line for line in market.rfqd.complaints if "Traceback" in line or "CRITICAL" in line], hint
    market.replay_well()
    whose = "ours" if isinstance(oms, OursParty) else "QuickFIX"
    deaths = sum(party.deaths for party in theirs)
    count(
        f"desk with {whose}{', kill -9' if kills else ''}",
        {**tally(market, found), "kills": kills, "deaths": deaths},
    )


def answered(market: Scene) -> int:
    """Orders the OMS has heard of."""
    return len({said[11] for said in list(market.oms.heard) if said.kind == "8"})


def tally(market: Scene, found: dict[str, Reckoning]) -> Counter[str]:
    """What a run came to, once it is known that nothing was lost or doubled."""
    counts: Counter[str] = Counter()
    for link in noisy(market):
        counts.update(link.faults, frames=link.carried, connections=link.connections)
    for reckoning in found.values():
        for came in (reckoning.we_took, reckoning.they_heard):
            counts["messages"] += len(came)
            counts["doubled"] += len(came) - len({said.seq_num for said in came})
        counts["lost"] += len(reckoning.awaited)
        counts["left once"] += len(reckoning.lost)
    return counts
