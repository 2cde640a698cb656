"""A short run of the fuzzer, the same one each time; long ones are run by hand."""

from tests.fuzz import ranges


def test_no_header_brings_anything_but_the_standards_answers() -> None:
    ranges.run(30_000, seed=1)
