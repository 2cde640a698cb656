"""A short run of the WAV fuzzer: the whole corpus, and enough changed inputs for what is plainly wrong."""

from tests.fuzz import wav


def test_any_beginning_of_a_file_is_read_or_refused_and_its_repair_is_a_whole_file() -> None:
    wav.run(3000)
