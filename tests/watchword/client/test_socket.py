"""One connection, and why it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from gql.transport.exceptions import TransportError
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Response

from tests.support.site import LIVE, Site
from watchword.client import ClientError, Live, Public, Server
from watchword.client.server import Token
from watchword.client.session import request_of
from watchword.client.socket import OWN, Close, Position, Socket


async def test_a_refused_token_is_told_by_its_close_code(site: Site) -> None:
    socket = Socket(Server(site.url), Token("forged", "Bearer", 0, 0))
    await socket.open()
    assert socket.closed is not None
    assert socket.closed.code == 4401


async def test_a_refused_handshake_is_told_by_its_status(site: Site) -> None:
    socket = Socket(Server(f"{site.url}/elsewhere"), None)
    await socket.open()
    assert socket.closed is not None
    assert socket.closed.status in (403, 404)


async def test_a_port_where_nothing_listens_is_no_error(site: Site) -> None:
    socket = Socket(Server("http://127.0.0.1:9"), None)
    await socket.open()
    assert socket.closed is not None
    assert (socket.closed.code, socket.closed.status) == (None, None)


async def test_closing_it_is_not_the_servers_end_of_a_subscription(site: Site) -> None:
    await site.open()
    socket = Socket(Server(site.url), None)
    await socket.open()
    answers = socket.answers(request_of(LIVE))
    await anext(answers)
    await socket.close()
    await socket.close()
    assert socket.closed is OWN
    error = None
    try:
        await anext(answers)
    except Exception as raised:
        error = raised
    assert "closed by this client" in str(error)


async def test_a_query_over_it_ends_with_its_answer(site: Site) -> None:
    socket = Socket(Server(site.url), None)
    await socket.open()
    answers = [each.data async for each in socket.answers(request_of("{ __typename }"))]
    assert answers == [{"__typename": "Query"}]
    await socket.close()


def test_the_nonce_that_a_proof_needs_is_in_the_reason() -> None:
    assert Close(4403, "use_dpop_nonce: abc").nonce == "abc"
    assert Close(4403, "token expired").nonce is None


async def test_it_is_the_sessions_server_that_is_asked(site: Site) -> None:
    async with Public(Server(site.url.replace("http", "http", 1))) as public:
        assert public.server.socket_url == site.url.replace("http", "ws", 1) + "/graphql"


@asynccontextmanager
async def answering(
    talk: Callable[[ServerConnection], Awaitable[None]], **options: Any
) -> AsyncIterator[int]:
    """Run a server that is not ours; yields its port."""
    protocols: Any = ["graphql-transport-ws"]
    async with serve(talk, "127.0.0.1", 0, subprotocols=protocols, **options) as server:
        [listening] = server.sockets
        yield listening.getsockname()[1]


async def test_no_other_server_gets_the_token_by_a_redirect() -> None:
    heard = []

    async def other(socket: ServerConnection) -> None:
        heard.append(await socket.recv())

    async with answering(other) as port:
        to = Headers({"Location": f"ws://localhost:{port}/graphql"})
        refuse = lambda *_: Response(307, "Temporary Redirect", to)  # noqa: E731
        async with answering(other, process_request=refuse) as first:
            session = Public(f"http://127.0.0.1:{first}")
            socket = Socket(session.server, Token("secret", "Bearer", 0, 0))
            await socket.open()
            live = Live(session)
            with pytest.raises(ClientError, match="307"):
                await anext(live.subscribe(LIVE))
            await live.close()
    assert socket.closed == Close(None, "the handshake was answered by 307", 307)
    assert heard == []


@pytest.mark.parametrize(
    "nonsense",
    [
        "5",
        "null",
        "[]",
        "[" * 200_000,
        '{"type": "error", "id": "1", "payload": []}',
        '{"type": "next", "id": [1], "payload": {"data": {}}}',
        b"\xff",
    ],
)
async def test_a_message_that_makes_no_sense_ends_the_connection(nonsense: str | bytes) -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send('{"type": "connection_ack"}')
        await socket.recv()
        await socket.send(nonsense)
        await socket.wait_closed()

    async with asyncio.timeout(30), answering(talk) as port:
        socket = Socket(Server(f"http://127.0.0.1:{port}"), None)
        await socket.open()
        with pytest.raises(TransportError):
            await anext(socket.answers(request_of(LIVE)))
        assert socket.closed is not None


async def test_a_position_that_is_none_is_ignored() -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send('{"type": "connection_ack"}')
        await socket.recv()
        for payload in ('{"id": "1"}', '{"id": [1], "cursor": "c"}', '{"id": "1", "cursor": "c"}'):
            await socket.send(f'{{"type": "pong", "payload": {payload}}}')
        await socket.wait_closed()

    async with asyncio.timeout(30), answering(talk) as port:
        socket = Socket(Server(f"http://127.0.0.1:{port}"), None)
        await socket.open()
        assert await anext(socket.answers(request_of(LIVE))) == Position("c")
        await socket.close()
