"""One connection, and why it has ended."""

from __future__ import annotations

from tests.support.site import LIVE, Site
from watchword.client import Public, Server
from watchword.client.server import Token
from watchword.client.session import request_of
from watchword.client.socket import OWN, Close, Socket


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
