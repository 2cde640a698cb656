"""A line that ends while somebody waits to read it: whoever asks for a session reads its legs as well."""

import socket

import trio
import trio.testing

from daemon.legs.tcpline import TcpLine


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
