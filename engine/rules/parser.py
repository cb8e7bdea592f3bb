"""Tokens to tree: blocks and clauses.

    book      = { define | tiers | rule | protect }
    define    = "define" NAME "as" condition
    tiers     = "tiers" "for" condition "by" ranking { "tier" COUNT "when" condition }
    rule      = "rule" TEXT { clause [ "," ] }
    protect   = "protect" TEXT { clause [ "," ] }

    clause    = "when" condition
              | "consider" "dealers" "where" condition | "where" condition
              | "rank" "by" ranking
              | "ask" ( "top" COUNT | "all" [ "dealers" ] | share { ( "and" | "," ) share }
                      | "everyone" "in" names | "two-way"
                      | "best" ( "panel" | "sequence" ) "of" "at" "most" COUNT [ "dealers" ] )
              | "never" "ask" names | "explore" "never"
              | "one" "at" "a" "time" | [ "in" ] "parallel" | "stagger" time
              | "wait" time | "at" "most" COUNT "dealers"
              | "accept" tolerance
              | "send" ( "after" "approval" | "automatically" )
              | "execute" ( "by" "trader" | "automatically" "when" tolerance
                            [ "and" "at" "least" COUNT "quotes" ] [ [ "," ] "else" "ask" "trader" ] )
              | "retry" COUNT | "cool" "down" time | "show" ( "limit" | quantity )
    share     = ( "all" | "top" COUNT ) "of" "tier" COUNT
    ranking   = ( NAME | weight { "+" weight } ) [ "over" time ]
    weight    = PERCENT NAME
    tolerance = "within" NUMBER ( "bp" ( "price" | "yield" ) | "cents" ) "of" "fair"
    names     = "{" name { "," name } "}"

    condition   = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | comparison
    comparison  = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum
                      | "is" [ "not" ] ( "known" | "unknown" | "NR" | sum )
                      | [ "not" ] "in" ( "{" sum { "," sum } "}" | "top" quantity )
                      | "has" sum | "between" sum "and" sum ]
    sum         = product { ( "+" | "-" ) product }
    product     = operand { ( "*" | "/" ) operand }
    operand     = "-" operand | "(" condition ")" | quantity [ "of" operand ] | TEXT | DATE | TIME
                | "true" | "false" | NAME [ "(" time ")" ] [ "flat" ]
    quantity    = [ CURRENCY ] NUMBER [ UNIT ] [ CURRENCY ]

After a mistake the parser goes on at the next clause that opens a line, or at the next block, so the errors
of a book come together. Keywords know no case; line ends mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from engine.rules.conditions import Conditions
from engine.rules.cursor import Unexpected
from engine.rules.plan import Mode, Send, ToleranceUnit
from engine.rules.scanner import Token, TokenKind
from engine.rules.source import Diagnostic, Source, Span, did_you_mean, nearest
from engine.rules.syntax import (
    Accept,
    AskClause,
    AtMost,
    Block,
    Clause,
    Consider,
    Define,
    ExecuteClause,
    ExploreNever,
    Expr,
    ModeClause,
    Name,
    Never,
    Planned,
    Quantity,
    RankBy,
    RuleBlock,
    SendClause,
    TierLine,
    Tiers,
    TierShare,
    Unit,
    Wait,
    When,
    Within,
)

BLOCKS_MAX: Final = 2_000
NAMES_MAX: Final = 200

BLOCK_WORDS: Final = ("define", "tiers", "rule", "protect")
CLAUSE_WORDS: Final = (
    "when",
    "consider",
    "where",
    "rank",
    "ask",
    "never",
    "explore",
    "one",
    "in",
    "parallel",
    "stagger",
    "wait",
    "at",
    "accept",
    "send",
    "execute",
    "retry",
    "cool",
    "show",
)


def parse(source: Source, tokens: tuple[Token, ...], diagnostics: list[Diagnostic]) -> tuple[Block, ...]:
    """The blocks of one source, as many as could be read; what is wrong goes to `diagnostics`."""
    return Parser(source, tokens, diagnostics).book()


class Parser(Conditions):
    """Recursive descent over one source."""

    __slots__ = ("_diagnostics", "_source")

    def __init__(self, source: Source, tokens: tuple[Token, ...], diagnostics: list[Diagnostic]) -> None:
        super().__init__(tokens)
        self._source = source
        self._diagnostics = diagnostics

    def book(self) -> tuple[Block, ...]:
        """book = { define | tiers | rule | protect }"""
        blocks: list[Block] = []
        while not self.at_end and len(blocks) < BLOCKS_MAX:
            start = self.position
            try:
                blocks.append(self._block())
            except Unexpected as error:
                self._report(error)
                self._resume(start, blocks_only=True)
        if not self.at_end:
            self._report(Unexpected(self.token.span, f"a file has at most {BLOCKS_MAX} blocks"))
        return tuple(blocks)

    def _block(self) -> Block:
        word = self._block_word()
        if word is None:
            word = self.token.word
            if word in CLAUSE_WORDS:
                raise Unexpected(self.token.span, f"'{word}' stands outside a rule", 'begin with: rule "name"')
            raise self.unexpected("'rule', 'protect', 'define' or 'tiers'", did_you_mean(word, BLOCK_WORDS))
        start = self.advance().span
        if word == "define":
            return self._define(start)
        if word == "tiers":
            return self._tiers(start)
        return self._rule(start, protect=word == "protect")

    def _block_word(self) -> str | None:
        """The block that begins here; a misspelt one counts if it opens a line and a name follows."""
        token = self.token
        if token.word in BLOCK_WORDS:
            return token.word
        if not (token.first and token.word) or token.word in CLAUSE_WORDS or self.ahead().kind is not TokenKind.TEXT:
            return None
        return nearest(token.word, ("rule", "protect"))

    def _check_block_word(self, token: Token, word: str) -> None:
        if token.word != word:
            self._report(Unexpected(token.span, f"unknown block '{token.text}'", f"did you mean '{word}'?"))

    def _define(self, start: Span) -> Define:
        """define = "define" NAME "as" condition"""
        token = self.token
        if token.kind is not TokenKind.WORD or "." in token.text:
            raise self.unexpected("a name for the definition", "such as: define block as notional >= 10mm")
        name = self.name("a name for the definition")
        self.expect_words("as")
        body = self.condition()
        self._end_of_condition(body)
        return Define(self._source, start.to(body.span), name, body)

    def _tiers(self, start: Span) -> Tiers:
        """tiers = "tiers" "for" condition "by" ranking { "tier" COUNT "when" condition }"""
        condition: Expr | None = None
        ranking: RankBy | None = None
        head, broken = start, False
        try:
            self.expect_words("for")
            condition = self.condition()
            by = self.token.span
            self.expect_words("by")
            ranking = self._ranking(by)
            head = start.to(ranking.span)
            if not self.at_end and self.token.word != "tier" and self._block_word() is None:
                raise self.unexpected("'tier' or the next block")
        except Unexpected as error:
            broken = True
            self._report(error)
            while not (self.at_end or self._block_word() or (self.token.first and self.token.word == "tier")):
                self.advance()
        lines: list[TierLine] = []
        while self.token.word == "tier":
            try:
                lines.append(self._tier_line())
            except Unexpected as error:
                broken = True
                self._report(error)
                while not (self.at_end or self._block_word() or (self.token.first and self.token.word == "tier")):
                    self.advance()
        return Tiers(self._source, head, condition, ranking, tuple(lines), broken)

    def _tier_line(self) -> TierLine:
        start = self.advance().span
        number = self.count("the tier")
        self.expect_words("when")
        condition = self.condition()
        if not self.at_end and self.token.word != "tier" and self._block_word() is None:
            raise self._after_condition()
        return TierLine(start.to(condition.span), number, condition)

    def _rule(self, start: Span, *, protect: bool) -> RuleBlock:
        """rule = "rule" TEXT { clause [ "," ] }"""
        word = "protect" if protect else "rule"
        self._check_block_word(self._tokens[self.position - 1], word)
        name, broken = self._block_name(word)
        span = start.to(self.previous_span())
        clauses: list[Clause] = []
        while not self.at_end and self._block_word() is None:
            if self.take_mark(","):
                continue
            begin = self.position
            try:
                clauses.append(self._clause())
            except Unexpected as error:
                broken = True
                self._report(error)
                self._resume(begin)
        return RuleBlock(self._source, span, name, protect, tuple(clauses), broken)

    def _block_name(self, word: str) -> tuple[Name, bool]:
        token = self.token
        if token.kind is TokenKind.TEXT and not token.first:
            try:
                return self.name(f"the {word}'s name"), False
            except Unexpected as error:
                self._report(error)
                return Name(self.advance().span, ""), True
        suggestion = f'such as: {word} "large high yield"'
        self._report(self.unexpected(f"the {word}'s name in quotes", suggestion))
        while not (self.at_end or self.token.first or self.token.word == "when"):
            self.advance()
        return Name(token.span, ""), True

    def _clause(self) -> Clause:
        """clause = one of the words below and what follows it"""
        token = self.token
        handler = _CLAUSES.get(token.word)
        if handler is None:
            if token.word:
                raise Unexpected(
                    token.span, f"unknown clause '{token.text}'", did_you_mean(token.word, CLAUSE_WORDS + BLOCK_WORDS)
                )
            raise self.unexpected("a clause such as 'when', 'ask' or 'wait'")
        self.restart_depth()
        self.advance()
        clause = handler(self, token.span)
        if not (self.at_end or self.is_mark(",") or self.token.first or self._starts_clause(self.token)):
            raise Unexpected(self.token.span, f"unexpected {self.token.shown} after {self._shown(clause.span)}")
        return clause

    def _when(self, start: Span) -> Clause:
        condition = self.condition()
        self._end_of_condition(condition)
        return When(start.to(condition.span), condition)

    def _consider(self, start: Span) -> Clause:
        """ "consider" "dealers" "where" condition"""
        self.expect_words("dealers", "where")
        condition = self.condition()
        self._end_of_condition(condition)
        return Consider(start.to(condition.span), condition)

    def _where(self, start: Span) -> Clause:
        """ "where" condition, behind an ask"""
        condition = self.condition()
        self._end_of_condition(condition)
        return Consider(start.to(condition.span), condition, trailing=True)

    def _rank(self, start: Span) -> Clause:
        self.expect_words("by")
        return self._ranking(start)

    def _ranking(self, start: Span) -> RankBy:
        """ranking = ( NAME | weight { "+" weight } ) [ "over" time ]"""
        scorer: Name | None = None
        weights: list[tuple[Quantity, Name]] = []
        if self.token.kind is TokenKind.NUMBER:
            weights.append(self._weight())
            while self.is_mark("+") or (self.is_words("and") and self.ahead().kind is TokenKind.NUMBER):
                self.advance()
                weights.append(self._weight())
                if len(weights) > NAMES_MAX:
                    raise Unexpected(weights[-1][1].span, f"more than {NAMES_MAX} weights")
        else:
            next_clause = self.token.first and self._starts_clause(self.token)
            if self.token.kind is not TokenKind.WORD or self.token.word == "over" or next_clause:
                raise self.unexpected("'classic' or weighted metrics", "such as 60% hit_rate + 40% price_improvement")
            scorer = self.name("a scorer")
            if self.is_mark("+"):
                raise Unexpected(scorer.span, f"'{scorer.text}' has no weight", f"write its share: 50% {scorer.text}")
        window = None
        if self.take_words("over"):
            self.take_words("the")
            self.take_words("past") or self.take_words("last")
            window = self.quantity("a window such as 90d")
        return RankBy(start.to(self.previous_span()), scorer, tuple(weights), window)

    def _weight(self) -> tuple[Quantity, Name]:
        """weight = PERCENT NAME"""
        weight = self.quantity("a weight such as 60%")
        if weight.unit is not Unit.PERCENT:
            share = weight.value * 100 if weight.value <= 1 else weight.value
            raise Unexpected(weight.span, "a weight is a percentage", f"write {share.normalize():f}%")
        if self.token.kind is not TokenKind.WORD:
            raise self.unexpected("a metric after its weight")
        return weight, self.name("a metric after its weight")

    def _ask(self, start: Span) -> Clause:
        if self.take_words("best"):
            return self._ask_best(start)
        if (self.is_words("two") and self.ahead().text == "-") or self.is_words("two", "way"):
            self.advance()
            self.take_mark("-")
            self.expect_words("way")
            return Planned(start.to(self.previous_span()), "ask two-way")
        if self.take_words("everyone"):
            self.expect_words("in")
            names = self._names()
            return AskClause(start.to(self.previous_span()), names=names)
        if self.is_words("all") and self.ahead().word != "of":
            self.advance()
            self.take_words("dealers")
            return AskClause(start.to(self.previous_span()), everything=True)
        return self._ask_shares(start)

    def _ask_best(self, start: Span) -> Clause:
        """ "best" ( "panel" | "sequence" ) "of" "at" "most" COUNT [ "dealers" ]"""
        what = self.expect_one_of("panel", "sequence")
        if self.token.kind is TokenKind.NUMBER:
            raise self.unexpected("'of at most'", f"write 'ask best {what} of at most {self.token.text}'")
        self.expect_words("of", "at", "most")
        count = self.count("how many dealers to ask at most")
        self.take_words("dealers") or self.take_words("dealer")
        span = start.to(self.previous_span())
        return AskClause(span, panel=count) if what == "panel" else AskClause(span, sequence=count)

    def _ask_shares(self, start: Span) -> Clause:
        """share = ( "all" | "top" COUNT ) "of" "tier" COUNT"""
        shares: list[TierShare] = []
        while True:
            begin = self.token.span
            if self.token.word not in ("top", "all"):
                known = did_you_mean(self.token.word, ("top", "all", "everyone", "best"))
                raise self.unexpected("'top', 'all', 'everyone in', 'best panel' or 'best sequence'", known)
            every = self.advance().word == "all"
            count = None if every else self.count("how many dealers to ask")
            if not every and not shares and self.token.word != "of":
                self.take_words("dealers")
                return AskClause(start.to(self.previous_span()), top=count)
            self.expect_words("of", "tier")
            tier = self.count("the tier")
            shares.append(TierShare(begin.to(self.previous_span()), count, tier))
            if len(shares) > NAMES_MAX:
                raise Unexpected(begin, f"more than {NAMES_MAX} tiers")
            joined = self.token.word == "and" or self.is_mark(",")
            if not (joined and self.ahead().word in ("all", "top")):
                return AskClause(start.to(self.previous_span()), shares=tuple(shares))
            self.advance()

    def _never(self, start: Span) -> Clause:
        self.expect_words("ask")
        names = self._names()
        return Never(start.to(self.previous_span()), names)

    def _explore(self, start: Span) -> Clause:
        if self.token.word != "never":
            how_much = "how much is explored is a setting, not a rule's matter"
            raise self.unexpected("'never'", how_much if self.token.kind is TokenKind.NUMBER else "write explore never")
        self.advance()
        return ExploreNever(start.to(self.previous_span()))

    def _names(self) -> tuple[Name, ...]:
        """names = "{" name { "," name } "}" """
        self.expect_mark("{")
        names = [self.name("a dealer's name")]
        while not self.is_mark("}"):
            if not self.take_mark(","):
                raise self.unexpected("',' or '}'")
            if self.is_mark("}"):
                break
            names.append(self.name("a dealer's name"))
            if len(names) > NAMES_MAX:
                raise Unexpected(names[-1].span, f"more than {NAMES_MAX} names")
        self.expect_mark("}")
        return tuple(names)

    def _one(self, start: Span) -> Clause:
        self.expect_words("at", "a", "time")
        return ModeClause(start.to(self.previous_span()), Mode.ONE_AT_A_TIME)

    def _in(self, start: Span) -> Clause:
        self.expect_words("parallel")
        return ModeClause(start.to(self.previous_span()), Mode.PARALLEL)

    def _parallel(self, start: Span) -> Clause:
        return ModeClause(start, Mode.PARALLEL)

    def _stagger(self, start: Span) -> Clause:
        self.take_words("by")
        seconds = self.seconds("the time between two requests")
        return ModeClause(start.to(self.previous_span()), Mode.STAGGER, seconds)

    def _wait(self, start: Span) -> Clause:
        seconds = self.seconds("the wait")
        return Wait(start.to(self.previous_span()), seconds)

    def _at_most(self, start: Span) -> Clause:
        self.expect_words("most")
        count = self.count("how many dealers")
        if not (self.take_words("dealers") or self.take_words("dealer")):
            raise self.unexpected("'dealers'")
        return AtMost(start.to(self.previous_span()), count)

    def _accept(self, start: Span) -> Clause:
        within = self._tolerance()
        return Accept(start.to(within.span), within)

    def _send(self, start: Span) -> Clause:
        if self.expect_one_of("after", "automatically") == "automatically":
            return SendClause(start.to(self.previous_span()), Send.AUTOMATIC)
        self.expect_words("approval")
        return SendClause(start.to(self.previous_span()), Send.APPROVAL)

    def _execute(self, start: Span) -> Clause:
        if self.expect_one_of("by", "automatically") == "by":
            self.expect_words("trader")
            return ExecuteClause(start.to(self.previous_span()))
        self.expect_words("when")
        within = self._tolerance()
        quotes_min = 1
        if self.take_words("and"):
            self.expect_words("at", "least")
            quotes_min = self.count("how many quotes")
            if not (self.take_words("quotes") or self.take_words("quote")):
                raise self.unexpected("'quotes'")
        ask_trader = self.is_words("else") or (self.is_mark(",") and self.ahead().word == "else")
        if ask_trader:
            self.take_mark(",")
            self.expect_words("else", "ask", "trader")
        return ExecuteClause(start.to(self.previous_span()), within, quotes_min, ask_trader)

    def _tolerance(self) -> Within:
        """tolerance = "within" NUMBER ( "bp" ( "price" | "yield" ) | "cents" ) "of" "fair" """
        self.expect_words("within")
        quantity = self.quantity("a distance such as 25bp price")
        number = f"{quantity.value.normalize():f}"
        if quantity.unit not in (Unit.BP, Unit.CENTS):
            raise Unexpected(
                quantity.span,
                "a tolerance names its unit",
                f"write {number}bp price, {number}bp yield or {number} cents",
            )
        unit = ToleranceUnit.CENTS
        if quantity.unit is Unit.BP:
            if self.token.word not in ("price", "yield"):
                raise Unexpected(
                    quantity.span,
                    f"'{number}bp' of fair does not say of what",
                    f"write {number}bp price or {number}bp yield",
                )
            unit = ToleranceUnit.BP_PRICE if self.advance().word == "price" else ToleranceUnit.BP_YIELD
        self.expect_words("of", "fair")
        return Within(quantity.span.to(self.previous_span()), quantity.value, unit)

    def _retry(self, start: Span) -> Clause:
        self.count("how often to try again")
        return Planned(start.to(self.previous_span()), "retry")

    def _cool_down(self, start: Span) -> Clause:
        self.expect_words("down")
        self.seconds("the cool down")
        return Planned(start.to(self.previous_span()), "cool down")

    def _show(self, start: Span) -> Clause:
        if self.take_words("limit"):
            return Planned(start.to(self.previous_span()), "show limit")
        self.quantity("'limit' or an amount such as 2mm")
        return Planned(start.to(self.previous_span()), "show an amount")

    def _end_of_condition(self, condition: Expr) -> None:
        token = self.token
        if self.at_end or self.is_mark(",") or self._starts_clause(token) or self._block_word() is not None:
            return
        if token.first and token.word and self.ahead().kind is not TokenKind.MARK:
            return  # A misspelt clause on the next line: the message for it comes there.
        raise self._after_condition()

    def _after_condition(self) -> Unexpected:
        suggestion = "join conditions with 'and' or 'or'" if self.token.kind is not TokenKind.MARK else None
        return Unexpected(self.token.span, f"unexpected {self.token.shown} after the condition", suggestion)

    def _starts_clause(self, token: Token) -> bool:
        return token.word in CLAUSE_WORDS or (token.first and token.word in BLOCK_WORDS)

    def _shown(self, span: Span) -> str:
        words = self._source.words_at(span)
        return f"'{words}'" if len(words) <= 40 else f"'{words[:37]}...'"

    def _report(self, error: Unexpected) -> None:
        self._diagnostics.append(Diagnostic(self._source, error.span, error.message, error.suggestion))

    def _resume(self, start: int, *, blocks_only: bool = False) -> None:
        """Skip to where reading can go on: a block, or a clause that opens a line or follows a comma."""
        self.restart_depth()
        if self.position == start:
            self.advance()
        while not self.at_end:
            if self.token.first and self._block_word() is not None:
                return
            if not blocks_only:
                if self.token.first and nearest(self.token.word, CLAUSE_WORDS) is not None:
                    return  # Even if misspelt: the message for that comes next.
                if self.is_mark(",") and self.ahead().word in CLAUSE_WORDS:
                    return
            self.advance()


_CLAUSES: Final[Mapping[str, Callable[[Parser, Span], Clause]]] = {
    "when": Parser._when,
    "consider": Parser._consider,
    "where": Parser._where,
    "rank": Parser._rank,
    "ask": Parser._ask,
    "never": Parser._never,
    "explore": Parser._explore,
    "one": Parser._one,
    "in": Parser._in,
    "parallel": Parser._parallel,
    "stagger": Parser._stagger,
    "wait": Parser._wait,
    "at": Parser._at_most,
    "accept": Parser._accept,
    "send": Parser._send,
    "execute": Parser._execute,
    "retry": Parser._retry,
    "cool": Parser._cool_down,
    "show": Parser._show,
}
