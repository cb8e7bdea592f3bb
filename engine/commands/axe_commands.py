"""What dealers advertise: the list, and what a feed delivers of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.commands import as_json
from engine.commands.desk_call import Call
from engine.commands.order_commands import security_of
from engine.commands.parameters import Param, amount, choice, instant, name, price, read
from engine.desk import axes
from engine.desk.axes import NotFit, Offered
from engine.domain.axe import Axe, AxeQuality, AxeSize
from engine.domain.messages import AxeAction
from engine.domain.order import Side
from engine.errors import CommandError


def listed(call: Call) -> dict[str, Any]:
    """The live ones: of a dealer, in a bond, or all; the latest first."""
    draft, of = call.draft, call.given["of"]
    state, now_ns = draft.state, draft.now_ns
    found: Iterable[Axe]
    if of is None:
        found = [axe for row in state.axes.values() for axe in row.live(now_ns)]
    elif of in draft.desk.dealers:
        found = state.axes_of_dealer(of, now_ns)
    else:
        found = state.axes_in(security_of(draft, of).security_id, now_ns)
    latest = sorted(found, key=lambda axe: (-axe.since_ns, axe.dealer, axe.axe_id))
    shown = latest[: call.given["limit"]]
    return {"axes": [as_json.axe(draft.desk, axe) for axe in shown], "live": len(latest)}


_SIZES: Final = choice(*(each.value for each in AxeSize))
_ROW: Final = (
    Param("action", choice(*(each.value for each in AxeAction)), "new, replace or cancel", default="new"),
    Param("dealer", name, "the dealer's id", required=True),
    Param("axe_id", name, "the dealer's own word for it", required=True),
    Param("refers_to", name, "the one that it replaces or cancels"),
    Param("security", name, "the bond's ISIN or CUSIP"),
    Param("side", choice("buy", "sell"), "what the dealer wants to do"),
    Param("quantity", amount, "face amount"),
    Param("size", _SIZES, "small, medium or large, where there is no quantity"),
    Param("price", price, "clean, in percent of par"),
    Param("quality", choice(*(each.value for each in AxeQuality)), "low, medium or high"),
    Param("valid_until", instant, "until when it stands"),
)


def put(call: Call) -> dict[str, Any]:
    """Take what is right of a delivery; a row that is not is named, and stops no other."""
    taken, refused = 0, []
    for place, row in enumerate(call.given["rows"], 1):
        try:
            unfit = _take(call, read("row", _ROW, row))
        except CommandError as error:
            reason: str | None = str(error).removeprefix("row: ")
        else:
            reason = unfit.text if unfit is not None else None
        if reason is None:
            taken += 1
        else:
            refused.append({"line": place, "reason": reason})
    return {"taken": taken, "refused": refused}


def _take(call: Call, row: Mapping[str, Any]) -> NotFit | None:
    draft, dealer, action = call.draft, call.dealer(row["dealer"]), AxeAction(row["action"])
    if action is not AxeAction.new and row["refers_to"] is None:
        raise CommandError(f"refers_to is missing: {action.value} needs it", code="params")
    if action is AxeAction.cancel:
        return axes.withdraw(
            draft, dealer.id, row["refers_to"], row["security"] or "", f"withdrawn by {call.actor}", call.by
        )
    until_ns = row["valid_until"]
    if action is AxeAction.new and until_ns is not None and until_ns <= draft.now_ns:
        raise CommandError(f"valid_until: {as_json.at(until_ns)} is over", code="params")
    missing = [name for name in ("security", "side") if row[name] is None]
    if missing:
        raise CommandError(f"{' and '.join(missing)} missing", code="params")
    return axes.offer(
        draft,
        Offered(
            dealer=dealer.id,
            axe_id=row["axe_id"],
            refers_to=row["refers_to"] if action is AxeAction.replacement else "",
            security_id=row["security"],
            side=Side(row["side"]),
            quantity=row["quantity"],
            size=AxeSize(row["size"]) if row["size"] is not None and row["quantity"] is None else None,
            price=row["price"],
            quality=AxeQuality(row["quality"]) if row["quality"] is not None else None,
            valid_until_ns=row["valid_until"],
            source=f"feed:{call.actor}",
            actor=call.by,
        ),
    )
