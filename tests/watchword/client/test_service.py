"""A service's session: by secret and by key, renewed early, revoked, disabled."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.site import LIFE, Site
from tests.support.watcher import watching
from watchword.client import Refused, Server, Service, SigningKey

ADD = "mutation A($input: AddClientInput!) { addClient(input: $input) { secret client { id } } }"
VIEWER = "{ viewer { scopes } }"
ISSUER = "http://127.0.0.1:8000"


async def add(site: Site, **more: Any) -> tuple[str, str]:
    """Register a client; return its id, and its secret if it has one."""
    scopes = ["incidents:read", "incidents:write"]
    given = {"name": "Follower", "grants": ["CLIENT_CREDENTIALS"], "scopes": scopes} | more
    made = (await site.ask(ADD, input=given))["addClient"]
    return made["client"]["id"], made["secret"]


def at(site: Site, key: SigningKey | None = None) -> Server:
    return Server(site.url, issuer=ISSUER, key=key, now=site.clock.now)


async def scopes(service: Service) -> set[str]:
    return set((await service.execute(VIEWER))["viewer"]["scopes"])


async def test_it_asks_with_its_secret_for_all_that_it_may_have_or_for_less(site: Site) -> None:
    client, secret = await add(site)
    async with Service(at(site), client, secret=secret) as service:
        assert await scopes(service) == {"incidents:read", "incidents:write"}
    async with Service(at(site), client, secret=secret, scopes=["incidents:read"]) as service:
        assert await scopes(service) == {"incidents:read"}
    async with Service(at(site), client, secret=secret, scopes=["members:read"]) as service:
        with pytest.raises(Refused, match="invalid_scope"):
            await service.token()


async def test_a_key_authenticates_it_and_another_binds_its_tokens(site: Site) -> None:
    key = SigningKey.generate()
    key.kid = "2026-01"
    jwks = {"keys": [{**key._public, "kid": key.kid, "use": "sig", "alg": key.algorithm}]}
    client, secret = await add(site, authentication="KEY", jwks=jwks, needsDpop=True)
    assert secret is None
    async with Service(at(site, SigningKey.generate()), client, key=key) as service:
        token = await service.token()
        assert token is not None
        assert token.scheme == "DPoP"
        async with watching(site, service) as watcher:
            site.clock.move(2 * LIFE)
            await watcher.hears(site)


@pytest.mark.parametrize("binds", [False, True])
async def test_with_a_clock_that_is_wrong_its_assertions_have_the_time_of_the_server(
    binds: bool, sqlite_url: str
) -> None:
    key = SigningKey.generate()
    key.kid = "2026-01"
    jwks = {"keys": [{**key._public, "kid": key.kid, "use": "sig", "alg": key.algorithm}]}
    # The server's clock is the machine's, because that is what the answers' Date says.
    site = Site(sqlite_url, MovedClock(time.time()), dpop_nonce=True)
    await site.prepare()
    await site.start()
    try:
        client, _ = await add(site, authentication="KEY", jwks=jwks, needsDpop=binds)
        for error in (3_600, -3_600):
            proving = SigningKey.generate() if binds else None
            now = partial(add_to, site, error)
            async with Service(
                Server(site.url, issuer=ISSUER, key=proving, now=now), client, key=key
            ) as service:
                assert await scopes(service) == {"incidents:read", "incidents:write"}
    finally:
        await site.stop()


def add_to(site: Site, seconds: float) -> float:
    return site.clock.now() + seconds


async def test_it_follows_over_the_end_and_the_revocation_of_its_tokens(site: Site) -> None:
    client, secret = await add(site)
    async with (
        Service(at(site), client, secret=secret) as service,
        watching(site, service) as watcher,
    ):
        site.clock.move(2 * LIFE)
        await watcher.hears(site)
        await site.ask("mutation R($id: ID!) { revokeClient(client: $id) { id } }", id=client)
        missed = await site.open()
        await watcher.hears(site)
        assert missed in watcher.opened


async def test_a_client_that_was_disabled_is_told_so(site: Site) -> None:
    client, secret = await add(site)
    async with (
        Service(at(site), client, secret=secret) as service,
        watching(site, service) as watcher,
    ):
        await watcher.hears(site)
        seen = list(site.opened)
        await site.ask("mutation D($id: ID!) { disableClient(client: $id) { id } }", id=client)
        error = await watcher.end()
        assert isinstance(error, Refused)
        assert error.error == "invalid_client"
        await site.open()
        site.opened[:] = seen


async def test_a_wrong_secret_is_refused_and_written_nowhere(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    client, _ = await add(site)
    async with Service(at(site), client, secret="wrong:%secret") as service:
        with pytest.raises(Refused, match="invalid_client") as caught:
            await service.token()
    assert "wrong" not in caplog.text + str(caught.value)


def test_it_has_a_secret_or_a_key() -> None:
    for given in ({}, {"secret": "s", "key": SigningKey.generate()}):
        with pytest.raises(ValueError, match="either"):
            Service("http://127.0.0.1", "client_1", **given)  # type: ignore[arg-type]
