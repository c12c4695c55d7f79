"""With WATCHWORD_REFUSALS=reject, no transport answers a part of an operation that grants deny, or opens its stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest

from tests.support.clients import STREAMING, TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server, until


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock, refusals="reject") as server:
        yield server


async def first(server: ToyServer, query: str, token: str | None, transport: str) -> Any:
    async with aclosing(TRANSPORTS[transport](server.url, query, token)) as answers:
        return await anext(answers)


def rejected(answer: Any, code: str, *paths: list[str]) -> None:
    """Check that an answer has one error with these paths, and no data."""
    assert answer.get("data") is None
    [error] = answer["errors"]
    assert error["extensions"]["code"] == code
    assert error["extensions"]["paths"] == [*paths]
    # It is about the operation, and no field was run.
    assert "path" not in error


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_query_or_a_mutation_is_refused_as_a_whole(
    transport: str, server: ToyServer
) -> None:
    query = "{ hello toys { name price inner { cost: price } } }"
    places = ["toys", "@", "price"], ["toys", "@", "inner", "cost"]
    for _ in range(3):  # the second and third time the operation is compiled
        rejected(await first(server, query, None, transport), "UNAUTHENTICATED", *places)
        rejected(await first(server, query, "bob", transport), "FORBIDDEN", *places)
        allowed = await first(server, query, "bob/toys.price", transport)
        assert allowed["data"]["toys"][0] == {"name": "toy", "price": 3, "inner": {"cost": 3}}
        made = await first(server, 'mutation { make(name: "x") { price } }', "bob", transport)
        rejected(made, "FORBIDDEN", ["make", "price"])
        answer = await first(server, "{ hello toys(first: 1) { name } }", None, transport)
        assert answer["data"] == {"hello": "hello world", "toys": [{"name": "toy"}]}


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_subscription_does_not_open(transport: str, server: ToyServer) -> None:
    refused = await first(server, "subscription { made { name price } }", "bob", transport)
    rejected(refused, "FORBIDDEN", ["made", "price"])


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_request_chooses_for_itself(
    transport: str, server: ToyServer, clock: MovedClock
) -> None:
    query = "{ toys(first: 1) { name price } }"
    async with toy_server(clock) as lenient:
        for _ in range(3):
            asked = await chosen(lenient, query, transport, "reject")
            rejected(asked, "FORBIDDEN", ["toys", "@", "price"])
            partial = {"toys": [{"name": "toy", "price": None}]}
            assert (await first(lenient, query, "bob", transport))["data"] == partial
            assert (await chosen(server, query, transport, "partial"))["data"] == partial
            wrong = await chosen(server, query, transport, "perhaps")
            assert "extensions.refusals must be partial, each or reject" in str(wrong)


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_request_chooses_that_its_stream_does_not_open(
    transport: str, clock: MovedClock
) -> None:
    query = "subscription { made { price } }"
    async with toy_server(clock) as lenient:
        refused = await chosen(lenient, query, transport, "reject")
        rejected(refused, "FORBIDDEN", ["made", "price"])


async def chosen(server: ToyServer, query: str, transport: str, refusals: str) -> Any:
    """Return the first answer to a request that says itself what becomes of it."""
    send, own = TRANSPORTS[transport], {"extensions": {"refusals": refusals}}
    async with aclosing(send(server.url, query, "bob", **own)) as answers:
        return await anext(answers)


PLACES = "{ toys { price inner { cost: price } } }"
PATTERNS = [["toys", "@", "price"], ["toys", "@", "inner", "cost"]]


@pytest.mark.parametrize("execution", ["compiled", "graphql-core"])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_by_default_one_error_tells_all_places_and_by_choice_each_has_its_own(
    transport: str, execution: str, clock: MovedClock
) -> None:
    async with toy_server(clock, execution=execution) as lenient:
        for _ in range(3):
            answer = await first(lenient, PLACES, "bob", transport)
            assert answer["data"]["toys"] == [{"price": None, "inner": {"cost": None}}] * 2
            [error] = answer["errors"]
            assert error["path"] == ["toys", 0, "price"]
            assert error["extensions"]["paths"] == PATTERNS
            assert error["extensions"]["requires"] == {"scope": "toys:price"}
            each = (await chosen(lenient, PLACES, transport, "each"))["errors"]
            assert [error["path"] for error in each] == [
                path
                for row in (0, 1)
                for path in (["toys", row, "price"], ["toys", row, "inner", "cost"])
            ]
            assert all("paths" not in error["extensions"] for error in each)


@pytest.mark.parametrize("transport", STREAMING)
async def test_each_event_is_told_as_its_subscriber_has_chosen_also_in_a_group(
    transport: str, clock: MovedClock
) -> None:
    query = "subscription { made { price inner { price } } }"
    async with toy_server(clock) as lenient, AsyncExitStack() as open:
        streams = []
        for refusals in (None, None, "each", "each"):
            own = {} if refusals is None else {"extensions": {"refusals": refusals}}
            answers = TRANSPORTS[transport](lenient.url, query, "bob", **own)
            streams.append(await open.enter_async_context(aclosing(answers)))
        for key in ("one", "two", "three"):
            coming = [asyncio.ensure_future(anext(each)) for each in streams]
            await until(lambda: lenient.pipeline.groups.sizes == [2, 2])
            await lenient.publish(key)
            found = await asyncio.gather(*coming)
            paths = [[error["path"] for error in each["errors"]] for each in found]
            both = [["made", "price"], ["made", "inner", "price"]]
            assert paths == [[["made", "price"]], [["made", "price"]], both, both]
            assert found[0]["errors"][0]["extensions"]["paths"] == both
