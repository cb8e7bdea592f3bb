"""Looking around: where everything stands, who the dealers are, what the rules said. Records nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.clock import iso_timestamp
from engine.commands import as_json
from engine.commands.desk_call import Call
from engine.commands.stop_commands import kills_in_force
from engine.dealers.book import Dealer
from engine.dealers.segments import ANY, Segment
from engine.dealers.stats import METRICS, Metrics
from engine.desk.draft import Draft
from engine.desk.known_here import KnownHere
from engine.desk.recommend import recommend
from engine.domain.instrument import AssetClass
from engine.domain.order import OrderState
from engine.errors import CommandError
from engine.market.calendars import utc_date
from engine.rules.plan import Ranking
from engine.rules.signature import Catalogue, Field, words_of
from engine.selection.ranking import Table
from engine.selection.request import Records, Request
from engine.selection.scorers import scorer_of, standings


def status(call: Call) -> dict[str, Any]:
    """The desk at a glance."""
    draft, sessions = call.draft, call.sessions
    state, desk = draft.state, draft.desk
    orders = state.open_orders()
    down = [key for key in sessions.known() if not sessions.session_up(key)]
    dealers = {dealer.id: draft.session_up(dealer.session) for dealer in desk.dealers}
    return {
        "time": iso_timestamp(draft.now_ns),
        "orders": {
            "total": state.counters.get("orders") or 0,
            "open": len(orders),
            **{
                each.value: sum(order.state is each for order in orders)
                for each in (OrderState.with_trader, OrderState.asking, OrderState.placed)
            },
        },
        "rfqs": {"total": state.counters.get("rfqs") or 0, "open": state.open_rfqs()},
        "unanswered": [
            {
                "order": each.order_id,
                "dealer": each.dealer,
                "quantity": as_json.amount(each.reserved),
                "since": as_json.at(each.sent_ns),
                "person_needed": each.person_needed,
                "evidence": each.evidence or None,
            }
            for each in reversed(state.unanswered())
        ],
        "reversions_pending": state.reversions_pending(),
        "quarantined": state.quarantine_waits(),
        "kills": kills_in_force(draft),
        "sessions": {
            "up": len(sessions.known()) - len(down),
            "configured": len(sessions.known()),
            "down": down,
            "closed": {key: closed for key in down if (closed := desk.closed(key, draft.now_ns))},
        },
        "dealers": {"connected": sum(dealers.values()), "configured": len(dealers)},
        "securities": len(desk.securities),
        "book_hash": desk.book.hash,
        "rules": len(desk.book.rules),
        "protections": len(desk.book.protections),
        "scoring_hash": desk.scoring_hash,
        "estimates": {"observations": desk.learning.observations, "rounds_waiting": desk.learning.waiting},
    }


# --- dealers -------------------------------------------------------------------------------------


def dealers(call: Call) -> dict[str, Any]:
    """Profiles with what each dealer did over the classic window, best score first; without data there is no rank."""
    draft, given = call.draft, call.given
    desk = draft.desk
    ranking = _ranking(draft, given["asset_class"])
    wanted = [call.dealer(given["dealer"]).id] if given["dealer"] is not None else [*ranking.table.dealers]
    return {
        **ranking.told(),
        "dealers": [
            {**_dealer(draft, desk.dealers[name]), **ranking.place_of(name), **_metrics(ranking.metrics(draft, name))}
            for name in wanted
        ],
    }


def standing_of(draft: Draft, dealer: Dealer, asset_class: str | None) -> dict[str, Any]:
    """One dealer's place by the classic score, and what stands behind it."""
    ranking = _ranking(draft, asset_class)
    ranked = sum(rank is not None for rank in ranking.ranks.values())
    place = {**ranking.place_of(dealer.id), "ranked": ranked}
    return {**ranking.told(), **place, **_metrics(ranking.metrics(draft, dealer.id))}


@dataclass(frozen=True, slots=True)
class _Ranking:
    """The dealers of an asset class by the classic score."""

    asset_class: str
    segment: Segment
    table: Table
    ranks: Mapping[str, int | None]

    def told(self) -> dict[str, Any]:
        weights = zip(self.table.metrics, self.table.weights, strict=True)
        return {
            "scope": "all asset classes" if self.asset_class == ANY else self.asset_class,
            "window_days": self.table.window_days,
            "scorer": " + ".join(f"{round(weight * 100, 6):g}% {metric}" for metric, weight in weights),
        }

    def place_of(self, name: str) -> dict[str, Any]:
        """Rank and score; none where nothing is known, or it does not trade the class."""
        table = self.table
        at = table.dealers.index(name) if name in table.dealers else None
        score = table.scores[at] if at is not None and table.has_data(at) else None
        return {"rank": self.ranks.get(name), "score": score}

    def metrics(self, draft: Draft, name: str) -> Metrics:
        return draft.desk.stats.metrics(name, self.segment, self.table.window_days, draft.now_ns)


def _ranking(draft: Draft, asset_class: str | None) -> _Ranking:
    desk, scope = draft.desk, asset_class or ANY
    segment = Segment(scope)
    everybody = {each.id for each in desk.dealers if scope == ANY or each.trades(AssetClass(scope))}
    request = Request(segment, scope, draft.now_ns)
    table = scorer_of(Ranking(), desk.parameters)(Records(desk.rankings), request, everybody)
    return _Ranking(scope, segment, table, {each.dealer: each.rank for each in standings(table)})


def _dealer(draft: Draft, dealer: Dealer) -> dict[str, Any]:
    kill = draft.state.kill_of_dealer(dealer.id)
    return {
        "dealer": dealer.id,
        "name": dealer.name,
        "session": dealer.session,
        "connected": draft.session_up(dealer.session),
        "closed": draft.desk.closed(dealer.session, draft.now_ns) or None,
        **as_json.paused(draft, dealer),
        "kill": str(kill) if kill is not None else None,
        "lei": dealer.lei,
        "asset_classes": [each.value for each in dealer.asset_classes],
        "specialties": list(dealer.specialties),
        "agreements": list(dealer.agreements_on(utc_date(draft.now_ns))),
        "notional_max": as_json.amount(dealer.notional_max),
        "last_asked": as_json.at(draft.desk.stats.last_asked(dealer.id)),
    }


def _metrics(found: Metrics) -> dict[str, Any]:
    counts = ("asks", "answers", "quotes", "declines", "silences", "trades", "manual_trades", "rejects")
    return {
        "counts": {name: getattr(found, name) for name in counts},
        "metrics": {
            name: {
                "value": estimate.value,
                "unit": METRICS[name].unit.value,
                "observations": estimate.n,
                "scope": estimate.scope or None,
            }
            for name, estimate in found.estimates
        },
    }


# --- rules ---------------------------------------------------------------------------------------


def explain(call: Call) -> dict[str, Any]:
    """Why an order went where it went: as it was decided, or with `now` as it would be."""
    draft, order = call.draft, call.order()
    if call.given["now"]:
        if not order.open:
            raise CommandError(f"order {order.order_id} is {order.state}: it is not decided any more", code="state")
        advice = recommend(draft, order)
    else:
        recorded = draft.state.recommendations.get(order.order_id)
        if recorded is None:
            raise CommandError(f"order {order.order_id} has no recommendation", code="state")
        advice = recorded
    return {
        "order": order.order_id,
        "as_of": "now" if call.given["now"] else "decided",
        "book_is_current": advice.book_hash == draft.desk.book.hash,
        **as_json.recommendation(draft.desk, advice),
    }


def fields(call: Call) -> dict[str, Any]:
    """What a rule book may speak of."""
    desk = call.draft.desk
    return listing(KnownHere.of(desk, call.draft.now_ns).catalogue(desk.dealers.ids, desk.base_currency))


def listing(known: Catalogue) -> dict[str, Any]:
    """A catalogue, ready for JSON."""
    return {
        "order": [_field(field) for field in known.order_fields.values()],
        "dealer": [_field(field) for field in known.dealer_fields.values()],
        "rank_by": sorted([*known.scorers, *words_of(known.metrics)]),
        "dealers": sorted(known.dealers) if known.dealers is not None else None,
        "base_currency": known.base_currency,
    }


def _field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "kind": field.kind.value,
        "unit": field.kind.unit or None,
        "windowed": field.windowed,
        "windows_days": list(field.windows_days) if field.windows_days is not None else None,
        "without_window": not field.windowed or field.bare is not None,
        "doc": field.doc,
        "synonyms": list(field.synonyms),
        "choices": list(field.choices) if field.choices is not None else None,
        "known_here": not field.unknown_because,
        "unknown_because": field.unknown_because or None,
    }
