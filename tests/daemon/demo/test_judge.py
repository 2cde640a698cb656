"""What the demonstration calls right is right: each fault of a recording is found."""

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile
from rich.console import Console

from daemon.caller.pace import Spoken
from daemon.caller.phone import Phone
from daemon.caller.talk import Talk
from daemon.demo import judge
from daemon.demo.call import Call, Moment
from daemon.demo.follow import Heard
from daemon.demo.receiver import Received
from daemon.demo.story import Story
from daemon.media.codecs import PCMU, Samples
from wavstream import wav
from wavstream.wav import WavFormat

RATE = 8000
TALK = Talk.of(np.random.default_rng(5).integers(-9000, 9000, RATE).astype(np.int16), PCMU, 0)
LEAD = 4000
"""Half a second of silence before the second of speech, and as much after it: two seconds in all."""


@dataclass
class Case:
    """A recording and the call that it is of; everything is right unless a test changes it."""

    recording: Samples
    call: Call
    body: bytes

    def failures(self) -> list[str]:
        """What the judge finds wrong."""
        story = Story(Console(file=io.StringIO(), width=100))
        judge.bytes_announced(story, self.body, self.call)
        offset = judge.every_sample(story, self.recording, RATE, self.call)
        judge.duration(story, self.recording, RATE, self.call)
        judge.heard_live(story, self.recording, RATE, offset, self.call)
        return story.failures


def heard(recording: Samples, began: float, delay: float) -> Heard:
    """A live stream whose pieces of 0.1 s come so many seconds after their first sample was spoken."""
    live = Heard()
    live.feed(wav.header(WavFormat("pcm16", RATE, 1), None), began)
    for first in range(0, len(recording), 800):
        live.feed(recording[first : first + 800].tobytes(), began + first / RATE + delay)
    return live


@pytest.fixture
def case() -> Case:
    """The recording ran from second 10 to second 12; the daemon's answers took 4 ms."""
    recording = np.pad(TALK.heard, (LEAD, LEAD))
    body = recording.tobytes()
    fields: dict[str, Any] = {
        "duration": 2.0,
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    call = Call(
        talk=TALK,
        spoken=Spoken(began=10.502, rate=RATE),
        started=Moment(10.0, 10.004),
        stopped=Moment(12.0, 12.004),
        heard=heard(recording, 10.002, 0.3),
        completed=Received(12.5, fields),
        phone=cast("Phone", None),
    )
    return Case(recording, call, body)


def test_a_right_recording_has_no_failures(case: Case) -> None:
    assert case.failures() == []


def test_a_changed_byte_of_the_download_is_found(case: Case) -> None:
    case.body = case.body[:-1] + b"\x01"
    (failure,) = case.failures()
    assert "SHA-256" in failure
    case.body += b"\x01"
    assert len(case.failures()) == 2


def test_a_lost_sample_is_found(case: Case) -> None:
    case.recording[LEAD + 100] = 0
    case.recording[0] = 5
    failures = case.failures()
    assert failures[0].startswith("7999 of 8000 samples of speech")
    assert "exact silence" in failures[1]


def test_speech_away_from_its_time_is_found(case: Case) -> None:
    # 30 ms early: allowed are 20 ms, and the 4 ms between asking and answering.
    case.recording = np.pad(TALK.heard, (LEAD - 240, LEAD + 240))
    case.call = replace(case.call, heard=heard(case.recording, 10.002, 0.3))
    (failure,) = case.failures()
    assert failure.startswith("the speech begins 0.470 s into the file")


def test_a_recording_without_the_speech_is_found(case: Case) -> None:
    case.recording[:] = 0
    failures = case.failures()
    assert failures[0].startswith("0 of 8000 samples of speech")
    assert failures[1].startswith("the speech begins")


def test_a_file_that_is_too_short_is_found(case: Case) -> None:
    # 30 ms of its end are missing.
    case.recording = case.recording[:-240]
    case.call = replace(case.call, heard=heard(case.recording, 10.002, 0.3))
    failures = case.failures()
    assert failures[0].startswith("it lasts 1.970 s")
    assert failures[1].startswith("the webhook's duration")


def test_sound_that_comes_too_late_is_found(case: Case) -> None:
    case.call = replace(case.call, heard=heard(case.recording, 10.002, 1.01))
    (failure,) = case.failures()
    assert failure.endswith("1.01 s after it was spoken at the latest")


def test_a_live_stream_that_is_not_the_file_is_found(case: Case) -> None:
    case.call = replace(case.call, heard=heard(case.recording[:-800], 10.002, 0.3))
    (failure,) = case.failures()
    assert failure.startswith("what was heard live")


def test_the_file_is_opened_by_a_library_that_is_not_ours(case: Case, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "recording.wav", case.recording, RATE)
    story = Story(Console(file=io.StringIO(), width=100))
    samples, rate = judge.opened(story, tmp_path / "recording.wav")
    assert (rate, story.failures) == (RATE, [])
    assert np.array_equal(samples, case.recording)
