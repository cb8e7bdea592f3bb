"""Another library's reading of what we write: simplefix parses every sample of a dialect, field by field.

simplefix verifies neither length nor checksum, so both are looked at here by arithmetic of our own.
"""

from __future__ import annotations

import simplefix

from engine.fix.dialect import Dialect
from engine.fix.samples import render_samples

SOH = b"\x01"


def verify_samples(dialect: Dialect) -> list[str]:
    """What is wrong with the messages of a dialect, as lines; empty if both readings agree."""
    problems: list[str] = []
    for name, _, data in render_samples(dialect):
        problems.extend(f"sample {name}: {line}" for line in differences(data))
    return problems


def differences(data: bytes) -> list[str]:
    """Where simplefix reads other fields than stand in the bytes, or length and checksum do not fit."""
    written: list[tuple[bytes, bytes]] = []
    for field in data.split(SOH)[:-1]:
        tag, _, value = field.partition(b"=")
        written.append((tag, value))
    declared = dict(written)
    parser = simplefix.FixParser()
    parser.append_buffer(data)
    message = parser.get_message()
    if message is None:
        return ["simplefix finds no message in it"]
    read = [(str(tag).encode() if isinstance(tag, int) else tag, value) for tag, value in message.pairs]
    problems = []
    if read != written:
        problems.append(f"simplefix reads {len(read)} fields, written were {len(written)}")
    body = data[data.index(SOH, data.index(b"9=")) + 1 : data.rindex(b"10=")]
    if int(declared[b"9"]) != len(body):
        problems.append(f"BodyLength(9) is {declared[b'9'].decode()}, counted {len(body)}")
    total = sum(data[: data.rindex(b"10=")]) % 256
    if int(declared[b"10"]) != total:
        problems.append(f"CheckSum(10) is {declared[b'10'].decode()}, counted {total:03d}")
    return problems
