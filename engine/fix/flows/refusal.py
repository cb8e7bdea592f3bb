"""A well-formed message that this engine does not take: answered with BusinessMessageReject(j)."""

from __future__ import annotations

from engine.domain.messages import BusinessReject
from engine.errors import EngineError


class NotTaken(EngineError):
    """`reject` is the whole answer, ready to be said; the sequence number of the message is used up."""

    def __init__(self, reject: BusinessReject) -> None:
        super().__init__(reject.text)
        self.reject = reject
