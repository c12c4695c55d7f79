"""Answers in parts: @defer and @stream make no answer larger than its cost allows, and refused ones run nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.attacks.test_documents import nested, refused_with
from tests.conformance.test_operations import first
from tests.support import parts_schema
from tests.support.clock import MovedClock
from tests.support.parts_schema import asked, closed_gates, gates, is_released, merged
from tests.support.toy_server import ToyServer, toy_server

every_transport = pytest.mark.parametrize("transport", ["multipart", "sse", "websocket"])
COMPLEX, BAD = "TOO_COMPLEX", "BAD_USER_INPUT"
HUGE = 2**31 - 1
DOCUMENTS: dict[str, tuple[str, str]] = {
    "many deferred fragments": ("{ item {" + "... @defer { name } " * 60 + "} }", COMPLEX),
    "one deferred fragment many times": (
        "{ item {" + "...F @defer " * 60 + "} } fragment F on Item { name }",
        COMPLEX,
    ),
    "deferred fragments in each other": (
        "{ item {" + nested(40, "... @defer { other {", "name", "} }") + "} }",
        COMPLEX,
    ),
    "deferred fragments that double each other": (
        "{ item { ...F0 } } fragment F20 on Item { name }"
        + " ".join(
            f"fragment F{n} on Item {{ ...F{n + 1} @defer other {{ ...F{n + 1} @defer }} }}"
            for n in range(20)
        ),
        COMPLEX,
    ),
    "deferred fragments in lists of lists": (
        "{ item {" + nested(7, "others { ... @defer {", "name", "} }") + "} }",
        COMPLEX,
    ),
    "a stream of a billion": ("{ items(count: 1000000000) @stream { name } }", COMPLEX),
    "a stream of lists of lists": (
        "{ items(count: 100) @stream {" + nested(3, "others @stream {", "name") + "} }",
        COMPLEX,
    ),
    "many streams": (
        "{" + " ".join(f"a{n}: items @stream {{ name }}" for n in range(60)) + "}",
        COMPLEX,
    ),
    "a beginning of fewer than none": ("{ items @stream(initialCount: -1) { name } }", BAD),
    "a beginning that is no Int": ("{ items @stream(initialCount: 1e99) { name } }", BAD),
    "a beginning of 5,000 digits": (
        "{ items @stream(initialCount: " + "9" * 5_000 + ") { name } }",
        BAD,
    ),
    "a stream of what is no list": ("{ item @stream { name } }", BAD),
    "labels that are equal": (
        '{ item { ... @defer(label: "a") { name } other { ... @defer(label: "a") { name } } } }',
        BAD,
    ),
    "a label from a variable": (
        "query ($a: String) { item { ... @defer(label: $a) { name } } }",
        BAD,
    ),
    "a deferred mutation": ("mutation { ... @defer { change { name } } }", BAD),
    "a deferred subscription": ("subscription { item { ... @defer { name } } }", BAD),
}


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    closed_gates()
    async with toy_server(clock, parts_schema.schema) as running:
        yield running
        assert await first("http", running.url, "{ item { name } }") == {
            "data": {"item": {"name": "a"}}
        }
        await is_released(running)


async def answered(
    transport: str, server: ToyServer, query: str, **variables: Any
) -> list[dict[str, Any]]:
    async with asked(transport, server.url, query, None, **variables) as parts:
        return [part async for part in parts]


@every_transport
@pytest.mark.parametrize("name", DOCUMENTS)
async def test_parts_that_attack_are_refused_and_nothing_of_them_is_run(
    transport: str, name: str, server: ToyServer
) -> None:
    query, code = DOCUMENTS[name]
    [answer] = await answered(transport, server, query)
    assert refused_with(answer) == {code}, str(answer)[:300]
    assert not gates.reached


@every_transport
@pytest.mark.parametrize(("count", "code"), [(-1, BAD), (10**12, BAD), ("1", BAD)])
async def test_a_beginning_from_a_variable_is_refused_as_one_that_is_written(
    transport: str, count: object, code: str, server: ToyServer
) -> None:
    query = "query ($n: Int!) { items @stream(initialCount: $n) { name } }"
    [answer] = await answered(transport, server, query, n=count)
    assert refused_with(answer) == {code}, str(answer)[:300]
    assert not gates.reached


@every_transport
async def test_a_beginning_that_is_longer_than_the_list_is_the_list(
    transport: str, server: ToyServer
) -> None:
    for number in range(3):
        gates.open[f"item {number}"].set()
    query = f"{{ items @stream(initialCount: {HUGE}) {{ name }} }}"
    found = await answered(transport, server, query)
    assert merged(found) == {"data": {"items": [{"name": name} for name in "012"]}}


@every_transport
async def test_as_many_parts_as_are_allowed_arrive_in_an_answer_that_is_no_longer_than_they_need(
    transport: str, server: ToyServer
) -> None:
    deferred = " ".join(
        f'... @defer(label: "l{n}") {{ a{n}: other {{ name }} }}' for n in range(50)
    )
    found = await answered(transport, server, f"{{ item {{ {deferred} }} }}")
    assert len(merged(found)["data"]["item"]) == 50
    assert len(str(found)) < 20_000
