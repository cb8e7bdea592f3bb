"""Policies that can be tried on a record: the engine's scorers, a fixed list, chance; and how they are written.

    model                       the panel that is worth most, of at most as many as the desk's rule wanted
    classic                     the first of the house score, as many
    random                      anybody, as many
    static:ALPHA,BETA,GAMMA     the first of a list who can be asked, as many
    "60% hit_rate, 40% speed"   the first by a rule's own weights, as many

All go through `selection.choose` as it is, without a draw, under no protection and no rule's named dealers.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from engine.dealers.stats import METRIC_SYNONYMS, METRICS
from engine.domain.recommendation import Selection
from engine.errors import ConfigError
from engine.rules.plan import MODEL, AskPanel, AskTop, Mode, Plan, Ranking
from engine.selection.candidates import Candidates
from engine.selection.choose import choose
from engine.selection.request import NO_EXPLORING, Parameters, Records, Request
from engine.selection.wanted import Listed, RulePlan

_STATIC: Final = "static:"
_WEIGHT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*([a-z_]+)\s*\Z")
_WRITTEN: Final = "expected model, classic, random, static:A,B,C or weights such as '60% hit_rate, 40% speed'"


@dataclass(frozen=True, slots=True)
class Contender:
    """One policy: a scorer or weights, a list, or chance where there is neither."""

    name: str
    ranking: Ranking | None = None
    listed: tuple[str, ...] = ()

    @property
    def is_random(self) -> bool:
        return self.ranking is None and not self.listed


@dataclass(frozen=True, slots=True)
class Question:
    """One round as a policy is asked: for what, whom it may ask, and how many at most. `key` is the round's own."""

    key: str
    request: Request
    candidates: tuple[str, ...]
    most: int


def contender_of(text: str) -> Contender:
    """The policy that these words mean. Raises ConfigError where they mean none."""
    words = text.strip()
    if words in ("model", "classic"):
        return Contender(words, Ranking(scorer=words))
    if words == "random":
        return Contender(words)
    if words.startswith(_STATIC):
        names = tuple(name.strip() for name in words.removeprefix(_STATIC).split(","))
        if not all(names) or len(set(names)) < len(names):
            raise ConfigError(f"policy '{text}': expected dealers with commas between, each once")
        return Contender(f"{_STATIC}{','.join(names)}", listed=names)
    if "%" not in words:
        raise ConfigError(f"policy '{text}': {_WRITTEN}")
    weights: dict[str, Decimal] = {}
    for part in re.split(r"[,+]", words):
        found = _WEIGHT.match(part)
        if found is None:
            raise ConfigError(f"policy '{text}': '{part.strip()}': {_WRITTEN}")
        metric = METRIC_SYNONYMS.get(found[2], found[2])
        if metric not in METRICS:
            raise ConfigError(f"policy '{text}': unknown metric '{found[2]}'; known are {', '.join(METRICS)}")
        if metric in weights:
            raise ConfigError(f"policy '{text}': {metric} is there twice")
        weights[metric] = Decimal(found[1])
    if sum(weights.values()) != 100:
        raise ConfigError(f"policy '{text}': the weights add to {sum(weights.values()):f}, not to 100")
    ranking = Ranking(scorer=None, weights=tuple(weights.items()))
    return Contender(" + ".join(f"{weight:f}% {metric}" for metric, weight in weights.items()), ranking)


def panel_of(one: Contender, question: Question, records: Records, parameters: Parameters) -> tuple[str, ...]:
    """Whom it would ask, before any draw."""
    if question.most < 1 or not question.candidates:
        return ()
    if one.is_random:
        by_chance = sorted(question.candidates, key=lambda name: _chance(question.key, name))
        return tuple(by_chance[: question.most])
    return _chosen(one, question, records, replace(parameters, exploring=NO_EXPLORING)).asked


def _chosen(one: Contender, question: Question, records: Records, parameters: Parameters) -> Selection:
    most, candidates = question.most, question.candidates
    limits = Plan(Mode.PARALLEL, most, None, None, frozenset(), ())
    if one.ranking is None:
        known = set(candidates)
        listed = tuple([name for name in one.listed if name in known][:most])
        wanted = RulePlan(Ranking(), Listed(listed), frozenset(), limits)
        return choose(question.request, wanted, Candidates(listed, ()), records, parameters, b"")
    ask = AskPanel(most) if one.ranking.scorer == MODEL else AskTop(most)
    wanted = RulePlan(one.ranking, ask, frozenset(), limits, explores=False)
    return choose(question.request, wanted, Candidates(candidates, ()), records, parameters, b"")


def _chance(key: str, name: str) -> bytes:
    """The same for a round and a dealer, whenever and wherever it is drawn."""
    return hashlib.blake2b(f"{key}|{name}".encode(), digest_size=16, person=b"anybody").digest()
