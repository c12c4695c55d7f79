"""Tokens for tests: valid ones, and ones with any content."""

from __future__ import annotations

from typing import Any

import jwt
import orjson

from tests.support.clock import MovedClock
from watchword.tokens.claims import Expected
from watchword.tokens.keys import Key, KeyRing, encode, generate
from watchword.tokens.verify import Verifier

ISSUER, AUDIENCE = "https://watchword.example", "watchword"
EXPECTED = Expected(ISSUER, AUDIENCE, leeway=5)


def claims(now: float, **changes: Any) -> dict[str, Any]:
    """Return the claims of a valid token; a change to None removes a claim."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "exp": now + 600,
        "nbf": now,
        "iat": now,
        "jti": "1",
        "client_id": "watchword",
        "sid": "s1",
        "scope": "a:b c:d",
        "roles": ["keeper"],
    } | changes
    return {name: value for name, value in good.items() if value is not None}


def signed(key: Key, payload: Any, **header: Any) -> str:
    """Sign any payload with any header, by PyJWT; a kid of None is left out."""
    data = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    full = {"typ": "at+jwt", "kid": key.kid} | header
    if full["kid"] is None:
        del full["kid"]
    return jwt.PyJWS().encode(data, key.private, key.algorithm, headers=full)


def unsigned(header: dict[str, Any], payload: Any, signature: bytes = b"x") -> str:
    """Return a token with the given bytes as its signature."""
    parts = (orjson.dumps(header), orjson.dumps(payload), signature)
    return ".".join(encode(part) for part in parts)


def verifier(clock: MovedClock, *keys: Key, memory: int = 10) -> Verifier:
    made = Verifier(EXPECTED, clock, memory)
    made.use(KeyRing(keys))
    return made


def key(algorithm: str = "ES256") -> Key:
    return generate(algorithm, 2048)
