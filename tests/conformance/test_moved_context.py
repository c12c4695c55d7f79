"""Resolvers that were written for the context of Strawberry's FastAPI router, over HTTP and over sockets."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import strawberry
from fastapi import FastAPI, Request
from strawberry.extensions import SchemaExtension
from strawberry.fastapi import BaseContext

from tests.support.clients import over_sse, over_websocket
from tests.support.documents import HOW_TO, block, run
from watchword.context import Context, Info
from watchword.domain import Domain
from watchword.events.event import Event
from watchword.events.sources import reads
from watchword.mounting.asgi_app import Watchword
from watchword.permissions.field import Public
from watchword.testing import App

PAGE = HOW_TO / "fastapi.md"
GREET = "{ greeting }"


class Booth(BaseContext):
    """A context class of a team, as for Strawberry's router."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.currency = "EUR"
        self.row = ""

    @property
    def caller(self) -> str:
        return self._context.principal.subject or "nobody"


@strawberry.type
class Query:
    @reads("prices")
    @strawberry.field
    def currency(self, info: strawberry.Info) -> str:
        return str(info.context.currency)

    @reads("prices")
    @strawberry.field
    def caller(self, info: strawberry.Info) -> str:
        return str(info.context.caller)

    @strawberry.field
    def row(self, info: strawberry.Info) -> str:
        return str(info.context.row)

    @strawberry.field
    def seen_by_middleware(self, info: strawberry.Info) -> str:
        return str(info.context["request"].state.seen)

    @reads("prices")
    @strawberry.field
    def greets(self, info: strawberry.Info, name: str) -> str:
        """Write into the head of the answer, as item and as attribute."""
        info.context["response"].headers["x-greets"] = name
        info.context.response.set_cookie("greeted", name, httponly=True)
        return name

    @strawberry.field
    def brews(self, info: strawberry.Info) -> str:
        info.context["response"].status_code = 418
        return "tea"


class ReadsRow(SchemaExtension):
    """Awaits what a `context_getter` would await."""

    async def on_operation(self) -> AsyncIterator[None]:
        context = self.execution_context.context
        await asyncio.sleep(0)
        context.row = f"the row of {context.caller}"
        yield


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def callers(self, info: Info) -> AsyncIterator[str]:
        async for _ in info.context.follow("prices"):
            yield f"{info.context.row} {info.context['request'].url.path}"  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def watchword_app() -> FastAPI:
    schema = strawberry.Schema(Query, subscription=Subscription, extensions=[ReadsRow])
    domain = Domain(context=Booth, default_permissions=[Public])
    app = FastAPI()
    app.include_router(Watchword(schema, domain=domain).router("/watchword"))

    @app.middleware("http")
    async def mark(request: Request, call_next: Any) -> Any:
        request.state.seen = "seen"
        return await call_next(request)

    return app


async def test_attributes_of_a_context_class_are_each_callers_own(watchword: App) -> None:
    ann, bob = watchword.as_user(), watchword.as_user()
    for caller, name in ((ann, ann.id), (bob, bob.id), (watchword.anonymous, "nobody")) * 2:
        assert await caller.query("{ currency caller }") == {"currency": "EUR", "caller": name}


async def test_what_an_extension_awaited_and_set_is_each_callers_own(watchword: App) -> None:
    ann, bob = watchword.as_user(), watchword.as_user()
    for caller in (ann, bob) * 3:
        assert await caller.query("{ row }") == {"row": f"the row of {caller.id}"}


async def test_what_middleware_found_is_in_the_state_of_the_request(watchword: App) -> None:
    assert await watchword.anonymous.query("{ seenByMiddleware }") == {"seenByMiddleware": "seen"}


async def test_what_a_resolver_writes_into_the_head_is_each_callers_own(watchword: App) -> None:
    ann, bob = watchword.as_user(), watchword.as_user()
    for caller in (ann, bob) * 2:
        query = f'{{ greets(name: "{caller.id}") }}'
        for asked in (
            await caller.post("/watchword/graphql", json={"query": query}),
            await caller.get("/watchword/graphql", params={"query": query}),
        ):
            assert asked.json() == {"data": {"greets": caller.id}}
            assert asked.headers["x-greets"] == caller.id
            assert asked.headers["set-cookie"].startswith(f"greeted={caller.id}; HttpOnly")
            assert asked.headers["cache-control"].endswith("no-store")


async def test_an_answer_with_a_cookie_is_kept_nowhere(watchword: App) -> None:
    asked: dict[str, Any] = {"params": {"query": '{ greets(name: "all") }'}}
    for _ in range(3):
        answer = await watchword.anonymous.get("/watchword/graphql", **asked)
        assert answer.headers["x-greets"] == "all"
        assert answer.headers["cache-control"].endswith("no-store")
        assert "etag" not in answer.headers


async def test_a_resolver_chooses_the_status(watchword: App) -> None:
    answer = await watchword.anonymous.post("/watchword/graphql", json={"query": "{ brews }"})
    assert (answer.status_code, answer.json()) == (418, {"data": {"brews": "tea"}})
    answer = await watchword.anonymous.post("/watchword/graphql", json={"query": "{ currency }"})
    assert answer.status_code == 200


@pytest.mark.parametrize("ask", [over_websocket, over_sse])
async def test_over_a_socket_or_a_stream_writing_into_the_head_says_where_to_send_it(
    ask: Any, watchword: App
) -> None:
    url = f"{watchword.url}/watchword/graphql"
    [answer] = [each async for each in ask(url, '{ greets(name: "x") }')]
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "plain HTTP" in error["message"]


async def test_each_event_of_a_socket_has_its_own_callers_context(watchword: App) -> None:
    ann, bob = watchword.as_user(), watchword.as_user()
    subscribe = "subscription { callers }"
    async with ann.subscribe(subscribe) as hers, bob.subscribe(subscribe) as his:
        for _ in range(2):
            watchword.publish(Event("prices", "tea", "CHANGED"))
            assert await hers.next() == {"callers": f"the row of {ann.id} /watchword/graphql"}
            assert await his.next() == {"callers": f"the row of {bob.id} /watchword/graphql"}


# Asks the app of the page before the change, by Strawberry's own view.
ASK_BEFORE = f"""
import greeting_app
from starlette.testclient import TestClient
client = TestClient(greeting_app.app)
asked = client.post("/graphql", json={{"query": "{GREET}"}}, auth=("ann", "x"), headers={{"accept-language": "de"}})
assert asked.json() == {{"data": {{"greeting": "Hallo, ann"}}}}, asked.text
"""
ASK_AFTER = f"""
import greeting_app

def test_the_same_resolver(watchword):
    shop = watchword.sync
    for ann in (shop.as_user(), shop.as_user()):
        for language, word in (("de", "Hallo"), ("en", "Hello")):
            asked = ann.post("/watchword/graphql", json={{"query": "{GREET}"}}, headers={{"accept-language": language}})
            assert asked.json() == {{"data": {{"greeting": f"{{word}}, {{ann.id}}"}}}}, asked.text
    assert greeting_app.engine.pool.checkedout() == 0
    assert shop.anonymous.refusal("{GREET}").code == "UNAUTHENTICATED"
"""


def test_the_app_of_the_page_answers_the_same_after_the_change(tmp_path: Path) -> None:
    app = tmp_path / "greeting_app.py"
    app.write_text(block(PAGE, "python", "# greeting_app.py"))
    # A pool, so that a session that is not closed is seen.
    app.write_text(app.read_text().replace('"sqlite+aiosqlite://"', '"sqlite+aiosqlite:///own.db"'))
    run(sys.executable, "-c", ASK_BEFORE, cwd=tmp_path)
    change = block(PAGE, "diff", "--- greeting_app.py").replace(
        '"sqlite+aiosqlite://"', '"sqlite+aiosqlite:///own.db"'
    )
    patch = ["patch", "--fuzz=0"]
    subprocess.run(patch, input=change, text=True, cwd=tmp_path, check=True, timeout=60)
    (tmp_path / "test_greeting.py").write_text(ASK_AFTER)
    ini = "[pytest]\nwatchword_mount = greeting_app:app\npythonpath = .\n"
    (tmp_path / "pytest.ini").write_text(ini)
    said = run(sys.executable, "-m", "pytest", "-q", "-n", "0", cwd=tmp_path)
    assert "1 passed" in said
