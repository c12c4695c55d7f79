"""The resource owner's side of an authorization request: the person, the question, and the grant."""

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
from watchword.tokens.authentication import TWO_FACTORS, classes_of
from watchword.transaction import Transaction

SIGN_IN = "Sign in again, then decide."


@dataclass(frozen=True, slots=True)
class ResourceOwner:
    """The deciding person: account, session, and those of the requested scopes that the person has."""

    account: Account
    session: Session
    scopes: frozenset[str]


async def resource_owner(
    unit: Transaction, auth: AuthService, principal: Principal, asked: AuthorizationRequest
) -> ResourceOwner:
    """Return the deciding person, and lock account and session until the transaction ends.

    Raises `OAuthError` with status 401 when the person must sign in again, and with status 403 when the
    access token was not issued by our own sign-in.
    """
    if principal.client != FIRST_PARTY or principal.session is None:
        # Otherwise an application could use its token to grant itself, or others, more scopes.
        raise OAuthError("access_denied", "Only a person who signed in here can decide.", 403)
    try:
        account = await lock_account(unit.db, principal.subject)
    except NotFound:
        raise OAuthError("invalid_token", SIGN_IN, 401) from None
    session = await auth.sessions.lock_live(unit.db, principal.session, unit.now)
    if session is None or account.disabled_at is not None:
        raise OAuthError("invalid_token", SIGN_IN, 401)
    if asked.max_age is not None:
        age = moment(unit.now) - session.authenticated_at
        if age.total_seconds() > asked.max_age:
            # RFC 9470, section 3.
            raise OAuthError("insufficient_user_authentication", SIGN_IN, 401)
    if asked.acr_values and classes_of(session.methods).isdisjoint(asked.acr_values):
        raise OAuthError("insufficient_user_authentication", _how(asked.acr_values), 401)
    own = auth.domain.scopes(frozenset(account.roles)) & principal.grants.scopes
    return ResourceOwner(account, session, asked.scopes & own)


def _how(acr_values: tuple[str, ...]) -> str:
    """Return how to sign in for one of these classes."""
    code = "" if TWO_FACTORS not in acr_values else ", or with your password and a one-time code"
    return f"Sign in with a passkey{code}, then decide."


async def is_settled(unit: Transaction, asked: AuthorizationRequest, person: ResourceOwner) -> bool:
    """Tell whether an earlier consent covers this request, so that the person need not be asked.

    The person is asked again when the client requests it, and always for a public client with a redirect
    URI other than https, because any program could use that client's id (RFC 8252, section 8.6).
    """
    client = asked.address.client
    is_known = client.authentication != ClientAuthMethod.NONE or is_for_one_host(asked.address.uri)
    if not is_known or {"consent", "select_account"} & asked.prompt:
        return False
    return await covers(unit.db, person.account.id, client.id, person.scopes)


async def allow(
    unit: Transaction, auth: AuthService, asked: AuthorizationRequest, person: ResourceOwner
) -> str:
    """Store the consent, and return the redirect URL that gives the client its code."""
    await give(unit, person.account, asked.address.client.id, person.scopes)
    return await grant(unit, auth, asked, person)


async def grant(
    unit: Transaction, auth: AuthService, asked: AuthorizationRequest, person: ResourceOwner
) -> str:
    """Make a code for the scopes consented to, and return the redirect URL that gives it to the client."""
    seconds = auth.settings.code_seconds
    code = await make_code(unit, asked, person.account, person.scopes, person.session, seconds)
    return asked.address.granted(code)


def question(
    asked: AuthorizationRequest, person: ResourceOwner, descriptions: Mapping[str, str]
) -> dict[str, object]:
    """Return what the page shows: the application, the account, and the scopes with descriptions."""
    return {
        "application": asked.address.client.name,
        "account": {"name": person.account.name, "email": person.account.email},
        "scopes": [
            {"scope": scope, "description": descriptions.get(scope, scope)}
            for scope in sorted(person.scopes)
        ],
    }
