import pytest
import trio

from daemon.media import codecs
from tests.daemon.recording.studio import studio
from wavstream import protocol


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("kind", "encoding"), [(0, "ulaw"), (8, "alaw")])
async def test_g711_goes_into_a_file_of_the_same_law_untouched(
    kind: int, encoding: protocol.Encoding, channels: int
) -> None:
    codec = codecs.in_file(encoding, 8000)
    said = bytes(range(160)) + bytes(range(96, 256))  # every code, both zeros of mu-law too
    async with studio() as place:
        place.caller.kind = kind
        recording = place.recording(encoding=encoding, channels=channels)
        await place.start(recording)
        begun = trio.current_time()
        for number in range(2):
            await trio.sleep_until(begun + (number + 1) * 0.02)
            place.caller.send(number, payload=said[number * 160 : number * 160 + 160])
        recording.stop(trio.current_time() + 0.04, "stopped")
        await place.done.wait()
    audio = bytes(place.kept.audio)
    caller, *others = (audio[channel::channels] for channel in range(channels))
    at = caller.find(said)
    assert at >= 0
    assert set(caller[:at] + caller[at + len(said) :]) | set(b"".join(others)) == set(codec.silence(1))
