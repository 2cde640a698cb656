"""HTTP for either program: one Quart app behind Hypercorn's protocol, inside the program's own Trio loop.

The listener and the connections are ours, because Hypercorn's take any number of connections.
"""

import logging
import socket

import trio
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import LifespanState
from hypercorn.utils import wrap_app
from quart_trio import QuartTrio

from wavstream.process import logs
from wavstream.process.accepting import bound, listen, take_connections
from wavstream.process.admission import Admission
from wavstream.process.connection import Connection, Serving
from wavstream.process.peers import network
from wavstream.process.settings import Address
from wavstream.process.turnaway import turn_away

GRACE_SECONDS = 3.0
"""How long a response that is under way may go on after the program was told to stop."""

log = logs.get(__name__)


def _config() -> Config:
    config = Config()
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    return config


async def serve_http(
    app: QuartTrio,
    address: Address,
    *,
    stopping: trio.Event,
    admission: Admission[Connection] | None = None,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` until `stopping` is set, then let what is under way finish within GRACE_SECONDS.

    Starts with the address it is bound to, which port 0 leaves to the system. Raises ListenError.
    """
    config, state = _config(), LifespanState()
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")
    lifespan = Lifespan(wrapped, config, state)
    with listen(address) as listener:
        async with trio.open_nursery() as nursery:
            await nursery.start(lifespan.handle_lifespan)
            await lifespan.wait_for_startup()
            serving = Serving(wrapped, config, WorkerContext(None), state)
            server = _Server(serving, Admission() if admission is None else admission)
            task_status.started(bound(listener))
            await server.run(listener, stopping)
            await lifespan.wait_for_shutdown()
            nursery.cancel_scope.cancel()


class _Server:
    def __init__(self, serving: Serving, admission: Admission[Connection]) -> None:
        self._serving = serving
        self._admission = admission

    async def run(self, listener: socket.socket, stopping: trio.Event) -> None:
        """Take connections until `stopping`; then end those that are idle, and soon all others."""
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                accepting.start_soon(take_connections, listener, self._connection, connections)
                await stopping.wait()
                accepting.cancel_scope.cancel()
            connections.cancel_scope.deadline = trio.current_time() + GRACE_SECONDS
            await self._serving.context.terminated.set()
            for connection in self._admission:
                if connection.idle:
                    connection.cut()

    async def _connection(self, stream: trio.SocketStream) -> None:
        try:
            client, server = stream.socket.getpeername()[:2], stream.socket.getsockname()[:2]
        except OSError:  # it has gone already
            return
        connection = Connection(self._serving, stream, client=client, server=server)
        place = network(client[0])
        if not self._admission.enter(place, connection):
            await turn_away(stream)
            log.warning("connection refused", peer=client[0], error="too many connections")
            return
        try:
            await connection.run()
        except Exception:  # the connection is the unit of failure: no other may suffer
            if not connection.is_cut:
                log.exception("connection failed", peer=client[0])
        finally:
            self._admission.leave(connection)
