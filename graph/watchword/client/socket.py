"""One connection to the server: gql's transport for graphql-transport-ws, with Watchword's renewal."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from gql import GraphQLRequest
from gql.transport.exceptions import (
    TransportClosed,
    TransportError,
    TransportProtocolError,
)
from gql.transport.websockets import WebsocketsTransport
from graphql import ExecutionResult
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from watchword.client.server import GRAPHQL, Server, Token

# Bytes of the longest message that is accepted.
LONGEST_MESSAGE = 16 << 20
# Bytes that may wait to be sent. gql drops answers that arrive while it waits to send a subscription.
LONGEST_UNSENT = 16 << 20
# Answers to one subscription that may wait for their reader.
MOST_UNREAD = 1_000
# websockets and gql write messages, and the tokens in them, to their logs of level DEBUG.
_FRAMES = logging.Logger("watchword.client.frames", logging.WARNING)
_MESSAGES = logging.getLogger("gql.transport.common.base")
_NONCE = re.compile(r"use_dpop_nonce: (\S+)")


@dataclass(frozen=True, slots=True)
class Close:
    """Why a connection has ended. `code` is None if it was cut or never made; `status` is of a refused handshake."""

    code: int | None
    reason: str
    status: int | None = None

    @property
    def nonce(self) -> str | None:
        """The nonce that proofs need (RFC 9449, section 8), if that is why."""
        found = _NONCE.fullmatch(self.reason)
        return found[1] if found else None

    @property
    def is_ended(self) -> bool:
        """Whether an administrator has ended the connection, which must not come back on its own."""
        return self.reason == "ended by an administrator"


OWN = Close(None, "closed by this client")


class Behind(Exception):
    """The reader of a subscription was too slow; the subscription was ended, and can be resumed."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a subscription stands before its first event. Resumed with this cursor, it misses nothing."""

    cursor: str


Item = ExecutionResult | Position


class _Payloads(dict[str, Any]):
    """gql's record of the last payload of each type of message, which tells of each as it comes."""

    def __init__(self, tell: Callable[[str, Any], None]) -> None:
        super().__init__()
        self._tell = tell

    def __setitem__(self, kind: str, payload: Any) -> None:
        super().__setitem__(kind, payload)
        self._tell(kind, payload)


class _Direct(ClientConnection):
    """A connection that follows no redirect: another server would get the token, which is in a message."""

    async def handshake(self, *given: Any, **named: Any) -> None:
        try:
            await super().handshake(*given, **named)
        except InvalidStatus as error:
            # websockets follows a refusal that has a location.
            error.response.headers.pop("Location", None)
            raise


class Socket:
    """A connection. `token` is the one that it has now; `closed` says why it has ended, if it has.

    `keeping` is the task that renews its token, and is cancelled when the connection ends.
    """

    def __init__(self, server: Server, token: Token | None) -> None:
        self.token = token
        self.closed: Close | None = None
        self.opened_at = server.now()
        self.keeping: asyncio.Task[None] | None = None
        self._server = server
        self._failing: asyncio.Task[None] | None = None
        self._unread: dict[str, asyncio.Queue[Item | Exception | None]] = {}
        self._transport = WebsocketsTransport(
            server.socket_url,
            init_payload=server.credential(token, "GET", GRAPHQL),
            ssl=server.ssl or False,
            # If the connection has ended, gql's own answer fails in a task that nobody awaits.
            answer_pings=False,
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            connect_args={
                "max_size": LONGEST_MESSAGE,
                "write_limit": LONGEST_UNSENT,
                "logger": _FRAMES,
                "create_connection": _Direct,
            },
        )
        _MESSAGES.addFilter(_has_no_token)
        self._transport.payloads = _Payloads(self._take)

    async def open(self) -> None:
        """Connect, and wait for the acknowledgement. If that fails, `closed` says why."""
        try:
            await self._transport.connect()
            self._watch_reader()
        except (TransportError, TimeoutError, OSError) as error:
            await self._end(error)
        except BaseException:
            await self._transport.close()
            raise

    def _watch_reader(self) -> None:
        """End the connection if gql's reader fails: it knows errors of the protocol, and no other nonsense."""
        reader = self._transport.receive_data_task
        assert reader is not None, "gql reads as soon as it has connected"
        reader.add_done_callback(self._reader_ended)

    def _reader_ended(self, reader: asyncio.Future[Any]) -> None:
        error = None if reader.cancelled() else reader.exception()
        if error is not None:
            nonsense = TransportProtocolError(f"The server's message makes no sense: {error}")
            self._failing = asyncio.create_task(self._end(nonsense))

    async def close(self, why: Close = OWN) -> None:
        """Close the connection. Does nothing to one that has ended."""
        if self.closed is None:
            self.closed = why
            await self._leave()

    async def asked_to_renew(self) -> None:
        """Wait until the server asks for a new token, with a `ping`."""
        await self._transport.ping_received.wait()
        self._transport.ping_received.clear()
        with suppress(TransportError):
            await self._transport.send_pong()

    async def renew(self, token: Token | None) -> None:
        """Give the server a new token on this connection."""
        self.token = token
        with suppress(TransportError):
            await self._transport.send_ping(self._server.credential(token, "GET", GRAPHQL))

    async def answers(self, request: GraphQLRequest) -> AsyncGenerator[Item, None]:
        """Subscribe, and yield the answers, and the position if it was asked for. Raises `Behind`, and gql's `TransportError`.

        After any error but a `TransportQueryError`, `closed` says why the connection has ended.
        """
        read: asyncio.Queue[Item | Exception | None] = asyncio.Queue()
        reading = asyncio.create_task(self._read(request, read))
        try:
            while (item := await read.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            reading.cancel()
            await asyncio.wait({reading})

    async def _read(
        self, request: GraphQLRequest, unread: asyncio.Queue[Item | Exception | None]
    ) -> None:
        """Put each answer into the queue, and at the end the error or None."""
        end: Exception | None = None
        # gql takes this id for the next subscription, before it awaits anything.
        id = str(self._transport.next_query_id)
        self._unread[id] = unread
        try:
            async with aclosing(self._transport.subscribe(request)) as answers:
                async for answer in answers:
                    unread.put_nowait(answer)
                    if unread.qsize() >= MOST_UNREAD:
                        end = Behind()
                        break
            # gql completes all subscriptions of a connection that this side closes.
            if self.closed is not None:
                end = TransportClosed(self.closed.reason)
        except (TransportError, TimeoutError, OSError) as error:
            end = error
            if not getattr(error, "errors", None):
                await self._end(error)
        finally:
            self._unread.pop(id, None)
        unread.put_nowait(end)

    def _take(self, kind: str, payload: Any) -> None:
        """Take the `pong` that tells where a subscription stands."""
        if kind != "pong" or not isinstance(payload, dict):
            return
        unread, cursor = self._unread.get(str(payload.get("id"))), payload.get("cursor")
        if unread is not None and isinstance(cursor, str):
            unread.put_nowait(Position(cursor))

    async def _end(self, error: Exception) -> None:
        if self.closed is None:
            self.closed = _close(error)
            await self._leave()

    async def _leave(self) -> None:
        if self.keeping is not None:
            self.keeping.cancel()
        with suppress(TransportError, TimeoutError, OSError):
            await self._transport.close()


def _has_no_token(record: logging.LogRecord) -> bool:
    return '"authorization"' not in record.getMessage()


def _close(error: BaseException) -> Close:
    """Return why a connection has ended, from the error of gql and those that caused it."""
    for cause in _causes(error):
        if isinstance(cause, ConnectionClosed):
            # A close that this side began (a message that is too long) was not received.
            frame: Any = cause.rcvd or cause.sent
            return Close(None, "cut") if frame is None else Close(frame.code, frame.reason)
        if isinstance(cause, InvalidStatus):
            status = cause.response.status_code
            return Close(None, f"the handshake was answered by {status}", status)
    return Close(None, str([*_causes(error)][-1]) or type(error).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__
