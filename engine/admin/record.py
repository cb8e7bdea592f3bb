"""Questions that the journal's file answers: events from a cursor on, executions, what changed of a dealer.

They are read beside the work, by a connection that only reads, in short reads: no turn waits, and an answer holds what
was durable when it was read. Whoever asks says where to go on, so a reader that is slow or was away misses nothing and
holds nobody up: every event behind a cursor is told at least once, in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import orjson

from engine.clock import iso_timestamp
from engine.commands.answering import understood
from engine.commands.as_json import amount
from engine.commands.parameters import did_you_mean
from engine.config import dealers_in
from engine.desk.round.seen import asks_seen, cover_of
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.observation import Answer
from engine.domain.order import MarkUsed, Order
from engine.domain.rfq import Rfq
from engine.errors import CommandError
from engine.journal.batch import EventRow
from engine.journal.event_codec import event_types
from engine.journal.events import events_codec
from engine.journal.reader import JournalReader

SEQS_A_READ: Final = 2_000
"""Events that one read looks at; each read is a transaction of its own."""
READS_A_CALL: Final = 25
"""An answer comes after so many reads, though it found nothing: its `next` has gone on all the same."""
BYTES_A_CALL: Final = 262_144
WAIT_STEP_S: Final = 0.05

_TYPES: Final = tuple(kind.__name__ for kind in event_types(vars(e), e.Event))
_KIND_OF_EXECUTION: Final = {"FillBooked": "trade", "FillCanceled": "cancel", "FillCorrected": "correct"}
_OF_DEALERS: Final = ("EngineStarted", "Reloaded", "DealerPaused")


class Record:
    """`seq` gives the last event that was decided, `state` what orders are looked up in."""

    def __init__(self, reader: JournalReader, seq: Callable[[], int], state: DeskState) -> None:
        self._reader = reader
        self._seq = seq
        self._state = state
        self._codec = events_codec()

    async def answer(self, name: str, params: Mapping[str, Any], actor: str, role: str) -> dict[str, Any]:
        """The answer to one question. Raises CommandError as a command does."""
        command, given = understood(name, params, actor, role)
        found: dict[str, Any] = await getattr(self, command.carried_out.partition(".")[2])(given)
        return found

    # --- events ------------------------------------------------------------------------------------

    async def events(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Events behind the cursor, as they are kept; waits for the first one for as long as was asked."""
        rows, following = await self._page(given, _wanted(given["types"]), given["limit"])
        return {
            "events": [
                {
                    "seq": row.seq,
                    "turn": row.turn_seq,
                    "time": iso_timestamp(row.utc_ns),
                    "type": row.type,
                    "version": row.version,
                    "body": orjson.Fragment(row.body),
                }
                for row in rows
            ],
            **following,
        }

    async def executions(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Fills behind the cursor, with what a provider of cost analysis needs of their orders.

        One that is taken back or corrected comes once more, under the same ExecID, with what became of it.
        """
        rows, following = await self._page(given, tuple(_KIND_OF_EXECUTION), given["limit"])
        return {"executions": [self._execution(row) for row in rows], **following}

    def _execution(self, row: EventRow) -> dict[str, Any]:
        event = self._codec.decode(row.type, row.version, row.body)
        assert isinstance(event, e.FillBooked | e.FillCanceled | e.FillCorrected)
        fill, state = event.fill, self._state
        pending = state.reversions.get(fill.exec_id)
        order, placed = state.orders.get(fill.order_id), state.placements.get(fill.placement_id)
        return {
            "seq": row.seq,
            "kind": _KIND_OF_EXECUTION[row.type],
            "exec_id": fill.exec_id,
            "told_as": fill.last_told_as,
            "order_id": fill.order_id,
            **_terms(state, order),
            **_round(state, state.rfqs.get(placed.rfq_id) if placed is not None else None),
            "quantity": f"{fill.quantity:f}",
            "price": f"{fill.price:f}",
            "time": iso_timestamp(row.utc_ns),
            "traded": iso_timestamp(fill.transact_ns),
            "dealer": fill.dealer,
            "dealer_exec_id": fill.dealer_exec_id,
            "trade_date": fill.trade_date,
            "settl_date": fill.settl_date,
            "accrued": amount(fill.accrued),
            "gross": amount(fill.gross),
            "net": amount(fill.net),
            "computed": list(fill.computed),
            "manual": fill.manual,
            "segment": pending.segment if pending is not None else None,
            "mark": _mark(event.mark) if isinstance(event, e.FillBooked) else None,
        }

    async def _page(
        self, given: Mapping[str, Any], types: Collection[str], limit: int
    ) -> tuple[list[EventRow], dict[str, Any]]:
        """Rows behind the cursor, and where to go on. Raises CommandError for a cursor beyond the journal's end."""
        after: int = given["after"]
        steps = round(given["wait_s"] / WAIT_STEP_S)
        while True:
            rows, at, last = await self._look(after, types, limit)
            if after > last:
                text = f"cursor {after} is beyond the last event, {last}: it is of another journal"
                raise CommandError(text, code="state")
            if rows or at < last or steps <= 0:
                return rows, {"next": at, "last": last, "seq": at}
            after = at
            # Until something was decided; what was is durable a moment later.
            for _ in range(steps):
                steps -= 1
                await asyncio.sleep(WAIT_STEP_S)
                if self._seq() > at:
                    break

    async def _look(self, after: int, types: Collection[str], limit: int) -> tuple[list[EventRow], int, int]:
        """Rows, how far was looked, and the last event there is."""
        last, at, size = await self._reader.last_event(), after, 0
        found: list[EventRow] = []
        for _ in range(READS_A_CALL):
            if at >= last:
                break
            upto = min(last, at + SEQS_A_READ)
            rows = await self._reader.events_of(types, at, upto, limit - len(found))
            for row in rows:
                size += len(row.body)
                found.append(row)
                if len(found) >= limit or size >= BYTES_A_CALL:
                    return found, row.seq, last
            at = upto
        return found, at, last

    # --- dealers -----------------------------------------------------------------------------------

    async def dealer_history(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every change of one dealer's profile, the latest first: who, when, why, what."""
        name: str = given["dealer"]
        entries: list[dict[str, Any]] = []
        texts: dict[str, Mapping[str, Any]] = {}
        before: Mapping[str, Any] | None = None
        in_force = ""
        at, last = 0, await self._reader.last_event()
        while at < last:
            upto = min(last, at + SEQS_A_READ)
            for row in await self._reader.events_of(_OF_DEALERS, at, upto, SEQS_A_READ):
                event = self._codec.decode(row.type, row.version, row.body)
                entry = {"seq": row.seq, "time": iso_timestamp(row.utc_ns)}
                if isinstance(event, e.DealerPaused):
                    if event.dealer == name:
                        what = "paused" if event.on else "resumed"
                        entries.append({**entry, **_by(event.actor, event.reason), "what": what, "changes": []})
                    continue
                found = _hash_of(event)
                if not found or found == in_force:
                    continue
                in_force = found
                if found not in texts:
                    texts[found] = await self._dealers(found)
                now = texts[found].get(name)
                changes = _changes(before, now)
                if changes:
                    who = (
                        _by(event.actor, event.reason)
                        if isinstance(event, e.Reloaded)
                        else {"actor": "engine", "reason": "start"}
                    )
                    what = "listed" if before is None else "changed" if now is not None else "gone"
                    entries.append({**entry, **who, "what": what, "changes": changes})
                before = now
            at = upto
        if not entries:
            known = {each for listed in texts.values() for each in listed}
            near = did_you_mean(name, known) or f": known are {', '.join(sorted(known))}"
            raise CommandError(f"the journal knows no dealer '{name}'{near}", code="unknown")
        return {"dealer": name, "history": entries[::-1], "seq": last}

    async def _dealers(self, digest: str) -> Mapping[str, Any]:
        """The profiles that a text of the dealers' file gave, by dealer, as plain values."""
        rows = await self._reader.query("SELECT text FROM configs WHERE hash = ?", (digest,))
        listed = dealers_in(rows[0][0]) if rows else ()
        return {each.id: orjson.loads(orjson.dumps(each, default=str)) for each in listed}


def _wanted(types: tuple[str, ...] | None) -> tuple[str, ...]:
    """Raises CommandError for a type of event that there is not."""
    for name in types or ():
        if name not in _TYPES:
            near = did_you_mean(name, _TYPES) or ""
            raise CommandError(f"events: parameter 'types': there is no event '{name}'{near}", code="params")
    return types or ()


_TERMS: Final = (
    *("cl_ord_id", "account", "trader", "source", "security", "side", "currency", "order_quantity", "limit", "rule"),
    *("received", "decision", "arrived", "arrival"),
)


def _terms(state: DeskState, order: Order | None) -> dict[str, Any]:
    """What the order was: `decision` is the mark when the desk had it, `arrival` when the first dealer was asked."""
    if order is None:
        return dict.fromkeys(_TERMS)
    terms, advice = order.terms, state.recommendations.get(order.order_id)
    rounds = state.rounds_of(order.order_id)
    first = rounds[0].asks[0] if rounds and rounds[0].asks else None
    values = (
        terms.cl_ord_id,
        terms.account,
        terms.trader or None,
        terms.session or f"trader {terms.trader}",
        terms.security_id,
        terms.side.value,
        terms.currency,
        amount(terms.quantity),
        amount(terms.limit_price),
        advice.rule if advice is not None else None,
        iso_timestamp(order.received_ns),
        _mark(order.arrival),
        iso_timestamp(first.asked_ns) if first is not None else None,
        _mark(first.mark) if first is not None else None,
    )
    return dict(zip(_TERMS, values, strict=True))


def _round(state: DeskState, asked: Rfq | None) -> dict[str, Any]:
    """The round that it came of: how many were asked, how many gave a price, and the second-best one."""
    if asked is None:
        return dict.fromkeys(("rfq", "round", "mode", "opened_by", "asked", "quoted", "cover"))
    asks = asks_seen(state, asked, None)
    return {
        "rfq": asked.rfq_id,
        "round": asked.round,
        "mode": asked.plan.mode.value,
        "opened_by": asked.opened_by,
        "asked": len(asks),
        "quoted": sum(each.answer is Answer.quote for each in asks),
        "cover": amount(cover_of(asked, asks)),
    }


def _mark(used: MarkUsed | None) -> dict[str, Any] | None:
    if used is None:
        return None
    return {"price": f"{used.price:f}", "source": used.source, "age_s": round(used.age_ns / 1e9, 3)}


def _by(actor: str, reason: str) -> dict[str, str]:
    return {"actor": actor.removeprefix("person:"), "reason": reason}


def _hash_of(event: e.EngineStarted | e.Reloaded) -> str:
    """Of the dealers' text in force; empty where it is not said."""
    found = next((text.hash for text in event.in_force if text.kind == "dealers"), "")
    return found or (event.dealers_hash if isinstance(event, e.EngineStarted) else "")


def _changes(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Key by key what is another one; a key that is empty on both sides says nothing."""
    keys = dict.fromkeys([*(before or ()), *(now or ())])
    found = [{"key": key, "before": (before or {}).get(key), "after": (now or {}).get(key)} for key in keys]
    return [
        each
        for each in found
        if each["before"] != each["after"] and (each["before"] or each["after"] or before is not None)
    ]
