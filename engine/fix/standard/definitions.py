"""What a dictionary says: fields, repeating groups, messages. Values only, however they were read.

`engine.fix.standard.notation` builds them from the built-in text, `engine.fix.standard.quickfix_xml` from a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.fix.standard.forms import Form


@dataclass(frozen=True, slots=True)
class FieldDef:
    """One field; `values` is empty where any value of the type will do. `meanings` are names for people, of a file."""

    tag: int
    name: str
    type: str
    form: Form
    values: frozenset[str] = frozenset()
    is_multiple: bool = False
    meanings: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Section:
    """Members in the order they are written, those required, and the groups among them by count tag."""

    members: tuple[int, ...]
    required: tuple[int, ...]
    groups: Mapping[int, GroupDef]
    tags: frozenset[int]
    """Members, and the members of groups within."""


@dataclass(frozen=True, slots=True)
class GroupDef:
    """A repeating group: each entry begins with `delimiter`."""

    count_tag: int
    delimiter: int
    section: Section
    order: Mapping[int, int]
    """Place of each member within an entry."""


@dataclass(frozen=True, slots=True)
class MessageDef:
    """One message type; `required_anywhere` counts group members in."""

    msg_type: str
    name: str
    is_admin: bool
    section: Section
    required_anywhere: frozenset[int] = field(default=frozenset())


def section_of(members: tuple[int, ...], required: tuple[int, ...], groups: Mapping[int, GroupDef]) -> Section:
    """A section whose `tags` are complete."""
    tags = set(members)
    for group in groups.values():
        tags |= group.section.tags
    return Section(members, required, groups, frozenset(tags))


def group_of(count_tag: int, section: Section) -> GroupDef:
    """A group that begins with the first member of `section`."""
    order = {tag: place for place, tag in enumerate(section.members)}
    return GroupDef(count_tag, section.members[0], section, order)


def message_of(msg_type: str, name: str, is_admin: bool, section: Section) -> MessageDef:
    """A message definition whose `required_anywhere` is complete."""
    return MessageDef(msg_type, name, is_admin, section, frozenset(_required_within(section)))


def _required_within(section: Section) -> set[int]:
    required = set(section.required)
    for group in section.groups.values():
        required |= _required_within(group.section)
    return required
