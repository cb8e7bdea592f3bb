"""Makes of a good message what no good counterparty sends: field by field, and byte by byte.

Most of what is broken in a message leaves it with the right length and checksum, or nothing behind the framer would
ever be reached; some of it gets wrong ones on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from fuzzing.corpus import Sample
from fuzzing.generating import SOH, sealed

Fields = list[bytes]

_VALUES: Final = (
    b"", b"0", b"-1", b"-0", b"1", b"+1", b"00000000000000000001", b"2147483648", b"4294967296", b"9223372036854775807",
    b"9223372036854775808", b"99999999999999999999", b"9" * 39, b"9" * 41, b"9" * 400, b"-" + b"9" * 39, b"1e9",
    b"NaN", b"Infinity", b"-Infinity", b"sNaN", b".", b"-", b"-.", b"0.", b"." + b"0" * 38, b"0." + b"9" * 38,
    b"1_000", b"1E-9", b"0x10", b" 1", b"1 ", b"Y", b"N", b"y", b"A", b"=", b"==", b"a=b", b"\x00", b"\x00" * 40,
    b"\x02\x03\x1b[2J", b"\x7f",
    b"\r\n", b"\n2026-01-01 ERROR forged", b"\xc3\xa9", b"\xe9", b"\xff\xfe", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    "\u0661\u0662".encode(), "\u00b2".encode(), "\u2028".encode(), "\u202e".encode(), "\U0001f600".encode(),
    b"8=FIX.4.4", b"10=000", b"9=5", b"x" * 300, b"20260102-10:11:12", b"20260230-10:11:12", b"00000101-00:00:00",
    b"9" * 17, b"1" + b"0" * 17 + b".00000000000000001",
    b"99991231-23:59:60.999999999999", b"20260102-24:00:00", b"20260102", b"00000000", b"99991399", b"10000101",
    b"%s%n%d", b"'; DROP TABLE events; --", b"../../etc/passwd", b"{0.__class__}", b"\\x01", b"|", b"^A", b"a|b",
)  # fmt: skip
_TOKENS: Final = (
    b"0", b"-1", b"00", b"01", b"+1", b"1_0", b" 1", b"", b"x", b"99999", b"999999999", b"9999999999", b"9" * 400,
    b"-999999999", b"8", b"9", b"10", b"35", b"34", b"43", b"89", b"93", b"95", b"96", b"98", b"108", b"141", b"789",
    b"58", b"36", b"7", b"16", b"123", b"112", b"45", b"453", b"146", b"268", b"552", b"627", b"802", b"5000",
    b"\xd9\xa1", b"\x00",
)  # fmt: skip
_MSG_TYPES: Final = (
    b"", b"0", b"1", b"2", b"3", b"4", b"5", b"A", b"D", b"8", b"j", b"h", b"U1", b"ZZ", b"AE", b"a", b"~", b"=", b"A=",
    b"8 ", b" ", b"\x00", b"\xe9", b"\xc3\xa9", b"8" * 300, b"0\x02",
)  # fmt: skip
_HEADER: Final = (b"34=", b"49=", b"56=", b"52=", b"35=", b"122=", b"43=")
_NOISE: Final = (
    b"8=FIX",
    b"8=FIX.4.4\x01",
    b"8=FIX.4.4\x019=",
    b"10=",
    b"\x0110=",
    b"\x01",
    b"=",
    b"\x00",
    b"\r\n",
    b"9=0\x01",
)
_REPEATS: Final = (2, 2, 2, 2, 2, 2, 2, 3, 3, 5, 5, 20, 100)


class Mutator:
    """Draws everything from `rng`: the same state gives the same mutations."""

    def __init__(self, rng: Random, samples: Sequence[Sample]) -> None:
        self._rng = rng
        self._samples = samples

    def sample(self) -> Sample:
        return self._rng.choice(self._samples)

    def message(self, sample: Sample | None = None, *, keep: int = 0) -> bytes:
        """A mutated message, sealed rightly or wrongly. The first `keep` fields stay what they are."""
        chosen = sample or self.sample()
        content = SOH.join(self.fields(chosen.fields, keep)) + SOH
        return self._sealed(chosen.begin_string, content)

    def right(self, sample: Sample | None = None, *, keep: int = 0) -> bytes:
        """A mutated message with the right length and checksum."""
        chosen = sample or self.sample()
        return sealed(chosen.begin_string, SOH.join(self.fields(chosen.fields, keep)) + SOH)

    def fields(self, fields: Sequence[bytes], keep: int = 0) -> Fields:
        """One to four things done to the fields behind the first `keep`."""
        rng = self._rng
        head, rest = list(fields[:keep]), list(fields[keep:])
        for _ in range(1 + int(rng.random() ** 2 * 4)):
            if not rest:
                rest.append(b"58=x")
            rng.choice(_OPERATIONS)(self, rest)
        return head + rest

    def one_value(self, sample: Sample, keep: int) -> bytes:
        """Right in every way but for one value behind the first `keep` fields: what every check up to it lets pass."""
        fields = list(sample.fields)
        if len(fields) > keep:
            at = keep + int(self._rng.random() * (len(fields) - keep))
            fields[at] = fields[at].partition(b"=")[0] + b"=" + self._rng.choice(_VALUES)
        return sealed(sample.begin_string, SOH.join(fields) + SOH)

    def bytes_of(self, data: bytes) -> bytes:
        """A few bytes changed, lost, put in or said twice."""
        rng, buffer = self._rng, bytearray(data)
        for _ in range(1 + int(rng.random() ** 3 * 6)):
            at = int(rng.random() * (len(buffer) + 1))
            what = rng.random()
            if what < 0.4 and at < len(buffer):
                buffer[at] ^= 1 << int(rng.random() * 8)
            elif what < 0.55:
                del buffer[at : at + 1 + int(rng.random() ** 3 * 60)]
            elif what < 0.7:
                buffer[at:at] = rng.choice(_NOISE)
            elif what < 0.8:
                buffer[at:at] = rng.randbytes(1 + int(rng.random() * 6))
            elif what < 0.9:
                buffer[at:at] = buffer[at : at + 1 + int(rng.random() ** 2 * 80)]
            else:
                del buffer[at:]
        return bytes(buffer)

    # --- wrong ends ------------------------------------------------------------------------------

    def _sealed(self, begin_string: bytes, content: bytes) -> bytes:
        rng = self._rng
        kind = rng.random()
        if kind < 0.6:
            return sealed(begin_string, content)
        if kind < 0.75:
            return self.bytes_of(sealed(begin_string, content))
        if kind < 0.82:
            begin_string = rng.choice(
                (b"FIX.4.2", b"FIX.4.4", b"FIXT.1.1", b"FIX.9.9", b"FIX", b"FIX.4.4.4.4.4", b"FIX\xc3\xa9")
            )
            return sealed(begin_string, content)
        length = b"%d" % len(content)
        if kind < 0.93:
            wrong = len(content) + rng.choice((-1000, -50, -7, -1, 1, 7, 8, 60, 500, 60_000, 10**8))
            length = rng.choice(
                (b"%d" % wrong, b"00%d" % len(content), b"", b"x", b"-5", b"9" * 12, b"%d " % len(content))
            )
        data = b"8=%b\x019=%b\x01%b" % (begin_string, length, content)
        total = sum(data)
        if rng.random() < 0.5:
            return b"%b10=%03d\x01" % (data, total & 0xFF)
        ends = (
            b"10=%03d\x01" % (total + 1 & 0xFF),
            b"10=%d\x01" % total,
            b"10=\x01",
            b"10=abc\x01",
            b"10=%03d" % (total & 0xFF),
            b"",
        )
        return data + rng.choice(ends)

    # --- what can be done to fields --------------------------------------------------------------

    def _at(self, fields: Fields) -> int:
        return int(self._rng.random() * len(fields))

    def _value(self, fields: Fields) -> None:
        at = self._at(fields)
        fields[at] = fields[at].partition(b"=")[0] + b"=" + self._rng.choice(_VALUES)

    def _bend(self, fields: Fields) -> None:
        at = self._at(fields)
        tag, equals, value = fields[at].partition(b"=")
        fields[at] = tag + equals + self.bytes_of(value)

    def _number(self, fields: Fields) -> None:
        """A little more or less: counts, lengths and numbers are wrong by one more often than by a mile."""
        at = self._at(fields)
        tag, equals, value = fields[at].partition(b"=")
        if value.isdigit() and len(value) < 19:
            fields[at] = b"%b%b%d" % (tag, equals, int(value) + self._rng.choice((-2, -1, 1, 2, 10, 1000)))

    def _tag(self, fields: Fields) -> None:
        at = self._at(fields)
        fields[at] = self._rng.choice(_TOKENS) + b"=" + fields[at].partition(b"=")[2]

    def _drop(self, fields: Fields) -> None:
        at = self._at(fields)
        del fields[at : at + 1 + int(self._rng.random() ** 4 * 8)]

    def _double(self, fields: Fields) -> None:
        at = self._at(fields)
        fields.insert(self._at(fields), fields[at])

    def _swap(self, fields: Fields) -> None:
        a, b = self._at(fields), self._at(fields)
        fields[a], fields[b] = fields[b], fields[a]

    def _move(self, fields: Fields) -> None:
        field = fields.pop(self._at(fields))
        fields.insert(int(self._rng.random() * (len(fields) + 1)), field)

    def _foreign(self, fields: Fields) -> None:
        rng = self._rng
        fields.insert(self._at(fields), rng.choice(_TOKENS) + b"=" + rng.choice(_VALUES))

    def _borrow(self, fields: Fields) -> None:
        """A run of another message's fields in the middle of this one."""
        other = self._rng.choice(self._samples).fields
        begin = int(self._rng.random() * len(other))
        at = self._at(fields)
        fields[at:at] = other[begin : begin + 1 + int(self._rng.random() * 8)]

    def _splice(self, fields: Fields) -> None:
        """This message's beginning and another's end."""
        other = self._rng.choice(self._samples).fields
        fields[self._at(fields) :] = other[int(self._rng.random() * len(other)) :]

    def _repeat(self, fields: Fields) -> None:
        """A run of fields again and again: groups that do not end."""
        at = self._at(fields)
        run = fields[at : at + 1 + int(self._rng.random() * 6)]
        fields[at:at] = run * self._rng.choice(_REPEATS)

    def _header(self, fields: Fields) -> None:
        """Without a field of the header, or with another value in it."""
        rng = self._rng
        name = rng.choice(_HEADER)
        for at, field in enumerate(fields):
            if field.startswith(name):
                if rng.random() < 0.5:
                    del fields[at]
                else:
                    fields[at] = name + rng.choice(_VALUES)
                return
        fields.insert(self._at(fields), name + rng.choice(_VALUES))

    def _type(self, fields: Fields) -> None:
        if fields[0].startswith(b"35="):
            fields[0] = b"35=" + self._rng.choice(_MSG_TYPES)

    def _no_field(self, fields: Fields) -> None:
        at = self._at(fields)
        fields[at] = self._rng.choice((fields[at].replace(b"=", b""), b"", b"nonsense", b"=", b"==", b"\x00"))

    def _no_order(self, fields: Fields) -> None:
        self._rng.shuffle(fields)


_OPERATIONS: Final[tuple[Callable[[Mutator, Fields], None], ...]] = (
    Mutator._value, Mutator._value, Mutator._value, Mutator._bend, Mutator._number, Mutator._number, Mutator._tag,
    Mutator._drop, Mutator._double, Mutator._swap, Mutator._move, Mutator._foreign, Mutator._borrow, Mutator._splice,
    Mutator._repeat, Mutator._header, Mutator._type, Mutator._no_field, Mutator._no_order,
)  # fmt: skip
