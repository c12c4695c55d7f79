"""A reverse proxy that serves a server under a path, and removes the path from requests, like nginx."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests.support.server import LiveServer

PATH = "/base"
# RFC 8414, section 3.1: the issuer's path follows the well-known path.
WELL_KNOWN = f"/.well-known/oauth-authorization-server{PATH}"
ELSEWHERE = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n")
_KEEP_ALIVE = re.compile(rb"\r\nconnection: keep-alive\r\n", re.IGNORECASE)


@asynccontextmanager
async def behind_a_path(home: Path, **environment: str) -> AsyncIterator[LiveServer]:
    """Run a server behind the proxy, with the proxy's URL (`url`) as its issuer."""
    upstream: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await _pass_on(reader, writer, upstream[0])
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        with _started(home, f"http://localhost:{port}{PATH}", **environment) as server:
            upstream.append(int(server.url.rpartition(":")[2]))
            server.url = f"http://localhost:{port}{PATH}"
            yield server


@contextmanager
def _started(home: Path, issuer: str, **environment: str) -> Iterator[LiveServer]:
    server = LiveServer(home, WATCHWORD_ISSUER=issuer, **environment)
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: int
) -> None:
    """Forward one request and, after an upgrade to a WebSocket, everything that follows."""
    head = _inside(await reader.readuntil(b"\r\n\r\n"))
    if head is None:
        writer.write(ELSEWHERE)
        return
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", upstream)
    inner_writer.write(head)
    forth = asyncio.ensure_future(_pump(reader, inner_writer))
    try:
        await _pump(inner_reader, writer)
    finally:
        forth.cancel()
        inner_writer.close()


def _inside(head: bytes) -> bytes | None:
    """Return the head as the server gets it; None for a path outside the server's."""
    request = _REQUEST.match(head)
    assert request is not None, head
    method, target = request[1], request[2].decode()
    if target.startswith(f"{PATH}/"):
        target = target.removeprefix(PATH)
    elif target != WELL_KNOWN:
        return None
    rest = _KEEP_ALIVE.sub(b"\r\nconnection: close\r\n", b"\r\n" + head[request.end() :], count=1)
    return b"%s %s HTTP/1.1%s" % (method, target.encode(), rest)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
