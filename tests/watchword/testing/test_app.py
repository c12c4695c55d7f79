"""The app under test has a clock, a database and an address of its own, and starts anew for each test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from fastapi import Depends, FastAPI
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from sqlalchemy import create_engine, text

from tests.support import toy_schema
from tests.support.toy_app import MOUNT
from watchword.auth.accounts.accounts import list_accounts
from watchword.config.settings import Settings
from watchword.events.event import Event
from watchword.mounting.asgi_app import Watchword
from watchword.mounting.dependencies import requires
from watchword.permissions.field import HasScope
from watchword.testing import App
from watchword.transaction import Transaction


@pytest.fixture
def watchword_settings() -> Mapping[str, Any]:
    return {"access_token_seconds": 300, "issuer": "https://shop.example/inner"}


@pytest.fixture(scope="session")
def watchword_app() -> FastAPI:
    """An app with a route of its own, and Watchword below a path."""
    inner = Watchword(toy_schema.schema, Settings(_env_file=None), domain=MOUNT.domain)
    app = FastAPI(lifespan=inner.lifespan)
    app.mount("/inner", inner)

    @app.get("/count", dependencies=[Depends(requires(HasScope("toys:count")))])
    def count() -> int:
        return 3

    return app


async def test_the_clock_stands_still_until_it_is_moved(watchword: App) -> None:
    before = watchword.clock.now()
    assert abs(before - time.time()) < 60
    await asyncio.sleep(0.001)
    watchword.clock.move(90)
    assert watchword.clock.now() == before + 90


async def test_routes_beside_it_obey_tokens_as_graphql_does(watchword: App) -> None:
    keeper, child = watchword.as_user(roles=["keeper"]), watchword.as_user()
    assert watchword.path == "/inner"
    assert await keeper.query("{ count }") == {"count": 3}
    codes = [(await each.get("/count")).status_code for each in (keeper, child)]
    assert codes == [200, 403]
    watchword.clock.move(watchword.settings.access_token_seconds)
    assert (await keeper.get("/count")).status_code == 401
    assert watchword.settings.access_token_seconds == 300


async def test_other_clients_find_it_on_the_network(watchword: App) -> None:
    ann = watchword.as_user(roles=["keeper"])
    assert watchword.url == watchword.url
    # The client blocks the test's event loop, and not the app's.
    answer = httpx2.get(f"{watchword.url}/count", headers={"authorization": f"Bearer {ann.token}"})
    assert answer.json() == 3
    transport = WebsocketsTransport(
        f"{watchword.url.replace('http', 'ws')}/inner/graphql",
        init_payload={"authorization": f"Bearer {ann.token}"},
    )
    async with Client(transport=transport) as session:
        assert await session.execute(gql("{ me }")) == {"me": ann.id}


async def test_the_server_itself_writes_rows_and_events_or_neither(watchword: App) -> None:
    async def count(unit: Transaction) -> int:
        unit.publish(Event(toy_schema.STREAM, "bear", "made"))
        return len(await list_accounts(unit.db))

    async def fail(unit: Transaction) -> None:
        unit.publish(Event(toy_schema.STREAM, "fox", "made"))
        raise LookupError("no")

    async with watchword.anonymous.subscribe("subscription { made { name } }") as toys:
        assert watchword.write(count) == 1
        with pytest.raises(LookupError, match="no"):
            watchword.write(fail)
        with pytest.raises(TypeError, match="`write` takes an async function"):
            watchword.write(lambda unit: unit.publish(Event(toy_schema.STREAM, "hen", "made")))  # type: ignore[arg-type, return-value]
        assert await toys.next() == {"made": {"name": "bear"}}
        await toys.quiet()


@pytest.mark.parametrize("number", [1, 2])
def test_no_test_sees_what_another_has_written(number: int, watchword: App) -> None:
    watchword.as_user(email="ann@example.com")
    url = watchword.database_url.replace("+aiosqlite", "")
    with create_engine(url).connect() as db:
        assert db.scalar(text("SELECT count(*) FROM watchword_accounts")) == 2
    assert watchword.settings.home.is_dir()
