import base64
import json

import pytest

from daemon.media.dialects.dialect import Begun, DialectError
from daemon.media.dialects.twilio import Twilio
from tests.daemon.media.dialects.conversations import hear
from tests.daemon.media.dialects.starts import CONNECTED, TWILIO_START, begin


def test_twilio_s_call_is_what_start_says() -> None:
    events = hear(Twilio(), [CONNECTED, json.dumps(TWILIO_START)])
    assert events == [
        Begun(
            call_id="CA1",
            caller_id="+4930123",
            did="+4930456",
            fields={
                "accountSid": "AC1",
                "streamSid": "MZ1",
                "tracks": ["inbound"],
                "customParameters": {"queue": "sales"},
            },
        )
    ]


def test_twilio_speaks_mu_law_alone() -> None:
    with pytest.raises(DialectError, match="encoding 'audio/x-l16': takes audio/x-mulaw"):
        Twilio().receive(begin(TWILIO_START, mediaFormat={"encoding": "audio/x-l16"}))
    for key, value in (("mediaFormat", None), ("mediaFormat", {}), ("customParameters", None)):
        assert Twilio().receive(begin(TWILIO_START, **{key: value}))


def test_silence_goes_back_to_twilio_where_it_is_played() -> None:
    dialect = Twilio(both_ways=True)
    assert dialect.silence(0.1) is None
    dialect.receive(json.dumps(TWILIO_START))
    said = json.loads(dialect.silence(0.1) or "")
    payload = said["media"].pop("payload")
    assert said == {"event": "media", "streamSid": "MZ1", "media": {}}
    assert base64.b64decode(payload) == b"\xff" * 800
    assert dialect.silence(0.0) is None
    assert dialect.goodbye() is None


@pytest.mark.parametrize(("said", "spoken_to"), [("1", True), ("0", False), (1, False), ([], False)])
def test_a_parameter_says_that_silence_is_played_where_no_query_may(said: object, spoken_to: bool) -> None:
    dialect = Twilio()
    dialect.receive(begin(TWILIO_START, customParameters={"both_ways": said}))
    assert (dialect.silence(0.1) is not None) is spoken_to


def test_a_stream_with_both_tracks_has_no_way_back() -> None:
    for both_ways, tracks in ((False, ["inbound"]), (True, ["inbound", "outbound"])):
        dialect = Twilio(both_ways=both_ways)
        dialect.receive(begin(TWILIO_START, tracks=tracks))
        assert dialect.silence(0.1) is None
    dialect = Twilio()
    dialect.receive(begin(TWILIO_START, tracks=["outbound"], customParameters={"both_ways": "1"}))
    assert dialect.silence(0.1) is None
