"""The tables of auth: accounts and their credentials, sessions, signing keys, and the audit log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from watchword.storage.columns import UtcDateTime


class Base(DeclarativeBase):
    """The base of all tables of the runtime that are mapped to classes."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Account(Base):
    """A user that can sign in. This table contains no secrets."""

    __tablename__ = "watchword_accounts"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    email_folded: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}


class Password(Base):
    """The argon2id hash of an account's password."""

    __tablename__ = "watchword_passwords"

    account_id: Mapped[str] = mapped_column(ForeignKey("watchword_accounts.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(255))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Session(Base):
    """One sign-in on one device: a family of refresh tokens.

    `client_id` is the client that the session belongs to; `scope` the scopes it was granted (None for all
    that the account's roles give); `jkt` the thumbprint of the key that its tokens are bound to.
    `methods` are the authentication methods (RFC 8176) of its sign-in and its step-ups, the last of which was at
    `authenticated_at`. `family` is the hash of
    the family name, with which all its refresh tokens begin. A session from before families existed has
    None until its next refresh.
    """

    __tablename__ = "watchword_sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("watchword_accounts.id"), index=True)
    label: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    client_id: Mapped[str] = mapped_column(String(200), index=True)
    scope: Mapped[str | None] = mapped_column(Text)
    jkt: Mapped[str | None] = mapped_column(String(64))
    authenticated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    methods: Mapped[list[str]] = mapped_column(JSON)
    family: Mapped[str | None] = mapped_column(String(64), unique=True)

    __table_args__ = (
        # A partial index: revoked sessions are few, and are deleted after a day.
        Index(
            "ix_watchword_sessions_revoked_at",
            revoked_at,
            sqlite_where=revoked_at.is_not(None),
            postgresql_where=revoked_at.is_not(None),
        ),
    )


class RefreshToken(Base):
    """A refresh token of a session, stored as its hash. A used one is kept for its grace period.

    `salt` and the token together derive its successor. It is deleted when the successor is used.
    """

    __tablename__ = "watchword_refresh_tokens"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("watchword_sessions.id"), index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    salt: Mapped[str | None] = mapped_column(String(64))


class SigningKey(Base):
    """A key pair that signs tokens, will do so later, or has signed tokens that are still valid.

    The private key is sealed by the vault.
    """

    __tablename__ = "watchword_signing_keys"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(16))
    private_pem: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signs_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Passkey(Base):
    """A WebAuthn credential: `id` is its credential id (base64url), `public_key` is in COSE format."""

    __tablename__ = "watchword_passkeys"

    id: Mapped[str] = mapped_column(String(1400), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("watchword_accounts.id"), index=True)
    public_key: Mapped[bytes] = mapped_column()
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Totp(Base):
    """The secret of one-time codes (RFC 6238), sealed by the vault; in use once it is confirmed.

    An account may have a confirmed one and an unconfirmed one that will replace it. `last_step` is the time
    step of the last code that was used, so that no code is accepted twice.
    """

    __tablename__ = "watchword_totp"

    account_id: Mapped[str] = mapped_column(ForeignKey("watchword_accounts.id"), primary_key=True)
    is_confirmed: Mapped[bool] = mapped_column(primary_key=True)
    sealed_secret: Mapped[str] = mapped_column(Text)
    last_step: Mapped[int] = mapped_column(BigInteger)


class RecoveryCode(Base):
    """A code that replaces a one-time code once, stored as its hash."""

    __tablename__ = "watchword_recovery_codes"

    account_id: Mapped[str] = mapped_column(ForeignKey("watchword_accounts.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ExternalIdentity(Base):
    """The link of an account to its subject at a trusted issuer.

    The account was signed out at `revoked_at`; tokens that the issuer issued up to then are refused.
    """

    __tablename__ = "watchword_external_identities"

    issuer: Mapped[str] = mapped_column(String(500), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("watchword_accounts.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditEntry(Base):
    """An entry of the audit log. Triggers in the database refuse to change or delete it."""

    __tablename__ = "watchword_audit_entries"

    position: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(50))
    actor: Mapped[str | None] = mapped_column(String(200), index=True)
    account_id: Mapped[str | None] = mapped_column(String(32), index=True)
    session_id: Mapped[str | None] = mapped_column(String(32))
    client_id: Mapped[str | None] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, str]] = mapped_column(JSON)
