"""How a recording fails."""


class RecordingFailed(Exception):  # noqa: N818 - named as its event is
    """No audio can be kept, now or later. Its text may be shown to the application."""
