"""What happens to accounts and sessions, as events: they travel in the log as all events do.

Each is about one account, whose id is the key.
"""

from __future__ import annotations

from collections.abc import Collection

from graph.events import Event

STREAM = "identity"
SESSION_REVOKED = "SESSION_REVOKED"
ACCOUNT_REVOKED = "ACCOUNT_REVOKED"
ROLES_CHANGED = "ROLES_CHANGED"


def session_revoked(account: str, session: str) -> Event:
    """A session is over: its tokens are no good any more."""
    return Event(STREAM, account, SESSION_REVOKED, {"session": session})


def account_revoked(account: str, version: int) -> Event:
    """An account is disabled, or has another password: tokens from before this version are no good."""
    return Event(STREAM, account, ACCOUNT_REVOKED, {"version": version})


def roles_changed(account: str, version: int, roles: Collection[str]) -> Event:
    """An account has these roles from this version on: tokens from before say something else."""
    return Event(
        STREAM, account, ROLES_CHANGED, {"version": version, "roles": " ".join(sorted(roles))}
    )
