"""The `/ws` dialect: what FreeSWITCH's `uuid_audio_stream` (mod_audio_stream) speaks.

Text and binary messages are one order. The first text names the recording, which begins with its first audio;
a later text ends the present recording and names the next. But real switches send audio before the name, or
never the name; and a last text just before the close names nothing: it is a note of the recording before it.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import trio
from websockets.frames import CloseCode

from wavstream.ingest.call import SwitchCall
from wavstream.ingest.dialect import Closing, Conversation
from wavstream.ingest.names import RULE, is_name
from wavstream.ingest.query import audio_format
from wavstream.ingest.tape import Tape
from wavstream.live import LiveRecording
from wavstream.process import logs
from wavstream.process.cadence import Cadence
from wavstream.process.framing import Message
from wavstream.protocol import Reason
from wavstream.recordings import Recordings
from wavstream.wav import WavFormat

PATH = "/ws"
UNDECIDED_SECONDS = 2.0
"""How long a later text may be a name or a note. `stop TEXT` closes within milliseconds, audio that goes on
comes within 20 ms; a paused stream decides neither, and its recording should not be kept from ending."""

log = logs.get(__name__)


class FreeSwitch:
    """The dialect."""

    def __init__(self, recordings: Recordings, cadence: Cadence) -> None:
        self._recordings = recordings
        self._cadence = cadence

    def subprotocol(self, _offered: Sequence[str]) -> None:
        """See Dialect: this one has none."""
        return

    def conversation(self, query: Mapping[str, str], *, peer: str) -> Conversation:
        """See Dialect. `rate` in hertz (8000) and `channels` (1) are obeyed."""
        return SwitchCall(
            FreeSwitchTalk(self._recordings, audio_format(query), peer=peer), self._cadence, peer=peer
        )


class FreeSwitchTalk:
    """One connection's messages; see Talk. `now` is the clock of `decide_at`."""

    def __init__(
        self,
        recordings: Recordings,
        audio: WavFormat,
        *,
        peer: str,
        now: Callable[[], float] = trio.current_time,
    ) -> None:
        self._tape = Tape(recordings, audio, {"dialect": PATH})
        self._now = now
        self._log = log.bind(peer=peer)
        self._name: str | None = None  # of the recording that the next audio begins
        self._later: str | None = None  # a later text, of which it is not known yet what it is
        self.decide_at = math.inf

    @property
    def present(self) -> LiveRecording | None:
        """See Talk."""
        return self._tape.present

    def take_in(self, messages: list[Message]) -> Closing | None:
        """See Talk."""
        for message in messages:
            if isinstance(message, bytes):
                self._hear(message)
            elif not self._read(message.strip()):
                recording = None if self.present is None else self.present.recording_id
                self._log.warning("not a name", text=message[:200], recording=recording)
                self.end("interrupted")
                return Closing(CloseCode.POLICY_VIOLATION, RULE)
        return None

    def decide(self) -> None:
        """See Talk: the later text was a name. The present recording ends, the next audio begins another."""
        self._tape.cut("stopped")
        self._name, self._later = self._later, None
        self.decide_at = math.inf

    def end(self, reason: Reason) -> Closing:
        """See Talk: the later text was a note."""
        if self._later is not None:
            self._tape.margin.note(self._later)
        if self.present is None and self._name is not None:
            self._log.info("a name without audio after it", text=self._name)
        self._tape.cut(reason)
        if half := self._tape.leftover():
            self._log.info("half a sample at the end", bytes=half)
        self._name = self._later = None
        return Closing(CloseCode.NORMAL_CLOSURE)

    def _hear(self, data: bytes) -> None:
        """Audio: it decides what a later text was. An empty message is none, and decides nothing."""
        if data and self._later is not None:
            self.decide()
        if self._tape.hear(data, self._name):
            self._name = None

    def _read(self, text: str) -> bool:
        """A text: a name, or a note. False where it should name the first recording, and cannot."""
        if not is_name(text):
            if self.present is None or self._tape.nameless:
                return False
            self._tape.margin.note(text)  # a call is not cut for what a dialplan or an operator says in it
        elif self.present is None:
            self._name = text
        elif self._tape.nameless:
            self._tape.call(text)
        else:
            if self._later is not None:
                self._tape.margin.note(self._later)
            self._later = text
            self.decide_at = self._now() + UNDECIDED_SECONDS
        return True
