"""An identity provider whose tokens are believed, as the settings describe it."""

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
"""The members of a header that bring a key, or say where one is (RFC 7515, sections 4.1.2 to 4.1.6)."""
ACCESS_TOKEN = "at+jwt"
"""The one type that only access tokens have (RFC 9068, section 2.1)."""

LONGEST_ISSUER = 500
"""The longest name of an issuer, in characters: it goes into the database."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_PORTS = {"https": 443, "http": 80}


class TrustedIssuer(BaseModel):
    """What tokens of an issuer look like, and what their claims mean here.

    A claim is named by its path: `realm_access.roles` is the member roles of the claim realm_access.
    A claim whose own name has dots, such as `https://example.com/roles`, is found by that name first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="What it is called here, in logs and in names of clients.")
    issuer: str = Field(
        max_length=LONGEST_ISSUER,
        description="Who signs: claim iss, compared character by character.",
    )
    audience: str = Field(min_length=1, description="Whom its tokens must be for.")
    audience_claim: str = Field("aud", description="The claim that says so.")

    jwks_url: str | None = Field(
        None, description="Where its keys are; found by OpenID discovery when not set."
    )
    hosts: tuple[str, ...] = Field(
        (), description="Other hosts, as host or host:port, that discovery may name for the keys."
    )
    algorithms: tuple[Algorithm, ...] = Field(
        ("RS256", "ES256"),
        min_length=1,
        description="What its keys may sign with; a key that does not say takes the first that fits.",
    )
    stale_seconds: int = Field(
        86_400, ge=0, description="How long keys serve past their time while it cannot be reached."
    )

    types: tuple[str | None, ...] = Field(
        (ACCESS_TOKEN,), min_length=1, description="Header typ of its access tokens; null for none."
    )
    ignored_headers: tuple[Ignorable, ...] = Field(
        (),
        description="What its tokens may say in their header of keys: it is ignored, and a token that"
        " says anything else of keys is refused.",
    )
    required_claims: dict[str, str | bool | int | None] = Field(
        {},
        description="What an access token has and other tokens of the issuer have not: the claim is,"
        " or holds, this value; null for any.",
    )

    accounts: Literal["create", "known", "none"] = Field(
        "create",
        description="Accounts are made at first sight; or only those who were linked to one come in;"
        " or nobody has one.",
    )
    first_party: tuple[str, ...] = Field(
        (),
        description="Its clients (client_id, azp or appid) that are front ends of ours, by which people"
        " alone sign in: they do what is for people themselves.",
    )
    auth_time: str | None = Field(
        "auth_time",
        description="The claim with the time at which the person authenticated; null when no claim is believed.",
    )
    subject: str = Field("sub", description="The claim that names the person, for good.")
    email: str = Field("email", description="The claim with the e-mail address, for a new account.")
    unverified_email: bool = Field(
        False, description="Take an address although email_verified is not true."
    )
    person: str = Field("name", description="The claim with the person's name, for a new account.")
    roles: tuple[str, ...] = Field(
        (),
        description="The claims with roles: lists, or texts, each of which is one role as a whole.",
    )
    role_map: dict[str, str] | None = Field(
        None,
        description="Their roles to ours; then no others count. Without it, those of the same name.",
    )
    default_roles: tuple[str, ...] = Field((), description="Roles that all its people have.")
    scopes: str | None = Field(
        None, description="The claim with scopes; they bound those that the roles give."
    )
    scope_map: dict[str, str] | None = Field(
        None, description="Their scopes to ours; then no others count."
    )
    tenant: str | None = Field(None, description="The claim with the tenant.")

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
    def _issuer_is_one(cls, issuer: str) -> str:
        if "?" in issuer:
            raise ValueError("must have no query (RFC 8414, section 2)")
        return issuer

    @field_validator("roles", mode="before")
    @classmethod
    def _one_path_is_a_list(cls, roles: object) -> object:
        return (roles,) if isinstance(roles, str) else roles

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
        """Return the hosts, with ports, that may be fetched from."""
        own = [place(self.jwks_url or self.issuer)]
        return frozenset((*own, *(place(f"https://{host}") for host in self.hosts)))


def check_all(issuers: Sequence[TrustedIssuer], own: str) -> None:
    """Raise `ValueError` when two are the same, or one is the server itself (`own`)."""
    for field in ("name", "issuer"):
        values = [getattr(issuer, field) for issuer in issuers]
        if len(set(values)) != len(values):
            raise ValueError(f"has two entries of the same {field}")
    if own.rstrip("/") in {issuer.issuer.rstrip("/") for issuer in issuers}:
        raise ValueError("must not name this server itself: its own tokens are believed anyhow")


def is_safe(url: str, places: Collection[str] | None = None) -> bool:
    """Tell whether a URL may be fetched: https, or http on loopback, from one of these places."""
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
    """Return the host and port that a URL leads to."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _PORTS.get(parts.scheme)}"


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
