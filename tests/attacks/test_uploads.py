"""Requests with files that are malformed, too large, too slow, cut off or from another site are refused, and leave no file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support import upload_schema
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server, until
from tests.support.upload_schema import (
    BOUNDARY,
    END,
    READ,
    form,
    form_headers,
    open_files,
    operations,
    part,
    places,
    upload,
)
from watchword.asgi.uvicorn import head

FILE = ["variables.file"]
LIMITS: dict[str, Any] = {
    "max_upload_files": 3,
    "max_upload_file_bytes": 100_000,
    "max_upload_bytes": 300_000,
    "upload_memory_bytes": 1_000,
    "upload_seconds": 20,
    "max_body_bytes": 20_000,
}


@pytest.fixture
async def server(clock: MovedClock, tmp_path: Path) -> AsyncIterator[ToyServer]:
    async with toy_server(clock, upload_schema.schema, home=tmp_path, **LIMITS) as running:
        yield running
        await until(lambda: not open_files(tmp_path))


async def sent(server: ToyServer, body: bytes, **headers: str) -> tuple[int, str]:
    """Send a form; return the status, and the message of the error."""
    async with httpx2.AsyncClient(timeout=30) as client:
        response = await client.post(server.url, content=body, headers=form_headers(**headers))
    answer = response.json()
    return response.status_code, answer["errors"][0]["message"] if "errors" in answer else ""


def mapped(*paths: object, variables: Any = None) -> bytes:
    """A form with one file and any map."""
    given = {"file": None} if variables is None else variables
    first = part("operations", json.dumps({"query": READ, "variables": given}))
    return form(first, part("map", json.dumps({"f": paths})), part("f", "hello", "a.txt"))


def many(count: int) -> bytes:
    names = [f"f{number}" for number in range(count)]
    query = "mutation($files: [Upload!]!) { readAll(files: $files) }"
    paths = {name: [f"variables.files.{number}"] for number, name in enumerate(names)}
    files = [part(name, "x", "a.txt") for name in names]
    return form(operations(query, files=[None] * count), places(**paths), *files)


DEEP = "[" * 100_000 + "]" * 100_000
MALFORMED: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "ends before its last boundary"),
    "only the end": (END, 400, "must have the field 'operations'"),
    "another boundary": (upload().replace(BOUNDARY.encode(), b"0ther"), 400, "not well-formed"),
    "cut in a file": (upload()[:-30], 400, "ends before its last boundary"),
    "text": (b"hello" * 100, 400, "not well-formed"),
    "no operations": (form(places(f=FILE)), 400, "must have the field 'operations'"),
    "no map": (form(operations(file=None)), 400, "must have the field 'operations', then 'map'"),
    "the map first": (
        form(places(f=FILE), operations(file=None), part("f", "x", "a")), 400, "must have the field 'operations'"
    ),
    "a file first": (
        form(part("f", "x", "a"), operations(file=None), places(f=FILE)), 400, "must have the field 'operations'"
    ),
    "a file that the map does not name": (
        form(operations(file=None), places(f=FILE), part("g", "x", "a")), 400, "'g' is not in the field 'map'"
    ),
    "a file twice": (
        form(operations(file=None), places(f=FILE), part("f", "x", "a"), part("f", "y", "b")), 400, "or came before"
    ),
    "a file too few": (form(operations(file=None), places(f=FILE)), 400, "'f' of the field 'map' is missing"),
    "operations that are no JSON": (form(part("operations", "{")), 400, "'operations' is not JSON"),
    "operations without a query": (form(part("operations", "{}"), places()), 400, "'query' is missing"),
    "a batch": (form(part("operations", "[]"), places()), 400, "Batching is not enabled"),
    "a map that is no JSON": (form(operations(file=None), part("map", "{")), 400, "'map' is not JSON"),
    "a map that is a list": (form(operations(file=None), part("map", "[]")), 400, "'map' must be an object"),
    "a path that is no list": (
        form(operations(file=None), part("map", '{"f": "variables.file"}')), 400, "'map' must be an object"
    ),
    "a path that is no string": (mapped(1), 400, "'map' must be an object"),
    "a path to nowhere": (mapped("variables.other"), 400, "does not lead to a null"),
    "a path without variables": (mapped("file"), 400, "does not lead to a null"),
    "a path to the query": (mapped("query"), 400, "does not lead to a null"),
    "a path to all variables": (mapped("variables"), 400, "does not lead to a null"),
    "a path into the class": (mapped("variables.__class__"), 400, "does not lead to a null"),
    "a path into a prototype": (mapped("variables.__proto__.polluted"), 400, "does not lead to a null"),
    "a path to a value": (mapped("variables.file", variables={"file": "x"}), 400, "does not lead to a null"),
    "a path through a value": (mapped("variables.file.0", variables={"file": "x"}), 400, "does not lead to a null"),
    "a path behind a list": (
        mapped("variables.file.1", variables={"file": [None]}), 400, "does not lead to a null"
    ),
    "a negative index": (mapped("variables.file.-1", variables={"file": [None]}), 400, "does not lead to a null"),
    "an endless index": (
        mapped("variables.file." + "1" * 9_000, variables={"file": [None]}), 400, "does not lead to a null"
    ),
    "an index in other digits": (
        mapped("variables.file.\N{SUPERSCRIPT TWO}", variables={"file": [None] * 3}), 400, "does not lead to a null"
    ),
    "an endless path": (mapped("variables" + ".x" * 9_000), 400, "does not lead to a null"),
    "one place for two paths": (mapped("variables.file", "variables.file"), 400, "one place in the variables"),
    "one place for two files": (
        form(operations(file=None), places(f=FILE, g=FILE), part("f", "x", "a"), part("g", "y", "b")),
        400, "one place in the variables",
    ),
    "variables that are null": (mapped("variables.file", variables=[]), 400, "'variables' must be"),
    "nested brackets": (form(part("operations", DEEP[:9_000])), 400, "'operations' is not JSON"),
    "a huge field": (form(part("operations", " " * 30_000)), 413, "'operations' is larger than 20000 bytes"),
    "a huge map": (form(operations(file=None), part("map", " " * 30_000)), 413, "'map' is larger"),
    "too many files": (many(4), 413, "has 4 files; 3 are allowed"),
    "hundreds of files": (many(300), 413, "has 300 files; 3 are allowed"),
    "thousands of files": (many(2_000), 413, "'map' is larger than 20000 bytes"),
    "thousands of parts": (
        form(operations(file=None), places(f=FILE), *[part(f"x{n}", "") for n in range(3_000)]),
        400, "'x0' is not in the field 'map'",
    ),
    "a large file": (upload("x" * 200_000), 413, "The file 'f' is larger than 100000 bytes"),
    "a part without a name": (
        form(operations(file=None), f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n".encode()),
        400, "with a name",
    ),
    "a part without a disposition": (
        form(operations(file=None), f"--{BOUNDARY}\r\nContent-Type: text/plain\r\n\r\nx\r\n".encode()),
        400, "one header Content-Disposition",
    ),
    "a part with two dispositions": (
        upload("x", "a.txt", 'Content-Disposition: form-data; name="g"'), 400, "one header Content-Disposition"
    ),
    "an attachment": (
        form(f'--{BOUNDARY}\r\nContent-Disposition: attachment; name="operations"\r\n\r\n{{}}\r\n'.encode()),
        400, "of form-data",
    ),
    "an endless header": (upload("x", "a.txt", f"X-Long: {'x' * 10_000}"), 400, "not well-formed"),
    "endless headers": (upload("x", "a.txt", *[f"X-{n}: x" for n in range(100)]), 400, "not well-formed"),
    "a file name with a NUL": (upload("x", "a\0.txt"), 400, "control character"),
    "a file name with an escape": (upload("x", "\x1b[2Ja.txt"), 400, "control character"),
    "a field name with a line feed": (
        form(operations(file=None), places(f=FILE), part("f\n", "x", "a")), 400, "control character"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_malformed_form_is_refused_with_a_reason(case: str, server: ToyServer) -> None:
    body, status, reason = MALFORMED[case]
    answered, message = await sent(server, body)
    assert (answered, reason in message) == (status, True), message
    # The server goes on.
    assert await sent(server, upload()) == (200, "")


async def test_a_body_that_is_larger_than_the_limit_is_not_read(server: ToyServer) -> None:
    for declared in (True, False):
        body = upload("x" * 400_000)

        async def pieces(body: bytes = body) -> AsyncIterator[bytes]:
            for start in range(0, len(body), 50_000):
                yield body[start : start + 50_000]

        async with httpx2.AsyncClient(timeout=30) as client:
            content: Any = body if declared else pieces()
            response = await client.post(server.url, content=content, headers=form_headers())
        assert response.status_code == 413
        # Without a length, the file's own limit is reached first.
        assert "is larger than" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        (f"multipart/form-data; boundary={'b' * 5_000}", 400),
        (f"multipart/form-data; charset=utf-16; boundary={BOUNDARY}", 415),
        (f"multipart/mixed; boundary={BOUNDARY}", 415),
        (f"multipart/form-datax; boundary={BOUNDARY}", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
async def test_another_content_type_is_refused(
    content_type: str, status: int, server: ToyServer
) -> None:
    answered, _ = await sent(server, upload(), content_type=content_type)
    assert answered == status


async def test_a_compressed_form_is_refused(server: ToyServer) -> None:
    assert (await sent(server, upload(), content_encoding="gzip"))[0] == 415


# What a page of another site can send without a preflight: these headers, and cookies.
SIMPLE = {"cookie": "__Host-watchword=x", "origin": "https://evil.example.com", "accept": "*/*"}


@pytest.mark.parametrize("value", [None, ""])
async def test_a_form_of_another_site_is_refused(value: str | None, server: ToyServer) -> None:
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **SIMPLE}
    if value is not None:
        headers["graphql-require-preflight"] = value
    async with httpx2.AsyncClient() as client:
        response = await client.post(server.url, content=upload(), headers=headers)
    assert response.status_code == 400
    error = response.json()["errors"][0]
    assert "GraphQL-Require-Preflight: 1" in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "header",
    [
        {"authorization": "Bearer alice"},
        {"apollo-require-preflight": "true"},
        {"x-apollo-operation-name": "Read"},
        {"graphql-require-preflight": "1"},
    ],
)
async def test_a_header_that_needs_a_preflight_is_enough(
    header: dict[str, str], server: ToyServer
) -> None:
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **header}
    async with httpx2.AsyncClient() as client:
        response = await client.post(server.url, content=upload(), headers=headers)
    assert response.json()["data"]["read"].startswith("a.txt ")


class Slow:
    """A client that sends the head of a request with a file, and then what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def begin(cls, server: ToyServer, body: bytes, token: str = "alice") -> Slow:
        url = httpx2.URL(server.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = [
            f"POST {url.path} HTTP/1.1",
            f"host: {url.host}",
            f"authorization: Bearer {token}",
            f"content-type: multipart/form-data; boundary={BOUNDARY}",
            f"content-length: {len(body)}",
        ]
        writer.write("\r\n".join([*head, "", ""]).encode())
        return cls(reader, writer)

    async def answer(self) -> tuple[int, str]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith("content-length:"))
        body = await self.reader.readexactly(length)
        return int(lines[0].split()[1]), body.decode()


@pytest.mark.parametrize(
    ("token", "code"), [("bad", "UNAUTHENTICATED"), ("expired", "TOKEN_EXPIRED")]
)
async def test_a_refused_token_is_answered_before_the_body_is_read(
    token: str, code: str, server: ToyServer
) -> None:
    slow = await Slow.begin(server, upload(), token)
    status, answer = await slow.answer()
    slow.writer.close()
    assert status == 401
    assert code in answer


async def test_a_body_that_is_too_slow_is_answered_with_408(
    server: ToyServer, clock: MovedClock, tmp_path: Path
) -> None:
    body = upload("x" * 50_000)
    slow = await Slow.begin(server, body)
    slow.writer.write(body[:30_000])
    await until(lambda: bool(open_files(tmp_path)))
    clock.move(LIMITS["upload_seconds"])
    status, answer = await slow.answer()
    slow.writer.close()
    assert status == 408
    assert "took longer than 20 s" in answer


async def test_a_form_has_its_own_time_and_not_that_of_other_bodies(
    server: ToyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.1)
    body = upload("x" * 50_000)
    slow = await Slow.begin(server, body)
    slow.writer.write(body[:30_000])
    await until(lambda: bool(open_files(tmp_path)))
    # The time of any other body passes.
    url = httpx2.URL(server.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n")
    writer.write(b"content-length: 9\r\n\r\n{")
    assert (await reader.read()).startswith(b"HTTP/1.1 408")
    writer.close()
    slow.writer.write(body[30_000:])
    assert (await slow.answer())[0] == 200
    slow.writer.close()


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
async def test_a_client_that_disconnects_leaves_no_file(
    cut: float, server: ToyServer, tmp_path: Path
) -> None:
    body = upload("x" * 50_000)
    slow = await Slow.begin(server, body)
    slow.writer.write(body[: int(len(body) * cut)])
    await until(lambda: bool(open_files(tmp_path)))
    slow.writer.transport.abort()
    await until(lambda: not open_files(tmp_path))


async def test_a_token_that_is_revoked_while_the_body_arrives_is_refused(
    server: ToyServer, clock: MovedClock, tmp_path: Path
) -> None:
    body = upload("x" * 50_000)
    slow = await Slow.begin(server, body)
    slow.writer.write(body[:30_000])
    await until(lambda: bool(open_files(tmp_path)))
    clock.time += 10_000  # no timer runs: the body's own limit does not
    slow.writer.write(body[30_000:])
    status, answer = await slow.answer()
    slow.writer.close()
    assert status == 401
    assert "TOKEN_EXPIRED" in answer


async def test_files_are_closed_when_the_operation_takes_too_long(
    server: ToyServer, clock: MovedClock, tmp_path: Path
) -> None:
    query = "mutation($file: Upload!) { wait(file: $file) }"
    body = form(operations(query, file=None), places(f=FILE), part("f", "x" * 50_000, "a"))
    upload_schema.waiting.clear()
    asked = asyncio.create_task(sent(server, body))
    await upload_schema.waiting.wait()
    assert open_files(tmp_path)
    clock.move(server.pipeline.settings.operation_seconds)
    assert (await asked)[0] == 504
    assert upload_schema.kept.pop().file.closed


async def test_only_so_many_forms_are_read_at_a_time(clock: MovedClock, tmp_path: Path) -> None:
    body = upload()
    async with toy_server(
        clock, upload_schema.schema, home=tmp_path, max_uploads_per_address=2
    ) as server:
        waiting = [await Slow.begin(server, body) for _ in range(3)]
        refused = await asyncio.wait(
            {asyncio.create_task(each.answer()) for each in waiting},
            return_when=asyncio.FIRST_COMPLETED,
        )
        (first,) = refused[0]
        assert first.result()[0] == 429
        assert "Too many requests with files" in first.result()[1]
        for each in waiting:
            each.writer.write(body)
        answers = await asyncio.gather(*refused[1])
        assert [status for status, _ in answers] == [200, 200]
        assert await sent(server, body) == (200, "")
        for each in waiting:
            each.writer.close()
