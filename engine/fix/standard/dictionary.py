"""Dictionaries: which messages, fields and groups a FIX version has.

The built-in ones describe the messages this engine speaks; a file in QuickFIX's XML format can stand
in for them (`load_quickfix_xml`). A dictionary also keeps the layouts of the messages it has seen:
a bounded memo, the only thing about it that changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from engine.fix.standard import dictionary_messages as texts
from engine.fix.standard.definitions import FieldDef, GroupDef, MessageDef, Section, message_of, section_of
from engine.fix.standard.dictionary_fields import ENUMS_42, ENUMS_44, ENUMS_50SP2, OPEN_42, OPEN_50SP2, TYPES
from engine.fix.standard.forms import Form
from engine.fix.standard.layout import Layout, read_tags
from engine.fix.standard.notation import read_fields, read_section, read_values
from engine.fix.standard.quickfix_xml import read_quickfix_xml

__all__ = ["DATA_LENGTH_TAGS", "Dictionary", "built_in", "load_quickfix_xml"]

# Data field: the length field before it. Standard ones, known even to a dictionary that leaves them out.
DATA_LENGTH_TAGS: Final[Mapping[int, int]] = {
    89: 93,
    91: 90,
    96: 95,
    213: 212,
    349: 348,
    351: 350,
    353: 352,
    355: 354,
    357: 356,
    359: 358,
    361: 360,
    363: 362,
    365: 364,
    446: 445,
    619: 618,
    622: 621,
    1398: 1397,
    1402: 1401,
    1404: 1403,
}

KEPT_WEIGHT_MAX: Final = 60_000
"""What all layouts kept may weigh, in fields, 25 MB at worst: a peer that never repeats itself must not fill memory."""
LAYOUT_WEIGHT: Final = 8
"""Of a layout of no fields at all, in fields."""
_MSG_TYPE_KEPT_MAX: Final = 16
"""Characters of a MsgType(35) whose layouts are kept: the standard's have two, a hostile one as many as a message."""


class Dictionary:
    """Messages, fields and groups of one FIX version."""

    __slots__ = (
        "_kept_weight",
        "admin_fields",
        "begin_string",
        "data_lengths",
        "data_tokens",
        "fields",
        "groups",
        "header",
        "known_types",
        "layouts",
        "messages",
        "trailer",
    )

    def __init__(
        self,
        begin_string: str,
        *,
        fields: Mapping[int, FieldDef],
        header: Section,
        trailer: Section,
        messages: Mapping[str, MessageDef],
        known_types: frozenset[str] = frozenset(),
        admin_fields: Mapping[int, FieldDef] | None = None,
    ) -> None:
        self.begin_string = begin_string
        self.fields = fields
        self.admin_fields = fields if admin_fields is None else admin_fields
        """Fields that a session message may be expected to know: on FIXT.1.1 those of the transport alone."""
        self.header = header
        self.trailer = trailer
        self.messages = messages
        self.known_types = known_types | messages.keys()
        """Types the standard has: one that is not described here is unsupported, not invalid."""
        self.groups: Mapping[int, GroupDef] = _groups_of(message.section for message in messages.values())
        self.data_lengths = {**DATA_LENGTH_TAGS, **_data_lengths(fields)}
        self.data_tokens = frozenset(map(str, self.data_lengths))
        self.layouts: dict[str, dict[tuple[str, ...], Layout]] = {}
        """Layouts by MsgType(35) and the tags as written; filled by `layout`."""
        self._kept_weight = 0

    def layout(self, msg_type: str, tokens: Sequence[str]) -> Layout:
        """The layout of tags as written; ValueError when one is no tag number."""
        key = tuple(tokens)
        kept = self.layouts.get(msg_type, {}).get(key)
        if kept is not None:
            return kept
        layout = Layout(self, msg_type, read_tags(key))
        weight = LAYOUT_WEIGHT + len(key)
        if len(msg_type) <= _MSG_TYPE_KEPT_MAX and weight <= KEPT_WEIGHT_MAX:
            self.weigh(weight)
            self.layouts.setdefault(msg_type, {})[key] = layout
        return layout

    def weigh(self, weight: int) -> None:
        """Count what is about to be kept, in fields; all that was kept before is dropped if it would be too much."""
        self._kept_weight += weight
        if self._kept_weight > KEPT_WEIGHT_MAX:
            self.layouts.clear()
            self._kept_weight = weight

    def with_transport(self, transport: Dictionary) -> Dictionary:
        """This application dictionary under the header, trailer and session messages of `transport`."""
        return Dictionary(
            transport.begin_string,
            fields={**self.fields, **transport.fields},
            header=transport.header,
            trailer=transport.trailer,
            messages={**self.messages, **transport.messages},
            known_types=self.known_types | transport.known_types,
            admin_fields=transport.fields,
        )

    def __repr__(self) -> str:
        return f"Dictionary({self.begin_string}, {len(self.messages)} messages, {len(self.fields)} fields)"


@cache
def built_in(begin_string: str, appl_ver_id: str | None = None) -> Dictionary:
    """The built-in dictionary of FIX.4.2, FIX.4.4, or FIXT.1.1 with an ApplVerID (9, 5.0 SP2, unless stated).

    Raises ValueError for a version there is none of.
    """
    if begin_string == "FIX.4.2":
        return _build(
            begin_string,
            header=texts.HEADER_42,
            messages=texts.MESSAGES_42,
            components=texts.COMPONENTS_42,
            enums={**ENUMS_44, **ENUMS_42},
            open_fields=OPEN_42,
            msg_types=texts.MSG_TYPES_42,
            tag_max=texts.TAG_MAX_42,
        )
    if begin_string == "FIX.4.4":
        return _build(
            begin_string,
            header=texts.HEADER_44,
            messages=texts.MESSAGES_44,
            components=texts.COMPONENTS_44,
            enums=ENUMS_44,
            open_fields="",
            msg_types=texts.MSG_TYPES_44,
            tag_max=texts.TAG_MAX_44,
        )
    if begin_string == "FIXT.1.1" and appl_ver_id in (None, "9"):
        newest = _build(
            begin_string,
            header=texts.HEADER_FIXT,
            messages={**texts.MESSAGES_44, **texts.MESSAGES_50SP2},
            components=texts.COMPONENTS_50SP2,
            enums={**ENUMS_44, **ENUMS_50SP2},
            open_fields=OPEN_50SP2,
            msg_types=texts.MSG_TYPES_50SP2,
            tag_max=texts.TAG_MAX_50SP2,
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
        trailer=read_section(texts.TRAILER, components),
        messages={
            msg_type: message_of(msg_type, name, category == "admin", read_section(text, components))
            for msg_type, (name, category, text) in messages.items()
        },
        known_types=read_values(msg_types),
    )


def _with_additions(newer: Dictionary) -> Dictionary:
    """5.0 SP2 from the messages it shares with 4.4: what it adds, and what it no longer requires."""
    messages = dict(newer.messages)
    components = texts.COMPONENTS_50SP2
    by_name = {definition.name: tag for tag, definition in newer.fields.items()}
    for msg_type, text in texts.ADDED_50SP2.items():
        old, added = messages[msg_type], read_section(text, components)
        section = section_of(
            old.section.members + tuple(tag for tag in added.members if tag not in old.section.members),
            old.section.required,
            {**old.section.groups, **added.groups},
        )
        messages[msg_type] = message_of(msg_type, old.name, old.is_admin, section)
    for msg_type, names in texts.RELAXED_50SP2.items():
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


def _groups_of(sections: Iterable[Section]) -> dict[int, GroupDef]:
    """Groups by count tag, nested ones included; the first definition of a count tag stands for all."""
    groups: dict[int, GroupDef] = {}
    for section in sections:
        for tag, group in section.groups.items():
            groups.setdefault(tag, group)
        for tag, group in _groups_of(group.section for group in section.groups.values()).items():
            groups.setdefault(tag, group)
    return groups


def _data_lengths(fields: Mapping[int, FieldDef]) -> dict[int, int]:
    """Data tag to length tag, by the names the standard gives such pairs."""
    by_name = {definition.name: tag for tag, definition in fields.items()}
    pairs: dict[int, int] = {}
    for tag, definition in fields.items():
        if definition.form is Form.DATA:
            length = by_name.get(f"{definition.name}Len") or by_name.get(f"{definition.name}Length")
            if length is not None:
                pairs[tag] = length
    return pairs
