"""The open operations of one socket. A query or a mutation runs in a task here; delivery/ runs subscriptions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any, Protocol

from watchword.asgi.views import ConnectionView
from watchword.asgi.wire import Packing
from watchword.connections.live import Subscribed
from watchword.context import Context, Renew
from watchword.delivery.run import Batch, Operation, Sent
from watchword.delivery.subscription import Subscription
from watchword.execution.masking import format_error, mask, to_json
from watchword.execution.parts import AnswerParts, Part
from watchword.execution.plan import Plan, Refused
from watchword.throttling.admission import Slot
from watchword.transports.lifecycle import Lifecycle
from watchword.transports.pipeline import Pipeline
from watchword.transports.request import GraphQLRequest, Opening
from watchword.transports.websocket.protocol import (
    NEXT_TAIL,
    complete_message,
    error_message,
    next_head,
    position_message,
)


class Socket(Protocol):
    """The socket, as far as its operations use it."""

    def send(self, *parts: bytes) -> None:
        """Send one message. Never waits; a closed socket drops it."""

    @property
    def packing(self) -> Packing:
        """The function that makes messages ready for `send_packed`."""

    def send_packed(self, packed: Any) -> None:
        """Send messages that `packing` has made ready, in one write. Never waits; a closed socket drops them."""

    def forget(self, id: str) -> None:
        """Note that the server has ended an operation: its id may be used again."""

    async def drained(self) -> None:
        """Wait until the client has read enough for more to be written."""


class Operations:
    """Starts, stops and answers operations. `renew` is called by the mutation that renews the socket's lease."""

    __slots__ = (
        "address",
        "_pipeline",
        "_lifecycle",
        "_slots",
        "_renew",
        "_socket",
        "_subscriptions",
        "_tasks",
        "via",
    )

    def __init__(
        self, pipeline: Pipeline, socket: Socket, lifecycle: Lifecycle, address: str, renew: Renew
    ) -> None:
        self._pipeline = pipeline
        self._socket = socket
        self._lifecycle = lifecycle
        self.address = address
        self._renew = renew
        # The slot of each open operation in the quota.
        self._slots: dict[str, Slot] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.via: ConnectionView | None = None
        """The socket as resolvers see it, once its connection_init has come."""

    @property
    def is_busy(self) -> bool:
        """Whether a query or a mutation has not been answered yet."""
        return bool(self._tasks)

    @property
    def subscriptions(self) -> Iterable[Subscribed]:
        """The open subscriptions."""
        return [each.described for each in self._subscriptions.values()]

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being answered: each subscription waits for an event that has not happened."""
        return not self._tasks and all(each.is_quiet for each in self._subscriptions.values())

    def start(self, id: str, request: GraphQLRequest) -> None:
        """Run an operation. An operation that cannot be run is answered with an error."""
        try:
            self._slots[id] = self._take_slot()
            principal = self._lifecycle.lease.principal
            plan = self._pipeline.plan(request, principal, self.address)
            opening = None
            if plan.is_subscription:
                request = request._replace(variables=plan.declared(request.variables))
                opening = self._pipeline.opening(request)
                self._pipeline.hold(plan, self.address, self._slots[id])
        except Refused as refused:
            self._refuse(id, [format_error(error) for error in refused.errors])
        except Exception as error:
            self._refuse(id, [mask(error).as_dict()])
        else:
            self._operate(id, plan, request, opening)

    def stop(self, id: str) -> None:
        """Stop an operation, because the client has sent `complete`."""
        self._free(id)
        if subscription := self._subscriptions.pop(id, None):
            subscription.stop()
        elif task := self._tasks.pop(id, None):
            task.cancel()
            self._lifecycle.operation_answered()

    def regrant(self) -> None:
        """Continue all subscriptions with the grants that the principal has now."""
        for subscription in tuple(self._subscriptions.values()):
            subscription.regrant()

    def close(self) -> None:
        """Stop all operations without a message, so that the client can resume them on another connection."""
        for id in tuple(self._slots):
            self._free(id)
        for subscription in self._subscriptions.values():
            subscription.stop()
        self._subscriptions.clear()
        current = asyncio.current_task()
        for task in self._tasks.values():
            if task is not current:
                task.cancel()
        self._tasks.clear()

    def finish(self, id: str, message: bytes) -> None:
        """Send the last message of a subscription."""
        if self._subscriptions.pop(id, None) is not None:
            self._last(id, message)

    def _take_slot(self) -> Slot:
        self._pipeline.ceiling.check("operations", len(self._slots) + 1)
        return self._pipeline.operations.take(self.address, self._lifecycle.lease.principal.subject)

    def _free(self, id: str) -> None:
        if slot := self._slots.pop(id, None):
            slot.give_back()

    def _last(self, id: str, *messages: bytes) -> None:
        """Free an operation's slot and id, and send its last messages."""
        self._free(id)
        self._socket.forget(id)
        for message in messages:
            self._socket.send(message)

    def _operate(
        self, id: str, plan: Plan, request: GraphQLRequest, opening: Opening | None
    ) -> None:
        if opening is not None:
            via = self.via, self._lifecycle
            given = request.variables, opening.kept, *via, *opening.asked
            operation = Operation(plan, *given)
            outlet = _Outlet(self, self._socket, id)
            subscription = Subscription(
                self._pipeline.groups,
                self._lifecycle.lease,
                operation,
                outlet,
                opening.resume,
                wants_position=opening.wants_position,
            )
            self._subscriptions[id] = subscription
            subscription.start()
        else:
            answering = self._answer_in_parts if plan.gives_parts else self._answer
            self._tasks[id] = asyncio.create_task(answering(id, plan, request))

    async def _answer(self, id: str, plan: Plan, request: GraphQLRequest) -> None:
        try:
            json = await self._execute(plan, request, self._slots[id])
            last = [next_head(id) + json + NEXT_TAIL, complete_message(id)]
        except Refused as refused:
            last = [error_message(id, [format_error(error) for error in refused.errors])]
        except Exception as error:
            last = [error_message(id, [mask(error).as_dict()])]
        self._answered(id, *last)

    async def _answer_in_parts(self, id: str, plan: Plan, request: GraphQLRequest) -> None:
        """Send each part as a `next`. The protocol allows any number of them for any operation."""
        parts, head = AnswerParts(partial(self._send_part, id)), next_head(id)
        lease = self._lifecycle.lease
        context = Context(
            self._pipeline.services,
            lease.principal,
            holder=lease,
            renew=self._renew,
            via=self.via,
            extensions=request.extensions,
        )
        errors: list[dict[str, Any]] = []
        try:
            await self._pipeline.engine.execute_in_parts(plan, request.variables, context, parts)
        except Refused as refused:
            errors = [format_error(error) for error in refused.errors]
        except Exception as error:
            errors = [mask(error).as_dict()]
        if errors and not parts.has_begun:
            self._answered(id, error_message(id, errors))
            return
        last = parts.failed(errors) if errors else None
        ends = [] if last is None else [head + to_json(last) + NEXT_TAIL]
        self._answered(id, *ends, complete_message(id))

    async def _send_part(self, id: str, part: Part) -> None:
        self._socket.send(next_head(id) + to_json(part) + NEXT_TAIL)
        await self._socket.drained()

    def _answered(self, id: str, *last: bytes) -> None:
        """Send the last messages of the operation that the present task answers."""
        # The client may meanwhile have completed this operation and started another with the same id.
        if self._tasks.get(id) is asyncio.current_task():
            del self._tasks[id]
            self._last(id, *last)
            self._lifecycle.operation_answered()

    async def _execute(self, plan: Plan, request: GraphQLRequest, place: Slot) -> bytes:
        pipeline, principal = self._pipeline, self._lifecycle.lease.principal
        own = request.after, request.refusals, place.share
        shared = await pipeline.shared.answer(plan, request.variables, principal, *own)
        if shared is not None:
            return pipeline.with_cost(shared.json, plan, request, principal, self.address)
        context = Context(
            pipeline.services,
            principal,
            renew=self._renew,
            via=self.via,
            extensions=request.extensions,
        )
        running = pipeline.engine.execute(plan, request.variables, context, is_streamed=True)
        return pipeline.with_cost(to_json(await running), plan, request, principal, self.address)

    def _refuse(self, id: str, errors: list[dict[str, Any]]) -> None:
        self._last(id, error_message(id, errors))


class _Outlet:
    """The outlet of one subscription: it writes the answers to the socket."""

    __slots__ = ("_head", "_id", "_operations", "_socket")

    def __init__(self, operations: Operations, socket: Socket, id: str) -> None:
        self._operations = operations
        self._socket = socket
        self._id = id
        self._head = next_head(id)

    def next(self, answer: Sent) -> None:
        self._socket.send(self._head, answer.json, NEXT_TAIL)

    def next_batch(self, batch: Batch) -> None:
        socket = self._socket
        socket.send_packed(batch.packed(self._head, NEXT_TAIL, socket.packing))

    def position(self, cursor: str) -> None:
        self._socket.send(position_message(self._id, cursor))

    def refuse(self, errors: list[dict[str, Any]]) -> None:
        self._operations.finish(self._id, error_message(self._id, errors))

    def complete(self) -> None:
        self._operations.finish(self._id, complete_message(self._id))

    async def drained(self) -> None:
        await self._socket.drained()
