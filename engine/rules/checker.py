"""The book as a whole: does it make sense, and can every part of it ever matter?

Takes the parsed blocks of all files, in order, and gives checked rules, protections and tiers, or reports
everything that is wrong. After this pass only missing data can go wrong, and the language says what that means.

Work at run time is bounded here: conditions by `definitions` (nodes and levels), rules by number, and what is
judged for every dealer by `DEALER_NODES_MAX`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.rules.clauses import CheckedBlock, Clauses
from engine.rules.definitions import Definitions
from engine.rules.meaning import Meaning
from engine.rules.plan import Ranking
from engine.rules.reachability import Reachability, alternatives, text_overlap
from engine.rules.resolved import Condition, Fact, Layout
from engine.rules.signature import OF_RANKING, TIER, TOLD_TO_TIERS, Catalogue
from engine.rules.source import Diagnostic, Source, Span
from engine.rules.syntax import (
    AskClause,
    Between,
    Block,
    Comparison,
    Consider,
    Define,
    Expr,
    Has,
    Logic,
    Member,
    Not,
    RuleBlock,
    State,
    Tiers,
    TopRank,
    Truth,
    When,
)

RULES_MAX: Final = 500
TIERS_MAX: Final = 100
DEALER_NODES_MAX: Final = 200

_CONDITIONS: Final = (Between, Comparison, Has, Logic, Member, Not, State, TopRank, Truth)

_NOT_IN_TIERS: Final = {
    "tier": ("tiers are made here: no dealer has one yet", "compare its rank or a metric"),
}


@dataclass(frozen=True, slots=True)
class CheckedTiers:
    """One `tiers` block; a line's layout holds `TOLD_TO_TIERS`, then dealer fields."""

    source: Source
    span: Span
    condition: Condition
    ranking: Ranking
    lines: tuple[tuple[int, Condition], ...]
    dealer_layout: Layout


@dataclass(frozen=True, slots=True)
class CheckedBook:
    """A book without errors. Rules, protections and tiers each read the order into their own layout."""

    rules: tuple[CheckedBlock, ...]
    protections: tuple[CheckedBlock, ...]
    tiers: tuple[CheckedTiers, ...]
    rule_layout: Layout
    protection_layout: Layout
    tiers_layout: Layout


def check(
    sources: Sequence[Source], blocks: Sequence[Block], catalogue: Catalogue, diagnostics: list[Diagnostic]
) -> CheckedBook | None:
    """The book the blocks make up, or None if there is an error, here or from an earlier pass."""
    return _Checker(catalogue, diagnostics).book(sources, blocks)


class _Checker:
    def __init__(self, catalogue: Catalogue, diagnostics: list[Diagnostic]) -> None:
        self._catalogue = catalogue
        self._diagnostics = diagnostics

    def book(self, sources: Sequence[Source], blocks: Sequence[Block]) -> CheckedBook | None:
        defines = [block for block in blocks if isinstance(block, Define)]
        self._definitions = Definitions(defines, self._catalogue, self._diagnostics, frozenset(OF_RANKING))
        rule_layout, protection_layout, tiers_layout = Layout(), Layout(), Layout()
        rules, protections = self._meaning(rule_layout), self._meaning(protection_layout)
        self._unused(defines)
        clauses = Clauses(self._catalogue, self._definitions, self._diagnostics, rules, protections)
        tiers = self._all_tiers(blocks, clauses, self._meaning(tiers_layout))
        written = [block for block in blocks if isinstance(block, RuleBlock)]
        self._names(written)
        checked = [self._block(block, clauses) for block in written]
        found = [block for block in checked if block is not None]
        self._reachable([block for block in found if not block.protect])
        self._ends_in_default(sources, blocks)
        self._tiers_exist(written, blocks)
        if self._diagnostics:
            return None
        return CheckedBook(
            tuple(block for block in found if not block.protect),
            tuple(block for block in found if block.protect),
            tiers,
            rule_layout,
            protection_layout,
            tiers_layout,
        )

    def _meaning(self, layout: Layout) -> Meaning:
        return Meaning(self._catalogue, self._definitions, self._diagnostics, layout, dealers=False)

    def _unused(self, defines: Sequence[Define]) -> None:
        """Definitions are checked on their own too, so that an unused one cannot hide a mistake."""
        for define in defines:
            if self._definitions.get(define.name.text) is None:
                continue
            if not isinstance(define.body, _CONDITIONS):
                continue  # A value, such as an amount: it gets its kind where it is used.
            dealers = bool(self._definitions.speaks_of_dealers(define.body))
            intrinsic = OF_RANKING if dealers else None
            meaning = Meaning(
                self._catalogue,
                self._definitions,
                self._diagnostics,
                Layout(),
                dealers=dealers,
                intrinsic=intrinsic,
                window_days=1,
            )
            meaning.resolve(define.source, define.body)

    def _block(self, block: RuleBlock, clauses: Clauses) -> CheckedBlock | None:
        for clause in block.clauses:
            if isinstance(clause, Consider):
                self._affordable(block.source, clause.span, [clause.condition])
        return clauses.check(block)

    def _affordable(self, source: Source, span: Span, conditions: Sequence[Expr]) -> None:
        nodes = sum(self._definitions.size(condition)[0] for condition in conditions)
        if nodes > DEALER_NODES_MAX:
            message = f"{nodes} parts are judged for every dealer, at most {DEALER_NODES_MAX} are allowed"
            self._report(source, span, message)

    def _names(self, blocks: Sequence[RuleBlock]) -> None:
        seen: dict[tuple[bool, str], RuleBlock] = {}
        for block in blocks:
            if not block.name.text.strip():
                if not block.broken:
                    self._report(block.source, block.name.span, "the name is empty")
                continue
            first = seen.setdefault((block.protect, block.name.text), block)
            if first is not block:
                word = "protections" if block.protect else "rules"
                line = first.source.position(first.span.start)[0]
                message = f'two {word} are called "{block.name.text}", the first in {first.source.name}:{line}'
                self._report(block.source, block.name.span, message, "give each its own name")
        if len(blocks) > RULES_MAX:
            last = blocks[-1]
            message = f"the book has {len(blocks)} rules and protections, at most {RULES_MAX} are allowed"
            self._report(last.source, last.span, message)

    def _reachable(self, rules: Sequence[CheckedBlock]) -> None:
        reachability = Reachability()
        for rule in rules[:RULES_MAX]:
            if isinstance(rule.when, Fact) and rule.when.value:
                continue  # `_ends_in_default` says what must be said about these.
            problem = reachability.admit(rule.name, rule.when)
            if problem is not None:
                self._report(rule.source, rule.when_span, problem, "move it up, or take it out")

    def _ends_in_default(self, sources: Sequence[Source], blocks: Sequence[Block]) -> None:
        """A book must end in one `when true` rule; nothing may stand behind it."""
        last: RuleBlock | None = None
        for block in blocks:
            if last is not None:
                message = f'nothing may follow the rule "{last.name.text}", which takes every order'
                self._report(block.source, block.span, message, "move that rule to the end of the last file")
                return
            if isinstance(block, RuleBlock) and not block.protect and _takes_everything(block):
                last = block
        if last is not None or not sources or any(isinstance(block, RuleBlock) and block.broken for block in blocks):
            return
        source = sources[-1]
        end = len(source.text.rstrip())
        self._report(
            source,
            Span(max(end - 1, 0), end),
            "the book has no rule for everything else",
            'end it with: rule "everything else" when true ask top 3',
        )

    def _all_tiers(self, blocks: Sequence[Block], clauses: Clauses, orders: Meaning) -> tuple[CheckedTiers, ...]:
        written = [block for block in blocks if isinstance(block, Tiers)]
        if len(written) > TIERS_MAX:
            last = written[-1]
            self._report(last.source, last.span, f"the book has {len(written)} tiers, at most {TIERS_MAX} are allowed")
        found = [self._tiers(block, clauses, orders) for block in written[:TIERS_MAX]]
        checked = [tiers for tiers in found if tiers is not None]
        ways = [alternatives(tiers.condition) or [] for tiers in checked]
        for later in range(len(checked)):
            for earlier in range(later):
                word = text_overlap(ways[earlier], ways[later])
                if word is None and checked[earlier].condition == checked[later].condition:
                    word = "the same orders"
                if word is not None:
                    source, span = checked[later].source, checked[later].span
                    self._report(source, span, f"'{word}' already has tiers", "join the two, or part them")
                    break
        return tuple(checked)

    def _tiers(self, block: Tiers, clauses: Clauses, orders: Meaning) -> CheckedTiers | None:
        before = len(self._diagnostics)
        condition = None if block.condition is None else orders.resolve(block.source, block.condition)
        ranking = Ranking() if block.ranking is None else clauses.ranking(block.source, block.ranking)
        layout = Layout()
        for told in TOLD_TO_TIERS:
            layout.slot(told, None)
        dealers = Meaning(
            self._catalogue,
            self._definitions,
            self._diagnostics,
            layout,
            dealers=True,
            intrinsic=OF_RANKING,
            refused=_NOT_IN_TIERS,
            window_days=ranking.window_days,
        )
        if not block.lines and not block.broken:
            self._report(block.source, block.span, "these tiers have no lines", "such as: tier 1 when rank in top 20%")
        lines: list[tuple[int, Condition]] = []
        for place, line in enumerate(block.lines, start=1):
            if line.number != place and not block.broken:
                message = f"tiers are numbered 1, 2, 3 in order; here comes tier {place}"
                self._report(block.source, line.span, message)
            resolved = dealers.resolve(block.source, line.condition)
            if resolved is not None:
                lines.append((line.number, resolved))
        self._affordable(block.source, block.span, [line.condition for line in block.lines])
        if block.broken or condition is None or len(self._diagnostics) > before:
            return None
        return CheckedTiers(block.source, block.span, condition, ranking, tuple(lines), layout)

    def _tiers_exist(self, rules: Sequence[RuleBlock], blocks: Sequence[Block]) -> None:
        """A rule may name a tier only if some `tiers` of the book defines it, and ask for one only if there are any."""
        tiers = [block for block in blocks if isinstance(block, Tiers)]
        known = {line.number for block in tiers for line in block.lines}
        if any(block.broken for block in tiers):
            return
        for rule in rules:
            for clause in rule.clauses:
                where = clause.condition if isinstance(clause, Consider) and clause.trailing else None
                if where is not None and not tiers and self._definitions.mentions(where, (TIER.name,)):
                    self._report(rule.source, where.span, "the book defines no tiers", "add 'tiers for ...'")
                for share in clause.shares if isinstance(clause, AskClause) else ():
                    if share.tier not in known:
                        suggestion = f"define it: tier {share.tier} when ..." if tiers else "add 'tiers for ...'"
                        self._report(rule.source, share.span, f"no tiers define tier {share.tier}", suggestion)

    def _report(self, source: Source, span: Span, message: str, suggestion: str | None = None) -> None:
        self._diagnostics.append(Diagnostic(source, span, message, suggestion))


def _takes_everything(block: RuleBlock) -> bool:
    return any(
        isinstance(clause, When) and isinstance(clause.condition, Truth) and clause.condition.value
        for clause in block.clauses
    )
