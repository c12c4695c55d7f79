"""What a request proves: who it is, and the key that it holds (DPoP, RFC 9449).

The doors and the routes ask here alike, so that a bound token without its proof is refused everywhere.
"""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from graph import replays
from graph.database import is_unavailable
from graph.errors import InvalidProof, Unauthenticated, Unavailable
from graph.identity.identity import Identity
from graph.principal import Principal
from graph.tokens import dpop
from graph.tokens.credential import BEARER, Credential, from_headers, proof_of
from graph.tokens.dpop import Proof, Target, Window

log = logging.getLogger("watchword.tokens")

# RFC 9449, section 7.1: the proof is not at fault, but how the token is shown.
INVALID_TOKEN = "invalid_token"


async def authenticate(identity: Identity, credential: Credential, target: Target) -> Principal:
    """Return who a credential speaks for, in a request to this target.

    Raises what `Identity.verify` raises, `InvalidProof`, and `Unavailable` when it cannot be known
    whether a proof was used before.
    """
    principal = await identity.verify(credential.token)
    try:
        await _check_binding(identity, principal.key, credential, target)
    except InvalidProof as error:
        _log(error)
        raise
    return principal


async def principal_of(identity: Identity, request: Request) -> Principal:
    """Return who the access token in a request speaks for; `key` in it is the key that was shown.

    A proof is good once: a route asks this or `key_of`, not both. Raises `Unauthenticated` when there
    is no token, and what `authenticate` raises.
    """
    credential = from_headers(request.scope["headers"])
    if credential is None:
        raise Unauthenticated("Send the access token in the Authorization header.")
    return await authenticate(identity, credential, _target(request))


async def key_of(identity: Identity, request: Request, *, required: bool = False) -> str | None:
    """Return the thumbprint of the key that a request without an access token proves to hold; None
    when it proves none.

    Raises `InvalidProof`, also when there is no proof and it is required, here or by the settings.
    """
    proof = proof_of(request.scope["headers"])
    if proof is None:
        if required or identity.settings.dpop == "required":
            raise InvalidProof("no proof")
        return None
    try:
        shown = _checked(identity, proof, _target(request), None)
        await _use(identity, shown)
    except InvalidProof as error:
        _log(error)
        raise
    return shown.key


def nonce(identity: Identity) -> str:
    """Return the nonce that proofs shall hold from now on."""
    return dpop.nonce(_nonce_secret(identity), identity.clock.now())


async def _check_binding(
    identity: Identity, key: str | None, credential: Credential, target: Target
) -> None:
    is_bearer = credential.scheme == BEARER
    if key is None:
        if not is_bearer:
            raise InvalidProof("not a bound token", error=INVALID_TOKEN)
        if identity.settings.dpop == "required":
            raise InvalidProof("a token must be bound", error=INVALID_TOKEN)
        return
    if is_bearer:
        raise InvalidProof("a bound token as Bearer", error=INVALID_TOKEN)
    if credential.proof is None:
        raise InvalidProof("no proof")
    shown = _checked(identity, credential.proof, target, credential.token)
    # RFC 9449, section 4.3, item 12: it is the key of this token.
    if shown.key != key:
        raise InvalidProof("another key", error=INVALID_TOKEN)
    await _use(identity, shown)


def _checked(identity: Identity, proof: str, target: Target, token: str | None) -> Proof:
    settings, now = identity.settings, identity.clock.now()
    window = Window(settings.issuer, now, settings.dpop_seconds, settings.leeway_seconds)
    shown = dpop.check(proof, target, window, token)
    if settings.dpop_nonce:
        secret = _nonce_secret(identity)
        dpop.check_nonce(shown.nonce, secret, now, settings.leeway_seconds)
    return shown


async def _use(identity: Identity, proof: Proof) -> None:
    # RFC 9449, section 11.1: a proof is good once, in all processes together.
    settings = identity.settings
    expires_at = proof.issued_at + settings.dpop_seconds + settings.leeway_seconds
    try:
        async with identity.services.database.write() as session:
            is_first = await replays.first(session, "dpop", proof.key, proof.id, expires_at)
    except (SQLAlchemyError, OSError) as error:
        if not is_unavailable(error):
            raise
        raise Unavailable("Proofs cannot be checked just now. Try again soon.") from error
    if not is_first:
        raise InvalidProof("replay")


def _target(request: Request) -> Target:
    return Target(request.method, request.scope["path"])


def _nonce_secret(identity: Identity) -> bytes:
    return identity.services.vault.derive("dpop nonce")


def _log(error: InvalidProof) -> None:
    log.info("a proof was refused by the rule: %s", error.rule)
