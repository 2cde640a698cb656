"""The daemon as a whole: what it is made of, in which order that starts, and in which it stops."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import NamedTuple

import httpx
import trio
from quart_trio import QuartTrio

from daemon import wavstream_http
from daemon.api import app, health, letters, operator, sessions
from daemon.api.files import Files
from daemon.api.guard import Guard
from daemon.applications import Applications
from daemon.calls import recovery
from daemon.calls.alarm import Alarm
from daemon.calls.arrivals import Arrivals, Credentials
from daemon.calls.commands import Commands
from daemon.calls.completion import Completion
from daemon.calls.erasure import Erasure
from daemon.calls.recorder import Recorder
from daemon.calls.sessions import Sessions
from daemon.calls.watch import Limits, Watch
from daemon.counting import Counting
from daemon.legs.audiosocketlistener import AudioSocketListener
from daemon.legs.lines import Lines
from daemon.legs.medialistener import MediaListener
from daemon.legs.ports import RtpPorts
from daemon.metrics import Metrics
from daemon.node import node_id
from daemon.readiness import Readiness
from daemon.settings import DaemonSettings
from daemon.wavstream_http import WavstreamHttp
from daemon.webhooks import connection
from daemon.webhooks.delivery import Dispatcher
from daemon.webhooks.letters import Letters
from daemon.webhooks.sending import HttpSender
from daemon.webhooks.target import TargetRules
from storage.catalog import Catalog
from storage.commands import Command
from wavstream.process.access import Access
from wavstream.process.cadence import Cadence
from wavstream.process.http import serve_http
from wavstream.process.lock import alone
from wavstream.process.settings import Address

DRAIN_SECONDS = 12.0
"""For all recordings to reach wavstream's disk, and their events the outbox, once it is told to end."""
LAST_WEBHOOKS_SECONDS = 3.0
"""For the webhooks that are due by then. What does not leave is stored, and leaves after the next start."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a running daemon is found; ports as they were bound."""

    http: Address
    audiosocket: Address
    media: Address

    def addresses(self) -> Mapping[str, str]:
        """As the log shows them, and systemd's status."""
        return {"http": str(self.http), "audiosocket": str(self.audiosocket), "media": str(self.media)}


Opened = Callable[[Listening], None]
"""Called once, when everything listens."""


async def serve(  # noqa: ASYNC128 - it hands `started` on
    settings: DaemonSettings,
    *,
    stopping: trio.Event,
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the daemon until `stopping` is set; then end every call, keep its recording, and return.

    Raises OSError where it cannot listen or write, CatalogError where the catalogue cannot be used.
    """
    await trio.to_thread.run_sync(partial(settings.data_dir.mkdir, mode=0o750, parents=True, exist_ok=True))
    with alone(settings.data_dir, "daemon"):
        catalog = Catalog.open(settings.catalog_url)
        tls = await trio.to_thread.run_sync(ssl.create_default_context)
        try:
            await trio.to_thread.run_sync(catalog.migrate)
            rules = TargetRules(
                allow_http=settings.allow_http_webhooks, allow_localhost=settings.allow_localhost_webhooks
            )
            async with (
                wavstream_http.client(tls=tls) as questions,
                wavstream_http.client(tls=tls) as files,
                connection.client(rules, tls=tls) as webhooks,
            ):
                daemon = _Daemon(settings, catalog, _Clients(questions, files, webhooks), rules)
                await daemon.run(stopping, task_status.started)
        finally:
            catalog.close()


class _Clients(NamedTuple):
    """HTTP to the outside. Each has connections of its own: slow readers of files hold up no event."""

    questions: httpx.AsyncClient
    files: httpx.AsyncClient
    webhooks: httpx.AsyncClient


class _Daemon:
    def __init__(
        self, settings: DaemonSettings, catalog: Catalog, clients: _Clients, rules: TargetRules
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._rules = rules
        self._node = node_id(settings.data_dir, settings.node_id)
        self._cadence = Cadence()
        self._metrics = metrics = Metrics(sessions=lambda: self._sessions.count)
        self._dispatcher = Dispatcher(
            catalog,
            HttpSender(clients.webhooks),
            retry_seconds=settings.webhook_retry_hours * 3600,
            ended=lambda end: metrics.webhooks.labels(end).inc(),
        )
        self._wavstream = self._wavstream_over(clients.questions)
        self._files = Files(self._wavstream_over(clients.files))
        self._completion = Completion(
            catalog,
            self._wavstream,
            announce=self._dispatcher.wake,
            ended=lambda state, reason: metrics.recordings_ended.labels(state, reason).inc(),
        )
        self._lines = Lines(
            self._cadence,
            RtpPorts.parse(settings.daemon_rtp),
            audiosocket=settings.daemon_audiosocket,
            media=settings.daemon_media,
            media_url=settings.daemon_media_url,
        )
        self._sessions = Sessions(
            node=self._node,
            catalog=catalog,
            cadence=self._cadence,
            lines=self._lines,
            recorder=Recorder(
                settings, self._cadence, lost=metrics.audio_lost.inc, measured=metrics.count_recording
            ),
            fate=self._completion,
            announce=self._dispatcher.wake,
            received=metrics.count_leg,
        )

    async def run(self, stopping: trio.Event, opened: Opened) -> None:
        """From the inside out: the beat, what was left unfinished, the calls, and HTTP around them.

        The end is the other way round, each stage within its own grace. HTTP goes on until the calls are
        over, so that whoever follows a recording hears its end.
        """
        unfinished = await recovery.end_calls(self._catalog, self._node)
        http_stopping = trio.Event()
        async with trio.open_nursery() as background:
            await background.start(self._cadence.run)
            background.start_soon(self._dispatcher.run)
            background.start_soon(Watch(self._sessions, self._limits(), self._alarm()).run)
            background.start_soon(recovery.follow, self._completion, unfinished)
            audiosocket = await background.start(self._audiosocket().serve, self._settings.daemon_audiosocket)
            media = await background.start(self._media().serve, self._settings.daemon_media)
            async with trio.open_nursery() as serving:
                api = self._api()
                http = await serving.start(
                    partial(serve_http, api, self._settings.daemon_http, stopping=http_stopping)
                )
                await self._take_calls(stopping, lambda: opened(Listening(http, audiosocket, media)))
                with trio.move_on_after(LAST_WEBHOOKS_SECONDS):
                    await self._dispatcher.quiet()
                http_stopping.set()
            background.cancel_scope.cancel()

    async def _take_calls(self, stopping: trio.Event, opened: Callable[[], None]) -> None:
        """The calls, from the first one to the end of the last recording.

        A recording that finds no end within the grace finds it after the next start: wavstream has it.
        """
        async with trio.open_nursery() as calls:
            await calls.start(self._sessions.run)
            opened()
            await stopping.wait()
            calls.cancel_scope.deadline = trio.current_time() + DRAIN_SECONDS
            await self._sessions.close()

    def _audiosocket(self) -> AudioSocketListener:
        app_id = self._settings.audiosocket_app
        arrivals = None if app_id is None else self._arrivals(app_id, "AUDIOSOCKET_APP")
        return AudioSocketListener(
            self._lines.audiosocket, new_call=None if arrivals is None else arrivals.audiosocket
        )

    def _media(self) -> MediaListener:
        app_id = self._settings.media_app
        arrivals = None if app_id is None else self._arrivals(app_id, "MEDIA_APP")
        return MediaListener(self._lines.websocket, arrivals=arrivals)

    def _arrivals(self, app_id: str, setting: str) -> Arrivals:
        settings = self._settings
        token, twilio = settings.media_token, settings.twilio_auth_token
        credentials = Credentials(
            access=Access(None if token is None else token.get_secret_value(), "MEDIA_TOKEN"),
            twilio=None if twilio is None else twilio.get_secret_value().encode(),
            url=lambda: self._lines.media_base,
        )
        return Arrivals(app_id, Applications(self._catalog), self._sessions, credentials, setting)

    def _limits(self) -> Limits:
        settings = self._settings
        return Limits(
            unheard=settings.leg_timeout_seconds or inf,
            gone=settings.arrival_gone_seconds,
            recording=settings.recording_max_hours * 3600 or inf,
            pause=settings.recording_pause_seconds or inf,
        )

    def _alarm(self) -> Alarm:
        return Alarm(
            self._catalog,
            self._sessions,
            seconds=self._settings.recording_no_audio_seconds or inf,
            announce=self._dispatcher.wake,
            raised=self._metrics.alarms.inc,
        )

    def _wavstream_over(self, http: httpx.AsyncClient) -> WavstreamHttp:
        settings = self._settings
        return WavstreamHttp(http, base_url=settings.wavstream_public_url, token=settings.wavstream_token)

    def _api(self) -> QuartTrio:
        applications = Applications(self._catalog)
        guard = Guard(
            applications,
            admin_api_key=self._settings.admin_api_key,
            rate_limit=self._settings.rate_limit,
            unknown_rate_limit=self._settings.unknown_rate_limit,
        )
        calls = sessions.Api(
            catalog=self._catalog,
            guard=guard,
            sessions=self._sessions,
            commands=Commands(
                self._catalog, self._sessions, announce=self._dispatcher.wake, taken=self._count_command
            ),
            erasure=Erasure(self._catalog, self._wavstream),
            files=self._files,
        )
        operators = operator.Operator(applications, self._rules)
        dead = letters.LettersApi(Letters(self._catalog, announce=self._dispatcher.wake))
        readiness = Readiness(self._settings, self._node, self._catalog, self._wavstream.reachable)
        supervisor = health.Health(
            sessions=self._sessions,
            readiness=readiness,
            metrics=self._metrics,
            counting=Counting(self._catalog, self._node),
        )
        routes = [
            *sessions.routes(calls),
            *operator.routes(operators, guard),
            *letters.routes(dead, guard),
            *health.routes(supervisor),
        ]
        return app.build(routes, self._metrics)

    def _count_command(self, command: Command) -> None:
        self._metrics.commands.labels(command.command, "done" if command.success else "failed").inc()
