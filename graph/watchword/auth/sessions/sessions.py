"""Sessions: one sign-in on one device, a family of refresh tokens that are rotated at each use.

RFC 9700, section 4.14: whoever comes with a token that was rotated away ends the session, because
one of the two who have had it is a thief. Two tabs that refresh at the same moment, or a client
that has not heard the answer and asks again, are no thieves: within a grace of seconds the same
token gets the same successor, so that they end on one family.

A refresh token is one text: the family's name, which all tokens of a session begin with, and a
secret of its own. So an old one is recognised without a trace of itself in the database (RFC 9700,
section 4.14.2: the grant is encoded in the refresh token).
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from base64 import urlsafe_b64encode
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
from watchword.principal import FIRST_PARTY, Actor
from watchword.storage.columns import moment
from watchword.storage.database import Database, forget
from watchword.storage.used_ids import Use, use_nothing
from watchword.transaction import Transaction, transaction

log = logging.getLogger("watchword.sessions")

# Which of e-mail address, password and refresh token is not good is not said.
NOT_VALID = "The credentials are not valid."
# Seconds for which a session that is over is kept, for whoever asks why it is.
REMEMBERED = 86_400
# A family's name is 144 random bits and a secret 256, in base64url: they meet where a character
# ends, so that the whole is base64url too.
FAMILY_BYTES, SECRET_BYTES = 18, 32
FAMILY_LENGTH = 24
# Tokens were 43 characters when they were a secret only. What such a one begins with is taken for
# the name of the family that it goes on in: it is as random.
_FORM = re.compile(r"[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{67}", re.ASCII)


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
class Refresher:
    """Who refreshes: for which client, and with which key, if it shows one; `use` uses up what shows it.

    A public client, as our own sign-in is one, has its sessions bound to its key, and must have that
    if `needs_key` (RFC 9449, section 5); to one that authenticates they are bound by that.
    """

    client: str
    key: str | None
    use: Use
    is_public: bool
    needs_key: bool


@dataclass(frozen=True, slots=True)
class Device:
    """Where a sign-in comes from: the user agent, the network address, and the tokens by which accounts
    know it (`known_devices`)."""

    label: str
    address: str
    tokens: Sequence[str] = field(default=(), repr=False)


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
        token = secrets.token_urlsafe(FAMILY_BYTES) + secrets.token_urlsafe(SECRET_BYTES)
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
            family=_family(token),
        )
        unit.db.add(opened)
        await unit.db.flush()
        unit.db.add(RefreshToken(hash=_hash(token), session_id=opened.id))
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
        use: Use = use_nothing,
        is_public: bool = True,
        needs_key: bool = False,
    ) -> SignedIn:
        """Rotate a refresh token that was given to this client; `use` uses up what shows the key.

        The session of a public client is bound to `key` from then on, if there is one; one that is
        bound to none is refused if `needs_key`, or if the settings demand a key.

        Raises `Unauthenticated`; a token that was used before has ended its session by then. Raises
        `InvalidProof` when the session is bound to another key than `key`.
        """
        needs_key = needs_key or self._settings.dpop == "required"
        by = Refresher(client, key, use, is_public, needs_key)
        async with self._transaction(now, device) as unit:
            who = await self._exchange(unit, refresh_token, by)
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
            found = await session_of(unit.db, refresh_token)
            if found is not None and found[0].client_id == client:
                session, known = found
                unit.actor = Actor(session.account_id, session.id, client, device.address)
                await give_back(unit, session, known, Action.SIGNED_OUT, self._settings)

    def _transaction(self, now: float, device: Device) -> AbstractAsyncContextManager[Transaction]:
        return transaction(self._database, self._bus, now, Actor(address=device.address))

    async def _exchange(self, unit: Transaction, token: str, by: Refresher) -> SignedIn | None:
        found = await session_of(unit.db, token)
        live = await self.take(unit.db, found[0].id, unit.now) if found else None
        if live is None or live.client_id != by.client:
            return None
        # As it is now: whoever else had it may have used it before this one had the session.
        known = await unit.db.get(RefreshToken, _hash(token), populate_existing=True)
        # Before the key is looked at: a thief may have bound the session to one of its own.
        if known is None or self._is_reused(unit, live, known, by):
            await _end_reused(unit, live)
            return None
        if live.jkt is not None and live.jkt != by.key:
            raise InvalidProof("refresh with another key")
        if live.jkt is None and by.is_public and by.needs_key:
            # It was opened before that was demanded, and its tokens would be refused everywhere.
            return None
        await by.use(unit.db)
        successor = await self._use(unit, live, known, token)
        if by.is_public:
            live.jkt = by.key
        account = await unit.db.get_one(Account, live.account_id)
        if successor is None or account.disabled_at is not None:
            return None
        return SignedIn(account, live, successor)

    async def take(self, db: AsyncSession, id: str, now: float) -> Session | None:
        """Return a session that is alive, and keep others from it meanwhile; None when it is over."""
        found = await db.get(Session, id, with_for_update=True, populate_existing=True)
        if found is None:
            return None
        idle_until = found.used_at + timedelta(seconds=self._settings.refresh_idle_seconds)
        is_over = moment(now) >= min(found.expires_at, idle_until)
        return None if found.revoked_at is not None or is_over else found

    def _is_reused(
        self, unit: Transaction, live: Session, known: RefreshToken, by: Refresher
    ) -> bool:
        """Tell whether a token comes from somebody else than who used it, and from no second tab."""
        # The second tab of who has a key has it too, and that of who has none has none.
        is_other = known.used_at is not None and by.is_public and live.jkt != by.key
        return is_other or _is_old(known, self._settings, unit.now)

    async def _use(
        self, unit: Transaction, live: Session, known: RefreshToken, token: str
    ) -> str | None:
        """Return what follows a token of a session that was taken; None when nothing does."""
        if known.used_at is None:
            return await self._rotate(unit, live, known, token)
        # Without a salt its successor was used already, and may be elsewhere by now.
        return _successor(token, known.salt) if known.salt is not None else None

    async def _rotate(
        self, unit: Transaction, live: Session, known: RefreshToken, token: str
    ) -> str:
        await self._forget(unit, live)
        known.used_at = live.used_at = moment(unit.now)
        known.salt = secrets.token_hex(32)
        successor = _successor(token, known.salt)
        # It has one already, unless it was opened when tokens had no families.
        live.family = _family(successor)
        unit.db.add(RefreshToken(hash=_hash(successor), session_id=live.id))
        return successor

    async def _forget(self, unit: Transaction, live: Session) -> None:
        """Forget what nobody needs once the newest token of a session is used."""
        family, settings = RefreshToken.session_id == live.id, self._settings
        # Those before that one are made by nobody again.
        salted = (
            update(RefreshToken).where(family, RefreshToken.salt.is_not(None)).values(salt=None)
        )
        # Without its row a token is an old one. None may be that in the eyes of a process whose clock
        # is behind ours while it still has its grace.
        kept = settings.refresh_grace_seconds + settings.leeway_seconds
        old = delete(RefreshToken).where(family, RefreshToken.used_at < moment(unit.now - kept))
        for change in (salted, old):
            await unit.db.execute(change, execution_options={"synchronize_session": False})


async def give_back(
    unit: Transaction,
    session: Session,
    known: RefreshToken | None,
    why: Action,
    settings: Settings,
) -> None:
    """End a session by a refresh token of it, as `session_of` found both, in the actor's name.

    An old token is no way to say who one is: that is its reuse, by nobody knows whom.
    """
    if known is None or _is_old(known, settings, unit.now):
        unit.actor = Actor(address=unit.actor.address)
        await _end_reused(unit, session)
    else:
        await revoke(unit, session.id, why)


async def _end_reused(unit: Transaction, session: Session) -> None:
    log.warning("an old refresh token came again; session %s is revoked", session.id)
    await revoke(unit, session.id, Action.REFRESH_TOKEN_REUSED)


def _is_old(known: RefreshToken, settings: Settings, now: float) -> bool:
    """Tell whether a token was used too long ago to come from a second tab."""
    grace = timedelta(seconds=settings.refresh_grace_seconds)
    return known.used_at is not None and moment(now) > known.used_at + grace


async def revoke(unit: Transaction, id: str, why: Action = Action.SESSION_REVOKED) -> bool:
    """End a session and its tokens; tell whether it was not over before."""
    alive = update(Session).where(Session.id == id, Session.revoked_at.is_(None))
    revoked = alive.values(revoked_at=moment(unit.now)).returning(Session.account_id)
    account = (await unit.db.execute(revoked)).scalar()
    if account is not None:
        unit.publish(session_revoked(account, id))
        record(unit, why, account=account, session=id)
    return account is not None


async def end_replaced(unit: Transaction, account: str, refresh_token: str) -> None:
    """End the session whose cookie a new sign-in overwrites: nobody could use it any more, and it
    would be listed for weeks.

    It has to be the same account's: whoever signs in ends nothing of somebody else's.
    """
    session, known = await session_of(unit.db, refresh_token) or (None, None)
    if session is None or known is None or known.used_at is not None:
        return
    if (session.account_id, session.client_id) == (account, FIRST_PARTY):
        await revoke(unit, session.id, Action.SIGNED_OUT)


async def revoke_of_client(unit: Transaction, account: str, client: str) -> None:
    """End all sessions that a client has for an account."""
    found = await unit.db.execute(
        select(Session.id).filter_by(account_id=account, client_id=client, revoked_at=None)
    )
    for id in found.scalars().all():
        await revoke(unit, id)


async def session_of(
    db: AsyncSession, refresh_token: str
) -> tuple[Session, RefreshToken | None] | None:
    """Return the session that a refresh token is of, however it stands with either.

    What is left of a token that was used long ago is its family's name: it has no row. Nor has one
    that somebody made up who knows the name.
    """
    if not _FORM.fullmatch(refresh_token):
        return None
    both = select(Session, RefreshToken).join(RefreshToken, RefreshToken.session_id == Session.id)
    row = (await db.execute(both.where(RefreshToken.hash == _hash(refresh_token)))).first()
    if row is not None:
        return row[0], row[1]
    relatives = select(Session).filter_by(family=_family(refresh_token))
    found = (await db.execute(relatives)).scalar_one_or_none()
    return None if found is None else (found, None)


async def live_sessions(
    db: AsyncSession, account: str, settings: Settings, now: float
) -> Sequence[Session]:
    """Return an account's sessions that are not over, the one used last first."""
    idle_since = moment(now - settings.refresh_idle_seconds)
    found = await db.execute(
        select(Session)
        .filter_by(account_id=account, revoked_at=None)
        .where(Session.expires_at > moment(now), Session.used_at > idle_since)
        .order_by(Session.used_at.desc(), Session.id)
    )
    return found.scalars().all()


async def prune(database: Database, settings: Settings, now: float) -> None:
    """Forget the sessions that have been over for a day."""
    then = moment(now - REMEMBERED)
    idle_since = moment(now - REMEMBERED - settings.refresh_idle_seconds)
    tokens = RefreshToken.session_id
    await forget(database, Session.id, Session.revoked_at, then, tokens)
    await forget(database, Session.id, Session.expires_at, then, tokens)
    await forget(database, Session.id, Session.used_at, idle_since, tokens)


def _successor(token: str, salt: str) -> str:
    """Return the token of the same family that follows one."""
    # Whoever has the salt and not the token cannot make it, nor can who has the token alone.
    made = hmac.digest(bytes.fromhex(salt), token.encode(), "sha256")
    return token[:FAMILY_LENGTH] + urlsafe_b64encode(made).rstrip(b"=").decode()


def _family(refresh_token: str) -> str:
    return _hash(refresh_token[:FAMILY_LENGTH])


def _hash(text: str) -> str:
    # So many random bits need no salt and no slow hash: nobody can try them all.
    return hashlib.sha256(text.encode()).hexdigest()
