"""Sessions: one sign-in on one device, with a family of refresh tokens that are rotated at each use.

Using an old refresh token again ends the session, because one of the two parties that had it is a thief
(RFC 9700, section 4.14). Two tabs may refresh at the same moment, and a client that lost the response
may repeat the request. Therefore refreshing twice with the same token within the grace period returns
the same new token.

A refresh token consists of the family's name, which all tokens of the session begin with, and a secret.
An old token is therefore recognised by its family when its own row has been deleted (RFC 9700, section
4.14.2: the grant is encoded in the refresh token).
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.accounts.accounts import new_id
from watchword.auth.audit.audit import Action, record
from watchword.auth.revocation.identity_events import session_revoked
from watchword.auth.sessions.device_label import label
from watchword.auth.tables import Account, RefreshToken, Session
from watchword.config.settings import Settings
from watchword.errors import InvalidProof, Unauthenticated
from watchword.events.bus.bus import Bus
from watchword.formats.frozen_json import EMPTY, FrozenObject
from watchword.principal import FIRST_PARTY, Actor
from watchword.storage.columns import moment
from watchword.storage.database import Database, forget
from watchword.storage.used_ids import Use, use_nothing
from watchword.tokens.opaque import stored_hash
from watchword.transaction import Transaction, transaction

log = logging.getLogger("watchword.sessions")

# One message for a wrong e-mail address, password or refresh token: it must not reveal which it was.
NOT_VALID = "The credentials are not valid."
# Seconds for which the row of an ended session is kept, so that an operator can see why it ended.
REMEMBERED = 86_400
# A family's name has 144 random bits and a secret 256. Base64url needs no padding for 18 bytes, so the
# two parts can be joined as text.
FAMILY_BYTES, SECRET_BYTES = 18, 32
FAMILY_LENGTH = 24
# Tokens of earlier versions are a secret of 43 characters without a family. Their first 24 characters
# become the name of the family, which is then as random as a new one.
_FORM = re.compile(r"[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{67}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The account that signed in, its session, and the next refresh token (empty after a step-up).

    `claims` are the custom claims of the access token that is issued next.
    """

    account: Account
    session: Session = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    claims: FrozenObject = EMPTY


@dataclass(frozen=True, slots=True)
class NewSession:
    """The properties of a new session: its client, its scopes (None for all that the roles give), the key
    it is bound to, and by which methods and when (Unix seconds) the user authenticated."""

    methods: Collection[str]
    authenticated_at: float
    client: str = FIRST_PARTY
    scopes: Collection[str] | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Refresher:
    """The refreshing party: its client id and the key that it proved, if any. `use` marks that proof as used.

    The refresh tokens of a public client are bound to its key, which it must prove if `needs_key` (RFC
    9449, section 5); our own sign-in is a public client. The refresh tokens of a confidential client
    are bound to the client, which authenticates.
    """

    client: str
    key: str | None
    use: Use
    is_public: bool
    needs_key: bool


@dataclass(frozen=True, slots=True)
class Device:
    """The device that a request comes from: its user agent, its network address, and the device tokens
    that it has (`known_devices`)."""

    label: str
    address: str
    tokens: Sequence[str] = field(default=(), repr=False)


class Sessions:
    """Opens, refreshes and ends sessions. Times are in Unix seconds."""

    def __init__(self, database: Database, bus: Bus, settings: Settings) -> None:
        self._database = database
        self._bus = bus
        self._settings = settings
        self.refreshes: Counter[str] = Counter()
        """How many refreshes were answered with new tokens, and how many were refused."""
        self.reuses = 0
        """How many of the refused ones sent an old token, which ended its session."""

    async def open(
        self, unit: Transaction, account: Account, device: Device, new: NewSession
    ) -> SignedIn:
        """Open a session for an account that has authenticated."""
        token = secrets.token_urlsafe(FAMILY_BYTES) + secrets.token_urlsafe(SECRET_BYTES)
        scopes = new.scopes
        opened = Session(
            id=new_id(),
            account_id=account.id,
            label=label(device.label),
            address=device.address[:64],
            created_at=moment(unit.now),
            used_at=moment(unit.now),
            expires_at=moment(unit.now + self._settings.refresh_absolute_seconds),
            client_id=new.client,
            scope=None if scopes is None else " ".join(sorted(scopes)),
            jkt=new.key,
            authenticated_at=moment(new.authenticated_at),
            methods=sorted(new.methods),
            family=_family(token),
        )
        unit.db.add(opened)
        await unit.db.flush()
        unit.db.add(RefreshToken(hash=stored_hash(token), session_id=opened.id))
        unit.actor = Actor(account.id, opened.id, new.client, device.address)
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
        use: Use = use_nothing,
        is_public: bool = True,
        needs_key: bool = False,
    ) -> SignedIn:
        """Return the next refresh token for one that was issued to this client.

        `key` is the key that the client proved, and `use` marks the proof as used. The session of a public
        client is bound to `key` from then on. If `needs_key` or the settings demand a key, a session of a
        public client that is bound to none is refused.

        Raises `Unauthenticated`; if an old token was reused, its session has been revoked. Raises
        `InvalidProof` when the session is bound to another key than `key`.
        """
        needs_key = needs_key or self._settings.dpop == "required"
        by = Refresher(client, key, use, is_public, needs_key)
        async with self._transaction(now, device) as unit:
            signed_in = await self._refresh(unit, refresh_token, by)
            if signed_in is not None:
                signed_in.session.address = device.address[:64]
        # Raised after the commit: a refusal may have revoked the session.
        self.refreshes["refused" if signed_in is None else "refreshed"] += 1
        if signed_in is None:
            raise Unauthenticated(NOT_VALID)
        return signed_in

    async def sign_out(
        self, refresh_token: str, device: Device, now: float, *, client: str = FIRST_PARTY
    ) -> None:
        """End the session of a refresh token. Does nothing for an unknown token."""
        async with self._transaction(now, device) as unit:
            found = await session_of(unit.db, refresh_token)
            if found is not None and found[0].client_id == client:
                session, known = found
                unit.actor = Actor(session.account_id, session.id, client, device.address)
                await revoke_by_token(unit, session, known, Action.SIGNED_OUT, self._settings)

    def _transaction(self, now: float, device: Device) -> AbstractAsyncContextManager[Transaction]:
        return transaction(self._database, self._bus, now, Actor(address=device.address))

    async def _refresh(self, unit: Transaction, token: str, by: Refresher) -> SignedIn | None:
        found = await session_of(unit.db, token)
        live = await self.lock_live(unit.db, found[0].id, unit.now) if found else None
        if live is None or live.client_id != by.client:
            return None
        # Read the row again: another request may have used the token while this one waited for the lock.
        known = await unit.db.get(RefreshToken, stored_hash(token), populate_existing=True)
        # Check for reuse before the key: a thief may have bound the session to another key.
        if known is None or self._is_reused(unit, live, known, by):
            await _end_reused(unit, live)
            self.reuses += 1
            return None
        if live.jkt is not None and live.jkt != by.key:
            raise InvalidProof("refresh with another key")
        if live.jkt is None and by.is_public and by.needs_key:
            # The session was opened before a key was demanded; its access tokens would be refused everywhere.
            return None
        await by.use(unit.db)
        successor = await self._use(unit, live, known, token)
        if by.is_public:
            live.jkt = by.key
        account = await unit.db.get_one(Account, live.account_id)
        if successor is None or account.disabled_at is not None:
            return None
        return SignedIn(account, live, successor)

    async def lock_live(self, db: AsyncSession, id: str, now: float) -> Session | None:
        """Lock and return a live session; None when it has ended."""
        found = await db.get(Session, id, with_for_update=True, populate_existing=True)
        if found is None:
            return None
        idle_until = found.used_at + timedelta(seconds=self._settings.refresh_idle_seconds)
        is_over = moment(now) >= min(found.expires_at, idle_until)
        return None if found.revoked_at is not None or is_over else found

    def _is_reused(
        self, unit: Transaction, live: Session, known: RefreshToken, by: Refresher
    ) -> bool:
        """Tell whether a used token comes from another party than the one that used it first."""
        # All tabs of a browser prove the same key, or none. A used token with a different key is stolen.
        is_other = known.used_at is not None and by.is_public and live.jkt != by.key
        return is_other or _is_old(known, self._settings, unit.now)

    async def _use(
        self, unit: Transaction, live: Session, known: RefreshToken, token: str
    ) -> str | None:
        """Return the successor of a token; None if it may not be used again. The session must be locked."""
        if known.used_at is None:
            return await self._rotate(unit, live, known, token)
        # The salt is deleted when the successor is used: a used successor must not be returned again.
        return _successor(token, known.salt) if known.salt is not None else None

    async def _rotate(
        self, unit: Transaction, live: Session, known: RefreshToken, token: str
    ) -> str:
        await self._forget(unit, live)
        known.used_at = live.used_at = moment(unit.now)
        known.salt = secrets.token_hex(32)
        successor = _successor(token, known.salt)
        # Sets the family of a session from an earlier version, and changes nothing otherwise.
        live.family = _family(successor)
        unit.db.add(RefreshToken(hash=stored_hash(successor), session_id=live.id))
        return successor

    async def _forget(self, unit: Transaction, live: Session) -> None:
        """Delete the salts and old tokens that a session does not need once its newest token is used."""
        family, settings = RefreshToken.session_id == live.id, self._settings
        # Without their salts, the successors of earlier tokens cannot be returned again.
        salted = (
            update(RefreshToken).where(family, RefreshToken.salt.is_not(None)).values(salt=None)
        )
        # A token without a row counts as reused. By the clock of another process the grace period may not
        # be over yet, so rows are kept for the leeway as well.
        kept = settings.refresh_grace_seconds + settings.leeway_seconds
        old = delete(RefreshToken).where(family, RefreshToken.used_at < moment(unit.now - kept))
        for change in (salted, old):
            await unit.db.execute(change, execution_options={"synchronize_session": False})


async def revoke_by_token(
    unit: Transaction,
    session: Session,
    known: RefreshToken | None,
    why: Action,
    settings: Settings,
) -> None:
    """End the session that `session_of` found for a refresh token, in the actor's name.

    An old token proves nothing about its sender, so it is recorded as reuse by an unknown actor.
    """
    if known is None or _is_old(known, settings, unit.now):
        unit.actor = Actor(address=unit.actor.address)
        await _end_reused(unit, session)
    else:
        await revoke(unit, session.id, why)


async def _end_reused(unit: Transaction, session: Session) -> None:
    log.warning("an old refresh token was used again; session %s is revoked", session.id)
    await revoke(unit, session.id, Action.REFRESH_TOKEN_REUSED)


def _is_old(known: RefreshToken, settings: Settings, now: float) -> bool:
    """Tell whether a token was used longer ago than the grace period."""
    grace = timedelta(seconds=settings.refresh_grace_seconds)
    return known.used_at is not None and moment(now) > known.used_at + grace


async def revoke(unit: Transaction, id: str, why: Action = Action.SESSION_REVOKED) -> bool:
    """End a session and its tokens. Returns False if it had ended already."""
    alive = update(Session).where(Session.id == id, Session.revoked_at.is_(None))
    revoked = alive.values(revoked_at=moment(unit.now)).returning(Session.account_id)
    account = (await unit.db.execute(revoked)).scalar()
    if account is not None:
        unit.publish(session_revoked(account, id))
        record(unit, why, account=account, session=id)
    return account is not None


async def end_replaced(unit: Transaction, account: str, refresh_token: str) -> None:
    """End the session of a refresh token in a cookie that a new sign-in of the same account overwrites.

    No client has the token any more, and the session would be listed for weeks. A session of another
    account stays open, so that a sign-in cannot end it.
    """
    session, known = await session_of(unit.db, refresh_token) or (None, None)
    if session is None or known is None or known.used_at is not None:
        return
    if (session.account_id, session.client_id) == (account, FIRST_PARTY):
        await revoke(unit, session.id, Action.SIGNED_OUT)


async def revoke_of_client(unit: Transaction, account: str, client: str) -> None:
    """End all sessions of an account with one client."""
    found = await unit.db.execute(
        select(Session.id).filter_by(account_id=account, client_id=client, revoked_at=None)
    )
    for id in found.scalars().all():
        await revoke(unit, id)


async def session_of(
    db: AsyncSession, refresh_token: str
) -> tuple[Session, RefreshToken | None] | None:
    """Return the session of a refresh token and the token's row, whether or not they are still valid.

    The row is None if only the token's family is known: the token was used long ago, or an attacker made
    it up from the family's name.
    """
    if not _FORM.fullmatch(refresh_token):
        return None
    both = select(Session, RefreshToken).join(RefreshToken, RefreshToken.session_id == Session.id)
    row = (await db.execute(both.where(RefreshToken.hash == stored_hash(refresh_token)))).first()
    if row is not None:
        return row[0], row[1]
    relatives = select(Session).filter_by(family=_family(refresh_token))
    found = (await db.execute(relatives)).scalar_one_or_none()
    return None if found is None else (found, None)


async def live_sessions(
    db: AsyncSession, account: str, settings: Settings, now: float
) -> Sequence[Session]:
    """Return an account's live sessions, the most recently used first."""
    idle_since = moment(now - settings.refresh_idle_seconds)
    found = await db.execute(
        select(Session)
        .filter_by(account_id=account, revoked_at=None)
        .where(Session.expires_at > moment(now), Session.used_at > idle_since)
        .order_by(Session.used_at.desc(), Session.id)
    )
    return found.scalars().all()


async def prune(database: Database, settings: Settings, now: float) -> None:
    """Delete the sessions that ended more than a day ago."""
    then = moment(now - REMEMBERED)
    idle_since = moment(now - REMEMBERED - settings.refresh_idle_seconds)
    tokens = RefreshToken.session_id
    await forget(database, Session.id, Session.revoked_at, then, tokens)
    await forget(database, Session.id, Session.expires_at, then, tokens)
    await forget(database, Session.id, Session.used_at, idle_since, tokens)


def _successor(token: str, salt: str) -> str:
    """Derive the next token of the family. It takes both the token, which only the client has, and the salt,
    which only the database has."""
    made = hmac.digest(bytes.fromhex(salt), token.encode(), "sha256")
    return token[:FAMILY_LENGTH] + urlsafe_b64encode(made).rstrip(b"=").decode()


def _family(refresh_token: str) -> str:
    return stored_hash(refresh_token[:FAMILY_LENGTH])
