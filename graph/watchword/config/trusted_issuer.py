"""A trusted issuer in the settings: an identity provider from which access tokens are accepted."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from ipaddress import ip_address
from typing import Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
Ignorable = Literal["jku", "x5u", "jwk", "x5c"]
IGNORABLE: tuple[Ignorable, ...] = get_args(Ignorable)
"""Header members that contain a key or the URL of one (RFC 7515, sections 4.1.2 to 4.1.6)."""
ACCESS_TOKEN = "at+jwt"
"""The header typ that only access tokens have (RFC 9068, section 2.1)."""

LONGEST_ISSUER = 500
"""Longest issuer, in characters: the database column has this length."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_PORTS = {"https": 443, "http": 80}


class TrustedIssuer(BaseModel):
    """Describes the tokens of an issuer and what their claims mean here.

    A claim is named by its path: `realm_access.roles` is the member roles of the claim realm_access.
    If a claim's own name contains dots, as in `https://example.com/roles`, the whole name is tried first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        description="Its short name here, used in logs and in the names of its clients."
    )
    issuer: str = Field(
        max_length=LONGEST_ISSUER,
        description="The claim iss of its tokens, compared character by character.",
    )
    audience: str = Field(min_length=1, description="The audience that its tokens must be for.")
    audience_claim: str = Field("aud", description="The claim that contains the audience.")

    jwks_url: str | None = Field(
        None, description="URL of its keys; found by OpenID Connect discovery when not set."
    )
    hosts: tuple[str, ...] = Field(
        (), description="Other hosts, as host or host:port, on which discovery may locate the keys."
    )
    algorithms: tuple[Algorithm, ...] = Field(
        ("RS256", "ES256"),
        min_length=1,
        description="Signature algorithms that are accepted. A key that does not name its algorithm is"
        " used with the first of these that fits it.",
    )
    stale_seconds: int = Field(
        86_400,
        ge=0,
        description="How long cached keys are still used after their lifetime while the issuer cannot be"
        " reached.",
    )

    types: tuple[str | None, ...] = Field(
        (ACCESS_TOKEN,),
        min_length=1,
        description="Accepted values of the header member typ of its access tokens; null accepts a token"
        " without typ.",
    )
    ignored_headers: tuple[Ignorable, ...] = Field(
        (),
        description="Header members with keys, or with URLs of keys, that its tokens may have; they are"
        " ignored. A token with any other of these members is refused.",
    )
    required_claims: dict[str, str | bool | int | None] = Field(
        {},
        description="Claims that its access tokens have and its other tokens (such as ID tokens) do not"
        " have: the claim equals, or contains, the given value; null accepts any value.",
    )

    accounts: Literal["create", "known", "none"] = Field(
        "create",
        description='"create" makes an account when a person is first seen, "known" accepts only people'
        ' who were linked to an account, "none" accepts everyone without an account.',
    )
    first_party: tuple[str, ...] = Field(
        (),
        description="Its clients (client_id, azp or appid) that are front ends of yours. Only they may do"
        " what is reserved to the person themselves; other clients are third parties.",
    )
    auth_time: str | None = Field(
        "auth_time",
        description="The claim with the time at which the person authenticated; null if no claim is to be"
        " believed.",
    )
    amr: str | None = Field(
        "amr",
        description="The claim with the methods by which the person authenticated (RFC 8176); null if no claim is to"
        " be believed.",
    )
    amr_map: dict[str, tuple[str, ...]] = Field(
        {},
        description="The issuer's own names of methods, each with the names of RFC 8176 that it stands for:"
        ' {"fido": ["hwk", "user", "mfa"]}. A name that is not in it stays as it is.',
    )
    acr: str | None = Field(
        "acr",
        description="The claim with the class of the authentication; null if no claim is to be believed.",
    )
    subject: str = Field("sub", description="The claim that identifies the person permanently.")
    email: str = Field(
        "email", description="The claim with the person's e-mail address, used for a new account."
    )
    unverified_email: bool = Field(
        False,
        description="Whether to use an e-mail address even if the claim email_verified is not true.",
    )
    person: str = Field(
        "name", description="The claim with the person's name, used for a new account."
    )
    roles: tuple[str, ...] = Field(
        (),
        description="The claims with roles: a list of roles, or a text that is one role as a whole.",
    )
    role_map: dict[str, str] | None = Field(
        None,
        description="The issuer's roles mapped to ours; roles that are not in it are ignored. When not"
        " set, roles with the same name as ours count.",
    )
    default_roles: tuple[str, ...] = Field(
        (), description="Roles that everyone from this issuer has."
    )
    scopes: str | None = Field(
        None,
        description="The claim with scopes. When set, a token has only those of its roles' scopes that"
        " the claim lists.",
    )
    scope_map: dict[str, str] | None = Field(
        None,
        description="The issuer's scopes mapped to ours; scopes that are not in it are ignored.",
    )
    tenant: str | None = Field(None, description="The claim with the tenant.")
    claims: dict[str, str] = Field(
        {},
        description="Custom claims to keep as `principal.claims`: our name for each, and the issuer's claim;"
        ' ["department"] keeps one under its own name. All other claims are dropped.',
    )

    @field_validator("name")
    @classmethod
    def _name_is_short(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("must be 1 to 32 lower-case letters, digits and hyphens")
        return name

    @field_validator("issuer", "jwks_url")
    @classmethod
    def _url_is_safe(cls, url: str | None) -> str | None:
        if url is not None and not is_safe(url):
            raise ValueError(
                "must be an https URL without user, fragment or blanks; http is for loopback only"
            )
        return url

    @field_validator("issuer")
    @classmethod
    def _issuer_has_no_query(cls, issuer: str) -> str:
        if "?" in issuer:
            raise ValueError("must have no query (RFC 8414, section 2)")
        return issuer

    @field_validator("roles", mode="before")
    @classmethod
    def _one_path_is_a_list(cls, roles: object) -> object:
        return (roles,) if isinstance(roles, str) else roles

    @field_validator("claims", mode="before")
    @classmethod
    def _names_are_a_map(cls, claims: object) -> object:
        return {name: name for name in claims} if isinstance(claims, list | tuple) else claims

    @field_validator("first_party")
    @classmethod
    def _clients_have_names(cls, clients: tuple[str, ...]) -> tuple[str, ...]:
        if not all(clients):
            raise ValueError("must name clients: a token without one is nobody's front end")
        return clients

    @field_validator("hosts")
    @classmethod
    def _hosts_are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if "/" in host or not is_safe(f"https://{host}"):
                raise ValueError(f"{host!r} must be a host, or host:port, and no more")
        return hosts

    @model_validator(mode="after")
    def _access_tokens_are_told_apart(self) -> TrustedIssuer:
        if set(self.types) != {ACCESS_TOKEN} and not self.required_claims:
            raise ValueError(
                f"types beyond {ACCESS_TOKEN} need required_claims: what an access token of this"
                " issuer has and its ID tokens have not (RFC 8725, section 3.12)"
            )
        return self

    @property
    def places(self) -> frozenset[str]:
        """Return the hosts, as host:port, that keys and metadata may be fetched from."""
        own = [place(self.jwks_url or self.issuer)]
        return frozenset((*own, *(place(f"https://{host}") for host in self.hosts)))


def check_all(issuers: Sequence[TrustedIssuer], own: str) -> None:
    """Raise `ValueError` when two entries name the same issuer, or one names this server (`own`)."""
    for field in ("name", "issuer"):
        values = [getattr(issuer, field) for issuer in issuers]
        if len(set(values)) != len(values):
            raise ValueError(f"has two entries of the same {field}")
    if own.rstrip("/") in {issuer.issuer.rstrip("/") for issuer in issuers}:
        raise ValueError("must not name this server itself: its own tokens are believed anyhow")


def is_safe(url: str, places: Collection[str] | None = None) -> bool:
    """Tell whether a URL may be fetched: https, or http on loopback, and on one of `places` if given."""
    try:
        parts = urlsplit(url)
        host, is_there = parts.hostname or "", parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and not {" ", "\\", "#"} & set(url)
    if not host or not is_there or not is_plain or "@" in parts.netloc:
        return False
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return False
    return places is None or place(url) in places


def place(url: str) -> str:
    """Return the host and port of a URL as host:port."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _PORTS.get(parts.scheme)}"


def is_loopback(host: str) -> bool:
    """Tell whether a host is a loopback name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
