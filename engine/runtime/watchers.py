"""Who watches, and what they are told: the notices of a turn, made when it was adopted, given out when it is durable.

Nobody watching, none are made. Screens are no part of a turn: a failure over what they are told is logged, and the turn
goes its way. A watcher is told of every turn that is decided after it began to watch: `seq` at that
moment is where its stream begins.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from engine.clock import Instant
from engine.desk.notices import Notice, notices
from engine.turn import Page, Turn
from engine.turn.trading import Trading

log = logging.getLogger(__name__)

Watcher = Callable[[int, Notice], None]
"""Told of each notice with its UTC time in ns."""
NO_NOTICES: Final[Sequence[Notice]] = ()


class Watchers:
    """`seq` says the last event of all turns decided so far."""

    def __init__(self, trading: Trading, seq: Callable[[], int]) -> None:
        self._trading = trading
        self._seq = seq
        self.anybody: list[Watcher] = []
        """Who watches; nothing needs to be made for nobody."""

    @property
    def seq(self) -> int:
        """The last event of all turns decided so far, those that are not durable yet included."""
        return self._seq()

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tell of every notice from now on, once durable. Returns what ends it."""
        self.anybody.append(watcher)
        return lambda: self.anybody.remove(watcher)

    def notices(self, turn: Turn, last_seq: int) -> Sequence[Notice]:
        """What the turn that was just adopted tells; `last_seq` is that of its last event."""
        if not self.anybody:
            return NO_NOTICES
        pages = [effect for effect in turn.effects if type(effect) is Page]
        if not turn.events and not pages:
            return NO_NOTICES
        try:
            return notices(turn.events, pages, self._trading.state, last_seq)
        except Exception:
            log.exception("notices up to event %d not made: this is a bug of the engine, watchers lack them", last_seq)
            return NO_NOTICES

    def tell(self, now: Instant, told: Sequence[Notice]) -> None:
        """Give the notices of a durable turn out."""
        for notice in told:
            for watcher in tuple(self.anybody):
                try:
                    watcher(now.utc_ns, notice)
                except Exception:
                    log.exception("notice of event %d not told: this is a bug of the engine", notice.seq)
