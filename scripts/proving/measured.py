"""What the model expects of those it asks, held against what they then do: sums of one world, no rows.

Each expectation is taken when the panel is chosen, so it knows nothing of its own round. The judge may look at what no
policy sees: where the mid truly was, and what a dealer's quotes truly are on average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from judging.policies import EnginesOwn, Manner
from judging.sight import Asking, Panel
from worlds.street import Round, Street

from engine.dealers.edges import t_quantile
from engine.dealers.outlook import Outlook
from engine.domain.observation import Answer, AskSeen, RoundSeen, Taken
from engine.selection.request import Request

DECILES: Final = 10
_Z90: Final = 1.6448536269514722
_P_MIN: Final = 1e-4
"""A chance is taken to be this far from 0 and 1 where its logarithm is, or one surprise would be all there is."""


@dataclass(slots=True)
class Chances:
    """Chances and what came of them, by tenths of the chance."""

    predicted: list[float] = field(default_factory=lambda: [0.0] * DECILES)
    happened: list[float] = field(default_factory=lambda: [0.0] * DECILES)
    count: list[int] = field(default_factory=lambda: [0] * DECILES)
    log_loss: float = 0.0
    base_log_loss: float = 0.0
    """Of what was so far the share of all, whoever it was."""
    _so_far: float = 1.0

    def add(self, chance: float, came: bool) -> None:
        at = min(int(chance * DECILES), DECILES - 1)
        base = self._so_far / (sum(self.count) + 2)
        self.predicted[at] += chance
        self.happened[at] += came
        self.count[at] += 1
        self.log_loss += _surprise(chance, came)
        self.base_log_loss += _surprise(base, came)
        self._so_far += came

    def plain(self) -> dict[str, Any]:
        return {
            "predicted": [short(each) for each in self.predicted],
            "happened": self.happened,
            "count": self.count,
            "log_loss": short(self.log_loss),
            "base_log_loss": short(self.base_log_loss),
        }


def _surprise(chance: float, came: bool) -> float:
    chance = min(max(chance, _P_MIN), 1 - _P_MIN)
    return -math.log(chance if came else 1 - chance)


@dataclass(slots=True)
class Edges:
    """Edges of quotes beside what was expected of them. `places` is where in its law each fell, by tenths."""

    count: int = 0
    held: int = 0
    """Quotes within their interval of 90 %."""
    error_bps: float = 0.0
    truth_held: int = 0
    """Dealers' true means within the interval of the estimate."""
    truth_error_bps: float = 0.0
    places: list[int] = field(default_factory=lambda: [0] * DECILES)

    def add(self, outlook: Outlook, edge_bps: float, mark_sd_bps: float, truth_bps: float) -> None:
        self.count += 1
        off_bps = edge_bps - outlook.e.value
        own, shared = math.hypot(outlook.e.sd, outlook.e_noise_sd), math.hypot(outlook.e_round_sd, mark_sd_bps)
        half = math.hypot(t_quantile(max(outlook.e_df, 3.0)) * own, _Z90 * shared)
        self.held += abs(off_bps) <= half
        self.error_bps += off_bps
        below = (1 + math.erf(off_bps / max(math.hypot(own, shared), 1e-9) / math.sqrt(2))) / 2
        self.places[min(int(below * DECILES), DECILES - 1)] += 1
        self.truth_held += outlook.e.low <= truth_bps <= outlook.e.high
        self.truth_error_bps += outlook.e.value - truth_bps

    def plain(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "held": self.held,
            "error_bps": short(self.error_bps),
            "truth_held": self.truth_held,
            "truth_error_bps": short(self.truth_error_bps),
            "places": self.places,
        }


@dataclass(slots=True)
class Costs:
    """What rounds were expected to cost beside what they did, leaks aside, at `c_fail` for what nobody traded."""

    count: int = 0
    expected_bps: float = 0.0
    realised_bps: float = 0.0
    c_fail_bps: float = 0.0
    c_fail_size: float = 0.0
    """`c_fail_bps` is the sum over what was not traded, in rounds, which is this."""
    expected_fills: float = 0.0
    fills: int = 0
    """Rounds in which anything traded."""

    def add(self, panel: Panel, seen: RoundSeen) -> None:
        if panel.expects_bps is None or not seen.is_drawn:
            return  # A trader has changed it.
        fills = [(float(ask.filled / seen.quantity), ask.edge_bps) for ask in seen.asks if ask.filled]
        if any(edge_bps is None for _, edge_bps in fills):
            return  # No mark to hold it against.
        open_share = max(0.0, 1 - sum(share for share, _ in fills))
        self.count += 1
        self.expected_bps += panel.expects_bps
        self.realised_bps += open_share * panel.c_fail_bps - sum(share * (edge or 0.0) for share, edge in fills)
        self.c_fail_bps += open_share * panel.c_fail_bps
        self.c_fail_size += open_share
        self.expected_fills += panel.expects_fill or 0.0
        self.fills += bool(fills)

    def plain(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "expected_bps": short(self.expected_bps),
            "realised_bps": short(self.realised_bps),
            "c_fail_bps": short(self.c_fail_bps),
            "c_fail_size": short(self.c_fail_size),
            "expected_fills": short(self.expected_fills),
            "fills": self.fills,
        }


class Observed(EnginesOwn):
    """The engine's own policy, watched while it plays: it chooses and learns as it does unwatched."""

    def __init__(self, street: Street, manner: Manner) -> None:
        super().__init__(list(street.world.dealers), manner, str(street.world.seed))
        self.answers, self.fills = Chances(), Chances()
        self.edges, self.costs = Edges(), Costs()
        self._street = street
        self._expected: Mapping[str, Outlook] = {}
        self._open: dict[str, tuple[Panel, dict[str, Outlook]]] = {}
        """By round what was expected of those who are asked in it, until it is over."""

    def choose(self, asking: Asking) -> Panel:
        panel = super().choose(asking)
        self._open[asking.key] = panel, {name: self._expected[name] for name in panel.dealers}
        return panel

    def _outlooks(self, dealers: Sequence[str], request: Request) -> Sequence[Outlook]:
        found = super()._outlooks(dealers, request)
        self._expected = {each.dealer: each for each in found}
        return found

    def saw(self, asking: Asking, seen: RoundSeen, closed: Round | None) -> None:
        panel, expected = self._open.pop(asking.key)
        for ask in seen.asks:
            outlook = expected.get(ask.dealer)
            if outlook is not None:  # Else a trader has put it in.
                self._hold(outlook, ask, asking, seen)
        self.costs.add(panel, seen)
        super().saw(asking, seen, closed)

    def _hold(self, outlook: Outlook, ask: AskSeen, asking: Asking, seen: RoundSeen) -> None:
        quoted = ask.answer is Answer.quote
        self.answers.add(_in_time(outlook, seen.n_asked), quoted)
        if ask.taken is not Taken.no:
            self.fills.add(outlook.f.value, ask.taken is Taken.filled)
        if quoted and ask.edge_bps is not None and ask.mark_answered is not None:
            sd_bps = ask.mark_answered.sd_bps
            self.edges.add(outlook, ask.edge_bps, 0.0 if sd_bps is None else sd_bps, self._mean_bps(ask, asking))

    def _mean_bps(self, ask: AskSeen, asking: Asking) -> float:
        """What this dealer's quotes truly have on average: its books, its errors and what it was told aside."""
        world, piece = self._street.world, asking.piece
        return -world.offset_bps(world.dealers[ask.dealer], piece.bond, piece.side, piece.size, piece.at_s)

    def plain(self) -> dict[str, Any]:
        return {
            "q": self.answers.plain(),
            "f": self.fills.plain(),
            "e": self.edges.plain(),
            "cost": self.costs.plain(),
        }


def _in_time(outlook: Outlook, asked: int) -> float:
    """The chance of a quote in time where so many are asked."""
    p = min(max(outlook.q.value, 1e-6), 1 - 1e-6)
    logit = math.log(p / (1 - p)) + outlook.q_slope * math.log(asked)
    return outlook.in_time / (1 + math.exp(-logit))


def short(value: float) -> float:
    """What is kept of a number: seven digits."""
    return float(f"{value:.7g}")
