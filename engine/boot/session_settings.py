"""From a [[session]] table to what the session layer is told: its settings, and the dictionary it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.config import Config, FixConfig, Reset, ScheduleConfig, SessionConfig
from engine.config.text_file import NotText, read_text
from engine.config.tls import networks, pin
from engine.errors import ConfigError
from engine.fix.session.schedule import EVERY_DAY, Schedule
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionaries import built_in, load_quickfix_xml
from engine.fix.standard.dictionary import Dictionary
from engine.fix.standard.shelf import APPLICATIONS, session_layer


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
        appl_ver_id=session.default_appl_ver_id,
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


def dictionaries(config: Config) -> dict[str, Dictionary]:
    """Of every session. Raises ConfigError for the first that cannot be."""
    return {session.key: dictionary(session) for session in config.sessions}


def dictionary(session: SessionConfig) -> Dictionary:
    """What the session's messages are held against: the files it names, built-in ones where it names none.

    Raises ConfigError for a file that cannot be used, or describes another version than the session speaks.
    """
    return dictionary_of(session, session.dictionary, session.transport_dictionary)


def dictionary_of(session: SessionConfig, application: Path | None, transport: Path | None) -> Dictionary:
    """The same from these files. `transport` is that of FIXT.1.1, over which the application has one of its own."""
    begin_string, version = session.begin_string.value, session.default_appl_ver_id
    if version is None:
        read = None if application is None else _read(session, "dictionary", application, begin_string)
        return read or built_in(begin_string)
    layer = None if transport is None else _read(session, "transport_dictionary", transport, begin_string)
    if application is not None:
        read = _read(session, "dictionary", application, APPLICATIONS[version])
        return read.with_transport(layer or session_layer())
    try:
        found = built_in(begin_string, version)
    except ValueError as error:
        raise ConfigError(
            f"session[{session.key}].appl_ver_id: built in is FIX 5.0 SP2 ('9') alone, found '{version}': "
            "name the QuickFIX-format file of that version in 'dictionary'"
        ) from error
    return found if layer is None else found.with_transport(layer)


def problems(config: Config) -> list[str]:
    """What is wrong with the dictionaries of the sessions, as lines."""
    found = []
    for session in config.sessions:
        try:
            dictionary(session)
        except ConfigError as error:
            found.append(str(error))
    return found


def _read(session: SessionConfig, name: str, path: Path, version: str) -> Dictionary:
    where = f"session[{session.key}].{name}: {path}"
    try:
        text = read_text(path)
    except (OSError, NotText) as error:
        raise ConfigError(f"{where} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        read = load_quickfix_xml(text)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    if read.begin_string != version:
        raise ConfigError(f"{where}: expected a dictionary of {version}, found one of {read.begin_string}")
    return read
