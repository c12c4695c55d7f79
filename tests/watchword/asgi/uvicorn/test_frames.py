"""Frames are what RFC 6455 says, and requests of one connection see nothing of each other."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.frames import Frame, Opcode

from tests.support.toy_server import serving
from watchword.asgi.uvicorn.frames import frame_header
from watchword.config.settings import Settings


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_a_frame_is_what_the_library_would_have_written(length: int) -> None:
    payload = b"x" * length
    expected = Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert frame_header(length) + payload == expected


async def test_a_pipelined_request_sees_nothing_that_the_one_before_has_set() -> None:
    whisper: ContextVar[str] = ContextVar("whisper", default="nothing")

    async def answer(request: Request) -> Response:
        said = whisper.get()
        whisper.set(f"what {request.url.path} has set")
        return Response(f"[{said}]")

    app = Starlette(routes=[Route("/{name}", answer)])
    async with serving(app, Settings(_env_file=None)) as (url, _):
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"GET /%s HTTP/1.1\r\nHost: {host}\r\n%s\r\n"
        writer.write((head % ("first", "") + head % ("second", "Connection: close\r\n")).encode())
        said = (await reader.read()).decode()
        writer.close()
    assert said.count("[nothing]") == 2
