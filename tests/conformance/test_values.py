"""Edge cases of values: one that JSON cannot hold costs only its field, and no number is changed on input."""

from __future__ import annotations

import asyncio
import datetime
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from decimal import Decimal
from typing import Any, NewType
from urllib.parse import quote

import httpx2
import pytest
import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig

from tests.support import shop
from tests.support.clients import STREAMING, TRANSPORTS, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_schema import STREAM
from tests.support.toy_server import ToyServer, toy_server
from watchword.context import Info
from watchword.errors import NotFound
from watchword.formats.exact_json import DEEPEST_READ
from watchword.permissions.field import Public

JSON = strawberry.scalars.JSON
Big = NewType("Big", int)
BAD = {
    "half": "\ud800",
    "nan": [float("nan")],
    "keys": {1: 1},
    "date": {"at": datetime.datetime(2026, 1, 1)},
    "bytes": b"x",
}
CIRCLE: dict[str, Any] = {}
CIRCLE["self"] = CIRCLE


@strawberry.type
class Thing:
    name: str

    @strawberry.field
    def sure(self) -> str:
        return BAD["half"] if self.name == "bad" else self.name


@strawberry.input
class Box:
    real: float | None = None
    money: Decimal | None = None


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello"

    @strawberry.field(permission_classes=[Public])
    def text(self) -> str | None:
        return "\ud800"

    @strawberry.field(permission_classes=[Public])
    def texts(self) -> list[str | None]:
        return ["a", "\ud800", "é"]

    @strawberry.field(permission_classes=[Public])
    def json(self, what: str) -> JSON | None:
        return CIRCLE if what == "circle" else BAD[what]

    @strawberry.field(permission_classes=[Public])
    def things(self) -> list[Thing | None]:
        return [Thing(name="good"), Thing(name="bad")]

    @strawberry.field(permission_classes=[Public])
    def floating(self) -> float | None:
        return float("nan")

    @strawberry.field(permission_classes=[Public])
    def missing(self) -> str | None:
        raise NotFound("There is no \ud800.", name="\ud800", cost=Decimal("1.5"), it=CIRCLE)

    @strawberry.field(permission_classes=[Public])
    def told(self, code: str | None = None, returned: bool = False) -> str | None:
        error = GraphQLError("Out of stock.", extensions=None if code is None else {"code": code})
        if returned:
            return error  # type: ignore[return-value]
        raise error

    @strawberry.field(permission_classes=[Public])
    def wrong(self) -> list[int] | None:
        return "secret"  # type: ignore[return-value]

    @strawberry.field(permission_classes=[Public])
    def number(self) -> int | None:
        return "secret"  # type: ignore[return-value]

    @strawberry.field(permission_classes=[Public])
    def big(self, n: Big) -> Big | None:
        return n

    @strawberry.field(permission_classes=[Public])
    def read(
        self,
        any: JSON | None = None,
        money: Decimal | None = None,
        real: float | None = None,
        id: strawberry.ID | None = None,
        count: int | None = None,
        reals: list[float] | None = None,
        box: Box | None = None,
    ) -> str:
        return repr(any or money or real or id or count or reals or (box and box.real))


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def made(self, info: Info) -> AsyncIterator[str | None]:
        async for event in info.context.follow(STREAM):
            yield "\ud800" if event.key == "bad" else event.key

    @strawberry.subscription(permission_classes=[Public])
    async def failing(self) -> AsyncIterator[str]:
        yield "one"
        raise GraphQLError("Out of stock.")


SCALARS = {Big: strawberry.scalar(name="Big", serialize=int, parse_value=int)}
SCHEMA = strawberry.Schema(Query, None, Subscription, config=StrawberryConfig(scalar_map=SCALARS))
LARGE = 2**64 + 1


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock, SCHEMA) as server:
        yield server


async def first(server: ToyServer, query: str, transport: str = "http", **variables: Any) -> Any:
    async with aclosing(TRANSPORTS[transport](server.url, query, variables=variables)) as answers:
        return await anext(answers)


every_transport = pytest.mark.parametrize("transport", TRANSPORTS)


@every_transport
async def test_a_value_that_json_cannot_hold_costs_its_field_and_no_other(
    transport: str, server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    fields = " ".join(f'{name}: json(what: "{name}")' for name in [*BAD, "circle"])
    query = f"{{ hello text texts floating {fields} things {{ name sure }} }}"
    answer = await first(server, query, transport)
    assert answer["data"] == {
        **dict.fromkeys(["text", "floating", "circle", *BAD]),
        "hello": "hello",
        "texts": ["a", None, "é"],
        # The null propagates to the nearest nullable field.
        "things": [{"name": "good", "sure": "good"}, None],
    }
    paths = [error["path"] for error in answer["errors"]]
    bad = [[name] for name in [*BAD, "circle"]]
    expected = [["text"], ["texts", 1], ["floating"], *bad, ["things", 1, "sure"]]
    assert sorted(paths, key=str) == sorted(expected, key=str)
    for error in answer["errors"]:
        assert error["extensions"]["code"] == "INTERNAL"
        assert error["extensions"]["id"] in caplog.text
        assert error["locations"]


@every_transport
async def test_an_error_with_any_extensions_arrives(transport: str, server: ToyServer) -> None:
    answer = await first(server, "{ hello missing }", transport)
    assert answer["data"] == {"hello": "hello", "missing": None}
    [error] = answer["errors"]
    assert error["message"] == "There is no \\ud800."
    extensions = error["extensions"]
    assert (extensions["code"], extensions["name"]) == ("NOT_FOUND", "\\ud800")
    assert extensions["cost"] == "1.5"


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_stream_continues_after_a_value_that_json_cannot_hold(
    transport: str, server: ToyServer
) -> None:
    query = "subscription { made }"
    answers = STREAMING[transport](server.url, query)
    task = asyncio.ensure_future(anext(answers))
    await server.followed(1)
    await server.publish("bad", "good")
    async with asyncio.timeout(20):
        bad, good = await task, await anext(answers)
    await answers.aclose()
    assert (bad["data"], good["data"]) == ({"made": None}, {"made": "good"})
    assert [error["extensions"]["code"] for error in bad["errors"]] == ["INTERNAL"]
    cursors = [answer["extensions"]["cursor"] for answer in (bad, good)]
    assert len(set(cursors)) == 2, "the cursor moves"
    resumed = STREAMING[transport](server.url, query, extensions={"resume": cursors[0]})
    async with asyncio.timeout(20):
        assert (await anext(resumed))["data"] == {"made": "good"}
    await resumed.aclose()


@every_transport
async def test_an_error_that_a_resolver_raises_on_purpose_is_shown(
    transport: str, server: ToyServer
) -> None:
    query = '{ plain: told coded: told(code: "SOLD") returned: told(returned: true) }'
    answer = await first(server, query, transport)
    assert {error["message"] for error in answer["errors"]} == {"Out of stock."}
    codes = {error["path"][0]: error["extensions"] for error in answer["errors"]}
    assert codes == {
        "plain": {"code": "BAD_USER_INPUT"},
        "coded": {"code": "SOLD"},
        "returned": {"code": "BAD_USER_INPUT"},
    }


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_stream_that_a_resolver_ends_on_purpose_says_why(
    transport: str, server: ToyServer
) -> None:
    answers = STREAMING[transport](server.url, "subscription { failing }")
    _, last = [answer async for answer in answers]
    [error] = last["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("Out of stock.", "BAD_USER_INPUT")


async def test_a_step_up_error_that_a_resolver_builds_itself_breaks_nothing(
    server: ToyServer,
) -> None:
    answer = await first(server, '{ hello told(code: "STEP_UP_REQUIRED") }')
    assert answer["data"] == {"hello": "hello", "told": None}


async def test_graphql_messages_that_quote_a_value_are_not_shown(server: ToyServer) -> None:
    answer = await first(server, "{ wrong number }")
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"INTERNAL"}
    assert "secret" not in str(answer)


@every_transport
async def test_integers_of_any_size_are_read_and_written_exactly(
    transport: str, server: ToyServer
) -> None:
    query = f"""query($n: Big!, $any: JSON, $id: ID) {{
        literal: big(n: {LARGE}) variable: big(n: $n) nested: read(any: $any) id: read(id: $id)
    }}"""
    nested = {"a": [LARGE, -LARGE]}
    answer = await first(server, query, transport, n=LARGE, any=nested, id=LARGE)
    assert answer == {
        "data": {
            "literal": LARGE,
            "variable": LARGE,
            "nested": repr(nested),
            "id": repr(str(LARGE)),
        }
    }


async def test_integers_of_any_size_are_read_exactly_by_get(server: ToyServer) -> None:
    query = "query($n: Big!) { big(n: $n) }"
    async with httpx2.AsyncClient() as client:
        variables = quote(json.dumps({"n": LARGE}))
        response = await client.get(f"{server.url}?query={quote(query)}&variables={variables}")
    assert response.json() == {"data": {"big": LARGE}}


NUMBERS = [
    ("real", "1e400", None),
    ("real", "12345678901234567.89", "1.2345678901234568e+16"),
    ("real", "18446744073709551617", "1.8446744073709552e+19"),
    ("real", "1.8446744073709552e19", "1.8446744073709552e+19"),
    ("real", "12345678901234567000", "1.2345678901234567e+19"),
    ("real", "1" + "0" * 400, None),
    ("money", "0.1", "Decimal('0.1')"),
    ("money", "12345678901234567.89", None),
    ("any", "12345678901234567.89", None),
    ("any", "[{a: 1e400}]", None),
    ("any", "1.5", "1.5"),
    ("reals", "[12345678901234567000, 1]", "[1.2345678901234567e+19, 1.0]"),
    ("reals", "12345678901234567000", "[1.2345678901234567e+19]"),
    ("reals", "1e400", None),
    ("box", "{real: 12345678901234567000}", "1.2345678901234567e+19"),
    ("box", "{money: 12345678901234567.89}", None),
    ("count", "1.0", "1"),
    ("count", "18446744073709551617", None),
    ("count", "1e400", None),
]


@pytest.mark.parametrize("transport", ["literal", "body", "get", "websocket"])
async def test_a_number_arrives_as_it_is_written_or_is_bad_user_input(
    transport: str, server: ToyServer
) -> None:
    types = {"real": "Float", "money": "Decimal", "any": "JSON", "count": "Int"}
    types |= {"reals": "[Float!]", "box": "Box"}
    for name, number, read in NUMBERS:
        query = f"query($n: {types[name]}) {{ read({name}: $n) }}"
        named = re.sub("([a-z]+):", '"\\1":', number)
        variables = f'{{"n": {named}}}'
        if transport == "literal":
            # An Int literal in a document cannot have a decimal point.
            query, variables = f"{{ read({name}: {number}) }}", "{}"
            read = None if (name, number) == ("count", "1.0") else read
        answer = await ask(transport, server, query, variables)
        if read is None:
            codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
            assert (name, number, codes) == (name, number, {"BAD_USER_INPUT"})
        else:
            assert answer == {"data": {"read": read}}, (name, number)


async def ask(transport: str, server: ToyServer, query: str, variables: str) -> Any:
    """Send a query with these exact characters as its variables."""
    body = f'{{"query": {json.dumps(query)}, "variables": {variables}}}'
    if transport == "websocket":
        async with WebSocketClient.open(server.url) as client:
            await client.init()
            await client.send(f'{{"type": "subscribe", "id": "1", "payload": {body}}}')
            message = await client.receive()
            payload = message["payload"]
            return {"errors": payload} if message["type"] == "error" else payload
    async with httpx2.AsyncClient() as client:
        if transport == "get":
            url = f"{server.url}?query={quote(query)}&variables={quote(variables)}"
            return (await client.get(url)).json()
        headers = {"content-type": "application/json"}
        return (await client.post(server.url, content=body, headers=headers)).json()


@pytest.mark.parametrize("member", ["variables", "extensions"])
@pytest.mark.parametrize("levels", [DEEPEST_READ, 1_000])
async def test_what_has_too_many_levels_is_refused_before_it_is_used(
    member: str, levels: int, clock: MovedClock
) -> None:
    query = "query($of: Int) { item(of: $of) { price } }"
    body = f'{{"query": "{query}", "{member}": {{"of": {"[" * levels + "]" * levels}}}}}'
    headers = {"content-type": "application/json"}
    async with toy_server(clock, shop.schema) as server, httpx2.AsyncClient() as client:
        answer = await client.post(server.url, content=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert "nested too deeply" in answer.text
        async with WebSocketClient.open(server.url) as socket:
            await socket.init()
            await socket.send(f'{{"type": "subscribe", "id": "1", "payload": {body}}}')
            assert (await socket.closed())[0] == 4400
