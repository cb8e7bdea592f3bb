"""A back-test from sources to a valuation: journals and files are read, each round is decided again.

In this process, or over several (`spread`): each takes some of the policies, or the record of one desk, and walks the
whole of it. What comes back is the same, wherever it was made.
"""

from __future__ import annotations

import base64
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from engine.config import Numbers, numbers
from engine.config.choosing import choice_parameters
from engine.config.scoring import ScoringConfig
from engine.dealers.stats import StatsParameters
from engine.errors import ConfigError
from engine.research.choices import Choices
from engine.research.contenders import contender_of
from engine.research.gathering import Gathered, Settings, gathered
from engine.research.past import Past, Told, source_of, wherever
from engine.research.progress import Progress, silent
from engine.research.sources import bonds_of, known_of
from engine.research.spread import Item, Where, spread
from engine.research.valuing import LOGGED, Valuation, valuation_of

_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be tried: policies in words, on sources by name, by the settings beside a configuration file.

    `is_apart`: each source is the record of a desk of its own, which knew of no other. `most` is how many a policy may
    ask; the period is from `begin_ns` on and before `end_ns`.
    """

    sources: tuple[str, ...]
    policies: tuple[str, ...]
    against: str = LOGGED
    config: str | None = None
    begin_ns: int | None = None
    end_ns: int | None = None
    most: int | None = None
    is_apart: bool = False


Lines = Callable[[str], Progress]
"""Makes a line of progress of what is counted."""


def backtest(asked: Asked, where: Where | None = None, lines: Lines = lambda what: silent) -> Valuation:
    """What these policies would have cost, by all that the sources tell; in this process unless `where` says others.

    Raises ConfigError for words that mean no policy and for a source that cannot be read, JournalError for a journal.
    """
    names = [contender_of(each).name for each in asked.policies]
    if len(set(names)) < len(names):
        raise ConfigError("the same policy is named twice")
    against = LOGGED if asked.against == LOGGED else contender_of(asked.against).name
    for each in asked.sources:
        source_of(each)
    settings_of(asked)
    parts = _parts(asked, where)
    found: dict[tuple[int, int], Gathered] = {}
    if where is None:
        for place, part in parts.items():
            found[place] = _gathered(part, lines)
    else:
        items = [Item(f"{desk}.{group}", asdict(_wherever(part))) for (desk, group), part in parts.items()]
        for key, result in spread(gather, items, where=where, progress=lines("parts")):
            desk, group = key.split(".")
            found[int(desk), int(group)] = pickle.loads(base64.b64decode(result))
    return valuation_of(_together(found), names, against, _SEED)


def _parts(asked: Asked, where: Where | None) -> dict[tuple[int, int], Asked]:
    """By desk and group of policies: what is gathered in one walk."""
    desks = [(each,) for each in asked.sources] if asked.is_apart else [asked.sources]
    groups = 1
    if where is not None:
        workers = where.processes if where.scheduler is None and where.processes is not None else len(asked.policies)
        groups = max(1, min(len(asked.policies), -(-workers // len(desks))))
    other = () if asked.against == LOGGED or asked.against in asked.policies else (asked.against,)
    return {
        (desk, group): Asked(
            sources=sources,
            policies=(*asked.policies[group::groups], *other),
            config=asked.config,
            begin_ns=asked.begin_ns,
            end_ns=asked.end_ns,
            most=asked.most,
        )
        for desk, sources in enumerate(desks)
        for group in range(groups)
    }


def _wherever(part: Asked) -> Asked:
    """The same for a worker that was started in another folder."""
    config = None if part.config is None else str(Path(part.config).absolute())
    return replace(part, sources=tuple(map(wherever, part.sources)), config=config)


def _together(found: dict[tuple[int, int], Gathered]) -> Gathered:
    desks: dict[int, Gathered] = {}
    for (desk, _), part in sorted(found.items(), key=lambda entry: entry[0]):
        if desk in desks:
            desks[desk].beside(part)
        else:
            desks[desk] = part
    first, *others = desks.values()
    for each in others:
        first.behind(each)
    return first


def gather(what: dict[str, Any]) -> str:
    """One part, in a process of its own."""
    part = Asked(**what)
    return base64.b64encode(pickle.dumps(_gathered(part, lambda what: silent))).decode()


def _gathered(asked: Asked, lines: Lines) -> Gathered:
    settings = settings_of(asked)
    contenders = [contender_of(each) for each in asked.policies]
    sources = [source_of(each) for each in asked.sources]
    known = numbers_of(asked)
    with Past() as past, Choices() as choices:
        read = past.read(sources, lines("rows and events read"), known_of(known, bonds_of(known)))
        for told in read:
            if told.path.is_dir():
                choices.read_warehouse(told.path, lines("files looked through"))
            elif told.desk:
                choices.read(told.path, told.desk, lines("events looked through"))
        line, total = lines("rounds decided again"), past.count
        rounds = past.rounds(end_ns=settings.end_ns)
        found = gathered(rounds, choices, contenders, settings, lambda done: line(done, total))
    found.refused += [_refused(told) for told in read if told.refused]
    return found


def _refused(told: Told) -> str:
    first = told.why[0]
    return (
        f"not used: {told.refused:,} rows of {told.path.name}, refused; the first, line {first.line}: {first.reason} "
        "(`rfqctl history report` names more)"
    )


def numbers_of(asked: Asked) -> Numbers | None:
    """Those of the configuration; None without one."""
    return None if asked.config is None else numbers(Path(asked.config))


def settings_of(asked: Asked) -> Settings:
    """As scoring.toml beside the configuration has them; without one the engine's own."""
    found = numbers_of(asked)
    scoring = found.scoring if found is not None else ScoringConfig()
    windows = tuple(sorted({90, 180, scoring.window_days}))
    return Settings(
        parameters=choice_parameters(scoring),
        estimates=scoring.estimate_parameters,
        leak=scoring.leak.parameters,
        stats=StatsParameters(windows_days=windows, half_life_days=max(1, round(scoring.half_life_days))),
        begin_ns=asked.begin_ns,
        end_ns=asked.end_ns,
        most=asked.most,
    )


def where_of(processes: int, scheduler: str | None) -> Where | None:
    """None is this process."""
    if scheduler is not None:
        return Where(scheduler=scheduler)
    return Where(processes=processes) if processes > 1 else None
