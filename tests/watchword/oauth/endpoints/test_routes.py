"""The authorization server's endpoints are where its metadata says, and take the right methods."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.support.clock import MovedClock
from tests.support.oauth import token_desk
from watchword.storage.database import Database


async def test_every_endpoint_of_the_metadata_is_there(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        response = await desk.desk.client.get("/.well-known/oauth-authorization-server")
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "public, max-age=3600"
        asked = await desk.desk.client.head("/.well-known/oauth-authorization-server")
        assert (asked.status_code, asked.headers) == (200, response.headers)
        said = response.json()
        for name in ("token_endpoint", "revocation_endpoint", "introspection_endpoint"):
            assert (await desk.desk.client.post(said[name], data={"a": "b"})).status_code == 401
            assert (await desk.desk.client.get(said[name])).status_code == 405
        keys = await desk.desk.client.get(urlsplit(said["jwks_uri"]).path)
        assert keys.json()["keys"]
