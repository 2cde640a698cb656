import socket
from contextlib import ExitStack

import pytest

from daemon.legs.ports import PortsExhaustedError, RtpPorts

HOST = "127.0.0.1"


def free_range() -> tuple[int, int]:
    """An even port and the next even one, both free a moment ago."""
    with ExitStack() as held:
        first = held.enter_context(RtpPorts.parse(f"{HOST}:0").bind()).getsockname()[1]
    return first, first + 2


@pytest.mark.contract("listener-daemon-rtp")
def test_each_leg_gets_an_even_port_in_turn_and_a_freed_one_last() -> None:
    low, high = free_range()
    ports = RtpPorts(HOST, low - 1, high + 1)
    with ports.bind() as first:
        assert first.getsockname() == (HOST, low)
        assert first.getblocking() is False
    with ports.bind() as second:
        assert second.getsockname() == (HOST, high)


def test_a_port_in_use_is_passed_over_and_none_left_is_said_plainly() -> None:
    low, high = free_range()
    ports = RtpPorts(HOST, low, high)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, low))
        with ports.bind() as leg:
            assert leg.getsockname() == (HOST, high)
            with pytest.raises(
                PortsExhaustedError, match=f"all RTP ports from {low} to {high} of {HOST} are in use"
            ):
                ports.bind()


def test_the_system_may_choose_and_the_port_is_even() -> None:
    ports = RtpPorts.parse(f"{HOST}:0")
    with ExitStack() as held:
        chosen = [held.enter_context(ports.bind()).getsockname()[1] for _ in range(20)]
    assert all(port % 2 == 0 for port in chosen)
    assert len(set(chosen)) == 20


def test_when_the_system_has_only_odd_ports_it_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as odd:
        while True:
            odd.bind((HOST, 0))
            if odd.getsockname()[1] % 2:
                break
            odd.close()
            odd = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # noqa: PLW2901 - until it is odd
        offers = iter([odd, None] * 64)
        monkeypatch.setattr("daemon.legs.ports._bind", lambda _host, _port: next(offers))
        with pytest.raises(PortsExhaustedError, match="no even UDP port left"):
            RtpPorts.parse(f"{HOST}:0").bind()


def test_an_ipv6_host_is_bound_as_such() -> None:
    with RtpPorts.parse("[::1]:0").bind() as leg:
        assert leg.family is socket.AF_INET6


def test_a_host_that_is_not_ours_is_the_operating_system_s_error() -> None:
    with pytest.raises(OSError, match="assign"):
        RtpPorts("192.0.2.1", 20000, 20010).bind()


@pytest.mark.parametrize("text", ["127.0.0.1:20000-29998", "[::1]:0", "0.0.0.0:5000-5000"])
def test_a_range_is_read(text: str) -> None:
    assert isinstance(RtpPorts.parse(text), RtpPorts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:20000",
        "127.0.0.1:9-5",
        "127.0.0.1:0-5",
        "127.0.0.1:x-y",
        ":1-5",
        "127.0.0.1:5-99999",
    ],
)
def test_what_is_no_range_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="takes HOST:LOW-HIGH"):
        RtpPorts.parse(text)


def test_a_range_without_an_even_port_is_refused() -> None:
    with pytest.raises(ValueError, match="an even port"):
        RtpPorts.parse("127.0.0.1:5001-5001")
