"""Authorization codes: made when a person consents, exchanged once for a session (RFC 6749, section
4.1.3), within seconds, by the client that holds the code verifier (RFC 7636)."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from base64 import urlsafe_b64encode

from sqlalchemy import update

from watchword.auth.accounts.accounts import lock_account
from watchword.auth.audit.audit import Action, record
from watchword.auth.service import AuthService
from watchword.auth.sessions.sessions import Device, Opening, SignedIn, revoke
from watchword.auth.tables import Account, Session
from watchword.oauth.authorize.authorization import AuthorizationRequest
from watchword.oauth.authorize.consents import covers
from watchword.oauth.clients.redirect_uri import is_registered
from watchword.oauth.clients.registration import ClientAuthMethod
from watchword.oauth.tables import AuthorizationCode, Client
from watchword.storage.columns import moment
from watchword.storage.database import Database, forget
from watchword.storage.used_ids import Use, use_nothing, use_once
from watchword.transaction import Transaction

log = logging.getLogger("watchword.codes")

# Seconds for which a code that was used, or has ended, is remembered: who brings it is noticed.
REMEMBERED = 86_400


async def make_code(
    unit: Transaction,
    asked: AuthorizationRequest,
    account: Account,
    scopes: frozenset[str],
    signed_in: Session,
    seconds: int,
) -> str:
    """Make a code for what a person consented to, in the session `signed_in`; good for `seconds`."""
    code = secrets.token_urlsafe(32)
    unit.db.add(
        AuthorizationCode(
            hash=_hash(code),
            client_id=asked.address.client.id,
            account_id=account.id,
            redirect_uri=asked.address.uri,
            scope=" ".join(sorted(scopes)),
            code_challenge=asked.code_challenge,
            jkt=asked.key,
            authenticated_at=signed_in.authenticated_at,
            methods=signed_in.methods,
            account_version=account.version,
            client_version=asked.address.client.version,
            granted_by=signed_in.id,
            expires_at=moment(unit.now + seconds),
        )
    )
    await unit.db.flush()
    return code


async def redeem(
    unit: Transaction,
    auth: AuthService,
    client: Client,
    *,
    code: str,
    redirect_uri: str,
    code_verifier: str,
    key: str | None,
    device: Device,
    use: Use = use_nothing,
) -> SignedIn | None:
    """Exchange a code for a session of this client; a public one's is bound to `key`, if there is one,
    and `use` uses up what shows the key.

    Returns None when the code is not good, whatever the reason: answer invalid_grant, and let the
    transaction be committed all the same. A code is used up by its first try, and the second ends
    the session that the first one opened; neither may be rolled back.
    """
    used = await _use(unit, code, client)
    if used is None:
        await _end_replayed(unit, code, client)
        return None
    if not _fits(used, unit.now, redirect_uri, code_verifier, key):
        return None
    account, scopes = await _consenting(unit, auth, used)
    if account is None or not scopes:
        return None
    await use(unit.db)
    opening = Opening(
        used.methods,
        used.authenticated_at.timestamp(),
        client=client.id,
        scopes=scopes,
        # A client that authenticates may change its key: its refresh tokens are bound to itself
        # (RFC 9449, section 5).
        key=key if client.authentication == ClientAuthMethod.NONE else None,
    )
    who = await auth.sessions.open(unit, account, device, opening)
    used.session_id = who.session.id
    await unit.db.flush()
    return who


async def prune(database: Database, now: float) -> None:
    """Forget the codes that have been over for a day."""
    then = moment(now - REMEMBERED)
    await forget(database, AuthorizationCode.hash, AuthorizationCode.expires_at, then)


async def _use(unit: Transaction, code: str, client: Client) -> AuthorizationCode | None:
    """Mark a client's code as used, and return it; None when it is not the client's, or was used."""
    mine = update(AuthorizationCode).filter_by(hash=_hash(code), client_id=client.id, used_at=None)
    found = await unit.db.execute(
        mine.values(used_at=moment(unit.now)).returning(AuthorizationCode),
        execution_options={"synchronize_session": False, "populate_existing": True},
    )
    return found.scalar_one_or_none()


async def _end_replayed(unit: Transaction, code: str, client: Client) -> None:
    """End the session that a code opened before: one of the two who had it is a thief."""
    known = await unit.db.get(AuthorizationCode, _hash(code), populate_existing=True)
    if known is None or known.client_id != client.id:
        return
    # Once: whoever has a code could fill the log with it, from which nothing is ever taken away.
    if await use_once(unit.db, "replay", client.id, known.hash, unit.now + REMEMBERED):
        log.warning("an authorization code of client %s came again", client.id)
        record(unit, Action.CODE_REPLAYED, account=known.account_id, client=client.id)
    if known.session_id is not None:
        await revoke(unit, known.session_id)


def _fits(
    used: AuthorizationCode, now: float, redirect_uri: str, code_verifier: str, key: str | None
) -> bool:
    challenge = urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=")
    return (
        moment(now) < used.expires_at
        and redirect_uri == used.redirect_uri
        and hmac.compare_digest(challenge, used.code_challenge.encode())
        and used.jkt in (None, key)
    )


async def _consenting(
    unit: Transaction, auth: AuthService, used: AuthorizationCode
) -> tuple[Account | None, frozenset[str]]:
    """Return the account, if it is as it was and still consents, and what the client may still have.

    All that the client had must not have been ended meanwhile, nor its address been taken away. The session that gave the code must be alive: whoever was thrown out comes back by none.
    """
    session = unit.db
    # All are kept as they are until the session is there, to be ended with the others.
    client = await session.get_one(
        Client, used.client_id, with_for_update={"read": True}, populate_existing=True
    )
    account = await lock_account(session, used.account_id)
    granted_by = await auth.sessions.take(session, used.granted_by, unit.now)
    is_same = (
        used.client_version >= client.ended_version
        and is_registered(used.redirect_uri, client.redirect_uris)
        and granted_by is not None
        and account.disabled_at is None
        and account.version == used.account_version
    )
    scopes = frozenset(used.scope.split())
    consents = await covers(session, account.id, client.id, scopes)
    if client.disabled_at is not None or not is_same or not consents:
        return None, frozenset()
    return account, scopes & frozenset(client.scopes)


def _hash(code: str) -> str:
    # 256 random bits need no salt and no slow hash: nobody can try them all.
    return hashlib.sha256(code.encode()).hexdigest()
