"""A dealer over a real connection: quotes by style, trades once, knows its own past."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from paper import wire
from paper.clock import NS_PER_S, PaperClock
from paper.dealer import Dealer
from paper.styles import STYLES, Answer, Style, plan_fill, plan_interests, plan_quote
from paper.wire import Message, MissingField
from paper_support import ISIN, End, Peer, acceptor, ends, initiator, order_on, prices, quote_request

PROMPT = Style(latency_s=(0, 0), half_spread_bps=(20, 20), quote_life_s=(600, 600), silent=0, declines=0, indicative=0)


def style(**changed: Any) -> Style:
    values = {name: getattr(PROMPT, name) for name in Style.__slots__} | {"last_look_s": (0, 0)} | changed
    return Style(**values)


class Scene:
    """A dealer called ALDER and a stand-in engine logged on to it."""

    def __init__(self, tmp_path: Path, behaviour: Style, clock: PaperClock | None = None) -> None:
        self.clock = clock or PaperClock()
        self._path, self._behaviour = tmp_path, behaviour
        self.engine = End(tmp_path / "engine.db", initiator(), clock=self.clock)
        self.dealer = self._new_dealer()
        self.port = 0

    def _new_dealer(self) -> End:
        end = End(self._path / "alder.db", acceptor(), Peer(), clock=self.clock, role="dealer")
        dealer = Dealer(end.party, prices(), self._behaviour, seed=1)
        end.session._application = dealer
        dealer.serve(end.session)
        return end

    async def start(self) -> Scene:
        self.port = await self.dealer.listen()
        self.engine.dial(self.port)
        await self.engine.peer.until(lambda: self.engine.session.active)
        return self

    async def restart_dealer(self) -> None:
        await self.dealer.kill()
        await self.engine.peer.until(lambda: not self.engine.session.active)
        self.dealer = self._new_dealer()
        await self.dealer.listen(self.port)
        await self.engine.peer.until(lambda: self.engine.session.active)

    async def quote(self, request_id: str = "R1", **more: Any) -> Message:
        before = len(self.engine.peer.of("S"))
        self.engine.session.send("R", quote_request(self.clock, request_id, **more))
        return await self.engine.peer.message("S", before + 1)

    async def report(self, times: int = 1) -> Message:
        return await self.engine.peer.message("8", times)


@pytest.fixture
async def scene(tmp_path: Path):
    scene = Scene(tmp_path, style())
    async with ends(scene.engine, scene.dealer):
        yield await scene.start()


# --- plans -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(STYLES))
def test_plans_are_the_same_for_the_same_seed_and_within_the_style(name: str) -> None:
    behaviour = STYLES[name]
    plans = [plan_quote(behaviour, 3, "ELM", ISIN, n, speciality=False) for n in range(200)]
    assert plans == [plan_quote(behaviour, 3, "ELM", ISIN, n, speciality=False) for n in range(200)]
    assert plans != [plan_quote(behaviour, 4, "ELM", ISIN, n, speciality=False) for n in range(200)]
    for plan in plans:
        assert behaviour.latency_s[0] <= plan.latency_s <= behaviour.latency_s[1]
        assert behaviour.half_spread_bps[0] <= plan.half_spread_bps <= behaviour.half_spread_bps[1]


def test_each_style_does_what_its_name_says() -> None:
    def share(name: str, answer: Answer) -> float:
        plans = [plan_quote(STYLES[name], 1, name, ISIN, n, speciality=False) for n in range(1_000)]
        return sum(plan.answer is answer for plan in plans) / 1_000

    assert 0.42 < share("silent-half", Answer.SILENCE) < 0.58
    assert share("fast-wide", Answer.FIRM) > 0.85
    assert share("average", Answer.INDICATIVE) > 0
    rejected = sum(plan_fill(STYLES["last-look"], 1, "DOGWOOD", ISIN, n).rejects for n in range(1_000))
    assert 320 < rejected < 480
    assert not any(plan_fill(STYLES["fast-wide"], 1, "ALDER", ISIN, n).rejects for n in range(100))
    fast, slow = STYLES["fast-wide"], STYLES["slow-tight"]
    assert fast.latency_s[1] < slow.latency_s[0]
    assert fast.half_spread_bps[0] > slow.half_spread_bps[1]


def test_a_speciality_is_quoted_tighter() -> None:
    general = plan_quote(PROMPT, 1, "ELM", ISIN, 1, speciality=False)
    special = plan_quote(PROMPT, 1, "ELM", ISIN, 1, speciality=True)
    assert special.half_spread_bps == pytest.approx(general.half_spread_bps * 2 / 3)


# --- quotes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "present", "absent"),
    [
        pytest.param("1", (133, 135), (132, 134), id="we buy: an offer"),
        pytest.param("2", (132, 134), (133, 135), id="we sell: a bid"),
        pytest.param(None, (132, 133, 134, 135), (), id="no side: two-way"),
    ],
)
async def test_a_quote_answers_the_side_that_was_asked(
    scene: Scene, side: str | None, present: tuple[int, ...], absent: tuple[int, ...]
) -> None:
    quote = await scene.quote(side=side)
    assert (quote.get(131), quote.get(537), quote.get(48), quote.get(423)) == ("R1", "1", ISIN, "1")
    assert all(quote.get(tag) for tag in (*present, 117, 62, 60))
    assert not any(quote.get(tag) for tag in absent)
    request = scene.engine.party.store.sent("BUYSIDE>ALDER", 1, 1, 99)[-1][1]
    assert f"62={quote.get(62)}".encode() in request  # it stands as long as was asked


async def test_a_quote_lies_half_a_spread_from_fair(scene: Scene) -> None:
    quote = await scene.quote(side=None)
    bid, offer = Decimal(quote.need(132)), Decimal(quote.need(133))
    assert abs((offer - bid) / bid * 10_000 - 40) < Decimal("0.3")
    fair = prices().fair(ISIN, scene.clock.now_ns())
    assert fair is not None
    assert abs(((bid + offer) / 2 / fair - 1) * 10_000) < 5


async def test_an_unknown_bond_is_declined(scene: Scene) -> None:
    scene.engine.session.send("R", quote_request(scene.clock, "R1", security_id="XX0000000000"))
    decline = await scene.engine.peer.message("AG")
    assert (decline.get(131), decline.get(658), decline.get(146), decline.get(48)) == ("R1", "1", "1", "XX0000000000")


@pytest.mark.parametrize(
    ("changed", "msg_type", "field"),
    [
        pytest.param({"declines": 1.0}, "AG", (658, {"9", "10"}), id="declines"),
        pytest.param({"indicative": 1.0}, "S", (537, {"0"}), id="indicates"),
    ],
)
async def test_other_answers(tmp_path: Path, changed: dict, msg_type: str, field: tuple[int, set[str]]) -> None:
    scene = await Scene(tmp_path, style(**changed)).start()
    async with ends(scene.engine, scene.dealer):
        scene.engine.session.send("R", quote_request(scene.clock, "R1"))
        answer = await scene.engine.peer.message(msg_type)
        assert answer.get(field[0]) in field[1]


async def test_silence_is_silence(tmp_path: Path) -> None:
    scene = await Scene(tmp_path, style(silent=1.0)).start()
    async with ends(scene.engine, scene.dealer):
        scene.engine.session.send("R", quote_request(scene.clock, "R1"))
        await scene.dealer.events.until("request", answer="silence")
        assert scene.engine.peer.got == []


async def test_late_and_stale_requests_get_no_answer(scene: Scene) -> None:
    scene.engine.session.send("R", quote_request(scene.clock, "R1", collect_s=-1))
    await scene.dealer.events.until("no answer", quote_req_id="R1")
    scene.engine.session.send("R", quote_request(scene.clock, "R2", made_ago_s=61))
    await scene.dealer.events.until("request", quote_req_id="R2", answer="stale")
    assert scene.engine.peer.of("S") == []


async def test_a_request_without_a_quantity_is_rejected(scene: Scene) -> None:
    body = [(tag, value) for tag, value in quote_request(scene.clock, "R1") if tag != 38]
    scene.engine.session.send("R", body)
    await scene.engine.until(lambda: scene.engine.session.numbers.next_in == 3)
    assert scene.engine.peer.got == []  # a Reject(3), told to no application


# --- trades ----------------------------------------------------------------------------------------------


async def test_an_order_on_a_live_quote_is_filled_with_its_money(scene: Scene) -> None:
    quote = await scene.quote()
    scene.engine.session.send("D", order_on(quote, "A1", scene.clock))
    report = await scene.report()
    price = Decimal(quote.need(133))
    assert (report.get(150), report.get(39), report.get(11), report.get(31)) == ("F", "2", "A1", quote.get(133))
    assert (report.get(32), report.get(14), report.get(151), report.get(64)) == ("1000000", "1000000", "0", "20300102")
    gross, accrued, net = (Decimal(report.need(tag)) for tag in (381, 159, 118))
    assert (gross, net) == (price * 10_000, gross + accrued)
    # 15 September to 2 January, 30/360: 107 days of 5 percent on a million.
    assert accrued == Decimal("14861.11")


async def test_the_same_cl_ord_id_never_trades_twice(scene: Scene) -> None:
    first, second = await scene.quote("R1"), await scene.quote("R2")
    scene.engine.session.send("D", order_on(first, "A1", scene.clock))
    await scene.report()
    scene.engine.session.send("D", order_on(first, "A1", scene.clock))
    scene.engine.session.send("D", order_on(second, "A1", scene.clock))
    last = await scene.report(3)
    assert [m.get(150) for m in scene.engine.peer.of("8")] == ["F", "I", "I"]
    assert (last.get(39), last.get(14)) == ("2", "1000000")
    assert len([e for e in scene.dealer.events.seen if e["event"] == "fill"]) == 1


async def test_a_quote_is_taken_once(scene: Scene) -> None:
    quote = await scene.quote()
    scene.engine.session.send("D", order_on(quote, "A1", scene.clock))
    scene.engine.session.send("D", order_on(quote, "A2", scene.clock))
    await scene.report(2)
    found = {m.get(11): m.get(150) for m in scene.engine.peer.of("8")}
    assert found == {"A1": "F", "A2": "8"}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"t117": "nothing"}, "99", id="unknown quote"),
        pytest.param({"t117": None}, "99", id="no quote"),
        pytest.param({"t44": "1.5"}, "99", id="another price"),
        pytest.param({"t44": None}, "99", id="no price"),
        pytest.param({"t54": "2"}, "99", id="the other side"),
        pytest.param({"t38": "1000001"}, "13", id="more than quoted"),
        pytest.param({"t38": "0"}, "13", id="nothing"),
        pytest.param({"t48": "US0000000BB2"}, "1", id="another bond"),
        pytest.param({"t60": "20300101-00:00:00.000"}, "8", id="an order made too long ago"),
    ],
)
async def test_an_order_off_the_terms_is_refused(tmp_path: Path, changed: dict, reason: str) -> None:
    now = PaperClock(1.0)
    # A fixed day, so that the stale order of the table is stale: 2030-01-02.
    clock = PaperClock(1.0, 0, lambda: now.now_ns() - start + FIXED_NS)
    start = now.now_ns()
    scene = await Scene(tmp_path, style(), clock).start()
    async with ends(scene.engine, scene.dealer):
        quote = await scene.quote()
        scene.engine.session.send("D", order_on(quote, "A1", clock, **changed))
        report = await scene.report()
        assert (report.get(150), report.get(39), report.get(103), report.get(14)) == ("8", "8", reason, "0")


FIXED_NS = 1_893_578_400 * NS_PER_S


async def test_an_indicative_quote_is_not_traded(tmp_path: Path) -> None:
    scene = await Scene(tmp_path, style(indicative=1.0)).start()
    async with ends(scene.engine, scene.dealer):
        scene.engine.session.send("D", order_on(await scene.quote(), "A1", scene.clock))
        assert (await scene.report()).get(103) == "99"


async def test_an_expired_quote_is_too_late(tmp_path: Path) -> None:
    moved = [0]
    real = PaperClock()
    clock = PaperClock(1.0, 0, lambda: real.now_ns() + moved[0])
    scene = await Scene(tmp_path, style(), clock).start()
    async with ends(scene.engine, scene.dealer):
        quote = await scene.quote(firm_s=20)
        moved[0] = 20 * NS_PER_S
        scene.engine.session.send("D", order_on(quote, "A1", clock))
        report = await scene.report()
        assert (report.get(150), report.get(103)) == ("8", "4")


async def test_last_look_acknowledges_and_may_refuse(tmp_path: Path) -> None:
    scene = await Scene(tmp_path, style(last_look_rejects=1.0, acknowledges=True)).start()
    async with ends(scene.engine, scene.dealer):
        scene.engine.session.send("D", order_on(await scene.quote(), "A1", scene.clock))
        await scene.report(2)
        first, second = scene.engine.peer.of("8")
        assert (first.get(150), first.get(39), first.get(151)) == ("0", "A", "1000000")
        assert (second.get(150), second.get(39), second.get(103), second.get(151)) == ("8", "8", "0", "0")


async def test_hitting_by_quote_response_trades_once_too(scene: Scene) -> None:
    quote = await scene.quote(side="2")
    hit = [(693, "X1"), (694, 1), (117, quote.need(117)), (11, "A1"), (55, "[N/A]"), (48, ISIN), (22, 4), (54, "2")]
    hit += [(38, "1000000"), (44, quote.need(132)), (60, scene.clock.timestamp())]
    scene.engine.session.send("AJ", hit)
    report = await scene.report()
    assert (report.get(150), report.get(693), report.get(11)) == ("F", "X1", "A1")
    scene.engine.session.send("AJ", hit)
    assert (await scene.report(2)).get(150) == "I"
    scene.engine.session.send("AJ", [(693, "X2"), (694, 6), (117, quote.need(117)), (55, "[N/A]"), (48, ISIN)])
    await scene.dealer.events.until("noted", quote_resp_type="6")


async def test_status_and_cancel_requests_are_answered(scene: Scene) -> None:
    session = scene.engine.session
    session.send("H", [(11, "nobody"), (55, "[N/A]"), (48, ISIN), (54, 1)])
    unknown = await scene.report()
    assert [unknown.get(tag) for tag in (150, 39, 37, 11)] == ["I", "8", "NONE", "nobody"]
    session.send("F", [(41, "nobody"), (11, "C1"), (55, "[N/A]"), (48, ISIN), (54, 1), (38, 1)])
    refused = await scene.engine.peer.message("9")
    assert [refused.get(tag) for tag in (434, 102, 37, 41, 11, 39)] == ["1", "1", "NONE", "nobody", "C1", "8"]
    session.send("D", order_on(await scene.quote(), "A1", scene.clock))
    await scene.report(2)
    session.send("H", [(11, "A1"), (55, "[N/A]"), (48, ISIN), (54, 1)])
    known = await scene.report(3)
    assert [known.get(tag) for tag in (150, 39, 14, 11)] == ["I", "2", "1000000", "A1"]
    session.send("F", [(41, "A1"), (11, "C2"), (55, "[N/A]"), (48, ISIN), (54, 1), (38, 1)])
    refused = await scene.engine.peer.message("9", 2)
    assert [refused.get(tag) for tag in (434, 102, 39)] == ["1", "0", "2"]


async def test_a_quote_status_request_is_answered(scene: Scene) -> None:
    quote = await scene.quote()
    scene.engine.session.send("a", [(117, quote.need(117)), (55, "[N/A]"), (48, ISIN)])
    assert (await scene.engine.peer.message("AI")).get(297) == "0"
    scene.engine.session.send("a", [(117, "nothing"), (55, "[N/A]"), (48, ISIN)])
    assert (await scene.engine.peer.message("AI", 2)).get(297) == "9"


async def test_a_killed_dealer_knows_its_trades_and_finishes_what_it_began(tmp_path: Path) -> None:
    scene = await Scene(tmp_path, style(last_look_s=(30, 30))).start()
    quote = await scene.quote(firm_s=3_600)
    scene.engine.session.send("D", order_on(quote, "A1", scene.clock))
    await scene.dealer.events.until("order")
    scene._behaviour = style()
    await scene.restart_dealer()
    async with ends(scene.engine, scene.dealer):
        assert (await scene.report()).get(150) == "F"
        scene.engine.session.send("D", order_on(quote, "A1", scene.clock))
        assert (await scene.report(2)).get(150) == "I"


async def test_a_fill_made_while_the_engine_is_away_arrives_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await Scene(tmp_path, style()).start()
    quote = await scene.quote()
    later, looking = scene.dealer.party.later, []
    monkeypatch.setattr(scene.dealer.party, "later", lambda scaled_s, action: looking.append(action))
    scene.engine.session.send("D", order_on(quote, "A1", scene.clock))
    await scene.dealer.events.until("order")
    await scene.engine.kill()
    later(0.0, looking.pop())
    await scene.dealer.events.until("fill")
    scene.engine = End(tmp_path / "engine.db", initiator(), clock=scene.clock)
    async with ends(scene.engine, scene.dealer):
        scene.engine.dial(scene.port)
        report = await scene.report()
        assert (report.get(150), report.get(43), report.get(11)) == ("F", "Y", "A1")
        assert report.get(122)


async def test_a_resent_order_is_never_traded(tmp_path: Path) -> None:
    scene = await Scene(tmp_path, style()).start()
    async with ends(scene.engine, scene.dealer):
        quote = await scene.quote()
        with scene.engine.party.turn():
            scene.engine.session.send("D", order_on(quote, "A1", scene.clock))
            scene.engine.session._outgoing.clear()
        scene.engine.session.send("H", [(11, "A1"), (55, "[N/A]"), (48, ISIN), (54, 1)])
        report = await scene.report()
        assert (report.get(150), report.get(103)) == ("8", "8")


VALUES = ("", "1", "2", "0", "-1", "1e9", "NaN", "x", "A1", "Q", ISIN, "20300102", "00010101", "20300102-10:00:00")
TAGS = (6, 11, 15, 22, 38, 41, 44, 48, 54, 55, 60, 62, 64, 117, 126, 131, 146, 649, 693, 694, 790)


@pytest.mark.parametrize("msg_type", ["R", "D", "AJ", "H", "F", "a"])
async def test_nonsense_is_refused_and_never_trips_the_dealer(tmp_path: Path, msg_type: str) -> None:
    end = End(tmp_path / "alder.db", acceptor(), Peer(), role="dealer")
    dealer = Dealer(end.party, prices(), style(), seed=1)
    dealer.serve(end.session)
    dice = random.Random(msg_type)
    refused = taken = 0
    async with ends(end):
        for number in range(400):
            chosen = [tag for tag in TAGS if dice.random() < 0.8]
            body = [(tag, value) for tag in chosen if (value := dice.choice(VALUES))]
            raw = wire.encode(msg_type, number + 1, "BUYSIDE", "ALDER", "20300102-10:00:00", body)
            message = wire.parse(raw)
            assert isinstance(message, Message)
            try:
                with end.party.turn():
                    assert dealer.on_message(end.session, message)
                taken += 1
            except MissingField:
                refused += 1
    assert refused or msg_type == "a"  # a status request has nothing it must say
    assert taken
    assert not [event for event in end.events.seen if event["event"] == "fill"]


# --- interests -------------------------------------------------------------------------------------------


async def test_it_advertises_once_a_day_and_changes_its_mind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paper.dealer.MINDED_AFTER_S", 0.0)
    scene = await Scene(tmp_path, style(advertises=2)).start()
    await scene.engine.peer.message("6", 4)
    said = list(scene.engine.peer.of("6"))
    assert [each.get(28) for each in said] == ["N", "N", "R", "C"]
    first, second, replaced, cancelled = said
    assert (replaced.get(26), cancelled.get(26)) == (first.get(23), second.get(23))
    assert len({each.get(23) for each in said}) == 4
    for each in said:
        assert each.get(54) in ("1", "2")
        assert all(each.get(tag) for tag in (48, 27, 62, 25))
    await scene.restart_dealer()
    async with ends(scene.engine, scene.dealer):
        await scene.quote()
        assert len(scene.engine.peer.of("6")) == 4


def test_what_is_advertised_is_the_same_for_the_same_seed_and_day() -> None:
    bonds = [f"B{number}" for number in range(20)]
    keen = style(advertises=3)
    wanted = plan_interests(keen, 1, "ALDER", bonds, "20261130")
    assert wanted == plan_interests(keen, 1, "ALDER", bonds, "20261130")
    assert wanted != plan_interests(keen, 1, "ALDER", bonds, "20261201")
    assert len({each.security_id for each in wanted}) == 3
    assert plan_interests(style(), 1, "ALDER", bonds, "20261130") == []
