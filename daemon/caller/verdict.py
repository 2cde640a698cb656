"""Downloading a recording as anybody could, and judging it against what was said in its call."""

import io
from dataclasses import dataclass, replace

import httpx
import numpy as np
import numpy.typing as npt
import soundfile

from daemon.caller.campaign import Placed
from daemon.caller.compare import Comparison, compare
from daemon.caller.manner import PLAIN, Manner
from daemon.caller.pace import Spoken
from daemon.caller.piecewise import Slack, compare_pieces
from daemon.caller.talk import Talk
from daemon.caller.tolerance import Tolerance
from daemon.media import codecs
from daemon.media.codecs import Samples

DOWNLOAD_SECONDS = 30.0
"""For each step of a download, not for all of it."""
_G711 = {"ULAW": "ulaw", "ALAW": "alaw"}


@dataclass(frozen=True)
class Verdict:
    """What a recording is worth."""

    words: str
    """Why, in one line."""
    exact: bool
    """Every sample of what was sent is in it, in order, at its time, and nothing else but silence."""
    slips: int = 0
    """But for so many single samples, left out or put in to follow the speaker's clock."""


async def judged(
    http: httpx.AsyncClient, talk: Talk, spoken: Spoken, call: Placed, manner: Manner = PLAIN
) -> Verdict:
    """Download the call's recording without credentials and compare it with what was said."""
    if call.recording is None or call.recording.url is None:
        return Verdict(
            f"no recording: {call.recording.state if call.recording else 'not started'}", exact=False
        )
    try:
        answer = await http.get(call.recording.url, timeout=DOWNLOAD_SECONDS)
        answer.raise_for_status()
        return _compared(answer.content, talk, spoken, call, manner)
    except (httpx.HTTPError, soundfile.LibsndfileError) as wrong:
        return Verdict(f"cannot be downloaded: {wrong}", exact=False)


@dataclass(frozen=True)
class _Voice:
    """One voice as the file has it, and as it should: in the samples that the file's encoding can hold."""

    recording: Samples
    rate: int
    said: Samples
    silence: int
    delivered: npt.NDArray[np.bool_]
    spoken: npt.NDArray[np.bool_]
    earliest: float
    """Where sample 0 of what was said may lie, in seconds of the file, at the earliest; at the latest."""
    latest: float
    speed: float

    def without_breath(self, said: Talk) -> "_Voice":
        """The same, with the silence that a line breathes as silence: A-law writes it as 8."""
        breath = int(said.codec.decode(said.codec.silence(1))[0])
        if breath == self.silence:
            return self
        recording, heard = (
            np.where(each == breath, np.int16(self.silence), each) for each in (self.recording, self.said)
        )
        return replace(self, recording=recording, said=heard)

    def apart(self, sample: int, place: int) -> float:
        """By how many seconds a sample of what was said stands away from where it may be."""
        after, at = sample / self.rate / self.speed, place / self.rate
        return max(self.earliest + after - at, at - self.latest - after, 0.0)


def _compared(body: bytes, talk: Talk, spoken: Spoken, call: Placed, manner: Manner) -> Verdict:
    with soundfile.SoundFile(io.BytesIO(body)) as file:
        samples, rate = file.read(dtype="int16", always_2d=True), file.samplerate
        encoding = _G711.get(file.subtype)
    if rate != talk.codec.rate:
        words = f"{rate} Hz, but spoken at {talk.codec.rate} Hz: samples cannot be compared"
        return Verdict(words, exact=False)
    said = talk.voices
    if samples.shape[1] < len(said):
        return Verdict(
            "one channel for two voices cannot be compared: the daemon needs RECORDING_CHANNELS=stereo",
            exact=False,
        )
    tolerance = Tolerance.of(manner, talk)
    verdicts = []
    for channel, one in enumerate(said):
        voice = _voice(np.ascontiguousarray(samples[:, channel]), encoding, one, spoken, call)
        verdicts.append(_judge(voice.without_breath(one) if manner.breathes else voice, tolerance))
    return verdicts[0] if len(said) == 1 else _of_both(*verdicts)


def _of_both(caller: Verdict, callee: Verdict) -> Verdict:
    words = f"caller: {caller.words}; callee: {callee.words}"
    return Verdict(words, caller.exact and callee.exact, caller.slips + callee.slips)


def _voice(recording: Samples, encoding: str | None, said: Talk, spoken: Spoken, call: Placed) -> _Voice:
    rate = said.codec.rate
    all_of_it = np.ones(len(said.payloads), np.bool_)
    delivered = all_of_it if call.plan is None else call.plan.delivered
    heard, silence = said.heard_of(delivered), 0
    if encoding is not None:
        codec = codecs.in_file(encoding, rate)
        silence = int(codec.decode(codec.silence(1))[0])
        heard = codec.decode(codec.encode(heard))
    # Sample 0 of the recording lies between the two times at which its start was asked for and answered.
    asked, answered = call.started or (spoken.began, spoken.began)
    earliest, latest = spoken.began - answered, spoken.began - asked
    sent = all_of_it if call.plan is None else call.plan.spoken
    return _Voice(recording, rate, heard, silence, delivered, sent, earliest, latest, spoken.speed)


def _judge(voice: _Voice, tolerance: Tolerance) -> Verdict:
    if tolerance.slack is not None:
        return _judge_pieces(voice, tolerance, tolerance.slack)
    found = compare(voice.recording, voice.said, near=round(voice.latest * voice.rate), silence=voice.silence)
    if not found.exact or found.offset is None:
        return Verdict(_difference(found, voice.rate), exact=False)
    apart = voice.apart(0, found.offset)
    if apart > tolerance.seconds:
        return Verdict(f"whole, but {apart:.3f} s from its time", exact=False)
    lost = int(np.count_nonzero(~voice.delivered))
    silent = f", and silence for {lost} packets that were not sent" if lost else ""
    kept = found.kept - lost * len(voice.said) // len(voice.delivered)
    return Verdict(f"{kept} samples exact{silent}", exact=True)


def _judge_pieces(voice: _Voice, tolerance: Tolerance, slack: Slack) -> Verdict:
    near = round(voice.latest * voice.rate)
    pieces = compare_pieces(
        voice.recording,
        voice.said,
        voice.delivered,
        near=near,
        slack=slack,
        spoken=voice.spoken,
        silence=voice.silence,
    )
    found = pieces.comparison
    if not pieces.exact:
        return Verdict(_difference(found, voice.rate), exact=False)
    moved = f"moved by {pieces.slips} single samples" if pieces.slips else "not a sample moved"
    if pieces.slips > tolerance.slips:
        return Verdict(f"whole, but {moved}", exact=False)
    apart = max(voice.apart(*move) for move in pieces.moves)
    if apart > tolerance.seconds:
        return Verdict(f"whole, but {apart:.3f} s from its time", exact=False)
    words = f"{found.kept} samples exact, to {tolerance.seconds:.3f} s, {moved}"
    return Verdict(words, exact=True, slips=pieces.slips)


def _difference(found: Comparison, rate: int) -> str:
    if found.offset is None:
        return "nothing of what was said is in it"
    first = 0.0 if found.first_difference is None else found.first_difference / rate
    return (
        f"{found.kept} of {found.spoken} samples kept, {found.stray} others that are not silence, "
        f"first difference at {first:.3f} s"
    )
