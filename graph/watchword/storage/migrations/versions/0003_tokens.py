"""Give sessions a client, scope and key; create second factors, clients, consents and the audit log."""

import sqlalchemy as sa
from alembic import op

from watchword.storage.columns import UtcDateTime

revision = "0003"
down_revision = "0002"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
FIRST_PARTY = sa.text("'watchword'")


def upgrade() -> None:
    _sessions()
    _keys()
    _factors()
    _clients()
    _audit()
    op.create_table(
        "watchword_external_identities",
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_watchword_external_identities"),
        _account("watchword_external_identities"),
    )
    op.create_index(
        "ix_watchword_external_identities_account_id",
        "watchword_external_identities",
        ["account_id"],
    )
    op.create_table(
        "watchword_used_ids",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_watchword_used_ids"),
    )
    op.create_index("ix_watchword_used_ids_expires_at", "watchword_used_ids", ["expires_at"])


def _sessions() -> None:
    # On SQLite, Alembic replaces the table by a copy. SQLite refuses to drop a table that rows of another
    # one refer to, so the refresh tokens are put aside meanwhile.
    op.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM watchword_refresh_tokens")
    op.execute("DELETE FROM watchword_refresh_tokens")
    _session_columns()
    op.execute("INSERT INTO watchword_refresh_tokens SELECT * FROM kept")
    op.execute("DROP TABLE kept")


def _session_columns() -> None:
    with op.batch_alter_table("watchword_sessions") as table:
        table.add_column(
            sa.Column("client_id", sa.String(200), nullable=False, server_default=FIRST_PARTY)
        )
        table.add_column(sa.Column("scope", sa.Text()))
        table.add_column(sa.Column("jkt", sa.String(64)))
        table.add_column(sa.Column("authenticated_at", UtcDateTime()))
        table.add_column(
            sa.Column("methods", sa.JSON(), nullable=False, server_default=sa.text("'[]'"))
        )
        # None for a session that is open already; its next refresh fills it in.
        table.add_column(sa.Column("family", sa.String(64)))
        table.create_unique_constraint("uq_watchword_sessions_family", ["family"])
        for column in ("client_id", "expires_at", "used_at"):
            table.create_index(f"ix_watchword_sessions_{column}", [column])
    op.execute("UPDATE watchword_sessions SET authenticated_at = created_at")
    with op.batch_alter_table("watchword_sessions") as table:
        table.alter_column("authenticated_at", nullable=False)
        # The defaults were for the rows that were there already.
        table.alter_column("client_id", server_default=None)
        table.alter_column("methods", server_default=None)
    revoked = sa.text("revoked_at IS NOT NULL")
    op.create_index(
        "ix_watchword_sessions_revoked_at",
        "watchword_sessions",
        ["revoked_at"],
        sqlite_where=revoked,
        postgresql_where=revoked,
    )


def _keys() -> None:
    with op.batch_alter_table("watchword_signing_keys") as table:
        table.add_column(sa.Column("signs_at", UtcDateTime()))
    op.execute("UPDATE watchword_signing_keys SET signs_at = created_at")
    with op.batch_alter_table("watchword_signing_keys") as table:
        table.alter_column("signs_at", nullable=False)


def _factors() -> None:
    op.create_table(
        "watchword_passkeys",
        sa.Column("id", sa.String(1400), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_watchword_passkeys"),
        _account("watchword_passkeys"),
    )
    op.create_index("ix_watchword_passkeys_account_id", "watchword_passkeys", ["account_id"])
    op.create_table(
        "watchword_challenges",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("account_id", sa.String(32)),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_watchword_challenges"),
        _account("watchword_challenges"),
    )
    op.create_index("ix_watchword_challenges_expires_at", "watchword_challenges", ["expires_at"])
    op.create_table(
        "watchword_totp",
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "is_confirmed", name="pk_watchword_totp"),
        _account("watchword_totp"),
    )
    op.create_table(
        "watchword_recovery_codes",
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("used_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("account_id", "hash", name="pk_watchword_recovery_codes"),
        _account("watchword_recovery_codes"),
    )


def _clients() -> None:
    op.create_table(
        "watchword_clients",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("authentication", sa.String(32), nullable=False),
        sa.Column("grants", sa.JSON(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("redirect_uris", sa.JSON(), nullable=False),
        sa.Column("jwks", sa.JSON()),
        sa.Column("needs_dpop", sa.Boolean(), nullable=False),
        sa.Column("may_introspect", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("disabled_at", UtcDateTime()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ended_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watchword_clients"),
    )
    op.create_index("ix_watchword_clients_created_at", "watchword_clients", ["created_at"])
    op.create_table(
        "watchword_client_secrets",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watchword_client_secrets"),
        _client("watchword_client_secrets"),
    )
    op.create_index(
        "ix_watchword_client_secrets_client_id", "watchword_client_secrets", ["client_id"]
    )
    op.create_table(
        "watchword_authorization_codes",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("code_challenge", sa.String(128), nullable=False),
        sa.Column("jkt", sa.String(64)),
        sa.Column("authenticated_at", UtcDateTime(), nullable=False),
        sa.Column("methods", sa.JSON(), nullable=False),
        sa.Column("account_version", sa.Integer(), nullable=False),
        sa.Column("client_version", sa.Integer(), nullable=False),
        sa.Column("granted_by", sa.String(32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime()),
        sa.Column("session_id", sa.String(32)),
        sa.PrimaryKeyConstraint("hash", name="pk_watchword_authorization_codes"),
        _client("watchword_authorization_codes"),
        _account("watchword_authorization_codes"),
    )
    op.create_index(
        "ix_watchword_authorization_codes_expires_at",
        "watchword_authorization_codes",
        ["expires_at"],
    )
    op.create_table(
        "watchword_consents",
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "client_id", name="pk_watchword_consents"),
        _account("watchword_consents"),
        _client("watchword_consents"),
    )


def _audit() -> None:
    op.create_table(
        "watchword_audit_entries",
        sa.Column("position", BIG, nullable=False, autoincrement=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("action", sa.String(50), nullable=False),
        sa.Column("actor", sa.String(200)),
        sa.Column("account_id", sa.String(32)),
        sa.Column("session_id", sa.String(32)),
        sa.Column("client_id", sa.String(200)),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_watchword_audit_entries"),
    )
    for column in ("account_id", "actor"):
        op.create_index(f"ix_watchword_audit_entries_{column}", "watchword_audit_entries", [column])
    # An attacker with this connection can add entries, but cannot change or remove any.
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION watchword_audit_entries_are_kept() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'audit entries are kept as they are'; END $$"
        )
        op.execute(
            "CREATE TRIGGER watchword_audit_entries_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE"
            " ON watchword_audit_entries EXECUTE FUNCTION watchword_audit_entries_are_kept()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER watchword_audit_entries_{change.lower()} BEFORE {change} ON watchword_audit_entries"
            " BEGIN SELECT RAISE(ABORT, 'audit entries are kept as they are'); END"
        )
    # REPLACE deletes a row without firing a trigger (sqlite.org/lang_conflict.html), so an insert at the
    # position of an existing row is refused.
    op.execute(
        "CREATE TRIGGER watchword_audit_entries_insert BEFORE INSERT ON watchword_audit_entries"
        " WHEN EXISTS (SELECT 1 FROM watchword_audit_entries WHERE position = NEW.position)"
        " BEGIN SELECT RAISE(ABORT, 'audit entries are kept as they are'); END"
    )


def _account(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_account_id"
    return sa.ForeignKeyConstraint(["account_id"], ["watchword_accounts.id"], name=name)


def _client(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_client_id"
    return sa.ForeignKeyConstraint(["client_id"], ["watchword_clients.id"], name=name)
