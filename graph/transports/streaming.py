"""Operations whose answers are parts of one HTTP response: server-sent events, and multipart.

The two differ in how a part is written, which is a `Format`; what holds for a live connection is the
same for both, and the same as for a socket.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any, Protocol

from graph.asgi import Headers, Message, Send
from graph.clock import Timer
from graph.context import Context
from graph.delivery.lease import Lease
from graph.delivery.run import Operation, Sent
from graph.delivery.subscription import Subscription
from graph.ending import Ending
from graph.execution.masking import conceal, present
from graph.execution.plan import Plan, Refused
from graph.principal import Principal
from graph.transports.admission import address_of
from graph.transports.door import Door
from graph.transports.frames import PipeProtocol, wire
from graph.transports.request import Request

# Seconds between signs of life that keep proxies from closing a quiet stream.
KEEP_ALIVE = 15.0


class Format(Protocol):
    """How answers are written on one kind of stream."""

    headers: Headers
    beginning: bytes
    """What is written before anything else."""
    beat: bytes
    """A sign of life."""

    def next(self, answer: Sent) -> bytes:
        """Return an answer as a part."""

    def fail(self, errors: list[dict[str, Any]]) -> bytes:
        """Return errors that end the stream."""

    complete: bytes
    """What is written last."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a stream is to carry, and for whom."""

    principal: Principal
    plan: Plan
    request: Request
    address: str = ""


async def serve(door: Door, form: Format, asked: Asked, scope: Message, send: Send) -> None:
    """Answer with a stream that ends with the operation, or with the lease.

    Raises `RateLimited` before anything was sent.
    """
    connection, address = wire(scope), address_of(scope["client"])
    stream = Stream(door, form, connection)
    door.admission.enter(address)
    try:
        lease = door.lease(asked.principal, stream)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [*form.headers]})
            await stream.run(lease, asked)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            stream.close()
            door.give_back(lease)
    finally:
        door.admission.leave(address)


class Stream:
    """One operation on one response, whose client can only listen."""

    def __init__(self, door: Door, form: Format, connection: PipeProtocol) -> None:
        self._door = door
        self._form = form
        self._wire = connection
        self._timer: Timer | None = None
        self._leaving: Timer | None = None
        self._lease: Lease | None = None
        self._subscription: Subscription | None = None
        self._is_over = False
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection.stopping = self._stop_soon
        connection.lost = self._finish

    async def run(self, lease: Lease, asked: Asked) -> None:
        """Write answers until there are no more, or the lease is over, or the client is gone."""
        self._lease = lease
        if lease.ending is not None:
            self.ended(lease.ending)
            return
        self._write(self._form.beginning)
        self._beat()
        if asked.plan.is_subscription:
            operation = Operation(asked.plan, asked.request.variables)
            self._subscription = Subscription(
                self._door.groups, lease, operation, self, asked.request.resume
            )
            self._subscription.start()
            try:
                await self._over
            finally:
                self._subscription.stop()
        else:
            await self._answer(lease, asked)

    def close(self) -> None:
        """Give back what is held."""
        self._is_over = True
        self._wire.stopping = self._wire.lost = None
        for timer in (self._timer, self._leaving):
            if timer is not None:
                timer.cancel()

    async def _answer(self, lease: Lease, asked: Asked) -> None:
        context = Context(self._door.services, lease.principal, address=asked.address)
        try:
            answer = await self._door.engine.execute(asked.plan, asked.request.variables, context)
        except Refused as refused:
            self.refuse([present(error) for error in refused.errors])
        except Exception as error:
            self.refuse([conceal(error).as_dict()])
        else:
            self.next(Sent(answer))
            self.complete()

    # As an outlet.

    def next(self, answer: Sent) -> None:
        self._write(self._form.next(answer))

    def refuse(self, errors: list[dict[str, Any]]) -> None:
        self._write(self._form.fail(errors) + self._form.complete)
        self._finish()

    def complete(self) -> None:
        self._write(self._form.complete)
        self._finish()

    async def drained(self) -> None:
        await self._door.drained(self._wire, self._give_up)

    # As the tenant of a lease.

    def ended(self, ending: Ending) -> None:
        # What an ended lease still finds on its way does not leave, only the reason does.
        error = {"message": ending.reason, "extensions": {"code": ending.code}}
        if not self._is_over:
            self._wire.send_chunk(self._form.fail([error]) + self._form.complete)
        self._finish()
        if ending is Ending.SLOW:
            self._wire.cut()

    def reminded(self) -> None:
        """Its client cannot say anything: it comes back with a new token, and its cursor."""

    def regranted(self) -> None:
        if self._subscription is not None and not self._is_over:
            self._subscription.regrant()

    def _write(self, data: bytes) -> None:
        if self._is_over or not data:
            return
        waits = self._wire.send_chunk(data)
        if waits and self._door.is_slow(self._wire):
            self._give_up()

    def _give_up(self) -> None:
        if self._lease is not None:
            self._lease.end(Ending.SLOW)

    def _beat(self) -> None:
        clock = self._door.services.clock
        self._write(self._form.beat)
        self._timer = clock.call_at(clock.now() + KEEP_ALIVE, self._beat)

    def _stop_soon(self) -> None:
        clock, seconds = self._door.services.clock, self._door.settings.drain_seconds
        when = clock.now() + random.uniform(0, seconds)
        self._leaving = clock.call_at(when, self._leave)

    def _leave(self) -> None:
        if self._lease is not None:
            self._lease.end(Ending.DRAINING)

    def _finish(self) -> None:
        self._is_over = True
        if not self._over.done():
            self._over.set_result(None)
