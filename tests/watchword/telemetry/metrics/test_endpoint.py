"""/metrics is for Prometheus, and for nobody else."""

from __future__ import annotations

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_app import running

NOWHERE = {"metrics": "prometheus", "metrics_networks": ()}


async def test_it_is_not_there_unless_it_is_switched_on(
    database_url: str, clock: MovedClock
) -> None:
    async with running(database_url, clock) as app:
        assert (await app.client.get("/metrics")).status_code == 404


async def test_a_caller_without_a_token_from_elsewhere_is_challenged(
    database_url: str, clock: MovedClock
) -> None:
    async with running(database_url, clock, **NOWHERE) as app:
        answer = await app.client.get("/metrics")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="watchword"'
    assert "metrics:read" in answer.json()["error_description"]


@pytest.mark.parametrize(("token", "name"), [("forged", "invalid_token")])
async def test_a_refused_token_is_told_so(
    token: str, name: str, database_url: str, clock: MovedClock
) -> None:
    async with running(database_url, clock, **NOWHERE) as app:
        answer = await app.client.get("/metrics", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]) == (401, name)
    assert f'error="{name}"' in answer.headers["www-authenticate"]


async def test_a_person_without_the_scope_is_refused(database_url: str, clock: MovedClock) -> None:
    async with running(database_url, clock, **NOWHERE) as app:
        headers = {"authorization": f"Bearer {await app.token()}"}
        answer = await app.client.get("/metrics", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_the_scope_is_not_in_the_metadata(database_url: str, clock: MovedClock) -> None:
    async with running(database_url, clock, metrics="prometheus") as app:
        said = (await app.client.get("/.well-known/oauth-authorization-server")).json()
    assert said["scopes_supported"] == ["toys:count"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_it_can_only_be_read(method: str, database_url: str, clock: MovedClock) -> None:
    async with running(database_url, clock, metrics="prometheus") as app:
        assert (await app.client.request(method, "/metrics")).status_code == 405
