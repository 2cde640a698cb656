"""The `/ws` dialect: what FreeSWITCH's `uuid_audio_stream` (mod_audio_stream) speaks.

Text and binary messages are one order. The first text names the recording, which begins with its first audio;
a later text ends the present recording and names the next. But real switches send audio before the name, or
never the name; and a last text just before the close names nothing: it is a note of the recording before it.
"""

import math
import re
import time
import uuid
from collections.abc import Mapping

import trio
from websockets.frames import CloseCode

from storage.recordings import Recording
from wavstream.ingest.dialect import Closing, Conversation, RefusedError
from wavstream.ingest.framing import Message
from wavstream.ingest.websocket import READ_BYTES, DisconnectedError, WebSocket
from wavstream.live import LiveRecording
from wavstream.process import logs
from wavstream.process.cadence import Cadence
from wavstream.protocol import Reason
from wavstream.recordings import Recordings
from wavstream.space import NoRoomError
from wavstream.wav import WavFormat

PATH = "/ws"
SAMPLE_RATES = range(8000, 48001)
UNDECIDED_SECONDS = 2.0
"""How long a later text may be a name or a note. `stop TEXT` closes within milliseconds, audio that goes on
comes within 20 ms; a paused stream decides neither, and its recording should not be kept from ending."""
STILL_SECONDS = 0.05
"""At the stop: what has arrived is there at once, and after this pause there is no more of it."""

_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}")
_METADATA = {"dialect": PATH}

log = logs.get(__name__)


def is_resumable(row: Recording) -> bool:
    """Whether a recording's client may come back: a switch of this dialect never does."""
    return row.metadata.get("dialect") != PATH


class FreeSwitch:
    """The dialect."""

    subprotocol = None

    def __init__(self, recordings: Recordings, cadence: Cadence) -> None:
        self._recordings = recordings
        self._cadence = cadence

    def conversation(self, query: Mapping[str, str], *, peer: str) -> Conversation:
        """See Dialect. `rate` in hertz (8000) and `channels` (1) are obeyed."""
        rate, channels = query.get("rate", "8000"), query.get("channels", "1")
        if not (rate.isdecimal() and len(rate) < 6 and int(rate) in SAMPLE_RATES):
            raise RefusedError(400, "rate takes 8000 to 48000")
        if channels not in {"1", "2"}:
            raise RefusedError(400, "channels takes 1 or 2")
        return _Call(self._recordings, self._cadence, WavFormat("pcm16", int(rate), int(channels)), peer)


class _Call:
    def __init__(self, recordings: Recordings, cadence: Cadence, audio: WavFormat, peer: str) -> None:
        self._recordings = recordings
        self._cadence = cadence
        self._audio = audio
        self._log = log.bind(peer=peer)
        self._present: LiveRecording | None = None
        self._name: str | None = None  # of the recording that the next audio begins
        self._later: str | None = None  # a later text, of which it is not known yet what it is
        self._decide_at = math.inf
        self._begun = 0  # recordings
        self._part = b""  # of a frame, whose other part is still to come

    async def run(self, websocket: WebSocket) -> Closing:
        """See Conversation."""
        while True:
            with trio.CancelScope(deadline=self._decide_at) as undecided:
                try:
                    closing = self._take_in(await websocket.receive())
                except DisconnectedError as gone:
                    return self._end("stopped" if gone.ended.clean else "interrupted")
                if closing is not None:
                    return closing
            if undecided.cancelled_caught:
                self._switch()
            await self._breathe(websocket)

    async def drain(self, websocket: WebSocket) -> None:
        """See Conversation."""
        while True:
            with trio.move_on_after(STILL_SECONDS) as still:
                try:
                    closing = self._take_in(await websocket.receive())
                except DisconnectedError as gone:
                    self._end("stopped" if gone.ended.clean else "interrupted")
                    return
            if still.cancelled_caught or closing is not None:
                return

    def release(self) -> None:
        """See Conversation."""
        self._end("interrupted")

    async def _breathe(self, websocket: WebSocket) -> None:
        """Let the next read bring all that comes until the next beat, when the disk can take more."""
        if self._present is not None:
            await self._present.room()
        if websocket.read < READ_BYTES:
            await self._cadence.beat()

    def _take_in(self, messages: list[Message]) -> Closing | None:
        """All that one read brought, in order; Closing where that ends the connection."""
        for message in messages:
            if isinstance(message, bytes):
                try:
                    self._hear(message)
                except NoRoomError as wrong:
                    self._log.warning("recording refused", name=self._name, error=str(wrong))
                    return Closing(CloseCode.TRY_AGAIN_LATER, str(wrong))
            elif not self._read(message.strip()):
                self._log.warning("not a name", text=message[:200], recording=self._present_id())
                self._end("interrupted")
                return Closing(
                    CloseCode.POLICY_VIOLATION, "a name is one path component of A-Z a-z 0-9 . _ -"
                )
        return None

    def _hear(self, data: bytes) -> None:
        """Audio: it decides what a later text was, and begins a recording where none runs."""
        if self._later is not None:
            self._switch()
        data = self._part + data
        whole = self._audio.whole(len(data))
        data, self._part = data[:whole], data[whole:]
        if data:
            if self._present is None:
                self._present = self._begin()
            self._present.append(data)

    def _begin(self) -> LiveRecording:
        recording_id = str(uuid.uuid4())
        recording = self._recordings.begin(
            recording_id,
            self._audio,
            name=self._name or recording_id,
            started_at=time.time(),
            metadata=dict(_METADATA),
            resumable=False,
            continues=self._begun > 0,  # a running call is not cut at the switch of its file
        )
        self._name = None
        self._begun += 1
        return recording

    def _read(self, text: str) -> bool:
        """A text: a name, or a note. False where it can be neither."""
        if not _NAME.fullmatch(text):
            return False
        if self._present is None:
            self._name = text
        elif self._present.row.name == self._present.recording_id:  # it began without one
            self._recordings.rename(self._present, text)
        else:
            if self._later is not None:
                self._present.notes.append(self._later)
            self._later = text
            self._decide_at = trio.current_time() + UNDECIDED_SECONDS
        return True

    def _switch(self) -> None:
        """The later text was a name: the present recording ends, and the next audio begins another."""
        if self._present is not None:
            self._recordings.finish(self._present, "stopped")
        self._present, self._name, self._later = None, self._later, None
        self._decide_at = math.inf

    def _end(self, reason: Reason) -> Closing:
        """No more will come: the later text was a note."""
        if self._present is not None:
            if self._later is not None:
                self._present.notes.append(self._later)
            self._recordings.finish(self._present, reason)
        elif self._name is not None:
            self._log.info("a name without audio after it", text=self._name)
        if self._part:
            self._log.info("half a sample at the end", bytes=len(self._part))
        self._present = self._name = self._later = None
        self._part = b""
        return Closing(CloseCode.NORMAL_CLOSURE)

    def _present_id(self) -> str | None:
        return None if self._present is None else self._present.recording_id
