"""The demonstration itself, with both programs as it starts them; only what is said is shorter."""

import io
import os
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from daemon import programs, speech
from daemon.caller import sound
from daemon.demo import demonstration, judge, stage
from daemon.settings import DaemonSettings

SPOKEN_SECONDS = 1.5


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the demonstration makes its own; little is said, and kept for two seconds."""
    short = tmp_path / "short.wav"
    soundfile.write(short, sound.load(speech.CALLER, 8000)[:12_000], 8000)
    monkeypatch.setattr(speech, "CALLER", short)
    monkeypatch.setattr(stage, "RETENTION_SECONDS", 2.0)
    monkeypatch.setattr(demonstration, "RETENTION_SECONDS", 2.0)
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def given(*, terminal: bool = False) -> tuple[int, str]:
    """Give the demonstration. Returns the exit status and what was told."""
    paper = io.StringIO()
    console = Console(file=paper, width=100, force_terminal=terminal, color_system=None)
    return demonstration.run(console), paper.getvalue()


@pytest.mark.contract("program-demo")
def test_the_demonstration_holds_and_leaves_the_recording(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAEMON_HTTP", "nonsense")  # what is set in the user's shell does not matter
    status, told = given()
    assert status == 0, told
    (recording,) = place.glob("*/recording.wav")
    assert f"The recording: {recording}" in told
    samples, rate = soundfile.read(recording, dtype="int16")
    assert rate == 8000
    # What was said, half a second of silence before and after it, and what a breath and the answers take.
    assert SPOKEN_SECONDS + 1 <= len(samples) / rate < SPOKEN_SECONDS + 3
    assert np.abs(samples.astype(int)).max() > 10_000
    for finding in (
        "12000 of 12000 samples of speech are in the file",
        "around the speech are exact silence",
        "without credentials: 200",
        "GET says: 404 with no bytes of body",
        "webhooks came, each once, in order",
        "wavstream daemon ended with status 0",
        "wavstream server ended with status 0",
        "All 17 checks held.",
    ):
        assert finding in told
    assert "NO:" not in told
    assert '"event": "recording.completed"' in told


@pytest.mark.contract("program-demo")
def test_what_does_not_hold_is_named_and_the_exit_status_is_1(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "LIVE_SECONDS", 0.0)  # nothing can be heard before it is spoken
    status, told = given(terminal=True)
    assert status == 1
    failure = told.splitlines()[-1]
    assert failure.startswith(
        "wavstream demo: this did not hold: while it was recorded, each sample could be heard"
    )
    assert told.count("✗") == 1
    assert list(place.glob("*/recording.wav"))


def test_a_program_that_does_not_start_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import sys; sys.exit('wavstream: the disk is full')"
    monkeypatch.setattr(programs, "COMMAND", (programs.COMMAND[0], "-c", script))
    status, told = given()
    assert status == 1
    failure = told.splitlines()[-1]
    assert failure.endswith("this did not hold: wavstream server did not start: the disk is full")


def test_what_hangs_does_not_hang_for_ever(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "WHOLE_SECONDS", 0.05)
    status, told = given()
    assert status == 1
    assert told.splitlines()[-1].endswith("this took too long: Two programs start")


def test_whoever_interrupts_it_leaves_no_program_behind(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on: list[stage.Stage] = []

    def interrupt(_: object, here: stage.Stage) -> None:
        on.append(here)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(demonstration, "_introduce", interrupt)
    status, told = given()
    assert status == 1
    assert told.splitlines()[-1].endswith("this did not hold: it was interrupted (SIGTERM)")
    assert (on[0].server.status, on[0].daemon.status) == (0, 0)


def test_every_setting_of_either_program_is_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    names = stage._settings_names()
    assert {name.upper() for name in DaemonSettings.model_fields} <= names
    assert {"RECORDING_RETENTION_HOURS", "WAVSTREAM_TOKEN", "NOTIFY_SOCKET"} <= names
