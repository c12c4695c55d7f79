"""The audit log: records actions on accounts, sessions, keys and clients, in the action's own transaction."""

from __future__ import annotations

from enum import StrEnum

import strawberry

from watchword.auth.tables import AuditEntry
from watchword.events.event import Event
from watchword.hooks import IdentityKind
from watchword.storage.columns import moment
from watchword.transaction import Transaction


@strawberry.enum(name="AuditAction", description="What can be done.")
class Action(StrEnum):
    """The actions that the audit log records."""

    SIGNED_IN = "SIGNED_IN"
    SIGN_IN_FAILED = "SIGN_IN_FAILED"
    STEPPED_UP = "STEPPED_UP"
    STEP_UP_FAILED = "STEP_UP_FAILED"
    SIGNED_OUT = "SIGNED_OUT"
    SIGNED_OUT_EVERYWHERE = "SIGNED_OUT_EVERYWHERE"
    SESSION_REVOKED = "SESSION_REVOKED"
    REFRESH_TOKEN_REUSED = "REFRESH_TOKEN_REUSED"
    TOKEN_MINTED = "TOKEN_MINTED"
    TOKEN_REVOKED = "TOKEN_REVOKED"
    ACCOUNT_ADDED = "ACCOUNT_ADDED"
    ACCOUNT_LINKED = "ACCOUNT_LINKED"
    ACCOUNT_UNLINKED = "ACCOUNT_UNLINKED"
    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    ACCOUNT_ENABLED = "ACCOUNT_ENABLED"
    ACCOUNT_RENAMED = "ACCOUNT_RENAMED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"
    ROLES_CHANGED = "ROLES_CHANGED"
    PASSKEY_ADDED = "PASSKEY_ADDED"
    PASSKEY_REMOVED = "PASSKEY_REMOVED"
    TOTP_ENABLED = "TOTP_ENABLED"
    TOTP_DISABLED = "TOTP_DISABLED"
    RECOVERY_CODE_USED = "RECOVERY_CODE_USED"
    RECOVERY_CODES_MADE = "RECOVERY_CODES_MADE"
    KEY_ADDED = "KEY_ADDED"
    KEYS_RESEALED = "KEYS_RESEALED"
    CLIENT_ADDED = "CLIENT_ADDED"
    CLIENT_CHANGED = "CLIENT_CHANGED"
    CLIENT_DISABLED = "CLIENT_DISABLED"
    CLIENT_SECRET_ADDED = "CLIENT_SECRET_ADDED"
    CLIENT_SECRET_REMOVED = "CLIENT_SECRET_REMOVED"
    CLIENT_REFUSED = "CLIENT_REFUSED"
    CONNECTION_ENDED = "CONNECTION_ENDED"
    CODE_REPLAYED = "CODE_REPLAYED"
    CONSENT_GIVEN = "CONSENT_GIVEN"
    CONSENT_WITHDRAWN = "CONSENT_WITHDRAWN"


ANNOUNCED = "watchword.identity"
"""The stream of the events that the domain's hook hears of."""
_KINDS = {
    Action.SIGNED_IN: IdentityKind.SIGNED_IN,
    Action.ACCOUNT_ADDED: IdentityKind.REGISTERED,
    Action.ACCOUNT_DISABLED: IdentityKind.DISABLED,
    Action.ACCOUNT_ENABLED: IdentityKind.ENABLED,
}


def record(
    unit: Transaction,
    action: Action,
    *,
    account: str | None = None,
    session: str | None = None,
    client: str | None = None,
    **detail: str,
) -> None:
    """Add an audit entry for an action of the transaction's actor.

    `account` is the account that the action concerns; `session` and `client` default to the actor's own.
    `detail` is stored unchanged, so it must contain nothing secret. If the domain has a hook for events of identity, it
    hears of the action after the commit.
    """
    actor = unit.actor
    if unit.is_announced and account is not None and (kind := _KINDS.get(action)) is not None:
        data = {"session": actor.session, "client": actor.client, "at": int(unit.now)}
        unit.publish(Event(ANNOUNCED, account, kind.value, data))
    unit.db.add(
        AuditEntry(
            at=moment(unit.now),
            action=action.value,
            actor=actor.subject,
            account_id=account,
            session_id=session or actor.session,
            client_id=client or actor.client,
            address=actor.address[:64],
            detail=detail,
        )
    )
