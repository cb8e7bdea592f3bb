"""The model: what is expected of every candidate, the panel or the search that is worth most, and its numbers.

Dealers are numbered in the order of the ranking: by what asking each alone is worth, best first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from engine.dealers.failing import NotTrading
from engine.dealers.outlook import Outlook
from engine.domain.recommendation import CountWorth, Expected
from engine.errors import ConfigError
from engine.selection.panel import CURVE_MAX, Panels
from engine.selection.prospect import Margin, Prospect, Stakes, alone_bps, prospect
from engine.selection.ranking import Table
from engine.selection.request import Parameters, Records, Request
from engine.selection.sequence import best_addition, best_search, edge_worth, forecast, indices_of, search_of

MODEL_VERSION: Final = 2
"""Of the model as a whole: how estimates are made of what was seen of dealers, and how a panel is chosen by them.

Results that are measured of the model carry it. It is one more with each change that a choice can differ by, once
results have been kept of the version before.
"""

WORTH: Final = "worth"
"""What the model ranks by: the worth of asking a dealer alone, in bps beside not trading."""

_DIGITS: Final = 4
"""Numbers are kept to a ten-thousandth: what is behind that is no estimate's."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Who may be asked beside whom, by number. `most` counts the whole panel; None is no limit.

    `room` is how many dealers may learn of the exposure that are not `informed`.
    """

    most: int
    forced: tuple[int, ...]
    never: frozenset[int]
    informed: frozenset[int]
    at_most: int | None
    room: int | None

    def may_join(self, at: int, beside: Sequence[int]) -> bool:
        """May this dealer be asked beside these?"""
        if self.at_most is not None and len(beside) >= self.at_most:
            return False
        if self.room is None or at in self.informed:
            return True
        return sum(other not in self.informed for other in beside) < self.room

    def holds(self, chosen: Sequence[int]) -> bool:
        """Is nobody in it who may not be?"""
        if not self.never.isdisjoint(chosen):
            return False
        return all(self.may_join(at, chosen[:place]) for place, at in enumerate(chosen))


class Model:
    """The candidates of one order, numbered in the order of a ranking: their outlooks, and what is at stake."""

    __slots__ = (
        "_indices",
        "_panels",
        "alone_bps",
        "not_trading",
        "outlooks",
        "parameters",
        "prospects",
        "request",
        "stakes",
    )

    def __init__(
        self,
        request: Request,
        parameters: Parameters,
        outlooks: Sequence[Outlook],
        not_trading: NotTrading | None = None,
    ) -> None:
        self.request = request
        self.parameters = parameters
        self.outlooks = tuple(outlooks)
        self.not_trading = not_trading
        self.stakes = _stakes(request, parameters, not_trading)
        self.prospects = tuple([prospect(each, self.stakes) for each in outlooks])
        self.alone_bps = tuple([alone_bps(each, self.stakes) for each in self.prospects])
        self._panels: Panels | None = None
        self._indices: list[float] | None = None

    def ranked(self) -> Model:
        """The same, numbered by what asking each alone is worth."""
        alone, outlooks = self.alone_bps, self.outlooks
        return self._numbered(sorted(range(len(alone)), key=lambda at: (-alone[at], outlooks[at].dealer)))

    def numbered_as(self, dealers: Sequence[str]) -> Model:
        """The same, numbered in this order."""
        at_of = {each.dealer: at for at, each in enumerate(self.outlooks)}
        return self._numbered([at_of[name] for name in dealers])

    def _numbered(self, order: Sequence[int]) -> Model:
        """Those at these numbers, in this order: what is expected of each is not worked out anew."""
        other = Model.__new__(Model)
        other.request, other.parameters = self.request, self.parameters
        other.not_trading, other.stakes = self.not_trading, self.stakes
        other.outlooks = tuple([self.outlooks[at] for at in order])
        other.prospects = tuple([self.prospects[at] for at in order])
        other.alone_bps = tuple([self.alone_bps[at] for at in order])
        other._panels = other._indices = None
        return other

    def table(self, window_days: int) -> Table:
        """The ranking, in the order of the numbers."""
        worth = _rounded(self.alone_bps)
        values = tuple([() if each.untried else (own,) for own, each in zip(worth, self.outlooks, strict=True)])
        dealers = tuple([each.dealer for each in self.outlooks])
        return Table((WORTH,), ("bps",), (1.0,), window_days, (0.0,), dealers, worth, values)

    @property
    def panels(self) -> Panels:
        if self._panels is None:
            self._panels = Panels(self.prospects, self.stakes)
        return self._panels

    @property
    def indices(self) -> list[float]:
        if self._indices is None:
            self._indices = indices_of(self.prospects, self.stakes)
        return self._indices

    # --- the choice ---

    def panel(self, limits: Limits, c_fail_bps: float | None = None) -> tuple[int, ...]:
        """The panel that is worth most under these limits. A limit never makes it larger than it would be without."""
        panels = self.panels if c_fail_bps is None else self.panels.at_cost(c_fail_bps)
        free = panels.best(limits.most, forced=limits.forced, beyond=0).chosen
        if limits.holds(free):
            return free
        return panels.best(
            min(limits.most, len(free)),
            forced=limits.forced,
            never=limits.never,
            may_join=limits.may_join,
            beyond=0,
        ).chosen

    def search(self, limits: Limits, c_fail_bps: float | None = None) -> tuple[int, ...]:
        """The search that is worth most under these limits, no longer than it would be without."""
        stakes, indices = self.stakes, self.indices
        if c_fail_bps is not None:
            stakes = replace(self.stakes, c_fail_bps=c_fail_bps)
            indices = indices_of(self.prospects, stakes)
        free = best_search(self.prospects, stakes, indices, limits.most, forced=limits.forced).chosen
        if limits.holds(free):
            return free
        most = min(limits.most, len(free)) if limits.at_most is None else min(limits.most, len(free), limits.at_most)
        return best_search(
            self.prospects,
            stakes,
            indices,
            most,
            forced=limits.forced,
            never=limits.never,
            informed=limits.informed,
            room=limits.room,
        ).chosen

    def stops_bps(self, asked: Sequence[int]) -> tuple[float, ...]:
        """The edge at which the quote of each of these, asked in this order, ends the search."""
        return tuple([round(stop, _DIGITS) for stop in search_of(self.prospects, self.stakes, asked).stops_bps])

    # --- its numbers ---

    def margins(self, chosen: Sequence[int], *, one_by_one: bool) -> list[Margin]:
        """What every candidate is to these, asked together or one after another."""
        if one_by_one:
            search = search_of(self.prospects, self.stakes, chosen)
            return forecast(self.prospects, self.stakes, self.indices, search).margins
        return self.panels.margins(chosen)

    def expected(
        self,
        chosen: Sequence[int],
        sent: Sequence[int],
        margins: Sequence[Margin],
        limits: Limits,
        choice: Choice,
        informed: tuple[str, ...],
    ) -> Expected:
        """The numbers of every candidate beside those chosen, and of those that are sent as a whole."""
        outlooks, prospects, stakes = self.outlooks, self.prospects, self.stakes
        if choice.one_by_one:
            search = search_of(prospects, stakes, sent)
            came = forecast(prospects, stakes, self.indices, search)
            fill, leak = came.fill, self._unweighted(came.leak_bps)
            worth = search.worth_bps + came.leak_bps + came.strain_bps
            curve = self._curve_of_searches(chosen, limits)
        else:
            fill, leak = self.panels.fill(sent), self._unweighted(sum(prospects[at].leak_bps for at in sent))
            worth = self.panels.worth(sent) + sum(prospects[at].asking_bps for at in sent)
            curve = self._curve_of_panels(chosen, limits)
        costs = (stakes.c_fail_bps / 2, 2 * stakes.c_fail_bps)
        choose = {Counted.not_at_all: None, Counted.panel: self.panel, Counted.search: self.search}[choice.counted]
        half, twice = ((), ()) if choose is None else (choose(limits, cost) for cost in costs)
        names = [each.dealer for each in outlooks]
        failing = self.not_trading
        return Expected(
            p_quote=_rounded([each.q.value for each in outlooks]),
            p_in_time=_rounded([each.in_time for each in outlooks]),
            p_quote_se=_rounded([each.q.sd for each in outlooks]),
            edge_se_bps=_rounded([each.e.sd for each in outlooks]),
            firmness_se=_rounded([each.f.sd for each in outlooks]),
            edge_bps=_rounded([each.e.value for each in outlooks]),
            edge_sd_bps=_rounded([each.sd_bps for each in prospects]),
            firmness=_rounded([each.f.value for each in outlooks]),
            size_share=_rounded([each.z.value for each in outlooks]),
            p_win=_rounded([each.p_win for each in margins]),
            leak_in_bps=_rounded([each.leak_in.value for each in outlooks]),
            leak_post_bps=_rounded([each.leak_post.value for each in outlooks]),
            leak_se_bps=_rounded([math.hypot(each.leak_in.sd, stakes.rho * each.leak_post.sd) for each in outlooks]),
            leak_identified=tuple([each.leak_identified.value for each in outlooks]),
            marginal_bps=_rounded([each.gain_bps for each in margins]),
            marginal_se_bps=_rounded([each.gain_sd_bps for each in margins]),
            reservation_bps=tuple([_reservation(*each, stakes) for each in zip(prospects, self.indices, strict=True)]),
            latency_p50_s=tuple([_round(each.latency_p50_s) for each in outlooks]),
            latency_p90_s=tuple([_round(each.latency_p90_s) for each in outlooks]),
            asks=tuple([each.asks for each in outlooks]),
            trade_share=_rounded([each.r.value for each in outlooks]),
            trade_share_se=_rounded([each.r.sd for each in outlooks]),
            n_eff=tuple(zip(*[_n_eff(each) for each in outlooks], strict=True)),
            cost_bps=round(stakes.c_fail_bps - worth + leak, _DIGITS),
            cost_se_bps=round(self._cost_se_bps(sent, margins, fill, stakes.c_fail_bps - worth), _DIGITS),
            fill=round(fill, _DIGITS),
            leak_bps=round(leak, _DIGITS),
            worth_by_count=curve,
            c_fail_bps=stakes.c_fail_bps,
            c_fail_se_bps=round(failing.measure.sd, _DIGITS) if failing is not None else 0.0,
            c_fail_n_eff=round(failing.n_eff, 1) if failing is not None else 0.0,
            aversion=stakes.aversion,
            rho=stakes.rho,
            at_half=tuple([names[at] for at in half]),
            at_twice=tuple([names[at] for at in twice]),
            stops_bps=self.stops_bps(sent) if choice.counted is Counted.search else (),
            mark=self.request.mark,
            limit_edge_bps=stakes.limit_edge_bps,
            exposure=self.request.exposure,
            informed=informed,
            parameters=self.parameters.digest,
        )

    def _cost_se_bps(self, sent: Sequence[int], margins: Sequence[Margin], fill: float, gross_bps: float) -> float:
        """The error of what the whole is expected to cost, `gross_bps` without leaks.

        Beside what is not known of each dealer: the level of all edges counts as far as it trades, what not trading
        costs as far as it does not. A bond that is wider than thought is so for both.
        """
        failing = self.not_trading
        off, failing_sd = (failing.width_error, failing.sd_bps) if failing is not None else (0.0, 0.0)
        levels = [
            math.sqrt(max(0.0, each.e_common_sd**2 - (each.e.value * off) ** 2))
            for each in (self.outlooks[at] for at in sent)
        ]
        shared = fill * max(levels, default=0.0), (1 - fill) * failing_sd, gross_bps * off
        return math.hypot(*shared, *[margins[at].gain_sd_bps for at in sent])

    def _unweighted(self, leak_bps: float) -> float:
        return leak_bps / self.stakes.aversion if self.stakes.aversion else 0.0

    def _curve_of_panels(self, chosen: Sequence[int], limits: Limits) -> tuple[CountWorth, ...]:
        """What one more is worth: those chosen first, then whoever adds most."""
        found: list[CountWorth] = []
        gross = leaks = 0.0
        for count, step in enumerate(self.panels.curve(chosen, limits.most, limits.never, limits.may_join), 1):
            each = self.prospects[step.at]
            leak = self._unweighted(each.leak_bps)
            gross, leaks = gross + step.gain_bps, leaks + leak
            found.append(
                CountWorth(
                    count=count,
                    dealer=self.outlooks[step.at].dealer,
                    gain_bps=round(step.gain_bps - each.strain_bps, _DIGITS),
                    gain_se_bps=round(step.gain_sd_bps, _DIGITS),
                    leak_bps=round(leak, _DIGITS),
                    leak_se_bps=round(self._unweighted(step.leak_sd_bps), _DIGITS),
                    cost_bps=round(self.stakes.c_fail_bps - gross + leaks, _DIGITS),
                    allowed=step.allowed,
                )
            )
        return tuple(found)

    def _curve_of_searches(self, chosen: Sequence[int], limits: Limits) -> tuple[CountWorth, ...]:
        """The same of dealers asked one after another, each at the place that its index gives it."""
        prospects, stakes = self.prospects, self.stakes
        found: list[CountWorth] = []
        gross = leaks = 0.0
        now: list[int] = []
        for count in range(1, CURVE_MAX + 1):
            left = [at for at in range(len(prospects)) if at not in now and at not in limits.never]
            group = [at for at in chosen if at not in now] or left
            if not group:
                break
            new, now = best_addition(prospects, stakes, self.indices, now, group)
            search = search_of(prospects, stakes, chosen if count == len(chosen) else now)
            came = forecast(prospects, stakes, self.indices, search)
            margin, leak = came.margins[new], self._unweighted(came.leak_bps)
            found.append(
                CountWorth(
                    count=count,
                    dealer=self.outlooks[new].dealer,
                    gain_bps=round(search.worth_bps + came.leak_bps - gross, _DIGITS),
                    gain_se_bps=round(margin.gain_sd_bps, _DIGITS),
                    leak_bps=round(leak - leaks, _DIGITS),
                    leak_se_bps=round(self._unweighted(prospects[new].leak_sd_bps), _DIGITS),
                    cost_bps=round(
                        stakes.c_fail_bps - search.worth_bps - came.leak_bps - came.strain_bps + leak, _DIGITS
                    ),
                    allowed=count <= len(chosen) or (count <= limits.most and limits.holds(now)),
                )
            )
            gross, leaks = search.worth_bps + came.leak_bps, leak
        return tuple(found)


class Counted(Enum):
    """Does the model say how many are asked, and of what kind?"""

    not_at_all = "not at all"
    panel = "panel"
    search = "search"


@dataclass(frozen=True, slots=True)
class Choice:
    """How the dealers of a choice are asked, and who says how many."""

    one_by_one: bool
    counted: Counted


def modelled(request: Request, dealers: Sequence[str], records: Records, parameters: Parameters) -> Model:
    """The model of these candidates, in their order. Raises ConfigError where nothing is known of anybody."""
    if records.outlooks is None:
        raise ConfigError("the model needs estimates of the dealers: there are none here")
    not_trading = None if records.not_trading is None else records.not_trading(request)
    return Model(request, parameters, records.outlooks(dealers, request), not_trading)


def _stakes(request: Request, parameters: Parameters, not_trading: NotTrading | None) -> Stakes:
    return Stakes(
        c_fail_bps=max(0.0, parameters.c_fail_bps if not_trading is None else not_trading.bps),
        aversion=parameters.aversion,
        rho=_rho(request, parameters),
        limit_edge_bps=request.limit_edge_bps,
        mark_sd_bps=(request.mark.sd_bps or 0.0) if request.mark is not None else 0.0,
        wait_bps_per_s=parameters.wait_bps_per_s,
        wait_s=request.wait_s,
        trade_share_min=parameters.trade_share_min,
        trade_share_bps=parameters.trade_share_bps,
    )


def _rho(request: Request, parameters: Parameters) -> float:
    """How much is traded after this round, as a share of what is asked for."""
    if request.residual is None or not request.quantity:
        return parameters.rho
    return float(request.residual / request.quantity) + parameters.unfilled


def _reservation(each: Prospect, index: float, stakes: Stakes) -> float | None:
    return None if index == -math.inf else round(edge_worth(each, stakes, index), _DIGITS)


def _n_eff(each: Outlook) -> tuple[float, ...]:
    """In the order of `N_EFF`."""
    measures = (each.q, each.e, each.f, each.z, each.leak_in, each.leak_post, each.r)
    return tuple([round(measure.n_eff, 1) for measure in measures])


def _rounded(column: Sequence[float]) -> tuple[float, ...]:
    return tuple([round(value, _DIGITS) for value in column])


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
