import json

import pytest

from daemon.media.dialects.dialect import MOST_FIELDS_BYTES, DialectError
from daemon.media.dialects.telling import (
    MOST_ID_CHARACTERS,
    MOST_TEXT_BYTES,
    an_id,
    bounded,
    json_object,
    pressed,
    told,
    whole,
)
from daemon.media.keys import DIGITS


@pytest.mark.parametrize("text", ["x" * (MOST_TEXT_BYTES + 1), "é" * (MOST_TEXT_BYTES // 2 + 1), "\ud800"])
def test_a_text_that_is_too_long_or_no_unicode_is_an_error(text: str) -> None:
    with pytest.raises(DialectError):
        told(text)
    with pytest.raises(DialectError):
        json_object(text)


def test_a_text_may_be_as_long_as_its_bound() -> None:
    assert told("x" * MOST_TEXT_BYTES).fields == {}
    written = json.dumps({"a": "x" * (MOST_TEXT_BYTES - 9)})
    assert len(written) == MOST_TEXT_BYTES
    assert json_object(written) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        '"{}"',
        "[" * 60_000,
        '{"a":' * 10_000,
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        '{"a": ' + "9" * 10_000 + "}",
        "{'a': 1}",
    ],
)
def test_what_is_no_json_object_is_none(text: str) -> None:
    assert json_object(text) is None


@pytest.mark.parametrize("value", ["", " ", "a\nb", "a\0", "\u200b", "x" * (MOST_ID_CHARACTERS + 1), 10**300])
def test_an_id_that_nobody_could_use_is_none(value: object) -> None:
    assert an_id(value) is None


@pytest.mark.parametrize("value", [None, True, 1.5, [], {}])
def test_an_id_is_a_text_or_a_whole_number(value: object) -> None:
    assert an_id(value) is None


def test_an_id_has_no_blanks_around_it() -> None:
    assert an_id(" a b ") == "a b"
    assert an_id(49) == "49"
    assert an_id("x" * MOST_ID_CHARACTERS) == "x" * MOST_ID_CHARACTERS


def test_fields_are_left_out_whole_where_there_is_no_room() -> None:
    said = {"a": 1, "long": "x" * MOST_FIELDS_BYTES, "b": {"c": [1, 2, 3]}, "d": "y" * 100}
    assert bounded(said) == {"a": 1, "b": {"c": [1, 2, 3]}, "d": "y" * 100}
    many = {f"key-{number}": number for number in range(10_000)}
    kept = bounded(many)
    assert MOST_FIELDS_BYTES - 50 < len(json.dumps(kept)) <= MOST_FIELDS_BYTES
    assert list(kept) == list(many)[: len(kept)]


def test_fields_that_no_database_keeps_are_left_out() -> None:
    said = json_object(
        '{"nul": "\\u0000", "in\\u0000key": 1, "deep": {"a": ["\\u0000"]}, "inf": 1e999, "good": 1}'
    )
    assert said is not None
    assert bounded(said) == {"good": 1}


def test_keys_are_the_sixteen_of_a_telephone() -> None:
    assert [pressed(digit) for digit in DIGITS] == [(digit,) for digit in DIGITS]
    assert pressed("a") == ("A",)
    assert pressed(7) == ("7",)


@pytest.mark.parametrize("wrong", ["", "E", "12", 12, -1, None, True, 1.0, ["1"]])
def test_anything_else_is_no_key(wrong: object) -> None:
    assert pressed(wrong) is None


def test_a_whole_number_may_be_a_text() -> None:
    assert (whole("0020"), whole(20), whole("999999999999999")) == (20, 20, 999_999_999_999_999)


@pytest.mark.parametrize(
    "wrong", ["", "-1", -1, "1.0", 1.0, True, None, "\u0663", 10**15, "1" * 16, [], "\u00b2"]
)
def test_anything_else_is_no_whole_number(wrong: object) -> None:
    assert whole(wrong) is None
