"""The app is started and stopped as by a server, and its errors are those of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.support import toy_schema
from tests.support.toy_app import MOUNT
from watchword.config.settings import Settings
from watchword.errors import Unsafe
from watchword.mounting.asgi_app import Watchword
from watchword.testing.app import App, served
from watchword.testing.databases import Databases
from watchword.testing.mounted import target

GRAPHQL_WS = Subprotocol("graphql-transport-ws")


def app_with(steps: list[str], failing: str = "") -> FastAPI:
    inner = Watchword(toy_schema.schema, Settings(_env_file=None), domain=MOUNT.domain)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with inner.lifespan(app):
            steps.append("started")
            if failing == "start":
                raise LookupError("no start")
            yield
            steps.append("stopped")
            if failing == "stop":
                raise LookupError("no stop")

    app = FastAPI(lifespan=lifespan)
    app.mount("/inner", inner)
    return app


@contextmanager
def serve(app: Any, folder: Path, over: str = "process") -> Iterator[App]:
    databases = Databases(folder)
    try:
        with served(app, {}, "", databases, folder, over) as made:
            yield made
    finally:
        databases.close()


def test_an_app_is_started_once_for_each_test_and_stopped(tmp_path: Path) -> None:
    steps: list[str] = []
    app = app_with(steps)
    for number in ("one", "two"):
        (tmp_path / number).mkdir()
        with serve(app, tmp_path / number) as served_app:
            assert steps.pop() == "started"
            assert served_app.sync.as_user().query("{ hello }") == {"hello": "hello world"}
        assert steps.pop() == "stopped"


def test_the_app_has_its_own_settings_and_clock_again_after_a_test(tmp_path: Path) -> None:
    app = app_with([])
    inner = target(app).watchword
    before = inner.settings, inner.pipeline
    with serve(app, tmp_path) as made:
        assert inner.settings is made.settings
        assert inner.pipeline is not before[1]
    assert (inner.settings, inner.pipeline) == before


def test_connections_that_are_left_open_do_not_hold_it(tmp_path: Path) -> None:
    with serve(app_with([]), tmp_path) as app:
        app.sync.anonymous.subscribe("subscription { made { name } }").__enter__()


def test_other_clients_that_are_connected_at_the_end_are_told_to_come_back(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with serve(app_with([]), tmp_path) as app:
            url = app.url.replace("http", "ws") + "/inner/graphql"
            client = stack.enter_context(connect(url, subprotocols=[GRAPHQL_WS], proxy=None))
            client.send('{"type": "connection_init"}')
            assert "connection_ack" in client.recv(10)
        with pytest.raises(ConnectionClosed):
            client.recv(10)
        assert client.close_code == 1012


@pytest.mark.parametrize("failing", ["start", "stop"])
def test_the_apps_own_error_is_raised(failing: str, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=f"no {failing}"), serve(app_with([], failing), tmp_path):
        assert failing == "stop"


def test_an_app_that_does_not_start_watchword_is_told_how(tmp_path: Path) -> None:
    app = FastAPI()
    app.mount("/inner", Watchword(toy_schema.schema, Settings(_env_file=None), domain=MOUNT.domain))
    with pytest.raises(Unsafe, match="its lifespan must be passed on"), serve(app, tmp_path):
        pass


def test_another_way_to_reach_it_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="over process or sockets, not over 'pigeons'"),
        serve(app_with([]), tmp_path, "pigeons"),
    ):
        pass
