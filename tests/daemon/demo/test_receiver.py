"""The webhook receiver takes what is signed rightly, and nothing else."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from standardwebhooks import Webhook

from daemon.demo import receiver as receiver_module
from daemon.demo.receiver import Receiver
from tests import web

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()


async def send(url: str, body: str, *, secret: str = SECRET) -> int:
    """Send a webhook signed with a secret. Returns the status of the answer."""
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, body),
    }
    async with web.client() as client:
        return (await client.post(url, content=body, headers=headers)).status_code


def event(name: str, **fields: Any) -> str:
    return json.dumps({"event": name, **fields})


async def test_a_webhook_that_is_signed_is_kept_in_its_order(nursery: trio.Nursery) -> None:
    receiver = Receiver()
    url = await nursery.start(receiver.run)
    assert url == receiver.url
    receiver.trust(SECRET)
    with trio.fail_after(10):
        assert await send(url, event("call.new", sequence=1)) == 204
        assert await send(url, event("command.result", sequence=2)) == 204
    assert [each.event for each in receiver.received] == ["call.new", "command.result"]
    assert receiver.refused == 0


@pytest.mark.parametrize("body", ["[]", "{}", "not JSON"])
async def test_what_is_no_event_is_refused(nursery: trio.Nursery, body: str) -> None:
    receiver = Receiver()
    url = await nursery.start(receiver.run)
    receiver.trust(SECRET)
    with trio.fail_after(10):
        assert await send(url, body) == 401
    assert (receiver.received, receiver.refused) == ([], 1)


async def test_a_wrong_signature_or_none_is_refused(nursery: trio.Nursery) -> None:
    receiver = Receiver()
    url = await nursery.start(receiver.run)
    with trio.fail_after(10):
        assert await send(url, event("call.new")) == 401  # nobody is trusted yet
        receiver.trust(SECRET)
        other = "whsec_" + base64.b64encode(b"another secret").decode()
        assert await send(url, event("call.new"), secret=other) == 401
        async with web.client() as client:
            assert (await client.post(url, content=event("call.new"))).status_code == 401
    assert (receiver.received, receiver.refused) == ([], 3)


async def test_whoever_waits_for_an_event_gets_the_first_one_that_fits(nursery: trio.Nursery) -> None:
    receiver = Receiver()
    url = await nursery.start(receiver.run)
    receiver.trust(SECRET)
    with trio.fail_after(10):
        await send(url, event("command.result", command="record/start"))
        nursery.start_soon(send, url, event("command.result", command="record/stop", success=True))
        stop = await receiver.wait_for("command.result", command="record/stop")
        assert stop.fields["success"] is True
        start = await receiver.wait_for("command.result")
        assert start.fields["command"] == "record/start"
        assert start.at <= stop.at


async def test_memory_for_webhooks_is_bounded(nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver_module, "MAX_KEPT", 1)
    receiver = Receiver()
    url = await nursery.start(receiver.run)
    receiver.trust(SECRET)
    with trio.fail_after(10):
        assert await send(url, event("call.new")) == 204
        assert await send(url, event("call.hangup")) == 503
    assert len(receiver.received) == 1
