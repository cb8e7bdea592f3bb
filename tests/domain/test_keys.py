"""Keys of timers and kill switches: values with one spelling, the one that journals have."""

from __future__ import annotations

import pytest

from engine.domain import events as e
from engine.domain.keys import Scope, ScopeKind, Timer, TimerKind, scopes_of
from engine.journal.event_codec import Codec, event_types


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *((Timer(kind, "x1"), f"{kind.value}:x1") for kind in TimerKind),
        (Timer(TimerKind.session, "a:b"), "session:a:b"),
        (Scope(ScopeKind.everything), "all"),
        (Scope(ScopeKind.dealer, "ash"), "dealer:ash"),
        (Scope(ScopeKind.account, "A:1"), "account:A:1"),
        (Scope(ScopeKind.file, "rules"), "file:rules"),
    ],
)
def test_a_key_is_read_as_it_is_spelt(key: Timer | Scope, text: str) -> None:
    assert str(key) == f"{key}" == text
    assert type(key).parse(text) == key
    assert hash(type(key).parse(text)) == hash(key)


@pytest.mark.parametrize("text", ["", "all:x", "dealer", "dealer:", "account:", "trader:x"])
def test_what_no_switch_can_stop_is_no_scope(text: str) -> None:
    with pytest.raises(ValueError):
        Scope.parse(text)


def test_a_timer_of_nothing_known_is_none() -> None:
    with pytest.raises(ValueError):
        Timer.parse("alarm:x")


def test_whose_timer_it_is() -> None:
    assert [kind for kind in TimerKind if Timer(kind, "x").of_a_session] == [TimerKind.session, TimerKind.schedule]


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ("all", {("ash", "A"), ("ash", "B"), ("beech", "A"), ("beech", "B")}),
        ("dealer:ash", {("ash", "A"), ("ash", "B")}),
        ("account:A", {("ash", "A"), ("beech", "A")}),
        ("account:ash", set()),
        ("dealer:A", set()),
        ("file:rules", set()),
        ("file:ash", set()),
    ],
)
def test_what_a_scope_stops(scope: str, held: set[tuple[str, str]]) -> None:
    pairs = [(dealer, account) for dealer in ("ash", "beech") for account in ("A", "B")]
    assert {pair for pair in pairs if Scope.parse(scope).holds(*pair)} == held
    assert {pair for pair in pairs if Scope.parse(scope) in scopes_of(*pair)} == held


def test_the_journal_keeps_a_scope_as_it_always_did() -> None:
    codec = Codec(event_types(vars(e), e.Event))
    name, version, body = codec.encode(e.KillSwitched(7, Scope(ScopeKind.dealer, "ash"), True, "person:kim", "stop"))
    assert body == b'{"at_ns":7,"scope":"dealer:ash","on":true,"actor":"person:kim","reason":"stop"}'
    assert codec.decode(name, version, body).scope == Scope(ScopeKind.dealer, "ash")  # type: ignore[attr-defined]
