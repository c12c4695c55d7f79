"""The server-sent events door: graphql-sse's "distinct connections mode".

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import orjson

from graph.asgi import Receive, Send
from graph.clock import Timer
from graph.context import Context, Ended
from graph.delivery.lease import Lease
from graph.delivery.stream import stream
from graph.ending import Ending
from graph.execution.masking import conceal, present
from graph.execution.plan import Plan, Refused
from graph.principal import Principal
from graph.transports.door import Door
from graph.transports.request import Request

log = logging.getLogger("watchword.sse")

HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # nginx would otherwise hold events back to fill a buffer.
    (b"x-accel-buffering", b"no"),
)
# Seconds between comments that keep proxies from closing a quiet stream.
KEEP_ALIVE = 15.0
COMPLETE = b"event: complete\ndata: \n\n"


async def serve(
    door: Door, principal: Principal, plan: Plan, request: Request, receive: Receive, send: Send
) -> None:
    """Answer with a stream of events that ends with the operation, or with the lease."""
    await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
    await _Stream(door, principal, plan, request, send).run(receive)


class _Stream:
    """One operation on one response: a task that writes, until it is done or must end."""

    def __init__(
        self, door: Door, principal: Principal, plan: Plan, request: Request, send: Send
    ) -> None:
        self._door = door
        self._plan = plan
        self._request = request
        self._send = send
        self._writing = asyncio.Lock()
        self._over: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._lease = Lease(door.services.clock, principal, self._end)

    async def run(self, receive: Receive) -> None:
        pump = asyncio.create_task(self._pump())
        beat = asyncio.create_task(self._beat())
        gone = asyncio.create_task(_disconnected(receive))
        try:
            waiting: set[asyncio.Future[Any]] = {pump, gone, self._over}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._lease.release()
            await _cancel(pump, beat, gone)
        if self._over.done():
            await self._write(_next(_ended(self._over.result())) + COMPLETE, last=True)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pump(self) -> None:
        try:
            async with aclosing(self._answers()) as answers:
                async for answer in answers:
                    await self._write(_next(answer))
        except Refused as refused:
            await self._write(_next({"errors": [present(error) for error in refused.errors]}))
        except Ended as ended:
            self._end(ended.ending)
            return
        except Exception as error:
            await self._write(_next({"errors": [conceal(error).as_dict()]}))
        await self._write(COMPLETE)

    async def _answers(self) -> AsyncGenerator[dict[str, Any], None]:
        door, variables = self._door, self._request.variables
        if not self._plan.is_subscription:
            context = Context(door.services, self._lease.principal)
            yield await door.engine.execute(self._plan, variables, context)
            return
        answers = stream(door.engine, door.services, self._lease, self._plan, variables)
        async with aclosing(answers):
            async for answer in answers:
                yield answer

    async def _beat(self) -> None:
        while True:
            await self._write(b":\n\n")
            await self._tick()

    async def _tick(self) -> None:
        clock = self._door.services.clock
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer: Timer = clock.call_at(clock.now() + KEEP_ALIVE, lambda: waiting.set_result(None))
        try:
            await waiting
        finally:
            timer.cancel()

    async def _write(self, data: bytes, last: bool = False) -> None:
        # What an ended lease still finds on its way does not leave, only the reason does.
        if self._over.done() and not last:
            return
        with suppress(OSError):
            async with self._writing:
                await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def _end(self, ending: Ending) -> None:
        if not self._over.done():
            self._over.set_result(ending)


def _next(answer: dict[str, Any]) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(answer) + b"\n\n"


def _ended(ending: Ending) -> dict[str, Any]:
    return {"errors": [{"message": ending.reason, "extensions": {"code": ending.code}}]}


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
