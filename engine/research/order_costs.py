"""What one order cost, figure by figure, with what each may be off by for its marks' sake."""

from __future__ import annotations

from math import sqrt

from engine.desk.costs import FIGURES, Costed, FillCosted
from engine.domain import events as e
from engine.domain.order import MarkUsed
from engine.domain.rfq import AskState, Rfq
from engine.research import words
from engine.research.normal import Z90
from engine.research.order_story import OrderStory
from engine.research.page import Block, Column, Paragraph, Table


def costs_of(story: OrderStory) -> list[Block]:
    costed = story.costed
    if costed is None:
        return [Paragraph("Nothing is known of its cost.")]
    rows = _figures(story, "order", costed.order, "")
    for rfq in story.rounds:
        found = costed.rounds.get(rfq.rfq_id)
        rows += _figures(story, f"round {rfq.round}", found, rfq.rfq_id) if found is not None else []
        rows += _to_come(story, f"round {rfq.round}", rfq.rfq_id, "adverse")
    for exec_id, fill in costed.fills.items():
        rows += _figures(story, f"fill {exec_id}", fill, exec_id)
        rows += _to_come(story, f"fill {exec_id}", exec_id, "markout")
        rows += _to_come(story, f"fill {exec_id}", exec_id, "reversion")
    columns = (
        Column("Of"),
        Column("Figure"),
        Column("Value", True),
        Column("90 % by the marks' error", True),
        Column("Means, or why it is unknown"),
    )
    note = (
        "A value of one trade is no mean: its interval is what the marks that it is measured against may be off by, "
        "taken as independent of each other. 'not kept': an older engine did not keep how far its marks are off."
    )
    return [
        Table(columns, rows, "Each figure with what it is measured against", "nothing has been measured yet"),
        Paragraph(note),
    ]


def _figures(story: OrderStory, of: str, costed: Costed, key: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name in FIGURES:
        outside = costed.outside.get(name) if isinstance(costed, FillCosted) else None
        if name in costed.figures:
            value = costed.figures[name]
            shown = f"{value:.2f}" if name == "capture" else words.bp(value)
            rows.append(
                (of, words.figure(name), shown, _span(value, sd_of(story, name, key), name), words.meaning(name))
            )
        elif name in costed.missing:
            rows.append((of, words.figure(name), "unknown", "", costed.missing[name]))
        if outside is not None:
            shown = f"{outside[1]:.2f}" if name == "capture" else words.bp(outside[1])
            rows.append((of, words.figure(name), shown, "", f"as {outside[0]} has it"))
    return rows


def _to_come(story: OrderStory, of: str, key: str, kind: str) -> list[tuple[str, ...]]:
    return [
        (of, words.figure(f"{kind}_{horizon}"), "not yet", "", f"comes at {words.moment(due)}")
        for horizon, due in story.due.get(key, ())
    ]


def sd_of(story: OrderStory, name: str, key: str) -> float | None:
    """What a figure may be off by for its marks' sake, one standard deviation, bps; None where nobody kept it."""
    used = _marks_of(story, name, key)
    if any(mark is None or mark.sd_bps is None for mark in used):
        return None
    return sqrt(sum((mark.sd_bps or 0.0) ** 2 for mark in used if mark is not None))


def _marks_of(story: OrderStory, name: str, key: str) -> list[MarkUsed | None]:
    """The marks that a figure is made of; none where it is made of prices alone."""
    kind, _, horizon = name.partition("_")
    rfq = _rfq_behind(story, key)
    sent = next((ask.mark for ask in rfq.asks if ask.state is not AskState.blocked), None) if rfq is not None else None
    first = story.rounds[0] if story.rounds else None
    fill = next((x.mark for x in story.events if isinstance(x, e.FillBooked) and x.fill.exec_id == key), None)
    match kind:
        case "shortfall":
            ended = [x.mark for x in story.events if isinstance(x, e.OrderCanceled | e.OrderExpired)]
            left = story.order.filled < story.order.terms.quantity
            return [story.order.arrival, *(ended[-1:] if left else [])]
        case "improvement":
            return [first.asks[0].mark if first is not None and first.asks else None]
        case "drift":
            return [sent, fill]
        case "capture":
            return [fill]
        case "markout":
            return [_after(story, key, horizon)]
        case "reversion":
            return [fill, _after(story, key, horizon)]
        case "adverse":
            return [sent, _after(story, key, horizon)]
        case "classic":
            return [
                fill,
                next((x.mark for x in story.events if isinstance(x, e.ReversionMeasured) and x.exec_id == key), None),
            ]
    return []


def _after(story: OrderStory, key: str, horizon: str) -> MarkUsed | None:
    for event in story.events:
        if isinstance(event, e.FillMarked) and (event.exec_id, event.horizon) == (key, horizon):
            return event.mark
        if isinstance(event, e.RoundMarked) and (event.rfq_id, event.horizon) == (key, horizon):
            return event.mark
    return None


def _span(value: float, sd: float | None, name: str) -> str:
    if name in ("cover", "regret"):
        return "exact"
    if name == "capture":
        return ""
    if sd is None:
        return "not kept"
    return f"{value - Z90 * sd:+.1f} to {value + Z90 * sd:+.1f}"


def within(value: float, sd: float | None) -> str:
    return "" if sd is None else f" (90 %: {value - Z90 * sd:+.1f} to {value + Z90 * sd:+.1f}, by the marks' error)"


def _rfq_behind(story: OrderStory, key: str) -> Rfq | None:
    """The round of that name, or the one that a fill came of."""
    placed = {each.fill.exec_id: each.fill.placement_id for each in story.executions}.get(key, "")
    wanted = next((each.rfq_id for each in story.placements if each.placement_id == placed), key)
    return next((rfq for rfq in story.rounds if rfq.rfq_id == wanted), None)
