"""mod_audio_fork, and the `listen` of jambonz: a JSON text that describes the call, then audio."""

import json
from collections.abc import Mapping, Sequence

from daemon.caller.dialects.dialect import Call, Heard, Message, Messages, plain_upgrade
from daemon.caller.faults import Turn
from daemon.caller.kind import Kind, linear
from daemon.caller.lines import websocket
from daemon.caller.talk import Talk


class AudioFork:
    """One connection; see Dialect. With two voices its audio is interleaved, the caller first.

    It plays what comes back, of the rate at which it sends and in one voice.
    """

    name = "audio-fork"

    def __init__(self, call: Call, talk: Talk) -> None:
        self._described = {
            "callSid": call.call_id,
            "direction": "inbound",
            "from": call.caller_id,
            "to": call.did,
            "sampleRate": talk.codec.rate,
            "mixType": "mono" if talk.callee is None else "stereo",
        }

    @property
    def query(self) -> Mapping[str, str]:
        """See Dialect: that it plays what it gets is nowhere else."""
        return {"both_ways": "1"}

    def upgrade(self, host: str, key: str) -> Sequence[str]:
        """See Dialect."""
        return plain_upgrade(host, key, "Sec-WebSocket-Protocol: audio.drachtio.org")

    def begin(self) -> Messages:
        """See Dialect."""
        return [json.dumps(self._described)]

    def packet(self, talk: Talk, turn: Turn) -> Messages:
        """See Dialect."""
        return [talk.interleaved[turn.number]]

    def finish(self, talk: Talk, sent: int) -> None:
        """See Dialect: its audio carries no time."""

    def receive(self, message: Message) -> Heard:
        """See Dialect: texts would be for its dialplan."""
        return Heard(audio=isinstance(message, bytes))

    def goodbye(self) -> Messages:
        """See Dialect: an empty message is a graceful end."""
        return [b""]


KIND = Kind(
    name=AudioFork.name,
    dial=websocket.dialling(AudioFork),
    encodings={"L16": (8000, 16000, 24000, 32000, 48000)},
    codec_of=linear,
    both=True,
)
