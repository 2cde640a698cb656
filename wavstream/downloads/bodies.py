"""Response bodies: parts of a file, and a recording that is still running, live."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from types import TracebackType

import trio
from quart.wrappers.response import ResponseBody
from typing_extensions import override

from storage.objects import ObjectStore
from wavstream.downloads.ranges import Span
from wavstream.downloads.source import Source
from wavstream.live import LiveRecording

READ_BYTES = 256 * 1024
"""A read is a thread hop, and a send: with 64 KiB they would cost more than the bytes. A client that takes no
more holds one of them in memory: 256 MB for as many as there are places."""


class FileBody(ResponseBody):
    """`parts` in order, each a span of `source` or bytes as they are; the source is closed at the end."""

    def __init__(self, source: Source, parts: Sequence[Span | bytes], threads: trio.CapacityLimiter) -> None:
        self._source = source
        self._parts = parts
        self._threads = threads

    @override
    async def __aenter__(self) -> AsyncIterator[bytes]:
        self._body = self._chunks()
        return self._body

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._body.aclose()
        self._source.close()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        for part in self._parts:
            if isinstance(part, bytes):
                yield part
                continue
            start = part.start
            while start < part.stop:
                data = await _in_thread(
                    self._source, start, min(READ_BYTES, part.stop - start), self._threads
                )
                start += len(data)
                yield data


class FollowBody(ResponseBody):
    """A running recording from its first sample on, live, until it ends.

    The header says that the length is unknown. Always whole frames. However slow the follower, it holds up
    nobody: what it has not read yet lies in the file.
    """

    def __init__(self, recording: LiveRecording, store: ObjectStore, threads: trio.CapacityLimiter) -> None:
        self._recording = recording
        self._store = store
        self._threads = threads
        self._source: Source | None = None

    @override
    async def __aenter__(self) -> AsyncIterator[bytes]:
        self._body = self._chunks()
        return self._body

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._body.aclose()
        if self._source is not None:
            self._source.close()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        recording = self._recording
        audio = recording.audio
        header = recording.header
        yield header.over(None)
        sent = 0
        while True:
            ended = recording.state == "ended"  # asked before the length: nothing can come after it
            known = recording.written
            while sent < audio.whole(known):
                source = self._source = self._source or await self._open()
                data = await _in_thread(
                    source,
                    header.size + sent,
                    min(READ_BYTES, audio.whole(known) - sent),
                    self._threads,
                )
                sent += len(data)
                yield data
            if ended:
                return
            await recording.beyond(known)

    async def _open(self) -> Source:
        file = await trio.to_thread.run_sync(
            self._store.open, self._recording.row.path, limiter=self._threads
        )
        # Its length is not asked for: nothing is read that is not known to be written.
        return Source(file, length=1 << 62)


async def _in_thread(source: Source, start: int, count: int, threads: trio.CapacityLimiter) -> bytes:
    return await trio.to_thread.run_sync(source.read, start, count, limiter=threads)
