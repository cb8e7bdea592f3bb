"""Which dictionary a captured message is read with.

Built-in ones there are for FIX.4.2, FIX.4.4 and FIXT.1.1 with FIX 5.0 SP2; files in QuickFIX's XML format stand before
them. A message of another version is read by the nearest: its names are mostly right, so it is shown with them and not
held against them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.errors import ConfigError
from engine.fix.standard.dictionaries import built_in
from engine.fix.standard.dictionary import Dictionary

FIXT: Final = "FIXT.1.1"

# ApplVerID(1128), DefaultApplVerID(1137): the version each stands for. The files of 5.0 and its service packs all call
# themselves FIX.5.0.
APPLICATIONS: Final[Mapping[str, str]] = {
    "2": "FIX.4.0",
    "3": "FIX.4.1",
    "4": "FIX.4.2",
    "5": "FIX.4.3",
    "6": "FIX.4.4",
    "7": "FIX.5.0",
    "8": "FIX.5.0",
    "9": "FIX.5.0",
}
_NAMES: Final[Mapping[str, str]] = {"7": "FIX.5.0", "8": "FIX.5.0 SP1", "9": "FIX.5.0 SP2"}
_NEWEST: Final = "9"
_NEAREST: Final[Mapping[str, str]] = {"FIX.4.0": "FIX.4.2", "FIX.4.1": "FIX.4.2", "FIX.4.3": "FIX.4.4"}
_SESSIONS_MAX: Final = 1_000
_VERSIONS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """A dictionary; `instead_of` is the version it stands in for, empty where it is that version's own."""

    dictionary: Dictionary
    name: str
    instead_of: str = ""


@dataclass(slots=True)
class Shelf:
    """Dictionaries by version. `always` names one version to read every message with."""

    given: Mapping[str, Dictionary] = field(default_factory=dict)
    transport: Dictionary | None = None
    always: str | None = None
    _chosen: dict[tuple[str, str | None], Choice] = field(default_factory=dict)
    _defaults: dict[tuple[str, str], str] = field(default_factory=dict)

    def choose(self, begin_string: str, appl_ver_id: str | None = None) -> Choice:
        """The dictionary for a version. Kept: a Dictionary knows the layouts it has seen."""
        key = (self.always, None) if self.always else (begin_string, appl_ver_id if begin_string == FIXT else None)
        choice = self._chosen.get(key)
        if choice is None:
            choice = self._find(*key)
            if len(self._chosen) < _VERSIONS_MAX:
                self._chosen[key] = choice
        return choice

    def appl_ver_id(self, own: str | None, default: str | None, sender: str, target: str) -> str | None:
        """The ApplVerID(1128) that holds for a message: `own`, or the DefaultApplVerID(1137) of its session's Logon.

        `default` is the 1137 of this message, if it is a Logon.
        """
        if default is not None and len(self._defaults) < _SESSIONS_MAX:
            self._defaults[sender, target] = default
        return own or default or self._defaults.get((sender, target)) or self._defaults.get((target, sender))

    def _find(self, begin_string: str, appl_ver_id: str | None) -> Choice:
        if begin_string == FIXT:
            return self._under_transport(appl_ver_id or _NEWEST)
        if begin_string in self.given:
            return Choice(self.given[begin_string], begin_string)
        return _nearest(begin_string)

    def _under_transport(self, appl_ver_id: str) -> Choice:
        version = APPLICATIONS.get(appl_ver_id, "")
        name = f"{FIXT} with {_NAMES.get(appl_ver_id) or version or f'ApplVerID {appl_ver_id}'}"
        transport = self.transport or self.given.get(FIXT) or session_layer()
        if version in self.given:
            return Choice(self.given[version].with_transport(transport), name)
        if version.startswith("FIX.4"):
            nearest = _nearest(version)
            dictionary = nearest.dictionary.with_transport(transport)
            return Choice(dictionary, f"{FIXT} with {nearest.name}", name if nearest.instead_of else "")
        newest = built_in(FIXT)
        if self.transport is not None:
            newest = newest.with_transport(self.transport)
        known = f"{FIXT} with {_NAMES[_NEWEST]}"
        return Choice(newest, known, "" if appl_ver_id == _NEWEST else name)


def _nearest(begin_string: str) -> Choice:
    """The built-in dictionary of a version, or of the one most like it."""
    name = _NEAREST.get(begin_string, begin_string)
    try:
        return Choice(built_in(name), name, "" if name == begin_string else begin_string)
    except ValueError:
        newest = FIXT if begin_string.startswith(("FIX.5", "FIXT")) else "FIX.4.4"
        shown = f"{FIXT} with {_NAMES[_NEWEST]}" if newest == FIXT else newest
        return Choice(built_in(newest), shown, begin_string or "an unknown version")


def session_layer() -> Dictionary:
    """Header, trailer and session messages of the built-in FIXT 1.1, without the application's."""
    whole = built_in(FIXT)
    messages = {kind: message for kind, message in whole.messages.items() if message.is_admin}
    return Dictionary(FIXT, fields=whole.admin_fields, header=whole.header, trailer=whole.trailer, messages=messages)


def shelf_of(dictionaries: Iterable[Dictionary], transport: Dictionary | None, always: str | None) -> Shelf:
    """A shelf with these; ConfigError for two of one version, or for an `always` there is no dictionary of."""
    given: dict[str, Dictionary] = {}
    for dictionary in dictionaries:
        if dictionary.begin_string in given:
            raise ConfigError(f"two dictionaries of {dictionary.begin_string}: a version is read with one")
        given[dictionary.begin_string] = dictionary
    shelf = Shelf(given, transport, always)
    if always is not None and shelf.choose(always).instead_of:
        known = sorted({*given, "FIX.4.2", "FIX.4.4", FIXT})
        raise ConfigError(f"no dictionary of {always}: expected one of {', '.join(known)}, or name its file")
    return shelf
