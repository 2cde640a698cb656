"""All attackers together, in a process of their own, told by JSON what to attack."""

import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import trio

from benchmarks.attack import audio, http
from benchmarks.attack.wire import PAUSE_SECONDS, Tally
from wavstream.process.settings import Address, parse_address

NICENESS = 10
"""The caller stands for a telephone on another machine: the attackers may not take its time."""
MOST_TRIES = 100_000
"""Of one attacker: none gets so far."""

Attack = Callable[[Address, Tally], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Whom to attack, with what is known of them, and for how many seconds."""

    daemon: Address
    downloads: Address
    ingest: Address
    key: str
    token: str
    node: str
    session_uuid: str
    seconds: float

    @classmethod
    def parse(cls, text: str) -> "Orders":
        """From JSON."""
        given = json.loads(text)
        for name in ("daemon", "downloads", "ingest"):
            given[name] = parse_address(given[name])
        return cls(**given)


def _cast(orders: Orders) -> list[tuple[int, Address, Attack]]:
    """(how many, whom, what)."""
    daemon, downloads, ingest = orders.daemon, orders.downloads, orders.ingest
    valid = http.credentials("attacker", orders.key)
    invalid = http.credentials("attacker", "no such key at all")
    start = f"/api/v1/sessions/{orders.session_uuid}/commands/record/start"
    return [
        (600, daemon, http.slow_head),
        (300, daemon, http.silent),
        (600, daemon, http.hoarder),
        (4, daemon, partial(http.huge_claim, headers=invalid, path=start)),
        (4, daemon, partial(http.huge_claim, headers=valid, path=start)),
        (4, daemon, partial(http.endless_chunks, headers=invalid, path=start)),
        (4, daemon, partial(http.endless_chunks, headers=valid, path=start)),
        (4, daemon, http.huge_head),
        (50, daemon, partial(http.slow_body, headers=valid, path=start)),
        (40, daemon, partial(http.bad_keys, many=False)),
        (80, daemon, partial(http.bad_keys, many=True)),
        (100, daemon, partial(http.session_ids, headers=valid, node=orders.node)),
        (4, daemon, http.pipelined),
        (50, daemon, http.deaf),
        (4, daemon, http.rapid_reset),
        (2, daemon, partial(http.upgraded, to="h2c")),
        (2, daemon, partial(http.upgraded, to="websocket")),
        (300, downloads, http.slow_head),
        (300, downloads, http.silent),
        (20, downloads, http.random_urls),
        (50, downloads, http.deaf),
        (2, downloads, partial(http.endless_chunks, headers={}, path="/recordings/x.wav")),
        (2, downloads, http.rapid_reset),
        (300, ingest, audio.slow_upgrade),
        (20, ingest, audio.unknown_token),
        (2, ingest, audio.huge_request),
        (2, ingest, partial(audio.huge_frame, token=orders.token)),
    ]


async def _again_and_again(attack: Attack, target: Address, tally: Tally) -> None:
    for _ in range(MOST_TRIES):
        try:
            await attack(target, tally)
        except* (OSError, trio.BrokenResourceError, trio.TooSlowError):
            tally.note("all", "connections turned away or broken")
            await trio.sleep(PAUSE_SECONDS)


async def main(orders: Orders) -> None:
    """Attack, then print what came of it."""
    tally = Tally()
    with trio.move_on_after(orders.seconds):
        async with trio.open_nursery() as nursery:
            for many, target, attack in _cast(orders):
                for _ in range(many):
                    nursery.start_soon(_again_and_again, attack, target, tally)
    print(http.as_json(tally))


if __name__ == "__main__":
    os.nice(NICENESS)
    trio.run(main, Orders.parse(sys.argv[1]))
