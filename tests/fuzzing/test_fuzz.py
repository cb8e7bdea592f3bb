"""`scripts/fuzz` in small: the same inputs every time; and that it would see what it is there to see."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

import pytest
from fuzzing import main
from fuzzing.corpus import Corpus, built_in_dictionaries, captured, corpus, file_dictionaries, invented
from fuzzing.generating import sealed
from fuzzing.main import run
from fuzzing.meter import Meter, Violation, hold
from fuzzing.mutation import Mutator
from fuzzing.wire import Framing
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import GarbledMessage
from engine.fix.standard.dictionaries import built_in
from engine.fix.wire import codec

FEW = {"framing": 4_000, "decoding": 3_000, "validation": 3_000, "session": 6_000, "turn": 1_600}
MANY = {"framing": 100_000, "decoding": 60_000, "validation": 60_000, "session": 100_000, "turn": 20_000}


@cache
def shipped() -> Corpus:
    """What the fuzzer brings along: the same on every machine."""
    ours = built_in_dictionaries()
    return Corpus(invented(ours.values(), Random(20111)), ours, 0)


def said(meter: Meter) -> str:
    return "\n".join(f"{found.text}\n{found.reproduction}" for found in meter.findings.values())


@pytest.mark.parametrize("name", FEW)
def test_nothing_is_found(name: str) -> None:
    meter = run(name, shipped(), seed=20111, inputs=FEW[name])
    assert meter.count == FEW[name]
    assert not meter.findings, said(meter)


@pytest.mark.parametrize("name", ["framing", "decoding", "validation", "session"])
@settings(max_examples=5)
@given(seed=st.integers(0, 2**30))
def test_nothing_is_found_whatever_the_seed(name: str, seed: int) -> None:
    """Other seeds in every `scripts/test --full`."""
    meter = run(name, shipped(), seed, inputs=300)
    assert not meter.findings, said(meter)


@pytest.mark.full
@pytest.mark.parametrize("name", MANY)
def test_nothing_is_found_in_many(name: str) -> None:
    """With the captured streams and QuickFIX's dictionaries, where they are."""
    meter = run(name, corpus(), seed=42, inputs=MANY[name])
    assert not meter.findings, said(meter)


@pytest.mark.full
def test_a_daemon_under_hostile_connections_serves_the_others() -> None:
    meter = run("connections", shipped(), seed=1, inputs=300)
    assert not meter.findings, said(meter)


@pytest.mark.parametrize("name", ["framing", "decoding", "session", "turn"])
def test_a_seed_draws_the_same_inputs_again(name: str) -> None:
    first, again = (run(name, shipped(), seed=5, inputs=400) for _ in range(2))
    assert first.outcomes == again.outcomes
    assert first.slowest.size > 0
    assert run(name, shipped(), seed=6, inputs=400).outcomes != first.outcomes


def test_a_mutated_message_is_one_the_engine_has_to_look_at() -> None:
    """Garbled ones alone would test nothing behind the framer."""
    rng = Random(3)
    mutator, dictionary, whole = Mutator(rng, shipped().samples), built_in("FIX.4.4"), 0
    for _ in range(500):
        try:
            codec.decode(mutator.message(), dictionary)
            whole += 1
        except GarbledMessage:
            pass
    assert 150 < whole < 400


class TestFindings:
    """What the targets find when there is something: each of these breaks the engine, or the target itself."""

    def test_an_exception_is_a_finding_with_the_command_that_shows_it_again(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        monkeypatch.setattr(codec, "_verify", broken)
        monkeypatch.setattr(main, "corpus", lambda folder: shipped())
        assert main.main(["--only", "decoding", "--seed", "9", "--inputs", "200"]) == 1
        shown = capsys.readouterr().out
        assert "ZeroDivisionError: a bug" in shown
        assert "scripts/fuzz --only decoding --seed 9 --case " in shown

    def test_a_case_alone_shows_it_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(codec, "_text", lambda frame: (frame.decode("latin-1"), "utf-8"))
        [found, *_] = run("decoding", shipped(), seed=9, inputs=2_000).findings.values()
        case = int(found.reproduction.rpartition(" ")[2])
        [again, *_] = run("decoding", shipped(), seed=9, only_case=case).findings.values()
        assert again == found

    def test_a_framer_that_differs_in_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = codec.Framer.feed
        monkeypatch.setattr(codec.Framer, "feed", lambda self, data: whole(self, data.replace(b"\x01\x01", b"\x01")))
        assert run("framing", shipped(), seed=1, inputs=4_000).findings

    def test_an_input_that_takes_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        meter = run("framing", shipped(), seed=1, inputs=50, slow_s=1e-9)
        assert "slow" in meter.findings

    def test_an_input_that_never_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def endless(self: Framing, meter: Meter, reproduction: str) -> None:
            meter.begin()
            while self is not None:
                pass

        monkeypatch.setattr("fuzzing.meter.HUNG_TICK_S", 0.02)
        monkeypatch.setattr(Framing, "case", endless)
        [found] = run("framing", shipped(), seed=1, inputs=2).findings.values()
        assert "Hung" in found.what

    def test_a_target_that_fails_before_its_first_input_comes_to_an_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(self: Framing, meter: Meter, reproduction: str) -> None:
            raise ZeroDivisionError("a bug")

        monkeypatch.setattr(Framing, "case", broken)
        meter = run("framing", shipped(), seed=1, inputs=20)
        assert (meter.count, len(meter.findings)) == (20, 1)

    def test_an_invariant(self) -> None:
        hold(True, "never said")
        with pytest.raises(Violation, match="said"):
            hold([], "said")


def test_streams_are_taken_apart_and_read_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"20260102-10:11:12 : " + sealed(b"FIX.4.4", b"35=0\x0134=1\x01") + b"\n")
    [sample] = captured(tmp_path)
    assert (sample.begin_string, sample.fields, sample.msg_type) == (b"FIX.4.4", (b"35=0", b"34=1"), "0")
    assert captured(tmp_path / "none") == []
    assert file_dictionaries(tmp_path) == {}
