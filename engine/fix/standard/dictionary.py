"""What one FIX version has, and what it says of where the fields of a message stand.

A `Dictionary` holds messages, fields and groups; `fix.standard.dictionaries` makes them. A counterparty writes the same
tags in the same order again and again, so everything that depends on tags alone - first occurrences, the entries of
repeating groups, undefined tags, missing ones - is worked out once per tag sequence and shared by all messages that
have it: a `Layout`. The layouts kept are a bounded memo, the only thing about a dictionary that changes. What depends
on values is left to `engine.fix.wire.validation`, as positions sorted by the check they need.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from engine.fix.standard.definitions import FieldDef, GroupDef, MessageDef, Section
from engine.fix.standard.forms import SECTIONS, Form
from engine.masking import SECRET_TAGS

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


# --- where fields stand ---------------------------------------------------------------------------

# -1 and 0 are tags no dictionary defines, and are refused as such, not as garbage; +1, 01 and 1_0 are no tags.
_TAG: Final = re.compile(r"0|-?[1-9][0-9]{0,8}")

BEFORE_FIELDS: Final = -1
"""Position of a flaw that concerns no one field: those come before all others."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong: SessionRejectReason(373) and the tag, at a position in the message.

    `rank` orders the checks made of one field; `detail` is for people. Of what is `harmless` every value is read right
    all the same.
    """

    position: int
    rank: int
    reason: int
    tag: int | None
    detail: str
    harmless: bool = False


# Order of the checks: first those of the message as a whole, then field by field.
RANK_ORDER, RANK_MSG_TYPE, RANK_REQUIRED = 0, 1, 2
RANK_REPEATED, RANK_EMPTY, RANK_FORMAT, RANK_VALUE, RANK_UNDEFINED, RANK_FOREIGN, RANK_COUNT, RANK_GROUP_ORDER = range(
    8
)


@dataclass(slots=True)
class Entry:
    """One entry of a repeating group: where its fields stand."""

    index: dict[int, int] = field(default_factory=dict)
    groups: dict[int, tuple[Entry, ...]] = field(default_factory=dict)


Getter = Callable[[Sequence[str]], tuple[str, ...]]

_KNOWN_VALUES_MAX: Final = 64
_VALUES_A_FIELD: Final = 4
"""Remembered values that weigh as much as one field of a layout."""
_SHOWN_MAX: Final = 40


def _getter(positions: Sequence[int]) -> Getter:
    """Picks the values at `positions`."""
    if not positions:
        return lambda values: ()
    if len(positions) == 1:
        only = positions[0]
        return lambda values: (values[only],)
    return itemgetter(*positions)


class Layout:
    """One sequence of tags under one dictionary and message type. Never changed once built."""

    __slots__ = (
        "counts",
        "dictionary",
        "flaws",
        "found_counts",
        "get_counts",
        "get_enumerated",
        "get_names",
        "get_sections",
        "get_unread",
        "groups",
        "has_data",
        "has_secrets",
        "index",
        "known_values",
        "members",
        "message",
        "required",
        "rest",
        "tags",
        "value_sets",
    )

    def __init__(self, dictionary: Dictionary, msg_type: str, tags: tuple[int, ...]) -> None:
        self.dictionary = dictionary
        self.tags = tags
        self.message: MessageDef | None = dictionary.messages.get(msg_type)
        self.has_secrets = not SECRET_TAGS.isdisjoint(tags)
        self.has_data = not dictionary.data_lengths.keys().isdisjoint(tags)
        walk = _Walk(dictionary, self.message, tags)
        walk.run()
        self.index: dict[int, int] = {**walk.nested, **walk.index}
        self.members = tuple(walk.index)
        header = [self.index.get(tag, -1) for tag in _NAMES_AND_NUMBER]
        self.get_names: Getter | None = None if -1 in header else _getter(header)
        """Picks BeginString(8), SenderCompID(49), TargetCompID(56) and MsgSeqNum(34); None if one is not there."""
        self.groups: dict[int, tuple[Entry, ...]] = walk.groups
        self.flaws: tuple[Flaw, ...] = tuple(sorted(walk.flaws(msg_type), key=lambda flaw: (flaw.position, flaw.rank)))
        body = self.message.required_anywhere if self.message else frozenset()
        self.required = body.union(dictionary.header.required, dictionary.trailer.required)
        self._plan_value_checks(walk.counts)

    def _plan_value_checks(self, counts: list[tuple[int, int]]) -> None:
        """Sorts positions by the check their values need, for a pass in C over each kind."""
        fields = self.dictionary.fields
        by_form: dict[Form, list[int]] = {form: [] for form in SECTIONS}
        enumerated: list[int] = []
        rest: list[int] = []
        for position, tag in enumerate(self.tags):
            definition = fields.get(tag)
            if definition is None or (definition.form in (Form.TEXT, Form.DATA) and not definition.values):
                continue
            if definition.is_multiple:
                rest.append(position)
            elif definition.values or definition.form is Form.BOOLEAN:
                enumerated.append(position)
            else:
                by_form.get(definition.form, rest).append(position)
        # BeginString(8), at position 0 of every message, ends each section.
        self.get_sections = _getter([at for form in SECTIONS for at in (*by_form[form], 0)])
        # Without BodyLength(9), MsgSeqNum(34) and SendingTime(52), which the session reads of every message.
        for tag, form in _READ_ANYWAY.items():
            if self.index.get(tag) in by_form[form]:
                by_form[form].remove(self.index[tag])
        self.get_unread = _getter([at for form in SECTIONS for at in (*by_form[form], 0)])
        self.get_enumerated = _getter(enumerated)
        self.value_sets = tuple(fields[self.tags[at]].values or _FLAG_VALUES for at in enumerated)
        self.known_values: set[tuple[str, ...]] = set()
        """Combinations of enumerated values that were seen to be right; bounded, see `are_enumerated`."""
        self.rest = tuple(rest)
        self.get_counts = _getter([position for position, _ in counts])
        self.found_counts = tuple(str(found) for _, found in counts)
        self.counts = tuple(position for position, _ in counts)

    def are_enumerated(self, values: Sequence[str]) -> bool:
        """Whether every enumerated field has one of its values; combinations seen to be right are remembered."""
        picked = self.get_enumerated(values)
        if picked in self.known_values:
            return True
        for allowed, value in zip(self.value_sets, picked, strict=True):
            if value not in allowed:
                return False
        if len(self.known_values) >= _KNOWN_VALUES_MAX:
            self.known_values.clear()
        self.dictionary.weigh(1 + len(picked) // _VALUES_A_FIELD)
        self.known_values.add(picked)
        return True

    @property
    def remembered(self) -> int:
        """How many combinations of enumerated values are remembered; bounded."""
        return len(self.known_values)


_FLAG_VALUES: Final = frozenset("YN")
_NAMES_AND_NUMBER: Final = (8, 49, 56, 34)
_READ_ANYWAY: Final = {9: Form.LENGTH, 34: Form.LENGTH, 52: Form.TIMESTAMP}


class _Walk:
    """One pass over a tag sequence, collecting positions, group entries and misplacements."""

    def __init__(self, dictionary: Dictionary, message: MessageDef | None, tags: tuple[int, ...]) -> None:
        self._dictionary = dictionary
        self._message = message
        self._tags = tags
        own = (dictionary.header, message.section if message else None, dictionary.trailer)
        self._sections: tuple[Section, ...] = tuple(section for section in own if section is not None)
        self._allowed: frozenset[int] = frozenset().union(*(section.tags for section in self._sections))
        self.index: dict[int, int] = {}
        self.nested: dict[int, int] = {}
        self.groups: dict[int, tuple[Entry, ...]] = {}
        self.counts: list[tuple[int, int]] = []
        self._outside: list[int] = []
        self._repeated: list[int] = []
        self._group_flaws: list[Flaw] = []
        self._missing: list[tuple[int, str]] = []

    def run(self) -> None:
        tags, position, end = self._tags, 0, len(self._tags)
        while position < end:
            tag = tags[position]
            self._outside.append(position)
            if tag in self.index:
                self._repeated.append(position)
            else:
                self.index[tag] = position
            group = self._group(tag)
            position += 1
            if group is not None:
                entries, position = self._entries(group, position)
                self.groups.setdefault(tag, entries)

    def _group(self, tag: int) -> GroupDef | None:
        """The group `tag` counts here; elsewhere than the dictionary has it, the shape it has elsewhere."""
        dictionary = self._dictionary
        section = self._message.section if self._message else None
        return (
            (section.groups.get(tag) if section else None)
            or dictionary.header.groups.get(tag)
            or dictionary.groups.get(tag)
        )

    def _entries(self, group: GroupDef, position: int) -> tuple[tuple[Entry, ...], int]:
        """The entries that follow the count at `position - 1`, and the position after them.

        An entry begins where the tag that began the first one comes again, or any other the open entry
        already has: so entries written in another order than the dictionary's are still told apart. Between tags of
        the group stands what the message does not know, user-defined or of another version: it is the open entry's.
        """
        tags, end, order = self._tags, len(self._tags), group.order
        cut = broken = False
        entries: list[Entry] = []
        current: Entry | None = None
        place = -1
        count_position = position - 1
        first = self._after_strangers(group, position)
        leader = tags[first] if first < end else 0
        while position < end:
            tag = tags[position]
            if tag not in order:
                known = self._after_strangers(group, position)
                if known in (position, end) or tags[known] not in order:
                    break
                self._keep(position, known, current)
                position, cut = known, True
                continue
            if current is None or tag == leader or tag in current.index:
                current, place, broken = Entry(), -1, cut
                entries.append(current)
            if order[tag] < place or (place == -1 and tag != group.delimiter):
                self._misplaced(group, position)
            place = max(place, order[tag])
            current.index[tag] = position
            self.nested.setdefault(tag, position)
            inner = group.section.groups.get(tag)
            position += 1
            if inner is not None:
                current.groups[tag], position = self._entries(inner, position)
        if self._message is None:
            return tuple(entries), position  # a guess at an unknown message is not held against it
        if broken:
            self._broken(group, count_position)
        self.counts.append((count_position, len(entries)))
        for entry in entries:
            for tag in group.section.required:
                if tag not in entry.index:
                    self._missing.append((tag, f"in an entry of {self._name(group.count_tag)}"))
        return tuple(entries), position

    def _after_strangers(self, group: GroupDef, position: int) -> int:
        """Where the next tag from `position` on stands that the message knows; the end if there is none.

        Of a message or a group that is not known nothing can be told.
        """
        if self._message is None or group.count_tag not in self._allowed:
            return position
        tags, end = self._tags, len(self._tags)
        while position < end and tags[position] not in self._allowed:
            position += 1
        return position

    def _keep(self, position: int, end: int, entry: Entry | None) -> None:
        """Tags of no group, from `position` to before `end`, belong to the open entry."""
        for at in range(position, end):
            tag = self._tags[at]
            if entry is not None:
                entry.index.setdefault(tag, at)
            self.nested.setdefault(tag, at)

    def _broken(self, group: GroupDef, count_position: int) -> None:
        """For whoever is strict the group ends at a tag that it does not have: what comes behind is not counted."""
        tag = group.count_tag
        detail = f"an entry of {self._name(tag)} holds a tag that no entry has"
        self._group_flaws.append(Flaw(count_position, RANK_COUNT, 16, tag, detail, harmless=True))

    def _misplaced(self, group: GroupDef, position: int) -> None:
        tag = self._tags[position]
        detail = f"{self._name(tag)} is out of order in an entry of {self._name(group.count_tag)}"
        self._group_flaws.append(Flaw(position, RANK_GROUP_ORDER, 15, tag, detail))

    def flaws(self, msg_type: str) -> Iterator[Flaw]:
        """Everything wrong with the sequence itself, in no order."""
        dictionary, message = self._dictionary, self._message
        yield from self._order()
        if message is None and msg_type not in dictionary.known_types:
            # 371 is left out: the type is not a wrong field of a message, there is no such message.
            yield Flaw(BEFORE_FIELDS, RANK_MSG_TYPE, 11, None, f"MsgType(35)={msg_type[:_SHOWN_MAX]} is not known")
        body = message.section if message else None
        for section in (dictionary.header, body, dictionary.trailer):
            if section is not None:
                yield from self._required(section)
        for tag, where in self._missing:
            yield Flaw(BEFORE_FIELDS, RANK_REQUIRED, 1, tag, f"{self._name(tag)} is missing {where}")
        if body is None:
            return  # nothing is known of what such a message holds
        yield from self._group_flaws
        for position in self._repeated:
            tag = self._tags[position]
            detail = f"{self._name(tag)} appears more than once"
            yield Flaw(position, RANK_REPEATED, 13, tag, detail, harmless=tag not in self._allowed)
        known = dictionary.admin_fields if message is not None and message.is_admin else dictionary.fields
        allowed = self._allowed
        for position, tag in enumerate(self._tags):
            if tag in allowed:
                continue
            if tag not in known:
                yield Flaw(position, RANK_UNDEFINED, 0, tag, f"tag {tag} is not defined")
            else:
                detail = f"{self._name(tag)} does not belong to MsgType(35)={msg_type[:_SHOWN_MAX]}"
                yield Flaw(position, RANK_FOREIGN, 2, tag, detail)
        members = frozenset().union(*(section.members for section in self._sections))
        for position in self._outside:
            tag = self._tags[position]
            if tag in allowed and tag not in members:
                yield Flaw(position, RANK_FOREIGN, 2, tag, f"{self._name(tag)} stands outside its repeating group")

    def _required(self, section: Section) -> Iterator[Flaw]:
        for tag in section.required:
            if tag not in self.index:
                yield Flaw(BEFORE_FIELDS, RANK_REQUIRED, 1, tag, f"{self._name(tag)} is missing")

    def _order(self) -> Iterator[Flaw]:
        """Header, then body, then trailer: the first field that stands in the wrong part."""
        header, trailer = self._dictionary.header.tags, self._dictionary.trailer.tags
        part = 0
        for tag in self._tags:
            own = 0 if tag in header else 2 if tag in trailer else 1
            if own < part:
                where = ("header", "body")[own]
                yield Flaw(BEFORE_FIELDS, RANK_ORDER, 14, tag, f"{self._name(tag)} belongs into the {where}")
                return
            part = own

    def _name(self, tag: int) -> str:
        definition = self._dictionary.fields.get(tag)
        return f"{definition.name}({tag})" if definition else f"tag {tag}"


def read_tags(tokens: Sequence[str]) -> tuple[int, ...]:
    """Tag numbers from their text; ValueError, naming the token, when one is no number."""
    for token in tokens:
        if _TAG.fullmatch(token) is None:
            raise ValueError(f"expected a tag number, found {token[:40]!r}")
    return tuple(map(int, tokens))
