"""Everything the engine raises on purpose.

    EngineError
    |- ConfigError      engine.toml, or a file it names, is wrong: refuse to start (exit status 2)
    |- RuleError        a rule text is wrong: source, span, printed with a caret
    |- ProtocolError    bad FIX: SessionRejectReason(373) and RefTagID(371)
    |- GarbledMessage   bytes that are no FIX message: dropped, counted, uses up no number
    |- JournalError     a record cannot be kept: take no further RFQ
    |- CommandError     an operator's or trader's command cannot be carried out as given
    `- StartError       the process cannot start here: port taken, second daemon, read-only disk (exit status 3)

An error says what was expected, what was found, where, and what to do; values are attributes too.
"""

from __future__ import annotations


class EngineError(Exception):
    """Base of everything the engine raises on purpose."""


class ConfigError(EngineError):
    """A configuration file is wrong: refuse to start."""


class StartError(EngineError):
    """The process cannot start in this place: the message says what is in the way and what to do."""


class RuleError(EngineError):
    """A rule text is wrong."""


class ProtocolError(EngineError):
    """A well-formed message that breaks FIX: answered with Reject(3).

    `reason` is SessionRejectReason(373), `tag` is RefTagID(371) or None.
    """

    def __init__(self, text: str, *, reason: int, tag: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.reason = reason
        self.tag = tag


class GarbledMessage(EngineError):
    """Bytes that are no FIX message: bad length, checksum, first fields or an unparsable field."""

    def __init__(self, text: str, *, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


class JournalError(EngineError):
    """A record cannot be kept."""


class CommandError(EngineError):
    """A command cannot be carried out: `code` is for programs, the text for people."""

    def __init__(self, text: str, *, code: str = "refused") -> None:
        super().__init__(text)
        self.code = code
