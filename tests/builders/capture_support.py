"""Captures for tests: messages as logs print them, found again and read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.fix.capture.decoding import Decoded, Decoder
from engine.fix.capture.finding import Capture, Captured
from engine.fix.standard.shelf import Shelf

SPELLINGS = {
    "SOH": b"\x01",
    "pipe": b"|",
    "caret A": b"^A",
    "semicolon": b";",
    "angle SOH": b"<SOH>",
    "square SOH": b"[SOH]",
    "backslash x01": b"\\x01",
    "backslash u0001": b"\\u0001",
    "octal": b"\\001",
    "entity": b"&#1;",
    "symbol for SOH": "␁".encode(),
    "broken bar": "¦".encode(),
    "replacement character": "\ufffd".encode(),
    "pilcrow": "¶".encode(),
    "bullet": "•".encode(),
    "bullet between blanks": " • ".encode(),
    "section of latin-1": b"\xa7",
    "smiley of code page 437": "☺".encode(),
    "square 0x01": b"[0x01]",
    "angle 0x01": b"<0x01>",
    "angle U+0001": b"<U+0001>",
    "angle 01": b"<01>",
    "backslash x1": b"\\x1",
    "backslash 1": b"\\1",
    "backslash u{1}": b"\\u{1}",
    "named entity": b"&SOH;",
    "NUL": b"\0",
    "STX": b"\x02",
    "unit separator": b"\x1f",
    "record separator": b"\x1e",
    "caret": b"^",
    "pipe between blanks": b" | ",
    "blank": b" ",
    "tab": b"\t",
    "line feed": b"\n",
    "line ends of DOS": b"\r\n",
    "tilde": b"~",
    "hash": b"#",
    "two pipes": b"||",
}


def find(data: bytes, *sizes: int) -> list[Captured]:
    """The messages of a capture, read in pieces of these sizes in turn, or whole."""
    capture = Capture()
    found: list[Captured] = []
    for piece in pieces(data, sizes or (len(data) or 1,)):
        found += capture.feed(piece)
    return found + capture.finish()


def pieces(data: bytes, sizes: Sequence[int]) -> Iterable[bytes]:
    at, turn = 0, 0
    while at < len(data):
        yield data[at : at + sizes[turn % len(sizes)]]
        at += sizes[turn % len(sizes)]
        turn += 1


def read(data: bytes, decoder: Decoder | None = None) -> list[Decoded]:
    """A capture decoded with the built-in dictionaries."""
    decoder = decoder or Decoder(Shelf())
    return [*decoder.feed(data), *decoder.finish()]


def fields_of(decoded: Decoded) -> list[tuple[int, str]]:
    return [(field.tag, field.value) for field in decoded.parts.fields]
