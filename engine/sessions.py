"""From a [[session]] table to what the session layer is told: its settings, and the dictionary it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.config import FixConfig, Reset, ScheduleConfig, SessionConfig
from engine.config.tls import networks, pin
from engine.errors import ConfigError
from engine.fix.dictionary import Dictionary, built_in, load_quickfix_xml
from engine.fix.schedule import EVERY_DAY, Schedule
from engine.fix.settings import SessionSettings


def settings(fix: FixConfig, session: SessionConfig, pins: Sequence[str] | None = None) -> SessionSettings:
    """What the session layer is told of one session; `fix` is what all sessions share.

    `pins` are those of its file and of the configuration together, where it names a file.
    """
    return SessionSettings(
        key=session.key,
        begin_string=session.begin_string.value,
        sender_comp_id=session.sender_comp_id,
        target_comp_id=session.target_comp_id,
        role=session.role.value,
        initiator=session.initiator,
        heart_bt_int_s=session.heart_bt_int_s,
        heart_bt_int_s_min=fix.heart_bt_int_s_min,
        heart_bt_int_s_max=fix.heart_bt_int_s_max,
        reset_on_logon=session.reset_on_logon,
        validation=session.validation.value,
        username=session.username,
        password=session.password,
        logon_timeout_s=fix.logon_timeout_s,
        logout_timeout_s=fix.logout_timeout_s,
        gap_timeout_s=fix.gap_timeout_s,
        sending_time_tolerance_s=fix.sending_time_tolerance_s,
        held_messages_max=fix.held_messages_max,
        appl_ver_id=session.appl_ver_id,
        next_expected=session.next_expected,
        micros=session.micros,
        sender_sub_id=session.sender_sub_id,
        sender_location_id=session.sender_location_id,
        target_sub_id=session.target_sub_id,
        target_location_id=session.target_location_id,
        schedule=schedule(session.schedule) if session.schedule is not None else None,
        tls=session.tls,
        pins=tuple(map(pin, session.tls_pin_sha256) if pins is None else pins),
        allow=networks(session.allow),
    )


def schedule(config: ScheduleConfig) -> Schedule:
    """When a session is open, from the words of its table."""
    zone, reset = ZoneInfo(config.time_zone), config.reset is Reset.PERIOD
    start, end = config.start_time, config.end_time
    if config.start_day is not None and config.end_day is not None:
        return Schedule.weekly(zone, config.start_day.number, start, config.end_day.number, end, reset=reset)
    days = EVERY_DAY if config.days is None else frozenset(day.number for day in config.days)
    return Schedule.daily(zone, start, end, days=days, reset=reset)


def dictionary(session: SessionConfig) -> Dictionary:
    """The built-in dictionary of the session's version, or the files the session names. Raises ConfigError."""
    if session.dictionary is None:
        return built_in(session.begin_string.value, session.appl_ver_id)
    return dictionary_of(session.key, session.dictionary, session.transport_dictionary)


def dictionary_of(session: str, application: Path, transport: Path | None) -> Dictionary:
    """The dictionary in QuickFIX-format files: one of a whole version, or one for each layer. Raises ConfigError."""
    read = _read(session, application)
    return read if transport is None else read.with_transport(_read(session, transport))


def _read(session: str, path: Path) -> Dictionary:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ConfigError(f"session[{session}]: cannot read the dictionary {path}: {why}") from error
    try:
        return load_quickfix_xml(text)
    except ConfigError as error:
        raise ConfigError(f"session[{session}]: {path}: {error}") from error
