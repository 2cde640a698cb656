"""Room on the disk: when to warn, when to begin nothing new, and the task that looks. The core has no I/O.

What runs has room in reserve: nothing begins unless, besides the refusal mark, there is room for all running
recordings to go on for `RESERVE_SECONDS`. So the mark rises with the load, by itself. A file put aside and
given up when the disk is full would hold the same room; but it is used up once, and has to be made again by a
server that may be killed in between.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import trio

from wavstream.metrics import Metrics
from wavstream.process import logs

CHECK_SECONDS = 1.0
"""From one look to the next: 200 calls write 3 MB meanwhile."""
ANSWER_SECONDS = 10.0
"""For a disk to say what is free. One that takes longer hangs, and nothing should begin on it."""
RESERVE_SECONDS = 1800.0
"""For so long all that runs can go on when nothing new begins: most calls are shorter."""
RELIEF = 0.1
"""A mark is left when so much more is free than it asks for: a disk that hovers there is reported once."""
MEGABYTE = 1_000_000

log = logs.get(__name__)


class Level(IntEnum):
    """How it stands; each includes the ones before it."""

    ROOM = 0
    WARNING = 1
    FULL = 2


class NoRoomError(Exception):
    """Nothing new may begin. Its text says why, to be shown to whoever asked."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Bytes that have to be free, or else: a warning; no new recordings."""

    warning: int
    refusal: int

    def level(self, free: int, byte_rate: float, previous: Level) -> Level:
        """Where `free` bytes stand, with `byte_rate` bytes a second to be written by what runs."""
        reserve = byte_rate * RESERVE_SECONDS
        for level, mark in ((Level.FULL, self.refusal), (Level.WARNING, self.warning)):
            relief = 1 + RELIEF if previous >= level else 1
            if free < (mark + reserve) * relief:
                return level
        return Level.ROOM


class Space:
    """Looks at the file system of `folder`; `byte_rate` tells how much a second all that runs writes."""

    def __init__(
        self, folder: Path, marks: Marks, *, byte_rate: Callable[[], float], metrics: Metrics
    ) -> None:
        self._folder = folder
        self._marks = marks
        self._byte_rate = byte_rate
        self._metrics = metrics
        self._level = Level.ROOM
        self.obstacle = ""
        """Why nothing new may begin; empty: it may."""
        # A thread of its own: one that hangs is left behind, and holds up nothing but the next look.
        self._limiter = trio.CapacityLimiter(1)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look once a second, until cancelled; started after the first look."""
        await self._look()
        task_status.started()
        while True:
            await trio.sleep(CHECK_SECONDS)
            await self._look()

    def admit(self) -> None:
        """To be called before a recording begins. Raises NoRoomError."""
        if self.obstacle:
            self._metrics.starts_refused.inc()
            raise NoRoomError(self.obstacle)

    async def _look(self) -> None:
        with trio.move_on_after(ANSWER_SECONDS):
            try:
                found = await trio.to_thread.run_sync(
                    os.statvfs, self._folder, abandon_on_cancel=True, limiter=self._limiter
                )
            except OSError as wrong:
                self._stand(Level.FULL, f"the disk cannot be asked for its room: {wrong.strerror}")
            else:
                self._judge(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)
            return
        self._stand(Level.FULL, f"the disk does not answer within {ANSWER_SECONDS:g} s")

    def _judge(self, free: int, total: int) -> None:
        self._metrics.disk_free.set(free)
        self._metrics.disk_total.set(total)
        byte_rate = self._byte_rate()
        level = self._marks.level(free, byte_rate, self._level)
        reserve = round(byte_rate * RESERVE_SECONDS / MEGABYTE)
        words = f"{free // MEGABYTE} MB free, of which what runs may need {reserve}"
        self._stand(level, f"the disk is nearly full: {words}")

    def _stand(self, level: Level, words: str) -> None:
        """One line for each step, down or up."""
        previous, self._level = self._level, level
        self.obstacle = words if level is Level.FULL else ""
        self._metrics.disk_low.set(level)
        if level is Level.FULL and previous is not level:
            log.error("no new recordings: make room, or the running ones stop next", reason=words)
        elif level is Level.WARNING and previous is Level.ROOM:
            log.warning("the disk fills", reason=words)
        elif level < previous:
            log.info("there is room again", new_recordings=True, warning=level is Level.WARNING)
