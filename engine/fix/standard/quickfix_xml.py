"""Reads a data dictionary in QuickFIX's XML format.

The format: `<fix type major minor>` with `<header>`, `<trailer>`, `<messages>`, `<components>` and
`<fields>`; members are `<field>`, `<group>` and `<component>` with `name` and `required`. Everything
that is wrong in a file is a ConfigError that names the element.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from engine.errors import ConfigError
from engine.fix.standard.definitions import FieldDef, GroupDef, MessageDef, Section, group_of, message_of, section_of
from engine.fix.standard.forms import FORMS, MULTIPLE_VALUE_TYPES, Form


@dataclass(frozen=True, slots=True)
class ReadDictionary:
    """What one file says; `engine.fix.standard.dictionary` makes a dictionary of it."""

    begin_string: str
    fields: Mapping[int, FieldDef]
    header: Section
    trailer: Section
    messages: Mapping[str, MessageDef]


def read_quickfix_xml(text: str) -> ReadDictionary:
    """The definitions in the text of one file; ConfigError says what is wrong with it."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ConfigError(f"the dictionary is no XML: {error}") from error
    if root.tag != "fix":
        raise ConfigError(f"the dictionary must be a <fix> element, found <{root.tag}>")
    fields = [_field(element) for element in root.iterfind("fields/field")]
    if not fields:
        raise ConfigError("the dictionary defines no <field>")
    reader = _Reader(
        {field.name: field.tag for field in fields},
        {_attribute(element, "name"): element for element in root.iterfind("components/component")},
    )
    messages: dict[str, MessageDef] = {}
    for element in root.iterfind("messages/message"):
        msg_type, name = _attribute(element, "msgtype"), _attribute(element, "name")
        section = reader.section(element, name)
        messages[msg_type] = message_of(msg_type, name, element.get("msgcat") == "admin", section)
    kind, major, minor = root.get("type", "FIX"), _attribute(root, "major"), _attribute(root, "minor")
    return ReadDictionary(
        f"{kind}.{major}.{minor}",
        {field.tag: field for field in fields},
        reader.part(root, "header"),
        reader.part(root, "trailer"),
        messages,
    )


def _field(element: ElementTree.Element) -> FieldDef:
    name, number, kind = (_attribute(element, key) for key in ("name", "number", "type"))
    if not (number.isascii() and number.isdigit()):
        raise ConfigError(f"field {name}: number must be digits, found {number!r}")
    form = FORMS.get(kind, Form.TEXT)
    meanings = {_attribute(value, "enum"): value.get("description", "") for value in element.iter("value")}
    # A BOOLEAN's two values are its form; listed as values as well they would be checked twice.
    is_open = form is Form.BOOLEAN or element.get("allowOtherValues", "").lower() in ("true", "y")
    values = frozenset() if is_open else frozenset(meanings)
    return FieldDef(int(number), name, kind, form, values, kind in MULTIPLE_VALUE_TYPES, meanings)


def _attribute(element: ElementTree.Element, key: str) -> str:
    value = element.get(key)
    if value is None:
        raise ConfigError(f"<{element.tag} {' '.join(element.attrib.values())}>: attribute {key!r} is missing")
    return value


class _Reader:
    """Resolves names to tags and components to their members; each component is read once."""

    def __init__(self, tags: Mapping[str, int], components: Mapping[str, ElementTree.Element]) -> None:
        self._tags = tags
        self._components = components
        self._read: dict[str, Section] = {}
        self._reading: list[str] = []

    def part(self, root: ElementTree.Element, name: str) -> Section:
        element = root.find(name)
        return section_of((), (), {}) if element is None else self.section(element, name)

    def section(self, element: ElementTree.Element, where: str) -> Section:
        """Members of `element`; what an optional component requires is not required of the message."""
        members: list[int] = []
        needed: list[int] = []
        groups: dict[int, GroupDef] = {}
        for child in element:
            name = _attribute(child, "name")
            is_required = child.get("required") == "Y"
            if child.tag == "component":
                inner = self._component(name, where)
                members += inner.members
                needed += inner.required if is_required else ()
                groups |= inner.groups
                continue
            tag = self._tags.get(name)
            if tag is None:
                raise ConfigError(f"{where}: field {name} is not defined")
            members.append(tag)
            if is_required:
                needed.append(tag)
            if child.tag == "group":
                entry = self.section(child, f"{where}/{name}")
                if not entry.members:
                    raise ConfigError(f"{where}: group {name} has no members")
                groups[tag] = group_of(tag, entry)
        return section_of(tuple(members), tuple(needed), groups)

    def _component(self, name: str, where: str) -> Section:
        if name in self._read:
            return self._read[name]
        element = self._components.get(name)
        if element is None:
            raise ConfigError(f"{where}: component {name} is not defined")
        if name in self._reading:
            raise ConfigError(f"component {name} is part of itself: {' > '.join([*self._reading, name])}")
        self._reading.append(name)
        section = self._read[name] = self.section(element, name)
        self._reading.pop()
        return section
