"""An app begins when a whole request is read: at once if it needs no task, and in a task once it waits."""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.support.fake_transport import connected
from tests.watchword.asgi.uvicorn.noting import GET, POST, Noting, packet, settle
from watchword.asgi.types import (
    BEGINS_WITHOUT_TASK,
    HAS_TRACEPARENT,
    Message,
    Receive,
    Response,
    Send,
)
from watchword.asgi.uvicorn.requests import RequestProtocol
from watchword.process.eager import in_task


async def test_a_whole_request_is_answered_before_the_next_turn_of_the_loop() -> None:
    app = Noting()
    connection, transport = connected(app)
    await packet(connection, POST)
    assert transport.written == [b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nanswer 1"]
    assert app.tasks == app.tasks_at_end == [None]
    assert app.bodies == [b"hello"]
    assert connection.server_state.total_requests == 1
    assert not connection.tasks


async def test_the_scope_is_that_of_uvicorn() -> None:
    app, plain = Noting(), Noting()
    connection, _ = connected(app)
    await packet(connection, POST)
    other = HttpToolsProtocol(connection.config, connection.server_state, {"a": 1})
    other.app = plain  # type: ignore[assignment]
    other.connection_made(connection.transport)
    other.data_received(POST)
    await settle()
    ours, theirs = app.scopes[0], plain.scopes[0]
    ours.pop("extensions")
    # A middleware reads this one, for all requests with the same head.
    assert ours.pop(HAS_TRACEPARENT) is False
    assert ours == theirs | {"state": {}}
    assert ours["path"] == "/a b"


async def test_the_scope_says_whether_its_head_has_a_traceparent_also_when_it_comes_again() -> None:
    app = Noting()
    connection, _ = connected(app)
    for head in (POST, POST.replace(b"\r\n", b"\r\nTraceparent: 00-1\r\n", 1)):
        await packet(connection, head)
        await packet(connection, head)
    assert [scope[HAS_TRACEPARENT] for scope in app.scopes] == [False, False, True, True]


async def test_an_app_that_needs_a_task_begins_in_one() -> None:
    app = Noting(begins_without_task=False)
    connection, transport = connected(app)
    await packet(connection, POST)
    assert not transport.written
    await settle()
    assert len(transport.written) == 1
    assert app.tasks[0] is not None


async def test_an_app_that_waits_goes_on_in_a_task_of_the_server() -> None:
    app = Noting(waits=True)
    connection, transport = connected(app)
    await packet(connection, POST)
    assert len(connection.tasks) == 1
    app.may_answer.set()
    await settle()
    assert len(transport.written) == 1
    assert app.tasks[0] is None
    assert app.tasks_at_end[0] is not None
    assert not connection.tasks


async def test_code_that_needs_its_task_can_wait_for_it() -> None:
    tasks = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await in_task()
        tasks.append(asyncio.current_task())
        async with asyncio.timeout(5):
            await Response(200, b"").send(send)

    setattr(app, BEGINS_WITHOUT_TASK, True)
    connection, transport = connected(app)
    await packet(connection, POST)
    await settle()
    assert len(transport.written) == 1
    assert tasks[0] is not None


async def test_a_body_may_come_in_pieces() -> None:
    app = Noting()
    connection, transport = connected(app)
    head, _, _ = POST.partition(b"hello")
    for part in (head[:20], head[20:], b"he", b"llo"):
        assert not transport.written
        await packet(connection, part)
        await settle()
    assert app.bodies == [b"hello"]
    assert transport.written[-1] == b"answer 1"


async def test_one_request_of_a_packet_is_answered_at_once_and_the_others_in_their_turn() -> None:
    app = Noting()
    connection, transport = connected(app)
    await packet(connection, POST + GET + GET)
    assert len(transport.written) == 1
    await settle()
    answers = re.findall(rb"answer .", b"".join(transport.written))
    assert answers == [b"answer 1", b"answer 2", b"answer 3"]
    assert app.tasks[0] is None
    assert app.tasks[1] is not None


async def test_a_request_behind_one_that_waits_is_answered_behind_it() -> None:
    app = Noting(waits=True)
    connection, transport = connected(app)
    await packet(connection, POST)
    await packet(connection, GET)
    await settle()
    assert not transport.written
    app.may_answer.set()
    await settle()
    assert re.findall(rb"answer .", b"".join(transport.written)) == [b"answer 1", b"answer 2"]


async def test_requests_share_no_context_variables() -> None:
    whisper: ContextVar[str] = ContextVar("whisper", default="nothing")
    heard = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        heard.append(whisper.get())
        whisper.set("something")
        await in_task()
        heard.append(whisper.get())
        await Response(200, b"").send(send)

    setattr(app, BEGINS_WITHOUT_TASK, True)
    connection, _ = connected(app)
    for _ in range(2):
        await packet(connection, POST)
        await settle()
    assert heard == ["nothing", "something"] * 2


async def test_an_app_that_fails_is_answered_for() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise ValueError("on purpose")

    setattr(app, BEGINS_WITHOUT_TASK, True)
    connection, transport = connected(app)
    await packet(connection, POST)
    assert b"".join(transport.written).startswith(b"HTTP/1.1 500 ")
    assert transport.is_closed


async def test_the_time_until_the_next_request_is_limited_by_one_timer() -> None:
    connection, _ = connected(Noting())
    await packet(connection, POST)
    assert connection._is_kept_alive
    assert connection._deadline is None
    await packet(connection, GET[:5])
    assert not connection._is_kept_alive
    assert connection._deadline is not None


async def test_the_rest_of_a_body_is_limited_even_if_it_was_answered_before() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await Response(200, b"").send(send)

    connection, transport = connected(app)
    await packet(connection, POST[:-3])
    await settle()
    assert transport.written[0].startswith(b"HTTP/1.1 200 ")
    await packet(connection, b"l")
    assert connection._deadline is not None


async def test_a_client_that_waits_for_a_continue_gets_it() -> None:
    app = Noting()
    connection, transport = connected(app)
    head, _, body = POST.replace(b"Host: x", b"Expect: 100-continue").partition(b"hello")
    await packet(connection, head)
    await settle()
    assert transport.written == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    await packet(connection, b"hello")
    await settle()
    assert app.bodies == [b"hello"]


async def test_a_body_that_is_no_http_ends_the_connection_without_an_answer() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    app = Noting()
    connection, transport = connected(app)
    await packet(connection, head + b"no number\r\n")
    await settle()
    assert transport.is_closed
    assert not b"".join(transport.written).startswith(b"HTTP/1.1 200")


async def test_an_old_client_is_answered_and_left() -> None:
    connection, transport = connected(Noting())
    await packet(connection, POST.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert b"connection: close" in b"".join(transport.written)
    assert transport.is_closed


@pytest.mark.parametrize(
    "name",
    [
        *("limit_concurrency", "app_state", "asgi_version", "expect_100_continue", "access_log"),
        *("timeout_keep_alive_task", "_start_asgi_task", "on_response_complete", "cycle", "url"),
    ],
)
async def test_uvicorns_http_connection_still_has(name: str) -> None:
    assert issubclass(RequestProtocol, HttpToolsProtocol)
    connection, _ = connected(Noting())
    plain = HttpToolsProtocol(connection.config, connection.server_state, {})
    assert hasattr(plain, name) or name in HttpToolsProtocol.on_message_begin.__code__.co_names


async def test_uvicorns_proxy_middleware_still_has_its_app() -> None:
    connection, _ = connected(app := Noting())
    assert isinstance(connection.app, ProxyHeadersMiddleware)
    assert connection.app.app is app
