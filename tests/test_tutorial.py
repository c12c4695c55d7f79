"""The tutorial, followed from an empty folder to the last page, in the terminals that it names."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.support.redis import LiveRedis
from tests.support.terminal import Terminal
from watchword.config.settings import Settings

TUTORIAL = Path(__file__).parents[1] / "docs/tutorial"
PAGES = sorted(TUTORIAL.glob("[0-9]-*.md"))
# What these lines make and install is there already: an environment with the wheel of this checkout.
INSTALLED = ("python3 -m venv ", ". .venv/bin/activate", "pip wheel ", "pip install ")
# Commands that run until they are interrupted.
ENDLESS = ("watchword serve", "watch ")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `name` is what its first line says: a file, or a terminal."""

    page: str
    language: str
    name: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.M | re.S):
        name = re.match(r"# (Terminal \d|[\w./-]+)\n", text)
        yield Block(page.name, language, name[1] if name else "", text)


def is_file(block: Block) -> bool:
    return bool(block.name) and not block.name.startswith("Terminal")


class Reader:
    """Follows pages as a reader would: writes the files, pastes the commands, looks at the output."""

    def __init__(self, folder: Path, port: int, programs: Path) -> None:
        self.folder = folder
        self.port = port
        self.programs = programs
        self.terminals: dict[str, Terminal] = {}
        self._last = ""

    @property
    def project(self) -> Path:
        return self.folder / "touchline"

    def follow(self, block: Block) -> None:
        if block.name.startswith("Terminal") and block.language == "sh":
            self._paste(block)
        elif block.language in ("text", "json"):
            self._look(block)
        else:
            assert block.name, f"{block.page} does not say which file this is:\n{block.text}"
            self._write(block)

    def close(self) -> None:
        for terminal in self.terminals.values():
            terminal.close()

    def _paste(self, block: Block) -> None:
        self._last = block.name
        if block.name not in self.terminals:
            folder = self.project if self.project.exists() else self.folder
            self.terminals[block.name] = Terminal(folder, self.environment())
        lines = [line for line in block.text.splitlines() if not line.startswith(INSTALLED)]
        self.terminals[block.name].paste("\n".join(lines))
        if not lines[-1].startswith(ENDLESS):
            self.terminals[block.name].finish()
        elif "serve" in lines[-1]:
            self.terminals[block.name].expect("Application startup complete")

    def _look(self, block: Block) -> None:
        if block.name:
            self._last = block.name
        terminal = self.terminals[self._last]
        text = self._here(block.text.removeprefix(f"# {block.name}\n"))
        if text == "^C\n":
            terminal.interrupt()
        elif block.language == "json":
            terminal.expect_json(text)
        else:
            terminal.expect(text)

    def _write(self, block: Block) -> None:
        path = self.project / block.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._here(block.text))

    def _here(self, text: str) -> str:
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")

    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if "WATCHWORD" not in name}
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        return {**own, "PATH": path, "WATCHWORD_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def reader(tmp_path: Path, installed: Path) -> Iterator[Reader]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Reader(tmp_path, port, installed / "bin")
    yield made
    made.close()


@pytest.fixture
def redis() -> Iterator[LiveRedis]:
    made = LiveRedis()
    made.start()
    yield made
    made.kill()


def test_the_first_page_can_be_followed_and_the_tests_of_the_last_pass(reader: Reader) -> None:
    for page in PAGES[:6]:
        for block in blocks(page):
            # These tests try what the pages between show in terminals.
            if page in (PAGES[0], PAGES[5]) or is_file(block):
                reader.follow(block)


@pytest.mark.exhaustive
def test_the_tutorial_can_be_followed_to_its_tests(reader: Reader) -> None:
    for page in PAGES[:6]:
        for block in blocks(page):
            reader.follow(block)


@pytest.mark.exhaustive
def test_it_can_be_deployed_on_postgresql_and_redis(
    reader: Reader, postgres_url: str, redis: LiveRedis
) -> None:
    for page in PAGES:
        for block in blocks(page):
            if is_file(block):
                reader.follow(block)
    [secrets] = [block for block in blocks(PAGES[6]) if block.name == "Terminal 2"]
    reader.follow(secrets)
    # The page's own settings, with the addresses of the services that run here.
    path = reader.project / "production.env"
    text = re.sub(r"postgresql.*", postgres_url, path.read_text())
    path.write_text(
        text.replace("redis://redis:6379", redis.url).replace("\nWATCH", "\nexport WATCH")
    )
    server = Terminal(
        reader.project, {**reader.environment(), "WATCHWORD_HOME": str(reader.folder)}
    )
    server.paste("export WATCHWORD_MOUNT\n. ./production.env\nwatchword serve --workers 2")
    try:
        server.expect("Application startup complete")
        answer = httpx2.get(
            f"http://127.0.0.1:{reader.port}/graphql", params={"query": "{ teams { name } }"}
        )
        assert answer.json() == {"data": {"teams": []}}
    finally:
        server.close()


def test_its_containers_fit_together() -> None:
    """Docker is not at hand: what the files of the last page name must be in the others."""
    files = {block.name: block.text for block in blocks(PAGES[6]) if block.name}
    services = yaml.safe_load(files["compose.yaml"])["services"]
    named = set(re.findall(r"WATCHWORD_(\w+)", "".join(files.values())))
    assert {name.lower() for name in named} <= set(Settings.model_fields)
    for name in ("database", "redis"):
        assert name in services
        assert re.search(rf"[@/]{name}\b", files["Terminal 2"])
    for service in services.values():
        for path in [service.get("env_file")] if "env_file" in service else []:
            assert f"> {path}" in files["Terminal 2"]
    subnet = yaml.safe_load(files["compose.yaml"])["networks"]["default"]["ipam"]["config"][0]
    assert f"WATCHWORD_TRUSTED_PROXIES={subnet['subnet']}" in files["Terminal 2"]


def test_each_page_leads_to_the_next() -> None:
    for page, following in zip(PAGES, PAGES[1:], strict=False):
        assert page.read_text().rstrip().splitlines()[-1].endswith(f"]({following.name})")
    assert [f"({page.name})" in (TUTORIAL / "README.md").read_text() for page in PAGES] == [
        True for _ in PAGES
    ]
