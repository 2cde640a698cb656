"""A short run of the fuzzer of RTCP; `make fuzz` is the long one."""

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import _mutation, rtcp


def test_inputs_made_from_the_corpus_bring_nothing_but_the_documented_error() -> None:
    assert _mutation.run(rtcp.do, _mutation.corpus("rtcp"), 3000) > 20


def test_each_input_of_the_corpus_does_something_of_its_own() -> None:
    seeds = _mutation.corpus("rtcp")
    assert len({rtcp.do(seed) for seed in seeds}) >= 0.7 * len(seeds)


@given(st.binary(max_size=300))
def test_any_bytes_as_a_compound(data: bytes) -> None:
    rtcp.do(data)
