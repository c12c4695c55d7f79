"""Measures the verification of a token, new and cached, against PyJWT alone: `python -m benchmarks.inside.tokens`.

PyJWT's `decode` checks signature, issuer, audience and times; many servers call it for each request.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import jwt

from watchword.app import make_services
from watchword.auth.http.request_auth import authenticate
from watchword.auth.service import AuthService, expected
from watchword.config.settings import Settings
from watchword.domain import Domain
from watchword.process.clock import SystemClock
from watchword.tokens.credential import from_headers
from watchword.tokens.dpop import Target
from watchword.tokens.issue import TokenIssuer
from watchword.tokens.keys import Key, KeyRing, generate
from watchword.tokens.verify import Verifier

ALGORITHMS = ("ES256", "RS256", "EdDSA")
TARGET = Target("POST", "/graphql")
# The number of bursts, and the number of verifications in a burst of new and of cached tokens.
BURSTS, FIRST, AGAIN = 20, 20, 2_000


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), _env_file=None)
        for algorithm in ALGORITHMS:
            desk = Desk.of(settings, algorithm)
            for title, took in (("first", desk.first()), ("again", desk.again())):
                print(f"{algorithm}, {title}: {took[0]:.1f} µs, PyJWT {took[1]:.1f}")
        print(f"again, with what was revoked: {asyncio.run(desk.by_identity()):.1f} µs")
        print(f"again, from the headers on: {asyncio.run(desk.by_headers()):.1f} µs")


@dataclass(frozen=True, slots=True)
class Desk:
    """Verifies tokens of one key. All results are medians over the bursts, in microseconds."""

    settings: Settings
    key: Key
    tokens: list[str]
    verifier: Verifier
    auth: AuthService

    @classmethod
    def of(cls, settings: Settings, algorithm: str) -> Desk:
        key = generate(algorithm, 2048)
        auth = AuthService(make_services(settings, SystemClock(), Domain()))
        verifier = auth.verifier
        verifier.use(KeyRing((key,)))
        return cls(settings, key, _tokens(settings, key), verifier, auth)

    def first(self) -> tuple[float, float]:
        """Return the cost of a new token, here and with PyJWT."""
        return _in_turns(self._anew, self._decode)

    def again(self) -> tuple[float, float]:
        """Return the cost of a cached token, here and with PyJWT."""
        return _in_turns(self._recall, self._decode)

    async def by_identity(self) -> float:
        """Return the cost of a cached token with the check for revocations."""
        return await _burst(lambda: self.auth.verify(self.tokens[0]))

    async def by_headers(self) -> float:
        """Return the cost of a cached token with everything a request does, from its headers on."""
        headers = [(b"host", b"x"), (b"authorization", f"Bearer {self.tokens[0]}".encode())]

        async def whole() -> object:
            credential = from_headers(headers)
            assert credential is not None
            return await authenticate(self.auth, credential, TARGET)

        return await _burst(whole)

    def _anew(self) -> float:
        verifier = Verifier(expected(self.settings), SystemClock(), FIRST)
        verifier.use(self.verifier.ring)
        began = time.perf_counter()
        for token in self.tokens:
            verifier.verify(token)
        return (time.perf_counter() - began) / FIRST

    def _recall(self) -> float:
        [token, *_] = self.tokens
        self.verifier.verify(token)
        began = time.perf_counter()
        for _ in range(AGAIN):
            self.verifier.verify(token)
        return (time.perf_counter() - began) / AGAIN

    def _decode(self) -> float:
        began = time.perf_counter()
        for token in self.tokens:
            jwt.decode(
                token,
                self.key.public,
                algorithms=[self.key.algorithm],
                issuer=self.settings.issuer,
                audience=self.settings.audience,
            )
        return (time.perf_counter() - began) / FIRST


def _in_turns(ours: Callable[[], float], peer: Callable[[], float]) -> tuple[float, float]:
    took = [(ours(), peer()) for _ in range(BURSTS)]
    first, second = (statistics.median(each) * 1e6 for each in zip(*took, strict=True))
    return first, second


async def _burst(check: Callable[[], Awaitable[object]]) -> float:
    took = []
    for _ in range(BURSTS):
        await check()
        began = time.perf_counter()
        for _ in range(AGAIN):
            await check()
        took.append((time.perf_counter() - began) / AGAIN)
    return statistics.median(took) * 1e6


def _tokens(settings: Settings, key: Key) -> list[str]:
    issuer = TokenIssuer(settings.issuer, settings.audience, 600)
    return [
        issuer.issue(
            KeyRing((key,)),
            subject=f"user{number}",
            roles=["responder"],
            scopes=["incidents:read", "incidents:write"],
            session=f"s{number}",
            now=time.time(),
            version=1,
            authenticated_at=time.time(),
        ).token
        for number in range(FIRST)
    ]


if __name__ == "__main__":
    main()
