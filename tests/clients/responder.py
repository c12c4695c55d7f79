"""Another person, who opens incidents over plain HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2

from tests.clients.account import Account
from tests.clients.documents import OPEN

T = TypeVar("T")
# Seconds to wait for an answer before the next incident is opened.
PAUSE = 2


@dataclass
class Responder:
    """A signed-in person, and the names of the incidents that the person has opened."""

    url: str
    token: str
    client: httpx2.AsyncClient
    opened: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def signed_in(cls, account: Account) -> AsyncIterator[Responder]:
        """Sign in with the account while the block runs."""
        async with httpx2.AsyncClient(base_url=account["url"], timeout=30) as client:
            body = {"email": account["email"], "password": account["password"]}
            response = await client.post("/api/auth/login", json=body)
            assert response.status_code == 200, response.text
            yield cls(account["url"], response.json()["access_token"], client)

    async def open(self) -> str:
        """Open one incident, and return its name."""
        name = f"Trouble number {len(self.opened) + 1}"
        response = await self.client.post(
            "/graphql",
            json={"query": OPEN, "variables": {"name": name}},
            headers={"authorization": f"Bearer {self.token}"},
        )
        assert "errors" not in response.json(), response.text
        self.opened.append(name)
        return name

    async def open_until(self, heard: Callable[[], Awaitable[T]]) -> T:
        """Open incidents until the client receives one of them, and return its answer.

        The protocols do not tell when a subscription has begun, so the first incident may be too early.
        """
        hearing = asyncio.ensure_future(heard())
        try:
            while not hearing.done():
                await self.open()
                await asyncio.wait({hearing}, timeout=PAUSE)
            return hearing.result()
        finally:
            hearing.cancel()

    def knows(self, answer: dict[str, Any]) -> bool:
        """Tell whether this is the answer about an incident that was opened here."""
        event = answer["data"]["incidentsChanged"]
        return event["kind"] == "OPENED" and event["incident"]["name"] in self.opened
