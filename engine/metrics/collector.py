"""What Prometheus is told of the engine; `config/prometheus` has alerts on these names.

`turn` is called for every turn as soon as it is decided, `wrote` when bytes were given to a socket, `state` now and
then. Metrics are exempt from output commit: a turn is counted before it is durable, and one that a crash took back
was counted all the same. They are for watching; what happened stands in the journal.

Counts begin at 0 with the process. Latencies of quotes are seconds of the engine's clock (a scaled clock scales
them), those of commits and of the loop are real.
"""

from __future__ import annotations

import platform
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import cycle, repeat
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.clock import NS_PER_S, Instant
from engine.desk.deliveries import REFUSED_FOR, refused_for
from engine.desk.exchange import counting
from engine.desk.order.intake import unsized
from engine.desk.scoreboard import scoreboard
from engine.domain import events as e
from engine.domain.instrument import AssetClass
from engine.domain.keys import Scope
from engine.domain.leak import LeakTable
from engine.domain.measure import Identified
from engine.domain.messages import ReportKind
from engine.domain.order import OrderStatus
from engine.domain.placement import PlacementState
from engine.domain.rfq import QuoteKind
from engine.fix.session.certificates import Kind, TlsFile
from engine.fix.session.reasons import DisconnectReason
from engine.fix.session.sequence import SessionState
from engine.fix.session.step import TRADE_REFUSED
from engine.fix.sockets.admission import Refusal
from engine.fix.sockets.backoff import Outcome
from engine.fix.standard.tags import MsgType
from engine.fix.standard.values import BusinessRejectReason, SessionRejectReason
from engine.metrics.accepting import OPENMETRICS, preferred
from engine.metrics.session_levels import SessionLevels
from engine.metrics.tally import OTHER, Distribution, Levels, Names, Tally, counter_family
from engine.rules.plan import Mode
from engine.turn import Machine, ReadSentRows, Traffic, Turn

if TYPE_CHECKING:
    from engine.turn.trading import Trading

SESSION_MESSAGES: Final = "session"
"""msg_type of inbound session messages: a turn has their number, not their type."""
NO_SESSION: Final = "none"
"""session of what concerns a connection that never became one."""

SAMPLES_PER_PIECE: Final = 64
"""Lines of the exposition that are made at a time: the whole of a large desk would hold the loop for some 20 ms."""

COMMIT_BOUNDS_S: Final = (25e-6, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
BATCH_BOUNDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
LAG_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
COST_BOUNDS_BPS: Final = (-50, -25, -10, -5, -2, 0, 2, 5, 10, 25, 50, 100)
AGE_BOUNDS_S: Final = (1, 5, 15, 60, 300, 900, 3_600, 14_400)
PANEL_BOUNDS: Final = (1, 2, 3, 4, 5, 6, 8, 12, 20)
QUOTE_BOUNDS_S: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 90, 120, 300, 600)

_SESSION_MESSAGES: Final = SESSION_MESSAGES.encode()
_REJECT_KINDS: Final[Mapping[bytes, str]] = {b"3": "session", b"j": "business"}
_REJECT_TYPES: Final = frozenset({"3", "j"})
_LOOKED_AT: Final = ("", "2", "3", "j")
"""Types of messages that more is counted of than themselves, or that are not known."""
_REJECT_REASON: Final = {
    b"3": re.compile(rb"\x01(373=\d{1,2})\x01").search,
    b"j": re.compile(rb"\x01(380=\d{1,2})\x01").search,
}
_REJECT_REASONS: Final = (
    *(f"373={int(reason)}" for reason in SessionRejectReason),
    *(f"380={int(reason)}" for reason in BusinessRejectReason),
)
"""What the label of a reject's reason may say; FIX.4.2 has Rejects without any, which are counted as `other`."""


class Metrics(Collector):
    """All collectors of the daemon, in a registry of their own."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.log_lines_lost: Callable[[], int] = int
        """How many lines no log file took, so far."""
        self.registry = CollectorRegistry()

        sessions = self._sessions = Names((NO_SESSION,))
        sources = self._sources = Names(("timer", "command"))
        dealers = self._dealers = Names()
        ways = _closed("in", "out")
        types = _closed(*MsgType, SESSION_MESSAGES)
        self._in, self._out = _Flows(sessions, types), _Flows(sessions, types)

        self._session_levels = SessionLevels()
        self._logons = Tally("fix_logons_total", "Times the session became active", session=sessions)
        self._disconnects = Tally(
            "fix_disconnects_total",
            "Connections that ended, by why",
            session=sessions,
            reason=_closed(*DisconnectReason),
        )
        self._refused = Tally(
            "fix_connections_refused_total",
            "Connections closed before a byte of FIX was read from them, by why",
            code=_closed(*Refusal),
        )
        self._certificates = Levels(
            "fix_certificate_not_after_seconds",
            "When a certificate of ours, of an authority or of a pinned peer ends, in seconds since 1970",
            "key",
        )
        self._revocations = Levels(
            "fix_revocation_list_next_update_seconds",
            "When the next revocation list is due, in seconds since 1970: from then on nobody is let in by it",
            "key",
        )
        self._called = Tally(
            "fix_connects_total",
            "What became of connecting to a peer, once it was over",
            session=sessions,
            outcome=_closed(*Outcome),
        )
        self._gaps = Tally("fix_gaps_detected_total", "Gaps found in what the peer sent", session=sessions)
        self._resend_requests = Tally(
            "fix_resend_requests_total",
            "ResendRequest(2) sent by us (out), or by the peer and served (in)",
            session=sessions,
            direction=ways,
        )
        self._resent = Tally(
            "fix_resent_messages_total", "Messages sent again under their number, gap fills aside", session=sessions
        )
        self._resets = Tally(
            "fix_seq_resets_total",
            "New epochs: both numbers began anew",
            session=sessions,
            cause=_closed("reset", "reset_on_logon", "reset_seq_num_flag", "schedule", "set_numbers"),
        )
        self._rejects = Tally(
            "fix_rejects_total",
            "Reject(3) as kind session, BusinessMessageReject(j) as kind business",
            session=sessions,
            direction=ways,
            kind=_closed("session", "business"),
        )
        self._reject_reasons = Tally(
            "fix_reject_reasons_total",
            "Reject(3) by SessionRejectReason(373), BusinessMessageReject(j) by BusinessRejectReason(380)",
            session=sessions,
            direction=ways,
            reason=Names(_REJECT_REASONS),
        )
        self._garbled = Tally(
            "fix_garbled_total",
            "Bytes dropped because they are no message, by what is wrong with them",
            session=sessions,
            reason=_closed("checksum", "field", "first_fields", "length", "noise", "overflow"),
        )
        self._warnings = Tally(
            "fix_warnings_total", "Warnings of a session by code; the log has the text", session=sessions, code=Names()
        )
        self._unsent = Levels("dropcopy_unsent", "Reports for a drop copy that wait for its session", "session")

        self._rfqs_started = Tally("rfq_started_total", "RFQs opened", mode=_closed(*Mode))
        self._rfq_outcomes = Tally(
            "rfq_outcome_total",
            "RFQs ended, by how",
            outcome=_closed("executed", "no_execution", "canceled", "expired"),
        )
        self._rfqs_open = Levels("rfq_open", "RFQs open now")
        self._quotes = Tally("rfq_quotes_total", "Quotes received", dealer=dealers, type=_closed(*QuoteKind))
        self._declines = Tally("rfq_declines_total", "Requests a dealer said no to", dealer=dealers)
        self._timeouts = Tally("rfq_timeouts_total", "Requests a dealer left unanswered", dealer=dealers)
        self._quote_latency = Distribution(
            "rfq_quote_latency_seconds", "From request to quote", QUOTE_BOUNDS_S, dealer=dealers
        )
        self._late_quotes = Tally("rfq_late_quotes_total", "Quotes that came after their time", dealer=dealers)

        self._rules = Tally("rule_fired_total", "Orders that a rule decided, by its name", rule=Names())
        self._overrides = Tally("overrides_total", "Rounds for which a trader took another list than the recommended")
        self._panel_size = Distribution(
            "rfq_panel_size", "Dealers that a round was to ask", PANEL_BOUNDS, mode=_closed(*Mode)
        )
        self._explored = Tally(
            "explored_total",
            "Recommendations that a draw changed: a dealer put in the place of another, or one left out",
            change=_closed("swapped", "dropped"),
        )
        self._drifts = Tally(
            "dealer_drift_total",
            "Times a dealer was found not to be what it was",
            dealer=dealers,
            measure=_closed("response", "edge", "firmness"),
        )
        self._score_parts = Levels(
            "dealer_score_part", "What a measure adds to the house score", "asset_class", "dealer", "metric"
        )
        self._n_eff = Levels(
            "dealer_n_eff", "Observations that the model's estimate is worth", "asset_class", "dealer", "measure"
        )
        self._estimates = Levels(
            "dealer_estimate",
            "What the model expects for 1mm: shares of q and f, bps of e (+ better than mid) and of leaks (+ costs us)",
            "asset_class",
            "dealer",
            "measure",
        )
        self._errors = Levels(
            "dealer_estimate_error", "Standard error of what the model expects", "asset_class", "dealer", "measure"
        )

        self._classes = cycle(AssetClass)

        self._orders = Tally(
            "orders_total",
            "Orders that came to be in a state",
            state=_closed("received", "refused", "returned", "filled", "canceled", "expired"),
        )
        self._fills = Tally("fills_total", "Fills booked")
        self._fill_notional = Tally("fill_notional_total", "Face x clean price / 100 of fills, in the base currency")
        self._in_quarantine = Levels("fills_in_quarantine", "Fills that wait for a person to book or to reject them")
        self._in_doubt = Levels("placements_in_doubt", "Acceptances of quotes without an answer", "needs")
        self._quarantined = Tally("quarantined_fills_total", "Fills that could not be booked: a person must look")
        self._tca_pending = Levels("tca_pending", "Fills whose cost is still to be measured")
        self._marks_missing = Tally(
            "tca_mark_missing_total", "Moments a cost has no mark of", mark=_closed("arrival", "execution", "reversion")
        )

        self._slippage = Distribution(
            "tca_slippage_bps", "Fills against the mark at arrival; positive cost", COST_BOUNDS_BPS
        )
        self._leak = Distribution(
            "tca_leak_bps", "What the mark went against us in 30 minutes after a fill; positive cost", COST_BOUNDS_BPS
        )
        self._prices_refused = Tally(
            "prices_refused_total", "Prices and trades that were delivered and not taken", reason=_closed(*REFUSED_FOR)
        )
        self._mark_age = Distribution("mark_age_seconds", "Age of the mark that a round was opened with", AGE_BOUNDS_S)

        self._risk_blocks = Tally(
            "risk_blocks_total",
            "Requests and acceptances kept back at the gate",
            check=Names(),
        )
        self._withheld = Tally(
            "withheld_total",
            "Recorded requests and acceptances that did not leave or were filled over",
            reason=_closed("kill", "late", "session", "full", "over", "gap_filled"),
        )
        self._kills = Levels("kill_switch_state", "Kill switches that are on, by what they stop", "scope")
        self._reloads = Tally(
            "config_reloads_total",
            "Files read again while running, by what they are of and what became of it",
            kind=Names(),
            outcome=_closed("taken_up", "refused"),
        )
        self._last_reload = Levels(
            "config_last_reload_timestamp_seconds", "When files were last read again, by outcome", "kind", "outcome"
        )
        self._calendars = Levels(
            "calendar_known_until_timestamp_seconds", "When what is known of a market's holidays ends", "calendar"
        )
        self._calendars_ahead = Levels(
            "calendar_known_ahead_min_seconds", "How long ahead a market's holidays are to be known", "calendar"
        )
        self._rate_age = Levels(
            "exchange_rate_age_seconds", "Age of what a currency is worth in the base currency", "currency"
        )
        self._rate_age_max = Levels("exchange_rate_age_max_seconds", "How old a rate may be", "currency")
        self._without_rate = Levels("orders_without_rate", "Orders whose size nobody could tell, with the trader")
        self._leak_batches = Tally(
            "leak_batches_total",
            "Batches that were to find what asking costs, by what became of them",
            outcome=_closed("solved", "failed", "late"),
        )
        self._leak_solved = Levels("leak_solved_timestamp_seconds", "When leaks were last solved")
        self._leak_seconds = Levels("leak_solve_seconds", "How long that took")
        self._leak_rows = Levels("leak_rows", "Windows that it rests on, by outcome", "outcome")
        self._leak_dealers = Levels(
            "leak_dealers",
            "Dealers of it by outcome, and by how much can be told of them",
            "outcome",
            "identified",
        )
        self._inputs_refused = Tally(
            "inputs_refused_total", "Inputs that could not be handled: nothing came of them", source=sources
        )
        self._commit_seconds = Distribution("journal_commit_seconds", "From batch to commit", COMMIT_BOUNDS_S)
        self._batch_turns = Distribution("journal_batch_turns", "Turns in a batch", BATCH_BOUNDS)
        self._write_errors = Tally("db_write_errors_total", "Commits that did not succeed")
        self._lag_seconds = Distribution(
            "event_loop_lag_seconds", "How much later than asked the loop woke a timer", LAG_BOUNDS_S
        )
        self._families = [each for each in vars(self).values() if isinstance(each, Tally | Levels | Distribution)]
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    # --- what happened -----------------------------------------------------------------------------

    def turn(self, turn: Turn) -> None:
        """Count one turn, right after it was adopted. 0.4 us with one message, 1 us for an event."""
        for event in turn.events:
            count = _BY_EVENT.get(type(event))
            if count is not None:
                count(self, event, turn)
        for session, _, _, data, msg_type in turn.inbound:
            cell = self._in.found.get((session, msg_type))
            if cell is not None:
                cell[0] += 1
                cell[1] += len(data)
            else:
                self._in.count(session, data.split(b"\x01", 3)[2][3:], len(data))
            if msg_type in _REJECT_TYPES:
                self._rejected(session, "in", msg_type.encode(), data)
        if turn.stepped:
            for key, before in turn.stepped.items():
                self._stepped(turn, key, before)
        if turn.warnings or turn.garbled or turn.endings:
            for key, code, _ in turn.warnings:
                self._warnings.add((key or NO_SESSION, code))
            for key, reason in turn.garbled:
                self._garbled.add((key or NO_SESSION, reason))
            for key, ending in turn.endings:
                self._disconnects.add((key or NO_SESSION, ending.code))
        if turn.heard:
            for reason in refused_for(turn.heard):
                self._prices_refused.add((reason,))

    def _stepped(self, turn: Turn, key: str, before: SessionState) -> None:
        state = turn.links[key].state
        if not turn.inbound and state.next_in != before.next_in and turn.kind in _TAKING_IN:
            # Messages of a market data session are taken in without a row, and so are those of the session layer:
            # one of them was counted, for what a gap fill skips over are no messages.
            self._in.count(key, _SESSION_MESSAGES, 0)
        if state.gap is not None and (before.gap is None or before.gap.begin != state.gap.begin):
            self._gaps.add((key,))
        if state.serving is not None:
            self._served(turn, key, max(state.serving.begin, state.first_out))

    def _served(self, turn: Turn, key: str, first: int) -> None:
        """Count the request that is being served once, however many pages it takes."""
        for effect in turn.effects:
            if type(effect) is ReadSentRows and effect.session == key and effect.begin == first:
                self._resend_requests.add((key, "in"))

    def wrote(self, session: str, messages: Sequence[bytes], types: Iterable[str] = repeat("")) -> None:
        """Count messages that were given to their socket.

        `types` has the MsgType(35) of each that leaves for the first time, or nothing: then its bytes are looked at.
        """
        found = self._out.found
        for data, name in zip(messages, types):  # noqa: B905 (all of them are looked at without `types`)
            cell = found.get((session, name)) if name not in _LOOKED_AT else None
            if cell is not None:
                cell[0] += 1
                cell[1] += len(data)
            else:
                self._wrote(session, data)

    def _wrote(self, session: str, data: bytes) -> None:
        # A frame of ours begins with 8, 9, 35, 34, and PossDupFlag(43) if it has one.
        _, _, kind, _, poss_dup, _ = data.split(b"\x01", 5)
        msg_type = kind[3:]
        self._out.count(session, msg_type, len(data))
        if msg_type == b"2":
            self._resend_requests.add((session, "out"))
        elif msg_type in _REJECT_KINDS:
            self._rejected(session, "out", msg_type, data)
        if poss_dup == b"43=Y" and msg_type != b"4":
            self._resent.add((session,))

    def _rejected(self, session: str, way: str, msg_type: bytes, data: bytes) -> None:
        self._rejects.add((session, way, _REJECT_KINDS[msg_type]))
        found = _REJECT_REASON[msg_type](data)
        reason = found[1].decode() if found is not None else ""
        self._reject_reasons.add((session, way, reason if reason in _REJECT_REASONS else OTHER))

    def connection_refused(self, code: str) -> None:
        """A connection was not let in, or its TLS handshake failed."""
        self._refused.add((code,))

    def tls_files(self, files: Iterable[TlsFile]) -> None:
        """When what the files in use say ends, by the key of the configuration that names each."""
        self._revocations.clear()
        self._certificates.clear()
        for file in files:
            if file.ends_s is not None:
                levels = self._revocations if file.kind is Kind.REVOCATIONS else self._certificates
                levels.put(file.ends_s, (file.key,))

    def reloaded(self, kinds: Iterable[str], outcome: str, utc_ns: int) -> None:
        """Files were read again: `taken_up`, or `refused`."""
        for kind in kinds:
            self._reloads.add((kind, outcome))
            self._last_reload.put(utc_ns / 1e9, (kind, outcome))

    def calendars(self, ends_s: Mapping[str, float], ahead_min_s: float) -> None:
        """Which calendars are in use: until when each is known, and how long ahead it is to be."""
        self._calendars.clear()
        self._calendars_ahead.clear()
        for name, end_s in ends_s.items():
            self._calendars.put(end_s, (name,))
            self._calendars_ahead.put(ahead_min_s, (name,))

    def leak_batch(self, outcome: str) -> None:
        """A batch is over: `solved`, `failed`, or ended for being `late`."""
        self._leak_batches.add((outcome,))

    def called(self, session: str, outcome: str) -> None:
        """A connection of ours is over, or there was none."""
        self._called.add((session, outcome))

    def withheld(self, reason: str) -> None:
        """A committed request or acceptance did not leave: `kill`, `late`, `session`, `full` or `over`."""
        self._withheld.add((reason,))

    def committed(self, seconds: float, turns: int) -> None:
        """A batch of so many turns is durable, so many seconds after it was sent to the disk."""
        self._commit_seconds.add(seconds)
        self._batch_turns.add(turns)

    def commit_failed(self) -> None:
        self._write_errors.add()

    def loop_lag(self, seconds: float) -> None:
        self._lag_seconds.add(seconds)

    # --- what is -----------------------------------------------------------------------------------

    def sessions(self, machine: Machine, now: Instant, traffic: Mapping[int, Traffic]) -> None:
        """How each session stands; `traffic` is per connection."""
        self._session_levels.put(machine, now, traffic)

    def state(self, machine: Machine, trading: Trading) -> None:
        """Take the desk's levels over from the state.

        The first call also says which sessions and dealers there are.
        """
        self._learn(self._sessions, machine.settings)
        self._learn(self._sources, machine.settings)
        self._learn(self._dealers, (dealer.id for dealer in trading.desk.dealers))
        desk = trading.state
        for key in machine.retired:
            self._unsent.drop(key)
        for key, settings in machine.known().items():
            if settings.role == "dealer":
                self._warnings.expect((key, TRADE_REFUSED))  # There from the start, or nobody saw the first one.
            elif settings.role == "dropcopy":
                self._unsent.put(len(machine.links[key].waiting), (key,))
        self._rfqs_open.put(desk.open_rfqs())
        self._tca_pending.put(desk.reversions_pending())
        self._in_quarantine.put(desk.quarantine_waits())
        self._count_kills(trading)
        self._count_placements(trading)

    def rates(self, trading: Trading, now_ns: int) -> None:
        """How old the rates of currencies are, and which orders wait for one."""
        desk = trading.desk
        self._rate_age.clear()
        self._rate_age_max.clear()
        for currency, rate in counting(desk, trading.state, now_ns).items():
            self._rate_age.put(max(0, now_ns - rate.as_of_ns) / NS_PER_S, (currency,))
            self._rate_age_max.put(desk.rate_limits.age_ns_max / NS_PER_S, (currency,))
        self._without_rate.put(len(unsized(trading.state, desk.base_currency)))

    def scores(self, trading: Trading, now_ns: int) -> None:
        """Each dealer's score by parts and what its estimates are worth: one asset class a call, in turn."""
        asset_class = next(self._classes)
        for family in (self._score_parts, self._n_eff, self._estimates, self._errors):
            family.drop(asset_class.value)
        for each in scoreboard(trading.desk, asset_class, now_ns):
            for metric, contribution in each.parts:
                self._score_parts.put(contribution, (asset_class.value, each.dealer, metric))
            for name, measure in each.estimates:
                labels = (asset_class.value, each.dealer, name)
                self._n_eff.put(measure.n_eff, labels)
                self._estimates.put(measure.value, labels)
                self._errors.put(measure.sd, labels)

    def leaks(self, table: LeakTable) -> None:
        """What asking costs, as it was last found."""
        self._leak_solved.put(table.at_ns / NS_PER_S)
        for name, outcome in (("in", table.leak_in), ("post", table.leak_post)):
            self._leak_rows.put(outcome.rows, (name,))
            told = Counter(each.identified for each in outcome.dealers)
            for identified in Identified:
                self._leak_dealers.put(told[identified], (name, identified.value))

    def _learn(self, names: Names, values: Iterable[str]) -> None:
        for value in names.learn(values):
            for family in self._families:
                if not isinstance(family, Levels):
                    family.learned(names, value)

    def _count_kills(self, trading: Trading) -> None:
        on = {"all": 0, "dealer": 0, "account": 0, "file": 0}
        kills = trading.state.kills
        for scope in kills.keys():  # noqa: SIM118 (a table of the desk is no dict)
            on[Scope.parse(scope).kind.value] += kills[scope].on
        for kind, count in on.items():
            self._kills.put(count, (kind,))

    def _count_placements(self, trading: Trading) -> None:
        awaited = stuck = 0
        for placement in trading.state.unanswered():
            if placement.person_needed:
                stuck += 1
            elif placement.state is PlacementState.in_doubt:
                awaited += 1
        self._in_doubt.put(awaited, ("answer",))
        self._in_doubt.put(stuck, ("person",))

    # --- for who asks ------------------------------------------------------------------------------

    def exposition(self, accept: str = "") -> tuple[Iterator[bytes], str]:
        """Everything as text in the format an Accept header prefers, in pieces, and its Content-Type.

        Each piece takes about a millisecond to make, so the caller can let the loop turn between two.
        """
        encode, content_type = choose_encoder(preferred(accept))
        return self._pieces(encode, b"# EOF\n" if content_type.startswith(OPENMETRICS) else b""), content_type

    def _pieces(self, encode: Callable[[Collector], bytes], end: bytes) -> Iterator[bytes]:
        for family in self.registry.collect():
            for start in range(0, max(1, len(family.samples)), SAMPLES_PER_PIECE):
                part = Metric(family.name, family.documentation, family.type, family.unit)
                part.samples = family.samples[start : start + SAMPLES_PER_PIECE]
                text = encode(_Single(part)).removesuffix(end)
                while start and text.startswith(b"#"):  # The head of a family is written once.
                    text = text[text.index(b"\n") + 1 :]
                yield text
        yield end

    def collect(self) -> Iterator[Metric]:
        """The families as they are now, for the registry."""
        info = InfoMetricFamily("build", "What is running")
        info.add_metric((), {"version": self.version, "python": platform.python_version()})
        yield info
        flows = (("in", self._in.cells), ("out", self._out.cells))
        yield counter_family(
            "fix_messages_total",
            "Messages taken in or sent; inbound session messages have msg_type 'session'",
            ("session", "direction", "msg_type"),
            [((key, way, kind), cell[0]) for way, cells in flows for (key, kind), cell in cells.items()],
        )
        total: dict[tuple[str, str], int] = {}
        for way, cells in flows:
            for (key, _), cell in cells.items():
                total[key, way] = total.get((key, way), 0) + cell[1]
        yield counter_family(
            "fix_bytes_total", "Bytes sent, and of application messages in", ("session", "direction"), total.items()
        )
        yield counter_family(
            "log_lines_lost_total",
            "Lines that the log file did not take",
            (),
            [((), self.log_lines_lost())],
        )
        for level in self._session_levels.families:
            yield level.family()
        for family in self._families:
            yield family.family()

    # --- events ------------------------------------------------------------------------------------

    def _on_order_received(self, event: e.OrderReceived, turn: Turn) -> None:
        self._orders.add(("received",))
        if event.arrival is None:
            self._marks_missing.add(("arrival",))

    def _on_order_refused(self, event: e.OrderRefused, turn: Turn) -> None:
        self._orders.add(("refused",))

    def _on_order_returned(self, event: e.OrderReturned, turn: Turn) -> None:
        self._orders.add(("returned",))

    def _on_order_canceled(self, event: e.OrderCanceled, turn: Turn) -> None:
        self._orders.add(("canceled",))

    def _on_order_expired(self, event: e.OrderExpired, turn: Turn) -> None:
        self._orders.add(("expired",))

    def _on_order_reported(self, event: e.OrderReported, turn: Turn) -> None:
        ends = event.report.kind in (ReportKind.trade, ReportKind.replaced)
        if event.report.ord_status == OrderStatus.filled and ends:
            self._orders.add(("filled",))

    def _on_rfq_opened(self, event: e.RfqOpened, turn: Turn) -> None:
        self._rfqs_started.add((event.plan.mode,))
        self._panel_size.add(len(event.plan.dealers), (event.plan.mode,))
        if event.fair is not None:
            self._mark_age.add(event.fair.age_ns / NS_PER_S)

    def _on_recommended(self, event: e.OrderRecommended, turn: Turn) -> None:
        self._rules.add((event.recommendation.rule,))
        selection = event.recommendation.selection
        if selection is not None and selection.explored:
            self._explored.add(("swapped",))
        if selection is not None and selection.dropped:
            self._explored.add(("dropped",))

    def _on_overridden(self, event: e.OrderOverridden, turn: Turn) -> None:
        self._overrides.add()

    def _on_drift(self, event: e.DealerDrifted, turn: Turn) -> None:
        self._drifts.add((event.dealer, event.measure))

    def _on_rfq_closed(self, event: e.RfqClosed, turn: Turn) -> None:
        self._rfq_outcomes.add((event.outcome.replace(" ", "_"),))

    def _on_blocked(self, event: e.AskBlocked | e.AcceptBlocked, turn: Turn) -> None:
        self._risk_blocks.add((event.check,))

    def _on_ask_withheld(self, event: e.AskWithheld, turn: Turn) -> None:
        if turn.kind != "NotSent":  # The release step has counted those already, with its reason.
            self._withheld.add(("gap_filled",))

    def _on_quote(self, event: e.QuoteReceived, turn: Turn) -> None:
        self._quotes.add((event.dealer, event.quote.kind))
        self._quote_latency.add(event.quote.latency_ns / NS_PER_S, (event.dealer,))
        if event.late:
            self._late_quotes.add((event.dealer,))

    def _on_declined(self, event: e.DealerDeclined, turn: Turn) -> None:
        self._declines.add((event.dealer,))

    def _on_silent(self, event: e.DealerSilent, turn: Turn) -> None:
        self._timeouts.add((event.dealer,))

    def _on_fill(self, event: e.FillBooked, turn: Turn) -> None:
        fill = event.fill
        self._fills.add()
        self._fill_notional.add((), float(fill.quantity_in_base) * float(fill.price) / 100)
        if event.mark is None:
            self._marks_missing.add(("execution",))
        if event.improvement_bps is not None:
            self._slippage.add(-event.improvement_bps)

    def _on_quarantined(self, event: e.FillQuarantined, turn: Turn) -> None:
        self._quarantined.add()

    def _on_reversion(self, event: e.ReversionMeasured, turn: Turn) -> None:
        if event.mark is None:
            self._marks_missing.add(("reversion",))
        if event.reversion_bps is not None:
            self._leak.add(-event.reversion_bps)

    def _on_leak_solved(self, event: e.LeakSolved, turn: Turn) -> None:
        self._leak_seconds.put(event.took_s)
        self.leaks(event.table)

    def _on_refused_input(self, event: e.InputRefused, turn: Turn) -> None:
        self._inputs_refused.add((event.source,))

    def _on_up(self, event: e.SessionUp, turn: Turn) -> None:
        self._logons.add((event.session,))

    def _on_reset(self, event: e.SessionReset, turn: Turn) -> None:
        self._resets.add((event.session, event.cause))


_TAKING_IN: Final = ("Received", "HeldDue")
_BY_EVENT: Final[Mapping[type[e.Event], Callable[[Metrics, Any, Turn], None]]] = {
    e.OrderReceived: Metrics._on_order_received,
    e.OrderRefused: Metrics._on_order_refused,
    e.OrderReturned: Metrics._on_order_returned,
    e.OrderCanceled: Metrics._on_order_canceled,
    e.OrderExpired: Metrics._on_order_expired,
    e.OrderReported: Metrics._on_order_reported,
    e.OrderRecommended: Metrics._on_recommended,
    e.OrderOverridden: Metrics._on_overridden,
    e.DealerDrifted: Metrics._on_drift,
    e.RfqOpened: Metrics._on_rfq_opened,
    e.RfqClosed: Metrics._on_rfq_closed,
    e.AskBlocked: Metrics._on_blocked,
    e.AcceptBlocked: Metrics._on_blocked,
    e.AskWithheld: Metrics._on_ask_withheld,
    e.QuoteReceived: Metrics._on_quote,
    e.DealerDeclined: Metrics._on_declined,
    e.DealerSilent: Metrics._on_silent,
    e.FillBooked: Metrics._on_fill,
    e.FillQuarantined: Metrics._on_quarantined,
    e.ReversionMeasured: Metrics._on_reversion,
    e.LeakSolved: Metrics._on_leak_solved,
    e.InputRefused: Metrics._on_refused_input,
    e.SessionUp: Metrics._on_up,
    e.SessionReset: Metrics._on_reset,
}


class _Single(Collector):
    """One family alone, to be encoded."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> list[Metric]:
        return [self._metric]


class _Flows:
    """Messages and bytes that went one way, by session and MsgType(35).

    A cell is found by the type as text or in its own bytes; only what is bounded is remembered by them.
    """

    __slots__ = ("_sessions", "_types", "cells", "found")

    def __init__(self, sessions: Names, types: Names) -> None:
        self._sessions = sessions
        self._types = types
        self.found: dict[tuple[str, str | bytes], list[int]] = {}
        self.cells: dict[tuple[str, str], list[int]] = {}

    def count(self, session: str, msg_type: bytes, size: int) -> None:
        cell = self.found.get((session, msg_type)) or self._cell(session, msg_type)
        cell[0] += 1
        cell[1] += size

    def _cell(self, session: str, msg_type: bytes) -> list[int]:
        name = msg_type.decode("latin-1")
        key = (self._sessions.admit(session), self._types.admit(name))
        cell = self.cells.setdefault(key, [0, 0])
        if key == (session, name):
            self.found[key] = self.found[session, msg_type] = cell
        return cell


def _closed(*names: str) -> Names:
    return Names(names, settled=True)
