"""One connection's audio on its way into recordings: in whole frames, one recording at a time."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from wavstream.ingest.margin import Margin
from wavstream.live import LiveRecording
from wavstream.protocol import Reason
from wavstream.recordings import Recordings
from wavstream.wav import WavFormat


class Tape:
    """What a switch sends: a recording begins with its first audio, and keeps its id where it has no name.

    `audio` is its format, and may be changed until a recording has begun.
    """

    def __init__(self, recordings: Recordings, audio: WavFormat, metadata: Mapping[str, Any]) -> None:
        self._recordings = recordings
        self.audio = audio
        self.metadata = dict(metadata)
        """Of the recordings that begin from now on."""
        self.margin = Margin()
        """Of the present recording, or of the next one where none runs."""
        self.present: LiveRecording | None = None
        self._begun = 0  # recordings
        self._part = b""  # of a frame, whose other part is still to come

    @property
    def offset(self) -> int:
        """Bytes of audio in the present recording."""
        return 0 if self.present is None else self.present.received

    @property
    def nameless(self) -> bool:
        """Whether a recording runs that has only its id for a name."""
        return self.present is not None and self.present.row.name == self.present.recording_id

    def hear(self, data: bytes, name: str | None) -> bool:
        """Take in audio. True where a recording began with it, called `name`. Raises NoRoomError."""
        data = self._part + data
        whole = self.audio.whole(len(data))
        data, self._part = data[:whole], data[whole:]
        if not data:
            return False
        begins = self.present is None
        if self.present is None:
            self.present = self._begin(name)
        self.present.append(data)
        return begins

    def _begin(self, name: str | None) -> LiveRecording:
        recording_id = str(uuid.uuid4())
        recording = self._recordings.begin(
            recording_id,
            self.audio,
            name=name or recording_id,
            started_at=time.time(),
            metadata=dict(self.metadata),
            resumable=False,
            continues=self._begun > 0,  # a running call is not cut at the switch of its file
        )
        self._begun += 1
        return recording

    def call(self, name: str) -> None:
        """Name the present recording, after its first audio."""
        if self.present is not None:
            self._recordings.rename(self.present, name)

    def cut(self, reason: Reason, *, metadata: Mapping[str, Any] | None = None) -> None:
        """End the present recording, if one runs; the next audio begins another."""
        recording, self.present = self.present, None
        if recording is None:
            return
        margin, self.margin = self.margin, Margin()
        recording.notes = margin.notes
        told = margin.metadata(self.audio.byte_rate) | dict(metadata or {})
        self._recordings.finish(recording, reason, metadata=told)

    def leftover(self) -> int:
        """Forget half a frame whose other half will not come, and return its bytes."""
        part, self._part = self._part, b""
        return len(part)
