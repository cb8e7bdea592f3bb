"""Days of a desk in a journal of their own, with every text that was in force: what research reads.

The desk is the shipped configuration's, decided and adopted as the daemon does it, each turn kept as it comes; there
are no sessions, timers are those that a test names. `start` begins a process, `reload` puts other files in force.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from desk_builder import FakeMachine, FakeSession

from engine.boot.configured import Configured, read, read_again
from engine.boot.reload import _learns_otherwise
from engine.boot.take_over import LOGIC_VERSION, fold, recall_tape
from engine.clock import NS_PER_DAY, NS_PER_S, Instant
from engine.commands import answering
from engine.config import load
from engine.desk import decide
from engine.desk.draft import AskedOneByOne, Draft
from engine.desk.learning import OBSERVATIONS, Learning
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import Handling, Side, TimeInForce
from engine.domain.rfq import AskState, QuoteKind
from engine.journal.archive import ReadOnly
from engine.journal.batch import EventRow, MarkRow, StagedTurn, TextRow, TradeRow
from engine.journal.events import events_codec
from engine.journal.writer import Journal
from engine.market.marks import Mark, Quality
from engine.market.tape import Trade
from engine.turn.outcome import Change
from engine.turn.trading import DeskChange, Trading

ROOT = Path(__file__).resolve().parents[2]
MONDAY_NS = (1_793_577_600 + 14 * 3600) * NS_PER_S  # 2026-11-02 14:00 UTC.


def installation(folder: Path) -> Path:
    """The shipped configuration, copied so that a test may change it; its engine.toml."""
    shutil.copy(ROOT / "engine.toml", folder)
    shutil.copytree(ROOT / "config", folder / "config")
    # What a securities file says of trading is of the day on which it was written.
    written(folder / "config" / "securities" / "sample.csv", MONDAY_NS)
    return folder / "engine.toml"


def written(path: Path, at_ns: int) -> None:
    """Make it the file of that day, whenever this is run."""
    os.utime(path, ns=(at_ns, at_ns))


class KeptDays:
    """One engine after the other on one journal."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.path = config.parent / "kept.db"
        self.now_ns = MONDAY_NS
        self.journal = Journal(self.path, "normal", reserve_bytes=0)
        self.up: set[str] = set()
        self.turns = self.events = self.outbox_id = self.orders = 0
        self.configured: Configured
        self.trading: Trading
        self._codec = events_codec()

    def close(self) -> None:
        self.journal.close()

    @property
    def state(self) -> DeskState:
        return self.trading.state

    # --- processes -----------------------------------------------------------------------------------

    def start(self) -> None:
        """An engine by what the files say now, with what the journal has; nobody is logged on yet."""
        self.configured = read(load(self.config)).configured
        self.trading = self._folded(self.configured)
        self.up.clear()
        in_force = self.configured.in_force()
        hashes = (in_force.config_hash, *(in_force.hash(kind) for kind in ("dealers", "scoring", "rules")))
        started = e.EngineStarted(self.now_ns, LOGIC_VERSION, *hashes, True, in_force.texts)
        self.turn(lambda draft: draft.record(started), texts=in_force.rows)

    def stop(self) -> None:
        """The engine ends, as it does when it is told to."""
        self.log_off(*sorted(self.up))
        self.turn(lambda draft: draft.record(e.EngineStopped(draft.now_ns, "a test")))

    def reload(self, *kinds: str) -> None:
        """These files as they are now."""
        self.configured = read_again(self.configured, kinds)
        in_force = self.configured.in_force()
        parts = self.configured.parts()
        self.trading.follow()
        folded = (self._folded(self.configured), 0) if _learns_otherwise(parts.desk, self.trading.desk) else None
        self.turn(
            lambda draft: draft.record(e.Reloaded(draft.now_ns, kinds, in_force.texts, "kim", "a test", kinds)),
            texts=in_force.rows,
        )
        desk = parts.desk if folded is None else folded[0].desk
        change = DeskChange(desk, parts.dialects, parts.session_dialects, folded)
        self.trading.take_up(Change(application=change))
        self.trading.unfollow()

    def log_on(self, *sessions: str) -> None:
        """These, or everybody."""
        for key in sessions or [dealer.session for dealer in self.trading.desk.dealers]:
            self.up.add(key)
            self.turn(lambda draft, key=key: decide.session_up(draft, key, "dealer", 1))  # type: ignore[misc]

    def log_off(self, *sessions: str) -> None:
        for key in sessions:
            self.up.discard(key)
            self.turn(lambda draft, key=key: decide.session_down(draft, key, "logout", "gone", "peer"))  # type: ignore[misc]

    # --- what happens --------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        self.now_ns += int(seconds * NS_PER_S)

    def price(self, security_id: str, price: str, quoted_s_ago: float = 0.0) -> None:
        """A mark that is heard now."""
        at_ns = self.now_ns - int(quoted_s_ago * NS_PER_S)
        mark = Mark(security_id, Decimal(price), at_ns, "marks", Quality.COMPOSITE, Decimal("0.1"))
        row = MarkRow(self.now_ns, security_id, "marks", at_ns, price, "0.1", Quality.COMPOSITE.value)
        self.turn(lambda draft: draft.hear(mark), marks=(row,))

    def order(self, security_id: str, side: str, quantity: int, account: str = "FUND_A") -> str:
        """An order of the OMS; its number."""
        self.orders += 1
        order_id = self.state.next_id("orders", "O")
        heard = m.NewOrder(
            cl_ord_id=f"oms{self.orders}",
            account=account,
            security_id=security_id,
            side=Side(side),
            quantity=Decimal(quantity),
            limit_price=None,
            tif=TimeInForce.gtd,
            expire_ns=self.now_ns + 30 * NS_PER_DAY,
            handling=Handling.automatic,
            currency=self.trading.desk.securities[security_id].currency,
            transact_ns=self.now_ns,
        )
        self.turn(lambda draft: decide.hear(draft, "oms", "oms", heard))
        return order_id

    def command(self, name: str, **params: Any) -> Any:
        sessions = {key: FakeSession() for key in self.up}
        return self.turn(
            lambda draft: answering.run_on_desk(draft, name, params, "kim", "operator", FakeMachine(sessions))
        )

    def quote(self, order_id: str, edges_bps: Sequence[float], fair: float = 100.0) -> None:
        """Everybody who is asked quotes, the first so much better than fair, and so on."""
        rfq = self.state.rfqs[self.state.orders[order_id].rfq_id]
        sign = rfq.side.sign
        waiting = [ask for ask in rfq.asks if ask.state is AskState.asked]
        for ask, edge_bps in zip(waiting, edges_bps, strict=False):
            value = Decimal(f"{fair - sign * fair * edge_bps / 1e4:.4f}")
            self.advance(0.5)
            heard = m.QuoteAnswer(
                quote_req_id=ask.quote_req_id,
                quote_id=f"{ask.dealer}-{self.turns}",
                security_id=self.state.orders[order_id].terms.security_id,
                kind=QuoteKind.tradeable,
                bid=value - 1 if sign > 0 else value,
                offer=value if sign > 0 else value + 1,
                bid_quantity=rfq.quantity,
                offer_quantity=rfq.quantity,
                valid_until_ns=self.now_ns + 30 * NS_PER_S,
            )
            session = self.trading.desk.dealers[ask.dealer].session
            self.turn(lambda draft, s=session, h=heard: decide.hear(draft, s, "dealer", h))  # type: ignore[misc]

    def trade(self, order_id: str) -> None:
        """The best quote is taken, and filled."""
        self.command("execute", order=order_id)
        placement = self.state.placements[self.state.orders[order_id].placement_id]
        day = f"{datetime.fromtimestamp(self.now_ns // NS_PER_S, UTC):%Y%m%d}"
        self.advance(1)
        heard = m.DealerReport(
            word=m.DealerWord.filled,
            cl_ord_id=placement.placement_id,
            orig_cl_ord_id="",
            order_id="D1",
            exec_id=f"X{self.turns}",
            security_id=placement.security_id,
            side=placement.side,
            last_quantity=placement.quantity,
            last_price=placement.price,
            cum_quantity=placement.quantity,
            leaves_quantity=Decimal(0),
            average_price=placement.price,
            trade_date=day,
            settl_date="",
            transact_ns=self.now_ns,
            status="2",
            as_came="",
        )
        self.turn(lambda draft: decide.hear(draft, placement.session, "dealer", heard))
        assert self.state.orders[order_id].filled

    def over(self, order_id: str) -> None:
        """Time passes until the order's round is over."""
        rfq_id = self.state.orders[order_id].rfq_id
        for _ in range(10):
            if not self.state.rfqs[rfq_id].open:
                return
            self.advance(150)
            self.turn(lambda draft: decide.due(draft, Timer(TimerKind.rfq, rfq_id)))

    def print(self, security_id: str, quantity: int, price: str = "100") -> None:
        """A trade of the market that is heard now; the source tells all of them from the day of the first one on."""
        bond = self.trading.desk.securities[security_id]
        trade_id = f"T{self.turns}"
        trade = Trade(
            security_id, bond.asset_class.value, Decimal(price), Decimal(quantity), self.now_ns, "marks", trade_id
        )
        row = TradeRow(
            self.now_ns, "trade", security_id, trade.asset_class, "marks", trade_id, self.now_ns, price, str(quantity)
        )
        self.turn(lambda draft: draft.hear(trade), trades=(row,))

    def tell(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Rounds that were asked elsewhere, and what is learnt anew from them aside."""
        answer = self.command("history.add", rows=list(rows), origin="elsewhere")
        assert not answer["refused"], answer
        learning = self.trading.desk.learning
        learning.begin_aside()
        aside = Learning(learning.parameters, is_replaying=True)
        with ReadOnly(self.path) as file:
            for row in file.events():
                event = self._codec.decode(row.type, row.version, row.body)
                if type(event) in OBSERVATIONS:
                    aside.fold(event)
        aside.rebuilt()
        learning.end_aside(aside)
        rebuilt = e.EstimatesRebuilt(self.now_ns, aside.observations, learning.waiting, "a test")
        self.turn(lambda draft: draft.record(rebuilt))

    # --- turns ---------------------------------------------------------------------------------------

    def turn(
        self,
        action: Callable[[Draft], Any],
        *,
        marks: tuple[MarkRow, ...] = (),
        trades: tuple[TradeRow, ...] = (),
        texts: Sequence[TextRow] = (),
    ) -> Any:
        """One turn, decided, kept and adopted."""
        self.now_ns += 1_000
        entropy = (self.turns + 1).to_bytes(16, "big")
        up = AskedOneByOne(lambda key: key in self.up)
        state = DeskState(below=self.trading.state)
        draft = Draft(self.trading.desk, Instant(0, self.now_ns), entropy, self.outbox_id, up, state)
        answer = action(draft)
        self.turns += 1
        rows = []
        for event in draft.events:
            self.events += 1
            rows.append(EventRow(self.events, self.turns, *self._named(event)))
        marks = tuple(row._replace(heard_ns=self.now_ns) for row in marks)
        staged = StagedTurn(
            self.turns,
            self.now_ns,
            "Test",
            "",
            "",
            tuple(rows),
            marks=marks,
            trades=tuple(row._replace(heard_ns=self.now_ns) for row in trades),
            texts=tuple(each._replace(turn_seq=self.turns) for each in texts),
        )
        self.journal.commit([staged])
        self.trading.adopt(draft)
        self.outbox_id = draft.outbox_id
        return answer

    def _folded(self, configured: Configured) -> Trading:
        """A desk as a start makes it."""
        trading = Trading(configured.parts().desk)
        with ReadOnly(self.path) as file:
            fold(file, trading, self._codec)
            trading.desk.learning.settle()
            recall_tape(file, trading.desk)
        return trading

    def _named(self, event: e.Event) -> tuple[str, int, int, Any]:
        name, version, body = self._codec.encode(event)
        return name, version, event.at_ns, body
