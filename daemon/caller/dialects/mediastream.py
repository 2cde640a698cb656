"""What Twilio's Media Streams and Telnyx' media streaming share: JSON texts, with audio as base64 in them."""

import base64
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from daemon.caller.dialects.dialect import Call, Heard, Message, Messages, plain_upgrade
from daemon.caller.faults import Turn
from daemon.caller.talk import Talk

TRACKS = ("inbound", "outbound")
"""The caller's audio, and the callee's."""


class MediaStream(ABC):
    """One connection; see Dialect. Each voice is a track, and each packet says its time in milliseconds."""

    name: str
    sequence_key: str
    """What a message's number is called."""

    def __init__(self, call: Call, talk: Talk) -> None:
        self.call = call
        self.talk = talk
        self.tracks = TRACKS[: 1 if talk.callee is None else 2]
        self._said = 0  # messages so far, but for those of the present talk
        self._newest = 0
        self._chunks = 0  # of each track, before the present talk
        self._milliseconds = 0.0

    @property
    def query(self) -> Mapping[str, str]:
        """See Dialect: a stream of both tracks is for listening only; else what is said to it is played."""
        return {"both_ways": "1"} if len(self.tracks) == 1 else {}

    def upgrade(self, host: str, key: str) -> Sequence[str]:
        """See Dialect."""
        return plain_upgrade(host, key)

    @abstractmethod
    def begin(self) -> Messages:
        """See Dialect."""

    @abstractmethod
    def end(self) -> Mapping[str, Any]:
        """What a `stop` message says."""

    @abstractmethod
    def stream(self) -> Mapping[str, Any]:
        """What every message says of its stream."""

    def message(self, event: str, fields: Mapping[str, Any]) -> str:
        """One message besides the media, numbered on from the last."""
        self._said += 1
        return self._numbered(self._newest + 1, event, fields)

    def _numbered(self, number: int, event: str, fields: Mapping[str, Any]) -> str:
        self._newest = max(self._newest, number)
        said = {"event": event, self.sequence_key: str(number), event: fields, **self.stream()}
        return json.dumps(said)

    def packet(self, talk: Talk, turn: Turn) -> Messages:
        """See Dialect: a message a track, chunks counted by track. All numbers are texts."""
        before = self._said + turn.order * len(self.tracks)
        said = {
            "chunk": str(self._chunks + turn.order + 1),
            "timestamp": str(round(self._milliseconds + turn.number * talk.ptime * 1000)),
        }
        return [
            self._numbered(
                before + number, "media", {"track": track, **said, "payload": _base64(voice, turn)}
            )
            for number, (track, voice) in enumerate(zip(self.tracks, talk.voices, strict=True), 1)
        ]

    def finish(self, talk: Talk, sent: int) -> None:
        """See Dialect."""
        self._milliseconds += talk.seconds * 1000
        self._chunks += sent
        self._said += sent * len(self.tracks)

    def receive(self, message: Message) -> Heard:
        """See Dialect: `media` is played; a `mark` comes back once what was before it has been."""
        try:
            said = json.loads(message)
            event = said.get("event")
        except (ValueError, AttributeError):
            return Heard()
        if event == "mark" and isinstance(said.get("mark"), dict):
            return Heard(replies=[self.message("mark", said["mark"])])
        return Heard(audio=event == "media")

    def goodbye(self) -> Messages:
        """See Dialect."""
        return [self.message("stop", self.end())]


def _base64(voice: Talk, turn: Turn) -> str:
    return base64.b64encode(voice.payloads[turn.number]).decode()
