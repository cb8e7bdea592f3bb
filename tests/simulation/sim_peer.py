"""One end of a FIX session that is not ours: numbers and messages on a store that survives everything, the rest not.

It resends what it is asked for, asks for what it lacks, keeps what comes too early, and fails the run over a number
that the engine uses twice. What is said over it is for the parties of `sim_parties`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sim_network import Link
from sim_time import NS
from sim_wire import Fields, Msg, Splitter, encode, timestamp

if TYPE_CHECKING:
    from world import World


class Party(Protocol):
    """Who speaks over a peer."""

    def on_logon(self) -> None: ...

    def on_reset(self) -> None:
        """Both numbers begin anew: whatever the engine may not have received has to be said again."""
        ...

    def on_message(self, msg: Msg) -> None: ...


class Peer:
    """`name` is its CompID; the engine is BUYSIDE. `repeats` are the types it sends again when asked to."""

    def __init__(self, world: World, name: str, *, initiator: bool, repeats: frozenset[str]) -> None:
        self.world = world
        self.name = name
        self.key = name.lower()
        self.initiator = initiator
        self.repeats = repeats
        self.party: Party | None = None
        self.heart_bt_s = world.scenario.heart_bt_s
        # The store.
        self.next_in = 1
        self.next_out = 1
        self.sent: dict[int, tuple[str, tuple[tuple[int, object], ...], str, bool]] = {}
        self.reset_wanted = False
        """A reset that is not done yet: the next Logon(A) of ours carries ResetSeqNumFlag(141)=Y."""
        self.resets = 0
        self.down_until_ns = 0
        # One connection's.
        self.link: Link | None = None
        self.active = False
        self.resetting = False
        self.logout_sent = False
        self._reset_said = False
        self._splitter = Splitter()
        self._held: dict[int, Msg] = {}
        self._asked_to = 0
        self._heard_ns = 0
        self._said_ns = 0
        self._serial = 0

    @property
    def is_down(self) -> bool:
        return self.world.timeline.now_ns < self.down_until_ns

    # --- saying --------------------------------------------------------------------------------------

    def send(self, kind: str, fields: Fields, *, poss_resend: bool = False) -> int:
        """Number and keep an application message; without a session it waits to be asked for."""
        seq, time = self.next_out, timestamp(self.world.timeline.utc_ns)
        self.next_out += 1
        kept = tuple(fields)
        self.sent[seq] = (kind, kept, time, poss_resend)
        if self.active and not self.resetting:
            self._write(encode(kind, seq, self.name, "BUYSIDE", time, kept, poss_resend=poss_resend))
        return seq

    def _admin(self, kind: str, fields: Fields) -> None:
        seq = self.next_out
        self.next_out += 1
        time = timestamp(self.world.timeline.utc_ns)
        self._write(encode(kind, seq, self.name, "BUYSIDE", time, fields))

    def _write(self, data: bytes) -> None:
        if self.link is not None:
            self._said_ns = self.world.timeline.now_ns
            self.link.to_engine(data)

    def raw(self, data: bytes) -> None:
        """Bytes as they are: noise."""
        self._write(data)

    # --- the connection ------------------------------------------------------------------------------

    def connected(self, link: Link) -> None:
        self.link = link
        self.active = self.resetting = self.logout_sent = False
        self._splitter = Splitter()
        self._held.clear()
        self._asked_to = 0
        self._heard_ns = self._said_ns = self.world.timeline.now_ns
        self._serial += 1
        if self.initiator:
            self._reset_said = self.reset_wanted
            if self.reset_wanted:
                self._begin_epoch()
            self._admin("A", [(98, 0), (108, self.heart_bt_s), *([(141, "Y")] if self.reset_wanted else [])])
        self._tick(self._serial)

    def disconnected(self, link: Link) -> None:
        if self.link is link:
            self.link = None
            self.active = self.resetting = False
            self._held.clear()

    def die(self, for_ns: int) -> None:
        """The process ends; its store stays."""
        self.down_until_ns = self.world.timeline.now_ns + for_ns
        if self.link is not None:
            self.link.cut()
            self.disconnected(self.link)

    def close(self) -> None:
        if self.link is not None:
            link = self.link
            link.closed_by_peer()
            self.disconnected(link)

    def log_out(self) -> None:
        if self.active and not self.logout_sent:
            self.logout_sent = True
            self._admin("5", [])

    def reset(self) -> None:
        """Restart both numbers of the live session."""
        self.reset_wanted = True
        if self.active and not self.resetting and not self.logout_sent:
            self._begin_epoch()
            self.resetting = True
            self._admin("A", [(98, 0), (108, self.heart_bt_s), (141, "Y")])

    def begin_period(self) -> None:
        """The hour agreed for it has come: both numbers begin anew, without a word."""
        self.close()
        self._begin_epoch()
        assert self.party is not None
        self.party.on_reset()

    def _begin_epoch(self) -> None:
        self.next_in = self.next_out = 1
        self.resets += 1
        self.sent.clear()
        self._held.clear()
        self._asked_to = 0
        self.world.note(f"{self.name} resets its numbers")

    def _tick(self, serial: int) -> None:
        if serial != self._serial or self.link is None:
            return
        now, interval = self.world.timeline.now_ns, self.heart_bt_s * NS
        if now - self._heard_ns > interval * 3:
            self.world.note(f"{self.name} hears nothing and gives the connection up")
            self.close()
            return
        if self.active and not self.resetting and now - self._said_ns >= interval * 0.9:
            self._admin("0", [])
        self.world.timeline.later(interval // 4, "", self._tick, serial)

    def probe(self) -> None:
        """A TestRequest(1) out of the blue."""
        if self.active and not self.resetting:
            self._admin("1", [(112, f"P{self.next_out}")])

    # --- hearing -------------------------------------------------------------------------------------

    def received(self, link: Link, data: bytes) -> None:
        if link is not self.link:
            return
        self._heard_ns = self.world.timeline.now_ns
        for msg in self._splitter.feed(data):
            if self.link is not link:
                return
            self.world.note(f"{self.name} < 35={msg.kind} 34={msg.seq}{' 43=Y' if msg.dup else ''}")
            self._on_msg(msg)

    def _on_msg(self, msg: Msg) -> None:
        kind = msg.kind
        if kind == "A":
            self._on_logon(msg)
        elif not self.active:
            if kind != "5":
                self.world.fail(f"{self.name}: 35={kind} before a Logon(A)")
            self.world.refusals.append(f"{self.name}: {msg.get(58)}")
            self.close()
        elif self.resetting:
            pass  # Of the old epoch, on its way when the reset was asked for.
        elif kind == "5":
            self._on_logout(msg)
        elif kind == "4" and msg.get(123) != "Y":
            self.world.fail(f"{self.name}: SequenceReset(4) without gap fill")
        elif kind == "2" and msg.seq >= self.next_in:
            self._serve(msg)
            self._in_sequence(msg)
        else:
            self._in_sequence(msg)

    def _on_logon(self, msg: Msg) -> None:
        reset = msg.get(141) == "Y"
        if self.resetting:
            if not reset or msg.seq != 1:
                self.world.fail(f"{self.name}: a reset was answered by 34={msg.seq} 141={msg.get(141)}")
            self.resetting = self.reset_wanted = False
            self.next_in = 2
            self._begin_anew()
            return
        if not self.initiator and self.reset_wanted and not reset:
            # Its Logon(A) was of the old epoch: the answer begins the new one.
            self._begin_epoch()
            self.reset_wanted = False
            self.heart_bt_s = int(msg.get(108))
            self._admin("A", [(98, 0), (108, self.heart_bt_s), (141, "Y")])
            self.active = True
            self._begin_anew()
            return
        if reset and not self.initiator:
            self._begin_epoch()
        if msg.seq < self.next_in:
            self.world.fail(f"{self.name}: Logon(A) with 34={msg.seq}, expected {self.next_in}: a number used twice")
        if not self.initiator:
            self.heart_bt_s = int(msg.get(108))
            self._admin("A", [(98, 0), (108, self.heart_bt_s), *([(141, "Y")] if reset else [])])
        if self.initiator and self._reset_said and not reset:
            self.world.fail(f"{self.name}: a Logon(A) with 141=Y was answered without")
        self.active = True
        self._in_sequence(msg)
        if reset:
            self.reset_wanted = False
            self._begin_anew()
            return
        assert self.party is not None
        self.party.on_logon()

    def _begin_anew(self) -> None:
        assert self.party is not None
        self.party.on_reset()
        self.party.on_logon()

    def _in_sequence(self, msg: Msg) -> None:
        if msg.seq > self.next_in:
            self._held[msg.seq] = msg
            if not self._asked_to:
                self._asked_to = max(self._held)
                self._admin("2", [(7, self.next_in), (16, 0)])
            return
        if msg.seq < self.next_in:
            if not msg.dup:
                self.world.fail(
                    f"{self.name}: 35={msg.kind} 34={msg.seq} again, expected {self.next_in}: a number used twice"
                )
            return
        self._take(msg)
        while (held := self._held.pop(self.next_in, None)) is not None:
            self._take(held)
        for seq in [seq for seq in self._held if seq < self.next_in]:
            del self._held[seq]
        if self.next_in > self._asked_to:
            self._asked_to = 0
            if self._held:
                self._asked_to = max(self._held)
                self._admin("2", [(7, self.next_in), (16, 0)])

    def _take(self, msg: Msg) -> None:
        """A message in order: its number is used and what it says is done, both at once."""
        self.next_in = msg.seq + 1
        kind = msg.kind
        if kind == "4":
            self.next_in = int(msg.get(36))
            self.world.filled_over(self, msg.seq, self.next_in)
        elif kind == "1":
            self._admin("0", [(112, msg.get(112))])
        elif kind == "3":
            self.world.rejected(self, msg)
        elif kind not in ("0", "2", "A"):
            assert self.party is not None
            self.party.on_message(msg)

    def _on_logout(self, msg: Msg) -> None:
        if msg.seq == self.next_in:
            self.next_in += 1
        if msg.get(58):
            self.world.refusals.append(f"{self.name}: {msg.get(58)}")
        if not self.logout_sent:
            self._admin("5", [])
        self.close()

    def _serve(self, msg: Msg) -> None:
        begin, end = int(msg.get(7)), int(msg.get(16)) or self.next_out - 1
        end = min(end, self.next_out - 1)
        run: int | None = None
        now = timestamp(self.world.timeline.utc_ns)
        for seq in range(begin, end + 1):
            kept = self.sent.get(seq)
            if kept is None or kept[0] not in self.repeats:
                run = seq if run is None else run
                continue
            if run is not None:
                self._fill(run, seq)
                run = None
            kind, fields, time, poss_resend = kept
            self._write(
                encode(kind, seq, self.name, "BUYSIDE", now, fields, original_time=time, poss_resend=poss_resend)
            )
        if run is not None:
            self._fill(run, end + 1)

    def _fill(self, begin: int, to: int) -> None:
        now = timestamp(self.world.timeline.utc_ns)
        self._write(encode("4", begin, self.name, "BUYSIDE", now, [(123, "Y"), (36, to)], original_time=now))
