"""The desk and QuickFIX over links that cut, stall, split, flip bits and play connections twice, by seed.

Orders stream through the whole desk meanwhile. After the noise stops both sides have every application message once,
in order, though requests and acceptances, which may leave only once, may be lost; no number was reset.

`scripts/test --full` runs `SEEDS_FULL`; a failure names its seed, and `-k seed17` repeats it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest
from interop_daemon import ISIN
from interop_market import order
from interop_noise import KINDS, Noise, NoisyLink
from interop_quickfix import QuickfixParty
from interop_reckoning import Reckoning, reckon
from interop_scene import Scene, SceneOf

VENDORS = ("quickfix",)
SEEDS = (1, 2)
SEEDS_FULL = range(3, 41)
ORDERS = 60
OUTSTANDING = 8
KEYS = ("oms", "dropcopy", "alder", "birch")

# A second or two instead of half a minute, on both sides, for everything that only time heals.
OURS = "logon_timeout_s = 2.0\ngap_timeout_s = 2.0"
THEIRS = {"LogonTimeout": "2", "LogoutTimeout": "2", "SendRedundantResendRequests": "Y"}
"""Without the last a QuickFIX whose ResendRequest(2) is lost waits forever."""
WAIT_S = 90.0

TALLY: Counter[str] = Counter()
"""Over all seeds of a run; printed by the last test."""


PARAMS = [pytest.param(seed, id=f"seed{seed:02}") for seed in SEEDS]
PARAMS += [pytest.param(seed, id=f"seed{seed:02}", marks=pytest.mark.full) for seed in SEEDS_FULL]


def noisy(market: Scene) -> list[NoisyLink]:
    return [link for key in KEYS if isinstance(link := market.links[key], NoisyLink)]


@pytest.mark.parametrize("seed", PARAMS)
def test_nothing_is_lost_or_doubled_over_noisy_links(scene_of: SceneOf, seed: int) -> None:
    market = scene_of(
        dealers=("alder", "birch"),
        heart_bt_int_s=1,
        identity_more={key: {"more": THEIRS} for key in KEYS},
        more={"fix": OURS},
        link=NoisyLink,
    )
    hint = f"seed {seed}"
    market.start()
    for key, link in zip(KEYS, noisy(market), strict=True):
        link.disturb(f"{seed}/{key}", Noise())
    oms = market.oms
    assert isinstance(oms, QuickfixParty)
    for number in itertools.count():
        if number < ORDERS:
            oms.post("D", order(f"A-{number}", ISIN, 1_000_000))
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
    tally(market, found)
    assert market.rfqd.stop() == 0, hint
    assert not [line for line in market.rfqd.complaints if "Traceback" in line or "CRITICAL" in line], hint
    market.replay_well()


def answered(market: Scene) -> int:
    """Orders the OMS has heard of."""
    return len({said[11] for said in list(market.oms.heard) if said.kind == "8"})


def tally(market: Scene, found: dict[str, Reckoning]) -> None:
    TALLY["seeds"] += 1
    for link in noisy(market):
        TALLY.update(link.faults)
        TALLY["frames"] += link.carried
        TALLY["connections"] += link.connections
    for reckoning in found.values():
        TALLY["messages to us"] += len(reckoning.we_took)
        TALLY["messages from us"] += len(reckoning.they_heard)
        TALLY["not sent again"] += len(reckoning.lost)
    TALLY["orders"] += ORDERS


def test_the_noise_was_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs behind the seeds: says what they came to."""
    if not TALLY:
        pytest.skip("no seed has run")
    with capsys.disabled():
        print("\nnoise: " + ", ".join(f"{name} {TALLY[name]}" for name in (*KINDS, *sorted(set(TALLY) - set(KINDS)))))
    assert sum(TALLY[kind] for kind in KINDS) > 0
