"""Single sign-on with a real provider and a real server, over HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.clients import WebSocketClient
from tests.support.identity_provider import PATIENCE, IdentityProvider
from tests.support.server import LiveServer, live_server
from tests.support.vault import ENCRYPTION_KEY

VIEWER = "{ viewer { id name email roles scopes } }"


@pytest.fixture
def trusting(database_url: str, tmp_path: Path, provider: IdentityProvider) -> Iterator[LiveServer]:
    trusted = json.dumps([provider.setting(scopes="scope")])
    with live_server(tmp_path / "home", database_url, WATCHWORD_TRUSTED_ISSUERS=trusted) as server:
        yield server


def ask(server: LiveServer, token: str) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.post(f"{server.url}/graphql", json={"query": VIEWER}, headers=headers)


async def over_socket(server: LiveServer, token: str) -> dict[str, Any] | int | None:
    """Query the viewer over a WebSocket; return it, or the close code."""
    async with WebSocketClient.open(f"{server.url}/graphql") as client:
        try:
            await client.init(token)
            await client.subscribe("1", VIEWER)
            viewer: dict[str, Any] = (await client.receive())["payload"]["data"]["viewer"]
        except ConnectionClosed:
            return client.socket.close_code
        return viewer


async def test_a_person_of_the_provider_is_served_and_stays_so_when_it_dies(
    trusting: LiveServer, provider: IdentityProvider
) -> None:
    tokens, later = provider.sign_in("alice"), provider.sign_in("alice")
    viewer = ask(trusting, tokens.access).json()["data"]["viewer"]
    assert (viewer["name"], viewer["email"]) == ("Alice", "alice@op.example")
    assert (viewer["roles"], viewer["scopes"]) == (["commander"], ["incidents:read"])
    assert await over_socket(trusting, tokens.access) == viewer
    provider.kill()
    assert ask(trusting, later.access).json()["data"]["viewer"] == viewer
    assert await over_socket(trusting, later.access) == viewer


@pytest.mark.exhaustive
async def test_two_processes_that_see_a_person_first_at_once_make_one_account(
    database_url: str, tmp_path: Path, provider: IdentityProvider
) -> None:
    given = {
        "WATCHWORD_TRUSTED_ISSUERS": json.dumps([provider.setting()]),
        "WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
    with (
        live_server(tmp_path / "one", database_url, **given) as one,
        live_server(tmp_path / "two", database_url, **given) as two,
    ):
        tokens = [provider.sign_in("alice").access for _ in range(8)]
        async with httpx2.AsyncClient(timeout=PATIENCE) as client:
            answers = await asyncio.gather(
                *(
                    client.post(
                        f"{server.url}/graphql",
                        json={"query": VIEWER},
                        headers={"authorization": f"Bearer {token}"},
                    )
                    for token in tokens
                    for server in (one, two)
                )
            )
        assert len({answer.json()["data"]["viewer"]["id"] for answer in answers}) == 1
        assert one.run("accounts", "list").count("alice@op.example") == 1


async def test_what_is_no_access_token_is_refused_on_every_transport(
    trusting: LiveServer, provider: IdentityProvider
) -> None:
    tokens = provider.sign_in("alice")
    for token in (tokens.id, tokens.access[:-4] + "AAAA", f"{tokens.access}.x"):
        answer = ask(trusting, token)
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert await over_socket(trusting, token) == 4401
    assert tokens.id[:40] not in trusting.log


async def test_a_provider_that_was_never_reached_is_no_reason_to_sign_out(
    trusting: LiveServer, provider: IdentityProvider
) -> None:
    token = provider.machine_token()
    provider.kill()
    answer = ask(trusting, token)
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert await over_socket(trusting, token) == 1013
