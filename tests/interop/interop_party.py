"""A session run by another vendor's engine, whichever it is, and how to come by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from interop_wire import Body, Said

Answer = Callable[[Said], Iterable[tuple[str, Body]]]
"""What an application says to a message: MsgType(35) and body of each."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a party is on the wire and where its engine keeps its numbers and messages."""

    comp_id: str
    listens: bool
    port: int
    folder: Path
    heart_bt_int_s: int = 30
    reset_on_logon: bool = False
    begin_string: str = "FIX.4.4"
    appl_ver_id: str = ""
    target_comp_id: str = "BUYSIDE"
    more: Mapping[str, str] = field(default_factory=dict)
    """Further settings of the session, in the words of its engine."""


class Party(Protocol):
    """One session of another vendor's engine. `heard` is what its application was given, in that order."""

    heard: list[Said]

    @property
    def logged_on(self) -> bool: ...

    def start(self) -> None:
        """Listen or dial, with whatever the store on disk says."""

    def stop(self) -> None:
        """End the engine: Logout(5) first if it is logged on. The store stays."""

    def end(self) -> None:
        """End the engine without a word, whatever it is doing; the store has what was written by then."""

    def send(self, kind: str, body: Body) -> None:
        """Send an application message under the next number."""
