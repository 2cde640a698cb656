"""A program from its start to its end: logs, readiness, signals, one grace, an exit status."""

import os
import resource
import signal
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Protocol

import trio

from wavstream.process import logs
from wavstream.process.memory import return_large_blocks, spare_the_collector
from wavstream.process.notify import notify

GRACE_SECONDS = 25.0
"""From the first signal to the end, all stages together; systemd's TimeoutStopSec is a little longer.

Each service keeps within its own, shorter grace. This one is for what cannot be cancelled: a thread that
waits for a disk which hangs.
"""

log = logs.get(__name__)


class Listening(Protocol):
    """What a service says once its listeners are open."""

    def addresses(self) -> Mapping[str, str]:
        """Each listener's name and where it is bound."""


class Service(Protocol):
    """A whole program: returns by itself, within its grace, once `stopping` is set."""

    def __call__(self, *, stopping: trio.Event, task_status: trio.TaskStatus[Listening]) -> Awaitable[None]:
        """Run until told to stop."""


async def _heed_signals(
    stopping: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            if stopping.is_set():
                log.warning("second signal: ending at once", signal=signal.Signals(number).name)
                os._exit(1)
            log.info("stopping", signal=signal.Signals(number).name)
            notify("STOPPING=1")
            stopping.set()


async def _end_after_grace(stopping: trio.Event) -> None:
    await stopping.wait()
    await trio.sleep(GRACE_SECONDS)
    log.error("the grace is over: dropping what is left", grace_seconds=GRACE_SECONDS)
    os._exit(0)


def _use_all_descriptors() -> None:
    """Raise the soft limit to the hard one: it is kept low for programs that use select(2) alone."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def main(service: Service) -> None:
    """Run one service in this loop until it ends or a signal ends it."""
    stopping = trio.Event()
    async with trio.open_nursery() as watchers:
        await watchers.start(_heed_signals, stopping)
        watchers.start_soon(_end_after_grace, stopping)
        async with trio.open_nursery() as nursery:
            listening = await nursery.start(partial(service, stopping=stopping))
            spare_the_collector()
            log.info("ready", **listening.addresses())
            notify("READY=1", "STATUS=" + " ".join(f"{k}={v}" for k, v in listening.addresses().items()))
        log.info("ended")
        watchers.cancel_scope.cancel()


def run(service: Service, *, log_level: str = "info") -> None:
    """The whole life of a program. Raises what the service raised; returns when it ended well."""
    logs.configure(log_level)
    return_large_blocks()
    _use_all_descriptors()
    trio.run(main, service)
