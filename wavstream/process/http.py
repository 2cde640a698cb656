"""HTTP for either program: one Quart app under Hypercorn, inside the program's own Trio loop."""

import logging
from functools import partial
from urllib.parse import urlsplit

import hypercorn.trio
import trio
from hypercorn.config import Config
from quart_trio import QuartTrio

from wavstream.process.listening import naming
from wavstream.process.settings import Address

GRACE_SECONDS = 3.0
"""How long a response that is under way may go on after the program was told to stop."""
KEEP_ALIVE_SECONDS = 20.0
"""An idle connection is closed after this; a request whose header does not come is idle too."""


def _config(address: Address) -> Config:
    config = Config()
    config.bind = [str(address)]
    config.backlog = 1024
    config.graceful_timeout = GRACE_SECONDS
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    return config


async def serve_http(
    app: QuartTrio,
    address: Address,
    *,
    stopping: trio.Event,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` until `stopping` is set, then let what is under way finish within GRACE_SECONDS.

    Starts with the address it is bound to, which port 0 leaves to the system. Raises ListenError.
    """
    async with trio.open_nursery() as nursery:
        serve = partial(
            hypercorn.trio.serve, app, _config(address), shutdown_trigger=stopping.wait, mode="asgi"
        )
        with naming(address):
            bound = await nursery.start(serve)
        url = urlsplit(bound[0])
        task_status.started(Address(url.hostname or address.host, url.port or address.port))
