"""Sessions: one sign-in on one device, a family of refresh tokens that are rotated at each use.

RFC 9700, section 4.14: whoever comes with a token that was rotated away ends the session, because
one of the two who have had it is a thief. Two tabs that refresh at the same moment are no thieves.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from graph.columns import moment
from graph.database import Database
from graph.errors import Conflict, Unauthenticated
from graph.identity.accounts import find_account, new_id
from graph.identity.passwords import fits, is_outdated, make_hash
from graph.identity.tables import Account, Password, Session
from graph.settings import Settings

log = logging.getLogger("watchword.sessions")


# Which of e-mail address, password and refresh token is not good is not said.
NOT_VALID = "The credentials are not valid."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in, in which session; `refresh_token` is None when the old one was just rotated."""

    account: Account
    session_id: str
    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """Where a sign-in comes from: the user agent, and the network address."""

    label: str
    address: str


class Sessions:
    """Signs in, refreshes and signs out. Times are in Unix seconds."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def sign_in(self, email: str, password: str, device: Device, now: float) -> SignedIn:
        """Open a session. Raises `Unauthenticated`, after the same work whatever was wrong."""
        async with self._database.read() as session:
            account = await find_account(session, email)
            known = await session.get(Password, account.id) if account else None
        good = await fits(password, known.hash if known else None)
        if not good or account is None or known is None or account.disabled_at is not None:
            log.info("sign-in refused from %s", device.address)
            raise Unauthenticated(NOT_VALID)
        fresh = await make_hash(password) if is_outdated(known.hash) else None
        async with self._database.write() as session:
            if fresh is not None:
                await session.merge(
                    Password(account_id=account.id, hash=fresh, changed_at=known.changed_at)
                )
            return self._open(session, account, device, now)

    async def refresh(self, refresh_token: str, now: float) -> SignedIn:
        """Rotate a refresh token. Raises `Unauthenticated`; a reused one has ended its session by then."""
        try:
            refreshed = await self._rotate(refresh_token, now)
        except Conflict:
            # Another tab was faster by a moment: what we have is the previous token now.
            refreshed = await self._rotate(refresh_token, now)
        if refreshed is None:
            raise Unauthenticated(NOT_VALID)
        return refreshed

    async def sign_out(self, refresh_token: str, now: float) -> None:
        """End the session of a refresh token; an unknown token has none to end."""
        async with self._database.write() as session:
            found = await _find(session, _hash(refresh_token))
            if found is not None and found.revoked_at is None:
                found.revoked_at = moment(now)

    def _open(
        self, session: AsyncSession, account: Account, device: Device, now: float
    ) -> SignedIn:
        token = secrets.token_urlsafe(32)
        opened = Session(
            id=new_id(),
            account_id=account.id,
            refresh_hash=_hash(token),
            label=device.label[:200],
            address=device.address[:64],
            created_at=moment(now),
            used_at=moment(now),
            expires_at=moment(now + self._settings.refresh_absolute_seconds),
        )
        session.add(opened)
        return SignedIn(account, opened.id, token)

    async def _rotate(self, refresh_token: str, now: float) -> SignedIn | None:
        presented = _hash(refresh_token)
        async with self._database.write() as session:
            found = await _find(session, presented)
            if found is None or not self._is_alive(found, now):
                return None
            account = await session.get_one(Account, found.account_id)
            if account.disabled_at is not None:
                return None
            if found.refresh_hash != presented:
                return self._used_again(found, account, now)
            token = secrets.token_urlsafe(32)
            found.previous_hash, found.refresh_hash = presented, _hash(token)
            found.used_at = moment(now)
            return SignedIn(account, found.id, token)

    def _used_again(self, found: Session, account: Account, now: float) -> SignedIn | None:
        if now - found.used_at.timestamp() <= self._settings.refresh_grace_seconds:
            return SignedIn(account, found.id, None)
        log.warning("a rotated refresh token came again; session %s is revoked", found.id)
        found.revoked_at = moment(now)
        return None

    def _is_alive(self, found: Session, now: float) -> bool:
        idle_until = found.used_at.timestamp() + self._settings.refresh_idle_seconds
        return found.revoked_at is None and now < min(found.expires_at.timestamp(), idle_until)


async def _find(session: AsyncSession, hash: str) -> Session | None:
    either = or_(Session.refresh_hash == hash, Session.previous_hash == hash)
    return (await session.execute(select(Session).where(either))).scalars().first()


def _hash(refresh_token: str) -> str:
    # 256 random bits need no salt and no slow hash: nobody can try them all.
    return hashlib.sha256(refresh_token.encode()).hexdigest()
