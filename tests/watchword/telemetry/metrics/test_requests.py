"""HTTP requests are recorded by method, route and status, and nobody can make up series."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Response

from tests.support.writing_server import HEADERS, WritingServer, both_ways
from watchword.asgi.types import Response as AsgiResponse
from watchword.telemetry.metrics.histogram import OTHER
from watchword.telemetry.metrics.metric import Distribution
from watchword.telemetry.metrics.requests import OTHER_METHOD, MeasuredRequests, Requests

app = FastAPI()


@app.get("/here")
async def here() -> dict[str, str]:
    return {}


@app.get("/orders/{number}")
async def order(number: int) -> Response:
    return Response(status_code=404)


@app.get("/crash")
async def crash() -> None:
    raise RuntimeError("no answer")


async def asked(*requests: tuple[str, str]) -> dict[tuple[str, ...], int]:
    measured = Requests()
    measured.paths = frozenset({"/here", "/crash"})
    transport = httpx2.ASGITransport(MeasuredRequests(app, measured), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
        for method, path in requests:
            await client.request(method, path)
    assert measured.active == 0
    found = {}
    for point in measured.durations.points:
        assert isinstance(point.value, Distribution)
        found[point.attributes] = sum(point.value.counts)
    return found


async def test_a_request_is_recorded_by_method_route_and_status() -> None:
    assert await asked(("GET", "/here"), ("GET", "/here"), ("POST", "/here")) == {
        ("GET", "/here", "200"): 2,
        ("POST", "/here", "405"): 1,
    }


async def test_a_route_with_parameters_is_one_route() -> None:
    found = await asked(*(("GET", f"/orders/{number}") for number in range(50)))
    assert found == {("GET", "/orders/{number}", "404"): 50}


async def test_paths_and_methods_that_callers_make_up_are_counted_together() -> None:
    found = await asked(*(("GET", f"/no/{number}") for number in range(50)), ("BREW", "/here"))
    assert found == {("GET", OTHER, "404"): 50, (OTHER_METHOD, "/here", "405"): 1}


def test_an_app_that_is_mounted_has_the_routes_that_it_has_alone() -> None:
    measured = Requests()
    measured.paths = frozenset({"/graphql"})
    scope = {"method": "POST", "path": "/inner/graphql", "root_path": "/inner"}
    measured.answered(scope, 0.0, 200)
    assert measured.durations.combinations == (("POST", "/graphql", "200"),)


async def test_a_crash_is_recorded_and_leaves_no_request_active() -> None:
    assert await asked(("GET", "/crash")) == {("GET", "/crash", "500"): 1}


async def test_a_request_is_active_until_its_answer_has_ended() -> None:
    measured = Requests()
    seen: list[int] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        seen.append(measured.active)

    async def send(message: Any) -> None:
        seen.append(measured.active)

    scope = {"type": "http", "method": "GET", "path": "/x"}
    await MeasuredRequests(inner, measured)(scope, lambda: None, send)  # type: ignore[arg-type,return-value]
    assert (seen, measured.active) == ([1, 1], 0)


@both_ways
async def test_the_server_writes_a_whole_response_at_once_and_it_is_recorded_once(
    writes: bool, sent: list[Any]
) -> None:
    measured, server = Requests(), WritingServer(writes)

    async def inner(_scope: Any, _receive: Any, send: Any) -> None:
        await AsgiResponse(200, b"{}", HEADERS).send(send)

    scope = {"type": "http", "method": "GET", "path": "/x"}
    await MeasuredRequests(inner, measured)(scope, lambda: None, server.send)  # type: ignore[arg-type,return-value]
    assert server.sent == sent
    [point] = measured.durations.points
    assert isinstance(point.value, Distribution)
    assert sum(point.value.counts) == 1


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_other_scopes_are_passed_on(kind: str) -> None:
    measured = Requests()
    given: list[Any] = []

    async def inner(*parts: Any) -> None:
        given.extend(parts)

    await MeasuredRequests(inner, measured)({"type": kind}, "receive", "send")  # type: ignore[arg-type]
    assert given == [{"type": kind}, "receive", "send"]
    assert measured.durations.points == []
