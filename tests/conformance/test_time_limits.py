"""Operations and events have a time limit over every transport, and the client is told when it is exceeded."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest

from tests.conformance.live import every_transport, live
from tests.support.clients import TRANSPORTS, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import toy_server, until
from watchword import transaction

# A slow field, and a resolver that is slow to answer.
LINGERS = ["subscription { made { id lingers } }", "subscription { made: madeSlowly { id } }"]


def code(answer: dict[str, Any]) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_operation_that_takes_too_long_is_stopped_and_says_so(
    transport: str, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with toy_server(clock, operation_seconds=5) as server:
        answers = TRANSPORTS[transport](
            server.url, "query Long { slow(seconds: 100) again: slow(seconds: 100) }"
        )
        first = asyncio.ensure_future(anext(answers))
        await until(lambda: clock.is_waiting_for(100))
        clock.move(4.9)
        assert not first.done()
        clock.move(0.1)
        answer = await first
        await answers.aclose()  # type: ignore[attr-defined]
    assert code(answer) == "TIMEOUT"
    assert not answer.get("data")
    assert "an operation took too long: Long" in caplog.text
    # The resolver was stopped, so it waits for nothing any more.
    assert not clock.is_waiting_for(95)


async def test_an_operation_that_takes_too_long_over_http_is_504(clock: MovedClock) -> None:
    async with toy_server(clock, operation_seconds=5) as server, httpx2.AsyncClient() as client:
        body = {"query": "{ slow(seconds: 100) }"}
        asking = asyncio.ensure_future(client.post(server.url, json=body))
        await until(lambda: clock.is_waiting_for(100))
        clock.move(5)
        assert (await asking).status_code == 504


async def test_a_websocket_stays_open_when_one_of_its_operations_takes_too_long(
    clock: MovedClock,
) -> None:
    async with (
        toy_server(clock, operation_seconds=5) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init()
        await client.subscribe("1", "{ slow(seconds: 100) }")
        await until(lambda: clock.is_waiting_for(100))
        clock.move(5)
        message = await client.receive()
        assert (message["id"], message["type"]) == ("1", "error")
        await client.subscribe("1", "{ hello }")
        assert (await client.receive())["payload"] == {"data": {"hello": "hello world"}}


@every_transport
@pytest.mark.parametrize("document", LINGERS, ids=["field", "resolver"])
@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a group"])
async def test_an_event_that_takes_too_long_delays_no_other_subscriber(
    transport: str, count: int, document: str, clock: MovedClock
) -> None:
    async with toy_server(clock, event_seconds=5) as server, AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(live(transport, server, document)) for _ in range(count)
        ]
        await server.followed(count)
        if count > 1:
            await until(lambda: server.pipeline.groups.sizes == [count])
        await server.publish("slow", "next")
        await until(lambda: clock.is_waiting_for(100))
        clock.move(5)
        for client in clients:
            await client.until(2)
            late, answer = client.answers
            assert (late["data"], code(late)) == (None, "TIMEOUT")
            assert answer["data"]["made"]["id"] == "next"
        # A client that comes back with the last cursor does not get the slow event again.
        cursor = late["extensions"]["cursor"]
        async with live(transport, server, document, resume=cursor) as again:
            await again.until(1)
            assert again.answers[0]["data"]["made"]["id"] == "next"


async def test_a_mutation_that_exceeds_its_time_in_the_commit_is_committed_completely(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, may = transaction._commit, asyncio.Event()
    begun = asyncio.Event()

    async def slow_commit(*arguments: Any) -> None:
        begun.set()
        await may.wait()
        await commit(*arguments)

    async with (
        toy_server(clock, operation_seconds=5) as server,
        live("websocket", server, "subscription { made { id } }") as other,
        WebSocketClient.open(server.url) as client,
    ):
        await server.followed(1)
        await client.init("alice")
        monkeypatch.setattr(transaction, "_commit", slow_commit)
        await client.subscribe("1", 'mutation { make(name: "late") { id } }')
        await begun.wait()
        clock.move(5)
        message = await client.receive()
        assert code({"errors": message["payload"]}) == "TIMEOUT"
        may.set()
        # Its rows and its event were committed together.
        await other.until(1)
    assert other.values("made") == [{"id": "late"}]


async def test_a_token_that_cannot_be_checked_in_time_is_tried_again(clock: MovedClock) -> None:
    async with (
        toy_server(clock, operation_seconds=5) as server,
        WebSocketClient.open(server.url) as client,
        httpx2.AsyncClient() as http,
    ):
        body, headers = {"query": "{ hello }"}, {"authorization": "Bearer slow"}
        asking = asyncio.ensure_future(http.post(server.url, json=body, headers=headers))
        await client.send({"type": "connection_init", "payload": headers})
        await until(lambda: sum(when == clock.now() + 20 for when, *_ in clock._timers) == 2)
        clock.move(5)
        assert (await client.closed())[0] == 1013
        answer = await asking
        assert (answer.status_code, code(answer.json())) == (503, "UNAVAILABLE")
