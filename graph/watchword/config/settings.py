"""One frozen object, read once from the environment (`WATCHWORD_…`) and `.env`.

Every value that is unsafe is refused at the start, in a sentence that says what to do.
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
# Its last label is no number: that would be an address.
_DOMAIN = re.compile(r"([a-z0-9-]+\.)*[a-z0-9-]*[a-z-][a-z0-9-]*", re.ASCII)
_ANDROID_APP = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]+=*", re.ASCII)
_FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=", re.ASCII)


class Settings(LiveSettings):
    """Everything an operator can set. Times are in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    home: Path = Field(Path("var"), description="The one directory that everything is written to.")
    mount: str = Field(
        "incident_room:schema", description="The schema to mount, as module:attribute."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, description="Server processes.")
    trusted_proxies: str = Field(
        "127.0.0.1", description="Addresses whose X-Forwarded headers are believed, with commas."
    )
    database_url: str = Field(
        "", description="SQLAlchemy URL; SQLite in the home directory when empty.", repr=False
    )
    database_statement_seconds: float = Field(
        10,
        gt=0,
        le=600,
        description="How long one statement may take on PostgreSQL, and how long a writer waits for"
        " its turn on SQLite.",
    )
    database_pool_seconds: float = Field(
        10, gt=0, le=600, description="How long to wait for a connection to the database."
    )
    database_pool_size: int = Field(
        15, ge=2, le=1_000, description="Most connections of one process to the database."
    )
    bus_url: str = Field(
        bus_url.MEMORY,
        description="The bus between processes: memory:// for one process, or redis://host:6379,"
        " redis+sentinel://one:26379,two:26379/service, redis+cluster://one:6379,two:6379.",
        repr=False,
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="How much is logged."
    )
    demo: bool = Field(True, description="Fill an empty database with demo data.")

    issuer: str = Field(
        "http://127.0.0.1:8000",
        description="Who signs tokens: claim iss. The address by which everybody reaches the server.",
    )
    audience: str = Field("watchword", description="Whom tokens are for: claim aud.")
    algorithm: Literal["ES256", "RS256", "EdDSA"] = Field(
        "ES256",
        description="Algorithm of newly made signing keys: `watchword keys rotate` makes one.",
    )
    rsa_bits: int = Field(3072, description="Size of newly made RS256 keys, in bits.")
    access_token_seconds: int = Field(
        600, ge=300, le=LONGEST_TOKEN_SECONDS, description="Life of an access token."
    )
    refresh_idle_seconds: int = Field(
        14 * 86400, ge=600, description="A session ends when it is not refreshed for this long."
    )
    refresh_absolute_seconds: int = Field(
        90 * 86400, ge=600, description="A session ends after this long in any case."
    )
    refresh_grace_seconds: int = Field(
        10, ge=0, le=60, description="Two tabs that refresh within this time both succeed."
    )
    leeway_seconds: int = Field(
        5, ge=0, le=LONGEST_LEEWAY_SECONDS, description="Clock difference to tolerate."
    )
    encryption_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Fernet keys that seal what is secret in the database, with commas: the first"
        " seals, all of them open. Made in the home directory when not set.",
        repr=False,
    )
    key_rotation_seconds: int = Field(
        90 * 86400, ge=0, description="A new signing key is made after this long; 0 for never."
    )
    key_publish_seconds: int = Field(
        600,
        ge=0,
        description="How long a new key is published before it signs. Others may keep our keys for"
        " half of it, and for 300 at most.",
    )
    sign_in_limit_per_account: str = Field(
        "10 per 5 minutes",
        description="Most wrong attempts to sign in to one account, and on each device that it knows."
        " For one-time codes it is always 5 per 15 minutes.",
    )
    sign_in_limit_per_address: str = Field(
        "100 per 5 minutes",
        description="Most wrong attempts from one address: to sign in, and with client credentials, codes"
        " and refresh tokens at /oauth/token.",
    )
    step_up_seconds: int = Field(
        300, ge=30, description="How recent an authentication is that what is dangerous asks for."
    )
    relying_party_id: str = Field(
        "",
        description="Domain that passkeys are made for; the issuer's host when empty.",
    )
    passkey_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Where passkeys may be used beside our own origin, as JSON; apps as"
        " android:apk-key-hash:…",
    )
    code_seconds: int = Field(60, ge=10, le=600, description="Life of an authorization code.")
    dpop: Literal["optional", "required"] = Field(
        "optional", description="Whether every token must be bound to its holder's key (DPoP)."
    )
    dpop_nonce: bool = Field(False, description="Whether DPoP proofs must hold a nonce of ours.")
    dpop_seconds: int = Field(60, ge=5, le=600, description="How old a DPoP proof may be.")
    trusted_issuers: Annotated[tuple[TrustedIssuer, ...], NoDecode] = Field(
        (),
        description="Identity providers whose tokens are believed, as JSON: see below, and"
        " docs/how-to/sign-in-with-an-identity-provider.md.",
    )
    max_header_bytes: int = Field(
        32_768,
        ge=4_096,
        le=1_048_576,
        description="Most bytes of a request line and its headers; more is answered 431. A head that"
        " takes over 15 seconds to arrive is answered 408.",
    )
    admin_email: str = Field("admin@example.com", description="E-mail of the first account.")
    admin_password: str | None = Field(
        None, description="Password of the first account; generated when not set.", repr=False
    )

    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Origins of other front ends of yours, as JSON:"
        ' ["https://app.example.com", "capacitor://localhost"]. They may use the refresh cookie and'
        " send any header, so name no application of others. Browsers send the cookie from pages of"
        " the same site only; other apps ask for the refresh token in the body.",
    )
    explorer: bool = Field(True, description="Serve GraphiQL to browsers at /graphql.")
    max_body_bytes: int = Field(
        1_000_000,
        ge=1024,
        description="Largest request body; a larger one is answered 413. A body that takes over 30"
        " seconds to arrive is answered 408.",
    )
    max_message_bytes: int = Field(256_000, ge=1024, description="Largest WebSocket message.")
    max_document_characters: int = Field(
        50_000, ge=1024, description="Most characters of a document, comments included."
    )
    max_tokens: int = Field(2_000, ge=50, description="Most lexical tokens in a document.")
    max_depth: int = Field(15, ge=1, description="Deepest nesting of fields in a document.")
    max_aliases: int = Field(50, ge=0, description="Most aliases in a document.")
    max_objects: int = Field(
        20_000, ge=1, description="Most objects that a document may ask for, pages multiplied."
    )
    plan_cache: int = Field(
        1_000, ge=0, description="Validated documents to remember, of 500 characters on average."
    )
    token_cache: int = Field(10_000, ge=0, description="Verified tokens to remember.")

    @cached_property
    def own_origin(self) -> str:
        """The origin of the pages that we serve ourselves."""
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
        # A URL is ASCII, and others compare this one character by character.
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
    def _email_is_one(cls, email: str) -> str:
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
    def _limit_is_one(cls, limit: str) -> str:
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
    """Read the settings once; `overrides` (from the command line) win over the environment.

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
        # What concerns several settings names them itself.
        return sentence
    return f"{PREFIX}{'.'.join(str(part) for part in location).upper()} {sentence}"


def _origin(given: str) -> str:
    """Return an origin as browsers write it. Raises `ValueError` that names what is none."""
    try:
        return origin.normalised(given)
    except ValueError as error:
        # A password before the host is not for the log.
        raise ValueError(f"{given.rpartition('@')[2]!r} {error}") from error


def _split(url: str) -> SplitResult:
    """Split a URL; of what is none, nothing is left."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
