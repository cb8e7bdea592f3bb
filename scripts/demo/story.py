"""The tale of each order, from what the daemon itself answers, and what must be true when the day is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from demo.orders import Day

Answer = dict[str, Any]


def tell(story: Answer) -> Iterable[str]:
    """One order: recommendation with reasons, whom it asked when, quotes, decision, fill, cost afterwards."""
    limit = f", limit {story['limit']}" if story["limit"] else ""
    whose = story["source"] if story["source"].startswith("trader") else f"{story['source']} {story['cl_ord_id']}"
    yield ""
    yield (
        f"━━ {story['order']}  {story['side']} {_size(story['quantity'])} {story['name'] or story['security']}"
        f" ({story['security']}){limit}   from {whose}"
    )
    facts = story["facts"]
    adv = _size(facts["adv_30d"]) if facts["adv_30d"] is not None else "unknown"
    arrival = story["arrival"]
    priced = f"arrival {arrival['price']} ({arrival['source']})" if arrival else "no price at arrival"
    yield (
        f"   {facts['asset_class']}, rated {facts['rating'] or 'unknown'}, average day {adv}, "
        f"liquidity {facts['liquidity_score'] or 'unknown'}; {priced}"
    )
    advice = story["recommendation"]
    if advice is not None:
        yield from _recommendation(advice)
    for round_ in story["rfqs"]:
        yield from _round(round_)
    for placement in story["placements"]:
        if placement["state"] not in ("filled",):
            yield f"   acceptance at {placement['dealer']} {placement['price']}: {placement['state']}"
    for fill in story["fills"]:
        yield from _fill(fill)
    note = f": {story['note']}" if story["note"] else ""
    yield f"   ends {story['state']}{note}"


def _recommendation(advice: Answer) -> Iterable[str]:
    shields = f"; protected by {', '.join(advice['protections'])}" if advice["protections"] else ""
    yield f"   rule “{advice['rule']}”, sent {advice['sends']}{shields}"
    plan = advice["plan"]
    if plan is not None:
        apart = f", {plan['stagger_s']:g} s apart" if plan["stagger_s"] else ""
        until = f", stop {plan['accept']}" if plan["accept"] else ""
        how = plan["mode"].replace("_", " ")
        yield f"   ask {how}{apart}, {plan['wait_s']:g} s each{until}; execute {plan['execute']}"
    else:
        yield f"   {advice['problem']}"
    for line in advice["lines"]:
        mark = "▶" if line["chosen"] else " "
        score = f"{line['score']:.3f}" if line["score"] is not None else "  -  "
        parts = "  ".join(f"{part['metric']} {_value(part)}→{part['contribution']:+.3f}" for part in line["parts"])
        yield f"     {mark} {line['dealer']:<9}{score}  {line['reason']}"
        if line["chosen"] and parts:
            yield f"                      {parts}"
    for note in advice["notes"]:
        yield f"     {note}"


def _round(round_: Answer) -> Iterable[str]:
    fair = round_["fair"]
    against = f", fair {fair['price']}" if fair else ", fair unknown"
    override = round_.get("override")
    by = f"override by {override['actor']}: {override['reason']}" if override else f"by {round_['opened_by']}"
    yield f"   {round_['rfq']} round {round_['round']} {_clock(round_['opened'])}{against}, {by}"
    for ask in round_["asks"]:
        heard = []
        for quote in ask["quotes"]:
            edge = f" ({quote['edge_bps']:+.1f} bps)" if quote["edge_bps"] is not None else ""
            flaw = f" {quote['problem']}" if quote["problem"] else ""
            taken = " ◀ taken" if quote["taken"] else ""
            heard.append(f"{quote['price'] or 'no price'}{edge} after {quote['latency_s']:.1f} s{flaw}{taken}")
        answer = "; ".join(heard) or f"{ask['state']}{' – ' + ask['note'] if ask['note'] else ''}"
        yield f"     {_clock(ask['asked'])} {ask['dealer']:<9}{answer}"
    yield f"     {round_['state']}{' – ' + round_['outcome'] if round_['outcome'] else ''}"


def _fill(fill: Answer) -> Iterable[str]:
    against = (
        f"{fill['improvement_bps']:+.1f} bps against arrival"
        if fill["improvement_bps"] is not None
        else "no arrival price"
    )
    yield (
        f"   fill {fill['exec_id']} {_size(fill['quantity'])} at {fill['price']} with {fill['dealer']}: {against}; "
        f"gross {fill['gross']}, accrued {fill['accrued'] or 'unknown'}"
    )
    reversion = fill["reversion"]
    if reversion is not None and reversion["done"]:
        what = f"{reversion['bps']:+.1f} bps" if reversion["bps"] is not None else "not measured"
        yield f"   30 minutes later: reversion {what} ({reversion['reason']})"


def scores(before: Answer | None, after: Answer) -> Iterable[str]:
    """How each dealer's score moved over the day."""
    earlier = {dealer["dealer"]: dealer for dealer in before["dealers"]} if before else {}
    yield ""
    yield "━━ Dealers: how the score moved"
    for dealer in after["dealers"]:
        was = earlier.get(dealer["dealer"], {}).get("score")
        now = dealer.get("score")
        first = f"{was:.3f}" if was is not None else "  -  "
        last = f"{now:.3f}" if now is not None else "  -  "
        yield f"   {dealer['dealer']:<9} {first} → {last}"


_LEARNT = (
    ("answers", "p_quote", True),
    ("edge", "edge_bps", False),
    ("fills", "firmness", True),
    ("leaks", "leak_in_bps", False),
    ("and after", "leak_post_bps", False),
)
"""A measure's title, its name in a profile, and whether it is a share."""


def learnt(before: Sequence[Answer], after: Sequence[Answer]) -> Iterable[str]:
    """What the model believes of every dealer: each measure with its 90 % interval, and what it was this morning."""
    earlier = {profile["dealer"]: profile["model"] for profile in before}
    yield ""
    yield "━━ Dealers: what was learnt of 1mm of any bond, this morning → now, 90 % interval; bps, leaks are costs"
    for profile in after:
        now, was = profile["model"], earlier.get(profile["dealer"])
        asked = now["asks"] - was["asks"] if was is not None else now["asks"]
        told = [_learnt(title, name, was, now, is_share=is_share) for title, name, is_share in _LEARNT]
        yield f"   {profile['dealer']:<9} asked {asked} more, {now['asks']} in all; {'; '.join(told[:3])}"
        known = {"none": "cannot be told yet", "relative": "beside the others' only", "level": "known by itself"}
        yield f"             {'; '.join(told[3:])}: {known[now['leak_identified']]}"
        for drift in now["drifted"]:
            yield f"             is not what it was: {drift['measure']} {drift['before']:.3g} → {drift['since']:.3g}"


def _learnt(title: str, name: str, was: Answer | None, now: Answer, *, is_share: bool) -> str:
    measure = now["measures"][name]
    numbers = [measure["value"], measure["low"], measure["high"]]
    if was is not None:
        numbers.append(was["measures"][name]["value"])
    # Adding zero makes of a negative zero a plain one.
    texts = [f"{each:.0%}" if is_share else f"{round(each, 1) + 0.0:+.1f}" for each in numbers]
    first = f"{texts[3]} → " if was is not None else ""
    return f"{title} {first}{texts[0]} ({texts[1]}..{texts[2]})"


def wrong_ends(orders: dict[str, Answer], day: Day, refused: set[str]) -> list[str]:
    """Orders that did not come to the end they had to come to."""
    wrong = []
    by_id = {order["cl_ord_id"]: order for order in orders.values() if order["cl_ord_id"]}
    wanted = [step["cl_ord_id"] for step in day.steps if step["do"] == "new"]
    for cl_ord_id in wanted:
        order = by_id.get(cl_ord_id)
        if cl_ord_id in day.refused:
            if order is not None or cl_ord_id not in refused:
                wrong.append(f"{cl_ord_id}: had to be refused with a report")
        elif order is None:
            wrong.append(f"{cl_ord_id}: never became an order")
        elif order["state"] not in ("filled", "canceled", "expired"):
            wrong.append(f"{cl_ord_id}: still {order['state']} ({order['note']})")
    own = [order for order in orders.values() if order["source"].startswith("trader")]
    if len(own) != len(day.own):
        wrong.append(f"the trader entered {len(day.own)} orders, the engine has {len(own)}")
    wrong.extend(
        f"{order['order']}: still {order['state']} ({order['note']})"
        for order in own
        if order["state"] not in ("filled", "canceled", "expired")
    )
    return wrong


def _size(text: str | None) -> str:
    if text is None:
        return "?"
    value = float(text)
    for unit, name in ((1e9, "bn"), (1e6, "mm"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _clock(text: str | None) -> str:
    return text[11:19] if text else "-"


def _value(part: Answer) -> str:
    value, unit = part["value"], part["unit"]
    if value is None:
        return "?"
    if unit == "rate":
        return f"{value:.0%}"
    return f"{value:+.1f}bp" if unit == "bps" else f"{value:.1f}s"
