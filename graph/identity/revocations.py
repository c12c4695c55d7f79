"""What must not be believed although it is signed: held in memory, for as long as a token can live.

So verifying asks nobody. What is here was in the log first; `watch.py` brings it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from graph.delivery.lease import narrowed
from graph.domain import Domain
from graph.errors import TokenOutdated, TokenRevoked
from graph.events import Event
from graph.identity.happenings import (
    ACCOUNT_REVOKED,
    CLIENT_REVOKED,
    ROLES_CHANGED,
    SESSION_REVOKED,
    TOKEN_REVOKED,
)
from graph.principal import Grants, Principal


@dataclass(frozen=True, slots=True)
class Change:
    """What tokens of an account from before some version are worth. `until` is in Unix seconds."""

    until: float
    revoked_before: int = 0
    outdated_before: int = 0
    grants: Grants = Grants()


class Revocations:
    """What was revoked or changed of late; `seconds` is how long each of it is kept."""

    def __init__(self, domain: Domain, seconds: float, downgrades: bool) -> None:
        self._domain = domain
        self._seconds = seconds
        self._downgrades = downgrades
        self._sessions: dict[str, float] = {}
        self._tokens: dict[str, float] = {}
        # Until when it is kept, and from which version of the client on its tokens are good.
        self._clients: dict[str, tuple[float, int]] = {}
        self._accounts: dict[str, Change] = {}

    def __len__(self) -> int:
        return len(self._sessions) + len(self._tokens) + len(self._clients) + len(self._accounts)

    def add(self, event: Event, now: float) -> None:
        """Take in what happened, and forget what no token can remember any more."""
        self._forget(now)
        until = now + self._seconds
        known = self._accounts.get(event.key, Change(until))
        version = int(event.data.get("version") or 0)
        match event.kind:
            case kind if kind == SESSION_REVOKED:
                self._sessions[str(event.data["session"])] = until
            case kind if kind == TOKEN_REVOKED:
                self._tokens[str(event.data["token"])] = until
            case kind if kind == CLIENT_REVOKED:
                self._clients[event.key] = (until, version)
            case kind if kind == ACCOUNT_REVOKED:
                self._accounts[event.key] = replace(known, until=until, revoked_before=version)
            case kind if kind == ROLES_CHANGED:
                grants = self.grants(event)
                self._accounts[event.key] = replace(
                    known, until=until, outdated_before=version, grants=grants
                )

    def grants(self, event: Event) -> Grants:
        """Return all that an account has after its roles changed."""
        roles = frozenset(str(event.data["roles"]).split())
        return Grants(roles, self._domain.scopes(roles))

    def check(self, principal: Principal) -> Principal:
        """Return the principal as far as its token is still to be believed.

        Raises `TokenRevoked`, and `TokenOutdated` when its owner has other roles now, unless tokens
        are downgraded then.
        """
        if not len(self):
            return principal
        if principal.session in self._sessions or principal.token_id in self._tokens:
            raise TokenRevoked
        _, good_from = self._clients.get(principal.client or "", (0, 0))
        if principal.client_version < good_from:
            raise TokenRevoked
        change = self._accounts.get(principal.subject)
        if change is None:
            return principal
        if principal.version < change.revoked_before:
            raise TokenRevoked
        if principal.version >= change.outdated_before:
            return principal
        if not self._downgrades:
            raise TokenOutdated
        return narrowed(principal, change.grants)

    def _forget(self, now: float) -> None:
        self._sessions = {id: until for id, until in self._sessions.items() if until > now}
        self._tokens = {id: until for id, until in self._tokens.items() if until > now}
        self._clients = {id: known for id, known in self._clients.items() if known[0] > now}
        self._accounts = {id: known for id, known in self._accounts.items() if known.until > now}
