"""A back-test from sources to a valuation: journals and files are read, each round is decided again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from engine.config import load
from engine.config.choosing import choice_parameters
from engine.config.scoring import ScoringConfig
from engine.dealers.stats import StatsParameters
from engine.errors import ConfigError
from engine.research.choices import Choices
from engine.research.contenders import contender_of
from engine.research.past import Past, source_of
from engine.research.progress import Progress
from engine.research.valuing import LOGGED, Settings, Valuation, valued


def settings_of(
    config: Path | None, begin_ns: int | None = None, end_ns: int | None = None, most: int | None = None
) -> Settings:
    """As scoring.toml beside this configuration has them; without one the engine's own."""
    scoring = load(config).scoring if config is not None else ScoringConfig()
    windows = tuple(sorted({90, 180, scoring.window_days}))
    return Settings(
        parameters=choice_parameters(scoring),
        estimates=scoring.estimate_parameters,
        leak=scoring.leak.parameters,
        stats=StatsParameters(windows_days=windows, half_life_days=max(1, round(scoring.half_life_days))),
        begin_ns=begin_ns,
        end_ns=end_ns,
        most=most,
    )


def backtest(
    sources: Sequence[str],
    policies: Sequence[str],
    against: str,
    settings: Settings,
    progress: Callable[[str], Progress],
) -> Valuation:
    """What these policies would have cost beside `against`, by all that the sources tell.

    `progress` makes a line of what is counted. Raises ConfigError for words that mean no policy and for a source that
    cannot be read, JournalError for a journal.
    """
    contenders = [contender_of(each) for each in policies]
    if len({each.name for each in contenders}) < len(contenders):
        raise ConfigError("the same policy is named twice")
    other = None if against == LOGGED else contender_of(against)
    found = [source_of(each) for each in sources]
    with Past() as past, Choices() as choices:
        past.read(found, progress("rows and events read"))
        for source in found:
            if not source.is_warehouse and source.is_journal:
                choices.read(source.path, progress("events looked through"))
        line, total = progress("rounds decided again"), past.count
        return valued(
            past.rounds(end_ns=settings.end_ns), choices, contenders, settings, other, lambda done: line(done, total)
        )
