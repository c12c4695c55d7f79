"""The WebSocket transport: does the I/O for the protocol in `protocol.py`.

The client's messages are handled one after the other. `operations.py` runs its operations, and `lifecycle.py`
ends the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from watchword.asgi import generic
from watchword.asgi.types import Message, Receive, Send, address_of, is_same_origin
from watchword.asgi.views import ConnectionView
from watchword.asgi.wire import SocketWire
from watchword.connections.live import Subscribed, Transport
from watchword.errors import Ending, InvalidToken, NonceNeeded, RateLimited, WatchwordError
from watchword.execution.masking import mask
from watchword.formats.packed_json import PackedObject
from watchword.principal import Principal
from watchword.process import log_context
from watchword.tokens.credential import (
    BEARER,
    DPOP,
    Credential,
    from_handshake,
    from_payload,
    in_url,
    without_credentials,
)
from watchword.tokens.dpop import Target
from watchword.transports.lifecycle import Lifecycle
from watchword.transports.pipeline import Pipeline, check_renewal
from watchword.transports.state import ConnectionState, Transition
from watchword.transports.traffic import LOST, SOCKET
from watchword.transports.websocket.expiry import expiry
from watchword.transports.websocket.operations import Operations
from watchword.transports.websocket.protocol import (
    SUBPROTOCOL,
    Close,
    CloseCode,
    CloseSoon,
    GraphQLTransportWS,
    Initialise,
    Renew,
    Reply,
    Start,
    Stop,
    ack_message,
    close,
    ping_message,
    pong_message,
)

# A global name is found faster than a member of an enumeration, and each delivery looks it up.
CLOSED = ConnectionState.CLOSED
TOO_FAST = close(1008, "too many messages")


class WebSocketTransport:
    """The ASGI endpoint for `websocket` scopes at /graphql."""

    def __init__(
        self, pipeline: Pipeline, connect: Callable[..., SocketConnection] | None = None
    ) -> None:
        """`connect` makes a `SocketConnection` from what that takes."""
        self._pipeline = pipeline
        self._connect = connect or SocketConnection

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        settings = self._pipeline.settings
        is_ours = is_same_origin(scope, settings.our_origins)
        if not is_ours or in_url(scope["query_string"]):
            self._pipeline.traffic.refused(SOCKET, 1008)
            await send({"type": "websocket.close", "code": 1008})
        elif SUBPROTOCOL not in scope["subprotocols"]:
            # The protocol has a close code for this, so the socket must be accepted first. The legacy
            # subprotocol graphql-ws is refused on purpose: in other servers it bypassed authentication.
            await send({"type": "websocket.accept"})
            refusal = close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            self._pipeline.traffic.refused(SOCKET, refusal.code)
            await send(_message(refusal))
        else:
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        address = address_of(scope["client"])
        try:
            slot = self._pipeline.connections.take(address)
        except RateLimited as error:
            self._pipeline.traffic.refused(SOCKET, error.close_code)
            await send(_message(close(error.close_code, error.message)))
            return
        log_context.connection.set(log_context.new_id())
        with slot:
            wire = generic.socket(scope, receive, send, self._pipeline.shutdown)
            await self._connect(self._pipeline, scope, wire, address).run()


class SocketConnection:
    """One accepted socket."""

    __slots__ = (
        "_code",
        "_pipeline",
        "_scope",
        "_lifecycle",
        "_operations",
        "_pace",
        "_protocol",
        "_target",
        "_wire",
        "packing",
    )

    def __init__(
        self,
        pipeline: Pipeline,
        scope: Message,
        wire: SocketWire,
        address: str,
    ) -> None:
        self._pipeline = pipeline
        # The code with which the server closed the socket.
        self._code: int | None = None
        self._scope: Any = scope
        # RFC 6455, section 1.3: a socket begins as a GET, and proofs are made for that request.
        self._target = Target("GET", scope["path"], is_socket=True, address=address)
        self._wire = wire
        self.packing = wire.packing
        self._lifecycle = Lifecycle(pipeline, wire, self, ConnectionState.AWAITING_INIT)
        self._protocol = GraphQLTransportWS(self._lifecycle)
        ceiling = pipeline.ceiling
        self._pace = ceiling.pace()
        self._operations = self._make_operations(
            pipeline, self, self._lifecycle, address, self._renew_by_mutation
        )
        self._lifecycle.call_later(ceiling.most("init_timeout"), self._time_out)

    def _make_operations(self, *parts: Any) -> Operations:
        return Operations(*parts)

    async def run(self) -> None:
        """Serve the socket until either side closes it."""
        traffic, code = self._pipeline.traffic, None
        traffic.opened(SOCKET)
        try:
            while (message := await self._wire.receive())["type"] == "websocket.receive":
                if self._lifecycle.state is not CLOSED:
                    await self._handle(message)
            code = message.get("code")
        finally:
            traffic.ended(SOCKET, self._code or code or LOST)
            self._lifecycle.close()
            self._operations.close()
            self._wire.release()

    # From the client.

    async def _handle(self, message: Message) -> None:
        if not self._pace.is_kept(self._pipeline.services.clock.now()):
            self._close(TOO_FAST)
            return
        text = message.get("text")
        match self._protocol.receive(text if text is not None else message.get("bytes")):
            case Initialise(payload):
                await self._initialise(payload)
            case Renew(payload):
                await self._renew(payload)
            case Start(id, request):
                self._operations.start(id, request)
            case Stop(id):
                self._operations.stop(id)
            case Reply(text):
                self.send(text)
            case CloseSoon():
                self._lifecycle.finish()
            case Close() as closing:
                self._close(closing)

    async def _initialise(self, payload: dict[str, Any] | None) -> None:
        try:
            credential = from_handshake(self._scope["headers"], payload)
            principal = await self._pipeline.authenticate(credential, self._target)
            # The server may have closed the socket meanwhile.
            if self._lifecycle.go(Transition.OPEN):
                kept = self._kept(without_credentials(payload))
                self._operations.via = ConnectionView(self._scope, kept, self._lifecycle.id)
                self._scope = None
                self._lifecycle.take_lease(principal)
                self.send(ack_message(expiry(self._lifecycle.lease)))
        except Exception as error:
            self._close(_closing(error))

    def _kept(self, payload: dict[str, Any] | None) -> PackedObject | None:
        """Return what is kept for resolvers. Raises `BadUserInput` if it takes too much memory."""
        if payload is None:
            return None
        packed = PackedObject(payload)
        self._pipeline.ceiling.check("kept_bytes", packed.size, "The payload of connection_init")
        return packed

    async def _renew(self, payload: dict[str, Any]) -> None:
        try:
            credential = from_payload(payload)
            if credential is not None:
                await self._renew_lease(credential)
        except Exception as error:
            self._close(_closing(error))
        else:
            self.send(pong_message(None if credential is None else expiry(self._lifecycle.lease)))

    async def _renew_by_mutation(self, token: str, proof: str | None) -> Principal:
        try:
            return await self._renew_lease(
                Credential(token, BEARER if proof is None else DPOP, proof)
            )
        except WatchwordError as error:
            self._close(_closing(error))
            raise

    async def _renew_lease(self, credential: Credential) -> Principal:
        principal = await self._pipeline.authenticate(credential, self._target)
        check_renewal(self._lifecycle.lease.principal, principal)
        self._lifecycle.lease.renew(principal)
        return principal

    # To the client.

    def send(self, *parts: bytes) -> None:
        if self._lifecycle.state is not CLOSED:
            self._wire.send_text(*parts)

    def send_packed(self, packed: Any) -> None:
        if self._lifecycle.state is not CLOSED:
            self._wire.send_packed(packed)

    def forget(self, id: str) -> None:
        self._protocol.finish(id)

    async def drained(self) -> None:
        await self._wire.drained()

    # The owner of its lifecycle.

    def ended(self, ending: Ending) -> None:
        self._close(close(ending.close_code, ending.reason))

    def reminded(self) -> None:
        self.send(ping_message(expiry(self._lifecycle.lease) or {}))

    def regranted(self) -> None:
        self._operations.regrant()

    @property
    def address(self) -> str:
        return self._operations.address

    @property
    def transport(self) -> Transport:
        return Transport.WEBSOCKET

    @property
    def subscriptions(self) -> Iterable[Subscribed]:
        return self._operations.subscriptions

    @property
    def is_busy(self) -> bool:
        return self._operations.is_busy

    @property
    def is_quiet(self) -> bool:
        return self._operations.is_quiet

    def _time_out(self) -> None:
        self._close(close(CloseCode.INIT_TIMEOUT, "Connection initialisation timeout"))

    def _close(self, closing: Close) -> None:
        """Close, once. No operation gets its own `complete` or `error`, so that the client can resume them."""
        if self._lifecycle.close():
            self._code = closing.code
            self._wire.send_close(closing.code, closing.reason)
            self._operations.close()


def _message(closing: Close) -> Message:
    return {"type": "websocket.close", "code": closing.code, "reason": closing.reason}


def _closing(error: Exception) -> Close:
    """Return the close code and reason for a credential that was refused."""
    if isinstance(error, WatchwordError):
        return close(error.close_code, _reason(error))
    return close(1011, mask(error).message)


def _reason(error: WatchwordError) -> str:
    if isinstance(error, InvalidToken):
        return error.message
    if isinstance(error, NonceNeeded):
        # A browser shows a page only the code and the reason of a close, so the nonce is in the reason. It fits.
        return f"use_dpop_nonce: {error.nonce}"
    return Ending.EXPIRED.reason if error.code == Ending.EXPIRED.code else error.message
