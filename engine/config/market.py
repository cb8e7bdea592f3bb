"""[market] of engine.toml: what is kept of prices and trades, who delivers them, and what is made of them."""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.clock import NS_PER_S
from engine.config.reading import setting
from engine.domain.exchange import currencies_of, pair_of
from engine.market.appraisal import MarketParameters
from engine.market.impact import ImpactParameters
from engine.market.marks import MarkErrors, Quality
from engine.market.rates import RateLimits

PAIRS_MAX: Final = 100
"""As many as one MarketDataRequest(V) may name."""


def _pair_problem(text: str) -> str | None:
    try:
        pair_of(text)
    except ValueError as error:
        return str(error)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeConfig:
    """[market.tape]: how much of what was heard is kept, in memory and in the journal."""

    days: int = setting(200, at_least=1, at_most=3650)
    marks_max: int = setting(2_000_000, at_least=1_000)
    trades_max: int = setting(500_000, at_least=1_000)
    quiet_days_max: int = setting(5, at_least=1, at_most=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """[[market.source]]: a source of prices or trades that differs: a market session, or a feed by its own name."""

    key: str = setting()
    mark_age_max_s: float | None = setting(None, above=0, at_most=604_800)
    trades: bool = setting(False)
    past_trades: bool = setting(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkConfig:
    """[market.benchmark]: by asset class, what the market's level is called at whoever delivers it."""

    corporate: str | None = setting(None)
    municipal: str | None = setting(None)
    government: str | None = setting(None)
    agency: str | None = setting(None)
    other: str | None = setting(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactConfig:
    """[market.impact]: the law of what an order's own size moves; the square root is its prior."""

    y: float = setting(0.5, above=0, at_most=10)
    y_ln_sd: float = setting(0.7, at_least=0, at_most=5)
    cap_bps: float = setting(150.0, above=0, at_most=10_000)
    power: float = setting(0.5, at_least=0, at_most=2)
    size_power: float = setting(0.0, at_least=-2, at_most=2)
    volatility_power: float = setting(1.0, at_least=0, at_most=3)
    age_power: float = setting(0.0, at_least=-2, at_most=2)
    high_yield: float = setting(0.0, at_least=-5, at_most=5)
    sell: float = setting(0.0, at_least=-5, at_most=5)

    @property
    def parameters(self) -> ImpactParameters:
        given = {each.name: float(getattr(self, each.name)) for each in dataclasses.fields(ImpactParameters)}
        return ImpactParameters(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorsConfig:
    """[market.errors]: how far off a mark is, one standard deviation: when it is new by its quality; then with age."""

    composite_bps: float = setting(5.0, above=0, at_most=10_000)
    evaluated_bps: float = setting(12.0, above=0, at_most=10_000)
    own_rfq_bps: float = setting(8.0, above=0, at_most=10_000)
    last_print_bps: float = setting(20.0, above=0, at_most=10_000)
    volatility_bps: float = setting(35.0, above=0, at_most=10_000)


class Stale(StrEnum):
    """What becomes of a rate that is too old: nobody is asked by it, or it is used all the same."""

    STOP = "stop"
    USE = "use"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesConfig:
    """[market.rates]: how old a rate of two currencies may be, how far it may move, and who is asked for which."""

    age_max_h: float = setting(24.0, above=0, at_most=8_784)
    stale: Stale = setting(Stale.STOP)
    jump_max: float = setting(0.10, above=0, at_most=100)
    every_s: float = setting(10.0, at_least=0, at_most=3_600)
    session: str | None = setting(None)
    pairs: tuple[str, ...] = setting((), check=_pair_problem)

    def limits(self, ahead_max_s: float) -> RateLimits:
        return RateLimits(
            age_ns_max=int(self.age_max_h * 3600 * NS_PER_S),
            jump_max=float(self.jump_max),
            ahead_ns_max=int(ahead_max_s * NS_PER_S),
            uses_stale=self.stale is Stale.USE,
            every_ns=int(self.every_s * NS_PER_S),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketConfig:
    """[market]: all of it."""

    file_days: int = setting(10, at_least=0, at_most=3650)
    price_jump_max: float = setting(0.25, above=0, at_most=100)
    ahead_max_s: float = setting(60.0, at_least=0, at_most=3600)
    similar_radius: float = setting(1.0, at_least=0, at_most=100)
    tape: TapeConfig = setting(TapeConfig())
    source: tuple[SourceConfig, ...] = setting(())
    benchmark: BenchmarkConfig = setting(BenchmarkConfig())
    impact: ImpactConfig = setting(ImpactConfig())
    errors: ErrorsConfig = setting(ErrorsConfig())
    rates: RatesConfig = setting(RatesConfig())

    def parameters(self) -> MarketParameters:
        """What bonds are appraised by."""
        levels = ((field.name, getattr(self.benchmark, field.name)) for field in dataclasses.fields(self.benchmark))
        errors = self.errors
        return MarketParameters(
            age_ns_max={
                each.key: int(each.mark_age_max_s * NS_PER_S) for each in self.source if each.mark_age_max_s is not None
            },
            trades_from=frozenset(each.key for each in self.source if each.trades),
            past_trades=frozenset(each.key for each in self.source if each.past_trades),
            benchmarks={asset_class: level for asset_class, level in levels if level is not None},
            file_days=self.file_days,
            jump_max=float(self.price_jump_max),
            ahead_ns_max=int(self.ahead_max_s * NS_PER_S),
            errors=MarkErrors(
                {
                    Quality.COMPOSITE: float(errors.composite_bps),
                    Quality.EVALUATED: float(errors.evaluated_bps),
                    Quality.OWN_RFQ: float(errors.own_rfq_bps),
                    Quality.LAST_PRINT: float(errors.last_print_bps),
                },
                float(errors.volatility_bps),
            ),
            impact=self.impact.parameters,
            similar_radius=float(self.similar_radius),
        )


def market_problems(
    market: MarketConfig, market_sessions: Collection[str], base_currency: str
) -> list[tuple[str, str]]:
    """What holds between entries, as (key, text) pairs."""
    keys = [each.key for each in market.source]
    problems = [
        (f"source[{key}]", "there are two entries of this source") for key in dict.fromkeys(keys) if keys.count(key) > 1
    ]
    return problems + [
        (f"rates.{key}", text) for key, text in _rates_problems(market.rates, market_sessions, base_currency)
    ]


def _rates_problems(rates: RatesConfig, market_sessions: Collection[str], base: str) -> Iterator[tuple[str, str]]:
    if rates.session is not None and rates.session not in market_sessions:
        known = ", ".join(market_sessions) or "none"
        yield "session", f"expected a session of role market, found '{rates.session}' (there are: {known})"
    if rates.session is None and rates.pairs:
        yield "pairs", "nobody is asked for them: session is missing"
    if len(rates.pairs) > PAIRS_MAX:
        yield "pairs", f"expected at most {PAIRS_MAX}, found {len(rates.pairs)}"
    seen: dict[tuple[str, str], str] = {}
    for text in rates.pairs:
        pair = pair_of(text)
        if base not in pair.split("/"):
            yield "pairs", f"{pair}: neither is the base currency {base}"
        if other := seen.get(currencies_of(pair)):
            yield "pairs", f"{pair} is there twice" if other == pair else f"{pair} and {other} are one rate: keep one"
        seen[currencies_of(pair)] = pair
