"""Rounds that other systems asked, delivered in pieces: taken, already known, or refused row by row."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from engine.commands.desk_call import Call
from engine.desk.gate.size import rate_or_none
from engine.desk.past.reading import Known, Refused, Row, read_rows
from engine.desk.state import DeskState
from engine.desk.state_rows import TOLD_APART, told_key
from engine.desk.tables import Table
from engine.domain import events as e
from engine.domain.instrument import Security
from engine.domain.observation import RoundTold
from engine.domain.rows import changed
from engine.errors import CommandError
from engine.market.appraisal import FILE_WINDOW_DAYS

ROUNDS_TOLD_MAX: Final = 1_000_000
"""Rounds of other systems that one engine knows: some 200 MB, and more than the window of any estimate."""
_ROUND_DIGITS_MAX: Final = 7


def add(call: Call) -> dict[str, Any]:
    """Take what is right and new of the rows; what was taken before changes nothing. All rows of a round come together.

    A row is a line of a history file, cells as text by column; `line` beside the columns is where it stands, for the
    answer. Rows without a source are `origin`'s.
    """
    draft, given = call.draft, call.given
    origin: str = given["origin"]
    rows, refused = _rows(given["rows"])
    desk, now_ns = draft.desk, draft.now_ns

    def liquidity(security: Security) -> tuple[Decimal | None, float | None]:
        moves = desk.appraisal.volatility(security.security_id, now_ns)
        return desk.appraisal.adv(security, FILE_WINDOW_DAYS, now_ns), None if moves is None else moves.bps

    def worth_of(currency: str) -> Decimal | None:
        rate = rate_or_none(draft, currency)
        return None if rate is None else rate.worth

    known = Known(desk.securities, now_ns, desk.clocks.mark_age_ns_max, liquidity, worth_of, desk.calendars)
    rounds, wrong = read_rows(rows, known, origin)
    refused += wrong
    fresh = [new for told in rounds if (new := _unknown(draft.state, told)) is not None]
    if len(draft.state.told) + len(fresh) > ROUNDS_TOLD_MAX:
        raise CommandError(f"no more than {ROUNDS_TOLD_MAX:,} rounds of others are kept: begin with later ones")
    asks = sum(len(told.seen.asks) for told in fresh)
    if fresh and not given["dry_run"]:
        draft.record(e.HistoryAdded(draft.now_ns, tuple(fresh), origin, call.by))
    return {
        "taken": asks,
        "rounds": len(fresh),
        "known": sum(len(told.seen.asks) for told in rounds) - asks,
        "refused": [{"line": each.line, "reason": each.reason} for each in sorted(refused)],
        "recorded": bool(fresh) and not given["dry_run"],
    }


def known(call: Call) -> dict[str, Any]:
    """Of each round, whether it was told of before by every dealer that is named; a row that names none is not known.

    So that a file which is imported again does not have to be read again.
    """
    told, given = call.draft.state.told, call.given
    origin: str = given["origin"]
    return {"known": [_is_known(told, row, origin) for row in given["rows"]]}


def _is_known(told: Table[str], row: Mapping[str, Any], origin: str) -> bool:
    number, dealers = str(row.get("round") or "1"), row.get("dealers")
    if not number.isascii() or not number.isdigit() or len(number) > _ROUND_DIGITS_MAX:
        return False
    if not isinstance(dealers, list) or not dealers or not all(isinstance(each, str) for each in dealers):
        return False
    before = told.get(told_key(str(row.get("source") or origin), str(row.get("rfq_id")), int(number)))
    return before is not None and set(before.split(TOLD_APART)).issuperset(dealers)


def _rows(given: tuple[dict[str, Any], ...]) -> tuple[list[Row], list[Refused]]:
    """The rows with the lines they stand on: `line` of each, else its place in the call."""
    rows: list[Row] = []
    refused: list[Refused] = []
    for place, cells in enumerate(given, 1):
        line = cells.get("line", place)
        number = line if isinstance(line, int) and not isinstance(line, bool) else place
        others = {name: value for name, value in cells.items() if name != "line" and value is not None}
        wrong = next((name for name, value in others.items() if not isinstance(value, str)), None)
        if wrong is not None:
            refused.append(Refused(number, f"{wrong[:40]}: expected text, found {type(others[wrong]).__name__}"))
        else:
            rows.append(Row(number, others))
    return rows, refused


def _unknown(state: DeskState, told: RoundTold) -> RoundTold | None:
    """The round without dealers that were told of before; None where nobody is left."""
    seen = told.seen
    before = state.told.get(told_key(seen.source, seen.rfq_id, seen.round))
    if before is None:
        return told
    names = set(before.split(TOLD_APART))
    asks = tuple(ask for ask in seen.asks if ask.dealer not in names)
    return changed(told, seen=changed(seen, asks=asks)) if asks else None
