"""The [[session]] tables: one FIX session each, and who is on the other end.

Secrets are never in the file: a session names an environment variable or a file, and the loader puts
what it finds into `username` and `password`, which stay out of every `repr`.
"""

# ruff: noqa: RUF009 (setting() gives a dataclass field, not a shared default)

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Final

from engine.config.reading import derived, matches, setting
from engine.config.schedules import ScheduleConfig, schedule_problems
from engine.config.tls import ENV_NAME, TlsVersion, network_problem, no_passphrase, pin_problem

_IDENTIFIER = matches(r"[a-z][a-z0-9_-]{0,31}", "lower-case letters, digits, '-' and '_', a letter first")
_COMP_ID = matches(r"[!-~]{1,64}", "up to 64 printable characters without blanks")
_APPL_VER_ID = matches(r"[6-9]", 'an ApplVerID(1128): "9" for FIX 5.0 SP2, "8" for SP1, "7" for 5.0, "6" for 4.4')


class SessionRole(StrEnum):
    """What the counterparty is to us."""

    OMS = "oms"
    DROPCOPY = "dropcopy"
    DEALER = "dealer"
    MARKET = "market"
    ECHO = "echo"


class ConnectionType(StrEnum):
    """Who opens the connection: we (`initiator`) or they (`acceptor`, on `fix.listen_port`)."""

    INITIATOR = "initiator"
    ACCEPTOR = "acceptor"


class BeginString(StrEnum):
    """BeginString(8): FIX 5.0 SP2 travels over FIXT.1.1."""

    FIX42 = "FIX.4.2"
    FIX44 = "FIX.4.4"
    FIXT11 = "FIXT.1.1"


FIX50SP2: Final = "9"
"""ApplVerID(1128) of what is spoken over FIXT.1.1 unless a session says otherwise."""


class Validation(StrEnum):
    """How closely messages are held against the dictionary."""

    STRICT = "strict"
    TOLERANT = "tolerant"
    OFF = "off"


def address_problem(text: str) -> str | None:
    """Says what was expected if `text` is no `host:port`."""
    host, _, port = text.rpartition(":")
    if host and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
        return None
    return "host:port"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """One FIX session: identity, way of connecting, session behaviour."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        "password": "secrets do not live in this file, which is read, copied and journaled: put the password"
        " into an environment variable and name it in password_env, or into a file and name that in password_file",
        "username": "credentials do not live in this file: put the user name into an environment variable"
        " and name it in username_env",
        "tls_key_password": no_passphrase("tls_key_password"),
    }

    key: str = setting(check=_IDENTIFIER)
    role: SessionRole = setting()
    begin_string: BeginString = setting(BeginString.FIX44)
    sender_comp_id: str = setting(check=_COMP_ID)
    target_comp_id: str = setting(check=_COMP_ID)
    sender_sub_id: str | None = setting(None, check=_COMP_ID)
    sender_location_id: str | None = setting(None, check=_COMP_ID)
    target_sub_id: str | None = setting(None, check=_COMP_ID)
    target_location_id: str | None = setting(None, check=_COMP_ID)
    connection_type: ConnectionType = setting()
    host: str | None = setting(None)
    port: int | None = setting(None, at_least=1, at_most=65535)
    backup: tuple[str, ...] = setting((), check=address_problem)
    heart_bt_int_s: int = setting(30, at_least=1, at_most=3600)
    reset_on_logon: bool = setting(False)
    next_expected: bool = setting(False)
    micros: bool = setting(False)
    validation: Validation = setting(Validation.TOLERANT)
    appl_ver_id: str | None = setting(None, check=_APPL_VER_ID)
    dictionary: Path | None = setting(None)
    transport_dictionary: Path | None = setting(None)
    username_env: str | None = setting(None, check=ENV_NAME)
    password_env: str | None = setting(None, check=ENV_NAME)
    password_file: Path | None = setting(None)
    reconnect_min_s: float = setting(1.0, above=0, at_most=3600)
    reconnect_max_s: float = setting(60.0, above=0, at_most=3600)
    schedule: ScheduleConfig | None = setting(None)
    allow: tuple[str, ...] = setting((), check=network_problem)
    tls: bool = setting(False)
    tls_pin_sha256: tuple[str, ...] = setting((), check=pin_problem)
    tls_pin_file: Path | None = setting(None)
    tls_ca: Path | None = setting(None)
    tls_crl: Path | None = setting(None)
    tls_server_name: str | None = setting(None)
    tls_certificate: Path | None = setting(None)
    tls_key: Path | None = setting(None)
    tls_key_password_env: str | None = setting(None, check=ENV_NAME)
    tls_key_password_file: Path | None = setting(None)
    tls_min_version: TlsVersion | None = setting(None)

    username: str | None = derived(None, secret=True)
    password: str | None = derived(None, secret=True)
    tls_key_password: str | None = derived(None, secret=True)

    @property
    def initiator(self) -> bool:
        """True when we open the connection."""
        return self.connection_type is ConnectionType.INITIATOR

    @property
    def default_appl_ver_id(self) -> str | None:
        """DefaultApplVerID(1137) of a session over FIXT.1.1, None of any other."""
        return self.appl_ver_id or FIX50SP2 if self.begin_string is BeginString.FIXT11 else None

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where an initiator connects to, in the order to try; empty for an acceptor."""
        if self.host is None or self.port is None:
            return ()
        backups = (text.rpartition(":") for text in self.backup)
        found = ((self.host, self.port), *((host, int(port)) for host, _, port in backups))
        return tuple((host.strip("[]"), port) for host, port in found)  # [::1] is how IPv6 is written beside a port.

    @property
    def pinned_by(self) -> str | None:
        """The key that ties the session to its peer's own certificate; None if none does."""
        if self.tls_pin_sha256:
            return "tls_pin_sha256"
        return "tls_pin_file" if self.tls_pin_file is not None else None

    @property
    def identity(self) -> tuple[str | None, ...]:
        """BeginString(8), both CompIDs, and the SubIDs and LocationIDs there are: what tells sessions apart."""
        return (
            self.begin_string,
            self.sender_comp_id,
            self.target_comp_id,
            self.sender_sub_id,
            self.sender_location_id,
            self.target_sub_id,
            self.target_location_id,
        )


def session_problems(session: SessionConfig) -> list[tuple[str, str]]:
    """What is wrong with one session by itself, as (key, text) pairs."""
    problems: list[tuple[str, str]] = []
    if session.initiator and (session.host is None or session.port is None):
        missing = "host" if session.host is None else "port"
        problems.append((missing, "missing: an initiator needs the host and port it connects to"))
    if not session.initiator:
        problems.extend(
            (name, "an acceptor has no address of its own: its peer connects to fix.listen_port")
            for name, value in (("host", session.host), ("port", session.port), ("backup", session.backup or None))
            if value is not None
        )
    if session.role is SessionRole.MARKET and not session.initiator:
        problems.append(("connection_type", "expected 'initiator' for role 'market': the engine calls the provider"))
    if session.role in (SessionRole.OMS, SessionRole.DROPCOPY) and session.initiator:
        problems.append(
            ("connection_type", f"expected 'acceptor' for role '{session.role}': the peer calls the engine")
        )
    if session.begin_string is BeginString.FIX42 and session.role is not SessionRole.ECHO:
        problems.append(("begin_string", "expected 'FIX.4.4' or 'FIXT.1.1' for an application role, found 'FIX.4.2'"))
    if session.appl_ver_id is not None and session.begin_string is not BeginString.FIXT11:
        problems.append(("appl_ver_id", f"DefaultApplVerID(1137) belongs to FIXT.1.1, not {session.begin_string}"))
    if session.transport_dictionary is not None and session.begin_string is not BeginString.FIXT11:
        problems.append(
            ("transport_dictionary", f"a separate transport belongs to FIXT.1.1, not {session.begin_string}")
        )
    if session.password_env is not None and session.password_file is not None:
        problems.append(("password_file", "the password is named twice: keep one of password_env and password_file"))
    if session.schedule is not None:
        found = schedule_problems(session.schedule, reset_on_logon=session.reset_on_logon)
        problems.extend((f"schedule.{name}", text) for name, text in found)
    problems.extend(_tls_problems(session))
    if session.initiator and session.allow:
        problems.append(("allow", "an initiator lets nobody in: the addresses it connects to are host and backup"))
    if session.reconnect_max_s < session.reconnect_min_s:
        problems.append(
            (
                "reconnect_max_s",
                f"expected at least reconnect_min_s ({session.reconnect_min_s:g}), found {session.reconnect_max_s:g}",
            )
        )
    return problems


def _tls_problems(session: SessionConfig) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    for name in _TLS_OF_INITIATORS:
        if getattr(session, name) is None:
            continue
        if not session.initiator:
            problems.append(
                (name, "this is an initiator's: what the engine shows and accepts as a server is [fix.tls]")
            )
        elif not session.tls:
            problems.append((name, "of no use without tls = true"))
    if session.pinned_by is not None and not session.tls:
        problems.append((session.pinned_by, "a certificate is shown over TLS alone: set tls = true"))
    if session.tls_crl is not None and session.tls_ca is None:
        problems.append(("tls_crl", "of no use without tls_ca: a list is of one of the authorities named there"))
    if session.initiator and (session.tls_certificate is None) is not (session.tls_key is None):
        missing, there = ("tls_key", "tls_certificate") if session.tls_key is None else ("tls_certificate", "tls_key")
        problems.append((missing, f"missing: {there} is given, and one is of no use without the other"))
    if session.tls_key_password_env is not None and session.tls_key_password_file is not None:
        problems.append(
            ("tls_key_password_file", "the passphrase is named twice: keep one of tls_key_password_env and _file")
        )
    return problems


_TLS_OF_INITIATORS: Final = (
    "tls_ca",
    "tls_crl",
    "tls_server_name",
    "tls_certificate",
    "tls_key",
    "tls_key_password_env",
    "tls_key_password_file",
    "tls_min_version",
)


def is_loopback(host: str) -> bool:
    """True for an address that cannot leave this machine. Other names are not looked up: they are not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
