"""`wavstream verify` finds what contradicts a recording's file."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from daemon import speech
from storage import recordings
from storage.catalog import Catalog
from storage.recordings import Recording
from tests.daemon.cli.conftest import Run
from wavstream import sidefile, wav
from wavstream.settings import ServerSettings
from wavstream.wav import WavFormat

TOKEN = "0123456789abcdef" * 2


def catalogued(body: bytes, *, state: str = "completed", token: str = TOKEN) -> None:
    """Make the catalogue know a recording whose file is this."""
    catalog = Catalog.open(ServerSettings.load().catalogue_url)
    try:
        catalog.migrate()
        with catalog.transaction() as tx:
            recordings.insert(
                tx,
                Recording(
                    recording_id=f"rec-{token[:8]}",
                    token=token,
                    state="completed" if state == "completed" else "recording",
                    sample_rate=8000,
                    channels=1,
                    encoding="pcm16",
                    started_at=1.0,
                    duration=10.0,
                    size=len(body),
                    sha256=hashlib.sha256(body).hexdigest(),
                ),
            )
    finally:
        catalog.close()


@pytest.mark.contract("program-verify")
def test_a_whole_file_without_a_catalogue_is_whole(run: Run) -> None:
    ran = run("verify", str(speech.CALLER))
    assert ran.status == 0
    assert ran.out.splitlines()[:2] == [
        "ok  format: pcm16, 8000 Hz, channels: 1",
        "ok  length: 160000 bytes of audio in the header, 160000 in the file, 10.000 s",
    ]
    assert "catalogue: none in data" in ran.out


@pytest.mark.contract("program-verify")
def test_a_file_that_is_cut_off_contradicts_its_header(run: Run, tmp_path: Path) -> None:
    cut = tmp_path / "cut.wav"
    cut.write_bytes(speech.CALLER.read_bytes()[:-2])
    ran = run("verify", str(cut))
    assert ran.status == 1
    assert "NO  length: 160000 bytes of audio in the header, 159998 in the file" in ran.out
    assert ran.err == f"wavstream: {cut} is not a whole recording\n"


def test_the_pad_byte_of_an_odd_length_belongs_to_the_file(run: Run, tmp_path: Path) -> None:
    audio = WavFormat("ulaw", 8000, 1)
    odd = tmp_path / "odd.wav"
    odd.write_bytes(wav.header(audio, 3) + b"\xff\xff\xff\0")
    assert run("verify", str(odd)).status == 0


def test_a_live_stream_that_was_saved_is_no_whole_recording(run: Run, tmp_path: Path) -> None:
    live = tmp_path / "live.wav"
    live.write_bytes(wav.header(WavFormat("pcm16", 8000, 1), None) + bytes(320))
    ran = run("verify", str(live))
    assert ran.status == 1
    assert "320 bytes of audio are there" in ran.out


def test_what_is_no_wav_is_said_to_be_none(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("no sound in here")
    ran = run("verify", str(text))
    assert ran.status == 1
    assert "NO  header: neither RIFF nor RF64" in ran.out


@pytest.mark.parametrize("name", [f"{TOKEN}.wav", "downloaded.wav"])
def test_a_recording_is_known_by_its_name_or_its_hash(run: Run, tmp_path: Path, name: str) -> None:
    body = speech.CALLER.read_bytes()
    catalogued(body)
    shutil.copy(speech.CALLER, tmp_path / name)
    ran = run("verify", name)
    assert ran.status == 0
    assert "ok  catalogue: rec-01234567, 10.000 s, 160044 bytes" in ran.out


@pytest.mark.contract("program-verify")
def test_a_changed_file_under_a_recordings_name_is_found_out(run: Run, tmp_path: Path) -> None:
    body = speech.CALLER.read_bytes()
    catalogued(body)
    (tmp_path / f"{TOKEN}.wav").write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    ran = run("verify", f"{TOKEN}.wav")
    assert ran.status == 1
    assert f"sha256 {hashlib.sha256(body).hexdigest()}" in ran.out


def test_a_recording_that_still_runs_is_not_whole(run: Run, tmp_path: Path) -> None:
    catalogued(b"", state="recording")
    shutil.copy(speech.CALLER, tmp_path / f"{TOKEN}.wav")
    ran = run("verify", f"{TOKEN}.wav")
    assert ran.status == 1
    assert "rec-01234567 is recording" in ran.out


def test_a_file_that_the_catalogue_does_not_know_is_judged_by_itself(run: Run) -> None:
    catalogued(b"another one")
    ran = run("verify", str(speech.CALLER))
    assert ran.status == 0
    assert "no recording of this name or hash" in ran.out


def beside(path: Path, **more: object) -> None:
    """A side file that tells of this WAV file as it is, except in what is given."""
    body = path.read_bytes()
    row = Recording(
        recording_id="recording-1",
        token="",
        state="completed",
        sample_rate=8000,
        channels=1,
        encoding="pcm16",
        started_at=1.0,
        duration=10.0,
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        audio_sha256=hashlib.sha256(body[wav.parse(body).data_offset :]).hexdigest(),
    )
    path.with_suffix(".json").write_bytes(sidefile.content(replace(row, **more)))  # type: ignore[arg-type]


@pytest.mark.contract("program-verify")
def test_a_file_is_held_against_the_side_file_without_a_catalogue(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "kept.wav"
    shutil.copy(speech.CALLER, path)
    beside(path)
    ran = run("verify", str(path))
    assert ran.status == 0
    assert "ok  side file: recording-1, 10.000 s" in ran.out
    assert "ok  side file: the audio alone is as it was" in ran.out


@pytest.mark.contract("program-verify")
def test_a_damaged_header_is_told_from_damaged_audio(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "kept.wav"
    body = bytearray(speech.CALLER.read_bytes())
    path.write_bytes(body)
    beside(path)
    offset = wav.parse(bytes(body)).data_offset
    body[offset] ^= 1
    path.write_bytes(body)
    assert "NO  side file: the audio alone is another" in run("verify", str(path)).out
    beside(path, sha256="0" * 64)  # as if a byte of a text in its header had changed
    ran = run("verify", str(path))
    assert ran.status == 1
    assert "NO  side file: recording-1" in ran.out
    assert "ok  side file: the audio alone is as it was" in ran.out


@pytest.mark.contract("program-verify")
def test_a_side_file_that_cannot_be_read_or_tells_of_no_end_is_a_contradiction(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "kept.wav"
    shutil.copy(speech.CALLER, path)
    beside(path, state="recording")
    assert "NO  side file: recording-1 is recording" in run("verify", str(path)).out
    path.with_suffix(".json").write_text("{")
    assert "NO  side file: no JSON" in run("verify", str(path)).out
