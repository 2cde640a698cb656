"""A small webhook receiver, as an application would have one: it takes nothing whose signature is wrong."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio
from quart import request
from quart_trio import QuartTrio
from standardwebhooks import Webhook, WebhookVerificationError

from wavstream.process.http import serve_http
from wavstream.process.settings import Address

MAX_KEPT = 1000
"""Webhooks kept in memory; a demonstration brings five."""


@dataclass(frozen=True)
class Received:
    """A webhook whose signature was right."""

    at: float
    """When it came, on Trio's clock."""
    fields: Mapping[str, Any]

    @property
    def event(self) -> str:
        """What it reports, for example `recording.completed`."""
        return str(self.fields["event"])


class Receiver:
    """Listens on a free port of this machine and keeps what comes, in its order."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.refused = 0
        """Requests that were not what a webhook has to be, or not signed with our secret."""
        self.url = ""
        self._secret: Webhook | None = None
        self._news = trio.Event()

    def trust(self, secret: str) -> None:
        """Take what is signed with this secret (`whsec_…`)."""
        self._secret = Webhook(secret)

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled. Starts with the URL to register."""
        app = QuartTrio(__name__)
        app.add_url_rule("/webhooks", view_func=self._take, methods=["POST"])
        async with trio.open_nursery() as nursery:
            address = await nursery.start(
                partial(serve_http, app, Address("127.0.0.1", 0), stopping=trio.Event())
            )
            self.url = f"http://{address}/webhooks"
            task_status.started(self.url)

    async def wait_for(self, event: str, **fields: Any) -> Received:
        """The first webhook of this event and with these fields, now or to come."""
        while True:
            for each in self.received:
                if each.event == event and fields.items() <= each.fields.items():
                    return each
            await self._news.wait()

    async def _take(self) -> tuple[str, int]:
        body = await request.data
        try:
            fields = self._verified(body, dict(request.headers))
        except (WebhookVerificationError, ValueError):
            self.refused += 1
            return "", 401
        if len(self.received) >= MAX_KEPT:
            return "", 503
        self.received.append(Received(trio.current_time(), fields))
        news, self._news = self._news, trio.Event()
        news.set()
        return "", 204

    def _verified(self, body: bytes, headers: dict[str, str]) -> Mapping[str, Any]:
        """The body's fields, once its signature proves to be right (Standard Webhooks 1.0)."""
        if self._secret is None:
            raise WebhookVerificationError("no secret yet")
        self._secret.verify(body, headers, json_parse=False)
        fields = json.loads(body)
        if not isinstance(fields, dict) or "event" not in fields:
            raise ValueError("not an event")
        return fields
