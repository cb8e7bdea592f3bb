"""The echo acceptor on a stage: its real endpoint, sessions and framing; sockets and time are the script's.

A script is played line by line: what it says arrives as bytes, what comes back must be what it expects, and time passes
only where it says so. Nothing here waits.
"""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio import events
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from echo.endpoint import Endpoint
from echo.reflector import Reflector
from sim_time import NS, Timeline, VirtualClock, VirtualLoop

from engine.clock import Clock, fix_timestamp
from engine.fix.session.settings import SessionSettings
from engine.fix.sockets.transport import FixConnection
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import Dictionary

START_UTC_NS = 1_790_000_000 * NS
VERSIONS = {"4.2": ("FIX.4.2", "TW42"), "4.4": ("FIX.4.4", "TW44"), "5.0SP2": ("FIXT.1.1", "TW50SP2")}
FILLED = ("8", "9", "10", "49", "52", "56")
ORDER = "21=1|40=1|54=1|38=100|55=MSFT|60=20260102-10:11:12"


@dataclass
class Script:
    """One sentence of what the session layer must do, and the lines that show it."""

    title: str
    place: str
    settings: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[int, str]] = field(default_factory=list)


def read_scripts(path: Path) -> Iterator[Script]:
    """Scripts are parted by `---`; `#` is the sentence, `=` are settings, the rest is played."""
    script = Script("", f"{path.name}:1")
    for number, line in enumerate([*path.read_text().splitlines(), "---"], 1):
        if line.startswith("---"):
            if script.lines:
                yield script
            script = Script("", f"{path.name}:{number + 1}")
        elif line.startswith("#"):
            script.title = f"{script.title} {line[1:].strip()}".strip()
        elif line.startswith("="):
            script.settings.update(re.findall(r"(\w+)=(\S+)", line))
        elif line.strip():
            script.lines.append((number, line))


class Wire:
    """A transport without a socket: keeps what was written, and knows how it ended."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.data = b""
        self.ended = ""
        self.paused = False
        self.protocol: FixConnection | None = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self._host, 40_000) if name == "peername" else default

    def write(self, data: bytes) -> None:
        assert not self.ended, f"written after {self.ended}: {data!r}"
        self.data += data

    def writelines(self, pieces: list[bytes]) -> None:
        self.write(b"".join(pieces))

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = "end of what is said"

    def is_closing(self) -> bool:
        return self.ended in ("close", "abort")

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def close(self) -> None:
        self._end("close")

    def abort(self) -> None:
        self._end("abort")

    def _end(self, how: str) -> None:
        if not self.is_closing():
            self.ended = how
            assert self.protocol is not None
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class Stage:
    """One endpoint with a session of each version, and the peers' ends of its connections."""

    def __init__(self, version: str, settings: dict[str, str]) -> None:
        self.version = version
        self.begin_string, self.name = VERSIONS[version]
        self.timeline = Timeline(START_UTC_NS)
        self.loop = VirtualLoop(self.timeline, lambda: (1, 1))
        self.wires: dict[str, Wire] = {}
        own = {key: _typed(text) for key, text in settings.items()}
        limits = {key: own.pop(key) for key in ("max_message_bytes", "connections_max") if key in own}
        dictionaries = {name: built_in(begin) for name, (begin, _) in VERSIONS.items()}
        sessions = {name: _session(name, dictionaries[name], own) for name in VERSIONS}
        clock = cast(Clock, VirtualClock(self.timeline, NS))
        with self:
            self.endpoint = Endpoint(
                sessions,
                clock=clock,
                connections_max=limits.get("connections_max", 8),
                max_message_bytes=limits.get("max_message_bytes", 65_536),
                outgoing_bytes_max=1_000_000,
            )

    def __enter__(self) -> None:
        events._set_running_loop(self.loop)  # type: ignore[arg-type]

    def __exit__(self, *_: object) -> None:
        events._set_running_loop(None)

    # What a script says

    def play(self, line: str) -> str | None:
        """Do what one line says; for a line that expects something, what there is instead of it, or None."""
        connection, sign, rest = self._parted(line)
        if sign == ">":
            self._arrive(connection, self.frame(rest))
        elif sign == "~":
            self._arrive(connection, self.raw(rest))
        elif sign == ".":
            for at in range(len(data := self.frame(rest))):
                self._arrive(connection, data[at : at + 1])
        elif sign == "+":
            self.wait(float(rest.removesuffix("s")))
        elif sign == "<":
            return self._expect(connection, rest)
        elif sign == "x":
            return self._expect_end(connection)
        elif sign == "@":
            self._act(connection, rest)
        return None

    def left_over(self) -> str:
        """What was said that no line expected; empty if nothing was."""
        self.settle()
        return "\n".join(f"{name}< {self.shown(frame)}" for name, wire in self.wires.items() for frame in _frames(wire))

    def _parted(self, line: str) -> tuple[str, str, str]:
        found = re.fullmatch(r"(\w*)([<>~.+x@])\s?(.*)", line)
        assert found is not None, f"no line of a script: {line!r}"
        return found.group(1), found.group(2), found.group(3)

    def _act(self, connection: str, what: str) -> None:
        """What takes more than a message."""
        word, _, argument = what.partition(" ")
        if word == "connect":
            self._connect(connection, argument or "127.0.0.1")
        elif word == "logon":
            self._arrive(connection, self.frame(f"35=A|34=1|98=0|108={argument or 30}"))
            assert self._expect(connection, f"35=A|34=1|98=0|108={argument or 30}") is None
        elif word == "orders":
            for seq_num in range(int(argument.split()[0]), int(argument.split()[1]) + 1):
                self._arrive(connection, self.frame(f"35=D|34={seq_num}|11={seq_num}|{ORDER}"))
        elif word == "skip":
            taken = _frames(self._wire(connection), int(argument))
            assert len(taken) == int(argument), f"only {len(taken)} messages"
        elif word == "hangup":
            protocol = self._wire(connection).protocol
            assert protocol is not None
            with self:
                self.wires.pop(connection).ended = "close"
                protocol.connection_lost(None)
        else:
            raise AssertionError(f"no such act: {what}")

    def _connect(self, name: str, host: str) -> None:
        wire = Wire(host)
        with self:
            wire.protocol = self.endpoint.connection("")
            wire.protocol.connection_made(cast(asyncio.BaseTransport, wire))
        self.wires[name] = wire
        self.settle()

    def _wire(self, name: str) -> Wire:
        if name not in self.wires:
            self._connect(name, "127.0.0.1")
        return self.wires[name]

    def _arrive(self, name: str, data: bytes) -> None:
        wire = self._wire(name)
        assert wire.protocol is not None
        if not wire.is_closing():
            with self:
                wire.protocol.data_received(data)
            self.settle()

    def settle(self) -> None:
        """Everything that is due now."""
        while self.timeline.peek_ns() == self.timeline.now_ns:
            self.timeline.step()

    def wait(self, seconds: float) -> None:
        end_ns = self.timeline.now_ns + round(seconds * NS)
        while (next_ns := self.timeline.peek_ns()) is not None and next_ns <= end_ns:
            self.timeline.step()
        self.timeline.now_ns = end_ns

    # What a script expects

    def _expect(self, name: str, wanted: str) -> str | None:
        frames = _frames(self._wire(name), 1)
        if not frames:
            return "nothing"
        if wanted.startswith("35=A|") and self.version == "5.0SP2" and "1137=" not in wanted:
            wanted += "|1137=9"
        wanted = self.times(wanted.replace("$ORDER", ORDER))
        found = self.shown(frames[0], tuple(item.partition("=")[0] for item in wanted.split("|")))
        return None if re.fullmatch(re.escape(wanted).replace(r"\*", ".+"), found) else found

    def _expect_end(self, name: str) -> str | None:
        wire = self._wire(name)
        if left := _frames(wire, 1):
            return self.shown(left[0])
        return None if wire.ended else "the connection is open"

    # Spelling

    def frame(self, text: str) -> bytes:
        """A message of the peer: tags 8, 9, 10, 49, 52 and 56 are filled in where the script does not give them.

        `-49` leaves one out; `^` is SOH within a value.
        """
        fields = [item for item in self.times(text.replace("$ORDER", ORDER)).split("|") if item]
        if self.version == "5.0SP2" and "35=A" in fields and not any(f.lstrip("-").startswith("1137") for f in fields):
            fields.append("1137=9")
        given = dict(item.partition("=")[::2] for item in fields)
        head = [fields.pop(0)] if not fields[0].startswith(("8=", "9=")) else []
        begin = given.get("8", self.begin_string)
        fields = [item for item in fields if item.partition("=")[0] not in ("8", "9", "10")]
        if not head:
            head = [fields.pop(0)]
        for tag, usual in (("49", self.name), ("52", self.times("@0s")), ("56", "ISLD")):
            if tag not in given and f"-{tag}" not in fields:
                head.append(f"{tag}={usual}")
        fields = [item for item in fields if not re.fullmatch(r"-\d+", item)]
        body = "".join(f"{item}\x01" for item in [*head, *fields]).replace("^", "\x01").encode("latin-1")
        data = f"8={begin}\x019={given.get('9', len(body))}\x01".encode() + body
        return data + f"10={given.get('10', f'{sum(data) % 256:03d}')}\x01".encode()

    def raw(self, text: str) -> bytes:
        """Bytes as they stand, `|` for SOH; `<N>x` repeats what stands before it N times."""
        repeated = re.sub(r"(.)<(\d+)>", lambda found: found.group(1) * int(found.group(2)), self.times(text))
        return repeated.replace("|", "\x01").encode("latin-1")

    def times(self, text: str) -> str:
        return re.sub(
            r"@(-?[\d.]+)s",
            lambda found: fix_timestamp(self.timeline.utc_ns + round(float(found.group(1)) * NS)),
            text,
        )

    def shown(self, frame: bytes, named: tuple[str, ...] = ()) -> str:
        """A message of ours without what every message has, unless it is `named`."""
        fields = frame.decode("latin-1").rstrip("\x01").split("\x01")
        hidden = [tag for tag in FILLED if tag not in named]
        return "|".join(item for item in fields if item.partition("=")[0] not in hidden)


def _session(name: str, dictionary: Dictionary, own: dict[str, Any]) -> tuple[SessionSettings, Dictionary, Reflector]:
    begin_string, peer = VERSIONS[name]
    values: dict[str, Any] = {"reset_on_logon": True, "validation": "strict", "heart_bt_int_s_max": 3600, **own}
    version = "9" if begin_string == "FIXT.1.1" else None
    settings = SessionSettings(name, begin_string, "ISLD", peer, "echo", False, appl_ver_id=version, **values)
    return settings, dictionary, Reflector(dictionary, version)


def _typed(text: str) -> Any:
    if text in ("yes", "no"):
        return text == "yes"
    return int(text) if text.isdigit() else text


def _frames(wire: Wire, at_most: int = 1_000_000) -> list[bytes]:
    """Messages written so far, cut by their lengths and taken away."""
    found = []
    while len(found) < at_most and (begin := re.match(rb"8=[^\x01]+\x019=(\d+)\x01", wire.data)):
        end = begin.end() + int(begin.group(1)) + len(b"10=000\x01")
        found.append(wire.data[:end])
        wire.data = wire.data[end:]
    return found
