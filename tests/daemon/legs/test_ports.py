import errno
import socket
from contextlib import ExitStack

import pytest

from daemon.legs import ports
from daemon.legs.ports import PortsExhaustedError, RtpPorts

HOST = "127.0.0.1"


def free_range() -> tuple[int, int]:
    """An even port and the next even one, both free a moment ago."""
    with ExitStack() as held:
        first = held.enter_context(RtpPorts.parse(f"{HOST}:0").bind()).rtp.getsockname()[1]
    return first, first + 2


@pytest.mark.contract("listener-daemon-rtp")
def test_each_leg_gets_an_even_port_in_turn_and_a_freed_one_last() -> None:
    low, high = free_range()
    given = RtpPorts(HOST, low - 1, high + 1)
    with given.bind() as first:
        assert first.rtp.getsockname() == (HOST, low)
        assert first.rtp.getblocking() is False
        assert first.rtcp is not None
        assert first.rtcp.getsockname() == (HOST, low + 1)
        assert first.rtcp.getblocking() is False
    with given.bind() as second:
        assert second.rtp.getsockname() == (HOST, high)


def test_a_port_in_use_is_passed_over_and_none_left_is_said_plainly() -> None:
    low, high = free_range()
    given = RtpPorts(HOST, low, high)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, low))
        with given.bind() as leg:
            assert leg.rtp.getsockname() == (HOST, high)
            with pytest.raises(
                PortsExhaustedError, match=f"all RTP ports from {low} to {high} of {HOST} are in use"
            ):
                given.bind()


def test_the_system_may_choose_and_the_port_is_even() -> None:
    given = RtpPorts.parse(f"{HOST}:0")
    with ExitStack() as held:
        pairs = [held.enter_context(given.bind()) for _ in range(20)]
        chosen = [pair.rtp.getsockname()[1] for pair in pairs]
        above = [pair.rtcp.getsockname()[1] for pair in pairs if pair.rtcp is not None]
    assert all(port % 2 == 0 for port in chosen)
    assert len(set(chosen)) == 20
    assert above == [port + 1 for port in chosen]


def test_a_pair_that_is_closed_twice_is_closed_once() -> None:
    with RtpPorts.parse(f"{HOST}:0").bind() as pair:
        pair.close()
        assert pair.rtp.fileno() < 0
        assert pair.rtcp is not None
        assert pair.rtcp.fileno() < 0


def test_of_a_range_a_leg_whose_odd_port_is_taken_goes_without_and_the_system_offers_another_pair() -> None:
    low, _ = free_range()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, low + 1))
        with RtpPorts(HOST, low, low).bind() as leg:
            assert leg.rtp.getsockname() == (HOST, low)
            assert leg.rtcp is None


def test_an_odd_port_that_cannot_be_bound_at_all_leaves_no_socket_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    low, _ = free_range()
    bind, opened = ports._bind, []

    def failing(host: str, port: int, *more: int) -> socket.socket | None:
        if port % 2:
            raise PermissionError(errno.EACCES, "no")
        opened.append(bind(host, port, *more))
        return opened[-1]

    monkeypatch.setattr(ports, "_bind", failing)
    with pytest.raises(PermissionError):
        RtpPorts(HOST, low, low).bind()
    assert [bound.fileno() for bound in opened if bound is not None] == [-1]


def test_when_the_system_has_only_odd_ports_it_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as odd:
        while True:
            odd.bind((HOST, 0))
            if odd.getsockname()[1] % 2:
                break
            odd.close()
            odd = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # noqa: PLW2901 - until it is odd
        offers = iter([odd, None] * 64)
        monkeypatch.setattr(ports, "_bind", lambda _host, _port: next(offers))
        with pytest.raises(PortsExhaustedError, match="no even UDP port left with the next one free"):
            RtpPorts.parse(f"{HOST}:0").bind()


def test_an_ipv6_host_is_bound_as_such() -> None:
    with RtpPorts.parse("[::1]:0").bind() as leg:
        assert leg.rtp.family is socket.AF_INET6
        assert leg.rtcp is not None
        assert leg.rtcp.getsockname()[1] == leg.rtp.getsockname()[1] + 1


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
