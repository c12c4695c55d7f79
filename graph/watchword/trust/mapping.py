"""Translates the claims of a trusted issuer into those of our own tokens, as the settings say. Pure.

The result has the names and types of our own claims, and is checked by the same rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from watchword.config.trusted_issuer import TrustedIssuer
from watchword.errors import InvalidToken
from watchword.principal import Elsewhere

# OpenID Connect Core, sections 2 and 3.3.2.11; Back-Channel Logout, section 2.4: a token with one of
# these is an ID token or a logout token, which is for the client and not for an API (RFC 8725, 3.12).
NOT_OF_ACCESS_TOKENS = ("nonce", "at_hash", "c_hash", "s_hash", "events")
LONGEST_SUBJECT = 255
LONGEST_CLIENT = 160
_CLIENT = ("client_id", "azp", "appid")
_TOKEN_ID = ("jti", "uti")
_SAME_HERE = ("iss", "exp", "nbf", "iat", "cnf")
_MISSING = object()


@dataclass(frozen=True, slots=True)
class ExternalPerson:
    """A person as another issuer's token describes them."""

    issuer: TrustedIssuer
    subject: str
    email: str | None
    name: str | None


def translate(
    claims: dict[str, Any], issuer: TrustedIssuer, roles: Mapping[str, Set[str]]
) -> dict[str, Any]:
    """Return the claims in the names and types of our own tokens. `roles` maps our roles to their scopes.

    Raises `InvalidToken` naming a claim that is missing, mistyped, or not allowed in an access token.
    """
    _check_kind(claims, issuer)
    held = roles_of(claims, issuer, roles)
    said = {name: claims[name] for name in _SAME_HERE if name in claims}
    said |= {
        "aud": find(claims, issuer.audience_claim),
        "sub": subject_of(claims, issuer),
        "client_id": _client_name(issuer, _first_claim(claims, _CLIENT, LONGEST_CLIENT)),
        "jti": f"{issuer.name}|{_first_claim(claims, _TOKEN_ID, LONGEST_SUBJECT)}",
        "roles": sorted(held),
        "scope": " ".join(sorted(scopes_of(claims, issuer, held, roles))),
    }
    if "iat" in said:
        # Our rules require nbf; many issuers send only iat, and mean the same moment.
        said.setdefault("nbf", said["iat"])
    if issuer.auth_time is not None and (at := find(claims, issuer.auth_time)) is not _MISSING:
        said["auth_time"] = at
    if issuer.amr is not None and (methods := _methods(claims, issuer.amr, issuer.amr_map)):
        said["amr"] = sorted(methods)
    if issuer.acr is not None and (reached := find(claims, issuer.acr)) is not _MISSING:
        said["acr"] = reached
    if issuer.tenant is not None and (tenant := find(claims, issuer.tenant)) is not _MISSING:
        said["tenant"] = tenant
    for name, path in issuer.claims.items():
        if (value := find(claims, path)) is not _MISSING:
            said[name] = value
    return said


def elsewhere(client: str, issuer: TrustedIssuer) -> Elsewhere:
    """Return what the settings say about an issuer and its client. `client` is our name for the client."""
    front_ends = {_client_name(issuer, name) for name in issuer.first_party}
    return Elsewhere(issuer.issuer, client in front_ends, issuer.auth_time is not None)


def person_of(claims: dict[str, Any], issuer: TrustedIssuer) -> ExternalPerson:
    """Return the person in the claims, with an e-mail address only if it is verified."""
    is_verified = issuer.unverified_email or claims.get("email_verified") is True
    email = find(claims, issuer.email) if is_verified else None
    name = find(claims, issuer.person)
    return ExternalPerson(
        issuer,
        subject_of(claims, issuer),
        email if isinstance(email, str) else None,
        name if isinstance(name, str) else None,
    )


def subject_of(claims: dict[str, Any], issuer: TrustedIssuer) -> str:
    """Return the issuer's identifier of the person. Raises `InvalidToken`."""
    subject = find(claims, issuer.subject)
    if not is_name(subject, LONGEST_SUBJECT) or not str(subject).strip():
        raise InvalidToken(issuer.subject)
    return str(subject)


def roles_of(
    claims: dict[str, Any], issuer: TrustedIssuer, roles: Mapping[str, Set[str]]
) -> frozenset[str]:
    """Return the person's roles here; roles that the domain does not know are left out."""
    theirs = frozenset[str]().union(*(_whole_names(claims, path) for path in issuer.roles))
    return (_mapped(theirs, issuer.role_map) | set(issuer.default_roles)).intersection(roles)


def scopes_of(
    claims: dict[str, Any],
    issuer: TrustedIssuer,
    held: frozenset[str],
    roles: Mapping[str, Set[str]],
) -> frozenset[str]:
    """Return the scopes of the roles in `held`; if the settings name a claim, only those that it lists."""
    given = frozenset[str]().union(*(roles[role] for role in held))
    if issuer.scopes is None:
        return given
    return given & _mapped(_split_names(claims, issuer.scopes), issuer.scope_map)


def find(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim at a path, or `_MISSING`. The longest name that fits takes precedence."""
    if path in claims:
        return claims[path]
    head, dot, tail = path.rpartition(".")
    while dot:
        inner = claims.get(head)
        if isinstance(inner, dict):
            return find(inner, tail)
        head, dot, more = head.rpartition(".")
        tail = f"{more}.{tail}"
    return _MISSING


def fingerprint(issuer: str, subject: str) -> str:
    """Return a subject of 28 characters for a person without an account; no account id begins with ~."""
    digest = hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()
    return f"~{digest[:27]}"


def _client_name(issuer: TrustedIssuer, name: str) -> str:
    """Return our name for an issuer's client. It never equals the id of a client that is registered here."""
    return f"{issuer.name}|{name}"


def _check_kind(claims: dict[str, Any], issuer: TrustedIssuer) -> None:
    for name in NOT_OF_ACCESS_TOKENS:
        if name in claims:
            raise InvalidToken(name)
    for path, wanted in issuer.required_claims.items():
        if not _matches(find(claims, path), wanted):
            raise InvalidToken(path)


def _matches(value: Any, wanted: str | bool | int | None) -> bool:
    if value is _MISSING or wanted is None:
        return value is not _MISSING
    if isinstance(wanted, str):
        return wanted == value or wanted in _split(value)
    # In Python, True equals 1; in JSON, it does not.
    return type(value) is type(wanted) and value == wanted


def _split(value: Any) -> list[Any]:
    if isinstance(value, str):
        return value.split(" ")
    return value if isinstance(value, list) else []


def _whole_names(claims: dict[str, Any], path: str) -> frozenset[str]:
    """Return the names at a path. A text is one name: "not an admin" must not give the role admin."""
    value = find(claims, path)
    return _names([value] if isinstance(value, str) else value, path)


def _split_names(claims: dict[str, Any], path: str) -> frozenset[str]:
    """Return the names at a path. A text is split at spaces, as scopes are (RFC 6749, section 3.3)."""
    value = find(claims, path)
    return _names(_split(value) if isinstance(value, str) else value, path)


def _names(value: Any, path: str) -> frozenset[str]:
    if value is _MISSING:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InvalidToken(path)
    return frozenset(value) - {""}


def _mapped(theirs: frozenset[str], known: Mapping[str, str] | None) -> frozenset[str]:
    if known is None:
        return theirs
    return frozenset(known[name] for name in theirs if name in known)


def _methods(
    claims: dict[str, Any], path: str, known: Mapping[str, tuple[str, ...]]
) -> frozenset[str]:
    """Return the methods at a path by the names of RFC 8176. Names that are not known stay as they are."""
    theirs = _split_names(claims, path)
    return frozenset(name for method in theirs for name in known.get(method, (method,)))


def _first_claim(claims: dict[str, Any], names: tuple[str, ...], longest: int) -> str:
    for name in names:
        if name in claims:
            if not is_name(claims[name], longest):
                raise InvalidToken(name)
            return str(claims[name])
    return ""


def is_name(value: Any, longest: int = LONGEST_SUBJECT) -> bool:
    """Tell whether a value is a text that can be shown, logged and stored."""
    # Python strings may contain lone surrogates and NUL; isprintable() is False for both.
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
