"""An incident on a running server, changed over HTTP and followed over WebSockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from tests.support.clients import WebSocketClient

PATIENCE = 60
OPEN = 'mutation { openIncident(input: { name: "Trouble", body: "Here." }) { id } }'
POST = "mutation Post($input: PostUpdateInput!) { postUpdate(input: $input) { id } }"
CHANGES = """subscription Changes($id: ID!) {
    incidentUpdated(incidentId: $id, present: true) { kind update { body } }
}"""


class Watched:
    """An incident, and the token that changes and follows it."""

    def __init__(self, origin: str, trust: ssl.SSLContext | None = None) -> None:
        self._origin, self._trust = origin, trust

    async def sign_in(self, email: str, password: str) -> None:
        """Sign in, and open the incident."""
        login = await self._send("/api/auth/login", {"email": email, "password": password})
        self._token = login["access_token"]
        self._id = (await self._mutate(OPEN))["openIncident"]["id"]

    async def post(self, body: str) -> None:
        """Post an update, over its own connection."""
        await self._mutate(POST, input={"incident": self._id, "body": body})

    @asynccontextmanager
    async def watcher(self) -> AsyncIterator[WebSocketClient]:
        """Open a WebSocket that follows the incident before the block begins."""
        options = {} if self._trust is None else {"ssl": self._trust, "origin": self._origin}
        async with WebSocketClient.open(f"{self._origin}/graphql", **options) as client:
            await client.init(self._token)
            await client.subscribe("1", CHANGES, variables={"id": self._id})
            # Once the present state has arrived, no later event is missed.
            assert (await _next(client))["kind"] == "PRESENT"
            yield client

    async def _mutate(self, query: str, **variables: Any) -> Any:
        answer = await self._send("/graphql", {"query": query, "variables": variables})
        assert "errors" not in answer, answer
        return answer["data"]

    async def _send(self, path: str, body: object) -> Any:
        headers = {"authorization": f"Bearer {self._token}"} if path == "/graphql" else {}
        verify = True if self._trust is None else self._trust
        async with httpx2.AsyncClient(verify=verify, timeout=PATIENCE) as client:
            answer = await client.post(f"{self._origin}{path}", json=body, headers=headers)
        return answer.json()


async def bodies(client: WebSocketClient, count: int) -> list[str]:
    """Return the bodies of the next updates that a watcher receives."""
    async with asyncio.timeout(PATIENCE):
        return [(await _next(client))["update"]["body"] for _ in range(count)]


async def _next(client: WebSocketClient) -> Any:
    return (await client.receive())["payload"]["data"]["incidentUpdated"]
