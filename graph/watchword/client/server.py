"""The server as its client sees it: where it is, what it is called, and how requests to it are sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

import httpx2

from watchword.client.errors import ClientError, Unavailable
from watchword.client.signing_key import SigningKey

GRAPHQL = "/graphql"
# Seconds for one request.
TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, its scheme (Bearer or DPoP), and when to renew it and when it ends (Unix seconds)."""

    text: str = field(repr=False)
    scheme: str
    renew_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: its status, and the JSON object in it (empty if there is none)."""

    status: int
    body: Mapping[str, Any]
    retry_after: float | None

    @property
    def is_later(self) -> bool:
        """Whether the server, or a proxy, could not answer now."""
        return self.status == 429 or self.status >= 500


class Server:
    """A server at `url`. With a `key`, each request has a DPoP proof, so the tokens are bound to the key.

    `issuer` is what the server calls itself (`WATCHWORD_ISSUER`), if that is not its URL here. `ssl` is for
    certificates of one's own. `now` is for tests: it returns the time in Unix seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        issuer: str | None = None,
        key: SigningKey | None = None,
        ssl: SSLContext | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.url = url.rstrip("/")
        self.issuer = self.url if issuer is None else issuer.rstrip("/")
        self.now = now
        self._key = key
        self.ssl = ssl
        self._http = httpx2.AsyncClient(timeout=TIMEOUT, verify=True if ssl is None else ssl)
        self._nonce: str | None = None

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1) + GRAPHQL

    async def post(self, path: str, token: Token | None = None, **content: Any) -> Answer:
        """Send a request; `content` is httpx2's `json`, `data` or `auth`.

        Sends it once more if the answer brings a nonce that proofs need (RFC 9449, section 8). Raises
        `Unavailable` when no answer comes.
        """
        used, answer = self._nonce, await self._sent(path, token, content)
        if answer.status in (400, 401) and self._nonce != used:
            answer = await self._sent(path, token, content)
        return answer

    def credential(self, token: Token | None, method: str, path: str) -> dict[str, str]:
        """Return the token and the proof of its key, as headers and as members of `connection_init`."""
        given = {} if token is None else {"authorization": f"{token.scheme} {token.text}"}
        if self._key is None:
            return given
        text = None if token is None else token.text
        url, now = self.issuer + path, self.now()
        proof = self._key.proof(method, url, now, nonce=self._nonce, token=text)
        return {**given, "dpop": proof}

    def take_nonce(self, nonce: str) -> None:
        """Put this nonce into all proofs from now on."""
        self._nonce = nonce

    async def close(self) -> None:
        """Close the connections that requests have left open."""
        await self._http.aclose()

    async def _sent(self, path: str, token: Token | None, content: dict[str, Any]) -> Answer:
        headers = {"accept": "application/graphql-response+json, application/json"}
        headers |= self.credential(token, "POST", path)
        try:
            response = await self._http.post(self.url + path, headers=headers, **content)
        except httpx2.TransportError as error:
            # The text of such an error names the address, and never a header.
            raise Unavailable(f"{self.url} cannot be reached: {error}") from error
        self._nonce = response.headers.get("dpop-nonce", self._nonce)
        return Answer(response.status_code, _object(response), _seconds(response))


def _object(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    if response.status_code in (204, 429, *range(500, 600)):
        return {}
    raise ClientError(
        f"{response.url} answered {response.status_code} and no JSON: is it Watchword?"
    )


def _seconds(response: httpx2.Response) -> float | None:
    """Return Retry-After, where it is in seconds (RFC 9110, section 10.2.3)."""
    given = response.headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdigit() else None
