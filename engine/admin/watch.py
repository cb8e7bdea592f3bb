"""`rfqctl watch`: what happens, as it happens. Redrawn on a screen, plain lines anywhere else.

Subscribe first, then look: every answer carries the journal seq that it reflects and every notice its own, so that what
is told begins exactly where the first picture ends.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TextIO

import orjson

from engine.admin import views
from engine.admin.client import AdminClient, Heard
from engine.admin.tables import Cell, Paper, bp, clipped, clock, cut, grouped

REFRESH_S: Final = 2.0
"""The picture is drawn anew this often though nothing was heard."""
REDRAW_S: Final = 0.2
"""... and no more often than this, however much is heard."""
ORDERS_SHOWN: Final = 15
NOTICES_KEPT: Final = 200

_HOME_AND_CLEAR: Final = "\x1b[H\x1b[J"
_STYLES: Final[Mapping[str, str]] = {
    "fill": "green",
    "accepted": "green",
    "alert": "yellow",
    "page": "red",
    "kill": "red",
    "blocked": "red",
    "withheld": "red",
    "stray": "yellow",
    "override": "yellow",
}
_FIRST: Final = ("order_id", "rfq_id", "session", "dealer", "exec_id")


def watch(
    path: Path, paper: Paper, out: TextIO, *, topics: tuple[str, ...], count: int, screen: bool, as_json: bool = False
) -> None:
    """Until `count` notices were heard (0: for good). Raises CommandError when the daemon goes away."""
    with AdminClient(path) as desk:
        desk.subscribe(*topics)
        if as_json:
            _json(desk, out, count)
        elif screen:
            _screen(desk, paper, out, count)
        else:
            _lines(desk, paper, out, count)


def _lines(desk: AdminClient, paper: Paper, out: TextIO, count: int) -> None:
    status = desk.snapshot("status")
    for line in (*views.banner(paper, status), *views.status(paper, status)):
        print(line, file=out)
    print(file=out, flush=True)
    heard = 0
    while not count or heard < count:
        notice = desk.hear(REFRESH_S)
        if notice is not None:
            heard += 1
            print(notice_line(paper, notice), file=out, flush=True)


def _json(desk: AdminClient, out: TextIO, count: int) -> None:
    heard = 0
    while not count or heard < count:
        notice = desk.hear(REFRESH_S)
        if notice is not None:
            heard += 1
            line = {"topic": notice.topic, "time": notice.time, "seq": notice.seq, "body": notice.body}
            print(orjson.dumps(line).decode(), file=out, flush=True)


def _screen(desk: AdminClient, paper: Paper, out: TextIO, count: int) -> None:
    kept: deque[Heard] = deque(maxlen=NOTICES_KEPT)
    desk.snapshot("status")  # Whatever is drawn shows this at least.
    heard = 0
    drawn_s = 0.0
    while True:
        size = os.get_terminal_size(out.fileno())
        out.write(_HOME_AND_CLEAR + "\n".join(picture(desk, paper, kept, size.columns, size.lines - 1)))
        out.flush()
        if count and heard >= count:
            print(file=out)
            return
        drawn_s = time.monotonic()
        notice = desk.hear(REFRESH_S)
        while notice is not None:
            kept.append(notice)
            heard += 1
            left = REDRAW_S - (time.monotonic() - drawn_s)
            notice = desk.hear(left) if left > 0 and not (count and heard >= count) else None


def picture(desk: AdminClient, paper: Paper, kept: deque[Heard], columns: int, lines: int) -> list[str]:
    """Status, the latest open orders, and as many notices as there is room for."""
    narrow = Paper(paper.colour, columns, screen=True)
    status = desk.call("status")
    drawn = [*views.banner(narrow, status), *views.status(narrow, status)]
    drawn += ["", *views.orders(narrow, desk.call("orders", limit=ORDERS_SHOWN)), ""]
    room = max(0, lines - len(drawn))
    latest = list(kept)[-room:] if room else []
    drawn += [notice_line(narrow, notice) for notice in latest]
    return [cut(line, columns) for line in drawn[:lines]]


def notice_line(paper: Paper, notice: Heard) -> str:
    """`15:00:01.250 fill      O-000012 alder 6,000,000 at 99.95`."""
    words = clipped(notice_words(notice), max(0, paper.width - 24) if paper.width else 0)
    topic = paper.show(Cell(f"{notice.topic:<9}", _STYLES.get(notice.topic, "dim")))
    return f"{clock(notice.time)} {topic} {words}".rstrip()


def notice_words(notice: Heard) -> str:
    body = dict(notice.body)
    words = [str(body.pop(name)) for name in _FIRST if body.get(name)]
    if "quantity" in body:
        words.append(grouped(str(body.pop("quantity"))))
    if body.get("price") not in (None, "None"):
        words.append(f"at {body['price']}")
    body.pop("price", None)
    if body.get("bps") is not None:
        words.append(bp(body.pop("bps")))
    words += [_word(name, value) for name, value in body.items() if value not in (None, "", False)]
    return " ".join(words)


def _word(name: str, value: Any) -> str:
    if value is True:
        return name
    if isinstance(value, list):
        return f"{name}={','.join(str(each) for each in value)}"
    text = str(value)
    return f"{text}" if name in ("reason", "text", "what", "state", "outcome", "problem") else f"{name}={text}"


def is_screen(out: TextIO) -> bool:
    return out is sys.stdout and out.isatty()
