"""The two measurements over FIX: are good dealers found, and who is blamed for a leak. Each gives its table.

One run is one draw of chance; the bars of decision quality are shares of many and are held by `judging.small`. Here it
is seen that the same comes out of the program as it runs: the same planted truths, the horizon as shipped.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any, Final

from engine.admin.client import AdminClient
from engine.domain.observation import SPANS_NS, Horizon
from judging.small import GOOD, LEAK_BPS
from judging.wire.desk import Desk, Failed, Scene, desk_of
from judging.wire.heard import Asked, Heard
from judging.wire.street import Planted

SPEED_MIN: Final = 2.0
ORDERS_MIN: Final = 4
SCORERS: Final = ("classic", "model")
NAMES: Final = ("alder", "birch", "cedar", "dogwood", "elm")
QUIET_S: Final = 60.0
"""Real seconds in which nothing new may be heard before a run is given up; beside the wait for a horizon."""

_BETWEEN_S: Final = 30.0
"""Between two orders: a round takes twenty."""
_RULE: Final = """rule "{name}"
  when {when}
  {ask}
  wait 300s
  send automatically
  execute automatically when within 100bp price of fair, else ask trader
"""


# --- discovery -----------------------------------------------------------------------------------

DISTANCES_BPS: Final = (40.0, 45.0, 50.0, *GOOD)


@dataclass(frozen=True, slots=True)
class Found:
    """Whom one scorer asked, order by order, in one run."""

    scorer: str
    rounds: tuple[Asked, ...]

    def both(self, first: int, last: int) -> float:
        """The share of orders from `first` to `last` in whose list, before any draw, both good dealers are."""
        good = {name for name, distance in zip(NAMES, DISTANCES_BPS, strict=True) if distance in GOOD}
        return statistics.fmean(good <= set(each.base) for each in self.rounds[first - 1 : last])


def discovery(scorer: str, seed: int, orders: int, speed: float) -> list[Found]:
    """Five dealers 40, 45, 50, 2 and 3 bps from fair, nothing known of any: `ask top 3`, draws as shipped."""
    scene = Scene(
        dealers=tuple(map(Planted, NAMES, DISTANCES_BPS)),
        rules=_RULE.format(name="top three", when="true", ask=f"rank by {scorer}\n  ask top 3"),
        orders=orders,
        interval_s=_BETWEEN_S,
        bonds=min(orders, 20),
        speed=speed,
        seed=seed,
    )
    with desk_of(scene) as desk:
        heard = Heard(desk.client)
        desk.begin()
        _until(heard, desk.check, orders, lambda: len(heard.rounds), 0.0)
        _as_they_say(desk, heard)
    return [Found(scorer, tuple(heard.rounds))]


def discovery_told(found: Sequence[Found]) -> Iterator[str]:
    """A table a scorer: who was asked in the first and the second half, summed over runs."""
    for scorer in dict.fromkeys(each.scorer for each in found):
        runs = [each for each in found if each.scorer == scorer]
        orders = len(runs[0].rounds)
        half = orders // 2
        yield f"discovery over FIX, {scorer}: ask top 3, draws as shipped; {len(runs)} run(s) of {orders} orders"
        yield (
            f"  {'dealer':<9}{'from fair':>10}{'asked in':>12}{'by draw':>9}{'asked in':>12}{'by draw':>9}{'trades':>8}"
        )
        yield f"  {'':<9}{'bps':>10}{f'1-{half}':>12}{'':>9}{f'{half + 1}-{orders}':>12}"
        for name, distance in zip(NAMES, DISTANCES_BPS, strict=True):
            cells = []
            for part in (slice(0, half), slice(half, orders)):
                rounds = [each for run in runs for each in run.rounds[part]]
                asked = sum(name in each.asked for each in rounds)
                cells.append(f"{f'{asked} of {len(rounds)}':>12}{sum(name in each.explored for each in rounds):>9}")
            trades = sum(each.winner == name for run in runs for each in run.rounds)
            yield f"  {name:<9}{distance:>10.0f}{''.join(cells)}{trades:>8}"
        for first in sorted({half + 1, round(orders * 26 / 40)}):
            shares = [run.both(first, orders) for run in runs]
            each = ", ".join(f"{100 * share:.0f}" for share in shares)
            error = f" ± {100 * statistics.stdev(shares) / len(shares) ** 0.5:.0f}" if len(shares) > 1 else ""
            yield (
                f"  both good ones on the list before any draw, orders {first}-{orders}: "
                f"{100 * statistics.fmean(shares):.0f}{error} % (by run: {each})"
            )
        yield ""


# --- whose leak it is ----------------------------------------------------------------------------

VICTIMS: Final = (2.0, 8.0, 40.0, 8.0, 8.0)
LEAKER: Final = NAMES[2]
BONDS: Final = 64
"""By the time a bond's turn comes again, its last round's half hour is over, whatever the panel."""
PANELS: Final = ("random", "shipped", "strong")
_EXPLORE: Final = {
    "random": "[explore]\nepsilon = 0\nepsilon_untried = 0\nepsilon_drop = 0\n",
    "shipped": "",
    "strong": "[explore]\nepsilon = 0.5\nepsilon_untried = 0.5\nepsilon_drop = 0.1\n",
}


@dataclass(frozen=True, slots=True)
class Blamed:
    """`rfqctl leak show` as it was once so many rounds had been marked at the horizon."""

    panels: str
    rounds: int
    horizon: str
    asked: dict[str, int]
    won: dict[str, int]
    untraded: int
    unmarked: int
    """Rounds that had closed and whose horizon was still to come: known until their decision alone."""
    classic: dict[str, float | None]
    """The reversion after each one's trades, which the house score blames it for; negative is adverse."""
    solved: dict[str, Any]
    table: dict[str, Any]


def victim(panels: str, seed: int, counts: Sequence[int], speed: float, horizon: Horizon) -> list[Blamed]:
    """A dealer moves the mid 10 bps whenever it is asked, after the decision, and never wins; who is said to leak?"""
    orders = max(counts)
    accounts, rules = _panels(panels, seed, orders)
    scene = Scene(
        dealers=tuple(
            Planted(name, distance, LEAK_BPS if name == LEAKER else 0.0)
            for name, distance in zip(NAMES, VICTIMS, strict=True)
        ),
        rules=rules,
        orders=orders,
        interval_s=_BETWEEN_S,
        bonds=min(orders, BONDS),
        scoring=_EXPLORE[panels] + f'[leak]\nwatch = "{horizon.value}"\n',
        accounts=accounts,
        speed=speed,
        seed=seed,
    )
    found = []
    span_s = SPANS_NS[horizon] / 1e9 / speed
    with desk_of(scene) as desk:
        heard = Heard(desk.client)
        desk.begin()
        for count in sorted(counts):
            _until(heard, desk.check, count, lambda: len(heard.marked.get(horizon, ())), span_s)
            solved = desk.client.call("leak.solve", reason=f"{count} rounds")
            found.append(_blamed(panels, count, horizon, heard, solved, desk.client))
        _as_they_say(desk, heard)
    return found


def _panels(panels: str, seed: int, orders: int) -> tuple[list[str], str]:
    """(the accounts of the orders, the rule book): random panels are ten rules, one for each, drawn by the account."""
    if panels != "random":
        ask = "rank by classic over 90d\n  ask top 3"
        return ["MAIN"], _RULE.format(name="top three", when="true", ask=ask)
    three = list(combinations(NAMES, 3))
    chance = random.Random(f"panels {seed}")
    accounts = [f"P{chance.randrange(len(three))}" for _ in range(orders)]
    book = [
        _RULE.format(name=f"panel {at}", when=f'account == "P{at}"', ask=f"ask everyone in {{{', '.join(names)}}}")
        for at, names in enumerate(three)
    ]
    return accounts, "\n".join([*book, _RULE.format(name="no other", when="true", ask="ask top 3")])


def _blamed(
    panels: str, count: int, horizon: Horizon, heard: Heard, solved: dict[str, Any], client: AdminClient
) -> Blamed:
    marked = heard.marked[horizon]
    over = [each for each in heard.rounds if each.rfq_id in marked]
    return Blamed(
        panels,
        count,
        horizon.value,
        {name: sum(name in each.asked for each in over) for name in NAMES},
        {name: sum(name == each.winner for each in over) for name in NAMES},
        sum(not each.winner for each in over),
        len(heard.rounds) - len(over),
        {each["dealer"]: each["metrics"]["leakage"]["value"] for each in client.call("dealers")["dealers"]},
        solved,
        client.call("leak.show"),
    )


_PANELS_SAID: Final = {
    "random": "one of the ten panels of three each time, drawn by the order's account",
    "shipped": "ask top 3 by classic, exploration as shipped",
    "strong": "ask top 3 by classic, a place drawn in half of the rounds, one left out in a tenth",
}


def victim_told(found: Sequence[Blamed]) -> Iterator[str]:
    """A table a run and count: leaks with their errors beside the truth."""
    for each in found:
        said = each.solved
        yield f"whose leak over FIX, {_PANELS_SAID[each.panels]}"
        yield (
            f"  once {each.rounds} rounds were marked {each.horizon} after their decision: "
            f"{said['rows_in']} windows until it, {said['rows_post']} after it; "
            f"{each.unmarked} more rounds waited for their mark"
        )
        yield (
            f"  {'dealer':<9}{'moves':>6}{'asked':>7}{'won':>5}{'leak until the decision':>25}{'leak after it':>25}"
            f"{'90 %':>16}{'z':>6}  {'identified':<11}{'classic':>7}"
        )
        parts = [{one["dealer"]: one for one in each.table[key]["dealers"]} for key in ("leak_in", "leak_post")]
        for name in NAMES:
            early, late = (part.get(name) for part in parts)
            moves = LEAK_BPS if name == LEAKER else 0.0
            reversion = each.classic.get(name)
            line = f"  {name:<9}{moves:>6.0f}{each.asked[name]:>7}{each.won[name]:>5}"
            line += f"{_leak(early):>25}{_leak(late):>25}"
            if late is not None:
                interval = f"{late['low_bps']:+.1f} to {late['high_bps']:+.1f}"
                line += f"{interval:>16}{late['bps'] / late['sd_bps']:>+6.1f}  {late['identified']:<11}"
            yield line + (f"{'-':>7}" if reversion is None else f"{reversion:>+7.1f}")
        post = each.table["leak_post"]
        yield (
            f"  drift with nobody asked {post['drift_bps']:+.1f} bps, noise {post['noise_bps']:.1f}; one more dealer "
            f"{post['common']['bps']:+.2f} ± {post['common']['sd_bps']:.2f}"
        )
        yield ""


def _leak(of: dict[str, Any] | None) -> str:
    return "never asked" if of is None else f"{of['bps']:+.2f} ± {of['sd_bps']:.2f} (se {of['se_bps']:.2f})"


# --- runs ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs; `rounds` are after how many of them leaks are solved."""

    scorers: tuple[str, ...]
    runs: int
    orders: int
    panels: tuple[str, ...]
    rounds: tuple[int, ...]
    horizon: Horizon
    speed: float
    seed: int


def run(wanted: Wanted, at_once: int) -> list[Found | Blamed]:
    """All of them, some side by side: each has a daemon and a street of its own. Raises Failed."""
    tasks: list[Callable[[], Sequence[Found | Blamed]]] = [
        partial(victim, each, wanted.seed, wanted.rounds, wanted.speed, wanted.horizon) for each in wanted.panels
    ]
    tasks += [
        partial(discovery, scorer, wanted.seed + at, wanted.orders, wanted.speed)
        for scorer in wanted.scorers
        for at in range(wanted.runs)
    ]
    with ThreadPoolExecutor(at_once) as pool:
        return [one for each in [pool.submit(task) for task in tasks] for one in each.result()]


def told(found: Sequence[Found | Blamed]) -> Iterator[str]:
    yield from discovery_told([each for each in found if isinstance(each, Found)])
    yield from victim_told([each for each in found if isinstance(each, Blamed)])


def _as_they_say(desk: Desk, heard: Heard) -> None:
    """Raises Failed unless every dealer's own record holds as many requests as the journal says it was sent."""
    for name, received in desk.requests().items():
        sent = sum(name in each.asked for each in heard.rounds)
        if sent != received:
            raise Failed(f"{name} was asked {sent} times by the journal, and {received} times by its own record")


def _until(heard: Heard, check: Callable[[], None], wanted: int, have: Callable[[], int], span_s: float) -> None:
    """Hear on until `have` is as many as wanted. Raises Failed if nothing comes for too long, or an order came back."""
    since, last = time.monotonic(), len(heard.rounds) + have()
    while have() < wanted:
        check()
        heard.more()
        if heard.returned:
            order, reason = next(iter(heard.returned.items()))
            raise Failed(f"{order} came back to the trader: {reason}")
        now, seen = time.monotonic(), len(heard.rounds) + have()
        if seen > last:
            since, last = now, seen
        elif now - since > QUIET_S + span_s:
            raise Failed(f"nothing new for {now - since:.0f} s: {have()} of {wanted} heard of")
