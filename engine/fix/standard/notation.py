"""Reads the notation of the built-in dictionary texts into definitions.

    members = { member }
    member  = "@" component [ "!" ] | name [ "!" ] [ "(" members ")" ]

`!` marks a required member. The texts are ours, so a mistake in them is a ValueError at start, not
an error for an operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from engine.fix.standard.definitions import FieldDef, GroupDef, Section, group_of, section_of
from engine.fix.standard.forms import FORMS, MULTIPLE_VALUE_TYPES, Form
from engine.fix.standard.tags import Tag

_TOKEN: Final = re.compile(r"@?\w+!?|[()]")


def read_section(text: str, components: Mapping[str, str]) -> Section:
    """The section a members text describes."""
    reader = _Reader(text, components)
    section = reader.members(required=True)
    if reader.token:
        raise ValueError(f"unexpected {reader.token!r} in a members text")
    return section


def read_values(text: str) -> frozenset[str]:
    """`1..3 A..C AA..AC 99` as the set of its values; a run of letters varies its last one."""
    return frozenset(value for part in text.split() for value in _run(part))


def read_fields(types: Mapping[str, str], enums: Mapping[str, str], tag_max: int) -> dict[int, FieldDef]:
    """Every field of `Tag` up to `tag_max`, with its type and its values."""
    type_of = {name: kind for kind, names in types.items() for name in names.split()}
    fields: dict[int, FieldDef] = {}
    for tag in Tag:
        if tag > tag_max:
            continue
        kind = type_of.get(tag.name, "STRING")
        form = FORMS.get(kind, Form.TEXT)
        values = read_values(enums.get(tag.name, ""))
        is_multiple = kind in MULTIPLE_VALUE_TYPES
        fields[int(tag)] = FieldDef(int(tag), tag.name, kind, form, values, is_multiple)
    return fields


def _run(part: str) -> Iterator[str]:
    first, dots, last = part.partition("..")
    if not dots:
        yield part
    elif first.isdigit():
        yield from (str(value) for value in range(int(first), int(last) + 1))
    else:
        yield from (f"{first[:-1]}{chr(code)}" for code in range(ord(first[-1]), ord(last[-1]) + 1))


class _Reader:
    """Recursive descent over one members text."""

    __slots__ = ("_components", "_tokens", "token")

    def __init__(self, text: str, components: Mapping[str, str]) -> None:
        self._components = components
        self._tokens = iter(_TOKEN.findall(text))
        self.token = next(self._tokens, "")

    def members(self, *, required: bool) -> Section:
        """members = { member }; a member is required only if all that holds it is."""
        members: list[int] = []
        needed: list[int] = []
        groups: dict[int, GroupDef] = {}
        while self.token not in ("", ")"):
            word = self._advance()
            is_required = required and word.endswith("!")
            name = word.strip("@!")
            if word.startswith("@"):
                part = _Reader(self._components[name], self._components).members(required=is_required)
                members += part.members
                needed += part.required
                groups |= part.groups
                continue
            tag = int(Tag[name])
            members.append(tag)
            if is_required:
                needed.append(tag)
            if self.token == "(":
                self._advance()
                groups[tag] = group_of(tag, self.members(required=True))
                self._advance()
        return section_of(tuple(members), tuple(needed), groups)

    def _advance(self) -> str:
        token = self.token
        self.token = next(self._tokens, "")
        return token
