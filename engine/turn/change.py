"""What files that were read anew come to: all that a turn puts in the place of what was in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.domain.events import TextInForce
from engine.fix.session.certificates import TlsFile
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionary import Dictionary
from engine.turn.link import Link


@dataclass(frozen=True, slots=True)
class Change:
    """Made aside, as a start makes it.

    `in_force` are all texts from then on, `changed` the kinds of those that are another one. `settings` are of every
    session there is to be; None: as before. `links` are those of sessions that were not there, as the journal has them.
    `application` is for the application, `keep` for the shell that has read it, which gets it back by `Settled`.
    """

    in_force: tuple[TextInForce, ...] = ()
    changed: tuple[str, ...] = ()
    application: Any = None
    settings: Mapping[str, SessionSettings] | None = None
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    tls_files: tuple[TlsFile, ...] = ()
    keep: Any = None
