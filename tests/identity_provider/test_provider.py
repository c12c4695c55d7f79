"""Single sign-on with a real OpenID provider: its tokens, its keys, and its outages."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.identity import sign_in_desk
from tests.support.identity_provider import IdentityProvider, identity_provider
from watchword.auth.service import AuthService
from watchword.errors import InvalidToken
from watchword.storage.database import Database
from watchword.trust import fetch
from watchword.trust.keys import COOL_DOWN

LIFETIME = fetch.UNSAID
ROLES = {"role_map": {"commander": "admin", "viewer": "keeper"}}


@pytest.fixture
def clock() -> MovedClock:
    """The provider is a separate process, and uses the machine's clock."""
    return MovedClock(time.time())


@pytest.fixture
async def auth(
    sqlite_url: str, clock: MovedClock, provider: IdentityProvider
) -> AsyncIterator[AuthService]:
    async with _trusting(sqlite_url, clock, provider) as auth:
        yield auth


@asynccontextmanager
async def _trusting(
    url: str, clock: MovedClock, provider: IdentityProvider, **entry: Any
) -> AsyncIterator[AuthService]:
    database = Database(url)
    trusted = [provider.setting(**ROLES, **entry)]
    async with sign_in_desk(database, clock, trusted_issuers=trusted) as desk:
        yield desk.auth
    await database.close()


async def test_a_person_who_signs_in_there_is_somebody_here(
    auth: AuthService, provider: IdentityProvider
) -> None:
    principal = await auth.verify(provider.sign_in("alice").access)
    assert principal.grants.roles == {"admin"}
    assert principal.grants.scopes == {"toys:all"}
    assert principal.client == "op|front"
    again = await auth.verify(provider.sign_in("alice").access)
    assert again.subject == principal.subject


async def test_a_machine_gets_in_with_its_client_credentials(
    auth: AuthService, provider: IdentityProvider
) -> None:
    principal = await auth.verify(provider.machine_token())
    assert principal.grants.roles == {"keeper"}
    assert principal.client == "op|machine"


@pytest.mark.parametrize("alg", ["RS256", "EdDSA", "PS256"])
async def test_other_algorithms_are_taken_when_the_settings_name_them(
    sqlite_url: str, clock: MovedClock, alg: str
) -> None:
    with identity_provider({"machine": {}}, alg) as provider:
        async with _trusting(sqlite_url, clock, provider, algorithms=[alg]) as auth:
            assert (await auth.verify(provider.machine_token())).client == "op|machine"


async def test_an_id_token_is_no_access_token(
    auth: AuthService, provider: IdentityProvider
) -> None:
    with pytest.raises(InvalidToken) as refused:
        await auth.verify(provider.sign_in("alice").id)
    assert refused.value.rule == "typ"


async def test_an_id_token_is_refused_even_where_types_are_not_told_apart(
    sqlite_url: str, clock: MovedClock, provider: IdentityProvider
) -> None:
    # The most permissive entry that the settings accept: any typ, and a claim that both kinds of token have.
    loose = {"types": [None, "JWT"], "required_claims": {"sub": None}, "audience": "front"}
    async with _trusting(sqlite_url, clock, provider, **loose) as auth:
        with pytest.raises(InvalidToken) as refused:
            await auth.verify(provider.sign_in("alice").id)
        assert refused.value.rule == "nonce"


async def test_a_token_for_another_audience_is_refused(
    sqlite_url: str, clock: MovedClock, provider: IdentityProvider
) -> None:
    async with _trusting(sqlite_url, clock, provider, audience="https://other.example") as auth:
        with pytest.raises(InvalidToken) as refused:
            await auth.verify(provider.machine_token())
        assert refused.value.rule == "aud"


async def test_a_key_that_the_provider_rotates_in_is_found(
    auth: AuthService, provider: IdentityProvider, clock: MovedClock
) -> None:
    old = provider.machine_token()
    await auth.verify(old)
    provider.rotate()
    clock.move(COOL_DOWN)
    await auth.verify(provider.machine_token())
    await auth.verify(old)


async def test_keys_serve_while_the_provider_is_dead_and_it_is_found_again(
    auth: AuthService, provider: IdentityProvider, clock: MovedClock
) -> None:
    tokens = [provider.machine_token() for _ in range(3)]
    await auth.verify(tokens[0])
    provider.kill()
    await auth.verify(tokens[1])
    clock.move(LIFETIME)
    await auth.verify(tokens[2])
    provider.start()
    clock.move(COOL_DOWN)
    # The restarted provider has new keys.
    await auth.verify(provider.machine_token())


async def test_a_provider_that_hangs_holds_nobody_up_for_long(
    auth: AuthService,
    provider: IdentityProvider,
    clock: MovedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokens = [provider.machine_token() for _ in range(2)]
    await auth.verify(tokens[0])
    provider.hang()
    monkeypatch.setattr(fetch, "LONGEST", 0.2)
    clock.move(LIFETIME)
    began = time.monotonic()
    await auth.verify(tokens[1])
    assert time.monotonic() - began < 5
