"""The registration of a client (RFC 7591, section 2): the properties that an admin sets, checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from watchword.domain import METRICS_READ, Domain
from watchword.errors import BadUserInput
from watchword.execution.documents.trusted import DOCUMENTS_ANY
from watchword.formats.text import checked_text
from watchword.oauth.clients.redirect_uri import ANSWERS
from watchword.tokens.jose.jwk import BadKey, OtherPurpose, read_set, verifies

LONGEST_NAME = 200
LONGEST_URI = 2_000
MOST_URIS = 20
MOST_KEYS = 10
LONGEST_KID = 200
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# RFC 6749, section 3.3: a scope consists of NQCHAR.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}", re.ASCII)
_URI = re.compile(r"[\x21-\x7e]+", re.ASCII)
# The members of a public key that are stored (RFC 7517, section 4; RFC 7518, section 6).
_KEPT = ("kty", "kid", "use", "alg", "key_ops", "crv", "x", "y", "n", "e")


class Grant(StrEnum):
    """A grant with which a client may request tokens (RFC 6749, section 1.3)."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"
    CLIENT_CREDENTIALS = "client_credentials"


class ClientAuthMethod(StrEnum):
    """How a client authenticates itself (RFC 7591, section 2, token_endpoint_auth_method)."""

    SECRET = "client_secret_basic"
    KEY = "private_key_jwt"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Registration:
    """The properties of a client that an admin sets. The names are those of `tables.Client`."""

    name: str
    authentication: str = ClientAuthMethod.SECRET.value
    grants: Collection[str] = ()
    scopes: Collection[str] = ()
    roles: Collection[str] = ()
    redirect_uris: Collection[str] = ()
    jwks: dict[str, Any] | None = None
    needs_dpop: bool = False
    may_introspect: bool = False

    def checked(self, domain: Domain) -> Registration:
        """Check the registration and return it as it is stored. Raises `BadUserInput` naming the member."""
        _check_words(self, domain)
        _check_grants(self)
        _check_redirects(self)
        return replace(
            self,
            # People read the name on the consent page.
            name=checked_text(self.name, ["input", "name"], LONGEST_NAME),
            grants=sorted(set(self.grants)),
            scopes=sorted(set(self.scopes)),
            roles=sorted(set(self.roles)),
            redirect_uris=list(dict.fromkeys(self.redirect_uris)),
            jwks=_keys(self),
        )

    def takes_from(self, before: Registration) -> bool:
        """Tell whether a client may do less than `before`, so that its older tokens must end."""
        lost = (
            set(before.grants) - set(self.grants),
            set(before.scopes) - set(self.scopes),
            set(before.roles) - set(self.roles),
            set(before.redirect_uris) - set(self.redirect_uris),
        )
        return any(lost) or self.needs_dpop > before.needs_dpop


def known_scopes(domain: Domain) -> frozenset[str]:
    """Return all scopes that a domain names, in its descriptions or in its roles."""
    return frozenset(domain.descriptions).union(*domain.roles.values())


def split_uri(uri: str) -> SplitResult:
    """Split a URI into its parts; all of them are empty if it cannot be parsed."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def _check_words(asked: Registration, domain: Domain) -> None:
    scopes, roles = known_scopes(domain), domain.roles
    scopes = scopes and scopes | {METRICS_READ, DOCUMENTS_ANY}
    _check_known("authentication", [asked.authentication], [way.value for way in ClientAuthMethod])
    _check_known("grants", asked.grants, [grant.value for grant in Grant])
    _check_known("scopes", asked.scopes, scopes)
    _check_known("roles", asked.roles, roles)
    for scope in asked.scopes:
        if not _SCOPE.fullmatch(scope):
            raise BadUserInput("A scope has no spaces and no quotes.", ["input", "scopes"])


def _check_known(field: str, words: Collection[str], known: Collection[str]) -> None:
    # A domain that names no roles or scopes accepts any.
    for word in words:
        if known and word not in known:
            raise BadUserInput(
                f"{word!r} is none of the known {field}: {', '.join(sorted(known))}.",
                ["input", field],
            )


def _check_grants(asked: Registration) -> None:
    grants, path = set(asked.grants), ["input", "grants"]
    is_public = asked.authentication == ClientAuthMethod.NONE
    acts_for_itself = Grant.CLIENT_CREDENTIALS in grants
    if not grants and not asked.may_introspect:
        raise BadUserInput("A client has at least one grant, or may introspect.", path)
    if Grant.REFRESH_TOKEN in grants and Grant.AUTHORIZATION_CODE not in grants:
        raise BadUserInput("refresh_token goes with authorization_code.", path)
    if acts_for_itself and is_public:
        raise BadUserInput("client_credentials needs a client with a secret or a key.", path)
    if is_public and asked.may_introspect:
        raise BadUserInput(
            "Only a client with a secret or a key may introspect.", ["input", "mayIntrospect"]
        )
    if grants and not asked.scopes:
        raise BadUserInput("A client has at least one scope.", ["input", "scopes"])
    if asked.roles and not acts_for_itself:
        raise BadUserInput(
            "roles are for a client that acts for itself: they need client_credentials.",
            ["input", "roles"],
        )


def _check_redirects(asked: Registration) -> None:
    path = ["input", "redirectUris"]
    if (Grant.AUTHORIZATION_CODE in asked.grants) != bool(asked.redirect_uris):
        raise BadUserInput("authorization_code and redirect URIs go together.", path)
    if len(asked.redirect_uris) > MOST_URIS:
        raise BadUserInput(f"A client has at most {MOST_URIS} redirect URIs.", path)
    for index, uri in enumerate(asked.redirect_uris):
        if fault := _fault_of(uri):
            raise BadUserInput(f"{uri!r} cannot be a redirect URI: {fault}.", [*path, index])


def _fault_of(uri: str) -> str | None:
    """Return why a URI cannot be a redirect URI, or None (RFC 9700, section 2.1; RFC 8252, section 7)."""
    parts = split_uri(uri)
    if not uri.isascii():
        # URIs are compared character by character, and browsers send them in ASCII.
        return "a URI is in ASCII: write its host as xn--…, and the rest percent-encoded"
    if not _URI.fullmatch(uri) or len(uri) > LONGEST_URI or set(uri) & set('\\"<>^`{|}'):
        return f"it has at most {LONGEST_URI} characters, and only those of a URI"
    if "#" in uri:
        return "it has no fragment"
    if "*" in uri:
        return "it is compared as it is, without wildcards"
    if taken := ANSWERS & {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}:
        return f"{min(taken)} in its query is for our answer alone"
    if parts.scheme == "https":
        is_good = bool(parts.hostname) and "@" not in parts.netloc
        return None if is_good else "it names a host, and no user"
    if parts.scheme == "http":
        is_good = parts.hostname in LOOPBACK and "@" not in parts.netloc
        return None if is_good else "http is for loopback addresses only"
    # RFC 8252, section 7.1: a private-use scheme is a reversed domain name, so that it has an owner.
    return None if "." in parts.scheme else "a scheme of one's own has a dot: com.example.app"


def _keys(asked: Registration) -> dict[str, Any] | None:
    path = ["input", "jwks"]
    if asked.authentication != ClientAuthMethod.KEY:
        if asked.jwks is not None:
            raise BadUserInput("jwks goes with private_key_jwt.", path)
        return None
    try:
        found, left_out = read_set(asked.jwks)
    except BadKey as fault:
        raise BadUserInput(f"jwks cannot be used: {fault}.", path) from fault
    # A set may contain keys for other purposes, such as encryption, which are not stored.
    reasons = [str(each) for each in left_out if not isinstance(each, OtherPurpose)]
    reasons += ["it has no kid"] if None in found else []
    if reasons:
        raise BadUserInput(f"One of the keys cannot be used: {reasons[0]}.", path)
    keys = [key for key in asked.jwks["keys"] if verifies(key)] if asked.jwks else []
    # Two such keys of a trusted issuer are both tried. Refuse them here: the admin can correct them.
    if len({(each.kid, each.algorithm) for alike in found.values() for each in alike}) < len(keys):
        raise BadUserInput("Two keys for one algorithm have the same kid.", path)
    if not 1 <= len(keys) <= MOST_KEYS:
        raise BadUserInput(f"jwks has 1 to {MOST_KEYS} keys to verify signatures with.", path)
    if any(len(key["kid"]) > LONGEST_KID for key in keys):
        raise BadUserInput(f"A kid has at most {LONGEST_KID} characters.", path)
    return {"keys": [{name: key[name] for name in _KEPT if name in key} for key in keys]}
