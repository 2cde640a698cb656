"""Who may come in."""

import base64

import pytest

from wavstream.process.access import Access


@pytest.mark.parametrize("authorization", ["Bearer s3cret", "bearer s3cret", "BEARER   s3cret "])
def test_whoever_shows_the_token_comes_in(authorization: str) -> None:
    assert Access("s3cret").permits(peer="203.0.113.9", authorization=authorization)


def basic(credentials: bytes) -> str:
    return f"Basic {base64.b64encode(credentials).decode()}"


@pytest.mark.parametrize("credentials", [b"anybody:s3cret", b":s3cret"])
def test_the_token_may_be_the_password_of_any_user(credentials: bytes) -> None:
    assert Access("s3cret").permits(peer="203.0.113.9", authorization=basic(credentials))
    assert Access("s3cret").permits(
        peer="203.0.113.9", authorization=basic(credentials).replace("Basic", "bAsIc ")
    )


def test_a_password_may_hold_a_colon() -> None:
    assert Access("a:b").permits(peer="203.0.113.9", authorization=basic(b"user:a:b"))


def test_the_token_may_stand_in_the_query() -> None:
    assert Access("s3cret").permits(peer="203.0.113.9", authorization=None, token="s3cret")


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        (None, None),
        ("Bearer", None),
        ("Bearer s3creT", None),
        ("Basic s3cret", None),
        (basic(b"s3cret:"), None),
        (basic(b"s3cret:s3creT"), None),
        (basic(b"s3cret"), None),
        (basic(b"user:s3cret")[:-3], None),
        ("Basic", None),
        ("Basic é", None),
        ("Bearer \udcff", None),  # a byte that is no ASCII, as the listener reads it
        (None, ""),
        (None, "é"),
    ],
)
def test_others_do_not_not_even_from_this_machine(authorization: str | None, token: str | None) -> None:
    assert not Access("s3cret").permits(peer="127.0.0.1", authorization=authorization, token=token)


def test_a_wrong_header_is_not_mended_by_a_right_query() -> None:
    assert not Access("s3cret").permits(peer="127.0.0.1", authorization="Bearer x", token="s3cret")


@pytest.mark.contract("ws-access")
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_without_a_token_this_machine_comes_in(peer: str) -> None:
    assert Access(None).permits(peer=peer, authorization=None)


@pytest.mark.contract("v1-access", "ws-access")
@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.0.1", "fe80::1%eth0", "2001:db8::1", "", "unix"])
def test_without_a_token_nobody_else_does(peer: str) -> None:
    assert not Access(None).permits(peer=peer, authorization="Bearer ")
