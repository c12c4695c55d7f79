"""docs/how-to/image.md, without Docker: the image's user, folders and command, with somebody's schema in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.support.documents import HOW_TO, ROOT, block, blocks
from tests.support.server import LiveServer
from watchword.config.settings import PREFIX, Settings

PAGE = HOW_TO / "image.md"
FINAL = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
LEAGUE = """
import strawberry

from watchword import Public


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello from the league"


schema = strawberry.Schema(Query)
"""
HELLO = {"data": {"hello": "hello from the league"}}

# One worker runs them, so that no other waits for the wheel.
pytestmark = pytest.mark.xdist_group("wheel")


def instruction(name: str, dockerfile: str = FINAL) -> str:
    """Return the one instruction of this name in the image's last stage."""
    [found] = re.findall(rf"^{name} ((?:.*\\\n)*.*)$", dockerfile, re.MULTILINE)
    return str(found)


def variables(dockerfile: str) -> dict[str, str]:
    pairs = instruction("ENV", dockerfile).replace("\\\n", " ").split()
    return dict(pair.split("=", 1) for pair in pairs)


class Container:
    """The command of the image, in folders that stand for those of the image."""

    def __init__(self, root: Path, installed: Path) -> None:
        self._root = root
        self._programs = installed / "bin"

    def at(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def run(self, *arguments: str, **environment: str) -> LiveServer:
        """Start `watchword serve` with these options, and these variables besides those of the image."""
        given = {**variables(FINAL), **environment}
        given = {name: value for name, value in given.items() if name.startswith(PREFIX)}
        given["WATCHWORD_HOME"] = str(self.at(given["WATCHWORD_HOME"]))
        del given["WATCHWORD_PORT"]
        server = LiveServer(self.at("/data"), **given)
        server.program = (str(self._programs / "watchword"),)
        server.environment.pop("PYTHONPATH", None)
        server.arguments = arguments
        server.cwd = self.at(instruction("WORKDIR"))
        server.start()
        return server


@pytest.fixture
def container(tmp_path: Path, installed: Path) -> Iterator[Container]:
    made = Container(tmp_path, installed)
    code = made.at(instruction("WORKDIR")) / "league"
    code.mkdir(parents=True)
    (code / "__init__.py").write_text(LEAGUE)
    yield made
    # Only the home is written to.
    kept = {path.name for path in code.parent.iterdir()} | {
        path.name for path in tmp_path.iterdir()
    }
    assert kept == {"league", "app", "data"}


def answer(server: LiveServer) -> object:
    try:
        return httpx2.post(f"{server.url}/graphql", json={"query": "{ hello }"}).json()
    finally:
        assert server.stop() == 0, server.log


def test_a_schema_that_is_copied_into_the_image_is_served(container: Container) -> None:
    for name in ("# Dockerfile\n", "# Dockerfile.packages\n"):
        own = block(PAGE, "dockerfile", name)
        assert "COPY league /app/league\n" in own
        assert instruction("FROM", own) == "watchword"
        # The user is again the image's.
        assert re.findall("^USER (.*)$", own, re.MULTILINE)[-1:] in ([], [instruction("USER")])
    assert answer(container.run(**variables(own))) == HELLO


def test_a_schema_that_is_mounted_into_the_image_is_served(container: Container) -> None:
    words = shlex.split(block(PAGE, "sh", "docker run").replace("\\\n", " "))
    options = dict(each.split("=") for each in words[words.index("--mount") + 1].split(",")[:3])
    assert options["dst"] == f"{instruction('WORKDIR')}/league"
    assert f"watchword:{variables(FINAL)['WATCHWORD_HOME']}" in words
    command, *arguments = words[words.index("watchword") + 1 :]
    assert command == "serve"
    assert answer(container.run(*arguments)) == HELLO


def test_the_compose_file_beside_the_repositorys_mounts_a_schema() -> None:
    base = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for text in blocks(PAGE, "yaml"):
        for name, service in yaml.safe_load(text)["services"].items():
            assert name in base
            for variable in service["environment"]:
                assert variable.removeprefix(PREFIX).lower() in Settings.model_fields
            [volume] = service["volumes"]
            assert volume == f"./league:{instruction('WORKDIR')}/league:ro"
