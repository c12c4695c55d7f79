"""What a request proves: who it is, and the key that it holds (DPoP, RFC 9449).

The doors and the routes ask here alike, so that a bound token without its proof is refused everywhere.
"""

from __future__ import annotations

import logging
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
from watchword.tokens import dpop
from watchword.tokens.credential import BEARER, Credential, from_headers, proof_of
from watchword.tokens.dpop import Proof, Target, Window

log = logging.getLogger("watchword.tokens")

# RFC 9449, section 7.1: the proof is not at fault, but how the token is shown.
INVALID_TOKEN = "invalid_token"


class Replayed(InvalidProof):
    """The proof was good, and was used before."""

    def __init__(self) -> None:
        super().__init__("replay")


@dataclass(frozen=True, slots=True)
class Shown:
    """The thumbprint of the key that a request without an access token proves to hold; None when it
    proves none.

    Whoever takes the key for that awaits `use` in the transaction that makes something of it, as late
    as can be: it uses the proof up, which nobody can do who has nothing but a key. It raises
    `Replayed`.
    """

    key: str | None = None
    use: Use = use_nothing


async def authenticate(auth: AuthService, credential: Credential, target: Target) -> Principal:
    """Return who a credential speaks for, in a request to this target.

    Raises what `AuthService.verify` raises, `InvalidProof`, and `Unavailable` when it cannot be known
    whether a proof was used before.
    """
    principal = await auth.verify(credential.token, target.address)
    try:
        shown = _bound(auth, principal.key, credential, target)
    except InvalidProof as error:
        _log(error)
        raise
    if shown is None:
        return principal
    await use_alone(auth, partial(_use, auth, shown))
    # While that was written down the token may have ended, or been taken away.
    return await auth.verify(credential.token, target.address)


async def principal_of(auth: AuthService, request: Request) -> Principal:
    """Return who the access token in a request speaks for; `key` in it is the key that was shown.

    A proof is good once: a route asks this or `shown_by`, not both. Raises `Unauthenticated` when
    there is no token, and what `authenticate` raises.
    """
    credential = from_headers(request.scope["headers"])
    if credential is None:
        raise Unauthenticated("Send the access token in the Authorization header.")
    return await authenticate(auth, credential, _target(request))


def shown_by(auth: AuthService, request: Request, *, required: bool = False) -> Shown:
    """Return the key that a request without an access token proves to hold. It asks nobody, and the
    proof is not used up yet.

    Raises `InvalidProof`, also when there is no proof and it is required, here or by the settings.
    """
    proof = proof_of(request.scope["headers"])
    if proof is None:
        if required or auth.settings.dpop == "required":
            raise InvalidProof("no proof")
        return Shown()
    try:
        checked = _checked(auth, proof, _target(request), None)
    except InvalidProof as error:
        _log(error)
        raise
    return Shown(checked.key, partial(_use, auth, checked))


async def use_alone(auth: AuthService, use: Use) -> None:
    """Use up what was shown in a transaction of its own. Raises `Replayed`, and `Unavailable` when it
    cannot be known whether it was used before."""
    if use is use_nothing:
        return
    try:
        async with auth.services.database.write() as db:
            await use(db)
    except (SQLAlchemyError, OSError, Conflict) as error:
        # A conflict says that others held the database for too long.
        if not isinstance(error, Conflict) and not is_unavailable(error):
            raise
        raise Unavailable("Proofs cannot be checked just now. Try again soon.") from error


def nonce(auth: AuthService) -> str:
    """Return the nonce that proofs shall hold from now on."""
    return dpop.nonce(_nonce_secrets(auth)[0], auth.clock.now())


def _bound(
    auth: AuthService, key: str | None, credential: Credential, target: Target
) -> Proof | None:
    """Return the proof that goes with a token which is bound to this key; None with one that is not.

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
    shown = _checked(auth, credential.proof, target, credential.token)
    # RFC 9449, section 4.3, item 12: it is the key of this token.
    if shown.key != key:
        raise InvalidProof("another key", error=INVALID_TOKEN)
    return shown


def _checked(auth: AuthService, proof: str, target: Target, token: str | None) -> Proof:
    settings, now = auth.settings, auth.clock.now()
    window = Window(settings.issuer, now, settings.dpop_seconds, settings.leeway_seconds)
    shown = dpop.check(proof, target, window, token)
    if settings.dpop_nonce:
        dpop.check_nonce(shown.nonce, _nonce_secrets(auth), now, settings.leeway_seconds)
    return shown


async def _use(auth: AuthService, proof: Proof, db: AsyncSession) -> None:
    # RFC 9449, section 11.1: a proof is good once, in all processes together.
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
    log.info("a proof was refused by the rule: %s", error.rule)
