"""An operation gets the same answer over every transport."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from graphql import get_introspection_query

from tests.support.clients import STREAMING, TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.toy_server import toy_server


async def first(transport: str, url: str, query: str, token: str | None = None, **rest: Any) -> Any:
    async for answer in TRANSPORTS[transport](url, query, token, **rest):
        return answer
    raise AssertionError("no answer came")


every_transport = pytest.mark.parametrize("transport", TRANSPORTS)
every_stream = pytest.mark.parametrize("transport", STREAMING)


@every_transport
async def test_a_query_is_answered(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        assert await first(transport, server.url, "{ hello }") == {"data": {"hello": "hello world"}}


@every_transport
async def test_variables_and_operation_name_are_used(transport: str, clock: MovedClock) -> None:
    query = "query A { hello } query B($name: String!) { hello(name: $name) }"
    async with toy_server(clock) as server:
        answer = await first(
            transport, server.url, query, variables={"name": "🚒"}, operationName="B"
        )
    assert answer == {"data": {"hello": "hello 🚒"}}


@every_transport
async def test_the_principal_comes_from_the_token(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        assert await first(transport, server.url, "{ me }", "alice") == {"data": {"me": "alice"}}


@every_transport
async def test_an_anonymous_caller_is_told_to_sign_in_and_what_is_required(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        answer = await first(transport, server.url, "{ me hello }")
    assert answer["data"] == {"me": None, "hello": "hello world"}
    [error] = answer["errors"]
    assert error["path"] == ["me"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED", "requires": {"signedIn": True}}


@every_transport
async def test_a_missing_grant_is_forbidden_and_named(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        answer = await first(transport, server.url, "{ count }", "bob/toys.count")
        allowed = await first(transport, server.url, "{ count }", "bob+keeper/toys.count")
    assert answer["data"] == {"count": None}
    assert answer["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "requires": {"allOf": [{"scope": "toys:count"}, {"role": "keeper"}]},
    }
    assert allowed == {"data": {"count": 3}}


@every_transport
async def test_a_known_error_keeps_its_code_and_path(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        answer = await first(
            transport, server.url, "{ count(below: 1000000000) }", "bob+keeper/toys.count"
        )
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "path": ["below"]}


@every_transport
async def test_an_unexpected_error_is_an_id_that_is_in_the_log(
    transport: str, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with toy_server(clock) as server:
        answer = await first(transport, server.url, "{ broken hello }")
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "love" not in str(answer)
    assert answer["data"]["hello"] == "hello world"
    [record] = [record for record in caplog.records if error["extensions"]["id"] in record.message]
    assert record.exc_info is not None
    assert "love" in str(record.exc_info[1])


@every_transport
@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("{", {}),
        ("", {}),
        ("{ nothing }", {}),
        ("{ hello(name: 3) }", {}),
        ("query A { hello }", {"operationName": "B"}),
        ("query A { hello } query B { hello }", {}),
        ("query A($n: Int!) { hello }", {}),
        ("query A($name: String!) { hello(name: $name) }", {"variables": {"name": [1]}}),
        ("query A($name: String!) { hello(name: $name) }", {"variables": {}}),
        ("fragment F on Query { hello }", {}),
        ("fragment F on Query { ...F } query { ...F }", {}),
        ('{ hello(name: "\\uD800") }', {}),
        ("{ hello } \x00", {}),
    ],
)
async def test_a_request_that_cannot_run_is_bad_user_input(
    transport: str, query: str, rest: dict[str, Any], clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        answer = await first(transport, server.url, query, **rest)
        assert await first(transport, server.url, "{ hello }") == {"data": {"hello": "hello world"}}
    assert answer.get("data") is None
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}


@every_transport
@pytest.mark.parametrize(
    "query",
    [
        '{ toy(id: "1") ' + "{ inner " * 20 + "{ id }" + " }" * 21,
        "{ " + " ".join(f"a{n}: hello" for n in range(60)) + " }",
        "{ ...A ...A } fragment A on Query { " + " ".join(f"a{n}: hello" for n in range(30)) + " }",
        "{ toys(first: 1000) { inner { inner { inner { id } } } "
        + " ".join(f"a{n}: inner {{ id }}" for n in range(20))
        + " } }",
        "{ ...F0 } "
        + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(70))
        + " fragment F70 on Query { a: hello }",
        "query($n: Int = 20001) { toys(first: $n) { id } }",
        "{ toys(first: 20001) { id } }",
    ],
)
async def test_a_document_that_asks_too_much_is_too_complex(
    transport: str, query: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        answer = await first(transport, server.url, query)
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "TOO_COMPLEX"
    assert error["extensions"]["cost"] > error["extensions"]["limit"]


@every_transport
async def test_introspection_works_with_any_depth_limit(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock, max_depth=1) as server:
        answer = await first(transport, server.url, get_introspection_query())
    assert "errors" not in answer
    assert answer["data"]["__schema"]["types"]


@every_transport
@pytest.mark.parametrize("opening", ["{a", "[", "{ hello(name: [", "fragment"])
async def test_a_hostile_document_is_refused_and_the_server_keeps_working(
    transport: str, opening: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        answer = await first(transport, server.url, opening * 12_000)
        assert await first(transport, server.url, "{ hello }") == {"data": {"hello": "hello world"}}
    assert answer["errors"]


@every_stream
async def test_a_subscription_yields_each_event_then_completes(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        answers = [
            answer
            async for answer in STREAMING[transport](server.url, "subscription { numbers(to: 3) }")
        ]
    assert answers == [{"data": {"numbers": number}} for number in range(3)]


@every_stream
async def test_events_arrive_in_order_with_permissions_of_nested_fields(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        query = "subscription { made { id price } }"
        answers = STREAMING[transport](server.url, query, "bob")
        task = asyncio.ensure_future(anext(answers))
        await server.followed(1)
        await server.publish("bear", "car")
        seen = [await task, await anext(answers)]
        await answers.aclose()
        await server.followed(0)
    assert [answer["data"]["made"] for answer in seen] == [
        {"id": "bear", "price": None},
        {"id": "car", "price": None},
    ]
    assert seen[0]["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@every_stream
@pytest.mark.parametrize(("field", "code"), [("failing", "INTERNAL"), ("refusing", "NOT_FOUND")])
async def test_a_source_that_fails_ends_its_operation_with_an_error(
    transport: str, field: str, code: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        answers = [
            answer
            async for answer in STREAMING[transport](server.url, f"subscription {{ {field} }}")
        ]
    assert answers[0] == {"data": {field: 1}}
    assert answers[1]["errors"][0]["extensions"]["code"] == code
    assert "love" not in str(answers)
    assert len(answers) == 2


@every_stream
async def test_a_subscription_that_is_not_allowed_is_refused(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        answers = [
            answer
            async for answer in STREAMING[transport](
                server.url, "subscription { guarded { id } }", "bob"
            )
        ]
    [answer] = answers
    assert answer["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "requires": {"role": "keeper"},
    }
