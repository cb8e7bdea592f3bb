"""The dictionaries there are: the built-in ones of what this engine speaks, and any file in QuickFIX's XML format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from engine.fix.standard import dictionary_messages
from engine.fix.standard.definitions import FieldDef, message_of, section_of
from engine.fix.standard.dictionary import Dictionary
from engine.fix.standard.dictionary_fields import ENUMS_42, ENUMS_44, ENUMS_50SP2, OPEN_42, OPEN_50SP2, TYPES
from engine.fix.standard.notation import read_fields, read_section, read_values
from engine.fix.standard.quickfix_xml import read_quickfix_xml


@cache
def built_in(begin_string: str, appl_ver_id: str | None = None) -> Dictionary:
    """The built-in dictionary of FIX.4.2, FIX.4.4, or FIXT.1.1 with an ApplVerID (9, 5.0 SP2, unless stated).

    Raises ValueError for a version there is none of.
    """
    if begin_string == "FIX.4.2":
        return _build(
            begin_string,
            header=dictionary_messages.HEADER_42,
            messages=dictionary_messages.MESSAGES_42,
            components=dictionary_messages.COMPONENTS_42,
            enums={**ENUMS_44, **ENUMS_42},
            open_fields=OPEN_42,
            msg_types=dictionary_messages.MSG_TYPES_42,
            tag_max=dictionary_messages.TAG_MAX_42,
        )
    if begin_string == "FIX.4.4":
        return _build(
            begin_string,
            header=dictionary_messages.HEADER_44,
            messages=dictionary_messages.MESSAGES_44,
            components=dictionary_messages.COMPONENTS_44,
            enums=ENUMS_44,
            open_fields="",
            msg_types=dictionary_messages.MSG_TYPES_44,
            tag_max=dictionary_messages.TAG_MAX_44,
        )
    if begin_string == "FIXT.1.1" and appl_ver_id in (None, "9"):
        newest = _build(
            begin_string,
            header=dictionary_messages.HEADER_FIXT,
            messages={**dictionary_messages.MESSAGES_44, **dictionary_messages.MESSAGES_50SP2},
            components=dictionary_messages.COMPONENTS_50SP2,
            enums={**ENUMS_44, **ENUMS_50SP2},
            open_fields=OPEN_50SP2,
            msg_types=dictionary_messages.MSG_TYPES_50SP2,
            tag_max=dictionary_messages.TAG_MAX_50SP2,
        )
        return _with_additions(newest)
    raise ValueError(f"no built-in dictionary for {begin_string} with ApplVerID {appl_ver_id}: name one in a file")


def load_quickfix_xml(text: str) -> Dictionary:
    """A dictionary from the text of a QuickFIX XML file; ConfigError says what is wrong with it.

    A FIX 5.0 file has no header and no session messages of its own: put it under the FIXT 1.1 one by
    `application.with_transport(transport)`. Message types the file does not have are invalid.
    """
    read = read_quickfix_xml(text)
    return Dictionary(
        read.begin_string, fields=read.fields, header=read.header, trailer=read.trailer, messages=read.messages
    )


def _build(
    begin_string: str,
    *,
    header: str,
    messages: Mapping[str, tuple[str, str, str]],
    components: Mapping[str, str],
    enums: Mapping[str, str],
    open_fields: str,
    msg_types: str,
    tag_max: int,
) -> Dictionary:
    closed = {name: values for name, values in enums.items() if name not in open_fields.split()}
    return Dictionary(
        begin_string,
        fields=read_fields(TYPES, closed, tag_max),
        header=read_section(header, components),
        trailer=read_section(dictionary_messages.TRAILER, components),
        messages={
            msg_type: message_of(msg_type, name, category == "admin", read_section(text, components))
            for msg_type, (name, category, text) in messages.items()
        },
        known_types=read_values(msg_types),
    )


def _with_additions(newer: Dictionary) -> Dictionary:
    """5.0 SP2 from the messages it shares with 4.4: what it adds, and what it no longer requires."""
    messages = dict(newer.messages)
    components = dictionary_messages.COMPONENTS_50SP2
    by_name = {definition.name: tag for tag, definition in newer.fields.items()}
    for msg_type, text in dictionary_messages.ADDED_50SP2.items():
        old, added = messages[msg_type], read_section(text, components)
        section = section_of(
            old.section.members + tuple(tag for tag in added.members if tag not in old.section.members),
            old.section.required,
            {**old.section.groups, **added.groups},
        )
        messages[msg_type] = message_of(msg_type, old.name, old.is_admin, section)
    for msg_type, names in dictionary_messages.RELAXED_50SP2.items():
        old = messages[msg_type]
        relaxed = {by_name[name] for name in names.split()}
        required = tuple(tag for tag in old.section.required if tag not in relaxed)
        messages[msg_type] = message_of(msg_type, old.name, old.is_admin, replace(old.section, required=required))
    return Dictionary(
        newer.begin_string,
        fields=newer.fields,
        header=newer.header,
        trailer=newer.trailer,
        messages=messages,
        known_types=newer.known_types,
        admin_fields=_transport_fields(newer),
    )


def _transport_fields(dictionary: Dictionary) -> dict[int, FieldDef]:
    """What FIXT.1.1 itself defines: the fields of header, trailer and session messages."""
    admin = [message.section for message in dictionary.messages.values() if message.is_admin]
    tags = frozenset().union(*(section.tags for section in (dictionary.header, dictionary.trailer, *admin)))
    return {tag: definition for tag, definition in dictionary.fields.items() if tag in tags}
