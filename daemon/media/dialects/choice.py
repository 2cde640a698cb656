"""Which dialect a connection speaks: by the name in its path, its subprotocol, or its first message."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from daemon.media.codecs import Codec
from daemon.media.dialects.audiofork import AudioFork
from daemon.media.dialects.audiostream import AudioStream
from daemon.media.dialects.chanwebsocket import ChanWebSocket
from daemon.media.dialects.dialect import Dialect, DialectError, Event, Message
from daemon.media.dialects.telling import json_object, whole
from daemon.media.dialects.telnyx import Telnyx
from daemon.media.dialects.twilio import Twilio

Query = Mapping[str, str]
"""Of the URL: `rate` and `channels` of audio that no message describes (8000, 1), `both_ways` and `answer` as
1 or 0, `uuid` for a call's id; see the dialects for which of these each heeds."""

_SUBPROTOCOLS: Mapping[str, str] = MappingProxyType(
    {"audio.drachtio.org": "audio-fork", "audio.jambonz.org": "audio-fork", "media": "chan-websocket"}
)


def subprotocol(offered: Sequence[str]) -> str | None:
    """Which of the subprotocols offered is the answer: one that we know, else the first; None of none."""
    return next((each for each in offered if each in _SUBPROTOCOLS), offered[0] if offered else None)


def by_address(path: str, offered: Sequence[str]) -> str | None:
    """The dialect that a segment of the path names, else that of a subprotocol; None where neither tells."""
    named = next((each for each in path.split("/") if each in NAMES), None)
    return named or next((_SUBPROTOCOLS[each] for each in offered if each in _SUBPROTOCOLS), None)


def begin(path: str, offered: Sequence[str], query: Query) -> Dialect:
    """The conversation of a connection; its first message decides where its address does not.

    Raises DialectError for a query that cannot be obeyed.
    """
    name = by_address(path, offered)
    return Undecided(query) if name is None else named(name, query)


def named(name: str, query: Query) -> Dialect:
    """A conversation in the dialect of that name, one of NAMES. Raises DialectError as `begin` does."""
    return _MAKERS[name](query)


def _audio_stream(query: Query) -> Dialect:
    return AudioStream(_number(query, "rate", 8000), _number(query, "channels", 1))


def _audio_fork(query: Query) -> Dialect:
    rate = _number(query, "rate", 0) if "rate" in query else None
    return AudioFork(rate, _number(query, "channels", 1), both_ways=_yes(query, "both_ways"))


def _chan_websocket(query: Query) -> Dialect:
    return ChanWebSocket(query.get("uuid"), answer=_yes(query, "answer"))


def _twilio(query: Query) -> Dialect:
    return Twilio(both_ways=_yes(query, "both_ways"))


def _telnyx(query: Query) -> Dialect:
    return Telnyx(both_ways=_yes(query, "both_ways"))


_MAKERS: Mapping[str, Callable[[Query], Dialect]] = MappingProxyType(
    {
        AudioStream.name: _audio_stream,
        AudioFork.name: _audio_fork,
        ChanWebSocket.name: _chan_websocket,
        Twilio.name: _twilio,
        Telnyx.name: _telnyx,
    }
)
NAMES = frozenset(_MAKERS)
"""As they stand in a path, and in the API."""


def _number(query: Query, key: str, default: int) -> int:
    number = whole(query.get(key, default))
    if number is None:
        raise DialectError(f"{key} takes a whole number")
    return number


def _yes(query: Query, key: str) -> bool:
    value = query.get(key, "0")
    if value not in {"0", "1"}:
        raise DialectError(f"{key} takes 0 or 1")
    return value == "1"


class Undecided:
    """A conversation that becomes one in a dialect with its first message, or its second; see Dialect.

    A text that nobody claims, and any audio, are mod_audio_stream's: it may begin with either.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._dialect: Dialect | None = None
        self._connected: Message | None = None
        named(AudioStream.name, query)  # so that a wrong query is refused before anything is heard

    @property
    def name(self) -> str:
        """See Dialect; empty until it is decided."""
        return "" if self._dialect is None else self._dialect.name

    @property
    def unknown(self) -> int:
        """See Dialect."""
        return 0 if self._dialect is None else self._dialect.unknown

    @property
    def codec(self) -> Codec | None:
        """See Dialect."""
        return None if self._dialect is None else self._dialect.codec

    @property
    def held(self) -> int:
        """See Dialect."""
        return 0 if self._dialect is None else self._dialect.held

    def receive(self, message: Message) -> list[Event]:
        """See Dialect."""
        if self._dialect is None:
            said = json_object(message) if isinstance(message, str) else None
            if self._connected is None and said is not None and _tells_nothing_more(said):
                self._connected = message
                return []
            after_connected = self._connected is not None
            self._dialect = named(spoken(message, said, after_connected=after_connected), self._query)
        return self._dialect.receive(message)

    def silence(self, seconds: float) -> Message | None:
        """See Dialect."""
        return None if self._dialect is None else self._dialect.silence(seconds)

    def goodbye(self) -> Message | None:
        """See Dialect."""
        return None if self._dialect is None else self._dialect.goodbye()


def _tells_nothing_more(said: Mapping[str, object]) -> bool:
    """Twilio says `protocol` with its `connected`, Telnyx does not; others who speak as Twilio may not."""
    return said.get("event") == "connected" and "protocol" not in said


def spoken(message: Message, said: Mapping[str, object] | None, *, after_connected: bool) -> str:
    """The dialect of a first message, or a second after a plain `connected`; `said` if it is an object."""
    if said is None:
        plain = isinstance(message, str) and message.partition(" ")[0] == "MEDIA_START"
        return ChanWebSocket.name if plain else Telnyx.name if after_connected else AudioStream.name
    match said.get("event"):
        case "MEDIA_START":
            return ChanWebSocket.name
        case "connected" if "protocol" in said:
            return Twilio.name
        case "start" if "streamSid" in said:
            return Twilio.name
        case "start" if "stream_id" in said:
            return Telnyx.name
    return Telnyx.name if after_connected else AudioStream.name
