"""The dialect of mod_audio_fork (`/fork`) and of jambonz' `listen` (`/jambonz`): one, under either's name.

The first text is a JSON object that describes the call, see `description`; then audio, with a text for each
pressed key and whatever else the dialplan sends. What is not described is as the URL's query says. An empty
binary message is how mod_audio_fork says that it has done, and waits for us to close.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import trio
from websockets.frames import CloseCode

from wavstream.ingest.call import SwitchCall
from wavstream.ingest.description import (
    MOST_DESCRIPTION_CHARACTERS,
    Description,
    DescriptionError,
    describe,
    parse,
    pressed,
)
from wavstream.ingest.dialect import Closing, Conversation
from wavstream.ingest.query import audio_format
from wavstream.ingest.tape import Tape
from wavstream.live import LiveRecording
from wavstream.process import logs
from wavstream.process.cadence import Cadence
from wavstream.process.framing import Message
from wavstream.protocol import Reason
from wavstream.recordings import Recordings
from wavstream.wav import WavFormat

PATHS = ("/fork", "/jambonz")
UNTOLD_SECONDS = 1.0
"""Of audio that is held back for a description, which comes within milliseconds where one comes at all: the
file's format cannot be changed after its first byte."""
FINAL_SECONDS = 2.0
"""After an empty message: nothing follows one that is an end, and whoever sends them otherwise goes on."""

log = logs.get(__name__)


class Fork:
    """The dialect, as it is spoken on `path`."""

    def __init__(self, path: str, recordings: Recordings, cadence: Cadence) -> None:
        self._path = path
        self._recordings = recordings
        self._cadence = cadence

    def subprotocol(self, offered: Sequence[str]) -> str | None:
        """See Dialect: `audio.drachtio.org`, `audio.jambonz.org`, or however the operator has called it."""
        return offered[0] if offered else None

    def conversation(self, query: Mapping[str, str], *, peer: str) -> Conversation:
        """See Dialect. `rate` in hertz (8000) and `channels` (1) are obeyed where nothing is described."""
        talk = ForkTalk(self._path, self._recordings, audio_format(query), peer=peer)
        return SwitchCall(talk, self._cadence, peer=peer)


class ForkTalk:
    """One connection's messages; see Talk. `now` is the clock of `decide_at`."""

    def __init__(
        self,
        path: str,
        recordings: Recordings,
        audio: WavFormat,
        *,
        peer: str,
        now: Callable[[], float] = trio.current_time,
    ) -> None:
        self._tape = Tape(recordings, audio, {"dialect": path})
        self._now = now
        self._log = log.bind(peer=peer)
        self._held = bytearray()  # audio that came before the description, while it may still come
        self._most_held = math.ceil(UNTOLD_SECONDS * audio.byte_rate)
        self._told: Description | None = None
        self._may_be_told = True
        self.decide_at = math.inf

    @property
    def present(self) -> LiveRecording | None:
        """See Talk."""
        return self._tape.present

    def take_in(self, messages: list[Message]) -> Closing | None:
        """See Talk."""
        try:
            for message in messages:
                if isinstance(message, bytes):
                    self._hear(message)
                else:
                    self._read(message)
        except DescriptionError as wrong:
            self._log.warning("a description that cannot be obeyed", error=str(wrong))
            self.end("interrupted")
            return Closing(CloseCode.POLICY_VIOLATION, str(wrong))
        return None

    def decide(self) -> Closing:
        """See Talk: the empty message was the end."""
        self.decide_at = math.inf
        return self.end("stopped")

    def end(self, reason: Reason) -> Closing:
        """See Talk."""
        self._play_held()
        told = {"call": self._told.kept} if self._told is not None else {}
        self._tape.cut(reason, metadata=told)
        if half := self._tape.leftover():
            self._log.info("half a sample at the end", bytes=half)
        return Closing(CloseCode.NORMAL_CLOSURE)

    def _hear(self, data: bytes) -> None:
        self.decide_at = math.inf if data else self._now() + FINAL_SECONDS
        if not self._may_be_told:
            self._play(data)
            return
        self._held += data
        if len(self._held) >= self._most_held:
            self._play_held()

    def _play_held(self) -> None:
        """The description has come, or will not, or too late."""
        held, self._held = bytes(self._held), bytearray()
        self._may_be_told = False
        self._play(held)

    def _play(self, data: bytes) -> None:
        self._tape.hear(data, None if self._told is None else self._told.name)

    def _read(self, text: str) -> None:
        said = parse(text)
        if said is not None and (key := pressed(said)) is not None:
            self._tape.margin.mark(self._tape.offset + len(self._held), key)
        elif said is not None and self._told is None and "event" not in said:
            self._describe(text, said)
        else:
            self._tape.margin.note(text)

    def _describe(self, text: str, said: dict[str, Any]) -> None:
        """The description, early as it should be, or late: then the recording keeps its format."""
        try:
            told = describe(said, default=self._tape.audio)
        except DescriptionError:
            if self.present is None:
                raise
            self._tape.margin.note(text)
            return
        self._obey(text, told)

    def _obey(self, text: str, told: Description) -> None:
        if len(text) > MOST_DESCRIPTION_CHARACTERS:
            self._log.warning("a description too long to be kept", characters=len(text))
            told = Description(told.format, told.name, {})
        self._told = told
        if self.present is None:
            self._tape.audio = told.format
            self._tape.metadata["call"] = told.kept
        else:
            self._come_late(self.present, told)
        self._play_held()

    def _come_late(self, recording: LiveRecording, told: Description) -> None:
        if told.format != recording.audio:
            self._log.warning(
                "described too late", recording=recording.recording_id, began_as=str(recording.audio)
            )
        if told.name is not None:
            self._tape.call(told.name)
