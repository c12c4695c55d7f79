"""A TCP proxy that cuts the connections through it, as a router that restarts does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.deaf_proxy import DeafProxy


class CutProxy(DeafProxy):
    """A proxy whose connections can be cut. `sockets` counts the WebSockets that were opened through it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.sockets = 0
        self.is_away = False
        """Whether it cuts new connections at once."""
        self._clients: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_away:
            writer.transport.abort()
            return
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            inner_reader, inner_writer = await asyncio.open_connection(
                self._server.hostname, self._server.port
            )
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()
            return
        self.sockets += b"upgrade: websocket" in head.lower()
        self._clients.add(writer)
        inner_writer.write(head)
        for pump in (
            self._pump(reader, inner_writer, "is_deaf"),
            self._pump(inner_reader, writer, "is_mute"),
        ):
            self._pumps.add(asyncio.create_task(pump))

    def cut(self) -> None:
        """Cut all connections, without a goodbye."""
        for writer in self._clients:
            writer.transport.abort()
        self._clients.clear()


@asynccontextmanager
async def cut_proxy(url: str) -> AsyncIterator[CutProxy]:
    """Run a proxy in front of a server while the block runs."""
    proxy = CutProxy(url)
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as listener:
        proxy.port = listener.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            proxy.cut()
            await proxy.close()
