"""Users of other issuers: verifies the tokens of trusted issuers, and links their subjects to accounts.

A user is identified by issuer and subject, and never by an e-mail address: an attacker who can choose an
address at some issuer could otherwise choose an account here.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.accounts.accounts import (
    LONGEST_NAME,
    add_account,
    check_takeover,
    lock_account,
    new_id,
    raise_version,
)
from watchword.auth.audit.audit import Action, record
from watchword.auth.revocation.identity_events import account_revoked
from watchword.auth.revocation.revocations import Revocations
from watchword.auth.tables import Account, ExternalIdentity
from watchword.context import Services
from watchword.errors import (
    BadUserInput,
    Conflict,
    InvalidToken,
    NotFound,
    TokenOutdated,
    TokenRevoked,
    Unavailable,
    WatchwordError,
)
from watchword.formats.text import cleaned_text
from watchword.principal import Actor, Principal
from watchword.storage.columns import moment
from watchword.storage.database import exclusive, is_unavailable
from watchword.transaction import Transaction, transaction
from watchword.trust.issuers import IssuerVerifier, TrustedIssuers, Verified
from watchword.trust.mapping import LONGEST_SUBJECT, ExternalPerson, fingerprint, is_name

log = logging.getLogger("watchword.trust")

# The advisory lock that is held while an account is linked or unlinked.
LOCK = 7_709_017


@dataclass(frozen=True, slots=True)
class CachedPrincipal:
    """A verified principal, with the version of its issuer's keys at that time.

    From `renews_at` on (Unix seconds) its token is verified again, which may extend it.
    """

    principal: Principal
    issuer: IssuerVerifier
    keys: int
    renews_at: float


class External:
    """Verifies tokens of trusted issuers, and caches the latest.

    A token and its account are verified again after at most the lifetime of our own access tokens. If the
    token lives longer, it is verified after half of that time, and the principal is extended: its issuer
    gives the client no newer token, so the client renews its connection with the same one.
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

    def recall(self, token: str) -> Principal | None:
        """Return the cached principal of a token; None when the token must be verified (again).

        Raises `TokenRevoked`.
        """
        if not self._cache:
            return None
        digest = _digest(token)
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
            # The token has roles of its own, so it is verified again and not refused.
            return False

    def _store(self, digest: bytes, known: CachedPrincipal) -> None:
        self._cache[digest] = known
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)

    async def _with_account(self, verified: Verified, address: str) -> Principal:
        """Return the principal with its account here as subject. Raises `TokenRevoked` if that is disabled."""
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


async def find(
    db: AsyncSession, issuer: str, subject: str
) -> tuple[Account, ExternalIdentity] | None:
    """Find the account that is linked to an issuer's subject."""
    found = await db.execute(
        select(Account, ExternalIdentity)
        .join(ExternalIdentity, ExternalIdentity.account_id == Account.id)
        .where(ExternalIdentity.issuer == issuer, ExternalIdentity.subject == subject)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


def check_standing(
    account: Account, identity: ExternalIdentity, principal: Principal, leeway: float
) -> None:
    """Raise `TokenRevoked` if the account is disabled, or was signed out after the token was issued.

    The issuer's clock may be ahead of ours by `leeway` seconds, so tokens that it dates up to that much
    later than the sign-out are refused too.
    """
    ended = identity.revoked_at
    is_over = ended is not None and principal.issued_at <= ended.timestamp() + leeway
    if account.disabled_at is not None or is_over:
        raise TokenRevoked


async def link(unit: Transaction, issuer: str, subject: str, account: str) -> ExternalIdentity:
    """Link an issuer's subject to an account.

    Raises `BadUserInput` when it is linked already or is not a valid subject; `NotFound` when there is no
    such account; `Forbidden` for another's account whose roles are beyond the actor's reach.
    """
    if not is_name(subject):
        raise BadUserInput(
            f"A subject has 1 to {LONGEST_SUBJECT} printable characters.", ["subject"]
        )
    await exclusive(unit.db, LOCK)
    check_takeover(unit, await lock_account(unit.db, account))
    if await find(unit.db, issuer, subject) is not None:
        raise BadUserInput("This person has an account already.", ["subject"])
    identity = ExternalIdentity(
        issuer=issuer, subject=subject, account_id=account, created_at=moment(unit.now)
    )
    unit.db.add(identity)
    await unit.db.flush()
    record(unit, Action.ACCOUNT_LINKED, account=account, issuer=issuer, subject=subject)
    return identity


async def unlink(unit: Transaction, issuer: str, subject: str) -> Account:
    """Unlink an issuer's subject from its account, and return the account.

    All tokens that were issued for the account end. Its own sessions go on, but must refresh. Raises
    `NotFound` when the subject has no account.
    """
    await exclusive(unit.db, LOCK)
    found = await find(unit.db, issuer, subject)
    if found is None:
        raise NotFound("This person has no account.")
    account = await lock_account(unit.db, found[0].id)
    await unit.db.delete(found[1])
    await raise_version(unit.db, account)
    unit.publish(account_revoked(account.id, account.version))
    record(unit, Action.ACCOUNT_UNLINKED, account=account.id, issuer=issuer, subject=subject)
    return account


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
