"""The desk as an application of the turn: FIX on one side, trading on the other.

The one place where messages become what the desk hears, what it says becomes messages, and events become state
and stats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.clock import Instant
from engine.desk import decide, deliveries, replacing
from engine.desk.apply import apply
from engine.desk.classic_lessons import learn, observe
from engine.desk.costs import COSTED
from engine.desk.draft import Draft, Send, SessionsUp
from engine.desk.learning import LEARNT
from engine.desk.order import intake
from engine.desk.order.reporting import return_to_trader
from engine.desk.setting import Desk
from engine.desk.state import DeskState
from engine.desk.state_rows import Switch
from engine.domain import events as e
from engine.domain.keys import Scope, Timer, TimerKind
from engine.domain.messages import (
    AcceptQuote,
    AskDealer,
    AskPlacementStatus,
    CancelPlacement,
    DontKnowTrade,
    RefusedByPeer,
)
from engine.domain.rfq import AskState, RfqState
from engine.fix.flows import translation
from engine.fix.flows.dialect import DEFAULT, Dialect
from engine.fix.session.reasons import Ending
from engine.fix.session.settings import SessionSettings
from engine.fix.wire.message import Message
from engine.masking import masked
from engine.turn.application import SentAs
from engine.turn.outcome import Change
from engine.turn.refusing import INPUT_KEPT_MAX

_TO_DEALERS: Final = (AskDealer, AcceptQuote, CancelPlacement, AskPlacementStatus, DontKnowTrade)
"""What is spoken in the dialect of a dealer; the rest in that of a session."""


@dataclass(frozen=True, slots=True)
class DeskChange:
    """What the desk decides by from now on.

    `folded` is a desk of the same kind whose statistics were made anew from the journal, and how many events of those
    that are followed it has already.
    """

    desk: Desk
    dialects: Mapping[str, Dialect]
    session_dialects: Mapping[str, Dialect]
    folded: tuple[Trading, int] | None = None


class Trading:
    """The desk behind the sessions. `dialects` is by dealer id, `session_dialects` by session key."""

    def __init__(
        self,
        desk: Desk,
        dialects: Mapping[str, Dialect] | None = None,
        session_dialects: Mapping[str, Dialect] | None = None,
        state: DeskState | None = None,
    ) -> None:
        self.desk = desk
        self.state = state if state is not None else DeskState()
        self._dialects = dict(dialects or {})
        self._session_dialects = dict(session_dialects or {})
        self._followed: list[e.Event] | None = None
        """What happened since `follow`; None while nobody needs it."""

    def draft(self, now: Instant, entropy: bytes, outbox_id: int, session_up: SessionsUp) -> Draft:
        return Draft(self.desk, now, entropy, outbox_id, session_up, DeskState(below=self.state))

    def hear(self, draft: Draft, settings: SessionSettings, message: Message, sent: SentAs) -> None:
        dialect = self._session_dialects.get(settings.key, DEFAULT)
        heard = translation.hear(settings.role, message, dialect, self.desk.naming)
        if isinstance(heard, RefusedByPeer):
            decide.refused(draft, settings.key, heard, sent(heard.ref_seq_num))
        else:
            decide.hear(draft, settings.key, settings.role, heard)

    def speak(self, send: Send) -> tuple[str, bytes]:
        if isinstance(send.said, _TO_DEALERS):
            # Of a trade that nobody ordered the dealer is not known: what came over the session goes back over it.
            dialect = self._dialects.get(send.said.dealer) or self._session_dialects.get(send.session, DEFAULT)
        else:
            dialect = self._session_dialects.get(send.session, DEFAULT)
        return translation.speak(send.said, dialect, copy=send.copy)

    def session_up(self, draft: Draft, settings: SessionSettings, epoch: int) -> None:
        decide.session_up(draft, settings.key, settings.role, epoch)

    def session_down(self, draft: Draft, settings: SessionSettings, ending: Ending) -> None:
        decide.session_down(draft, settings.key, ending.code, ending.text, ending.by)

    def switch(self, session: str) -> Switch | None:
        return self.state.switches.get(session)

    def due(self, draft: Draft, key: Timer) -> None:
        decide.due(draft, key)

    def wanted(self, outbox_id: int) -> bool:
        sent = self.state.sent[str(outbox_id)]
        if sent.fill_id:
            return self.state.quarantine[sent.fill_id].told_outbox_id == outbox_id
        if sent.placement_id:
            placement = self.state.placements[sent.placement_id]
            return placement.unanswered and not placement.cancel_id  # One called back while it waits need not leave.
        rfq = self.state.rfqs[sent.rfq_id]
        ask = rfq.ask_of(sent.dealer)
        return rfq.state is RfqState.asking and ask is not None and ask.state is AskState.asked

    def not_sent(self, draft: Draft, outbox_id: int, reason: str) -> None:
        decide.not_sent(draft, outbox_id, reason)

    def gap_filled(self, draft: Draft, outbox_id: int) -> None:
        decide.gap_filled(draft, outbox_id)

    def subscription_filled_over(self, draft: Draft, settings: SessionSettings) -> None:
        decide.subscription_filled_over(draft, settings.key)

    def hold(self, reason: str) -> None:
        self.desk.hold = reason

    def digest(self) -> str:
        return self.state.digest()

    def refuse(self, draft: Draft, source: str, text: str, error: Exception, key: Timer | None) -> None:
        """Keep the input and the error; an RFQ or order whose own timer failed goes to the trader."""
        kind, ident = key if key is not None else (None, "")
        rfq = draft.state.rfqs.get(ident) if kind is TimerKind.rfq else None
        order_id = rfq.order_id if rfq is not None else ident if kind is TimerKind.order else ""
        reason = masked(f"{type(error).__name__}: {error}")[:INPUT_KEPT_MAX]
        draft.record(e.InputRefused(draft.now_ns, source, masked(text)[:INPUT_KEPT_MAX], reason, order_id))
        draft.page("input refused", source=source, reason=reason)
        if kind is TimerKind.waiting:
            draft.record(e.OrdersLookedAt(draft.now_ns, 0))  # Else it would wake again at once.
        if rfq is not None and rfq.open:
            return_to_trader(draft, draft.state.orders[order_id], "its timer could not be handled")

    def adopt(self, decided: Draft) -> None:
        self.state.adopt(decided.state)
        learn(self.desk.stats, decided.lessons)
        for event in decided.events:
            if type(event) in LEARNT:
                self._learn(event)
            if type(event) in COSTED:
                self.desk.costs.fold(self.state, event)
            if isinstance(event, e.SecuritiesPut):
                self._know(event)
        if self._followed is not None:
            self._followed.extend(decided.events)
        if decided.heard:
            deliveries.adopt(self.desk, decided.heard, decided.now_ns)

    # --- another setting ---------------------------------------------------------------------------

    def follow(self) -> None:
        """Keep what happens from here on: statistics are made anew aside, from what happened before."""
        self._followed = []

    def unfollow(self) -> None:
        self._followed = None

    def objections(self, change: Change, sessions_gone: Sequence[str]) -> list[str]:
        if change.application is None:
            return []
        after = change.application
        assert isinstance(after, DeskChange)
        units = {dealer: dialect.quantity_unit for dealer, dialect in after.dialects.items()}
        counting_anew = [
            dealer
            for dealer, dialect in self._dialects.items()
            if units.get(dealer, dialect.quantity_unit) != dialect.quantity_unit
        ]
        return replacing.objections(self.state, self.desk, after.desk, sessions_gone, counting_anew)

    def take_up(self, change: Change) -> None:
        after = change.application
        assert isinstance(after, DeskChange)
        if after.folded is not None:
            aside, has = after.folded
            for event in (self._followed or [])[has:]:
                aside.fold(event)
        self.desk.take_up(after.desk, with_stats=after.folded is not None)
        for security_id, bond in self.state.bonds.items():
            self.desk.know(security_id, bond)
        self._dialects, self._session_dialects = dict(after.dialects), dict(after.session_dialects)

    def files_taken(self, draft: Draft, kinds: Sequence[str]) -> None:
        if not {"rates", "limits"}.isdisjoint(kinds):
            intake.look_again(draft)

    def file_switch(self, kind: str) -> Scope | None:
        return next((scope for scope in self.state.files_broken() if scope.name == kind), None)

    def fold(self, event: e.Event) -> None:
        """One event of the journal into state and stats. Live, `adopt` takes in a whole draft, to the same end."""
        apply(self.state, event)
        observe(self.desk.stats, self.state, event)
        if type(event) in LEARNT:
            self._learn(event)
        if type(event) in COSTED:
            self.desk.costs.fold(self.state, event)
        if isinstance(event, e.SecuritiesPut):
            self._know(event)

    def _know(self, event: e.SecuritiesPut) -> None:
        """Bonds that were delivered are what everybody looks up from now on."""
        for bond in event.bonds:
            self.desk.know(bond.security_id, bond)
        for security_id in event.removed:
            self.desk.know(security_id, None)

    def _learn(self, event: e.Event) -> None:
        self.desk.learning.fold(event)
        if isinstance(event, e.RoundObserved):
            self.desk.appraisal.quoting.take_round(event.round)

    def deadline_of(self, key: Timer, session_up: Callable[[str], bool], now_ns: int) -> int | None:
        return decide.deadline_of(self.state, key, self.desk.clocks, session_up, now_ns)

    def withheld_by(self, scopes: Sequence[Scope]) -> str:
        """The kill switch among these scopes that is on now; empty if none. Read at release."""
        for scope in scopes:
            kill = self.state.kills.get(str(scope))
            if kill is not None and kill.on:
                return str(scope)
        return ""
