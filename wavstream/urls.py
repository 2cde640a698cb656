"""Where a recording is found, by everybody and on the disk. No I/O."""

from storage.recordings import Recording

OBJECTS = "recordings"
"""The folder of the objects, inside the data directory."""


class Urls:
    """The addresses of recordings; `bound` names the listener's own, for want of a better one."""

    def __init__(self, *, public_url: str | None, recording_base_url: str | None) -> None:
        self.public_url = public_url or ""
        self._elsewhere = recording_base_url

    @property
    def elsewhere(self) -> bool:
        """Whether another server or store shows the files."""
        return self._elsewhere is not None

    def bound(self, address: str) -> None:
        """The listener has its port; without a public URL it is its own."""
        self.public_url = self.public_url or f"http://{address}"

    def url(self, recording: Recording) -> str:
        """The capability: whoever has it can download the finished recording."""
        if self._elsewhere is not None:
            return f"{self._elsewhere}/{recording.path}"
        return f"{self.public_url}/recordings/{recording.token}.wav"

    @staticmethod
    def path(recording: Recording) -> str:
        """The file, relative to the data directory."""
        return f"{OBJECTS}/{recording.path}"
