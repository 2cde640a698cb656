"""The API's document: made from the types that validate, with everything that a reader looks for."""

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import trio

from daemon.api import bodies
from daemon.api.document import page
from daemon.api.document.events import EVENTS
from daemon.api.routes import Operation, Route
from daemon.calls import changes, plans
from daemon.media.quality import Quality
from storage import schema
from storage import sessions as rows
from storage.applications import Application
from storage.applications import put as put_application
from storage.call_recordings import CallRecording
from storage.call_recordings import get as get_recording
from storage.call_recordings import insert as insert_recording
from storage.commands import Command
from storage.sessions import Session
from tests.daemon.inline import InlineCatalog
from tests.daemon.running import running
from wavstream.protocol import Completed


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document of a daemon that runs, asked for without any key."""

    async def ask() -> httpx.Response:
        async with running(tmp_path_factory.mktemp("daemon")) as daemon, daemon.client() as http:
            return await http.get("/openapi.json")

    answer = trio.run(ask)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


def test_it_is_openapi_3_1_of_this_very_version(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    assert described["info"]["version"] == version("wavstream")


def test_every_command_that_there_is_has_a_path_of_its_own(described: dict[str, Any]) -> None:
    before = "/api/v1/sessions/{session_uuid}/commands/"
    documented = {path.removeprefix(before) for path in described["paths"] if path.startswith(before)}
    assert documented == set(plans.NAMES)


def test_every_call_has_a_name_of_its_own_a_summary_a_description_and_a_tag(
    described: dict[str, Any],
) -> None:
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in described["tags"]}
    for path, _, operation in operations(described):
        assert operation["summary"], path
        assert operation["description"], path
        assert set(operation["tags"]) <= tags


def test_every_call_names_the_answers_that_any_call_of_its_kind_may_have(described: dict[str, Any]) -> None:
    for path, method, operation in operations(described):
        answers = set(operation["responses"])
        assert "500" in answers, path
        if operation.get("security"):
            assert {"400", "401", "429", "503"} <= answers, path
        if "requestBody" in operation:
            assert {"408", "413"} <= answers, path
        if "{session_uuid}" in path:
            assert {"403", "404"} <= answers, path
        assert any(status.startswith("2") for status in answers), (path, method)


@pytest.mark.contract("openapi")
def test_every_body_and_every_parameter_has_an_example_that_its_schema_takes(
    described: dict[str, Any],
) -> None:
    schemas = {"components": described["components"]}
    for path, _, operation in operations(described):
        bodied = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (each.get("content", {}).get("application/json") for each in bodied):
            if content is not None:
                example = page.example_of(described, content["schema"])
                jsonschema_rs.validate({**content["schema"], **schemas}, example)
        for parameter in operation["parameters"]:
            assert parameter["description"], path
            if parameter["in"] == "path":
                jsonschema_rs.validate(parameter["schema"], parameter["example"])


def test_every_field_of_every_object_says_what_it_is(described: dict[str, Any]) -> None:
    for name, told_of in described["components"]["schemas"].items():
        for field, told in told_of.get("properties", {}).items():
            assert told.get("description"), f"{name}.{field}"


def test_a_body_is_documented_by_the_model_that_parses_it(described: dict[str, Any]) -> None:
    for path, kind in (
        ("/api/v1/sessions", bodies.SessionBody),
        ("/api/v1/sessions/{session_uuid}/commands/record/start", bodies.CommandBody),
        ("/admin/apps/{app_id}", bodies.ApplicationBody),
    ):
        content = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        told = page.resolved(described, content["schema"])
        assert set(told["properties"]) == set(kind.model_fields)
        assert told["additionalProperties"] is False
        bodies.parse(kind, json.dumps(told["examples"][-1]).encode())


def test_a_route_without_words_cannot_be_written_down() -> None:
    with pytest.raises(TypeError, match="operation"):
        Route("/somewhere", "GET", None)  # type: ignore[call-arg, arg-type]
    with pytest.raises(TypeError, match="answers"):
        Operation(operation_id="x", tag="health", summary="x", description="x")  # type: ignore[call-arg]


SESSION = Session(
    session_uuid="acW68-f47ac10b-58cc-4372-a567-0e02b2c3d479",
    app_id="shop",
    node="acW68",
    state="waiting",
    caller_id="1",
    legs=1,
    created_at=1.0,
)


QUALITY = Quality(
    packets=75, late_seconds=0.0, dropped_seconds=0.0, filled_seconds=0.02, silent_seconds=0.5, audible=True
).view()


def recording(recording_id: str) -> CallRecording:
    return CallRecording(
        recording_id=recording_id,
        session_uuid=SESSION.session_uuid,
        app_id="shop",
        command_uid="start",
        state="recording",
        sample_rate=8000,
        channels=1,
        encoding="pcm16",
        started_at=2.0,
    )


def command(uid: str, error: str | None) -> Command:
    return Command(
        session_uuid=SESSION.session_uuid,
        command="record/start",
        command_uid=uid,
        operation_id=f"operation of {uid}",
        success=error is None,
        error=error,
        created_at=2.0,
    )


@pytest.mark.contract("event-command-result")
async def test_the_webhooks_that_are_stored_are_those_of_the_document(
    catalog: InlineCatalog, described: dict[str, Any]
) -> None:
    kept = Completed(
        recording_id="kept-recording",
        duration=1.5,
        size=24_044,
        sha256="0" * 64,
        url="http://x/y",
        expires_at=None,
    )

    def live(tx: Any) -> list[str]:
        put_application(tx, Application(app_id="shop", webhook_url="http://127.0.0.1:9/"))
        changes.session_begins(tx, SESSION)
        changes.command_answered(tx, command("done", None), "shop")
        changes.command_answered(tx, command("not done", "the call has ended"), "shop")
        for recording_id in ("kept-recording", "lost-recording"):
            insert_recording(tx, recording(recording_id))
        unheard = get_recording(tx, "kept-recording")
        assert unheard is not None
        assert changes.recording_unheard(tx, unheard, legs=["callee"], silent_seconds=30.25, now=2.5)
        changes.recording_completed(tx, "kept-recording", kept=kept, quality={"caller": QUALITY}, now=3.0)
        changes.recording_failed(tx, "lost-recording", error="the disk is full", now=3.0)
        stored = rows.get(tx, SESSION.session_uuid)
        assert stored is not None
        changes.session_ends(tx, stored, cause="hangup", at=4.0)
        return [row.payload for row in tx.execute(schema.outbox.select())]

    payloads = [json.loads(text) for text in await catalog.run(live)]
    assert {payload["event"] for payload in payloads} == set(EVENTS) == set(described["webhooks"])
    for payload in payloads:
        model = EVENTS[payload["event"]]
        assert model.model_validate(payload).model_dump(mode="json", exclude_unset=True) == payload


@pytest.mark.contract("openapi")
async def test_the_page_needs_neither_a_key_nor_a_script_nor_anything_from_elsewhere(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.client() as http:
        answer = await http.get("/docs")
        described = (await http.get("/openapi.json")).json()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    text = answer.text
    for outside in ("<script", " src=", "@import", "url(", "<link"):
        assert outside not in text
    for path, _, operation in operations(described):
        assert f'id="{operation["operationId"]}"' in text
        assert path in text
    for event in described["webhooks"]:
        assert f'id="{event}"' in text
