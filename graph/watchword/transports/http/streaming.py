"""Operations that are answered in the parts of one HTTP response: server-sent events, and multipart.

The two differ only in their `Format`. The lifecycle of the connection is the same for both, and the same as
for a WebSocket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from watchword.asgi import generic
from watchword.asgi.types import Headers, Message, Receive, Send
from watchword.asgi.wire import StreamWire
from watchword.connections.live import Subscribed, Transport
from watchword.context import Context
from watchword.delivery.run import Batch, Operation, Sent
from watchword.delivery.subscription import Subscription
from watchword.errors import Ending
from watchword.execution.masking import format_error, mask, to_json
from watchword.execution.parts import AnswerParts, Part
from watchword.execution.plan import Plan, Refused
from watchword.principal import Principal
from watchword.process import log_context
from watchword.process.clock import Timer
from watchword.throttling.admission import Slot
from watchword.transports.lifecycle import Lifecycle
from watchword.transports.pipeline import Pipeline
from watchword.transports.request import GraphQLRequest, Opening
from watchword.transports.state import ConnectionState, Transition
from watchword.transports.traffic import COMPLETE, LOST, REFUSED, STREAM

# Seconds between writes on a quiet stream, so that no proxy closes it.
KEEP_ALIVE_SECONDS = 15.0


class Format(Protocol):
    """Writes answers in the format of one media type."""

    transport: Transport
    headers: Headers
    beginning: bytes
    """Written first."""
    keep_alive: bytes
    """Written while there are no answers; clients ignore it."""

    def next(self, answer: Sent) -> bytes:
        """Return an answer as a part."""

    def position(self, cursor: str) -> bytes:
        """Return what tells the client where its subscription stands; nothing if the format has no place for it."""

    def fail(self, errors: list[dict[str, Any]]) -> bytes:
        """Return the part for errors that end the stream."""

    complete: bytes
    """Written last."""


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """The operation that a stream carries, its principal, the ASGI scope of its request, and the network address of its
    client. `opening` is that of a subscription; its request has no `query` and no `extensions` any more."""

    principal: Principal
    plan: Plan
    request: GraphQLRequest
    scope: Message
    address: str
    opening: Opening | None = None


async def serve_stream(
    pipeline: Pipeline,
    form: Format,
    asked: StreamRequest,
    scope: Message,
    receive: Receive,
    send: Send,
) -> None:
    """Answer with a stream, which ends when the operation or the lease ends.

    Raises `RateLimited`, or the error of a refused token, before anything is sent.
    """
    address, subject = asked.address, asked.principal.subject
    log_context.connection.set(log_context.new_id())
    place = pipeline.operations.take(address, subject)
    with place, pipeline.connections.take(address):
        if asked.opening is not None:
            pipeline.hold(asked.plan, address, place)
        wire = generic.stream(scope, receive, send, pipeline.shutdown)
        stream = Stream(pipeline, form, wire, asked, place)
        pipeline.traffic.opened(STREAM)
        try:
            stream.take_lease()
            await send({"type": "http.response.start", "status": 200, "headers": [*form.headers]})
            stream.use(generic.body(wire, receive, send, pipeline.shutdown))
            await stream.run()
        finally:
            stream.close()
            pipeline.traffic.ended(STREAM, stream.outcome)


class Stream:
    """One operation on one response. The client can send nothing on it."""

    def __init__(
        self,
        pipeline: Pipeline,
        form: Format,
        wire: StreamWire,
        asked: StreamRequest,
        place: Slot,
    ) -> None:
        """`place` is the operation's place among the open ones."""
        self._pipeline = pipeline
        self._form = form
        self._wire = wire
        self._asked = asked
        self._place = place
        self._lifecycle = Lifecycle(pipeline, wire, self, ConnectionState.OPENING)
        self._keep_alive: Timer | None = None
        self._subscription: Subscription | None = None
        self.outcome = LOST
        """Why the stream has ended, as `Traffic` counts it."""
        # The parts of an answer that comes in parts.
        self._parts: AnswerParts | None = None
        # Done when the operation or the connection has ended.
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wire.on_lost = self._finish

    def use(self, wire: StreamWire) -> None:
        """Write to this wire from now on. Nothing was written to the one before."""
        if wire is not self._wire:
            self._lifecycle.use(wire)
            self._wire.release()
            self._wire = wire
            wire.on_lost = self._finish

    def take_lease(self) -> None:
        """Take a lease. Raises what `Pipeline.lease` raises."""
        self._lifecycle.take_lease(self._asked.principal)

    async def run(self) -> None:
        """Write answers until there are no more, the lease ends, or the client is gone."""
        self._lifecycle.go(Transition.OPEN)
        if ending := self._lifecycle.lease.ending:
            self.ended(ending)
        else:
            await self._operate()
        await self._wire.end()

    def close(self) -> None:
        """Release the lease and the wire, and stop the timer."""
        self._finish()
        self._lifecycle.close()
        self._wire.release()

    async def _operate(self) -> None:
        if self._wire.is_shutting_down:
            self._lifecycle.drain()
        self._write(self._form.beginning)
        self._keep_alive_later()
        stop = self._start()
        try:
            # Awaited by itself, the future would be cancelled with this task, and nothing more could be written.
            await asyncio.wait({self._done})
        except asyncio.CancelledError:
            await self._wire.interrupted()
            raise
        finally:
            stop()

    def _start(self) -> Callable[[], object]:
        """Start the operation. Returns the function that stops it."""
        asked, opening = self._asked, self._asked.opening
        if opening is None:
            answering = self._answer_in_parts if asked.plan.gives_parts else self._answer
            return asyncio.create_task(answering()).cancel
        via = asked.scope, self._lifecycle
        given = asked.request.variables, opening.kept, *via, *opening.asked
        operation = Operation(asked.plan, *given)
        self._subscription = Subscription(
            self._pipeline.groups,
            self._lifecycle.lease,
            operation,
            self,
            opening.resume,
            wants_position=opening.wants_position,
        )
        self._subscription.start()
        return self._subscription.stop

    async def _answer(self) -> None:
        try:
            sent = await self._execute()
        except Refused as refused:
            self.refuse([format_error(error) for error in refused.errors])
        except Exception as error:
            self.refuse([mask(error).as_dict()])
        else:
            self.next(sent)
            self.complete()

    async def _answer_in_parts(self) -> None:
        asked, lease = self._asked, self._lifecycle.lease
        parts = self._parts = AnswerParts(self._send_part)
        context = Context(
            self._pipeline.services,
            lease.principal,
            holder=lease,
            via=asked.scope,
            extensions=asked.request.extensions,
        )
        try:
            await self._pipeline.engine.execute_in_parts(
                asked.plan, asked.request.variables, context, parts
            )
        except Refused as refused:
            self.refuse([format_error(error) for error in refused.errors])
        except Exception as error:
            self.refuse([mask(error).as_dict()])
        else:
            self.complete()

    async def _send_part(self, part: Part) -> None:
        self.next(Sent(part))
        await self.drained()

    async def _execute(self) -> Sent:
        asked, principal = self._asked, self._lifecycle.lease.principal
        plan, variables = asked.plan, asked.request.variables
        if not asked.request.has_files:
            own = asked.request.after, asked.request.refusals, self._place.share
            shared = await self._pipeline.shared.answer(plan, variables, principal, *own)
            if shared is not None:
                return self._sent(shared.json)
        context = Context(
            self._pipeline.services,
            principal,
            via=asked.scope,
            extensions=asked.request.extensions,
        )
        running = self._pipeline.engine.execute(plan, variables, context, is_streamed=True)
        return self._sent(to_json(await running))

    def _sent(self, json: bytes) -> Sent:
        asked, principal = self._asked, self._lifecycle.lease.principal
        given = asked.plan, asked.request, principal, asked.address
        return Sent(self._pipeline.with_cost(json, *given))

    # The outlet of its operation.

    def next(self, answer: Sent) -> None:
        self._write(self._form.next(answer))

    def next_batch(self, batch: Batch) -> None:
        self._write(b"".join(map(self._form.next, batch.answers)))

    def position(self, cursor: str) -> None:
        self._write(self._form.position(cursor))

    def refuse(self, errors: list[dict[str, Any]]) -> None:
        self._write(self._failed(errors))
        self.outcome = REFUSED
        self._finish()

    def complete(self) -> None:
        self._write(self._form.complete)
        self.outcome = COMPLETE
        self._finish()

    async def drained(self) -> None:
        await self._wire.drained()

    # The owner of its lifecycle.

    def ended(self, ending: Ending) -> None:
        # Before the head is sent, no last event can be written. `run` checks the lease after the head.
        if self._lifecycle.state is ConnectionState.OPENING or not self._lifecycle.close():
            return
        # After the lease has ended no more answers may be sent, only the reason.
        error = {"message": ending.reason, "extensions": {"code": ending.code}}
        last = b"" if self._done.done() else self._failed([error])
        self._wire.send_last(last)
        self.outcome = ending.code
        self._finish()

    def reminded(self) -> None:
        """Do nothing: the client cannot renew on this connection. It reconnects with a new token and its cursor."""

    def regranted(self) -> None:
        if self._subscription is not None and not self._done.done():
            self._subscription.regrant()

    @property
    def address(self) -> str:
        return self._asked.address

    @property
    def transport(self) -> Transport:
        return self._form.transport

    @property
    def subscriptions(self) -> Iterable[Subscribed]:
        return () if self._subscription is None else (self._subscription.described,)

    @property
    def is_busy(self) -> bool:
        return not self._asked.plan.is_subscription and not self._done.done()

    @property
    def is_quiet(self) -> bool:
        subscription = self._subscription
        return self._done.done() or (subscription is not None and subscription.is_quiet)

    def _failed(self, errors: list[dict[str, Any]]) -> bytes:
        """Return the end of the response for errors that end it."""
        if self._parts is None or not self._parts.has_begun:
            return self._form.fail(errors) + self._form.complete
        last = self._parts.failed(errors)
        return (b"" if last is None else self._form.next(Sent(last))) + self._form.complete

    def _write(self, data: bytes) -> None:
        if data and self._lifecycle.is_open and not self._done.done():
            self._wire.send_chunk(data)

    def _keep_alive_later(self) -> None:
        clock = self._pipeline.services.clock
        self._keep_alive = clock.call_at(clock.now() + KEEP_ALIVE_SECONDS, self._keep_alive_later)
        self._write(self._form.keep_alive)

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)
        if self._keep_alive is not None:
            self._keep_alive.cancel()
