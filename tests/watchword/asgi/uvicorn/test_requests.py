"""An app begins when a whole request is read: at once if it needs no task, and in a task once it waits."""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from typing import Any

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.support.fake_transport import connected
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

POST = b"POST /a%20b?c=%20 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
GET = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
BEARER = b"POST /a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Length: 1\r\n\r\n!"


class Noting:
    """Answers with the number of the request, when it may; notes scopes, bodies and tasks."""

    def __init__(self, begins_without_task: bool = True, waits: bool = False) -> None:
        setattr(self, BEGINS_WITHOUT_TASK, begins_without_task)
        self.may_answer = asyncio.Event()
        if not waits:
            self.may_answer.set()
        self.scopes: list[Message] = []
        self.bodies: list[bytes] = []
        # The task of each request when it began, and when it was answered.
        self.tasks: list[Any] = []
        self.tasks_at_end: list[Any] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.tasks.append(asyncio.current_task())
        number = len(self.tasks)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.scopes.append(scope)
        self.bodies.append(body)
        await self.may_answer.wait()
        self.tasks_at_end.append(asyncio.current_task())
        await Response(200, b"answer %d" % number).send(send)


async def packet(connection: RequestProtocol, data: bytes) -> None:
    """Let the event loop give a packet to the connection: no task runs then."""
    asyncio.get_running_loop().call_soon(connection.data_received, data)
    await asyncio.sleep(0)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


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


# A head that comes again.


def _unread(connection: RequestProtocol, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the packets that the parser is given from now on."""
    given: list[bytes] = []
    read = HttpToolsProtocol.data_received

    def note(self: HttpToolsProtocol, data: bytes) -> None:
        given.append(data)
        read(self, data)

    monkeypatch.setattr(HttpToolsProtocol, "data_received", note)
    return given


async def test_a_head_that_comes_again_is_not_parsed_and_its_request_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = Noting()
    connection, transport = connected(app)
    await packet(connection, POST)
    given = _unread(connection, monkeypatch)
    await packet(connection, POST.replace(b"hello", b"world"))
    assert given == []
    assert app.bodies == [b"hello", b"world"]
    assert app.scopes[0] == app.scopes[1]
    assert len(transport.written) == 2
    assert connection.server_state.total_requests == 2


async def test_a_head_with_another_token_is_not_parsed_and_has_its_own_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = Noting()
    connection, _ = connected(app)
    await packet(connection, BEARER % b"one.a-b_~+/==")
    given = _unread(connection, monkeypatch)
    await packet(connection, BEARER % b"two")
    await packet(connection, BEARER % b"one.a-b_~+/==")
    assert given == []
    headers = [dict(scope.pop("headers")) for scope in app.scopes]
    tokens = [each.pop(b"authorization") for each in headers]
    assert tokens == [b"Bearer one.a-b_~+/==", b"Bearer two", b"Bearer one.a-b_~+/=="]
    assert headers[0] == headers[1]
    assert app.scopes[0] == app.scopes[1]


async def test_a_head_that_another_token_makes_too_large_is_refused() -> None:
    connection, transport = connected(Noting())
    connection._limit = 400
    await packet(connection, BEARER % b"one")
    await packet(connection, BEARER % (b"t" * 500))
    assert transport.written[-1].startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "other",
    [
        POST.replace(b"Host: x", b"Host: y"),
        POST.replace(b"Host: x", b"hosT: x"),
        POST.replace(b"Length: 5", b"Length: 6") + b"!",
        POST + POST,
        POST[:-1],
        GET,
    ],
)
async def test_any_other_packet_is_parsed(other: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    connection, _ = connected(Noting())
    await packet(connection, POST)
    given = _unread(connection, monkeypatch)
    await packet(connection, other)
    assert given == [other]


async def test_the_app_cannot_change_the_next_request_through_its_scope() -> None:
    app = Noting()
    connection, _ = connected(app)
    await packet(connection, POST)
    app.scopes[0]["headers"].append((b"authorization", b"Bearer forged"))
    app.scopes[0]["path"] = "/other"
    app.scopes[0]["state"]["user"] = "somebody"
    app.scopes[0]["extensions"].clear()
    for number in (1, 2):
        await packet(connection, POST)
        assert (b"authorization", b"Bearer forged") not in app.scopes[number]["headers"]
        assert app.scopes[number]["path"] == "/a b"
        assert app.scopes[number]["state"] == {}
        assert app.scopes[number]["extensions"]


async def test_a_body_that_looks_like_a_request_is_no_request_when_its_own_was_answered_early() -> (
    None
):
    # Behind a proxy that shares connections, an attacker could otherwise send a request for somebody else.
    class Early(Noting):
        async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
            self.scopes.append(scope)
            await Response(200, b"early").send(send)

    app = Early()
    connection, _ = connected(app)
    await packet(connection, POST)
    await packet(connection, b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n")
    await settle()
    assert [scope["path"] for scope in app.scopes] == ["/a b", "/large"]
    await packet(connection, POST)
    await settle()
    assert len(app.scopes) == 2


async def test_a_head_that_comes_again_waits_for_the_answer_before_it() -> None:
    app = Noting()
    connection, transport = connected(app)
    await packet(connection, POST)
    app.may_answer.clear()
    await packet(connection, POST)
    await packet(connection, POST)
    assert len(app.tasks) == 2
    app.may_answer.set()
    await settle()
    assert len(app.tasks) == 3
    assert re.findall(rb"answer (\d)", b"".join(transport.written)) == [b"1", b"2", b"3"]


async def test_an_idle_connection_is_closed_in_time_after_a_head_came_again() -> None:
    connection, _ = connected(Noting())
    for _ in range(3):
        await packet(connection, POST)
        timer = connection.timeout_keep_alive_task
        assert timer is not None
        assert not timer.cancelled()
