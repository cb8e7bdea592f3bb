"""Whom to ask for one order: facts in, the rule's decision and the choice of `selection` out, nothing of it in words.

Budget: 50 dealers x (0.1 us to see whether it may be asked + 0.1 us of its numbers) + one rule decision of some 10 us.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from engine.dealers.axes import with_axe
from engine.dealers.estimates import Asking
from engine.dealers.failing import NotTrading
from engine.dealers.outlook import Outlook
from engine.dealers.segments import Segment, segment_of, segment_of_key
from engine.desk.draft import Draft
from engine.desk.fields import DealerSubject, OrderSubject
from engine.desk.gate import credit
from engine.desk.gate.risk import exposure_of
from engine.desk.gate.size import rate_or_none, size_of
from engine.desk.setting import Desk
from engine.desk.state_rows import Exposure
from engine.domain.exchange import converted
from engine.domain.order import ZERO, Order
from engine.domain.recommendation import Recommendation, Scalar, Selection
from engine.domain.rfq import AskPlan, ExecutePlan
from engine.domain.rows import changed
from engine.market.calendars import utc_date
from engine.market.rates import NoRate
from engine.market.tca import quote_edge_bps
from engine.rules.plan import AskSequence, Execute, ExecuteByTrader, Mode, Plan, Ranking, Send, strictest
from engine.rules.program import CompiledRule, Decision, TierDefinition
from engine.selection import wording
from engine.selection.candidates import Candidates, Situation, candidates
from engine.selection.choose import Tiered, choose, in_tiers
from engine.selection.request import Records, Request
from engine.selection.sizing import Sizing, sizing
from engine.selection.wanted import Listed, RulePlan, TierPlan, Where, asks_the_model

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Supposing:
    """What is supposed of an order that is only looked at: another scorer than the rule's, everybody connected."""

    scorer: str = ""
    assume_connected: bool = False


def recommend(
    draft: Draft,
    order: Order,
    *,
    draws: bool = False,
    supposing: Supposing | None = None,
    as_if_up: frozenset[str] = frozenset(),
) -> Recommendation:
    """The rule book's answer for this order now, or `as_if_up` sessions were up; reads the draft, changes nothing.

    What was drawn for a round stands: only with `draws`, and only where nothing was yet, is something drawn. So whoever
    is shown a recommendation again sees the same list. With `supposing` it is only looked at, with all numbers.
    """
    desk = draft.desk
    asked = _question(draft, order, supposing)
    decision, rule, limits = asked.decision, asked.decision.rule, asked.wanted.limits
    among = _candidates(draft, order, rule, asked.wait_s, everybody_up=asked.everybody_up, as_if_up=as_if_up)
    quantity = asked.exposure.quantity
    choice = _choose(draft, order, asked.wanted, among, quantity, draws=draws, numbers=supposing is not None)
    return Recommendation(
        book_hash=desk.book.hash,
        scoring_hash=desk.scoring_hash,
        rule=rule.name,
        sends_itself=rule.send is Send.AUTOMATIC,
        plan=_ask_plan(desk, rule, limits, choice) if choice.asked else None,
        protections=tuple(each.name for each in decision.protections),
        held=decision.held,
        read=decision.read(),
        exposure=decision.exposure(),
        selection=choice,
        told_by=wording.VERSION,
        axes=draft.state.axes_for(order.terms.security_id, order.terms.side, draft.now_ns),
        rate=rate_or_none(draft, order.terms.currency),
    )


def sizing_of(draft: Draft, order: Order, advice: Recommendation, supposing: Supposing) -> Sizing:
    """Whether the order is better asked for in parts, or without its direction: by the rule that decides on the whole.

    Costs four choices more.
    """
    whole = advice.selection
    if whole is None:
        return Sizing()
    desk, terms = draft.desk, order.terms
    asked = _question(draft, order, supposing)
    security, today = desk.securities[terms.security_id], utc_date(draft.now_ns)

    def of_part(quantity: Decimal, left: Decimal) -> Selection:
        segment = segment_of(security, converted(quantity, order.facts.worth), terms.side.value, today).key
        part = changed(
            order,
            terms=changed(terms, quantity=order.filled + quantity),
            facts=changed(order.facts, segment=segment),
        )
        among = _candidates(draft, part, asked.decision.rule, asked.wait_s, everybody_up=asked.everybody_up)
        return _choose(draft, part, asked.wanted, among, asked.exposure.quantity, numbers=True, left=left)

    return sizing(whole, order.leaves, of_part, desk.parameters)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is to be chosen for an order: what the rules say, under which limits."""

    decision: Decision
    wanted: RulePlan
    exposure: Exposure
    wait_s: float
    everybody_up: bool


def _question(draft: Draft, order: Order, supposing: Supposing | None) -> _Question:
    exposure = exposure_of(draft, order)
    decision = decide(draft, order, exposure)
    rule = decision.rule
    limits = strictest(rule, decision.protections)
    wait_s = _wait_s(draft.desk, limits)
    scorer = supposing.scorer if supposing is not None else ""
    wanted = RulePlan(
        Ranking(scorer, (), rule.ranking.window_days) if scorer else rule.ranking,
        rule.ask,
        rule.everyone,
        limits,
        exposure.dealers,
        _tiers(draft, order, rule, wait_s),
        explores=rule.explore,
        protected=bool(decision.protections),
        where=_where(draft, order, rule, wait_s),
    )
    return _Question(decision, wanted, exposure, wait_s, supposing is not None and supposing.assume_connected)


def decide(draft: Draft, order: Order, exposure: Exposure) -> Decision:
    """The rule and protections for the order, by its own size and by the day's exposure."""
    security = draft.desk.securities[order.terms.security_id]
    mark = draft.mark_of(order.terms.security_id)

    def subject(quantity: Decimal) -> OrderSubject:
        return OrderSubject(draft.desk, order.terms, security, quantity, draft.now_ns, mark, draft.worth_of)

    whole = max(exposure.quantity, order.terms.quantity)
    return draft.desk.book.decide(subject(order.terms.quantity), subject(whole), frozenset(exposure.protections))


def override_plan(draft: Draft, order: Order, dealers: Sequence[str]) -> tuple[AskPlan, tuple[str, ...]]:
    """A trader's own list under every protection: the plan, and what of the list would go past one."""
    exposure = exposure_of(draft, order)
    decision = decide(draft, order, exposure)
    limits = strictest(decision.rule, decision.protections)
    protection = strictest(_Unlimited(decision.rule), decision.protections)
    wanted = RulePlan(decision.rule.ranking, Listed(tuple(dealers)), frozenset(), protection, exposure.dealers)
    choice = _choose(draft, order, wanted, Candidates(tuple(dealers), ()), exposure.quantity)
    return _ask_plan(draft.desk, decision.rule, limits, choice), wording.left_out_words(choice)


class _Unlimited:
    """A rule without its own limit on how many: an override may ask others and more, only protections hold."""

    def __init__(self, rule: CompiledRule) -> None:
        self.title, self.mode, self.stagger_s, self.wait_s = rule.title, rule.mode, rule.stagger_s, rule.wait_s
        self.at_most: int | None = None
        self.never: frozenset[str] = frozenset()


# --- facts in ------------------------------------------------------------------------------------


def _choose(
    draft: Draft,
    order: Order,
    wanted: RulePlan,
    among: Candidates,
    exposure: Decimal,
    *,
    draws: bool = False,
    numbers: bool = False,
    left: Decimal = ZERO,
) -> Selection:
    """`left` is what of the same parent is left after this, beside other orders."""
    desk, terms = draft.desk, order.terms
    mark, limit = draft.mark_of(terms.security_id), terms.limit_price
    request = Request(
        segment_of_key(order.facts.segment),
        order.facts.asset_class,
        draft.now_ns,
        quantity=order.leaves,
        wait_s=_wait_s(desk, wanted.limits),
        limit_edge_bps=None if limit is None or mark is None else quote_edge_bps(terms.side.sign, limit, mark.price),
        mark=mark,
        exposure=exposure,
        # Nobody but the model asks for it: a bond may have many orders open.
        residual=_left_after(draft, order) + left if numbers or asks_the_model(wanted) else None,
        round=order.rounds + 1,
        draw=_drawn(draft, order),
        numbers=numbers,
        worth=order.facts.worth,
    )
    # Of each order its own: a turn may decide on several.
    entropy = draft.entropy + order.order_id.encode() if draws else b""
    return choose(request, wanted, among, _records(draft, order), desk.parameters, entropy)


def _wait_s(desk: Desk, limits: Plan) -> float:
    """How long each dealer gets."""
    return limits.wait_s if limits.wait_s is not None else desk.clocks.wait_ns / _NS_PER_S


def _left_after(draft: Draft, order: Order) -> Decimal:
    """What is left to trade once this round has traded: it asks for all of its own order, others may be open beside it.

    Costs one look per open order on the bond and side.
    """
    others = draft.state.open_orders_in(order.terms.security_id, order.terms.side)
    return sum((other.leaves for other in others if other.order_id != order.order_id), ZERO)


def _records(draft: Draft, order: Order) -> Records:
    """What is known of dealers: by their record, and by what they advertise in this bond; what not trading costs."""
    desk, terms = draft.desk, order.terms

    def asking(request: Request) -> Asking:
        size = converted(request.quantity or ZERO, order.facts.worth)
        return Asking(request.segment, size, request.wait_s, request.now_ns, terms.security_id, *_liquidity(order))

    def outlooks(dealers: Sequence[str], request: Request) -> Sequence[Outlook]:
        found = desk.learning.estimates.outlooks(dealers, asking(request))
        axes = {axe.dealer: axe for axe in draft.state.axes_for(terms.security_id, terms.side, draft.now_ns)}
        if not axes:
            return found
        return [with_axe(each, axes.get(each.dealer), desk.parameters.axes) for each in found]

    def not_trading(request: Request) -> NotTrading:
        found = desk.learning.not_trading(asking(request), desk.parameters.c_fail_bps)
        return replace(found, bps=round(found.bps, 2))

    return Records(desk.rankings, outlooks, not_trading)


def _liquidity(order: Order) -> tuple[Decimal | None, float | None]:
    """(what its bond trades a business day, in the base currency; what it moves by, in bps)"""
    facts = order.facts
    return None if facts.adv_30d is None else converted(facts.adv_30d, facts.worth), facts.volatility_bps


def _drawn(draft: Draft, order: Order) -> float | None:
    """What was drawn for the order's next round before; None if nothing was."""
    before = draft.state.recommendations.get(order.order_id)
    made = before.selection if before is not None else None
    return made.draw if made is not None and made.round == order.rounds + 1 else None


class _ForRequest:
    """What is known of dealers for one request: each looked up once, when a rule first wants it."""

    __slots__ = ("_asking", "_draft", "_found", "_terms")

    def __init__(self, draft: Draft, order: Order, segment: Segment, wait_s: float) -> None:
        self._draft, self._terms = draft, order.terms
        bond, leaves = order.terms.security_id, converted(order.leaves, order.facts.worth)
        self._asking = Asking(segment, leaves, wait_s, draft.now_ns, bond, *_liquidity(order))
        self._found: dict[str, Outlook] = {}

    def outlook(self, dealer: str) -> Outlook:
        found = self._found.get(dealer)
        if found is None:
            draft, terms = self._draft, self._terms
            axe = draft.state.axe_of(dealer, terms.security_id, terms.side, draft.now_ns)
            known = draft.desk.learning.estimates.outlook(dealer, self._asking)
            found = self._found[dealer] = with_axe(known, axe, draft.desk.parameters.axes)
        return found

    def has_axe(self, dealer: str) -> bool:
        draft, terms = self._draft, self._terms
        return draft.state.axe_of(dealer, terms.security_id, terms.side, draft.now_ns) is not None


def _candidates(
    draft: Draft,
    order: Order,
    rule: CompiledRule,
    wait_s: float,
    *,
    everybody_up: bool = False,
    as_if_up: frozenset[str] = frozenset(),
) -> Candidates:
    desk, state = draft.desk, draft.state
    among = draft.session_up.among
    account, now_ns = order.terms.account, draft.now_ns

    def stopped(dealer: str) -> str:
        killed = state.kill_in_force(dealer, account)
        return str(killed[0]) if killed is not None else ""

    def closed(session: str) -> str:
        return desk.closed(session, now_ns)

    segment = segment_of_key(order.facts.segment)
    request = _ForRequest(draft, order, segment, wait_s)

    def consider(dealer: str) -> tuple[Scalar, ...] | None:
        profile = desk.dealers[dealer]
        return rule.excluded_by(DealerSubject(desk, profile, order.facts, segment, now_ns, True, request))

    return candidates(
        desk.dealers,
        Situation(
            asset_class=desk.securities[order.terms.security_id].asset_class,
            leaves=_in_base(draft, order, order.leaves),
            sessions_up=frozenset if everybody_up else among if not as_if_up else lambda keys: among(keys) | as_if_up,
            closed=closed if desk.hours else None,
            # Looked at once here rather than three times a dealer: as good as always none is on.
            stopped=stopped if state.any_kill() else None,
            rule=rule.title,
            never=rule.never,
            consider=consider if rule.consider_text is not None else None,
            condition=rule.consider_text or "",
            considered_by=rule.considered_by,
            rooms=credit.rooms(draft, desk.dealers.ids) if state.any_credit() else None,
            paused={name: state.pauses[name].words for name in state.paused_dealers()},
            base_currency=desk.base_currency if order.terms.currency != desk.base_currency else "",
        ),
    )


def _in_base(draft: Draft, order: Order, quantity: Decimal) -> Decimal:
    """By the rate of now; where nobody knows it nobody is asked, and any other does for looking."""
    size = size_of(draft, order, quantity)
    return converted(quantity, order.facts.worth) if isinstance(size, NoRate) else size.base


def _where(draft: Draft, order: Order, rule: CompiledRule, wait_s: float) -> Where | None:
    """What the rule asks of dealers once they are ranked, if it does."""
    if rule.where_text is None:
        return None
    desk, segment = draft.desk, segment_of_key(order.facts.segment)
    request = _ForRequest(draft, order, segment, wait_s)

    def leaves_out(dealer: str, told: tuple[Scalar, ...]) -> tuple[Scalar, ...] | None:
        profile = desk.dealers[dealer]
        subject = DealerSubject(desk, profile, order.facts, segment, draft.now_ns, True, request)
        return rule.not_where(subject, told)

    return Where(rule.where_text, rule.where_names, leaves_out)


def tiers_of(draft: Draft, order: Order) -> tuple[TierDefinition, tuple[Tiered, ...]] | None:
    """The tiers that are defined for an order, and who is in which; None where none are."""
    definition = _tier_definition(draft, order)
    if definition is None:
        return None
    desk, terms = draft.desk, order.terms
    wait_s = desk.clocks.wait_ns / _NS_PER_S
    request = Request(
        segment_of_key(order.facts.segment),
        order.facts.asset_class,
        draft.now_ns,
        quantity=terms.quantity,
        wait_s=wait_s,
    )
    records = _records(draft, order)
    plan = _tier_plan(draft, order, definition, wait_s)
    return definition, in_tiers(request, plan, records, desk.parameters)


def _tiers(draft: Draft, order: Order, rule: CompiledRule, wait_s: float) -> TierPlan | None:
    """The tiers that the rule speaks of, if it does and they are defined for this order."""
    definition = _tier_definition(draft, order) if rule.reads_tiers else None
    return None if definition is None else _tier_plan(draft, order, definition, wait_s)


def _tier_definition(draft: Draft, order: Order) -> TierDefinition | None:
    desk, terms = draft.desk, order.terms
    security, mark = desk.securities[terms.security_id], draft.mark_of(terms.security_id)
    subject = OrderSubject(desk, terms, security, terms.quantity, draft.now_ns, mark, draft.worth_of)
    return desk.book.tier_of(subject)


def _tier_plan(draft: Draft, order: Order, definition: TierDefinition, wait_s: float) -> TierPlan:
    desk, security = draft.desk, draft.desk.securities[order.terms.security_id]
    segment = segment_of_key(order.facts.asset_class)
    request = _ForRequest(draft, order, segment, wait_s)

    def assign(
        dealers: Sequence[str], places: Sequence[int | None], scores: Sequence[float | None]
    ) -> Sequence[int | None]:
        known = (desk.dealers[name] for name in dealers)
        subjects = [
            DealerSubject(desk, each, order.facts, segment, draft.now_ns, draft.session_up(each.session), request)
            for each in known
        ]
        return definition.assign(subjects, places, scores)

    everybody = frozenset(dealer.id for dealer in desk.dealers if dealer.trades(security.asset_class))
    return TierPlan(frozenset(number for number, _ in definition.lines), definition.ranking, everybody, assign)


# --- the plan out --------------------------------------------------------------------------------


def _ask_plan(desk: Desk, rule: CompiledRule, plan: Plan, choice: Selection) -> AskPlan:
    wait_ns = int(plan.wait_s * _NS_PER_S) if plan.wait_s is not None else desk.clocks.wait_ns
    return AskPlan(
        mode=Mode.ONE_AT_A_TIME if isinstance(rule.ask, AskSequence) else plan.mode,
        dealers=choice.asked,
        wait_ns=wait_ns,
        stagger_ns=int((plan.stagger_s or 0) * _NS_PER_S),
        accept=rule.accept,
        execute=_execute(rule.execute),
        stops_bps=choice.expected.stops_bps if choice.expected is not None else (),
    )


def _execute(execute: Execute) -> ExecutePlan:
    if isinstance(execute, ExecuteByTrader):
        return ExecutePlan(automatic=False)
    return ExecutePlan(True, execute.tolerance, execute.quotes_min, execute.else_ask_trader)
