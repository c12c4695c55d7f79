"""The span of an operation on a socket, and the span that its client names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients import WebSocketClient
from tests.support.spans import SAMPLED, SPAN, TRACE, UNSAMPLED, Recorder, attributes
from tests.support.toy_server import until
from tests.watchword.telemetry.traces.conftest import Serve
from watchword.telemetry.traces.sockets import NAME, named_in

OTHER = SAMPLED.replace(SPAN, "2" * 16)


async def parents(
    serve: Serve, init: dict[str, Any], *extensions: Any, callers: float = 1000
) -> list[str | None]:
    """Run an operation with each of the extensions; return the parents of those that were recorded."""
    recorder = Recorder(ratio=0, callers=callers)
    async with serve(recorder) as server, WebSocketClient.open(f"{server.url}/graphql") as client:
        await client.send({"type": "connection_init", "payload": init})
        assert (await client.receive())["type"] == "connection_ack"
        for number, given in enumerate(extensions):
            await client.subscribe(str(number), "{ hello }", extensions=given)
            assert (await client.receive())["payload"] == {"data": {"hello": "hello world"}}
            assert (await client.receive())["type"] == "complete"
        roots = [span for span in recorder.spans if span.name == NAME]
    return [
        f"{s.parent.trace_id:032x}-{s.parent.span_id:016x}" if s.parent else None for s in roots
    ]


async def test_a_client_names_its_span_for_one_operation(serve: Serve) -> None:
    found = await parents(serve, {}, {"traceparent": SAMPLED}, None, {"traceparent": OTHER})
    assert found == [f"{TRACE}-{SPAN}", f"{TRACE}-{'2' * 16}"]


async def test_a_client_names_its_span_for_all_operations_and_another_for_one(
    serve: Serve,
) -> None:
    found = await parents(serve, {"traceparent": SAMPLED}, None, {"traceparent": OTHER}, {})
    assert found == [f"{TRACE}-{SPAN}", f"{TRACE}-{'2' * 16}", f"{TRACE}-{SPAN}"]


@pytest.mark.parametrize("given", [7, None, {}, [SAMPLED], "nonsense", "", "0" * 10_000])
async def test_anything_else_in_its_place_is_ignored(serve: Serve, given: object) -> None:
    assert await parents(serve, {"traceparent": given}, {"traceparent": given}) == []
    assert named_in({"traceparent": SAMPLED, "tracestate": given}) is not None


async def test_a_client_that_does_not_sample_is_not_recorded(serve: Serve) -> None:
    assert await parents(serve, {"traceparent": UNSAMPLED}, None) == []


async def test_a_flood_of_sampled_operations_costs_no_more_than_the_budget(serve: Serve) -> None:
    given = [{"traceparent": SAMPLED}] * 20
    assert len(await parents(serve, {}, *given, callers=2)) == 2


async def test_an_operation_that_is_refused_or_stopped_ends_its_span(serve: Serve) -> None:
    async with serve() as server, WebSocketClient.open(f"{server.url}/graphql") as client:
        await client.init()
        await client.subscribe("1", "{ nothing }")
        assert (await client.receive())["type"] == "error"
        assert server.recorder.names.count(NAME) == 1
        await client.subscribe("2", "{ slow(seconds: 100) }")
        await until(lambda: server.recorder.names.count("parse") == 2)
        await client.send({"type": "complete", "id": "2"})
        await until(lambda: server.recorder.names.count(NAME) == 2)
        await client.subscribe("3", "subscription { made { name } }")
        await until(lambda: server.recorder.names.count(NAME) == 3)
    assert attributes(server.recorder.one("subscription"))["graphql.operation.type"]


async def test_the_span_of_an_operation_says_which_it_is(serve: Serve) -> None:
    async with serve() as server, WebSocketClient.open(f"{server.url}/graphql") as client:
        await client.init()
        await client.subscribe("1", "query Mine { hello }")
        await client.receive()
        await until(lambda: server.recorder.names.count(NAME) == 1)
        said = attributes(server.recorder.one(NAME))
    assert said["graphql.operation.type"] == "query"
    assert said["graphql.operation.name"] == "Mine"
