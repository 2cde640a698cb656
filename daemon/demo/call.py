"""The demonstration's call: a telephone rings through, is recorded and heard live, and hangs up."""

from dataclasses import dataclass

import trio

from daemon.caller.lines.rtp import RtpLine
from daemon.caller.pace import Spoken
from daemon.caller.phone import BREATH_PACKETS, Phone
from daemon.caller.talk import Talk
from daemon.client import Client, Session
from daemon.demo import live
from daemon.demo.follow import Heard
from daemon.demo.receiver import Received
from daemon.demo.stage import Stage
from daemon.demo.story import Story

EVENT_SECONDS = 15.0
"""For a webhook to come after its cause: a fraction of a second, unless the machine is very busy."""
SPEAK_SECONDS_OVER = 10.0
"""How much longer than its sound a talk may take: it is paced by the clock, so it should take no longer at
all."""
STREAM_END_SECONDS = 5.0
"""From recording.completed to the end of the live stream, which should have ended before it."""
RINGING_SECONDS = 0.3
"""The line is alive for so long before anything is recorded."""
LEAD_SECONDS = 0.5
"""Silence before the first word and after the last, so that head and tail can be seen to be whole."""


@dataclass(frozen=True)
class Moment:
    """When a command was given, as the one who gave it knows it: between these two times, on Trio's clock."""

    asked: float
    answered: float


@dataclass(frozen=True)
class Call:
    """What was said, done and heard."""

    talk: Talk
    spoken: Spoken
    started: Moment
    stopped: Moment
    heard: Heard
    completed: Received
    phone: Phone


@dataclass(frozen=True)
class Scene:
    """Who takes part in the call, and who tells of it."""

    story: Story
    stage: Stage
    client: Client
    session: Session

    async def play(self, talk: Talk) -> Call:
        """Place the call, record and follow it, stop, and hang up."""
        breath = Talk.silence(talk.codec, talk.payload_type, packets=BREATH_PACKETS)
        with RtpLine(self.session.rtp["caller"]) as line:
            phone = Phone([line], breath)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(phone.run)
                await trio.sleep(RINGING_SECONDS)
                call = await self._recorded(phone, talk)
                self.story.step("The caller hangs up")
                await self._command("hangup")
                await self._webhook("command.result", command="hangup")
                await self._webhook("call.hangup")
                nursery.cancel_scope.cancel()
        return call

    async def _recorded(self, phone: Phone, talk: Talk) -> Call:
        self.story.step("The recording starts, the caller speaks, we listen while the file grows")
        heard = Heard()
        started = await self._command("record/start")
        await self._webhook("command.result", command="record/start", success=True)
        async with trio.open_nursery() as listening:
            listening.start_soon(self._listen, heard)
            spoken = await self._speak(phone, talk, heard, started)
            self.story.step("The recording stops, and two webhooks say so")
            stopped = await self._command("record/stop")
            await self._webhook("command.result", whole=True, command="record/stop", success=True)
            completed = await self._webhook("recording.completed", whole=True)
            # The live stream ends by itself; if not, what was heard is not the file, as will be seen.
            listening.cancel_scope.deadline = trio.current_time() + STREAM_END_SECONDS
        self.story.say(f"recording.completed came {completed.at - stopped.asked:.2f} s after the stop.")
        return Call(talk, spoken, started, stopped, heard, completed, phone)

    async def _speak(self, phone: Phone, talk: Talk, heard: Heard, started: Moment) -> Spoken:
        """Let the caller speak, and show what is heard of it."""
        self.story.say(f"GET /api/v1/sessions/{self.session.session_uuid}/recording/file.wav, live:")
        async with trio.open_nursery() as showing:
            whole = talk.seconds + 2 * LEAD_SECONDS
            showing.start_soon(live.show, self.story, heard, started.answered, whole)
            await trio.sleep_until(started.answered + LEAD_SECONDS)
            with trio.fail_after(talk.seconds + SPEAK_SECONDS_OVER):
                spoken = await phone.speak(talk)
            await trio.sleep(LEAD_SECONDS)
            showing.cancel_scope.cancel()
        return spoken

    async def _listen(self, heard: Heard) -> None:
        """Hear the recording while it is made, up to its end."""
        async with self.client.follow(self.session.session_uuid) as pieces:
            async for piece in pieces:
                heard.feed(piece, trio.current_time())

    async def _command(self, command: str) -> Moment:
        self.story.say(f"POST /api/v1/sessions/{self.session.session_uuid}/commands/{command}")
        asked = trio.current_time()
        await self.client.command(self.session.session_uuid, command)
        return Moment(asked, trio.current_time())

    async def _webhook(self, event: str, *, whole: bool = False, **fields: str | bool) -> Received:
        """Wait for a webhook and show it."""
        with trio.fail_after(EVENT_SECONDS):
            received = await self.stage.receiver.wait_for(event, **fields)
        self.story.webhook(received.fields, whole=whole)
        return received
