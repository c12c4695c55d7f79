"""One frozen object, read once from the environment (`WATCHWORD_…`) and `.env`.

An unsafe value stops the start with a sentence that says what to do.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, quote, urlsplit

from limits import parse
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from watchword.config import bus_url
from watchword.config.live_settings import LiveSettings
from watchword.config.trusted_issuer import TrustedIssuer, check_all, is_loopback
from watchword.errors import Unsafe
from watchword.formats import mail_address, origin

PREFIX = "WATCHWORD_"
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


class Settings(LiveSettings):
    """All settings. Times are in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    home: Path = Field(Path("var"), description="The only directory that the server writes to.")
    mount: str = Field(
        "incident_room:schema", description="The Strawberry schema to mount, as module:attribute."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, description="Number of server processes.")
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses of proxies whose X-Forwarded headers are believed, separated by commas.",
    )
    database_url: str = Field(
        "",
        description="SQLAlchemy URL of the database. When not set: an SQLite file in the home directory.",
        repr=False,
    )
    database_statement_seconds: float = Field(
        10,
        gt=0,
        le=600,
        description="On PostgreSQL, how long one statement may take; on SQLite, how long a writer waits"
        " for its turn.",
    )
    database_pool_seconds: float = Field(
        10, gt=0, le=600, description="How long to wait for a database connection."
    )
    database_pool_size: int = Field(
        15, ge=2, le=1_000, description="Most database connections of one process."
    )
    bus_url: str = Field(
        bus_url.MEMORY,
        description="The bus that carries events between processes: memory:// for a single process, or"
        " redis://host:6379, redis+sentinel://one:26379,two:26379/service,"
        " redis+cluster://one:6379,two:6379.",
        repr=False,
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least severe level that is logged."
    )
    demo: bool = Field(True, description="Whether to fill an empty database with demo data.")

    issuer: str = Field(
        "http://127.0.0.1:8000",
        description="The claim iss of our tokens: the URL at which clients, other services and browsers"
        " reach this server.",
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
    max_header_bytes: int = Field(
        32_768,
        ge=4_096,
        le=1_048_576,
        description="Most bytes of a request line and its headers; more is answered with 431. Headers"
        " that take more than 15 seconds to arrive are answered with 408.",
    )
    admin_email: str = Field(
        "admin@example.com", description="E-mail address of the first account."
    )
    admin_password: str | None = Field(
        None,
        description="Password of the first account. When not set, one is generated and printed once.",
        repr=False,
    )

    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description='Origins of your other front ends, as JSON: ["https://app.example.com",'
        ' "capacitor://localhost"]. Pages of these origins may use the refresh cookie and send'
        " any header, so do not list origins that are not yours. Browsers send the cookie only"
        " from pages of the same site; other apps ask for the refresh token in the body.",
    )
    explorer: bool = Field(True, description="Whether to serve GraphiQL to browsers at /graphql.")
    max_body_bytes: int = Field(
        1_000_000,
        ge=1024,
        description="Largest request body; a larger one is answered with 413. A body that takes more than"
        " 30 seconds to arrive is answered with 408.",
    )
    max_message_bytes: int = Field(
        256_000, ge=1024, description="Largest WebSocket message that a client may send."
    )
    max_document_characters: int = Field(
        50_000, ge=1024, description="Most characters in a GraphQL document, comments included."
    )
    max_tokens: int = Field(2_000, ge=50, description="Most lexical tokens in a GraphQL document.")
    max_depth: int = Field(15, ge=1, description="Deepest nesting of fields in a GraphQL document.")
    max_aliases: int = Field(50, ge=0, description="Most aliases in a GraphQL document.")
    max_objects: int = Field(
        20_000,
        ge=1,
        description="Most objects that a document may ask for; the page sizes of nested lists are"
        " multiplied.",
    )
    plan_cache: int = Field(
        1_000,
        ge=0,
        description="How many validated documents to keep in memory. Documents longer than 500 characters"
        " count more.",
    )
    token_cache: int = Field(
        10_000, ge=0, description="How many verified access tokens to keep in memory."
    )

    @cached_property
    def own_origin(self) -> str:
        """The origin of the pages that this server serves."""
        return origin.of_url(self.issuer)

    @cached_property
    def our_origins(self) -> tuple[str, ...]:
        """The origins of all our front ends, as browsers write them."""
        return (self.own_origin, *self.allowed_origins)

    @model_validator(mode="before")
    @classmethod
    def _place_database(cls, values: dict[str, Any]) -> dict[str, Any]:
        if not values.get("database_url"):
            home = Path(values.get("home", "var"))
            values["database_url"] = f"sqlite+aiosqlite:///{home / 'watchword.db'}"
        return values

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

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, url: str) -> str:
        if not url.startswith(("sqlite+aiosqlite://", "postgresql+asyncpg://")):
            raise ValueError("must begin with sqlite+aiosqlite:// or postgresql+asyncpg://")
        if "sslmode=" in url:
            raise ValueError("takes ssl=require and the like, not sslmode=")
        try:
            parts = make_url(url)
        except (ArgumentError, ValueError):
            parts = None
        if parts is None or (parts.get_backend_name() == "sqlite" and parts.host):
            raise ValueError(
                "must be a URL like sqlite+aiosqlite:////data/watchword.db or"
                " postgresql+asyncpg://user:password@host:5432/name"
            )
        return url

    @field_validator("bus_url")
    @classmethod
    def _bus_is_known(cls, url: str) -> str:
        bus_url.check(url)
        return url

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

    @field_validator("allowed_origins", "passkey_origins", "trusted_issuers", mode="before")
    @classmethod
    def _is_a_list(cls, items: Any) -> Any:
        try:
            given = json.loads(items) if isinstance(items, str) else items
        except ValueError:
            given = None
        if not isinstance(given, list | tuple):
            raise ValueError('must be a JSON list: ["https://app.example.com"]')
        return given

    @field_validator("allowed_origins")
    @classmethod
    def _origins_are_named(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if any("*" in each for each in origins):
            raise ValueError(
                "must name each origin: a wildcard would let any site use the refresh cookie"
            )
        return tuple(map(_origin, origins))

    @model_validator(mode="after")
    def _issuers_are_others(self) -> Settings:
        try:
            check_all(self.trusted_issuers, self.issuer)
        except ValueError as error:
            raise ValueError(f"{PREFIX}TRUSTED_ISSUERS {error}") from None
        return self

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
        return tuple(each if _ANDROID_APP.fullmatch(each) else _origin(each) for each in origins)

    @model_validator(mode="after")
    def _session_outlives_idleness(self) -> Settings:
        if self.refresh_absolute_seconds < self.refresh_idle_seconds:
            raise ValueError(
                f"{PREFIX}REFRESH_ABSOLUTE_SECONDS must not be shorter than"
                f" {PREFIX}REFRESH_IDLE_SECONDS"
            )
        if 0 < self.key_rotation_seconds < self.key_publish_seconds:
            raise ValueError(
                f"{PREFIX}KEY_ROTATION_SECONDS must not be shorter than {PREFIX}KEY_PUBLISH_SECONDS:"
                " a key would be replaced before it signs"
            )
        if self.workers > 1 and not bus_url.between_processes(self.bus_url):
            raise ValueError(
                f"{PREFIX}WORKERS above 1 needs a bus between processes: set {PREFIX}BUS_URL to"
                " redis://host:6379"
            )
        return self


def read(**overrides: Any) -> Settings:
    """Read the settings. `overrides` (from the command line) take precedence over the environment.

    Raises `Unsafe` with one line for each value that cannot be used.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        lines = [
            _explain(fault["loc"], fault["msg"]) for fault in error.errors(include_input=False)
        ]
        raise Unsafe("\n".join(lines)) from None


def _explain(location: tuple[int | str, ...], message: str) -> str:
    sentence = message.removeprefix("Value error, ")
    if not location:
        # The message of a check that covers several settings names them itself.
        return sentence
    return f"{PREFIX}{'.'.join(str(part) for part in location).upper()} {sentence}"


def _origin(given: str) -> str:
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
