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
