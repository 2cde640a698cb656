"""What is written beside a recording's audio: notes and marks. No I/O, no clock."""

from collections.abc import Mapping
from typing import Any

MOST_NOTES = 100
"""Notes of one recording. A switch sends a few; nobody may fill the memory with them."""
MOST_NOTE_CHARACTERS = 2000
"""Of one note; a longer one is cut."""
MOST_MARKS = 1000
"""Keys pressed in one recording: hours of a caller who never lets go of the keypad."""


class Margin:
    """Notes (texts) and marks (what happened at a place in the audio) of one recording; both are bounded."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._marks: list[tuple[int, Mapping[str, Any]]] = []
        self.lost = 0
        """Notes and marks that there was no room for."""

    def note(self, text: str) -> None:
        """Keep a text."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append(text[:MOST_NOTE_CHARACTERS])
        else:
            self.lost += 1

    def mark(self, offset: int, what: Mapping[str, Any]) -> None:
        """Keep what happened behind the first `offset` bytes of audio."""
        if len(self._marks) < MOST_MARKS:
            self._marks.append((offset, what))
        else:
            self.lost += 1

    def metadata(self, byte_rate: int) -> dict[str, Any]:
        """All but the notes, as a recording's metadata: a mark's `at` is in seconds from its start."""
        marks = [{"at": round(offset / byte_rate, 3), **what} for offset, what in self._marks]
        return ({"marks": marks} if marks else {}) | ({"lost_notes": self.lost} if self.lost else {})
