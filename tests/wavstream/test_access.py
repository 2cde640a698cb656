"""Who may come in."""

import pytest

from wavstream.access import Access


@pytest.mark.parametrize("authorization", ["Bearer s3cret", "bearer s3cret", "BEARER   s3cret "])
def test_whoever_shows_the_token_comes_in(authorization: str) -> None:
    assert Access("s3cret").permits(peer="203.0.113.9", authorization=authorization)


def test_the_token_may_stand_in_the_query() -> None:
    assert Access("s3cret").permits(peer="203.0.113.9", authorization=None, token="s3cret")


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        (None, None),
        ("Bearer", None),
        ("Bearer s3creT", None),
        ("Basic s3cret", None),
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
