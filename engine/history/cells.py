"""Cells as blotters spell them: numbers with parted thousands, prices in 32nds, spans of time."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_32NDS: Final = re.compile(r"(\d{1,4})-(\d{2})([0-7+]?)")
_SPAN: Final = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6}(?:\.\d{1,9})?)")
_EIGHTHS: Final = {"": 0, "+": 4} | {str(each): each for each in range(8)}
_PARTED: Final = re.compile(r"[+-]?\d{1,3}(?:_\d{3})+(?:\.\d*)?")


class NotACell(ValueError):
    """What was expected, what was found."""


def plain_number(text: str, thousands: str, decimal: str, scale: Decimal | None = None) -> str:
    """`1,500,000.5` as `1500000.5`, times `scale`. What is no number stays as it is: whoever reads it says so.

    Raises NotACell where thousands are not parted by threes: 1,5 is 1.5 to some and 15 to nobody.
    """
    number = text
    if thousands and thousands in number:
        number = (
            number.replace(thousands, "_").replace(decimal, ".") if decimal != "." else number.replace(thousands, "_")
        )
        if _PARTED.fullmatch(number) is None:
            raise NotACell(
                f"expected thousands parted by {thousands!r}, such as 1{thousands}500{thousands}000, found '{text}'"
            )
        number = number.replace("_", "")
    elif decimal != ".":
        if "." in number:
            raise NotACell(f"expected {decimal!r} before the fraction, found '{text}'")
        number = number.replace(decimal, ".")
    if scale is None:
        return number
    try:
        return f"{(Decimal(number) * scale).normalize():f}"
    except ArithmeticError:
        return text


def decimal_of_32nds(text: str) -> str:
    """`99-16+` as `99.515625`; a plain number stays. Raises NotACell."""
    if "-" not in text.lstrip("-"):
        return text
    parts = _32NDS.fullmatch(text)
    if parts is None or int(parts[2]) > 31:
        raise NotACell(f"expected a price in 32nds, such as 99-16, 99-16+ or 99-162, found '{text}'")
    eighths = int(parts[2]) * 8 + _EIGHTHS[parts[3]]
    return f"{(int(parts[1]) + Decimal(eighths) / 256).normalize():f}"


def seconds_of(text: str) -> Decimal:
    """`12.5`, `1:12` or `0:01:12`. Raises NotACell."""
    parts = _SPAN.fullmatch(text)
    if parts is None:
        raise NotACell(f"expected seconds such as 12.5, or 01:12, found '{text}'")
    hours, minutes, seconds = (Decimal(each or 0) for each in parts.groups())
    return (hours * 60 + minutes) * 60 + seconds
