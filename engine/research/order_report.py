"""Best execution of one order, out of the journal alone: who could be asked, who was, what they said, what it cost.

Works for any order: one that nobody was asked for, one that was not filled, one whose fills were taken back, one whose
marks are still to come. What the journal does not say is called unknown; nothing is worked out from today's files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from engine.desk.explaining import tell
from engine.desk.state_rows import Quarantined
from engine.domain import events as e
from engine.domain.order import MarkUsed, Order
from engine.domain.placement import PlacementState
from engine.domain.recommendation import Recommendation
from engine.domain.rfq import Ask, AskState, Quote, Rfq
from engine.research import words
from engine.research.best_price import beside
from engine.research.chronicle import chronicle
from engine.research.normal import Z95
from engine.research.order_costs import costs_of, sd_of, within
from engine.research.order_story import NOT_ASKED, OrderStory, ended
from engine.research.page import Block, Column, Definitions, Notes, Page, Paragraph, Section, Table
from engine.research.pictures import Moment, Worth, timeline, worth_by_count
from engine.research.retold import Texts

DEALERS_DRAWN_MAX: Final = 24
_MODES: Final = {
    "parallel": "all at once",
    "stagger": "one after another at an interval",
    "one_at_a_time": "one at a time",
}
_STATES: Final = {
    AskState.asked: "no word yet",
    AskState.quoted: "quoted",
    AskState.declined: "declined",
    AskState.silent: "silent",
    AskState.withheld: "not sent",
    AskState.not_delivered: "not delivered",
    AskState.blocked: "not asked: blocked",
}


def order_page(story: OrderStory, texts: Texts, about: Sequence[str]) -> Page:
    """The report. `about` says of which journal, and when it was made."""
    order, terms = story.order, story.order.terms
    sections = [
        Section("The order", _the_order(story, texts)),
        Section("What happened when", _what_happened(story)),
        Section("What the bond was worth", _benchmarks(story)),
    ]
    if not story.rounds:
        sections.append(Section("Who could be asked", _advice(story.advice, texts)))
    for rfq in story.rounds:
        title = f"Round {rfq.round}: who could be asked, who was, what they said"
        sections.append(Section(title, _round(story, rfq, texts)))
    sections.append(Section("What was taken", _decisions(story)))
    sections.append(Section("Fills", _fills(story)))
    sections.append(Section("What it cost", costs_of(story)))
    return Page(
        title=f"Best execution of order {order.order_id}",
        subject=f"{terms.side.value} {words.amount(terms.quantity)} {terms.currency} of {terms.security_id} "
        f"({order.facts.issuer}), received {words.moment(order.received_ns)}",
        verdict=_verdict(story, texts),
        sections=sections,
        about=about,
    )


# --- the verdict ---------------------------------------------------------------------------------


def _verdict(story: OrderStory, texts: Texts) -> list[str]:
    return [*_outcome(story), *_against_others(story), *_cost_in_short(story), *_caveats(story, texts)]


def _outcome(story: OrderStory) -> Iterator[str]:
    order = story.order
    dealers = list(dict.fromkeys(each.fill.dealer for each in story.standing))
    asked = {ask.dealer for rfq in story.rounds for ask in rfq.asks if ask.state not in NOT_ASKED}
    quoted = {ask.dealer for rfq in story.rounds for ask in rfq.asks if any(not q.problem for q in ask.quotes)}
    told = f"{words.counted(len(asked), 'dealer')} asked, {len(quoted)} with a price that could be executed"
    if not story.rounds:
        told = "nobody was asked"
    if order.filled:
        whole = order.filled >= order.terms.quantity
        much = "Filled in full" if whole else f"Filled in part, {words.amount(order.filled)} of it"
        average = words.price(order.average_price)
        left = "" if whole else f"; the rest is {order.state.value.replace('_', ' ')}"
        yield f"{much} at {average} with {words.listed(dealers)}; {told}{left}."
    else:
        why = f": {order.note}" if order.note else ""
        yield f"Not filled: {order.state.value.replace('_', ' ')}{why}; {told}."
    gone = [each for each in story.executions if each.canceled]
    for each in gone:
        fill = each.fill
        yield f"{fill.dealer} took back its fill of {words.amount(fill.quantity)} at {words.price(fill.price)}."


def _against_others(story: OrderStory) -> Iterator[str]:
    """Each acceptance that came to a fill, against the best that another dealer offered at that moment."""
    for placed in story.placements:
        if placed.filled:
            yield beside(story, placed).words
    missed = [rfq for rfq in story.rounds if not rfq.open and not _accepted(story, rfq) and _best_ever(rfq) is not None]
    for rfq in missed:
        dealer, best = _best_ever(rfq) or ("", Decimal(0))
        yield (
            f"Round {rfq.round} ended without a trade ({rfq.outcome.replace('_', ' ')}), although {dealer} offered "
            f"{words.price(best)}."
        )


def _cost_in_short(story: OrderStory) -> Iterator[str]:
    costed = story.costed
    if costed is None:
        return
    found = costed.order.figures.get("shortfall")
    if found is not None:
        sd = sd_of(story, "shortfall", "")
        against = "what it cost against the mark when the desk had the order"
        yield f"Implementation shortfall {words.bp(found)}{within(found, sd)}: {against}."
    elif "shortfall" in costed.order.missing:
        yield f"What it cost cannot be told: {costed.order.missing['shortfall']}."


def _caveats(story: OrderStory, texts: Texts) -> Iterator[str]:
    for number, override in story.overrides.items():
        gone = f", past a protection ({'; '.join(override.past_protections)})" if override.past_protections else ""
        yield (
            f"In round {number} {words.by(override.actor)} put their own list in place of the recommended one{gone}: "
            f"{override.reason}"
        )
    waiting = [due for dues in story.due.values() for _, due in dues]
    if waiting:
        yield f"Not all of its cost is known yet: the last mark comes at {words.moment(max(waiting))}."
    open_ones = [each for each in story.quarantined if each.open]
    if open_ones:
        yield f"{words.counted(len(open_ones), 'fill')} of it in quarantine: a person has to decide."


# --- the order -----------------------------------------------------------------------------------


def _the_order(story: OrderStory, texts: Texts) -> list[Block]:
    order, terms, facts = story.order, story.order.terms, story.order.facts
    limit = f"limit {words.price(terms.limit_price)}" if terms.limit_price is not None else "market order, no limit"
    source = f"session {terms.session}" if terms.session else f"trader {terms.trader or 'unknown'}"
    rows = [
        ("Order", f"{order.order_id}, ClOrdID(11) {terms.cl_ord_id}, from {source}"),
        ("Account", terms.account or "none"),
        ("Terms", f"{terms.side.value} {words.amount(terms.quantity)} {terms.currency}, {limit}, {terms.tif.value}"),
        ("Stands", f"{order.state.value.replace('_', ' ')}{': ' + order.note if order.note else ''}"),
        ("Bond", f"{terms.security_id}, {facts.issuer}, {facts.asset_class}, rated {facts.rating or 'unknown'}"),
        ("Liquidity then", _liquidity(order)),
        ("Expected by size", _by_size(order)),
        ("Segment", facts.segment),
    ]
    if terms.currency != texts.base_currency:
        rate = facts.rate
        known = (
            f"{words.price(rate.price)} {rate.pair} of {rate.source}" if rate is not None else "nobody knew the rate"
        )
        rows.append((f"In {texts.base_currency}", known))
    if order.manual_reason:
        rows.append(("No rule acts on it", order.manual_reason))
    if order.duplicate_of:
        rows.append(("Held as a duplicate of", order.duplicate_of))
    if terms.noted:
        rows.append(("Without effect", ", ".join(terms.noted)))
    return [Definitions(rows)]


def _liquidity(order: Order) -> str:
    facts = order.facts
    adv = f"{words.amount(facts.adv_30d)} a business day" if facts.adv_30d is not None else "volume unknown"
    score = f"score {facts.liquidity_score} of 10" if facts.liquidity_score is not None else "no score"
    moves = "volatility unknown"
    if facts.volatility_bps is not None:
        moves = f"moves {facts.volatility_bps:.0f} bp a day (of {facts.volatility_n} days)"
    return f"{adv}; {score}; {moves}"


def _by_size(order: Order) -> str:
    facts = order.facts
    if facts.impact_bps is None:
        return "unknown"
    span = ""
    if facts.impact_low_bps is not None and facts.impact_high_bps is not None:
        span = f" ({facts.impact_low_bps:.1f} to {facts.impact_high_bps:.1f})"
    half = f", half a spread {facts.half_spread_bps:.1f} bp" if facts.half_spread_bps is not None else ""
    return f"its own impact {facts.impact_bps:.1f} bp{span}{half}"


# --- what happened -------------------------------------------------------------------------------


def _what_happened(story: OrderStory) -> list[Block]:
    received = story.order.received_ns
    names = {name for rfq in story.rounds for name in (*rfq.plan.dealers, *(ask.dealer for ask in rfq.asks))}
    account = story.order.terms.account
    thrown = [
        each
        for each in story.switches
        if each.at_ns >= received and any(each.scope.holds(name, account) for name in (*names, ""))
    ]
    events = sorted((*story.events, *thrown), key=lambda event: event.at_ns)
    rows = [(words.clock(at_ns, received), who, what) for at_ns, who, what in chronicle(events)]
    table = Table((Column("UTC"), Column("Who"), Column("What")), rows, "Every step, as the journal has it")
    drawn = _timeline(story)
    return [*([drawn] if drawn is not None else []), table]


def _timeline(story: OrderStory) -> Block | None:
    """The order and everybody who was asked, until the last fill or the end of the last round."""
    dealers = list(dict.fromkeys(ask.dealer for rfq in story.rounds for ask in rfq.asks if ask.state not in NOT_ASKED))
    if not dealers:
        return None
    hidden = dealers[DEALERS_DRAWN_MAX:]
    order, dealers = story.order, dealers[:DEALERS_DRAWN_MAX]
    moments = [Moment("order", rfq.opened_ns, "said", words=f"round {rfq.round} begins") for rfq in story.rounds]
    ends = [each.ended_ns for each in story.placements if each.ended_ns]
    ends += [q.received_ns for rfq in story.rounds for ask in rfq.asks for q in ask.quotes]
    ends += [ask.asked_ns for rfq in story.rounds for ask in rfq.asks]
    last = max([*ends, *(each.sent_ns for each in story.placements)])
    for rfq in story.rounds:
        for ask in rfq.asks:
            if ask.dealer in dealers and ask.state not in NOT_ASKED:
                moments += _moments_of(ask, last)
    for placed in story.placements:
        if placed.dealer in dealers:
            moments.append(
                Moment(placed.dealer, placed.sent_ns, "taken", words=f"accepted {words.price(placed.price)}")
            )
            if placed.state in (PlacementState.rejected, PlacementState.busted, PlacementState.canceled):
                moments.append(Moment(placed.dealer, placed.ended_ns or placed.sent_ns, "undone", words=ended(placed)))
    booked = {event.fill.exec_id: event.at_ns for event in story.events if isinstance(event, e.FillBooked)}
    for each in story.executions:
        if each.fill.dealer in dealers:
            at_ns, what = booked[each.fill.exec_id], f"filled {words.amount(each.fill.quantity)}"
            moments.append(Moment(each.fill.dealer, at_ns, "filled", words=what))
    drawn = timeline(f"Order {order.order_id} from its first request to its last word", ["order", *dealers], moments)
    caption = (
        "Times are UTC. The line behind a request is how long an answer was waited for, that behind a price how long "
        "it stood. Undone is an acceptance that was rejected, canceled or taken back."
    )
    if hidden:
        caption += f" {len(hidden)} more dealers are in the table below."
    return type(drawn)(drawn.svg, drawn.title, drawn.described, caption)


def _moments_of(ask: Ask, last_ns: int) -> Iterator[Moment]:
    answers = [q.received_ns for q in ask.quotes] + ([ask.declined_ns] if ask.declined_ns else [])
    yield Moment(ask.dealer, ask.asked_ns, "waited", min([*answers, ask.wait_until_ns]), "asked")
    for quote in ask.quotes:
        until = min(quote.firm_until_ns or last_ns, max(last_ns, quote.received_ns))
        yield Moment(ask.dealer, quote.received_ns, "quoted", until, f"quoted {words.price(quote.price)}")
    if ask.declined_ns:
        yield Moment(ask.dealer, ask.declined_ns, "declined", words="declined")


# --- benchmarks ----------------------------------------------------------------------------------


def _benchmarks(story: OrderStory) -> list[Block]:
    """The mark at every moment that something is measured from, with its source and its age."""
    received = story.order.received_ns
    rows = [_bench("the desk has the order (decision)", received, received, story.order.arrival)]
    first = True
    for rfq in story.rounds:
        asked = [ask for ask in rfq.asks if ask.state is not AskState.blocked]
        if asked:
            what = f"round {rfq.round}: first dealer asked" + (" (arrival)" if first else "")
            rows.append(_bench(what, asked[0].asked_ns, received, asked[0].mark))
            first = False
    rows += [_bench(f"{each.dealer}'s price accepted", each.sent_ns, received, each.mark) for each in story.placements]
    for event in story.events:
        match event:
            case e.FillBooked():
                rows.append(_bench(f"fill {event.fill.exec_id}", event.at_ns, received, event.mark))
            case e.FillMarked():
                what = f"{words.HORIZONS[event.horizon]} after fill {event.exec_id}"
                rows.append(_bench(what, event.due_ns, received, event.mark, event.reason))
            case e.RoundMarked():
                what = f"{words.HORIZONS[event.horizon]} after the decision of round {_round_of(story, event.rfq_id)}"
                rows.append(_bench(what, event.due_ns, received, event.mark, event.reason))
            case e.OrderCanceled() | e.OrderExpired():
                if event.mark is not None:
                    rows.append(_bench("the order ends", event.at_ns, received, event.mark))
    columns = (
        Column("When"), Column("UTC"), Column("Mark", True), Column("Source"), Column("Age", True),
        Column("Off by (sd)", True),
    )  # fmt: skip
    notes = [
        f"{words.HORIZONS[horizon]} after {_named(story, key)}: comes at {words.moment(due)}"
        for key, dues in story.due.items()
        for horizon, due in dues
    ]
    table = Table(columns, rows, "Marks in percent of par; one that was unknown measures nothing")
    return [table, *([Notes(notes)] if notes else [])]


def _bench(what: str, at_ns: int, since_ns: int, used: MarkUsed | None, reason: str = "") -> tuple[str, ...]:
    if used is None:
        return what, words.clock(at_ns, since_ns), "unknown", reason or "nobody gave one", "", ""
    sd = f"{used.sd_bps:.1f} bp" if used.sd_bps is not None else "not kept"
    source = f"{used.quality} of {used.source}"
    return what, words.clock(at_ns, since_ns), words.price(used.price), source, words.seconds(used.age_ns), sd


# --- a round -------------------------------------------------------------------------------------


def _advice(advice: Recommendation | None, texts: Texts) -> list[Block]:
    """Why these dealers: the rule that decided with the values it read, and a line for every dealer."""
    if advice is None:
        return [Paragraph("No rule book looked at it: nobody was recommended.")]
    told = tell(texts.book_of, advice)
    sends = "requests go out by themselves" if advice.sends_itself else "a trader lets the requests go"
    rows = [("Rule", f'"{advice.rule}": {sends}'), ("Rule book", advice.book_hash)]
    if advice.plan is not None:
        plan = advice.plan
        rows.append(("To be asked", f"{words.listed(list(plan.dealers))}, {_MODES[plan.mode.value]}"))
        rows.append(("To be executed", _execution(advice)))
    if advice.protections:
        rows.append(("Protections", ", ".join(advice.protections)))
    if told.problem:
        rows.append(("Nobody to ask", told.problem))
    blocks: list[Block] = [Definitions(rows)]
    lines = [
        (line.dealer, str(line.rank or ""), "yes" if line.chosen else "no", _score(line.score), line.reason)
        for line in told.lines
    ]
    columns = (
        Column("Dealer"),
        Column("Rank", True),
        Column("Chosen"),
        Column("Score", True),
        Column("Why, or why not"),
    )
    blocks.append(Table(columns, lines, "Every dealer, and why it was or was not to be asked"))
    blocks += _expected(advice)
    if told.notes:
        blocks.append(Notes(list(told.notes)))
    blocks += [Paragraph("What became of each rule, with the values it read:"), Notes(list(told.trace))]
    return blocks


def _execution(advice: Recommendation) -> str:
    assert advice.plan is not None
    execute = advice.plan.execute
    if not execute.automatic:
        return "by a trader"
    when = f" when within {execute.tolerance} of fair" if execute.tolerance is not None else ""
    many = f", of at least {execute.quotes_min} prices" if execute.quotes_min > 1 else ""
    return f"by the rule{when}{many}" + (", else by a trader" if execute.else_ask_trader else "")


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.3f}"


def _expected(advice: Recommendation) -> list[Block]:
    """What was expected of each candidate then, with the errors of the estimates and what they rest on."""
    selection = advice.selection
    if selection is None or selection.expected is None:
        return []
    found = selection.expected
    rows = [
        (
            name,
            f"{100 * found.p_quote[at]:.0f} % ±{100 * found.p_quote_se[at]:.0f}",
            f"{found.edge_bps[at]:+.1f} ±{found.edge_se_bps[at]:.1f}",
            f"{100 * found.firmness[at]:.0f} % ±{100 * found.firmness_se[at]:.0f}",
            f"{found.leak_in_bps[at] + found.leak_post_bps[at]:+.2f} ±{found.leak_se_bps[at]:.2f}",
            f"{found.marginal_bps[at]:+.1f} ±{found.marginal_se_bps[at]:.1f}",
            str(found.asks[at]),
            f"{100 * selection.inclusion_p[at]:.0f} %",
        )
        for at, name in enumerate(selection.candidates)
    ]
    heads = ("Dealer", "Answers", "Edge, bp", "Firm", "Leak, bp", "Adds, bp", "Asks", "Chance to be asked")
    columns = [Column(head, place > 0) for place, head in enumerate(heads)]
    table = Table(columns, rows, "What was expected of each candidate then, ± one standard error")
    curve = [
        Worth(
            each.count,
            each.gain_bps,
            each.gain_bps - Z95 * each.gain_se_bps,
            each.gain_bps + Z95 * each.gain_se_bps,
            each.leak_bps,
            each.leak_bps - Z95 * each.leak_se_bps,
            each.leak_bps + Z95 * each.leak_se_bps,
        )
        for each in found.worth_by_count
    ]
    if not curve:
        return [table]
    return [table, worth_by_count("What one more dealer was worth", curve, len(selection.chosen))]


def _round(story: OrderStory, rfq: Rfq, texts: Texts) -> list[Block]:
    received = story.order.received_ns
    blocks: list[Block] = [Paragraph(_opened(rfq, received))]
    blocks += _advice(story.advised.get(rfq.round), texts)
    override = story.overrides.get(rfq.round)
    if override is not None:
        rows = [
            ("Overridden by", words.by(override.actor)),
            ("Because", override.reason),
            ("Recommended was", words.listed(list(override.before))),
            ("Asked instead", words.listed(list(override.after))),
        ]
        if override.past_protections:
            rows.append(("Past protections", "; ".join(override.past_protections)))
        blocks.append(Definitions(rows))
    blocks.append(_asks(story, rfq))
    checks = _checks(story, rfq)
    blocks.append(
        Table(
            (Column("UTC"), Column("Dealer"), Column("Check"), Column("Why")), checks, "Checks that stopped something"
        )
    )
    return blocks


def _opened(rfq: Rfq, received_ns: int) -> str:
    fair = f"fair value then {words.mark(rfq.fair)}" if rfq.fair is not None else "no fair value was known then"
    outcome = f"ended as {rfq.outcome.replace('_', ' ')}" if rfq.outcome else f"is {rfq.state.value}"
    return (
        f"{rfq.rfq_id}, opened at {words.clock(rfq.opened_ns, received_ns)} by {words.by(rfq.opened_by)} for "
        f"{words.amount(rfq.quantity)}, {_MODES[rfq.plan.mode.value]}; {fair}. It {outcome}."
    )


def _asks(story: OrderStory, rfq: Rfq) -> Block:
    received = story.order.received_ns
    columns = (
        Column("Dealer"), Column("Asked"), Column("Answer"), Column("After", True), Column("Price", True),
        Column("Against the mark", True), Column("Size", True), Column("Firm until"), Column("What came of it"),
    )  # fmt: skip
    rows: list[tuple[str, ...]] = []
    for ask in rfq.asks:
        asked = words.clock(ask.asked_ns, received) if ask.state not in NOT_ASKED else ""
        if not ask.quotes:
            rows.append((ask.dealer, asked, _STATES[ask.state], "", "", "", "", "", ask.note))
        rows += [(ask.dealer, asked, *_quote(story, rfq, ask, quote)) for quote in ask.quotes]
        if ask.quotes and ask.state is AskState.declined:
            rows.append((ask.dealer, asked, "declined", "", "", "", "", "", ask.note))
    tried = {ask.dealer for ask in rfq.asks}
    rows += [
        (name, "", "not reached", "", "", "", "", "", "the round was over first")
        for name in rfq.plan.dealers
        if name not in tried
    ]
    return Table(columns, rows, "Who was asked and what they said", "nobody was asked")


def _quote(story: OrderStory, rfq: Rfq, ask: Ask, quote: Quote) -> tuple[str, ...]:
    received = story.order.received_ns
    late = quote.received_ns >= ask.wait_until_ns
    kind = "price" if not quote.problem else "price, not executable"
    until = words.clock(quote.firm_until_ns, received) if quote.firm_until_ns is not None else "not said"
    return (
        f"{kind}, late" if late else kind,
        words.seconds(quote.latency_ns),
        words.price(quote.price) or "none",
        words.bp(quote.edge_bps) or "no mark",
        words.amount(quote.quantity) or "the whole",
        until,
        _what_came(story, rfq, ask, quote),
    )


def _what_came(story: OrderStory, rfq: Rfq, ask: Ask, quote: Quote) -> str:
    taken = [
        each
        for each in story.placements
        if (each.rfq_id, each.dealer, each.quote_id) == (rfq.rfq_id, ask.dealer, quote.quote_id)
    ]
    if taken:
        return f"accepted: {ended(taken[-1])}"
    if quote.problem:
        return quote.problem
    return "withdrawn" if quote.withdrawn else "not taken"


def _checks(story: OrderStory, rfq: Rfq) -> list[tuple[str, ...]]:
    received = story.order.received_ns
    found: list[tuple[str, ...]] = [
        (words.clock(event.at_ns, received), event.dealer, f"{what}: {event.check}", event.reason)
        for event in story.events
        for kind, what in ((e.AskBlocked, "asking"), (e.AcceptBlocked, "accepting"))
        if isinstance(event, kind) and event.rfq_id == rfq.rfq_id
    ]
    found += [
        (
            words.clock(event.at_ns, received),
            event.dealer,
            "request",
            f"{event.reason}; {'never left' if event.never_left else 'in doubt'}",
        )
        for event in story.events
        if isinstance(event, e.AskWithheld) and event.rfq_id == rfq.rfq_id
    ]
    return found


# --- decisions and fills -------------------------------------------------------------------------


def _decisions(story: OrderStory) -> list[Block]:
    if not story.placements:
        return [Paragraph("No price was accepted.")]
    received, rows = story.order.received_ns, []
    accepted = {each.placement_id: each for each in story.events if isinstance(each, e.QuoteAccepted)}
    compared = [beside(story, placed) for placed in story.placements]
    for each in compared:
        placed, event = each.placed, accepted[each.placed.placement_id]
        rows.append(
            (
                words.clock(placed.sent_ns, received),
                placed.dealer,
                words.amount(placed.quantity),
                words.price(placed.price),
                f"{words.price(each.price)} of {each.dealer}" if each.dealer else "none",
                words.bp(each.bps),
                words.by(event.actor) + (f": {event.reason}" if event.reason else ""),
                ended(placed),
            )
        )
    columns = (
        Column("UTC"), Column("Dealer"), Column("Quantity", True), Column("Price", True),
        Column("Best other price", True), Column("Better by", True), Column("Accepted by"), Column("Came to"),
    )  # fmt: skip
    told = [each.words for each in compared]
    return [Table(columns, rows, "Acceptances, against the best other price of that moment"), Notes(told)]


def _fills(story: OrderStory) -> list[Block]:
    rows = []
    for each in story.executions:
        fill = each.fill
        status = (
            "taken back by the dealer" if each.canceled else "corrected by the dealer" if fill.told_as else "stands"
        )
        if fill.told_as:
            first = each.at_first
            status += f" (first {words.amount(first.quantity)} at {words.price(first.price)})"
        rows.append(
            (
                fill.exec_id,
                fill.dealer,
                words.amount(fill.quantity),
                words.price(fill.price),
                words.amount(fill.net) + (" (ours)" if "net" in fill.computed else ""),
                fill.trade_date,
                fill.settl_date,
                "by phone or chat" if fill.manual else "by FIX",
                status,
            )
        )
    columns = (
        Column("ExecID(17)"), Column("Dealer"), Column("Quantity", True), Column("Price", True), Column("Net", True),
        Column("Traded"), Column("Settles"), Column("Told"), Column("Status"),
    )  # fmt: skip
    blocks: list[Block] = [Table(columns, rows, "Executions", "none")]
    if story.quarantined:
        kept = [
            (
                each.fill_id,
                each.dealer,
                words.amount(each.quantity),
                words.price(each.price),
                each.reason,
                _settled(each),
            )
            for each in story.quarantined
        ]
        heads = (
            Column("Fill"),
            Column("Dealer"),
            Column("Quantity", True),
            Column("Price", True),
            Column("Why"),
            Column("What became of it"),
        )
        blocks.append(Table(heads, kept, "In quarantine: reports that could not be booked as they stood"))
    return blocks


def _settled(kept: Quarantined) -> str:
    if kept.verdict is None:
        return "waits for a person"
    who = f" by {words.by(kept.settled_by)}" if kept.settled_by else ""
    return f"{kept.verdict.value}{who}" + (f": {kept.settled_reason}" if kept.settled_reason else "")


# --- small things --------------------------------------------------------------------------------


def _accepted(story: OrderStory, rfq: Rfq) -> bool:
    return any(each.rfq_id == rfq.rfq_id for each in story.placements)


def _best_ever(rfq: Rfq) -> tuple[str, Decimal] | None:
    """The best price of a round that could be executed while it stood."""
    found = [
        (quote.price * rfq.side.sign, ask.dealer, quote.price)
        for ask in rfq.asks
        for quote in ask.quotes
        if quote.price is not None and not quote.problem and not quote.withdrawn
    ]
    return min(found)[1:] if found else None


def _round_of(story: OrderStory, rfq_id: str) -> int:
    return next(rfq.round for rfq in story.rounds if rfq.rfq_id == rfq_id)


def _named(story: OrderStory, key: str) -> str:
    rfq = next((rfq for rfq in story.rounds if rfq.rfq_id == key), None)
    return f"the decision of round {rfq.round}" if rfq is not None else f"fill {key}"
