"""Range requests, RFC 9110 section 14."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wavstream.downloads.ranges import MOST_RANGES, RangeError, Span, select, spans


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", [Span(0, 1)]),
        ("bytes=0-9", [Span(0, 10)]),
        ("bytes=90-", [Span(90, 100)]),
        ("bytes=90-1000", [Span(90, 100)]),
        ("bytes=-10", [Span(90, 100)]),
        ("bytes=-1000", [Span(0, 100)]),
        ("BYTES = 1-2", [Span(1, 3)]),
        ("bytes=0-0, -1 ,5-6,", [Span(0, 1), Span(99, 100), Span(5, 7)]),
        ("bytes=200-, 5-6", [Span(5, 7)]),  # one that cannot be satisfied beside one that can
        (f"bytes=0-{10**39}", [Span(0, 100)]),
    ],
)
def test_a_range_selects_bytes_of_a_hundred(header: str, expected: list[Span]) -> None:
    assert spans(header, 100) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=2-1",
        "bytes=1",
        "items=0-1",
        "bytes=0-1;2-3",
    ],
)
def test_a_header_that_makes_no_sense_counts_as_none(header: str | None) -> None:
    assert spans(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_past_the_end_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(RangeError, match=r"bytes \*/100"):
        spans(header, 100)


def test_nothing_of_an_empty_representation_can_be_satisfied() -> None:
    with pytest.raises(RangeError):
        spans("bytes=0-", 0)


def test_a_greedy_header_counts_as_none() -> None:
    assert spans("bytes=" + ",".join(["0-0"] * MOST_RANGES), 100) is not None
    assert spans("bytes=" + ",".join(["0-0"] * (MOST_RANGES + 1)), 100) is None
    assert spans("bytes=0-,0-,0-", 100) is None  # three times all of it


def test_one_range_is_a_part_with_its_place() -> None:
    selected = select("bytes=10-19", 100, content_type="audio/wav", boundary="B")
    assert selected.parts == (Span(10, 20),)
    assert (selected.size, selected.content_range, selected.content_type) == (10, "bytes 10-19/100", None)


def test_several_ranges_are_a_multipart_whose_length_is_known_before() -> None:
    selected = select("bytes=0-1,-1", 100, content_type="audio/wav", boundary="B")
    content = bytes(range(100))
    body = b"".join(
        content[part.start : part.stop] if isinstance(part, Span) else part for part in selected.parts
    )
    assert body == (
        b"--B\r\nContent-Type: audio/wav\r\nContent-Range: bytes 0-1/100\r\n\r\n\x00\x01"
        b"\r\n--B\r\nContent-Type: audio/wav\r\nContent-Range: bytes 99-99/100\r\n\r\n\x63"
        b"\r\n--B--\r\n"
    )
    assert selected.size == len(body)
    assert selected.content_type == "multipart/byteranges; boundary=B"


def test_without_a_range_all_is_sent() -> None:
    assert select(None, 100, content_type="", boundary="").parts == (Span(0, 100),)
    assert select(None, 0, content_type="", boundary="").parts == ()


@given(st.text(alphabet="bytes=0123456789-, x", max_size=40), st.integers(0, 10_000))
@example("bytes=-", 0)
@example("bytes=٣-٤", 100)  # digits, but not RFC 9110's
def test_whatever_is_asked_for_lies_within(header: str, size: int) -> None:
    found = None
    with suppress(RangeError):
        found = spans(header, size)
    for span in found or ():
        assert 0 <= span.start < span.stop <= size
    assert found is None or sum(map(len, found)) <= 2 * size
