"""While the database hangs, everything that needs it fails in time with the right error; afterwards it works."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.clients import WebSocketClient
from tests.support.deaf_proxy import deaf_proxy
from tests.support.server import LiveServer

# Far longer than all time limits together, even on a slow machine.
PATIENCE = 120
OPEN = 'mutation { openIncident(input: {name: "%s", body: "Down."}) { name } }'
FOLLOW = "subscription { incidentsChanged(last: 1) { incident { name } } }"
LIMITS = {"WATCHWORD_DATABASE_STATEMENT_SECONDS": "1", "WATCHWORD_DATABASE_POOL_SECONDS": "1"}


class Caller:
    """A signed-in caller, which sends requests to a server over HTTP."""

    def __init__(self, server: LiveServer, client: httpx2.AsyncClient) -> None:
        self.server = server
        self.client = client
        self.token = ""

    async def sign_in(self) -> int:
        body = {"email": self.server.email, "password": self.server.password}
        answer = await self.client.post("/api/auth/login", json=body)
        self.token = answer.json().get("access_token", self.token)
        return answer.status_code

    async def ask(self, query: str) -> Any:
        """Return the data of an operation, or the code of its error."""
        headers = {"authorization": f"Bearer {self.token}"}
        answer = (await self.client.post("/graphql", json={"query": query}, headers=headers)).json()
        return answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer["data"]

    async def ready(self) -> tuple[int, set[str]]:
        answer = await self.client.get("/health/ready")
        return answer.status_code, set(answer.json().get("tasks", ()))


@pytest.mark.exhaustive
async def test_everything_that_needs_a_hanging_database_fails_in_time_and_works_afterwards(
    postgres_url: str, tmp_path: Path
) -> None:
    async with deaf_proxy(postgres_url) as proxy, asyncio.timeout(PATIENCE):
        server = LiveServer(tmp_path / "home", proxy.url, **LIMITS)
        await asyncio.to_thread(server.start)
        try:
            async with (
                httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE) as client,
                WebSocketClient.open(f"{server.url}/graphql") as follower,
            ):
                await hang(Caller(server, client), follower, proxy)
        finally:
            code = await asyncio.to_thread(server.stop)
        assert code == 0, server.log


async def hang(caller: Caller, follower: WebSocketClient, proxy: Any) -> None:
    assert await caller.sign_in() == 200
    assert (await follower.init(caller.token))["type"] == "connection_ack"
    await follower.subscribe("1", FOLLOW)
    # A subscription that opens after this begins with this event.
    assert await caller.ask(OPEN % "first") == {"openIncident": {"name": "first"}}
    while await heard(follower) != "first":
        pass
    proxy.is_deaf = True
    signed_in, queried, changed, (status, _) = await asyncio.gather(
        caller.sign_in(),
        caller.ask("{ incidents { nodes { name } } }"),
        caller.ask(OPEN % "lost"),
        caller.ready(),
    )
    assert (signed_in, queried, changed, status) == (503, "UNAVAILABLE", "UNAVAILABLE", 503)
    # The look at the log does not hang, and reports that it fails.
    while "the check of the event log" not in (await caller.ready())[1]:
        pass
    proxy.is_deaf = False
    while await caller.ready() != (200, set()):
        pass
    assert await caller.ask(OPEN % "second") == {"openIncident": {"name": "second"}}
    assert await heard(follower) == "second"
    assert await caller.sign_in() == 200


async def heard(follower: WebSocketClient) -> str:
    while (message := await follower.receive())["type"] != "next":
        pass
    return str(message["payload"]["data"]["incidentsChanged"]["incident"]["name"])
