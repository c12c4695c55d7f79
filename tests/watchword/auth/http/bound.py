"""The auth service of a process, and requests with proofs of a key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.requests import Request

from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder
from tests.support.identity import DOMAIN, ORIGIN
from tests.support.vault import ENCRYPTION_KEY
from watchword.app import make_services
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.service import AuthService
from watchword.config.settings import Settings
from watchword.storage.database import Database
from watchword.tokens.dpop import Target

PATH = "/api/auth/refresh"
URL = ORIGIN + PATH
TARGET = Target("POST", PATH)
HOLDER = KeyHolder()


async def auth_of(database: Database, clock: MovedClock, **settings: Any) -> AuthService:
    """The auth service of one process on a database."""
    made = {"encryption_keys": (ENCRYPTION_KEY,), "issuer": ORIGIN} | settings
    read = Settings(_env_file=None, database_url=str(database.url), **made)
    services = replace(make_services(read, clock, DOMAIN), database=database)
    await ensure(database, services.vault, read, clock.now())
    auth = AuthService(services)
    await auth.open()
    return auth


def request(*headers: tuple[str, str], method: str = "POST", path: str = PATH) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw}
    # The Host header does not matter: a client can set it.
    return Request(scope | {"headers": [*raw, (b"host", b"evil.example")]})


def proof(auth: AuthService, token: str | None = None, **changes: Any) -> str:
    return HOLDER.proof("POST", URL, auth.clock.now(), token, **changes)
