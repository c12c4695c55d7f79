"""The server as its client sees it: where it is, what it is called, and how requests to it are sent."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ssl import SSLContext
from typing import Any

import httpx2

from watchword.client.errors import ClientError, Unavailable
from watchword.client.signing_key import SigningKey

GRAPHQL = "/graphql"
# Seconds for one request.
TIMEOUT = 30.0
# Seconds by which a clock may differ from the server's: `Date` has no fractions, and an answer takes its time.
TOLERATED = 5.0
# A proof, or an assertion that is none, was refused: perhaps because of its time.
_UNTIMELY = ("invalid_dpop_proof", "invalid_client")
# A Retry-After with as many digits is no number of seconds.
_MOST_DIGITS = 16
# An answer may lead to another request: with the server's time, and then with its nonce.
_MOST_ATTEMPTS = 3


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
    challenge: str = ""
    date: float | None = None

    @property
    def errors(self) -> list[Any]:
        """The GraphQL errors; none if the answer is not one of GraphQL."""
        errors = self.body.get("errors")
        return errors if isinstance(errors, list) else []

    @property
    def is_later(self) -> bool:
        """Whether the server, or a proxy, could not answer now."""
        return self.status == 429 or self.status >= 500


class Server:
    """A server at `url`. With a `key`, each request has a DPoP proof, so the tokens are bound to the key.

    `issuer` is what the server calls itself (`WATCHWORD_ISSUER`), if that is not its URL here. `ssl` is for
    certificates of one's own. `now` returns this machine's time in Unix seconds. If that is wrong, proofs and
    assertions have the server's time, as its refusal says (`Date`).
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
        # Seconds by which the server's clock is ahead of this machine's, as far as is known.
        self.ahead = 0.0

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1) + GRAPHQL

    async def post(self, path: str, token: Token | None = None, **content: Any) -> Answer:
        """Send a request; `content` is httpx2's `json`, `data` or `auth`.

        Sends it again if the proof lacked the server's nonce (RFC 9449, section 8) or was of a wrong time.
        Raises `Unavailable` when no answer comes.
        """
        for _ in range(_MOST_ATTEMPTS):
            used = self._nonce, self.ahead
            answer = await self._sent(path, token, content)
            if self._key is None or answer.status not in (400, 401):
                break
            if used == (self._nonce, self.ahead):
                break
        return answer

    def _learn_time(self, answer: Answer) -> None:
        """Take the server's time from its refusal of something signed."""
        said = f"{answer.challenge} {answer.body.get('error')}"
        if answer.date is None or not any(word in said for word in _UNTIMELY):
            return
        ahead = answer.date - self.now()
        if abs(ahead - self.ahead) > TOLERATED:
            self.ahead = ahead

    def credential(self, token: Token | None, method: str, path: str) -> dict[str, str]:
        """Return the token and the proof of its key, as headers and as members of `connection_init`."""
        given = {} if token is None else {"authorization": f"{token.scheme} {token.text}"}
        if self._key is None:
            return given
        text = None if token is None else token.text
        url, now = self.issuer + path, self.now() + self.ahead
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
        except httpx2.RequestError as error:
            # The text of such an error names the address, and never a header.
            raise Unavailable(f"{self.url} cannot be reached: {error}") from error
        self._nonce = response.headers.get("dpop-nonce", self._nonce)
        challenge = response.headers.get("www-authenticate", "")
        body, date = _object(response), _time(response.headers.get("date", ""))
        seconds = _seconds(response.headers.get("retry-after", ""), date or self.now())
        answer = Answer(response.status_code, body, seconds, challenge, date)
        self._learn_time(answer)
        return answer


def _object(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return body
    if response.status_code in (204, 429, *range(500, 600)):
        return {}
    raise ClientError(
        f"{response.url} answered {response.status_code} and no JSON: is it Watchword?"
    )


def _seconds(given: str, now: float) -> float | None:
    """Return the seconds of a Retry-After (RFC 9110, section 10.2.3). `now` is the server's time, if that is known."""
    if given.isascii() and given.isdigit():
        return float(given) if len(given) < _MOST_DIGITS else None
    until = _time(given)
    return None if until is None or until <= now else math.ceil(until - now)


def _time(given: str) -> float | None:
    """Return a time of HTTP in Unix seconds (RFC 9110, section 5.6.7)."""
    try:
        return parsedate_to_datetime(given).timestamp()
    except (ValueError, OverflowError):
        return None
