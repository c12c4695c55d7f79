"""A resolver gets the files of a request as Strawberry's own view gives them, and they are deleted after it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import strawberry
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

from tests.support import toy_schema, upload_schema
from tests.support.clock import MovedClock
from tests.support.other_servers import SERVERS
from tests.support.toy_server import ToyServer, toy_pipeline, toy_server, until
from tests.support.upload_schema import (
    READ,
    form,
    form_headers,
    kept,
    open_files,
    operations,
    part,
    places,
    upload,
)
from watchword.errors import Unsafe
from watchword.execution.documents.automatic import digest_of
from watchword.principal import ANONYMOUS
from watchword.transports.http import form as form_module
from watchword.transports.http.uploads import Spool, is_form, make_uploads


@pytest.fixture
async def server(clock: MovedClock, tmp_path: Path) -> AsyncIterator[ToyServer]:
    async with toy_server(
        clock, upload_schema.schema, home=tmp_path, upload_memory_bytes=1_000
    ) as running:
        yield running


async def answer(server: ToyServer, body: bytes, **headers: str) -> Any:
    async with httpx2.AsyncClient(timeout=30) as client:
        response = await client.post(server.url, content=body, headers=form_headers(**headers))
    return response.json()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


@pytest.mark.parametrize("size", [0, 10, 1_000, 1_001, 3_000_000])
async def test_a_file_arrives_whole_in_memory_or_on_disk(size: int, server: ToyServer) -> None:
    content = bytes(number % 251 for number in range(size))
    told = await answer(server, upload(content, "a.bin", "Content-Type: image/png"))
    assert told == {"data": {"read": f"a.bin image/png {size} {digest(content)}"}}


async def test_files_are_put_into_lists(server: ToyServer) -> None:
    query = "mutation($files: [Upload!]!) { readAll(files: $files) }"
    body = form(
        operations(query, files=[None, None]),
        places(a=["variables.files.1"], b=["variables.files.0"]),
        part("a", "second", "2"),
        part("b", "first", "1"),
    )
    told = (await answer(server, body))["data"]["readAll"]
    assert [each.split()[0] for each in told] == ["1", "2"]


async def test_files_are_put_into_input_objects(server: ToyServer) -> None:
    query = "mutation($album: Album!) { readAlbum(album: $album) }"
    body = form(
        operations(query, album={"title": "Trip", "photos": [None], "cover": None}),
        places(a=["variables.album.photos.0", "variables.album.cover"]),
        part("a", "both", "a"),
    )
    title, photo, cover = (await answer(server, body))["data"]["readAlbum"]
    assert title == "Trip"
    # One file may be at several places; the first reader leaves the other nothing.
    assert (photo.split()[0], cover.split()[0]) == ("a", "a")


async def test_a_form_without_files_is_a_request(server: ToyServer) -> None:
    optional = operations("mutation($file: Upload) { read(file: $file) }", file=None)
    assert await answer(server, form(optional, places())) == {"data": {"read": None}}
    query = form(operations("{ __typename }"), places())
    assert await answer(server, query) == {"data": {"__typename": "Query"}}


async def test_the_document_may_be_named_by_its_hash(server: ToyServer) -> None:
    named = {"documentId": f"sha256:{digest_of(READ)}", "variables": {"file": None}}
    read = {"data": {"read": f"a.bin None 3 {digest(b'one')}"}}
    for request, expected in (
        (named, None),
        ({"query": READ, **named}, read),
        (named, read),
    ):
        body = form(
            part("operations", json.dumps(request)),
            places(f=["variables.file"]),
            part("f", "one", "a.bin"),
        )
        told = await answer(server, body)
        if expected is None:
            assert told["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        else:
            assert told == expected


async def test_a_batch_cannot_have_files(clock: MovedClock, tmp_path: Path) -> None:
    config = StrawberryConfig(batching_config={"max_operations": 2})
    schema = strawberry.Schema(upload_schema.Query, upload_schema.Mutation, config=config)
    async with toy_server(clock, schema, home=tmp_path) as server:
        batch = part("operations", json.dumps([{"query": READ, "variables": {"file": None}}]))
        body = form(batch, places(f=["0.variables.file"]), part("f", "one", "a.bin"))
        told = await answer(server, body)
    assert "Batching is not enabled here" in told["errors"][0]["message"]


async def test_a_query_with_files_is_not_shared(server: ToyServer) -> None:
    query = "query($file: Upload!) { size(file: $file) }"
    for content in ("one", "two", "three") * 2:
        body = form(
            operations(query, file=None), places(f=["variables.file"]), part("f", content, "a")
        )
        assert await answer(server, body) == {"data": {"size": len(content)}}
        async with httpx2.AsyncClient() as client:
            headers = form_headers(accept="text/event-stream")
            streamed = await client.post(server.url, content=body, headers=headers)
        assert f'{{"data":{{"size":{len(content)}}}}}' in streamed.text
    assert not server.pipeline.shared.counts


@pytest.mark.parametrize(("token", "code"), [("alice", None), (None, "UNAUTHENTICATED")])
async def test_permissions_hold(token: str | None, code: str | None, server: ToyServer) -> None:
    query = "mutation($file: Upload!) { mine(file: $file) }"
    body = form(operations(query, file=None), places(f=["variables.file"]), part("f", "x", "a"))
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    told = await answer(server, body, **headers)
    assert [each["extensions"]["code"] for each in told.get("errors", [])] == (
        [code] if code else []
    )


async def test_a_file_is_closed_after_its_operation(server: ToyServer, tmp_path: Path) -> None:
    query = "mutation($file: Upload!) { keep(file: $file) }"
    body = form(
        operations(query, file=None), places(f=["variables.file"]), part("f", "x" * 5_000, "a")
    )
    assert await answer(server, body) == {"data": {"keep": True}}
    assert kept.pop().file.closed
    assert not open_files(tmp_path)
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_file_of_a_streamed_answer_is_open_until_the_stream_ends(
    server: ToyServer, tmp_path: Path
) -> None:
    async with httpx2.AsyncClient() as client:
        headers = form_headers(accept="text/event-stream")
        response = await client.post(server.url, content=upload("x" * 5_000), headers=headers)
    assert 'data: {"data":{"read":"a.txt None 5000 ' in response.text
    await until(lambda: not open_files(tmp_path))


async def test_a_subscription_takes_no_files(clock: MovedClock, tmp_path: Path) -> None:
    @strawberry.type
    class Mutation(upload_schema.Mutation):
        pass

    schema = strawberry.Schema(toy_schema.Query, Mutation, toy_schema.Subscription)
    body = form(operations("subscription { made { name } }"), places())
    async with toy_server(clock, schema, home=tmp_path) as server:
        told = await answer(server, body, accept="text/event-stream")
    assert told["errors"][0]["message"] == "A subscription cannot have files."


async def test_a_schema_without_the_scalar_takes_no_forms(clock: MovedClock) -> None:
    async with toy_server(clock) as server, httpx2.AsyncClient() as client:
        response = await client.post(server.url, content=upload(), headers=form_headers())
    assert response.status_code == 415


async def test_uploads_can_be_turned_off(clock: MovedClock, tmp_path: Path) -> None:
    async with (
        toy_server(clock, upload_schema.schema, home=tmp_path, uploads=False) as server,
        httpx2.AsyncClient() as client,
    ):
        response = await client.post(server.url, content=upload(), headers=form_headers())
    assert response.status_code == 415


async def test_a_schema_with_the_scalar_needs_the_library(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_module, "IS_INSTALLED", False)
    async with toy_pipeline(clock, upload_schema.schema) as (pipeline, _):
        with pytest.raises(Unsafe, match=r"watchword\[uploads\]"):
            make_uploads(pipeline)
    async with toy_pipeline(clock, upload_schema.schema, uploads=False) as (pipeline, _):
        assert make_uploads(pipeline) is None


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [("Multipart/Form-Data; boundary=x", True), ("application/json", False), ("", False)],
)
def test_a_form_is_known_by_its_content_type(content_type: str, expected: bool) -> None:
    assert is_form({b"content-type": content_type.encode()}) is expected


@pytest.mark.parametrize(
    "body",
    [
        {"query": READ, "variables": {"file": "hello"}},
        {"query": READ, "variables": {"file": {"filename": "a.txt"}}},
        {"query": 'mutation { read(file: "hello") }'},
        {"query": "mutation($a: Album!) { readAlbum(album: $a) }", "variables": {"a": {"title": "", "photos": [1]}}},
    ],
)  # fmt: skip
async def test_json_is_no_file(body: dict[str, Any], server: ToyServer) -> None:
    async with httpx2.AsyncClient() as client:
        answers = [(await client.post(server.url, json=body)).json() for _ in range(3)]
    for each in answers:
        assert "An Upload is a file of a multipart request" in each["errors"][0]["message"]
        assert each["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


class View(GraphQL):
    """Strawberry's own view, with a caller for our permissions. It leaves files open; `close` closes them."""

    close: Callable[[], Awaitable[None]]

    async def get_context(self, request: Any, response: Any) -> Any:
        self.close = request.close
        return SimpleNamespace(principal=ANONYMOUS)


FORMS = {
    "one": upload("hello", "a.txt", "Content-Type: text/plain"),
    "none": form(operations("mutation($file: Upload) { read(file: $file) }", file=None), places()),
    "a list": form(
        operations("mutation($files: [Upload!]!) { readAll(files: $files) }", files=[None, None]),
        places(a=["variables.files.0"], b=["variables.files.1"]),
        part("a", "1", "1"),
        part("b", "2", "2"),
    ),
    "an input object": form(
        operations(
            "mutation($album: Album!) { readAlbum(album: $album) }",
            album={"title": "t", "photos": [None], "cover": None},
        ),
        places(a=["variables.album.photos.0"], b=["variables.album.cover"]),
        part("a", "1", "Überblick.png"),
        part("b", "2", "2"),
    ),
}


@pytest.mark.parametrize("name", FORMS)
async def test_the_answer_is_that_of_strawberrys_own_view(name: str, server: ToyServer) -> None:
    view = View(upload_schema.schema, multipart_uploads_enabled=True)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(view), base_url="http://toys.example"
    ) as client:
        theirs = await client.post("/graphql", content=FORMS[name], headers=form_headers())
        await view.close()
    assert await answer(server, FORMS[name]) == theirs.json()


@pytest.mark.parametrize("by", SERVERS)
async def test_other_servers_take_files_too(by: str, clock: MovedClock, tmp_path: Path) -> None:
    content = b"x" * 3_000_000
    async with toy_server(clock, upload_schema.schema, by=by, home=tmp_path) as server:
        told = await answer(server, upload(content, "a.bin"))
        await until(lambda: not open_files(tmp_path))
    assert told == {"data": {"read": f"a.bin None 3000000 {digest(content)}"}}


def test_a_file_that_moves_to_the_disk_after_it_was_closed_is_closed_too(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    spool = Spool(1_000, dir=str(tmp_path / "uploads"))
    spool.write(b"x")
    spool.close()
    # A thread that was late.
    with pytest.raises(ValueError, match="closed file"):
        spool.rollover()
    assert not open_files(tmp_path)
