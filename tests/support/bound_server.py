"""The whole app around the toy schema, with real sign-in, for tests of tokens that are bound to a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson
from websockets.exceptions import ConnectionClosed

from tests.support import toy_schema
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder, token_for
from tests.support.identity import DOMAIN, ORIGIN
from tests.support.toy_server import serving
from tests.support.vault import ENCRYPTION_KEY
from watchword.app import create_app, make_services
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.service import AuthService
from watchword.config.settings import Settings
from watchword.domain import Mount

TRANSPORTS = ("http", "sse", "multipart", "websocket")
ACCEPT = {
    "http": "application/json",
    "sse": "text/event-stream",
    "multipart": 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0, application/json',
}
ME = "{ me }"


@dataclass
class Outcome:
    """The outcome of a request: its status, or a socket's close code (200 if it was accepted)."""

    status: int
    text: str
    headers: httpx2.Headers = field(default_factory=httpx2.Headers)


@dataclass
class BoundServer:
    """A running server, a client with a key, and the means to issue its tokens."""

    url: str
    auth: AuthService
    clock: MovedClock
    holder: KeyHolder = field(default_factory=KeyHolder)

    async def token(self, key: str | None = None, subject: str = "alice") -> str:
        """Issue a token that is bound to the client's key, or to another one."""
        return await token_for(self.auth, key or self.holder.thumbprint, subject)

    async def unbound(self) -> str:
        return await token_for(self.auth, None)

    def proof(self, transport: str, token: str | None, **changes: Any) -> str:
        """Return a valid proof for a transport, with these changes."""
        method = "GET" if transport == "websocket" else "POST"
        holder = changes.pop("holder", self.holder)
        made: str = holder.proof(
            changes.pop("htm", method),
            changes.pop("htu", f"{ORIGIN}/graphql"),
            self.clock.now(),
            token,
            **changes,
        )
        return made

    async def ask(self, transport: str, authorization: str, *proofs: str) -> Outcome:
        """Send a request over a transport with this Authorization and these proofs."""
        if transport == "websocket":
            return await self._open(authorization, *proofs)
        headers = [("authorization", authorization), ("accept", ACCEPT[transport])]
        headers += [("dpop", proof) for proof in proofs]
        query = ME if transport == "http" else "subscription { numbers(to: 1) }"
        async with httpx2.AsyncClient(timeout=30) as client:
            response = await client.post(self.url, json={"query": query}, headers=headers)
        return Outcome(response.status_code, response.text, response.headers)

    async def _open(self, authorization: str, *proofs: str) -> Outcome:
        # A second proof fits only into the `headers` object that GraphiQL and Apollo put into the payload.
        payload: dict[str, Any] = {"authorization": authorization}
        if proofs:
            payload["dpop"] = proofs[0]
        if proofs[1:]:
            payload["headers"] = {"DPoP": proofs[1]}
        async with WebSocketClient.open(self.url) as client:
            await client.send({"type": "connection_init", "payload": payload})
            await client.send({"type": "subscribe", "id": "1", "payload": {"query": ME}})
            try:
                assert (await client.receive())["type"] == "connection_ack"
                return Outcome(200, orjson.dumps(await client.receive()).decode())
            except ConnectionClosed:
                code, reason = await client.closed()
                return Outcome(code or 0, reason or "")


@asynccontextmanager
async def bound_server(url: str, clock: MovedClock, **settings: Any) -> AsyncIterator[BoundServer]:
    """Serve on a free port in this event loop; proofs still name ORIGIN."""
    made = {"encryption_keys": (ENCRYPTION_KEY,), "issuer": ORIGIN, "explorer": False} | settings
    read = Settings(_env_file=None, database_url=url, **made)
    services = make_services(read, clock, DOMAIN)
    await ensure(services.database, services.vault, read, clock.now())
    auth = AuthService(services)
    await auth.open()
    app = create_app(read, Mount(toy_schema.schema, DOMAIN), clock)
    try:
        async with serving(app, read) as (origin, _):
            yield BoundServer(f"{origin}/graphql", auth, clock)
    finally:
        await services.database.close()
