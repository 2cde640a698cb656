"""What `wavstream verify` looks at: the header of a WAV file, its size, its hash, and the catalogue."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from storage import recordings
from storage.catalog import Catalog, CatalogError
from storage.recordings import Recording
from wavstream import wav
from wavstream.process.settings import SettingsError
from wavstream.settings import ServerSettings

__all__ = ["REFUSED", "CatalogError", "Finding", "examine"]

HEADER_BYTES = 4096
"""More than any header that wavstream writes."""
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
        findings = _header(file.read(HEADER_BYTES), size)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return [*findings, *_catalogued(path, size, digest)]


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


def _catalogued(path: Path, size: int, digest: str) -> list[Finding]:
    """The file against the recording that it is by its name, or by its hash."""
    settings = ServerSettings.load()
    sha256 = Finding(held=True, words=f"sha256: {digest}")
    if settings.database_url is None and not (settings.data_dir / "wavstream.db").exists():
        return [
            sha256,
            Finding(held=True, words=f"catalogue: none in {settings.data_dir}, nothing to compare with"),
        ]
    recording = _found(settings.catalogue_url, path.stem, digest)
    if recording is None:
        return [sha256, Finding(held=True, words="catalogue: no recording of this name or hash (any more)")]
    if recording.state != "completed":
        return [
            sha256,
            Finding(held=False, words=f"catalogue: {recording.recording_id} is {recording.state}"),
        ]
    same = recording.sha256 == digest and recording.size == size
    words = f"catalogue: {recording.recording_id}, {recording.duration:.3f} s, {recording.size} bytes"
    return [sha256, Finding(held=same, words=words + ("" if same else f", sha256 {recording.sha256}"))]


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
