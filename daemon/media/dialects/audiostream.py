"""FreeSWITCH's mod_audio_stream: binary audio, and texts of the dialplan's own.

The wire says nothing of its audio, so the URL has to. The first text is the metadata of `start`; it may come
behind the first audio, or never. Later ones (`send_text`, `stop`) tell a recorder nothing: they are counted.
"""

from daemon.media.codecs import Codec
from daemon.media.dialects.dialect import Event, Message
from daemon.media.dialects.interleaved import linear
from daemon.media.dialects.telling import checked, told


class AudioStream:
    """One connection; see Dialect. Its audio has `rate` samples a second in 1 or 2 `channels`, left first."""

    name = "audio-stream"
    held = 0

    def __init__(self, rate: int = 8000, channels: int = 1) -> None:
        self.unknown = 0
        self._audio = linear(rate, channels)
        self._told = False

    @property
    def codec(self) -> Codec | None:
        """See Dialect."""
        return self._audio.codec

    def receive(self, message: Message) -> list[Event]:
        """See Dialect. Any binary message is audio, any first text metadata; wrong is only one too long."""
        if isinstance(message, bytes):
            return [*self._audio.sounds(message)]
        checked(message)
        if self._told:
            self.unknown += 1
            return []
        self._told = True
        return [told(message)]

    def silence(self, seconds: float) -> Message | None:  # noqa: ARG002 - none of any length
        """See Dialect: what the module plays is another matter, of files."""
        return None

    def goodbye(self) -> Message | None:
        """See Dialect: the close says it all."""
        return None
