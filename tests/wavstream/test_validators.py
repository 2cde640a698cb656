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
    "date",
    ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],  # RFC 9110, section 5.6.7
)
def test_the_two_old_forms_of_a_date_count_as_well(date: str) -> None:
    assert VALIDATORS.unchanged(if_none_match=None, if_modified_since=date)


@pytest.mark.parametrize(
    "date", ["Sun, 06 Nov 1994 08:49:37 +0000", "1994", "06 Nov 1994 08:49:37 GMT", "x" * 99]
)
def test_another_form_of_a_date_is_none(date: str) -> None:
    assert not VALIDATORS.unchanged(if_none_match=None, if_modified_since=date)


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, None),
        ({"If-Match": '"abc"'}, None),
        ({"If-Match": "*"}, None),
        ({"If-Match": '"x"'}, "failed"),
        ({"If-Match": 'W/"abc"'}, "failed"),  # a weak tag does not promise the same bytes
        ({"If-Unmodified-Since": DATE}, None),
        ({"If-Unmodified-Since": EARLIER}, "failed"),
        ({"If-Unmodified-Since": "nonsense"}, None),
        ({"If-Match": '"abc"', "If-Unmodified-Since": EARLIER}, None),  # the tag alone counts
        ({"If-None-Match": '"abc"'}, "unchanged"),
        ({"If-Match": '"x"', "If-None-Match": '"abc"'}, "failed"),  # in the order of section 13.2.2
        ({"If-Modified-Since": DATE}, "unchanged"),
    ],
)
def test_conditions_are_judged_in_their_order(headers: dict[str, str], verdict: str | None) -> None:
    assert VALIDATORS.verdict(headers) == verdict


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
