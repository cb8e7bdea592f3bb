"""What stands between turns, and the one way to change it: `take` an input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from engine.fix.session.certificates import TlsFile
from engine.fix.session.settings import SessionSettings
from engine.fix.standard.dictionary import Dictionary
from engine.turn import numbering, refusing
from engine.turn.application import Application
from engine.turn.draft import TurnDraft
from engine.turn.handlers import HANDLERS, Commands, NoCommands, on_command
from engine.turn.history import History
from engine.turn.inputs import CommandGiven, Input
from engine.turn.link import Link
from engine.turn.outcome import Turn
from engine.turn.standing import Standing

NOBODY_ASKS: Final = NoCommands()


class Machine(Standing):
    """What stands, and the handler of every input; `commands` carries out what people ask for."""

    def __init__(
        self,
        application: Application,
        settings: Mapping[str, SessionSettings],
        dictionaries: Mapping[str, Dictionary],
        *,
        commands: Commands = NOBODY_ASKS,
        links: Mapping[str, Link] | None = None,
        outbox_id: int = 0,
        history: History | None = None,
        tls_files: Sequence[TlsFile] = (),
    ) -> None:
        super().__init__(
            application,
            settings,
            dictionaries,
            links=links,
            outbox_id=outbox_id,
            history=history,
            tls_files=tls_files,
        )
        self._handlers: dict[type, Callable[[TurnDraft, Any], None]] = {
            **HANDLERS,
            CommandGiven: partial(on_command, commands=commands),
        }

    def take(self, given: Input) -> Turn:
        """Decide and adopt. A second failure, or one while adopting, is ours and stops the process."""
        try:
            turn = self.decide(given)
        except Exception as error:
            try:
                turn = self.decide(given, refused=error)
            except Exception as again:
                turn = refusing.give_up(TurnDraft(self, given, again))
        self.adopt(turn)
        return turn

    def decide(self, given: Input, refused: Exception | None = None) -> Turn:
        """The turn that this input comes to; nothing is changed by it."""
        draft = TurnDraft(self, given, refused)
        self._handlers[type(given)](draft, given)
        desk = draft.desk_if_begun
        if desk is not None and desk.sends:
            numbering.place_sends(draft, desk)
        return draft.sealed()
