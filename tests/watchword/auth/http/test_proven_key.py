"""A request proves a key once, for one route, and nobody can use up the proofs of another key."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder
from tests.watchword.auth.http.bound import HOLDER, URL, auth_of, proof, request
from watchword.auth.http.request_auth import Replayed, proven_key, use_alone
from watchword.auth.service import AuthService
from watchword.errors import InvalidProof
from watchword.storage.database import Database


@pytest.fixture
async def auth(database: Database, clock: MovedClock) -> AuthService:
    return await auth_of(database, clock)


async def key_of(auth: AuthService, shown: Request) -> str | None:
    """Return the proven key, after using up the proof."""
    found = proven_key(auth, shown)
    await use_alone(auth, found.use)
    return found.key


async def test_a_request_proves_its_key_once(auth: AuthService) -> None:
    shown = request(("dpop", proof(auth)))
    assert await key_of(auth, shown) == HOLDER.thumbprint
    with pytest.raises(Replayed):
        await key_of(auth, shown)


async def test_a_proof_that_was_only_looked_at_was_not_used(auth: AuthService) -> None:
    shown = request(("dpop", proof(auth)))
    for _ in range(2):
        assert proven_key(auth, shown).key == HOLDER.thumbprint
    assert await key_of(auth, shown) == HOLDER.thumbprint


async def test_a_proof_is_used_up_in_the_transaction_that_relies_on_it(auth: AuthService) -> None:
    shown = proven_key(auth, request(("dpop", proof(auth))))
    with pytest.raises(RuntimeError):
        async with auth.services.database.write() as db:
            await shown.use(db)
            raise RuntimeError("it came to nothing")
    await use_alone(auth, shown.use)


async def test_nobody_can_use_up_the_ids_of_another_key(auth: AuthService) -> None:
    thief = KeyHolder().proof("POST", URL, auth.clock.now(), jti="1")
    assert await key_of(auth, request(("dpop", thief)))
    assert await key_of(auth, request(("dpop", proof(auth, jti="1")))) == HOLDER.thumbprint


async def test_a_request_without_proof_proves_no_key(auth: AuthService) -> None:
    assert await key_of(auth, request()) is None
    with pytest.raises(InvalidProof):
        proven_key(auth, request(), required=True)


@pytest.mark.parametrize("place", [{"method": "GET"}, {"path": "/api/auth/login"}])
async def test_a_proof_is_for_one_route(auth: AuthService, place: dict[str, str]) -> None:
    with pytest.raises(InvalidProof):
        proven_key(auth, request(("dpop", proof(auth)), **place))


async def test_two_proofs_are_refused(auth: AuthService) -> None:
    with pytest.raises(InvalidProof):
        proven_key(auth, request(("dpop", proof(auth)), ("dpop", proof(auth))))
