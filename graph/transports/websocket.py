"""The WebSocket door: a thin shell around the protocol's state machine.

One reader, one task for each open operation, and a lease that closes the socket when it is over.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import orjson

from graph.asgi import Message, Receive, Send, is_same_origin
from graph.clock import Timer
from graph.context import Context, Ended
from graph.delivery.lease import Lease
from graph.delivery.stream import stream
from graph.ending import Ending
from graph.errors import RateLimited, WatchwordError
from graph.execution.masking import conceal, present
from graph.execution.plan import Plan, Refused
from graph.principal import Principal
from graph.transports.credential import from_handshake, in_url
from graph.transports.door import Door
from graph.transports.protocol import (
    SUBPROTOCOL,
    Close,
    CloseCode,
    Initialise,
    Protocol,
    Reply,
    Start,
    State,
    Stop,
    close,
    complete_message,
    error_message,
    next_message,
)
from graph.transports.request import Request

log = logging.getLogger("watchword.websocket")


class WebSocketDoor:
    """The ASGI endpoint for `websocket` scopes at /graphql."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        is_ours = is_same_origin(scope, self._door.settings.allowed_origins)
        if not is_ours or in_url(scope["query_string"]):
            await send({"type": "websocket.close", "code": 1008})
        elif SUBPROTOCOL not in scope["subprotocols"]:
            # The protocol names a close code for this, so the socket must be accepted first. The
            # legacy subprotocol graphql-ws is refused on purpose: elsewhere it went around the ack.
            await send({"type": "websocket.accept"})
            refusal = close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            await send({"type": "websocket.close", "code": refusal.code, "reason": refusal.reason})
        else:
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
            await Connection(self._door, scope, receive, send).run()


class Connection:
    """The accepted dialogue on one socket."""

    def __init__(self, door: Door, scope: Message, receive: Receive, send: Send) -> None:
        self._door = door
        self._headers = scope["headers"]
        self._receive = receive
        self._send = send
        self._protocol = Protocol()
        self._lease: Lease | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._closing: asyncio.Task[None] | None = None
        settings = door.settings
        clock = door.services.clock
        self._init_timer: Timer = clock.call_at(
            clock.now() + settings.init_timeout_seconds, self._time_out
        )

    async def run(self) -> None:
        """Serve the socket until either side closes it."""
        try:
            while (message := await self._receive())["type"] == "websocket.receive":
                if self._closing is None:
                    await self._take(message)
        finally:
            self._release()
            if self._closing is not None:
                await self._closing

    async def _take(self, message: Message) -> None:
        text = message.get("text")
        match self._protocol.receive(text if text is not None else message.get("bytes")):
            case Initialise(payload):
                await self._initialise(payload)
            case Start(id, request):
                await self._start(id, request)
            case Stop(id):
                self._stop(id)
            case Reply(text):
                await self._write(text)
            case Close() as closing:
                self._close(closing)

    async def _initialise(self, payload: dict[str, Any] | None) -> None:
        try:
            credential = from_handshake(self._headers, payload)
            principal = await self._door.authenticate(credential)
        except WatchwordError as error:
            self._close(close(error.close_code, _reason(error)))
        except Exception as error:
            self._close(close(1011, conceal(error).message))
        else:
            await self._acknowledge(principal)

    async def _acknowledge(self, principal: Principal) -> None:
        self._init_timer.cancel()
        self._lease = Lease(self._door.services.clock, principal, self._end)
        if self._closing is None:
            await self._write(self._protocol.acknowledge(_terms(principal, self._door)))

    async def _start(self, id: str, request: Request) -> None:
        most = self._door.settings.max_operations
        if len(self._operations) >= most:
            full = RateLimited(
                f"{most} operations are open on this connection, and no more may be.", 1
            )
            self._protocol.finish(id)
            await self._write(error_message(id, [full.as_dict()]))
            return
        task = asyncio.create_task(self._operate(id, request))
        self._operations[id] = task
        task.add_done_callback(lambda done: self._forget(id, done))

    def _stop(self, id: str) -> None:
        if task := self._operations.pop(id, None):
            task.cancel()

    def _forget(self, id: str, done: asyncio.Task[None]) -> None:
        # The client may have completed this one and started another under the same id meanwhile.
        if self._operations.get(id) is done:
            del self._operations[id]

    async def _operate(self, id: str, request: Request) -> None:
        last = ""
        try:
            plan = self._door.engine.plan(request.query, request.operation_name)
            await self._answer(id, plan, request)
            last = complete_message(id)
        except Ended as ended:
            self._end(ended.ending)
        except Refused as refused:
            last = error_message(id, [present(error) for error in refused.errors])
        except Exception as error:
            last = error_message(id, [conceal(error).as_dict()])
        if last and self._operations.get(id) is asyncio.current_task():
            self._protocol.finish(id)
            await self._write(last)

    async def _answer(self, id: str, plan: Plan, request: Request) -> None:
        door, lease = self._door, self._lease
        assert lease is not None, "the protocol lets nothing start before the ack"
        if not plan.is_subscription:
            context = Context(door.services, lease.principal)
            answer = await door.engine.execute(plan, request.variables, context)
            await self._write(next_message(id, orjson.dumps(answer)))
            return
        answers = stream(door.engine, door.services, lease, plan, request.variables)
        async with aclosing(answers):
            async for answer in answers:
                await self._write(next_message(id, orjson.dumps(answer)))

    async def _write(self, text: str) -> None:
        if self._closing is not None:
            return
        try:
            await self._send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError) as error:
            # The server says RuntimeError when its own ping has given the socket up.
            log.debug("the socket is gone: %s", error)

    def _time_out(self) -> None:
        if self._protocol.state is not State.ACKNOWLEDGED:
            self._close(close(CloseCode.INIT_TIMEOUT, "Connection initialisation timeout"))

    def _end(self, ending: Ending) -> None:
        self._close(close(ending.close_code, ending.reason))

    def _close(self, closing: Close) -> None:
        """Close once; operations are not ended one by one, so that the client may resume them."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._say_goodbye(closing))
            self._release()

    async def _say_goodbye(self, closing: Close) -> None:
        # To a client that does not read, this leaves when it reads again; nothing else does until
        # then, and nothing more is kept for it.
        try:
            await self._send(
                {"type": "websocket.close", "code": closing.code, "reason": closing.reason}
            )
        except OSError as error:
            log.debug("the close frame did not leave: %s", error)

    def _release(self) -> None:
        self._init_timer.cancel()
        if self._lease is not None:
            self._lease.release()
        current = asyncio.current_task()
        for task in self._operations.values():
            if task is not current:
                task.cancel()


def _reason(error: WatchwordError) -> str:
    return Ending.EXPIRED.reason if error.code == Ending.EXPIRED.code else error.message


def _terms(principal: Principal, door: Door) -> dict[str, Any] | None:
    if not isfinite(principal.expires_at):
        return None
    margin = door.settings.renew_before_seconds
    return {
        "expiresAt": _timestamp(principal.expires_at),
        "renewBefore": _timestamp(principal.expires_at - margin),
    }


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
