"""What `wavstream call` says at the end is what is true of its recordings."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from daemon import speech
from daemon.caller import sound
from daemon.caller.campaign import Placed
from daemon.caller.lines.rtp import RtpLine
from daemon.caller.verdict import Verdict
from daemon.cli import calling
from daemon.cli.callprepared import Asked, prepared
from daemon.cli.failure import Failed
from daemon.client import RecordingView, Session
from wavstream.process.settings import Address


def judged(*verdicts: Verdict) -> None:
    """Say what becomes of calls with these verdicts."""
    with RtpLine(Address("127.0.0.1", 9)) as line:
        call = Placed(Session("s", {}), line, recording=RecordingView("r", "completed", "u", 1.0))
        calling._judge([call] * len(verdicts), verdicts, calling._console())


def test_exact_to_the_sample_is_said_of_what_was_not_moved_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    judged(Verdict("", exact=True), Verdict("", exact=True))
    assert capsys.readouterr().out == "2 of 2 recordings are exact to the sample\n"
    judged(Verdict("", exact=True, slips=2), Verdict("", exact=True, slips=1))
    said = capsys.readouterr().out
    assert said == "2 of 2 recordings are exact, but for 3 single samples that follow the speaker's clock\n"
    with pytest.raises(Failed, match="1 of 2 recordings are not as it was said"):
        judged(Verdict("", exact=True), Verdict("", exact=False))


def test_a_callee_speaks_as_long_as_the_caller(tmp_path: Path) -> None:
    own = tmp_path / "callee.wav"
    soundfile.write(own, np.full(800, 5000, np.int16), 8000)
    talk, manner = prepared(Asked(leg="twilio", legs=2, seconds=0.5, callee=own))
    assert manner.session(talk) == {"legs": 2}
    assert talk.callee is not None
    assert len(talk.callee.payloads) == len(talk.payloads) == 25
    assert np.count_nonzero(talk.callee.heard) == 800
    talk, _ = prepared(Asked(leg="audio-fork", legs=2, seconds=0.5))
    assert talk.callee is not None
    assert np.array_equal(talk.callee.heard, sound.load(speech.CALLEE, 8000)[:4000])
