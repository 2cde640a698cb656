"""Where a webhook may go."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.webhooks.target import Endpoint, TargetError, TargetRules, is_public

STRICT = TargetRules()

NOT_PUBLIC = [
    "127.0.0.1",  # loopback
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",  # private, RFC 1918
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",  # link-local: where clouds keep credentials
    "100.64.0.1",  # shared, RFC 6598
    "192.0.2.1",  # documentation
    "198.18.0.1",  # benchmarks
    "224.0.0.1",  # multicast
    "240.0.0.1",  # reserved
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",  # site-local, long deprecated
    "fc00::1",  # unique local
    "fd12:3456::1",
    "ff02::1",  # multicast
    "2001:db8::1",  # documentation
    "::ffff:127.0.0.1",  # IPv4-mapped
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",  # IPv4-compatible
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a00:1::",  # 6to4 of 10.0.0.1
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b::a9fe:a9fe",
]
PUBLIC = [
    "1.1.1.1",
    "172.32.0.1",
    "192.169.0.1",
    "2606:4700::1111",
    "::ffff:1.1.1.1",
    "2002:101:101::",
    "64:ff9b::101:101",
]


@pytest.mark.contract("webhook-target")
@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_of_the_internet_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    with pytest.raises(TargetError, match="not a public address"):
        STRICT.permit("hook.example", [address])


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_permitted(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert STRICT.permit("hook.example", [address]) == [address]


@given(st.ip_addresses(v=4))
def test_an_ipv6_address_that_carries_an_ipv4_one_is_judged_by_it(carried: ipaddress.IPv4Address) -> None:
    number = int(carried)
    mapped = ipaddress.IPv6Address(0xFFFF << 32 | number)
    sixtofour = ipaddress.IPv6Address(0x2002 << 112 | number << 80)
    nat64 = ipaddress.IPv6Address(0x64FF9B << 96 | number)
    assert {is_public(each) for each in (mapped, sixtofour, nat64)} == {is_public(carried)}


def test_a_name_with_one_address_that_may_not_be_is_refused_whole() -> None:
    with pytest.raises(TargetError, match=r"hook\.example is at 10\.0\.0\.1"):
        STRICT.permit("hook.example", ["1.1.1.1", "10.0.0.1"])


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(TargetError, match=r"hook\.example has no address"):
        TargetRules(allow_localhost=True).permit("hook.example", [])


def test_the_operator_may_permit_addresses_that_are_not_public() -> None:
    assert TargetRules(allow_localhost=True).permit("localhost", ["127.0.0.1"]) == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://hook.example/path?x=1", Endpoint("hook.example", 443)),
        ("https://hook.example:8443", Endpoint("hook.example", 8443)),
        ("HTTPS://HOOK.example/", Endpoint("hook.example", 443)),
        ("https://[2606:4700::1111]:1/", Endpoint("2606:4700::1111", 1)),
    ],
)
def test_a_url_says_where_to_connect(url: str, endpoint: Endpoint) -> None:
    assert STRICT.endpoint(url) == endpoint


def test_http_needs_the_operators_leave() -> None:
    with pytest.raises(TargetError, match="ALLOW_HTTP_WEBHOOKS"):
        STRICT.endpoint("http://hook.example/")
    assert TargetRules(allow_http=True).endpoint("http://hook.example/") == Endpoint("hook.example", 80)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("hook.example", "takes an https: URL"),
        ("ftp://hook.example/", "takes an https: URL"),
        ("https:///path", "takes an https: URL"),
        ("https://hook.example:0/", "takes an https: URL"),
        ("https://hook.example:port/", "is no URL"),
        ("https://hook.example:99999/", "is no URL"),
        ("https://[::1/", "is no URL"),
        ("https://user@hook.example/", "user name or password"),
        ("https://user:secret@hook.example/", "user name or password"),
        ("https://hook.example/\n", "printable ASCII"),
        ("https://h\u00f6ok.example/", "printable ASCII"),
        ("https://hook.example/" + "x" * 2048, "2048"),
    ],
)
def test_a_url_that_is_none_for_webhooks_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(TargetError, match=words):
        STRICT.endpoint(url)
