"""What may stand in a request's body."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.api.bodies import ApplicationBody, Body, BodyError, CommandBody, SessionBody, parse

KEY = {"api_key": "sixteen letters!"}


@pytest.mark.contract("body-nothing-else")
def test_an_empty_body_is_an_empty_object() -> None:
    assert parse(CommandBody, b"") == parse(CommandBody, b"{}") == CommandBody()
    assert parse(SessionBody, b"").legs == 1


@pytest.mark.contract("body-command-uid")
@pytest.mark.parametrize("uid", ["a", "A-b_c.9", "x" * 128])
def test_a_command_uid_is_up_to_128_of_its_characters(uid: str) -> None:
    assert parse(CommandBody, json.dumps({"command_uid": uid}).encode()).command_uid == uid


@pytest.mark.contract("body-command-uid")
@pytest.mark.parametrize("uid", ["", "x" * 129, "a b", "a/b", "\u00e4", "a\n", None, 1, True, ["a"]])
def test_any_other_command_uid_is_refused(uid: object) -> None:
    with pytest.raises(BodyError, match=r"^command_uid: "):
        parse(CommandBody, json.dumps({"command_uid": uid}).encode())


@pytest.mark.parametrize(
    "body", [b"{nope", b"[]", b"null", b'"x"', b"1", b" ", b"\xff", b"{}{}", b"{'a': 1}"]
)
def test_what_is_no_json_object_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(BodyError, match=r"^body: (Invalid JSON|Input should be an object)"):
        parse(CommandBody, body)


@pytest.mark.contract("body-nothing-else")
@pytest.mark.parametrize("kind", [CommandBody, SessionBody])
def test_any_other_field_is_refused_by_name(kind: type[CommandBody] | type[SessionBody]) -> None:
    with pytest.raises(BodyError, match=r"^url: no such field$"):
        parse(kind, b'{"url": "ws://elsewhere"}')


@pytest.mark.contract("session-body")
def test_a_session_may_say_who_calls_whom_and_how() -> None:
    told = {
        "caller_id": "+49 30 1",
        "did": "100",
        "legs": 2,
        "repin": True,
        "silence": False,
        "telephone_event": 96,
        "rtp": {"payload_type": 96, "encoding": "L16", "rate": 16000},
    }
    body = parse(SessionBody, json.dumps(told).encode())
    assert body.model_dump() == told


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("legs", 0),
        ("legs", 3),
        ("legs", True),
        ("legs", 1.5),
        ("legs", 1e300),
        ("legs", "1"),
        ("caller_id", "x" * 129),
        ("caller_id", "a\nb"),
        ("did", 100),
        ("repin", 1),
        ("silence", "no"),
        ("telephone_event", 128),
        ("telephone_event", None),
        ("rtp", {}),
        ("rtp", {"payload_type": 128, "encoding": "L16", "rate": 8000}),
        ("rtp", {"payload_type": 96, "encoding": "opus", "rate": 48000}),
        ("rtp", {"payload_type": 96, "encoding": "L16", "rate": 8001}),
        ("rtp", {"payload_type": 96, "encoding": "PCMU", "rate": 16000}),
    ],
)
def test_a_session_with_anything_else_is_refused_by_the_fields_name(field: str, value: object) -> None:
    with pytest.raises(BodyError, match=rf"^{field}"):
        parse(SessionBody, json.dumps({field: value}).encode())


def test_a_whole_number_may_be_written_with_a_fraction_of_nothing() -> None:
    assert parse(SessionBody, b'{"legs": 2.0}').legs == 2  # JSON has one kind of number
    assert parse(ApplicationBody, json.dumps(KEY | {"rate_limit": 1e3}).encode()).rate_limit == 1000


@pytest.mark.contract("admin-fields")
def test_an_application_has_defaults_for_all_but_its_key() -> None:
    body = parse(ApplicationBody, json.dumps(KEY).encode())
    assert (body.webhook_url, body.rate_limit, body.events) == ("", 0, [])
    with pytest.raises(BodyError, match=r"^api_key: Field required"):
        parse(ApplicationBody, b"{}")


@pytest.mark.contract("admin-fields")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("api_key", "fifteen letters"),
        ("api_key", "x" * 257),
        ("api_key", " blank at its beginning"),
        ("api_key", "sixteen lett\u00e4rs!"),
        ("api_key", "sixteen\tletters!"),
        ("rate_limit", -1),
        ("rate_limit", 10_001),
        ("rate_limit", 1.5),
        ("events", ["call.gone"]),
        ("events", "call.new"),
        ("webhook_url", None),
    ],
)
def test_an_application_with_anything_else_is_refused_by_the_fields_name(field: str, value: object) -> None:
    with pytest.raises(BodyError, match=rf"^{field}"):
        parse(ApplicationBody, json.dumps(KEY | {field: value}).encode())


def wrong_with(kind: type[Body], body: bytes) -> str:
    """What is wrong with a body, in words; "" where nothing is."""
    try:
        parse(kind, body)
    except BodyError as wrong:
        return str(wrong)
    return ""


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_a_body_or_an_error_in_words(body: bytes) -> None:
    for kind in (CommandBody, SessionBody, ApplicationBody):
        words = wrong_with(kind, body)
        assert words.isprintable()
        assert len(words) < 300
