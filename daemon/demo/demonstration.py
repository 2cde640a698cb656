"""The demonstration from its first word to its last: who does what, in which order, and what has to hold."""

import secrets
import signal
import tempfile
from pathlib import Path

import httpx
import trio
from rich.console import Console

from daemon import speech
from daemon.caller import sound
from daemon.caller.line import LineError
from daemon.caller.talk import Talk
from daemon.client import ApiError, Client, Session
from daemon.demo import judge
from daemon.demo.call import EVENT_SECONDS, Call, Scene
from daemon.demo.follow import StreamError
from daemon.demo.stage import RETENTION_SECONDS, Stage, opened
from daemon.demo.story import Story
from daemon.groups import leaves, words
from daemon.media.codecs import PCMU
from daemon.programs import ProgramError

WHOLE_SECONDS = 120.0
"""It takes about 25 s; on a machine that is very busy it may take longer, but it never hangs."""
DOWNLOAD_SECONDS = 10.0
EXPIRY_SECONDS_OVER = 2.0
"""How long after its time a recording may still be there before that counts as a fault."""
ASK_SECONDS = 0.25
"""Between two looks at a URL that is about to expire."""
APP_ID = "demo"

_EXPECTED = (ApiError, LineError, ProgramError, StreamError, sound.SoundError, httpx.HTTPError, OSError)


def run(console: Console) -> int:
    """Give the demonstration. Returns the exit status: 0 only if everything held."""
    story = Story(console)
    folder = Path(tempfile.mkdtemp(prefix="wavstream-demo-"))
    console.print("[bold]A telephone call, recorded from end to end[/]")
    trio.run(_given, story, folder)
    _end(story, folder)
    return 1 if story.failures else 0


async def _given(story: Story, folder: Path) -> None:
    """The demonstration; what goes wrong becomes a failure of the story, in plain words."""
    try:
        with trio.fail_after(WHOLE_SECONDS):
            async with trio.open_nursery() as nursery:
                await nursery.start(_heed_signals, story, nursery.cancel_scope)
                await _play(story, folder)
                nursery.cancel_scope.cancel()
    except* trio.TooSlowError:
        story.failures.append(f"this took too long: {story.step_title}")
    except* _EXPECTED as wrong:
        story.failures.extend(words(error) for error in leaves(wrong))


async def _heed_signals(
    story: Story, everything: trio.CancelScope, *, task_status: trio.TaskStatus[None]
) -> None:
    """Whoever interrupts the demonstration leaves no program behind: a signal ends it in good order."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            story.failures.append(f"it was interrupted ({signal.Signals(number).name})")
            everything.cancel()


async def _play(story: Story, folder: Path) -> None:
    story.step("Two programs start")
    async with opened(folder) as stage:
        _introduce(story, stage)
        key = await _register(story, stage)
        async with Client.connect(stage.api_url, {"X-App-ID": APP_ID, "X-API-Key": key}) as client:
            session = await _ring(story, stage, client)
            talk = Talk.of(sound.load(speech.CALLER, PCMU.rate), PCMU, 0)
            call = await Scene(story, stage, client, session).play(talk)
        await _download(story, folder, call)
        await _expire(story, call)
        await _close(story, stage)


def _introduce(story: Story, stage: Stage) -> None:
    story.fact("wavstream server", "keeps recordings and hands them out")
    story.fact("  audio in", f"ws://{stage.ingest}")
    story.fact("  downloads", stage.downloads_url)
    story.fact("wavstream daemon", "knows applications and calls, takes commands, sends webhooks")
    story.fact("  its API", stage.api_url)


async def _register(story: Story, stage: Stage) -> str:
    """The operator registers an application. Returns its API key."""
    story.step("An application is registered")
    key = secrets.token_urlsafe(24)
    async with Client.connect(stage.api_url, {"X-Admin-API-Key": stage.admin_key}) as operator:
        registered = await operator.register(APP_ID, webhook_url=stage.receiver.url, api_key=key)
    stage.receiver.trust(registered.webhook_secret or "")
    story.say(f"It is called {APP_ID!r}, has an API key, and wants its webhooks at {stage.receiver.url}")
    return key


async def _ring(story: Story, stage: Stage, client: Client) -> Session:
    """The application registers a call."""
    story.step("A call comes in")
    session = await client.create_session(caller_id="+441632960961", did="+441632960100")
    story.fact("session", session.session_uuid)
    story.fact(
        "its audio goes to", f"RTP (UDP) at {session.rtp['caller']}, G.711 mu-law, 50 packets a second"
    )
    with trio.fail_after(EVENT_SECONDS):
        story.webhook((await stage.receiver.wait_for("call.new")).fields, whole=False)
    return session


async def _download(story: Story, folder: Path, call: Call) -> None:
    story.step("The recording is downloaded and compared with what was said")
    url = str(call.completed.fields["recording_url"])
    async with httpx.AsyncClient(trust_env=False, timeout=DOWNLOAD_SECONDS) as anybody:
        answer = await anybody.get(url)
    path = folder / "recording.wav"
    await trio.Path(path).write_bytes(answer.content)
    story.check(answer.status_code == httpx.codes.OK, f"GET {url} without credentials: {answer.status_code}")
    judge.bytes_announced(story, answer.content, call)
    recording, rate = judge.opened(story, path)
    story.picture(recording, rate)
    offset = judge.every_sample(story, recording, rate, call)
    judge.duration(story, recording, rate, call)
    judge.heard_live(story, recording, rate, offset, call)
    (line,), late = call.phone.lines, call.phone.latest * 1000
    story.say(
        f"The caller sent {line.sent} packets, the most belated one {late:.0f} ms after its time, and got"
    )
    story.say(f"{line.heard} packets of silence back, so that no switch would hang up on a dead line.")


async def _expire(story: Story, call: Call) -> None:
    story.step(f"The URL dies {RETENTION_SECONDS:.0f} s after the stop (24 hours, if nothing else is set)")
    url = str(call.completed.fields["recording_url"])
    give_up = call.stopped.answered + RETENTION_SECONDS + EXPIRY_SECONDS_OVER
    async with httpx.AsyncClient(trust_env=False, timeout=DOWNLOAD_SECONDS) as anybody:
        answer = await anybody.head(url)
        while answer.is_success and trio.current_time() < give_up:
            await trio.sleep(ASK_SECONDS)
            answer = await anybody.head(url)
        gone = trio.current_time() - call.stopped.asked
        answer = await anybody.get(url)
    dead = (
        answer.status_code == httpx.codes.NOT_FOUND
        and not answer.content
        and "Location" not in answer.headers
    )
    said = f"{answer.status_code} with {len(answer.content) or 'no'} bytes of body"
    story.check(dead, f"{gone:.1f} s after the stop GET says: {said}")
    story.check(gone > RETENTION_SECONDS - ASK_SECONDS, "and not before its time")


async def _close(story: Story, stage: Stage) -> None:
    story.step("Both programs are told to end")
    received = stage.receiver.received
    numbers = [each.fields["sequence"] for each in received]
    in_order = numbers == list(range(1, len(numbers) + 1))
    story.check(in_order, f"{len(numbers)} webhooks came, each once, in order")
    signed = stage.receiver.refused == 0
    story.check(signed, "each with a right signature (checked by the standardwebhooks library)")
    await stage.close()
    for program in (stage.daemon, stage.server):
        story.check(program.status == 0, f"wavstream {program.name} ended with status {program.status}")


def _end(story: Story, folder: Path) -> None:
    story.console.print()
    files = sorted(folder.glob("*.wav"))
    for path in files:
        story.console.print(f"The recording: [bold]{path}[/]", highlight=False, soft_wrap=True)
    story.console.print(
        f"The logs of both programs, and their data: {folder}", highlight=False, soft_wrap=True
    )
    if not story.failures:
        story.console.print(f"[bold green]All {story.held} checks held.[/]", highlight=False)
    for failure in story.failures:
        story.console.print(f"wavstream demo: this did not hold: {failure}", markup=False, soft_wrap=True)
