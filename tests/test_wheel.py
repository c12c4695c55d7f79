"""The wheel works alone: it is built, installed in an empty environment outside the repository, and used."""

from __future__ import annotations

import re
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import httpx2
import pytest

from tests.clients.account import Account
from tests.clients.conftest import chromium, node
from tests.clients.test_browser import use
from tests.support.documents import DOCS, HOW_TO, README, ROOT, block, blocks
from tests.support.fastapi_page import shop_app
from tests.support.server import LiveServer
from tests.support.wheel import BUILD, PIP, run
from watchword.explorer.assets import FILES, WORKERS

# One worker runs them, so that no other waits for the wheel.
pytestmark = pytest.mark.xdist_group("wheel")

__all__ = ["chromium", "node"]

TRAP = 'raise SystemExit("The server imported a module of the working directory.")\n'


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, what it depends on, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin/python"
    into = (*PIP, "--python", python, "install")
    run(*into, "--require-hashes", "-r", ROOT / "requirements/run.lock")
    run(*into, "--no-deps", wheel)
    # Every dependency that the wheel declares is there in a version that it accepts.
    run(*PIP, "--python", python, "check")
    return folder


def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as content:
        return {name for name in content.namelist() if ".dist-info/" not in name}


def test_it_makes_two_names_importable_and_holds_every_file_that_is_read(wheel: Path) -> None:
    held = names(wheel)
    assert {name.partition("/")[0] for name in held} == {"watchword", "incident_room"}
    sources = {
        str(path.relative_to(ROOT / root))
        for root in ("graph", "schema")
        for path in (ROOT / root).rglob("*.py")
    }
    assert {name for name in held if name.endswith(".py")} == sources
    assert {"watchword/py.typed", "watchword/__init__.pyi", "incident_room/py.typed"} <= held
    assert "incident_room/schema.graphql" in held
    assert files_of_pages() <= held
    bundles = ("status.js", "room.js", "dpop.js", "room.css", "documents.json")
    assert {f"incident_room/pages/built/{name}" for name in bundles} <= held
    built = {name for name in held if name.startswith("watchword/explorer/built/")}
    assert built == {
        f"watchword/explorer/built/{name}" for name in (*FILES, *WORKERS, "LICENSES.txt")
    }
    # What others wrote has its licence beside it.
    with ZipFile(wheel) as content:
        licences = content.read("watchword/explorer/built/LICENSES.txt").decode()
    for package in ("graphiql", "graphql", "monaco-editor", "react", "react-dom"):
        assert re.search(rf"^{package} \d\S+ \(MIT\)\n\n.*MIT", licences, re.MULTILINE | re.DOTALL)


def files_of_pages() -> set[str]:
    """Return the templates, styles and texts of the pages, as they are named in a wheel."""
    root = ROOT / "schema"
    folders = [root / "incident_room/pages" / name for name in ("templates", "styles", "texts")]
    found = {str(path.relative_to(root)) for folder in folders for path in folder.rglob("*.*")}
    assert len(found) > 10
    return found


@pytest.mark.exhaustive
def test_two_builds_at_once_give_what_the_source_distribution_gives_and_leave_nothing_behind(
    wheel: Path, tmp_path: Path
) -> None:
    before = left_behind()
    with ThreadPoolExecutor() as pool:
        for built in pool.map(built_directly, (tmp_path / "one", tmp_path / "other")):
            assert content(built) == content(wheel)
    assert left_behind() == before


def built_directly(folder: Path) -> Path:
    run(*BUILD, "--wheel", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


def content(wheel: Path) -> dict[str, int]:
    with ZipFile(wheel) as archive:
        return {each.filename: each.CRC for each in archive.infolist()}


def left_behind() -> set[Path]:
    """Return what setuptools writes beside the sources that it builds."""
    patterns = ("build/**/*", "dist/*", "*.egg-info", "*/*.egg-info", "watchword-*")
    return {path for pattern in patterns for path in ROOT.glob(pattern)}


def served(environment: Path, tmp_path: Path) -> LiveServer:
    """Return a server of the installed wheel, in a directory that has modules of the names that ours had."""
    for name in ("graph/__init__.py", "schema.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TRAP)
    server = LiveServer(tmp_path / "home")
    server.program = (str(environment / "bin/watchword"),)
    server.cwd = tmp_path
    server.environment.pop("PYTHONPATH", None)
    return server


def test_a_person_signs_in_and_asks_what_the_wheel_serves(installed: Path, tmp_path: Path) -> None:
    server = served(installed, tmp_path)
    server.start()
    try:
        login = {"email": server.email, "password": server.password}
        token = httpx2.post(f"{server.url}/api/auth/login", json=login).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        asked = {"query": "{ viewer { email } }"}
        answer = httpx2.post(f"{server.url}/graphql", json=asked, headers=headers)
        assert answer.json() == {"data": {"viewer": {"email": server.email}}}
    finally:
        assert server.stop() == 0, server.log


def test_the_pages_and_their_files_come_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    server = served(installed, tmp_path)
    server.start()
    try:
        styles = {"tokens.css", "theme.css"}
        for path, own in (("/", {"status.js", "status.css"}), ("/room", {"room.js", "room.css"})):
            page = httpx2.get(server.url + path)
            assert page.status_code == 200
            files = {
                str(page.url.join(found))
                for found in re.findall(r'(?:src|href)="([^"]+\.(?:js|css|svg))"', page.text)
            }
            # Between the name and its ending is the hash of the content.
            assert own | styles <= {re.sub(r".*/(\w+)\.\w+", r"\1", file) for file in files}
            for file in files:
                answer = httpx2.get(file)
                assert (answer.status_code, bool(answer.content)) == (200, True), file
    finally:
        assert server.stop() == 0, server.log


@pytest.mark.exhaustive
async def test_alone_in_an_environment_it_serves_a_person_with_a_browser(
    environment: Path, node: Path, chromium: Path, tmp_path: Path
) -> None:
    server = served(environment, tmp_path)
    server.start()
    try:
        checked = run(*server.program, "schema", "check", cwd=tmp_path)
        assert checked.startswith("schema.graphql is what is served")
        account: Account = {"url": server.url, "email": server.email, "password": server.password}
        await use(node, chromium, account, tmp_path, None)
    finally:
        assert server.stop() == 0, server.log


EXTRAS = """
from dataclasses import dataclass
from typing import assert_type

import strawberry

from watchword import Context, Domain, Info, Public, RequestView


@dataclass
class Extras:
    number: int


def extras(context: Context) -> Extras:
    return Extras(len(context.address))


domain = Domain(context=extras)


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def number(self, info: Info[Extras]) -> int:
        assert_type(info.context.extras, Extras)
        assert_type(info.context.request, RequestView | None)
        return info.context.extras.number
"""


@pytest.mark.exhaustive
def test_the_schema_of_ones_own_is_typed(environment: Path, node: Path, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(block(README, "python", "# shop.py"))
    python = environment / "bin/python"
    # Strawberry types its own decorators as Any, with permissions or without.
    strict = ("--strict", "--allow-untyped-decorators", "--python-executable", python)
    (tmp_path / "extras.py").write_text(EXTRAS)
    run(sys.executable, "-m", "mypy", *strict, "shop.py", "extras.py", cwd=tmp_path)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    pyright = ROOT / "tests/clients/node_modules/pyright/index.js"
    run(node, pyright, "--pythonpath", python, "shop.py", "extras.py", cwd=tmp_path)


@pytest.mark.exhaustive
def test_tests_that_use_the_pytest_plugin_are_typed(installed: Path, tmp_path: Path) -> None:
    shown = {
        page: blocks(page, "python")
        for page in (*sorted(DOCS.glob("tutorial/[1-6]-*.md")), HOW_TO / "test-your-app.md")
    }
    for text in (text for texts in shown.values() for text in texts):
        if name := re.match(r"# ([\w/]+\.py)\n", text):
            path = tmp_path / name[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    # The app that they test is typed as loosely as the page about FastAPI shows it.
    (tmp_path / "shop_app.py").write_text(shop_app())
    strict = ("--strict", "--allow-untyped-decorators", "--follow-imports", "silent")
    strict = (*strict, "--python-executable")
    checked = ("tests", "test_shop.py")
    run(sys.executable, "-m", "mypy", *strict, installed / "bin/python", *checked, cwd=tmp_path)


def test_the_image_installs_the_wheel_with_what_is_locked() -> None:
    steps = (ROOT / "Dockerfile").read_text()
    sent = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines()]
    for line in steps.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, _ = line.split()[1:]
            for source in sources:
                assert (ROOT / source).exists(), source
                assert any(source == kept or kept == source.split("/")[0] for kept in sent), source
    assert "--require-hashes -r /image.lock" in steps
    assert "pip install --no-cache-dir --no-deps /wheel/*.whl" in steps
    assert "-e ." not in steps
