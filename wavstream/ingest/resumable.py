"""The `wavstream.v1` dialect: what the daemon speaks. A recording outlives its connections, and this server.

The offset is the only truth that the two sides share: `ready` says what is kept, `ack` how far that has
grown, `stop` how far it was to grow. What an `error` says besides its words is its code:

================  ====================================================================================
`bad_start`       the first message is no `start`; the same would be refused again
`format_changed`  the recording began in another format; likewise
`failed`          the recording has ended, without any audio; likewise
`bad_message`     a later text is no `stop`
`bad_offset`      `stop` names another offset than the audio has reached: send from `ready` on
`replaced`        a newer connection feeds this recording now
`unavailable`     not now (the disk is full, or hangs; the catalogue): keep the audio, and come back later
================  ====================================================================================
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import trio
from websockets.frames import CloseCode

from storage.catalog import CatalogError
from storage.recordings import Recording
from wavstream import protocol
from wavstream.epilogue import words
from wavstream.ingest.dialect import Closing, Conversation
from wavstream.ingest.websocket import DisconnectedError, WebSocket
from wavstream.label import wav_format
from wavstream.live import LiveRecording
from wavstream.metrics import Metrics
from wavstream.process import logs
from wavstream.process.cadence import Cadence
from wavstream.recordings import Recordings
from wavstream.space import NoRoomError
from wavstream.urls import Urls
from wavstream.wav import WavFormat

START_SECONDS = 10.0
"""`start` follows the upgrade at once."""
READY_SECONDS = 8.0
"""For the row, and for what an earlier connection sent to reach the file. The client keeps its audio
meanwhile, and waits a little longer than this."""
COMPLETED_SECONDS = 50.0
"""For the file of a long call to be synced and hashed. After it the client comes back, and asks again."""

LATEST_START = 253_402_300_799
"""The last second of the year 9999: later ones, and what is not finite, no calendar can say."""

log = logs.get(__name__)


class ProblemError(Exception):
    """Why a conversation ends with an `error`; the text is for people, `code` for programs."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class Resumable:
    """The dialect."""

    def __init__(self, recordings: Recordings, cadence: Cadence, urls: Urls, metrics: Metrics) -> None:
        self._recordings = recordings
        self._cadence = cadence
        self._urls = urls
        self._metrics = metrics

    def subprotocol(self, _offered: Sequence[str]) -> str:
        """See Dialect."""
        return protocol.SUBPROTOCOL

    def conversation(self, _query: Mapping[str, str], *, peer: str) -> Conversation:
        """See Dialect."""
        return _Feed(self._recordings, self._cadence, self._urls, self._metrics, peer)


class _Feed:
    def __init__(
        self, recordings: Recordings, cadence: Cadence, urls: Urls, metrics: Metrics, peer: str
    ) -> None:
        self._metrics = metrics
        self._cadence = cadence
        self._recordings = recordings
        self._urls = urls
        self._log = log.bind(peer=peer)
        self._recording: LiveRecording | None = None
        self._scope = trio.CancelScope()  # as long as the recording is ours

    async def run(self, websocket: WebSocket) -> Closing:
        """See Conversation."""
        try:
            completed = await self._talk(websocket)
            await websocket.send(protocol.encode(completed))
        except DisconnectedError as gone:
            self._log.debug("disconnected", code=gone.ended.code)
        except ProblemError as problem:
            return await self._tell(websocket, problem)
        return Closing(CloseCode.NORMAL_CLOSURE)

    async def drain(self, websocket: WebSocket) -> None:
        """See Conversation. The client still has all that was not acknowledged."""

    def release(self) -> None:
        """See Conversation."""
        if self._recording is not None:
            self._recordings.leave(self._recording, self._scope)

    async def _talk(self, websocket: WebSocket) -> protocol.Completed:
        """The whole conversation. Raises ProblemError, DisconnectedError."""
        start = await _receive_start(websocket)
        self._log = self._log.bind(recording=start.recording_id)
        found = await self._find(start)
        if isinstance(found, LiveRecording):
            if found.state == "running":
                stop = await self._feed(websocket, found)
                self._recordings.finish(found, stop.reason, metadata=_own(stop.metadata))
            found = await _wait_for_end(found)
        return self._completed(found)

    async def _find(self, start: protocol.Start) -> LiveRecording | Recording:
        """The recording, which may begin here, or the row of one that has ended. Raises ProblemError."""
        recording = self._recordings.running(start.recording_id)
        if recording is None:
            row = await self._look_up(start.recording_id)
            recording = self._recordings.running(start.recording_id)  # others may have been faster
            if recording is None and row is not None:
                if row.state == "recording":
                    raise ProblemError("unavailable", "the recording cannot be gone on with now")
                _check_format(start, wav_format(row))
                return row
        recording = recording or self._begin(start)
        _check_format(start, recording.audio)
        return recording

    async def _look_up(self, recording_id: str) -> Recording | None:
        try:
            return await self._recordings.get(recording_id)
        except CatalogError as wrong:
            self._log.error("cannot look up a recording", error=str(wrong))
            raise ProblemError("unavailable", "the catalogue does not answer") from None

    def _begin(self, start: protocol.Start) -> LiveRecording:
        try:
            return self._recordings.begin(
                start.recording_id,
                _format(start),
                started_at=_started_at(start.metadata),
                metadata=_own(start.metadata),
                resumable=True,
            )
        except NoRoomError as wrong:
            raise ProblemError("unavailable", str(wrong)) from None

    async def _feed(self, websocket: WebSocket, recording: LiveRecording) -> protocol.Stop:
        """Take over the recording, then its audio until `stop`. Raises ProblemError, DisconnectedError."""
        self._recording = recording
        with self._scope:
            recording.take(self._scope)
            await _wait_until_ready(recording)
            await websocket.send(protocol.encode(protocol.Ready(offset=recording.written)))
            self._log.info("client connected", offset=recording.written)
            return await self._listen_and_acknowledge(websocket, recording)
        raise _replaced()

    async def _listen_and_acknowledge(self, websocket: WebSocket, recording: LiveRecording) -> protocol.Stop:
        heard: protocol.Stop | Exception
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._acknowledge, websocket, recording)
            try:
                heard = await self._listen(websocket, recording)
            except (ProblemError, DisconnectedError) as wrong:
                heard = wrong  # raised below: out of the nursery it would come as a group
            nursery.cancel_scope.cancel()
        if isinstance(heard, Exception):
            raise heard
        return heard

    async def _listen(self, websocket: WebSocket, recording: LiveRecording) -> protocol.Stop:
        while True:
            await recording.room()
            for message in await websocket.receive():
                # A newer connection has cancelled us, but what this read brought may have come all the same.
                if recording.owner is not self._scope:
                    raise _replaced()
                if isinstance(message, str):
                    return _stop(message, recording.received)
                if message:  # an empty one is nothing that could be waited for
                    recording.append(message)

    async def _acknowledge(self, websocket: WebSocket, recording: LiveRecording) -> None:
        acknowledged = recording.written
        while True:
            await recording.beyond(acknowledged)
            acknowledged = recording.written
            try:
                await websocket.send(protocol.encode(protocol.Ack(offset=acknowledged)))
            except DisconnectedError:
                return  # whoever listens is told as well
            self._metrics.ack_lag.observe(recording.acknowledged(acknowledged))
            await self._cadence.seldom()  # the protocol asks for one a second, and each costs much

    def _completed(self, row: Recording) -> protocol.Completed:
        if row.duration is None or row.size is None or row.sha256 is None:
            raise ProblemError("failed", "the recording ended without any audio")
        return protocol.Completed(
            recording_id=row.recording_id,
            duration=row.duration,
            size=row.size,
            sha256=row.sha256,
            url=self._urls.url(row),
            expires_at=row.expires_at,
        )

    async def _tell(self, websocket: WebSocket, problem: ProblemError) -> Closing:
        self._log.warning("conversation ended with an error", code=problem.code, error=str(problem))
        try:
            await websocket.send(protocol.encode(protocol.Error(code=problem.code, message=str(problem))))
        except DisconnectedError:
            self._log.debug("gone before it could be told")
        if problem.code == "unavailable":
            return Closing(CloseCode.TRY_AGAIN_LATER, problem.code)
        return Closing(CloseCode.POLICY_VIOLATION, problem.code)


async def _receive_start(websocket: WebSocket) -> protocol.Start:
    with trio.move_on_after(START_SECONDS):
        message, *early = await websocket.receive()
        if isinstance(message, bytes):
            raise ProblemError("bad_start", "audio in place of start")
        if early:
            raise ProblemError("bad_start", "nothing may follow start before ready has come")
        try:
            start = protocol.decode(message)
        except protocol.ProtocolError as wrong:
            raise ProblemError("bad_start", f"not a start: {wrong}") from None
        if not isinstance(start, protocol.Start):
            raise ProblemError("bad_start", f"{start.type} in place of start")
        return start
    raise ProblemError("bad_start", f"no start within {START_SECONDS:g} s")


def _stop(text: str, reached: int) -> protocol.Stop:
    try:
        stop = protocol.decode(text)
    except protocol.ProtocolError as wrong:
        raise ProblemError("bad_message", f"not a stop: {wrong}") from None
    if not isinstance(stop, protocol.Stop):
        raise ProblemError("bad_message", f"{stop.type} in place of stop")
    if stop.offset != reached:
        raise ProblemError("bad_offset", f"stop at {stop.offset}, but the audio has reached {reached}")
    return stop


async def _wait_until_ready(recording: LiveRecording) -> None:
    """Until the catalogue knows it, and all that an earlier connection sent is in the file."""
    with trio.move_on_after(READY_SECONDS):
        await recording.registered.wait()
        await recording.settled()
        return
    raise ProblemError("unavailable", "the disk or the catalogue does not keep up")


async def _wait_for_end(recording: LiveRecording) -> Recording:
    with trio.move_on_after(COMPLETED_SECONDS):
        await recording.ended.wait()
        return recording.row
    raise ProblemError("unavailable", "the recording is still being finished")


def _own(metadata: dict[str, Any]) -> dict[str, Any]:
    """What the client says, but for `dialect`: that says how a recording came here, and who may come back."""
    return metadata | {"dialect": protocol.PATH} if "dialect" in metadata else metadata


def _started_at(metadata: Mapping[str, object]) -> float:
    """When sample 0 was spoken, as the client says; otherwise now."""
    said = metadata.get("started_at")
    if isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said <= LATEST_START:
        return float(said)
    return time.time()


def _check_format(start: protocol.Start, begun: WavFormat) -> None:
    if begun != _format(start):
        raise ProblemError("format_changed", f"the recording has begun as {words(begun)}")


def _format(start: protocol.Start) -> WavFormat:
    return WavFormat(start.encoding, start.sample_rate, start.channels)


def _replaced() -> ProblemError:
    return ProblemError("replaced", "a newer connection feeds this recording")
