# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-return"
"""One QuickFIX session as a process of its own: told what to do by lines of JSON, says what happens the same way.

A process because the binding takes its interpreter with it when an engine ends at a bad moment.

    python quickfix_child.py SETTINGS      a QuickFIX settings file with one session
    < {"do": "send", "kind": "D", "body": [[11, "A-1"], [453, [[[448, "X"], [447, "D"]]]]]}
    < {"do": "settle", "number": 17}: wait until 17 is expected; {"do": "forget"}: expect 1; {"do": "stop"}
    > {"event": "logon"}  {"event": "logout"}  {"event": "app", "raw": "8=FIX.4.4..."}  {"event": "sent", "ok": true}
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import quickfix

HEADER_TAGS = frozenset({97, 115, 116, 128, 129})
_writing = threading.Lock()
# Its TLS writes to standard output on its own account: that goes where errors go, and only lines of JSON to the test.
_lines = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def tell(event: str, **details: Any) -> None:
    with _writing:
        _lines.write(json.dumps({"event": event, **details}) + "\n")
        _lines.flush()


class Teller(quickfix.Application):
    """Passes on what QuickFIX tells its application."""

    def onCreate(self, session_id: quickfix.SessionID) -> None:
        self.begin_string = session_id.getBeginString().getValue()
        self.id = quickfix.SessionID(
            self.begin_string, session_id.getSenderCompID().getValue(), session_id.getTargetCompID().getValue()
        )

    def onLogon(self, session_id: quickfix.SessionID) -> None:
        tell("logon")

    def onLogout(self, session_id: quickfix.SessionID) -> None:
        tell("logout")

    def toAdmin(self, message: quickfix.Message, session_id: quickfix.SessionID) -> None: ...

    def fromAdmin(self, message: quickfix.Message, session_id: quickfix.SessionID) -> None: ...

    def toApp(self, message: quickfix.Message, session_id: quickfix.SessionID) -> None: ...

    def fromApp(self, message: quickfix.Message, session_id: quickfix.SessionID) -> None:
        tell("app", raw=message.toString())


def made(begin_string: str, kind: str, body: list[Any]) -> quickfix.Message:
    message = quickfix.Message()
    message.getHeader().setField(8, begin_string)
    message.getHeader().setField(35, kind)
    for tag, value in body:
        if isinstance(value, str):
            (message.getHeader() if tag in HEADER_TAGS else message).setField(tag, value)
            continue
        for entry in value:
            tags = [inner for inner, _ in entry]
            order = quickfix.IntArray(len(tags) + 1)
            for place, inner_tag in enumerate([*tags, 0]):
                order[place] = inner_tag
            group = quickfix.Group(tag, tags[0], order)
            for inner_tag, inner in entry:
                group.setField(inner_tag, inner)
            message.addGroup(group)
    return message


def main(path: str) -> None:
    teller = Teller()
    settings = quickfix.SessionSettings(path)
    text = Path(path).read_text()
    # A thread a connection: the initiator with one thread for all never dials again after it has answered a Logout(5).
    name = "Threaded" + ("SSL" if "CertificationAuthoritiesFile=" in text else "")
    factory = getattr(quickfix, name + ("SocketAcceptor" if "ConnectionType=acceptor" in text else "SocketInitiator"))
    stores, logs = quickfix.FileStoreFactory(settings), quickfix.FileLogFactory(settings)
    engine = factory(teller, stores, settings, logs)
    engine.start()
    tell("started")
    for line in sys.stdin:
        given = json.loads(line)
        if given["do"] == "stop":
            break
        if given["do"] == "settle":
            session = quickfix.Session.lookupSession(teller.id)
            while session.getExpectedTargetNum() != given["number"]:
                time.sleep(0.001)
            tell("settled")
            continue
        if given["do"] == "forget":
            quickfix.Session.lookupSession(teller.id).setNextTargetMsgSeqNum(1)
            continue
        sent = quickfix.Session.sendToTarget(made(teller.begin_string, given["kind"], given["body"]), teller.id)
        tell("sent", ok=sent)
    engine.stop()
    tell("stopped")
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
