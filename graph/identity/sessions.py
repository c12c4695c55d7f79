"""Sessions: one sign-in on one device, a family of refresh tokens that are rotated at each use.

RFC 9700, section 4.14: whoever comes with a token that was rotated away ends the session, because
one of the two who have had it is a thief. Two tabs that refresh at the same moment, or a client
that has not heard the answer and asks again, are no thieves: within a grace of seconds the same
token gets the same successor, so that they end on one family.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from graph.actor import Actor
from graph.columns import moment
from graph.database import Database
from graph.errors import InvalidProof, Unauthenticated
from graph.fanout.bus import Bus
from graph.identity.accounts import new_id
from graph.identity.audit import Action, record
from graph.identity.happenings import session_revoked
from graph.identity.label import label
from graph.identity.tables import Account, RefreshToken, Session
from graph.principal import FIRST_PARTY
from graph.settings import Settings
from graph.transaction import Transaction, transaction

log = logging.getLogger("watchword.sessions")

# Which of e-mail address, password and refresh token is not good is not said.
NOT_VALID = "The credentials are not valid."
# Seconds for which a session that is over is kept, for whoever asks why it is.
REMEMBERED = 86_400
PRUNED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in, in which session, and the refresh token for the next time; none is made by a
    step-up."""

    account: Account
    session: Session = field(repr=False)
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a new session is to be: for which client, with which scopes (None for all that the roles
    give), bound to which key, and how and when (Unix seconds) the person showed who it is."""

    methods: Collection[str]
    authenticated_at: float
    client: str = FIRST_PARTY
    scopes: Collection[str] | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """Where a sign-in comes from: the user agent, and the network address."""

    label: str
    address: str


class Sessions:
    """Opens sessions, refreshes and ends them. Times are in Unix seconds."""

    def __init__(self, database: Database, bus: Bus, settings: Settings) -> None:
        self._database = database
        self._bus = bus
        self._settings = settings

    async def open(
        self, unit: Transaction, account: Account, device: Device, opening: Opening
    ) -> SignedIn:
        """Open a session for an account that showed who it is."""
        token = secrets.token_urlsafe(32)
        scopes = opening.scopes
        opened = Session(
            id=new_id(),
            account_id=account.id,
            label=label(device.label),
            address=device.address[:64],
            created_at=moment(unit.now),
            used_at=moment(unit.now),
            expires_at=moment(unit.now + self._settings.refresh_absolute_seconds),
            client_id=opening.client,
            scope=None if scopes is None else " ".join(sorted(scopes)),
            jkt=opening.key,
            authenticated_at=moment(opening.authenticated_at),
            methods=sorted(opening.methods),
        )
        unit.session.add(opened)
        await unit.session.flush()
        unit.session.add(RefreshToken(hash=_hash(token), session_id=opened.id))
        unit.actor = Actor(account.id, opened.id, opening.client, device.address)
        record(unit, Action.SIGNED_IN, account=account.id, methods=" ".join(opened.methods))
        return SignedIn(account, opened, token)

    async def refresh(
        self,
        refresh_token: str,
        device: Device,
        now: float,
        *,
        client: str = FIRST_PARTY,
        key: str | None = None,
    ) -> SignedIn:
        """Rotate a refresh token that was given to this client.

        Raises `Unauthenticated`; a token that was used before has ended its session by then. Raises
        `InvalidProof` when the session is bound to another key than `key`.
        """
        async with self._transaction(now, device) as unit:
            who = await self._exchange(unit, refresh_token, client, key)
            if who is not None:
                who.session.address = device.address[:64]
        if who is None:
            raise Unauthenticated(NOT_VALID)
        return who

    async def sign_out(
        self, refresh_token: str, device: Device, now: float, *, client: str = FIRST_PARTY
    ) -> None:
        """End the session of a refresh token; an unknown token has none to end."""
        async with self._transaction(now, device) as unit:
            found = await unit.session.get(RefreshToken, _hash(refresh_token))
            session = await unit.session.get(Session, found.session_id) if found else None
            if session is not None and session.client_id == client:
                unit.actor = Actor(session.account_id, session.id, client, device.address)
                await revoke(unit, session.id, Action.SIGNED_OUT)

    def _transaction(self, now: float, device: Device) -> AbstractAsyncContextManager[Transaction]:
        return transaction(self._database, self._bus, now, Actor(address=device.address))

    async def _exchange(
        self, unit: Transaction, token: str, client: str, key: str | None
    ) -> SignedIn | None:
        session, now = unit.session, unit.now
        found = await session.get(RefreshToken, _hash(token))
        live = await self.take(session, found.session_id, now) if found else None
        if found is None or live is None or live.client_id != client:
            return None
        if live.jkt is not None and live.jkt != key:
            raise InvalidProof("refresh with another key")
        if live.jkt is None and self._settings.dpop == "required":
            # It was opened before that was set, and its tokens would be refused everywhere.
            return None
        successor: str | None
        if await _use(session, found.hash, now):
            successor = await self._rotate(session, live, token, now)
        else:
            await session.refresh(found)
            successor = await self._use_again(unit, found, token)
        account = await session.get_one(Account, live.account_id)
        if successor is None or account.disabled_at is not None:
            return None
        return SignedIn(account, live, successor)

    async def take(self, session: AsyncSession, id: str, now: float) -> Session | None:
        """Return a session that is alive, and keep others from it meanwhile; None when it is over."""
        found = await session.get(Session, id, with_for_update=True, populate_existing=True)
        if found is None:
            return None
        idle_until = found.used_at + timedelta(seconds=self._settings.refresh_idle_seconds)
        is_over = moment(now) >= min(found.expires_at, idle_until)
        return None if found.revoked_at is not None or is_over else found

    async def _rotate(self, session: AsyncSession, live: Session, token: str, now: float) -> str:
        salt = secrets.token_hex(32)
        successor = _successor(token, salt)
        live.used_at = moment(now)
        # Nobody needs to make the tokens before this one again, nor to know those from long ago.
        family = RefreshToken.session_id == live.id
        salted = update(RefreshToken).where(family, RefreshToken.salt.is_not(None))
        await session.execute(salted.values(salt=None))
        forgotten = moment(now - self._settings.refresh_idle_seconds)
        await session.execute(delete(RefreshToken).where(family, RefreshToken.used_at < forgotten))
        await session.execute(
            update(RefreshToken).where(RefreshToken.hash == _hash(token)).values(salt=salt)
        )
        session.add(RefreshToken(hash=_hash(successor), session_id=live.id))
        return successor

    async def _use_again(self, unit: Transaction, used: RefreshToken, token: str) -> str | None:
        grace = timedelta(seconds=self._settings.refresh_grace_seconds)
        if used.used_at is not None and moment(unit.now) <= used.used_at + grace:
            # Without a salt its successor was used already, and may be elsewhere by now.
            return _successor(token, used.salt) if used.salt is not None else None
        log.warning("a rotated refresh token came again; session %s is revoked", used.session_id)
        await revoke(unit, used.session_id, Action.REFRESH_TOKEN_REUSED)
        return None


async def _use(session: AsyncSession, hash: str, now: float) -> bool:
    """Mark a token as used; tell whether it was not before."""
    unused = update(RefreshToken).where(RefreshToken.hash == hash, RefreshToken.used_at.is_(None))
    used = await session.execute(
        unused.values(used_at=moment(now)).returning(RefreshToken.hash),
        execution_options={"synchronize_session": False},
    )
    return used.first() is not None


async def revoke(unit: Transaction, id: str, why: Action = Action.SESSION_REVOKED) -> bool:
    """End a session and its tokens; tell whether it was not over before."""
    alive = update(Session).where(Session.id == id, Session.revoked_at.is_(None))
    revoked = alive.values(revoked_at=moment(unit.now)).returning(Session.account_id)
    account = (await unit.session.execute(revoked)).scalar()
    if account is not None:
        unit.publish(session_revoked(account, id))
        record(unit, why, account=account, session=id)
    return account is not None


async def end_replaced(unit: Transaction, account: str, refresh_token: str) -> None:
    """End the session whose cookie a new sign-in overwrites: nobody could use it any more, and it
    would be listed for weeks.

    It has to be the same account's: whoever signs in ends nothing of somebody else's.
    """
    found = await unit.session.get(RefreshToken, _hash(refresh_token))
    if found is None or found.used_at is not None:
        return
    session = await unit.session.get_one(Session, found.session_id)
    if (session.account_id, session.client_id) == (account, FIRST_PARTY):
        await revoke(unit, session.id, Action.SIGNED_OUT)


async def revoke_others(unit: Transaction, account: str, keep: str, settings: Settings) -> int:
    """End an account's sessions but for one; return how many there were."""
    # Those that have ended by themselves may have left a token that has not.
    then = unit.now - settings.access_token_seconds
    found = await live_sessions(unit.session, account, settings, then)
    return sum([await revoke(unit, session.id) for session in found if session.id != keep])


async def revoke_of_client(unit: Transaction, account: str, client: str) -> None:
    """End all sessions that a client has for an account."""
    found = await unit.session.execute(
        select(Session.id).filter_by(account_id=account, client_id=client, revoked_at=None)
    )
    for id in found.scalars().all():
        await revoke(unit, id)


async def session_of(
    session: AsyncSession, refresh_token: str
) -> tuple[Session, RefreshToken] | None:
    """Return the session that a refresh token is of, however it stands with either."""
    found = await session.get(RefreshToken, _hash(refresh_token))
    return None if found is None else (await session.get_one(Session, found.session_id), found)


async def live_sessions(
    session: AsyncSession, account: str, settings: Settings, now: float
) -> Sequence[Session]:
    """Return an account's sessions that are not over, the one used last first."""
    idle_since = moment(now - settings.refresh_idle_seconds)
    found = await session.execute(
        select(Session)
        .filter_by(account_id=account, revoked_at=None)
        .where(Session.expires_at > moment(now), Session.used_at > idle_since)
        .order_by(Session.used_at.desc(), Session.id)
    )
    return found.scalars().all()


async def prune(database: Database, settings: Settings, now: float) -> None:
    """Forget the sessions that have been over for a day, some at a time."""
    then = moment(now - REMEMBERED)
    idle_since = moment(now - REMEMBERED - settings.refresh_idle_seconds)
    is_over = or_(
        Session.revoked_at < then, Session.expires_at < then, Session.used_at < idle_since
    )
    async with database.write() as session:
        found = await session.execute(select(Session.id).where(is_over).limit(PRUNED_AT_ONCE))
        ids = found.scalars().all()
        for column in (RefreshToken.session_id, Session.id):
            forgotten = delete(column.class_).where(column.in_(ids))
            await session.execute(forgotten, execution_options={"synchronize_session": False})


def _successor(token: str, salt: str) -> str:
    # Whoever has the salt and not the token cannot make it, nor can who has the token alone.
    made = hmac.digest(bytes.fromhex(salt), token.encode(), "sha256")
    return urlsafe_b64encode(made).rstrip(b"=").decode()


def _hash(refresh_token: str) -> str:
    # 256 random bits need no salt and no slow hash: nobody can try them all.
    return hashlib.sha256(refresh_token.encode()).hexdigest()
