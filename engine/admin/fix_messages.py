"""Captured FIX messages for people and for programs: names and values, groups indented, secrets masked.

`engine.fix.capture.decoding` reads them; here they only get a shape. One message is one block of lines, or one JSON
object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.admin.tables import Paper
from engine.fix.capture.decoding import DICTIONARY, READINGS, Decoded, Decoder, Wrong, type_name
from engine.fix.capture.dissection import Field, Kind, nesting
from engine.fix.capture.value_names import meanings
from engine.fix.standard.definitions import FieldDef
from engine.fix.standard.tags import Tag
from engine.masking import MASK, masked, masked_values

TYPES_SHOWN_MAX: Final = 20
"""Message types of the summary for people; --json has all."""

_KINDS: Final[Mapping[str, str]] = {
    Kind.LENGTH: "wrong BodyLength(9)",
    Kind.CHECKSUM: "wrong CheckSum(10)",
    Kind.FIRST_FIELDS: "not 8, 9, 35 first",
    Kind.FIELD: "no tag=value",
    Kind.CUT_OFF: "cut off",
    DICTIONARY: "against the dictionary",
    READINGS: "read differently by simplefix",
}
_TAG_WIDTH: Final = 6
_ENTRY_WIDTH: Final = 4
_LATER_NAMES: Final = {int(tag): tag.name for tag in Tag}


# --- for people ----------------------------------------------------------------------------------


def block(paper: Paper, decoded: Decoded, *, with_raw: bool = False) -> list[str]:
    """One message: where it stood and what it is, its fields in wire order, what is wrong with it."""
    lines = [paper.styled(_heading(decoded), "bold")]
    if with_raw:
        lines.append(f"  raw: {raw(decoded)}")
    lines += body(paper, decoded)
    lines += [f"  {paper.styled('wrong', 'red')}: {shown(each.text)}" for each in decoded.wrong]
    lines += [f"  {paper.styled('note', 'yellow')}: {shown(note)}" for note in decoded.notes]
    return lines


def body(paper: Paper, decoded: Decoded) -> list[str]:
    """The fields of one message in wire order, a line each."""
    lines = []
    fields = decoded.parts.fields
    for field, place in zip(fields, nesting(decoded.parts.layout), strict=True):
        entry = f"{place.entry}." if place.entry else ""
        # An entry's number stands where the group's own fields are indented to.
        lead = " " * _ENTRY_WIDTH * max(0, place.depth - 1) + (f"{entry:>{_ENTRY_WIDTH}}" if place.depth else "")
        lines.append(f"  {lead}{_line(paper, decoded, field)}")
    return lines


def _heading(decoded: Decoded) -> str:
    parts, captured, before = decoded.parts, decoded.captured, decoded.before
    kind, name = parts.msg_type, type_name(parts.msg_type, decoded.choice)
    words = [f"message {decoded.number}", f"line {captured.line}", before.time, before.direction]
    sender, target = parts.get(49), parts.get(56)
    if sender or target:
        words.append(f"{sender or '?'} to {target or '?'}")
    words.append(f"{name}({kind})" if name else f"MsgType(35)={kind}" if kind else "no MsgType(35)")
    number = parts.get(34)
    words.append(f"MsgSeqNum {number}" if number else "no MsgSeqNum(34)")
    return ", ".join(shown(word) for word in words if word)


def _line(paper: Paper, decoded: Decoded, field: Field) -> str:
    if field.tag < 0 and not field.token:
        return f"{'':>{_TAG_WIDTH}} {shown(_value(field))}"
    definition = decoded.choice.dictionary.fields.get(field.tag)
    name = _name(field.tag, definition)
    value = shown(_value(field))
    meaning = _meaning(field, definition, decoded)
    return f"{paper.styled(f'{field.token:>{_TAG_WIDTH}}', 'dim')} {name} = {value}{f' ({meaning})' if meaning else ''}"


def summary(paper: Paper, decoder: Decoder) -> list[str]:
    """What the capture held, all told."""
    tally, capture = decoder.tally, decoder.capture
    types = [f"{count:,} {name or 'MsgType(35)'}({kind})" for (kind, name), count in tally.types.most_common()]
    if len(types) > TYPES_SHOWN_MAX:
        types[TYPES_SHOWN_MAX:] = [f"and {len(types) - TYPES_SHOWN_MAX} more types"]
    rows = [("messages", f"{tally.messages:,}{': ' if types else ''}{shown(', '.join(types))}")]
    kinds = ", ".join(f"{count:,} {_KINDS[kind]}" for kind, count in tally.kinds.most_common())
    wrong = f"{tally.wrong:,}" + (f": {kinds}" if kinds else "")
    rows.append(("wrong", paper.styled(wrong, "red" if tally.wrong else "green")))
    if decoder.second is not None:
        agreed = tally.compared - tally.kinds[READINGS]
        told = ", ".join(map(str, sorted(decoder.second.told)))
        help_given = f" (told of data fields {told})" if told else ""
        rows.append(("simplefix", f"reads {agreed:,} of {tally.compared:,} whole messages as we do{help_given}"))
    if tally.gaps:
        rows.append(("sequence", f"{tally.gaps:,} not next in their direction"))
    for (version, stand_in), count in tally.stand_ins.most_common():
        text = f"{count:,} of {version} shown with the names of {stand_in}, not validated"
        rows.append(("dictionary", shown(text)))
    noise = f", {capture.noise:,} of them no text" if capture.noise else ""
    rows.append(("outside", f"{capture.outside:,} bytes in no message{noise}"))
    width = max(len(title) for title, _ in rows)
    return [f"{title:<{width}}  {text}" for title, text in rows]


# --- for programs --------------------------------------------------------------------------------


def plain(decoded: Decoded, *, with_raw: bool = False) -> dict[str, Any]:
    """One message as JSON has it: fields in wire order, a group's entries within the field that counts them."""
    parts, captured = decoded.parts, decoded.captured
    kind = parts.msg_type
    answer = {
        "message": decoded.number,
        "offset": captured.offset,
        "line": captured.line,
        "time": decoded.before.time or None,
        "direction": decoded.before.direction or None,
        "delimiter": captured.delimiter.decode("latin-1"),
        "msg_type": masked(kind) or None,
        "name": type_name(kind, decoded.choice) or None,
        "dictionary": decoded.choice.name,
        "fields": _nested(decoded),
        "wrong": masked_values([_wrong(each) for each in decoded.wrong]),
        "notes": masked_values(decoded.notes),
    }
    return answer | ({"raw": raw(decoded)} if with_raw else {})


def _wrong(wrong: Wrong) -> dict[str, str | None]:
    said = {} if wrong.stated is None else {"stated": wrong.stated, "found": wrong.found}
    return {"kind": str(wrong.kind), "text": wrong.text, **said}


def _nested(decoded: Decoded) -> list[dict[str, Any]]:
    top: list[dict[str, Any]] = []
    open_lists = [top]  # the list that a field of each depth is added to
    for field, place in zip(decoded.parts.fields, nesting(decoded.parts.layout), strict=True):
        del open_lists[place.depth + 1 :]
        if place.entry:
            # The group's count is the last field one level up.
            counted = open_lists[place.depth - 1][-1]
            entry: list[dict[str, Any]] = []
            counted.setdefault("entries", []).append(entry)
            open_lists[place.depth :] = [entry]
        open_lists[place.depth].append(_plain_field(decoded, field))
    return top


def _plain_field(decoded: Decoded, field: Field) -> dict[str, Any]:
    definition = decoded.choice.dictionary.fields.get(field.tag)
    return {
        "tag": field.tag if field.token else None,
        "name": _name(field.tag, definition) if field.token else None,
        "value": _value(field),
        "meaning": _meaning(field, definition, decoded) or None,
    }


def plain_summary(decoder: Decoder) -> dict[str, Any]:
    """The summary as JSON has it."""
    tally, capture = decoder.tally, decoder.capture
    return {
        "summary": {
            "messages": tally.messages,
            "wrong": tally.wrong,
            "wrong_by_kind": {str(kind): count for kind, count in tally.kinds.items()},
            "types": [
                {"msg_type": masked(kind), "name": name or None, "count": count}
                for (kind, name), count in _most(tally.types)
            ],
            "compared": tally.compared,
            "read_alike": tally.compared - tally.kinds[READINGS],
            "out_of_sequence": tally.gaps,
            "stand_ins": [
                {"version": version, "dictionary": name, "count": count}
                for (version, name), count in _most(tally.stand_ins)
            ],
            "outside_bytes": capture.outside,
            "noise_bytes": capture.noise,
            "unread_lines": capture.unread,
        }
    }


def _most(counted: Mapping[tuple[str, str], int]) -> Sequence[tuple[tuple[str, str], int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


# --- names and values ----------------------------------------------------------------------------


def named(decoded: Decoded, field: Field) -> str:
    """One field in a few words: `Side=1(Buy)`."""
    value = MASK if field.is_secret else shown(field.value)
    if not field.token:
        return value
    definition = decoded.choice.dictionary.fields.get(field.tag)
    name = _name(field.tag, definition)
    meaning = _meaning(field, definition, decoded)
    return f"{field.token if name == '?' else name}={value}{f'({meaning})' if meaning else ''}"


def raw(decoded: Decoded) -> str:
    """The message in one line, SOH as `|`, secrets masked."""
    pieces = []
    for field in decoded.parts.fields:
        value = shown(_value(field))
        pieces.append(f"{field.token}={value}|" if field.token else f"{value}|")
    return "".join(pieces)


def _value(field: Field) -> str:
    """A value without what is secret: all of it, or what of it looks like another message's password."""
    return MASK if field.is_secret else masked(field.value)


def _name(tag: int, definition: FieldDef | None) -> str:
    """What the dictionary calls a tag, or else what any built-in one does."""
    return definition.name if definition else _LATER_NAMES.get(tag, "?")


def _meaning(field: Field, definition: FieldDef | None, decoded: Decoded) -> str:
    """What a value stands for: of several, what each does; empty where nothing is known."""
    if field.is_secret or definition is None:
        return ""
    if field.tag == 35:
        return type_name(field.value, decoded.choice)
    names = meanings(definition)
    if definition.is_multiple and " " in field.value:
        return ", ".join(names.get(part, part) for part in field.value.split(" "))
    return names.get(field.value, "")


def shown(text: str) -> str:
    """Text in one line: what is not printable is escaped, what looks like a password is masked."""
    text = masked(text)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
