"""A checked book, compiled: which rule decides an order, which protections apply, and why.

`compile_book` runs all passes and raises `RuleBookError` with every mistake of the book. A `Book` is
immutable; the same book, subject and catalogue state always give the same decision. Deciding reads every
field the rules name once and then calls plain predicates; words are made only when somebody asks for them.

Unknown values: a rule counts unknown as false, a protection counts it as true. What a decision read is kept as plain
scalars, so that a journal can have it told again.

Cost: some 20 fields x 0.1 us, then about 0.1 us a rule that fails on its first part.
"""

from __future__ import annotations

import datetime
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import takewhile
from typing import Any, Final

from engine.rules.checker import CheckedBook, CheckedTiers, check
from engine.rules.clauses import CheckedBlock
from engine.rules.closures import Dispatch, Predicate, certainly, certainly_not, readers
from engine.rules.explanation import Reasoning, RuleTrace
from engine.rules.parser import parse
from engine.rules.plan import MODEL, Ask, AskTiers, Execute, Mode, Ranking, Send, Tolerance
from engine.rules.rating import NR, NotRated, Rating
from engine.rules.rating import parse as parse_rating
from engine.rules.resolved import Condition, Layout, Slot
from engine.rules.scanner import scan
from engine.rules.signature import TIER, TOLD_TO_TIERS, TOLD_TO_WHERE, Catalogue, Kind
from engine.rules.source import Diagnostic, RuleBookError, Source, Span
from engine.rules.syntax import Block

SOURCES_MAX: Final = 100

_Reader = Callable[[Any], Any]

WhyNever = Callable[[str, int | None], tuple[str, str] | None]
"""Why a field, over a window, can only be unknown where a book is to run, and what to do; None if it can be known."""

Kept = str | int | float | bool | None
"""A value that a decision read, as it is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """What one rule orders; the fields are the rule's clauses, defaults filled in.

    `everyone` are asked whatever their rank, on top of `ask` or, with `AskNamed`, alone. `explore` is False where no
    dealer may be drawn in or out. `wait_s` None: as configured. `stagger_s` is set with mode `stagger` only. `place` is
    file and line: `30-credit.rules:9`.
    """

    name: str
    source: Source
    span: Span
    place: str
    condition_text: str
    consider_text: str | None
    where_text: str | None
    ranking: Ranking
    ask: Ask
    everyone: frozenset[str]
    never: frozenset[str]
    explore: bool
    mode: Mode
    stagger_s: float | None
    wait_s: float | None
    at_most: int | None
    accept: Tolerance | None
    send: Send
    execute: Execute
    condition: Condition = field(repr=False)
    reasoning: Reasoning = field(repr=False)
    _filter: _DealerFilter | None = field(repr=False)
    _where: _DealerFilter | None = field(repr=False)

    @property
    def title(self) -> str:
        """`rule "large high yield"`."""
        return f'rule "{self.name}"'

    @property
    def rank(self) -> Ranking:
        """The ranking, by the name of its clause."""
        return self.ranking

    def consider(self, dealer: Any) -> bool | None:
        """Whether a dealer is a candidate: True without a condition, None where a value is unknown."""
        return True if self._filter is None else self._filter.judge(dealer)

    def excluded_by(self, dealer: Any) -> tuple[Kept, ...] | None:
        """What the condition about dealers read of one that is no candidate; None for one that is."""
        return None if self._filter is None else self._filter.excluded_by(dealer)

    @property
    def considered_by(self) -> tuple[str, ...]:
        """The names of what `excluded_by` gives."""
        return () if self._filter is None else self._filter.names

    def not_where(self, dealer: Any, told: Sequence[Kept]) -> tuple[Kept, ...] | None:
        """What the `where` behind the ask read of a ranked dealer that it leaves out; None for one that may be asked.

        `told` is the dealer's rank, how many are ranked, its score and its tier.
        """
        return None if self._where is None else self._where.excluded_by(dealer, told)

    @property
    def where_names(self) -> tuple[str, ...]:
        """The names of what `not_where` gives."""
        return () if self._where is None else self._where.names

    @property
    def reads_tiers(self) -> bool:
        """Whether it speaks of tiers: in its ask, or in the `where` behind it."""
        return isinstance(self.ask, AskTiers) or (self._where is not None and self._where.reads(TIER.name))

    def why(self, dealer: Any) -> RuleTrace | None:
        """Why a dealer is or is not a candidate, None if every dealer is."""
        return None if self._filter is None else self._filter.trace(dealer)

    def why_of(self, read: Mapping[str, Kept]) -> RuleTrace | None:
        """The same from what `excluded_by` gave, by name."""
        for each in (self._filter, self._where):
            if each is not None and tuple(read) == each.names:
                return each.trace_of(read)
        return None


@dataclass(frozen=True, slots=True, eq=False)
class CompiledProtection:
    """What one protection forbids. `place` is file and line: `10-protection.rules:9`."""

    name: str
    source: Source
    span: Span
    place: str
    condition_text: str
    mode: Mode
    stagger_s: float | None
    at_most: int | None
    never: frozenset[str]
    condition: Condition = field(repr=False)
    reasoning: Reasoning = field(repr=False)

    @property
    def title(self) -> str:
        """`protect "large against volume"`."""
        return f'protect "{self.name}"'

    @property
    def one_at_a_time(self) -> bool:
        return self.mode is Mode.ONE_AT_A_TIME


class Decision:
    """The rule that decides, the protections that apply, and what they were decided from.

    `held` names protections that apply because they did before for this exposure. Made for every order,
    so it is a plain class, which takes a third of the time of a frozen dataclass; treat it as frozen.
    """

    __slots__ = ("book", "held", "protection_values", "protections", "rule", "values")

    def __init__(
        self,
        book: Book,
        rule: CompiledRule,
        protections: tuple[CompiledProtection, ...],
        values: tuple[Any, ...],
        protection_values: tuple[Any, ...],
        held: tuple[str, ...] = (),
    ) -> None:
        self.book = book
        self.rule = rule
        self.protections = protections
        self.values = values
        self.protection_values = protection_values
        self.held = held

    @property
    def trace(self) -> tuple[RuleTrace, ...]:
        """Each rule down to the one that decided, then every protection."""
        return (*self.rule_trace, *(self._protection_trace(entry) for entry in self.book.protections))

    @property
    def rule_trace(self) -> tuple[RuleTrace, ...]:
        """Each rule down to the one that decided."""
        upto = self.book.rules.index(self.rule) + 1
        return tuple(rule.reasoning.trace(self.values) for rule in self.book.rules[:upto])

    def reason_of(self, protection: CompiledProtection) -> str:
        """Why a protection applies, or does not."""
        return self._protection_trace(protection).reason_text

    def read(self) -> dict[str, Kept]:
        """Every value the rules read of the order, by the name a rule gives it; for the journal."""
        return dict(zip(self.book.names, kept(self.values), strict=True))

    def exposure(self) -> dict[str, Kept]:
        """Every value the protections read of the whole exposure; for the journal."""
        return dict(zip(self.book.protection_names, kept(self.protection_values), strict=True))

    def _protection_trace(self, protection: CompiledProtection) -> RuleTrace:
        trace = protection.reasoning.trace(self.protection_values)
        if protection.name in self.held:
            reason = f"stays on for this exposure; now {trace.reason_text}"
            return RuleTrace(trace.name, trace.span, trace.matched, reason, trace.values)
        return trace


@dataclass(frozen=True, slots=True, eq=False)
class TierDefinition:
    """One `tiers` block: who is in which tier, given a ranking by `ranking`."""

    source: Source
    span: Span
    ranking: Ranking
    lines: tuple[tuple[int, Predicate], ...] = field(repr=False)
    _readers: tuple[_Reader, ...] = field(repr=False)

    @property
    def place(self) -> str:
        return _place(self.source, self.span)

    @property
    def text(self) -> tuple[str, ...]:
        """The lines of the block, as they were written: its head, and those that begin with `tier`."""
        head, *rest = [line.strip() for line in self.source.text[self.span.start :].splitlines() if line.strip()]
        return head, *takewhile(lambda line: line.startswith("tier "), rest)

    def assign(
        self, dealers: Sequence[Any], rank_of: Sequence[int | None], score_of: Sequence[float | None]
    ) -> tuple[int | None, ...]:
        """The tier of each dealer, None for one that is in no tier.

        `rank_of` holds each dealer's place in the ranking, 1 for the best, None for one that is not ranked; `score_of`
        what it scores. The first line that is true decides; unknown counts as false.
        """
        ranked = sum(rank is not None for rank in rank_of)
        ranking = zip(dealers, rank_of, score_of, strict=True)
        return tuple(self._tier(dealer, (rank, ranked, score)) for dealer, rank, score in ranking)

    def _tier(self, dealer: Any, told: tuple[Kept, ...]) -> int | None:
        values = [*told, *[read(dealer) for read in self._readers]]
        return next((number for number, holds in self.lines if holds(values)), None)


class _DealerFilter:
    """A condition about dealers, with what it reads of one. The first `told` values it is told, and does not read."""

    __slots__ = ("_false", "_readers", "_reasoning", "_slots", "_true", "_used", "names")

    def __init__(self, name: str, span: Span, condition: Condition, layout: Layout, told: int = 0) -> None:
        self._reasoning = Reasoning(name, span, condition, layout.slots)
        self._readers = readers(layout)[told:]
        self._used = frozenset(layout.slots[slot].field.name for slot, _, _ in layout.uses)
        self._slots = tuple(layout.slots)
        self.names = tuple(slot.shown for slot in layout.slots)
        self._true, self._false = certainly(condition), certainly_not(condition)

    def judge(self, dealer: Any) -> bool | None:
        values = [read(dealer) for read in self._readers]
        return True if self._true(values) else False if self._false(values) else None

    def excluded_by(self, dealer: Any, told: Sequence[Kept] = ()) -> tuple[Kept, ...] | None:
        values = [*told, *[read(dealer) for read in self._readers]]
        return None if self._true(values) else kept(values)

    def reads(self, field: str) -> bool:
        return field in self._used

    def trace(self, dealer: Any) -> RuleTrace:
        return self._reasoning.trace([read(dealer) for read in self._readers])

    def trace_of(self, read: Mapping[str, Kept]) -> RuleTrace:
        return self._reasoning.trace(read_back(self._slots, read))


class Book:
    """A compiled rule book; `compile_book` makes it."""

    __slots__ = (
        "_dispatch",
        "_field_windows",
        "_protection_readers",
        "_protection_tests",
        "_rule_readers",
        "_tier_readers",
        "_tier_tests",
        "_uses",
        "_windows",
        "hash",
        "names",
        "protection_names",
        "protection_slots",
        "protections",
        "rules",
        "slots",
        "texts",
        "tiers",
    )

    def __init__(self, sources: tuple[Source, ...], checked: CheckedBook) -> None:
        self.texts: tuple[Source, ...] = sources
        self.hash: str = book_hash(sources)
        self.rules: tuple[CompiledRule, ...] = tuple(_rule(block, checked.rule_layout.slots) for block in checked.rules)
        self.protections: tuple[CompiledProtection, ...] = tuple(
            _protection(block, checked.protection_layout.slots) for block in checked.protections
        )
        self.tiers: tuple[TierDefinition, ...] = tuple(_tiers(tiers) for tiers in checked.tiers)
        self.slots: tuple[Slot, ...] = tuple(checked.rule_layout.slots)
        self.protection_slots: tuple[Slot, ...] = tuple(checked.protection_layout.slots)
        self.names: tuple[str, ...] = tuple(slot.shown for slot in self.slots)
        self.protection_names: tuple[str, ...] = tuple(slot.shown for slot in self.protection_slots)
        self._rule_readers = readers(checked.rule_layout)
        self._protection_readers = readers(checked.protection_layout)
        self._tier_readers = readers(checked.tiers_layout)
        self._dispatch = Dispatch([(rule.condition, rule) for rule in self.rules])
        self._protection_tests = tuple((certainly_not(entry.condition), entry) for entry in self.protections)
        self._tier_tests = tuple(
            (certainly(block.condition), tiers) for block, tiers in zip(checked.tiers, self.tiers, strict=True)
        )
        self._windows = _dealer_windows(checked)
        self._field_windows = _field_windows(checked)
        self._uses = tuple(_uses(checked))

    def windows(self) -> tuple[int, ...]:
        """The windows of dealer statistics the book names, in calendar days, ascending."""
        return self._windows

    def field_windows(self) -> tuple[tuple[str, int], ...]:
        """The fields of the order that the book reads over a window, such as ("adv", 30)."""
        return self._field_windows

    def never_known(self, why: WhyNever) -> tuple[Diagnostic, ...]:
        """Every place where the book reads what can only be unknown, in the order of the text: no mistakes."""
        found: list[Diagnostic] = []
        for slot, source, span, is_protection in self._uses:
            because = why(slot.field.name, slot.window_days)
            if because is not None:
                counts = "true in a protection" if is_protection else "false in a rule"
                message = f"'{slot.shown}' is never known here, which counts as {counts}: {because[0]}"
                found.append(Diagnostic(source, span, message, because[1]))
        return _in_order(self.texts, found)

    def decide(self, order: Any, exposure: Any = None, held: AbstractSet[str] = frozenset()) -> Decision:
        """The rule and the protections for an order.

        Protections look at `exposure` (the original size and the same-bond, same-side orders of the day),
        or at the order itself if it is None. `held` names protections that stay on from earlier.
        """
        values = tuple([read(order) for read in self._rule_readers])
        rule = self._dispatch.first(values)
        assert rule is not None  # The last one is `when true`.
        subject = order if exposure is None else exposure
        protected = tuple([read(subject) for read in self._protection_readers])
        fired: list[CompiledProtection] = []
        kept: list[str] = []
        for is_false, protection in self._protection_tests:
            if not is_false(protected):
                fired.append(protection)
            elif protection.name in held:
                fired.append(protection)
                kept.append(protection.name)
        return Decision(self, rule, tuple(fired), values, protected, tuple(kept))

    def rule_named(self, name: str) -> CompiledRule | None:
        """The rule of that name."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def retold(
        self,
        rule: str,
        protections: Sequence[str],
        held: Sequence[str],
        read: Mapping[str, Kept],
        exposure: Mapping[str, Kept],
    ) -> Decision | None:
        """A decision that this book made, from what was kept of it; None if it has no such rule."""
        decided = self.rule_named(rule)
        if decided is None:
            return None
        fired = tuple(entry for entry in self.protections if entry.name in protections)
        values, protected = read_back(self.slots, read), read_back(self.protection_slots, exposure)
        return Decision(self, decided, fired, values, protected, tuple(held))

    def tier_of(self, order: Any) -> TierDefinition | None:
        """The tiers that are defined for an order, None if none are."""
        values = [read(order) for read in self._tier_readers]
        return next((tiers for applies, tiers in self._tier_tests if applies(values)), None)


def compile_book(sources: Sequence[Source], catalogue: Catalogue) -> Book:
    """All files of a rule book, in the order given, as one book.

    Raises RuleBookError with every mistake in them, in the order of the text.
    """
    texts = tuple(sources)
    diagnostics: list[Diagnostic] = []
    checked = _checked(texts, catalogue, diagnostics)
    if checked is None:
        raise RuleBookError(_in_order(texts, diagnostics))
    return Book(texts, checked)


def check_book(sources: Sequence[Source], catalogue: Catalogue) -> tuple[Diagnostic, ...]:
    """Every mistake of a rule book, none if it can be compiled."""
    texts = tuple(sources)
    diagnostics: list[Diagnostic] = []
    _checked(texts, catalogue, diagnostics)
    return _in_order(texts, diagnostics)


def book_hash(sources: Sequence[Source]) -> str:
    """SHA-256 over names and texts of all files, in order; lengths keep the parts apart."""
    digest = hashlib.sha256()
    for source in sources:
        for part in (source.name, source.text):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
    return digest.hexdigest()


def explain(decision: Decision) -> tuple[str, ...]:
    """The decision for a person: each rule with its reason, then the protections. Fifty rules: some 50 us."""
    lines: list[str] = []
    values, said = decision.values, dict[int, str]()
    for rule in decision.book.rules:
        decides = rule is decision.rule
        verdict = "decides" if decides else "does not apply"
        lines.append(f"{rule.place}: {rule.title} {verdict}: {rule.reasoning.text(values, said)}")
        if decides:
            break
    for protection in decision.book.protections:
        verdict = "applies" if protection in decision.protections else "does not apply"
        lines.append(f"{protection.place}: {protection.title} {verdict}: {decision.reason_of(protection)}")
    return tuple(lines)


def _checked(sources: tuple[Source, ...], catalogue: Catalogue, diagnostics: list[Diagnostic]) -> CheckedBook | None:
    if not sources or len(sources) > SOURCES_MAX:
        source = sources[-1] if sources else Source("rules", "")
        message = f"a rule book has from 1 to {SOURCES_MAX} files, found {len(sources)}"
        diagnostics.append(Diagnostic(source, Span(0, 0), message))
        return None
    blocks: list[Block] = []
    for source in sources:
        blocks.extend(parse(source, scan(source, diagnostics), diagnostics))
    return check(sources, blocks, catalogue, diagnostics)


def _in_order(sources: Sequence[Source], diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By place; what was found twice, as in a definition used twice, is said once."""
    order = {id(source): index for index, source in enumerate(sources)}
    unique: dict[tuple[int, Span, str], Diagnostic] = {}
    for diagnostic in diagnostics:
        key = (order.get(id(diagnostic.source), len(order)), diagnostic.span, diagnostic.message)
        unique.setdefault(key, diagnostic)
    return tuple(unique[key] for key in sorted(unique))


def _rule(block: CheckedBlock, slots: Sequence[Slot]) -> CompiledRule:
    judged = None
    if block.consider is not None:
        judged = _DealerFilter(block.name, block.span, block.consider, block.dealer_layout)
    where = None
    if block.where is not None:
        where = _DealerFilter(block.name, block.span, block.where, block.where_layout, len(TOLD_TO_WHERE))
    return CompiledRule(
        name=block.name,
        source=block.source,
        span=block.span,
        place=_place(block.source, block.span),
        condition_text=block.source.words_at(block.when_span),
        consider_text=block.consider_text,
        where_text=block.where_text,
        ranking=block.ranking,
        ask=block.ask,
        everyone=frozenset(block.everyone),
        never=frozenset(block.never),
        explore=block.explore,
        mode=block.mode,
        stagger_s=block.stagger_s,
        wait_s=block.wait_s,
        at_most=block.at_most,
        accept=block.accept,
        send=block.send,
        execute=block.execute,
        condition=block.when,
        reasoning=Reasoning(block.name, block.span, block.when, slots),
        _filter=judged,
        _where=where,
    )


def _protection(block: CheckedBlock, slots: Sequence[Slot]) -> CompiledProtection:
    return CompiledProtection(
        name=block.name,
        source=block.source,
        span=block.span,
        place=_place(block.source, block.span),
        condition_text=block.source.words_at(block.when_span),
        mode=block.mode,
        stagger_s=block.stagger_s,
        at_most=block.at_most,
        never=frozenset(block.never),
        condition=block.when,
        reasoning=Reasoning(block.name, block.span, block.when, slots, protect=True),
    )


def _tiers(tiers: CheckedTiers) -> TierDefinition:
    lines = tuple((number, certainly(condition)) for number, condition in tiers.lines)
    # The first slots are what `assign` tells.
    reads = readers(tiers.dealer_layout)[len(TOLD_TO_TIERS) :]
    return TierDefinition(tiers.source, tiers.span, tiers.ranking, lines, reads)


def _place(source: Source, span: Span) -> str:
    return f"{source.name}:{source.position(span.start)[0]}"


def _dealer_windows(checked: CheckedBook) -> tuple[int, ...]:
    rankings = (*(rule.ranking for rule in checked.rules), *(tiers.ranking for tiers in checked.tiers))
    named = {ranking.window_days for ranking in rankings if ranking.scorer != MODEL}
    for layout in _dealer_layouts(checked):
        named.update(slot.window_days for slot in layout.slots if slot.window_days is not None)
    return tuple(sorted(named))


def _dealer_layouts(checked: CheckedBook) -> Iterator[Layout]:
    for rule in checked.rules:
        yield from (rule.dealer_layout, rule.where_layout)
    for tiers in checked.tiers:
        yield tiers.dealer_layout


def _uses(checked: CheckedBook) -> Iterator[tuple[Slot, Source, Span, bool]]:
    """Every place that reads a field, and whether a protection does."""
    for layout in (checked.rule_layout, checked.protection_layout, checked.tiers_layout, *_dealer_layouts(checked)):
        for slot, source, span in layout.uses:
            yield layout.slots[slot], source, span, layout is checked.protection_layout


def _field_windows(checked: CheckedBook) -> tuple[tuple[str, int], ...]:
    named = {
        (slot.field.name, slot.window_days)
        for layout in (checked.rule_layout, checked.protection_layout, checked.tiers_layout)
        for slot in layout.slots
        if slot.window_days is not None
    }
    return tuple(sorted(named))


# --- what a decision read, kept -------------------------------------------------------------------
#
# What a rule read is kept, as plain scalars, rather than what is said of it: a `Book` of the same text makes the same
# words of it again. A whole number stays one, a Decimal becomes its text, an endless number the word `inf`; a set its
# words, one a line.

_WORD_PER_LINE: Final = "\n"


def kept(values: Iterable[Any]) -> tuple[Kept, ...]:
    """Values as they are kept: some 0.1 us each."""
    return tuple([value if type(value) in _AS_THEY_ARE else _kept(value) for value in values])


def read_back(slots: Sequence[Slot], found: Mapping[str, Kept]) -> tuple[Any, ...]:
    """The values of a layout from what was kept by name; what was not kept is unknown."""
    return tuple(_value_of(found.get(slot.shown), slot.field.kind) for slot in slots)


def _value_of(found: Kept, kind: Kind) -> Any:
    """One value from what was kept of it."""
    if not isinstance(found, str) or kind is Kind.TEXT:
        return found
    match kind:
        case Kind.RATING:
            return parse_rating(found)
        case Kind.DATE:
            return datetime.date.fromisoformat(found)
        case Kind.SET_OF_TEXT:
            return tuple(found.split(_WORD_PER_LINE)) if found else ()
    return float(found) if found in ("inf", "-inf") else Decimal(found)


def _kept(value: Any) -> Kept:
    keep = _KEEPERS.get(type(value))
    if keep is not None:
        return keep(value)
    return _WORD_PER_LINE.join(sorted(value)) if isinstance(value, frozenset | set | tuple) else str(value)


def _kept_float(value: float) -> Kept:
    return value if math.isfinite(value) else str(value)


_AS_THEY_ARE: Final = frozenset({str, int, bool, type(None)})
_RATING_TEXTS: Final = {rating: rating.text for rating in Rating}
_KEEPERS: Final[Mapping[type, Callable[[Any], Kept]]] = {
    float: _kept_float,
    Decimal: str,
    Rating: _RATING_TEXTS.__getitem__,
    NotRated: lambda value: NR.value,
    datetime.date: datetime.date.isoformat,
}
