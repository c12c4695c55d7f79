"""The span of an HTTP request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from tests.support.clients import over_sse
from tests.support.spans import SAMPLED, TRACE, UNSAMPLED, Recorder, attributes, context_of, inside
from tests.support.toy_server import until
from tests.support.writing_server import HEADERS, WritingServer, both_ways
from tests.watchword.telemetry.traces.conftest import Serve
from watchword.asgi.types import PLANNED, Response
from watchword.telemetry.traces.requests import TracedRequests
from watchword.telemetry.traces.tracing import is_traced

SCOPE = {
    "type": "http",
    "method": "POST",
    "scheme": "http",
    "path": "/elsewhere",
    "headers": [],
}
Reply = Callable[[Any], Awaitable[None]]


async def respond(recorder: Recorder, app: Any, **scope: Any) -> None:
    """Send a request through the middleware in front of an app."""

    async def nothing(*_: Any) -> Any:
        return {"type": "http.disconnect"}

    await TracedRequests(app, recorder.tracing)({**SCOPE, **scope}, nothing, nothing)


def answering(status: int, *headers: tuple[bytes, bytes]) -> Any:
    async def app(_scope: Any, _receive: Any, send: Reply) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [*headers]})
        await send({"type": "http.response.body", "body": b""})

    return app


async def test_a_request_says_its_method_its_route_and_its_status(serve: Serve) -> None:
    async with serve() as server:
        await server.ask("{ hello }")
        await server.client.get("/health/live/?secret=1")
        await server.client.get("/nowhere/secret")
        shown = {span.name: attributes(span) for span in server.recorder.spans if not span.parent}
    common = {"url.scheme": "http", "http.request.method": "GET"}
    assert shown == {
        "POST /graphql": {
            "url.scheme": "http",
            "http.request.method": "POST",
            "http.route": "/graphql",
            "http.response.status_code": 200,
            "graphql.operation.type": "query",
        },
        "GET /health/live": {
            **common,
            "http.route": "/health/live",
            "http.response.status_code": 200,
        },
        "GET": {**common, "http.response.status_code": 404},
    }


@both_ways
async def test_the_server_writes_a_whole_response_at_once_and_the_span_has_its_status(
    writes: bool, sent: list[Any]
) -> None:
    recorder, server = Recorder(), WritingServer(writes)

    async def inner(_scope: Any, _receive: Any, send: Any) -> None:
        await Response(200, b"{}", HEADERS).send(send)

    async def receive() -> Any:
        raise AssertionError("nothing is received")

    await TracedRequests(inner, recorder.tracing)({**SCOPE}, receive, server.send)
    assert server.sent == sent
    [span] = recorder.spans
    assert attributes(span)["http.response.status_code"] == 200


async def test_a_route_with_a_parameter_is_named_without_its_value(serve: Serve) -> None:
    async with serve() as server:
        headers = {"authorization": f"Bearer {server.token}"}
        await server.client.delete("/api/auth/passkeys/a-secret-id", headers=headers)
        names = server.recorder.names
    assert all("a-secret-id" not in name for name in names)


async def test_a_caller_s_trace_is_continued(serve: Serve) -> None:
    async with serve(Recorder(ratio=0)) as server:
        await server.ask("{ hello }", headers={"traceparent": SAMPLED, "tracestate": "a=1"})
        await server.ask("{ hello }", headers={"traceparent": UNSAMPLED})
        await server.ask("{ hello }", headers={"traceparent": "nonsense"})
        request = server.recorder.one("POST /graphql")
    assert f"{context_of(request).trace_id:032x}" == TRACE
    assert context_of(request).trace_state == {"a": "1"}


async def test_two_traceparents_are_none() -> None:
    recorder = Recorder(ratio=0)
    header = (b"traceparent", SAMPLED.encode())
    await respond(recorder, answering(200), headers=[header, header])
    assert recorder.names == []
    await respond(recorder, answering(200), headers=[header])
    assert recorder.names == ["POST"]


async def test_a_flood_of_sampled_callers_costs_no_more_than_the_budget(serve: Serve) -> None:
    async with serve(Recorder(ratio=0, callers=2)) as server:
        for _ in range(20):
            await server.ask("{ hello }", headers={"traceparent": SAMPLED})
        assert server.recorder.names.count("POST /graphql") == 2


@pytest.mark.parametrize(("status", "code"), [(500, StatusCode.ERROR), (404, StatusCode.UNSET)])
async def test_a_failure_of_the_server_is_one_of_the_span(status: int, code: StatusCode) -> None:
    recorder = Recorder()
    await respond(recorder, answering(status))
    span = recorder.one("POST")
    assert span.status.status_code == code
    assert attributes(span).get("error.type") == (str(status) if status >= 500 else None)


async def test_an_exception_that_leaves_the_app_is_noted_by_its_type() -> None:
    async def app(*_: Any) -> None:
        raise ValueError("a secret")

    recorder = Recorder()
    with pytest.raises(ValueError, match="a secret"):
        await respond(recorder, app)
    assert attributes(recorder.one("POST"))["error.type"] == "ValueError"


async def test_a_method_that_nobody_knows_is_not_shown() -> None:
    recorder = Recorder()
    await respond(recorder, answering(405), method="SECRET")
    assert attributes(recorder.one("HTTP"))["http.request.method"] == "_OTHER"


async def test_the_span_of_a_stream_ends_when_the_stream_begins(serve: Serve) -> None:
    async with serve() as server:
        query = "subscription { made { name } }"
        answers = over_sse(f"{server.url}/graphql", query)
        coming = asyncio.ensure_future(anext(answers))
        # The followers of revocations and of questions about live connections have mailboxes too.
        await until(lambda: server.app.pipeline.services.hub.size == 3)
        subscription = server.recorder.one("subscription")
        assert server.recorder.above(subscription) == ["subscription", "POST /graphql"]
        await server.ask('mutation { make(name: "x") { name } }')
        assert await coming
        await answers.aclose()


async def test_a_request_that_an_app_around_this_one_traces_gets_no_second_span() -> None:
    recorder = Recorder()
    with inside(recorder):
        await respond(recorder, answering(200))
    assert recorder.names == ["request"]


@pytest.mark.parametrize("is_inside", [True, False])
async def test_the_request_s_span_says_which_operation_it_runs(is_inside: bool) -> None:
    kind = SimpleNamespace(value="query")
    plan = SimpleNamespace(operation=SimpleNamespace(operation=kind), operation_name="Mine")
    scope: Any = SCOPE | {"headers": []}

    async def app(scope: Any, receive: Any, send: Reply) -> None:
        scope[PLANNED](plan)
        await answering(200)(scope, receive, send)

    async def nothing(*_: Any) -> Any:
        return None

    recorder = Recorder()
    with inside(recorder) if is_inside else nullcontext():
        await TracedRequests(app, recorder.tracing)(scope, nothing, nothing)
    said = attributes(recorder.one("request" if is_inside else "POST"))
    assert said["graphql.operation.type"] == "query"
    assert said["graphql.operation.name"] == "Mine"
    # Its scope, which a server may keep, does not hold the span.
    assert scope.keys() == SCOPE.keys()


async def test_in_an_app_the_route_has_the_path_at_which_it_is_mounted() -> None:
    recorder = Recorder()
    await respond(recorder, answering(200), path="/live/graphql", root_path="/live")
    assert attributes(recorder.one("POST /live/graphql"))["http.route"] == "/live/graphql"


async def test_a_socket_and_a_lifespan_have_no_span() -> None:
    recorder, seen = Recorder(), []

    async def app(scope: Any, *_: Any) -> None:
        seen.append(scope["type"])

    for kind in ("websocket", "lifespan"):
        await respond(recorder, app, type=kind)
    assert (seen, recorder.names) == (["websocket", "lifespan"], [])


async def test_nothing_that_a_client_or_a_person_sends_is_in_a_span(serve: Serve) -> None:
    async with serve(Recorder(fields=True, documents=True)) as server:
        secret = {"name": "a-secret-variable"}
        query = (
            'query Q($name: String!) { a: hello(name: $name) b: hello(name: "a-literal") broken }'
        )
        await server.ask(query, variables=secret, headers={"user-agent": "a-secret-agent"})
        await server.ask('mutation { make(name: "a-literal") { name } }')
        await server.client.get("/graphql", params={"query": '{ hello(name: "a-literal") }'})
        await server.client.post(
            "/api/auth/login", json={"email": "someone@example.com", "password": "a-password"}
        )
        exported = "".join(span.to_json() for span in server.recorder.spans)
    assert json.loads(server.recorder.spans[0].to_json())
    for word in (
        *("a-secret-variable", "a-literal", "a-secret-agent", "127.0.0.1", server.token),
        *("someone@example.com", "a-password", "eyJ", "secret ingredient"),
    ):
        assert word not in exported, word


@pytest.mark.parametrize("path", ["/graphql", "/elsewhere"])
@pytest.mark.parametrize("stack", [[], [object()]])
async def test_code_of_others_behind_a_request_that_is_left_out_begins_no_trace(
    path: str, stack: list[object]
) -> None:
    recorder = Recorder(ratio=0)
    found: list[bool | None] = []

    async def app(*_: Any) -> None:
        found.append(is_traced())

    async def nothing(*_: Any) -> Any: ...

    await TracedRequests(app, recorder.tracing, stack)({**SCOPE, "path": path}, nothing, nothing)
    # At /graphql without other middleware, only the engine calls code of others.
    assert found == [None if path == "/graphql" and not stack else False]
