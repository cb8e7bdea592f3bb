"""Messages found in captures, whatever stands between them and in whatever pieces they come."""

from __future__ import annotations

import pytest
from capture_support import SPELLINGS, find
from hypothesis import given
from hypothesis import strategies as st
from wire_support import FILL, HEADER, wire

from engine.fix.capture.finding import CAPTURE_BYTES_MAX, Capture
from engine.fix.capture.rendered import holds
from engine.fix.wire.framing import Framer

BEAT = wire(f"35=0|{HEADER}")
LOGON = wire(f"35=A|{HEADER}98=0|108=30|")


def printed(message: bytes, delimiter: bytes) -> bytes:
    return message.replace(b"\x01", delimiter)


class TestWhatIsFound:
    @pytest.mark.parametrize("delimiter", SPELLINGS.values(), ids=SPELLINGS)
    def test_any_spelling_of_soh(self, delimiter: bytes) -> None:
        beat, logon = printed(BEAT, delimiter), printed(LOGON, delimiter)
        found = find(b"10:00:00 < " + beat + b"\r\n10:00:01 > " + logon + b"\r\n")
        assert [each.text.rstrip() for each in found] == [beat.rstrip(), logon.rstrip()]
        assert [each.delimiter for each in found] == [delimiter, delimiter]
        assert all(each.is_whole for each in found)
        assert [each.prefix for each in found] == [b"10:00:00 < ", b"10:00:01 > "]

    @pytest.mark.parametrize("delimiter", SPELLINGS.values(), ids=SPELLINGS)
    def test_messages_with_nothing_between_them(self, delimiter: bytes) -> None:
        beat, logon = printed(BEAT, delimiter), printed(LOGON, delimiter)
        found = find(beat + logon + beat)
        assert [each.text.rstrip(b" ") for each in found] == [text.rstrip(b" ") for text in (beat, logon, beat)]

    def test_every_message_has_its_own_spelling(self) -> None:
        data = printed(BEAT, b"|") + b"\n" + BEAT + b"\n" + printed(BEAT, b"^A")
        assert [each.delimiter for each in find(data)] == [b"|", b"\x01", b"^A"]

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param(b"msg=", b" (sent)\n", id="behind a key"),
            pytest.param(b'{"raw": "', b'"}\n', id="within JSON"),
            pytest.param(b"(", b")\n", id="in brackets"),
            pytest.param(b"2026/01/02 10:00:00.123456 ", b"\r\n", id="behind a time"),
            pytest.param(b"<20260102-10:00:00, FIX.4.4:A->B, incoming>\n  (", b")\n", id="on the line after"),
        ],
    )
    def test_what_stands_around_it(self, before: bytes, after: bytes) -> None:
        text = printed(BEAT, b"|")
        found = find((before + text + after) * 2)
        assert [each.text for each in found] == [text, text]

    def test_a_bracket_on_the_line_after_its_time(self) -> None:
        before = b"<20260102-10:00:00, FIX.4.4:A->B, incoming>\n  ("
        data = (before + printed(BEAT, b"|") + b")\n") * 2
        assert [each.prefix for each in find(data)] == [before, before]
        assert find(data, 7) == find(data)
        assert find(b"10:00 one\n> " + BEAT)[0].prefix == b"> "

    def test_a_last_delimiter_that_was_stripped(self) -> None:
        found = find(printed(BEAT, b"|").removesuffix(b"|") + b"\n" + printed(BEAT, b" | ").rstrip() + b"\n")
        assert [each.text[-6:] for each in found] == [BEAT[-7:-1], b"%b |" % BEAT[-5:-1]]
        assert all(each.is_whole for each in found)

    def test_where_it_stood(self) -> None:
        data = b"starting\n" + printed(BEAT, b"|") + b"\nsaid: " + printed(LOGON, b"|") + b" and " + printed(BEAT, b"|")
        found = find(data)
        assert [each.line for each in found] == [2, 3, 3]
        assert [data[each.offset :][:9] for each in found] == [b"8=FIX.4.4"] * 3
        assert [each.prefix for each in found] == [b"", b"said: ", b" and "]
        assert [each.skipped for each in found] == [9, 1, 0]

    def test_a_message_without_its_begin_string(self) -> None:
        beat = printed(BEAT, b"|")
        found = find(beat[5:] + b"\n" + beat)
        assert [each.text for each in found] == [beat[10:], beat]

    def test_no_message_at_all(self) -> None:
        capture = Capture()
        assert capture.feed(b"8=FIX is how a message begins, 35=A is none\n") + capture.finish() == []
        assert (capture.outside, capture.noise) == (44, 0)


class TestWhereItEnds:
    def test_by_its_length_though_a_value_looks_like_the_end(self) -> None:
        message = wire(f"35=0|{HEADER}58=was/10=123/so|").replace(b"/", b"|")
        (found,) = find(printed(message, b"|"))
        assert found.text == printed(message, b"|")

    def test_by_its_length_though_a_data_field_holds_a_message(self) -> None:
        inner = BEAT.decode("latin-1").replace("\x01", "|")
        message = wire(f"35=B|{HEADER}148=x|95={len(BEAT)}|96={inner}|")
        for delimiter in (b"\x01", b"^A"):
            (found,) = find(printed(message, delimiter))
            assert found.text == printed(message, delimiter)

    @pytest.mark.parametrize("off_by", [-30, -1, 1, 30, 100, 5_000, 900_000])
    @pytest.mark.parametrize("delimiter", [b"\x01", b"|", b"^A"])
    def test_a_wrong_length_costs_only_its_own_message(self, off_by: int, delimiter: bytes) -> None:
        wrong = printed(wire(f"35=0|{HEADER}", length_off_by=off_by), delimiter)
        right = printed(BEAT, delimiter)
        assert [each.text for each in find(b"> " + wrong + b"\n> " + right + b"\n" + right)] == [wrong, right, right]

    def test_a_length_that_is_none(self) -> None:
        beat = printed(BEAT, b"|")
        for text in (
            beat.replace(b"9=51", b"9=abc"),
            beat.replace(b"9=51", b"9=9999999999"),
            beat.replace(b"|9=51", b""),
        ):
            assert [each.text for each in find(text + beat)] == [text, beat]

    @pytest.mark.parametrize("value", [b"1", b"12", b"1234", b"xyz", b""])
    def test_a_checksum_that_is_none(self, value: bytes) -> None:
        text = printed(BEAT, b"|")[:-4] + value + b"|"
        found = find(text + b"\n" + text + b"\n")
        assert [each.text for each in found] == [text, text]
        assert all(each.is_whole for each in found)

    def test_cut_off_by_the_end_of_its_line(self) -> None:
        cut = printed(LOGON, b"|")[:60]
        found = find(b"> " + cut + b"\r\n10:00 something else\n< " + printed(BEAT, b"|") + b"\n")
        assert [(each.text, each.is_whole) for each in found] == [(cut, False), (printed(BEAT, b"|"), True)]

    @pytest.mark.parametrize("kept", range(13, len(LOGON) - 7))
    def test_cut_off_by_the_next_message(self, kept: int) -> None:
        """Wherever that begins, within a number as well."""
        found = find(LOGON[:kept] + BEAT)
        if LOGON[:kept].endswith(b"="):  # as a value, which may hold a message; only the wrong length can tell
            assert [each.text for each in found] == [LOGON[:kept] + BEAT]
        else:
            assert [(each.text, each.is_whole) for each in found] == [(LOGON[:kept], False), (BEAT, True)]

    @pytest.mark.parametrize("missing", range(1, 8))
    def test_cut_off_within_its_checksum(self, missing: int) -> None:
        assert [each.text for each in find(LOGON[:-missing] + BEAT)] == [LOGON[:-missing], BEAT]

    def test_behind_noise_that_looks_like_a_tag(self) -> None:
        assert [each.text for each in find(b"\x0158=" + BEAT + b"5=" + BEAT)] == [BEAT, BEAT]

    def test_cut_off_by_the_end_of_the_capture(self) -> None:
        assert [(each.text, each.is_whole) for each in find(BEAT + LOGON[:60])] == [(BEAT, True), (LOGON[:60], False)]

    def test_one_that_never_ends_is_given_up_and_memory_stays_small(self) -> None:
        capture = Capture()
        found = capture.feed(LOGON[:-7])
        for _ in range(3 * CAPTURE_BYTES_MAX // 65_536):
            found += capture.feed(b"1=x\x01" * 16_384)
            assert len(capture._buffer) <= CAPTURE_BYTES_MAX + 65_536
        found += capture.feed(BEAT) + capture.finish()
        assert [each.is_whole for each in found] == [False, True]
        assert len(found[0].text) == CAPTURE_BYTES_MAX

    def test_text_without_a_message_is_not_kept(self) -> None:
        capture = Capture()
        for _ in range(100):
            assert capture.feed(b"no line end, no message, " * 1_000) == []
            assert len(capture._buffer) < 1_000
        assert capture.feed(BEAT)[0].skipped > 2_400_000

    def test_it_is_found_as_soon_as_it_is_there(self) -> None:
        """What `tail -f` writes into a pipe is shown when it comes, not with the message after it."""
        capture = Capture()
        assert len(capture.feed(b"> " + printed(BEAT, b"|"))) == 1
        assert len(capture.feed(b"\n> " + printed(BEAT, b"|").removesuffix(b"|") + b"\n")) == 1


class TestNoise:
    def test_bytes_in_no_message_are_counted(self) -> None:
        noise = b"\x00\x02\x7f\x05\xfe binary"
        capture = Capture()
        found = capture.feed(BEAT + noise + BEAT + b"\x03") + capture.finish()
        assert [(each.skipped, each.noise) for each in found] == [(0, 0), (0, 4)]
        assert found[1].prefix == noise
        assert (capture.outside, capture.noise) == (len(noise) + 1, 5)

    @given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([BEAT, LOGON, BEAT[:40], printed(BEAT, b"|")]))))
    def test_every_byte_is_in_a_message_or_outside(self, parts: list[bytes]) -> None:
        data = b"".join(parts)
        capture = Capture()
        found = capture.feed(data) + capture.finish()
        assert sum(len(each.text) for each in found) + capture.outside == len(data)
        for each in found:
            assert data.startswith(each.prefix + each.text, each.offset - len(each.prefix))


class TestPieces:
    PARTS = st.sampled_from(
        [
            BEAT,
            LOGON,
            LOGON[:50],
            BEAT[6:],
            printed(BEAT, b"|"),
            printed(LOGON, b"^A"),
            printed(LOGON, b"\\x01"),
            printed(BEAT, b" | "),
            printed(wire(f"35=0|{HEADER}", length_off_by=9), b"|"),
            printed(wire(f"35=0|{HEADER}", length_off_by=-9), b"^A"),
            printed(BEAT, b"|").removesuffix(b"|"),
            b"\n",
            b"\r\n",
            b" ",
            b"\x00\x01",
            b"10:00:00 out ",
            b"8=FI",
            b"8=FIX.4.4|9=",
            b"\n  (",
            b"\n\n(",
            b"a long line without anything in it " * 20,
        ]
    )

    @given(st.lists(PARTS, max_size=12), st.lists(st.integers(1, 90), min_size=1, max_size=5))
    def test_split_anywhere_it_decodes_alike(self, parts: list[bytes], sizes: list[int]) -> None:
        data = b"".join(parts)
        assert find(data, *sizes) == find(data)

    @given(st.data())
    def test_nothing_that_a_wire_would_take_is_missed(self, data: st.DataObject) -> None:
        """In a broken stream every good frame of the wire's framer is found; here a wrong length swallows nothing."""
        stream = bytearray(b"".join(data.draw(st.lists(st.sampled_from([BEAT, LOGON, wire(FILL)]), max_size=6))))
        for _ in range(data.draw(st.integers(0, 5))):
            at = data.draw(st.integers(0, len(stream)))
            piece = data.draw(st.sampled_from([b"", b"x", b"\x01", b"9=", b"8=FIX", b"10=123\x01", b"5", b"=", b"\n|"]))
            stream[at : at + data.draw(st.integers(0, 4))] = piece
        found = {each.text for each in find(bytes(stream))}
        for frame in Framer().feed(bytes(stream)):
            if isinstance(frame, bytes) and holds(frame):
                assert frame in found

    def test_byte_by_byte(self) -> None:
        data = b"> " + printed(BEAT, b"|") + b"\n< " + LOGON + b"\x00" + printed(LOGON, b"^A") + b"\n"
        assert find(data, 1) == find(data)
        assert len(find(data)) == 3
