"""What must not be believed although it is signed: held in memory, for as long as a token can live.

So verifying asks nobody. What is here was in the log first; `watch.py` brings it.
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
class Change:
    """What tokens of an account from before some version are worth. `until` is in Unix seconds.

    The session that was kept, if there is one, gets new ones for those that were revoked.
    """

    until: float
    revoked_before: int = 0
    kept: str = ""
    outdated_before: int = 0
    grants: Grants = Grants()


class Revocations:
    """What was revoked or changed of late; `seconds` is how long each of it is kept.

    Each table has what came last at its end, so that adding costs the same however much there is,
    and so does forgetting each of it.
    """

    def __init__(self, domain: Domain, seconds: float, downgrades: bool) -> None:
        self._domain = domain
        self._seconds = seconds
        self._downgrades = downgrades
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self._tokens: OrderedDict[str, float] = OrderedDict()
        # Until when it is kept, and from which version of the client on its tokens are good.
        self._clients: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._accounts: OrderedDict[str, Change] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions) + len(self._tokens) + len(self._clients) + len(self._accounts)

    def add(self, event: Event, at: float) -> None:
        """Take in what happened at a time, in Unix seconds."""
        until = at + self._seconds
        known = self._accounts.get(event.key, Change(until))
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
        """Forget what no token can remember any more."""
        _drop(self._sessions, now, float)
        _drop(self._tokens, now, float)
        _drop(self._clients, now, lambda known: known[0])
        _drop(self._accounts, now, lambda known: known.until)

    def grants(self, event: Event) -> Grants:
        """Return all that an account has after its roles changed."""
        roles = frozenset(str(event.data["roles"]).split())
        return Grants(roles, self._domain.scopes(roles))

    def check(self, principal: Principal) -> Principal:
        """Return the principal as far as its token is still to be believed.

        Raises `TokenRevoked`, and `TokenOutdated` when its session lives on and gets another: after
        a change of the password, or of the roles unless tokens are downgraded then.
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
    # Clocks differ a little, so one may come before another that is over sooner; that one stays for
    # so much longer, and nothing goes too early.
    while table and until(next(iter(table.values()))) <= now:
        table.popitem(last=False)
