"""Downloading a recording as anybody could, and judging it against what was said in its call."""

import io
from dataclasses import dataclass

import httpx
import numpy as np
import soundfile

from daemon.caller.campaign import Placed
from daemon.caller.compare import Comparison, compare
from daemon.caller.pace import Spoken
from daemon.caller.talk import Talk
from daemon.media import codecs
from daemon.media.codecs import Samples

DOWNLOAD_SECONDS = 30.0
"""For each step of a download, not for all of it."""
TOLERANCE_SECONDS = 0.020
"""To which the sound lies at its time in the file: one packet."""
_G711 = {"ULAW": "ulaw", "ALAW": "alaw"}


@dataclass(frozen=True)
class Verdict:
    """What a recording is worth."""

    words: str
    """Why, in one line."""
    exact: bool
    """Every sample of what was said is in it, in order, at its time, and nothing else but silence."""


async def judged(http: httpx.AsyncClient, talk: Talk, spoken: Spoken, call: Placed) -> Verdict:
    """Download the call's recording without credentials and compare it with what was said."""
    if call.recording is None or call.recording.url is None:
        return Verdict(
            f"no recording: {call.recording.state if call.recording else 'not started'}", exact=False
        )
    try:
        answer = await http.get(call.recording.url, timeout=DOWNLOAD_SECONDS)
        answer.raise_for_status()
        return _compared(answer.content, talk, spoken, call)
    except (httpx.HTTPError, soundfile.LibsndfileError) as wrong:
        return Verdict(f"cannot be downloaded: {wrong}", exact=False)


def _compared(body: bytes, talk: Talk, spoken: Spoken, call: Placed) -> Verdict:
    recording, rate, said, silence = _opened(body, talk)
    if rate != talk.codec.rate:
        words = f"{rate} Hz, but spoken at {talk.codec.rate} Hz: samples cannot be compared"
        return Verdict(words, exact=False)
    earliest, latest = call.started or (spoken.began, spoken.began)
    found = compare(recording, said, near=round((spoken.began - earliest) * rate), silence=silence)
    if not found.exact or found.offset is None:
        return Verdict(_difference(found, rate), exact=False)
    # Sample 0 of the recording lies between the two times at which its start was asked for and answered.
    place = found.offset / rate
    apart = max(spoken.began - latest - place, place - (spoken.began - earliest), 0.0)
    if apart > TOLERANCE_SECONDS:
        return Verdict(f"whole, but {apart:.3f} s from its time", exact=False)
    return Verdict(f"{found.kept} samples exact", exact=True)


def _opened(body: bytes, talk: Talk) -> tuple[Samples, int, Samples, int]:
    """The first channel of the file, its rate; what was said, and silence, as its encoding can hold them."""
    with soundfile.SoundFile(io.BytesIO(body)) as file:
        samples = file.read(dtype="int16", always_2d=True)[:, 0]
        recording = np.ascontiguousarray(samples, dtype=np.int16)
        encoding = _G711.get(file.subtype)
        if encoding is None:
            return recording, file.samplerate, talk.heard, 0
        codec = codecs.in_file(encoding, file.samplerate)
        silence = int(codec.decode(codec.silence(1))[0])
        return recording, file.samplerate, codec.decode(codec.encode(talk.heard)), silence


def _difference(found: Comparison, rate: int) -> str:
    if found.offset is None:
        return "nothing of what was said is in it"
    first = 0.0 if found.first_difference is None else found.first_difference / rate
    return (
        f"{found.kept} of {found.spoken} samples kept, {found.stray} others that are not silence, "
        f"first difference at {first:.3f} s"
    )
