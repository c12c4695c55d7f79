"""Verifies the tokens of trusted issuers, and gives each of their users an account, if the settings say so."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy.exc import SQLAlchemyError

from watchword.auth.accounts.accounts import (
    LONGEST_NAME,
    add_account,
    new_id,
)
from watchword.auth.accounts.links import LOCK, check_standing, find, link
from watchword.auth.revocation.revocations import Revocations
from watchword.auth.tables import Account, ExternalIdentity
from watchword.context import Services
from watchword.errors import (
    BadUserInput,
    Conflict,
    InvalidToken,
    TokenOutdated,
    Unavailable,
    WatchwordError,
)
from watchword.formats.text import cleaned_text
from watchword.principal import Actor, Principal
from watchword.storage.database import exclusive, is_unavailable
from watchword.transaction import Transaction, transaction
from watchword.trust.issuers import IssuerVerifier, TrustedIssuers, Verified
from watchword.trust.mapping import ExternalPerson, fingerprint

log = logging.getLogger("watchword.trust")


@dataclass(frozen=True, slots=True)
class CachedPrincipal:
    """A verified principal, with the version of its issuer's keys at that time.

    From `renews_at` on (Unix seconds) the next request with the token verifies it again; if it is still
    valid, the principal is extended.
    """

    principal: Principal
    issuer: IssuerVerifier
    keys: int
    renews_at: float


class External:
    """Verifies tokens of trusted issuers, and caches the latest.

    A token and its account are verified again after at most the lifetime of our own access tokens. A token
    that lives longer is verified again after half of that time, and its principal is extended: the client
    gets no newer token from the issuer, so it renews its connection with the same one.
    """

    def __init__(self, services: Services, revocations: Revocations) -> None:
        settings = services.settings
        self._services = services
        self._revocations = revocations
        self._seconds = settings.access_token_seconds
        self._cache_size = settings.token_cache
        self._cache: OrderedDict[bytes, CachedPrincipal] = OrderedDict()
        self.issuers = TrustedIssuers(
            settings.trusted_issuers,
            services.clock,
            settings.leeway_seconds,
            services.domain.roles,
            services.background,
            services.claims_read,
        )

    async def verify(self, token: str, address: str) -> Principal | None:
        """Return the principal of a token; None when it names no trusted issuer.

        `address` is the client's network address, for the audit entry if an account is added. Raises
        `InvalidToken`, `TokenExpired`, `TokenRevoked`, and `Unavailable` when the issuer or the database
        cannot be reached.
        """
        issuer = self.issuers.of(token)
        if issuer is None:
            return None
        digest = _digest(token)
        try:
            known = await self._verify(issuer, token, address)
        except Unavailable:
            # A cached principal stays valid until it expires.
            before = self._cache.get(digest)
            if before is None or not self._is_current(before):
                raise
            return before.principal
        except WatchwordError:
            self._cache.pop(digest, None)
            raise
        self._store(digest, known)
        return known.principal

    async def _verify(self, issuer: IssuerVerifier, token: str, address: str) -> CachedPrincipal:
        verified = await issuer.verify(token)
        keys = issuer.keys.version
        principal = await self._with_account(verified, address)
        until = self._services.clock.now() + self._seconds
        if principal.expires_at <= until:
            return CachedPrincipal(principal, issuer, keys, principal.expires_at)
        bounded = replace(principal, expires_at=until)
        return CachedPrincipal(bounded, issuer, keys, until - self._seconds / 2)

    def recall(self, digest: bytes) -> Principal | None:
        """Return the cached principal of a token by its digest; None when it must be verified (again).

        Raises `TokenRevoked`.
        """
        if not self._cache:
            return None
        known = self._cache.get(digest)
        if known is None:
            return None
        if not self._is_current(known):
            del self._cache[digest]
            return None
        return known.principal if self._services.clock.now() < known.renews_at else None

    def _is_current(self, known: CachedPrincipal) -> bool:
        if known.principal.expires_at <= self._services.clock.now():
            return False
        if known.keys != known.issuer.keys.version:
            return False
        try:
            return self._revocations.check(known.principal) is known.principal
        except TokenOutdated:
            # An issuer's token states its own roles, so verify it again instead of refusing it.
            return False

    def _store(self, digest: bytes, known: CachedPrincipal) -> None:
        self._cache[digest] = known
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)

    async def _with_account(self, verified: Verified, address: str) -> Principal:
        """Return the principal with its account here as subject.

        Raises `TokenRevoked` if the account is disabled, or was signed out after the token was issued.
        """
        person, principal = verified.person, verified.principal
        if person.issuer.accounts == "none":
            return replace(principal, subject=fingerprint(person.issuer.issuer, person.subject))
        try:
            account, identity = await self._find_or_add(verified, address)
        except (SQLAlchemyError, OSError) as error:
            if not is_unavailable(error):
                raise
            raise Unavailable("The database cannot be asked just now. Try again.") from error
        check_standing(account, identity, principal, self._services.settings.leeway_seconds)
        return replace(principal, subject=account.id, version=account.version)

    async def _find_or_add(
        self, verified: Verified, address: str
    ) -> tuple[Account, ExternalIdentity]:
        person = verified.person
        async with self._services.database.read() as db:
            found = await find(db, person.issuer.issuer, person.subject)
        if found is not None:
            return found
        if person.issuer.accounts != "create":
            raise InvalidToken("no account")
        try:
            return await self._add(verified, address)
        except Conflict as error:
            raise Unavailable("This account is just being made. Try again.") from error

    async def _add(self, verified: Verified, address: str) -> tuple[Account, ExternalIdentity]:
        services, person = self._services, verified.person
        # No limit on the roles: the settings have limited what this issuer may give.
        actor = Actor(client=verified.principal.client, address=address, reach=None)
        async with transaction(
            services.database, services.bus, services.clock.now(), actor
        ) as unit:
            await exclusive(unit.db, LOCK)
            found = await find(unit.db, person.issuer.issuer, person.subject)
            if found is not None:
                return found
            account = await _add_account(unit, person, verified.principal.grants.roles)
            identity = await link(unit, person.issuer.issuer, person.subject, account.id)
        log.info("account %s was added for a user of %s", account.id, person.issuer.name)
        return account, identity


async def _add_account(unit: Transaction, person: ExternalPerson, roles: frozenset[str]) -> Account:
    for address in _addresses(person):
        try:
            async with unit.db.begin_nested():
                return await add_account(
                    unit, email=address, name=_name(person), roles=roles, hash=None
                )
        except BadUserInput:
            # The address is invalid or has an account. The issuer's claim does not prove that it is the
            # same person, so the account gets another address.
            log.warning(
                "the account of a user of %s cannot have the address that the issuer names",
                person.issuer.name,
            )
    raise Conflict("Another process is making this account. Try again.")


def _addresses(person: ExternalPerson) -> Iterator[str]:
    """Yield the person's own address, then addresses that cannot exist (RFC 2606, section 2)."""
    if person.email is not None:
        yield person.email
    name = fingerprint(person.issuer.issuer, person.subject).removeprefix("~")
    yield f"{name}@{person.issuer.name}.invalid"
    # The address above may belong to an account that this person was unlinked from.
    yield f"{new_id()}@{person.issuer.name}.invalid"


def _digest(token: str) -> bytes:
    # Cached by hash, so that no token is kept in memory. Only valid tokens are cached.
    return hashlib.sha256(token.encode()).digest()


def _name(person: ExternalPerson) -> str:
    # The person cannot be asked for another name here, so characters that are not allowed are dropped.
    return cleaned_text(person.name or "", LONGEST_NAME) or person.subject.strip()[:LONGEST_NAME]
