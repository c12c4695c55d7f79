"""A schema whose parts arrive when a test lets them, and clients that read answers in parts."""

from __future__ import annotations

import asyncio
import copy
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import strawberry
from strawberry.schema.config import StrawberryConfig
from websockets.exceptions import ConnectionClosed

from tests.support.clients import WebSocketClient, events, parts
from tests.support.toy_server import ToyServer, until
from watchword import HasScope, Info, NotFound, Public, guarded_by

Part = dict[str, Any]
ACCEPT = "multipart/mixed;incrementalSpec=v0.2,application/json"
DEFERRED = '{ item { name ... @defer(label: "later") { late } } }'


class Gates:
    """Events by name that resolvers wait for, and what happened to the resolvers."""

    def __init__(self) -> None:
        self.open: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.reached: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.cancelled: list[str] = []

    async def passed(self, name: str) -> None:
        self.reached[name].set()
        try:
            await self.open[name].wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise


gates = Gates()


def closed_gates() -> Gates:
    """Close all gates for a new test."""
    gates.__init__()  # type: ignore[misc]
    return gates


@guarded_by(Public)
@strawberry.type
class Item:
    name: str

    @strawberry.field(permission_classes=[Public])
    async def late(self) -> str:
        await gates.passed(self.name)
        return f"late {self.name}"

    @strawberry.field(permission_classes=[HasScope("toys:price")])
    async def price(self) -> int | None:
        return 7

    @strawberry.field(permission_classes=[HasScope("toys:price")])
    async def exact_price(self) -> int:
        return 7

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("a secret")

    @strawberry.field
    def missing(self) -> str:
        raise NotFound("There is none.")

    @strawberry.field
    def other(self) -> Item:
        return Item(name=f"{self.name}'s other")

    @strawberry.field
    def others(self) -> list[Item]:
        return [Item(name=f"{self.name}{number}") for number in range(2)]


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def item(self, name: str = "a") -> Item:
        return Item(name=name)

    @strawberry.field(permission_classes=[Public])
    async def items(self, count: int = 3) -> strawberry.Streamable[Item]:
        try:
            for number in range(count):
                await gates.passed(f"item {number}")
                yield Item(name=str(number))
        finally:
            gates.reached["the end of items"].set()

    @strawberry.field(permission_classes=[Public])
    def numbers(self) -> list[int]:
        return [1, 2, 3]


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    async def change(self, info: Info) -> Item:
        return Item(name="changed")


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def item(self) -> AsyncIterator[Item]:
        yield Item(name="event")


schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    config=StrawberryConfig(enable_experimental_incremental_execution=True),
)


@asynccontextmanager
async def asked(
    transport: str, url: str, query: str, token: str | None = None, **variables: Any
) -> AsyncIterator[AsyncGenerator[Part, None]]:
    """Ask over a transport; yield the parts as they come. The end of a socket is a part with its close code."""
    ask = {"multipart": _over_http, "sse": _over_http, "websocket": _over_websocket}[transport]
    accept = ACCEPT if transport == "multipart" else "text/event-stream"
    body = {"query": query, "variables": variables}
    async with ask(url, body, token, accept) as answers:
        yield answers


@asynccontextmanager
async def _over_http(
    url: str, body: Part, token: str | None, accept: str
) -> AsyncIterator[AsyncGenerator[Part, None]]:
    headers = {"accept": accept} | ({} if token is None else {"authorization": f"Bearer {token}"})
    async with (
        httpx2.AsyncClient(timeout=30) as client,
        client.stream("POST", url, json=body, headers=headers) as response,
    ):
        yield _read(response)


async def _read(response: httpx2.Response) -> AsyncGenerator[Part, None]:
    kind = response.headers["content-type"]
    if kind.startswith("multipart/mixed"):
        async for part in parts(response):
            yield part
    elif kind.startswith("text/event-stream"):
        async for event, data in events(response):
            if event == "complete":
                return
            yield json.loads(data)
    else:
        yield json.loads(await response.aread())


@asynccontextmanager
async def _over_websocket(
    url: str, body: Part, token: str | None, _accept: str
) -> AsyncIterator[AsyncGenerator[Part, None]]:
    async with WebSocketClient.open(url) as client:
        await client.init(token)
        await client.send({"type": "subscribe", "id": "1", "payload": body})
        yield _messages(client)


async def _messages(client: WebSocketClient) -> AsyncGenerator[Part, None]:
    while True:
        try:
            message = await client.receive()
        except ConnectionClosed as closed:
            yield {"closed": closed.rcvd and closed.rcvd.code}
            return
        if message["type"] == "complete":
            return
        if message["type"] == "ping":
            continue
        if message["type"] == "error":
            yield {"errors": message["payload"]}
            return
        yield message["payload"]


def merged(answers: Iterable[Part]) -> Part:
    """Put the parts of an answer together, as the proposal says; check that each announcement is kept once."""
    first, *later = copy.deepcopy([*answers])
    announced = {each["id"]: each for each in first.get("pending", [])}
    whole: Part = {"data": first["data"], "errors": [*first.get("errors", [])]}
    ended: set[str] = set()
    assert first.get("hasNext", False) is bool(later)
    for number, part in enumerate(later):
        assert part["hasNext"] is (number < len(later) - 1)
        for each in part.get("pending", []):
            assert each["id"] not in announced
            announced[each["id"]] = each
        for each in part.get("incremental", []):
            assert each["id"] not in ended
            whole["errors"] += each.get("errors", [])
            path = [*announced[each["id"]]["path"], *each.get("subPath", [])]
            place = whole["data"]
            for key in path:
                place = place[key]
            if "items" in each:
                place += each["items"]
            else:
                _merge(place, each["data"])
        for each in part.get("completed", []):
            assert each["id"] not in ended
            ended.add(each["id"])
            whole["errors"] += each.get("errors", [])
    assert ended == {*announced}
    return whole if whole["errors"] else {"data": whole["data"]}


def _merge(place: Part, data: Part) -> None:
    for key, value in data.items():
        if isinstance(value, dict) and isinstance(place.get(key), dict):
            _merge(place[key], value)
        else:
            place[key] = value


async def is_released(server: ToyServer) -> None:
    pipeline = server.pipeline
    await until(lambda: (len(pipeline.operations), len(pipeline.connections)) == (0, 0))
    await until(lambda: not len(pipeline.leases))


@asynccontextmanager
async def begun(
    transport: str, server: ToyServer, gates: Gates, token: str | None = None
) -> AsyncIterator[tuple[Part, AsyncIterator[Part]]]:
    """Ask for an answer in parts; yield the first part when the resolver of the other waits, and the rest."""
    async with asked(transport, server.url, DEFERRED, token) as parts:
        first = await anext(parts)
        await gates.reached["a"].wait()
        yield first, parts
