"""An `HttpClient` of Strawberry's own tests, in front of a Watchword server on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
import strawberry
import uvicorn
from strawberry.subscriptions import GRAPHQL_WS_PROTOCOL
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.http.clients.base import HttpClient, Message, Response, WebSocketClient
from watchword import Domain, Public, Watchword
from watchword.cli.serve import config
from watchword.config.settings import Settings

PATIENCE = 20
# What Watchword adds to the extensions of each error.
ADDED = {"code", "id", "path", "requires"}
# What the views of their tests add to the context.
CONTEXT = {"custom_value": "a value from context"}
INCREMENTAL = ("@defer", "@stream")


class Server:
    """A Watchword server for a schema, in a thread of its own."""

    def __init__(self, schema: strawberry.Schema, **settings: Any) -> None:
        self.schema = schema
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read = Settings(
            _env_file=None,
            home=Path(self._home.name),
            admin_password="correct horse battery staple",
            drain_seconds=0,
            **settings,
        )
        domain = Domain(default_permissions=[Public], context=lambda _: dict(CONTEXT))
        app = Watchword(schema, read, domain=domain)
        self._server = uvicorn.Server(config(app, read, lifespan="on", port=0))
        started, startup = threading.Event(), self._server.startup

        async def announce(sockets: Any = None) -> None:
            await startup(sockets)
            started.set()

        self._server.startup = announce  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        assert started.wait(PATIENCE), "the server did not start"
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        self._home.cleanup()


# By the schema, which a server keeps alive, and the settings.
_kept: dict[tuple[Any, ...], Server] = {}


def serve(schema: strawberry.Schema, **settings: Any) -> Server:
    """Return a running server; the same one for the same schema and settings."""
    key = (id(schema), *sorted(settings.items()))
    if key not in _kept:
        _kept[key] = Server(schema, **settings)
    return _kept[key]


class WatchwordClient(HttpClient):
    """The client that the tests get. Options that Watchword lacks fail the test, with the name of the option."""

    def __init__(
        self,
        schema: strawberry.Schema,
        graphql_ide: str | None = "graphiql",
        allow_queries_via_get: bool = True,
        keep_alive: bool = False,
        keep_alive_interval: float = 1,
        subscription_protocols: Sequence[str] | None = None,
        connection_init_wait_timeout: timedelta = timedelta(minutes=1),
        result_override: Any = None,
        multipart_uploads_enabled: bool = False,
        max_subscriptions_per_connection: int | None = 100,
        graphiql: bool | None = None,
    ) -> None:
        if not allow_queries_via_get:
            pytest.fail("no such option: allow_queries_via_get=False")
        if result_override is not None:
            pytest.fail("no such option: process_result")
        if subscription_protocols is not None and {*subscription_protocols} <= {
            GRAPHQL_WS_PROTOCOL
        }:
            pytest.fail("no such option: subscription_protocols")
        if graphql_ide not in (None, "graphiql"):
            pytest.fail(f"no such option: graphql_ide={graphql_ide!r}")
        seconds = connection_init_wait_timeout.total_seconds()
        self._server = serve(
            schema,
            explorer=graphql_ide is not None,
            uploads=multipart_uploads_enabled,
            init_timeout_seconds=seconds or 0.001,
            max_operations=max_subscriptions_per_connection or 100_000,
        )
        self._origin = f"http://127.0.0.1:{self._server.port}"

    async def _graphql_request(
        self,
        method: Literal["get", "post"],
        query: str | None = None,
        operation_name: str | None = None,
        variables: dict[str, object] | None = None,
        files: dict[str, BytesIO] | None = None,
        headers: dict[str, str] | None = None,
        extensions: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Response:
        body = self._build_body(
            query=query,
            operation_name=operation_name,
            variables=variables,
            files=files,
            method=method,
            extensions=extensions,
        )
        if method == "get":
            kwargs["params"] = body
        elif body:
            kwargs |= {"data": body} if files else {"content": json.dumps(body)}
        if files is not None:
            kwargs["files"] = files
        given = self._get_headers(method=method, headers=headers, files=files)
        if any(directive in (query or "") for directive in INCREMENTAL):
            # Strawberry's views answer in parts whatever the client accepts.
            given = {"accept": "multipart/mixed", **given}
        return await self._send(method, "/graphql", headers=given, **kwargs)

    async def request(
        self, url: str, method: str, headers: dict[str, str] | None = None
    ) -> Response:
        return await self._send(method, url, headers=headers)

    async def get(self, url: str, headers: dict[str, str] | None = None) -> Response:
        return await self._send("get", url, headers=headers)

    async def post(
        self,
        url: str,
        data: Any = None,
        json: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        given = {"content": data} if data is not None else {"json": json}
        return await self._send("post", url, headers=headers, **given)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, **given: Any
    ) -> Response:
        # Some tests name a header twice, in capitals and without.
        headers = {name.lower(): value for name, value in (headers or {}).items()}
        if given.get("files") or headers.get("content-type", "").startswith("multipart/"):
            headers["graphql-require-preflight"] = "1"
        async with httpx2.AsyncClient(base_url=self._origin, timeout=PATIENCE) as client:
            answer = await client.request(method.upper(), url, headers=headers, **given)
        return Response(answer.status_code, _plain(answer), headers=dict(answer.headers))

    @contextlib.asynccontextmanager
    async def ws_connect(
        self, url: str, *, protocols: list[str]
    ) -> AsyncGenerator[WebSocketClient, None]:
        address = self._origin.replace("http", "ws") + url
        async with connect(address, subprotocols=protocols, proxy=None) as socket:  # type: ignore[arg-type]
            yield SocketClient(socket)


def _plain(answer: httpx2.Response) -> bytes:
    """Return the body, without the codes that Watchword adds to errors if it is JSON."""
    if not answer.content or "json" not in answer.headers.get("content-type", ""):
        return answer.content
    return json.dumps(without_codes(answer.json())).encode()


def without_codes(value: Any) -> Any:
    """Return an answer or a message without the members that Watchword adds to the extensions of each error."""
    if isinstance(value, list):
        return [without_codes(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: without_codes(each) for name, each in value.items()}
    if "message" in made and isinstance(made.get("extensions"), dict):
        kept = {n: each for n, each in made["extensions"].items() if n not in ADDED}
        made = {name: each for name, each in made.items() if name != "extensions"}
        made |= {"extensions": kept} if kept else {}
    return made


class SocketClient(WebSocketClient):
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._closed = False

    async def send_text(self, payload: str) -> None:
        await self._socket.send(payload)

    async def send_json(self, payload: Mapping[str, object]) -> None:
        await self._socket.send(json.dumps(payload))

    async def send_bytes(self, payload: bytes) -> None:
        await self._socket.send(payload)

    async def receive(self, timeout: float | None = None) -> Message:
        try:
            async with asyncio.timeout(timeout or PATIENCE):
                return Message("websocket.send", await self._socket.recv())
        except ConnectionClosed:
            self._closed = True
            return Message("websocket.close", self.close_code, self.close_reason)

    async def receive_json(self, timeout: float | None = None) -> Any:
        message = await self.receive(timeout)
        assert message.type == "websocket.send", f"closed with {message.data} {message.extra}"
        return without_codes(json.loads(message.data))

    async def close(self) -> None:
        await self._socket.close()
        self._closed = True

    @property
    def accepted_subprotocol(self) -> str | None:
        return self._socket.subprotocol

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def close_code(self) -> int:
        code = self._socket.close_code
        assert code is not None
        return code

    @property
    def close_reason(self) -> str | None:
        return self._socket.close_reason


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests that try parts of Strawberry's views and no server."""
    items[:] = [each for each in items if "http_client_class" in getattr(each, "fixturenames", ())]


def pytest_sessionfinish() -> None:
    """Stop all servers."""
    for server in _kept.values():
        server.stop()
