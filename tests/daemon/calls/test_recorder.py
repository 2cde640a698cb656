"""The operator's settings made into recordings."""

from pathlib import Path
from typing import Any

import pytest

from daemon.calls.moment import Moment
from daemon.calls.recorder import Recorder
from daemon.calls.session import Order
from daemon.legs.leg import Leg
from daemon.media.codecs import named
from daemon.media.timeline import CALLEE, CALLER
from daemon.recording.endpoint import RecordingFormat
from tests.daemon.legs.caller import make_leg
from tests.daemon.running import settings
from wavstream.process.cadence import Cadence


def legs(cadence: Cadence) -> list[Leg]:
    """One of 8 kHz, and one that was told of 16 kHz; closed, for nobody calls."""
    made = [
        make_leg(cadence, side=CALLER),
        make_leg(cadence, side=CALLEE, told={96: named("L16", 16000)}),
    ]
    for leg in made:
        leg.close()
    return list(made)


@pytest.mark.contract("recording-format")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, RecordingFormat("pcm16", 16000, 1)),  # the highest of the legs'
        ({"recording_channels": "stereo"}, RecordingFormat("pcm16", 16000, 2)),
        ({"recording_sample_rate": 8000}, RecordingFormat("pcm16", 8000, 1)),
        ({"recording_format": "ulaw"}, RecordingFormat("ulaw", 16000, 1)),
    ],
)
async def test_a_recordings_format_is_the_settings_and_else_the_calls_own(  # noqa: ASYNC124 - legs have a clock
    given: dict[str, Any], expected: RecordingFormat
) -> None:
    cadence = Cadence()
    assert Recorder(settings(Path(), **given), cadence).format(legs(cadence)) == expected


async def test_without_wavstream_url_nothing_can_be_recorded() -> None:  # noqa: ASYNC124 - legs have a clock
    cadence = Cadence()
    recorder = Recorder(settings(Path(), wavstream_url=None), cadence)
    assert not recorder.can_record
    order = Order(
        recording_id="rec_12345678",
        command_uid="u",
        format=RecordingFormat("pcm16", 8000, 1),
        started=Moment(0.0, 0.0),
    )
    with pytest.raises(RuntimeError, match="no wavstream"):
        recorder.record(order, legs(cadence), {"session_uuid": "s"})
