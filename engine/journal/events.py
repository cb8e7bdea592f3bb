"""The events of the engine as a journal keeps them: their codec."""

from __future__ import annotations

from functools import cache

from engine.domain import events as e
from engine.journal.event_codec import Codec, event_types


@cache
def events_codec() -> Codec:
    """The codec of every event there is. One for the process: to write its functions takes longer than a turn may."""
    return Codec(event_types(vars(e), e.Event), e.UPCASTERS)
