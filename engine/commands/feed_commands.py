"""What programs deliver of bonds and credit: taken at once, over restarts too; a row that is wrong stops no other."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from engine.commands import as_json
from engine.commands.desk_call import Call
from engine.commands.parameters import Kind, Param, amount, flag, read, text
from engine.desk.decide import subscribe_to
from engine.desk.gate import credit
from engine.domain import events as e
from engine.domain.credit import CreditKind, CreditLimit, CreditScope
from engine.domain.instrument import Security
from engine.errors import CommandError
from engine.market.calendars import utc_date
from engine.market.plausibility import cusip_of, doubtful
from engine.market.securities import bond_of

SECURITIES_MAX: Final = 200_000
"""Bonds that feeds may add or replace."""
CREDIT_LIMITS_MAX: Final = 20_000
"""Scopes that may have limits at once."""

Row = Mapping[str, Any]


def _refusal(place: int, reason: str) -> dict[str, Any]:
    return {"line": place, "reason": reason}


# --- securities ----------------------------------------------------------------------------------


def securities_put(call: Call) -> dict[str, Any]:
    """Add bonds, or replace them, each a row of the columns of the file; `remove` gives one back to the file."""
    draft = call.draft
    known = draft.desk.securities
    put: dict[str, Security] = {}
    removed: list[str] = []
    refused: list[dict[str, Any]] = []
    doubted: list[dict[str, Any]] = []
    delivered = len(draft.state.bonds)
    cusips = _Cusips(known)
    for place, row in enumerate(call.given["rows"], 1):
        found = _bond(call, row)
        if isinstance(found, Security) and (owner := cusips.owner(found)):
            found = f"cusip: expected its own, found '{found.cusip}', the CUSIP of {owner}"
        if isinstance(found, str):
            refused.append(_refusal(place, found))
        elif isinstance(found, Security) and found.security_id in put:
            refused.append(_refusal(place, f"{found.security_id} is in this delivery already"))
        elif isinstance(found, Security) and delivered + len(put) >= SECURITIES_MAX:
            refused.append(_refusal(place, f"{SECURITIES_MAX:,} bonds are delivered already"))
        elif isinstance(found, Security):
            put[found.security_id] = found
            cusips.take(found)
            doubted.extend(_refusal(place, reason) for reason in doubtful(found, utc_date(draft.now_ns)))
        else:
            removed.append(found[0])
    if put or removed:
        draft.record(e.SecuritiesPut(draft.now_ns, tuple(put.values()), tuple(removed), call.by))
    fresh = [security_id for security_id in put if security_id not in known]
    for session in draft.desk.market_sessions if fresh else ():
        if draft.session_up(session):
            subscribe_to(draft, session, fresh)
    return {
        "taken": len(put) + len(removed),
        "added": len(fresh),
        "removed": len(removed),
        "refused": refused,
        "doubtful": doubted,
    }


class _Cusips:
    """Whose each CUSIP is, among all bonds and those of a delivery; looked up when the first one is asked for."""

    def __init__(self, known: Mapping[str, Security]) -> None:
        self._known = known
        self._owners: dict[str, str] = {}

    def owner(self, bond: Security) -> str:
        """Another bond that has this one's CUSIP; empty where none has."""
        if bond.cusip is None:
            return ""
        if not self._owners:
            for each in self._known.values():
                self.take(each)
        owner = self._owners.get(bond.cusip, bond.security_id)
        return owner if owner != bond.security_id else ""

    def take(self, bond: Security) -> None:
        for cusip in filter(None, (cusip_of(bond.security_id), bond.cusip)):
            self._owners.setdefault(cusip, bond.security_id)


def _bond(call: Call, row: Row) -> Security | str | list[str]:
    """The bond of a row, what is wrong with it, or the one that is to be as the file has it again."""
    remove = row.get("remove", False)
    if not isinstance(remove, bool):
        return "remove: expected true or false"
    if remove:
        others = [name for name in row if name not in ("isin", "remove")]
        isin = row.get("isin")
        if others or not isinstance(isin, str):
            return "remove goes with isin alone"
        return _unused(call, isin) or [isin]
    cells = {name: value for name, value in row.items() if name != "remove" and value is not None}
    wrong = next((name for name, value in cells.items() if isinstance(value, bool | float | list | dict)), None)
    if wrong is not None:
        return f"{wrong[:40]}: expected text, or a whole number"
    bond, reasons = bond_of({name: str(value) for name, value in cells.items()}, utc_date(call.draft.now_ns))
    return bond if bond is not None else "; ".join(reasons)


def _unused(call: Call, isin: str) -> str:
    """Why a bond cannot be given back to the file; empty where it can."""
    draft = call.draft
    if isin not in draft.state.bonds:
        return f"{isin[:40]} was not delivered"
    if isin not in draft.desk.filed:
        using = [order.order_id for order in draft.state.open_orders() if order.terms.security_id == isin]
        if using:
            return f"{isin} is in no file, and {using[0]} in it is open"
    return ""


# --- credit limits -------------------------------------------------------------------------------


def _face(given: Any) -> Decimal:
    """As an amount, and 0: nothing at all may be dealt."""
    if given in (0, "0") and not isinstance(given, bool):
        return Decimal(0)
    found: Decimal = amount.read(given)
    return found


_FACE: Final = Kind("a face amount of 0 or more", _face)
_CREDIT_ROW: Final = (
    Param("scope", text, "dealer:NAME, account:NAME or issuer:NAME", required=True),
    Param("request_max", _FACE, "face amount of one request or acceptance"),
    Param("day_max", _FACE, "face amount that may be dealt in a UTC day"),
    Param("lift", flag, "true: there is no limit any more", default=False),
)


def credit_limits_put(call: Call) -> dict[str, Any]:
    """Set limits, each in the place of the one of its scope."""
    draft = call.draft
    limits: dict[str, CreditLimit] = {}
    refused: list[dict[str, Any]] = []
    known = len(draft.state.credit)
    for place, row in enumerate(call.given["rows"], 1):
        try:
            limit = _limit(call, read("row", _CREDIT_ROW, row))
        except CommandError as error:
            refused.append(_refusal(place, str(error).removeprefix("row: ")))
            continue
        if limit.stands and known + len(limits) >= CREDIT_LIMITS_MAX:
            refused.append(_refusal(place, f"{CREDIT_LIMITS_MAX:,} scopes have had limits already"))
        else:
            limits[limit.scope] = limit
    if limits:
        draft.record(e.CreditLimitsPut(draft.now_ns, tuple(limits.values()), call.by))
    issuers = {bond.issuer for bond in draft.desk.securities.values()}
    # A limit may come before the bonds that it is for; a slip in a name is no limit for anybody, so it is told.
    unmatched = [
        limit.scope
        for limit in limits.values()
        if (scope := CreditScope.parse(limit.scope)).kind is CreditKind.issuer and scope.name not in issuers
    ]
    return {"taken": len(call.given["rows"]) - len(refused), "refused": refused, "unmatched": unmatched}


def _limit(call: Call, row: Row) -> CreditLimit:
    try:
        scope = CreditScope.parse(row["scope"])
    except ValueError:
        words = ", ".join(f"{kind.value}:NAME" for kind in CreditKind)
        raise CommandError(f"scope: expected one of {words}, found '{row['scope']}'", code="params") from None
    if scope.kind is CreditKind.dealer:
        scope = CreditScope(scope.kind, call.dealer(scope.name).id)
    named = row["request_max"] is not None or row["day_max"] is not None
    if named is row["lift"]:
        raise CommandError("expected request_max, day_max or both, or lift", code="params")
    return CreditLimit(str(scope), row["request_max"], row["day_max"])


def credit_limits(call: Call) -> dict[str, Any]:
    """Every limit that stands, with what it leaves now."""
    draft = call.draft
    found = []
    for limit in draft.state.credit.values():
        if limit.stands:
            scope = CreditScope.parse(limit.scope)
            found.append(
                {
                    "scope": limit.scope,
                    "request_max": as_json.amount(limit.request_max),
                    "day_max": as_json.amount(limit.day_max),
                    "dealt": as_json.amount(credit.dealt(draft, scope)),
                    "room": as_json.amount(credit.room(draft, scope, limit)),
                }
            )
    return {"limits": sorted(found, key=lambda each: str(each["scope"]))}
