"""Authenticates requests: verifies the access token, and the DPoP proof of its key (RFC 9449).

All transports and routes use these functions, so a bound token without its proof is refused everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from watchword.auth.http.http_json import device_of
from watchword.auth.service import AuthService
from watchword.errors import Conflict, InvalidProof, Unauthenticated, Unavailable
from watchword.principal import Principal
from watchword.storage import used_ids
from watchword.storage.database import is_unavailable
from watchword.storage.used_ids import Use, use_nothing
from watchword.tokens import dpop, refusals
from watchword.tokens.credential import BEARER, Credential, from_headers, proof_of
from watchword.tokens.dpop import Proof, Target, Window

# RFC 9449, section 7.1: the error when the token was sent in the wrong way and the proof is not at fault.
INVALID_TOKEN = "invalid_token"


class Replayed(InvalidProof):
    """The proof is valid, but was used before."""

    def __init__(self) -> None:
        super().__init__("replay")


@dataclass(frozen=True, slots=True)
class ProvenKey:
    """The thumbprint of the key that a request without an access token has proved; None without a proof.

    A caller that relies on the key must await `use` in the transaction that writes the result. `use` marks
    the proof as used, or raises `Replayed`. Await it as late as possible, because it writes a row: anybody
    can make a key, so a request that proves only a key must be refused before.
    """

    key: str | None = None
    use: Use = use_nothing


async def authenticate(auth: AuthService, credential: Credential, target: Target) -> Principal:
    """Return the principal of a credential that was sent to this target.

    Raises what `AuthService.verify` raises, `InvalidProof`, and `Unavailable` when the database cannot
    tell whether the proof was used before.
    """
    principal = await auth.verify(credential.token, target.address)
    try:
        proof = _proof_of_binding(auth, principal.key, credential, target)
    except InvalidProof as error:
        _log(error)
        raise
    if proof is None:
        return principal
    await use_alone(auth, partial(_use, auth, proof))
    # The token may have expired or been revoked while the proof was written to the database.
    return await auth.verify(credential.token, target.address)


def recall(auth: AuthService, credential: Credential) -> Principal | None:
    """Return the principal of a credential that needs no proof, if its token was verified before.

    None for any other credential: then call `authenticate`. Does no I/O, and raises as `AuthService.verify`.
    """
    if credential.scheme != BEARER or auth.settings.dpop == "required":
        return None
    principal = auth.recall(credential.token)
    return None if principal is None or principal.key is not None else principal


def recall_bearer(auth: AuthService, token: bytes) -> Principal | None:
    """Do as `recall`, for what follows `Bearer` in a request without a proof."""
    if auth.settings.dpop == "required":
        return None
    principal = auth.recall_bytes(token)
    return None if principal is None or principal.key is not None else principal


async def principal_of(auth: AuthService, request: Request) -> Principal:
    """Return the principal of the access token in a request; its `key` is the key that was proved.

    This uses up the proof, so a route calls this or `proven_key`, not both. Raises `Unauthenticated`
    when there is no token, and what `authenticate` raises.
    """
    credential = from_headers(request.scope["headers"])
    if credential is None:
        raise Unauthenticated("Send the access token in the Authorization header.")
    return await authenticate(auth, credential, _target(request))


def proven_key(auth: AuthService, request: Request, *, required: bool = False) -> ProvenKey:
    """Return the key that a request without an access token proves. Makes no query, and does not use
    up the proof.

    Raises `InvalidProof`, also when there is no proof and `required` or the settings demand one.
    """
    proof = proof_of(request.scope["headers"])
    if proof is None:
        if required or auth.settings.dpop == "required":
            raise InvalidProof("no proof")
        return ProvenKey()
    try:
        checked = _checked(auth, proof, _target(request), None)
    except InvalidProof as error:
        _log(error)
        raise
    return ProvenKey(checked.key, partial(_use, auth, checked))


async def use_alone(auth: AuthService, use: Use) -> None:
    """Use up a proof in a transaction of its own.

    Raises `Replayed`, and `Unavailable` when the database cannot tell whether it was used before.
    """
    if use is use_nothing:
        return
    try:
        async with auth.services.database.write() as db:
            await use(db)
    except (SQLAlchemyError, OSError, Conflict) as error:
        # A conflict here means that other transactions held the database for too long.
        if not isinstance(error, Conflict) and not is_unavailable(error):
            raise
        raise Unavailable("Proofs cannot be checked just now. Try again soon.") from error


def nonce(auth: AuthService) -> str:
    """Return the nonce that new proofs must contain."""
    return dpop.nonce(_nonce_secrets(auth)[0], auth.clock.now())


def _proof_of_binding(
    auth: AuthService, key: str | None, credential: Credential, target: Target
) -> Proof | None:
    """Return the proof of the key that the token is bound to; None if the token is not bound.

    Raises `InvalidProof`.
    """
    is_bearer = credential.scheme == BEARER
    if key is None:
        if not is_bearer:
            raise InvalidProof("not a bound token", error=INVALID_TOKEN)
        if auth.settings.dpop == "required":
            raise InvalidProof("a token must be bound", error=INVALID_TOKEN)
        return None
    if is_bearer:
        raise InvalidProof("a bound token as Bearer", error=INVALID_TOKEN)
    if credential.proof is None:
        raise InvalidProof("no proof")
    proof = _checked(auth, credential.proof, target, credential.token)
    # RFC 9449, section 4.3, item 12: the proof must be of the key that the token is bound to.
    if proof.key != key:
        raise InvalidProof("another key", error=INVALID_TOKEN)
    return proof


def _checked(auth: AuthService, text: str, target: Target, token: str | None) -> Proof:
    settings, now = auth.settings, auth.clock.now()
    window = Window(settings.issuer, now, settings.dpop_seconds, settings.leeway_seconds)
    proof = dpop.check(text, target, window, token)
    if settings.dpop_nonce:
        dpop.check_nonce(proof.nonce, _nonce_secrets(auth), now, settings.leeway_seconds)
    return proof


async def _use(auth: AuthService, proof: Proof, db: AsyncSession) -> None:
    # RFC 9449, section 11.1: a proof is accepted once by all processes together.
    settings = auth.settings
    expires_at = proof.issued_at + settings.dpop_seconds + settings.leeway_seconds
    if not await used_ids.use_once(db, "dpop", proof.key, proof.id, expires_at):
        replayed = Replayed()
        _log(replayed)
        raise replayed


def _target(request: Request) -> Target:
    return Target(request.method, request.scope["path"], address=device_of(request).address)


def _nonce_secrets(auth: AuthService) -> tuple[bytes, ...]:
    return auth.services.vault.derive("dpop nonce")


def _log(error: InvalidProof) -> None:
    refusals.note("proof", error.rule)
