"""The person's side of an authorization request: who it is, what it is asked, and what it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from watchword.auth.accounts.accounts import lock_account
from watchword.auth.service import AuthService
from watchword.auth.tables import Account, Session
from watchword.errors import NotFound
from watchword.oauth.authorize.authorization import AuthorizationRequest
from watchword.oauth.authorize.codes import make_code
from watchword.oauth.authorize.consents import covers, give
from watchword.oauth.clients.redirect_uri import is_for_one_host
from watchword.oauth.clients.registration import ClientAuthMethod
from watchword.oauth.errors import OAuthError
from watchword.principal import FIRST_PARTY, Principal
from watchword.storage.columns import moment
from watchword.transaction import Transaction

SIGN_IN = "Sign in again, then decide."


@dataclass(frozen=True, slots=True)
class ResourceOwner:
    """Who decides, in which session, and which of the scopes asked for are its own to give."""

    account: Account
    session: Session
    scopes: frozenset[str]


async def resource_owner(
    unit: Transaction, auth: AuthService, principal: Principal, asked: AuthorizationRequest
) -> ResourceOwner:
    """Find out who decides, and keep its account and its session as they are meanwhile.

    Raises `OAuthError` with a status: 401 when the person has to sign in again, 403 when the token
    is not its own, which only our own sign-in gives. `access_denied` is for the client to hear.
    """
    if principal.client != FIRST_PARTY or principal.session is None:
        # Or a token that some application was given could give itself and others more.
        raise OAuthError("access_denied", "Only a person who signed in here can decide.", 403)
    try:
        account = await lock_account(unit.db, principal.subject)
    except NotFound:
        raise OAuthError("invalid_token", SIGN_IN, 401) from None
    session = await auth.sessions.take(unit.db, principal.session, unit.now)
    if session is None or account.disabled_at is not None:
        raise OAuthError("invalid_token", SIGN_IN, 401)
    if asked.max_age is not None:
        age = moment(unit.now) - session.authenticated_at
        if age.total_seconds() > asked.max_age:
            # RFC 9470, section 3.
            raise OAuthError("insufficient_user_authentication", SIGN_IN, 401)
    own = auth.domain.scopes(frozenset(account.roles)) & principal.grants.scopes
    return ResourceOwner(account, session, asked.scopes & own)


async def is_settled(unit: Transaction, asked: AuthorizationRequest, person: ResourceOwner) -> bool:
    """Tell whether a person need not be asked, having consented before.

    It is asked again when the client wants that, and when anybody could be behind its client_id: a
    public client whose answers do not go to one host (RFC 8252, section 8.6).
    """
    client = asked.address.client
    is_known = client.authentication != ClientAuthMethod.NONE or is_for_one_host(asked.address.uri)
    if not is_known or {"consent", "select_account"} & asked.prompt:
        return False
    return await covers(unit.db, person.account.id, client.id, person.scopes)


async def allow(
    unit: Transaction, auth: AuthService, asked: AuthorizationRequest, person: ResourceOwner
) -> str:
    """Write down that a person consents; return the URL that brings the client its code."""
    await give(unit, person.account, asked.address.client.id, person.scopes)
    return await grant(unit, auth, asked, person)


async def grant(
    unit: Transaction, auth: AuthService, asked: AuthorizationRequest, person: ResourceOwner
) -> str:
    """Return the URL that brings the client its code, for what a person has consented to."""
    seconds = auth.settings.code_seconds
    code = await make_code(unit, asked, person.account, person.scopes, person.session, seconds)
    return asked.address.granted(code)


def question(
    asked: AuthorizationRequest, person: ResourceOwner, descriptions: Mapping[str, str]
) -> dict[str, object]:
    """Return what the page asks: by whom, of whom, for what, in words."""
    return {
        "application": asked.address.client.name,
        "account": {"name": person.account.name, "email": person.account.email},
        "scopes": [
            {"scope": scope, "description": descriptions.get(scope, scope)}
            for scope in sorted(person.scopes)
        ],
    }
