"""Views in plain words, for whoever opens the file with sqlite3. Made anew at every start, so they may change freely.

Prices and quantities are shown as they were recorded (text, exact); sums over them are floating point, for the eye.
Times are UTC; durations carry their unit in the name. A column is empty where the event said nothing.
"""

from __future__ import annotations

from typing import Final

from engine.journal.queries import ENTRIES


def _time(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000000000.0, 'unixepoch')"


def _list(path: str) -> str:
    """A JSON list of words as `a, b, c`."""
    return f"(SELECT group_concat(value, ', ') FROM json_each(e.body, '$.{path}'))"


def _get(path: str, source: str = "e") -> str:
    return f"json_extract({source}.body, '$.{path}')"


def _columns(**paths: str) -> str:
    return ", ".join(f"{_get(path)} AS {name}" for name, path in paths.items())


def _latest(**paths: str) -> str:
    """What stands in `c`, the last change, or in `e` where nothing was changed."""
    return ", ".join(
        f"CASE WHEN c.seq IS NULL THEN {_get(path)} ELSE {_get(path, 'c')} END AS {name}"
        for name, path in paths.items()
    )


_STATUS_WORDS: Final = {
    "A": "pending new",
    "0": "new",
    "1": "partially filled",
    "2": "filled",
    "4": "canceled",
    "6": "pending cancel",
    "8": "rejected",
    "C": "expired",
    "E": "pending replace",
}
_STATUS: Final = (
    f"CASE {_get('report.ord_status', 'r')} "
    + " ".join(f"WHEN '{code}' THEN '{word}'" for code, word in _STATUS_WORDS.items())
    + f" ELSE {_get('report.ord_status', 'r')} END"
)

# What a dealer last said of a fill that it had told: it took it back, or gave it other terms.
_CHANGED: Final = f"""changed AS (
    SELECT {_get("fill.exec_id")} AS exec_id, max(seq) AS last FROM events AS e
    WHERE type IN ('FillCanceled', 'FillCorrected') GROUP BY 1
)"""

_ORDERS: Final = f"""
WITH {_CHANGED}, standing AS (
    SELECT {_latest(order_id="fill.order_id", quantity="fill.quantity", price="fill.price")}
    FROM events AS e LEFT JOIN changed AS h ON h.exec_id = {
    _get("fill.exec_id")
} LEFT JOIN events AS c ON c.seq = h.last
    WHERE e.type = 'FillBooked' AND coalesce(c.type, '') <> 'FillCanceled'
), fills AS (
    SELECT order_id, count(*) AS fills, sum(quantity) AS filled, sum(quantity * price) AS value FROM standing GROUP BY 1
), reports AS (
    SELECT order_id, {_STATUS} AS status, {_get("report.text", "r")} AS said FROM (
        SELECT {_get("report.order_id")} AS order_id, max(seq) AS last FROM events AS e
        WHERE type = 'OrderReported' GROUP BY 1
    ) JOIN events AS r ON r.seq = last
), rounds AS (
    SELECT {_get("order_id")} AS order_id, count(*) AS rounds FROM events AS e WHERE type = 'RfqOpened' GROUP BY 1
), changes AS (
    SELECT {_get("order_id")} AS order_id, max(seq) AS last FROM events AS e WHERE type = 'OrderReplaced' GROUP BY 1
)
SELECT {_get("order_id")} AS order_id, {_time("e.utc_ns")} AS received, coalesce(p.status, 'not reported') AS status,
    {
    _columns(
        session="terms.session",
        account="terms.account",
        trader="terms.trader",
        security="terms.security_id",
        issuer="facts.issuer",
        asset_class="facts.asset_class",
        rating="facts.rating",
        side="terms.side",
        currency="terms.currency",
        arrival_price="arrival.price",
        arrival_source="arrival.source",
    )
},
    {
    _latest(
        cl_ord_id="terms.cl_ord_id",
        quantity="terms.quantity",
        limit_price="terms.limit_price",
        time_in_force="terms.tif",
        manual_reason="manual_reason",
    )
},
    coalesce(n.rounds, 0) AS rounds, coalesce(f.fills, 0) AS fills, coalesce(f.filled, 0) AS filled,
    f.value / f.filled AS average_price, p.said AS last_text, e.seq AS event_seq
FROM events AS e LEFT JOIN fills AS f ON f.order_id = {_get("order_id")}
    LEFT JOIN reports AS p ON p.order_id = {_get("order_id")} LEFT JOIN rounds AS n ON n.order_id = {_get("order_id")}
    LEFT JOIN changes AS h ON h.order_id = {_get("order_id")} LEFT JOIN events AS c ON c.seq = h.last
WHERE e.type = 'OrderReceived'
"""

_RFQS: Final = f"""
WITH counts AS (
    SELECT {_get("rfq_id")} AS rfq_id,
        sum(type = 'DealerAsked') AS asked,
        sum(type = 'QuoteReceived') AS quotes,
        sum(type = 'DealerDeclined') AS declined,
        sum(type = 'DealerSilent') AS silent,
        sum(type IN ('AskWithheld', 'AskBlocked')) AS not_asked,
        max(CASE type WHEN 'RfqClosed' THEN {_get("outcome")} END) AS outcome,
        max(CASE type WHEN 'RfqClosed' THEN utc_ns END) AS closed_ns,
        max(CASE type WHEN 'QuoteAccepted' THEN {_get("dealer")} END) AS accepted_from
    FROM events AS e
    WHERE type IN ('DealerAsked', 'QuoteReceived', 'DealerDeclined', 'DealerSilent', 'AskWithheld', 'AskBlocked',
        'RfqClosed', 'QuoteAccepted')
    GROUP BY 1
)
SELECT {_columns(rfq_id="rfq_id", order_id="order_id", round="round")}, {_time("e.utc_ns")} AS opened,
    {_columns(opened_by="opened_by", mode="plan.mode")}, {_list("plan.dealers")} AS dealers,
    {_get("plan.wait_ns")} / 1000000000.0 AS wait_s, {_columns(quantity="quantity", fair_price="fair.price")},
    coalesce(c.asked, 0) AS asked, coalesce(c.quotes, 0) AS quotes, coalesce(c.declined, 0) AS declined,
    coalesce(c.silent, 0) AS silent, coalesce(c.not_asked, 0) AS not_asked, c.accepted_from,
    coalesce(c.outcome, 'open') AS outcome, {_time("c.closed_ns")} AS closed, e.seq AS event_seq
FROM events AS e LEFT JOIN counts AS c ON c.rfq_id = {_get("rfq_id")}
WHERE e.type = 'RfqOpened'
"""

_QUOTES: Final = f"""
WITH accepted AS (
    SELECT {_columns(rfq_id="rfq_id", dealer="dealer", quote_id="quote_id")} FROM events AS e
    WHERE type = 'QuoteAccepted' GROUP BY 1, 2, 3
), withdrawn AS (
    SELECT {_columns(rfq_id="rfq_id", dealer="dealer", quote_id="quote_id")}, min(utc_ns) AS utc_ns FROM events AS e
    WHERE type = 'QuoteWithdrawn' GROUP BY 1, 2, 3
)
SELECT {_time("e.utc_ns")} AS received, {
    _columns(
        rfq_id="rfq_id",
        dealer="dealer",
        quote_id="quote.quote_id",
        kind="quote.kind",
        bid="quote.bid",
        offer="quote.offer",
        price="quote.price",
        quantity="quote.quantity",
        edge_bps="quote.edge_bps",
        problem="quote.problem",
        late="late",
        segment="segment",
    )
}, {_get("quote.latency_ns")} / 1000000000.0 AS latency_s, {_time(_get("quote.firm_until_ns"))} AS firm_until,
    a.quote_id IS NOT NULL AS accepted, {_time("w.utc_ns")} AS withdrawn, e.seq AS event_seq
FROM events AS e
    LEFT JOIN accepted AS a ON (a.rfq_id, a.dealer, a.quote_id)
        = ({_get("rfq_id")}, {_get("dealer")}, {_get("quote.quote_id")})
    LEFT JOIN withdrawn AS w ON (w.rfq_id, w.dealer, w.quote_id)
        = ({_get("rfq_id")}, {_get("dealer")}, {_get("quote.quote_id")})
WHERE e.type = 'QuoteReceived'
"""

_EXECUTIONS: Final = f"""
WITH {_CHANGED}, afterwards AS (
    SELECT {_get("exec_id")} AS exec_id, {_get("reversion_bps")} AS reversion_bps FROM events AS e
    WHERE type = 'ReversionMeasured'
)
SELECT {_time("e.utc_ns")} AS booked, {
    _latest(
        exec_id="fill.exec_id",
        order_id="fill.order_id",
        dealer="fill.dealer",
        dealer_exec_id="fill.dealer_exec_id",
        placement_id="fill.placement_id",
        quantity="fill.quantity",
        price="fill.price",
        trade_date="fill.trade_date",
        settl_date="fill.settl_date",
        accrued="fill.accrued",
        gross="fill.gross",
        net="fill.net",
        manual="fill.manual",
    )
}, {_columns(mark_price="mark.price", segment="segment")},
    CASE coalesce(c.type, '') WHEN '' THEN {_get("improvement_bps")} END AS improvement_bps, a.reversion_bps,
    CASE c.type WHEN 'FillCanceled' THEN 'canceled' WHEN 'FillCorrected' THEN 'corrected' ELSE 'booked' END AS state,
    e.seq AS event_seq
FROM events AS e LEFT JOIN afterwards AS a ON a.exec_id = {_get("fill.exec_id")}
    LEFT JOIN changed AS h ON h.exec_id = {_get("fill.exec_id")} LEFT JOIN events AS c ON c.seq = h.last
WHERE e.type = 'FillBooked'
"""


def _scaled(unit: str, value: str) -> str:
    """A value on the house scale of its unit, as it counts towards a score."""
    return f"CASE {unit} WHEN 'bps' THEN 1 + {value} / 10.0 WHEN 's' THEN 1 - {value} / 60.0 ELSE {value} END"


_NEUTRAL: Final = "CASE unit WHEN 'bps' THEN 1.0 ELSE 0.0 END"
"""What counts for a metric of a dealer that nobody has tried, unless what others have is worse."""

# The parts of one candidate's score: its own values; where it lacks one what others have, or the neutral value. What
# nobody has is left out, and the other weights count for more; told by version 1 of the words it counted as neutral.
_PARTS: Final = f"""(
    SELECT group_concat(metric || '=' || printf('%.4f', CASE source
            WHEN 'own' THEN weight / whole * {_scaled("unit", "own")}
            WHEN 'left out' THEN 0.0
            WHEN 'no data' THEN weight / whole * min({_NEUTRAL}, coalesce({_scaled("unit", "mean")}, {_NEUTRAL}))
            ELSE weight / whole * {_scaled("unit", "mean")} END)
        || ' (' || source || ')', ', ')
    FROM (
        SELECT *, CASE WHEN own IS NOT NULL THEN 'own' WHEN told_by > 1 AND mean IS NULL THEN 'left out'
            WHEN NOT tried OR mean IS NULL THEN 'no data' WHEN told_by > 1 THEN 'typical' ELSE 'segment mean'
            END AS source
        FROM (
            SELECT t.value AS metric, json_extract(m.terms, '$.units[' || t.key || ']') AS unit,
                json_extract(m.terms, '$.weights[' || t.key || ']') AS weight,
                json_extract(m.terms, '$.means[' || t.key || ']') AS mean,
                json_extract(v.value, '$[' || t.key || ']') AS own, json_array_length(v.value) > 0 AS tried,
                m.told_by, m.whole
            FROM json_each(m.terms, '$.metrics') AS t
        )
    )
)"""

# Does a candidate's score rest on anything that was observed?
_HAS_DATA: Final = """(json_array_length(v.value) > 0 AND (
    EXISTS (SELECT 1 FROM json_each(v.value) WHERE value IS NOT NULL)
    OR EXISTS (SELECT 1 FROM json_each(m.terms, '$.means') WHERE value IS NOT NULL)))"""


def _fact(number: int) -> str:
    return f"json_extract(l.value, '$.facts[{number}]')"


_EACH: Final = "json_extract(l.value, '$.each[' || d.key || ']')"


def _facts(first: int) -> str:
    return f"(SELECT group_concat(value, ', ') FROM json_each(l.value, '$.facts') WHERE key >= {first})"


# Why a dealer is left out, in words: `l` is one reason, `d` one of its dealers.
_WHY_LEFT_OUT: Final = f"""CASE json_extract(l.value, '$.why')
    WHEN 'beyond' THEN 'not in the top ' || {_fact(0)}
    WHEN 'not_named' THEN 'not among ' || json_extract(m.made, '$.ask')
    WHEN 'tier_full' THEN 'tier ' || {_fact(0)} || ', beyond what the rule asks'
    WHEN 'no_tier' THEN 'in none of tier ' || replace({_facts(0)}, ', ', ', tier ')
    WHEN 'limit' THEN 'at most ' || {_fact(0)} || ' dealers: ' || coalesce({_facts(1)}, 'by rule')
    WHEN 'never' THEN 'never asked: ' || coalesce({_facts(0)}, 'by rule')
    WHEN 'other_class' THEN 'does not trade ' || {_fact(0)} || ' bonds'
    WHEN 'killed' THEN 'kill switch ' || {_fact(0)} || ' is on'
    WHEN 'down' THEN 'session ' || {_EACH} || ' is not logged on'
    WHEN 'closed' THEN 'session ' || {_fact(0)} || ' is ' || {_fact(1)}
    WHEN 'too_large' THEN 'its limit is ' || printf('%,d', {_EACH})
    WHEN 'credit' THEN 'its credit limit leaves ' || printf('%,d', {_EACH})
    WHEN 'paused' THEN 'paused' || coalesce(' by ' || {_EACH}, '')
    WHEN 'rule_never' THEN {_fact(0)} || ' never asks it'
    WHEN 'not_considered' THEN 'not considered: ' || {_fact(0)} || coalesce(' (' || (
        SELECT group_concat(n.value || ' is ' || coalesce(json_extract(l.value,
            '$.read[' || d.key || '][' || n.key || ']'), 'unknown'), ', ')
        FROM json_each(l.value, '$.read_names') AS n) || ')', '')
    ELSE json_extract(l.value, '$.why') END"""

# Since version 2 the events keep numbers and codes, of which the words are made here; before, the words alone.
# What is said of a dealer stands in up to two places of an event: these are put together by sorting, for a join
# of lists would look through the one for every entry of the other.
_DEALER_SCORES: Final = f"""
WITH made AS (
    SELECT seq, made, told_by, CASE told_by WHEN 1 THEN 1.0 ELSE (
            SELECT coalesce(sum(w.value), 1.0) FROM json_each(made, '$.weights') AS w
            WHERE json_extract(made, '$.means[' || w.key || ']') IS NOT NULL
        ) END AS whole, json_object('metrics', json_extract(made, '$.metrics'), 'units', json_extract(made, '$.units'),
        'weights', json_extract(made, '$.weights'), 'means', json_extract(made, '$.means')) AS terms
    FROM (
        SELECT e.seq, {_get("recommendation.selection")} AS made, {_get("recommendation.told_by")} AS told_by
        FROM events AS e
        WHERE type = 'OrderRecommended' AND version > 1
    )
), said AS (
    SELECT m.seq, json_extract(m.made, '$.candidates[' || v.key || ']') AS dealer, NULL AS place, v.key + 1 AS rank,
        json_extract(m.made, '$.scores[' || v.key || ']') AS score, {_PARTS} AS parts,
        CASE WHEN {_HAS_DATA} THEN '' ELSE ', no data yet' END AS untried, NULL AS reason
    FROM made AS m, json_each(m.made, '$.values') AS v
    UNION ALL
    SELECT m.seq, a.value, a.key + 1, NULL, NULL, NULL, NULL, json_extract(m.made, '$.ask')
    FROM made AS m, json_each(m.made, '$.asked') AS a
    UNION ALL
    SELECT m.seq, d.value, NULL, NULL, NULL, NULL, NULL, {_WHY_LEFT_OUT}
    FROM made AS m, json_each(m.made, '$.left_out') AS l, json_each(l.value, '$.dealers') AS d
), lines AS (
    SELECT seq, dealer, max(place) IS NOT NULL AS chosen, max(rank) AS rank, max(score) AS score, max(parts) AS parts,
        coalesce('asked as no. ' || max(place) || ': ' || max(reason) || max(untried), max(reason)) AS reason
    FROM said GROUP BY seq, dealer
)
SELECT {_time("e.utc_ns")} AS recommended, {_get("order_id")} AS order_id, {_get("recommendation.rule")} AS rule,
    l.dealer, l.chosen, l.rank, l.score, l.parts, l.reason,
    {_get("recommendation.scoring_hash")} AS scoring_hash, e.seq AS event_seq
FROM lines AS l JOIN events AS e ON e.seq = l.seq
UNION ALL
SELECT {_time("e.utc_ns")}, {_get("order_id")}, {_get("recommendation.rule")},
    json_extract(line.value, '$.dealer'), json_extract(line.value, '$.chosen'),
    json_extract(line.value, '$.rank'), json_extract(line.value, '$.score'),
    (SELECT group_concat(json_extract(part.value, '$.metric') || '=' || printf('%.4f',
        json_extract(part.value, '$.contribution')) || ' (' || json_extract(part.value, '$.source') || ')', ', ')
        FROM json_each(line.value, '$.parts') AS part),
    json_extract(line.value, '$.reason'), {_get("recommendation.scoring_hash")}, e.seq
FROM events AS e, json_each(e.body, '$.recommendation.lines') AS line
WHERE e.type = 'OrderRecommended' AND e.version = 1
"""

# Every place where a person put their judgement above the engine's.
_OVERRIDES: Final = f"""
SELECT {_time("e.utc_ns")} AS at, 'dealer list' AS what,
    {_columns(reference="order_id", actor="actor", reason="reason")},
    {_list("before")} AS before, {_list("after")} AS after, {_list("past_protections")} AS past_protections,
    e.seq AS event_seq
FROM events AS e WHERE e.type = 'OrderOverridden'
UNION ALL
SELECT {_time("e.utc_ns")}, 'duplicate allowed', {_columns(reference="order_id", actor="actor", reason="reason")},
    NULL, NULL, NULL, e.seq
FROM events AS e WHERE e.type = 'DuplicateAllowed'
UNION ALL
SELECT {_time("e.utc_ns")}, 'placement forced', {_columns(reference="placement_id", actor="actor", reason="reason")},
    NULL, {_get("state")}, NULL, e.seq
FROM events AS e WHERE e.type = 'PlacementEnded' AND {_get("actor")} <> ''
"""

# Both directions alike; what came in and the answer stand in the row of the turn.
_FIX_MESSAGES: Final = """
SELECT session, epoch, 'in' AS direction, seq, turn_seq, NULL AS outbox_id, utc_ns, message AS bytes, 0 AS admin,
    0 AS poss_resend
FROM turns WHERE message IS NOT NULL
UNION ALL
SELECT sent_session, sent_epoch, 'out', sent_seq, turn_seq, outbox_id, utc_ns, sent, 0, 0
FROM turns WHERE sent_seq IS NOT NULL
UNION ALL
SELECT m.session, m.epoch, 'out', m.seq, m.turn_seq, m.outbox_id, t.utc_ns, m.bytes, m.bytes IS NULL, m.poss_resend
FROM fix_sent AS m JOIN turns AS t ON t.turn_seq = m.turn_seq
"""

_MARKS: Final = f"""
SELECT {_time("utc_ns")} AS time, security_id, source, quality, price, half_spread, {_time("heard_ns")} AS heard
FROM tape_marks ORDER BY position
"""
_TRADES: Final = f"""
SELECT {_time("utc_ns")} AS time, security_id, kind, price, quantity, source, trade_id, asset_class,
    {_time("heard_ns")} AS heard
FROM tape_trades ORDER BY position
"""

VIEWS: Final = {
    "fix_messages": _FIX_MESSAGES,
    "outbox_entries": ENTRIES,
    "v_orders": _ORDERS,
    "v_rfqs": _RFQS,
    "v_quotes": _QUOTES,
    "v_executions": _EXECUTIONS,
    "v_dealer_scores": _DEALER_SCORES,
    "v_overrides": _OVERRIDES,
    "v_marks": _MARKS,
    "v_trades": _TRADES,
}


def views() -> str:
    """A script that makes every view anew."""
    return "\n".join(f"DROP VIEW IF EXISTS {name};\nCREATE VIEW {name} AS {query};" for name, query in VIEWS.items())
