"""What every kind of connected leg speaks: bytes in, placed audio and bytes out. No socket, no clock."""

from typing import Any, Protocol, TypeVar

from daemon.media.codecs import Codec
from daemon.media.heard import Heard
from daemon.media.keys import Key
from daemon.media.quality import Received

O_contra = TypeVar("O_contra", contravariant=True)


class WireError(Exception):
    """What came cannot be understood, nor anything behind it. Its text is for a person to read."""


class Wire(Protocol[O_contra]):
    """All that comes to one leg, on one connection after the other.

    What a connection has been opened with (`O_contra`) is told by its listener. Times are seconds of the
    monotonic clock.
    """

    kind: str
    """How its audio comes, as the API shows it."""

    @property
    def codec(self) -> Codec | None:
        """What is heard; before that, what the far end has told of it; None before either."""

    @property
    def seen(self) -> int:
        """Frames so far, of whatever kind: what a look costs."""

    @property
    def frames(self) -> int:
        """Messages with audio so far."""

    @property
    def unknown(self) -> int:
        """Messages that were passed over."""

    @property
    def hung_up(self) -> bool:
        """Whether the far end has said on this connection that nothing more will come."""

    @property
    def waiting(self) -> bool:
        """Whether audio has come that has no place yet."""

    @property
    def held(self) -> int:
        """Bytes of audio that wait for a word of their rate: lost, if the connection ends without one."""

    @property
    def received(self) -> Received:
        """What has come, on all its connections: messages with audio."""

    def begin(self, opened: O_contra) -> None:
        """A new connection."""

    def receive(self, data: bytes, now: float) -> None:
        """Take in what has come by `now`. Raises WireError; what was before it is heard.

        Called once without any data after `begin`: for what the connection's opening brought along.
        """

    def look(self, now: float, *, whole: bool) -> None:
        """All that came by `now` has been received; `whole` is false where there is more of it."""

    def finish(self, now: float) -> None:
        """The connection is over: all that came on it gets its place."""

    def heard(self) -> list[Heard]:
        """What got its place since this was asked last."""

    def pressed(self) -> list[Key]:
        """The keys pressed since this was asked last, each at the look that found it."""

    def silence(self, seconds: float) -> bytes:
        """So much silence for the far end, as it takes it; nothing where it takes none, or not now."""

    def outgoing(self) -> bytes:
        """What the far end waits for: answers, in order. Given once."""

    def goodbye(self) -> bytes:
        """What ends the connection from our side; nothing where its close says it all."""

    def view(self) -> dict[str, Any]:
        """What it knows of what has come, for whoever asks for the session."""
