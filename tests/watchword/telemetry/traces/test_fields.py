"""The spans of resolvers."""

from __future__ import annotations

from opentelemetry.trace import StatusCode

from tests.support.clients import WebSocketClient
from tests.support.spans import Recorder, attributes
from tests.support.toy_server import until
from tests.watchword.telemetry.traces.conftest import Serve
from watchword.telemetry.traces.fields import MOST

QUERY = "{ me toy(id: 1) { id name lingers inner { lingers } } }"
RESOLVERS = ["Query.me", "Query.toy", "Toy.inner", "Toy.lingers", "Toy.lingers"]


def resolvers(recorder: Recorder) -> list[str]:
    return sorted(name for name in recorder.names if "." in name)


async def test_each_resolver_has_a_span_and_an_attribute_has_none(serve: Serve) -> None:
    async with serve(Recorder(fields=True)) as server:
        for _ in range(3):
            server.recorder.clear()
            assert "errors" not in await server.ask(QUERY)
            assert resolvers(server.recorder) == RESOLVERS
    spans = [span for span in server.recorder.spans if span.name == "Toy.lingers"]
    paths = sorted(attributes(span)["watchword.field.path"] for span in spans)
    assert paths == ["toy.inner.lingers", "toy.lingers"]
    for span in spans:
        assert server.recorder.above(span)[1:] == ["query", "POST /graphql"]


async def test_without_the_setting_no_resolver_has_a_span(serve: Serve) -> None:
    async with serve() as server:
        await server.ask(QUERY)
    assert resolvers(server.recorder) == []


async def test_what_is_not_sampled_is_compiled_as_ever(serve: Serve) -> None:
    async with serve(Recorder(ratio=0, fields=True)) as server:
        for _ in range(3):
            await server.ask(QUERY)
        plan = server.app.pipeline.engine.plan(QUERY, None)
    assert plan.program is not None
    assert resolvers(server.recorder) == []


async def test_a_resolver_that_fails_is_noted_by_the_type_of_its_error(serve: Serve) -> None:
    async with serve(Recorder(fields=True)) as server:
        answer = await server.ask('{ broken toy(id: "none") { id } }')
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["INTERNAL", "NOT_FOUND"]
    for name, error in (("Query.broken", "RuntimeError"), ("Query.toy", "NotFound")):
        span = server.recorder.one(name)
        assert (attributes(span)["error.type"], span.status.status_code) == (
            error,
            StatusCode.ERROR,
        )
        assert span.events == ()


async def test_a_long_list_has_no_more_spans_than_are_bounded(serve: Serve) -> None:
    async with serve(Recorder(fields=True)) as server:
        answer = await server.ask(f"{{ toys(first: {MOST + 50}) {{ inner {{ id }} }} }}")
    assert len(answer["data"]["toys"]) == MOST + 50
    assert len(resolvers(server.recorder)) == MOST


async def test_the_resolvers_of_an_event_belong_to_its_delivery(serve: Serve) -> None:
    recorder = Recorder(fields=True)
    async with serve(recorder) as server, WebSocketClient.open(f"{server.url}/graphql") as client:
        await client.init()
        await client.subscribe("1", "subscription { made { inner { id } } }")
        # The followers of revocations and of questions about live connections have mailboxes too.
        await until(lambda: server.app.pipeline.services.hub.size == 3)
        for name in ("x", "y"):
            recorder.clear()
            await server.ask(f'mutation {{ make(name: "{name}") {{ id }} }}')
            answer = await client.receive()
            assert answer["payload"]["data"] == {"made": {"inner": {"id": name}}}
            await until(lambda: "process" in recorder.names)
            assert recorder.above(recorder.one("Toy.inner")) == ["Toy.inner", "process"]
