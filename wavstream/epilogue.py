"""A recording's life in one line of the log, written at its end. No I/O."""

from typing import Any

from storage.recordings import Recording
from wavstream.live import LiveRecording
from wavstream.wav import WavFormat


def epilogue(recording: LiveRecording, final: Recording) -> dict[str, Any]:
    """What the line says of `recording`, whose row is `final` by now.

    `gaps` is how often its client went away, `gap_seconds` how much shorter its audio is than the time from
    its start to its stop: what was paused, held up or lost before it came here. A recording that nobody came
    back to stopped when its client went; how long the server was away is no gap.
    """
    return {
        "recording": final.recording_id,
        "name": final.name,
        "state": final.state,
        "reason": final.reason,
        "format": words(recording.audio),
        "duration": final.duration,
        "size": final.size,
        "audio_bytes": recording.written,
        "gaps": recording.gaps,
        "gap_seconds": _gap_seconds(final),
        "notes": len(recording.notes),
        "marks": _count(final.metadata.get("marks")),
    }


def words(audio: WavFormat) -> str:
    """A format as the log says it."""
    return f"{audio.encoding} {audio.sample_rate} Hz {audio.channels} ch"


def _gap_seconds(final: Recording) -> float:
    lasted = (final.stopped_at or final.started_at) - final.started_at
    return max(0.0, round(lasted - (final.duration or 0.0), 3))


def _count(marks: object) -> int:
    """A client's metadata is its own: what is called `marks` there may be anything."""
    return len(marks) if isinstance(marks, list) else 0
