"""The rule language: what traders write, checked whole, compiled to closures, explained on demand.

Knows nothing of the rest of the engine: fields and metrics are handed in as a `Catalogue`.

    source        texts, places, messages that point
    scanner       text to tokens
    cursor        tokens one by one
    conditions    tokens to expressions
    parser        tokens to blocks; the grammar
    syntax        the tree as written
    definitions   what `define` names
    vocabulary    fields, literals, kinds and units
    meaning       what a condition means
    resolved      the tree as meant
    clauses       the clauses of one block
    checker       the book as a whole
    reachability  rules that can never decide
    closures      fields and conditions to functions; which rules are worth asking
    program       the compiled book, its decisions, and what they read kept for a journal
    plan          what a rule orders, protections laid over it
    explanation   why
    rating        the rating scale
    signature     the type of a catalogue
"""

from engine.rules.explanation import RuleTrace
from engine.rules.plan import (
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
    Plan,
    Ranking,
    Restriction,
    Send,
    Tolerance,
    ToleranceUnit,
    strictest,
)
from engine.rules.program import (
    Book,
    CompiledProtection,
    CompiledRule,
    Decision,
    TierDefinition,
    check_book,
    compile_book,
    explain,
)
from engine.rules.rating import NR, NotRated, Rating
from engine.rules.rating import parse as parse_rating
from engine.rules.signature import Catalogue, Field, Kind, fields_listing
from engine.rules.source import Diagnostic, RuleBookError, Source, Span, format_diagnostics

__all__ = [
    "NR",
    "Ask",
    "AskAll",
    "AskNamed",
    "AskPanel",
    "AskSequence",
    "AskTiers",
    "AskTop",
    "Book",
    "Catalogue",
    "CompiledProtection",
    "CompiledRule",
    "Decision",
    "Diagnostic",
    "Execute",
    "ExecuteAutomatic",
    "ExecuteByTrader",
    "Field",
    "Kind",
    "Mode",
    "NotRated",
    "Plan",
    "Ranking",
    "Rating",
    "Restriction",
    "RuleBookError",
    "RuleTrace",
    "Send",
    "Source",
    "Span",
    "TierDefinition",
    "Tolerance",
    "ToleranceUnit",
    "check_book",
    "compile_book",
    "explain",
    "fields_listing",
    "format_diagnostics",
    "parse_rating",
    "strictest",
]
