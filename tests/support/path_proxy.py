"""A reverse proxy that puts a server behind a path, which it takes away, as nginx does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests.support.server import LiveServer

PATH = "/base"
# RFC 8414, section 3.1: this one has the path of the issuer behind it, not before.
WELL_KNOWN = f"/.well-known/oauth-authorization-server{PATH}"
ELSEWHERE = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n")
_KEEP_ALIVE = re.compile(rb"\r\nconnection: keep-alive\r\n", re.IGNORECASE)


@asynccontextmanager
async def behind_a_path(home: Path, **environment: str) -> AsyncIterator[LiveServer]:
    """Run a server behind a proxy, under the name that its issuer has there; that is its `url`."""
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
    """Pass one request on, and whatever comes after it on a socket that was upgraded."""
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
    """Return the head as the server gets it; None when somebody else is asked at this place."""
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
