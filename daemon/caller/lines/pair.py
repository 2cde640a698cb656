"""Two lines into one call as one: the caller's and the callee's, who speak at the same time."""

from daemon.caller.faults import Turn
from daemon.caller.line import Line
from daemon.caller.talk import Talk


class Pair:
    """What is sent and heard is counted of both together."""

    def __init__(self, caller: Line, callee: Line) -> None:
        self.lines = (caller, callee)

    @property
    def sent(self) -> int:
        """See Line."""
        return sum(line.sent for line in self.lines)

    @property
    def unsent(self) -> int:
        """See Line."""
        return sum(line.unsent for line in self.lines)

    @property
    def heard(self) -> int:
        """See Line."""
        return sum(line.heard for line in self.lines)

    def send(self, talk: Talk, turn: Turn) -> None:
        """See Line: each its own voice. A packet that is lost to one is lost to both."""
        for line, voice in zip(self.lines, talk.voices, strict=True):
            line.send(voice, turn)

    def finish(self, talk: Talk, sent: int) -> None:
        """See Line."""
        for line, voice in zip(self.lines, talk.voices, strict=True):
            line.finish(voice, sent)

    def listen(self) -> None:
        """See Line."""
        for line in self.lines:
            line.listen()

    async def hang_up(self) -> None:
        """See Line: the caller first."""
        for line in self.lines:
            await line.hang_up()
