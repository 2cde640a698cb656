"""Switches that bring a call's audio, each in its own way, as they were seen on the wire."""

import base64
import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from daemon.media import audiosocket, codecs
from daemon.media.codecs import PCMU, Codec
from tests.daemon.running import Daemon
from tests.wavstream import clients

PTIME_SECONDS = 0.02
PUNCTUAL_SECONDS = 0.05
"""A switch that is later than this, for its machine is too busy, does not say when its audio was spoken."""
MOST_TRIES = 10
TAKES_SECONDS = 300.0
"""Against hanging: a busy machine needs as many takes, and each lasts as long as its speech."""
ORDER_SLACK_SECONDS = 0.06
TIME_SLACK_SECONDS = 0.02

Frames = Callable[[int, Sequence[bytes]], bytes]
"""What is sent of the 20 ms of that number, given them as each voice's bytes."""


@dataclass(frozen=True)
class Way:
    """How a switch speaks, on which socket."""

    name: str
    codec: Codec
    frame: Frames
    voices: int = 1
    target: str | None = ""
    """Behind the URL of the leg; None: it is AudioSocket."""
    headers: tuple[str, ...] = ()
    opening: tuple[bytes, ...] = ()
    closing: bytes = clients.close()
    slack: float = ORDER_SLACK_SECONDS
    silence: bytes | None = None
    """What it gets every now and then, while nobody speaks to it."""


def interleaved(_number: int, voices: Sequence[bytes]) -> bytes:
    """16 bits a sample in one binary message, left and right in turn."""
    samples = np.stack([np.frombuffer(voice, "<i2") for voice in voices], axis=1)
    return clients.audio(samples.tobytes())


def binary(_number: int, voices: Sequence[bytes]) -> bytes:
    """One voice as it is, in one binary message."""
    return clients.audio(voices[0])


def socket_frame(kind: int) -> Frames:
    """AudioSocket's."""
    return lambda _number, voices: audiosocket.build(kind, voices[0])


def said(**fields: Any) -> bytes:
    """A JSON text."""
    return clients.text(json.dumps(fields))


def twilio(number: int, voices: Sequence[bytes]) -> bytes:
    """A text a voice; numbers are texts, and each track counts its own chunks."""
    return b"".join(
        said(
            event="media",
            sequenceNumber=str(2 + number * len(voices) + which),
            streamSid="MZ1",
            media={
                "track": ("inbound", "outbound")[which],
                "chunk": str(1 + number),
                "timestamp": str(20 * number),
                "payload": base64.b64encode(voice).decode(),
            },
        )
        for which, voice in enumerate(voices)
    )


def telnyx(number: int, voices: Sequence[bytes]) -> bytes:
    """The same in snake case."""
    media = {
        "track": "inbound",
        "chunk": str(1 + number),
        "timestamp": str(20 * number),
        "payload": base64.b64encode(voices[0]).decode(),
    }
    return said(event="media", sequence_number=str(2 + number), stream_id="s-1", media=media)


def audio_stream(rate: int, channels: int) -> Way:
    """mod_audio_stream: no description but the dialplan's own text."""
    return Way(
        f"audio-stream {rate} {channels}",
        codecs.slin(rate),
        interleaved,
        channels,
        f"/audio-stream?rate={rate}&channels={channels}",
        opening=(clients.text("call-1.wav"),),
    )


def audio_fork(mix: str, protocol: str) -> Way:
    """mod_audio_fork, or jambonz: an empty binary message is its end."""
    return Way(
        f"audio-fork {mix}",
        codecs.slin(8000),
        interleaved,
        2 if mix == "stereo" else 1,
        headers=(f"Sec-WebSocket-Protocol: {protocol}", "User-Agent: jambonz"),
        opening=(said(sampleRate=8000, mixType=mix, callSid="CA1"),),
        closing=clients.audio(b""),
    )


def chan_websocket(name: str, codec: Codec, *, in_json: bool) -> Way:
    """Asterisk's chan_websocket."""
    size = codec.clock_rate // 50 * codec.bytes_per_sample
    about = {"channel": "WebSocket/x", "channel_id": "1.2", "format": name, "optimal_frame_size": size}
    plain = "MEDIA_START " + " ".join(f"{key}:{value}" for key, value in about.items()) + " ptime:20"
    return Way(
        f"chan-websocket {name}",
        codec,
        binary,
        headers=("Sec-WebSocket-Protocol: media",),
        opening=(said(event="MEDIA_START", **about) if in_json else clients.text(plain),),
        silence=codec.silence(size // codec.bytes_per_sample),
    )


def media_stream(*tracks: str) -> Way:
    """Twilio Media Streams."""
    start = {
        "callSid": "CA1",
        "streamSid": "MZ1",
        "tracks": tracks,
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    }
    return Way(
        f"twilio {' '.join(tracks)}",
        PCMU,
        twilio,
        len(tracks),
        opening=(
            said(event="connected", protocol="Call", version="1.0.0"),
            said(event="start", sequenceNumber="1", streamSid="MZ1", start=start),
        ),
        closing=said(event="stop", streamSid="MZ1", stop={"callSid": "CA1"}),
        slack=TIME_SLACK_SECONDS,
    )


def audio_socket(rate: int) -> Way:
    """Asterisk's AudioSocket."""
    kind = audiosocket.KINDS[rate]
    silence = bytes(rate // 50 * 2)
    return Way(
        f"audiosocket {rate}",
        codecs.slin(rate),
        socket_frame(kind),
        target=None,
        closing=b"",
        silence=silence,
    )


TELNYX = Way(
    "telnyx",
    PCMU,
    telnyx,
    opening=(
        said(event="connected", version="1.0.0"),
        said(
            event="start",
            stream_id="s-1",
            start={"call_control_id": "v3:1", "media_format": {"encoding": "PCMU", "sample_rate": 8000}},
        ),
    ),
    closing=said(event="stop", stream_id="s-1"),
    slack=TIME_SLACK_SECONDS,
)

WAYS = (
    audio_stream(8000, 1),
    audio_stream(8000, 2),
    audio_stream(16000, 1),
    audio_stream(16000, 2),
    audio_fork("mono", "audio.drachtio.org"),
    audio_fork("stereo", "audio.jambonz.org"),
    chan_websocket("slin", codecs.slin(8000), in_json=False),
    chan_websocket("ulaw", PCMU, in_json=True),
    chan_websocket("slin16", codecs.slin(16000), in_json=False),
    media_stream("inbound"),
    media_stream("inbound", "outbound"),
    TELNYX,
    audio_socket(8000),
    audio_socket(16000),
)


def connect(daemon: Daemon, session: dict[str, Any], way: Way, leg: int = 0) -> socket.socket:
    """A connection to a leg, with all that is said before its audio."""
    if way.target is None:
        uuid = UUID(session["media"]["audiosocket"][leg]["uuid"])
        switch = socket.create_connection(daemon.listening.audiosocket)
        switch.sendall(audiosocket.build(audiosocket.IDENTITY, uuid.bytes))
    else:
        path = "/" + session["media"]["websocket"][leg]["url"].split("/", 3)[3]
        switch = socket.create_connection(daemon.listening.media)
        switch.sendall(clients.upgrade(path + way.target, *way.headers))
    switch.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    switch.sendall(b"".join(way.opening))
    switch.setblocking(False)
    return switch
