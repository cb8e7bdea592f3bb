"""Captures that are wrapped: gzip, UTF-16, UTF-32; whatever the pieces. And what cannot be read is said."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma

import pytest
from wire_support import FILL, wire

from engine.errors import CommandError
from engine.fix.capture.decoding import Decoder
from engine.fix.capture.recoding import Recoder
from engine.fix.standard.shelf import shelf_of

LOG = b"2026-01-05 14:30:00 in " + wire(FILL).replace(b"\x01", b"|") + b"\n\n> " + wire(FILL) + b"\n"


def unwrapped(data: bytes, size: int) -> bytes:
    recoder = Recoder()
    pieces = [piece for at in range(0, len(data), size) for piece in recoder.feed(data[at : at + size])]
    return b"".join([*pieces, *recoder.finish()])


def decoder_of(data: bytes) -> Decoder:
    decoder = Decoder(shelf_of([], None, None), reads_twice=False)
    assert all(not read.wrong for read in [*decoder.feed(data), *decoder.finish()])
    return decoder


WRAPPED = [
    pytest.param(LOG, id="as it is"),
    pytest.param(codecs.BOM_UTF8 + LOG, id="UTF-8 with a mark"),
    pytest.param(LOG.decode().encode("utf-16-le"), id="UTF-16 LE without a mark"),
    pytest.param(LOG.decode().encode("utf-16-be"), id="UTF-16 BE without a mark"),
    pytest.param(codecs.BOM_UTF16_LE + LOG.decode().encode("utf-16-le"), id="UTF-16 LE"),
    pytest.param(codecs.BOM_UTF16_BE + LOG.decode().encode("utf-16-be"), id="UTF-16 BE"),
    pytest.param(codecs.BOM_UTF32_LE + LOG.decode().encode("utf-32-le"), id="UTF-32 LE"),
    pytest.param(gzip.compress(LOG), id="gzip"),
    pytest.param(gzip.compress(LOG[:100]) + gzip.compress(LOG[100:]) + b"\0" * 20, id="gzip in parts, padded"),
    pytest.param(gzip.compress(codecs.BOM_UTF16_LE + LOG.decode().encode("utf-16-le")), id="UTF-16 in gzip"),
]


@pytest.mark.parametrize("data", WRAPPED)
def test_both_messages_are_found(data: bytes) -> None:
    decoder = decoder_of(data)
    assert (decoder.tally.messages, decoder.unread()) == (2, "")


@pytest.mark.parametrize("data", WRAPPED)
def test_the_pieces_make_no_difference(data: bytes) -> None:
    whole = unwrapped(data, len(data))
    assert whole.decode("utf-8-sig").lstrip("\ufeff").encode() == LOG
    assert all(unwrapped(data, size) == whole for size in (1, 2, 3, 7))


@pytest.mark.parametrize("data", [b"", b"\x1f", b"8", b"8\0", b"\x1f\x8b", b"\xff\xfe"])
def test_very_short_ones(data: bytes) -> None:
    assert unwrapped(data, 1) == (b"" if not data else unwrapped(data, 9))


def test_gzip_that_is_cut_off_or_broken_is_said_behind_what_it_held() -> None:
    packed = gzip.compress(LOG * 50)
    for data in (packed[:-9], packed[:40] + b"\xff" * 40 + packed[80:]):
        with pytest.raises(CommandError, match="gzip: "):
            list(map(len, [*(recoder := Recoder()).feed(data), *recoder.finish()]))


def test_a_small_gzip_of_much_is_unpacked_piece_by_piece() -> None:
    assert max(map(len, Recoder().feed(gzip.compress(b"x" * 30_000_000)))) <= 65_536 + 6


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "", id="nothing"),
        pytest.param(LOG, "", id="all is read"),
        pytest.param(b"starting with 8=FIX.4.4 sessions\n35=\n" + LOG, "", id="talk of FIX"),
        pytest.param(b"no FIX here\n", "no FIX message in 12 bytes", id="something else"),
        pytest.param(wire(FILL).replace(b"\x01", b"SEP"), "1 line looks like FIX", id="letters for SOH"),
        pytest.param(LOG + 3 * (wire(FILL).replace(b"\x01", b"SEP") + b"\n"), "3 lines look like FIX", id="some"),
        pytest.param(LOG + wire(FILL).replace(b"\x01", b"SEP"), "first line 4", id="which line"),
        pytest.param(bz2.compress(LOG), "this is bzip2", id="bzip2"),
        pytest.param(lzma.compress(LOG), "this is xz", id="xz"),
    ],
)
def test_what_could_not_be_read_is_said(data: bytes, said: str) -> None:
    decoder = Decoder(shelf_of([], None, None), reads_twice=False)
    for at in range(0, len(data), 11):
        list(decoder.feed(data[at : at + 11]))
    list(decoder.finish())
    assert said in decoder.unread()
    assert bool(said) == bool(decoder.unread())
