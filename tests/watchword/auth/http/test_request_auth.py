"""A bound token is nothing without its proof, and a proof is good once."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request

from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder, token_for
from tests.support.identity import DOMAIN, ORIGIN
from tests.support.vault import ENCRYPTION_KEY
from watchword.app import make_services
from watchword.auth.http.request_auth import (
    Replayed,
    authenticate,
    nonce,
    principal_of,
    shown_by,
    use_alone,
)
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.revocation.identity_events import roles_changed, session_revoked
from watchword.auth.service import Identity
from watchword.config.settings import Settings
from watchword.errors import (
    Conflict,
    InvalidProof,
    InvalidToken,
    NonceNeeded,
    TokenExpired,
    TokenOutdated,
    TokenRevoked,
    Unauthenticated,
    Unavailable,
)
from watchword.events.event import Event
from watchword.storage import used_ids
from watchword.storage.database import Database
from watchword.tokens.credential import DPOP, Credential
from watchword.tokens.dpop import NONCE_SECONDS, Target

PATH = "/api/auth/refresh"
URL = ORIGIN + PATH
TARGET = Target("POST", PATH)
HOLDER = KeyHolder()
NEW_KEY = "YW5vdGhlciBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXQ="


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


async def key_of(identity: Identity, shown: Request) -> str | None:
    """Prove a key, and use the proof up."""
    found = shown_by(identity, shown)
    await use_alone(identity, found.use)
    return found.key


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


async def test_nothing_is_taken_while_another_writer_holds_the_database(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has waited for it in vain may come back: nothing was wrong with the token."""
    identity = await identity_of(database, clock)
    token = await token_for(identity, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(identity, token))

    @asynccontextmanager
    async def busy() -> AsyncIterator[Any]:
        raise Conflict("Another writer was faster. Try again.")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(database, "write", busy)
        with pytest.raises(Unavailable):
            await authenticate(identity, shown, TARGET)
    assert await authenticate(identity, shown, TARGET)


@pytest.mark.parametrize(
    ("event", "refusal"),
    [
        (session_revoked("alice", "s1"), TokenRevoked),
        (roles_changed("alice", 2, []), TokenOutdated),
        (None, TokenExpired),
    ],
)
async def test_what_is_revoked_while_its_proof_is_written_down_is_refused(
    identity: Identity,
    clock: MovedClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    event: Event | None,
    refusal: type[Unauthenticated],
) -> None:
    caplog.set_level(logging.INFO)

    async def first(*_: Any) -> bool:
        if event is None:
            clock.move(600)
        else:
            identity.revocations.add(event, clock.now())
        return True

    monkeypatch.setattr(used_ids, "first", first)
    token = await token_for(identity, HOLDER.thumbprint)
    with pytest.raises(refusal):
        await authenticate(identity, Credential(token, DPOP, proof(identity, token)), TARGET)
    assert "a token was refused by the rule: " in caplog.text


async def test_the_settings_can_demand_that_every_token_is_bound(
    database: Database, clock: MovedClock
) -> None:
    identity = await identity_of(database, clock, dpop="required")
    error = await refused(identity, Credential(await token_for(identity, None)))
    assert (error.rule, error.error) == ("a token must be bound", "invalid_token")
    with pytest.raises(InvalidProof):
        shown_by(identity, request())


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


async def test_a_nonce_is_good_while_the_encryption_key_changes(
    sqlite_url: str, clock: MovedClock
) -> None:
    """One process was restarted with the new key in front, the other not yet."""
    database = Database(sqlite_url)
    old, new = (ENCRYPTION_KEY, NEW_KEY), (NEW_KEY, ENCRYPTION_KEY)
    ahead = await identity_of(database, clock, dpop_nonce=True, encryption_keys=new)
    behind = await identity_of(database, clock, dpop_nonce=True, encryption_keys=old)
    assert nonce(ahead) != nonce(behind)
    for told, asked in ((ahead, behind), (behind, ahead)):
        shown = request(("dpop", proof(asked, nonce=nonce(told))))
        assert shown_by(asked, shown).key == HOLDER.thumbprint
    await database.close()


async def test_a_request_proves_its_key_once(identity: Identity) -> None:
    shown = request(("dpop", proof(identity)))
    assert await key_of(identity, shown) == HOLDER.thumbprint
    with pytest.raises(Replayed):
        await key_of(identity, shown)


async def test_a_proof_that_was_only_looked_at_was_not_used(identity: Identity) -> None:
    shown = request(("dpop", proof(identity)))
    for _ in range(2):
        assert shown_by(identity, shown).key == HOLDER.thumbprint
    assert await key_of(identity, shown) == HOLDER.thumbprint


async def test_a_proof_is_used_up_with_what_is_made_of_it_or_not_at_all(identity: Identity) -> None:
    shown = shown_by(identity, request(("dpop", proof(identity))))
    with pytest.raises(RuntimeError):
        async with identity.services.database.write() as db:
            await shown.use(db)
            raise RuntimeError("it came to nothing")
    await use_alone(identity, shown.use)


async def test_nobody_can_use_up_the_ids_of_another_key(identity: Identity) -> None:
    thief = KeyHolder().proof("POST", URL, identity.clock.now(), jti="1")
    assert await key_of(identity, request(("dpop", thief)))
    assert await key_of(identity, request(("dpop", proof(identity, jti="1")))) == HOLDER.thumbprint


async def test_a_request_without_proof_proves_no_key(identity: Identity) -> None:
    assert await key_of(identity, request()) is None
    with pytest.raises(InvalidProof):
        shown_by(identity, request(), required=True)


@pytest.mark.parametrize("place", [{"method": "GET"}, {"path": "/api/auth/login"}])
async def test_a_proof_is_for_one_route(identity: Identity, place: dict[str, str]) -> None:
    with pytest.raises(InvalidProof):
        shown_by(identity, request(("dpop", proof(identity)), **place))


async def test_two_proofs_are_refused(identity: Identity) -> None:
    with pytest.raises(InvalidProof):
        shown_by(identity, request(("dpop", proof(identity)), ("dpop", proof(identity))))


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


async def test_a_used_proof_is_known_for_as_long_as_it_would_be_good(
    database: Database, clock: MovedClock
) -> None:
    identity = await identity_of(database, clock, dpop_seconds=300, leeway_seconds=5)
    token = await token_for(identity, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(identity, token))
    assert await authenticate(identity, shown, TARGET)
    clock.move(305)
    await used_ids.prune(database, clock.now())
    assert (await refused(identity, shown)).rule == "replay"
    clock.move(1)
    assert (await refused(identity, shown)).rule == "iat"
