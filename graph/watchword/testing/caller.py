"""Callers of a test: a GraphQL and HTTP client with a token of its own, or without one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from watchword.formats.frozen_json import FrozenObject
from watchword.testing.host import Host
from watchword.testing.outcome import (
    LONGEST_SHOWN,
    Answer,
    Data,
    Problem,
    answer_of,
    data_of,
    refusal_of,
)
from watchword.testing.sockets import Socket
from watchword.testing.subscription import LiveSubscription, Subscription, SyncSubscription


@dataclass(slots=True)
class Identity:
    """A caller's account, one of its sessions, and the session's tokens. All are "" for an anonymous caller."""

    id: str = ""
    email: str = ""
    session: str = ""
    token: str = ""
    refresh_token: str = ""
    scopes: frozenset[str] | None = None
    """The scopes that its tokens carry; None for those of its roles."""
    claims: FrozenObject | None = None
    """The custom claims that its tokens carry; None for those of `Domain.claims`."""


@dataclass(frozen=True, slots=True)
class Line:
    """The ways to the app under test. Used on the host's event loop."""

    http: httpx2.AsyncClient
    graphql: str
    """The path of GraphQL."""
    socket: Callable[[], Awaitable[Socket]]
    settled: Callable[[str, float], Awaitable[bool]]
    """Waits for so many seconds until the live connections of a session are quiet; tells whether they are."""
    renew: Callable[[Identity], Awaitable[None]]
    """Replaces the tokens by the next ones of the session."""


class Calls:
    """What both kinds of callers do, on the host's event loop."""

    def __init__(self, line: Line, identity: Identity) -> None:
        self.line = line
        self.identity = identity

    async def request(self, method: str, path: str, options: dict[str, Any]) -> httpx2.Response:
        """Send an HTTP request with the caller's token."""
        headers = dict(options.pop("headers", None) or {})
        if self.identity.token:
            headers.setdefault("authorization", f"Bearer {self.identity.token}")
        return await self.line.http.request(method, path, headers=headers, **options)

    async def ask(self, document: str, variables: dict[str, Any]) -> Answer:
        """Run a query or a mutation."""
        body = {"query": document, "variables": variables}
        response = await self.request("POST", self.line.graphql, {"json": body})
        try:
            sent = response.json()
        except json.JSONDecodeError:
            sent = None
        if not isinstance(sent, dict) or not sent.keys() & {"data", "errors"}:
            raise AssertionError(
                f"{self.line.graphql} answered {response.status_code}, and not as GraphQL:"
                f" {response.text[:LONGEST_SHOWN]!r}"
            )
        return answer_of(sent, response.status_code)

    def subscription(self, document: str, variables: dict[str, Any]) -> LiveSubscription:
        """Return a subscription that has not begun."""

        async def settled(seconds: float) -> bool:
            return await self.line.settled(self.identity.session, seconds)

        async def renewed() -> str:
            await self.line.renew(self.identity)
            return self.identity.token

        return LiveSubscription(document, variables, settled, renewed)

    async def open(self, live: LiveSubscription, resume: str | None) -> None:
        """Begin a subscription."""
        await live.open(await self.line.socket(), self.identity.token or None, resume)

    async def renew(self) -> None:
        """Get the next tokens of the session."""
        await self.line.renew(self.identity)


class Named:
    """The identity of a caller."""

    def __init__(self, host: Host, calls: Calls) -> None:
        self._host = host
        self.calls = calls

    @property
    def id(self) -> str:
        """The id of its account, which is `info.context.principal.subject`; "" for an anonymous caller."""
        return self.calls.identity.id

    @property
    def email(self) -> str:
        """The e-mail address of its account; "" for an anonymous caller."""
        return self.calls.identity.email

    @property
    def token(self) -> str:
        """Its access token, for other clients; "" for an anonymous caller."""
        return self.calls.identity.token

    @property
    def refresh_token(self) -> str:
        """The refresh token of its session; "" for an anonymous caller."""
        return self.calls.identity.refresh_token

    def __repr__(self) -> str:
        return f"<{self.email or 'anonymous'}>"


class Caller(Named):
    """A caller, for tests with an event loop. Variables of a document are keyword arguments."""

    async def query(self, document: str, /, **variables: Any) -> Data:
        """Run a query, and return its data. Raises `Failed` if the answer has errors."""
        return data_of(document, await self.ask(document, **variables))

    async def mutate(self, document: str, /, **variables: Any) -> Data:
        """Run a mutation, and return its data. Raises `Failed` if the answer has errors."""
        return data_of(document, await self.ask(document, **variables))

    async def refusal(self, document: str, /, **variables: Any) -> Problem:
        """Run an operation that must fail, and return its first error. Raises `AssertionError` if it succeeds."""
        return refusal_of(document, await self.ask(document, **variables))

    async def ask(self, document: str, /, **variables: Any) -> Answer:
        """Run an operation, and return its whole answer: data, errors, extensions and status."""
        return await self._host.reach(self.calls.ask(document, variables))

    def subscribe(self, document: str, /, **variables: Any) -> Subscription:
        """Subscribe, for `async with`. In the block every event is received that happens after its beginning."""
        return self._subscribe(document, variables, None)

    def resume(self, subscription: Subscription) -> Subscription:
        """Subscribe again, right after the newest answer of another subscription."""
        live = subscription.live
        return self._subscribe(live.document, live.variables, live.cursor)

    def _subscribe(
        self, document: str, variables: dict[str, Any], resume: str | None
    ) -> Subscription:
        live = self.calls.subscription(document, variables)
        return Subscription(self._host, live, lambda: self.calls.open(live, resume))

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send an HTTP request with its token; `options` are those of `httpx2.AsyncClient.request`."""
        return await self._host.reach(self.calls.request(method, path, options))

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        """Send a GET request."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx2.Response:
        """Send a POST request."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> httpx2.Response:
        """Send a PUT request."""
        return await self.request("PUT", path, **options)

    async def delete(self, path: str, **options: Any) -> httpx2.Response:
        """Send a DELETE request."""
        return await self.request("DELETE", path, **options)

    async def renew(self) -> None:
        """Get a new token by its refresh token, as a client does before its token expires."""
        await self._host.reach(self.calls.renew())


class SyncCaller(Named):
    """A caller, for tests without an event loop: the methods of `Caller`, not awaited."""

    def query(self, document: str, /, **variables: Any) -> Data:
        """Run a query, and return its data. Raises `Failed` if the answer has errors."""
        return data_of(document, self.ask(document, **variables))

    def mutate(self, document: str, /, **variables: Any) -> Data:
        """Run a mutation, and return its data. Raises `Failed` if the answer has errors."""
        return data_of(document, self.ask(document, **variables))

    def refusal(self, document: str, /, **variables: Any) -> Problem:
        """Run an operation that must fail, and return its first error. Raises `AssertionError` if it succeeds."""
        return refusal_of(document, self.ask(document, **variables))

    def ask(self, document: str, /, **variables: Any) -> Answer:
        """Run an operation, and return its whole answer: data, errors, extensions and status."""
        return self._host.call(self.calls.ask(document, variables))

    def subscribe(self, document: str, /, **variables: Any) -> SyncSubscription:
        """Subscribe, for `with`. In the block every event is received that happens after its beginning."""
        return self._subscribe(document, variables, None)

    def resume(self, subscription: SyncSubscription) -> SyncSubscription:
        """Subscribe again, right after the newest answer of another subscription."""
        live = subscription.live
        return self._subscribe(live.document, live.variables, live.cursor)

    def _subscribe(
        self, document: str, variables: dict[str, Any], resume: str | None
    ) -> SyncSubscription:
        live = self.calls.subscription(document, variables)
        return SyncSubscription(self._host, live, lambda: self.calls.open(live, resume))

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send an HTTP request with its token; `options` are those of `httpx2.AsyncClient.request`."""
        return self._host.call(self.calls.request(method, path, options))

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """Send a GET request."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx2.Response:
        """Send a POST request."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx2.Response:
        """Send a PUT request."""
        return self.request("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> httpx2.Response:
        """Send a DELETE request."""
        return self.request("DELETE", path, **options)

    def renew(self) -> None:
        """Get a new token by its refresh token, as a client does before its token expires."""
        self._host.call(self.calls.renew())
