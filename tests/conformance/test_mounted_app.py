"""The FastAPI app of docs/how-to/fastapi.md, in a process of its own, under each ASGI server."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.fastapi_page import BEFORE, CHANGE, shop_app
from tests.support.mounted_shop import EMAIL, PATIENCE, Shop, bearer, close_of
from tests.support.other_servers import SERVERS
from watchword.tokens.jose.compact import decode


def last_event(url: str, token: str, began: threading.Event) -> list[str]:
    """Follow the orders by server-sent events until the server ends them; return the lines."""
    headers = bearer(token) | {"accept": "text/event-stream"}
    body = {"query": "subscription { orders }"}
    with httpx2.stream(
        "POST", f"{url}/watchword/graphql", json=body, headers=headers, timeout=PATIENCE
    ) as response:
        began.set()
        return [*response.iter_lines()]


@pytest.fixture(scope="module", params=SERVERS)
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    running = Shop(request.param, tmp_path_factory.mktemp(request.param))
    yield running
    running.stop()


# Asks the app before the change, which has its own sign-in and Strawberry's own view.
ASK_BEFORE = """
import shop_app
from starlette.testclient import TestClient
client = TestClient(shop_app.app)
client.post("/register", params={"email": "ada@example.com", "password": "secret"})
moved = [client.put("/city/Bern", auth=auth).status_code for auth in (None, ("ada@example.com", "secret"))]
menu = client.post("/graphql", json={"query": "{ menu }"}).json()
assert (moved, menu) == ([401, 200], {"data": {"menu": ["tea", "coffee"]}}), (moved, menu)
"""


def test_an_app_of_sixty_lines_mounts_it_in_under_ten(tmp_path: Path) -> None:
    (tmp_path / "shop_app.py").write_text(BEFORE)
    subprocess.run([sys.executable, "-c", ASK_BEFORE], cwd=tmp_path, check=True, timeout=PATIENCE)
    before, after = ([line for line in text.splitlines() if line] for text in (BEFORE, shop_app()))
    added = [line for line in CHANGE.splitlines() if line.startswith("+") and line[1:3] != "++"]
    assert len(before) >= 60
    assert len(added) < 10
    assert [line for line in after if line not in before] == [line[1:] for line in added]


def test_its_own_routes_and_middleware_work_beside_it(shop: Shop) -> None:
    refused = shop.client.put("/city/Bern")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (
        401,
        'Bearer realm="watchword"',
    )
    moved = shop.client.put("/city/Bern", headers=bearer(shop.token()))
    assert moved.status_code == 200
    below = shop.client.get("/watchword/health/live")
    assert [each.headers["x-served-by"] for each in (refused, moved, below)] == ["shop"] * 3


def test_metadata_and_keys_are_where_clients_look(shop: Shop) -> None:
    told = shop.client.get("/.well-known/oauth-authorization-server/watchword").json()
    assert told["issuer"] == f"{shop.url}/watchword"
    assert shop.client.get(told["jwks_uri"]).json()["keys"]
    page = shop.client.get("/watchword/graphql", headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")


def test_logout_refuses_the_token_everywhere_and_closes_the_socket(shop: Shop) -> None:
    token = shop.token()
    assert shop.client.get("/orders", headers=bearer(token)).json() == ["tea"]
    with shop.subscribed(token) as client:
        said = {"refresh_token": shop.refresh}
        assert shop.client.post("/watchword/api/auth/logout", json=said).status_code == 204
        assert close_of(client) == 4401
    for refused in (
        shop.client.get("/orders", headers=bearer(token)),
        shop.ask("{ menu }", token),
    ):
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_a_password_that_the_users_table_refuses_is_refused(shop: Shop) -> None:
    said = {"email": EMAIL, "password": "another one", "delivery": "body"}
    assert shop.client.post("/watchword/api/auth/login", json=said).status_code == 401
    claims = json.loads(decode(shop.token().split(".")[1]))
    assert (claims["sub"], claims["roles"]) == ("1", ["customer"])


def test_subscriptions_deliver(shop: Shop) -> None:
    token = shop.token()
    with shop.subscribed(token) as client:
        assert shop.ask('mutation { order(item: "tea") }', token).json()["data"] == {"order": "tea"}
        assert json.loads(client.recv(PATIENCE))["payload"]["data"] == {"orders": "tea"}


@pytest.mark.parametrize("kind", ["hypercorn", "hypercorn workers"])
def test_hypercorn_ends_event_streams_with_a_last_event(kind: str, tmp_path: Path) -> None:
    # Starlette's middleware of this kind cuts what is written after a cancellation.
    shop = Shop(kind, tmp_path, without='@app.middleware("http")\n')
    began, lines = threading.Event(), list[str]()
    token = shop.token()
    follow = threading.Thread(target=lambda: lines.extend(last_event(shop.url, token, began)))
    follow.start()
    assert began.wait(PATIENCE)
    shop.stop()
    follow.join(PATIENCE)
    assert "DRAINING" in "".join(lines)
    assert "event: complete" in lines


@pytest.mark.parametrize("kind", [*SERVERS, "hypercorn workers"])
def test_a_server_that_stops_tells_its_sockets_to_come_back(kind: str, tmp_path: Path) -> None:
    shop = Shop(kind, tmp_path)
    with shop.subscribed(shop.token()) as client:
        stopping = threading.Thread(target=shop.stop)
        stopping.start()
        # granian ends its threads at once, perhaps before the reason is written. Clients come back after both.
        assert close_of(client) in ((1012, 1006) if kind == "granian" else (1012,))
    stopping.join(PATIENCE)
    assert "Traceback" not in "".join(shop.output)
