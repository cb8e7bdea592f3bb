"""Sessions that are due, as after a restart: an order waits for those it would ask, a round for whose turn it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from desk_past import EURO
from desk_scene import BOND, MM, Scene, scene

from engine.clock import NS_PER_S
from engine.desk import decide
from engine.desk.order import again
from engine.domain import events as e
from engine.domain.keys import Timer, TimerKind
from engine.domain.order import OrderState, TimeInForce
from engine.domain.rfq import AskState, RfqState

DUE_S = 10
IOC: dict[str, Any] = {"tif": TimeInForce.ioc}


def restart(world: Scene) -> None:
    """The process has just begun: nobody is logged on."""
    world.down |= {each.session for each in world.desk.dealers}
    draft = world.draft()
    draft.record(e.EngineStarted(world.now.utc_ns, 5, "", "", "", "", True))
    world.keep(draft)


def restarted(**kind: Any) -> Scene:
    world = scene(**kind)
    restart(world)
    return world


class TestOrders:
    @pytest.mark.parametrize("more", [{}, IOC], ids=["day", "ioc"])
    def test_an_order_waits_for_all_that_it_would_ask(self, more: dict[str, Any]) -> None:
        world = restarted()
        order_id = world.order(BOND, "buy", MM, account="PARALLEL", **more)
        assert (world.the(order_id).state, world.the(order_id).rounds) == (OrderState.with_trader, 0)
        assert world.the(order_id).note == "waits for ash, beech, cedar to log on"
        assert world.kinds() == ["A/A", "0/0"]
        for session in ("ash", "cedar"):
            world.advance(0.1)
            world.restore(session)
            assert world.asked() == [], "a panel of one, or of two"
        world.restore("beech")
        assert world.asked() == ["ash", "beech", "cedar"]

    def test_no_longer_than_they_are_due(self) -> None:
        world = restarted()
        world.advance(4)
        order_id = world.order(BOND, "buy", MM, account="PARALLEL")
        world.restore("beech")
        world.advance(DUE_S - 4 - 0.01)
        assert world.asked() == []
        world.advance(0.02)
        assert (world.the(order_id).state, world.asked()) == (OrderState.asking, ["beech"])

    def test_an_immediate_order_ends_with_the_wait_where_nobody_came(self) -> None:
        world = restarted()
        order_id = world.order(BOND, "buy", MM, account="PARALLEL", **IOC)
        world.advance(DUE_S - 0.01)
        assert world.the(order_id).open
        world.advance(0.02)
        assert world.kinds() == ["A/A", "0/0", "C/C"]
        assert "nobody can be asked" in world.reports()[-1].text

    def test_an_order_of_the_day_is_the_traders_then_and_asked_once_somebody_comes(self) -> None:
        world = restarted()
        order_id = world.order(BOND, "buy", MM, account="PARALLEL")
        world.advance(DUE_S + 1)
        assert world.the(order_id).state is OrderState.with_trader
        assert len(world.recorded(e.OrderReturned)) == 1
        world.advance(3600)
        world.restore("cedar")
        assert world.asked() == ["cedar"], "the others have been down for an hour: they hold nobody up"

    def test_nobody_waits_for_a_dealer_that_is_down_for_longer(self) -> None:
        world = scene()
        world.drop("beech")
        world.advance(DUE_S)
        world.order(BOND, "buy", MM, account="PARALLEL")
        assert world.asked()[:2] == ["ash", "cedar"]
        assert world.recorded(e.SessionsAwaited) == []

    def test_one_that_was_just_lost_is_waited_for_and_no_longer_however_often_it_comes_and_goes(self) -> None:
        world = scene()
        world.drop("beech")
        world.order(BOND, "buy", MM, account="PARALLEL")
        assert [each.dealers for each in world.recorded(e.SessionsAwaited)] == [("beech",)]
        for _ in range(4):
            world.advance(2.4)
            world.restore("ash")  # Something that has the order looked at.
            world.drop("beech")
        assert world.asked() == []
        world.advance(0.5)
        assert "ash" in world.asked()
        assert "beech" not in world.asked()

    def test_nobody_waits_for_whom_the_rule_would_not_ask(self) -> None:
        """Three are asked; the fourth by name may be as due as it likes."""
        world = scene()
        last = sorted(each.id for each in world.desk.dealers)[-1]
        world.drop(last)
        world.order(BOND, "buy", MM, account="YIELD")
        assert world.asked() == ["ash"]

    @pytest.mark.parametrize("why", ["closed", "switched off", "kill switch"])
    def test_nor_for_one_that_cannot_come_or_be_asked(self, why: str) -> None:
        world = scene()
        world.drop("ash")
        if why == "closed":
            world.close("ash", "08:00 UTC")
        elif why == "switched off":
            draft = world.draft()
            draft.record(e.SessionSwitched(world.now.utc_ns, "ash", False, "person:kim", "test"))
            world.keep(draft)
        else:
            world.command("kill", role="operator", scope="dealer:ash", on=True, reason="test")
        world.order(BOND, "buy", MM, account="YIELD")
        assert world.recorded(e.SessionsAwaited) == []
        assert "ash" not in world.asked()

    def test_one_that_an_operator_lets_on_is_due(self) -> None:
        world = scene()
        world.down.add("ash")
        for enabled in (False, True):
            draft = world.draft()
            draft.record(e.SessionSwitched(world.now.utc_ns, "ash", enabled, "person:kim", "test"))
            world.keep(draft)
        world.order(BOND, "buy", MM, account="YIELD")
        assert world.asked() == []
        world.restore("ash")
        assert world.asked() == ["ash"]

    def test_so_is_one_whose_hours_have_just_begun(self) -> None:
        class Opened:
            def closed(self, utc_ns: int) -> str:
                return ""

            def period_start(self, utc_ns: int) -> int:
                return opened_ns

        world = scene()
        opened_ns = world.now.utc_ns - NS_PER_S
        world.desk.hours = {"ash": Opened()}
        world.down.add("ash")
        world.order(BOND, "buy", MM, account="YIELD")
        assert world.asked() == []
        world.restore("ash")
        assert world.asked() == ["ash"]

    def test_what_a_person_decides_does_not_wait(self) -> None:
        world = restarted()
        order_id = world.order(BOND, "buy", MM, account="HAND")
        assert world.recorded(e.SessionsAwaited) == []
        assert len(world.recorded(e.OrderReturned)) == 1
        assert world.the(order_id).again_ns == 0

    def test_an_immediate_order_that_a_person_holds_is_returned_once(self) -> None:
        world = restarted()
        world.restore("cedar")
        world.order(BOND, "buy", MM, account="HAND", **IOC)
        for session in ("ash", "beech"):
            world.restore(session)
        assert len(world.recorded(e.OrderReturned)) == 1

    def test_a_person_may_send_what_waits(self) -> None:
        world = restarted()
        order_id = world.order(BOND, "buy", MM, account="PARALLEL")
        world.restore("ash")
        world.command("send", order=order_id, fresh=True)
        assert world.asked() == ["ash"]
        world.advance(DUE_S + 1)
        assert world.asked() == ["ash"], "it is asked for already"

    @pytest.mark.starts("noon")  # The order's end is another one near midnight.
    def test_no_order_waits_beyond_its_end(self) -> None:
        world = restarted()
        world.restore("cedar")
        end_ns = world.now.utc_ns + 5 * NS_PER_S
        world.order(BOND, "buy", MM, account="PARALLEL", tif=TimeInForce.gtd, expire_ns=end_ns)
        assert world.asked() == ["cedar"]

    def test_a_setting_of_nothing_waits_for_nobody(self) -> None:
        world = restarted()
        world.desk.clocks = replace(world.desk.clocks, session_due_ns=0)
        world.restore("cedar")
        world.order(BOND, "buy", MM, account="PARALLEL")
        assert world.asked() == ["cedar"]

    def test_an_order_that_waited_before_the_restart_waits_for_the_others_after_it(self) -> None:
        """Everybody was gone for an hour, and so was the process then."""
        world = scene()
        for dealer in world.desk.dealers:
            world.drop(dealer.session)
        world.advance(DUE_S + 1)
        world.order(BOND, "buy", MM, account="PARALLEL")
        world.advance(600)
        restart(world)
        world.restore("beech")
        assert world.asked() == []
        world.restore("ash")
        world.restore("cedar")
        assert world.asked() == ["ash", "beech", "cedar"]


class TestManyAtOnce:
    """One turn looks at so many orders and no more; a timer goes on with the rest."""

    COUNT = 3 * again.LOOKED_AT_ONCE + 5

    def waiting(self) -> Scene:
        world = scene(open_rfqs_max=500, duplicate_window_ns=0)
        world.command("kill", role="operator", scope="all", on=True, reason="test")
        for _ in range(self.COUNT):
            world.order(BOND, "buy", MM, account="PARALLEL")
        assert world.asked() == []
        world.command("kill", role="operator", scope="all", on=False, reason="test")
        return world

    def test_they_are_asked_for_in_turns_of_bounded_size(self) -> None:
        world = self.waiting()
        opened = world.recorded(e.RfqOpened)
        assert len(opened) == again.LOOKED_AT_ONCE
        turns = 0
        while world.state.to_look_at():
            before = len(world.recorded(e.RfqOpened))
            draft = world.draft()
            decide.due(draft, Timer(TimerKind.waiting, ""))
            world.keep(draft)
            turns += 1
            assert 0 < len(world.recorded(e.RfqOpened)) - before <= again.LOOKED_AT_ONCE
        assert (turns, len(world.recorded(e.RfqOpened))) == (3, self.COUNT)
        assert [each.order_id for each in world.recorded(e.RfqOpened)] == sorted(world.state.orders.keys())[
            -self.COUNT :
        ]

    def test_those_that_wait_for_a_rate_are_looked_at_in_as_many_turns(self) -> None:
        world = scene(open_rfqs_max=500, duplicate_window_ns=0)
        for _ in range(self.COUNT):
            world.order(EURO, "buy", MM, account="PARALLEL")
        rows = [{"pair": "EUR/USD", "price": "1.0850"}]
        world.command("rates.put", actor="fx", role="feed", rows=rows)
        assert len(world.recorded(e.RfqOpened)) == again.LOOKED_AT_ONCE
        world.advance(0)
        assert len(world.recorded(e.RfqOpened)) == self.COUNT
        assert world.state.to_look_at() == 0

    def test_the_timer_is_due_at_once_until_all_were_looked_at(self) -> None:
        world = self.waiting()
        world.advance(0)
        assert len(world.recorded(e.RfqOpened)) == self.COUNT
        assert world.state.to_look_at() == 0

    def test_what_comes_meanwhile_begins_anew(self) -> None:
        world = self.waiting()
        world.drop("ash")
        world.restore("ash")
        assert len(world.recorded(e.RfqOpened)) == 2 * again.LOOKED_AT_ONCE
        world.advance(0)
        assert len(world.recorded(e.RfqOpened)) == self.COUNT


class TestRounds:
    """A dealer whose turn it is and whose session is due is waited for; until now it was passed over for good."""

    def interrupted(self, account: str) -> tuple[Scene, str]:
        """ash was asked and has declined; then the process ends, and it is the turn of beech."""
        world = scene()
        order_id = world.order(BOND, "buy", MM, account=account)
        assert world.asked() == ["ash"]
        return world, order_id

    @pytest.mark.parametrize(("account", "turn_s"), [("WHISPER", 20), ("SPACED", 5)])
    def test_whose_turn_comes_while_nobody_is_logged_on(self, account: str, turn_s: float) -> None:
        world, order_id = self.interrupted(account)
        world.advance(turn_s - 0.5)
        restart(world)
        world.advance(1)
        assert world.asked() == ["ash"]
        assert world.rfq(order_id).state is RfqState.asking
        assert [(each.dealer, each.reason) for each in world.recorded(e.AskBlocked)] == []
        world.restore("beech")
        assert world.asked() == ["ash", "beech"]
        assert world.ask(order_id, "beech").state is AskState.asked

    def test_no_longer_than_it_is_due(self) -> None:
        world, order_id = self.interrupted("WHISPER")
        world.advance(19.5)
        restart(world)
        world.advance(1)
        world.restore("cedar")
        world.advance(DUE_S - 1 - 0.01)
        assert world.asked() == ["ash"]
        world.advance(0.02)
        assert world.asked() == ["ash", "cedar"]
        assert world.ask(order_id, "beech").note == "session beech is not logged on"

    def test_nor_longer_than_an_answer_may_take(self) -> None:
        rules = 'rule "quick" when true ask top 3 one at a time, wait 3s send automatically'
        world = scene(rules)
        order_id = world.order(BOND, "buy", MM)
        world.advance(2.9)
        restart(world)
        world.advance(0.2)
        world.restore("cedar")
        world.advance(3.2)
        assert world.ask(order_id, "beech").state is AskState.blocked
        assert world.asked() == ["ash", "cedar"]

    def test_once_however_often_it_comes_and_goes(self) -> None:
        world, order_id = self.interrupted("WHISPER")
        world.advance(19.5)
        restart(world)
        world.restore("cedar")
        for _ in range(4):
            world.advance(3)
            world.drop("beech")
        assert world.ask(order_id, "beech").state is AskState.blocked
        assert world.asked() == ["ash", "cedar"]

    def test_a_list_of_a_persons_own_asks_who_is_there_and_waits_for_the_rest(self) -> None:
        world = scene()
        order_id = world.order(BOND, "buy", MM, account="HAND")
        world.drop("beech")
        answer = world.command("override", order=order_id, dealers=["ash", "beech"], reason="they know it")
        assert (answer["asked"], answer["blocked"], answer["awaited"]) == (["ash"], [], ["beech"])
        world.says("ash", "99.95", order_id)
        assert world.rfq(order_id).state is RfqState.asking
        world.restore("beech")
        assert world.asked() == ["ash", "beech"]

    def test_a_dealer_that_may_not_be_asked_for_another_reason_is_passed_over_at_once(self) -> None:
        world, order_id = self.interrupted("WHISPER")
        world.command("kill", role="operator", scope="dealer:beech", on=True, reason="test")
        world.drop("beech")
        world.declines("ash", order_id)
        assert world.asked() == ["ash", "cedar"]

    def test_the_order_may_end_meanwhile(self) -> None:
        world, order_id = self.interrupted("WHISPER")
        world.drop("beech")
        world.declines("ash", order_id)
        assert world.asked() == ["ash"]
        world.cancel(order_id)
        assert world.the(order_id).state is OrderState.canceled
        world.restore("beech")
        assert world.asked() == ["ash"]


class TestAnswersOnTheirWay:
    """A dealer may have answered while nobody was logged on: its quote comes with what is sent again after a logon."""

    def interrupted(self, beech_firm_s: int | None = None) -> tuple[Scene, str]:
        """The wait is over half a second after a restart; nothing is known of ash."""
        world = scene()
        order_id = world.order(BOND, "buy", MM, account="SINGLE")
        world.declines("cedar", order_id)
        world.advance(30)
        if beech_firm_s is None:
            world.declines("beech", order_id)
        else:
            world.quote("beech", "99.97", order_id=order_id, firm_s=beech_firm_s)
        world.advance(29.5)
        restart(world)
        world.advance(0.6)
        assert world.ask(order_id, "ash").state is AskState.not_delivered
        assert world.rfq(order_id).state is RfqState.asking
        return world, order_id

    def test_the_quote_is_taken(self) -> None:
        world, order_id = self.interrupted()
        world.restore("ash")
        world.advance(0.5)
        assert world.rfq(order_id).state is RfqState.asking
        world.says("ash", "99.95", order_id)
        assert world.accepted() == ["ash"]

    def test_so_long_after_the_logon_and_no_longer(self) -> None:
        world, order_id = self.interrupted()
        world.restore("ash")
        world.advance(1.9)
        assert world.rfq(order_id).state is RfqState.asking
        world.advance(0.2)
        assert world.rfq(order_id).state is RfqState.closed
        assert world.the(order_id).state is OrderState.with_trader

    def test_nor_than_its_session_is_due(self) -> None:
        world, order_id = self.interrupted()
        world.advance(DUE_S - 0.7)
        assert world.rfq(order_id).state is RfqState.asking
        world.advance(0.2)
        assert world.the(order_id).state is OrderState.with_trader

    def test_nor_than_another_ones_quote_can_be_had(self) -> None:
        world, _ = self.interrupted(beech_firm_s=35)
        world.restore("beech")
        assert world.accepted() == [], "ash may have been better"
        world.advance(35 - 30.1 - 0.75 - 0.05)
        assert world.accepted() == []
        world.advance(0.1)
        assert world.accepted() == ["beech"]

    def test_the_better_one_of_both_is_taken(self) -> None:
        world, order_id = self.interrupted(beech_firm_s=60)
        world.restore("beech")
        world.restore("ash")
        world.says("ash", "99.95", order_id)
        assert world.accepted() == ["ash"]

    def test_a_dealer_that_declined_meanwhile_ends_the_wait(self) -> None:
        world, order_id = self.interrupted(beech_firm_s=60)
        world.restore("beech")
        world.restore("ash")
        world.declines("ash", order_id)
        world.advance(2.1)
        assert world.accepted() == ["beech"]

    def test_one_that_was_down_for_long_is_not_waited_for(self) -> None:
        world = scene()
        order_id = world.order(BOND, "buy", MM, account="SINGLE")
        world.declines("cedar", order_id)
        world.declines("beech", order_id)
        world.drop("ash")
        world.advance(60)
        assert world.the(order_id).state is OrderState.with_trader

    def test_it_is_no_observation_of_the_dealer(self) -> None:
        world, order_id = self.interrupted()
        world.restore("ash")
        world.says("ash", "99.95", order_id)
        world.fills(order_id)
        assert "ash" not in [each.dealer for each in world.recorded(e.RoundObserved)[-1].round.asks]
        assert world.recorded(e.DealerSilent) == []


class TestWhatIsShown:
    """Whoever looks at a round that waits is told what for."""

    def shown(self, world: Scene, order_id: str) -> str | None:
        words: str | None = world.command("order__show", order=order_id)["rfqs"][-1].get("waits_for")
        return words

    def test_a_dealer_that_is_to_be_asked(self) -> None:
        world = scene()
        order_id = world.order(BOND, "buy", MM, account="WHISPER")
        assert self.shown(world, order_id) is None
        world.drop("beech")
        world.declines("ash", order_id)
        assert self.shown(world, order_id) == "beech to log on"
        world.advance(DUE_S)
        assert self.shown(world, order_id) is None

    def test_what_a_dealer_may_have_said(self) -> None:
        world, order_id = TestAnswersOnTheirWay().interrupted()
        assert self.shown(world, order_id) == "what ash may have said meanwhile"

    def test_a_better_quote(self) -> None:
        world = scene()
        order_id = world.order(BOND, "buy", MM, account="SINGLE")
        world.quote("ash", "99.95", order_id=order_id, firm_s=60)
        world.quote("beech", "99.90", order_id=order_id, firm_s=60)
        world.drop("beech")
        world.declines("cedar", order_id)
        assert self.shown(world, order_id) == "99.90 of beech, whose session may return"
        world.restore("beech")
        assert self.shown(world, order_id) is None
