"""What everybody reads and writes: an ExecutionReport of 45 fields, and the orders of the session measurements.

Spelt here by hand, not by anybody's encoder.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

Value = str | int | Decimal
Field = tuple[int, Value]

SOH: Final = "\x01"
VARIANTS: Final = 64
"""So many different messages take turns: no reader may live on having seen the very same one."""

HEADER_TAGS: Final = frozenset({8, 9, 34, 35, 49, 52, 56})
PARTIES: Final = 453
PARTY_TAGS: Final = frozenset({448, 447, 452})


def report_fields(number: int) -> list[Field]:
    """A dealer's fill: 45 fields on the wire with 8, 9 and 10; two Parties. Header fields first."""
    quantity = 1_000_000 + 1_000 * number
    price = Decimal(99) + Decimal(number) / 1_000
    return [
        (35, "8"),
        (34, 1_000 + number),
        (49, "ALDER"),
        (52, f"20260102-10:11:12.{number:03d}"),
        (56, "BUYSIDE"),
        (37, f"O-{number:05d}"),
        (11, f"CL-{99_000 + number}-AB"),
        (453, 2),
        (448, "ALDERUS33"),
        (447, "D"),
        (452, 1),
        (448, f"TRADER{number:02d}"),
        (447, "D"),
        (452, 36),
        (17, f"EX{number:06d}"),
        (150, "F"),
        (39, "2"),
        (1, "FUND-A"),
        (63, "0"),
        (64, "20260105"),
        (55, "[N/A]"),
        (48, "US0378331005"),
        (22, "4"),
        (460, 3),
        (167, "CORP"),
        (54, "1"),
        (38, quantity),
        (40, "D"),
        (44, price),
        (59, "4"),
        (423, 1),
        (15, "USD"),
        (32, quantity),
        (31, price),
        (151, 0),
        (14, quantity),
        (6, price),
        (75, "20260102"),
        (60, f"20260102-10:11:12.{number:03d}"),
        (381, Decimal(quantity) * price / 100),
        (159, Decimal("1234.5")),
        (118, Decimal(quantity) * price / 100 + Decimal("1234.5")),
    ]


def order_fields(number: int, isin: str = "US0378331005", quantity: int = 1_000_000) -> list[Field]:
    """The body of a limit order in one bond: NewOrderSingle(D)."""
    return [
        (11, f"ord{number:08d}"),
        (1, "FUND-A"),
        (21, "1"),
        (55, "[N/A]"),
        (48, isin),
        (22, "4"),
        (54, "1"),
        (60, stamp()),
        (38, quantity),
        (40, "2"),
        (423, 1),
        (44, "99.875"),
        (15, "USD"),
        (59, "0"),
    ]


def wire(begin_string: str, fields: Iterable[Field]) -> bytes:
    """A whole message around fields that begin at MsgType(35)."""
    content = "".join(f"{tag}={value}{SOH}" for tag, value in fields).encode()
    data = b"8=%b\x019=%d\x01%b" % (begin_string.encode(), len(content), content)
    return data + b"10=%03d\x01" % (sum(data) & 0xFF)


def report_wire(number: int) -> bytes:
    return wire("FIX.4.4", report_fields(number))


def reports() -> list[bytes]:
    return [report_wire(number) for number in range(VARIANTS)]


def stamp() -> str:
    """UTCTimestamp of now."""
    now_ms = time.time_ns() // 1_000_000
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(now_ms // 1_000)) + f".{now_ms % 1_000:03d}"


def field_of(frame: bytes, tag: int) -> str:
    """A field's first value; empty if there is none."""
    _, found, rest = frame.partition(b"\x01%d=" % tag)
    return rest.partition(b"\x01")[0].decode() if found else ""


def frames_in(data: bytes) -> tuple[list[bytes], bytes]:
    """Whole messages of an honest sender, and what is left over."""
    *whole, rest = _END.split(data)
    return [whole[at] + whole[at + 1] for at in range(0, len(whole), 2)], rest


_END: Final = re.compile(rb"(\x0110=[0-9]{3}\x01)")
