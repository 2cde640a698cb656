"""The beat to which all sessions of a program work.

A wake-up costs more than the work it brings, and a hundred tasks woken by one pass of the scheduler
cost half of a hundred passes. So nothing on the audio path sleeps by itself: one task keeps the time,
and all the others park here until the next beat.
"""

import math

import trio

SECONDS_BY_LOAD = ((12, 0.1), (24, 0.2), (48, 0.4))
"""(sessions at most, seconds between beats): lively with few, thrifty with many. Up to here there are no more
wake-ups a second with many sessions than with a dozen."""
SLOWEST_SECONDS = 0.5
SELDOM_SECONDS = 0.8
"""For what is to be done once a second: with a beat of 0.1 to 0.4 s it is a multiple of that."""


def following(now: float, period: float) -> float:
    """The first whole multiple of `period` after `now`, all in seconds."""
    at = (now // period + 1) * period
    return at if at > now else at + period  # 1.0 // 0.1 is 9.0: the quotient is rounded down


class Cadence:
    """Beats at whole multiples of a period, from the clock's zero on, for any number of waiting tasks."""

    def __init__(self, *, slowest: float = math.inf) -> None:
        """`slowest` seconds between beats at most: somebody waits for what comes at one."""
        self._waiting = trio.lowlevel.ParkingLot()
        self._seldom = trio.lowlevel.ParkingLot()
        self._slowest = slowest
        self.load = 0
        """How many sessions are running: their owner keeps it true."""

    @property
    def period(self) -> float:
        """Seconds from one beat to the next at the present load."""
        by_load = next((seconds for most, seconds in SECONDS_BY_LOAD if self.load <= most), SLOWEST_SECONDS)
        return min(by_load, self._slowest)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the time until cancelled, on an absolute schedule: a late beat moves none after it."""
        task_status.started()
        seldom = following(trio.current_time(), SELDOM_SECONDS)
        while True:
            await trio.sleep_until(following(trio.current_time(), self.period))
            self._waiting.unpark_all()
            if trio.current_time() >= seldom:
                self._seldom.unpark_all()
                seldom = following(trio.current_time(), SELDOM_SECONDS)

    async def beat(self) -> None:
        """Wait for the next beat."""
        await self._waiting.park()

    async def seldom(self) -> None:
        """Wait for the beat at the next multiple of SELDOM_SECONDS; a sleep of one's own costs more."""
        await self._seldom.park()
