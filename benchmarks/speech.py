"""Makes the speech in daemon/speech again: two voices of espeak-ng, band-limited as a telephone line is.

Each voice becomes one WAV of exactly SECONDS, 8 kHz, mono, 16 bit, with pauses that are exact silence, so
that a recorder which closes up the silence, or puts the speech a little too early, is found out by comparing
samples.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from daemon import speech

SECONDS = 10
SAMPLE_RATE = 8000


class Voice(NamedTuple):
    """Who says what: an espeak-ng voice, its pace and pitch (0 to 99), and (sentence, seconds of pause)."""

    name: str
    words_a_minute: int
    pitch: int
    sentences: tuple[tuple[str, float], ...]


CALLER = Voice(
    "en-gb",
    165,
    45,
    (
        ("Hello, this is David Miller. I am calling about order four seven one five.", 0.6),
        ("It should have arrived on Tuesday.", 0.5),
        ("Could you tell me where it is?", 0.4),
    ),
)
CALLEE = Voice(
    "en-us+f3",
    180,
    55,
    (
        ("Good morning, and thank you for calling. This call may be recorded.", 0.7),
        ("I can see that your order left our warehouse yesterday.", 0.5),
        ("You will have it tomorrow.", 0.4),
    ),
)


def run(*command: str) -> None:
    """Run a program that has to succeed."""
    subprocess.run(command, check=True)


def spoken(voice: Voice, folder: Path) -> list[str]:
    """Say each sentence into a file of its own, as a telephone would pass it on. Returns the files' names."""
    names = []
    for number, (sentence, pause) in enumerate(voice.sentences):
        raw, line = folder / f"raw{number}.wav", folder / f"line{number}.wav"
        how = ("-v", voice.name, "-s", str(voice.words_a_minute), "-p", str(voice.pitch))
        run("espeak-ng", *how, "-w", str(raw), sentence)
        trimmed = ("silence", "1", "0.02", "0.1%", "reverse") * 2
        band = ("rate", "-v", str(SAMPLE_RATE), "sinc", "200-3600", "norm", "-3")
        faded = ("fade", "0.01", "reverse") * 2
        run("sox", "-D", str(raw), "-b", "16", str(line), *trimmed, *band, *faded, "pad", "0", str(pause))
        names.append(str(line))
    return names


def make(voice: Voice, target: Path) -> None:
    """Write one voice's file: a little silence, its sentences, and silence up to SECONDS."""
    with tempfile.TemporaryDirectory() as folder:
        # -V1: sox warns that trim leaves it no chance to apply the whole padding, which is the intention
        length = ("pad", "0.25", str(SECONDS), "trim", "0", str(SECONDS))
        run("sox", "-V1", "-D", *spoken(voice, Path(folder)), "-b", "16", str(target), *length)


if __name__ == "__main__":
    make(CALLER, speech.CALLER)
    make(CALLEE, speech.CALLEE)
