"""A file that people wrote, as text: UTF-8, with or without its mark at the beginning.

What is no UTF-8 is named with the byte, the line and the command that converts it. Spreadsheets save as Windows-1252
or UTF-16 unless told otherwise: so these two are recognized.
"""

from __future__ import annotations

import codecs
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.errors import ConfigError

_LOOKED_AT_BYTES: Final = 4096
"""So much of a file tells UTF-16 without a mark by its zero bytes."""
_WORD_MAX: Final = 30


class NotText(ConfigError):
    """The bytes are no UTF-8 text; the text says which, where, and how to convert them.

    `without_words` says it without anything of the file, which may be a secret.
    """

    def __init__(self, text: str, without_words: str) -> None:
        super().__init__(text)
        self.without_words = without_words


def read_text(path: Path) -> str:
    """The text of a file, each line ended by a line feed. Raises OSError, and NotText for what is no UTF-8."""
    return text_of(path.read_bytes(), path).replace("\r\n", "\n").replace("\r", "\n")


def open_table(path: Path) -> io.StringIO:
    """The same with its line ends as they are, as `csv` wants them.

    The whole file is read before its first row is: a file with a wrong byte far down is refused with none of it taken.
    """
    return io.StringIO(text_of(path.read_bytes(), path), newline="")


def text_lines(path: Path) -> Iterator[str]:
    """The same line by line, of a file that may be large. Raises NotText where a wrong byte is come to."""
    with path.open("rb") as file:
        begin = file.read(_LOOKED_AT_BYTES)
    if _wide(begin) is not None:
        text_of(begin, path)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        try:
            for line in lines:
                if "\0" in line:
                    break
                yield line
            else:
                return
        except UnicodeDecodeError:
            pass
    text_of(path.read_bytes(), path)  # It says which byte, and where.


def text_of(data: bytes, path: Path) -> str:
    """These bytes of a file as text, without a byte order mark. Raises NotText."""
    if (found := _wide(data)) is not None:
        encoding, why = found
        said = f"expected UTF-8, found {encoding} ({why})"
        raise _not_text(said, said, encoding, path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # What is decoded after a mark is counted without it.
        at = error.start + (len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0)
        raise _wrong_byte(data, at, path) from None
    if (zero := data.find(0)) >= 0:
        raise _wrong_byte(data, zero, path)
    return text


def _wide(data: bytes) -> tuple[str, str] | None:
    """The name of an encoding of two or four bytes a character that this looks like, and by what."""
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "UTF-32"),
        (codecs.BOM_UTF32_BE, "UTF-32"),
        (codecs.BOM_UTF16_LE, "UTF-16"),
        (codecs.BOM_UTF16_BE, "UTF-16"),
    ):
        if data.startswith(mark):
            return encoding, f"it begins with the bytes {mark.hex(' ')}"
    begin = data[:_LOOKED_AT_BYTES]
    pairs = len(begin) // 2
    first, second = begin[0::2].count(0), begin[1::2].count(0)
    if pairs and second > pairs / 2 and first < pairs / 10:
        return "UTF-16LE", "every other byte is 0x00"
    if pairs and first > pairs / 2 and second < pairs / 10:
        return "UTF-16BE", "every other byte is 0x00"
    return None


def _wrong_byte(data: bytes, at: int, path: Path) -> NotText:
    line = data.count(b"\n", 0, at) + 1
    found = f"expected UTF-8, found byte {data[at]:#04x} at offset {at}, line {line}"
    if data[at] == 0:
        return NotText(f"{found}: no text has it", f"byte 0x00 at offset {at}: no text has it")
    word = _word(data, at)
    seen = f", in '{word}' if it is Windows-1252" if word else ""
    return _not_text(f"{found}{seen}", f"expected UTF-8, found something else at offset {at}", "CP1252", path)


def _word(data: bytes, at: int) -> str:
    """The word around a byte as Windows-1252 has it; empty where that has no such byte."""
    start = max(0, at - _WORD_MAX)
    try:
        before, after = data[start:at].decode("cp1252"), data[at : at + _WORD_MAX].decode("cp1252")
    except UnicodeDecodeError:
        return ""
    head, tail = re.split(r"[\s,;\"']", before)[-1], re.split(r"[\s,;\"']", after)[0]
    return f"{head}{tail}" if f"{head}{tail}".isprintable() else ""


def _not_text(found: str, without_words: str, encoding: str, path: Path) -> NotText:
    name = shlex.quote(str(path))
    convert = f"save it as UTF-8, or: iconv -f {encoding} -t UTF-8 {name} > {shlex.quote(f'{path}.utf8')}"
    return NotText(f"{found}: {convert}", f"{without_words}: {convert}")
