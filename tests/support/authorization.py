"""A registered application that asks Alice for access, and the server where she signs in and consents."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.identity import SignInDesk, sign_in_desk, unit_of
from watchword.auth.sessions.sessions import Device, SignedIn
from watchword.auth.tables import AuditEntry
from watchword.oauth.authorize import codes
from watchword.oauth.clients.clients import add_client
from watchword.oauth.clients.registration import Registration
from watchword.oauth.tables import Client
from watchword.storage.database import Database

DEVICE = Device("An app", "198.51.100.9")
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CALLBACK = "https://app.example/callback"
LOOPBACK = "http://127.0.0.1/callback"
KEY = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def challenge(verifier: str = VERIFIER) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def answer(url: str) -> dict[str, str]:
    """Return the parameters of a redirect to the client."""
    found = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


@dataclass
class ConsentDesk:
    """A server with Alice's account, and an application that is registered there."""

    desk: SignInDesk
    clock: MovedClock
    client: Client = field(init=False)

    async def token(self) -> str:
        """Sign Alice in as the page does."""
        return str((await self.desk.login()).json()["access_token"])

    def asked(self, **changes: Any) -> dict[str, str]:
        """Return the parameters of the application's request; those that are None are left out."""
        asked = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.client.redirect_uris[0],
            "scope": "toys:count",
            "state": "where I was",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
        } | changes
        return {name: value for name, value in asked.items() if value is not None}

    async def show(self, **changes: Any) -> httpx2.Response:
        return await self.desk.client.get("/oauth/authorize", params=self.asked(**changes))

    async def decide(
        self, decision: str, token: str | None = None, headers: Any = None, **changes: Any
    ) -> httpx2.Response:
        bearer = {} if token is None else {"authorization": f"Bearer {token}"}
        return await self.desk.client.post(
            "/oauth/authorize",
            json=self.asked(**changes) | {"decision": decision},
            headers=bearer | (headers or {}),
        )

    async def told(self, decision: str, token: str | None = None, **changes: Any) -> dict[str, str]:
        """Send a decision, and return the parameters of the redirect to the client."""
        decided = await self.decide(decision, token, **changes)
        assert decided.status_code == 200, decided.text
        return answer(decided.json()["redirect_to"])

    async def code(self, **changes: Any) -> str:
        """Sign Alice in, allow the request, and return the code."""
        return (await self.told("allow", await self.token(), **changes))["code"]

    async def exchange(self, code: str, **changes: Any) -> httpx2.Response:
        """Send a code to the token endpoint."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client.id,
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        } | changes
        given = {name: value for name, value in form.items() if value is not None}
        return await self.desk.client.post("/oauth/token", data=given)

    async def redeem(
        self, code: str, client: Client | None = None, **changes: Any
    ) -> SignedIn | None:
        given: dict[str, Any] = {
            "code": code,
            "redirect_uri": self.client.redirect_uris[0],
            "code_verifier": VERIFIER,
            "key": None,
            "device": DEVICE,
        }
        asking = client or self.client
        async with unit_of(self.database, self.clock.now()) as unit:
            return await codes.redeem(unit, self.desk.auth, asking, **(given | changes))

    @property
    def database(self) -> Database:
        return self.desk.auth.services.database

    async def register(self, **changes: Any) -> Client:
        asked = {
            "name": "Toy Counter",
            "authentication": "none",
            "grants": ["authorization_code", "refresh_token"],
            "scopes": ["toys:count", "toys:all"],
            "redirect_uris": [CALLBACK],
        } | changes
        async with unit_of(self.database, self.clock.now()) as unit:
            return await add_client(unit, self.desk.auth.domain, Registration(**asked))

    async def audited(self, action: str) -> list[AuditEntry]:
        async with self.database.read() as db:
            found = await db.execute(select(AuditEntry).filter_by(action=action))
        return list(found.scalars())


@asynccontextmanager
async def consent_desk(
    database: Database, clock: MovedClock, client: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[ConsentDesk]:
    """Open a server with an application; `client` changes its registration."""
    async with sign_in_desk(database, clock, **settings) as desk:
        room = ConsentDesk(desk, clock)
        room.client = await room.register(**(client or {}))
        yield room
