"""Authorization codes: made when a person consents, and exchanged for a session (RFC 6749, section
4.1.3): once, within seconds, and only with the code verifier (RFC 7636)."""

from __future__ import annotations

import hashlib
import hmac
import logging
from base64 import urlsafe_b64encode

from sqlalchemy import update

from watchword.auth.accounts.accounts import lock_account
from watchword.auth.audit.audit import Action, record
from watchword.auth.service import AuthService
from watchword.auth.sessions.sessions import Device, NewSession, SignedIn, revoke
from watchword.auth.tables import Account, Session
from watchword.oauth.authorize.authorization import AuthorizationRequest
from watchword.oauth.authorize.consents import covers
from watchword.oauth.clients.redirect_uri import is_registered
from watchword.oauth.clients.registration import ClientAuthMethod
from watchword.oauth.tables import AuthorizationCode, Client
from watchword.storage.columns import moment
from watchword.storage.database import Database, forget
from watchword.storage.used_ids import Use, use_nothing, use_once
from watchword.tokens.opaque import generate, stored_hash
from watchword.transaction import Transaction

log = logging.getLogger("watchword.codes")

# Seconds for which a used or expired code is remembered, so that a replay of it is noticed.
REMEMBERED = 86_400


async def make_code(
    unit: Transaction,
    asked: AuthorizationRequest,
    account: Account,
    scopes: frozenset[str],
    signed_in: Session,
    seconds: int,
) -> str:
    """Make a code for the scopes that a person consented to in the session `signed_in`.

    The code expires after `seconds`.
    """
    code = generate()
    unit.db.add(
        AuthorizationCode(
            hash=stored_hash(code),
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
    """Exchange a code for a session of this client.

    A public client's session is bound to `key`, if there is one. `use` marks the DPoP proof of that key
    as used. Returns None when the code is not valid, for whatever reason. The caller must then answer
    invalid_grant, and commit the transaction all the same: the first attempt uses the code up, and a
    second attempt ends the session that the first one opened.
    """
    used = await _mark_used(unit, code, client)
    if used is None:
        await _end_replayed_session(unit, code, client)
        return None
    if not _matches(used, unit.now, redirect_uri, code_verifier, key):
        return None
    account, scopes = await _account_and_scopes(unit, auth, used)
    if account is None or not scopes:
        return None
    await use(unit.db)
    opening = NewSession(
        used.methods,
        used.authenticated_at.timestamp(),
        client=client.id,
        scopes=scopes,
        # A client that authenticates may change its key: its refresh tokens are bound to the client,
        # not to the key (RFC 9449, section 5).
        key=key if client.authentication == ClientAuthMethod.NONE else None,
    )
    opened = await auth.sessions.open(unit, account, device, opening)
    used.session_id = opened.session.id
    await unit.db.flush()
    return opened


async def prune(database: Database, now: float) -> None:
    """Delete the codes that expired over a day ago."""
    then = moment(now - REMEMBERED)
    await forget(database, AuthorizationCode.hash, AuthorizationCode.expires_at, then)


async def _mark_used(unit: Transaction, code: str, client: Client) -> AuthorizationCode | None:
    """Mark a client's code as used and return it. Return None if the client has no such unused code."""
    mine = update(AuthorizationCode).filter_by(
        hash=stored_hash(code), client_id=client.id, used_at=None
    )
    found = await unit.db.execute(
        mine.values(used_at=moment(unit.now)).returning(AuthorizationCode),
        execution_options={"synchronize_session": False, "populate_existing": True},
    )
    return found.scalar_one_or_none()


async def _end_replayed_session(unit: Transaction, code: str, client: Client) -> None:
    """End the session that a replayed code opened: one of the two parties that had the code stole it."""
    known = await unit.db.get(AuthorizationCode, stored_hash(code), populate_existing=True)
    if known is None or known.client_id != client.id:
        return
    # Record it once: otherwise the holder of a code could fill the audit log, which is never pruned.
    if await use_once(unit.db, "replay", client.id, known.hash, unit.now + REMEMBERED):
        log.warning("an authorization code of client %s was used again", client.id)
        record(unit, Action.CODE_REPLAYED, account=known.account_id, client=client.id)
    if known.session_id is not None:
        await revoke(unit, known.session_id)


def _matches(
    used: AuthorizationCode, now: float, redirect_uri: str, code_verifier: str, key: str | None
) -> bool:
    challenge = urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=")
    return (
        moment(now) < used.expires_at
        and redirect_uri == used.redirect_uri
        and hmac.compare_digest(challenge, used.code_challenge.encode())
        and used.jkt in (None, key)
    )


async def _account_and_scopes(
    unit: Transaction, auth: AuthService, used: AuthorizationCode
) -> tuple[Account | None, frozenset[str]]:
    """Return the account of a code and the scopes that the client may still have.

    Returns None and an empty set if the code is void.

    A code is void if its account was changed or disabled, or if the person withdrew the consent; if the
    client was revoked or disabled, or lost the redirect URI; and if the session in which the person
    consented has ended: a code must not give access again after a sign-out.
    """
    session = unit.db
    # Lock client, account and session until the new session exists: a revocation must not miss it.
    client = await session.get_one(
        Client, used.client_id, with_for_update={"read": True}, populate_existing=True
    )
    account = await lock_account(session, used.account_id)
    granted_by = await auth.sessions.lock_live(session, used.granted_by, unit.now)
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
