"""What happens to accounts, sessions, clients and tokens, as events: they travel in the log as all do.

The key is whom it is about: an account's id, or a client's.
"""

from __future__ import annotations

from collections.abc import Collection

from watchword.events.event import Event

STREAM = "identity"
SESSION_REVOKED = "SESSION_REVOKED"
ACCOUNT_REVOKED = "ACCOUNT_REVOKED"
ROLES_CHANGED = "ROLES_CHANGED"
TOKEN_REVOKED = "TOKEN_REVOKED"
CLIENT_REVOKED = "CLIENT_REVOKED"


def session_revoked(account: str, session: str) -> Event:
    """A session is over: its tokens are no good any more."""
    return Event(STREAM, account, SESSION_REVOKED, {"session": session})


def account_revoked(account: str, version: int, kept: str | None = None) -> Event:
    """An account is disabled, or has another password: tokens from before this version are no good.

    The session that is kept, if there is one, gets new ones.
    """
    return Event(STREAM, account, ACCOUNT_REVOKED, {"version": version, "kept": kept})


def roles_changed(account: str, version: int, roles: Collection[str]) -> Event:
    """An account has these roles from this version on: tokens from before say something else."""
    return Event(
        STREAM, account, ROLES_CHANGED, {"version": version, "roles": " ".join(sorted(roles))}
    )


def token_revoked(subject: str, token: str) -> Event:
    """One access token is no good any more; `token` is its id (jti)."""
    return Event(STREAM, subject, TOKEN_REVOKED, {"token": token})


def client_revoked(client: str, version: int) -> Event:
    """A client is disabled, or may do less: its tokens from before this version of it are no good,
    whoever they speak for."""
    return Event(STREAM, client, CLIENT_REVOKED, {"version": version})
