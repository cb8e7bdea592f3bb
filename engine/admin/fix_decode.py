"""`rfqctl fix decode`: reads a file or a pipe in pieces, prints what is in it, and says how far it got.

Memory stays bounded whatever the size of the capture: a piece and one message.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, TextIO

import orjson

from engine.admin import fix_messages
from engine.admin.tables import Paper
from engine.config.text_file import NotText, read_text
from engine.errors import ConfigError
from engine.fix.capture.decoding import Decoded, Decoder
from engine.fix.standard.dictionaries import load_quickfix_xml
from engine.fix.standard.dictionary import Dictionary
from engine.fix.standard.shelf import Shelf, shelf_of
from engine.fix.wire.validation import Mode

PIECE_BYTES: Final = 65_536
PROGRESS_FROM_BYTES: Final = 4_000_000
"""A smaller file is read before anybody wonders."""
PROGRESS_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show, and how."""

    only_wrong: bool = False
    as_json: bool = False
    with_raw: bool = False
    reads_twice: bool = True


def load_shelf(dictionaries: Iterable[Path], transport: Path | None, begin_string: str | None) -> Shelf:
    """The built-in dictionaries, and before them the files named. ConfigError names the file that is wrong."""
    return shelf_of(
        [_dictionary(path) for path in dictionaries],
        _dictionary(transport) if transport is not None else None,
        begin_string,
    )


def _dictionary(path: Path) -> Dictionary:
    try:
        text = read_text(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except NotText as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        return load_quickfix_xml(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def decode(
    source: BinaryIO, size: int | None, shelf: Shelf, mode: Mode, wanted: Wanted, paper: Paper, out: TextIO
) -> Decoder:
    """Prints every message of `source` that is wanted, then the summary; returns what was counted.

    `size` is in bytes, None where it cannot be known.
    """
    decoder = Decoder(shelf, mode, reads_twice=wanted.reads_twice)
    progress = Progress(size, sys.stderr, quiet=out.isatty() and not wanted.only_wrong)
    try:
        for read in _read(source, decoder, progress, out):
            if read.wrong or not wanted.only_wrong:
                progress.clear()
                _print(read, wanted, paper, out)
    finally:
        progress.clear()
    if wanted.as_json:
        print(orjson.dumps(fix_messages.plain_summary(decoder)).decode(), file=out)
    else:
        print("\n".join(fix_messages.summary(paper, decoder)), file=out)
    return decoder


def _read(source: BinaryIO, decoder: Decoder, progress: Progress, out: TextIO) -> Iterator[Decoded]:
    # A pipe gives what it has, so that `tail -f` can be followed; a file gives whole pieces.
    take = getattr(source, "read1", source.read)
    while piece := take(PIECE_BYTES):
        yield from decoder.feed(piece)
        if progress.size is None:
            out.flush()  # whoever follows a growing log sees a message when it comes
        progress.advance(len(piece), decoder.tally.messages)
    yield from decoder.finish()


def _print(read: Decoded, wanted: Wanted, paper: Paper, out: TextIO) -> None:
    if wanted.as_json:
        print(orjson.dumps(fix_messages.plain(read, with_raw=wanted.with_raw)).decode(), file=out)
    else:
        print("\n".join(fix_messages.block(paper, read, with_raw=wanted.with_raw)), end="\n\n", file=out)


@dataclass(slots=True)
class Progress:
    """One line at a terminal while a big capture is read: how far, how fast, how long yet."""

    size: int | None
    screen: TextIO
    quiet: bool = False
    _done: int = 0
    _since: float = field(default_factory=time.monotonic)
    _shown_at: float = 0.0
    _is_drawn: bool = False

    def __post_init__(self) -> None:
        small = self.size is not None and self.size < PROGRESS_FROM_BYTES
        self.quiet = self.quiet or small or not self.screen.isatty()
        self._shown_at = self._since

    def advance(self, count: int, messages: int) -> None:
        """`count` more bytes were read."""
        self._done += count
        now = time.monotonic()
        if self.quiet or now - self._shown_at < PROGRESS_PAUSE_S:
            return
        self._shown_at = now
        self.screen.write(f"\r\x1b[K{progress_line(self._done, self.size, now - self._since, messages)}")
        self.screen.flush()
        self._is_drawn = True

    def clear(self) -> None:
        """Makes room for what is printed to the same terminal."""
        if self._is_drawn:
            self.screen.write("\r\x1b[K")
            self.screen.flush()
            self._is_drawn = False


def progress_line(done: int, size: int | None, elapsed_s: float, messages: int) -> str:
    """`decoded 12.3 of 45.6 MB (27%), 40,000 messages, 3.1 MB/s, 0:11 left`."""
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    far = (
        f"{done / 1e6:,.1f} MB"
        if size is None
        else f"{done / 1e6:,.1f} of {size / 1e6:,.1f} MB ({done * 100 // size}%)"
    )
    line = f"decoded {far}, {messages:,} messages, {rate / 1e6:.1f} MB/s"
    if size is not None and rate:
        minutes, seconds = divmod(round(max(0, size - done) / rate), 60)
        line += f", {minutes}:{seconds:02d} left"
    return line
