"""The eight guarantees, each attacked where it would hurt. The seeds of the simulation attack all of them at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sim_engine import PHASES
from sim_setting import setting
from sim_time import NS
from world import OBEDIENT, QUIET, SimulationFailed, World

from engine.boot import assembly
from engine.clock import Instant
from engine.config import load
from engine.desk import apply as folding
from engine.desk.draft import AskedOneByOne, Draft
from engine.desk.gate.risk import Cleared
from engine.desk.order import intake
from engine.desk.state import DeskState
from engine.domain import events as e
from engine.domain.order import Handling, OrderTerms, Side, TimeInForce
from engine.domain.placement import PlacementState
from engine.domain.rfq import AskState, RfqState
from engine.journal.archive import audit
from engine.journal.opening import Durability
from engine.runtime import release
from engine.turn import REFUSALS_MAX, Turn, Write

ROOT = Path(__file__).resolve().parents[1]
SMALL: dict[str, Any] = {"t38": 100_000, "t40": "1", "t44": None, "t59": "0"}
KEPT = PHASES[PHASES.index("committed") :]
"""The phases from which on a turn is on disk."""


def world(**changes: Any) -> World:
    return World(1, replace(QUIET, **changes), OBEDIENT)


def finish(w: World) -> None:
    w.calm()
    w.reckon()


# --- 1. output commit ----------------------------------------------------------------------------------


def test_guarantee_1_output_commit_nothing_leaves_while_the_disk_is_busy() -> None:
    """Messages, replies and lines to subscribers wait for the commit; `World` checks every byte against it."""
    with world().ready() as w:
        w.disk_s = 3.0
        written, told = dict(w.wire.counts), len(w.notices)
        w.oms.new_order(**SMALL)
        answer = w.engine.command("kill", {"scope": "account:NOBODY", "on": True, "reason": "a test"})
        w.run(2.9)
        assert w.state.orders["O-000001"], "decided long ago"
        assert w.wire.counts == written
        assert len(w.notices) == told
        assert answer.result is None
        w.run(3.2)
        assert answer.result is not None
        assert w.wire.counts["8"] == 4
        assert len(w.notices) > told
        w.disk_s = 0
        finish(w)


def test_guarantee_1_output_commit_what_records_nothing_leaves_in_its_turn_too() -> None:
    """A refused command has no row to wait for: its answer still comes behind what was decided before it."""
    with world().ready() as w:
        w.disk_s = 0.02  # Too short for a heartbeat or a price, whose numbers would be rows of the next batch.
        written = w.wire.counts.get("8", 0)
        told: list[int] = []
        assert w.life is not None
        release = w.life.runtime.release
        reply = release.reply

        def watched(*released: Any) -> None:
            told.append(w.wire.counts.get("8", 0) - written)
            reply(*released)

        release.reply = watched  # type: ignore[method-assign]
        w.oms.new_order(**SMALL)
        w.until(lambda: "O-000001" in w.state.orders)
        w.run(0.001)  # Its batch is on the way to the disk by now: the command's turn is the next one.
        w.engine.command("order.cancel", {"order": "O-999999", "reason": "a test"})
        w.run(10)
        assert told == [4], "both reports of the new order had left, to the OMS and to the drop copy"
        w.disk_s = 0
        finish(w)


@pytest.mark.parametrize("phase", PHASES)
def test_guarantee_1_output_commit_what_was_said_is_on_record_wherever_the_process_dies(phase: str) -> None:
    with world().ready() as w:
        w.crash(phase)
        w.oms.new_order(**SMALL)
        w.until(lambda: w.life is None or w.life.dead)
        said = [kind for kind in ("8", "R") if w.wire.counts.get(kind)]
        assert not said or phase in ("partly_released", "released")
        w.run(0.05)
        w.until(lambda: w.life is not None)
        assert bool(list(w.record.trading.state.orders.values())) is (phase in KEPT)
        finish(w)


def test_guarantee_1_output_commit_a_write_that_is_not_on_record_is_noticed() -> None:
    """The check itself: bytes that no committed row explains fail the run."""
    with world().ready() as w:
        end = w.engine.links[0].end
        with pytest.raises(SimulationFailed, match="without a committed row"):
            w.wrote(w.engine.links[0], b"8=FIX.4.4\x019=5\x0135=8\x0134=900\x0110=000\x01")
        assert not end.is_closing()


@pytest.mark.parametrize("kept", [False, True], ids=["it did not happen", "it happened all the same"])
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_guarantee_1_output_commit_a_commit_of_unknown_outcome_lets_nothing_go(
    durability: Durability, kept: bool
) -> None:
    """A COMMIT that fails may have happened. Nothing of it leaves, the process ends, the next start reads the file."""
    armed = [False]

    class Failing(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if not (armed[0] and sql == "COMMIT"):
                return super().execute(sql, *parameters)
            armed[0] = False
            if kept:
                super().execute(sql)
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error

    with World(1, replace(QUIET, durability=durability), OBEDIENT) as w:
        w.connection = Failing
        w.kill(0.1)
        w.run(0.2)
        w.ready()
        written = dict(w.wire.counts)
        w.may_stop = armed[0] = True
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.stopped))
        assert "the journal failed" in w.stopped[0]
        assert w.wire.counts == written
        w.run(0.5)
        w.until(lambda: w.life is not None)
        assert bool(list(w.record.trading.state.orders.values())) is kept
        w.may_stop = False
        finish(w)


def test_guarantee_1_output_commit_what_cannot_be_released_ends_the_process() -> None:
    """A failure of ours behind the commit: what leaves of the batch is not known, so the next start looks."""
    with world().ready() as w:
        w.may_stop = True
        carry_out = w.engine.runtime.release.turns
        planted = []

        def failing(staged: Iterable[release.Staged]) -> None:
            batch = list(staged)
            effects = [effect for each in batch for effect in each.effects]
            if any(isinstance(effect, Write) and b"\x0135=8\x01" in effect.data for effect in effects):
                planted.append(effects)
                raise RuntimeError("planted")
            carry_out(batch)

        w.engine.runtime.release.turns = failing  # type: ignore[method-assign]
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.stopped))
        assert planted
        assert "could not be released" in w.stopped[0]
        w.until(lambda: w.life is not None)
        w.may_stop = False
        finish(w)


# --- 2. exactly once inside, safe outside ----------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("message", ["order", "quote", "fill", "cancel"])
def test_guarantee_2_exactly_once_inside_safe_outside(message: str, phase: str) -> None:
    """The process dies over one message at one phase: it is handled once, and its outcome heard once by each."""
    with world().ready() as w:
        reached = {
            "order": lambda: True,
            "quote": lambda: w.wire.counts.get("R", 0) == 4,
            "fill": lambda: w.wire.counts.get("D", 0) == 1,
            "cancel": lambda: bool(w.oms.fills()),
        }[message]
        if message != "order":
            w.oms.new_order(**SMALL)
        w.until(reached)
        w.crash(phase)
        if message == "order":
            w.oms.new_order(**SMALL)
        elif message == "cancel":
            late = w.oms.new_order(**{**SMALL, "t38": 3_000_000})
            w.oms.cancel(late)
        w.run(40)
        assert w.crashes[phase] == 1
        finish(w)
        assert len(w.oms.orders) == len(list(w.record.trading.state.orders.values()))
        assert all(len(dealer.orders) <= 1 for dealer in w.dealers.values())


def test_guarantee_2_a_number_is_never_used_for_two_messages_of_an_epoch() -> None:
    """Killed after every commit in turn: whatever had its number keeps it, whether it left or not."""
    with world().ready() as w:
        for nth in range(1, 9):
            w.crash("committed_unsent", nth)
            w.oms.new_order(**SMALL)
            w.run(15)
        finish(w)


# --- 3. state is the fold of the events --------------------------------------------------------------------

_REPLAY = """
import sys
sys.path[:0] = [{simulation!r}, {root!r}]
from sim_engine import CODEC
from sim_setting import setting
from engine.journal.archive import ReadOnly
from engine.turn.trading import Trading
trading = Trading(setting().desk())
with ReadOnly({journal!r}) as file:
    for row in file.events():
        trading.fold(CODEC.decode(row.type, row.version, row.body))
print(trading.state.digest(), trading.desk.stats.fold_digest())
"""


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_guarantee_3_state_is_the_fold_of_the_events_in_any_process(hash_seed: str) -> None:
    with World(5) as w:
        w._schedule_noise()
        w.run(80)
        w.calm()
        w.until(lambda: w.engine.settled)
        assert w.events(e.RoundObserved), "nobody traded: nothing was folded"
        live = f"{w.state.digest()} {w.engine.trading.desk.stats.fold_digest()}"
        script = _REPLAY.format(simulation=str(ROOT / "tests" / "simulation"), root=str(ROOT), journal=str(w.path))
        environment = {"PYTHONHASHSEED": hash_seed, "TZ": "Asia/Tokyo", "LC_ALL": "C"}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stdout.strip() == live, done.stderr


def test_guarantee_3_a_state_that_does_not_come_out_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fold that is not what it was when the digest was noted refuses the journal at the start."""
    with world().ready() as w:
        w.oms.new_order(**SMALL)
        w.run(45)  # Digests are noted on the way.
        w.kill()
        handler = folding._HANDLERS[e.FillBooked]

        def otherwise(state: DeskState, event: e.FillBooked) -> None:
            handler(state, replace(event, fill=replace(event.fill, price=event.fill.price + 1)))

        monkeypatch.setitem(folding._HANDLERS, e.FillBooked, otherwise)
        with pytest.raises(SimulationFailed, match="does not come out as it was noted"):
            w.run(10)


def test_guarantee_3_a_digest_is_of_the_state_it_is_recorded_after() -> None:
    """While the journal takes nothing inputs wait in order, and the digest with them."""
    with world().ready() as w:
        w.engine.be_busy(40)
        w.oms.new_order(**SMALL)
        w.run(0.2)
        assert w.engine.runtime._retrying_since is not None
        w.engine.command("order.new", {"security": w.isins[0], "side": "buy", "quantity": "100k"})
        w.run(0.1)
        assert w.engine.runtime._held
        w.engine.note_digest()
        w.run(30)
        w.kill()
        w.run(10)  # The start compares every digest.
        finish(w)


# --- 4. no ask without the gate -----------------------------------------------------------------------------


def test_guarantee_4_only_the_gate_makes_what_goes_to_a_dealer() -> None:
    with pytest.raises(TypeError):
        Cleared(object(), None, "alder", 0, ())  # type: ignore[arg-type]


def _kill(w: World) -> None:
    w.engine.command("kill", {"scope": "all", "on": True, "reason": "a test"})


def _kill_account(w: World) -> None:
    w.engine.command("kill", {"scope": "account:ACC1", "on": True, "reason": "a test"})


def _wait(w: World) -> None:
    """The commit takes so long that the request is worth nothing any more."""
    w.run(25)


def _cut(w: World) -> None:
    for dealer in w.dealers.values():
        dealer.peer.die(120 * 10**9)  # For longer than a quote lives: who is back is tried again while it does.


@pytest.mark.parametrize(
    ("attack", "filled_over", "reason"),
    [
        pytest.param(_kill, True, "kill", id="kill switched on between staging and release"),
        pytest.param(_kill_account, True, "kill", id="an account's kill between staging and release"),
        pytest.param(_wait, True, "late", id="too late"),
        pytest.param(_cut, False, "session", id="nobody there any more"),
    ],
)
@pytest.mark.parametrize("kind", ["R", "D"])
def test_guarantee_4_no_ask_without_the_gate_at_release(
    kind: str, attack: Callable[[World], None], filled_over: bool, reason: str
) -> None:
    """Committed and stopped all the same: its number leaves as a gap fill, and the next turn says so."""
    with world().ready() as w:
        if kind == "D":
            for name, dealer in w.dealers.items():  # The last quote ends the collection.
                quote_s = (4.0, 4.0) if name == "dogwood" else (0.5, 0.5)
                dealer.temper = replace(OBEDIENT, life_s=(20.0,), quote_s=quote_s)
            w.oms.new_order(**SMALL, t1="ACC1")
            w.until(lambda: len(w.events(e.QuoteReceived)) == 3)
        w.disk_s = 6.0 if attack is not _wait else 30.0
        if kind == "R":
            w.oms.new_order(**SMALL, t1="ACC1")
        asked = (
            (lambda: bool(list(w.state.rfqs.values())))
            if kind == "R"
            else (lambda: w.state.rfqs["Q-000001"].state is RfqState.placed)
        )
        w.until(asked, 120)
        attack(w)
        w.run(40)
        w.disk_s = 0.0
        w.run(40)
        assert w.wire.counts.get(kind, 0) == 0
        if kind == "R":
            withheld: Sequence[e.AskWithheld | e.AcceptWithheld] = w.events(e.AskWithheld)
            assert len(withheld) == 4
            assert {ask.state for ask in w.state.rfqs["Q-000001"].asks} == {AskState.withheld}
            assert not any(dealer.requests for dealer in w.dealers.values())
        else:
            withheld = w.events(e.AcceptWithheld)
            assert [p.state for p in w.state.placements.values()] == [PlacementState.withheld]
            assert not any(dealer.orders for dealer in w.dealers.values())
        assert all(event.never_left for event in w.events(e.AskWithheld))
        assert all(event.reason.startswith(reason) for event in withheld)
        assert "F" not in w.wire.counts, "there is nothing to call back"
        # A kill calls acceptances back, too: that one's number is filled over like the acceptance's own.
        called_back = len(w.events(e.PlacementCancelAsked))
        assert w.wire.filled_in_place == (len(withheld) + called_back if filled_over else 0)
        finish(w)


def _crash(w: World) -> None:
    w.kill(1.0)


def _nothing(w: World) -> None:
    pass


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        pytest.param(_kill, "kill", id="kill switched on meanwhile"),
        pytest.param(_kill_account, "kill", id="an account's kill meanwhile"),
        pytest.param(_wait, "late", id="too late"),
        pytest.param(_cut, "session", id="the session goes down"),
        pytest.param(_crash, "session", id="the process dies"),
        pytest.param(_nothing, "", id="nothing happens, and it goes"),
    ],
)
@pytest.mark.parametrize("kind", ["R", "D"])
def test_guarantee_4_no_ask_without_the_gate_behind_a_resend(
    kind: str, attack: Callable[[World], None], reason: str
) -> None:
    """What waits for a resend to end is stopped like anything else, and is known not to have left."""
    with world().ready() as w:
        for name, dealer in w.dealers.items():  # The last quote ends the collection.
            quote_s = (4.0, 4.0) if name == "dogwood" else (0.5, 0.5)
            dealer.temper = replace(OBEDIENT, life_s=(60.0,), quote_s=quote_s)
        if kind == "D":
            w.oms.new_order(**SMALL, t1="ACC1")
            w.until(lambda: len(w.events(e.QuoteReceived)) == 3)
        # Too long is half the wait for an R, and as long as a quote lives for a D.
        resend_s = {"R": 2.0, "D": 6.0}[kind] if attack is not _wait else {"R": 7.0, "D": 70.0}[kind]
        w.engine.reader._delay_s = lambda: resend_s
        for dealer in w.dealers.values():
            dealer.peer._admin("2", [(7, 1), (16, 1)])
        w.run(0.01)
        if kind == "R":
            w.oms.new_order(**SMALL, t1="ACC1")
        w.until(lambda: bool(w.events(e.DealerAsked if kind == "R" else e.QuoteAccepted)))
        assert w.wire.counts.get(kind, 0) == 0
        waited = [event.outbox_id for event in w.events(e.DealerAsked if kind == "R" else e.QuoteAccepted)]
        if attack is not _wait:
            attack(w)
        w.run(80)
        w.engine.reader._delay_s = lambda: 0.001
        w.run(10)
        withheld: list[Any] = [*w.events(e.AskWithheld), *w.events(e.AcceptWithheld)]
        if attack is _nothing:
            assert w.wire.entries_out >= set(waited)
            assert not withheld
        else:
            assert w.wire.entries_out.isdisjoint(waited)
            assert len(withheld) >= len(waited)
            # Kill ends a round as well, and a request that is behind its round is not given a number any more.
            assert all(event.reason.startswith((reason, "over")) for event in withheld)
            assert all(event.never_left for event in w.events(e.AskWithheld))
        assert "F" not in w.wire.counts, "there is nothing to call back"
        late = sum(event.reason.startswith(("kill", "late")) for event in withheld)
        assert w.wire.filled_in_place == late + len(w.events(e.PlacementCancelAsked))
        finish(w)


# --- 5. unknown is never good --------------------------------------------------------------------------------


def test_guarantee_5_unknown_is_never_good_without_a_mark() -> None:
    """No rule executes against nothing, and nothing is learned of price or leakage; a person still may."""
    with World(1, QUIET, OBEDIENT) as w:
        w.feed.publish = lambda isin: None  # type: ignore[method-assign]
        w.ready()
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.events(e.TraderAlerted)))
        assert not w.events(e.QuoteAccepted)
        assert w.events(e.TraderAlerted)[0].reason == "fair is unknown"
        w.engine.command("execute", {"order": "1"})
        w.run(120)
        [booked] = w.events(e.FillBooked)
        assert (booked.improvement_bps, booked.mark) == (None, None)
        [measured] = w.events(e.ReversionMeasured)
        assert measured.reversion_bps is None
        assert all(event.quote.edge_bps is None for event in w.events(e.QuoteReceived))
        finish(w)


def test_guarantee_5_unknown_is_never_good_protections_apply_to_what_nobody_knows() -> None:
    config = load(ROOT / "engine.toml")
    bonds, _ = assembly.securities(config.reference.securities)
    desk = assembly.desk(config, assembly.rule_book(config), bonds)

    def protections(adv_known: bool) -> tuple[str, ...]:
        bond = next(
            b
            for b in bonds.values()
            if (b.adv_30d is not None and b.adv_30d > 5_000_000) is adv_known and (adv_known or b.adv_30d is None)
        )
        terms = OrderTerms(
            "c",
            "",
            "",
            "kim",
            bond.security_id,
            Side.buy,
            setting().fair[setting().isins[0]] * 1000,
            None,
            TimeInForce.day,
            Handling.automatic,
            "USD",
            0,
        )
        now = Instant(0, 1_795_444_200 * NS)
        draft = Draft(desk, now, b"x" * 16, 0, AskedOneByOne(lambda key: True), DeskState(below=DeskState()))
        return intake.try_order(draft, terms, "kim").advice.protections

    assert protections(adv_known=True) == ()
    assert protections(adv_known=False) == ("large against volume",)


# --- 6. everything has a bound ----------------------------------------------------------------------------------


def test_guarantee_6_everything_has_a_bound_what_did_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was withheld is remembered for what may come behind it, and no longer."""
    monkeypatch.setattr(release, "KEPT_BACK_MAX", 3)
    with world().ready() as w:
        w.disk_s = 6.0
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(list(w.state.rfqs.values())), 120)
        _kill(w)
        w.run(40)
        w.disk_s = 0.0
        w.run(40)
        assert len(w.events(e.AskWithheld)) == 4
        assert w.life is not None
        assert len(w.life.runtime.release._kept_back) == 3
        finish(w)


def test_guarantee_6_everything_has_a_bound_open_rfqs() -> None:
    """At the bound the next order waits with the trader, who is told why; what is open goes on."""
    with world().ready() as w:
        w.engine.trading.desk.risk = replace(w.engine.trading.desk.risk, open_rfqs_max=2)
        for dealer in w.dealers.values():
            dealer.temper = replace(dealer.temper, silent=1.0)
        for place in range(3):
            w.oms.new_order(**SMALL, t48=w.isins[place])
        w.run(1)
        assert w.state.open_rfqs() == 2
        assert "open_rfqs_max" in w.state.orders["O-000003"].note
        finish(w)


def test_guarantee_6_everything_has_a_bound_quotes_of_an_rfq() -> None:
    with world().ready() as w:
        w.oms.new_order(**SMALL)
        w.until(lambda: len(w.dealers["alder"].requests) == 1)
        [request] = w.dealers["alder"].requests.values()
        for _ in range(40):
            w.dealers["alder"].quote(request)
        w.run(1)
        bound = w.engine.trading.desk.clocks.quotes_per_rfq_max
        assert sum(len(ask.quotes) for ask in w.state.rfqs["Q-000001"].asks) == bound
        assert any("quotes_per_rfq_max" in stray.text for stray in w.events(e.StrayMessage))
        finish(w)


def test_guarantee_6_everything_has_a_bound_staged_bytes() -> None:
    """While the disk does not keep up reading stops, nobody is judged silent, and all of it comes in afterwards."""
    with world(heart_bt_s=10).ready() as w:
        w.engine.runtime._limits.staged_bytes_max = 20_000
        w.disk_s = 40.0
        for _ in range(60):
            w.oms.new_order(**{**SMALL, "t21": "3"})
        w.run(35)
        assert w.engine.runtime._paused
        assert w.engine.runtime._staged_bytes < 40_000
        w.disk_s = 0.0
        w.run(60)
        assert not w.engine.runtime._paused
        assert len(w.events(e.OrderReceived)) == 60
        assert not any("nothing received" in event.reason for event in w.events(e.SessionDown))
        finish(w)


def test_guarantee_6_everything_has_a_bound_answers_that_leave_no_row() -> None:
    """Heartbeats that answer wait for the disk like everything else, and may be as long as what they answer."""
    with world(heart_bt_s=10).ready() as w:
        w.engine.runtime._limits.staged_bytes_max = 20_000
        w.disk_s = 40.0
        for _ in range(60):
            w.oms.peer._admin("1", [(112, "x" * 500)])
        w.run(35)
        assert w.engine.runtime._paused
        assert w.engine.runtime._staged_bytes < 40_000
        w.disk_s = 0.0
        w.run(60)
        assert not w.engine.runtime._paused
        finish(w)


def test_guarantee_6_everything_has_a_bound_messages_without_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drop copy that stays away: at the bound new orders are refused in words, and what is open is kept."""
    monkeypatch.setattr("engine.turn.standing.UNBOUND_MAX", 10)
    with world().ready() as w:
        w.drop_copy.peer.die(100 * NS)
        w.run(3)
        for _ in range(12):
            w.oms.new_order(**{**SMALL, "t21": "3"})
            w.run(1)
        taken = len(w.events(e.OrderReceived))
        assert taken == 5
        assert len(w.oms.business_rejects) == 7
        assert all(reject.get(380) == "4" for reject in w.oms.business_rejects)
        assert "dropcopy" in w.oms.business_rejects[0].get(58)
        w.run(100)
        for order in w.oms.orders.values():
            order.answered = True  # By a j, which the reconciliation does not count.
        w.oms.new_order(**{**SMALL, "t21": "3"})
        w.run(1)
        assert len(w.events(e.OrderReceived)) == taken + 1
        finish(w)


# --- 7. the record is tamper-evident -----------------------------------------------------------------------------


FIRST_FILL = "(SELECT min(seq) FROM events WHERE type = 'FillBooked')"
TOLD_FILL = "(SELECT max(turn_seq) FROM turns WHERE CAST(sent AS TEXT) LIKE '%150=F%')"
COPIED_FILL = "(SELECT max(position) FROM fix_sent WHERE CAST(bytes AS TEXT) LIKE '%150=F%')"


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        pytest.param(
            f"UPDATE events SET body = replace(body, '100000', '900000') WHERE seq = {FIRST_FILL}",
            "events",
            id="a fill's size",
        ),
        pytest.param(
            f"UPDATE fix_sent SET bytes = CAST(replace(bytes, '=F', '=8') AS BLOB) WHERE position = {COPIED_FILL}",
            "fix_messages",
            id="a message's bytes",
        ),
        pytest.param(
            f"UPDATE turns SET sent = CAST(replace(sent, '=F', '=8') AS BLOB) WHERE turn_seq = {TOLD_FILL}",
            "turns",
            id="the bytes of a message in its turn's own row",
        ),
        pytest.param(
            "DELETE FROM events WHERE seq = (SELECT min(seq) FROM events WHERE type = 'QuoteReceived')",
            "events",
            id="an event taken out",
        ),
        pytest.param(
            f"UPDATE fix_sent SET not_after_ns = 0 WHERE position = {COPIED_FILL}", "fix_messages", id="an outbox entry"
        ),
        pytest.param("UPDATE turns SET actor = 'somebody else' WHERE turn_seq = 9", "turns", id="an actor"),
        pytest.param(
            "DELETE FROM turns WHERE turn_seq = (SELECT max(turn_seq) FROM turns)", "", id="the last turn cut off"
        ),
    ],
)
def test_guarantee_7_the_record_is_tamper_evident(statement: str, table: str) -> None:
    with world().ready() as w:
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.oms.fills()))
        w.until(lambda: w.engine.settled)
        w.engine.journal.real.anchor(w.timeline.utc_ns)
        w.kill(3600)
        assert audit(w.path).holds
        connection = sqlite3.connect(w.path)
        with pytest.raises(sqlite3.Error):
            connection.execute(statement)  # The guards refuse it ...
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount == 1  # ... and whoever takes them away is found out.
        connection.commit()
        connection.close()
        verdict = audit(w.path)
        assert not verdict.holds
        assert verdict.bad is not None
        assert not table or verdict.bad.table == table


# --- 8. one bad input stops nobody -------------------------------------------------------------------------------


def poison(monkeypatch: pytest.MonkeyPatch, cl_ord_id: str = "POISON") -> None:
    """A bug in the desk that one kind of order brings out."""
    take = intake._take

    def broken(draft: Draft, terms: OrderTerms, *args: Any, **options: Any) -> Any:
        if terms.cl_ord_id.startswith(cl_ord_id):
            take(draft, terms, *args, **options)  # Half of it is done when it fails.
            raise ZeroDivisionError("a bug")
        return take(draft, terms, *args, **options)

    monkeypatch.setattr(intake, "_take", broken)


def test_guarantee_8_one_bad_input_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch)
    with world().ready() as w:
        w.poisoned = True
        peer = w.oms.peer
        w.oms.new_order(**SMALL, t11="POISON")
        good = w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.oms.fills()))
        assert w.engine.machine.state("oms").next_in == peer.next_out, "its number is used up"
        [reject] = w.oms.business_rejects
        assert (reject.get(380), reject.get(372), reject.get(45)) == ("4", "D", str(peer.next_out - 2))
        [refused] = w.events(e.InputRefused)
        assert "11=POISON" in refused.input
        assert "ZeroDivisionError" in refused.error
        assert [order.terms.cl_ord_id for order in w.state.orders.values()] == [good.cl_ord_id], "nothing of it stays"
        assert any(notice.topic == "page" for notice in w.notices)
        w.oms.orders["POISON"].answered = True
        finish(w)


def test_guarantee_8_what_cannot_be_counted_is_handled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = []

    def broken(*counted: Any) -> None:
        failures.append(type(counted[0]))
        raise ZeroDivisionError("a bug")

    with world().ready() as w:
        monkeypatch.setattr(w.engine.runtime.metrics, "turn", broken, raising=False)
        monkeypatch.setattr(w.engine.runtime.metrics, "wrote", broken, raising=False)
        monkeypatch.setattr(w.engine.runtime.metrics, "committed", broken, raising=False)
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.oms.fills()))
        finish(w)
    assert set(failures) == {Turn, str, float}, "neither turns nor what left nor commits could be counted"


def test_guarantee_8_a_timer_that_fails_gives_its_order_to_the_trader(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    with world().ready() as w:
        w.poisoned = True
        for dealer in w.dealers.values():
            dealer.temper = replace(dealer.temper, silent=1.0)
        w.oms.new_order(**SMALL)
        w.until(lambda: w.state.open_rfqs() == 1)
        monkeypatch.setattr("engine.desk.round.asking.overdue", broken)
        w.run(20)
        monkeypatch.undo()
        assert w.events(e.InputRefused)[0].order_id == "O-000001"
        assert w.state.open_rfqs() == 0
        assert w.state.orders["O-000001"].state.value == "with_trader"
        w.oms.new_order(**SMALL, t48=w.isins[-1])
        finish(w)


def test_guarantee_8_repetition_pauses_that_session_only(monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch)
    with world().ready() as w:
        w.poisoned = True
        for place in range(REFUSALS_MAX + 2):
            w.oms.new_order(**SMALL, t11=f"POISON-{place}")
            w.run(0.1)
        w.run(30)
        assert len(w.events(e.InputRefused)) == REFUSALS_MAX
        assert not w.engine.machine.session_up("oms")
        assert any("paused" in reason for reason in w.refusals)
        others = [key for key in w.peers if key != "oms"]
        assert all(map(w.engine.machine.session_up, others))
        answer = w.engine.command("order.new", {"security": w.isins[0], "side": "buy", "quantity": "100k"})
        w.run(30)
        assert answer.error is None
        assert len(w.drop_copy.fills()) == 1


def test_guarantee_8_refusals_far_apart_pause_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a row: a message that is handled in between begins the count anew."""
    poison(monkeypatch)
    with world().ready() as w:
        w.poisoned = True
        for place in range(REFUSALS_MAX + 2):
            w.oms.new_order(**SMALL, t11=f"POISON-{place}").answered = True
            w.oms.new_order(**{**SMALL, "t21": "3"})
            w.run(1)
        assert w.engine.machine.session_up("oms")
        assert len(w.events(e.InputRefused)) == REFUSALS_MAX + 2
        finish(w)


def test_guarantee_8_a_decision_that_cannot_be_adopted_stops_the_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Memory would no longer be what the record says: nothing of it leaves, nothing more is decided."""
    with world().ready() as w:
        life = w.engine
        stopped: list[str] = []
        life.runtime._on_fatal = stopped.append
        adopt = DeskState.adopt

        def broken(state: DeskState, draft: DeskState) -> None:
            if draft.rfqs.written():
                raise ZeroDivisionError("a bug")
            adopt(state, draft)

        monkeypatch.setattr(DeskState, "adopt", broken)
        written = dict(w.wire.counts)
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(stopped))
        assert life.runtime._dead
        w.timeline.step()
        assert w.wire.counts == written


def test_guarantee_8_a_poisoned_frame_is_refused_without_a_word_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a dealer, over a fill: the page and the j go out, and the fill is not lost, for it was never applied."""
    from engine.desk.placement import answers

    book = answers.book

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    with world().ready() as w:
        w.poisoned = True
        monkeypatch.setattr(answers, "book", broken)
        w.oms.new_order(**SMALL)
        w.until(lambda: bool(w.events(e.InputRefused)))
        w.run(2)
        [refused] = w.events(e.InputRefused)
        assert "150=F" in refused.input.replace("\x01", "|")
        [placement] = w.state.placements.values()
        assert placement.unanswered, "still reserved: nobody else is asked to fill it"
        monkeypatch.setattr(answers, "book", book)
        dealer = next(d for d in w.dealers.values() if d.orders)
        report = next(r for o in dealer.orders.values() for r in o.reports)
        dealer.peer.send("8", report, poss_resend=True)  # A person had it sent again.
        w.until(lambda: bool(w.oms.fills()))
        finish(w)
