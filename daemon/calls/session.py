"""One call: its legs and its recordings, in one nursery."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import trio

from daemon.calls.moment import Moment
from daemon.legs.leg import SideName
from daemon.legs.party import Party
from daemon.media.allowance import MOST_SECONDS
from daemon.recording.endpoint import RecordingFormat
from daemon.recording.failure import RecordingFailed
from daemon.recording.measure import Silence
from wavstream.process import logs
from wavstream.process.cadence import SLOWEST_SECONDS
from wavstream.protocol import Completed, Reason

LAST_AUDIO_SECONDS = MOST_SECONDS + 2 * SLOWEST_SECONDS
"""How long the legs of an ended call stay for its recording: the longest allowance and two slow beats."""
FINISH_SECONDS = 24 * 3600.0
"""How long a recording that was stopped may wait in memory for a wavstream that is away."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A recording that was asked for, and that the catalogue knows."""

    recording_id: str
    command_uid: str
    format: RecordingFormat
    started: Moment
    """When its first sample is spoken."""


class Running(Protocol):
    """What a session asks of a `daemon.recording.recording.Recording`."""

    async def run(self) -> Completed:
        """Record until `stop`, and until wavstream has all of it. Raises RecordingFailed."""

    def stop(self, at: float, reason: Reason) -> None:
        """End it with the audio spoken before `at`, seconds of `trio.current_time()`."""

    def pause(self, at: float) -> None:
        """Hide what is spoken from `at` on."""

    def resume(self, at: float) -> None:
        """Hide no more of what is spoken from `at` on."""

    def silences(self) -> Mapping[SideName, Silence]:
        """For how long no sound of each side has been recorded."""

    def holding(self, at: float) -> AbstractContextManager[None]:
        """Meanwhile let nothing out that is spoken from `at` on."""

    def view(self) -> dict[str, Any]:
        """How it stands."""


Json = dict[str, Any] | None


class Fate(Protocol):
    """What becomes of a recording that ran; see `daemon.calls.completion.Completion`."""

    async def finish(self, recording_id: str, kept: Completed, heard: Json, quality: Json) -> None:
        """All of it is at wavstream; `heard` says what became of its legs' samples, `quality` how good."""

    async def fail(self, recording_id: str, error: str) -> None:
        """Nothing of it can be kept."""

    async def follow(self, recording_id: str) -> None:
        """We cannot say: ask wavstream."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a session needs of the rest of the daemon."""

    record: Callable[[Order, Sequence[Party]], Running]
    fate: Fate
    heard: Callable[[str], Awaitable[None]]
    """Called with the session's id when its first audio comes."""
    failed: Callable[[str], Awaitable[None]]
    """Called with the session's id when the call broke; has to end it, also by `hang_up`."""


@dataclass(eq=False)
class _Active:
    order: Order
    running: Running
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    over: trio.Event = field(default_factory=trio.Event)
    stopped: bool = False
    paused_since: float | None = None


class Session:
    """A call while it lives. Whoever changes it holds its lock (`daemon.calls.sessions`)."""

    def __init__(
        self,
        session_uuid: str,
        legs: Sequence[Party],
        surroundings: Surroundings,
        *,
        arrived: bool = False,
    ) -> None:
        """`arrived`: it began with its connection, and ends with it."""
        self.session_uuid = session_uuid
        self._arrived = arrived
        self.legs = tuple(legs)
        self._around = surroundings
        self._log = logs.get(__name__).bind(session=session_uuid)
        self._active: _Active | None = None
        self._over = trio.Event()
        self._recordings: trio.Nursery | None = None  # while `run` is

    @property
    def over(self) -> bool:
        """Whether it was hung up; recordings may still be on their way."""
        return self._over.is_set()

    async def run(self) -> None:
        """Live until `hang_up`, then until every recording has been announced.

        What breaks in the legs ends the call, and what breaks in a recording ends that recording; neither is
        raised.
        """
        async with trio.open_nursery() as self._recordings:
            try:
                await self._talk()
            except Exception:  # noqa: BLE001 - the session is the unit of failure: logged, and the call ends
                self._log.exception("session failed")
                await self._around.failed(self.session_uuid)
        self._log.info("session over")

    async def _talk(self) -> None:
        async with trio.open_nursery() as media:
            for leg in self.legs:
                media.start_soon(leg.run)
            media.start_soon(self._await_audio)
            await self._over.wait()
            if self._active is not None:
                with trio.move_on_after(LAST_AUDIO_SECONDS):
                    await self._active.over.wait()
            media.cancel_scope.cancel()

    async def _await_audio(self) -> None:
        async with trio.open_nursery() as any_leg:
            for leg in self.legs:
                any_leg.start_soon(_first, leg, any_leg.cancel_scope)
        await self._around.heard(self.session_uuid)

    def record(self, order: Order) -> None:
        """Begin a recording, of what is heard from `order.started` on."""
        if self._recordings is None or self._over.is_set():
            raise RuntimeError("the call is over")
        self._active = _Active(order, self._around.record(order, self.legs))
        self._recordings.start_soon(self._keep, self._active, name="recording")

    async def _keep(self, active: _Active) -> None:
        log = self._log.bind(recording=active.order.recording_id)
        kept: Completed | None = None
        error = ""
        try:
            with active.scope:
                kept = await active.running.run()
        except RecordingFailed as failed:
            error = str(failed)
        except Exception:  # what wavstream has by now is kept all the same
            log.exception("recording broke")
        finally:
            active.over.set()
            self._forget(active)
        try:
            await self._settle(active, kept, error)
        except Exception:  # the next start sees to it: the catalogue has no end of it yet
            log.exception("recording not settled")

    def _forget(self, active: _Active) -> None:
        if self._active is active:
            self._active = None

    async def _settle(self, active: _Active, kept: Completed | None, error: str) -> None:
        recording_id = active.order.recording_id
        if kept is not None:
            view = active.running.view()
            await self._around.fate.finish(recording_id, kept, view.get("audio"), view.get("quality"))
        elif error:
            await self._around.fate.fail(recording_id, error)
        else:
            await self._around.fate.follow(recording_id)

    def stop_recording(self, at: float, reason: Reason) -> None:
        """End the present recording, if there is one, with what was spoken before `at`."""
        if self._active is not None:
            self._active.stopped = True
            self._active.running.stop(max(at, self._active.order.started.monotonic), reason)
            self._active.scope.deadline = trio.current_time() + FINISH_SECONDS

    def holding(self, at: float) -> AbstractContextManager[None]:
        """Meanwhile nothing spoken from `at` on leaves the present recording: a command decides about it."""
        return nullcontext() if self._active is None else self._active.running.holding(at)

    def pause_recording(self, at: float) -> None:
        """Hide what is spoken from `at` on from the present recording, if there is one."""
        running = self._running
        if running is not None:
            running.paused_since = at
            running.running.pause(at)

    def resume_recording(self, at: float) -> None:
        """Hide no more of what is spoken from `at` on."""
        running = self._running
        if running is not None and running.paused_since is not None:
            running.paused_since = None
            running.running.resume(at)

    def hang_up(self, at: float, reason: Reason) -> None:
        """End the call, and the present recording as `stop_recording` does."""
        self.stop_recording(at, reason)
        self._over.set()

    @property
    def _running(self) -> _Active | None:
        """The present recording, unless it was stopped."""
        return None if self._active is None or self._active.stopped else self._active

    @property
    def last_heard(self) -> float:
        """When any of its legs was heard last; before that, since when they listen."""
        return max(leg.last_heard for leg in self.legs)

    @property
    def gone_since(self) -> float | None:
        """Since when all that it came with are over; None where one stands, or where it began otherwise."""
        over = [since for leg in self.legs if (since := leg.gone_since) is not None]
        return max(over) if self._arrived and len(over) == len(self.legs) else None

    @property
    def recording_since(self) -> float | None:
        """When the present recording began; None where there is none, or it was stopped."""
        running = self._running
        return None if running is None else running.order.started.monotonic

    @property
    def paused_since(self) -> float | None:
        """Since when the present recording is paused; None where it is not."""
        running = self._running
        return None if running is None else running.paused_since

    @property
    def silences(self) -> Mapping[SideName, Silence]:
        """How long the present recording has had no sound on each leg; empty while nothing may be heard."""
        running = self._running
        return {} if running is None or running.paused_since is not None else running.running.silences()

    def heard(self) -> list[dict[str, Any]]:
        """What each leg has received up to now."""
        for leg in self.legs:
            leg.poll()
        return [leg.view() for leg in self.legs]

    def recording_view(self) -> dict[str, Any] | None:
        """How the present recording stands, also one that is being finished; None where there is none."""
        return None if self._active is None else self._active.running.view()


async def _first(leg: Party, waiting: trio.CancelScope) -> None:
    await leg.heard.wait()
    waiting.cancel()
