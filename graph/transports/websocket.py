"""The WebSocket door: a thin shell around the protocol's state machine.

What a client sends is read one by one. Queries and mutations have a task each; subscriptions live in
delivery/. The lease ends everything.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

from graph.asgi import Message, Receive, Send, is_same_origin
from graph.clock import Timer
from graph.context import Context
from graph.delivery.lease import Lease
from graph.delivery.run import Operation, Sent
from graph.delivery.subscription import Subscription
from graph.ending import Ending
from graph.errors import InvalidToken, NonceNeeded, RateLimited, WatchwordError
from graph.execution.masking import conceal, present
from graph.execution.plan import Plan, Refused
from graph.principal import Principal
from graph.tokens.credential import (
    BEARER,
    DPOP,
    Credential,
    from_handshake,
    from_payload,
    in_url,
)
from graph.tokens.dpop import Target
from graph.transports.admission import Pace, address_of
from graph.transports.door import Door, check_renewal
from graph.transports.frames import FramesProtocol, wire
from graph.transports.protocol import (
    NEXT_TAIL,
    SUBPROTOCOL,
    Close,
    CloseCode,
    Initialise,
    Protocol,
    Renew,
    Reply,
    Start,
    State,
    Stop,
    close,
    complete_message,
    error_message,
    next_head,
    ping_message,
    pong_message,
)
from graph.transports.request import Request
from graph.transports.terms import terms

TOO_FAST = close(1008, "too many messages")


class WebSocketDoor:
    """The ASGI endpoint for `websocket` scopes at /graphql."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        settings = self._door.settings
        is_ours = is_same_origin(scope, settings.our_origins)
        if not is_ours or in_url(scope["query_string"]):
            await send({"type": "websocket.close", "code": 1008})
        elif SUBPROTOCOL not in scope["subprotocols"]:
            # The protocol names a close code for this, so the socket must be accepted first. The
            # legacy subprotocol graphql-ws is refused on purpose: elsewhere it went around the ack.
            await send({"type": "websocket.accept"})
            refusal = close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            wire(scope).send_close(refusal.code, refusal.reason)
        else:
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
            await self._converse(scope, receive)

    async def _converse(self, scope: Message, receive: Receive) -> None:
        connection, admission = wire(scope), self._door.admission
        address = address_of(scope["client"])
        try:
            admission.enter(address)
        except RateLimited as error:
            connection.send_close(error.close_code, error.message)
            return
        try:
            await Connection(self._door, scope, connection, address).run(receive)
        finally:
            admission.leave(address)


class Connection:
    """The accepted dialogue on one socket."""

    __slots__ = (
        "_address",
        "_door",
        "_headers",
        "_is_closed",
        "_is_leaving",
        "_lease",
        "_pace",
        "_protocol",
        "_subscriptions",
        "_target",
        "_tasks",
        "_timer",
        "_wire",
    )

    def __init__(
        self, door: Door, scope: Message, connection: FramesProtocol, address: str
    ) -> None:
        self._door = door
        self._address = address
        self._headers: Any = scope["headers"]
        # RFC 6455, section 1.3: a socket begins as a GET, and proofs are made for that one.
        self._target = Target("GET", scope["path"], is_socket=True, address=address)
        self._wire = connection
        self._protocol = Protocol()
        self._pace = Pace(door.settings.max_messages_per_second)
        self._lease: Lease | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_closed = False
        self._is_leaving = False
        connection.stopping = self._stop_soon
        clock = door.services.clock
        self._timer: Timer | None = clock.call_at(
            clock.now() + door.settings.init_timeout_seconds, self._time_out
        )

    async def run(self, receive: Receive) -> None:
        """Serve the socket until either side closes it."""
        try:
            while (message := await receive())["type"] == "websocket.receive":
                if not self._is_closed:
                    await self._take(message)
        finally:
            self._is_closed = True
            self._release()

    # What the client says.

    async def _take(self, message: Message) -> None:
        if not self._pace.is_kept(self._door.services.clock.now()):
            self._close(TOO_FAST)
            return
        text = message.get("text")
        match self._protocol.receive(text if text is not None else message.get("bytes")):
            case Initialise(payload):
                await self._initialise(payload)
            case Renew(payload):
                await self._renew(payload)
            case Start(id, request):
                self._start(id, request)
            case Stop(id):
                self._stop(id)
            case Reply(text):
                self._write(text)
            case Close() as closing:
                self._close(closing)

    async def _initialise(self, payload: dict[str, Any] | None) -> None:
        try:
            credential = from_handshake(self._headers, payload)
            principal = await self._door.authenticate(credential, self._target)
            if not self._is_closed:
                self._acknowledge(principal)
        except WatchwordError as error:
            self._close(close(error.close_code, _reason(error)))
        except Exception as error:
            self._close(close(1011, conceal(error).message))

    def _acknowledge(self, principal: Principal) -> None:
        self._cancel_timer()
        self._headers = None
        self._lease = self._door.lease(principal, self)
        if not self._is_closed:
            self._write(self._protocol.acknowledge(terms(self._lease)))

    async def _renew(self, payload: dict[str, Any]) -> None:
        try:
            credential = from_payload(payload)
            if credential is not None:
                await self._go_on(credential)
        except WatchwordError as error:
            self._close(close(error.close_code, _reason(error)))
        except Exception as error:
            self._close(close(1011, conceal(error).message))
        else:
            self._write(pong_message(None if credential is None else terms(self._living)))

    async def _renew_by_mutation(self, token: str, proof: str | None) -> Principal:
        try:
            return await self._go_on(Credential(token, BEARER if proof is None else DPOP, proof))
        except WatchwordError as error:
            self._close(close(error.close_code, _reason(error)))
            raise

    async def _go_on(self, credential: Credential) -> Principal:
        principal = await self._door.authenticate(credential, self._target)
        check_renewal(self._living.principal, principal)
        self._living.renew(principal)
        return principal

    def _start(self, id: str, request: Request) -> None:
        most = self._door.settings.max_operations
        if len(self._tasks) + len(self._subscriptions) >= most:
            full = RateLimited(
                f"{most} operations are open on this connection, and no more may be.", 1
            )
            self._refuse(id, [full.as_dict()])
            return
        try:
            plan = self._door.engine.plan(request.query, request.operation_name)
        except Refused as refused:
            self._refuse(id, [present(error) for error in refused.errors])
        except Exception as error:
            self._refuse(id, [conceal(error).as_dict()])
        else:
            self._operate(id, plan, request)

    def _operate(self, id: str, plan: Plan, request: Request) -> None:
        if plan.is_subscription:
            operation = Operation(plan, request.variables)
            outlet = _Outlet(self, id)
            subscription = Subscription(
                self._door.groups, self._living, operation, outlet, request.resume
            )
            self._subscriptions[id] = subscription
            subscription.start()
        else:
            self._tasks[id] = asyncio.create_task(self._answer(id, plan, request))

    def _stop(self, id: str) -> None:
        if subscription := self._subscriptions.pop(id, None):
            subscription.stop()
        elif task := self._tasks.pop(id, None):
            task.cancel()
            if self._is_leaving:
                self._leave()

    async def _answer(self, id: str, plan: Plan, request: Request) -> None:
        renew = self._renew_by_mutation
        principal = self._living.principal
        context = Context(self._door.services, principal, renew=renew, address=self._address)
        try:
            answer = await self._door.engine.execute(plan, request.variables, context)
            last: tuple[bytes, ...] = (next_head(id), Sent(answer).json, NEXT_TAIL)
        except Refused as refused:
            last = (error_message(id, [present(error) for error in refused.errors]),)
        except Exception as error:
            last = (error_message(id, [conceal(error).as_dict()]),)
        # The client may have completed this one and started another under the same id meanwhile.
        if self._tasks.get(id) is asyncio.current_task():
            del self._tasks[id]
            self._protocol.finish(id)
            self._write(*last)
            if len(last) > 1:
                self._write(complete_message(id))
            if self._is_leaving:
                self._leave()

    # What the server says.

    def send_next(self, head: bytes, answer: Sent) -> None:
        """Send an answer of a subscription."""
        self._write(head, answer.json, NEXT_TAIL)

    def finish(self, id: str, message: bytes) -> None:
        """Send the last message of a subscription."""
        if self._subscriptions.pop(id, None) is not None:
            self._protocol.finish(id)
            self._write(message)

    async def drained(self) -> None:
        """Wait while more is on its way than should be."""
        await self._door.drained(self._wire, self._give_up)

    def _refuse(self, id: str, errors: list[dict[str, Any]]) -> None:
        self._protocol.finish(id)
        self._write(error_message(id, errors))

    def _write(self, *parts: bytes) -> None:
        if self._is_closed:
            return
        if self._wire.send_text(*parts) and self._door.is_slow(self._wire):
            self._end(Ending.SLOW)

    # How it ends.

    def ended(self, ending: Ending) -> None:
        self._close(close(ending.close_code, ending.reason))

    def reminded(self) -> None:
        self._write(ping_message(terms(self._living) or {}))

    def regranted(self) -> None:
        for subscription in tuple(self._subscriptions.values()):
            subscription.regrant()

    @property
    def _living(self) -> Lease:
        assert self._lease is not None, "the protocol lets nothing start before the ack"
        return self._lease

    def _time_out(self) -> None:
        # Authentication may be slow, and is no fault of a client that has asked for it in time.
        if self._protocol.state is State.OPEN:
            self._close(close(CloseCode.INIT_TIMEOUT, "Connection initialisation timeout"))

    def _stop_soon(self) -> None:
        """The server stops: end some time soon, not all connections at once."""
        if self._lease is None:
            self.ended(Ending.DRAINING)
            return
        clock, seconds = self._door.services.clock, self._door.settings.drain_seconds
        self._timer = clock.call_at(clock.now() + random.uniform(0, seconds), self._leave)

    def _leave(self) -> None:
        """End as soon as what was asked for has been answered."""
        self._is_leaving = True
        if not self._tasks:
            self._end(Ending.DRAINING)

    def _give_up(self) -> None:
        self._end(Ending.SLOW)

    def _end(self, ending: Ending) -> None:
        if self._lease is not None:
            self._lease.end(ending)
        else:
            self.ended(ending)

    def _close(self, closing: Close) -> None:
        """Close once; operations are not ended one by one, so that the client may resume them."""
        if not self._is_closed:
            self._is_closed = True
            self._wire.send_close(closing.code, closing.reason)
            self._release()

    def _release(self) -> None:
        self._cancel_timer()
        if self._lease is not None:
            self._door.give_back(self._lease)
        for subscription in self._subscriptions.values():
            subscription.stop()
        self._subscriptions.clear()
        current = asyncio.current_task()
        for task in self._tasks.values():
            if task is not current:
                task.cancel()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Outlet:
    """Where the answers of one subscription go."""

    __slots__ = ("_connection", "_head", "_id")

    def __init__(self, connection: Connection, id: str) -> None:
        self._connection = connection
        self._id = id
        self._head = next_head(id)

    def next(self, answer: Sent) -> None:
        self._connection.send_next(self._head, answer)

    def refuse(self, errors: list[dict[str, Any]]) -> None:
        self._connection.finish(self._id, error_message(self._id, errors))

    def complete(self) -> None:
        self._connection.finish(self._id, complete_message(self._id))

    async def drained(self) -> None:
        await self._connection.drained()


def _reason(error: WatchwordError) -> str:
    if isinstance(error, InvalidToken):
        return error.message
    if isinstance(error, NonceNeeded):
        # The only place in which a browser would see it; it fits, and the client can take it out.
        return f"use_dpop_nonce: {error.nonce}"
    return Ending.EXPIRED.reason if error.code == Ending.EXPIRED.code else error.message
