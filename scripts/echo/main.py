"""`scripts/fix_echo`: options, configuration, dictionaries, start and end."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

import uvloop

from echo.endpoint import Endpoint
from echo.reflector import Reflector
from engine.boot import session_settings
from engine.config import BeginString, EchoFile, SessionConfig, load_echo
from engine.errors import ConfigError, EngineError
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionary import Dictionary
from engine.logs import set_up_logging

SHIPPED: Final = Path(__file__).resolve().parents[2] / "config" / "fix" / "echo.toml"

# The names under which QuickFIX ships its dictionaries: by BeginString, and by DefaultApplVerID(1137) over FIXT.1.1.
_FILES: Final = {BeginString.FIX42: "FIX42.xml", BeginString.FIX44: "FIX44.xml", BeginString.FIXT11: "FIXT11.xml"}
_APPLICATION_FILES: Final = {"6": "FIX44.xml", "7": "FIX50.xml", "8": "FIX50SP1.xml", "9": "FIX50SP2.xml"}


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 ended as asked, 2 the configuration or the command line is wrong, 3 cannot start here."""
    parser = argparse.ArgumentParser(
        prog="fix_echo",
        description="The FIX session layer alone: D, d and C come back, everything else is an unsupported type.",
    )
    parser.add_argument("--config", type=Path, default=SHIPPED, help="sessions (default: config/fix/echo.toml)")
    parser.add_argument("--host", help="address to listen on (default: fix.listen_host)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for any (default: fix.listen_port)")
    parser.add_argument("--dictionaries", type=Path, metavar="DIR", help="QuickFIX-format files by their usual names")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    parser.add_argument("--log-file", type=Path, help="append the log to this file instead of stderr")
    arguments = parser.parse_args(argv)
    if arguments.port is not None and not 0 <= arguments.port <= 65_535:
        parser.error(f"--port: expected 0 to 65535, found {arguments.port}")
    try:
        set_up_logging(arguments.log_level, arguments.log_file)
        file = load_echo(arguments.config)
        parts = {each.key: _session(file, each, arguments.dictionaries) for each in file.session}
        if not parts:
            raise ConfigError(f"{arguments.config}: no [[session]]: nobody could log on")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(file, parts, arguments.host, arguments.port))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (EngineError, OSError) as error:
        print(f"fix_echo cannot start: {error}", file=sys.stderr)
        return 3
    return 0


def _session(
    file: EchoFile, config: SessionConfig, folder: Path | None
) -> tuple[SessionSettings, Dictionary, Reflector]:
    dictionary = session_settings.dictionary(config) if folder is None else _dictionary(config, folder)
    settings = session_settings.settings(file.fix, config)
    return settings, dictionary, Reflector(dictionary, settings.appl_ver_id)


def _dictionary(config: SessionConfig, folder: Path) -> Dictionary:
    own, version = folder / _FILES[config.begin_string], config.default_appl_ver_id
    if version is None:
        return session_settings.dictionary_of(config, own, None)
    return session_settings.dictionary_of(config, folder / _APPLICATION_FILES[version], own)


async def _serve(
    file: EchoFile,
    parts: dict[str, tuple[SessionSettings, Dictionary, Reflector]],
    host: str | None,
    port: int | None,
) -> None:
    fix = file.fix
    endpoint = Endpoint(
        parts,
        connections_max=fix.connections_max,
        max_message_bytes=fix.max_message_bytes,
        outgoing_bytes_max=fix.outgoing_bytes_max,
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    bound = await endpoint.listen(host or fix.listen_host, fix.listen_port if port is None else port)
    tasks = [
        loop.create_task(endpoint.keep_connected(each.key, *each.addresses[0]))
        for each in file.session
        if each.initiator
    ]
    print(f"listening on {bound[0]}:{bound[1]}", flush=True)
    await stopping.wait()
    for task in tasks:
        task.cancel()
    await endpoint.stop(fix.logout_timeout_s)
