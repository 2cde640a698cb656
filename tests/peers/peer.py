"""Another program that can be made to speak, and what it is given to say."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import run
from typing import Any, NamedTuple, Self

import numpy as np
import soundfile
import trio

from daemon import speech
from daemon.caller.sound import load
from daemon.media.codecs import Codec, Samples
from tests.end_to_end.house import PATIENCE_SECONDS

SPOKEN_SECONDS = 3.2


@dataclass(frozen=True)
class Original:
    """What is to be said: a WAV file, and its samples at `rate` Hz."""

    path: Path
    samples: Samples
    rate: int

    @classmethod
    def write(cls, folder: Path, rate: int) -> Self:
        """The beginning of the committed speech."""
        samples = load(speech.CALLER, rate)[: round(SPOKEN_SECONDS * rate)]
        path = folder / f"original-{rate}.wav"
        soundfile.write(path, samples, rate, subtype="PCM_16")
        return cls(path, samples, rate)


class Ports(NamedTuple):
    """Where to send each packet to, in this order."""

    before: int
    leg: int
    after: int


Speak = Callable[[Ports], Awaitable[None]]
"""Say all of it; returns soon after."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """How a program is made to say something, and what it says."""

    name: str
    speak: Speak
    codec: Codec
    said: Samples
    """As its own decoder understands its own encoder, at the recording's rate."""
    rate: int
    """Of the recording: that of the codec, if the daemon knows it before the first packet."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """What the session says of its payload type."""
    witnessed: bool = True
    """Whether it sends to all ports; otherwise only to the leg's."""
    ptime: float | None = None
    """Seconds of sound in a packet; None: as the program likes."""
    ahead: float = 0.0
    """By how many seconds its packets may leave before their time: it reads and sends in blocks."""


def told(payload_type: int, codec: Codec) -> dict[str, Any]:
    """What a session has to be told of a payload type that is not static, or of a rate that is to be kept."""
    return {"rtp": {"payload_type": payload_type, "encoding": codec.name, "rate": codec.rate}}


def heard_by_itself(*commands: list[str]) -> Samples:
    """What the last of a chain of commands, each fed with the output of the one before, gives as s16le."""
    audio = b""
    for command in commands:
        audio = run(command, input=audio, capture_output=True, check=True, timeout=60).stdout
    return np.frombuffer(audio, "<i2").astype(np.int16)


async def to_its_end(command: Sequence[str]) -> None:
    """Run a program until it ends by itself."""
    with trio.fail_after(PATIENCE_SECONDS):
        done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout!r}\n{done.stderr!r}"
