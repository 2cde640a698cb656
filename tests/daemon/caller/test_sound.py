"""Files become the samples of a call."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from daemon import speech
from daemon.caller import sound
from daemon.caller.sound import SoundError


def test_a_file_of_the_calls_own_rate_keeps_every_sample() -> None:
    expected, rate = soundfile.read(speech.CALLER, dtype="int16")
    assert rate == 8000
    assert np.array_equal(sound.load(speech.CALLER, 8000), expected)


@pytest.mark.parametrize("path", [speech.CALLER, speech.CALLEE])
def test_the_speech_is_ten_seconds_with_pauses_and_does_not_clip(path: Path) -> None:
    assert path.stat().st_size == 44 + 10 * 8000 * 2
    samples = sound.load(path, 8000)
    assert len(samples) == 80_000
    assert 0.1 < np.mean(samples == 0) < 0.4
    assert 10_000 < np.abs(samples.astype(int)).max() < 32_767
    assert not samples[:1000].any()
    assert not samples[-1000:].any()


def test_the_two_voices_are_not_the_same() -> None:
    assert not np.array_equal(sound.load(speech.CALLER, 8000), sound.load(speech.CALLEE, 8000))


def test_another_rate_is_resampled_to_the_same_length_in_seconds(tmp_path: Path) -> None:
    # One second of a tone at 48 kHz, which is far below the band's end at 8 kHz.
    tone = np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000) * 20_000
    soundfile.write(tmp_path / "tone.wav", tone.astype(np.int16), 48_000)
    heard = sound.load(tmp_path / "tone.wav", 8000)
    assert len(heard) == 8000
    expected = np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000) * 20_000
    assert np.abs(heard[200:-200] - expected[200:-200]).max() < 40


def test_two_channels_become_their_mean(tmp_path: Path) -> None:
    stereo = np.array([[100, 300], [-32768, -32768], [32767, 32767]], np.int16)
    soundfile.write(tmp_path / "stereo.wav", stereo, 8000)
    assert sound.load(tmp_path / "stereo.wav", 8000).tolist() == [200, -32768, 32767]


def test_what_cannot_be_spoken_is_refused_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), 8000)
    with pytest.raises(SoundError, match=r"missing\.wav: no such file"):
        sound.load(tmp_path / "missing.wav", 8000)
    with pytest.raises(SoundError, match="not a file"):
        sound.load(tmp_path, 8000)
    with pytest.raises(SoundError, match=r"text\.wav: not a sound file"):
        sound.load(tmp_path / "text.wav", 8000)
    with pytest.raises(SoundError, match=r"empty\.wav: holds no sound"):
        sound.load(tmp_path / "empty.wav", 8000)


def test_a_file_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "MAX_SECONDS", 0)
    with pytest.raises(SoundError, match="longer than"):
        sound.load(speech.CALLER, 8000)


def test_a_talk_is_cut_or_said_again_to_last_as_long_as_wanted() -> None:
    three = np.array([1, 2, 3], np.int16)
    assert sound.lasting(three, 2).tolist() == [1, 2]
    assert sound.lasting(three, 7).tolist() == [1, 2, 3, 1, 2, 3, 1]
