"""Whom to ask for one order: the rule decides, dealers are ranked, protections tighten, every dealer gets a reason.

Budget: 50 dealers x (1 us to filter + 3 us to score) + one rule decision of some 10 us.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from engine.dealers.book import Dealer
from engine.dealers.segments import Segment
from engine.dealers.stats import Source
from engine.desk.draft import Draft
from engine.desk.fields import DealerSubject, OrderSubject
from engine.desk.gate.exposure import exposure_of
from engine.desk.observe import segment as segment_of_key
from engine.desk.setting import Desk
from engine.desk.state import Exposure
from engine.domain.instrument import Security
from engine.domain.order import Order
from engine.domain.recommendation import DealerLine, Recommendation
from engine.domain.rfq import AskMode, AskPlan, ExecutePlan, Tolerance, ToleranceUnit
from engine.rules import plan as rp
from engine.rules.program import CompiledRule, Decision, TierDefinition, explain
from engine.selection.classic import Score, WeightedScorer, classic, weighted

_NS_PER_S = 1_000_000_000


def recommend(draft: Draft, order: Order) -> Recommendation:
    """The rule book's answer for this order now; reads the draft, changes nothing."""
    desk = draft.desk
    exposure = exposure_of(draft, order)
    decision = decide(draft, order, exposure)
    plan = rp.strictest(decision.rule, decision.protections)
    segment = segment_of_key(order.facts.segment)
    ranked, dropped = _ranked(draft, order, decision.rule, segment)
    chosen, problem, tiers = _chosen(draft, order, decision, ranked, segment)
    chosen, skipped = _within_limits(chosen, plan, exposure)
    reasons = {**tiers, **skipped}
    lines = [*_ranked_lines(ranked, chosen, reasons, decision.rule), *_dropped_lines(dropped)]
    return Recommendation(
        book_hash=desk.book.hash,
        scoring_hash=desk.scoring_hash,
        rule=decision.rule.name,
        sends_itself=decision.rule.send is rp.Send.AUTOMATIC,
        plan=_ask_plan(desk, decision.rule, plan, chosen) if chosen else None,
        protections=tuple(each.name for each in decision.protections),
        lines=tuple(lines),
        trace=explain(decision),
        problem="" if chosen else problem or _nobody(dropped, skipped),
    )


def decide(draft: Draft, order: Order, exposure: Exposure) -> Decision:
    """The rule and protections for the order, by its own size and by the day's exposure."""
    security = draft.desk.securities[order.terms.security_id]
    mark = draft.desk.mark(order.terms.security_id, draft.now_ns)

    def subject(quantity: Decimal) -> OrderSubject:
        return OrderSubject(draft.desk, order.terms, security, quantity, draft.now_ns, mark)

    whole = max(exposure.quantity, order.terms.quantity)
    return draft.desk.book.decide(subject(order.terms.quantity), subject(whole), frozenset(exposure.protections))


def override_plan(draft: Draft, order: Order, dealers: Sequence[str]) -> tuple[AskPlan, tuple[str, ...]]:
    """A trader's own list under every protection: the plan, and what of the list would go past one."""
    exposure = exposure_of(draft, order)
    decision = decide(draft, order, exposure)
    plan = rp.strictest(decision.rule, decision.protections)
    protection = rp.strictest(_Unlimited(decision.rule), decision.protections)
    allowed, skipped = _within_limits(tuple(dealers), protection, exposure)
    return _ask_plan(draft.desk, decision.rule, plan, allowed), tuple(f"{d}: {why}" for d, why in skipped.items())


class _Unlimited:
    """A rule without its own limit on how many: an override may ask others and more, only protections hold."""

    def __init__(self, rule: CompiledRule) -> None:
        self.title, self.mode, self.stagger_s, self.wait_s = rule.title, rule.mode, rule.stagger_s, rule.wait_s
        self.at_most: int | None = None
        self.never: frozenset[str] = frozenset()


# --- candidates ----------------------------------------------------------------------------------


def _ranked(
    draft: Draft, order: Order, rule: CompiledRule, segment: Segment
) -> tuple[list[tuple[Dealer, Score]], list[tuple[str, str]]]:
    """Candidates best first with their scores, and everybody else with the reason."""
    desk = draft.desk
    scorer = scorer_for(desk, rule.ranking)
    dropped: list[tuple[str, str]] = []
    candidates: dict[str, Dealer] = {}
    security = desk.securities[order.terms.security_id]
    # Looked at once here rather than three times a dealer: as good as always none is on.
    stopped = any(kill.on for kill in draft.state.kills.values())
    for dealer in desk.dealers:
        reason = _ineligible(draft, order, security, dealer, rule, segment, stopped=stopped)
        if reason:
            dropped.append((dealer.id, reason))
        else:
            candidates[dealer.id] = dealer
    lines = desk.rankings.top(len(candidates), scorer, segment, draft.now_ns, candidates)
    return [(candidates[line.dealer], line.score) for line in lines], dropped


def _ineligible(
    draft: Draft,
    order: Order,
    security: Security,
    dealer: Dealer,
    rule: CompiledRule,
    segment: Segment,
    *,
    stopped: bool,
) -> str:
    """Why the dealer is no candidate; empty when it is one. `stopped`: some kill switch is on."""
    if not dealer.trades(security.asset_class):
        return f"does not trade {security.asset_class.value} bonds"
    if dealer.paused:
        return "paused"
    killed = draft.state.kill_in_force(dealer.id, order.terms.account) if stopped else None
    if killed is not None:
        return f"kill switch {killed[0]} is on"
    trouble = draft.session_trouble(dealer.session)
    if trouble:
        return trouble
    if dealer.notional_max is not None and order.leaves > dealer.notional_max:
        return f"its limit is {dealer.notional_max:,}"
    if dealer.id in rule.never:
        return f"{rule.title} never asks it"
    if rule.consider_text is None:
        return ""
    subject = DealerSubject(draft.desk, dealer, order.facts, segment, draft.now_ns, connected=True)
    if not rule.consider(subject):
        why = rule.why(subject)
        return f"not considered: {why.reason_text if why is not None else rule.consider_text}"
    return ""


@lru_cache(maxsize=256)
def _weighted(weights: tuple[tuple[str, float], ...], window_days: int) -> WeightedScorer:
    percent = tuple((metric, Decimal(str(round(weight * 100, 9))).normalize()) for metric, weight in weights)
    return weighted(percent, window_days)


@lru_cache(maxsize=64)
def _classic(weights: tuple[tuple[str, Decimal], ...], window_days: int) -> WeightedScorer:
    return classic(weights, window_days)


def scorer_for(desk: Desk, ranking: rp.Ranking) -> WeightedScorer:
    """The scorer a `rank by` names: `classic` with the desk's own weights, or the rule's."""
    if ranking.scorer is not None:
        return _classic(desk.classic_weights, ranking.window_days)
    return _weighted(ranking.weights, ranking.window_days)


# --- choice --------------------------------------------------------------------------------------


def _chosen(
    draft: Draft, order: Order, decision: Decision, ranked: list[tuple[Dealer, Score]], segment: Segment
) -> tuple[tuple[str, ...], str, dict[str, str]]:
    """Who the rule's `ask` picks, why nobody if so, and words for those it leaves out."""
    rule = decision.rule
    ids = [dealer.id for dealer, _ in ranked]
    named = tuple(name for name in ids if name in rule.everyone)
    match rule.ask:
        case rp.AskTop(n):
            picked, reasons = ids[:n], dict.fromkeys(ids[n:], f"not in the top {n}")
        case rp.AskAll():
            picked, reasons = ids, {}
        case rp.AskNamed(names):
            picked, reasons = [name for name in ids if name in names], {}
        case rp.AskTiers(wanted):
            definition = draft.desk.book.tier_of(_subject(draft, order))
            if definition is None:
                return (), "no tiers are defined for this order", {}
            picked, reasons = _by_tier(draft, order, definition, wanted, ids)
    everyone = (*picked, *(name for name in named if name not in picked))
    return everyone, "", reasons


def _by_tier(
    draft: Draft,
    order: Order,
    definition: TierDefinition,
    wanted: tuple[tuple[int, int | None], ...],
    ids: list[str],
) -> tuple[list[str], dict[str, str]]:
    """Tiers are made over all dealers of the asset class; the rule picks among its candidates, by tier, then rank."""
    desk = draft.desk
    scorer = scorer_for(desk, definition.ranking)
    tier_segment = Segment(order.facts.asset_class)
    asset_class = desk.securities[order.terms.security_id].asset_class
    everybody = {dealer.id for dealer in desk.dealers if dealer.trades(asset_class)}
    lines = desk.rankings.top(len(everybody), scorer, tier_segment, draft.now_ns, everybody)
    subjects = [
        DealerSubject(
            desk,
            desk.dealers[line.dealer],
            order.facts,
            tier_segment,
            draft.now_ns,
            draft.session_up(desk.dealers[line.dealer].session),
        )
        for line in lines
    ]
    # A dealer that nobody has tried has no place: half of ten unknown dealers is not a tier.
    places = [line.rank if any(p.source is Source.OWN for p in line.score.parts) else None for line in lines]
    tier_of = dict(zip((line.dealer for line in lines), definition.assign(subjects, places), strict=True))
    picked: list[str] = []
    for tier, count in wanted:
        of_tier = [name for name in ids if tier_of.get(name) == tier]
        picked.extend(of_tier[:count])
    words = ", ".join(f"tier {tier}" for tier, _ in wanted)
    reasons = {
        name: f"tier {tier_of[name]}, beyond what the rule asks" if tier_of.get(name) else f"in none of {words}"
        for name in ids
        if name not in picked
    }
    return picked, reasons


def _within_limits(chosen: Sequence[str], plan: rp.Plan, exposure: Exposure) -> tuple[tuple[str, ...], dict[str, str]]:
    """The chosen under every protection: a limit counts distinct dealers over all rounds of the exposure.

    Who knows already may be asked again, but no more of them at a time than the limit says.
    """
    kept: list[str] = []
    skipped: dict[str, str] = {}
    sources = {restriction.what: ", ".join(restriction.sources) for restriction in plan.sources}
    asked = set(exposure.dealers)
    for name in chosen:
        if name in plan.never:
            skipped[name] = f"never asked: {sources.get(f'never ask {name}', 'by rule')}"
            continue
        over = name not in asked and plan.at_most is not None and len(asked) >= plan.at_most
        if plan.at_most is not None and (over or len(kept) >= plan.at_most):
            limit = f"at most {plan.at_most} dealers"
            skipped[name] = f"{limit}: {sources.get(limit, 'by rule')}"
            continue
        asked.add(name)
        kept.append(name)
    return tuple(kept), skipped


def _ask_plan(desk: Desk, rule: CompiledRule, plan: rp.Plan, dealers: tuple[str, ...]) -> AskPlan:
    wait_ns = int(plan.wait_s * _NS_PER_S) if plan.wait_s is not None else desk.clocks.wait_ns
    return AskPlan(
        mode=AskMode(plan.mode.value),
        dealers=dealers,
        wait_ns=wait_ns,
        stagger_ns=int((plan.stagger_s or 0) * _NS_PER_S),
        accept=_tolerance(rule.accept),
        execute=_execute(rule.execute),
    )


def _execute(execute: rp.Execute) -> ExecutePlan:
    if isinstance(execute, rp.ExecuteByTrader):
        return ExecutePlan(automatic=False)
    return ExecutePlan(True, _tolerance(execute.tolerance), execute.quotes_min, execute.else_ask_trader)


def _tolerance(tolerance: rp.Tolerance | None) -> Tolerance | None:
    return Tolerance(tolerance.value, ToleranceUnit(tolerance.unit.value)) if tolerance is not None else None


# --- words ---------------------------------------------------------------------------------------


def _ranked_lines(
    ranked: list[tuple[Dealer, Score]], chosen: tuple[str, ...], reasons: dict[str, str], rule: CompiledRule
) -> list[DealerLine]:
    place_of = {name: place for place, name in enumerate(chosen, 1)}
    lines = []
    for rank, (dealer, score) in enumerate(ranked, 1):
        place = place_of.get(dealer.id)
        if place is not None:
            reason = f"asked as no. {place}: {rule.ask}" + ("" if score.has_data else ", no data yet")
        else:
            reason = reasons.get(dealer.id, f"not among {rule.ask}")
        lines.append(DealerLine(dealer.id, place is not None, rank, score.total, score.parts, reason))
    lines.sort(key=lambda line: (not line.chosen, place_of.get(line.dealer, 0), line.rank or 0))
    return lines


def _dropped_lines(dropped: list[tuple[str, str]]) -> list[DealerLine]:
    return [DealerLine(dealer, False, None, None, (), reason) for dealer, reason in dropped]


def _nobody(dropped: list[tuple[str, str]], skipped: dict[str, str]) -> str:
    words = [f"{dealer} {reason}" for dealer, reason in (*skipped.items(), *dropped)]
    return "nobody to ask: " + ("; ".join(words) if words else "no dealer is known")


def _subject(draft: Draft, order: Order) -> OrderSubject:
    terms = order.terms
    mark = draft.desk.mark(terms.security_id, draft.now_ns)
    security = draft.desk.securities[terms.security_id]
    return OrderSubject(draft.desk, terms, security, terms.quantity, draft.now_ns, mark)
