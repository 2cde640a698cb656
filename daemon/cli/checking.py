"""What `wavstream verify` looks at: the header of a WAV file, its size, its hash, and the catalogue."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from storage import recordings
from storage.catalog import Catalog, CatalogError
from storage.recordings import Recording
from wavstream import sidefile, wav
from wavstream.process.settings import SettingsError
from wavstream.settings import ServerSettings

__all__ = ["REFUSED", "CatalogError", "Finding", "examine"]

HEADER_BYTES = wav.MOST_HEADER_BYTES
"""More than any header that wavstream writes."""
PIECE_BYTES = 1 << 20
PAGE = 500
"""Recordings read from the catalogue at a time while looking for a hash."""


class NoFileError(Exception):
    """There is no such file to check. Its text is one plain line."""


REFUSED = (NoFileError, SettingsError)


@dataclass(frozen=True)
class Finding:
    """Something that was looked at, and whether it is as it should be."""

    held: bool
    words: str


def examine(path: Path) -> list[Finding]:
    """All that can be found out about a file. Raises NoFileError, SettingsError, CatalogError, OSError."""
    if not path.is_file():
        raise NoFileError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        audio = _audio_digest(file, start)
    findings = [*_header(start, size), Finding(held=True, words=f"sha256: {digest}")]
    return [*findings, *_compared(path, size, digest, audio)]


def _audio_digest(file: BinaryIO, start: bytes) -> str | None:
    """The hash of the audio alone; None where the header does not say where and how much it is."""
    try:
        said = wav.parse(start)
    except wav.WavError:
        return None
    if said.data_bytes is None:
        return None
    audio, left = hashlib.sha256(), said.data_bytes
    file.seek(said.data_offset)
    while left and (piece := file.read(min(PIECE_BYTES, left))):
        audio.update(piece)
        left -= len(piece)
    return audio.hexdigest()


def _header(start: bytes, size: int) -> list[Finding]:
    """What the header says of the format and the length, against the file's size."""
    try:
        said = wav.parse(start)
    except wav.WavError as wrong:
        return [Finding(held=False, words=f"header: {wrong}")]
    audio = said.format
    what = f"format: {audio.encoding}, {audio.sample_rate} Hz, channels: {audio.channels}"
    there = size - said.data_offset
    if said.data_bytes is None:
        words = f"length: the header does not know it (a live stream); {there} bytes of audio are there"
        return [Finding(held=True, words=what), Finding(held=False, words=words)]
    whole = said.data_bytes + said.data_bytes % 2 == there and said.data_bytes % audio.frame_bytes == 0
    words = f"length: {said.data_bytes} bytes of audio in the header, {there} in the file"
    return [
        Finding(held=True, words=what),
        Finding(held=whole, words=f"{words}, {audio.duration(said.data_bytes):.3f} s"),
    ]


def _compared(path: Path, size: int, digest: str, audio: str | None) -> list[Finding]:
    """The file against what the catalogue knows, and against the side file where there is one."""
    known = [("catalogue", _catalogued(path.stem, digest)), ("side file", _beside(path))]
    return [
        finding
        for where, found in known
        for finding in (
            _against(found, where, size, digest, audio) if isinstance(found, Recording) else found
        )
    ]


def _against(recording: Recording, where: str, size: int, digest: str, audio: str | None) -> list[Finding]:
    """The whole file against a row, and its audio alone, which is right in spite of a damaged header."""
    if recording.state != "completed":
        return [Finding(held=False, words=f"{where}: {recording.recording_id} is {recording.state}")]
    same = recording.sha256 == digest and recording.size == size
    words = f"{where}: {recording.recording_id}, {recording.duration or 0:.3f} s, {recording.size} bytes"
    whole = Finding(held=same, words=words + ("" if same else f", sha256 {recording.sha256}"))
    if recording.audio_sha256 is None:
        return [whole]
    same = recording.audio_sha256 == audio
    words = f"{where}: the audio alone is {'as it was' if same else 'another'}, sha256 {audio}"
    return [whole, Finding(held=same, words=words)]


def _beside(path: Path) -> Recording | list[Finding]:
    """The row that the side file tells of, or what there is to say of the file."""
    side = path.with_suffix(".json")
    if not side.is_file():
        return []
    try:
        return sidefile.read(side.read_bytes(), token=path.stem)
    except sidefile.SideFileError as wrong:
        return [Finding(held=False, words=f"side file: {wrong}")]


def _catalogued(name: str, digest: str) -> Recording | list[Finding]:
    """The recording that the file is by its name, or by its hash."""
    settings = ServerSettings.load()
    if settings.database_url is None and not (settings.data_dir / "wavstream.db").exists():
        words = f"catalogue: none in {settings.data_dir}, nothing to compare with"
        return [Finding(held=True, words=words)]
    recording = _found(settings.catalogue_url, name, digest)
    words = "catalogue: no recording of this name or hash (any more)"
    return [Finding(held=True, words=words)] if recording is None else recording


def _found(url: str, name: str, digest: str) -> Recording | None:
    """The recording whose object has this name, else the newest one with this hash."""
    catalog = Catalog.open(url)
    try:
        with catalog.transaction() as tx:
            named = recordings.by_token(tx, name)
            if named is not None:
                return named
            before: tuple[float, str] | None = None
            while page := recordings.page(tx, state="completed", limit=PAGE, before=before):
                for each in page:
                    if each.sha256 == digest:
                        return each
                before = (page[-1].started_at, page[-1].recording_id)
            return None
    finally:
        catalog.close()
