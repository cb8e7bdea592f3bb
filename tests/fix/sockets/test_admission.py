"""engine/fix/sockets/admission.py: who is let in at all, from where, how many, how often."""

from __future__ import annotations

import ipaddress

import pytest

from engine.clock import NS_PER_S
from engine.fix.sockets import admission
from engine.fix.sockets.admission import Admission, Bounds, Refusal


class Door:
    """An admission and the time, in seconds."""

    def __init__(self, bounds: Bounds) -> None:
        self.admission = Admission(bounds)
        self.now_s = 1000.0

    @property
    def _now_ns(self) -> int:
        return int(self.now_s * NS_PER_S)

    def knock(self, address: str = "192.0.2.1") -> Refusal | None:
        refused = self.admission.admit(address, self._now_ns)
        return None if refused is None else refused[0]

    def leave(self, address: str = "192.0.2.1", *, logged_on: bool = False, failed: bool = False) -> None:
        self.admission.left(address, self._now_ns, logged_on=logged_on, failed=failed)

    def fail(self, address: str = "192.0.2.1") -> Refusal | None:
        """Knock, and leave without a logon if let in."""
        refused = self.knock(address)
        if refused is None:
            self.leave(address, failed=True)
        return refused


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        pytest.param("10.1.2.3", None, id="within"),
        pytest.param("10.2.0.1", Refusal.ADDRESS, id="beside"),
        pytest.param("::ffff:10.1.2.3", None, id="IPv4 over an IPv6 socket"),
        pytest.param("2001:db8::7", None, id="IPv6 within"),
        pytest.param("2001:db9::7", Refusal.ADDRESS, id="IPv6 beside"),
        pytest.param("fe80::1%eth0", Refusal.ADDRESS, id="with a scope"),
        pytest.param("?", Refusal.ADDRESS, id="no address"),
    ],
)
def test_only_addresses_that_are_allowed(address: str, refused: Refusal | None) -> None:
    allow = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("2001:db8::/32"))
    assert Door(Bounds(allow=allow)).knock(address) is refused


def test_so_many_at_a_time() -> None:
    door = Door(Bounds(connections_max=2))
    assert [door.knock("192.0.2.1"), door.knock("192.0.2.2"), door.knock("192.0.2.3")] == [
        None,
        None,
        Refusal.CONNECTIONS,
    ]
    door.leave("192.0.2.1", logged_on=True)
    assert door.knock("192.0.2.3") is None


def test_so_many_from_one_address_and_others_are_let_in() -> None:
    door = Door(Bounds(connections_per_address_max=2))
    assert [door.knock() for _ in range(3)] == [None, None, Refusal.PER_ADDRESS]
    assert door.knock("192.0.2.2") is None
    door.leave()
    assert door.knock() is None


def test_a_host_with_many_ipv6_addresses_is_one_source() -> None:
    door = Door(Bounds(connections_per_address_max=2))
    assert [door.knock(f"2001:db8::{n}") for n in range(3)] == [None, None, Refusal.PER_ADDRESS]
    assert door.knock("2001:db8:0:1::1") is None


def test_so_many_attempts_a_minute_growing_back_with_time() -> None:
    door = Door(Bounds(attempts_per_minute_max=6))
    for _ in range(6):
        assert door.knock() is None
        door.leave(logged_on=True)
    assert door.knock() is Refusal.RATE
    door.now_s += 10
    assert [door.knock(), door.knock()] == [None, Refusal.RATE]


def test_failures_beyond_the_first_few_double_the_pause_up_to_its_bound() -> None:
    door = Door(Bounds(failures_max=3, pause_s_max=4.0))
    for _ in range(3):
        assert door.fail() is None
    assert door.fail() is None, "the fourth is heard: it is the first too many"
    for pause_s in (1.0, 2.0, 4.0, 4.0):
        assert door.knock() is Refusal.FAILURES
        door.now_s += pause_s - 0.01
        assert door.knock() is Refusal.FAILURES
        door.now_s += 0.01
        assert door.fail() is None
    assert door.fail("192.0.2.2") is None, "nobody else waits"


def test_a_logon_or_a_long_silence_ends_the_pauses() -> None:
    door = Door(Bounds(failures_max=1))
    door.fail()
    assert door.knock() is None
    door.leave(logged_on=True)
    assert [door.fail(), door.fail(), door.fail()] == [None, None, Refusal.FAILURES]
    door.now_s += admission.FORGIVEN_AFTER_S + 1
    assert [door.fail(), door.fail(), door.fail()] == [None, None, Refusal.FAILURES]


def test_whoever_is_known_and_comes_at_the_wrong_time_does_not_have_to_pause() -> None:
    door = Door(Bounds(failures_max=1))
    for _ in range(10):
        assert door.knock() is None
        door.leave()


def test_ten_thousand_addresses_are_remembered_and_the_longest_unheard_gives_way() -> None:
    """A few MB; whoever is barred stays so until as many others were heard."""
    door = Door(Bounds(failures_max=1, connections_max=10))
    for _ in range(2):
        door.fail("192.0.2.1")
    for n in range(10_000 - 1):
        door.fail(f"10.0.{n // 250}.{n % 250}")
    assert door.admission.addresses == 10_000
    assert door.knock("192.0.2.1") is Refusal.FAILURES, "heard once more, and so not the longest unheard"
    for n in range(10_000 - 1):
        door.fail(f"10.1.{n // 250}.{n % 250}")
    assert door.knock("192.0.2.1") is Refusal.FAILURES
    for n in range(10_000):
        door.fail(f"10.2.{n // 250}.{n % 250}")
    assert door.admission.addresses == 10_000
    assert door.knock("192.0.2.1") is None


def test_what_is_remembered_is_bounded_and_what_is_open_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "ADDRESSES_MAX", 100)
    door = Door(Bounds(connections_max=1000))
    door.knock("192.0.2.1")
    for n in range(1000):
        door.fail(f"198.51.{n // 250}.{n % 250}")
    assert door.admission.addresses == 100
    door.leave("192.0.2.1", logged_on=True)
    assert door.admission.open == 0
