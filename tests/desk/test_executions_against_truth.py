"""Random histories of executions, against dealers that know what they truly traded.

Reports come late, in the wrong order, twice, without TradeDate(75), under two ExecIDs, as copies, or never; trades are
taken back and corrected, by whatever name, before their fill is told or long after; cancels race with fills; sessions
drop; the desk starts again from its journal. What is said of trades that were told comes in the order in which it was
said. After every step what is filled and reserved is
within the order, and so is what all dealers have truly traded of it. At the end, when everything that was not lost has
arrived, what the OMS and the drop copy were told is what was traded; or it is less, and a person was called.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import pytest
from desk_scene import BOND, MM, Scene, scene
from true_dealer import Habits, Report, TrueDealer, TrueOrder

from engine.desk.apply import apply
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain import messages as m
from engine.domain.order import OrderState, Side
from engine.domain.placement import Placement
from engine.domain.rfq import RfqState
from engine.errors import CommandError
from engine.fix.flows.dialect import DEFAULT
from engine.fix.flows.translation import hear
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec
from engine.journal.event_codec import Codec, event_types

pytestmark = pytest.mark.starts("noon")
"""Nothing here is about the time."""

DICTIONARY: Final = built_in("FIX.4.4")
CODEC: Final = Codec(event_types(vars(e), e.Event), e.UPCASTERS)
AT_ONCE: Final = 25
DEFAULT_SEEDS: Final = 200
FULL_SEEDS: Final = 5_000
STEPS: Final = 45


class History:
    """One order, three dealers, and whatever a seed makes of them."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.world: Scene = scene()
        self.dealers = {name: TrueDealer(name, rng, Habits.drawn(rng)) for name in ("ash", "beech", "cedar")}
        self.loses = rng.random() < 0.3
        self.disorder = rng.choice((0.0, 0.25, 0.9))
        self.lost: set[str] = set()
        """Acceptances of which a report was lost for good."""
        self.heard = 0
        self.order_id = self.world.order(BOND, rng.choice(("buy", "sell")), MM, account="AUTO")
        self.quote()

    def run(self) -> None:
        steps = (
            self.deal,
            self.deal,
            self.deliver,
            self.deliver,
            self.deliver,
            self.copy,
            self.deal,
            self.wait,
            self.quote,
            self.change,
        )
        rare = (self.cancel, self.interrupt, self.restart, self.lose, self.drop_ask)
        for _ in range(STEPS):
            self.collect()
            self.rng.choice(rare if self.rng.random() < 0.12 else steps)()
            self.check_bounds()
        self.drain()

    # --- what may happen ---------------------------------------------------------------------------

    def collect(self) -> None:
        """What the desk has sent reaches the dealers' inboxes."""
        for send in self.world.sends[self.heard :]:
            said = send.said
            if isinstance(said, (m.AcceptQuote, m.CancelPlacement, m.AskPlacementStatus)):
                self.dealers[send.session].inbox.append(said)
        self.heard = len(self.world.sends)

    def deal(self) -> None:
        busy = [each for each in self.dealers.values() if each.inbox or any(not x.over for x in each.orders.values())]
        if not busy:
            return
        dealer = self.rng.choice(busy)
        live = [order for order in dealer.orders.values() if not order.over]
        if dealer.inbox and (not live or self.rng.random() < 0.5):
            dealer.take()
        elif live and self.rng.random() < 0.8:
            dealer.trade(self.rng.choice(live))
        elif live:
            dealer.end(self.rng.choice(live))

    def change(self) -> None:
        """A dealer takes a trade back, or corrects one."""
        found = [(dealer, order) for dealer in self.dealers.values() for order in dealer.changeable()]
        if found:
            dealer, order = self.rng.choice(found)
            if self.rng.random() < 0.5:
                dealer.take_back(order)
            else:
                dealer.correct(order)

    def deliver(self) -> None:
        dealer = self._with_reports()
        if dealer is None:
            return
        self.hear(dealer, dealer.outbox.pop(self._one_of(dealer) if self.rng.random() < self.disorder else 0))

    def copy(self) -> None:
        """One comes now, and once more at its time."""
        dealer = self._with_reports()
        if dealer is not None:
            self.hear(dealer, dealer.copy_of(dealer.outbox[self._one_of(dealer)]))

    def lose(self) -> None:
        dealer = self._with_reports()
        if dealer is not None and self.loses and dealer.outbox[-1][150] not in "GH":
            gone = dealer.outbox.pop()
            self.lost |= {gone.get(41, gone[11]), *self._of_cancel(gone[11])}

    def drop_ask(self) -> None:
        """An acceptance never arrives: R and D leave at most once."""
        for dealer in self.dealers.values():
            if dealer.inbox and isinstance(dealer.inbox[0], m.AcceptQuote):
                self.world.fill_over(self.world.state.placements[dealer.inbox.pop(0).placement_id].outbox_id)
                return

    def wait(self) -> None:
        self.world.advance(self.rng.choice((1, 2, 6)))

    def cancel(self) -> None:
        if self.world.the(self.order_id).open and self.rng.random() < 0.4:
            self.world.cancel(self.order_id, f"cancel{self.world.turns}")

    def interrupt(self) -> None:
        name = self.rng.choice(list(self.dealers))
        self.world.drop(name)
        self.world.restore(name)

    def restart(self) -> None:
        """The state is what its journal says."""
        state = DeskState()
        for event in self.world.events:
            apply(state, CODEC.decode(*CODEC.encode(event)))
        assert state.digest() == self.world.state.digest()
        self.world.state = state
        for name in self.dealers:
            self.world.drop(name)
            self.world.restore(name)

    def quote(self) -> None:
        """Everybody who was asked quotes, the person asks again where a round has ended, and takes what is there."""
        world, order = self.world, self.world.the(self.order_id)
        try:
            if order.state is OrderState.with_trader:
                world.mark()
                world.command("send", order=self.order_id)
            rfq = world.state.rfqs.get(world.the(self.order_id).rfq_id)
            if rfq is None or rfq.state not in (RfqState.asking, RfqState.deciding):
                return
            better = -1 if rfq.side is Side.buy else 1
            for at, ask in enumerate(rfq.asks):
                if world.state.rfqs[rfq.rfq_id].state in (RfqState.asking, RfqState.deciding):
                    price = Decimal(100) - better * Decimal("0.01") * at + better * Decimal("0.05")
                    world.says(ask.dealer, f"{price}", self.order_id)
            if world.the(self.order_id).state is OrderState.asking:
                world.command("execute", order=self.order_id)
        except CommandError:
            return  # Something is unanswered, or nothing is left: as it should be.

    def hear(self, dealer: TrueDealer, report: Report) -> None:
        frame = codec.frame(
            begin_string="FIX.4.4",
            msg_type="8",
            seq_num=7,
            sender=dealer.name.upper(),
            target="BUYSIDE",
            sending_time="20261123-15:00:00.000",
            body=codec.encode_body(list(report.items())),
        )
        self.world.hear(dealer.name, hear("dealer", codec.decode(frame, DICTIONARY), DEFAULT))
        self.check_bounds()

    def drain(self) -> None:
        """Everything that is on its way arrives, and every dealer says its last word."""
        for _ in range(60):
            self.collect()
            busy = False
            for dealer in self.dealers.values():
                while dealer.inbox:
                    dealer.take()
                    busy = True
                while dealer.outbox:
                    self.hear(dealer, dealer.outbox.pop(0))
                    busy = True
                for order in dealer.orders.values():
                    if not order.over:
                        dealer.end(order)
                        busy = True
            self.world.advance(6)
            if not busy and self.heard == len(self.world.sends):
                return
        raise AssertionError("there is no end to it")

    # --- what must hold ----------------------------------------------------------------------------

    def check_bounds(self) -> None:
        """Filled, accepted and in doubt are within the order; so is what was truly traded, or may be still.

        Where a dealer's fill comes after its word that all was canceled, as it was, a person is called until then.
        """
        order, placements = self.world.the(self.order_id), self.world.state.placements_of(self.order_id)
        contradicted = any(page.body["what"] == "fill after the end" for page in self.world.pages())
        assert order.filled + sum(each.reserved for each in placements) <= MM or contradicted
        assert order.filled <= MM
        assert order.filled == sum((each.filled for each in placements), Decimal(0))
        assert sum(true.traded + true.leaves for true in self.true_orders()) <= MM

    def check_end(self) -> None:
        told = [self.world.reports(copy) for copy in (False, True)]
        assert told[0] == told[1], "the drop copy is told what the OMS is"
        assert len({report.exec_id for report in told[0]}) == len(told[0])
        order, trades = self.world.the(self.order_id), dict(as_told(told[0]))
        assert sum((quantity for quantity, _ in trades.values()), Decimal(0)) == order.filled
        assert sum((quantity * price for quantity, price in trades.values()), Decimal(0)) == order.filled_value
        for true in self.true_orders():
            placement = self.world.state.placements[true.accept.placement_id]
            habits = self.dealers[placement.dealer].habits
            if not (true.misprinted or habits.tells_twice or habits.changes_its_mind):
                assert not self.world.state.in_quarantine(placement.placement_id), "a copy is a copy"
            if placement.filled != true.traded:
                assert placement.filled < true.traded or placement.placement_id in self.lost, (
                    "nothing is booked that was not traded"
                )
                overtook = habits.changes_its_mind and self.world.state.in_quarantine(placement.placement_id)
                assert true.misprinted or overtook or placement.placement_id in self.lost, "everything has arrived"
                assert self._person_knows(placement), "somebody hears of a difference"
            elif not true.misprinted and placement.placement_id not in self.lost:
                # A word that was overtaken by a change of mind is one for a person, as is one that forgets a fill which
                # waits in quarantine.
                kept = self.disorder or self.world.state.in_quarantine(placement.placement_id)
                undone = habits.changes_its_mind and kept and self._person_knows(placement)
                assert not placement.unanswered or undone, "all was said"
                booked = sum((each.quantity * each.price for each in self.world.state.fills_at(placement)), Decimal(0))
                assert booked == sum((each.quantity * each.price for each in true.trades), Decimal(0)), "at its price"

    def true_orders(self) -> Iterator[TrueOrder]:
        for dealer in self.dealers.values():
            yield from dealer.orders.values()

    def _person_knows(self, placement: Placement) -> bool:
        mine = placement.placement_id
        doubted = any(
            each.placement_id == mine and each.person_needed for each in self.world.recorded(e.PlacementDoubted)
        )
        kept = any(each.placement_id == mine for each in self.world.recorded(e.FillQuarantined))
        paged = any(
            page.body.get("dealer") == placement.dealer and not page.body["what"].startswith("trade ")
            for page in self.world.pages()
        )
        return doubted or kept or paged

    def _one_of(self, dealer: TrueDealer) -> int:
        """The place of any report of a dealer; of those that change a trade the first."""
        at = self.rng.randrange(len(dealer.outbox))
        changes = [place for place, report in enumerate(dealer.outbox) if report[150] in "GH"]
        return changes[0] if at in changes else at

    def _with_reports(self) -> TrueDealer | None:
        some = [dealer for dealer in self.dealers.values() if dealer.outbox]
        return self.rng.choice(some) if some else None

    def _of_cancel(self, name: str) -> set[str]:
        return {said.placement_id for said in self.world.said(m.CancelPlacement) if said.cancel_id == name}


def as_told(reports: list[m.OrderReport]) -> dict[str, tuple[Decimal, Decimal]]:
    """What whoever reads the reports has in its books: size and price of every trade by the ExecID(17) it knows."""
    trades: dict[str, tuple[Decimal, Decimal]] = {}
    for report in reports:
        if report.kind in (m.ReportKind.trade_canceled, m.ReportKind.trade_corrected):
            del trades[report.exec_ref_id]
        if report.kind in (m.ReportKind.trade, m.ReportKind.trade_corrected):
            assert report.last_quantity is not None
            assert report.last_price is not None
            trades[report.exec_id] = report.last_quantity, report.last_price
        total = sum((quantity for quantity, _ in trades.values()), Decimal(0))
        assert report.cum_quantity == total, "CumQty(14) is the sum of the trades"
    return trades


def _groups() -> list[object]:
    groups = []
    for first in range(1, FULL_SEEDS + 1, AT_ONCE):
        marks = [pytest.mark.full] if first > DEFAULT_SEEDS else []
        groups.append(
            pytest.param(range(first, first + AT_ONCE), id=f"seeds {first}-{first + AT_ONCE - 1}", marks=marks)
        )
    return groups


@pytest.mark.parametrize("seeds", _groups())
def test_what_is_booked_is_what_was_traded_or_a_person_knows(seeds: range) -> None:
    for seed in seeds:
        history = History(seed)
        try:
            history.run()
            history.check_end()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
