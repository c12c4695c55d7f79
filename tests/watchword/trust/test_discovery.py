"""Discovery of an issuer's keys, only from metadata that name this issuer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.issuer import JWKS, OAUTH, OPENID, FakeIssuer, fake_issuer
from watchword.trust.discovery import addresses, discover
from watchword.trust.fetch import FetchFailed

NOW = MovedClock().now()


async def failure(idp: FakeIssuer, **entry: Any) -> str:
    with pytest.raises(FetchFailed) as failed:
        await discover(idp.entry(**entry), NOW)
    return str(failed.value)


async def test_openid_discovery_names_the_keys(idp: FakeIssuer) -> None:
    assert (await discover(idp.entry(), NOW)).jwks_url == f"{idp.url}{JWKS}"
    assert idp.asked == [OPENID]


async def test_an_authorization_server_without_openid_is_asked_by_rfc_8414(idp: FakeIssuer) -> None:
    idp.say(OPENID, {}, 404)
    idp.say(OAUTH, {"issuer": idp.url, "jwks_uri": f"{idp.url}/k"})
    assert (await discover(idp.entry(), NOW)).jwks_url == f"{idp.url}/k"


async def test_a_url_in_the_settings_needs_no_discovery(idp: FakeIssuer) -> None:
    assert (await discover(idp.entry(jwks_url=f"{idp.url}/k"), NOW)).jwks_url == f"{idp.url}/k"
    assert idp.asked == []


@pytest.mark.parametrize("other", ["{}/", "{}/x", "https://idp.example", "", None, 1, ["{}"]])
async def test_metadata_of_another_issuer_are_refused(idp: FakeIssuer, other: Any) -> None:
    named = other.format(idp.url) if isinstance(other, str) else other
    idp.say(OPENID, {"issuer": named, "jwks_uri": f"{idp.url}{JWKS}"})
    assert "another issuer" in await failure(idp)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/k", "https://evil.example/k", "file:///etc/passwd", "/jwks", "", None, 1, {}],
)  # fmt: skip
async def test_keys_at_another_place_are_refused(idp: FakeIssuer, url: Any) -> None:
    idp.say(OPENID, {"issuer": idp.url, "jwks_uri": url})
    assert "settings" in await failure(idp)


async def test_keys_at_another_place_that_the_settings_name_are_found(idp: FakeIssuer) -> None:
    with fake_issuer() as other:
        idp.say(OPENID, {"issuer": idp.url, "jwks_uri": f"{other.url}{JWKS}"})
        found = await discover(idp.entry(hosts=[f"127.0.0.1:{other.port}"]), NOW)
        assert found.jwks_url == f"{other.url}{JWKS}"


async def test_an_issuer_that_fails_is_not_asked_another_way(idp: FakeIssuer) -> None:
    idp.say(OPENID, {}, 500)
    assert "500" in await failure(idp)
    assert idp.asked == [OPENID]


def test_the_well_known_addresses() -> None:
    assert addresses("https://idp.example/realms/one") == (
        "https://idp.example/realms/one/.well-known/openid-configuration",
        "https://idp.example/.well-known/oauth-authorization-server/realms/one",
    )
    assert addresses("https://idp.example/") == (
        "https://idp.example/.well-known/openid-configuration",
        "https://idp.example/.well-known/oauth-authorization-server",
    )
