"""The settings of both QuickFIX acceptors, Python's and the C++ one: file store (never fsynced), dictionary on."""

from __future__ import annotations

import socket
from pathlib import Path

from benchmarks import peers
from benchmarks.acceptors.answering import BEGIN_STRING, OURS, THEIRS

_CONFIG = """[DEFAULT]
ConnectionType=acceptor
SocketAcceptPort={port}
SocketReuseAddress=Y
SocketNodelay=Y
StartTime=00:00:00
EndTime=00:00:00
HeartBtInt=30
FileStorePath={store}
UseDataDictionary=Y
DataDictionary={dictionary}
ResetOnLogon=Y

[SESSION]
BeginString={begin_string}
SenderCompID={ours}
TargetCompID={theirs}
"""


def write_settings(folder: Path) -> tuple[Path, int]:
    """The file, and the port it names: one that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = folder / "quickfix.cfg"
    config.write_text(
        _CONFIG.format(
            port=port,
            store=folder / "store",
            dictionary=peers.quickfix_dictionary(),
            begin_string=BEGIN_STRING,
            ours=OURS,
            theirs=THEIRS,
        )
    )
    return config, port
