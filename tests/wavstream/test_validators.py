"""Conditional requests, RFC 9110 section 13."""

import pytest

from wavstream.downloads.validators import Validators

# 784111777 is RFC 9110's own example date, section 5.6.7.
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"
VALIDATORS = Validators("abc", 784111777.9)


def test_the_headers_are_a_strong_tag_and_a_whole_second() -> None:
    assert VALIDATORS.headers == {"ETag": '"abc"', "Last-Modified": DATE}


@pytest.mark.parametrize("tags", ['"abc"', 'W/"abc"', '"x", "abc"', "*", ' "x" , W/"abc"'])
def test_a_client_that_has_it_is_told_so(tags: str) -> None:
    assert VALIDATORS.unchanged(if_none_match=tags, if_modified_since=None)


@pytest.mark.parametrize("tags", ['"x"', "abc", ""])
def test_another_tag_is_not_it_whatever_the_date_says(tags: str) -> None:
    assert not VALIDATORS.unchanged(if_none_match=tags, if_modified_since=DATE)


def test_a_date_counts_where_there_is_no_tag() -> None:
    assert VALIDATORS.unchanged(if_none_match=None, if_modified_since=DATE)
    assert not VALIDATORS.unchanged(if_none_match=None, if_modified_since=EARLIER)
    assert not VALIDATORS.unchanged(if_none_match=None, if_modified_since="yesterday")
    assert not VALIDATORS.unchanged(if_none_match=None, if_modified_since=None)


@pytest.mark.parametrize(
    ("if_range", "holds"),
    [
        (None, True),
        ('"abc"', True),
        ('W/"abc"', False),  # a weak tag does not promise the same bytes
        ('"x"', False),
        (DATE, True),
        (EARLIER, False),
        ("nonsense", False),
    ],
)
def test_a_range_holds_only_for_just_this_file(if_range: str | None, holds: bool) -> None:
    assert VALIDATORS.range_holds(if_range) is holds
