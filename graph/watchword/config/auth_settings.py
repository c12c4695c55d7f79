"""Settings of sign-in and tokens: issuer, keys, sessions, passkeys, DPoP, limits, trusted issuers.

`Settings` in settings.py inherits them and reads them. It also checks those that depend on each other.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, quote, urlsplit

from limits import parse
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from watchword.config.trusted_issuer import TrustedIssuer, is_loopback
from watchword.formats import mail_address, origin

GUESSED_FIRST = {
    "admin",
    "administrator",
    "changeme",
    "default",
    "letmein",
    "password",
    "secret",
    "watchword",
}
MINIMUM_PASSWORD = 12
LONGEST_PASSWORD = 1_024
MINIMUM_RSA_BITS = 2048
LONGEST_TOKEN_SECONDS = 900
LONGEST_LEEWAY_SECONDS = 60
# The last label must not be a number: the text would be an IP address.
_DOMAIN = re.compile(r"([a-z0-9-]+\.)*[a-z0-9-]*[a-z-][a-z0-9-]*", re.ASCII)
_ANDROID_APP = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]+=*", re.ASCII)
_FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=", re.ASCII)


class AuthSettings(BaseSettings):
    """Times are in seconds."""

    issuer: str = Field(
        "",
        description="The claim iss of our tokens: the URL at which clients, other services and browsers"
        " reach this server. When not set: the address of `watchword serve` on this machine,"
        " http://127.0.0.1:8000 unless host or port is set.",
    )
    audience: str = Field("watchword", description="The claim aud of our access tokens.")
    algorithm: Literal["ES256", "RS256", "EdDSA"] = Field(
        "ES256",
        description="Algorithm of new signing keys. `watchword keys rotate` makes one.",
    )
    rsa_bits: int = Field(3072, description="Size of new RS256 keys, in bits.")
    access_token_seconds: int = Field(
        600, ge=300, le=LONGEST_TOKEN_SECONDS, description="Lifetime of an access token."
    )
    refresh_idle_seconds: int = Field(
        14 * 86400,
        ge=600,
        description="A session ends when it has not been refreshed for this long.",
    )
    refresh_absolute_seconds: int = Field(
        90 * 86400,
        ge=600,
        description="A session ends this long after sign-in, however often it is refreshed.",
    )
    refresh_grace_seconds: int = Field(
        10,
        ge=0,
        le=60,
        description="Refreshing twice with the same token within this time (two tabs, a lost answer)"
        " returns the same new token.",
    )
    leeway_seconds: int = Field(
        5,
        ge=0,
        le=LONGEST_LEEWAY_SECONDS,
        description="How far other machines' clocks may differ from ours.",
    )
    encryption_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Fernet keys that encrypt the secrets in the database, separated by commas: the first"
        " encrypts, all of them decrypt. When not set, a key is made in the home directory.",
        repr=False,
    )
    key_rotation_seconds: int = Field(
        90 * 86400,
        ge=0,
        description="A new signing key is made after this long; 0 turns automatic rotation off.",
    )
    key_publish_seconds: int = Field(
        600,
        ge=0,
        description="How long a new key is published before it signs. Others may cache our keys for half"
        " of this time, and for at most 300 seconds.",
    )
    sign_in_limit_per_account: str = Field(
        "10 per 5 minutes",
        description="Most failed sign-ins to one account, counted separately for each device that has"
        " signed in before. For one-time codes it is always 5 per 15 minutes.",
    )
    sign_in_limit_per_address: str = Field(
        "100 per 5 minutes",
        description="Most failures from one address: failed sign-ins, and refused client credentials,"
        " codes and refresh tokens at /oauth/token.",
    )
    step_up_seconds: int = Field(
        300,
        ge=30,
        description="How recently a person must have authenticated to do something sensitive.",
    )
    relying_party_id: str = Field(
        "",
        description="Domain that passkeys are bound to (relying party ID); the issuer's host when empty.",
    )
    passkey_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Origins beside our own where passkeys may be used, as JSON. An Android app is"
        " android:apk-key-hash:…",
    )
    code_seconds: int = Field(60, ge=10, le=600, description="Lifetime of an authorization code.")
    dpop: Literal["optional", "required"] = Field(
        "optional",
        description='Whether clients may ("optional") or must ("required") bind their tokens to a key'
        " (DPoP, RFC 9449).",
    )
    dpop_nonce: bool = Field(
        False, description="Whether a DPoP proof must contain a nonce that this server has issued."
    )
    dpop_seconds: int = Field(60, ge=5, le=600, description="How old a DPoP proof may be.")
    trusted_issuers: Annotated[tuple[TrustedIssuer, ...], NoDecode] = Field(
        (),
        description="Identity providers whose access tokens are accepted, as JSON: see below, and"
        " docs/how-to/sign-in-with-an-identity-provider.md.",
    )
    admin_email: str = Field(
        "admin@example.com", description="E-mail address of the first account."
    )
    admin_password: str | None = Field(
        None,
        description="Password of the first account. When not set, one is generated and printed once.",
        repr=False,
    )

    @cached_property
    def own_origin(self) -> str:
        """The origin of the pages that this server serves."""
        return origin.of_url(self.issuer)

    @field_validator("issuer")
    @classmethod
    def _issuer_is_safe(cls, issuer: str) -> str:
        url = _split(issuer)
        if url.scheme not in ("https", "http") or not url.hostname or {"?", "#"} & set(issuer):
            raise ValueError("must be an https URL without query or fragment (RFC 8414, section 2)")
        if url.scheme == "http" and not is_loopback(url.hostname):
            raise ValueError("must use https: plain http is for loopback addresses only")
        if url.username is not None:
            raise ValueError("must not name a user or a password: clients are told this URL")
        # A URL is ASCII. Clients compare this one with their own settings character by character.
        ours = issuer if issuer.isascii() else origin.of_url(issuer) + quote(url.path, "/%")
        origin.of_url(ours)
        return ours.rstrip("/")

    @field_validator("rsa_bits")
    @classmethod
    def _rsa_is_long_enough(cls, bits: int) -> int:
        if bits < MINIMUM_RSA_BITS:
            raise ValueError(f"must be at least {MINIMUM_RSA_BITS} (RFC 7518, section 3.3)")
        return bits

    @field_validator("admin_email")
    @classmethod
    def _email_is_valid(cls, email: str) -> str:
        if not mail_address.is_address(mail_address.canonical(email)):
            raise ValueError("must be an e-mail address")
        return mail_address.canonical(email)

    @field_validator("admin_password")
    @classmethod
    def _password_is_hard_to_guess(cls, password: str | None) -> str | None:
        if password is not None and (
            len(password) < MINIMUM_PASSWORD
            or password.lower().strip("0123456789!-_.") in GUESSED_FIRST
        ):
            raise ValueError(
                f"must have at least {MINIMUM_PASSWORD} characters and not be a well-known default"
            )
        if password is not None and len(password) > LONGEST_PASSWORD:
            raise ValueError(f"must have at most {LONGEST_PASSWORD} characters")
        return password

    @field_validator("encryption_keys", mode="before")
    @classmethod
    def _keys_can_seal(cls, keys: Any) -> Any:
        given = [key.strip() for key in keys.split(",")] if isinstance(keys, str) else keys
        for key in given:
            if not _FERNET_KEY.fullmatch(key):
                raise ValueError(
                    "must be 32 random bytes in base64url, with commas between several keys:"
                    " openssl rand -base64 32 | tr +/ -_"
                )
        return given

    @field_validator("sign_in_limit_per_account", "sign_in_limit_per_address")
    @classmethod
    def _limit_is_valid(cls, limit: str) -> str:
        try:
            parse(limit)
        except ValueError:
            raise ValueError('must be like "10 per 5 minutes"') from None
        return limit

    @field_validator("relying_party_id")
    @classmethod
    def _relying_party_is_a_domain(cls, domain: str) -> str:
        name = origin.ascii_host(domain)
        if name and not _DOMAIN.fullmatch(name):
            raise ValueError("must be a domain, such as example.com")
        return name

    @field_validator("passkey_origins")
    @classmethod
    def _passkeys_are_used_somewhere(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            each if _ANDROID_APP.fullmatch(each) else checked_origin(each) for each in origins
        )

    @field_validator("passkey_origins", "trusted_issuers", mode="before")
    @classmethod
    def _lists_are_json(cls, items: Any) -> Any:
        return json_list(items)


def json_list(items: Any) -> Any:
    """Parse a JSON list; a list or tuple is returned as it is. Raises `ValueError` for anything else."""
    try:
        given = json.loads(items) if isinstance(items, str) else items
    except ValueError:
        given = None
    if not isinstance(given, list | tuple):
        raise ValueError('must be a JSON list: ["https://app.example.com"]')
    return given


def checked_origin(given: str) -> str:
    """Return an origin as browsers write it. Raises `ValueError` that quotes the given text."""
    try:
        return origin.normalised(given)
    except ValueError as error:
        # Leave out a user and password before the host: this message goes into logs.
        raise ValueError(f"{given.rpartition('@')[2]!r} {error}") from error


def _split(url: str) -> SplitResult:
    """Split a URL into its parts; all of them are empty if it cannot be parsed."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
