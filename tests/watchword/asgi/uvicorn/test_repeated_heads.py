"""A head that comes again is compared with the last one, and its request is the same as if it had been parsed."""

from __future__ import annotations

import re

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.support.fake_transport import connected
from tests.watchword.asgi.uvicorn.noting import BEARER, GET, POST, Noting, packet, settle
from watchword.asgi.types import Message, Receive, Response, Send
from watchword.asgi.uvicorn.requests import RequestProtocol


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
