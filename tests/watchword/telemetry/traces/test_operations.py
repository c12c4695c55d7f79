"""The spans of documents, operations and answers to events."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import strawberry
from opentelemetry.trace import SpanKind, StatusCode
from strawberry.extensions import SchemaExtension

from tests.support import parts_schema, toy_schema
from tests.support.clients import TRANSPORTS, WebSocketClient
from tests.support.parts_schema import asked, closed_gates
from tests.support.spans import SAMPLED, UNSAMPLED, Recorder, attributes, context_of
from tests.support.toy_app import MOUNT
from tests.support.toy_server import until
from tests.watchword.telemetry.traces.conftest import Serve, Traced
from watchword.domain import Domain, Mount
from watchword.events.event import Event
from watchword.permissions.field import Public
from watchword.telemetry.traces.tracing import is_traced
from watchword.transaction import transaction

REQUEST = {"websocket": "graphql-transport-ws subscribe"}


async def followed(server: Traced, times: int) -> None:
    """Wait until so many subscriptions follow the toys, alone or in a group."""
    pipeline = server.app.pipeline
    # The followers of revocations and of questions about live connections have mailboxes too.
    await until(
        lambda: (
            pipeline.services.hub.size - 2 - len(pipeline.groups.sizes) + sum(pipeline.groups.sizes)
            == times
        )
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_operation_belongs_to_its_request(serve: Serve, transport: str) -> None:
    async with serve() as server:
        answers = TRANSPORTS[transport](f"{server.url}/graphql", "query Hi { hello }")
        assert [each async for each in answers] == [{"data": {"hello": "hello world"}}]
        request = REQUEST.get(transport, "POST /graphql")
        await until(lambda: request in server.recorder.names)
        recorder = server.recorder
    assert recorder.above(recorder.one("query")) == ["query", request]
    named = {"graphql.operation.type": "query", "graphql.operation.name": "Hi"}
    assert attributes(recorder.one("query")) == named
    assert attributes(recorder.one(request)).items() >= named.items()
    assert recorder.one("query").kind is SpanKind.SERVER


@pytest.mark.parametrize("transport", ["multipart", "sse", "websocket"])
async def test_an_answer_in_parts_is_one_operation(serve: Serve, transport: str) -> None:
    recorder = Recorder(fields=True)
    gates = closed_gates()
    gates.open["a"].set()
    query = "query Parts { item { name ... @defer { late } } }"
    async with serve(recorder, Mount(parts_schema.schema, Domain())) as server:
        async with asked(transport, f"{server.url}/graphql", query) as parts:
            assert [part["hasNext"] async for part in parts] == [True, False]
        await until(lambda: "query" in recorder.names)
    assert recorder.above(recorder.one("query"))[0] == "query"
    assert len(recorder.above(recorder.one("query"))) == 2
    late = [span for span in recorder.spans if span.name.endswith(".late")]
    assert [recorder.above(span)[1] for span in late] == ["query"]


async def test_a_document_is_parsed_and_planned_once(serve: Serve) -> None:
    async with serve() as server:
        for _ in range(3):
            await server.ask("{ hello }")
        recorder = server.recorder
    assert recorder.above(recorder.one("parse")) == ["parse", "plan", "POST /graphql"]
    assert recorder.names.count("query") == 3


async def test_a_document_that_is_refused_is_noted_at_its_plan(serve: Serve) -> None:
    async with serve() as server:
        await server.ask("{ a-secret }")
        await server.ask("{ secret }")
        plans = [span for span in server.recorder.spans if span.name == "plan"]
    assert [attributes(span) for span in plans] == [{"error.type": "Refused"}] * 2


@pytest.mark.parametrize(
    ("query", "codes", "status"),
    [
        ("{ hello }", None, StatusCode.UNSET),
        ("{ count(below: 2000) }", ["BAD_USER_INPUT"], StatusCode.UNSET),
        ('{ broken toy(id: "none") { id } }', ["INTERNAL", "NOT_FOUND"], StatusCode.ERROR),
    ],
)
async def test_the_codes_of_errors_are_noted_and_those_of_the_server_fail_the_span(
    serve: Serve, query: str, codes: list[str] | None, status: StatusCode
) -> None:
    async with serve() as server:
        await server.ask(query)
        span = server.recorder.one("query")
    found = attributes(span).get("watchword.error.codes")
    assert (found and [*found], span.status.status_code) == (codes, status)


@pytest.mark.parametrize("documents", [True, False])
async def test_the_document_is_shown_by_setting_and_without_its_literals(
    serve: Serve, documents: bool
) -> None:
    async with serve(Recorder(documents=documents)) as server:
        await server.ask('query Q($n: String = "s") { hello(name: $n) toys(first: 7) { id } }')
        shown = attributes(server.recorder.one("query")).get("graphql.document")
    expected = """query Q($n: String = ?) {
  hello(name: $n)
  toys(first: ?) {
    id
  }
}"""
    assert shown == (expected if documents else None)


async def test_a_request_that_is_not_sampled_has_no_span_at_all(serve: Serve) -> None:
    async with serve(Recorder(ratio=0)) as server:
        for transport in TRANSPORTS.values():
            async for _ in transport(f"{server.url}/graphql", "{ hello me }", server.token):
                pass
        await server.ask('mutation { make(name: "x") { id } }')
        assert server.recorder.names == []


# --- Events ---


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_resolver_of_an_operation_that_is_left_out_begins_no_trace(
    serve: Serve, transport: str
) -> None:
    seen: list[bool | None] = []

    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=[Public])
        async def noted(self) -> str:
            await asyncio.sleep(0)
            seen.append(is_traced())
            return "noted"

    mount = Mount(strawberry.Schema(Query), Domain())
    async with serve(Recorder(ratio=0), mount) as server:
        answers = TRANSPORTS[transport](f"{server.url}/graphql", "{ noted }")
        assert [each async for each in answers] == [{"data": {"noted": "noted"}}]
    assert seen == [False]


async def test_a_delivery_is_linked_to_the_span_that_published_its_event(serve: Serve) -> None:
    async with serve() as server, WebSocketClient.open(f"{server.url}/graphql") as client:
        await client.init()
        await client.subscribe("1", "subscription Made { made { name } }")
        await followed(server, 1)
        await server.ask('mutation Make { make(name: "x") { name } }')
        await client.receive()
        recorder = server.recorder
        await until(lambda: "process" in recorder.names)
    publish, process = recorder.one("publish"), recorder.one("process")
    assert recorder.above(publish) == ["publish", "mutation", "POST /graphql"]
    (link,) = process.links
    assert link.context.trace_id == context_of(publish).trace_id
    assert link.context.span_id == context_of(publish).span_id
    assert (process.parent, process.kind) == (None, SpanKind.CONSUMER)
    assert attributes(process) == {
        "messaging.system": "watchword",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "toys",
        "graphql.operation.type": "subscription",
        "graphql.operation.name": "Made",
    }


async def test_a_group_has_one_span_for_an_event_however_many_members_it_has(
    serve: Serve,
) -> None:
    async with serve() as server, WebSocketClient.open(f"{server.url}/graphql") as client:
        await client.init()
        for number in range(20):
            await client.subscribe(str(number), "subscription { made { name } }")
        await until(lambda: server.app.pipeline.groups.sizes == [20])
        server.recorder.clear()
        await server.ask('mutation { make(name: "x") { name } }')
        for _ in range(20):
            assert (await client.receive())["type"] == "next"
        assert server.recorder.names.count("process") == 1


async def publish(server: Traced, trace: str | None) -> None:
    services = server.app.pipeline.services
    async with transaction(services.database, services.bus, services.clock.now()) as unit:
        unit.publish(Event("toys", "x", "made", trace=trace))


async def test_an_event_of_a_transaction_that_was_not_recorded_is_delivered_without_a_span(
    serve: Serve,
) -> None:
    recorder = Recorder(ratio=0)
    async with serve(recorder) as server, WebSocketClient.open(f"{server.url}/graphql") as client:
        await client.init()
        await client.subscribe("1", "subscription { made { name } }")
        await followed(server, 1)
        for trace in (None, "nonsense", UNSAMPLED):
            await publish(server, trace)
            await client.receive()
        assert recorder.names == []
        await publish(server, SAMPLED)
        await client.receive()
        await until(lambda: recorder.names == ["process"])


async def test_the_errors_of_a_delivery_are_noted(serve: Serve) -> None:
    async with serve() as server, WebSocketClient.open(f"{server.url}/graphql") as client:
        await client.init(server.token)
        await client.subscribe("1", "subscription { made { name price } }")
        await client.subscribe("2", 'subscription { mine(ask: "elsewhere") { owner } }')
        await followed(server, 2)
        await server.ask('mutation { make(name: "x") { name } }')
        await client.receive()
        await client.receive()
        await until(lambda: server.recorder.names.count("process") == 2)
        spans = [span for span in server.recorder.spans if span.name == "process"]
    codes = [attributes(span)["watchword.error.codes"] for span in spans]
    assert sorted(codes) == [("FORBIDDEN",), ("INTERNAL",)]
    assert sorted(span.status.status_code.name for span in spans) == ["ERROR", "UNSET"]


async def test_what_a_subscription_does_for_an_event_is_not_in_the_trace_of_its_request(
    serve: Serve,
) -> None:
    recorder = Recorder(fields=True)
    async with serve(recorder) as server, WebSocketClient.open(f"{server.url}/graphql") as client:
        await client.init()
        await client.subscribe("1", "subscription { made { inner { id } } }")
        await followed(server, 1)
        recorder.clear()
        for _ in range(3):
            # Nothing has recorded the transaction that publishes it.
            await publish(server, None)
            assert (await client.receive())["payload"]["data"] == {"made": {"inner": {"id": "x"}}}
        assert recorder.names == []


async def test_operations_side_by_side_keep_to_their_own_traces(serve: Serve) -> None:
    query = "query Q($n: String!) { hello(name: $n) me toys { lingers inner { id } } }"
    async with serve(Recorder(fields=True)) as server:

        async def ask(number: int) -> Any:
            return await server.ask(query, variables={"n": str(number)})

        await asyncio.gather(*map(ask, range(20)))
        spans = server.recorder.spans
    assert len({context_of(span).trace_id for span in spans}) == 20
    for name in ("query", "Query.hello", "Query.toys"):
        found = [span for span in spans if span.name == name]
        assert len({context_of(span).trace_id for span in found}) == 20
    for span in spans:
        if span.name.startswith("Query."):
            assert server.recorder.above(span)[1:] == ["query", "POST /graphql"]


class Louder(SchemaExtension):
    def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        value = _next(root, info, *args, **kwargs)
        return value.upper() if isinstance(value, str) else value


PARTS = (toy_schema.Query, toy_schema.Mutation, toy_schema.Subscription)
EXTENDED = replace(MOUNT, schema=strawberry.Schema(*PARTS, extensions=[Louder]))


@pytest.mark.parametrize("fields", [True, False])
async def test_extensions_run_inside_of_the_spans(serve: Serve, fields: bool) -> None:
    async with serve(Recorder(fields=fields), EXTENDED) as server:
        for _ in range(3):
            assert await server.ask("{ hello }") == {"data": {"hello": "HELLO WORLD"}}
        assert ("Query.hello" in server.recorder.names) == fields
        server.recorder.clear()
        answer = await server.ask("{ goodbye }")
        assert answer["errors"][0]["message"].startswith("Cannot query field 'goodbye'")
    [span] = [each for each in server.recorder.spans if each.name == "GraphQL Operation"]
    assert "graphql.operation.type" not in attributes(span)
