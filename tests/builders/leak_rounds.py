"""Rounds of asking with a planted leak, as the rows that leaks are estimated from."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from engine.dealers.leak import DAY_NS, LeakParameters, LeakRow, LeakTable
from engine.dealers.leak_regression import solve

PARAMETERS = LeakParameters()


def names(count: int) -> list[str]:
    return [f"d{at:02}" for at in range(count)]


def window(at: int, asked: Sequence[str], drift_bps: float, variance_bps2: float = 64.0, **other: object) -> LeakRow:
    """The `at`-th row, ten a day, each of its own parent order if not said."""
    fields: dict[str, object] = {"parent_id": f"p{at}", "segment": "corporate|HY|3-7y", "sign": 1, **other}
    panel = tuple(sorted(asked))
    fields.setdefault("n_asked", len(panel))
    return LeakRow(
        at_ns=at * DAY_NS // 10,
        asked=panel,
        drift_bps=drift_bps,
        variance_bps2=variance_bps2,
        **fields,  # type: ignore[arg-type]
    )


def solved(leak_in: Sequence[LeakRow], leak_post: Sequence[LeakRow] = ()) -> LeakTable:
    now_ns = max(each.at_ns for each in (*leak_in, *leak_post))
    return solve(leak_in, leak_post, PARAMETERS, now_ns)


# --- one dealer leaks and never wins -------------------------------------------------------------------

LEAKER, WINNER = "d02", "d00"
LEAK_BPS, NOISE_BPS = 10.0, 8.0


def victim_rounds(seed: int, rounds: int = 150) -> list[LeakRow]:
    """Panels of 3 of 5, drawn evenly."""
    rng = random.Random(seed)
    return [_victim(rng, at, rng.sample(names(5), 3)) for at in range(rounds)]


def explored_rounds(seed: int, base: Sequence[str], rounds: int = 300, drop: float = 0.01) -> list[LeakRow]:
    """The same panel each time but for exploration: one slot for somebody else, more rarely one dealer fewer."""
    rng = random.Random(seed)
    out = [name for name in names(5) if name not in base]
    untried, rows = list(out), []
    for at in range(rounds):
        panel = list(base)
        if rng.random() < (0.3 if untried else 0.05):
            other = rng.choice(untried or out)
            panel[rng.randrange(len(panel))] = other
            if other in untried:
                untried.remove(other)
        elif rng.random() < drop:
            panel.pop(rng.randrange(len(panel)))
        rows.append(_victim(rng, at, panel))
    return rows


def _victim(rng: random.Random, at: int, panel: Sequence[str]) -> LeakRow:
    drift = rng.gauss(0.0, NOISE_BPS) + (LEAK_BPS if LEAKER in panel else 0.0)
    return window(at, panel, drift, NOISE_BPS**2, sign=rng.choice((1, -1)))


# --- nobody leaks ----------------------------------------------------------------------------------------

PRINTS, STALE = "d00", "d01"


def quiet_rounds(
    seed: int, rounds: int = 1_000, sizes: Sequence[int] = (3, 3, 4, 5)
) -> tuple[list[LeakRow], list[LeakRow]]:
    """Fifty dealers, none of which leaks.

    One is better than the rest and its trades are printed, which moves the mid 3 bps. One quotes a price from before
    the market moved, and wins when that was against us. Orders are worked in up to three rounds; every other round is
    overtaken by the next one in its issuer, whose mark ends its window: what that mark is off by is in both.
    """
    rng = random.Random(seed)
    dealers = names(50)
    leak_in, leak_post = list[LeakRow](), list[LeakRow]()
    parent, mark_error = 0, rng.gauss(0.0, 2.0)
    for at in range(rounds):
        parent += rng.random() < 0.5
        panel = rng.sample(dealers, rng.choice(sizes))
        move = rng.gauss(0.0, NOISE_BPS / 2)
        edge = {name: -8.0 + rng.gauss(0.0, 4.0) for name in panel}
        if PRINTS in edge:
            edge[PRINTS] += 3.0
        if STALE in edge:
            edge[STALE] += move
        winner = max(panel, key=lambda name: edge[name])
        traded = edge[winner] > -9.0
        overtaken = at % 2 == 0
        error = rng.gauss(0.0, 2.0)
        after = rng.gauss(0.0, NOISE_BPS / 2 if overtaken else NOISE_BPS) + error - mark_error
        if traded and winner == PRINTS:
            after += 3.0
        mark_error = error if overtaken else rng.gauss(0.0, 2.0)
        told: dict[str, object] = {
            "parent_id": f"p{parent}",
            "sign": rng.choice((1, -1)),
            "size_to_adv": rng.lognormvariate(0.0, 1.0),
            "volatility_bps": rng.lognormvariate(3.0, 0.3),
        }
        leak_in.append(window(at, panel, move, NOISE_BPS**2 / 4, **told))
        won = {"traded": 1.0, "winners": (winner,)} if traded else {}
        variance = (NOISE_BPS**2 / 4 if overtaken else NOISE_BPS**2) + 8.0
        leak_post.append(window(at, panel, after, variance, **told, **won))
    return leak_in, leak_post


# --- everybody leaks something ---------------------------------------------------------------------------


def leaking_rounds(
    seed: int, truth: Mapping[str, float], rounds: int, sizes: Sequence[int] = (2, 3, 4, 5, 6)
) -> list[LeakRow]:
    rng = random.Random(seed)
    rows = []
    for at in range(rounds):
        panel = rng.sample(sorted(truth), rng.choice(sizes))
        variance = NOISE_BPS**2 * rng.uniform(0.5, 2.0)
        drift = sum(truth[name] for name in panel) + rng.gauss(0.0, variance**0.5)
        rows.append(window(at, panel, drift, variance, sign=rng.choice((1, -1))))
    return rows
