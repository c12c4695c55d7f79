"""Revocations in memory: which validly signed tokens must be refused, for as long as a token can live.

Checking a token therefore needs no query. `follower.py` fills this from the event log.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from watchword.auth.revocation.identity_events import (
    ACCOUNT_REVOKED,
    CLIENT_REVOKED,
    ROLES_CHANGED,
    SESSION_REVOKED,
    TOKEN_REVOKED,
)
from watchword.delivery.lease import narrowed
from watchword.domain import Domain
from watchword.errors import TokenOutdated, TokenRevoked
from watchword.events.event import Event
from watchword.principal import Grants, Principal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AccountChange:
    """The latest revocation and the latest change of roles of an account, by its version.

    Tokens from before `revoked_before` are refused; the session `kept`, if any, may refresh them. Tokens
    from before `outdated_before` have at most the `grants`. Kept until `until` (Unix seconds).
    """

    until: float
    revoked_before: int = 0
    kept: str = ""
    outdated_before: int = 0
    grants: Grants = Grants()


class Revocations:
    """The recent revocations and changes, each kept for `seconds`.

    With `downgrades`, a token stays valid after a change of roles, with the roles that are left; otherwise
    it is refused. Each table is ordered by time, so adding and dropping an entry take constant time.
    """

    def __init__(self, domain: Domain, seconds: float, downgrades: bool) -> None:
        self._domain = domain
        self._seconds = seconds
        self._downgrades = downgrades
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self._tokens: OrderedDict[str, float] = OrderedDict()
        # By client: the time until which the entry is kept, and the lowest client version in a valid token.
        self._clients: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._accounts: OrderedDict[str, AccountChange] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions) + len(self._tokens) + len(self._clients) + len(self._accounts)

    def add(self, event: Event, at: float) -> None:
        """Add an event that happened at `at` (Unix seconds)."""
        until = at + self._seconds
        known = self._accounts.get(event.key, AccountChange(until))
        version = int(event.data.get("version") or 0)
        match event.kind:
            case kind if kind == SESSION_REVOKED:
                _put(self._sessions, str(event.data["session"]), until)
            case kind if kind == TOKEN_REVOKED:
                _put(self._tokens, str(event.data["token"]), until)
            case kind if kind == CLIENT_REVOKED:
                _put(self._clients, event.key, (until, version))
            case kind if kind == ACCOUNT_REVOKED:
                kept = str(event.data.get("kept") or "")
                change = replace(known, until=until, revoked_before=version, kept=kept)
                _put(self._accounts, event.key, change)
            case kind if kind == ROLES_CHANGED:
                grants = self.grants(event)
                change = replace(known, until=until, outdated_before=version, grants=grants)
                _put(self._accounts, event.key, change)

    def forget(self, now: float) -> None:
        """Drop the entries that are older than any token at `now` (Unix seconds)."""
        _drop(self._sessions, now, float)
        _drop(self._tokens, now, float)
        _drop(self._clients, now, lambda known: known[0])
        _drop(self._accounts, now, lambda known: known.until)

    def grants(self, event: Event) -> Grants:
        """Return the roles and scopes that an account has after its roles changed."""
        roles = frozenset(str(event.data["roles"]).split())
        return Grants(roles, self._domain.scopes(roles))

    def check(self, principal: Principal) -> Principal:
        """Return the principal, with fewer grants if its token is downgraded.

        Raises `TokenRevoked`, and `TokenOutdated` when the session may refresh the token: it was kept when
        the account's other sessions ended, or the roles changed and tokens are not downgraded.
        """
        if not (self._sessions or self._tokens or self._clients or self._accounts):
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
            is_kept = principal.session is not None and principal.session == change.kept
            raise TokenOutdated if is_kept else TokenRevoked
        if principal.version >= change.outdated_before:
            return principal
        if not self._downgrades:
            raise TokenOutdated
        return narrowed(principal, change.grants)


def _put(table: OrderedDict[str, T], id: str, known: T) -> None:
    table[id] = known
    table.move_to_end(id)


def _drop(table: OrderedDict[str, T], now: float, until: Callable[[T], float]) -> None:
    # The clocks of processes differ, so entries may be slightly out of order. An entry may then stay a
    # little longer, but is never dropped too early.
    while table and until(next(iter(table.values()))) <= now:
        table.popitem(last=False)
