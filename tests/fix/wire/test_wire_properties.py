"""Properties of everything between bytes and messages, over invented messages of every built-in dictionary.

Messages are drawn by the generator and the mutator of `scripts/fuzz`, from a seed that hypothesis draws.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from itertools import pairwise
from random import Random

import pytest
import simplefix
from fuzzing import reference
from fuzzing.corpus import Sample, built_in_dictionaries, invented
from fuzzing.generating import SOH, Fields, Generator, joined, sealed
from fuzzing.mutation import Mutator
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.clock import NS_PER_DAY, NS_PER_MS, fix_timestamp
from engine.errors import GarbledMessage
from engine.fix.standard.dictionary import Dictionary
from engine.fix.wire import codec, validation
from engine.fix.wire.codec import Framer, as_resend, checksum, decode, encode_body
from engine.fix.wire.message import FieldView, Message, timestamp_ns

DICTIONARIES = built_in_dictionaries()
SEEDS = st.integers(0, 2**32)
VERSIONS = pytest.mark.parametrize("version", DICTIONARIES)
BOUND = 65_536


@cache
def samples() -> list[Sample]:
    return invented(DICTIONARIES.values(), Random(1))


def drawn(version: str, seed: int) -> Fields:
    """A right message of any type of this version, from MsgType(35) to before CheckSum(10)."""
    rng, dictionary = Random(seed), DICTIONARIES[version]
    return Generator(dictionary, rng).fields(rng.choice(sorted(dictionary.messages)), rng.choice((0.0, 0.2, 0.6, 1.0)))


def whole(version: str, fields: Fields) -> bytes:
    return sealed(version.encode(), joined(fields))


def read(data: bytes, version: str) -> Message:
    return decode(data, DICTIONARIES[version])


def found(pieces: list[bytes]) -> tuple[list[bytes | tuple[str, str]], int]:
    """What a framer makes of these pieces, comparable, and how many bytes it dropped."""
    framer, seen = Framer(BOUND), []
    largest = max(map(len, pieces), default=0)
    for piece in pieces:
        seen += framer.feed(piece)
        assert len(framer._buffer) <= BOUND + largest
    assert all(len(each) <= BOUND for each in seen if isinstance(each, bytes))
    shown = [each if isinstance(each, bytes) else (each.reason, str(each)) for each in seen]
    return shown, framer.dropped_bytes


def outcome(data: bytes, dictionary: Dictionary, *, carefully: bool = False) -> object:
    """All that is read of a message, or why it is none."""
    try:
        message = codec._decode_carefully(data, dictionary) if carefully else decode(data, dictionary)
    except GarbledMessage as error:
        return error.reason
    return message.tags, tuple(message.texts)


class TestFraming:
    @given(SEEDS, st.data())
    def test_pieces_never_matter(self, seed: int, data: st.DataObject) -> None:
        """Good and bent messages with noise between: the same frames, complaints and dropped bytes, however split."""
        rng = Random(seed)
        mutator = Mutator(rng, samples())
        stream = b"".join(rng.choice((mutator.message, mutator.right))() for _ in range(rng.randint(1, 4)))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
        expected = found([stream])
        assert found([stream[a:b] for a, b in pairwise((0, *cuts, len(stream)))]) == expected
        assert found([stream[at : at + 1] for at in range(len(stream))]) == expected
        assert [each for each in expected[0] if isinstance(each, bytes)] == reference.frames(stream, BOUND)

    @VERSIONS
    @given(SEEDS, st.lists(st.binary(max_size=30), min_size=4, max_size=4))
    def test_noise_between_good_messages_loses_none(self, version: str, seed: int, noise: list[bytes]) -> None:
        """Unless it begins a message itself."""
        assume(not any(b"8=FIX" in each for each in noise))
        good = [whole(version, drawn(version, seed + at)) for at in range(3)]
        assume(not any(part.endswith((b"8", b"8=", b"8=F", b"8=FI")) for part in noise))
        stream = b"".join(part for pair in zip(noise, [*good, b""], strict=True) for part in pair)
        assert [each for each in found([stream])[0] if isinstance(each, bytes)] == good

    @VERSIONS
    @given(SEEDS, st.integers(1, 60))
    def test_a_length_too_short_drops_its_own_message(self, version: str, seed: int, missing: int) -> None:
        before, bad, after = (drawn(version, seed + at) for at in range(3))
        content = joined(bad)
        assume(b"\x0110=" not in content)  # a trailer within a data field would be its end
        length = b"9=%d" % len(content)
        short = sealed(version.encode(), content).replace(length, b"9=%d" % max(0, len(content) - missing), 1)
        good = whole(version, before), whole(version, after)
        assert found([good[0] + short + good[1]])[0] == [good[0], short, good[1]]
        assert outcome(short, DICTIONARIES[version]) == "length"

    @VERSIONS
    @given(SEEDS, st.integers(1, 8))
    def test_a_length_too_long_swallows_the_following_message_and_no_more(
        self, version: str, seed: int, beyond: int
    ) -> None:
        bad, swallowed, after = (drawn(version, seed + at) for at in range(3))
        assume(not any(b"\x0110=" in joined(each) for each in (bad, swallowed)))
        content = joined(bad)
        long = sealed(version.encode(), content).replace(b"9=%d" % len(content), b"9=%d" % (len(content) + beyond), 1)
        both = long + whole(version, swallowed)
        frames = found([both + whole(version, after)])[0]
        assert frames == [both, whole(version, after)]
        assert outcome(both, DICTIONARIES[version]) == "length"


class TestDecoding:
    @VERSIONS
    @given(SEEDS)
    def test_what_was_written_is_read_and_right(self, version: str, seed: int) -> None:
        fields = drawn(version, seed)
        data = whole(version, fields)
        assert found([data]) == ([data], 0)
        message = read(data, version)
        assert message.fields[2:-1] == tuple(fields)
        assert validation.validate(message, DICTIONARIES[version], "strict") == []

    @VERSIONS
    @given(SEEDS)
    def test_entries_of_groups_are_told_apart(self, version: str, seed: int) -> None:
        """Every count counts its own entries, and a field belongs to one of them or stands outside, once."""
        message = read(whole(version, drawn(version, seed)), version)
        dictionary = DICTIONARIES[version]
        section = dictionary.messages[message.msg_type].section
        counts = [tag for tag in (*dictionary.header.groups, *section.groups) if message.get(tag) is not None]
        inside = [position for tag in counts for position in within(message, tag)]
        assert len(inside) == len(set(inside))
        outside = [tag for position, tag in enumerate(message.tags) if position not in inside]
        assert len(outside) == len(set(outside))
        assert set(outside) <= {10, *dictionary.header.members, *section.members, *dictionary.trailer.members}

    @VERSIONS
    @given(SEEDS)
    def test_our_encoder_writes_what_was_drawn(self, version: str, seed: int) -> None:
        fields = drawn(version, seed)
        header = {34, 35, 49, 52, 56}
        body = [(tag, value) for tag, value in fields if tag not in header]
        assume(all(value and SOH not in value for _, value in body))
        written = codec.frame(
            begin_string=version, msg_type=fields[0][1].decode(), seq_num=7, sender="US", target="PEER",
            sending_time="20260102-10:11:12.123", body=encode_body(body),
        )  # fmt: skip
        assert [field for field in read(written, version).fields if field[0] not in {*header, 8, 9, 10}] == body
        assert found([written]) == ([written], 0)

    @VERSIONS
    @given(SEEDS)
    def test_simplefix_reads_the_same(self, version: str, seed: int) -> None:
        fields = drawn(version, seed)
        assume(not any(SOH in value for _, value in fields))  # it knows fewer data fields
        data = whole(version, fields)
        parser = simplefix.FixParser()
        parser.append_buffer(data)
        theirs = parser.get_message()
        assert theirs is not None
        assert tuple((int(tag), value) for tag, value in theirs.pairs) == read(data, version).fields

    @given(SEEDS)
    def test_the_fast_path_and_the_careful_one_agree(self, seed: int) -> None:
        rng = Random(seed)
        data = Mutator(rng, samples()).message()
        for dictionary in DICTIONARIES.values():
            assert outcome(data, dictionary) == outcome(data, dictionary, carefully=True)

    @given(SEEDS)
    def test_quick_validation_and_every_check_agree(self, seed: int) -> None:
        rng = Random(seed)
        data = Mutator(rng, samples()).right()
        for dictionary in DICTIONARIES.values():
            try:
                message = decode(data, dictionary)
            except GarbledMessage:
                continue
            flaws = validation._flaws(message.texts, message.layout)
            if not flaws:
                assert validation.validate(message, dictionary, "strict") == []
                continue
            with pytest.raises(validation.FlawedMessage) as caught:
                validation.validate(message, dictionary, "strict")
            assert (caught.value.reason, caught.value.tag) == (flaws[0].reason, flaws[0].tag)

    @given(st.binary(max_size=3_000))
    def test_a_checksum_is_the_sum_of_all_bytes(self, data: bytes) -> None:
        assert checksum(data) == sum(data) % 256


class TestValues:
    @given(st.integers(0, 200 * 365 * NS_PER_DAY))
    def test_times(self, utc_ns: int) -> None:
        assert timestamp_ns(fix_timestamp(utc_ns)) == utc_ns // NS_PER_MS * NS_PER_MS
        assert timestamp_ns(fix_timestamp(utc_ns, micros=True)) == utc_ns // 1_000 * 1_000

    @given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=9))
    def test_numbers(self, number: Decimal) -> None:
        data = sealed(b"FIX.4.4", b"35=D\x0134=1\x01" + encode_body([(44, number)]))
        assert read(data, "FIX.4.4").decimal(44) == number


class TestResending:
    @VERSIONS
    @given(SEEDS)
    def test_a_resend_is_faithful_but_for_43_52_122_9_and_10(self, version: str, seed: int) -> None:
        data = whole(version, drawn(version, seed))
        first, again = read(data, version), read(as_resend(data, "20300101-00:00:00.000"), version)
        changed = {8, 9, 10, 43, 52, 122}
        assert [f for f in again.fields if f[0] not in changed] == [f for f in first.fields if f[0] not in changed]
        assert (again.get(43), again.get(52), again.get(122)) == ("Y", "20300101-00:00:00.000", first.get(52))
        assert codec.body_of(as_resend(data, "20300101-00:00:00.000")) == codec.body_of(data)


def within(view: FieldView, count_tag: int) -> list[int]:
    """Where the fields of a group's entries stand, those of groups within included."""
    entries = view.groups(count_tag)
    assert len(entries) == int(view.get(count_tag) or 0)
    own = [position for entry in entries for position in entry._index.values()]
    deeper = [at for entry in entries for tag in entry._index if entry.groups(tag) for at in within(entry, tag)]
    return own + deeper
