"""graphql-transport-ws, the server's side, as a state machine without I/O.

Written from https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. For each message it returns
one value, which says what `websocket.py` has to do. It raises nothing, whatever the message is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from json import JSONDecodeError
from typing import Any

import orjson

from watchword.errors import BadUserInput, InvalidToken
from watchword.formats.exact_json import decode, encode
from watchword.tokens import refusals
from watchword.tokens.members import members
from watchword.transports.request import GraphQLRequest, read
from watchword.transports.state import ConnectionState, StateMachine, Transition

SUBPROTOCOL = "graphql-transport-ws"
# RFC 6455, section 5.5: a control frame holds 125 bytes, two of them the code.
LONGEST_REASON = 123
NEXT_TAIL = b"}"
# Messages that may carry a credential. Duplicate members are refused in them, as duplicate headers are in a
# request: a proxy could have checked the other one.
WITH_CREDENTIAL = ("connection_init", "ping")


class CloseCode(int, Enum):
    """The close codes that the protocol itself names."""

    BAD_MESSAGE = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INIT_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITS = 4429


@dataclass(frozen=True, slots=True)
class Initialise:
    """Authenticate, then send `ack_message`."""

    payload: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Renew:
    """Renew the lease if there is a credential in the payload; answer with `pong_message`."""

    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Start:
    """Run an operation."""

    id: str
    request: GraphQLRequest


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop an operation, because the client has sent `complete`."""

    id: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Send a message."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the socket; `reason` fits a frame."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class CloseSoon:
    """Close soon: the client has asked for an operation, but the server is stopping and starts none."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to do."""


Step = Initialise | Renew | Start | Stop | Reply | CloseSoon | Close | Nothing


class _Bad(Exception):
    """The message violates the protocol."""


class GraphQLTransportWS:
    """Decides about each message of one socket, by its state and its open operations."""

    __slots__ = ("_machine", "operations")

    def __init__(self, machine: StateMachine) -> None:
        self._machine = machine
        self.operations: set[str] = set()

    def receive(self, data: str | bytes | None) -> Step:
        """Handle the content of one frame. Returns what `websocket.py` has to do."""
        try:
            message = _decode(data)
            kind = message.get("type")
            handler = self._handlers.get(kind) if isinstance(kind, str) else None
            if handler is None:
                raise _Bad("'type' must be connection_init, ping, pong, subscribe or complete")
            return handler(self, message)
        except _Bad as fault:
            return close(CloseCode.BAD_MESSAGE, f"Invalid message: {fault}")

    def finish(self, id: str) -> None:
        """Forget an operation that the server has ended. The client may use its id again."""
        self.operations.discard(id)

    def _initialise(self, message: dict[str, Any]) -> Step:
        if self._machine.state is not ConnectionState.AWAITING_INIT:
            return close(CloseCode.TOO_MANY_INITS, "Too many initialisation requests")
        payload = _payload(message)
        self._machine.go(Transition.INIT)
        return Initialise(payload)

    def _ping(self, message: dict[str, Any]) -> Step:
        payload = _payload(message)
        if payload and self._machine.is_open:
            return Renew(payload)
        return Reply(pong_message(None))

    def _pong(self, message: dict[str, Any]) -> Step:
        _payload(message)
        return Nothing()

    def _subscribe(self, message: dict[str, Any]) -> Step:
        if not self._machine.is_open:
            return close(CloseCode.UNAUTHORIZED, "Unauthorized")
        id = _id(message)
        try:
            request = read(message.get("payload"))
        except BadUserInput as error:
            raise _Bad(f"'payload': {error.message}") from error
        if id in self.operations:
            return close(CloseCode.SUBSCRIBER_EXISTS, f"Subscriber for {id} already exists")
        if self._machine.state is not ConnectionState.OPEN:
            return CloseSoon()
        self.operations.add(id)
        return Start(id, request)

    def _complete(self, message: dict[str, Any]) -> Step:
        id = _id(message)
        if id not in self.operations:
            return Nothing()
        self.operations.discard(id)
        return Stop(id)

    _handlers: dict[str, Callable[[GraphQLTransportWS, dict[str, Any]], Step]] = {
        "connection_init": _initialise,
        "ping": _ping,
        "pong": _pong,
        "subscribe": _subscribe,
        "complete": _complete,
    }


def next_head(id: str) -> bytes:
    """Return the part of a `next` message before the answer's JSON; `NEXT_TAIL` is the part after it."""
    return f'{{"id":{_quote(id)},"type":"next","payload":'.encode()


def ack_message(payload: dict[str, Any] | None) -> bytes:
    """Return `connection_ack`, with the connection's expiry as payload."""
    return _message("connection_ack", payload)


def ping_message(payload: dict[str, Any]) -> bytes:
    """Return `ping`, with the connection's expiry as payload: it asks the client to renew."""
    return orjson.dumps({"type": "ping", "payload": payload})


def pong_message(payload: dict[str, Any] | None) -> bytes:
    """Return `pong`; after a renewal, with the new expiry as payload."""
    return _message("pong", payload)


def position_message(id: str, cursor: str) -> bytes:
    """Return the `pong` that says where a subscription stands. The protocol allows one that nobody asked for."""
    return orjson.dumps({"type": "pong", "payload": {"id": id, "cursor": cursor}})


def error_message(id: str, errors: list[dict[str, Any]]) -> bytes:
    """Return `error`, which ends the operation and nothing else."""
    return encode({"id": id, "type": "error", "payload": errors})


def complete_message(id: str) -> bytes:
    """Return `complete`."""
    return orjson.dumps({"id": id, "type": "complete"})


def close(code: int, reason: str) -> Close:
    """Return a close. Its reason is cut, at the end of a character, to the length that a frame can hold."""
    return Close(
        int(code), reason.encode(errors="replace")[:LONGEST_REASON].decode(errors="ignore")
    )


def _message(kind: str, payload: dict[str, Any] | None) -> bytes:
    return orjson.dumps({"type": kind} if payload is None else {"type": kind, "payload": payload})


def _quote(id: str) -> str:
    return orjson.dumps(id).decode()


def _decode(data: str | bytes | None) -> dict[str, Any]:
    if not isinstance(data, str):
        raise _Bad("not a text message")
    try:
        message = decode(data)
    except JSONDecodeError as error:
        raise _Bad("not JSON, or nested too deeply") from error
    if not isinstance(message, dict):
        raise _Bad("not a JSON object")
    return _unambiguous(data) if message.get("type") in WITH_CREDENTIAL else message


def _unambiguous(data: str) -> dict[str, Any]:
    # Of duplicate members orjson keeps the last. A proxy may have checked the first.
    try:
        return members(data.encode())
    except InvalidToken as error:
        refusals.note("message that may hold a credential", error.rule)
        raise _Bad("a member is repeated, or a number is out of range") from error


def _payload(message: dict[str, Any]) -> dict[str, Any] | None:
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise _Bad("'payload' must be an object or null")
    return payload


def _id(message: dict[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not id:
        raise _Bad("'id' must be a string that is not empty")
    return id
