"""A bound token needs a proof, and a proof is accepted once."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder, token_for
from tests.support.vault import ENCRYPTION_KEY
from tests.watchword.auth.http.bound import HOLDER, TARGET, auth_of, proof, request
from watchword.auth.http.request_auth import (
    authenticate,
    nonce,
    principal_of,
    proven_key,
    recall,
    recall_bearer,
)
from watchword.auth.revocation.identity_events import roles_changed, session_revoked
from watchword.auth.service import AuthService
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
from watchword.principal import Principal
from watchword.storage import used_ids
from watchword.storage.database import Database
from watchword.tokens.credential import DPOP, Credential
from watchword.tokens.dpop import NONCE_SECONDS, Target

NEW_KEY = "YW5vdGhlciBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXQ="


@pytest.fixture
async def auth(database: Database, clock: MovedClock) -> AuthService:
    return await auth_of(database, clock)


async def refused(auth: AuthService, credential: Credential) -> InvalidProof:
    with pytest.raises(InvalidProof) as error:
        await authenticate(auth, credential, TARGET)
    return error.value


async def test_a_bound_token_with_its_proof_is_its_principal(auth: AuthService) -> None:
    token = await token_for(auth, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(auth, token))
    principal = await authenticate(auth, shown, TARGET)
    assert (principal.subject, principal.key) == ("alice", HOLDER.thumbprint)


async def test_a_bound_token_without_proof_is_refused(auth: AuthService) -> None:
    token = await token_for(auth, HOLDER.thumbprint)
    error = await refused(auth, Credential(token, DPOP))
    assert (error.rule, error.error) == ("no proof", "invalid_dpop_proof")


@pytest.mark.parametrize("has_proof", [True, False])
async def test_a_bound_token_as_bearer_is_refused(auth: AuthService, has_proof: bool) -> None:
    token = await token_for(auth, HOLDER.thumbprint)
    shown = Credential(token, proof=proof(auth, token) if has_proof else None)
    assert (await refused(auth, shown)).error == "invalid_token"


async def test_a_token_that_is_not_bound_is_no_dpop_token(auth: AuthService) -> None:
    token = await token_for(auth, None)
    shown = Credential(token, DPOP, proof(auth, token))
    assert (await refused(auth, shown)).error == "invalid_token"
    assert (await authenticate(auth, Credential(token), TARGET)).key is None


async def test_only_a_token_that_was_verified_and_needs_no_proof_is_recalled(
    auth: AuthService,
) -> None:
    token, bound = await token_for(auth, None), await token_for(auth, HOLDER.thumbprint)
    assert recall(auth, Credential(token)) is None
    known = await authenticate(auth, Credential(token), TARGET)
    await authenticate(auth, Credential(bound, DPOP, proof(auth, bound)), TARGET)
    assert recall(auth, Credential(token)) is known
    assert recall(auth, Credential(token, DPOP, proof(auth, token))) is None
    assert recall(auth, Credential(bound)) is None
    assert recall(auth, Credential(bound, DPOP, proof(auth, bound))) is None
    assert recall_bearer(auth, token.encode()) is known
    assert recall_bearer(auth, bound.encode()) is None


async def test_bytes_that_are_no_token_seen_before_are_recalled_by_none(auth: AuthService) -> None:
    token = (await token_for(auth, None)).encode()
    assert recall_bearer(auth, token) is None
    await authenticate(auth, Credential(token.decode()), TARGET)
    for other in (
        b"",
        b" " + token,
        token + b" ",
        token + b", Bearer " + token,
        b"\xff",
        b"a" * 99_999,
    ):
        assert recall_bearer(auth, other) is None


async def test_no_token_is_recalled_where_each_must_be_bound(
    database: Database, clock: MovedClock
) -> None:
    auth = await auth_of(database, clock, dpop="required")
    token = await token_for(auth, None)
    await auth.verify(token)
    assert recall(auth, Credential(token)) is None
    assert recall_bearer(auth, token.encode()) is None


@pytest.mark.parametrize(
    ("event", "error"), [(session_revoked("alice", "s1"), TokenRevoked), (None, TokenExpired)]
)
@pytest.mark.parametrize(
    "ask",
    [
        lambda auth, token: recall(auth, Credential(token)),
        lambda auth, token: recall_bearer(auth, token.encode()),
    ],
    ids=["a credential", "bytes"],
)
async def test_a_token_that_was_revoked_or_expired_is_refused_though_it_is_known(
    ask: Callable[[AuthService, str], Principal | None],
    event: Event | None,
    error: type[Exception],
    auth: AuthService,
    clock: MovedClock,
) -> None:
    token = await token_for(auth, None)
    await authenticate(auth, Credential(token), TARGET)
    if event is None:
        clock.move(auth.settings.access_token_seconds)
    else:
        auth.revocations.add(event, clock.now())
    with pytest.raises(error):
        ask(auth, token)


async def test_the_proof_of_another_key_is_refused(auth: AuthService) -> None:
    token = await token_for(auth, KeyHolder().thumbprint)
    error = await refused(auth, Credential(token, DPOP, proof(auth, token)))
    assert (error.rule, error.error) == ("another key", "invalid_token")


async def test_a_bad_token_is_refused_before_its_proof_is_looked_at(auth: AuthService) -> None:
    with pytest.raises(InvalidToken):
        await authenticate(auth, Credential("a.b.c", DPOP, "x"), TARGET)


async def test_a_proof_is_accepted_once_by_all_processes(
    auth: AuthService, clock: MovedClock
) -> None:
    token = await token_for(auth, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(auth, token))
    database = Database(auth.services.database.url.render_as_string(hide_password=False))
    other = await auth_of(database, clock)
    assert await authenticate(other, shown, TARGET)
    for process in (auth, other):
        assert (await refused(process, shown)).rule == "replay"
    await database.close()


async def test_a_proof_that_was_refused_was_not_used(auth: AuthService) -> None:
    token = await token_for(auth, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(auth, token))
    with pytest.raises(InvalidProof):
        await authenticate(auth, shown, Target("POST", "/elsewhere"))
    assert await authenticate(auth, shown, TARGET)


async def test_bound_tokens_are_unavailable_while_the_database_is_away(
    sqlite_url: str, clock: MovedClock, tmp_path: Any
) -> None:
    database = Database(sqlite_url)
    auth = await auth_of(database, clock)
    token = await token_for(auth, HOLDER.thumbprint)
    await database.close()
    (tmp_path / "watchword.db").unlink()
    (tmp_path / "watchword.db").mkdir()
    with pytest.raises(Unavailable):
        await authenticate(auth, Credential(token, DPOP, proof(auth, token)), TARGET)


async def test_bound_tokens_are_unavailable_while_the_database_is_locked(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that timed out on a locked database gets 503, so that it retries: the token is valid."""
    auth = await auth_of(database, clock)
    token = await token_for(auth, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(auth, token))

    @asynccontextmanager
    async def busy() -> AsyncIterator[Any]:
        raise Conflict("Another writer was faster. Try again.")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(database, "write", busy)
        with pytest.raises(Unavailable):
            await authenticate(auth, shown, TARGET)
    assert await authenticate(auth, shown, TARGET)


@pytest.mark.parametrize(
    ("event", "refusal"),
    [
        (session_revoked("alice", "s1"), TokenRevoked),
        (roles_changed("alice", 2, []), TokenOutdated),
        (None, TokenExpired),
    ],
)
async def test_a_token_revoked_while_its_proof_is_stored_is_refused(
    auth: AuthService,
    clock: MovedClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    event: Event | None,
    refusal: type[Unauthenticated],
) -> None:
    caplog.set_level(logging.INFO)

    async def use_once(*_: Any) -> bool:
        if event is None:
            clock.move(600)
        else:
            auth.revocations.add(event, clock.now())
        return True

    monkeypatch.setattr(used_ids, "use_once", use_once)
    token = await token_for(auth, HOLDER.thumbprint)
    with pytest.raises(refusal):
        await authenticate(auth, Credential(token, DPOP, proof(auth, token)), TARGET)
    assert "a token was refused by the rule: " in caplog.text


async def test_the_settings_can_demand_that_every_token_is_bound(
    database: Database, clock: MovedClock
) -> None:
    auth = await auth_of(database, clock, dpop="required")
    error = await refused(auth, Credential(await token_for(auth, None)))
    assert (error.rule, error.error) == ("a token must be bound", "invalid_token")
    with pytest.raises(InvalidProof):
        proven_key(auth, request())


async def test_a_nonce_is_demanded_and_told(sqlite_url: str, clock: MovedClock) -> None:
    database = Database(sqlite_url)
    auth = await auth_of(database, clock, dpop_nonce=True)
    token = await token_for(auth, HOLDER.thumbprint)
    error = await refused(auth, Credential(token, DPOP, proof(auth, token)))
    assert isinstance(error, NonceNeeded)
    assert (error.error, error.nonce) == ("use_dpop_nonce", nonce(auth))
    shown = Credential(token, DPOP, proof(auth, token, nonce=error.nonce))
    assert await authenticate(auth, shown, TARGET)
    clock.move(2 * NONCE_SECONDS)
    token = await token_for(auth, HOLDER.thumbprint)
    stale = Credential(token, DPOP, proof(auth, token, nonce=error.nonce))
    assert isinstance(await refused(auth, stale), NonceNeeded)
    await database.close()


async def test_a_nonce_is_valid_while_the_encryption_key_changes(
    sqlite_url: str, clock: MovedClock
) -> None:
    """One process was restarted with the new encryption key first, the other was not."""
    database = Database(sqlite_url)
    old, new = (ENCRYPTION_KEY, NEW_KEY), (NEW_KEY, ENCRYPTION_KEY)
    ahead = await auth_of(database, clock, dpop_nonce=True, encryption_keys=new)
    behind = await auth_of(database, clock, dpop_nonce=True, encryption_keys=old)
    assert nonce(ahead) != nonce(behind)
    for told, asked in ((ahead, behind), (behind, ahead)):
        shown = request(("dpop", proof(asked, nonce=nonce(told))))
        assert proven_key(asked, shown).key == HOLDER.thumbprint
    await database.close()


async def test_a_route_gets_the_principal(auth: AuthService) -> None:
    token = await token_for(auth, None)
    bearer = request(("authorization", f"Bearer {token}"))
    assert (await principal_of(auth, bearer)).subject == "alice"
    bound = await token_for(auth, HOLDER.thumbprint)
    shown = request(("authorization", f"DPoP {bound}"), ("dpop", proof(auth, bound)))
    assert (await principal_of(auth, shown)).key == HOLDER.thumbprint
    with pytest.raises(InvalidProof):
        await principal_of(auth, request(("authorization", f"Bearer {bound}")))


@pytest.mark.parametrize("value", ["", "Basic a", "Bearer a b", "Bearer"])
async def test_a_route_with_a_bad_token_is_never_anonymous(auth: AuthService, value: str) -> None:
    with pytest.raises(Unauthenticated):
        await principal_of(auth, request(("authorization", value)))


async def test_the_log_says_which_rule_and_never_the_proof(
    auth: AuthService, caplog: pytest.LogCaptureFixture
) -> None:
    token = await token_for(auth, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(auth, token, htm="GET"))
    with caplog.at_level(logging.INFO):
        await refused(auth, shown)
    assert "a proof was refused by the rule: htm" in caplog.text
    assert token not in caplog.text
    assert str(shown.proof) not in caplog.text


async def test_a_used_proof_is_stored_while_it_is_valid(
    database: Database, clock: MovedClock
) -> None:
    auth = await auth_of(database, clock, dpop_seconds=300, leeway_seconds=5)
    token = await token_for(auth, HOLDER.thumbprint)
    shown = Credential(token, DPOP, proof(auth, token))
    assert await authenticate(auth, shown, TARGET)
    clock.move(305)
    await used_ids.prune(database, clock.now())
    assert (await refused(auth, shown)).rule == "replay"
    clock.move(1)
    assert (await refused(auth, shown)).rule == "iat"
