"""The app under test on the host's event loop: started, served in process and over the network, and stopped."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from inspect import isawaitable
from typing import TypeVar

import httpx2
import uvicorn

from watchword.auth.revocation.identity_events import STREAM
from watchword.cli.serve import config
from watchword.config.settings import Settings
from watchword.errors import Unsafe
from watchword.testing.caller import Identity, Line
from watchword.testing.clock import MovedClock
from watchword.testing.lifespan import started
from watchword.testing.mounted import Target
from watchword.testing.people import People
from watchword.testing.sockets import NetworkSocket, ProcessSocket, Socket
from watchword.transaction import Transaction
from watchword.transports.front import GRAPHQL

T = TypeVar("T")
# Turns of the event loop in which `_until` looks without a pause, and the seconds between those that follow.
EAGER, PAUSE = 100, 0.001
LEAST = 200
# Seconds within which revocations must have been heard.
PATIENCE = 10.0
# Seconds that clients get to read what is written to them, before the clock is moved.
SENDING = 1.0
WAYS = ("process", "sockets")


class Service:
    """One app in one test."""

    def __init__(self, tested: Target, settings: Settings, clock: MovedClock, over: str) -> None:
        if over not in WAYS:
            raise ValueError(f"Callers reach the app over {' or '.join(WAYS)}, not over {over!r}.")
        self.watchword = tested.watchword
        self.path = tested.path
        self.clock = clock
        self._app = tested.app
        self._settings = settings
        self._over = over
        self._opened = asyncio.Event()
        self._closing = asyncio.Event()
        self._origin = ""

    async def open(self) -> None:
        """Start the app. Raises what the app raises."""
        self._running = asyncio.create_task(self._run())
        opening = asyncio.create_task(self._opened.wait())
        await asyncio.wait({self._running, opening}, return_when=asyncio.FIRST_COMPLETED)
        opening.cancel()
        if self._running.done():
            self._running.result()

    async def close(self) -> None:
        """Stop the app. Raises what the app raises."""
        self._closing.set()
        await self._running

    async def _run(self) -> None:
        # One task enters and leaves everything, as task groups in lifespans demand.
        async with AsyncExitStack() as stack:
            self._stack = stack
            stack.enter_context(self.watchword.replaced(self._settings, self.clock))
            self._app = await stack.enter_async_context(started(self._app))
            if not self.watchword.is_open:
                raise Unsafe(
                    "The app has started, and Watchword in it has not: its lifespan must be passed on."
                    " FastAPI(lifespan=watchword.lifespan), or `async with watchword.lifespan(app)` in a lifespan of"
                    " your own."
                )
            self._pipeline = self.watchword.pipeline
            self.people = People(self._pipeline.services)
            await self.people.open()
            self.line = await self._make_line(stack)
            self._opened.set()
            await self._closing.wait()

    async def _make_line(self, stack: AsyncExitStack) -> Line:
        origin = await self.listen() if self._over == "sockets" else self._settings.own_origin
        transport = httpx2.ASGITransport(self._app) if self._over == "process" else None
        http = httpx2.AsyncClient(transport=transport, base_url=origin, timeout=PATIENCE)
        return Line(
            await stack.enter_async_context(http),
            f"{self.path}{GRAPHQL}",
            self._connect,
            self._settle,
            self.people.renew,
        )

    async def _connect(self) -> Socket:
        path = f"{self.path}{GRAPHQL}"
        if self._over == "sockets":
            return await NetworkSocket.open(f"{self._origin}{path}")
        return ProcessSocket(self._app, httpx2.URL(self._settings.own_origin).netloc.decode(), path)

    async def move(self, seconds: float) -> None:
        """Move the clock from one timer to the next.

        Before each, clients are sent what was written to them. Otherwise they would seem not to read for so long.
        """
        clock, live, ends_at = self.clock, self._pipeline.live, self.clock.now() + seconds

        def is_sent() -> bool:
            return all(each.is_sent for each in live)

        while (next_at := clock.next_at) is not None and next_at <= ends_at:
            await _until(is_sent, SENDING)
            clock.move(max(0.0, next_at - clock.now()))
        clock.move(ends_at - clock.now())

    async def listen(self) -> str:
        """Serve the app on a free port, if it is not yet; return its origin."""
        if not self._origin:
            self._origin = await self._stack.enter_async_context(
                _listening(self._app, self._settings, self.clock)
            )
        return self._origin

    async def sign_in(self, email: str, password: str) -> Identity:
        """Sign in by the route for it."""
        said = {"email": email, "password": password, "delivery": "body"}
        answer = await self.line.http.post(f"{self.path}/api/auth/login", json=said)
        if answer.status_code != 200:
            raise AssertionError(
                f"The sign-in of {email} was refused with {answer.status_code}: {answer.text}"
            )
        told = answer.json()
        return await self.people.identity(email, told["access_token"], told["refresh_token"])

    async def revoke(self, session: str) -> None:
        """End a session, and wait until this process has heard of it."""
        await self.people.revoke(session)
        await self._heard()

    async def disable(self, account: str) -> None:
        """Disable an account, and wait until this process has heard of it."""
        await self.people.disable(account)
        await self._heard()

    async def set_roles(self, account: str, roles: Collection[str]) -> None:
        """Replace the roles of an account, and wait until this process has heard of it."""
        await self.people.set_roles(account, roles)
        await self._heard()

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a function in a transaction."""
        async with self.people.transaction() as unit:
            working = work(unit)
            if not isawaitable(working):
                raise TypeError("`write` takes an async function: `async def fill(unit): …`.")
            return await working

    async def _heard(self) -> None:
        hub = self._pipeline.services.hub
        if not await _until(lambda: hub.is_read(STREAM), PATIENCE):
            raise AssertionError("The server does not hear of revocations.")

    async def _settle(self, session: str, seconds: float) -> bool:
        """Wait until the live connections of a session are quiet; tell whether they are after so many seconds."""
        # Brings what other processes have committed.
        await self._pipeline.services.hub.look()
        hub, live = self._pipeline.services.hub, self._pipeline.live

        def is_quiet() -> bool:
            mine = [each for each in live if (each.session or "") == session]
            return hub.is_whole and all(each.is_quiet for each in mine)

        return await _until(is_quiet, seconds)


async def _until(is_so: Callable[[], bool], seconds: float) -> bool:
    """Let the event loop run until a condition holds; tell whether it does after so many seconds.

    The loop turns at least `LEAST` times, however slow the machine is.
    """
    loop = asyncio.get_running_loop()
    ends_at, turns = loop.time() + seconds, 0
    while not is_so():
        if turns > LEAST and loop.time() > ends_at:
            return False
        turns += 1
        await asyncio.sleep(0 if turns < EAGER else PAUSE)
    return True


@asynccontextmanager
async def _listening(app: object, settings: Settings, clock: MovedClock) -> AsyncIterator[str]:
    """Serve an app on a free port for a block, as `watchword serve` does; yield its origin."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config(app, settings, lifespan="off", interface="asgi3"))
        serving = asyncio.create_task(server.serve([listener]))

        def is_over() -> bool:
            # Connections end by timers, at once, but the clock stands still.
            clock.move(0)
            return serving.done()

        try:
            if not await _until(lambda: server.started or serving.done(), PATIENCE):
                raise TimeoutError("The server does not start.")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await _until(is_over, PATIENCE)
            await serving
