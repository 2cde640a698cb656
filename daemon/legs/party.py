"""One party of a call: the legs on which its audio may come, of which the first to be used has it."""

from typing import Any

import trio

from daemon.legs.connected import ConnectedLeg
from daemon.legs.leg import Side
from daemon.legs.rtp import RtpLeg
from daemon.media.audiosocket import Parser
from daemon.media.quality import Received
from daemon.media.timeline import Timeline
from daemon.media.websocketstream import Conversation

AnyLeg = RtpLeg | ConnectedLeg[Parser] | ConnectedLeg[Conversation]


class Party:
    """A leg that is one of several, as it turns out. The others are closed then.

    RTP is used by its first packet, the others by a connection that knows the leg's name. Until then it
    stands as RTP does. `heard` is set by the first audio.
    """

    def __init__(
        self,
        rtp: RtpLeg,
        audiosocket: ConnectedLeg[Parser],
        websocket: ConnectedLeg[Conversation],
        *,
        silence: bool = True,
    ) -> None:
        """Without `silence` nothing is said to whoever speaks."""
        self.side: Side = rtp.side
        self.rtp = rtp
        self.audiosocket = audiosocket
        self.websocket = websocket
        self.heard = trio.Event()
        self._used: dict[AnyLeg, trio.Event] = {
            rtp: rtp.heard,
            audiosocket: audiosocket.connected,
            websocket: websocket.connected,
        }
        self._scopes = {leg: trio.CancelScope() for leg in self._used}
        self._leg: AnyLeg = rtp
        self._chosen = False
        self._silence = silence
        self._timelines: dict[Timeline, None] = {}

    @property
    def rate(self) -> int:
        """Samples a second: of what is heard, or, before anything was, of what is expected."""
        leg = self._leg
        told = isinstance(leg, ConnectedLeg) and leg.is_told
        return (leg if told or self.heard.is_set() else self.rtp).rate

    @property
    def last_heard(self) -> float:
        """When it was heard last; before that, since when it listens."""
        return self._leg.last_heard

    @property
    def received(self) -> Received:
        """What has come to the leg that is used."""
        return self._leg.received

    @property
    def gone_since(self) -> float | None:
        """Since when there is no connection, of those that it may be fed by; None with one, or with RTP."""
        leg = self._leg if self._chosen else self.websocket
        return leg.gone_since if isinstance(leg, ConnectedLeg) else None

    @property
    def call(self) -> dict[str, Any] | None:
        """What the switch has said of the call on this leg."""
        call: dict[str, Any] | None = self._leg.view().get("call")
        return call

    async def run(self) -> None:
        """Listen on all legs, then on the one that is used, until cancelled. Raises what breaks in a leg."""
        async with trio.open_nursery() as nursery:
            for leg in self._used:
                nursery.start_soon(self._listen, leg)
                nursery.start_soon(self._await_use, leg)
                nursery.start_soon(self._await_audio, leg)

    async def _listen(self, leg: AnyLeg) -> None:
        with self._scopes[leg]:
            await leg.run()

    async def _await_use(self, leg: AnyLeg) -> None:
        await self._used[leg].wait()
        self._choose()

    async def _await_audio(self, leg: AnyLeg) -> None:
        await leg.heard.wait()
        self.heard.set()

    def _choose(self) -> None:
        """Stay with the leg that is used, if there is one by now and none was chosen before."""
        used = next((leg for leg, event in self._used.items() if event.is_set()), None)
        if used is None or self._chosen:
            return
        before, self._leg, self._chosen = self._leg, used, True
        if used is not before:
            for timeline in self._timelines:
                before.detach(timeline)
                used.attach(timeline)
        for leg, scope in self._scopes.items():
            if leg is not used:
                scope.cancel()

    def attach(self, timeline: Timeline) -> None:
        """Place all audio there from now on, also that of the last moments; the recording polls each beat."""
        self._timelines[timeline] = None
        self._leg.attach(timeline)

    def detach(self, timeline: Timeline) -> None:
        """Place nothing there any more. Does nothing where it is not attached."""
        self._timelines.pop(timeline, None)
        self._leg.detach(timeline)

    def poll(self) -> None:
        """Take in all that has arrived up to now."""
        if self._chosen:
            self._leg.poll()
            return
        for leg in self._used:
            leg.poll()
        self._choose()

    def send_silence(self, now: float) -> None:
        """Let the far end hear that somebody is there, where it is known and can be spoken to."""
        if self._silence:
            self._leg.send_silence(now)

    def close(self) -> None:
        """Take in what has arrived, leave all recordings, and close every leg. Twice does no harm."""
        for leg in self._used:
            leg.close()

    def view(self) -> dict[str, Any]:
        """How the leg that is used stands."""
        return self._leg.view()
