"""The session of a service: client credentials (RFC 6749, section 4.4), by a secret or by a key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from watchword.client.server import Server, Token
from watchword.client.session import Session, granted
from watchword.client.signing_key import SigningKey

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PATH = "/oauth/token"


class Service(Session):
    """A client that asks for tokens of its own: with its `secret`, or with a `key` (private_key_jwt, RFC 7523).

    `scopes` are those that it asks for; without, it gets all that it may have. Raises `ValueError` unless
    there is either a secret or a key.
    """

    def __init__(
        self,
        server: Server | str,
        client: str,
        *,
        secret: str | None = None,
        key: SigningKey | None = None,
        scopes: Iterable[str] = (),
    ) -> None:
        if (secret is None) == (key is None):
            raise ValueError("A service has either a secret or a key.")
        super().__init__(Server(server) if isinstance(server, str) else server)
        self._client = client
        self._secret = secret
        self._key = key
        self._scope = " ".join(scopes)

    async def _obtain(self) -> Token:
        asked_at = self.server.now()
        form = {"grant_type": "client_credentials"} | (
            {"scope": self._scope} if self._scope else {}
        )
        ahead = self.server.ahead
        answer = await self.server.post(PATH, **self._authenticated(form))
        if self._key is not None and self.server.ahead != ahead:
            # The assertion was of a wrong time.
            answer = await self.server.post(PATH, **self._authenticated(form))
        return granted(answer, asked_at)

    def _authenticated(self, form: dict[str, str]) -> dict[str, Any]:
        """Return the content of the request, with what authenticates the client."""
        if self._key is None:
            # RFC 6749, section 2.3.1: both are encoded, before they are joined with a colon.
            pair = (quote(self._client, safe=""), quote(self._secret or "", safe=""))
            return {"data": form, "auth": pair}
        now = self.server.now() + self.server.ahead
        assertion = self._key.assertion(self._client, self.server.issuer, now)
        proven = {"client_assertion_type": ASSERTION, "client_assertion": assertion}
        return {"data": form | proven}
