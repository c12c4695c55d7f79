"""Client assertions: tokens that a client signs to authenticate itself (RFC 7523, section 3). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from watchword.errors import InvalidToken
from watchword.tokens.jose.compact import decode, header_of
from watchword.tokens.jose.jwk import BadKey, read_set
from watchword.tokens.jose.jws import check_signatures
from watchword.tokens.members import members

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Longest lifetime of an assertion, in seconds: enough for it to arrive.
LONGEST_LIFE = 300
LONGEST_ID = 255
# Accepted header typ: generic, or that of rfc7523bis. An access token (at+jwt) is never an assertion.
_TYPES = ("jwt", "client-authentication+jwt")


@dataclass(frozen=True, slots=True)
class Assertion:
    """The id of a valid assertion, which may be used once, and the time when it expires (Unix seconds)."""

    id: str
    expires_at: float


def claimed_client(assertion: str) -> str:
    """Return the client that an assertion names, without any check. Raises `InvalidToken`."""
    header_of(assertion)
    return _text(members(decode(assertion.split(".")[1])), "sub")


def check(
    assertion: str, client: str, jwks: object, *, issuer: str, now: float, leeway: float
) -> Assertion:
    """Check that the client signed this assertion, and that it is for us and valid at `now`.

    The audience must be our issuer. The URL of the token endpoint is refused: a malicious server that
    the client also uses could claim our endpoint as its own, and would get assertions that are valid
    here (rfc7523bis, section 4; CVE-2025-27371). Raises `InvalidToken`.
    """
    claims = _signed(assertion, jwks)
    for name in ("iss", "sub"):
        if _text(claims, name) != client:
            raise InvalidToken(name)
    if claims.get("aud") not in (issuer, [issuer]):
        raise InvalidToken("aud")
    expires_at = _time(claims, "exp")
    if not now - leeway < expires_at <= now + LONGEST_LIFE + leeway:
        raise InvalidToken("exp")
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now + leeway:
            raise InvalidToken(name)
    return Assertion(_text(claims, "jti"), expires_at + leeway)


def _signed(assertion: str, jwks: object) -> dict[str, Any]:
    header = header_of(assertion)
    kind, kid = header.get("typ", "JWT"), header.get("kid")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise InvalidToken("typ")
    try:
        keys, _ = read_set(jwks)
    except BadKey as fault:
        raise InvalidToken("jwks") from fault
    if not isinstance(kid, str) or kid not in keys:
        raise InvalidToken("kid")
    return members(check_signatures(assertion, header, keys[kid]))


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isprintable():
        raise InvalidToken(name)
    return value


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken(name)
    if not 0 <= value < 253_402_300_800:
        raise InvalidToken(name)
    return float(value)
