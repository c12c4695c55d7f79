"""The settings: one frozen object, read once from the environment (`WATCHWORD_…`) and `.env`.

An unsafe value prevents the start, with a message that says what to do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from watchword.config import bus_url, env_file
from watchword.config.auth_settings import AuthSettings, checked_origin, json_list
from watchword.config.document_settings import DocumentSettings
from watchword.config.limit_settings import LimitSettings
from watchword.config.live_settings import LiveSettings
from watchword.config.metric_settings import MetricSettings
from watchword.config.trace_settings import TraceSettings
from watchword.config.trusted_issuer import check_all, is_loopback
from watchword.config.unknown_names import mistaken
from watchword.config.upload_settings import UploadSettings
from watchword.errors import Unsafe

PREFIX = "WATCHWORD_"


class Settings(
    AuthSettings,
    DocumentSettings,
    LimitSettings,
    LiveSettings,
    MetricSettings,
    TraceSettings,
    UploadSettings,
):
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
    log_format: Literal["text", "json"] = Field(
        "text",
        description="How the log is written: lines of text, or a JSON object in each line, with the ids of trace,"
        " operation and connection.",
    )
    demo: bool = Field(True, description="Whether to fill an empty database with demo data.")
    demo_people: bool | None = Field(
        None,
        description="Whether demo data has people, one for each role, whose passwords the first start of `watchword serve`"
        " shows. Only where host and issuer are loopback addresses; elsewhere they are disabled at each start. When"
        " empty: only if no admin password is set.",
    )
    coverage: Literal["strict", "roots"] = Field(
        "strict",
        description="Which fields must say who may read them, by a permission of their own or of their type: all, or"
        " (roots) only those of Query, Mutation and Subscription, while a schema moves to strict.",
    )
    refusals: Literal["partial", "each", "reject"] = Field(
        "partial",
        description="What becomes of an operation that selects a field which the caller's roles, scopes and claims deny:"
        " null in its places, and one error for each requirement with the patterns of their paths (partial) or one for"
        " each place (each); or nothing of it is run (reject). A request may choose by extensions.refusals. What depends"
        " on the object is refused in its place in all.",
    )
    introspection: str = Field(
        "shown",
        description="What a caller is told of the schema, by introspection, suggestions and errors: all of it (shown);"
        " nothing that its token can never reach, so that a field which it asks for by name does not exist (hidden); or"
        " nothing without a scope (scope:schema:read).",
    )
    execution: Literal["compiled", "graphql-core"] = Field(
        "compiled",
        description="How operations are run: compiled to Python once and kept, or by graphql-core's"
        " interpreter. The answers are the same.",
    )

    max_header_bytes: int = Field(
        32_768,
        ge=4_096,
        le=1_048_576,
        description="Most bytes of a request line and its headers; more is answered with 431. Headers"
        " that take more than 15 seconds to arrive are answered with 408.",
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
    def our_origins(self) -> tuple[str, ...]:
        """The origins of all our front ends, as browsers write them."""
        return (self.own_origin, *self.allowed_origins)

    @property
    def listens_at(self) -> str:
        """The URL of the address on which `watchword serve` listens."""
        return _http_url(self.host, self.port)

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches `watchword serve`: host and issuer are loopback addresses."""
        return is_loopback(self.host) and is_loopback(urlsplit(self.issuer).hostname or "")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: dict[str, Any]) -> dict[str, Any]:
        if not values.get("issuer"):
            values["issuer"] = _local_url(values.get("host"), values.get("port"))
        if not values.get("database_url"):
            home = Path(values.get("home", "var"))
            values["database_url"] = f"sqlite+aiosqlite:///{home / 'watchword.db'}"
        return values

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, proxies: str) -> str:
        # uvicorn takes anything else for a name, which no connection has: every client would be at the proxy's address.
        for each in filter(None, map(str.strip, proxies.split(","))):
            try:
                each == "*" or ip_network(each)
            except ValueError:
                raise ValueError(
                    "must be addresses and networks with commas between them, such as 127.0.0.1,10.0.0.0/8, or *:"
                    f" {each!r} is none"
                ) from None
        return proxies

    @field_validator("introspection")
    @classmethod
    def _introspection_is_known(cls, introspection: str) -> str:
        # A scope has no spaces, quotes or backslashes (RFC 6749, section 3.3).
        if not re.fullmatch(r"shown|hidden|scope:[!#-\[\]-~]+", introspection):
            raise ValueError(
                "must be shown, hidden, or scope: and the name of a scope, such as scope:schema:read"
            )
        return introspection

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

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _origins_are_a_json_list(cls, items: Any) -> Any:
        return json_list(items)

    @field_validator("allowed_origins")
    @classmethod
    def _origins_are_named(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if any("*" in each for each in origins):
            raise ValueError(
                "must name each origin: a wildcard would let any site use the refresh cookie"
            )
        return tuple(map(checked_origin, origins))

    @model_validator(mode="after")
    def _issuers_are_others(self) -> Settings:
        try:
            check_all(self.trusted_issuers, self.issuer)
        except ValueError as error:
            raise ValueError(f"{PREFIX}TRUSTED_ISSUERS {error}") from None
        return self

    @model_validator(mode="after")
    def _body_holds_a_file(self) -> Settings:
        if self.max_upload_bytes < self.max_upload_file_bytes:
            raise ValueError(
                f"{PREFIX}MAX_UPLOAD_BYTES must not be smaller than {PREFIX}MAX_UPLOAD_FILE_BYTES"
            )
        return self

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

    Raises `Unsafe` with one line for each value that cannot be used, for each name that was meant for a setting
    and is none, and for each line of `.env` that sets nothing.
    """
    # As in the environment, an empty value counts as not set: an empty host would be every address of the machine.
    given = {name: value for name, value in overrides.items() if value not in (None, "")}
    if lines := mistaken(_names(overrides), PREFIX, Settings.model_fields):
        raise Unsafe("\n".join(lines))
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [
            _explain(fault["loc"], fault["msg"]) for fault in error.errors(include_input=False)
        ]
        raise Unsafe("\n".join(lines)) from None


def _local_url(host: Any, port: Any) -> str:
    """Return the URL of `watchword serve` on this machine. Host and port, which may be missing, are checked elsewhere."""
    name = str(host) if is_loopback(str(host)) else "127.0.0.1"
    # The operating system chooses a port for 0; `watchword serve` reads the settings again with that port.
    number = int(port) if str(port).isdecimal() and 0 < int(port) <= 65535 else 8000
    return _http_url(name, number)


def _http_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _names(overrides: dict[str, Any]) -> Iterable[str]:
    """Return the names in the environment and in the file of settings."""
    file = overrides.get("_env_file", Settings.model_config.get("env_file"))
    written = env_file.check(Path(file), PREFIX) if file else ()
    return {name.upper() for name in (*os.environ, *written)}


def _explain(location: tuple[int | str, ...], message: str) -> str:
    sentence = message.removeprefix("Value error, ")
    if not location:
        # The message of a check that covers several settings names them itself.
        return sentence
    return f"{PREFIX}{'.'.join(str(part) for part in location).upper()} {sentence}"
