"""A short run of the fuzzers of all that audio comes in by; `make fuzz` is the long one."""

import random
from collections.abc import Callable, Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import _mutation, audiosocket, dialects, medialegs, messages, rtp, websocket

SHORT = 3000
FUZZERS = [
    pytest.param("websocket", websocket.do, id="websocket"),
    pytest.param("messages", messages.do, id="messages"),
    pytest.param("dialects", dialects.do, id="dialects"),
    pytest.param("audiosocket", audiosocket.do, id="audiosocket"),
    pytest.param("rtp", rtp.do, id="rtp"),
    pytest.param("medialegs", medialegs.do, id="medialegs"),
]


@pytest.mark.parametrize(("name", "do"), FUZZERS)
def test_inputs_made_from_the_corpus_bring_nothing_but_documented_errors(
    name: str, do: Callable[[bytes], Hashable]
) -> None:
    """And many kinds of them: a fuzzer that always gets the same answer tries nothing."""
    assert _mutation.run(do, _mutation.corpus(name), SHORT) > 20


@pytest.mark.parametrize(("name", "do"), FUZZERS)
def test_each_input_of_the_corpus_does_something_of_its_own(
    name: str, do: Callable[[bytes], Hashable]
) -> None:
    seeds = _mutation.corpus(name)
    assert len({do(seed) for seed in seeds}) >= 0.7 * len(seeds)


@given(st.binary(max_size=300), st.sampled_from([0, 1, 2, 5, 6]), st.integers(0, 255))
def test_any_bytes_into_the_audio_input(data: bytes, kind: int, cut: int) -> None:
    websocket.do(bytes([kind, cut]) + data)


@given(st.integers(0, 7), st.integers(0, 3), st.lists(st.binary(max_size=80), max_size=6))
def test_any_lines_into_a_dialect(dialect: int, query: int, lines: list[bytes]) -> None:
    dialects.do(bytes([dialect | query << 4, len(lines)]) + b"\n".join(lines))


@given(st.binary(max_size=300))
def test_any_bytes_into_an_audiosocket(data: bytes) -> None:
    audiosocket.do(data)


@given(st.binary(max_size=300))
def test_any_bytes_as_datagrams(data: bytes) -> None:
    rtp.do(data)


@given(st.binary(max_size=300))
def test_any_bytes_as_a_message(data: bytes) -> None:
    messages.do(data)


def test_an_undocumented_error_ends_a_run_and_names_its_input() -> None:
    def do(data: bytes) -> Hashable:
        raise KeyError(data)

    with pytest.raises(KeyError) as wrong:
        _mutation.run(do, [b"first"], 10)
    assert wrong.value.__notes__ == ["input 0: b'first'"]


def test_a_run_comes_again() -> None:
    seeds = [b"hello", b"world"]
    one, other = random.Random(3), random.Random(3)
    first = [_mutation.mutated(b"hello", seeds, one) for _ in range(100)]
    assert first == [_mutation.mutated(b"hello", seeds, other) for _ in range(100)]
    assert len(set(first)) > 50
