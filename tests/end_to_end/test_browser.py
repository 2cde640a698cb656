"""A browser plays a recording that is still growing, and the finished one from wherever it is asked to."""

from functools import partial
from pathlib import Path

import httpx
import pytest
import trio

from tests.end_to_end.browser import CHROMIUM, DRIVER, Front, browser
from tests.end_to_end.house import PATIENCE_SECONDS, House, opened, spoken_seconds
from tests.end_to_end.test_calls import speaking

PAGE = '<!doctype html><title>call</title><audio autoplay src="{source}"></audio>'
AUDIO = "document.querySelector('audio')"

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"
)


async def shown(nursery: trio.Nursery, front: Front) -> str:
    """The address of an application's web server."""
    [listener] = await nursery.start(partial(trio.serve_tcp, front.serve, 0, host="127.0.0.1"))
    return f"http://127.0.0.1:{listener.socket.getsockname()[1]}"


async def state(house: House, url: str, headers: dict[str, str]) -> str:
    async with httpx.AsyncClient(trust_env=False) as http:
        return str((await http.get(url, headers=headers)).json()["recording"]["state"])


@pytest.mark.contract("file-follow", "url-http")
async def test_a_browser_plays_what_still_grows_and_seeks_in_what_is_finished(tmp_path: Path) -> None:
    with trio.fail_after(4 * PATIENCE_SECONDS):
        async with (
            opened(tmp_path / "data") as house,
            house.application() as client,
            browser(tmp_path / "profile") as page,
            trio.open_nursery() as nursery,
        ):
            session = await client.create_session()
            about = f"http://{house.api}/api/v1/sessions/{session.session_uuid}"
            await client.command(session.session_uuid, "record/start")
            async with speaking(session, spoken_seconds(20)):
                live = {"/live.wav": f"{about}/recording/file.wav"}
                front = Front(PAGE.format(source="/live.wav"), live, client.headers)
                await page.go(await shown(nursery, front))
                await page.until(f"{AUDIO}.currentTime > 2")
                assert await state(house, about, client.headers) == "recording"
                assert await page.run(f"return {AUDIO}.error") is None
                await client.command(session.session_uuid, "record/stop")
                await page.until(f"{AUDIO}.ended")  # the live stream has an end, and the browser finds it

            await house.logged("recording ended")
            url = (await client.show(session.session_uuid))["recording"]["recording_url"]
            with trio.fail_after(PATIENCE_SECONDS):
                while url is None:
                    await trio.sleep(0.05)
                    url = (await client.show(session.session_uuid))["recording"]["recording_url"]
            await page.go(await shown(nursery, Front(PAGE.format(source=url), {}, {})))
            await page.until(f"{AUDIO}.duration > 2")
            # To its last second, and back: ranges, from wavstream itself.
            await page.run(f"{AUDIO}.pause(); {AUDIO}.currentTime = {AUDIO}.duration - 1")
            await page.until(f"!{AUDIO}.seeking && {AUDIO}.currentTime > {AUDIO}.duration - 1.5")
            await page.run(f"{AUDIO}.currentTime = 0.5; {AUDIO}.play()")
            await page.until(f"!{AUDIO}.seeking && {AUDIO}.currentTime > 1 && {AUDIO}.currentTime < 2")
            assert await page.run(f"return {AUDIO}.error") is None
            nursery.cancel_scope.cancel()
