"""Traces as an operator has them: real servers, PostgreSQL, Redis, and a collector that takes OTLP."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.clients import WebSocketClient
from tests.support.collector import Collector, collector
from tests.support.documents import HOW_TO, ROOT, block, run
from tests.support.mounted_shop import PATIENCE, Shop, bearer
from tests.support.node import installed
from tests.support.other_servers import SERVERS
from tests.support.redis import live_redis
from tests.support.server import PASSWORD, LiveServer, live_server
from tests.support.spans import SAMPLED, SPAN, TRACE

PAGE = HOW_TO / "traces.md"
ADD = "mutation Add($input: RegisterComponentInput!) { registerComponent(input: $input) { name } }"


@pytest.fixture
def collecting() -> Iterator[Collector]:
    with collector() as made:
        yield made


def tracing(to: Collector, **more: str) -> dict[str, str]:
    """What an operator sets, and a short wait until spans are sent."""
    return {
        "WATCHWORD_TRACES": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": to.url,
        "OTEL_BSP_SCHEDULE_DELAY": "20",
        **more,
    }


async def sign_in(server: LiveServer) -> str:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        shown = {"email": server.email, "password": server.password}
        answer = await client.post("/api/auth/login", json=shown)
    return str(answer.json()["access_token"])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_mutation_on_one_process_is_linked_from_its_delivery_on_another(
    collecting: Collector,
    database_url: str,
    tmp_path: Path,
) -> None:
    with live_redis() as redis:
        environment = tracing(collecting, WATCHWORD_BUS_URL=redis.url, WATCHWORD_TRACES_RATIO="0")
        both = [
            live_server(tmp_path, database_url, OTEL_SERVICE_NAME=name, **environment)
            for name in ("here", "there")
        ]
        with both[0] as here, both[1] as there:
            token = await sign_in(here)
            async with WebSocketClient.open(f"{there.url}/graphql") as client:
                await client.init(token)
                query = "subscription Seen { componentStatusChanged(present: true) { name } }"
                await client.subscribe("1", query)
                # The present state shows that the subscription follows.
                assert (await client.receive())["type"] == "next"
                headers = {"authorization": f"Bearer {token}", "traceparent": SAMPLED}
                variables = {"input": {"name": "a-secret-name"}}
                body = {"query": ADD, "variables": variables}
                answer = httpx2.post(f"{here.url}/graphql", json=body, headers=headers)
                assert "errors" not in answer.json()
                while "a-secret-name" not in json.dumps(await client.receive()):
                    pass
            publish = collecting.wait_for(lambda span: span.name == "publish")
            process = collecting.wait_for(lambda span: span.name == "process")
    assert (publish.resource["service.name"], process.resource["service.name"]) == ("here", "there")
    assert publish.trace == TRACE
    assert process.links == [(publish.trace, publish.id)]
    assert process.trace != publish.trace
    # Nothing but the mutation was sampled.
    mine = [span for span in collecting.spans if span.trace == TRACE]
    (request,) = [span for span in mine if span.name == "POST /graphql"]
    assert request.span.parent_span_id.hex() == SPAN
    assert {span.name for span in collecting.spans if span not in mine} <= {"process"}
    assert {"INSERT components", "INSERT watchword_log_events", "mutation"} <= {
        span.name for span in mine
    }
    for secret in (token, token.split(".")[2], PASSWORD, here.email, "a-secret-name", "127.0.0.1"):
        assert secret.encode() not in collecting.raw, secret


async def test_what_is_pasted_traces_a_server_and_a_browser_s_socket(
    collecting: Collector, tmp_path: Path
) -> None:
    text = block(PAGE, "sh", "watchword serve")
    exports = dict(
        line.removeprefix("export ").split("=", 1)
        for line in text.splitlines()
        if line.startswith("export ")
    )
    assert exports == {
        "WATCHWORD_TRACES": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    }
    script = block(PAGE, "js", "connectionParams: { traceparent }")
    script = script.replace("argv.slice(2)", "argv.slice(1)")
    node = [installed(ROOT / "tests/clients"), "--input-type=module", "-e", script]
    with live_server(tmp_path, **tracing(collecting)) as server:
        url = f"{server.url.replace('http', 'ws', 1)}/graphql"
        said = run(*node, url, SAMPLED, cwd=ROOT / "tests/clients")
        assert json.loads(said) == {"data": {"__typename": "Query"}}
        found = collecting.wait_for(lambda span: span.name == "graphql-transport-ws subscribe")
    assert (found.trace, found.span.parent_span_id.hex()) == (TRACE, SPAN)
    assert found.resource["service.name"] == "watchword"
    names = {(a.key, a.value.string_value) for a in found.span.attributes}
    assert ("graphql.operation.name", "FromBrowser") in names


def test_spans_that_wait_are_sent_when_the_server_stops(
    collecting: Collector, tmp_path: Path
) -> None:
    environment = tracing(collecting, OTEL_BSP_SCHEDULE_DELAY="600000", WATCHWORD_TRACES_RATIO="1")
    with live_server(tmp_path, **environment) as server:
        httpx2.post(f"{server.url}/graphql", json={"query": "query Last { __typename }"})
        assert collecting.spans == []
    assert "query" in {span.name for span in collecting.spans}


def test_a_collector_that_is_away_harms_nothing(tmp_path: Path) -> None:
    with collector() as gone:
        environment = tracing(gone, WATCHWORD_TRACES_RATIO="1")
    with live_server(tmp_path, **environment) as server:
        for _ in range(20):
            answer = httpx2.post(f"{server.url}/graphql", json={"query": "{ __typename }"})
            assert answer.json() == {"data": {"__typename": "Query"}}
    assert "Traceback" not in server.log
    assert "the last spans could not be sent in 3 s" in server.log


@pytest.mark.parametrize("kind", SERVERS)
def test_a_mounted_app_is_traced_under_each_server(
    kind: str, collecting: Collector, tmp_path: Path
) -> None:
    environment = tracing(collecting, WATCHWORD_TRACES_RATIO="0")
    shop = Shop(kind, tmp_path, **environment)
    token = shop.token()
    headers = {**bearer(token), "traceparent": SAMPLED}
    with shop.subscribed(token, extensions={"traceparent": SAMPLED}) as client:
        order = {"query": 'mutation { order(item: "tea") }'}
        answer = shop.client.post("/watchword/graphql", json=order, headers=headers)
        assert answer.json() == {"data": {"order": "tea"}}
        assert json.loads(client.recv(PATIENCE))["payload"]["data"] == {"orders": "tea"}
        # The first is FastAPI's own span.
        for name in ("POST /watchword/{path}", "mutation", "graphql-transport-ws subscribe"):
            assert collecting.wait_for(lambda span, name=name: span.name == name).trace == TRACE
    shop.stop()
    assert {span.trace for span in collecting.spans} == {TRACE}
    request = collecting.wait_for(lambda span: span.name == "POST /watchword/{path}")
    assert request.span.parent_span_id.hex() == SPAN


APP = """
import asyncio, httpx2, sys
exec(sys.argv[1])

async def ask():
    transport = httpx2.ASGITransport(app)
    async with app.router.lifespan_context(app):
        async with httpx2.AsyncClient(transport=transport, base_url="http://app") as client:
            await client.post("/live/graphql", json={"query": "query InApp { __typename }"})

asyncio.run(ask())
provider.shutdown()
"""


def test_in_an_app_with_its_own_provider_that_one_is_used(tmp_path: Path) -> None:
    text = block(PAGE, "python", "# traced.py")
    environment = {**os.environ, "WATCHWORD_HOME": str(tmp_path), "WATCHWORD_DEMO": "false"}
    said = run(sys.executable, "-c", APP, text, cwd=tmp_path, environment=environment)
    spans = [json.loads(each) for each in _objects(said)]
    by_id = {span["context"]["span_id"]: span for span in spans}
    (query,) = [span for span in spans if span["name"] == "query"]
    above = by_id[query["parent_id"]]
    # FastAPI's own span of the request.
    assert above["kind"] == "SpanKind.SERVER"
    assert above["attributes"]["graphql.operation.name"] == "InApp"
    assert above["parent_id"] is None


def _objects(text: str) -> Iterator[str]:
    """Return the JSON objects in a text, one after the other."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        _, end = decoder.raw_decode(text, at)
        yield text[at:end]
        at = text.find("{", end)
