"""An app that notes its requests, and packets for a connection to it."""

from __future__ import annotations

import asyncio
from typing import Any

from watchword.asgi.types import BEGINS_WITHOUT_TASK, Message, Receive, Response, Send
from watchword.asgi.uvicorn.requests import RequestProtocol

POST = b"POST /a%20b?c=%20 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
GET = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
BEARER = b"POST /a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Length: 1\r\n\r\n!"


class Noting:
    """Answers with the number of the request, when it may; notes scopes, bodies and tasks."""

    def __init__(self, begins_without_task: bool = True, waits: bool = False) -> None:
        setattr(self, BEGINS_WITHOUT_TASK, begins_without_task)
        self.may_answer = asyncio.Event()
        if not waits:
            self.may_answer.set()
        self.scopes: list[Message] = []
        self.bodies: list[bytes] = []
        # The task of each request when it began, and when it was answered.
        self.tasks: list[Any] = []
        self.tasks_at_end: list[Any] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.tasks.append(asyncio.current_task())
        number = len(self.tasks)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.scopes.append(scope)
        self.bodies.append(body)
        await self.may_answer.wait()
        self.tasks_at_end.append(asyncio.current_task())
        await Response(200, b"answer %d" % number).send(send)


async def packet(connection: RequestProtocol, data: bytes) -> None:
    """Let the event loop give a packet to the connection: no task runs then."""
    asyncio.get_running_loop().call_soon(connection.data_received, data)
    await asyncio.sleep(0)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
