"""The stock client of PyPI's gql, over graphql-transport-ws."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import ConnectionClosed

from tests.clients.account import Account, Server
from tests.clients.documents import QUERY, SUBSCRIPTION
from tests.clients.responder import Responder
from tests.support.documents import HOW_TO, block


def transport(account: Account, token: str) -> WebsocketsTransport:
    return WebsocketsTransport(
        url=f"{account['url']}/graphql".replace("http", "ws", 1),
        init_payload={"authorization": f"Bearer {token}"},
    )


async def test_it_connects_queries_and_receives(account: Account) -> None:
    async with (
        Responder.signed_in(account) as responder,
        Client(transport=transport(account, responder.token)) as session,
    ):
        answer = await session.execute(gql(QUERY))
        assert answer["viewer"]["email"] == account["email"]
        answers = session.subscribe(gql(SUBSCRIPTION))

        async def first() -> dict[str, Any]:
            return await anext(answers)

        assert responder.knows({"data": await responder.open_until(first)})
        await answers.aclose()


async def test_a_bad_token_closes_with_4401(account: Account) -> None:
    with pytest.raises((TransportConnectionFailed, ConnectionClosed)) as caught:
        async with Client(transport=transport(account, "not-a-token")):
            pass
    fault = caught.value.__cause__ or caught.value
    assert isinstance(fault, ConnectionClosed)
    assert fault.rcvd is not None
    assert fault.rcvd.code == 4401


async def test_a_service_by_the_documents_continues_after_its_token_was_revoked(
    account: Account, server: Server
) -> None:
    grant = ("--grant", "client_credentials", "--scope", "incidents:read")
    made = server.run("clients", "add", "Follower", *grant).split()
    client, secret = made[made.index("Client:") + 1], made[made.index("Secret:") + 1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", block(HOW_TO / "python.md", "python", "# follow.py")),
        *(server.url, client, secret),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    lines, told = process.stdout, process.stderr
    async with asyncio.timeout(60), Responder.signed_in(account) as responder:

        async def heard() -> str:
            return str(json.loads(await lines.readline())["incidentsChanged"]["incident"]["name"])

        name = await responder.open_until(heard)
        while name != responder.opened[-1]:
            name = await heard()
        await asyncio.to_thread(server.run, "clients", "revoke", client)
        while b"again in" not in await told.readline():
            pass
        # It is away now, and misses none of these.
        away = [await responder.open() for _ in range(3)]
        assert [await heard() for _ in away] == away
        process.kill()
        await process.wait()
