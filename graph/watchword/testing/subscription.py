"""A subscription of a test: its answers one after the other, and certainty that no more come."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any

from watchword.testing.host import Host
from watchword.testing.outcome import Answer, Closed, Data, Problem, answer_of, data_of, problems_of
from watchword.testing.sockets import Socket

# Seconds that a test waits for what must come, before it fails.
PATIENCE = 10.0
# Seconds that a subscription may take to begin, if its resolver follows no stream and has said nothing.
BEGINNING = 0.2
ID = "1"
CLOSED = "The subscription is closed: use it inside of its `with` block."


class LiveSubscription:
    """A subscription on a socket of its own. Used on the host's event loop."""

    def __init__(
        self,
        document: str,
        variables: dict[str, Any],
        settled: Callable[[float], Awaitable[bool]],
        renewed: Callable[[], Awaitable[str]],
    ) -> None:
        """`settled` waits for so many seconds, or until every subscription of the same caller waits for events that have
        not happened, and tells which. `renewed` returns a new token of the caller."""
        self.document = document
        self.variables = variables
        self.cursor: str | None = None
        self.is_complete = False
        self.refused: tuple[Problem, ...] = ()
        self.closed: Closed | None = None
        self.reminders = 0
        self._settled = settled
        self._renewed = renewed
        self._answers: deque[Answer] = deque()
        self._acknowledged = False
        self._pings = self._pongs = 0
        self._heard = asyncio.Condition()
        self._socket: Socket | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the server has ended it, or its connection."""
        return self.is_complete or bool(self.refused) or self.closed is not None

    async def open(self, socket: Socket, token: str | None, resume: str | None = None) -> None:
        """Begin: no event that happens afterwards is missed."""
        self._socket = socket
        self._reading = asyncio.create_task(self._read(socket))
        payload = {} if token is None else {"authorization": f"Bearer {token}"}
        await self._send({"type": "connection_init", "payload": payload})
        await self._until(lambda: self._acknowledged or self.closed, "acknowledge the connection")
        operation: dict[str, Any] = {"query": self.document, "variables": self.variables}
        if resume is not None:
            operation["extensions"] = {"resume": resume}
        await self._send({"type": "subscribe", "id": ID, "payload": operation})
        await self._catch_up()
        if not self._answers and not self.is_over:
            await self._settled(BEGINNING)

    async def close(self) -> None:
        """End it from this side."""
        if self._reading is not None and self._socket is not None:
            self._reading.cancel()
            await self._socket.close()
            await asyncio.wait({self._reading})
            self._socket = None

    async def next(self) -> Answer:
        """Wait for the next answer. Raises `AssertionError` if the subscription ends instead."""
        await self._until(lambda: self._answers or self.is_over, "send another answer")
        if self._answers:
            return self._answers.popleft()
        raise AssertionError(f"No answer comes: {self._end()}.")

    async def quiet(self) -> None:
        """Check that no answer waits and that none is being made."""
        if not await self._settled(PATIENCE) and not self.is_over:
            raise AssertionError(
                "It cannot be told whether more comes: the resolver does not wait for an event of"
                f" `info.context.follow`, and has not for {PATIENCE:g} seconds."
            )
        await self._catch_up()
        if self._answers:
            answer = self._answers[0]
            shown = answer.data if not answer.problems else [str(each) for each in answer.problems]
            raise AssertionError(f"Nothing more was to come, and this came: {shown}")
        if self.is_over:
            raise AssertionError(f"Nothing more comes, but because {self._end()}.")

    async def ended(self, what: str, is_so: Callable[[], Any]) -> None:
        """Wait for an end of one kind. Raises `AssertionError` for another one."""
        await self._until(lambda: self.is_over, what)
        # Over a network the close of a socket comes after the last message.
        if not is_so():
            raise AssertionError(f"The server was to {what}, and {self._end()}.")

    async def reminded(self) -> None:
        """Wait for the server's request to renew the token."""
        await self._until(lambda: self.reminders or self.is_over, "ask for a new token")
        if not self.reminders:
            raise AssertionError(f"The server does not ask for a new token: {self._end()}.")
        self.reminders -= 1

    async def renew(self) -> None:
        """Show a new token on the live connection."""
        await self._ping({"authorization": f"Bearer {await self._renewed()}"})
        if self.closed is not None:
            raise AssertionError(f"The renewal was refused: {self._end()}.")

    def _end(self) -> str:
        if self.refused:
            said = "; ".join(map(str, self.refused))
            return f"the server refused it with {said.rstrip('.')}"
        if self.closed is not None:
            return (
                f"the server closed the connection with {self.closed.code} {self.closed.reason!r}"
            )
        if self.is_complete:
            return "its resolver has ended"
        return "it goes on"

    async def _catch_up(self) -> None:
        """Receive everything that the server has sent so far."""
        await self._ping(None)

    async def _ping(self, payload: dict[str, Any] | None) -> None:
        await self._send(
            {"type": "ping"} if payload is None else {"type": "ping", "payload": payload}
        )
        self._pings += 1
        mine = self._pings
        await self._until(lambda: self._pongs >= mine or self.closed, "answer a ping")

    async def _send(self, message: dict[str, Any]) -> None:
        if self._socket is None:
            raise RuntimeError(CLOSED)
        await self._socket.send(json.dumps(message))

    async def _until(self, is_so: Callable[[], Any], what: str) -> None:
        if self._socket is None and not is_so():
            # What has arrived can be read after the block too.
            raise RuntimeError(CLOSED)
        try:
            async with asyncio.timeout(PATIENCE), self._heard:
                await self._heard.wait_for(lambda: bool(is_so()) or self._is_broken)
        except TimeoutError:
            raise AssertionError(
                f"The server did not {what} within {PATIENCE:g} seconds: {self._end()}."
            ) from None
        if self._is_broken and self._reading is not None:
            self._reading.result()

    @property
    def _is_broken(self) -> bool:
        """Whether reading has failed: the app raised an error."""
        reading = self._reading
        return reading is not None and reading.done() and self.closed is None

    async def _read(self, socket: Socket) -> None:
        try:
            while self.closed is None:
                message = await socket.receive()
                async with self._heard:
                    await self._take(socket, message)
                    self._heard.notify_all()
        finally:
            async with self._heard:
                self._heard.notify_all()

    async def _take(self, socket: Socket, message: str | Closed) -> None:
        if isinstance(message, Closed):
            self.closed = message
            return
        read = json.loads(message)
        match read["type"]:
            case "connection_ack":
                self._acknowledged = True
            case "next":
                answer = answer_of(read["payload"])
                self.cursor = answer.extensions.get("cursor", self.cursor)
                self._answers.append(answer)
            case "error":
                self.refused = problems_of(read["payload"])
            case "complete":
                self.is_complete = True
            case "ping":
                self.reminders += 1
                await socket.send('{"type": "pong"}')
            case "pong":
                self._pongs += 1


class Subscription:
    """A subscription, used inside of `async with caller.subscribe(…) as subscription`.

    Waiting for what does not come fails after 10 seconds, with a sentence that says what came instead.
    """

    def __init__(
        self, host: Host, live: LiveSubscription, opening: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        self._host = host
        self.live = live
        self._opening = opening

    async def __aenter__(self) -> Subscription:
        await self._host.reach(self._opening())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._host.reach(self.live.close())

    @property
    def cursor(self) -> str | None:
        """The cursor of the newest answer that has arrived; None before the first."""
        return self.live.cursor

    async def next(self) -> Data:
        """Return the data of the next answer. Raises `Failed` if it has errors, `AssertionError` if none comes."""
        return data_of(self.live.document, await self._host.reach(self.live.next()))

    async def quiet(self) -> None:
        """Check that nothing more comes: every event that has happened is handled, and its answer was taken.

        Waits for no time: the server is asked whether the resolver waits for the next event. Raises `AssertionError` with
        the answer if there is one, or if the subscription has ended.
        """
        await self._host.reach(self.live.quiet())

    async def closed(self) -> Closed:
        """Wait until the server closes the connection; return the code and the reason."""
        await self._host.reach(self.live.ended("close the connection", lambda: self.live.closed))
        assert self.live.closed is not None
        return self.live.closed

    async def refused(self) -> Problem:
        """Wait until the server ends the subscription with an error; return the error."""
        await self._host.reach(
            self.live.ended("refuse the subscription", lambda: self.live.refused)
        )
        return self.live.refused[0]

    async def completed(self) -> None:
        """Wait until the resolver has ended, and the server with it the subscription."""
        await self._host.reach(
            self.live.ended("complete the subscription", lambda: self.live.is_complete)
        )

    async def reminded(self) -> None:
        """Wait until the server asks for a new token on this connection."""
        await self._host.reach(self.live.reminded())

    async def renew(self) -> None:
        """Get a new token by the caller's refresh token, and show it on this connection."""
        await self._host.reach(self.live.renew())


class SyncSubscription:
    """A subscription, used inside of `with caller.subscribe(…) as subscription`: the methods of `Subscription`,
    not awaited."""

    def __init__(
        self, host: Host, live: LiveSubscription, opening: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        self._host = host
        self.live = live
        self._opening = opening

    def __enter__(self) -> SyncSubscription:
        self._host.call(self._opening())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._host.call(self.live.close())

    @property
    def cursor(self) -> str | None:
        """The cursor of the newest answer that has arrived; None before the first."""
        return self.live.cursor

    def next(self) -> Data:
        """Return the data of the next answer. Raises `Failed` if it has errors, `AssertionError` if none comes."""
        return data_of(self.live.document, self._host.call(self.live.next()))

    def quiet(self) -> None:
        """Check that nothing more comes, as `Subscription.quiet`."""
        self._host.call(self.live.quiet())

    def closed(self) -> Closed:
        """Wait until the server closes the connection; return the code and the reason."""
        self._host.call(self.live.ended("close the connection", lambda: self.live.closed))
        assert self.live.closed is not None
        return self.live.closed

    def refused(self) -> Problem:
        """Wait until the server ends the subscription with an error; return the error."""
        self._host.call(self.live.ended("refuse the subscription", lambda: self.live.refused))
        return self.live.refused[0]

    def completed(self) -> None:
        """Wait until the resolver has ended, and the server with it the subscription."""
        self._host.call(self.live.ended("complete the subscription", lambda: self.live.is_complete))

    def reminded(self) -> None:
        """Wait until the server asks for a new token on this connection."""
        self._host.call(self.live.reminded())

    def renew(self) -> None:
        """Get a new token by the caller's refresh token, and show it on this connection."""
        self._host.call(self.live.renew())
