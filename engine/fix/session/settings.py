"""What one FIX session was agreed to be: names, role, limits and times.

Built once from the configuration and handed to every call of `fix.session.protocol`; nothing here changes while
the session lives. Times are seconds of the engine's clock, as agreements are written.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final, Literal

from engine.clock import NS_PER_S
from engine.fix.session.schedule import Schedule
from engine.fix.standard.tags import Tag

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Role = Literal["oms", "dropcopy", "dealer", "market", "echo"]
ValidationMode = Literal["strict", "tolerant", "off"]

BEGIN_STRINGS: Final = ("FIX.4.2", "FIX.4.4", "FIXT.1.1")


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """One session seen from the engine: `sender_comp_id` is ours, `target_comp_id` the peer's.

    Raises ValueError for settings no session can run under, naming the setting.
    """

    key: str
    begin_string: str
    sender_comp_id: str
    target_comp_id: str
    role: Role
    initiator: bool
    heart_bt_int_s: int = 30
    heart_bt_int_s_min: int = 1
    heart_bt_int_s_max: int = 300
    reset_on_logon: bool = False
    validation: ValidationMode = "tolerant"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    logon_timeout_s: float = 10
    logout_timeout_s: float = 2
    sending_time_tolerance_s: float = 120
    # No ResendRequest(2) is repeated: a peer that leaves ours unanswered this long is disconnected.
    gap_timeout_s: float = 60
    held_messages_max: int = 1000
    resend_repeat_max: int = 5
    resend_queue_max: int = 16
    appl_ver_id: str | None = None
    # An initiator offers NextExpectedMsgSeqNum(789); an acceptor answers with it whenever it came.
    next_expected: bool = False
    micros: bool = False
    sender_sub_id: str | None = None
    sender_location_id: str | None = None
    target_sub_id: str | None = None
    target_location_id: str | None = None
    # Without one it is always open.
    schedule: Schedule | None = None
    # What a connection has to show before it may speak for the session: see `fix.session.entrance`.
    tls: bool = False
    pins: tuple[str, ...] = ()
    allow: tuple[Network, ...] = ()
    # SubIDs and LocationIDs as header fields of every message we send: (tag, value), ascending.
    route: tuple[tuple[int, str], ...] = field(init=False, repr=False, compare=False)
    # BeginString(8), SenderCompID(49) and TargetCompID(56) of every message of the peer.
    peer_names: tuple[str, str, str] = field(init=False, repr=False, compare=False)
    sending_time_tolerance_ns: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.begin_string not in BEGIN_STRINGS:
            raise ValueError(f"begin_string: expected one of {', '.join(BEGIN_STRINGS)}, found {self.begin_string!r}")
        if not self.sender_comp_id or not self.target_comp_id:
            raise ValueError("sender_comp_id and target_comp_id: expected a name, found nothing")
        if self.is_fixt and self.appl_ver_id is None:
            raise ValueError("appl_ver_id: FIXT.1.1 needs a DefaultApplVerID(1137), '9' for FIX 5.0 SP2")
        if not 0 < self.heart_bt_int_s_min <= self.heart_bt_int_s <= self.heart_bt_int_s_max:
            raise ValueError(
                f"heart_bt_int_s: expected {self.heart_bt_int_s_min} to {self.heart_bt_int_s_max}, "
                f"found {self.heart_bt_int_s}"
            )
        for name in ("logon_timeout_s", "logout_timeout_s", "sending_time_tolerance_s", "gap_timeout_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: expected a positive number of seconds, found {getattr(self, name)}")
        for name in ("held_messages_max", "resend_repeat_max", "resend_queue_max"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, found {getattr(self, name)}")
        if self.password is not None and self.username is None:
            raise ValueError("username: a password was given without it")

        object.__setattr__(self, "sending_time_tolerance_ns", int(self.sending_time_tolerance_s * NS_PER_S))
        object.__setattr__(self, "peer_names", (self.begin_string, self.target_comp_id, self.sender_comp_id))
        ours = (
            (int(Tag.SenderSubID), self.sender_sub_id),
            (int(Tag.TargetSubID), self.target_sub_id),
            (int(Tag.SenderLocationID), self.sender_location_id),
            (int(Tag.TargetLocationID), self.target_location_id),
        )
        object.__setattr__(self, "route", tuple((tag, value) for tag, value in ours if value is not None))

    @property
    def is_fixt(self) -> bool:
        return self.begin_string == "FIXT.1.1"
