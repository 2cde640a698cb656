"""How a line ends: while somebody else waits to read it, and when its peer is no more."""

import ctypes
import socket
import struct
from contextlib import closing
from uuid import UUID

import pytest
import trio
import trio.testing

from daemon.legs import tcpline
from daemon.legs.tcpline import TcpLine
from daemon.media.timeline import CALLER
from tests.daemon.legs.switch import Switch, listening, until
from wavstream.process import logs

SO_ATTACH_FILTER = 26
NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF's `ret 0`: no packet passes


def connected() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
        return ours, theirs


def cut_off(peer: socket.socket) -> None:
    """Let the kernel drop all that comes to a socket, as a network does behind which nobody is any more."""
    peer.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(NOTHING)))


def backoff(asking: socket.socket) -> int:
    """How often the kernel has asked in vain whether the peer has room again (`tcpi_backoff`)."""
    return asking.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[4]


async def test_a_peer_that_answers_no_more_has_vanished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcpline, "MOST_RETRIES", 2)
    ours, theirs = connected()
    with ours, theirs:
        line = TcpLine(ours, "peer")
        assert line.send(b"silence")
        assert not line.vanished
        cut_off(theirs)
        assert line.send(b"silence")
        with trio.fail_after(60):
            while not line.vanished:  # noqa: ASYNC110 - the kernel tells nobody
                await trio.sleep(0.01)
        assert line.read() is None
        line.close()
        assert not line.vanished


async def test_a_peer_that_reads_nothing_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcpline, "MOST_RETRIES", 1)
    ours, theirs = connected()
    with ours, theirs:
        line = TcpLine(ours, "peer")
        while line.send(bytes(65_536)):
            pass
        with trio.fail_after(60):
            while backoff(ours) < 2:  # noqa: ASYNC110 - the kernel tells nobody
                await trio.sleep(0.01)
        assert not line.vanished


async def test_a_line_may_end_while_somebody_waits_to_read_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        line = TcpLine(ours, "peer")
        let_go = trio.Event()

        async def wait() -> None:
            await line.readable()
            let_go.set()

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await trio.testing.wait_all_tasks_blocked()
                theirs.send(b"\0\0\0")
                assert line.read() == b"\0\0\0"
                line.finish()
                nursery.start_soon(line.linger)
                await let_go.wait()
                theirs.close()
        assert line.over.is_set()
        line.close()


async def test_a_leg_whose_far_end_has_vanished_takes_another_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcpline, "MOST_RETRIES", 2)
    async with listening() as (switchboard, _, nursery):
        leg = switchboard.open(side=CALLER, log=logs.get(__name__))
        await nursery.start(leg.run)
        with closing(Switch(switchboard.address, UUID(leg.name))) as switch:
            await leg.connected.wait()
            cut_off(switch.socket)
            leg.send_silence(trio.current_time())
            await until(lambda: not leg.view()["connected"])
            assert leg.gone_since is not None
            with closing(Switch(switchboard.address, UUID(leg.name))):
                await until(lambda: leg.view()["connected"])
