"""A TCP proxy in front of a server that can stop forwarding bytes, like a network that is cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class DeafProxy:
    """A proxy that drops all bytes while it is deaf or mute, and keeps every connection open."""

    def __init__(self, url: str) -> None:
        """`url` is the server's."""
        self._server = urlsplit(url)
        self.is_deaf = False
        """Whether it swallows what clients send."""
        self.is_mute = False
        """Whether it swallows what the server answers."""
        self.heard = asyncio.Event()
        """Set when something was swallowed."""
        self.port = 0
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The URL of the server through this proxy."""
        parts = self._server
        user = f"{parts.username}@" if parts.username else ""
        return parts._replace(netloc=f"{user}127.0.0.1:{self.port}").geturl()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(
            self._server.hostname, self._server.port or 5432
        )
        for pump in (
            self._pump(reader, inner_writer, "is_deaf"),
            self._pump(inner_reader, writer, "is_mute"),
        ):
            task = asyncio.create_task(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, swallows: str
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if getattr(self, swallows):
                    self.heard.set()
                else:
                    writer.write(data)
        writer.close()

    async def close(self) -> None:
        for pump in tuple(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)


@asynccontextmanager
async def deaf_proxy(url: str) -> AsyncIterator[DeafProxy]:
    """Run a proxy in front of a server while the block runs."""
    proxy = DeafProxy(url)
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as listener:
        proxy.port = listener.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            await proxy.close()
