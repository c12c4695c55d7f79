"""A server around the toy schema whose spans are kept in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.support.clock import MovedClock
from tests.support.spans import Recorder
from tests.support.toy_app import CREDENTIALS, MOUNT, prepared
from tests.support.toy_server import serving
from watchword.app import App, create_app
from watchword.domain import Mount


@dataclass
class Traced:
    """A running server, its address, and the recorder of its spans. What prepared it is not in there."""

    url: str
    app: App
    recorder: Recorder
    client: httpx2.AsyncClient
    token: str

    async def ask(self, query: str, **more: Any) -> Any:
        headers = {"authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        body = {"query": query, **more}
        return (await self.client.post("/graphql", json=body, headers=headers)).json()


Serve = Callable[..., AbstractAsyncContextManager[Traced]]


@pytest.fixture
def serve(sqlite_url: str, clock: MovedClock) -> Serve:
    """Serve for a block. `recorder` records, `mount` is the schema; the rest are settings."""

    @asynccontextmanager
    async def made(
        recorder: Recorder | None = None, mount: Mount = MOUNT, **settings: Any
    ) -> AsyncIterator[Traced]:
        recorder = recorder or Recorder()
        read = await prepared(sqlite_url, clock, **settings)
        app = create_app(read, mount, clock, recorder.tracing)
        async with (
            serving(app, read) as (url, _),
            httpx2.AsyncClient(base_url=url) as client,
        ):
            answer = await client.post("/api/auth/login", json=CREDENTIALS)
            recorder.clear()
            yield Traced(url, app, recorder, client, answer.json()["access_token"])

    return made
