"""One order between an OMS, a drop copy, a trader and dealers, told in short lines: bytes in, bytes out.

Behind it stand the real machine, sessions and desk, on a clock of ours. A step is a line:

    oms: D 38=1000000               a message of the OMS; what every one has is added, `-44` leaves a tag out
    ash: 8 150=F 32=400000 14=400000
    ash: 3 45=D 58=why              MsgSeqNum of the last D that was sent to it
    ash drops / ash returns         its session; `ash returns 7=D` asks for everything again from that D on
    wait 5s                         every timer that falls due on the way fires at its time
    trader: execute                 a person's command; `trader: book 1`: of the first one in quarantine
    kill on / kill off              of everything
    restart                         the process ends and begins again from its events; sessions log on one by one

`R1`, `P1`, `F1` are the requests, orders and cancels that dealers were sent, in their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from desk_builder import make_desk
from desk_past import HIGH_YIELD, LIQUID, dealer
from desk_scene import book
from session_world import SessionWorld, Speaking

from engine.boot.take_over import LOGIC_VERSION
from engine.clock import NS_PER_S, Instant, fix_timestamp
from engine.commands.answering import Answering
from engine.desk import decide
from engine.desk.draft import Delivery
from engine.desk.setting import Desk
from engine.domain import events as e
from engine.domain.keys import Timer
from engine.errors import CommandError
from engine.fix.session.sequence import SessionState
from engine.fix.standard.dictionaries import built_in
from engine.journal.events import events_codec
from engine.market import marks
from engine.turn import Link, Machine, Noted, TimerDue, Write
from engine.turn.appended import Appended

BOND: Final = LIQUID
_BONDS: Final = {"bond": LIQUID.security_id, "cusip": LIQUID.cusip, "other": HIGH_YIELD.security_id}
DEALERS: Final = ("ash", "beech", "cedar")
SESSIONS: Final = (
    ("oms", "oms", False),
    ("dropcopy", "dropcopy", False),
    *((name, "dealer", True) for name in DEALERS),
)
FAIR: Final = Decimal(99)
RULES: Final = """
rule "auto" when account == AUTO
  ask top 2  wait 30s  send automatically
  execute automatically when within 100bp price of fair and at least 1 quotes, else ask trader
rule "by hand" when account == HAND
  ask top 2  wait 30s  send automatically
rule "after approval" when true
  ask top 2  wait 30s
"""
CODEC: Final = events_codec()

SHOWN: Final[Mapping[str, tuple[int, ...]]] = {
    "8": (150, 39, 11, 41, 38, 32, 31, 19, 14, 151, 103),
    "9": (39, 11, 41, 102, 434),
    "j": (372, 380),
    "3": (372, 373, 371),
    "5": (),
    "R": (131, 38),
    "D": (11, 38, 44),
    "F": (11, 41),
    "H": (11,),
    "Q": (17, 127),
    "AR": (571, 939, 751),
}
"""Tags of each message that the table shows; session messages that are not here are not shown."""
NOT_SHOWN: Final = frozenset(("0", "1", "2", "4", "A"))
BESIDES: Final = frozenset(
    (
        "OrderReported", "RoundObserved", "RoundAmended", "RoundMarked", "FillMarked", "OrderRecommended", "SessionUp",
        "SessionDown", "EngineStarted", "RfqOpened", "RfqDeciding", "RfqClosed", "ReversionMeasured",
    )
)  # fmt: skip
"""Events that go with others, or that the other columns tell."""
_RENAMED: Final = {"D": "P", "F": "F", "R": "R"}


class Mark(NamedTuple):
    """How much there was of everything when it was made."""

    wire: int
    events: int
    notices: int
    answers: int


class NotNow(Exception):
    """A step that cannot be taken as things are: nobody is there to speak, or there is nothing to speak of."""


class ScenarioWorld(SessionWorld):
    """See the head of this module."""

    def __init__(self) -> None:
        self._draws = 0
        self.wire: list[tuple[str, dict[int, str]]] = []
        """Whom a message went to, and its fields."""
        self.names: dict[str, str] = {}
        """Our identifiers, as the table calls them."""
        self._step_from = 0
        self.answers: list[str] = []
        """What persons were told who gave a command."""
        self._counts: Counter[str] = Counter()
        self._last: dict[tuple[str, str], dict[int, str]] = {}
        self._said: Counter[str] = Counter()
        super().__init__(SESSIONS, desk=_desk(), validation="tolerant")
        self._price()
        for key, *_ in SESSIONS:
            self.log_on(key)
        self.mark()

    # --- steps -----------------------------------------------------------------------------------

    def play(self, *lines: str) -> None:
        for line in lines:
            self.do(line)

    def do(self, line: str) -> None:
        """One step, and every timer that is due at once. Raises NotNow."""
        self._step_from = len(self.wire)
        words = line.split()
        match words:
            case ["wait", time]:
                self.wait(float(time.removesuffix("s")))
            case ["restart"]:
                self.restart()
            case ["kill", on]:
                self._command("kill", scope="all", on=on == "on", reason="a test")
            case ["trader:", name, *rest]:
                self._trader(name, rest)
            case [who, "drops"]:
                self._is_up(who, True)
                self.cut(who)
            case [who, "returns", *rest]:
                self._is_up(who, False)
                begin = [self._sent(who, each.removeprefix("7="))[34] for each in rest]
                self.log_on(who)
                for number in begin:
                    self.say(who, "2", (7, number), (16, "0"))
            case [who, kind, *fields]:
                who = who.removesuffix(":")
                self._is_up(who, True)
                self._message(who, kind, fields)
            case _:
                raise ValueError(f"no step: {line!r}")
        self.wait(0)

    def wait(self, seconds: float) -> None:
        end_ns = self.now.utc_ns + int(seconds * NS_PER_S)
        for _ in range(1000):
            due = sorted((at, str(key), key) for key, at in self._deadlines() if at <= end_ns)
            if not due:
                break
            at, _, key = due[0]
            self._at(max(at, self.now.utc_ns))
            self.take(TimerDue(self.now, key, self.entropy()))
        else:
            raise AssertionError(f"a timer fires without end: {due[0]}")
        self._at(end_ns)

    def restart(self) -> None:
        """What an earlier process has recorded is all that this one knows; peers go on at their numbers."""
        up = [key for key, *_ in SESSIONS if self.machine.session_up(key)]
        trading = Speaking(_desk())
        for event in self.events:
            trading.fold(CODEC.decode(*CODEC.encode(event)))
        assert trading.digest() == self.trading.digest(), "the state is the fold of its events"
        links = {key: _taken_over(link) for key, link in self.machine.links.items()}
        self.trading = trading
        self.machine = Machine(
            trading,
            self.machine.settings,
            dict.fromkeys(self.machine.settings, built_in("FIX.4.4")),
            commands=Answering(),
            links=links,
            outbox_id=self.machine.outbox_id,
        )
        self._price()
        started = e.EngineStarted(self.now.utc_ns, LOGIC_VERSION, "c", "d", "s", "b", False)
        self.take(Noted(self.now, "started", (started,), self.entropy()))
        for key in up:
            self.wait(0)
            self.log_on(key)

    def entropy(self) -> bytes:
        self._draws += 1
        return self._draws.to_bytes(16, "big")

    def _price(self) -> None:
        assert self.trading.desk.marks.update(
            marks.Mark(BOND.security_id, FAIR, self.now.utc_ns, "marks", marks.Quality.COMPOSITE)
        )

    def _deadlines(self) -> Iterator[tuple[Timer, int]]:
        for key in decide.open_keys(self.trading.state):
            at = self.trading.deadline_of(key, self.machine.session_up, self.now.utc_ns)
            if at is not None:
                yield key, at

    def _at(self, utc_ns: int) -> None:
        self.now = Instant(self.now.monotonic_ns + utc_ns - self.now.utc_ns, utc_ns)

    def _carry_out(self, effect: Any) -> None:
        if isinstance(effect, Write):
            fields = (field.partition("=") for field in effect.data.decode().split("\x01") if field)
            self._wrote(effect.session, {int(tag): value for tag, _, value in fields})
        super()._carry_out(effect)

    def _wrote(self, who: str, fields: dict[int, str]) -> None:
        kind = fields[35]
        self.wire.append((who, fields))
        self._last[who, kind] = fields
        if who in DEALERS and kind in _RENAMED and fields.get(43) != "Y":
            self._counts[kind] += 1
            self.names[fields[131 if kind == "R" else 11]] = f"{_RENAMED[kind]}{self._counts[kind]}"

    def _is_up(self, who: str, up: bool) -> None:
        if self.machine.session_up(who) is not up:
            raise NotNow(f"{who} is {'not ' if up else ''}logged on")

    def _sent(self, who: str, kind: str) -> dict[int, str]:
        """The last message of a kind that it was sent."""
        if (who, kind) not in self._last:
            raise NotNow(f"{who} was sent no {kind}")
        return self._last[who, kind]

    def _message(self, who: str, kind: str, given: list[str]) -> None:
        values: dict[int, str] = dict(self._always(who, kind))
        for field in given:
            if field.startswith("-"):
                values.pop(int(field[1:]), None)
                continue
            tag, _, value = field.partition("=")
            values[int(tag)] = self._read(who, int(tag), value)
        if kind in ("8", "AE") and 32 in values and 31 not in values and "-31" not in given:
            values[31] = "99"
        header = {97: values.pop(97)} if 97 in values else {}
        self.say(who, kind, *header.items(), *values.items())

    def _read(self, who: str, tag: int, value: str) -> str:
        """A value as a line has it: our identifiers by their names, times as seconds from now."""
        value = value.replace("_", " ")
        if value[0] in "+-" and value.endswith("s"):
            return fix_timestamp(self.now.utc_ns + int(float(value[:-1]) * NS_PER_S))
        if value in _BONDS:
            return _BONDS[value]
        if tag == 45:
            return self._sent(who, value)[34]
        return next((ours for ours, name in self.names.items() if name == value), value)

    def _always(self, who: str, kind: str) -> dict[int, str]:
        """What every message of the kind has, unless a line says otherwise."""
        bond = {48: BOND.security_id, 22: "4", 55: "[N/A]"}
        at = {60: fix_timestamp(self.now.utc_ns)}
        self._said[kind] += 1
        order = {38: "1000000", 40: "1", 54: "1", **bond, **at}
        match kind:
            case "D":
                return {1: "AUTO", 11: "C1", 15: "USD", 21: "1", 59: "0", **order}
            case "G":
                number = self._said["G"]
                return {11: f"G{number}", 41: "C1", **order}
            case "F" if who == "oms":
                return {11: f"X{self._said['F']}", 41: "C1", 38: "1000000", 54: "1", **bond, **at}
            case "H":
                return {11: "C1", 54: "1", **bond}
            case "S":
                request = self._last.get((who, "R"), {}).get(131, "none")
                life = fix_timestamp(self.now.utc_ns + 60 * NS_PER_S)
                quote = {117: f"q-{who}", 131: request, 537: "1", 133: "99", 135: "1000000", 62: life, 423: "1"}
                return {**quote, **bond, **at}
            case "AG":
                request = self._last.get((who, "R"), {}).get(131, "none")
                return {131: request, 658: "10", 146: "1", 55: "[N/A]", 48: BOND.security_id, 22: "4"}
            case "Z":
                return {117: f"q-{who}", 298: "5"}
            case "8":
                placement = next(iter(self.names), "none")
                placement = next((ours for ours, name in self.names.items() if name == "P1"), placement)
                return {11: placement, 37: "K", 17: f"S{self._said['8']}", 54: "1", 6: "99", **bond, **at}
            case "9":
                mine = {name: ours for ours, name in self.names.items()}
                return {11: mine.get("F1", "none"), 37: "K", 39: "0", 41: mine.get("P1", "none"), 434: "1", 102: "0"}
            case "AE":
                mine = {name: ours for ours, name in self.names.items()}
                side = {552: "1", 54: "1", 37: "K", 11: mine.get("P1", "none")}
                return {571: f"T{self._said['AE']}", 570: "N", 75: "20261123", **bond, **at, **side}
            case "3":
                return {371: "44", 373: "5"}
            case "j":
                return {380: "4"}
        return {}

    # --- people ----------------------------------------------------------------------------------

    def _trader(self, name: str, rest: list[str]) -> None:
        orders = list(self.trading.state.orders.keys())
        order_id = orders[-1] if orders else "1"
        params: dict[str, Any] = {"order": order_id}
        match name:
            case "execute":
                params |= {"dealer": rest[0]} if rest else {}
            case "cancel":
                name = "order.cancel"
            case "book" | "reject":
                name = f"quarantine.{name}"
                params = {"fill": rest[0], "reason": "a test"}
                for word in rest[1:]:
                    flag, _, value = word.partition("=")
                    params[flag] = value or True
            case "release":
                name = "order.force_state"
                params["reason"] = "a test"
        self._command(name, **params)

    def _command(self, name: str, **params: Any) -> None:
        try:
            self.command(name, **params)
        except CommandError as error:
            self.answers.append(f"refused: {error}")

    # --- looking ---------------------------------------------------------------------------------

    def mark(self) -> None:
        """What is looked at begins here."""
        self._from = Mark(len(self.wire), len(self.events), len(self.notices), len(self.answers))

    def since_step(self) -> list[tuple[str, dict[int, str]]]:
        """What the last step made leave."""
        return self.wire[self._step_from :]

    def outcome(self) -> list[str]:
        """What has come since `mark`, as the table has it: a line for each message, and for what else there is."""
        shown = [(who, fields) for who, fields in self.wire[self._from.wire :] if fields[35] not in NOT_SHOWN]
        events = self.events[self._from.events :]
        to_oms = [fields for who, fields in shown if who == "oms"]
        to_copy = [fields for who, fields in shown if who == "dropcopy"]
        told = [_content(each) for each in to_oms if each[35] == "8" and each[150] != "I"]
        if told and told == [_content(each) for each in to_copy]:
            copies = ["the same"]
        else:
            copies = [self._shown(each) for each in to_copy]
        lines = {
            "oms": [self._shown(each) for each in to_oms],
            "copy": copies,
            "dealer": [f"{who}: {self._shown(fields)}" for who, fields in shown if who in DEALERS],
            "order": [order.state.value.replace("_", " ") for order in self.trading.state.orders.values()],
            "journal": _names(events),
            "person": list(self._persons(events)),
        }
        return [f"{column:<8} {line}" for column, found in lines.items() for line in found]

    def _shown(self, fields: Mapping[int, str]) -> str:
        kind = fields[35]
        tags = SHOWN[kind]
        if kind == "8":
            about_a_request = 41 in fields or fields[11] != "C1"
            left_out = {*(() if about_a_request else (11,)), *(() if fields[150] in ("5", "E") else (38,))}
            tags = tuple(tag for tag in tags if tag not in left_out)
        return " ".join([kind, *(f"{tag}={self.named(fields[tag])}" for tag in tags if tag in fields)])

    def named(self, text: str) -> str:
        """A text with our identifiers as the table calls them."""
        for ours, name in self.names.items():
            text = text.replace(ours, name)
        return text

    def _persons(self, events: list[e.Event]) -> Iterator[str]:
        for event in events:
            if isinstance(event, e.TraderAlerted):
                yield self.named(f"alert: {event.reason}")
            elif isinstance(event, e.OrderReturned):
                yield self.named(f"returned: {event.reason}")
        for notice in self.notices[self._from.notices :]:
            if notice.topic == "page":
                yield self.named(f"page: {notice.body['what']}: {notice.body.get('reason', '')}")
        yield from map(self.named, self.answers[self._from.answers :])


def _desk() -> Desk:
    dealers = tuple(dealer(name) for name in DEALERS)
    return make_desk(dealers=dealers, book=book(RULES, DEALERS))


def _taken_over(link: Link) -> Link:
    """What the journal has of a session: see `engine.boot.take_over`."""
    state = link.state
    fresh = SessionState.fresh(state.epoch, state.next_in, state.next_out, state.first_out, state.began_utc_ns)
    waiting = Appended(each for each in link.waiting if each.delivery is Delivery.at_least_once)
    return Link(fresh, last_report=link.last_report, ledger=link.ledger, waiting=waiting, confirmed=link.confirmed)


def _content(fields: Mapping[int, str]) -> dict[int, str]:
    """A report but for what a copy has besides, and for the session it went over."""
    return {tag: value for tag, value in fields.items() if tag not in (8, 9, 10, 34, 49, 52, 56, 797)}


def _names(events: list[e.Event]) -> list[str]:
    counts = Counter(type(event).__name__ for event in events)
    names = [f"{count} {name}" if count > 1 else name for name, count in counts.items() if name not in BESIDES]
    return [", ".join(names)] if names else []
