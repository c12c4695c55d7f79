"""The wheel works alone: it is built, installed in an empty environment outside the repository, and used."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.clients.account import Account
from tests.clients.conftest import chromium, node
from tests.clients.test_browser import use
from tests.support.documents import README, ROOT, block
from tests.support.server import LiveServer

# One worker builds the wheel and installs it, once for all tests.
pytestmark = [pytest.mark.xdist_group("wheel"), pytest.mark.exhaustive]

__all__ = ["chromium", "node"]

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
TRAP = 'raise SystemExit("The server imported a module of the working directory.")\n'


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command, and return what it printed. Fail with its output if it fails."""
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, with GraphiQL's files if it has them or npm can be reached."""
    folder = tmp_path_factory.mktemp("wheel")
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


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
    assert {"watchword/py.typed", "incident_room/py.typed", "incident_room/schema.graphql"} <= held
    # The licences of what others wrote are beside it.
    assert len([name for name in held if "node_modules" in name and "LICENSE" in name]) == 4
    assert len([name for name in held if "node_modules" in name]) == 9


def test_a_source_distribution_gives_the_same_wheel_without_npm(
    wheel: Path, tmp_path: Path
) -> None:
    build = "import build_backend, sys; print(build_backend.build_sdist(sys.argv[1]))"
    run("env", "PYTHONPATH=requirements", sys.executable, "-c", build, tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        content.extractall(tmp_path, filter="data")
    source = tmp_path / archive.name.removesuffix(".tar.gz")
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, source)
    (again,) = tmp_path.glob("*.whl")
    assert names(again) == names(wheel)


@pytest.fixture
def served(environment: Path, tmp_path: Path) -> LiveServer:
    """A server of the installed wheel, in a directory that has modules of the names that ours had."""
    for name in ("graph/__init__.py", "schema.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TRAP)
    server = LiveServer(tmp_path / "home")
    server.program = (str(environment / "bin/watchword"),)
    server.cwd = tmp_path
    server.environment.pop("PYTHONPATH", None)
    return server


async def test_a_person_signs_in_and_asks_in_a_browser_what_the_wheel_serves(
    served: LiveServer, node: Path, chromium: Path, tmp_path: Path
) -> None:
    served.start()
    try:
        assert served.run("schema", "check").startswith("schema.graphql is what is served")
        account: Account = {"url": served.url, "email": served.email, "password": served.password}
        await use(node, chromium, account, tmp_path)
    finally:
        assert served.stop() == 0, served.log


def test_the_schema_of_ones_own_is_typed(environment: Path, node: Path, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(block(README, "python", "# shop.py"))
    python = environment / "bin/python"
    # Strawberry types its own decorators as Any, with permissions or without.
    strict = ("--strict", "--allow-untyped-decorators", "--python-executable", python)
    run(sys.executable, "-m", "mypy", *strict, "shop.py", cwd=tmp_path)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    pyright = ROOT / "tests/clients/node_modules/pyright/index.js"
    run(node, pyright, "--pythonpath", python, "shop.py", cwd=tmp_path)


def test_the_image_installs_the_wheel_with_what_is_locked() -> None:
    steps = (ROOT / "Dockerfile").read_text()
    sent = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines()]
    for line in steps.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, _ = line.split()[1:]
            for source in sources:
                assert (ROOT / source).exists(), source
                assert any(source == kept or kept == source.split("/")[0] for kept in sent), source
    assert "--require-hashes -r /run.lock" in steps
    assert "pip install --no-cache-dir --no-deps /wheel/*.whl" in steps
    assert "-e ." not in steps
