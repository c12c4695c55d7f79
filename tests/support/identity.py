"""The services of sign-in on a real database, with their routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.vault import ENCRYPTION_KEY
from watchword.app import make_services
from watchword.auth.accounts.accounts import add_account
from watchword.auth.http import passkey_routes
from watchword.auth.http.routes import routes
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.service import AuthService
from watchword.auth.sessions.sessions import Device, SignedIn
from watchword.auth.sign_in.authentication import Authentication
from watchword.auth.sign_in.password_checks import Evidence
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.auth.tables import Account, AuditEntry
from watchword.config.settings import Settings
from watchword.domain import Domain
from watchword.events.bus.memory import MemoryBus
from watchword.oauth.authorize import authorize_routes
from watchword.oauth.endpoints import routes as oauth_routes
from watchword.storage.database import Database
from watchword.transaction import Transaction, transaction

EMAIL, PASSWORD = "Alice@Example.com", "correct horse battery"
ORIGIN = "https://watchword.example"
DOMAIN = Domain(
    roles={"keeper": frozenset({"toys:count"}), "admin": frozenset({"toys:all"})},
    descriptions={"toys:count": "Count the toys", "toys:all": "Do anything with toys"},
)


@dataclass
class SignInDesk:
    """The services of sign-in, an account, and an HTTP client of their routes."""

    auth: AuthService
    account: Account
    client: httpx2.AsyncClient

    async def sign_in(self) -> SignedIn:
        """Sign in directly, without a route."""
        authentication = Authentication(self.auth.services)
        device, now = Device("x" * 500, "203.0.113.7"), self.auth.clock.now()
        return await authentication.sign_in(EMAIL, Evidence(PASSWORD), device, now)

    async def login(self, **changes: Any) -> httpx2.Response:
        body = {"email": EMAIL, "password": PASSWORD} | changes
        return await self.client.post("/api/auth/login", json=body)

    async def step_up(self, access_token: str, **shown: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {access_token}"}
        return await self.client.post("/api/auth/step-up", json=shown, headers=headers)

    async def tokens(self, **changes: Any) -> dict[str, Any]:
        """Sign in as an app does, and return the answer with its tokens."""
        answer: dict[str, Any] = (await self.login(delivery="body", **changes)).json()
        return answer

    async def entries(self, action: str) -> list[AuditEntry]:
        """Return the audit entries of an action, the oldest first."""
        wanted = select(AuditEntry).filter_by(action=action).order_by(AuditEntry.position)
        async with self.auth.services.database.read() as db:
            return list((await db.execute(wanted)).scalars())

    async def audited(self) -> list[str]:
        """Return the actions that the audit log has for the account, the oldest first."""
        mine = select(AuditEntry.action).filter_by(account_id=self.account.id)
        async with self.auth.services.database.read() as db:
            found = await db.execute(mine.order_by(AuditEntry.position))
        return list(found.scalars())

    async def refresh(self, token: str | None = None, **rest: Any) -> httpx2.Response:
        body = {} if token is None else {"refresh_token": token}
        return await self.client.post("/api/auth/refresh", json=body, **rest)


@asynccontextmanager
async def sign_in_desk(
    database: Database, clock: MovedClock, domain: Domain = DOMAIN, **settings: Any
) -> AsyncIterator[SignInDesk]:
    made = {"encryption_keys": (ENCRYPTION_KEY,), "issuer": ORIGIN} | settings
    read = Settings(_env_file=None, database_url=str(database.url), **made)
    own = make_services(read, clock, domain)
    services = replace(own, database=database)
    await ensure(database, services.vault, read, clock.now())
    hash = await hash_chosen(PASSWORD)
    async with unit_of(database, clock.now()) as unit:
        account = await add_account(unit, email=EMAIL, name="Alice", roles=["keeper"], hash=hash)
    auth = AuthService(services)
    await auth.open()
    app = FastAPI()
    app.include_router(routes(auth))
    app.include_router(oauth_routes.routes(auth))
    app.include_router(passkey_routes.routes(auth))
    app.include_router(authorize_routes.routes(auth))
    transport = httpx2.ASGITransport(app, client=("203.0.113.7", 1234))
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield SignInDesk(auth, account, client)
    # Close the unused database that make_services opened.
    await own.database.close()


@asynccontextmanager
async def unit_of(
    database: Database, now: float = MovedClock().now()
) -> AsyncIterator[Transaction]:
    """Run a transaction whose events are not published to anyone."""
    async with transaction(database, MemoryBus(), now) as unit:
        yield unit
