"""The session layer: golden scripts of tests/golden/session_*.txt, and what scripts cannot say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from engine.clock import NS_PER_DAY, NS_PER_S, Instant, fix_timestamp
from engine.errors import CommandError, EngineError, GarbledMessage, JournalError
from engine.fix.session import protocol as session
from engine.fix.session import sequence
from engine.fix.session.phases import TRANSITIONS, kind_of
from engine.fix.session.protocol import Phase, SentRow, SessionSettings, SessionState, Step
from engine.fix.session.reasons import DisconnectReason, Ending
from engine.fix.session.schedule import Schedule
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire import codec
from engine.fix.wire.message import Message


@pytest.fixture
def dictionary() -> Dictionary:
    return built_in("FIX.4.4")


GOLDEN = Path(__file__).parents[2] / "golden"
PAGE_ROWS = 2  # Small, so that runs and lost messages lie across pages.
LOST = Ending(DisconnectReason.CONNECTION_LOST, "")
STOPPING = Ending(DisconnectReason.STOPPING, "the daemon is stopping")
START_UTC_NS = 1_790_000_000 * NS_PER_S
FILLED = frozenset({"8", "9", "10", "49", "52", "56"})

# Always compared, exactly and in order; other actions only where a script names them.
STRICT = ("Deliver", "Close")


@dataclass
class Turn:
    """One line of a script that does something, and the lines that say what comes of it."""

    line: int
    command: str
    expected: list[str] = field(default_factory=list)


@dataclass
class Script:
    name: str
    place: str
    settings: dict[str, str]
    turns: list[Turn]


def read_scripts() -> list[Any]:
    params = []
    for path in sorted(GOLDEN.glob("session_*.txt")):
        line = 1
        for chunk in path.read_text().split("---\n"):
            script = read_script(chunk, path.name, line)
            params.append(pytest.param(script, id=f"{path.stem}: {script.name}"))
            line += chunk.count("\n") + 1
    return params


def read_script(chunk: str, file: str, first: int) -> Script:
    name, settings, turns = "", {}, []
    for number, text in enumerate(chunk.splitlines(), first):
        if text.startswith("#"):
            name = name or text[1:].strip()
        elif text.startswith("="):
            settings.update(re.findall(r"(\w+)=(\S+)", text))
        elif text[:1] in "<!":
            if not turns:
                turns.append(Turn(number, "@ connect"))
            turns[-1].expected.append(text)
        elif text:
            turns.append(Turn(number, text))
    return Script(name, f"{file}:{first}", settings, turns)


def settings_of(texts: dict[str, str]) -> SessionSettings:
    values: dict[str, Any] = {
        "key": "peer",
        "begin_string": "FIX.4.4",
        "sender_comp_id": "US",
        "target_comp_id": "PEER",
        "role": "oms",
        "initiator": False,
        "validation": "off",  # Scripts are short; those about validation say so.
    }
    for key, text in texts.items():
        if key == "schedule":
            values[key] = schedule_of(text)
        elif text in ("yes", "no"):
            values[key] = text == "yes"
        else:
            values[key] = int(text) if text.isdigit() and key != "appl_ver_id" else text
    return SessionSettings(**values)


def schedule_of(text: str) -> Schedule:
    """`14:00-15:00`, every day in UTC; with `+reset` the numbers begin anew with every window."""
    window, _, reset = text.partition("+")
    start, _, end = window.partition("-")
    zone = ZoneInfo("UTC")
    return Schedule.daily(zone, time.fromisoformat(start), time.fromisoformat(end), reset=bool(reset))


class Player:
    """One session, its store and its clock, driven as the runtime would; collects what comes out."""

    def __init__(self, settings: SessionSettings, dictionary: Dictionary, state: SessionState) -> None:
        self.settings = settings
        self.dictionary = dictionary
        self.state = state
        self.elapsed_ns = 0
        self.reading = True
        self.connections = 0
        self.rows: dict[int, dict[int, SentRow]] = {}
        self.out: list[str] = []

    @property
    def now(self) -> Instant:
        return Instant(self.elapsed_ns + NS_PER_S, START_UTC_NS + self.elapsed_ns)

    def play(self, command: str) -> list[str]:
        self.out = []
        sign, rest = command[0], command[1:].strip()
        if command not in ("@ disconnect", "@ reset") and not command.startswith(("@ numbers", "@ wait")):
            self.connect()
        if sign == ">":
            self.receive(self.message(rest))
        elif sign == "+":
            self.wait(int(float(rest.removesuffix("s")) * NS_PER_S))
        else:
            word, _, argument = rest.partition(" ")
            getattr(self, f"do_{word}")(argument)
        return self.out

    # Inputs

    def connect(self) -> None:
        if self.state.phase is Phase.DISCONNECTED:
            self.connections += 1
            self.take(session.connected(self.settings, self.state, self.connections, self.now))

    def receive(self, message: Message) -> None:
        self.take(both_ways(self.settings, self.state, message, self.now, self.dictionary))

    def wait(self, duration_ns: int) -> None:
        """Let time pass as a timer would: from deadline to deadline."""
        end_ns = self.elapsed_ns + duration_ns
        while True:
            due_ns = session.next_deadline_ns(self.settings, self.state, reading=self.reading)
            boundary_ns = self.boundary_ns()
            if boundary_ns is not None and boundary_ns <= min(due_ns or boundary_ns, end_ns + NS_PER_S):
                self.elapsed_ns = boundary_ns - NS_PER_S
                self.take(session.keep_schedule(self.settings, self.state, self.now))
                continue
            if due_ns is None or due_ns > end_ns + NS_PER_S:
                break
            self.elapsed_ns = max(due_ns - NS_PER_S, self.elapsed_ns)
            before = self.state
            self.take(session.tick(self.settings, self.state, self.now, reading=self.reading))
            assert self.state != before, "a deadline had come and tick did nothing"
        self.elapsed_ns = end_ns
        before = self.state
        self.take(session.tick(self.settings, self.state, self.now, reading=self.reading))
        assert self.state == before, "tick did something before next_deadline_ns said so"

    def do_stall(self, duration: str) -> None:
        """The machine stands still: nothing is done at its time, all of it at the end."""
        self.elapsed_ns += int(float(duration.removesuffix("s")) * NS_PER_S)
        self.take(session.tick(self.settings, self.state, self.now, reading=self.reading))

    def boundary_ns(self) -> int | None:
        schedule = self.settings.schedule
        return schedule.next_boundary(self.now.utc_ns) - START_UTC_NS + NS_PER_S if schedule is not None else None

    def do_wait(self, duration: str) -> None:
        self.wait(int(float(duration.removesuffix("s")) * NS_PER_S))

    def do_connect(self, _: str) -> None:
        assert self.connections

    def do_disconnect(self, _: str) -> None:
        self.take(session.disconnected(self.settings, self.state, LOST, self.now))

    def do_logon(self, heart_bt_int: str) -> None:
        self.receive(self.message(f"35=A|34={self.state.next_in}|98=0|108={heart_bt_int or 30}"))
        assert self.state.phase is Phase.ACTIVE, self.out
        self.out = []

    def do_send(self, argument: str) -> None:
        resend, again = not argument.startswith("once "), argument.startswith("again ")
        fields = split(argument.removeprefix("once ").removeprefix("again "))
        body = codec.encode_body([(int(tag), value) for tag, value in fields[1:]])
        seq_num = self.state.next_out
        self.state, data = session.bind(self.settings, self.state, fields[0][1], body, self.now, poss_resend=again)
        assert b"\x0134=%d\x01" % seq_num in data
        self.store(SentRow(seq_num, data, resend))
        self.out.append("< " + self.shown(data))

    def do_logout(self, text: str) -> None:
        self.take(session.logout(self.settings, self.state, Ending(DisconnectReason.OPERATOR_LOGOUT, text), self.now))

    def do_test(self, _: str) -> None:
        self.take(session.send_test_request(self.settings, self.state, self.now))

    def do_reset(self, _: str) -> None:
        self.take(session.reset(self.settings, self.state, self.now))

    def do_numbers(self, argument: str) -> None:
        wanted = {f"next_{key}": int(value) for key, value in re.findall(r"(in|out)=(\d+)", argument)}
        self.take(session.set_numbers(self.settings, self.state, self.now, **wanted))

    def do_garbled(self, _: str) -> None:
        error = GarbledMessage("bad checksum", reason="checksum")
        self.take(session.garbled(self.settings, self.state, error, self.now))

    def do_bytes(self, _: str) -> None:
        self.state = session.heard(self.state, self.now.monotonic_ns)

    def do_pause(self, _: str) -> None:
        self.reading = False

    def do_resume(self, _: str) -> None:
        self.reading = True
        self.do_bytes("")

    # What comes out

    def take(self, step: Step) -> None:
        self.state = step.state
        later = []
        for action in step.actions:
            match action:
                case session.Transmit(numbered):
                    self.store(SentRow(numbered.seq_num, None))
                    self.out.append("< " + self.shown(numbered.data))
                case session.Retransmit(data):
                    self.out.append("< " + self.shown(data))
                case session.Deliver(message):
                    self.out.append(f"! Deliver {message.seq_num}")
                case session.CloseConnection(code, _):
                    self.out.append(f"! Close {code}")
                case session.Warn(code, _):
                    self.out.append(f"! Warn {code}")
                case session.LoggedOut(_):
                    self.out.append("! LoggedOut")
                case session.ReadSent() | session.DrainHeld():
                    later.append(action)
                case _:
                    values = [str(getattr(action, name)) for name in action.__dataclass_fields__]
                    self.out.append(" ".join(["!", type(action).__name__, *values]))
        for action in later:
            if isinstance(action, session.DrainHeld):
                self.take(session.drain(self.settings, self.state, self.now, dictionary=self.dictionary))
            else:
                self.serve(action)

    def serve(self, request: session.ReadSent) -> None:
        rows = [row for seq, row in sorted(self.rows[self.state.epoch].items()) if request.begin <= seq <= request.end]
        for at in range(0, len(rows), PAGE_ROWS):
            last = at + PAGE_ROWS >= len(rows)
            page = rows[at : at + PAGE_ROWS]
            assert self.state.resending
            self.take(session.resend_page(self.settings, self.state, page, last, self.now))

    def store(self, row: SentRow) -> None:
        rows = self.rows.setdefault(self.state.epoch, {})
        assert row.seq_num not in rows, f"number {row.seq_num} of epoch {self.state.epoch} was used twice"
        rows[row.seq_num] = row

    # Spelling

    def message(self, text: str) -> Message:
        """A message of the peer: tags 8, 9, 10, 49, 52 and 56 are filled in where the script does not give them."""
        fields = [(tag, self.time(value)) for tag, value in split(text)]
        given = dict(fields)
        msg_type = given["35"]
        begin = given.get("8", self.settings.begin_string)
        head = [
            (tag, given.get(tag, usual))
            for tag, usual in (
                ("49", self.settings.target_comp_id),
                ("52", self.time("@0s")),
                ("56", self.settings.sender_comp_id),
            )
        ]
        rest = [(tag, value) for tag, value in fields if tag not in FILLED and tag != "35"]
        body = "".join(f"{tag}={value}\x01" for tag, value in [("35", msg_type), *head, *rest])
        frame = f"8={begin}\x019={len(body)}\x01{body}"
        frame += f"10={sum(frame.encode()) % 256:03d}\x01"
        return codec.decode(frame.encode(), self.dictionary)

    def time(self, value: str) -> str:
        offset = re.fullmatch(r"@(-?[\d.]+)s", value)
        if offset is None:
            return value
        return fix_timestamp(self.now.utc_ns + int(float(offset.group(1)) * NS_PER_S))

    def shown(self, data: bytes) -> str:
        return "|".join(f"{tag}={value}" for tag, value in wire_fields(data) if tag not in FILLED)


def wire_fields(data: bytes) -> list[tuple[str, str]]:
    return split(data.decode().rstrip("\x01").replace("\x01", "|"))


def split(text: str) -> list[tuple[str, str]]:
    pairs = [item.partition("=") for item in text.split("|")]
    return [(tag, value) for tag, _, value in pairs]


def pattern_of(player: Player, text: str) -> str:
    """An expected line as a regular expression: `*` is any value, `@-1s` a time."""
    if text.startswith("!"):
        return re.escape(" ".join(text.split()))
    fields = [f"{tag}={player.time(value)}" for tag, value in split(text[1:].strip())]
    return re.escape("< " + "|".join(fields)).replace(r"=\*", "=[^|]+")


@pytest.mark.parametrize("script", read_scripts())
def test_golden_script(script: Script) -> None:
    texts = dict(script.settings)
    numbers = {key: int(texts.pop(key)) for key in ("next_in", "next_out") if key in texts}
    # Numbers that a script begins with are yesterday's.
    began_ns = START_UTC_NS - NS_PER_DAY if numbers else 0
    state = SessionState.fresh(**numbers, first_out=numbers.get("next_out", 1), began_utc_ns=began_ns)
    settings = settings_of(texts)
    player = Player(settings, built_in(settings.begin_string, settings.appl_ver_id), state)
    for turn in script.turns:
        out = player.play(turn.command)
        wanted = [pattern_of(player, text) for text in turn.expected]
        named = {text.split()[1] for text in turn.expected if text.startswith("!")}
        got = [
            text
            for text in out
            if text.startswith("<")
            or text.split()[1] in STRICT
            or (text.split()[1] in named and any(re.fullmatch(pattern, text) for pattern in wanted))
        ]
        shown = "\n".join(got)
        matches = len(got) == len(wanted) and all(map(re.fullmatch, wanted, got))
        assert matches, (
            f"{script.place} line {turn.line}: {turn.command}\nexpected\n"
            + "\n".join(turn.expected)
            + f"\ngot\n{shown}\nall\n"
            + "\n".join(out)
        )


# What scripts cannot say


def active(settings: SessionSettings, dictionary: Dictionary) -> Player:
    player = Player(settings, dictionary, SessionState.fresh())
    player.play("@ logon")
    return player


def in_phase(phase: Phase, dictionary: Dictionary, **extra: str) -> Player:
    """A session brought to `phase` by what really leads there."""
    initiator = {"initiator": "yes"} if phase is Phase.LOGON_SENT else {}
    player = Player(settings_of({**initiator, **extra}), dictionary, SessionState.fresh())
    commands = {
        Phase.DISCONNECTED: [],
        Phase.AWAITING_LOGON: ["@ connect"],
        Phase.LOGON_SENT: ["@ connect"],
        Phase.ACTIVE: ["@ logon"],
        Phase.LEAVING: ["@ logon", "@ logout"],
        Phase.LOGOUT_RECEIVED: ["@ logon", "> 35=5|34=5"],
        Phase.LOGOUT_SENT: ["@ logon", "@ logout", "> 35=0|34=2|112=TEST"],
        Phase.CLOSED: ["@ logon", "> 35=5|34=2"],
    }
    for command in commands[phase]:
        player.play(command)
    assert player.state.phase is phase
    return player


KINDS = {
    "A": "98=0|108=30",
    "0": "112=x",
    "1": "112=x",
    "2": "7=1|16=1",
    "3": "45=1|58=no",
    "4": "36=9|123=Y",
    "5": "",
    "B": "148=news",
}
CONNECTED = [phase for phase in Phase if phase not in (Phase.DISCONNECTED, Phase.CLOSED)]


@pytest.mark.parametrize("phase", CONNECTED)
@pytest.mark.parametrize("msg_type", KINDS)
def test_a_move_that_is_missing_in_the_table_ends_the_session(
    phase: Phase, msg_type: str, dictionary: Dictionary
) -> None:
    player = in_phase(phase, dictionary, validation="off")
    out = player.play(f"> 35={msg_type}|34={player.state.next_in}|{KINDS[msg_type]}".rstrip("|"))
    if (phase, kind_of(msg_type)) in TRANSITIONS:
        assert "! Close unexpected" not in out
        return
    assert player.state.phase is Phase.CLOSED
    said = [text for text in out if text.startswith("<")]
    if phase in (Phase.AWAITING_LOGON, Phase.LOGOUT_SENT):
        assert said == [], "nothing is said to a stranger, nor after our Logout"
    else:
        assert len(said) == 1
        assert said[0].startswith("< 35=5|")


@pytest.mark.parametrize("phase", [Phase.DISCONNECTED, Phase.CLOSED])
@pytest.mark.parametrize("msg_type", KINDS)
def test_what_comes_after_the_end_changes_nothing(phase: Phase, msg_type: str, dictionary: Dictionary) -> None:
    player = in_phase(phase, dictionary)
    before = player.state
    player.receive(player.message(f"35={msg_type}|34={before.next_in}|{KINDS[msg_type]}".rstrip("|")))
    assert player.out[1:] == [] or phase is Phase.CLOSED
    assert player.state._replace(last_received_ns=0) == before._replace(last_received_ns=0)


SHORT_WAY: Final = {
    "as it should be": "35=D|34=2|11=a",
    "number with zeros": "35=D|34=002|11=a",
    "another's": "35=D|34=2|49=MALLORY|11=a",
    "no time": "35=D|34=2|52=|11=a",
    "time of a day there is not": "35=D|34=2|52=20261131-10:00:00|11=a",
    "February 29 of another year": "35=D|34=2|52=20260229-10:00:00.000|11=a",
    "hour 24": "35=D|34=2|52=20261130-24:00:00.000|11=a",
    "no colons": "35=D|34=2|52=20261130-100000.000|11=a",
    "fraction without digits": "35=D|34=2|52=20261130-10:00:00.|11=a",
    "twice the time": "35=D|34=2|52=@0s|52=@0s|11=a",
    "quantity that is no number": "35=D|34=2|11=a|38=many",
    "time of trade that is none": "35=D|34=2|11=a|60=noon",
    "empty": "35=D|34=2|11=",
    "duplicate": "35=D|34=2|43=Y|122=@-1s|11=a",
    "no duplicate": "35=D|34=2|43=N|11=a",
    "side there is not": "35=D|34=2|11=a|54=~",
    "field there is not": "35=D|34=2|11=a|9999=b",
    "type there is not": "35=~|34=2",
    "length of the text with zeros": "35=D|34=2|11=a|354=03",
}


@pytest.mark.parametrize("validation", ["strict", "tolerant", "off"])
@pytest.mark.parametrize("text", SHORT_WAY.values(), ids=SHORT_WAY)
def test_the_short_way_comes_to_the_same_as_the_careful_one(text: str, validation: str, dictionary: Dictionary) -> None:
    player = active(settings_of({"validation": validation}), dictionary)
    message = player.message(text)
    step = both_ways(player.settings, player.state, message, player.now, dictionary)
    assert step.state.next_in in (2, 3)


def both_ways(
    settings: SessionSettings, state: SessionState, message: Message, now: Instant, dictionary: Dictionary
) -> Step:
    """What a message comes to; by the short way, if that is open to it, nothing else than by the careful one."""
    step = session.received(settings, state, message, now, dictionary=dictionary)
    assert step == session.seen_to(settings, state, message, now, dictionary=dictionary)
    taken = session.in_order(settings, state, message, now, dictionary=dictionary)
    assert taken is None or taken.moved_on_from(state), "nothing but numbers and times"
    return step


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        pytest.param([2, 4], False, id="hole in a page"),
        pytest.param([3], False, id="first row missing"),
        pytest.param([2, 3], True, id="end missing"),
        pytest.param([], True, id="nothing at all"),
        pytest.param([2, 3, 4, 5], True, id="more than asked for"),
    ],
)
def test_a_row_missing_in_the_store_is_corruption_and_never_a_gap_fill(
    rows: list[int], last: bool, dictionary: Dictionary
) -> None:
    player = active(settings_of({}), dictionary)
    for name in "abcd":
        player.play(f"@ send 35=8|17={name}")
    message = player.message("35=2|34=2|7=2|16=4")
    step = session.received(player.settings, player.state, message, player.now, dictionary=dictionary)
    assert session.ReadSent(2, 4) in step.actions
    page = [player.rows[1][number] for number in rows]
    with pytest.raises(JournalError, match=r"outbound row"):
        session.resend_page(player.settings, step.state, page, last, player.now)


def test_new_messages_wait_while_a_resend_is_served_and_heartbeats_do_not(dictionary: Dictionary) -> None:
    player = active(settings_of({}), dictionary)
    player.play("@ send 35=8|17=a")
    message = player.message("35=2|34=2|7=1|16=0")
    state = session.received(player.settings, player.state, message, player.now, dictionary=dictionary).state
    assert state.resending
    assert not state.can_send
    with pytest.raises(EngineError, match="resending=True"):
        session.bind(player.settings, state, "8", b"17=b\x01", player.now)
    later = Instant(player.now.monotonic_ns + 30 * NS_PER_S, player.now.utc_ns + 30 * NS_PER_S)
    step = session.tick(player.settings, state, later)
    assert [action.numbered.msg_type for action in step.actions if isinstance(action, session.Transmit)] == ["0"]
    rows = [player.rows[1][1], player.rows[1][2]]
    done = session.resend_page(player.settings, step.state, rows, True, later)
    assert done.state.can_send


def test_requests_that_come_during_a_resend_are_served_in_turn_and_within_a_bound(dictionary: Dictionary) -> None:
    player = active(settings_of({"resend_queue_max": "2"}), dictionary)
    for name in "abcd":
        player.play(f"@ send 35=8|17={name}")
    state = player.state
    for number, (begin, end) in enumerate([(2, 2), (3, 3), (3, 3), (4, 4)], 2):
        message = player.message(f"35=2|34={number}|7={begin}|16={end}")
        step = session.received(player.settings, state, message, player.now, dictionary=dictionary)
        asked = [action for action in step.actions if isinstance(action, session.ReadSent)]
        assert asked == ([session.ReadSent(2, 2)] if begin == 2 else [])
        state = step.state
    served = []
    waiting = state
    for number in (2, 3, 4):
        step = session.resend_page(player.settings, waiting, [player.rows[1][number]], True, player.now)
        served += [action for action in step.actions if isinstance(action, session.ReadSent)]
        waiting = step.state
    assert served == [session.ReadSent(3, 3), session.ReadSent(4, 4)]
    assert not waiting.resending
    message = player.message("35=2|34=6|7=5|16=5")
    step = session.received(player.settings, state, message, player.now, dictionary=dictionary)
    assert step.state.phase is Phase.CLOSED
    assert any(isinstance(action, session.Warn) and action.code == "resend_loop" for action in step.actions)


def test_a_request_that_comes_again_before_it_was_served_is_served_once_and_is_no_loop(dictionary: Dictionary) -> None:
    """Some engines ask with every message above their gap: a burst of requests before the first answer."""
    player = active(settings_of({"resend_repeat_max": "2"}), dictionary)
    for name in "ab":
        player.play(f"@ send 35=8|17={name}")
    state = player.state
    actions: list[session.Action] = []
    for number in range(2, 12):
        message = player.message(f"35=2|34={number}|7=2|16=0")
        step = session.received(player.settings, state, message, player.now, dictionary=dictionary)
        actions += step.actions
        state = session.tick(player.settings, step.state, player.now).state
    assert [action for action in actions if not isinstance(action, session.Confirmed)] == [
        session.NotReceived(2), session.ReadSent(2, 3)
    ]  # fmt: skip
    done = session.resend_page(player.settings, state, [player.rows[1][2], player.rows[1][3]], True, player.now)
    assert len([action for action in done.actions if isinstance(action, session.Retransmit)]) == 2
    assert done.state.can_send


def test_in_the_middle_of_a_resend_an_error_ends_a_session_without_a_logout(dictionary: Dictionary) -> None:
    """QuickFIX counts a Logout(5) above its gap in place of the first message missing, and never asks for it."""
    player = active(settings_of({}), dictionary)
    serving = in_the_middle_of_a_resend(player)
    late = player.message("35=0|34=3|52=@-300s")
    step = session.received(player.settings, serving, late, player.now, dictionary=dictionary)
    assert "5" not in transmitted(step)
    assert step.state.phase is Phase.CLOSED


def test_a_resend_that_is_under_way_is_served_before_the_proof_and_the_logout(dictionary: Dictionary) -> None:
    player = active(settings_of({}), dictionary)
    serving = in_the_middle_of_a_resend(player)
    leaving = session.logout(player.settings, serving, STOPPING, player.now)
    assert (leaving.state.phase, transmitted(leaving)) == (Phase.LEAVING, [])
    rows = [player.rows[1][2], player.rows[1][3]]
    first = session.resend_page(player.settings, leaving.state, rows[:1], False, player.now)
    assert transmitted(first) == []
    last = session.resend_page(player.settings, first.state, rows[1:], True, player.now)
    assert transmitted(last) == ["1"]


def test_a_resend_that_takes_too_long_ends_without_a_logout(dictionary: Dictionary) -> None:
    player = active(settings_of({}), dictionary)
    leaving = session.logout(player.settings, in_the_middle_of_a_resend(player), STOPPING, player.now).state
    due_ns = session.next_deadline_ns(player.settings, leaving)
    assert due_ns == player.now.monotonic_ns + 2 * NS_PER_S
    step = session.tick(player.settings, leaving, Instant(due_ns, player.now.utc_ns + 2 * NS_PER_S))
    assert transmitted(step) == []
    assert (step.state.phase, step.state.ending) == (Phase.CLOSED, STOPPING)


def test_a_peer_is_dismissed_without_waiting_for_any_proof(dictionary: Dictionary) -> None:
    for phase in (Phase.ACTIVE, Phase.LEAVING):
        player = in_phase(phase, dictionary)
        paused = Ending(DisconnectReason.INPUT_REFUSED, "paused")
        step = session.dismiss(player.settings, player.state, paused, player.now)
        assert (step.state.phase, transmitted(step)) == (Phase.LOGOUT_SENT, ["5"])


def in_the_middle_of_a_resend(player: Player) -> SessionState:
    """The peer has asked for 2 and 3, which are reports."""
    for name in "ab":
        player.play(f"@ send 35=8|17={name}")
    message = player.message("35=2|34=2|7=2|16=0")
    step = session.received(player.settings, player.state, message, player.now, dictionary=player.dictionary)
    assert step.state.resending
    return step.state


def transmitted(step: Step) -> list[str]:
    return [action.numbered.msg_type for action in step.actions if isinstance(action, session.Transmit)]


def test_what_comes_before_the_held_ones_are_handled_waits_and_is_not_asked_for(dictionary: Dictionary) -> None:
    player = active(settings_of({}), dictionary)
    state = player.state
    sent = []
    for text in ("35=D|34=3|11=b", "35=D|34=2|43=Y|122=@-1s|11=a", "35=D|34=4|11=c", "35=D|34=6|11=e"):
        message = player.message(text)
        step = session.received(player.settings, state, message, player.now, dictionary=dictionary)
        sent += [action.numbered.msg_type for action in step.actions if isinstance(action, session.Transmit)]
        state = step.state
    assert sent == ["2"], "3 and 4 wait for their own turns; 5 is asked for when they have had them"
    delivered = []
    for _ in range(3):
        step = session.drain(player.settings, state, player.now, dictionary=dictionary)
        sent += [action.numbered.msg_type for action in step.actions if isinstance(action, session.Transmit)]
        delivered += [action.message.seq_num for action in step.actions if isinstance(action, session.Deliver)]
        state = step.state
    assert delivered == [3, 4]
    assert sent == ["2", "2"]
    assert state.gap is not None
    assert (state.gap.begin, state.gap.end) == (5, 5)


def test_what_is_held_is_bounded_in_bytes_too(dictionary: Dictionary) -> None:
    """A thousand messages of 64 KiB, taken apart, would be most of a gigabyte; some of them are asked for again."""
    player = active(settings_of({}), dictionary)
    state, warned = player.state, 0
    for seq_num in range(3, 103):
        message = player.message(f"35=D|34={seq_num}|58={'x' * 60_000}")
        step = session.received(player.settings, state, message, player.now, dictionary=dictionary)
        warned += sum(isinstance(action, session.Warn) and action.code == "held_full" for action in step.actions)
        state = step.state
    held = sum(len(message.raw) for message in state.held)
    assert sequence.HELD_BYTES_MAX - 61_000 < held <= sequence.HELD_BYTES_MAX
    assert warned == 100 - len(state.held)


def test_one_message_of_any_size_is_held(dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "HELD_BYTES_MAX", 10)
    player = active(settings_of({}), dictionary)
    message = player.message("35=D|34=3|11=b")
    step = session.received(player.settings, player.state, message, player.now, dictionary=dictionary)
    assert [each.seq_num for each in step.state.held] == [3]


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        pytest.param(1, [session.NotReceived(1)], id="has nothing"),
        pytest.param(3, [session.Confirmed(2), session.NotReceived(3)], id="has some"),
        pytest.param(5, [session.Confirmed(4)], id="has everything"),
        pytest.param(6, [], id="claims what was never sent"),
    ],
)
def test_a_resend_request_is_evidence(begin: int, expected: list[session.Action], dictionary: Dictionary) -> None:
    player = active(settings_of({}), dictionary)
    for name in "abc":
        player.play(f"@ send 35=8|17={name}")
    message = player.message(f"35=2|34=2|7={begin}|16=0")
    step = session.received(player.settings, player.state, message, player.now, dictionary=dictionary)
    assert [x for x in step.actions if isinstance(x, session.Confirmed | session.NotReceived)] == expected


def test_a_page_nobody_waits_for_any_more_comes_to_nothing(dictionary: Dictionary) -> None:
    player = active(settings_of({}), dictionary)
    player.play("@ send 35=8|17=a")
    step = session.resend_page(player.settings, player.state, [player.rows[1][2]], True, player.now)
    assert step == Step(player.state, ())


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.ACTIVE])
def test_only_an_active_session_gives_out_numbers(phase: Phase, dictionary: Dictionary) -> None:
    player = in_phase(phase, dictionary)
    with pytest.raises(EngineError, match=str(phase)):
        session.bind(player.settings, player.state, "8", b"17=a\x01", player.now)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.DISCONNECTED])
def test_a_second_connection_of_a_live_session_is_the_shells_mistake(phase: Phase, dictionary: Dictionary) -> None:
    player = in_phase(phase, dictionary)
    with pytest.raises(EngineError, match="expected disconnected"):
        session.connected(player.settings, player.state, 2, player.now)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.DISCONNECTED])
def test_a_reset_is_refused_while_there_is_a_connection(phase: Phase, dictionary: Dictionary) -> None:
    player = in_phase(phase, dictionary)
    with pytest.raises(CommandError, match=str(phase)):
        session.reset(player.settings, player.state, player.now)


@pytest.mark.parametrize("numbers", [{"next_in": 0}, {"next_out": 0}, {"next_in": -3, "next_out": 4}])
def test_numbers_below_one_are_refused(numbers: dict[str, int], dictionary: Dictionary) -> None:
    player = in_phase(Phase.DISCONNECTED, dictionary)
    with pytest.raises(CommandError, match="begin at 1"):
        session.set_numbers(player.settings, player.state, player.now, **numbers)


def test_numbers_of_a_connected_session_are_not_set(dictionary: Dictionary) -> None:
    player = active(settings_of({}), dictionary)
    with pytest.raises(CommandError, match="disconnect it"):
        session.set_numbers(player.settings, player.state, player.now, next_in=5)


def test_a_withheld_number_leaves_as_a_gap_fill_that_is_no_duplicate(dictionary: Dictionary) -> None:
    player = active(settings_of({}), dictionary)
    data = session.gap_fill(player.settings, 7, 8, player.now, poss_dup=False)
    assert player.shown(data) == "35=4|34=7|36=8|123=Y"


def test_sub_ids_and_locations_are_sent_and_checked_where_agreed(dictionary: Dictionary) -> None:
    agreed = {"sender_sub_id": "desk", "target_location_id": "NY"}
    refused = Player(settings_of(agreed), dictionary, SessionState.fresh())
    assert refused.play("> 35=A|34=1|98=0|108=30")[-1] == "! Close logon_refused"
    welcome = Player(settings_of(agreed), dictionary, SessionState.fresh())
    out = welcome.play("> 35=A|34=1|57=desk|142=NY|98=0|108=30")
    assert out[0] == "< 35=A|34=1|50=desk|143=NY|98=0|108=30"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"begin_string": "FIX.9.9"}, "begin_string", id="unknown version"),
        pytest.param({"sender_comp_id": ""}, "sender_comp_id", id="no name"),
        pytest.param({"begin_string": "FIXT.1.1"}, "appl_ver_id", id="FIXT without application version"),
        pytest.param({"heart_bt_int_s": 0}, "heart_bt_int_s", id="no heartbeat"),
        pytest.param({"heart_bt_int_s": 301}, "heart_bt_int_s", id="heartbeat above its own bound"),
        pytest.param({"logon_timeout_s": 0}, "logon_timeout_s", id="no time to log on"),
        pytest.param({"held_messages_max": 0}, "held_messages_max", id="no room"),
        pytest.param({"password": "x"}, "username", id="password without a name"),
    ],
)
def test_settings_no_session_can_run_under_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(settings_of({}), **changes)


def test_a_password_is_never_shown() -> None:
    settings = settings_of({"username": "fox", "password": "secret", "initiator": "yes"})
    assert "secret" not in repr(settings)
    step = session.connected(settings, SessionState.fresh(), 1, Instant(0, START_UTC_NS))
    logon = step.actions[0]
    assert isinstance(logon, session.Transmit)
    assert b"554=secret" in logon.numbered.data
    assert "secret" not in repr(step)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MsgSeqNum too low, expecting 12 but received 5", "! PeerExpects 12"),
        ("Expected: 12", "! PeerExpects 12"),
        ("sequence number expected=12, received=5", "! PeerExpects 12"),
        ("unexpected user 12", None),
        ("good night", None),
    ],
)
def test_what_the_peer_expects_is_read_from_other_engines_words(
    text: str, expected: str | None, dictionary: Dictionary
) -> None:
    out = active(settings_of({}), dictionary).play(f"> 35=5|34=2|58={text}")
    assert [line for line in out if "PeerExpects" in line] == ([expected] if expected else [])
