"""One Strawberry schema behind two servers: Strawberry's own view, and a mounted Watchword. Both answer alike, or say why.

    async with both_views(schema, sqlite_url, clock) as (theirs, ours):
        operation = Operation("query($a: Int!) { twice(a: $a) }", {"a": 2})
        for transport in TRANSPORTS:
            assert await ours.ask(operation, transport) == await theirs.ask(operation, transport)

Each answer is `comparable`: without what only Watchword adds. Root fields need a permission class, such as `Public`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import strawberry
from fastapi import FastAPI
from strawberry.fastapi import BaseContext, GraphQLRouter
from strawberry.subscriptions import (
    GRAPHQL_SSE_PROTOCOL,
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)

from tests.support import clients
from tests.support.clock import MovedClock
from tests.support.other_servers import serving_by
from tests.support.vault import ENCRYPTION_KEY
from watchword.config.settings import Settings
from watchword.domain import Domain
from watchword.mounting.asgi_app import Watchword
from watchword.principal import ANONYMOUS, Principal

# What Watchword puts into the extensions of every error, and of answers.
OURS_IN_ERRORS = frozenset({"code", "id", "path", "requires"})
OURS_IN_ANSWERS = frozenset({"cursor", "cursors"})
PROTOCOLS = (GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL, MULTIPART_SUBSCRIPTION_PROTOCOL)


@dataclass(frozen=True)
class Operation:
    """What a client sends."""

    query: str
    variables: Mapping[str, Any] | None = None
    name: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def rest(self) -> dict[str, Any]:
        """The members of the request besides the query, as far as there are any."""
        given = {"variables": self.variables, "operationName": self.name}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class View:
    """A running server, and the URL of its GraphQL endpoint."""

    url: str

    async def ask(self, operation: Operation, transport: str = "http") -> list[Any]:
        """Run an operation over one of `TRANSPORTS`; return its answers, comparable."""
        return [comparable(each) async for each in self.answers(operation, transport)]

    def answers(self, operation: Operation, transport: str) -> AsyncIterator[dict[str, Any]]:
        """Run an operation, and yield its answers as they come, unchanged."""
        return TRANSPORTS[transport](self.url, operation)


class OwnContext(BaseContext):
    """The context of resolvers under Strawberry's own view: it has what Watchword's permissions ask for."""

    principal: Principal = ANONYMOUS


@asynccontextmanager
async def own_view(schema: strawberry.Schema, **options: Any) -> AsyncIterator[View]:
    """Serve a schema by Strawberry's view for FastAPI, on a real socket in this event loop, for a block.

    `options` are those of `GraphQLRouter`; without a `context_getter` the caller is anonymous.
    """
    app = FastAPI()
    options = {"context_getter": OwnContext, "subscription_protocols": PROTOCOLS} | options
    router: Any = GraphQLRouter(schema, **options)
    app.include_router(router, prefix="/graphql")
    async with serving_by("uvicorn", app) as (url, _):
        yield View(f"{url}/graphql")


@asynccontextmanager
async def watchword_view(
    schema: strawberry.Schema,
    url: str,
    clock: MovedClock,
    domain: Domain | None = None,
    **settings: Any,
) -> AsyncIterator[View]:
    """Serve a schema by a mounted Watchword, on a real socket in this event loop, for a block.

    `url` is that of a migrated database. `settings` are Watchword's.
    """
    async with watchword_app(schema, url, clock, domain, **settings) as (view, _):
        yield view


@asynccontextmanager
async def watchword_app(
    schema: strawberry.Schema,
    url: str,
    clock: MovedClock,
    domain: Domain | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[View, Watchword]]:
    """Do as `watchword_view`, and yield the app too."""
    with TemporaryDirectory() as home:
        made = {"home": home, "encryption_keys": (ENCRYPTION_KEY,), "explorer": False}
        # A schema that was written for Strawberry alone says nothing of its nested fields.
        made |= {"coverage": "roots"} | settings
        read = Settings(_env_file=None, database_url=url, **made)
        app = Watchword(schema, read, domain=domain, clock=clock)
        async with serving_by("uvicorn", app) as (origin, _):
            yield View(f"{origin}/graphql"), app


@asynccontextmanager
async def both_views(
    schema: strawberry.Schema,
    url: str,
    clock: MovedClock,
    domain: Domain | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[View, View]]:
    """Serve a schema by both for a block: Strawberry's own view, and a mounted Watchword."""
    async with (
        own_view(schema) as theirs,
        watchword_view(schema, url, clock, domain, **settings) as ours,
    ):
        yield theirs, ours


def comparable(answer: Any) -> Any:
    """Return an answer without what only one of the two adds, and whose absence means the same.

    Watchword gives each error a `code`, leaves `data` out of a refused request (GraphQL, section 7.1), and puts cursors
    into extensions; Strawberry answers with `data: null`.
    """
    if not isinstance(answer, dict) or not answer.keys() <= {"data", "errors", "extensions"}:
        return answer
    shown = {"data": answer.get("data")}
    if errors := answer.get("errors"):
        shown["errors"] = [_without(each, OURS_IN_ERRORS) for each in errors]
    return shown | {k: v for k, v in _without(answer, OURS_IN_ANSWERS).items() if k == "extensions"}


def _without(value: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return a value without these extensions, and without `extensions` if they have no others."""
    rest = {k: v for k, v in (value.get("extensions") or {}).items() if k not in names}
    shown = {name: each for name, each in value.items() if name != "extensions"}
    return shown | ({"extensions": rest} if rest else {})


async def _over_get(url: str, operation: Operation) -> AsyncIterator[Any]:
    parameters = {"query": operation.query} | {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in operation.rest.items()
    }
    async with httpx2.AsyncClient(timeout=30) as client:
        response = await client.get(url, params=parameters, headers=dict(operation.headers))
        yield _read(response)


async def _over_http(url: str, operation: Operation) -> AsyncIterator[Any]:
    async with httpx2.AsyncClient(timeout=30) as client:
        body = {"query": operation.query, **operation.rest}
        response = await client.post(url, json=body, headers=dict(operation.headers))
        yield _read(response)


def _read(response: httpx2.Response) -> Any:
    """Return the answer in a response; the status of one that holds none."""
    is_json = "json" in response.headers.get("content-type", "")
    return response.json() if is_json else {"status": response.status_code}


def _streaming(transport: str) -> Any:
    over = clients.STREAMING[transport]

    def ask(url: str, operation: Operation) -> AsyncIterator[Any]:
        return over(url, operation.query, headers=dict(operation.headers), **operation.rest)

    return ask


TRANSPORTS = {
    "http": _over_http,
    "get": _over_get,
    **{name: _streaming(name) for name in clients.STREAMING},
}
