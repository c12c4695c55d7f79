"""The stock client of PyPI's gql, over graphql-transport-ws."""

from __future__ import annotations

from typing import Any

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import ConnectionClosed

from tests.clients.account import Account
from tests.clients.documents import QUERY, SUBSCRIPTION
from tests.clients.responder import Responder


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
