"""The plugin works beside every async plugin and without one, under xdist, and costs others next to nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documents import HOW_TO, block, run
from tests.support.fastapi_page import shop_app

SHOP = """
import strawberry
from watchword import Domain, HasScope, Public, SignedIn, Info

@strawberry.type
class Query:
    @strawberry.field(permission_classes=[SignedIn])
    def me(self, info: Info) -> str | None:
        return info.context.principal.subject

schema = strawberry.Schema(Query)
domain = Domain(roles={"clerk": frozenset({"orders:read"})})
"""
SYNC = """
def test_sync(watchword):
    ann = watchword.sync.as_user(roles=["clerk"])
    assert ann.query("{ me }") == {"me": ann.id}
"""
ASYNC = """
import pytest
MARK
async def test_async(watchword):
    ann = watchword.as_user(roles=["clerk"])
    assert await ann.query("{ me }") == {"me": ann.id}
    watchword.revoke(ann)
    assert (await ann.refusal("{ me }")).code == "TOKEN_REVOKED"
"""
# Hypothesis's plugin imports the whole library at the end of each run.
OTHERS = ("asyncio", "xdist", "anyio", "hypothesispytest")
ALONE = tuple(part for name in OTHERS for part in ("-p", f"no:{name}"))
INI = "[pytest]\nwatchword_mount = shop:schema\npythonpath = .\nfilterwarnings = error\n"
SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")


def project(folder: Path, tests: str, ini: str = INI) -> Path:
    for name, text in {"shop.py": SHOP, "test_shop.py": tests, "pytest.ini": ini}.items():
        (folder / name).write_text(text)
    return folder


def pytest_in(folder: Path, *options: str) -> str:
    return run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, cwd=folder)


def test_it_needs_no_async_plugin(tmp_path: Path) -> None:
    assert "1 passed" in pytest_in(project(tmp_path, SYNC), *ALONE)


@pytest.mark.parametrize(
    ("mark", "options"),
    [
        ("@pytest.mark.asyncio", (*SCOPE, "-o", "asyncio_mode=strict", "-n", "2")),
        ("", (*SCOPE, "-o", "asyncio_mode=auto", "-p", "no:xdist")),
        (
            "@pytest.mark.anyio\n@pytest.mark.parametrize('anyio_backend', ['asyncio'])",
            ("-p", "no:asyncio", "-p", "no:xdist"),
        ),
    ],
    ids=["strict-and-xdist", "auto", "anyio"],
)
def test_it_serves_async_and_sync_tests_under(
    mark: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    tests = ASYNC.replace("MARK", mark) + SYNC
    assert "2 passed" in pytest_in(project(tmp_path, tests), *options)


def test_what_is_to_be_served_must_be_said(tmp_path: Path) -> None:
    project(tmp_path, SYNC, "[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *ALONE], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "It is not said what to test. Name it in pytest's settings" in done.stdout


def test_a_run_that_does_not_use_it_imports_nothing_of_watchword() -> None:
    script = """
import sys, pytest
before = set(sys.modules)
import watchword.testing.plugin
new = sorted(set(sys.modules) - before)
assert new == ["watchword", "watchword.testing", "watchword.testing.plugin"], new
"""
    run(sys.executable, "-c", script)


def test_the_database_server_comes_from_the_command_line_or_the_settings(tmp_path: Path) -> None:
    tests = "def test_url(watchword_database_url):\n    assert watchword_database_url == 'WANTED'\n"
    ini = f"{INI}watchword_database_url = postgresql://from.settings/\n"
    folder = project(tmp_path, tests.replace("WANTED", "postgresql://from.settings/"), ini)
    pytest_in(folder, *ALONE)
    project(tmp_path, tests.replace("WANTED", "postgresql://from.line/"), ini)
    pytest_in(folder, *ALONE, "--watchword-database-url", "postgresql://from.line/")


@pytest.mark.parametrize("transport", ["process", "sockets"])
def test_the_page_tests_a_fastapi_app_in_forty_lines(transport: str, tmp_path: Path) -> None:
    page = HOW_TO / "test-your-app.md"
    tests = block(page, "python", "# test_shop.py")
    (tmp_path / "shop_app.py").write_text(shop_app())
    (tmp_path / "test_shop.py").write_text(tests)
    (tmp_path / "pytest.ini").write_text(block(page, "ini", "# pytest.ini"))
    over = "import pytest\n@pytest.fixture\ndef watchword_transport():\n    return {!r}\n"
    (tmp_path / "conftest.py").write_text(over.format(transport))
    said = pytest_in(tmp_path, *ALONE)
    print(said)  # with the time that they took
    assert "5 passed" in said
    assert len([line for line in tests.splitlines() if line]) <= 40


QUEUED_APP = """
import asyncio
import strawberry
from fastapi import FastAPI
from watchword import Domain, Public, Watchword

def make_app():
    queue = asyncio.Queue()

    @strawberry.type
    class Query:
        @strawberry.field
        async def taken(self) -> str:
            asyncio.get_running_loop().call_later(0, queue.put_nowait, "tea")
            return await queue.get()

    app = FastAPI()
    watchword = Watchword(strawberry.Schema(Query), domain=Domain(default_permissions=[Public]))
    app.include_router(watchword.router("/watchword"))
    return app
"""
QUEUED_TESTS = """
from queued_app import make_app

def test_one(watchword):
    assert watchword.sync.anonymous.query("{ taken }") == {"taken": "tea"}

test_other = test_one
"""


def test_an_app_that_each_test_builds_may_keep_what_belongs_to_an_event_loop(
    tmp_path: Path,
) -> None:
    fixture = block(HOW_TO / "test-your-app.md", "python", "@pytest.fixture\ndef watchword_app():")
    (tmp_path / "queued_app.py").write_text(QUEUED_APP)
    (tmp_path / "test_queued.py").write_text("import pytest\n" + QUEUED_TESTS + "\n\n" + fixture)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    assert "2 passed" in pytest_in(tmp_path, *ALONE)
