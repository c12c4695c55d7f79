"""A client that has a key and makes DPoP proofs with PyJWT."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import jwt
import orjson

from tests.support.tokens import key
from watchword.auth.service import AuthService
from watchword.tokens.keys import encode

_count = itertools.count()


class KeyHolder:
    """A client with a key of its own; `thumbprint` names the key (RFC 7638)."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.key = key(algorithm)
        self.thumbprint = self.key.kid

    def claims(
        self, method: str, url: str, now: float, token: str | None = None, **changes: Any
    ) -> dict[str, Any]:
        """Return the claims of a valid proof; a change to None removes a claim."""
        good = {"jti": f"{next(_count)}", "htm": method, "htu": url, "iat": int(now)} | changes
        if token is not None:
            good.setdefault("ath", encode(hashlib.sha256(token.encode()).digest()))
        return {name: value for name, value in good.items() if value is not None}

    def proof(
        self, method: str, url: str, now: float, token: str | None = None, **changes: Any
    ) -> str:
        return self.signed(self.claims(method, url, now, token, **changes))

    def signed(self, payload: Any, **header: Any) -> str:
        """Sign any payload with any header; a change to None removes a member of the header."""
        data = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        full = {"typ": "dpop+jwt", "jwk": self.jwk} | header
        full = {name: value for name, value in full.items() if value is not None}
        return jwt.PyJWS().encode(data, self.key.private, self.key.algorithm, headers=full)

    @property
    def jwk(self) -> dict[str, str]:
        members = self.key.jwk()
        return {name: members[name] for name in members if name not in ("kid", "use", "alg")}


async def token_for(auth: AuthService, key: str | None, subject: str = "alice") -> str:
    """Issue an access token, bound to a key if one is given."""
    ring = await auth.keys.fresh()
    issued = auth.issuer.issue(
        ring,
        subject=subject,
        roles=["keeper"],
        scopes=["toys:count"],
        session="s1",
        now=auth.clock.now(),
        key=key,
    )
    return issued.token
