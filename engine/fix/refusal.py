"""A well-formed message that this engine does not take: answered with BusinessMessageReject(j)."""

from __future__ import annotations

from enum import IntEnum

from engine.domain.messages import BusinessReject
from engine.errors import EngineError


class BusinessReason(IntEnum):
    """BusinessRejectReason(380), as far as this engine gives one."""

    OTHER = 0
    UNSUPPORTED_TYPE = 3
    CONDITIONAL_FIELD_MISSING = 5
    NOT_AUTHORISED = 6


class NotTaken(EngineError):
    """`reject` is the whole answer, ready to be said; the sequence number of the message is used up."""

    def __init__(self, reject: BusinessReject) -> None:
        super().__init__(reject.text)
        self.reject = reject
