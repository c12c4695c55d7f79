"""Issues access tokens in the profile of RFC 9068, section 2.2."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from watchword.principal import FIRST_PARTY, is_delegated
from watchword.tokens.authentication import class_of
from watchword.tokens.jose.jws import sign
from watchword.tokens.keys import KeyRing


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A signed token: its id (jti), the time when it expires (Unix seconds), its lifetime (seconds)."""

    token: str = field(repr=False)
    id: str
    expires_at: int
    expires_in: int
    scope: str


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Issues tokens for one issuer and audience; `seconds` is their lifetime."""

    issuer: str
    audience: str
    seconds: int

    def issue(
        self,
        ring: KeyRing,
        *,
        subject: str,
        roles: Collection[str],
        scopes: Collection[str],
        session: str | None,
        now: float,
        version: int | None = None,
        client_id: str = FIRST_PARTY,
        seconds: int | None = None,
        authenticated_at: float | None = None,
        methods: Collection[str] = (),
        key: str | None = None,
        client_version: int | None = None,
        custom: Mapping[str, Any] | None = None,
    ) -> IssuedToken:
        """Issue a token for a subject, signed with the newest key.

        `version` is the account's version and `client_version` the client's; they show later whether the
        token is older than a change to either. `key` is the thumbprint of the key to bind the token to
        (RFC 9449, section 6.1). `methods` are those by which the person authenticated (RFC 8176). `seconds`
        replaces the usual lifetime. `custom` are more claims; their names must not be in `REGISTERED`; a token for
        an application that acts for a person has none.
        """
        life = self.seconds if seconds is None else seconds
        issued_at = int(now)
        is_for_application = is_delegated(subject, client_id)
        claims: dict[str, Any] = {
            **({} if custom is None or is_for_application else custom),
            "iss": self.issuer,
            "aud": self.audience,
            "sub": subject,
            "exp": issued_at + life,
            "nbf": issued_at,
            "iat": issued_at,
            "jti": secrets.token_urlsafe(12),
            "client_id": client_id,
            "scope": " ".join(sorted(scopes)),
            # An application that acts for a person does not get the person's roles.
            "roles": [] if is_for_application else sorted(roles),
        }
        optional = {
            "sid": session,
            "ver": version,
            "client_ver": client_version,
            "auth_time": None if authenticated_at is None else int(authenticated_at),
            "amr": sorted(methods) or None,
            "acr": class_of(methods),
            "cnf": None if key is None else {"jkt": key},
        }
        claims |= {name: value for name, value in optional.items() if value is not None}
        token = sign(claims, ring.signing)
        return IssuedToken(token, claims["jti"], issued_at + life, life, claims["scope"])
