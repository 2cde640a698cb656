"""Commands over HTTP: what each answer says, and the rows 400, 429 and 503 of the source document's table."""

import uuid
from pathlib import Path

import httpx
import pytest
import trio

from daemon.calls import plans
from tests.daemon.api.test_guard import refused
from tests.daemon.running import Application, running


def same(answers: list[httpx.Response]) -> bool:
    return len({(answer.status_code, answer.text) for answer in answers}) == 1


@pytest.mark.contract("record-start", "envelope")
async def test_a_command_is_taken_with_202_and_its_envelope(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        answer = await shop.command(session, "record/start", command_uid="my.start-1")
        assert answer.status_code == 202
        body = answer.json()
        assert uuid.UUID(body.pop("operation_id")).version == 4
        assert body == {"status": "in_progress", "timeout_ms": 2000, "command_uid": "my.start-1"}
        hangup = await shop.http.post(f"/api/v1/sessions/{session}/commands/hangup")  # no body at all
        assert hangup.status_code == 202
        assert uuid.UUID(hangup.json()["command_uid"]).version == 4


@pytest.mark.contract("error-400")
async def test_a_body_that_is_no_commands_is_400_and_charges_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        path = f"/api/v1/sessions/{session}/commands/record/start"
        for content, words in (
            (b'{"command_uid": "a b"}', "command_uid: "),
            (b'{"command_uid": ""}', "command_uid: "),
            (b'{"command_uid": "' + b"x" * 129 + b'"}', "command_uid: "),
            (b'{"command_uid": 1}', "command_uid: "),
            (b'{"wavstream_url": "ws://x"}', "wavstream_url: no such field"),
            (b"{nope", "body: Invalid JSON"),
            (b"[]", "body: Input should be an object"),
        ):
            assert words in refused(await shop.http.post(path, content=content), 400)
        assert (await shop.command(session, "record/start")).status_code == 202


@pytest.mark.contract("body-command-uid", "body-nothing-else", "error-400")
@pytest.mark.parametrize("command", plans.NAMES)
async def test_each_command_takes_a_command_uid_and_nothing_else(tmp_path: Path, command: str) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session, other = await shop.call(), await shop.call()
        for body, words in (
            ({"command_uid": "a b"}, "command_uid: "),
            ({"command_uid": "x" * 129}, "command_uid: "),
            ({"command_uid": "a", "format": "mp3"}, "format: no such field"),
        ):
            assert words in refused(await shop.command(session, command, **body), 400)
        longest = "A-b_c.9" + "x" * 121  # 128 characters
        answer = await shop.command(session, command, command_uid=longest)
        assert (answer.status_code, answer.json()["command_uid"]) == (202, longest)
        made = await shop.http.post(f"/api/v1/sessions/{other}/commands/{command}", content=b"")
        assert made.status_code == 202
        assert uuid.UUID(made.json()["command_uid"]).version == 4


async def test_a_command_that_there_is_not_is_400(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        for command in ("record", "record/dance", "record/start/", "Record/Start", "play_and_get_digits"):
            assert command in refused(await shop.command(session, command), 400)


@pytest.mark.contract("heavy-group", "error-429", "record-stop", "retry-after")
async def test_the_heavy_group_is_429_within_two_seconds_and_told_when_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        before = trio.current_time()
        assert (await shop.command(session, "record/start", command_uid="a")).status_code == 202
        begun = asked = trio.current_time()
        while (answer := await shop.command(session, "record/stop")).status_code == 429:
            assert "try again in" in refused(answer, 429)
            assert 1 <= int(answer.headers["retry-after"]) <= 2
            assert asked < begun + 2
            await trio.sleep(0.05)  # refused all the time: none of these extends the window
            asked = trio.current_time()
        assert answer.status_code == 202
        assert trio.current_time() > before + 1.9
        repeat = await shop.command(session, "record/start", command_uid="a")
        assert repeat.status_code == 202  # within the cooldown of the stop


@pytest.mark.contract("error-503")
async def test_without_wavstream_url_record_start_alone_is_503(tmp_path: Path) -> None:
    async with running(tmp_path, wavstream_url=None) as daemon, daemon.application() as shop:
        session = await shop.call()
        assert "WAVSTREAM_URL" in refused(await shop.command(session, "record/start"), 503)
        assert (await shop.command(session, "record/stop")).status_code == 202
        assert (await shop.command(session, "hangup")).status_code == 202
        assert (await shop.show(session))["recording"] is None


@pytest.mark.contract("show-session", "wavstream-away")
async def test_an_unreachable_wavstream_is_no_503(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        assert (await shop.command(session, "record/start")).status_code == 202
        recording = await shop.recording(session, "recording")
        assert recording["connected"] is False
        assert recording["audio"].keys() == {"caller"}


async def repeated(shop: Application, session: str, times: int) -> list[httpx.Response]:
    answers: list[httpx.Response] = []

    async def repeat() -> None:
        answers.append(await shop.command(session, "record/start", command_uid="once"))

    async with trio.open_nursery() as nursery:
        for _ in range(times):
            nursery.start_soon(repeat)
    return answers


async def test_repeats_also_at_once_and_after_a_restart_get_the_first_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        first = await repeated(shop, session, 20)
        assert same(first)
        view = await shop.show(session)
    async with running(tmp_path) as daemon, daemon.application() as shop:
        assert same(first + await repeated(shop, session, 20))
        recordings = (await shop.http.get(f"/api/v1/sessions/{session}/recordings")).json()["recordings"]
        assert [each["recording_id"] for each in recordings] == [view["recording"]["recording_id"]]


@pytest.mark.contract("senseless-command")
async def test_a_command_that_contradicts_the_calls_state_is_202_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        for command in ("record/stop", "hangup", "hangup"):
            assert (await shop.command(session, command)).status_code == 202


@pytest.mark.contract("recordings")
async def test_a_recording_of_a_call_can_be_asked_for_by_its_id(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session, other = await shop.call(), await shop.call()
        await shop.command(session, "record/start", command_uid="a")
        recording = (await shop.show(session))["recording"]
        path = "/api/v1/sessions/{}/recordings/{}"
        one = await shop.http.get(path.format(session, recording["recording_id"]))
        assert one.status_code == 200
        assert one.json()["command_uid"] == "a"
        listed = (await shop.http.get(f"/api/v1/sessions/{session}/recordings")).json()["recordings"]
        assert [each["recording_id"] for each in listed] == [recording["recording_id"]]
        for uuid_, recording_id in ((other, recording["recording_id"]), (session, "unknown")):
            assert "no such recording" in refused(await shop.http.get(path.format(uuid_, recording_id)), 404)
