"""A bound token is nothing without its proof, and a proof is good once."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request

from graph.app import make_services
from graph.database import Database
from graph.errors import InvalidProof, InvalidToken, NonceNeeded, Unauthenticated, Unavailable
from graph.identity.identity import Identity
from graph.identity.proof import authenticate, key_of, nonce, principal_of
from graph.identity.signing_keys import ensure
from graph.settings import Settings
from graph.tokens.credential import DPOP, Credential
from graph.tokens.dpop import NONCE_SECONDS, Target
from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder, token_for
from tests.support.identity import DOMAIN, ORIGIN
from tests.support.vault import ENCRYPTION_KEY

PATH = "/api/auth/refresh"
URL = ORIGIN + PATH
TARGET = Target("POST", PATH)
HOLDER = KeyHolder()


async def identity_of(database: Database, clock: MovedClock, **settings: Any) -> Identity:
    """One process's identity on a database."""
    made = {"encryption_keys": (ENCRYPTION_KEY,), "issuer": ORIGIN} | settings
    read = Settings(_env_file=None, database_url=str(database.url), **made)
    services = replace(make_services(read, clock, DOMAIN), database=database)
    await ensure(database, services.vault, read, clock.now())
    identity = Identity(services)
    await identity.open()
    return identity


@pytest.fixture
async def identity(database: Database, clock: MovedClock) -> Identity:
    return await identity_of(database, clock)


def request(*headers: tuple[str, str], method: str = "POST", path: str = PATH) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw}
    # Whatever a client says the host is does not matter.
    return Request(scope | {"headers": [*raw, (b"host", b"evil.example")]})


def proof(identity: Identity, token: str | None = None, **changes: Any) -> str:
    return HOLDER.proof("POST", URL, identity.clock.now(), token, **changes)


async def refused(identity: Identity, credential: Credential) -> InvalidProof:
    with pytest.raises(InvalidProof) as error:
        await authenticate(identity, credential, TARGET)
    return error.value


async def test_a_bound_token_with_its_proof_is_its_principal(identity: Identity) -> None:
    token = await token_for(identity, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(identity, token))
    principal = await authenticate(identity, shown, TARGET)
    assert (principal.subject, principal.key) == ("alice", HOLDER.thumbprint)


async def test_a_bound_token_without_proof_is_refused(identity: Identity) -> None:
    token = await token_for(identity, HOLDER.thumbprint)
    error = await refused(identity, Credential(token, DPOP))
    assert (error.rule, error.error) == ("no proof", "invalid_dpop_proof")


@pytest.mark.parametrize("has_proof", [True, False])
async def test_a_bound_token_as_bearer_is_refused(identity: Identity, has_proof: bool) -> None:
    token = await token_for(identity, HOLDER.thumbprint)
    shown = Credential(token, proof=proof(identity, token) if has_proof else None)
    assert (await refused(identity, shown)).error == "invalid_token"


async def test_a_token_that_is_not_bound_is_no_dpop_token(identity: Identity) -> None:
    token = await token_for(identity, None)
    shown = Credential(token, DPOP, proof(identity, token))
    assert (await refused(identity, shown)).error == "invalid_token"
    assert (await authenticate(identity, Credential(token), TARGET)).key is None


async def test_the_proof_of_another_key_is_refused(identity: Identity) -> None:
    token = await token_for(identity, KeyHolder().thumbprint)
    error = await refused(identity, Credential(token, DPOP, proof(identity, token)))
    assert (error.rule, error.error) == ("another key", "invalid_token")


async def test_a_bad_token_is_refused_before_its_proof_is_looked_at(identity: Identity) -> None:
    with pytest.raises(InvalidToken):
        await authenticate(identity, Credential("a.b.c", DPOP, "x"), TARGET)


async def test_a_proof_is_good_once_in_all_processes(identity: Identity, clock: MovedClock) -> None:
    token = await token_for(identity, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(identity, token))
    database = Database(identity.services.database.url.render_as_string(hide_password=False))
    other = await identity_of(database, clock)
    assert await authenticate(other, shown, TARGET)
    for process in (identity, other):
        assert (await refused(process, shown)).rule == "replay"
    await database.close()


async def test_a_proof_that_was_refused_was_not_used(identity: Identity) -> None:
    token = await token_for(identity, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(identity, token))
    with pytest.raises(InvalidProof):
        await authenticate(identity, shown, Target("POST", "/elsewhere"))
    assert await authenticate(identity, shown, TARGET)


async def test_nothing_is_taken_while_the_database_is_away(
    sqlite_url: str, clock: MovedClock, tmp_path: Any
) -> None:
    database = Database(sqlite_url)
    identity = await identity_of(database, clock)
    token = await token_for(identity, HOLDER.thumbprint)
    await database.close()
    (tmp_path / "watchword.db").unlink()
    (tmp_path / "watchword.db").mkdir()
    with pytest.raises(Unavailable):
        await authenticate(identity, Credential(token, DPOP, proof(identity, token)), TARGET)


async def test_the_settings_can_demand_that_every_token_is_bound(
    database: Database, clock: MovedClock
) -> None:
    identity = await identity_of(database, clock, dpop="required")
    error = await refused(identity, Credential(await token_for(identity, None)))
    assert (error.rule, error.error) == ("a token must be bound", "invalid_token")
    with pytest.raises(InvalidProof):
        await key_of(identity, request())


async def test_a_nonce_is_demanded_and_told(sqlite_url: str, clock: MovedClock) -> None:
    database = Database(sqlite_url)
    identity = await identity_of(database, clock, dpop_nonce=True)
    token = await token_for(identity, HOLDER.thumbprint)
    error = await refused(identity, Credential(token, DPOP, proof(identity, token)))
    assert isinstance(error, NonceNeeded)
    assert (error.error, error.nonce) == ("use_dpop_nonce", nonce(identity))
    shown = Credential(token, DPOP, proof(identity, token, nonce=error.nonce))
    assert await authenticate(identity, shown, TARGET)
    clock.move(2 * NONCE_SECONDS)
    token = await token_for(identity, HOLDER.thumbprint)
    stale = Credential(token, DPOP, proof(identity, token, nonce=error.nonce))
    assert isinstance(await refused(identity, stale), NonceNeeded)
    await database.close()


async def test_a_request_proves_its_key(identity: Identity) -> None:
    shown = request(("dpop", proof(identity)))
    assert await key_of(identity, shown) == HOLDER.thumbprint
    with pytest.raises(InvalidProof):
        await key_of(identity, shown)


async def test_nobody_can_use_up_the_ids_of_another_key(identity: Identity) -> None:
    thief = KeyHolder().proof("POST", URL, identity.clock.now(), jti="1")
    assert await key_of(identity, request(("dpop", thief)))
    assert await key_of(identity, request(("dpop", proof(identity, jti="1")))) == HOLDER.thumbprint


async def test_a_request_without_proof_proves_no_key(identity: Identity) -> None:
    assert await key_of(identity, request()) is None
    with pytest.raises(InvalidProof):
        await key_of(identity, request(), required=True)


@pytest.mark.parametrize("place", [{"method": "GET"}, {"path": "/api/auth/login"}])
async def test_a_proof_is_for_one_route(identity: Identity, place: dict[str, str]) -> None:
    with pytest.raises(InvalidProof):
        await key_of(identity, request(("dpop", proof(identity)), **place))


async def test_two_proofs_are_refused(identity: Identity) -> None:
    with pytest.raises(InvalidProof):
        await key_of(identity, request(("dpop", proof(identity)), ("dpop", proof(identity))))


async def test_a_route_hears_who_it_is(identity: Identity) -> None:
    token = await token_for(identity, None)
    bearer = request(("authorization", f"Bearer {token}"))
    assert (await principal_of(identity, bearer)).subject == "alice"
    bound = await token_for(identity, HOLDER.thumbprint)
    shown = request(("authorization", f"DPoP {bound}"), ("dpop", proof(identity, bound)))
    assert (await principal_of(identity, shown)).key == HOLDER.thumbprint
    with pytest.raises(InvalidProof):
        await principal_of(identity, request(("authorization", f"Bearer {bound}")))


@pytest.mark.parametrize("value", ["", "Basic a", "Bearer a b", "Bearer"])
async def test_a_route_never_takes_anybody_for_nobody(identity: Identity, value: str) -> None:
    with pytest.raises(Unauthenticated):
        await principal_of(identity, request(("authorization", value)))


async def test_the_log_says_which_rule_and_never_the_proof(
    identity: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    token = await token_for(identity, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(identity, token, htm="GET"))
    with caplog.at_level(logging.INFO):
        await refused(identity, shown)
    assert "a proof was refused by the rule: htm" in caplog.text
    assert token not in caplog.text
    assert str(shown.proof) not in caplog.text
