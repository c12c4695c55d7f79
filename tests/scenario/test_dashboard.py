"""A real Prometheus scrapes a busy server, and each query of the dashboard's panels finds something."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.documents import HOW_TO, block
from tests.support.prometheus import LivePrometheus, live_prometheus
from tests.support.server import LiveServer, live_server
from watchword.telemetry.metrics.catalogue import ALL, OBSERVED, SPENT, WORKERS
from watchword.telemetry.metrics.prometheus import prometheus_name

DASHBOARD = json.loads((HOW_TO / "metrics/dashboard.json").read_text())
QUERIES = {
    f"{panel['title']}/{target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}
PATIENCE = 90
CHANGED = "subscription { incidentsChanged { kind incident { name } } }"
OPEN = 'mutation Open { openIncident(input: {name: "Slow", body: "On it.", impact: MAJOR}) { id } }'


class Busy:
    """Clients of all kinds, and all kinds of trouble."""

    def __init__(self, server: LiveServer, closing: ExitStack) -> None:
        self._server = server
        self._client = closing.enter_context(httpx2.Client(base_url=server.url, timeout=30))
        self._token = self._sign_in()["access_token"]
        self._followers = [closing.enter_context(self._socket()) for _ in range(3)]
        for follower in self._followers:
            follower.send(_subscribe(CHANGED))
        self._cursor = ""

    def turn(self) -> None:
        """Do each thing once."""
        for query in ("query Status { __typename }", "{ viewer { name } }", "query No { no }"):
            self._ask(query)
        self._ask("{ __schema { queryType { name } } }")
        self._ask(f"{{ {' '.join(f'a{number}: __typename' for number in range(51))} }}")
        self._ask(OPEN, self._token)
        self._ask("{ __typename }", "forged")
        self._client.get("/no/such/page")
        self._follow()
        self._refresh()

    def _ask(self, query: str, token: str = "") -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client.post("/graphql", json={"query": query}, headers=headers)

    def _sign_in(self) -> Any:
        body = {"email": self._server.email, "password": self._server.password, "delivery": "body"}
        return self._client.post("/api/auth/login", json=body).json()

    def _follow(self) -> None:
        for follower in self._followers:
            said = json.loads(follower.recv(timeout=30))
            self._cursor = said["payload"]["extensions"]["cursor"]
        with self._socket() as socket:
            socket.send(_subscribe(CHANGED, self._cursor))
        # A client that says nothing the protocol knows.
        with self._socket() as socket, suppress(ConnectionClosed):
            socket.send("{}")
            socket.recv(timeout=30)

    def _refresh(self) -> None:
        first = self._sign_in()["refresh_token"]
        given = first
        for _ in range(2):
            answer = self._client.post("/api/auth/refresh", json={"refresh_token": given}).json()
            given = answer["refresh_token"]
        self._client.post("/api/auth/refresh", json={"refresh_token": "x" * 67})
        self._client.post("/api/auth/logout", json={"refresh_token": given})

    @contextmanager
    def _socket(self) -> Iterator[ClientConnection]:
        url = f"{self._server.ws_url}/graphql"
        with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
            socket.send('{"type": "connection_init"}')
            assert json.loads(socket.recv(timeout=30))["type"] == "connection_ack"
            yield socket


def _subscribe(query: str, cursor: str = "") -> str:
    extensions = {"extensions": {"resume": cursor}} if cursor else {}
    payload = {"query": query, **extensions}
    return json.dumps({"type": "subscribe", "id": "1", "payload": payload})


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePrometheus]:
    """A Prometheus that has scraped a busy server until every panel found something, or for long enough."""
    folder = tmp_path_factory.mktemp("prometheus")
    manifest = folder / "manifest.json"
    manifest.write_text('{"one": "{ __typename }"}')
    settings = {"WATCHWORD_METRICS": "prometheus", "WATCHWORD_DOCUMENTS": str(manifest)}
    with (
        live_server(folder / "home", **settings) as server,
        live_prometheus(folder, server.url) as scraping,
        ExitStack() as closing,
    ):
        busy, deadline = Busy(server, closing), time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not all(found(scraping, q) for q in QUERIES.values()):
            busy.turn()
        yield scraping


def found(scraping: LivePrometheus, expression: str) -> bool:
    """Whether a query gives a number."""
    series = scraping.query(expression.replace("$__rate_interval", "10s"))
    return any(math.isfinite(float(each["value"][1])) for each in series)


pytestmark = [pytest.mark.exhaustive, pytest.mark.xdist_group("dashboard")]


@pytest.mark.parametrize("panel", QUERIES)
def test_a_panel_shows_something(panel: str, prometheus: LivePrometheus) -> None:
    assert found(prometheus, QUERIES[panel]), QUERIES[panel]


def test_prometheus_takes_every_metric(prometheus: LivePrometheus) -> None:
    [target] = prometheus.targets()
    assert (target["health"], target["lastError"]) == ("up", "")
    names = {each["metric"]["__name__"] for each in prometheus.query('{job="watchword"}')}
    # A server that is alone has no worker processes, the room observes no permission, and without budgets what callers
    # spend is counted only while limits are measured.
    absent = (WORKERS, OBSERVED, SPENT)
    ours = {prometheus_name(metric) for metric in ALL if metric not in absent}
    stems = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in names}
    assert ours <= stems | names


def test_prometheus_gets_its_own_token(tmp_path: Path) -> None:
    """The configuration in the documentation, for a server that lets nobody in without a token."""
    page = block(HOW_TO / "metrics.md", "yaml", "scrape_configs")
    with live_server(
        tmp_path / "home", WATCHWORD_METRICS="prometheus", WATCHWORD_METRICS_NETWORKS="[]"
    ) as server:
        said = server.run(
            "clients",
            "add",
            "Prometheus",
            "--grant",
            "client_credentials",
            "--scope",
            "metrics:read",
        )
        client = re.search(r"client_[\w-]+", said)
        secret = re.search(r"[Ss]ecret:?\s+(\S+)", said)
        assert client, said
        assert secret, said
        text = page.replace("CLIENT_ID", client[0]).replace("CLIENT_SECRET", secret[1])
        text = text.replace("http://127.0.0.1:8000", server.url)
        [job] = yaml.safe_load(text)["scrape_configs"]
        with live_prometheus(tmp_path, server.url, oauth2=job["oauth2"]) as scraping:
            # A scrape may take too long on a busy machine: then the next one counts.
            scraped, deadline = (
                "up{job='watchword'} == 1 and on() watchword_groups",
                time.monotonic(),
            )
            while not (came := scraping.query(scraped)) and time.monotonic() < deadline + PATIENCE:
                time.sleep(0.1)
            assert came, scraping.targets()
