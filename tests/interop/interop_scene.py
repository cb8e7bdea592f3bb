"""A desk in the middle of a market of another vendor's engines: every link recorded, everybody stoppable."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from interop_daemon import RULES, Desk, Peer, Rfqd, run
from interop_link import Board, Link, LoopThread, Way, free_port
from interop_market import DealerDesk, prices
from interop_party import Answer, Identity, Party
from interop_wire import Said

ORDER_KEYS = ("oms", "dropcopy")


class Vendor(Protocol):
    """Makes a party of one engine."""

    def __call__(self, loop: LoopThread, board: Board, identity: Identity, answer: Answer | None) -> Party: ...


class Scene:
    """Daemon, OMS, drop copy, prices and dealers. OMS, drop copy and dealers talk over a `Link` of their own."""

    def __init__(
        self,
        vendor: Vendor,
        folder: Path,
        *,
        dealers: tuple[str, ...] = ("alder",),
        rules: str = RULES,
        heart_bt_int_s: int = 30,
        peer_more: dict[str, str] | None = None,
        identity_more: dict[str, dict[str, Any]] | None = None,
        more: dict[str, str] | None = None,
        link: type[Link] = Link,
        tls_port: int | None = None,
    ) -> None:
        """`tls_port`: OMS and drop copy are led there instead of to the port without TLS."""
        self._vendor = vendor
        self._folder = folder
        self._heart_bt_int_s = heart_bt_int_s
        self._identity_more = identity_more or {}
        # A socket's path must be short, and pytest's folders are not.
        self._run_dir = Path(tempfile.mkdtemp(prefix="rfq-"))
        self.board = Board()
        self.loop = LoopThread()
        self.fix_port = free_port()
        self.desks = {key: DealerDesk(key) for key in dealers}
        self._ports = {key: free_port() for key in (*dealers, "marks")}
        entrance = tls_port or self.fix_port
        self.links = {key: link(self.loop, self.board, lambda: entrance) for key in ORDER_KEYS}
        for key in dealers:
            self.links[key] = link(self.loop, self.board, lambda key=key: self._ports[key])  # type: ignore[misc]
        peer_more = peer_more or {}
        peers = [Peer("oms", "oms"), Peer("dropcopy", "dropcopy"), Peer("marks", "market", self._ports["marks"])]
        peers += [Peer(key, "dealer", self.links[key].port) for key in dealers]
        for peer in peers:
            peer.more = peer_more.get(peer.key, "")
        peers[0].more += '\nvalidation = "strict"'  # As shipped: the house's own OMS.
        self.desk = Desk(folder, self._run_dir, self.fix_port, peers, rules, heart_bt_int_s, more or {})
        self.rfqd = Rfqd(self.desk.write(), self.board)
        self.parties: dict[str, Party] = {}

    # --- comings and goings ------------------------------------------------------------------------

    def start(self, *keys: str) -> None:
        """Start the daemon and these parties, all by default, and wait until they are logged on and prices known."""
        wanted = keys or ("marks", *self.desks, *ORDER_KEYS)
        for key in wanted:
            if key not in ORDER_KEYS:
                self.join(key, wait=False)
        self.rfqd.start()
        for key in wanted:
            if key in ORDER_KEYS:
                self.join(key, wait=False)
        for key in wanted:
            self.until_on(key)
        if "marks" in wanted:
            self.board.until("the prices to be in the journal", lambda: self.query("SELECT 1 FROM tape_marks") or None)

    def join(self, key: str, *, wait: bool = True, **changed: Any) -> Party:
        """Start a party's engine on the store of its last time, if there was one."""
        listens = key not in ORDER_KEYS
        given: dict[str, Any] = {
            "comp_id": key.upper(),
            "listens": listens,
            "port": self._ports[key] if listens else self.links[key].port,
            "folder": self._folder / "stores" / key,
            "heart_bt_int_s": self._heart_bt_int_s,
        }
        identity = Identity(**(given | self._identity_more.get(key, {}) | changed))
        answer = prices if key == "marks" else self.desks[key].answer if key in self.desks else None
        party = self._vendor(self.loop, self.board, identity, answer)
        if key in self.parties:
            party.heard = self.parties[key].heard  # One record over all its lives.
        self.parties[key] = party
        # Whoever dials finds an open door, and nobody is let in before there is somebody: neither wastes a number.
        if key in ORDER_KEYS:
            self.links[key].unblock()
        party.start()
        if key in self.links:
            self.links[key].unblock()
        if wait:
            self.until_on(key)
        return party

    def leave(self, key: str) -> None:
        """Log out and end a party's engine; until it joins again, connections to it are refused."""
        self.links[key].block()
        self.parties[key].stop()

    def cut(self, key: str) -> None:
        """Break a party's connection, and let it back once it has noticed: it may be quicker than whoever looks."""
        self.links[key].block()
        self.links[key].cut()
        self.until_off(key)
        self.links[key].unblock()

    def until_on(self, key: str) -> None:
        """Wait until both sides say that the session is up: theirs, and ours in the journal."""
        self.board.until(f"{key} to be logged on", lambda: self.parties[key].logged_on)
        self.board.until(f"our session {key} to be up", lambda: self.query(_LAST_WORD.format(key)) == [("SessionUp",)])

    def until_off(self, key: str) -> None:
        self.board.until(f"{key} to be logged out", lambda: not self.parties[key].logged_on)

    def close(self) -> None:
        self.rfqd.end()
        for party in self.parties.values():
            with contextlib.suppress(Exception):
                party.end()
        for link in self.links.values():
            link.close()
        self.loop.close()
        shutil.rmtree(self._run_dir, ignore_errors=True)

    # --- what was said -----------------------------------------------------------------------------

    @property
    def oms(self) -> Party:
        return self.parties["oms"]

    def heard(self, key: str, times: int = 1, **wanted: str | None) -> Said:
        """The `times`-th message with these values that a party's application was given: `heard("oms", t150="F")`."""

        def found() -> Said | None:
            fitting = [said for said in self.parties[key].heard if said.has(**wanted)]
            return fitting[times - 1] if len(fitting) >= times else None

        return self.board.until(f"{key} to hear {wanted} ({times})", found)

    def to_engine(self, key: str) -> list[Said]:
        """What passed on a party's link towards the engine."""
        return self.links[key].passed[self.way_in(key)]

    def from_engine(self, key: str) -> list[Said]:
        return self.links[key].passed[self.way_out(key)]

    def until_passed(self, key: str, *, out: bool, times: int = 1, **wanted: str | None) -> Said:
        """The `times`-th message on a link, from the engine if `out`, with these values."""
        passed = self.from_engine(key) if out else self.to_engine(key)

        def found() -> Said | None:
            fitting = [said for said in passed if said.has(**wanted)]
            return fitting[times - 1] if len(fitting) >= times else None

        return self.board.until(f"{wanted} {'to' if out else 'from'} {key} ({times})", found)

    def way_in(self, key: str) -> Way:
        """OMS and drop copy dial the engine, the engine dials dealers."""
        return Way.up if key in ORDER_KEYS else Way.down

    def way_out(self, key: str) -> Way:
        return Way.down if key in ORDER_KEYS else Way.up

    # --- what is on record -------------------------------------------------------------------------

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return journal_rows(self.desk.journal, sql)

    def until_recorded(self, event: str, times: int = 1) -> None:
        """Wait for the event of this name in the journal."""
        sql = f"SELECT 1 FROM events WHERE type = '{event}'"
        self.board.until(f"{times} {event} on record", lambda: len(self.query(sql)) >= times)

    def end_well(self) -> None:
        """Stop the daemon as an operator does: nothing was wrong, and neither side refused anything of the other."""
        assert self.rfqd.stop() == 0
        assert not self.rfqd.complaints
        rejects = [str(said) for key in self.links for said in self.to_engine(key) if said.kind in ("3", "j")]
        assert not rejects, "their engine refused something of ours"
        rejects = [str(said) for key in self.links for said in self.from_engine(key) if said.kind in ("3", "j")]
        assert not rejects, "we refused something of theirs"

    def replay_well(self) -> None:
        """The journal alone gives the state that the daemon noted, digest by digest."""
        config = self.desk.folder / "engine.toml"
        replayed = run(["--config", str(config), "replay", str(self.desk.journal)], self.desk.folder)
        assert replayed.returncode == 0, replayed.stderr
        assert "0 different" in replayed.stdout


def journal_rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a journal that is being written; none while there is no such table yet."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        try:
            return file.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise


_LAST_WORD = """
SELECT type FROM events WHERE type = 'EngineStarted' OR
(type IN ('SessionUp', 'SessionDown') AND json_extract(body, '$.session') = '{}') ORDER BY seq DESC LIMIT 1
"""

SceneOf = Callable[..., Scene]
"""A `Scene` of the vendor under test; takes what `Scene` takes by name."""


@contextlib.contextmanager
def scene(vendor: Vendor, folder: Path, **how: Any) -> Iterator[Scene]:
    made = Scene(vendor, folder, **how)
    try:
        yield made
    finally:
        made.close()
