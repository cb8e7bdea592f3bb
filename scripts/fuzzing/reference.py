"""A second reading of a whole stream, by the words of the standard and with no thought of speed.

Only the frames are compared with `engine.fix.wire.framing`, not what is said about the rest.
"""

from __future__ import annotations

import re
from typing import Final

_HEAD: Final = re.compile(rb"8=FIX[^\x01]{0,10}\x019=(?:([0-9]{1,9})\x01|[0-9]{10})")
_TRAILER: Final = re.compile(rb"(?<=\x01)10=")


def frames(stream: bytes, message_bytes_max: int) -> list[bytes]:
    """Every frame of the stream: from `8=FIX` to the first CheckSum(10) at or after the declared length."""
    found: list[bytes] = []
    at = 0
    while (start := stream.find(b"8=FIX", at)) >= 0:
        at = start + 5
        head = _HEAD.match(stream, start)
        if head is None:
            continue  # no beginning of a message
        if head[1] is None or int(head[1]) > message_bytes_max:
            break  # it cannot end in time, and where it ends nobody knows: nothing is read any more
        body_end = head.end() + int(head[1])
        if len(stream) < body_end + 7 <= start + message_bytes_max:
            break  # nothing is judged before what was declared is there
        trailer = _TRAILER.search(stream, body_end)
        if trailer is None or trailer.start() + 7 > start + message_bytes_max:
            break  # not all of it is there yet, or it is too long: nothing is read any more
        end = trailer.start() + 7
        shown = stream[trailer.end() : end]
        if len(shown) < 4 and re.fullmatch(rb"[0-9]{0,3}", shown):
            break  # not all of its trailer is there yet
        if re.fullmatch(rb"[0-9]{3}\x01", shown) is None:
            continue
        found.append(stream[start:end])
        at = end
    return found
