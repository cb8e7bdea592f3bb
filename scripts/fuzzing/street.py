"""What the desk's counterparties say: an OMS, dealers and a provider of prices that mostly make sense.

Each answers what the engine wrote to it, or speaks by itself; whoever uses it puts a header around it, and bends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from fuzzing.generating import SOH

Body = list[bytes]
Said = tuple[bytes, Body]
Heard = dict[bytes, bytes]

KEPT_MAX: Final = 40
"""Requests and orders a dealer remembers, and orders an OMS does."""

_QUANTITIES: Final = (b"100000", b"400000", b"900000", b"1500000", b"3000000", b"9000000", b"1", b"0.5", b"99999999999")
_PRICES: Final = (b"99.5", b"99.45", b"99.55", b"100", b"97.25", b"103", b"0", b"-1", b"1000000")
_EXEC_TYPES: Final = (b"F", b"F", b"F", b"F", b"8", b"4", b"0", b"A", b"I", b"C", b"G", b"H", b"1", b"2", b"E", b"6")


def heard(data: bytes) -> Heard:
    """The first value of each tag of a message the engine wrote."""
    return {tag: value for tag, _, value in (field.partition(b"=") for field in reversed(data[:-1].split(SOH)))}


class Oms:
    """Sends orders, cancels and asks about them."""

    def __init__(self, rng: Random, isins: Sequence[bytes]) -> None:
        self._rng = rng
        self._isins = isins
        self._number = 0
        self._orders: list[tuple[bytes, bytes, bytes]] = []

    def hear(self, message: Heard) -> None:
        """Knows its own orders; reports are not looked at."""

    def say(self, now: bytes) -> Said:
        rng = self._rng
        kind = rng.random()
        if not self._orders or kind < 0.55:
            return b"D", self._order(now)
        known, isin, side = rng.choice(self._orders)
        bond = [b"55=[N/A]", b"48=" + isin, b"22=4", b"54=" + side]
        if kind < 0.8:
            self._number += 1
            fresh = b"C%d" % self._number
            return rng.choice(((b"F"), (b"F"), (b"G"))), [
                b"41=" + known,
                b"11=" + fresh,
                *bond,
                b"38=1",
                b"60=" + now,
                b"40=1",
            ]
        return b"H", [b"11=" + known, *bond]

    def _order(self, now: bytes) -> Body:
        rng = self._rng
        self._number += 1
        isin, side = rng.choice(self._isins), rng.choice((b"1", b"2", b"5"))
        name = b"O%d" % self._number if rng.random() < 0.95 or not self._orders else rng.choice(self._orders)[0]
        self._orders = [*self._orders[1 - KEPT_MAX :], (name, isin, side)]
        price = [b"40=2", b"44=" + rng.choice(_PRICES)] if rng.random() < 0.3 else [b"40=1"]
        until = rng.choice(([b"59=0"], [b"59=0"], [b"59=3"], [b"59=6", b"432=20300101"], []))
        return [
            b"11=" + name, b"1=ACC", b"21=" + rng.choice((b"1", b"1", b"1", b"2", b"3")), b"55=[N/A]", b"48=" + isin,
            b"22=4", b"54=" + side, b"60=" + now, b"38=" + rng.choice(_QUANTITIES), *price, b"15=USD", *until,
        ]  # fmt: skip


class Dealer:
    """Quotes, declines, fills, refuses, and sometimes speaks of what nobody asked."""

    def __init__(self, rng: Random, name: bytes) -> None:
        self._rng = rng
        self._name = name
        self._number = 0
        self._asked: list[Heard] = []
        self._orders: list[Heard] = []

    def hear(self, message: Heard) -> None:
        if message[b"35"] == b"R":
            self._asked = [*self._asked[1 - KEPT_MAX :], message]
        elif message[b"35"] in (b"D", b"F", b"H"):
            self._orders = [*self._orders[1 - KEPT_MAX :], message]

    def say(self, now: bytes) -> Said:
        rng = self._rng
        ways: list[Callable[[bytes], Said]] = [self._stray]
        if self._asked:
            ways += [self._quote] * 6 + [self._decline, self._withdraw, self._status]
        if self._orders:
            ways += [self._report] * 8 + [self._trade_report] * 4 + [self._cancel_reject, self._business_reject]
        return rng.choice(ways)(now)

    def _id(self, prefix: bytes) -> bytes:
        self._number += 1
        return b"%b-%b%d" % (self._name, prefix, self._number if self._rng.random() < 0.9 else 1)

    def _recent(self, kept: list[Heard]) -> Heard:
        return kept[-1] if self._rng.random() < 0.6 else self._rng.choice(kept)

    def _bond(self, about: Heard) -> Body:
        return [b"55=[N/A]", b"48=" + about.get(b"48", b"X"), b"22=4"]

    def _quote(self, now: bytes) -> Said:
        rng, asked = self._rng, self._recent(self._asked)
        sides = (
            [b"132=99.45", b"133=99.55"]
            if rng.random() < 0.6
            else [b"132=" + rng.choice(_PRICES), b"133=" + rng.choice(_PRICES)]
        )
        return b"S", [
            b"131=" + asked[b"131"], b"117=" + self._id(b"Q"), b"537=1", *self._bond(asked), *sides,
            b"62=20991231-00:00:00", b"60=" + now, b"423=1",
        ]  # fmt: skip

    def _decline(self, now: bytes) -> Said:
        asked = self._recent(self._asked)
        return b"AG", [b"131=" + asked[b"131"], b"658=10", b"146=1", *self._bond(asked)]

    def _withdraw(self, now: bytes) -> Said:
        asked = self._recent(self._asked)
        return b"Z", [b"131=" + asked[b"131"], b"117=" + self._id(b"Q"), b"298=" + self._rng.choice((b"1", b"4"))]

    def _status(self, now: bytes) -> Said:
        asked = self._recent(self._asked)
        named = [b"131=" + asked[b"131"], b"117=" + self._id(b"Q")]
        if self._rng.random() < 0.5:
            return b"b", [*named, b"297=" + self._rng.choice((b"5", b"0")), b"300=99"]
        return b"AI", [*named, *self._bond(asked), b"297=" + self._rng.choice((b"5", b"7", b"11", b"17", b"0"))]

    def _report(self, now: bytes) -> Said:
        rng, order = self._rng, self._recent(self._orders)
        size = order.get(b"38", b"1000000")
        price = order.get(b"44", b"99.5") if rng.random() < 0.7 else rng.choice(_PRICES)
        done = size if rng.random() < 0.7 else rng.choice(_QUANTITIES)
        return b"8", [
            b"37=" + self._id(b"D"), b"17=" + self._id(b"X"), b"11=" + order.get(b"11", b"?"),
            b"150=" + rng.choice(_EXEC_TYPES), b"39=" + rng.choice((b"2", b"2", b"1", b"8", b"0", b"4")),
            *self._bond(order), b"54=" + order.get(b"54", b"1"), b"38=" + size, b"31=" + price, b"32=" + done,
            b"151=0", b"14=" + done, b"6=" + price, b"75=20260921", b"60=" + now, b"159=12.5",
        ]  # fmt: skip

    def _trade_report(self, now: bytes) -> Said:
        """Of a trade that an 8 may have told of under the same ExecID; new, taken back or corrected."""
        rng, order = self._rng, self._recent(self._orders)
        does = rng.choice(([b"487=0"], [b"487=0"], [b"487=1"], [b"487=2"], [b"856=6"], [b"487=9"], []))
        named = [b"572=" + self._id(b"T")] if rng.random() < 0.5 else []
        named += [b"17=" + self._id(b"X")] if rng.random() < 0.6 else []
        theirs = [b"54=" + rng.choice((b"1", b"2")), b"37=own"] if rng.random() < 0.5 else []
        ours = [b"54=" + order.get(b"54", b"1"), b"37=" + self._id(b"D"), b"11=" + order.get(b"11", b"?")]
        return b"AE", [
            b"571=" + self._id(b"T"), *does, *named, b"570=" + rng.choice((b"N", b"N", b"Y")), *self._bond(order),
            b"32=" + (order.get(b"38", b"1000000") if rng.random() < 0.5 else rng.choice(_QUANTITIES)),
            b"31=" + (order.get(b"44", b"99.5") if rng.random() < 0.7 else rng.choice(_PRICES)),
            b"75=20260921", b"60=" + now, b"552=" + (b"2" if theirs else b"1"), *theirs, *ours, b"159=12.5",
        ]  # fmt: skip

    def _cancel_reject(self, now: bytes) -> Said:
        order = self._recent(self._orders)
        cancels = [b"11=" + order.get(b"11", b"?"), b"41=" + order.get(b"41", order.get(b"11", b"?"))]
        return b"9", [b"37=NONE", *cancels, b"39=" + self._rng.choice((b"2", b"0")), b"434=1", b"102=1"]

    def _business_reject(self, now: bytes) -> Said:
        order = self._recent(self._orders)
        named = [b"45=" + order[b"34"], b"58=no", b"379=" + order.get(b"11", b"?")]
        if self._rng.random() < 0.5:
            return b"j", [*named, b"372=" + order[b"35"], b"380=" + self._rng.choice((b"0", b"3", b"4"))]
        return b"3", [*named[:2], b"372=" + order[b"35"], b"373=5"]

    def _stray(self, now: bytes) -> Said:
        """About nothing that was asked."""
        kind = self._rng.choice((b"S", b"8", b"AG", b"Z", b"9", b"j", b"3", b"6", b"AE", b"B"))
        ids = [b"131=never", b"117=never", b"11=never", b"17=never", b"37=never", b"45=9", b"372=D", b"373=1", b"380=0"]
        return kind, [*ids, b"150=F", b"39=2", b"48=US0000000002", b"22=4", b"31=99", b"32=5", b"54=1", b"60=" + now]


class Prices:
    """Answers the subscription, bond after bond."""

    def __init__(self, rng: Random, isins: Sequence[bytes]) -> None:
        self._rng = rng
        self._isins = isins
        self._request = b"none"

    def hear(self, message: Heard) -> None:
        if message[b"35"] == b"V":
            self._request = message[b"262"]

    def say(self, now: bytes) -> Said:
        rng = self._rng
        sides = [b"268=2", b"269=0", b"270=99.45", b"271=1000", b"269=1", b"270=99.55", b"271=1000"]
        if rng.random() < 0.2:
            sides = [b"268=1", b"269=" + rng.choice((b"0", b"1", b"2")), b"270=" + rng.choice(_PRICES)]
        return b"W", [b"262=" + self._request, b"55=[N/A]", b"48=" + rng.choice(self._isins), b"22=4", *sides]


Party = Oms | Dealer | Prices
