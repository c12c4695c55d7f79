"""Identity events: revocations and changes of roles, in a stream of the event log.

The key of an event is the id of the account or the client that it is about.
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
    """Return the event that a session has ended: its tokens are refused from now on."""
    return Event(STREAM, account, SESSION_REVOKED, {"session": session})


def account_revoked(account: str, version: int, kept: str | None = None) -> Event:
    """Return the event that all tokens of an account from before this version are revoked.

    The session `kept`, if any, may refresh its tokens.
    """
    return Event(STREAM, account, ACCOUNT_REVOKED, {"version": version, "kept": kept})


def roles_changed(account: str, version: int, roles: Collection[str]) -> Event:
    """Return the event that an account has these roles from this version on; older tokens are outdated."""
    return Event(
        STREAM, account, ROLES_CHANGED, {"version": version, "roles": " ".join(sorted(roles))}
    )


def token_revoked(subject: str, token: str) -> Event:
    """Return the event that one access token is revoked; `token` is its id (jti)."""
    return Event(STREAM, subject, TOKEN_REVOKED, {"token": token})


def client_revoked(client: str, version: int) -> Event:
    """Return the event that all tokens of a client from before this version are revoked, for all subjects."""
    return Event(STREAM, client, CLIENT_REVOKED, {"version": version})
