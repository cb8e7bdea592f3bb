"""The clauses of one rule or protection: complete, without repetition, and each to its value.

Knows the defaults of what a rule leaves out. Conditions are `meaning`'s, the book as a whole is `checker`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

from engine.rules.definitions import Definitions
from engine.rules.meaning import Meaning
from engine.rules.plan import (
    MODEL,
    RANKING_WINDOW_DAYS_DEFAULT,
    Ask,
    AskAll,
    AskNamed,
    AskPanel,
    AskSequence,
    AskTiers,
    AskTop,
    Execute,
    ExecuteAutomatic,
    ExecuteByTrader,
    Mode,
    Ranking,
    Send,
    Tolerance,
)
from engine.rules.resolved import AllOf, Condition, Layout
from engine.rules.signature import OF_RANKING, TOLD_TO_WHERE, Catalogue, named, words_of
from engine.rules.source import Diagnostic, Source, Span, did_you_mean
from engine.rules.syntax import (
    Accept,
    AskClause,
    AtMost,
    Clause,
    Consider,
    ExecuteClause,
    ExploreNever,
    ModeClause,
    Name,
    Never,
    Planned,
    RankBy,
    RuleBlock,
    SendClause,
    Wait,
    When,
    Within,
)
from engine.rules.vocabulary import window_days, window_problem

_C = TypeVar("_C", bound=Clause)

_CLAUSE_NAMES: Final[Mapping[type, str]] = {
    When: "when",
    Consider: "consider dealers where",
    RankBy: "rank by",
    AskClause: "ask",
    Never: "never ask",
    ExploreNever: "explore never",
    ModeClause: "stagger",
    Wait: "wait",
    AtMost: "at most",
    Accept: "accept",
    SendClause: "send",
    ExecuteClause: "execute",
    Planned: "",
}
_IN_PROTECTIONS: Final = (When, ModeClause, AtMost, Never)
# What a scorer is called that exists in the house but that a catalogue may not offer yet.
_KNOWN_SCORERS: Final = frozenset({MODEL})


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """A rule or a protection whose clauses make sense."""

    source: Source
    span: Span
    name: str
    protect: bool
    when: Condition
    when_span: Span
    consider: Condition | None
    consider_text: str | None
    dealer_layout: Layout
    where: Condition | None
    where_text: str | None
    where_layout: Layout
    ranking: Ranking
    ask: Ask
    ask_span: Span
    everyone: tuple[str, ...]
    never: tuple[str, ...]
    explore: bool
    mode: Mode
    stagger_s: float | None
    wait_s: float | None
    at_most: int | None
    accept: Tolerance | None
    send: Send
    execute: Execute


_CIRCLE: Final = "comes of ranking the dealers that are considered, so it cannot say which are"
_CIRCULAR: Final = {
    "rank": (f"'rank' {_CIRCLE}", "say how many: ask top 10"),
    "ranked": (f"'ranked' {_CIRCLE}", "say how many: ask top 10"),
    "score": (f"'score' {_CIRCLE}", "write it behind the ask: ask top 3 where score >= 0.8"),
    "tier": (f"'tier' {_CIRCLE}", "say whom: ask all of tier 1, or write it behind the ask: ask top 3 where tier == 1"),
}
"""What a condition about dealers cannot know before they are ranked, and what to write."""

_MODE_OF: Final[Mapping[type, Mode]] = {AskSequence: Mode.ONE_AT_A_TIME}
"""How requests follow each other where a rule does not say: in parallel, but for these."""


class Clauses:
    """Checks blocks one after another, reporting to one list."""

    def __init__(
        self,
        catalogue: Catalogue,
        definitions: Definitions,
        diagnostics: list[Diagnostic],
        rules: Meaning,
        protections: Meaning,
    ) -> None:
        self._catalogue = catalogue
        self._definitions = definitions
        self._diagnostics = diagnostics
        self._rules = rules
        self._protections = protections

    def check(self, block: RuleBlock) -> CheckedBlock | None:
        """A block's meaning, or None if it has an error, here or from the parser."""
        before = len(self._diagnostics)
        source = block.source
        self._repeated(block)
        self._misplaced(block)
        when = _one(block, When)
        if when is None and not block.broken:
            self._missing(block, "'when'", "write 'when true' if it concerns every order")
        meaning = self._protections if block.protect else self._rules
        condition = None if when is None else meaning.resolve(source, when.condition)
        layout, where_layout = Layout(), Layout()
        before_ranking, behind = self._wheres(block)
        consider = self._consider(block, before_ranking, layout)
        where = self._where(block, behind, where_layout)
        rank_by = _one(block, RankBy)
        so_far = len(self._diagnostics)
        ranking = Ranking() if rank_by is None else self.ranking(source, rank_by)
        rank_by = rank_by if len(self._diagnostics) == so_far else None  # What is wrong with it is said.
        ask, everyone = self._ask(block)
        if isinstance(ask, AskPanel | AskSequence):
            self._chosen_by_the_model(block, ask, rank_by, ranking)
            ranking = Ranking(MODEL)
        never = tuple(name for clause in _all(block, Never) for name in self._dealers(source, clause.names))
        self._contradictions(block, everyone, never)
        mode, wait, at_most = _one(block, ModeClause), _one(block, Wait), _one(block, AtMost)
        accept, send, execute = _one(block, Accept), _one(block, SendClause), _one(block, ExecuteClause)
        if block.broken or len(self._diagnostics) > before or condition is None or when is None:
            return None
        return CheckedBlock(
            source=source,
            span=block.span,
            name=block.name.text,
            protect=block.protect,
            when=condition,
            when_span=when.condition.span,
            consider=consider,
            consider_text=_text(source, before_ranking),
            dealer_layout=layout,
            where=where,
            where_text=_text(source, behind),
            where_layout=where_layout,
            ranking=ranking,
            ask=ask,
            ask_span=next((clause.span for clause in _all(block, AskClause)), block.span),
            everyone=everyone,
            never=never,
            explore=_one(block, ExploreNever) is None,
            mode=mode.mode if mode is not None else _MODE_OF.get(type(ask), Mode.PARALLEL),
            stagger_s=None if mode is None else mode.seconds,
            wait_s=None if wait is None else wait.seconds,
            at_most=None if at_most is None else at_most.count,
            accept=None if accept is None else _tolerance(accept.within),
            send=Send.APPROVAL if send is None else send.send,
            execute=_execute(execute),
        )

    def ranking(self, source: Source, clause: RankBy) -> Ranking:
        """The ranking a clause asks for; a default stands in where it is wrong."""
        days = RANKING_WINDOW_DAYS_DEFAULT
        if clause.window is not None and clause.scorer is not None and clause.scorer.text == MODEL:
            message = f"the {MODEL} has no window: what it learnt fades by its own half-lives"
            self._report(source, clause.window.span, message, f"write '{MODEL}' alone")
        elif clause.window is not None:
            given = window_days(clause.window)
            if given is None:
                self._report(source, clause.window.span, *window_problem(clause.window))
            days = given or days
        if clause.scorer is not None:
            return self._by_name(source, clause.scorer, days)
        weights: dict[str, Decimal] = {}
        for weight, name in clause.weights:
            metric = self._metric(source, name)
            if metric is None:
                continue
            if weight.value <= 0:
                self._report(source, weight.span, "a weight is more than 0%", "leave the metric out")
            if metric in weights:
                words = sorted(self._catalogue.metrics[metric].synonyms)
                also = f"; '{words[0]}' is another word for it" if words else ""
                self._report(source, name.span, f"'{metric}' is weighted twice{also}", "give it one weight")
            weights[metric] = weight.value
        total = sum((weight.value for weight, _ in clause.weights), Decimal(0))
        if total != 100:
            first, last = clause.weights[0][0].span, clause.weights[-1][1].span
            gap = f"{abs(100 - total).normalize():f}% {'is missing' if total < 100 else 'too much'}"
            self._report(source, first.to(last), f"weights add up to {total.normalize():f}%, not 100%", gap)
        return Ranking(None, tuple(weights.items()), days)

    def _by_name(self, source: Source, name: Name, days: int) -> Ranking:
        if name.text in self._catalogue.scorers:
            return Ranking(name.text, (), days)
        metric = named(self._catalogue.metrics, name.text)
        if metric is not None:
            return Ranking(None, ((metric.name, Decimal(100)),), days)
        if name.text in _KNOWN_SCORERS:
            self._report(source, name.span, f"'rank by {name.text}' is not available yet", "use 'rank by classic'")
        else:
            known = [*self._catalogue.scorers, *words_of(self._catalogue.metrics)]
            self._report(source, name.span, f"unknown scorer '{name.text}'", did_you_mean(name.text, known))
        return Ranking(window_days=days)

    def _metric(self, source: Source, name: Name) -> str | None:
        metric = named(self._catalogue.metrics, name.text)
        if metric is not None:
            return metric.name
        if name.text in self._catalogue.scorers | _KNOWN_SCORERS:
            message, suggestion = f"'{name.text}' is a whole score and cannot be weighted", f"write 'by {name.text}'"
            self._report(source, name.span, message, suggestion)
        else:
            suggested = did_you_mean(name.text, words_of(self._catalogue.metrics))
            if suggested is None and named(self._catalogue.dealer_fields, name.text) is not None:
                suggested = "it can be compared, as in 'consider dealers where', and not weighted"
            self._report(source, name.span, f"unknown metric '{name.text}'", suggested)
        return None

    def _wheres(self, block: RuleBlock) -> tuple[list[Consider], list[Consider]]:
        """The conditions about dealers that say who is ranked, and those that ask how a dealer was ranked."""
        found: tuple[list[Consider], list[Consider]] = [], []
        for clause in _all(block, Consider):
            found[clause.trailing and self._definitions.mentions(clause.condition, OF_RANKING)].append(clause)
        return found

    def _where(self, block: RuleBlock, wheres: Sequence[Consider], layout: Layout) -> Condition | None:
        """A `where` behind an ask that looks at the ranking: told of it, then reading fields of the dealer."""
        for told in TOLD_TO_WHERE:
            layout.slot(told, None)
        meaning = Meaning(
            self._catalogue, self._definitions, self._diagnostics, layout, dealers=True, intrinsic=OF_RANKING
        )
        return next((meaning.resolve(block.source, where.condition) for where in wheres), None)

    def _consider(self, block: RuleBlock, wheres: Sequence[Consider], layout: Layout) -> Condition | None:
        """All `where` that say who is ranked, in one condition about a dealer."""
        meaning = Meaning(
            self._catalogue,
            self._definitions,
            self._diagnostics,
            layout,
            dealers=True,
            intrinsic=OF_RANKING,
            refused=_CIRCULAR,
        )
        found = [meaning.resolve(block.source, where.condition) for where in wheres]
        conditions = tuple(condition for condition in found if condition is not None)
        return AllOf(conditions) if len(conditions) > 1 else conditions[0] if conditions else None

    def _ask(self, block: RuleBlock) -> tuple[Ask, tuple[str, ...]]:
        """Whom a rule asks; the named come on top of the others, or alone."""
        ask: Ask | None = None
        everyone: tuple[str, ...] = ()
        for clause in _all(block, AskClause):
            if clause.names:
                everyone = self._dealers(block.source, clause.names)
            elif clause.everything:
                ask = AskAll()
            elif clause.shares:
                ask = AskTiers(tuple((share.tier, share.count) for share in clause.shares))
                self._shares(block.source, clause)
            elif clause.top is not None:
                ask = AskTop(clause.top)
            elif clause.panel is not None:
                ask = AskPanel(clause.panel)
            elif clause.sequence is not None:
                ask = AskSequence(clause.sequence)
        planned = any(clause.what.startswith("ask") for clause in _all(block, Planned))
        if ask is None and not everyone and not (block.broken or block.protect or planned):
            self._missing(block, "'ask'", "such as: ask top 3")
        return ask or (AskNamed(everyone) if everyone else AskAll()), everyone

    def _chosen_by_the_model(
        self, block: RuleBlock, ask: AskPanel | AskSequence, rank_by: RankBy | None, ranking: Ranking
    ) -> None:
        """The model chooses a best panel or sequence: no other ranking has a say, nor any other way to ask it."""
        source, is_panel = block.source, isinstance(ask, AskPanel)
        what = "panel" if is_panel else "sequence"
        if MODEL not in self._catalogue.scorers:
            span = next(clause.span for clause in _all(block, AskClause) if clause.panel or clause.sequence)
            self._report(source, span, f"'ask best {what}' is not available yet", f"write 'ask top {ask.n}'")
        elif rank_by is not None and ranking.scorer != MODEL:
            by = source.words_at(rank_by.span)
            message = f"the {MODEL} chooses the best {what}: '{by}' has no say in it"
            self._report(source, rank_by.span, message, f"leave it out, or write 'ask top {ask.n}'")
        mode = _one(block, ModeClause)
        if mode is None:
            return
        said = source.words_at(mode.span)
        if is_panel and mode.mode is Mode.ONE_AT_A_TIME:
            message = f"a panel is asked together, not '{said}'"
            self._report(source, mode.span, message, f"write 'ask best sequence of at most {ask.n}'")
        elif not is_panel and mode.mode is not Mode.ONE_AT_A_TIME:
            message = f"a sequence is asked one at a time, not '{said}'"
            self._report(source, mode.span, message, f"leave it out, or write 'ask best panel of at most {ask.n}'")

    def _shares(self, source: Source, clause: AskClause) -> None:
        seen: set[int] = set()
        for share in clause.shares:
            if share.tier in seen:
                self._report(source, share.span, f"tier {share.tier} is named twice", "name each tier once")
            seen.add(share.tier)

    def _dealers(self, source: Source, names: tuple[Name, ...]) -> tuple[str, ...]:
        known = self._catalogue.dealers
        found: list[str] = []
        for name in names:
            dealer = name.text
            if known is not None:
                dealer = next((entry for entry in sorted(known) if entry.casefold() == dealer.casefold()), dealer)
                if dealer not in known:
                    self._report(source, name.span, f"unknown dealer '{dealer}'", did_you_mean(dealer, known))
            if dealer in found:
                self._report(source, name.span, f"'{dealer}' is named twice")
            found.append(dealer)
        return tuple(found)

    def _contradictions(self, block: RuleBlock, everyone: tuple[str, ...], never: tuple[str, ...]) -> None:
        for clause in _all(block, Never):
            for name in clause.names:
                if any(name.text.casefold() == dealer.casefold() for dealer in everyone):
                    message = f"'{name.text}' is both to be asked and never to be asked"
                    self._report(block.source, name.span, message)
        if not block.protect or block.broken:
            return
        if not any(isinstance(clause, Never | ModeClause | AtMost | Planned) for clause in block.clauses):
            self._missing(block, "restriction", "such as: at most 3 dealers")

    def _repeated(self, block: RuleBlock) -> None:
        """Each clause once; `never ask` may come again, and named dealers may join another ask."""
        seen: dict[object, Clause] = {}
        asked = False
        for clause in block.clauses:
            key: object = type(clause)
            if isinstance(clause, AskClause):
                key, asked = (AskClause, bool(clause.names)), True
            elif isinstance(clause, Consider):
                key = (Consider, clause.trailing)
                if clause.trailing and not asked:
                    message = "'where' follows an 'ask' and binds to its whole list"
                    self._report(block.source, clause.span, message, "write 'consider dealers where ...'")
            elif isinstance(clause, Planned):
                asked = asked or clause.what.startswith("ask")
                self._report(block.source, clause.span, f"'{clause.what}' is not available yet")
                continue
            first = seen.setdefault(key, clause)
            if first is clause or isinstance(clause, Never):
                continue
            if isinstance(clause, ModeClause) and isinstance(first, ModeClause) and clause.mode is not first.mode:
                message = f"'{block.source.words_at(first.span)}' already says how requests follow each other"
                self._report(block.source, clause.span, message, "keep one of the two")
                continue
            line = block.source.position(first.span.start)[0]
            name = _CLAUSE_NAMES[type(clause)]
            self._report(block.source, clause.span, f"'{name}' is said twice, first on line {line}", "keep one")

    def _misplaced(self, block: RuleBlock) -> None:
        """A protection restricts and does nothing else."""
        if not block.protect:
            return
        for clause in block.clauses:
            allowed = isinstance(clause, (*_IN_PROTECTIONS, Planned))
            if allowed and not (isinstance(clause, ModeClause) and clause.mode is Mode.PARALLEL):
                continue
            words = "in parallel" if allowed else _CLAUSE_NAMES[type(clause)]
            message = f"a protection only restricts; '{words}' belongs in a rule"
            self._report(block.source, clause.span, message)

    def _missing(self, block: RuleBlock, what: str, suggestion: str) -> None:
        word = "protection" if block.protect else "rule"
        self._report(block.source, block.span, f'the {word} "{block.name.text}" has no {what}', suggestion)

    def _report(self, source: Source, span: Span, message: str, suggestion: str | None = None) -> None:
        self._diagnostics.append(Diagnostic(source, span, message, suggestion))


def _all(block: RuleBlock, kind: type[_C]) -> list[_C]:
    return [clause for clause in block.clauses if isinstance(clause, kind)]


def _one(block: RuleBlock, kind: type[_C]) -> _C | None:
    return next((clause for clause in block.clauses if isinstance(clause, kind)), None)


def _text(source: Source, wheres: Sequence[Consider]) -> str | None:
    return " and ".join(source.words_at(where.condition.span) for where in wheres) or None


def _tolerance(within: Within) -> Tolerance:
    return Tolerance(within.value, within.unit)


def _execute(clause: ExecuteClause | None) -> Execute:
    if clause is None or clause.within is None:
        return ExecuteByTrader()
    return ExecuteAutomatic(_tolerance(clause.within), clause.quotes_min, clause.else_ask_trader)
