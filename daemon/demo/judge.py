"""What has to hold of the recording that the demonstration made: each finding with its figures."""

import hashlib
from pathlib import Path

import numpy as np
import soundfile

from daemon.caller.compare import compare
from daemon.demo.call import Call
from daemon.demo.story import Story
from daemon.media.codecs import Samples

LIVE_SECONDS = 1.0
"""Sound arrives within this of being spoken."""
TOLERANCE_SECONDS = 0.020
"""To which the file's duration and the place of its sound are right: one packet."""


def opened(story: Story, path: Path) -> tuple[Samples, int]:
    """The samples of the file's first channel and their rate, read by libsndfile, which is not ours."""
    with soundfile.SoundFile(path) as file:
        what = f"{file.format} {file.subtype}, {file.samplerate} Hz, channels: {file.channels}"
        samples = file.read(dtype="int16", always_2d=True)[:, 0]
        story.check(file.format == "WAV" and len(samples) > 0, f"libsndfile opens it: {what}")
        return samples, file.samplerate


def bytes_announced(story: Story, body: bytes, call: Call) -> None:
    """What was downloaded is what the webhook announced."""
    fields = call.completed.fields
    story.check(len(body) == fields["size"], f"it has the {fields['size']} bytes that the webhook announced")
    same = hashlib.sha256(body).hexdigest() == fields["sha256"]
    story.check(same, f"and the SHA-256 that it announced ({fields['sha256'][:16]}...)")


def every_sample(story: Story, recording: Samples, rate: int, call: Call) -> int:
    """Every sample of the speech is there, in order, at its time. Returns the sample where it begins."""
    found = compare(recording, call.talk.heard, near=round((call.spoken.began - call.started.asked) * rate))
    story.check(
        found.kept == found.spoken,
        f"{found.kept} of {found.spoken} samples of speech are in the file, in order, equal bit for bit",
    )
    story.check(
        found.stray == 0, f"all {len(recording) - found.spoken} samples around the speech are exact silence"
    )
    if found.first_difference is not None:
        story.say(
            f"The first sample that is not what it should be: at {found.first_difference / rate:.4f} s."
        )
    offset = found.offset or 0
    apart = _outside(offset / rate, call.spoken.began, call.started.answered, call.started.asked)
    story.check(
        found.offset is not None and apart <= TOLERANCE_SECONDS,
        f"the speech begins {offset / rate:.3f} s into the file, and was spoken"
        f" {call.spoken.began - call.started.asked:.3f} s after the start",
    )
    return offset


def duration(story: Story, recording: Samples, rate: int, call: Call) -> None:
    """The file lasts as long as the recording did."""
    seconds = len(recording) / rate
    shortest = call.stopped.asked - call.started.answered
    longest = call.stopped.answered - call.started.asked
    apart = max(shortest - seconds, seconds - longest, 0.0)
    between = call.stopped.asked - call.started.asked
    story.check(
        apart <= TOLERANCE_SECONDS,
        f"it lasts {seconds:.3f} s; from asking for the start to asking for the stop it was {between:.3f} s",
    )
    announced = float(call.completed.fields["duration"])
    story.check(
        abs(announced - seconds) < 1 / rate, f"the webhook's duration says the same: {announced:.3f} s"
    )


def heard_live(story: Story, recording: Samples, rate: int, offset: int, call: Call) -> None:
    """The sound came through while it was spoken, and it was the same."""
    worst = call.heard.worst_delay(lambda sample: call.spoken.at(sample - offset))
    story.check(
        worst < LIVE_SECONDS,
        f"while it was recorded, each sample could be heard {worst:.2f} s after it was spoken at the latest",
    )
    same = call.heard.rate == rate and np.array_equal(call.heard.samples, recording)
    story.check(same, "what was heard live, from the first sample to the last, is the file")


def _outside(seconds: float, began: float, latest_zero: float, earliest_zero: float) -> float:
    """By how much a place in the file is outside of where it may be, if sample 0 was between these times."""
    return max(began - latest_zero - seconds, seconds - (began - earliest_zero), 0.0)
