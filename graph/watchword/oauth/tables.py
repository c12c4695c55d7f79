"""The tables of the authorization server: clients, their secrets, authorization codes and consents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from watchword.auth.tables import Base
from watchword.storage.columns import UtcDateTime


class Client(Base):
    """An application or a service that requests tokens (RFC 6749, section 2).

    `authentication` is the method by which it authenticates, with the names of RFC 7591:
    client_secret_basic, private_key_jwt (with `jwks`, its public keys), or none for a public client.
    `grants` are the grants that it may use, `scopes` are all the scopes that its tokens may have, and
    `roles` are its roles when it acts for itself. Tokens and codes from before `ended_version` were revoked.
    This table contains no secrets.
    """

    __tablename__ = "watchword_clients"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    authentication: Mapped[str] = mapped_column(String(32))
    grants: Mapped[list[str]] = mapped_column(JSON)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    roles: Mapped[list[str]] = mapped_column(JSON)
    redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    needs_dpop: Mapped[bool] = mapped_column()
    may_introspect: Mapped[bool] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column()
    ended_version: Mapped[int] = mapped_column(default=0)

    __mapper_args__ = {"version_id_col": version}


class ClientSecret(Base):
    """The hash of a client's secret. A client may have two, so that secrets can be rotated."""

    __tablename__ = "watchword_client_secrets"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("watchword_clients.id"), index=True)
    hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuthorizationCode(Base):
    """A code that a client exchanges once for tokens of the consenting person.

    `session_id` is the session that the exchange opened; it is revoked if the code is used again (RFC
    6749, section 4.1.2). `granted_by` is the session in which the person consented; when it ends, the
    code is void. `authenticated_at` and `methods` are copied from that session; `account_version` and
    `client_version` are the versions at the time of consent.
    """

    __tablename__ = "watchword_authorization_codes"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("watchword_clients.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("watchword_accounts.id"))
    redirect_uri: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(Text)
    code_challenge: Mapped[str] = mapped_column(String(128))
    jkt: Mapped[str | None] = mapped_column(String(64))
    authenticated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    methods: Mapped[list[str]] = mapped_column(JSON)
    account_version: Mapped[int] = mapped_column()
    client_version: Mapped[int] = mapped_column()
    granted_by: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    session_id: Mapped[str | None] = mapped_column(String(32))


class Consent(Base):
    """The scopes that a person lets a client have."""

    __tablename__ = "watchword_consents"

    account_id: Mapped[str] = mapped_column(ForeignKey("watchword_accounts.id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("watchword_clients.id"), primary_key=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
