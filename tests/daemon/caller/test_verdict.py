"""A verdict on a recording: what is right is called right, and what is wrong is found and told."""

import io
from dataclasses import replace

import httpx
import numpy as np
import pytest
import soundfile

from daemon.caller.campaign import Placed
from daemon.caller.faults import Faults
from daemon.caller.lines.rtp import RtpLine
from daemon.caller.manner import PLAIN, Manner
from daemon.caller.pace import Spoken
from daemon.caller.piecewise import Slack
from daemon.caller.talk import Talk
from daemon.caller.tolerance import Tolerance
from daemon.caller.verdict import judged
from daemon.client import RecordingView, Session
from daemon.media import codecs
from daemon.media.codecs import PCMA, PCMU, Samples
from wavstream.process.settings import Address

SOUND = np.random.default_rng(3).integers(-9000, 9000, 4000).astype(np.int16)
TALK = Talk.of(SOUND, PCMU, 0)


def wav(samples: Samples, rate: int = 8000, subtype: str = "PCM_16") -> bytes:
    body = io.BytesIO()
    soundfile.write(body, samples, rate, format="WAV", subtype=subtype)
    return body.getvalue()


async def verdict(
    answer: httpx.Response,
    *,
    talk: Talk = TALK,
    state: str = "completed",
    began: float = 10.1,
    manner: Manner = PLAIN,
) -> tuple[bool, str]:
    """The verdict on a recording that was started between 10.000 and 10.004 s."""
    url = "http://x.test/r.wav" if state == "completed" else None
    view = RecordingView("r", state, url, 1.0)
    with RtpLine(Address("127.0.0.1", 9)) as line:
        plans = manner.plans(talk, 1)
        call = Placed(
            Session("s", {}), line, plans[0] if plans else None, started=(10.0, 10.004), recording=view
        )
        transport = httpx.MockTransport(lambda _: answer)
        async with httpx.AsyncClient(transport=transport) as http:
            spoken = Spoken(began, talk.codec.rate, speed=manner.faults.speed)
            found = await judged(http, talk, spoken, call, manner)
    return found.exact, found.words


async def test_a_recording_with_everything_at_its_time_is_exact() -> None:
    # Said 0.1 s after the start: 800 samples of silence come first.
    whole = np.pad(TALK.heard, (800, 500))
    assert await verdict(httpx.Response(200, content=wav(whole))) == (True, "4000 samples exact")


async def test_g711_files_are_compared_with_what_they_can_hold() -> None:
    codec = codecs.in_file("alaw", 8000)
    held = codec.decode(codec.encode(np.pad(TALK.heard, (800, 0))))
    silence = codec.decode(codec.encode(np.zeros(1, np.int16)))[0]
    held[:800] = silence
    exact, words = await verdict(httpx.Response(200, content=wav(held, subtype="ALAW")))
    assert (exact, words) == (True, "4000 samples exact")


async def test_a_sample_that_differs_is_told_with_its_place() -> None:
    damaged = np.pad(TALK.heard, (800, 0))
    damaged[800 + 1600] ^= 1  # 0.3 s into the file
    exact, words = await verdict(httpx.Response(200, content=wav(damaged)))
    assert not exact
    assert words.startswith("3999 of 4000 samples kept, 0 others")
    assert words.endswith("first difference at 0.300 s")


async def test_sound_away_from_its_time_is_not_right() -> None:
    # 1,600 samples are 0.2 s, but it was said 0.1 s after the start at the latest: 0.1 s too late.
    exact, words = await verdict(httpx.Response(200, content=wav(np.pad(TALK.heard, (1600, 0)))))
    assert (exact, words) == (False, "whole, but 0.100 s from its time")


async def test_another_rate_cannot_be_compared() -> None:
    exact, words = await verdict(httpx.Response(200, content=wav(TALK.heard, rate=16000)))
    assert (exact, words.split(",")[0]) == (False, "16000 Hz")


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (httpx.Response(200, content=wav(np.zeros(4000, np.int16))), "completed", "nothing of what was said"),
        (httpx.Response(200, content=b"no sound"), "completed", "cannot be downloaded"),
        (httpx.Response(404), "completed", "cannot be downloaded"),
        (httpx.Response(200), "failed", "no recording: failed"),
    ],
)
async def test_what_cannot_be_had_is_said_plainly(answer: httpx.Response, state: str, words: str) -> None:
    answer.request = httpx.Request("GET", "http://x.test/r.wav")
    exact, said = await verdict(answer, state=state)
    assert not exact
    assert said.startswith(words)


LOSSY = Manner(faults=Faults(loss=30, seed=1))
JITTERY = Manner(faults=Faults(jitter=0.05))


async def test_what_was_lost_on_request_has_to_be_silence() -> None:
    delivered = LOSSY.plans(TALK, 1)[0].delivered
    lost = int(np.count_nonzero(~delivered))
    assert lost > 3
    kept = np.pad(TALK.heard * np.repeat(delivered, 160), (800, 0))
    exact, words = await verdict(httpx.Response(200, content=wav(kept)), manner=LOSSY)
    words_expected = f"{4000 - 160 * lost} samples exact, and silence for {lost} packets that were not sent"
    assert (exact, words) == (True, words_expected)
    # A recorder that makes up for losses, in whatever way, is found out.
    exact, words = await verdict(httpx.Response(200, content=wav(np.pad(TALK.heard, (800, 0)))), manner=LOSSY)
    assert not exact


async def test_with_jitter_the_whole_may_be_as_late_as_the_first_packet_was() -> None:
    late = wav(np.pad(TALK.heard, (800 + 480, 0)))  # 60 ms: 50 of jitter, and less than a packet
    exact, words = await verdict(httpx.Response(200, content=late), manner=JITTERY)
    assert (exact, words) == (True, "4000 samples exact, to 0.070 s, not a sample moved")
    too_late = wav(np.pad(TALK.heard, (800 + 600, 0)))
    exact, words = await verdict(httpx.Response(200, content=too_late), manner=JITTERY)
    assert (exact, words) == (False, "whole, but 0.075 s from its time")


async def test_single_samples_may_follow_a_clock_but_not_as_many_as_one_likes() -> None:
    moved = np.insert(TALK.heard, [800, 1600], 0)
    exact, words = await verdict(httpx.Response(200, content=wav(np.pad(moved, (800, 0)))), manner=JITTERY)
    assert (exact, words) == (True, "4000 samples exact, to 0.070 s, moved by 2 single samples")
    exact, _ = await verdict(httpx.Response(200, content=wav(np.pad(moved, (800, 0)))))
    assert not exact  # without jitter, not one
    # Six seconds may be moved by 5 in 1,000,000 and 1 in 1,000 samples, and by the 20 ms of a place: 208.
    long = Talk.of(np.random.default_rng(4).integers(-9000, 9000, 48_000).astype(np.int16), PCMU, 0)
    often = np.insert(long.heard, range(8000, 48_000, 160), 0)
    skewed = Manner(faults=Faults(skew=5))
    answer = httpx.Response(200, content=wav(np.pad(often, (800, 0))))
    exact, words = await verdict(answer, talk=long, manner=skewed)
    assert (exact, words) == (False, "whole, but moved by 250 single samples")


async def test_two_voices_are_each_compared_with_their_own_channel() -> None:
    talk = TALK.with_callee(SOUND[::-1].copy())
    assert talk.callee is not None
    both = np.pad(np.stack([talk.heard, talk.callee.heard], axis=1), ((800, 0), (0, 0)))
    exact, words = await verdict(httpx.Response(200, content=wav(both)), talk=talk)
    assert (exact, words) == (True, "caller: 4000 samples exact; callee: 4000 samples exact")
    swapped = wav(both[:, ::-1])
    assert (await verdict(httpx.Response(200, content=swapped), talk=talk))[0] is False
    exact, words = await verdict(httpx.Response(200, content=wav(both[:, 0])), talk=talk)
    assert (exact, words) == (
        False,
        "one channel for two voices cannot be compared: the daemon needs RECORDING_CHANNELS=stereo",
    )


async def test_what_a_line_breathes_is_silence_as_its_codec_writes_it() -> None:
    # A-law has no 0: the breath around the talk is 8, and where nothing came there is 0.
    talk = Talk.of(SOUND, PCMA, 8)
    breathed = np.pad(np.pad(talk.heard, (800, 400), constant_values=8), (0, 300))
    answer = httpx.Response(200, content=wav(breathed))
    manner = Manner(breathes=True, timed=False, over_tcp=True)
    exact, words = await verdict(answer, talk=talk, manner=manner)
    assert (exact, words) == (True, "4000 samples exact, to 0.080 s, not a sample moved")
    breathed[100] = 16
    answer = httpx.Response(200, content=wav(breathed))
    assert not (await verdict(answer, talk=talk, manner=manner))[0]
    assert not (await verdict(httpx.Response(200, content=wav(breathed)), talk=talk))[0]


def test_how_near_and_how_whole_a_recording_has_to_be() -> None:
    seconds = Talk.of(np.zeros(80_000, np.int16), PCMU, 0)  # ten
    assert Tolerance.of(PLAIN, seconds) == Tolerance(0.02, None)
    assert Tolerance.of(LOSSY, seconds) == Tolerance(0.02, None)
    jittery = Tolerance.of(JITTERY, seconds)
    assert jittery.seconds == pytest.approx(0.07)
    assert (jittery.slack, jittery.slips) == (Slack(1, 560), 80 + 560)
    # 500 ppm of ten seconds are 5 ms, and 40 samples.
    skewed = Tolerance.of(Manner(faults=Faults(skew=-500)), seconds)
    assert skewed.seconds == pytest.approx(0.025)
    assert (skewed.slack, skewed.slips) == (Slack(1, 200), 120 + 200)
    read = Manner(timed=False, over_tcp=True)
    assert Tolerance.of(read, seconds).seconds == pytest.approx(0.08)
    paused = replace(read, faults=Faults(dtx=True))
    assert Tolerance.of(paused, seconds).seconds == pytest.approx(0.22)
    assert Tolerance.of(replace(paused, timed=True), seconds).seconds == pytest.approx(0.08)
    hours = Talk.of(np.zeros(8_000_000, np.int16), PCMU, 0)
    assert Tolerance.of(Manner(faults=Faults(skew=5000)), hours).seconds == pytest.approx(0.22)
