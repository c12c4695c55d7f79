"""Checks the claims of an access token and makes a principal of them. Pure.

The profile is RFC 9068 (JWT access tokens); the rules for times are those of RFC 7519, section 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from watchword.errors import InvalidToken, TokenExpired, TokenNotYetValid
from watchword.formats.exact_json import Unwritable
from watchword.formats.frozen_json import EMPTY, FrozenObject
from watchword.principal import METHODS, Grants, Principal

TYPES = ("at+jwt", "application/at+jwt")
LONGEST_NAME = 300
"""Longest name in a claim, in characters. Names go into logs and into the database."""
LONGEST_WAIT = 60.0
"""Seconds, beyond the leeway, by which an issuer's clock may be ahead of ours. A token that begins within
this time is not valid yet, and its client may retry. A token that begins later is invalid, so that no client
retries for ever."""
OURS = frozenset(
    (
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "client_id",
        "scope",
        "roles",
        "tenant",
        "sid",
    )
    + ("ver", "client_ver", "auth_time", "amr", "acr", "cnf")
)
"""The claims that this server reads. All others are custom claims."""
REGISTERED = OURS | {"groups", "entitlements", "act", "may_act", "azp", "nonce"}
"""The names that no custom claim may have: those of RFC 7519, section 4.1, of RFC 9068, section 2.2, of RFC 8693, and
of OpenID Connect, besides ours."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The issuer and the audience that a token must name. `leeway` is in seconds. `claims_read` are the custom claims
    that permissions read, which become part of the grants."""

    issuer: str
    audience: str
    leeway: float
    claims_read: frozenset[str] = frozenset()


def check_type(header: dict[str, Any]) -> None:
    """Raise `InvalidToken` unless the header's typ is that of an access token."""
    kind = header.get("typ")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise InvalidToken("typ")


def principal(claims: dict[str, Any], expected: Expected, now: float) -> Principal:
    """Return the principal that the claims describe; `now` is in Unix seconds.

    Raises `InvalidToken` naming the claim that is missing, mistyped or not for us; `TokenExpired` or
    `TokenNotYetValid` when only the time is wrong.
    """
    if _text(claims, "iss") != expected.issuer:
        raise InvalidToken("iss")
    if expected.audience not in _audiences(claims.get("aud")):
        raise InvalidToken("aud")
    expires_at, issued_at = _number(claims, "exp"), _number(claims, "iat")
    not_before = _number(claims, "nbf")
    more, methods = custom(claims), _texts(claims, METHODS)
    made = Principal(
        subject=_text(claims, "sub"),
        grants=Grants(
            _texts(claims, "roles"),
            _scopes(claims),
            _optional(claims, "tenant"),
            claims=_read(more, methods, expected.claims_read),
        ),
        client=_text(claims, "client_id"),
        session=_optional(claims, "sid"),
        token_id=_text(claims, "jti"),
        issued_at=issued_at,
        expires_at=expires_at,
        version=_version(claims, "ver"),
        authenticated_at=_number(claims, "auth_time") if "auth_time" in claims else 0.0,
        key=_confirmation(claims),
        client_version=_version(claims, "client_ver"),
        claims=more,
        methods=methods,
        context_class=_optional(claims, "acr"),
    )
    # No leeway here: connections end at exactly this moment, and revocations may be forgotten from then on.
    if expires_at <= now:
        raise TokenExpired
    begins = {"iat": issued_at, "nbf": not_before, "auth_time": made.authenticated_at}
    _check_begun(begins, now + expected.leeway)
    return made


def _read(more: FrozenObject, methods: frozenset[str], claims_read: frozenset[str]) -> FrozenObject:
    """Return the claims that become part of the grants."""
    read = more.only(claims_read)
    if not methods or METHODS not in claims_read:
        return read
    return FrozenObject({**read, METHODS: sorted(methods)})


def custom(claims: dict[str, Any]) -> FrozenObject:
    """Return the custom claims of a token. Raises `InvalidToken` for lists and objects that are nested too deeply."""
    found = {name: claims[name] for name in claims if name not in OURS}
    if not found:
        return EMPTY
    try:
        return FrozenObject(found)
    except Unwritable as error:
        raise InvalidToken("custom claims") from error


def _check_begun(begins: dict[str, float], latest: float) -> None:
    """Raise `TokenNotYetValid` or `InvalidToken`, naming the claim, when one of the times is after `latest`."""
    rule, moment = max(begins.items(), key=lambda each: each[1])
    if moment > latest + LONGEST_WAIT:
        raise InvalidToken(rule)
    if moment > latest:
        raise TokenNotYetValid(rule, moment - latest)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not _is_name(value):
        raise InvalidToken(name)
    return str(value)


def _optional(claims: dict[str, Any], name: str) -> str | None:
    return _text(claims, name) if name in claims else None


def _number(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken(name)
    # This refuses infinity and NaN too. Times after the year 9999 cannot be shown as a date.
    if not 0 <= value < 253_402_300_800:
        raise InvalidToken(name)
    return float(value)


def _version(claims: dict[str, Any], name: str) -> int:
    value = _number(claims, name) if name in claims else 0
    if value != int(value):
        raise InvalidToken(name)
    return int(value)


def _confirmation(claims: dict[str, Any]) -> str | None:
    # RFC 7800, section 3.1: a token that is bound in a way that we cannot check must be refused.
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    if not isinstance(confirmation, dict) or set(confirmation) != {"jkt"}:
        raise InvalidToken("cnf")
    if not _is_name(confirmation["jkt"]):
        raise InvalidToken("cnf")
    return str(confirmation["jkt"])


def _audiences(value: object) -> list[str]:
    audiences: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(audience, str) for audience in audiences):
        raise InvalidToken("aud")
    return audiences


def _texts(claims: dict[str, Any], name: str) -> frozenset[str]:
    values = claims.get(name, [])
    if not isinstance(values, list) or not all(map(_is_name, values)):
        raise InvalidToken(name)
    return frozenset(values)


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    scope = claims.get("scope", "")
    if not _is_text(scope):
        raise InvalidToken("scope")
    return frozenset(scope.split(" ")) - {""}


def _is_name(value: object) -> bool:
    return _is_text(value) and 0 < len(str(value)) <= LONGEST_NAME


def _is_text(value: object) -> bool:
    # Python strings may contain lone surrogates, which cannot be encoded; isprintable() is False for them.
    return isinstance(value, str) and value.isprintable()
