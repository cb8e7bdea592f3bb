"""What an echo acceptor says to an application message: the message itself, or that it takes no such message.

Reads no socket and no clock. Session test suites expect exactly this of the application behind the sessions they test:
NewOrderSingle(D), SecurityDefinition(d) and Email(C) come back with all their fields but PossDupFlag(43) and
OrigSendingTime(122); an order that says it may be a repetition (97=Y) comes back only if it is none.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from engine.fix.standard.dictionary import Dictionary
from engine.fix.standard.tags import MsgType, Tag
from engine.fix.wire.codec import encode_body
from engine.fix.wire.message import FieldView, Message

REFLECTED: Final[frozenset[str]] = frozenset({MsgType.NewOrderSingle, MsgType.SecurityDefinition, MsgType.Email})
SEEN_MAX: Final = 1_000_000
"""ClOrdIDs of one session that are remembered; the oldest are forgotten first."""

UNSUPPORTED: Final = 3
"""BusinessRejectReason(380): a message type the application does not take."""

# The session gives a message these itself, or they were about the message that came.
_OWN: Final = frozenset({8, 9, 10, 34, 35, 49, 52, 56, int(Tag.PossDupFlag), int(Tag.OrigSendingTime)})


@dataclass(frozen=True, slots=True)
class Answer:
    """A message to be sent: its body, and the header fields beyond those the session gives it, ascending."""

    msg_type: str
    body: bytes
    header: tuple[tuple[int, bytes], ...] = ()


class Reflector:
    """One session's application. `appl_ver_id` is given where the session speaks FIXT.1.1."""

    def __init__(self, dictionary: Dictionary, appl_ver_id: str | None = None) -> None:
        self._dictionary = dictionary
        self._appl_ver_id = appl_ver_id
        self._seen: OrderedDict[str, None] = OrderedDict()

    def logged_on(self) -> None:
        """Orders are remembered since the logon."""
        self._seen.clear()

    def answer(self, message: Message) -> Answer | None:
        """What to say to an application message; None for an order that was had before, and for a refusal.

        A BusinessMessageReject(j) that is answered by another goes back and forth for ever if its peer does the same.
        """
        if message.msg_type == MsgType.BusinessMessageReject:
            return None
        if message.msg_type not in REFLECTED:
            return self._unsupported(message)
        if message.msg_type == MsgType.NewOrderSingle and self._was_had(message):
            return None
        header, trailer = self._dictionary.header, self._dictionary.trailer
        body = [tag for tag in message.members if tag not in header.tags and tag not in trailer.tags]
        return Answer(
            message.msg_type,
            encode_body([*self._ordered(message, body), *self._ordered(message, trailer.members)]),
            tuple(self._ordered(message, [tag for tag in header.members if tag not in header.groups])),
        )

    def _was_had(self, message: Message) -> bool:
        cl_ord_id = message.get(Tag.ClOrdID) or ""
        had = cl_ord_id in self._seen
        self._seen[cl_ord_id] = None
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        return had and message.poss_resend

    def _ordered(self, fields: FieldView, tags: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Those of `tags` that are there, ascending."""
        return self._written(fields, sorted(set(tags) - _OWN))

    def _written(self, fields: FieldView, tags: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Those of `tags` that are there, in this order; entries of groups follow their count, as they came.

        A length goes in front of its data, whichever tag is the lower one (SignatureLength(93) before Signature(89)),
        and is the data's: one that stood elsewhere in the message that came did not count for anything.
        """
        lengths = self._dictionary.data_lengths
        beside = {lengths[tag] for tag in tags if tag in lengths and fields.get(tag)}
        for tag in tags:
            value = fields.bytes_of(tag)
            if not value or tag in beside:
                continue
            length = lengths.get(tag)
            if length is not None and length in tags and fields.get(length) is not None:
                yield length, b"%d" % len(value)
            yield tag, value
            for entry in fields.groups(tag):
                yield from self._written(entry, entry.members)

    def _unsupported(self, message: Message) -> Answer:
        fields: list[tuple[int, str | int | bytes]] = [
            (Tag.RefSeqNum, message.seq_num),
            (Tag.Text, "Unsupported Message Type"),
        ]
        if message.msg_type:  # With validation off it may be empty.
            fields.append((Tag.RefMsgType, message.msg_type))
        fields.append((Tag.BusinessRejectReason, UNSUPPORTED))
        if self._appl_ver_id is not None:
            # No field of this message by the standard; the suites' engine sends it on FIXT.1.1, so they look for it.
            fields.append((Tag.DefaultApplVerID, self._appl_ver_id))
        return Answer(MsgType.BusinessMessageReject, encode_body(fields))
