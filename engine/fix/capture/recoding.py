"""What a capture was wrapped in, taken off: gzip, UTF-16 and UTF-32. Bytes in, bytes as a log in UTF-8 has them out.

The first bytes tell, by a byte order mark or by the NULs between ASCII signs. Offsets and lines of messages are then
those of the unwrapped text. Other compressions are named, so that a person can take them off.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from typing import Final

from engine.errors import CommandError

_HEAD_BYTES: Final = 6
_PIECE_BYTES: Final = 65_536
"""Of unpacked data at a time: a small file may hold gigabytes."""
_GZIP: Final = b"\x1f\x8b\x08"
_OTHER: Final = (
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Longer ones first: UTF-32's begins as UTF-16's does."""


class Recoder:
    """Unwraps one capture. `packed` names a compression that is not known here, `size` counts bytes that came out."""

    def __init__(self) -> None:
        self.packed = ""
        self.size = 0
        self._unzip = _Unzip()
        self._head = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._knows = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` holds. Raises CommandError for gzip that is broken."""
        for piece in self._unzip.feed(data):
            yield self._recoded(piece)

    def finish(self) -> Iterator[bytes]:
        """What only the end tells. Raises CommandError for gzip that ends too soon."""
        for piece in self._unzip.finish():
            yield self._recoded(piece)
        yield self._recoded(b"", is_end=True)

    def _recoded(self, data: bytes, *, is_end: bool = False) -> bytes:
        self.size += len(data)
        if not self._knows:
            self._head += data
            if len(self._head) < _HEAD_BYTES and not is_end:
                return b""
            data, self._head, self._knows = self._head, b"", True
            self.packed = next((name for mark, name in _OTHER if data.startswith(mark)), "")
            encoding = _encoding(data)
            if encoding:
                self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        if self._decoder is None:
            return data
        return self._decoder.decode(data, is_end).encode("utf-8", "replace")


class _Unzip:
    """Takes gzip off, of several parts too; passes on what is none."""

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._part: zlib._Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._head is not None:
            self._head += data
            if len(self._head) < len(_GZIP) and _GZIP.startswith(self._head):
                return
            data, self._head = self._head, None
            if data.startswith(_GZIP):
                self._part = zlib.decompressobj(31)
        if self._part is None:
            yield data
            return
        try:
            while data:
                if self._part.eof:  # Another part follows, or the zeros of a tape's block.
                    data = data.lstrip(b"\0")
                    if not data:
                        return
                    self._part = zlib.decompressobj(31)
                yield self._part.decompress(data, _PIECE_BYTES)
                data = self._part.unconsumed_tail or self._part.unused_data
        except zlib.error as error:
            raise CommandError(f"gzip: broken, what stands before it was read: {error}", code="unread") from error

    def finish(self) -> Iterator[bytes]:
        if self._head:
            yield self._head
        if self._part is not None and not self._part.eof:
            yield self._part.flush()
            if not self._part.eof:
                raise CommandError("gzip: it ends too soon, what stands before was read", code="unread")


def _encoding(head: bytes) -> str:
    """Of UTF-16 and UTF-32; empty where every byte is as it was on the wire."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if len(head) < 4:
        return ""
    even, odd = head[:4:2], head[1:4:2]
    if odd == b"\0\0" and even.isascii() and b"\0" not in even:
        return "utf-16-le"
    return "utf-16-be" if even == b"\0\0" and odd.isascii() and b"\0" not in odd else ""
