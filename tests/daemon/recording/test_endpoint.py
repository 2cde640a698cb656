import pytest
from pydantic import SecretStr

from daemon.recording.endpoint import RecordingFormat, WavstreamEndpoint


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("ws://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/stream"),
        ("ws://127.0.0.1:8080/", "ws://127.0.0.1:8080/v1/stream"),
        ("wss://store.example/?tenant=a", "wss://store.example/v1/stream?tenant=a"),
        ("ws://proxy.example/audio/in", "ws://proxy.example/audio/in"),
    ],
)
def test_a_url_without_a_path_means_the_usual_one(url: str, opened: str) -> None:
    assert WavstreamEndpoint(url).stream_url == opened


def test_a_token_is_sent_and_never_shown() -> None:
    endpoint = WavstreamEndpoint("ws://127.0.0.1:8080", SecretStr("s3cret"))
    assert endpoint.headers == [(b"Authorization", b"Bearer s3cret")]
    assert "s3cret" not in repr(endpoint)
    assert WavstreamEndpoint("ws://127.0.0.1:8080").headers == []


def test_a_format_knows_its_bytes() -> None:
    stereo = RecordingFormat("pcm16", 16000, 2)
    assert (stereo.frame_bytes, stereo.byte_rate, stereo.codec.silent_byte) == (4, 64_000, 0)
    narrow = RecordingFormat("ulaw", 8000, 1)
    assert (narrow.frame_bytes, narrow.byte_rate, narrow.codec.silent_byte) == (1, 8000, 0xFF)
