"""Live subscriptions over one connection, which is renewed before its end and resumed after any cut."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from gql import GraphQLRequest
from gql.transport.exceptions import TransportError, TransportQueryError

from watchword.client.backoff import LONGEST, Backoff
from watchword.client.errors import (
    ClientError,
    SessionEnded,
    Unavailable,
    code_of,
    query_error,
    retry_after_of,
)
from watchword.client.session import Session, request_of
from watchword.client.socket import OWN, Behind, Close, Position, Socket

log = logging.getLogger("watchword.client")

FORBIDDEN, UNAUTHORIZED = 4403, 4401
# Close codes after which the same connection would be refused again.
_FATAL = {1008, 1009, 4400, 4406, 4409}
# Statuses of a handshake after which it may succeed later. Proxies answer these while a server is away.
_LATER = {401, 408, 425, 429}
# Errors of one operation after which it may succeed later.
_RETRIED = {"UNAVAILABLE", "TOKEN_NOT_YET_VALID", "DRAINING", "TOO_SLOW", "RATE_LIMITED"}
_REFUSED = {"TOKEN_EXPIRED", "TOKEN_REVOKED"}
# A second token that is refused before the acknowledgement will not be accepted either.
_MOST_REFUSALS = 2


@dataclass(frozen=True, slots=True)
class Update:
    """An answer to one event. `errors` are those of its fields; `cursor` resumes right after it."""

    data: Any
    errors: Sequence[Any] | None
    cursor: str | None


class Live:
    """The live subscriptions of a session, on one connection.

    `sleep` and `chance` are for tests: they wait for so many seconds, and return a number from 0 to 1.
    """

    def __init__(
        self,
        session: Session,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._session = session
        self._sleep = sleep
        self._backoff = Backoff(chance)
        self._opening = asyncio.Lock()
        self._socket: Socket | None = None
        self._cutting: asyncio.Task[None] | None = None
        self._refusals = 0
        self._is_closed = False
        self._pausing: set[asyncio.Future[object]] = set()
        self._forget = session.on_end(self._cut)

    async def __aenter__(self) -> Live:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection. Subscriptions that are read end with `ClientError`."""
        self._is_closed = True
        self._forget()
        self._end_pauses()
        if self._socket is not None:
            await self._socket.close()

    async def subscribe(
        self,
        document: str | GraphQLRequest,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        cursor: str | None = None,
        started: Callable[[], object] | None = None,
    ) -> AsyncGenerator[Update, None]:
        """Subscribe, and yield each update once, in order, for as long as the session may see them.

        After a cut it resumes behind the last update, or behind `cursor` in the beginning. Without a cursor,
        `started` is called when the server follows: what is fetched then leaves no gap. Raises `FetchAgain`
        if the server has no events from there any more, `SessionEnded`, `Refused`, gql's
        `TransportQueryError` if the server ends the subscription with an error, and `ClientError`.
        """
        while True:
            socket = await self._connection()
            request = request_of(document, variables, operation_name)
            place = {"position": True} if cursor is None else {"resume": cursor}
            request.extensions = {**(request.extensions or {}), **place}
            try:
                async with aclosing(socket.answers(request)) as answers:
                    async for answer in answers:
                        if isinstance(answer, Position):
                            if started is not None and cursor is None:
                                started()
                            cursor = cursor or answer.cursor
                            continue
                        cursor = (answer.extensions or {}).get("cursor", cursor)
                        yield Update(answer.data, answer.errors, cursor)
                return
            except Behind:
                if cursor is None:
                    raise ClientError("The reader is too slow, and there is no cursor.") from None
            except TransportQueryError as error:
                await self._recover(error, socket)
            except (TransportError, TimeoutError, OSError):
                _check(socket.closed)

    async def _recover(self, error: TransportQueryError, socket: Socket) -> None:
        """Prepare another attempt after an operation's error, or raise that error."""
        errors = error.errors or []
        code = code_of(errors)
        if code in _REFUSED:
            await socket.close(Close(FORBIDDEN, str(code)))
        elif code in _RETRIED:
            self._backoff.failed()
            await self._pause(self._backoff.pause(retry_after_of(errors)))
        else:
            raise query_error(errors) from None

    async def _connection(self) -> Socket:
        """Return the open connection, or open one. All subscriptions wait for the same attempts."""
        async with self._opening:
            while True:
                if self._is_closed:
                    raise ClientError("These live subscriptions were closed.")
                if self._socket is not None and self._socket.closed is None:
                    return self._socket
                if self._socket is not None:
                    ended, self._socket = self._socket, None
                    await self._learn(ended)
                await self._open()

    async def _open(self) -> None:
        """Try once to open a connection, with a fresh token. Waits before, after failures."""
        try:
            token = await self._session.token()
        except Unavailable as error:
            log.info("no token: %s", error)
            self._backoff.failed()
            await self._pause(self._backoff.pause(error.retry_after or 0.0))
            return
        socket = Socket(self._session.server, token)
        await socket.open()
        if self._is_closed:
            # `close` was called meanwhile, and did not know this connection: nobody else would end it.
            await socket.close()
            return
        self._socket = socket
        if socket.closed is None:
            self._refusals = 0
            socket.keeping = asyncio.create_task(self._keep(socket))
        elif socket.closed.code == UNAUTHORIZED:
            self._refusals += 1

    async def _learn(self, socket: Socket) -> None:
        """Draw the conclusions of a connection's end, and wait before the next one.

        Raises `SessionEnded` and `ClientError` if another attempt would not help.
        """
        close = socket.closed
        _check(close)
        if close is None or close is OWN:
            return
        if close.nonce is not None:
            self._session.server.take_nonce(close.nonce)
        elif close.code in (FORBIDDEN, UNAUTHORIZED):
            self._session.expire(socket.token)
        if self._refusals >= _MOST_REFUSALS:
            self._refusals = 0
            raise SessionEnded(f"The server accepts no token of this session: {close.reason}")
        if self._session.server.now() - socket.opened_at >= LONGEST:
            self._backoff.reset()
        self._backoff.failed()
        if close.code == FORBIDDEN and self._backoff.failures == 1:
            # The server asks for a new token; that it does so once is no reason to wait.
            return
        pause = self._backoff.pause()
        log.info("the connection ended (%s %s); again in %.1f s", close.code, close.reason, pause)
        await self._pause(pause)

    async def _keep(self, socket: Socket) -> None:
        """Renew the token on a connection, each time that the server asks."""
        while True:
            await socket.asked_to_renew()
            await self._renew(socket)

    async def _renew(self, socket: Socket) -> None:
        backoff = Backoff()
        while socket.closed is None:
            try:
                await socket.renew(await self._session.renew(socket.token))
                return
            except Unavailable as error:
                # The token is valid for a while. When it has ended, the server closes the connection.
                backoff.failed()
                await self._pause(backoff.pause(error.retry_after or 0.0))
            except ClientError as error:
                log.warning("the token cannot be renewed: %s", error)
                self._cut()
                return

    def _cut(self) -> None:
        """Close the connection soon. Its subscriptions then ask for a token, and learn why there is none."""
        self._end_pauses()
        if self._socket is not None:
            self._cutting = asyncio.create_task(self._socket.close())

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the session or of these subscriptions."""
        if self._is_closed:
            return
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        self._pausing.add(sleeping)
        try:
            await asyncio.wait({sleeping})
        finally:
            self._pausing.discard(sleeping)
            sleeping.cancel()
        if not sleeping.cancelled():
            sleeping.result()

    def _end_pauses(self) -> None:
        for sleeping in [*self._pausing]:
            sleeping.cancel()


def _check(close: Close | None) -> None:
    """Raise `ClientError` if the same connection would be refused again."""
    if close is None:
        return
    if close.is_ended:
        raise ClientError(f"The connection was {close.reason}. The session goes on.")
    is_final = close.status is not None and 300 <= close.status < 500 and close.status not in _LATER
    if is_final or close.code in _FATAL:
        raise ClientError(f"The server refuses the connection: {close.code or ''} {close.reason}")
