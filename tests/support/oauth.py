"""OAuth clients that request tokens from the server of tests/support/identity.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt

from tests.support.clock import MovedClock
from tests.support.identity import ORIGIN, SignInDesk, sign_in_desk, unit_of
from watchword.auth.revocation.identity_events import STREAM
from watchword.auth.service import AuthService
from watchword.auth.sessions.sessions import Device, NewSession, SignedIn
from watchword.oauth.clients.client_assertion import TYPE
from watchword.oauth.clients.clients import add_client, add_secret
from watchword.oauth.clients.registration import ClientAuthMethod, Grant, Registration
from watchword.oauth.tables import Client
from watchword.storage.database import Database
from watchword.tokens.keys import Key, generate

REDIRECT = "https://app.example/callback"
MACHINE = Registration(
    "Counter",
    grants=[Grant.CLIENT_CREDENTIALS],
    scopes=["toys:count", "toys:all"],
    roles=["keeper"],
)
APP = Registration(
    "App",
    authentication=ClientAuthMethod.NONE,
    grants=[Grant.AUTHORIZATION_CODE, Grant.REFRESH_TOKEN],
    scopes=["toys:count"],
    redirect_uris=[REDIRECT],
)


@dataclass
class RegisteredClient:
    """A registered client as its own program knows it: its id, and its secret or key."""

    id: str
    secret: str | None = None
    key: Key | None = None

    @property
    def basic(self) -> tuple[str, str]:
        return self.id, self.secret or ""

    def assertion(self, now: float, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Sign an assertion with PyJWT; a change to None removes a claim."""
        assert self.key is not None
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": ORIGIN,
            "exp": now + 60,
            "iat": now,
            "jti": "1",
        } | changes
        kept = {name: value for name, value in claims.items() if value is not None}
        headers = {"kid": self.key.kid} | (header or {})
        signer = jwt.PyJWT(options={"enforce_minimum_key_length": False})
        return signer.encode(kept, self.key.private, self.key.algorithm, headers=headers)


@dataclass
class TokenDesk:
    """The server, and requests of clients to it."""

    desk: SignInDesk
    database: Database
    clock: MovedClock

    @property
    def auth(self) -> AuthService:
        return self.desk.auth

    async def register(
        self, asked: Registration = MACHINE, key: Key | None = None
    ) -> RegisteredClient:
        """Register a client, with the secret or the key that it needs."""
        domain = self.auth.domain
        async with unit_of(self.database, self.clock.now()) as unit:
            made: Client = await add_client(unit, domain, asked)
            if made.authentication == ClientAuthMethod.SECRET:
                return RegisteredClient(made.id, (await add_secret(unit, made.id)).text)
        return RegisteredClient(made.id, key=key)

    async def post(self, path: str, form: Any, **rest: Any) -> httpx2.Response:
        return await self.desk.client.post(path, data=form, **rest)

    async def token(self, client: RegisteredClient, **form: Any) -> httpx2.Response:
        """Request a token for the client itself, or with the grant in the form."""
        data = {"grant_type": "client_credentials"} | form
        if client.secret is not None:
            return await self.post("/oauth/token", data, auth=client.basic)
        if client.key is not None:
            assertion = client.assertion(self.clock.now())
            data = {"client_assertion_type": TYPE, "client_assertion": assertion} | data
        return await self.post("/oauth/token", {"client_id": client.id} | data)

    async def refresh(self, client: RegisteredClient, token: str, **form: Any) -> httpx2.Response:
        return await self.token(client, grant_type="refresh_token", refresh_token=token, **form)

    async def session(self, client: RegisteredClient, **changes: Any) -> SignedIn:
        """Open a session of the account for a client, as exchanging a code does."""
        now = self.clock.now()
        opening = NewSession(
            ["pwd"], now, client=client.id, **{"scopes": ["toys:count"], **changes}
        )
        async with unit_of(self.database, now) as unit:
            return await self.auth.sessions.open(
                unit, self.desk.account, Device("test", ""), opening
            )

    async def hear(self) -> None:
        """Apply all revocations from the log to this process."""
        happened, _ = await self.auth.services.event_log.since(STREAM, 0)
        for event, at in happened:
            self.auth.revocations.add(event, at)


@asynccontextmanager
async def token_desk(
    database: Database, clock: MovedClock, **settings: Any
) -> AsyncIterator[TokenDesk]:
    async with sign_in_desk(database, clock, **settings) as desk:
        await desk.auth.services.event_log.open()
        yield TokenDesk(desk, database, clock)


def keyed(algorithm: str = "ES256", **changes: Any) -> tuple[Registration, Key]:
    """Register a machine that signs assertions with its own key."""
    key = generate(algorithm, 2048)
    asked = Registration(
        "Signer",
        authentication=ClientAuthMethod.KEY,
        **{
            "grants": [Grant.CLIENT_CREDENTIALS],
            "scopes": ["toys:count"],
            "jwks": {"keys": [key.jwk()]},
            **changes,
        },
    )
    return asked, key
