"""What a start needs beyond well-formed files, looked at without starting: `rfqd check`.

Opens no socket and changes nothing. Rule books are checked by the rule language itself, dictionaries and what each
dealer's messages look like on the wire by the FIX layer.
"""

from __future__ import annotations

import os
from pathlib import Path

from engine.config.load import Config
from engine.config.sessions import SessionRole
from engine.config.text_file import NotText, read_text
from engine.market.securities import parse_securities

SOCKET_PATH_BYTES_MAX = 107
"""sun_path of Linux is 108 bytes with its closing zero."""

LINES_SHOWN_MAX = 20
"""Problems shown of one data file: enough to see the pattern."""


def check(config: Config) -> list[str]:
    """Everything that would hinder a start or leave the desk without work, as lines; empty if all is well."""
    return [
        *_files(config),
        *_folders(config),
        *_securities(config),
        *_coverage(config),
    ]


def _files(config: Config) -> list[str]:
    problems = []
    if not config.rules.directory.is_dir():
        problems.append(f"rules.directory: {config.rules.directory} is no folder")
    elif not any(config.rules.directory.glob("*.rules")):
        problems.append(f"rules.directory: {config.rules.directory} has no *.rules file")
    return problems


def _folders(config: Config) -> list[str]:
    """The folders we write into: an existing one must be writable, a missing one must be creatable."""
    problems = []
    written = [("journal.path", config.journal.path), ("admin.socket", config.admin.socket)]
    if config.journal.anchor is not None:
        written.append(("journal.anchor", config.journal.anchor))
    for name, path in written:
        if path.is_dir():
            problems.append(f"{name}: {path} is a folder, expected a file in one")
            continue
        folder = _existing(path.parent)
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            problems.append(f"{name}: cannot write into {folder}")
    length = len(os.fsencode(config.admin.socket))
    if length > SOCKET_PATH_BYTES_MAX:
        problems.append(
            f"admin.socket: expected a path of at most {SOCKET_PATH_BYTES_MAX} bytes, the most a unix socket can have,"
            f" found {length}"
        )
    return problems


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _securities(config: Config) -> list[str]:
    path = config.reference.securities
    try:
        text = read_text(path)
    except OSError as error:
        return [f"reference.securities: {path} cannot be read: {error.strerror}"]
    except NotText as error:
        return [f"reference.securities: {path}: {error}"]
    result = parse_securities(text)
    problems = [f"{path.name}:{problem}" for problem in result.problems[:LINES_SHOWN_MAX]]
    if (hidden := len(result.problems) - LINES_SHOWN_MAX) > 0:
        problems.append(f"{path.name}: and {hidden} more lines that cannot be used")
    if not result.securities:
        problems.append(f"{path.name}: there is no security in it")
    return problems


def _coverage(config: Config) -> list[str]:
    """Sessions and dealers that belong together and of which one is absent."""
    used = {dealer.session for dealer in config.dealers}
    problems = [
        f"session[{session.key}]: no dealer of {config.engine.dealers.name} is reached by it"
        for session in config.sessions_of(SessionRole.DEALER)
        if session.key not in used
    ]
    if not config.dealers:
        problems.append(f"{config.engine.dealers.name}: there is no dealer in it, nobody can be asked")
    elif all(dealer.paused for dealer in config.dealers):
        problems.append(f"{config.engine.dealers.name}: every dealer is paused, nobody can be asked")
    return problems
