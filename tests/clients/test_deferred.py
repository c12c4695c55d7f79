"""The page about answers in parts, as it is written there, and stock clients that ask for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.script import FOLDER, running
from tests.support.documents import HOW_TO, bash, block
from tests.support.parts_schema import merged
from tests.support.server import LiveServer, live_server

PAGE = HOW_TO / "incremental-delivery.md"
DEFERRED = "query { book { title ... @defer { reviews } } }"
STREAMED = "query { books @stream(initialCount: 1) { title } }"
BOOK = {"title": "Emma", "reviews": ["Good.", "Long."]}
TITLES = ["Emma", "Persuasion", "Lady Susan"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    home = tmp_path_factory.mktemp("library")
    (home / "library.py").write_text(block(PAGE, "python", "# library.py"))
    with live_server(home, WATCHWORD_MOUNT="library:schema", PYTHONPATH=str(home)) as server:
        yield server


def test_curl_gets_the_parts_that_the_page_shows(library: LiveServer, tmp_path: Path) -> None:
    said = bash(block(PAGE, "sh", "curl"), tmp_path, ORIGIN=library.url)
    bodies = [part.partition("\n\n")[2] for part in said.split("\n--graphql")]
    assert [json.loads(each) for each in bodies if each] == json.loads(
        block(PAGE, "json", "pending")
    )


def write_module(name: str, library: LiveServer, folder: Path) -> None:
    """Write a module of the page, where it finds the stock packages."""
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    text = f'const SERVER = "{library.url}";\n' + block(PAGE, "js", f"// {name}")
    (folder / name).write_text(text)


async def states(
    kind: str, query: str, node: Path, library: LiveServer, folder: Path
) -> list[dict[str, Any]]:
    write_module("deferred.js", library, folder)
    options = {"url": library.url, "kind": kind, "query": query, "place": str(folder)}
    async with running(node, "deferred.mjs", **options) as script:
        return await script.rest()


@pytest.mark.parametrize("kind", ["apollo", "urql"])
async def test_a_client_shows_the_first_part_and_then_the_whole(
    kind: str, node: Path, library: LiveServer, tmp_path: Path
) -> None:
    seen = await states(kind, DEFERRED, node, library, tmp_path)
    books = [each["data"]["book"] for each in seen if each.get("data")]
    assert "reviews" not in books[0]
    assert books[0]["title"] == "Emma"
    assert {name: books[-1][name] for name in BOOK} == BOOK


async def test_apollo_shows_the_items_of_a_stream(
    node: Path, library: LiveServer, tmp_path: Path
) -> None:
    seen = await states("apollo", STREAMED, node, library, tmp_path)
    lists = [[book["title"] for book in each["data"]["books"]] for each in seen if each.get("data")]
    assert lists[-1] == TITLES
    assert all(each == TITLES[: len(each)] for each in lists)


async def test_an_apollo_client_that_reads_only_the_form_before_gets_the_whole(
    node: Path, library: LiveServer, tmp_path: Path
) -> None:
    seen = await states("older-apollo", DEFERRED, node, library, tmp_path)
    books = [each["data"]["book"] for each in seen if each.get("data")]
    assert all(book["reviews"] == BOOK["reviews"] for book in books)


@pytest.mark.parametrize("kind", ["graphql-sse", "graphql-ws"])
@pytest.mark.parametrize(
    ("query", "data"),
    [
        (DEFERRED, {"book": BOOK}),
        (STREAMED, {"books": [{"title": title} for title in TITLES]}),
    ],
)
async def test_the_clients_of_the_protocols_get_each_part(
    kind: str, query: str, data: Any, node: Path, library: LiveServer, tmp_path: Path
) -> None:
    parts = [each["part"] for each in await states(kind, query, node, library, tmp_path)]
    assert len(parts) > 1
    assert merged(parts) == {"data": data}


async def relay_states(
    kind: str, node: Path, library: LiveServer, folder: Path
) -> list[dict[str, Any]]:
    """Return the records in Relay's store after each part that it took."""
    write_module("relay-parts.js", library, folder)
    options = {"url": library.url, "kind": kind, "place": str(folder)}
    async with running(node, "relay_parts.mjs", **options) as script:
        return [each["records"] for each in await script.rest()]


async def test_relay_keeps_a_deferred_fragment_when_it_has_come(
    node: Path, library: LiveServer, tmp_path: Path
) -> None:
    before, after = (
        each["client:root:book"] for each in await relay_states("defer", node, library, tmp_path)
    )
    assert (before["title"], "reviews" in before) == ("Emma", False)
    assert {name: after[name] for name in BOOK} == BOOK
    # Anonymous callers may not see the price.
    assert after["price"] is None


async def test_relay_shows_the_items_of_a_stream(
    node: Path, library: LiveServer, tmp_path: Path
) -> None:
    seen = [
        [state[name]["title"] for name in state["client:root"]["books"]["__refs"]]
        for state in await relay_states("stream", node, library, tmp_path)
    ]
    assert (seen[0], seen[-1]) == (TITLES[:1], TITLES)
