"""The order system: steps once each, reports checked as they come."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from paper.oms import CopyReader, OrderSystem
from paper.orders import ScriptError, Step, parse_script, read_script, seeded_orders
from paper.party import Party
from paper.session import FixSession
from paper.wire import Message
from paper_support import ISIN, End, Peer, acceptor, ends, initiator, securities


def steps(*raw: dict[str, Any]) -> list[Step]:
    return parse_script(((n, json.dumps(line)) for n, line in enumerate(raw, 1)), interval_s=0.0)


def buy(name: str, **more: Any) -> dict[str, Any]:
    return {"do": "new", "name": name, "security_id": ISIN, "side": "buy", "quantity": 1_000_000} | more


class Scene:
    """The order system and a stand-in engine that acknowledges, fills or refuses."""

    def __init__(self, tmp_path: Path, script: list[Step], answer: Any = None) -> None:
        self._path, self._script = tmp_path, script
        self.engine = End(tmp_path / "engine.db", acceptor("BUYSIDE", "OMS"), Peer(answer))
        self.oms = self._new_oms()
        self.port = 0

    def _new_oms(self) -> End:
        end = End(self._path / "oms.db", initiator("OMS", "BUYSIDE"), role="oms")
        self.system = OrderSystem(end.party, self._script, prefix="T")
        end.session._application = self.system
        return end

    async def start(self) -> Scene:
        self.port = await self.engine.listen()
        self.oms.dial(self.port)
        return self

    async def restart_oms(self) -> None:
        await self.oms.kill()
        self.oms = self._new_oms()
        self.oms.dial(self.port)


def report(order: Message, exec_type: str, **more: Any) -> list[tuple[int, Any]]:
    status = {"A": "A", "0": "0", "F": "2", "8": "8", "4": "4", "I": "0"}[exec_type]
    body: dict[int, Any] = {37: "E1", 11: order.get(11), 17: f"X{order.get(11)}{exec_type}", 150: exec_type, 39: status}
    body |= {48: order.get(48), 54: order.get(54), 151: 0, 14: 0, 6: 0}
    if exec_type == "F":
        body |= {32: order.get(38), 31: "99.5", 14: order.get(38)}
    body |= {int(name[1:]): value for name, value in more.items()}
    return [(tag, value) for tag, value in body.items() if value is not None]


def fill_everything(session: FixSession, message: Message) -> None:
    if message.msg_type == "D":
        for exec_type in "A0F":
            session.send("8", report(message, exec_type))


async def test_a_script_is_carried_out_once_across_a_kill(tmp_path: Path) -> None:
    scene = await Scene(tmp_path, steps(buy("a"), buy("b"), buy("c", after_s=0.5)), fill_everything).start()
    await scene.oms.events.until("report", times=2, exec_type="F")
    await scene.restart_oms()
    async with ends(scene.engine, scene.oms):
        await scene.oms.events.until("script done")
        await scene.oms.events.until("report", exec_type="F", cl_ord_id="T-3")
        assert [m.get(11) for m in scene.engine.peer.of("D")] == ["T-1", "T-2", "T-3"]
        assert scene.system.done
        orders = scene.oms.party.store.recall_all("order")
        assert {order["status"] for order in orders.values()} == {"2"}
        assert scene.oms.party.store.recall_all("filled") == dict.fromkeys(("T-1", "T-2", "T-3"), "1000000")


async def test_an_order_has_what_the_engine_needs(tmp_path: Path) -> None:
    scene = await Scene(tmp_path, steps(buy("a", price=99.25, account="CORE"), buy("b", side="sell"))).start()
    async with ends(scene.engine, scene.oms):
        await scene.engine.peer.message("D", 2)
        limit, market = scene.engine.peer.of("D")
        wanted = (1, 48, 22, 54, 38, 40, 44, 59, 21)
        assert [limit.get(t) for t in wanted] == ["CORE", ISIN, "4", "1", "1000000", "2", "99.25", "0", "1"]
        assert [market.get(t) for t in wanted] == [None, ISIN, "4", "2", "1000000", "1", None, "0", "1"]


async def test_cancel_replace_and_status_refer_to_the_order_by_name(tmp_path: Path) -> None:
    script = steps(
        buy("a", price=99),
        {"do": "status", "of": "a"},
        {"do": "replace", "of": "a", "price": 99.5, "quantity": 500_000},
        {"do": "cancel", "of": "a"},
        {"do": "cancel", "of": "nobody"},
    )
    scene = await Scene(tmp_path, script).start()
    async with ends(scene.engine, scene.oms):
        await scene.oms.events.until("problem", kind="script")
        await scene.engine.peer.message("F")
        status, replace, cancel = (scene.engine.peer.of(kind)[0] for kind in "HGF")
        assert status.get(11) == "T-1"
        assert [replace.get(tag) for tag in (41, 11, 38, 44)] == ["T-1", "T-2", "500000", "99.5"]
        assert [cancel.get(tag) for tag in (41, 11, 38)] == ["T-2", "T-3", "500000"]
        scene.engine.session.send("8", report(cancel, "4", t41="T-2"))
        await scene.oms.events.until("report", exec_type="4")
        assert scene.oms.party.store.recall("order", "T-2")["status"] == "4"


async def test_a_refused_replace_gives_the_name_back(tmp_path: Path) -> None:
    script = steps(buy("a", price=99), {"do": "replace", "of": "a", "price": 98})
    scene = await Scene(tmp_path, script).start()
    async with ends(scene.engine, scene.oms):
        await scene.engine.peer.message("G")
        scene.engine.session.send("9", [(37, "E1"), (11, "T-2"), (41, "T-1"), (39, 0), (434, 2), (102, 0)])
        await scene.oms.events.until("cancel reject")
        assert scene.system.perform(Step("cancel", 0.0, of="a")) == "T-3"
        assert (await scene.engine.peer.message("F")).get(41) == "T-1"


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        pytest.param({}, None, id="the same fill again"),
        pytest.param({"t31": "98"}, "ExecID with other economics", id="at another price"),
        pytest.param({"t17": "other"}, "filled beyond the order", id="under another ExecID"),
        pytest.param({"t17": "other", "t32": "1"}, "CumQty(14) is not the sum of the fills", id="does not add up"),
        pytest.param({"t11": "T-9"}, "report for an unknown order", id="of an unknown order"),
    ],
)
async def test_fills_are_checked(tmp_path: Path, second: dict, problem: str | None) -> None:
    def answer(session: FixSession, message: Message) -> None:
        session.send("8", report(message, "F"))
        session.send("8", report(message, "F", **second))
        session.send("8", report(message, "I"))

    scene = await Scene(tmp_path, steps(buy("a")), answer).start()
    async with ends(scene.engine, scene.oms):
        await scene.oms.events.until("report", exec_type="I")
        problems = {event["kind"] for event in scene.oms.events.seen if event["event"] == "problem"}
        assert (problem in problems) if problem else not problems


async def test_the_copy_reader_books_fills_and_wants_the_mark(tmp_path: Path) -> None:
    engine = End(tmp_path / "engine.db", acceptor("BUYSIDE", "DROPCOPY"))
    reader = End(tmp_path / "copy.db", initiator("DROPCOPY", "BUYSIDE"), Peer(), role="oms")
    reader.session._application = CopyReader(reader.party)
    async with ends(engine, reader):
        reader.dial(await engine.listen())
        await engine.peer.until(lambda: engine.session.active)
        engine.session.send("8", [(17, "X1"), (11, "T-1"), (150, "F"), (39, 2), (32, 5), (31, 99), (797, "Y")])
        engine.session.send("8", [(17, "X2"), (11, "T-1"), (150, "F"), (39, 2), (32, 5), (31, 99)])
        await reader.events.until("problem", kind="copy without CopyMsgIndicator(797)", text="X2")
        assert sorted(reader.party.store.recall_all("copy")) == ["X1", "X2"]


# --- scripts ---------------------------------------------------------------------------------------------


def test_seeded_orders_are_the_same_for_the_same_seed() -> None:
    one = seeded_orders(securities(), 5, 30, 10.0)
    assert one == seeded_orders(securities(), 5, 30, 10.0)
    assert one != seeded_orders(securities(), 6, 30, 10.0)
    assert one[:10] == seeded_orders(securities(), 5, 10, 10.0)
    assert {step.side for step in one} == {"1", "2"}
    assert any(step.price for step in one)
    assert any(step.price is None for step in one)
    assert seeded_orders({}, 5, 30, 10.0) == []


def test_a_script_file_is_read_with_prices_exact(tmp_path: Path) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text(f'# a comment\n\n{{"security_id": "{ISIN}", "side": "sell", "quantity": 5, "price": 99.10}}\n')
    assert read_script(file, 2.0) == [
        Step("new", 2.0, security_id=ISIN, side="2", quantity=Decimal(5), price=Decimal("99.10"))
    ]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        pytest.param("{", "line 1", id="no JSON"),
        pytest.param('{"do": "dance"}', "dance", id="unknown action"),
        pytest.param('{"do": "cancel"}', "'of'", id="cancel of nothing"),
        pytest.param('{"security_id": "A", "side": "up"}', "up", id="no side"),
        pytest.param('{"security_id": "A", "side": "buy", "quantity": "x"}', "line 1", id="no quantity"),
        pytest.param('{"security_id": "A", "side": "buy", "prize": 1}', "prize", id="unknown key"),
    ],
)
def test_a_wrong_line_says_where_and_what(line: str, word: str) -> None:
    with pytest.raises(ScriptError, match=word):
        parse_script([(1, line)], 0.0)


def test_the_party_is_named_in_its_record(tmp_path: Path) -> None:
    end_party = End(tmp_path / "oms.db", initiator("OMS", "BUYSIDE"), role="oms").party
    assert isinstance(end_party, Party)
    assert end_party.store.recall("party", "self") == {"name": "OMS", "role": "oms"}
