"""Group commit: all that is asked for while the database is busy becomes its next transaction, together.

A commit waits for the disk, and a thread hop costs as much as the work; fifty calls that change in the same
instant so cost a few of each, and a lone one no more than before.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import outcome
import trio
from sqlalchemy import Connection

T = TypeVar("T")

Work = Callable[[Connection], Any]
Results = Sequence["outcome.Outcome[Any]"]
MOST_TOGETHER = 64
"""Pieces of work in one transaction: a fraction of a second, so that nobody waits long for the others."""


@dataclass(eq=False)
class _Job(Generic[T]):
    work: Callable[[Connection], T]
    task: trio.lowlevel.Task


class GroupCommit:
    """Has work done in turn, by `perform`: in a thread, one transaction for all that it is given.

    `perform` returns what became of each piece, in their order.
    """

    def __init__(self, perform: Callable[[Sequence[Work]], Results]) -> None:
        self._perform = perform
        self._waiting: deque[_Job[Any]] = deque()
        self._thread = trio.CapacityLimiter(1)
        self._busy = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns or raises; it can be cancelled until it has begun, and then runs to its end.

        Whoever comes to a free database does the work of those who have come by then. So no task is needed
        that does nothing else, and nobody works for others for longer than one transaction.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        job = _Job(work, trio.lowlevel.current_task())
        if self._busy:
            self._waiting.append(job)
            result = await trio.lowlevel.wait_task_rescheduled(lambda _: self._withdraw(job))
            if result is not None:
                return result.unwrap()  # type: ignore[no-any-return] # one of Results
        self._busy = True
        try:
            return await self._lead(job)
        finally:
            self._pass_on()

    def _withdraw(self, job: _Job[Any]) -> trio.lowlevel.Abort:
        if job not in self._waiting:
            return trio.lowlevel.Abort.FAILED  # it has begun: what comes of it has to be known
        self._waiting.remove(job)
        return trio.lowlevel.Abort.SUCCEEDED

    async def _lead(self, job: _Job[T]) -> T:
        others = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER - 1))]
        jobs = [job, *others]
        try:
            works = [each.work for each in jobs]
            results = await trio.to_thread.run_sync(self._perform, works, limiter=self._thread)
        except trio.Cancelled:  # before it began: the others have not been cancelled, and keep their places
            self._waiting.extendleft(reversed(others))
            raise
        except Exception as wrong:  # noqa: BLE001 - nobody may wait for ever, whatever `perform` did
            results = [outcome.Error(wrong) for _ in jobs]
        for each, result in zip(others, results[1:], strict=True):
            trio.lowlevel.reschedule(each.task, outcome.Value(result))
        return results[0].unwrap()  # type: ignore[no-any-return] # what `work` returned

    def _pass_on(self) -> None:
        """Let the next in the line lead, if there is one."""
        if self._waiting:
            trio.lowlevel.reschedule(self._waiting.popleft().task, outcome.Value(None))
        else:
            self._busy = False
